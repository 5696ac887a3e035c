/* The small audit verbs: checkpoint, key, show, proof, erase. */
#include "cli/audit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/handlers.h"
#include "journal/base64.h"
#include "journal/proof.h"
#include "model/body.h"
#include "model/record.h"

static int text_of(struct dure_cli *cli, const char *path, const char *query, struct dure_reply *reply)
{
    enum dure_err err;
    return dure_cli_fetch(cli, &(struct dure_cli_call){.method = "GET", .path = path, .query = query}, reply, &err);
}

static int parse_key(struct dure_cli *cli, const char *text, size_t length, const char *from, uint8_t ret_public[32])
{
    char line[1024], origin[128];
    struct dure_error error = {0};
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1), text);
    if (dure_verifier_parse(line, origin, ret_public, &error))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: no verifier key as `dure audit key` prints it: %s", from,
                             error.text);
    return DURE_EXIT_OK;
}

int dure_audit_daemon_key(struct dure_cli *cli, uint8_t ret_public[32])
{
    struct dure_reply reply;
    int code = text_of(cli, "/v1/audit/key", NULL, &reply);
    if (!code)
        code = parse_key(cli, reply.body, reply.body_length, "the daemon's answer", ret_public);
    dure_reply_release(&reply);
    return code;
}

int dure_audit_key_file(struct dure_cli *cli, const char *file, uint8_t ret_public[32])
{
    size_t length;
    const char *text = dure_cli_read(cli, file, 65536, &length);
    return text ? parse_key(cli, text, length, file, ret_public) : DURE_EXIT_USAGE;
}

/* The three lines of a checkpoint, for one whose signer is not known. */
static bool unsigned_checkpoint(const char *text, size_t length, struct dure_checkpoint *ret)
{
    char root[64], rest[2];
    size_t got = 0;
    char head[512];
    snprintf(head, sizeof head, "%.*s", (int)(length < sizeof head ? length : sizeof head - 1), text);
    if (sscanf(head, "%127[^\n]\n%" SCNu64 "\n%63[A-Za-z0-9+/=]%1[\n]", ret->origin, &ret->size, root, rest) != 4)
        return false;
    return dure_base64_decode(root, strlen(root), ret->root, sizeof ret->root, &got) && got == sizeof ret->root;
}

int dure_audit_checkpoint_file(struct dure_cli *cli, const char *file, const uint8_t *public_key,
                               struct dure_checkpoint *ret_checkpoint)
{
    size_t length;
    struct dure_error error = {0};
    const char *text = dure_cli_read(cli, file, DURE_NOTE_MAX, &length);
    if (!text)
        return DURE_EXIT_USAGE;
    if (public_key && dure_checkpoint_verify(text, length, public_key, ret_checkpoint, &error))
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", file, error.text);
    if (!public_key && !unsigned_checkpoint(text, length, ret_checkpoint))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: no checkpoint as `dure audit checkpoint` prints it", file);
    return DURE_EXIT_OK;
}

void dure_audit_bundle_path(uint64_t bundle, unsigned width, char path[128])
{
    if (width < DURE_BUNDLE_WIDTH)
        snprintf(path, 128, "/v1/audit/tile/entries/%" PRIu64 ".p/%u", bundle, width);
    else
        snprintf(path, 128, "/v1/audit/tile/entries/%" PRIu64, bundle);
}

static int print_text(struct dure_cli *cli, const char *path, const char *name)
{
    struct dure_reply reply;
    const int code = text_of(cli, path, NULL, &reply);
    if (!code && dure_cli_json(cli)) {
        json_t *json = json_pack("{s:s%}", name, reply.body, reply.body_length);
        dure_cli_print_json(cli, json);
        json_decref(json);
    } else if (!code) {
        fwrite(reply.body, 1, reply.body_length, cli->screen.out);
        if (reply.body_length > 0 && reply.body[reply.body_length - 1] != '\n')
            fputc('\n', cli->screen.out);
    }
    dure_reply_release(&reply);
    return code;
}

int dure_cmd_audit_checkpoint(struct dure_cli *cli)
{
    return print_text(cli, "/v1/audit/checkpoint", "checkpoint");
}

int dure_cmd_audit_key(struct dure_cli *cli)
{
    return print_text(cli, "/v1/audit/key", "key");
}

