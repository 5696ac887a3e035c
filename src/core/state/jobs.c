#include "core/state/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/lists.h"
#include "core/state/planned.h"

static struct dure_digest hash_of(const struct job *job)
{
    const struct {
        struct job_data d;
        struct dure_digest ask;
    } bytes = {job->d, job->class->digest};
    _Static_assert(sizeof bytes == sizeof bytes.d + sizeof bytes.ask, "hashed without padding");
    return dure_hash_words(DOMAIN_JOB, &bytes, sizeof bytes / 8);
}

static void loosen(struct dure_core *core, struct job *job)
{
    if (core->loose_job_count == core->loose_job_capacity) {
        core->loose_job_capacity = core->loose_job_capacity ? core->loose_job_capacity * 2 : 64;
        core->loose_jobs = dure_core_grow(core->loose_jobs, sizeof(struct job *), core->loose_job_capacity);
    }
    job->loose_place = core->loose_job_count;
    core->loose_jobs[core->loose_job_count++] = job;
}

void job_out(struct dure_core *core, struct job *job)
{
    if (job->loose_place != NONE)
        return;
    dure_digest_sub(&core->digest, job->term);
    loosen(core, job);
}

void job_in(struct dure_core *core, struct job *job)
{
    (void)core;
    DURE_ASSERT(job->loose_place != NONE);
}

void job_settle(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->loose_job_count; i++) {
        struct job *job = core->loose_jobs[i];
        job->loose_place = NONE;
        job->term = hash_of(job);
        dure_digest_add(&core->digest, job->term);
    }
    core->loose_job_count = 0;
}

/* It goes for good: what was hashed of it goes too. */
static void forget(struct dure_core *core, struct job *job)
{
    if (job->loose_place == NONE) {
        dure_digest_sub(&core->digest, job->term);
        return;
    }
    struct job *last = core->loose_jobs[--core->loose_job_count];
    core->loose_jobs[job->loose_place] = last;
    last->loose_place = job->loose_place;
}

uint32_t job_find(const struct dure_core *core, uint64_t id)
{
    return dure_table_get(&core->job_table, id);
}

uint32_t job_next(const struct dure_core *core, uint64_t from)
{
    return dure_table_next(&core->job_table, from);
}

uint32_t job_add(struct dure_core *core, const struct job_made *made, uint32_t class)
{
    const struct job_data *data = &made->data;
    if (class == NONE)
        class = class_get(core, &made->ask);
    else
        class_again(core, class);
    const uint32_t slot = dure_pool_take(&core->jobs);
    struct job *job = job_at(core, slot);
    *job = (struct job){.d = *data,
                        .next = NONE,
                        .prev = NONE,
                        .class = class_at(core, class),
                        .begin_place = NONE,
                        .expiry_place = NONE,
                        .deps = NONE,
                        .waiters = NONE,
                        .first_run = NONE,
                        .planned = NONE};
    dure_table_put(&core->job_table, data->id, slot);
    planned_note_job(core, data);
    loosen(core, job);
    return slot;
}

void job_reask(struct dure_core *core, struct job *job, const struct request *ask)
{
    DURE_ASSERT(job->where == WHERE_OUT);
    const uint32_t was = job->class->slot;
    job->class = class_at(core, class_get(core, ask));
    class_put(core, was);
}

void job_ask_user(struct dure_core *core, uint32_t slot, uint32_t user)
{
    struct job *job = job_at(core, slot);
    struct request ask = *job_ask(core, job);
    if (ask.user == user)
        return;
    ask.user = user;
    job_out(core, job);
    job_reask(core, job, &ask);
    job_in(core, job);
}

static void dep_unlink(struct dure_core *core, struct dep *dep)
{
    if (dep->state != DEP_OPEN)
        return;
    if (dep->next_waiter != NONE)
        dep_at(core, dep->next_waiter)->prev_waiter = dep->prev_waiter;
    if (dep->prev_waiter != NONE)
        dep_at(core, dep->prev_waiter)->next_waiter = dep->next_waiter;
    else
        job_at(core, job_find(core, dep->job))->waiters = dep->next_waiter;
}

static struct dure_digest dep_hash(const struct dure_core *core, const struct dep *dep)
{
    const uint64_t bytes[3] = {job_at(core, dep->owner)->d.id, dep->job, (uint64_t)dep->kind << 8 | dep->state};
    return dure_hash_words(DOMAIN_DEP, bytes, 3);
}

void dep_add(struct dure_core *core, uint32_t owner, struct dure_dep dep, unsigned state)
{
    struct job *job = job_at(core, owner);
    const uint32_t slot = dure_pool_take(&core->deps);
    struct dep *made = dep_at(core, slot);
    *made = (struct dep){.job = dep.job.v,
                         .owner = owner,
                         .next = NONE,
                         .next_waiter = NONE,
                         .prev_waiter = NONE,
                         .kind = (uint8_t)dep.kind,
                         .state = (uint8_t)state};
    if (state == DEP_OPEN) {
        struct job *waited = job_at(core, job_find(core, dep.job.v));
        made->next_waiter = waited->waiters;
        if (waited->waiters != NONE)
            dep_at(core, waited->waiters)->prev_waiter = slot;
        waited->waiters = slot;
    }
    uint32_t *link = &job->deps; /* at the end: the order as it was written */
    while (*link != NONE)
        link = &dep_at(core, *link)->next;
    *link = slot;
    dure_digest_add(&core->digest, dep_hash(core, made));
}

