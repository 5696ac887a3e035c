/* Between two lists, a glance at those of ours that Slurm has, one by one: where a list is always the whole one (slurmrestd) and Slurm remembers many
 * more jobs than ours that live, that costs a small part of it. It tells ends and starts; all else is for the list, which comes all the same. */
#include "base/timefmt.h"
#include "engine/slurm/engine_inner.h"

enum { GLANCES_MAX = 64, WORTH = 4 };
#define LIST_SHARE 8 /* of the time, at the most one part is spent on lists */

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
    return slurm_steady_us(slurm) >= slurm->listed_us + (rest_us > SLURM_WHOLE_US ? rest_us : SLURM_WHOLE_US);
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

bool slurm_glance(struct slurm *slurm)
{
    const uint32_t there = count_there(slurm);
    if (!slurm->ones_are_cheap || slurm->away || slurm->list_failed || slurm->failures || slurm->orphans || !there ||
        there > GLANCES_MAX || (uint64_t)there * WORTH > slurm->listed_count || is_list_due(slurm))
        return false;
    slurm->glance_failed = false;
    for (const struct slurm_attempt *attempt = slurm->all; attempt; attempt = attempt->next) {
        const struct dure_slurm_filter one = {.job_id = attempt->job_id};
        if (attempt->state == SLURM_IN_SLURM && attempt->job_id &&
            dure_slurm_list(slurm->wire, &one, on_glance, slurm, NULL) == DURE_OK) {
            slurm->glances++;
            slurm->requests++;
        }
    }
    return slurm->glances > 0;
}
