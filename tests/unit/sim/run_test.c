/* A run of few jobs, whose figures can be worked out by hand. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

enum { HOUR = 3600 };

static uint32_t tenant(const struct rig *rig, const char *path)
{
    struct dure_tenant_id id;
    if (!dure_tenants_find(rig->tenants, path, &id))
        tap_bail("no tenant %s", path);
    return id.v;
}

static void one_job(void)
{
    struct rig rig;
    rig_begin(&rig);
    rig_job(&rig, 100, "o0/a", DURE_GUARANTEED, 16, HOUR);
    struct dure_sim_options options = rig_options(&rig);
    struct dure_sim_result r = rig_run(&options);
    TAP_EQ_UINT(r.submitted, 1, "one job is submitted");
    TAP_EQ_UINT(r.completed, 1, "and completes");
    TAP_EQ_INT(r.until_us, (100 + HOUR) * DURE_SECOND_US, "the run ends with it");
    TAP_EQ_UINT(r.gpu_ms[0], UINT64_C(16) * HOUR * 1000, "it used 16 GPUs for an hour, by right");
    TAP_EQ_UINT(r.gang_ms, r.gpu_ms[0], "as a gang");
    TAP_EQ_UINT(r.waits[0][3].count, 1, "its wait is counted under its size");
    TAP_EQ_UINT(r.waits[0][3].zero, 1, "and was none");
    TAP_EQ_UINT(r.available_ms, UINT64_C(96) * (100 + HOUR) * 1000, "12 nodes of 8 were there");
    TAP_EQ_UINT(r.tenants[tenant(&rig, "o0/a")].at_once, 1, "its right was served at once");
    TAP_EQ_UINT(r.chains[0].gpu_ms[0] + r.chains[1].gpu_ms[0], r.gpu_ms[0], "the chains' sums are the whole");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void walltime(void)
{
    struct rig rig;
    rig_begin(&rig);
    rig_job(&rig, 0, "o0/a", DURE_GUARANTEED, 1, HOUR)->walltime_us = 60 * DURE_SECOND_US;
    struct dure_sim_options options = rig_options(&rig);
    struct dure_sim_result r = rig_run(&options);
    TAP_EQ_UINT(r.timeouts, 1, "a job that lasts longer than it asked for runs out of time");
    TAP_EQ_INT(r.until_us, 70 * DURE_SECOND_US, "warned at its walltime, it leaves ten seconds later");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void borrowed_leaves(int64_t checkpoint_s, int64_t want_end_s, uint64_t want_lost_s)
{
    struct rig rig;
    rig_begin(&rig);
    for (unsigned i = 0; i < 12; i++) /* all twelve nodes, on loan */
        rig_job(&rig, 0, "o0/b", DURE_BORROWED, 8, HOUR)->checkpoint_us = checkpoint_s * DURE_SECOND_US;
    rig_job(&rig, 600, "o1/c", DURE_GUARANTEED, 8, 120);
    struct dure_sim_options options = rig_options(&rig);
    struct dure_sim_result r = rig_run(&options);
    const struct dure_sim_tenant *c = &r.tenants[tenant(&rig, "o1/c")], *b = &r.tenants[tenant(&rig, "o0/b")];
    TAP_EQ_UINT(r.evicted, 1, "one of those that borrow goes");
    TAP_EQ_UINT(b->evicted, 1, "it is counted with its tenant");
    TAP_EQ_UINT(r.evicted_ms, UINT64_C(8) * 610 * 1000, "it had used its GPUs until it left");
    TAP_EQ_UINT(c->in_time, 1, "the owner's job starts within the notice");
    TAP_EQ_INT(c->latest_ms, 10000, "as soon as it has left");
    TAP_EQ_UINT(r.requeues, 1, "what left comes back");
    TAP_EQ_UINT(r.completed, 13, "and everything completes");
    TAP_EQ_UINT(r.lost_ms, UINT64_C(8) * want_lost_s * 1000, "work done again");
    TAP_EQ_INT(r.until_us, want_end_s * DURE_SECOND_US, "the run ends with it");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void failures(void)
{
    struct rig rig;
    rig_begin(&rig);
    for (unsigned i = 0; i < 200; i++)
        rig_job(&rig, i * 60, "o0/a", DURE_GUARANTEED, 8, 2 * HOUR)->checkpoint_us = 600 * DURE_SECOND_US;
    struct dure_sim_options options = rig_options(&rig);
    struct dure_sim_result calm = rig_run(&options);
    options = rig_options(&rig);
    options.node_fails_us = DURE_DAY_US;
    options.node_mends_us = DURE_HOUR_US;
    options.job_fails_per_mille = 100;
    struct dure_sim_result r = rig_run(&options);
    TAP_EQ_UINT(calm.node_failures, 0, "nothing fails unless asked to");
    TAP_OK(r.node_failures > 0, "nodes fail");
    TAP_OK(r.lost_attempts > 0, "work is lost with them");
    TAP_OK(r.failed > 0 && r.failed < 60, "some jobs fail by themselves");
    TAP_EQ_UINT(r.ended, 200, "all end, whatever failed");
    TAP_OK(r.available_ms < UINT64_C(96) * (uint64_t)r.until_us / 1000, "nodes that are down are not there");
    options = rig_options(&rig);
    options.node_fails_us = DURE_DAY_US;
    options.node_mends_us = DURE_HOUR_US;
    options.job_fails_per_mille = 100;
    struct dure_sim_result again = rig_run(&options);
    TAP_EQ_MEM(&again.digest, &r.digest, sizeof r.digest, "the same inputs and seed give the same digest");
    options = rig_options(&rig);
    options.seed++;
    options.node_fails_us = DURE_DAY_US;
    options.node_mends_us = DURE_HOUR_US;
    options.job_fails_per_mille = 100;
    struct dure_sim_result other = rig_run(&options);
    TAP_OK(memcmp(&other.digest, &r.digest, sizeof r.digest) != 0, "another seed another one");
    dure_sim_result_release(&other);
    dure_sim_result_release(&again);
    dure_sim_result_release(&calm);
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static bool stop_at_once(void *context, const struct dure_sim_progress *progress)
{
    (void)context;
    return progress->jobs == 0;
}

static void ends(void)
{
    struct rig rig;
    rig_begin(&rig);
    rig_job(&rig, 0, "o0/a", DURE_GUARANTEED, 8, 10 * HOUR);
    rig_job(&rig, 0, "o0/a", DURE_GUARANTEED, 56, HOUR); /* more than its right: refused with a proof */
    struct dure_sim_options options = rig_options(&rig);
    options.until_us = HOUR * DURE_SECOND_US;
    struct dure_sim_result r = rig_run(&options);
    TAP_EQ_INT(r.until_us, HOUR * DURE_SECOND_US, "a run ends where it was told to");
    TAP_EQ_UINT(r.running_now, 1, "and leaves what runs");
    TAP_EQ_UINT(r.refused, 1, "a job that can never run is refused and counted");
    TAP_EQ_UINT(r.gpu_ms[0], UINT64_C(8) * HOUR * 1000, "what still runs has used its GPUs too");
    TAP_OK(!r.partial, "that is no partial run");
    dure_sim_result_release(&r);
    rig.next = 0;
    options.until_us = 100 * HOUR * DURE_SECOND_US;
    r = rig_run(&options);
    TAP_EQ_INT(r.until_us, 100 * HOUR * DURE_SECOND_US, "not sooner, though nothing is left to do");
    TAP_EQ_UINT(r.available_ms, UINT64_C(96) * 100 * HOUR * 1000, "and the GPUs were there all that time");
    dure_sim_result_release(&r);
    options = rig_options(&rig);
    options.progress = stop_at_once;
    r = rig_run(&options);
    TAP_OK(r.partial, "one that was stopped says so");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void batches(void)
{
    struct rig rig;
    rig_begin(&rig);
    rig_job(&rig, 61, "o0/a", DURE_GUARANTEED, 8, 100);
    struct dure_sim_options options = rig_options(&rig);
    options.batch_us = 60 * DURE_SECOND_US;
    struct dure_sim_result r = rig_run(&options);
    TAP_EQ_INT(r.until_us, 240 * DURE_SECOND_US,
               "with batches of a minute it is submitted at 2 min, ends at 3:40 and is heard of at 4");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void series(void)
{
    struct rig rig;
    uint64_t sum = 0, pending = 0;
    rig_begin(&rig);
    for (unsigned i = 0; i < 400; i++)
        rig_job(&rig, i * 7200, i % 2 ? "o0/a" : "o1/c", i % 3 ? DURE_GUARANTEED : DURE_BORROWED, 8, 5 * HOUR);
    struct dure_sim_options options = rig_options(&rig);
    struct dure_sim_result r = rig_run(&options);
    const size_t width = (size_t)(r.top_count + r.chain_count) * 2;
    TAP_EQ_UINT(r.top_count, 2, "a row for each tenant at the top");
    for (uint32_t i = 0; i < r.sample_count; i++) {
        for (uint32_t k = 0; k < 2 * r.top_count; k++)
            sum += r.series[i * width + k];
        pending += r.samples[i].pending_ms;
    }
    TAP_OK(r.sample_count <= DURE_SIM_SAMPLES_MAX && r.sample_count > DURE_SIM_SAMPLES_MAX / 2 - 1,
           "the series has its length: %u", r.sample_count);
    TAP_OK(r.step_us > 10 * DURE_MINUTE_US, "its step grew with the run");
    TAP_OK(sum <= r.gpu_ms[0] + r.gpu_ms[1] && sum + (uint64_t)DURE_SIM_SAMPLES_MAX * 8 > r.gpu_ms[0] + r.gpu_ms[1],
           "its sum is the whole, but for parts of a ms");
    TAP_EQ_UINT(pending, r.pending_ms, "as that of the waiting is");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void refused_specs(void)
{
    struct rig rig;
    struct dure_sim_result r;
    struct dure_error error = {0};
    struct dure_power power = {
        .spec_json = "{\"kind\":\"Power\",\"version\":1,\"limits\":[{\"site\":\"nowhere\",\"limit\":\"1W\"}]}"};
    power.spec_json_length = strlen(power.spec_json);
    rig_begin(&rig);
    struct dure_sim_options options = rig_options(&rig);
    options.power = &power;
    TAP_OK(dure_sim_run(&options, &r, &error) != DURE_OK, "specs that the core refuses fail the run");
    TAP_HAS(error.text, "nowhere", "in the core's words");
    rig_end(&rig);
}

int main(void)
{
    one_job();
    walltime();
    borrowed_leaves(300, 3720, 0); /* its node is free at 730 s, and 2,990 s of work are left */
    borrowed_leaves(0, 4330, 610); /* all 3,600 s are */
    failures();
    ends();
    batches();
    series();
    refused_specs();
    return tap_done();
}
