#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"
#include "core/state/lasting.h"

__extension__ typedef unsigned __int128 wide;

#define HALF_LIFE_US (7 * DURE_DAY_US)
enum { STEPS = 16, RENEW_AFTER = 32 };

/* 2^16 * 2^(k/16), rounded. */
static const uint32_t growth_steps[STEPS] = {65536, 68438, 71468,  74632,  77936,  81386,  84990,  88752,
                                             92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515};

/* How much a charge made at that moment weighs, on the scale that holds now: 2^16 at its base, less before. */
uint64_t share_growth(const struct dure_core *core, int64_t at_us)
{
    const int64_t age = at_us - core->s.growth_base_us;
    int64_t halves = age / HALF_LIFE_US, part = age % HALF_LIFE_US;
    if (part < 0) {
        part += HALF_LIFE_US;
        halves--;
    }
    const uint64_t step = growth_steps[part * STEPS / HALF_LIFE_US];
    if (halves < 0)
        return halves <= -32 ? 0 : step >> -halves;
    return step << halves;
}

static wide usage_of(const uint64_t usage[2])
{
    return (wide)usage[1] << 64 | usage[0];
}

static void usage_set(uint64_t usage[2], wide value)
{
    usage[0] = (uint64_t)value;
    usage[1] = (uint64_t)(value >> 64);
}

static void usage_add(uint64_t usage[2], wide amount, bool back)
{
    const wide was = usage_of(usage);
    usage_set(usage, !back ? was + amount : was > amount ? was - amount : 0);
}

struct dure_digest tenant_hash(const struct dure_core *core, uint32_t tenant)
{
    const struct tenant_state *t = &core->tenant[tenant];
    const uint64_t bytes[7] = {tenant,          t->usage[0],          t->usage[1],       t->own_usage[0],
                               t->own_usage[1], t->gpu_us_guaranteed, t->gpu_us_borrowed};
    if (!(bytes[1] | bytes[2] | bytes[3] | bytes[4] | bytes[5] | bytes[6]))
        return (struct dure_digest){{0, 0}};
    return dure_hash_words(DOMAIN_TENANT, bytes, 7);
}

void tenant_loosen(struct dure_core *core, uint32_t tenant, enum tenant_term which)
{
    struct slot_list *loose = &core->loose_tenants;
    const bool is_new = !core->tenant[tenant].loose;
    core->tenant[tenant].loose |= (uint8_t)which;
    if (!is_new)
        return;
    slot_list_add(loose, tenant);
}

void tenant_out(struct dure_core *core, uint32_t tenant)
{
    struct tenant_state *t = &core->tenant[tenant];
    if (t->loose & TENANT_SHARES)
        return;
    tenant_loosen(core, tenant, TENANT_SHARES);
    dure_digest_sub(&core->digest, t->term);
}

void tenant_in(struct dure_core *core, uint32_t tenant)
{
    DURE_ASSERT(core->tenant[tenant].loose & TENANT_SHARES);
}

void tenant_settle(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->loose_tenants.count; i++) {
        const uint32_t tenant = core->loose_tenants.at[i];
        struct tenant_state *t = &core->tenant[tenant];
        if (t->loose & TENANT_SHARES)
            dure_digest_add(&core->digest, t->term = tenant_hash(core, tenant));
        if (t->loose & TENANT_LASTING)
            dure_digest_add(&core->digest, t->lasted_term = lasting_hash(core, tenant));
        t->loose = 0;
    }
    core->loose_tenants.count = 0;
}

void share_charge(struct dure_core *core, uint32_t tenant, int64_t gpu_us, int64_t at_us, bool back)
{
    const wide amount = (wide)(uint64_t)gpu_us * share_growth(core, at_us) >> 16;
    for (uint32_t at = tenant; at != NONE; at = core->tenant[at].parent) {
        tenant_out(core, at);
        usage_add(core->tenant[at].usage, amount, back);
        if (at == tenant)
            usage_add(core->tenant[at].own_usage, amount, back);
        tenant_in(core, at);
    }
}

