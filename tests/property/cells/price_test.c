/* The cheapest cells against brute force: random histories of rights, bindings, losses and gangs that come and go while time goes on; at every
 * turn each cell of the level is tried on a copy, and those that can be bound are sorted by the price that the gangs in them add up to.
 *
 * Property 4 for one cell: what is evicted is the cheapest that frees it, to the microsecond.
 *
 * Mutant that must die (mutants.sh): 7 prices as they were when somebody last asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cells/price.h"
#include "core/cells/state.h"
#include "tap.h"

#ifdef DURE_CELLS_MUTANTS
int dure_cells_mutant;
#endif

enum { GANGS = 48, FEW = 5, CELLS_MAX = 512, SECOND = 1000000 };

static const struct dure_cells_shape shapes[] = {
    {.levels = 3, .tops = 2, .holds = {0, 0, 2, 2}},
    {.levels = 2, .tops = 5, .holds = {0, 0, 3}},
    {.levels = 4, .tops = 1, .holds = {0, 0, 2, 3, 2}},
    {.levels = 3, .tops = 7, .holds = {0, 0, 4, 3}},
    {.levels = 1, .tops = 9},
    {.levels = 4, .tops = 3, .holds = {0, 0, 4, 1, 5}},
    {.levels = 4, .tops = 3, .holds = {0, 0, 8, 4, 3}},
};

struct gang {
    bool live;
    uint32_t first, count; /* leaves */
    struct dure_cells_price price;
};

struct world {
    struct dure_cells *cells;
    struct gang gangs[GANGS];
    int64_t now_us;
    uint64_t asked, cheap, split, few;
    uint32_t next_right;
    bool good;
};

static uint64_t seed;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

static void each_cell(struct world *world, const struct gang *gang, bool add)
{
    for (unsigned l = 1; l <= dure_cells_shape(world->cells)->levels; l++) {
        const uint32_t leaves = dure_cells_leaves(world->cells, l);
        for (uint32_t i = gang->first / leaves;
             dure_cells_is_priced(world->cells, l) && i <= (gang->first + gang->count - 1) / leaves; i++)
            (add ? dure_cells_price_add : dure_cells_price_sub)(world->cells, (struct dure_cell){i, (uint8_t)l},
                                                                &gang->price);
    }
}

static void stand(struct world *world, const struct gang *gang, int delta)
{
    for (uint32_t i = 0; i < gang->count; i++)
        if (dure_cells_borrowed(world->cells, gang->first + i, delta, NULL))
            tap_bail("a leaf is not borrowed");
}

static void gang_changes(struct world *world)
{
    struct gang *gang = &world->gangs[below(GANGS)];
    const uint32_t leaves = dure_cells_leaf_count(world->cells);
    if (gang->live) {
        each_cell(world, gang, false);
        stand(world, gang, -1);
        gang->live = false;
        return;
    }
    gang->count = 1 + below(below(3) ? 2 : leaves < 12 ? leaves : 12);
    gang->first = below(leaves - gang->count + 1);
    const int64_t slope = 1000 * gang->count, since_us = world->now_us - below(4) * below(100) * SECOND;
    gang->price = (struct dure_cells_price){.lost = (dure_cells_wide)slope * since_us,
                                            .slope = slope,
                                            .started_ms = (since_us - below(3) * SECOND) / 1000,
                                            .gangs = 1,
                                            .restarts = below(3)};
    if (!below(4))
        gang->price = (struct dure_cells_price){.gone_ms = world->now_us / 1000 + below(100)};
    gang->live = true;
    each_cell(world, gang, true);
    stand(world, gang, 1);
}

/* The naive price: of every gang with a leaf in it. */
static struct dure_cells_price price_of(const struct world *world, struct dure_cell cell)
{
    const uint32_t leaves = dure_cells_leaves(world->cells, cell.level), first = cell.index * leaves;
    struct dure_cells_price sum = {0};
    for (uint32_t i = 0; i < GANGS; i++)
        if (world->gangs[i].live && world->gangs[i].first < first + leaves &&
            world->gangs[i].first + world->gangs[i].count > first)
            dure_cells_price_sum(&sum, &world->gangs[i].price);
    return sum;
}

