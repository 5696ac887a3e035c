/* A journal of dure's own as a trace: last month again. What was submitted, as it was; how long each job worked is the sum of its attempts that ended by themselves or
 * were put back. Groups are the paths of tenants. Elements of arrays are jobs of their own. A job that has not ended by the journal's last record lasts as long as
 * it had worked by then, and one that never ran is left out. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "journal/journal.h"
#include "sim/trace/work_inner.h"

enum { RECORD_ARENA_MAX = 1 << 28 };

struct live {
    uint64_t job;
    uint32_t element, index;       /* of the submission */
    int64_t worked_us, started_us; /* 0: does not run */
};

struct submission {
    struct dure_work_job job;
    uint64_t id;
};

struct taking {
    struct dure_work *work;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_map submitted, running; /* by job; by attempt and by job and element, to `lives` */
    struct submission *submissions;
    struct live *lives;
    size_t submission_count, submission_room, live_count, live_room;
    uint64_t next_job;
    int64_t now_us;
    enum dure_err err;
    struct dure_error *error;
};

static void fail(struct taking *taking, enum dure_err err, uint64_t sequence, const char *text)
{
    if (!taking->err)
        taking->err = dure_fail(taking->error, err, "leaf %" PRIu64 ": %s", sequence, text);
}

static bool grown(void **at, size_t *room, size_t count, size_t each)
{
    if (count < *room)
        return true;
    const size_t more = *room ? *room * 2 : 1024;
    void *bigger = realloc(*at, more * each);
    if (!bigger)
        return false;
    *at = bigger;
    *room = more;
    return true;
}

static void take_specs(struct taking *taking, const struct dure_record *r, uint64_t sequence)
{
    struct dure_error error = {0};
    struct dure_fleet *fleet = NULL;
    struct dure_tenants *tenants = NULL;
    enum dure_err err = r->kind == DURE_REC_FLEET
                            ? dure_fleet_from_json(r->text, r->text_length, &fleet, &error)
                            : dure_tenants_from_json(r->text, r->text_length, taking->fleet, &tenants, &error);
    if (err) {
        fail(taking, err, sequence, error.text);
    } else if (fleet) {
        dure_fleet_free(taking->fleet);
        taking->fleet = fleet;
    } else {
        dure_tenants_free(taking->tenants);
        taking->tenants = tenants;
    }
}

static void take_submit(struct taking *taking, const struct dure_record *r, uint64_t sequence)
{
    const struct dure_job *job = &r->submit;
    if (!taking->tenants || job->tenant.v >= taking->tenants->tenant_count ||
        !grown((void **)&taking->submissions, &taking->submission_room, taking->submission_count,
               sizeof *taking->submissions)) {
        fail(taking, DURE_E_CORRUPT, sequence, "a submission before its tenants were declared, or out of memory");
        return;
    }
    struct submission *s = &taking->submissions[taking->submission_count];
    *s = (struct submission){.id = taking->next_job++};
    const bool cpu = job->task_gpu_milli < 1000;
    s->job = (struct dure_work_job){.at_us = r->time_us,
                                    .walltime_us = job->walltime_us,
                                    .checkpoint_us = job->checkpoint_us,
                                    .grace_us = job->grace_us,
                                    .gpus = cpu ? 1 : job->tasks * job->task_gpus, /* fractions count as a GPU */
                                    .task_gpus = cpu ? 1 : job->task_gpus,
                                    .group = work_group(taking->work, taking->tenants->tenants[job->tenant.v].path),
                                    .line = sequence > UINT32_MAX ? UINT32_MAX : (uint32_t)sequence,
                                    .priority = job->priority,
                                    .job_class =
                                        job->job_class == DURE_BORROWED ? DURE_WORK_BORROWED : DURE_WORK_GUARANTEED};
    if (s->job.group == DURE_NONE32 || !dure_map_put(&taking->submitted, s->id, taking->submission_count))
        fail(taking, DURE_E_LIMIT, sequence, "more tenants or jobs than a trace takes");
    taking->submission_count++;
}

static uint64_t element_key(const struct dure_record *r)
{
    return (dure_hash64(r->job.v) ^ dure_hash64(~(uint64_t)r->element)) | UINT64_C(1) << 63;
}

