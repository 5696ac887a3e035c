#include <string.h>

#include "api/inner.h"

/* Is `path` an instance of `pattern`? Every part in braces takes one whole segment; the last one of a pattern ending in "*}" takes the rest. */
static bool match(const char *pattern, const char *path, char part[CALL_PARTS_MAX][CALL_PART_MAX])
{
    unsigned parts = 0;

    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *close = strchr(pattern, '}');
        bool rest = close[-1] == '*';
        size_t length = rest ? strlen(path) : strcspn(path, "/");
        if (length == 0 || parts >= CALL_PARTS_MAX || !dure_http_decode(path, length, part[parts], CALL_PART_MAX))
            return false;
        parts++;
        path += length;
        pattern = close + 1;
    }
    return *path == '\0';
}

const struct route *route_find(enum dure_http_method method, const char *path, char part[CALL_PARTS_MAX][CALL_PART_MAX],
                               bool *ret_other)
{
    for (unsigned i = 0; i < dure_route_count; i++) {
        if (!match(dure_routes[i].path, path, part))
            continue;
        if (dure_routes[i].method == method)
            return &dure_routes[i];
        *ret_other = true;
    }
    return NULL;
}
