#pragma once
/* What Slurm answers, bytes to structs: pure functions, any thread. Every one fills `reply` wholly (a result, texts never NULL), with memory of
 * `arena`, and never trusts a byte: sizes, counts and depth have ceilings, duplicate keys are refused. Newer versions of the REST API turned
 * numbers into {set, infinite, number}, states into lists, exit codes into objects; each field is read in all its forms. */
#include <jansson.h>

#include "base/arena.h"
#include "engine/slurm/wire.h"

enum slurm_kind {
    SLURM_SUBMIT,
    SLURM_JOBS,
    SLURM_NODES,
    SLURM_PARTITIONS,
    SLURM_DEED, /* signal, cancel, release, extend: done or not */
    SLURM_CANCEL,
    SLURM_PING,
    SLURM_CONFIG,
    SLURM_TOPOLOGY,
    SLURM_VERSIONS, /* the OpenAPI document: reply.api is the newest that we speak */
    SLURM_STATES,   /* jobs, by slurm_states_columns */
};
#define SLURM_FEWER "; MinJobAge and MaxJobCount there say how many jobs Slurm lists"
#define SLURM_TOO_LARGE "an answer of more than %d MiB" SLURM_FEWER
enum {
    SLURM_API_OLDEST = 38,
    SLURM_API_NEWEST = 42,
    SLURM_WORDS_MAX = 1000,       /* of a refusal that are kept */
    SLURM_ARENA_MAX = 512 << 20,  /* of one request and its answer */
    SLURM_HOSTLIST_MAX = 4 << 20, /* bytes */
};

void slurm_reply_init(struct dure_slurm_reply *reply);
/* Sets result and text. */
void slurm_reply_fail(struct dure_slurm_reply *reply, struct dure_arena *arena, enum dure_slurm_result result,
                      const char *format, ...) DURE_PRINTF(4, 5);

/* JSON of slurmrestd, squeue or sinfo. `status`: of HTTP; 0: of a command. `filter` may be NULL. */
void slurm_parse_json(enum slurm_kind kind, int status, const char *bytes, size_t length,
                      const struct dure_slurm_filter *filter, struct dure_arena *arena, struct dure_slurm_reply *reply);
/* What a command printed and how it ended (`exit_status` -1: by a signal). */
void slurm_parse_command(enum slurm_kind kind, int exit_status, const char *out, size_t out_length, const char *err,
                         size_t err_length, const struct dure_slurm_filter *filter, struct dure_arena *arena,
                         struct dure_slurm_reply *reply);
/* Slurm's words for a failure → which kind it is. `ret_unsent` may be NULL. */
enum dure_slurm_result slurm_judge(const char *words, bool *ret_unsent);
/* What may be meant where slurmctld hangs up without a word: in brackets, to stand behind the words; "" = nothing. */
const char *slurm_hint(const char *words, bool by_rest);

/* "n[1-3,07],m" → names, in order, with memory of `arena`. -1: not a hostlist; -2: more than count_max or no memory. */
int slurm_hostlist(const char *text, uint32_t count_max, struct dure_arena *arena, const char ***ret_names);
/* "gpu:h100:2(IDX:0-1)", several joined by commas: how many GPUs, which (0: not said), of which first type. */
struct slurm_gres {
    uint32_t count;
    uint64_t mask;
    char type[DURE_NAME_MAX + 1];
    bool types_many;
};
void slurm_gres_read(const char *text, struct slurm_gres *ret_gres);

/* Fields of a JSON object, in all their forms. */
enum slurm_number { SLURM_ABSENT, SLURM_INFINITE, SLURM_NUMBER };
enum slurm_number slurm_number_of(const json_t *value, int64_t *ret_number);
int64_t slurm_number(const json_t *object, const char *key, int64_t otherwise); /* infinite too: otherwise */
int64_t slurm_time_us(const json_t *object, const char *key);                   /* 0: none */
/* A string; a list of strings, joined by commas; "" = neither. */
const char *slurm_text(const json_t *object, const char *key, struct dure_arena *arena);
bool slurm_truth(const json_t *object, const char *key);

/* parse_jobs.c, parse_nodes.c, parse_partitions.c: false: no memory, or not one. */
bool slurm_job_read(const json_t *object, struct dure_arena *arena, struct dure_slurm_job *job);
bool slurm_node_read(const json_t *object, struct dure_arena *arena, struct dure_slurm_node *node);
bool slurm_partition_read(const json_t *object, struct dure_arena *arena, struct dure_slurm_partition *partition);
void slurm_exit_status(int64_t wait_status, int32_t *ret_code, int32_t *ret_signal);
enum dure_slurm_state slurm_state_named(const char *name);
/* parse_text.c */
void slurm_parse_config(const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply);
void slurm_parse_topology(const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply);
/* parse_states.c: squeue's columns, in its notation for -O (times as SLURM_TIME_FORMAT=%s), and what it prints of them. */
const char *slurm_states_columns(void);
void slurm_parse_states(const char *text, size_t length, const struct dure_slurm_filter *filter,
                        struct dure_arena *arena, struct dure_slurm_reply *reply);
void slurm_parse_partitions(const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply);
/* Slurm's "1-02:03:04", "02:03", "30", "UNLIMITED" → microseconds, INT64_MAX for unlimited, 0 = not a time. */
int64_t slurm_span_us(const char *text);
