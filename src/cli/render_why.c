/* Why: the sentence, then the places grouped by what refused them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "cli/grid.h"
#include "cli/render.h"
#include "model/units.h"

enum { GROUPS_MAX = 8192, PLACES_SHOWN = 2, LINES_SHOWN = 16, USERS = 4 };

static const char *const user_keys[USERS] = {"own", "guaranteed", "borrowed", "reserved"};
static const char *const user_words[USERS] = {"your tenant's own", "guaranteed work of others",
                                              "borrowed work of others",
                                              "reserved for a job that waits until they are clear"};

struct group {
    const json_t *first;
    const char *places[PLACES_SHOWN];
    unsigned count;
    int64_t gpus, nodes;
    int64_t users[USERS]; /* of busy ones */
};
struct groups {
    struct group *at;
    size_t count, capacity;
};

static bool same(const json_t *a, const json_t *b, bool by_rule)
{
    static const char *const keys[] = {"rule", "text", "need", "have", "unit"};
    for (size_t i = 0; i < (by_rule ? 2 : sizeof keys / sizeof *keys); i++)
        if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
            return false;
    return strcmp(dure_render_label(a), dure_render_label(b)) == 0;
}

static const char *place_name(const json_t *row)
{
    const char *chain = dure_json_text(row, "chain", "");
    return *chain ? chain : dure_json_text(row, "site", "-");
}

/* The daemon's sentences name instants in UTC; people read them in their own zone. */
static void localised(struct dure_buf *buf, const char *text)
{
    while (*text) {
        int64_t us;
        char token[64], local[DURE_TIME_TEXT_MAX];
        const size_t length = strspn(text, "0123456789-T:.Z");
        snprintf(token, sizeof token, "%.*s", (int)(length < sizeof token ? length : 0), text);
        while (*token && !strchr("Z", token[strlen(token) - 1]))
            token[strlen(token) - 1] = 0;
        if (strlen(token) >= 20 && dure_time_parse(token, NULL, &us)) {
            dure_buf_str(buf, dure_time_format_local(us, local));
            text += strlen(token);
        } else {
            const size_t plain = length ? length : 1;
            dure_buf_add(buf, text, plain);
            text += plain;
        }
    }
}

/* A figure as people write it; *unit loses what the figure says itself. */
static void figure(int64_t value, const char **unit, char text[32])
{
    static const char milli[] = "milli-CPU", mib[] = "MiB";
    char plain[DURE_TIME_TEXT_MAX];
    dure_text_grouped(value, text);
    const bool to_go = strcmp(*unit, "s to go") == 0;
    if ((to_go || strcmp(*unit, "s") == 0) && value >= 0 && value < DURE_NEVER_US / DURE_SECOND_US) {
        const int64_t days = 2 * DURE_DAY_US / DURE_SECOND_US, hour = DURE_HOUR_US / DURE_SECOND_US;
        value -= to_go && value > days ? value % hour : 0; /* nobody counts seconds over days */
        snprintf(text, 32, "%.31s", to_go && !value ? "" : dure_duration_format(value * DURE_SECOND_US, plain));
        *unit += to_go ? 2 : 1;
    } else if (strncmp(*unit, milli, sizeof milli - 1) == 0) {
        if (value % 1000 == 0)
            dure_text_grouped(value / 1000, text);
        else
            snprintf(text, 32, "%" PRId64 ".%03" PRId64, value / 1000, value % 1000);
        *unit += sizeof "milli-" - 1;
    } else if (strncmp(*unit, mib, sizeof mib - 1) == 0) {
        const int64_t size = value >= INT64_C(1) << 20 ? INT64_C(1) << 20 : value >= 1024 ? 1024 : 1;
        const char *name = size == 1 ? "MiB" : size == 1024 ? "GiB" : "TiB";
        if (value % size) /* a tenth is as exact as a table has to be */
            snprintf(text, 32, "%" PRId64 ".%" PRId64 "%s", value / size, value % size * 10 / size, name);
        else
            snprintf(text, 32, "%" PRId64 "%s", value / size, name);
        *unit += sizeof mib - 1;
        *unit += strspn(*unit, " ");
    }
}

