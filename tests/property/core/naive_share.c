/* GPUs that a tenant's fractions, or instances, stand on already: what else of its own they take. */
#include "core/place/ground.h"
#include "core/state/jobs.h"
#include "naive_walk.h"

/* What is taken of one GPU, by whom. */
struct share {
    bool any, mixed; /* mixed: not all of it is of the job's tenant and kind */
    bool by_right;
    uint32_t milli, mib, taken, slices;
};

uint32_t naive_instances(const struct walk *w, uint32_t taken, uint32_t slices)
{
    const struct dure_mig_profile *p = &w->core->fleet->migs[w->ask->mig - 1];
    uint32_t most = 0;
    for (uint32_t start = 0; start < 16; start++) {
        const uint32_t mask = ((1u << p->memory_slices) - 1) << start;
        if (!(p->starts >> start & 1) || (taken & mask) || slices + p->slices > p->gpu_slices)
            continue;
        const uint32_t all = 1 + naive_instances(w, taken | mask, slices + p->slices);
        most = all > most ? all : most;
    }
    return most;
}

static void add(const struct walk *w, const struct request *ask, const struct dure_place *places, uint32_t count,
                uint32_t leaf, struct share *share)
{
    const uint32_t node = w->c->node_first + leaf / w->c->node_gpus, gpu = leaf % w->c->node_gpus;
    const uint32_t memory = w->core->fleet->models[w->c->model.v].memory_mib;
    share->any = true;
    share->mixed |= !naive_is_fraction(ask) || ask->tenant != w->ask->tenant || !ask->mig != !w->ask->mig;
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_place *p = &places[i];
        if (node - p->node_first >= p->node_count || !(p->gpu_mask >> gpu & 1))
            continue;
        share->milli += p->tasks * ask->task_gpu_milli;
        share->mib += p->tasks * (ask->gpu_memory_mib ? ask->gpu_memory_mib
                                                      : (uint32_t)((uint64_t)memory * ask->task_gpu_milli / 1000));
        for (uint32_t start = 0; ask->mig && start < 16; start++) {
            const struct dure_mig_profile *profile = &w->core->fleet->migs[ask->mig - 1];
            if (!(p->starts >> start & 1))
                continue;
            share->taken |= ((1u << profile->memory_slices) - 1) << start;
            share->slices += profile->slices;
        }
    }
}

static struct share users_of(const struct walk *w, uint32_t leaf)
{
    const uint32_t *list = NULL, count = ground_users(w->core, w->at, leaf, &list);
    struct share share = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *a = attempt_at(w->core, list[i]);
        add(w, job_ask(w->core, job_at(w->core, a->job_slot)), a->places, a->d.place_count, leaf, &share);
        share.by_right |= !a->d.borrowed;
    }
    return share;
}

/* Those that have reserved a part of it, beside those that stand there if they are like them: fractions of the tenant by right. */
static void add_claims(const struct walk *w, uint32_t leaf, struct share *share)
{
    const uint32_t *list = NULL, count = ground_claims(w->core, w->at, leaf, &list);
    if (count && (!share->by_right || share->mixed))
        *share = (struct share){0}; /* they have to leave */
    for (uint32_t i = 0; i < count; i++) {
        const struct claim *c = claim_at(w->core, list[i]);
        add(w, job_ask(w->core, job_at(w->core, c->job_slot)), c->places, c->d.place_count, leaf, share);
        share->by_right = true;
    }
}

/* Work of its own tenant by right that this job could not send away stands there whole, and somebody waits for it to leave. */
static bool waits_for_better(const struct walk *w, uint32_t leaf)
{
    const uint32_t *list = NULL, count = ground_users(w->core, w->at, leaf, &list);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *a = attempt_at(w->core, list[i]);
        const struct request *ask = job_ask(w->core, job_at(w->core, a->job_slot));
        if (!a->d.borrowed && !naive_is_fraction(ask) && ask->priority >= w->ask->priority)
            return true;
    }
    return false;
}

uint32_t naive_share_room(const struct walk *w, uint32_t leaf, uint32_t allot)
{
    const uint32_t memory = w->core->fleet->models[w->c->model.v].memory_mib;
    struct dure_cells_leaf l;
    struct share share = users_of(w, leaf);
    uint32_t tasks = 0;
    dure_cells_leaf(w->cells, leaf, &l);
    if (!naive_is_fraction(w->ask) || (allot != NONE && l.allot.v != allot))
        return 0;
    if (allot == NONE ? w->state->claim[leaf] != NONE : waits_for_better(w, leaf))
        return 0; /* by its owner; or it is not to be joined */
    if (allot != NONE)
        add_claims(w, leaf, &share);
    if (!share.any || share.mixed || share.by_right != (allot != NONE))
        return 0;
    if (w->ask->mig)
        return naive_instances(w, share.taken, share.slices);
    const uint32_t each =
        w->ask->gpu_memory_mib ? w->ask->gpu_memory_mib : (uint32_t)((uint64_t)memory * w->ask->task_gpu_milli / 1000);
    while (share.milli + w->ask->task_gpu_milli <= 1000 && share.mib + each <= memory) {
        share.milli += w->ask->task_gpu_milli;
        share.mib += each;
        tasks++;
    }
    return tasks;
}
