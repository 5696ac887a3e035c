#pragma once
/* The reference for `why`: walks every GPU of the fleet and asks each rule in turn. Slow and plain; shares no count, index or plan with the core,
 * only who stands where. */
#include "rig.h"

/* Compares rows and groups of a pending job's answer with what the walk finds. False: tells the difference through tap_diag. */
bool naive_why_agrees(struct rig *rig, struct dure_job_id job, const struct dure_why *why);
