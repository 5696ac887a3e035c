/* Other schedulers on the same jobs. Small cases whose answers are known, an exact reckoning of first come first served, and what must hold of every order and
 * placement on a trace: on a small one of ours, and on Philly's where DURE_TRACES has it.
 *
 * Mutants that must die: backfill that ignores the planned start; FIFO that lets others pass; a stopped job that loses what it did; quotas that evict by place;
 * a job counted twice when it is put back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "rig.h"
#include "sim/rival/rival.h"
#include "sim/trace/work.h"
#include "tap.h"

static const char one_fleet[] = "kind: Fleet\nversion: 1\nname: one\nzone: UTC\n"
                                "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]\n"
                                "owners: [{name: o}]\n"
                                "sites: [{name: s, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\n"
                                "groups:\n"
                                "  - {name: g, owner: o, site: s, model: b200, nodes: 'a-[01-02]', cpus: 128, memory: "
                                "2TiB, disk: 1TiB, power: 10kW,\n"
                                "     levels: [{name: rack, holds: 2}, {name: node, holds: 8}], status: assumed}\n";
static const char one_tenants[] = "kind: Tenants\nversion: 1\n"
                                  "tenants: [{name: t, owner: o, tenants: [{name: a}, {name: b}]}]\n"
                                  "allotments: [{name: r, tenant: t/a, group: g, level: node, count: 1}]\n"
                                  "lending: [{owner: o, notice: 5m, to: all}]\n";

static struct dure_rival rival_of(const char *text)
{
    struct dure_rival rival;
    struct dure_error error = {0};
    char name[DURE_RIVAL_NAME_MAX];
    if (dure_rival_parse(text, strlen(text), &rival, name, &error) != DURE_OK)
        tap_bail("%s: %s", text, error.text);
    return rival;
}

static struct dure_sim_result play(struct dure_rival rival, const struct dure_sim_options *options)
{
    struct dure_sim_result result;
    struct dure_error error = {0};
    const enum dure_err err =
        rival.order ? dure_rival_run(&rival, options, &result, &error) : dure_sim_run(options, &result, &error);
    if (err != DURE_OK)
        tap_bail("%s", error.text);
    return result;
}

static struct dure_sim_result play_rig(struct rig *rig, const char *policy)
{
    rig->next = 0;
    struct dure_sim_options options = rig_options(rig);
    options.until_us = DURE_NEVER_US;
    return play(rival_of(policy), &options);
}

static void names(void)
{
    static const struct {
        const char *text, *name;
    } good[] = {{"fifo", "fifo+BestFit"},    {"FGD", "easy+FGD"},
                {"bestfit", "easy+BestFit"}, {"sjf+GPUPACKING", "sjf+GpuPacking"},
                {"easy+dure", "easy+dure"},  {"dure", "dure"},
                {"dure+dure", "dure"},       {"Tiresias-L", "tiresias-l+BestFit"}};
    struct dure_rival rival;
    char name[DURE_RIVAL_NAME_MAX];
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        struct dure_error error = {0};
        TAP_EQ_INT(dure_rival_parse(good[i].text, strlen(good[i].text), &rival, name, &error), DURE_OK, "'%s' is one",
                   good[i].text);
        TAP_EQ_STR(name, good[i].name, "shown as such");
    }
    static const char *const bad[] = {"", "fifos", "fifo+", "+fgd", "fgd+fifo", "fifo+fifo", "easy+fgd+fgd"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dure_error error = {0};
        TAP_EQ_INT(dure_rival_parse(bad[i], strlen(bad[i]), &rival, name, &error), DURE_E_NOT_FOUND, "'%s' is none",
                   bad[i]);
        TAP_HAS(error.text, "tiresias-l), a placement (Random, DotProd", "and those that there are are listed");
    }
    struct dure_error error = {0};
    TAP_EQ_INT(dure_rival_parse("dure+fgd", 8, &rival, name, &error), DURE_E_INVALID, "dure places by itself");
    TAP_HAS(error.text, "such as easy+fgd", "and what to ask for is said");
}

static uint64_t sum_wait_ms(const struct dure_sim_result *r)
{
    uint64_t sum = 0;
    for (unsigned k = 0; k < 2 * DURE_SIM_SIZES; k++)
        sum += r->waits[k / DURE_SIM_SIZES][k % DURE_SIM_SIZES].sum_ms;
    return sum;
}

/* 16 GPUs. A long job of 8 runs; one of 16 waits for it; a short and a long one of 4 come after. Walltimes are ten times the lengths. */
static void orders(void)
{
    static const struct {
        const char *policy;
        uint64_t wait_s; /* of all together */
    } want[] = {
        {"fifo", 990 + 1490 + 1489}, /* all wait for the gang */
        {"easy", 990 + 0 + 1489},    /* the short one ends in time, the long one would not */
    };
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        rig_begin_with(&rig, one_fleet, one_tenants);
        rig_job(&rig, 0, "t/b", DURE_BORROWED, 8, 1000)->walltime_us = 1000 * DURE_SECOND_US;
        rig_job(&rig, 10, "t/b", DURE_BORROWED, 16, 500)->walltime_us = 500 * DURE_SECOND_US;
        rig_job(&rig, 10, "t/b", DURE_BORROWED, 4, 60)->walltime_us = 600 * DURE_SECOND_US;
        rig_job(&rig, 11, "t/b", DURE_BORROWED, 4, 1200)->walltime_us = 2000 * DURE_SECOND_US;
        struct dure_sim_result r = play_rig(&rig, want[i].policy);
        TAP_EQ_UINT(r.ended, 4, "%s: all end", want[i].policy);
        TAP_EQ_UINT(sum_wait_ms(&r) / 1000, want[i].wait_s, "%s: they wait as they should", want[i].policy);
        dure_sim_result_release(&r);
        rig_end(&rig);
    }
}

