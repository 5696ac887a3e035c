#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client/client_parts.h"

enum { JSON_TEXT_MAX = 64 << 20 };

bool dure_reply_header(const struct dure_reply *reply, const char *name, char *value, size_t size)
{
    const char *line = reply->headers;
    size_t name_length = strlen(name);

    while (line != NULL && *line != '\0') {
        const char *end = strchr(line, '\n');
        if (end == NULL)
            return false;
        if (strncmp(line, name, name_length) == 0 && line[name_length] == ':') {
            const char *text = line + name_length + 1;
            while (*text == ' ')
                text++;
            if ((size_t)(end - text) >= size)
                return false;
            memcpy(value, text, (size_t)(end - text));
            value[end - text] = '\0';
            return true;
        }
        line = end + 1;
    }
    return false;
}

void dure_reply_release(struct dure_reply *reply)
{
    json_decref(reply->json);
    free(reply->body);
    free(reply->headers);
    *reply = (struct dure_reply){0};
}

/* An answer without our error object, or with a code of another version, is still an error; say what is known. */
static enum dure_err by_status(int status, const char *message, struct dure_error *error)
{
    enum dure_err err = status == 404   ? DURE_E_NOT_FOUND
                        : status == 403 ? DURE_E_DENIED
                        : status == 413 ? DURE_E_LIMIT
                        : status == 429 ? DURE_E_RATE
                        : status == 503 ? DURE_E_BUSY
                        : status < 500  ? DURE_E_INVALID
                                        : DURE_E_IO;

    if (message != NULL)
        return dure_fail(error, err, "%s", message);
    return dure_fail(error, err, "the daemon answered with HTTP status %d", status);
}

enum dure_err dure_reply_read(struct dure_reply *reply, struct dure_error *error)
{
    char type[128] = "";
    const json_t *fault;
    const char *code, *message;
    enum dure_err err;

    if (dure_reply_header(reply, "content-type", type, sizeof type) && strncmp(type, "application/json", 16) == 0 &&
        reply->body_length <= JSON_TEXT_MAX)
        reply->json = json_loadb(reply->body, reply->body_length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (reply->status >= 200 && reply->status < 300)
        return DURE_OK;
    fault = json_object_get(reply->json, "error");
    code = json_string_value(json_object_get(fault, "code"));
    message = json_string_value(json_object_get(fault, "message"));
    if (code == NULL)
        return by_status(reply->status, message, error);
    err = dure_err_from_wire(code);
    if (err == DURE_OK || strcmp(dure_err_wire(err), code) != 0)
        return by_status(reply->status, message, error);
    return dure_fail(error, err, "%s", message != NULL ? message : dure_err_sentence(err));
}

/* The field's node, or its nearest parent's that exists. */
static const struct dure_tree *nearest(const struct dure_tree *tree, const char *field)
{
    char part[sizeof((struct dure_problem *)0)->field];
    const struct dure_tree *at;

    snprintf(part, sizeof part, "%s", field);
    while (part[0] != '\0') {
        size_t cut = strlen(part);
        at = dure_tree_at(tree, part);
        if (at != NULL)
            return at;
        while (cut > 0 && part[cut - 1] != '.' && part[cut - 1] != '[')
            cut--;
        part[cut > 0 ? cut - 1 : 0] = '\0';
    }
    return tree;
}

uint32_t dure_reply_problems(const struct dure_reply *reply, const struct dure_tree *tree,
                             struct dure_problems *problems)
{
    const json_t *list = json_object_get(json_object_get(reply->json, "error"), "problems");
    const json_t *entry;
    size_t index;

    json_array_foreach(list, index, entry)
    {
        const char *field = json_string_value(json_object_get(entry, "field"));
        const char *found = json_string_value(json_object_get(entry, "found"));
        const char *expected = json_string_value(json_object_get(entry, "expected"));
        const struct dure_tree *at = tree != NULL && field != NULL ? nearest(tree, field) : NULL;
        struct dure_problem *problem;
        problems->total++;
        if (problems->count >= DURE_PROBLEMS_MAX)
            continue;
        problem = &problems->at[problems->count++];
        *problem = (struct dure_problem){.line = at != NULL ? at->line : 0, .column = at != NULL ? at->column : 0};
        snprintf(problem->field, sizeof problem->field, "%s", field != NULL ? field : "");
        snprintf(problem->found, sizeof problem->found, "%s", found != NULL ? found : "");
        snprintf(problem->expected, sizeof problem->expected, "%s", expected != NULL ? expected : "");
    }
    return problems->total;
}

enum dure_err dure_client_health(struct dure_client *client, struct dure_error *error)
{
    struct dure_request request = {.method = "GET", .path = "/healthz"};
    struct dure_reply reply = {0};
    enum dure_err err = dure_client_call(client, &request, &reply, error);

    dure_reply_release(&reply);
    return err;
}

void dure_client_escape(const char *text, struct dure_buf *buf)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c) != NULL)
            dure_buf_byte(buf, c);
        else
            dure_buf_printf(buf, "%%%02X", c);
    }
}

void dure_client_key(char key[33])
{
    unsigned char bytes[16];

    DURE_ASSERT(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(key + 2 * i, 3, "%02x", bytes[i]);
}
