/* `dure audit verify`: everything fetched, rebuilt, recomputed, compared. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/audit.h"
#include "cli/audit_bodies.h"
#include "cli/audit_check.h"
#include "cli/handlers.h"
#include "journal/journal.h"

struct verified {
    bool signature; /* the head is signed by the key */
    bool own_key;   /* the key came from where the log came from */
    char key_from[DURE_CLI_PATH_MAX];
    bool folder; /* its tiles, its file and its personal fields were looked at too */
    uint64_t bodies;
    uint8_t public_key[32];
};

/* Digests come in pages; each is due after its leaf. */
struct digests {
    json_t *page;
    size_t next;
    uint64_t from; /* where the next page begins */
    bool over;
};

static int read_digest(const json_t *row, uint64_t *ret_sequence, struct dure_digest *ret_digest)
{
    const char *text = dure_json_text(row, "digest", "");
    if (strlen(text) != 32 || sscanf(text, "%16" SCNx64 "%16" SCNx64, &ret_digest->lane[0], &ret_digest->lane[1]) != 2)
        return DURE_EXIT_NO;
    *ret_sequence = (uint64_t)dure_json_int(row, "sequence", -1);
    return DURE_EXIT_OK;
}

/* Compares the digest that stands after leaf `sequence`, if one does. */
static int digest_after(struct dure_cli *cli, struct dure_check *check, struct digests *digests, uint64_t sequence)
{
    char query[96];
    uint64_t at;
    struct dure_digest stored;
    while (!digests->over) {
        if (digests->page && digests->next < json_array_size(json_object_get(digests->page, "digests"))) {
            if (read_digest(json_array_get(json_object_get(digests->page, "digests"), digests->next), &at, &stored))
                return dure_cli_fail(cli, DURE_EXIT_NO, "the daemon's list of digests cannot be read");
            if (at > sequence)
                return DURE_EXIT_OK;
            digests->next++;
            digests->from = at + 1;
            if (at == sequence && !dure_check_digest(check, stored))
                return DURE_EXIT_NO;
            continue;
        }
        json_decref(digests->page);
        digests->page = NULL;
        digests->next = 0;
        snprintf(query, sizeof query, "from=%" PRIu64 "&limit=1000", digests->from);
        const int code = dure_cli_get(cli, "/v1/audit/digests", query, &digests->page);
        if (code)
            return code;
        digests->over = json_array_size(json_object_get(digests->page, "digests")) == 0;
    }
    return DURE_EXIT_OK;
}

static int feed_bundle(struct dure_cli *cli, struct dure_check *check, struct digests *digests, const uint8_t *bytes,
                       size_t length, unsigned width)
{
    size_t at = 0;
    for (unsigned i = 0; i < width; i++) {
        const uint64_t sequence = check->frontier.size;
        if (length - at < 2 || length - at - 2 < (size_t)(bytes[at] << 8 | bytes[at + 1])) {
            dure_check_wrong(check, sequence, "its bundle ends in the middle of it");
            return DURE_EXIT_NO;
        }
        const size_t size = (size_t)(bytes[at] << 8 | bytes[at + 1]);
        if (!dure_check_leaf(check, bytes + at + 2, size))
            return DURE_EXIT_NO;
        at += 2 + size;
        const int code = digest_after(cli, check, digests, sequence);
        if (code)
            return code;
    }
    if (at == length)
        return DURE_EXIT_OK;
    dure_check_wrong(check, check->frontier.size - 1, "its bundle holds bytes past the last entry");
    return DURE_EXIT_NO;
}

static int fetch_all(struct dure_cli *cli, struct dure_check *check)
{
    struct digests digests = {0};
    int code = DURE_EXIT_OK;
    const uint64_t size = check->head.size;
    dure_cli_catch_interrupts();
    for (uint64_t bundle = 0; !code && bundle * DURE_BUNDLE_WIDTH < size; bundle++) {
        struct dure_reply reply;
        enum dure_err err;
        char path[128];
        const uint64_t left = size - bundle * DURE_BUNDLE_WIDTH;
        const unsigned width = left < DURE_BUNDLE_WIDTH ? (unsigned)left : DURE_BUNDLE_WIDTH;
        dure_audit_bundle_path(bundle, width, path);
        code = dure_cli_fetch(cli, &(struct dure_cli_call){.method = "GET", .path = path}, &reply, &err);
        if (!code)
            code = feed_bundle(cli, check, &digests, (const uint8_t *)reply.body, reply.body_length, width);
        dure_reply_release(&reply);
        dure_check_progress(cli, check, check->frontier.size, size);
        if (!code && dure_cli_interrupted())
            code = dure_cli_fail(cli, DURE_EXIT_NO, "interrupted; nothing was proved");
    }
    json_decref(digests.page);
    return code;
}

