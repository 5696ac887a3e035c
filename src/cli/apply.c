/* Declaring fleet and tenants from files. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/handlers.h"
#include "model/fleet.h"
#include "model/tenants.h"

int dure_apply_check_fleet(struct dure_cli *cli, const struct dure_tree *tree, const char *file,
                           struct dure_fleet **ret_fleet)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    if (!problems)
        return dure_cli_memory(cli);
    *problems = (struct dure_problems){.file = file};
    const enum dure_err err = dure_fleet_parse(tree, ret_fleet, problems);
    if (err == DURE_E_INVALID || (err && problems->count > 0))
        return dure_cli_problems(cli, problems);
    return err ? dure_cli_fail_err(cli, err, NULL, NULL) : DURE_EXIT_OK;
}

int dure_apply_put(struct dure_cli *cli, const char *path, const char *query, const struct dure_tree *tree,
                   const char *file, json_t **ret_answer)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    dure_buf_init(&body, (size_t)16 << 20);
    dure_tree_to_json(tree, &body);
    if (body.failed)
        return dure_cli_memory(cli);
    return dure_cli_call(cli,
                         &(struct dure_cli_call){.method = "PUT",
                                                 .path = path,
                                                 .query = query,
                                                 .body = body.data,
                                                 .body_length = body.length,
                                                 .tree = tree,
                                                 .file = file},
                         ret_answer);
}

/* What a write or its preview answered, in words where the daemon has words. */
int dure_apply_say(struct dure_cli *cli, const json_t *answer, const char *fallback)
{
    const char *text = dure_json_text(answer, "text", NULL);
    if (dure_cli_json(cli)) {
        dure_cli_print_json(cli, answer ? answer : json_null());
        return DURE_EXIT_OK;
    }
    if (!text)
        text = dure_json_text(answer, "effect", dure_json_text(answer, "preview", fallback));
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 1 << 20);
    for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        char line[2048];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        dure_term_wrap(&buf, line, 0, 0, cli->screen.width);
    }
    dure_cli_print(cli, &buf);
    return DURE_EXIT_OK;
}

int dure_cmd_fleet_apply(struct dure_cli *cli)
{
    struct dure_problems problems;
    struct dure_fleet *fleet = NULL;
    json_t *answer = NULL;
    char said[160], gpus[32], nodes[32];
    struct dure_tree *tree = dure_cli_spec(cli, cli->argv[0], &problems);
    if (!tree)
        return DURE_EXIT_USAGE;
    int code = dure_apply_check_fleet(cli, tree, cli->argv[0], &fleet);
    if (code)
        return code;
    const bool preview = dure_cli_flag(cli, "preview");
    snprintf(said, sizeof said, "%s: %s GPU%s on %s node%s%s.", preview ? "Well formed" : "Declared",
             dure_text_grouped(fleet->gpu_count, gpus), fleet->gpu_count == 1 ? "" : "s",
             dure_text_grouped(fleet->node_count, nodes), fleet->node_count == 1 ? "" : "s",
             preview ? "; it may be applied, and nothing was changed" : "");
    dure_fleet_free(fleet);
    code = dure_apply_put(cli, "/v1/fleet", preview ? "preview=true" : NULL, tree, cli->argv[0], &answer);
    if (!code)
        code = dure_apply_say(cli, answer, said);
    json_decref(answer);
    return code;
}

/* The daemon's fleet, for checking names here with line and column. NULL: it could not be had; the daemon then checks alone. */
struct dure_fleet *dure_apply_fleet(struct dure_cli *cli)
{
    json_t *spec = NULL;
    struct dure_fleet *fleet = NULL;
    struct dure_error error;
    if (dure_cli_call(cli, &(struct dure_cli_call){.method = "GET", .path = "/v1/fleet/spec", .quiet = true}, &spec) !=
            DURE_EXIT_OK ||
        !spec)
        return NULL;
    char *text = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
    if (text && dure_fleet_from_json(text, strlen(text), &fleet, &error) != DURE_OK)
        fleet = NULL;
    free(text);
    json_decref(spec);
    return fleet;
}

static int check_tenants(struct dure_cli *cli, const struct dure_tree *tree, const char *file)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct dure_fleet *fleet = dure_apply_fleet(cli);
    struct dure_tenants *tenants = NULL;
    int code = DURE_EXIT_OK;
    if (!fleet)
        return DURE_EXIT_OK;
    if (!problems) {
        dure_fleet_free(fleet);
        return dure_cli_memory(cli);
    }
    *problems = (struct dure_problems){.file = file};
    const enum dure_err err = dure_tenants_parse(tree, fleet, &tenants, problems);
    if (err && problems->count > 0)
        code = dure_cli_problems(cli, problems);
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    return code;
}

int dure_cmd_tenants_apply(struct dure_cli *cli)
{
    struct dure_problems problems;
    json_t *answer = NULL;
    const bool preview = dure_cli_flag(cli, "preview"), give_up = dure_cli_flag(cli, "give-up-operator");
    const char *query = preview && give_up ? "preview=true&give_up_operator=true"
                        : preview          ? "preview=true"
                        : give_up          ? "give_up_operator=true"
                                           : NULL;
    struct dure_tree *tree = dure_cli_spec(cli, cli->argv[0], &problems);
    if (!tree)
        return DURE_EXIT_USAGE;
    int code = check_tenants(cli, tree, cli->argv[0]);
    if (!code)
        code = dure_apply_put(cli, "/v1/tenants", query, tree, cli->argv[0], &answer);
    if (!code)
        code = dure_apply_say(cli, answer,
                              preview ? "Well formed; it may be applied, and nothing was changed." : "Declared.");
    json_decref(answer);
    return code;
}
