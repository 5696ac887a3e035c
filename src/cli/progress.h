#pragma once
/* A bar on standard error while something long is at work: on a terminal only, and wiped before anything else is said. */
#include "cli/screen.h"

struct dure_progress {
    const struct dure_screen *screen;
    uint64_t done, all;
    int64_t began_us, shown_us; /* the same: not shown yet */
};

void dure_progress_begin(struct dure_progress *progress, const struct dure_screen *screen, uint64_t all);
/* One more is done; `what` comes next. */
void dure_progress_step(struct dure_progress *progress, const char *what);
/* Of what is not counted in pieces, so much is done. */
void dure_progress_at(struct dure_progress *progress, uint32_t permille, const char *what);
int64_t dure_progress_passed_us(const struct dure_progress *progress); /* since it began */
void dure_progress_end(struct dure_progress *progress);
