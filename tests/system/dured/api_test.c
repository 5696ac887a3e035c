/* The API of a real daemon: answers against the document, other users, event streams, a tunnel, erasure, backup, drains. */
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "base/text.h"
#include "rig.h"
#include "tap.h"

static json_t *document;

/* Is every member of the value one that its schema names, all the way down? Names the first that is not. */
static const char *stray(const json_t *value, const char *schema)
{
    static char found[256];
    const json_t *properties = json_object_get(
        json_object_get(json_object_get(json_object_get(document, "components"), "schemas"), schema), "properties");
    const char *key, *inner, *ref;
    const json_t *property, *item;
    size_t index;
    json_t *member;

    json_object_foreach((json_t *)value, key, member)
    {
        property = json_object_get(properties, key);
        if (property == NULL) {
            snprintf(found, sizeof found, "%s.%s", schema, key);
            return found;
        }
        ref = json_string_value(json_object_get(property, "$ref"));
        if (ref != NULL && (inner = stray(member, strrchr(ref, '/') + 1)) != NULL)
            return inner;
        ref = json_string_value(json_object_get(json_object_get(property, "items"), "$ref"));
        json_array_foreach(member, index,
                           item) if (ref != NULL && (inner = stray(item, strrchr(ref, '/') + 1)) != NULL) return inner;
    }
    return NULL;
}

static void conforms(struct rig *rig, const char *path, const char *query, const char *schema)
{
    const char *bad;

    TAP_EQ_INT(rig_get(rig, path, query), 200, "GET %s?%s", path, query != NULL ? query : "");
    bad = stray(rig->reply.json, schema);
    TAP_OK(rig->reply.json != NULL && bad == NULL, "it is a %s%s%s", schema, bad != NULL ? ", but for " : "",
           bad != NULL ? bad : "");
}

static void test_answers(struct rig *rig)
{
    TAP_EQ_INT(rig_get(rig, "/openapi.json", NULL), 200, "the document");
    document = json_incref(rig->reply.json);
    TAP_OK(
        rig_submit(
            rig,
            "\"name\":\"short\",\"models\":[\"virtual\"],\"command\":[\"/bin/sh\",\"-c\",\"echo out; echo err >&2\"]",
            NULL) == 1,
        "a real job");
    TAP_OK(rig_wait_state(rig, 1, "COMPLETED", 20), "ends");
    TAP_EQ_INT(rig_submit(rig,
                          "\"name\":\"arr\",\"models\":[\"big\"],\"array\":\"0-9%2\",\"runs_for\":\"1h\",\"walltime\":"
                          "\"2h\",\"command\":[\"x\"]",
                          NULL),
               2, "an array, two at a time");
    TAP_EQ_INT(rig_submit(rig, "\"name\":\"held\",\"hold\":true,\"command\":[\"x\"]", NULL), 3, "a held job");
    conforms(rig, "/v1/jobs", "state=all", "Jobs");
    conforms(rig, "/v1/jobs", "state=ended", "Jobs");
    TAP_EQ_UINT(json_array_size(json_object_get(rig->reply.json, "jobs")), 1, "one has ended");
    conforms(rig, "/v1/jobs/1", NULL, "JobDetail");
    TAP_EQ_STR(rig_text(rig, "name"), "short", "its name");
    conforms(rig, "/v1/jobs/2", NULL, "JobDetail");
    TAP_OK(json_array_size(json_object_get(rig->reply.json, "parts")) >= 3, "the array shows its parts");
    conforms(rig, "/v1/jobs/2.1", NULL, "JobDetail");
    conforms(rig, "/v1/jobs/3/why", NULL, "Why");
    TAP_EQ_STR(rig_text(rig, "wait"), "JobHeldUser", "held");
    conforms(rig, "/v1/jobs/1/why", NULL, "Why");
    conforms(rig, "/v1/fleet", NULL, "Board");
    conforms(rig, "/v1/tenants", NULL, "TenantRows");
    conforms(rig, "/v1/nodes", "limit=2", "Nodes");
    conforms(rig, "/v1/nodes/far-001", NULL, "Node");
    conforms(rig, "/v1/allotments", NULL, "Allotments");
    conforms(rig, "/v1/version", NULL, "Version");
    conforms(rig, "/v1/me", NULL, "Me");
    conforms(rig, "/v1/audit/digests", "from=0&limit=5", "Digests");
    conforms(rig, "/healthz", NULL, "Health");
    TAP_EQ_INT(rig_get(rig, "/v1/fleet/spec", NULL), 200, "the fleet's spec");
    TAP_EQ_INT(rig_get(rig, "/v1/tenants/spec", NULL), 200, "the tenants' spec");
    TAP_EQ_INT(rig_get(rig, "/v1/audit/checkpoint", NULL), 200, "a checkpoint");
    TAP_EQ_INT(rig_get(rig, "/v1/audit/proof", "sequence=3"), 200, "a proof");
    TAP_EQ_INT(rig_get(rig, "/v1/audit/tile/0/000.p/5", NULL), 200, "a partial tile");
    TAP_EQ_UINT(rig->reply.body_length, 5 * 32, "of five hashes");
    TAP_EQ_INT(rig_get(rig, "/v1/audit/tile/entries/900", NULL), 404, "a tile that is not there yet");
    TAP_EQ_INT(rig_get(rig, "/metrics", NULL), 200, "metrics");
    TAP_HAS(rig->reply.body, "dure_jobs{state=\"running\"} 2\n", "two elements run");
    TAP_EQ_INT(rig_get(rig, "/v1/jobs/1/logs", "stream=stderr"), 200, "what it wrote to stderr");
    TAP_EQ_INT(rig_post(rig, "/v1/jobs/3/release", NULL), 200, "released");
    TAP_EQ_INT(
        rig_call(rig, "POST", "/v1/jobs", "test_only=true",
                 "{\"kind\":\"Job\",\"version\":1,\"project\":\"acme\",\"tasks\":4000,\"gpus\":1,\"command\":[\"x\"]}",
                 NULL),
        200, "a job too large, to see");
    TAP_OK(json_is_true(json_object_get(rig->reply.json, "never")) && stray(rig->reply.json, "Why") == NULL,
           "can never run, and why");
}

