/* Between two lists, a glance at those of ours that Slurm has: one by one by slurmrestd, where a list is always the whole one, and together by squeue,
 * which prints for longer than it asks. Where Slurm remembers many more jobs than ours that live, that costs less than the list. It tells ends and
 * starts; all else is for the list, which comes all the same. */
#include "base/timefmt.h"
#include "engine/slurm/engine_inner.h"

enum { ONES_MAX = 64, WORTH = 4 };
#define LIST_SHARE 16 /* of the time, at the most one part is spent on lists */

static uint32_t count_there(const struct slurm *slurm)
{
    uint32_t count = 0;
    for (const struct slurm_attempt *attempt = slurm->all; attempt; attempt = attempt->next)
        if (attempt->state == SLURM_UNSURE)
            return 0; /* only a list says that something is not there */
        else
            count += attempt->state == SLURM_IN_SLURM;
    return count;
}

static bool is_list_due(const struct slurm *slurm)
{
    const int64_t rest_us = LIST_SHARE * slurm->latency_us;
    return slurm_steady_us(slurm) >= slurm->listed_us + (rest_us > slurm->site.poll_us ? rest_us : slurm->site.poll_us);
}

static void on_glance(void *context, const struct dure_slurm_reply *reply)
{
    struct slurm *slurm = context;
    uint64_t id;
    slurm->glances--;
    slurm->glance_failed |= reply->result != DURE_SLURM_DONE;
    for (uint32_t i = 0; reply->result == DURE_SLURM_DONE && i < reply->job_count; i++) {
        struct slurm_attempt *attempt =
            slurm_name_is_ours(slurm, reply->jobs[i].name, &id) ? slurm_find(slurm, id) : NULL;
        if (attempt && attempt->job_id == reply->jobs[i].job_id)
            slurm_look_one(attempt, &reply->jobs[i]);
    }
    if (slurm->glances == 0)
        slurm_glanced(slurm, slurm->glance_failed ? reply->text : NULL);
}

static void ask(struct slurm *slurm, const struct dure_slurm_filter *filter)
{
    if (dure_slurm_list(slurm->wire, filter, on_glance, slurm, NULL) == DURE_OK) {
        slurm->glances++;
        slurm->requests++;
    }
}

bool slurm_glance(struct slurm *slurm)
{
    uint32_t ids[DURE_SLURM_JOB_IDS_MAX], count = 0;
    const bool together = slurm->few == DURE_SLURM_FEW_TOGETHER;
    const uint32_t there = count_there(slurm);
    if (slurm->few == DURE_SLURM_FEW_AS_ALL || slurm->away || slurm->list_failed || slurm->failures || slurm->orphans ||
        !there || there > (together ? DURE_SLURM_JOB_IDS_MAX : ONES_MAX) ||
        (uint64_t)there * WORTH > slurm->listed_count || is_list_due(slurm))
        return false;
    slurm->glance_failed = false;
    for (const struct slurm_attempt *attempt = slurm->all; attempt; attempt = attempt->next)
        if (attempt->state == SLURM_IN_SLURM && attempt->job_id)
            ids[count++] = attempt->job_id;
    if (together && count)
        ask(slurm, &(struct dure_slurm_filter){.states_only = true, .job_ids = ids, .job_id_count = count});
    for (uint32_t i = 0; i < count && !together; i++)
        ask(slurm, &(struct dure_slurm_filter){.job_id = ids[i]});
    return slurm->glances > 0;
}
