/* Random histories on a small fleet. After every step: the digest is that of the state, a follower that only applies agrees, and the naive model
 * finds no GPU held twice, no gang in parts, no fraction beside another tenant's, no notice longer than the grace. At times the core is saved,
 * loaded and goes on in the place of the old one, beside it: both must say the same from there on. A third core forgets every verdict at once and
 * tries every class in every pass: it must decide the same, so that what wakes a need leaves nothing out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/state/mutants.h"
#include "core/state/planned.h"
#include "core/state/state.h"
#include "history.h"
#include "naive_why.h"
#include "specs.h"
#include "tap.h"

uint64_t history_seed, history_later, history_wishes;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

/* Whose start is planned is told when, at the latest; and what is told is an interval, all of it or none. */
static bool is_estimate_sound(const struct dure_why *why)
{
    const struct dure_why_estimate *e = &why->estimate;
    const bool by_room = why->wait == DURE_WAIT_RESOURCES || why->wait == DURE_WAIT_RIGHTS ||
                         why->wait == DURE_WAIT_SUSPENDED || why->wait == DURE_WAIT_PRIORITY;
    if (e->earliest_us > e->likely_us || e->likely_us > e->latest_us || !e->earliest_us != !e->latest_us)
        return false;
    return !by_room || !why->job.planned_us || (e->earliest_us && why->start_estimate_us == e->likely_us);
}

/* One that waits, or one that runs. */
static struct dure_job_id some_job(struct rig *rig, bool waits, struct dure_job_id else_this)
{
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    uint32_t seen = 0;
    while (dure_core_job_next(rig->core, &cursor, &view))
        if ((view.state == DURE_JOB_PENDING) == waits && !below_later(++seen))
            else_this = view.id;
    return else_this;
}

static void ask_why(struct rig *rig)
{
    const uint64_t next = dure_core_next_job(rig->core).v;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct dure_why why;
    struct dure_error error;
    const struct dure_digest before = dure_core_digest(rig->core);
    const struct dure_job_id drawn = {1 + below((uint32_t)next)},
                             job = below_later(8) ? some_job(rig, below_later(4), drawn) : drawn;
    if (!below_later(20) && !naive_toll_agrees(rig))
        TAP_FAIL("what each rule costs is the sum over the jobs that it keeps waiting");
    const enum dure_err err = dure_core_why(rig->core, job, DURE_NONE32, arena, &why, &error);
    if (err == DURE_OK && (!why.sentence || !*why.sentence || why.row_count < rig->fleet->chain_count))
        TAP_FAIL("why has an answer");
    if (err == DURE_OK && why.job.state == DURE_JOB_PENDING && !is_estimate_sound(&why))
        TAP_FAIL("a planned start is told, in order");
    if (err == DURE_OK && why.job.state == DURE_JOB_PENDING && !naive_why_agrees(rig, job, &why))
        TAP_FAIL("every GPU is in the group of the first rule that refuses it");
    if (err == DURE_OK && why.job.state == DURE_JOB_PENDING && !naive_changes_agree(rig, job, &why))
        TAP_FAIL("the changes that are offered are those that let it start, the best of each kind");
    if (err == DURE_OK && why.job.state != DURE_JOB_PENDING && !naive_others_agree(rig, &why))
        TAP_FAIL("a running job's other places are ranked as they are");
    if (err == DURE_OK && why.job.state == DURE_JOB_PENDING) {
        const struct dure_job now = *why.job.job; /* it may have been modified; a view does not outlast the next ones */
        for (uint32_t i = 0; !below(3) && i < why.change_count; i++)
            history_try_change(rig, job, now, &why.changes[i]);
    }
    const struct dure_digest after = dure_core_digest(rig->core);
    if (memcmp(&before, &after, sizeof before))
        TAP_FAIL("asking why changes nothing");
    dure_arena_free(arena);
}

/* Nothing stays bound that is neither used nor held for a planned start. */
static void check_bound(struct rig *rig)
{
    struct dure_allot_view view;
    for (uint32_t i = 0; i < dure_core_allot_count(rig->core); i++) {
        uint32_t held = 0;
        const struct allot *allot = rig->core->allots[i];
        for (uint32_t k = 0; k < allot->slots.count / allot->cell_slots; k++)
            held += planned_holds_cell(rig->core, i, k);
        if (dure_core_allot_view(rig->core, (struct dure_allot_id){i}, &view) &&
            (view.cells_bound > view.gpus_used + held || view.gpus_used > view.gpus))
            TAP_FAIL("allotment %s has %u cells bound and %u GPUs used", view.spec->name, view.cells_bound,
                     view.gpus_used);
    }
}

