#include <string.h>
#include <strings.h>

#include "api/http_request.h"

/* What a request's head shows, gathered in one walk over its headers. */
struct head {
    unsigned count, hosts, lengths, encodings;
    size_t bytes;
    bool bad_name, bad_value;
    const char *encoding;
    const char *length;
};

static bool token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static enum MHD_Result see(void *context, enum MHD_ValueKind kind, const char *name, size_t name_length,
                           const char *value, size_t value_length)
{
    struct head *head = context;

    (void)kind;
    head->count++;
    head->bytes += name_length + value_length + 4;
    if (name_length == 0)
        head->bad_name = true;
    for (size_t i = 0; i < name_length; i++)
        if (!token_char((unsigned char)name[i]))
            head->bad_name = true;
    for (size_t i = 0; i < value_length; i++)
        if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
            head->bad_value = true;
    if (name_length == 4 && strcasecmp(name, "Host") == 0)
        head->hosts++;
    if (name_length == 14 && strcasecmp(name, "Content-Length") == 0) {
        head->lengths++;
        head->length = value;
    }
    if (name_length == 17 && strcasecmp(name, "Transfer-Encoding") == 0) {
        head->encodings++;
        head->encoding = value;
    }
    return MHD_YES;
}

/* 1: larger than `max`; 0: not; -1: not a number of plain digits. */
static int length_over(const char *text, size_t max)
{
    size_t value = 0;

    if (*text == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (size_t)(*text - '0'), &value))
            return 1;
    }
    return value > max;
}

static bool no(struct dure_http_refusal *refusal, int status, enum dure_err err, const char *text)
{
    *refusal = (struct dure_http_refusal){.status = status, .err = err, .text = text};
    return false;
}

static bool target_ok(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f || *text == '#')
            return false;
    return true;
}

bool dure_http_guard(const struct dure_http_request *request, const char *method, const char *version, size_t heard_max,
                     struct dure_http_refusal *ret_refusal)
{
    struct head head = {0};

    if (request->from == NULL)
        return no(ret_refusal, 503, DURE_E_MEMORY, "out of memory");
    if (request->from->over_limit)
        return no(ret_refusal, 503, DURE_E_BUSY, "too many connections; close some and try again");
    if (request->target.failed)
        return no(ret_refusal, 414, DURE_E_LIMIT, "the target is longer than 4096 bytes");
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return no(ret_refusal, 505, DURE_E_UNSUPPORTED, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (request->method == DURE_HTTP_OTHER)
        return no(ret_refusal, strcmp(method, "CONNECT") == 0 ? 400 : 405, DURE_E_INVALID,
                  "methods are GET, HEAD, POST and PUT");
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, see, &head);
    if (head.count > DURE_HTTP_HEADERS_MAX || head.bytes > DURE_HTTP_HEADER_BYTES_MAX)
        return no(ret_refusal, 431, DURE_E_LIMIT, "at most 64 headers and 16 KiB of them");
    if (head.bad_name || head.bad_value)
        return no(ret_refusal, 400, DURE_E_INVALID, "a header's name or value has characters that HTTP does not allow");
    if (head.hosts > 1 || (head.hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
        return no(ret_refusal, 400, DURE_E_INVALID, "HTTP/1.1 wants one Host header");
    if (head.lengths > 1)
        return no(ret_refusal, 400, DURE_E_INVALID, "more than one Content-Length");
    if (head.encodings > 0 && head.lengths > 0)
        return no(ret_refusal, 400, DURE_E_INVALID, "both Content-Length and Transfer-Encoding");
    if (head.encodings > 1 || (head.encodings == 1 && strcasecmp(head.encoding, "chunked") != 0))
        return no(ret_refusal, 400, DURE_E_INVALID, "the only Transfer-Encoding is chunked, once");
    if (head.encodings > 0 && strcmp(version, "HTTP/1.0") == 0)
        return no(ret_refusal, 400, DURE_E_INVALID, "HTTP/1.0 has no Transfer-Encoding");
    if (head.lengths == 1 && length_over(head.length, heard_max) < 0)
        return no(ret_refusal, 400, DURE_E_INVALID, "Content-Length is not a number");
    if (head.lengths == 1 && length_over(head.length, heard_max) > 0)
        return no(ret_refusal, 413, DURE_E_LIMIT, "the body is larger than this daemon takes");
    if (request->target.length == 0 || request->target.data[0] != '/' || !target_ok(request->target.data) ||
        !target_ok(request->query))
        return no(ret_refusal, 400, DURE_E_INVALID, "the target is not a percent-encoded path");
    return true;
}

void dure_http_error_body(struct dure_buf *buf, enum dure_err err, const char *text)
{
    dure_buf_str(buf, "{\"error\":{\"code\":");
    dure_buf_json(buf, dure_err_wire(err));
    dure_buf_str(buf, ",\"message\":");
    dure_buf_json(buf, text != NULL && *text != '\0' ? text : dure_err_sentence(err));
    dure_buf_str(buf, "}}");
}
