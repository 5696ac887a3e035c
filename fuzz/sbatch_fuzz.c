/* A script with #SBATCH lines from anywhere: a tree of kind Job that survives the way through JSON and the validator, or problems. The first
 * byte chooses how much of the input is given as options of the command line instead. */
#include "spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS_MAX = 8 };

/* "name=value\n" lines become options; returns how many bytes they took. */
static size_t take_options(char *text, size_t size, struct dure_sbatch_option *options, uint32_t *ret_count)
{
    size_t at = 0;
    *ret_count = 0;
    while (*ret_count < OPTIONS_MAX) {
        char *end = memchr(text + at, '\n', size - at);
        if (!end)
            break;
        *end = '\0';
        char *value = strchr(text + at, '=');
        if (value)
            *value++ = '\0';
        options[(*ret_count)++] = (struct dure_sbatch_option){.name = text + at, .value = value ? value : ""};
        at = (size_t)(end - text) + 1;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dure_arena *arena = dure_arena_new(256 << 20);
    char *text = malloc(size + 1);
    DURE_ASSERT(arena && text);
    memcpy(text, data, size);
    text[size] = '\0';
    struct dure_sbatch_option options[OPTIONS_MAX];
    uint32_t count = 0;
    size_t from = 0;
    if (size > 0 && text[0] == '-')
        from = take_options(text, size, options, &count);
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_sbatch_flags flags = {0};
    struct dure_tree *tree = NULL;
    DURE_CLEANUP_BUF struct dure_buf ignored;
    dure_buf_init(&ignored, 1 << 20);
    (void)dure_sbatch_is_script(text + from, size - from);
    const enum dure_err err = dure_sbatch_to_tree(arena, text + from, size - from, options, count, &tree, &flags, &ignored, &problems);
    if (err) {
        DURE_ASSERT(tree == NULL);
        if (err == DURE_E_INVALID)
            fuzz_problems_stand(&problems);
    } else {
        fuzz_tree_round_trip(tree);
        fuzz_job(tree);
    }
    free(text);
    dure_arena_free(arena);
    return 0;
}
