#pragma once
/* Large pages for the heap. The core's tables are read at places far apart, and with pages of 4 KiB each such read also misses the processor's
 * table of pages. So a program that decides asks the kernel to put what it has in use into large pages (Linux 6.1 or later); elsewhere nothing
 * happens. Only a matter of speed. */
#include <stddef.h>

/* From here on the heap grows in one piece. To be called first of all, by the main thread. */
void dure_huge_begin(void);
/* What came into use since the last call goes into large pages, and so many bytes beyond it are brought into memory, so that who comes to use them
 * does not wait for the kernel: now and then, by the main thread.
 * Takes half a millisecond for each of 2 MiB. */
void dure_huge_more(size_t ready);
