#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/local_inner.h"
#include "engine/outname.h"
#include "engine/procs.h"

enum { KILL_ROUNDS = 50, KILL_ROUND_US = 20000 };

enum dure_err local_read(int dir_fd, const char *name, size_t size_max, char **ret_bytes, size_t *ret_length)
{
    const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    if (fd < 0)
        return errno == ENOENT ? DURE_E_NOT_FOUND : DURE_E_IO;
    if (fstat(fd, &info) != 0 || info.st_size < 0 || (size_t)info.st_size > size_max) {
        close(fd);
        return DURE_E_CORRUPT;
    }
    char *bytes = malloc((size_t)info.st_size + 1);
    size_t length = 0;
    for (ssize_t got;
         bytes && length < (size_t)info.st_size && (got = read(fd, bytes + length, (size_t)info.st_size - length)) > 0;)
        length += (size_t)got;
    close(fd);
    if (!bytes)
        return DURE_E_MEMORY;
    bytes[length] = '\0';
    *ret_bytes = bytes;
    *ret_length = length;
    return DURE_OK;
}

/* Whole or not at all: a name beside it, then rename. */
enum dure_err local_write(int dir_fd, const char *name, const void *bytes, size_t length, bool sync,
                          struct dure_error *error)
{
    char beside[64];
    DURE_ASSERT(snprintf(beside, sizeof beside, "%s.new", name) < (int)sizeof beside);
    const int fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int code = fd < 0 ? errno : 0;
    for (size_t done = 0; !code && done < length;) {
        const ssize_t put = write(fd, (const char *)bytes + done, length - done);
        if (put < 0 && errno != EINTR)
            code = errno;
        done += put > 0 ? (size_t)put : 0;
    }
    if (!code && sync && fsync(fd) != 0)
        code = errno;
    if (fd >= 0)
        close(fd);
    if (!code && renameat(dir_fd, beside, dir_fd, name) != 0)
        code = errno;
    if (!code)
        return DURE_OK;
    if (fd >= 0)
        unlinkat(dir_fd, beside, 0);
    return dure_fail(error, code == ENOSPC || code == EDQUOT ? DURE_E_FULL : DURE_E_IO,
                     "the attempt's %s cannot be written: %s", name, strerror(code));
}

