#include "core/state/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "core/gate/fence.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/ends.h"
#include "core/state/jobs.h"
#include "core/state/moves.h"

static struct dure_digest lists_hash(uint64_t owner, const struct dure_place *places, uint32_t place_count,
                                     const struct dure_binding *bindings, uint32_t binding_count, uint32_t from)
{
    struct dure_digest sum = {{0, 0}};
    for (uint32_t i = from; i < place_count; i++) {
        const uint64_t bytes[5] = {
            owner, i, (uint64_t)places[i].node_first << 32 | places[i].node_count, places[i].gpu_mask,
            (uint64_t)places[i].tasks << 32 | (uint32_t)places[i].starts << 16 | places[i].gpu_milli};
        dure_digest_add(&sum, dure_hash_words(DOMAIN_PLACE, bytes, 5));
    }
    for (uint32_t i = from; i < binding_count; i++) {
        const uint64_t bytes[4] = {owner, i, (uint64_t)bindings[i].allot.v << 32 | bindings[i].virtual_index,
                                   bindings[i].cell_index};
        dure_digest_add(&sum, dure_hash_words(DOMAIN_BINDING, bytes, 4));
    }
    return sum;
}

struct dure_digest attempt_lists_hash(uint64_t owner, const struct dure_place *places, uint32_t place_count,
                                      const struct dure_binding *bindings, uint32_t binding_count)
{
    return lists_hash(owner, places, place_count, bindings, binding_count, 0);
}

/* Its first place and binding with it, since most have one of each; the others by themselves. */
static struct dure_digest hash_of(const struct attempt *attempt)
{
    const struct dure_place *place = attempt->places;
    const struct dure_binding *binding = attempt->bindings;
    const bool bound = attempt->d.binding_count;
    const uint64_t first[5] = {(uint64_t)place->node_first << 32 | place->node_count, place->gpu_mask,
                               (uint64_t)place->tasks << 32 | (uint32_t)place->starts << 16 | place->gpu_milli,
                               bound ? (uint64_t)binding->allot.v << 32 | binding->virtual_index : 0,
                               bound ? binding->cell_index : 0};
    _Static_assert(sizeof attempt->d % 16 == 0, "the digest takes words, in pairs");
    struct dure_digest sum = dure_hash_words_two(DOMAIN_ATTEMPT, &attempt->d, sizeof attempt->d / 8, first, 5);
    if (attempt->d.place_count > 1 || attempt->d.binding_count > 1)
        dure_digest_add(&sum,
                        lists_hash(attempt->d.id, place, attempt->d.place_count, binding, attempt->d.binding_count, 1));
    return sum;
}

void attempt_out(struct dure_core *core, const struct attempt *attempt)
{
    dure_digest_sub(&core->digest, hash_of(attempt));
}

void attempt_in(struct dure_core *core, const struct attempt *attempt)
{
    dure_digest_add(&core->digest, hash_of(attempt));
}

uint32_t attempt_find(const struct dure_core *core, uint64_t id)
{
    return dure_table_get(&core->attempt_table, id);
}

enum { LINE = 64 };

static void fetch(const void *start, size_t size)
{
    for (size_t at = 0; at < size; at += LINE)
        __builtin_prefetch((const char *)start + at, 1);
}

void attempt_fetch(const struct dure_core *core, uint32_t slot)
{
    fetch(attempt_at(core, slot), sizeof(struct attempt));
    __builtin_prefetch(&core->stands[slot], 1);
}

void attempt_fetch_around(const struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    fetch(attempt->job, sizeof(struct job));
    dure_table_fetch(&core->job_table, attempt->d.job);
    dure_heap_fetch(&core->deadlines, core->stands[slot].deadline);
    ends_fetch(core, slot);
    __builtin_prefetch(&core->outcomes[attempt->d.job % OUTCOME_WINDOW], 1);
}

uint32_t attempt_of(const struct dure_core *core, uint32_t job_slot, uint32_t ordinal)
{
    const struct job *job = job_at(core, job_slot);
    uint64_t slot;
    if (job->first_run == NONE || !job->d.array_count) /* a batch job has one at a time */
        return job->first_run;
    return dure_map_get(&core->run_map, DURE_RUN_KEY(job_slot, ordinal), &slot) ? (uint32_t)slot : NONE;
}

static uint32_t ordinal_of(const struct job *job, uint32_t element)
{
    uint32_t ordinal;
    DURE_ASSERT(job_ordinal(job, element, &ordinal));
    return ordinal;
}

static int64_t next_time(const struct attempt *attempt)
{
    switch (attempt->d.state) {
    case DURE_ATTEMPT_WARNED: return attempt->d.deadline_us;
    case DURE_ATTEMPT_STOPPING: return DURE_NEVER_US;
    default: return attempt->d.walltime_end_us;
    }
}

/* Its next deadline moved: walltime's end, or when the notice runs out. */
static void attempt_reschedule(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    dure_heap_move(&core->deadlines, core->stands[slot].deadline, next_time(attempt));
    ends_move(core, slot);
}

