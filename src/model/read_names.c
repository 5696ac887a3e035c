/* Names in a spec: repetition, and the nearest known one. */
#include "model/read.h"

#include <stdlib.h>
#include <string.h>

static int by_name_then_place(const void *a, const void *b)
{
    const struct dure_named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

uint32_t *dure_read_unique(struct dure_read *read, struct dure_named *names, uint32_t count, const char *what)
{
    uint32_t *sorted = DURE_ARENA_NEW(read->arena, uint32_t, count ? count : 1);
    if (!sorted) {
        read->no_memory = true;
        return NULL;
    }
    if (count > 1)
        qsort(names, count, sizeof *names, by_name_then_place);
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = names[i].index;
        if (i > 0 && names[i].at && names[i].name[0] && strcmp(names[i - 1].name, names[i].name) == 0)
            dure_problem_add(read->problems, names[i].at, NULL, "%s that is not declared above already", what);
    }
    return sorted;
}

enum { NEAREST_LENGTH_MAX = 40 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance. */
static unsigned distance(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    if (length_a > NEAREST_LENGTH_MAX || length_b > NEAREST_LENGTH_MAX)
        return UINT32_MAX;
    unsigned row[NEAREST_LENGTH_MAX + 1];
    for (unsigned j = 0; j <= length_b; j++)
        row[j] = j;
    for (unsigned i = 1; i <= length_a; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= length_b; j++) {
            unsigned above = row[j];
            row[j] = least(least(row[j - 1], above) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[length_b];
}

const char *dure_nearest(const char *text, const char *const *known)
{
    const char *best = NULL;
    unsigned best_distance = UINT32_MAX;
    for (unsigned i = 0; known[i]; i++) {
        unsigned d = distance(text, known[i]);
        if (d < best_distance) {
            best = known[i];
            best_distance = d;
        }
    }
    size_t length = strlen(text);
    return best_distance <= (length <= 3 ? 1u : length <= 7 ? 2u : 3u) ? best : NULL;
}

/* The tree is lent for the length of the call: the times are swapped in, and swapped back whatever happens. */
