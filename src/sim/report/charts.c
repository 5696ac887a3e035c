/* Charts as SVG, drawn with whole numbers: use over time by tenant and by chain, waits by size, the queue, fragmentation, evictions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/report/page.h"

enum { BANDS_MAX = 8 };

/* What one chart shows: a value for each step and band. */
struct chart {
    const struct dure_document *report;
    const struct dure_sim_result *r;
    unsigned bands;
    bool stacked;
    char names[BANDS_MAX][DURE_NAME_MAX + 16];
    uint64_t *values; /* [step][band] */
    uint64_t most;
};

static void number(struct dure_buf *buf, uint64_t value)
{
    if (value >= 10000000)
        dure_buf_printf(buf, "%" PRIu64 "M", value / 1000000);
    else if (value >= 10000)
        dure_buf_printf(buf, "%" PRIu64 "k", value / 1000);
    else
        dure_buf_printf(buf, "%" PRIu64, value);
}

uint64_t page_round_up(uint64_t most)
{
    uint64_t step = 1;
    while (step * 10 < most)
        step *= 10;
    return most == 0 ? 1 : (most + step - 1) / step * step;
}

void page_frame(struct dure_buf *buf, uint64_t most)
{
    for (unsigned i = 0; i <= 4; i++) {
        const unsigned y = PAGE_TOP + PAGE_PLOT_HEIGHT - PAGE_PLOT_HEIGHT * i / 4;
        dure_buf_printf(buf,
                        "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%u\" y2=\"%u\"/><text x=\"%d\" y=\"%u\" "
                        "text-anchor=\"end\">",
                        PAGE_LEFT, PAGE_WIDTH - PAGE_RIGHT, y, y, PAGE_LEFT - 5, y + 4);
        number(buf, most * i / 4);
        dure_buf_str(buf, "</text>");
    }
}

void page_dates(struct dure_buf *buf, int64_t from_us, int64_t until_us)
{
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    dure_buf_printf(buf, "<text x=\"%d\" y=\"%d\">%.10s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.10s</text>",
                    PAGE_LEFT, PAGE_HEIGHT - 8, dure_time_format_utc(from_us, from), PAGE_WIDTH - PAGE_RIGHT,
                    PAGE_HEIGHT - 8, dure_time_format_utc(until_us, until));
}

unsigned page_y(uint64_t value, uint64_t most)
{
    return PAGE_TOP + PAGE_PLOT_HEIGHT - (unsigned)((dure_wide)(value < most ? value : most) * PAGE_PLOT_HEIGHT / most);
}

static void band(const struct chart *chart, unsigned b, uint64_t most, struct dure_buf *buf)
{
    const uint32_t steps = chart->r->sample_count;
    dure_buf_printf(buf, "<path class=\"%s\" style=\"%s:var(--c%u)\" d=\"", chart->stacked ? "area" : "lineplot",
                    chart->stacked ? "fill" : "stroke", b % PAGE_COLOURS);
    for (unsigned pass = 0; pass < (chart->stacked ? 2u : 1u); pass++)
        for (uint32_t k = 0; k < steps; k++) {
            const uint32_t i = pass ? steps - 1 - k : k;
            uint64_t value = 0;
            for (unsigned below = chart->stacked ? 0 : b; below < b + (pass ? 0 : 1); below++)
                value += chart->values[(size_t)i * chart->bands + below];
            dure_buf_printf(buf, "%s%u %u", k || pass ? "L" : "M",
                            PAGE_LEFT + (steps > 1 ? PAGE_PLOT_WIDTH * i / (steps - 1) : 0), page_y(value, most));
        }
    dure_buf_str(buf, chart->stacked ? "Z\"/>" : "\"/>");
}

void page_key(struct dure_buf *buf, const char *name, unsigned colour)
{
    dure_buf_printf(buf, "<li><i style=\"background:var(--c%u)\"></i>", colour % PAGE_COLOURS);
    page_text(buf, name);
    dure_buf_str(buf, "</li>");
}

