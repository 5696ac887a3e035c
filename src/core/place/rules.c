#include "core/gate/gate.h"

#include "core/place/even.h"
#include "core/state/lists.h"

static const struct dure_chain *chain_of(const struct dure_core *core, uint32_t chain)
{
    return &core->fleet->chains[chain];
}

static bool is_fraction(const struct request *ask)
{
    return ask->task_gpu_milli < 1000;
}

uint64_t request_gpus(const struct request *ask)
{
    return (uint64_t)ask->tasks * ask->task_gpus;
}

uint32_t request_milli(const struct request *ask, uint32_t tasks)
{
    return is_fraction(ask) ? tasks * ask->task_gpu_milli : tasks * ask->task_gpus * 1000;
}

uint32_t fraction_mib(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const uint64_t memory = core->fleet->models[chain_of(core, chain)->model.v].memory_mib;
    if (ask->mig)
        return core->fleet->migs[ask->mig - 1].memory_mib;
    return ask->gpu_memory_mib ? ask->gpu_memory_mib : (uint32_t)(memory * ask->task_gpu_milli / 1000);
}

uint32_t fraction_per_gpu(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    const struct dure_gpu_model *model = &core->fleet->models[chain_of(core, chain)->model.v];
    const uint32_t memory = model->memory_mib;
    if (ask->mig)
        return (uint32_t)__builtin_popcount(
            mig_starts(core->fleet, model, ask->mig - 1u, (struct mig_gpu){0}, DURE_MIG_SLICES_MAX));
    const uint32_t each = fraction_mib(core, ask, chain), by_milli = 1000u / ask->task_gpu_milli;
    const uint32_t by_memory = each ? memory / each : by_milli;
    return by_memory < by_milli ? by_memory : by_milli;
}

unsigned rule_level(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return ask->level ? chain_of(core, chain)->level_of[ask->level - 1] : 0;
}

bool rule_is_confined(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return ask->level_required && rule_level(core, ask, chain) <= chain_of(core, chain)->level_count;
}

static uint32_t leaves_at(const struct dure_chain *chain, unsigned level)
{
    return level > chain->level_count ? chain->leaf_count : dure_chain_leaves_at(chain, level);
}

uint32_t rule_spread_leaves(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    const unsigned level = ask->spread_level ? chain->level_of[ask->spread_level - 1] : 0;
    if (!level)
        return 0;
    const uint32_t leaves = leaves_at(chain, level);
    return leaves > chain->node_gpus ? leaves : chain->node_gpus; /* a task's GPUs are in one node */
}

uint64_t rule_gpus(const struct dure_core *core, const struct request *ask, uint32_t chain)
{
    if (!is_fraction(ask))
        return request_gpus(ask);
    const uint32_t each = fraction_per_gpu(core, ask, chain);
    return each ? ((uint64_t)ask->tasks + each - 1) / each : ask->tasks; /* 0: none has memory enough for one */
}

static struct verdict refuse(enum dure_rule rule, int64_t need, int64_t have, const char *unit)
{
    return (struct verdict){rule, need, have, unit};
}

static struct verdict rule_share(const struct request *ask, const struct dure_chain *chain)
{
    const uint64_t milli = is_fraction(ask) ? ask->task_gpu_milli : ask->task_gpus * UINT64_C(1000);
    const uint64_t cpu = chain->leaf_cpu_milli * milli / 1000, memory = chain->leaf_memory_mib * milli / 1000;
    if (ask->task_cpu_milli > cpu)
        return refuse(DURE_RULE_SHARE, ask->task_cpu_milli, (int64_t)cpu, "milli-CPU a task");
    if (ask->task_memory_mib > memory && !DURE_CORE_MUTATED(SHARE_FORGOTTEN))
        return refuse(DURE_RULE_SHARE, ask->task_memory_mib, (int64_t)memory, "MiB a task");
    return refuse(DURE_RULE_FITS, 0, 0, "");
}

/* Tasks that so many GPUs carry, whole nodes or parts of one. */
static uint64_t tasks_on(const struct dure_core *core, const struct request *ask, uint32_t at, uint64_t leaves)
{
    const struct dure_chain *chain = chain_of(core, at);
    if (is_fraction(ask))
        return leaves * fraction_per_gpu(core, ask, at);
    if (leaves < chain->node_gpus)
        return leaves / ask->task_gpus;
    return leaves / chain->node_gpus * (ask->tasks_per_node ? ask->tasks_per_node : chain->node_gpus / ask->task_gpus);
}

