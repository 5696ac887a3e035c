#pragma once
/* The rooms of the naive `why` among themselves: one chain as the walk sees it, and fields of nodes that a job might stand on. */
#include "core/allot/allots.h"
#include "core/state/state.h"
#include "naive_why.h"

enum { RULES = DURE_RULE_HERE + 1, FIELD_NODES = 128 };

struct count {
    uint64_t gpus, nodes, own, guaranteed, borrowed, reserved;
};

struct walk {
    struct dure_core *core;
    const struct request *ask;
    uint32_t at, holder;
    const struct dure_chain *c;
    const struct chain_state *state;
    struct dure_cells *cells; /* as they are, or as they might be: what is bound for a trial, or lost by then */
    bool ahead;
    bool lifted; /* it may stand beside anybody */
    bool bound;  /* rights that are not bound yet count for nothing */
    struct count count[RULES];
};

/* Nodes, virtual or real. */
struct field {
    uint32_t nodes, gpus;         /* gpus: of the largest */
    uint64_t idle[FIELD_NODES];   /* mask by node */
    uint32_t shared[FIELD_NODES]; /* tasks that GPUs which its tenant shares already still take */
    bool fenced[FIELD_NODES];     /* beside work that it may not have beside it */
    bool out[FIELD_NODES];        /* not on its list of nodes */
    bool nowhere[FIELD_NODES];    /* it stands on no hardware yet, and has to */
    uint32_t spread[FIELD_NODES]; /* the cell of its spread's level that it lies in */
};

/* ---- what the job asks for, and what the hardware says to it (naive_hardware.c) ---- */

bool naive_is_fraction(const struct request *ask);
unsigned naive_level(const struct walk *w, uint16_t level);
/* Leaves of one cell of the level that it requires, at most of `top`; 0: anywhere. */
uint32_t naive_required_leaves(const struct walk *w, unsigned top);
uint32_t naive_spread_leaves(const struct walk *w);
uint32_t naive_tasks_a_gpu(const struct walk *w);
uint64_t naive_gpus_needed(const struct walk *w);
/* Tasks of the gang that so many idle GPUs of one node carry. */
uint64_t naive_tasks_on(const struct walk *w, uint64_t idle);
/* Named, if any is, and not left out. */
bool naive_may_use(const struct walk *w, uint32_t node);
enum dure_rule naive_hardware(const struct walk *w);
/* Has each of its nodes to get the same number of its tasks? And may it be this one, on hardware that is all idle? */
bool naive_is_even(const struct walk *w);
bool naive_may_lie(const struct walk *w, uint32_t each);
bool naive_power_refuses(const struct walk *w);

/* The wish of `ask` that this rule of the hardware is about, given up (naive_wish.c). False: it is not what refuses it here. */
bool naive_give_up(const struct walk *w, enum dure_rule rule, struct request *ask);

/* ---- its neighbours (naive_data.c) ---- */

bool naive_may_be_here(const struct walk *w);
bool naive_neighbours_refuse(const struct walk *w);
/* Of its datasets: nobody else in the node (the rack) it takes whole; or none of those that some list names. */
enum dure_data_level naive_alone(const struct walk *w);
enum dure_data_level naive_widest(const struct walk *w);
uint32_t naive_rack(const struct walk *w); /* nodes; 0: there are no racks */
struct request naive_widened(const struct walk *w);
bool naive_is_fenced(const struct walk *w, uint32_t node);

/* ---- GPUs that are shared (naive_share.c) ---- */

/* Instances of its profile, the most that go beside those whose memory slices are taken. */
uint32_t naive_instances(const struct walk *w, uint32_t taken, uint32_t slices);
/* Tasks that may join its tenant's on a GPU, by this right or (NONE) borrowed. */
uint32_t naive_share_room(const struct walk *w, uint32_t leaf, uint32_t allot);

/* ---- does it fit into these nodes? (naive_fit.c) ---- */

/* `leaves`: of one cell that must hold it all; 0: anywhere. */
bool naive_fits(const struct walk *w, const struct field *field, uint32_t leaves);
bool naive_fits_as_asked(const struct walk *w, const struct field *field, uint32_t leaves); /* evenly or not */
/* The most of its tasks that they carry, each by itself; so many (0: any) on each that carries any. */
uint64_t naive_carries(const struct walk *w, const struct field *field, uint32_t each);

/* ---- who stands where (naive_borrowed.c, naive_rights.c) ---- */

/* Whether no GPU of a node can be used, whoever asks, because of its state. */
bool naive_is_out(unsigned state, enum dure_rule *ret_rule);
/* Is the node booked for a time that the job would reach into? */
bool naive_is_late(const struct walk *w, uint32_t node);
bool naive_late_somewhere(const struct walk *w);

/* MAY: the documents leave it open, or it hangs on which of several cells is bound. */
enum naive_fit { NAIVE_NO, NAIVE_MAY, NAIVE_YES };

/* Counts every GPU of the chain but those that are idle for it, which are told. The rules that may refuse those, a bit each. */
uint64_t naive_borrowed(struct walk *w, struct count *ret_idle);
uint64_t naive_by_right(struct walk *w, struct count *ret_idle);
/* Would it fit into what is there, given these demands? */
enum naive_fit naive_borrowed_fit(const struct walk *w, const struct request *ask, bool in_time);
enum naive_fit naive_right_fit(const struct walk *w, const struct request *ask, bool in_time);
/* The rules that may refuse what is idle: the first that, given up, lets it fit. */
uint64_t naive_idle_rules(const struct walk *w, uint64_t idle,
                          enum naive_fit (*fit)(const struct walk *, const struct request *, bool));
uint64_t naive_idle(const struct walk *w); /* GPUs of the chain */
uint64_t naive_idle_on(const struct walk *w, uint32_t node);
uint64_t naive_idle_of_right(const struct walk *w, uint32_t id);
/* Could this right ever carry it? NONE: could any here, or all together? */
bool naive_suits(const struct walk *w, uint32_t id);
enum naive_fit naive_one_right_fit(const struct walk *w, uint32_t id);
