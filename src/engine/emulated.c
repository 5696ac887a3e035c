#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "engine/engine.h"
#include "engine/launch.h"

/* A binary heap ordered by (due, attempt), and where each attempt lies in it. Two events an attempt: its start is told at its first due time, its end
 * at the second. With launch messages the first is due when its message is out. Nothing is told from inside an order, so that the caller is never entered again. */
enum { LIVE_MAX = 16 * 1024 * 1024, TIMER_KEY = 0x656d75, LAUNCH_KEY = 0x6c6175 };

struct row {
    int64_t due_us;
    int64_t end_us;
    uint64_t attempt;
    int32_t exit_signal;
    bool started;
};

struct emulated {
    struct dure_engine engine;
    struct dure_engine_clock clock;
    dure_observe_fn observe;
    void *context;
    DURE_VEC(struct row) heap;
    struct dure_map places; /* attempt → index in the heap */
    int64_t timer_us;
    struct dure_launch *launch; /* NULL: nobody is told of starts */
    bool launch_timed;
};

static void fire(void *context, uint64_t key);

static bool before(const struct row *a, const struct row *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->attempt < b->attempt;
}

static void put(struct emulated *emulated, size_t at, struct row row)
{
    emulated->heap.at[at] = row;
    DURE_ASSERT(
        dure_map_put(&emulated->places, row.attempt, at)); /* the key is there already, or room was made for it */
}

