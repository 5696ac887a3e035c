#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

enum { IDS_MAX = 64, BYTES_MAX = 1 << 22 };

static uint32_t below(struct world *world, uint32_t bound)
{
    return (uint32_t)tap_random_below(&world->random, bound);
}

static void wrong(struct world *world, const char *format, ...) TAP_PRINTF(2, 3);
static void wrong(struct world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!world->bad[0])
        (void)vsnprintf(world->bad, sizeof world->bad, format, args);
    va_end(args);
}

#define WANT(world, cond, ...) ((cond) ? (void)0 : wrong((world), __VA_ARGS__))

void world_open(struct world *world, const struct dure_cells_shape *shape, uint64_t seed)
{
    *world = (struct world){.random = seed};
    if (dure_cells_new(shape, &world->cells, NULL) || dure_cells_new(shape, &world->twin, NULL))
        tap_bail("no chain");
    world->naive = dure_cells_leaf_count(world->cells) <= 16;
}

void world_close(struct world *world)
{
    dure_cells_free(world->cells);
    dure_cells_free(world->twin);
}

/* ---- picking ---- */

static uint32_t rights(const struct world *world, struct dure_cells_right_view views[IDS_MAX])
{
    uint32_t count = 0, from = 0;
    while (count < IDS_MAX && dure_cells_right_next(world->cells, (struct dure_allot_id){from}, &views[count]))
        from = views[count++].right.id.v + 1;
    return count;
}

/* A random virtual cell in one of `states`, of a right that has started unless `any`. */
static bool pick_virtual(struct world *world, unsigned states, bool any, struct dure_cells_virtual *ret_virtual)
{
    struct dure_cells_right_view views[IDS_MAX];
    const uint32_t count = rights(world, views), first = count ? below(world, count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct dure_cells_right_view *view = &views[(first + i) % count];
        if ((view->started || any) && (dure_cells_virtual_next(world->cells, view->right.id,
                                                               below(world, view->index_end), states, ret_virtual) ||
                                       dure_cells_virtual_next(world->cells, view->right.id, 0, states, ret_virtual)))
            return true;
    }
    return false;
}

static void read_naive(struct world *world, struct naive *naive)
{
    *naive = (struct naive){.shape = *dure_cells_shape(world->cells)};
    const char *bad = world->naive ? naive_read(world->cells, naive) : NULL;
    WANT(world, !bad, "%s", bad);
}

/* ---- settling ---- */

static bool earlier(const struct dure_cells_right *x, const struct dure_cells_right *y)
{
    return x->rank != y->rank           ? x->rank < y->rank
           : x->start_us != y->start_us ? x->start_us > y->start_us
                                        : x->id.v < y->id.v;
}

/* Rank, latest start, id; restoring in the opposite order. */
static void check_order(struct world *world, const struct dure_cells_step *step)
{
    struct dure_cells_right_view views[IDS_MAX], mine;
    struct dure_cells_virtual virtual;
    const uint32_t count = rights(world, views);
    if (!dure_cells_right(world->cells, step->allot, &mine) ||
        !dure_cells_virtual(world->cells, step->allot, step->index, &virtual)) {
        wrong(world, "a step names a cell that does not exist");
        return;
    }
    if (virtual.state == DURE_CELLS_SERVED)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t others = step->suspend ? views[i].unbound : views[i].suspended;
        if (views[i].right.level != mine.right.level || !others || views[i].right.id.v == mine.right.id.v)
            continue;
        WANT(world, earlier(&mine.right, &views[i].right) == step->suspend, "right %u is %s before right %u",
             mine.right.id.v, step->suspend ? "suspended" : "restored", views[i].right.id.v);
    }
}

static void settle(struct world *world, bool may_suspend)
{
    struct dure_cells_step step;
    for (uint32_t steps = 0; dure_cells_next_step(world->cells, &step) && !world->bad[0]; steps++) {
        check_order(world, &step);
        WANT(world, may_suspend || !step.suspend, "a right is suspended though no hardware changed");
        WANT(world, steps < 10000, "settling does not end");
        struct dure_cells_virtual virtual = {.state = DURE_CELLS_GONE};
        (void)dure_cells_virtual(world->cells, step.allot, step.index, &virtual);
        world->tally.healed += virtual.state == DURE_CELLS_SERVED;
        world->tally.suspended += step.suspend;
        world->tally.restored += !step.suspend;
        WANT(world, !dure_cells_do_step(world->cells, &step, NULL), "a step that was proposed is refused");
        WANT(world, world->trying || !dure_cells_do_step(world->twin, &step, NULL),
             "a decided step is refused by the twin");
    }
}

