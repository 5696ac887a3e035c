/* Full disks, failed syncs, power cuts, damage. What must die: acknowledging before the sync (a cut loses acknowledged leaves), going on after a failed sync, keeping the
 * tree of a batch that was rolled back, two syncs a batch, not comparing the root at the start,
 * trusting at the start a WAL whose sync had failed. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faultfs.h"
#include "kit.h"
#include "tap.h"

static struct dure_error error;
static const char *folder;

static enum dure_err open_fault(struct dure_journal **ret_journal)
{
    struct dure_journal_options options = kit_options(folder);
    options.vfs = "fault";
    return dure_journal_open(&options, ret_journal, &error);
}

static struct dure_journal *fresh(const char *name)
{
    struct dure_journal *journal = NULL;
    faultfs_clear();
    folder = kit_folder(name);
    if (open_fault(&journal))
        tap_bail("opening: %s", error.text);
    return journal;
}

static uint64_t size_of(const struct dure_journal *journal)
{
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    return head.size;
}

static void one_sync(void)
{
    struct dure_journal *journal = fresh("one-sync");
    TAP_EQ_INT(kit_append(journal, 1, true, &error), DURE_OK, "the first writes the WAL's header, too");
    const unsigned before = faultfs_syncs();
    for (unsigned i = 0; i < 10; i++)
        TAP_EQ_INT(kit_append(journal, 64, true, &error), DURE_OK, "append");
    TAP_EQ_INT(faultfs_syncs() - before, 10, "one sync a batch");
    dure_journal_close(journal);
}

static void full_disk(void)
{
    struct dure_journal *journal = fresh("full");
    unsigned refused = 0;
    TAP_EQ_INT(kit_append(journal, 300, true, &error), DURE_OK, "before");
    for (unsigned writes = 1; writes < 40; writes++) {
        struct dure_journal_head before, after;
        dure_journal_head(journal, &before);
        faultfs_full_after(writes);
        const enum dure_err err = kit_append(journal, 64, true, &error);
        dure_journal_head(journal, &after);
        faultfs_full_after(0);
        if (!err)
            continue;
        refused++;
        if (err != DURE_E_FULL || memcmp(&before, &after, sizeof before) != 0 || !kit_reads_back(journal))
            TAP_FAIL("write %u: %s", writes, error.text);
    }
    TAP_OK(refused > 10, "%u appends were refused", refused);
    TAP_HAS(error.text, "disk is full", "with a reason");
    TAP_HAS(error.text, "make room", "and what to do");
    TAP_EQ_INT(kit_append(journal, 64, true, &error), DURE_OK, "goes on when there is room");
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "everything verifies");
    const uint64_t size = size_of(journal);
    dure_journal_close(journal);
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "opens again");
    TAP_EQ_UINT(size_of(journal), size, "all there");
    dure_journal_close(journal);
}

/* What was appended stays acknowledged when the WAL cannot be moved into the database for lack of room. */
static void full_while_settling(void)
{
    struct dure_journal *journal = fresh("settling");
    uint64_t size = 0;
    bool refused = false;
    for (unsigned i = 0; i < 400 && !refused; i++) {
        if (i == 20)
            faultfs_full_after(3000);
        const enum dure_err err = kit_append(journal, 256, true, &error);
        refused = err != DURE_OK;
        if (!err)
            size = size_of(journal);
        else
            TAP_EQ_INT(err, DURE_E_FULL, "at last the disk is full");
    }
    TAP_OK(refused, "it was");
    faultfs_power_cut_after(0);
    dure_journal_close(journal);
    faultfs_power_on(0);
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "opens after a cut");
    TAP_EQ_UINT(size_of(journal), size, "with what was acknowledged");
    TAP_OK(kit_reads_back(journal), "which reads back");
    dure_journal_close(journal);
}

