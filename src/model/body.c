#include "model/body.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SALT = 16, DIGEST = 32, SCRIPT_MAX = 1024 * 1024, VALUE_MAX = 64 * 1024, BODY_MAX = 2 * 1024 * 1024 };

/* Fetched once: looking the algorithm up costs more than hashing a short field. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static EVP_MD_CTX *hash_new(void)
{
    DURE_ASSERT(pthread_once(&sha256_once, fetch_sha256) == 0 && sha256);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    DURE_ASSERT(context);
    return context;
}

static void hash_two(EVP_MD_CTX *context, const void *a, size_t a_length, const void *b, size_t b_length,
                     uint8_t digest[DIGEST])
{
    DURE_ASSERT(EVP_DigestInit_ex2(context, sha256, NULL) == 1 && EVP_DigestUpdate(context, a, a_length) == 1 &&
                EVP_DigestUpdate(context, b, b_length) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1);
}

struct dure_body *dure_body_new(void)
{
    return calloc(1, sizeof(struct dure_body));
}

static void wipe(struct dure_body *body, unsigned field)
{
    if (body->field[field].value)
        explicit_bzero(body->field[field].value, body->field[field].length);
    free(body->field[field].value);
    explicit_bzero(body->field[field].salt, SALT);
    body->field[field].value = NULL;
    body->field[field].length = 0;
}

void dure_body_free(struct dure_body *body)
{
    if (!body)
        return;
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++)
        wipe(body, f);
    free(body->kept);
    free(body);
}

static size_t total(const struct dure_body *body)
{
    size_t bytes = 0;
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++)
        bytes += body->field[f].length;
    return bytes;
}

enum dure_err dure_body_set(struct dure_body *body, enum dure_body_field field, const char *value, size_t length)
{
    DURE_ASSERT(field > 0 && field < DURE_BODY_FIELD_COUNT);
    if (length > (field == DURE_BODY_SCRIPT ? SCRIPT_MAX : VALUE_MAX) ||
        total(body) - body->field[field].length + length > BODY_MAX)
        return DURE_E_LIMIT;
    char *copy = malloc(length + 1);
    if (!copy)
        return DURE_E_MEMORY;
    if (length)
        memcpy(copy, value, length);
    copy[length] = '\0';
    wipe(body, field);
    body->field[field].value = copy;
    body->field[field].length = (uint32_t)length;
    body->field[field].present = true;
    body->field[field].erased = false;
    return DURE_OK;
}

const char *dure_body_text(const struct dure_body *body, enum dure_body_field field)
{
    DURE_ASSERT(field > 0 && field < DURE_BODY_FIELD_COUNT);
    return body->field[field].value ? body->field[field].value : "";
}

/* The commitment over the c of every present field; `compute` sets those of the fields whose value is here. */
static void commitment_of(EVP_MD_CTX *context, const struct dure_body *body,
                          uint8_t digest[DURE_BODY_FIELD_COUNT][DIGEST], uint8_t ret_commitment[DIGEST])
{
    uint8_t all[DURE_BODY_FIELD_COUNT * (1 + DIGEST)];
    size_t used = 0;
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++) {
        if (!body->field[f].present)
            continue;
        if (body->field[f].erased)
            memcpy(digest[f], body->field[f].digest, DIGEST);
        else
            hash_two(context, body->field[f].salt, SALT, body->field[f].value, body->field[f].length, digest[f]);
        all[used++] = (uint8_t)f;
        memcpy(all + used, digest[f], DIGEST);
        used += DIGEST;
    }
    hash_two(context, all, used, NULL, 0, ret_commitment);
}

void dure_body_commit(struct dure_body *body, const uint8_t random_bytes[DURE_BODY_FIELD_COUNT * 16],
                      uint8_t ret_commitment[32])
{
    uint8_t digest[DURE_BODY_FIELD_COUNT][DIGEST];
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++)
        if (body->field[f].present && !body->field[f].erased)
            memcpy(body->field[f].salt, random_bytes + (size_t)f * SALT, SALT);
    EVP_MD_CTX *context = hash_new();
    commitment_of(context, body, digest, ret_commitment);
    EVP_MD_CTX_free(context);
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++)
        if (body->field[f].present)
            memcpy(body->field[f].digest, digest[f], DIGEST);
}

bool dure_body_matches(const struct dure_body *body, const uint8_t commitment[32])
{
    uint8_t digest[DURE_BODY_FIELD_COUNT][DIGEST], found[DIGEST];
    EVP_MD_CTX *context = hash_new();
    commitment_of(context, body, digest, found);
    EVP_MD_CTX_free(context);
    return memcmp(found, commitment, DIGEST) == 0;
}

void dure_body_erase(struct dure_body *body, uint32_t field_mask)
{
    EVP_MD_CTX *context = hash_new();
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++) {
        if (!(field_mask & (1u << f)) || !body->field[f].present || body->field[f].erased)
            continue;
        hash_two(context, body->field[f].salt, SALT, body->field[f].value, body->field[f].length,
                 body->field[f].digest);
        wipe(body, f);
        body->field[f].erased = true;
    }
    EVP_MD_CTX_free(context);
}

const char *dure_body_field_name(enum dure_body_field field)
{
    switch (field) {
#define X(name, number, text)                                                                                          \
    case DURE_BODY_##name: return text;
        DURE_BODY_FIELDS(X)
#undef X
    case DURE_BODY_FIELD_COUNT: break;
    }
    return "unknown";
}

bool dure_body_field_find(const char *name, enum dure_body_field *ret_field)
{
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++)
        if (strcmp(dure_body_field_name((enum dure_body_field)f), name) == 0) {
            *ret_field = (enum dure_body_field)f;
            return true;
        }
    return false;
}
