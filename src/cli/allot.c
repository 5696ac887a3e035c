/* Allotments: show, grant, shrink, end. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/allot.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/handlers.h"
#include "cli/node.h"
#include "cli/render.h"

static bool within(const char *path, const char *above)
{
    const size_t length = strlen(above);
    return strncmp(path, above, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static bool named(const struct dure_cli *cli, const char *name)
{
    for (int i = 0; i < cli->argc; i++)
        if (strcmp(cli->argv[i], name) == 0)
            return true;
    return cli->argc == 0;
}

int dure_cmd_allot_show(struct dure_cli *cli)
{
    json_t *answer = NULL, *rows = NULL;
    const char *tenant = dure_cli_text(cli, "tenant");
    int code = dure_cli_get(cli, "/v1/allotments", NULL, &answer);
    if (code)
        return code;
    const json_t *all = json_object_get(answer, "allotments");
    rows = json_array();
    for (size_t i = 0; i < json_array_size(all); i++) {
        json_t *row = json_array_get(all, i);
        const bool ended = strcmp(dure_json_text(row, "state", ""), "ended") == 0;
        if ((ended && !dure_cli_flag(cli, "all") && cli->argc == 0) || !named(cli, dure_json_text(row, "name", "")) ||
            (tenant && !within(dure_json_text(row, "tenant", ""), tenant)))
            continue;
        json_array_append(rows, row);
    }
    if (cli->argc > 0 && json_array_size(rows) == 0) {
        code = dure_cli_fail(cli, DURE_EXIT_NOT_FOUND, "no allotment '%s'; `dure allot` lists them", cli->argv[0]);
    } else if (dure_cli_json(cli)) {
        json_t *wrapped = json_pack("{s:O}", "allotments", rows);
        dure_cli_print_json(cli, wrapped);
        json_decref(wrapped);
    } else if (dure_render_allotments(&cli->screen, rows)) {
        code = dure_cli_memory(cli);
    }
    json_decref(rows);
    json_decref(answer);
    return code;
}

int dure_allot_post(struct dure_cli *cli, const struct dure_tree *tree, const char *file, bool preview, const char *key,
                    json_t **ret_answer)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    dure_buf_init(&body, 1 << 20);
    dure_tree_to_json(tree, &body);
    if (body.failed)
        return dure_cli_memory(cli);
    return dure_cli_call(cli,
                         &(struct dure_cli_call){.method = "POST",
                                                 .path = "/v1/allotments",
                                                 .query = preview ? "preview=true" : NULL,
                                                 .body = body.data,
                                                 .body_length = body.length,
                                                 .tree = tree,
                                                 .file = file,
                                                 .key = key},
                         ret_answer);
}

/* Options that the daemon reads as they are, under the declaration's own field names. */
static struct dure_tree *declaration(struct dure_cli *cli)
{
    static const char *const fields[] = {"tenant", "group", "chain", "owner", "model", "from", "until", "after"};
    struct dure_tree *map = dure_node_map(cli->arena, 0, 0);
    struct dure_tree *last = dure_node_text(cli->arena, map, "name", cli->argv[0], true, 0, 0);
    for (size_t i = 0; last && i < sizeof fields / sizeof *fields; i++)
        if (dure_cli_given(cli, fields[i]))
            last = dure_node_text(cli->arena, map, fields[i], dure_cli_text(cli, fields[i]), true, 0, 0);
    if (last && dure_cli_given(cli, "gpus"))
        last = dure_node_text(cli->arena, map, "gpus", dure_cli_text(cli, "gpus"), false, 0, 0);
    if (last && dure_cli_given(cli, "cells")) {
        last = dure_node_text(cli->arena, map, "count", dure_cli_text(cli, "cells"), false, 0, 0);
        last = last ? dure_node_text(cli->arena, map, "level",
                                     dure_cli_given(cli, "level") ? dure_cli_text(cli, "level") : "gpu", true, 0, 0)
                    : NULL;
    }
    return last ? map : NULL;
}

int dure_cmd_allot_grant(struct dure_cli *cli)
{
    json_t *answer = NULL;
    const bool preview = dure_cli_flag(cli, "preview");
    if (!dure_cli_given(cli, "tenant"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "to whom? --tenant is missing");
    if (!dure_cli_given(cli, "group") + !dure_cli_given(cli, "chain") + !dure_cli_given(cli, "owner") != 2)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "of what? expected one of --group, --chain, and --owner with --model");
    if (dure_cli_given(cli, "gpus") == dure_cli_given(cli, "cells"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "how much? expected one of --cells (with --level) and --gpus");
    if (dure_cli_given(cli, "gpus") && dure_cli_given(cli, "level"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "--level goes with --cells; --gpus become the largest whole cells by themselves");
    struct dure_tree *tree = declaration(cli);
    if (!tree)
        return dure_cli_memory(cli);
    int code = dure_allot_post(cli, tree, "options", preview, NULL, &answer);
    if (!code) {
        char said[256];
        snprintf(said, sizeof said, preview ? "%s could be granted; nothing was changed." : "%s is granted.",
                 cli->argv[0]);
        code = dure_apply_say(cli, answer, said);
    }
    json_decref(answer);
    return code;
}

static int change(struct dure_cli *cli, const char *name, const char *tail, const char *body, const char *done)
{
    DURE_CLEANUP_BUF struct dure_buf path;
    json_t *answer = NULL;
    char said[512];
    const bool preview = dure_cli_flag(cli, "preview");
    dure_buf_init(&path, 1 << 16);
    dure_buf_str(&path, "/v1/allotments/");
    dure_client_escape(name, &path);
    dure_buf_str(&path, tail);
    if (path.failed)
        return dure_cli_memory(cli);
    int code = dure_cli_call(cli,
                             &(struct dure_cli_call){.method = "POST",
                                                     .path = path.data,
                                                     .query = preview ? "preview=true" : NULL,
                                                     .body = body,
                                                     .body_length = strlen(body)},
                             &answer);
    snprintf(said, sizeof said, preview ? "%s could be %s; nothing was changed." : "%s is %s.", name, done);
    if (!code)
        code = dure_apply_say(cli, answer, said);
    json_decref(answer);
    return code;
}

int dure_cmd_allot_shrink(struct dure_cli *cli)
{
    char body[64], done[64];
    if (!dure_cli_given(cli, "cells"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "to what size? --cells is missing");
    const int64_t cells = dure_cli_count(cli, "cells");
    snprintf(body, sizeof body, "{\"cells\":%" PRId64 "}", cells);
    snprintf(done, sizeof done, "shrunk to %" PRId64 " cell%s", cells, cells == 1 ? "" : "s");
    return change(cli, cli->argv[0], "/shrink", body, done);
}

int dure_cmd_allot_end(struct dure_cli *cli)
{
    int first = DURE_EXIT_OK;
    for (int i = 0; i < cli->argc; i++) {
        const int code = change(cli, cli->argv[i], "/end", "{}", "ended");
        if (code && !first)
            first = code;
        if (code == DURE_EXIT_NO_DAEMON)
            break;
    }
    return first;
}