static void failed_sync(void)
{
    struct dure_journal *journal = fresh("sync");
    TAP_EQ_INT(kit_append(journal, 64, true, &error), DURE_OK, "before");
    faultfs_sync_fails_after(1);
    TAP_EQ_INT(kit_append(journal, 64, true, &error), DURE_E_IO, "the sync fails");
    TAP_HAS(error.text, "must end", "and the process must end");
    TAP_EQ_INT(kit_append(journal, 64, true, &error), DURE_E_IO, "nothing more is taken");
    struct dure_buf body;
    dure_buf_init(&body, 1000);
    TAP_EQ_INT(dure_journal_body(journal, DURE_BODY_OF_JOB, 1, &body, &error), DURE_E_IO, "nor read");
    dure_buf_release(&body);
    dure_journal_close(journal);
    /* The file may show what the disk never got: the next start must not build on it. */
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "the next process opens");
    TAP_OK(size_of(journal) == 64 || size_of(journal) == 128, "with or without the batch that nobody was told of");
    const uint64_t size = size_of(journal);
    TAP_EQ_INT(kit_append(journal, 1, false, &error), DURE_OK, "and goes on");
    faultfs_power_cut_after(0);
    dure_journal_close(journal);
    faultfs_power_on(0);
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "also after a cut");
    TAP_EQ_UINT(size_of(journal), size + 1, "nothing is missing");
    dure_journal_close(journal);
}

/* Cuts the power at a random write or sync of a random load; what was acknowledged is there afterwards, whole, and at most the batch in flight beside it. */
static void power_cuts(void)
{
    uint64_t seed = tap_seed(20260301);
    unsigned wrong = 0, cuts = 0;
    for (unsigned round = 0; round < 60; round++) {
        struct dure_journal *journal = NULL;
        char name[32];
        snprintf(name, sizeof name, "cut-%u", round);
        faultfs_clear();
        folder = kit_folder(name);
        uint64_t acknowledged = 0, in_flight = 0;
        for (unsigned life = 0; life < 3; life++) {
            faultfs_power_cut_after(1 + (unsigned)tap_random_below(&seed, 400));
            if (!open_fault(&journal)) {
                if (size_of(journal) < acknowledged || size_of(journal) > acknowledged + in_flight ||
                    !kit_reads_back(journal)) {
                    tap_diag("round %u life %u: %llu leaves, %llu acknowledged", round, life,
                             (unsigned long long)size_of(journal), (unsigned long long)acknowledged);
                    wrong++;
                }
                acknowledged = size_of(journal);
                do {
                    in_flight = 1 + tap_random_below(&seed, 100);
                    if (!kit_append(journal, (uint32_t)in_flight, true, &error)) {
                        acknowledged += in_flight;
                        in_flight = 0;
                    }
                } while (!faultfs_is_dead());
                dure_journal_close(journal);
            } else if (!faultfs_is_dead()) {
                tap_diag("round %u life %u: %s", round, life, error.text);
                wrong++;
            }
            cuts += faultfs_is_dead();
            faultfs_power_on(tap_random(&seed));
        }
        if (open_fault(&journal)) {
            tap_diag("round %u: %s", round, error.text);
            wrong++;
            continue;
        }
        if (size_of(journal) < acknowledged || size_of(journal) > acknowledged + in_flight ||
            dure_journal_verify(journal, &error))
            wrong++;
        dure_journal_close(journal);
    }
    TAP_EQ_INT(wrong, 0, "nothing acknowledged is lost by %u power cuts", cuts);
    TAP_OK(cuts >= 150, "the cuts happened");
}

