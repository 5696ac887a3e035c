#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "tap.h"

static bool all_zero(const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

static void memory_is_zeroed_and_aligned(void)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    bool aligned = true, zero = true;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 700; size++) {
            unsigned char *bytes = dure_arena_alloc(arena, size);
            aligned = aligned && bytes && (uintptr_t)bytes % 16 == 0;
            zero = zero && bytes && all_zero(bytes, size);
            memset(bytes, 0xa5, size);
        }
        dure_arena_reset(arena);
        TAP_EQ_INT(dure_arena_used(arena), 0, "round %d: nothing is used after a reset", round);
    }
    TAP_OK(aligned, "every allocation is aligned to 16");
    TAP_OK(zero, "every allocation is zeroed, also after a reset");
    dure_arena_free(arena);
}

static void the_ceiling_holds(void)
{
    struct dure_arena *arena = dure_arena_new(64);
    TAP_OK(dure_arena_alloc(arena, 65) == NULL, "more than the ceiling at once");
    TAP_EQ_INT(dure_arena_used(arena), 0, "a refused allocation uses nothing");
    TAP_OK(dure_arena_alloc(arena, 33) != NULL, "33 bytes fit (48 used)");
    TAP_OK(dure_arena_alloc(arena, 17) == NULL, "17 more do not");
    TAP_OK(dure_arena_alloc(arena, 16) != NULL, "16 more do");
    TAP_OK(dure_arena_alloc(arena, 0) == NULL, "full: not even an empty one");
    TAP_EQ_INT(dure_arena_used(arena), 64, "all is used");
    dure_arena_reset(arena);
    TAP_OK(dure_arena_alloc(arena, 64) != NULL, "after a reset it is empty again");
    dure_arena_free(arena);
}

static void sizes_do_not_overflow(void)
{
    struct dure_arena *arena = dure_arena_new(SIZE_MAX);
    TAP_OK(dure_arena_alloc(arena, SIZE_MAX) == NULL, "SIZE_MAX");
    TAP_OK(dure_arena_alloc(arena, SIZE_MAX - 8) == NULL, "SIZE_MAX - 8 rounds over the top");
    TAP_OK(dure_arena_alloc(arena, SIZE_MAX - 32) == NULL, "a block header over the top");
    TAP_OK(dure_arena_array(arena, 16, SIZE_MAX / 8) == NULL, "a product over the top");
    TAP_OK(DURE_ARENA_NEW(arena, uint64_t, SIZE_MAX / 4) == NULL, "the typed macro too");
    TAP_OK(dure_arena_alloc(arena, 1) != NULL, "and it still serves");
    dure_arena_free(arena);
    dure_arena_free(NULL);
}

static void strings_are_copied(void)
{
    struct dure_arena *arena = dure_arena_new(256);
    TAP_EQ_STR(dure_arena_strdup(arena, "두레"), "두레", "strdup");
    TAP_EQ_STR(dure_arena_strndup(arena, "abcdef", 3), "abc", "strndup cuts");
    TAP_EQ_STR(dure_arena_strndup(arena, "ab", 100), "ab", "strndup stops at the NUL");
    TAP_EQ_STR(dure_arena_strndup(arena, "", 0), "", "an empty one");
    TAP_EQ_STR(dure_arena_printf(arena, "%s-%04d", "pt", 7), "pt-0007", "printf");
    TAP_OK(dure_arena_printf(arena, "%300d", 1) == NULL, "printf over the ceiling");
    TAP_OK(
        dure_arena_strndup(arena,
                           "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
                           "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
                           200) == NULL,
        "strndup over the ceiling");
    dure_arena_free(arena);
}

int main(void)
{
    memory_is_zeroed_and_aligned();
    the_ceiling_holds();
    sizes_do_not_overflow();
    strings_are_copied();
    return tap_done();
}