static void sift(struct emulated *emulated, size_t at)
{
    struct row row = emulated->heap.at[at];
    while (at > 0 && before(&row, &emulated->heap.at[(at - 1) / 2])) {
        put(emulated, at, emulated->heap.at[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= emulated->heap.count)
            break;
        if (child + 1 < emulated->heap.count && before(&emulated->heap.at[child + 1], &emulated->heap.at[child]))
            child++;
        if (!before(&emulated->heap.at[child], &row))
            break;
        put(emulated, at, emulated->heap.at[child]);
        at = child;
    }
    put(emulated, at, row);
}

static void take_out(struct emulated *emulated, size_t at)
{
    dure_map_remove(&emulated->places, emulated->heap.at[at].attempt);
    const struct row last = emulated->heap.at[--emulated->heap.count];
    if (at < emulated->heap.count) {
        put(emulated, at, last);
        sift(emulated, at);
    }
}

static void arm(struct emulated *emulated)
{
    const int64_t due_us = emulated->heap.count ? emulated->heap.at[0].due_us : DURE_NEVER_US;
    if (due_us == emulated->timer_us)
        return;
    emulated->timer_us = due_us;
    emulated->clock.timer(emulated->clock.context, TIMER_KEY, due_us, fire, emulated);
}

static void fire(void *context, uint64_t key)
{
    struct emulated *emulated = context;
    (void)key;
    const int64_t now_us = emulated->clock.now_us(emulated->clock.context);
    emulated->timer_us = DURE_NEVER_US;
    while (emulated->heap.count && emulated->heap.at[0].due_us <= now_us) {
        struct row *top = &emulated->heap.at[0];
        struct dure_observation observation = {.attempt = {top->attempt}, .report = DURE_REPORT_STARTED};
        if (!top->started) {
            top->started = true;
            top->due_us = top->end_us;
            sift(emulated, 0);
        } else {
            observation.report = DURE_REPORT_ENDED;
            observation.exit_signal = top->exit_signal;
            take_out(emulated, 0);
        }
        emulated->observe(emulated->context, &observation); /* may order anything: the heap is whole */
    }
    arm(emulated);
}

static struct row *find(struct emulated *emulated, struct dure_attempt_id attempt)
{
    uint64_t at;
    return dure_map_get(&emulated->places, attempt.v, &at) ? &emulated->heap.at[at] : NULL;
}

static void refuse(struct emulated *emulated, struct dure_attempt_id attempt, const char *reason)
{
    struct dure_observation observation = {.attempt = attempt, .report = DURE_REPORT_REFUSED};
    dure_text_copy(observation.reason, sizeof observation.reason, reason);
    emulated->observe(emulated->context, &observation);
}

/* Its message is out: it has started. One that was stopped meanwhile is not there any more. */
static void launched(void *context, struct dure_attempt_id attempt)
{
    struct emulated *emulated = context;
    struct row *row = find(emulated, attempt);
    if (!row || row->started)
        return;
    row->due_us = emulated->clock.now_us(emulated->clock.context);
    sift(emulated, (size_t)(row - emulated->heap.at));
}

static void flush(void *context, uint64_t key)
{
    struct emulated *emulated = context;
    (void)key;
    const int64_t wait_us = dure_launch_flush(emulated->launch, launched, emulated);
    emulated->launch_timed = wait_us > 0;
    if (wait_us > 0)
        emulated->clock.timer(emulated->clock.context, LAUNCH_KEY,
                              emulated->clock.now_us(emulated->clock.context) + wait_us, flush, emulated);
    arm(emulated);
}

static void emulated_start(void *state, const struct dure_order *order, bool recovering)
{
    struct emulated *emulated = state;
    /* Nothing outlives the daemon: its time goes on from when the core decided. */
    if (find(emulated, order->attempt))
        return;
    const int64_t lasts_us = order->job->emulated_us > 0 ? order->job->emulated_us : order->job->walltime_us;
    struct row row = {.due_us = emulated->clock.now_us(emulated->clock.context), .attempt = order->attempt.v};
    if (__builtin_add_overflow(order->started_us, lasts_us, &row.end_us))
        row.end_us = DURE_NEVER_US - 1;
    if (emulated->launch)
        row.due_us = DURE_NEVER_US - 1; /* until its message is out */
    bool room = DURE_VEC_PUSH(&emulated->heap, row, LIVE_MAX);
    if (room && !dure_map_put(&emulated->places, row.attempt, emulated->heap.count - 1)) {
        emulated->heap.count--;
        room = false;
    }
    if (!room) {
        refuse(emulated, order->attempt, "the emulated engine has no room for another attempt");
        return;
    }
    sift(emulated, emulated->heap.count - 1);
    if (emulated->launch && dure_launch_add(emulated->launch, order, recovering) != DURE_OK) {
        take_out(emulated, (size_t)(find(emulated, order->attempt) - emulated->heap.at));
        refuse(emulated, order->attempt, "too many launch messages wait for their reader");
        return;
    }
    if (emulated->launch && !emulated->launch_timed)
        flush(emulated, LAUNCH_KEY);
    else
        arm(emulated);
}

static void end_now(struct emulated *emulated, struct dure_attempt_id attempt, int32_t exit_signal)
{
    struct row *row = find(emulated, attempt);
    if (!row)
        return;
    const int64_t now_us = emulated->clock.now_us(emulated->clock.context);
    row->end_us = now_us;
    row->exit_signal = exit_signal;
    if (row->due_us > now_us)
        row->due_us = now_us;
    sift(emulated, (size_t)(row - emulated->heap.at));
    arm(emulated);
}

static void emulated_warn(void *state, struct dure_attempt_id attempt, int64_t deadline_us)
{
    (void)deadline_us;
    end_now(state, attempt, 0);
}

static void emulated_stop(void *state, struct dure_attempt_id attempt)
{
    enum { KILLED = 9 };
    end_now(state, attempt, KILLED);
}

static void emulated_forget(void *state, struct dure_attempt_id attempt)
{
    struct emulated *emulated = state;
    const struct row *row = find(emulated, attempt);
    if (!row)
        return;
    take_out(emulated, (size_t)(row - emulated->heap.at));
    arm(emulated);
}

static void emulated_nothing(void *state, struct dure_attempt_id attempt)
{
    (void)state;
    (void)attempt;
}

static void emulated_free(void *state)
{
    struct emulated *emulated = state;
    if (emulated->timer_us != DURE_NEVER_US)
        emulated->clock.timer(emulated->clock.context, TIMER_KEY, DURE_NEVER_US, fire, emulated);
    if (emulated->launch_timed)
        emulated->clock.timer(emulated->clock.context, LAUNCH_KEY, DURE_NEVER_US, flush, emulated);
    dure_launch_free(emulated->launch);
    DURE_VEC_FREE(&emulated->heap);
    dure_map_release(&emulated->places);
    free(emulated);
}

static void emulated_describe(void *state, struct dure_buf *text)
{
    const struct emulated *emulated = state;
    dure_buf_printf(text, "emulated: no process runs; a job lasts as long as it says, or its walltime (%zu now)\n",
                    emulated->heap.count);
}

enum dure_err dure_engine_emulated_new(const struct dure_engine_clock *clock, dure_observe_fn observe, void *context,
                                       struct dure_engine **ret_engine)
{
    struct emulated *emulated = calloc(1, sizeof *emulated);
    if (!emulated)
        return DURE_E_MEMORY;
    emulated->clock = *clock;
    emulated->observe = observe;
    emulated->context = context;
    emulated->timer_us = DURE_NEVER_US;
    emulated->engine = (struct dure_engine){.name = "emulated",
                                            .state = emulated,
                                            .start = emulated_start,
                                            .warn = emulated_warn,
                                            .unwarn = emulated_nothing,
                                            .stop = emulated_stop,
                                            .forget = emulated_forget,
                                            .free = emulated_free,
                                            .describe = emulated_describe};
    *ret_engine = &emulated->engine;
    return DURE_OK;
}

enum dure_err dure_engine_emulated_launch_to(struct dure_engine *engine, const char *path, struct dure_error *error)
{
    struct emulated *emulated = engine->state;
    DURE_ASSERT(!emulated->launch && !emulated->heap.count);
    return dure_launch_new(path, &emulated->launch, error);
}
