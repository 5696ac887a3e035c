#include "cli/audit_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum dure_err dure_check_begin(struct dure_check *check)
{
    memset(check, 0, sizeof *check);
    check->bad = UINT64_MAX;
    check->head.size = check->older.size = UINT64_MAX;
    return dure_audit_new(&check->audit);
}

void dure_check_end(struct dure_check *check)
{
    dure_audit_free(check->audit);
    check->audit = NULL;
}

bool dure_check_wrong(struct dure_check *check, uint64_t leaf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(check->wrong, sizeof check->wrong, format, args);
    va_end(args);
    check->bad = leaf;
    return false;
}

/* Is the tree here what a checkpoint of this size says? */
static bool root_is(struct dure_check *check, const struct dure_checkpoint *checkpoint, const char *which)
{
    uint8_t root[DURE_HASH_BYTES];
    dure_frontier_root(&check->frontier, root);
    if (memcmp(root, checkpoint->root, sizeof root) == 0)
        return true;
    return dure_check_wrong(check, UINT64_MAX,
                            "the tree of the first %" PRIu64
                            " leaves has another root than the %s: a leaf among them was changed",
                            checkpoint->size, which);
}

static bool roots_here(struct dure_check *check)
{
    if (check->frontier.size == check->older.size) {
        check->older_seen = true;
        if (!root_is(check, &check->older, "older checkpoint"))
            return false;
    }
    if (check->frontier.size == check->head.size) {
        check->head_seen = true;
        return root_is(check, &check->head, "signed checkpoint");
    }
    return true;
}

bool dure_check_leaf(struct dure_check *check, const void *leaf, size_t length)
{
    struct dure_error error = {0};
    uint8_t hash[DURE_HASH_BYTES];
    const uint64_t sequence = check->frontier.size;
    if (sequence == 0 && !roots_here(check))
        return false;
    dure_merkle_leaf(leaf, length, hash);
    dure_frontier_add(&check->frontier, hash);
    const enum dure_err err = dure_audit_leaf(check->audit, sequence, leaf, length, &error);
    if (err) {
        struct dure_audit_result result;
        dure_audit_result(check->audit, &result);
        return dure_check_wrong(check, result.first_bad != UINT64_MAX ? result.first_bad : sequence, "%s", error.text);
    }
    return roots_here(check);
}

bool dure_check_digest(struct dure_check *check, struct dure_digest stored)
{
    struct dure_error error = {0};
    const enum dure_err err = dure_audit_digest(check->audit, stored, &error);
    if (err)
        return dure_check_wrong(check, check->frontier.size - 1, "%s", error.text);
    check->digests++;
    return true;
}

bool dure_check_roots(struct dure_check *check)
{
    if (check->frontier.size == 0 && !roots_here(check))
        return false;
    if (check->head.size != UINT64_MAX && !check->head_seen)
        return dure_check_wrong(check, UINT64_MAX,
                                "the signed checkpoint speaks of %" PRIu64 " leaves, but there are only %" PRIu64
                                ": the end was cut off",
                                check->head.size, check->frontier.size);
    if (check->older.size != UINT64_MAX && !check->older_seen)
        return dure_check_wrong(check, UINT64_MAX,
                                "the older checkpoint speaks of %" PRIu64 " leaves, but there are only %" PRIu64
                                ": the end was cut off",
                                check->older.size, check->frontier.size);
    return true;
}

void dure_check_progress(struct dure_cli *cli, struct dure_check *check, uint64_t done, uint64_t total)
{
    enum { BAR = 30, EVERY_US = 100000 };
    const struct dure_screen *screen = &cli->screen;
    const int64_t now = dure_screen_now_us(screen);
    if (!screen->err_tty || total == 0)
        return;
    if (done < total && now - check->shown_us < EVERY_US)
        return;
    check->shown_us = now;
    const unsigned filled = (unsigned)(done * BAR / total);
    fputs("\r[", screen->err);
    for (unsigned i = 0; i < BAR; i++)
        fputs(i < filled ? (screen->utf8 ? "█" : "#") : (screen->utf8 ? "·" : "."), screen->err);
    fprintf(screen->err, "] %3u%% of %" PRIu64 " leaves%s", (unsigned)(done * 100 / total), total,
            done == total ? "\r\033[K" : "");
    fflush(screen->err);
}