uint64_t rule_spread_room(const struct dure_core *core, const struct request *ask, uint32_t at, uint64_t leaves,
                          uint64_t piece)
{
    const uint64_t spread = rule_spread_leaves(core, ask, at), cell = spread < piece ? spread : piece;
    if (!spread)
        return 0;
    const uint64_t fits = tasks_on(core, ask, at, cell < leaves ? cell : leaves);
    uint64_t each = fits < ask->spread_max ? fits : ask->spread_max;
    if (ask->tasks_per_node && !is_fraction(ask) && ask->tasks % ask->tasks_per_node == 0) /* else one node has fewer */
        each -= each % ask->tasks_per_node;
    return each * (cell < leaves ? leaves / cell : 1);
}

/* At most spread_max tasks in each cell of the spread's level that lies in the required cell, or in the chain. */
static struct verdict rule_spread(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    static const char unit[] = "tasks, with so many in one cell of the spread's level";
    const struct dure_chain *chain = chain_of(core, at);
    const uint32_t cell = rule_spread_leaves(core, ask, at);
    const uint32_t within = ask->level_required ? leaves_at(chain, rule_level(core, ask, at)) : chain->leaf_count;
    if (!cell)
        return refuse(DURE_RULE_SPREAD, ask->tasks, 0, unit);
    const uint64_t room = rule_spread_room(core, ask, at, within, within);
    if (ask->tasks > room)
        return refuse(DURE_RULE_SPREAD, ask->tasks, (int64_t)room, unit);
    return refuse(DURE_RULE_FITS, 0, 0, "");
}

/* Of the nodes that it may use, enough lie here. */
static struct verdict rule_lists(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    const uint64_t nodes = dure_node_runs_count(lists_allowed(core, ask->lists), chain->node_first, chain->node_count),
                   each = tasks_on(core, ask, at, chain->node_gpus);
    const uint64_t need = (ask->tasks + each - 1) / each;
    if (need > nodes)
        return refuse(DURE_RULE_NODE_LIST, (int64_t)need, (int64_t)nodes, "nodes that it may use");
    return refuse(DURE_RULE_FITS, 0, 0, "");
}

static struct verdict rule_limits(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    struct verdict verdict = refuse(DURE_RULE_FITS, 0, 0, "");
    if (ask->spread_max)
        verdict = rule_spread(core, ask, at);
    if (verdict.rule == DURE_RULE_FITS && ask->lists)
        verdict = rule_lists(core, ask, at);
    return verdict.rule == DURE_RULE_FITS ? rule_share(ask, chain_of(core, at)) : verdict;
}

static struct verdict rule_gang(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    const uint64_t gpus = rule_gpus(core, ask, at);
    const uint32_t a_node = chain->node_gpus / ask->task_gpus; /* whole tasks */
    if (ask->level_required) {
        const unsigned level = rule_level(core, ask, at);
        if (!level)
            return refuse(DURE_RULE_LEVEL, (int64_t)gpus, 0, "GPUs in one cell of that level");
        uint64_t room = leaves_at(chain, level);
        if (!is_fraction(ask) && level >= chain->node_level)
            room = room / chain->node_gpus * (ask->tasks_per_node ? ask->tasks_per_node : a_node) * ask->task_gpus;
        if (gpus > room)
            return refuse(DURE_RULE_LEVEL, (int64_t)gpus, (int64_t)room, "GPUs in one cell of that level");
    }
    if (gpus > chain->leaf_count)
        return refuse(DURE_RULE_SIZE, (int64_t)gpus, chain->leaf_count, "GPUs");
    if (!is_fraction(ask)) {
        const uint32_t each = ask->tasks_per_node ? ask->tasks_per_node : a_node;
        const uint64_t nodes = ((uint64_t)ask->tasks + each - 1) / each;
        if (nodes > chain->node_count)
            return refuse(DURE_RULE_SIZE, (int64_t)nodes, chain->node_count, "nodes");
    }
    if (ask->data_mask) {
        const struct verdict neighbours = gate_neighbours(core, ask, at);
        if (neighbours.rule != DURE_RULE_FITS)
            return neighbours;
    }
    return ask->spread_max || ask->lists ? rule_limits(core, ask, at) : rule_share(ask, chain);
}

