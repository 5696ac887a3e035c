/* Backups and restores, erasure, history, the change of keys, and reading where nothing may be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/note.h"
#include "kit.h"
#include "tap.h"

static struct dure_error error;

static uint64_t size_of(const struct dure_journal *journal)
{
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    return head.size;
}

static void snapshot(const char *folder, uint64_t sequence)
{
    struct dure_snapshot_writer *writer = NULL;
    if (dure_snapshot_begin(folder, sequence, (struct dure_digest){{1, 2}}, 1, &writer, &error) ||
        !dure_snapshot_write(writer, "state", 5) || dure_snapshot_commit(writer, &error))
        tap_bail("%s", error.text);
}

static void backups(void)
{
    const char *folder = kit_folder("live"), *base = kit_folder("backups");
    struct dure_journal *journal = kit_open(folder), *copy = NULL;
    const char *one = kit_path("%s/one", base), *two = kit_path("%s/two", base), *back = kit_path("%s/back", base);
    TAP_EQ_INT(kit_append(journal, 5000, true, &error), DURE_OK, "append");
    snapshot(folder, 4000);
    TAP_EQ_INT(dure_journal_backup(journal, one, false, &error), DURE_OK, "a backup without the key");
    TAP_EQ_INT(
        kit_shell("cd %s && sha256sum -c --quiet MANIFEST && test ! -e key && test -e snapshots/*.snapshot", one), 0,
        "sha256sum agrees with its manifest");
    TAP_EQ_INT(dure_journal_backup(journal, one, false, &error), DURE_E_STATE, "not over another");
    TAP_HAS(error.text, "not empty", "says so");
    struct dure_backup *backup = NULL;
    TAP_EQ_INT(dure_backup_begin(journal, two, true, &backup, &error), DURE_OK, "one in steps");
    bool done = false;
    for (unsigned i = 0; !done; i++) {
        if (dure_backup_step(backup, 100, &done, &error))
            tap_bail("%s", error.text);
        if (i < 10 && !done)
            TAP_EQ_INT(kit_append(journal, 10, true, &error), DURE_OK, "while appends go on");
    }
    const uint64_t size = size_of(journal);
    TAP_EQ_INT(kit_append(journal, 10, true, &error), DURE_OK, "also after the last step");
    TAP_EQ_INT(dure_backup_commit(backup, &error), DURE_OK, "done");
    dure_journal_close(journal);
    TAP_EQ_INT(dure_journal_restore(two, back, &error), DURE_OK, "restored");
    TAP_EQ_INT(dure_journal_restore(two, back, &error), DURE_E_STATE, "not over another");
    struct dure_journal_options options = kit_options(back);
    options.create = false;
    TAP_EQ_INT(dure_journal_open(&options, &copy, &error), DURE_OK, "opens");
    TAP_OK(size > 5030 && size_of(copy) == size, "with what was there at the last step");
    TAP_OK(kit_reads_back(copy), "and reads back");
    TAP_EQ_INT(dure_journal_verify(copy, &error), DURE_OK, "and verifies");
    TAP_EQ_INT(kit_append(copy, 1, true, &error), DURE_OK, "and goes on");
    dure_journal_close(copy);
    TAP_EQ_INT(kit_shell("rm -r %s", back), 0, "again");
    TAP_EQ_INT(dure_journal_restore(one, back, &error), DURE_OK, "the one without the key");
    options.directory = back;
    TAP_EQ_INT(dure_journal_open(&options, &copy, &error), DURE_E_NOT_FOUND, "does not open");
    TAP_HAS(error.text, "signing key", "for want of it");
    options.new_key = true;
    TAP_EQ_INT(dure_journal_open(&options, &copy, &error), DURE_OK, "but does with a new one");
    dure_journal_close(copy);
}

static void bad_backups(void)
{
    const char *folder = kit_folder("bad-live"), *base = kit_folder("bad");
    struct dure_journal *journal = kit_open(folder);
    const char *backup = kit_path("%s/backup", base), *back = kit_path("%s/back", base);
    TAP_EQ_INT(kit_append(journal, 500, true, &error), DURE_OK, "append");
    TAP_EQ_INT(dure_journal_backup(journal, backup, true, &error), DURE_OK, "a backup");
    struct dure_backup *aborted = NULL;
    TAP_EQ_INT(dure_backup_begin(journal, kit_path("%s/aborted", base), true, &aborted, &error), DURE_OK, "one begun");
    dure_backup_abort(aborted);
    TAP_OK(access(kit_path("%s/aborted", base), F_OK) != 0, "and aborted leaves nothing");
    TAP_EQ_INT(dure_journal_backup(journal, "/nonexistent/folder", true, &error), DURE_E_NOT_FOUND, "no such place");
    dure_journal_close(journal);
    static const struct {
        const char *change, *says;
        enum dure_err err;
    } cases[] = {
        {"printf x >> journal.db", "damaged", DURE_E_CORRUPT},
        {"rm checkpoint", "checkpoint", DURE_E_NOT_FOUND},
        {"sed -i 's/ key$/ ..\\/key/' MANIFEST", "not `<sha256>", DURE_E_CORRUPT},
        {"sed -i 's/ key$/ \\/etc\\/passwd/' MANIFEST", "not `<sha256>", DURE_E_CORRUPT},
        {"sed -i 's/ key$/ snapshots\\/..\\/x.snapshot/' MANIFEST", "not `<sha256>", DURE_E_CORRUPT},
        {"sed -i '1s/1/2/' MANIFEST", "another version", DURE_E_VERSION},
        {"sed -i '/journal.db/d' MANIFEST", "no journal.db", DURE_E_CORRUPT},
        {"rm MANIFEST", "not a backup", DURE_E_NOT_FOUND},
        {": > MANIFEST", "another version", DURE_E_VERSION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *copy;
        if (asprintf(&copy, "%s/copy%zu", base, i) < 0 ||
            kit_shell("cp -r %s %s && cd %s && %s", backup, copy, copy, cases[i].change))
            tap_bail("cp");
        TAP_EQ_INT(dure_journal_restore(copy, back, &error), cases[i].err, "%s", cases[i].change);
        TAP_HAS(error.text, cases[i].says, "says why");
        TAP_OK(access(back, F_OK) != 0, "and leaves nothing behind");
        free(copy);
    }
}

static void erasure(void)
{
    static const char secret[] = "CORRECT-HORSE-BATTERY-STAPLE";
    const char *folder = kit_folder("erasure");
    struct dure_journal *journal = kit_open(folder);
    char *large = malloc(100000);
    memset(large, 'x', 100000);
    memcpy(large + 90000, secret, sizeof secret - 1);
    const struct dure_body_row rows[] = {{DURE_BODY_OF_JOB, 1, {secret, sizeof secret - 1}},
                                         {DURE_BODY_OF_JOB, 2, {large, 100000}},
                                         {DURE_BODY_OF_PRINCIPAL, 1, {secret, sizeof secret - 1}}};
    const struct dure_bytes leaf = {"leaf", 4};
    const struct dure_journal_batch batch = {.leaves = &leaf, .leaf_count = 1, .bodies = rows, .body_count = 3};
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_OK, "three bodies");
    TAP_OK(kit_file_has(kit_path("%s/journal.db-wal", folder), secret, sizeof secret - 1), "the secret is in the WAL");
    for (unsigned i = 0; i < 3; i++)
        TAP_EQ_INT(
            dure_journal_body_replace(journal, rows[i].kind, rows[i].id, (struct dure_bytes){"erased", 6}, &error),
            DURE_OK, "erased");
    TAP_EQ_INT(dure_journal_scrub(journal, &error), DURE_OK, "scrubbed");
    TAP_EQ_INT(kit_shell("grep -rq %s %s", secret, folder), 1, "no file of the folder holds it");
    struct dure_buf body;
    dure_buf_init(&body, 100);
    TAP_EQ_INT(dure_journal_body(journal, DURE_BODY_OF_JOB, 2, &body, &error), DURE_OK, "the body");
    TAP_EQ_STR(body.data, "erased", "is the erased form");
    dure_buf_release(&body);
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "and the log verifies");
    dure_journal_close(journal);
    TAP_EQ_INT(kit_shell("grep -rq %s %s", secret, folder), 1, "nor after closing");
    free(large);
}

struct page {
    uint64_t job[64];
    uint32_t element[64];
    unsigned count;
};

static bool see(void *context, const struct dure_history_row *row)
{
    struct page *page = context;
    page->job[page->count] = row->job;
    page->element[page->count++] = row->element;
    return row->summary.length == 3 && page->count < 64;
}

/* The same question asked of all rows, one by one. Job j (1..300) has element 0, and 1 if j % 5 == 0; tenant j % 7; principal j % 3; ended at j. */
static unsigned naive(const struct dure_history_query *query, struct page *page)
{
    page->count = 0;
    for (uint64_t j = 300; j; j--)
        for (unsigned element = j % 5 ? 1 : 2; element--;) {
            bool tenant_ok = !query->tenant_count;
            for (uint32_t t = 0; t < query->tenant_count; t++)
                tenant_ok = tenant_ok || query->tenants[t] == j % 7;
            if (page->count == query->limit || !tenant_ok ||
                (query->principal != UINT32_MAX && query->principal != j % 3) || (int64_t)j < query->since_us ||
                !(j < query->before_job || (j == query->before_job && element < query->before_element)))
                continue;
            page->job[page->count] = j;
            page->element[page->count++] = element;
        }
    return page->count;
}

