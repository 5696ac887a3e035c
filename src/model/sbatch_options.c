/* The options of sbatch (Slurm 22.05 to 24.05): which take a value, which are honoured, and why the others are not. */
#include "model/read.h"
#include "model/sbatch_build.h"

#include <string.h>

#define NODE_PLACE "dure chooses the place by GPUs, model and level (`model`, `level` of a Job spec)"
#define NODE_INSIDE "a task gets its GPUs' share of the node's CPUs and memory; nothing below that is placed by hand"
#define NOT_HERE "there is no such thing in dure"

static const struct dure_sbatch_known table[] = {
    {"account", 'A', DURE_SBV_NEEDED, DURE_SB_ACCOUNT, NULL},
    {"acctg-freq", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "dure samples at its own interval"},
    {"array", 'a', DURE_SBV_NEEDED, DURE_SB_ARRAY, NULL},
    {"batch", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_PLACE},
    {"bb", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "there are no burst buffers"},
    {"bbf", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "there are no burst buffers"},
    {"begin", 'b', DURE_SBV_NEEDED, DURE_SB_BEGIN, NULL},
    {"chdir", 'D', DURE_SBV_NEEDED, DURE_SB_CHDIR, NULL},
    {"cluster-constraint", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_PLACE},
    {"clusters", 'M', DURE_SBV_NEEDED, DURE_SB_NONE, "the fleet is one"},
    {"comment", 0, DURE_SBV_NEEDED, DURE_SB_COMMENT, NULL},
    {"constraint", 'C', DURE_SBV_NEEDED, DURE_SB_NONE, NODE_PLACE},
    {"container", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "it takes the folder of an OCI bundle; use --image"},
    {"contiguous", 0, DURE_SBV_NONE, DURE_SB_NONE, "use `level` of a Job spec"},
    {"core-spec", 'S', DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"cores-per-socket", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"cpu-freq", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"cpus-per-gpu", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use --cpus-per-task"},
    {"cpus-per-task", 'c', DURE_SBV_NEEDED, DURE_SB_CPUS_PER_TASK, NULL},
    {"deadline", 0, DURE_SBV_NEEDED, DURE_SB_DEADLINE, NULL},
    {"delay-boot", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "nodes are not rebooted for a job"},
    {"dependency", 'd', DURE_SBV_NEEDED, DURE_SB_DEPENDENCY, NULL},
    {"distribution", 'm', DURE_SBV_NEEDED, DURE_SB_NONE, "tasks fill node after node"},
    {"error", 'e', DURE_SBV_NEEDED, DURE_SB_ERROR, NULL},
    {"exclude", 'x', DURE_SBV_NEEDED, DURE_SB_EXCLUDE, NULL},
    {"exclusive", 0, DURE_SBV_OPTIONAL, DURE_SB_NONE, "ask for all GPUs of a node to have it alone"},
    {"export", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use `env` of a Job spec"},
    {"export-file", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use `env` of a Job spec"},
    {"extra-node-info", 'B', DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"get-user-env", 0, DURE_SBV_OPTIONAL, DURE_SB_NONE, "use `env` of a Job spec"},
    {"gid", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "a job runs as who submits it"},
    {"gpu-bind", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "each task sees its own GPUs"},
    {"gpu-freq", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"gpus", 'G', DURE_SBV_NEEDED, DURE_SB_GPUS, NULL},
    {"gpus-per-node", 0, DURE_SBV_NEEDED, DURE_SB_GPUS_PER_NODE, NULL},
    {"gpus-per-socket", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use --gpus-per-node"},
    {"gpus-per-task", 0, DURE_SBV_NEEDED, DURE_SB_GPUS_PER_TASK, NULL},
    {"gres", 0, DURE_SBV_NEEDED, DURE_SB_GRES, NULL},
    {"gres-flags", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"hint", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"hold", 'H', DURE_SBV_NONE, DURE_SB_HOLD, NULL},
    {"ignore-pbs", 0, DURE_SBV_NONE, DURE_SB_NONE, "#PBS lines are never read"},
    {"image", 0, DURE_SBV_NEEDED, DURE_SB_IMAGE, NULL},
    {"input", 'i', DURE_SBV_NEEDED, DURE_SB_NONE, "standard input is empty; redirect inside the script"},
    {"job-name", 'J', DURE_SBV_NEEDED, DURE_SB_JOB_NAME, NULL},
    {"kill-on-invalid-dep", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "a job whose dependency can never be met always ends"},
    {"licenses", 'L', DURE_SBV_NEEDED, DURE_SB_NONE, "there are no licences to count"},
    {"mail-type", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "no mail is sent; `dure jobs --watch` and `dure events` tell"},
    {"mail-user", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "no mail is sent; `dure jobs --watch` and `dure events` tell"},
    {"mcs-label", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NOT_HERE},
    {"mem", 0, DURE_SBV_NEEDED, DURE_SB_MEM, NULL},
    {"mem-bind", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"mem-per-cpu", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use --mem"},
    {"mem-per-gpu", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use --mem"},
    {"mincpus", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use --cpus-per-task"},
    {"network", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NOT_HERE},
    {"nice", 0, DURE_SBV_OPTIONAL, DURE_SB_NONE, "use `priority` of a Job spec"},
    {"no-kill", 'k', DURE_SBV_OPTIONAL, DURE_SB_NONE, "a gang that loses a node is stopped whole"},
    {"no-requeue", 0, DURE_SBV_NONE, DURE_SB_NO_REQUEUE, NULL},
    {"nodefile", 'F', DURE_SBV_NEEDED, DURE_SB_NONE, NODE_PLACE},
    {"nodelist", 'w', DURE_SBV_NEEDED, DURE_SB_NODELIST, NULL},
    {"nodes", 'N', DURE_SBV_NEEDED, DURE_SB_NODES, NULL},
    {"ntasks", 'n', DURE_SBV_NEEDED, DURE_SB_NTASKS, NULL},
    {"ntasks-per-core", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"ntasks-per-gpu", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use a fraction, `gpus: 0.5`, of a Job spec"},
    {"ntasks-per-node", 0, DURE_SBV_NEEDED, DURE_SB_NTASKS_PER_NODE, NULL},
    {"ntasks-per-socket", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"open-mode", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "each attempt begins its files anew"},
    {"output", 'o', DURE_SBV_NEEDED, DURE_SB_OUTPUT, NULL},
    {"overcommit", 'O', DURE_SBV_NONE, DURE_SB_NONE, NODE_INSIDE},
    {"oversubscribe", 's', DURE_SBV_NONE, DURE_SB_NONE, "use a fraction, `gpus: 0.5`, of a Job spec"},
    {"parsable", 0, DURE_SBV_NONE, DURE_SB_PARSABLE, NULL},
    {"partition", 'p', DURE_SBV_NEEDED, DURE_SB_NONE,
     "there are no partitions; the project and the GPU model say what hardware may serve"},
    {"power", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"prefer", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_PLACE},
    {"priority", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use `priority` of a Job spec"},
    {"profile", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "dure samples CPU, memory and GPU use of every attempt"},
    {"propagate", 0, DURE_SBV_OPTIONAL, DURE_SB_NONE, "resource limits are those of the engine"},
    {"qos", 'q', DURE_SBV_NEEDED, DURE_SB_NONE, "use `class` of a Job spec: guaranteed or borrowed"},
    {"quiet", 'Q', DURE_SBV_NONE, DURE_SB_NONE, "use --parsable"},
    {"reboot", 0, DURE_SBV_NONE, DURE_SB_NONE, "nodes are not rebooted for a job"},
    {"requeue", 0, DURE_SBV_NONE, DURE_SB_REQUEUE, NULL},
    {"reservation", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "promised hardware is reached through the project"},
    {"signal", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "SIGTERM comes `grace` (of a Job spec) before the end"},
    {"sockets-per-node", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"spread-job", 0, DURE_SBV_NONE, DURE_SB_NONE, NODE_PLACE},
    {"switches", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use `level` of a Job spec"},
    {"test-only", 0, DURE_SBV_NONE, DURE_SB_TEST_ONLY, NULL},
    {"thread-spec", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"threads-per-core", 0, DURE_SBV_NEEDED, DURE_SB_NONE, NODE_INSIDE},
    {"time", 't', DURE_SBV_NEEDED, DURE_SB_TIME, NULL},
    {"time-min", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "a walltime is never shortened"},
    {"tmp", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "a task gets its GPUs' share of the node's disk"},
    {"tres-per-task", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "use --gpus-per-task and --cpus-per-task"},
    {"uid", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "a job runs as who submits it"},
    {"use-min-nodes", 0, DURE_SBV_NONE, DURE_SB_NONE, NODE_PLACE},
    {"verbose", 'v', DURE_SBV_NONE, DURE_SB_NONE, "`dure why` tells all there is"},
    {"wait", 'W', DURE_SBV_NONE, DURE_SB_NONE, "use `dure jobs --watch`"},
    {"wait-all-nodes", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "a gang always starts whole"},
    {"wckey", 0, DURE_SBV_NEEDED, DURE_SB_NONE, "the project is the account"},
    {"wrap", 0, DURE_SBV_NEEDED, DURE_SB_WRAP, NULL},
};

enum { TABLE = sizeof table / sizeof table[0] };

const struct dure_sbatch_known *dure_sbatch_find(const char *name)
{
    for (unsigned i = 0; i < TABLE; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

const struct dure_sbatch_known *dure_sbatch_find_letter(char letter)
{
    for (unsigned i = 0; i < TABLE; i++)
        if (letter && table[i].letter == letter)
            return &table[i];
    return NULL;
}

const char *dure_sbatch_nearest(const char *name)
{
    const char *names[TABLE + 1];
    for (unsigned i = 0; i < TABLE; i++)
        names[i] = table[i].name;
    names[TABLE] = NULL;
    return dure_nearest(name, names);
}

const char *dure_sbatch_short(char letter, bool *ret_takes_value)
{
    const struct dure_sbatch_known *known = dure_sbatch_find_letter(letter);
    if (!known)
        return NULL;
    *ret_takes_value = known->value == DURE_SBV_NEEDED;
    return known->name;
}

bool dure_sbatch_known(const char *long_name, bool *ret_takes_value)
{
    const struct dure_sbatch_known *known = dure_sbatch_find(long_name);
    if (!known)
        return false;
    *ret_takes_value = known->value == DURE_SBV_NEEDED;
    return true;
}
