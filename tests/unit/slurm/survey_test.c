/* A made Slurm as a Fleet spec, and its configuration under `site check`. */
#include "answers.h"
#include "engine/slurm/survey.h"

static struct dure_slurm_node nodes[64];
static struct dure_slurm_partition partition = {.name = "all",
                                                .nodes_text = "n[1-64]",
                                                .state = "UP",
                                                .allow_accounts = "ALL",
                                                .qos = "",
                                                .preempt_mode = "OFF",
                                                .walltime_max_us = INT64_MAX,
                                                .nodes_max = DURE_NONE32,
                                                .priority_tier = 1,
                                                .is_default = true};
static struct dure_slurm_site site;
static struct dure_slurm_survey survey;

static void node(unsigned index, const char *name, unsigned gpus, const char *type)
{
    nodes[index] = (struct dure_slurm_node){.name = name,
                                            .reason = "",
                                            .gres = "",
                                            .flags = DURE_SLURM_NODE_IDLE,
                                            .cpu_count = 64,
                                            .memory_mib = 1048576,
                                            .gpu_count = gpus};
    snprintf(nodes[index].gpu_type, sizeof nodes[index].gpu_type, "%s", type);
    survey.node_count = index + 1;
}

static void begin(void)
{
    dure_arena_free(survey.arena);
    survey = (struct dure_slurm_survey){.arena = dure_arena_new(64 << 20),
                                        .site = &site,
                                        .version = "22.05.8",
                                        .nodes = nodes,
                                        .partitions = &partition,
                                        .partition_count = 1};
}

/* The spec, and the fleet that it makes; the caller frees both. */
static struct dure_fleet *discovered(struct dure_buf *yaml)
{
    static const struct dure_slurm_naming naming = {"f", "east", "nat"};
    struct dure_error error = {0};
    struct dure_problems problems = {.file = "survey"};
    struct dure_tree *tree = NULL;
    struct dure_fleet *fleet = NULL;
    dure_buf_init(yaml, 1 << 20);
    if (dure_slurm_fleet_yaml(&survey, &naming, yaml, &error)) {
        tap_diag("%s", error.text);
        return NULL;
    }
    struct dure_arena *arena = dure_arena_new(64 << 20);
    if (dure_tree_from_yaml(arena, yaml->data, yaml->length, &tree, &problems) ||
        dure_fleet_parse(tree, &fleet, &problems)) {
        struct dure_buf said;
        dure_buf_init(&said, 1 << 16);
        dure_problems_print(&problems, &said);
        tap_diag("%s\n%s", said.data, yaml->data);
        dure_buf_release(&said);
    }
    dure_arena_free(arena);
    return fleet;
}

static void plain(void)
{
    struct dure_buf yaml;
    begin();
    node(0, "n10", 8, "H100 SXM");
    node(1, "n9", 8, "H100 SXM");
    node(2, "n8", 8, "H100 SXM");
    node(3, "cpu1", 0, "");
    node(4, "n11", 4, "H100 SXM");
    node(5, "login", 2, "odd");
    node(6, "mix", 2, "a");
    nodes[6].gpu_types_many = true;
    nodes[1].flags = DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_DRAIN;
    nodes[1].reason = "fan 3\nfails: x";
    struct dure_fleet *fleet = discovered(&yaml);
    TAP_OK(fleet && fleet->chain_count == 3 && fleet->node_count == 5 && fleet->gpu_count == 30,
           "equal nodes that follow each other are a group");
    TAP_HAS(yaml.data, "nodes: 'n[8-10]'", "in the order of their numbers");
    TAP_HAS(yaml.data, "# left out: cpu1: no GPU\n", "without a GPU");
    TAP_HAS(yaml.data, "# left out: mix: GPUs of several types\n", "of several types");
    TAP_HAS(yaml.data, "  # n9 is drained: fan 3 fails: x\n", "why one is drained, in one line");
    TAP_HAS(yaml.data, "{name: h100-sxm, memory: 80GiB, power: 700W", "a type that is known");
    TAP_HAS(yaml.data, "{name: odd, memory: 16GiB, power: 700W, source: 'assumed", "and one that is not");
    TAP_HAS(yaml.data, "slurm: {commands: {path: \"/usr/bin\", conf: \"/etc/slurm/slurm.conf\"}}", "how it is reached");
    dure_fleet_free(fleet);
    dure_buf_release(&yaml);
    begin();
    node(0, "cpu1", 0, "");
    TAP_OK(!discovered(&yaml), "nothing with a GPU is no fleet");
    dure_buf_release(&yaml);
}

static const char *const padded[64] = {"n01", "n02", "n03", "n04", "n05", "n06", "n07", "n08", "n09",
                                       "n10", "n11", "n12", "n13", "n14", "n15", "n16", "n17", "n18"};

