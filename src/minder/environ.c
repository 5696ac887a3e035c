#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/variables.h"
#include "minder/minder.h"

static void gpu_list(uint64_t mask, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < 64; i++)
        if (mask >> i & 1)
            length += (size_t)snprintf(text + length, size - length, "%s%u", length ? "," : "", i);
}

/* A GPU is named by UUID, so that no other numbering can mislead. Virtual ones show CUDA nothing. */
static void put_gpus(struct dure_variables *to, const struct dure_spec *spec, uint64_t mask, uint64_t node_mask)
{
    char list[256], node_list[256];
    gpu_list(mask, list, sizeof list);
    gpu_list(node_mask, node_list, sizeof node_list);
    dure_variables_put(to, "DURE_GPUS=%s", list);
    dure_variables_put(to, "DURE_GPU_COUNT=%d", __builtin_popcountll(mask));
    dure_variables_put(to, "DURE_GPU_MILLI=%" PRIu64, spec->gpu_milli);
    dure_variables_put(to, "SLURM_GPUS_ON_NODE=%d", __builtin_popcountll(node_mask));
    dure_variables_put(to, "SLURM_JOB_GPUS=%s", node_list);
    if (spec->is_virtual) {
        dure_variables_put(to, "DURE_VIRTUAL_GPUS=%s", list);
        dure_variables_put(to, "CUDA_VISIBLE_DEVICES=");
        return;
    }
    dure_buf_str(to->texts, "CUDA_VISIBLE_DEVICES=");
    const char *comma = "";
    for (unsigned i = 0; i < 64; i++)
        if (mask >> i & 1) {
            dure_buf_printf(to->texts, "%s%s", comma, dure_span_item(spec->gpu_uuids, i));
            comma = ",";
        }
    dure_buf_byte(to->texts, 0);
    to->count++;
}

static void put_dure(struct dure_variables *to, const struct dure_spec *spec, uint32_t task,
                     const struct dure_spec_task *row)
{
    dure_variables_put(to, "DURE_TOKEN=%s", spec->token.data);
    dure_variables_put(to, "DURE_JOB_ID=%" PRIu64, spec->job);
    dure_variables_put(to, "DURE_ATTEMPT=%" PRIu64, spec->attempt);
    dure_variables_put(to, "DURE_TASK=%" PRIu32, task);
    dure_variables_put(to, "DURE_TASKS=%" PRIu64, spec->tasks);
    dure_variables_put(to, "DURE_LOCAL_TASK=%" PRIu32, row->local);
    dure_variables_put(to, "DURE_NODE=%s", dure_span_item(spec->node_names, row->node));
    dure_variables_put(to, "DURE_NODES=%s", spec->nodelist.data);
    dure_variables_put(to, "DURE_TENANT=%s", spec->tenant.data);
    dure_variables_put(to, "DURE_CLASS=%s", spec->is_borrowed ? "borrowed" : "guaranteed");
    dure_variables_put(to, "DURE_RESTARTS=%" PRIu64, spec->restarts);
    dure_variables_put(to, "DURE_GRACE_S=%" PRIu64, spec->grace_us / 1000000);
    dure_variables_put(to, "DURE_FLEET=%s", spec->fleet.data);
    if (spec->is_array)
        dure_variables_put(to, "DURE_ARRAY_INDEX=%" PRIu64, spec->array_index);
}

