#pragma once
/* What the readers of work share. */
#include "sim/trace/work.h"

/* Takes a job into the work; DURE_OK, or E_LIMIT and E_MEMORY. */
enum dure_err work_take(struct dure_work *work, const struct dure_work_job *job);
/* The number of a group. DURE_NONE32: too many, or no memory. */
uint32_t work_group(struct dure_work *work, const char *name);

/* Seconds with up to six decimals → microseconds, exactly. */
bool work_seconds(const char *text, int64_t *ret_us);
/* "2026-03-01T09:00:00[Z|+09:00]", "2026-03-01 09:00:00", or seconds. */
bool work_time(const char *text, const char *zone, int64_t *ret_us);

/* Line by line, for formats that are no CSV. `line` may be changed. E_INVALID: the row is bad, and the report says so. */
typedef enum dure_err work_line_fn(void *context, char *line, uint32_t number, struct dure_trace_report *report);
enum dure_err work_lines(const char *file, const char *text, size_t length, work_line_fn *line, void *context,
                         struct dure_trace_report *report, struct dure_error *error);

enum dure_err work_csv(struct dure_work *work, const char *file, const char *text, size_t length, const char *zone,
                       struct dure_error *error);
enum dure_err work_philly(struct dure_work *work, const char *file, const char *text, size_t length,
                          struct dure_error *error);
enum dure_err work_swf(struct dure_work *work, const char *file, const char *text, size_t length,
                       struct dure_error *error);
enum dure_err work_sacct(struct dure_work *work, const char *file, const char *text, size_t length, const char *zone,
                         struct dure_error *error);
enum dure_err work_journal(struct dure_work *work, const char *folder, struct dure_error *error);
