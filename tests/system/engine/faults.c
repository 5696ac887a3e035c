/* Kill the daemon, the minder, both, at bad moments: no attempt starts twice, no exit status is lost, nothing is left running. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/engine/host.h"

static struct host host;
static char directory[4096];

/* A daemon in another process that orders the job, waits until it has started (or not), and is killed. */
static void dies_after_start(uint64_t attempt, const struct host_job *job, bool wait_started)
{
    const pid_t daemon = fork();
    if (daemon == 0) {
        static struct host other;
        host_open(&other, directory);
        host_start(&other, attempt, job, false);
        if (wait_started)
            _exit(host_wait(&other, attempt, DURE_REPORT_STARTED, 5) ? (raise(SIGKILL), 1) : 2);
        host_turn(&other, 0.001 * (double)(attempt % 7));
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(daemon, &status, 0);
    TAP_OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the daemon of attempt %d was killed", (int)attempt);
}

static void test_daemon_killed(void)
{
    const struct host_job job = {
        .script = "#!/bin/sh\necho begun >> begun-1\nwhile ! test -e go-1; do sleep 0.02; done\nexit 5\n"};
    dies_after_start(1, &job, true);
    host_open(&host, directory);
    host_start(&host, 1, &job, true);
    TAP_OK(host_wait(&host, 1, DURE_REPORT_STARTED, 5), "the next daemon attaches to what runs");
    close(open("go-1", O_CREAT | O_WRONLY, 0600));
    const struct dure_observation *end = host_wait_over(&host, 1, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_code == 5, "and hears its end");
    TAP_EQ_STR(host_read("begun-1"), "begun\n", "it began once");
    host_close(&host);
}

static void test_ended_while_away(void)
{
    const struct host_job job = {.script = "#!/bin/sh\necho begun >> begun-2\nsleep 0.1\nkill -USR1 $$\n"};
    dies_after_start(2, &job, true);
    usleep(400000);
    host_open(&host, directory);
    host_start(&host, 2, &job, true);
    const struct dure_observation *end = host_wait_over(&host, 2, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_signal == SIGUSR1,
           "the end that nobody saw is on disk");
    host_close(&host);
    host_open(&host, directory);
    host_start(&host, 2, &job, true);
    end = host_wait_over(&host, 2, 5);
    TAP_OK(end && end->exit_signal == SIGUSR1, "and stays there until it is forgotten");
    TAP_EQ_STR(host_read("begun-2"), "begun\n", "it began once");
    host_close(&host);
}

static void test_any_instant(void)
{
    enum { ROUNDS = 14 };
    uint32_t once = 0;
    for (uint64_t attempt = 100; attempt < 100 + ROUNDS; attempt++) {
        char script[128], file[32];
        snprintf(script, sizeof script, "#!/bin/sh\necho begun >> any-%d\nsleep 0.02\nexit 4\n", (int)attempt);
        const struct host_job job = {.script = script, .out = "any.txt"};
        dies_after_start(attempt, &job, false);
        host_open(&host, directory);
        host_start(&host, attempt, &job, true);
        const struct dure_observation *end = host_wait_over(&host, attempt, 10);
        TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_code == 4,
               "killed at instant %d: it runs to its end", (int)attempt);
        if (end && end->report != DURE_REPORT_ENDED)
            tap_diag("report %d: %s", (int)end->report, end->reason);
        snprintf(file, sizeof file, "any-%d", (int)attempt);
        once += strcmp(host_read(file), "begun\n") == 0;
        host_close(&host);
    }
    TAP_EQ_UINT(once, ROUNDS, "each began exactly once");
}

static void kill_minder(uint64_t attempt)
{
    const pid_t minder = host_minder(&host, attempt);
    TAP_OK(minder > 0 && kill(minder, SIGKILL) == 0, "the minder of attempt %d is killed", (int)attempt);
}

static const char family[] = "#!/bin/sh\ntrap '' TERM HUP\n"
                             "setsid sh -c 'trap \"\" TERM; echo $$ > daemon; while :; do sleep 1; done' &\n"
                             "echo $$ > parent\nwhile :; do sleep 1; done\n";

static void expect_lost(uint64_t attempt)
{
    const struct dure_observation *end = host_wait_over(&host, attempt, 15);
    TAP_OK(end && end->report == DURE_REPORT_LOST, "attempt %d is lost", (int)attempt);
    TAP_HAS(end ? end->reason : "", "minder ended without leaving a status", "and why");
    TAP_OK(host_gone(host_pid("parent")), "its process is gone");
    TAP_OK(host_gone(host_pid("daemon")), "and so is what it had daemonised");
}

