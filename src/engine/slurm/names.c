/* Names of results and states. */
#include "engine/slurm/wire.h"

const char *dure_slurm_result_name(enum dure_slurm_result result)
{
    static const char *const names[] = {"done",           "refused",          "no answer",
                                        "not authorised", "malformed answer", "unsupported"};
    return names[result];
}

const char *dure_slurm_state_name(enum dure_slurm_state state)
{
    static const char *const names[] = {
        "UNKNOWN",       "PENDING",     "RUNNING",    "SUSPENDED", "COMPLETED", "CANCELLED",
        "FAILED",        "TIMEOUT",     "NODE_FAIL",  "PREEMPTED", "BOOT_FAIL", "DEADLINE",
        "OUT_OF_MEMORY", "CONFIGURING", "COMPLETING", "REQUEUED",  "OTHER",
    };
    return names[state];
}

bool dure_slurm_state_ended(enum dure_slurm_state state)
{
    return state >= DURE_SLURM_STATE_COMPLETED && state <= DURE_SLURM_STATE_OUT_OF_MEMORY;
}

const struct dure_slurm_job dure_slurm_no_job = {.array_task_id = DURE_NONE32,
                                                 .name = "",
                                                 .comment = "",
                                                 .user = "",
                                                 .account = "",
                                                 .partition = "",
                                                 .qos = "",
                                                 .reason = "",
                                                 .directory = "",
                                                 .output = "",
                                                 .batch_node = "",
                                                 .nodes_text = ""};
