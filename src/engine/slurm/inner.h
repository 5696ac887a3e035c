#pragma once
/* Inside the wire: a request, and the two ways it may take. All on the loop's thread but for what is named otherwise. */
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "engine/slurm/parse.h"

enum slurm_deed { SLURM_DEED_SIGNAL, SLURM_DEED_RELEASE, SLURM_DEED_EXTEND };

struct slurm_request {
    struct dure_slurm *slurm;
    struct slurm_request *prev, *next; /* among those that wait, or those under way */
    enum slurm_kind kind;
    enum slurm_deed deed; /* SLURM_DEED */
    dure_slurm_fn fn;
    void *context;
    struct dure_arena *arena; /* what was asked, and the answer */
    bool has_filter;
    struct dure_slurm_filter filter;
    struct dure_slurm_submit submit;
    uint32_t job_id;
    int signal;
    enum dure_slurm_scope scope;
    int64_t walltime_us;

    int64_t sent_us, deadline_us; /* of uv_hrtime */
    bool under_way, delivered;    /* delivered: only its memory is still needed */
    unsigned refs;                /* work, handles, transfers */
    struct dure_buf out, err;
    bool is_http;
    int status; /* of the process (-1: a signal), or of HTTP */
    struct dure_slurm_reply reply;
    uv_work_t work;
    void *own; /* of the way */
};

struct slurm_way {
    /* Sends it. Its outcome comes by slurm_answered or slurm_failed, now or later. */
    void (*begin)(struct slurm_request *request);
    void (*abort)(struct slurm_request *request); /* nobody waits for it any more */
    void (*free)(struct dure_slurm *slurm);
};
extern const struct slurm_way slurm_commands, slurm_rest;

struct dure_slurm {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct dure_arena *arena;
    struct dure_slurm_site site;
    const struct slurm_way *way;
    int64_t timeout_us;
    uint32_t under_way_max, under_way_count, waiting_count;
    struct slurm_request *waiting_first, *waiting_last, *under_way;
    unsigned refs; /* the owner, the timer, every request, handles of the way */
    bool closing, pumping;
    unsigned api;   /* rest: agreed upon; 0: not yet */
    bool no_states; /* commands: squeue's columns were not as asked for, so its JSON is asked for always */
    bool newer;     /* commands: sinfo tells rows of its table, so scontrol is asked for nodes (23.02 and later) */
    char *token;
    int64_t token_stamp; /* of the file it was read from */
    int64_t token_until; /* seconds of the clock; 0: it does not say */
    void *own;
};

void slurm_ref(struct slurm_request *request);
void slurm_unref(struct slurm_request *request);
void slurm_wire_unref(struct dure_slurm *slurm);
/* The answer is in request->out (and err): it is parsed, here if small and `on_loop`, else on a worker; then told. */
void slurm_answered(struct slurm_request *request, bool on_loop);
/* No answer will come. Told in a later turn of the loop. */
void slurm_failed(struct slurm_request *request, enum dure_slurm_result result, bool unsent, const char *format, ...)
    DURE_PRINTF(4, 5);
int64_t slurm_now_us(void);

/* submit.c: pure. Copies what was asked; E_INVALID names the field. */
DURE_NODISCARD enum dure_err slurm_submit_copy(struct dure_arena *arena, const struct dure_slurm_submit *from,
                                               struct dure_slurm_submit *to, struct dure_error *error);
/* sbatch's arguments, NULL-terminated; NULL: no memory. */
char **slurm_submit_arguments(const struct dure_slurm_submit *submit, const struct dure_slurm_site *site,
                              struct dure_arena *arena);
/* slurmrestd's body in the form of API version `api`; NULL: no memory. The caller frees. */
char *slurm_submit_body(const struct dure_slurm_submit *submit, const struct dure_slurm_site *site, unsigned api);
/* "15" → "TERM"; NULL: a signal without a name that Slurm knows. */
const char *slurm_signal_name(int signal);
/* token.c: reads the token again if its file changed. */
DURE_NODISCARD enum dure_err slurm_token_read(struct dure_slurm *slurm, struct dure_error *error);
/* Whose token the file holds, as its claims say. */
bool slurm_token_owner(const char *path, char owner[64]);
