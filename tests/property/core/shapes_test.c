/* Random requests with spread, lists of nodes, models in order, and MIG profiles, on a small fleet of unlike chains. A naive recount of every start:
 * its nodes are those it may use, no cell holds more of its tasks than its spread lets in, no two instances share a memory slice, nothing but
 * instances stands beside one, all of one tenant; and no borrowed job of one task starts on a later choice of model while an earlier one had a
 * node with room. At times the core is saved and loaded, and goes on in the place of the old one.
 *
 * Mutants that must die here: models in the order of declaration, any node will do, any number of tasks in one cell, instances placed as if the
 * GPU were empty, instances and milli-fractions on one GPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "rig.h"
#include "tap.h"

enum { ATTEMPTS_MAX = 8192, NODES = 27, GPUS = 4, USERS_MAX = 16 };

#define MIG                                                                                                            \
    "[{name: 1g, slices: 1, memory_slices: 1, memory: 20GiB, starts: [0, 1, 2, 3, 4, 5, 6]},\n"                        \
    "   {name: 1g2, slices: 1, memory_slices: 2, memory: 40GiB, starts: [0, 2, 4, 6]},\n"                              \
    "   {name: 3g, slices: 3, memory_slices: 4, memory: 80GiB, starts: [0, 4]},\n"                                     \
    "   {name: 4g, slices: 4, memory_slices: 4, memory: 80GiB, starts: [0]}]"
static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: mixed\nzone: Asia/Seoul\n"
    "models:\n- {name: b200, memory: 180GiB, power: 1000W, nvlink: node}\n"
    "- {name: gb200, memory: 186GiB, power: 1200W, nvlink: rack}\n"
    "- name: a100\n  memory: 80GiB\n  power: 400W\n"
    "- name: h200\n  memory: 140GiB\n  power: 700W\n  mig: " MIG "\n"
    "owners: [{name: state}]\n"
    "sites: [{name: one, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\n"
    "groups:\n"
    "  - {name: a, owner: state, site: one, model: b200, nodes: 'a-[01-12]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: rack, holds: 4}, {name: node, holds: 4}], status: installed}\n"
    "  - {name: n, owner: state, site: one, model: gb200, nodes: 'n-[01-06]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: rack, holds: 3}, {name: node, holds: 4}], status: installed}\n"
    "  - {name: h, owner: state, site: one, model: a100, nodes: 'h-[01-03]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: node, holds: 4}], status: installed}\n"
    "  - {name: m, owner: state, site: one, model: h200, nodes: 'm-[01-06]', cpus: 64, memory: 512GiB, power: 10kW,\n"
    "     levels: [{name: rack, holds: 2}, {name: node, holds: 4}], status: installed}\n";
static const char tenants[] =
    "kind: Tenants\nversion: 1\n"
    "tenants: [{name: state, owner: state, tenants: [{name: t}, {name: u}]}, {name: guest}, {name: other}]\n"
    "allotments:\n"
    "  - {name: racks, tenant: state/t, group: a, level: rack, count: 1}\n"
    "  - {name: nodes, tenant: state/u, group: a, level: node, count: 3}\n"
    "  - {name: cut, tenant: state/t, group: m, level: node, count: 2}\n"
    "  - {name: old, tenant: state/u, group: h, level: node, count: 1}\n"
    "lending: [{owner: state, notice: 10m, to: all}]\n";

static uint64_t seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

struct kept {
    struct dure_job job;
    struct dure_node_run runs[4];
    struct dure_place *places;
    uint32_t place_count;
    uint64_t id;
    bool live, reserved;
};
static struct kept *jobs;
static uint32_t job_count, starts, limited, ordered, instances;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

/* ---- the naive recount ---- */

static const struct dure_chain *chain_at(const struct rig *rig, uint32_t node)
{
    uint32_t in_chain;
    return dure_fleet_chain_of(rig->fleet, (struct dure_node_id){node}, &in_chain);
}

static bool listed(struct dure_node_runs runs, uint32_t node)
{
    for (uint32_t i = 0; i < runs.count; i++)
        if (node >= runs.at[i].first && node - runs.at[i].first < runs.at[i].count)
            return true;
    return false;
}

static bool may_use(const struct dure_job *job, uint32_t node)
{
    return (!job->include.count || listed(job->include, node)) && !listed(job->exclude, node);
}

static bool uses_gpu(const struct kept *k, uint32_t node, uint32_t gpu, const struct dure_place **ret_place)
{
    for (uint32_t i = 0; k->live && i < k->place_count; i++)
        if (node >= k->places[i].node_first && node - k->places[i].node_first < k->places[i].node_count &&
            k->places[i].gpu_mask >> gpu & 1) {
            *ret_place = &k->places[i];
            return true;
        }
    return false;
}

