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