/* Every metric that is served is described. */
static void test_metrics(struct rig *rig)
{
    const char *root = getenv("DURE_SOURCE_ROOT");
    char path[1024], name[128], wanted[140];
    static char page[65536];
    FILE *file;
    size_t got;
    unsigned count = 0;

    snprintf(path, sizeof path, "%s/docs/reference/metrics.md", root != NULL ? root : ".");
    file = fopen(path, "re");
    got = file != NULL ? fread(page, 1, sizeof page - 1, file) : 0;
    page[got] = '\0';
    if (file != NULL)
        fclose(file);
    TAP_EQ_INT(rig_get(rig, "/metrics", NULL), 200, "metrics");
    for (const char *at = strstr(rig->reply.body, "# TYPE "); at != NULL; at = strstr(at + 1, "# TYPE ")) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 7, " "), at + 7);
        snprintf(wanted, sizeof wanted, "`%s`", name);
        if (strstr(page, wanted) == NULL)
            TAP_FAIL("%s is not in the reference", name);
        count++;
    }
    TAP_OK(count >= 20, "%u metrics, all described", count);
}

static void test_pages(struct rig *rig)
{
    char query[256] = "state=live&limit=2", seen[256] = "";
    int pages = 0;

    for (; pages < 20; pages++) {
        const json_t *row;
        size_t index;
        if (rig_get(rig, "/v1/jobs", query) != 200)
            break;
        json_array_foreach(json_object_get(rig->reply.json, "jobs"), index, row)
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%lld%s ",
                     (long long)json_integer_value(json_object_get(row, "job")),
                     json_is_string(json_object_get(row, "elements")) ? "*" : "");
        if (*rig_text(rig, "next") == '\0')
            break;
        snprintf(query, sizeof query, "state=live&limit=2&after=%s", rig_text(rig, "next"));
    }
    TAP_EQ_STR(seen, "2 2 2* 3 ", "live rows page by page, each once");
    TAP_OK(pages >= 1 && pages <= 3, "in pages of two");
}

