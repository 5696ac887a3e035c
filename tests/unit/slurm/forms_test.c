/* Every form in which a version of Slurm says a field, one by one: 22.05 (v0.0.38) to 24.11 (v0.0.42), by squeue, scontrol, sinfo and slurmrestd. What
 * real answers hold is in parse_test; here each form stands alone, so that a reader that forgets it fails. */
#include <string.h>

#include "engine/slurm/parse.h"
#include "tap.h"

static struct dure_arena *arena;

static json_t *object_of(const char *text)
{
    char whole[600];
    snprintf(whole, sizeof whole, "{%s}", text);
    for (char *at = whole; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *object = json_loads(whole, 0, NULL);
    if (!object)
        tap_bail("not JSON: %s", whole);
    return object;
}

static void numbers(void)
{
    static const struct {
        const char *text;
        enum slurm_number kind;
        int64_t number;
    } cases[] = {{"'x': 12", SLURM_NUMBER, 12},
                 {"'x': 12.0", SLURM_NUMBER, 12},
                 {"'x': '12'", SLURM_NUMBER, 12},
                 {"'x': '12a'", SLURM_ABSENT, 0},
                 {"'x': ''", SLURM_ABSENT, 0},
                 {"'x': null", SLURM_ABSENT, 0},
                 {"'x': [12]", SLURM_ABSENT, 0},
                 {"'x': {'number': 12}", SLURM_NUMBER, 12},
                 {"'x': {'set': true, 'infinite': false, 'number': 12}", SLURM_NUMBER, 12},
                 {"'x': {'set': false, 'infinite': false, 'number': 12}", SLURM_ABSENT, 0},
                 {"'x': {'set': true, 'infinite': true, 'number': 0}", SLURM_INFINITE, 0},
                 {"'x': {'set': false, 'infinite': true, 'number': 0}", SLURM_INFINITE, 0},
                 {"'x': {'set': true, 'number': {'number': 12}}", SLURM_ABSENT, 0},
                 {"'x': 1e300", SLURM_ABSENT, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *object = object_of(cases[i].text);
        int64_t number = 0;
        TAP_EQ_INT(slurm_number_of(json_object_get(object, "x"), &number), cases[i].kind, "%s", cases[i].text);
        TAP_EQ_INT(number, cases[i].number, "its value");
        json_decref(object);
    }
}

static void times_and_truths(void)
{
    static const struct {
        const char *text;
        int64_t us;
        bool truth;
    } cases[] = {{"'x': 1795791600", INT64_C(1795791600000000), true},
                 {"'x': 4294967294", 0, true}, /* NO_VAL */
                 {"'x': 4294967295", 0, true}, /* INFINITE */
                 {"'x': 0", 0, false},
                 {"'x': true", 0, true},
                 {"'x': false", 0, false},
                 {"'x': {'set': true, 'infinite': false, 'number': 3}", 3000000, true},
                 {"'y': 1", 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *object = object_of(cases[i].text);
        TAP_EQ_INT(slurm_time_us(object, "x"), cases[i].us, "a time: %s", cases[i].text);
        TAP_OK(slurm_truth(object, "x") == cases[i].truth, "a truth: %s", cases[i].text);
        json_decref(object);
    }
    json_t *object = object_of("'x': ['a', '', 'b', 3], 'y': 'a,b', 'z': {}");
    TAP_EQ_STR(slurm_text(object, "x", arena), "a,b", "a list of texts");
    TAP_EQ_STR(slurm_text(object, "y", arena), "a,b", "a text");
    TAP_EQ_STR(slurm_text(object, "z", arena), "", "neither");
    json_decref(object);
}

static void states(void)
{
    enum { COMPLETING = DURE_SLURM_JOB_COMPLETING, REQUEUED = DURE_SLURM_JOB_REQUEUED };
    static const struct {
        const char *text;
        enum dure_slurm_state state;
        uint32_t flags;
    } cases[] = {
        {"'job_state': 'RUNNING'", DURE_SLURM_STATE_RUNNING, 0},
        {"'job_state': ['RUNNING']", DURE_SLURM_STATE_RUNNING, 0},
        {"'job_state': 'COMPLETING'", DURE_SLURM_STATE_COMPLETING, COMPLETING}, /* before 23.02 the flag hides it */
        {"'job_state': ['COMPLETING', 'STAGE_OUT']", DURE_SLURM_STATE_COMPLETING, COMPLETING},
        {"'job_state': ['FAILED', 'COMPLETING']", DURE_SLURM_STATE_FAILED, COMPLETING},
        {"'job_state': ['COMPLETING', 'FAILED']", DURE_SLURM_STATE_FAILED, COMPLETING},
        {"'job_state': ['RUNNING', 'CONFIGURING']", DURE_SLURM_STATE_RUNNING, DURE_SLURM_JOB_CONFIGURING},
        {"'job_state': ['RUNNING', 'POWER_UP_NODE']", DURE_SLURM_STATE_RUNNING, DURE_SLURM_JOB_CONFIGURING},
        {"'job_state': ['STAGE_OUT', 'COMPLETED']", DURE_SLURM_STATE_COMPLETED, 0},
        {"'job_state': 'STAGE_OUT'", DURE_SLURM_STATE_OTHER_FLAG, 0},
        {"'job_state': 'COMPLETE'", DURE_SLURM_STATE_COMPLETED, 0},
        {"'job_state': ['PENDING', 'REQUEUED']", DURE_SLURM_STATE_PENDING, REQUEUED},
        {"'job_state': ['PENDING', 'REQUEUE_HOLD']", DURE_SLURM_STATE_PENDING, REQUEUED},
        {"'job_state': ['PENDING', 'REQUEUE_FED']", DURE_SLURM_STATE_PENDING, REQUEUED},
        {"'job_state': ['PENDING', 'SPECIAL_EXIT']", DURE_SLURM_STATE_PENDING, REQUEUED},
        {"'job_state': 'REVOKED'", DURE_SLURM_STATE_CANCELLED, 0},
        {"'job_state': 'OUT_OF_MEMORY'", DURE_SLURM_STATE_OUT_OF_MEMORY, 0},
        {"'job_state': ['A_NEW_ONE']", DURE_SLURM_STATE_UNKNOWN, 0},
        {"'job_state': ['A_NEW_ONE', 'RUNNING']", DURE_SLURM_STATE_RUNNING, 0},
        {"'job_state': 'PENDING', 'hold': true", DURE_SLURM_STATE_PENDING, DURE_SLURM_JOB_HELD},
        {"'job_state': 'PENDING', 'state_reason': 'JobHeldUser'", DURE_SLURM_STATE_PENDING, DURE_SLURM_JOB_HELD},
        {"'job_state': 'PENDING', 'state_reason': 'JobHeldAdmin'", DURE_SLURM_STATE_PENDING, DURE_SLURM_JOB_HELD},
        {"'job_state': 'PENDING', 'priority': 0", DURE_SLURM_STATE_PENDING, DURE_SLURM_JOB_HELD},
        {"'job_state': 'PENDING', 'priority': {'set': true, 'infinite': false, 'number': 0}", DURE_SLURM_STATE_PENDING,
         DURE_SLURM_JOB_HELD},
        {"'job_state': 'RUNNING', 'priority': 0", DURE_SLURM_STATE_RUNNING, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[500];
        struct dure_slurm_job job;
        snprintf(text, sizeof text, "'job_id': 7, %s", cases[i].text);
        json_t *object = object_of(text);
        const bool taken = slurm_job_read(object, arena, &job);
        TAP_OK(taken && job.state == cases[i].state && job.flags == cases[i].flags, "%s: %s", cases[i].text,
               dure_slurm_state_name(job.state));
        json_decref(object);
    }
}

static void exits(void)
{
    static const struct {
        const char *text;
        int code, signal;
    } cases[] = {
        {"768", 3, 0},
        {"15", 0, 15},
        {"{'set': true, 'infinite': false, 'number': 768}", 3, 0},
        {"{'set': true, 'infinite': false, 'number': 9}", 0, 9},
        {"{'status': 'ERROR', 'return_code': 3}", 3, 0}, /* v0.0.39 */
        {"{'status': 'SIGNALED', 'return_code': 0, 'signal': {'signal_id': 15, 'name': 'TERM'}}", 0, 15},
        {"{'status': 'SIGNALED', 'return_code': -127, 'signal': {'signal_id': 9, 'name': 'SIGKILL'}}", 0, 9},
        {"{'status': 'PENDING', 'return_code': -127}", 0, 0},
        {"{'status': ['ERROR'], 'return_code': {'set': true, 'infinite': false, 'number': 3}, 'signal': {'id': {'set': "
         "false, 'infinite': false, 'number': 0}, 'name': ''}}",
         3, 0},
        {"{'status': ['SIGNALED'], 'return_code': {'set': false, 'infinite': false, 'number': 0}, 'signal': {'id': "
         "{'set': true, 'infinite': false, 'number': 9}, 'name': 'KILL'}}",
         0, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[500];
        struct dure_slurm_job job;
        snprintf(text, sizeof text, "'job_id': 7, 'exit_code': %s", cases[i].text);
        json_t *object = object_of(text);
        const bool taken = slurm_job_read(object, arena, &job);
        TAP_OK(taken && job.exit_code == cases[i].code && job.exit_signal == cases[i].signal, "exit %s: %d:%d",
               cases[i].text, job.exit_code, job.exit_signal);
        json_decref(object);
    }
}

static void jobs(void)
{
    struct dure_slurm_job job;
    json_t *object = object_of("'job_id': {'set': true, 'number': 9}, 'array_job_id': {'set': true, 'infinite': false, "
                               "'number': 6}, 'array_task_id': {'set': true, 'infinite': false, 'number': 0}, "
                               "'state_reason': 'None', 'time_limit': {'set': true, 'infinite': true, 'number': 0}");
    TAP_OK(slurm_job_read(object, arena, &job) && job.job_id == 9 && job.array_job_id == 6 && job.array_task_id == 0,
           "an element of an array, as objects");
    TAP_OK(!*job.reason && job.walltime_us == 0, "no reason, no walltime");
    json_decref(object);
    object = object_of("'job_id': 9, 'array_job_id': 0, 'array_task_id': 0, 'time_limit': 4294967295");
    TAP_OK(slurm_job_read(object, arena, &job) && job.array_task_id == DURE_NONE32, "0 of 0 is no element");
    TAP_EQ_INT(job.walltime_us, 0, "a number that means infinite");
    json_decref(object);
    object = object_of("'job_id': 9, 'nodes': 'n[1-2]', 'gres_detail': ['gpu:h100:2(IDX:0-1)', 'gpu:h100:1(IDX:3)']");
    TAP_OK(slurm_job_read(object, arena, &job) && job.node_count == 2 && job.nodes[0].gpu_mask == 3 &&
               job.nodes[1].gpu_mask == 8 && job.nodes[1].gpu_count == 1,
           "which GPUs of each node");
    json_decref(object);
    object = object_of("'job_id': 9, 'nodes': 'n[1-2]', 'gres_detail': ['gpu:h100:2(IDX:0-1)']");
    TAP_OK(slurm_job_read(object, arena, &job) && job.node_count == 2 && job.nodes[0].gpu_count == 0,
           "a list of another length says nothing");
    json_decref(object);
    object = object_of("'job_id': 9, 'nodes': 'n[1-99999]'");
    TAP_OK(slurm_job_read(object, arena, &job) && job.node_count == 0, "of too many nodes none is named");
    json_decref(object);
    object = object_of("'job_id': 9, 'nodes': 'n[2-1]'");
    TAP_OK(!slurm_job_read(object, arena, &job), "nonsense in place of nodes is refused");
    json_decref(object);
}

static void nodes(void)
{
    static const struct {
        const char *text;
        uint32_t flags;
    } cases[] = {
        {"'state': 'idle'", DURE_SLURM_NODE_IDLE}, /* 22.05: small letters, its flags apart */
        {"'state': 'idle', 'state_flags': ['DRAIN']", DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_DRAIN},
        {"'state': ['IDLE', 'DRAIN']", DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_DRAIN},
        {"'state': ['DOWN', 'NOT_RESPONDING']", DURE_SLURM_NODE_DOWN | DURE_SLURM_NODE_SILENT},
        {"'state': 'down', 'state_flags': ['NO_RESPOND']", DURE_SLURM_NODE_DOWN | DURE_SLURM_NODE_SILENT},
        {"'state': ['IDLE', 'MAINTENANCE', 'RESERVED']",
         DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_MAINT | DURE_SLURM_NODE_RESERVED},
        {"'state': ['IDLE', 'INVALID_REG']", DURE_SLURM_NODE_IDLE | DURE_SLURM_NODE_INVALID},
        {"'state': ['ALLOCATED', 'FAIL']", DURE_SLURM_NODE_ALLOCATED | DURE_SLURM_NODE_FAIL},
        {"'state': 'failing'", DURE_SLURM_NODE_FAIL},
        {"'state': ['UNKNOWN']", DURE_SLURM_NODE_DOWN},
        {"'state': ['A_NEW_ONE', 'MIXED']", DURE_SLURM_NODE_MIXED},
    };
    struct dure_slurm_node node;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[500];
        snprintf(text, sizeof text, "'name': 'n1', %s", cases[i].text);
        json_t *object = object_of(text);
        const bool taken = slurm_node_read(object, arena, &node);
        TAP_OK(taken && node.flags == cases[i].flags, "%s: %x", cases[i].text, node.flags);
        json_decref(object);
    }
    json_t *object =
        object_of("'name': 'n1', 'slurmd_version': '22.05.8', 'features': 'a,b', 'partitions': ['p', 'q']");
    TAP_OK(slurm_node_read(object, arena, &node) && !strcmp(node.version, "22.05.8") && !strcmp(node.features, "a,b") &&
               !strcmp(node.partitions, "p,q"),
           "texts and lists of texts");
    json_decref(object);
}

static void partitions(void)
{
    struct dure_slurm_partition one;
    json_t *object = object_of("'name': 'p', 'max_time_limit': 60, 'maximum_nodes_per_job': 2, 'nodes': 'n[1-2]'");
    TAP_OK(slurm_partition_read(object, arena, &one) && one.walltime_max_us == INT64_C(3600000000) &&
               one.nodes_max == 2 && !strcmp(one.nodes_text, "n[1-2]"),
           "flat");
    json_decref(object);
    object = object_of("'name': 'p', 'nodes': {'configured': 'n[1-2]', 'total': 2}, 'maximums': {'time': {'set': true, "
                       "'infinite': false, 'number': 60}, 'nodes': {'set': true, 'infinite': false, 'number': 2}}");
    TAP_OK(slurm_partition_read(object, arena, &one) && one.walltime_max_us == INT64_C(3600000000) &&
               one.nodes_max == 2 && !strcmp(one.nodes_text, "n[1-2]"),
           "in objects");
    json_decref(object);
    object = object_of("'name': 'p', 'maximums': {'time': {'set': true, 'infinite': true, 'number': 0}, 'nodes': "
                       "{'set': true, 'infinite': true, 'number': 0}}");
    TAP_OK(slurm_partition_read(object, arena, &one) && one.walltime_max_us == INT64_MAX &&
               one.nodes_max == DURE_NONE32,
           "without a limit");
    TAP_OK(!one.is_default && one.default_unsaid, "which is the default is not told");
    json_decref(object);
    object = object_of("'name': 'p', 'flags': ['PREEMPT_LOW', 'DEFAULT']");
    TAP_OK(slurm_partition_read(object, arena, &one) && one.is_default && !one.default_unsaid, "or it is");
    json_decref(object);
    object = object_of("'name': 'p', 'flags': []");
    TAP_OK(slurm_partition_read(object, arena, &one) && !one.is_default && !one.default_unsaid, "or it is another");
    json_decref(object);
}

static enum dure_slurm_result ask(enum slurm_kind kind, int status, const char *text, struct dure_slurm_reply *reply)
{
    json_t *object = object_of(text);
    char *bytes = json_dumps(object, 0);
    json_decref(object);
    slurm_parse_json(kind, status, bytes, strlen(bytes), NULL, arena, reply);
    free(bytes);
    return reply->result;
}

static void answers(void)
{
    struct dure_slurm_reply reply;
    ask(SLURM_JOBS, 200, "'jobs': [], 'meta': {'Slurm': {'release': '22.05.8'}}", &reply);
    TAP_EQ_STR(reply.version, "22.05.8", "meta.Slurm");
    ask(SLURM_JOBS, 200, "'jobs': [], 'last_update': 5, 'meta': {'slurm': {'release': '24.11.5'}}", &reply);
    TAP_OK(!strcmp(reply.version, "24.11.5") && reply.as_of_us == 5000000, "meta.slurm, last_update");
    ask(SLURM_SUBMIT, 200, "'job_id': 3", &reply);
    TAP_EQ_UINT(reply.job_id, 3, "job_id");
    ask(SLURM_SUBMIT, 200, "'result': {'job_id': 3}", &reply);
    TAP_EQ_UINT(reply.job_id, 3, "result.job_id");
    TAP_EQ_INT(ask(SLURM_PING, 200, "'pings': [{'ping': 'UP'}]", &reply), DURE_SLURM_DONE, "ping");
    TAP_EQ_INT(ask(SLURM_PING, 200, "'pings': [{'pinged': 'UP'}]", &reply), DURE_SLURM_DONE, "pinged");
    TAP_EQ_INT(ask(SLURM_PING, 200, "'pings': [{'responding': true}]", &reply), DURE_SLURM_DONE, "responding");
    TAP_EQ_INT(ask(SLURM_PING, 200, "'pings': [{'responding': false}]", &reply), DURE_SLURM_NO_ANSWER, "none");
    ask(SLURM_JOBS, 500, "'errors': [{'error_number': 1900, 'error': 'x'}]", &reply);
    TAP_OK(reply.result == DURE_SLURM_DONE && reply.unchanged, "nothing changed, by number");
    ask(SLURM_JOBS, 500, "'errors': [{'error': 'No change in data'}]", &reply);
    TAP_OK(reply.result == DURE_SLURM_DONE && reply.unchanged, "and by words");
    TAP_EQ_INT(ask(SLURM_CANCEL, 500, "'errors': [{'error_number': 2021, 'error': 'x'}]", &reply), DURE_SLURM_DONE,
               "it had ended");
    TAP_EQ_INT(ask(SLURM_CANCEL, 500, "'errors': [{'error_code': 2017, 'error': 'x'}]", &reply), DURE_SLURM_DONE,
               "it is not known");
    TAP_EQ_INT(ask(SLURM_NODES, 0, "'sinfo': []", &reply), DURE_SLURM_UNSUPPORTED, "a table in place of nodes");
}

int main(void)
{
    arena = dure_arena_new(64 << 20);
    numbers();
    times_and_truths();
    states();
    exits();
    jobs();
    nodes();
    partitions();
    answers();
    dure_arena_free(arena);
    return tap_done();
}