/* ---- operations ---- */

static uint32_t heirless(const struct world *world, struct dure_allot_id allot)
{
    struct dure_cells_virtual virtual;
    uint32_t count = 0;
    for (uint32_t i = 0; dure_cells_virtual_next(world->cells, allot, i, ~0u, &virtual); i = virtual.index + 1)
        count += virtual.heir.v == DURE_NONE32;
    return count;
}

static struct dure_cells_right random_right(struct world *world, uint32_t *ret_inherited)
{
    struct dure_cells_right_view views[IDS_MAX];
    const uint32_t rights_count = rights(world, views);
    const unsigned level = 1 + below(world, dure_cells_shape(world->cells)->levels);
    struct dure_cells_right right = {.id = {world->next_id++},
                                     .holder = {below(world, 3)},
                                     .level = (uint8_t)level,
                                     .rank = (uint8_t)below(world, 2),
                                     .start_us = below(world, 4) * 100,
                                     .predecessor = {DURE_NONE32}};
    const uint32_t most = dure_cells_count(world->cells, level);
    right.count = 1 + below(world, most < 4 ? most : 4);
    *ret_inherited = 0;
    const uint32_t pick = rights_count ? below(world, 2 * rights_count) : 0;
    if (pick < rights_count && views[pick].right.level == level) {
        right.predecessor = views[pick].right.id;
        right.start_us = views[pick].right.end_us;
        const uint32_t can = heirless(world, right.predecessor);
        *ret_inherited = can < right.count ? can : right.count;
    }
    right.end_us = right.start_us + 100;
    return right;
}

static void check_accepted(struct world *world, const struct dure_cells_right *right, uint32_t inherited,
                           enum dure_err err)
{
    struct naive naive;
    read_naive(world, &naive);
    uint32_t suspended = 0;
    for (unsigned l = 1; l <= naive.shape.levels; l++)
        suspended += naive.suspended[l];
    if (!world->naive || world->bad[0])
        return;
    const uint32_t least = naive_least_suspended(&naive);
    naive.owed[right->level] += right->count - inherited;
    if (!suspended)
        WANT(world, naive_matches(&naive, naive.free, naive.owed) == !err,
             "brute force says %s of right %u (level %d, count %u)", err ? "accept" : "refuse", right->id.v,
             right->level, right->count);
    else if (!err && right->count > inherited)
        WANT(world, naive_least_suspended(&naive) == least, "right %u takes what suspended ones wait for", right->id.v);
}

static void check_shortfall(struct world *world, struct dure_cells_right right, uint32_t inherited,
                            const struct dure_cells_shortfall *shortfall)
{
    WANT(world, shortfall->level >= 1 && shortfall->level <= right.level && shortfall->cells,
         "a shortfall without figures");
    WANT(world, shortfall->fits >= inherited && shortfall->fits < right.count,
         "what would fit is not less than what was asked");
    right.count = shortfall->fits;
    WANT(world, !right.count || !dure_cells_preview(world->cells, &right, NULL, NULL), "what is said to fit does not");
    right.count++;
    WANT(world, dure_cells_preview(world->cells, &right, NULL, NULL) == DURE_E_SHORT,
         "more than what is said to fit does");
}

static void op_accept(struct world *world)
{
    uint32_t inherited;
    struct dure_cells_shortfall shortfall = {0};
    const struct dure_cells_right right = random_right(world, &inherited);
    const enum dure_err preview = dure_cells_preview(world->cells, &right, &shortfall, NULL);
    WANT(world, !preview || preview == DURE_E_SHORT, "preview fails with %d", preview);
    check_accepted(world, &right, inherited, preview);
    if (preview == DURE_E_SHORT)
        check_shortfall(world, right, inherited, &shortfall);
    const enum dure_err err = dure_cells_accept(world->cells, &right, NULL, NULL);
    WANT(world, err == preview, "preview says %d, accept %d", preview, err);
    world->tally.accepted += !err;
    world->tally.refused += err == DURE_E_SHORT;
    if (!err && !world->trying)
        WANT(world, !dure_cells_accept(world->twin, &right, NULL, NULL), "the twin refuses a right");
    settle(world, false);
}