/* 8 racks of 2 in 2 blocks of 4; a ninth rack of 2 below the third switch above. */
static void switched(void)
{
    static struct dure_slurm_switch switches[12] = {
        {"s1", "n[01-02]", "", 0, false},       {"s2", "n[03-04]", "", 0, false},
        {"s3", "n[05-06]", "", 0, false},       {"s4", "n[07-08]", "", 0, false},
        {"s5", "n[09-10]", "", 0, false},       {"s6", "n[11-12]", "", 0, false},
        {"s7", "n[13-14]", "", 0, false},       {"s8", "n[15-16]", "", 0, false},
        {"s9", "n[17-18]", "", 0, false},       {"b1", "n[01-08]", "s[1-4]", 1, false},
        {"b2", "n[09-16]", "s[5-8]", 1, false}, {"b3", "n[17-18]", "s9", 1, false}};
    struct dure_buf yaml;
    begin();
    for (unsigned i = 0; i < 18; i++)
        node(i, padded[i], 8, "b200");
    survey.switches = switches;
    survey.switch_count = 12;
    survey.switches_told = true;
    struct dure_fleet *fleet = discovered(&yaml);
    TAP_OK(fleet && fleet->chain_count == 2 && fleet->chains[0].tops == 2 && fleet->chains[0].level_count == 4 &&
               dure_chain_leaves_at(&fleet->chains[0], dure_chain_level(&fleet->chains[0], "block")) == 64 &&
               dure_chain_leaves_at(&fleet->chains[0], dure_chain_level(&fleet->chains[0], "rack")) == 16,
           "switches become racks, and those above blocks");
    TAP_OK(fleet && fleet->chain_count == 2 && fleet->chains[1].node_count == 2 &&
               dure_chain_leaves_at(&fleet->chains[1], dure_chain_level(&fleet->chains[1], "block")) == 16,
           "what is uneven is a group of its own");
    dure_fleet_free(fleet);
    dure_buf_release(&yaml);
    /* Blocks of topology/block: nodes stand in them at once. */
    switches[0] = (struct dure_slurm_switch){"b1", "n[01-09]", "", 0, true};
    switches[1] = (struct dure_slurm_switch){"b2", "n[10-18]", "", 0, true};
    survey.switch_count = 2;
    fleet = discovered(&yaml);
    TAP_OK(fleet && fleet->chain_count == 1 && fleet->chains[0].tops == 2 &&
               dure_chain_level(&fleet->chains[0], "block") == 3,
           "blocks");
    dure_fleet_free(fleet);
    dure_buf_release(&yaml);
}

static const struct dure_slurm_finding *finding(const struct dure_slurm_findings *findings, const char *what)
{
    for (uint32_t i = 0; i < findings->count; i++)
        if (strcmp(findings->at[i].what, what) == 0)
            return &findings->at[i];
    return NULL;
}

static void put_setting(const char *name, const char *value)
{
    for (uint32_t i = 0; i < survey.setting_count; i++)
        if (strcmp(survey.settings[i].name, name) == 0) {
            survey.settings[i].value = value;
            return;
        }
    tap_bail("the real configuration has no %s", name);
}

