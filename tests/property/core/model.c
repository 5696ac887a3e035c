#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define FAULT(...) (model->faults++ < 10 ? tap_diag(__VA_ARGS__) : (void)0)

struct model *model_new(struct rig *rig)
{
    struct model *model = calloc(1, sizeof *model);
    model->attempts = calloc(MODEL_ATTEMPTS, sizeof *model->attempts);
    model->rig = rig;
    for (unsigned i = 0; i < MODEL_TENANTS; i++)
        model->ceilings[i] = model->ceilings_next[i] = (struct dure_ceilings)DURE_CEILINGS_NONE;
    rig->watch = model_hear;
    rig->context = model;
    return model;
}

void model_free(struct model *model)
{
    free(model->attempts);
    free(model);
}

/* GPUs numbered over the whole fleet: node * 64 would waste; small fleets have at most 8 a node. */
static uint32_t leaf_of(uint32_t node, unsigned gpu)
{
    return node * 8 + gpu;
}

static void expand(struct model *model, const struct dure_record *r, struct model_attempt *a, uint32_t *ret_tasks)
{
    uint32_t tasks = 0;
    for (uint32_t i = 0; i < r->place_count; i++)
        for (uint32_t k = 0; k < r->places[i].node_count; k++) {
            const struct dure_place *p = &r->places[i];
            tasks += p->tasks;
            for (unsigned gpu = 0; gpu < 8; gpu++) {
                if (!(p->gpu_mask >> gpu & 1))
                    continue;
                if (a->leaf_count == MODEL_LEAVES) {
                    FAULT("more GPUs than there are");
                    return;
                }
                a->leaves[a->leaf_count] = leaf_of(p->node_first + k, gpu);
                a->starts[a->leaf_count] = p->starts;
                a->milli[a->leaf_count++] = p->gpu_milli == 1000 ? 1000 : p->gpu_milli * p->tasks;
            }
        }
    *ret_tasks = tasks;
}

/* A start's walltime and grace do not reach into what is booked for its node, looked up in the list of bookings. */
static void check_windows(struct model *model, const struct model_attempt *a, uint32_t node)
{
    const struct dure_job *job = &model->jobs[a->job];
    struct dure_booking_view view;
    for (uint32_t i = 0; dure_core_booking_view(model->rig->core, i, &view); i++)
        for (uint32_t k = 0; k < view.run_count; k++)
            if (node - view.runs[k].node_first < view.runs[k].node_count &&
                model->rig->now_us + job->walltime_us + job->grace_us > view.from_us)
                FAULT("job %u reaches into maintenance %llu", a->job, (unsigned long long)view.id);
}

/* Memory slices that its instances have of a GPU. */
static uint32_t slices_of(const struct model *model, const struct model_attempt *a, uint32_t leaf)
{
    const struct dure_job *job = &model->jobs[a->job];
    uint32_t slices = 0, profile = 0;
    if (!a->starts[leaf] || !job->mig || !dure_fleet_mig_find(model->rig->fleet, job->mig, &profile))
        return 0;
    for (uint32_t start = 0; start < 16; start++)
        if (a->starts[leaf] >> start & 1)
            slices |= ((1u << model->rig->fleet->migs[profile].memory_slices) - 1) << start;
    return slices;
}

static void check_room(struct model *model, const struct model_attempt *a, uint64_t id)
{
    for (uint32_t i = 0; i < a->leaf_count; i++) {
        uint32_t milli = a->milli[i];
        for (uint64_t other = 1; other < id; other++) {
            const struct model_attempt *b = &model->attempts[other];
            for (uint32_t k = 0; b->live && k < b->leaf_count; k++) {
                if (b->leaves[k] != a->leaves[i])
                    continue;
                milli += b->milli[k];
                if (slices_of(model, a, i) & slices_of(model, b, k) || !a->starts[i] != !b->starts[k])
                    FAULT("attempts %llu and %llu share memory slices, or mix fractions and instances",
                          (unsigned long long)id, (unsigned long long)other);
                if (model->jobs[b->job].tenant.v != model->jobs[a->job].tenant.v)
                    FAULT("attempts %llu and %llu of two tenants share a GPU", (unsigned long long)id,
                          (unsigned long long)other);
            }
        }
        if (milli > 1000)
            FAULT("GPU %u is held twice by attempt %llu", a->leaves[i], (unsigned long long)id);
        struct dure_node_view node;
        if (!dure_core_node_view(model->rig->core, (struct dure_node_id){a->leaves[i] / 8}, &node) ||
            node.state != DURE_NODE_UP)
            FAULT("attempt %llu starts on a node that is not up", (unsigned long long)id);
        if (model->foreign[a->leaves[i] / 8] >> a->leaves[i] % 8 & 1)
            FAULT("attempt %llu starts on GPU %u, which work outside dure uses", (unsigned long long)id, a->leaves[i]);
        check_windows(model, a, a->leaves[i] / 8);
    }
}

