/* The generator: how many, when, how long, for whom. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "sim/make/draw.h"
#include "sim/make/make.h"
#include "sim/run/heap.h"
#include "tap.h"

static struct dure_make *made(const struct rig *rig, struct dure_make_options options)
{
    struct dure_make *make;
    struct dure_error error = {0};
    options.fleet = rig->fleet;
    options.tenants = rig->tenants;
    if (dure_make_new(&options, &make, &error) != DURE_OK)
        tap_bail("%s", error.text);
    return make;
}

static void draws(void)
{
    uint64_t state = 1, sum = 0;
    TAP_EQ_UINT(dure_log2_q32(1), 0, "the logarithm of 1");
    TAP_EQ_UINT(dure_log2_q32(UINT64_C(1) << 40), UINT64_C(40) << 32, "of a power of two");
    TAP_OK(llabs((int64_t)dure_log2_q32(10) - INT64_C(14267572527)) < 1024, "of ten");
    for (unsigned i = 0; i < 100000; i++)
        sum += dure_draw_exponential(&state, 1000000);
    TAP_OK(sum / 100000 > 985000 && sum / 100000 < 1015000, "the mean of exponential draws: %llu",
           (unsigned long long)sum / 100000);
    TAP_EQ_UINT(dure_draw_below(&state, 0), 0, "below nothing there is 0");
    TAP_EQ_UINT(dure_draw_below(&state, 1), 0, "and below one");
}

static void in_order(void)
{
    struct dure_sim_heap heap = {0};
    uint64_t state = 5;
    int64_t before = -1;
    uint64_t order = 0;
    bool sorted = true;
    for (unsigned i = 0; i < 5000; i++)
        dure_sim_heap_add(&heap, (int64_t)dure_draw_below(&state, 500), 0, i);
    for (const struct dure_sim_event *first; (first = dure_sim_heap_first(&heap)); dure_sim_heap_pop(&heap)) {
        sorted = sorted && (first->at_us > before || (first->at_us == before && first->order > order));
        before = first->at_us;
        order = first->order;
    }
    TAP_OK(sorted, "events come in the order of time, then of foresight");
    dure_sim_heap_release(&heap);
}

static void arrivals(const struct rig *rig)
{
    struct dure_make *make =
        made(rig, (struct dure_make_options){.mix = DURE_MIX_STARTUPS,
                                             .seed = 1,
                                             .from_us = 1772982000 * DURE_SECOND_US, /* Monday 9 March 2026 in Seoul */
                                             .days = 14,
                                             .jobs = 20000,
                                             .load_per_mille = 800});
    struct dure_sim_job job;
    uint64_t day = 0, night = 0, weekend = 0, count = 0, gpu_s = 0;
    int64_t before = 0;
    bool ordered = true;
    while (dure_make_next(make, &job)) {
        const int64_t hours = job.at_us / DURE_HOUR_US + 9;
        const unsigned hour = (unsigned)(hours % 24), weekday = (unsigned)((hours / 24 + 3) % 7);
        ordered = ordered && job.at_us >= before;
        before = job.at_us;
        count++;
        day += weekday < 5 && hour >= 9 && hour < 18;
        night += weekday < 5 && hour < 6;
        weekend += weekday >= 5;
        gpu_s += (uint64_t)job.job.tasks * job.job.task_gpus * (uint64_t)(job.job.emulated_us / DURE_SECOND_US);
    }
    TAP_EQ_UINT(count, 20000, "as many as asked for");
    TAP_OK(ordered, "in the order of their times");
    TAP_OK(before < (1772982000 + 14 * 86400) * DURE_SECOND_US, "all within the period");
    TAP_OK(day > 5 * night, "office hours of Seoul: %llu by day, %llu by night", (unsigned long long)day,
           (unsigned long long)night);
    TAP_OK(weekend < count / 5, "less at weekends: %llu", (unsigned long long)weekend);
    const uint64_t wanted = UINT64_C(96) * 14 * 86400 * 8 / 10;
    TAP_OK(gpu_s > wanted * 7 / 10 && gpu_s < wanted * 13 / 10, "lengths are stretched to the load: %llu of %llu GPU s",
           (unsigned long long)gpu_s, (unsigned long long)wanted);
    dure_make_free(make);
}

