#pragma once
/* One job or element as a row of JSON, live (from the core) or ended (from history). */
#include "api/inner.h"
#include "loop/summary.h"

struct row {
    uint64_t job;
    uint32_t element; /* NONE32: a batch job, or the rest of an array */
    uint32_t element_first, element_last, element_count;
    const struct dure_job *spec;
    enum dure_job_state state;
    enum dure_wait wait;
    bool held, ended;
    int64_t submitted_us, started_us, ended_us, deadline_us;
    struct dure_attempt_id attempt;
    enum dure_attempt_state attempt_state;
    const struct dure_place *places;
    uint32_t place_count;
    struct dure_owner_id source_owner;
    struct dure_allot_id source_allot;
    int32_t exit_code, exit_signal;
    enum dure_cause cause;
    const char *reason; /* the engine's, of an ended one; "" if it gave none */
    uint32_t requeues;
    int64_t planned_us; /* of one that waits; 0: no start is planned */
    struct dure_chain_id planned_chain;
    struct dure_usage usage;
};

void row_of_view(const struct dure_job_view *view, struct row *ret_row);
void row_of_summary(const struct dure_summary *summary, uint64_t job, uint32_t element, struct row *ret_row);
/* Writes the row's members into an object that the caller opened; all but `name`, which stands in the body. */
void row_write(const struct call *call, const struct row *row, struct dure_buf *out);
bool row_visible(const struct call *call, const struct row *row); /* may the caller see the personal fields? */
/* Slurm's hostlist of a row's nodes; "" if none. */
void row_nodes(const struct call *call, const struct row *row, struct dure_buf *out);

/* Names are read from bodies after the rows were written: rows end where the name belongs. */
struct row_slot {
    uint64_t job;
    size_t end; /* of the row's text in `text` */
    bool visible;
    char *name;          /* NULL: none, erased, or not to be seen */
    const void *summary; /* of an ended one, still to be decoded */
    size_t summary_length;
    uint32_t element;
};
/* On the store's thread: the names of visible rows. */
void row_names(struct call *call, struct dure_journal *journal, struct row_slot *slots, uint32_t count);