/* Why no start can be named, by what it waits for. */
static const char *no_estimate(const char *wait)
{
    static const char *const reasons[][2] = {
        {"Dependency", "the jobs that it waits for have no known end"},
        {"JobHeldUser", "it is held"},
        {"JobArrayTaskLimit", "elements of its own array must end first"},
        {"NotLent", "nobody lends what it asks for now"},
        {"Preempting", "the borrowers on its place leave at the end of their grace, or sooner"},
        {"RightSuspended", "lost GPUs must come back first"},
        {"Priority", "jobs before it must start first"},
        {"BeginTime", "it is not tried before its begin time"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(wait, reasons[i][0]) == 0)
            return reasons[i][1];
    return "nothing that runs frees its place at a known time";
}

static void put_group(struct dure_grid *grid, const struct group *group)
{
    char gpus[32], need[32] = "", have[32] = "";
    const char *unit = dure_json_text(group->first, "unit", "");
    const char *rule = dure_json_text(group->first, "rule", "");
    const bool figures = *unit && strcmp(rule, "fits") != 0;
    if (figures) {
        const char *shown = unit;
        figure(dure_json_int(group->first, "need", 0), &shown, need);
        shown = unit;
        figure(dure_json_int(group->first, "have", 0), &shown, have);
        unit = shown;
    }
    dure_grid_cell(grid, strcmp(rule, "fits") == 0 || strcmp(rule, "here") == 0 ? DURE_STYLE_GOOD : DURE_STYLE_NONE,
                   "%s", rule);
    const char *label = dure_render_label(group->first);
    if (group->count > PLACES_SHOWN)
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s, %s\t and %u more%s", group->places[0], group->places[1],
                       group->count - PLACES_SHOWN, label);
    else if (group->count == PLACES_SHOWN)
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s, %s%s%s", group->places[0], group->places[1], *label ? "\t" : "",
                       label);
    else
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s%s%s", group->places[0], *label ? "\t" : "", label);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_text_grouped(group->gpus, gpus));
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", group->nodes ? dure_text_grouped(group->nodes, gpus) : "");
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", need);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", have);
    dure_grid_cell(grid, DURE_STYLE_NONE, "%s", figures ? unit : "");
}

/* What a rule's short name means, once, below the table: a column would have to cut it. */
static void put_meaning(const struct dure_screen *screen, const struct group *groups, size_t count, size_t index)
{
    DURE_CLEANUP_BUF struct dure_buf line = {0}, said = {0};
    int64_t users[USERS] = {0};
    char figure[32];
    const char *rule = dure_json_text(groups[index].first, "rule", ""),
               *text = dure_json_text(groups[index].first, "text", "");
    dure_buf_init(&line, 1 << 16);
    for (size_t i = 0; i < index; i++)
        if (strcmp(dure_json_text(groups[i].first, "rule", ""), rule) == 0)
            return;
    if (!*text)
        return;
    dure_buf_init(&said, 1 << 16);
    dure_buf_str(&said, text);
    for (size_t i = 0; i < count; i++)
        for (unsigned u = 0; u < USERS && strcmp(dure_json_text(groups[i].first, "rule", ""), rule) == 0; u++)
            users[u] += groups[i].users[u];
    for (unsigned u = 0, told = 0; u < USERS; u++)
        if (users[u])
            dure_buf_printf(&said, "%s%s %s", told++ ? ", " : ": ", dure_text_grouped(users[u], figure), user_words[u]);
    dure_buf_printf(&line, "  %s:", rule);
    dure_term_wrap(&line, said.data ? said.data : "", strlen(rule) + 3, 4, screen->width);
    if (line.data)
        fwrite(line.data, 1, line.length, screen->out);
}

