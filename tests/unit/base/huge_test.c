/* Large pages are a wish, and whether it is heard is the kernel's affair: what is in memory must not change by it. */
#include "base/huge.h"

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

int main(void)
{
    uint64_t *blocks[BLOCKS];
    dure_huge_more(); /* never begun: nothing */
    dure_huge_begin();
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t b = 0; b < BLOCKS; b++) {
            blocks[b] = malloc(WORDS / BLOCKS * sizeof *blocks[b]);
            for (uint64_t i = 0; blocks[b] && i < WORDS / BLOCKS; i++)
                blocks[b][i] = i ^ (b + round);
            dure_huge_more();
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
        dure_huge_more();
    }
    return tap_done();
}