static void put_slurm_job(struct dure_variables *to, const struct dure_spec *spec)
{
    dure_variables_put(to, "SLURM_JOB_ID=%" PRIu64, spec->job);
    dure_variables_put(to, "SLURM_JOBID=%" PRIu64, spec->job);
    dure_variables_put(to, "SLURM_JOB_NAME=%s", spec->job_name.data);
    dure_variables_put(to, "SLURM_JOB_USER=%s", spec->login.data);
    dure_variables_put(to, "SLURM_JOB_UID=%" PRIu64, spec->uid);
    dure_variables_put(to, "SLURM_JOB_ACCOUNT=%s", spec->tenant.data);
    dure_variables_put(to, "SLURM_CLUSTER_NAME=%s", spec->fleet.data);
    dure_variables_put(to, "SLURM_NTASKS=%" PRIu64, spec->tasks);
    dure_variables_put(to, "SLURM_NPROCS=%" PRIu64, spec->tasks);
    dure_variables_put(to, "SLURM_NNODES=%" PRIu64, spec->nodes);
    dure_variables_put(to, "SLURM_JOB_NUM_NODES=%" PRIu64, spec->nodes);
    dure_variables_put(to, "SLURM_JOB_NODELIST=%s", spec->nodelist.data);
    dure_variables_put(to, "SLURM_NODELIST=%s", spec->nodelist.data);
    dure_variables_put(to, "SLURM_SUBMIT_DIR=%s", spec->workdir.data);
    dure_variables_put(to, "SLURM_CPUS_PER_TASK=%" PRIu64,
                       spec->task_cpu_milli < 1000 ? UINT64_C(1) : spec->task_cpu_milli / 1000);
    dure_variables_put(to, "SLURM_RESTART_COUNT=%" PRIu64, spec->restarts);
    dure_variables_put(to, "SLURM_JOB_START_TIME=%" PRIu64, spec->started_us / 1000000);
    dure_variables_put(to, "SLURM_JOB_END_TIME=%" PRIu64, (spec->started_us + spec->walltime_us) / 1000000);
    if (!spec->is_array)
        return;
    const uint64_t last = spec->array_first + (spec->array_count ? spec->array_count - 1 : 0) * spec->array_step;
    dure_variables_put(to, "SLURM_ARRAY_JOB_ID=%" PRIu64, spec->job);
    dure_variables_put(to, "SLURM_ARRAY_TASK_ID=%" PRIu64, spec->array_index);
    dure_variables_put(to, "SLURM_ARRAY_TASK_COUNT=%" PRIu64, spec->array_count);
    dure_variables_put(to, "SLURM_ARRAY_TASK_MIN=%" PRIu64, spec->array_first);
    dure_variables_put(to, "SLURM_ARRAY_TASK_MAX=%" PRIu64, last);
    dure_variables_put(to, "SLURM_ARRAY_TASK_STEP=%" PRIu64, spec->array_step);
}

static void put_slurm_task(struct dure_variables *to, const struct dure_spec *spec, uint32_t task,
                           const struct dure_spec_task *row, uint32_t node_tasks)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    dure_variables_put(to, "SLURM_PROCID=%" PRIu32, task);
    dure_variables_put(to, "SLURM_LOCALID=%" PRIu32, row->local);
    dure_variables_put(to, "SLURM_NODEID=%" PRIu32, row->node);
    dure_variables_put(to, "SLURMD_NODENAME=%s", dure_span_item(spec->node_names, row->node));
    dure_variables_put(to, "SLURM_SUBMIT_HOST=%s", host);
    dure_variables_put(to, "SLURM_CPUS_ON_NODE=%" PRIu64,
                       spec->task_cpu_milli * node_tasks < 1000 ? UINT64_C(1)
                                                                : spec->task_cpu_milli * node_tasks / 1000);
    dure_variables_put(to, "SLURM_MEM_PER_NODE=%" PRIu64, spec->task_memory_mib * node_tasks);
}

static void put_job_own(struct dure_variables *to, struct dure_span list)
{
    for (const char *at = list.data, *end = list.data + list.length; at < end; at += strlen(at) + 1)
        if (strchr(at, '=') && at[0] != '=' && !dure_variables_have(to, at))
            dure_variables_put(to, "%s", at);
}

char **minder_environment(const struct minder *minder, uint32_t task, struct dure_buf *strings)
{
    const struct dure_spec *spec = &minder->spec;
    const struct dure_spec_task row = dure_spec_task_at(spec, task);
    uint64_t node_mask = 0;
    uint32_t node_tasks = 0;
    for (uint32_t i = 0; i < spec->tasks; i++) {
        const struct dure_spec_task other = dure_spec_task_at(spec, i);
        if (other.node == row.node) {
            node_mask |= other.gpu_mask;
            node_tasks++;
        }
    }
    struct dure_variables to = {strings, 0};
    put_dure(&to, spec, task, &row);
    put_gpus(&to, spec, row.gpu_mask, node_mask);
    put_slurm_job(&to, spec);
    put_slurm_task(&to, spec, task, &row, node_tasks);
    put_job_own(&to, spec->environment);
    dure_variables_default(&to, "PATH", "/usr/local/bin:/usr/bin:/bin");
    dure_variables_default(&to, "HOME", spec->home.data);
    dure_variables_default(&to, "SHELL", spec->shell.data);
    dure_variables_default(&to, "USER", spec->login.data);
    dure_variables_default(&to, "LOGNAME", spec->login.data);
    if (strings->failed)
        return NULL;
    char **vector = calloc((size_t)to.count + 1, sizeof *vector);
    char *at = strings->data;
    for (uint32_t i = 0; vector && i < to.count; i++, at += strlen(at) + 1)
        vector[i] = at;
    return vector;
}
