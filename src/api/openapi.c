/* /openapi.json: OpenAPI 3.1, written from the table of routes and the table of schemas, so that it cannot say what is not served. */
#include <string.h>

#include "api/inner.h"
#include "api/schemas.h"

static void write_ref(struct dure_buf *out, const char *name, size_t length)
{
    char text[96];

    snprintf(text, sizeof text, "#/components/schemas/%.*s", (int)length, name);
    json_str(out, "$ref", text);
}

/* `type` up to `length`: "integer", "string?", "{JobRow}", "[{JobRow}]". The object around it is open. */
static void write_type(struct dure_buf *out, const char *type, size_t length)
{
    bool may_be_null = length > 0 && type[length - 1] == '?';
    char name[32];

    if (may_be_null)
        length--;
    if (type[0] == '[') {
        json_str(out, "type", "array");
        json_open(out, "items", '{');
        write_type(out, type + 1, length - 2);
        json_close(out, '}');
    } else if (type[0] == '{') {
        write_ref(out, type + 1, length - 2);
    } else if (may_be_null) {
        snprintf(name, sizeof name, "%.*s", (int)length, type);
        json_open(out, "type", '[');
        json_str(out, NULL, name);
        json_str(out, NULL, "null");
        json_close(out, ']');
    } else {
        snprintf(name, sizeof name, "%.*s", (int)length, type);
        json_str(out, "type", name);
    }
}

static void write_schema(struct dure_buf *out, const struct schema *schema)
{
    char key[64];

    json_open(out, schema->name, '{');
    json_str(out, "type", "object");
    if (*schema->text != '\0')
        json_str(out, "description", schema->text);
    json_open(out, "properties", '{');
    for (const char *at = schema->members; *at != '\0';) {
        size_t word = strcspn(at, " ");
        size_t name = strcspn(at, ":");
        snprintf(key, sizeof key, "%.*s", (int)name, at);
        json_open(out, key, '{');
        write_type(out, at + name + 1, word - name - 1);
        json_close(out, '}');
        at += word;
        at += strspn(at, " ");
    }
    json_close(out, '}');
    json_close(out, '}');
}

static void write_parameter(struct dure_buf *out, const char *name, const char *in, const char *type, bool required)
{
    json_open(out, NULL, '{');
    json_str(out, "name", name);
    json_str(out, "in", in);
    json_bool(out, "required", required);
    json_open(out, "schema", '{');
    json_str(out, "type", type);
    json_close(out, '}');
    json_close(out, '}');
}

static void write_parameters(struct dure_buf *out, const struct route *route)
{
    char name[64], type[32];

    json_open(out, "parameters", '[');
    for (const char *at = strchr(route->path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "*}"), at + 1);
        write_parameter(out, name, "path", "string", true);
    }
    for (const char *at = route->query; *at != '\0';) {
        size_t word = strcspn(at, " ");
        size_t length = strcspn(at, ":");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        snprintf(type, sizeof type, "%.*s", (int)(word - length - 1), at + length + 1);
        write_parameter(out, name, "query", type, false);
        at += word;
        at += strspn(at, " ");
    }
    if (route->method != DURE_HTTP_GET)
        write_parameter(out, "Idempotency-Key", "header", "string", false);
    json_close(out, ']');
}

static void write_content(struct dure_buf *out, const char *answer)
{
    bool is_media = strchr(answer, '/') != NULL;

    json_open(out, "content", '{');
    json_open(out, is_media ? answer : "application/json", '{');
    json_open(out, "schema", '{');
    if (is_media)
        json_str(out, "type", strcmp(answer, "application/json") == 0 ? "object" : "string");
    else
        write_ref(out, answer, strlen(answer));
    json_close(out, '}');
    json_close(out, '}');
    json_close(out, '}');
}

static void write_operation(struct dure_buf *out, const struct route *route)
{
    static const char *const who[] = {"anyone on this machine who may connect", "members of a tenant", "operators",
                                      "operators and owners of the nodes"};
    char status[8];

    json_open(out, route->method == DURE_HTTP_GET ? "get" : route->method == DURE_HTTP_PUT ? "put" : "post", '{');
    json_str(out, "operationId", route->operation);
    json_str(out, "summary", route->summary);
    json_str(out, "x-dure-for", who[route->access]);
    write_parameters(out, route);
    if (route->body != NULL) {
        json_open(out, "requestBody", '{');
        json_bool(out, "required", true);
        write_content(out, route->body);
        json_close(out, '}');
    }
    json_open(out, "responses", '{');
    snprintf(status, sizeof status, "%d", route->status);
    json_open(out, status, '{');
    json_str(out, "description", "as asked");
    write_content(out, route->answer);
    json_close(out, '}');
    json_open(out, "default", '{');
    json_str(out, "description", "refused, with the reason");
    write_content(out, "Error");
    json_close(out, '}');
    json_close(out, '}');
    json_close(out, '}');
}

/* The path as OpenAPI has it: "{index*}" is "{index}". */
static void path_of(const struct route *route, char path[128])
{
    size_t at = 0;

    for (const char *from = route->path; *from != '\0' && at < 127; from++)
        if (*from != '*')
            path[at++] = *from;
    path[at] = '\0';
}

static bool first_of_path(unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (strcmp(dure_routes[i].path, dure_routes[index].path) == 0)
            return false;
    return true;
}

void dure_api_openapi(struct dure_buf *json)
{
    char path[128];

    json_open(json, NULL, '{');
    json_str(json, "openapi", "3.1.0");
    json_open(json, "info", '{');
    json_str(json, "title", "dure");
    json_str(json, "version", DURE_VERSION);
    json_str(
        json, "description",
        "A shared GPU fleet. Served on a Unix socket; the peer's user id is the identity. Times are RFC 3339 in UTC.");
    json_close(json, '}');
    json_open(json, "paths", '{');
    for (unsigned i = 0; i < dure_route_count; i++) {
        if (!first_of_path(i))
            continue;
        path_of(&dure_routes[i], path);
        json_open(json, path, '{');
        for (unsigned j = i; j < dure_route_count; j++)
            if (strcmp(dure_routes[i].path, dure_routes[j].path) == 0)
                write_operation(json, &dure_routes[j]);
        json_close(json, '}');
    }
    json_close(json, '}');
    json_open(json, "components", '{');
    json_open(json, "schemas", '{');
    for (unsigned i = 0; i < dure_schema_count; i++)
        write_schema(json, &dure_schemas[i]);
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, '}');
}

void handle_openapi(struct call *call)
{
    struct dure_api *api = call->api;

    if (api->openapi.length == 0)
        dure_api_openapi(&api->openapi);
    dure_buf_add(&call->out, api->openapi.data, api->openapi.length);
    call_answer(call, 200);
}
