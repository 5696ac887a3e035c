#include "cli/env.h"

#include <string.h>

#include "cli/node.h"

static bool name_ok(const char *name, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return length > 0 && (name[0] < '0' || name[0] > '9') && strspn(name, letters) >= length;
}

/* What dure itself sets for a job: another job's must not shine through. */
static bool reserved(const char *name)
{
    return strncmp(name, "DURE_", 5) == 0 || strncmp(name, "SLURM_", 6) == 0 || strncmp(name, "SBATCH_", 7) == 0 ||
           strncmp(name, "CUDA_VISIBLE_DEVICES=", 21) == 0;
}

/* What JSON can carry: valid UTF-8. */
static bool utf8_ok(const char *text)
{
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

/* "ALL", "NONE", "NIL" or absent; the list goes on after it. */
static bool wants_all(const char *rule)
{
    for (const char *at = rule; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strcspn(at, ",") == 3 && strncasecmp(at, "ALL", 3) == 0)
            return true;
    return false;
}

/* 1: named alone; 2: named with a value, which overrides. */
static int named(const char *rule, const char *name, size_t length)
{
    for (const char *at = rule; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t n = strcspn(at, ",");
        if (n >= length && strncmp(at, name, length) == 0 && (n == length || at[length] == '='))
            return n == length ? 1 : 2;
    }
    return 0;
}

struct capture {
    struct dure_arena *arena;
    struct dure_tree *map;
    size_t bytes;
    struct dure_buf *left_out;
    bool failed;
};

static void add(struct capture *capture, const char *entry, size_t name_length)
{
    const char *name = dure_arena_strndup(capture->arena, entry, name_length);
    const char *value = entry + name_length + 1;
    if (!name) {
        capture->failed = true;
        return;
    }
    const size_t bytes = strlen(entry) + 1;
    if (!name_ok(name, name_length) || !utf8_ok(value) || capture->bytes + bytes > DURE_ENV_BYTES_MAX) {
        /* A shell's exported functions (BASH_FUNC_x%%) come this way too. */
        dure_buf_printf(capture->left_out, "%s%s", capture->left_out->length ? ", " : "", name);
        return;
    }
    capture->bytes += bytes;
    capture->failed |= !dure_node_text(capture->arena, capture->map, name, value, true, 0, 0);
}

static void add_given(struct capture *capture, const char *rule)
{
    for (const char *at = rule; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        const size_t length = strcspn(at, ","), name = strcspn(at, "=,");
        if (name == length)
            continue;
        const char *entry = dure_arena_strndup(capture->arena, at, length);
        if (entry)
            add(capture, entry, name);
        capture->failed |= !entry;
    }
}

bool dure_env_capture(struct dure_arena *arena, struct dure_tree *job, const char *rule, char *const *environment,
                      struct dure_buf *left_out)
{
    struct capture capture = {.arena = arena, .left_out = left_out};
    const bool all = !rule || !*rule || wants_all(rule);
    capture.map = dure_node_child(arena, job, "env", DURE_TREE_MAP);
    if (!capture.map)
        return false;
    for (char *const *entry = environment; *entry && !capture.failed; entry++) {
        const size_t length = strcspn(*entry, "=");
        const int how = rule ? named(rule, *entry, length) : 0;
        if ((*entry)[length] == '=' && !reserved(*entry) && how != 2 && (all || how == 1))
            add(&capture, *entry, length);
    }
    if (rule)
        add_given(&capture, rule);
    return !capture.failed;
}
