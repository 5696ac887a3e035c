#pragma once
/* The checks of `dure audit verify`, fed leaf by leaf from a daemon or a folder: one frontier, one core, what is expected where.
 * A failed check names its leaf; the rest is then not looked at. */
#include "cli/cli.h"
#include "journal/merkle.h"
#include "journal/note.h"
#include "loop/recover.h"

struct dure_check {
    struct dure_audit *audit;
    struct dure_frontier frontier;
    struct dure_checkpoint head;  /* what the log must be; size UINT64_MAX: not known (a folder without a checkpoint) */
    struct dure_checkpoint older; /* one kept from before; size UINT64_MAX: none */
    uint64_t digests;             /* compared */
    bool older_seen, head_seen;
    uint64_t bad;     /* the first leaf that is wrong; UINT64_MAX: none */
    char wrong[1024]; /* in words */
    int64_t shown_us; /* when the progress bar was last drawn */
};

DURE_NODISCARD enum dure_err dure_check_begin(struct dure_check *check);
void dure_check_end(struct dure_check *check);
/* The next leaf. False: something is wrong; `wrong` says what. */
bool dure_check_leaf(struct dure_check *check, const void *leaf, size_t length);
/* The state's digest after the leaves fed so far. */
bool dure_check_digest(struct dure_check *check, struct dure_digest stored);
/* After the last leaf: is the root the signed one? */
bool dure_check_roots(struct dure_check *check);
bool dure_check_wrong(struct dure_check *check, uint64_t leaf, const char *format, ...)
    DURE_PRINTF(3, 4); /* returns false */
void dure_check_progress(struct dure_cli *cli, struct dure_check *check, uint64_t done, uint64_t total);