static void test_minder_killed(bool with_cgroup)
{
    const uint64_t attempt = with_cgroup ? 3 : 4;
    const struct dure_local_options options = {.no_cgroup = !with_cgroup};
    const struct host_job job = {.script = family, .out = "family.txt"};
    unlink("parent");
    unlink("daemon");
    host_open_fleet(&host, directory, host_fleet_yaml, &options);
    host_start(&host, attempt, &job, false);
    TAP_OK(host_pid("parent") && host_pid("daemon"), "a job with a daemon of its own runs");
    TAP_OK(host_wait(&host, attempt, DURE_REPORT_STARTED, 5), "and is known to");
    kill_minder(attempt);
    expect_lost(attempt);
    host_close(&host);
}

static void test_both_killed(void)
{
    const struct host_job job = {.script = family, .out = "family.txt"};
    unlink("parent");
    unlink("daemon");
    dies_after_start(5, &job, true);
    TAP_OK(host_pid("parent") && host_pid("daemon"), "a job with a daemon of its own runs");
    host_open(&host, directory);
    kill_minder(5);
    host_start(&host, 5, &job, true);
    expect_lost(5);
    TAP_EQ_UINT(host_count(&host, 5, DURE_REPORT_STARTED), 0, "it was not started again");
    host_close(&host);
}

static void test_stop(bool with_cgroup)
{
    const uint64_t attempt = with_cgroup ? 6 : 7;
    const struct dure_local_options options = {.no_cgroup = !with_cgroup};
    const struct host_job job = {.script = family, .out = "family.txt"};
    unlink("parent");
    unlink("daemon");
    host_open_fleet(&host, directory, host_fleet_yaml, &options);
    host_start(&host, attempt, &job, false);
    host_wait(&host, attempt, DURE_REPORT_STARTED, 5);
    const pid_t parent = host_pid("parent"), daemon = host_pid("daemon");
    host.engine->warn(host.engine->state, (struct dure_attempt_id){attempt}, 0);
    host_turn(&host, 0.2);
    TAP_OK(host_alive(parent) && host_alive(daemon), "a job that ignores the warning goes on");
    host.engine->stop(host.engine->state, (struct dure_attempt_id){attempt});
    const struct dure_observation *end = host_wait_over(&host, attempt, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_signal == SIGKILL, "until it is stopped");
    TAP_OK(host_gone(parent) && host_gone(daemon), "with all of its tree");
    host_close(&host);
}

static void test_warn(void)
{
    const struct host_job job = {
        .script = "#!/bin/sh\ntrap 'echo warned; exit 12' TERM\necho $$ > warned-pid\nwhile :; do sleep 0.05; done\n",
        .out = "warn.txt"};
    host_open(&host, directory);
    host_start(&host, 8, &job, false);
    host_pid("warned-pid");
    host.engine->warn(host.engine->state, (struct dure_attempt_id){8}, 0);
    const struct dure_observation *end = host_wait_over(&host, 8, 5);
    TAP_OK(end && end->exit_code == 12, "a warned job may end by itself");
    TAP_HAS(host_read("warn.txt"), "warned\n", "and say so");
    const struct host_job quick = {.script = "#!/bin/sh\nsetsid sh -c 'echo $$ > orphan; exec sleep 100' &\nwhile ! "
                                             "test -s orphan; do sleep 0.01; done\n"};
    host_start(&host, 9, &quick, false);
    end = host_wait_over(&host, 9, 5);
    TAP_OK(end && end->exit_code == 0, "a job that leaves a daemon behind ends well");
    TAP_OK(host_gone(host_pid("orphan")), "and the daemon with it");
    host_close(&host);
}

static void test_stop_before_begin(void)
{
    const struct host_job job = {.script = "#!/bin/sh\ntouch began-10\n"};
    host_open(&host, directory);
    for (uint64_t i = 0; i < 20; i++) /* the first fill the launch limit */
        host_start(&host, 200 + i, &(struct host_job){.script = "#!/bin/sh\n", .out = "many.txt"}, false);
    host_start(&host, 10, &job, false);
    host.engine->stop(host.engine->state, (struct dure_attempt_id){10});
    const struct dure_observation *end = host_wait_over(&host, 10, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_signal == SIGKILL, "stopped before it began: ended");
    host_turn(&host, 0.2);
    TAP_OK(!host_exists("began-10"), "and it never began");
    host_close(&host);
}

