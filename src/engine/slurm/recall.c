/* Which GPUs of which node a job has, kept from the last whole list: lists of states alone do not say it. What we placed has as many GPUs on each of
 * its nodes and needs no saying; what others run does. */
#include <stdlib.h>
#include <string.h>

#include "engine/slurm/engine_inner.h"

enum { RECALL_BYTES_MAX = 256 << 20 };

struct recalled {
    int64_t start_us; /* another: it was begun again */
    const char *nodes_text;
    struct dure_slurm_job_node *nodes;
    uint32_t node_count;
};

static bool goes_without_saying(const struct slurm *slurm, const struct dure_slurm_job *job)
{
    uint64_t id;
    const struct slurm_attempt *attempt = slurm_name_is_ours(slurm, job->name, &id) ? slurm_find(slurm, id) : NULL;
    return attempt && !(job->flags & DURE_SLURM_JOB_CUT);
}

static const struct recalled *recalled_of(const struct slurm *slurm, const struct dure_slurm_job *job)
{
    uint64_t value;
    if (!dure_map_get(&slurm->recalled, job->job_id, &value))
        return NULL;
    const struct recalled *known = (const struct recalled *)(uintptr_t)value;
    const size_t length = strlen(job->nodes_text);
    const bool same = job->flags & DURE_SLURM_JOB_CUT ? strncmp(known->nodes_text, job->nodes_text, length) == 0
                                                      : strcmp(known->nodes_text, job->nodes_text) == 0;
    return same && known->start_us == job->start_us ? known : NULL;
}

void slurm_recall_free(struct slurm *slurm)
{
    dure_map_release(&slurm->recalled);
    slurm->recalled = (struct dure_map){0};
    dure_arena_free(slurm->recall_arena);
    slurm->recall_arena = NULL;
}

static bool keep(struct slurm *slurm, const struct dure_slurm_job *job)
{
    struct recalled *known = DURE_ARENA_NEW(slurm->recall_arena, struct recalled, 1);
    if (!known)
        return false;
    *known = (struct recalled){
        .start_us = job->start_us,
        .nodes_text = dure_arena_strdup(slurm->recall_arena, job->nodes_text),
        .nodes = DURE_ARENA_NEW(slurm->recall_arena, struct dure_slurm_job_node, job->node_count ? job->node_count : 1),
        .node_count = job->node_count};
    for (uint32_t i = 0; known->nodes && i < job->node_count; i++) {
        known->nodes[i] = job->nodes[i];
        if (!(known->nodes[i].name = dure_arena_strdup(slurm->recall_arena, job->nodes[i].name)))
            return false;
    }
    return known->nodes && known->nodes_text && dure_map_put(&slurm->recalled, job->job_id, (uint64_t)(uintptr_t)known);
}

/* Without memory nothing is kept, and the whole list is asked for again. */
void slurm_recall_keep(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    slurm_recall_free(slurm);
    slurm->recall_arena = dure_arena_new(RECALL_BYTES_MAX);
    for (uint32_t i = 0; slurm->recall_arena && i < reply->job_count; i++)
        if (slurm_ground_holds(&reply->jobs[i]) && !goes_without_saying(slurm, &reply->jobs[i]) &&
            !keep(slurm, &reply->jobs[i])) {
            slurm_recall_free(slurm);
            return;
        }
}

bool slurm_recall_covers(const struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    for (uint32_t i = 0; i < reply->job_count; i++)
        if (slurm_ground_holds(&reply->jobs[i]) && !goes_without_saying(slurm, &reply->jobs[i]) &&
            !recalled_of(slurm, &reply->jobs[i]))
            return false;
    return true;
}

const struct dure_slurm_job_node *slurm_recall_nodes(const struct slurm *slurm, const struct dure_slurm_job *job,
                                                     bool states_only, uint32_t *ret_count)
{
    const struct recalled *known = states_only ? recalled_of(slurm, job) : NULL;
    *ret_count = known ? known->node_count : job->node_count;
    return known ? known->nodes : job->nodes;
}