static uint16_t slices_of(const struct rig *rig, const struct kept *k, const struct dure_place *place)
{
    uint32_t profile;
    uint16_t slices = 0;
    if (!k->job.mig || !dure_fleet_mig_find(rig->fleet, k->job.mig, &profile))
        return 0;
    const struct dure_mig_profile *p = &rig->fleet->migs[profile];
    for (unsigned start = 0; start < 16; start++)
        for (unsigned s = 0; place->starts >> start & 1 && s < p->memory_slices; s++) {
            if (slices >> (start + s) & 1 || !(p->starts >> start & 1))
                TAP_FAIL("an instance of job %llu begins where it may, apart from the others",
                         (unsigned long long)k->id);
            slices |= (uint16_t)(1u << (start + s));
        }
    return slices;
}

/* The new job against all that stands on its GPUs. */
static void check_gpus(const struct rig *rig, const struct kept *k)
{
    for (uint32_t i = 0; i < k->place_count; i++)
        for (uint32_t n = 0; n < k->places[i].node_count; n++)
            for (uint32_t gpu = 0; gpu < GPUS; gpu++) {
                const struct dure_place *mine = NULL, *other = NULL;
                if (!(k->places[i].gpu_mask >> gpu & 1) || !uses_gpu(k, k->places[i].node_first + n, gpu, &mine))
                    continue;
                for (uint32_t j = 0; j < job_count; j++) {
                    if (&jobs[j] == k || !uses_gpu(&jobs[j], k->places[i].node_first + n, gpu, &other) ||
                        jobs[j].reserved)
                        continue;
                    if (mine->gpu_milli == 1000 || other->gpu_milli == 1000 ||
                        jobs[j].job.tenant.v != k->job.tenant.v || !mine->starts != !other->starts ||
                        (slices_of(rig, k, mine) & slices_of(rig, &jobs[j], other)))
                        TAP_FAIL("jobs %llu and %llu may share a GPU", (unsigned long long)k->id,
                                 (unsigned long long)jobs[j].id);
                }
            }
}

static bool in_one_cell(const struct rig *rig, const struct kept *k, const struct dure_chain *chain)
{
    const unsigned level = dure_fleet_level(rig->fleet, chain, k->job.level);
    const uint32_t nodes = level ? dure_chain_leaves_at(chain, level) / GPUS : 1;
    const uint32_t cell = (k->places[0].node_first - chain->node_first) / nodes;
    for (uint32_t i = 0; i < k->place_count; i++)
        if ((k->places[i].node_first - chain->node_first) / nodes != cell ||
            (k->places[i].node_first + k->places[i].node_count - 1 - chain->node_first) / nodes != cell)
            return false;
    return level > 0;
}

static void check_limits(const struct rig *rig, const struct kept *k)
{
    uint32_t tasks[NODES] = {0}, total = 0;
    const struct dure_chain *chain = chain_at(rig, k->places[0].node_first);
    const unsigned level =
        k->job.spread_max ? dure_fleet_level(rig->fleet, chain, k->job.spread_level) : chain->level_count + 1u;
    const uint32_t leaves = level > chain->level_count ? chain->leaf_count : dure_chain_leaves_at(chain, level);
    for (uint32_t i = 0; i < k->place_count; i++)
        for (uint32_t n = 0; n < k->places[i].node_count; n++) {
            const uint32_t node = k->places[i].node_first + n;
            total += k->places[i].tasks;
            tasks[(node - chain->node_first) * GPUS / leaves] += k->places[i].tasks;
            if (!may_use(&k->job, node))
                TAP_FAIL("job %llu uses node %u", (unsigned long long)k->id, node);
        }
    if (k->job.level_required && !in_one_cell(rig, k, chain))
        TAP_FAIL("job %llu stands in one %s", (unsigned long long)k->id, k->job.level);
    if (total != k->job.tasks)
        TAP_FAIL("job %llu starts whole", (unsigned long long)k->id);
    for (uint32_t cell = 0; k->job.spread_max && cell < NODES; cell++)
        if (tasks[cell] > k->job.spread_max)
            TAP_FAIL("job %llu has %u tasks in one %s, at most %u", (unsigned long long)k->id, tasks[cell],
                     k->job.spread_level, k->job.spread_max);
    limited += k->job.spread_max || k->job.include.count || k->job.exclude.count;
    instances += k->places[0].starts ? k->job.tasks : 0;
}

