/* Leaves in any order. The input is a list of leaves (two bytes of length each, then the leaf): joining them may fail but must keep to what
 * was fed. And the input as one record, made long by repetition, must come back from its leaves as it went in. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONG = 150000 };

static void any_order(const uint8_t *data, size_t size)
{
    struct dure_leaves_join join = {0};
    size_t fed = 0;
    while (size >= 2) {
        size_t length = (size_t)data[0] << 8 | data[1];
        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        const void *bytes = NULL;
        size_t whole = 0;
        struct dure_error error;
        const int got = dure_leaves_join_next(&join, data, length, &bytes, &whole, &error);
        fed += length;
        DURE_ASSERT(got <= 1 && (got >= 0 || error.code == got));
        DURE_ASSERT(got != 1 || (bytes && whole <= fed));
        data += length;
        size -= length;
    }
    dure_buf_release(&join.whole);
}

struct there_and_back {
    struct dure_leaves_join join;
    const uint8_t *want;
    size_t length;
    bool done;
};

static bool take_leaf(void *context, const void *leaf, size_t length)
{
    struct there_and_back *trip = context;
    const void *bytes;
    size_t whole;
    DURE_ASSERT(length <= DURE_LEAF_MAX && !trip->done);
    const int got = dure_leaves_join_next(&trip->join, leaf, length, &bytes, &whole, NULL);
    DURE_ASSERT(got >= 0);
    if (got == 1) {
        DURE_ASSERT(whole == trip->length && memcmp(bytes, trip->want, whole) == 0);
        trip->done = true;
    }
    return true;
}

/* Over the size of one leaf, so that the record's own bytes are never looked at. */
static void there_and_back(const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    uint8_t *bytes = malloc(LONG);
    DURE_ASSERT(bytes);
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = data[i % size];
    struct there_and_back trip = {.want = bytes, .length = DURE_LEAF_MAX + 1 + data[0] * 351u};
    DURE_ASSERT(trip.length <= LONG);
    DURE_ASSERT(dure_leaves_cut(bytes, trip.length, take_leaf, &trip) && trip.done);
    dure_buf_release(&trip.join.whole);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    any_order(data, size);
    there_and_back(data, size);
    return 0;
}
