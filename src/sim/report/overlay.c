/* Pictures with a line for each run, on one scale of time. */
#include <inttypes.h>

#include "sim/report/page.h"

typedef uint64_t value_fn(const struct dure_sim_result *r, uint32_t sample);

static uint64_t gang(const struct dure_sim_result *r, uint32_t sample)
{
    return r->samples[sample].gpus_gang;
}

static uint64_t blocked(const struct dure_sim_result *r, uint32_t sample)
{
    return r->samples[sample].blocked_ms * 1000 / (uint64_t)dure_report_span_us(r, sample);
}

struct scale {
    int64_t from_us, until_us;
    uint64_t most;
};

static struct scale scale_of(const struct dure_document *report, value_fn *value)
{
    struct scale scale = {.from_us = INT64_MAX, .until_us = INT64_MIN};
    for (uint32_t i = 0; i < report->run_count; i++) {
        const struct dure_sim_result *r = report->runs[i].result;
        scale.from_us = r->from_us < scale.from_us ? r->from_us : scale.from_us;
        scale.until_us = r->until_us > scale.until_us ? r->until_us : scale.until_us;
        for (uint32_t k = 0; k < r->sample_count; k++)
            scale.most = value(r, k) > scale.most ? value(r, k) : scale.most;
    }
    return scale;
}

/* A value stands at the end of its step. */
static void line(const struct dure_sim_result *r, unsigned colour, const struct scale *scale, value_fn *value,
                 struct dure_buf *buf)
{
    const uint64_t most = page_round_up(scale->most), span = (uint64_t)(scale->until_us - scale->from_us) + 1;
    dure_buf_printf(buf, "<path class=\"lineplot\" style=\"stroke:var(--c%u)\" d=\"", colour % PAGE_COLOURS);
    for (uint32_t k = 0; k < r->sample_count; k++) {
        const int64_t at_us = r->from_us + r->step_us * k + dure_report_span_us(r, k);
        const uint64_t x = (uint64_t)((dure_wide)(uint64_t)(at_us - scale->from_us) * PAGE_PLOT_WIDTH / span);
        dure_buf_printf(buf, "%s%" PRIu64 " %u", k ? "L" : "M", PAGE_LEFT + x, page_y(value(r, k), most));
    }
    dure_buf_str(buf, "\"/>");
}

static void overlay(const struct dure_document *report, const char *title, const char *text, value_fn *value,
                    struct dure_buf *buf)
{
    const struct scale scale = scale_of(report, value);
    dure_buf_printf(buf,
                    "<section><h2>%s</h2><p>%s</p><figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">",
                    title, text, PAGE_WIDTH, PAGE_HEIGHT, title);
    page_frame(buf, page_round_up(scale.most));
    page_dates(buf, scale.from_us, scale.until_us);
    for (uint32_t i = 0; i < report->run_count; i++)
        line(report->runs[i].result, i, &scale, value, buf);
    dure_buf_str(buf, "</svg><ul class=\"key\">");
    for (uint32_t i = 0; i < report->run_count; i++)
        page_key(buf, report->runs[i].name, i);
    dure_buf_str(buf, "</ul></figure></section>\n");
}

void page_overlays(const struct dure_document *report, struct dure_buf *buf)
{
    bool any = false;
    if (report->run_count < 2)
        return;
    for (uint32_t i = 0; i < report->run_count; i++)
        any = any || report->runs[i].result->blocked_ms > 0;
    dure_buf_str(buf, "<div class=\"together\">\n");
    if (any)
        overlay(report, "Rights kept waiting by shape alone",
                "GPUs that gangs and whole nodes waited for though their quota was free and as many GPUs lay idle: "
                "counts promise a number, not a shape. Cells promise the shape.",
                blocked, buf);
    overlay(
        report, "The largest gang there was room for",
        "GPUs on wholly idle nodes of one chain, at the end of each step: what a gang of whole nodes could have taken "
        "at once.",
        gang, buf);
    dure_buf_str(buf, "</div>\n");
}
