/* What comes with a request: query parameters, parts of the path, small bodies. Whatever is not known is refused by name. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"

enum { TEXT_MAX = 1024, SMALL_BODY_MAX = 65536 };

static bool is_known(const char *query, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = query; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (strcspn(at, ":") == length && memcmp(at, name, length) == 0)
            return true;
        at += word;
        at += strspn(at, " ");
    }
    return false;
}

bool params_known(struct call *call)
{
    const char *names[16];
    char copy[16][32];
    char unknown[64];
    unsigned count = 0;

    for (const char *at = call->route->query; *at != '\0' && count < 15;) {
        size_t word = strcspn(at, " ");
        snprintf(copy[count], sizeof copy[count], "%.*s", (int)strcspn(at, ":"), at);
        names[count] = copy[count];
        count++;
        at += word;
        at += strspn(at, " ");
    }
    names[count] = NULL;
    if (!dure_http_query_unknown(call->request, names, unknown, sizeof unknown))
        return true;
    call_fail(call, DURE_E_INVALID, "query parameter '%s' is not known here; known: %s", unknown,
              *call->route->query != '\0' ? call->route->query : "none");
    return false;
}

bool param_text(struct call *call, const char *name, const char **ret_text)
{
    char value[TEXT_MAX];
    int found = dure_http_query(call->request, name, value, sizeof value);

    DURE_ASSERT(is_known(call->route->query, name));
    *ret_text = NULL;
    if (found < 0) {
        call_fail(call, DURE_E_INVALID, "query parameter '%s' is given twice, badly encoded or too long", name);
        return false;
    }
    if (found == 0)
        return true;
    *ret_text = dure_arena_strdup(call->arena, value);
    if (*ret_text == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return false;
    }
    return true;
}

bool param_uint(struct call *call, const char *name, uint64_t most, uint64_t *value)
{
    const char *text;
    uint64_t number = 0;

    if (!param_text(call, name, &text))
        return false;
    if (text == NULL)
        return true;
    for (const char *at = text; at == text || *at != '\0'; at++) {
        bool digit = *at >= '0' && *at <= '9';
        if (!digit || __builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number) || number > most) {
            call_fail(call, DURE_E_INVALID, "query parameter '%s': found '%.64s', expected a number of 0..%llu", name,
                      text, (unsigned long long)most);
            return false;
        }
    }
    *value = number;
    return true;
}

bool param_bool(struct call *call, const char *name, bool *value)
{
    const char *text;

    if (!param_text(call, name, &text))
        return false;
    if (text != NULL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        call_fail(call, DURE_E_INVALID, "query parameter '%s': found '%.64s', expected true or false", name, text);
        return false;
    }
    if (text != NULL)
        *value = strcmp(text, "true") == 0;
    return true;
}

bool part_job(struct call *call, struct dure_job_id *ret_job, uint32_t *ret_element)
{
    const char *text = call->part[0];
    char *end;
    uint64_t job, element = DURE_NONE32;

    job = strtoull(text, &end, 10);
    if (*text < '1' || *text > '9' || strlen(text) > 30)
        job = 0;
    if (job != 0 && *end == '.') {
        text = end + 1;
        element = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || element >= DURE_NONE32)
            job = 0;
    }
    if (job == 0 || job == UINT64_MAX || *end != '\0') {
        call_fail(call, DURE_E_INVALID, "job: found '%.64s', expected a number such as 12, or 12.3 for an element",
                  call->part[0]);
        return false;
    }
    ret_job->v = job;
    *ret_element = (uint32_t)element;
    return true;
}

struct json_t *call_body_json(struct call *call, const char *const *keys)
{
    json_error_t fault;
    const char *key;
    const char *text;
    size_t length;
    json_t *value, *json;

    text = dure_http_body(call->request, &length);
    if (length > SMALL_BODY_MAX) {
        call_fail(call, DURE_E_LIMIT, "the body is larger than %d bytes", SMALL_BODY_MAX);
        return NULL;
    }
    json = json_loadb(length > 0 ? text : "{}", length > 0 ? length : 2, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(json)) {
        call_fail(call, DURE_E_INVALID, "body: %s", json == NULL ? fault.text : "expected a JSON object");
        json_decref(json);
        return NULL;
    }
    json_object_foreach(json, key, value)
    {
        bool known = false;
        for (const char *const *at = keys; *at != NULL; at++)
            known = known || strcmp(*at, key) == 0;
        if (!known) {
            call_fail(call, DURE_E_INVALID, "body: field '%.64s' is not known here", key);
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

struct dure_tree *call_body_tree(struct call *call)
{
    struct dure_problems problems;
    struct dure_tree *tree = NULL;
    const char *text;
    size_t length;
    enum dure_err err;

    problems.file = "body";
    problems.count = problems.total = 0;
    text = dure_http_body(call->request, &length);
    err = dure_tree_from_json(call->arena, text, length, &tree, &problems);
    if (err == DURE_OK)
        return tree;
    if (err == DURE_E_INVALID && problems.count > 0)
        call_fail_problems(call, &problems);
    else
        call_fail(call, err, "the body cannot be taken: %s",
                  problems.count > 0 ? problems.at[0].expected : dure_err_sentence(err));
    return NULL;
}
