/* The daemon's two clocks. For emulated fleets they may run faster than the machine's, from another moment. */
#include <time.h>

#include "base/timefmt.h"
#include "dured/daemon.h"

/* Set once, before there is a second thread. */
static struct {
    int64_t speed;
    int64_t wall_us, boot_us; /* the machine's, when it was set */
    int64_t from_us;          /* the wall clock's then */
} fast = {.speed = 1};

static int64_t machine_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * DURE_SECOND_US + now.tv_nsec / 1000;
}

/* Goes on while the machine sleeps, so that waking is not a jump. */
int64_t real_us(void)
{
    return machine_us(CLOCK_BOOTTIME);
}

bool clock_is_real(void)
{
    return fast.speed == 1 && fast.from_us == 0;
}

int64_t clock_speed(void)
{
    return fast.speed;
}

void clock_set(int64_t speed, int64_t from_us)
{
    fast.speed = speed;
    fast.wall_us = machine_us(CLOCK_REALTIME);
    fast.boot_us = real_us();
    fast.from_us = from_us;
}

int64_t wall_us(void *context)
{
    (void)context;
    if (clock_is_real())
        return machine_us(CLOCK_REALTIME);
    return (fast.from_us != 0 ? fast.from_us : fast.wall_us) + (real_us() - fast.boot_us) * fast.speed;
}

int64_t boot_us(void *context)
{
    (void)context;
    return clock_is_real() ? real_us() : fast.boot_us + (real_us() - fast.boot_us) * fast.speed;
}

uint64_t clock_wait_ms(int64_t at_us)
{
    const int64_t wait = at_us - wall_us(NULL), unit = 1000 * fast.speed;

    return wait > 0 ? (uint64_t)((wait + unit - 1) / unit) : 0;
}
