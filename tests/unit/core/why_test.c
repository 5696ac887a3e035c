/* What `why` adds up: rules that leave no place together, what each costs the queue, and a job that is not submitted. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static struct dure_why ask_not(struct rig *rig, const struct dure_job *job, struct dure_arena *arena, bool *ret_never)
{
    struct dure_why why = {0};
    const struct dure_digest before = dure_core_digest(rig->core);
    TAP_EQ_INT(dure_core_why_not(rig->core, job, arena, &why, ret_never, &rig->error), DURE_OK, "an answer");
    const struct dure_digest after = dure_core_digest(rig->core);
    TAP_OK(!memcmp(&before, &after, sizeof before), "asking changes nothing");
    return why;
}

static void test_whatif(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/a", 4, 4, false);
    struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.place_count == 1 && why.places[0].node_count == 4 && why.place_clear, "four nodes, at once");
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && !why.place_count, "no place while the first runs");
    TAP_EQ_INT(why.estimate.latest_us, rig.now_us + job.walltime_us, "at the latest when its walltime ends");
    TAP_OK(why.estimate.awaited_count == 1 && why.estimate.awaited[0].job.v == 1, "it waits for job 1");
    job.task_gpus = 5;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(never && !why.place_count && !why.estimate.latest_us, "what can never run has no place and no start");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* The borrowed job wants more memory than the firm's GPUs have, and the state's chain is full. */
static void test_crossing(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "guest", 8, 4, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    job.tasks = 1;
    job.gpu_memory_mib = 160 * 1024;
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_EQ_UINT(why.crossing_count, 2, "two rules together leave no place");
    TAP_OK(why.opening.rule == DURE_RULE_BUSY && why.opening.chain.v == 0, "only other work is in the way on st");
    for (uint32_t i = 0; i < why.crossing_count; i++)
        TAP_OK(why.crossing[i].leaves >= 1, "%s leaves something alone", dure_rule_wire(why.crossing[i].rule));
    rig_release(&rig);
    dure_arena_free(arena);
}

/* The firm's GPUs have too little memory for one such fraction. */
static void test_large_fraction(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "guest", 8, 4, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    job = rig_job(&rig, "guest", 2, 1, true);
    job.task_gpu_milli = 500;
    job.gpu_memory_mib = 160 * 1024;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "it waits: %s", rig.error.text);
    (void)!rig_pass(&rig);
    struct dure_why why = {0};
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){2}, DURE_NONE32, arena, &why, &rig.error), DURE_OK,
               "an answer");
    TAP_EQ_UINT(why.crossing_count, 2, "its memory and other work leave no place");
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never, "it will run");
    job.gpu_memory_mib = 200 * 1024;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(never, "no GPU has so much");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* Of fractions so many on a node means nothing. On the small chain, which has no racks to spread over, a node's worth is too many already. */
static void test_fractions_per_node(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig,
             "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W}]\nowners: [{name: o}]\n"
             "sites: [{name: s, engine: emulated}]\ngroups:\n"
             "  - {name: large, owner: o, site: s, model: m, nodes: 'l[1-2]', cpus: 64, memory: 1TiB, levels: [{name: "
             "rack, holds: 1}, {name: node, holds: 4}]}\n"
             "  - {name: small, owner: o, site: s, model: m, nodes: 's[1-2]', cpus: 64, memory: 1TiB, levels: [{name: "
             "node, holds: 1}]}\n",
             "kind: Tenants\nversion: 1\ntenants: [{name: guest}]\nlending: [{owner: o, notice: 10m, to: all}]\n");
    struct dure_job job = rig_job(&rig, "guest", 16, 1, true);
    job.task_gpu_milli = 500;
    job.tasks_per_node = 16;
    job.spread_level = "rack";
    job.spread_max = 8;
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "the large chain can carry it: %s", rig.error.text);
    (void)!rig_pass(&rig);
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.sentence, "an answer about another like it");
    TAP_EQ_UINT(why.opening.rule, DURE_RULE_BUSY, "only other work is in the way on the large chain");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* What a submission would be refused for, whatever comes, is told beforehand as well. */