/* Of each GPU of a task; an instance counts as its profile says. */
static uint32_t milli_each(const struct model *model, const struct dure_job *job)
{
    uint32_t profile;
    return job->mig && *job->mig && dure_fleet_mig_find(model->rig->fleet, job->mig, &profile)
               ? model->rig->fleet->migs[profile].milli
               : job->task_gpu_milli;
}

static void check_terms(struct model *model, const struct dure_record *r, const struct dure_job *job)
{
    const struct dure_chain *chain =
        dure_fleet_chain_of(model->rig->fleet, (struct dure_node_id){r->places[0].node_first}, &(uint32_t){0});
    if (job->job_class == DURE_GUARANTEED && !r->binding_count)
        FAULT("a guaranteed job without rights");
    if (job->job_class == DURE_BORROWED && r->binding_count)
        FAULT("a borrowed job with rights");
    for (uint32_t i = 1; i < r->place_count; i++) /* each is one node, or a run of nodes alike */
        if (model->rig->fleet->sites[chain->site.v].engine == DURE_ENGINE_SLURM &&
            r->places[i].tasks != r->places[0].tasks)
            FAULT("a gang lies unevenly on nodes that a Slurm runs");
    if (job->model_mask && !(job->model_mask >> chain->model.v & 1))
        FAULT("a GPU model that was not asked for");
    if (job->deadline_us && model->rig->now_us + job->walltime_us > job->deadline_us)
        FAULT("job %llu starts too late for its deadline", (unsigned long long)r->job.v);
    for (uint32_t i = 0; i < r->place_count && milli_each(model, job) == 1000; i++)
        if ((uint32_t)__builtin_popcountll(r->places[i].gpu_mask) != r->places[i].tasks * job->task_gpus)
            FAULT("a node with other GPUs than its tasks need");
    if (job->task_memory_mib > (uint64_t)chain->leaf_memory_mib * job->task_gpus * milli_each(model, job) / 1000)
        FAULT("more memory than the share of its GPUs");
    for (uint32_t i = 0; i < r->place_count && job->level_required && !strcmp(job->level, "rack"); i++) {
        const uint32_t nodes = dure_chain_leaves_at(chain, dure_chain_level(chain, "rack")) / chain->node_gpus;
        const uint32_t first = r->places[i].node_first, last = first + r->places[i].node_count - 1;
        if (!nodes || (first - chain->node_first) / nodes != (last - chain->node_first) / nodes ||
            (first - chain->node_first) / nodes != (r->places[0].node_first - chain->node_first) / nodes)
            FAULT("a gang beyond one rack");
    }
}

static uint64_t milli_of(const struct model *model, const struct dure_job *job)
{
    return (uint64_t)job->tasks * job->task_gpus * milli_each(model, job);
}

/* Every ceiling over the job, recounted from all that runs or has a place reserved, with the one that comes. */
static void check_ceilings(struct model *model, uint64_t id)
{
    const struct dure_job *job = &model->jobs[id];
    for (uint32_t t = 0; t < model->rig->tenants->tenant_count; t++) {
        const struct dure_ceilings *c = &model->ceilings[t];
        struct dure_job_cursor cursor = {0};
        struct dure_job_view view;
        uint64_t milli = milli_of(model, job), jobs = 1, user_milli = milli, user_jobs = 1;
        if (!dure_tenants_within(model->rig->tenants, job->tenant, (struct dure_tenant_id){t}))
            continue;
        while (dure_core_job_next(model->rig->core, &cursor, &view)) {
            if (!view.place_count ||
                !dure_tenants_within(model->rig->tenants, view.job->tenant, (struct dure_tenant_id){t}))
                continue;
            const bool own = view.job->principal.v == job->principal.v;
            milli += milli_of(model, view.job);
            user_milli += own ? milli_of(model, view.job) : 0;
            user_jobs += own;
            jobs++;
        }
        if (milli > c->milli || jobs > c->jobs || user_milli > c->user_milli || user_jobs > c->user_jobs)
            FAULT("job %llu breaks a ceiling of tenant %u", (unsigned long long)id, t);
    }
}

