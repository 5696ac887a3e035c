#include "engine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_PATH_MAX = DURE_CGROUP_PATH_MAX + 64 };

static ssize_t read_file(const char *folder, const char *name, char *text, size_t size)
{
    char path[FILE_PATH_MAX];
    if (!folder[0] || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return -1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got;
}

static bool write_file(const char *folder, const char *name, const char *text)
{
    char path[FILE_PATH_MAX];
    if (!folder[0] || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return false;
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return ok;
}

static bool has_word(const char *text, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += length)
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\n' || at[length] == '\0'))
            return true;
    return false;
}

/* Where the v2 tree is mounted, and where in it this process is. */
static bool find_mount(char *mount, size_t size)
{
    FILE *file = fopen("/proc/self/mounts", "re");
    char line[1024], where[DURE_CGROUP_PATH_MAX], type[64];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        if (sscanf(line, "%*s %511s %63s", where, type) == 2 && strcmp(type, "cgroup2") == 0)
            found = snprintf(mount, size, "%s", where) < (int)size;
    if (file)
        fclose(file);
    return found;
}

static bool find_own(char *own, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[1024];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        if (strncmp(line, "0::/", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            found = snprintf(own, size, "%s", line + 3) < (int)size;
        }
    if (file)
        fclose(file);
    return found;
}

static void enable(const char *folder)
{
    write_file(folder, "cgroup.subtree_control", "+memory");
    write_file(folder, "cgroup.subtree_control", "+cpu");
}

void dure_cgroup_detect(struct dure_cgroup *ret_cgroup)
{
    struct dure_cgroup cgroup = {0};
    char mount[DURE_CGROUP_PATH_MAX], own[DURE_CGROUP_PATH_MAX], probe[DURE_CGROUP_PATH_MAX + 32], text[512];
    *ret_cgroup = cgroup;
    if (!find_mount(mount, sizeof mount) || !find_own(own, sizeof own)) {
        snprintf(ret_cgroup->note, sizeof ret_cgroup->note, "no cgroup v2 is mounted");
        return;
    }
    /* root: a tree of our own at the top; others: below where they are, which works only where it was delegated to them */
    const bool root = geteuid() == 0;
    const int length = root
                           ? snprintf(cgroup.base, sizeof cgroup.base, "%s/dure", mount)
                           : snprintf(cgroup.base, sizeof cgroup.base, "%s%s", mount, strcmp(own, "/") == 0 ? "" : own);
    if (length >= (int)sizeof cgroup.base - 64)
        return;
    if (root && mkdir(cgroup.base, 0755) != 0 && errno != EEXIST) {
        snprintf(ret_cgroup->note, sizeof ret_cgroup->note, "cgroup v2 cannot be used: %s", strerror(errno));
        return;
    }
    if (root)
        enable(mount);
    enable(cgroup.base);
    snprintf(probe, sizeof probe, "%s/dure-probe-%d", cgroup.base, (int)getpid());
    char procs[FILE_PATH_MAX];
    snprintf(procs, sizeof procs, "%s/cgroup.procs", cgroup.base);
    if (mkdir(probe, 0755) != 0 || access(procs, W_OK) != 0) {
        snprintf(ret_cgroup->note, sizeof ret_cgroup->note, "cgroup v2 is not delegated to this user (%s)",
                 strerror(errno));
        rmdir(probe);
        return;
    }
    cgroup.kills = read_file(probe, "cgroup.events", text, sizeof text) > 0;
    snprintf(procs, sizeof procs, "%s/cgroup.kill", probe);
    cgroup.kills = cgroup.kills && access(procs, W_OK) == 0;
    if (read_file(probe, "cgroup.controllers", text, sizeof text) > 0) {
        cgroup.memory = has_word(text, "memory");
        cgroup.cpu = has_word(text, "cpu");
    }
    rmdir(probe);
    if (!cgroup.memory || !cgroup.cpu)
        snprintf(cgroup.note, sizeof cgroup.note, "cgroup v2 has no %s controller here",
                 cgroup.memory ? "cpu" : (cgroup.cpu ? "memory" : "memory or cpu"));
    *ret_cgroup = cgroup;
}

void dure_cgroup_release(const struct dure_cgroup *cgroup)
{
    if (cgroup->base[0] && geteuid() == 0)
        rmdir(cgroup->base);
}

bool dure_cgroup_make(const char *leaf, uint64_t memory_mib, uint64_t cpu_milli)
{
    char text[64];
    if (!leaf[0])
        return false;
    if (mkdir(leaf, 0755) != 0 && errno != EEXIST)
        return false;
    if (memory_mib) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)memory_mib << 20);
        write_file(leaf, "memory.max", text);
        write_file(leaf, "memory.oom.group", "1");
    }
    if (cpu_milli) {
        snprintf(text, sizeof text, "%llu 100000", (unsigned long long)cpu_milli * 100);
        write_file(leaf, "cpu.max", text);
    }
    return true;
}

static void kill_one(void *context, pid_t pid)
{
    (void)context;
    kill(pid, SIGKILL);
}

bool dure_cgroup_kill(const char *leaf)
{
    return write_file(leaf, "cgroup.kill", "1") || dure_cgroup_each(leaf, kill_one, NULL) > 0;
}

bool dure_cgroup_populated(const char *leaf)
{
    char text[256];
    return read_file(leaf, "cgroup.events", text, sizeof text) > 0 && strstr(text, "populated 1");
}

uint64_t dure_cgroup_cpu_us(const char *leaf)
{
    char text[1024];
    unsigned long long us = 0;
    if (read_file(leaf, "cpu.stat", text, sizeof text) <= 0 || sscanf(text, "usage_usec %llu", &us) != 1)
        return 0;
    return us;
}

uint64_t dure_cgroup_memory_peak_mib(const char *leaf)
{
    char text[64];
    if (read_file(leaf, "memory.peak", text, sizeof text) <= 0)
        return 0;
    return (strtoull(text, NULL, 10) + (1 << 20) - 1) >> 20;
}

void dure_cgroup_remove(const char *leaf)
{
    /* The kernel lets go of the last process a moment after it was reaped. */
    for (int i = 0; leaf[0] && i < 20 && rmdir(leaf) != 0 && errno == EBUSY; i++)
        usleep(2000);
}

uint32_t dure_cgroup_each(const char *leaf, void (*each)(void *context, pid_t pid), void *context)
{
    char path[FILE_PATH_MAX], line[32];
    if (!leaf[0] || snprintf(path, sizeof path, "%s/cgroup.procs", leaf) >= (int)sizeof path)
        return 0;
    FILE *file = fopen(path, "re");
    uint32_t count = 0;
    while (file && fgets(line, sizeof line, file)) {
        const long pid = strtol(line, NULL, 10);
        if (pid > 0) {
            each(context, (pid_t)pid);
            count++;
        }
    }
    if (file)
        fclose(file);
    return count;
}
