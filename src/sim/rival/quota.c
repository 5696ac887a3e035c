/* The usual way to share: each tenant that was promised GPUs has a quota of so many, of each kind of machines. By right it starts as far as its quota goes;
 * everybody else uses what is idle, and leaves, youngest first, until by count enough is idle. GPUs that rights wait for are lent to nobody meanwhile.
 * What this cannot promise is a shape: as many GPUs may lie idle as a gang asks for, and its quota be free, and there is no place for it. */
#include <stdlib.h>
#include <string.h>

#include "sim/rival/inner.h"

bool rival_quota(struct rival *r)
{
    const struct dure_tenants *t = r->sim.options.tenants;
    r->holder_of = malloc((t->tenant_count + 1) * sizeof *r->holder_of);
    r->used_milli = calloc((size_t)t->tenant_count * r->kind_count + 1, sizeof *r->used_milli);
    r->quota_milli = calloc((size_t)t->tenant_count * r->kind_count + 1, sizeof *r->quota_milli);
    if (!r->holder_of || !r->used_milli || !r->quota_milli) {
        rival_fail(r, DURE_E_MEMORY, "out of memory for quotas");
        return false;
    }
    for (uint32_t i = 0; i < t->tenant_count; i++)
        r->holder_of[i] = t->tenants[i].parent.v == DURE_NONE32 ? DURE_NONE32 : r->holder_of[t->tenants[i].parent.v];
    for (uint32_t i = 0; i < t->tenant_count; i++)
        for (uint32_t a = 0; a < t->allotment_count; a++)
            for (uint32_t k = 0; k < t->tenant_count && t->allotments[a].tenant.v == i; k++)
                if (dure_tenants_within(t, (struct dure_tenant_id){k}, (struct dure_tenant_id){i}))
                    r->holder_of[k] = i;
    r->quota_next_us = INT64_MIN;
    return true;
}

/* What is promised now; until when that holds. */
static void quotas_now(struct rival *r)
{
    const struct dure_tenants *t = r->sim.options.tenants;
    const int64_t now = r->sim.now_us;
    if (now < r->quota_next_us)
        return;
    memset(r->quota_milli, 0, (size_t)t->tenant_count * r->kind_count * sizeof *r->quota_milli);
    r->quota_next_us = DURE_NEVER_US;
    for (uint32_t i = 0; i < t->allotment_count; i++) {
        const struct dure_allotment *a = &t->allotments[i];
        const struct dure_chain *chain = &r->sim.options.fleet->chains[a->chain.v];
        const int64_t change = a->from_us > now ? a->from_us : a->until_us;
        if (change > now && change < r->quota_next_us)
            r->quota_next_us = change;
        if (a->from_us <= now && a->until_us > now)
            r->quota_milli[(size_t)a->tenant.v * r->kind_count + r->chain_kind[a->chain.v]] +=
                (int64_t)a->count * dure_chain_leaves_at(chain, a->level) * 1000;
    }
}

static bool before(const struct rival *r, uint32_t a, uint32_t b)
{
    return r->jobs[a].priority != r->jobs[b].priority ? r->jobs[a].priority > r->jobs[b].priority : a < b;
}

bool rival_quota_wait(struct rival *r, uint32_t job)
{
    if (r->claim_count == r->claim_capacity) {
        const uint32_t capacity = r->claim_capacity ? r->claim_capacity * 2 : 256;
        uint32_t *more = realloc(r->claims, capacity * sizeof *more);
        if (!more) {
            rival_fail(r, DURE_E_MEMORY, "out of memory for the queue");
            return false;
        }
        r->claims = more;
        r->claim_capacity = capacity;
    }
    uint32_t at = r->claim_count++;
    for (; at > 0 && before(r, job, r->claims[at - 1]); at--)
        r->claims[at] = r->claims[at - 1];
    r->claims[at] = job;
    r->jobs[job].state = ENTRY_WAITS;
    r->jobs[job].claimed_us = r->jobs[job].blocked_us = 0;
    r->dirty = true;
    return true;
}

static int64_t *used_of(struct rival *r, const struct entry *job, uint32_t kind)
{
    return &r->used_milli[(size_t)job->holder * r->kind_count + kind];
}

static void unblock(struct rival *r, struct entry *job)
{
    if (job->blocked_us)
        job->blocked_ms += (uint64_t)(r->sim.now_us - job->blocked_us) / 1000;
    job->blocked_us = 0;
}

/* Counted once, when it starts or the run ends. */
void rival_quota_count(struct rival *r, struct entry *job)
{
    struct dure_sim_result *result = r->sim.result;
    struct dure_sim_tenant *tenant = &result->tenants[job->tenant];
    const struct need *need = &r->needs[job->need];
    unblock(r, job);
    if (!job->blocked_ms)
        return;
    result->blocked++;
    result->blocked_gangs += need->tasks > 1;
    result->blocked_most_ms = job->blocked_ms > result->blocked_most_ms ? job->blocked_ms : result->blocked_most_ms;
    tenant->blocked++;
    tenant->blocked_ms += job->blocked_ms * need->milli / 1000;
    job->blocked_ms = 0;
}

void rival_quota_start(struct rival *r, struct entry *job)
{
    if (job->holder != DURE_NONE32) {
        *used_of(r, job, job->kind) += (int64_t)r->needs[job->need].milli;
        rival_quota_count(r, job);
    }
}

