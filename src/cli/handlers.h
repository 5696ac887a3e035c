#pragma once
/* The handlers that the table of verbs names, one a verb; each is in the file named after its verb. */
struct dure_cli;

int dure_cmd_up(struct dure_cli *cli);
int dure_cmd_down(struct dure_cli *cli);
int dure_cmd_submit(struct dure_cli *cli);
int dure_cmd_whatif_submit(struct dure_cli *cli);
int dure_cmd_jobs(struct dure_cli *cli);
int dure_cmd_show(struct dure_cli *cli);
int dure_cmd_logs(struct dure_cli *cli);
int dure_cmd_act(struct dure_cli *cli); /* cancel, hold, release */
int dure_cmd_modify(struct dure_cli *cli);
int dure_cmd_requeue(struct dure_cli *cli);
int dure_cmd_why(struct dure_cli *cli);
int dure_cmd_fleet(struct dure_cli *cli);
int dure_cmd_fleet_apply(struct dure_cli *cli);
int dure_cmd_tenants(struct dure_cli *cli);
int dure_cmd_tenants_apply(struct dure_cli *cli);
int dure_cmd_allot_show(struct dure_cli *cli);
int dure_cmd_allot_grant(struct dure_cli *cli);
int dure_cmd_allot_shrink(struct dure_cli *cli);
int dure_cmd_allot_end(struct dure_cli *cli);
int dure_cmd_allot_import(struct dure_cli *cli);
int dure_cmd_power_show(struct dure_cli *cli);
int dure_cmd_power_apply(struct dure_cli *cli);
int dure_cmd_data_show(struct dure_cli *cli);
int dure_cmd_data_apply(struct dure_cli *cli);
int dure_cmd_nodes(struct dure_cli *cli);
int dure_cmd_nodes_drain(struct dure_cli *cli);
int dure_cmd_nodes_resume(struct dure_cli *cli);
int dure_cmd_maintenance(struct dure_cli *cli);
int dure_cmd_maintenance_book(struct dure_cli *cli);
int dure_cmd_maintenance_cancel(struct dure_cli *cli);
int dure_cmd_audit_verify(struct dure_cli *cli);
int dure_cmd_audit_checkpoint(struct dure_cli *cli);
int dure_cmd_audit_key(struct dure_cli *cli);
int dure_cmd_audit_erase(struct dure_cli *cli);
int dure_cmd_audit_show(struct dure_cli *cli);
int dure_cmd_audit_proof(struct dure_cli *cli);
int dure_cmd_events(struct dure_cli *cli);
int dure_cmd_backup(struct dure_cli *cli);
int dure_cmd_restore(struct dure_cli *cli);
int dure_cmd_clock_accept(struct dure_cli *cli);
int dure_cmd_bench(struct dure_cli *cli);
int dure_cmd_version(struct dure_cli *cli);
int dure_cmd_completion(struct dure_cli *cli);
int dure_cmd_help(struct dure_cli *cli);
int dure_cmd_man(struct dure_cli *cli);
