#include <string.h>

#include "api/http_request.h"

enum dure_http_method dure_http_method(const struct dure_http_request *request)
{
    return request->method;
}

const char *dure_http_path(const struct dure_http_request *request)
{
    return request->target.data;
}

const char *dure_http_body(const struct dure_http_request *request, size_t *ret_length)
{
    *ret_length = request->body.length;
    return request->body.data != NULL ? request->body.data : "";
}

const struct dure_http_peer *dure_http_peer(const struct dure_http_request *request)
{
    return &request->from->peer;
}

const char *dure_http_header(const struct dure_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool decode(const char *text, size_t length, bool plus_is_space, char *decoded, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= length || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return false;
            c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
            if (c == '\0')
                return false;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (at + 1 >= size)
            return false;
        decoded[at++] = c;
    }
    if (size == 0)
        return false;
    decoded[at] = '\0';
    return true;
}

bool dure_http_decode(const char *text, size_t length, char *decoded, size_t size)
{
    return decode(text, length, false, decoded, size);
}

/* One "name=value" of a query. False: no more. */
static bool pair_next(const char **rest, const char **ret_name, size_t *ret_name_length, const char **ret_value,
                      size_t *ret_value_length)
{
    const char *text = *rest;
    const char *equals;
    size_t length;

    while (*text == '&')
        text++;
    if (*text == '\0')
        return false;
    length = strcspn(text, "&");
    equals = memchr(text, '=', length);
    *ret_name = text;
    *ret_name_length = equals != NULL ? (size_t)(equals - text) : length;
    *ret_value = equals != NULL ? equals + 1 : text + length;
    *ret_value_length = equals != NULL ? length - *ret_name_length - 1 : 0;
    *rest = text + length;
    return true;
}

int dure_http_query(const struct dure_http_request *request, const char *name, char *value, size_t size)
{
    const char *rest = request->query;
    const char *key, *text;
    size_t key_length, text_length;
    int found = 0;

    while (pair_next(&rest, &key, &key_length, &text, &text_length)) {
        if (key_length != strlen(name) || memcmp(key, name, key_length) != 0)
            continue;
        if (found == 1 || !decode(text, text_length, true, value, size))
            return DURE_E_INVALID;
        found = 1;
    }
    return found;
}

bool dure_http_query_unknown(const struct dure_http_request *request, const char *const *known, char *name, size_t size)
{
    const char *rest = request->query;
    const char *key, *text;
    size_t key_length, text_length;

    while (pair_next(&rest, &key, &key_length, &text, &text_length)) {
        bool is_known = false;
        for (const char *const *at = known; *at != NULL; at++)
            is_known = is_known || (key_length == strlen(*at) && memcmp(key, *at, key_length) == 0);
        if (is_known)
            continue;
        if (key_length >= size)
            key_length = size - 1;
        memcpy(name, key, key_length);
        name[key_length] = '\0';
        return true;
    }
    return false;
}
