#pragma once
/* The rooms of the naive reference among themselves. */
#include "reference.h"

/* ---- places (place.c) ---- */

/* What a search takes for granted, and what it found. */
struct trial {
    bool beside_plan;                                  /* what is kept for the queue's plan counts as taken */
    int64_t later_us;                                  /* what ends by then counts as gone; INT64_MIN: nothing does */
    uint32_t chain;                                    /* then: in which those who borrow look */
    uint64_t freed[REFERENCE_NODES];                   /* these GPUs count as idle */
    uint32_t bound[REFERENCE_RIGHTS][REFERENCE_CELLS]; /* as the rights', with what this start binds */
    bool serves;                                       /* this suspended cell is bound to a damaged one for the trial */
    uint32_t served_right, served_index, served_cell;
    bool is_blamed;              /* maintenance to come is in the way of a place */
    bool is_many;                /* several places: each is chosen knowing who goes for the last */
    bool doomed[REFERENCE_RUNS]; /* who goes so far, by run */
    uint32_t each;               /* tasks on each node where a Slurm runs them; 0: however they come */
    uint32_t place_count, binding_count;
    struct dure_place places[REFERENCE_PLACES];
    struct dure_binding bindings[REFERENCE_PLACES];
    uint32_t virtual_count; /* the same in the private cluster; of who borrows, on the hardware */
    struct dure_place virtuals[REFERENCE_PLACES];
    struct dure_binding named[REFERENCE_PLACES]; /* whose they are, and where they stand if hardware tells */
    uint32_t cell_nodes[REFERENCE_RIGHTS];
    bool rebinds;         /* bound cells that nobody uses by then count as not bound */
    uint32_t fresh_count; /* bound for the trial, to see what there is on the hardware */
    struct reference_cell fresh[REFERENCE_CELLS];
    uint32_t noted_count; /* taken for a planned start: so many tasks there in line */
    struct {
        uint32_t line, tasks;
    } noted[REFERENCE_PLACES];
    uint32_t expected_count, expected_tasks; /* so many tasks on each of these nodes, while cells are chosen */
    uint32_t expected[REFERENCE_CELLS];
};

/* ---- which nodes (fit.c) ---- */

/* A node, virtual or real, and which of its GPUs are idle. */
struct slot {
    uint32_t right, index, offset; /* of a right: its cell, the node in it; of hardware: offset is the node */
    uint64_t idle;
    uint64_t exact;  /* taken as it was planned: these GPUs; 0: as the rules have it */
    uint32_t tasks;  /* that it takes now */
    uint32_t line;   /* where it stands in line, for who is limited; what stands nowhere yet is beyond all hardware */
    bool is_nowhere; /* ... and cannot be used before it stands somewhere */
};

struct slots {
    struct slot at[REFERENCE_RIGHTS * REFERENCE_CELLS];
    uint32_t count;
};

struct takes {
    struct slot *at[REFERENCE_PLACES];
    uint32_t count;
};

/* What a gang wants: all inside `span` nodes in line (0: anywhere), exactly `each` tasks a node (0: any). */
struct gang {
    uint32_t tasks, gpus, span, each;
};

/* ---- GPUs that are shared (share.c) ---- */

/* How many of its tasks one GPU carries, and what memory each gets there. */
uint32_t reference_per_gpu(const struct reference *reference, const struct reference_job *job, uint32_t chain);
uint32_t reference_mib(const struct reference *reference, const struct reference_job *job, uint32_t chain);
/* What instances have of a GPU: a bit for each memory slice, and compute slices. */
struct instances {
    uint32_t memory, slices;
};
/* Up to so many more instances of a profile (mig.c): where they begin, a bit each. */
uint16_t reference_cut(const struct reference *reference, uint32_t chain, uint32_t mig, struct instances *gpu,
                       uint32_t most);
void reference_stand(const struct reference *reference, uint32_t mig, uint16_t starts, struct instances *gpu);
/* Puts its tasks on GPUs of the chain that its tenant shares already, by this right or (NONE32) borrowed: the tightest first. Says how many are left. */
uint32_t reference_fill(const struct reference *reference, const struct reference_job *job, uint32_t chain,
                        uint32_t right, struct trial *trial);
/* The next GPUs of a take, from `*mask` on, for the `*left` tasks that are left. */
void reference_spread(const struct reference *reference, const struct reference_job *job, uint32_t node, uint64_t mask,
                      uint32_t *left, struct trial *trial);