static void draw(const struct chart *chart, const char *name, uint64_t most, struct dure_buf *buf)
{
    dure_buf_str(buf, "<figure><h3>");
    page_text(buf, name);
    dure_buf_printf(buf, "</h3><svg viewBox=\"0 0 %d %d\" role=\"img\">", PAGE_WIDTH, PAGE_HEIGHT);
    page_frame(buf, most);
    page_dates(buf, chart->r->from_us, chart->r->until_us);
    for (unsigned b = 0; b < chart->bands; b++)
        band(chart, b, most, buf);
    dure_buf_str(buf, "</svg><ul class=\"key\">");
    for (unsigned b = 0; b < chart->bands; b++)
        page_key(buf, chart->names[b], b);
    dure_buf_str(buf, "</ul></figure>\n");
}

static uint64_t span(const struct dure_sim_result *r, uint32_t sample)
{
    return (uint64_t)dure_report_span_us(r, sample);
}

/* GPUs in use by tenant at the top, or by chain: the seven largest, and the rest. */
static void fill_use(struct chart *chart, bool by_chain)
{
    const struct dure_sim_result *r = chart->r;
    const uint32_t rows = r->top_count + r->chain_count, first = by_chain ? r->top_count : 0,
                   count = by_chain ? r->chain_count : r->top_count;
    uint32_t chosen[BANDS_MAX - 1];
    unsigned picked = 0;
    uint64_t *sums = calloc(count + 1, sizeof *sums);
    for (uint32_t i = 0; sums && i < r->sample_count; i++)
        for (uint32_t k = 0; k < count; k++)
            sums[k] +=
                r->series[((size_t)i * rows + first + k) * 2] + r->series[((size_t)i * rows + first + k) * 2 + 1];
    for (; sums && picked < BANDS_MAX - 1; picked++) {
        uint32_t best = DURE_NONE32;
        for (uint32_t k = 0; k < count; k++)
            if (sums[k] && (best == DURE_NONE32 || sums[k] > sums[best]))
                best = k;
        if (best == DURE_NONE32)
            break;
        sums[best] = 0;
        chosen[picked] = best;
        snprintf(chart->names[picked], sizeof chart->names[picked], "%.*s", DURE_NAME_MAX,
                 by_chain ? chart->report->fleet->chains[best].name
                          : chart->report->tenants->tenants[r->tops[best]].name);
    }
    bool rest = false;
    for (uint32_t k = 0; sums && k < count; k++)
        rest = rest || sums[k];
    free(sums);
    snprintf(chart->names[picked], sizeof chart->names[picked], "others");
    chart->bands = picked + (rest || !picked);
    for (uint32_t i = 0; i < r->sample_count; i++)
        for (uint32_t k = 0; k < count; k++) {
            unsigned b = 0;
            while (b < picked && chosen[b] != k)
                b++;
            const uint64_t ms =
                r->series[((size_t)i * rows + first + k) * 2] + r->series[((size_t)i * rows + first + k) * 2 + 1];
            if (b < chart->bands)
                chart->values[(size_t)i * chart->bands + b] += ms * 1000 / span(r, i);
        }
}

static void fill_class(struct chart *chart)
{
    const struct dure_sim_result *r = chart->r;
    const uint32_t rows = r->top_count + r->chain_count;
    chart->bands = 2;
    snprintf(chart->names[0], sizeof chart->names[0], "by right");
    snprintf(chart->names[1], sizeof chart->names[1], "borrowed");
    for (uint32_t i = 0; i < r->sample_count; i++)
        for (uint32_t k = 0; k < r->top_count; k++)
            for (unsigned c = 0; c < 2; c++)
                chart->values[(size_t)i * 2 + c] += r->series[((size_t)i * rows + k) * 2 + c] * 1000 / span(r, i);
}

