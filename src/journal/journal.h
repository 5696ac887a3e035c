#pragma once
/* The journal: an append-only log of leaves in one SQLite file, which is at once a transparency log (RFC 6962 tree, C2SP tlog-tiles and
 * checkpoints, Ed25519). It never knows what a record means: leaves, bodies, snapshots and history rows are bytes.
 *
 * One connection, exclusive, WAL, synchronous=FULL: one append = one transaction = one fsync. A failed append leaves the file as it was;
 * after a failed fsync the caller must end the process (E_IO). Not thread-safe: one thread owns it (dured's store thread). */
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

struct dure_journal;

enum { DURE_JOURNAL_SCHEMA = 1, DURE_ROOT_BYTES = 32 };

struct dure_bytes {
    const void *data;
    size_t length;
};

/* One body row: what may be erased, kept beside the leaves. Key = (kind, id), e.g. a job's or a principal's. */
enum dure_body_kind { DURE_BODY_OF_JOB = 1, DURE_BODY_OF_PRINCIPAL = 2 };
struct dure_body_row {
    enum dure_body_kind kind;
    uint64_t id;
    struct dure_bytes body;
};

/* An answered write: principal and key find it again after a restart. */
struct dure_idem_row {
    uint32_t principal;
    const char *key; /* ≤ 128 bytes */
    uint64_t request_hash;
    struct dure_bytes answer;
    int64_t time_us;
};

/* A projection row of something that has left the core's memory (a finished job or element). */
struct dure_history_row {
    uint64_t job;
    uint32_t element;
    uint32_t tenant;
    uint32_t principal;
    int64_t ended_us;
    struct dure_bytes summary;
};

struct dure_journal_batch {
    const struct dure_bytes *leaves;
    uint32_t leaf_count;
    const struct dure_body_row *bodies;
    uint32_t body_count;
    const struct dure_idem_row *idems;
    uint32_t idem_count;
    const struct dure_history_row *history;
    uint32_t history_count;
    struct dure_digest digest; /* the state's, after the last leaf */
    int64_t time_us;
};

struct dure_journal_options {
    const char *directory; /* holds journal.db, journal.db-wal, key, lock, snapshots */
    const char *origin;    /* the checkpoint's origin line; used when the journal is created, kept in it afterwards */
    bool create;
    bool read_only; /* for `audit verify` without a daemon; a folder that may not be written (a backup) will do */
    bool
        new_key; /* sign with a new key from here on: the old one is lost, or is to be replaced. Recorded in the log's list of signers */
    const char *vfs; /* SQLite's file layer; NULL = the system's. Tests make it fail */
};

struct dure_journal_head {
    uint64_t size; /* leaves */
    uint8_t root[DURE_ROOT_BYTES];
    struct dure_digest digest;
    int64_t time_us;
};

/* Opens, locks (E_LOCKED names the holder's pid), checks the last transaction against the tree (a torn tail is E_CORRUPT with what to do), loads the frontier.
 * The signing key `key` (mode 0600, Ed25519 PKCS#8 PEM) is made on creation; a missing key later is E_NOT_FOUND. */
DURE_NODISCARD enum dure_err dure_journal_open(const struct dure_journal_options *options,
                                               struct dure_journal **ret_journal, struct dure_error *error);
void dure_journal_close(struct dure_journal *journal); /* signs a last checkpoint; NULL is fine */

/* All or nothing and durable on return. E_FULL: rolled back, the disk is full. E_IO: fsync failed, end the process. */
DURE_NODISCARD enum dure_err dure_journal_append(struct dure_journal *journal, const struct dure_journal_batch *batch,
                                                 struct dure_error *error);
void dure_journal_head(const struct dure_journal *journal, struct dure_journal_head *ret_head);
const char *dure_journal_origin(const struct dure_journal *journal);

/* Leaves from..to-1 in order; the callback returns false to stop. Digests of the transaction ends come through `batch` (may be NULL). */
typedef bool (*dure_journal_leaf_fn)(void *context, uint64_t sequence, const void *leaf, size_t length);
typedef bool (*dure_journal_batch_fn)(void *context, uint64_t last_sequence, struct dure_digest digest);
DURE_NODISCARD enum dure_err dure_journal_read(struct dure_journal *journal, uint64_t from, uint64_t to,
                                               dure_journal_leaf_fn leaf, dure_journal_batch_fn batch, void *context,
                                               struct dure_error *error);

