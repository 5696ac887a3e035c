#pragma once
/* Makes one chosen allocation of the code under test fail, so that a loop can try each in turn:
 *
 *     for (long nth = 1; oom_begin(nth), made = thing_new(), oom_end(); nth++)
 *         check that `made` is NULL and nothing leaked;
 *
 * Link with oom_dep: it wraps malloc, calloc, realloc and strdup of the program and its static libraries. One thread only. */
#include <stdbool.h>

void oom_begin(long nth); /* the nth allocation from now fails, and every one after it until oom_end */
bool oom_end(void);       /* true: an allocation was refused since oom_begin */