/* GPUs of a node on which somebody works by right. */
uint64_t reference_used_by_right(const struct reference *reference, uint32_t node);
/* Would the run have to leave this place, were it given away? */
bool reference_obstructs(const struct reference *reference, const struct reference_run *run,
                         const struct dure_place *place);

/* ---- lists and spreads (limits.c) ---- */

bool reference_is_limited(const struct reference_job *job);
/* Tasks that may still be put on this node. */
uint32_t reference_limit(const struct reference *reference, const struct reference_job *job, uint32_t node,
                         const struct trial *trial);
/* How many of the tasks were placed; with a span all or none. */
uint32_t reference_fit_limited(const struct reference *reference, const struct reference_job *job,
                               const struct trial *trial, struct slots *slots, uint32_t span, uint32_t tasks,
                               struct takes *takes);
/* The GPUs of a node that was taken. */
uint64_t reference_taken(const struct reference_job *job, const struct slot *slot);
/* GPUs that so many nodes in line could be used for, with what is taken so far. */
uint32_t reference_use(const struct reference *reference, const struct reference_job *job, const struct trial *trial,
                       const struct takes *takes, uint32_t first, uint32_t nodes);

/* ---- the same by right (limits_by_right.c) ---- */

/* Do the limits depend on the hardware that this right stands on? */
bool reference_by_hardware(const struct reference *reference, const struct reference_job *job, uint32_t right);
bool reference_place_limited(const struct reference *reference, const struct reference_job *job, uint32_t right,
                             uint32_t span, bool now, struct trial *trial);
bool reference_place_limited_over_all(const struct reference *reference, const struct reference_job *job,
                                      uint32_t chain, bool now, struct trial *trial);
/* What a plan is to keep empty, since it is bound anew then. */
void reference_keep_empty(const struct reference *reference, uint32_t right, uint32_t index, struct trial *trial);
/* While a plan is kept: is any of these nodes to be bound for it? And does this cell stay bound for one? */
bool reference_is_wanted(const struct reference *reference, const struct trial *trial, uint32_t tenant, uint32_t first,
                         uint32_t nodes);
bool reference_is_held(const struct reference *reference, uint32_t right, uint32_t index);

bool reference_fit(struct slots *slots, const struct gang *gang, uint32_t node_gpus, struct takes *takes);
uint32_t reference_ones(uint64_t mask);
uint64_t reference_lowest(uint64_t mask, uint32_t count);

/* ---- neighbours (data.c) ---- */

/* Is there work beside this node that the job must keep clear of, now or by then? By right only work by right counts. */
bool reference_is_apart(const struct reference *reference, const struct reference_job *job, uint32_t node,
                        const struct trial *trial);
/* Is there any at all? */
bool reference_has_foes(const struct reference *reference, const struct reference_job *job);
/* May it not stand where a reservation is? And does any such work stand there? */
bool reference_is_foe(const struct reference *reference, const struct reference_run *run,
                      const struct reference_run *reserved);
bool reference_has_foe_beside(const struct reference *reference, const struct reference_run *reserved);
/* Who must be alone takes nodes whole: as it is sought, and what was found as the job asked. */
void reference_widen(const struct reference *reference, struct reference_job *job);
void reference_narrow(const struct reference *reference, const struct reference_job *job, struct trial *trial);
void reference_redeclare_data(struct reference *reference);
/* Is a rack all its own while it runs? */
bool reference_takes_rack(const struct reference *reference, const struct reference_job *job);
/* Is the right large enough for what must be alone in it? */
bool reference_suits(const struct reference *reference, const struct reference_job *job, uint32_t right);

/* ---- which chain (chains.c) ---- */

/* The number of the cell in its chain, and its first node. */
uint32_t reference_cell_at(const struct reference *reference, uint32_t right, uint32_t first);
uint32_t reference_first_of(const struct reference *reference, uint32_t right, uint32_t cell);
/* May it stand there at all? */
bool reference_carries(const struct reference *reference, const struct reference_job *job, uint32_t chain);
/* As it is sought there. */
struct reference_job reference_there(const struct reference *reference, const struct reference_job *job,
                                     uint32_t chain);
/* The gang as it is tried in a chain. Where a Slurm runs the nodes, each gets the same number of its tasks: every number that divides them is tried,
 * the most first. `each` is UINT32_MAX before the first, and then that number (0: however they come). False: there are no more. */
bool reference_next_shape(const struct reference *reference, const struct reference_job *job, uint32_t chain,
                          uint32_t *each, struct reference_job *ret_shape);
