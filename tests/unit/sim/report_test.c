/* Documents: whole, self-contained, equal for equal runs, and no half of one on a full disk. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "rig.h"
#include "sim/report/report.h"
#include "tap.h"

static unsigned count_of(const char *text, const char *needle)
{
    unsigned count = 0;
    for (; (text = strstr(text, needle)) != NULL; text++)
        count++;
    return count;
}

static void numbers(void)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 1000);
    dure_report_number(&buf, -1205, 2);
    dure_buf_byte(&buf, ' ');
    dure_report_number(&buf, 7, 3);
    dure_buf_byte(&buf, ' ');
    dure_report_number(&buf, 42, 0);
    TAP_EQ_STR(buf.data, "-12.05 0.007 42", "numbers with decimals, by whole numbers alone");
    dure_buf_release(&buf);
}

static void page(const struct dure_document *report)
{
    struct dure_buf html, again;
    dure_buf_init(&html, 64 << 20);
    dure_buf_init(&again, 64 << 20);
    dure_report_html(report, &html);
    dure_report_html(report, &again);
    TAP_EQ_STR(html.data, again.data, "the same run makes the same page");
    TAP_EQ_UINT(count_of(html.data, "http"), 0, "which fetches nothing");
    TAP_EQ_UINT(count_of(html.data, "<script") + count_of(html.data, "@import") + count_of(html.data, "url("), 0,
                "and runs nothing");
    TAP_HAS(html.data, "prefers-color-scheme:dark", "it has a dark face");
    TAP_HAS(html.data, "@media print", "and one for print");
    TAP_HAS(html.data, "&lt;b&gt;", "what people named is escaped");
    TAP_EQ_UINT(count_of(html.data, "<b>"), 0, "everywhere");
    TAP_EQ_UINT(count_of(html.data, "<figure"), 2 * 8 + 1, "eight charts for each of two runs, and one for both");
    TAP_EQ_UINT(count_of(html.data, "<svg"), count_of(html.data, "</svg>"), "all closed");
    TAP_HAS(html.data, "partial", "a run that was stopped says so");
    for (const char *at = strstr(html.data, "d=\"M"); at; at = strstr(at + 1, "d=\"M"))
        for (const char *c = at + 3; *c != '"'; c++)
            if (!strchr("MLZ 0123456789", *c)) {
                TAP_FAIL("a path holds '%c'", *c);
                at = strchr(at, '\0') - 1;
                break;
            }
    dure_buf_release(&html);
    dure_buf_release(&again);
}

/* The last step is as long as what is left of the run: its average must not fall for that, and no step is empty. */
static void last_step(const struct dure_sim_result *r)
{
    const uint32_t last = r->sample_count - 1, rows = r->top_count + r->chain_count;
    uint64_t used_ms[2] = {0};
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t k = 0; k < r->top_count * 2; k++)
            used_ms[i] += r->series[(size_t)(last - i) * rows * 2 + k];
    const int64_t span_us = dure_report_span_us(r, last);
    TAP_OK(span_us > 0 && span_us <= r->step_us, "the last step spans something");
    TAP_EQ_INT(r->from_us + r->step_us * last + span_us, r->until_us, "and ends with the run");
    TAP_EQ_INT(dure_report_span_us(r, 0), r->step_us, "the first is a whole one");
    const uint64_t now = used_ms[0] * 1000 / (uint64_t)span_us, before = used_ms[1] * 1000 / (uint64_t)r->step_us;
    TAP_OK(now + 8 >= before && now <= before + 8, "a fleet in steady use is so at its end: %u and %u GPUs",
           (unsigned)before, (unsigned)now);
}

static void tables(const struct dure_document *report)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 64 << 20);
    dure_report_json(report, true, &buf);
    TAP_EQ_UINT(count_of(buf.data, "\"series\""), 2, "the JSON has the series of both");
    TAP_HAS(buf.data, "\"utilisation\":", "and the figures");
    for (unsigned table = 0; table < DURE_TABLE_COUNT; table++) {
        dure_buf_clear(&buf);
        dure_report_csv(report, (enum dure_report_table)table, &buf);
        unsigned commas = 0, wrong = 0;
        for (const char *line = buf.data; *line; line = strchr(line, '\n') + 1) {
            unsigned here = 0;
            bool quoted = false;
            for (const char *c = line; *c != '\n'; c++) {
                quoted ^= *c == '"';
                here += *c == ',' && !quoted;
            }
            commas = line == buf.data ? here : commas;
            wrong += here != commas;
        }
        TAP_EQ_UINT(wrong, 0, "%s.csv: every row has as many cells as the heading",
                    dure_report_table_name((enum dure_report_table)table));
        if (table == DURE_TABLE_SEEDS)
            TAP_EQ_UINT(count_of(buf.data, "\n"), 1, "and neither run is one of several seeds");
        else
            TAP_OK(count_of(buf.data, "\n") > 2, "and there are rows");
    }
    dure_buf_release(&buf);
}

static void files(const struct dure_document *report)
{
    char folder[300], path[400];
    struct dure_error error = {0};
    struct stat status;
    snprintf(folder, sizeof folder, "%s/out", tap_tempdir());
    TAP_EQ_INT(dure_report_write(report, folder, &error), DURE_OK, "the files are written: %s", error.text);
    snprintf(path, sizeof path, "%s/report.html", folder);
    TAP_OK(stat(path, &status) == 0 && status.st_size > 10000, "the page is there");
    snprintf(path, sizeof path, "%s/series.csv", folder);
    TAP_OK(stat(path, &status) == 0, "the last table too");
    snprintf(folder, sizeof folder, "%s/none/out", tap_tempdir());
    TAP_OK(dure_report_write(report, folder, &error) != DURE_OK, "a folder that cannot be made");
    TAP_HAS(error.text, "none/out", "is named");
    const struct rlimit small = {1000, 1000};
    snprintf(folder, sizeof folder, "%s/full", tap_tempdir());
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small); /* what a full disk does, for this process */
    const enum dure_err err = dure_report_write(report, folder, &error);
    TAP_OK(err != DURE_OK, "a disk that fills ends it");
    TAP_HAS(error.text, "no part of this file was left", "with a word");
    snprintf(path, sizeof path, "%s/report.html", folder);
    TAP_OK(stat(path, &status) != 0, "and no page that looks whole");
    snprintf(path, sizeof path, "%s/report.html.new", folder);
    TAP_OK(stat(path, &status) != 0, "nor a half of one");
}

int main(void)
{
    struct rig rig;
    rig_begin(&rig);
    for (unsigned i = 0; i < 300; i++)
        rig_job(&rig, i * 300, i % 2 ? "o0/a" : "o1/c", i % 3 ? DURE_GUARANTEED : DURE_BORROWED, 1u << i % 5,
                4000 + i * 10);
    struct dure_sim_options options = rig_options(&rig);
    struct dure_sim_result one = rig_run(&options);
    options = rig_options(&rig);
    options.until_us = 20000 * DURE_SECOND_US;
    struct dure_sim_result two = rig_run(&options);
    last_step(&two);
    two.partial = true;
    struct dure_document report = {.title = "A <b>run</b>",
                                   .fleet = rig.fleet,
                                   .tenants = rig.tenants,
                                   .run_count = 2,
                                   .note_count = 1,
                                   .runs = {{"whole", &one}, {"cut, \"short\"", &two}},
                                   .notes = {{"seed", "7"}}};
    numbers();
    page(&report);
    tables(&report);
    files(&report);
    dure_sim_result_release(&one);
    dure_sim_result_release(&two);
    rig_end(&rig);
    return tap_done();
}
