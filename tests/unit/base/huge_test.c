/* Large pages are a wish, and whether it is heard is the kernel's affair: what is in memory must not change by it. */
#include "base/huge.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

enum { WORDS = 6 * 1024 * 1024, BLOCKS = 64 };

static bool is_whole(const uint64_t *words, uint64_t salt)
{
    for (uint64_t i = 0; i < WORDS / BLOCKS; i++)
        if (words[i] != (i ^ salt))
            return false;
    return true;
}

static void tell(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    unsigned long kib;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
            tap_diag("%lu MiB in large pages", kib / 1024);
    if (file)
        fclose(file);
}

static uint64_t in_memory_kib(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    unsigned long kib = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %lu kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

/* What was made ready is there before it is used: using it brings nothing new into memory. */
static void ready(void)
{
    enum { READY = 160 << 20, USED = 128 << 20 }; /* more than all that was given back before */
    if (mallinfo2().arena == 0 || in_memory_kib() == 0) {
        tap_skip("another allocator, or a kernel that does not tell");
        return;
    }
    dure_huge_more(READY);
    const uint64_t before = in_memory_kib();
    char *used = malloc(USED);
    for (size_t i = 0; used && i < USED; i += 4096)
        ((volatile char *)used)[i] = 1;
    const uint64_t grown_kib = in_memory_kib() - before;
    tap_diag("%llu KiB came into memory with the use of %d", (unsigned long long)grown_kib, USED >> 10);
    TAP_OK(used && grown_kib < USED / 1024 / 2, "memory that was made ready is there");
    free(used);
}

int main(void)
{
    uint64_t *blocks[BLOCKS];
    dure_huge_more(0); /* never begun: nothing */
    dure_huge_begin();
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t b = 0; b < BLOCKS; b++) {
            blocks[b] = malloc(WORDS / BLOCKS * sizeof *blocks[b]);
            for (uint64_t i = 0; blocks[b] && i < WORDS / BLOCKS; i++)
                blocks[b][i] = i ^ (b + round);
            dure_huge_more(b % 2 ? 16u << 20 : 0);
        }
        bool whole = true;
        for (uint64_t b = 0; b < BLOCKS; b++)
            whole = whole && blocks[b] && is_whole(blocks[b], b + round);
        TAP_OK(whole, "round %u: what is in memory stays", round);
        tell();
        for (unsigned b = 0; b < BLOCKS; b += 1 + round % 2)
            free(blocks[b]);
        for (unsigned b = 1; round % 2 && b < BLOCKS; b += 2)
            free(blocks[b]);
        dure_huge_more(0);
    }
    ready();
    return tap_done();
}
