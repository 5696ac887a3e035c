/* The tables of a report as CSV files. */
#include <inttypes.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/report/page.h"

const char *dure_report_table_name(enum dure_report_table table)
{
    static const char *const names[] = {"summary", "waits", "tenants", "chains", "series", "seeds"};
    return names[table];
}

/* Quoted where it must be. */
static void text(struct dure_buf *buf, const char *value)
{
    if (!strpbrk(value, ",\"\n\r")) {
        dure_buf_str(buf, value);
        return;
    }
    dure_buf_byte(buf, '"');
    for (; *value; value++)
        dure_buf_str(buf, *value == '"' ? "\"\"" : (char[]){*value, 0});
    dure_buf_byte(buf, '"');
}

static void summary(const struct dure_document *report, struct dure_buf *buf)
{
    struct dure_report_figure figures[DURE_REPORT_RUNS_MAX][DURE_FIGURES_MAX];
    unsigned count = 0;
    dure_buf_str(buf, "figure,unit");
    for (uint32_t i = 0; i < report->run_count; i++) {
        count = dure_report_figures(report->runs[i].result, figures[i]);
        dure_buf_byte(buf, ',');
        text(buf, *report->runs[i].name ? report->runs[i].name : "value");
    }
    for (unsigned k = 0; k < count; k++) {
        dure_buf_printf(buf, "\n%s,%s", figures[0][k].key, figures[0][k].unit);
        for (uint32_t i = 0; i < report->run_count; i++) {
            dure_buf_byte(buf, ',');
            if (!figures[i][k].absent)
                dure_report_number(buf, figures[i][k].value, figures[i][k].decimals);
        }
    }
    dure_buf_byte(buf, '\n');
}

/* The whole distribution: up to which wait how many. */
static void waits(const struct dure_document *report, const struct dure_document_run *run, struct dure_buf *buf)
{
    (void)report;
    for (unsigned class = 0; class < 2; class ++)
        for (unsigned s = 0; s < DURE_SIM_SIZES; s++) {
            const struct dure_sim_waits *w = &run->result->waits[class][s];
            uint64_t sum = w->zero;
            for (int step = -1; step < DURE_SIM_WAITS_MAX && w->count; step++) {
                sum += step < 0 ? 0 : w->at[step];
                if (step >= 0 && w->at[step] == 0)
                    continue;
                text(buf, run->name);
                dure_buf_printf(buf, ",%s,%s,", class ? "borrowed" : "guaranteed", dure_sim_size_names[s]);
                dure_report_number(buf, step < 0 ? 0 : dure_sim_waits_edge_ms((unsigned)step), 3);
                dure_buf_printf(buf, ",%" PRIu64 ",%" PRIu64 "\n", sum, w->count);
            }
        }
}

