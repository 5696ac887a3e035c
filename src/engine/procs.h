#pragma once
/* Processes as /proc shows them: identity that survives number reuse, what descends from a process, and what carries an attempt's token. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/attempt.h"

bool dure_proc_boot(char boot[40]);
bool dure_proc_claim_self(struct dure_claim *ret_claim); /* this process; false: /proc is not there */
bool dure_proc_alive(const struct dure_claim *claim);    /* false also for a zombie */

enum { DURE_PROCS_MAX = 65536 };

/* Calls `each` for every living process (zombies left out) that descends from `root`, itself left out. Returns how many. O(processes). */
uint32_t dure_proc_descendants(pid_t root, void (*each)(void *context, pid_t pid), void *context);
/* The same for processes whose environment holds `entry` (NAME=value). Unreadable ones are passed over. */
uint32_t dure_proc_with_environment(const char *entry, void (*each)(void *context, pid_t pid), void *context);
uint64_t dure_proc_rss_kib(pid_t pid);
void dure_proc_kill(void *context, pid_t pid); /* SIGKILL; fits `each` */
