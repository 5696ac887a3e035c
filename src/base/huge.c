#include "base/huge.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE = 2 * 1024 * 1024, AHEAD = 64 * 1024 * 1024 };
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static uintptr_t done; /* up to here; of the main thread alone. 0: never begun, or another allocator */

void dure_huge_begin(void)
{
    const uintptr_t heap = (uintptr_t)sbrk(0);
    /* All from the heap, which only grows: mappings of their own would begin anywhere within a large page, and come and go. */
    if (mallopt(M_MMAP_MAX, 0) == 1 && mallopt(M_TOP_PAD, AHEAD) == 1 && mallopt(M_TRIM_THRESHOLD, INT32_MAX) == 1)
        done = (heap + LARGE - 1) & ~(uintptr_t)(LARGE - 1);
}

void dure_huge_more(void)
{
    if (!done)
        return;
    /* What was never given out yet stays as it is: to clear a large page is dear for whoever touches it first. */
    const uintptr_t end = ((uintptr_t)sbrk(0) - mallinfo2().keepcost) & ~(uintptr_t)(LARGE - 1);
    if (end <= done)
        return;
    (void)madvise((void *)done, end - done, MADV_COLLAPSE); /* a wish: without it all is as before, but slower */
    done = end;
}
