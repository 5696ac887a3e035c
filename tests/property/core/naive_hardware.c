/* What a job asks for, and which chains could never give it, whatever runs there. */
#include "core/state/lists.h"
#include "naive_walk.h"

bool naive_is_fraction(const struct request *ask)
{
    return ask->task_gpu_milli < 1000;
}

unsigned naive_level(const struct walk *w, uint16_t level)
{
    return level ? dure_fleet_level(w->core->fleet, w->c, w->core->fleet->level_names[level - 1]) : 0;
}

static uint32_t leaves_at(const struct walk *w, unsigned level)
{
    return level > w->c->level_count ? w->c->leaf_count : dure_chain_leaves_at(w->c, level);
}

uint32_t naive_required_leaves(const struct walk *w, unsigned top)
{
    unsigned level = w->ask->level_required ? naive_level(w, w->ask->level) : 0;
    if (level > w->c->level_count)
        level = 0; /* a chain lies at one site */
    if (level > top)
        level = top;
    return level ? dure_chain_leaves_at(w->c, level) : 0;
}

uint32_t naive_spread_leaves(const struct walk *w)
{
    const unsigned level = naive_level(w, w->ask->spread_level);
    const uint32_t leaves = level ? leaves_at(w, level) : 0;
    return leaves && leaves < w->c->node_gpus ? w->c->node_gpus : leaves; /* a task's GPUs are in one node */
}

uint32_t naive_tasks_a_gpu(const struct walk *w)
{
    const uint32_t memory = w->core->fleet->models[w->c->model.v].memory_mib;
    uint32_t each =
        w->ask->gpu_memory_mib ? w->ask->gpu_memory_mib : (uint32_t)((uint64_t)memory * w->ask->task_gpu_milli / 1000);
    uint32_t tasks = 0, milli = 0, mib = 0;
    if (w->ask->mig)
        return naive_instances(w, 0, 0);
    while (milli + w->ask->task_gpu_milli <= 1000 && mib + each <= memory) {
        milli += w->ask->task_gpu_milli;
        mib += each;
        tasks++;
    }
    return tasks;
}

uint64_t naive_gpus_needed(const struct walk *w)
{
    if (!naive_is_fraction(w->ask))
        return (uint64_t)w->ask->tasks * w->ask->task_gpus;
    return (w->ask->tasks + naive_tasks_a_gpu(w) - 1) / naive_tasks_a_gpu(w);
}

uint64_t naive_tasks_on(const struct walk *w, uint64_t idle)
{
    if (naive_is_fraction(w->ask))
        return idle * naive_tasks_a_gpu(w);
    if (!w->ask->tasks_per_node)
        return idle / w->ask->task_gpus;
    return idle >= (uint64_t)w->ask->tasks_per_node * w->ask->task_gpus ? w->ask->tasks_per_node : 0;
}

/* ---- power ---- */

/* The limit of its site at any time from now on that is highest, against what its GPUs draw at worst. */
bool naive_power_refuses(const struct walk *w)
{
    const struct dure_power *power = w->core->power;
    for (uint32_t d = 0; power && d < power->domain_count; d++) {
        uint64_t most = dure_power_at(power, d, w->core->s.time_us);
        if (power->domains[d].site.v != w->c->site.v)
            continue;
        for (uint32_t i = 0; i < power->domains[d].limit_count; i++) {
            const struct dure_power_limit *limit = &power->limits[power->domains[d].limit_first + i];
            const int64_t edges[] = {limit->from_us, limit->until_us};
            for (unsigned k = 0; k < 2; k++)
                if (edges[k] > w->core->s.time_us && edges[k] != DURE_NEVER_US &&
                    dure_power_at(power, d, edges[k]) > most)
                    most = dure_power_at(power, d, edges[k]);
        }
        if (naive_gpus_needed(w) * w->c->leaf_power_mw > most)
            return true;
    }
    return false;
}

/* ---- lists of nodes, and spreads ---- */

static bool is_in(struct dure_node_runs runs, uint32_t node)
{
    for (uint32_t i = 0; i < runs.count; i++)
        if (node - runs.at[i].first < runs.at[i].count)
            return true;
    return false;
}

bool naive_may_use(const struct walk *w, uint32_t node)
{
    const struct dure_node_runs named =
                                    w->ask->lists ? lists_include(w->core, w->ask->lists) : (struct dure_node_runs){0},
                                out =
                                    w->ask->lists ? lists_exclude(w->core, w->ask->lists) : (struct dure_node_runs){0};
    return (!named.count || is_in(named, node)) && !is_in(out, node);
}

/* Are there too few nodes here that it may use, were they all idle? */
static bool lists_refuse(const struct walk *w)
{
    uint64_t nodes = 0;
    for (uint32_t node = 0; node < w->c->node_count; node++)
        nodes += naive_may_use(w, w->c->node_first + node);
    return w->ask->lists && nodes * naive_tasks_on(w, w->c->node_gpus) < w->ask->tasks;
}

