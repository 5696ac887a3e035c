/* What a request may ask of its place beyond its size, on a fleet of unlike chains: levels, models in order, spread, lists of nodes. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

/* a: two blocks of two racks of four nodes; n: two NVLink racks of three trays; h: four nodes, nothing above them. */
static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: mixed\nzone: Asia/Seoul\n"
    "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}, {name: gb200, memory: 186GiB, power: 1200W, "
    "nvlink: rack}, {name: a100, memory: 80GiB, power: 400W}]\n"
    "owners: [{name: state}]\n"
    "sites: [{name: one, region: a, latitude: 37.0, longitude: 127.0, engine: emulated},\n"
    "        {name: two, region: b, latitude: 35.0, longitude: 128.0, engine: emulated}]\n"
    "groups:\n"
    "  - {name: a, owner: state, site: one, model: b200, nodes: 'a-[01-16]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 4}], status: installed}\n"
    "  - {name: n, owner: state, site: two, model: gb200, nodes: 'n-[01-06]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: rack, holds: 3}, {name: node, holds: 4}], status: installed}\n"
    "  - {name: h, owner: state, site: two, model: a100, nodes: 'h-[01-04]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}], status: installed}\n";
static const char tenants[] =
    "kind: Tenants\nversion: 1\n"
    "tenants: [{name: state, owner: state, tenants: [{name: t}, {name: u}, {name: v}]}, {name: guest}]\n"
    "allotments:\n"
    "  - {name: racks, tenant: state/t, group: a, level: rack, count: 2}\n"
    "  - {name: trays, tenant: state/u, group: a, level: node, count: 4}\n"
    "  - {name: halves, tenant: state/v, group: n, level: node, count: 2}\n"
    "  - {name: old, tenant: state/v, group: h, level: node, count: 2}\n"
    "lending:\n  - {owner: state, notice: 10m, to: all}\n";

static struct rig rig;
static struct dure_job_view view;

/* Submits and passes; true: it runs, and `view` shows it. */
static bool runs(const struct dure_job *job)
{
    const uint64_t id = dure_core_next_job(rig.core).v;
    if (rig_submit(&rig, job) != DURE_OK || rig_pass(&rig) != DURE_OK)
        return false;
    return dure_core_job_view(rig.core, (struct dure_job_id){id}, DURE_NONE32, &view) && view.state == DURE_JOB_RUNNING;
}

static void end_all(void)
{
    struct dure_job_view live;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig.core, &cursor, &live);)
        (void)!rig_report(&rig, live.attempt.v, DURE_REPORT_ENDED, 0);
    for (struct dure_job_cursor cursor = {0}; dure_core_job_next(rig.core, &cursor, &live);)
        (void)!rig_simple(&rig, DURE_REC_CANCEL, live.id.v, DURE_NONE32);
}

static const char *chain_of(void)
{
    uint32_t in_chain;
    return dure_fleet_chain_of(rig.fleet, (struct dure_node_id){view.places[0].node_first}, &in_chain)->name;
}

/* Do all its places lie in one cell of so many nodes? */
static bool within(uint32_t nodes)
{
    uint32_t in_chain;
    const struct dure_chain *chain =
        dure_fleet_chain_of(rig.fleet, (struct dure_node_id){view.places[0].node_first}, &in_chain);
    for (uint32_t i = 0; i < view.place_count; i++) {
        const uint32_t first = view.places[i].node_first - chain->node_first;
        if (first / nodes != in_chain / nodes || (first + view.places[i].node_count - 1) / nodes != in_chain / nodes)
            return false;
    }
    return true;
}

/* The most of its tasks in one cell of so many nodes. */
static uint32_t crowd(uint32_t nodes)
{
    uint32_t most = 0, in_chain, tasks[64] = {0};
    const struct dure_chain *chain =
        dure_fleet_chain_of(rig.fleet, (struct dure_node_id){view.places[0].node_first}, &in_chain);
    for (uint32_t i = 0; i < view.place_count; i++)
        for (uint32_t k = 0; k < view.places[i].node_count; k++) {
            uint32_t *cell = &tasks[(view.places[i].node_first + k - chain->node_first) / nodes];
            *cell += view.places[i].tasks;
            most = *cell > most ? *cell : most;
        }
    return most;
}

