#pragma once
/* What the journal's own files share; nobody else includes it. */
#include <sqlite3.h>

#include "journal/journal.h"
#include "journal/merkle.h"
#include "journal/note.h"
#include "journal/tree.h"

enum {
    DURE_APPLICATION_ID = 0x64757265, /* "dure" in the file's header, for file(1) and for us */
    DURE_PAGE_BYTES = 4096,
    DURE_CACHE_KIB = 8192,
    DURE_WAL_PAGES = 2048,        /* checkpoint the WAL past this: 8 MiB, some 10 ms */
    DURE_LEAF_BYTES_MAX = 65535,  /* an entry's length is 16 bits in a C2SP bundle */
    DURE_ROW_BYTES_MAX = 1 << 20, /* leaves of one row; a longer batch takes more rows */
    DURE_BATCH_BYTES_MAX = 1 << 28,
    DURE_BODY_BYTES_MAX = 1 << 22,
    DURE_KEY_MAX = 128,
};

/* Prepared when first used, kept until the end. Leaves lie in `bundle`: one row a batch (more when large), the row's `leaves` being the entries
 * as in a C2SP entry bundle (16-bit length, bytes); the last row of a batch carries what is true after it. */
#define DURE_STATEMENTS(X)                                                                                             \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                                        \
    X(COMMIT, "COMMIT")                                                                                                \
    X(ROLLBACK, "ROLLBACK")                                                                                            \
    X(BUNDLE_ADD, "INSERT INTO bundle(first, count, leaves, time_us, digest, root) VALUES(?1, ?2, ?3, ?4, ?5, ?6)")    \
    X(BUNDLE_LAST, "SELECT first, count, time_us, digest, root FROM bundle ORDER BY first DESC LIMIT 1")               \
    X(BUNDLE_AT, "SELECT max(first) FROM bundle WHERE first <= ?1")                                                    \
    X(BUNDLE_READ, "SELECT first, count, leaves, digest, root FROM bundle WHERE first >= ?1 ORDER BY first")           \
    X(TILE_ADD, "INSERT INTO tile(id, hashes) VALUES(?1, ?2)")                                                         \
    X(TILE_GET, "SELECT hashes FROM tile WHERE id = ?1")                                                               \
    X(JOB_BODY_PUT,                                                                                                    \
      "INSERT INTO job_body(id, body) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET body = excluded.body")              \
    X(JOB_BODY_GET, "SELECT body FROM job_body WHERE id = ?1")                                                         \
    X(JOB_BODY_ALL, "SELECT id, body FROM job_body ORDER BY id")                                                       \
    X(PRINCIPAL_BODY_PUT,                                                                                              \
      "INSERT INTO principal_body(id, body) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET body = excluded.body")        \
    X(PRINCIPAL_BODY_GET, "SELECT body FROM principal_body WHERE id = ?1")                                             \
    X(PRINCIPAL_BODY_ALL, "SELECT id, body FROM principal_body ORDER BY id")                                           \
    X(IDEM_ADD, "INSERT INTO idem(time_us, principal, request_hash, key, answer) VALUES(?1, ?2, ?3, ?4, ?5)")          \
    X(IDEM_ALL, "SELECT time_us, principal, request_hash, key, answer FROM idem WHERE time_us >= ?1 ORDER BY id")      \
    X(IDEM_TRIM, "DELETE FROM idem WHERE id IN (SELECT id FROM idem ORDER BY id LIMIT ?2) AND time_us < ?1")           \
    X(HISTORY_ADD,                                                                                                     \
      "INSERT INTO history(job, element, tenant, principal, ended_us, summary) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"         \
      " ON CONFLICT(job, element) DO UPDATE SET tenant = excluded.tenant, principal = excluded.principal,"             \
      " ended_us = excluded.ended_us, summary = excluded.summary")                                                     \
    X(HISTORY_ONE, "SELECT tenant, principal, ended_us, summary FROM history WHERE job = ?1 AND element = ?2")         \
    X(HISTORY_ALL,                                                                                                     \
      "SELECT job, element, tenant, principal, ended_us, summary FROM history WHERE (job, element) < (?1, ?2)"         \
      " AND ended_us >= ?3 ORDER BY job DESC, element DESC LIMIT ?4")                                                  \
    X(HISTORY_OF_PRINCIPAL, "SELECT job, element FROM history WHERE principal = ?5 AND (job, element) < (?1, ?2)"      \
                            " AND ended_us >= ?3 ORDER BY job DESC, element DESC LIMIT ?4")                            \
    X(HISTORY_OF_TENANT,                                                                                               \
      "SELECT job, element FROM history WHERE tenant = ?5 AND (job, element) < (?1, ?2)"                               \
      " AND ended_us >= ?3 AND (?6 < 0 OR principal = ?6) ORDER BY job DESC, element DESC LIMIT ?4")                   \
    X(SIGNER_ADD, "INSERT INTO signer(id, size, public_key, note) VALUES(?1, ?2, ?3, ?4)")                             \
    X(SIGNER_LAST, "SELECT id, public_key FROM signer ORDER BY id DESC LIMIT 1")                                       \
    X(SIGNER_ALL, "SELECT size, public_key, note FROM signer ORDER BY id")                                             \
    X(META_GET, "SELECT value FROM meta WHERE name = ?1")                                                              \
    X(META_PUT, "INSERT INTO meta(name, value) VALUES(?1, ?2)")

