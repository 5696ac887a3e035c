/* Opening, appending, reading, limits, the lock, bodies, answers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/merkle.h"
#include "kit.h"
#include "tap.h"

static struct dure_error error;

static void empty_journal(void)
{
    const char *folder = kit_folder("empty");
    struct dure_journal *journal = NULL;
    struct dure_journal_options options = kit_options(folder);
    options.create = false;
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_E_NOT_FOUND, "no journal, none to be made");
    TAP_HAS(error.text, folder, "names the folder");
    options.directory = "/nonexistent/folder";
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_E_NOT_FOUND, "no folder");
    options = kit_options(folder);
    options.origin = "has space";
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_E_INVALID, "an origin with a space");
    options.origin = NULL;
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_E_INVALID, "no origin");
    journal = kit_open(folder);
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    TAP_EQ_UINT(head.size, 0, "empty");
    static const uint8_t empty_root[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14};
    TAP_EQ_MEM(head.root, empty_root, sizeof empty_root, "the empty tree's root is SHA-256 of nothing");
    TAP_EQ_STR(dure_journal_origin(journal), "example.kr/dure", "origin kept");
    TAP_OK(dure_journal_free_bytes(journal) > 0, "free bytes of the file system");
    dure_journal_close(journal);
    dure_journal_close(NULL);
    struct stat status;
    char path[512];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, (const char *[]){"journal.db", "key", "lock"}[i]);
        TAP_OK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600, "%s is private", path);
    }
    options = kit_options(folder);
    options.origin = "another.kr/dure";
    TAP_EQ_INT(dure_journal_open(&options, &journal, &error), DURE_OK, "opens again");
    TAP_EQ_STR(dure_journal_origin(journal), "example.kr/dure", "with the origin it was made with");
    dure_journal_close(journal);
}

static void batches(void)
{
    const char *folder = kit_folder("batches");
    struct dure_journal *journal = kit_open(folder);
    static const uint32_t counts[] = {1, 1, 64, 254, 1, 256, 3, 8000, 500, 1};
    struct dure_frontier frontier = {0};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        TAP_EQ_INT(kit_append(journal, counts[i], i % 2, &error), DURE_OK, "a batch of %u", counts[i]);
        for (uint32_t k = 0; k < counts[i]; k++) {
            uint8_t leaf[256], hash[32];
            dure_merkle_leaf(leaf, kit_leaf(frontier.size, leaf), hash);
            dure_frontier_add(&frontier, hash);
        }
        struct dure_journal_head head;
        uint8_t root[32];
        dure_journal_head(journal, &head);
        dure_frontier_root(&frontier, root);
        TAP_EQ_MEM(head.root, root, 32, "root of %llu leaves", (unsigned long long)head.size);
        if (i % 3 == 1) {
            dure_journal_close(journal);
            journal = kit_open(folder);
            struct dure_journal_head again;
            dure_journal_head(journal, &again);
            TAP_OK(memcmp(&again, &head, sizeof head) == 0, "head is the same after opening again");
        }
    }
    TAP_OK(kit_reads_back(journal), "all leaves read back");
    dure_journal_close(journal);
}

struct range {
    uint64_t first, count, ends, stop_after;
};

static bool count_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    (void)leaf, (void)length;
    struct range *range = context;
    if (!range->count)
        range->first = sequence;
    return ++range->count != range->stop_after;
}

static bool count_end(void *context, uint64_t last, struct dure_digest digest)
{
    struct range *range = context;
    range->ends += digest.lane[0] == last + 1;
    return true;
}

static void ranges(void)
{
    struct dure_journal *journal = kit_open(kit_folder("ranges"));
    for (unsigned i = 0; i < 20; i++)
        TAP_EQ_INT(kit_append(journal, 10, false, &error), DURE_OK, "append");
    struct range range = {0};
    TAP_EQ_INT(dure_journal_read(journal, 5, 35, count_leaf, count_end, &range, &error), DURE_OK, "5..35");
    TAP_OK(range.first == 5 && range.count == 30 && range.ends == 3,
           "30 leaves from 5, three transactions end before 35");
    range = (struct range){.stop_after = 7};
    TAP_EQ_INT(dure_journal_read(journal, 0, 200, count_leaf, count_end, &range, &error), DURE_OK, "stopped");
    TAP_OK(range.count == 7 && range.ends == 0, "after 7");
    range = (struct range){0};
    TAP_EQ_INT(dure_journal_read(journal, 200, 200, count_leaf, count_end, &range, &error), DURE_OK, "an empty range");
    TAP_EQ_UINT(range.count, 0, "gives nothing");
    TAP_EQ_INT(dure_journal_read(journal, 199, 201, count_leaf, NULL, &range, &error), DURE_E_INVALID,
               "beyond the end");
    TAP_EQ_INT(dure_journal_read(journal, 9, 8, count_leaf, NULL, &range, &error), DURE_E_INVALID, "backwards");
    struct dure_digest digest;
    TAP_EQ_INT(dure_journal_digest_at(journal, 30, &digest, &error), DURE_OK, "the digest at 30");
    TAP_EQ_UINT(digest.lane[0], 30, "is 30's");
    TAP_EQ_INT(dure_journal_digest_at(journal, 31, &digest, &error), DURE_E_NOT_FOUND, "no transaction ends at 31");
    TAP_EQ_INT(dure_journal_digest_at(journal, 0, &digest, &error), DURE_E_NOT_FOUND, "none at 0");
    dure_journal_close(journal);
}

static void limits(void)
{
    struct dure_journal *journal = kit_open(kit_folder("limits"));
    uint8_t *large = calloc(1, 8u << 20);
    char key[200];
    memset(key, 'k', sizeof key);
    key[129] = '\0';
    struct dure_bytes leaf = {large, 65536};
    struct dure_journal_batch batch = {.leaves = &leaf, .leaf_count = 1};
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_E_LIMIT, "a leaf over 65,535 bytes");
    leaf.length = 65535;
    struct dure_idem_row idem = {.key = key, .answer = {"{}", 2}};
    batch.idems = &idem;
    batch.idem_count = 1;
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_E_LIMIT, "a key over 128 bytes");
    batch.idem_count = 0;
    struct dure_body_row body = {DURE_BODY_OF_JOB, 1, {large, 8u << 20}};
    batch.bodies = &body;
    batch.body_count = 1;
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_E_LIMIT, "a body over 4 MiB");
    body.body.length = 2u << 20;
    body.id = UINT64_MAX;
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_E_LIMIT, "an id that SQL cannot hold");
    struct dure_journal_head head;
    dure_journal_head(journal, &head);
    TAP_EQ_UINT(head.size, 0, "no effect");
    body.id = INT64_MAX;
    key[128] = '\0';
    batch.idem_count = 1;
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_OK, "at the limits it is taken");
    struct dure_bytes many[40];
    for (unsigned i = 0; i < 40; i++)
        many[i] = (struct dure_bytes){large, 65535};
    batch = (struct dure_journal_batch){.leaves = many, .leaf_count = 40, .digest = {{5, 6}}};
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_OK, "a batch of more than one row");
    struct range range = {0};
    TAP_EQ_INT(dure_journal_read(journal, 0, 41, count_leaf, count_end, &range, &error), DURE_OK, "reads");
    TAP_EQ_UINT(range.count, 41, "all of it");
    struct dure_bytes none = {NULL, 0};
    batch = (struct dure_journal_batch){.leaves = &none, .leaf_count = 1};
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_OK, "an empty leaf is a leaf");
    TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "everything verifies");
    dure_journal_close(journal);
    free(large);
}

static void locked(void)
{
    const char *folder = kit_folder("locked");
    struct dure_journal *journal = kit_open(folder), *second = NULL;
    const struct dure_journal_options options = kit_options(folder);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    TAP_EQ_INT(dure_journal_open(&options, &second, &error), DURE_E_LOCKED, "two at once");
    TAP_HAS(error.text, pid, "the message names the holder");
    TAP_HAS(error.text, "dure down", "and what to do");
    dure_journal_close(journal);
    TAP_EQ_INT(dure_journal_open(&options, &second, &error), DURE_OK, "free again");
    dure_journal_close(second);
    /* The lock of a process that was killed is gone with it, whatever number the file holds. */
    const pid_t child = fork();
    if (!child) {
        journal = kit_open(folder);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    TAP_EQ_INT(dure_journal_open(&options, &second, &error), DURE_OK, "a killed holder does not hold");
    dure_journal_close(second);
}

