/* Snapshots: whole or not there; damaged, foreign, older and misplaced ones are passed over with a note. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/snapfile.h"
#include "kit.h"
#include "tap.h"

enum { VERSION = 3 };

static struct dure_error error;

static void fill(uint8_t *bytes, size_t length, uint64_t seed)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)tap_random(&seed);
}

static enum dure_err take(const char *folder, uint64_t sequence, size_t length, uint32_t version)
{
    struct dure_snapshot_writer *writer = NULL;
    uint8_t *bytes = malloc(length + 1);
    fill(bytes, length, sequence);
    enum dure_err err =
        dure_snapshot_begin(folder, sequence, (struct dure_digest){{sequence, 5}}, version, &writer, &error);
    if (!err) {
        for (size_t at = 0, part = 1; at < length; at += part, part = part * 3 + 1)
            if (!dure_snapshot_write(writer, bytes + at, length - at < part ? length - at : part))
                tap_bail("writing a snapshot");
        err = dure_snapshot_commit(writer, &error);
    }
    free(bytes);
    return err;
}

static bool holds(const struct dure_snapshot *snapshot, uint64_t sequence, size_t length)
{
    uint8_t *want = malloc(length + 1);
    fill(want, length, sequence);
    const bool same = snapshot->sequence == sequence && snapshot->length == length &&
                      snapshot->digest.lane[0] == sequence && snapshot->version == VERSION &&
                      memcmp(snapshot->bytes, want, length) == 0;
    free(want);
    return same;
}

static const char *path_of(const char *folder, uint64_t sequence)
{
    return kit_path("%s/snapshots/%020llu.snapshot", folder, (unsigned long long)sequence);
}

static void round_trips(void)
{
    static const size_t lengths[] = {
        0, 1, DURE_SNAP_CHUNK - 1, DURE_SNAP_CHUNK, DURE_SNAP_CHUNK + 1, 3 * DURE_SNAP_CHUNK + 7};
    const char *folder = kit_folder("trips");
    struct dure_snapshot snapshot = {0};
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_E_NOT_FOUND, "none yet");
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        TAP_EQ_INT(take(folder, i + 10, lengths[i], VERSION), DURE_OK, "%zu bytes", lengths[i]);
        TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_OK, "read");
        TAP_EQ_STR(error.text, "", "without a note");
        TAP_OK(holds(&snapshot, i + 10, lengths[i]), "are the same");
        dure_snapshot_release(&snapshot);
    }
    TAP_EQ_INT(kit_shell("test $(ls %s/snapshots | wc -l) = 2", folder), 0, "the two newest are kept");
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, 14, &snapshot, &error), DURE_OK, "the newest up to 14");
    TAP_OK(holds(&snapshot, 14, lengths[4]), "is 14");
    dure_snapshot_release(&snapshot);
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, 13, &snapshot, &error), DURE_E_NOT_FOUND, "none up to 13");
    TAP_OK(access(path_of(folder, 15), F_OK) == 0, "a newer one is left alone");
    dure_snapshot_release(&snapshot);
    TAP_EQ_INT(take(folder, 12, 100, VERSION), DURE_OK, "a journal that was put back is at 12 again");
    TAP_OK(access(path_of(folder, 15), F_OK) && access(path_of(folder, 14), F_OK),
           "those of the other past are removed");
}

static void unfinished(void)
{
    const char *folder = kit_folder("unfinished");
    struct dure_snapshot_writer *writer = NULL;
    struct dure_snapshot snapshot;
    TAP_EQ_INT(dure_snapshot_begin(folder, 5, (struct dure_digest){{0, 0}}, VERSION, &writer, &error), DURE_OK,
               "begun");
    TAP_OK(dure_snapshot_write(writer, "abc", 3), "written to");
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_E_NOT_FOUND,
               "is not there yet");
    dure_snapshot_abort(writer);
    dure_snapshot_abort(NULL);
    TAP_EQ_INT(kit_shell("test -z \"$(ls %s/snapshots)\"", folder), 0, "nothing is left of an aborted one");
    TAP_EQ_INT(dure_snapshot_begin("/nonexistent", 5, (struct dure_digest){{0, 0}}, VERSION, &writer, &error),
               DURE_E_NOT_FOUND, "no such folder");
}

static void damaged(void)
{
    const char *folder = kit_folder("damaged");
    struct dure_snapshot snapshot = {0};
    const size_t length = 2 * DURE_SNAP_CHUNK + 100;
    TAP_EQ_INT(take(folder, 1, length, VERSION), DURE_OK, "an older one");
    const off_t places[] = {0,
                            9,
                            13,
                            17,
                            25,
                            33,
                            49,
                            65,
                            DURE_SNAP_HEADER,
                            DURE_SNAP_HEADER + DURE_SNAP_CHUNK + 5,
                            DURE_SNAP_HEADER + (off_t)length - 1,
                            DURE_SNAP_HEADER + (off_t)length + 3,
                            DURE_SNAP_HEADER + (off_t)length + 47};
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        TAP_EQ_INT(take(folder, 2, length, VERSION), DURE_OK, "a newer one");
        const char *path = path_of(folder, 2);
        const int fd = open(path, O_RDWR);
        uint8_t byte;
        if (pread(fd, &byte, 1, places[i]) != 1)
            tap_bail("read");
        byte ^= 0x10;
        if (pwrite(fd, &byte, 1, places[i]) != 1)
            tap_bail("write");
        close(fd);
        TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_OK,
                   "damaged at byte %ld: the older one", (long)places[i]);
        TAP_OK(holds(&snapshot, 1, length), "is used");
        TAP_HAS(error.text, "discarded", "with a note");
        TAP_OK(access(path, F_OK) != 0, "and the damaged one is gone");
        dure_snapshot_release(&snapshot);
    }
    for (off_t cut = 0; cut < 5; cut++) {
        TAP_EQ_INT(take(folder, 2, length, VERSION), DURE_OK, "a newer one");
        if (truncate(path_of(folder, 2), cut == 0   ? 0
                                         : cut == 1 ? 100
                                         : cut == 2 ? DURE_SNAP_HEADER
                                         : cut == 3 ? (off_t)length
                                                    : DURE_SNAP_HEADER + (off_t)length + 16))
            tap_bail("truncate");
        TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_OK,
                   "cut short: the older one");
        TAP_EQ_UINT(snapshot.sequence, 1, "is used");
        dure_snapshot_release(&snapshot);
    }
}

static void foreign(void)
{
    const char *folder = kit_folder("foreign");
    struct dure_snapshot snapshot = {0};
    TAP_EQ_INT(take(folder, 7, 100, VERSION + 1), DURE_OK, "another version's");
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_E_NOT_FOUND, "is not used");
    TAP_HAS(error.text, "another version", "and the note says why");
    TAP_EQ_INT(take(folder, 7, 100, VERSION), DURE_OK, "ours");
    TAP_EQ_INT(rename(path_of(folder, 7), path_of(folder, 8)), 0, "under another number");
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_E_NOT_FOUND, "is not used");
    TAP_HAS(error.text, "different sequences", "and the note says why");
    TAP_EQ_INT(kit_shell("echo hello > %s/snapshots/notes.txt; mkdir %s", folder, path_of(folder, 9)), 0,
               "other things in the folder");
    TAP_EQ_INT(dure_snapshot_newest(folder, VERSION, UINT64_MAX, &snapshot, &error), DURE_E_NOT_FOUND,
               "are not snapshots");
    TAP_EQ_INT(kit_shell("test -e %s/snapshots/notes.txt", folder), 0, "and are left alone");
}

int main(void)
{
    round_trips();
    unfinished();
    damaged();
    foreign();
    return tap_done();
}
