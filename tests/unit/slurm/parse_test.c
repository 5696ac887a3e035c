/* Answers of real daemons (v38-* and text-* of 22.05, r* of 26.05) and of versions between as their schema has them: each field must come out the same, whatever its form. */
#include "answers.h"

static struct dure_arena *arena;

static struct dure_slurm_reply json(enum slurm_kind kind, int status, const char *name,
                                    const struct dure_slurm_filter *filter)
{
    struct dure_slurm_reply reply;
    size_t length;
    char *bytes = answer_of(name, &length);
    slurm_parse_json(kind, status, bytes, length, filter, arena, &reply);
    free(bytes);
    return reply;
}

static struct dure_slurm_reply command(enum slurm_kind kind, const char *name)
{
    struct dure_slurm_reply reply;
    size_t length;
    char *bytes = answer_of(name, &length);
    slurm_parse_command(kind, 0, bytes, length, "", 0, NULL, arena, &reply);
    free(bytes);
    return reply;
}

static void newer_jobs(const char *name, bool flags)
{
    const struct dure_slurm_reply reply = json(SLURM_JOBS, 200, name, NULL);
    TAP_OK(reply.result == DURE_SLURM_DONE && reply.job_count == 6, "%s: all jobs: %s", name, reply.text);
    if (reply.job_count != 6)
        return;
    const struct dure_slurm_job *job = reply.jobs;
    TAP_OK(job[0].state == DURE_SLURM_STATE_RUNNING && job[0].node_count == 2 && !strcmp(job[0].nodes[1].name, "n3") &&
               job[0].nodes[0].gpu_mask == 3 && job[0].nodes[1].gpu_mask == 10 && job[0].nodes[1].gpu_count == 2,
           "%s: nodes and which GPUs of each", name);
    TAP_OK(job[0].start_us == INT64_C(1795791600000000) && job[0].end_us == INT64_C(1795793400000000) &&
               job[0].submit_us == INT64_C(1795791599000000) && job[0].walltime_us == INT64_C(1800000000),
           "%s: times", name);
    TAP_OK(!strcmp(job[0].user, "kim") && job[0].user_id == 1000 && !strcmp(job[0].account, "nat") &&
               !strcmp(job[0].comment, "dure 1, attempt 3") && !strcmp(job[0].output, "/home/kim/%j.out") &&
               !*job[0].reason,
           "%s: texts", name);
    TAP_OK(job[1].state == DURE_SLURM_STATE_PENDING && job[1].flags == DURE_SLURM_JOB_HELD && job[1].start_us == 0 &&
               job[1].node_count == 0,
           "%s: held", name);
    TAP_OK(job[2].state == DURE_SLURM_STATE_FAILED && job[2].exit_code == 3 && job[2].exit_signal == 0, "%s: exit 3",
           name);
    TAP_OK(job[3].state == DURE_SLURM_STATE_CANCELLED && job[3].exit_code == 0 && job[3].exit_signal == 15 &&
               job[3].walltime_us == 0,
           "%s: signal 15, no walltime", name);
    TAP_OK(job[4].state == DURE_SLURM_STATE_NODE_FAIL && !!(job[4].flags & DURE_SLURM_JOB_COMPLETING) == flags &&
               job[4].restarts == (flags ? 1 : 0),
           "%s: a state with its flag", name);
    TAP_OK(job[5].array_job_id == 6 && job[5].array_task_id == 2 && job[0].array_task_id == DURE_NONE32 &&
               !!(job[5].flags & DURE_SLURM_JOB_REQUEUED) == flags,
           "%s: an array's", name);
    TAP_EQ_INT(reply.as_of_us, flags ? INT64_C(1795791700000000) : 0, "%s: as of", name);
}

