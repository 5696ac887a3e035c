#pragma once
/* The rows of the table, by the file in which they stand. */
#include "cli/verb.h"

#define DURE_VERB_ROWS(X)                                                                                              \
    X(up)                                                                                                              \
    X(down)                                                                                                            \
    X(submit)                                                                                                          \
    X(jobs)                                                                                                            \
    X(show) X(logs) X(cancel) X(hold) X(release) X(checkpointed) X(modify) X(requeue) X(why) X(whatif)                 \
        X(whatif_submit) X(fleet) X(fleet_apply) X(fleet_discover) X(site) X(site_check) X(tenants) X(tenants_apply) X(allot) X(allot_show) X(allot_grant)     \
            X(allot_shrink) X(allot_end) X(allot_import) X(power) X(power_show) X(power_apply) X(data) X(data_show)    \
                X(data_apply) X(nodes) X(nodes_drain) X(nodes_resume) X(maintenance) X(maintenance_book)               \
                    X(maintenance_cancel) X(audit) X(audit_verify) X(audit_checkpoint) X(audit_key) X(audit_erase)     \
                        X(audit_show) X(audit_proof) X(events) X(backup) X(restore) X(clock) X(clock_accept) X(sim) X(sim_run) X(sim_compare) X(sim_silo) X(sim_paper) X(sim_paper_fgd) X(sim_paper_muri) X(bench)  \
                            X(bench_submit) X(bench_start) X(bench_recover) X(bench_load) X(bench_place) X(bench_gang) \
                                X(bench_scale) X(bench_reclaim) X(bench_no) X(bench_estimate) X(bench_shares) X(bench_queue)           \
                                    X(bench_lifecycle) X(bench_workload) X(bench_sim) X(version) X(completion) X(help) X(man)

#define X(name) extern const struct dure_verb dure_verb_##name;
DURE_VERB_ROWS(X)
#undef X