/* On as few nodes as it could be. */
struct reference_job reference_at_fewest(const struct reference *reference, const struct reference_job *job);
/* Where it would rather stand, lower first; alike where it does not matter. */
uint64_t reference_rank(const struct reference *reference, const struct reference_job *job, uint32_t chain);
/* The next rank after `*rank`, of any chain (`first`: the lowest). False: there is none. */
bool reference_next_rank(const struct reference *reference, const struct reference_job *job, bool first,
                         uint64_t *rank);
/* Chains in the order in which those who borrow try them: the least promised first. */
void reference_lenders(const struct reference *reference, uint32_t order[REFERENCE_CHAINS]);

/* ---- lent GPUs (borrow.c) ---- */

bool reference_borrow(const struct reference *reference, const struct reference_job *job, struct trial *trial);

/* ---- whose turn it is, and what one may hold (order.c) ---- */

/* What is lent, by tenant: to itself; with all below it. In milli-GPU. */
struct lent {
    uint64_t own[REFERENCE_TENANTS], below[REFERENCE_TENANTS];
};
void reference_count_lent(const struct reference *reference, struct lent *lent);
/* Of two tenants, is it the turn of the first? By what is lent, or (NULL) by what was charged. */
bool reference_is_before(const struct reference *reference, const struct lent *lent, uint32_t a, uint32_t b);
void reference_charge(struct reference *reference, uint32_t tenant, uint32_t milli, int64_t lasts_us, int64_t at_us,
                      bool back);
bool reference_is_at_ceiling(const struct reference *reference, const struct reference_job *job);
/* Whom a ceiling for each user tells apart; NONE32: none does. */
uint32_t reference_user(const struct reference *reference, const struct reference_job *job);
uint32_t reference_run_milli(const struct reference_run *run);

/* ---- what people ask of jobs (asked.c) ---- */

void reference_hold(struct reference *reference, const struct dure_record *input);
void reference_modify(struct reference *reference, const struct dure_record *input);
void reference_requeue(struct reference *reference, const struct dure_record *input);
/* Those that have not started when they must have at the latest. */
void reference_expire(struct reference *reference, bool now_too);
void reference_expire_one(struct reference *reference, uint64_t job);
/* The job is over: what waits for that may start, or never will. */
void reference_over(struct reference *reference, uint64_t job);

/* ---- cells of hardware (cells.c) ---- */

bool reference_is_bound(const struct reference *reference, const struct trial *trial, uint32_t node);
/* The first node of the cell to bind for what is taken from take `from` on of the same virtual cell; NONE32: none but what a plan wants. */
uint32_t reference_choose_cell(const struct reference *reference, const struct reference_job *job,
                               const struct trial *trial, const struct takes *takes, uint32_t from);
/* The one that would be bound whoever asks. */
uint32_t reference_choose_by_count(const struct reference *reference, const struct trial *trial, uint32_t chain,
                                   uint32_t nodes);
bool reference_may_bind(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes);
/* GPUs on which somebody borrows, a shared one once. */
uint32_t reference_borrowed_in(const struct reference *reference, uint32_t first, uint32_t nodes);
/* Who stands on what is taken there has to go, and costs nothing more. */
void reference_doom(const struct reference *reference, const struct reference_job *job, struct trial *trial,
                    const struct takes *takes, uint32_t from);

/* May this damaged cell serve a suspended right? */
bool reference_may_serve(const struct reference *reference, const struct trial *trial, uint32_t first, uint32_t nodes);

/* What may be bound beyond all that is owed: whole racks; and nodes, those of the racks to spare included. */
struct spare {
    int32_t racks, nodes;
};
bool reference_spare_is_whole(struct spare spare); /* all that is owed can be kept */
struct spare reference_spare(const struct reference *reference, const struct trial *trial, uint32_t chain);
/* The first node of the damaged cell that may serve a suspended one of so many nodes; NONE32: none. */
uint32_t reference_choose_damaged(const struct reference *reference, const struct trial *trial, uint32_t chain,
                                  uint32_t nodes);

/* ---- hardware that goes and comes (nodes.c) ---- */

