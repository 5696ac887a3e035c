/* What the journal alone can do: appends of 64 leaves with a body and an answer each, with and without waiting for the disk, and reading a million
 * leaves back and hashing them. One JSON object a line. Uses its own temporary folder.
 *     bench-journal [--batches N] */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "journal/journal.h"
#include "journal/merkle.h"

enum { BATCH = 64, LEAF = 150, BODY = 300, ANSWER = 40 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The system's file layer, its syncs counted, timed and, on request, left out. */
static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    sqlite3_io_methods methods[2]; /* the database's and the others': SQLite locks only the first */
    int (*sync)(sqlite3_file *, int);
    bool skip;
    uint64_t count;
    double seconds;
} layer;

static int count_sync(sqlite3_file *file, int flags)
{
    const double before = now();
    const int rc = layer.skip ? SQLITE_OK : layer.sync(file, flags);
    layer.seconds += now() - before;
    layer.count++;
    return rc;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    const int rc = layer.below->xOpen(layer.below, name, file, flags, ret_flags);
    if (rc == SQLITE_OK && file->pMethods) {
        sqlite3_io_methods *methods = &layer.methods[flags & SQLITE_OPEN_MAIN_DB ? 0 : 1];
        *methods = *file->pMethods;
        layer.sync = methods->xSync;
        methods->xSync = count_sync;
        file->pMethods = methods;
    }
    return rc;
}

static void must(enum dure_err err, const struct dure_error *error)
{
    if (!err)
        return;
    fprintf(stderr, "bench: %s\n", error->text);
    exit(1);
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void append(struct dure_journal *journal, uint32_t batches, uint32_t size, bool rows, const char *name)
{
    static uint8_t bytes[BATCH][BODY];
    static char keys[BATCH][48];
    struct dure_bytes leaves[BATCH];
    struct dure_body_row bodies[BATCH];
    struct dure_idem_row idems[BATCH];
    struct dure_error error;
    struct dure_journal_head head;
    double *took = calloc(batches, sizeof *took);
    dure_journal_head(journal, &head);
    const uint64_t syncs = layer.count;
    const double synced = layer.seconds, start = now();
    for (uint32_t b = 0; b < batches; b++) {
        for (uint32_t i = 0; i < size; i++) {
            const uint64_t sequence = head.size + (uint64_t)b * size + i;
            memcpy(bytes[i], &sequence, sizeof sequence);
            snprintf(keys[i], sizeof keys[i], "0f8fad5b-d9cb-469f-a165-%012" PRIx64, sequence);
            leaves[i] = (struct dure_bytes){bytes[i], LEAF};
            bodies[i] = (struct dure_body_row){DURE_BODY_OF_JOB, sequence, {bytes[i], BODY}};
            idems[i] = (struct dure_idem_row){.principal = 1,
                                              .key = keys[i],
                                              .request_hash = sequence,
                                              .answer = {bytes[i], ANSWER},
                                              .time_us = (int64_t)sequence};
        }
        const struct dure_journal_batch batch = {.leaves = leaves,
                                                 .leaf_count = size,
                                                 .bodies = bodies,
                                                 .body_count = rows ? size : 0,
                                                 .idems = idems,
                                                 .idem_count = rows ? size : 0,
                                                 .time_us = b};
        const double before = now();
        must(dure_journal_append(journal, &batch, &error), &error);
        took[b] = now() - before;
    }
    const double seconds = now() - start;
    qsort(took, batches, sizeof *took, compare);
    printf("{\"bench\":\"journal.%s\",\"batch\":%u,\"leaves_per_s\":%.0f,\"leaves_per_s_without_sync\":%.0f,\"syncs_"
           "per_batch\":%.3f,\"sync_us\":%.0f,"
           "\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f}\n",
           name, size, batches * (double)size / seconds, batches * (double)size / (seconds - (layer.seconds - synced)),
           (double)(layer.count - syncs) / batches, (layer.seconds - synced) / (double)(layer.count - syncs) * 1e6,
           took[batches / 2] * 1e6, took[batches - 1 - batches / 100] * 1e6, took[batches - 1] * 1e6);
    fflush(stdout);
    free(took);
}

static bool hash_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    (void)sequence;
    uint8_t hash[DURE_HASH_BYTES];
    dure_merkle_leaf(leaf, length, hash);
    dure_frontier_add(context, hash);
    return true;
}

static void read_back(struct dure_journal *journal)
{
    struct dure_frontier frontier = {0};
    struct dure_journal_head head;
    struct dure_error error;
    dure_journal_head(journal, &head);
    double start = now();
    must(dure_journal_read(journal, 0, head.size, hash_leaf, NULL, &frontier, &error), &error);
    const double seconds = now() - start;
    uint8_t root[DURE_HASH_BYTES];
    dure_frontier_root(&frontier, root);
    start = now();
    must(dure_journal_verify(journal, &error), &error);
    printf("{\"bench\":\"journal.read\",\"leaves\":%" PRIu64
           ",\"seconds\":%.3f,\"seconds_verify\":%.3f,\"root_agrees\":%s}\n",
           head.size, seconds, now() - start, memcmp(root, head.root, sizeof root) == 0 ? "true" : "false");
}

int main(int argc, char **argv)
{
    uint32_t batches = 4000;
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--batches") == 0)
            batches = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    char folder[] = "/tmp/dure-bench-XXXXXX", command[64];
    if (!mkdtemp(folder) || !batches)
        return 1;
    layer.below = sqlite3_vfs_find(NULL);
    layer.vfs = *layer.below;
    layer.vfs.zName = "bench";
    layer.vfs.xOpen = open_file;
    sqlite3_vfs_register(&layer.vfs, 0);
    const struct dure_journal_options options = {
        .directory = folder, .origin = "bench.example/dure", .create = true, .vfs = "bench"};
    struct dure_journal *journal = NULL;
    struct dure_error error;
    must(dure_journal_open(&options, &journal, &error), &error);
    append(journal, batches, 1, true, "append");
    append(journal, batches, BATCH, true, "append");
    layer.skip = true;
    append(journal, (1000000 + BATCH - 1) / BATCH, BATCH, true, "append_unsynced");
    read_back(journal);
    const double start = now();
    dure_journal_close(journal);
    must(dure_journal_open(&options, &journal, &error), &error);
    printf("{\"bench\":\"journal.reopen\",\"seconds\":%.3f}\n", now() - start);
    dure_journal_close(journal);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}
