/* A first start: the specs named on the command line become the first records. Later starts leave them alone: what was set lives in the journal. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/logins.h"
#include "dured/daemon.h"

enum { FILE_BYTES_MAX = 8 << 20, ARENA_BYTES_MAX = 1 << 30, STATUS_BAD_SPEC = 2 };

static bool read_file(const char *path, struct dure_buf *buf)
{
    char chunk[65536];
    size_t got;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        dure_buf_add(buf, chunk, got);
    if (ferror(file))
        buf->failed = true;
    fclose(file);
    return !buf->failed;
}

static void bad_spec(struct daemon *daemon, const struct dure_problems *problems, enum dure_err err)
{
    struct dure_buf text;

    dure_buf_init(&text, 65536);
    dure_problems_print(problems, &text);
    daemon_fail(daemon, STATUS_BAD_SPEC, "%s", text.length > 0 ? text.data : dure_err_sentence(err));
}

static void no_file(struct daemon *daemon, const char *path)
{
    daemon_fail(daemon, STATUS_BAD_SPEC, "%s: %s", path, errno != 0 ? strerror(errno) : "larger than 8 MiB");
}

/* Where nobody wrote down who may use it: a tenant for each owner with rights to all that the owner has, and who runs the daemon may do everything. */
static void default_tenants(const struct dure_fleet *fleet, struct dure_buf *yaml)
{
    const struct passwd *person = getpwuid(getuid());
    char number[32];
    const char *login = person != NULL ? person->pw_name : number;

    snprintf(number, sizeof number, "uid:%u", (unsigned)getuid());
    dure_buf_str(yaml, "kind: Tenants\nversion: 1\ntenants:\n");
    for (uint32_t i = 0; i < fleet->owner_count; i++) {
        dure_buf_printf(yaml, "  - name: %s\n    label: ", fleet->owners[i].name);
        dure_buf_json(yaml, fleet->owners[i].label);
        dure_buf_printf(yaml, "\n    owner: %s\n", fleet->owners[i].name);
    }
    if (fleet->chain_count > 0)
        dure_buf_str(yaml, "allotments:\n");
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        dure_buf_printf(yaml, "  - {name: %s, tenant: %s, chain: %s, level: node, count: %u}\n", fleet->chains[i].name,
                        fleet->owners[fleet->chains[i].owner.v].name, fleet->chains[i].name,
                        fleet->chains[i].node_count);
    dure_buf_str(yaml, "roles:\n  - {role: operator, login: ");
    dure_buf_json(yaml, login);
    dure_buf_str(yaml, "}\n");
    for (uint32_t i = 0; i < fleet->owner_count; i++) {
        dure_buf_str(yaml, "  - {role: member, login: ");
        dure_buf_json(yaml, login);
        dure_buf_printf(yaml, ", tenant: %s}\n", fleet->owners[i].name);
    }
}

static void on_tenants(void *context, const struct dure_answer *answer)
{
    struct daemon *daemon = context;

    if (answer->err != DURE_OK)
        daemon_fail(daemon, STATUS_BAD_SPEC, "the tenants of the first start were refused: %s", answer->text);
    first_done(daemon);
}

struct binding {
    struct daemon *daemon;
    struct dure_tenants *tenants;
};

static void on_bound(void *context, enum dure_err err, const char *text)
{
    struct binding *binding = context;
    struct daemon *daemon = binding->daemon;
    struct dure_record record;
    struct dure_input input = {.record = &record, .answer = on_tenants, .context = daemon};

    if (err != DURE_OK)
        daemon_fail(daemon, STATUS_BAD_SPEC, "the tenants of the first start were refused: %s", text);
    dure_record_init(&record, DURE_REC_TENANTS, 0, 0);
    record.text = binding->tenants->spec_json;
    record.text_length = binding->tenants->spec_json_length;
    err = dure_loop_input(daemon->loop, &input);
    if (err != DURE_OK)
        daemon_fail(daemon, STATUS_BAD_SPEC, "the tenants of the first start were refused: %s", dure_err_sentence(err));
    dure_tenants_free(binding->tenants);
    free(binding);
}

static void set_tenants(struct daemon *daemon)
{
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);
    const char *path = daemon->options.tenants;
    struct dure_problems problems = {.file = path != NULL ? path : "default tenants"};
    struct binding *binding = calloc(1, sizeof *binding);
    struct dure_arena *arena = dure_arena_new(ARENA_BYTES_MAX);
    struct dure_tree *tree = NULL;
    struct dure_buf text;
    enum dure_err err;

    DURE_ASSERT(binding != NULL && arena != NULL);
    dure_buf_init(&text, FILE_BYTES_MAX);
    errno = 0;
    if (path == NULL)
        default_tenants(fleet, &text);
    else if (!read_file(path, &text))
        no_file(daemon, path);
    err = dure_tree_from_yaml(arena, text.data != NULL ? text.data : "", text.length, &tree, &problems);
    if (err == DURE_OK)
        err = dure_tenants_parse(tree, fleet, &binding->tenants, &problems);
    if (err != DURE_OK)
        bad_spec(daemon, &problems, err);
    dure_buf_release(&text);
    dure_arena_free(arena);
    binding->daemon = daemon;
    dure_logins_bind(daemon->loop, fleet, binding->tenants, on_bound, binding);
}

static void on_fleet(void *context, const struct dure_answer *answer)
{
    struct daemon *daemon = context;

    if (answer->err != DURE_OK)
        daemon_fail(daemon, STATUS_BAD_SPEC, "the fleet of the first start was refused: %s", answer->text);
    set_tenants(daemon);
}

static void set_fleet(struct daemon *daemon)
{
    struct dure_problems problems = {.file = daemon->options.fleet};
    struct dure_arena *arena = dure_arena_new(ARENA_BYTES_MAX);
    struct dure_fleet *fleet = NULL;
    struct dure_tree *tree = NULL;
    struct dure_record record;
    struct dure_input input = {.record = &record, .answer = on_fleet, .context = daemon};
    struct dure_buf text;
    enum dure_err err;

    DURE_ASSERT(arena != NULL);
    dure_buf_init(&text, FILE_BYTES_MAX);
    errno = 0;
    if (!read_file(daemon->options.fleet, &text))
        no_file(daemon, daemon->options.fleet);
    err = dure_tree_from_yaml(arena, text.data != NULL ? text.data : "", text.length, &tree, &problems);
    if (err == DURE_OK)
        err = dure_fleet_parse(tree, &fleet, &problems);
    if (err != DURE_OK)
        bad_spec(daemon, &problems, err);
    dure_buf_release(&text);
    dure_arena_free(arena);
    dure_record_init(&record, DURE_REC_FLEET, 0, 0);
    record.text = fleet->spec_json;
    record.text_length = fleet->spec_json_length;
    err = dure_loop_input(daemon->loop, &input);
    if (err != DURE_OK)
        daemon_fail(daemon, STATUS_BAD_SPEC, "the fleet of the first start was refused: %s", dure_err_sentence(err));
    dure_fleet_free(fleet);
}

void first_begin(struct daemon *daemon)
{
    if (dure_core_fleet(daemon->core) == NULL && daemon->options.fleet != NULL)
        set_fleet(daemon);
    else if (dure_core_fleet(daemon->core) != NULL && dure_core_tenants(daemon->core) == NULL &&
             (daemon->options.tenants != NULL || daemon->options.fleet != NULL))
        set_tenants(daemon);
    else
        first_done(daemon);
}