static void test_refused_for_ever(void)
{
    struct rig rig;
    bool never = false;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(
        &rig, specs_fleet,
        "kind: Tenants\nversion: 1\ntenants: [{name: guest, ceilings: {gpus: 2}}]\nlending: [{owner: state, notice: "
        "10m, to: all}]\n");
    const struct dure_job job = rig_job(&rig, "guest", 1, 2, true);
    struct dure_job other = rig_job(&rig, "guest", 1, 3, true);
    struct dure_why why = ask_not(&rig, &other, arena, &never);
    TAP_OK(never && !why.place_count && !why.estimate.latest_us, "more than its tenant may ever hold");
    TAP_HAS(why.sentence, "ceiling (gpus)", "which is said");
    TAP_EQ_INT(rig_submit(&rig, &other), DURE_E_NEVER, "and a submission is refused");
    (void)!rig_submit(&rig, &job);
    (void)!rig_simple(&rig, DURE_REC_CANCEL, 1, DURE_NONE32);
    other = job;
    other.deps[other.dep_count++] = (struct dure_dep){{1}, DURE_DEP_OK};
    why = ask_not(&rig, &other, arena, &never);
    TAP_OK(never, "what it depends on has failed");
    TAP_HAS(why.sentence, "job 1 has ended CANCELLED", "which is said");
    other.deps[0].job.v = 9;
    TAP_EQ_INT(dure_core_why_not(rig.core, &other, arena, &why, &never, &rig.error), DURE_E_NOT_FOUND,
               "there is no such job to depend on");
    other = job;
    other.deadline_us = rig.now_us + other.walltime_us - 1;
    why = ask_not(&rig, &other, arena, &never);
    TAP_OK(never && !strncmp(why.sentence, "deadline: ", 10), "it could not end in time");
    other.deadline_us++;
    why = ask_not(&rig, &other, arena, &never);
    TAP_OK(!never && why.place_count, "it could if it started at once");
    rig_release(&rig);
    dure_arena_free(arena);
}

static void tell(struct rig *rig, enum dure_record_kind kind, const char *text)
{
    struct dure_record r = rig_record(rig, kind);
    r.text = text;
    r.text_length = strlen(text);
    TAP_EQ_INT(rig_step(rig, &r), DURE_OK, "taken: %s", rig->error.text);
}

static void limit(struct rig *rig, uint64_t watt)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"kind\":\"Power\",\"version\":1,\"limits\":[{\"site\":\"one\",\"limit\":\"%lluW\"}]}",
             (unsigned long long)watt);
    tell(rig, DURE_REC_POWER, text);
}

static bool runs(const struct rig *rig, uint64_t job)
{
    struct dure_job_view view;
    return dure_core_job_view(rig->core, (struct dure_job_id){job}, DURE_NONE32, &view) &&
           view.state != DURE_JOB_PENDING;
}

static enum dure_rule charged(struct rig *rig)
{
    struct dure_toll *toll = NULL;
    uint32_t count = 0;
    uint64_t requests = 0;
    if (dure_core_toll_begin(rig->core, &toll, &rig->error) != DURE_OK)
        tap_bail("%s", rig->error.text);
    while (dure_core_toll_next(rig->core, toll, 1000))
        ;
    const struct dure_toll_row *rows = dure_core_toll_rows(toll, &count, &requests);
    const enum dure_rule rule = count ? rows[0].rule : DURE_RULE_FITS;
    TAP_OK(count == 1 && rows[0].gpu_seconds == rows[0].gpus * 1800, "one rule, half an hour of its GPUs");
    dure_core_toll_free(toll);
    return rule;
}

static const char lent_by_all[] = "tenants:\n"
                                  "  - {name: state, owner: state, tenants: [{name: a}]}\n"
                                  "  - {name: guest}\n"
                                  "lending:\n"
                                  "  - {owner: state, notice: 10m, to: all}\n"
                                  "  - {owner: firm, notice: 10m, to: all}\n";

