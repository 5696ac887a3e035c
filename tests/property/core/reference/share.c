/* GPUs that fractions of one tenant share. */
#include "parts.h"

static uint32_t gpu_mib(const struct reference *reference, uint32_t chain)
{
    return reference->fleet->models[reference->chains[chain].model].memory_mib;
}

uint32_t reference_mib(const struct reference *reference, const struct reference_job *job, uint32_t chain)
{
    if (job->mig > 0)
        return 0; /* told by its slices */
    return job->memory_mib > 0 ? job->memory_mib : (uint32_t)((uint64_t)gpu_mib(reference, chain) * job->milli / 1000);
}

uint32_t reference_per_gpu(const struct reference *reference, const struct reference_job *job, uint32_t chain)
{
    const uint32_t mib = reference_mib(reference, job, chain);
    struct instances empty = {0, 0};
    if (job->mig > 0)
        return reference_ones(reference_cut(reference, chain, job->mig, &empty, UINT32_MAX));
    const uint32_t by_milli = 1000 / job->milli, by_memory = mib > 0 ? gpu_mib(reference, chain) / mib : by_milli;
    return by_milli < by_memory ? by_milli : by_memory;
}

/* A fraction by rights stands beside others of its tenant; everybody else has to go. */
bool reference_obstructs(const struct reference *reference, const struct reference_run *run,
                         const struct dure_place *place)
{
    for (uint32_t k = 0; k < place->node_count; k++)
        if (reference_gpus_on(run, place->node_first + k) & place->gpu_mask)
            return place->gpu_milli == 1000 || run->borrowed || reference->jobs[run->job].milli == 1000;
    return false;
}

/* The place of a run that has this GPU. */
static const struct dure_place *place_on(const struct reference_run *run, uint32_t node, uint64_t gpu)
{
    const struct dure_place *place = run->places;
    while (node - place->node_first >= place->node_count || !(place->gpu_mask & gpu))
        place++;
    return place;
}

/* A GPU as those see it who would share it. */
struct share {
    uint32_t node, place; /* place: where it stands among its like */
    uint64_t gpu;
    uint32_t right, index; /* by rights */
    uint32_t free_milli, free_mib;
    struct instances instances;
    uint32_t loss; /* of the hole that a task would take a part of, by its price; 0 where prices do not count */
    bool is_open;  /* it is shared, and more may join */
};

uint64_t reference_used_by_right(const struct reference *reference, uint32_t node)
{
    uint64_t used = 0;
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (!reference->runs[r].borrowed && reference->runs[r].state != RUN_RESERVED)
            used |= reference_gpus_on(&reference->runs[r], node);
    return used;
}

static void look(const struct reference *reference, const struct reference_job *job, struct share *share)
{
    share->free_milli = 1000;
    const uint32_t chain = reference_chain_of(reference, share->node);
    share->free_mib = gpu_mib(reference, chain);
    share->instances = (struct instances){0, 0};
    share->is_open = false;
    bool closed = reference->nodes[share->node].lost & share->gpu;
    /* Who has lost its right among them has its room until it has left. */
    const bool keeps = reference_used_by_right(reference, share->node) & share->gpu;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        const struct reference_job *other = &reference->jobs[run->job];
        if (!(reference_gpus_on(run, share->node) & share->gpu))
            continue;
        const bool is_whole = other->milli == 1000, waits = run->state == RUN_RESERVED;
        if ((run->borrowed == job->borrowed || keeps) && !is_whole && other->tenant == job->tenant) {
            const struct dure_place *place = place_on(run, share->node, share->gpu);
            share->free_milli -= place->tasks * other->milli;
            share->free_mib -= place->tasks * reference_mib(reference, other, chain);
            if (other->mig > 0)
                reference_stand(reference, other->mig, place->starts, &share->instances);
            closed |= (other->mig > 0) != (job->mig > 0);
            share->is_open |= run->borrowed == job->borrowed;
        }
        const bool stays =
            !waits && is_whole && !run->borrowed && other->priority >= job->priority; /* not for this job */
        closed |= stays || (waits && is_whole) || (job->borrowed && !run->borrowed);  /* what is lent is apart */
    }
    share->is_open &= !closed;
}

static uint32_t room(const struct reference *reference, const struct reference_job *job, const struct share *share)
{
    struct instances instances = share->instances;
    if (job->mig > 0)
        return reference_ones(
            reference_cut(reference, reference_chain_of(reference, share->node), job->mig, &instances, UINT32_MAX));
    const uint32_t by_milli = share->free_milli / job->milli,
                   by_memory = job->mib > 0 ? share->free_mib / job->mib : by_milli;
    return by_milli < by_memory ? by_milli : by_memory;
}

