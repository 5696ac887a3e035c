/* The simulator is the daemon: a run whose records are kept is a journal that recovery and audit take as their own, and it decides the same as a run that
 * keeps nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "loop/recover.h"
#include "rig.h"
#include "sim/make/make.h"
#include "tap.h"

static struct dure_sim_result play(const struct rig *rig, uint64_t seed, struct dure_journal *journal)
{
    struct dure_make *make;
    struct dure_error error = {0};
    const struct dure_make_options options = {.fleet = rig->fleet,
                                              .tenants = rig->tenants,
                                              .mix = DURE_MIX_NATIONAL,
                                              .seed = seed,
                                              .days = 3,
                                              .jobs = 900,
                                              .load_per_mille = 1200};
    if (dure_make_new(&options, &make, &error) != DURE_OK)
        tap_bail("%s", error.text);
    const struct dure_sim_options run = {.fleet = rig->fleet,
                                         .tenants = rig->tenants,
                                         .next = dure_make_next,
                                         .context = make,
                                         .seed = seed,
                                         .until_us = 4 * DURE_DAY_US,
                                         .leaves_us = 10 * DURE_SECOND_US,
                                         .node_fails_us = 5 * DURE_DAY_US,
                                         .node_mends_us = 3 * DURE_HOUR_US,
                                         .job_fails_per_mille = 50,
                                         .journal = journal};
    struct dure_sim_result result = rig_run(&run);
    dure_make_free(make);
    return result;
}

static bool leaf(void *context, uint64_t sequence, const void *bytes, size_t length)
{
    struct dure_error error = {0};
    const enum dure_err err = dure_audit_leaf(context, sequence, bytes, length, &error);
    if (err != DURE_OK)
        tap_diag("%s", error.text);
    return err == DURE_OK;
}

static bool batch(void *context, uint64_t last, struct dure_digest digest)
{
    struct dure_error error = {0};
    (void)last;
    return dure_audit_digest(context, digest, &error) == DURE_OK;
}

static uint64_t waits_ms(const struct dure_sim_result *r)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < 2 * DURE_SIM_SIZES; k++)
        sum += r->waits[k / DURE_SIM_SIZES][k % DURE_SIM_SIZES].sum_ms;
    return sum;
}

/* A record of a run, replayed: the same figures, where a replay can know them. */
static void replayed(const struct rig *rig, struct dure_journal *journal, const struct dure_sim_result *kept)
{
    const struct dure_sim_options options = {.fleet = rig->fleet, .tenants = rig->tenants, .until_us = 4 * DURE_DAY_US};
    struct dure_sim_result again;
    struct dure_sim_replayed counts;
    struct dure_error error = {0};
    TAP_EQ_INT(dure_sim_replay(journal, &options, &again, &counts, &error), DURE_OK, "it is decided again: %s",
               error.text);
    TAP_EQ_UINT(counts.decisions, kept->records, "every decision, the same");
    TAP_EQ_UINT(again.submitted - again.refused, kept->submitted - kept->refused, "what was taken");
    TAP_EQ_UINT(again.starts, kept->starts, "starts");
    TAP_EQ_UINT(again.ended, kept->ended, "ends");
    TAP_EQ_UINT(again.evicted, kept->evicted, "evictions");
    TAP_EQ_UINT(again.lost_attempts, kept->lost_attempts, "losses");
    TAP_EQ_UINT(waits_ms(&again), waits_ms(kept), "waits");
    TAP_EQ_UINT(again.turnaround_ms, kept->turnaround_ms, "times to the end");
    TAP_OK(again.promises_late <= kept->promises_late, "and promises are as they were");
    dure_sim_result_release(&again);
}

/* The same leaves in one transaction, but one of them. */
enum { COPIED_MAX = 4096 };
struct copying {
    struct dure_arena *arena;
    uint64_t change, seen;
    uint32_t count;
    struct dure_bytes leaves[COPIED_MAX];
};

