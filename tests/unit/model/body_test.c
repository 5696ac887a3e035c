#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#include "model/body.h"
#include "tap.h"

static uint8_t salts[DURE_BODY_FIELD_COUNT * 16];

static struct dure_body *sample(void)
{
    struct dure_body *body = dure_body_new();
    TAP_OK(
        body && !dure_body_set(body, DURE_BODY_NAME, "train", 5) && !dure_body_set(body, DURE_BODY_LOGIN, "kim", 3) &&
            !dure_body_set(body, DURE_BODY_COMMAND, "echo\0hi\0", 8) && !dure_body_set(body, DURE_BODY_COMMENT, "", 0),
        "a body");
    return body;
}

/* The rule of body.h written out again. */
static void by_hand(const struct dure_body *body, uint8_t commitment[32])
{
    SHA256_CTX all, one;
    static const unsigned fields[] = {1, 4, 6, 11};
    SHA256_Init(&all);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t number = (uint8_t)fields[i], c[32];
        SHA256_Init(&one);
        SHA256_Update(&one, salts + 16 * fields[i], 16);
        SHA256_Update(&one, body->field[fields[i]].value, body->field[fields[i]].length);
        SHA256_Final(c, &one);
        SHA256_Update(&all, &number, 1);
        SHA256_Update(&all, c, 32);
    }
    SHA256_Final(commitment, &all);
}

static void commitments(void)
{
    struct dure_body *body = sample();
    uint8_t commitment[32], want[32], other[32];
    by_hand(body, want);
    dure_body_commit(body, salts, commitment);
    TAP_EQ_MEM(commitment, want, 32, "the commitment is as stated");
    TAP_OK(dure_body_matches(body, commitment), "it matches");
    body->field[DURE_BODY_NAME].value[0] ^= 1;
    TAP_OK(!dure_body_matches(body, commitment), "another name does not");
    body->field[DURE_BODY_NAME].value[0] ^= 1;
    body->field[DURE_BODY_LOGIN].salt[3] ^= 1;
    TAP_OK(!dure_body_matches(body, commitment), "nor another salt");
    body->field[DURE_BODY_LOGIN].salt[3] ^= 1;
    dure_body_erase(body, 1u << DURE_BODY_LOGIN | 1u << DURE_BODY_SCRIPT);
    TAP_OK(!body->field[DURE_BODY_LOGIN].value && body->field[DURE_BODY_LOGIN].erased &&
               body->field[DURE_BODY_LOGIN].present,
           "a field is erased");
    static const uint8_t zero[16];
    TAP_EQ_MEM(body->field[DURE_BODY_LOGIN].salt, zero, 16, "and its salt");
    TAP_OK(!body->field[DURE_BODY_SCRIPT].present, "an absent one stays absent");
    TAP_EQ_STR(dure_body_text(body, DURE_BODY_LOGIN), "", "nothing to read");
    TAP_OK(dure_body_matches(body, commitment), "what is left still matches");
    dure_body_erase(body, ~0u);
    TAP_OK(dure_body_matches(body, commitment), "with everything erased too");
    dure_body_commit(body, salts, other);
    TAP_EQ_MEM(other, commitment, 32, "and commits to the same");
    dure_body_free(body);
    body = dure_body_new();
    dure_body_commit(body, salts, other);
    TAP_OK(dure_body_matches(body, other) && memcmp(other, commitment, 32) != 0, "an empty body has its own");
    dure_body_free(body);
    dure_body_free(NULL);
}

