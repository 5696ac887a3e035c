#pragma once
/* Doing what a record says. Inputs are checked first (the check_* functions have no effect); decisions are made to fit by whoever decided,
 * so that a decision that does not fit is E_CORRUPT. */
#include "core/state/state.h"

enum dure_err check_submit(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err check_job_of(const struct dure_core *core, const struct dure_record *record,
                           struct dure_error *error); /* CANCEL HOLD RELEASE */
enum dure_err check_modify(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err check_requeue_job(const struct dure_core *core, const struct dure_record *record,
                                struct dure_error *error);
enum dure_err check_node(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err check_foreign(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err check_report(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err check_cut(const struct dure_core *core, const struct dure_record *record,
                        struct dure_error *error); /* SHRINK END_ALLOT */
enum dure_err check_principal(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);

enum dure_err apply_submit(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_hold(struct dure_core *core, const struct dure_record *record,
                         struct dure_error *error); /* HOLD RELEASE */
enum dure_err apply_modify(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_requeue_job(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_node(struct dure_core *core, const struct dure_record *record,
                         struct dure_error *error); /* DRAIN RESUME NODE_REPORT */
enum dure_err apply_foreign(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_report(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_checkpoint(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_shrink(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_principal(struct dure_core *core, const struct dure_record *record, struct dure_error *error);

/* These check as they go and have no effect on failure; `dry` leaves none at all. */
enum dure_err spec_fleet(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error);
enum dure_err spec_tenants(struct dure_core *core, const struct dure_record *record, bool dry,
                           struct dure_error *error);
enum dure_err spec_grant(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error);
enum dure_err spec_prices(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error);
void spec_install_prices(struct dure_core *core, const struct dure_prices *prices);
void spec_watch_cells(struct dure_core *core, uint32_t chain); /* what changes in its cells reaches the digest */
void spec_install_fleet(struct dure_core *core, struct dure_fleet *fleet);
void spec_install_tenants(struct dure_core *core, struct dure_tenants *tenants);
enum dure_err spec_chain_cells(const struct dure_chain *chain, struct dure_cells **ret_cells, struct dure_error *error);

/* Takes the cells that its bindings say are new. */
enum dure_err apply_bindings(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_plan(struct dure_core *core, const struct dure_record *record,
                         struct dure_error *error); /* PLAN UNPLAN */
enum dure_err apply_node_state(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
enum dure_err apply_decision(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
/* Time and term of any record. */
enum dure_err check_moment(const struct dure_core *core, const struct dure_record *record, struct dure_error *error);
void apply_moment(struct dure_core *core, const struct dure_record *record);
/* Whatever this record may change of which requests there can ever be a place for: core->rules_stamp. Before it is applied. */
void rules_note(struct dure_core *core, const struct dure_record *record);

/* Can a job that starts at `begin_us` or now end by its deadline? E_NEVER. */
enum dure_err check_deadline(const struct dure_core *core, const struct dure_job *job, struct dure_error *error);
/* Is what it depends on there, and can it still come to pass? E_NOT_FOUND, E_NEVER. */
enum dure_err check_deps(const struct dure_core *core, const struct dure_job *job, struct dure_error *error);
/* The job as the model states it, unpacked. */
void job_unpack(const struct dure_core *core, const struct job *job, struct dure_job *ret_job);
/* Writes where it is told to also when it fails. */
enum dure_err job_pack(const struct dure_core *core, const struct dure_job *job, struct job_made *ret_made,
                       struct dure_error *error);

struct dure_digest node_hash(const struct dure_core *core, uint32_t node);
