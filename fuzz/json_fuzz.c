/* JSON text, as it comes over the wire and as the journal holds it: see yaml_fuzz.c, and the readers of canonical text take any bytes. */
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
    enum dure_err err = dure_tree_from_json(arena, (const char *)data, size, &tree, &problems);
    DURE_ASSERT((err == DURE_OK) == (tree != NULL) && (err == DURE_OK) == (problems.total == 0));
    if (!err)
        fuzz_tree(arena, tree);
    fuzz_canonical((const char *)data, size);
    fuzz_print(&problems);
    dure_arena_free(arena);
    return 0;
}
