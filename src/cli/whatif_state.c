/* The daemon's state, here: the newest snapshot of its folder, where that can be read, and the record from there on over its API. The daemon only answers reads. */
#include <dirent.h>
#include <inttypes.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/whatif.h"
#include "journal/journal.h"
#include "journal/snapfile.h"

enum { RECORD_ARENA_MAX = 1 << 28, PAST_LEAVES_MAX = 2000000 };

struct reading {
    struct dure_cli *cli;
    struct dure_core *core;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    uint64_t next, size; /* the next leaf; how many there are */
};

static enum dure_err load(struct reading *reading, const char *path, uint64_t sequence)
{
    struct dure_snapshot snapshot;
    struct dure_core *core = NULL;
    char reason[256];
    if (dure_snap_map(path, DURE_CORE_VERSION, sequence, &snapshot, reason, sizeof reason) != DURE_OK)
        return DURE_E_NOT_FOUND;
    const enum dure_err err = dure_core_load(snapshot.bytes, snapshot.length, &core, NULL);
    if (!err) {
        dure_core_free(reading->core);
        reading->core = core;
        reading->next = sequence;
    }
    dure_snapshot_release(&snapshot);
    return err;
}

/* Any snapshot will do, and none; the newest that reads saves the most. */
static void begin(struct reading *reading)
{
    char path[DURE_CLI_PATH_MAX + 96];
    uint64_t limit = reading->size + 1;
    for (unsigned tries = 0; tries < 4 && limit; tries++) {
        uint64_t sequence, best = 0;
        snprintf(path, sizeof path, "%s/snapshots", reading->cli->state);
        DIR *folder = opendir(path);
        const struct dirent *entry;
        while (folder && (entry = readdir(folder)) != NULL)
            if (dure_snap_parse_name(entry->d_name, &sequence) && sequence < limit && sequence > best)
                best = sequence;
        if (folder)
            closedir(folder);
        snprintf(path, sizeof path, "%s/snapshots/%020" PRIu64 ".snapshot", reading->cli->state, best);
        if (!best || load(reading, path, best) == DURE_OK)
            return;
        limit = best;
    }
}

static int take(struct reading *reading, const void *leaf, size_t length)
{
    struct dure_error error = {0};
    struct dure_record record;
    const void *bytes;
    size_t size;
    const int whole = dure_leaves_join_next(&reading->join, leaf, length, &bytes, &size, &error);
    enum dure_err err = whole < 0 ? (enum dure_err)whole : DURE_OK;
    dure_arena_reset(reading->arena);
    if (whole > 0)
        err = dure_record_decode(bytes, size, reading->arena, &record, &error);
    if (whole > 0 && !err)
        err = dure_core_apply(reading->core, &record, &error);
    if (err)
        return dure_cli_fail(reading->cli, DURE_EXIT_NO, "leaf %" PRIu64 ": %s", reading->next, error.text);
    reading->next++;
    return DURE_EXIT_OK;
}

static int take_bundle(struct reading *reading, const uint8_t *bytes, size_t length, uint64_t first, unsigned width)
{
    int code = DURE_EXIT_OK;
    size_t at = 0;
    for (unsigned i = 0; i < width && !code; i++) {
        if (length - at < 2 || length - at - 2 < (size_t)(bytes[at] << 8 | bytes[at + 1]))
            return dure_cli_fail(reading->cli, DURE_EXIT_NO, "the daemon's leaf %" PRIu64 " ends in the middle of it",
                                 first + i);
        const size_t size = (size_t)(bytes[at] << 8 | bytes[at + 1]);
        if (first + i == reading->next)
            code = take(reading, bytes + at + 2, size);
        at += 2 + size;
    }
    return code;
}

static int fetch(struct reading *reading)
{
    int code = DURE_EXIT_OK;
    while (!code && reading->next < reading->size) {
        struct dure_reply reply;
        enum dure_err err;
        char path[128];
        const uint64_t bundle = reading->next / DURE_BUNDLE_WIDTH, left = reading->size - bundle * DURE_BUNDLE_WIDTH;
        const unsigned width = left < DURE_BUNDLE_WIDTH ? (unsigned)left : DURE_BUNDLE_WIDTH;
        dure_audit_bundle_path(bundle, width, path);
        code = dure_cli_fetch(reading->cli, &(struct dure_cli_call){.method = "GET", .path = path}, &reply, &err);
        if (!code)
            code =
                take_bundle(reading, (const uint8_t *)reply.body, reply.body_length, bundle * DURE_BUNDLE_WIDTH, width);
        dure_reply_release(&reply);
    }
    return code;
}

/* ---- the recent past ---- */

struct looking {
    struct dure_cli *cli;
    struct dure_arena *arena;
    struct dure_leaves_join join;
    enum dure_err (*take)(void *context, const struct dure_record *record);
    void *context;
    int64_t first_us; /* of the records met; INT64_MIN: none */
    bool only_first;
};

