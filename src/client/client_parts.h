#pragma once
/* What the files of the client share. */
#include <curl/curl.h>
#include <sys/un.h>

#include "client/client.h"

struct dure_client {
    CURL *curl;
    char socket_path[sizeof((struct sockaddr_un *)0)->sun_path];
    char address[128]; /* "" : the socket */
    char *token;
    int64_t timeout_us;
};

/* Sets method, URL, headers and body; the caller frees the list after the transfer. */
DURE_NODISCARD enum dure_err dure_client_prepare(struct dure_client *client, const struct dure_request *request,
                                                 struct curl_slist **ret_headers, struct dure_error *error);
/* libcurl's failure in our words. */
enum dure_err dure_client_foreign(const struct dure_client *client, CURLcode code, struct dure_error *error);
/* Parses the JSON of an answer and turns a status outside 2xx into the daemon's error. */
DURE_NODISCARD enum dure_err dure_reply_read(struct dure_reply *reply, struct dure_error *error);
