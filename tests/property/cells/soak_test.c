/* Cells at full scale: one chain of 30,720 nodes of 8 GPUs under tens of thousands of mixed operations. Rights are granted, begin, shrink, end and are
 * handed over; cells are bound, used and given back; borrowers and prices come and go; leaves, nodes and racks fail and are repaired; time goes on.
 *
 * After every operation the invariant holds and whatever is owed is bound at once; at intervals everything derived is computed anew (free lists in
 * merged form, counts, digest), all holders claim everything at once, a copy goes through its bytes, and the cheapest node is that of a scan of all.
 * DURE_SOAK=1: two million operations.
 *
 * Which test holds which property of the rule (numbers of the rule; `core` is tests/property/core):
 *   1 invariant after every operation      history_test, soak_test (world_step, after)
 *   2 no legal guaranteed request refused  history_test op_claim_all, op_take; soak_test claim_all; small.c for every small state
 *   3 each leaf in exactly one place       history_test naive_read; core history_test check_room
 *   4 victims                              price_test (one cell, exact); core reclaim_test judge_one, judge_many (gap), hear_notice (needed, no cycle)
 *   5 merged form canonical                history_test naive_read; dure_cells_check here
 *   6 alone as shared                      core sharing_test, grace 0 and grace 17 s
 *   7 gangs all or nothing, crashes        core history_test hear_start; tests/sim/loop
 *   8 failures minimal, reversed           history_test flip, op_there_and_back, check_order
 *   9 accepted iff the invariant holds     history_test check_accepted against brute force
 *  10 cancel restores                      core cancel_test
 *  11 same log, same bindings              history_test twin; core history_test follower, reload
 * Mutants: split the highest level, per-level-only check, level-m-only relaxed split, no merge, lost leaves forgotten, future rights ignored: mutants.sh
 * here; borrowed leaves counted as used, a leaf's memory not reserved: core mutants.sh. */
#include <stdlib.h>
#include <string.h>

#include "core/cells/price.h"
#include "tap.h"

enum { RIGHTS = 400, GANGS = 4000, SECOND = 1000000, NODE = 2 };

static const struct dure_cells_shape shape = {.levels = 5, .tops = 60, .holds = {0, 0, 8, 4, 16, 8}};

struct gang {
    bool live;
    uint32_t first, count; /* nodes, all their leaves */
    struct dure_cells_price price;
};

struct world {
    struct dure_cells *cells;
    struct gang gangs[GANGS];
    struct dure_cells_price *node; /* what stands on each node, added up naively */
    uint32_t next_right, live_rights;
    int64_t now_us;
    uint64_t taken, given, lost, repaired, accepted, ended, suspended, restored, handed, asked;
    bool good;
};

static uint64_t seed;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

#define WANT(cond, ...) ((cond) ? (void)0 : (tap_diag(__VA_ARGS__), (void)(w->good = false)))

static void count_step(void *context, const struct dure_cells_step *step)
{
    struct world *w = context;
    w->suspended += step->suspend;
    w->restored += !step->suspend;
}

static void settle(struct world *w)
{
    WANT(!dure_cells_settle(w->cells, count_step, w, NULL), "settling fails");
}

static bool some_right(struct world *w, struct dure_cells_right_view *view)
{
    return w->next_right && (dure_cells_right_next(w->cells, (struct dure_allot_id){below(w->next_right)}, view) ||
                             dure_cells_right_next(w->cells, (struct dure_allot_id){0}, view));
}

static bool some_cell(struct world *w, unsigned states, struct dure_cells_virtual *ret)
{
    struct dure_cells_right_view view;
    for (uint32_t i = 0; i < 8; i++)
        if (some_right(w, &view) && view.started &&
            (dure_cells_virtual_next(w->cells, view.right.id, below(view.index_end), states, ret) ||
             dure_cells_virtual_next(w->cells, view.right.id, 0, states, ret)))
            return true;
    return false;
}

/* ---- rights ---- */

