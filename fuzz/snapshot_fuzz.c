/* A snapshot's bytes. What the header's reader takes, its writer writes; no length in it may lead beyond the file; and the input as fields makes a header that reads back. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/snapfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { USED = 80 };

static void map(const uint8_t *data, size_t size, const struct dure_snapheader *header)
{
    char path[] = "/tmp/dure-fuzz-XXXXXX", reason[256];
    const int fd = mkstemp(path);
    struct dure_snapshot snapshot = {0};
    if (fd < 0)
        return;
    if (write(fd, data, size) == (ssize_t)size &&
        !dure_snap_map(path, header->version, header->sequence, &snapshot, reason, sizeof reason)) {
        DURE_ASSERT(snapshot.length == header->length && snapshot.length <= size - DURE_SNAP_HEADER);
        DURE_ASSERT(memcmp(snapshot.bytes, data + DURE_SNAP_HEADER, snapshot.length) == 0);
        dure_snapshot_release(&snapshot);
    }
    close(fd);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t page[DURE_SNAP_HEADER];
    struct dure_snapheader header, again;
    if (!dure_snapheader_read(data, size, size, &header)) {
        dure_snapheader_write(&header, page);
        DURE_ASSERT(memcmp(page, data, USED) == 0);
        DURE_ASSERT(header.length <= size);
        map(data, size, &header);
    }
    if (size < sizeof header)
        return 0;
    memcpy(&header, data, sizeof header);
    header.length %= UINT64_C(1) << 40;
    const uint64_t chunks = (header.length + DURE_SNAP_CHUNK - 1) / DURE_SNAP_CHUNK;
    dure_snapheader_write(&header, page);
    DURE_ASSERT(!dure_snapheader_read(page, sizeof page, DURE_SNAP_HEADER + header.length + 16 * chunks, &again));
    DURE_ASSERT(again.version == header.version && again.sequence == header.sequence && again.length == header.length);
    DURE_ASSERT(memcmp(&again.digest, &header.digest, sizeof again.digest) == 0 &&
                memcmp(&again.sums, &header.sums, sizeof again.sums) == 0);
    DURE_ASSERT(dure_snapheader_read(page, sizeof page, DURE_SNAP_HEADER + header.length + 16 * chunks + 1, &again));
    return 0;
}