/* The chain's GPUs have the profile, and the engine of its site makes instances: only the emulated one does. */
static struct verdict rule_mig(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    const bool makes = core->fleet->sites[chain->site.v].engine == DURE_ENGINE_EMULATED;
    if (!dure_gpu_model_has_mig(&core->fleet->models[chain->model.v], ask->mig - 1u))
        return refuse(DURE_RULE_MIG, core->fleet->migs[ask->mig - 1].slices, 0,
                      "compute slices of that profile in a GPU");
    return makes ? refuse(DURE_RULE_FITS, 0, 0, "") : refuse(DURE_RULE_MIG_ENGINE, 0, 0, "");
}

static struct verdict rule_as_asked(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    const struct dure_gpu_model *model = &core->fleet->models[chain->model.v];
    if (ask->data_mask) {
        const struct verdict data = gate_data(core, ask, at, NULL);
        if (data.rule != DURE_RULE_FITS)
            return data;
    }
    if (ask->model_mask && !(ask->model_mask >> chain->model.v & 1))
        return refuse(DURE_RULE_MODEL, 0, 0, "");
    const uint32_t memory_mib = ask->mig ? core->fleet->migs[ask->mig - 1].memory_mib : model->memory_mib;
    if (ask->mig && rule_mig(core, ask, at).rule != DURE_RULE_FITS)
        return rule_mig(core, ask, at);
    if (!ask->mig && is_fraction(ask) && core->fleet->sites[chain->site.v].engine == DURE_ENGINE_SLURM)
        return refuse(DURE_RULE_WHOLE_GPUS, 0, 0, "");
    if (ask->container && !*core->fleet->sites[chain->site.v].containers)
        return refuse(DURE_RULE_IMAGE, 0, 0, "");
    if (ask->gpu_memory_mib > memory_mib)
        return refuse(DURE_RULE_GPU_MEMORY, ask->gpu_memory_mib, memory_mib, "MiB");
    const uint64_t node =
        (uint64_t)ask->task_gpus * (ask->tasks_per_node && !is_fraction(ask) ? ask->tasks_per_node : 1);
    if (node > chain->node_gpus)
        return refuse(DURE_RULE_NODE_SHAPE, (int64_t)node, chain->node_gpus, "GPUs in one node");
    return rule_gang(core, ask, at);
}

/* Nodes that it may stand on here, whatever is on them. */
static uint64_t nodes_for(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    const uint64_t leaves = ask->level_required ? leaves_at(chain, rule_level(core, ask, at)) : chain->leaf_count,
                   nodes = leaves > chain->node_gpus ? leaves / chain->node_gpus : 1;
    const uint64_t listed =
        ask->lists ? dure_node_runs_count(lists_allowed(core, ask->lists), chain->node_first, chain->node_count)
                   : nodes;
    return listed < nodes ? listed : nodes;
}

/* A gang that fits otherwise, where each of its nodes has to get the same number of tasks. */
static struct verdict rule_even(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    struct request own;
    if (!even_chooses(core, ask, at)) {
        const bool rest = ask->tasks > ask->tasks_per_node && ask->tasks % ask->tasks_per_node;
        return rest ? refuse(DURE_RULE_EVEN, 0, 0, "") : refuse(DURE_RULE_FITS, 0, 0, "");
    }
    uint32_t most = 0;
    for (const struct request *as = even_first(core, ask, at, &own); as; as = even_next(core, as, at, &own)) {
        most = most ? most : as->tasks_per_node;
        if (rule_as_asked(core, as, at).rule == DURE_RULE_FITS)
            return refuse(DURE_RULE_FITS, 0, 0, "");
    }
    const uint64_t need = ask->tasks / most, have = nodes_for(core, ask, at);
    return need > have ? refuse(DURE_RULE_EVEN, (int64_t)need, (int64_t)have, "nodes")
                       : refuse(DURE_RULE_EVEN, 0, 0, "");
}

struct verdict rule_hardware(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct verdict verdict = rule_as_asked(core, ask, at);
    return verdict.rule == DURE_RULE_FITS && ask->tasks > 1 && !is_fraction(ask) && even_is_chain(core, at)
               ? rule_even(core, ask, at)
               : verdict;
}

bool rule_carries(const struct dure_core *core, const struct request *ask, uint32_t at)
{
    const struct dure_chain *chain = chain_of(core, at);
    if (ask->data_mask || ask->mig || is_fraction(ask) || ask->level_required || ask->spread_max || ask->lists ||
        ask->tasks > 1 || ask->tasks_per_node || ask->container || DURE_CORE_MUTATED(SHARE_FORGOTTEN))
        return rule_hardware(core, ask, at).rule == DURE_RULE_FITS;
    /* One task of whole GPUs, which is what is mostly asked for: the same, without the figures. */
    return (!ask->model_mask || ask->model_mask >> chain->model.v & 1) &&
           ask->gpu_memory_mib <= core->fleet->models[chain->model.v].memory_mib &&
           ask->task_gpus <= chain->node_gpus &&
           ask->task_cpu_milli <= chain->leaf_cpu_milli * (uint64_t)ask->task_gpus &&
           ask->task_memory_mib <= chain->leaf_memory_mib * (uint64_t)ask->task_gpus;
}

