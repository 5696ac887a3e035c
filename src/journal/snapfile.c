#include "journal/snapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 0, LAYOUT = 8, VERSION = 12, SEQUENCE = 16, LENGTH = 24, DIGEST = 32, SUMS = 48, SELF = 64, USED = 80 };

static const char magic[8] = {'D', 'U', 'R', 'E', 'S', 'N', 'A', 'P'};

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static struct dure_digest get_digest(const uint8_t *at)
{
    return (struct dure_digest){{get(at, 8), get(at + 8, 8)}};
}

static bool same(struct dure_digest a, struct dure_digest b)
{
    return a.lane[0] == b.lane[0] && a.lane[1] == b.lane[1];
}

void dure_snap_put_digest(struct dure_digest digest, uint8_t ret_bytes[16])
{
    put(ret_bytes, digest.lane[0], 8);
    put(ret_bytes + 8, digest.lane[1], 8);
}

void dure_snapheader_write(const struct dure_snapheader *header, uint8_t ret_page[DURE_SNAP_HEADER])
{
    memset(ret_page, 0, DURE_SNAP_HEADER);
    memcpy(ret_page + MAGIC, magic, sizeof magic);
    put(ret_page + LAYOUT, DURE_SNAP_LAYOUT, 4);
    put(ret_page + VERSION, header->version, 4);
    put(ret_page + SEQUENCE, header->sequence, 8);
    put(ret_page + LENGTH, header->length, 8);
    dure_snap_put_digest(header->digest, ret_page + DIGEST);
    dure_snap_put_digest(header->sums, ret_page + SUMS);
    dure_snap_put_digest(dure_hash128(DURE_SNAP_DOMAIN, ret_page, SELF), ret_page + SELF);
}

static uint64_t chunks_of(uint64_t length)
{
    return length / DURE_SNAP_CHUNK + (length % DURE_SNAP_CHUNK != 0);
}

const char *dure_snapheader_read(const uint8_t *bytes, size_t length, uint64_t file_length,
                                 struct dure_snapheader *ret_header)
{
    if (length < DURE_SNAP_HEADER)
        return "it is shorter than a header";
    if (memcmp(bytes + MAGIC, magic, sizeof magic) != 0)
        return "it has no snapshot's header (writing it was cut short, or it is another kind of file)";
    if (get(bytes + LAYOUT, 4) != DURE_SNAP_LAYOUT)
        return "another version of this program wrote it";
    if (!same(get_digest(bytes + SELF), dure_hash128(DURE_SNAP_DOMAIN, bytes, SELF)))
        return "its header is damaged";
    struct dure_snapheader header = {.version = (uint32_t)get(bytes + VERSION, 4),
                                     .sequence = get(bytes + SEQUENCE, 8),
                                     .length = get(bytes + LENGTH, 8),
                                     .digest = get_digest(bytes + DIGEST),
                                     .sums = get_digest(bytes + SUMS)};
    if (header.length > UINT64_C(1) << 40 ||
        file_length != DURE_SNAP_HEADER + header.length + 16 * chunks_of(header.length))
        return "it is cut short, or too long";
    *ret_header = header;
    return NULL;
}

bool dure_snap_parse_name(const char *name, uint64_t *ret_sequence)
{
    static const char suffix[] = ".snapshot";
    uint64_t sequence = 0;
    for (unsigned i = 0; i < 20; i++)
        if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(sequence, 10, &sequence) ||
            __builtin_add_overflow(sequence, (uint64_t)(name[i] - '0'), &sequence))
            return false;
    if (strcmp(name + 20, suffix) != 0)
        return false;
    *ret_sequence = sequence;
    return true;
}

static const char *check_sums(const uint8_t *file, const struct dure_snapheader *header)
{
    const uint8_t *state = file + DURE_SNAP_HEADER, *sums = state + header->length;
    struct dure_digest all = {{0, 0}};
    for (uint64_t i = 0, at = 0; at < header->length; i++, at += DURE_SNAP_CHUNK) {
        const uint64_t left = header->length - at;
        const struct dure_digest sum =
            dure_hash128(DURE_SNAP_DOMAIN + i, state + at, left < DURE_SNAP_CHUNK ? (size_t)left : DURE_SNAP_CHUNK);
        if (!same(sum, get_digest(sums + 16 * i)))
            return "its content is damaged";
        all = dure_hash128(all.lane[0] ^ all.lane[1] << 1, sums + 16 * i, 16);
    }
    return same(all, header->sums) ? NULL : "its checksums are damaged";
}

static const char *check(const uint8_t *file, size_t length, uint32_t version, uint64_t sequence,
                         struct dure_snapheader *ret_header)
{
    struct dure_snapheader header;
    const char *wrong = dure_snapheader_read(file, length, length, &header);
    if (wrong)
        return wrong;
    if (header.version != version)
        return "another version of this program wrote it";
    if (header.sequence != sequence)
        return "its name and its header state different sequences";
    wrong = check_sums(file, &header);
    if (!wrong)
        *ret_header = header;
    return wrong;
}

enum dure_err dure_snap_map(const char *path, uint32_t version, uint64_t sequence, struct dure_snapshot *ret_snapshot,
                            char *reason, size_t reason_size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status = {0};
    if (fd < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode)) {
        snprintf(reason, reason_size, "it cannot be opened (%s)", fd < 0 ? strerror(errno) : "not a file");
        if (fd >= 0)
            close(fd);
        return DURE_E_IO;
    }
    const size_t length = (size_t)status.st_size;
    void *file = length ? mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    const int number = errno;
    close(fd);
    if (file == MAP_FAILED) {
        snprintf(reason, reason_size, "%s", length ? strerror(number) : "it is empty");
        return length ? DURE_E_IO : DURE_E_CORRUPT;
    }
    struct dure_snapheader header;
    const char *wrong = check(file, length, version, sequence, &header);
    if (wrong) {
        snprintf(reason, reason_size, "%s", wrong);
        munmap(file, length);
        return DURE_E_CORRUPT;
    }
    *ret_snapshot = (struct dure_snapshot){.sequence = header.sequence,
                                           .digest = header.digest,
                                           .version = header.version,
                                           .bytes = (uint8_t *)file + DURE_SNAP_HEADER,
                                           .length = (size_t)header.length};
    return DURE_OK;
}

void dure_snapshot_release(struct dure_snapshot *snapshot)
{
    if (!snapshot->bytes)
        return;
    munmap((uint8_t *)snapshot->bytes - DURE_SNAP_HEADER,
           (size_t)(DURE_SNAP_HEADER + snapshot->length + 16 * chunks_of(snapshot->length)));
    *snapshot = (struct dure_snapshot){0};
}
