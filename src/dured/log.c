#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "dured/daemon.h"

enum { LINE_BYTES = 2048 };

static enum log_level level_max = LOG_LEVEL_INFO;

void log_open(const struct options *options)
{
    int fd;

    level_max = options->level;
    if (options->log[0] == '\0')
        return;
    fd = open(options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_line(LOG_LEVEL_ERROR, "%s: %s", options->log, strerror(errno));
        return;
    }
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    close(fd);
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char line[LINE_BYTES];
    char time[DURE_TIME_TEXT_MAX];
    struct timespec now;
    int at, more;
    va_list args;

    if (level > level_max)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    dure_time_format_utc((int64_t)now.tv_sec * DURE_SECOND_US + now.tv_nsec / 1000000 * 1000, time);
    at = snprintf(line, sizeof line - 1, "%s dured[%d] %s: ", time, (int)getpid(), names[level]);
    va_start(args, format);
    more = vsnprintf(line + at, sizeof line - 1 - (size_t)at, format, args);
    va_end(args);
    at = more < 0 ? at : at + more;
    if ((size_t)at > sizeof line - 2)
        at = (int)sizeof line - 2;
    for (int i = 0; i < at; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[at++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)at) < 0)
        return; /* nowhere left to say it */
}