static void newer_nodes(const char *name, const char *version)
{
    const struct dure_slurm_reply reply = json(SLURM_NODES, 200, name, NULL);
    TAP_OK(reply.result == DURE_SLURM_DONE && reply.node_count == 4, "%s: all nodes: %s", name, reply.text);
    if (reply.node_count != 4)
        return;
    const struct dure_slurm_node *node = reply.nodes;
    TAP_EQ_STR(reply.version, version, "%s: version", name);
    TAP_OK(node[0].flags == (DURE_SLURM_NODE_MIXED | DURE_SLURM_NODE_PLANNED) && node[0].cpu_count == 64 &&
               node[0].memory_mib == 1031000 && node[0].gpu_count == 8 && node[0].gpu_used_count == 2 &&
               node[0].gpu_used_mask == 3 && !strcmp(node[0].gpu_type, "h100"),
           "%s: sizes and GPUs", name);
    TAP_OK(!strcmp(node[0].features, "ib,h100") && !strcmp(node[0].partitions, "gpu,all") &&
               node[0].boot_us == INT64_C(1795700000000000) && !strcmp(node[0].version, version),
           "%s: lists and times", name);
    TAP_OK(node[1].flags == (DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_DRAIN) && !strcmp(node[1].reason, "fan 3 fails") &&
               node[1].reason_us == INT64_C(1795790000000000),
           "%s: drained and why", name);
    TAP_OK(node[2].flags == (DURE_SLURM_NODE_DOWN | DURE_SLURM_NODE_SILENT), "%s: down", name);
    TAP_OK(node[3].flags == (DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_MAINT | DURE_SLURM_NODE_RESERVED), "%s: maintained",
           name);
}

static void newer(void)
{
    static const struct {
        const char *jobs, *nodes, *submit, *version;
    } all[] = {{"v39-jobs", "v39-nodes", "v39-submit", "23.02.7"},
               {"v40-jobs", "v40-nodes", "v40-submit", "23.11.10"},
               {"v41-jobs", "v41-nodes", "v41-submit", "24.05.5"},
               {"v42-jobs", "v42-nodes", "v42-submit", "24.11.5"}};
    for (unsigned i = 0; i < 4; i++) {
        newer_jobs(all[i].jobs, i > 0);
        newer_nodes(all[i].nodes, all[i].version);
        TAP_EQ_UINT(json(SLURM_SUBMIT, 200, all[i].submit, NULL).job_id, 4711, "%s", all[i].submit);
    }
    const struct dure_slurm_reply partitions = json(SLURM_PARTITIONS, 200, "v42-partitions", NULL);
    TAP_OK(partitions.partition_count == 2 && partitions.partitions[0].walltime_max_us == INT64_C(172800000000) &&
               partitions.partitions[0].nodes_max == 2 && partitions.partitions[0].priority_tier == 10 &&
               !strcmp(partitions.partitions[0].state, "UP") &&
               !strcmp(partitions.partitions[0].nodes_text, "n[2-5]") &&
               !strcmp(partitions.partitions[0].allow_accounts, "nat") && !strcmp(partitions.partitions[0].qos, "top"),
           "partitions, what moved into objects");
    TAP_OK(partitions.partition_count == 2 && partitions.partitions[1].walltime_max_us == INT64_MAX &&
               partitions.partitions[1].nodes_max == DURE_NONE32,
           "unlimited");
}

