#pragma once
/* The rule of decision once more, slow and plain: arrays and searches, no index, no code of src/core. It takes the
 * records that the core takes and says, as encoded records, what must be decided.
 *
 * Covered: one or two chains of racks of nodes, of one model or two, at one site or two, and which is taken; a tree of tenants, some with rights to nodes or racks; work of whole GPUs or of
 * fractions or MIG instances that share one, single or in gangs, inside a required or a preferred node or rack or anywhere
 * in its rights, over several of them too, with so many tasks a node or any; borrowed work, by the weighted share of what
 * each tenant borrows; arrays, with and without a limit; priorities inside a tenant, and work of lower priority that has
 * to leave; who borrows on a cell that its owner takes back, and which cell that is; notice, grace and walltimes;
 * reservations, those given up and whom that spares; lists of nodes and spreads, borrowed and by right; neighbours and
 * sites that datasets forbid; the planned start of each queue's blocked head, and backfill; passes with a budget; fair shares,
 * ceilings of tenants and of users, and those that change; begin times, deadlines, dependencies, work that is held, released,
 * changed and put back; ends, losses with and without requeue, cancellations; nodes that go down, are drained and come back, rights
 * suspended, served by damaged cells and restored; cells bound, kept while in use, and let go; rights that are granted,
 * begin, are cut down, end or pass to a successor, and what becomes of who works by them; lending opened and closed; GPUs
 * that work outside uses; limits of power of the site, of racks and nodes, now and to come: what goes dark, comes back and
 * must leave, and what may be promised beside them; prices of holes; checkpoints; datasets and terms declared anew;
 * maintenance, booked ahead or at once, cancelled, begun and over: starts around it, starts planned before and behind it, and
 * the firm plans that are made by right while any is about. */
#include "model/data.h"
#include "model/fleet.h"
#include "model/power.h"
#include "model/prices.h"
#include "model/record.h"
#include "model/tenants.h"

enum {
    REFERENCE_NODES = 48,
    REFERENCE_CHAINS = 2,
    REFERENCE_RIGHTS = 16,
    REFERENCE_BOOKINGS = 64,
    REFERENCE_NAME = 16,
    REFERENCE_TENANTS = 32,
    REFERENCE_CELLS = 32,
    REFERENCE_JOBS = 2048,
    REFERENCE_ELEMENTS = 8,
    REFERENCE_PLACES = 128,
    REFERENCE_RUNS = 512,
    REFERENCE_AFTERS = 4096,
    REFERENCE_DEPS = 2,
};

/* A cell of a right, by their numbers. */
struct reference_heir {
    uint32_t right, index;
};

/* Nodes of one kind at one site; all chains have racks and nodes of one size. */
struct reference_chain {
    uint32_t first, end, model, site;
    bool is_shaken; /* hardware went or came since a cell was bound or let go */
};

struct reference_right {
    char name[REFERENCE_NAME];
    uint32_t chain;
    uint32_t tenant, cell_nodes, count; /* count: as it was granted */
    int64_t from_us, until_us;
    enum dure_allot_state state;
    bool has[REFERENCE_CELLS];   /* not taken back */
    bool waits[REFERENCE_CELLS]; /* for the cell of a predecessor, `source` */
    bool
        suspended[REFERENCE_CELLS]; /* hardware was lost, and this is not owed: bound, it is served by a damaged cell */
    struct reference_heir source[REFERENCE_CELLS];
    uint32_t bound[REFERENCE_CELLS]; /* first node of the cell; NONE32: not bound */
};

struct reference_node {
    bool down, drained, away;
    int64_t booked_until_us; /* maintenance that has begun; INT64_MIN: none */
    uint64_t foreign;        /* GPUs that work outside dure uses */
    uint64_t dark;           /* that a limit of power cannot feed */
    uint64_t lost;           /* to all who do not stand there already: all of a node that is not up, and those */
    enum dure_node_state state;
};

struct reference_booking {
    uint64_t id, nodes;
    int64_t from_us, until_us;
    bool has_begun;
};

enum reference_element { ELEMENT_NONE, ELEMENT_WAITS, ELEMENT_PLACED, ELEMENT_GONE };

enum reference_dep { DEP_WAITS, DEP_HOLDS, DEP_FAILED };

struct reference_job {
    uint32_t principal;
    bool held;
    int64_t begin_us, deadline_us; /* deadline_us 0: none */
    uint32_t dep_count;
    struct dure_dep deps[REFERENCE_DEPS];
    enum reference_dep dep_states[REFERENCE_DEPS];
    bool has_failed;
    uint32_t tenant, tasks, gpus, tasks_per_node;
    uint32_t mig, milli; /* a MIG profile, from 1 (0: none); of each GPU: 1000 is all of it */
    uint32_t memory_mib; /* that it asks for at least; 0: any */
    uint32_t mib,
        per_gpu; /* while a place is sought in a chain: of a fraction; how many of its tasks one GPU carries */
    uint64_t models, model_order; /* that it accepts (0: any), and in which order */
    uint32_t level_nodes;         /* all inside so many nodes in line; 0: anywhere */
    uint64_t data;                /* the datasets that it uses */
    bool is_fenced;               /* while a place is sought: there is work that it must keep clear of */
    bool is_rack;                 /* ... and it takes a rack whole */
    bool is_gang;                 /* ... and it is a gang of whole GPUs that nothing says yet how it lies */
    bool is_listed;               /* only these nodes may be used */
    uint64_t nodes;
    uint32_t spread_max, spread_nodes; /* at most so many tasks in each so many nodes in line; 0: any */
    bool borrowed, level_required, requeue, rest_gone;
    int32_t priority;
    int64_t walltime_us, grace_us, checkpoint_us, submitted_us; /* checkpoint_us: every so often; 0: never */
    uint32_t requeues;
    uint32_t array_count, array_first, array_step, array_limit; /* array_count 0: no array */
    enum reference_element elements[REFERENCE_ELEMENTS];
};

