#include "base/zone.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONE_FILE_MAX = 256 * 1024, ZONE_NAME_MAX = 64, HEADER = 44 };

/* A loaded version-2 block: pointers into `bytes`. */
struct zone {
    unsigned char *bytes;
    uint32_t times, types;
    const unsigned char *time_at; /* 8 bytes each */
    const unsigned char *type_of; /* 1 byte each */
    const unsigned char *type_at; /* 6 bytes each */
    const char *rule;             /* the footer, terminated; may be empty */
};

static uint32_t be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t be64(const unsigned char *at)
{
    return (int64_t)((uint64_t)be32(at) << 32 | be32(at + 4));
}

/* A name such as "Asia/Seoul": nothing that could leave the zone folder. */
static bool name_ok(const char *zone)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    const size_t length = strlen(zone);
    return length > 0 && length <= ZONE_NAME_MAX && strspn(zone, allowed) == length && zone[0] != '/' &&
           zone[length - 1] != '/';
}

static unsigned char *file_read(const char *zone, size_t *ret_size)
{
    char path[sizeof "/usr/share/zoneinfo/" + ZONE_NAME_MAX];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    FILE *file = fopen(path, "rbe");
    if (!file)
        return NULL;
    unsigned char *bytes = malloc(ZONE_FILE_MAX);
    const size_t size = bytes ? fread(bytes, 1, ZONE_FILE_MAX, file) : 0;
    fclose(file);
    if (size < HEADER || size == ZONE_FILE_MAX) {
        free(bytes);
        return NULL;
    }
    *ret_size = size;
    return bytes;
}

/* The size of the data block that follows the header at `at`, with times of `time_size` bytes. */
static uint64_t block_size(const unsigned char *at, uint64_t time_size)
{
    const uint64_t isut = be32(at + 20), isstd = be32(at + 24), leap = be32(at + 28);
    const uint64_t times = be32(at + 32), types = be32(at + 36), chars = be32(at + 40);
    return times * time_size + times + types * 6 + chars + leap * (time_size + 4) + isstd + isut;
}

static bool is_header(const unsigned char *at)
{
    return memcmp(at, "TZif", 4) == 0 && at[4] >= '2' && be32(at + 28) == 0 && be32(at + 36) > 0;
}

static bool parse(struct zone *zone, size_t size)
{
    unsigned char *at = zone->bytes;
    size_t left = size;
    if (!is_header(at) || block_size(at, 4) > left - HEADER)
        return false;
    const size_t first = HEADER + (size_t)block_size(at, 4);
    at += first;
    left -= first;
    if (left < HEADER || !is_header(at) || block_size(at, 8) > left - HEADER)
        return false;
    zone->times = be32(at + 32);
    zone->types = be32(at + 36);
    zone->time_at = at + HEADER;
    zone->type_of = zone->time_at + (size_t)zone->times * 8;
    zone->type_at = zone->type_of + zone->times;
    for (uint32_t i = 0; i < zone->times; i++)
        if (zone->type_of[i] >= zone->types)
            return false;
    const size_t second = HEADER + (size_t)block_size(at, 8);
    at += second;
    left -= second;
    unsigned char *end = left >= 2 && at[0] == '\n' ? memchr(at + 1, '\n', left - 1) : NULL;
    if (!end)
        return false;
    *end = '\0';
    zone->rule = (const char *)at + 1;
    return true;
}

static bool offset_at(const struct zone *zone, int64_t utc_s, int64_t *ret_offset)
{
    uint32_t low = 0, high = zone->times; /* transitions at or before utc_s */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (be64(zone->time_at + (size_t)middle * 8) <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->times && zone->rule[0])
        return dure_zone_rule_offset(zone->rule, utc_s, ret_offset);
    const unsigned type = low ? zone->type_of[low - 1] : 0;
    *ret_offset = (int32_t)be32(zone->type_at + (size_t)type * 6);
    return true;
}

bool dure_zone_midnight(const char *name, int64_t days, int64_t *ret_s)
{
    struct zone zone = {0};
    size_t size;
    if (!name_ok(name) || !(zone.bytes = file_read(name, &size)))
        return false;
    const int64_t local = days * 86400;
    int64_t before, after, check;
    bool ok = parse(&zone, size) && offset_at(&zone, local - 86400 * 2, &before) &&
              offset_at(&zone, local + 86400 * 2, &after);
    if (ok) {
        /* The larger offset gives the earlier instant: try it first, so that of two midnights the first is taken. In a gap
         * neither fits, and the offset from before the change lands on the change itself. */
        int64_t first = local - (before > after ? before : after);
        int64_t second = local - (before > after ? after : before);
        int64_t result = local - before;
        if (offset_at(&zone, first, &check) && first + check == local)
            result = first;
        else if (offset_at(&zone, second, &check) && second + check == local)
            result = second;
        *ret_s = result;
    }
    free(zone.bytes);
    return ok;
}