/* The rows of one rule with the same figures; or, where that is too much for a screen, of one rule, with the figures nearest to a start. */
static enum dure_err gather(const json_t *rows, bool by_rule, struct groups *groups)
{
    groups->count = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *busy = json_object_get(row, "busy");
        size_t g = 0;
        while (g < groups->count && !same(groups->at[g].first, row, by_rule))
            g++;
        if (g == groups->count && !DURE_VEC_PUSH(groups, (struct group){.first = row}, GROUPS_MAX))
            return DURE_E_MEMORY;
        struct group *group = &groups->at[g];
        if (group->count < PLACES_SHOWN)
            group->places[group->count] = place_name(row);
        group->count++;
        group->gpus += dure_json_int(row, "gpus", 0);
        group->nodes += dure_json_int(row, "nodes", 0);
        for (unsigned u = 0; u < USERS; u++)
            group->users[u] += dure_json_int(busy, user_keys[u], 0);
        if (dure_json_int(row, "have", 0) > dure_json_int(group->first, "have", 0))
            group->first = row;
    }
    return DURE_OK;
}

static enum dure_err print_rows(const struct dure_screen *screen, const json_t *rows)
{
    static const struct dure_grid_column columns[] = {{"RULE", false, 0}, {"PLACES", false, 16}, {"GPUS", true, 0},
                                                      {"NODES", true, 0}, {"NEED", true, 0},     {"HAVE", true, 0},
                                                      {"UNIT", false, 4}};
    struct groups groups = {0};
    enum dure_err err = gather(rows, false, &groups);
    if (!err && groups.count > LINES_SHOWN)
        err = gather(rows, true, &groups);
    struct dure_grid *grid = err ? NULL : dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        err = DURE_E_MEMORY;
    for (size_t g = 0; !err && g < groups.count; g++)
        put_group(grid, &groups.at[g]);
    if (!err)
        err = dure_grid_print(grid, screen, 0, false);
    for (size_t g = 0; !err && g < groups.count; g++)
        put_meaning(screen, groups.at, groups.count, g);
    dure_grid_free(grid);
    DURE_VEC_FREE(&groups);
    return err;
}

/* The likely start, the interval, and whose end it takes. */
static void put_estimate(struct dure_buf *buf, const json_t *estimate, const char *likely, unsigned width)
{
    DURE_CLEANUP_BUF struct dure_buf said;
    char earliest[DURE_TIME_TEXT_MAX], latest[DURE_TIME_TEXT_MAX];
    const json_t *awaited = json_object_get(estimate, "waits_for");
    dure_buf_init(&said, 1 << 16);
    dure_buf_printf(&said, "Estimated start: %s", likely);
    if (estimate && strcmp(dure_json_text(estimate, "earliest", ""), dure_json_text(estimate, "latest", "")) != 0)
        dure_buf_printf(&said, ", between %s and %s", dure_json_time(estimate, "earliest", earliest),
                        dure_json_time(estimate, "latest", latest));
    for (size_t i = 0; i < json_array_size(awaited); i++) {
        const json_t *job = json_array_get(awaited, i);
        const int64_t maintenance = dure_json_int(job, "maintenance", 0);
        dure_buf_printf(&said, "%s%s%" PRId64,
                        i                              ? ", "
                        : json_array_size(awaited) > 1 ? "; before, these end: "
                                                       : "; before, this ends: ",
                        maintenance ? "maintenance " : "", maintenance ? maintenance : dure_json_int(job, "job", 0));
        if (dure_json_int(job, "element", -1) >= 0)
            dure_buf_printf(&said, "_%" PRId64, dure_json_int(job, "element", 0));
    }
    dure_buf_str(&said, dure_json_true(estimate, "rough") ? " (roughly: much is before it)." : ".");
    dure_buf_byte(buf, '\n');
    dure_term_wrap(buf, said.data ? said.data : "", 0, 0, width);
}