static void op_start(struct world *world)
{
    struct dure_cells_right_view views[IDS_MAX];
    const uint32_t count = rights(world, views);
    if (!count)
        return;
    const struct dure_cells_right_view *view = &views[below(world, count)];
    const enum dure_err err = dure_cells_start(world->cells, view->right.id, NULL);
    WANT(world, err == (view->started ? DURE_E_STATE : DURE_OK), "start gives %d", err);
    if (!err && !world->trying)
        WANT(world, !dure_cells_start(world->twin, view->right.id, NULL), "the twin refuses a start");
    settle(world, false);
}

static uint64_t jobs(const struct world *world)
{
    uint64_t sum = 0;
    for (uint32_t leaf = 0; leaf < dure_cells_leaf_count(world->cells); leaf++) {
        struct dure_cells_leaf view;
        dure_cells_leaf(world->cells, leaf, &view);
        sum += view.used + view.borrowed;
    }
    return sum;
}

static void check_events(struct world *world)
{
    size_t count;
    const struct dure_cells_event *events = dure_cells_events(world->cells, &count);
    for (size_t i = 0; i < count; i++) {
        struct dure_cells_virtual virtual;
        world->tally.released += events[i].kind == DURE_CELLS_RELEASED;
        if (events[i].kind != DURE_CELLS_HANDED_OVER || events[i].cell.level == 0)
            continue;
        world->tally.handed_over++;
        WANT(world,
             dure_cells_virtual(world->cells, events[i].heir, events[i].heir_index, &virtual) &&
                 virtual.cell.level == events[i].cell.level && virtual.cell.index == events[i].cell.index,
             "a bound cell was not handed over");
    }
}

static void op_end_or_shrink(struct world *world)
{
    struct dure_cells_right_view views[IDS_MAX];
    const uint32_t count = rights(world, views);
    if (!count)
        return;
    const struct dure_cells_right_view *view = &views[below(world, count)];
    const bool force = below(world, 2);
    const uint32_t stay = below(world, view->right.count + 1); /* 0: end */
    const uint64_t jobs_before = jobs(world);
    const enum dure_err err = stay ? dure_cells_shrink(world->cells, view->right.id, stay, force, NULL)
                                   : dure_cells_end(world->cells, view->right.id, force, NULL);
    WANT(world, !err || (err == DURE_E_STATE && !force), "ending or shrinking right %u gives %d", view->right.id.v,
         err);
    WANT(world, jobs(world) == jobs_before, "a job was forgotten");
    world->tally.in_use += err == DURE_E_STATE;
    if (err)
        return;
    check_events(world);
    if (!world->trying)
        WANT(world,
             !(stay ? dure_cells_shrink(world->twin, view->right.id, stay, force, NULL)
                    : dure_cells_end(world->twin, view->right.id, force, NULL)),
             "the twin refuses an end");
    settle(world, false);
}

static void take_twin(struct world *world, const struct dure_cells_virtual *virtual, struct dure_cell cell)
{
    struct dure_cells_virtual now = {.state = DURE_CELLS_GONE};
    WANT(world,
         dure_cells_virtual(world->cells, virtual->allot, virtual->index, &now) && now.cell.index == cell.index &&
             now.cell.level == cell.level,
         "a bound cell does not show");
    world->tally.taken++;
    world->tally.served += now.state == DURE_CELLS_SERVED;
    if (!world->trying)
        WANT(world, !dure_cells_take_exact(world->twin, virtual->allot, virtual->index, cell, NULL),
             "the twin refuses a decided binding");
    settle(world, false);
}

/* From the lowest level that has a free cell, the leftmost of its least borrowed ones. */
static void check_choice(struct world *world, struct dure_cell chosen)
{
    const unsigned levels = dure_cells_shape(world->cells)->levels;
    unsigned level = chosen.level;
    while (level < levels && !dure_cells_free_count(world->cells, level))
        level++;
    struct dure_cell best = {0}, cell;
    for (uint32_t from = 0; dure_cells_free_next(world->cells, level, from, &cell); from = cell.index + 1)
        if (!best.level || dure_cells_sum(world->cells, cell).borrowed < dure_cells_sum(world->cells, best).borrowed)
            best = cell;
    WANT(world, dure_cells_above(world->cells, chosen, level).index == best.index,
         "cell %u of level %u is chosen, not one in the least borrowed %u of level %u", chosen.index, chosen.level,
         best.index, level);
}