static void fill_queue(struct chart *chart)
{
    chart->bands = 1;
    snprintf(chart->names[0], sizeof chart->names[0], "jobs waiting");
    for (uint32_t i = 0; i < chart->r->sample_count; i++)
        chart->values[i] = chart->r->samples[i].pending_ms * 1000 / span(chart->r, i);
}

static void fill_evictions(struct chart *chart)
{
    chart->bands = 1;
    snprintf(chart->names[0], sizeof chart->names[0], "taken back in a step");
    for (uint32_t i = 0; i < chart->r->sample_count; i++)
        chart->values[i] = chart->r->samples[i].evicted;
}

static void fill_fragments(struct chart *chart)
{
    static const char *const names[] = {"idle GPUs", "on wholly idle nodes", "largest gang in one chain",
                                        "largest gang in one top cell"};
    chart->bands = 4;
    for (unsigned b = 0; b < 4; b++)
        snprintf(chart->names[b], sizeof chart->names[b], "%s", names[b]);
    for (uint32_t i = 0; i < chart->r->sample_count; i++) {
        const struct dure_sim_sample *s = &chart->r->samples[i];
        const uint64_t values[] = {s->gpus_idle, s->gpus_whole, s->gpus_gang, s->gpus_largest};
        memcpy(chart->values + 4 * (size_t)i, values, sizeof values);
    }
}

enum what { USE_BY_CLASS, USE_BY_TENANT, USE_BY_CHAIN, QUEUE, FRAGMENTS, EVICTIONS, WHAT_COUNT };

static bool fill(const struct dure_document *report, const struct dure_sim_result *r, enum what what,
                 struct chart *chart)
{
    *chart = (struct chart){.report = report, .r = r, .stacked = what <= USE_BY_CHAIN};
    chart->values = calloc((size_t)r->sample_count * BANDS_MAX + 1, sizeof *chart->values);
    if (!chart->values)
        return false;
    switch (what) {
    case USE_BY_CLASS: fill_class(chart); break;
    case USE_BY_TENANT: fill_use(chart, false); break;
    case USE_BY_CHAIN: fill_use(chart, true); break;
    case QUEUE: fill_queue(chart); break;
    case FRAGMENTS: fill_fragments(chart); break;
    default: fill_evictions(chart); break;
    }
    for (uint32_t i = 0; i < r->sample_count; i++) {
        uint64_t sum = 0;
        for (unsigned b = 0; b < chart->bands; b++) {
            const uint64_t value = chart->values[(size_t)i * chart->bands + b];
            sum = chart->stacked ? sum + value : value > sum ? value : sum;
        }
        chart->most = sum > chart->most ? sum : chart->most;
    }
    return true;
}

static void over_time(const struct dure_document *report, enum what what, struct dure_buf *buf)
{
    static const char *const titles[][2] = {
        {"GPUs in use, by right and borrowed", "Averages over each step."},
        {"GPUs in use by tenant", "The largest, and all others together."},
        {"GPUs in use by chain", "One owner's machines of one kind at one site."},
        {"The queue", "Jobs that wait."},
        {"Fragmentation", "Idle GPUs, those of them on nodes without any work, and the largest gang of whole nodes "
                          "that one chain, or one top cell, has room for."},
        {"Evictions", "Borrowed work that owners took back."}};
    struct chart charts[DURE_REPORT_RUNS_MAX];
    uint64_t most = 0;
    uint32_t made = 0;
    for (; made < report->run_count && fill(report, report->runs[made].result, what, &charts[made]); made++)
        most = charts[made].most > most ? charts[made].most : most;
    buf->failed = buf->failed || made < report->run_count;
    dure_buf_printf(buf, "<section><h2>%s</h2><p>%s</p><div class=\"runs\">\n", titles[what][0], titles[what][1]);
    for (uint32_t i = 0; i < made; i++) {
        draw(&charts[i], report->runs[i].name, page_round_up(most), buf);
        free(charts[i].values);
    }
    dure_buf_str(buf, "</div></section>\n");
}

