#pragma once
/* What the files that read sbatch's options share. */
#include "model/job.h"
#include "model/tree.h"

#define DURE_SBATCH_HONOURED(X)                                                                                        \
    X(ACCOUNT, "account")                                                                                              \
    X(ARRAY, "array")                                                                                                  \
    X(BEGIN, "begin")                                                                                                  \
    X(CHDIR, "chdir")                                                                                                  \
    X(COMMENT, "comment")                                                                                              \
    X(IMAGE, "image")                                                                                                  \
    X(CPUS_PER_TASK, "cpus-per-task")                                                                                  \
    X(DEADLINE, "deadline")                                                                                            \
    X(DEPENDENCY, "dependency")                                                                                        \
    X(ERROR, "error")                                                                                                  \
    X(EXCLUDE, "exclude")                                                                                              \
    X(GPUS, "gpus")                                                                                                    \
    X(GPUS_PER_NODE, "gpus-per-node")                                                                                  \
    X(GPUS_PER_TASK, "gpus-per-task")                                                                                  \
    X(GRES, "gres")                                                                                                    \
    X(HOLD, "hold")                                                                                                    \
    X(JOB_NAME, "job-name")                                                                                            \
    X(MEM, "mem")                                                                                                      \
    X(NO_REQUEUE, "no-requeue")                                                                                        \
    X(NODELIST, "nodelist")                                                                                            \
    X(NODES, "nodes")                                                                                                  \
    X(NTASKS, "ntasks")                                                                                                \
    X(NTASKS_PER_NODE, "ntasks-per-node")                                                                              \
    X(OUTPUT, "output")                                                                                                \
    X(PARSABLE, "parsable")                                                                                            \
    X(REQUEUE, "requeue")                                                                                              \
    X(TEST_ONLY, "test-only")                                                                                          \
    X(TIME, "time")                                                                                                    \
    X(WRAP, "wrap")

enum dure_sbatch_id {
#define X(name, text) DURE_SB_##name,
    DURE_SBATCH_HONOURED(X)
#undef X
        DURE_SB_COUNT,
    DURE_SB_NONE = DURE_SB_COUNT /* known to sbatch, not honoured here */
};

enum dure_sbatch_value { DURE_SBV_NONE, DURE_SBV_NEEDED, DURE_SBV_OPTIONAL };

struct dure_sbatch_known {
    const char *name;
    char letter; /* 0: none */
    enum dure_sbatch_value value;
    enum dure_sbatch_id id;
    const char *why; /* it is not honoured; NULL: it is */
};

const struct dure_sbatch_known *dure_sbatch_find(const char *name);
const struct dure_sbatch_known *dure_sbatch_find_letter(char letter);
const char *dure_sbatch_nearest(const char *name);

/* An option's value and where it stands (line 0: the command line). */
struct dure_sbatch_text {
    const char *text; /* NULL: not given */
    uint32_t line, column;
};

struct dure_sbatch {
    struct dure_arena *arena;
    struct dure_problems *problems;
    struct dure_buf *ignored;
    int64_t now_us;
    struct dure_sbatch_text option[DURE_SB_COUNT];
    bool no_memory;
};

/* Takes one option, later ones over earlier ones. `value` NULL: none given. */
void dure_sbatch_take(struct dure_sbatch *sbatch, const char *name, const char *value, uint32_t line, uint32_t column);
/* Reads the #SBATCH lines before the first command. */
void dure_sbatch_read_script(struct dure_sbatch *sbatch, const char *script, size_t length);
/* Sets an entry of the tree where the option stands. */
void dure_sbatch_set(struct dure_sbatch *sbatch, struct dure_tree *map, const char *key, const char *text, bool quoted,
                     const struct dure_sbatch_text *at);
void dure_sbatch_refuse(struct dure_sbatch *sbatch, enum dure_sbatch_id id, const char *expected);
/* sbatch_time.c: a moment in sbatch's words, in the zone of who asks (TZ): "16:00", "2026-12-24T08:00", "tomorrow noon", "now+2hours". */
bool dure_sbatch_time(const char *text, int64_t now_us, int64_t *ret_us);
/* Nodes, tasks, GPUs, CPUs and memory. */
void dure_sbatch_map_shape(struct dure_sbatch *sbatch, struct dure_tree *root);