static void real(void)
{
    const struct dure_slurm_reply jobs = json(SLURM_JOBS, 0, "v38-jobs", NULL);
    TAP_OK(jobs.result == DURE_SLURM_DONE && jobs.job_count == 6 && !strcmp(jobs.version, "22.05.8"), "real jobs: %s",
           jobs.text);
    const struct dure_slurm_job *job = jobs.jobs;
    TAP_OK(job[0].state == DURE_SLURM_STATE_RUNNING && job[0].node_count == 2 && job[0].nodes[1].gpu_mask == 3 &&
               job[0].walltime_us == INT64_C(1800000000) && !strcmp(job[0].batch_node, "east-2"),
           "one that runs");
    TAP_OK((job[1].flags & DURE_SLURM_JOB_HELD) && job[1].walltime_us == 0, "one that is held");
    TAP_OK(job[2].state == DURE_SLURM_STATE_FAILED && job[2].exit_code == 3, "one that failed");
    TAP_OK(job[3].job_id == 6 && job[3].array_job_id == 4 && job[3].array_task_id == 1, "one of an array");
    struct dure_slurm_filter filter = {.name_head = "dure-"};
    TAP_EQ_UINT(json(SLURM_JOBS, 0, "v38-jobs", &filter).job_count, 1, "those whose name begins so");
    filter = (struct dure_slurm_filter){.job_id = 6};
    TAP_EQ_UINT(json(SLURM_JOBS, 0, "v38-jobs", &filter).job_count, 1, "one alone");
    filter = (struct dure_slurm_filter){.comment = "dure"};
    TAP_EQ_UINT(json(SLURM_JOBS, 0, "v38-jobs", &filter).job_count, 0, "by a comment, whole");
    const struct dure_slurm_reply nodes = json(SLURM_NODES, 0, "v38-nodes", NULL);
    TAP_OK(nodes.node_count == 3 && (nodes.nodes[0].flags & DURE_SLURM_NODE_DRAIN) &&
               !strcmp(nodes.nodes[0].reason, "fan 3 fails") && nodes.nodes[1].gpu_used_count == 2,
           "real nodes");
    const struct dure_slurm_reply partitions = json(SLURM_PARTITIONS, 200, "v38-partitions", NULL);
    TAP_OK(partitions.partition_count == 1 && partitions.partitions[0].walltime_max_us == INT64_MAX &&
               partitions.partitions[0].is_default && partitions.partitions[0].nodes_max == DURE_NONE32,
           "a real partition");
    TAP_OK(json(SLURM_SUBMIT, 200, "v38-submit-held", NULL).job_id > 0,
           "a held job is there, though errors say that it is held");
    TAP_EQ_STR(json(SLURM_VERSIONS, 200, "v38-openapi", NULL).api, "v0.0.38", "what 22.05 speaks");
    TAP_EQ_STR(json(SLURM_VERSIONS, 200, "v42-openapi", NULL).api, "v0.0.42", "not beyond what is known here");
}

static void recorded_jobs(const char *name, const struct dure_slurm_reply *reply)
{
    TAP_OK(reply->result == DURE_SLURM_DONE && reply->job_count == 5, "%s: all jobs: %s", name, reply->text);
    if (reply->job_count != 5)
        return;
    const struct dure_slurm_job *job = reply->jobs;
    TAP_OK(job[0].state == DURE_SLURM_STATE_RUNNING && job[0].node_count == 2 && !strcmp(job[0].nodes[1].name, "n2") &&
               job[0].nodes[0].gpu_mask == (reply->states_only ? 0 : 3) &&
               job[0].nodes[1].gpu_mask == (reply->states_only ? 0 : 3) && job[0].walltime_us == INT64_C(1800000000) &&
               job[0].start_us == INT64_C(1795866817000000) && job[0].end_us == INT64_C(1795868617000000) &&
               !strcmp(job[0].name, "dure-1a2b3c4d-1-3") && !strcmp(job[0].comment, "dure job 1, attempt 3"),
           "%s: one that runs on two nodes", name);
    TAP_OK(job[1].state == DURE_SLURM_STATE_PENDING && job[1].flags == DURE_SLURM_JOB_HELD && !job[1].start_us &&
               !job[1].node_count && !job[1].walltime_us && !*job[1].comment,
           "%s: one that is held", name);
    for (unsigned i = 2; i < 5; i++)
        TAP_OK(job[i].state == DURE_SLURM_STATE_FAILED && job[i].exit_code == (i == 2 ? 3 : 0) &&
                   job[i].exit_signal == (i == 2   ? 0
                                          : i == 3 ? 9
                                                   : 15) &&
                   job[i].node_count == 1 && job[i].end_us,
               "%s: one that has ended, %d:%d", name, job[i].exit_code, job[i].exit_signal);
}

