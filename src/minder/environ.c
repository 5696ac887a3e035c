#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "minder/minder.h"

/* Ours come first, then the job's own, then defaults; the first of a name stays. */
struct maker {
    struct dure_buf *strings;
    uint32_t count;
};

static bool has_name(const struct maker *maker, const char *entry)
{
    const size_t length = strcspn(entry, "=");
    const char *at = maker->strings->data;
    for (uint32_t i = 0; i < maker->count; i++, at += strlen(at) + 1)
        if (strncmp(at, entry, length) == 0 && at[length] == '=')
            return true;
    return false;
}

static void put(struct maker *maker, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct maker *maker, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dure_buf_vprintf(maker->strings, format, args);
    va_end(args);
    dure_buf_byte(maker->strings, 0);
    maker->count++;
}

static void put_default(struct maker *maker, const char *name, const char *value)
{
    char entry[64];
    if (snprintf(entry, sizeof entry, "%s=", name) >= (int)sizeof entry || has_name(maker, entry))
        return;
    put(maker, "%s=%s", name, value);
}

static void gpu_list(uint64_t mask, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < 64; i++)
        if (mask >> i & 1)
            length += (size_t)snprintf(text + length, size - length, "%s%u", length ? "," : "", i);
}

/* A GPU is named by UUID, so that no other numbering can mislead. Virtual ones show CUDA nothing. */
static void put_gpus(struct maker *maker, const struct dure_spec *spec, uint64_t mask, uint64_t node_mask)
{
    char list[256], node_list[256];
    gpu_list(mask, list, sizeof list);
    gpu_list(node_mask, node_list, sizeof node_list);
    put(maker, "DURE_GPUS=%s", list);
    put(maker, "DURE_GPU_COUNT=%d", __builtin_popcountll(mask));
    put(maker, "DURE_GPU_MILLI=%" PRIu64, spec->gpu_milli);
    put(maker, "SLURM_GPUS_ON_NODE=%d", __builtin_popcountll(node_mask));
    put(maker, "SLURM_JOB_GPUS=%s", node_list);
    if (spec->is_virtual) {
        put(maker, "DURE_VIRTUAL_GPUS=%s", list);
        put(maker, "CUDA_VISIBLE_DEVICES=");
        return;
    }
    dure_buf_str(maker->strings, "CUDA_VISIBLE_DEVICES=");
    const char *comma = "";
    for (unsigned i = 0; i < 64; i++)
        if (mask >> i & 1) {
            dure_buf_printf(maker->strings, "%s%s", comma, dure_span_item(spec->gpu_uuids, i));
            comma = ",";
        }
    dure_buf_byte(maker->strings, 0);
    maker->count++;
}

static void put_dure(struct maker *maker, const struct dure_spec *spec, uint32_t task, const struct dure_spec_task *row)
{
    put(maker, "DURE_TOKEN=%s", spec->token.data);
    put(maker, "DURE_JOB_ID=%" PRIu64, spec->job);
    put(maker, "DURE_ATTEMPT=%" PRIu64, spec->attempt);
    put(maker, "DURE_TASK=%" PRIu32, task);
    put(maker, "DURE_TASKS=%" PRIu64, spec->tasks);
    put(maker, "DURE_LOCAL_TASK=%" PRIu32, row->local);
    put(maker, "DURE_NODE=%s", dure_span_item(spec->node_names, row->node));
    put(maker, "DURE_NODES=%s", spec->nodelist.data);
    put(maker, "DURE_TENANT=%s", spec->tenant.data);
    put(maker, "DURE_CLASS=%s", spec->is_borrowed ? "borrowed" : "guaranteed");
    put(maker, "DURE_RESTARTS=%" PRIu64, spec->restarts);
    put(maker, "DURE_GRACE_S=%" PRIu64, spec->grace_us / 1000000);
    put(maker, "DURE_FLEET=%s", spec->fleet.data);
    if (spec->is_array)
        put(maker, "DURE_ARRAY_INDEX=%" PRIu64, spec->array_index);
}

