#include "model/read.h"
#include "base/timefmt.h"
#include "model/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dure_read_begin(struct dure_read *read, struct dure_arena *arena, struct dure_problems *problems)
{
    *read =
        (struct dure_read){.arena = arena, .problems = problems, .before = problems->total, .kept = problems->count};
}

bool dure_read_clean(const struct dure_read *read)
{
    return !read->no_memory && read->problems->total == read->before;
}

static bool stands_before(const struct dure_problem *a, const struct dure_problem *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* What was read later may stand earlier; people mend a file from its top. Equal places stay as they were found. */
static void order_problems(struct dure_problems *problems, uint32_t first)
{
    for (uint32_t i = first + 1; i < problems->count; i++) {
        struct dure_problem moving = problems->at[i];
        uint32_t to = i;
        for (; to > first && stands_before(&moving, &problems->at[to - 1]); to--)
            problems->at[to] = problems->at[to - 1];
        problems->at[to] = moving;
    }
}

enum dure_err dure_read_end(struct dure_read *read)
{
    free(read->times);
    read->times = NULL;
    read->time_count = read->time_capacity = 0;
    order_problems(read->problems, read->kept);
    if (read->no_memory)
        return DURE_E_MEMORY;
    return read->problems->total == read->before ? DURE_OK : DURE_E_INVALID;
}

static void refuse_unknown(struct dure_read *read, const struct dure_tree *field, const char *const *known,
                           const char *const *hints)
{
    static const char found[] = "an unknown field";
    if (read->problems->count == DURE_PROBLEMS_MAX) { /* only counted: the text would not be kept */
        dure_problem_key(read->problems, field, found, "a known field");
        return;
    }
    for (unsigned i = 0; hints && hints[i]; i += 2)
        if (strcmp(field->key, hints[i]) == 0) {
            dure_problem_key(read->problems, field, found, "%s", hints[i + 1]);
            return;
        }
    const char *near = dure_nearest(field->key, known);
    if (near) {
        dure_problem_key(read->problems, field, found, "'%s'", near);
        return;
    }
    char all[200] = "";
    unsigned count = 0;
    for (; known[count]; count++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", count ? ", " : "", known[count]);
    }
    if (count > 16)
        dure_problem_key(read->problems, field, found,
                         "one of the %u fields that the reference lists (docs/reference/specs.md)", count);
    else
        dure_problem_key(read->problems, field, found, "one of %s", all);
}

bool dure_read_map(struct dure_read *read, const struct dure_tree *tree, const char *const *known)
{
    return dure_read_map_hints(read, tree, known, NULL);
}

bool dure_read_map_hints(struct dure_read *read, const struct dure_tree *tree, const char *const *known,
                         const char *const *hints)
{
    if (tree->kind != DURE_TREE_MAP) {
        dure_problem_add(read->problems, tree, NULL, "fields such as '%s: ...'", known[0]);
        return false;
    }
    for (const struct dure_tree *field = tree->first; field; field = field->next) {
        unsigned i = 0;
        while (known[i] && (known[i][0] != field->key[0] || strcmp(known[i], field->key) != 0))
            i++;
        if (!known[i])
            refuse_unknown(read, field, known, hints);
    }
    return true;
}

void dure_read_kind(struct dure_read *read, const struct dure_tree *root, const char *kind)
{
    const struct dure_tree *found = dure_tree_get(root, "kind");
    if (!found)
        dure_problem_missing(read->problems, root, "kind", "%s", kind);
    else if (found->kind != DURE_TREE_SCALAR || strcmp(found->text, kind) != 0)
        dure_problem_add(read->problems, found, NULL, "%s", kind);
    uint32_t version = 1;
    dure_read_uint(read, root, "version", DURE_REQUIRED, 1, 1, &version);
}

static const struct dure_tree *get(struct dure_read *read, const struct dure_tree *map, const char *key,
                                   enum dure_need need, const char *expected)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field && need == DURE_REQUIRED)
        dure_problem_missing(read->problems, map, key, "%s", expected);
    return field;
}