/* What 26.05.5 said, of five jobs, by squeue and by two versions of slurmrestd's own. */
static void recorded(void)
{
    struct dure_slurm_reply reply = command(SLURM_STATES, "r26-states");
    recorded_jobs("squeue", &reply);
    static const struct {
        const char *jobs, *nodes, *partitions;
        bool tells_default;
    } all[] = {{"r42-jobs", "r42-nodes", "r42-partitions", false}, {"r45-jobs", "r45-nodes", "r45-partitions", true}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        reply = json(SLURM_JOBS, 200, all[i].jobs, NULL);
        recorded_jobs(all[i].jobs, &reply);
        const struct dure_slurm_reply nodes = json(SLURM_NODES, 200, all[i].nodes, NULL);
        TAP_OK(nodes.node_count == 2 && nodes.nodes[0].gpu_count == 4 && nodes.nodes[0].gpu_used_count == 2 &&
                   nodes.nodes[1].flags & DURE_SLURM_NODE_MIXED && !strcmp(nodes.nodes[1].gpu_type, "h100"),
               "%s", all[i].nodes);
        const struct dure_slurm_reply partitions = json(SLURM_PARTITIONS, 200, all[i].partitions, NULL);
        TAP_OK(partitions.partition_count == 1 && partitions.partitions[0].walltime_max_us == INT64_MAX &&
                   partitions.partitions[0].nodes_max == DURE_NONE32 &&
                   !strcmp(partitions.partitions[0].nodes_text, "n[1-2]") &&
                   !strcmp(partitions.partitions[0].state, "UP") &&
                   partitions.partitions[0].is_default == all[i].tells_default &&
                   partitions.partitions[0].default_unsaid == !all[i].tells_default,
               "%s", all[i].partitions);
    }
}

static void texts(void)
{
    const struct dure_slurm_reply config = command(SLURM_CONFIG, "text-config");
    TAP_OK(config.setting_count > 100 && !strcmp(config.version, "22.05.8") && config.clock_us > 0,
           "scontrol show config");
    const struct dure_slurm_reply topology = command(SLURM_TOPOLOGY, "text-topology");
    TAP_OK(topology.switch_count == 3 && !strcmp(topology.switches[2].switches_text, "rack[1-2]") &&
               topology.switches[2].level == 1,
           "switches");
    const struct dure_slurm_reply blocks = command(SLURM_TOPOLOGY, "text-topology-blocks");
    TAP_OK(blocks.switch_count == 2 && blocks.switches[1].is_block && !strcmp(blocks.switches[1].name, "b2"), "blocks");
    const struct dure_slurm_reply partitions = command(SLURM_PARTITIONS, "text-partitions");
    TAP_OK(partitions.partition_count == 1 && partitions.partitions[0].is_default &&
               partitions.partitions[0].walltime_max_us == INT64_MAX && !strcmp(partitions.partitions[0].state, "UP") &&
               !strcmp(partitions.partitions[0].preempt_mode, "OFF"),
           "scontrol show partition");
    TAP_EQ_UINT(command(SLURM_SUBMIT, "text-submit").job_id, 123, "sbatch --parsable");
    static const struct {
        const char *text;
        int64_t us;
    } spans[] = {{"1-02:03:04", INT64_C(93784000000)},
                 {"02:03:04", INT64_C(7384000000)},
                 {"02:03", INT64_C(123000000)},
                 {"30", INT64_C(1800000000)},
                 {"1-0", INT64_C(86400000000)},
                 {"UNLIMITED", INT64_MAX},
                 {"", 0},
                 {"x", 0},
                 {"1:2:3:4", 0},
                 {"-5", 0},
                 {"5-", 0}};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        TAP_EQ_INT(slurm_span_us(spans[i].text), spans[i].us, "a span: '%s'", spans[i].text);
}

