/* What each rule costs, added up over the queue. */
#include <stdlib.h>
#include <string.h>

#include "core/place/rules.h"
#include "core/state/jobs.h"
#include "core/why.h"
#include "core/why/cross.h"
#include "core/why/rows.h"
#include "core/why/wait.h"

__extension__ typedef unsigned __int128 wide;

enum { RULES = DURE_RULE_HERE + 1, WAITS = DURE_WAIT_NOT_BEGUN + 1, ARENA_MAX = 64 << 20 };

/* A request that was judged; a slot may serve another request later. */
struct judged {
    struct request ask;
    bool known;
    uint8_t rule;
};

struct toll {
    uint64_t jobs, gpus, us_low, us_high; /* GPU-microseconds */
};

struct dure_toll {
    struct dure_core *core;
    uint64_t next_job, requests;
    struct judged *judged; /* by class slot */
    uint32_t judged_count;
    struct toll by_rule[RULES], by_wait[WAITS];
    struct dure_toll_row rows[RULES + WAITS];
};

enum dure_err dure_core_toll_begin(struct dure_core *core, struct dure_toll **ret_toll, struct dure_error *error)
{
    if (!core->tenants)
        return dure_fail(error, DURE_E_STATE, "no fleet or no tenants are declared yet");
    struct dure_toll *toll = calloc(1, sizeof *toll);
    if (!toll)
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    toll->core = core;
    *ret_toll = toll;
    return DURE_OK;
}

void dure_core_toll_free(struct dure_toll *toll)
{
    if (toll)
        free(toll->judged);
    free(toll);
}

static enum dure_rule judge(struct dure_core *core, const struct request *ask)
{
    struct dure_arena *arena = dure_arena_new(ARENA_MAX);
    struct dure_why why = {0};
    enum dure_rule rule = DURE_RULE_BUSY;
    if (arena && rows_pending(core, ask, false, arena, &why, NULL) == DURE_OK) {
        const struct dure_why_row *nearest = rows_nearest(&why);
        cross_find(core, ask, arena, &why);
        rule = why.opening.rule != DURE_RULE_FITS ? why.opening.rule : nearest ? nearest->rule : DURE_RULE_MODEL;
    }
    dure_arena_free(arena);
    return rule;
}

static struct judged *judged_at(struct dure_toll *toll, uint32_t class_slot)
{
    if (class_slot >= toll->judged_count) {
        const uint32_t count = class_slot + class_slot / 2 + 64;
        toll->judged = dure_core_grow(toll->judged, sizeof *toll->judged, count);
        memset(toll->judged + toll->judged_count, 0, (count - toll->judged_count) * sizeof *toll->judged);
        toll->judged_count = count;
    }
    return &toll->judged[class_slot];
}

static void charge(struct toll *toll, const struct dure_core *core, const struct job *job, const struct request *ask)
{
    const uint64_t count = job_pending_count(job), gpus = (request_milli(ask, ask->tasks) + 999) / 1000 * count;
    const int64_t since = job->d.begin_us > job->d.submitted_us && job->d.begin_us < core->s.time_us
                              ? job->d.begin_us
                              : job->d.submitted_us;
    const uint64_t us = core->s.time_us > since ? (uint64_t)(core->s.time_us - since) : 0;
    const wide sum = ((wide)toll->us_high << 64 | toll->us_low) + (wide)us * gpus;
    toll->jobs += count;
    toll->gpus += gpus;
    toll->us_low = (uint64_t)sum;
    toll->us_high = (uint64_t)(sum >> 64);
}

/* The work that it took. */
static uint32_t add_job(struct dure_core *core, struct dure_toll *toll, uint32_t slot)
{
    const struct job *job = job_at(core, slot);
    const struct request *ask = job_ask(core, job);
    if (!job_pending_count(job))
        return 1;
    if (job->where == WHERE_OUT) {
        charge(&toll->by_wait[wait_of(core, slot, NONE)], core, job, ask);
        return 1;
    }
    struct judged *judged = judged_at(toll, job->class->slot);
    uint32_t work = 1;
    if (!judged->known || memcmp(&judged->ask, ask, sizeof *ask)) {
        const enum dure_rule rule = judge(core, ask);
        *judged = (struct judged){*ask, true, (uint8_t)rule};
        toll->requests++;
        work += DURE_TOLL_REQUEST;
    }
    charge(&toll->by_rule[judged->rule], core, job, ask);
    return work;
}

bool dure_core_toll_next(struct dure_core *core, struct dure_toll *toll, uint32_t work)
{
    uint32_t done = 0;
    while (done < work) {
        const uint32_t slot = job_next(core, toll->next_job);
        if (slot == NONE)
            return false;
        toll->next_job = job_at(core, slot)->d.id + 1;
        done += add_job(core, toll, slot);
    }
    return true;
}

static int by_cost(const void *a, const void *b)
{
    const struct dure_toll_row *x = a, *y = b;
    if (x->gpu_seconds != y->gpu_seconds)
        return x->gpu_seconds > y->gpu_seconds ? -1 : 1;
    if (x->gpus != y->gpus)
        return x->gpus > y->gpus ? -1 : 1;
    return x->rule != y->rule ? (x->rule > y->rule) - (x->rule < y->rule) : (x->wait > y->wait) - (x->wait < y->wait);
}

static void add_row(struct dure_toll *toll, uint32_t *count, enum dure_rule rule, enum dure_wait wait,
                    const struct toll *t)
{
    if (!t->jobs)
        return;
    const wide us = (wide)t->us_high << 64 | t->us_low;
    toll->rows[(*count)++] =
        (struct dure_toll_row){rule, wait, t->jobs, t->gpus, (uint64_t)(us / (uint64_t)DURE_SECOND_US)};
}

const struct dure_toll_row *dure_core_toll_rows(struct dure_toll *toll, uint32_t *ret_count, uint64_t *ret_requests)
{
    *ret_count = 0;
    *ret_requests = toll->requests;
    for (unsigned i = 0; i < RULES; i++)
        add_row(toll, ret_count, (enum dure_rule)i, DURE_WAIT_NONE, &toll->by_rule[i]);
    for (unsigned i = 0; i < WAITS; i++)
        add_row(toll, ret_count, DURE_RULE_FITS, (enum dure_wait)i, &toll->by_wait[i]);
    qsort(toll->rows, *ret_count, sizeof *toll->rows, by_cost);
    return toll->rows;
}
