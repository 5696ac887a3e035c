/* When a borrower could start that may stand anywhere in a chain: told by counting. Of what ends there, soonest first, each node that something leaves
 * has room for some tasks more; the first moment at which they are enough is the one, and only then, on the chain that is soonest, is a place
 * looked for. */
#include <stdlib.h>

#include "core/place/ground.h"
#include "core/place/later_inner.h"
#include "core/place/limits.h"
#include "core/place/plan_more.h"
#include "core/place/rules.h"
#include "core/state/attempts.h"

/* GPUs of a node that have come free by then. */
struct left {
    uint32_t node;
    uint64_t gpus;
};

struct count {
    struct dure_core *core;
    const struct request *ask;
    uint32_t chain;
    uint64_t tasks; /* for which there is room by now */
    struct ending *front;
    uint32_t front_count;
    uint32_t leaving;
    int64_t from_us; /* no earlier */
    int64_t at_us;   /* the moment at hand */
    struct slot_list touched;
};

bool later_is_counted(const struct request *ask)
{
    return ask->task_gpu_milli == 1000 && !ask->tasks_per_node && !ask->level_required && !ask->data_mask &&
           !limits_any(ask);
}

static void sift(struct count *c, uint32_t place)
{
    const struct ending moved = c->front[place];
    for (uint32_t child = place * 2 + 1; child < c->front_count; child = place * 2 + 1) {
        if (child + 1 < c->front_count && c->front[child + 1].at_us < c->front[child].at_us)
            child++;
        if (moved.at_us <= c->front[child].at_us)
            break;
        c->front[place] = c->front[child];
        place = child;
    }
    c->front[place] = moved;
}

static void read_ends(struct count *c, int64_t before_us)
{
    const struct ends *list = &c->core->chains[c->chain].ends;
    c->front = dure_core_alloc(sizeof *c->front, list->count);
    c->front_count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->at[i].at_us < before_us)
            c->front[c->front_count++] = list->at[i];
    for (uint32_t i = c->front_count / 2; i-- > 0;)
        sift(c, i);
}

static void leave(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place)
{
    struct count *c = context;
    struct chain_state *chain = &core->chains[c->chain];
    const uint64_t was = chain->idle.idle[node] | chain->foreseen[node],
                   left = later_left_on(core, c->chain, node, place, c->leaving, c->at_us) & ~was;
    if (!left)
        return;
    if (!chain->foreseen[node])
        slot_list_add(&c->touched, node);
    chain->foreseen[node] |= left;
    c->tasks += (uint32_t)__builtin_popcountll(was | left) / c->ask->task_gpus -
                (uint32_t)__builtin_popcountll(was) / c->ask->task_gpus;
}

/* All that ends at the next moment; what should be gone already counts as going now. False: nothing does in time. */
static bool pass_moment(struct count *c, int64_t before_us)
{
    if (!c->front_count)
        return false;
    c->at_us = c->front[0].at_us > c->from_us ? c->front[0].at_us : c->from_us;
    if (c->at_us >= before_us)
        return false;
    while (c->front_count && c->front[0].at_us <= c->at_us) {
        c->leaving = c->front[0].slot;
        c->front[0] = c->front[--c->front_count];
        sift(c, 0);
        if (c->front_count)
            __builtin_prefetch(attempt_at(c->core, c->front[0].slot));
        const struct attempt *attempt = attempt_at(c->core, c->leaving);
        ground_each_node(c->core, c->chain, attempt->places, attempt->d.place_count, leave, c);
    }
    return true;
}

/* What has come free by then, instead of what was found on another chain. */
static void keep_lefts(const struct count *c, struct left **lefts, uint32_t *ret_count)
{
    *ret_count = c->touched.count;
    *lefts = dure_core_grow(*lefts, sizeof **lefts, c->touched.count + 1u);
    for (uint32_t i = 0; i < c->touched.count; i++)
        (*lefts)[i] = (struct left){c->touched.at[i], c->core->chains[c->chain].foreseen[c->touched.at[i]]};
}

