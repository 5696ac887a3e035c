#include "core/gate/fence.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/attempts.h"
#include "core/state/jobs.h"

static void bits_new(struct dure_bits *bits, uint64_t size)
{
    DURE_ASSERT(dure_bits_init(bits, size));
}

static void fence_free(const struct dure_core *core, struct fence *fence)
{
    for (uint32_t i = 0; i < core->fences.chains; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct fence_part *part = &fence->chains[i].part[k];
            free(part->all);
            free(part->by_right);
            dure_bits_release(&part->all_on);
            dure_bits_release(&part->right_on);
        }
    dure_bits_release(&fence->owners);
    dure_bits_release(&fence->forbidden);
    free(fence->by_right[0]);
    free(fence->by_right[1]);
    free(fence->chains);
    free(fence);
}

void fence_release(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->fences.count; i++)
        fence_free(core, core->fences.at[i]);
    free(core->fences.at);
    core->fences = (struct fences){0};
}

/* ---- which fence ---- */

static bool within(const struct dure_core *core, uint32_t tenant, uint32_t ancestor)
{
    return dure_tenants_within(core->tenants, (struct dure_tenant_id){tenant}, (struct dure_tenant_id){ancestor});
}

/* Is the tenant above or below one that the dataset names, or it itself? */
static bool is_special(const struct dure_core *core, const struct dure_dataset *set, uint32_t tenant)
{
    for (uint32_t i = 0; i < set->forbidden_count; i++) {
        struct dure_tenant_id named;
        if (dure_tenants_find(core->tenants, set->forbidden[i], &named) &&
            (within(core, tenant, named.v) || within(core, named.v, tenant)))
            return true;
    }
    return false;
}

static bool names(const struct dure_core *core, const struct dure_dataset *set, uint32_t tenant)
{
    for (uint32_t i = 0; i < set->forbidden_count; i++) {
        struct dure_tenant_id named;
        if (dure_tenants_find(core->tenants, set->forbidden[i], &named) && within(core, tenant, named.v))
            return true;
    }
    return false;
}

static struct fence *find(const struct dure_core *core, uint32_t dataset, uint32_t tenant)
{
    for (uint32_t i = 0; i < core->fences.count; i++)
        if (core->fences.at[i]->dataset == dataset && dure_bits_test(&core->fences.at[i]->owners, tenant))
            return core->fences.at[i];
    return NULL;
}

static uint32_t cell_nodes(const struct dure_chain *chain, enum dure_data_level level)
{
    const unsigned at = dure_chain_level(chain, dure_data_level_names[level]);
    return at >= chain->node_level ? dure_chain_leaves_at(chain, at) / chain->node_gpus : 0;
}

/* Whose right it runs by; NONE: it borrows. */
static uint32_t holder_of(const struct dure_core *core, uint32_t allot)
{
    return allot == NONE ? NONE : core->allots[allot]->spec.tenant.v;
}

static void count_places(struct dure_core *core, struct fence *fence, enum fence_who who, uint32_t at, uint32_t holder,
                         const struct dure_place *places, uint32_t place_count, int sign);

static void count_if(struct dure_core *core, struct fence *fence, const struct request *ask, uint32_t at,
                     uint32_t holder, const struct dure_place *places, uint32_t place_count, int sign)
{
    if (ask->data_mask >> fence->dataset & 1 && dure_bits_test(&fence->owners, ask->tenant))
        count_places(core, fence, FENCE_USERS, at, holder, places, place_count, sign);
    if (dure_bits_test(&fence->forbidden, ask->tenant))
        count_places(core, fence, FENCE_FORBIDDEN, at, holder, places, place_count, sign);
}

static void count_all(struct dure_core *core, struct fence *fence)
{
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const struct attempt *a = attempt_at(core, core->deadlines.at[i].slot);
        count_if(core, fence, job_ask(core, job_at(core, a->job_slot)), a->d.chain, holder_of(core, a->d.allot),
                 a->places, a->d.place_count, 1);
    }
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        const struct job *job = job_at(core, slot);
        for (uint32_t ordinal = 0; job->d.claims && ordinal < job_ordinals(job); ordinal++) {
            const uint32_t claim = claim_of(core, slot, ordinal);
            if (claim != NONE)
                count_if(core, fence, job_ask(core, job), claim_at(core, claim)->d.chain,
                         holder_of(core, claim_at(core, claim)->d.allot), claim_at(core, claim)->places,
                         claim_at(core, claim)->d.place_count, 1);
        }
    }
}