/* Whatever is owed can be bound. */
static void op_take(struct world *world)
{
    struct dure_cells_virtual virtual;
    struct dure_cell cell;
    if (!pick_virtual(world, 1u << DURE_CELLS_UNBOUND | 1u << DURE_CELLS_SUSPENDED, false, &virtual))
        return;
    const bool relaxed = below(world, 2);
    const enum dure_err err = dure_cells_choose(world->cells, virtual.allot, virtual.index, relaxed, &cell, NULL);
    if (!err && !relaxed && virtual.state == DURE_CELLS_UNBOUND)
        check_choice(world, cell);
    if (virtual.state == DURE_CELLS_SUSPENDED && err == DURE_E_SUSPENDED)
        return;
    WANT(world, !err, "a legal request (right %u, cell %u) finds no place: %d", virtual.allot.v, virtual.index, err);
    if (err)
        return;
    const enum dure_err taken = dure_cells_take_exact(world->cells, virtual.allot, virtual.index, cell, NULL);
    WANT(world, !taken, "the cell chosen for a legal request can not be bound: %d", taken);
    take_twin(world, &virtual, cell);
}

/* Any cell at all: bound iff brute force still places everybody else afterwards. */
static void op_take_any(struct world *world)
{
    struct dure_cells_virtual virtual;
    struct dure_cells_right_view right;
    struct naive naive;
    if (!pick_virtual(world, 1u << DURE_CELLS_UNBOUND | 1u << DURE_CELLS_SUSPENDED, false, &virtual) ||
        !dure_cells_right(world->cells, virtual.allot, &right))
        return;
    const unsigned level = right.right.level;
    const struct dure_cell cell = {below(world, dure_cells_count(world->cells, level)), (uint8_t)level};
    read_naive(world, &naive);
    const enum dure_err err = dure_cells_take_exact(world->cells, virtual.allot, virtual.index, cell, NULL);
    if (world->naive) {
        const uint32_t leaves = naive_cell(&naive, level, cell.index), healthy = leaves & naive.free;
        bool legal = healthy == leaves;
        if (virtual.state == DURE_CELLS_SUSPENDED)
            legal = healthy && !(leaves & naive.bound) && (leaves & naive.lost);
        else
            naive.owed[level]--;
        legal = legal && naive_matches(&naive, naive.free & ~leaves, naive.owed);
        WANT(world, legal == !err, "binding cell %u of level %u gives %d, brute force says %s", cell.index, level, err,
             legal ? "safe" : "unsafe");
    }
    world->tally.refused_unsafe += err == DURE_E_SHORT;
    if (!err)
        take_twin(world, &virtual, cell);
}

static void op_give(struct world *world)
{
    struct dure_cells_virtual virtual;
    if (!pick_virtual(world, 1u << DURE_CELLS_BOUND | 1u << DURE_CELLS_SERVED, true, &virtual))
        return;
    const enum dure_err err = dure_cells_give(world->cells, virtual.allot, virtual.index, NULL);
    WANT(world, err == (virtual.used ? DURE_E_STATE : DURE_OK), "give gives %d with %u leaves used", err, virtual.used);
    if (err)
        return;
    world->tally.given++;
    if (!world->trying)
        WANT(world, !dure_cells_give(world->twin, virtual.allot, virtual.index, NULL), "the twin refuses a give");
    settle(world, virtual.lost > 0 && virtual.state == DURE_CELLS_BOUND);
}

