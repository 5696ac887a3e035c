#pragma once
/* Booked maintenance: windows of time in which nodes are not there. Nothing starts on them whose walltime and grace reach into a window that is
 * to come; when it begins they drain, when it ends they come back, unless somebody drained them besides.
 *
 * A chain without windows pays one comparison. With them a plan is first made as if there were none; only if it touches such a node is it
 * made again under a veil: the nodes that it must not use are taken out of sight (lost, for the time of the plan), so that rights and
 * buddies come out as they would be in the window. */
#include "core/place/later.h"
#include "core/place/plan.h"
#include "core/state/state.h"

enum { BOOKING_COMING, BOOKING_BEGUN, BOOKING_OVER }; /* `count` of a BOOK_STATE record */

enum dure_err check_book(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_book(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err check_unbook(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_book_state(struct dure_core *core, const struct dure_record *record, struct dure_error *error);

struct booking *booking_find(const struct dure_core *core, uint64_t id);
const struct booking *booking_of_node(const struct dure_core *core, uint32_t node); /* that holds it at present; NULL */
struct dure_digest booking_hash(const struct booking *booking);
void booking_load(struct dure_core *core, const struct booking *booking); /* takes its lists over */
void bookings_free(struct dure_core *core);
void windows_renew(struct dure_core *core); /* every node's and chain's next window, from the bookings to come */
int64_t bookings_next(const struct dure_core *core); /* the next begin or end */
/* Begins and ends what is due. */
void decide_bookings(struct dure_core *core);
void decide_booking(struct dure_core *core, uint64_t id, unsigned state);

/* When a start now would have to be out of the way, its grace included. */
int64_t window_reach(const struct dure_core *core, const struct request *ask);
/* Does the place touch a node whose window begins before that? `ret_window_us`: the earliest such window. */
bool window_touches(const struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count,
                    int64_t reach_us, int64_t *ret_window_us);

/* A place for it, by its class, that no window which it would reach into touches. */
bool plan_around(struct dure_core *core, const struct request *ask, struct plan *plan);

/* Is a window of one of these nodes yet to begin that meets this time? When is the first of all such windows over; DURE_NEVER_US: there is none.
 * O(bookings and their runs). */
bool window_meets(const struct dure_core *core, uint32_t node_first, uint32_t node_count, int64_t from_us,
                  int64_t until_us);
int64_t window_over(const struct dure_core *core, int64_t from_us, int64_t until_us);
/* Is there maintenance in this chain, or will some begin before then? Until it is over a plan by right is firm. O(1). */
bool booked_before(const struct dure_core *core, uint32_t chain, int64_t until_us);

/* A planned start for it, by its class, that will be allowed at its time: nothing in its place reaches into a window, be it one that is over by then. A
 * plan by right with maintenance about says in its bindings which cells it counts on; `is_new` are to be bound when it is made. */
enum later later_around(struct dure_core *core, const struct request *ask, struct plan *plan, int64_t *ret_at_us);
/* The very place that a firm plan keeps, if it may have it now. */
bool plan_as_planned(struct dure_core *core, const struct request *ask, const struct planned *planned,
                     struct plan *plan);

struct veil {
    uint32_t *nodes; /* out of sight */
    uint64_t *idle, *away;
    uint32_t count, capacity;
    uint64_t *cells; /* allotment << 32 | virtual cell that look otherwise */
    uint32_t cell_count, cell_capacity;
    struct dure_cells_mark *marks; /* by chain, where `veiled` */
    bool *veiled;
};
/* Between the two calls the nodes whose windows meet this time, which begins now or later, are out of sight in every chain. `rights`: in the cells too. */
void veil_put(struct dure_core *core, struct veil *veil, int64_t from_us, int64_t reach_us, bool rights);
void veil_take(struct dure_core *core, struct veil *veil);
/* Can the cells of a plan made under a veil be bound as they really are? */
bool veil_plan_holds(struct dure_core *core, const struct plan *plan);
