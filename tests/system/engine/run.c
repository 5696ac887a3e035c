/* Real processes through the engine and its minder: what a job sees, where its output goes, how its end is told. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/engine/host.h"

static struct host host;

static const struct dure_observation *run(uint64_t attempt, const struct host_job *job)
{
    static const struct dure_observation none = {0};
    host_start(&host, attempt, job, false);
    const struct dure_observation *end = host_wait_over(&host, attempt, 10);
    TAP_OK(end, "attempt %d is over in time", (int)attempt);
    return end ? end : &none;
}

static void test_script(void)
{
    const struct host_job job = {.script = "#!/bin/sh\necho hello from $DURE_JOB_ID\necho aside >&2\nexit 7\n",
                                 .name = "first"};
    const struct dure_observation *end = run(1, &job);
    TAP_EQ_INT(end->report, DURE_REPORT_ENDED, "it ended");
    TAP_EQ_INT(end->exit_code, 7, "with the script's exit code");
    TAP_EQ_INT(end->exit_signal, 0, "and no signal");
    TAP_EQ_UINT(host_count(&host, 1, DURE_REPORT_STARTED), 1, "its start was told once");
    TAP_EQ_STR(host_read("dure-101.out"), "hello from 101\naside\n", "both streams go to one file by default");
}

static void test_environment(void)
{
    static const char environment[] = "KEEP=yes\0PATH=/bin:/usr/bin\0DURE_TASK=99\0EMPTY=";
    const struct host_job job = {.script = "#!/bin/sh\nenv | sort\n",
                                 .out = "env-%t.txt",
                                 .tasks = 2,
                                 .task_gpus = 2,
                                 .element = 7,
                                 .is_array = true,
                                 .name = "env job",
                                 .restarts = 0,
                                 .environment = environment,
                                 .environment_length = sizeof environment};
    const struct dure_observation *end = run(2, &job);
    TAP_EQ_INT(end->exit_code, 0, "both tasks ended well");
    const char *one = host_read("env-1.txt");
    static const char *const wanted[] = {"DURE_JOB_ID=102\n",
                                         "DURE_ATTEMPT=2\n",
                                         "DURE_TASK=1\n",
                                         "DURE_TASKS=2\n",
                                         "DURE_NODE=box-1\n",
                                         "DURE_GPUS=2,3\n",
                                         "DURE_VIRTUAL_GPUS=2,3\n",
                                         "CUDA_VISIBLE_DEVICES=\n",
                                         "DURE_TENANT=lab/team\n",
                                         "SLURM_JOB_ID=102\n",
                                         "SLURM_PROCID=1\n",
                                         "SLURM_NTASKS=2\n",
                                         "SLURM_LOCALID=1\n",
                                         "SLURM_NODEID=0\n",
                                         "SLURM_JOB_NODELIST=box-1\n",
                                         "SLURM_NNODES=1\n",
                                         "SLURM_ARRAY_JOB_ID=102\n",
                                         "SLURM_ARRAY_TASK_ID=7\n",
                                         "SLURM_ARRAY_TASK_MAX=9\n",
                                         "SLURM_JOB_NAME=env job\n",
                                         "SLURM_CPUS_PER_TASK=4\n",
                                         "SLURM_GPUS_ON_NODE=4\n",
                                         "SLURM_RESTART_COUNT=0\n",
                                         "KEEP=yes\n",
                                         "EMPTY=\n",
                                         "PATH=/bin:/usr/bin\n",
                                         "HOME=/"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        TAP_HAS(one, wanted[i], "the second task sees it");
    TAP_OK(!strstr(one, "DURE_TASK=99"), "what the engine says cannot be overridden");
    TAP_OK(!strstr(one, "DURE_MINDER="), "the daemon's own environment is not the job's");
    TAP_HAS(host_read("env-0.txt"), "DURE_GPUS=0,1\n", "the first task has the first GPUs");
}

static void test_ends(void)
{
    static const struct {
        const char *command;
        size_t length;
        int code, signal;
        const char *reason;
    } rows[] = {
#define COMMAND(text) text, sizeof text
        {COMMAND("true"), 0, 0, ""},
        {COMMAND("sh\0-c\0exit 41"), 41, 0, ""},
        {COMMAND("sh\0-c\0kill -SEGV $$"), 0, SIGSEGV, ""},
        {COMMAND("/does/not/exist\0x"), 127, 0, "cannot run the job's command: No such file or directory"},
        {COMMAND("no-such-program-here"), 127, 0, "No such file"},
        {COMMAND("/etc/passwd"), 126, 0, "Permission denied"},
        {COMMAND("sh\0-c\0test $DURE_TASK = 0 && exit 3; test $DURE_TASK = 1 && exit 9; exit 1"), 9, 0, ""},
        {COMMAND("sh\0-c\0test $DURE_TASK = 0 && exit 3; kill -KILL $$"), 0, SIGKILL, ""},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct host_job job = {.command = rows[i].command,
                                     .command_length = rows[i].length,
                                     .out = "ends-%j.txt",
                                     .tasks = i >= 6 ? 3 : 1};
        const struct dure_observation *end = run(20 + i, &job);
        TAP_EQ_INT(end->report, DURE_REPORT_ENDED, "%s", rows[i].command);
        TAP_EQ_INT(end->exit_code, rows[i].code, "exit code of row %u", i);
        TAP_EQ_INT(end->exit_signal, rows[i].signal, "signal of row %u", i);
        TAP_HAS(end->reason, rows[i].reason, "reason of row %u", i);
    }
    TAP_HAS(host_read("ends-123.txt"), "dure: cannot run /does/not/exist",
            "a missing program is named in the job's own output");
}

static void test_scripts_of_all_kinds(void)
{
    static const char words[] = "one\0two words";
    const struct host_job args = {.script = "#!/bin/sh\necho \"$#:$1:$2\"\n",
                                  .command = words,
                                  .command_length = sizeof words,
                                  .out = "args.txt"};
    run(40, &args);
    TAP_EQ_STR(host_read("args.txt"), "2:one:two words\n", "a script gets its arguments");
    const struct host_job bare = {.script = "echo bare $SLURM_PROCID\n", .out = "bare.txt"};
    run(41, &bare);
    TAP_EQ_STR(host_read("bare.txt"), "bare 0\n", "a script without #! is the shell's");
    const struct host_job lost = {.script = "#!/no/such/interpreter\n", .out = "lost.txt"};
    TAP_EQ_INT(run(42, &lost)->exit_code, 127, "a missing interpreter is a missing program");
    const struct host_job input = {
        .script = "#!/bin/sh\nread line || echo no input; umask; ulimit -c; pwd\n", .out = "input.txt", .workdir = "/"};
    char path[4096];
    struct host_job here = input;
    char folder[4000];
    snprintf(path, sizeof path, "%s/input.txt", getcwd(folder, sizeof folder));
    here.out = path;
    run(43, &here);
    TAP_EQ_STR(host_read("input.txt"), "no input\n0022\n0\n/\n",
               "standard input is empty, the folder and the limits are as stated");
}

static void test_output_files(void)
{
    struct host_job job = {.script = "#!/bin/sh\necho run $SLURM_RESTART_COUNT\necho e >&2\n",
                           .out = "o-%x-%u-%4j.txt",
                           .err = "e-%%-%j.txt",
                           .name = "a/b"};
    run(50, &job);
    char path[4096], name[300];
    TAP_EQ_INT(dure_local_log_path(host.directory, (struct dure_attempt_id){50}, 0, false, path, sizeof path), DURE_OK,
               "the path of its output is known");
    TAP_EQ_STR(host_read(path), "run 0\n", "and leads to it");
    snprintf(name, sizeof name, "o-a_b-");
    TAP_HAS(path, name, "a slash in a job's name is no folder");
    TAP_EQ_STR(host_read("e-%-150.txt"), "e\n", "standard error is apart");
    job.restarts = 1;
    job.out = path;
    char copy[4096];
    memcpy(copy, path, sizeof copy);
    job.out = copy;
    run(51, &job);
    TAP_EQ_STR(host_read(copy), "run 0\nrun 1\n", "a second attempt goes on in the same file");
    job.restarts = 0;
    run(52, &job);
    TAP_EQ_STR(host_read(copy), "run 0\n", "a first attempt begins it anew");
    host.engine->forget(host.engine->state, (struct dure_attempt_id){50});
    snprintf(name, sizeof name, "%.200s/50", host.directory);
    TAP_OK(host_turn_gone(&host, name), "forgetting removes the folder");
    TAP_OK(host_exists("%s", copy), "and leaves the output");
    TAP_EQ_INT(dure_local_log_path(host.directory, (struct dure_attempt_id){50}, 0, true, path, sizeof path), DURE_OK,
               "whose path is still known");
    TAP_HAS(path, "/e-%-150.txt", "standard error's");
    TAP_EQ_INT(dure_local_log_path(host.directory, (struct dure_attempt_id){50}, 1, true, path, sizeof path),
               DURE_E_NOT_FOUND, "a task that it had not");
    TAP_EQ_INT(dure_local_erase(host.directory, (struct dure_attempt_id){50}), DURE_OK, "until it is erased");
    TAP_EQ_INT(dure_local_log_path(host.directory, (struct dure_attempt_id){50}, 0, true, path, sizeof path),
               DURE_E_NOT_FOUND, "then not");
}

static void test_refusals(void)
{
    const struct host_job gone = {.script = "#!/bin/sh\n", .workdir = "/no/such/folder"};
    const struct dure_observation *end = run(60, &gone);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "no working directory: refused");
    TAP_HAS(end->reason, "the working directory cannot be entered: No such file", "and why");
    const struct host_job out = {.script = "#!/bin/sh\ntouch ran-anyway\n", .out = "no-such-folder/x"};
    end = run(61, &out);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "no place for the output: refused");
    TAP_HAS(end->reason, "the output file cannot be opened: No such file", "and why");
    TAP_OK(!host_exists("ran-anyway"), "nothing ran");
    mkfifo("pipe", 0600);
    const struct host_job fifo = {.script = "#!/bin/sh\n", .out = "pipe"};
    end = run(62, &fifo);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "a pipe that nobody reads does not hold it up");
    const struct host_job nothing = {.name = "empty"};
    end = run(63, &nothing);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "nothing to run: refused");
    TAP_HAS(end->reason, "neither a command nor a script", "and why");
    const struct host_job stranger = {.script = "#!/bin/sh\n", .login = "no-such-user-here"};
    end = run(64, &stranger);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "an unknown user: refused");
    TAP_HAS(end->reason, "this machine has no such user", "and why");
}

static void test_usage(void)
{
    const struct host_job job = {.script = "#!/bin/sh\n(i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done)\nhead -c "
                                           "30000000 /dev/zero | tail -c 29000000 >/dev/null\n",
                                 .out = "usage.txt"};
    const struct dure_observation *end = run(70, &job);
    TAP_OK(end->usage.cpu_us > 10000 && end->usage.cpu_us < 10000000, "processor time counts children too: %llu us",
           (unsigned long long)end->usage.cpu_us);
    TAP_OK(end->usage.memory_peak_mib >= 20 && end->usage.memory_peak_mib < 200, "memory has its peak: %llu MiB",
           (unsigned long long)end->usage.memory_peak_mib);
}

int main(void)
{
    char directory[4096];
    snprintf(directory, sizeof directory, "%s/attempts", tap_tempdir());
    TAP_EQ_INT(chdir(tap_tempdir()), 0, "in a fresh folder");
    host_open(&host, directory);
    struct dure_buf text;
    dure_buf_init(&text, 4096);
    host.engine->describe(host.engine->state, &text);
    tap_diag("%s", text.data);
    TAP_HAS(text.data, "GPU memory and fractions: accounted, not enforced", "it says what is not enforced");
    dure_buf_release(&text);
    test_script();
    test_environment();
    test_ends();
    test_scripts_of_all_kinds();
    test_output_files();
    test_refusals();
    test_usage();
    host_close(&host);
    return tap_done();
}