static struct fence *make(struct dure_core *core, uint32_t dataset, uint32_t tenant)
{
    const struct dure_dataset *set = &core->data->datasets[dataset];
    const uint32_t tenants = core->tenants->tenant_count;
    const bool special = is_special(core, set, tenant);
    struct fences *fences = &core->fences;
    struct fence *fence = dure_core_alloc(sizeof *fence, 1);
    *fence = (struct fence){.dataset = dataset, .tenant = special ? tenant : NONE, .level = set->alone};
    bits_new(&fence->owners, tenants);
    bits_new(&fence->forbidden, tenants);
    for (uint32_t t = 0; t < tenants; t++) {
        if (special ? t == tenant : !is_special(core, set, t))
            dure_bits_set(&fence->owners, t);
        if (names(core, set, t) && !(special && within(core, t, tenant)))
            dure_bits_set(&fence->forbidden, t);
    }
    for (unsigned who = 0; who < 2; who++) {
        fence->by_right[who] = dure_core_alloc(sizeof *fence->by_right[who], tenants);
        memset(fence->by_right[who], 0, tenants * sizeof *fence->by_right[who]);
    }
    fences->chains = core->fleet->chain_count;
    fence->chains = dure_core_alloc(sizeof *fence->chains, fences->chains);
    for (uint32_t i = 0; i < fences->chains; i++)
        fence->chains[i] = (struct fence_chain){.cell_nodes = cell_nodes(&core->fleet->chains[i], set->alone)};
    fences->at = dure_core_grow(fences->at, sizeof(struct fence *), fences->count + 1);
    fences->at[fences->count++] = fence;
    count_all(core, fence);
    fence->is_fresh = true;
    return fence;
}

/* The fences of the request's own datasets are there after this. */
static void want(struct dure_core *core, const struct request *ask)
{
    for (uint64_t mask = ask->data_mask & core->fences.listed; mask; mask &= mask - 1) {
        const uint32_t dataset = (uint32_t)__builtin_ctzll(mask);
        if (!find(core, dataset, ask->tenant))
            make(core, dataset, ask->tenant);
    }
}

void fence_rebuild(struct dure_core *core)
{
    fence_release(core);
    for (uint32_t i = 0; core->data && core->tenants && core->fleet && i < core->data->dataset_count; i++)
        core->fences.listed |= (uint64_t)(core->data->datasets[i].forbidden_count > 0) << i;
    if (!core->fences.listed)
        return;
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        const struct job *job = job_at(core, slot);
        if (job->d.live || job->d.claims)
            want(core, job_ask(core, job));
    }
    for (uint32_t i = 0; i < core->fences.count; i++)
        core->fences.at[i]->is_fresh = false;
}

/* ---- counting ---- */

static void part_init(const struct dure_chain *chain, uint32_t cell, struct fence_part *part)
{
    const uint32_t cells = (chain->node_count + cell - 1) / cell;
    part->all = dure_core_alloc(sizeof *part->all, cells);
    part->by_right = dure_core_alloc(sizeof *part->by_right, cells);
    memset(part->all, 0, cells * sizeof *part->all);
    memset(part->by_right, 0, cells * sizeof *part->by_right);
    bits_new(&part->all_on, chain->node_count);
    bits_new(&part->right_on, chain->node_count);
}

static void put(const struct dure_chain *chain, uint32_t *counts, uint64_t *total, struct dure_bits *on, uint32_t cell,
                uint32_t nodes, int sign)
{
    const uint32_t was = counts[cell], first = cell * nodes;
    DURE_ASSERT(sign > 0 || was);
    counts[cell] = sign > 0 ? was + 1 : was - 1;
    *total = sign > 0 ? *total + 1 : *total - 1;
    if (!was != !counts[cell])
        dure_bits_put_range(on, first, first + nodes > chain->node_count ? chain->node_count - first : nodes, !was);
}

static void count_places(struct dure_core *core, struct fence *fence, enum fence_who who, uint32_t at, uint32_t holder,
                         const struct dure_place *places, uint32_t place_count, int sign)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t nodes = fence->chains[at].cell_nodes;
    struct fence_part *part = &fence->chains[at].part[who];
    if (!nodes)
        return;
    if (!part->all)
        part_init(chain, nodes, part);
    for (uint32_t i = 0; i < place_count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++) {
            const uint32_t cell = (places[i].node_first + k - chain->node_first) / nodes;
            put(chain, part->all, &part->all_count, &part->all_on, cell, nodes, sign);
            fence->all_count[who] += (uint64_t)(int64_t)sign;
            if (holder == NONE)
                continue;
            put(chain, part->by_right, &part->by_right_count, &part->right_on, cell, nodes, sign);
            fence->by_right[who][holder] += (uint32_t)sign;
        }
}

static void count(struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t holder,
                  const struct dure_place *places, uint32_t place_count, int sign)
{
    if (!core->tenants)
        return;
    want(core, ask);
    for (uint32_t i = 0; i < core->fences.count; i++) {
        struct fence *fence = core->fences.at[i];
        if (!fence->is_fresh)
            count_if(core, fence, ask, chain, holder, places, place_count, sign);
        fence->is_fresh = false;
    }
}

void fence_count_attempt(struct dure_core *core, uint32_t slot, int sign)
{
    const struct attempt *a = attempt_at(core, slot);
    count(core, job_ask(core, job_at(core, a->job_slot)), a->d.chain, holder_of(core, a->d.allot), a->places,
          a->d.place_count, sign);
}