static void stored(void)
{
    struct dure_body *body = sample(), *back = NULL;
    uint8_t commitment[32];
    struct dure_error error;
    struct dure_buf buf;
    dure_buf_init(&buf, 1 << 20);
    dure_body_commit(body, salts, commitment);
    dure_body_erase(body, 1u << DURE_BODY_NAME);
    TAP_EQ_INT(dure_body_encode(body, &buf), DURE_OK, "encoded");
    TAP_EQ_INT(dure_body_decode(buf.data, buf.length, &back, &error), DURE_OK, "decoded");
    TAP_OK(dure_body_matches(back, commitment) && back->field[DURE_BODY_NAME].erased, "it matches");
    TAP_OK(back->field[DURE_BODY_COMMAND].length == 8 &&
               memcmp(back->field[DURE_BODY_COMMAND].value, "echo\0hi\0", 8) == 0,
           "NULs are kept");
    TAP_OK(back->field[DURE_BODY_COMMENT].present && back->field[DURE_BODY_COMMENT].length == 0,
           "an empty value is present");
    dure_body_free(back);
    for (size_t i = 0; i < buf.length; i++) {
        back = NULL;
        TAP_OK(dure_body_decode(buf.data, i, &back, &error) == DURE_E_CORRUPT && !back, "cut at %zu: %s", i,
               error.text);
    }
    dure_buf_byte(&buf, 0);
    TAP_EQ_INT(dure_body_decode(buf.data, buf.length, &back, &error), DURE_E_CORRUPT, "a byte too many");
    static const struct {
        const char *bytes;
        size_t length;
        const char *why;
    } bad[] = {
        {"\x98\x00", 2, "a length not in its shortest form"},
        {"\x81\x83\x01\x41x\x40", 6, "a salt of one byte"},
        {"\x81\x82\x0c\x40", 4, "field 12"},
        {"\x81\x82\x00\x40", 4, "field 0"},
        {"\x81\x84\x01\x40\x40\x40", 6, "an entry of four"},
        {"\x81\x82\x01\x5a\xff\xff\xff\xff", 8, "a length beyond the end"},
        {"\x9f\xff", 2, "an indefinite array"},
        {"\xa0", 1, "a map"},
        {"\x81\x83\x01\x50"
         "0123456789abcdef"
         "\x5a\x00\x10\x00\x00",
         25, "a value beyond the end"},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TAP_OK(dure_body_decode(bad[i].bytes, bad[i].length, &back, &error) == DURE_E_CORRUPT &&
                   strstr(error.text, "damaged"),
               "%s", bad[i].why);
    struct dure_buf small;
    dure_buf_init(&small, 10);
    TAP_OK(dure_body_encode(body, &small) == DURE_E_LIMIT && small.length == 0, "a buffer too small is left as it was");
    dure_buf_release(&small);
    dure_buf_release(&buf);
    dure_body_free(body);
}

static void limits(void)
{
    static char big[1 << 21];
    struct dure_body *body = dure_body_new();
    memset(big, 'x', sizeof big);
    TAP_EQ_INT(dure_body_set(body, DURE_BODY_SCRIPT, big, 1 << 20), DURE_OK, "a script of 1 MiB");
    TAP_EQ_INT(dure_body_set(body, DURE_BODY_SCRIPT, big, (1 << 20) + 1), DURE_E_LIMIT, "not one byte more");
    TAP_EQ_UINT(body->field[DURE_BODY_SCRIPT].length, 1 << 20, "the first stays");
    TAP_EQ_INT(dure_body_set(body, DURE_BODY_NAME, big, 1 << 16), DURE_OK, "another field of 64 KiB");
    TAP_EQ_INT(dure_body_set(body, DURE_BODY_NAME, big, (1 << 16) + 1), DURE_E_LIMIT, "not more");
    TAP_EQ_INT(dure_body_set(body, DURE_BODY_SCRIPT, "y", 1), DURE_OK, "set again");
    TAP_EQ_STR(dure_body_text(body, DURE_BODY_SCRIPT), "y", "the later value");
    dure_body_free(body);
    enum dure_body_field field = DURE_BODY_LOGIN;
    TAP_OK(dure_body_field_find("comment", &field) && field == DURE_BODY_COMMENT &&
               !dure_body_field_find("salary", &field),
           "the closed list");
    TAP_EQ_STR(dure_body_field_name(DURE_BODY_WORKDIR), "workdir", "a field's name");
}

int main(void)
{
    for (unsigned i = 0; i < sizeof salts; i++)
        salts[i] = (uint8_t)(i * 7 + 1);
    commitments();
    stored();
    limits();
    return tap_done();
}
