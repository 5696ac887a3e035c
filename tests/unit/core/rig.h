#pragma once
/* A core with a fleet and tenants for tests: time and records by hand, every decision kept as text, and every step checked: the digest against
 * its full recomputation, the state against a follower that only applies. */
#include "core/core.h"
#include "core/view.h"
#include "core/why.h"
#include "model/fleet.h"
#include "model/job.h"
#include "model/tenants.h"

struct rig {
    struct dure_core *core;
    struct dure_core *follower; /* NULL: none */
    struct dure_core *shadow;   /* decides the same inputs beside it, and must decide the same; NULL: none */
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    int64_t now_us;
    struct dure_error error;
    struct dure_buf said; /* decisions of the last step, a line each */
    uint32_t decisions;
    bool quiet;                                                         /* no text, no digest checks */
    bool own_log;                                                       /* keep every record encoded in `log` */
    struct dure_buf log;                                                /* u32 length, bytes, ... */
    void (*watch)(struct rig *rig, const struct dure_record *decision); /* NULL: none; before it is applied */
    void *context;
};

void rig_init(struct rig *rig, const char *fleet_yaml, const char *tenants_yaml);
void rig_release(struct rig *rig);
struct dure_record rig_record(const struct rig *rig, enum dure_record_kind kind);
void rig_keep(struct rig *rig, const struct dure_record *record); /* at the end of `log` */
enum dure_err rig_step(struct rig *rig, struct dure_record *record);
/* A job of whole GPUs with test-friendly defaults; change it, then submit. */
struct dure_job rig_job(const struct rig *rig, const char *tenant, uint32_t tasks, uint32_t gpus, bool borrowed);
enum dure_err rig_submit(struct rig *rig, const struct dure_job *job); /* the id is dure_core_next_job before */
enum dure_err rig_pass(struct rig *rig);
enum dure_err rig_tick(struct rig *rig, int64_t at_us);
enum dure_err rig_report(struct rig *rig, uint64_t attempt, enum dure_report report, int exit_code);
enum dure_err rig_simple(struct rig *rig, enum dure_record_kind kind, uint64_t job, uint32_t element);
enum dure_err rig_node(struct rig *rig, enum dure_record_kind kind, uint32_t node, int64_t number);
/* Reports the end of every attempt that the core has ordered to stop. */
void rig_reap(struct rig *rig);
void rig_check(struct rig *rig); /* digest = full digest = the follower's */
/* The live attempt of a job; 0: none. */
uint64_t rig_attempt(const struct rig *rig, uint64_t job, uint32_t element);
void rig_line(const struct rig *rig, const struct dure_record *record, struct dure_buf *text);
/* The core as it comes back from a snapshot: the caller frees it. */
struct dure_core *rig_reload(struct rig *rig);