static struct dure_slurm_reply states(const char *text, size_t length)
{
    struct dure_slurm_reply reply;
    slurm_parse_command(SLURM_STATES, 0, text, length, "", 0, NULL, arena, &reply);
    return reply;
}

/* Columns of squeue, as the real one printed them: lines are told by their length, whatever others wrote into them. */
static void columns(void)
{
    size_t length;
    char *bytes = answer_of("text-states", &length);
    const struct dure_slurm_reply reply = states(bytes, length);
    TAP_OK(reply.result == DURE_SLURM_DONE && reply.job_count == 6 && reply.states_only, "all jobs: %s", reply.text);
    if (reply.job_count != 6)
        return;
    const struct dure_slurm_job *job = reply.jobs;
    TAP_OK(job[0].state == DURE_SLURM_STATE_FAILED && job[0].exit_code == 3 && !strcmp(job[0].comment, "x\ny") &&
               strstr(job[0].name, "\n2 ") && job[1].job_id == 2 && job[1].state == DURE_SLURM_STATE_FAILED,
           "a name that would be a line of its own is none");
    TAP_OK(!strcmp(job[1].name, "dure-1a2b3c4d-7_3-12") && job[1].exit_signal == 9 && job[1].exit_code == 0 &&
               job[1].walltime_us == INT64_C(600000000) && job[1].node_count == 1 && job[1].nodes[0].gpu_count == 0 &&
               strstr(job[1].comment, ", handed over again"),
           "ours: its name, its end, its walltime, its node, and nothing of GPUs");
    TAP_OK(job[2].flags == DURE_SLURM_JOB_HELD && job[2].state == DURE_SLURM_STATE_PENDING && !job[2].start_us &&
               !job[2].end_us && !job[2].node_count && !*job[2].comment && !job[2].walltime_us,
           "held, and nothing of it yet");
    TAP_OK(job[3].state == DURE_SLURM_STATE_RUNNING && job[3].node_count == 2 &&
               !strcmp(job[3].nodes[1].name, "peer-2") && job[3].start_us == INT64_C(1795814143000000) &&
               !*job[3].reason && job[3].walltime_us == INT64_C(93780000000),
           "on two nodes, since when, for a day and more");
    TAP_OK(job[5].state == DURE_SLURM_STATE_CANCELLED && !job[5].node_count && job[5].end_us,
           "cancelled before it began");
    const size_t line = length / 7;
    static const struct {
        const char *text; /* of eight */
        int code, signal; /* -1: unreadable */
    } exits[] = {{"3:0     ", 3, 0},   {"0:9     ", 0, 9},   {"255:15  ", 255, 15}, {"256     ", 1, 0},
                 {"9       ", 0, 9},   {"3:      ", -1, -1}, {":9      ", -1, -1},  {"3:9x    ", -1, -1},
                 {"-1:0    ", -1, -1}, {"3:-1    ", -1, -1}, {"        ", -1, -1},  {"3:0:0   ", -1, -1}};
    char kept[8];
    memcpy(kept, bytes + line + 36, 8);
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
        memcpy(bytes + line + 36, exits[i].text, 8);
        const struct dure_slurm_reply one = states(bytes, length);
        const bool read = one.result == DURE_SLURM_DONE;
        TAP_OK(read == (exits[i].code >= 0) &&
                   (!read || (one.jobs[0].exit_code == exits[i].code && one.jobs[0].exit_signal == exits[i].signal)),
               "an exit code: '%s'", exits[i].text);
    }
    memcpy(bytes + line + 36, kept, 8);
    TAP_OK(line * 7 == length && states(bytes, line).result == DURE_SLURM_DONE && states(bytes, line).job_count == 0,
           "heads without a line are an empty list");
    for (size_t cut = 0; cut < length; cut += cut < 2 * line ? 1 : 97)
        if (cut % line == 0 ? cut == 0 && states(bytes, cut).result == DURE_SLURM_DONE
                            : states(bytes, cut).result != DURE_SLURM_MALFORMED)
            TAP_OK(false, "cut off after %zu bytes it is no list", cut);
    memset(bytes + 5 * line - 1 - 160, 'n', 160);
    TAP_OK(states(bytes, length).jobs[3].flags & DURE_SLURM_JOB_CUT && !states(bytes, length).jobs[3].node_count,
           "more nodes than fit a line: it says so");
    bytes[5 * line - 2] = ' ';
    memset(bytes + 5 * line - 20, '[', 3);
    TAP_OK(states(bytes, length).result == DURE_SLURM_MALFORMED, "nodes that are no list of nodes");
    memcpy(bytes, "JOB  ", 5);
    TAP_OK(states(bytes, length).result == DURE_SLURM_MALFORMED, "other columns");
    free(bytes);
}