static void test_nodes(struct rig *rig)
{
    TAP_EQ_INT(rig_call(rig, "POST", "/v1/nodes/far-%5B002-003%5D/drain", NULL, "{\"reason\":\"new fans\"}", "d"), 200,
               "two nodes drained");
    TAP_EQ_INT(rig_int(rig, "nodes"), 2, "both");
    TAP_EQ_INT(rig_get(rig, "/v1/nodes/far-002", NULL), 200, "one of them");
    TAP_EQ_STR(rig_text(rig, "reason"), "new fans", "with its reason");
    TAP_EQ_INT(rig_post(rig, "/v1/nodes/far-%5B001-999%5D/drain", "{\"reason\":\"x\"}"), 404, "a node that is not");
    TAP_EQ_INT(rig_post(rig, "/v1/nodes/far-001/drain", "{}"), 400, "without a reason");
    TAP_EQ_INT(rig_post(rig, "/v1/nodes/far-%5B002-003%5D/resume", NULL), 200, "resumed");
}

/* A job changed and requeued, maintenance booked, grants that nobody uses: as asked, and refused by name. */
static void test_changes(struct rig *rig)
{
    const json_int_t job = rig_submit(
        rig, "\"name\":\"change\",\"models\":[\"big\"],\"hold\":true,\"walltime\":\"1h\",\"command\":[\"x\"]", NULL);
    char path[128];
    json_int_t booked;

    snprintf(path, sizeof path, "/v1/jobs/%lld/modify", (long long)job);
    TAP_EQ_INT(rig_call(rig, "POST", path, NULL, "{\"walltime\":\"30m\",\"priority\":7}", "m1"), 200, "changed: %s",
               rig->error.text);
    TAP_EQ_INT(rig_call(rig, "POST", path, NULL, "{\"walltime\":\"30m\",\"priority\":7}", "m1"), 200,
               "once, asked twice");
    TAP_EQ_INT(rig_call(rig, "POST", path, NULL, "{\"walltime\":\"20m\"}", "m1"), 409, "another under the same key");
    TAP_EQ_INT(rig_post(rig, path, "{\"wall\":\"30m\"}"), 400, "an unknown field");
    TAP_EQ_INT(rig_post(rig, path, "{}"), 400, "nothing to change");
    TAP_EQ_INT(rig_post(rig, path, "{\"gpus\":64}"), 422, "what can never run: %s", rig->error.text);
    TAP_EQ_INT(rig_post(rig, path, "{\"deadline\":\"2020-01-01\"}"), 422, "a deadline that is past");
    TAP_EQ_INT(rig_post(rig, path, "{\"deadline\":\"2099-01-01\"}"), 200, "one that is not");
    TAP_EQ_INT(rig_post(rig, "/v1/jobs/999999/modify", "{\"priority\":1}"), 404, "no such job");
    snprintf(path, sizeof path, "/v1/jobs/%lld", (long long)job);
    conforms(rig, path, NULL, "JobDetail");
    TAP_EQ_INT(rig_int(rig, "walltime_us"), INT64_C(1800000000), "the walltime is the new one");
    TAP_EQ_INT(rig_int(rig, "priority"), 7, "and the priority");
    TAP_HAS(rig_text(rig, "must_end_by"), "2099-01-01T", "and the deadline");
    snprintf(path, sizeof path, "/v1/jobs/%lld/requeue", (long long)job);
    TAP_EQ_INT(rig_post(rig, path, "{}"), 409, "what does not run is not requeued");
    TAP_EQ_INT(rig_post(rig, path, "{\"hold\":3}"), 400, "hold is true or false");
    snprintf(path, sizeof path, "/v1/jobs/%lld/release", (long long)job);
    TAP_EQ_INT(rig_post(rig, path, NULL), 200, "released");
    TAP_OK(rig_wait_state(rig, job, "RUNNING", 20), "it runs");
    snprintf(path, sizeof path, "/v1/jobs/%lld/requeue", (long long)job);
    TAP_EQ_INT(rig_post(rig, path, "{\"hold\":true}"), 200, "requeued, and held");
    TAP_OK(rig_wait_state(rig, job, "PENDING", 20), "it waits again");
    TAP_EQ_INT(
        rig_post(rig, "/v1/maintenance",
                 "{\"nodes\":\"far-[001-002]\",\"from\":\"2099-01-01\",\"until\":\"2099-01-02\",\"reason\":\"fans\"}"),
        201, "maintenance is booked: %s", rig->error.text);
    booked = rig_int(rig, "maintenance");
    TAP_OK(booked > 0, "it has a number");
    TAP_EQ_INT(rig_post(rig, "/v1/maintenance",
                        "{\"group\":\"nowhere\",\"from\":\"2099-01-01\",\"until\":\"2099-01-02\",\"reason\":\"fans\"}"),
               404, "of a group that is not");
    TAP_EQ_INT(rig_post(rig, "/v1/maintenance",
                        "{\"nodes\":\"far-001\",\"from\":\"2099-01-01\",\"until\":\"2098-01-02\",\"reason\":\"fans\"}"),
               400, "over before it begins");
    TAP_EQ_INT(rig_post(rig, "/v1/maintenance", "{\"nodes\":\"far-001\",\"reason\":\"fans\"}"), 400, "without times");
    conforms(rig, "/v1/maintenance", NULL, "Bookings");
    snprintf(path, sizeof path, "/v1/maintenance/%lld/cancel", (long long)booked);
    TAP_EQ_INT(rig_post(rig, path, NULL), 200, "cancelled");
    TAP_EQ_INT(rig_post(rig, path, NULL), 409, "once");
    TAP_EQ_INT(rig_post(rig, "/v1/maintenance/x/cancel", NULL), 400, "by its number");
    conforms(rig, "/v1/fleet/idle", "for_us=0", "IdleAllotments");
    TAP_EQ_INT(rig_get(rig, "/v1/fleet/idle", "for_us=a"), 400, "so long is a number");
}

