#include "small.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "model.h"
#include "tap.h"

/* Every set of free leaves of 8, and every promise: the formula against brute force. */
static void exactness(void)
{
    const struct dure_cells_shape shape = {.levels = 4, .tops = 1, .holds = {0, 0, 2, 2, 2}};
    uint32_t compared = 0, differing = 0;
    for (uint32_t free = 0; free < 256; free++) {
        struct dure_cells *cells;
        struct naive naive;
        if (dure_cells_new(&shape, &cells, NULL))
            tap_bail("no chain");
        for (uint32_t leaf = 0; leaf < 8; leaf++)
            if (!(free >> leaf & 1) && dure_cells_lose(cells, leaf, NULL))
                tap_bail("a loss is refused");
        if (naive_read(cells, &naive))
            differing++;
        for (uint32_t wish = 0; wish < 9 * 5 * 3 * 2; wish++) {
            const uint32_t owed[DURE_CELLS_LEVELS_MAX + 1] = {0, wish % 9, wish / 9 % 5, wish / 45 % 3, wish / 135};
            const struct dure_cells_mark mark = dure_cells_mark(cells);
            bool accepted = true;
            for (unsigned l = 1; l <= 4 && accepted; l++) {
                const struct dure_cells_right right = {
                    .id = {l}, .count = owed[l], .level = (uint8_t)l, .end_us = 1, .predecessor = {DURE_NONE32}};
                accepted = !owed[l] || !dure_cells_accept(cells, &right, NULL, NULL);
            }
            dure_cells_rollback(cells, mark);
            compared++;
            differing += accepted != naive_matches(&naive, free, owed);
        }
        dure_cells_free(cells);
    }
    TAP_EQ_UINT(differing, 0, "the invariant agrees with brute force on all %u small states", compared);
}

/* ---- every state that can be reached ---- */

enum { STATES_MAX = 200000, BYTES_MAX = 4096, RIGHTS = 4 };

struct bytes {
    char *data;
    size_t length;
};

struct search {
    struct dure_cells *cells; /* the state being left; changed under a mark */
    DURE_VEC(struct bytes) states;
    struct dure_map seen;
    uint64_t moves;
    const char *bad;
};

/* Notes the state reached, if it is new, and looks at it. */
static void reach(struct search *search)
{
    struct naive naive;
    struct dure_cells_step step;
    while (!search->bad && dure_cells_next_step(search->cells, &step))
        if (dure_cells_do_step(search->cells, &step, NULL))
            search->bad = "a step that was proposed is refused";
    search->moves++;
    if (search->bad || dure_map_get(&search->seen, dure_cells_digest(search->cells).lane[0], &(uint64_t){0}))
        return;
    struct dure_buf buf;
    dure_buf_init(&buf, BYTES_MAX);
    dure_cells_save(search->cells, &buf);
    struct bytes bytes = {.length = buf.length};
    bytes.data = dure_buf_take(&buf);
    if (!bytes.data || !dure_map_put(&search->seen, dure_cells_digest(search->cells).lane[0], 1) ||
        !DURE_VEC_PUSH(&search->states, bytes, STATES_MAX))
        tap_bail("no memory, or more than %d states", STATES_MAX);
    struct dure_error error;
    search->bad = naive_read(search->cells, &naive);
    if (!search->bad && (!dure_cells_whole(search->cells) || !naive_matches(&naive, naive.free, naive.owed)))
        search->bad = "what is owed can not be placed";
    if (!search->bad && dure_cells_check(search->cells, &error))
        search->bad = "what is derived differs when derived anew";
}

static bool leaves_allow(const struct dure_cells *cells, const struct dure_cells_virtual *virtual, unsigned level,
                         uint32_t index)
{
    struct naive naive;
    if (naive_read(cells, &naive))
        return false;
    const uint32_t leaves = naive_cell(&naive, level, index), healthy = leaves & naive.free;
    if (virtual->state == DURE_CELLS_SUSPENDED)
        return healthy && !(leaves & naive.bound) && (leaves & naive.lost) &&
               naive_matches(&naive, naive.free & ~leaves, naive.owed);
    naive.owed[level]--;
    return healthy == leaves && naive_matches(&naive, naive.free & ~leaves, naive.owed);
}

/* Every cell for one virtual cell: bound iff brute force says that all others can still be placed. */
static void move_take(struct search *search, const struct dure_cells_virtual *virtual, unsigned level)
{
    struct dure_cell chosen;
    const enum dure_err choice = dure_cells_choose(search->cells, virtual->allot, virtual->index, false, &chosen, NULL);
    bool servable = false;
    for (uint32_t i = 0; i < dure_cells_count(search->cells, level) && !search->bad; i++) {
        const bool allowed = leaves_allow(search->cells, virtual, level, i);
        servable |= allowed;
        const struct dure_cells_mark mark = dure_cells_mark(search->cells);
        const enum dure_err err = dure_cells_take_exact(search->cells, virtual->allot, virtual->index,
                                                        (struct dure_cell){i, (uint8_t)level}, NULL);
        if (allowed == !err)
            reach(search);
        else
            search->bad = "a binding is judged otherwise than by brute force";
        dure_cells_rollback(search->cells, mark);
        if (!choice && chosen.index == i && err)
            search->bad = "the chosen cell can not be bound";
    }
    if (choice && virtual->state == DURE_CELLS_UNBOUND)
        search->bad = "a legal request finds no place";
    if (virtual->state == DURE_CELLS_SUSPENDED && servable != !choice)
        search->bad = "a suspended right is not served though it could be, or the reverse";
}