static void test_said_twice(void)
{
    const struct host_job job = {.script = "#!/bin/sh\necho begun >> begun-11\n"};
    host_open(&host, directory);
    host_start(&host, 11, &job, false);
    host_start(&host, 11, &job, false);
    host_start(&host, 11, &job, true);
    host_wait_over(&host, 11, 5);
    host_turn(&host, 0.2);
    TAP_EQ_STR(host_read("begun-11"), "begun\n", "an order said three times starts once");
    TAP_EQ_UINT(host_count(&host, 11, DURE_REPORT_ENDED), 1, "and ends once");
    /* A minder that is launched again for the same attempt finds it held. */
    char folder[4200];
    snprintf(folder, sizeof folder, "%s/11", directory);
    const pid_t again = fork();
    if (again == 0)
        execl(getenv("DURE_MINDER"), "dure-minder", folder, NULL), _exit(99);
    int status = 0;
    waitpid(again, &status, 0);
    TAP_EQ_INT(WEXITSTATUS(status), 3, "another minder steps back");
    TAP_EQ_STR(host_read("begun-11"), "begun\n", "without starting anything");
    host_close(&host);
}

static void test_damaged_spec(void)
{
    char path[4200];
    const struct host_job job = {.script = "#!/bin/sh\necho whole\n", .out = "spec.txt"};
    host_open(&host, directory);
    snprintf(path, sizeof path, "%s/12", directory);
    TAP_EQ_INT(mkdir(path, 0700), 0, "a folder is there");
    snprintf(path, sizeof path, "%s/12/spec", directory);
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);
    TAP_EQ_INT(write(fd, "torn", 4), 4, "with half a spec in it");
    close(fd);
    const pid_t minder = fork();
    if (minder == 0) {
        path[strlen(path) - 5] = '\0';
        execl(getenv("DURE_MINDER"), "dure-minder", path, NULL), _exit(99);
    }
    int status = 0;
    waitpid(minder, &status, 0);
    TAP_EQ_INT(WEXITSTATUS(status), 1, "a minder refuses it");
    TAP_OK(!host_exists("%s/12/claimed", directory), "without claiming the attempt");
    host_start(&host, 12, &job, true);
    const struct dure_observation *end = host_wait_over(&host, 12, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_code == 0, "the engine writes it again and it runs");
    host_close(&host);
}

static void test_status_cannot_be_stored(void)
{
    char path[4200];
    const struct host_job job = {.script = "#!/bin/sh\nwhile ! test -e go-13; do sleep 0.01; done\nexit 33\n"};
    dies_after_start(13, &job, true);
    snprintf(path, sizeof path, "%s/13/status", directory);
    TAP_EQ_INT(mkdir(path, 0700), 0, "something is in the way of the status");
    close(open("go-13", O_CREAT | O_WRONLY, 0600));
    usleep(300000);
    host_open(&host, directory);
    host_start(&host, 13, &job, true);
    const struct dure_observation *end = host_wait_over(&host, 13, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_code == 33,
           "the minder keeps it in memory and says it");
    const pid_t minder = host_minder(&host, 13);
    TAP_OK(host_alive(minder), "and waits");
    TAP_EQ_INT(rmdir(path), 0, "the way is free again");
    TAP_OK(host_gone(minder), "it stores the status and ends");
    TAP_HAS(host_read(path), "exit_code 33\n", "there it is");
    host_close(&host);
}

static void test_stuck_minder(void)
{
    const struct host_job job = {.script = family, .out = "family.txt"};
    unlink("parent");
    unlink("daemon");
    const struct dure_local_options options = {.stop_patience_us = 500000};
    host_open_fleet(&host, directory, host_fleet_yaml, &options);
    host_start(&host, 14, &job, false);
    const pid_t parent = host_pid("parent"), daemon = host_pid("daemon");
    host_wait(&host, 14, DURE_REPORT_STARTED, 5);
    kill(host_minder(&host, 14), SIGSTOP);
    host.engine->stop(host.engine->state, (struct dure_attempt_id){14});
    const struct dure_observation *end = host_wait_over(&host, 14, 20);
    TAP_OK(end && end->report == DURE_REPORT_LOST, "a minder that does not obey is done without");
    TAP_OK(host_gone(parent) && host_gone(daemon), "and nothing of the attempt is left");
    host_close(&host);
}