static void grant(struct world *w)
{
    static const uint32_t most[] = {0, 4000, 3000, 700, 60, 12};
    struct dure_cells_right_view view;
    struct dure_cells_right right = {.id = {w->next_right},
                                     .holder = {below(50)},
                                     .level = (uint8_t)(1 + below(5)),
                                     .rank = (uint8_t)below(2),
                                     .start_us = w->now_us,
                                     .predecessor = {DURE_NONE32}};
    right.count = 1 + below(most[right.level]);
    if (!below(4) && some_right(w, &view) && view.right.end_us != INT64_MAX) { /* a successor */
        right.predecessor = view.right.id;
        right.level = view.right.level;
        right.count = 1 + below(view.right.count);
        right.start_us = view.right.end_us;
    }
    right.end_us = right.start_us + (1 + below(600)) * (int64_t)SECOND;
    if (w->live_rights >= RIGHTS || dure_cells_accept(w->cells, &right, NULL, NULL))
        return;
    w->next_right++;
    w->live_rights++;
    w->accepted++;
    if (right.start_us <= w->now_us)
        WANT(!dure_cells_start(w->cells, right.id, NULL), "a start is refused");
}

static void cut(struct world *w, struct dure_allot_id id, uint32_t stay)
{
    WANT(!(stay ? dure_cells_shrink(w->cells, id, stay, true, NULL) : dure_cells_end(w->cells, id, true, NULL)),
         "ending or shrinking right %u fails", id.v);
    size_t count;
    const struct dure_cells_event *events = dure_cells_events(w->cells, &count);
    for (size_t i = 0; i < count; i++)
        w->handed += events[i].kind == DURE_CELLS_HANDED_OVER;
    w->ended += !stay;
    w->live_rights -= !stay;
}

static void shrink(struct world *w)
{
    struct dure_cells_right_view view;
    if (some_right(w, &view))
        cut(w, view.right.id, below(view.right.count + 1));
}

/* Ends before starts, as the calendar has them. */
static void time_goes_on(struct world *w)
{
    struct dure_cells_right_view view;
    w->now_us += below(3 * SECOND);
    for (uint32_t from = 0; dure_cells_right_next(w->cells, (struct dure_allot_id){from}, &view);
         from = view.right.id.v + 1)
        if (view.right.end_us <= w->now_us)
            cut(w, view.right.id, 0);
    for (uint32_t from = 0; dure_cells_right_next(w->cells, (struct dure_allot_id){from}, &view);
         from = view.right.id.v + 1)
        if (!view.started && view.right.start_us <= w->now_us)
            WANT(!dure_cells_start(w->cells, view.right.id, NULL), "a right does not begin");
}

/* ---- binding and using ---- */

static void use(struct world *w, struct dure_cell cell, int delta)
{
    const uint32_t first = dure_cells_first_leaf(w->cells, cell), leaves = dure_cells_leaves(w->cells, cell.level);
    for (uint32_t i = 0; i < (leaves < 8 ? leaves : 8); i++) {
        struct dure_cells_leaf view;
        dure_cells_leaf(w->cells, first + i, &view);
        if (delta > 0 ? !view.lost && !view.used : view.used)
            WANT(!dure_cells_use(w->cells, first + i, delta, NULL), "a leaf can not be used");
    }
}

static void take(struct world *w)
{
    struct dure_cells_virtual v;
    struct dure_cell cell;
    if (!some_cell(w, 1u << DURE_CELLS_UNBOUND | 1u << DURE_CELLS_SUSPENDED, &v))
        return;
    const enum dure_err err = dure_cells_choose(w->cells, v.allot, v.index, below(2), &cell, NULL);
    if (v.state == DURE_CELLS_SUSPENDED && err == DURE_E_SUSPENDED)
        return;
    WANT(!err && !dure_cells_take_exact(w->cells, v.allot, v.index, cell, NULL), "cell %u of right %u is refused",
         v.index, v.allot.v);
    w->taken++;
    if (w->good && below(2))
        use(w, cell, 1);
    settle(w);
}

static void give(struct world *w)
{
    struct dure_cells_virtual v;
    if (!some_cell(w, 1u << DURE_CELLS_BOUND | 1u << DURE_CELLS_SERVED, &v))
        return;
    use(w, v.cell, -1);
    WANT(!dure_cells_give(w->cells, v.allot, v.index, NULL), "cell %u of right %u is not given back", v.index,
         v.allot.v);
    w->given++;
    settle(w);
}