static void take_start(struct taking *taking, const struct dure_record *r, uint64_t sequence)
{
    uint64_t index, at;
    if (!dure_map_get(&taking->submitted, r->job.v, &index))
        return;
    if (!dure_map_get(&taking->running, element_key(r) & ~UINT64_C(1), &at)) {
        if (!grown((void **)&taking->lives, &taking->live_room, taking->live_count, sizeof *taking->lives)) {
            fail(taking, DURE_E_MEMORY, sequence, "out of memory");
            return;
        }
        at = taking->live_count++;
        taking->lives[at] = (struct live){.job = r->job.v, .element = r->element, .index = (uint32_t)index};
    }
    taking->lives[at].started_us = r->time_us;
    if (!dure_map_put(&taking->running, element_key(r) & ~UINT64_C(1), at))
        fail(taking, DURE_E_MEMORY, sequence, "out of memory");
}

static void take_end(struct taking *taking, const struct dure_record *r)
{
    uint64_t at;
    if (r->attempt.v == DURE_NONE64 || !dure_map_get(&taking->running, element_key(r) & ~UINT64_C(1), &at) ||
        !taking->lives[at].started_us)
        return;
    taking->lives[at].worked_us += r->time_us - taking->lives[at].started_us;
    taking->lives[at].started_us = 0;
}

static bool leaf(void *context, uint64_t sequence, const void *bytes, size_t length)
{
    struct taking *taking = context;
    struct dure_record r;
    struct dure_error error = {0};
    const void *whole;
    size_t whole_length;
    dure_arena_reset(taking->arena);
    const int got = dure_leaves_join_next(&taking->join, bytes, length, &whole, &whole_length, &error);
    if (got < 0 || (got > 0 && dure_record_decode(whole, whole_length, taking->arena, &r, &error) != DURE_OK))
        fail(taking, DURE_E_CORRUPT, sequence, error.text);
    if (got <= 0 || taking->err)
        return !taking->err;
    taking->now_us = r.time_us;
    switch (r.kind) {
    case DURE_REC_FLEET:
    case DURE_REC_TENANTS: take_specs(taking, &r, sequence); break;
    case DURE_REC_SUBMIT: take_submit(taking, &r, sequence); break;
    case DURE_REC_START: take_start(taking, &r, sequence); break;
    case DURE_REC_END:
    case DURE_REC_REQUEUE: take_end(taking, &r); break;
    default: break;
    }
    return !taking->err;
}

static enum dure_err give(struct taking *taking)
{
    struct dure_work *work = taking->work;
    enum dure_err err = DURE_OK;
    work->report.rows = taking->submission_count;
    work->without_gpus = taking->submission_count;
    for (size_t i = 0; i < taking->live_count && !err; i++) {
        const struct live *live = &taking->lives[i];
        struct dure_work_job job = taking->submissions[live->index].job;
        job.lasts_us = live->worked_us + (live->started_us ? taking->now_us - live->started_us : 0);
        if (job.lasts_us <= 0)
            continue;
        err = work_take(work, &job);
        if (work->without_gpus)
            work->without_gpus--;
    }
    return err ? dure_fail(taking->error, err, "%s", dure_err_sentence(err)) : DURE_OK;
}

enum dure_err work_journal(struct dure_work *work, const char *folder, struct dure_error *error)
{
    struct taking taking = {.work = work, .next_job = 1, .error = error, .arena = dure_arena_new(RECORD_ARENA_MAX)};
    struct dure_journal *journal = NULL;
    struct dure_journal_head head;
    enum dure_err err =
        taking.arena
            ? dure_journal_open(&(struct dure_journal_options){.directory = folder, .read_only = true}, &journal, error)
            : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err) {
        dure_journal_head(journal, &head);
        err = dure_journal_read(journal, 0, head.size, leaf, NULL, &taking, error);
    }
    if (taking.err)
        err = taking.err;
    if (!err)
        err = give(&taking);
    dure_journal_close(journal);
    dure_arena_free(taking.arena);
    dure_buf_release(&taking.join.whole);
    dure_map_release(&taking.submitted);
    dure_map_release(&taking.running);
    free(taking.submissions);
    free(taking.lives);
    dure_tenants_free(taking.tenants);
    dure_fleet_free(taking.fleet);
    return err ? dure_fail_prefix(error, err, "%s: ", folder) : DURE_OK;
}
