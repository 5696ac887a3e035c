#include "core/place/plan_inner.h"

#include "core/place/limits.h"
#include "core/place/mig.h"
#include "core/place/shares.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

/* It waits for work of its own tenant to leave, which this request might not have sent away: joining, it would, were those gone who may. */
static bool waits_for_its_better(const struct dure_core *core, const struct request *ask, const struct shared *shared)
{
    const uint32_t occupant = core->chains[shared->chain].occupant[shared->leaf];
    if (occupant == NONE || (occupant & OCCUPANT_SHARED))
        return false;
    const struct attempt *attempt = attempt_at(core, occupant);
    return !attempt->d.borrowed && job_ask(core, job_at(core, attempt->job_slot))->priority >= ask->priority;
}

static uint32_t room_of(const struct dure_core *core, const struct request *ask, const struct shared *shared)
{
    const struct dure_chain *chain = &core->fleet->chains[shared->chain];
    const uint32_t claim = core->chains[shared->chain].claim[shared->leaf];
    const bool wanted = claim != NONE && (shared->allot == NONE || !(claim & OCCUPANT_SHARED) ||
                                          DURE_CORE_MUTATED(CLOSED_SHARES)); /* by its owner, or whole */
    const struct node *node = &core->nodes[chain->node_first + shared->leaf / chain->node_gpus];
    if (planned_keeps_leaf(core, shared->allot, shared->chain, shared->leaf) || wanted ||
        waits_for_its_better(core, ask, shared) || node->veiled ||
        (node_lost(core, node) >> shared->leaf % chain->node_gpus & 1))
        return 0;
    if (shared->is_mig != (ask->mig != 0) && !DURE_CORE_MUTATED(MIG_BESIDE_MILLI))
        return 0;
    if (ask->mig)
        return (uint32_t)__builtin_popcount(mig_starts(core->fleet, &core->fleet->models[chain->model.v], ask->mig - 1u,
                                                       shared->mig, DURE_MIG_SLICES_MAX));
    const uint32_t mib = fraction_mib(core, ask, shared->chain), by_milli = shared->free_milli / ask->task_gpu_milli;
    const uint32_t by_memory = mib ? shared->free_mib / mib : by_milli;
    return by_memory < by_milli ? by_memory : by_milli;
}

/* Tasks on one GPU, which is shared already, or not yet (NULL). */
static void place_leaf(const struct dure_core *core, uint32_t at, uint32_t leaf, const struct shared *shared,
                       const struct request *ask, uint32_t tasks, struct plan *plan)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    struct dure_place place = {chain->node_first + leaf / chain->node_gpus,
                               1,
                               UINT64_C(1) << (leaf % chain->node_gpus),
                               tasks,
                               ask->task_gpu_milli,
                               0};
    if (ask->mig)
        place.starts = mig_starts(core->fleet, &core->fleet->models[chain->model.v], ask->mig - 1u,
                                  shared && !DURE_CORE_MUTATED(MIG_OVERLAP) ? shared->mig : (struct mig_gpu){0}, tasks);
    plan_add_place(plan, place);
}

static void bind_leaf(const struct dure_core *core, uint32_t at, uint32_t leaf, struct plan *plan)
{
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[at].cells, leaf, &l);
    if (plan_find_binding(plan, l.allot.v, l.index))
        return;
    struct dure_cells_virtual cell;
    DURE_ASSERT(dure_cells_virtual(core->chains[at].cells, l.allot, l.index, &cell));
    plan_add_binding(plan, (struct dure_binding){l.allot, l.index, cell.cell.index, 0});
}

/* What the limits leave of the room on one of them; its place as they see it in `ret_leaf`. */
static uint32_t limited_room(const struct dure_core *core, const struct limits *limits, bool by_hardware,
                             const struct shared *shared, uint32_t *ret_leaf)
{
    const uint32_t index = (uint32_t)(shared->rank >> 32), offset = (uint32_t)shared->rank;
    *ret_leaf =
        by_hardware || shared->allot == NONE ? shared->leaf : index * core->allots[shared->allot]->cell_leaves + offset;
    const uint32_t node = limits->node_first + shared->leaf / limits->node_gpus;
    if (limits->listed && dure_node_runs_next(limits->allowed, node) != node)
        return 0;
    if (limits_fenced(limits, shared->leaf / limits->node_gpus))
        return 0;
    return limits_room(limits, *ret_leaf);
}

/* In which order shared GPUs are filled: where the hole that a task takes a part of loses least by the prices, then the fullest. */
struct turn {
    uint32_t loss_ugpu, left_milli;
    uint64_t rank;
};

/* Limits are met by filling the fullest first: there prices would decide whether there is a place at all. */
static struct turn turn_of(const struct dure_core *core, const struct request *ask, const struct limits *limits,
                           const struct shared *shared)
{
    const bool priced = !limits && !ask->mig && shared->free_milli >= ask->task_gpu_milli;
    const uint32_t loss = priced ? dure_prices_loss(&core->hole_prices, shared->free_milli, ask->task_gpu_milli) : 0;
    return (struct turn){loss, shared->free_milli, shared->rank};
}

static bool is_before(struct turn a, struct turn b)
{
    if (a.loss_ugpu != b.loss_ugpu)
        return a.loss_ugpu < b.loss_ugpu;
    return a.left_milli != b.left_milli ? a.left_milli < b.left_milli : a.rank < b.rank;
}

uint32_t plan_fill_shared(const struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t allot,
                          struct limits *limits, bool by_hardware, struct plan *plan)
{
    uint32_t left = ask->tasks;
    struct turn last = {0};
    while (left) {
        const struct shared *best = NULL;
        struct turn first = {0};
        for (uint32_t at = share_first(core, ask->tenant, chain, allot); at != NONE; at = shared_at(core, at)->next) {
            const struct shared *s = shared_at(core, at);
            const struct turn turn = turn_of(core, ask, limits, s);
            uint32_t leaf;
            if ((best && !is_before(turn, first)) || is_before(turn, last) || !room_of(core, ask, s) ||
                (limits && !limited_room(core, limits, by_hardware, s, &leaf)))
                continue;
            best = s;
            first = turn;
        }
        if (!best)
            break;
        uint32_t room = room_of(core, ask, best), leaf = 0;
        const uint32_t limit = limits ? limited_room(core, limits, by_hardware, best, &leaf) : room;
        room = limit < room ? limit : room;
        const uint32_t tasks = room < left ? room : left;
        if (limits)
            limits_add(limits, leaf, tasks);
        place_leaf(core, chain, best->leaf, best, ask, tasks, plan);
        if (allot != NONE)
            bind_leaf(core, chain, best->leaf, plan);
        left -= tasks;
        last = first;
        last.rank++;
    }
    return left;
}

void plan_place_fractions(const struct dure_core *core, const struct request *ask, uint32_t chain, uint32_t leaf,
                          const struct dure_take *take, uint32_t per_gpu, uint32_t *tasks, struct plan *plan)
{
    uint32_t own = take->tasks, *left = plan->by_take ? &own : tasks;
    for (uint64_t mask = take->mask; mask; mask &= mask - 1) {
        const uint32_t here = *left < per_gpu ? *left : per_gpu;
        place_leaf(core, chain, leaf + (uint32_t)__builtin_ctzll(mask), NULL, ask, here, plan);
        *left -= here;
    }
}