/* Each change of a good configuration is found, and said with what mends it. */
static void checked(void)
{
    static const struct {
        const char *name, *value;
        enum dure_slurm_level level;
        const char *line;
    } cases[] = {
        {"PriorityType", "priority/multifactor", DURE_SLURM_FAIL,
         "PriorityType=priority/basic, or PartitionName=dure ... PriorityTier=100"},
        {"PreemptType", "preempt/qos", DURE_SLURM_WARN, "PreemptType=preempt/none"},
        {"MinJobAge", "2 sec", DURE_SLURM_FAIL, "MinJobAge=300"},
        {"MinJobAge", "30 sec", DURE_SLURM_WARN, "MinJobAge=300"},
        {"MaxJobCount", "100", DURE_SLURM_WARN, "MaxJobCount=10000"},
        {"KillWait", "600 sec", DURE_SLURM_WARN, "KillWait=30"},
        {"OverTimeLimit", "UNLIMITED", DURE_SLURM_OK, ""},
        {"OverTimeLimit", "5 min", DURE_SLURM_WARN, "OverTimeLimit=0"},
        {"CompleteWait", "30 sec", DURE_SLURM_WARN, "CompleteWait=0"},
        {"SchedulerParameters", "defer,bf_interval=30", DURE_SLURM_WARN, "SchedulerParameters=batch_sched_delay=0"},
        {"SchedulerParameters", "batch_sched_delay=20", DURE_SLURM_WARN, "SchedulerParameters=batch_sched_delay=0"},
        {"JobSubmitPlugins", "lua", DURE_SLURM_WARN, "JobSubmitPlugins="},
        {"EnforcePartLimits", "NO", DURE_SLURM_WARN, "EnforcePartLimits=ALL"},
        {"EnforcePartLimits", "ALL", DURE_SLURM_OK, ""},
        {"SelectType", "select/linear", DURE_SLURM_FAIL, "SelectType=select/cons_tres"},
        {"SelectTypeParameters", "CR_CORE", DURE_SLURM_WARN, "SelectTypeParameters=CR_Core_Memory"},
        {"GresTypes", "(null)", DURE_SLURM_FAIL, "GresTypes=gpu"},
        {"GresTypes", "nic,gpu", DURE_SLURM_OK, ""},
        {"AccountingStorageEnforce", "associations,limits,qos", DURE_SLURM_WARN, ""},
        {"TaskPlugin", "task/affinity,task/cgroup", DURE_SLURM_OK, ""},
        {"ProctrackType", "proctrack/cgroup", DURE_SLURM_OK, ""},
        {"PrologFlags", "(null)", DURE_SLURM_WARN, "PrologFlags=Alloc"},
        {"JobRequeue", "1", DURE_SLURM_WARN, "JobRequeue=0"},
        {"SuspendTime", "600 sec", DURE_SLURM_WARN, "SuspendTime=INFINITE"}};
    struct dure_slurm_findings findings;
    struct dure_buf yaml;
    begin();
    for (unsigned i = 0; i < 4; i++)
        node(i, padded[i], 8, "b200");
    partition.nodes_text = "n[01-04]";
    struct dure_fleet *fleet = discovered(&yaml);
    DURE_ASSERT(fleet);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dure_slurm_reply reply;
        size_t length;
        char *text = answer_of("text-config", &length);
        slurm_parse_command(SLURM_CONFIG, 0, text, length, "", 0, NULL, survey.arena, &reply);
        free(text);
        survey.settings = (struct dure_slurm_setting *)(uintptr_t)reply.settings;
        survey.setting_count = reply.setting_count;
        survey.settings_told = true;
        put_setting(cases[i].name, cases[i].value);
        dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
        const struct dure_slurm_finding *one = finding(&findings, cases[i].name);
        TAP_OK(one && one->level == cases[i].level && !strcmp(one->line, cases[i].line), "%s=%s: %s, %s", cases[i].name,
               cases[i].value, one ? dure_slurm_level_name(one->level) : "-", one ? one->expected : "-");
    }
    TAP_EQ_STR(finding(&findings, "bf_interval")->found, "30 s", "backfill's own turn is told");
    put_setting("SchedulerParameters", "batch_sched_delay=0,bf_interval=1");
    dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
    TAP_EQ_STR(finding(&findings, "bf_interval")->found, "1 s", "as it is set");
    put_setting("SchedulerType", "sched/builtin");
    dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
    TAP_OK(!finding(&findings, "bf_interval"), "but where there is none");
    TAP_OK(finding(&findings, "nodes")->level == DURE_SLURM_OK &&
               finding(&findings, "partition MaxTime")->level == DURE_SLURM_OK,
           "a good one is good");
    struct dure_slurm_partition two[2] = {partition, partition};
    two[0].is_default = two[1].is_default = false;
    survey.partitions = two;
    dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
    TAP_OK(finding(&findings, "partition")->level == DURE_SLURM_FAIL, "none is the default");
    two[0].default_unsaid = two[1].default_unsaid = true;
    dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
    TAP_OK(!finding(&findings, "partition") && finding(&findings, "partition state"),
           "the only one is it, where that is not told");
    survey.partition_count = 2;
    dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
    TAP_OK(finding(&findings, "partition")->level == DURE_SLURM_WARN &&
               strstr(finding(&findings, "partition")->expected, "partition: its name"),
           "one of several is to be named");
    survey.partitions = &partition;
    survey.partition_count = 1;
    partition.walltime_max_us = INT64_C(3600000000);
    partition.nodes_max = 2;
    partition.state = "DOWN";
    partition.allow_accounts = "others";
    partition.nodes_text = "n[01-03]";
    nodes[0].memory_mib = 1000;
    nodes[1].flags = DURE_SLURM_NODE_DOWN;
    nodes[3].name = "m04";
    survey.clock_us = INT64_C(1000000000000000);
    survey.asked_us = survey.clock_us + 60000000;
    dure_slurm_check(&survey, fleet, (struct dure_site_id){0}, &findings);
    TAP_OK(finding(&findings, "partition MaxTime")->level == DURE_SLURM_WARN &&
               finding(&findings, "partition MaxNodes")->level == DURE_SLURM_WARN &&
               finding(&findings, "partition state")->level == DURE_SLURM_FAIL &&
               finding(&findings, "partition AllowAccounts")->level == DURE_SLURM_FAIL,
           "a partition's limits");
    TAP_HAS(finding(&findings, "nodes")->found, "1 of the fleet are not in this Slurm, the first n04",
            "a node that is not there");
    TAP_HAS(finding(&findings, "node sizes")->found,
            "n01 has 8 GPUs, 64 CPUs, 1000 MiB; the fleet says 8, 64, 1048576 MiB", "one that is smaller");
    TAP_OK(finding(&findings, "nodes at work")->level == DURE_SLURM_WARN, "one that is down");
    TAP_OK(finding(&findings, "clock")->level == DURE_SLURM_FAIL, "another clock: %s",
           finding(&findings, "clock")->found);
    dure_fleet_free(fleet);
    dure_buf_release(&yaml);
}

int main(int argc, char **argv)
{
    site = dure_slurm_site_unsaid();
    site.path = "/usr/bin";
    site.conf = "/etc/slurm/slurm.conf";
    DURE_ASSERT(argc == 2);
    answers_folder = argv[1];
    plain();
    switched();
    checked();
    dure_arena_free(survey.arena);
    return tap_done();
}
