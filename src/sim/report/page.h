#pragma once
/* The page's parts. */
#include "sim/report/report.h"

void page_text(struct dure_buf *buf, const char *text); /* escaped */
void page_charts(const struct dure_document *report, struct dure_buf *buf);