struct taking {
    uint64_t first, last, count;
    uint64_t stop_after;
    bool ready, ordered;
};

static bool take(void *context, const struct dure_client_event *event)
{
    struct taking *taking = context;

    if (strcmp(event->kind, "ready") == 0) {
        taking->ready = true;
        return taking->stop_after != 0;
    }
    if (event->sequence == UINT64_MAX)
        return true;
    if (taking->count == 0)
        taking->first = event->sequence;
    else if (event->sequence <= taking->last)
        taking->ordered = false;
    taking->last = event->sequence;
    taking->count++;
    return taking->stop_after == 0 || taking->count < taking->stop_after;
}

static void *submit_later(void *context)
{
    struct rig *rig = context;
    struct rig own = *rig;

    own.client = NULL;
    own.reply = (struct dure_reply){0};
    rig_connect(&own);
    for (int i = 0; i < 50; i++)
        (void)rig_submit(&own, "\"models\":[\"big\"],\"runs_for\":\"1h\",\"walltime\":\"2h\",\"command\":[\"x\"]",
                         NULL);
    dure_reply_release(&own.reply);
    dure_client_free(own.client);
    return NULL;
}

static void test_events(struct rig *rig)
{
    struct taking all = {.ordered = true}, part = {.ordered = true, .stop_after = 5},
                  live = {.ordered = true, .stop_after = 60};
    struct dure_error error = {0};
    pthread_t thread;

    TAP_EQ_INT(dure_client_events(rig->client, 0, take, &all, &error), DURE_OK, "the whole backlog (%s)", error.text);
    TAP_OK(all.ready && all.ordered && all.first == 0, "from leaf 0, in order, then ready");
    rig_get(rig, "/v1/version", NULL);
    TAP_EQ_INT(all.last + 1, rig_int(rig, "journal_size"), "up to the journal's end");
    TAP_EQ_INT(dure_client_events(rig->client, 3, take, &part, &error), DURE_OK, "from leaf 3");
    TAP_EQ_INT(part.first, 3, "it begins there");
    if (pthread_create(&thread, NULL, submit_later, rig) != 0)
        tap_bail("no thread");
    TAP_EQ_INT(dure_client_events(rig->client, all.last + 1, take, &live, &error), DURE_OK,
               "resumed after the last, while jobs come in (%s)", error.text);
    pthread_join(thread, NULL);
    TAP_OK(live.ordered && live.first == all.last + 1 && live.count == 60, "sixty events from where it left off");
    TAP_EQ_INT(dure_client_events(rig->client, 1u << 30, take, &(struct taking){.stop_after = 0}, &error), DURE_OK,
               "from beyond the end: ready at once");
}