/* Where limits are met, or instances placed, prices do not count. */
static void price(const struct reference *reference, const struct reference_job *job, struct share *share)
{
    const uint32_t *prices = reference->prices.hole_ugpu;
    share->loss = 0;
    if (!reference_is_limited(job) && job->mig == 0 && share->free_milli >= job->milli)
        share->loss =
            prices[share->free_milli / DURE_HOLE_MILLI] - prices[(share->free_milli - job->milli) / DURE_HOLE_MILLI];
}

/* The cheapest hole, then the fullest, then the first. */
static bool is_tighter(const struct share *a, const struct share *b)
{
    if (a->loss != b->loss)
        return a->loss < b->loss;
    return a->free_milli != b->free_milli ? a->free_milli < b->free_milli : a->place < b->place;
}

/* The GPU at this place of the right's cells, or of the hardware; false: it is none, or kept. */
static bool find_gpu(const struct reference *reference, uint32_t right, uint32_t place, const struct trial *trial,
                     struct share *share)
{
    const uint32_t slot = place / reference->node_gpus, bit = place % reference->node_gpus;
    *share = (struct share){.node = slot, .place = place, .gpu = UINT64_C(1) << bit, .right = right};
    if (right == DURE_NONE32)
        return !trial->beside_plan || !(reference->plans[reference->tenant_count].kept_nodes[slot] & share->gpu);
    const struct reference_right *r = &reference->rights[right];
    share->index = slot / r->cell_nodes;
    share->node = trial->bound[right][share->index] + slot % r->cell_nodes;
    return reference_has_begun(r) && trial->bound[right][share->index] != DURE_NONE32 &&
           (!trial->beside_plan || !(reference->plans[r->tenant].kept[right][slot] & share->gpu));
}

static void bind_known(const struct reference *reference, const struct share *share, struct trial *trial)
{
    for (uint32_t i = 0; i < trial->binding_count; i++)
        if (trial->bindings[i].virtual_index == share->index)
            return;
    trial->bindings[trial->binding_count++] = (struct dure_binding){
        .allot = {share->right},
        .virtual_index = share->index,
        .cell_index = reference_cell_at(reference, share->right, trial->bound[share->right][share->index])};
}

uint32_t reference_fill(const struct reference *reference, const struct reference_job *job, uint32_t chain,
                        uint32_t right, struct trial *trial)
{
    const struct reference_right *r = right == DURE_NONE32 ? NULL : &reference->rights[right];
    const uint32_t first_node = r ? 0 : reference->chains[chain].first,
                   end = r ? r->count * r->cell_nodes : reference->chains[chain].end;
    struct share last = {.free_milli = 0};
    uint32_t left = job->tasks;
    for (bool first = true; left > 0; first = false) {
        struct share best = {.is_open = false}, share;
        for (uint32_t place = first_node * reference->node_gpus; place < end * reference->node_gpus; place++) {
            if (!find_gpu(reference, right, place, trial, &share))
                continue;
            look(reference, job, &share);
            price(reference, job, &share);
            if (share.is_open && room(reference, job, &share) > 0 &&
                reference_limit(reference, job, share.node, trial) > 0 && (first || is_tighter(&last, &share)) &&
                (!best.is_open || is_tighter(&share, &best)))
                best = share;
        }
        if (!best.is_open)
            break;
        const uint32_t limit = reference_limit(reference, job, best.node, trial), most = limit < left ? limit : left,
                       tasks = room(reference, job, &best) < most ? room(reference, job, &best) : most;
        trial->places[trial->place_count++] = (struct dure_place){
            .node_first = best.node,
            .node_count = 1,
            .gpu_mask = best.gpu,
            .tasks = tasks,
            .gpu_milli = (uint16_t)job->milli,
            .starts = job->mig > 0 ? reference_cut(reference, chain, job->mig, &best.instances, tasks) : 0};
        if (r)
            bind_known(reference, &best, trial);
        left -= tasks;
        last = best;
    }
    return left;
}

void reference_spread(const struct reference *reference, const struct reference_job *job, uint32_t node, uint64_t mask,
                      uint32_t *left, struct trial *trial)
{
    const uint32_t chain = reference_chain_of(reference, node);
    for (; mask; mask &= mask - 1) {
        const uint32_t tasks = *left < job->per_gpu ? *left : job->per_gpu;
        struct instances empty = {0, 0};
        trial->places[trial->place_count++] =
            (struct dure_place){.node_first = node,
                                .node_count = 1,
                                .gpu_mask = mask & -mask,
                                .tasks = tasks,
                                .gpu_milli = (uint16_t)job->milli,
                                .starts = job->mig > 0 ? reference_cut(reference, chain, job->mig, &empty, tasks) : 0};
        *left -= tasks;
    }
}
