#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/huge.h"
#include "dured/daemon.h"

enum { DESCRIPTORS = 65536 };

/* A descriptor a connection and several an attempt: the usual 1,024 are too few. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static struct options options;
    struct dure_error error = {0};
    dure_huge_begin();
    int done = options_read(argc, argv, &options);

    if (done != 0)
        return done - 1;
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    if (folder_make(options.state, 0700, &error) != DURE_OK) {
        fprintf(stderr, "dured: %s\n", error.text);
        return 1;
    }
    if (!options.foreground && !detach(&options))
        return 1;
    log_open(&options);
    return daemon_run(&options);
}
