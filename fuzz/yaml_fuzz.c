/* A spec in YAML from anywhere: a tree or one problem, and every tree survives the way through JSON and the validators. */
#include "spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dure_arena *arena = dure_arena_new(256 << 20);
    DURE_ASSERT(arena);
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_tree *tree = NULL;
    const enum dure_err err = dure_tree_from_yaml(arena, (const char *)data, size, &tree, &problems);
    if (err) {
        DURE_ASSERT(tree == NULL && problems.count == 1);
        fuzz_problems_stand(&problems);
    } else {
        fuzz_tree_round_trip(tree);
        fuzz_by_kind(tree);
    }
    dure_arena_free(arena);
    return 0;
}
