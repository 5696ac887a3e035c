/* Which chain: where work may stand at all, where it would rather stand, and in which order those who borrow go through them. */
#include "parts.h"

uint32_t reference_chain_of(const struct reference *reference, uint32_t node)
{
    uint32_t chain = 0;
    while (node >= reference->chains[chain].end)
        chain++;
    return chain;
}

uint32_t reference_cell_at(const struct reference *reference, uint32_t right, uint32_t first)
{
    const struct reference_right *r = &reference->rights[right];
    return (first - reference->chains[r->chain].first) / r->cell_nodes;
}

uint32_t reference_first_of(const struct reference *reference, uint32_t right, uint32_t cell)
{
    const struct reference_right *r = &reference->rights[right];
    return reference->chains[r->chain].first + cell * r->cell_nodes;
}

/* ---- where it may stand ---- */

static bool is_run_by_slurm(const struct reference *reference, uint32_t chain)
{
    return reference->fleet->sites[reference->chains[chain].site].engine == DURE_ENGINE_SLURM;
}

static bool is_allowed(const struct dure_dataset *set, uint32_t site)
{
    bool allowed = set->everywhere;
    for (uint32_t i = 0; i < set->site_count; i++)
        allowed |= set->sites[i].v == site;
    return allowed;
}

static bool has_profile(const struct dure_gpu_model *model, uint32_t mig)
{
    bool has = false;
    for (uint32_t i = 0; i < model->mig_count; i++)
        has |= model->migs[i] == mig;
    return has;
}

bool reference_carries(const struct reference *reference, const struct reference_job *job, uint32_t chain)
{
    const struct reference_chain *c = &reference->chains[chain];
    const struct dure_gpu_model *model = &reference->fleet->models[c->model];
    for (uint32_t i = 0; reference->data && i < reference->data->dataset_count; i++)
        if ((job->data >> i & 1) && !is_allowed(&reference->data->datasets[i], c->site))
            return false;
    if (job->milli < 1000 && is_run_by_slurm(reference, chain))
        return false; /* it gives whole GPUs */
    if (job->models > 0 && !(job->models >> c->model & 1))
        return false;
    return job->mig > 0 ? has_profile(model, job->mig - 1) : job->memory_mib <= model->memory_mib;
}

struct reference_job reference_there(const struct reference *reference, const struct reference_job *job, uint32_t chain)
{
    struct reference_job there = *job;
    there.mib = reference_mib(reference, job, chain);
    there.per_gpu = job->milli < 1000 ? reference_per_gpu(reference, job, chain) : 0;
    return there;
}

/* ---- in which shapes ---- */

static struct reference_job with_each(const struct reference *reference, const struct reference_job *job, uint32_t each)
{
    struct reference_job shape = *job;
    shape.is_gang = false;
    shape.tasks_per_node = each;
    reference_widen(reference, &shape);
    return shape;
}

bool reference_next_shape(const struct reference *reference, const struct reference_job *job, uint32_t chain,
                          uint32_t *each, struct reference_job *ret_shape)
{
    if (*each == 0)
        return false;
    const bool is_even = job->is_gang && is_run_by_slurm(reference, chain);
    if (!is_even || job->tasks_per_node > 0) {
        *each = 0;
        *ret_shape = reference_at_fewest(reference, job);
        return !is_even || job->tasks < job->tasks_per_node || job->tasks % job->tasks_per_node == 0;
    }
    *each = *each == UINT32_MAX ? job->tasks : *each - 1;
    while (*each > 0 && (job->tasks % *each > 0 || *each * job->gpus > reference->node_gpus))
        --*each;
    if (*each > 0)
        *ret_shape = with_each(reference, job, *each);
    return *each > 0;
}

struct reference_job reference_at_fewest(const struct reference *reference, const struct reference_job *job)
{
    return job->is_gang ? with_each(reference, job, job->tasks_per_node) : *job;
}

/* ---- where it would rather stand ---- */

/* By its list of models; without one, and if it asks for memory, where there is least of it. */
uint64_t reference_rank(const struct reference *reference, const struct reference_job *job, uint32_t chain)
{
    const uint32_t model = reference->chains[chain].model;
    uint64_t place = 0;
    if (job->model_order == 0)
        return job->memory_mib > 0 ? reference->fleet->models[model].memory_mib : 0;
    while (place < 8 && (job->model_order >> 8 * place & 255) != model + 1)
        place++;
    return place;
}

bool reference_next_rank(const struct reference *reference, const struct reference_job *job, bool first, uint64_t *rank)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t chain = 0; chain < reference->chain_count; chain++) {
        const uint64_t here = reference_rank(reference, job, chain);
        if ((first || here > *rank) && here < next)
            next = here;
    }
    *rank = next;
    return next != UINT64_MAX;
}

/* ---- in which order they lend ---- */

static uint32_t promised_in(const struct reference *reference, uint32_t chain)
{
    uint32_t nodes = 0;
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++)
            if (reference->rights[r].chain == chain && reference->rights[r].has[i])
                nodes += reference->rights[r].cell_nodes;
    return nodes;
}

void reference_lenders(const struct reference *reference, uint32_t order[REFERENCE_CHAINS])
{
    bool is_in[REFERENCE_CHAINS] = {false};
    for (uint32_t n = 0; n < reference->chain_count; n++) {
        uint32_t best = DURE_NONE32;
        for (uint32_t c = 0; c < reference->chain_count; c++) {
            const struct reference_chain *a = &reference->chains[c],
                                         *b = &reference->chains[best == DURE_NONE32 ? c : best];
            if (!is_in[c] && (best == DURE_NONE32 || promised_in(reference, c) * (b->end - b->first) <
                                                         promised_in(reference, best) * (a->end - a->first)))
                best = c;
        }
        is_in[best] = true;
        order[n] = best;
    }
}
