/* What in a Slurm's configuration would reorder or break what the core decided, and the line that mends it. Slurm's own defaults are judged as
 * they stand: `scontrol show config` tells them too. */
#include "engine/slurm/survey.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/timefmt.h"
#include "engine/slurm/parse.h"

enum { JOB_AGE_LEAST_S = 60, KILL_WAIT_MOST_S = 60, SKEW_MOST_US = 5000000, JOB_COUNT_LEAST = 10000, TEXT_MAX = 2000 };

struct look {
    struct dure_slurm_survey *survey;
    const struct dure_fleet *fleet;
    struct dure_site_id site;
    const struct dure_slurm_site *terms;
    struct dure_slurm_findings *findings;
    const struct dure_slurm_partition *partition; /* where jobs go; NULL: there is none */
};

static const char *text(struct look *look, const char *format, ...) DURE_PRINTF(2, 3);
static const char *text(struct look *look, const char *format, ...)
{
    char line[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const char *copy = dure_arena_strdup(look->survey->arena, line);
    return copy ? copy : "";
}

static void put(struct look *look, enum dure_slurm_level level, const char *what, const char *found,
                const char *expected, const char *line)
{
    struct dure_slurm_findings *findings = look->findings;
    if (findings->count < DURE_SLURM_FINDINGS_MAX)
        findings->at[findings->count++] = (struct dure_slurm_finding){level, what, found, expected, line};
}

static const char *setting(const struct look *look, const char *name)
{
    return dure_slurm_survey_setting(look->survey, name);
}

static const char *shown(const char *value)
{
    return *value ? value : "nothing";
}

/* One of a comma list, whatever its case. */
static bool has_word(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
        if (strncasecmp(at, word, length) == 0 && (at[length] == '\0' || at[length] == ',' || at[length] == '='))
            return true;
    return false;
}

static int64_t number(const char *value, int64_t otherwise)
{
    char *end;
    const long long found = strtoll(value, &end, 10);
    return end == value ? otherwise : found;
}

/* The setting is `wanted`; else it is found so bad, and "NAME=wanted" mends it. */
static void same(struct look *look, const char *name, const char *wanted, enum dure_slurm_level otherwise,
                 const char *why)
{
    const char *found = setting(look, name);
    const bool is = strcasecmp(found, wanted) == 0;
    put(look, is ? DURE_SLURM_OK : otherwise, name, shown(found), is ? wanted : text(look, "%s: %s", wanted, why),
        is ? "" : text(look, "%s=%s", name, wanted));
}

static void check_version(struct look *look)
{
    const char *version = look->survey->version;
    const int64_t major = number(version, 0), minor = number(version + strcspn(version, "."), 0);
    const char *dot = strchr(version, '.');
    const int64_t second = dot ? number(dot + 1, 0) : minor;
    const bool good = major > 22 || (major == 22 && second >= 5);
    put(look, good ? DURE_SLURM_OK : DURE_SLURM_FAIL, "version", shown(version),
        good ? "22.05 or newer"
             : "22.05 or newer: earlier ones do not tell jobs and nodes as JSON in a form known here",
        "");
}

/* Is its partition one of several, and before all others? The only one is everybody's. */
static bool is_first(const struct look *look)
{
    const struct dure_slurm_survey *survey = look->survey;
    for (uint32_t i = 0; look->partition && i < survey->partition_count; i++)
        if (&survey->partitions[i] != look->partition &&
            survey->partitions[i].priority_tier >= look->partition->priority_tier)
            return false;
    return look->partition != NULL && survey->partition_count > 1;
}

static void check_priority(struct look *look)
{
    const char *type = setting(look, "PriorityType"), *preempt = setting(look, "PreemptType");
    if (strcmp(type, "priority/basic") == 0)
        put(look, DURE_SLURM_OK, "PriorityType", type, "priority/basic", "");
    else if (*look->terms->partition && is_first(look))
        put(look, DURE_SLURM_WARN, "PriorityType", shown(type),
            "priority/basic; but dure's partition comes before all others, so that only its own jobs reorder each "
            "other",
            "PriorityType=priority/basic");
    else
        put(look, DURE_SLURM_FAIL, "PriorityType", shown(type),
            "priority/basic: Slurm's own priorities start jobs in another order than the core decided",
            text(look, "PriorityType=priority/basic, or PartitionName=%s ... PriorityTier=100",
                 *look->terms->partition ? look->terms->partition : "dure"));
    if (strcmp(preempt, "preempt/none") == 0 || !*preempt)
        put(look, DURE_SLURM_OK, "PreemptType", shown(preempt), "preempt/none", "");
    else if (look->partition && strcasecmp(look->partition->preempt_mode, "OFF") == 0)
        put(look, DURE_SLURM_WARN, "PreemptType", preempt, "preempt/none; dure's partition has PreemptMode=OFF",
            "PreemptType=preempt/none");
    else
        put(look, DURE_SLURM_FAIL, "PreemptType", preempt, "preempt/none: Slurm would evict what dure promised to keep",
            text(look, "PreemptType=preempt/none, or PartitionName=%s ... PreemptMode=OFF",
                 *look->terms->partition ? look->terms->partition : "dure"));
}

static void check_ages(struct look *look)
{
    const int64_t age_s = number(setting(look, "MinJobAge"), 300), poll_s = look->terms->poll_us / 1000000;
    const int64_t least_s = poll_s * 10 > JOB_AGE_LEAST_S ? poll_s * 10 : JOB_AGE_LEAST_S;
    const bool short_age = age_s > 0 && age_s < least_s; /* 0: never forgotten */
    put(look,
        !short_age               ? DURE_SLURM_OK
        : age_s < 2 * poll_s + 5 ? DURE_SLURM_FAIL
                                 : DURE_SLURM_WARN,
        "MinJobAge", setting(look, "MinJobAge"),
        short_age ? text(look,
                         "at least %" PRId64
                         " s: Slurm forgets how a job ended before dure has looked, or after a short outage",
                         least_s)
                  : text(look, "at least %" PRId64 " s", least_s),
        short_age ? "MinJobAge=300" : "");
    const int64_t count = number(setting(look, "MaxJobCount"), 10000);
    int64_t gpus = 0;
    for (uint32_t i = 0; i < look->fleet->chain_count; i++)
        if (look->fleet->chains[i].site.v == look->site.v)
            gpus += look->fleet->chains[i].leaf_count;
    const int64_t least = 4 * gpus > JOB_COUNT_LEAST ? 4 * gpus : JOB_COUNT_LEAST;
    put(look, count >= least ? DURE_SLURM_OK : DURE_SLURM_WARN, "MaxJobCount", setting(look, "MaxJobCount"),
        text(look, "at least %" PRId64 "%s", least,
             count >= least ? "" : ": jobs that ended count until MinJobAge, and beyond it submissions are refused"),
        count >= least ? "" : text(look, "MaxJobCount=%" PRId64, least));
    const int64_t wait_s = number(setting(look, "KillWait"), 30);
    put(look, wait_s <= KILL_WAIT_MOST_S ? DURE_SLURM_OK : DURE_SLURM_WARN, "KillWait", setting(look, "KillWait"),
        text(look, "at most %d s%s", KILL_WAIT_MOST_S,
             wait_s <= KILL_WAIT_MOST_S ? ""
                                        : ": what must leave keeps its GPUs so long after the grace that dure gave it"),
        wait_s <= KILL_WAIT_MOST_S ? "" : "KillWait=30");
    const int64_t over_min = number(setting(look, "OverTimeLimit"), 0);
    put(look, over_min == 0 ? DURE_SLURM_OK : DURE_SLURM_WARN, "OverTimeLimit", shown(setting(look, "OverTimeLimit")),
        over_min == 0 ? "0" : "0: jobs run beyond the walltime that plans are made with",
        over_min == 0 ? "" : "OverTimeLimit=0");
    const int64_t complete_s = number(setting(look, "CompleteWait"), 0);
    put(look, complete_s == 0 ? DURE_SLURM_OK : DURE_SLURM_WARN, "CompleteWait", shown(setting(look, "CompleteWait")),
        complete_s == 0 ? "0" : "0: Slurm waits for ending jobs before it starts others",
        complete_s == 0 ? "" : "CompleteWait=0");
}

static void check_scheduler(struct look *look)
{
    static const char *const delays[] = {"defer", "defer_batch", "assoc_limit_stop", "enable_hetero_steps"};
    const char *parameters = setting(look, "SchedulerParameters"), *at = strstr(parameters, "batch_sched_delay=");
    const int64_t delay_s = at ? number(at + strlen("batch_sched_delay="), 3) : 3;
    const char *bad = NULL;
    for (size_t i = 0; i < 2; i++)
        if (has_word(parameters, delays[i]))
            bad = delays[i];
    if (bad)
        put(look, DURE_SLURM_WARN, "SchedulerParameters", parameters,
            text(look, "no %s: a job is not tried when it comes, but at the next pass", bad),
            "SchedulerParameters=batch_sched_delay=0");
    else if (delay_s > 3)
        put(look, DURE_SLURM_WARN, "SchedulerParameters", parameters,
            "batch_sched_delay=3 or less: starts are put off by so many seconds",
            "SchedulerParameters=batch_sched_delay=0");
    else
        put(look, DURE_SLURM_OK, "SchedulerParameters", shown(parameters), "no defer, batch_sched_delay of at most 3",
            "");
    at = strstr(parameters, "bf_interval=");
    if (strcmp(setting(look, "SchedulerType"), "sched/backfill") == 0)
        put(look, DURE_SLURM_OK, "bf_interval", at ? text(look, "%" PRId64 " s", number(at + 12, 30)) : "30 s",
            "a choice: with 1 work begins a sixth of a second sooner on average; but what backfill starts slurmctld "
            "may "
            "write down minutes later, and forgets if it is killed before",
            "");
    if (*setting(look, "JobSubmitPlugins"))
        put(look, DURE_SLURM_WARN, "JobSubmitPlugins", setting(look, "JobSubmitPlugins"),
            "none, or one that leaves jobs named dure-... as they are: it may move, hold or refuse what was decided",
            "JobSubmitPlugins=");
    else
        put(look, DURE_SLURM_OK, "JobSubmitPlugins", "nothing", "none", "");
    const char *limits = setting(look, "EnforcePartLimits");
    const bool enforced = strcasecmp(limits, "ALL") == 0 || strcasecmp(limits, "ANY") == 0;
    put(look, enforced ? DURE_SLURM_OK : DURE_SLURM_WARN, "EnforcePartLimits", shown(limits),
        enforced ? "ALL" : "ALL: a job beyond a limit would wait for ever in place of being refused",
        enforced ? "" : "EnforcePartLimits=ALL");
}

static void check_resources(struct look *look)
{
    const char *parameters = setting(look, "SelectTypeParameters"), *types = setting(look, "GresTypes");
    same(look, "SelectType", "select/cons_tres", DURE_SLURM_FAIL, "others give whole nodes, or know no GPUs");
    const bool memory = strcasestr(parameters, "MEMORY") != NULL;
    put(look, memory ? DURE_SLURM_OK : DURE_SLURM_WARN, "SelectTypeParameters", shown(parameters),
        memory ? "memory is counted" : "CR_Core_Memory: else memory that dure keeps apart is not kept apart",
        memory ? "" : "SelectTypeParameters=CR_Core_Memory");
    const bool gpu = has_word(types, "gpu");
    put(look, gpu ? DURE_SLURM_OK : DURE_SLURM_FAIL, "GresTypes", shown(types),
        gpu ? "gpu" : "gpu: without it no GPU can be asked for", gpu ? "" : "GresTypes=gpu");
    const bool counted = strstr(setting(look, "AccountingStorageTRES"), "gres/gpu") != NULL;
    const bool accounting = strstr(setting(look, "AccountingStorageType"), "slurmdbd") != NULL;
    put(look, counted || !accounting ? DURE_SLURM_OK : DURE_SLURM_WARN, "AccountingStorageTRES",
        shown(setting(look, "AccountingStorageTRES")),
        counted || !accounting ? "gres/gpu where there is accounting"
                               : "gres/gpu: else Slurm's own accounts do not show GPUs",
        counted || !accounting ? "" : "AccountingStorageTRES=gres/gpu");
    const char *enforce = setting(look, "AccountingStorageEnforce");
    const bool limits = strstr(enforce, "limits") || strstr(enforce, "safe") || strstr(enforce, "qos");
    put(look, limits ? DURE_SLURM_WARN : DURE_SLURM_OK, "AccountingStorageEnforce", shown(enforce),
        limits ? "no limits on dure's account: Slurm would hold back what the core has decided to start" : "no limits",
        "");
    const bool devices = strstr(setting(look, "TaskPlugin"), "cgroup") != NULL;
    put(look, devices ? DURE_SLURM_OK : DURE_SLURM_WARN, "TaskPlugin", shown(setting(look, "TaskPlugin")),
        devices ? "task/cgroup"
                : "task/cgroup, and ConstrainDevices=yes in cgroup.conf: else a job may use GPUs that are not its own",
        devices ? "" : "TaskPlugin=task/affinity,task/cgroup");
    const bool tracked = strstr(setting(look, "ProctrackType"), "cgroup") != NULL;
    put(look, tracked ? DURE_SLURM_OK : DURE_SLURM_WARN, "ProctrackType", shown(setting(look, "ProctrackType")),
        tracked ? "proctrack/cgroup"
                : "proctrack/cgroup: else processes can outlive their job, and GPUs are given out while in use",
        tracked ? "" : "ProctrackType=proctrack/cgroup");
}

static void check_lives(struct look *look)
{
    const bool alloc =
        strcasestr(setting(look, "PrologFlags"), "Alloc") || strcasestr(setting(look, "PrologFlags"), "Contain");
    put(look, alloc ? DURE_SLURM_OK : DURE_SLURM_WARN, "PrologFlags", shown(setting(look, "PrologFlags")),
        alloc ? "Alloc or Contain"
              : "Alloc: else a node that fails its prolog is found out when the first step of a gang starts there",
        alloc ? "" : "PrologFlags=Alloc");
    const bool requeues = number(setting(look, "JobRequeue"), 1) != 0;
    put(look, requeues ? DURE_SLURM_WARN : DURE_SLURM_OK, "JobRequeue", setting(look, "JobRequeue"),
        requeues ? "0: dure asks for no requeue, but `scontrol requeue` would start one of its attempts a second time"
                 : "0",
        requeues ? "JobRequeue=0" : "");
    const char *suspend = setting(look, "SuspendTime");
    const bool power = isdigit((unsigned char)*suspend) && number(suspend, 0) > 0;
    put(look, power ? DURE_SLURM_WARN : DURE_SLURM_OK, "SuspendTime", shown(suspend),
        power ? "no power saving of nodes: a start waits until its nodes have booted" : "no power saving of nodes",
        power ? "SuspendTime=INFINITE" : "");
    const int64_t skew_us = look->survey->clock_us ? look->survey->clock_us - look->survey->asked_us : 0;
    const bool skewed = skew_us > SKEW_MOST_US || skew_us < -SKEW_MOST_US;
    if (look->survey->clock_us)
        put(look, skewed ? DURE_SLURM_FAIL : DURE_SLURM_OK, "clock",
            text(look, "%+" PRId64 " s from this machine's", skew_us / 1000000),
            skewed ? "within 5 s: times of starts and ends would be wrong, and credentials fail; run chrony on both"
                   : "within 5 s",
            "");
}

static void check_user(struct look *look)
{
    char who[128];
    const bool as_root = dure_slurm_may_for_others(look->survey, look->terms, who);
    if (look->terms->as_daemon)
        put(look, DURE_SLURM_OK, "submit_as", text(look, "daemon: every job belongs to %s", who),
            "a choice: Slurm sees one user", "");
    else
        put(look, as_root ? DURE_SLURM_OK : DURE_SLURM_FAIL, "submit_as", text(look, "user, spoken as %s", who),
            as_root ? "root, or a token of root or SlurmUser"
                    : "root, or a token of root or SlurmUser, so that jobs belong to who submitted them; or submit_as: "
                      "daemon in the Fleet spec",
            "");
}

static const struct dure_slurm_partition *partition_of(const struct look *look)
{
    const struct dure_slurm_survey *survey = look->survey;
    for (uint32_t i = 0; i < survey->partition_count; i++)
        if (*look->terms->partition ? strcmp(survey->partitions[i].name, look->terms->partition) == 0
                                    : survey->partitions[i].is_default)
            return &survey->partitions[i];
    /* The only one is the default, if there is one. */
    const bool only = !*look->terms->partition && survey->partition_count == 1 && survey->partitions[0].default_unsaid;
    return only ? &survey->partitions[0] : NULL;
}

/* Is one of several the default, and which is not told? */
static bool default_unsaid(const struct look *look)
{
    return !*look->terms->partition && look->survey->partition_count > 1 &&
           look->survey->partitions[0].default_unsaid;
}

/* All that the site names; without a name it is the user's own, which is not known here. */
static bool accounts_open(const struct look *look, const char *allowed)
{
    char account[DURE_NAME_MAX + 1];
    bool open = *look->terms->account ? has_word(allowed, look->terms->account) : *look->terms->accounts != '\0';
    for (const char *line = look->terms->accounts; *line; line = strchr(line, '\n') + 1) {
        const char *found = line + strcspn(line, "=") + 1;
        const size_t length = strcspn(found, "\n");
        memcpy(account, found, length);
        account[length] = '\0';
        open &= has_word(allowed, account);
    }
    return open;
}

static void check_partition(struct look *look)
{
    const struct dure_slurm_partition *one = look->partition;
    char walltime[DURE_TIME_TEXT_MAX];
    if (!one && default_unsaid(look)) {
        put(look, DURE_SLURM_WARN, "partition", "this slurmrestd does not tell which is the default",
            "partition: its name, under slurm: of the site in the Fleet spec", "");
        return;
    }
    if (!one) {
        put(look, DURE_SLURM_FAIL, "partition",
            *look->terms->partition ? text(look, "no '%s'", look->terms->partition) : "no default partition",
            "one that holds the fleet's nodes",
            "PartitionName=dure Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=100");
        return;
    }
    const bool up = strcasecmp(one->state, "UP") == 0;
    put(look, up ? DURE_SLURM_OK : DURE_SLURM_FAIL, "partition state",
        text(look, "%s is %s", one->name, shown(one->state)), "UP",
        up ? "" : text(look, "PartitionName=%s ... State=UP", one->name));
    const bool limited = one->walltime_max_us > 0 && one->walltime_max_us < INT64_MAX;
    put(look, limited ? DURE_SLURM_WARN : DURE_SLURM_OK, "partition MaxTime",
        limited ? text(look, "%s: %s", one->name, dure_duration_format(one->walltime_max_us, walltime))
                : text(look, "%s: none", one->name),
        limited ? "none: Slurm refuses longer jobs that dure has placed there" : "none",
        limited ? text(look, "PartitionName=%s ... MaxTime=INFINITE", one->name) : "");
    uint32_t largest = 0;
    for (uint32_t i = 0; i < look->fleet->chain_count; i++)
        if (look->fleet->chains[i].site.v == look->site.v)
            largest += look->fleet->chains[i].node_count;
    const bool narrow = one->nodes_max != DURE_NONE32 && one->nodes_max < largest;
    put(look, narrow ? DURE_SLURM_WARN : DURE_SLURM_OK, "partition MaxNodes",
        one->nodes_max == DURE_NONE32 ? text(look, "%s: none", one->name)
                                      : text(look, "%s: %u", one->name, one->nodes_max),
        narrow ? text(look, "none, or %u: Slurm refuses larger gangs", largest) : "none, or all the fleet's nodes",
        narrow ? text(look, "PartitionName=%s ... MaxNodes=UNLIMITED", one->name) : "");
    const bool open = !*one->allow_accounts || strcasecmp(one->allow_accounts, "ALL") == 0 ||
                      accounts_open(look, one->allow_accounts);
    put(look, open ? DURE_SLURM_OK : DURE_SLURM_FAIL, "partition AllowAccounts",
        *one->allow_accounts ? one->allow_accounts : "ALL",
        open ? "ALL, or the site's account" : "ALL, or the account that the site names",
        open ? "" : text(look, "PartitionName=%s ... AllowAccounts=ALL", one->name));
}

struct seen {
    struct look *look;
    const char **names; /* of the partition's nodes, sorted */
    int name_count;
    uint32_t missing, weak, outside, down;
    char first_missing[DURE_NAME_MAX + 1], first_weak[200], first_outside[DURE_NAME_MAX + 1], first_down[300];
};

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int by_node(const void *left, const void *right)
{
    return strcmp(((const struct dure_slurm_node *)left)->name, ((const struct dure_slurm_node *)right)->name);
}

static void look_at_node(struct seen *seen, const struct dure_chain *chain, const char *name)
{
    const struct dure_slurm_survey *survey = seen->look->survey;
    const struct dure_slurm_node key = {.name = name};
    const struct dure_slurm_node *node =
        survey->node_count ? bsearch(&key, survey->nodes, survey->node_count, sizeof key, by_node) : NULL;
    const uint32_t unwell =
        DURE_SLURM_NODE_DOWN | DURE_SLURM_NODE_DRAIN | DURE_SLURM_NODE_FAIL | DURE_SLURM_NODE_SILENT;
    if (!node) {
        if (!seen->missing++)
            snprintf(seen->first_missing, sizeof seen->first_missing, "%s", name);
        return;
    }
    const uint64_t cpus = (uint64_t)chain->leaf_cpu_milli * chain->node_gpus / 1000;
    const uint64_t memory = (uint64_t)chain->leaf_memory_mib * chain->node_gpus;
    if ((node->gpu_count < chain->node_gpus || node->cpu_count < cpus || node->memory_mib < memory) && !seen->weak++)
        snprintf(seen->first_weak, sizeof seen->first_weak,
                 "%s has %u GPUs, %u CPUs, %" PRIu64 " MiB; the fleet says %u, %" PRIu64 ", %" PRIu64 " MiB", name,
                 node->gpu_count, node->cpu_count, node->memory_mib, chain->node_gpus, cpus, memory);
    if (seen->look->partition &&
        !(seen->name_count > 0 && bsearch(&name, seen->names, (size_t)seen->name_count, sizeof name, by_text)) &&
        !seen->outside++)
        snprintf(seen->first_outside, sizeof seen->first_outside, "%s", name);
    if ((node->flags & unwell) && !seen->down++)
        snprintf(seen->first_down, sizeof seen->first_down, "%.64s%s%.200s", name, *node->reason ? ": " : "",
                 node->reason);
}

static void check_nodes(struct look *look)
{
    struct seen *seen = DURE_ARENA_NEW(look->survey->arena, struct seen, 1);
    const size_t prefix = strlen(look->terms->node_prefix);
    if (!seen)
        return;
    seen->look = look;
    if (look->partition)
        seen->name_count =
            slurm_hostlist(look->partition->nodes_text, DURE_SLURM_NODES_MAX, look->survey->arena, &seen->names);
    if (seen->name_count > 0)
        qsort(seen->names, (size_t)seen->name_count, sizeof *seen->names, by_text);
    if (look->survey->node_count)
        qsort(look->survey->nodes, look->survey->node_count, sizeof *look->survey->nodes, by_node);
    for (uint32_t i = 0; i < look->fleet->chain_count; i++) {
        const struct dure_chain *chain = &look->fleet->chains[i];
        for (uint32_t k = 0; chain->site.v == look->site.v && k < chain->node_count; k++) {
            char name[DURE_NAME_MAX + 1];
            dure_fleet_node_name(look->fleet, (struct dure_node_id){chain->node_first + k}, name);
            look_at_node(seen, chain, strncmp(name, look->terms->node_prefix, prefix) == 0 ? name + prefix : name);
        }
    }
    put(look, seen->missing ? DURE_SLURM_FAIL : DURE_SLURM_OK, "nodes",
        seen->missing
            ? text(look, "%u of the fleet are not in this Slurm, the first %s", seen->missing, seen->first_missing)
            : "all of the fleet are here",
        seen->missing ? "the same names; see node_prefix, and `dure fleet discover`" : "all", "");
    put(look, seen->weak ? DURE_SLURM_FAIL : DURE_SLURM_OK, "node sizes",
        seen->weak ? text(look, "%u are smaller than the fleet says: %s", seen->weak, seen->first_weak)
                   : "as the fleet says, or more",
        "at least what the fleet says", "");
    put(look, seen->outside ? DURE_SLURM_FAIL : DURE_SLURM_OK, "partition nodes",
        seen->outside
            ? text(look, "%u are not in %s, the first %s", seen->outside, look->partition->name, seen->first_outside)
            : "all of the fleet",
        "all of the fleet", seen->outside ? text(look, "PartitionName=%s ... Nodes=ALL", look->partition->name) : "");
    put(look, seen->down ? DURE_SLURM_WARN : DURE_SLURM_OK, "nodes at work",
        seen->down ? text(look, "%u are down or drained, the first %s", seen->down, seen->first_down) : "all",
        "all; dure holds the others as lost", "");
}

void dure_slurm_check(struct dure_slurm_survey *survey, const struct dure_fleet *fleet, struct dure_site_id site,
                      struct dure_slurm_findings *findings)
{
    struct look look = {
        .survey = survey, .fleet = fleet, .site = site, .terms = fleet->sites[site.v].slurm, .findings = findings};
    findings->count = 0;
    look.partition = partition_of(&look);
    check_version(&look);
    check_user(&look);
    if (survey->settings_told) {
        check_priority(&look);
        check_scheduler(&look);
        check_ages(&look);
        check_resources(&look);
        check_lives(&look);
    } else
        put(&look, DURE_SLURM_WARN, "slurm.conf", "slurmrestd does not tell it",
            "a look from where Slurm's commands work: dure site check SITE --slurm-conf FILE", "");
    check_partition(&look);
    check_nodes(&look);
}

const char *dure_slurm_level_name(enum dure_slurm_level level)
{
    static const char *const names[] = {"ok", "warn", "FAIL"};
    return names[level];
}