/* What `ssh -L /tmp/d.sock:...` does: bytes from one socket to another, over TCP. */
struct relay {
    int from;
    const struct rig *rig;
};

static void *carry(void *context)
{
    int *ends = context;
    char bytes[65536];
    ssize_t got;

    while ((got = recv(ends[0], bytes, sizeof bytes, 0)) > 0)
        if (send(ends[1], bytes, (size_t)got, MSG_NOSIGNAL) != got)
            break;
    shutdown(ends[1], SHUT_WR);
    shutdown(ends[0], SHUT_RD);
    return NULL;
}

static void *relay_main(void *context)
{
    const struct relay *relay = context;
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    int near, far;
    pthread_t threads[2];

    (void)dure_text_copy(there.sun_path, sizeof there.sun_path, relay->rig->socket);
    near = accept(relay->from, NULL, NULL);
    far = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (near < 0 || connect(far, (struct sockaddr *)&there, sizeof there) != 0)
        return NULL;
    int ends[2][2] = {{near, far}, {far, near}};
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, carry, ends[i]) != 0)
            tap_bail("no thread");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    close(near);
    close(far);
    return NULL;
}

static void test_tunnel(struct rig *rig)
{
    struct sockaddr_un here = {.sun_family = AF_UNIX};
    struct rig far = *rig;
    struct relay relay = {.rig = rig};
    pthread_t thread;

    snprintf(far.socket, sizeof far.socket, "%.90s.t", rig->socket);
    (void)dure_text_copy(here.sun_path, sizeof here.sun_path, far.socket);
    relay.from = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay.from, (struct sockaddr *)&here, sizeof here) != 0 || listen(relay.from, 4) != 0 ||
        pthread_create(&thread, NULL, relay_main, &relay) != 0)
        tap_bail("no relay");
    far.client = NULL;
    far.reply = (struct dure_reply){0};
    rig_connect(&far);
    TAP_EQ_INT(rig_get(&far, "/v1/me", NULL), 200, "through a tunnel");
    TAP_EQ_INT(rig_int(&far, "uid"), getuid(), "one is who the tunnel's end is");
    TAP_OK(rig_submit(&far, "\"models\":[\"virtual\"],\"command\":[\"/bin/echo\",\"far\"]", "t-1") > 0,
           "and can submit");
    dure_reply_release(&far.reply);
    dure_client_free(far.client);
    pthread_join(thread, NULL);
    close(relay.from);
}

/* What a user without any role may do, in a child of that user. 0: as it should be; else the row that was not. */
static int stranger(const struct rig *rig)
{
    static const struct {
        const char *method, *path, *body;
        int status;
    } rows[] = {
        {"GET", "/v1/me", NULL, 200},
        {"GET", "/v1/jobs?", NULL, 404},
        {"GET", "/v1/jobs", NULL, 200},
        {"GET", "/v1/fleet", NULL, 200},
        {"POST", "/v1/jobs", "{}", 403},
        {"POST", "/v1/jobs/2/cancel", NULL, 403},
        {"POST", "/v1/jobs/2/hold", NULL, 403},
        {"PUT", "/v1/fleet", "{}", 403},
        {"PUT", "/v1/tenants", "{}", 403},
        {"POST", "/v1/nodes/far-001/drain", "{\"reason\":\"x\"}", 403},
        {"POST", "/v1/allotments", "{}", 403},
        {"POST", "/v1/audit/erase", "{\"job\":1}", 403},
        {"POST", "/v1/backup", "{\"directory\":\"/tmp/x\"}", 403},
        {"POST", "/v1/clock/accept", NULL, 403},
        {"POST", "/v1/shutdown", NULL, 403},
        {"GET", "/v1/jobs/1/logs", NULL, 403},
    };
    struct rig own = *rig;

    own.client = NULL;
    own.reply = (struct dure_reply){0};
    rig_connect(&own);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status != 404 &&
            rig_call(&own, rows[i].method, rows[i].path, NULL, rows[i].body, NULL) != rows[i].status)
            return (int)i + 1;
    if (rig_get(&own, "/v1/jobs/1", NULL) != 200 || *rig_text(&own, "name") != '\0' ||
        *rig_text(&own, "user") != '\0' || json_array_size(json_object_get(own.reply.json, "command")) != 0)
        return 100;
    return 0;
}

