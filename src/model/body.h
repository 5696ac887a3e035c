#pragma once
/* What a person wrote and may have erased. A leaf of the journal never holds these fields, only a commitment:
 *   commitment = SHA-256( for each present field, in the order of the table: field number (1 byte) || c ),   c = SHA-256( salt (16 bytes) || value ).
 * Erasing a field deletes value and salt and keeps c, so that the leaf still verifies. Stored form: a deterministic CBOR array of
 * [field, salt, value] or [field, c] when erased. Limits: value ≤ 1 MiB (script), ≤ 64 KiB (others), body ≤ 2 MiB. */
#include "base/buf.h"
#include "base/err.h"

/* number, name: the closed list */
#define DURE_BODY_FIELDS(X)                                                                                              \
    X(LOGIN, 1, "login")                                                                                                 \
    X(EMAIL, 2, "email")                                                                                                 \
    X(PERSON, 3, "person")                                                                                               \
    X(NAME, 4, "name")                                                                                                   \
    X(SCRIPT, 5, "script")                                                                                               \
    X(COMMAND, 6, "command")         /* argv, each NUL-terminated */                                                     \
    X(ENVIRONMENT, 7, "environment") /* NAME=value, each NUL-terminated */                                               \
    X(WORKDIR, 8, "workdir")                                                                                             \
    X(STDOUT, 9, "stdout")                                                                                               \
    X(STDERR, 10, "stderr")                                                                                              \
    X(COMMENT, 11, "comment")                                                                                            \
    X(IMAGE, 12, "image")

enum dure_body_field {
#define X(name, number, text) DURE_BODY_##name = number,
    DURE_BODY_FIELDS(X)
#undef X
    DURE_BODY_FIELD_COUNT = 13,
};

struct dure_body {
    struct {
        char *value; /* NULL: absent or erased */
        uint32_t length;
        bool erased;
        bool present; /* erased fields are present */
        uint8_t salt[16];
        uint8_t digest[32]; /* c */
    } field[DURE_BODY_FIELD_COUNT];
    void *kept; /* malloc'd: what the job that was read with it points to (its node lists). Neither committed nor stored */
};

struct dure_body *dure_body_new(void); /* NULL: out of memory */
void dure_body_free(struct dure_body *body);
DURE_NODISCARD enum dure_err dure_body_set(struct dure_body *body, enum dure_body_field field, const char *value, size_t length);
const char *dure_body_text(const struct dure_body *body, enum dure_body_field field); /* "" if absent or erased */
/* Draws salts (from `random_bytes`, 16 per field: body.c is pure) and computes every c and the commitment. */
void dure_body_commit(struct dure_body *body, const uint8_t random_bytes[DURE_BODY_FIELD_COUNT * 16], uint8_t ret_commitment[32]);
/* Recomputes from values (or kept c of erased fields). False: the body does not match. */
bool dure_body_matches(const struct dure_body *body, const uint8_t commitment[32]);
void dure_body_erase(struct dure_body *body, uint32_t field_mask); /* bit = field number */
DURE_NODISCARD enum dure_err dure_body_encode(const struct dure_body *body, struct dure_buf *buf);
DURE_NODISCARD enum dure_err dure_body_decode(const void *bytes, size_t length, struct dure_body **ret_body, struct dure_error *error);
const char *dure_body_field_name(enum dure_body_field field);
bool dure_body_field_find(const char *name, enum dure_body_field *ret_field);
