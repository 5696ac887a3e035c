#pragma once
/* What the files that read a Job share. */
#include "model/body.h"
#include "model/job.h"
#include "model/read.h"

/* Name, command or script, environment, paths and comment. */
void dure_job_read_body(struct dure_read *read, const struct dure_tree *root, struct dure_body *body);
/* "0-99", "0-99:2", "0-99%10", "7", "1,3,5-9:2": evenly spaced. False: it is not, or over the limits (job untouched). */
bool dure_job_array_parse(const char *text, struct dure_job *job);
/* The fields that a change may name and a spec has too: class, shape, times. What is absent is left alone, but priority and class. */
void dure_job_read_changed(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                           struct dure_job *job);
/* `level`. */
void dure_job_read_level(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                         struct dure_job *job);
/* Spread, nodes, exclude and MIG: where it may stand; what is absent is left alone. The node lists go to `runs`, of DURE_JOB_RUNS_MAX: the
 * number is returned. */
enum { DURE_JOB_RUNS_MAX = 2 * DURE_NODE_RUNS_MAX };
uint32_t dure_job_read_where(struct dure_read *read, const struct dure_tree *root, const struct dure_fleet *fleet,
                             struct dure_job *job, struct dure_node_run *runs);
/* `after` */
void dure_job_read_after(struct dure_read *read, const struct dure_tree *root, struct dure_job *job);