void rival_quota_end(struct rival *r, struct entry *job)
{
    const int64_t milli = (int64_t)r->needs[job->need].milli;
    if (job->holder != DURE_NONE32)
        *used_of(r, job, job->kind) -= milli;
    if (job->leaving)
        r->leaving_milli[job->kind] -= milli;
    job->leaving = false;
}

/* Borrowed work on one kind of machines goes, the youngest first, until so much is on its way; nobody if all of it would not do. */
static void reclaim(struct rival *r, uint32_t kind, int64_t milli)
{
    int64_t there = 0;
    for (uint32_t i = 0; i < r->running_count; i++) {
        const struct entry *job = &r->jobs[r->running[i]];
        if (job->kind == kind && job->borrowed && !job->leaving)
            there += (int64_t)r->needs[job->need].milli;
    }
    if (there < milli)
        return;
    while (milli > 0) {
        uint32_t youngest = DURE_NONE32;
        for (uint32_t i = 0; i < r->running_count; i++) {
            const uint32_t j = r->running[i];
            const struct entry *job = &r->jobs[j], *best = youngest == DURE_NONE32 ? NULL : &r->jobs[youngest];
            if (job->kind == kind && job->borrowed && !job->leaving &&
                (!best || job->began_us > best->began_us || (job->began_us == best->began_us && j > youngest)))
                youngest = j;
        }
        struct entry *job = &r->jobs[youngest];
        const int64_t wait = job->grace_us < r->sim.options.leaves_us ? job->grace_us : r->sim.options.leaves_us;
        job->leaving = true;
        r->leaving_milli[kind] += (int64_t)r->needs[job->need].milli;
        milli -= (int64_t)r->needs[job->need].milli;
        r->sim.result->warned++;
        if (r->sim.now_us + wait < job->ends_us)
            rival_foresee(r, youngest, r->sim.now_us + wait);
    }
}

/* Its quota admits it, and there is no place: what is idle is kept for it, and more is made idle. */
static void claim(struct rival *r, uint32_t j, uint32_t kind)
{
    struct entry *job = &r->jobs[j];
    const int64_t milli = (int64_t)r->needs[job->need].milli;
    if (!job->claimed_us) {
        job->claimed_us = r->sim.now_us;
        if (!dure_map_put(&r->sim.claimed, measure_key(j + UINT64_C(1), DURE_NONE32), (uint64_t)r->sim.now_us))
            rival_fail(r, DURE_E_MEMORY, "out of memory for claims");
    }
    r->kept_milli[kind] += milli;
    const int64_t lacks = r->kept_milli[kind] - r->free_milli[kind] - r->leaving_milli[kind];
    if (lacks > 0)
        reclaim(r, kind, lacks);
    if (r->free_milli[kind] < r->kept_milli[kind]) {
        unblock(r, job);
        return;
    }
    job->blocked_us = job->blocked_us ? job->blocked_us : r->sim.now_us;
    r->sim.blocked_milli += (uint64_t)milli;
}

/* True: it runs. */
static bool by_right(struct rival *r, uint32_t j)
{
    struct entry *job = &r->jobs[j];
    struct need *need = &r->needs[job->need];
    uint32_t admitted = DURE_NONE32;
    for (uint32_t k = 0; k < r->kind_count; k++) {
        const int64_t quota = r->quota_milli[(size_t)job->holder * r->kind_count + k];
        uint8_t kind;
        if (!(need->models >> k & 1) || *used_of(r, job, k) + (int64_t)need->milli > quota)
            continue;
        admitted = admitted == DURE_NONE32 ? k : admitted;
        if (!(need->no_room >> k & 1) && rival_place(r, need, UINT64_C(1) << k, &kind)) {
            rival_start(r, j, kind);
            return true;
        }
        need->no_room |= UINT64_C(1) << k;
    }
    if (admitted == DURE_NONE32)
        unblock(r, job);
    else
        claim(r, j, admitted);
    return false;
}

static void borrowers(struct rival *r)
{
    uint32_t count = rival_candidates(r);
    for (uint32_t at = 0; at < count && !r->sim.failed;) {
        struct need *need = &r->needs[r->order[at]];
        uint64_t models = need->models & ~need->no_room;
        uint8_t kind;
        for (uint32_t k = 0; k < r->kind_count; k++)
            if (r->free_milli[k] - r->kept_milli[k] < (int64_t)need->milli)
                models &= ~(UINT64_C(1) << k);
        if (!models || !rival_place(r, need, models, &kind)) {
            need->no_room |= models;
            at++;
            continue;
        }
        const uint32_t job = need->jobs[0];
        rival_unwait(r, need);
        rival_start(r, job, kind);
        if (need->count)
            rival_sink(r, at, count);
        else
            at++;
    }
}

void rival_quota_pass(struct rival *r)
{
    uint32_t kept = 0;
    if (!r->dirty && r->sim.now_us < r->quota_next_us)
        return;
    r->dirty = false;
    r->sim.result->passes++;
    r->sim.blocked_milli = 0;
    memset(r->kept_milli, 0, sizeof r->kept_milli);
    quotas_now(r);
    for (uint32_t i = 0; i < r->claim_count; i++)
        if (r->sim.failed || !by_right(r, r->claims[i]))
            r->claims[kept++] = r->claims[i];
    r->claim_count = kept;
    borrowers(r);
}
