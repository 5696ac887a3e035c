/* Verbs that ask for one thing and show it: show, why, fleet, tenants, nodes, version. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/handlers.h"
#include "cli/job_name.h"
#include "cli/render.h"

static int rendered(struct dure_cli *cli, enum dure_err err)
{
    return err ? dure_cli_memory(cli) : DURE_EXIT_OK;
}

int dure_cmd_show(struct dure_cli *cli)
{
    json_t *all = dure_cli_json(cli) ? json_array() : NULL;
    int code = DURE_EXIT_OK;
    for (int i = 0; i < cli->argc && !code; i++) {
        char path[DURE_JOB_PATH_MAX];
        json_t *job = NULL;
        code = dure_job_path(cli, cli->argv[i], "", path);
        if (!code)
            code = dure_cli_get(cli, path, NULL, &job);
        if (code)
            break;
        if (all) {
            json_array_append_new(all, job);
            continue;
        }
        if (i > 0)
            fputc('\n', cli->screen.out);
        code = rendered(cli, dure_render_job(&cli->screen, job));
        json_decref(job);
    }
    if (all && !code)
        dure_cli_print_json(cli, cli->argc == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return code;
}

int dure_cmd_why(struct dure_cli *cli)
{
    char path[DURE_JOB_PATH_MAX] = "/v1/queue/why";
    json_t *why = NULL;
    const bool queue = dure_cli_flag(cli, "queue");
    if (queue != (cli->argc == 0))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "expected a job's number, or --queue");
    int code = queue ? DURE_EXIT_OK : dure_job_path(cli, cli->argv[0], "/why", path);
    if (!code)
        code = dure_cli_get(cli, path, NULL, &why);
    if (code)
        return code;
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, why);
    else
        code = rendered(cli, queue ? dure_render_toll(&cli->screen, why) : dure_render_why(&cli->screen, why));
    json_decref(why);
    return code;
}

static int idle_once(struct dure_cli *cli, bool clear)
{
    char query[64];
    json_t *idle = NULL;
    snprintf(query, sizeof query, "for_us=%" PRId64, dure_cli_count(cli, "idle"));
    int code = dure_cli_get(cli, "/v1/fleet/idle", query, &idle);
    if (code)
        return code;
    if (clear)
        fputs("\033[H\033[2J", cli->screen.out);
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, idle);
    else
        code = rendered(cli, dure_render_idle(&cli->screen, json_object_get(idle, "allotments")));
    json_decref(idle);
    fflush(cli->screen.out);
    return code;
}

static int board_once(struct dure_cli *cli, bool clear)
{
    json_t *board = NULL;
    if (dure_cli_given(cli, "idle"))
        return idle_once(cli, clear);
    DURE_CLEANUP_BUF struct dure_buf path;
    const char *owner = dure_cli_text(cli, "owner");
    dure_buf_init(&path, 4096);
    dure_buf_str(&path, owner ? "/v1/owners/" : dure_cli_flag(cli, "spec") ? "/v1/fleet/spec" : "/v1/fleet");
    if (owner)
        dure_client_escape(owner, &path);
    int code = path.failed ? dure_cli_memory(cli) : dure_cli_get(cli, path.data, NULL, &board);
    if (code)
        return code;
    if (clear)
        fputs("\033[H\033[2J", cli->screen.out);
    if (!owner && dure_cli_flag(cli, "spec"))
        code = dure_spec_print(cli, board);
    else if (dure_cli_json(cli))
        dure_cli_print_json(cli, board);
    else if (owner)
        code = rendered(cli, dure_render_owner(&cli->screen, board));
    else
        code = rendered(cli, dure_render_board(&cli->screen, board, dure_cli_text(cli, "by")));
    json_decref(board);
    fflush(cli->screen.out);
    return code;
}

int dure_cmd_fleet(struct dure_cli *cli)
{
    const bool watch = dure_cli_flag(cli, "watch");
    const int64_t every = dure_cli_count(cli, "interval");
    const struct timespec pause = {.tv_sec = every / DURE_SECOND_US, .tv_nsec = every % DURE_SECOND_US * 1000};
    int code;
    if (watch)
        dure_cli_catch_interrupts();
    do {
        code = board_once(cli, watch && cli->screen.out_tty && !dure_cli_json(cli));
        if (watch && !code && !ferror(cli->screen.out))
            nanosleep(&pause, NULL);
    } while (watch && !code && !dure_cli_interrupted() && !ferror(cli->screen.out));
    return code;
}

int dure_cmd_tenants(struct dure_cli *cli)
{
    json_t *tenants = NULL;
    if (dure_cli_flag(cli, "spec"))
        return dure_spec_tenants(cli);
    int code = dure_cli_get(cli, "/v1/tenants", NULL, &tenants);
    if (code)
        return code;
    if (dure_cli_json(cli))
        dure_cli_print_json(cli, tenants);
    else
        code = rendered(cli, dure_render_tenants(&cli->screen, json_object_get(tenants, "tenants")));
    json_decref(tenants);
    return code;
}

static int nodes_named(struct dure_cli *cli)
{
    int code = DURE_EXIT_OK;
    json_t *all = json_array();
    for (int i = 0; i < cli->argc && !code; i++) {
        DURE_CLEANUP_BUF struct dure_buf path;
        json_t *node = NULL;
        dure_buf_init(&path, 1 << 16);
        dure_buf_str(&path, "/v1/nodes/");
        dure_client_escape(cli->argv[i], &path);
        code = path.failed ? dure_cli_memory(cli) : dure_cli_get(cli, path.data, NULL, &node);
        if (code)
            break;
        if (!dure_cli_json(cli)) {
            if (i > 0)
                fputc('\n', cli->screen.out);
            code = rendered(cli, dure_render_node(&cli->screen, node));
        }
        json_array_append_new(all, node);
    }
    if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, cli->argc == 1 ? json_array_get(all, 0) : all);
    json_decref(all);
    return code;
}

int dure_cmd_nodes(struct dure_cli *cli)
{
    static const char *const filters[][2] = {{"site", "site"}, {"owner", "owner"}, {"states", "state"}};
    DURE_CLEANUP_BUF struct dure_buf query = {0};
    json_t *rows = NULL;
    if (cli->argc > 0)
        return nodes_named(cli);
    dure_buf_init(&query, 1 << 16);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *value = dure_cli_text(cli, filters[i][0]);
        if (!value)
            continue;
        dure_buf_printf(&query, "%s%s=", query.length ? "&" : "", filters[i][1]);
        dure_client_escape(value, &query);
    }
    if (query.failed)
        return dure_cli_memory(cli);
    const uint64_t limit = (uint64_t)dure_cli_count(cli, "limit");
    int code = dure_cli_list(cli, "/v1/nodes", query.data, "nodes", limit, &rows);
    if (code)
        return code;
    if (dure_cli_json(cli)) {
        json_t *wrapped = json_pack("{s:O}", "nodes", rows);
        dure_cli_print_json(cli, wrapped);
        json_decref(wrapped);
    } else {
        code = rendered(cli, dure_render_nodes(&cli->screen, rows));
        if (!code && json_array_size(rows) == limit)
            dure_cli_note(cli, "only the first %zu nodes are shown; --limit raises that", json_array_size(rows));
    }
    json_decref(rows);
    return code;
}

/* What /healthz says: a held clock, a full disk, a recovery. False: there is no client to ask by. */
static bool ask_health(struct dure_cli *cli, struct dure_error *ret_error)
{
    int code = DURE_EXIT_OK;
    struct dure_client *client = dure_cli_client(cli, &code);
    if (!client)
        return false;
    if (dure_client_health(client, ret_error) == DURE_OK)
        dure_text_copy(ret_error->text, sizeof ret_error->text, "ok");
    return true;
}