/* The borrowers' planned start: what is kept for it is not for others. */
static struct {
    uint64_t job; /* 0: none */
    uint64_t gpus[NODES];
} planned;

static void note_plan(const struct dure_record *r)
{
    if (r->kind == DURE_REC_PLAN && !r->binding_count) {
        memset(&planned, 0, sizeof planned);
        planned.job = r->job.v;
        for (uint32_t i = 0; i < r->place_count; i++)
            for (uint32_t n = 0; n < r->places[i].node_count; n++)
                planned.gpus[r->places[i].node_first + n] |= r->places[i].gpu_mask;
    } else if (r->kind != DURE_REC_PLAN && r->job.v == planned.job) {
        planned.job = 0; /* it starts, or gives its plan up */
        memset(planned.gpus, 0, sizeof planned.gpus);
    }
}

static uint64_t rank_of(const struct rig *rig, const struct dure_job *job, uint32_t model)
{
    for (unsigned k = 0; job->model_order && k < 8; k++)
        if ((job->model_order >> 8 * k & 0xff) == model + 1)
            return k;
    return job->model_order ? 8 : job->gpu_memory_mib ? rig->fleet->models[model].memory_mib : 0;
}

/* Has some node of a model before this one room for one task? (all is lent to all; nodes are up) */
static void check_order(const struct rig *rig, const struct kept *k)
{
    const struct dure_job *job = &k->job;
    const uint32_t model = chain_at(rig, k->places[0].node_first)->model.v;
    if (job->job_class != DURE_BORROWED || job->tasks > 1 || job->task_gpu_milli < 1000 || (job->mig && *job->mig))
        return;
    ordered += job->model_order || job->gpu_memory_mib;
    for (uint32_t node = 0; node < NODES; node++) {
        const uint32_t other = chain_at(rig, node)->model.v;
        uint32_t idle = GPUS;
        if (rank_of(rig, job, other) >= rank_of(rig, job, model) || !may_use(job, node) ||
            (job->model_mask && !(job->model_mask >> other & 1)) ||
            rig->fleet->models[other].memory_mib < job->gpu_memory_mib ||
            (job->spread_max && !dure_fleet_level(rig->fleet, chain_at(rig, node), job->spread_level)) ||
            (job->level_required && !dure_fleet_level(rig->fleet, chain_at(rig, node), job->level)))
            continue;
        for (uint32_t gpu = 0; gpu < GPUS; gpu++) {
            bool used = planned.gpus[node] >> gpu & 1;
            const struct dure_place *place;
            for (uint32_t j = 0; j < job_count && !used; j++)
                used = &jobs[j] != k && uses_gpu(&jobs[j], node, gpu, &place);
            idle -= used;
        }
        if (idle >= job->task_gpus)
            TAP_FAIL("job %llu starts on its later choice while node %u had %u idle GPUs", (unsigned long long)k->id,
                     node, idle);
    }
}

static struct kept *find(uint64_t id)
{
    for (uint32_t i = job_count; i-- > 0;)
        if (jobs[i].id == id)
            return &jobs[i];
    return NULL;
}

static void watch(struct rig *rig, const struct dure_record *r)
{
    struct kept *k = r->job.v != DURE_NONE64 ? find(r->job.v) : NULL;
    if (!k)
        return;
    note_plan(r);
    if (r->kind == DURE_REC_START || r->kind == DURE_REC_RESERVE) {
        free(k->places);
        k->places = malloc(r->place_count * sizeof *k->places);
        memcpy(k->places, r->places, r->place_count * sizeof *k->places);
        k->place_count = r->place_count;
        k->live = true;
        k->reserved = r->kind == DURE_REC_RESERVE;
        check_limits(rig, k);
        if (!k->reserved) {
            starts++;
            check_gpus(rig, k);
            check_order(rig, k);
        }
    } else if (r->kind == DURE_REC_END || r->kind == DURE_REC_REQUEUE || r->kind == DURE_REC_UNRESERVE) {
        k->live = false;
    }
}

/* ---- random requests ---- */

static uint32_t random_runs(struct dure_node_run runs[2])
{
    uint32_t count = 1 + below(2);
    for (uint32_t i = 0; i < count; i++) {
        runs[i].first = below(NODES - 1);
        runs[i].count = 1 + below(NODES - runs[i].first > 8 ? 8 : NODES - runs[i].first);
    }
    return dure_node_runs_tidy(runs, count);
}