void share_close(struct dure_core *core, const struct attempt *attempt)
{
    const struct attempt_data *d = &attempt->d;
    const uint32_t tenant = job_ask(core, attempt->job)->tenant;
    const int64_t now = core->s.time_us;
    const uint64_t used = (uint64_t)share_cost(d->gpus_milli, now - (d->borrowed ? d->charged_at_us : d->started_us));
    for (uint32_t at = tenant; at != NONE; at = core->tenant[at].parent) {
        tenant_out(core, at);
        *(d->borrowed ? &core->tenant[at].gpu_us_borrowed : &core->tenant[at].gpu_us_guaranteed) += used;
        tenant_in(core, at);
    }
    if (!d->borrowed)
        share_charge(core, tenant, share_cost(d->gpus_milli, d->walltime_end_us - now), d->charged_at_us, true);
}

/* Every 32 half-lives all that was charged is scaled down at once. */
void share_renew(struct dure_core *core)
{
    if (core->s.growth_base_us == INT64_MIN)
        core->s.growth_base_us = core->s.time_us;
    while ((core->s.time_us - core->s.growth_base_us) / HALF_LIFE_US >= RENEW_AFTER) {
        core->s.growth_base_us += RENEW_AFTER * HALF_LIFE_US;
        for (uint32_t i = 0; core->tenants && i < core->tenants->tenant_count; i++) {
            tenant_out(core, i);
            usage_set(core->tenant[i].usage, usage_of(core->tenant[i].usage) >> RENEW_AFTER);
            usage_set(core->tenant[i].own_usage, usage_of(core->tenant[i].own_usage) >> RENEW_AFTER);
            tenant_in(core, i);
        }
    }
}

/* One side where paths of the tree of tenants part: a tenant with all below it, or (own) the jobs that it submitted itself. */
struct side {
    uint32_t tenant;
    bool own;
};

static wide share_of(const struct tenant_state *t, bool borrowed, bool own)
{
    if (own)
        return borrowed ? t->own_borrowed : usage_of(t->own_usage);
    const wide used = borrowed ? t->milli_borrowed : usage_of(t->usage);
    return t->weight > 1 ? used / t->weight : used; /* a wide division is slow, and weights are mostly 1 */
}

/* Compares two different tenants where their paths part; ties by declaration order, so that the order is total. */
bool order_tenant_before(const struct dure_core *core, bool borrowed, uint32_t a, uint32_t b)
{
    const struct tenant_state *t = core->tenant;
    struct side left = {a, false}, right = {b, false};
    if (t[a].top != t[b].top) {
        left.tenant = t[a].top;
        right.tenant = t[b].top;
    }
    while (t[left.tenant].depth > t[right.tenant].depth && t[left.tenant].parent != right.tenant)
        left.tenant = t[left.tenant].parent;
    while (t[right.tenant].depth > t[left.tenant].depth && t[right.tenant].parent != left.tenant)
        right.tenant = t[right.tenant].parent;
    if (t[left.tenant].parent == right.tenant) {
        right.own = true;
    } else if (t[right.tenant].parent == left.tenant) {
        left.own = true;
    } else {
        while (t[left.tenant].parent != t[right.tenant].parent) {
            left.tenant = t[left.tenant].parent;
            right.tenant = t[right.tenant].parent;
        }
    }
    const wide mine = share_of(&t[left.tenant], borrowed, left.own),
               other = share_of(&t[right.tenant], borrowed, right.own);
    return mine != other ? mine < other : left.own || (!right.own && left.tenant < right.tenant);
}

bool order_before(const struct dure_core *core, bool borrowed, const struct class *a, const struct class *b)
{
    if (!borrowed && a->ask.priority != b->ask.priority)
        return a->ask.priority > b->ask.priority;
    if (a->ask.tenant != b->ask.tenant)
        return order_tenant_before(core, borrowed, a->ask.tenant, b->ask.tenant);
    if (a->ask.priority != b->ask.priority)
        return a->ask.priority > b->ask.priority;
    return job_at(core, class_head(core, a))->d.id < job_at(core, class_head(core, b))->d.id;
}

int64_t share_cost(uint32_t gpus_milli, int64_t us)
{
    uint64_t milli_us;
    if (!__builtin_mul_overflow((uint64_t)gpus_milli, (uint64_t)(us > 0 ? us : 0), &milli_us))
        return (int64_t)(milli_us / 1000);
    return (int64_t)((wide)gpus_milli * (uint64_t)us / 1000); /* a wide division is a call */
}