static struct rig two_sites(uint64_t watt)
{
    struct rig rig;
    char tenants[1024];
    snprintf(tenants, sizeof tenants, "kind: Tenants\nversion: 1\n%s", lent_by_all);
    rig_init(&rig, specs_fleet, tenants);
    tell(&rig, DURE_REC_DATA,
         "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"web\",\"sites\":\"all\"},"
         "{\"name\":\"census\",\"sites\":[\"one\"],\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}}]}");
    limit(&rig, watt);
    return rig;
}

/* Site one: 8 nodes of 4 GPUs, 2.5 kW each. 14 kW feed 5 GPUs, of which job 1 takes 4; the dataset may be used there alone. */
static void test_power_and_data(void)
{
    struct rig rig = two_sites(14000);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct dure_why why = {0};
    struct dure_job job = rig_job(&rig, "guest", 1, 4, true);
    job.data_mask = 2;
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 1), "the first has power");
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    (void)!rig_tick(&rig, rig.now_us + DURE_HOUR_US / 2);
    const struct dure_digest before = dure_core_digest(rig.core);
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){2}, DURE_NONE32, arena, &why, &rig.error), DURE_OK, "why");
    const struct dure_digest after = dure_core_digest(rig.core);
    TAP_OK(!memcmp(&before, &after, sizeof before), "asking changes nothing");
    TAP_EQ_UINT(why.crossing_count, 2, "two rules leave no place");
    for (uint32_t i = 0; i < why.crossing_count; i++) {
        const struct dure_why_crossed *crossed = &why.crossing[i];
        const char *site = rig.fleet->sites[rig.fleet->chains[crossed->first.v].site.v].name;
        TAP_OK(crossed->rule == DURE_RULE_DATA || crossed->rule == DURE_RULE_POWER, "%s",
               dure_rule_wire(crossed->rule));
        TAP_EQ_STR(crossed->what, crossed->rule == DURE_RULE_DATA ? "census" : "site one", "what it is of");
        TAP_EQ_STR(site, crossed->rule == DURE_RULE_DATA ? "one" : "two", "what it leaves");
    }
    TAP_OK(why.opening.rule == DURE_RULE_POWER && why.opening.chain.v == 0, "power is the cheapest to change");
    TAP_OK(why.opening.need == 10 && why.opening.have == 2 && !strcmp(why.opening.unit, "kW"), "10 kW, of which 2");
    TAP_EQ_STR(why.opening.what, "site one", "whose limit");
    TAP_EQ_UINT(why.opening.more_gpus, 3, "three GPUs more");
    TAP_EQ_UINT(why.opening.more_mw, 6000000, "8 GPUs draw 20 kW, 6 more than 14");
    TAP_OK(charged(&rig) == DURE_RULE_POWER, "its waiting is charged to power");
    bool offered = false;
    for (uint32_t i = 0; i < why.change_count; i++)
        offered |= !strcmp(why.changes[i].text, "dataset 'census': at site two as well");
    for (uint32_t i = 0; !offered && i < why.change_count; i++)
        tap_diag("%s", why.changes[i].text);
    TAP_OK(offered, "another site for the data is offered");
    tell(&rig, DURE_REC_POWER,
         "{\"kind\":\"Power\",\"version\":1,\"limits\":[{\"site\":\"one\",\"limit\":\"14kW\"},"
         "{\"site\":\"two\",\"limit\":\"1kW\"}]}");
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){2}, DURE_NONE32, arena, &why, &rig.error), DURE_OK, "why");
    TAP_OK(!why.crossing_count && why.opening.rule == DURE_RULE_POWER && !why.opening.more_limits,
           "power alone refuses both sites");
    TAP_EQ_STR(why.opening.what, "site one", "what the other site lacks is not counted in");
    TAP_EQ_UINT(why.opening.more_mw, 6000000, "still 6 kW");
    limit(&rig, 19999);
    (void)!rig_pass(&rig);
    TAP_OK(!runs(&rig, 2), "a watt less than what was said is not enough");
    limit(&rig, 20000);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 2), "with what was said it starts");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* The same with the other change: the dataset may be used at site two as well. */