static void history(void)
{
    struct dure_journal *journal = kit_open(kit_folder("history"));
    for (uint64_t j = 1; j <= 300; j++) {
        const uint32_t tenant = (uint32_t)(j % 7), principal = (uint32_t)(j % 3);
        const struct dure_history_row rows[] = {{j, 0, tenant, principal, (int64_t)j, {"sum", 3}},
                                                {j, 1, tenant, principal, (int64_t)j, {"sum", 3}}};
        const struct dure_journal_batch batch = {.history = rows, .history_count = j % 5 ? 1 : 2};
        if (dure_journal_append(journal, &batch, &error))
            tap_bail("%s", error.text);
    }
    uint64_t seed = tap_seed(9);
    unsigned wrong = 0, rows = 0;
    for (unsigned i = 0; i < 500; i++) {
        uint32_t tenants[4];
        struct dure_history_query query = {
            .before_job = tap_random_below(&seed, 3) ? UINT64_MAX : tap_random_below(&seed, 310),
            .before_element = (uint32_t)tap_random_below(&seed, 3),
            .tenant_count = (uint32_t)tap_random_below(&seed, 5),
            .tenants = tenants,
            .principal = tap_random_below(&seed, 2) ? UINT32_MAX : (uint32_t)tap_random_below(&seed, 4),
            .limit = 1 + (uint32_t)tap_random_below(&seed, 60),
            .since_us = (int64_t)tap_random_below(&seed, 2) * (int64_t)tap_random_below(&seed, 300)};
        for (uint32_t t = 0; t < 4; t++)
            tenants[t] = (t + i) % 8;
        struct page got = {.count = 0}, want;
        if (dure_journal_history(journal, &query, see, &got, &error) || naive(&query, &want) != got.count ||
            memcmp(got.job, want.job, got.count * sizeof got.job[0]) != 0 ||
            memcmp(got.element, want.element, got.count * sizeof got.element[0]) != 0)
            wrong++;
        rows += got.count;
    }
    TAP_EQ_INT(wrong, 0, "500 questions are answered as a look at every row does (%u rows)", rows);
    struct dure_history_query query = {.before_job = UINT64_MAX, .principal = UINT32_MAX, .limit = 0};
    struct page page = {.count = 0};
    TAP_EQ_INT(dure_journal_history(journal, &query, see, &page, &error), DURE_E_LIMIT, "a page of nothing");
    query.limit = 1u << 20;
    TAP_EQ_INT(dure_journal_history(journal, &query, see, &page, &error), DURE_E_LIMIT, "a page of everything");
    struct dure_buf summary;
    dure_buf_init(&summary, 10);
    TAP_EQ_INT(dure_journal_history_one(journal, 55, 1, &summary, &error), DURE_OK, "one");
    TAP_EQ_STR(summary.data, "sum", "summary");
    TAP_EQ_INT(dure_journal_history_one(journal, 56, 1, &summary, &error), DURE_E_NOT_FOUND, "no such element");
    TAP_EQ_INT(dure_journal_history_one(journal, UINT64_MAX, 1, &summary, &error), DURE_E_NOT_FOUND, "no such job");
    dure_buf_release(&summary);
    dure_journal_close(journal);
}

