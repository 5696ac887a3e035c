#include "base/huge.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE = 2 * 1024 * 1024, AHEAD = 64 * 1024 * 1024 };
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Up to here; of the main thread alone. 0: never begun, or another allocator. */
static uintptr_t done;     /* in use, and in large pages */
static uintptr_t prepared; /* not in use yet, and in memory */

void dure_huge_begin(void)
{
    const uintptr_t heap = (uintptr_t)sbrk(0);
    /* All from one heap, which only grows: mappings of their own would begin anywhere within a large page, and come and go; and what another thread
     * makes, such as a core that was recovered, would lie in a heap of that thread. */
    if (mallopt(M_ARENA_MAX, 1) == 1 && mallopt(M_MMAP_MAX, 0) == 1 && mallopt(M_TOP_PAD, AHEAD) == 1 &&
        mallopt(M_TRIM_THRESHOLD, INT32_MAX) == 1)
        done = (heap + LARGE - 1) & ~(uintptr_t)(LARGE - 1);
}

/* What is beyond what is in use, as far as the heap reaches. */
static void make_ready(uintptr_t from, size_t ready)
{
    if (ready > mallinfo2().keepcost) {
        void *volatile more = malloc(ready); /* volatile: else both calls are left out */
        free(more); /* the heap keeps what it grew by; or a hole was large enough, and is as good */
    }
    uintptr_t end = (uintptr_t)sbrk(0) & ~(uintptr_t)(LARGE - 1);
    if (end > from + ready)
        end = from + ready;
    if (end <= from || end <= prepared)
        return;
    (void)madvise((void *)from, end - from, MADV_HUGEPAGE);
    (void)madvise((void *)from, end - from, MADV_POPULATE_WRITE);
    prepared = end;
}

void dure_huge_more(size_t ready)
{
    if (!done)
        return;
    const uintptr_t end = ((uintptr_t)sbrk(0) - mallinfo2().keepcost) & ~(uintptr_t)(LARGE - 1);
    if (end > done) {
        (void)madvise((void *)done, end - done, MADV_COLLAPSE); /* a wish: without it all is as before, but slower */
        done = end;
    }
    make_ready(done, (ready + LARGE - 1) & ~(size_t)(LARGE - 1));
}
