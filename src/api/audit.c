/* The transparency log: what outsiders check with tools that are not ours. */
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"
#include "journal/note.h"

enum { DIGESTS_MAX = 10000, TILE_MAX = 32 << 20 };

static void answer_text(struct call *call)
{
    if (call->err != DURE_OK)
        call_fail_error(call, call->err, &call->error);
    else
        call_answer_as(call, 200, "text/plain; charset=utf-8");
}

static void answer_bytes(struct call *call)
{
    if (call->err != DURE_OK)
        call_fail_error(call, call->err, &call->error);
    else
        call_answer_as(call, 200, "application/octet-stream");
}

static void read_checkpoint(struct call *call, struct dure_journal *journal)
{
    call->err = dure_journal_checkpoint(journal, &call->out, &call->error);
}

void handle_checkpoint(struct call *call)
{
    call_read(call, read_checkpoint, answer_text);
}

static void read_key(struct call *call, struct dure_journal *journal)
{
    uint8_t public_key[32];

    dure_journal_public_key(journal, public_key);
    dure_verifier_key(dure_journal_origin(journal), public_key, &call->out);
    dure_buf_byte(&call->out, '\n');
}

void handle_audit_key(struct call *call)
{
    call_read(call, read_key, answer_text);
}

struct tile {
    int level;
    uint64_t index;
    unsigned width;
};

/* "x001/x234/067", "1234067", either with ".p/17" behind. */
static bool parse_index(const char *text, struct tile *tile)
{
    uint64_t index = 0;
    const char *partial = strstr(text, ".p/");
    const char *end = partial != NULL ? partial : text + strlen(text);
    size_t digits = 0;

    tile->width = 256;
    if (partial != NULL) {
        char *rest;
        unsigned long width = strtoul(partial + 3, &rest, 10);
        if (partial[3] < '1' || partial[3] > '9' || *rest != '\0' || width > 255)
            return false;
        tile->width = (unsigned)width;
    }
    for (const char *at = text; at < end; at++) {
        if (*at == 'x' && digits % 3 == 0)
            continue;
        if (*at == '/' && digits > 0 && digits % 3 == 0)
            continue;
        if (*at < '0' || *at > '9' || ++digits > 18)
            return false;
        index = index * 10 + (uint64_t)(*at - '0');
    }
    tile->index = index;
    return digits > 0;
}

static void read_tile(struct call *call, struct dure_journal *journal)
{
    const struct tile *tile = call->data;

    call->err = dure_journal_tile(journal, tile->level, tile->index, tile->width, &call->out, &call->error);
}

void handle_tile(struct call *call)
{
    struct tile *tile = call_alloc(call, sizeof *tile);
    const char *level = call->part[0];

    if (tile == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    tile->level = strcmp(level, "entries") == 0                            ? -1
                  : level[0] >= '0' && level[0] <= '9' && level[1] == '\0' ? level[0] - '0'
                                                                           : -2;
    if (tile->level < -1 || !parse_index(call->part[1], tile)) {
        call_fail(call, DURE_E_INVALID,
                  "tile: found '%.64s/%.64s', expected LEVEL/INDEX[.p/WIDTH] as C2SP tlog-tiles has it", level,
                  call->part[1]);
        return;
    }
    call->data = tile;
    dure_buf_release(&call->out);
    dure_buf_init(&call->out, TILE_MAX);
    call_read(call, read_tile, answer_bytes);
}

struct digests {
    uint64_t from, limit, count, last;
};

static bool take_digest(void *context, uint64_t last_sequence, struct dure_digest digest)
{
    struct call *call = context;
    struct digests *digests = call->data;
    char text[40];

    if (digests->count >= digests->limit)
        return false;
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)digest.lane[0],
             (unsigned long long)digest.lane[1]);
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "sequence", last_sequence);
    json_str(&call->out, "digest", text);
    json_close(&call->out, '}');
    digests->count++;
    digests->last = last_sequence;
    return true;
}

static bool pass_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    const struct call *call = context;
    const struct digests *digests = call->data;

    (void)sequence;
    (void)leaf;
    (void)length;
    return digests->count < digests->limit;
}

static void read_digests(struct call *call, struct dure_journal *journal)
{
    const struct digests *digests = call->data;
    struct dure_journal_head head;

    dure_journal_head(journal, &head);
    if (digests->from < head.size)
        call->err = dure_journal_read(journal, digests->from, head.size, pass_leaf, take_digest, call, &call->error);
}

static void answer_digests(struct call *call)
{
    const struct digests *digests = call->data;
    char next[24];

    if (call->err != DURE_OK) {
        call_fail_error(call, call->err, &call->error);
        return;
    }
    json_close(&call->out, ']');
    if (digests->count >= digests->limit) {
        snprintf(next, sizeof next, "%llu", (unsigned long long)digests->last + 1);
        json_str(&call->out, "next", next);
    }
    json_close(&call->out, '}');
    call_answer(call, 200);
}

void handle_digests(struct call *call)
{
    struct digests *digests = call_alloc(call, sizeof *digests);

    if (digests == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    digests->limit = PAGE_MAX;
    call->data = digests;
    if (!param_uint(call, "from", INT64_MAX, &digests->from) ||
        !param_uint(call, "limit", DIGESTS_MAX, &digests->limit))
        return;
    if (digests->limit == 0)
        digests->limit = 1;
    json_open(&call->out, NULL, '{');
    json_open(&call->out, "digests", '[');
    call_read(call, read_digests, answer_digests);
}

static void read_proof(struct call *call, struct dure_journal *journal)
{
    const uint64_t *sequence = call->data;

    call->err = dure_journal_proof(journal, *sequence, &call->out, &call->error);
}

void handle_proof(struct call *call)
{
    uint64_t *sequence = call_alloc(call, sizeof *sequence);

    if (sequence == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    *sequence = UINT64_MAX;
    if (!param_uint(call, "sequence", INT64_MAX, sequence))
        return;
    call->data = sequence;
    if (*sequence == UINT64_MAX)
        call_fail(call, DURE_E_INVALID, "query parameter 'sequence': expected the number of a leaf");
    else
        call_read(call, read_proof, answer_text);
}