static void test_sweep(void)
{
    char path[4300];
    const struct host_job job = {.script = family, .out = "family.txt"};
    unlink("parent");
    unlink("daemon");
    dies_after_start(15, &job, true);
    const pid_t parent = host_pid("parent"), daemon = host_pid("daemon");
    host_open(&host, directory);
    const struct host_job kept = {.script = "#!/bin/sh\nsleep 0.5\nexit 6\n"};
    host_start(&host, 16, &kept, false);
    dure_engine_local_sweep(host.engine);
    const struct dure_observation *end = host_wait_over(&host, 16, 5);
    TAP_OK(end && end->exit_code == 6, "a sweep leaves what was handed over");
    TAP_OK(host_gone(parent) && host_gone(daemon), "and ends what was not");
    snprintf(path, sizeof path, "%s/15", directory);
    TAP_OK(host_turn_gone(&host, path), "with its folder");
    host_close(&host);
}

static void test_forget_ends(void)
{
    char path[4300];
    const struct host_job job = {.script = family, .out = "family.txt"};
    unlink("parent");
    unlink("daemon");
    host_open(&host, directory);
    host_start(&host, 19, &job, false);
    const pid_t parent = host_pid("parent"), daemon = host_pid("daemon");
    host_wait(&host, 19, DURE_REPORT_STARTED, 5);
    host.engine->forget(host.engine->state, (struct dure_attempt_id){19});
    snprintf(path, sizeof path, "%s/19", directory);
    TAP_OK(host_turn_gone(&host, path), "forgetting what runs removes its folder");
    TAP_OK(host_gone(parent) && host_gone(daemon), "once it is ended");
    TAP_EQ_UINT(host.over_count, 0, "without a word");
    host_close(&host);
}

/* Holds a lock for as long as anything of it lives; says so when another has it. */
static const char alone[] = "#!/bin/sh\nexec 9>alone.lock\nflock -n 9 || echo $DURE_ATTEMPT >> two-at-once\n"
                            "echo $DURE_ATTEMPT >> order\ntrap '' TERM HUP\nsetsid sleep 100 &\nsleep 100\n";

/* It has started, and its first line was run. */
static bool runs_alone(uint64_t attempt)
{
    char line[32];
    bool runs = host_wait(&host, attempt, DURE_REPORT_STARTED, 10);
    snprintf(line, sizeof line, "%d\n", (int)attempt);
    for (int i = 0; runs && i < 1000 && !strstr(host_read("order"), line); i++)
        host_turn(&host, 0.01);
    return runs && strstr(host_read("order"), line);
}

static bool says(const char *words)
{
    struct dure_buf text;
    dure_buf_init(&text, 4096);
    host.engine->describe(host.engine->state, &text);
    const bool does = strstr(text.data, words) != NULL;
    dure_buf_release(&text);
    return does;
}

/* The core ended an attempt and started another of its job, and the daemon was killed before it gave either order: the next daemon is handed the new
 * one before it sweeps away the old. */
static void test_one_after_the_other(void)
{
    const struct host_job job = {.script = alone, .out = "alone.txt", .job = 7000};
    dies_after_start(500, &job, true);
    host_open(&host, directory);
    host_start(&host, 501, &job, true);
    host_turn(&host, 0.3);
    TAP_EQ_UINT(host_count(&host, 501, DURE_REPORT_STARTED), 0, "beside an attempt of its job none begins");
    TAP_OK(says("leaving: ") && says("500"), "and the engine says whom it waits for");
    dure_engine_local_sweep(host.engine);
    TAP_OK(runs_alone(501), "once the old one is swept away the new one does");
    for (int i = 0; i < 1000 && says("leaving:"); i++)
        host_turn(&host, 0.01);
    TAP_OK(!says("leaving:"), "nobody is waited for any more");
    TAP_OK(!host_exists("two-at-once"), "and never were there two at once");
    host.engine->forget(host.engine->state, (struct dure_attempt_id){501});
    host_start(&host, 502, &job, false);
    TAP_OK(runs_alone(502), "so does one whose forerunner is forgotten while it runs");
    const struct host_job other = {.script = alone, .out = "alone.txt", .job = 7001};
    host.engine->forget(host.engine->state, (struct dure_attempt_id){502});
    host_start(&host, 503, &other, false);
    TAP_OK(runs_alone(503), "and another job on the same GPU");
    TAP_OK(!host_exists("two-at-once"), "which were never two at once either");
    TAP_EQ_STR(host_read("order"), "500\n501\n502\n503\n", "each began once, in this order");
    host.engine->stop(host.engine->state, (struct dure_attempt_id){503});
    host_wait_over(&host, 503, 10);
    host_close(&host);
}

