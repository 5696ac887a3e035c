#include "journal/note.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "journal/base64.h"

/* A witness may sign with a larger scheme; its line is skipped, but must be well formed. */
enum { ED25519 = 0x01, ID_BYTES = 4, SIGNATURE_MAX = 8192, SIGNATURES_MAX = 100 };

static const char dash[] = "\xe2\x80\x94 ";

/* One well-formed UTF-8 character at `text`: its length, or 0. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
    const unsigned char c = text[0];
    const size_t length = c < 0x80                ? 1
                          : c >= 0xc2 && c < 0xe0 ? 2
                          : c >= 0xe0 && c < 0xf0 ? 3
                          : c >= 0xf0 && c < 0xf5 ? 4
                                                  : 0;
    if (!length || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    const bool overlong = (c == 0xe0 && text[1] < 0xa0) || (c == 0xf0 && text[1] < 0x90);
    const bool beyond = (c == 0xed && text[1] >= 0xa0) || (c == 0xf4 && text[1] >= 0x90);
    return overlong || beyond ? 0 : length;
}

static bool text_ok(const char *text, size_t length, bool newlines)
{
    for (size_t i = 0, step; i < length; i += step) {
        const unsigned char c = (unsigned char)text[i];
        step = utf8_length((const unsigned char *)text + i, length - i);
        if (!step || c == 0x7f || (c < 0x20 && !(newlines && c == '\n')))
            return false;
    }
    return true;
}

/* Spaces of any script: U+0085, U+00A0, U+1680, U+2000..200A, 2028, 2029, 202F, 205F, U+3000. */
static bool has_space(const char *text)
{
    static const char *const spaces[] = {" ",
                                         "\xc2\x85",
                                         "\xc2\xa0",
                                         "\xe1\x9a\x80",
                                         "\xe2\x80\xa8",
                                         "\xe2\x80\xa9",
                                         "\xe2\x80\xaf",
                                         "\xe2\x81\x9f",
                                         "\xe3\x80\x80"};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
        if (strstr(text, spaces[i]))
            return true;
    for (const char *at = text; (at = strstr(at, "\xe2\x80")); at += 2)
        if ((unsigned char)at[2] >= 0x80 && (unsigned char)at[2] <= 0x8a)
            return true;
    return false;
}

bool dure_origin_ok(const char *origin)
{
    const size_t length = strnlen(origin, DURE_ORIGIN_MAX + 1);
    return length && length <= DURE_ORIGIN_MAX && text_ok(origin, length, false) && !strchr(origin, '+') &&
           !has_space(origin);
}

static void key_id(const char *origin, const uint8_t public_key[32], uint8_t ret_id[ID_BYTES])
{
    char text[DURE_ORIGIN_MAX + 2 + 32];
    const size_t length = strlen(origin);
    uint8_t hash[32];
    memcpy(text, origin, length);
    text[length] = '\n';
    text[length + 1] = ED25519;
    memcpy(text + length + 2, public_key, 32);
    const int ok = EVP_Digest(text, length + 2 + 32, hash, NULL, EVP_sha256(), NULL);
    DURE_ASSERT(ok);
    memcpy(ret_id, hash, ID_BYTES);
}

static enum dure_err add_signature(const struct dure_signer *signer, const char *origin, size_t text_length,
                                   struct dure_buf *note, struct dure_error *error)
{
    uint8_t bytes[ID_BYTES + 64], public_key[32];
    dure_signer_public(signer, public_key);
    key_id(origin, public_key, bytes);
    const enum dure_err err = dure_signer_sign(signer, note->data, text_length, bytes + ID_BYTES, error);
    if (err)
        return err;
    dure_buf_printf(note, "%s%s ", dash, origin);
    dure_base64_add(note, bytes, sizeof bytes);
    dure_buf_byte(note, '\n');
    return note->failed ? dure_fail(error, DURE_E_MEMORY, "signing: out of memory") : DURE_OK;
}

