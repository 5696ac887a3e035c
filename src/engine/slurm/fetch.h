#pragma once
/* Output that lies on storage which this machine does not see, fetched by the operator's own means: a program that runs a shell where it is seen
 * (`fetch: [ssh, login1, sh]`) gets a script on its standard input. No word of a job is ever a word of that command.
 *
 * Nothing is waited for: each fetch is a process, at most DURE_FETCHES at a time, DURE_FETCHES_WAIT more wait in their order, then E_BUSY; each has a
 * deadline, counted from when it begins. Only what the job's user owns is read. On the loop's thread. */
#include "base/err.h"

struct uv_loop_s;
struct dure_fetcher;

enum { DURE_FETCHES = 4, DURE_FETCHES_WAIT = 256, DURE_FETCH_BYTES_MAX = 1 << 20 };

struct dure_fetch {
    const char *words; /* each ends in NUL */
    uint32_t word_count;
    const char *path;  /* absolute */
    const char *login; /* whose the file must be: a login, or uid:N; "" = whoever fetches it */
    uint64_t offset, limit;
    int64_t timeout_us;
};
struct dure_fetched {
    enum dure_err
        err; /* E_NOT_FOUND: there is no such file; E_PERMISSION: it is no plain file of that user; E_TIMEOUT, E_IO: `text` says what happened */
    const char *text;
    uint64_t size; /* of the file */
    const char *bytes;
    size_t length;
};
typedef void (*dure_fetched_fn)(void *context, const struct dure_fetched *fetched);

DURE_NODISCARD enum dure_err dure_fetcher_new(struct uv_loop_s *loop, struct dure_fetcher **ret_fetcher);
/* Whoever waits is told E_STATE; processes are ended. NULL is fine. The loop gives back in its next turns what is still held. */
void dure_fetcher_free(struct dure_fetcher *fetcher);
/* DURE_OK: `fn` is called once, later. What `fetch` points to is copied. */
DURE_NODISCARD enum dure_err dure_fetcher_fetch(struct dure_fetcher *fetcher, const struct dure_fetch *fetch,
                                                dure_fetched_fn fn, void *context, struct dure_error *error);
