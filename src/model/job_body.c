/* The parts of a Job that are lists or text: dependencies, the array's range, and what goes into the body. */
#include "model/job_build.h"

#include <stdlib.h>
#include <string.h>

enum {
    NAME_TEXT_MAX = 256,
    PATH_TEXT_MAX = 4096,
    COMMENT_MAX = 4096,
    IMAGE_TEXT_MAX = 1024,
    LIST_BYTES_MAX = 64 * 1024,
    SCRIPT_BYTES_MAX = 1024 * 1024
};

static bool number_at(const char **at, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *p = *at;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        if (value > max)
            return false;
    }
    if (p == *at)
        return false;
    *at = p;
    *ret_value = value;
    return true;
}

/* first-last:step, or one number. */
struct range {
    uint64_t first, last, step, count;
};

static bool range_at(const char **at, struct range *ret_range)
{
    const uint64_t most = 999999999;
    struct range range = {.step = 1};
    if (!number_at(at, most, &range.first))
        return false;
    range.last = range.first;
    if (**at == '-' && ((*at)++, !number_at(at, most, &range.last)))
        return false;
    if (**at == ':' && ((*at)++, !number_at(at, most, &range.step) || range.step == 0))
        return false;
    if (range.last < range.first)
        return false;
    range.count = (range.last - range.first) / range.step + 1;
    range.last = range.first + (range.count - 1) * range.step;
    *ret_range = range;
    return true;
}

/* `more` goes on where `range` ends, with the same step between all: a number alone has whichever fits. */
static bool join(struct range *range, const struct range *more)
{
    if (more->first <= range->last)
        return false;
    const uint64_t between = more->first - range->last;
    if ((range->count > 1 && between != range->step) || (more->count > 1 && between != more->step))
        return false;
    range->step = between;
    range->last = more->last;
    range->count += more->count;
    return true;
}

bool dure_job_array_parse(const char *text, struct dure_job *job)
{
    struct range range, more;
    uint64_t limit = 0;
    if (!range_at(&text, &range))
        return false;
    while (*text == ',')
        if (text++, !range_at(&text, &more) || !join(&range, &more))
            return false;
    if (*text == '%' && (text++, !number_at(&text, DURE_ARRAY_MAX, &limit) || limit == 0))
        return false;
    if (*text || range.count > DURE_ARRAY_MAX)
        return false;
    job->array_first = (uint32_t)range.first;
    job->array_count = (uint32_t)range.count;
    job->array_step = (uint32_t)range.step;
    job->array_limit = (uint32_t)limit;
    return true;
}

void dure_job_read_after(struct dure_read *read, const struct dure_tree *root, struct dure_job *job)
{
    static const char *const known[] = {"job", "if", NULL};
    static const char *const kinds[] = {"ok", "any", "failed", NULL};
    const struct dure_tree *list = dure_read_list(read, root, "after", DURE_OPTIONAL, DURE_JOB_DEPS_MAX);
    for (const struct dure_tree *map = list ? list->first : NULL; map; map = map->next) {
        unsigned kind = DURE_DEP_OK;
        int64_t id = 0;
        if (!dure_read_map(read, map, known))
            continue;
        const struct dure_tree *at = dure_read_int(read, map, "job", DURE_REQUIRED, 1, 999999999999999999, &id);
        dure_read_choice(read, map, "if", DURE_OPTIONAL, kinds, &kind);
        if (at)
            job->deps[job->dep_count++] = (struct dure_dep){{(uint64_t)id}, (enum dure_dep_kind)kind};
    }
}

static void set(struct dure_read *read, struct dure_body *body, enum dure_body_field field, const struct dure_tree *at,
                const char *value, size_t length)
{
    enum dure_err err = dure_body_set(body, field, value, length);
    if (err == DURE_E_MEMORY)
        read->no_memory = true;
    else if (err)
        dure_problem_add(read->problems, at, "more text", "at most 64 KiB in one field (a script 1 MiB), 2 MiB in all");
}

/* A field of one line. */
static void read_line(struct dure_read *read, const struct dure_tree *root, const char *key, size_t max,
                      enum dure_body_field field, struct dure_body *body)
{
    const char *text;
    const struct dure_tree *at = dure_read_text(read, root, key, DURE_OPTIONAL, max, &text);
    if (!at)
        return;
    if (strpbrk(text, "\r\n") || !*text)
        dure_problem_add(read->problems, at, NULL, "one line of text");
    else
        set(read, body, field, at, text, strlen(text));
}

static void read_command(struct dure_read *read, const struct dure_tree *list, struct dure_body *body)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, LIST_BYTES_MAX);
    if (list->count == 0)
        dure_problem_add(read->problems, list, "an empty list", "the program and its arguments");
    for (const struct dure_tree *entry = list->first; entry; entry = entry->next) {
        const char *text = dure_read_scalar(read, entry, LIST_BYTES_MAX, "an argument");
        if (text && !*text && entry == list->first)
            dure_problem_add(read->problems, entry, NULL, "the program to run");
        if (text)
            dure_buf_add(&buf, text, strlen(text) + 1);
    }
    if (buf.failed)
        dure_problem_add(read->problems, list, "more text", "a command of at most 64 KiB");
    else
        set(read, body, DURE_BODY_COMMAND, list, buf.data, buf.length);
}

