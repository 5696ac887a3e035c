/* Plays runs of every mix with failures and prints the digest of each: what gcc and clang make, at -O0 and at -O3, must print the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "rig.h"
#include "sim/make/make.h"

static void play(const struct rig *rig, enum dure_mix mix, uint64_t seed)
{
    struct dure_make *make;
    struct dure_sim_result result;
    struct dure_error error = {0};
    const struct dure_make_options options = {.fleet = rig->fleet,
                                              .tenants = rig->tenants,
                                              .mix = mix,
                                              .seed = seed,
                                              .days = 2,
                                              .jobs = 800,
                                              .load_per_mille = 1100};
    struct dure_sim_options run = {.fleet = rig->fleet,
                                   .tenants = rig->tenants,
                                   .next = dure_make_next,
                                   .seed = seed,
                                   .until_us = 3 * DURE_DAY_US,
                                   .leaves_us = 10 * DURE_SECOND_US,
                                   .node_fails_us = 5 * DURE_DAY_US,
                                   .node_mends_us = 3 * DURE_HOUR_US,
                                   .job_fails_per_mille = 50};
    if (dure_make_new(&options, &make, &error) != DURE_OK) {
        fprintf(stderr, "sim_digests: %s\n", error.text);
        exit(1);
    }
    run.context = make;
    if (dure_sim_run(&run, &result, &error) != DURE_OK) {
        fprintf(stderr, "sim_digests: %s\n", error.text);
        exit(1);
    }
    printf("%s %" PRIu64 ": %016" PRIx64 "%016" PRIx64 " %" PRIu64 " starts, %" PRIu64 " evicted\n", dure_mix_name(mix),
           seed, result.digest.lane[0], result.digest.lane[1], result.starts, result.evicted);
    dure_sim_result_release(&result);
    dure_make_free(make);
}

int main(void)
{
    struct rig rig;
    rig_begin(&rig);
    for (unsigned mix = 0; mix < DURE_MIX_COUNT; mix++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            play(&rig, (enum dure_mix)mix, seed);
    rig_end(&rig);
    return 0;
}
