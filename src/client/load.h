#pragma once
/* A load of submissions, for `dure bench submit` and tests: many kept-alive connections to the daemon's Unix socket, one request in flight on
 * each, no library between (so that what is measured is the daemon). One thread, epoll. */
#include "base/err.h"

enum { DURE_LOAD_CLIENTS_MAX = 1000 };

struct dure_load_options {
    const char *socket_path;
    unsigned clients;
    int64_t duration_us; /* no request begins later; 0: until `next` has no more */
    const char *path;    /* "/v1/jobs" */
    const char *body;    /* the same for every request; or */
    size_t body_length;
    bool (*next)(void *context, const char **ret_body,
                 size_t *ret_length); /* the next one's, valid until the call after; false: no more */
    /* Every answer that is a 201, with its body (NUL-terminated) and when its request was sent; NULL: nobody asks. */
    void (*answered)(void *context, const char *body, int64_t sent_us);
    void *context;
    bool idempotency_keys; /* a fresh one a request */
};

struct dure_load_result {
    uint64_t answered; /* 201 */
    uint64_t refused;  /* any other status */
    int64_t elapsed_us;
    uint64_t p50_us, p99_us, max_us;
    int first_refusal_status;
    char first_refusal[512];
};

/* E_UNREACHABLE: nothing listens, or the daemon closed a connection. */
DURE_NODISCARD enum dure_err dure_load_run(const struct dure_load_options *options, struct dure_load_result *ret_result,
                                           struct dure_error *error);
