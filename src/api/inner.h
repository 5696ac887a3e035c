#pragma once
/* What the route files share: the call (one request under way), who makes it, and how it is answered. */
#include <stdio.h>
#include <uthash.h>

#include "api/api.h"
#include "api/http.h"
#include "api/json.h"
#include "base/arena.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "core/why.h"
#include "model/tree.h"

enum {
    CALL_PART_MAX = 1024, /* one decoded part of a path: a hostlist may be long */
    CALL_PARTS_MAX = 2,
    CALL_ARENA_MAX = 64 << 20,
    ANSWER_MAX = 64 << 20,
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000,
    SCAN_MAX = 200000, /* rows looked at for one page */
    LOGIN_MAX = 255,
};

/* One user of this machine, and what the tenants' roles give to that login. Never freed while the daemon runs. */
struct identity {
    UT_hash_handle hh;
    uint32_t uid;
    char login[LOGIN_MAX + 1]; /* "uid:1234" if the system knows no name */
    int64_t looked_up_us;
    uint64_t generation;                /* of the roles below */
    struct dure_principal_id principal; /* NONE32: none yet */
    bool is_operator, is_auditor;
    DURE_VEC(struct dure_tenant_id) member_of;
    DURE_VEC(struct dure_owner_id) owner_of;
    int64_t busy_until_ns; /* the rate: when its bucket will be full again */
};

enum access {
    ACCESS_ANY,
    ACCESS_MEMBER,
    ACCESS_OPERATOR,
    ACCESS_NODES /* operator or an owner; the handler looks closer */
};

struct call;
typedef void (*call_fn)(struct call *call);

struct route {
    enum dure_http_method method;
    const char *path; /* "/v1/jobs/{job}/why" */
    enum access access;
    bool before_ready; /* served while recovering */
    call_fn handle;
    const char *operation; /* operationId */
    const char *summary;
    const char *query;  /* "limit:integer after:string preview:boolean" */
    const char *body;   /* schema name of the request's body; NULL: none */
    const char *answer; /* schema name of the answer, or a media type when it has a '/' */
    int status;
};
extern const struct route dure_routes[];
extern const unsigned dure_route_count;
/* The route of a method and path; NULL: none. `ret_other`: the path exists with another method. Parts are decoded into the call's. */
const struct route *route_find(enum dure_http_method method, const char *path, char part[CALL_PARTS_MAX][CALL_PART_MAX],
                               bool *ret_other);

struct call {
    struct dure_store_read read; /* first: the store hands this back */
    struct dure_api *api;
    struct dure_http_request *request;
    const struct route *route;
    struct identity *who;
    struct call *next; /* waiting for durability, or spare */
    uint64_t mark;     /* leaves that must be on disk */
    struct dure_arena *arena;
    struct dure_buf out;
    call_fn then;
    void (*read_fn)(struct call *call,
                    struct dure_journal *journal); /* on the store's thread: touches only this call */
    call_fn after_read;
    void *data; /* the handler's own, in the arena */
    enum dure_err err;
    struct dure_error error;
    /* A write under way. */
    struct dure_record record;
    struct dure_body *body;
    enum dure_body_kind body_kind;
    bool has_key;
    char key[DURE_IDEM_KEY_MAX + 1];
    uint64_t key_hash;
    void (*answered)(struct call *call, const struct dure_answer *answer);
    char part[CALL_PARTS_MAX][CALL_PART_MAX];
};

struct stream;

struct dure_api {
    struct dure_api_host host;
    struct dure_http *http;
    struct uv_loop_s *uv;
    struct dure_loop *loop; /* NULL until ready */
    struct dure_core *core;
    unsigned writes_per_second;
    struct identity *identities;
    uint64_t generation; /* of roles: moves when tenants, principals or logins change, all of which come through here */
    struct call *waiting, **waiting_last;
    struct call *spare;
    unsigned spare_count;
    uint64_t calls_open;
    bool stopping;
    struct stream *streams;
    unsigned stream_count;
    struct uv_timer_s *keepalive;
    uint64_t answers_by_class[6]; /* by status / 100 */
    uint64_t events_sent, streams_dropped;
    void (*closed)(void *context);
    void *closed_context;
    struct dure_buf openapi;
    struct dure_fetcher *fetcher; /* NULL: nothing was fetched yet */
};

/* call.c: answering. Each ends the call. */
void call_answer(struct call *call, int status); /* with call->out as JSON */
void call_answer_as(struct call *call, int status, const char *content_type);
int64_t call_time_us(const struct call *call); /* the daemon's time now, no less than the last record's */
void call_fail(struct call *call, enum dure_err err, const char *format, ...) DURE_PRINTF(3, 4);
void call_fail_error(struct call *call, enum dure_err err, const struct dure_error *error);
void call_fail_problems(struct call *call, const struct dure_problems *problems);
struct call *call_new(struct dure_api *api, struct dure_http_request *request);
void call_end(struct call *call);
void *call_alloc(struct call *call, size_t size); /* zeroed; out of memory aborts nothing: NULL */

