#include "journal/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/file.h"

const char dure_manifest_first[] = "# dure backup 1\n";

static enum dure_err check_empty(const char *path, struct dure_error *error)
{
    DIR *folder = opendir(path);
    if (!folder)
        return dure_fail(error, dure_file_errno(errno), "opening %s: %s", path, strerror(errno));
    const char *found = NULL;
    for (const struct dirent *entry; !found && (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            found = entry->d_name;
    const enum dure_err err =
        found ? dure_fail(error, DURE_E_STATE,
                          "%s is not empty (it holds %s): name an empty or a new folder; nothing was changed", path,
                          found)
              : DURE_OK;
    closedir(folder);
    return err;
}

enum dure_err dure_folder_open(struct dure_folder *folder, const char *path, struct dure_error *error)
{
    *folder = (struct dure_folder){.made = mkdir(path, 0700) == 0};
    if (!folder->made && errno != EEXIST)
        return dure_fail(error, dure_file_errno(errno), "creating %s: %s", path, strerror(errno));
    const enum dure_err err = folder->made ? DURE_OK : check_empty(path, error);
    if (err)
        return err;
    folder->path = strdup(path);
    if (folder->path)
        return DURE_OK;
    if (folder->made)
        rmdir(path);
    return dure_fail(error, DURE_E_MEMORY, "out of memory");
}

enum dure_err dure_folder_add(struct dure_folder *folder, const char *name, struct dure_error *error)
{
    char *path = dure_file_path(folder->path, "snapshots");
    enum dure_err err = path ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err && strncmp(name, "snapshots/", 10) == 0 && !folder->made_snapshots) {
        folder->made_snapshots = mkdir(path, 0700) == 0;
        if (!folder->made_snapshots)
            err = dure_fail(error, dure_file_errno(errno), "creating %s: %s", path, strerror(errno));
    }
    free(path);
    if (!err && folder->file_count == DURE_FOLDER_FILES_MAX)
        err = dure_fail(error, DURE_E_LIMIT, "a backup holds at most %d files", DURE_FOLDER_FILES_MAX);
    if (err)
        return err;
    folder->file[folder->file_count] = strdup(name);
    if (!folder->file[folder->file_count])
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    folder->file_count++;
    return DURE_OK;
}

enum dure_err dure_folder_sync(struct dure_folder *folder, struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    if (folder->made_snapshots) {
        char *path = dure_file_path(folder->path, "snapshots");
        err = path ? dure_file_sync_directory(path, error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
        free(path);
    }
    return err ? err : dure_file_sync_directory(folder->path, error);
}

static void remove_in(const struct dure_folder *folder, const char *name, bool is_folder)
{
    char *path = dure_file_path(folder->path, name);
    if (path && is_folder)
        rmdir(path);
    else if (path)
        unlink(path);
    free(path);
}

void dure_folder_close(struct dure_folder *folder, bool keep)
{
    for (unsigned i = 0; i < folder->file_count; i++) {
        if (!keep)
            remove_in(folder, folder->file[i], false);
        free(folder->file[i]);
    }
    if (!keep && folder->made_snapshots)
        remove_in(folder, "snapshots", true);
    if (!keep && folder->made)
        rmdir(folder->path);
    free(folder->path);
    *folder = (struct dure_folder){0};
}
