#pragma once
/* The wire form of records in two tables: which struct member stands under which CBOR key, and which keys each kind may carry. One encoder,
 * one decoder and one printer read them. A key's number is for ever. */
#include "model/record.h"

enum dure_field_type {
    DURE_FIELD_U32,
    DURE_FIELD_U64,
    DURE_FIELD_I32,
    DURE_FIELD_I64,
    DURE_FIELD_BOOL,
    DURE_FIELD_HASH,  /* 32 bytes and a length that is 0 or 32 right before them */
    DURE_FIELD_WORDS, /* char[DURE_REASON_MAX + 1] */
    DURE_FIELD_LEVEL, /* const char *, "" = absent */
    DURE_FIELD_TEXT,  /* text + text_length */
    DURE_FIELD_USAGE,
    DURE_FIELD_PLACES,
    DURE_FIELD_BINDINGS,
    DURE_FIELD_DEPS,
    DURE_FIELD_NODES,  /* struct dure_node_runs, none = absent */
    DURE_FIELD_STARTS, /* of the places: where the MIG instances on each begin; absent when none is one */
    DURE_FIELD_SUBMIT,
};

struct dure_field {
    uint8_t key;
    uint8_t type; /* enum dure_field_type */
    uint16_t offset;
    int64_t absent; /* the value that is not written */
    const char *name;
};

/* X(key, member, type, absent value, name) */
#define DURE_RECORD_FIELDS(X)                                                                                          \
    X(1, job.v, U64, -1, "job")                                                                                        \
    X(2, element, U32, -1, "element")                                                                                  \
    X(3, attempt.v, U64, -1, "attempt")                                                                                \
    X(4, node.v, U32, -1, "node")                                                                                      \
    X(5, allot.v, U32, -1, "allotment")                                                                                \
    X(6, principal.v, U32, -1, "principal")                                                                            \
    X(7, count, U32, 0, "count")                                                                                       \
    X(8, number, I64, 0, "number")                                                                                     \
    X(9, deadline_us, I64, 0, "deadline_us")                                                                           \
    X(10, cause, I32, 0, "cause")                                                                                      \
    X(11, report, I32, 0, "report")                                                                                    \
    X(12, state, I32, 0, "state")                                                                                      \
    X(13, exit_code, I32, 0, "exit_code")                                                                              \
    X(14, exit_signal, I32, 0, "exit_signal")                                                                          \
    X(15, usage, USAGE, 0, "usage")                                                                                    \
    X(16, commitment, HASH, 0, "commitment")                                                                           \
    X(17, reason, WORDS, 0, "reason")                                                                                  \
    X(18, text, TEXT, 0, "text")                                                                                       \
    X(19, places, PLACES, 0, "places")                                                                                 \
    X(20, bindings, BINDINGS, 0, "bindings")                                                                           \
    X(21, submit, SUBMIT, 0, "submit")                                                                                 \
    X(26, mask, U64, 0, "gpus")                                                                                        \
    X(30, place_count, STARTS, 0, "mig_starts")

#define DURE_JOB_FIELDS(X)                                                                                             \
    X(1, tenant.v, U32, -1, "tenant")                                                                                  \
    X(2, principal.v, U32, -1, "principal")                                                                            \
    X(3, job_class, I32, 0, "class")                                                                                   \
    X(4, tasks, U32, 1, "tasks")                                                                                       \
    X(5, task_gpus, U32, 1, "gpus")                                                                                    \
    X(6, task_gpu_milli, U32, 1000, "gpu_milli")                                                                       \
    X(7, gpu_memory_mib, U32, 0, "gpu_memory_mib")                                                                     \
    X(8, task_cpu_milli, U32, 0, "cpu_milli")                                                                          \
    X(9, task_memory_mib, U32, 0, "memory_mib")                                                                        \
    X(10, model_mask, U64, 0, "models")                                                                                \
    X(11, tasks_per_node, U32, 0, "tasks_per_node")                                                                    \
    X(12, level, LEVEL, 0, "level")                                                                                    \
    X(13, level_required, BOOL, 0, "level_required")                                                                   \
    X(14, walltime_us, I64, 0, "walltime_us")                                                                          \
    X(15, grace_us, I64, 0, "grace_us")                                                                                \
    X(16, begin_us, I64, INT64_MIN, "begin_us")                                                                        \
    X(17, emulated_us, I64, 0, "emulated_us")                                                                          \
    X(18, priority, I32, 0, "priority")                                                                                \
    X(19, requeue, BOOL, 1, "requeue")                                                                                 \
    X(20, hold, BOOL, 0, "hold")                                                                                       \
    X(21, array_first, U32, 0, "array_first")                                                                          \
    X(22, array_count, U32, 0, "array_count")                                                                          \
    X(23, array_step, U32, 0, "array_step")                                                                            \
    X(24, array_limit, U32, 0, "array_limit")                                                                          \
    X(25, deps, DEPS, 0, "after")                                                                                      \
    X(26, commitment, HASH, 0, "commitment")                                                                           \
    X(27, spread_level, LEVEL, 0, "spread_level")                                                                      \
    X(28, spread_max, U32, 0, "spread_max")                                                                            \
    X(29, include, NODES, 0, "nodes")                                                                                  \
    X(30, exclude, NODES, 0, "exclude")                                                                                \
    X(31, model_order, U64, 0, "model_order")                                                                          \
    X(32, mig, LEVEL, 0, "mig")                                                                                        \
    X(33, data_mask, U64, 0, "data")                                                                                   \
    X(34, deadline_us, I64, 0, "deadline_us")                                                                          \
    X(35, checkpoint_us, I64, 0, "checkpoint_us")                                                                      \
    X(36, container, BOOL, 0, "container")

/* Bit k = key k is allowed. */
#define DURE_KEY(k) (UINT64_C(1) << (k))
uint64_t dure_record_keys(enum dure_record_kind kind); /* 0: no such kind, or one without fields (a tick) */
bool dure_record_kind_known(enum dure_record_kind kind);
bool dure_record_field_absent(const struct dure_field *field,
                              const void *base); /* is this member at the value that is not written? */
extern const struct dure_field dure_record_field_table[];
extern const unsigned dure_record_field_count;
extern const struct dure_field dure_job_field_table[];
extern const unsigned dure_job_field_count;