/* From the daemon. */
static int verify_daemon(struct dure_cli *cli, struct dure_check *check, struct verified *verified)
{
    struct dure_reply reply;
    struct dure_error error = {0};
    enum dure_err err;
    int code = DURE_EXIT_OK;
    if (verified->own_key) {
        code = dure_audit_daemon_key(cli, verified->public_key);
        snprintf(verified->key_from, sizeof verified->key_from, "the daemon itself");
    }
    if (code)
        return code;
    code = dure_cli_fetch(cli, &(struct dure_cli_call){.method = "GET", .path = "/v1/audit/checkpoint"}, &reply, &err);
    if (!code && dure_checkpoint_verify(reply.body, reply.body_length, verified->public_key, &check->head, &error)) {
        dure_check_wrong(check, UINT64_MAX, "the checkpoint's signature: %s", error.text);
        code = DURE_EXIT_NO;
    }
    dure_reply_release(&reply);
    if (code)
        return code;
    verified->signature = true;
    return fetch_all(cli, check);
}

struct folder {
    struct dure_cli *cli;
    struct dure_check *check;
    struct dure_bodies bodies;
    uint64_t total;
    bool failed;
};

static bool on_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct folder *folder = context;
    folder->failed = !dure_check_leaf(folder->check, leaf, length) ||
                     !dure_bodies_leaf(&folder->bodies, folder->check, sequence, leaf, length);
    dure_check_progress(folder->cli, folder->check, folder->check->frontier.size, folder->total);
    return !folder->failed;
}

static bool on_digest(void *context, uint64_t sequence, struct dure_digest digest)
{
    struct folder *folder = context;
    (void)sequence;
    folder->failed = !dure_check_digest(folder->check, digest);
    return !folder->failed;
}

/* The folder's own `checkpoint` file, if it has one. */
static int folder_checkpoint(struct dure_cli *cli, struct dure_check *check, struct verified *verified)
{
    char path[DURE_CLI_PATH_MAX + 16];
    struct dure_error error = {0};
    snprintf(path, sizeof path, "%s/checkpoint", cli->state);
    FILE *file = fopen(path, "re");
    char note[DURE_NOTE_MAX];
    if (!file)
        return DURE_EXIT_OK;
    const size_t length = fread(note, 1, sizeof note, file);
    fclose(file);
    if (dure_checkpoint_verify(note, length, verified->public_key, &check->head, &error)) {
        check->head.size = UINT64_MAX;
        dure_check_wrong(check, UINT64_MAX, "the signature of %s: %s", path, error.text);
        return DURE_EXIT_NO;
    }
    verified->signature = true;
    return DURE_EXIT_OK;
}

/* All of an open folder: the leaves by the rules, their personal fields, then the tiles and the file itself. */
static int read_folder(struct dure_cli *cli, struct dure_check *check, struct verified *verified,
                       struct dure_journal *journal)
{
    struct dure_error error = {0};
    struct dure_journal_head head;
    uint8_t root[DURE_HASH_BYTES];
    int code = DURE_EXIT_OK;
    dure_journal_head(journal, &head);
    struct folder folder = {.cli = cli, .check = check, .total = head.size};
    enum dure_err err = dure_bodies_begin(&folder.bodies, journal);
    if (err)
        return dure_cli_memory(cli);
    err = dure_journal_read(journal, 0, head.size, on_leaf, on_digest, &folder, &error);
    verified->bodies = folder.bodies.bodies;
    dure_bodies_end(&folder.bodies);
    if (!err && folder.failed)
        return DURE_EXIT_NO;
    if (!err)
        err = dure_journal_verify(journal, &error);
    if (err)
        code = dure_cli_fail_err(cli, err, &error, NULL);
    dure_frontier_root(&check->frontier, root);
    if (!code && memcmp(root, head.root, sizeof root) != 0) {
        dure_check_wrong(check, UINT64_MAX, "the rebuilt tree has another root than the journal keeps");
        code = DURE_EXIT_NO;
    }
    verified->folder = true;
    return code;
}

static int verify_folder(struct dure_cli *cli, struct dure_check *check, struct verified *verified)
{
    struct dure_error error = {0};
    struct dure_journal *journal = NULL;
    const struct dure_journal_options options = {.directory = cli->state, .read_only = true};
    enum dure_err err = dure_journal_open(&options, &journal, &error);
    if (err)
        return dure_cli_fail_err(cli, err, &error, err == DURE_E_LOCKED ? "leave out --offline to ask it" : NULL);
    if (verified->own_key) {
        dure_journal_public_key(journal, verified->public_key);
        snprintf(verified->key_from, sizeof verified->key_from, "the folder itself");
    }
    int code = folder_checkpoint(cli, check, verified);
    if (!code)
        code = read_folder(cli, check, verified, journal);
    dure_journal_close(journal);
    return code;
}

static void line(struct dure_cli *cli, bool checked, const char *format, ...) DURE_PRINTF(3, 4);
static void line(struct dure_cli *cli, bool checked, const char *format, ...)
{
    DURE_CLEANUP_BUF struct dure_buf text, wrapped;
    va_list args;
    dure_buf_init(&text, 1 << 16);
    dure_buf_init(&wrapped, 1 << 16);
    va_start(args, format);
    dure_buf_vprintf(&text, format, args);
    va_end(args);
    dure_buf_str(&wrapped, checked ? "  checked      " : "  not checked  ");
    dure_term_wrap(&wrapped, text.data ? text.data : "", 15, 15, cli->screen.width);
    dure_cli_print(cli, &wrapped);
}

