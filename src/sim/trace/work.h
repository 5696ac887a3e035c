#pragma once
/* Traces of work, whatever their format: jobs in the order of their submission, each with the group that it belongs to.
 *
 * Formats: our own CSV (docs/guides/simulator.md), the Philly CSV (ElasticFlow's extraction), the Standard Workload Format (.swf, .swf.gz), what
 * `sacct --parsable2` prints, and a journal of dure's own. Bad rows are counted, the first ones listed with line, field, found and expected; a strict
 * reader stops at the first. Exact: times are read in whole microseconds, without floating point. Limits: 1 GiB of text, 20,000,000 jobs. */
#include "sim/run/sim.h"
#include "sim/trace/table.h"

#define DURE_WORK_FORMATS(X)                                                                                           \
    X(AUTO, "auto") X(CSV, "csv") X(PHILLY, "philly") X(SWF, "swf") X(SACCT, "sacct") X(JOURNAL, "journal")

enum dure_work_format {
#define X(name, text) DURE_WORK_##name,
    DURE_WORK_FORMATS(X)
#undef X
        DURE_WORK_FORMAT_COUNT
};
const char *dure_work_format_name(enum dure_work_format format);
bool dure_work_format_find(const char *text, enum dure_work_format *ret_format);

enum { DURE_WORK_JOBS_MAX = 20000000, DURE_WORK_GROUPS_MAX = 4096, DURE_WORK_GPUS_MAX = 1000000 };

enum dure_work_class { DURE_WORK_EITHER, DURE_WORK_GUARANTEED, DURE_WORK_BORROWED };

struct dure_work_job {
    int64_t at_us, lasts_us;
    int64_t walltime_us;             /* 0: not told */
    int64_t checkpoint_us, grace_us; /* 0: not told */
    uint32_t gpus;                   /* in all */
    uint32_t task_gpus;              /* of one task; 0: not told */
    uint32_t group;
    uint32_t line;
    int32_t priority;
    uint8_t job_class; /* enum dure_work_class */
};

struct dure_work {
    struct dure_work_job *jobs; /* by time, then by line */
    size_t count, capacity;
    const char **groups; /* accounts, virtual clusters, tenants: in the order in which they are met */
    uint32_t group_count;
    uint64_t without_gpus; /* good rows that ask for none, or never ran: left out */
    struct dure_arena *arena;
    struct dure_trace_report report;
};

/* `work` must be zeroed but for `report.strict`; release it also after a failure. `zone`: of times without an offset (NULL: UTC). E_INVALID too when there is no job. */
DURE_NODISCARD enum dure_err dure_work_read(struct dure_work *work, const char *path, enum dure_work_format format,
                                            const char *zone, struct dure_error *error);
/* From memory; not for journals. */
DURE_NODISCARD enum dure_err dure_work_parse(struct dure_work *work, const char *file, const char *text, size_t length,
                                             enum dure_work_format format, const char *zone, struct dure_error *error);
void dure_work_release(struct dure_work *work);

/* As jobs of a run: each group as one tenant (its path, if the tenants have it; else leaves in turn), tasks by the nodes of the fleet, a walltime made as
 * people choose them where none is told. `force`: the class of all. */
struct dure_work_player;
struct dure_work_play_options {
    const struct dure_work *work;
    const struct dure_fleet *fleet;
    const struct dure_tenants *tenants;
    enum dure_work_class force; /* EITHER: as the trace says; else guaranteed where the tenant has a right */
};
DURE_NODISCARD enum dure_err dure_work_player_new(const struct dure_work_play_options *options,
                                                  struct dure_work_player **ret_player, struct dure_error *error);
void dure_work_player_free(struct dure_work_player *player);
bool dure_work_next(void *player, struct dure_sim_job *ret_job); /* a dure_sim_next_fn */
/* A fleet of `gpus` in nodes of `node_gpus`, of one owner, with a tenant for each group and a right of all of them together to everything. The caller frees both. */
DURE_NODISCARD enum dure_err dure_work_specs(const struct dure_work *work, uint32_t gpus, uint32_t node_gpus,
                                             struct dure_fleet **ret_fleet, struct dure_tenants **ret_tenants,
                                             struct dure_error *error);