static void put_slurm_job(struct maker *maker, const struct dure_spec *spec)
{
    put(maker, "SLURM_JOB_ID=%" PRIu64, spec->job);
    put(maker, "SLURM_JOBID=%" PRIu64, spec->job);
    put(maker, "SLURM_JOB_NAME=%s", spec->job_name.data);
    put(maker, "SLURM_JOB_USER=%s", spec->login.data);
    put(maker, "SLURM_JOB_UID=%" PRIu64, spec->uid);
    put(maker, "SLURM_JOB_ACCOUNT=%s", spec->tenant.data);
    put(maker, "SLURM_CLUSTER_NAME=%s", spec->fleet.data);
    put(maker, "SLURM_NTASKS=%" PRIu64, spec->tasks);
    put(maker, "SLURM_NPROCS=%" PRIu64, spec->tasks);
    put(maker, "SLURM_NNODES=%" PRIu64, spec->nodes);
    put(maker, "SLURM_JOB_NUM_NODES=%" PRIu64, spec->nodes);
    put(maker, "SLURM_JOB_NODELIST=%s", spec->nodelist.data);
    put(maker, "SLURM_NODELIST=%s", spec->nodelist.data);
    put(maker, "SLURM_SUBMIT_DIR=%s", spec->workdir.data);
    put(maker, "SLURM_CPUS_PER_TASK=%" PRIu64, spec->task_cpu_milli < 1000 ? UINT64_C(1) : spec->task_cpu_milli / 1000);
    put(maker, "SLURM_RESTART_COUNT=%" PRIu64, spec->restarts);
    put(maker, "SLURM_JOB_START_TIME=%" PRIu64, spec->started_us / 1000000);
    put(maker, "SLURM_JOB_END_TIME=%" PRIu64, (spec->started_us + spec->walltime_us) / 1000000);
    if (!spec->is_array)
        return;
    const uint64_t last = spec->array_first + (spec->array_count ? spec->array_count - 1 : 0) * spec->array_step;
    put(maker, "SLURM_ARRAY_JOB_ID=%" PRIu64, spec->job);
    put(maker, "SLURM_ARRAY_TASK_ID=%" PRIu64, spec->array_index);
    put(maker, "SLURM_ARRAY_TASK_COUNT=%" PRIu64, spec->array_count);
    put(maker, "SLURM_ARRAY_TASK_MIN=%" PRIu64, spec->array_first);
    put(maker, "SLURM_ARRAY_TASK_MAX=%" PRIu64, last);
    put(maker, "SLURM_ARRAY_TASK_STEP=%" PRIu64, spec->array_step);
}

static void put_slurm_task(struct maker *maker, const struct dure_spec *spec, uint32_t task,
                           const struct dure_spec_task *row, uint32_t node_tasks)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    put(maker, "SLURM_PROCID=%" PRIu32, task);
    put(maker, "SLURM_LOCALID=%" PRIu32, row->local);
    put(maker, "SLURM_NODEID=%" PRIu32, row->node);
    put(maker, "SLURMD_NODENAME=%s", dure_span_item(spec->node_names, row->node));
    put(maker, "SLURM_SUBMIT_HOST=%s", host);
    put(maker, "SLURM_CPUS_ON_NODE=%" PRIu64,
        spec->task_cpu_milli * node_tasks < 1000 ? UINT64_C(1) : spec->task_cpu_milli * node_tasks / 1000);
    put(maker, "SLURM_MEM_PER_NODE=%" PRIu64, spec->task_memory_mib * node_tasks);
}

static void put_job_own(struct maker *maker, struct dure_span list)
{
    for (const char *at = list.data, *end = list.data + list.length; at < end; at += strlen(at) + 1)
        if (strchr(at, '=') && at[0] != '=' && !has_name(maker, at))
            put(maker, "%s", at);
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
    struct maker maker = {strings, 0};
    put_dure(&maker, spec, task, &row);
    put_gpus(&maker, spec, row.gpu_mask, node_mask);
    put_slurm_job(&maker, spec);
    put_slurm_task(&maker, spec, task, &row, node_tasks);
    put_job_own(&maker, spec->environment);
    put_default(&maker, "PATH", "/usr/local/bin:/usr/bin:/bin");
    put_default(&maker, "HOME", spec->home.data);
    put_default(&maker, "SHELL", spec->shell.data);
    put_default(&maker, "USER", spec->login.data);
    put_default(&maker, "LOGNAME", spec->login.data);
    if (strings->failed)
        return NULL;
    char **vector = calloc((size_t)maker.count + 1, sizeof *vector);
    char *at = strings->data;
    for (uint32_t i = 0; vector && i < maker.count; i++, at += strlen(at) + 1)
        vector[i] = at;
    return vector;
}
