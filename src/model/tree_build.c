#include "model/tree_build.h"

#include <stdlib.h>
#include <string.h>

static int by_key_then_place(const void *a, const void *b)
{
    const struct dure_tree *const *x = a, *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    return order ? order : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

bool dure_tree_duplicate(const struct dure_tree *map, const struct dure_tree **ret_twice)
{
    const struct dure_tree *few[32];
    const struct dure_tree **sorted = map->count <= 32 ? few : calloc(map->count, sizeof *sorted);
    if (!sorted)
        return false;
    uint32_t count = 0;
    for (const struct dure_tree *child = map->first; child; child = child->next)
        sorted[count++] = child;
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, by_key_then_place);
    const struct dure_tree *twice = NULL;
    for (uint32_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 && (!twice || sorted[i]->index < twice->index))
            twice = sorted[i];
    if (sorted != few)
        free(sorted);
    *ret_twice = twice;
    return true;
}
