/* MIG instances: where they go inside a GPU, against brute force; and as requests of a fleet. */
#include <string.h>

#include "base/timefmt.h"
#include "core/place/mig.h"
#include "rig.h"
#include "tap.h"

/* The vendor's tables: profiles of 8 memory slices and 7 compute slices. */
#define SEVEN(a, b, c, d, e, f, ma, mb, md, mf)                                                                        \
    "[{name: " a ", slices: 1, memory_slices: 1, memory: " ma ", starts: [0, 1, 2, 3, 4, 5, 6]},\n"                    \
    " {name: " b ", slices: 1, memory_slices: 2, memory: " mb ", starts: [0, 2, 4, 6]},\n"                             \
    " {name: " c ", slices: 2, memory_slices: 2, memory: " mb ", starts: [0, 2, 4]},\n"                                \
    " {name: " d ", slices: 3, memory_slices: 4, memory: " md ", starts: [0, 4]},\n"                                   \
    " {name: " e ", slices: 4, memory_slices: 4, memory: " md ", starts: [0]},\n"                                      \
    " {name: " f ", slices: 7, memory_slices: 8, memory: " mf ", starts: [0]}]"
static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: mig\nzone: Asia/Seoul\n"
    "models:\n"
    "- name: b200\n  memory: 180GiB\n  power: 1000W\n  mig: " SEVEN(
        "1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb", "22GiB", "44GiB", "89GiB",
        "179GiB") "\n"
                  "- name: h200\n  memory: 140GiB\n  power: 700W\n  mig: " SEVEN(
                      "1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb", "16GiB", "33GiB", "70GiB",
                      "140GiB") "\n"
                                "owners: [{name: state}]\n"
                                "sites: [{name: one, region: a, latitude: 37.0, longitude: 127.0, engine: emulated},\n"
                                "        {name: two, region: b, latitude: 35.0, longitude: 128.0, engine: local}]\n"
                                "groups:\n"
                                "  - {name: b, owner: state, site: one, model: b200, nodes: 'b-[1-2]', cpus: 64, "
                                "memory: 512GiB, power: 10kW,\n"
                                "     levels: [{name: node, holds: 2}], status: installed}\n"
                                "  - {name: h, owner: state, site: two, model: h200, nodes: 'h-[1-2]', cpus: 64, "
                                "memory: 512GiB, power: 10kW,\n"
                                "     levels: [{name: node, holds: 2}], status: installed}\n";
static const char tenants[] =
    "kind: Tenants\nversion: 1\n"
    "tenants: [{name: state, owner: state, tenants: [{name: t}]}, {name: guest}, {name: other}]\n"
    "allotments: [{name: gpus, tenant: state/t, group: b, level: gpu, count: 2}]\n"
    "lending: [{owner: state, notice: 10m, to: all}]\n";

static struct rig rig;
static struct dure_job_view view;

/* ---- inside one GPU ---- */

static bool free_at(const struct dure_mig_profile *p, uint16_t used, unsigned slices, unsigned start)
{
    if (!(p->starts >> start & 1) || slices + p->slices > 7)
        return false;
    for (unsigned k = start; k < start + p->memory_slices; k++)
        if (k >= 8 || used >> k & 1)
            return false;
    return true;
}

static bool fits(const struct dure_mig_profile *p, struct mig_gpu gpu)
{
    for (unsigned start = 0; start < 8; start++)
        if (free_at(p, gpu.used, gpu.slices, start))
            return true;
    return false;
}

/* Memory slices of the largest profile that still fits. */
static unsigned largest(struct mig_gpu gpu)
{
    unsigned most = 0;
    for (uint32_t i = 0; i < 6; i++)
        if (fits(&rig.fleet->migs[i], gpu) && rig.fleet->migs[i].memory_slices > most)
            most = rig.fleet->migs[i].memory_slices;
    return most;
}

/* The most instances of one profile, tried in every way. */
static unsigned most_of(const struct dure_mig_profile *p, uint16_t used, unsigned slices)
{
    unsigned most = 0;
    for (unsigned start = 0; start < 8; start++)
        if (free_at(p, used, slices, start)) {
            const uint16_t mask = (uint16_t)(((1u << p->memory_slices) - 1) << start);
            const unsigned rest = 1 + most_of(p, used | mask, slices + p->slices);
            most = rest > most ? rest : most;
        }
    return most;
}

/* Every filling that instances can make, each looked at once. */
static uint8_t seen[256][8];
static unsigned states, worse, fewer, refused;

static void walk(struct mig_gpu gpu)
{
    const struct dure_gpu_model *model = &rig.fleet->models[0];
    if (seen[gpu.used][gpu.slices])
        return;
    seen[gpu.used][gpu.slices] = 1;
    states++;
    for (uint32_t i = 0; i < 6; i++) {
        const struct dure_mig_profile *p = &rig.fleet->migs[i];
        unsigned best = 0, start = 99;
        bool any = false;
        for (unsigned at = 0; at < 8; at++)
            if (free_at(p, gpu.used, gpu.slices, at)) {
                const struct mig_gpu then = mig_with(p, gpu, at);
                any = true;
                best = largest(then) > best ? largest(then) : best;
                walk(then);
            }
        const bool placed = mig_place(rig.fleet, model, i, gpu, &start);
        refused += placed != any;
        if (placed && any)
            worse += !free_at(p, gpu.used, gpu.slices, start) || largest(mig_with(p, gpu, start)) < best;
        fewer +=
            (unsigned)__builtin_popcount(mig_starts(rig.fleet, model, i, gpu, 16)) != most_of(p, gpu.used, gpu.slices);
    }
}

