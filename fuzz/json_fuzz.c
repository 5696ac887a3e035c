/* JSON text, as it comes over the wire and as the journal holds it: see yaml_fuzz.c; the readers of canonical text take any bytes; and jansson
 * must agree on what is JSON and what it says. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "spec_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void agree(const struct dure_tree *tree, const json_t *json)
{
    const struct dure_tree *child = tree->first;
    if (json_is_array(json)) {
        DURE_ASSERT(tree->kind == DURE_TREE_LIST && tree->count == json_array_size(json));
        for (size_t i = 0; i < json_array_size(json); i++, child = child->next)
            agree(child, json_array_get(json, i));
    } else if (json_is_object(json)) {
        DURE_ASSERT(tree->kind == DURE_TREE_MAP && tree->count == json_object_size(json));
        for (; child; child = child->next)
            agree(child, json_object_get(json, child->key));
    } else {
        DURE_ASSERT(json && tree->kind == DURE_TREE_SCALAR && tree->quoted == (bool)json_is_string(json));
        DURE_ASSERT(!json_is_string(json) || strcmp(tree->text, json_string_value(json)) == 0);
        DURE_ASSERT(!json_is_integer(json) || strtoll(tree->text, NULL, 10) == json_integer_value(json));
        DURE_ASSERT(dure_tree_is_null(tree) == (bool)json_is_null(json));
    }
}

/* jansson also refuses numbers too large for it (the tree keeps their text), and steps over NUL bytes between values. */
static void compare(const uint8_t *data, size_t size, const struct dure_tree *tree, enum dure_err err)
{
    json_error_t error;
    if (memchr(data, 0, size))
        return;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &error);
    if (tree && json)
        agree(tree, json);
    DURE_ASSERT(json || !tree || json_error_code(&error) == json_error_numeric_overflow);
    DURE_ASSERT(tree || !json || err == DURE_E_LIMIT);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dure_arena *arena = dure_arena_new(64 << 20);
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_tree *tree = NULL;
    DURE_ASSERT(arena);
    enum dure_err err = dure_tree_from_json(arena, (const char *)data, size, &tree, &problems);
    DURE_ASSERT((err == DURE_OK) == (tree != NULL) && (err == DURE_OK) == (problems.total == 0));
    compare(data, size, tree, err);
    if (!err)
        fuzz_tree(arena, tree);
    fuzz_canonical((const char *)data, size);
    fuzz_rules((const char *)data, size);
    fuzz_print(&problems);
    dure_arena_free(arena);
    return 0;
}