static bool sequence_of(const char *text, uint64_t *ret)
{
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 18 && !text[digits] && sscanf(text, "%" SCNu64, ret) == 1;
}

static int head_size(struct dure_cli *cli, uint64_t *ret_size)
{
    struct dure_reply reply;
    struct dure_checkpoint head;
    int code = text_of(cli, "/v1/audit/checkpoint", NULL, &reply);
    if (!code && !unsigned_checkpoint(reply.body, reply.body_length, &head))
        code = dure_cli_fail(cli, DURE_EXIT_NO, "the daemon's checkpoint cannot be read");
    if (!code)
        *ret_size = head.size;
    dure_reply_release(&reply);
    return code;
}

/* One leaf out of its bundle; `ret_leaf` lives in the arena. */
static int fetch_leaf(struct dure_cli *cli, uint64_t size, uint64_t sequence, const uint8_t **ret_leaf,
                      size_t *ret_length)
{
    struct dure_reply reply;
    char path[128];
    const uint64_t bundle = sequence / DURE_BUNDLE_WIDTH, left = size - bundle * DURE_BUNDLE_WIDTH;
    dure_audit_bundle_path(bundle, left < DURE_BUNDLE_WIDTH ? (unsigned)left : DURE_BUNDLE_WIDTH, path);
    int code = text_of(cli, path, NULL, &reply);
    const uint8_t *at = (const uint8_t *)reply.body, *end = at + reply.body_length;
    for (uint64_t i = bundle * DURE_BUNDLE_WIDTH; !code; i++) {
        const size_t length = end - at >= 2 ? (size_t)(at[0] << 8 | at[1]) : 0;
        if (end - at < 2 || (size_t)(end - at) < 2 + length) {
            code = dure_cli_fail(cli, DURE_EXIT_NO, "the bundle of leaf %" PRIu64 " is cut", sequence);
        } else if (i == sequence) {
            void *copy = dure_arena_alloc(cli->arena, length + 1);
            if (!copy) {
                code = dure_cli_memory(cli);
                break;
            }
            memcpy(copy, at + 2, length);
            *ret_leaf = copy;
            *ret_length = length;
            break;
        } else {
            at += 2 + length;
        }
    }
    dure_reply_release(&reply);
    return code;
}

static int operand_leaf(struct dure_cli *cli, uint64_t *ret_size, uint64_t *ret_sequence)
{
    if (!sequence_of(cli->argv[0], ret_sequence))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "found '%s', expected the number of a leaf, from 0", cli->argv[0]);
    const int code = head_size(cli, ret_size);
    if (!code && *ret_sequence >= *ret_size)
        return dure_cli_fail(cli, DURE_EXIT_NOT_FOUND, "there is no leaf %" PRIu64 ": the record has %" PRIu64,
                             *ret_sequence, *ret_size);
    return code;
}

int dure_cmd_audit_show(struct dure_cli *cli)
{
    uint64_t size = 0, sequence = 0, head;
    struct dure_leaves_join join = {0};
    int64_t left = dure_cli_count(cli, "count");
    int code = operand_leaf(cli, &size, &sequence);
    dure_buf_init(&join.whole, (size_t)1 << 28);
    for (head = sequence; !code && left > 0 && sequence < size; sequence++) {
        const uint8_t *leaf = NULL;
        const void *bytes;
        size_t length = 0, whole;
        struct dure_error error = {0};
        code = fetch_leaf(cli, size, sequence, &leaf, &length);
        if (code)
            break;
        const int joined = dure_leaves_join_next(&join, leaf, length, &bytes, &whole, &error);
        if (joined < 0)
            code = dure_cli_fail(cli, DURE_EXIT_NO, "leaf %" PRIu64 ": %s", sequence, error.text);
        if (joined <= 0)
            continue;
        DURE_CLEANUP_BUF struct dure_buf line;
        struct dure_record record;
        dure_buf_init(&line, (size_t)1 << 28);
        if (dure_record_decode(bytes, whole, cli->arena, &record, &error)) {
            code = dure_cli_fail(cli, DURE_EXIT_NO, "leaf %" PRIu64 ": %s", head, error.text);
            break;
        }
        dure_record_print(&record, &line);
        fprintf(cli->screen.out, "{\"sequence\":%" PRIu64 ",\"record\":%s}\n", head, line.data ? line.data : "{}");
        head = sequence + 1;
        left--;
    }
    dure_buf_release(&join.whole);
    return code;
}

