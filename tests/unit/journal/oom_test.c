/* Every allocation of ours and of SQLite's fails once, at opening, appending, reading, proving, backing up and taking a snapshot. Nothing may crash or leak (the sanitizer build
 * looks), what is answered is E_MEMORY, and the journal afterwards holds what was acknowledged, or in addition the batch that was in flight. */
#include "oom.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "faultfs.h"
#include "journal/note.h"
#include "journal/proof.h"
#include "kit.h"
#include "tap.h"

static struct dure_error error;
static sqlite3_mem_methods real;
static long sqlite_left;
static bool sqlite_refused;

static bool refuse(void)
{
    if (!sqlite_left)
        return false;
    if (sqlite_left > 1) {
        sqlite_left--;
        return false;
    }
    return sqlite_refused = true;
}

static void *take(int size)
{
    return refuse() ? NULL : real.xMalloc(size);
}

static void *resize(void *old, int size)
{
    return refuse() ? NULL : real.xRealloc(old, size);
}

static void begin(bool in_sqlite, long nth)
{
    sqlite_refused = false;
    sqlite_left = in_sqlite ? nth : 0;
    oom_begin(in_sqlite ? 0 : nth);
}

static bool end(void)
{
    sqlite_left = 0;
    return oom_end() || sqlite_refused;
}

static bool any_row(void *context, const struct dure_history_row *row)
{
    (void)context;
    return row->job > 0;
}

static bool any_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    (void)sequence, (void)leaf, (void)length;
    ++*(uint64_t *)context;
    return true;
}

static uint64_t size_of(const struct dure_journal *journal)
{
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    return head.size;
}

static enum dure_err look(struct dure_journal *journal)
{
    uint64_t count = 0;
    struct dure_buf buf;
    dure_buf_init(&buf, DURE_PROOF_MAX);
    enum dure_err err = dure_journal_read(journal, 0, size_of(journal), any_leaf, NULL, &count, &error);
    if (!err)
        err = dure_journal_body(journal, DURE_BODY_OF_JOB, 0, &buf, &error);
    const uint32_t tenant = 1;
    const struct dure_history_query query = {
        .before_job = UINT64_MAX, .principal = UINT32_MAX, .limit = 10, .tenants = &tenant, .tenant_count = 1};
    if (!err)
        err = dure_journal_history(journal, &query, any_row, NULL, &error);
    dure_buf_clear(&buf);
    if (!err)
        err = dure_journal_proof(journal, 3, &buf, &error);
    if (!err)
        err = dure_journal_verify(journal, &error);
    dure_buf_release(&buf);
    return err == DURE_E_LIMIT ? DURE_E_MEMORY : err; /* a buffer says only that it could not grow */
}

static enum dure_err snapshot(const char *folder)
{
    struct dure_snapshot_writer *writer = NULL;
    struct dure_snapshot found = {0};
    enum dure_err err = dure_snapshot_begin(folder, 5, (struct dure_digest){{1, 2}}, 1, &writer, &error);
    if (err)
        return err;
    if (!dure_snapshot_write(writer, "state", 5)) {
        dure_snapshot_abort(writer);
        return DURE_E_MEMORY;
    }
    err = dure_snapshot_commit(writer, &error);
    if (!err)
        err = dure_snapshot_newest(folder, 1, UINT64_MAX, &found, &error);
    dure_snapshot_release(&found);
    return err;
}

struct outcome {
    enum dure_err err;
    uint64_t acknowledged, in_flight;
};

static struct outcome live(const char *folder, const char *backup, uint64_t acknowledged)
{
    struct outcome outcome = {.acknowledged = acknowledged};
    struct dure_journal_options options = kit_options(folder);
    options.vfs = "fault";
    struct dure_journal *journal = NULL;
    outcome.err = dure_journal_open(&options, &journal, &error);
    if (outcome.err)
        return outcome;
    outcome.acknowledged = size_of(journal);
    outcome.err = kit_append(journal, 300, true, &error);
    if (outcome.err)
        outcome.in_flight = 300;
    else
        outcome.acknowledged += 300;
    if (!outcome.err)
        outcome.err = look(journal);
    if (!outcome.err)
        outcome.err = snapshot(folder);
    if (!outcome.err)
        outcome.err = dure_journal_backup(journal, backup, false, &error);
    dure_journal_close(journal);
    return outcome;
}

static void every_allocation(bool in_sqlite, const char *name)
{
    const char *folder = kit_folder(name), *backup = kit_path("%s-backup", folder);
    faultfs_clear();
    uint64_t acknowledged = 0;
    unsigned wrong = 0, refusals = 0;
    bool refused = true;
    /* Once without a fault: contexts that live as long as the process are made, and the journal exists. */
    struct outcome outcome = live(folder, backup, 0);
    TAP_EQ_INT(outcome.err, DURE_OK, "with memory all is well");
    acknowledged = outcome.acknowledged;
    for (long nth = 1; refused; nth += 1 + nth / 16) {
        if (kit_shell("rm -rf %s", backup))
            tap_bail("rm");
        begin(in_sqlite, nth);
        outcome = live(folder, backup, acknowledged);
        refused = end();
        refusals += outcome.err == DURE_E_MEMORY;
        /* SQLite does without some of what it asks for; where it cannot, it says so. */
        if (outcome.err && outcome.err != DURE_E_MEMORY) {
            tap_diag("allocation %ld: %s: %s", nth, dure_err_wire(outcome.err), error.text);
            wrong++;
        }
        struct dure_journal_options options = kit_options(folder);
        options.vfs = "fault";
        struct dure_journal *journal = NULL;
        if (dure_journal_open(&options, &journal, &error) ||
            (size_of(journal) != outcome.acknowledged &&
             size_of(journal) != outcome.acknowledged + outcome.in_flight) ||
            !kit_reads_back(journal)) {
            tap_diag("after allocation %ld: %s", nth, journal ? "another size" : error.text);
            wrong++;
        }
        acknowledged = journal ? size_of(journal) : acknowledged;
        dure_journal_close(journal);
    }
    TAP_EQ_INT(wrong, 0, "%s: every refusal is E_MEMORY and loses nothing", name);
    TAP_OK(refusals > 10, "%s: %u refusals were seen", name, refusals);
}

int main(void)
{
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
    sqlite3_mem_methods mine = real;
    mine.xMalloc = take;
    mine.xRealloc = resize;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
    faultfs_register();
    every_allocation(false, "ours");
    every_allocation(true, "sqlite");
    return tap_done();
}
