/* The specs in force, in the form in which they are declared: `dure fleet --spec`, `dure tenants --spec`. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/handlers.h"

static void put_value(struct dure_buf *buf, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    if (text)
        dure_buf_str(buf, text);
    else
        buf->failed = true;
    free(text);
}

static void put_member(struct dure_buf *buf, const char *key, const json_t *value)
{
    if (!value)
        return;
    dure_buf_printf(buf, "%s:", key);
    if (json_array_size(value) == 0) {
        dure_buf_byte(buf, ' ');
        put_value(buf, value);
        dure_buf_byte(buf, '\n');
        return;
    }
    dure_buf_byte(buf, '\n');
    for (size_t i = 0; i < json_array_size(value); i++) {
        dure_buf_str(buf, "  - ");
        put_value(buf, json_array_get(value, i));
        dure_buf_byte(buf, '\n');
    }
}

/* YAML, a row a line: each is JSON, which YAML holds, so that no name needs thought. */
int dure_spec_print(struct dure_cli *cli, const json_t *spec)
{
    static const char *const first[] = {"kind", "version", "name", "zone", "tenants"};
    const size_t first_count = sizeof first / sizeof *first;
    DURE_CLEANUP_BUF struct dure_buf buf;
    const char *key;
    json_t *value;
    dure_buf_init(&buf, (size_t)256 << 20);
    if (dure_cli_json(cli)) {
        dure_cli_print_json(cli, spec);
        return DURE_EXIT_OK;
    }
    for (size_t i = 0; i < first_count; i++)
        put_member(&buf, first[i], json_object_get(spec, first[i]));
    json_object_foreach((json_t *)spec, key, value)
    {
        bool told = false;
        for (size_t i = 0; i < first_count; i++)
            told |= strcmp(first[i], key) == 0;
        if (!told)
            put_member(&buf, key, value);
    }
    if (buf.failed)
        return dure_cli_memory(cli);
    dure_cli_print(cli, &buf);
    return DURE_EXIT_OK;
}

/* The journal holds a level as its number in the chain; a declaration names it where it has a name. */
static void name_level(json_t *row, const struct dure_fleet *fleet)
{
    const char *chain = dure_json_text(row, "chain", "");
    const int64_t level = dure_json_int(row, "level", 0);
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        if (strcmp(fleet->chains[i].name, chain) == 0 && level >= 1 && level <= fleet->chains[i].level_count &&
            *fleet->chains[i].levels[level].name)
            json_object_set_new(row, "level", json_string(fleet->chains[i].levels[level].name));
    if (!*dure_json_text(row, "after", ""))
        json_object_del(row, "after");
}

static void shorten_notice(json_t *row)
{
    int64_t us, again;
    char text[DURE_TIME_TEXT_MAX];
    if (dure_duration_parse(dure_json_text(row, "notice", ""), false, &us) &&
        dure_duration_parse(dure_duration_format(us, text), false, &again) && again == us)
        json_object_set_new(row, "notice", json_string(text));
}

/* Principals are the daemon's own; a row without a login cannot be declared. Returns how many such rows were left out. */
static size_t name_people(json_t *roles)
{
    size_t nameless = 0;
    for (size_t i = json_array_size(roles); i-- > 0;) {
        json_t *row = json_array_get(roles, i);
        json_object_del(row, "principal");
        if (*dure_json_text(row, "login", ""))
            continue;
        nameless++;
        json_array_remove(roles, i);
    }
    return nameless;
}

int dure_spec_tenants(struct dure_cli *cli)
{
    json_t *spec = NULL;
    struct dure_cli_call call = {.method = "GET", .path = "/v1/tenants/spec", .query = "logins=true", .quiet = true};
    int code = dure_cli_call(cli, &call, &spec);
    if (code) {
        call.quiet = false;
        call.query = NULL;
        code = dure_cli_call(cli, &call, &spec);
    }
    if (code)
        return code;
    struct dure_fleet *fleet = dure_apply_fleet(cli);
    json_t *rows = json_object_get(spec, "allotments");
    for (size_t i = 0; fleet && i < json_array_size(rows); i++)
        name_level(json_array_get(rows, i), fleet);
    rows = json_object_get(spec, "lending");
    for (size_t i = 0; i < json_array_size(rows); i++)
        shorten_notice(json_array_get(rows, i));
    const size_t nameless = name_people(json_object_get(spec, "roles"));
    code = fleet ? dure_spec_print(cli, spec)
                 : dure_cli_fail(cli, DURE_EXIT_NO, "the fleet could not be had, which names the levels");
    if (!code && nameless && call.query)
        dure_cli_note(cli, "%zu role%s left out: the login was erased", nameless, nameless == 1 ? " is" : "s are");
    else if (!code && nameless)
        dure_cli_note(cli, "%zu role%s left out: only operators see logins; applied as it is, the spec takes them away",
                      nameless, nameless == 1 ? " is" : "s are");
    dure_fleet_free(fleet);
    json_decref(spec);
    return code;
}
