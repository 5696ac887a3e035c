/* One decision changed in a journal that is then signed again: the tree and the signature are sound, and only deciding again can tell. Recovery must refuse it by
 * the digest or because it contradicts the state, and the audit must name the very leaf. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "specs.h"
#include "tap.h"
#include "world.h"

enum { LEAVES_MAX = 4096 };

struct copied {
    struct dure_buf leaves[LEAVES_MAX];
    uint64_t ends[LEAVES_MAX]; /* last sequence of each transaction */
    struct dure_digest digests[LEAVES_MAX];
    unsigned count, ends_count;
};

static bool keep_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct copied *copied = context;
    if (sequence >= LEAVES_MAX)
        return false;
    dure_buf_init(&copied->leaves[sequence], DURE_LEAF_MAX);
    dure_buf_add(&copied->leaves[sequence], leaf, length);
    copied->count = (unsigned)sequence + 1;
    return true;
}

static bool keep_end(void *context, uint64_t last_sequence, struct dure_digest digest)
{
    struct copied *copied = context;
    copied->ends[copied->ends_count] = last_sequence;
    copied->digests[copied->ends_count++] = digest;
    return true;
}

/* Writes the copy into a fresh journal with a key of its own: transactions as they were. */
static struct dure_journal *sign_again(const struct copied *copied, const char *directory)
{
    struct dure_journal *journal;
    struct dure_error error = {0};
    struct dure_journal_options options = {.directory = directory, .origin = "test/flip", .create = true};
    uint64_t from = 0;

    if (mkdir(directory, 0700) != 0)
        tap_bail("no folder %s", directory);
    if (dure_journal_open(&options, &journal, &error) != DURE_OK)
        tap_bail("%s", error.text);
    for (unsigned i = 0; i < copied->ends_count; i++) {
        static struct dure_bytes leaves[LEAVES_MAX];
        uint32_t count = 0;
        for (uint64_t s = from; s <= copied->ends[i]; s++)
            leaves[count++] = (struct dure_bytes){.data = copied->leaves[s].data, .length = copied->leaves[s].length};
        struct dure_journal_batch batch = {.leaves = leaves, .leaf_count = count, .digest = copied->digests[i]};
        if (dure_journal_append(journal, &batch, &error) != DURE_OK)
            tap_bail("%s", error.text);
        from = copied->ends[i] + 1;
    }
    return journal;
}

/* Moves a start to another GPU, changes an exit code, calls a node that is away down and so on: still a well-formed decision. */
static bool flip(struct dure_buf *leaf, struct dure_arena *arena)
{
    struct dure_record record;
    if (dure_record_decode(leaf->data, leaf->length, arena, &record, NULL) != DURE_OK ||
        dure_record_is_input(record.kind))
        return false;
    if (record.kind == DURE_REC_START && record.place_count > 0) {
        struct dure_place *places = dure_arena_alloc(arena, record.place_count * sizeof *places);
        memcpy(places, record.places, record.place_count * sizeof *places);
        uint64_t mask = places[0].gpu_mask;
        places[0].gpu_mask = (mask & 8) != 0 ? mask >> 1 : mask << 1;
        if (places[0].gpu_mask == mask || places[0].gpu_mask == 0)
            return false;
        record.places = places;
    } else if (record.kind == DURE_REC_END) {
        record.exit_code ^= 1;
    } else if (record.kind == DURE_REC_NOTICE) {
        record.deadline_us += 1;
    } else if (record.kind == DURE_REC_NODE_STATE) {
        record.number = record.number == DURE_NODE_AWAY ? DURE_NODE_DOWN : DURE_NODE_AWAY;
    } else if (record.kind == DURE_REC_SUSPEND) {
        record.number ^= 1;
    } else {
        return false;
    }
    dure_buf_clear(leaf);
    return dure_record_encode(&record, leaf);
}

struct auditing {
    struct dure_audit *audit;
    struct dure_error error;
};

static bool audit_leaf(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct auditing *a = context;
    return dure_audit_leaf(a->audit, sequence, leaf, length, &a->error) == DURE_OK;
}

