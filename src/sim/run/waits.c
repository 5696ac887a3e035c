/* Waits by size: what a job's size is called, and the steps of its times. */
#include "sim/run/sim.h"

const char *const dure_sim_size_names[DURE_SIM_SIZES] = {"1", "2-7", "8", "9-64", "65-512", "513+"};

unsigned dure_sim_size_of(uint64_t gpus_milli)
{
    const uint64_t gpus = (gpus_milli + 999) / 1000;
    return gpus <= 1 ? 0 : gpus < 8 ? 1 : gpus == 8 ? 2 : gpus <= 64 ? 3 : gpus <= 512 ? 4 : 5;
}

/* Step 4k + q ends at 2^k * (5 + q) / 4 seconds. */
int64_t dure_sim_waits_edge_ms(unsigned step)
{
    return (INT64_C(1000) << (step / 4)) * (5 + step % 4) / 4;
}

void dure_sim_waits_add(struct dure_sim_waits *waits, int64_t wait_us)
{
    const uint64_t ms = wait_us > 0 ? (uint64_t)wait_us / 1000 : 0;
    waits->count++;
    waits->sum_ms += ms;
    waits->most_ms = ms > waits->most_ms ? ms : waits->most_ms;
    if (ms < 1000) {
        waits->zero++;
        return;
    }
    const uint64_t seconds = ms / 1000;
    const unsigned power = 63 - (unsigned)__builtin_clzll(seconds);
    const unsigned quarter = (unsigned)(((ms << 2) / (UINT64_C(1000) << power)) & 3);
    const unsigned step = power * 4 + quarter;
    waits->at[step < DURE_SIM_WAITS_MAX ? step : DURE_SIM_WAITS_MAX - 1]++;
}

int64_t dure_sim_waits_quantile(const struct dure_sim_waits *waits, unsigned per_mille)
{
    const uint64_t rank = waits->count * per_mille / 1000;
    uint64_t seen = waits->zero;
    if (rank < seen || waits->count == 0)
        return 0;
    for (unsigned step = 0; step < DURE_SIM_WAITS_MAX; step++) {
        seen += waits->at[step];
        if (rank < seen)
            return dure_sim_waits_edge_ms(step) < (int64_t)waits->most_ms ? dure_sim_waits_edge_ms(step)
                                                                          : (int64_t)waits->most_ms;
    }
    return (int64_t)waits->most_ms;
}
