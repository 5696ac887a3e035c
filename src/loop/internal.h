#pragma once
/* What the files of this room share: the loop's own struct and the batch being formed. */
#include <uthash.h>

#include "base/timefmt.h"
#include "base/vec.h"
#include "loop/loop.h"

enum { BATCH_BYTES_MAX = 1 << 30, BATCH_ARENA_MAX = 1 << 30 };

/* One input waiting to be stepped; owns its strings and its body. */
struct queued {
    struct queued *next;
    struct dure_record record;
    struct dure_body *body;
    enum dure_body_kind body_kind;
    uint64_t idem_hash;
    dure_answer_fn answer;
    void *context;
    bool external; /* counts against DURE_QUEUE_MAX */
    bool is_small; /* of QUEUED_SMALL bytes: kept for the next */
    char idem_key[DURE_IDEM_KEY_MAX + 1];
    char names[3][DURE_NAME_MAX + 1]; /* of a job: its level, spread level and MIG profile */
    char text[];                      /* of the record; then, aligned, a job's node lists */
};

struct answer {
    dure_answer_fn fn;
    void *context;
    struct dure_answer answer;
};

enum effect_kind { EFFECT_START, EFFECT_WARN, EFFECT_UNWARN, EFFECT_EXTEND, EFFECT_STOP, EFFECT_FORGET };

/* An order to an engine, given once its decision is durable. */
struct effect {
    enum effect_kind kind;
    struct dure_site_id site;
    struct dure_attempt_id attempt;
    int64_t deadline_us;
    struct dure_order *order; /* of a start; in the batch's arena, body and login filled later */
    bool recovering;
};

struct leaf_span {
    size_t offset;
    size_t length;
};

struct event {
    uint64_t sequence; /* of its first leaf */
    size_t offset;     /* of the whole record in `records` */
    size_t length;
};

struct dure_batch {
    struct dure_batch *next; /* in flight, oldest first */
    struct dure_loop *loop;
    struct dure_arena *arena;
    struct dure_buf bytes;                  /* leaves, bodies, answers, summaries, one after another */
    struct dure_buf records;                /* whole records for the event stream, when anyone listens */
    uint64_t first_sequence, next_sequence; /* from its first leaf to the next batch's */
    bool handed;                            /* with the store, or (empty) waiting for those before it */
    DURE_VEC(struct leaf_span) leaves;
    DURE_VEC(struct dure_body_row) bodies; /* data holds an offset into bytes until sealed */
    DURE_VEC(struct dure_idem_row) idems;
    DURE_VEC(struct dure_history_row) history;
    DURE_VEC(struct answer) answers;
    DURE_VEC(struct effect) effects;
    DURE_VEC(struct event) events;
    DURE_VEC(struct dure_bytes) leaf_bytes; /* when sealed */
    struct dure_journal_batch journal;
};

struct idem_entry {
    UT_hash_handle hh;
    struct idem_entry *newer;
    uint64_t request_hash;
    int64_t time_us;
    struct dure_answer answer;
    uint32_t key_length;
    char key[]; /* principal (4 bytes) then the caller's key */
};

struct dure_loop {
    struct dure_core *core;
    struct dure_world world;
    uint64_t term;
    uint64_t size; /* leaves stepped, durable or not */
    uint64_t durable;
    bool term_written;
    bool dead; /* the store failed */
    bool stepping_failed;

    struct queued *first, **last;
    uint32_t queued_count, queued_external;
    struct queued *spares; /* small ones that are free */
    uint32_t spare_count;

    struct dure_batch *forming;
    struct dure_batch *flight_first, **flight_last;
    uint32_t flight_count;
    struct dure_batch *spare; /* one finished batch kept for its memory */

    /* Set while one input is stepped: what the emit callback needs. */
    const struct dure_record *stepping;

    int64_t clock_offset_us; /* accepted wall minus monotonic */
    int64_t clock_held_us;
    int64_t clock_jump_max_us;

    struct idem_entry *idems; /* by key */
    struct idem_entry *idem_oldest, *idem_newest;
    uint32_t idem_count;

    char **logins; /* by principal */
    uint32_t login_count;
    struct login_entry *by_login;

    struct {
        struct dure_advise *advise; /* NULL: none was asked for yet */
        int64_t at_us;              /* when they were last looked at */
        uint64_t started;           /* fractions, since */
    } prices;

    struct dure_loop_stats stats;
};

/* clock.c: the time for the next record. */
int64_t loop_time(struct dure_loop *loop);

/* batch.c */
struct dure_batch *batch_new(struct dure_loop *loop);
void batch_free(struct dure_batch *batch);
bool batch_record(struct dure_batch *batch, const struct dure_record *record); /* its leaves; false: out of memory */
size_t batch_keep(struct dure_batch *batch, const void *bytes, size_t length); /* offset in bytes */
void batch_seal(struct dure_batch *batch);

/* step.c */
void step_queued(struct dure_loop *loop, struct queued *queued);
bool step_is_news(const struct dure_loop *loop, const struct dure_record *record); /* of a node: is it otherwise? */
bool step_own(struct dure_loop *loop, enum dure_record_kind kind, int64_t number); /* TERM, TICK, PASS */
bool step_text(struct dure_loop *loop, enum dure_record_kind kind, const char *text, size_t length); /* PRICES */

/* prices.c: what is left of shared GPUs is priced again when enough fractions have started. */
void prices_note(struct dure_loop *loop, const struct dure_record *decision);
bool prices_renew(struct dure_loop *loop); /* false: the loop is dead */
void prices_release(struct dure_loop *loop);

/* effects.c: what a durable batch sets free. */
bool effect_from(struct dure_loop *loop, struct dure_batch *batch, const struct dure_record *decision);
/* What an input alone brings about: engines are told of the new walltime of what runs. */
bool effect_of_input(struct dure_loop *loop, struct dure_batch *batch, const struct dure_record *input);
void effects_release(struct dure_loop *loop, struct dure_batch *batch);
void effect_recover(struct dure_loop *loop, const struct dure_job_view *view);

/* idem.c */
struct idem_entry *idem_find(struct dure_loop *loop, struct dure_principal_id principal, const char *key);
bool idem_add(struct dure_loop *loop, struct dure_principal_id principal, const char *key, uint64_t hash,
              int64_t time_us, const struct dure_answer *answer);
void idem_free(struct dure_loop *loop);

/* logins.c */
void logins_free(struct dure_loop *loop);
