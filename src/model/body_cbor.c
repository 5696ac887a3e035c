/* The stored form of a body: deterministic CBOR (RFC 8949 §4.2), an array of [field, salt, value] or [field, c]. */
#include "model/body.h"

#include <string.h>

enum { UNSIGNED = 0, BYTES = 2, ARRAY = 4, SALT = 16, DIGEST = 32 };

static void put_head(struct dure_buf *buf, unsigned major, uint32_t value)
{
    uint8_t head[5];
    unsigned extra = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : 4;
    head[0] = (uint8_t)(major << 5 | (extra == 0 ? value : extra == 1 ? 24 : extra == 2 ? 25 : 26));
    for (unsigned i = 0; i < extra; i++)
        head[1 + i] = (uint8_t)(value >> 8 * (extra - 1 - i));
    dure_buf_add(buf, head, 1 + extra);
}

static void put_bytes(struct dure_buf *buf, const void *bytes, uint32_t length)
{
    put_head(buf, BYTES, length);
    dure_buf_add(buf, bytes, length);
}

enum dure_err dure_body_encode(const struct dure_body *body, struct dure_buf *buf)
{
    uint32_t present = 0;
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++)
        present += body->field[f].present;
    size_t before = buf->length;
    put_head(buf, ARRAY, present);
    for (unsigned f = 1; f < DURE_BODY_FIELD_COUNT; f++) {
        if (!body->field[f].present)
            continue;
        put_head(buf, ARRAY, body->field[f].erased ? 2 : 3);
        put_head(buf, UNSIGNED, f);
        if (body->field[f].erased) {
            put_bytes(buf, body->field[f].digest, DIGEST);
        } else {
            put_bytes(buf, body->field[f].salt, SALT);
            put_bytes(buf, body->field[f].value, body->field[f].length);
        }
    }
    if (!buf->failed)
        return DURE_OK;
    buf->length = before;
    return DURE_E_LIMIT;
}

struct cursor {
    const uint8_t *at, *end;
};

/* A head of that major type, in its shortest form only. */
static bool get_head(struct cursor *c, unsigned major, uint32_t *ret_value)
{
    if (c->at == c->end || c->at[0] >> 5 != major)
        return false;
    unsigned info = *c->at++ & 31;
    unsigned extra = info < 24 ? 0 : info == 24 ? 1 : info == 25 ? 2 : info == 26 ? 4 : 8;
    if (extra == 8 || (size_t)(c->end - c->at) < extra)
        return false;
    uint32_t value = extra ? 0 : info;
    for (unsigned i = 0; i < extra; i++)
        value = value << 8 | *c->at++;
    *ret_value = value;
    return extra == 0 || value >= (extra == 1 ? 24u : extra == 2 ? 256u : 65536u);
}

static bool get_bytes(struct cursor *c, const uint8_t **ret_bytes, uint32_t *ret_length)
{
    if (!get_head(c, BYTES, ret_length) || (size_t)(c->end - c->at) < *ret_length)
        return false;
    *ret_bytes = c->at;
    c->at += *ret_length;
    return true;
}

/* One entry; the field numbers rise. */
static enum dure_err get_entry(struct cursor *c, struct dure_body *body, uint32_t *last)
{
    uint32_t items, field, length;
    const uint8_t *bytes;
    if (!get_head(c, ARRAY, &items) || (items != 2 && items != 3) || !get_head(c, UNSIGNED, &field) || field <= *last ||
        field >= DURE_BODY_FIELD_COUNT || !get_bytes(c, &bytes, &length))
        return DURE_E_CORRUPT;
    *last = field;
    if (items == 2) {
        if (length != DIGEST)
            return DURE_E_CORRUPT;
        memcpy(body->field[field].digest, bytes, DIGEST);
        body->field[field].present = body->field[field].erased = true;
        return DURE_OK;
    }
    const uint8_t *salt = bytes;
    if (length != SALT || !get_bytes(c, &bytes, &length))
        return DURE_E_CORRUPT;
    enum dure_err err = dure_body_set(body, (enum dure_body_field)field, (const char *)bytes, length);
    if (err)
        return err == DURE_E_LIMIT ? DURE_E_CORRUPT : err;
    memcpy(body->field[field].salt, salt, SALT);
    return DURE_OK;
}

enum dure_err dure_body_decode(const void *bytes, size_t length, struct dure_body **ret_body, struct dure_error *error)
{
    struct dure_body *body = dure_body_new();
    if (!body)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    struct cursor c = {.at = bytes, .end = (const uint8_t *)bytes + length};
    uint32_t count = 0, last = 0;
    enum dure_err err = get_head(&c, ARRAY, &count) ? DURE_OK : DURE_E_CORRUPT;
    for (uint32_t i = 0; i < count && !err; i++)
        err = get_entry(&c, body, &last);
    if (!err && c.at != c.end)
        err = DURE_E_CORRUPT;
    if (err) {
        size_t at = (size_t)(c.at - (const uint8_t *)bytes);
        dure_body_free(body);
        return err == DURE_E_MEMORY ? dure_fail(error, err, "out of memory")
                                    : dure_fail(error, err, "a stored body is damaged near byte %zu", at);
    }
    *ret_body = body;
    return DURE_OK;
}
