/* A record's bytes from anywhere. What the decoder accepts must be one well-formed item to libcbor, come out of the encoder as it went in
 * (one record, one encoding), and print as one line of JSON. What it refuses must leave the record alone. */
#include <cbor.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void well_formed_to_libcbor(const uint8_t *data, size_t size)
{
    struct cbor_load_result result;
    cbor_item_t *item = cbor_load(data, size, &result);
    DURE_ASSERT(item && result.error.code == CBOR_ERR_NONE && result.read == size);
    cbor_decref(&item);
}

static void prints_as_json(const struct dure_record *record)
{
    DURE_CLEANUP_BUF struct dure_buf line;
    dure_buf_init(&line, 64 << 20);
    dure_record_print(record, &line);
    DURE_ASSERT(!line.failed && !memchr(line.data, '\n', line.length > 0 ? line.length - 1 : 0));
    json_error_t error;
    json_t *parsed = json_loads(line.data, JSON_REJECT_DUPLICATES, &error);
    DURE_ASSERT(json_is_object(parsed));
    json_decref(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dure_arena *arena = dure_arena_new(16 << 20);
    DURE_ASSERT(arena);
    struct dure_record record, before;
    struct dure_error error;
    memset(&record, 0xa5, sizeof record);
    memcpy(&before, &record, sizeof record);
    const enum dure_err err = dure_record_decode(data, size, arena, &record, &error);
    if (err) {
        DURE_ASSERT(err == DURE_E_CORRUPT || err == DURE_E_MEMORY || err == DURE_E_VERSION || err == DURE_E_LIMIT);
        DURE_ASSERT(error.code == err && error.text[0]);
        DURE_ASSERT(memcmp(&before, &record, sizeof record) == 0);
    } else {
        DURE_CLEANUP_BUF struct dure_buf again;
        dure_buf_init(&again, size);
        DURE_ASSERT(dure_record_encode(&record, &again) && again.length == size && memcmp(again.data, data, size) == 0);
        well_formed_to_libcbor(data, size);
        prints_as_json(&record);
    }
    dure_arena_free(arena);
    return 0;
}