static void borrow(struct world *w)
{
    struct gang *gang = &w->gangs[below(GANGS)];
    const uint32_t nodes = dure_cells_count(w->cells, NODE);
    const int sign = gang->live ? -1 : 1;
    if (!gang->live) {
        gang->count = below(4) ? 1 : 1 + below(64);
        gang->first = below(nodes - gang->count + 1);
        gang->price = (struct dure_cells_price){.lost = (dure_cells_wide)(8000 * gang->count) * w->now_us,
                                                .slope = 8000 * (int64_t)gang->count,
                                                .started_ms = w->now_us / 1000,
                                                .gangs = 1,
                                                .restarts = below(3)};
    }
    gang->live = !gang->live;
    for (uint32_t node = gang->first; node < gang->first + gang->count; node++) {
        const struct dure_cell cell = {node, NODE};
        if (sign > 0) {
            dure_cells_price_sum(&w->node[node], &gang->price);
            dure_cells_price_add(w->cells, cell, &gang->price);
        } else {
            struct dure_cells_price *p = &w->node[node];
            p->lost -= gang->price.lost;
            p->slope -= gang->price.slope;
            p->started_ms -= gang->price.started_ms;
            p->gangs -= gang->price.gangs;
            p->restarts -= gang->price.restarts;
            dure_cells_price_sub(w->cells, cell, &gang->price);
        }
        for (uint32_t leaf = node * 8; leaf < node * 8 + 8; leaf++)
            WANT(!dure_cells_borrowed(w->cells, leaf, sign, NULL), "a leaf is not counted");
    }
}

/* A leaf, a node or a rack at once. */
static void fail(struct world *w)
{
    const unsigned level = 1 + below(3);
    const struct dure_cell cell = {below(dure_cells_count(w->cells, level)), (uint8_t)level};
    const uint32_t first = dure_cells_first_leaf(w->cells, cell);
    for (uint32_t i = 0; i < dure_cells_leaves(w->cells, level); i++) {
        struct dure_cells_leaf view;
        dure_cells_leaf(w->cells, first + i, &view);
        if (view.lost || dure_cells_lost_count(w->cells) > 4000)
            continue;
        WANT(!dure_cells_lose(w->cells, first + i, NULL), "leaf %u is not lost", first + i);
        w->lost++;
    }
    settle(w);
}

static void repair(struct world *w)
{
    uint32_t leaf = dure_cells_lost_next(w->cells, below(dure_cells_leaf_count(w->cells)));
    for (uint32_t i = 0; i < 32 && leaf != DURE_NONE32; i++) {
        WANT(!dure_cells_repair(w->cells, leaf, NULL), "leaf %u is not repaired", leaf);
        w->repaired++;
        leaf = dure_cells_lost_next(w->cells, leaf);
    }
    settle(w);
}

/* ---- at intervals ---- */

static struct dure_cells *copy(struct world *w)
{
    struct dure_cells *loaded = NULL;
    struct dure_buf bytes;
    struct dure_error error = {0};
    dure_buf_init(&bytes, DURE_CELLS_SNAPSHOT_MAX);
    dure_cells_save(w->cells, &bytes);
    if (bytes.failed || dure_cells_load(bytes.data, bytes.length, &loaded, &error))
        tap_bail("no copy: %s", error.text);
    dure_buf_release(&bytes);
    const struct dure_digest a = dure_cells_digest(w->cells), b = dure_cells_digest(loaded);
    WANT(memcmp(&a, &b, sizeof a) == 0, "a loaded chain is another one");
    return loaded;
}

static void claim_all(struct world *w)
{
    struct dure_cells_right_view view;
    struct dure_cells_virtual v;
    struct dure_cell cell;
    const struct dure_cells_mark mark = dure_cells_mark(w->cells);
    for (uint32_t from = 0; w->good && dure_cells_right_next(w->cells, (struct dure_allot_id){from}, &view);
         from = view.right.id.v + 1) {
        if (!view.started)
            WANT(!dure_cells_start(w->cells, view.right.id, NULL), "a start is refused");
        while (w->good && dure_cells_virtual_next(w->cells, view.right.id, 0, 1u << DURE_CELLS_UNBOUND, &v))
            WANT(!dure_cells_take(w->cells, v.allot, v.index, &cell, NULL), "all claim at once: right %u is refused",
                 v.allot.v);
    }
    dure_cells_rollback(w->cells, mark);
}