/* All of it idle, with so many tasks in each cell of the spread: of the chain, or of the cell that it must stand in. */
static bool spread_refuses(const struct walk *w)
{
    const uint32_t leaves = naive_spread_leaves(w);
    struct field f = {.nodes = w->c->node_count, .gpus = w->c->node_gpus};
    if (!w->ask->spread_max)
        return false;
    for (uint32_t node = 0; node < f.nodes && leaves; node++) {
        f.idle[node] = (UINT64_C(1) << f.gpus) - 1;
        f.spread[node] = node * f.gpus / leaves;
    }
    struct request ask = *w->ask;
    struct walk bare = *w;
    bare.ask = &ask;
    ask.data_mask = 0;
    return !leaves || !naive_fits_as_asked(&bare, &f, naive_required_leaves(w, w->c->level_count));
}

/* ---- in the order in which they are tried ---- */

static enum dure_rule kind_refuses(const struct walk *w)
{
    const struct request *ask = w->ask;
    const struct dure_gpu_model *model = &w->core->fleet->models[w->c->model.v];
    const struct dure_site *site = &w->core->fleet->sites[w->c->site.v];
    uint32_t memory_mib = model->memory_mib;
    if (ask->model_mask && !(ask->model_mask >> w->c->model.v & 1))
        return DURE_RULE_MODEL;
    if (ask->mig) {
        bool has = false;
        for (uint32_t i = 0; i < model->mig_count; i++)
            has |= model->migs[i] == ask->mig - 1u;
        if (!has)
            return DURE_RULE_MIG;
        if (site->engine != DURE_ENGINE_EMULATED)
            return DURE_RULE_MIG_ENGINE;
        memory_mib = w->core->fleet->migs[ask->mig - 1].memory_mib;
    } else if (naive_is_fraction(ask) && site->engine == DURE_ENGINE_SLURM) {
        return DURE_RULE_WHOLE_GPUS;
    }
    if (ask->container && !*site->containers)
        return DURE_RULE_IMAGE;
    return ask->gpu_memory_mib > memory_mib ? DURE_RULE_GPU_MEMORY : DURE_RULE_FITS;
}

/* Does one cell of the level hold it, were it idle? */
static bool level_refuses(const struct walk *w)
{
    const unsigned level = naive_level(w, w->ask->level);
    const uint32_t leaves = level ? leaves_at(w, level) : 0;
    uint64_t room = leaves;
    if (!w->ask->level_required)
        return false;
    if (!naive_is_fraction(w->ask) && leaves >= w->c->node_gpus)
        room = leaves / w->c->node_gpus * naive_tasks_on(w, w->c->node_gpus) * w->ask->task_gpus;
    return naive_gpus_needed(w) > room;
}

static bool size_refuses(const struct walk *w)
{
    const struct request *ask = w->ask;
    const uint64_t tasks = w->c->node_count * naive_tasks_on(w, w->c->node_gpus);
    const uint64_t rest = ask->tasks_per_node && !naive_is_fraction(ask) ? ask->tasks % ask->tasks_per_node : 0;
    return naive_gpus_needed(w) > w->c->leaf_count || ask->tasks + (rest ? ask->tasks_per_node - rest : 0) > tasks;
}

static enum dure_rule refuses(const struct walk *w)
{
    const struct request *ask = w->ask;
    if (!naive_may_be_here(w))
        return DURE_RULE_DATA;
    const enum dure_rule kind = kind_refuses(w);
    const uint64_t milli = naive_is_fraction(ask) ? ask->task_gpu_milli : ask->task_gpus * UINT64_C(1000);
    if (kind != DURE_RULE_FITS)
        return kind;
    if ((uint64_t)ask->task_gpus * (ask->tasks_per_node && !naive_is_fraction(ask) ? ask->tasks_per_node : 1) >
        w->c->node_gpus)
        return DURE_RULE_NODE_SHAPE;
    if (level_refuses(w))
        return DURE_RULE_LEVEL;
    if (size_refuses(w))
        return DURE_RULE_SIZE;
    if (naive_neighbours_refuse(w))
        return DURE_RULE_NEIGHBOURS;
    if (spread_refuses(w))
        return DURE_RULE_SPREAD;
    if (lists_refuse(w))
        return DURE_RULE_NODE_LIST;
    if (ask->task_cpu_milli > w->c->leaf_cpu_milli * milli / 1000 ||
        ask->task_memory_mib > w->c->leaf_memory_mib * milli / 1000)
        return DURE_RULE_SHARE;
    return DURE_RULE_FITS;
}

/* ---- the same number of tasks on each node ---- */

bool naive_is_even(const struct walk *w)
{
    return w->core->fleet->sites[w->c->site.v].engine == DURE_ENGINE_SLURM && w->ask->tasks > 1 &&
           !naive_is_fraction(w->ask);
}

bool naive_may_lie(const struct walk *w, uint32_t each)
{
    const uint32_t own = w->ask->tasks_per_node;
    struct request ask = *w->ask;
    struct walk shape = *w;
    shape.ask = &ask;
    ask.tasks_per_node = each;
    return ask.tasks % each == 0 && (own == 0 || own == each || (own > each && each == ask.tasks)) &&
           refuses(&shape) == DURE_RULE_FITS;
}

enum dure_rule naive_hardware(const struct walk *w)
{
    const enum dure_rule rule = refuses(w);
    if (rule != DURE_RULE_FITS || !naive_is_even(w))
        return rule;
    for (uint32_t each = w->ask->tasks; each > 0; each--)
        if (naive_may_lie(w, each))
            return DURE_RULE_FITS;
    return DURE_RULE_EVEN;
}
