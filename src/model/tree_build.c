#include "model/tree_build.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 32 };

static int by_key_then_place(const void *a, const void *b)
{
    const struct dure_tree *const *x = a, *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    return order ? order : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

/* Among few, looking at each pair is faster than sorting. */
static const struct dure_tree *twice_among_few(const struct dure_tree *map)
{
    for (const struct dure_tree *later = map->first; later; later = later->next)
        for (const struct dure_tree *earlier = map->first; earlier != later; earlier = earlier->next)
            if (earlier->key[0] == later->key[0] && strcmp(earlier->key, later->key) == 0)
                return later;
    return NULL;
}

bool dure_tree_duplicate(const struct dure_tree *map, const struct dure_tree **ret_twice)
{
    if (map->count <= FEW) {
        *ret_twice = twice_among_few(map);
        return true;
    }
    const struct dure_tree **sorted = calloc(map->count, sizeof *sorted);
    if (!sorted)
        return false;
    uint32_t count = 0;
    for (const struct dure_tree *child = map->first; child; child = child->next)
        sorted[count++] = child;
    qsort(sorted, count, sizeof *sorted, by_key_then_place);
    const struct dure_tree *twice = NULL;
    for (uint32_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 && (!twice || sorted[i]->index < twice->index))
            twice = sorted[i];
    free(sorted);
    *ret_twice = twice;
    return true;
}