/* Does it hold a reservation (which was counted when it was made)? */
static bool has_place(const struct model *model, const struct dure_record *r)
{
    struct dure_job_view view;
    return dure_core_job_view(model->rig->core, r->job, r->element, &view) && view.place_count;
}

static void hear_start(struct model *model, const struct dure_record *r)
{
    struct model_attempt *a = &model->attempts[r->attempt.v];
    const struct dure_job *job = &model->jobs[r->job.v];
    uint32_t tasks = 0;
    if (!has_place(model, r))
        check_ceilings(model, r->job.v);
    if (a->live || a->leaf_count)
        FAULT("attempt %llu started twice", (unsigned long long)r->attempt.v);
    *a = (struct model_attempt){
        .live = true, .borrowed = !r->binding_count, .job = (uint32_t)r->job.v, .element = r->element};
    expand(model, r, a, &tasks);
    if (tasks != job->tasks)
        FAULT("job %llu starts with %u of its %u tasks", (unsigned long long)r->job.v, tasks, job->tasks);
    check_room(model, a, r->attempt.v);
    check_terms(model, r, job);
    model->starts++;
}

/* Only who is said to be lost is, or stands on a node that is down. */
static void check_lost(struct model *model, const struct model_attempt *a, uint64_t id)
{
    bool down = id == model->given_up;
    for (uint32_t i = 0; i < a->leaf_count && !down; i++) {
        struct dure_node_view node;
        down = dure_core_node_view(model->rig->core, (struct dure_node_id){a->leaves[i] / 8}, &node) &&
               node.state == DURE_NODE_DOWN;
    }
    if (!down)
        FAULT("attempt %llu is given up though its nodes are not down", (unsigned long long)id);
}

static void hear_gone(struct model *model, const struct dure_record *r)
{
    for (uint64_t id = 1; id < MODEL_ATTEMPTS; id++) {
        struct model_attempt *a = &model->attempts[id];
        if (a->live && a->job == r->job.v && a->element == r->element) {
            if (r->cause == DURE_CAUSE_NODE_LOST)
                check_lost(model, a, id);
            a->live = false;
        }
        if (!a->live && !a->leaf_count)
            break; /* ids have no gaps */
    }
}

static void hear_notice(struct model *model, const struct dure_record *r)
{
    const struct model_attempt *a = &model->attempts[r->attempt.v];
    const struct dure_job *job = &model->jobs[a->job];
    model->notices++;
    if (!a->live)
        FAULT("a notice to who is not there");
    if (r->deadline_us > model->rig->now_us + job->grace_us)
        FAULT("a notice longer than the grace");
    if (r->cause == DURE_CAUSE_RECLAIMED) {
        struct dure_job_view view;
        if (!dure_core_attempt_view(model->rig->core, r->attempt, &view) || view.source_allot.v != DURE_NONE32)
            FAULT("guaranteed work is reclaimed");
        model->evictions++;
    }
}

void model_hear(struct rig *rig, const struct dure_record *r)
{
    struct model *model = rig->context;
    switch (r->kind) {
    case DURE_REC_START: hear_start(model, r); break;
    case DURE_REC_END:
        model->ends++;
        if (r->state == DURE_JOB_DEADLINE &&
            model->rig->now_us < model->jobs[r->job.v].deadline_us - model->jobs[r->job.v].walltime_us)
            FAULT("job %llu ends before its deadline is missed", (unsigned long long)r->job.v);
        hear_gone(model, r);
        break;
    case DURE_REC_REQUEUE:
        model->requeues++;
        hear_gone(model, r);
        break;
    case DURE_REC_NOTICE: hear_notice(model, r); break;
    case DURE_REC_STOP: model->stops++; break;
    case DURE_REC_RESERVE:
        model->reserves++;
        check_ceilings(model, r->job.v);
        break;
    case DURE_REC_UNRESERVE: model->unreserves++; break;
    case DURE_REC_SUSPEND: model->suspends++; break;
    case DURE_REC_RESTORE: model->restores++; break;
    case DURE_REC_PLAN: model->plans++; break;
    case DURE_REC_UNPLAN: model->unplans++; break;
    default: break;
    }
}
