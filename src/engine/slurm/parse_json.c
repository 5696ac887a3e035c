/* A whole answer in JSON. Its long lists are read element by element, so that a tree of all of it never stands in memory. */
#include "engine/slurm/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
    const char *at;
    size_t left;
};

struct answer {
    enum slurm_kind kind;
    const struct dure_slurm_filter *filter;
    struct dure_arena *arena;
    json_t *rest; /* all but the long list */
    const char *list;
    void *items;
    size_t item_size;
    uint32_t count, capacity, count_max;
    const char *why; /* malformed */
};

static void skip(struct cursor *cursor)
{
    while (cursor->left && (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\n' || *cursor->at == '\r')) {
        cursor->at++;
        cursor->left--;
    }
}

static bool eat(struct cursor *cursor, char c)
{
    skip(cursor);
    if (!cursor->left || *cursor->at != c)
        return false;
    cursor->at++;
    cursor->left--;
    return true;
}

/* The JSON value that stands next; NULL: none. */
static json_t *value_of(struct cursor *cursor)
{
    json_error_t error;
    json_t *value =
        json_loadb(cursor->at, cursor->left, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (!value || error.position < 0 || (size_t)error.position > cursor->left) {
        json_decref(value);
        return NULL;
    }
    cursor->at += error.position;
    cursor->left -= (size_t)error.position;
    return value;
}

static bool text_is(const json_t *object, const char *key, const char *text, size_t length)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && (length ? strncmp(value, text, length) == 0 : strcmp(value, text) == 0);
}

static bool wanted(const struct dure_slurm_filter *filter, const json_t *object)
{
    if (!filter)
        return true;
    return (!filter->job_id || slurm_number(object, "job_id", 0) == filter->job_id) &&
           (!filter->name || text_is(object, "name", filter->name, 0)) &&
           (!filter->name_head || text_is(object, "name", filter->name_head, strlen(filter->name_head))) &&
           (!filter->comment || text_is(object, "comment", filter->comment, 0));
}

static bool grow(struct answer *answer)
{
    if (answer->count < answer->capacity)
        return true;
    if (answer->count == answer->count_max) {
        answer->why = "more entries than are taken" SLURM_FEWER;
        return false;
    }
    uint32_t capacity = answer->capacity ? answer->capacity * 2 : 64;
    if (capacity > answer->count_max)
        capacity = answer->count_max;
    void *items = dure_arena_array(answer->arena, answer->item_size, capacity);
    if (!items) {
        answer->why = "more than fits into memory";
        return false;
    }
    if (answer->count)
        memcpy(items, answer->items, answer->count * answer->item_size);
    answer->items = items;
    answer->capacity = capacity;
    return true;
}

static bool take_one(struct answer *answer, const json_t *object)
{
    if (answer->kind == SLURM_JOBS && !wanted(answer->filter, object))
        return true;
    if (!grow(answer))
        return false;
    void *item = (char *)answer->items + answer->count * answer->item_size;
    const bool taken = answer->kind == SLURM_JOBS    ? slurm_job_read(object, answer->arena, item)
                       : answer->kind == SLURM_NODES ? slurm_node_read(object, answer->arena, item)
                                                     : slurm_partition_read(object, answer->arena, item);
    if (!taken)
        answer->why = "an entry that cannot be read";
    answer->count += taken;
    return taken;
}

static bool read_list(struct answer *answer, struct cursor *cursor)
{
    eat(cursor, '[');
    if (eat(cursor, ']'))
        return true;
    do {
        skip(cursor);
        json_t *object = value_of(cursor);
        const bool ok = object && take_one(answer, object);
        json_decref(object);
        if (!ok)
            return false;
    } while (eat(cursor, ','));
    return eat(cursor, ']');
}

static bool read_member(struct answer *answer, struct cursor *cursor)
{
    skip(cursor);
    json_t *key = value_of(cursor), *value = NULL;
    bool ok = json_is_string(key) && eat(cursor, ':');
    if (ok)
        skip(cursor);
    if (ok && answer->list && strcmp(json_string_value(key), answer->list) == 0 && cursor->left && *cursor->at == '[') {
        ok = !json_object_get(answer->rest, answer->list) && read_list(answer, cursor);
        value = ok ? json_true() : NULL; /* it was there */
    } else if (ok)
        value = value_of(cursor);
    ok = value && !json_object_get(answer->rest, json_string_value(key)) &&
         json_object_set(answer->rest, json_string_value(key), value) == 0;
    json_decref(value);
    json_decref(key);
    return ok;
}

/* False: not one JSON object, or one that is not taken. */
static bool read_whole(struct answer *answer, const char *bytes, size_t length)
{
    struct cursor cursor = {bytes, length};
    if (!eat(&cursor, '{'))
        return false;
    if (!eat(&cursor, '}')) {
        do
            if (!read_member(answer, &cursor))
                return false;
        while (eat(&cursor, ','));
        if (!eat(&cursor, '}'))
            return false;
    }
    skip(&cursor);
    return cursor.left == 0;
}

/* The words of `errors`, and whether there are any. */
static bool errors_of(const json_t *rest, char words[SLURM_WORDS_MAX + 1], int64_t *ret_number)
{
    const json_t *errors = json_object_get(rest, "errors"), *one;
    size_t i, used = 0;
    bool any = false;
    words[0] = '\0';
    *ret_number = 0;
    json_array_foreach(errors, i, one)
    {
        const char *error = json_string_value(json_object_get(one, "error"));
        const char *text = json_string_value(json_object_get(one, "description"));
        const int64_t number =
            slurm_number(one, "error_number", slurm_number(one, "error_code", slurm_number(one, "errno", -1)));
        if (number == 0 && !text && !error)
            continue;
        if (!any)
            *ret_number = number;
        any = true;
        const int length = snprintf(words + used, SLURM_WORDS_MAX + 1 - used, "%s%s%s%s", used ? "; " : "",
                                    text ? text : "", text && error && *error && !strstr(text, error) ? ": " : "",
                                    error && (!text || !strstr(text, error)) ? error : "");
        used += length < 0 ? 0 : (size_t)length;
        if (used > SLURM_WORDS_MAX)
            used = SLURM_WORDS_MAX;
    }
    return any;
}

static const json_t *slurm_meta(const json_t *rest)
{
    const json_t *meta = json_object_get(rest, "meta"), *slurm = json_object_get(meta, "Slurm");
    return slurm ? slurm : json_object_get(meta, "slurm");
}

enum { NO_CHANGE = 1900, INVALID_JOB = 2017, ALREADY_DONE = 2021, AUTHENTICATION = 1007, ACCESS_DENIED = 2002 };

/* An answer that holds errors. */
static void judge(const struct answer *answer, int status, const char *words, int64_t number,
                  struct dure_slurm_reply *reply)
{
    bool unsent = false;
    enum dure_slurm_result result = slurm_judge(words, &unsent);
    if (answer->kind == SLURM_JOBS && (number == NO_CHANGE || strstr(words, "No change in data"))) {
        reply->unchanged = true;
        return;
    }
    const bool is_gone = number == INVALID_JOB || strstr(words, "Invalid job id") != NULL;
    if (is_gone &&
        ((answer->kind == SLURM_JOBS && answer->filter && answer->filter->job_id) || answer->kind == SLURM_CANCEL))
        return;
    if (answer->kind == SLURM_CANCEL && number == ALREADY_DONE)
        return;
    if (number == AUTHENTICATION || number == ACCESS_DENIED || status == 401 || status == 403)
        result = DURE_SLURM_DENIED;
    slurm_reply_fail(reply, answer->arena, result, "%.900s%s", *words ? words : "an error without words",
                     slurm_hint(words, status != 0));
    reply->unsent = unsent && result == DURE_SLURM_NO_ANSWER;
}

static void read_versions(const json_t *rest, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    const json_t *paths = json_object_get(rest, "paths"), *ignored;
    const char *path;
    unsigned newest = 0;
    json_object_foreach((json_t *)(uintptr_t)paths, path, ignored)
    {
        unsigned number = 0;
        char tail[16] = "";
        if (sscanf(path, "/slurm/v0.0.%3u/%15s", &number, tail) == 2 && number >= SLURM_API_OLDEST &&
            number <= SLURM_API_NEWEST && number > newest)
            newest = number;
    }
    if (!json_is_object(paths))
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "the OpenAPI document lists no paths");
    else if (!newest)
        slurm_reply_fail(reply, arena, DURE_SLURM_REFUSED,
                         "none of the versions that slurmrestd speaks is one of v0.0.%d to v0.0.%d", SLURM_API_OLDEST,
                         SLURM_API_NEWEST);
    else
        reply->api = dure_arena_printf(arena, "v0.0.%u", newest);
    if (!reply->api)
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "out of memory");
}

