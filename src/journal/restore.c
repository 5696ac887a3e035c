#include <stdlib.h>
#include <string.h>

#include "journal/file.h"
#include "journal/folder.h"
#include "journal/journal.h"
#include "journal/snapfile.h"

enum { MANIFEST_MAX = 64 * 1024, LINE_NAME = 66 };

/* A manifest names files of a backup, never a path out of it. */
static bool name_ok(const char *name)
{
    uint64_t sequence;
    static const char folder[] = "snapshots/";
    return strcmp(name, "journal.db") == 0 || strcmp(name, "checkpoint") == 0 || strcmp(name, "key") == 0 ||
           (strncmp(name, folder, sizeof folder - 1) == 0 && dure_snap_parse_name(name + sizeof folder - 1, &sequence));
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<64 hex>  name" */
static bool parse_line(const char *line, uint8_t ret_sha256[32], const char **ret_name)
{
    if (strlen(line) <= LINE_NAME || line[64] != ' ' || line[65] != ' ')
        return false;
    for (unsigned i = 0; i < 32; i++) {
        const int high = hex(line[2 * i]), low = hex(line[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_sha256[i] = (uint8_t)(high << 4 | low);
    }
    *ret_name = line + LINE_NAME;
    return name_ok(*ret_name);
}

static enum dure_err copy_one(const char *backup, struct dure_folder *folder, const char *name, const uint8_t want[32],
                              struct dure_error *error)
{
    char *from = dure_file_path(backup, name), *to = dure_file_path(folder->path, name);
    uint8_t got[32];
    enum dure_err err =
        from && to ? dure_folder_add(folder, name, error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err)
        err = dure_file_copy(from, to, got, error);
    if (!err && memcmp(got, want, sizeof got) != 0)
        err = dure_fail(error, DURE_E_CORRUPT,
                        "%s is not what the backup's MANIFEST states: this backup is damaged, use an older one", from);
    free(from);
    free(to);
    return err;
}

static enum dure_err copy_all(const char *backup, char *manifest, struct dure_folder *folder, struct dure_error *error)
{
    bool has_journal = false;
    char *rest = manifest;
    enum dure_err err = DURE_OK;
    for (char *line; !err && (line = strsep(&rest, "\n"));) {
        uint8_t sha256[32];
        const char *name = NULL;
        if (!line[0] || line[0] == '#')
            continue;
        if (!parse_line(line, sha256, &name))
            return dure_fail(error, DURE_E_CORRUPT, "%s/MANIFEST: `%.100s` is not `<sha256>  <file of a backup>`",
                             backup, line);
        err = copy_one(backup, folder, name, sha256, error);
        has_journal = has_journal || strcmp(name, "journal.db") == 0;
    }
    if (!err && !has_journal)
        err = dure_fail(error, DURE_E_CORRUPT, "%s/MANIFEST names no journal.db", backup);
    return err ? err : dure_folder_sync(folder, error);
}

enum dure_err dure_journal_restore(const char *backup, const char *directory, struct dure_error *error)
{
    struct dure_buf manifest DURE_CLEANUP_BUF;
    dure_buf_init(&manifest, MANIFEST_MAX);
    char *path = dure_file_path(backup, "MANIFEST");
    enum dure_err err =
        path ? dure_file_read(path, &manifest, error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
    free(path);
    if (err == DURE_E_NOT_FOUND)
        return dure_fail(error, err, "%s holds no MANIFEST: it is not a backup, or one that was cut short", backup);
    if (err)
        return err;
    if (manifest.length < strlen(dure_manifest_first) ||
        strncmp(manifest.data, dure_manifest_first, strlen(dure_manifest_first)) != 0)
        return dure_fail(error, DURE_E_VERSION, "%s/MANIFEST does not begin with `%.*s`: another version wrote it",
                         backup, (int)strlen(dure_manifest_first) - 1, dure_manifest_first);
    struct dure_folder folder;
    err = dure_folder_open(&folder, directory, error);
    if (err)
        return err;
    err = copy_all(backup, manifest.data, &folder, error);
    dure_folder_close(&folder, !err);
    return err;
}
