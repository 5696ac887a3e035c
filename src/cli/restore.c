/* `dure restore`: an empty state folder from a backup, in place only after it was read and replayed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/handlers.h"
#include "cli/paths.h"
#include "journal/journal.h"
#include "loop/recover.h"

static int put_key(struct dure_cli *cli, const char *from)
{
    char path[DURE_CLI_PATH_MAX + 8];
    size_t length;
    const char *text = dure_cli_read(cli, from, 65536, &length);
    if (!text)
        return DURE_EXIT_USAGE;
    snprintf(path, sizeof path, "%s/key", cli->state);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool written = fd >= 0 && write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    const int failed = errno;
    if (fd >= 0)
        close(fd);
    return written ? DURE_EXIT_OK : dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", path, strerror(failed));
}

/* The restored folder must hold what the records say: replay, digests compared. */
static int replay(struct dure_cli *cli, struct dure_recovery *recovery)
{
    struct dure_error error = {0};
    struct dure_journal *journal = NULL;
    const struct dure_journal_options options = {.directory = cli->state, .read_only = true};
    enum dure_err err = dure_journal_open(&options, &journal, &error);
    if (!err)
        err = dure_recover(journal, NULL, recovery, NULL, NULL, &error);
    dure_journal_close(journal);
    if (err)
        return dure_cli_fail(cli, DURE_EXIT_NO, "the copy was made in %s but does not replay: %s", cli->state,
                             error.text);
    dure_core_free(recovery->core);
    return DURE_EXIT_OK;
}

/* Every folder above the state folder. */
static bool make_parents(const char *path)
{
    char part[DURE_CLI_PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

int dure_cmd_restore(struct dure_cli *cli)
{
    struct dure_error error = {0};
    struct dure_recovery recovery = {0};
    char backup[DURE_CLI_PATH_MAX], key[DURE_CLI_PATH_MAX + 8];
    if (!dure_cli_absolute(cli->argv[0], backup))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "the directory's name is too long");
    if (!make_parents(cli->state))
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", cli->state, strerror(errno));
    const enum dure_err err = dure_journal_restore(backup, cli->state, &error);
    if (err)
        return dure_cli_fail_err(cli, err, &error, NULL);
    int code = replay(cli, &recovery);
    if (!code && dure_cli_given(cli, "key"))
        code = put_key(cli, dure_cli_text(cli, "key"));
    if (code)
        return code;
    snprintf(key, sizeof key, "%s/key", cli->state);
    const bool signs = access(key, F_OK) == 0;
    if (dure_cli_json(cli)) {
        json_t *json = json_pack("{s:s, s:I, s:I, s:b}", "state", cli->state, "leaves", (json_int_t)recovery.size,
                                 "records", (json_int_t)recovery.records, "key", signs);
        dure_cli_print_json(cli, json);
        json_decref(json);
        return DURE_EXIT_OK;
    }
    fprintf(cli->screen.out, "Restored to %s: %" PRIu64 " leaves, replayed, every digest the same.\n", cli->state,
            recovery.size);
    fprintf(cli->screen.out,
            signs ? "Next: dure up\n" : "The signing key is missing: put it at %s (mode 0600), then: dure up\n", key);
    return DURE_EXIT_OK;
}
