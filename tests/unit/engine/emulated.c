/* The emulated engine on virtual time. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "engine/engine.h"
#include "tap.h"

enum { MILLION = 1000000 };

static int64_t now_us, timer_us = DURE_NEVER_US;
static void (*timer_fire)(void *context, uint64_t key);
static void *timer_context;
static uint64_t timer_key, timer_sets;
static struct dure_observation seen[64];
static uint64_t seen_count, ended_count;
static uint64_t last_attempt;
static int64_t last_us;
static bool in_order = true;

static int64_t clock_now(void *context)
{
    (void)context;
    return now_us;
}

static void clock_timer(void *context, uint64_t key, int64_t at_us, void (*fire)(void *fire_context, uint64_t key),
                        void *fire_context)
{
    (void)context;
    timer_us = at_us;
    timer_key = key;
    timer_fire = fire;
    timer_context = fire_context;
    timer_sets++;
}

static void observe(void *context, const struct dure_observation *observation)
{
    (void)context;
    if (seen_count < 64)
        seen[seen_count] = *observation;
    seen_count++;
    if (observation->report == DURE_REPORT_ENDED) {
        in_order = in_order && (now_us > last_us || observation->attempt.v > last_attempt);
        last_attempt = observation->attempt.v;
        last_us = now_us;
        ended_count++;
    }
}

static void run_until(int64_t until_us)
{
    while (timer_us <= until_us) {
        if (timer_us > now_us)
            now_us = timer_us;
        timer_us = DURE_NEVER_US;
        timer_fire(timer_context, timer_key);
    }
    now_us = until_us;
}

static void start(struct dure_engine *engine, uint64_t attempt, int64_t started_us, int64_t emulated_us,
                  int64_t walltime_us)
{
    const struct dure_job job = {.emulated_us = emulated_us, .walltime_us = walltime_us};
    const struct dure_order order = {.attempt = {attempt}, .job = &job, .started_us = started_us};
    engine->start(engine->state, &order, false);
}

static void test_life(struct dure_engine *engine)
{
    now_us = 100;
    start(engine, 1, 100, 50, 1000);
    start(engine, 2, 100, 0, 70);
    start(engine, 1, 100, 5, 5);
    TAP_EQ_UINT(seen_count, 0, "nothing is told from inside an order");
    run_until(100);
    TAP_EQ_UINT(seen_count, 2, "both have started, each once");
    TAP_EQ_INT(seen[0].report, DURE_REPORT_STARTED, "started");
    run_until(149);
    TAP_EQ_UINT(seen_count, 2, "neither is over early");
    run_until(150);
    TAP_EQ_UINT(seen_count, 3, "one lasts as long as it says");
    TAP_OK(seen[2].attempt.v == 1 && seen[2].report == DURE_REPORT_ENDED && seen[2].exit_code == 0, "and ends well");
    run_until(170);
    TAP_OK(seen_count == 4 && seen[3].attempt.v == 2, "the other lasts its walltime");
    TAP_EQ_INT(timer_us, DURE_NEVER_US, "no timer is left");
}

static void test_warn_and_stop(struct dure_engine *engine)
{
    seen_count = 0;
    start(engine, 3, now_us, 1000, 1000);
    start(engine, 4, now_us, 1000, 1000);
    start(engine, 5, now_us - 5000, 1000, 1000);
    engine->warn(engine->state, (struct dure_attempt_id){3}, now_us + 500);
    engine->stop(engine->state, (struct dure_attempt_id){4});
    engine->stop(engine->state, (struct dure_attempt_id){99});
    run_until(now_us);
    TAP_EQ_UINT(seen_count, 6, "all three start and end");
    uint32_t good = 0;
    for (unsigned i = 0; i < 6; i++)
        if (seen[i].report == DURE_REPORT_ENDED)
            good += seen[i].exit_signal == (seen[i].attempt.v == 4 ? 9 : 0) && seen[i].exit_code == 0;
    TAP_EQ_UINT(good, 3, "warned: ends well; stopped: by a kill; overdue after a restart: at once");
}

static void test_forget(struct dure_engine *engine)
{
    seen_count = 0;
    for (uint64_t i = 1; i <= 5; i++)
        start(engine, 20 + i, now_us, 100 * (int64_t)i, 1);
    run_until(now_us);
    engine->forget(engine->state, (struct dure_attempt_id){21});
    engine->forget(engine->state, (struct dure_attempt_id){23});
    engine->forget(engine->state, (struct dure_attempt_id){23});
    run_until(now_us + 1000);
    TAP_EQ_UINT(seen_count, 5 + 3, "what was forgotten is over without a word");
    TAP_OK(seen[5].attempt.v == 22 && seen[6].attempt.v == 24 && seen[7].attempt.v == 25,
           "the others end in their order");
}

static void test_million(struct dure_engine *engine)
{
    uint64_t random = tap_seed(5);
    ended_count = 0;
    last_us = 0;
    for (uint64_t i = 0; i < MILLION; i++)
        start(engine, 10 + i, now_us, 1 + (int64_t)tap_random_below(&random, 1000), 1);
    TAP_OK(timer_sets < 100, "one timer serves them all");
    run_until(now_us + 2000);
    TAP_EQ_UINT(ended_count, MILLION, "a million attempts end");
    TAP_OK(in_order, "by time, then by attempt");
}

int main(void)
{
    const struct dure_engine_clock clock = {.now_us = clock_now, .timer = clock_timer};
    struct dure_engine *engine;
    TAP_EQ_INT(dure_engine_emulated_new(&clock, observe, NULL, &engine), DURE_OK, "an engine");
    TAP_EQ_STR(engine->name, "emulated", "says what it is");
    test_life(engine);
    test_warn_and_stop(engine);
    test_forget(engine);
    test_million(engine);
    start(engine, 7, now_us, 1000, 1000);
    dure_engine_free(engine);
    TAP_EQ_INT(timer_us, DURE_NEVER_US, "freed, it takes its timer with it");
    return tap_done();
}