enum dure_err dure_checkpoint_sign(const struct dure_signer *signer, const struct dure_checkpoint *checkpoint,
                                   struct dure_buf *ret_note, struct dure_error *error)
{
    DURE_ASSERT(dure_origin_ok(checkpoint->origin));
    struct dure_buf note DURE_CLEANUP_BUF;
    dure_buf_init(&note, DURE_NOTE_MAX);
    dure_buf_printf(&note, "%s\n%" PRIu64 "\n", checkpoint->origin, checkpoint->size);
    dure_base64_add(&note, checkpoint->root, sizeof checkpoint->root);
    dure_buf_byte(&note, '\n');
    const size_t text_length = note.length;
    dure_buf_byte(&note, '\n');
    if (note.failed)
        return dure_fail(error, DURE_E_MEMORY, "signing a checkpoint: out of memory");
    const enum dure_err err = add_signature(signer, checkpoint->origin, text_length, &note, error);
    if (err)
        return err;
    dure_buf_add(ret_note, note.data, note.length);
    return ret_note->failed ? dure_fail(error, DURE_E_MEMORY, "signing a checkpoint: out of memory") : DURE_OK;
}

/* Takes the line at *at, without its newline. False: none, or not ended. */
static bool take_line(const char **at, const char *end, const char **ret_line, size_t *ret_length)
{
    const char *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
    if (!newline)
        return false;
    *ret_line = *at;
    *ret_length = (size_t)(newline - *at);
    *at = newline + 1;
    return true;
}

static bool parse_size(const char *line, size_t length, uint64_t *ret_size)
{
    uint64_t size = 0;
    if (!length || length > 20 || (line[0] == '0' && length > 1))
        return false;
    for (size_t i = 0; i < length; i++)
        if (line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, (uint64_t)(line[i] - '0'), &size))
            return false;
    *ret_size = size;
    return true;
}

/* The note's text, up to and without the blank line. *ret_signatures is the first signature line. */
static enum dure_err parse_text(const char *note, size_t length, struct dure_checkpoint *ret,
                                const char **ret_signatures, struct dure_error *error)
{
    if (length > DURE_NOTE_MAX)
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint: %zu bytes, at most %d were expected", length,
                         DURE_NOTE_MAX);
    if (!text_ok(note, length, true) || !length || note[length - 1] != '\n')
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint: not lines of plain UTF-8 text");
    const char *at = note, *end = note + length, *line;
    size_t line_length, root_length;
    memset(ret, 0, sizeof *ret);
    if (!take_line(&at, end, &line, &line_length) || !line_length || line_length > DURE_ORIGIN_MAX)
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint line 1: expected an origin of 1 to %d bytes",
                         DURE_ORIGIN_MAX);
    memcpy(ret->origin, line, line_length);
    if (!dure_origin_ok(ret->origin))
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint line 1: an origin holds no space and no '+'");
    if (!take_line(&at, end, &line, &line_length) || !parse_size(line, line_length, &ret->size))
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint line 2: expected the size as a decimal number");
    if (!take_line(&at, end, &line, &line_length) ||
        !dure_base64_decode(line, line_length, ret->root, sizeof ret->root, &root_length) ||
        root_length != sizeof ret->root)
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint line 3: expected the root as base64 of 32 bytes");
    while (take_line(&at, end, &line, &line_length))
        if (!line_length) {
            *ret_signatures = at;
            return DURE_OK;
        }
    return dure_fail(error, DURE_E_CORRUPT, "checkpoint: no blank line before the signatures");
}

struct signature {
    const char *name;
    size_t name_length;
    uint8_t bytes[SIGNATURE_MAX];
    size_t length;
};

static bool parse_signature(const char *line, size_t length, struct signature *ret)
{
    const size_t prefix = sizeof dash - 1;
    if (length <= prefix || memcmp(line, dash, prefix) != 0)
        return false;
    ret->name = line + prefix;
    const char *space = memchr(ret->name, ' ', length - prefix);
    if (!space || space == ret->name)
        return false;
    ret->name_length = (size_t)(space - ret->name);
    return dure_base64_decode(space + 1, (size_t)(line + length - space - 1), ret->bytes, sizeof ret->bytes,
                              &ret->length) &&
           ret->length > ID_BYTES;
}

