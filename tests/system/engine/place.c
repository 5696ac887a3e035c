/* Whose rights a job has, what a full disk does, and what a machine that went down leaves. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/attempt.h"
#include "system/engine/host.h"

static struct host host;
static char directory[4096];

static const struct dure_observation *run(uint64_t attempt, const struct host_job *job)
{
    static const struct dure_observation none = {0};
    host_start(&host, attempt, job, false);
    const struct dure_observation *end = host_wait_over(&host, attempt, 10);
    TAP_OK(end, "attempt %d is over in time", (int)attempt);
    return end ? end : &none;
}

static void test_user(void)
{
    struct stat info;
    if (geteuid() != 0) {
        const struct host_job other = {.script = "#!/bin/sh\n", .login = "root"};
        const struct dure_observation *end = run(1, &other);
        TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "without root nobody becomes another user");
        TAP_HAS(end->reason, "the daemon is not root", "and why");
        tap_skip("becoming another user needs root");
        return;
    }
    const struct host_job erased = {.script = "#!/bin/sh\n", .login = ""};
    const struct dure_observation *refused = run(9, &erased);
    TAP_EQ_INT(refused->report, DURE_REPORT_REFUSED, "a login that was erased never becomes root's");
    TAP_HAS(refused->reason, "was erased", "and why");
    TAP_EQ_INT(mkdir("theirs", 0777) | chmod("theirs", 0777), 0, "a folder for anyone");
    TAP_EQ_INT(mkdir("ours", 0700), 0, "a folder for root alone");
    char theirs[4200], ours[4200], secret[4300];
    snprintf(theirs, sizeof theirs, "%s/theirs", tap_tempdir());
    snprintf(ours, sizeof ours, "%s/ours", tap_tempdir());
    snprintf(secret, sizeof secret, "%s/ours/secret", tap_tempdir());
    const struct host_job who = {
        .script =
            "#!/bin/sh\nid -un; id -Gn; echo $HOME $USER $LOGNAME; cat /proc/self/status | grep -E '^(CapEff|Uid)'\n",
        .login = "nobody",
        .workdir = theirs,
        .out = "who.txt"};
    TAP_EQ_INT(run(1, &who)->exit_code, 0, "a job of nobody's runs");
    snprintf(secret, sizeof secret, "%s/who.txt", theirs);
    TAP_HAS(host_read(secret), "nobody\nnogroup\n/nonexistent nobody nobody\n", "as nobody");
    TAP_HAS(host_read(secret), "CapEff:\t0000000000000000\n", "with no capability");
    TAP_OK(stat(secret, &info) == 0 && info.st_uid != 0, "who owns its output");
    const struct host_job closed = {.script = "#!/bin/sh\n", .login = "nobody", .workdir = ours};
    TAP_HAS(run(2, &closed)->reason, "cannot be entered: Permission denied",
            "a folder that they may not enter is refused");
    snprintf(secret, sizeof secret, "%s/ours/secret", tap_tempdir());
    close(open(secret, O_CREAT | O_WRONLY, 0600));
    TAP_EQ_INT(symlink(secret, "theirs/link"), 0, "a link from their folder to root's file");
    const struct host_job trick = {
        .script = "#!/bin/sh\necho stolen\n", .login = "nobody", .workdir = theirs, .out = "link"};
    const struct dure_observation *end = run(3, &trick);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "leads nowhere");
    TAP_HAS(end->reason, "Permission denied", "for want of rights");
    TAP_OK(stat(secret, &info) == 0 && info.st_size == 0, "root's file is as it was");
    const struct host_job script = {.script = "#!/bin/sh\necho arg $1\n",
                                    .command = "x",
                                    .command_length = 2,
                                    .login = "nobody",
                                    .workdir = theirs,
                                    .out = "s.txt"};
    TAP_EQ_INT(run(4, &script)->exit_code, 0, "they can read the script that is theirs to run");
}

static void test_full_disk(void)
{
    char mount_point[4200], folder[4300], filler[4300], path[4400];
    snprintf(mount_point, sizeof mount_point, "%s/small", tap_tempdir());
    mkdir(mount_point, 0700);
    if (mount("none", mount_point, "tmpfs", 0, "size=256k,nr_inodes=40") != 0) {
        tap_skip("mounting a small file system needs root");
        return;
    }
    snprintf(folder, sizeof folder, "%s/attempts", mount_point);
    snprintf(filler, sizeof filler, "%s/filler", mount_point);
    host_open(&host, folder);
    const struct host_job slow = {.script =
                                      "#!/bin/sh\necho $$ > slow\nwhile ! test -e full; do sleep 0.01; done\nexit 21\n",
                                  .out = "/dev/null"};
    host_start(&host, 1, &slow, false);
    host_pid("slow");
    const int fd = open(filler, O_CREAT | O_WRONLY, 0600);
    char block[4096] = "";
    while (write(fd, block, sizeof block) > 0)
        continue;
    close(fd);
    const struct host_job late = {.script = "#!/bin/sh\ntouch late\n"};
    const struct dure_observation *end = run(2, &late);
    TAP_EQ_INT(end->report, DURE_REPORT_REFUSED, "on a full disk nothing new begins");
    TAP_HAS(end->reason, "No space left on device", "and why");
    close(open("full", O_CREAT | O_WRONLY, 0600));
    end = host_wait_over(&host, 1, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED && end->exit_code == 21, "what ran ends with its status");
    snprintf(path, sizeof path, "%s/1/status", folder);
    host_turn(&host, 0.1);
    TAP_HAS(host_read(path), "exit_code 21\n", "for which room had been kept");
    TAP_OK(!host_exists("late"), "the refused job did not run");
    host_close(&host);
    umount2(mount_point, MNT_DETACH);
}

/* The machine "goes down": the boot that is written beside the attempts is another one. */
static void test_earlier_boot(void)
{
    char path[4300];
    const struct host_job job = {.script = "#!/bin/sh\necho begun >> boot-$DURE_ATTEMPT\n"};
    host_open(&host, directory);
    host_start(&host, 50, &job, false);
    host_wait_over(&host, 50, 5);
    host_close(&host);
    host_open(&host, directory);
    host_start(&host, 52, &job, true);
    const struct dure_observation *end = host_wait_over(&host, 52, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED,
           "in the same boot an attempt that never began is begun while recovering");
    host_close(&host);
    snprintf(path, sizeof path, "%s/boot", directory);
    struct dure_boot other = {.boot = "00000000-0000-0000-0000-000000000000", .first = 1};
    struct dure_buf text;
    dure_buf_init(&text, 4096);
    dure_boot_encode(&other, &text);
    const int fd = open(path, O_WRONLY | O_TRUNC);
    TAP_EQ_INT(write(fd, text.data, text.length), text.length, "the machine went down");
    close(fd);
    dure_buf_release(&text);
    host_open(&host, directory);
    host_start(&host, 53, &job, true);
    end = host_wait_over(&host, 53, 5);
    TAP_OK(end && end->report == DURE_REPORT_LOST, "then it is not: nobody knows whether it had begun");
    TAP_OK(!host_exists("boot-53"), "it did not run");
    host_start(&host, 50, &job, true);
    end = host_wait_over(&host, 50, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED, "a status that reached the disk still counts");
    host_start(&host, 54, &job, false);
    end = host_wait_over(&host, 54, 5);
    TAP_OK(end && end->report == DURE_REPORT_ENDED, "new attempts begin");
    host_close(&host);
    host_open(&host, directory);
    host_start(&host, 53, &job, true);
    end = host_wait_over(&host, 53, 5);
    TAP_OK(end && end->report == DURE_REPORT_LOST, "and the line between the boots outlives the daemon");
    host_close(&host);
}

int main(void)
{
    snprintf(directory, sizeof directory, "%s/attempts", tap_tempdir());
    TAP_EQ_INT(chdir(tap_tempdir()), 0, "in a fresh folder");
    chmod(tap_tempdir(), 0755);
    host_open(&host, directory);
    test_user();
    host_close(&host);
    test_earlier_boot();
    test_full_disk();
    return tap_done();
}
