/* Hardware that goes and comes, and which rights are short because of it. */
#include "parts.h"

static bool works_on(const struct reference_run *run, uint32_t node)
{
    return run->state != RUN_RESERVED && reference_gpus_on(run, node);
}

bool reference_is_busy(const struct reference *reference, uint32_t node)
{
    bool busy = false;
    for (uint32_t r = 0; r < reference->run_end; r++)
        busy |= works_on(&reference->runs[r], node);
    return busy;
}

static enum dure_node_state target(const struct reference *reference, uint32_t node)
{
    const bool busy = reference_is_busy(reference, node);
    if (reference->nodes[node].down)
        return DURE_NODE_DOWN;
    if (reference->nodes[node].away)
        return DURE_NODE_AWAY;
    if (reference->nodes[node].drained || reference->nodes[node].booked_until_us != INT64_MIN)
        return busy ? DURE_NODE_DRAINING : DURE_NODE_DRAINED;
    return DURE_NODE_UP;
}

/* Those who borrow, if they planned on it, and the tenant whose cell it is plan anew. */
static void void_plans(struct reference *reference, uint32_t node, uint64_t gpu, enum dure_cause cause)
{
    const struct reference_plan *borrowed = &reference->plans[reference->tenant_count];
    if ((borrowed->kept_nodes[node] & gpu) && !reference_is_back_by(reference, node, borrowed->at_us))
        reference_void_plan(reference, reference->tenant_count, cause);
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++) {
            const struct reference_right *right = &reference->rights[r];
            const struct reference_plan *plan = &reference->plans[right->tenant];
            if (right->bound[i] == DURE_NONE32 || node - right->bound[i] >= right->cell_nodes)
                continue;
            const uint32_t slot = i * right->cell_nodes + node - right->bound[i];
            if (plan->is_firm ? (plan->kept[r][slot] & gpu) && !reference_is_back_by(reference, node, plan->at_us)
                              : plan->chain == right->chain)
                reference_void_plan(reference, right->tenant, cause);
        }
}

void reference_lose(struct reference *reference, uint32_t node, enum dure_cause cause)
{
    struct reference_node *n = &reference->nodes[node];
    const uint64_t all = (UINT64_C(1) << reference->node_gpus) - 1,
                   lost = n->state != DURE_NODE_UP ? all : n->foreign | n->dark;
    for (uint64_t mask = lost & ~n->lost; mask; mask &= mask - 1)
        void_plans(reference, node, mask & -mask, cause);
    reference->chains[reference_chain_of(reference, node)].is_shaken |= lost != n->lost;
    n->lost = lost;
}

/* Who is first on a GPU: of reservations by job and element, of what runs by its start. NULL: nobody. */
static struct reference_run *first_on(struct reference *reference, uint32_t node, uint64_t gpu, bool reserved)
{
    struct reference_run *first = NULL;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        struct reference_run *run = &reference->runs[r];
        if (!(reference_gpus_on(run, node) & gpu) || (run->state == RUN_RESERVED) != reserved)
            continue;
        const bool before = !first                   ? true
                            : !reserved              ? run->attempt < first->attempt
                            : run->job != first->job ? run->job < first->job
                                                     : run->ordinal < first->ordinal;
        first = before ? run : first;
    }
    return first;
}

/* GPU by GPU: reservations on it are given up, or what runs there is lost. */
static void lose_runs(struct reference *reference, uint32_t node, uint64_t gpus, bool reserved)
{
    for (; gpus; gpus &= gpus - 1)
        for (struct reference_run *run; (run = first_on(reference, node, gpus & -gpus, reserved)) != NULL;) {
            if (reserved)
                reference_unreserve(reference, run);
            else
                reference_end(reference, run, NULL);
        }
}

void reference_update_node(struct reference *reference, uint32_t node)
{
    struct reference_node *n = &reference->nodes[node];
    const enum dure_node_state to = target(reference, node);
    if (to == n->state)
        return;
    struct dure_record record = reference_decision(reference, DURE_REC_NODE_STATE);
    record.node.v = node;
    record.number = to;
    reference_tell(reference, &record);
    n->state = to;
    reference_lose(reference, node, DURE_CAUSE_NODE_LOST);
    reference_settle(reference, reference_chain_of(reference, node));
    lose_runs(reference, node, n->lost, true);
    if (to == DURE_NODE_DOWN)
        lose_runs(reference, node, n->lost, false);
}

/* What runs on such a GPU stays; who has reserved it gives it up. */
void reference_foreign(struct reference *reference, const struct dure_record *input)
{
    reference->nodes[input->node.v].foreign = input->mask;
    reference_lose(reference, input->node.v, DURE_CAUSE_NODE_LOST);
    reference_settle(reference, reference_chain_of(reference, input->node.v));
    reference_unreserve_on(reference, input->node.v, input->mask);
}

void reference_unreserve_on(struct reference *reference, uint32_t node, uint64_t gpus)
{
    lose_runs(reference, node, gpus, true);
}

void reference_node(struct reference *reference, const struct dure_record *input)
{
    struct reference_node *node = &reference->nodes[input->node.v];
    if (input->kind == DURE_REC_DRAIN) {
        node->drained = true;
    } else if (input->kind == DURE_REC_RESUME) {
        node->drained = node->down = false;
    } else {
        node->down = input->number == DURE_NODE_IS_DOWN;
        node->away = input->number == DURE_NODE_IS_AWAY;
    }
    reference_update_node(reference, input->node.v);
}