/* A chain in the same state that may be tried on: trying on the one that is asked would make it look at everything again. */
static struct dure_cells *clone(const struct world *world)
{
    struct dure_cells *cells = NULL;
    struct dure_buf bytes;
    dure_buf_init(&bytes, 1u << 22);
    dure_cells_save(world->cells, &bytes);
    if (bytes.failed || dure_cells_load(bytes.data, bytes.length, &cells, NULL))
        tap_bail("no copy");
    dure_buf_release(&bytes);
    return cells;
}

static uint32_t naive(struct world *world, struct dure_allot_id allot, uint32_t index, unsigned level,
                      uint32_t found[CELLS_MAX])
{
    uint32_t count = 0;
    struct dure_cells *copy = clone(world);
    for (uint32_t i = 0; i < dure_cells_count(world->cells, level); i++) {
        const struct dure_cell cell = {i, (uint8_t)level};
        const struct dure_cells_mark mark = dure_cells_mark(copy);
        const bool can = !dure_cells_take_exact(copy, allot, index, cell, NULL);
        dure_cells_rollback(copy, mark);
        if (!can)
            continue;
        const struct dure_cells_price price = price_of(world, cell);
        uint32_t at = count++;
        for (; at; at--) {
            const struct dure_cells_price other = price_of(world, (struct dure_cell){found[at - 1], (uint8_t)level});
            if (dure_cells_price_compare(&other, &price, world->now_us) <= 0)
                break;
            found[at] = found[at - 1];
        }
        found[at] = i;
    }
    dure_cells_free(copy);
    return count;
}

static bool pick(struct world *world, unsigned states, struct dure_cells_virtual *ret)
{
    struct dure_cells_right_view view;
    for (uint32_t tries = 0; tries < 8; tries++)
        if (world->next_right &&
            dure_cells_right_next(world->cells, (struct dure_allot_id){below(world->next_right)}, &view) &&
            dure_cells_virtual_next(world->cells, view.right.id, below(view.index_end), states, ret))
            return true;
    return false;
}

static void ask(struct world *world, bool take)
{
    struct dure_cells_virtual virtual;
    struct dure_cells_right_view right;
    struct dure_cell few[FEW];
    static uint32_t found[CELLS_MAX];
    if (!pick(world, 1u << DURE_CELLS_UNBOUND, &virtual) || !dure_cells_right(world->cells, virtual.allot, &right))
        return;
    const unsigned level = right.right.level;
    if (!dure_cells_is_priced(world->cells, level)) {
        if (dure_cells_price_open(world->cells, level, NULL))
            tap_bail("no memory");
        for (uint32_t i = 0; i < GANGS; i++) {
            const struct gang *gang = &world->gangs[i];
            const uint32_t leaves = dure_cells_leaves(world->cells, level);
            for (uint32_t c = gang->first / leaves; gang->live && c <= (gang->first + gang->count - 1) / leaves; c++)
                dure_cells_price_add(world->cells, (struct dure_cell){c, (uint8_t)level}, &gang->price);
        }
    }
    uint32_t count = 0;
    const uint32_t most = below(2) ? 1 : FEW;
    if (dure_cells_cheapest(world->cells, virtual.allot, virtual.index, world->now_us, most, few, &count, NULL))
        tap_bail("no answer");
    const uint32_t can = naive(world, virtual.allot, virtual.index, level, found);
    const uint32_t want = can < most ? can : most;
    if (count != want || !want) {
        tap_diag("%u cells of level %u are named, %u could be had", count, level, can);
        world->good = false;
    }
    for (uint32_t i = 0; i < count && i < want; i++) {
        if (few[i].index == found[i] && few[i].level == level)
            continue;
        tap_diag("cell %u of level %u is named in place %u, brute force has %u", few[i].index, level, i, found[i]);
        world->good = false;
    }
    world->asked++;
    world->few += want > 1;
    world->cheap += dure_cells_sum(world->cells, few[0]).borrowed > 0;
    world->split += !dure_cells_sum(world->cells, few[0]).is_free;
    if (take && dure_cells_take_exact(world->cells, virtual.allot, virtual.index, few[0], NULL))
        world->good = false;
}

