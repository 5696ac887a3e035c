#include "client/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client_parts.h"

enum { ANSWER_MAX = 256 << 20, HEADERS_MAX = 65536, TARGET_MAX = 8192 };

static bool path_format(char *path, size_t size, const char *folder, const char *rest)
{
    int length = snprintf(path, size, "%s%s", folder, rest);

    return length > 0 && (size_t)length < size;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

bool dure_client_socket_path(char *path, size_t size)
{
    const struct passwd *person;
    const char *home;

    if (env("DURE_SOCKET") != NULL)
        return path_format(path, size, env("DURE_SOCKET"), "");
    if (env("XDG_RUNTIME_DIR") != NULL && env("DURE_STATE") == NULL)
        return path_format(path, size, env("XDG_RUNTIME_DIR"), "/dure/dured.sock");
    if (env("DURE_STATE") != NULL)
        return path_format(path, size, env("DURE_STATE"), "/dured.sock");
    if (env("XDG_STATE_HOME") != NULL)
        return path_format(path, size, env("XDG_STATE_HOME"), "/dure/dured.sock");
    home = env("HOME");
    if (home == NULL) {
        person = getpwuid(getuid());
        home = person != NULL ? person->pw_dir : NULL;
    }
    return home != NULL && path_format(path, size, home, "/.local/state/dure/dured.sock");
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.0.0.1:", 10) == 0 || strncmp(address, "localhost:", 10) == 0 ||
           strncmp(address, "[::1]:", 6) == 0;
}

static enum dure_err set_up(struct dure_client *client, struct dure_error *error)
{
    bool ok = true;

    client->curl = curl_easy_init();
    if (client->curl == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_PROXY, "") == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK;
#else
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTP) == CURLE_OK;
#endif
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L) == CURLE_OK;
    if (client->address[0] == '\0')
        ok = ok && curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, client->socket_path) == CURLE_OK;
    if (!ok)
        return dure_fail(error, DURE_E_UNSUPPORTED,
                         "libcurl on this machine lacks an option that is needed (Unix sockets)");
    return DURE_OK;
}

enum dure_err dure_client_new(const struct dure_client_options *options, struct dure_client **ret_client,
                              struct dure_error *error)
{
    struct dure_client *client;
    enum dure_err err;

    if (options->address != NULL &&
        (!is_loopback(options->address) || strlen(options->address) >= sizeof client->address))
        return dure_fail(error, DURE_E_INVALID,
                         "address: found '%s', expected 127.0.0.1:PORT (reach other machines through an SSH tunnel)",
                         options->address);
    client = calloc(1, sizeof *client);
    if (client == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    client->timeout_us = options->timeout_us > 0 ? options->timeout_us : 60 * INT64_C(1000000);
    err = DURE_OK;
    if (options->address != NULL)
        dure_text_copy(client->address, sizeof client->address, options->address);
    else if (options->socket_path == NULL
                 ? !dure_client_socket_path(client->socket_path, sizeof client->socket_path)
                 : !path_format(client->socket_path, sizeof client->socket_path, options->socket_path, ""))
        err = dure_fail(error, DURE_E_LIMIT, "the socket's path is longer than %zu bytes, or no home folder is known",
                        sizeof client->socket_path - 1);
    if (err == DURE_OK && options->token != NULL && (client->token = strdup(options->token)) == NULL)
        err = dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (err == DURE_OK)
        err = set_up(client, error);
    if (err != DURE_OK) {
        dure_client_free(client);
        return err;
    }
    *ret_client = client;
    return DURE_OK;
}

void dure_client_free(struct dure_client *client)
{
    if (client == NULL)
        return;
    if (client->curl != NULL)
        curl_easy_cleanup(client->curl);
    free(client->token);
    free(client);
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct dure_buf *buf = context;

    dure_buf_add(buf, bytes, size * count);
    return buf->failed ? 0 : size * count;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct dure_buf *buf = context;
    size_t length = size * count;
    const char *colon = memchr(bytes, ':', length);

    if (colon == NULL) {
        if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
            dure_buf_clear(buf); /* of the last answer only: "100 Continue" is none */
        return length;
    }
    for (const char *at = bytes; at < bytes + length; at++)
        if (*at != '\r' && *at != '\n')
            dure_buf_byte(buf, (uint8_t)(at < colon && *at >= 'A' && *at <= 'Z' ? *at + 32 : *at));
    dure_buf_byte(buf, '\n');
    return buf->failed ? 0 : length;
}

/* What went wrong below HTTP, in words that say what to do. */
enum dure_err dure_client_foreign(const struct dure_client *client, CURLcode code, struct dure_error *error)
{
    const char *where = client->address[0] != '\0' ? client->address : client->socket_path;
    struct stat status;

    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return dure_fail(error, DURE_E_TIMEOUT, "the daemon at %s did not answer in time", where);
    case CURLE_OUT_OF_MEMORY: return dure_fail(error, DURE_E_MEMORY, "out of memory");
    case CURLE_WRITE_ERROR:
        return dure_fail(error, DURE_E_LIMIT, "the daemon's answer is larger than this program takes");
    case CURLE_COULDNT_CONNECT:
        if (client->address[0] == '\0' && stat(where, &status) == 0 && access(where, W_OK) != 0 && errno == EACCES)
            return dure_fail(error, DURE_E_PERMISSION, "%s belongs to another user; you may not connect to it", where);
        return dure_fail(error, DURE_E_UNREACHABLE, "no daemon listens on %s; start one with `dure up`", where);
    default:
        return dure_fail(error, DURE_E_UNREACHABLE, "the daemon at %s broke the connection off: %s", where,
                         curl_easy_strerror(code));
    }
}