void reference_node(struct reference *reference, const struct dure_record *input);
void reference_foreign(struct reference *reference, const struct dure_record *input);
/* After a change of what a node is to anybody: which of its GPUs are lost follows. */
void reference_lose(struct reference *reference, uint32_t node, enum dure_cause cause);
bool reference_is_busy(const struct reference *reference, uint32_t node); /* somebody works there */
void reference_unreserve_on(struct reference *reference, uint32_t node, uint64_t gpus);
/* Its state follows from what was reported and whether somebody works there. */
void reference_update_node(struct reference *reference, uint32_t node);
/* Rights are suspended, or restored, until what is owed can be kept. */
void reference_settle(struct reference *reference, uint32_t chain);
void reference_settle_unseen(struct reference *reference, uint32_t chain); /* for a trial */

/* ---- rights that come and go, and what is lent (promises.c) ---- */

bool reference_has_begun(const struct reference_right *right);
/* Promised, and not bound: some cell must be left for it. */
bool reference_is_owed(const struct reference_right *right, uint32_t index);
/* Not bound, it gets no cell: it was taken back, waits for a predecessor's, or is suspended. */
bool reference_is_unserved(const struct reference_right *right, uint32_t index);
bool reference_grant(struct reference *reference, const struct dure_allotment *rows, uint32_t count);
void reference_shrink(struct reference *reference, uint32_t id, uint32_t stay);
void reference_end_right(struct reference *reference, uint32_t id);
void reference_tell_shortness(struct reference *reference, uint32_t id);
/* What the calendar brings. */
void reference_world(struct reference *reference);
bool reference_is_lent(const struct reference *reference, uint32_t tenant, int64_t grace_us);
/* Whoever borrows what is not lent any more must leave. */
void reference_lending(struct reference *reference);
/* Tenants are declared anew; and whatever is, plans are made anew. */
void reference_redeclare(struct reference *reference);
void reference_void_plans(struct reference *reference, enum dure_cause cause);
void reference_demoted(struct reference *reference, uint64_t attempt, bool taken_over);

/* ---- booked maintenance (booked.c) ---- */

void reference_book(struct reference *reference, const struct dure_record *input);
void reference_bookings(struct reference *reference); /* what the calendar brings */
/* Is any in force in the chain, or to begin before then? */
bool reference_is_booked_before(const struct reference *reference, uint32_t chain, int64_t until_us);
bool reference_is_back_by(const struct reference *reference, uint32_t node, int64_t at_us);
bool reference_is_firm(const struct reference *reference, const struct reference_job *job, const struct trial *trial,
                       int64_t at_us);
/* On which hardware each cell of the planned start is, or is to be bound now. False: it counts on one that cannot be had. */
bool reference_bind_firmly(const struct reference *reference, struct trial *trial);
bool reference_place_as_planned(const struct reference *reference, uint64_t id, struct trial *trial);

/* ---- maintenance to come (windows.c) ---- */

/* The hardware and the rights as they are while some nodes are out of sight. */
struct hidden {
    struct reference_node nodes[REFERENCE_NODES];
    struct reference_right rights[REFERENCE_RIGHTS];
    struct reference_chain chains[REFERENCE_CHAINS];
};
/* Nodes of which a window meets that time are out of sight; by rights they count as lost, and the rights are settled. */
void reference_hide(struct reference *reference, int64_t from_us, int64_t until_us, bool rights, struct hidden *hidden);
void reference_unhide(struct reference *reference, const struct hidden *hidden);
void reference_see(const struct reference *reference, struct hidden *now); /* what unhide brings back */
bool reference_meets_window(const struct reference *reference, uint32_t node, int64_t from_us, int64_t until_us);
bool reference_reaches_window(const struct reference *reference, const struct dure_place *places, uint32_t count,
                              int64_t from_us, int64_t until_us);
/* When the first window that meets that time is over; INT64_MAX: none does. */
int64_t reference_window_over(const struct reference *reference, int64_t from_us, int64_t until_us);
/* Could all that is new be bound, one after another? */
bool reference_can_bind(const struct reference *reference, const struct dure_binding *bindings, uint32_t count);
/* A place to start at now that reaches into no window. */
bool reference_place_around(struct reference *reference, uint64_t job, struct trial *trial);

/* ---- planned starts (later.c) ---- */

/* The first moment at which there is a place; INT64_MIN: it is not idle GPUs that it lacks; INT64_MAX: there is none. */
int64_t reference_later(struct reference *reference, uint64_t job, struct trial *trial);

/* ---- limits of power (power.c) ---- */

void reference_declare_power(struct reference *reference, const struct dure_record *input);
/* What is to go dark, to come back, and to leave, until nothing more follows. */
void reference_power(struct reference *reference);
/* Can the new rights, from this one on, be fed at every moment? */
bool reference_can_feed(struct reference *reference, uint32_t first_new);
/* Does it stand on any dark GPU? */
bool reference_is_dark(const struct reference *reference, const struct reference_run *run);