/* The field is absent though required, or is not what was expected. */
static const struct dure_tree *refuse(struct dure_read *read, const struct dure_tree *map, const char *key,
                                      enum dure_need need, const struct dure_tree *field, const char *expected)
{
    if (field)
        dure_problem_add(read->problems, field, NULL, "%s", expected);
    else if (need == DURE_REQUIRED)
        dure_problem_missing(read->problems, map, key, "%s", expected);
    return NULL;
}

const struct dure_tree *dure_read_list(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, uint32_t max)
{
    const struct dure_tree *field = get(read, map, key, need, "a list");
    if (!field)
        return NULL;
    if (field->kind != DURE_TREE_LIST) {
        dure_problem_add(read->problems, field, NULL, "a list");
        return NULL;
    }
    if (field->count > max) {
        char found[48];
        snprintf(found, sizeof found, "%u entries", field->count);
        dure_problem_add(read->problems, field, found, "at most %u", max);
        return NULL;
    }
    return field;
}

bool dure_name_valid(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-");
    return length >= 1 && length <= 63 && text[length] == '\0';
}

const char *dure_read_scalar(struct dure_read *read, const struct dure_tree *tree, size_t bytes_max,
                             const char *expected)
{
    bool ignored;
    if (tree->kind != DURE_TREE_SCALAR || dure_tree_is_null(tree)) {
        dure_problem_add(read->problems, tree, NULL, "%s", expected);
        return NULL;
    }
    if (dure_tree_is_bool(tree, &ignored)) {
        dure_problem_add(read->problems, tree, NULL, "%s (put it in quotes to mean the word)", expected);
        return NULL;
    }
    size_t length = strlen(tree->text);
    if (length > bytes_max) {
        char found[48];
        snprintf(found, sizeof found, "%zu bytes", length);
        dure_problem_add(read->problems, tree, found, "%s of at most %zu bytes", expected, bytes_max);
        return NULL;
    }
    const char *copy = dure_arena_strdup(read->arena, tree->text);
    read->no_memory |= !copy;
    return copy;
}

const struct dure_tree *dure_read_text(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, size_t bytes_max, const char **value)
{
    const struct dure_tree *field = get(read, map, key, need, "text");
    const char *text = field ? dure_read_scalar(read, field, bytes_max, "text") : NULL;
    if (!text)
        return NULL;
    *value = text;
    return field;
}

const struct dure_tree *dure_read_name(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, const char **value)
{
    static const char expected[] = "a name of 1 to 63 letters, digits and . _ + -";
    const struct dure_tree *field = get(read, map, key, need, expected);
    const char *text = field ? dure_read_scalar(read, field, 4096, "a name") : NULL;
    if (!text)
        return NULL;
    if (!dure_name_valid(text)) {
        dure_problem_add(read->problems, field, NULL, "%s", expected);
        return NULL;
    }
    *value = text;
    return field;
}

const struct dure_tree *dure_read_int(struct dure_read *read, const struct dure_tree *map, const char *key,
                                      enum dure_need need, int64_t min, int64_t max, int64_t *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    int64_t number;
    if (!field && need == DURE_OPTIONAL)
        return NULL;
    if (field && dure_tree_is_int(field, &number) && number >= min && number <= max) {
        *value = number;
        return field;
    }
    char expected[96];
    const char *quotes = field && field->kind == DURE_TREE_SCALAR && field->quoted ? " without quotes" : "";
    if (min == max)
        snprintf(expected, sizeof expected, "%lld%s", (long long)min, quotes);
    else
        snprintf(expected, sizeof expected, "a whole number from %lld to %lld%s", (long long)min, (long long)max,
                 quotes);
    return refuse(read, map, key, need, field, expected);
}

const struct dure_tree *dure_read_uint(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       enum dure_need need, uint32_t min, uint32_t max, uint32_t *value)
{
    int64_t number;
    const struct dure_tree *field = dure_read_int(read, map, key, need, min, max, &number);
    if (field)
        *value = (uint32_t)number;
    return field;
}

const struct dure_tree *dure_read_bool(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       bool *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field)
        return NULL;
    if (!dure_tree_is_bool(field, value)) {
        dure_problem_add(read->problems, field, NULL, "true or false");
        return NULL;
    }
    return field;
}