struct signers {
    unsigned count;
    uint64_t size[4];
    uint8_t key[4][32];
    char note[4][1000];
};

static bool see_signer(void *context, uint64_t size, const uint8_t public_key[32], const char *note)
{
    struct signers *signers = context;
    signers->size[signers->count] = size;
    memcpy(signers->key[signers->count], public_key, 32);
    snprintf(signers->note[signers->count++], 1000, "%s", note);
    return signers->count < 4;
}

static void change_of_keys(void)
{
    const char *folder = kit_folder("keys");
    struct dure_journal *journal = kit_open(folder);
    struct dure_journal_options options = kit_options(folder);
    struct dure_checkpoint checkpoint;
    uint8_t first[32], second[32];
    TAP_EQ_INT(kit_append(journal, 10, false, &error), DURE_OK, "10 leaves");
    dure_journal_public_key(journal, first);
    dure_journal_close(journal);
    options.new_key = true;
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_OK, "with a new key");
    dure_journal_public_key(journal, second);
    TAP_OK(memcmp(first, second, 32) != 0, "which is another");
    struct signers signers = {.count = 0};
    TAP_EQ_INT(dure_journal_signers(journal, see_signer, &signers, &error), DURE_OK, "signers");
    TAP_OK(signers.count == 2 && signers.size[0] == 0 && signers.size[1] == 10, "two, from sizes 0 and 10");
    const char *note = signers.note[1];
    TAP_EQ_INT(dure_checkpoint_verify(note, strlen(note), first, &checkpoint, &error), DURE_OK,
               "the change is signed by the first");
    TAP_EQ_INT(dure_checkpoint_verify(note, strlen(note), second, &checkpoint, &error), DURE_OK, "and by the second");
    TAP_EQ_UINT(checkpoint.size, 10, "at 10");
    dure_journal_close(journal);
    /* Cut short between the row and the new name: the key still lies under the name it was made under. */
    TAP_EQ_INT(
        kit_shell("cd %s && mv key key.next && openssl genpkey -algorithm ED25519 -out key && chmod 600 key", folder),
        0, "as after a crash in between");
    journal = kit_open(folder);
    dure_journal_public_key(journal, first);
    TAP_EQ_MEM(first, second, 32, "the change is completed");
    dure_journal_close(journal);
    options.new_key = false;
    TAP_EQ_INT(kit_shell("cd %s && openssl genpkey -algorithm ED25519 -out key && chmod 600 key", folder), 0,
               "a foreign key");
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_E_CORRUPT, "is refused");
    TAP_HAS(error.text, "another journal's", "says so");
    TAP_EQ_INT(kit_shell("rm %s/key", folder), 0, "a lost key");
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_E_NOT_FOUND, "is named");
    options.new_key = true;
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_OK, "and can be replaced");
    signers.count = 0;
    TAP_EQ_INT(dure_journal_signers(journal, see_signer, &signers, &error), DURE_OK, "signers");
    note = signers.note[2];
    TAP_EQ_INT(dure_checkpoint_verify(note, strlen(note), second, &checkpoint, &error), DURE_E_CORRUPT,
               "then the old one did not sign");
    dure_journal_close(journal);
}