/* Reads: `then` runs when all that the core showed until now is on disk; with a read, after that. */
void call_when_durable(struct call *call, call_fn then);
void call_read(struct call *call, void (*read)(struct call *call, struct dure_journal *journal), call_fn then);
void call_durable_read(struct call *call, void (*read)(struct call *call, struct dure_journal *journal), call_fn then);

/* write.c: the call's record (and body) as an input of the one who calls. `answered` gets the answer if it is not an error. */
void call_write(struct call *call, void (*answered)(struct call *call, const struct dure_answer *answer));
bool call_write_begin(struct call *call); /* rate, disk, Idempotency-Key; false: it was refused */
/* What the record would bring, in the core's words, in place of writing it. */
void call_preview(struct call *call, enum dure_err (*preview)(struct dure_core *core, const struct dure_record *input,
                                                              struct dure_buf *ret_text, struct dure_error *error));
bool call_stop_begin(struct call *call); /* the same for what only stops work: also while the disk is low */
void call_with_principal(struct call *call, call_fn then); /* makes the caller's principal if there is none */
void answer_sequence(struct call *call, const struct dure_answer *answer); /* {"sequence"} and job or allotment */
/* Queues one more input on behalf of a call; `answer` is called once, also when the queue is full. Takes the body. */
void call_input(struct call *call, const struct dure_record *record, struct dure_body *body, enum dure_body_kind kind,
                const char *key, dure_answer_fn answer, void *context);

/* params.c. Each answers with the fault and returns false if the parameter is wrong. */
bool param_uint(struct call *call, const char *name, uint64_t most,
                uint64_t *value); /* leaves the value alone when absent */
bool param_bool(struct call *call, const char *name, bool *value);
bool param_text(struct call *call, const char *name, const char **ret_text); /* NULL: absent; in the arena */
bool params_known(struct call *call);                                        /* refuses what the route does not list */
bool part_job(struct call *call, struct dure_job_id *ret_job, uint32_t *ret_element); /* "12" or "12.3" */
struct json_t *call_body_json(struct call *call,
                              const char *const *keys); /* a small object with only these keys; NULL: answered */
struct dure_tree *call_body_tree(struct call *call);    /* NULL: answered */

/* identity.c */
bool identity_any_operator(const struct dure_api *api,
                           const struct dure_tenants *tenants); /* one that can still come */
struct identity *identity_of(struct dure_api *api, const struct dure_http_peer *peer, struct dure_error *error);
bool identity_may(const struct identity *who, enum access access);
bool identity_is_member(const struct dure_api *api, const struct identity *who,
                        struct dure_tenant_id tenant); /* of it or of one above */
bool identity_sees(const struct dure_api *api, const struct identity *who, struct dure_tenant_id tenant,
                   struct dure_principal_id principal);
bool identity_owns(const struct identity *who, struct dure_owner_id owner);
void identity_forget_all(struct dure_api *api);
bool rate_take(struct identity *who, unsigned per_second, int64_t now_us);

/* events.c */
void streams_close(struct dure_api *api);

/* The handlers, by route file. */
void handle_healthz(struct call *call);
void handle_version(struct call *call);
void handle_me(struct call *call);
void handle_metrics(struct call *call);
void handle_openapi(struct call *call);
void handle_fleet_put(struct call *call);
void handle_fleet_get(struct call *call);
void handle_fleet_idle(struct call *call);
void handle_fleet_spec(struct call *call);
void handle_power_put(struct call *call);
void handle_power_get(struct call *call);
void handle_power_spec(struct call *call);
void handle_data_put(struct call *call);
void handle_data_get(struct call *call);
void handle_data_spec(struct call *call);
void handle_tenants_put(struct call *call);
void handle_tenants_get(struct call *call);
void handle_tenants_spec(struct call *call);
void handle_submit(struct call *call);
void handle_jobs(struct call *call);
void handle_job(struct call *call);
void handle_why(struct call *call);
void handle_why_queue(struct call *call);
void handle_logs(struct call *call);
void handle_cancel(struct call *call);
void handle_hold(struct call *call);
void handle_owner(struct call *call);
void handle_checkpointed(struct call *call);
void handle_release(struct call *call);
void handle_modify(struct call *call);
void handle_requeue(struct call *call);
void handle_nodes(struct call *call);
void handle_node(struct call *call);
void handle_drain(struct call *call);
void handle_resume(struct call *call);
void handle_maintenance(struct call *call);
void handle_book(struct call *call);
void handle_unbook(struct call *call);
void handle_allotments(struct call *call);
void handle_grant(struct call *call);
void handle_shrink(struct call *call);
void handle_allot_end(struct call *call);
void handle_events(struct call *call);
void handle_checkpoint(struct call *call);
void handle_audit_key(struct call *call);
void handle_tile(struct call *call);
void handle_digests(struct call *call);
void handle_proof(struct call *call);
void handle_erase(struct call *call);
void handle_backup(struct call *call);
void handle_clock_accept(struct call *call);
void handle_shutdown(struct call *call);

/* why.c, also for --test-only. */
void api_why_write(const struct dure_api *api, const struct dure_why *why, struct dure_buf *out);
