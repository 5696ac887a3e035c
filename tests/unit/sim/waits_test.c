/* Waits in steps: nothing is lost, and a quantile is never under what was waited. */
#include "base/timefmt.h"
#include "sim/run/sim.h"
#include "tap.h"

int main(void)
{
    struct dure_sim_waits waits = {0};
    TAP_EQ_INT(dure_sim_waits_quantile(&waits, 500), 0, "no wait has no quantile");
    for (unsigned i = 1; i <= 1000; i++)
        dure_sim_waits_add(&waits, (int64_t)i * 60 * DURE_SECOND_US);
    dure_sim_waits_add(&waits, 999999);
    TAP_EQ_UINT(waits.zero, 1, "less than a second counts as at once");
    TAP_EQ_UINT(waits.count, 1001, "all are counted");
    TAP_EQ_UINT(waits.most_ms, 60000000, "the longest is exact");
    for (unsigned q = 100; q < 1000; q += 100) {
        const int64_t got = dure_sim_waits_quantile(&waits, q), exact = (int64_t)q * 60000;
        TAP_OK(got >= exact && got <= exact * 5 / 4 + 60000, "the %u-th thousandth is within its step: %lld for %lld",
               q, (long long)got, (long long)exact);
    }
    TAP_EQ_INT(dure_sim_waits_quantile(&waits, 1000), 60000000, "the last is the longest");
    dure_sim_waits_add(&waits, INT64_MAX);
    TAP_EQ_UINT(waits.count, 1002, "the longest of all has its step");
    for (unsigned step = 1; step < 100; step++)
        if (dure_sim_waits_edge_ms(step) <= dure_sim_waits_edge_ms(step - 1))
            TAP_FAIL("step %u ends before the one before it", step);
    const struct {
        uint64_t milli;
        unsigned size;
    } sizes[] = {{100, 0},  {1000, 0},  {2000, 1},  {7000, 1},   {8000, 2},
                 {9000, 3}, {64000, 3}, {65000, 4}, {512000, 4}, {513000, 5}};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        TAP_EQ_UINT(dure_sim_size_of(sizes[i].milli), sizes[i].size, "%llu milli-GPU",
                    (unsigned long long)sizes[i].milli);
    return tap_done();
}
