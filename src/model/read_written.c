/* Canonical text: what dure itself writes of a spec, and reads again. */
#include "base/timefmt.h"
#include "model/read.h"

void dure_read_to_json(struct dure_read *read, const struct dure_tree *tree, struct dure_buf *buf)
{
    for (size_t i = 0; i < read->time_count; i++) {
        struct dure_read_time *time = &read->times[i];
        struct dure_tree *node = (struct dure_tree *)(uintptr_t)time->at;
        char text[DURE_TIME_TEXT_MAX];
        const char *copy = dure_arena_strdup(read->arena, dure_time_format_utc(time->us, text));
        time->text = node->text;
        time->quoted = node->quoted;
        if (copy)
            node->text = copy;
        node->quoted = true;
        read->no_memory |= !copy;
    }
    dure_tree_to_json(tree, buf);
    for (size_t i = 0; i < read->time_count; i++) {
        struct dure_tree *node = (struct dure_tree *)(uintptr_t)read->times[i].at;
        node->text = read->times[i].text;
        node->quoted = read->times[i].quoted;
    }
}

const char *dure_read_keep(struct dure_read *read, const struct dure_tree *tree, size_t *ret_length)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 2 * DURE_SPEC_BYTES_MAX);
    dure_read_to_json(read, tree, &buf);
    const char *copy = buf.failed ? NULL : dure_arena_strndup(read->arena, buf.data, buf.length);
    *ret_length = buf.length;
    read->no_memory |= !copy;
    return copy;
}

enum dure_err dure_read_written(const char *what, size_t arena_max, const char *json, size_t length,
                                dure_read_parse *parse, void *context, struct dure_error *error)
{
    struct dure_arena *arena = dure_arena_new(arena_max);
    struct dure_problems problems = {.file = what};
    struct dure_tree *tree;
    enum dure_err err = arena ? dure_tree_from_json(arena, json, length, &tree, &problems) : DURE_E_MEMORY;
    if (!err)
        err = parse(context, tree, &problems);
    dure_arena_free(arena);
    if (err == DURE_E_MEMORY)
        return dure_fail(error, err, "out of memory");
    if (!err)
        return DURE_OK;
    (void)dure_problems_fail(&problems, error);
    if (error)
        error->code = err;
    return err;
}