/* Nothing waits that can no longer end in time; at the last moment itself, until a pass has looked at it. */
static void check_deadlines(struct rig *rig, bool passed)
{
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    while (dure_core_job_next(rig->core, &cursor, &view))
        if (view.state == DURE_JOB_PENDING && view.job->deadline_us &&
            view.job->deadline_us - view.job->walltime_us < rig->now_us + passed)
            TAP_FAIL("job %llu waits although it cannot meet its deadline", (unsigned long long)view.id.v);
}

static void begin_history(struct rig *rig)
{
    struct dure_record r = rig_record(rig, DURE_REC_FLEET);
    const uint32_t none = 0;
    rig->own_log = true;
    dure_buf_add(&rig->log, &none, sizeof none);
    r.text = rig->fleet->spec_json;
    r.text_length = rig->fleet->spec_json_length;
    rig_keep(rig, &r);
    r = rig_record(rig, DURE_REC_TENANTS);
    r.text = rig->tenants->spec_json;
    r.text_length = rig->tenants->spec_json_length;
    rig_keep(rig, &r);
}

/* For digests.sh: every record of this history at the end of the file, a length of 0 before the first. */
static void keep_history(const struct rig *rig)
{
    FILE *file = fopen(getenv("DURE_HISTORY"), "ae");
    if (file == NULL || fwrite(rig->log.data, 1, rig->log.length, file) != rig->log.length || fclose(file) != 0)
        tap_bail("the history cannot be written to $DURE_HISTORY");
}

/* Datasets whose lists keep tenants apart in a node or a rack. */
static void declare_data(struct rig *rig)
{
    static const char datasets[] =
        "{\"kind\":\"Data\",\"version\":1,\"datasets\":["
        "{\"name\":\"rival\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"firm/c\",\"guest\"]}},"
        "{\"name\":\"keep\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"state/b\"]}},"
        "{\"name\":\"kin\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"state/a/x\"]}}]}";
    struct dure_record r = rig_record(rig, DURE_REC_DATA);
    r.text = datasets;
    r.text_length = sizeof datasets - 1;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("datasets: %s", rig->error.text);
}

static void history(uint32_t steps)
{
    struct rig rig;
    char *fleet = history_fleet();
    rig_init(&rig, fleet, specs_tenants);
    free(fleet);
    if (getenv("DURE_HISTORY") != NULL)
        begin_history(&rig);
    struct model *model = model_new(&rig);
    rig.follower = rig_reload(&rig);
    rig.shadow = rig_reload(&rig);
    rig.shadow->forgetful = true;
    declare_data(&rig);
    for (uint32_t i = 0; i < steps && dure_core_next_job(rig.core).v < MODEL_JOBS; i++) {
        const uint64_t passes = dure_core_counts(rig.core).passes;
        history_step(&rig, model);
        check_bound(&rig);
        check_deadlines(&rig, dure_core_counts(rig.core).passes != passes);
        if (!below(8)) {
            ask_why(&rig);
            history_ask_wishes(&rig);
        }
        if (!below(50)) { /* what was loaded decides from here; the old one only follows */
            struct dure_core *loaded = rig_reload(&rig);
            dure_core_free(rig.follower);
            rig.follower = rig.core;
            rig.core = loaded;
        }
    }
    TAP_EQ_UINT(model->faults, 0, "the model finds no fault");
    tap_diag("%llu grants, shrinks and ends;", (unsigned long long)model->grants);
    tap_diag("%llu starts, %llu ends, %llu requeues, %llu notices, %llu reservations (%llu given up), %llu "
             "suspensions, %llu restorations, %llu starts planned (%llu given up)",
             (unsigned long long)model->starts, (unsigned long long)model->ends, (unsigned long long)model->requeues,
             (unsigned long long)model->notices, (unsigned long long)model->reserves,
             (unsigned long long)model->unreserves, (unsigned long long)model->suspends,
             (unsigned long long)model->restores, (unsigned long long)model->plans, (unsigned long long)model->unplans);
    if (rig.own_log)
        keep_history(&rig);
    model_free(model);
    rig_release(&rig);
}

int main(int argc, char **argv)
{
    history_seed = tap_seed(20260301);
    history_later = history_seed ^ UINT64_C(0x9e3779b97f4a7c15);
    history_wishes = history_seed ^ UINT64_C(0x2545f4914f6cdd1d);
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 30;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = (int)rounds;
    rounds = 4;
#endif
    for (uint32_t i = 0; i < rounds; i++) {
        history_is_rich = i % 2;
        history_is_even = i * 4 >= rounds * 3; /* the last ones, so that those before stay what they were */
        history(1500);
    }
    return tap_done();
}