int dure_cmd_audit_proof(struct dure_cli *cli)
{
    uint64_t size = 0, sequence = 0, index = 0;
    uint8_t public_key[32];
    char query[64];
    const uint8_t *leaf = NULL;
    size_t length = 0;
    struct dure_reply reply = {0};
    struct dure_checkpoint head;
    struct dure_error error = {0};
    int code = operand_leaf(cli, &size, &sequence);
    if (!code)
        code = fetch_leaf(cli, size, sequence, &leaf, &length);
    if (!code)
        code = dure_audit_daemon_key(cli, public_key);
    snprintf(query, sizeof query, "sequence=%" PRIu64, sequence);
    if (!code)
        code = text_of(cli, "/v1/audit/proof", query, &reply);
    if (!code && (dure_proof_verify(reply.body, reply.body_length, leaf, length, public_key, &head, &index, &error) ||
                  index != sequence))
        code = dure_cli_fail(cli, DURE_EXIT_NO, "the proof of leaf %" PRIu64 " does not hold: %s", sequence,
                             *error.text ? error.text : "it is another leaf's");
    if (!code && dure_cli_json(cli)) {
        json_t *json =
            json_pack("{s:I, s:I, s:s, s:b, s:s%}", "sequence", (json_int_t)sequence, "size", (json_int_t)head.size,
                      "origin", head.origin, "ok", 1, "proof", reply.body, reply.body_length);
        dure_cli_print_json(cli, json);
        json_decref(json);
    } else if (!code) {
        fwrite(reply.body, 1, reply.body_length, cli->screen.out);
        dure_cli_note(cli, "Checked: leaf %" PRIu64 " is in the signed tree of %" PRIu64 " leaves.", sequence,
                      head.size);
    }
    dure_reply_release(&reply);
    return code;
}

static int fields_json(struct dure_cli *cli, struct dure_buf *body)
{
    const char *fields = dure_cli_text(cli, "fields");
    if (!fields)
        return DURE_EXIT_OK;
    dure_buf_str(body, ",\"fields\":[");
    for (const char *at = fields; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char name[64];
        enum dure_body_field field;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        if (!dure_body_field_find(name, &field))
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "--fields: found '%s', expected login, email, person, name, script, command, "
                                 "environment, workdir, stdout, stderr, comment or image",
                                 name);
        dure_buf_printf(body, "%s\"%s\"", at == fields ? "" : ",", name);
    }
    dure_buf_str(body, "]");
    return DURE_EXIT_OK;
}

static int confirmed(struct dure_cli *cli)
{
    char word[16] = "";
    if (dure_cli_flag(cli, "yes"))
        return DURE_EXIT_OK;
    if (!isatty(STDIN_FILENO))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "this cannot be undone; say --yes");
    fprintf(cli->screen.err, "Erasing cannot be undone. Type \"erase\" to go on: ");
    if (!fgets(word, sizeof word, stdin) || strcmp(word, "erase\n") != 0)
        return dure_cli_fail(cli, DURE_EXIT_NO, "nothing was erased");
    return DURE_EXIT_OK;
}

int dure_cmd_audit_erase(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    json_t *answer = NULL;
    dure_buf_init(&body, 1 << 16);
    if (dure_cli_given(cli, "login") == dure_cli_given(cli, "job"))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "whose? expected one of --login and --job");
    if (dure_cli_given(cli, "login")) {
        dure_buf_str(&body, "{\"login\":");
        dure_buf_json(&body, dure_cli_text(cli, "login"));
    } else {
        dure_buf_printf(&body, "{\"job\":%" PRId64, dure_cli_count(cli, "job"));
    }
    int code = fields_json(cli, &body);
    dure_buf_str(&body, "}");
    if (!code)
        code = confirmed(cli);
    if (!code)
        code = dure_cli_call(
            cli,
            &(struct dure_cli_call){
                .method = "POST", .path = "/v1/audit/erase", .body = body.data, .body_length = body.length},
            &answer);
    if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, answer ? answer : json_null());
    else if (!code)
        dure_cli_say(cli, "Erased. The record still verifies: it holds commitments only. Backups made before keep what "
                          "they hold.");
    json_decref(answer);
    return code;
}