static void read_ping(const json_t *rest, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(rest, "pings"), i, one)
    {
        const char *ping = json_string_value(json_object_get(one, "ping"));
        const char *pinged = json_string_value(json_object_get(one, "pinged"));
        if (slurm_truth(one, "responding") || (ping && strcmp(ping, "UP") == 0) ||
            (pinged && strcmp(pinged, "UP") == 0))
            return;
    }
    slurm_reply_fail(reply, arena, DURE_SLURM_NO_ANSWER, "slurmctld is down");
    reply->unsent = true;
}

/* The id of a submission; 0: none. */
static uint32_t id_of(const json_t *rest)
{
    int64_t id = slurm_number(rest, "job_id", 0);
    if (id <= 0)
        id = slurm_number(json_object_get(rest, "result"), "job_id", 0);
    return id > 0 && id <= UINT32_MAX ? (uint32_t)id : 0;
}

static void finish(struct answer *answer, struct dure_slurm_reply *reply)
{
    const json_t *rest = answer->rest;
    switch (answer->kind) {
    case SLURM_SUBMIT:
        reply->job_id = id_of(rest);
        if (!reply->job_id)
            slurm_reply_fail(reply, answer->arena, DURE_SLURM_MALFORMED, "an answer to a submission without a job id");
        return;
    case SLURM_VERSIONS: read_versions(rest, answer->arena, reply); return;
    case SLURM_PING: read_ping(rest, answer->arena, reply); return;
    case SLURM_JOBS:
        reply->jobs = answer->items;
        reply->job_count = answer->count;
        reply->as_of_us = slurm_time_us(rest, "last_update");
        break;
    case SLURM_NODES:
        reply->nodes = answer->items;
        reply->node_count = answer->count;
        break;
    case SLURM_PARTITIONS:
        reply->partitions = answer->items;
        reply->partition_count = answer->count;
        break;
    default: return;
    }
    if (answer->kind == SLURM_NODES && !json_object_get(rest, "nodes") && json_object_get(rest, "sinfo"))
        slurm_reply_fail(reply, answer->arena, DURE_SLURM_UNSUPPORTED, "sinfo tells rows of its table, not nodes");
    else if (!json_object_get(rest, answer->list))
        slurm_reply_fail(reply, answer->arena, DURE_SLURM_MALFORMED, "an answer without '%s'", answer->list);
}