/* The cheapest node for some right, by a scan of all nodes of a copy. */
static void compare_cheapest(struct world *w, struct dure_cells *spare)
{
    struct dure_cells_virtual v;
    struct dure_cells_right_view right;
    struct dure_cell cell;
    uint32_t count = 0, best = DURE_NONE32;
    for (uint32_t tries = 0;; tries++) {
        if (tries == 50)
            return;
        if (some_cell(w, 1u << DURE_CELLS_UNBOUND, &v) && dure_cells_right(w->cells, v.allot, &right) &&
            right.right.level == NODE)
            break;
    }
    WANT(!dure_cells_cheapest(w->cells, v.allot, v.index, w->now_us, 1, &cell, &count, NULL) && count == 1,
         "no cheapest node");
    for (uint32_t i = 0; i < dure_cells_count(spare, NODE); i++) {
        const struct dure_cells_mark mark = dure_cells_mark(spare);
        const bool can = !dure_cells_take_exact(spare, v.allot, v.index, (struct dure_cell){i, NODE}, NULL);
        dure_cells_rollback(spare, mark);
        if (can && (best == DURE_NONE32 || dure_cells_price_compare(&w->node[i], &w->node[best], w->now_us) < 0))
            best = i;
    }
    WANT(count && cell.index == best, "node %u is the cheapest, a scan finds %u", cell.index, best);
    w->asked++;
}

static void look_closely(struct world *w)
{
    struct dure_error error = {0};
    WANT(!dure_cells_check(w->cells, &error), "%s", error.text);
    const struct dure_digest a = dure_cells_digest(w->cells), b = dure_cells_digest_full(w->cells);
    WANT(memcmp(&a, &b, sizeof a) == 0, "the digest is not that of the state");
    struct dure_cells *spare = copy(w);
    compare_cheapest(w, spare);
    dure_cells_free(spare);
    claim_all(w);
    const struct dure_digest after = dure_cells_digest(w->cells);
    WANT(memcmp(&a, &after, sizeof a) == 0, "a rollback leaves a trace");
}

static void operate(struct world *w)
{
    const uint32_t what = below(100);
    if (what < 6)
        grant(w);
    else if (what < 8)
        shrink(w);
    else if (what < 12)
        time_goes_on(w);
    else if (what < 42)
        take(w);
    else if (what < 62)
        give(w);
    else if (what < 90)
        borrow(w);
    else if (what < 94)
        fail(w);
    else
        repair(w);
}

int main(void)
{
    const bool soak = getenv("DURE_SOAK") != NULL;
    const uint64_t operations = soak ? 2000000 : 60000, interval = soak ? 20000 : 3000;
    struct world *w = calloc(1, sizeof *w);
    seed = tap_seed(30720);
    w->good = true;
    w->now_us = 1700000000LL * SECOND;
    if (dure_cells_new(&shape, &w->cells, NULL) || dure_cells_price_open(w->cells, NODE, NULL))
        tap_bail("no chain");
    w->node = calloc(dure_cells_count(w->cells, NODE), sizeof *w->node);
    uint64_t done = 0;
    for (; done < operations && w->good; done++) {
        operate(w);
        WANT(dure_cells_whole(w->cells), "the invariant does not hold");
        if (w->good && done % interval == interval - 1)
            look_closely(w);
    }
    TAP_OK(w->good, "%llu operations on %u nodes", (unsigned long long)done, dure_cells_count(w->cells, NODE));
    TAP_OK(w->taken > operations / 20 && w->given > operations / 20 && w->lost > 1000 && w->repaired > 1000 &&
               w->accepted > operations / 100 && w->ended > operations / 200 && w->handed && w->suspended && w->restored && w->asked > 3,
           "%llu bound, %llu given back, %llu leaves lost, %llu repaired, %llu rights accepted, %llu ended, %llu cells "
           "handed over, %llu suspended, %llu restored, %llu cheapest nodes scanned",
           (unsigned long long)w->taken, (unsigned long long)w->given, (unsigned long long)w->lost,
           (unsigned long long)w->repaired, (unsigned long long)w->accepted, (unsigned long long)w->ended,
           (unsigned long long)w->handed, (unsigned long long)w->suspended, (unsigned long long)w->restored,
           (unsigned long long)w->asked);
    dure_cells_free(w->cells);
    free(w->node);
    free(w);
    return tap_done();
}