static void move_virtual(struct search *search, const struct dure_cells_right_view *right, uint32_t index)
{
    struct dure_cells_virtual virtual;
    if (!dure_cells_virtual(search->cells, right->right.id, index, &virtual))
        return;
    if (virtual.state == DURE_CELLS_UNBOUND || virtual.state == DURE_CELLS_SUSPENDED) {
        move_take(search, &virtual, right->right.level);
        return;
    }
    const struct dure_cells_mark mark = dure_cells_mark(search->cells);
    if (dure_cells_give(search->cells, virtual.allot, virtual.index, NULL))
        search->bad = "a bound cell can not be given back";
    reach(search);
    dure_cells_rollback(search->cells, mark);
}

/* Minimal, and the same whichever way the hardware got there is not asked here: rights may be bound in between. */
static void move_flip(struct search *search, uint32_t leaf)
{
    struct dure_cells_leaf view;
    struct naive naive;
    dure_cells_leaf(search->cells, leaf, &view);
    const struct dure_cells_mark mark = dure_cells_mark(search->cells);
    if (view.lost ? dure_cells_repair(search->cells, leaf, NULL) : dure_cells_lose(search->cells, leaf, NULL))
        search->bad = "a loss or repair is refused";
    reach(search);
    const char *bad = naive_read(search->cells, &naive);
    uint32_t suspended = 0;
    for (unsigned l = 1; !bad && l <= naive.shape.levels; l++)
        suspended += naive.suspended[l] * naive.leaves[l];
    if (!bad && !search->bad && suspended != naive_least_suspended(&naive))
        search->bad = "more is suspended than need be";
    dure_cells_rollback(search->cells, mark);
}

static void move_all(struct search *search)
{
    struct dure_cells_right_view right;
    for (uint32_t from = 0; dure_cells_right_next(search->cells, (struct dure_allot_id){from}, &right) && !search->bad;
         from = right.right.id.v + 1)
        for (uint32_t i = 0; i < right.index_end && !search->bad; i++)
            move_virtual(search, &right, i);
    for (uint32_t leaf = 0; leaf < dure_cells_leaf_count(search->cells) && !search->bad; leaf++)
        move_flip(search, leaf);
}

/* Rights over levels 1, 1, 2 and 3, as many cells of each as `counts` says. False: not accepted. */
static bool promise(struct dure_cells *cells, const uint32_t counts[RIGHTS])
{
    static const uint8_t level[RIGHTS] = {1, 1, 2, 3}, rank[RIGHTS] = {1, 0, 1, 1};
    for (uint32_t i = 0; i < RIGHTS; i++) {
        const struct dure_cells_right right = {.id = {i},
                                               .count = counts[i],
                                               .level = level[i],
                                               .rank = rank[i],
                                               .end_us = 1,
                                               .predecessor = {DURE_NONE32}};
        if (counts[i] && (dure_cells_accept(cells, &right, NULL, NULL) || dure_cells_start(cells, right.id, NULL)))
            return false;
    }
    return true;
}

static const char *explore(const struct dure_cells_shape *shape, const uint32_t counts[RIGHTS], uint64_t *states,
                           uint64_t *moves)
{
    struct search search = {0};
    if (dure_cells_new(shape, &search.cells, NULL))
        tap_bail("no chain");
    if (promise(search.cells, counts))
        reach(&search);
    dure_cells_free(search.cells);
    for (size_t next = 0; next < search.states.count && !search.bad; next++) {
        const struct bytes from = search.states.at[next];
        if (dure_cells_load(from.data, from.length, &search.cells, NULL)) {
            search.bad = "what was saved can not be loaded";
            break;
        }
        move_all(&search);
        dure_cells_free(search.cells);
    }
    *states += search.states.count;
    *moves += search.moves;
    for (size_t i = 0; i < search.states.count; i++)
        free(search.states.at[i].data);
    DURE_VEC_FREE(&search.states);
    dure_map_release(&search.seen);
    return search.bad;
}

static void reachable(void)
{
    static const struct dure_cells_shape shape = {.levels = 3, .tops = 1, .holds = {0, 0, 2, 2}};
    static const uint32_t counts[][RIGHTS] = {{1, 1, 0, 0}, {2, 1, 0, 0}, {1, 0, 1, 0}, {1, 1, 1, 0},
                                              {0, 2, 1, 0}, {0, 0, 2, 0}, {0, 0, 0, 1}, {3, 1, 0, 0}};
    uint64_t states = 0, moves = 0;
    const char *bad = NULL;
    for (size_t i = 0; i < sizeof counts / sizeof *counts && !bad; i++)
        bad = explore(&shape, counts[i], &states, &moves);
    TAP_OK(!bad, "four leaves, eight sets of rights: every state and move (%llu and %llu)%s%s",
           (unsigned long long)states, (unsigned long long)moves, bad ? ": " : "", bad ? bad : "");
    const struct dure_cells_shape pairs = {.levels = 2, .tops = 3, .holds = {0, 0, 2}};
    const uint32_t mixed[RIGHTS] = {1, 1, 2, 0};
    states = moves = 0;
    bad = explore(&pairs, mixed, &states, &moves);
    TAP_OK(!bad, "six leaves in pairs: every state and move (%llu and %llu)%s%s", (unsigned long long)states,
           (unsigned long long)moves, bad ? ": " : "", bad ? bad : "");
}

void every_small_state(void)
{
    exactness();
    reachable();
}
