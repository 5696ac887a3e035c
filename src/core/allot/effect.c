/* What a cut would do, said beforehand: the cells that go, and what becomes of the jobs on them. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/allot/allots.h"
#include "core/place/ground.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

struct effect {
    uint32_t handed;                  /* cells that pass to a successor */
    uint32_t kept, lent;              /* jobs that go on by right of a successor; as borrowed */
    uint32_t warned, final, finished; /* the others; of these: not to be requeued, over before their grace is */
    int64_t grace_us;                 /* the longest of the warned */
};

/* An attempt on a cell that goes. One that loses any of its cells loses its right as a whole; one that loses any to another has to go. */
struct user {
    uint32_t slot;
    enum { KEEPS, RELEASED, TAKEN_OVER } loses;
};

static int by_slot(const void *a, const void *b)
{
    const struct user *x = a, *y = b;
    return x->slot != y->slot ? (x->slot < y->slot ? -1 : 1) : (int)y->loses - (int)x->loses;
}

struct users {
    struct user *at; /* by slot */
    size_t count;
};

static bool loses_right(const struct users *users, uint32_t slot)
{
    for (size_t i = 0; i < users->count; i++)
        if (users->at[i].slot == slot && users->at[i].loses != KEEPS)
            return true;
    return false;
}

struct sharing {
    const struct users *users;
    uint32_t chain;
    bool found;
};

static void see(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    struct sharing *sharing = context;
    const uint32_t *slots = NULL;
    const uint32_t count = place->gpu_milli < 1000 ? ground_users(core, sharing->chain, leaf, &slots) : 0;
    for (uint32_t i = 0; i < count; i++)
        sharing->found |= !attempt_at(core, slots[i])->d.borrowed && !loses_right(sharing->users, slots[i]);
}

/* Would it share a GPU with work that keeps its right? */
static bool shares_by_right(struct dure_core *core, const struct users *users, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    struct sharing sharing = {users, attempt->d.chain, false};
    ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, see, &sharing);
    return sharing.found;
}

static void count_job(struct dure_core *core, const struct users *users, const struct user *user, struct effect *effect)
{
    const struct attempt *attempt = attempt_at(core, user->slot);
    const struct job *job = attempt->job;
    const int64_t grace = job_ask(core, job)->grace_us;
    if (attempt->d.state == DURE_ATTEMPT_STOPPING)
        return;
    if (user->loses == KEEPS) {
        effect->kept++;
        return;
    }
    if (user->loses == RELEASED && lend_keeps(core, user->slot) && !shares_by_right(core, users, user->slot)) {
        effect->lent++;
        return;
    }
    effect->warned++;
    if (grace && attempt->d.state != DURE_ATTEMPT_WARNED && attempt->d.walltime_end_us - core->s.time_us <= grace) {
        effect->finished++;
        return;
    }
    effect->final += !(job->d.flags & JOB_REQUEUE) || (job->d.flags & JOB_REST_GONE);
    effect->grace_us = grace > effect->grace_us ? grace : effect->grace_us;
}

static void count_jobs(struct dure_core *core, uint32_t id, const struct dure_cells_event *events, size_t count,
                       struct effect *effect)
{
    const struct allot *allot = core->allots[id];
    const struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    struct user *users = NULL;
    size_t user_count = 0, capacity = 0;
    for (size_t i = 0; i < count; i++) {
        const bool passes = events[i].kind == DURE_CELLS_HANDED_OVER;
        effect->handed += passes;
        if (!events[i].cell.level || !events[i].used)
            continue;
        const bool stays = passes && core->allots[events[i].heir.v]->spec.tenant.v == allot->spec.tenant.v;
        const uint32_t first = dure_cells_first_leaf(cells, events[i].cell);
        for (uint32_t leaf = 0; leaf < dure_cells_leaves(cells, events[i].cell.level); leaf++) {
            const uint32_t *slots = NULL;
            const uint32_t slot_count = ground_users(core, allot->spec.chain.v, first + leaf, &slots);
            for (uint32_t k = 0; k < slot_count; k++) {
                if (attempt_at(core, slots[k])->d.borrowed || !allots_holds(attempt_at(core, slots[k]), &events[i]))
                    continue;
                if (user_count == capacity) {
                    capacity = capacity ? capacity * 2 : 64;
                    users = dure_core_grow(users, sizeof *users, capacity);
                }
                users[user_count++] = (struct user){slots[k], stays ? KEEPS : passes ? TAKEN_OVER : RELEASED};
            }
        }
    }
    if (user_count)
        qsort(users, user_count, sizeof *users, by_slot);
    for (size_t i = 0; i < user_count; i++)
        if (!i || users[i].slot != users[i - 1].slot)
            count_job(core, &(struct users){users, user_count}, &users[i], effect);
    free(users);
}

