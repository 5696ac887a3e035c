/* Changing jobs after their submission: modify, requeue. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/handlers.h"
#include "cli/job_name.h"
#include "cli/node.h"

static struct dure_tree *list_of(struct dure_cli *cli, struct dure_tree *map, const char *key, char *value)
{
    struct dure_tree *list = dure_node_child(cli->arena, map, key, DURE_TREE_LIST);
    for (char *rest = value, *word = strsep(&rest, ","); list && word; word = strsep(&rest, ","))
        if (!dure_node_text(cli->arena, list, NULL, word, true, 0, 0))
            return NULL;
    return list;
}

static bool is_number(const char *text)
{
    text += *text == '-';
    return *text && !text[strspn(text, "0123456789.")];
}

static bool is_plain(const char *text)
{
    return is_number(text) || !strcmp(text, "true") || !strcmp(text, "false");
}

/* "level=required:rack", "spread=rack:2". */
static const struct dure_tree *pair_of(struct dure_cli *cli, struct dure_tree *map, const char *key, const char *value,
                                       const char *colon)
{
    struct dure_tree *inner = dure_node_child(cli->arena, map, key, DURE_TREE_MAP);
    const char *first = dure_arena_strndup(cli->arena, value, (size_t)(colon - value));
    if (!inner || !first)
        return NULL;
    if (!strcmp(key, "level"))
        return dure_node_text(cli->arena, inner, first, colon + 1, true, 0, 0);
    return dure_node_text(cli->arena, inner, "level", first, true, 0, 0)
               ? dure_node_text(cli->arena, inner, "max", colon + 1, !is_plain(colon + 1), 0, 0)
               : NULL;
}

/* "key=value" as an entry of the map. An exit code. */
static int add_change(struct dure_cli *cli, struct dure_tree *map, const char *word)
{
    const char *equals = strchr(word, '=');
    char *key = equals && equals != word ? dure_arena_strndup(cli->arena, word, (size_t)(equals - word)) : NULL;
    char *value = equals ? dure_arena_strdup(cli->arena, equals + 1) : NULL;
    if (!equals || equals == word || !equals[1])
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "found '%s', expected field=value such as walltime=2h", word);
    if (!key || !value)
        return dure_cli_memory(cli);
    if (dure_tree_get(map, key))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s is given twice", key);
    const bool many = !strcmp(key, "models") && strcmp(value, "any") != 0 && strcmp(value, "none") != 0;
    const char *colon = !strcmp(key, "level") || !strcmp(key, "spread") ? strchr(value, ':') : NULL;
    const struct dure_tree *made;
    if (many) {
        made = list_of(cli, map, key, value);
    } else if (colon) {
        made = pair_of(cli, map, key, value, colon);
    } else {
        made = dure_node_text(cli->arena, map, key, value, !is_plain(value), 0, 0);
    }
    return made ? DURE_EXIT_OK : dure_cli_memory(cli);
}

int dure_cmd_modify(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    char path[DURE_JOB_PATH_MAX];
    json_t *answer = NULL;
    struct dure_tree *map = dure_node_map(cli->arena, 0, 0);
    dure_buf_init(&body, 1 << 16);
    if (!map)
        return dure_cli_memory(cli);
    int code = dure_job_path(cli, cli->argv[0], "/modify", path);
    for (int i = 1; i < cli->argc && !code; i++)
        code = add_change(cli, map, cli->argv[i]);
    if (code)
        return code;
    dure_tree_to_json(map, &body);
    if (body.failed)
        return dure_cli_memory(cli);
    code = dure_cli_call(cli,
                         &(struct dure_cli_call){.method = "POST",
                                                 .path = path,
                                                 .body = body.data,
                                                 .body_length = body.length,
                                                 .tree = map,
                                                 .file = "options"},
                         &answer);
    if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, answer);
    else if (!code)
        fprintf(cli->screen.out, "Job %s modified.\n", cli->argv[0]);
    json_decref(answer);
    return code;
}

int dure_cmd_requeue(struct dure_cli *cli)
{
    const bool hold = dure_cli_flag(cli, "hold");
    const char *body = hold ? "{\"hold\":true}" : "{}";
    int first = DURE_EXIT_OK;
    json_t *all = json_array();
    if (!all)
        return dure_cli_memory(cli);
    for (int i = 0; i < cli->argc; i++) {
        char path[DURE_JOB_PATH_MAX];
        json_t *answer = NULL;
        int code = dure_job_path(cli, cli->argv[i], "/requeue", path);
        if (!code)
            code = dure_cli_call(
                cli, &(struct dure_cli_call){.method = "POST", .path = path, .body = body, .body_length = strlen(body)},
                &answer);
        if (code && !first)
            first = code;
        if (code == DURE_EXIT_NO_DAEMON)
            break;
        if (!code && dure_cli_json(cli))
            json_array_append(all, answer);
        else if (!code)
            fprintf(cli->screen.out, "Job %s is warned, stopped after its grace, and queued again%s.\n", cli->argv[i],
                    hold ? ", held" : "");
        json_decref(answer);
    }
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, cli->argc == 1 && json_array_size(all) == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return first;
}
