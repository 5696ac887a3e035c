#pragma once
/* Documents of one run, or of several side by side: JSON, CSV and one self-contained HTML page. Figures are made from whole numbers, so that equal runs
 * make equal bytes. */
#include "sim/run/sim.h"
#include "sim/trace/table.h"

enum { DURE_REPORT_RUNS_MAX = 32, DURE_REPORT_NOTES_MAX = 24 };

/* A figure over several seeds: mean and standard deviation (of a sample) with one decimal more than the figure's own. */
struct dure_report_spread {
    int64_t mean, sd, least, most;
};

struct dure_document_run {
    const char *name; /* of its column; "" for one alone */
    const struct dure_sim_result *result;
    const char *seeds;                        /* "42-51": `result` is the first seed's; NULL: one run */
    const struct dure_report_spread *spreads; /* by figure */
    const int64_t *values;                    /* [seed][figure] */
    uint32_t seed_count;
    uint64_t seed_first;
};

/* One more table, of what a document of its kind tells: "owners", "by_tenant". The first row holds the headings, the first column names the row. */
struct dure_report_extra {
    const char *name, *title, *text;
    unsigned columns, rows; /* without the headings */
    const char *const *cells;
};

struct dure_document {
    const char *title;
    const struct dure_fleet *fleet;
    const struct dure_tenants *tenants;
    uint32_t run_count, note_count;
    struct dure_document_run runs[DURE_REPORT_RUNS_MAX];
    const struct dure_trace_report *trace;       /* what was read; NULL: made work */
    const struct dure_report_extra *extra;       /* NULL: none */
    uint64_t without_gpus;                       /* rows of it that were no work for us */
    const char *notes[DURE_REPORT_NOTES_MAX][2]; /* what it was made from: name, value */
};

/* One object; with `series` the series of each run too. */
void dure_report_json(const struct dure_document *report, bool series, struct dure_buf *buf);
void dure_report_html(const struct dure_document *report, struct dure_buf *buf);
/* One table: "summary", "waits", "tenants", "chains", "series" or "seeds", with a heading and a first column that names the run. */
enum dure_report_table {
    DURE_TABLE_SUMMARY,
    DURE_TABLE_WAITS,
    DURE_TABLE_TENANTS,
    DURE_TABLE_CHAINS,
    DURE_TABLE_SERIES,
    DURE_TABLE_SEEDS, /* every figure of every seed, and what they come to; of runs over several seeds */
    DURE_TABLE_COUNT
};
const char *dure_report_table_name(enum dure_report_table table);
unsigned dure_report_table_count(const struct dure_document *report); /* CSV files that it is written as */
void dure_report_csv(const struct dure_document *report, enum dure_report_table table, struct dure_buf *buf);
/* All of them into a folder, which is made: report.html, report.json and a CSV file each (seeds.csv where there are several, one of the table that is its own). E_IO, E_FULL name the file. Whole or not there: each is
 * written beside its name and renamed. */
DURE_NODISCARD enum dure_err dure_report_write(const struct dure_document *report, const char *folder,
                                               struct dure_error *error);

/* Figures that people compare, one row each: a name for programs, one for people, a unit, and its value times 10^decimals. */
struct dure_report_figure {
    const char *key, *title, *unit;
    unsigned decimals;
    int64_t value;
    bool absent; /* the run's rules know no such thing */
};
enum { DURE_FIGURES_MAX = 40 };
unsigned dure_report_figures(const struct dure_sim_result *result, struct dure_report_figure figures[DURE_FIGURES_MAX]);
int64_t dure_report_span_us(const struct dure_sim_result *result,
                            uint32_t sample); /* of a step: the last may be short */
/* `values` of one figure, one for each of `count` seeds, `stride` apart. Whole numbers alone. */
struct dure_report_spread dure_report_spread_of(const int64_t *values, uint32_t count, size_t stride);
void dure_report_shown(struct dure_buf *buf, int64_t value, unsigned decimals);  /* for people: "1,234.56" */
void dure_report_number(struct dure_buf *buf, int64_t value, unsigned decimals); /* "12.34" */
