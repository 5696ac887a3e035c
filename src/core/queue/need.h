#pragma once
/* Needs: what stands between the classes of a queue and the places that they wait for.
 *
 * A need that found no place is not tried again before something happens that could change it. What that is, is its wait:
 *   whole GPUs      a slot of its holder's allotments (of a borrower: a node of the chains) in which GPUs came free has as many idle as it takes
 *                   of one slot, and the slots of the field together hold all of its tasks;
 *   anything else   (fractions, datasets, what may displace lower priority: NEED_ANY) every look at its queue, and a queue is looked at when
 *                   somebody joined or left it, or anything moved that is its own: GPUs of its holder's rights; of borrowers, all GPUs;
 *   others' moves   (lists, spreads, short rights: NEED_FAR; and a class that something other than room refused, which is only passed over)
 *                   the same, and the queue is looked at whenever anything moved at all.
 * Rights, hardware, lending terms and the calendar open every need of a queue. So a pass touches only what may have become possible, and
 * decides what trying everybody in order in every queue would decide: the forgetful core of tests/property/core/history_test.c does that.
 *
 * Verdicts are derived: a core that is loaded has none, tries, and comes to the same ones. */
#include "core/state/state.h"

/* The need of a class, as long as the class lives. */
uint32_t need_get(struct dure_core *core, const struct request *ask);
void need_put(struct dure_core *core, uint32_t need);
/* A class of it is idle from now on, or again not: with no other class it has no verdict, as if it were not there. */
void need_rest(struct dure_core *core, uint32_t need);
void need_resume(struct dure_core *core, uint32_t need);
void need_free(struct dure_core *core, uint32_t need); /* its memory alone, at the end of the core */
/* A class joins its need with its first job in the queue, leaves with its last, and moves when its head is another. O(log classes). */
void need_enter(struct dure_core *core, struct class *class);
void need_leave(struct dure_core *core, struct class *class);
void need_moved(struct dure_core *core, struct class *class);
/* The class to be tried for it: that of the oldest job; once only what ends in time may try, of the oldest such. NONE: none. */
uint32_t need_candidate(const struct dure_core *core, const struct need *need);
uint32_t need_oldest(const struct dure_core *core, const struct need *need);

void need_judge(struct dure_core *core, uint32_t need, enum verdict_kind verdict);
/* No start is planned for it in the pass at hand. */
void need_leave_out(struct dure_core *core, uint32_t need);
/* Does this job of the need come before the one that has the queue's plan, whatever anybody's share? By priority, or of one tenant by age. */
bool need_is_above_plan(const struct dure_core *core, const struct need *need, uint64_t job);
/* The need of the first that comes so before the plan's, and may be tried or have a plan of its own; NONE. O(tenants and priorities). */
uint32_t order_above_plan(struct dure_core *core, uint32_t queue);
void need_reopen(struct dure_core *core, uint32_t queue, enum need_list which);
void need_reopen_all(struct dure_core *core, uint32_t queue);

/* How long it holds its place at most. */
int64_t request_lasts_us(const struct request *ask);

void need_settle(struct dure_core *core, uint32_t need); /* puts it where its oldest jobs and its verdict say */

/* branches.c. Tenants are declared: nobody waits yet. */
void branches_renew(struct dure_core *core);
/* A lane of the borrowers' queue comes, or goes. `before`: the one of its tenant that stands before it; NONE. */
void branch_put_lane(struct dure_core *core, uint32_t before, uint32_t slot);
void branch_take_lane(struct dure_core *core, uint32_t before, uint32_t slot);
/* It has something open, or anything at all, and had not (1), or the opposite (-1). */
void branch_count(struct dure_core *core, uint32_t tenant, int open, int filled);
/* Of the lanes of the borrowers' queue, in the order of shares down the tree, the first that has a need to try; NONE. Mostly O(branches beside those on
 * its path). */
uint32_t branch_first(struct dure_core *core, bool any);
/* lanes.c: the need that is next in a lane; NONE. */
uint32_t lane_first(struct dure_core *core, uint32_t lane, bool any);

/* A class is left out until the pass is over. */
void order_pass_over(struct dure_core *core, uint32_t class_slot);
void order_restore(struct dure_core *core);

/* wake.c: which list it waits in; NEED_LISTS: for so many GPUs of one slot, and in all. */
enum need_list wait_enter(struct dure_core *core, uint32_t need);
void wait_leave(struct dure_core *core, uint32_t need);
/* Something that a look at this queue depends on is otherwise than before. */
static inline void queue_moved(struct dure_core *core, uint32_t queue)
{
    if (!core->queues || core->trials)
        return;
    core->moved |= core->watchers > 0;
    if (core->queues[queue].count)
        dure_bits_set(&core->dirty, queue);
}
void queue_moved_all(
    struct dure_core *core); /* hardware: the borrowers' queue, and every one that waits for what others do */
/* Somebody of it waits for what others do. */
void queue_watch(struct dure_core *core, uint32_t queue);
/* GPUs of a slot (of an allotment, or of a chain) came free. */
void queue_freed(struct dure_core *core, uint32_t queue, uint32_t at, uint32_t slot);
/* Before a pass: marks the queues in which somebody waits for what others do, if they did anything, and those in which a start may be planned by
 * now for somebody who came lately. */
void queue_look(struct dure_core *core);
/* Opens the needs that may be met now. */
void queue_wake_met(struct dure_core *core, uint32_t queue);
