#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "dured/daemon.h"

int main(int argc, char **argv)
{
    static struct options options;
    struct dure_error error = {0};
    int done = options_read(argc, argv, &options);

    if (done != 0)
        return done - 1;
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    if (folder_make(options.state, 0700, &error) != DURE_OK) {
        fprintf(stderr, "dured: %s\n", error.text);
        return 1;
    }
    if (!options.foreground && !detach(&options))
        return 1;
    log_open(&options);
    return daemon_run(&options);
}
