#pragma once
/* A typed growable array: DURE_VEC(struct thing) things = {0}; then push, index things.at[i], things.count, free.
 * Growth is by doubling up to the maximum given at each push; a push returns false when full or out of memory (no effect). */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define DURE_VEC(type)                                                                                                 \
    struct {                                                                                                           \
        type *at;                                                                                                      \
        size_t count;                                                                                                  \
        size_t capacity;                                                                                               \
    }

bool dure_vec_grow(void **at, size_t *capacity, size_t count, size_t element_size, size_t count_max);

#define DURE_VEC_PUSH(vec, value, count_max)                                                                           \
    (((vec)->count < (vec)->capacity ||                                                                                \
      dure_vec_grow((void **)&(vec)->at, &(vec)->capacity, (vec)->count, sizeof *(vec)->at, (count_max)))              \
         ? ((vec)->at[(vec)->count++] = (value), true)                                                                 \
         : false)
#define DURE_VEC_FREE(vec) (free((vec)->at), (vec)->at = NULL, (vec)->count = (vec)->capacity = 0)
