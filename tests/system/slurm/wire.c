/* Each way of speaking to a real Slurm, asked everything: by the commands, by slurmrestd over its socket, and over HTTP with a token. */
#include "base/timefmt.h"
#include "host.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct slurm_host host;

static struct dure_slurm_site site_of(enum dure_slurm_via via)
{
    struct dure_slurm_site site = dure_slurm_site_unsaid();
    site.via = via;
    site.path = "/usr/bin";
    site.conf = host.conf;
    site.url = host.url;
    site.token_file = host.token_file;
    site.user = "root";
    return site;
}

static struct dure_slurm *connect_to(const struct dure_slurm_site *site, int64_t timeout_us)
{
    struct dure_slurm *slurm = NULL;
    struct dure_error error;
    struct dure_slurm_options options = {.loop = &host.loop, .site = site, .timeout_us = timeout_us};
    if (dure_slurm_new(&options, &slurm, &error))
        tap_bail("no wire: %s", error.text);
    return slurm;
}

static void disconnect(struct dure_slurm *slurm)
{
    dure_slurm_free(slurm);
    uv_run(&host.loop, UV_RUN_DEFAULT);
}

#define ASK(heard, call)                                                                                               \
    do {                                                                                                               \
        struct dure_error asked = {0};                                                                                 \
        *(heard) = (struct slurm_told){0};                                                                             \
        if ((call))                                                                                                    \
            tap_bail("not asked: %s", asked.text);                                                                     \
        slurm_wait(&host, (heard));                                                                                    \
    } while (0)

static struct dure_slurm_submit hello(const char *name, const char *script)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "GREETING=a b=c", "SLURM_JOB_NAME=wrong",
                                              "SBATCH_PARTITION=nowhere"};
    return (struct dure_slurm_submit){.name = name,
                                      .comment = "dure 7.1, attempt 3",
                                      .directory = "/tmp",
                                      .script = script,
                                      .script_length = strlen(script),
                                      .environment = environment,
                                      .environment_count = 4,
                                      .nodelist = "east-[2-3]",
                                      .node_count = 2,
                                      .tasks = 2,
                                      .tasks_per_node = 1,
                                      .gpus_per_node = 2,
                                      .memory_per_node_mib = 100,
                                      .walltime_us = INT64_C(90000000)};
}

static void until_state(struct dure_slurm *slurm, uint32_t job_id, enum dure_slurm_state state, struct slurm_told *told)
{
    for (int i = 0; i < 150; i++) {
        struct dure_slurm_filter filter = {.job_id = job_id};
        ASK(told, dure_slurm_list(slurm, &filter, slurm_hear, told, &asked));
        if (told->result == DURE_SLURM_DONE && told->job_count == 1 && told->job.state == state &&
            !(told->job.flags & DURE_SLURM_JOB_COMPLETING))
            return;
        usleep(100000);
    }
    tap_diag("job %u: %s %s, wanted %s", job_id, dure_slurm_result_name(told->result),
             dure_slurm_state_name(told->job.state), dure_slurm_state_name(state));
}

static bool file_has(const char *path, const char *needle)
{
    char text[4096] = "";
    FILE *file = fopen(path, "r");
    const size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file)
        fclose(file);
    return strstr(text, needle) != NULL;
}

