#pragma once
/* The API (docs/reference/api.md): routes, identities, roles, limits, answers. It decides nothing: writes become inputs of the loop, and every answer,
 * to a read as to a write, waits until what it shows is on disk.
 *
 * Made before recovery, so that /healthz and a clear 503 answer meanwhile; dure_api_ready gives it the loop. One thread, that of the uv loop. */
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"

struct uv_loop_s;
struct dure_api;

enum {
    DURE_API_BODY_MAX = 8 << 20,
    DURE_API_CONNECTIONS_MAX = 1024,
    DURE_API_WRITES_PER_SECOND = 50000,
    DURE_API_STREAMS_MAX = 256,
};

/* What the API asks of the daemon around it. Everything is called on the uv loop's thread. */
struct dure_api_host {
    void *context;
    int64_t (*now_us)(void *context);
    /* DURE_OK, or why not all is well: recovering, the clock is held (E_BUSY), the disk is low (E_FULL). */
    enum dure_err (*health)(void *context, struct dure_error *error);
    enum dure_err (*takes_work)(void *context, struct dure_error *error); /* may something new be asked for? E_FULL */
    void (*read)(void *context, struct dure_store_read *read);
    int64_t (*accept_clock)(void *context); /* the jump that was held; 0: none was */
    void (*shutdown)(void *context);
    void (*snapshot)(void *context); /* write one soon: an erasure wants older ones gone */
    void (*erase_attempt)(void *context,
                          struct dure_attempt_id attempt);     /* what an engine kept of it on this machine */
    void (*enforcement)(void *context, struct dure_buf *text); /* one line each */
    /* Why a live attempt does not run yet though its place is its own, in its engine's words; nothing is added if it runs. */
    void (*attempt_note)(void *context, struct dure_attempt_id attempt, struct dure_buf *text);
    uint64_t (*disk_free_mib)(void *context);
    /* Path of a task's output of an attempt on a site that this machine serves; E_NOT_FOUND elsewhere. */
    enum dure_err (*log_path)(void *context, struct dure_attempt_id attempt, uint32_t task, bool is_stderr, char *path,
                              size_t size);
    const char *state_dir;
    const char *socket_path;
    int64_t started_us;
    uid_t uid; /* the daemon's own */
};

struct dure_api_options {
    struct uv_loop_s *loop;
    int listen_fd; /* the API closes it */
    struct dure_api_host host;
    unsigned connections_max;   /* 0: DURE_API_CONNECTIONS_MAX */
    unsigned writes_per_second; /* of one user; 0: DURE_API_WRITES_PER_SECOND */
};

DURE_NODISCARD enum dure_err dure_api_new(const struct dure_api_options *options, struct dure_api **ret_api,
                                          struct dure_error *error);
void dure_api_ready(struct dure_api *api, struct dure_loop *loop, struct dure_core *core);
void dure_api_durable(struct dure_api *api); /* after each dure_loop_appended */
bool dure_api_listening(void *api);          /* fits dure_world.listening: is any event stream open? */
void dure_api_event(void *api, uint64_t sequence, const struct dure_record *record); /* fits dure_world.event */
void dure_api_quiesce(struct dure_api *api); /* no new connections; new requests get 503 */
bool dure_api_busy(
    const struct dure_api *api); /* are requests still to be answered? They must be, before it is closed */
void dure_api_close(struct dure_api *api, void (*closed)(void *context), void *context);
/* The document at /openapi.json, made from the table of routes. */
void dure_api_openapi(struct dure_buf *json);