static void settle(struct world *world)
{
    if (dure_cells_settle(world->cells, NULL, NULL, NULL))
        tap_bail("settling fails");
}

static void rights_change(struct world *world)
{
    const unsigned level = 1 + below(dure_cells_shape(world->cells)->levels);
    const struct dure_cells_right right = {.id = {world->next_right},
                                           .count = 1 + below(3),
                                           .level = (uint8_t)level,
                                           .end_us = INT64_MAX,
                                           .predecessor = {DURE_NONE32}};
    if (below(3)) {
        if (!dure_cells_accept(world->cells, &right, NULL, NULL)) {
            world->next_right++;
            (void)!dure_cells_start(world->cells, right.id, NULL);
        }
    } else {
        struct dure_cells_right_view view;
        if (world->next_right &&
            dure_cells_right_next(world->cells, (struct dure_allot_id){below(world->next_right)}, &view))
            (void)!dure_cells_end(world->cells, view.right.id, true, NULL);
    }
    settle(world);
}

static void leaf_changes(struct world *world)
{
    const uint32_t leaf = below(dure_cells_leaf_count(world->cells));
    struct dure_cells_leaf view;
    dure_cells_leaf(world->cells, leaf, &view);
    if (view.lost ? dure_cells_repair(world->cells, leaf, NULL)
                  : dure_cells_lost_count(world->cells) < 3 && dure_cells_lose(world->cells, leaf, NULL))
        tap_bail("a leaf");
    settle(world);
}

static void bindings_change(struct world *world)
{
    struct dure_cells_virtual virtual;
    struct dure_cell cell;
    if (below(2) && pick(world, 1u << DURE_CELLS_BOUND | 1u << DURE_CELLS_SERVED, &virtual))
        (void)!dure_cells_give(world->cells, virtual.allot, virtual.index, NULL);
    else if (pick(world, 1u << DURE_CELLS_SUSPENDED, &virtual))
        (void)!dure_cells_take(world->cells, virtual.allot, virtual.index, &cell, NULL);
    settle(world);
}

/* Nothing happens but that time goes on: the order of the prices changes all the same. */
static void time_goes_on(struct world *world)
{
    for (uint32_t i = below(6); i < 6 && world->good; i++) {
        world->now_us += below(2) ? below(3) : below(100) * SECOND;
        ask(world, false);
    }
}

static bool history(const struct dure_cells_shape *shape, uint32_t steps, struct world *world)
{
    *world = (struct world){.now_us = 1700000000LL * SECOND, .good = true};
    if (dure_cells_new(shape, &world->cells, NULL))
        tap_bail("no chain");
    for (uint32_t i = 0; i < steps && world->good; i++) {
        const uint32_t what = below(100);
        if (what < 35)
            gang_changes(world);
        else if (what < 60)
            ask(world, below(3));
        else if (what < 72)
            rights_change(world);
        else if (what < 80)
            leaf_changes(world);
        else if (what < 90)
            bindings_change(world);
        else
            time_goes_on(world);
    }
    dure_cells_free(world->cells);
    return world->good;
}

int main(int argc, char **argv)
{
    const uint64_t base = tap_seed(42);
    uint64_t asked = 0, cheap = 0, few = 0;
#ifdef DURE_CELLS_MUTANTS
    if (argc > 1)
        dure_cells_mutant = (int)strtol(argv[1], NULL, 10);
#endif
    (void)argc;
    (void)argv;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        bool good = true;
        for (uint32_t round = 0; round < 12 && good; round++) {
            struct world world;
            seed = base + 1000 * s + round;
            good = history(&shapes[s], 1500, &world);
            asked += world.asked;
            cheap += world.cheap;
            few += world.few;
        }
        TAP_OK(good, "shape %zu: the cheapest cells are those of brute force", s);
    }
    TAP_OK(cheap > asked / 20 && few > asked / 10, "%llu answers, %llu where somebody had to go, %llu of several",
           (unsigned long long)asked, (unsigned long long)cheap, (unsigned long long)few);
    return tap_done();
}