static void test_another_site(void)
{
    struct rig rig = two_sites(14000);
    struct dure_job job = rig_job(&rig, "guest", 1, 4, true);
    job.data_mask = 2;
    (void)!rig_submit(&rig, &job);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 1) && !runs(&rig, 2), "one runs");
    tell(&rig, DURE_REC_DATA,
         "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"web\",\"sites\":\"all\"},"
         "{\"name\":\"census\",\"sites\":[\"one\",\"two\"],\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}}]"
         "}");
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 2), "at the other site the second starts");
    rig_release(&rig);
}

/* A node to itself, while every node has somebody on it: its neighbours are what is in the way, and the dataset is named. */
static void test_neighbours(void)
{
    struct rig rig = two_sites(1000000);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    bool never = true;
    struct dure_job job = rig_job(&rig, "guest", 8, 3, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    job = rig_job(&rig, "state/a", 1, 1, true);
    job.data_mask = 2;
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.opening.rule == DURE_RULE_NEIGHBOURS, "neighbours, not %s", dure_rule_wire(why.opening.rule));
    TAP_EQ_STR(why.opening.what, "census", "because of the dataset");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* By a list: guest stands on every node of site one, and may not have the data beside it; state may. Each way round, and lifted for a try. */
static void test_listed_neighbours(void)
{
    struct rig rig = two_sites(1000000);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct dure_why why = {0};
    bool never = true, offered = false;
    tell(&rig, DURE_REC_DATA,
         "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"web\",\"sites\":\"all\"},"
         "{\"name\":\"census\",\"sites\":[\"one\"],\"neighbours\":{\"level\":\"node\",\"tenants\":[\"guest\"]}}]}");
    struct dure_job job = rig_job(&rig, "guest", 8, 3, true);
    job.model_mask = UINT64_C(1) << rig.fleet->chains[0].model.v;
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 1), "the guest is on every node there");
    job = rig_job(&rig, "state/a", 1, 1, true);
    job.data_mask = 2;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.opening.rule == DURE_RULE_NEIGHBOURS, "neighbours, not %s", dure_rule_wire(why.opening.rule));
    TAP_EQ_STR(why.opening.what, "census", "because of the dataset");
    TAP_OK(why.opening.need == 1 && why.opening.have == 0, "1 GPU, of which none is idle beside others");
    for (uint32_t i = 0; i < why.change_count; i++)
        offered |= !strcmp(why.changes[i].text, "dataset 'census': beside anybody");
    TAP_OK(offered, "to let the data stand beside anybody is offered");
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(!runs(&rig, 2), "it waits");
    job = rig_job(&rig, "state", 1, 1, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 3), "whom the list does not name starts");
    TAP_OK(rig_report(&rig, 1, DURE_REPORT_ENDED, 0) == DURE_OK && rig_report(&rig, 2, DURE_REPORT_ENDED, 0) == DURE_OK,
           "both end");
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 2), "then the data has its place");
    job = rig_job(&rig, "guest", 8, 4, true);
    job.model_mask = UINT64_C(1) << rig.fleet->chains[0].model.v;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never, "eight whole nodes are not to be had");
    job = rig_job(&rig, "guest", 8, 3, true);
    job.model_mask = UINT64_C(1) << rig.fleet->chains[0].model.v;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.opening.rule == DURE_RULE_NEIGHBOURS, "whom it names waits by the same rule, not %s",
           dure_rule_wire(why.opening.rule));
    TAP_EQ_STR(why.opening.what, "census", "of the same dataset");
    rig_release(&rig);
    dure_arena_free(arena);
}

/* A spread over racks, of instances: the node that is over at site two has no rack, and its engine makes no instances. Both are in its way. */
static void test_instances_spread(void)
{
    static const char profile[] =
        ", mig: [{name: 1g.23gb, slices: 1, memory_slices: 1, memory: 22GiB, starts: [0, 1, 2, 3, 4, 5, 6]}]";
    char fleet[sizeof specs_fleet + sizeof profile];
    const int at = (int)(strchr(specs_fleet, '}') - specs_fleet);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct rig rig;
    bool never = true;
    snprintf(fleet, sizeof fleet, "%.*s%s%s", at, specs_fleet, profile, specs_fleet + at);
    rig_init(&rig, fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "guest", 8, 4, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 1), "every GPU of site one is in use");
    job = rig_job(&rig, "guest", 2, 1, true);
    job.mig = "1g.23gb";
    job.spread_level = "rack";
    job.spread_max = 1;
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.opening.rule == DURE_RULE_BUSY && why.opening.chain.v == 0,
           "other work is in its way, on st, and not %s", dure_rule_wire(why.opening.rule));
    rig_release(&rig);
    dure_arena_free(arena);
}

