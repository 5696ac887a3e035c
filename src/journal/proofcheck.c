#include <string.h>

#include "journal/base64.h"
#include "journal/merkle.h"
#include "journal/proof.h"

struct text {
    const char *at, *end;
};

static bool take_line(struct text *text, const char **ret_line, size_t *ret_length)
{
    const char *newline = text->at < text->end ? memchr(text->at, '\n', (size_t)(text->end - text->at)) : NULL;
    if (!newline)
        return false;
    *ret_line = text->at;
    *ret_length = (size_t)(newline - text->at);
    text->at = newline + 1;
    return true;
}

/* "word 123" */
static bool take_number(struct text *text, const char *word, uint64_t *ret_number)
{
    const char *line;
    size_t length;
    const size_t skip = strlen(word);
    if (!take_line(text, &line, &length) || length <= skip || length > skip + 20 || memcmp(line, word, skip) != 0 ||
        (line[skip] == '0' && length > skip + 1))
        return false;
    uint64_t number = 0;
    for (size_t i = skip; i < length; i++)
        if (line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(line[i] - '0'), &number))
            return false;
    *ret_number = number;
    return true;
}

/* Hashes, one a line, to the blank line. */
static bool take_path(struct text *text, uint8_t (*path)[DURE_HASH_BYTES], unsigned *ret_count)
{
    const char *line;
    size_t length, decoded;
    unsigned count = 0;
    while (take_line(text, &line, &length)) {
        if (!length) {
            *ret_count = count;
            return true;
        }
        if (count == DURE_PATH_MAX || !dure_base64_decode(line, length, path[count], DURE_HASH_BYTES, &decoded) ||
            decoded != DURE_HASH_BYTES)
            return false;
        count++;
    }
    return false;
}

enum dure_err dure_proof_verify(const char *proof, size_t length, const void *leaf, size_t leaf_length,
                                const uint8_t public_key[32], struct dure_checkpoint *ret_checkpoint,
                                uint64_t *ret_index, struct dure_error *error)
{
    static const char magic[] = "c2sp.org/tlog-proof@v1", extra[] = "extra ";
    struct text text = {proof, proof + length};
    uint8_t path[DURE_PATH_MAX][DURE_HASH_BYTES], hash[DURE_HASH_BYTES];
    const char *line;
    size_t line_length;
    unsigned count;
    uint64_t index;
    if (length > DURE_PROOF_MAX || !take_line(&text, &line, &line_length) || line_length != sizeof magic - 1 ||
        memcmp(line, magic, line_length) != 0)
        return dure_fail(error, DURE_E_CORRUPT, "proof line 1: expected %s", magic);
    if ((size_t)(text.end - text.at) > sizeof extra - 1 && memcmp(text.at, extra, sizeof extra - 1) == 0 &&
        !take_line(&text, &line, &line_length))
        return dure_fail(error, DURE_E_CORRUPT, "proof line 2: the extra data does not end");
    if (!take_number(&text, "index ", &index))
        return dure_fail(error, DURE_E_CORRUPT, "proof: expected a line `index N`");
    if (!take_path(&text, path, &count))
        return dure_fail(error, DURE_E_CORRUPT,
                         "proof: expected base64 of 32-byte hashes, one a line, then a blank line");
    struct dure_checkpoint checkpoint;
    const enum dure_err err =
        dure_checkpoint_verify(text.at, (size_t)(text.end - text.at), public_key, &checkpoint, error);
    if (err)
        return err;
    dure_merkle_leaf(leaf, leaf_length, hash);
    if (!dure_merkle_inclusion_ok(index, checkpoint.size, hash, (const uint8_t(*)[DURE_HASH_BYTES])path, count,
                                  checkpoint.root))
        return dure_fail(error, DURE_E_CORRUPT, "proof: this leaf is not entry %llu of the tree that was signed",
                         (unsigned long long)index);
    *ret_checkpoint = checkpoint;
    *ret_index = index;
    return DURE_OK;
}

enum dure_err dure_consistency_verify(const char *proof, size_t length, const struct dure_checkpoint *old,
                                      const uint8_t public_key[32], struct dure_checkpoint *ret_checkpoint,
                                      struct dure_error *error)
{
    struct text text = {proof, proof + length};
    uint8_t path[DURE_PATH_MAX][DURE_HASH_BYTES];
    unsigned count;
    uint64_t size;
    if (length > DURE_PROOF_MAX || !take_number(&text, "old ", &size) || size != old->size)
        return dure_fail(error, DURE_E_CORRUPT, "proof line 1: expected `old %llu`", (unsigned long long)old->size);
    if (!take_path(&text, path, &count))
        return dure_fail(error, DURE_E_CORRUPT,
                         "proof: expected base64 of 32-byte hashes, one a line, then a blank line");
    struct dure_checkpoint checkpoint;
    const enum dure_err err =
        dure_checkpoint_verify(text.at, (size_t)(text.end - text.at), public_key, &checkpoint, error);
    if (err)
        return err;
    if (strcmp(checkpoint.origin, old->origin) != 0)
        return dure_fail(error, DURE_E_CORRUPT, "proof: of the log %s, not of %s", checkpoint.origin, old->origin);
    if (!dure_merkle_consistency_ok(old->size, checkpoint.size, old->root, checkpoint.root,
                                    (const uint8_t(*)[DURE_HASH_BYTES])path, count))
        return dure_fail(error, DURE_E_CORRUPT,
                         "proof: the tree of %llu leaves does not begin with the one of %llu: the log was rewritten",
                         (unsigned long long)checkpoint.size, (unsigned long long)old->size);
    *ret_checkpoint = checkpoint;
    return DURE_OK;
}