static void inside(void)
{
    const struct dure_gpu_model *model = &rig.fleet->models[0];
    TAP_OK(model->mig_count == 6 && rig.fleet->migs[model->migs[0]].slices == 7 &&
               rig.fleet->migs[model->migs[5]].memory_slices == 1,
           "a model's profiles stand from the largest to the smallest");
    TAP_OK(rig.fleet->migs[0].milli == 125 && rig.fleet->migs[1].milli == 250 && rig.fleet->migs[5].milli == 999,
           "an instance counts as its memory slices; a partitioned GPU never as 1000");
    walk((struct mig_gpu){0});
    TAP_OK(states > 20, "%u fillings of a GPU", states);
    TAP_EQ_INT(refused, 0, "room is found iff there is some");
    TAP_EQ_INT(worse, 0, "the place chosen keeps the largest profile that any place keeps");
    TAP_EQ_INT(fewer, 0, "one after the other, as many of a kind go in as could in any way");
}

/* ---- as requests ---- */

static bool submit(const char *tenant, const char *profile, uint32_t tasks, bool borrowed)
{
    struct dure_job job = rig_job(&rig, tenant, tasks, 1, borrowed);
    job.mig = profile;
    const uint64_t id = dure_core_next_job(rig.core).v;
    if (rig_submit(&rig, &job) != DURE_OK || rig_pass(&rig) != DURE_OK)
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

static void requests(void)
{
    TAP_OK(submit("state/t", "1g.23gb", 1, false) && view.places[0].starts == 1 << 6 && view.places[0].gpu_milli == 125,
           "a small one goes to the end that large ones cannot use");
    TAP_EQ_STR(view.job->mig, "1g.23gb", "and is shown with its profile");
    const uint64_t first = view.places[0].gpu_mask;
    TAP_OK(submit("state/t", "4g.90gb", 1, false) && view.places[0].starts == 1 && view.places[0].gpu_mask == first,
           "the largest that is left goes beside it");
    TAP_OK(submit("state/t", "3g.90gb", 1, false) && view.places[0].starts == 1 << 4 &&
               view.places[0].gpu_mask != first,
           "what does not fit there takes another GPU, and leaves room for a 4g there");
    TAP_OK(submit("state/t", "2g.45gb", 2, false) && view.place_count == 2, "two tasks in what is left of both");
    struct dure_job job = rig_job(&rig, "state/t", 1, 1, false);
    job.task_gpu_milli = 100;
    TAP_OK(rig_submit(&rig, &job) == DURE_OK && rig_pass(&rig) == DURE_OK && !rig.said.length,
           "no fraction beside instances");
    end_all();
    TAP_OK(submit("guest", "1g.45gb", 5, true) && view.place_count == 2 && view.places[0].tasks == 4 &&
               view.places[0].starts == 0x55,
           "four of a kind in one GPU, borrowed");
    TAP_OK(submit("other", "1g.23gb", 1, true) && view.places[0].starts == 1 << 6,
           "another tenant has a GPU of its own");
    TAP_OK(submit("guest", "7g.180gb", 1, true) && view.places[0].gpu_milli == 999, "a whole GPU as one instance");
    TAP_OK(!submit("guest", "7g.180gb", 1, true) && view.state == DURE_JOB_PENDING, "no GPU is left whole");
    rig_check(&rig);
    end_all();
}

static void refusals(void)
{
    struct dure_job job = rig_job(&rig, "guest", 1, 1, true);
    job.mig = "1g.18gb";
    TAP_OK(rig_submit(&rig, &job) == DURE_E_NEVER, "where the engine makes none: %s", rig.error.text);
    TAP_HAS(rig.error.text, "the local engine makes no MIG instances", "with the remedy");
    TAP_HAS(rig.error.text, "no such MIG profile", "and the other GPUs lack it");
    job.mig = "1g.5gb";
    TAP_OK(rig_submit(&rig, &job) == DURE_E_NEVER, "a profile of no model: %s", rig.error.text);
    job.mig = "1g.23gb";
    job.task_gpu_milli = 500;
    TAP_OK(rig_submit(&rig, &job) == DURE_E_INVALID, "a fraction beside a profile: %s", rig.error.text);
    job.task_gpu_milli = 1000;
    job.gpu_memory_mib = 40 * 1024;
    TAP_OK(rig_submit(&rig, &job) == DURE_E_NEVER, "more memory than an instance has: %s", rig.error.text);
}

int main(void)
{
    rig_init(&rig, fleet, tenants);
    inside();
    requests();
    refusals();
    rig_release(&rig);
    return tap_done();
}