/* Two rights to one GPU each, of a model without instances: whole GPUs would do, over both. */
static void test_instances_over_rights(void)
{
    static const char profile[] =
        ", mig: [{name: 1g.23gb, slices: 1, memory_slices: 1, memory: 22GiB, starts: [0, 1, 2, 3, 4, 5, 6]}]";
    char fleet[sizeof specs_fleet + sizeof profile];
    const int at = (int)(strchr(specs_fleet, '}') - specs_fleet);
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct rig rig;
    bool never = true;
    snprintf(fleet, sizeof fleet, "%.*s%s%s", at, specs_fleet, profile, specs_fleet + at);
    rig_init(&rig, fleet,
             "kind: Tenants\nversion: 1\n"
             "tenants: [{name: firm, owner: firm, tenants: [{name: c}]}]\n"
             "allotments:\n"
             "  - {name: g1, tenant: firm/c, group: fi, level: gpu, count: 1}\n"
             "  - {name: g2, tenant: firm/c, group: fi, level: gpu, count: 1}\n");
    struct dure_job job = rig_job(&rig, "firm/c", 2, 1, false);
    job.mig = "1g.23gb";
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(why.opening.rule == DURE_RULE_MIG && why.opening.chain.v == 1, "its profile is in the way, not %s",
           dure_rule_wire(why.opening.rule));
    rig_release(&rig);
    dure_arena_free(arena);
}

/* Site one is down; the owner of site two does not lend, and a limit there is too low for ever. Of the two an operator decides on the limit. */
static void test_cheapest_crossing(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    tell(&rig, DURE_REC_POWER, "{\"kind\":\"Power\",\"version\":1,\"limits\":[{\"site\":\"two\",\"limit\":\"1kW\"}]}");
    for (uint32_t node = 0; node < 8; node++)
        TAP_EQ_INT(rig_node(&rig, DURE_REC_NODE_REPORT, node, DURE_NODE_IS_DOWN), DURE_OK, "a node is down");
    const struct dure_job job = rig_job(&rig, "guest", 1, 4, true);
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_EQ_UINT(why.crossing_count, 2, "two rules leave no place");
    for (uint32_t i = 0; i < why.crossing_count; i++)
        TAP_OK(why.crossing[i].rule == DURE_RULE_LOST || why.crossing[i].rule == DURE_RULE_POWER,
               "of what refuses site two the limit costs less to change, not %s", dure_rule_wire(why.crossing[i].rule));
    rig_release(&rig);
    dure_arena_free(arena);
}

/* Eight nodes, for which site two has neither room nor power: its size alone is in the way, since one task would have both. */
static void test_power_of_what_is_left(void)
{
    struct rig rig = two_sites(1000000);
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    tell(&rig, DURE_REC_POWER, "{\"kind\":\"Power\",\"version\":1,\"limits\":[{\"site\":\"two\",\"limit\":\"49kW\"}]}");
    struct dure_job job = rig_job(&rig, "guest", 8, 4, true);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(runs(&rig, 1), "site one is in use");
    job = rig_job(&rig, "guest", 8, 3, true);
    const struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && why.opening.rule == DURE_RULE_SIZE && why.opening.chain.v == 1, "its size is in the way, not %s",
           dure_rule_wire(why.opening.rule));
    rig_release(&rig);
    dure_arena_free(arena);
}

/* One more half beside a half that its tenant borrows: nobody has to leave for it. */
static void test_beside_its_own(void)
{
    struct rig rig;
    struct dure_why why = {0};
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "guest", 1, 1, true);
    job.task_gpu_milli = 500;
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){1}, DURE_NONE32, arena, &why, &rig.error), DURE_OK, "why");
    TAP_OK(why.other_count && why.others[0].here && why.others[0].fits, "one more would fit where it runs");
    TAP_EQ_UINT(why.others[0].evicts, 0, "and nobody would leave");
    TAP_EQ_UINT(why.others[0].left_over, 3, "three GPUs of the node stay idle");
    rig_release(&rig);
    dure_arena_free(arena);
}

