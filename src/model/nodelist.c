/* Hostlists, read: "a-[01-04,07],b-3" to the nodes of a fleet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/fleet.h"

struct expansion {
    const struct dure_fleet *fleet;
    uint32_t *nodes;
    uint32_t count, count_max;
    struct dure_error *error;
};

static enum dure_err add_name(struct expansion *to, const char *name)
{
    struct dure_node_id node;

    if (!dure_fleet_node_find(to->fleet, name, &node))
        return dure_fail(to->error, DURE_E_NOT_FOUND, "there is no node '%s'", name);
    for (uint32_t i = to->count; i > 0 && to->count - i < 64; i--) /* ranges ascend: a repeat is near */
        if (to->nodes[i - 1] == node.v)
            return DURE_OK;
    if (to->count >= to->count_max)
        return dure_fail(to->error, DURE_E_LIMIT, "more than %u nodes at once", to->count_max);
    to->nodes[to->count++] = node.v;
    return DURE_OK;
}

/* One range "01-04" or "7" between prefix and suffix; moves *at behind it. */
static enum dure_err add_range(struct expansion *to, const char *prefix, size_t prefix_length, const char **at,
                               const char *suffix, size_t suffix_length)
{
    char name[DURE_NAME_MAX + 1];
    size_t width = strspn(*at, "0123456789");
    unsigned long long first = strtoull(*at, NULL, 10);
    unsigned long long last = first;
    const char *rest = *at + width;
    enum dure_err err = DURE_OK;

    if (width == 0 || width > 18)
        return dure_fail(to->error, DURE_E_INVALID, "hostlist: expected numbers such as [01-04,07]");
    if (*rest == '-') {
        size_t width_last = strspn(rest + 1, "0123456789");
        last = strtoull(rest + 1, NULL, 10);
        if (width_last == 0 || width_last > 18 || last < first)
            return dure_fail(to->error, DURE_E_INVALID, "hostlist: expected an ascending range such as [01-04]");
        rest += 1 + width_last;
    }
    for (unsigned long long number = first; number <= last && err == DURE_OK; number++) {
        int length = snprintf(name, sizeof name, "%.*s%0*llu%.*s", (int)prefix_length, prefix, (int)width, number,
                              (int)suffix_length, suffix);
        if (length >= (int)sizeof name)
            return dure_fail(to->error, DURE_E_INVALID, "hostlist: a name is longer than %d bytes", DURE_NAME_MAX);
        err = add_name(to, name);
    }
    *at = rest;
    return err;
}

static enum dure_err add_item(struct expansion *to, const char *item, size_t length)
{
    const char *open = memchr(item, '[', length);
    const char *close = memchr(item, ']', length);
    char name[DURE_NAME_MAX + 1];
    enum dure_err err = DURE_OK;

    if (length == 0)
        return dure_fail(to->error, DURE_E_INVALID, "hostlist: an empty name");
    if (open == NULL && close == NULL) {
        if (length > DURE_NAME_MAX)
            return dure_fail(to->error, DURE_E_INVALID, "hostlist: a name is longer than %d bytes", DURE_NAME_MAX);
        memcpy(name, item, length);
        name[length] = '\0';
        return add_name(to, name);
    }
    if (open == NULL || close == NULL || close < open ||
        memchr(open + 1, '[', (size_t)(item + length - open - 1)) != NULL)
        return dure_fail(to->error, DURE_E_INVALID, "hostlist: expected one pair of brackets in '%.*s'", (int)length,
                         item);
    for (const char *at = open + 1; at < close && err == DURE_OK;) {
        err = add_range(to, item, (size_t)(open - item), &at, close + 1, (size_t)(item + length - close - 1));
        if (err == DURE_OK && at < close && *at++ != ',')
            err = dure_fail(to->error, DURE_E_INVALID, "hostlist: expected ',' or ']' in '%.*s'", (int)length, item);
    }
    return err;
}

enum dure_err dure_fleet_nodes(const struct dure_fleet *fleet, const char *text, uint32_t *nodes, uint32_t count_max,
                               uint32_t *ret_count, struct dure_error *error)
{
    struct expansion to = {.fleet = fleet, .nodes = nodes, .count_max = count_max, .error = error};
    enum dure_err err = DURE_OK;

    for (;;) {
        size_t length = 0;
        bool inside = false;
        while (text[length] != '\0' && (inside || text[length] != ',')) {
            inside = (inside || text[length] == '[') && text[length] != ']';
            length++;
        }
        err = add_item(&to, text, length);
        if (err != DURE_OK)
            return err;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    *ret_count = to.count;
    return DURE_OK;
}