static void set_up(struct answer *answer)
{
    static const struct {
        enum slurm_kind kind;
        const char *list;
        size_t size;
        uint32_t count_max;
    } lists[] = {{SLURM_JOBS, "jobs", sizeof(struct dure_slurm_job), DURE_SLURM_JOBS_MAX},
                 {SLURM_NODES, "nodes", sizeof(struct dure_slurm_node), DURE_SLURM_NODES_MAX},
                 {SLURM_PARTITIONS, "partitions", sizeof(struct dure_slurm_partition), DURE_SLURM_PARTITIONS_MAX}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].kind == answer->kind) {
            answer->list = lists[i].list;
            answer->item_size = lists[i].size;
            answer->count_max = lists[i].count_max;
        }
}

static bool blank(const char *bytes, size_t length)
{
    while (length && strchr(" \t\r\n", *bytes) && *bytes) {
        bytes++;
        length--;
    }
    return length == 0;
}

/* What is no JSON at all: slurmrestd's own words for a token it does not know, or those of a proxy. */
static void judge_plain(int status, const char *bytes, size_t length, const char *why, struct dure_arena *arena,
                        struct dure_slurm_reply *reply)
{
    const int shown = length > 200 ? 200 : (int)length;
    if (status == 401 || status == 403)
        slurm_reply_fail(reply, arena, DURE_SLURM_DENIED, "not authorised (HTTP %d)", status);
    else if (status >= 500)
        slurm_reply_fail(reply, arena, DURE_SLURM_NO_ANSWER, "HTTP %d: %.*s", status, shown, bytes);
    else if (status >= 300)
        slurm_reply_fail(reply, arena, DURE_SLURM_REFUSED, "HTTP %d: %.*s", status, shown, bytes);
    else if (blank(bytes, length))
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "an empty answer");
    else
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "%s",
                         why ? why : "an answer that is no JSON object, or is cut off");
}

void slurm_parse_json(enum slurm_kind kind, int status, const char *bytes, size_t length,
                      const struct dure_slurm_filter *filter, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    struct answer answer = {.kind = kind, .filter = filter, .arena = arena, .rest = json_object()};
    char words[SLURM_WORDS_MAX + 1];
    int64_t number;
    slurm_reply_init(reply);
    set_up(&answer);
    if (!answer.rest) {
        slurm_reply_fail(reply, NULL, DURE_SLURM_MALFORMED, "out of memory");
        return;
    }
    /* A deed may be answered by nothing but a status. */
    const bool may_be_empty = (kind == SLURM_DEED || kind == SLURM_CANCEL) && status >= 200 && status < 300;
    if (may_be_empty && blank(bytes, length)) {
        json_decref(answer.rest);
        return;
    }
    if (length > DURE_SLURM_ANSWER_MAX)
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, SLURM_TOO_LARGE, DURE_SLURM_ANSWER_MAX >> 20);
    else if (!read_whole(&answer, bytes, length))
        judge_plain(status, bytes, length, answer.why, arena, reply);
    else {
        reply->version = slurm_text(slurm_meta(answer.rest), "release", arena);
        /* A job that has an id is there, whatever is said besides (of a held one: that it is held). */
        const bool is_there = kind == SLURM_SUBMIT && id_of(answer.rest);
        if (errors_of(answer.rest, words, &number) && !is_there)
            judge(&answer, status, words, number, reply);
        else if (status >= 300)
            judge_plain(status, "", 0, NULL, arena, reply);
        else
            finish(&answer, reply);
    }
    json_decref(answer.rest);
}
