/* Slurm's hostlists and gres texts. */
#include "engine/slurm/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES_MAX = 255, BRACKETS_MAX = 4, DIGITS_MAX = 9 };

struct names {
    const char **at;
    uint32_t count, capacity, count_max;
    struct dure_arena *arena;
};

static bool put(struct names *names, const char *name)
{
    if (names->count == names->count_max)
        return false;
    if (names->count == names->capacity) {
        const uint32_t capacity = names->capacity ? names->capacity * 2 : 16;
        const char **wider = DURE_ARENA_NEW(names->arena, const char *, capacity);
        if (!wider)
            return false;
        if (names->count)
            memcpy(wider, names->at, names->count * sizeof *wider);
        names->at = wider;
        names->capacity = capacity;
    }
    const char *copy = dure_arena_strdup(names->arena, name);
    if (!copy)
        return false;
    names->at[names->count++] = copy;
    return true;
}

/* "007-012" or "5" at *text, up to one of `ends`. False: neither. */
static bool range(const char **text, uint32_t *first, uint32_t *last, int *width)
{
    char *end;
    const size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX)
        return false;
    *first = *last = (uint32_t)strtoul(*text, &end, 10);
    *width = (int)digits;
    if (*end == '-') {
        const size_t more = strspn(end + 1, "0123456789");
        if (more == 0 || more > DIGITS_MAX)
            return false;
        *last = (uint32_t)strtoul(end + 1, &end, 10);
    }
    *text = end;
    return *first <= *last;
}

/* One element from its `rest` on, with what stands before it in `name`. 0, -1 or -2. */
static int expand(struct names *names, char *name, size_t used, const char *rest, size_t length, unsigned depth)
{
    size_t plain = 0;
    while (plain < length && rest[plain] != '[')
        plain++;
    if (used + plain > NAME_BYTES_MAX || depth > BRACKETS_MAX || memchr(rest, ']', plain))
        return -1;
    memcpy(name + used, rest, plain);
    name[used + plain] = '\0';
    if (plain == length)
        return name[0] ? (put(names, name) ? 0 : -2) : -1;
    used += plain;
    const char *close = memchr(rest + plain, ']', length - plain);
    const char *at = rest + plain + 1;
    if (!close || at == close)
        return -1;
    while (at < close) {
        uint32_t first, last;
        int width;
        if (!range(&at, &first, &last, &width) || (at != close && *at != ',') || (*at == ',' && at + 1 == close))
            return -1;
        for (uint64_t number = first; number <= last; number++) {
            const int digits = snprintf(name + used, NAME_BYTES_MAX + 1 - used, "%0*" PRIu64, width, number);
            if (digits < 0 || used + (size_t)digits > NAME_BYTES_MAX)
                return -1;
            const int code =
                expand(names, name, used + (size_t)digits, close + 1, (size_t)(rest + length - close - 1), depth + 1);
            if (code)
                return code;
        }
        at += *at == ',';
    }
    return 0;
}

int slurm_hostlist(const char *text, uint32_t count_max, struct dure_arena *arena, const char ***ret_names)
{
    struct names names = {.count_max = count_max, .arena = arena};
    char name[NAME_BYTES_MAX + 1];
    if (strlen(text) > SLURM_HOSTLIST_MAX || strpbrk(text, " \t\n"))
        return -1;
    for (const char *at = text; *at;) {
        const char *end = at;
        bool inside = false;
        for (; *end && (inside || *end != ','); end++)
            inside = *end == '[' || (inside && *end != ']');
        const int code = inside ? -1 : expand(&names, name, 0, at, (size_t)(end - at), 0);
        if (code)
            return code;
        if (*end == ',' && !end[1])
            return -1;
        at = end + (*end == ',');
    }
    *ret_names = names.at;
    return (int)names.count;
}

/* "0-1,3" inside (IDX:...) */
static uint64_t mask_of(const char *text)
{
    uint64_t mask = 0;
    while (*text && *text != ')') {
        uint32_t first, last;
        int width;
        if (!range(&text, &first, &last, &width) || last >= DURE_NODE_GPUS_MAX)
            return 0; /* "N/A", or more than we can name */
        for (uint32_t i = first; i <= last; i++)
            mask |= UINT64_C(1) << i;
        if (*text == ',')
            text++;
    }
    return mask;
}

/* One "gpu[:type][:count][(...)]". */
static void read_one(const char *text, size_t length, struct slurm_gres *gres)
{
    const char *end = text + length, *paren = memchr(text, '(', length);
    const char *stop = paren ? paren : end;
    if (stop - text < 3 || strncmp(text, "gpu", 3) != 0 || (text + 3 < stop && text[3] != ':'))
        return;
    const char *type = NULL, *rest = text + 3;
    size_t type_length = 0;
    uint64_t count = 1;
    while (rest < stop) {
        const char *part = rest + 1, *colon = memchr(part, ':', (size_t)(stop - part));
        const size_t part_length = (size_t)((colon ? colon : stop) - part);
        if (part_length && strspn(part, "0123456789") >= part_length && part_length <= DIGITS_MAX)
            count = strtoul(part, NULL, 10);
        else if (part_length) {
            type = part;
            type_length = part_length;
        }
        rest = colon ? colon : stop;
    }
    gres->count += (uint32_t)(count > 65536 ? 65536 : count);
    if (type && type_length <= DURE_NAME_MAX) {
        if (!gres->type[0])
            memcpy(gres->type, type, type_length); /* zeroed before */
        else if (strlen(gres->type) != type_length || memcmp(gres->type, type, type_length) != 0)
            gres->types_many = true;
    }
    const char *index = paren ? strstr(paren, "IDX:") : NULL;
    if (index && index < end)
        gres->mask |= mask_of(index + 4);
}

void slurm_gres_read(const char *text, struct slurm_gres *ret_gres)
{
    struct slurm_gres gres = {0};
    for (const char *at = text; *at;) {
        const char *end = at;
        bool inside = false;
        for (; *end && (inside || *end != ','); end++)
            inside = *end == '(' || (inside && *end != ')');
        read_one(at, (size_t)(end - at), &gres);
        at = end + (*end == ',');
    }
    *ret_gres = gres;
}