static void random_size(struct dure_job *job)
{
    static const char *const profiles[] = {"1g", "1g2", "3g", "4g"};
    const uint32_t kind = below(6);
    if (kind < 2) {
        job->mig = profiles[below(4)];
        job->tasks = 1 + below(4);
    } else if (kind == 2) {
        job->task_gpu_milli = 100 + below(9) * 100;
        job->tasks = 1 + below(4);
    } else {
        job->tasks = kind == 3 ? 1 + below(8) : 1;
        job->task_gpus = 1 + below(4);
    }
}

static void random_job(struct rig *rig, struct kept *k)
{
    static const char *const paths[] = {"state/t", "state/u", "guest", "other", "guest"};
    static const char *const levels[] = {"node", "rack", "nvlink"};
    const uint32_t who = below(5);
    k->job = rig_job(rig, paths[who], 1, 1, who > 1 || below(3) == 0);
    random_size(&k->job);
    if (below(4) == 0) {
        k->job.level = levels[below(3)];
        k->job.level_required = below(2);
    }
    if (below(3) == 0) {
        k->job.spread_level = levels[below(3)];
        k->job.spread_max = 1 + below(3);
    }
    if (below(4) == 0)
        k->job.include = (struct dure_node_runs){k->runs, random_runs(k->runs)};
    if (below(4) == 0)
        k->job.exclude = (struct dure_node_runs){k->runs + 2, random_runs(k->runs + 2)};
    if (below(3) == 0) {
        const uint32_t first = below(4), second = (first + 1 + below(3)) % 4;
        k->job.model_mask = below(2) ? 15 : 1u << first | 1u << second;
        k->job.model_order = (first + 1) | (uint64_t)(second + 1) << 8;
    } else if (below(4) == 0) {
        k->job.gpu_memory_mib = (60 + below(90)) * 1024;
    }
    k->job.walltime_us = (5 + below(60)) * DURE_MINUTE_US;
    k->job.priority = (int32_t)below(2);
}

static void submit(struct rig *rig)
{
    struct kept *k = &jobs[job_count];
    *k = (struct kept){.id = dure_core_next_job(rig->core).v};
    random_job(rig, k);
    const enum dure_err err = rig_submit(rig, &k->job);
    if (err == DURE_OK)
        job_count++;
    else if (err != DURE_E_NEVER)
        TAP_FAIL("a submission is refused for a reason: %s", rig->error.text);
}

static void end_some(struct rig *rig)
{
    struct dure_job_view view;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig->core, &cursor, &view);)
        if (below(4) == 0)
            (void)!rig_report(rig, view.attempt.v, DURE_REPORT_ENDED, 0);
}

static bool add_bytes(void *context, const void *bytes, size_t length)
{
    dure_buf_add(context, bytes, length);
    return true;
}

static void reload(struct rig *rig)
{
    struct dure_buf bytes;
    struct dure_core *core = NULL;
    dure_buf_init(&bytes, 256u << 20);
    if (dure_core_save(rig->core, add_bytes, &bytes) != DURE_OK ||
        dure_core_load(bytes.data, bytes.length, &core, &rig->error) != DURE_OK) {
        TAP_FAIL("a core is saved and loaded: %s", rig->error.text);
    } else {
        dure_core_free(rig->core);
        rig->core = core;
    }
    dure_buf_release(&bytes);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
#endif
    seed = tap_seed(2718);
    for (uint32_t history = 0; history < 24; history++) {
        struct rig rig;
        rig_init(&rig, fleet, tenants);
        rig.watch = watch;
        jobs = calloc(ATTEMPTS_MAX, sizeof *jobs);
        job_count = 0;
        memset(&planned, 0, sizeof planned);
        for (uint32_t step = 0; step < 400 && job_count + 1 < ATTEMPTS_MAX; step++) {
            const uint32_t what = below(12);
            if (what < 6)
                submit(&rig);
            else if (what < 9)
                (void)!rig_pass(&rig);
            else if (what < 11)
                end_some(&rig);
            else
                (void)!rig_tick(&rig, rig.now_us + below(20) * DURE_MINUTE_US);
            rig_reap(&rig);
            if (step % 100 == 99)
                reload(&rig);
        }
        rig_check(&rig);
        for (uint32_t i = 0; i < job_count; i++)
            free(jobs[i].places);
        free(jobs);
        rig_release(&rig);
    }
    TAP_OK(starts > 2000, "%u starts recounted", starts);
    TAP_OK(limited > 1000 && ordered > 200 && instances > 1000,
           "%u with limits, %u with a choice of models, %u instances", limited, ordered, instances);
    return tap_done();
}