static void refusals(void)
{
    static const struct {
        enum slurm_kind kind;
        int status;
        const char *name;
        enum dure_slurm_result result;
        const char *said;
    } cases[] = {
        {SLURM_SUBMIT, 400, "v38-submit-refused", DURE_SLURM_REFUSED, "Disabled key"},
        {SLURM_SUBMIT, 500, "v42-refused", DURE_SLURM_REFUSED, "Invalid partition name specified"},
        {SLURM_CANCEL, 500, "v42-denied", DURE_SLURM_DENIED, "Protocol authentication error"},
        {SLURM_JOBS, 401, "unauthorised", DURE_SLURM_DENIED, "not authorised (HTTP 401)"},
        {SLURM_JOBS, 0, "down", DURE_SLURM_NO_ANSWER, "Failed while looking for jobs"},
        {SLURM_JOBS, 0, "down", DURE_SLURM_NO_ANSWER, "do the clocks agree, and the keys of munge?"},
        {SLURM_JOBS, 200, "duplicate-key", DURE_SLURM_MALFORMED, "no JSON object, or is cut off"},
        {SLURM_JOBS, 200, "duplicate-list", DURE_SLURM_MALFORMED, "no JSON object, or is cut off"},
        {SLURM_JOBS, 200, "deep", DURE_SLURM_MALFORMED, "no JSON object, or is cut off"},
        {SLURM_JOBS, 200, "numbers", DURE_SLURM_MALFORMED, "an entry that cannot be read"},
        {SLURM_JOBS, 500, "v38-no-such-job", DURE_SLURM_REFUSED, "Unable to find JobId=777"},
        {SLURM_NODES, 200, "v38-jobs", DURE_SLURM_MALFORMED, "an answer without 'nodes'"},
        {SLURM_NODES, 0, "v42-sinfo", DURE_SLURM_UNSUPPORTED, "not nodes"},
        {SLURM_SUBMIT, 200, "v42-jobs", DURE_SLURM_MALFORMED, "without a job id"},
        {SLURM_PING, 200, "v42-ping-down", DURE_SLURM_NO_ANSWER, "slurmctld is down"},
        {SLURM_VERSIONS, 200, "v38-jobs", DURE_SLURM_MALFORMED, "lists no paths"},
        {SLURM_PING, 200, "v42-ping", DURE_SLURM_DONE, ""},
        {SLURM_PING, 200, "v38-ping", DURE_SLURM_DONE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dure_slurm_reply reply = json(cases[i].kind, cases[i].status, cases[i].name, NULL);
        TAP_EQ_STR(dure_slurm_result_name(reply.result), dure_slurm_result_name(cases[i].result), "%s", cases[i].name);
        TAP_HAS(reply.text, cases[i].said, "in words");
    }
    const struct dure_slurm_reply same = json(SLURM_JOBS, 500, "v42-unchanged", NULL);
    TAP_OK(same.result == DURE_SLURM_DONE && same.unchanged, "nothing changed");
    const struct dure_slurm_filter filter = {.job_id = 777};
    const struct dure_slurm_reply none = json(SLURM_JOBS, 500, "v38-no-such-job", &filter);
    TAP_OK(none.result == DURE_SLURM_DONE && none.job_count == 0 && !none.unchanged,
           "that no such job is, is an answer");
    TAP_EQ_STR(dure_slurm_result_name(json(SLURM_CANCEL, 500, "v38-no-such-job", NULL).result), "done",
               "it cannot run any more");
}

/* Every cut of a real answer is malformed, and none is taken for an empty list. */
static void cuts(void)
{
    size_t length;
    unsigned taken = 0;
    char *bytes = answer_of("v42-jobs", &length);
    for (size_t cut = 0; cut + 2 < length; cut += 7) {
        struct dure_slurm_reply reply;
        dure_arena_reset(arena);
        slurm_parse_json(SLURM_JOBS, 200, bytes, cut, NULL, arena, &reply);
        taken += reply.result != DURE_SLURM_MALFORMED;
    }
    TAP_EQ_UINT(taken, 0, "no cut answer is taken for a whole one");
    free(bytes);
}

/* As many jobs as are taken, and one more. */
static void huge(void)
{
    struct dure_arena *large = dure_arena_new(SLURM_ARENA_MAX);
    struct dure_buf text;
    struct dure_slurm_reply reply;
    dure_buf_init(&text, 64 << 20);
    dure_buf_str(&text, "{\"jobs\":[");
    for (unsigned i = 1; i <= DURE_SLURM_JOBS_MAX; i++)
        dure_buf_printf(&text, "%s{\"job_id\":%u}", i > 1 ? "," : "", i);
    dure_buf_str(&text, "]}");
    slurm_parse_json(SLURM_JOBS, 200, text.data, text.length, NULL, large, &reply);
    TAP_OK(reply.result == DURE_SLURM_DONE && reply.job_count == DURE_SLURM_JOBS_MAX, "as many as are taken");
    text.data[text.length - 2] = '\0';
    text.length -= 2;
    dure_buf_str(&text, ",{\"job_id\":1}]}");
    dure_arena_reset(large);
    slurm_parse_json(SLURM_JOBS, 200, text.data, text.length, NULL, large, &reply);
    TAP_OK(reply.result == DURE_SLURM_MALFORMED && reply.job_count == 0, "and not one more: %s", reply.text);
    dure_buf_release(&text);
    dure_arena_free(large);
}

static void hostlists(void)
{
    static const struct {
        const char *text;
        int count;
        const char *last;
    } cases[] = {{"n1", 1, "n1"},
                 {"n[1-3,07],m", 5, "m"},
                 {"n[08-10]-ib", 3, "n10-ib"},
                 {"r[1-2]n[01-03]", 6, "r2n03"},
                 {"", 0, NULL},
                 {"n[1-", -1, NULL},
                 {"n[]", -1, NULL},
                 {"n[3-1]", -1, NULL},
                 {"n[1,]", -1, NULL},
                 {"n1,", -1, NULL},
                 {"n 1", -1, NULL},
                 {"n[1-2000]", -2, NULL},
                 {"a[0-9]b[0-9]c[0-9]d[0-9]", -2, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char **names = NULL;
        const int count = slurm_hostlist(cases[i].text, 1000, arena, &names);
        TAP_EQ_INT(count, cases[i].count, "hostlist '%s'", cases[i].text);
        if (cases[i].last && count > 0)
            TAP_EQ_STR(names[count - 1], cases[i].last, "its last");
    }
    static const struct {
        const char *text;
        uint32_t count;
        uint64_t mask;
        const char *type;
        bool many;
    } gres[] = {{"gpu:h100:2(IDX:0-1)", 2, 3, "h100", false},
                {"gpu:4", 4, 0, "", false},
                {"gpu", 1, 0, "", false},
                {"gpu:a100:1(IDX:3),gpu:h100:2(IDX:5,7)", 3, 0xa8, "a100", true},
                {"gpu:h100:8(S:0-1),nic:2", 8, 0, "h100", false},
                {"gpu:2(IDX:N/A)", 2, 0, "", false},
                {"gpu:2(IDX:99)", 2, 0, "", false},
                {"mps:100", 0, 0, "", false},
                {"(null)", 0, 0, "", false}};
    for (size_t i = 0; i < sizeof gres / sizeof *gres; i++) {
        struct slurm_gres found;
        slurm_gres_read(gres[i].text, &found);
        TAP_OK(found.count == gres[i].count && found.mask == gres[i].mask && !strcmp(found.type, gres[i].type) &&
                   found.types_many == gres[i].many,
               "gres '%s'", gres[i].text);
    }
}

/* What commands say when they fail. */
static void words(void)
{
    static const struct {
        enum slurm_kind kind;
        int status;
        const char *err;
        enum dure_slurm_result result;
        bool unsent;
        const char *said;
    } cases[] = {
        {SLURM_SUBMIT, 1,
         "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n",
         DURE_SLURM_REFUSED, false, "Batch job submission failed: Invalid account"},
        {SLURM_SUBMIT, 1,
         "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
         DURE_SLURM_NO_ANSWER, true, "connect failure"},
        {SLURM_SUBMIT, 1, "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n",
         DURE_SLURM_NO_ANSWER, false, "timed out"},
        {SLURM_SUBMIT, 1, "sbatch: error: Batch job submission failed: Protocol authentication error\n",
         DURE_SLURM_DENIED, false, "authentication"},
        {SLURM_SUBMIT, 1, "sbatch: error: Munge encode failed: Failed to access \"/x\": No such file or directory\n",
         DURE_SLURM_DENIED, true, "Munge"},
        {SLURM_SUBMIT, -1, "", DURE_SLURM_NO_ANSWER, false, "said nothing"},
        {SLURM_SUBMIT, 0, "", DURE_SLURM_MALFORMED, false, "no job id"},
        {SLURM_CANCEL, 1, "scancel: error: Kill job error on job id 4: Invalid job id specified\n", DURE_SLURM_DONE,
         false, ""},
        {SLURM_DEED, 1, "scancel: error: Kill job error on job id 4: Invalid job id specified\n", DURE_SLURM_REFUSED,
         false, "Invalid job id"},
        {SLURM_TOPOLOGY, 0, "slurm_load_topo error: Unable to contact slurm controller (connect failure)\n",
         DURE_SLURM_NO_ANSWER, true, "connect failure"},
        {SLURM_TOPOLOGY, 0, "No topology information available\n", DURE_SLURM_DONE, false, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dure_slurm_reply reply;
        slurm_parse_command(cases[i].kind, cases[i].status, "", 0, cases[i].err, strlen(cases[i].err), NULL, arena,
                            &reply);
        TAP_OK(reply.result == cases[i].result && reply.unsent == cases[i].unsent, "%s: %s",
               dure_slurm_result_name(reply.result), reply.text);
        TAP_HAS(reply.text, cases[i].said, "in words");
        TAP_OK(strncmp(reply.text, "sbatch: ", 8) != 0 && strncmp(reply.text, "error: ", 7) != 0,
               "without who says it");
    }
}

int main(int argc, char **argv)
{
    DURE_ASSERT(argc == 2);
    answers_folder = argv[1];
    arena = dure_arena_new(64 << 20);
    newer();
    real();
    recorded();
    texts();
    columns();
    refusals();
    hostlists();
    words();
    cuts();
    huge();
    dure_arena_free(arena);
    return tap_done();
}