/* ---- the private cluster ---- */

void reference_list_slots(const struct reference *reference, uint32_t right, const struct trial *trial,
                          struct slots *slots);
void reference_begin_trial(const struct reference *reference, const struct reference_job *job, struct trial *trial);
/* Binds the cells of what was taken, in the order of taking; false: one could only be bound where a plan wants it. */
bool reference_realise(const struct reference *reference, const struct reference_job *job, const struct takes *takes,
                       uint32_t left, struct trial *trial);
/* Is there a place for one more element of the job? With `now`, also on damaged cells, and in the place of its tenant's work of
 * lower priority. */
bool reference_place(const struct reference *reference, uint64_t job, bool now, struct trial *trial);
void reference_tidy(struct trial *trial);
/* GPUs of this node that the run stands on, or has reserved. */
uint64_t reference_gpus_on(const struct reference_run *run, uint32_t node);
/* When what has a place is gone from it at the latest; INT64_MIN: any moment. */
int64_t reference_gone_by(const struct reference *reference, const struct reference_run *run);
/* When the tenant's own work has left these places, if it is warned now. */
int64_t reference_clear_by(const struct reference *reference, const struct dure_place *places, uint32_t count);
bool reference_is_clear(const struct reference *reference, const struct dure_place *places, uint32_t count);

/* ---- records (work.c) ---- */

struct dure_record reference_decision(const struct reference *reference, enum dure_record_kind kind);
void reference_tell(struct reference *reference, const struct dure_record *record);
uint32_t reference_element_of(const struct reference_job *job, uint32_t ordinal);
/* The element that is next; NONE32: none, or the array is at its limit. */
uint32_t reference_next(const struct reference *reference, uint64_t job);
/* A place is given: it starts there, or reserves it and warns who stands there. */
void reference_give(struct reference *reference, uint64_t job, struct trial *trial);
void reference_unplan(struct reference *reference, uint32_t queue, enum dure_cause cause);
/* Its reservation is given up, for what it was made on is gone. */
void reference_give_up(struct reference *reference, struct reference_run *run);
/* It has to leave a dark GPU: within its grace, and when the limit falls at the latest. */
void reference_warn_of_power(struct reference *reference, struct reference_run *run, int64_t falls_us);
/* It has to leave, whoever else may be spared. */
void reference_send_away(struct reference *reference, struct reference_run *run, enum dure_cause cause);
void reference_report(struct reference *reference, const struct dure_record *input);
bool reference_comes_back(enum dure_cause cause);
/* It ended by itself, or its node is gone (`report` NULL). */
void reference_end(struct reference *reference, struct reference_run *run, const struct dure_record *report);
void reference_unreserve(struct reference *reference, struct reference_run *run);
void reference_leave_to_do(struct reference *reference, enum reference_after kind, uint64_t a, uint64_t b);
/* The plan of this queue, if there is one, cannot be kept. */
void reference_void_plan(struct reference *reference, uint32_t queue, enum dure_cause cause);
void reference_cancel(struct reference *reference, uint64_t job, uint32_t element, enum dure_cause cause);
void reference_cancel_run(struct reference *reference, struct reference_run *run, enum dure_cause cause);
/* All that waits of it is over. */
void reference_end_waiting(struct reference *reference, uint64_t job, enum dure_cause cause);
void reference_unreserve_all(struct reference *reference, uint64_t job);
struct reference_run *reference_attempt(struct reference *reference, uint64_t attempt);
struct reference_run *reference_run_of(struct reference *reference, uint64_t job, uint32_t ordinal);
/* Whoever stood on what a reservation had may stay; its cells may be empty. */
void reference_leave_reserved(struct reference *reference, const struct reference_run *gone);
/* Nothing of the job is to start any more: if it lives on, its plan is given up. */
void reference_left_queue(struct reference *reference, uint64_t job);
/* Of the holder; of all that borrow, the tenants' count; of those who work by nobody's right, the number behind it. */
uint32_t reference_queue(const struct reference *reference, const struct reference_job *job);
uint32_t reference_queue_of_run(const struct reference *reference, const struct reference_run *run);
/* Walltimes and graces that are over, and plans that are past their time. */
void reference_due(struct reference *reference);
void reference_follow(struct reference *reference);

/* ---- order (pass.c) ---- */

void reference_pass(struct reference *reference, int64_t budget);
