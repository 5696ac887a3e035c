/* Nodes: what people and engines say of them, and the states that follow. */
#include <stdlib.h>
#include <string.h>

#include "core/apply/apply.h"
#include "core/place/ground.h"
#include "core/state/domains.h"
#include "core/state/moves.h"

static void add_words(struct dure_digest *sum, uint32_t node, unsigned which, const char *text)
{
    if (text)
        dure_digest_add(sum,
                        dure_hash128(DOMAIN_REASON + ((uint64_t)(node * NODE_WORDS + which) << 8), text, strlen(text)));
}

struct dure_digest node_hash(const struct dure_core *core, uint32_t node)
{
    const struct node_data *n = &core->nodes[node].d;
    const struct node_words *words = &core->node_words[node];
    const uint64_t bytes[4] = {node,
                               (uint64_t)n->state | (uint64_t)n->drain << 8 | (uint64_t)n->down << 16 |
                                   (uint64_t)n->booked << 24 | (uint64_t)n->away << 32,
                               n->dark, n->foreign};
    struct dure_digest sum = dure_hash_words(DOMAIN_NODE, bytes, 4);
    add_words(&sum, node, 0, words->drain);
    add_words(&sum, node, 1, words->report);
    add_words(&sum, node, 2, words->foreign);
    return sum;
}

static void keep_words(char **at, const char *reason)
{
    const size_t length = strnlen(reason, DURE_REASON_MAX);
    free(*at);
    *at = length ? dure_core_alloc(length + 1, 1) : NULL;
    if (length)
        memcpy(*at, reason, length);
}

static enum dure_err check_known(const struct dure_core *core, const struct dure_record *record,
                                 char name[DURE_NAME_MAX + 1], struct dure_error *error)
{
    if (!core->fleet || record->node.v >= core->fleet->node_count)
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no such node");
    dure_fleet_node_name(core->fleet, record->node, name);
    return DURE_OK;
}

static enum dure_err check_resume(const struct node_data *node, const char *name, struct dure_error *error)
{
    if (node->drain || node->down)
        return DURE_OK;
    if (node->away)
        return dure_fail(error, DURE_E_STATE, "node %s is away, and comes back when its engine answers again", name);
    if (node->booked)
        return dure_fail(error, DURE_E_STATE, "node %s is in booked maintenance, and comes back when that is over",
                         name);
    return dure_fail(error, DURE_E_STATE, "node %s is neither drained nor down", name);
}

/* That it is as it was is no news, but why it is not up may be. */
static enum dure_err check_node_report(const struct dure_core *core, const struct dure_record *record, const char *name,
                                       struct dure_error *error)
{
    const struct node_data *node = &core->nodes[record->node.v].d;
    const char *words = core->node_words[record->node.v].report;
    const int64_t report = record->number;
    static const char *const names[DURE_NODE_REPORTS_END] = {"down", "up", "away"};
    const enum dure_node_report is = node->down ? DURE_NODE_IS_DOWN : node->away ? DURE_NODE_IS_AWAY : DURE_NODE_IS_UP;
    if (report < 0 || report >= DURE_NODE_REPORTS_END)
        return dure_fail(error, DURE_E_INVALID, "node %s: found report %lld, expected 0 (down), 1 (up) or 2 (away)",
                         name, (long long)report);
    if (report == (int64_t)is &&
        (is == DURE_NODE_IS_UP || strncmp(record->reason, words ? words : "", DURE_REASON_MAX) == 0))
        return dure_fail(error, DURE_E_STATE, "node %s is %s already", name, names[is]);
    return DURE_OK;
}

enum dure_err check_node(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    char name[DURE_NAME_MAX + 1];
    const enum dure_err err = check_known(core, record, name, error);
    if (err != DURE_OK)
        return err;
    const struct node_data *node = &core->nodes[record->node.v].d;
    if (record->kind == DURE_REC_DRAIN && node->drain)
        return dure_fail(error, DURE_E_STATE, "node %s is drained or draining already", name);
    if (record->kind == DURE_REC_RESUME)
        return check_resume(node, name, error);
    return record->kind == DURE_REC_NODE_REPORT ? check_node_report(core, record, name, error) : DURE_OK;
}

enum dure_err apply_node(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    struct node_data *node = &core->nodes[record->node.v].d;
    struct node_words *words = &core->node_words[record->node.v];
    const bool was_down = node->down;
    dure_digest_sub(&core->digest, node_hash(core, record->node.v));
    if (record->kind == DURE_REC_DRAIN) {
        node->drain = 1;
        keep_words(&words->drain, record->reason);
    } else if (record->kind == DURE_REC_RESUME) {
        node->drain = node->down = 0;
        keep_words(&words->drain, "");
        if (was_down)
            keep_words(&words->report, "");
    } else {
        node->down = record->number == DURE_NODE_IS_DOWN;
        node->away = record->number == DURE_NODE_IS_AWAY;
        keep_words(&words->report, record->number == DURE_NODE_IS_UP ? "" : record->reason);
    }
    dure_digest_add(&core->digest, node_hash(core, record->node.v));
    return DURE_OK;
}

enum dure_err check_foreign(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    char name[DURE_NAME_MAX + 1];
    const enum dure_err err = check_known(core, record, name, error);
    if (err != DURE_OK)
        return err;
    const struct node *node = &core->nodes[record->node.v];
    const struct chain_state *chain = &core->chains[node->chain];
    if (record->mask & ~chain->idle.full)
        return dure_fail(error, DURE_E_INVALID, "node %s: found a mask of GPUs up to %u, expected its %u GPUs alone",
                         name, 63 - (unsigned)__builtin_clzll(record->mask), chain->idle.gpus);
    if (record->mask == node->d.foreign)
        return dure_fail(error, DURE_E_STATE, "node %s: the same GPUs are used by work outside dure already", name);
    return DURE_OK;
}

enum dure_err apply_foreign(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    struct node *node = &core->nodes[record->node.v];
    const uint64_t was = node_lost(core, node);
    dure_digest_sub(&core->digest, node_hash(core, record->node.v));
    node->d.foreign = record->mask;
    keep_words(&core->node_words[record->node.v].foreign, record->mask ? record->reason : "");
    dure_digest_add(&core->digest, node_hash(core, record->node.v));
    ground_lose(core, record->node.v, was, DURE_CAUSE_NODE_LOST);
    core->gate.due = true; /* what nobody could send away may be ours to send away now */
    return DURE_OK;
}

enum dure_err apply_node_state(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (!core->fleet || record->node.v >= core->fleet->node_count || record->number < 0 ||
        record->number > DURE_NODE_AWAY ||
        !dure_move_node(core->nodes[record->node.v].d.state, (unsigned)record->number))
        return dure_fail(error, DURE_E_CORRUPT, "a node cannot go there");
    struct node *node = &core->nodes[record->node.v];
    const uint64_t was = node_lost(core, node);
    dure_digest_sub(&core->digest, node_hash(core, record->node.v));
    node->d.state = (uint8_t)record->number;
    dure_digest_add(&core->digest, node_hash(core, record->node.v));
    node->d.lost = record->number != DURE_NODE_UP && record->number != DURE_NODE_ARRIVING;
    ground_lose(core, record->node.v, was, DURE_CAUSE_NODE_LOST);
    return DURE_OK;
}