/* A script without an interpreter line runs under /bin/sh. */
static void read_script(struct dure_read *read, const struct dure_tree *field, struct dure_body *body)
{
    static const char shell[] = "#!/bin/sh\n";
    const char *text = dure_read_scalar(read, field, SCRIPT_BYTES_MAX - sizeof shell, "a script");
    if (!text)
        return;
    if (!text[strspn(text, " \t\r\n")]) {
        dure_problem_add(read->problems, field, "an empty script", "the text of a script");
        return;
    }
    if (strncmp(text, "#!", 2) == 0) {
        set(read, body, DURE_BODY_SCRIPT, field, text, strlen(text));
        return;
    }
    const char *whole = dure_arena_printf(read->arena, "%s%s", shell, text);
    if (whole)
        set(read, body, DURE_BODY_SCRIPT, field, whole, strlen(whole));
    read->no_memory |= !whole;
}

static void read_program(struct dure_read *read, const struct dure_tree *root, struct dure_body *body)
{
    const struct dure_tree *script = dure_tree_get(root, "script"), *command = dure_tree_get(root, "command");
    if (script && command)
        dure_problem_key(read->problems, script, "a script beside a command", "one of them");
    else if (!script && !command)
        dure_problem_missing(read->problems, root, "command", "a command: [program, argument, ...], or a script");
    else if (script)
        read_script(read, script, body);
    else if ((command = dure_read_list(read, root, "command", DURE_REQUIRED, 4096)))
        read_command(read, command, body);
}

static bool variable_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return *name && strchr(letters, *name) &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")];
}

static void read_environment(struct dure_read *read, const struct dure_tree *root, struct dure_body *body)
{
    const struct dure_tree *map = dure_tree_get(root, "env");
    if (!map)
        return;
    if (map->kind != DURE_TREE_MAP) {
        dure_problem_add(read->problems, map, NULL, "variables such as 'OMP_NUM_THREADS: 8'");
        return;
    }
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, LIST_BYTES_MAX);
    for (const struct dure_tree *entry = map->first; entry; entry = entry->next) {
        if (!variable_name(entry->key)) {
            dure_problem_key(read->problems, entry, "a name that no variable can have",
                             "letters, digits and _, not a digit first");
            continue;
        }
        const char *text = dure_read_scalar(read, entry, LIST_BYTES_MAX, "text");
        if (!text)
            continue;
        dure_buf_str(&buf, entry->key);
        dure_buf_byte(&buf, '=');
        dure_buf_add(&buf, text, strlen(text) + 1);
    }
    if (buf.failed)
        dure_problem_add(read->problems, map, "more text", "an environment of at most 64 KiB");
    else if (buf.length)
        set(read, body, DURE_BODY_ENVIRONMENT, map, buf.data, buf.length);
}

/* It stands between the words of a command that runs it, so it is no option and needs no quoting. A folder with a colon or a comma in its name cannot be
 * said to Apptainer. */
static void read_image(struct dure_read *read, const struct dure_tree *root, struct dure_body *body)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-/:@";
    static const char *const kinds[] = {"docker://", "oras://", "library://", "https://", NULL};
    const char *image;
    const struct dure_tree *at = dure_read_text(read, root, "image", DURE_OPTIONAL, IMAGE_TEXT_MAX, &image);
    if (!at)
        return;
    unsigned kind = 0;
    while (kinds[kind] && strncmp(image, kinds[kind], strlen(kinds[kind])) != 0)
        kind++;
    if ((*image != '/' && (!kinds[kind] || !image[strlen(kinds[kind])])) || image[strspn(image, letters)] != '\0')
        dure_problem_add(
            read->problems, at, NULL,
            "an absolute path such as /images/train.sif, or docker://, oras://, library:// or https:// and a "
            "name; of letters, digits and ._+-/:@");
    else
        set(read, body, DURE_BODY_IMAGE, at, image, strlen(image));
    const char *workdir = dure_body_text(body, DURE_BODY_WORKDIR);
    if (workdir[strcspn(workdir, ":,")] != '\0')
        dure_problem_add(read->problems, dure_tree_get(root, "workdir"), NULL,
                         "a path without ':' and ',' beside image: a container could not be given it");
}

void dure_job_read_body(struct dure_read *read, const struct dure_tree *root, struct dure_body *body)
{
    read_line(read, root, "name", NAME_TEXT_MAX, DURE_BODY_NAME, body);
    read_program(read, root, body);
    read_environment(read, root, body);
    read_line(read, root, "workdir", PATH_TEXT_MAX, DURE_BODY_WORKDIR, body);
    const struct dure_tree *workdir = dure_tree_get(root, "workdir");
    if (body->field[DURE_BODY_WORKDIR].present && dure_body_text(body, DURE_BODY_WORKDIR)[0] != '/')
        dure_problem_add(read->problems, workdir, NULL, "an absolute path");
    read_line(read, root, "stdout", PATH_TEXT_MAX, DURE_BODY_STDOUT, body);
    read_line(read, root, "stderr", PATH_TEXT_MAX, DURE_BODY_STDERR, body);
    read_image(read, root, body);
    const char *comment;
    const struct dure_tree *at = dure_read_text(read, root, "comment", DURE_OPTIONAL, COMMENT_MAX, &comment);
    if (at)
        set(read, body, DURE_BODY_COMMENT, at, comment, strlen(comment));
}