/* Where else it could be, in the order in which the core tries them, as they are now. */
static enum dure_err print_others(const struct dure_screen *screen, const json_t *others)
{
    static const struct dure_grid_column columns[] = {
        {"RANK", true, 0}, {"CHAIN", false, 12}, {"ALLOTMENT", false, 8}, {"PROMISED", true, 0},
        {"IDLE", true, 0}, {"NOW", false, 0},    {"EVICTS", true, 0},     {"LEFT OVER", true, 0}};
    struct dure_grid *grid = dure_grid_new(columns, sizeof columns / sizeof *columns);
    if (!grid)
        return DURE_E_MEMORY;
    for (size_t i = 0; i < json_array_size(others); i++) {
        const json_t *other = json_array_get(others, i);
        const bool here = dure_json_true(other, "here"), fits = dure_json_true(other, "fits");
        const int64_t promised = dure_json_int(other, "promised_permille", 0);
        char idle[32], evicts[32], left[32];
        dure_grid_cell(grid, DURE_STYLE_NONE, "%" PRId64, dure_json_int(other, "rank", 0));
        dure_grid_cell(grid, here ? DURE_STYLE_GOOD : DURE_STYLE_NONE, "%s", dure_json_text(other, "chain", ""));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_json_text(other, "allotment", ""));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%" PRId64 ".%" PRId64 "%%", promised / 10, promised % 10);
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", dure_text_grouped(dure_json_int(other, "idle", 0), idle));
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", here ? "runs here" : fits ? "fits" : "full");
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       fits ? dure_text_grouped(dure_json_int(other, "evicts", 0), evicts) : "");
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s",
                       fits ? dure_text_grouped(dure_json_int(other, "left_over", 0), left) : "");
    }
    const enum dure_err err = dure_grid_print(grid, screen, 0, false);
    dure_grid_free(grid);
    return err;
}

/* The dataset of a rule of data; what has the limit is told with the figures. */
static void put_rule(struct dure_buf *said, const json_t *rule)
{
    const char *name = dure_json_text(rule, "rule", ""), *what = dure_json_text(rule, "what", "");
    dure_buf_str(said, name);
    if (*what && strcmp(name, "power") != 0)
        dure_buf_printf(said, " of '%s'", what);
    else if (*what)
        dure_buf_printf(said, " of %s", what);
}

/* By how much a limit of power is too low. */
static void put_more(struct dure_buf *said, const json_t *opening)
{
    char power[DURE_UNITS_TEXT_MAX];
    const int64_t watt = dure_json_int(opening, "more_w", 0), gpus = dure_json_int(opening, "more_gpus", 0),
                  others = dure_json_int(opening, "more_limits", 0);
    if (watt <= 0)
        return;
    dure_buf_printf(said, " %s more for %s would feed %" PRId64 " GPU%s more",
                    dure_units_power_format((uint64_t)watt * 1000, power), dure_json_text(opening, "what", ""), gpus,
                    gpus == 1 ? "" : "s");
    if (others)
        dure_buf_printf(said, ", with %" PRId64 " other limit%s raised as well", others, others == 1 ? "" : "s");
    dure_buf_str(said, " there.");
}

