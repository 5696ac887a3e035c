/* The JSON of a report: an object for one run, with `runs` for several. */
#include <inttypes.h>

#include "base/timefmt.h"
#include "sim/report/report.h"

static void key(struct dure_buf *buf, const char *name)
{
    dure_buf_printf(buf, ",\"%s\":", name);
}

static void put_waits(const struct dure_sim_result *r, struct dure_buf *buf)
{
    static const unsigned quantiles[] = {500, 900, 990};
    static const char *const names[] = {"p50_s", "p90_s", "p99_s"};
    bool first = true;
    dure_buf_str(buf, ",\"waits\":[");
    for (unsigned class = 0; class < 2; class ++)
        for (unsigned s = 0; s < DURE_SIM_SIZES; s++) {
            const struct dure_sim_waits *w = &r->waits[class][s];
            if (w->count == 0)
                continue;
            dure_buf_printf(
                buf, "%s{\"class\":\"%s\",\"gpus\":\"%s\",\"starts\":%" PRIu64 ",\"at_once\":%" PRIu64 ",\"mean_s\":",
                first ? "" : ",", class ? "borrowed" : "guaranteed", dure_sim_size_names[s], w->count, w->zero);
            dure_report_number(buf, (int64_t)(w->sum_ms / w->count), 3);
            for (unsigned q = 0; q < 3; q++) {
                key(buf, names[q]);
                dure_report_number(buf, dure_sim_waits_quantile(w, quantiles[q]), 3);
            }
            key(buf, "most_s");
            dure_report_number(buf, (int64_t)w->most_ms, 3);
            dure_buf_byte(buf, '}');
            first = false;
        }
    dure_buf_byte(buf, ']');
}

static void put_tenant(const struct dure_sim_tenant *t, const struct dure_tenant *tenant, struct dure_buf *buf)
{
    dure_buf_str(buf, "{\"tenant\":");
    dure_buf_json(buf, tenant->path);
    dure_buf_str(buf, ",\"label\":");
    dure_buf_json(buf, tenant->label);
    dure_buf_printf(buf, ",\"jobs\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"ended\":%" PRIu64 ",\"failed\":%" PRIu64,
                    t->submitted, t->refused, t->ended, t->failed);
    for (unsigned class = 0; class < 2; class ++) {
        dure_buf_printf(buf, ",\"%s_gpu_hours\":", class ? "borrowed" : "guaranteed");
        dure_report_number(buf, (int64_t)(t->gpu_ms[class] / 36000), 2);
        dure_buf_printf(buf, ",\"%s_mean_wait_s\":", class ? "borrowed" : "guaranteed");
        dure_report_number(buf, t->started[class] ? (int64_t)(t->wait_ms[class] / t->started[class]) : 0, 3);
    }
    dure_buf_str(buf, ",\"lost_gpu_hours\":");
    dure_report_number(buf, (int64_t)(t->lost_ms / 36000), 2);
    dure_buf_printf(buf,
                    ",\"evicted\":%" PRIu64 ",\"promises\":{\"at_once\":%" PRIu64 ",\"within_notice\":%" PRIu64
                    ",\"late\":%" PRIu64 ",\"longest_s\":",
                    t->evicted, t->at_once, t->in_time, t->late);
    dure_report_number(buf, t->latest_ms, 3);
    dure_buf_printf(buf, ",\"cells_short\":%" PRIu64 "}}", t->short_cells);
}

static void put_tables(const struct dure_document *report, const struct dure_sim_result *r, struct dure_buf *buf)
{
    bool first = true;
    dure_buf_str(buf, ",\"tenants\":[");
    for (uint32_t i = 0; i < r->tenant_count; i++) {
        const struct dure_sim_tenant *t = &r->tenants[i];
        if (t->submitted + t->ended + t->gpu_ms[0] + t->gpu_ms[1] == 0)
            continue;
        dure_buf_str(buf, first ? "" : ",");
        put_tenant(t, &report->tenants->tenants[i], buf);
        first = false;
    }
    dure_buf_str(buf, "],\"chains\":[");
    for (uint32_t c = 0; c < r->chain_count; c++) {
        dure_buf_str(buf, c ? ",{\"chain\":" : "{\"chain\":");
        dure_buf_json(buf, report->fleet->chains[c].name);
        dure_buf_printf(buf, ",\"gpus\":%" PRIu64 ",\"guaranteed_gpu_hours\":", r->chains[c].gpus);
        dure_report_number(buf, (int64_t)(r->chains[c].gpu_ms[0] / 36000), 2);
        dure_buf_str(buf, ",\"borrowed_gpu_hours\":");
        dure_report_number(buf, (int64_t)(r->chains[c].gpu_ms[1] / 36000), 2);
        dure_buf_byte(buf, '}');
    }
    dure_buf_byte(buf, ']');
}