/* Before the first whole record there may be the rest of a long one: it is passed over. */
static enum dure_err look_at(struct looking *looking, const void *leaf, size_t length)
{
    struct dure_record record;
    const void *bytes;
    size_t size;
    dure_arena_reset(looking->arena);
    const int whole = dure_leaves_join_next(&looking->join, leaf, length, &bytes, &size, NULL);
    if (whole <= 0)
        return whole == 0 || looking->first_us == INT64_MIN ? DURE_OK : (enum dure_err)whole;
    const enum dure_err err = dure_record_decode(bytes, size, looking->arena, &record, NULL);
    if (err)
        return err;
    if (looking->first_us == INT64_MIN)
        looking->first_us = record.time_us;
    return looking->only_first ? DURE_OK : looking->take(looking->context, &record);
}

static int look_in(struct looking *looking, uint64_t bundle, uint64_t size)
{
    struct dure_reply reply;
    enum dure_err err = DURE_OK;
    char path[128];
    const uint64_t left = size - bundle * DURE_BUNDLE_WIDTH;
    const unsigned width = left < DURE_BUNDLE_WIDTH ? (unsigned)left : DURE_BUNDLE_WIDTH;
    dure_audit_bundle_path(bundle, width, path);
    const int code = dure_cli_fetch(looking->cli, &(struct dure_cli_call){.method = "GET", .path = path}, &reply, &err);
    const uint8_t *bytes = (const uint8_t *)reply.body;
    for (size_t at = 0; !code && !err && at + 2 <= reply.body_length;) {
        const size_t length = (size_t)(bytes[at] << 8 | bytes[at + 1]);
        err = length > reply.body_length - at - 2 ? DURE_E_CORRUPT : look_at(looking, bytes + at + 2, length);
        at += 2 + length;
    }
    dure_reply_release(&reply);
    return code || !err ? code
                        : dure_cli_fail(looking->cli, dure_exit_of(err), "the record of the recent past: %s",
                                        dure_err_sentence(err));
}

/* The last bundle whose first record is before then: times never decrease. */
static int seek(struct looking *looking, uint64_t size, int64_t since_us, uint64_t *ret_bundle)
{
    const uint64_t bundles = (size + DURE_BUNDLE_WIDTH - 1) / DURE_BUNDLE_WIDTH;
    uint64_t low = size > PAST_LEAVES_MAX ? (size - PAST_LEAVES_MAX) / DURE_BUNDLE_WIDTH : 0, high = bundles - 1;
    looking->only_first = true;
    while (low < high) {
        const uint64_t middle = (low + high + 1) / 2;
        looking->first_us = INT64_MIN;
        dure_buf_clear(&looking->join.whole);
        looking->join.expected_chunks = 0;
        const int code = look_in(looking, middle, size);
        if (code)
            return code;
        if (looking->first_us != INT64_MIN && looking->first_us < since_us)
            low = middle;
        else
            high = middle - 1;
    }
    looking->only_first = false;
    looking->first_us = INT64_MIN;
    dure_buf_clear(&looking->join.whole);
    looking->join.expected_chunks = 0;
    *ret_bundle = low;
    return DURE_EXIT_OK;
}

int dure_whatif_records(struct dure_cli *cli, uint64_t size, int64_t since_us,
                        enum dure_err (*each)(void *context, const struct dure_record *record), void *context)
{
    struct looking looking = {.cli = cli, .arena = dure_arena_new(RECORD_ARENA_MAX), .take = each, .context = context};
    uint64_t bundle = 0;
    int code = !looking.arena ? dure_cli_memory(cli) : size ? seek(&looking, size, since_us, &bundle) : DURE_EXIT_OK;
    for (; !code && bundle * DURE_BUNDLE_WIDTH < size; bundle++)
        code = look_in(&looking, bundle, size);
    dure_buf_release(&looking.join.whole);
    dure_arena_free(looking.arena);
    return code;
}

int dure_whatif_size(struct dure_cli *cli, uint64_t *ret_size)
{
    struct dure_reply reply;
    enum dure_err err;
    int code =
        dure_cli_fetch(cli, &(struct dure_cli_call){.method = "GET", .path = "/v1/audit/checkpoint"}, &reply, &err);
    const char *line = !code ? strchr(reply.body, '\n') : NULL;
    if (!code && (!line || sscanf(line + 1, "%" SCNu64, ret_size) != 1))
        code = dure_cli_fail(cli, DURE_EXIT_NO, "the daemon's checkpoint cannot be read");
    dure_reply_release(&reply);
    return code;
}

int dure_whatif_state(struct dure_cli *cli, uint64_t size, struct dure_core **ret_core)
{
    struct reading reading = {.cli = cli, .size = size, .arena = dure_arena_new(RECORD_ARENA_MAX)};
    int code = !reading.arena || dure_core_new(&reading.core) ? dure_cli_memory(cli) : DURE_EXIT_OK;
    if (!code) {
        begin(&reading);
        code = fetch(&reading);
    }
    dure_buf_release(&reading.join.whole);
    dure_arena_free(reading.arena);
    if (code)
        dure_core_free(reading.core);
    else
        *ret_core = reading.core;
    return code;
}
