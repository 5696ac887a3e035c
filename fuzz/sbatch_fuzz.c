/* A batch script. What is taken becomes a Job tree that the validator takes or refuses with words, and that reads the same after the wire. */
#include <stdlib.h>
#include <string.h>

#include "spec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dure_arena *arena = dure_arena_new(64 << 20);
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_sbatch_flags flags = {0};
    struct dure_tree *tree = NULL;
    struct dure_buf ignored;
    DURE_ASSERT(arena);
    dure_buf_init(&ignored, 1 << 20);
    enum dure_err err = dure_sbatch_to_tree(arena, (const char *)data, size, NULL, 0, INT64_C(1767225600000000), &tree,
                                            &flags, &ignored, &problems);
    DURE_ASSERT((err == DURE_OK) == (tree != NULL) && (err == DURE_OK) == (problems.total == 0));
    if (!err) {
        DURE_ASSERT(dure_sbatch_is_script((const char *)data, size));
        DURE_ASSERT(strlen(dure_tree_get(tree, "script")->text) == size);
        fuzz_tree(arena, tree);
    }
    fuzz_print(&problems);
    dure_buf_release(&ignored);
    dure_arena_free(arena);
    return 0;
}