/* A job from its submission to its end, with a signal on its way. */
static void life(struct dure_slurm *slurm, const char *way)
{
    struct slurm_told told = {0};
    char output[600], script[800], name[64], path[640];
    snprintf(name, sizeof name, "dure-%s", way);
    snprintf(output, sizeof output, "%s/%s.%%j", tap_tempdir(), way);
    snprintf(script, sizeof script,
             "#!/bin/sh\n#SBATCH --nodes=3\n#SBATCH --array=1-9\ntrap 'echo warned; exit 7' USR1\necho \"$GREETING "
             "$SLURM_JOB_NAME $SLURM_NNODES $CUDA_VISIBLE_DEVICES\"\ni=0; while [ $i -lt 600 ]; do sleep 0.1; "
             "i=$((i+1)); done\n");
    struct dure_slurm_submit submit = hello(name, script);
    submit.output = output;
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE && told.job_id > 0, "%s: submitted: %s", way, told.text);
    const uint32_t id = told.job_id;
    until_state(slurm, id, DURE_SLURM_STATE_RUNNING, &told);
    TAP_OK(told.job.state == DURE_SLURM_STATE_RUNNING && told.job.job_id == id, "%s: it runs", way);
    TAP_EQ_STR(told.job_name, name, "%s: its name", way);
    TAP_EQ_STR(told.job_comment, "dure 7.1, attempt 3", "%s: its comment", way);
    TAP_EQ_STR(told.job_user, "root", "%s: its user", way);
    TAP_EQ_STR(told.job_nodes, "east-[2-3]", "%s: exactly these nodes", way);
    TAP_OK(told.job.node_count == 2 && !strcmp(told.job_node_name[0], "east-2") &&
               !strcmp(told.job_node_name[1], "east-3") && told.job_node[0].gpu_count == 2 &&
               told.job_node[1].gpu_count == 2,
           "%s: two GPUs of each", way);
    TAP_OK(__builtin_popcountll(told.job_node[0].gpu_mask) == 2 && __builtin_popcountll(told.job_node[1].gpu_mask) == 2,
           "%s: and which they are", way);
    TAP_EQ_INT(told.job.walltime_us, INT64_C(120000000), "%s: the walltime, in whole minutes", way);
    TAP_OK(told.job.start_us > INT64_C(1600000000000000) && told.job.submit_us <= told.job.start_us, "%s: its times",
           way);
    const int64_t start_us = told.job.start_us, end_us = told.job.end_us;
    struct dure_slurm_filter states = {.states_only = true, .job_id = id};
    ASK(&told, dure_slurm_list(slurm, &states, slurm_hear, &told, &asked));
    TAP_OK(told.job_count == 1 && told.job.state == DURE_SLURM_STATE_RUNNING && !strcmp(told.job_name, name) &&
               !strcmp(told.job_comment, "dure 7.1, attempt 3") && !strcmp(told.job_nodes, "east-[2-3]") &&
               told.job.node_count == 2 && told.job.walltime_us == INT64_C(120000000) &&
               told.job.start_us == start_us && told.job.end_us == end_us,
           "%s: where states alone are asked for, they say the same", way);
    TAP_EQ_UINT(told.job_node[1].gpu_count, strcmp(way, "commands") == 0 ? 0 : 2, "%s: and of GPUs by rest alone", way);
    struct dure_slurm_filter by_name = {.name = name};
    ASK(&told, dure_slurm_list(slurm, &by_name, slurm_hear, &told, &asked));
    TAP_OK(told.job_count == 1 && told.job.job_id == id, "%s: found by its name, once: #SBATCH said nothing", way);
    struct dure_slurm_filter by_comment = {.comment = "dure 7.1, attempt 4"};
    ASK(&told, dure_slurm_list(slurm, &by_comment, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE && told.job_count == 0, "%s: by another comment none", way);
    ASK(&told, dure_slurm_extend(slurm, id, INT64_C(600000000), slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: its walltime is another: %s", way, told.text);
    snprintf(path, sizeof path, "%s/%s.%u", tap_tempdir(), way, id);
    for (int i = 0; i < 100 && !file_has(path, "dure-"); i++) /* by then its trap is set */
        usleep(50000);
    ASK(&told, dure_slurm_signal(slurm, id, SIGUSR1, DURE_SLURM_ALL, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: signalled: %s", way, told.text);
    until_state(slurm, id, DURE_SLURM_STATE_FAILED, &told);
    TAP_OK(told.job.exit_code == 7 && told.job.exit_signal == 0 && told.job.walltime_us == INT64_C(600000000) &&
               told.job.restarts == 0 && told.job.end_us >= told.job.start_us,
           "%s: it heard the signal and ended with 7 (%d, signal %d)", way, told.job.exit_code, told.job.exit_signal);
    ASK(&told, dure_slurm_signal(slurm, id, SIGUSR1, DURE_SLURM_ALL, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_REFUSED || !strcmp(told.api, "v0.0.38"),
           "%s: what has ended cannot be signalled: %s", way, told.text);
    TAP_OK(file_has(path, "a b=c dure-") && file_has(path, " 2 0,1\n") && !file_has(path, "wrong"),
           "%s: its environment is ours and Slurm's", way);
    TAP_OK(file_has(path, "warned"), "%s: its output is where it should be", way);
}

static void held(struct dure_slurm *slurm, const char *way)
{
    struct slurm_told told = {0};
    struct dure_slurm_submit submit = hello("held", "#!/bin/sh\nexit 0\n");
    submit.hold = true;
    submit.nodelist = "east-1";
    submit.node_count = submit.tasks = 1;
    submit.user = "nobody";
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: held, of another user: %s", way, told.text);
    const uint32_t id = told.job_id;
    usleep(300000);
    struct dure_slurm_filter filter = {.job_id = id};
    ASK(&told, dure_slurm_list(slurm, &filter, slurm_hear, &told, &asked));
    TAP_OK(told.job_count == 1 && told.job.state == DURE_SLURM_STATE_PENDING &&
               (told.job.flags & DURE_SLURM_JOB_HELD) && !strcmp(told.job_user, "nobody"),
           "%s: it waits, held (%s)", way, told.job_reason);
    ASK(&told, dure_slurm_release(slurm, id, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: released: %s", way, told.text);
    until_state(slurm, id, DURE_SLURM_STATE_COMPLETED, &told);
    TAP_OK(told.job.state == DURE_SLURM_STATE_COMPLETED && told.job.exit_code == 0, "%s: and it ran", way);
}

static void cancelled(struct dure_slurm *slurm, const char *way)
{
    struct slurm_told told = {0};
    struct dure_slurm_submit submit = hello("cancelled", "#!/bin/sh\nexec sleep 600\n");
    submit.walltime_us = 0;
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    const uint32_t id = told.job_id;
    until_state(slurm, id, DURE_SLURM_STATE_RUNNING, &told);
    /* Where backfill starts it, and not the turn of a second, Slurm makes a year of it. */
    TAP_OK(told.job.walltime_us == 0 || told.job.walltime_us == 365 * DURE_DAY_US, "%s: no walltime is none: %" PRId64,
           way, told.job.walltime_us);
    ASK(&told, dure_slurm_cancel(slurm, id, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: cancelled: %s", way, told.text);
    until_state(slurm, id, DURE_SLURM_STATE_CANCELLED, &told);
    TAP_OK(told.job.state == DURE_SLURM_STATE_CANCELLED, "%s: and says so", way);
    ASK(&told, dure_slurm_cancel(slurm, id, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: again is as good", way);
    ASK(&told, dure_slurm_cancel(slurm, 99999, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: and what never was: %s", way, told.text);
    struct dure_slurm_filter nobody = {.job_id = 99999};
    ASK(&told, dure_slurm_list(slurm, &nobody, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE && told.job_count == 0, "%s: a job that never was is no job: %s", way,
           told.text);
}

static void refused(struct dure_slurm *slurm, const char *way)
{
    struct slurm_told told = {0};
    struct dure_slurm_submit submit = hello("refused", "#!/bin/sh\nexit 0\n");
    submit.partition = "nowhere";
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_EQ_STR(dure_slurm_result_name(told.result), "refused", "%s: no such partition", way);
    TAP_HAS(told.text, "partition", "%s: in Slurm's words", way);
    submit.partition = NULL;
    submit.nodelist = "west-1";
    submit.node_count = 1;
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_EQ_STR(dure_slurm_result_name(told.result), "refused", "%s: no such node: %s", way, told.text);
    submit.nodelist = "east-1";
    submit.gpus_per_node = 64;
    submit.tasks = 1;
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_EQ_STR(dure_slurm_result_name(told.result), "refused", "%s: more GPUs than a node has: %s", way, told.text);
    struct dure_error error;
    submit.directory = "tmp";
    TAP_OK(dure_slurm_submit(slurm, &submit, slurm_hear, &told, &error) == DURE_E_INVALID, "%s: no absolute directory",
           way);
    TAP_HAS(error.text, "directory: found 'tmp', expected an absolute path", "%s: in words", way);
}

static void lists(struct dure_slurm *slurm, const char *way, bool rest)
{
    struct slurm_told told = {0};
    ASK(&told, dure_slurm_list_nodes(slurm, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE && told.node_count == 3 && !strcmp(told.node_name, "east-1") &&
               told.node.cpu_count == 8 && told.node.memory_mib == 4096 && told.node.gpu_count == 4 &&
               !strcmp(told.node.gpu_type, "h100") && !strcmp(told.node_partitions, "all"),
           "%s: the nodes: %s", way, told.text);
    TAP_OK(slurm_host_sh(&host, "scontrol update NodeName=east-1 State=DRAIN Reason='fan 3 fails'") == 0, "drained");
    ASK(&told, dure_slurm_list_nodes(slurm, slurm_hear, &told, &asked));
    TAP_OK((told.node.flags & DURE_SLURM_NODE_DRAIN) && !strcmp(told.node_reason, "fan 3 fails"), "%s: and why (%s)",
           way, told.node_reason);
    TAP_OK(slurm_host_sh(&host, "scontrol update NodeName=east-1 State=RESUME") == 0, "resumed");
    ASK(&told, dure_slurm_list_partitions(slurm, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE && told.partition_count == 1 && !strcmp(told.partition_name, "all") &&
               told.partition.is_default && told.partition.walltime_max_us == INT64_MAX,
           "%s: the partition: %s", way, told.text);
    ASK(&told, dure_slurm_ping(slurm, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DONE, "%s: ping: %s", way, told.text);
    ASK(&told, dure_slurm_config(slurm, slurm_hear, &told, &asked));
    TAP_OK(rest ? told.result == DURE_SLURM_UNSUPPORTED : told.setting_count > 100 && !strcmp(told.kill_wait, "5 sec"),
           "%s: its configuration: %s", way, told.text);
    ASK(&told, dure_slurm_topology(slurm, slurm_hear, &told, &asked));
    TAP_OK(rest ? told.result == DURE_SLURM_UNSUPPORTED
                : told.switch_count == 3 && !strcmp(told.switch_name[0], "rack1") &&
                      !strcmp(told.switch_nodes[0], "east-[1-2]"),
           "%s: its switches: %s", way, told.text);
}

static void whole(const struct dure_slurm_site *site, const char *way)
{
    struct dure_slurm *slurm = connect_to(site, 0);
    lists(slurm, way, site->via == DURE_SLURM_REST);
    life(slurm, way);
    held(slurm, way);
    cancelled(slurm, way);
    refused(slurm, way);
    disconnect(slurm);
}

/* Tokens: none, another's, a wrong one, one that others may read. */
static void tokens(void)
{
    struct slurm_told told = {0};
    struct dure_error error;
    struct dure_slurm *slurm = NULL;
    struct dure_slurm_site site = site_of(DURE_SLURM_REST);
    char path[600];
    snprintf(path, sizeof path, "%s/open", tap_tempdir());
    site.token_file = path;
    struct dure_slurm_options options = {.loop = &host.loop, .site = &site};
    TAP_OK(dure_slurm_new(&options, &slurm, &error) == DURE_E_NOT_FOUND, "no token file: %s", error.text);
    FILE *file = fopen(path, "w");
    fputs("SLURM_JWT=abc.def.ghi\n", file);
    fclose(file);
    chmod(path, 0644);
    TAP_OK(dure_slurm_new(&options, &slurm, &error) == DURE_E_PERMISSION, "others may read it: %s", error.text);
    TAP_OK(strstr(error.text, "abc.def") == NULL, "and it is not said what it holds");
    chmod(path, 0600);
    slurm = connect_to(&site, 0);
    struct dure_slurm_submit submit = hello("token", "#!/bin/sh\nexit 0\n");
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    /* v0.0.38 does not say which it is: slurmctld hangs up on a token that it does not accept. */
    TAP_OK((told.result == DURE_SLURM_DENIED || strstr(told.text, "is it this Slurm's token?")) && !told.job_id &&
               !strstr(told.text, "abc.def"),
           "a wrong token: %s (%s)", dure_slurm_result_name(told.result), told.text);
    disconnect(slurm);
    /* {"exp":1,"sun":"root"} */
    file = fopen(path, "w");
    fputs("abc.eyJleHAiOjEsInN1biI6InJvb3QifQ.ghi\n", file);
    fclose(file);
    slurm = connect_to(&site, 0);
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_OK(told.result == DURE_SLURM_DENIED && told.unsent && strstr(told.text, "the token ran out"), "it ran out: %s",
           told.text);
    disconnect(slurm);
    /* nobody's own token: it may not speak for root. */
    unlink(path);
    TAP_OK(slurm_host_do(&host, "token '%s' nobody '%s'", host.directory, path) == 0, "a token of nobody");
    slurm = connect_to(&site, 0);
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    TAP_OK((told.result == DURE_SLURM_DENIED || strstr(told.text, "is it this Slurm's token?")) && !told.job_id,
           "nobody speaks for root: %s (%s)", dure_slurm_result_name(told.result), told.text);
    disconnect(slurm);
}

/* slurmctld that does not answer: stopped, then gone. */
static void silent(const struct dure_slurm_site *site, const char *way)
{
    struct slurm_told told = {0}, list = {0};
    struct dure_slurm *slurm = connect_to(site, 0);
    struct dure_slurm_submit submit = hello("silent", "#!/bin/sh\nexit 0\n");
    ASK(&told, dure_slurm_ping(slurm, slurm_hear, &told, &asked));
    disconnect(slurm);
    slurm = connect_to(site, 700000);
    TAP_OK(slurm_host_sh(&host, "kill -STOP $('%s' daemon '%s' pid slurmctld)", host.script, host.directory) == 0,
           "stopped");
    const uint64_t begin = uv_hrtime();
    struct dure_error error;
    if (dure_slurm_list(slurm, NULL, slurm_hear, &list, &error))
        tap_bail("%s", error.text);
    ASK(&told, dure_slurm_submit(slurm, &submit, slurm_hear, &told, &asked));
    slurm_wait(&host, &list);
    const uint64_t took = (uv_hrtime() - begin) / 1000000;
    TAP_OK(told.result == DURE_SLURM_NO_ANSWER && list.result == DURE_SLURM_NO_ANSWER, "%s: no answer: %s", way,
           told.text);
    TAP_OK(took >= 650 && took < 3000, "%s: at the deadline (%d ms), both at once", way, (int)took);
    TAP_OK(slurm_host_sh(&host, "kill -CONT $('%s' daemon '%s' pid slurmctld)", host.script, host.directory) == 0,
           "goes on");
    disconnect(slurm);
    slurm = connect_to(site, 0);
    struct dure_slurm_filter by_name = {.name = "silent"};
    for (int i = 0; i < 30; i++) {
        ASK(&list, dure_slurm_list(slurm, &by_name, slurm_hear, &list, &asked));
        if (list.job_count)
            break;
        usleep(100000);
    }
    tap_diag("%s: the submission without an answer %s", way, list.job_count ? "had arrived" : "had not arrived");
    disconnect(slurm);
}

int main(int argc, char **argv)
{
    DURE_ASSERT(argc == 2);
    slurm_host_start(&host, argv[1], "east", "3 4 --topology --restd --set KillWait=5 --set JobRequeue=1");
    struct dure_slurm_site commands = site_of(DURE_SLURM_COMMANDS), http = site_of(DURE_SLURM_REST),
                           local = site_of(DURE_SLURM_REST);
    local.url = host.socket_url;
    local.token_file = local.user = "";
    whole(&commands, "commands");
    whole(&http, "http");
    struct dure_slurm *slurm = connect_to(&local, 0);
    lists(slurm, "socket", true);
    life(slurm, "socket");
    disconnect(slurm);
    tokens();
    silent(&commands, "commands");
    silent(&http, "http");
    return tap_done();
}