int local_folder_open(const struct local_place *place, uint64_t attempt)
{
    char name[24];
    snprintf(name, sizeof name, "%" PRIu64, attempt);
    return openat(place->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

uint64_t local_folder_next(DIR *dir)
{
    for (struct dirent *entry; (entry = readdir(dir));) {
        char *stop;
        errno = 0;
        const uint64_t id = strtoull(entry->d_name, &stop, 10);
        if (!*stop && !errno && entry->d_name[0] != '0' && entry->d_name[0] != '-')
            return id;
    }
    return 0;
}

static bool read_status(int folder_fd, const char *name, struct dure_status *ret_status)
{
    char *text = NULL;
    size_t length;
    if (local_read(folder_fd, name, DURE_STATUS_BYTES_MAX, &text, &length) != DURE_OK)
        return false;
    const enum dure_err err = dure_status_decode(text, length, ret_status, NULL);
    free(text);
    return err == DURE_OK;
}

enum local_found local_look(int folder_fd, struct dure_status *ret_status)
{
    char *text = NULL;
    size_t length;
    struct dure_claim claim;
    /* The claim first: a minder that dies between the two looks has left its status by then, if ever. */
    const enum dure_err claimed = local_read(folder_fd, "claimed", DURE_STATUS_BYTES_MAX, &text, &length);
    const bool readable = !claimed && dure_claim_decode(text, length, &claim, NULL) == DURE_OK;
    const bool alive = readable && dure_proc_alive(&claim);
    free(claimed ? NULL : text);
    /* A minder that the machine took down with it may have left the status, whole, under its first name. */
    if (read_status(folder_fd, "status", ret_status) ||
        (!alive && claimed != DURE_E_NOT_FOUND && read_status(folder_fd, "status.tmp", ret_status)))
        return LOCAL_FOUND_STATUS;
    if (claimed == DURE_E_NOT_FOUND)
        return LOCAL_FOUND_NOTHING;
    if (claimed && claimed != DURE_E_CORRUPT)
        return LOCAL_FOUND_UNREADABLE;
    return alive ? LOCAL_FOUND_ALIVE : LOCAL_FOUND_DEAD;
}

/* What a dead minder left behind: all in its control group, and all that carries its token. */
bool local_leftovers_kill(int folder_fd)
{
    char *bytes, entry[96], leaf[DURE_CGROUP_PATH_MAX + 64] = "";
    size_t length;
    struct dure_spec spec;
    if (local_read(folder_fd, "spec", DURE_ATTEMPT_BYTES_MAX, &bytes, &length) != DURE_OK)
        return true; /* without one nothing was ever started */
    if (dure_spec_decode(bytes, length, &spec, NULL) != DURE_OK) {
        free(bytes);
        return true; /* a minder starts nothing from a spec that it cannot read */
    }
    snprintf(entry, sizeof entry, "DURE_TOKEN=%.64s", spec.token.data);
    if (spec.cgroup.length && spec.cgroup.length < DURE_CGROUP_PATH_MAX)
        snprintf(leaf, sizeof leaf, "%s/%" PRIu64 "-%.16s", spec.cgroup.data, spec.attempt, spec.token.data);
    free(bytes);
    for (unsigned round = 0; round < KILL_ROUNDS; round++) {
        dure_cgroup_kill(leaf);
        const uint32_t found = dure_proc_with_environment(entry, dure_proc_kill, NULL);
        if (found == 0 && !dure_cgroup_populated(leaf)) {
            dure_cgroup_remove(leaf);
            return true;
        }
        usleep(KILL_ROUND_US);
    }
    return false;
}

/* After the folder is gone the paths of its output are still asked for. */
static void keep_output_names(const struct local_place *place, int folder_fd, uint64_t attempt)
{
    char *bytes;
    size_t length;
    struct dure_spec spec;
    if (local_read(folder_fd, "spec", DURE_ATTEMPT_BYTES_MAX, &bytes, &length) != DURE_OK)
        return;
    if (dure_spec_decode(bytes, length, &spec, NULL) == DURE_OK) {
        const struct dure_span none = {"", 0}, dash = {"-", 2};
        spec.command = dash; /* a spec needs one; what ran is not kept here */
        spec.script = spec.environment = spec.gpu_uuids = spec.groups = spec.home = spec.shell = spec.token = none;
        struct dure_buf buf;
        dure_buf_init(&buf, DURE_ATTEMPT_BYTES_MAX);
        dure_spec_encode(&spec, &buf);
        /* Without room for it, only the path of this attempt's output can no longer be looked up. */
        if (!buf.failed)
            local_ended_keep(place->dir_fd, attempt, buf.data, buf.length);
        dure_buf_release(&buf);
    }
    free(bytes);
}

void local_forget(const struct local_place *place, uint64_t attempt)
{
    char name[24];
    const int fd = local_folder_open(place, attempt);
    if (fd < 0)
        return;
    keep_output_names(place, fd, attempt);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return;
    }
    unlinkat(fd, "spec", 0); /* before the claim: a minder that claims it then finds nothing to run */
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            unlinkat(fd, entry->d_name, 0);
    closedir(dir);
    snprintf(name, sizeof name, "%" PRIu64, attempt);
    unlinkat(place->dir_fd, name, AT_REMOVEDIR);
}

void local_spare_name(unsigned number, char name[24])
{
    snprintf(name, 24, "spare-%u", number);
}

bool local_forget_spare(const struct local_place *place, uint64_t attempt, unsigned number)
{
    char name[24], spare[24];
    const int fd = local_folder_open(place, attempt);
    if (fd < 0)
        return false;
    keep_output_names(place, fd, attempt);
    snprintf(name, sizeof name, "%" PRIu64, attempt);
    local_spare_name(number, spare);
    const bool kept = renameat(place->dir_fd, name, place->dir_fd, spare) == 0;
    const int spec_fd = kept ? openat(fd, "spec", O_WRONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (spec_fd >= 0) {
        (void)!ftruncate(spec_fd, 0); /* whose it was is nobody's business any more */
        close(spec_fd);
    }
    close(fd);
    return kept;
}

bool local_spare_use(const struct local_place *place, unsigned number, uint64_t attempt, const void *spec,
                     size_t length)
{
    char name[24], spare[24], path[40];
    local_spare_name(number, spare);
    snprintf(path, sizeof path, "%s/spec", spare);
    const int fd = openat(place->dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t done = 0;
    while (fd >= 0 && done < length) {
        const ssize_t put = write(fd, (const char *)spec + done, length - done);
        if (put < 0 && errno != EINTR)
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    if (fd >= 0)
        close(fd);
    snprintf(name, sizeof name, "%" PRIu64, attempt);
    return fd >= 0 && done == length && renameat(place->dir_fd, spare, place->dir_fd, name) == 0;
}

static enum dure_err read_spec_of(const char *directory, uint64_t attempt, char **ret_bytes, size_t *ret_length)
{
    char path[64];
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return DURE_E_NOT_FOUND;
    snprintf(path, sizeof path, "%" PRIu64 "/spec", attempt);
    enum dure_err err = local_read(fd, path, DURE_ATTEMPT_BYTES_MAX, ret_bytes, ret_length);
    if (err)
        err = local_ended_read(fd, attempt, ret_bytes, ret_length);
    close(fd);
    return err;
}

enum dure_err dure_local_log_path(const char *directory, struct dure_attempt_id attempt, uint32_t task, bool is_stderr,
                                  char *path, size_t size)
{
    char *bytes;
    size_t length;
    struct dure_spec spec;
    enum dure_err err = read_spec_of(directory, attempt.v, &bytes, &length);
    if (err)
        return err;
    err = dure_spec_decode(bytes, length, &spec, NULL);
    if (!err)
        err = task < spec.tasks ? dure_out_name(&spec, task, is_stderr, path, size, NULL) : DURE_E_NOT_FOUND;
    free(bytes);
    return err;
}

enum dure_err dure_local_erase(const char *directory, struct dure_attempt_id attempt)
{
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? DURE_OK : DURE_E_IO;
    const enum dure_err err = local_ended_erase(fd, attempt.v);
    close(fd);
    return err;
}
