/* The rules of power and data, each by itself, with its figures. */
#include "core/gate/gate.h"

enum { KW_MW = 1000000 };

static struct verdict refuse(enum dure_rule rule, int64_t need, int64_t have, const char *unit)
{
    return (struct verdict){rule, need, have, unit};
}

static const struct verdict fits = {DURE_RULE_FITS, 0, 0, ""};

struct verdict gate_data(const struct dure_core *core, const struct request *ask, uint32_t chain, const char **dataset)
{
    uint32_t at;
    if (!core->data || !dure_data_forbidden(core->data, ask->data_mask, core->fleet->chains[chain].site, &at))
        return fits;
    if (dataset)
        *dataset = at < core->data->dataset_count ? core->data->datasets[at].name : "";
    return refuse(DURE_RULE_DATA, 0, 0, "");
}

static int64_t kw(uint64_t mw, bool up)
{
    return (int64_t)(mw / KW_MW + (up && mw % KW_MW));
}

/* GPUs of a chain that the request takes up at least. */
static uint64_t gpus_of(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    if (ask->task_gpu_milli == 1000)
        return request_gpus(ask);
    const uint32_t each = fraction_per_gpu(core, ask, chain);
    return each ? (ask->tasks + (uint64_t)each - 1) / each : ask->tasks;
}

/* The most that a domain may draw at any time from now on. */
static uint64_t most_ever(const struct dure_core *core, uint32_t domain)
{
    int64_t at = core->s.time_us;
    uint64_t most = 0;
    for (; at != DURE_NEVER_US; at = dure_power_next(core->power, domain, at)) {
        const uint64_t limit = dure_power_at(core->power, domain, at);
        most = limit > most ? limit : most;
    }
    return most;
}

struct verdict gate_power_ever(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    const uint32_t domain = gate_domain_of_site(core, chain->site.v);
    if (domain == NONE)
        return fits;
    const uint64_t need = gpus_of(core, ask, at) * chain->leaf_power_mw, most = most_ever(core, domain);
    return need <= most ? fits : refuse(DURE_RULE_POWER, kw(need, true), kw(most, false), "kW");
}

bool gate_all_dark(const struct dure_core *core, uint32_t at)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    uint64_t dark = 0;
    for (uint32_t i = 0; core->gate.site_domain && i < chain->node_count; i++) {
        const struct node_data *node = &core->nodes[chain->node_first + i].d;
        dark += node->lost ? 0 : (uint64_t)__builtin_popcountll(node->dark);
    }
    return dark && dark == dure_cells_lost_count(core->chains[at].cells);
}