enum dure_err dure_checkpoint_verify(const char *note, size_t length, const uint8_t public_key[32],
                                     struct dure_checkpoint *ret_checkpoint, struct dure_error *error)
{
    struct dure_checkpoint parsed;
    const char *at = note, *line, *end = note + length;
    enum dure_err err = parse_text(note, length, &parsed, &at, error);
    if (err)
        return err;
    const size_t text_length = (size_t)(at - note) - 1, name_length = strlen(parsed.origin);
    uint8_t id[ID_BYTES];
    key_id(parsed.origin, public_key, id);
    struct signature signature;
    bool found = false;
    unsigned count = 0;
    for (size_t line_length; take_line(&at, end, &line, &line_length); count++) {
        if (count == SIGNATURES_MAX || !parse_signature(line, line_length, &signature))
            return dure_fail(error, DURE_E_CORRUPT, "checkpoint: signature line %u is not well formed", count + 1);
        if (signature.name_length != name_length || memcmp(signature.name, parsed.origin, name_length) != 0 ||
            memcmp(signature.bytes, id, ID_BYTES) != 0)
            continue;
        if (signature.length != ID_BYTES + 64 ||
            !dure_signature_ok(public_key, note, text_length, signature.bytes + ID_BYTES))
            return dure_fail(error, DURE_E_CORRUPT, "checkpoint: the signature of %s does not match the text",
                             parsed.origin);
        found = true;
    }
    if (!found)
        return dure_fail(error, DURE_E_CORRUPT, "checkpoint: not signed by key %02x%02x%02x%02x of %s", id[0], id[1],
                         id[2], id[3], parsed.origin);
    *ret_checkpoint = parsed;
    return DURE_OK;
}

enum dure_err dure_checkpoint_cosign(const struct dure_signer *signer, struct dure_buf *note, struct dure_error *error)
{
    struct dure_checkpoint parsed;
    const char *signatures = NULL;
    const enum dure_err err = parse_text(note->data, note->length, &parsed, &signatures, error);
    return err ? err : add_signature(signer, parsed.origin, (size_t)(signatures - note->data) - 1, note, error);
}

void dure_verifier_key(const char *origin, const uint8_t public_key[32], struct dure_buf *ret_text)
{
    uint8_t id[ID_BYTES], typed[1 + 32] = {ED25519};
    DURE_ASSERT(dure_origin_ok(origin));
    key_id(origin, public_key, id);
    memcpy(typed + 1, public_key, 32);
    dure_buf_printf(ret_text, "%s+%02x%02x%02x%02x+", origin, id[0], id[1], id[2], id[3]);
    dure_base64_add(ret_text, typed, sizeof typed);
}

enum dure_err dure_verifier_parse(const char *text, char origin[128], uint8_t ret_public[32], struct dure_error *error)
{
    const char *first = strchr(text, '+'), *second = first ? strchr(first + 1, '+') : NULL;
    char name[DURE_ORIGIN_MAX + 1] = "";
    uint8_t typed[33], id[ID_BYTES];
    size_t length;
    if (!second || first == text || (size_t)(first - text) > DURE_ORIGIN_MAX || second - first != 1 + 2 * ID_BYTES)
        return dure_fail(error, DURE_E_INVALID, "a verifier key reads origin+8 hex digits+base64");
    memcpy(name, text, (size_t)(first - text));
    if (!dure_origin_ok(name) ||
        !dure_base64_decode(second + 1, strnlen(second + 1, 64), typed, sizeof typed, &length) ||
        length != sizeof typed || typed[0] != ED25519)
        return dure_fail(error, DURE_E_INVALID, "a verifier key ends in the base64 of 0x01 (Ed25519) and 32 bytes");
    key_id(name, typed + 1, id);
    char hex[2 * ID_BYTES + 1];
    snprintf(hex, sizeof hex, "%02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
    if (memcmp(hex, first + 1, 2 * ID_BYTES) != 0)
        return dure_fail(error, DURE_E_INVALID, "the verifier key's id is %.8s, but its name and key make %s",
                         first + 1, hex);
    memcpy(origin, name, sizeof name);
    memcpy(ret_public, typed + 1, 32);
    return DURE_OK;
}
