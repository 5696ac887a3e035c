/* The table of routes against the document made from it, and against who may do what, written down here a second time. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/inner.h"
#include "api/schemas.h"
#include "tap.h"

enum who { NOBODY, MEMBER, OWNER, AUDITOR, OPERATOR, WHO_COUNT };
static const char *const who_names[] = {"nobody", "member", "owner", "auditor", "operator"};

/* operation, then Y or - for nobody, member, owner, auditor, operator: whether the route lets them in (handlers look closer where rows matter). */
static const struct {
    const char *operation;
    const char *may;
} matrix[] = {
    {"submitJob", "-Y--Y"},  {"listJobs", "YYYYY"},    {"getJob", "YYYYY"},         {"whyJob", "YYYYY"},
    {"whyQueue", "----Y"},
    {"readLog", "YYYYY"},    {"cancelJob", "YYYYY"},   {"holdJob", "YYYYY"},        {"releaseJob", "YYYYY"},
    {"modifyJob", "YYYYY"},  {"requeueJob", "YYYYY"}, {"health", "YYYYY"},     {"metrics", "YYYYY"},     {"openapi", "YYYYY"},        {"version", "YYYYY"},
    {"putPower", "----Y"}, {"getPower", "YYYYY"}, {"getPowerSpec", "YYYYY"}, {"putData", "----Y"}, {"getData", "YYYYY"}, {"getDataSpec", "YYYYY"}, {"me", "YYYYY"},         {"putFleet", "----Y"},    {"getFleet", "YYYYY"},       {"listIdle", "YYYYY"}, {"getFleetSpec", "YYYYY"},
    {"putTenants", "----Y"}, {"listTenants", "YYYYY"}, {"getTenantsSpec", "YYYYY"}, {"listNodes", "YYYYY"},
    {"getNode", "YYYYY"},    {"drainNodes", "--Y-Y"},  {"resumeNodes", "--Y-Y"},    {"listAllotments", "YYYYY"},
    {"listMaintenance", "YYYYY"}, {"bookMaintenance", "--Y-Y"}, {"cancelMaintenance", "--Y-Y"}, {"grant", "----Y"},      {"shrink", "----Y"},      {"endAllotment", "----Y"},   {"events", "YYYYY"},
    {"checkpoint", "YYYYY"}, {"auditKey", "YYYYY"},    {"tile", "YYYYY"},           {"digests", "YYYYY"},
    {"proof", "YYYYY"},      {"erase", "----Y"},       {"backup", "----Y"},         {"acceptClock", "----Y"},
    {"shutdown", "----Y"},   {"checkpointedJob", "YYYYY"}, {"getOwner", "YYYYY"},
};

static void make(enum who kind, struct identity *who)
{
    static struct dure_tenant_id tenant = {0};
    static struct dure_owner_id owner = {0};

    memset(who, 0, sizeof *who);
    if (kind == MEMBER) {
        who->member_of.at = &tenant;
        who->member_of.count = 1;
    }
    if (kind == OWNER) {
        who->owner_of.at = &owner;
        who->owner_of.count = 1;
    }
    who->is_auditor = kind == AUDITOR;
    who->is_operator = kind == OPERATOR;
}

static void test_matrix(void)
{
    struct identity who;

    TAP_EQ_UINT(sizeof matrix / sizeof matrix[0], dure_route_count, "every route has its row here");
    for (unsigned i = 0; i < sizeof matrix / sizeof matrix[0]; i++) {
        const struct route *route = NULL;
        for (unsigned j = 0; j < dure_route_count; j++)
            if (strcmp(dure_routes[j].operation, matrix[i].operation) == 0)
                route = &dure_routes[j];
        if (!TAP_OK(route != NULL, "%s is served", matrix[i].operation))
            continue;
        char may[WHO_COUNT + 1] = {0};
        for (int kind = NOBODY; kind < WHO_COUNT; kind++) {
            make((enum who)kind, &who);
            may[kind] = identity_may(&who, route->access) ? 'Y' : '-';
        }
        TAP_EQ_STR(may, matrix[i].may, "%s: %s, %s, %s, %s, %s", matrix[i].operation, who_names[0], who_names[1],
                   who_names[2], who_names[3], who_names[4]);
    }
}

static const char *method_name(enum dure_http_method method)
{
    return method == DURE_HTTP_GET ? "get" : method == DURE_HTTP_PUT ? "put" : "post";
}

static bool is_schema(const json_t *document, const char *name)
{
    return json_object_get(json_object_get(json_object_get(document, "components"), "schemas"), name) != NULL;
}