static void test_stranger(struct rig *rig)
{
    int status = 0;
    pid_t child;

    if (getuid() != 0) {
        tap_skip("other users can only be played by root");
        return;
    }
    if (chmod(tap_tempdir(), 0755) != 0)
        tap_bail("chmod");
    child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(200);
        _exit(stranger(rig));
    }
    waitpid(child, &status, 0);
    TAP_OK(WIFEXITED(status) && WEXITSTATUS(status) == 0,
           "a user without roles sees no names and changes nothing (row %d)", WEXITSTATUS(status));
}

static void test_roles(struct rig *rig)
{
    json_t *spec;
    char *text;
    const struct passwd *me = getpwuid(getuid());
    char roles[512];

    snprintf(roles, sizeof roles,
             "[{\"role\":\"operator\",\"login\":\"%s\"},{\"role\":\"member\",\"login\":\"nobody\",\"tenant\":\"acme\"},"
             "{\"role\":\"auditor\",\"login\":\"someone-else\"}]",
             me != NULL ? me->pw_name : "root");
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", NULL,
                        "{\"kind\":\"Tenants\",\"version\":1,\"tenants\":[{\"name\":\"other\"}]}", NULL),
               409, "tenants cannot be taken away");
    spec = json_pack("{s:s,s:i,s:[{s:s,s:s}]}", "kind", "Tenants", "version", 1, "tenants", "name", "acme", "owner",
                     "acme");
    json_object_set_new(spec, "roles", json_loads(roles, 0, NULL));
    text = json_dumps(spec, 0);
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", "preview=true", text, NULL), 200, "new roles, to see");
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", NULL, text, NULL), 200, "new roles: %s", rig->error.text);
    TAP_EQ_INT(rig_get(rig, "/v1/tenants/spec", NULL), 200, "the journaled spec");
    TAP_OK(strstr(rig->reply.body, "nobody") == NULL && strstr(rig->reply.body, "someone-else") == NULL,
           "names no login");
    TAP_EQ_INT(rig_get(rig, "/v1/tenants/spec", "logins=true"), 200, "with logins, for an operator");
    TAP_OK(strstr(rig->reply.body, "\"login\":\"someone-else\"") != NULL, "it names them");
    free(text);
    json_array_remove(json_object_get(spec, "roles"), 0);
    text = json_dumps(spec, 0);
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", "preview=true", text, NULL), 409, "no operator left, to see");
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", NULL, text, NULL), 409, "no operator left");
    TAP_HAS(rig->error.text, "the spec leaves no operator: add `{login:", "is refused with the way out");
    json_array_append_new(json_object_get(spec, "roles"),
                          json_pack("{s:s,s:s}", "role", "operator", "login", "someone-else"));
    free(text);
    text = json_dumps(spec, 0);
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", NULL, text, NULL), 409, "another operator instead of me");
    TAP_HAS(rig->error.text, "takes the operator role from you", "is refused");
    TAP_EQ_INT(rig_call(rig, "PUT", "/v1/tenants", "preview=true&give_up_operator=true", text, NULL), 200,
               "unless it is asked for: %s", rig->error.text);
    free(text);
    json_decref(spec);
    TAP_EQ_INT(rig_get(rig, "/v1/me", NULL), 200, "I");
    TAP_EQ_STR(json_string_value(json_object_get(json_array_get(json_object_get(rig->reply.json, "roles"), 0), "role")),
               "operator", "am operator still");
}

static void test_erase(struct rig *rig)
{
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", "{\"job\":2}"), 409, "a live job keeps its fields");
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", "{\"job\":1,\"fields\":[\"shoe\"]}"), 400, "no such field");
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", "{}"), 400, "neither job nor login");
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", "{\"login\":\"no-such-person\"}"), 404, "nobody");
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", "{\"job\":1}"), 200, "an ended job's fields: %s", rig->error.text);
    TAP_EQ_INT(rig_int(rig, "bodies"), 1, "one body");
    TAP_EQ_INT(rig_get(rig, "/v1/jobs/1", NULL), 200, "the job");
    TAP_EQ_STR(rig_text(rig, "name"), "", "has no name any more");
    TAP_OK(json_array_size(json_object_get(rig->reply.json, "erased")) >= 2, "and says what was erased");
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", "{\"login\":\"someone-else\"}"), 200, "a person's: %s",
               rig->error.text);
}

