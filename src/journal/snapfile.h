#pragma once
/* The bytes of a snapshot file. Header, little-endian: magic "DURESNAP", layout u32, state's version u32, sequence u64, length u64, digest 16 bytes, hash over the
 * checksums 16 bytes, hash over all of this 16 bytes; zeros to 4096. Then the state, then 16 bytes of checksum for each DURE_SNAP_CHUNK of it. */
#include "journal/journal.h"

enum { DURE_SNAP_HEADER = 4096, DURE_SNAP_CHUNK = 1 << 20, DURE_SNAP_LAYOUT = 1, DURE_SNAP_DOMAIN = 0x536e6170 };

struct dure_snapheader {
    uint32_t version;
    uint64_t sequence, length;
    struct dure_digest digest, sums;
};

void dure_snapheader_write(const struct dure_snapheader *header, uint8_t ret_page[DURE_SNAP_HEADER]);
/* NULL, or why these bytes are no header of a file of `file_length` bytes. */
const char *dure_snapheader_read(const uint8_t *bytes, size_t length, uint64_t file_length,
                                 struct dure_snapheader *ret_header);
void dure_snap_put_digest(struct dure_digest digest, uint8_t ret_bytes[16]);
/* "00000000000000000042.snapshot" */
bool dure_snap_parse_name(const char *name, uint64_t *ret_sequence);
/* Maps a file whose every checksum holds. E_CORRUPT: its content is not a snapshot of this version; E_IO: it could not be read. `reason` says why. */
enum dure_err dure_snap_map(const char *path, uint32_t version, uint64_t sequence, struct dure_snapshot *ret_snapshot,
                            char *reason, size_t reason_size);