struct seen {
    unsigned count;
    uint64_t last;
};

static bool see_body(void *context, uint64_t id, const void *body, size_t length)
{
    (void)body, (void)length;
    struct seen *seen = context;
    seen->count++;
    seen->last = id;
    return true;
}

static bool see_idem(void *context, const struct dure_idem_row *row)
{
    struct seen *seen = context;
    char key[32];
    snprintf(key, sizeof key, "key-%llu", (unsigned long long)row->request_hash);
    seen->count += strcmp(key, row->key) == 0 && row->principal == 7 && row->answer.length >= 100;
    seen->last = (uint64_t)row->time_us;
    return true;
}

static void rows(void)
{
    const char *folder = kit_folder("rows");
    struct dure_journal *journal = kit_open(folder);
    TAP_EQ_INT(kit_append(journal, 5000, true, &error), DURE_OK, "5000 with rows");
    struct dure_buf body;
    dure_buf_init(&body, 1000);
    uint8_t want[256];
    TAP_EQ_INT(dure_journal_body(journal, DURE_BODY_OF_JOB, 4321, &body, &error), DURE_OK, "a body");
    TAP_EQ_UINT(body.length, kit_leaf(4321, want), "of its length");
    TAP_EQ_MEM(body.data, want, body.length, "and bytes");
    TAP_EQ_INT(dure_journal_body(journal, DURE_BODY_OF_PRINCIPAL, 4321, &body, &error), DURE_E_NOT_FOUND,
               "kinds are apart");
    TAP_EQ_INT(dure_journal_body(journal, DURE_BODY_OF_JOB, 5000, &body, &error), DURE_E_NOT_FOUND, "no such body");
    dure_buf_release(&body);
    dure_buf_init(&body, 10);
    TAP_EQ_INT(dure_journal_body(journal, DURE_BODY_OF_JOB, 1, &body, &error), DURE_E_LIMIT, "a buffer too small");
    dure_buf_release(&body);
    const struct dure_body_row login = {DURE_BODY_OF_PRINCIPAL, 3, {"kim", 3}};
    const struct dure_journal_batch batch = {.bodies = &login, .body_count = 1, .digest = {{1, 1}}};
    struct dure_journal_head before, after;
    dure_journal_head(journal, &before);
    TAP_EQ_INT(dure_journal_append(journal, &batch, &error), DURE_OK, "rows without leaves");
    dure_journal_head(journal, &after);
    TAP_OK(memcmp(&before, &after, sizeof before) == 0, "leave the head as it was");
    struct seen seen = {0};
    TAP_EQ_INT(dure_journal_bodies(journal, DURE_BODY_OF_PRINCIPAL, see_body, &seen, &error), DURE_OK,
               "all principals");
    TAP_OK(seen.count == 1 && seen.last == 3, "are one");
    seen = (struct seen){0};
    TAP_EQ_INT(dure_journal_idems(journal, 100, see_idem, &seen, &error), DURE_OK, "answers from time 100");
    TAP_OK(seen.count == 4900 && seen.last == 4999, "4900 of them, in order");
    dure_journal_close(journal);
    journal = kit_open(folder);
    seen = (struct seen){0};
    TAP_EQ_INT(dure_journal_idems(journal, INT64_MIN, see_idem, &seen, &error), DURE_OK, "all answers");
    TAP_EQ_UINT(seen.count, 4900, "the older ones are deleted");
    uint32_t trimmed;
    TAP_EQ_INT(dure_journal_idem_trim(journal, 4999, &trimmed, &error), DURE_OK, "trimming");
    TAP_EQ_UINT(trimmed, DURE_IDEM_TRIM_MAX, "takes so many at most");
    dure_journal_close(journal);
}

int main(void)
{
    empty_journal();
    batches();
    ranges();
    limits();
    locked();
    rows();
    return tap_done();
}
