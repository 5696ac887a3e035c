/* Prices of what is left of shared GPUs: the loop works them out from the fractions that start, no more than once a minute, and journals them as inputs. A
 * daemon that comes up again, and whoever replays, has them from the journal alone. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "specs.h"
#include "tap.h"
#include "world.h"

enum { ROUNDS = 400, TURNS = 8 };

static struct {
    unsigned records;
    int64_t last_us, closest_us;
    struct dure_prices prices;
    bool readable;
} seen;

static bool look(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_record record;
    (void)context, (void)sequence;
    if (dure_record_decode(leaf, length, arena, &record, NULL) == DURE_OK && record.kind == DURE_REC_PRICES) {
        seen.readable &= dure_prices_read(record.text, record.text_length, &seen.prices, NULL) == DURE_OK;
        if (seen.records++ && record.time_us - seen.last_us < seen.closest_us)
            seen.closest_us = record.time_us - seen.last_us;
        seen.last_us = record.time_us;
    }
    dure_arena_free(arena);
    return true;
}

static bool any_end(void *context, uint64_t last_sequence, struct dure_digest digest)
{
    (void)context, (void)last_sequence, (void)digest;
    return true;
}

static void submit_fraction(struct world *world, uint32_t milli, unsigned i)
{
    struct dure_job job = {.job_class = DURE_GUARANTEED,
                           .tasks = 1,
                           .task_gpus = 1,
                           .task_gpu_milli = milli,
                           .level = "",
                           .begin_us = INT64_MIN,
                           .walltime_us = 10 * DURE_MINUTE_US,
                           .emulated_us = (1 + i % 7) * DURE_MINUTE_US};
    if (!dure_tenants_find(specs_tenants, i % 2 ? "state/a" : "state/b", &job.tenant))
        tap_bail("no such tenant");
    world_submit(world, &job, NULL);
}

int main(void)
{
    static struct world world = {.seed = 11};
    seen.readable = true;
    seen.closest_us = INT64_MAX;
    snprintf(world.directory, sizeof world.directory, "%s/prices", tap_tempdir());
    if (!world_open(&world))
        tap_bail("the world cannot be opened");
    specs_load(&world);
    const struct dure_prices none = {{0}};
    for (unsigned i = 0; i < ROUNDS; i++) {
        submit_fraction(&world, i % 3 ? 300 : 470, i);
        if (i == 30)
            TAP_OK(!memcmp(dure_core_prices(world.core), &none, sizeof none), "too few have started to tell");
        for (unsigned turn = 0; turn < TURNS; turn++)
            world_turn(&world);
    }
    for (unsigned i = 0; i < 100000 && !world_quiet(&world); i++)
        world_turn(&world);
    const struct dure_prices last = *dure_core_prices(world.core);
    TAP_OK(last.hole_ugpu[30] > 0 && last.hole_ugpu[29] == 0, "a hole of 300 is worth something, one of 290 nothing");
    struct dure_journal_head head;
    dure_journal_head(world.journal, &head);
    TAP_OK(dure_journal_read(world.journal, 0, head.size, look, any_end, NULL, NULL) == DURE_OK && seen.readable,
           "the journal has them");
    TAP_OK(seen.records >= 2 && seen.closest_us >= DURE_MINUTE_US, "%u times, never within a minute", seen.records);
    TAP_OK(!memcmp(&seen.prices, &last, sizeof last), "the core goes by the last");
    world_crash(&world);
    TAP_OK(world_open(&world) && !memcmp(dure_core_prices(world.core), &last, sizeof last),
           "recovered from the journal, not worked out again");
    world_close(&world);
    specs_free();
    return tap_done();
}