static void levels(void)
{
    static const struct {
        const char *level, *chain; /* NULL: never */
        uint32_t tasks, gpus, nodes;
    } cases[] = {
        {"node", "n", 4, 1, 1},   {"node", NULL, 5, 1, 1},   {"nvlink", "n", 3, 4, 3}, {"nvlink", NULL, 4, 4, 3},
        {"rack", "a", 4, 4, 4},   {"rack", NULL, 5, 4, 4},   {"block", "a", 8, 4, 8},  {"block", NULL, 9, 4, 8},
        {"site", "a", 16, 4, 16}, {"site", NULL, 17, 4, 16},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dure_job job = rig_job(&rig, "guest", cases[i].tasks, cases[i].gpus, true);
        job.level = cases[i].level;
        job.level_required = true;
        const bool ran = runs(&job);
        TAP_OK(ran == (cases[i].chain != NULL), "%s required for %u x %u GPUs: %s", cases[i].level, cases[i].tasks,
               cases[i].gpus, rig.error.text);
        if (ran && cases[i].chain)
            TAP_OK(within(cases[i].nodes), "inside one %s, on %s", cases[i].level, chain_of());
        end_all();
        if (!cases[i].chain) { /* preferred, it takes what there is */
            job.level_required = false;
            TAP_OK(runs(&job) == (cases[i].tasks < 17), "%s preferred for %u x %u GPUs", cases[i].level, cases[i].tasks,
                   cases[i].gpus);
            end_all();
        }
    }
    struct dure_job job = rig_job(&rig, "guest", 2, 4, true);
    job.level = "nvlink";
    TAP_OK(runs(&job) && !strcmp(chain_of(), "n") && within(3), "nvlink preferred goes where two nodes share one");
    end_all();
    job = rig_job(&rig, "state/t", 8, 4, false);
    job.level = "site";
    job.level_required = true;
    TAP_OK(runs(&job), "the site may be required of several rights: %s", rig.error.text);
    end_all();
    job.level = "rack";
    TAP_OK(!runs(&job), "a rack may not");
    end_all();
}

static void order(void)
{
    struct dure_job job = rig_job(&rig, "guest", 1, 4, true);
    job.model_mask = 7;
    job.model_order = 3 | 1 << 8; /* a100, b200, then the rest */
    for (unsigned i = 0; i < 4; i++)
        TAP_OK(runs(&job) && !strcmp(chain_of(), "h"), "the first choice while there is room");
    for (unsigned i = 0; i < 16; i++)
        (void)runs(&job);
    TAP_OK(!strcmp(chain_of(), "a"), "then the second");
    TAP_OK(runs(&job) && !strcmp(chain_of(), "n"), "then what the order does not name");
    end_all();
    job = rig_job(&rig, "guest", 1, 4, true);
    job.gpu_memory_mib = 80 * 1024;
    TAP_OK(runs(&job) && !strcmp(chain_of(), "h"), "80 GiB do not take a GPU of 180 while one of 80 is free");
    job.gpu_memory_mib = 100 * 1024;
    TAP_OK(runs(&job) && !strcmp(chain_of(), "a"), "100 GiB take the least that is enough");
    end_all();
    job = rig_job(&rig, "state/v", 1, 4, false);
    job.gpu_memory_mib = 40 * 1024;
    TAP_OK(runs(&job) && !strcmp(chain_of(), "h"), "so it is among rights, whatever was granted first");
    end_all();
    job.gpu_memory_mib = 0;
    job.model_mask = 7;
    job.model_order = 5; /* not in the mask */
    TAP_OK(rig_submit(&rig, &job) == DURE_E_INVALID, "an order of models that it does not accept: %s", rig.error.text);
    job.model_order = 1 | 1 << 8;
    TAP_OK(rig_submit(&rig, &job) == DURE_E_INVALID, "a model twice: %s", rig.error.text);
    job.model_order = 1;
    TAP_OK(rig_submit(&rig, &job) == DURE_E_INVALID, "an order of one: %s", rig.error.text);
}