/* What has a place: it runs there, or waits for those that stand on it. */
enum reference_state { RUN_NONE, RUN_RESERVED, RUN_RUNS, RUN_WARNED, RUN_STOPPING };
struct reference_run {
    enum reference_state state;
    uint32_t node_first, node_end; /* its places lie between them */
    uint64_t job, attempt;
    uint32_t ordinal;
    bool borrowed;
    int64_t walltime_us, charged_us; /* what was charged for it, and when */
    int64_t kept_us;                 /* when it has kept its work last; when it started: never */
    uint32_t restarts;               /* of its job, when it started */
    uint32_t left;                   /* GPUs that it has left already, on its way out: 64 a node */
    int64_t since_us, end_us;        /* end_us: of its walltime */
    int64_t deadline_us;             /* while it is warned */
    enum dure_cause cause;
    uint32_t place_count, binding_count;
    struct dure_place places[REFERENCE_PLACES];
    struct dure_binding bindings[REFERENCE_PLACES];
};

/* The start that is planned for one of a queue's jobs, in the private cluster. */
struct reference_plan {
    uint64_t job; /* 0: none */
    uint32_t element, chain;
    int64_t at_us;
    uint64_t kept[REFERENCE_RIGHTS][REFERENCE_CELLS * 4]; /* GPUs, by right and node in it */
    uint64_t kept_nodes[REFERENCE_NODES];                 /* of who borrows: on the hardware */
    bool is_firm;                                         /* nothing that others do takes its place */
    uint32_t place_count;
    struct dure_place places[REFERENCE_PLACES];
    struct dure_binding bindings[REFERENCE_PLACES];
    uint32_t cell_count; /* where lists or spreads speak of hardware: the cells that it counts on */
    struct reference_cell {
        uint32_t right, index, first, nodes;
        bool is_new; /* to be bound there for it; else it stands there, and stays */
    } cells[REFERENCE_PLACES];
};

/* What is left to do once a decision is made, the most urgent kind first. */
enum reference_after {
    AFTER_NODE,
    AFTER_DOOMED,
    AFTER_DEMOTED,
    AFTER_SPARE,
    AFTER_READY,
    AFTER_UNPLAN,
    AFTER_EMPTY,
    AFTER_KINDS
};
struct reference_afters {
    uint32_t count;
    struct {
        uint64_t a, b;
    } at[REFERENCE_AFTERS];
};

struct reference {
    uint32_t node_count, rack_nodes, node_gpus, right_count, tenant_count, chain_count;
    struct reference_chain chains[REFERENCE_CHAINS];
    const struct dure_fleet *fleet;
    const struct dure_data *data;      /* NULL: none */
    struct dure_power *power;          /* limits in force or to come; NULL: none. Its own */
    const struct dure_tenant *tenants; /* as they are declared */
    const struct dure_tenants *declared;
    struct dure_prices prices;                       /* of what is left of shared GPUs */
    uint32_t holders[REFERENCE_TENANTS];             /* by whose rights a tenant works; NONE32: nobody's */
    struct reference_right rights[REFERENCE_RIGHTS]; /* by allotment id */
    __extension__ unsigned __int128 used[REFERENCE_TENANTS],
        used_below[REFERENCE_TENANTS]; /* itself; with all below it */
    int64_t base_us;                   /* charges grow from here */
    struct reference_node nodes[REFERENCE_NODES];
    struct reference_job jobs[REFERENCE_JOBS]; /* by id */
    struct reference_run runs[REFERENCE_RUNS];
    uint32_t run_end;                                   /* all from here on are RUN_NONE */
    struct reference_plan plans[REFERENCE_TENANTS + 2]; /* by queue: of each tenant, of all that borrow, of nobody's */
    struct reference_afters afters[AFTER_KINDS];
    struct reference_booking bookings[REFERENCE_BOOKINGS];
    uint32_t booking_count;
    bool hides_unbound; /* while a start is sought: cells that are not bound count as taken */
    uint64_t next_job, next_attempt, next_booking, passes;
    uint64_t told;                               /* decisions so far */
    uint64_t served;                             /* cells that a damaged one was bound to */
    uint64_t around, kept_off, behind, too_near; /* maintenance to come: places beside it; places that it left none of;
                                                    starts planned behind it; reservations given up before it */
    void (*tell)(void *context, const struct dure_record *decision);
    void *context;
    const struct dure_record *input;
};

/* The sizes, and what is declared, are the caller's; the rest is made ready, the first rights included. */
void reference_begin(struct reference *reference, const struct dure_tenants *tenants, int64_t now_us);
void reference_end_life(struct reference *reference);
/* False: it is refused. Only grants are judged; all else is for the core to refuse beforehand. */
bool reference_step(struct reference *reference, const struct dure_record *input);
uint32_t reference_chain_of(const struct reference *reference, uint32_t node);
/* Does any element of the job wait, or have a place? */
bool reference_is_live(const struct reference *reference, uint64_t job);
/* Must it keep clear of work that is there now? */
bool reference_waits_clear(const struct reference *reference, uint64_t job);
/* Could something of it start, were it not for a ceiling? */
bool reference_is_held_back(const struct reference *reference, uint64_t job);
/* Does the tenant, or a user in it, hold more than it may start now? */
bool reference_is_over_ceiling(const struct reference *reference, uint32_t tenant);