static void op_use(struct world *world)
{
    const uint32_t leaf = below(world, dure_cells_leaf_count(world->cells));
    struct dure_cells_leaf view;
    dure_cells_leaf(world->cells, leaf, &view);
    const bool use = below(world, 2);
    const uint32_t now = use ? view.used : view.borrowed;
    const int delta = now && (now > 2 || below(world, 2)) ? -1 : 1;
    if (use && view.allot.v == DURE_NONE32)
        return;
    const enum dure_err err =
        use ? dure_cells_use(world->cells, leaf, delta, NULL) : dure_cells_borrowed(world->cells, leaf, delta, NULL);
    WANT(world, !err, "counting a job gives %d", err);
    if (!world->trying)
        WANT(world,
             !(use ? dure_cells_use(world->twin, leaf, delta, NULL)
                   : dure_cells_borrowed(world->twin, leaf, delta, NULL)),
             "the twin refuses a use");
}

static void flip(struct world *world, uint32_t leaf, bool is_lost)
{
    const enum dure_err err =
        is_lost ? dure_cells_repair(world->cells, leaf, NULL) : dure_cells_lose(world->cells, leaf, NULL);
    WANT(world, !err, "losing or repairing a leaf gives %d", err);
    if (!world->trying)
        WANT(world, !(is_lost ? dure_cells_repair(world->twin, leaf, NULL) : dure_cells_lose(world->twin, leaf, NULL)),
             "the twin refuses a loss");
    settle(world, true);
    struct naive naive;
    read_naive(world, &naive);
    uint32_t suspended = 0;
    for (unsigned l = 1; l <= naive.shape.levels; l++)
        suspended += naive.suspended[l] * naive.leaves[l];
    if (world->naive && !world->bad[0])
        WANT(world, suspended == naive_least_suspended(&naive), "%u leaves are suspended, %u would do", suspended,
             naive_least_suspended(&naive));
}

static void op_flip(struct world *world)
{
    const uint32_t leaf = below(world, dure_cells_leaf_count(world->cells));
    struct dure_cells_leaf view;
    dure_cells_leaf(world->cells, leaf, &view);
    if (view.lost || dure_cells_lost_count(world->cells) * 3 < dure_cells_leaf_count(world->cells))
        flip(world, leaf, view.lost);
}

static struct dure_digest suspended_set(const struct world *world)
{
    struct dure_cells_right_view views[IDS_MAX];
    const uint32_t count = rights(world, views);
    struct dure_digest sum = {{0, 0}};
    for (uint32_t r = 0; r < count; r++)
        for (uint32_t i = 0; i < views[r].index_end; i++) {
            struct dure_cells_virtual virtual;
            if (dure_cells_virtual(world->cells, views[r].right.id, i, &virtual) &&
                virtual.state == DURE_CELLS_SUSPENDED) {
                const uint32_t words[] = {views[r].right.id.v, i};
                dure_digest_add(&sum, dure_hash128(1, words, sizeof words));
            }
        }
    return sum;
}

static void save(struct world *world, struct dure_buf *buf)
{
    dure_buf_init(buf, BYTES_MAX);
    dure_cells_save(world->cells, buf);
    WANT(world, !buf->failed, "saving fails");
}

static void same_bytes(struct world *world, const struct dure_buf *x, const struct dure_buf *y, const char *what)
{
    WANT(world, x->length == y->length && memcmp(x->data, y->data, x->length) == 0, "%s does not restore the state",
         what);
}

static bool anything_suspended(const struct world *world)
{
    for (unsigned l = 1; l <= dure_cells_shape(world->cells)->levels; l++)
        if (dure_cells_suspended(world->cells, l))
            return true;
    return false;
}

/* While nothing is bound or unbound, what is suspended depends on what is lost alone: losses and repairs that are
 * taken back one by one leave the same rights suspended each time. Under a mark, so that it costs the history
 * nothing. */
static void op_there_and_back(struct world *world)
{
    enum { FLIPS = 5 };
    uint32_t leaves[FLIPS];
    if (anything_suspended(world))
        return;
    DURE_CLEANUP_BUF struct dure_buf before, after;
    save(world, &before);
    const struct dure_cells_mark mark = dure_cells_mark(world->cells);
    const bool was_trying = world->trying;
    world->trying = true;
    uint32_t flips = 0;
    struct dure_digest sets[FLIPS];
    for (; flips < FLIPS && !world->bad[0]; flips++) {
        struct dure_cells_leaf view;
        leaves[flips] = below(world, dure_cells_leaf_count(world->cells));
        dure_cells_leaf(world->cells, leaves[flips], &view);
        sets[flips] = suspended_set(world);
        flip(world, leaves[flips], view.lost);
    }
    while (flips-- > 0 && !world->bad[0]) {
        struct dure_cells_leaf view;
        dure_cells_leaf(world->cells, leaves[flips], &view);
        flip(world, leaves[flips], view.lost);
        const struct dure_digest now = suspended_set(world);
        WANT(world, memcmp(&now, &sets[flips], sizeof now) == 0, "repair does not reverse the loss");
    }
    world->trying = was_trying;
    dure_cells_rollback(world->cells, mark);
    save(world, &after);
    same_bytes(world, &before, &after, "rollback");
}