static void tenants(const struct dure_document *report, const struct dure_document_run *run, struct dure_buf *buf)
{
    for (uint32_t i = 0; i < run->result->tenant_count; i++) {
        const struct dure_sim_tenant *t = &run->result->tenants[i];
        if (t->submitted + t->gpu_ms[0] + t->gpu_ms[1] == 0)
            continue;
        text(buf, run->name);
        dure_buf_byte(buf, ',');
        text(buf, report->tenants->tenants[i].path);
        dure_buf_printf(buf, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", t->submitted, t->refused, t->ended);
        dure_report_number(buf, (int64_t)(t->gpu_ms[0] / 36000), 2);
        dure_buf_byte(buf, ',');
        dure_report_number(buf, (int64_t)(t->gpu_ms[1] / 36000), 2);
        for (unsigned class = 0; class < 2; class ++) {
            dure_buf_byte(buf, ',');
            dure_report_number(buf, t->started[class] ? (int64_t)(t->wait_ms[class] / t->started[class]) : 0, 3);
        }
        dure_buf_printf(buf, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", t->evicted, t->at_once,
                        t->in_time, t->late, t->short_cells);
    }
}

static void chains(const struct dure_document *report, const struct dure_document_run *run, struct dure_buf *buf)
{
    for (uint32_t c = 0; c < run->result->chain_count; c++) {
        const struct dure_sim_chain *chain = &run->result->chains[c];
        text(buf, run->name);
        dure_buf_byte(buf, ',');
        text(buf, report->fleet->chains[c].name);
        dure_buf_printf(buf, ",%" PRIu64 ",", chain->gpus);
        dure_report_number(buf, (int64_t)(chain->gpu_ms[0] / 36000), 2);
        dure_buf_byte(buf, ',');
        dure_report_number(buf, (int64_t)(chain->gpu_ms[1] / 36000), 2);
        dure_buf_byte(buf, '\n');
    }
}

/* A row for each step and each tenant at the top or chain. */
static void series(const struct dure_document *report, const struct dure_document_run *run, struct dure_buf *buf)
{
    const struct dure_sim_result *r = run->result;
    const uint32_t rows = r->top_count + r->chain_count;
    char time[DURE_TIME_TEXT_MAX];
    for (uint32_t i = 0; i < r->sample_count; i++) {
        const struct dure_sim_sample *s = &r->samples[i];
        dure_time_format_utc(r->from_us + r->step_us * i, time);
        for (uint32_t k = 0; k < rows; k++) {
            const bool top = k < r->top_count;
            text(buf, run->name);
            dure_buf_printf(buf, ",%s,%s,", time, top ? "tenant" : "chain");
            text(buf, top ? report->tenants->tenants[r->tops[k]].path : report->fleet->chains[k - r->top_count].name);
            for (unsigned class = 0; class < 2; class ++) {
                dure_buf_byte(buf, ',');
                dure_report_number(buf, (int64_t)(r->series[((size_t)i * rows + k) * 2 + class] / 36000), 2);
            }
            dure_buf_printf(buf,
                            ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                            ",%" PRId64 "\n",
                            s->pending_ms / 1000, s->evicted, s->gpus_idle, s->gpus_whole, s->gpus_largest,
                            s->gpus_gang, s->blocked_ms / 1000, dure_report_span_us(r, i) / 1000000);
        }
    }
}

/* A row for each seed and figure, then mean, sd, least and most of all seeds. */
static void seeds(const struct dure_document *report, const struct dure_document_run *run, struct dure_buf *buf)
{
    static const char *const sums[] = {"mean", "sd", "least", "most"};
    struct dure_report_figure figures[DURE_FIGURES_MAX];
    const unsigned count = dure_report_figures(run->result, figures);
    (void)report;
    for (uint32_t i = 0; run->seeds && i < run->seed_count + 4; i++)
        for (unsigned k = 0; k < count; k++) {
            const struct dure_report_spread *s = &run->spreads[k];
            const int64_t of_all[] = {s->mean, s->sd, s->least, s->most};
            const bool all = i >= run->seed_count;
            const unsigned which = all ? i - run->seed_count : 0;
            if (figures[k].absent)
                continue;
            text(buf, run->name);
            if (all)
                dure_buf_printf(buf, ",%s,%s,", sums[which], figures[k].key);
            else
                dure_buf_printf(buf, ",%" PRIu64 ",%s,", run->seed_first + i, figures[k].key);
            dure_report_number(buf, all ? of_all[which] : run->values[(size_t)i * DURE_FIGURES_MAX + k],
                               figures[k].decimals + (all && which < 2));
            dure_buf_byte(buf, '\n');
        }
}

void dure_report_csv(const struct dure_document *report, enum dure_report_table table, struct dure_buf *buf)
{
    static const char *const headings[DURE_TABLE_COUNT] = {
        "",
        "run,class,gpus,wait_s_up_to,starts,of\n",
        ("run,tenant,jobs,refused,ended,guaranteed_gpu_hours,borrowed_gpu_hours,guaranteed_mean_wait_s,"
         "borrowed_mean_wait_s,evicted,at_once,within_notice,late,cells_short\n"),
        "run,chain,gpus,guaranteed_gpu_hours,borrowed_gpu_hours\n",
        "run,time,kind,name,guaranteed_gpu_hours,borrowed_gpu_hours,pending_job_s,evicted,idle,idle_whole,largest,"
        "largest_gang,blocked_gpu_s,span_s\n",
        "run,seed,figure,value\n"};
    static void (*const rows[DURE_TABLE_COUNT])(const struct dure_document *, const struct dure_document_run *,
                                                struct dure_buf *) = {NULL, waits, tenants, chains, series, seeds};
    if (table == DURE_TABLE_SUMMARY) {
        summary(report, buf);
        return;
    }
    dure_buf_str(buf, headings[table]);
    for (uint32_t i = 0; i < report->run_count; i++)
        rows[table](report, &report->runs[i], buf);
}

void report_extra_csv(const struct dure_report_extra *extra, struct dure_buf *buf)
{
    for (size_t i = 0; i < (size_t)(extra->rows + 1) * extra->columns; i++) {
        dure_buf_str(buf, i % extra->columns ? "," : "");
        text(buf, extra->cells[i]);
        dure_buf_str(buf, (i + 1) % extra->columns ? "" : "\n");
    }
}
