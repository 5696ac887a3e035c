#include <stdlib.h>

#include "base/timefmt.h"
#include "dured/daemon.h"

struct timer {
    uv_timer_t handle;
    struct timer *next;
    uint64_t key;
    void (*fire)(void *fire_context, uint64_t key);
    void *fire_context;
};

static void on_fire(uv_timer_t *handle)
{
    struct timer *timer = handle->data;

    timer->fire(timer->fire_context, timer->key);
}

/* Engines hold a handful of keys each: a list will do. */
void timers_set(void *context, uint64_t key, int64_t at_us, void (*fire)(void *fire_context, uint64_t key),
                void *fire_context)
{
    struct timers *timers = context;
    struct timer *timer;

    for (timer = timers->first; timer != NULL; timer = timer->next)
        if (timer->key == key && timer->fire_context == fire_context)
            break;
    if (timer == NULL && at_us == DURE_NEVER_US)
        return;
    if (timer == NULL) {
        timer = calloc(1, sizeof *timer);
        DURE_ASSERT(timer != NULL);
        uv_timer_init(timers->loop, &timer->handle);
        timer->handle.data = timer;
        timer->key = key;
        timer->next = timers->first;
        timers->first = timer;
    }
    timer->fire = fire;
    timer->fire_context = fire_context;
    if (at_us == DURE_NEVER_US) {
        uv_timer_stop(&timer->handle);
        return;
    }
    uv_timer_start(&timer->handle, on_fire, clock_wait_ms(at_us), 0);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void timers_close(struct timers *timers)
{
    while (timers->first != NULL) {
        struct timer *next = timers->first->next;
        uv_close((uv_handle_t *)&timers->first->handle, on_closed);
        timers->first = next;
    }
}
