/* The time that records carry. It follows the wall clock while that moves like a clock; a jump over the limit is held for the operator, and time goes on
 * by the monotonic clock meanwhile. It never decreases. */
#include "loop/internal.h"

int64_t loop_time(struct dure_loop *loop)
{
    int64_t wall = loop->world.now_us(loop->world.context);
    int64_t monotonic = loop->world.monotonic_us(loop->world.context);
    int64_t jump = wall - monotonic - loop->clock_offset_us;
    int64_t max = loop->clock_jump_max_us;

    if (jump >= -max && jump <= max) {
        loop->clock_offset_us += jump;
        jump = 0;
    }
    if ((jump != 0) != (loop->clock_held_us != 0))
        loop->world.held(loop->world.context, jump);
    loop->clock_held_us = jump;

    int64_t now = monotonic + loop->clock_offset_us;
    int64_t before = dure_core_time_us(loop->core);
    return now > before ? now : before;
}

void dure_loop_accept_clock(struct dure_loop *loop)
{
    loop->clock_offset_us = loop->world.now_us(loop->world.context) - loop->world.monotonic_us(loop->world.context);
    if (loop->clock_held_us != 0)
        loop->world.held(loop->world.context, 0);
    loop->clock_held_us = 0;
    loop->world.wake(loop->world.context, 0);
}