static void backfill_leaves_room(void)
{
    struct rig rig;
    rig_begin_with(&rig, one_fleet, one_tenants);
    rig_job(&rig, 0, "t/b", DURE_BORROWED, 8, 1000)->walltime_us = 1000 * DURE_SECOND_US;
    rig_job(&rig, 5, "t/b", DURE_BORROWED, 4, 3000)->walltime_us = 3000 * DURE_SECOND_US;
    rig_job(&rig, 10, "t/b", DURE_BORROWED, 8, 500)->walltime_us =
        500 * DURE_SECOND_US; /* at 1000, on the first node */
    rig_job(&rig, 11, "t/b", DURE_BORROWED, 4, 5000)->walltime_us =
        5000 * DURE_SECOND_US; /* beside the second: at once */
    struct dure_sim_result r = play_rig(&rig, "easy");
    TAP_EQ_UINT(sum_wait_ms(&r) / 1000, 990,
                "what leaves the planned start its room starts at once, however long it is");
    TAP_EQ_UINT(r.ended, 4, "and all end");
    dure_sim_result_release(&r);
    rig_end(&rig);
}

static void preemption(void)
{
    static const char *const policies[] = {"srtf", "srsf"};
    for (unsigned i = 0; i < 2; i++) {
        struct rig rig;
        rig_begin_with(&rig, one_fleet, one_tenants);
        rig_job(&rig, 0, "t/b", DURE_BORROWED, 16, 1000);
        rig_job(&rig, 100, "t/b", DURE_BORROWED, 16, 50);
        struct dure_sim_result r = play_rig(&rig, policies[i]);
        TAP_EQ_UINT(r.requeues, 1, "%s: the long one is stopped for the short one", policies[i]);
        TAP_EQ_UINT(sum_wait_ms(&r), 0, "which starts at once");
        TAP_EQ_UINT(r.gpu_ms[1] / 1000, 16 * 1050, "what was done is kept");
        TAP_EQ_INT((r.until_us - r.from_us) / DURE_SECOND_US, 1050, "and the end is when all work is done");
        TAP_EQ_UINT(r.ended, 2, "each ends once");
        dure_sim_result_release(&r);
        rig_end(&rig);
    }
}

/* Single GPUs, first come first served: each starts when the earliest of 16 is free. */
static void exactly_fifo(void)
{
    struct rig rig;
    uint64_t random = 7, want_ms = 0;
    int64_t free_s[16] = {0};
    rig_begin_with(&rig, one_fleet, one_tenants);
    for (unsigned i = 0; i < 800; i++) {
        random = dure_hash64(random + i);
        const int64_t at_s = i * 20, lasts_s = 10 + (int64_t)(random % 700);
        unsigned first = 0;
        rig_job(&rig, at_s, "t/b", DURE_BORROWED, 1, lasts_s);
        for (unsigned k = 1; k < 16; k++)
            first = free_s[k] < free_s[first] ? k : first;
        const int64_t start_s = free_s[first] > at_s ? free_s[first] : at_s;
        want_ms += (uint64_t)(start_s - at_s) * 1000;
        free_s[first] = start_s + lasts_s;
    }
    struct dure_sim_result r = play_rig(&rig, "fifo");
    TAP_EQ_UINT(sum_wait_ms(&r), want_ms, "first come first served, to the second");
    TAP_OK(want_ms > 1000000, "where there are waits");
    struct dure_sim_result again = play_rig(&rig, "fifo+Random");
    TAP_EQ_UINT(sum_wait_ms(&again), want_ms, "wherever single GPUs are placed");
    dure_sim_result_release(&r);
    dure_sim_result_release(&again);
    rig_end(&rig);
}

