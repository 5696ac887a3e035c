#pragma once
/* Control groups, version 2 only: what this machine permits, and one leaf per attempt. On a v1 hybrid the v2 tree has no controllers and still
 * freezes and kills. Everything here degrades: an empty path means "none", and every call on it does nothing and says false or 0. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { DURE_CGROUP_PATH_MAX = 512 };

struct dure_cgroup {
    char base[DURE_CGROUP_PATH_MAX]; /* where leaves are made; "" = not permitted */
    bool kills;                      /* cgroup.kill is there */
    bool memory, cpu;                /* these controllers reach the leaves */
    char note[256];                  /* why there is none, or what is lacking; "" else */
};

void dure_cgroup_detect(struct dure_cgroup *ret_cgroup);
void dure_cgroup_release(const struct dure_cgroup *cgroup); /* removes the base if it is ours and empty */

/* A leaf. Limits of 0 are none; those whose controller is absent are passed over. */
bool dure_cgroup_make(const char *leaf, uint64_t memory_mib, uint64_t cpu_milli);
bool dure_cgroup_kill(const char *leaf); /* SIGKILL of all inside, at once */
bool dure_cgroup_populated(const char *leaf);
uint64_t dure_cgroup_cpu_us(const char *leaf);
uint64_t dure_cgroup_memory_peak_mib(const char *leaf); /* 0: no memory controller */
void dure_cgroup_remove(const char *leaf);
/* Calls each process inside. Returns how many. */
uint32_t dure_cgroup_each(const char *leaf, void (*each)(void *context, pid_t pid), void *context);
