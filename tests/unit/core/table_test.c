/* The table of ids against an array: random ids inside a moving window, with stragglers far behind, put, removed and looked for. */
#include <stdlib.h>

#include "core/state/table.h"
#include "tap.h"

enum { IDS = 40000, STEPS = 200000, WINDOW = 3000 };

static uint32_t next_of(const uint32_t *naive, uint64_t from)
{
    while (from < IDS && naive[from] == DURE_NONE32)
        from++;
    return from < IDS ? naive[from] : DURE_NONE32;
}

static void agrees_with_an_array(void)
{
    uint64_t seed = tap_seed(20260302);
    struct dure_table table = {0};
    uint32_t *naive = malloc(IDS * sizeof *naive);
    for (uint32_t i = 0; i < IDS; i++)
        naive[i] = DURE_NONE32;
    bool gets = true, nexts = true, counts = true;
    uint64_t live = 0;
    for (uint32_t step = 0; step < STEPS; step++) {
        const uint64_t base = (uint64_t)step * (IDS - WINDOW) / STEPS, id = tap_random_below(&seed, 50)
                                                                                ? base + tap_random_below(&seed, WINDOW)
                                                                                : tap_random_below(&seed, base + 1);
        const bool straggles = id % 97 == 0 && step < STEPS / 2;
        if (naive[id] == DURE_NONE32) {
            dure_table_put(&table, id, step);
            naive[id] = step;
            live++;
        } else if (!straggles) {
            dure_table_remove(&table, id);
            naive[id] = DURE_NONE32;
            live--;
        }
        for (uint64_t gone = base < 64 ? 0 : base - 64; gone < base; gone++) /* the window leaves them behind */
            if (naive[gone] != DURE_NONE32 && gone % 97) {
                dure_table_remove(&table, gone);
                naive[gone] = DURE_NONE32;
                live--;
            }
        const uint64_t asked = tap_random_below(&seed, IDS);
        gets = gets && dure_table_get(&table, asked) == naive[asked];
        nexts = nexts && (step % 16 || dure_table_next(&table, asked) == next_of(naive, asked));
        counts = counts && table.count == live;
    }
    TAP_OK(gets, "every look-up agrees");
    TAP_OK(nexts, "so does the next of any id");
    TAP_OK(counts, "and the number of ids");
    for (uint64_t id = 0; id < IDS; id++)
        if (naive[id] != DURE_NONE32)
            dure_table_remove(&table, id);
    TAP_OK(table.count == 0 && table.page_count == 0, "when all are gone, so are the pages");
    TAP_EQ_UINT(dure_table_next(&table, 0), DURE_NONE32, "and there is no next");
    dure_table_release(&table);
    free(naive);
}

static void far_ids(void)
{
    struct dure_table table = {0};
    const uint64_t far = UINT64_C(1) << 40;
    TAP_OK(dure_table_takes(&table, far), "an empty table takes any id");
    dure_table_put(&table, far, 1);
    TAP_EQ_UINT(dure_table_get(&table, far), 1, "far away");
    TAP_EQ_UINT(dure_table_get(&table, 0), DURE_NONE32, "long before it there is nothing");
    TAP_EQ_UINT(dure_table_get(&table, UINT64_MAX), DURE_NONE32, "nor at the end of all ids");
    TAP_EQ_UINT(dure_table_next(&table, 0), 1, "the next after none is the first");
    TAP_OK(!dure_table_takes(&table, far + DURE_TABLE_SPAN_MAX + DURE_TABLE_PAGE),
           "what would stretch it too far is not taken");
    TAP_OK(!dure_table_takes(&table, 1), "in either direction");
    dure_table_put(&table, far - 70000, 2);
    TAP_EQ_UINT(dure_table_next(&table, 0), 2, "an earlier one may come later");
    TAP_EQ_UINT(dure_table_get(&table, far), 1, "and moves no other");
    dure_table_release(&table);
}

int main(void)
{
    agrees_with_an_array();
    far_ids();
    return tap_done();
}