void attempt_rewall(struct dure_core *core, uint32_t slot, int64_t walltime_end_us)
{
    struct attempt *attempt = attempt_at(core, slot);
    attempt_out(core, attempt);
    attempt->d.walltime_end_us = walltime_end_us;
    attempt_in(core, attempt);
    attempt_reschedule(core, slot);
}

static void stand(struct dure_core *core, uint32_t slot)
{
    if (slot >= core->stand_capacity) {
        core->stand_capacity = core->stand_capacity ? core->stand_capacity * 2 : 1024; /* slots rise by one */
        core->stands = dure_core_grow(core->stands, sizeof *core->stands, core->stand_capacity);
    }
    core->stands[slot] = (struct attempt_stand){NONE, NONE, NONE};
}

uint32_t attempt_add(struct dure_core *core, uint32_t job_slot, const struct attempt_data *data,
                     const struct dure_place *places, const struct dure_binding *bindings)
{
    DURE_ASSERT(core->loading || dure_move_attempt(0, data->state));
    const uint32_t slot = dure_pool_take(&core->attempts);
    struct attempt *attempt = attempt_at(core, slot);
    struct job *job = job_at(core, job_slot);
    attempt->d = *data; /* all of it, one by one: clearing it first costs as much again */
    attempt->job = job;
    attempt->job_slot = job_slot;
    stand(core, slot);
    attempt->next_run = job->first_run;
    attempt->prev_run = NONE;
    attempt->one_binding = (struct dure_binding){0};
    attempt->price = attempt->price_stamp = 0;
    attempt->doomed = false;
    attempt->one = places[0];
    attempt->places = data->place_count == 1 ? &attempt->one : dure_core_alloc(sizeof *places, data->place_count);
    if (data->place_count > 1)
        memcpy(attempt->places, places, data->place_count * sizeof *places);
    if (data->binding_count)
        attempt->one_binding = bindings[0];
    attempt->bindings =
        data->binding_count <= 1 ? &attempt->one_binding : dure_core_alloc(sizeof *bindings, data->binding_count);
    if (data->binding_count > 1)
        memcpy(attempt->bindings, bindings, data->binding_count * sizeof *bindings);
    if (job->first_run != NONE)
        attempt_at(core, job->first_run)->prev_run = slot;
    job->first_run = slot;
    dure_table_put(&core->attempt_table, data->id, slot);
    if (job->d.array_count)
        DURE_ASSERT(dure_map_put(&core->run_map, DURE_RUN_KEY(job_slot, ordinal_of(job, data->element)), slot));
    dure_heap_add(&core->deadlines, next_time(attempt), data->id, slot);
    ends_add(core, slot);
    attempt_in(core, attempt);
    fence_attempt(core, slot, 1);
    return slot;
}

void attempt_lower_floors(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const int32_t priority = job_ask(core, attempt->job)->priority;
    for (uint32_t i = 0; i < attempt->d.binding_count; i++) {
        struct allot *allot = core->allots[attempt->bindings[i].allot.v];
        if (priority >= allot->priority_floor)
            continue;
        allot->priority_floor = priority;
        if (core->queues[allot->spec.tenant.v].wait_count) /* others may take its place from now on */
            queue_wake(core, allot->spec.tenant.v);
    }
}

void attempt_rebind(struct dure_core *core, uint32_t slot, uint32_t binding, uint32_t allot, uint32_t index)
{
    struct attempt *attempt = attempt_at(core, slot);
    fence_attempt(core, slot, -1);
    attempt_out(core, attempt);
    attempt->bindings[binding].allot.v = allot;
    attempt->bindings[binding].virtual_index = index;
    attempt->d.allot = attempt->bindings[0].allot.v;
    attempt->d.held_us = core->s.time_us;
    attempt_in(core, attempt);
    fence_attempt(core, slot, 1);
    attempt_lower_floors(core, slot);
}

void attempt_unbind(struct dure_core *core, uint32_t slot)
{
    struct attempt *attempt = attempt_at(core, slot);
    fence_attempt(core, slot, -1);
    attempt_out(core, attempt);
    if (attempt->d.binding_count > 1)
        free(attempt->bindings);
    attempt->bindings = &attempt->one_binding;
    ends_remove(core, slot);
    attempt->d.binding_count = 0;
    attempt->d.borrowed = 1;
    attempt->d.charged_at_us = core->s.time_us;
    attempt->d.allot = NONE;
    ends_add(core, slot);
    attempt_in(core, attempt);
    fence_attempt(core, slot, 1);
}

void attempt_drop(struct dure_core *core, uint32_t slot)
{
    struct attempt *attempt = attempt_at(core, slot);
    struct job *job = attempt->job;
    fence_attempt(core, slot, -1);
    fence_left(core, slot);
    dure_heap_remove(&core->deadlines, core->stands[slot].deadline);
    ends_remove(core, slot);
    if (attempt->next_run != NONE)
        attempt_at(core, attempt->next_run)->prev_run = attempt->prev_run;
    if (attempt->prev_run != NONE)
        attempt_at(core, attempt->prev_run)->next_run = attempt->next_run;
    else
        job->first_run = attempt->next_run;
    dure_table_remove(&core->attempt_table, attempt->d.id);
    if (job->d.array_count)
        dure_map_remove(&core->run_map, DURE_RUN_KEY(attempt->job_slot, ordinal_of(job, attempt->d.element)));
    attempt_out(core, attempt);
    DURE_ASSERT(dure_move_attempt(attempt->d.state, DURE_ATTEMPT_GONE));
    if (attempt->places != &attempt->one)
        free(attempt->places);
    if (attempt->bindings != &attempt->one_binding)
        free(attempt->bindings);
    dure_pool_give(&core->attempts, slot);
}

