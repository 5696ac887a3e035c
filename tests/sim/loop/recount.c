#include "recount.h"

#include "core/core.h"
#include "core/view.h"
#include "specs.h"
#include "tap.h"

enum { STANDERS_MAX = 1024 };

struct stander {
    struct dure_tenant_id tenant;
    uint64_t data;
    const struct dure_place *places;
    uint32_t place_count;
    bool leaves; /* it is told to go, or goes by itself within its grace */
};

static struct stander standers[STANDERS_MAX];
static uint32_t stander_count;

static void find_standers(const struct world *world)
{
    const int64_t now = dure_core_time_us(world->core);
    struct dure_job_view view;
    stander_count = 0;
    for (uint64_t cursor = 0; dure_core_attempt_next(world->core, &cursor, &view);) {
        if (stander_count == STANDERS_MAX)
            tap_bail("too many attempts at once");
        standers[stander_count++] = (struct stander){.tenant = view.job->tenant,
                                                     .data = view.job->data_mask,
                                                     .places = view.places,
                                                     .place_count = view.place_count,
                                                     .leaves = view.attempt_state == DURE_ATTEMPT_WARNED ||
                                                               view.attempt_state == DURE_ATTEMPT_STOPPING ||
                                                               view.deadline_us - now <= view.job->grace_us};
    }
}

/* The GPUs that it has of a node. */
static uint64_t gpus_on(const struct stander *stander, uint32_t node)
{
    uint64_t gpus = 0;
    for (uint32_t i = 0; i < stander->place_count; i++)
        if (node - stander->places[i].node_first < stander->places[i].node_count)
            gpus |= stander->places[i].gpu_mask;
    return gpus;
}

/* ---- data ---- */

static bool is_allowed(const struct dure_dataset *set, struct dure_site_id site)
{
    bool found = set->everywhere;
    for (uint32_t i = 0; i < set->site_count; i++)
        found |= set->sites[i].v == site.v;
    return found;
}

/* Does one who uses the set forbid work of the other tenant beside it? Never its own, or that of a tenant below it. */
static bool forbids(const struct dure_dataset *set, struct dure_tenant_id user, struct dure_tenant_id other)
{
    struct dure_tenant_id named;
    if (dure_tenants_within(specs_tenants, other, user))
        return false;
    for (uint32_t i = 0; i < set->forbidden_count; i++)
        if (dure_tenants_find(specs_tenants, set->forbidden[i], &named) &&
            dure_tenants_within(specs_tenants, other, named))
            return true;
    return set->forbidden_count == 0;
}

static const char *recount_node(const struct stander *user, const struct dure_dataset *set, uint32_t node)
{
    uint32_t in_chain;
    const struct dure_chain *chain = dure_fleet_chain_of(specs_fleet, (struct dure_node_id){node}, &in_chain);
    if (!is_allowed(set, chain->site))
        return "work stands at a site that its data forbids";
    if (set->alone == DURE_DATA_ANYBODY)
        return NULL;
    const unsigned level = dure_chain_level(chain, dure_data_level_names[set->alone]);
    if (level < chain->node_level)
        return "work that needs a rack to keep others out of stands where there is none";
    const uint32_t nodes = dure_chain_leaves_at(chain, level) / chain->node_gpus,
                   first = chain->node_first + in_chain / nodes * nodes;
    for (uint32_t s = 0; s < stander_count; s++)
        for (uint32_t k = 0; k < nodes; k++)
            if (&standers[s] != user && gpus_on(&standers[s], first + k) &&
                forbids(set, user->tenant, standers[s].tenant))
                return set->forbidden_count > 0 ? "a tenant stands beside data whose list forbids it"
                                                : "another tenant stands beside data that is to be alone";
    return NULL;
}

const char *recount_data(const struct world *world)
{
    const char *broken = NULL;
    find_standers(world);
    for (uint32_t s = 0; s < stander_count; s++)
        for (uint32_t i = 0; i < specs_data->dataset_count; i++)
            for (uint32_t node = 0; (standers[s].data >> i & 1) && node < specs_fleet->node_count; node++)
                if (!broken && gpus_on(&standers[s], node))
                    broken = recount_node(&standers[s], &specs_data->datasets[i], node);
    return broken;
}

/* ---- power ---- */

static bool is_in(const struct dure_power_domain *domain, uint32_t node)
{
    uint32_t in_chain;
    const struct dure_chain *chain = dure_fleet_chain_of(specs_fleet, (struct dure_node_id){node}, &in_chain);
    if (domain->site.v != DURE_NONE32)
        return chain->site.v == domain->site.v;
    return chain == &specs_fleet->chains[domain->chain.v] &&
           in_chain / (dure_chain_leaves_at(chain, domain->level) / chain->node_gpus) == domain->cell;
}

/* Worst case of what runs there and has not been told to go. GPUs that are used from outside as well draw for that; what drains, or does not
 * answer, cannot be made dark. */
static uint64_t drawn_on(const struct world *world, uint32_t node)
{
    struct dure_node_view view;
    uint64_t busy = 0;
    if (!dure_core_node_view(world->core, (struct dure_node_id){node}, &view) || view.state != DURE_NODE_UP)
        return 0;
    for (uint32_t s = 0; s < stander_count; s++)
        busy |= standers[s].leaves ? 0 : gpus_on(&standers[s], node);
    return (uint64_t)__builtin_popcountll(busy & ~view.foreign) *
           dure_fleet_chain_of(specs_fleet, (struct dure_node_id){node}, NULL)->leaf_power_mw;
}

const char *recount_power(const struct world *world)
{
    const struct dure_power *power = dure_core_power(world->core);
    find_standers(world);
    for (uint32_t i = 0; power && i < power->domain_count; i++) {
        uint64_t drawn = 0;
        for (uint32_t node = 0; node < specs_fleet->node_count; node++)
            drawn += is_in(&power->domains[i], node) ? drawn_on(world, node) : 0;
        if (drawn > dure_power_at(power, i, dure_core_time_us(world->core)))
            return "work that may stay draws more than a limit of power";
    }
    return NULL;
}
