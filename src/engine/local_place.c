/* The folder of attempts and what this machine offers them: opened once, and told to people. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/local_inner.h"

enum { NAMED_MAX = 8 };

enum dure_err local_place_open(struct local_place *place, const struct dure_local_options *options,
                               struct dure_error *error)
{
    if (mkdir(options->directory, 0700) != 0 && errno != EEXIST)
        return dure_fail(error, DURE_E_IO, "%.512s cannot be made: %s", options->directory, strerror(errno));
    char *whole = realpath(options->directory, NULL);
    if (!whole || strlen(whole) >= sizeof place->directory) {
        free(whole);
        return dure_fail(error, DURE_E_INVALID, "%.512s cannot be used as a folder: %s", options->directory,
                         strerror(errno));
    }
    memcpy(place->directory, whole, strlen(whole) + 1);
    free(whole);
    if (options->minder_path) {
        if (snprintf(place->minder_path, sizeof place->minder_path, "%s", options->minder_path) >=
            (int)sizeof place->minder_path)
            return dure_fail(error, DURE_E_INVALID, "the path of dure-minder is too long");
    } else {
        const enum dure_err err = dure_minder_find(place->minder_path, sizeof place->minder_path, error);
        if (err)
            return err;
    }
    if (access(place->minder_path, X_OK) != 0)
        return dure_fail(error, DURE_E_NOT_FOUND, "%.512s cannot be run: %s", place->minder_path, strerror(errno));
    const char *nvml = options->nvml_library ? options->nvml_library : getenv("DURE_NVML_LIBRARY");
    snprintf(place->nvml_library, sizeof place->nvml_library, "%s", nvml ? nvml : "");
    place->dir_fd = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->dir_fd < 0)
        return dure_fail(error, DURE_E_IO, "%.512s cannot be opened: %s", place->directory, strerror(errno));
    const enum dure_err err = local_boot_read(place, error);
    if (err) {
        close(place->dir_fd);
        return err;
    }
    if (options->no_cgroup)
        snprintf(place->cgroup.note, sizeof place->cgroup.note, "control groups are switched off");
    else
        dure_cgroup_detect(&place->cgroup);
    return DURE_OK;
}

/* Attempts that are over for the core, of which something may live: what wants their GPUs waits for them. */
static void describe_leaving(struct local_place *place, struct dure_buf *text)
{
    uv_mutex_lock(&place->lock);
    const struct local_ids *leaving = &place->leaving;
    if (leaving->count)
        dure_buf_printf(text, "leaving: %zu attempt%s of which something may still live (", leaving->count,
                        leaving->count == 1 ? "" : "s");
    for (size_t i = 0; i < leaving->count && i < NAMED_MAX; i++)
        dure_buf_printf(text, "%s%" PRIu64, i ? ", " : "", leaving->at[i]);
    if (leaving->count)
        dure_buf_printf(text, "%s); starts on their GPUs wait until it is gone\n",
                        leaving->count > NAMED_MAX ? ", ..." : "");
    uv_mutex_unlock(&place->lock);
}

void local_place_describe(struct local_place *place, struct dure_buf *text)
{
    const struct dure_cgroup *cgroup = &place->cgroup;
    const bool group = cgroup->base[0] != '\0';
    dure_buf_printf(text, "processes: one a task, each a process group; the whole tree is killed %s\n",
                    group && cgroup->kills ? "through its control group"
                    : group                ? "through its control group, one by one"
                                           : "by descent");
    dure_buf_printf(text, "memory: %s%s%s%s\n",
                    cgroup->memory ? "enforced by control group" : "accounted, not enforced",
                    cgroup->memory ? "" : " (", cgroup->memory ? "" : cgroup->note, cgroup->memory ? "" : ")");
    dure_buf_printf(text, "processors: %s%s%s%s\n",
                    cgroup->cpu ? "enforced by control group" : "accounted, not enforced", cgroup->cpu ? "" : " (",
                    cgroup->cpu ? "" : cgroup->note, cgroup->cpu ? "" : ")");
    dure_buf_str(text, "GPUs: shown to each task by CUDA_VISIBLE_DEVICES, not enforced; virtual GPUs show none\n");
    dure_buf_str(text, "GPU memory and fractions: accounted, not enforced\n");
    if (geteuid() == 0)
        dure_buf_str(text, "user: each job runs as the user who submitted it\n");
    else
        dure_buf_str(text, "user: all jobs run as the daemon's own user, who must be the one who submits\n");
    describe_leaving(place, text);
}
