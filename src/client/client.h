#pragma once
/* The other end of the API (docs/reference/api.md): requests over the daemon's Unix socket, or over TCP to this machine (a tunnel's end).
 *
 *     struct dure_client_options options = {.socket_path = path};
 *     struct dure_client *client;
 *     struct dure_reply reply = {0};
 *     err = dure_client_new(&options, &client, &error);
 *     err = dure_client_call(client, &(struct dure_request){.method = "GET", .path = "/v1/jobs", .query = "state=live"}, &reply, &error);
 *     ... json_object_get(reply.json, "jobs") ...
 *     dure_reply_release(&reply);
 *
 * One connection, kept alive between calls; blocking; one thread at a time per client. Limits: answers of 256 MiB. */
#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/tree.h"

struct dure_client;

struct dure_client_options {
    const char *socket_path; /* NULL: dure_client_socket_path() */
    const char *address; /* "127.0.0.1:8443": instead of the socket; only loopback addresses are accepted. NULL: none */
    const char *token;   /* of the address: sent as "Authorization: Bearer". NULL: none */
    int64_t timeout_us;  /* of one call; 0: 60 s */
};

struct dure_request {
    const char *method; /* "GET", "POST", "PUT" */
    const char *path;   /* "/v1/jobs"; parts from people escaped with dure_client_escape */
    const char *query;  /* "state=live&limit=10", already escaped; NULL: none */
    const char *body;   /* JSON; NULL: none */
    size_t body_length;
    const char *idempotency_key; /* NULL: none. dure_client_key makes one */
};

struct dure_reply {
    int status;   /* HTTP; 0: no answer came */
    json_t *json; /* parsed body where it is JSON; NULL else */
    char *body;   /* the bytes, NUL-terminated (the NUL is not counted) */
    size_t body_length;
    bool replayed; /* the first answer to this idempotency key */
    char *headers; /* "name: value\n" lines, names in lower case */
};

/* Where the daemon listens unless told: $DURE_SOCKET; else $XDG_RUNTIME_DIR/dure/dured.sock; else the state folder's dured.sock
 * ($DURE_STATE, $XDG_STATE_HOME/dure or ~/.local/state/dure). False: the path does not fit or no home is known. */
bool dure_client_socket_path(char *path, size_t size);

DURE_NODISCARD enum dure_err dure_client_new(const struct dure_client_options *options, struct dure_client **ret_client,
                                             struct dure_error *error);
void dure_client_free(struct dure_client *client); /* NULL is fine */

/* Makes one request. DURE_OK: status 2xx. Otherwise the daemon's own code and message (reply is filled too, so that its `problems` can be read),
 * or E_UNREACHABLE "no daemon listens on ...; start one with `dure up`", E_TIMEOUT, E_PERMISSION (the socket is another person's).
 * `reply` must be released in every case; it is cleared first, so it may be reused after dure_reply_release. */
DURE_NODISCARD enum dure_err dure_client_call(struct dure_client *client, const struct dure_request *request,
                                              struct dure_reply *reply, struct dure_error *error);
void dure_reply_release(struct dure_reply *reply);
/* A header's value into `value`, e.g. "dure-size". False: absent or too long. */
bool dure_reply_header(const struct dure_reply *reply, const char *name, char *value, size_t size);
/* Is it up and well? DURE_OK: /healthz says 200. E_BUSY: up, but not well (recovering, disk low, clock held): text says which. */
DURE_NODISCARD enum dure_err dure_client_health(struct dure_client *client, struct dure_error *error);
/* The `problems` of a refused spec, with the line and column of the field (or of its nearest parent) in the tree that it was made from (NULL:
 * none). Returns how many. */
uint32_t dure_reply_problems(const struct dure_reply *reply, const struct dure_tree *tree,
                             struct dure_problems *problems);

/* One event of the stream. `data` is the record as one line of JSON. A stream that the daemon drops ends with kind "dropped". */
struct dure_client_event {
    uint64_t sequence; /* UINT64_MAX: an event without a number ("dropped", "ready") */
    const char *kind;
    const char *data;
};
typedef bool (*dure_client_event_fn)(void *context, const struct dure_client_event *event); /* false: stop */
/* Reads events from sequence `from` on (UINT64_MAX: only new ones) until the callback says stop (DURE_OK), the daemon ends the stream
 * (E_UNREACHABLE: begin again at the last sequence + 1) or refuses. Event "ready" says that the backlog is over. The callback is also called
 * with kind "keepalive" (data "") about every 15 s, so that it can stop. */
DURE_NODISCARD enum dure_err dure_client_events(struct dure_client *client, uint64_t from, dure_client_event_fn event,
                                                void *context, struct dure_error *error);

void dure_client_escape(const char *text, struct dure_buf *buf); /* percent-encodes one path part or query value */
void dure_client_key(char key[33]); /* a fresh random idempotency key: 32 hex digits and NUL */
