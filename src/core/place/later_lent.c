/* When a borrower could start that may stand anywhere in a chain: told by counting. Of what ends there, soonest first, each node that something leaves
 * has room for some tasks more; the first moment at which they are enough is the one, and only then, on the chain that is soonest, is a place
 * looked for. All chains are counted through one stretch of time before any goes on to the next, which is as long as all before it: so none is
 * counted, and what ends there put in order, far beyond the moment that is found. */
#include <stdlib.h>

#include "core/place/even.h"
#include "core/place/ground.h"
#include "core/place/later_inner.h"
#include "core/place/limits.h"
#include "core/place/rules.h"
#include "core/place/timeline.h"
#include "core/state/attempts.h"

/* An hour, and what lies beyond it up to two, four, ..., up to the end of time. */
enum { STRETCHES = 33 };

struct count {
    struct dure_core *core;
    const struct request *ask;
    uint32_t chain;
    bool is_now;         /* there is room already */
    uint64_t tasks;      /* for which there is room by now */
    struct ending *ends; /* by stretch: those of one begin where those of the one before it end */
    uint32_t stretch_ends[STRETCHES];
    struct ending *front; /* a heap of those of the stretch at hand that are to come */
    uint32_t front_count;
    uint32_t leaving;
    int64_t from_us; /* no earlier */
    int64_t at_us;   /* the moment at hand */
    struct slot_list touched;
};

/* Does it have to lie evenly on any chain? */
static bool lies_evenly(const struct dure_core *core, const struct request *ask)
{
    for (uint32_t i = 0; ask->tasks > 1 && i < core->fleet->chain_count; i++)
        if (even_chooses(core, ask, i))
            return true;
    return false;
}

