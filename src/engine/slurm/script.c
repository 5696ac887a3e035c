/* What runs on the first node of an allocation, and with which environment.
 *
 * A script runs there once, as with sbatch, and starts tasks on other nodes with srun; a command is started once a task, by srun where there are
 * several. Slurm says SLURM_*; DURE_* come from here, and SLURM_ARRAY_* too, because each element is a Slurm job of its own. */
#include <inttypes.h>
#include <string.h>

#include "engine/outname.h"
#include "engine/slurm/engine_inner.h"
#include "engine/variables.h"

static void add_items(struct dure_buf *buf, struct dure_span list)
{
    for (const char *at = list.data, *end = list.data + list.length; at < end; at += strlen(at) + 1) {
        dure_buf_byte(buf, ' ');
        local_quote(buf, at);
    }
}

static void add_variables(struct dure_buf *buf, const struct dure_spec *spec, const char *prefix)
{
    dure_buf_printf(
        buf,
        "DURE_TASK=0 DURE_LOCAL_TASK=0 DURE_GPUS=\"${SLURM_JOB_GPUS-}\" DURE_NODE=%s\"${SLURMD_NODENAME-}\"\n"
        "export DURE_TASK DURE_LOCAL_TASK DURE_GPUS DURE_NODE\n",
        prefix);
    dure_buf_str(buf,
                 "unset SLURM_JOB_DEPENDENCY; export SLURM_SUBMIT_DIR="); /* that of who submitted, not the daemon's */
    local_quote(buf, spec->workdir.data);
    dure_buf_byte(buf, '\n');
    if (spec->job_name.length) {
        dure_buf_str(buf, "export SLURM_JOB_NAME=");
        local_quote(buf, spec->job_name.data);
        dure_buf_byte(buf, '\n');
    }
    if (!spec->is_array)
        return;
    const uint64_t last = spec->array_first + (spec->array_count ? spec->array_count - 1 : 0) * spec->array_step;
    dure_buf_printf(buf,
                    "export SLURM_ARRAY_JOB_ID=%" PRIu64 " SLURM_ARRAY_TASK_ID=%" PRIu64
                    " SLURM_ARRAY_TASK_COUNT=%" PRIu64 " SLURM_ARRAY_TASK_MIN=%" PRIu64 " SLURM_ARRAY_TASK_MAX=%" PRIu64
                    " SLURM_ARRAY_TASK_STEP=%" PRIu64 "\n",
                    spec->job, spec->array_index, spec->array_count, spec->array_first, last, spec->array_step);
}

static void add_script(struct dure_buf *buf, const struct dure_spec *spec)
{
    char mark[48];
    local_end_mark(spec, mark);
    dure_buf_printf(buf, "exec 9<<'%s'\n", mark);
    dure_buf_add(buf, spec->script.data, spec->script.length);
    if (spec->script.data[spec->script.length - 1] != '\n')
        dure_buf_byte(buf, '\n');
    dure_buf_printf(buf, "%s\nexec ", mark);
    local_interpreter(buf, spec->script.data);
    dure_buf_str(buf, " /dev/fd/9");
    add_items(buf, spec->command);
    dure_buf_byte(buf, '\n');
}

/* Each task has its own of the node's GPUs, in their order, unless Slurm has bound them already. */
static const char each_task[] =
    "DURE_TASK=$SLURM_PROCID DURE_LOCAL_TASK=$SLURM_LOCALID DURE_NODE=$1${SLURMD_NODENAME-}; each=$2; shift 2\n"
    "list=${CUDA_VISIBLE_DEVICES-}\n"
    "if [ -n \"$list\" ] && [ \"$(printf %s \"$list\" | tr -cd , | wc -c)\" -ge \"$each\" ]; then\n"
    "first=$((SLURM_LOCALID * each + 1))\n"
    "CUDA_VISIBLE_DEVICES=$(printf %s \"$list\" | cut -d, -f$first-$((first + each - 1))); export "
    "CUDA_VISIBLE_DEVICES\n"
    "fi\n"
    "DURE_GPUS=${CUDA_VISIBLE_DEVICES-}; export DURE_TASK DURE_LOCAL_TASK DURE_NODE DURE_GPUS; exec \"$@\"";

static uint64_t cpus_of(const struct dure_spec *spec)
{
    return spec->task_cpu_milli < 1000 ? 1 : spec->task_cpu_milli / 1000;
}

