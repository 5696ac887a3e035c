#include "kit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tap.h"

enum { BATCH_MAX = 8192, PATHS = 4096 };

const char *kit_path(const char *format, ...)
{
    static char *kept[PATHS]
        __attribute__((used)); /* or the compiler drops what nobody reads, and a leak is reported */
    static unsigned count;
    va_list args;
    va_start(args, format);
    if (count == PATHS || vasprintf(&kept[count], format, args) < 0)
        tap_bail("no room for a path");
    va_end(args);
    return kept[count++];
}

const char *kit_folder(const char *name)
{
    const char *path = kit_path("%s/%s", tap_tempdir(), name);
    if (mkdir(path, 0700))
        tap_bail("cannot make the folder %s", path);
    return path;
}

struct dure_journal_options kit_options(const char *directory)
{
    return (struct dure_journal_options){.directory = directory, .origin = "example.kr/dure", .create = true};
}

struct dure_journal *kit_open(const char *directory)
{
    struct dure_error error = {0};
    struct dure_journal *journal = NULL;
    const struct dure_journal_options options = kit_options(directory);
    if (dure_journal_open(&options, &journal, &error))
        tap_bail("opening %s: %s", directory, error.text);
    return journal;
}

size_t kit_leaf(uint64_t sequence, uint8_t leaf[256])
{
    uint64_t state = sequence + 1;
    const size_t length = 100 + tap_random_below(&state, 100);
    for (size_t i = 0; i < 256; i += 8) {
        const uint64_t word = tap_random(&state);
        memcpy(leaf + i, &word, 8);
    }
    return length;
}

enum dure_err kit_append(struct dure_journal *journal, uint32_t count, bool rows, struct dure_error *error)
{
    static uint8_t leaf[BATCH_MAX][256];
    static struct dure_bytes leaves[BATCH_MAX];
    static struct dure_body_row bodies[BATCH_MAX];
    static struct dure_idem_row idems[BATCH_MAX];
    static char keys[BATCH_MAX][32];
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    if (count > BATCH_MAX)
        tap_bail("a batch of %u", count);
    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = (struct dure_bytes){leaf[i], kit_leaf(head.size + i, leaf[i])};
        bodies[i] = (struct dure_body_row){DURE_BODY_OF_JOB, head.size + i, leaves[i]};
        snprintf(keys[i], sizeof keys[i], "key-%llu", (unsigned long long)head.size + i);
        idems[i] = (struct dure_idem_row){.principal = 7,
                                          .key = keys[i],
                                          .request_hash = head.size + i,
                                          .answer = leaves[i],
                                          .time_us = (int64_t)(head.size + i)};
    }
    const struct dure_journal_batch batch = {.leaves = leaves,
                                             .leaf_count = count,
                                             .bodies = bodies,
                                             .body_count = rows ? count : 0,
                                             .idems = idems,
                                             .idem_count = rows ? count : 0,
                                             .digest = {{head.size + count, 99}},
                                             .time_us = (int64_t)(head.size + count) * 1000};
    return dure_journal_append(journal, &batch, error);
}

static bool same_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    uint64_t *next = context;
    uint8_t want[256];
    if (sequence != *next || length != kit_leaf(sequence, want) || memcmp(leaf, want, length) != 0)
        return false;
    ++*next;
    return true;
}

bool kit_reads_back(struct dure_journal *journal)
{
    struct dure_journal_head head;
    struct dure_error error;
    uint64_t next = 0;
    dure_journal_head(journal, &head);
    if (dure_journal_read(journal, 0, head.size, same_leaf, NULL, &next, &error)) {
        tap_diag("%s", error.text);
        return false;
    }
    return next == head.size;
}

bool kit_file_has(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    char *all = malloc(size + 1);
    const bool has = all && fread(all, 1, size, file) == size && memmem(all, size, bytes, length);
    free(all);
    fclose(file);
    return has;
}

int kit_shell(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
