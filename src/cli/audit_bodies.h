#pragma once
/* Personal fields of a state folder against the commitments in its leaves, fed leaf by leaf: what stands beside the record is what was recorded.
 * An erased field counts by the hash that was kept of it. */
#include "cli/audit_check.h"
#include "journal/journal.h"
#include "model/record.h"

struct dure_bodies {
    struct dure_journal *journal;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    uint64_t first;  /* leaf of the record at hand */
    uint64_t jobs;   /* seen so far: the next one's number less one */
    uint64_t bodies; /* compared */
    bool begun;      /* a record that more leaves belong to */
};

DURE_NODISCARD enum dure_err dure_bodies_begin(struct dure_bodies *bodies, struct dure_journal *journal);
void dure_bodies_end(struct dure_bodies *bodies);
/* False: the check says what is wrong. */
bool dure_bodies_leaf(struct dure_bodies *bodies, struct dure_check *check, uint64_t sequence, const void *leaf,
                      size_t length);