const struct dure_tree *dure_read_choice(struct dure_read *read, const struct dure_tree *map, const char *key,
                                         enum dure_need need, const char *const *names, unsigned *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field && need == DURE_OPTIONAL)
        return NULL;
    for (unsigned i = 0; field && field->kind == DURE_TREE_SCALAR && names[i]; i++)
        if (strcmp(field->text, names[i]) == 0) {
            *value = i;
            return field;
        }
    char expected[200] = "";
    for (unsigned i = 0; names[i]; i++) {
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
    }
    return refuse(read, map, key, need, field, expected);
}

const struct dure_tree *dure_read_memory(struct dure_read *read, const struct dure_tree *map, const char *key,
                                         enum dure_need need, uint32_t max_mib, uint32_t *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    uint64_t mib;
    if (!field && need == DURE_OPTIONAL)
        return NULL;
    if (field && field->kind == DURE_TREE_SCALAR && dure_units_memory(field->text, &mib) && mib <= max_mib && mib > 0) {
        *value = (uint32_t)mib;
        return field;
    }
    char expected[96], most[DURE_UNITS_TEXT_MAX];
    snprintf(expected, sizeof expected, "memory such as 512MiB, 180GiB or 2TiB, at most %s",
             dure_units_memory_format(max_mib, most));
    return refuse(read, map, key, need, field, expected);
}

const struct dure_tree *dure_read_power(struct dure_read *read, const struct dure_tree *map, const char *key,
                                        enum dure_need need, uint32_t *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    uint64_t mw;
    if (!field && need == DURE_OPTIONAL)
        return NULL;
    if (field && field->kind == DURE_TREE_SCALAR && dure_units_power(field->text, &mw) && mw <= UINT64_C(4000000000) &&
        mw > 0) {
        *value = (uint32_t)mw;
        return field;
    }
    return refuse(read, map, key, need, field, "power such as 700W, 14.3kW or 1MW, at most 4MW");
}

const struct dure_tree *dure_read_duration(struct dure_read *read, const struct dure_tree *map, const char *key,
                                           enum dure_need need, int64_t min_us, int64_t max_us, int64_t *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    int64_t us;
    if (!field && need == DURE_OPTIONAL)
        return NULL;
    if (field && field->kind == DURE_TREE_SCALAR && dure_duration_parse(field->text, false, &us) && us >= min_us &&
        us <= max_us) {
        *value = us;
        return field;
    }
    char expected[192], least[DURE_TIME_TEXT_MAX], most[DURE_TIME_TEXT_MAX];
    snprintf(expected, sizeof expected, "a duration such as 90s, 15m or 1h30m, from %s to %s",
             dure_duration_format(min_us, least), dure_duration_format(max_us, most));
    return refuse(read, map, key, need, field, expected);
}

const struct dure_tree *dure_read_time(struct dure_read *read, const struct dure_tree *map, const char *key,
                                       int64_t *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field)
        return NULL;
    int64_t us;
    if (field->kind != DURE_TREE_SCALAR || !dure_time_parse(field->text, read->zone, &us)) {
        dure_problem_add(read->problems, field, NULL,
                         "a date such as 2026-03-01 or a time such as 2026-03-01T09:00:00+09:00");
        return NULL;
    }
    if (read->time_count == read->time_capacity) {
        size_t capacity = read->time_capacity ? 2 * read->time_capacity : 64;
        struct dure_read_time *times = realloc(read->times, capacity * sizeof *times);
        if (!times) {
            read->no_memory = true;
            return NULL;
        }
        read->times = times;
        read->time_capacity = capacity;
    }
    read->times[read->time_count++] = (struct dure_read_time){.at = field, .us = us};
    *value = us;
    return field;
}

const struct dure_tree *dure_read_degrees(struct dure_read *read, const struct dure_tree *map, const char *key,
                                          unsigned max, int32_t *value)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (!field)
        return NULL;
    int64_t udeg;
    if (field->kind != DURE_TREE_SCALAR || !dure_units_signed_decimal(field->text, 6, (int64_t)max * 1000000, &udeg)) {
        dure_problem_add(read->problems, field, NULL, "degrees from -%u to %u with at most 6 decimals", max, max);
        return NULL;
    }
    *value = (int32_t)udeg;
    return field;
}