static void test_toll(void)
{
    struct rig rig;
    struct dure_toll *toll = NULL;
    uint32_t count = 0, slices = 1;
    uint64_t requests = 0;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/a", 4, 4, false);
    for (uint32_t i = 0; i < 5; i++) /* one runs */
        (void)!rig_submit(&rig, &job);
    job.hold = true;
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    (void)!rig_tick(&rig, rig.now_us + DURE_HOUR_US / 2);
    TAP_EQ_INT(dure_core_toll_begin(rig.core, &toll, &rig.error), DURE_OK, "begun");
    while (dure_core_toll_next(rig.core, toll, 1))
        slices++;
    const struct dure_toll_row *rows = dure_core_toll_rows(toll, &count, &requests);
    TAP_OK(slices > 4, "in slices");
    TAP_EQ_UINT(requests, 1, "equal requests are judged once");
    TAP_EQ_UINT(count, 2, "own use, and the one that is held");
    TAP_OK(rows[0].rule == DURE_RULE_OWN_USE && rows[0].jobs == 4 && rows[0].gpus == 64, "four jobs wait for it");
    TAP_EQ_UINT(rows[0].gpu_seconds, 64 * 1800, "GPUs times the time waited");
    TAP_OK(rows[1].wait == DURE_WAIT_HELD && rows[1].jobs == 1, "the held one by itself");
    dure_core_toll_free(toll);
    rig_release(&rig);
}

/* All of st but its last node is in maintenance; two of the nodes are drained by somebody besides, so they do not come back with it. */
static void test_maintenance(void)
{
    struct rig rig;
    bool never = true;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    rig_init(&rig, specs_fleet, specs_tenants);
    const int64_t over_us = rig.now_us + 2 * DURE_HOUR_US;
    struct dure_place run = {.node_first = 0, .node_count = 7};
    struct dure_record r = rig_record(&rig, DURE_REC_BOOK);
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us;
    r.deadline_us = over_us;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance is booked");
    (void)!rig_tick(&rig, rig.now_us + DURE_MINUTE_US);
    struct dure_job job = rig_job(&rig, "state/a", 2, 4, false);
    struct dure_why why = ask_not(&rig, &job, arena, &never);
    TAP_EQ_INT(why.estimate.latest_us, over_us, "by right it would start when the maintenance is over");
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){1}, DURE_NONE32, arena, &why, &rig.error), DURE_OK,
               "it is submitted");
    TAP_OK(why.wait == DURE_WAIT_SUSPENDED, "its right is short meanwhile");
    TAP_EQ_INT(why.estimate.latest_us, over_us, "and it starts then");
    TAP_OK(why.estimate.awaited_count == 1 && why.estimate.awaited[0].job.v == 0 &&
               why.estimate.awaited[0].booking == 1,
           "that is what it waits for");
    job = rig_job(&rig, "guest", 3, 4, true);
    job.grace_us = 0;
    why = ask_not(&rig, &job, arena, &never);
    TAP_EQ_INT(why.estimate.latest_us, over_us, "and borrowed");
    for (uint32_t node = 0; node < 5; node++)
        (void)!rig_node(&rig, DURE_REC_DRAIN, node, 0);
    job.tasks = 4;
    why = ask_not(&rig, &job, arena, &never);
    TAP_OK(!never && !why.estimate.latest_us, "what is drained besides does not come back with it");
    rig_release(&rig);
    dure_arena_free(arena);
}

int main(void)
{
    test_whatif();
    test_maintenance();
    test_crossing();
    test_large_fraction();
    test_fractions_per_node();
    test_refused_for_ever();
    test_power_and_data();
    test_another_site();
    test_neighbours();
    test_listed_neighbours();
    test_instances_spread();
    test_instances_over_rights();
    test_cheapest_crossing();
    test_beside_its_own();
    test_power_of_what_is_left();
    test_toll();
    return tap_done();
}