/* The same over and over, killed at any instant of it: what was handed over is let go, the next one begins. */
static void test_one_at_any_instant(void)
{
    enum { ROUNDS = 12 };
    const struct host_job job = {.script = alone, .out = "alone.txt", .job = 7002};
    unlink("order");
    unlink("alone.lock");
    for (uint64_t attempt = 600; attempt < 600 + ROUNDS; attempt++) {
        const pid_t daemon = fork();
        if (daemon == 0) {
            static struct host other;
            host_open(&other, directory);
            if (attempt > 600 && attempt % 3)
                host_start(&other, attempt - 1, &job, true); /* the core had not ended it yet: it does now */
            else
                dure_engine_local_sweep(other.engine);
            host_turn(&other, 0.002 * (double)(attempt % 5));
            if (attempt > 600)
                other.engine->forget(other.engine->state, (struct dure_attempt_id){attempt - 1});
            host_start(&other, attempt, &job, false);
            host_turn(&other, 0.007 * (double)(attempt % 4) * (double)(attempt % 4));
            raise(SIGKILL);
        }
        int status = 0;
        waitpid(daemon, &status, 0);
        if (!WIFSIGNALED(status))
            TAP_FAIL("the daemon of attempt %d was killed", (int)attempt);
    }
    host_open(&host, directory);
    host_start(&host, 600 + ROUNDS, &job, true);
    dure_engine_local_sweep(host.engine);
    TAP_OK(host_wait(&host, 600 + ROUNDS, DURE_REPORT_STARTED, 20), "the last of %d killed daemons' attempts runs",
           ROUNDS);
    TAP_OK(!host_exists("two-at-once"), "and never ran beside another: %s", host_read("order"));
    host.engine->stop(host.engine->state, (struct dure_attempt_id){600 + ROUNDS});
    host_wait_over(&host, 600 + ROUNDS, 10);
    host_close(&host);
}

static void test_backstop(void)
{
    const struct host_job job = {
        .script = "#!/bin/sh\necho $$ > late\nexec sleep 100\n", .walltime_us = 300000, .grace_us = 200000};
    dies_after_start(17, &job, true);
    TAP_OK(host_gone(host_pid("late")), "with no daemon there the minder itself ends a job whose walltime passed");
    host_open(&host, directory);
    host_start(&host, 17, &job, true);
    const struct dure_observation *end = host_wait_over(&host, 17, 5);
    TAP_OK(end && end->exit_signal == SIGTERM, "it was warned");
    TAP_HAS(end ? end->reason : "", "walltime passed while no daemon was there", "and why");
    host_close(&host);
}

static void test_socket_mode(void)
{
    char path[4300];
    struct stat info = {0};
    const struct host_job job = {.script = "#!/bin/sh\necho $$ > mode\nsleep 100\n"};
    host_open(&host, directory);
    host_start(&host, 18, &job, false);
    host_wait(&host, 18, DURE_REPORT_STARTED, 5);
    snprintf(path, sizeof path, "%s/18/ctl", directory);
    TAP_EQ_INT(stat(path, &info), 0, "the control socket is there");
    TAP_EQ_INT(info.st_mode & 0777, 0600, "for its owner alone");
    host.engine->stop(host.engine->state, (struct dure_attempt_id){18});
    host_wait_over(&host, 18, 5);
    host_close(&host);
}

int main(void)
{
    snprintf(directory, sizeof directory,
             "%s/attempts-in-a-folder-whose-name-is-so-long-that-no-socket-could-have-it-as-its-address",
             tap_tempdir());
    TAP_EQ_INT(chdir(tap_tempdir()), 0, "in a fresh folder");
    test_daemon_killed();
    test_ended_while_away();
    test_any_instant();
    test_minder_killed(true);
    test_minder_killed(false);
    test_both_killed();
    test_stop(true);
    test_stop(false);
    test_warn();
    test_stop_before_begin();
    test_said_twice();
    test_damaged_spec();
    test_status_cannot_be_stored();
    test_sweep();
    test_forget_ends();
    test_one_after_the_other();
    test_one_at_any_instant();
    test_backstop();
    test_socket_mode();
    test_stuck_minder();
    return tap_done();
}