/* Every holder claims everything at once, in random order: nobody is refused. */
static void op_claim_all(struct world *world)
{
    struct dure_cells_virtual virtual;
    struct dure_cell cell;
    DURE_CLEANUP_BUF struct dure_buf before, after;
    save(world, &before);
    const struct dure_cells_mark mark = dure_cells_mark(world->cells);
    struct dure_cells_right_view views[IDS_MAX];
    const uint32_t count = rights(world, views);
    for (uint32_t i = 0; i < count; i++)
        if (!views[i].started)
            WANT(world, !dure_cells_start(world->cells, views[i].right.id, NULL), "a start is refused");
    while (pick_virtual(world, 1u << DURE_CELLS_UNBOUND, false, &virtual) && !world->bad[0]) {
        const enum dure_err err = dure_cells_take(world->cells, virtual.allot, virtual.index, &cell, NULL);
        WANT(world, !err, "when all claim at once, cell %u of right %u is refused: %d", virtual.index, virtual.allot.v,
             err);
    }
    dure_cells_rollback(world->cells, mark);
    save(world, &after);
    same_bytes(world, &before, &after, "rollback");
}

static void op_any(struct world *world);

static void op_try(struct world *world)
{
    if (world->trying)
        return;
    DURE_CLEANUP_BUF struct dure_buf before, after;
    save(world, &before);
    const struct dure_cells_mark mark = dure_cells_mark(world->cells);
    world->trying = true;
    for (uint32_t i = below(world, 12); i && !world->bad[0]; i--)
        op_any(world);
    world->trying = false;
    dure_cells_rollback(world->cells, mark);
    save(world, &after);
    same_bytes(world, &before, &after, "rollback");
}

static void op_reload(struct world *world)
{
    if (world->trying)
        return;
    DURE_CLEANUP_BUF struct dure_buf bytes;
    save(world, &bytes);
    struct dure_cells *loaded = NULL;
    struct dure_error error = {0};
    WANT(world, !dure_cells_load(bytes.data, bytes.length, &loaded, &error), "loading: %s", error.text);
    if (loaded) {
        dure_cells_free(world->cells);
        world->cells = loaded;
    }
}

static void op_any(struct world *world)
{
    static void (*const ops[])(struct world *) = {
        op_accept,   op_accept,   op_start,          op_start,     op_end_or_shrink, op_take,   op_take, op_take,
        op_take_any, op_take_any, op_give,           op_give,      op_give,          op_use,    op_use,  op_use,
        op_flip,     op_flip,     op_there_and_back, op_claim_all, op_try,           op_reload, op_flip, op_flip,
        op_accept,   op_accept,   op_start,          op_start,     op_take,          op_take,
    };
    ops[below(world, sizeof ops / sizeof *ops)](world);
}

bool world_step(struct world *world)
{
    struct dure_cells_virtual waiting;
    op_any(world);
    world->tally.steps++;
    world->tally.waited += pick_virtual(world, 1u << DURE_CELLS_WAITING, true, &waiting);
    if (world->bad[0])
        return false;
    struct naive naive;
    struct dure_error error = {0};
    if (world->naive) {
        read_naive(world, &naive);
        WANT(world, world->bad[0] || naive_matches(&naive, naive.free, naive.owed),
             "brute force can not place what is owed");
    }
    WANT(world, dure_cells_whole(world->cells), "the invariant does not hold");
    WANT(world, !dure_cells_check(world->cells, &error), "%s", error.text);
    const struct dure_digest a = dure_cells_digest(world->cells), b = dure_cells_digest(world->twin);
    WANT(world, memcmp(&a, &b, sizeof a) == 0, "the twin, told only what was decided, differs");
    return !world->bad[0];
}
