#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/local_inner.h"
#include "engine/procs.h"

/* Attempt ids only grow. The first attempt that is new in a boot draws the line: what lies before it may have begun in an earlier boot, of which
 * unsynced files tell nothing; what lies after it was begun, if at all, in this one, whose files are all to be seen. */

enum dure_err local_boot_read(struct local_place *place, struct dure_error *error)
{
    char *text, now[40];
    size_t length;
    struct dure_boot boot;
    if (!dure_proc_boot(now))
        return dure_fail(error, DURE_E_IO, "/proc/sys/kernel/random/boot_id cannot be read");
    memcpy(place->boot.boot, now, sizeof now);
    if (local_read(place->dir_fd, "boot", DURE_STATUS_BYTES_MAX, &text, &length) != DURE_OK)
        return DURE_OK;
    if (dure_boot_decode(text, length, &boot, NULL) == DURE_OK && strcmp(boot.boot, now) == 0) {
        place->boot.first = boot.first;
        place->boot_stored = true;
    }
    free(text);
    return DURE_OK;
}

void local_boot_first(struct local_place *place, uint64_t attempt)
{
    uv_mutex_lock(&place->lock);
    if (place->boot.first == 0)
        place->boot.first = attempt;
    uv_mutex_unlock(&place->lock);
}

bool local_boot_earlier(struct local_place *place, uint64_t attempt)
{
    uv_mutex_lock(&place->lock);
    const bool earlier = !place->boot_stored || attempt < place->boot.first;
    uv_mutex_unlock(&place->lock);
    return earlier;
}

enum dure_err local_boot_store(struct local_place *place, struct dure_error *error)
{
    uv_mutex_lock(&place->lock);
    enum dure_err err = DURE_OK;
    if (!place->boot_stored) {
        DURE_CLEANUP_BUF struct dure_buf buf;
        dure_buf_init(&buf, DURE_STATUS_BYTES_MAX);
        dure_boot_encode(&place->boot, &buf);
        err = local_write(place->dir_fd, "boot", buf.data, buf.length, true, error);
        if (!err && fsync(place->dir_fd) != 0)
            err = dure_fail(error, DURE_E_IO, "the folder of attempts cannot be synced: %s", strerror(errno));
        place->boot_stored = !err;
    }
    uv_mutex_unlock(&place->lock);
    return err;
}
