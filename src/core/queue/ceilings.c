/* Ceilings: what a tenant with all below it, or one user in it, may hold at a time. Sums are kept as attempts and reservations come and go, so that
 * judging a start costs the depth of the tree. */
#include "core/queue/ceilings.h"

#include <stdlib.h>

#include "core/place/rules.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

static const struct dure_tenant *tenant_of(const struct dure_core *core, uint32_t tenant)
{
    return &core->tenants->tenants[tenant];
}

static uint64_t user_key(uint32_t tenant, uint32_t user)
{
    return (uint64_t)tenant << 32 | user;
}

static const struct user_held *user_find(const struct dure_core *core, uint32_t tenant, uint32_t user)
{
    static const struct user_held nothing;
    uint64_t slot;
    return dure_map_get(&core->user_map, user_key(tenant, user), &slot) ? dure_pool_at(&core->users, (uint32_t)slot)
                                                                        : &nothing;
}

static void user_count(struct dure_core *core, uint32_t tenant, uint32_t user, uint64_t milli, int sign)
{
    uint64_t slot;
    if (!dure_map_get(&core->user_map, user_key(tenant, user), &slot)) {
        slot = dure_pool_take(&core->users);
        *(struct user_held *)dure_pool_at(&core->users, (uint32_t)slot) = (struct user_held){0};
        DURE_ASSERT(dure_map_put(&core->user_map, user_key(tenant, user), slot));
    }
    struct user_held *held = dure_pool_at(&core->users, (uint32_t)slot);
    held->milli += sign > 0 ? milli : -milli;
    held->jobs += (uint64_t)(int64_t)sign;
    if (held->jobs)
        return;
    dure_map_remove(&core->user_map, user_key(tenant, user));
    dure_pool_give(&core->users, (uint32_t)slot);
}

/* Whoever was passed over here may have room now. */
static void wake(struct dure_core *core, struct tenant_state *t)
{
    for (uint32_t i = 0; i < t->stopped.count; i++)
        queue_wake(core, t->stopped.at[i]);
    t->stopped.count = 0;
}

void ceiling_count(struct dure_core *core, const struct job *job, uint64_t milli, int sign)
{
    const uint64_t more = sign > 0 ? milli : -milli;
    const bool has_ceilings = core->has_ceilings;
    for (uint32_t at = job_ask(core, job)->tenant; at != NONE; at = core->tenant[at].parent) {
        struct tenant_state *t = &core->tenant[at];
        t->held_milli += more;
        t->held_jobs += (uint64_t)(int64_t)sign;
        if (!has_ceilings)
            continue;
        if (dure_ceilings_of_users(&tenant_of(core, at)->ceilings))
            user_count(core, at, job->d.principal, milli, sign);
        if (sign < 0 && t->stopped.count)
            wake(core, t);
    }
}

void ceiling_submitted(struct dure_core *core, const struct job *job, int64_t elements)
{
    for (uint32_t at = job_ask(core, job)->tenant; at != NONE; at = core->tenant[at].parent)
        core->tenant[at].submitted += (uint64_t)elements;
}

uint32_t ceiling_user(const struct dure_core *core, uint32_t tenant, uint32_t principal)
{
    for (uint32_t at = core->has_ceilings ? tenant : NONE; at != NONE; at = tenant_of(core, at)->parent.v)
        if (dure_ceilings_of_users(&tenant_of(core, at)->ceilings))
            return principal;
    return NONE;
}

static struct ceiling_stop stop_at(const struct dure_core *core, const struct request *ask, uint32_t at, uint64_t milli)
{
    const struct dure_ceilings *c = &tenant_of(core, at)->ceilings;
    const struct tenant_state *t = &core->tenant[at];
    if (t->held_jobs >= c->jobs)
        return (struct ceiling_stop){CEILING_JOBS, at, c->jobs, t->held_jobs, 1};
    if (c->milli != DURE_NONE64 && t->held_milli + milli > c->milli)
        return (struct ceiling_stop){CEILING_GPUS, at, c->milli, t->held_milli, milli};
    if (!dure_ceilings_of_users(c) || DURE_CORE_MUTATED(USERS_UNCOUNTED))
        return (struct ceiling_stop){.kind = CEILING_NONE};
    const struct user_held *held = user_find(core, at, ask->user);
    if (held->jobs >= c->user_jobs)
        return (struct ceiling_stop){CEILING_USER_JOBS, at, c->user_jobs, held->jobs, 1};
    if (c->user_milli != DURE_NONE64 && held->milli + milli > c->user_milli)
        return (struct ceiling_stop){CEILING_USER_GPUS, at, c->user_milli, held->milli, milli};
    return (struct ceiling_stop){.kind = CEILING_NONE};
}

static uint64_t asked_milli(const struct request *ask)
{
    return ask->task_gpu_milli < 1000 ? (uint64_t)ask->tasks * ask->task_gpu_milli : request_gpus(ask) * 1000;
}