int dure_cmd_version(struct dure_cli *cli)
{
    json_t *daemon = NULL;
    struct dure_error health = {0};
    struct dure_cli_call call = {.method = "GET", .path = "/v1/version", .quiet = true};
    const bool answered = dure_cli_call(cli, &call, &daemon) == DURE_EXIT_OK;
    const bool asked = answered && ask_health(cli, &health);
    if (dure_cli_json(cli)) {
        json_t *both = json_pack("{s:s, s:o?, s:s?}", "version", DURE_VERSION, "daemon",
                                 answered ? json_incref(daemon) : json_null(), "health", asked ? health.text : NULL);
        dure_cli_print_json(cli, both);
        json_decref(both);
    } else if (answered) {
        fprintf(cli->screen.out, "dure %s; dured %s, state in %s, listens on %s\n", DURE_VERSION,
                dure_json_text(daemon, "version", "?"), dure_json_text(daemon, "state_dir", "?"),
                dure_json_text(daemon, "socket", "?"));
        if (asked && strcmp(health.text, "ok") != 0)
            fprintf(cli->screen.out, "The daemon is not well: %s\n", health.text);
    } else {
        fprintf(cli->screen.out, "dure %s; no daemon answers on %s\n", DURE_VERSION, cli->socket);
    }
    json_decref(daemon);
    return DURE_EXIT_OK;
}
