#pragma once
/* From the daemon's JSON to text. No daemon is needed: golden tests feed canned answers. DURE_E_MEMORY when out of memory. */
#include <jansson.h>

#include "base/err.h"
#include "cli/screen.h"

/* `format`: NULL for squeue's default columns, names parted by commas, or squeue's % letters. E_INVALID names the column that is none. */
DURE_NODISCARD enum dure_err dure_render_jobs(const struct dure_screen *screen, const json_t *rows, const char *format,
                                              bool bare, struct dure_error *error);
/* Checks a format without rows. */
DURE_NODISCARD enum dure_err dure_render_jobs_check(const char *format, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_render_job(const struct dure_screen *screen, const json_t *job);
DURE_NODISCARD enum dure_err dure_render_why(const struct dure_screen *screen, const json_t *why);
DURE_NODISCARD enum dure_err dure_render_toll(const struct dure_screen *screen, const json_t *toll); /* why --queue */
/* `by`: "owner", "site", "model", "chain" or "all" (owner, site, model, others). */
DURE_NODISCARD enum dure_err dure_render_board(const struct dure_screen *screen, const json_t *board, const char *by);
DURE_NODISCARD enum dure_err dure_render_tenants(const struct dure_screen *screen, const json_t *rows);
DURE_NODISCARD enum dure_err dure_render_power(const struct dure_screen *screen, const json_t *rows); /* gate.c */
DURE_NODISCARD enum dure_err dure_render_maintenance(const struct dure_screen *screen, const json_t *rows);
enum dure_err dure_render_idle(const struct dure_screen *screen, const json_t *rows);
enum dure_err dure_render_allotments(const struct dure_screen *screen, const json_t *rows);
DURE_NODISCARD enum dure_err dure_render_nodes(const struct dure_screen *screen, const json_t *rows);
DURE_NODISCARD enum dure_err dure_render_node(const struct dure_screen *screen, const json_t *node);

/* One owner's hardware: GET /v1/owners/{name}. */
DURE_NODISCARD enum dure_err dure_render_owner(const struct dure_screen *screen, const json_t *owner);

/* A bar of `width` columns: shares of what owners use, what is lent, lost, idle and arriving; and what its marks mean. */
enum { DURE_BAR_PARTS = 8 };
void dure_render_bar(struct dure_buf *buf, const struct dure_screen *screen, const int64_t value[DURE_BAR_PARTS],
                     unsigned width);
/* What not every fleet has (away, dark, foreign) is left out where `totals` has none of it; NULL: it has none. */
void dure_render_legend(const struct dure_screen *screen, const json_t *totals);

/* "12", "12_3", "12_[3-99%10]" */
void dure_render_jobid(const json_t *row, struct dure_buf *buf);
enum dure_style dure_render_state_style(const char *state);
/* "0", "1", "SIGKILL (9)" → sacct's "0:9" */
void dure_render_exit(const json_t *row, struct dure_buf *buf);
/* " (virtual)", " (emulated)" or "" */
const char *dure_render_label(const json_t *row);