static void damage(void)
{
    struct dure_journal *journal = fresh("damage");
    uint8_t leaf[256];
    for (unsigned i = 0; i < 10; i++)
        TAP_EQ_INT(kit_append(journal, 100, false, &error), DURE_OK, "append");
    dure_journal_close(journal);
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "undamaged");
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "verifies");
    dure_journal_close(journal);
    kit_leaf(950, leaf);
    const int64_t last = faultfs_find("journal.db", leaf + 20, 40);
    TAP_OK(last > 0, "leaf 950 lies in the file");
    faultfs_damage("journal.db", last);
    TAP_EQ_INT(open_fault(&journal), DURE_E_CORRUPT, "a damaged leaf in the unfinished tile shows at the start");
    TAP_HAS(error.text, "its last transaction states", "as what it is");
    TAP_HAS(error.text, "dure restore", "with what to do");
    faultfs_damage("journal.db", last);
    kit_leaf(123, leaf);
    const int64_t early = faultfs_find("journal.db", leaf + 20, 40);
    faultfs_damage("journal.db", early);
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "an early leaf is not read at the start");
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_E_CORRUPT, "but verifying finds it");
    TAP_HAS(error.text, "before leaf 200", "and names the transaction");
    dure_journal_close(journal);
    faultfs_damage("journal.db", early);
    faultfs_damage("journal.db", 3);
    TAP_EQ_INT(open_fault(&journal), DURE_E_CORRUPT, "no database header");
    TAP_HAS(error.text, "damaged", "says so");
    faultfs_damage("journal.db", 3);
    faultfs_remove("journal.db");
    TAP_EQ_INT(open_fault(&journal), DURE_E_CORRUPT, "a journal made anew beside a checkpoint of 1000 leaves");
    TAP_HAS(error.text, "1000 were signed", "is noticed");
}

static void lost_tail(void)
{
    struct dure_journal *journal = fresh("tail");
    TAP_EQ_INT(kit_append(journal, 50, false, &error), DURE_OK, "50");
    dure_journal_close(journal);
    TAP_EQ_INT(open_fault(&journal), DURE_OK, "again");
    TAP_EQ_INT(kit_append(journal, 50, false, &error), DURE_OK, "50 more");
    TAP_EQ_INT(dure_journal_publish(journal, &error), DURE_OK, "a checkpoint of 100");
    faultfs_power_cut_after(0);
    dure_journal_close(journal);
    faultfs_power_on(0);
    faultfs_remove("journal.db-wal");
    TAP_EQ_INT(open_fault(&journal), DURE_E_CORRUPT, "the WAL was removed");
    TAP_HAS(error.text, "journal.db-wal", "the message thinks of it");
}

static void failed_reads(void)
{
    struct dure_journal *journal = fresh("reads");
    for (unsigned i = 0; i < 8; i++)
        TAP_EQ_INT(kit_append(journal, 8000, false, &error), DURE_OK, "append");
    faultfs_read_fails_after(100);
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_E_IO, "a read fails");
    faultfs_read_fails_after(0);
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "and may succeed later");
    TAP_EQ_INT(kit_append(journal, 8, false, &error), DURE_OK, "writing goes on");
    dure_journal_close(journal);
}

/* A real file system's refusal, for the codes that only it gives. */
static void size_limit(void)
{
    const char *real = kit_folder("rlimit");
    const pid_t child = fork();
    if (!child) {
        signal(SIGXFSZ, SIG_IGN);
        struct dure_journal *journal = kit_open(real);
        const struct rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        enum dure_err err = DURE_OK;
        while (!err)
            err = kit_append(journal, 100, true, &error);
        const bool ok =
            err == DURE_E_FULL && kit_append(journal, 100, true, &error) == DURE_E_FULL && kit_reads_back(journal);
        dure_journal_close(journal);
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    TAP_EQ_INT(status, 0, "a file-size limit is a full disk");
    struct dure_journal *journal = kit_open(real);
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "and what was taken is whole");
    dure_journal_close(journal);
}

int main(void)
{
    faultfs_register();
    one_sync();
    full_disk();
    full_while_settling();
    failed_sync();
    power_cuts();
    damage();
    lost_tail();
    failed_reads();
    size_limit();
    return tap_done();
}
