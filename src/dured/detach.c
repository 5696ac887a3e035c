/* Into the background: the parent stays until the daemon answers requests or says why it cannot. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dured/daemon.h"

static int word_fd = -1;

/* One byte of exit status, then the words. End of file without a byte: the child died. */
_Noreturn static void wait_for_word(int fd, pid_t child)
{
    char word[4096];
    size_t held = 0;
    ssize_t got;

    while (held < sizeof word && ((got = read(fd, word + held, sizeof word - held)) > 0 || (got < 0 && errno == EINTR)))
        held += got > 0 ? (size_t)got : 0;
    if (held == 0) {
        waitpid(child, NULL, WNOHANG);
        fprintf(stderr, "dured: it ended while starting; its log says more\n");
        _exit(1);
    }
    if (held > 1)
        fprintf(stderr, "dured: %.*s\n", (int)(held - 1), word + 1);
    _exit(word[0]);
}

bool detach(const struct options *options)
{
    int ends[2], null;
    pid_t child;

    (void)options;
    if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
        fprintf(stderr, "dured: cannot go into the background: %s\n", strerror(errno));
        return false;
    }
    if (child > 0) {
        close(ends[1]);
        wait_for_word(ends[0], child);
    }
    close(ends[0]);
    word_fd = ends[1];
    setsid();
    if (chdir("/") != 0)
        return false;
    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    return true;
}

static void say(int status, const char *text)
{
    char word[2048];
    size_t length = strlen(text);

    if (word_fd < 0)
        return;
    if (length > sizeof word - 1)
        length = sizeof word - 1;
    word[0] = (char)status;
    memcpy(word + 1, text, length);
    if (write(word_fd, word, length + 1) < 0)
        log_line(LOG_LEVEL_WARNING, "the starting program is gone already");
    close(word_fd);
    word_fd = -1;
}

void detach_ready(void)
{
    say(0, "");
}

void detach_failed(int status, const char *text)
{
    say(status, text);
}