static bool audit_digest(void *context, uint64_t last_sequence, struct dure_digest digest)
{
    struct auditing *a = context;
    (void)last_sequence;
    return dure_audit_digest(a->audit, digest, &a->error) == DURE_OK;
}

static uint64_t first_bad(struct dure_journal *journal)
{
    struct auditing a = {0};
    struct dure_journal_head head;
    struct dure_audit_result result;
    if (dure_audit_new(&a.audit) != DURE_OK)
        tap_bail("out of memory");
    dure_journal_head(journal, &head);
    if (dure_journal_read(journal, 0, head.size, audit_leaf, audit_digest, &a, NULL) != DURE_OK)
        tap_diag("read stopped: %s", a.error.text);
    dure_audit_result(a.audit, &result);
    if (result.first_bad != UINT64_MAX)
        tap_diag("%.160s ...", result.text);
    dure_audit_free(a.audit);
    return result.first_bad;
}

static void make_history(struct world *world, struct copied *copied)
{
    struct dure_journal_head head;
    world->seed = tap_seed(20260304);
    snprintf(world->directory, sizeof world->directory, "%s/true", tap_tempdir());
    if (!world_open(world))
        tap_bail("the world cannot be opened");
    specs_load(world);
    for (unsigned i = 0; i < 40; i++)
        specs_random_submit(world);
    for (unsigned i = 0; i < 20000 && !world_quiet(world); i++) {
        const struct dure_node_observation seen = {.node = {i % specs_fleet->node_count},
                                                   .state = i % 3 ? DURE_NODE_IS_UP : DURE_NODE_IS_AWAY,
                                                   .foreign_known = true,
                                                   .foreign = i / 3 % 2};
        if (i < 60)
            dure_loop_observe_node(world->loop, &seen);
        world_turn(world);
    }
    dure_journal_head(world->journal, &head);
    if (dure_journal_read(world->journal, 0, head.size, keep_leaf, keep_end, copied, NULL) != DURE_OK ||
        copied->count != head.size)
        tap_bail("the journal could not be copied");
}

int main(void)
{
    static struct world world;
    static struct copied copied;
    struct dure_arena *arena = dure_arena_new(1 << 24);
    char directory[300];
    unsigned flipped = 0, named = 0, refused = 0;

    make_history(&world, &copied);
    snprintf(directory, sizeof directory, "%s/same", tap_tempdir());
    struct dure_journal *same = sign_again(&copied, directory);
    TAP_EQ_UINT(first_bad(same), UINT64_MAX, "an unchanged copy is sound");
    dure_journal_close(same);

    for (unsigned i = 0; i < copied.count && flipped < 24; i++) {
        struct dure_buf before;
        dure_buf_init(&before, DURE_LEAF_MAX);
        dure_buf_add(&before, copied.leaves[i].data, copied.leaves[i].length);
        dure_arena_reset(arena);
        if (flip(&copied.leaves[i], arena)) {
            struct dure_recovery recovery = {0};
            struct dure_error error = {0};
            snprintf(directory, sizeof directory, "%s/flip%u", tap_tempdir(), flipped++);
            struct dure_journal *journal = sign_again(&copied, directory);
            named += first_bad(journal) == i;
            if (dure_recover(journal, NULL, &recovery, NULL, NULL, &error) != DURE_OK)
                refused++;
            else
                dure_core_free(recovery.core);
            dure_journal_close(journal);
        }
        dure_buf_clear(&copied.leaves[i]);
        dure_buf_add(&copied.leaves[i], before.data, before.length);
        dure_buf_release(&before);
    }
    TAP_OK(flipped >= 12, "%u decisions were changed, one at a time", flipped);
    TAP_EQ_UINT(named, flipped, "the audit names the very leaf each time");
    TAP_OK(refused >= flipped / 2, "recovery refuses what changes the state (%u of %u)", refused, flipped);
    world_close(&world);
    dure_arena_free(arena);
    specs_free();
    return tap_done();
}