static void test_document(void)
{
    struct dure_buf text = {0};
    json_error_t fault;
    json_t *document;
    size_t operations = 0;
    const char *path;
    json_t *item;

    dure_buf_init(&text, 8 << 20);
    dure_api_openapi(&text);
    document = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &fault);
    if (!TAP_OK(document != NULL, "the document is JSON: %s", document == NULL ? fault.text : "yes"))
        return;
    TAP_EQ_STR(json_string_value(json_object_get(document, "openapi")), "3.1.0", "OpenAPI 3.1");
    json_object_foreach(json_object_get(document, "paths"), path, item) operations += json_object_size(item);
    TAP_EQ_UINT(operations, dure_route_count, "as many operations as routes");
    for (unsigned i = 0; i < dure_route_count; i++) {
        const struct route *route = &dure_routes[i];
        char clean[128];
        size_t at = 0;
        for (const char *from = route->path; *from != '\0'; from++)
            if (*from != '*')
                clean[at++] = *from;
        clean[at] = '\0';
        item = json_object_get(json_object_get(json_object_get(document, "paths"), clean), method_name(route->method));
        const char *operation = json_string_value(json_object_get(item, "operationId"));
        TAP_EQ_STR(operation != NULL ? operation : "", route->operation, "%s %s", method_name(route->method), clean);
        TAP_OK(strchr(route->answer, '/') != NULL || is_schema(document, route->answer), "%s: its answer has a schema",
               route->operation);
        TAP_OK(route->body == NULL || is_schema(document, route->body), "%s: its body has a schema", route->operation);
    }
    json_decref(document);
    dure_buf_release(&text);
}

/* Every {Schema} that a schema names is one. */
static void test_schemas(void)
{
    for (unsigned i = 0; i < dure_schema_count; i++)
        for (const char *at = strchr(dure_schemas[i].members, '{'); at != NULL; at = strchr(at + 1, '{')) {
            bool found = false;
            size_t length = strcspn(at + 1, "}");
            for (unsigned j = 0; j < dure_schema_count; j++)
                found = found ||
                        (strlen(dure_schemas[j].name) == length && memcmp(dure_schemas[j].name, at + 1, length) == 0);
            TAP_OK(found, "%s names the schema %.*s", dure_schemas[i].name, (int)length, at + 1);
        }
}

static void test_find(void)
{
    static const struct {
        enum dure_http_method method;
        const char *path;
        const char *operation; /* NULL: none; "405": the path, not the method */
        const char *part0, *part1;
    } rows[] = {
        {DURE_HTTP_POST, "/v1/jobs", "submitJob", NULL, NULL},
        {DURE_HTTP_GET, "/v1/jobs/12.3", "getJob", "12.3", NULL},
        {DURE_HTTP_GET, "/v1/jobs/12/why", "whyJob", "12", NULL},
        {DURE_HTTP_GET, "/v1/nodes/a%2Db", "getNode", "a-b", NULL},
        {DURE_HTTP_POST, "/v1/nodes/a-%5B01-04%5D/drain", "drainNodes", "a-[01-04]", NULL},
        {DURE_HTTP_POST, "/v1/nodes/a+rack/drain", "drainNodes", "a+rack", NULL},
        {DURE_HTTP_GET, "/v1/audit/tile/0/x001/234", "tile", "0", "x001/234"},
        {DURE_HTTP_GET, "/v1/audit/tile/entries/000.p/5", "tile", "entries", "000.p/5"},
        {DURE_HTTP_GET, "/v1/jobs/", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/v1/jobs//why", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/v1/jobs/1/2", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/v1/jobs/%00", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/v1/jobs/%zz", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/v1/Jobs", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/v1/jobsx", NULL, NULL, NULL},
        {DURE_HTTP_GET, "/", NULL, NULL, NULL},
        {DURE_HTTP_PUT, "/v1/jobs", "405", NULL, NULL},
        {DURE_HTTP_POST, "/healthz", "405", NULL, NULL},
    };
    static char part[CALL_PARTS_MAX][CALL_PART_MAX];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool other = false;
        const struct route *route = route_find(rows[i].method, rows[i].path, part, &other);
        const char *got = route != NULL ? route->operation : other ? "405" : "none";
        TAP_EQ_STR(got, rows[i].operation != NULL ? rows[i].operation : "none", "%s", rows[i].path);
        if (rows[i].part0 != NULL)
            TAP_EQ_STR(part[0], rows[i].part0, "%s: first part", rows[i].path);
        if (rows[i].part1 != NULL)
            TAP_EQ_STR(part[1], rows[i].part1, "%s: second part", rows[i].path);
    }
}

static void test_rate(void)
{
    struct identity who = {0};
    unsigned passed = 0;

    for (int i = 0; i < 500; i++)
        passed += rate_take(&who, 100, 1000000000);
    TAP_EQ_UINT(passed, 100, "a burst of one second's worth");
    passed = 0;
    for (int i = 0; i < 100; i++)
        passed += rate_take(&who, 100, 1000000000 + i * 10000);
    TAP_OK(passed >= 99 && passed <= 100, "then as many as the rate allows (%u)", passed);
    TAP_OK(rate_take(&who, 100, 5), "a clock set back does not lock anyone out");
}

int main(void)
{
    test_matrix();
    test_document();
    test_schemas();
    test_find();
    test_rate();
    return tap_done();
}