static void tails(const struct rig *rig)
{
    struct dure_make *make =
        made(rig, (struct dure_make_options){
                      .mix = DURE_MIX_NATIONAL, .seed = 3, .from_us = 0, .days = 100, .load_per_mille = 900});
    struct dure_sim_job job;
    static uint64_t times[200000];
    uint64_t all = 0, large = 0, most = 0;
    size_t count = 0, small = 0;
    while (count < 200000 && dure_make_next(make, &job)) {
        times[count] = (uint64_t)job.job.tasks * job.job.task_gpus * (uint64_t)(job.job.emulated_us / DURE_SECOND_US);
        all += times[count];
        most = times[count] > most ? times[count] : most;
        small += job.job.tasks * job.job.task_gpus == 1;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        large += times[i] > all / count * 4 ? times[i] : 0;
    TAP_OK(count > 1000, "%zu jobs make the load", count);
    TAP_OK(small * 10 > count * 3, "many ask for one GPU");
    TAP_OK(large * 2 > all, "and few make most of the GPU time");
    dure_make_free(make);
}

static void seeds(const struct rig *rig)
{
    struct dure_make_options options = {
        .mix = DURE_MIX_TRAINING, .seed = 11, .days = 3, .jobs = 500, .load_per_mille = 900};
    struct dure_make *a = made(rig, options), *b = made(rig, options);
    options.seed = 12;
    struct dure_make *c = made(rig, options);
    struct dure_sim_job x, y, z;
    unsigned same = 0, other = 0;
    while (dure_make_next(a, &x) && dure_make_next(b, &y) && dure_make_next(c, &z)) {
        same += x.at_us == y.at_us && x.job.emulated_us == y.job.emulated_us && x.job.tasks == y.job.tasks;
        other += x.at_us == z.at_us;
    }
    TAP_EQ_UINT(same, 500, "one seed makes the same jobs");
    TAP_OK(other < 50, "another makes others");
    dure_make_free(a);
    dure_make_free(b);
    dure_make_free(c);
}

static void refusals(void)
{
    static const char late[] =
        "kind: Fleet\nversion: 1\nname: small\nzone: Asia/Seoul\n"
        "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]\nowners: [{name: o0}, {name: o1}]\n"
        "sites: [{name: s0, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\n"
        "groups: [{name: g0, owner: o0, site: s0, model: b200, nodes: 'a-[01-08]', cpus: 128, memory: 2TiB, disk: "
        "1TiB, power: 10kW,\n"
        "  levels: [{name: node, holds: 8}], available_from: 2030-01-01, status: assumed}]\n";
    struct rig rig;
    struct dure_make *make;
    struct dure_error error = {0};
    enum dure_mix mix = DURE_MIX_TRAINING;
    rig_begin_with(&rig, late, "kind: Tenants\nversion: 1\ntenants: [{name: t}]\n");
    const struct dure_make_options options = {
        .fleet = rig.fleet, .tenants = rig.tenants, .days = 1, .load_per_mille = 900};
    TAP_EQ_INT(dure_make_new(&options, &make, &error), DURE_E_INVALID, "a fleet that is not there yet takes no work");
    TAP_HAS(error.text, "expected --from at or after the first", "and the message says what to change");
    TAP_OK(!dure_mix_find("gaming", &mix) && mix == DURE_MIX_TRAINING, "an unknown mix is none");
    TAP_OK(dure_mix_find("factories", &mix) && mix == DURE_MIX_FACTORIES, "a known one is found");
    rig_end(&rig);
}

int main(void)
{
    struct rig rig;
    draws();
    in_order();
    rig_begin(&rig);
    arrivals(&rig);
    tails(&rig);
    seeds(&rig);
    rig_end(&rig);
    refusals();
    return tap_done();
}
