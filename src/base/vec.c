#include "base/vec.h"

#include <stdint.h>

enum { FIRST = 8 };

bool dure_vec_grow(void **at, size_t *capacity, size_t count, size_t element_size, size_t count_max)
{
    if (count >= count_max)
        return false;
    size_t wanted = *capacity < FIRST ? FIRST : *capacity;
    while (wanted <= count)
        if (__builtin_mul_overflow(wanted, 2, &wanted))
            return false;
    if (wanted > count_max)
        wanted = count_max;
    size_t bytes;
    if (__builtin_mul_overflow(wanted, element_size, &bytes))
        return false;
    void *grown = realloc(*at, bytes);
    if (!grown)
        return false;
    *at = grown;
    *capacity = wanted;
    return true;
}
