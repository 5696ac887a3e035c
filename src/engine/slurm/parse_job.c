/* One job of squeue --json or slurmrestd. */
#include "engine/slurm/parse.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static void add_state(struct dure_slurm_job *job, const char *name, bool *taken)
{
    const enum dure_slurm_state state = slurm_state_named(name);
    if (state == DURE_SLURM_STATE_COMPLETING)
        job->flags |= DURE_SLURM_JOB_COMPLETING;
    else if (state == DURE_SLURM_STATE_CONFIGURING)
        job->flags |= DURE_SLURM_JOB_CONFIGURING;
    else if (state == DURE_SLURM_STATE_REQUEUED)
        job->flags |= DURE_SLURM_JOB_REQUEUED;
    /* The state proper goes before its flags, whatever their order. */
    const bool is_flag = state >= DURE_SLURM_STATE_CONFIGURING || state == DURE_SLURM_STATE_UNKNOWN;
    if (!*taken && (!is_flag || job->state == DURE_SLURM_STATE_UNKNOWN)) {
        job->state = state;
        *taken = !is_flag;
    }
}

static void read_state(const json_t *object, struct dure_slurm_job *job)
{
    const json_t *value = json_object_get(object, "job_state"), *one;
    bool taken = false;
    size_t i;
    if (json_is_string(value))
        add_state(job, json_string_value(value), &taken);
    json_array_foreach(value, i, one) if (json_is_string(one)) add_state(job, json_string_value(one), &taken);
    if (slurm_truth(object, "hold") || strcmp(job->reason, "JobHeldUser") == 0 ||
        strcmp(job->reason, "JobHeldAdmin") == 0 ||
        (job->state == DURE_SLURM_STATE_PENDING && slurm_number(object, "priority", 1) == 0))
        job->flags |= DURE_SLURM_JOB_HELD;
}

/* A wait status; or {return_code, signal: {id or signal_id}}. */
static void read_exit(const json_t *object, struct dure_slurm_job *job)
{
    const json_t *value = json_object_get(object, "exit_code");
    int64_t number;
    if (json_is_object(value) && !json_object_get(value, "number")) {
        const json_t *signal = json_object_get(value, "signal");
        const int64_t code = slurm_number(value, "return_code", 0); /* v0.0.39: -127 where there is none */
        job->exit_code = code < 0 ? 0 : (int32_t)(code & 255);
        job->exit_signal = (int32_t)(slurm_number(signal, "id", slurm_number(signal, "signal_id", 0)) & 127);
    } else if (slurm_number_of(value, &number) == SLURM_NUMBER)
        slurm_exit_status(number, &job->exit_code, &job->exit_signal);
}

static bool read_nodes(const json_t *object, struct dure_arena *arena, struct dure_slurm_job *job)
{
    const char **names = NULL;
    if (!*job->nodes_text)
        return true;
    const int count = slurm_hostlist(job->nodes_text, DURE_SLURM_JOB_NODES_MAX, arena, &names);
    if (count <= 0)
        return count == -2; /* too many: none named; nonsense is refused */
    job->nodes = DURE_ARENA_NEW(arena, struct dure_slurm_job_node, count);
    if (!job->nodes)
        return false;
    job->node_count = (uint32_t)count;
    const json_t *details = json_object_get(object, "gres_detail");
    const bool each = json_array_size(details) == (size_t)count;
    for (uint32_t i = 0; i < job->node_count; i++) {
        struct slurm_gres gres = {0};
        job->nodes[i].name = names[i];
        if (each && json_is_string(json_array_get(details, i)))
            slurm_gres_read(json_string_value(json_array_get(details, i)), &gres);
        job->nodes[i].gpu_count = gres.count;
        job->nodes[i].gpu_mask = gres.mask;
    }
    return true;
}

static bool in_uint32(int64_t number)
{
    return number >= 0 && number <= UINT32_MAX;
}

bool slurm_job_read(const json_t *object, struct dure_arena *arena, struct dure_slurm_job *job)
{
    const int64_t id = slurm_number(object, "job_id", 0), array = slurm_number(object, "array_job_id", 0);
    const int64_t task = slurm_number(object, "array_task_id", -1), minutes = slurm_number(object, "time_limit", 0);
    *job = dure_slurm_no_job;
    if (!json_is_object(object) || id <= 0 || !in_uint32(id))
        return false;
    job->job_id = (uint32_t)id;
    job->array_job_id = in_uint32(array) ? (uint32_t)array : 0;
    if (job->array_job_id && in_uint32(task))
        job->array_task_id = (uint32_t)task;
    job->name = slurm_text(object, "name", arena);
    job->comment = slurm_text(object, "comment", arena);
    job->user = slurm_text(object, "user_name", arena);
    job->account = slurm_text(object, "account", arena);
    job->partition = slurm_text(object, "partition", arena);
    job->qos = slurm_text(object, "qos", arena);
    job->reason = slurm_text(object, "state_reason", arena);
    job->directory = slurm_text(object, "current_working_directory", arena);
    job->output = slurm_text(object, "standard_output", arena);
    job->batch_node = slurm_text(object, "batch_host", arena);
    job->nodes_text = slurm_text(object, "nodes", arena);
    if (strcasecmp(job->reason, "None") == 0)
        job->reason = "";
    job->user_id = (uint32_t)slurm_number(object, "user_id", 0);
    job->restarts = (uint32_t)slurm_number(object, "restart_cnt", 0);
    job->submit_us = slurm_time_us(object, "submit_time");
    job->start_us = slurm_time_us(object, "start_time");
    job->end_us = slurm_time_us(object, "end_time");
    job->walltime_us = minutes > 0 && minutes < INT64_C(4294967290) ? minutes * 60 * 1000000 : 0;
    read_state(object, job);
    read_exit(object, job);
    return read_nodes(object, arena, job);
}
