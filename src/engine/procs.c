#include "engine/procs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct stat_row {
    pid_t pid, parent;
    char state;
    uint64_t start_ticks;
};

static ssize_t read_small(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static bool stat_of(pid_t pid, struct stat_row *ret_row)
{
    char path[48], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_small(path, text, sizeof text) <= 0)
        return false;
    /* The name, in parentheses, may hold anything: what follows the last one is fixed. */
    const char *at = strrchr(text, ')');
    int parent;
    char state;
    unsigned long long start;
    if (!at || sscanf(at + 1, " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &state,
                      &parent, &start) != 3)
        return false;
    *ret_row = (struct stat_row){pid, parent, state, start};
    return true;
}

bool dure_proc_boot(char boot[40])
{
    if (read_small("/proc/sys/kernel/random/boot_id", boot, 40) < 36)
        return false;
    boot[36] = '\0';
    return true;
}

bool dure_proc_claim_self(struct dure_claim *ret_claim)
{
    struct stat_row row;
    struct dure_claim claim = {.pid = getpid()};
    if (!stat_of(getpid(), &row) || !dure_proc_boot(claim.boot))
        return false;
    claim.start_ticks = row.start_ticks;
    *ret_claim = claim;
    return true;
}

bool dure_proc_alive(const struct dure_claim *claim)
{
    struct stat_row row;
    char boot[40];
    if (kill((pid_t)claim->pid, 0) != 0 && errno == ESRCH)
        return false;
    /* There is such a number. Only what was read can say that it is another's: for want of a descriptor nobody is declared dead. */
    if (dure_proc_boot(boot) && strcmp(boot, claim->boot) != 0)
        return false;
    return !stat_of((pid_t)claim->pid, &row) ||
           (row.start_ticks == claim->start_ticks && row.state != 'Z' && row.state != 'X');
}

static uint32_t list_all(struct stat_row *rows, uint32_t count_max)
{
    DIR *dir = opendir("/proc");
    uint32_t count = 0;
    struct dirent *entry;
    while (dir && count < count_max && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]) && stat_of((pid_t)strtol(entry->d_name, NULL, 10), &rows[count]))
            count++;
    if (dir)
        closedir(dir);
    return count;
}

static int by_pid(const void *a, const void *b)
{
    const struct stat_row *left = a, *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

static bool descends(const struct stat_row *rows, uint32_t count, const struct stat_row *row, pid_t root)
{
    for (unsigned depth = 0; row && depth < 4096; depth++) {
        if (row->parent == root)
            return true;
        const struct stat_row key = {.pid = row->parent};
        row = bsearch(&key, rows, count, sizeof *rows, by_pid);
    }
    return false;
}

uint32_t dure_proc_descendants(pid_t root, void (*each)(void *context, pid_t pid), void *context)
{
    struct stat_row *rows = malloc(DURE_PROCS_MAX * sizeof *rows);
    if (!rows)
        return 0;
    const uint32_t count = list_all(rows, DURE_PROCS_MAX);
    qsort(rows, count, sizeof *rows, by_pid);
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].pid != root && rows[i].state != 'Z' && descends(rows, count, &rows[i], root)) {
            found++;
            each(context, rows[i].pid);
        }
    free(rows);
    return found;
}

static bool environment_has(pid_t pid, const char *entry, char *text, size_t size)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    for (ssize_t got; length < size && (got = read(fd, text + length, size - length)) > 0;)
        length += (size_t)got;
    close(fd);
    const size_t want = strlen(entry) + 1;
    for (size_t at = 0; at + want <= length;) {
        if (memcmp(text + at, entry, want) == 0)
            return true;
        const char *stop = memchr(text + at, '\0', length - at);
        if (!stop)
            break;
        at = (size_t)(stop - text) + 1;
    }
    return false;
}

uint32_t dure_proc_with_environment(const char *entry, void (*each)(void *context, pid_t pid), void *context)
{
    enum { ENVIRON_MAX = 2 * 1024 * 1024 };
    DIR *dir = opendir("/proc");
    char *text = malloc(ENVIRON_MAX);
    uint32_t found = 0;
    struct dirent *row;
    while (dir && text && (row = readdir(dir))) {
        const pid_t pid = (pid_t)strtol(row->d_name, NULL, 10);
        struct stat_row state;
        if (pid <= 0 || !environment_has(pid, entry, text, ENVIRON_MAX) || !stat_of(pid, &state) || state.state == 'Z')
            continue;
        found++;
        each(context, pid);
    }
    free(text);
    if (dir)
        closedir(dir);
    return found;
}

uint64_t dure_proc_rss_kib(pid_t pid)
{
    char path[48], text[128];
    unsigned long long resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (read_small(path, text, sizeof text) <= 0 || sscanf(text, "%*s %llu", &resident) != 1)
        return 0;
    return resident * (uint64_t)(sysconf(_SC_PAGESIZE) / 1024);
}

void dure_proc_kill(void *context, pid_t pid)
{
    (void)context;
    kill(pid, SIGKILL);
}