DURE_NODISCARD enum dure_err dure_journal_body(struct dure_journal *journal, enum dure_body_kind kind, uint64_t id,
                                               struct dure_buf *ret_body, struct dure_error *error);
typedef bool (*dure_journal_body_fn)(void *context, uint64_t id, const void *body, size_t length);
DURE_NODISCARD enum dure_err dure_journal_bodies(struct dure_journal *journal, enum dure_body_kind kind,
                                                 dure_journal_body_fn body, void *context, struct dure_error *error);
/* Replaces a body by its erased form, overwriting the old bytes (secure_delete, WAL checkpoint and truncate, snapshots rewritten by the caller). */
DURE_NODISCARD enum dure_err dure_journal_body_replace(struct dure_journal *journal, enum dure_body_kind kind,
                                                       uint64_t id, struct dure_bytes body, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_journal_scrub(struct dure_journal *journal,
                                                struct dure_error *error); /* after erasures: checkpoint(TRUNCATE) */

/* Finished work, newest first, below the cursor (job, element); filters NONE32 = any. */
struct dure_history_query {
    uint64_t before_job;
    uint32_t before_element;
    uint32_t tenant_count;
    const uint32_t *tenants;
    uint32_t principal;
    uint32_t limit;
    int64_t since_us;
};
typedef bool (*dure_journal_history_fn)(void *context, const struct dure_history_row *row);
DURE_NODISCARD enum dure_err dure_journal_history(struct dure_journal *journal, const struct dure_history_query *query,
                                                  dure_journal_history_fn row, void *context, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_journal_history_one(struct dure_journal *journal, uint64_t job, uint32_t element,
                                                      struct dure_buf *ret_summary, struct dure_error *error);

/* Idempotency answers not older than the horizon, for the loop's table at start; older ones are deleted. */
typedef bool (*dure_journal_idem_fn)(void *context, const struct dure_idem_row *row);
DURE_NODISCARD enum dure_err dure_journal_idems(struct dure_journal *journal, int64_t not_before_us,
                                                dure_journal_idem_fn row, void *context, struct dure_error *error);

/* Deletes the oldest answers while they are older than the horizon, at most DURE_IDEM_TRIM_MAX a call (one fsync): for idle moments of a long run. */
enum { DURE_IDEM_TRIM_MAX = 4096 };
DURE_NODISCARD enum dure_err dure_journal_idem_trim(struct dure_journal *journal, int64_t not_before_us,
                                                    uint32_t *ret_trimmed, struct dure_error *error);

/* Snapshots: bytes of the state after leaf `sequence`-1. Written to a temporary file, fsynced, renamed; the two newest are kept. An unreadable or
 * foreign one is discarded with a note in `error` and E_NOT_FOUND when none is left: rebuild from records. */
struct dure_snapshot_writer;
DURE_NODISCARD enum dure_err dure_snapshot_begin(const char *directory, uint64_t sequence, struct dure_digest digest,
                                                 uint32_t version, struct dure_snapshot_writer **ret_writer,
                                                 struct dure_error *error);
bool dure_snapshot_write(void *writer, const void *bytes, size_t length); /* fits dure_core_save */
DURE_NODISCARD enum dure_err dure_snapshot_commit(struct dure_snapshot_writer *writer,
                                                  struct dure_error *error); /* frees the writer */
void dure_snapshot_abort(struct dure_snapshot_writer *writer);
struct dure_snapshot {
    uint64_t sequence;
    struct dure_digest digest;
    uint32_t version;
    void *bytes;
    size_t length; /* mapped */
};
DURE_NODISCARD enum dure_err dure_snapshot_newest(const char *directory, uint32_t version, uint64_t sequence_max,
                                                  struct dure_snapshot *ret_snapshot, struct dure_error *error);
void dure_snapshot_release(struct dure_snapshot *snapshot);

/* The transparency log. */
DURE_NODISCARD enum dure_err dure_journal_checkpoint(struct dure_journal *journal, struct dure_buf *ret_note,
                                                     struct dure_error *error); /* signs the present head */
/* C2SP tlog-tiles bytes: level −1 = entry bundle. `width` 1..256; E_NOT_FOUND beyond the head. */
DURE_NODISCARD enum dure_err dure_journal_tile(struct dure_journal *journal, int level, uint64_t index, unsigned width,
                                               struct dure_buf *ret_tile, struct dure_error *error);
/* Inclusion at the present head as a C2SP tlog-proof; proof.h verifies it. */
DURE_NODISCARD enum dure_err dure_journal_proof(struct dure_journal *journal, uint64_t sequence,
                                                struct dure_buf *ret_proof, struct dure_error *error);
/* That the present head begins with what had `old_size` leaves, as C2SP tlog-witness has it: "old N", hashes, blank line, checkpoint. */
DURE_NODISCARD enum dure_err dure_journal_consistency(struct dure_journal *journal, uint64_t old_size,
                                                      struct dure_buf *ret_proof, struct dure_error *error);
/* Writes the file `checkpoint` (the present head, signed) beside the journal; at the next open the journal must begin with that tree, so that
 * a tail that was cut off or an older copy put back is noticed. Done at close and by backups; call it now and then in between. */
DURE_NODISCARD enum dure_err dure_journal_publish(struct dure_journal *journal, struct dure_error *error);
/* Who signed from which size on: the first row is the creation. `note` is the checkpoint that each new key began with, signed by it and,
 * where it was there, by the key before. */
typedef bool (*dure_journal_signer_fn)(void *context, uint64_t size, const uint8_t public_key[32], const char *note);
DURE_NODISCARD enum dure_err dure_journal_signers(struct dure_journal *journal, dure_journal_signer_fn signer,
                                                  void *context, struct dure_error *error);
void dure_journal_public_key(const struct dure_journal *journal, uint8_t ret_public[32]);
/* Reads and hashes everything: every leaf against its transaction's root, every tile against its leaves, and SQLite's own checks.
 * E_CORRUPT names the first difference. About a second for a million leaves. */
DURE_NODISCARD enum dure_err dure_journal_verify(struct dure_journal *journal, struct dure_error *error);
/* The state's digest when the log had `size` leaves, to hold against a snapshot. E_NOT_FOUND: no transaction ended there. */
DURE_NODISCARD enum dure_err dure_journal_digest_at(struct dure_journal *journal, uint64_t size,
                                                    struct dure_digest *ret_digest, struct dure_error *error);

/* A consistent copy of everything (journal, checkpoint, snapshots; the key only if with_key) in an empty or new folder, while the journal is in use, with a
 * MANIFEST that `sha256sum -c` understands. In one go, or in steps between appends so that nobody waits; what is appended meanwhile is in the copy. */
DURE_NODISCARD enum dure_err dure_journal_backup(struct dure_journal *journal, const char *directory, bool with_key,
                                                 struct dure_error *error);
struct dure_backup;
DURE_NODISCARD enum dure_err dure_backup_begin(struct dure_journal *journal, const char *directory, bool with_key,
                                               struct dure_backup **ret_backup, struct dure_error *error);
/* Copies `pages` more pages of 4 KiB (256 take about a millisecond). *ret_done: nothing is left. */
DURE_NODISCARD enum dure_err dure_backup_step(struct dure_backup *backup, int pages, bool *ret_done,
                                              struct dure_error *error);
DURE_NODISCARD enum dure_err dure_backup_commit(struct dure_backup *backup,
                                                struct dure_error *error); /* after done; frees the backup */
void dure_backup_abort(struct dure_backup *backup);                        /* removes what was written */
/* Copies a backup into an empty or new folder and compares every file with the manifest. E_STATE: the folder is not empty. After it, open the journal there. */
DURE_NODISCARD enum dure_err dure_journal_restore(const char *backup, const char *directory, struct dure_error *error);

/* Free bytes of the journal's file system. */
uint64_t dure_journal_free_bytes(const struct dure_journal *journal);