static void say_jobs(const struct effect *e, struct dure_buf *text)
{
    char grace[DURE_TIME_TEXT_MAX];
    const uint32_t stopped = e->warned - e->finished;
    if (e->kept)
        dure_buf_printf(text, " %u job%s on them go%s on by right of the successor.", e->kept, e->kept == 1 ? "" : "s",
                        e->kept == 1 ? "es" : "");
    if (e->lent)
        dure_buf_printf(
            text, " %u job%s %s right and go%s on as borrowed, on GPUs lent to %s: warned when an owner wants them.",
            e->lent, e->lent == 1 ? "" : "s", e->lent == 1 ? "loses its" : "lose their", e->lent == 1 ? "es" : "",
            e->lent == 1 ? "it" : "them");
    if (!e->kept && !e->lent && !e->warned)
        dure_buf_str(text, " No job runs by right of what goes.");
    if (e->finished)
        dure_buf_printf(text,
                        " %u job%s %s right, but would reach the walltime within the grace and go%s on until then.",
                        e->finished, e->finished == 1 ? "" : "s", e->finished == 1 ? "loses its" : "lose their",
                        e->finished == 1 ? "es" : "");
    if (!stopped)
        return;
    dure_duration_format(e->grace_us, grace);
    if (stopped == 1)
        dure_buf_printf(text,
                        " 1 job loses its right: it counts as borrowed, is warned at once, and is stopped after "
                        "its grace (%s) %s.",
                        grace, e->final ? "and not queued again: it ends as evicted" : "and queued again");
    else
        dure_buf_printf(text,
                        " %u jobs lose their right: they count as borrowed, are warned at once, and are each "
                        "stopped after their grace (at most %s) and queued again.",
                        stopped, grace);
    if (stopped > 1 && e->final)
        dure_buf_printf(text, " %u of them %s not to be queued again and end%s as evicted.", e->final,
                        e->final == 1 ? "is" : "are", e->final == 1 ? "s" : "");
}

enum dure_err allots_effect(struct dure_core *core, uint32_t id, uint32_t stay, struct dure_buf *ret_text,
                            struct dure_error *error)
{
    const struct allot *allot = core->allots[id];
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    const enum dure_err err = stay ? dure_cells_shrink(cells, (struct dure_allot_id){id}, stay, true, error)
                                   : dure_cells_end(cells, (struct dure_allot_id){id}, true, error);
    const uint32_t gone = allot->cells - stay;
    struct effect effect = {0};
    size_t count = 0;
    if (err == DURE_OK) {
        const struct dure_cells_event *events = dure_cells_events(cells, &count);
        count_jobs(core, id, events, count, &effect);
    }
    dure_cells_rollback(cells, mark);
    if (err != DURE_OK)
        return err;
    if (stay)
        dure_buf_printf(ret_text, "%u of the %u cells of '%s' would be taken back.", gone, allot->cells,
                        allot->spec.name);
    else
        dure_buf_printf(ret_text, "'%s' would end, with its %u cell%s.", allot->spec.name, gone, gone == 1 ? "" : "s");
    if (effect.handed)
        dure_buf_printf(ret_text, " %u of them pass%s to a successor.", effect.handed, effect.handed == 1 ? "es" : "");
    say_jobs(&effect, ret_text);
    return DURE_OK;
}