enum dure_statement {
#define X(name, sql) DURE_SQL_##name,
    DURE_STATEMENTS(X)
#undef X
        DURE_SQL_COUNT
};

struct dure_journal {
    sqlite3 *db;
    sqlite3_stmt *statement[DURE_SQL_COUNT];
    char *directory;
    char origin[DURE_ORIGIN_MAX + 1];
    int lock_fd; /* −1: none */
    bool read_only;
    bool broken;                /* a write to disk failed in a way that leaves unknown what the disk holds */
    struct dure_signer *signer; /* NULL when read-only */
    uint8_t public_key[32];
    struct dure_tiling *tree, *next; /* next: scratch of an append */
    struct dure_buf row;             /* scratch: the leaves of one row */
    int wal_pages, wal_pages_max;    /* written since the last checkpoint; when to do one */
    struct dure_journal_head head;
};

/* sql.c: SQLite's codes become ours here and nowhere else. */
/* The statement, prepared now if it was not; kept by the journal. */
DURE_NODISCARD enum dure_err dure_sql(struct dure_journal *journal, enum dure_statement which,
                                      sqlite3_stmt **ret_statement, struct dure_error *error);
/* Steps a statement that returns no rows, and resets it. */
DURE_NODISCARD enum dure_err dure_sql_run(struct dure_journal *journal, sqlite3_stmt *statement, const char *doing,
                                          struct dure_error *error);
/* Translates a code other than OK, ROW, DONE; marks the journal broken after a failed sync. */
enum dure_err dure_sql_fail(struct dure_journal *journal, int rc, const char *doing, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_sql_exec(struct dure_journal *journal, const char *sql, const char *doing,
                                           struct dure_error *error);
DURE_NODISCARD enum dure_err dure_sql_begin(struct dure_journal *journal, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_sql_commit(struct dure_journal *journal, struct dure_error *error);
void dure_sql_rollback(struct dure_journal *journal);
enum dure_err dure_journal_broken(struct dure_error *error); /* E_IO, with the sentence */

/* rows.c: a batch's bodies, answers and history, inside its transaction. */
DURE_NODISCARD enum dure_err dure_rows_add(struct dure_journal *journal, const struct dure_journal_batch *batch,
                                           struct dure_error *error);

/* schema.c */
DURE_NODISCARD enum dure_err dure_schema_open(struct dure_journal *journal, const struct dure_journal_options *options,
                                              bool *ret_created, struct dure_error *error);

/* lock.c: E_LOCKED names the holder. */
DURE_NODISCARD enum dure_err dure_lock_take(const char *directory, int *ret_fd, struct dure_error *error);

/* read.c: what dure_journal_read does, with all that a transaction's last row states (time_us is not filled in). */
struct dure_reader {
    dure_journal_leaf_fn leaf;
    bool (*end)(void *context, const struct dure_journal_head *end); /* NULL: not wanted */
    void *context;
};
DURE_NODISCARD enum dure_err dure_read(struct dure_journal *journal, uint64_t from, uint64_t to,
                                       const struct dure_reader *reader, struct dure_error *error);

/* edge.c: the tree's right edge, read from tiles and the last leaves, and compared with the stored root. */
DURE_NODISCARD enum dure_err dure_edge_load(struct dure_journal *journal, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_digest_column(sqlite3_stmt *statement, int column, struct dure_digest *ret_digest);

/* tile.c: the hash of the complete subtree of 2^height leaves that is the index-th of its height. */
DURE_NODISCARD enum dure_err dure_tile_node(struct dure_journal *journal, unsigned height, uint64_t index,
                                            uint8_t ret_hash[DURE_HASH_BYTES], struct dure_error *error);
/* A full tile's hashes from the store. E_CORRUPT: not there. */
DURE_NODISCARD enum dure_err dure_tile_get(struct dure_journal *journal, unsigned level, uint64_t index,
                                           uint8_t (*ret_hashes)[DURE_HASH_BYTES], struct dure_error *error);
/* Level 0 comes last, so that the tiles written most often are appended at the table's end. */
static inline int64_t dure_tile_id(unsigned level, uint64_t index)
{
    return (int64_t)((uint64_t)(DURE_TILE_LEVELS - level) << 56 | index);
}

/* proof.c: the root when the log had `size` leaves. */
DURE_NODISCARD enum dure_err dure_root_at(struct dure_journal *journal, uint64_t size,
                                          uint8_t ret_root[DURE_HASH_BYTES], struct dure_error *error);

/* signing.c: the key file, the signer table, and the published checkpoint file. */
DURE_NODISCARD enum dure_err dure_signing_open(struct dure_journal *journal, const struct dure_journal_options *options,
                                               bool created, struct dure_error *error);
/* The checkpoint last written beside the journal must be of a tree that this one begins with. */
DURE_NODISCARD enum dure_err dure_signing_check(struct dure_journal *journal, struct dure_error *error);