bool later_is_counted(const struct dure_core *core, const struct request *ask)
{
    return ask->task_gpu_milli == 1000 && !ask->tasks_per_node && !ask->level_required && !ask->data_mask &&
           !limits_any(ask) && !lies_evenly(core, ask);
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

static unsigned stretch_of(int64_t from_us, int64_t at_us)
{
    const uint64_t hours = at_us > from_us ? (uint64_t)(at_us - from_us) / (uint64_t)DURE_HOUR_US : 0;
    return hours ? 64 - (unsigned)__builtin_clzll(hours) : 0;
}

static void read_ends(struct count *c)
{
    const struct ends *list = &c->core->chains[c->chain].ends;
    uint32_t next[STRETCHES] = {0};
    c->ends = dure_core_grow(NULL, sizeof *c->ends, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        c->stretch_ends[stretch_of(c->from_us, list->at[i].at_us)]++;
    for (unsigned i = 1; i < STRETCHES; i++) {
        next[i] = c->stretch_ends[i - 1];
        c->stretch_ends[i] += next[i];
    }
    for (uint32_t i = 0; i < list->count; i++)
        c->ends[next[stretch_of(c->from_us, list->at[i].at_us)]++] = list->at[i];
}

static void begin_stretch(struct count *c, unsigned stretch)
{
    const uint32_t first = stretch ? c->stretch_ends[stretch - 1] : 0;
    c->front = c->ends + first;
    c->front_count = c->stretch_ends[stretch] - first;
    for (uint32_t i = c->front_count / 2; i-- > 0;)
        sift(c, i);
}

static void leave(struct dure_core *core, void *context, uint32_t node, const struct dure_place *place)
{
    struct count *c = context;
    struct chain_state *chain = &core->chains[c->chain];
    const uint64_t was = chain->idle.idle[node] | chain->foreseen[node],
                   left = timeline_left_on(core, c->chain, node, place, c->leaving, c->at_us) & ~was;
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

static void begin(struct count *c)
{
    struct chain_state *chain = &c->core->chains[c->chain];
    c->tasks = dure_slots_capacity(&chain->idle, c->ask->task_gpus);
    c->is_now = c->tasks >= c->ask->tasks && c->from_us <= c->core->s.time_us;
    if (c->is_now)
        return;
    if (!chain->foreseen)
        chain->foreseen = dure_core_alloc(sizeof *chain->foreseen, c->core->fleet->chains[c->chain].node_count);
    read_ends(c);
    c->at_us = c->from_us;
}

static void end(struct count *c)
{
    for (uint32_t i = 0; i < c->touched.count; i++)
        c->core->chains[c->chain].foreseen[c->touched.at[i]] = 0;
    free(c->touched.at);
    free(c->ends);
}

/* Is there room in this stretch, sooner than `before_us`? */
static bool count_through(struct count *c, unsigned stretch, int64_t before_us)
{
    begin_stretch(c, stretch);
    if (c->from_us > c->core->s.time_us && c->front_count && c->front[0].at_us <= c->from_us)
        (void)pass_moment(c, before_us); /* what is gone before it may begin */
    while (c->tasks < c->ask->tasks)
        if (!pass_moment(c, before_us))
            return false;
    return true;
}

static void set_node(struct dure_core *core, uint32_t at, uint32_t node, uint64_t idle)
{
    struct chain_state *chain = &core->chains[at];
    dure_slots_set(&chain->idle, node, idle);
    if (!node_of(core, at, node)->bound)
        dure_slots_set(&chain->away, node, idle);
}

/* Its place, when so much has come free. */
static void find_place(const struct count *c, struct plan *plan)
{
    struct dure_core *core = c->core;
    const struct request *ask = c->ask;
    const uint32_t at = c->chain;
    struct chain_state *chain = &core->chains[at];
    bool found = false;
    for (uint32_t i = 0; i < c->touched.count; i++) {
        const uint32_t node = c->touched.at[i];
        set_node(core, at, node, chain->idle.idle[node] | chain->foreseen[node]);
    }
    for (unsigned leveled = ask->level && rule_level(core, ask, at) ? 2 : 1; leveled-- > 0 && !found;) {
        struct dure_ask gang;
        core->takes.count = 0;
        found = ask_of_chain(core, ask, at, leveled, &gang) && (dure_slots_fit(&chain->away, &gang, &core->takes) ||
                                                                dure_slots_fit(&chain->idle, &gang, &core->takes));
    }
    DURE_ASSERT(found);
    for (uint32_t i = c->touched.count; i-- > 0;) {
        const uint32_t node = c->touched.at[i];
        set_node(core, at, node, chain->idle.idle[node] & ~chain->foreseen[node]);
    }
    plan->place_count = plan->binding_count = 0;
    plan->chain = at;
    for (uint32_t i = 0; i < core->takes.count; i++) {
        const struct dure_take *take = &core->takes.at[i];
        plan_add_place(plan, (struct dure_place){core->fleet->chains[at].node_first + take->slot, 1, take->mask,
                                                 take->tasks, 1000, 0});
    }
}

/* The chain on which there is room first; of those that are alike the one that would be taken first. NULL: none. */
static const struct count *soonest(struct count *counts, uint32_t count)
{
    const struct count *best = NULL;
    int64_t before_us = DURE_NEVER_US;
    for (unsigned stretch = 0; stretch < STRETCHES && !best; stretch++)
        for (uint32_t i = 0; i < count && before_us > counts[i].from_us; i++)
            if (!counts[i].is_now && count_through(&counts[i], stretch, before_us)) {
                best = &counts[i];
                before_us = best->at_us;
            }
    return best;
}

enum later later_counted(struct dure_core *core, const struct request *ask, int64_t from_us, struct plan *plan,
                         int64_t *ret_at_us)
{
    uint32_t *chains = dure_core_alloc(sizeof *chains, core->fleet->chain_count);
    const uint32_t count = later_lenders(core, ask, chains);
    struct count *counts = dure_core_alloc(sizeof *counts, core->fleet->chain_count);
    bool is_now = false;
    for (uint32_t i = 0; i < count; i++) {
        counts[i] = (struct count){.core = core, .ask = ask, .chain = chains[i], .from_us = from_us};
        begin(&counts[i]);
        is_now |= counts[i].is_now;
    }
    free(chains);
    const struct count *best = is_now ? NULL : soonest(counts, count);
    if (best) {
        find_place(best, plan);
        *ret_at_us = best->at_us;
    }
    for (uint32_t i = 0; i < count; i++)
        end(&counts[i]);
    free(counts);
    return is_now ? LATER_NOW : best ? LATER_FOUND : LATER_NEVER;
}
