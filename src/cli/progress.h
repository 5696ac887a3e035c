#pragma once
/* A bar on standard error while something long is at work: on a terminal only, and wiped before anything else is said. */
#include "cli/screen.h"

struct dure_progress {
    const struct dure_screen *screen;
    uint64_t done, all;
    int64_t began_us, shown_us; /* 0: not shown yet */
};

void dure_progress_begin(struct dure_progress *progress, const struct dure_screen *screen, uint64_t all);
/* One more is done; `what` comes next. At most ten times a second. */
void dure_progress_step(struct dure_progress *progress, const char *what);
void dure_progress_end(struct dure_progress *progress);