static void spread(void)
{
    struct dure_job job = rig_job(&rig, "guest", 8, 1, true);
    job.spread_level = "node";
    job.spread_max = 2;
    TAP_OK(runs(&job) && crowd(1) == 2, "two in a node, borrowed");
    job.spread_level = "rack";
    job.spread_max = 3;
    TAP_OK(runs(&job) && crowd(4) == 3 && !strcmp(chain_of(), "a"), "three in a rack, where there are racks enough");
    job.tasks = 13;
    TAP_OK(!runs(&job), "more than the racks let in: %s", rig.error.text);
    TAP_HAS(rig.error.text, "(needs 13, at most 12 there", "with figures");
    end_all();
    job = rig_job(&rig, "guest", 4, 2, true);
    job.level = "rack";
    job.level_required = true;
    job.spread_level = "node";
    job.spread_max = 1;
    TAP_OK(runs(&job) && crowd(1) == 1 && within(4), "apart in nodes, together in a rack");
    job.tasks = 5;
    TAP_OK(!runs(&job), "five nodes of a rack of four: %s", rig.error.text);
    end_all();
    job = rig_job(&rig, "guest", 6, 1, true);
    job.task_gpu_milli = 300;
    job.spread_level = "node";
    job.spread_max = 2;
    TAP_OK(runs(&job) && crowd(1) == 2, "fractions too");
    end_all();
    job = rig_job(&rig, "state/t", 8, 1, false);
    job.spread_level = "node";
    job.spread_max = 1;
    TAP_OK(runs(&job) && crowd(1) == 1 && !view.cause, "by rights, in the private cluster");
    job.spread_level = "rack";
    job.spread_max = 4;
    TAP_OK(runs(&job) && crowd(4) == 4, "a rack right is a rack");
    job.tasks = 9;
    TAP_OK(!runs(&job), "nine tasks, four in each of two: %s", rig.error.text);
    end_all();
    job = rig_job(&rig, "state/u", 4, 2, false);
    job.spread_level = "rack";
    job.spread_max = 1;
    TAP_OK(!runs(&job) && view.state == DURE_JOB_PENDING,
           "four racks would break the promise of two whole ones: it waits");
    end_all();
    job.spread_max = 2;
    TAP_OK(runs(&job) && crowd(4) == 2, "rights smaller than the rack are bound apart");
    end_all();
    job.spread_max = 0;
    TAP_OK(rig_submit(&rig, &job) == DURE_E_INVALID, "a spread without its number: %s", rig.error.text);
    job.spread_level = "hall";
    TAP_OK(rig_submit(&rig, &job) == DURE_E_NEVER, "a level of no chain: %s", rig.error.text);
}

static uint32_t node_of(const char *name)
{
    struct dure_node_id node = {DURE_NONE32};
    (void)!dure_fleet_node_find(rig.fleet, name, &node);
    return node.v;
}

static bool stands_in(struct dure_node_runs runs)
{
    for (uint32_t i = 0; i < view.place_count; i++)
        if (dure_node_runs_count(runs, view.places[i].node_first, view.places[i].node_count) !=
            view.places[i].node_count)
            return false;
    return true;
}

static void lists(void)
{
    const struct dure_node_run some[] = {{node_of("a-03"), 1}, {node_of("a-09"), 2}, {node_of("h-02"), 1}};
    const struct dure_node_runs these = {some, 3};
    struct dure_job job = rig_job(&rig, "guest", 3, 4, true);
    job.include = these;
    TAP_OK(runs(&job) && stands_in(these) && !strcmp(chain_of(), "a"), "these nodes only, borrowed");
    job.tasks = 1;
    TAP_OK(runs(&job) && !strcmp(chain_of(), "h"), "the last of them");
    TAP_OK(!runs(&job) && view.state == DURE_JOB_PENDING, "then it waits, whatever is free elsewhere");
    job.tasks = 4;
    TAP_OK(rig_submit(&rig, &job) == DURE_E_NEVER, "four nodes of three: %s", rig.error.text);
    TAP_HAS(rig.error.text, "too few of the nodes that it may use (needs 4, at most 3 there", "with figures");
    end_all();
    job = rig_job(&rig, "guest", 13, 4, true);
    job.exclude = these;
    TAP_OK(runs(&job), "all but these");
    for (uint32_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < view.place_count; k++)
            TAP_OK(dure_node_runs_count(these, view.places[k].node_first, view.places[k].node_count) == 0,
                   "none of them");
    end_all();
    job = rig_job(&rig, "state/t", 1, 4, false);
    job.include = (struct dure_node_runs){some, 1};
    TAP_OK(runs(&job) && stands_in(job.include), "by rights: a rack is bound where the node is");
    job = rig_job(&rig, "state/u", 3, 4, false);
    job.include = these;
    TAP_OK(runs(&job) == false && view.state == DURE_JOB_PENDING, "one of them is taken, so it waits");
    end_all();
    TAP_OK(runs(&job) && stands_in(these), "by rights: nodes are bound as the list says");
    end_all();
    job.include = (struct dure_node_runs){0};
    job.exclude = (struct dure_node_runs){some, 2};
    TAP_OK(runs(&job) && dure_node_runs_count(job.exclude, view.places[0].node_first, 1) == 0, "or around it");
    end_all();
    const struct dure_node_run touching[] = {{3, 2}, {5, 1}};
    job.exclude = (struct dure_node_runs){touching, 2};
    TAP_OK(rig_submit(&rig, &job) == DURE_E_INVALID, "runs that touch: %s", rig.error.text);
}

int main(void)
{
    rig_init(&rig, fleet, tenants);
    levels();
    order();
    spread();
    lists();
    rig_check(&rig);
    rig_release(&rig);
    return tap_done();
}
