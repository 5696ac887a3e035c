#pragma once
/* The page's parts. */
#include "sim/report/report.h"

void page_text(struct dure_buf *buf, const char *text); /* escaped */
void report_extra_csv(const struct dure_report_extra *extra, struct dure_buf *buf);
void page_charts(const struct dure_document *report, struct dure_buf *buf);
/* Runs in one picture, a line each: the largest gang that there was room for, and, where any did so, GPUs that rights waited for by shape alone. */
void page_overlays(const struct dure_document *report, struct dure_buf *buf);

/* Of a picture, for both. */
enum { PAGE_WIDTH = 640, PAGE_HEIGHT = 240, PAGE_LEFT = 58, PAGE_RIGHT = 8, PAGE_TOP = 8, PAGE_BOTTOM = 26 };
enum {
    PAGE_PLOT_WIDTH = PAGE_WIDTH - PAGE_LEFT - PAGE_RIGHT,
    PAGE_PLOT_HEIGHT = PAGE_HEIGHT - PAGE_TOP - PAGE_BOTTOM,
    PAGE_COLOURS = 8
};
uint64_t page_round_up(uint64_t most);
void page_frame(struct dure_buf *buf, uint64_t most); /* lines and their values */
void page_dates(struct dure_buf *buf, int64_t from_us, int64_t until_us);
unsigned page_y(uint64_t value, uint64_t most);
void page_key(struct dure_buf *buf, const char *name, unsigned colour);