static void test_backup(struct rig *rig)
{
    char body[800], path[700];

    snprintf(path, sizeof path, "%s/copy", rig->folder);
    snprintf(body, sizeof body, "{\"directory\":\"%s\"}", path);
    TAP_EQ_INT(rig_post(rig, "/v1/backup", "{\"directory\":\"relative\"}"), 400, "a relative folder");
    TAP_EQ_INT(rig_post(rig, "/v1/backup", body), 200, "a backup: %s", rig->error.text);
    snprintf(path, sizeof path, "%s/copy/journal.db", rig->folder);
    TAP_OK(access(path, R_OK) == 0, "holds a journal");
    snprintf(path, sizeof path, "%s/copy/key", rig->folder);
    TAP_OK(access(path, R_OK) != 0, "and no key");
}

/* Why nothing ran is for ever in the record, so it tells no path; the job has the path. */
static void test_reason(struct rig *rig)
{
    char path[64];
    json_int_t job =
        rig_submit(rig, "\"models\":[\"virtual\"],\"command\":[\"/bin/true\"],\"stdout\":\"/no-such/secret\"", NULL);

    TAP_OK(rig_wait_state(rig, job, "LAUNCH_FAILED", 10), "a job without room for its output does not start");
    snprintf(path, sizeof path, "/v1/jobs/%lld", (long long)job);
    TAP_EQ_INT(rig_get(rig, path, NULL), 200, "it");
    TAP_EQ_STR(rig_text(rig, "reason"), "the output file cannot be opened: No such file or directory", "says why");
    TAP_EQ_STR(rig_text(rig, "stdout"), "/no-such/secret", "and where, as long as that is kept");
}

/* Whoever erases the only operator, himself perhaps, does not lock everyone out. */
static void test_last_operator(struct rig *rig)
{
    const struct passwd *me = getpwuid(geteuid());
    char text[256];
    json_int_t live = 1;

    for (int i = 0; i < 1000 && live != 0; i++) {
        live = 0;
        if (rig_get(rig, "/v1/jobs", "state=live&limit=1") == 200)
            live =
                json_integer_value(json_object_get(json_array_get(json_object_get(rig->reply.json, "jobs"), 0), "job"));
        snprintf(text, sizeof text, "/v1/jobs/%lld/cancel", (long long)live);
        if (live != 0)
            (void)rig_post(rig, text, "{}");
        usleep(20000);
    }
    snprintf(text, sizeof text, "{\"login\":\"%s\"}", me->pw_name);
    TAP_EQ_INT(rig_post(rig, "/v1/audit/erase", text), 200, "the only operator is erased: %s", rig->error.text);
    TAP_EQ_INT(rig_get(rig, "/v1/me", NULL), 200, "who runs the daemon");
    TAP_EQ_STR(json_string_value(json_object_get(json_array_get(json_object_get(rig->reply.json, "roles"), 0), "role")),
               "operator", "is operator instead");
}

int main(void)
{
    struct rig rig;

    rig_make(&rig, "api", 4, true);
    if (!rig_start(&rig, NULL))
        tap_bail("no daemon");
    test_answers(&rig);
    test_metrics(&rig);
    test_pages(&rig);
    test_nodes(&rig);
    test_changes(&rig);
    test_events(&rig);
    test_tunnel(&rig);
    test_stranger(&rig);
    test_roles(&rig);
    test_erase(&rig);
    test_backup(&rig);
    test_reason(&rig);
    test_last_operator(&rig);
    TAP_EQ_INT(rig_get(&rig, "/healthz", NULL), 200, "it is well after all that");
    TAP_EQ_INT(rig_stop(&rig, SIGTERM), 0, "and stops in order");
    json_decref(document);
    rig_remove(&rig);
    return tap_done();
}