/* What both kinds of field share: the gang in whole GPUs. */
static void gang(const struct dure_core *core, const struct request *ask, uint32_t chain, struct dure_ask *made)
{
    *made = (struct dure_ask){.tasks = ask->tasks, .task_gpus = ask->task_gpus, .per_slot = ask->tasks_per_node};
    if (is_fraction(ask)) {
        made->tasks = (uint32_t)rule_gpus(core, ask, chain);
        made->task_gpus = 1;
        made->per_slot = 0;
    }
}

bool ask_of_chain(const struct dure_core *core, const struct request *ask, uint32_t at, bool leveled,
                  struct dure_ask *ret_ask)
{
    const struct dure_chain *chain = chain_of(core, at);
    struct dure_ask made;
    gang(core, ask, at, &made);
    unsigned level = leveled ? rule_level(core, ask, at) : 0;
    if (level > chain->level_count)
        level = 0; /* the site: all of the chain */
    if (level && level < chain->node_level)
        made.group = dure_chain_leaves_at(chain, level);
    else if (level)
        made.span = dure_chain_leaves_at(chain, level) / chain->node_gpus;
    if (made.group && (uint64_t)made.tasks * made.task_gpus > made.group)
        return false;
    if (ask->data_mask && !gate_widen(core, ask, at, &made))
        return false;
    *ret_ask = made;
    return true;
}

/* Tasks that so many idle slots carry; a last slot may hold fewer than per_slot. */
static uint64_t slots_hold(const struct dure_ask *ask, uint32_t slot_gpus, uint64_t slots)
{
    return slots * (ask->per_slot ? ask->per_slot : slot_gpus / ask->task_gpus);
}

bool ask_of_allot(const struct dure_core *core, const struct request *ask, const struct allot *allot, bool leveled,
                  struct dure_ask *ret_ask)
{
    const uint32_t at = allot->spec.chain.v;
    const struct dure_chain *chain = chain_of(core, at);
    struct dure_ask made;
    gang(core, ask, at, &made);
    if (made.tasks == 1 && !leveled && !made.per_slot && !ask->data_mask && !ask->spread_max) { /* mostly */
        *ret_ask = made;
        return made.task_gpus <= allot->slot_gpus && allot->cells;
    }
    unsigned level = leveled ? rule_level(core, ask, at) : 0;
    if (level > chain->level_count)
        level = 0; /* the site: every right of the chain lies there */
    if (level > allot->spec.level)
        level = allot->spec.level; /* one cell of the right lies in one cell of every higher level */
    const uint64_t gpus = (uint64_t)made.tasks * made.task_gpus;
    if (level && dure_chain_leaves_at(chain, level) < allot->slot_gpus) {
        made.group = dure_chain_leaves_at(chain, level);
    } else if (level) {
        made.span = dure_chain_leaves_at(chain, level) / allot->slot_gpus;
    }
    if ((made.group && gpus > made.group) ||
        (uint64_t)made.task_gpus * (made.per_slot ? made.per_slot : 1) > allot->slot_gpus)
        return false;
    if (made.span && gpus > (uint64_t)made.span * allot->slot_gpus)
        return false;
    if (ask->data_mask && (!gate_right_suits(core, ask, allot) || !gate_widen(core, ask, at, &made)))
        return false;
    if (made.per_slot && made.tasks > made.per_slot && !even_spans(core, allot))
        return false;
    /* Whole tasks in whole nodes: of all of it, and of one cell of the level. */
    const uint64_t slots = (uint64_t)allot->cells * allot->cell_slots;
    if ((uint64_t)made.tasks * made.task_gpus > slots * allot->slot_gpus ||
        made.tasks > slots_hold(&made, allot->slot_gpus, slots) ||
        (made.span && made.tasks > slots_hold(&made, allot->slot_gpus, made.span)))
        return false;
    if (ask->spread_max && ask->tasks > rule_spread_room(core, ask, at,
                                                         level ? dure_chain_leaves_at(chain, level)
                                                               : (uint64_t)allot->cells * allot->cell_leaves,
                                                         allot->cell_leaves))
        return false;
    *ret_ask = made;
    return true;
}