/* Borrowers stand on both nodes, the youngest of them on different ones: by count enough goes, and there is no node of eight. */
static void scattered(struct rig *rig)
{
    rig_begin_with(rig, one_fleet, one_tenants);
    rig_job(rig, 0, "t/b", DURE_BORROWED, 4, 20000);
    rig_job(rig, 1, "t/b", DURE_BORROWED, 4, 100);
    rig_job(rig, 2, "t/b", DURE_BORROWED, 4, 30000);
    rig_job(rig, 3, "t/b", DURE_BORROWED, 4, 30000);
    rig_job(rig, 200, "t/b", DURE_BORROWED, 4, 30000); /* where the second was */
    rig_job(rig, 1000, "t/a", DURE_GUARANTEED, 8, 600);
}

static void quotas(void)
{
    struct rig rig;
    scattered(&rig);
    struct dure_sim_options options = rig_options(&rig);
    options.until_us = 90000 * DURE_SECOND_US;
    struct dure_sim_result by_quota = play(dure_rival_by_quotas(), &options);
    TAP_EQ_UINT(by_quota.blocked, 1,
                "by quotas a right waits for its shape though its quota is free and 8 GPUs lie idle");
    TAP_OK(by_quota.blocked_most_ms > 15000 * 1000, "until chance makes it one");
    TAP_EQ_UINT(by_quota.promises_late, 1, "later than the notice");
    TAP_OK(by_quota.evicted >= 2, "and two were sent away for it");
    TAP_EQ_UINT(by_quota.ended, 6, "at last all end");
    TAP_EQ_UINT(by_quota.blocked_ms / 1000, by_quota.blocked_most_ms * 8 / 1000, "GPU time that it waited is told");
    rig.next = 0;
    options = rig_options(&rig);
    options.until_us = 90000 * DURE_SECOND_US;
    struct dure_sim_result by_cell = play(rival_of("dure"), &options);
    TAP_EQ_UINT(by_cell.promises_late, 0, "by cells it does not");
    TAP_EQ_INT(by_quota.until_us, options.until_us, "both are played to the end of the time that was asked for");
    TAP_EQ_INT(by_cell.until_us, options.until_us, "though their work ends sooner");
    TAP_OK(by_cell.waits[0][2].most_ms <= 300000, "it starts within the notice");
    dure_sim_result_release(&by_quota);
    dure_sim_result_release(&by_cell);
    rig_end(&rig);
}

static void refusals(void)
{
    struct rig rig;
    struct dure_error error = {0};
    struct dure_sim_result result;
    const struct dure_rival easy = rival_of("easy");
    rig_begin_with(&rig, one_fleet, one_tenants);
    rig_job(&rig, 0, "t/b", DURE_BORROWED, 24, 10); /* three nodes of two */
    rig_job(&rig, 1, "t/b", DURE_BORROWED, 8, 10);
    struct dure_sim_result r = play_rig(&rig, "fifo");
    TAP_OK(r.refused == 1 && r.ended == 1, "what can never fit is refused, and holds nobody back");
    dure_sim_result_release(&r);
    struct dure_sim_options options = rig_options(&rig);
    options.power = (const struct dure_power *)&rig;
    TAP_EQ_INT(dure_rival_run(&easy, &options, &result, &error), DURE_E_UNSUPPORTED, "power limits are not theirs");
    TAP_HAS(error.text, "only dure knows power limits", "which is said");
    rig_end(&rig);
}

/* ---- what must hold on a trace ---- */

struct trace {
    struct dure_work work;
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    uint64_t gpu_ms;
};

static void trace_begin(struct trace *trace, const char *path, uint32_t gpus)
{
    struct dure_error error = {0};
    *trace = (struct trace){0};
    if (dure_work_read(&trace->work, path, DURE_WORK_AUTO, NULL, &error) != DURE_OK ||
        dure_work_specs(&trace->work, gpus, 8, &trace->fleet, &trace->tenants, &error) != DURE_OK)
        tap_bail("%s", error.text);
    for (size_t i = 0; i < trace->work.count; i++)
        trace->gpu_ms += (uint64_t)trace->work.jobs[i].gpus * (uint64_t)trace->work.jobs[i].lasts_us / 1000;
}

static void trace_end(struct trace *trace)
{
    dure_work_release(&trace->work);
    dure_tenants_free(trace->tenants);
    dure_fleet_free(trace->fleet);
}