static void clear(struct count *c)
{
    while (c->touched.count)
        c->core->chains[c->chain].foreseen[c->touched.at[--c->touched.count]] = 0;
    free(c->front);
    c->front = NULL;
}

/* On one chain, sooner than `before_us`. */
static enum later search(struct count *c, int64_t before_us)
{
    struct chain_state *chain = &c->core->chains[c->chain];
    c->tasks = dure_slots_capacity(&chain->idle, c->ask->task_gpus);
    if (c->tasks >= c->ask->tasks && c->from_us <= c->core->s.time_us)
        return LATER_NOW;
    if (!chain->foreseen)
        chain->foreseen = dure_core_alloc(sizeof *chain->foreseen, c->core->fleet->chains[c->chain].node_count);
    read_ends(c, before_us);
    c->at_us = c->from_us;
    while (c->tasks < c->ask->tasks)
        if (!pass_moment(c, before_us))
            return LATER_NEVER;
    return LATER_FOUND;
}

static void set_node(struct dure_core *core, uint32_t at, const struct left *left, bool on)
{
    struct chain_state *chain = &core->chains[at];
    const uint64_t idle = chain->idle.idle[left->node];
    dure_slots_set(&chain->idle, left->node, on ? idle | left->gpus : idle & ~left->gpus);
    if (!node_of(core, at, left->node)->bound)
        dure_slots_set(&chain->away, left->node, chain->idle.idle[left->node]);
}

/* Its place, when so much has come free. */
static void find_place(struct dure_core *core, const struct request *ask, uint32_t at, const struct left *lefts,
                       uint32_t count, struct plan *plan)
{
    struct chain_state *chain = &core->chains[at];
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
        set_node(core, at, &lefts[i], true);
    for (unsigned leveled = ask->level && rule_level(core, ask, at) ? 2 : 1; leveled-- > 0 && !found;) {
        struct dure_ask gang;
        core->takes.count = 0;
        found = ask_of_chain(core, ask, at, leveled, &gang) && (dure_slots_fit(&chain->away, &gang, &core->takes) ||
                                                                dure_slots_fit(&chain->idle, &gang, &core->takes));
    }
    DURE_ASSERT(found);
    for (uint32_t i = count; i-- > 0;)
        set_node(core, at, &lefts[i], false);
    plan->place_count = plan->binding_count = 0;
    plan->chain = at;
    for (uint32_t i = 0; i < core->takes.count; i++) {
        const struct dure_take *take = &core->takes.at[i];
        plan_add_place(plan, (struct dure_place){core->fleet->chains[at].node_first + take->slot, 1, take->mask,
                                                 take->tasks, 1000, 0});
    }
}

enum later later_counted(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                         int64_t *ret_at_us)
{
    enum later found = LATER_NEVER;
    struct left *lefts = NULL;
    uint32_t left_count = 0, best = NONE;
    struct count c = {.core = core, .ask = ask, .from_us = from_us};
    int64_t before_us = DURE_NEVER_US;
    for (uint32_t i = 0; i < core->fleet->chain_count && before_us > from_us; i++) {
        c.chain = core->borrow_order[i];
        if (!later_may_borrow(core, ask, c.chain))
            continue;
        const enum later here = search(&c, before_us);
        if (here == LATER_FOUND) { /* sooner than any before it */
            keep_lefts(&c, &lefts, &left_count);
            best = c.chain;
            before_us = c.at_us;
            found = LATER_FOUND;
        } else if (here == LATER_NOW && found == LATER_NEVER) {
            found = LATER_NOW;
        }
        clear(&c);
    }
    free(c.touched.at);
    if (best != NONE) {
        find_place(core, ask, best, lefts, left_count, plan);
        *ret_at_us = before_us;
    }
    free(lefts);
    return found;
}
