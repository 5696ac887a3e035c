#include "core/why.h"

#include <stdlib.h>
#include <string.h>

#include "core/apply/apply.h"
#include "core/place/plan.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/why/changes.h"
#include "core/why/rows.h"
#include "core/why/wait.h"

static uint32_t count_ahead(const struct dure_core *core, uint32_t slot)
{
    const struct job *job = job_at(core, slot);
    if (job->class_slot == NONE)
        return 0;
    const uint32_t queue = queue_of(core, &job->d.ask);
    const struct class *own = class_at(core, job->class_slot);
    const bool borrowed = queue == queue_of_borrowed(core);
    uint32_t ahead = 0;
    for (uint32_t i = 0; i < core->queues[queue].count; i++) {
        const struct class *class = class_at(core, core->queues[queue].classes[i]);
        const bool peers = class->ask.tenant == own->ask.tenant && class->ask.priority == own->ask.priority;
        if (!peers) {
            ahead += order_before(core, borrowed, class, own) ? class->count : 0;
            continue;
        }
        for (uint32_t at = class->first; at != NONE && job_at(core, at)->d.id < job->d.id; at = job_at(core, at)->next)
            ahead++;
        for (uint32_t k = 0; k < class->late.count; k++)
            ahead += class->late.at[k].id < job->d.id;
    }
    return ahead;
}

struct ending {
    int64_t at_us;
    uint64_t id;
    uint32_t milli;
};

static int by_time(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* When, at the latest, enough GPUs of its holder's rights are free, if every job before it uses up its walltime and none is ahead. */
static int64_t estimate(const struct dure_core *core, const struct request *ask)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    uint64_t idle = 0;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder)
        idle += core->allots[id]->slots.idle_total;
    struct ending *endings = dure_core_alloc(sizeof *endings, core->deadlines.count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const struct attempt *attempt = attempt_at(core, core->deadlines.at[i].slot);
        if (!attempt->d.borrowed && core->allots[attempt->d.allot]->spec.tenant.v == holder)
            endings[count++] = (struct ending){attempt->d.walltime_end_us, attempt->d.id, attempt->d.gpus_milli};
    }
    if (count)
        qsort(endings, count, sizeof *endings, by_time);
    uint64_t milli = idle * 1000;
    int64_t at_us = 0;
    for (uint32_t i = 0; i < count && milli < request_gpus(ask) * 1000; i++) {
        milli += endings[i].milli;
        at_us = endings[i].at_us;
    }
    free(endings);
    return milli >= request_gpus(ask) * 1000 ? at_us : 0;
}

/* When the first of its holder's allotments that could carry it begins; 0: none is to come. */
static int64_t begins(const struct dure_core *core, const struct request *ask)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    int64_t first = 0;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->state == DURE_ALLOT_PROMISED && plan_suits(core, ask, allot) &&
            (!first || allot->spec.from_us < first))
            first = allot->spec.from_us;
    }
    return first;
}

static const char *refusal(const struct dure_core *core, const struct dure_why_row *row, struct dure_arena *arena)
{
    const char *chain = core->fleet->chains[row->chain.v].name;
    char text[DURE_TIME_TEXT_MAX];
    if (row->rule == DURE_RULE_NOT_YET)
        return dure_arena_printf(arena, "nearest is %s: %s; it does in %s.", chain, dure_rule_text(row->rule),
                                 dure_duration_format(row->have * DURE_SECOND_US, text));
    if (row->rule == DURE_RULE_NOTICE) {
        char notice[DURE_TIME_TEXT_MAX];
        return dure_arena_printf(arena, "nearest is %s: %s (%s, and %s).", chain, dure_rule_text(row->rule),
                                 dure_duration_format(row->need * DURE_SECOND_US, text),
                                 dure_duration_format(row->have * DURE_SECOND_US, notice));
    }
    if (!row->need && !row->have)
        return dure_arena_printf(arena, "nearest is %s: %s.", chain, dure_rule_text(row->rule));
    if (!row->need)
        return dure_arena_printf(arena, "nearest is %s: %s (%lld %s).", chain, dure_rule_text(row->rule),
                                 (long long)row->have, row->unit);
    return dure_arena_printf(arena, "nearest is %s: %s (needs %lld, %lld %s).", chain, dure_rule_text(row->rule),
                             (long long)row->need, (long long)row->have, row->unit);
}

