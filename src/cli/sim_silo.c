/* `dure sim silo`: owners alone, sharing by quotas as is usual, and sharing by cells: the same jobs three times, owner by owner. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"
#include "cli/grid.h"
#include "cli/handlers.h"
#include "cli/sim.h"

enum { ALONE, QUOTAS, CELLS, WAYS, EXTRA_COLUMNS = 15, TEXT = 40 };

/* Those at the top whose machines they are. */
static json_t *own(const struct dure_sim_specs *base, struct dure_owner_id owner)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < base->tenants->tenant_count; i++)
        if (base->tenants->tenants[i].parent.v == DURE_NONE32 && base->tenants->tenants[i].owner.v == owner.v)
            json_array_append_new(list, json_string(base->tenants->tenants[i].path));
    return list;
}

/* The same tenants and notice; no owner lends to another. */
static int alone(struct dure_cli *cli, const struct dure_sim_specs *base, struct dure_sim_variant *variant)
{
    struct dure_error error = {0};
    json_t *spec = json_loadb(base->tenants->spec_json, base->tenants->spec_json_length, 0, NULL);
    json_t *before = json_object_get(spec, "lending"), *lending = json_array(), *row;
    size_t i;
    json_array_foreach(before, i, row)
    {
        struct dure_owner_id owner;
        const char *name = json_string_value(json_object_get(row, "owner"));
        json_t *to = name && dure_fleet_owner_find(base->fleet, name, &owner) ? own(base, owner) : json_array();
        json_t *copy = json_array_size(to) ? json_copy(row) : NULL; /* who owns machines alone has nobody to lend to */
        if (copy) {
            json_object_set(copy, "to", to);
            json_object_del(copy, "except");
            json_array_append_new(lending, copy);
        }
        json_decref(to);
    }
    json_object_set_new(spec, "lending", lending);
    char *text = json_dumps(spec, JSON_COMPACT);
    const enum dure_err err =
        text ? dure_tenants_from_json(text, strlen(text), base->fleet, &variant->own.tenants, &error) : DURE_E_MEMORY;
    free(text);
    json_decref(spec);
    return err ? dure_cli_fail_err(cli, err, &error, NULL) : DURE_EXIT_OK;
}

struct sums {
    uint64_t gpu_ms, started, mean_ms, late, blocked, blocked_ms;
    int64_t p99_ms, latest_ms;
};

static struct sums sum_of(const struct dure_sim_specs *base, const struct dure_sim_result *r, uint32_t row)
{
    const struct dure_sim_waits *w = &r->top_waits[row][0];
    struct sums sums = {
        .started = w->count, .mean_ms = w->count ? w->sum_ms / w->count : 0, .p99_ms = dure_sim_waits_quantile(w, 990)};
    for (uint32_t i = r->tops[row]; i < r->tenant_count; i++) {
        const struct dure_sim_tenant *t = &r->tenants[i];
        if (!dure_tenants_within(base->tenants, (struct dure_tenant_id){i}, (struct dure_tenant_id){r->tops[row]}))
            continue;
        sums.gpu_ms += t->gpu_ms[0] + t->gpu_ms[1];
        sums.late += t->late;
        sums.blocked += t->blocked;
        sums.blocked_ms += t->blocked_ms;
        sums.latest_ms = t->latest_ms > sums.latest_ms ? t->latest_ms : sums.latest_ms;
    }
    return sums;
}

/* What sharing may cost at most: the longest notice that any lender gives. */
static int64_t notice_ms(const struct dure_sim_specs *base)
{
    int64_t most = 0;
    for (uint32_t i = 0; i < base->tenants->lending_count; i++)
        most = base->tenants->lendings[i].notice_us > most ? base->tenants->lendings[i].notice_us : most;
    return most / 1000;
}

/* By right nobody may be worse off than alone, but for the notice: each start, and on average. */
static bool worse(const struct sums of[WAYS], unsigned way, int64_t most_ms)
{
    return of[way].late ||
           (of[way].started && of[ALONE].started && (int64_t)of[way].mean_ms > (int64_t)of[ALONE].mean_ms + most_ms);
}

/* First starts by right, by job. */
enum { STARTS_MAX = 100000000 };
struct start {
    uint64_t job;
    uint32_t element;
    int64_t at_us;
};
struct starts {
    DURE_VEC(struct start) list;
    bool failed;
};