struct ceiling_stop ceiling_stops(const struct dure_core *core, const struct request *ask)
{
    const uint64_t milli = asked_milli(ask);
    struct ceiling_stop stop = {.kind = CEILING_NONE};
    for (uint32_t at = ask->tenant; core->has_ceilings && at != NONE && !stop.kind;
         at = tenant_of(core, at)->parent.v) {
        stop = stop_at(core, ask, at, milli);
        if (DURE_CORE_MUTATED(CEILINGS_ABOVE_IGNORED))
            break;
    }
    return stop;
}

bool ceiling_passes_over(struct dure_core *core, const struct request *ask, uint32_t queue)
{
    const struct ceiling_stop stop = ceiling_stops(core, ask);
    if (!stop.kind)
        return false;
    struct slot_list *stopped = &core->tenant[stop.tenant].stopped;
    for (uint32_t i = 0; i < stopped->count; i++)
        if (stopped->at[i] == queue)
            return true;
    if (stopped->count == stopped->capacity) {
        stopped->capacity = stopped->capacity ? stopped->capacity * 2 : 4;
        stopped->at = dure_core_grow(stopped->at, sizeof *stopped->at, stopped->capacity);
    }
    stopped->at[stopped->count++] = queue;
    return true;
}

/* ---- at submission ---- */

static enum dure_err too_large(const struct dure_core *core, uint32_t at, const char *which, uint64_t asks,
                               uint64_t most, struct dure_error *error)
{
    return dure_fail(error, DURE_E_NEVER, "it asks for %llu.%03llu GPUs; '%s' has a ceiling (%s) of %llu.%03llu",
                     (unsigned long long)(asks / 1000), (unsigned long long)(asks % 1000), tenant_of(core, at)->path,
                     which, (unsigned long long)(most / 1000), (unsigned long long)(most % 1000));
}

enum dure_err ceiling_check_size(const struct dure_core *core, const struct request *ask, struct dure_error *error)
{
    const uint64_t milli = asked_milli(ask);
    for (uint32_t at = core->has_ceilings ? ask->tenant : NONE; at != NONE; at = tenant_of(core, at)->parent.v) {
        const struct dure_ceilings *c = &tenant_of(core, at)->ceilings;
        if (milli > c->milli)
            return too_large(core, at, "gpus", milli, c->milli, error);
        if (milli > c->user_milli)
            return too_large(core, at, "gpus_per_user", milli, c->user_milli, error);
    }
    return DURE_OK;
}

enum dure_err ceiling_check_submit(const struct dure_core *core, const struct request *ask, uint32_t elements,
                                   struct dure_error *error)
{
    for (uint32_t at = core->has_ceilings ? ask->tenant : NONE; at != NONE; at = tenant_of(core, at)->parent.v) {
        const uint64_t most = tenant_of(core, at)->ceilings.pending, now = core->tenant[at].submitted;
        if (most != DURE_NONE64 && now + elements > most)
            return dure_fail(error, DURE_E_LIMIT,
                             "'%s' has %llu jobs submitted and not ended, and this brings %u; its ceiling (pending) is "
                             "%llu",
                             tenant_of(core, at)->path, (unsigned long long)now, elements, (unsigned long long)most);
    }
    return ceiling_check_size(core, ask, error);
}

/* ---- other ceilings ---- */

static void recount(struct dure_core *core, uint32_t job_slot)
{
    const struct job *job = job_at(core, job_slot);
    ceiling_submitted(core, job, (int64_t)job_pending_count(job) + job->d.live + job->d.claims);
    for (uint32_t at = job->first_run; at != NONE; at = attempt_at(core, at)->next_run)
        ceiling_count(core, job, attempt_at(core, at)->d.gpus_milli, 1);
    for (uint32_t ordinal = 0; job->d.claims && ordinal < job_ordinals(job); ordinal++) {
        const uint32_t claim = claim_of(core, job_slot, ordinal);
        if (claim != NONE)
            ceiling_count(core, job, claim_at(core, claim)->d.gpus_milli, 1);
    }
}

void ceiling_renew(struct dure_core *core)
{
    dure_map_release(&core->user_map);
    dure_pool_release(&core->users);
    dure_pool_init(&core->users, sizeof(struct user_held));
    core->has_ceilings = false;
    for (uint32_t i = 0; i < core->tenants->tenant_count; i++) {
        struct tenant_state *t = &core->tenant[i];
        t->held_milli = t->held_jobs = t->submitted = 0;
        t->stopped.count = 0;
        core->has_ceilings |= dure_ceilings_any(&tenant_of(core, i)->ceilings);
    }
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        job_ask_user(core, slot,
                     ceiling_user(core, job_ask(core, job_at(core, slot))->tenant, job_at(core, slot)->d.principal));
        if (!DURE_CORE_MUTATED(CEILINGS_AFRESH))
            recount(core, slot);
    }
}

void ceiling_free(struct dure_core *core, uint32_t tenants)
{
    for (uint32_t i = 0; core->tenant && i < tenants; i++)
        free(core->tenant[i].stopped.at);
    dure_map_release(&core->user_map);
    dure_pool_release(&core->users);
}