static void say(struct dure_cli *cli, const struct dure_check *check, const struct verified *verified)
{
    struct dure_audit_result result;
    char leaves[32], inputs[32], decisions[32], digests[32], bodies[32];
    dure_audit_result(check->audit, &result);
    fprintf(cli->screen.out, "The record holds: %s leaves, %s inputs, %s decisions.\n",
            dure_text_grouped((int64_t)check->frontier.size, leaves), dure_text_grouped((int64_t)result.inputs, inputs),
            dure_text_grouped((int64_t)result.decisions, decisions));
    if (verified->signature)
        line(cli, true,
             "every leaf is in the tree whose root is signed (size %" PRIu64 ", origin %s), by the key from %s",
             check->head.size, check->head.origin, verified->key_from);
    else
        line(cli, false,
             "a signature: the folder has no checkpoint; the tree is the one that the journal itself keeps");
    line(cli, true, "every decision was computed again by the rules of version %d and is the same, byte for byte",
         DURE_CORE_VERSION);
    line(cli, check->digests > 0, "the state's digest after each of %s transactions is the same",
         dure_text_grouped((int64_t)check->digests, digests));
    if (verified->folder)
        line(cli, true,
             "the personal fields of %s jobs and logins, or what is kept of erased ones, are those that the record "
             "commits to; every tile of the tree, and the file's own structure, are whole",
             dure_text_grouped((int64_t)verified->bodies, bodies));
    else
        line(cli, false,
             "personal fields against what the record commits to: with --offline that is done in the state folder");
    if (check->older.size != UINT64_MAX)
        line(cli, true,
             "the log begins with the tree of the older checkpoint (%" PRIu64 " leaves): nothing before it was changed",
             check->older.size);
    if (result.skipped > 0)
        line(cli, false, "%" PRIu64 " decisions made by another version of the rules: they were applied as they stand",
             result.skipped);
    if (verified->own_key)
        line(cli, false, "who signed: the key came from %s. With --key FILE it is compared with one that you trust",
             verified->key_from);
    line(cli, false,
         "whether what was reported from outside (a node down, a job's end) was true, and what erased personal fields "
         "said");
}

static int answer(struct dure_cli *cli, const struct dure_check *check, const struct verified *verified, bool good)
{
    struct dure_audit_result result;
    dure_audit_result(check->audit, &result);
    if (dure_cli_json(cli)) {
        json_t *json =
            json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "ok", good, "leaves",
                      (json_int_t)check->frontier.size, "inputs", (json_int_t)result.inputs, "decisions",
                      (json_int_t)result.decisions, "digests", (json_int_t)check->digests, "not_recomputed",
                      (json_int_t)result.skipped, "signature", verified->signature, "key_trusted", !verified->own_key);
        if (!good) {
            json_object_set_new(json, "wrong", json_string(check->wrong));
            if (check->bad != UINT64_MAX)
                json_object_set_new(json, "first_bad", json_integer((json_int_t)check->bad));
        }
        dure_cli_print_json(cli, json);
        json_decref(json);
    } else if (good) {
        say(cli, check, verified);
    } else if (check->bad != UINT64_MAX) {
        dure_cli_fail(cli, DURE_EXIT_NO, "leaf %" PRIu64 " is wrong: %s", check->bad, check->wrong);
    } else {
        dure_cli_fail(cli, DURE_EXIT_NO, "%s", check->wrong);
    }
    return good ? DURE_EXIT_OK : DURE_EXIT_NO;
}

int dure_cmd_audit_verify(struct dure_cli *cli)
{
    struct dure_check check;
    struct verified verified = {.own_key = !dure_cli_given(cli, "key")};
    int code = DURE_EXIT_OK;
    if (dure_check_begin(&check))
        return dure_cli_memory(cli);
    if (!verified.own_key) {
        code = dure_audit_key_file(cli, dure_cli_text(cli, "key"), verified.public_key);
        snprintf(verified.key_from, sizeof verified.key_from, "%s", dure_cli_text(cli, "key"));
    }
    if (!code && dure_cli_given(cli, "checkpoint"))
        code = verified.own_key ? dure_audit_checkpoint_file(cli, dure_cli_text(cli, "checkpoint"), NULL, &check.older)
                                : dure_audit_checkpoint_file(cli, dure_cli_text(cli, "checkpoint"), verified.public_key,
                                                             &check.older);
    if (!code) {
        code = dure_cli_flag(cli, "offline") ? verify_folder(cli, &check, &verified)
                                             : verify_daemon(cli, &check, &verified);
        const bool judged = !code || *check.wrong;
        if (!code && !dure_check_roots(&check))
            code = DURE_EXIT_NO;
        if (judged)
            code = answer(cli, &check, &verified, code == DURE_EXIT_OK);
    }
    dure_check_end(&check);
    return code;
}
