#pragma once
/* The loop: inputs → core → one store batch → when durable: answers, events, orders. The daemon, the simulator and the fault tests run this same
 * code; the world (time, store, engines) is behind struct dure_world. One thread.
 *
 * Nothing is answered, announced or ordered before it is durable. While one batch is being stored the next is formed; the store works in order. */
#include "core/core.h"
#include "core/view.h"
#include "engine/engine.h"
#include "journal/journal.h"
#include "model/body.h"

enum { DURE_BATCH_INPUTS_MAX = 4096, DURE_QUEUE_MAX = 65536, DURE_IDEM_KEY_MAX = 128, DURE_IDEMS_MAX = 1000000 };

struct dure_loop;

/* A read done in the store's order, after every batch before it: `read` runs where the store lives (no core there), `done` back on the loop's thread. */
struct dure_store_read {
    void (*read)(struct dure_store_read *self, struct dure_journal *journal);
    void (*done)(struct dure_store_read *self);
    struct dure_store_read *next; /* the store's */
};

struct dure_batch; /* opaque outside: dure_batch_journal gives what to append */
const struct dure_journal_batch *dure_batch_journal(const struct dure_batch *batch);

struct dure_world {
    void *context;
    int64_t (*now_us)(void *context);       /* wall clock */
    int64_t (*monotonic_us)(void *context); /* never set by anyone: tells a jump of the wall clock from waiting */
    /* Later: dure_loop_appended(loop, batch, err). NULL: nothing is kept (the simulator): no leaf is made, a record counts as one, and what a batch sets
     * free is free at once. */
    void (*append)(void *context, struct dure_batch *batch);
    void (*read)(void *context, struct dure_store_read *read); /* FIFO with appends */
    void (*random)(void *context, void *bytes, size_t length); /* salts */
    void (*wake)(void *context, int64_t at_us); /* call dure_loop_turn at or after then (0: as soon as possible) */
    struct dure_engine *(*engine)(void *context, struct dure_site_id site); /* by site; NULL: not ready */
    bool (*listening)(void *context);                                       /* does anyone want events? NULL: nobody */
    void (*event)(void *context, uint64_t sequence,
                  const struct dure_record *record); /* a durable record, for the event stream */
    void (*decided)(
        void *context,
        const struct dure_record *decision); /* as it is made, not yet applied or durable; NULL: nobody asks */
    void (*fatal)(void *context, enum dure_err err, const char *text); /* the store failed: stop at once */
    void (*held)(void *context,
                 int64_t jump_us); /* the wall clock jumped by so much: held for the operator (0: cleared) */
};

/* An answer to one input. */
struct dure_answer {
    enum dure_err err;
    const char *text;  /* of an error; "" else */
    uint64_t sequence; /* the input's leaf */
    struct dure_job_id job;
    struct dure_allot_id allot;
    struct dure_principal_id principal; /* of a PRINCIPAL input: the number it got */
    bool replayed;                      /* from the idempotency table */
};
typedef void (*dure_answer_fn)(void *context, const struct dure_answer *answer);

struct dure_input {
    const struct dure_record
        *record;            /* copied; term and time are set by the loop, and a PRINCIPAL's number when it is NONE */
    struct dure_body *body; /* taken over (freed by the loop), also on failure; NULL: none */
    enum dure_body_kind body_kind; /* job: its id is assigned by the core */
    const char *idem_key;          /* NULL: none */
    uint64_t idem_hash;            /* over the request */
    dure_answer_fn answer;         /* exactly once, when durable or refused; may be NULL */
    void *context;
};

struct dure_loop_options {
    struct dure_core *core; /* recovered; the loop does not own it */
    struct dure_world world;
    uint64_t size;             /* leaves already in the journal */
    uint64_t term;             /* of this leader: last term + 1; the loop journals TERM first */
    int64_t clock_jump_max_us; /* jumps of the wall clock over this are held; 5 s */
};
DURE_NODISCARD enum dure_err dure_loop_new(const struct dure_loop_options *options, struct dure_loop **ret_loop);
void dure_loop_free(struct dure_loop *loop);

/* Queues an input. E_BUSY when the queue is full (the answer is then not called). */
DURE_NODISCARD enum dure_err dure_loop_input(struct dure_loop *loop, const struct dure_input *input);
/* An engine's observation becomes an ATTEMPT_REPORT (STARTED/ENDED/LOST/REFUSED) input; fits dure_observe_fn. */
void dure_loop_observe(void *loop, const struct dure_observation *observation);
/* What an engine sees of a node becomes a NODE_REPORT and a FOREIGN input, each only where it is news; fits dure_observe_node_fn. */
void dure_loop_observe_node(void *loop, const struct dure_node_observation *observation);
/* Steps what is queued; when the store is free also ticks, passes and hands it the batch. */
void dure_loop_turn(struct dure_loop *loop);
void dure_loop_appended(struct dure_loop *loop, struct dure_batch *batch, enum dure_err err, const char *text);
/* After recovery: hands every live attempt to its engine again with `recovering`. */
void dure_loop_recover(struct dure_loop *loop);
void dure_loop_accept_clock(struct dure_loop *loop); /* the operator accepts a held jump */

uint64_t dure_loop_durable(const struct dure_loop *loop); /* leaves on disk */
uint64_t dure_loop_stepped(
    const struct dure_loop
        *loop); /* leaves that the core's state stands for: what it shows may be told once so many are durable */
bool dure_loop_idle(const struct dure_loop *loop); /* nothing queued, nothing in the store */

/* Logins of principals (body rows of kind PRINCIPAL), known to the loop so that engines and listings need no read. */
const char *dure_loop_login(const struct dure_loop *loop,
                            struct dure_principal_id principal); /* "" if erased or unknown */
bool dure_loop_principal_find(const struct dure_loop *loop, const char *login, struct dure_principal_id *ret_principal);
DURE_NODISCARD enum dure_err dure_loop_principal_put(struct dure_loop *loop, struct dure_principal_id principal,
                                                     const char *login);
DURE_NODISCARD enum dure_err dure_loop_idem_put(struct dure_loop *loop, const struct dure_idem_row *row);

struct dure_loop_stats {
    uint64_t batches, inputs, decisions, refused, queued, store_us_last;
};
struct dure_loop_stats dure_loop_stats(const struct dure_loop *loop);
