#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/handlers.h"
#include "model/record.h"

struct stream {
    struct dure_cli *cli;
    bool follow;
    const char *kinds; /* "start,end"; NULL: all */
    uint64_t next;     /* the sequence to go on from */
    int64_t left;      /* −1: no limit */
    bool done;
    bool dropped;
};

/* A name that no record has would only print nothing, for ever. */
static enum dure_exit check_kinds(struct dure_cli *cli, const char *kinds)
{
    for (const char *at = kinds; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ",");
        bool known = false;
#define X(name, number, text, input) known |= strlen(text) == length && strncmp(at, text, length) == 0;
        DURE_RECORDS(X)
#undef X
        if (!known)
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "--kind: found '%.*s', expected kinds of records such as submit,start,end",
                                 (int)(length < 64 ? length : 64), at);
    }
    return DURE_EXIT_OK;
}

static bool listed(const char *kinds, const char *kind)
{
    const size_t length = strlen(kind);
    for (const char *at = kinds; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strcspn(at, ",") == length && strncmp(at, kind, length) == 0)
            return true;
    return false;
}

/* A line for people: when, number, kind, and the record's own fields as they are. */
static void print_plain(struct dure_cli *cli, const struct dure_client_event *event)
{
    DURE_CLEANUP_BUF struct dure_buf line, fit;
    char when[DURE_TIME_TEXT_MAX];
    json_t *record = json_loads(event->data, JSON_REJECT_DUPLICATES, NULL);
    dure_buf_init(&line, 1 << 24);
    dure_buf_init(&fit, 1 << 24);
    const char *time = dure_json_time(record, "time", when);
    json_object_del(record, "time");
    json_object_del(record, "kind");
    json_object_del(record, "term");
    char *rest = record ? json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    dure_buf_printf(&line, "%-23s %8" PRIu64 " %-15s %s", time, event->sequence, event->kind,
                    rest && strcmp(rest, "{}") != 0 ? rest : "");
    while (line.length > 0 && line.data[line.length - 1] == ' ')
        line.data[--line.length] = 0;
    dure_term_fit(&fit, line.data, cli->screen.out_tty ? cli->screen.width : line.length, cli->screen.utf8);
    fprintf(cli->screen.out, "%s\n", fit.data ? fit.data : "");
    free(rest);
    json_decref(record);
}

static bool on_event(void *context, const struct dure_client_event *event)
{
    struct stream *stream = context;
    struct dure_cli *cli = stream->cli;
    if (dure_cli_interrupted() || ferror(cli->screen.out)) {
        stream->done = true;
        return false;
    }
    if (event->sequence == UINT64_MAX) {
        stream->dropped = strcmp(event->kind, "dropped") == 0;
        stream->done = !stream->follow && strcmp(event->kind, "ready") == 0;
        return !stream->done;
    }
    stream->next = event->sequence + 1;
    if (stream->kinds && !listed(stream->kinds, event->kind))
        return true;
    if (dure_cli_json(cli))
        fprintf(cli->screen.out, "{\"sequence\":%" PRIu64 ",\"kind\":\"%s\",\"record\":%s}\n", event->sequence,
                event->kind, event->data);
    else
        print_plain(cli, event);
    fflush(cli->screen.out);
    if (stream->left > 0 && --stream->left == 0)
        stream->done = true;
    return !stream->done;
}

int dure_cmd_events(struct dure_cli *cli)
{
    struct stream stream = {.cli = cli,
                            .follow = dure_cli_flag(cli, "follow"),
                            .kinds = dure_cli_text(cli, "kind"),
                            .left = dure_cli_count(cli, "limit")};
    const int64_t from = dure_cli_count(cli, "from");
    int code = check_kinds(cli, stream.kinds);
    if (code)
        return code;
    code = DURE_EXIT_NO;
    struct dure_client *client = dure_cli_client(cli, &code);
    if (!client)
        return code;
    stream.next = from >= 0 ? (uint64_t)from : stream.follow ? UINT64_MAX : 0;
    dure_cli_catch_interrupts();
    for (bool once = false;; once = true) {
        struct dure_error error = {0};
        const uint64_t before = stream.next;
        const enum dure_err err = dure_client_events(client, stream.next, on_event, &stream, &error);
        if (!err || stream.done || dure_cli_interrupted())
            return DURE_EXIT_OK;
        /* Taken up again where it ended, but a daemon that was never there, or that is gone for good, is an answer. */
        if (err != DURE_E_UNREACHABLE || (!once && stream.next == before && !stream.follow) ||
            (once && stream.next == before && !stream.follow))
            return dure_cli_fail_err(cli, err, &error, NULL);
        if (!once && stream.next == before) {
            struct dure_error why = {0};
            if (dure_client_health(client, &why) == DURE_E_UNREACHABLE)
                return dure_cli_fail_err(cli, err, &error, NULL);
        }
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
}