static const char *pending_sentence(const struct dure_core *core, const struct dure_why *why, struct dure_arena *arena)
{
    char text[DURE_TIME_TEXT_MAX];
    switch (why->wait) {
    case DURE_WAIT_HELD: return "It is held; `dure release` lets it go on.";
    case DURE_WAIT_DEPENDENCY: return "It waits for other jobs to end first.";
    case DURE_WAIT_BEGIN_TIME:
        return dure_arena_printf(arena, "It is not to begin before %s.",
                                 dure_time_format_utc(why->job.job->begin_us, text));
    case DURE_WAIT_ARRAY_LIMIT:
        return dure_arena_printf(arena, "%u elements of its array run, as many as it allows at a time.",
                                 why->job.job->array_limit);
    case DURE_WAIT_PREEMPTING: return "Its place is chosen; it starts as soon as the borrowers on it have left.";
    default: break;
    }
    const struct dure_why_row *row = rows_nearest(why);
    if (!row)
        return "There is no fleet.";
    if (row->rule == DURE_RULE_FITS)
        return dure_arena_printf(arena, "It fits on %s now and starts with the next pass.",
                                 core->fleet->chains[row->chain.v].name);
    if (why->wait == DURE_WAIT_NOT_BEGUN || why->wait == DURE_WAIT_ARRIVING) {
        const char *what = why->wait == DURE_WAIT_NOT_BEGUN ? "an allotment of its tenant begins"
                                                            : "the hardware of its tenant's allotment arrives";
        if (!why->start_estimate_us)
            return dure_arena_printf(arena, "It waits until %s.", what);
        return dure_arena_printf(arena, "It waits until %s, at %s.", what,
                                 dure_time_format_utc(why->start_estimate_us, text));
    }
    if (why->ahead)
        return dure_arena_printf(arena, "%u job%s before it; %s", why->ahead, why->ahead == 1 ? " is" : "s are",
                                 refusal(core, row, arena));
    return dure_arena_printf(arena, "It is the next of its queue; %s", refusal(core, row, arena));
}

/* What is emulated or virtual is called so wherever it is named. */
static const char *label(const struct dure_core *core, uint32_t chain)
{
    const struct dure_chain *c = &core->fleet->chains[chain];
    const bool emulated = core->fleet->sites[c->site.v].engine == DURE_ENGINE_EMULATED;
    if (core->fleet->models[c->model.v].is_virtual)
        return emulated ? " (emulated, virtual)" : " (virtual)";
    return emulated ? " (emulated)" : "";
}

static uint32_t own_chain(const struct dure_core *core, const struct dure_why *why)
{
    return dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){why->job.places[0].node_first}).v;
}

static const char *other_chains(const struct dure_why *why, struct dure_arena *arena)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < why->row_count; i++)
        others += why->rows[i].rule == DURE_RULE_COULD;
    if (others == 0)
        return "No other chain could carry it.";
    if (others == 1)
        return "One other chain could carry it.";
    return dure_arena_printf(arena, "%u other chains could carry it.", others);
}

static const char *running_sentence(const struct dure_core *core, const struct dure_why *why, struct dure_arena *arena)
{
    const uint32_t chain = own_chain(core, why);
    const char *others = other_chains(why, arena);
    if (!others)
        return NULL;
    if (why->job.source_allot.v == NONE)
        return dure_arena_printf(arena,
                                 "It runs on idle GPUs lent by %s, on %s%s: of the chains lent to it the one least "
                                 "promised that had room. %s",
                                 core->fleet->owners[why->job.source_owner.v].name, core->fleet->chains[chain].name,
                                 label(core, chain), others);
    const struct allot *allot = core->allots[why->job.source_allot.v];
    return dure_arena_printf(arena,
                             "It runs by allotment '%s' of %s, on %s%s: the first of its tenant's allotments that had "
                             "room. %s",
                             allot->spec.name, core->tenants->tenants[allot->spec.tenant.v].path,
                             core->fleet->chains[chain].name, label(core, chain), others);
}