/* Rules that leave no place together, and the one whose change would open one. */
static void put_crossing(struct dure_buf *buf, const json_t *why, unsigned width)
{
    DURE_CLEANUP_BUF struct dure_buf said;
    const json_t *crossing = json_object_get(why, "crossing"), *opening = json_object_get(why, "opening");
    char need[32], have[32];
    dure_buf_init(&said, 1 << 16);
    for (size_t i = 0; i < json_array_size(crossing); i++) {
        const json_t *rule = json_array_get(crossing, i);
        const int64_t leaves = dure_json_int(rule, "leaves", 0);
        const char *site = dure_json_text(rule, "site", "");
        dure_buf_str(&said, i ? "; " : "No place is left by all of these: ");
        put_rule(&said, rule);
        dure_buf_printf(&said, " leaves %s", dure_json_text(rule, "first", ""));
        if (*site)
            dure_buf_printf(&said, " at %s", site);
        if (leaves > 1)
            dure_buf_printf(&said, " and %" PRId64 " more", leaves - 1);
    }
    if (json_array_size(crossing))
        dure_buf_str(&said, ". ");
    if (json_is_object(opening)) {
        const char *unit = dure_json_text(opening, "unit", ""), *shown = unit;
        const int64_t places = dure_json_int(opening, "places", 0);
        dure_buf_str(&said, "Only ");
        put_rule(&said, opening);
        dure_buf_printf(&said, " stands in the way on %s", dure_json_text(opening, "chain", ""));
        if (places > 1)
            dure_buf_printf(&said, " and %" PRId64 " more", places - 1);
        figure(dure_json_int(opening, "need", 0), &shown, need);
        figure(dure_json_int(opening, "have", 0), &unit, have);
        if (*unit)
            dure_buf_printf(&said, " (needs %s, has %s %s)", need, have, unit);
        dure_buf_str(&said, ".");
        put_more(&said, opening);
    }
    if (!said.length)
        return;
    dure_buf_byte(buf, '\n');
    dure_term_wrap(buf, said.data ? said.data : "", 0, 0, width);
}

enum dure_err dure_render_why(const struct dure_screen *screen, const json_t *why)
{
    DURE_CLEANUP_BUF struct dure_buf buf, local;
    char text[DURE_TIME_TEXT_MAX];
    const char *state = dure_json_text(why, "state", "");
    const json_t *rows = json_object_get(why, "rows"), *changes = json_object_get(why, "changes");
    dure_buf_init(&buf, 1 << 20);
    dure_buf_init(&local, 1 << 20);
    localised(&local, dure_json_text(why, "sentence", ""));
    dure_term_wrap(&buf, local.data ? local.data : "", 0, 0, screen->width);
    if (dure_json_int(why, "ahead", 0) > 0)
        dure_buf_printf(&buf, "Jobs of the same tenant before it: %" PRId64 ".\n", dure_json_int(why, "ahead", 0));
    fwrite(buf.data, 1, buf.length, screen->out);
    if (json_array_size(rows) > 0) {
        fputc('\n', screen->out);
        const enum dure_err err = print_rows(screen, rows);
        if (err)
            return err;
    }
    dure_buf_clear(&buf);
    if (json_array_size(json_object_get(why, "alternatives")) > 0) {
        fputc('\n', screen->out);
        const enum dure_err err = print_others(screen, json_object_get(why, "alternatives"));
        if (err)
            return err;
    }
    put_crossing(&buf, why, screen->width);
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const char *change = dure_json_text(json_array_get(changes, i), "text", "");
        dure_buf_clear(&local);
        localised(&local, change);
        dure_buf_str(&buf, i == 0 ? "\nEach of these changes was tried and would let it start:\n  - " : "  - ");
        dure_term_wrap(&buf, local.data ? local.data : "", 4, 4, screen->width);
    }
    const char *estimate = dure_json_time(why, "start_estimate", text);
    if (strcmp(estimate, "-") != 0)
        put_estimate(&buf, json_object_get(why, "estimate"), estimate, screen->width);
    else if (strcmp(state, "PENDING") == 0) {
        dure_buf_clear(&local);
        dure_buf_printf(&local, "When it starts cannot be said: %s.", no_estimate(dure_json_text(why, "wait", "")));
        dure_buf_byte(&buf, '\n');
        dure_term_wrap(&buf, local.data ? local.data : "", 0, 0, screen->width);
    }
    if (buf.data)
        fwrite(buf.data, 1, buf.length, screen->out);
    return buf.failed ? DURE_E_MEMORY : DURE_OK;
}
