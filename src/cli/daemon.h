#pragma once
/* The daemon as a process: is it there, start it detached, wait for it to come or go, find supervisors that outlived one. */
#include "cli/cli.h"

/* 0: nothing listens on the socket. Else the listener's process id (−1: something listens, but who is not known). */
int64_t dure_daemon_pid(const struct dure_cli *cli);
/* Starts `dured` in a session of its own with its log in the state folder, and waits until it is well. An exit code; the message is out. */
int dure_daemon_start(struct dure_cli *cli, int64_t *ret_pid);
/* Waits until the process is gone. False: it is not, after `us`. */
bool dure_daemon_gone(int64_t pid, int64_t us);
/* Supervisors of attempts of this state folder that run now. */
unsigned dure_daemon_minders(const struct dure_cli *cli);
void dure_daemon_log(const struct dure_cli *cli, char path[DURE_CLI_PATH_MAX + 16]);