static bool copy(void *context, uint64_t sequence, const void *bytes, size_t length)
{
    struct copying *copying = context;
    struct dure_arena *arena = dure_arena_new(1 << 24);
    struct dure_record record;
    struct dure_buf other DURE_CLEANUP_BUF = {0};
    (void)sequence;
    dure_buf_init(&other, 1 << 20);
    dure_buf_add(&other, bytes, length);
    if (dure_record_decode(bytes, length, arena, &record, NULL) == DURE_OK && record.kind == DURE_REC_START &&
        record.place_count == 1 && ++copying->seen == copying->change) {
        struct dure_place place = record.places[0];
        place.node_first ^= 1;
        record.places = &place;
        dure_buf_clear(&other);
        if (!dure_record_encode(&record, &other))
            tap_bail("a record cannot be encoded");
    }
    char *kept = dure_arena_alloc(copying->arena, other.length);
    if (!kept || copying->count == COPIED_MAX)
        tap_bail("out of room for leaves");
    memcpy(kept, other.data, other.length);
    copying->leaves[copying->count++] = (struct dure_bytes){kept, other.length};
    dure_arena_free(arena);
    return copying->seen < copying->change + 3; /* a few more, and enough */
}

static void otherwise(const struct rig *rig, struct dure_journal *journal)
{
    char directory[300];
    static struct copying copying;
    struct dure_journal *other;
    struct dure_journal_head head;
    struct dure_error error = {0};
    struct dure_sim_result result;
    struct dure_sim_replayed counts;
    const struct dure_sim_options options = {.fleet = rig->fleet, .tenants = rig->tenants, .until_us = DURE_NEVER_US};
    snprintf(directory, sizeof directory, "%s/other", tap_tempdir());
    mkdir(directory, 0700);
    if (dure_journal_open(&(struct dure_journal_options){.directory = directory, .origin = "test/sim", .create = true},
                          &other, &error) != DURE_OK)
        tap_bail("%s", error.text);
    copying = (struct copying){.change = 20, .arena = dure_arena_new(64 << 20)};
    dure_journal_head(journal, &head);
    TAP_EQ_INT(dure_journal_read(journal, 0, head.size, copy, NULL, &copying, &error), DURE_OK, "its leaves are read");
    const struct dure_journal_batch batch_of_all = {.leaves = copying.leaves, .leaf_count = copying.count};
    TAP_EQ_INT(dure_journal_append(other, &batch_of_all, &error), DURE_OK, "and written, one of them another");
    dure_arena_free(copying.arena);
    TAP_EQ_INT(dure_sim_replay(other, &options, &result, &counts, &error), DURE_E_DIVERGED,
               "one start on another node is found");
    TAP_HAS(error.text, "is not what the rules decide", "and named: %s", error.text);
    dure_journal_close(other);
}

static void same(const struct rig *rig, uint64_t seed)
{
    char directory[300];
    struct dure_journal *journal;
    struct dure_error error = {0};
    struct dure_recovery recovery;
    struct dure_audit *audit;
    struct dure_audit_result verdict;
    snprintf(directory, sizeof directory, "%s/%" PRIu64, tap_tempdir(), seed);
    mkdir(directory, 0700);
    if (dure_journal_open(&(struct dure_journal_options){.directory = directory, .origin = "test/sim", .create = true},
                          &journal, &error) != DURE_OK)
        tap_bail("%s", error.text);
    struct dure_sim_result kept = play(rig, seed, journal), light = play(rig, seed, NULL);
    TAP_EQ_MEM(&kept.digest, &light.digest, sizeof kept.digest,
               "seed %" PRIu64 ": with a journal and without, the same", seed);
    TAP_OK(kept.evicted > 0 && kept.lost_attempts > 0 && kept.ended > 300, "in a run where something happens");
    TAP_EQ_INT(dure_recover(journal, NULL, &recovery, NULL, NULL, &error), DURE_OK,
               "the daemon's recovery reads it: %s", error.text);
    TAP_EQ_UINT(dure_core_counts(recovery.core).jobs_ended, kept.ended, "into the same state");
    if (dure_audit_new(&audit) != DURE_OK)
        tap_bail("out of memory");
    TAP_EQ_INT(dure_journal_read(journal, 0, recovery.size, leaf, batch, audit, &error), DURE_OK,
               "and the audit decides all of it again, the same");
    dure_audit_result(audit, &verdict);
    TAP_EQ_UINT(verdict.decisions, kept.records, "every decision of it");
    dure_audit_free(audit);
    dure_core_free(recovery.core);
    replayed(rig, journal, &kept);
    if (seed == 1)
        otherwise(rig, journal);
    dure_journal_close(journal);
    dure_sim_result_release(&kept);
    dure_sim_result_release(&light);
}

int main(void)
{
    struct rig rig;
    rig_begin(&rig);
    for (uint64_t seed = 1; seed <= 2; seed++)
        same(&rig, seed);
    rig_end(&rig);
    return tap_done();
}