static void put_series(const struct dure_sim_result *r, struct dure_buf *buf)
{
    const size_t width = (size_t)(r->top_count + r->chain_count) * 2;
    dure_buf_printf(buf, ",\"series\":{\"step_s\":%" PRId64 ",\"samples\":[", r->step_us / 1000000);
    for (uint32_t i = 0; i < r->sample_count; i++) {
        const struct dure_sim_sample *s = &r->samples[i];
        dure_buf_printf(buf,
                        "%s{\"pending_job_s\":%" PRIu64 ",\"evicted\":%" PRIu64 ",\"idle\":%" PRIu64
                        ",\"idle_whole\":%" PRIu64 ",\"largest\":%" PRIu64 ",\"largest_gang\":%" PRIu64
                        ",\"blocked_gpu_s\":%" PRIu64 ",\"span_s\":%" PRId64 ",\"gpu_s\":[",
                        i ? "," : "", s->pending_ms / 1000, s->evicted, s->gpus_idle, s->gpus_whole, s->gpus_largest,
                        s->gpus_gang, s->blocked_ms / 1000, dure_report_span_us(r, i) / 1000000);
        for (size_t k = 0; k < width; k++)
            dure_buf_printf(buf, "%s%" PRIu64, k ? "," : "", r->series[i * width + k] / 1000);
        dure_buf_str(buf, "]}");
    }
    dure_buf_str(buf, "]}");
}

/* What the figures come to over the seeds; those above are the first seed's. */
static void put_seeds(const struct dure_document_run *run, const struct dure_report_figure *figures, unsigned count,
                      struct dure_buf *buf)
{
    bool first = true;
    dure_buf_str(buf, ",\"seeds\":");
    dure_buf_json(buf, run->seeds);
    dure_buf_str(buf, ",\"over_seeds\":{");
    for (unsigned i = 0; i < count; i++) {
        const struct dure_report_spread *s = &run->spreads[i];
        if (figures[i].absent)
            continue;
        dure_buf_printf(buf, "%s\"%s\":{\"mean\":", first ? "" : ",", figures[i].key);
        dure_report_number(buf, s->mean, figures[i].decimals + 1);
        dure_buf_str(buf, ",\"sd\":");
        dure_report_number(buf, s->sd, figures[i].decimals + 1);
        dure_buf_str(buf, ",\"least\":");
        dure_report_number(buf, s->least, figures[i].decimals);
        dure_buf_str(buf, ",\"most\":");
        dure_report_number(buf, s->most, figures[i].decimals);
        dure_buf_byte(buf, '}');
        first = false;
    }
    dure_buf_byte(buf, '}');
}

static void put_run(const struct dure_document *report, const struct dure_document_run *run, bool series,
                    struct dure_buf *buf)
{
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    struct dure_report_figure figures[DURE_FIGURES_MAX];
    const struct dure_sim_result *r = run->result;
    const unsigned count = dure_report_figures(r, figures);
    dure_buf_str(buf, "\"name\":");
    dure_buf_json(buf, run->name);
    dure_buf_printf(buf,
                    ",\"from\":\"%s\",\"until\":\"%s\",\"partial\":%s,\"gpus\":%" PRIu64 ",\"digest\":\"%016" PRIx64
                    "%016" PRIx64 "\"",
                    dure_time_format_utc(r->from_us, from), dure_time_format_utc(r->until_us, until),
                    r->partial ? "true" : "false", r->gpus, r->digest.lane[0], r->digest.lane[1]);
    for (unsigned i = 0; i < count; i++) {
        key(buf, figures[i].key);
        if (figures[i].absent)
            dure_buf_str(buf, "null");
        else
            dure_report_number(buf, figures[i].value, figures[i].decimals);
    }
    if (run->seeds)
        put_seeds(run, figures, count, buf);
    put_waits(r, buf);
    put_tables(report, r, buf);
    if (series)
        put_series(r, buf);
}

static void put_trace(const struct dure_document *report, struct dure_buf *buf)
{
    const struct dure_trace_report *t = report->trace;
    const uint64_t listed = t->bad_rows < DURE_TRACE_BAD_LINES_MAX ? t->bad_rows : DURE_TRACE_BAD_LINES_MAX;
    dure_buf_str(buf, "\"trace\":{\"file\":");
    dure_buf_json(buf, t->problems.file);
    dure_buf_printf(buf, ",\"rows\":%" PRIu64 ",\"without_gpus\":%" PRIu64 ",\"bad_rows\":%" PRIu64 ",\"bad_lines\":[",
                    t->rows, report->without_gpus, t->bad_rows);
    for (uint64_t i = 0; i < listed; i++)
        dure_buf_printf(buf, "%s%" PRIu32, i ? "," : "", t->bad_lines[i]);
    dure_buf_str(buf, "]},");
}

void dure_report_json(const struct dure_document *report, bool series, struct dure_buf *buf)
{
    dure_buf_str(buf, "{\"title\":");
    dure_buf_json(buf, report->title);
    dure_buf_str(buf, ",\"inputs\":{");
    for (uint32_t i = 0; i < report->note_count; i++) {
        dure_buf_str(buf, i ? "," : "");
        dure_buf_json(buf, report->notes[i][0]);
        dure_buf_byte(buf, ':');
        dure_buf_json(buf, report->notes[i][1]);
    }
    dure_buf_str(buf, "},");
    if (report->trace)
        put_trace(report, buf);
    dure_buf_str(buf, report->run_count == 1 ? "" : "\"runs\":[");
    for (uint32_t i = 0; i < report->run_count; i++) {
        dure_buf_str(buf, report->run_count == 1 ? "" : i ? ",{" : "{");
        put_run(report, &report->runs[i], series, buf);
        dure_buf_str(buf, report->run_count == 1 ? "" : "}");
    }
    dure_buf_str(buf, report->run_count == 1 ? "}" : "]}");
}