unsigned dep_verdict(unsigned kind, unsigned outcome)
{
    if (kind == DURE_DEP_ANY)
        return DEP_MET;
    return (outcome == DURE_JOB_COMPLETED) == (kind == DURE_DEP_OK) ? DEP_MET : DEP_FAILED;
}

void dep_resolve(struct dure_core *core, uint64_t id, unsigned outcome,
                 void (*changed)(struct dure_core *core, uint32_t slot, bool doomed))
{
    struct job *ended = job_at(core, job_find(core, id));
    uint32_t slot = ended->waiters;
    ended->waiters = NONE;
    while (slot != NONE) {
        struct dep *dep = dep_at(core, slot);
        const uint32_t next = dep->next_waiter, owner = dep->owner;
        dure_digest_sub(&core->digest, dep_hash(core, dep));
        dep->state = (uint8_t)dep_verdict(dep->kind, outcome);
        dep->next_waiter = dep->prev_waiter = NONE;
        dure_digest_add(&core->digest, dep_hash(core, dep));
        struct job *job = job_at(core, owner);
        const bool doomed = dep->state == DEP_FAILED;
        if (!doomed) {
            job_out(core, job);
            job->d.unmet--;
            job_in(core, job);
        }
        changed(core, owner, doomed);
        slot = next;
    }
}

void job_drop(struct dure_core *core, uint32_t slot)
{
    struct job *job = job_at(core, slot);
    planned_drop(core, slot);
    DURE_ASSERT(job->where == WHERE_OUT && job->begin_place == NONE && job->expiry_place == NONE &&
                job->waiters == NONE && !job->d.live && !job->d.claims);
    for (uint32_t at = job->deps; at != NONE;) {
        struct dep *dep = dep_at(core, at);
        const uint32_t next = dep->next;
        dep_unlink(core, dep);
        dure_digest_sub(&core->digest, dep_hash(core, dep));
        dure_pool_give(&core->deps, at);
        at = next;
    }
    if (job->elements) {
        DURE_ASSERT(!job->elements->back.count && !job->elements->gone.count);
        free(job->elements->back.at);
        free(job->elements->gone.at);
        free(job->elements);
    }
    forget(core, job);
    dure_table_remove(&core->job_table, job->d.id);
    class_put(core, job->class->slot);
    dure_pool_give(&core->jobs, slot);
}

bool outcome_known(const struct dure_core *core, uint64_t job)
{
    return job < core->s.next_job && job + OUTCOME_WINDOW >= core->s.next_job;
}

unsigned outcome_get(const struct dure_core *core, uint64_t job)
{
    return outcome_known(core, job) ? core->outcomes[job % OUTCOME_WINDOW] : 0;
}

static struct dure_digest outcome_hash(uint64_t place, unsigned outcome)
{
    const uint64_t bytes[2] = {place, outcome};
    return dure_hash_words(DOMAIN_OUTCOME, bytes, 2);
}

void outcome_set(struct dure_core *core, uint64_t job, unsigned outcome)
{
    uint8_t *at = &core->outcomes[job % OUTCOME_WINDOW];
    if (*at)
        dure_digest_sub(&core->digest, outcome_hash(job % OUTCOME_WINDOW, *at));
    *at = (uint8_t)outcome;
    if (outcome)
        dure_digest_add(&core->digest, outcome_hash(job % OUTCOME_WINDOW, outcome));
}

void job_digest_all(const struct dure_core *core, struct dure_digest *sum)
{
    for (uint32_t slot = job_next(core, 0); slot != NONE;) {
        const struct job *job = job_at(core, slot);
        dure_digest_add(sum, hash_of(job));
        for (uint32_t at = job->deps; at != NONE; at = dep_at(core, at)->next)
            dure_digest_add(sum, dep_hash(core, dep_at(core, at)));
        for (uint32_t which = 0; job->elements && which < 2; which++) {
            const struct ordinals *list = which ? &job->elements->gone : &job->elements->back;
            for (uint32_t i = 0; i < list->count; i++) {
                const uint64_t bytes[2] = {job->d.id, list->at[i]};
                dure_digest_add(sum, dure_hash_words(which ? DOMAIN_GONE : DOMAIN_BACK, bytes, 2));
            }
        }
        slot = job_next(core, job->d.id + 1);
    }
    lists_digest_all(core, sum);
    const uint64_t end = core->s.next_job < OUTCOME_WINDOW ? core->s.next_job : OUTCOME_WINDOW;
    for (uint64_t i = 0; i < end; i++) /* no later place was ever written */
        if (core->outcomes[i])
            dure_digest_add(sum, outcome_hash(i, core->outcomes[i]));
}