/* ---- rights that are short ---- */

struct step {
    bool suspends;
    uint32_t right, index;
};

static bool is_suspended(const struct reference_right *right, uint32_t index)
{
    return right->suspended[index] && right->bound[index] == DURE_NONE32;
}

/* Served by a cell that is whole again. */
static bool find_healed(const struct reference *reference, uint32_t chain, struct step *step)
{
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++) {
            const struct reference_right *right = &reference->rights[r];
            bool healed = right->chain == chain && right->suspended[i] && right->bound[i] != DURE_NONE32;
            for (uint32_t k = 0; healed && k < right->cell_nodes; k++)
                healed = reference->nodes[right->bound[i] + k].lost == 0;
            if (!healed)
                continue;
            *step = (struct step){false, r, i};
            return true;
        }
    return false;
}

/* Is its turn before the other's to be suspended? The owner of the hardware goes first, then who begins last, then the lowest id. */
static bool goes_before(const struct reference *reference, uint32_t a, uint32_t b)
{
    const struct reference_right *x = &reference->rights[a], *y = &reference->rights[b];
    const bool x_owns = reference->tenants[x->tenant].owner.v == 0, y_owns = reference->tenants[y->tenant].owner.v == 0;
    if (x_owns != y_owns)
        return x_owns;
    return x->from_us != y->from_us ? x->from_us > y->from_us : a < b;
}

/* The first, its lowest cell; they come back in the opposite order. */
static bool find_next(const struct reference *reference, uint32_t chain, bool racks, bool suspends, struct step *step)
{
    *step = (struct step){suspends, DURE_NONE32, 0};
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++) {
            const struct reference_right *right = &reference->rights[r];
            if (right->chain != chain || (right->cell_nodes > 1) != racks ||
                !(suspends ? reference_is_owed(right, i) : is_suspended(right, i)))
                continue;
            const bool is_first = step->right == DURE_NONE32 || step->right == r
                                      ? step->right == DURE_NONE32 || !suspends
                                      : goes_before(reference, r, step->right) == suspends;
            if (is_first)
                *step = (struct step){suspends, r, i};
        }
    return step->right != DURE_NONE32;
}

static uint32_t count_suspended(const struct reference *reference, uint32_t chain, bool racks)
{
    uint32_t count = 0;
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++)
            count += reference->rights[r].chain == chain && (reference->rights[r].cell_nodes > 1) == racks &&
                     is_suspended(&reference->rights[r], i);
    return count;
}

/* What must be suspended, were nobody yet: racks that are short; then nodes that are, beside what racks are left. */
static void find_wanted(const struct reference *reference, uint32_t chain, const struct spare *now, uint32_t *ret_racks,
                        uint32_t *ret_nodes)
{
    const int32_t per_rack = (int32_t)reference->rack_nodes;
    const int32_t racks = now->racks - (int32_t)count_suspended(reference, chain, true);
    const int32_t left = racks > 0 ? racks : 0;
    const int32_t nodes =
        now->nodes - per_rack * now->racks - (int32_t)count_suspended(reference, chain, false) + per_rack * left;
    *ret_racks = racks < 0 ? (uint32_t)-racks : 0;
    *ret_nodes = nodes < 0 ? (uint32_t)-nodes : 0;
}

static bool find_step(const struct reference *reference, uint32_t chain, struct step *step)
{
    static struct trial now;
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < REFERENCE_CELLS; i++)
            now.bound[r][i] = reference->rights[r].bound[i];
    const struct spare spare = reference_spare(reference, &now, chain);
    const uint32_t racks = count_suspended(reference, chain, true), nodes = count_suspended(reference, chain, false);
    if (find_healed(reference, chain, step))
        return true;
    if (!reference->chains[chain].is_shaken) /* whatever fits again, the largest first */
        return (racks > 0 && spare.racks >= 1 && spare.nodes >= (int32_t)reference->rack_nodes &&
                find_next(reference, chain, true, false, step)) ||
               (nodes > 0 && spare.nodes >= 1 && find_next(reference, chain, false, false, step));
    uint32_t want_racks, want_nodes;
    find_wanted(reference, chain, &spare, &want_racks, &want_nodes);
    if (racks < want_racks)
        return find_next(reference, chain, true, true, step);
    if (nodes < want_nodes)
        return find_next(reference, chain, false, true, step);
    if (racks > want_racks)
        return find_next(reference, chain, true, false, step);
    return nodes > want_nodes && find_next(reference, chain, false, false, step);
}

void reference_settle_unseen(struct reference *reference, uint32_t chain)
{
    struct step step;
    while (find_step(reference, chain, &step))
        reference->rights[step.right].suspended[step.index] = step.suspends;
}

void reference_settle(struct reference *reference, uint32_t chain)
{
    struct step step;
    while (find_step(reference, chain, &step)) {
        struct reference_right *right = &reference->rights[step.right];
        struct dure_record record = reference_decision(reference, step.suspends ? DURE_REC_SUSPEND : DURE_REC_RESTORE);
        record.allot.v = step.right;
        record.number = step.index;
        reference_tell(reference, &record);
        right->suspended[step.index] = step.suspends;
        if ((step.suspends || right->state == DURE_ALLOT_SHORT) && !reference->plans[right->tenant].is_firm &&
            reference->plans[right->tenant].chain == chain)
            reference_void_plan(reference, right->tenant, DURE_CAUSE_NODE_LOST);
        reference_tell_shortness(reference, step.right);
    }
}
