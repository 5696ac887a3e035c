/* Whose turn it is among tenants, by what each has been given; and what a tenant or a user may hold at a time. */
#include "base/timefmt.h"
#include "parts.h"

__extension__ typedef unsigned __int128 wide;

uint32_t reference_run_milli(const struct reference_run *run)
{
    uint32_t milli = 0;
    for (uint32_t i = 0; i < run->place_count; i++) {
        const struct dure_place *place = &run->places[i];
        milli += place->node_count *
                 (place->gpu_milli == 1000 ? reference_ones(place->gpu_mask) * 1000 : place->tasks * place->gpu_milli);
    }
    return milli;
}

/* ---- what was charged ---- */

/* 2^16 times 2^(sixteenths/16), rounded: the nearest x with x^16 = 2^(256 + sixteenths), found by halving. */
static uint32_t grown(uint32_t sixteenths)
{
    uint32_t low = 65536 * 2, high = 65536 * 4; /* of twice the value, to see which way to round */
    while (low + 1 < high) {
        const uint32_t middle = (low + high) / 2;
        long double power = 1; /* exact enough: sixteen factors of seventeen bits */
        for (unsigned i = 0; i < 16; i++)
            power *= (long double)middle / (65536 * 2);
        if (power <= (long double)(1u << sixteenths))
            low = middle;
        else
            high = middle;
    }
    return (low + 1) / 2;
}

/* What is charged doubles in a week, by sixteenths of it, so that what was charged a week ago counts half. */
static wide worth(const struct reference *reference, uint32_t milli, int64_t lasts_us, int64_t at_us)
{
    const int64_t week = 7 * DURE_DAY_US, age = at_us - reference->base_us;
    const wide gpu_us = lasts_us > 0 ? (wide)milli * (uint64_t)lasts_us / 1000 : 0;
    return gpu_us * ((uint64_t)grown((uint32_t)(age % week * 16 / week)) << age / week) >> 16;
}

static void add(wide *used, wide amount, bool back)
{
    *used = !back ? *used + amount : *used > amount ? *used - amount : 0;
}

void reference_charge(struct reference *reference, uint32_t tenant, uint32_t milli, int64_t lasts_us, int64_t at_us,
                      bool back)
{
    const wide amount = worth(reference, milli, lasts_us, at_us);
    add(&reference->used[tenant], amount, back);
    for (uint32_t at = tenant; at != DURE_NONE32; at = reference->tenants[at].parent.v)
        add(&reference->used_below[at], amount, back);
}

/* ---- whose turn ---- */

void reference_count_lent(const struct reference *reference, struct lent *lent)
{
    *lent = (struct lent){{0}, {0}};
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        const uint32_t tenant = reference->jobs[run->job].tenant;
        if (run->state == RUN_NONE || !run->borrowed)
            continue;
        lent->own[tenant] += reference_run_milli(run);
        for (uint32_t at = tenant; at != DURE_NONE32; at = reference->tenants[at].parent.v)
            lent->below[at] += reference_run_milli(run);
    }
}

/* From the top down; says how many. */
static uint32_t path_of(const struct reference *reference, uint32_t tenant, uint32_t path[REFERENCE_TENANTS])
{
    uint32_t count = 0, back[REFERENCE_TENANTS];
    for (uint32_t at = tenant; at != DURE_NONE32; at = reference->tenants[at].parent.v)
        back[count++] = at;
    for (uint32_t i = 0; i < count; i++)
        path[i] = back[count - 1 - i];
    return count;
}

/* Where the paths part; a tenant that lies on the other's path stands for its own work there, beside its branches. */
bool reference_is_before(const struct reference *reference, const struct lent *lent, uint32_t a, uint32_t b)
{
    uint32_t mine[REFERENCE_TENANTS], others[REFERENCE_TENANTS], at = 0;
    const uint32_t count = path_of(reference, a, mine), other_count = path_of(reference, b, others);
    while (at < count && at < other_count && mine[at] == others[at])
        at++;
    const bool own = at == count, other_own = at == other_count;
    const uint32_t x = own ? a : mine[at], y = other_own ? b : others[at];
    const wide share = own    ? (lent ? lent->own[x] : reference->used[x])
                       : lent ? lent->below[x] / reference->tenants[x].weight
                              : reference->used_below[x] / reference->tenants[x].weight;
    const wide other = other_own ? (lent ? lent->own[y] : reference->used[y])
                       : lent    ? lent->below[y] / reference->tenants[y].weight
                                 : reference->used_below[y] / reference->tenants[y].weight;
    return share != other ? share < other : own || (!other_own && x < y);
}

/* ---- ceilings ---- */

static bool is_within(const struct reference *reference, uint32_t tenant, uint32_t above)
{
    while (tenant != DURE_NONE32 && tenant != above)
        tenant = reference->tenants[tenant].parent.v;
    return tenant == above;
}

struct held {
    uint64_t milli, jobs;
};

/* By a tenant and all below it; of one user, or (NONE32) of all. */
static struct held held_by(const struct reference *reference, uint32_t tenant, uint32_t principal)
{
    struct held held = {0, 0};
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        const struct reference_job *job = &reference->jobs[run->job];
        if (run->state == RUN_NONE || !is_within(reference, job->tenant, tenant) ||
            (principal != DURE_NONE32 && job->principal != principal))
            continue;
        held.milli += reference_run_milli(run);
        held.jobs++;
    }
    return held;
}

bool reference_is_at_ceiling(const struct reference *reference, const struct reference_job *job)
{
    const uint64_t asks = (uint64_t)job->tasks * job->gpus * job->milli;
    for (uint32_t at = job->tenant; at != DURE_NONE32; at = reference->tenants[at].parent.v) {
        const struct dure_ceilings *most = &reference->tenants[at].ceilings;
        const struct held all = held_by(reference, at, DURE_NONE32), own = held_by(reference, at, job->principal);
        if (all.jobs >= most->jobs || (most->milli != DURE_NONE64 && all.milli + asks > most->milli) ||
            own.jobs >= most->user_jobs || (most->user_milli != DURE_NONE64 && own.milli + asks > most->user_milli))
            return true;
    }
    return false;
}

bool reference_is_over_ceiling(const struct reference *reference, uint32_t tenant)
{
    const struct dure_ceilings *most = &reference->tenants[tenant].ceilings;
    const struct held all = held_by(reference, tenant, DURE_NONE32);
    bool over = all.jobs > most->jobs || all.milli > most->milli;
    for (uint64_t id = 1; id < reference->next_job && !over; id++) {
        const struct held own = held_by(reference, tenant, reference->jobs[id].principal);
        over = own.jobs > most->user_jobs || own.milli > most->user_milli;
    }
    return over;
}

uint32_t reference_user(const struct reference *reference, const struct reference_job *job)
{
    for (uint32_t at = job->tenant; at != DURE_NONE32; at = reference->tenants[at].parent.v)
        if (reference->tenants[at].ceilings.user_jobs != DURE_NONE64 ||
            reference->tenants[at].ceilings.user_milli != DURE_NONE64)
            return job->principal;
    return DURE_NONE32;
}

bool reference_is_held_back(const struct reference *reference, uint64_t job)
{
    return reference_next(reference, job) != DURE_NONE32 && reference_is_at_ceiling(reference, &reference->jobs[job]);
}
