#include "model/prices.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/read.h"

enum { ARENA_MAX = 256 * 1024, DIGITS_MAX = 7 };

void dure_prices_write(const struct dure_prices *prices, struct dure_buf *buf)
{
    for (uint32_t i = 0; i < DURE_HOLES; i++)
        dure_buf_printf(buf, "%c%" PRIu32, i ? ',' : '[', prices->hole_ugpu[i]);
    dure_buf_printf(buf, "]");
}

/* A whole number of at most a GPU: its digits alone. */
static bool price_of(const struct dure_tree *tree, uint32_t *ret_ugpu)
{
    const size_t length = tree->kind == DURE_TREE_SCALAR && !tree->quoted ? strlen(tree->text) : 0;
    if (!length || length > DIGITS_MAX || strspn(tree->text, "0123456789") != length)
        return false;
    *ret_ugpu = (uint32_t)strtoul(tree->text, NULL, 10);
    return *ret_ugpu <= DURE_HOLE_UGPU_MAX;
}

static enum dure_err parse(void *context, const struct dure_tree *tree, struct dure_problems *problems)
{
    struct dure_prices *prices = context;
    if (tree->kind != DURE_TREE_LIST || tree->count != DURE_HOLES) {
        char found[64];
        snprintf(found, sizeof found, tree->kind == DURE_TREE_LIST ? "a list of %" PRIu32 : "no list", tree->count);
        dure_problem_add(problems, tree, found, "a list of %d prices in micro-GPU", DURE_HOLES);
        return DURE_E_INVALID;
    }
    uint32_t least = 0, i = 0;
    for (const struct dure_tree *entry = tree->first; entry; entry = entry->next, i++) {
        const uint32_t most = i ? DURE_HOLE_UGPU_MAX : 0;
        if (!price_of(entry, &prices->hole_ugpu[i]) || prices->hole_ugpu[i] < least || prices->hole_ugpu[i] > most) {
            dure_problem_add(problems, entry, entry->kind == DURE_TREE_SCALAR ? entry->text : "no number",
                             "a whole number from %" PRIu32 " to %" PRIu32 ": more room is never worth less", least,
                             most);
            return DURE_E_INVALID;
        }
        least = prices->hole_ugpu[i];
    }
    return DURE_OK;
}

enum dure_err dure_prices_read(const char *json, size_t length, struct dure_prices *ret_prices,
                               struct dure_error *error)
{
    struct dure_prices prices;
    const enum dure_err err = dure_read_written("prices", ARENA_MAX, json, length, parse, &prices, error);
    if (err == DURE_OK)
        *ret_prices = prices;
    return err;
}