static struct dure_sim_result play_trace(const struct trace *trace, const char *policy)
{
    struct dure_work_player *player;
    struct dure_error error = {0};
    const struct dure_work_play_options play_options = {
        .work = &trace->work, .fleet = trace->fleet, .tenants = trace->tenants};
    if (dure_work_player_new(&play_options, &player, &error) != DURE_OK)
        tap_bail("%s", error.text);
    const struct dure_sim_options options = {.fleet = trace->fleet,
                                             .tenants = trace->tenants,
                                             .next = dure_work_next,
                                             .context = player,
                                             .seed = 42,
                                             .from_us = trace->work.jobs[0].at_us,
                                             .until_us = DURE_NEVER_US};
    struct dure_sim_result result = play(rival_of(policy), &options);
    dure_work_player_free(player);
    return result;
}

static uint64_t mean_wait_ms(const struct dure_sim_result *r)
{
    return sum_wait_ms(r) / (r->ended ? r->ended : 1);
}

static void conserved(const struct trace *trace, const char *policy, struct dure_sim_result *ret_result)
{
    struct dure_sim_result r = play_trace(trace, policy);
    const uint64_t used = r.gpu_ms[0] + r.gpu_ms[1],
                   off = used > trace->gpu_ms ? used - trace->gpu_ms : trace->gpu_ms - used;
    TAP_OK(r.ended == trace->work.count && r.pending_now == 0 && r.refused == 0, "%s: every job ends", policy);
    TAP_OK(off < trace->work.count * 64, "%s: and the work done is the work asked for, no more and no less", policy);
    *ret_result = r;
}

static void invariants(const char *path, uint32_t spare, uint32_t tight, const char *const *policies)
{
    struct trace trace;
    struct dure_sim_result r, fifo, sjf;
    trace_begin(&trace, path, spare);
    for (unsigned i = 0; policies[i]; i++) {
        conserved(&trace, policies[i], &r);
        TAP_EQ_UINT(sum_wait_ms(&r), 0, "%s: nobody waits with GPUs to spare", policies[i]);
        dure_sim_result_release(&r);
    }
    trace_end(&trace);
    trace_begin(&trace, path, tight);
    conserved(&trace, "fifo", &fifo);
    conserved(&trace, "sjf", &sjf);
    TAP_OK(mean_wait_ms(&fifo) > 60000, "where jobs wait");
    TAP_OK(mean_wait_ms(&sjf) <= mean_wait_ms(&fifo), "the shortest first wait no longer on average");
    for (unsigned i = 0; policies[i]; i++) {
        conserved(&trace, policies[i], &r);
        if (strncmp(policies[i], "easy", 4) == 0 || strcmp(policies[i], "dure") == 0)
            TAP_OK(mean_wait_ms(&r) <= mean_wait_ms(&fifo), "%s: nor do they than first come first served",
                   policies[i]);
        dure_sim_result_release(&r);
    }
    struct dure_sim_result again = play_trace(&trace, "sjf");
    TAP_EQ_MEM(&again.digest, &sjf.digest, sizeof sjf.digest, "the same again decides the same");
    TAP_OK(memcmp(&fifo.digest, &sjf.digest, sizeof sjf.digest) != 0, "and another order does not");
    dure_sim_result_release(&again);
    dure_sim_result_release(&fifo);
    dure_sim_result_release(&sjf);
    trace_end(&trace);
}

int main(int argc, char **argv)
{
    static const char *const all[] = {"fifo",
                                      "sjf",
                                      "easy",
                                      "srtf",
                                      "srsf",
                                      "tiresias-l",
                                      "easy+Random",
                                      "easy+DotProd",
                                      "easy+GpuClustering",
                                      "easy+GpuPacking",
                                      "easy+FGD",
                                      "easy+dure",
                                      "dure",
                                      NULL};
    static const char *const some[] = {"easy", "dure", NULL};
    const char *traces = getenv("DURE_TRACES");
    char path[4096];
    if (argc != 2)
        tap_bail("usage: rival_test SOURCE");
    names();
    orders();
    backfill_leaves_room();
    preemption();
    exactly_fifo();
    quotas();
    refusals();
    snprintf(path, sizeof path, "%s/tests/golden/sim/philly.csv", argv[1]);
    invariants(path, 168, 64, all);
    const char *const places[][2] = {
        {traces ? traces : "/nowhere", ""}, {argv[1], "/../shared/data"}, {argv[1], "/../../shared/data"}};
    bool found = false;
    for (unsigned i = 0; i < 3 && !found; i++) {
        snprintf(path, sizeof path, "%s%s/philly/philly.csv", places[i][0], places[i][1]);
        found = access(path, R_OK) == 0;
    }
    if (found)
        invariants(path, 2000, 700, some);
    else
        tap_skip("the invariants on Philly's trace: DURE_TRACES names no folder that holds philly/philly.csv");
    return tap_done();
}