static bool header_add(struct curl_slist **list, const char *name, const char *value)
{
    struct dure_buf line;
    struct curl_slist *longer;

    dure_buf_init(&line, 8192);
    dure_buf_printf(&line, "%s: %s", name, value);
    longer = line.failed ? NULL : curl_slist_append(*list, line.data);
    dure_buf_release(&line);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

enum dure_err dure_client_prepare(struct dure_client *client, const struct dure_request *request,
                                  struct curl_slist **ret_headers, struct dure_error *error)
{
    struct curl_slist *headers = NULL;
    struct dure_buf url;
    bool ok;

    dure_buf_init(&url, TARGET_MAX);
    dure_buf_printf(&url, "http://%s%s%s%s", client->address[0] != '\0' ? client->address : "dured", request->path,
                    request->query != NULL && *request->query != '\0' ? "?" : "",
                    request->query != NULL ? request->query : "");
    ok = !url.failed && curl_easy_setopt(client->curl, CURLOPT_URL, url.data) == CURLE_OK;
    dure_buf_release(&url);
    ok = ok && header_add(&headers, "Expect", "") && header_add(&headers, "Content-Type", "application/json");
    if (request->idempotency_key != NULL)
        ok = ok && header_add(&headers, "Idempotency-Key", request->idempotency_key);
    if (client->token != NULL) {
        ok = ok && curl_easy_setopt(client->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE) == CURLE_OK;
        char value[1024];
        int length = snprintf(value, sizeof value, "Bearer %s", client->token);
        ok = ok && length < (int)sizeof value && header_add(&headers, "Authorization", value);
    }
    ok = ok && curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    if (strcmp(request->method, "GET") == 0) {
        ok = ok && curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
        ok = ok && curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    } else {
        ok = ok && curl_easy_setopt(client->curl, CURLOPT_POST, 1L) == CURLE_OK;
        ok = ok && curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
        ok = ok &&
             curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "") == CURLE_OK;
        ok = ok &&
             curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length) == CURLE_OK;
    }
    if (!ok) {
        curl_slist_free_all(headers);
        return dure_fail(error, DURE_E_LIMIT, "the request is too long");
    }
    *ret_headers = headers;
    return DURE_OK;
}

enum dure_err dure_client_call(struct dure_client *client, const struct dure_request *request, struct dure_reply *reply,
                               struct dure_error *error)
{
    struct curl_slist *headers = NULL;
    struct dure_buf body, lines;
    enum dure_err err;
    CURLcode code;
    long status = 0;
    char value[64];

    *reply = (struct dure_reply){0};
    err = dure_client_prepare(client, request, &headers, error);
    if (err != DURE_OK)
        return err;
    dure_buf_init(&body, ANSWER_MAX);
    dure_buf_init(&lines, HEADERS_MAX);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)(client->timeout_us / 1000));
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, &lines);
    code = curl_easy_perform(client->curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        dure_buf_release(&body);
        dure_buf_release(&lines);
        return dure_client_foreign(client, code, error);
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    dure_buf_str(&body, "");
    dure_buf_str(&lines, "");
    reply->status = (int)status;
    reply->body_length = body.length;
    reply->body = dure_buf_take(&body);
    reply->headers = dure_buf_take(&lines);
    if (reply->body == NULL || reply->headers == NULL)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    reply->replayed =
        dure_reply_header(reply, "idempotency-replayed", value, sizeof value) && strcmp(value, "true") == 0;
    return dure_reply_read(reply, error);
}