static enum dure_err explain(struct dure_core *core, const struct request *ask, struct dure_arena *arena,
                             struct dure_why *why, struct dure_error *error)
{
    core->round++;
    const enum dure_err err = rows_pending(core, ask, why->ahead > 0, arena, why, error);
    if (err != DURE_OK)
        return err;
    const bool own_use = why->wait == DURE_WAIT_RIGHTS || why->wait == DURE_WAIT_NONE;
    if (own_use && !why->ahead && ask->job_class == DURE_GUARANTEED)
        why->start_estimate_us = estimate(core, ask);
    if ((why->wait == DURE_WAIT_NOT_BEGUN || why->wait == DURE_WAIT_ARRIVING) && !why->ahead)
        why->start_estimate_us = begins(core, ask);
    if (why->wait != DURE_WAIT_HELD && why->wait != DURE_WAIT_DEPENDENCY && why->wait != DURE_WAIT_PREEMPTING)
        changes_try(core, ask, arena, why);
    return DURE_OK;
}

enum dure_err dure_core_why(struct dure_core *core, struct dure_job_id id, uint32_t element, struct dure_arena *arena,
                            struct dure_why *ret_why, struct dure_error *error)
{
    struct dure_why why = {.wait = DURE_WAIT_NONE};
    if (!dure_core_job_view(core, id, element, &why.job))
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no live job %llu", (unsigned long long)id.v);
    const uint32_t slot = job_find(core, id.v);
    const struct request *ask = &job_at(core, slot)->d.ask;
    why.wait = why.job.wait;
    enum dure_err err;
    if (why.job.state != DURE_JOB_PENDING) {
        err = rows_running(core, ask, own_chain(core, &why), arena, &why, error);
        why.sentence = err == DURE_OK ? running_sentence(core, &why, arena) : NULL;
    } else {
        why.ahead = why.wait == DURE_WAIT_PREEMPTING ? 0 : count_ahead(core, slot);
        err = explain(core, ask, arena, &why, error);
        why.sentence = err == DURE_OK ? pending_sentence(core, &why, arena) : NULL;
    }
    if (err == DURE_OK && !why.sentence)
        err = dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    if (err == DURE_OK)
        *ret_why = why;
    return err;
}

enum dure_err dure_core_why_not(struct dure_core *core, const struct dure_job *job, struct dure_arena *arena,
                                struct dure_why *ret_why, bool *ret_never, struct dure_error *error)
{
    if (!core->tenants)
        return dure_fail(error, DURE_E_STATE, "no fleet or no tenants are declared yet");
    struct job_data data;
    enum dure_err err = job_pack(core, job, &data, error);
    if (err != DURE_OK)
        return err;
    struct dure_why why = {.wait = DURE_WAIT_NONE};
    why.job = (struct dure_job_view){.id = {core->s.next_job},
                                     .element = NONE,
                                     .job = job,
                                     .state = DURE_JOB_PENDING,
                                     .attempt = {DURE_NONE64},
                                     .source_owner = {NONE},
                                     .source_allot = {NONE}};
    struct dure_error proof;
    const bool never = never_check(core, &data.ask, &proof) != DURE_OK;
    err = explain(core, &data.ask, arena, &why, error);
    if (err != DURE_OK)
        return err;
    why.sentence = never ? dure_arena_strdup(arena, proof.text) : pending_sentence(core, &why, arena);
    if (!why.sentence)
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    *ret_never = never;
    *ret_why = why;
    return DURE_OK;
}
