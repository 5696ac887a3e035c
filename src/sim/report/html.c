/* The page: no script, no network, one file. Charts are inline SVG in the page's own colours, which follow the reader's light or dark and print in black on
 * white. Several runs stand side by side on a wide screen, one under another on a narrow one, on the same scales. */
#include <inttypes.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/report/page.h"

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1b1f24;--soft:#59636e;--line:#d1d9e0;--paper:#fff;--card:#f6f8fa;--c0:#0b5cad;--c1:#e08214;--c2:#"
    "1a7f37;--c3:#8250df;--c4:#bf3989;--c5:#0e7c86;"
    "--c6:#7d4e00;--c7:#57606a;--bad:#b3261e}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--paper:#0d1117;--card:#"
    "151b23;--c0:#58a6ff;--c1:#f0a04b;--c2:#56d364;--c3:#bc8cff;--c4:#f778ba;"
    "--c5:#39c5cf;--c6:#d4a72c;--c7:#8b949e;--bad:#ff7b72}}"
    "@media print{:root{--ink:#000;--soft:#333;--line:#999;--paper:#fff;--card:#fff}section{break-inside:avoid}}"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1400px;padding:1rem;font:15px/1.5 "
    "system-ui,sans-serif;color:var(--ink);background:var(--paper)}"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .4rem}h3{font-size:1rem;margin:.4rem "
    "0}p,figcaption{color:var(--soft);margin:.2rem 0 .6rem;max-width:75ch}"
    ".runs{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}figure{margin:0;"
    "padding:.6rem;background:var(--card);border:1px solid var(--line);border-radius:6px}"
    "svg{display:block;width:100%;height:auto;overflow:visible}svg text{fill:var(--soft);font:11px "
    "system-ui,sans-serif}.grid{stroke:var(--line);stroke-width:1}.area{stroke:none}.lineplot{fill:none;stroke-width:1."
    "8}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:."
    "2rem .5rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}"
    "thead "
    "th{white-space:normal;vertical-align:bottom}@media(max-width:40rem){svg "
    "text{font-size:18px}th:first-child,td:first-child{white-space:"
    "normal;min-width:7.5rem;max-width:9rem}}"
    "th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}thead "
    "th{color:var(--soft);font-weight:600}.bad{color:var(--bad);font-weight:600}"
    ".key{display:flex;flex-wrap:wrap;gap:.2rem .9rem;margin:.3rem 0 0;padding:0;list-style:none;font-size:13px}.key "
    "i{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px}"
    ".together{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));max-width:"
    "88rem}"
    ".together section:only-child{max-width:44rem}"
    ".partial{border:1px solid var(--bad);color:var(--bad);padding:.3rem .6rem;border-radius:6px}";

void page_text(struct dure_buf *buf, const char *text)
{
    for (; *text; text++)
        dure_buf_str(buf, *text == '<'   ? "&lt;"
                          : *text == '>' ? "&gt;"
                          : *text == '&' ? "&amp;"
                          : *text == '"' ? "&quot;"
                                         : (char[]){*text, 0});
}

static void head(const struct dure_document *report, struct dure_buf *buf)
{
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    dure_buf_str(buf, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                      "content=\"width=device-width,initial-scale=1\"><title>");
    page_text(buf, report->title);
    dure_buf_printf(buf, "</title><style>%s</style></head><body>\n<h1>", style);
    page_text(buf, report->title);
    dure_buf_str(buf, "</h1>\n");
    for (uint32_t i = 0; i < report->run_count; i++) {
        const struct dure_sim_result *r = report->runs[i].result;
        dure_buf_str(buf, r->partial ? "<p class=\"partial\">" : "<p>");
        page_text(buf, report->runs[i].name);
        dure_buf_printf(buf, "%s%.19sZ to %.19sZ%s. Digest <code>%016" PRIx64 "%016" PRIx64 "</code></p>\n",
                        *report->runs[i].name ? ": " : "", dure_time_format_utc(r->from_us, from),
                        dure_time_format_utc(r->until_us, until),
                        r->partial ? " — stopped before its end: partial" : "", r->digest.lane[0], r->digest.lane[1]);
    }
    dure_buf_str(buf, "<p>Made from: ");
    for (uint32_t i = 0; i < report->note_count; i++) {
        dure_buf_str(buf, i ? "; " : "");
        page_text(buf, report->notes[i][0]);
        dure_buf_byte(buf, ' ');
        page_text(buf, report->notes[i][1]);
    }
    dure_buf_str(buf, ".</p>\n");
    if (report->trace && report->trace->bad_rows)
        dure_buf_printf(buf, "<p class=\"partial\">%" PRIu64 " bad rows of the trace were left out.</p>\n",
                        report->trace->bad_rows);
}

static void number(struct dure_buf *buf, int64_t value, unsigned decimals, const char *unit)
{
    dure_buf_str(buf, "<td>");
    dure_report_shown(buf, value, decimals);
    dure_buf_printf(buf, "%s%s</td>", *unit ? " " : "", unit);
}

static void count(struct dure_buf *buf, uint64_t value, bool bad)
{
    dure_buf_str(buf, bad ? "<td class=\"bad\">" : "<td>");
    dure_report_shown(buf, (int64_t)value, 0);
    dure_buf_str(buf, "</td>");
}

static void cell(struct dure_buf *buf, const struct dure_document_run *run, unsigned k,
                 const struct dure_report_figure *figure)
{
    if (figure->absent) {
        dure_buf_str(buf, "<td>–</td>");
    } else if (run->seeds) {
        dure_buf_str(buf, "<td>");
        dure_report_shown(buf, run->spreads[k].mean, figure->decimals + 1);
        dure_buf_str(buf, " ± ");
        dure_report_shown(buf, run->spreads[k].sd, figure->decimals + 1);
        dure_buf_printf(buf, "%s%s</td>", *figure->unit ? " " : "", figure->unit);
    } else {
        number(buf, figure->value, figure->decimals, figure->unit);
    }
}

static void summary(const struct dure_document *report, struct dure_buf *buf)
{
    struct dure_report_figure figures[DURE_REPORT_RUNS_MAX][DURE_FIGURES_MAX];
    unsigned count = 0;
    dure_buf_str(buf, "<section><h2>In figures</h2>");
    if (report->run_count && report->runs[0].seeds) {
        dure_buf_str(buf, "<p>Mean ± standard deviation over the seeds ");
        page_text(buf, report->runs[0].seeds);
        dure_buf_str(buf, "; all else on this page is of the first seed.</p>");
    }
    dure_buf_str(buf, "<div class=\"wide\"><table><thead><tr><th>figure</th>");
    for (uint32_t i = 0; i < report->run_count; i++) {
        count = dure_report_figures(report->runs[i].result, figures[i]);
        dure_buf_str(buf, "<th>");
        page_text(buf, *report->runs[i].name ? report->runs[i].name : "this run");
        dure_buf_str(buf, "</th>");
    }
    dure_buf_str(buf, "</tr></thead><tbody>\n");
    for (unsigned k = 0; k < count; k++) {
        dure_buf_printf(buf, "<tr><td>%s</td>", figures[0][k].title);
        for (uint32_t i = 0; i < report->run_count; i++)
            cell(buf, &report->runs[i], k, &figures[i][k]);
        dure_buf_str(buf, "</tr>\n");
    }
    dure_buf_str(buf, "</tbody></table></div></section>\n");
}

/* Use for each promised hour is even where everybody's share is the same: Jain's index, 1 at best. Borrowed GPU time of the tenants that asked for it. */
static int64_t fairness(const struct dure_sim_result *r)
{
    dure_wide sum = 0, squares = 0;
    uint64_t count = 0;
    for (uint32_t i = 0; i < r->tenant_count; i++) {
        const uint64_t hours = r->tenants[i].gpu_ms[1] / 3600000;
        if (r->tenants[i].started[1] == 0)
            continue;
        sum += hours;
        squares += (dure_wide)hours * hours;
        count++;
    }
    return squares == 0 ? 1000 : (int64_t)(sum * sum * 1000 / squares / count);
}

static void tenants(const struct dure_document *report, const struct dure_document_run *run, struct dure_buf *buf)
{
    const struct dure_sim_result *r = run->result;
    dure_buf_str(buf, "<h3>");
    page_text(buf, run->name);
    dure_buf_str(buf, "</h3><p>How even borrowed GPU time is between those who borrow (Jain's index, 1 is even): ");
    dure_report_shown(buf, fairness(r), 3);
    dure_buf_str(buf, ".</p><div class=\"wide\"><table><thead><tr><th>tenant</th><th>jobs</th><th>GPU-h by "
                      "right</th><th>borrowed</th><th>mean wait by right</th><th>taken back</th>"
                      "<th>at once</th><th>within notice</th><th>late</th><th>longest clearing</th><th>cells "
                      "short</th></tr></thead><tbody>\n");
    for (uint32_t i = 0; i < r->tenant_count; i++) {
        const struct dure_sim_tenant *t = &r->tenants[i];
        if (t->submitted + t->gpu_ms[0] + t->gpu_ms[1] == 0)
            continue;
        dure_buf_str(buf, "<tr><td>");
        page_text(buf, report->tenants->tenants[i].path);
        dure_buf_str(buf, "</td>");
        count(buf, t->submitted, false);
        count(buf, t->gpu_ms[0] / 3600000, false);
        count(buf, t->gpu_ms[1] / 3600000, false);
        number(buf, t->started[0] ? (int64_t)(t->wait_ms[0] / t->started[0] / 1000) : 0, 0, "s");
        count(buf, t->evicted, false);
        count(buf, t->at_once, false);
        count(buf, t->in_time, false);
        count(buf, t->late, t->late > 0);
        number(buf, t->latest_ms / 1000, 0, "s");
        count(buf, t->short_cells, t->short_cells > 0);
        dure_buf_str(buf, "</tr>\n");
    }
    dure_buf_str(buf, "</tbody></table></div>\n");
}

static void extra_table(const struct dure_report_extra *extra, struct dure_buf *buf)
{
    dure_buf_str(buf, "<section><h2>");
    page_text(buf, extra->title);
    dure_buf_str(buf, "</h2><p>");
    page_text(buf, extra->text);
    dure_buf_str(buf, "</p><div class=\"wide\"><table>");
    for (size_t i = 0; i < (size_t)(extra->rows + 1) * extra->columns; i++) {
        const bool head = i < extra->columns;
        dure_buf_str(buf, i % extra->columns    ? ""
                          : head                ? "<thead><tr>"
                          : i == extra->columns ? "</thead><tbody><tr>"
                                                : "<tr>");
        dure_buf_str(buf, head ? "<th>" : "<td>");
        page_text(buf, extra->cells[i]);
        dure_buf_str(buf, head ? "</th>" : "</td>");
        dure_buf_str(buf, (i + 1) % extra->columns ? "" : "</tr>\n");
    }
    dure_buf_str(buf, "</tbody></table></div></section>\n");
}

void dure_report_html(const struct dure_document *report, struct dure_buf *buf)
{
    head(report, buf);
    if (report->extra)
        extra_table(report->extra, buf);
    page_overlays(report, buf);
    summary(report, buf);
    page_charts(report, buf);
    dure_buf_str(buf, "<section><h2>Promises and fairness by tenant</h2><p>A right is served at once when cells of it "
                      "are free as its turn comes; within the notice when borrowers had to leave "
                      "first; late is a broken promise. Short cells lost their hardware.</p>\n");
    for (uint32_t i = 0; i < report->run_count; i++)
        tenants(report, &report->runs[i], buf);
    dure_buf_str(buf, "</section></body></html>\n");
}
