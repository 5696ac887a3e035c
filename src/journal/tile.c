#include <string.h>

#include "journal/inner.h"

enum dure_err dure_tile_get(struct dure_journal *journal, unsigned level, uint64_t index,
                            uint8_t (*ret_hashes)[DURE_HASH_BYTES], struct dure_error *error)
{
    sqlite3_stmt *get;
    enum dure_err err = dure_sql(journal, DURE_SQL_TILE_GET, &get, error);
    if (err)
        return err;
    sqlite3_bind_int64(get, 1, dure_tile_id(level, index));
    const int rc = sqlite3_step(get);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(get, 0) == DURE_TILE_HASHES * DURE_HASH_BYTES)
        memcpy(ret_hashes, sqlite3_column_blob(get, 0), (size_t)DURE_TILE_HASHES * DURE_HASH_BYTES);
    else if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        err = dure_fail(error, DURE_E_CORRUPT,
                        "tile %u/%llu of the log is missing or damaged: keep the folder as it is, and restore the "
                        "newest backup into an empty one with `dure restore`",
                        level, (unsigned long long)index);
    else
        err = dure_sql_fail(journal, rc, "reading the tree", error);
    sqlite3_reset(get);
    return err;
}

enum dure_err dure_tile_node(struct dure_journal *journal, unsigned height, uint64_t index,
                             uint8_t ret_hash[DURE_HASH_BYTES], struct dure_error *error)
{
    const unsigned level = height / DURE_TILE_BITS, bits = height % DURE_TILE_BITS;
    const uint64_t first = index << bits, tile = first >> DURE_TILE_BITS, size = journal->head.size;
    const size_t at = first & (DURE_TILE_HASHES - 1), count = (size_t)1 << bits;
    uint8_t hashes[DURE_TILE_HASHES][DURE_HASH_BYTES];
    DURE_ASSERT(level < DURE_TILE_LEVELS && first + count <= size >> (DURE_TILE_BITS * level));
    if (tile == size >> (DURE_TILE_BITS * level) >> DURE_TILE_BITS) {
        memcpy(hashes[at], journal->tree->edge[level][at], count * DURE_HASH_BYTES);
    } else {
        const enum dure_err err = dure_tile_get(journal, level, tile, hashes, error);
        if (err)
            return err;
    }
    dure_merkle_fold(hashes + at, count, ret_hash);
    return DURE_OK;
}

static enum dure_err hash_tile(struct dure_journal *journal, unsigned level, uint64_t index, unsigned width,
                               struct dure_buf *ret_tile, struct dure_error *error)
{
    const uint64_t entries = journal->head.size >> (DURE_TILE_BITS * level);
    uint8_t hashes[DURE_TILE_HASHES][DURE_HASH_BYTES];
    const uint8_t(*from)[DURE_HASH_BYTES] = (const uint8_t(*)[DURE_HASH_BYTES])hashes;
    if (index == entries >> DURE_TILE_BITS) {
        from = (const uint8_t(*)[DURE_HASH_BYTES])journal->tree->edge[level];
    } else {
        const enum dure_err err = dure_tile_get(journal, level, index, hashes, error);
        if (err)
            return err;
    }
    dure_buf_add(ret_tile, from, width * (size_t)DURE_HASH_BYTES);
    return DURE_OK;
}

static bool add_entry(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    (void)sequence;
    struct dure_buf *bundle = context;
    dure_buf_byte(bundle, (uint8_t)(length >> 8));
    dure_buf_byte(bundle, (uint8_t)length);
    dure_buf_add(bundle, leaf, length);
    return true;
}

enum dure_err dure_journal_tile(struct dure_journal *journal, int level, uint64_t index, unsigned width,
                                struct dure_buf *ret_tile, struct dure_error *error)
{
    if (level < -1 || level >= DURE_TILE_LEVELS || width < 1 || width > DURE_TILE_HASHES)
        return dure_fail(error, DURE_E_INVALID, "a tile has level -1 (entries) to %d and width 1 to %d",
                         DURE_TILE_LEVELS - 1, DURE_TILE_HASHES);
    const unsigned shift = level < 0 ? 0 : (unsigned)level * DURE_TILE_BITS;
    const uint64_t entries = journal->head.size >> shift;
    if (index > entries >> DURE_TILE_BITS ||
        (index == entries >> DURE_TILE_BITS && width > (entries & (DURE_TILE_HASHES - 1))))
        return dure_fail(error, DURE_E_NOT_FOUND, "that tile lies beyond the log's %llu leaves",
                         (unsigned long long)journal->head.size);
    const uint64_t first = index << DURE_TILE_BITS;
    const enum dure_err err = level < 0
                                  ? dure_journal_read(journal, first, first + width, add_entry, NULL, ret_tile, error)
                                  : hash_tile(journal, (unsigned)level, index, width, ret_tile, error);
    if (err)
        return err;
    return ret_tile->failed ? dure_fail(error, DURE_E_LIMIT, "the tile is longer than %zu bytes", ret_tile->max)
                            : DURE_OK;
}