/* A name as srun reads patterns: %t, %n and %N are its own. */
static void add_pattern(struct dure_buf *buf, const struct dure_spec *spec, bool is_stderr)
{
    const struct dure_span name = is_stderr && spec->err_name.length ? spec->err_name : spec->out_name;
    struct dure_spec one = *spec;
    struct dure_buf kept DURE_CLEANUP_BUF = {0};
    char path[DURE_LOCAL_PATH_MAX];
    /* What is the task's own stays a pattern: doubled for our expansion, single for srun's. */
    dure_buf_init(&kept, DURE_LOCAL_PATH_MAX);
    for (const char *at = name.data; *at; at++) {
        if (at[0] == '%' && at[1] == '%') {
            dure_buf_str(&kept, "%%%%");
            at++;
            continue;
        }
        const size_t width = at[0] == '%' ? strspn(at + 1, "0123456789") : 0;
        const bool own = at[0] == '%' && at[1 + width] && strchr("tnN", at[1 + width]);
        dure_buf_str(&kept, own ? "%%" : "");
        dure_buf_byte(&kept, own ? (uint8_t)at[1] : (uint8_t)*at);
        at += own;
    }
    one.out_name = one.err_name = (struct dure_span){kept.data ? kept.data : "", (uint32_t)kept.length};
    if (!kept.failed && dure_out_name(&one, 0, is_stderr, path, sizeof path, NULL) == DURE_OK)
        local_quote(buf, path);
}

static void add_command(struct dure_buf *buf, const struct dure_spec *spec, const char *prefix, uint64_t gpus_each)
{
    if (spec->tasks == 1) {
        dure_buf_str(buf, "exec");
        add_items(buf, spec->command);
        dure_buf_byte(buf, '\n');
        return;
    }
    dure_buf_printf(buf, "exec srun --kill-on-bad-exit=0 --wait=0 --cpus-per-task=%" PRIu64, cpus_of(spec));
    if (dure_out_name_per_task(spec, false)) {
        dure_buf_printf(buf, " --open-mode=%s --output=", spec->restarts ? "append" : "truncate");
        add_pattern(buf, spec, false);
    }
    if (dure_out_name_per_task(spec, true) && spec->err_name.length) {
        dure_buf_str(buf, " --error=");
        add_pattern(buf, spec, true);
    }
    dure_buf_str(buf, " /bin/sh -c ");
    local_quote(buf, each_task);
    dure_buf_printf(buf, " dure '%s' %" PRIu64, prefix, gpus_each);
    add_items(buf, spec->command);
    dure_buf_byte(buf, '\n');
}

void slurm_script_write(const struct slurm_plan *plan, const char *prefix, struct dure_buf *script)
{
    const struct dure_spec *spec = &plan->order->spec;
    dure_buf_printf(script, "#!/bin/sh\n# %s\n", plan->comment);
    add_variables(script, spec, prefix);
    if (spec->script.length)
        add_script(script, spec);
    else
        add_command(script, spec, prefix, plan->gpus_per_task);
}

/* ---- the environment ---- */

static void put_known(struct dure_variables *variables, const char *name, const char *value)
{
    if (*value)
        dure_variables_default(variables, name, value);
}

uint32_t slurm_environment_write(const struct slurm_plan *plan, struct dure_buf *list)
{
    const struct dure_spec *spec = &plan->order->spec;
    struct dure_variables variables = {list, 0};
    dure_variables_put(&variables, "DURE_JOB_ID=%" PRIu64, spec->job);
    dure_variables_put(&variables, "DURE_ATTEMPT=%" PRIu64, spec->attempt);
    dure_variables_put(&variables, "DURE_TASKS=%" PRIu64, spec->tasks);
    dure_variables_put(&variables, "DURE_NODES=%s", spec->nodelist.data);
    dure_variables_put(&variables, "DURE_TENANT=%s", spec->tenant.data);
    dure_variables_put(&variables, "DURE_CLASS=%s", spec->is_borrowed ? "borrowed" : "guaranteed");
    dure_variables_put(&variables, "DURE_RESTARTS=%" PRIu64, spec->restarts);
    dure_variables_put(&variables, "DURE_GRACE_S=%" PRIu64, spec->grace_us / 1000000);
    dure_variables_put(&variables, "DURE_FLEET=%s", spec->fleet.data);
    dure_variables_put(&variables, "DURE_GPU_COUNT=%" PRIu32, plan->gpus_per_task);
    dure_variables_put(&variables, "DURE_GPU_MILLI=%" PRIu64, spec->gpu_milli);
    if (spec->is_array)
        dure_variables_put(&variables, "DURE_ARRAY_INDEX=%" PRIu64, spec->array_index);
    for (const char *at = spec->environment.data, *end = at + spec->environment.length; at < end; at += strlen(at) + 1)
        if (strchr(at, '=') && at[0] != '=' && !dure_variables_have(&variables, at))
            dure_variables_put(&variables, "%s", at);
    dure_variables_default(&variables, "PATH", "/usr/local/bin:/usr/bin:/bin");
    put_known(&variables, "HOME", spec->home.data);
    put_known(&variables, "SHELL", spec->shell.data);
    put_known(&variables, "USER", spec->login.data);
    put_known(&variables, "LOGNAME", spec->login.data);
    return variables.count;
}
