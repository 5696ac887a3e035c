#pragma once
/* The reference for `why`: walks every GPU of the fleet and asks each rule in turn. Slow and plain; shares no count, index or plan with the core,
 * only who stands where. */
#include "rig.h"

struct request;

/* Compares rows and groups of a pending job's answer with what the walk finds. False: tells the difference through tap_diag. */
bool naive_why_agrees(struct rig *rig, struct dure_job_id job, const struct dure_why *why);
/* Parts of it: the groups sum to the fleet; without the rule that is called cheapest to change the place is open; rules that cross refuse every place. */
bool naive_why_sums(const struct dure_core *core, const struct dure_why *why);
bool naive_why_opens(struct dure_core *core, const struct request *ask, const struct dure_why *why);
bool naive_why_crosses(struct dure_core *core, const struct request *ask, const struct dure_why *why);
/* No rule that costs less to change alone is in the way anywhere; what each rule that crosses leaves is counted. */
bool naive_cross_agrees(struct dure_core *core, const struct request *ask, const struct dure_why *why);
/* Each kind of change, each value of it, tried one after the other: are those that are offered the ones that should be? */
bool naive_changes_agree(struct rig *rig, struct dure_job_id job, const struct dure_why *why);
/* What each rule costs the queue, added up over the answers about each job. */
bool naive_toll_agrees(struct rig *rig);
/* The ranked places of a running job: which, in which order, what is idle there, and whether one more would fit. */
bool naive_others_agree(struct rig *rig, const struct dure_why *why);
/* Can a request never run, whoever leaves? And does the proof in words name every GPU once? */
bool naive_is_never(struct dure_core *core, const struct request *ask);
bool naive_proof_adds_up(const struct dure_core *core, const char *text);