/* Waits on a scale of powers of two, from a second to the longest: the share of starts that waited no longer. */
static void cdf(const struct dure_sim_result *r, unsigned class, unsigned last, struct dure_buf *buf)
{
    for (unsigned s = 0; s < DURE_SIM_SIZES; s++) {
        const struct dure_sim_waits *w = &r->waits[class][s];
        uint64_t sum = w->zero;
        if (!w->count)
            continue;
        dure_buf_printf(buf, "<path class=\"lineplot\" style=\"stroke:var(--c%u)\" d=\"M%d %u", s, PAGE_LEFT,
                        page_y(sum, w->count));
        for (unsigned step = 0; step <= last; step++) {
            sum += w->at[step];
            dure_buf_printf(buf, "L%u %u", PAGE_LEFT + PAGE_PLOT_WIDTH * (step + 1) / (last + 1),
                            page_y(sum, w->count));
        }
        dure_buf_str(buf, "\"/>");
    }
}

static unsigned last_step(const struct dure_document *report)
{
    unsigned last = 15;
    for (uint32_t i = 0; i < report->run_count; i++)
        for (unsigned k = 0; k < 2 * DURE_SIM_SIZES; k++)
            for (unsigned step = last + 1; step < DURE_SIM_WAITS_MAX; step++)
                if (report->runs[i].result->waits[k / DURE_SIM_SIZES][k % DURE_SIM_SIZES].at[step])
                    last = step;
    return last;
}

static void waits(const struct dure_document *report, struct dure_buf *buf)
{
    const unsigned last = last_step(report);
    char edge[DURE_TIME_TEXT_MAX];
    dure_buf_str(buf, "<section><h2>Waits by size</h2><p>Share of first starts (in hundredths) that waited no longer; "
                      "the scale of time doubles at each equal step.</p><div class=\"runs\">\n");
    for (uint32_t i = 0; i < report->run_count; i++)
        for (unsigned class = 0; class < 2; class ++) {
            dure_buf_str(buf, "<figure><h3>");
            page_text(buf, report->runs[i].name);
            dure_buf_printf(buf, "%s%s</h3><svg viewBox=\"0 0 %d %d\" role=\"img\">", *report->runs[i].name ? ", " : "",
                            class ? "borrowed" : "guaranteed", PAGE_WIDTH, PAGE_HEIGHT);
            page_frame(buf, 100);
            for (unsigned k = 0; k <= 3; k++) {
                const unsigned step = last * k / 3;
                dure_buf_printf(buf, "<text x=\"%u\" y=\"%d\" text-anchor=\"%s\">%s</text>",
                                PAGE_LEFT + PAGE_PLOT_WIDTH * (k ? step + 1 : 0) / (last + 1), PAGE_HEIGHT - 8,
                                k == 0   ? "start"
                                : k == 3 ? "end"
                                         : "middle",
                                k == 0 ? "1s"
                                       : dure_duration_format(dure_sim_waits_edge_ms(step) / 1000 * 1000000, edge));
            }
            cdf(report->runs[i].result, class, last, buf);
            dure_buf_str(buf, "</svg><ul class=\"key\">");
            for (unsigned s = 0; s < DURE_SIM_SIZES; s++) {
                char name[32];
                snprintf(name, sizeof name, "%s GPUs", dure_sim_size_names[s]);
                if (report->runs[i].result->waits[class][s].count)
                    page_key(buf, name, s);
            }
            dure_buf_str(buf, "</ul></figure>\n");
        }
    dure_buf_str(buf, "</div></section>\n");
}

void page_charts(const struct dure_document *report, struct dure_buf *buf)
{
    for (unsigned what = USE_BY_CLASS; what <= QUEUE; what++)
        over_time(report, (enum what)what, buf);
    waits(report, buf);
    over_time(report, FRAGMENTS, buf);
    over_time(report, EVICTIONS, buf);
}
