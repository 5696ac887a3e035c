#include "loop/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"

enum { RECORD_ARENA_MAX = 1 << 28, PROGRESS_EVERY = 65536 };

struct recovering {
    struct dure_core *core;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    struct dure_error error;
    enum dure_err err;
    uint64_t size; /* leaves applied, whole records only */
    uint64_t seen;
    uint64_t total;
    uint64_t records;
    int64_t version; /* of the core that decided the stretch at hand */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

static bool apply_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct recovering *r = context;
    const void *bytes;
    size_t bytes_length;
    struct dure_record record;

    r->seen = sequence + 1;
    int whole = dure_leaves_join_next(&r->join, leaf, length, &bytes, &bytes_length, &r->error);
    if (whole == 0)
        return true;
    if (whole < 0) {
        r->err = (enum dure_err)whole;
    } else {
        dure_arena_reset(r->arena);
        r->err = dure_record_decode(bytes, bytes_length, r->arena, &record, &r->error);
        if (r->err == DURE_OK)
            r->err = dure_core_apply(r->core, &record, &r->error);
    }
    if (r->err != DURE_OK) {
        dure_fail_prefix(&r->error, r->err, "leaf %" PRIu64, sequence);
        return false;
    }
    if (record.kind == DURE_REC_CORE_VERSION)
        r->version = record.number;
    r->records++;
    r->size = sequence + 1;
    if (r->progress != NULL && r->records % PROGRESS_EVERY == 0)
        r->progress(r->context, r->size, r->total);
    return true;
}

/* Another version may count its digest otherwise: only our own stretches are compared. */
static bool compare_digest(void *context, uint64_t last_sequence, struct dure_digest stored)
{
    struct recovering *r = context;
    struct dure_digest mine = dure_core_digest(r->core);

    if (r->size != last_sequence + 1 || r->version != DURE_CORE_VERSION || memcmp(&mine, &stored, sizeof mine) == 0)
        return true;
    r->err =
        dure_fail(&r->error, DURE_E_DIVERGED,
                  "after leaf %" PRIu64 " the state's digest is %016" PRIx64 "%016" PRIx64
                  ", the journal says %016" PRIx64 "%016" PRIx64
                  "; keep the journal as it is, run `dure audit verify --state DIR` on a copy and report what it names",
                  last_sequence, mine.lane[0], mine.lane[1], stored.lane[0], stored.lane[1]);
    return false;
}

/* The newest snapshot that reads and whose state has the digest it names; anything else is noted and left aside. */
static enum dure_err begin(struct dure_journal *journal, const char *directory, struct recovering *r,
                           struct dure_recovery *recovery)
{
    struct dure_journal_head head;
    struct dure_snapshot snapshot;
    struct dure_error error = {0};

    dure_journal_head(journal, &head);
    r->total = head.size;
    if (directory == NULL ||
        dure_snapshot_newest(directory, DURE_CORE_VERSION, head.size, &snapshot, &error) != DURE_OK) {
        snprintf(recovery->note, sizeof recovery->note, "%.500s", error.text);
        return dure_core_new(&r->core);
    }
    enum dure_err err = dure_core_load(snapshot.bytes, snapshot.length, &r->core, &error);
    if (err == DURE_OK) {
        struct dure_digest digest = dure_core_digest(r->core);
        if (memcmp(&digest, &snapshot.digest, sizeof digest) != 0) {
            dure_core_free(r->core);
            r->core = NULL;
            err = dure_fail(&error, DURE_E_DIVERGED, "the snapshot's state has another digest than it names");
        }
    }
    if (err == DURE_OK) {
        r->size = recovery->from_snapshot = snapshot.sequence;
        r->version = DURE_CORE_VERSION;
    }
    dure_snapshot_release(&snapshot);
    if (err == DURE_OK)
        return DURE_OK;
    snprintf(recovery->note, sizeof recovery->note, "snapshot set aside (%.400s); rebuilt from records", error.text);
    return dure_core_new(&r->core);
}

static uint64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

enum dure_err dure_recover(struct dure_journal *journal, const char *directory, struct dure_recovery *ret_recovery,
                           void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                           struct dure_error *error)
{
    struct dure_recovery recovery = {0};
    struct recovering r = {.progress = progress, .context = context, .arena = dure_arena_new(RECORD_ARENA_MAX)};
    uint64_t began = monotonic_us();
    enum dure_err err = r.arena != NULL ? begin(journal, directory, &r, &recovery) : DURE_E_MEMORY;

    if (err == DURE_OK)
        err = dure_journal_read(journal, r.size, r.total, apply_leaf, compare_digest, &r, &r.error);
    if (r.err != DURE_OK)
        err = r.err;
    if (err == DURE_OK && r.size != r.total)
        err = dure_fail(&r.error, DURE_E_CORRUPT, "the last record is cut off after leaf %" PRIu64, r.seen);
    dure_buf_release(&r.join.whole);
    dure_arena_free(r.arena);
    if (err != DURE_OK) {
        dure_core_free(r.core);
        return dure_fail(error, err, "%s", r.error.text[0] != '\0' ? r.error.text : dure_err_sentence(err));
    }
    if (progress != NULL)
        progress(context, r.size, r.total);
    recovery.core = r.core;
    recovery.size = r.size;
    recovery.records = r.records;
    recovery.seconds_us = monotonic_us() - began;
    *ret_recovery = recovery;
    return DURE_OK;
}