static void heard(void *context, const struct dure_record *r)
{
    struct starts *starts = context;
    const struct start start = {r->job.v, r->element, r->time_us};
    if (r->kind == DURE_REC_START && r->binding_count > 0 && !DURE_VEC_PUSH(&starts->list, start, STARTS_MAX))
        starts->failed = true;
}

static int by_job(const void *a, const void *b)
{
    const struct start *x = a, *y = b;
    if (x->job != y->job)
        return x->job < y->job ? -1 : 1;
    if (x->element != y->element)
        return x->element < y->element ? -1 : 1;
    return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* Start by start: by cells against alone. Delays of a notice each may add up along a chain of jobs, and one may change who of a tenant goes first. */
struct delays {
    bool known;                      /* jobs have the same numbers in both */
    uint64_t starts, beyond, before; /* later, or earlier, by more than the notice */
    int64_t most_us;
};

static struct delays compare(struct starts *before, struct starts *after, int64_t notice_us)
{
    struct delays delays = {.known = !before->failed && !after->failed};
    struct start *a = before->list.at, *b = after->list.at;
    size_t i = 0, k = 0;
    if (before->list.count)
        qsort(a, before->list.count, sizeof *a, by_job);
    if (after->list.count)
        qsort(b, after->list.count, sizeof *b, by_job);
    while (i < before->list.count && k < after->list.count) {
        const struct start x = a[i], y = b[k];
        const bool same = x.job == y.job && x.element == y.element;
        if (same) {
            delays.starts++;
            delays.beyond += y.at_us - x.at_us > notice_us;
            delays.before += x.at_us - y.at_us > notice_us;
            delays.most_us = y.at_us - x.at_us > delays.most_us ? y.at_us - x.at_us : delays.most_us;
        }
        const bool left = same || by_job(&x, &y) < 0, right = same || !left;
        for (; left && i < before->list.count && a[i].job == x.job && a[i].element == x.element;)
            i++;
        for (; right && k < after->list.count && b[k].job == y.job && b[k].element == y.element;)
            k++;
    }
    return delays;
}

struct silo {
    struct starts starts[WAYS];
    struct delays delays;
    struct dure_sim_specs base;
    struct dure_sim_jobs jobs;
    struct dure_sim_variant ways[WAYS];
    struct dure_sim_result results[WAYS];
    unsigned made;
    int64_t notice_ms;
    bool worse[WAYS]; /* somebody is */
    const char **cells;
    uint32_t rows;
};

static const char *span(struct dure_cli *cli, int64_t ms)
{
    char text[DURE_TIME_TEXT_MAX];
    dure_duration_format(ms / 1000 * 1000000, text);
    return dure_arena_strdup(cli->arena, text);
}

static const char *count(struct dure_cli *cli, uint64_t value)
{
    char text[32];
    return dure_arena_strdup(cli->arena, dure_text_grouped((int64_t)value, text));
}

static const char *const headings[EXTRA_COLUMNS] = {
    "owner",        "GPU-h alone",    "by quotas",         "by cells",  "mean wait by right alone",
    "by quotas",    "by cells",       "99 in 100 alone",   "by quotas", "by cells",
    "late, quotas", "late, by cells", "longest by quotas", "by cells",  "kept by shape, quotas"};

static void owner_row(struct dure_cli *cli, struct silo *silo, uint32_t row)
{
    struct sums of[WAYS];
    const char **cell = &silo->cells[(size_t)++silo->rows * EXTRA_COLUMNS];
    for (unsigned w = 0; w < WAYS; w++)
        of[w] = sum_of(&silo->base, &silo->results[w], row);
    *cell++ = silo->base.tenants->tenants[silo->results[ALONE].tops[row]].path;
    for (unsigned w = 0; w < WAYS; w++)
        *cell++ = count(cli, of[w].gpu_ms / 3600000);
    for (unsigned w = 0; w < WAYS; w++)
        *cell++ = of[w].started ? span(cli, (int64_t)of[w].mean_ms) : "-";
    for (unsigned w = 0; w < WAYS; w++)
        *cell++ = of[w].started ? span(cli, of[w].p99_ms) : "-";
    for (unsigned w = QUOTAS; w < WAYS; w++)
        *cell++ = count(cli, of[w].late);
    for (unsigned w = QUOTAS; w < WAYS; w++)
        *cell++ = span(cli, of[w].latest_ms);
    *cell++ = count(cli, of[QUOTAS].blocked);
    for (unsigned w = QUOTAS; w < WAYS; w++)
        silo->worse[w] = silo->worse[w] || worse(of, w, silo->notice_ms);
}

static int owners(struct dure_cli *cli, struct silo *silo)
{
    const uint32_t tops = silo->results[ALONE].top_count;
    silo->cells = dure_arena_alloc(cli->arena, (size_t)(tops + 1) * EXTRA_COLUMNS * sizeof *silo->cells);
    if (!silo->cells)
        return dure_cli_memory(cli);
    memcpy(silo->cells, headings, sizeof headings);
    for (uint32_t k = 0; k < tops; k++)
        owner_row(cli, silo, k);
    for (size_t i = 0; i < (size_t)(silo->rows + 1) * EXTRA_COLUMNS; i++)
        if (!silo->cells[i])
            return dure_cli_memory(cli);
    return DURE_EXIT_OK;
}

static int print_owners(struct dure_cli *cli, const struct silo *silo)
{
    struct dure_grid_column columns[EXTRA_COLUMNS];
    static const char *const names[EXTRA_COLUMNS] = {
        "OWNER",       "GPU-H ALONE", "QUOTAS",         "CELLS",  "MEAN WAIT BY RIGHT ALONE",
        "QUOTAS",      "CELLS",       "P99 ALONE",      "QUOTAS", "CELLS",
        "LATE QUOTAS", "CELLS",       "LONGEST QUOTAS", "CELLS",  "KEPT BY SHAPE"};
    for (unsigned k = 0; k < EXTRA_COLUMNS; k++)
        columns[k] = (struct dure_grid_column){names[k], k > 0, k ? 0 : 10};
    struct dure_grid *grid = dure_grid_new(columns, EXTRA_COLUMNS);
    for (size_t i = EXTRA_COLUMNS; grid && i < (size_t)(silo->rows + 1) * EXTRA_COLUMNS; i++)
        dure_grid_cell(grid, DURE_STYLE_NONE, "%s", silo->cells[i]);
    const enum dure_err err = grid ? dure_grid_print(grid, &cli->screen, 0, false) : DURE_E_MEMORY;
    dure_grid_free(grid);
    return err ? dure_cli_memory(cli) : DURE_EXIT_OK;
}

/* What counts cannot promise, in one sentence. */
static void anomaly(const struct silo *silo, struct dure_buf *buf)
{
    const struct dure_sim_result *quotas = &silo->results[QUOTAS], *cells = &silo->results[CELLS];
    char grouped[32], longest[DURE_TIME_TEXT_MAX];
    dure_buf_printf(buf, "By quotas %s rights", dure_text_grouped((int64_t)quotas->blocked, grouped));
    dure_buf_printf(buf,
                    ", %s of them gangs, waited though their quota was free and as many GPUs lay idle, for want of a "
                    "place of their shape",
                    dure_text_grouped((int64_t)quotas->blocked_gangs, grouped));
    dure_buf_printf(buf, ": %s GPU-hours of waiting, the longest %s",
                    dure_text_grouped((int64_t)(quotas->blocked_ms / 3600000), grouped),
                    dure_duration_format((int64_t)quotas->blocked_most_ms / 1000 * 1000000, longest));
    dure_buf_printf(buf, "; %s rights were served later than the notice allows",
                    dure_text_grouped((int64_t)quotas->promises_late, grouped));
    dure_buf_printf(buf, ". By cells %s were.", dure_text_grouped((int64_t)cells->promises_late, grouped));
}

static void verdict(const struct silo *silo, struct dure_buf *buf)
{
    char notice[DURE_TIME_TEXT_MAX];
    dure_duration_format(silo->notice_ms * 1000, notice);
    if (silo->worse[CELLS])
        dure_buf_str(buf, "Somebody is worse off by cells than alone: some right was served later than the notice "
                          "allows, or waited longer on average.");
    else
        dure_buf_printf(buf,
                        "By cells nobody is worse off than alone: every right was served at once or within the notice "
                        "(%s at most), and no owner's rights waited longer on average than alone and that.",
                        notice);
}

/* GPU-hours hold borrowed work too, and who shares what lies idle has less of his own idle GPUs for it. */
static void fewer(const struct silo *silo, struct dure_buf *buf)
{
    char grouped[32];
    bool any = false;
    for (uint32_t k = 0; k < silo->results[ALONE].top_count; k++) {
        const uint64_t alone = sum_of(&silo->base, &silo->results[ALONE], k).gpu_ms / 3600000;
        const uint64_t cells = sum_of(&silo->base, &silo->results[CELLS], k).gpu_ms / 3600000;
        if (cells + alone / 100 >= alone)
            continue;
        dure_buf_printf(buf, "%s%s %s",
                        any ? ", " : " GPU-hours that an owner borrows are no right; fewer in all than alone: ",
                        silo->base.tenants->tenants[silo->results[ALONE].tops[k]].path,
                        dure_text_grouped((int64_t)(alone - cells), grouped));
        any = true;
    }
    if (any)
        dure_buf_str(buf, ", since others borrow its idle GPUs in their turn.");
}

static void delays(const struct silo *silo, struct dure_buf *buf)
{
    char later[32], earlier[32], of[32], most[DURE_TIME_TEXT_MAX];
    if (!silo->delays.known)
        return;
    dure_buf_printf(
        buf,
        " Start by start, of %s rights %s began later by cells than alone by more than the notice, the most by %s, and "
        "%s as much earlier: short delays may add up along a chain of jobs, and change who of a tenant goes first.",
        dure_text_grouped((int64_t)silo->delays.starts, of), dure_text_grouped((int64_t)silo->delays.beyond, later),
        dure_duration_format(silo->delays.most_us / 1000000 * 1000000, most),
        dure_text_grouped((int64_t)silo->delays.before, earlier));
}

static int print_json(struct dure_cli *cli, const struct silo *silo, const struct dure_document *report)
{
    const struct dure_sim_result *quotas = &silo->results[QUOTAS], *cells = &silo->results[CELLS];
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    dure_buf_init(&text, (size_t)256 << 20);
    dure_report_json(report, false, &text);
    json_t *json = text.failed ? NULL : json_loadb(text.data, text.length, 0, NULL), *list = json_array();
    for (uint32_t k = 0; json && k < silo->results[ALONE].top_count; k++) {
        json_t *row = json_pack("{s:s}", "owner", silo->base.tenants->tenants[silo->results[ALONE].tops[k]].path);
        for (unsigned w = 0; w < WAYS; w++) {
            static const char *const names[] = {"alone", "quotas", "cells"};
            const struct sums of = sum_of(&silo->base, &silo->results[w], k);
            json_object_set_new(row, names[w],
                                json_pack("{s:f, s:I, s:f, s:f, s:I, s:f, s:I, s:f}", "gpu_hours",
                                          (double)of.gpu_ms / 3600000, "starts_by_right", (json_int_t)of.started,
                                          "mean_wait_s", (double)of.mean_ms / 1000, "p99_wait_s",
                                          (double)of.p99_ms / 1000, "late", (json_int_t)of.late, "longest_s",
                                          (double)of.latest_ms / 1000, "kept_by_shape", (json_int_t)of.blocked,
                                          "kept_by_shape_gpu_hours", (double)of.blocked_ms / 3600000));
        }
        json_array_append_new(list, row);
    }
    json_object_set_new(json, "owners", list);
    json_object_set_new(json, "notice_s", json_integer(silo->notice_ms / 1000));
    if (silo->delays.known)
        json_object_set_new(json, "against_alone",
                            json_pack("{s:I, s:I, s:I, s:f}", "starts", (json_int_t)silo->delays.starts,
                                      "earlier_than_notice", (json_int_t)silo->delays.before, "later_than_notice",
                                      (json_int_t)silo->delays.beyond, "most_s",
                                      (double)silo->delays.most_us / 1000000));
    json_object_set_new(json, "nobody_worse_than_alone", json_boolean(!silo->worse[CELLS]));
    json_object_set_new(json, "anomaly",
                        json_pack("{s:I, s:I, s:f, s:f, s:I, s:I}", "rights", (json_int_t)quotas->blocked, "gangs",
                                  (json_int_t)quotas->blocked_gangs, "gpu_hours", (double)quotas->blocked_ms / 3600000,
                                  "longest_s", (double)quotas->blocked_most_ms / 1000, "late_by_quotas",
                                  (json_int_t)quotas->promises_late, "late_by_cells",
                                  (json_int_t)cells->promises_late));
    if (json)
        dure_cli_print_json(cli, json);
    json_decref(json);
    return json ? DURE_EXIT_OK : dure_cli_memory(cli);
}

static int show(struct dure_cli *cli, struct silo *silo)
{
    struct dure_buf words DURE_CLEANUP_BUF = {0}, sentence DURE_CLEANUP_BUF = {0};
    dure_buf_init(&words, 8192);
    dure_buf_init(&sentence, 8192);
    anomaly(silo, &sentence);
    dure_buf_str(&words, sentence.data);
    dure_buf_byte(&words, ' ');
    verdict(silo, &words);
    fewer(silo, &words);
    delays(silo, &words);
    const struct dure_report_extra extra = {.name = "owners",
                                            .title = "Owner by owner",
                                            .text = words.data,
                                            .columns = EXTRA_COLUMNS,
                                            .rows = silo->rows,
                                            .cells = silo->cells};
    struct dure_document report = {.title = "Owners alone, sharing by quotas, and sharing by cells",
                                   .fleet = silo->base.fleet,
                                   .tenants = silo->base.tenants,
                                   .run_count = WAYS,
                                   .extra = &extra};
    for (unsigned w = 0; w < WAYS; w++)
        report.runs[w] = (struct dure_document_run){.name = silo->ways[w].name, .result = &silo->results[w]};
    dure_sim_notes(cli, &silo->jobs, &report);
    if (dure_cli_json(cli)) {
        const int code = dure_sim_write(cli, &report);
        return code ? code : print_json(cli, silo, &report);
    }
    int code = dure_sim_show(cli, &report);
    if (code)
        return code;
    fputc('\n', cli->screen.out);
    code = print_owners(cli, silo);
    fputc('\n', cli->screen.out);
    dure_cli_say(cli, sentence.data);
    dure_buf_clear(&words);
    verdict(silo, &words);
    fewer(silo, &words);
    delays(silo, &words);
    dure_cli_say(cli, words.data);
    return code;
}

int dure_cmd_sim_silo(struct dure_cli *cli)
{
    struct silo *silo = calloc(1, sizeof *silo);
    if (!silo)
        return dure_cli_memory(cli);
    silo->ways[ALONE].name = "owners alone";
    silo->ways[QUOTAS] = (struct dure_sim_variant){.name = "sharing by quotas", .rival = dure_rival_by_quotas()};
    silo->ways[CELLS].name = "sharing by cells";
    for (unsigned w = 0; w < WAYS; w++) {
        silo->ways[w].heard = heard;
        silo->ways[w].heard_context = &silo->starts[w];
    }
    int code = dure_sim_trace_read(cli, &silo->jobs, &silo->base);
    code = code ? code : alone(cli, &silo->base, &silo->ways[ALONE]);
    for (; silo->made < WAYS && !code && !dure_sim_interrupted(); silo->made += !code)
        code = dure_sim_play(cli, &silo->base, &silo->jobs, NULL, &silo->ways[silo->made], &silo->results[silo->made]);
    if (!code && silo->made < WAYS)
        code = dure_cli_fail(cli, DURE_EXIT_NO, "interrupted: nothing can be compared");
    if (!code) {
        silo->notice_ms = notice_ms(&silo->base);
        silo->delays = compare(&silo->starts[ALONE], &silo->starts[CELLS], silo->notice_ms * 1000);
        silo->delays.known = silo->delays.known && silo->results[ALONE].refused == silo->results[CELLS].refused;
        code = owners(cli, silo);
        code = code ? code : show(cli, silo);
        code = code ? code : silo->worse[CELLS] ? DURE_EXIT_NO : DURE_EXIT_OK;
    }
    for (unsigned w = 0; w < WAYS; w++) {
        if (w < silo->made)
            dure_sim_result_release(&silo->results[w]);
        dure_sim_specs_release(&silo->ways[w].own);
        DURE_VEC_FREE(&silo->starts[w].list);
    }
    dure_sim_jobs_release(&silo->jobs);
    dure_sim_specs_release(&silo->base);
    free(silo);
    return code ? code : dure_sim_interrupted() ? DURE_EXIT_NO : DURE_EXIT_OK;
}
