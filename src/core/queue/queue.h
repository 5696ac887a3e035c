#pragma once
/* Who is next. Pending jobs that may start stand in classes of equal requests, each in id order; classes stand in the queue of their
 * holder, or in the one queue of all that borrow. A job out of its time, held, waiting for others or at its array's limit stands in none. */
#include "core/state/state.h"

uint32_t queue_of_borrowed(const struct dure_core *core);
uint32_t queue_of(const struct dure_core *core, const struct request *ask); /* index into core->queues */
/* Puts the job where its state says: into its class, into the heap of begin times, or nowhere. */
void queue_refresh(struct dure_core *core, uint32_t job_slot);
void queue_leave(struct dure_core *core, uint32_t job_slot);
/* A job with a deadline stands in the heap of latest starts while any of it has not started. */
void expiry_refresh(struct dure_core *core, uint32_t job_slot);
bool queue_is_ready(const struct dure_core *core, const struct job *job);
/* Holders changed: everybody queues anew. O(pending jobs). */
void queue_rebuild(struct dure_core *core);
/* Needs are found anew after these: holders, or what hardware can carry. */
void queue_forget_needs(struct dure_core *core);
void queue_find_needs(struct dure_core *core);
void queue_release(struct dure_core *core);
/* Rights, hardware, lending terms or the calendar changed for this queue: everybody may try again. What is freed wakes by itself. */
void queue_wake(struct dure_core *core, uint32_t queue);
/* Requests, counted: equal ones are one class. */
uint32_t class_get(struct dure_core *core, const struct request *ask);
uint32_t class_find(const struct dure_core *core, const struct request *ask); /* uncounted; NONE */
void class_put(struct dure_core *core, uint32_t class_slot);
void class_again(struct dure_core *core,
                 uint32_t class_slot); /* one more job makes it: as class_get, where it is known */
/* What no job makes any more is kept for the next that does, as long as not many are; it says nothing that could not be found again. */
void class_forget_idle(struct dure_core *core);
uint32_t class_head(const struct dure_core *core, const struct class *class); /* job slot */

/* Order (DESIGN §5). Guaranteed: priority, then fair share down the tree of tenants below the holder, then age. Borrowed: share of what is
 * borrowed now by weight, down the whole tree, then priority, then age. */
bool order_before(const struct dure_core *core, bool borrowed, const struct class *a, const struct class *b);
bool order_tenant_before(const struct dure_core *core, bool borrowed, uint32_t a, uint32_t b);
/* The need that is next, among those that may be tried; with `any`, also among those for which a start may be planned. NONE.
 * O(tenants at the highest priority; of borrowers, mostly the branches of the tree beside its path). */
uint32_t order_first(struct dure_core *core, uint32_t queue, bool any);

/* How many needs wait in it. O(tenants and priorities). */
uint64_t order_needs(const struct dure_core *core, uint32_t queue);

/* Fair share grows what is charged with time instead of decaying what was: a charge doubles its weight every week. */
uint64_t share_growth(const struct dure_core *core, int64_t at_us);
void share_charge(struct dure_core *core, uint32_t tenant, int64_t gpu_us, int64_t at_us, bool back);
/* An attempt ends, or goes on as borrowed: what it used is counted, and what it was charged for and did not use is given back. */
void share_close(struct dure_core *core, const struct attempt *attempt);
void share_renew(struct dure_core *core); /* after time moved: keeps the growth in bounds */
/* Around every change of what is hashed of a tenant, as for jobs (state/jobs.h). */
enum tenant_term { TENANT_SHARES = 1, TENANT_LASTING = 2 };
void tenant_loosen(struct dure_core *core, uint32_t tenant, enum tenant_term which); /* the caller takes it out */
void tenant_out(struct dure_core *core, uint32_t tenant);
void tenant_in(struct dure_core *core, uint32_t tenant);
void tenant_settle(struct dure_core *core);
struct dure_digest tenant_hash(const struct dure_core *core, uint32_t tenant);
int64_t share_cost(uint32_t gpus_milli, int64_t us); /* GPU-microseconds */
