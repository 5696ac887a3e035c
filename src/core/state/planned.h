#pragma once
/* Planned starts: at most one a queue, for its blocked head, as a record made it. The GPUs of its place are marked as kept on the allotment or
 * chain; a pass lets them count as taken while it tries what could delay it. */
#include "core/state/state.h"

enum {
    PLAN_AFTER_US = 1000000,       /* from the next full second after so long a start may be planned for a job */
    PLAN_OVERRUN_US = 60 * 1000000 /* so long past its time a plan is kept: work takes a moment to end */
};

/* Is the job too new for a plan? Most that find no place at once are gone again soon. Remembers to look again when it is not. */
bool planned_is_too_soon(struct dure_core *core, uint32_t queue, uint64_t job);
/* All jobs from this id on are too new; UINT64_MAX: none is. And for one that is: remembers to look again. */
uint64_t planned_soon_from(const struct dure_core *core);
void planned_look_later(struct dure_core *core, uint32_t queue, uint64_t job);
void planned_note_job(struct dure_core *core, const struct job_data *data); /* it was submitted, or is loaded */

/* Does a job of this request come before the one that is planned for, whatever anybody's share: by priority, or of one tenant by age? */
bool planned_is_below(const struct dure_core *core, uint32_t planned, const struct request *ask, uint64_t job);
uint32_t planned_add(struct dure_core *core, uint32_t job_slot, const struct planned_data *data,
                     const struct dure_place *places, const struct dure_binding *bindings);
void planned_drop(struct dure_core *core, uint32_t job_slot); /* nothing if there is none */
/* The queues are made anew, for so many tenants: each plan stands at its own. */
void planned_seat_all(struct dure_core *core, uint32_t tenants);
void planned_free_all(struct dure_core *core); /* memory alone */
/* The GPUs of this plan count as taken, or do not. */
void planned_keep(struct dure_core *core, uint32_t planned, bool on);
/* While they do: these came into sight in a field, and are idle once they do not any more. */
void planned_hide(struct hidden_list *hidden, uint32_t slot, uint64_t gpus);
/* The plan of this queue, if there is one, is made anew, and why. */
void planned_void(struct dure_core *core, uint32_t queue, enum dure_cause cause);
/* The same for its holder's, when something happens to this right: unless it is firm, or on another chain. */
void planned_void_right(struct dure_core *core, uint32_t allot, enum dure_cause cause);
void planned_void_all(struct dure_core *core, enum dure_cause cause);
/* A GPU of this node is gone: the plans that may have kept it, but for those that begin when the maintenance that has it is over. */
void planned_void_leaf(struct dure_core *core, uint32_t chain, uint32_t leaf, enum dure_cause cause);
/* The borrowers' plan, if it keeps any of these places beyond `until_us`, is made anew. */
void planned_void_borrowed(struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count,
                           int64_t until_us);
/* Is this leaf kept just now? By rights of `allot`, or (NONE) on the hardware. */
bool planned_keeps_leaf(const struct dure_core *core, uint32_t allot, uint32_t chain, uint32_t leaf);
/* Where lists or a spread speak of hardware, or a plan is firm, it counts on cells. While it is kept: is this cell to be bound for it? (Its holder's others bind
 * another.) And does this virtual cell stay bound for it, though nobody uses it? O(places). */
bool planned_wants_cell(const struct dure_core *core, uint32_t allot, struct dure_cell cell);
bool planned_holds_cell(const struct dure_core *core, uint32_t allot, uint32_t index);
/* In the order of job ids: calls for every plan. */
void planned_each(const struct dure_core *core, void (*each)(void *context, const struct planned *planned),
                  void *context);
void planned_digest_all(const struct dure_core *core, struct dure_digest *sum);
