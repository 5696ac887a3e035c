/* Neighbours: who may not stand beside whom, by the datasets of both. */
#include "core/place/ground.h"
#include "core/state/jobs.h"
#include "naive_walk.h"

static const struct dure_dataset *dataset(const struct walk *w, uint32_t i)
{
    return w->core->data && i < w->core->data->dataset_count && w->ask->data_mask >> i & 1 ? &w->core->data->datasets[i]
                                                                                           : NULL;
}

bool naive_may_be_here(const struct walk *w)
{
    for (uint32_t i = 0; i < 64; i++) {
        const struct dure_dataset *d = dataset(w, i);
        bool allowed = !d || d->everywhere;
        for (uint32_t k = 0; d && k < d->site_count; k++)
            allowed |= d->sites[k].v == w->c->site.v;
        if (!allowed)
            return false;
    }
    return true;
}

enum dure_data_level naive_alone(const struct walk *w)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    for (uint32_t i = 0; i < 64; i++)
        if (dataset(w, i) && !dataset(w, i)->forbidden_count && dataset(w, i)->alone > level)
            level = dataset(w, i)->alone;
    return level;
}

/* The same of those that name whom they forbid. */
static enum dure_data_level fenced(const struct walk *w)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    for (uint32_t i = 0; i < 64; i++)
        if (dataset(w, i) && dataset(w, i)->forbidden_count && dataset(w, i)->alone > level)
            level = dataset(w, i)->alone;
    return level;
}

enum dure_data_level naive_widest(const struct walk *w)
{
    return naive_alone(w) > fenced(w) ? naive_alone(w) : fenced(w);
}

uint32_t naive_rack(const struct walk *w)
{
    const unsigned level = dure_chain_level(w->c, "rack");
    return level ? dure_chain_leaves_at(w->c, level) / w->c->node_gpus : 0;
}

/* The gang that is alone, as one of whole nodes. */
struct request naive_widened(const struct walk *w)
{
    struct request ask = *w->ask;
    const uint32_t each = ask.tasks_per_node ? ask.tasks_per_node : w->c->node_gpus / ask.task_gpus;
    if (naive_alone(w) == DURE_DATA_ANYBODY)
        return ask;
    ask.tasks = naive_alone(w) == DURE_DATA_RACK ? naive_rack(w) : (ask.tasks + each - 1) / each;
    ask.task_gpus = (uint8_t)w->c->node_gpus;
    ask.tasks_per_node = 0;
    return ask;
}

bool naive_neighbours_refuse(const struct walk *w)
{
    const uint32_t each = w->ask->tasks_per_node ? w->ask->tasks_per_node : w->c->node_gpus / w->ask->task_gpus;
    const uint32_t nodes = (w->ask->tasks + each - 1) / each;
    if (fenced(w) == DURE_DATA_RACK && !naive_rack(w))
        return true;
    return naive_alone(w) != DURE_DATA_ANYBODY &&
           (naive_is_fraction(w->ask) || w->ask->lists || w->ask->spread_max ||
            nodes > (naive_alone(w) == DURE_DATA_RACK ? naive_rack(w) : w->c->node_count));
}
/* ---- neighbours that lists forbid ---- */

/* Does `a`, by its datasets of the level, forbid the tenant of `b`? */
static bool forbids(const struct dure_core *core, const struct request *a, const struct request *b,
                    enum dure_data_level level)
{
    const struct dure_tenants *tenants = core->tenants;
    for (uint32_t i = 0; core->data && i < core->data->dataset_count; i++) {
        const struct dure_dataset *d = &core->data->datasets[i];
        for (uint32_t k = 0; (a->data_mask >> i & 1) && d->alone == level && k < d->forbidden_count; k++) {
            struct dure_tenant_id named;
            if (dure_tenants_find(tenants, d->forbidden[k], &named) &&
                dure_tenants_within(tenants, (struct dure_tenant_id){b->tenant}, named) &&
                !dure_tenants_within(tenants, (struct dure_tenant_id){b->tenant}, (struct dure_tenant_id){a->tenant}))
                return true;
        }
    }
    return false;
}

static bool apart(const struct walk *w, const struct request *other, enum dure_data_level level)
{
    return forbids(w->core, w->ask, other, level) || forbids(w->core, other, w->ask, level);
}

/* Does anybody stand, or has a reservation, on the leaf whom it may not have in one cell of the level? */
static bool stands_on(const struct walk *w, uint32_t leaf, enum dure_data_level level)
{
    const uint32_t *list = NULL;
    uint32_t count = ground_users(w->core, w->at, leaf, &list);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *a = attempt_at(w->core, list[i]);
        if ((w->ask->job_class == DURE_BORROWED || !a->d.borrowed) &&
            apart(w, job_ask(w->core, job_at(w->core, a->job_slot)), level))
            return true;
    }
    count = ground_claims(w->core, w->at, leaf, &list);
    for (uint32_t i = 0; i < count; i++)
        if (apart(w, job_ask(w->core, job_at(w->core, claim_at(w->core, list[i])->job_slot)), level))
            return true;
    return false;
}

bool naive_is_fenced(const struct walk *w, uint32_t node)
{
    for (enum dure_data_level level = DURE_DATA_NODE; level <= DURE_DATA_RACK && !w->lifted; level++) {
        const uint32_t nodes = level == DURE_DATA_NODE ? 1 : naive_rack(w), first = nodes ? node / nodes * nodes : 0;
        for (uint32_t leaf = first * w->c->node_gpus; leaf < (first + nodes) * w->c->node_gpus; leaf++)
            if (stands_on(w, leaf, level))
                return true;
    }
    return false;
}