/* What holds of every live attempt between moves. */
static bool is_sound(const struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const struct attempt_data *d = &attempt->d;
    const bool leaving = d->state == DURE_ATTEMPT_WARNED || d->state == DURE_ATTEMPT_STOPPING;
    const uint32_t place = core->stands[slot].deadline;
    return leaving == (d->cause != DURE_CAUSE_NONE) && (d->state == DURE_ATTEMPT_WARNED || !d->deadline_us) &&
           d->borrowed == (d->allot == NONE) && d->borrowed == !d->binding_count && d->place_count && d->gpus_milli &&
           place < core->deadlines.count && core->deadlines.at[place].slot == slot &&
           core->deadlines.at[place].key == next_time(attempt);
}

void attempt_to(struct dure_core *core, uint32_t slot, enum dure_attempt_state state, enum dure_cause cause,
                int64_t deadline_us)
{
    struct attempt *attempt = attempt_at(core, slot);
    DURE_ASSERT(is_sound(core, slot) && dure_move_attempt(attempt->d.state, state));
    attempt_out(core, attempt);
    attempt->d.state = (uint8_t)state;
    attempt->d.cause = (uint8_t)cause;
    attempt->d.deadline_us = deadline_us;
    attempt_in(core, attempt);
    attempt_reschedule(core, slot);
    DURE_ASSERT(is_sound(core, slot));
}

/* ---- claims ---- */

static struct dure_digest claim_hash(const struct claim *claim)
{
    _Static_assert(sizeof claim->d % 8 == 0, "the digest takes words");
    struct dure_digest sum = dure_hash_words(DOMAIN_CLAIM, &claim->d, sizeof claim->d / 8);
    dure_digest_add(&sum, attempt_lists_hash(~claim->d.job - claim->d.element, claim->places, claim->d.place_count,
                                             claim->bindings, claim->d.binding_count));
    return sum;
}

uint32_t claim_of(const struct dure_core *core, uint32_t job_slot, uint32_t ordinal)
{
    uint64_t slot;
    return core->claims.count && dure_map_get(&core->claim_map, DURE_RUN_KEY(job_slot, ordinal), &slot) ? (uint32_t)slot
                                                                                                        : NONE;
}

uint32_t claim_add(struct dure_core *core, uint32_t job_slot, const struct claim_data *data,
                   const struct dure_place *places, const struct dure_binding *bindings)
{
    const uint32_t slot = dure_pool_take(&core->claims);
    struct claim *claim = claim_at(core, slot);
    *claim = (struct claim){.d = *data, .job_slot = job_slot};
    claim->places = dure_core_alloc(sizeof *places, data->place_count);
    memcpy(claim->places, places, data->place_count * sizeof *places);
    claim->bindings = dure_core_alloc(sizeof *bindings, data->binding_count);
    memcpy(claim->bindings, bindings, data->binding_count * sizeof *bindings);
    DURE_ASSERT(dure_map_put(&core->claim_map,
                             DURE_RUN_KEY(job_slot, ordinal_of(job_at(core, job_slot), data->element)), slot));
    ends_add_claim(core, slot);
    dure_digest_add(&core->digest, claim_hash(claim));
    fence_claim(core, slot, 1);
    return slot;
}

void claim_drop(struct dure_core *core, uint32_t slot)
{
    struct claim *claim = claim_at(core, slot);
    fence_claim(core, slot, -1);
    dure_digest_sub(&core->digest, claim_hash(claim));
    ends_remove_claim(core, slot);
    dure_map_remove(&core->claim_map,
                    DURE_RUN_KEY(claim->job_slot, ordinal_of(job_at(core, claim->job_slot), claim->d.element)));
    free(claim->places);
    free(claim->bindings);
    dure_pool_give(&core->claims, slot);
}

void attempt_digest_all(const struct dure_core *core, struct dure_digest *sum)
{
    for (uint32_t i = 0; i < core->deadlines.count; i++) { /* every live attempt has a place in the heap */
        const struct attempt *attempt = attempt_at(core, core->deadlines.at[i].slot);
        dure_digest_add(sum, hash_of(attempt));
    }
}

void claim_digest_all(const struct dure_core *core, struct dure_digest *sum)
{
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        const struct job *job = job_at(core, slot);
        if (!job->d.claims)
            continue;
        for (uint32_t ordinal = 0; ordinal < job_ordinals(job); ordinal++) {
            const uint32_t claim = claim_of(core, slot, ordinal);
            if (claim != NONE)
                dure_digest_add(sum, claim_hash(claim_at(core, claim)));
        }
    }
}
