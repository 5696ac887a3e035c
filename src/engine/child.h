#pragma once
/* Begins a process, on any thread: no signal of it is blocked or ignored, and nothing of ours is open to it but what it is given. Who begins it waits
 * for it (waitpid). */
#include <stdbool.h>
#include <sys/types.h>

struct dure_spawn {
    const char *file;
    char **arguments, **environment; /* NULL-terminated */
    const char *directory;           /* NULL: ours */
    const int *fds;                  /* closed on exec, none below its own place; they become its 0, 1, ... */
    unsigned fd_count;
    bool search;     /* `file` is looked for in our PATH; not together with other_user */
    bool session;    /* it leads one of its own */
    bool other_user; /* only root may: then as these, without further groups */
    uid_t uid;
    gid_t gid;
};

struct dure_child {
    pid_t pid;
    int out_fd, err_fd; /* what it prints; the caller closes them */
};

/* 0, or the errno of what failed: then nothing runs. Waits until the program has begun. */
int dure_spawn(const struct dure_spawn *what, pid_t *ret_pid);
/* With that as its input (-1: /dev/null) and two pipes to us in place of `fds`, and in "/". */
int dure_spawn_piped(const struct dure_spawn *what, int input_fd, struct dure_child *ret_child);
