#pragma once
/* Random draws in whole numbers, the same on every machine: splitmix64 and fixed point in place of libm. */
#include <stdint.h>

uint64_t dure_draw(uint64_t *state);
uint64_t dure_draw_below(uint64_t *state, uint64_t bound); /* 0..bound-1; 0 for bound 0 */
/* An exponential draw of this mean, such as the time to the next of independent events. At most 44 means. */
uint64_t dure_draw_exponential(uint64_t *state, uint64_t mean);
uint64_t dure_log2_q32(uint64_t value); /* of 1 and more, in 2^-32, error under 2^-22 */
