#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "base/zone.h"
#include "oom.h"
#include "tap.h"

static void arenas(void)
{
    long nth = 1;
    for (;; nth++) {
        oom_begin(nth);
        struct dure_arena *arena = dure_arena_new(1 << 16);
        const bool made =
            arena && dure_arena_alloc(arena, 3000) && dure_arena_strdup(arena, "x") && dure_arena_alloc(arena, 5000);
        const bool refused = oom_end();
        if (!refused) {
            TAP_OK(made, "arena: with memory it works");
            dure_arena_free(arena);
            break;
        }
        TAP_OK(!made, "arena: refusal %ld is reported", nth);
        TAP_OK(!arena || dure_arena_alloc(arena, 16), "arena: and it serves again after refusal %ld", nth);
        dure_arena_free(arena);
    }
    TAP_OK(nth > 3, "arena: each of its allocations was refused once");
}

static void bit_sets(void)
{
    long nth = 1;
    for (;; nth++) {
        struct dure_bits bits = {.size = 77};
        oom_begin(nth);
        const bool made = dure_bits_init(&bits, 5000);
        if (!oom_end()) {
            TAP_OK(made, "bits: with memory it works");
            dure_bits_release(&bits);
            break;
        }
        TAP_OK(!made && bits.size == 77, "bits: refusal %ld leaves no effect", nth);
    }
    TAP_EQ_INT(nth, 4, "bits: three levels were refused one by one");
}

static void maps(void)
{
    struct dure_map map = {0};
    oom_begin(1);
    TAP_OK(!dure_map_put(&map, 1, 1) && map.count == 0, "map: the first block refused");
    oom_end();
    for (uint64_t key = 0; key < 12; key++)
        dure_map_put(&map, key, key);
    oom_begin(1);
    TAP_OK(!dure_map_put(&map, 12, 12), "map: the growth refused");
    TAP_OK(dure_map_put(&map, 11, 99), "map: replacing needs no memory");
    oom_end();
    uint64_t value = 0;
    TAP_OK(map.count == 12 && dure_map_get(&map, 11, &value) && value == 99, "map: what was there is there");
    TAP_OK(!dure_map_get(&map, 12, &value), "map: what was refused is not");
    dure_map_release(&map);
}

static void buffers_and_vectors(void)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 1000);
    oom_begin(1);
    dure_buf_str(&buf, "x");
    oom_end();
    TAP_OK(buf.failed && buf.length == 0, "buf: no memory is a failure");
    dure_buf_str(&buf, "y");
    TAP_OK(buf.length == 0, "buf: and stays one until it is cleared");
    dure_buf_clear(&buf);
    dure_buf_str(&buf, "kept");
    oom_begin(1);
    dure_buf_printf(&buf, "%0200d", 1);
    oom_end();
    TAP_OK(buf.failed && strcmp(buf.data, "kept") == 0, "buf: a refused print leaves no tail");
    dure_buf_release(&buf);
    oom_begin(1);
    TAP_OK(dure_buf_take(&buf) == NULL, "buf: nothing can be taken without memory");
    oom_end();
    dure_buf_release(&buf);

    DURE_VEC(int) numbers = {0};
    for (int i = 0; i < 8; i++)
        (void)DURE_VEC_PUSH(&numbers, i, 100);
    oom_begin(1);
    TAP_OK(!DURE_VEC_PUSH(&numbers, 8, 100), "vec: a refused growth is reported");
    oom_end();
    TAP_OK(numbers.count == 8 && numbers.at[7] == 7, "vec: without effect");
    DURE_VEC_FREE(&numbers);
}

int main(void)
{
    arenas();
    bit_sets();
    maps();
    buffers_and_vectors();
    int64_t s = 77;
    oom_begin(1);
    TAP_OK(!dure_zone_midnight("Asia/Seoul", 0, &s) && s == 77, "zone: no memory is no midnight");
    oom_end();
    return tap_done();
}
