/* YAML text. A tree that is read writes JSON that reads back to the same JSON; every validator takes any tree; a fleet, tenants or job that is
 * accepted has a canonical text that is accepted too and is its own canonical text. */
#include <stdlib.h>
#include <string.h>

#include "spec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dure_arena *arena = dure_arena_new(64 << 20);
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_tree *tree = NULL;
    DURE_ASSERT(arena);
    enum dure_err err = dure_tree_from_yaml(arena, (const char *)data, size, &tree, &problems);
    DURE_ASSERT((err == DURE_OK) == (tree != NULL) && (err == DURE_OK) == (problems.total == 0));
    if (!err)
        fuzz_tree(arena, tree);
    fuzz_print(&problems);
    dure_arena_free(arena);
    return 0;
}