void fence_count_claim(struct dure_core *core, uint32_t slot, int sign)
{
    const struct claim *claim = claim_at(core, slot);
    count(core, job_ask(core, job_at(core, claim->job_slot)), claim->d.chain, holder_of(core, claim->d.allot),
          claim->places, claim->d.place_count, sign);
}

/* ---- asking ---- */

static bool is_lifted(const struct dure_core *core, const struct fence *fence)
{
    return core->fences.lifted >> fence->dataset & 1 || DURE_CORE_MUTATED(FENCE_FORGOTTEN);
}

/* Must the request keep clear of this part of the fence? */
static bool minds(const struct fence *fence, const struct request *ask, enum fence_who who)
{
    return who == FENCE_USERS ? dure_bits_test(&fence->forbidden, ask->tenant) && !DURE_CORE_MUTATED(FENCE_ONE_WAY)
                              : ask->data_mask >> fence->dataset & 1 && dure_bits_test(&fence->owners, ask->tenant);
}

static bool side_of(const struct dure_core *core, const struct request *ask, uint32_t i, unsigned who, uint32_t chain,
                    bool by_right, struct fence_side *ret_side)
{
    const struct fence *fence = core->fences.at[i];
    if (is_lifted(core, fence) || !minds(fence, ask, (enum fence_who)who))
        return false;
    const struct fence_part *part = &fence->chains[chain].part[who];
    *ret_side = (struct fence_side){fence, part, by_right ? &part->right_on : &part->all_on};
    return by_right ? part->by_right_count : part->all_count;
}

static void want_now(struct dure_core *core, const struct request *ask)
{
    want(core, ask);
    for (uint32_t i = 0; i < core->fences.count; i++)
        core->fences.at[i]->is_fresh = false;
}

bool fence_stands(struct dure_core *core, const struct request *ask, bool by_right)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    want_now(core, ask);
    for (uint32_t i = 0; i < core->fences.count; i++) {
        const struct fence *fence = core->fences.at[i];
        for (unsigned who = 0; who < 2; who++)
            if ((by_right ? holder != NONE && fence->by_right[who][holder] : fence->all_count[who] > 0) &&
                minds(fence, ask, (enum fence_who)who) && !is_lifted(core, fence))
                return true;
    }
    return false;
}

uint32_t fence_sides(struct dure_core *core, const struct request *ask, uint32_t chain, bool by_right,
                     struct fence_side **ret_sides)
{
    uint32_t found = 0;
    want_now(core, ask);
    struct fence_side *sides = dure_core_alloc(sizeof *sides, core->fences.count * UINT64_C(2));
    for (uint32_t i = 0; i < core->fences.count; i++)
        for (unsigned who = 0; who < 2; who++)
            found += side_of(core, ask, i, who, chain, by_right, &sides[found]);
    *ret_sides = sides;
    return found;
}

uint64_t fence_first(const struct fence_side *sides, uint32_t count, const struct dure_bits *bits, uint64_t from)
{
    for (uint64_t at = dure_bits_first(bits, from); at != UINT64_MAX;) {
        const uint64_t word = at / 64;
        uint64_t left = bits->level[0][word] & (UINT64_MAX << at % 64);
        for (uint32_t i = 0; i < count; i++)
            left &= ~sides[i].on->level[0][word];
        if (left)
            return word * 64 + (uint64_t)__builtin_ctzll(left);
        at = dure_bits_first(bits, (word + 1) * 64);
    }
    return UINT64_MAX;
}

bool fence_is_on(const struct fence_side *sides, uint32_t count, uint32_t node)
{
    for (uint32_t i = 0; i < count; i++)
        if (dure_bits_test(sides[i].on, node))
            return true;
    return false;
}

enum dure_data_level fence_between(struct dure_core *core, const struct request *a, const struct request *b)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    want_now(core, a);
    want_now(core, b);
    for (uint32_t i = 0; i < core->fences.count; i++) {
        const struct fence *fence = core->fences.at[i];
        const bool apart = (minds(fence, a, FENCE_FORBIDDEN) && minds(fence, b, FENCE_USERS)) ||
                           (minds(fence, b, FENCE_FORBIDDEN) && minds(fence, a, FENCE_USERS));
        if (apart && !is_lifted(core, fence) && fence->level > level)
            level = fence->level;
    }
    return level;
}

uint32_t fence_dataset(struct dure_core *core, const struct request *ask, uint32_t chain, bool by_right)
{
    struct fence_side *sides;
    if (!fence_touches(core, ask, by_right))
        return NONE;
    const uint32_t count = fence_sides(core, ask, chain, by_right, &sides);
    uint32_t first = NONE;
    for (uint32_t i = 0; i < count; i++)
        first = sides[i].fence->dataset < first ? sides[i].fence->dataset : first;
    free(sides);
    return first;
}
