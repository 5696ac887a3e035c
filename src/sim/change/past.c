#include "sim/change/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/timefmt.h"
#include "base/vec.h"

enum { ARENA_MAX = 512 << 20 };

struct submitted {
    struct dure_sim_job job;
    uint64_t id;
    int64_t worked_us; /* of all its attempts that are over */
    uint32_t ended;    /* jobs and elements that are */
};

struct dure_past {
    struct dure_arena *arena;
    DURE_VEC(struct submitted) list;
    struct dure_map running; /* attempts, to when they started */
    struct dure_map worked;  /* by job: what its attempts did; by job from 2^63 on: how many ended */
    int64_t begins_us, span_us;
    bool any;
};

enum dure_err dure_past_new(struct dure_past **ret_past)
{
    struct dure_past *past = calloc(1, sizeof *past);
    if (past)
        past->arena = dure_arena_new(ARENA_MAX);
    if (!past || !past->arena) {
        free(past);
        return DURE_E_MEMORY;
    }
    *ret_past = past;
    return DURE_OK;
}

void dure_past_free(struct dure_past *past)
{
    if (!past)
        return;
    dure_arena_free(past->arena);
    DURE_VEC_FREE(&past->list);
    dure_map_release(&past->running);
    dure_map_release(&past->worked);
    free(past);
}

static bool keep_runs(struct dure_past *past, struct dure_node_runs *runs)
{
    if (runs->count == 0) {
        runs->at = NULL;
        return true;
    }
    struct dure_node_run *copy = dure_arena_alloc(past->arena, runs->count * sizeof *copy);
    if (!copy)
        return false;
    memcpy(copy, runs->at, runs->count * sizeof *copy);
    runs->at = copy;
    return true;
}

/* Names of levels and profiles are few: each is kept once. */
static bool keep_text(struct dure_past *past, const char **text)
{
    const struct submitted *last = past->list.count ? &past->list.at[past->list.count - 1] : NULL;
    if (!**text) {
        *text = "";
        return true;
    }
    if (last && strcmp(last->job.job.level, *text) == 0) {
        *text = last->job.job.level;
        return true;
    }
    *text = dure_arena_strdup(past->arena, *text);
    return *text != NULL;
}

static enum dure_err take_submit(struct dure_past *past, const struct dure_record *r)
{
    struct submitted one = {.job = {.at_us = r->time_us, .job = r->submit}};
    struct dure_job *job = &one.job.job;
    if (past->list.count == DURE_PAST_JOBS_MAX)
        return DURE_E_LIMIT;
    job->dep_count = 0;
    job->hold = false;
    job->commitment_length = 0;
    if (!keep_text(past, &job->level) || !keep_text(past, &job->spread_level) || !keep_text(past, &job->mig) ||
        !keep_runs(past, &job->include) || !keep_runs(past, &job->exclude))
        return DURE_E_MEMORY;
    return DURE_VEC_PUSH(&past->list, one, DURE_PAST_JOBS_MAX) ? DURE_OK : DURE_E_MEMORY;
}

/* Sums by job: submissions learn their ids only when all are known. */
static enum dure_err take_over(struct dure_past *past, const struct dure_record *r)
{
    uint64_t started = 0, *sum;
    if (r->attempt.v != DURE_NONE64 && dure_map_get(&past->running, r->attempt.v, &started)) {
        dure_map_remove(&past->running, r->attempt.v);
        sum = dure_map_at(&past->worked, r->job.v, 0);
        if (!sum)
            return DURE_E_MEMORY;
        *sum += (uint64_t)r->time_us - started;
    }
    if (r->kind != DURE_REC_END)
        return DURE_OK;
    sum = dure_map_at(&past->worked, r->job.v | UINT64_C(1) << 62, 0);
    if (!sum)
        return DURE_E_MEMORY;
    ++*sum;
    return DURE_OK;
}

enum dure_err dure_past_take(struct dure_past *past, const struct dure_record *r, int64_t since_us)
{
    if (!past->any) {
        past->any = true;
        past->begins_us = r->time_us;
    }
    if (r->time_us < since_us) {
        past->begins_us = since_us;
        return DURE_OK;
    }
    switch (r->kind) {
    case DURE_REC_SUBMIT: return take_submit(past, r);
    case DURE_REC_START:
        return dure_map_put(&past->running, r->attempt.v, (uint64_t)r->time_us) ? DURE_OK : DURE_E_MEMORY;
    case DURE_REC_END:
    case DURE_REC_REQUEUE: return take_over(past, r);
    default: return DURE_OK;
    }
}

enum dure_err dure_past_close(struct dure_past *past, struct dure_job_id next_job, int64_t now_us, int64_t want_us,
                              struct dure_past_sum *ret_sum)
{
    struct dure_past_sum sum = {.jobs = past->list.count};
    if (next_job.v < past->list.count)
        return DURE_E_CORRUPT;
    const int64_t there_us = past->any && now_us > past->begins_us ? now_us - past->begins_us : 0;
    past->span_us = (there_us / DURE_DAY_US + (there_us % DURE_DAY_US > 0)) * DURE_DAY_US;
    past->span_us = past->span_us < DURE_DAY_US ? DURE_DAY_US : past->span_us > want_us ? want_us : past->span_us;
    for (size_t i = 0; i < past->list.count; i++) {
        struct submitted *s = &past->list.at[i];
        uint64_t worked = 0, ended = 0;
        s->id = next_job.v - past->list.count + i;
        (void)dure_map_get(&past->worked, s->id | UINT64_C(1) << 62, &ended);
        (void)dure_map_get(&past->worked, s->id, &worked);
        if (ended && worked)
            s->job.job.emulated_us = (int64_t)(worked / ended);
        else
            sum.unended++;
    }
    sum.from_us = now_us - past->span_us;
    sum.span_us = past->span_us;
    *ret_sum = sum;
    return DURE_OK;
}

bool dure_past_next(void *context, struct dure_sim_job *ret_job)
{
    struct dure_past_player *player = context;
    const struct dure_past *past = player->past;
    if (!past->list.count)
        return false;
    if (player->shift_us == 0)
        player->shift_us = past->span_us;
    if (player->next == past->list.count) {
        player->next = 0;
        player->shift_us += past->span_us;
    }
    *ret_job = past->list.at[player->next++].job;
    ret_job->at_us += player->shift_us;
    if (ret_job->job.begin_us != INT64_MIN)
        ret_job->job.begin_us += player->shift_us;
    if (ret_job->job.deadline_us)
        ret_job->job.deadline_us += player->shift_us;
    return ret_job->at_us < player->until_us;
}
