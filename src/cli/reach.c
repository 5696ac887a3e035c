#include "cli/reach.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Made absolute, since a spec is read elsewhere. NULL: the message is out. */
static const char *absolute(struct dure_cli *cli, const char *option, const char *path)
{
    char whole[PATH_MAX];
    const char *kept = realpath(path, whole) ? dure_arena_strdup(cli->arena, whole) : NULL;
    if (!kept)
        (void)dure_cli_fail(cli, DURE_EXIT_USAGE, "--%s %s: %s", option, path, strerror(errno));
    return kept;
}

static int by_rest(struct dure_cli *cli, struct dure_slurm_site *site)
{
    const char *token_file = dure_cli_text(cli, "token-file"), *user = dure_cli_text(cli, "user");
    site->via = DURE_SLURM_REST;
    site->path = "";
    site->url = dure_cli_text(cli, "rest");
    if (token_file && !(site->token_file = absolute(cli, "token-file", token_file)))
        return DURE_EXIT_USAGE;
    if (user)
        site->user = user;
    if (strncmp(site->url, "http", 4) == 0 && !token_file)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "--rest %s: expected --token-file too: by HTTP nobody else says who we are", site->url);
    return DURE_EXIT_OK;
}

int dure_cli_reach(struct dure_cli *cli, struct dure_slurm_site *ret_site, bool *ret_given)
{
    struct dure_slurm_site site = dure_slurm_site_unsaid();
    const char *conf = dure_cli_text(cli, "slurm-conf"), *path = dure_cli_text(cli, "slurm-path");
    const bool rest = dure_cli_given(cli, "rest");
    int code = DURE_EXIT_OK;
    if (rest && (conf || dure_cli_given(cli, "slurm-path")))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "found --rest beside --slurm-%s, expected one way to reach Slurm",
                             conf ? "conf" : "path");
    if (!rest && (dure_cli_given(cli, "token-file") || dure_cli_given(cli, "user")))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "found a token without --rest URL, expected both");
    if (rest)
        code = by_rest(cli, &site);
    else if ((conf && !(site.conf = absolute(cli, "slurm-conf", conf))) ||
             !(site.path = absolute(cli, "slurm-path", path ? path : "/usr/bin")))
        code = DURE_EXIT_USAGE;
    if (!code) {
        *ret_site = site;
        *ret_given = rest || conf || dure_cli_given(cli, "slurm-path");
    }
    return code;
}
