#pragma once
/* Begins a process, on any thread: with an environment of its own, in "/", without anything open but its input and two pipes to us. Who begins it
 * waits for it (waitpid). */
#include <stdbool.h>
#include <sys/types.h>

struct slurm_spawn {
    const char *file;
    char **arguments, **environment; /* NULL-terminated */
    int input_fd;                    /* -1: /dev/null */
    bool other_user;                 /* only root may: then as these, without further groups */
    uid_t uid;
    gid_t gid;
};

struct slurm_child {
    pid_t pid;
    int out_fd, err_fd; /* what it prints; the caller closes them */
};

/* 0, or the errno of what failed: then nothing runs. Waits until the program has begun. */
int slurm_spawn(const struct slurm_spawn *what, struct slurm_child *ret_child);
