/* Cells under random histories, small chains against brute force, and every small state.
 *
 * Properties (numbers of the rule): 1 the invariant after every operation; 2 no legal guaranteed request refused; 3
 * each leaf in exactly one place; 5 free lists in merged form; 8 failures: minimal, in order, reversed by repair,
 * nobody suspended without a loss; 9 a right is accepted iff brute force can still place everybody; 11 the same
 * decisions give the same state.
 *
 * Mutants that must die (mutants.sh runs this program with each): 1 split the highest level; 2 per-level-only check;
 * 3 level-m-only relaxed split; 4 no merge; 5 lost leaves forgotten; 6 future rights ignored until they start. */
#include <stdio.h>
#include <stdlib.h>

#include "core/cells/state.h"
#include "small.h"
#include "tap.h"
#include "world.h"

#ifdef DURE_CELLS_MUTANTS
int dure_cells_mutant;
#endif

static const struct dure_cells_shape shapes[] = {
    {.levels = 3, .tops = 2, .holds = {0, 0, 2, 2}},    {.levels = 2, .tops = 3, .holds = {0, 0, 3}},
    {.levels = 4, .tops = 1, .holds = {0, 0, 2, 2, 2}}, {.levels = 3, .tops = 2, .holds = {0, 0, 3, 2}},
    {.levels = 3, .tops = 3, .holds = {0, 0, 1, 4}},    {.levels = 1, .tops = 6},
    {.levels = 4, .tops = 2, .holds = {0, 0, 4, 1, 2}}, {.levels = 3, .tops = 4, .holds = {0, 0, 2, 2}},
    {.levels = 4, .tops = 3, .holds = {0, 0, 8, 4, 3}}, {.levels = 4, .tops = 1, .holds = {0, 0, 4, 9, 2}},
};

static struct world_tally tally;

static void add_tally(const struct world_tally *more)
{
    uint64_t *sum = (uint64_t *)&tally;
    const uint64_t *add = (const uint64_t *)more;
    for (size_t i = 0; i < sizeof tally / sizeof *sum; i++)
        sum[i] += add[i];
}

/* The histories went everywhere: otherwise what they found nothing wrong with means little. */
static void coverage(void)
{
#define WENT(what)                                                                                                     \
    TAP_OK(tally.what > tally.steps / 1000, "%s: %llu of %llu steps", #what, (unsigned long long)tally.what,           \
           (unsigned long long)tally.steps)
    WENT(accepted);
    WENT(refused);
    WENT(taken);
    WENT(refused_unsafe);
    WENT(given);
    WENT(suspended);
    WENT(restored);
    WENT(served);
    WENT(healed);
    WENT(handed_over);
    WENT(released);
    WENT(in_use);
    WENT(waited);
}

static bool histories(uint64_t seed, uint32_t rounds, uint32_t steps)
{
    bool all = true;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct world world;
        uint32_t round = 0, step = 0;
        bool good = true;
        char bad[sizeof world.bad] = "";
        for (; round < rounds && good; round++) {
            world_open(&world, &shapes[s], seed + 1000 * s + round);
            for (step = 0; step < steps && good; step++)
                good = world_step(&world);
            add_tally(&world.tally);
            (void)snprintf(bad, sizeof bad, "%s", world.bad);
            world_close(&world);
        }
        TAP_OK(good, "shape %zu: %u histories of %u steps%s%s", s, rounds, steps, good ? "" : ": ", bad);
        if (!good)
            tap_diag("seed %llu, shape %zu, history %u, step %u", (unsigned long long)seed, s, round - 1, step - 1);
        all = all && good;
    }
    return all;
}

/* |F| = (1,1,1), r = (1,3,0), s = (0,0,1): level 3 alone has slack, yet splitting its cell for a leaf costs a
 * promised level-2 cell. */
static void counterexample(void)
{
    const struct dure_cells_shape shape = {.levels = 3, .tops = 2, .holds = {0, 0, 2, 2}};
    const struct dure_cells_right leaf_right = {
        .id = {1}, .count = 2, .level = 1, .end_us = 1, .predecessor = {DURE_NONE32}};
    const struct dure_cells_right pair_right = {
        .id = {2}, .count = 3, .level = 2, .end_us = 1, .predecessor = {DURE_NONE32}};
    struct dure_cells *cells;
    struct dure_cell cell;
    if (dure_cells_new(&shape, &cells, NULL))
        tap_bail("no chain");
    TAP_OK(!dure_cells_accept(cells, &leaf_right, NULL, NULL) && !dure_cells_accept(cells, &pair_right, NULL, NULL),
           "both rights are accepted");
    TAP_OK(!dure_cells_start(cells, leaf_right.id, NULL) && !dure_cells_start(cells, pair_right.id, NULL),
           "and started");
    TAP_OK(!dure_cells_take(cells, leaf_right.id, 0, &cell, NULL) && cell.index == 0, "the first leaf is bound");
    for (unsigned l = 1; l <= 3; l++) {
        TAP_EQ_UINT(dure_cells_free_count(cells, l), 1, "F[%u]", l);
        TAP_EQ_INT(dure_cells_slack(cells, l), l == 3, "s[%u]", l);
    }
    TAP_EQ_UINT(dure_cells_owed(cells, 1), 1, "r[1]");
    TAP_EQ_UINT(dure_cells_owed(cells, 2), 3, "r[2]");
    TAP_EQ_INT(dure_cells_take_exact(cells, leaf_right.id, 1, (struct dure_cell){4, 1}, NULL), DURE_E_SHORT,
               "splitting the level-3 cell is refused");
    TAP_OK(!dure_cells_take(cells, leaf_right.id, 1, &cell, NULL) && cell.index == 1, "the free leaf is bound instead");
    for (uint32_t i = 0; i < 3; i++)
        TAP_EQ_INT(dure_cells_take(cells, pair_right.id, i, &cell, NULL), DURE_OK, "promised pair %u is there", i);
    dure_cells_free(cells);
}

int main(int argc, char **argv)
{
#ifdef DURE_CELLS_MUTANTS
    if (argc > 1)
        dure_cells_mutant = (int)strtol(argv[1], NULL, 10);
#endif
    (void)argc;
    (void)argv;
    const uint64_t seed = tap_seed(20201104);
    counterexample();
    every_small_state();
    if (histories(seed, 30, 300))
        coverage();
    return tap_done();
}