static void read_only(void)
{
    const char *folder = kit_folder("read-only"), *base = kit_folder("frozen");
    struct dure_journal *journal = kit_open(folder), *reader = NULL;
    const char *backup = kit_path("%s/back%%up?#1", base);
    TAP_EQ_INT(kit_append(journal, 1000, true, &error), DURE_OK, "append");
    TAP_EQ_INT(dure_journal_backup(journal, backup, false, &error), DURE_OK, "a backup in a folder with an odd name");
    struct dure_journal_options options = {.directory = folder, .read_only = true};
    TAP_EQ_INT(dure_journal_open(&options, &reader, &error), DURE_E_LOCKED, "not while the daemon runs");
    dure_journal_close(journal);
    TAP_EQ_INT(dure_journal_open(&options, &reader, &error), DURE_OK, "but after it");
    TAP_EQ_INT(dure_journal_verify(reader, &error), DURE_OK, "verifies");
    TAP_EQ_INT(kit_append(reader, 1, false, &error), DURE_E_STATE, "takes nothing");
    TAP_EQ_INT(dure_journal_scrub(reader, &error), DURE_E_STATE, "scrubs nothing");
    struct dure_buf note;
    dure_buf_init(&note, DURE_NOTE_MAX);
    TAP_EQ_INT(dure_journal_checkpoint(reader, &note, &error), DURE_E_STATE, "signs nothing");
    dure_buf_release(&note);
    dure_journal_close(reader);
    /* Where nothing may be written: root, who may write anywhere, steps down first. */
    if (kit_shell("chmod a+x %s && chmod -R a-w,a+X %s && { test $(id -u) != 0 || chown -R 65534 %s; }", tap_tempdir(),
                  base, base))
        tap_bail("chmod");
    options.directory = backup;
    const pid_t child = fork();
    if (!child) {
        if (geteuid() == 0 && (setegid(65534) || seteuid(65534)))
            _exit(2);
        if (dure_journal_open(&options, &reader, &error) || dure_journal_verify(reader, &error) ||
            !kit_reads_back(reader)) {
            tap_diag("%s", error.text);
            _exit(1);
        }
        dure_journal_close(reader);
        _exit(access(kit_path("%s/lock", backup), F_OK) ? 0 : 3);
    }
    int status = -1;
    waitpid(child, &status, 0);
    TAP_EQ_INT(status, 0, "a backup is read and verified where it lies, without a lock");
    if (kit_shell("chmod -R u+w %s", base))
        tap_bail("chmod");
}

int main(void)
{
    backups();
    bad_backups();
    erasure();
    history();
    change_of_keys();
    read_only();
    return tap_done();
}
