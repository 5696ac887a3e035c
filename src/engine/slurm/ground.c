/* The site's nodes as Slurm has them: which GPUs others hold, which nodes are down, drained or not heard of.
 *
 * Slurm numbers the GPUs of a node as it likes, so below the node only counts are the same on both sides: what others hold is put on leaves that none
 * of our attempts has, on Slurm's own numbers where they are free and where it stood before otherwise. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "engine/slurm/engine_inner.h"

enum { RENEWALS_DOUBLE = 6 };

/* A fleet may be declared anew: only additions, so what was told stays told. */
bool slurm_ground_ready(struct slurm *slurm)
{
    const struct dure_fleet *fleet = slurm->options.fleet(slurm->context);
    uint32_t count = 0, at = 0;
    if (!fleet || (slurm->fleet == fleet && slurm->fleet_nodes == fleet->node_count))
        return fleet != NULL;
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        count += fleet->chains[i].site.v == slurm->options.site.v ? fleet->chains[i].node_count : 0;
    struct slurm_node *nodes = calloc(count ? count : 1, sizeof *nodes);
    if (!nodes)
        return false;
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        for (uint32_t n = 0; chain->site.v == slurm->options.site.v && n < chain->node_count; n++, at++) {
            uint64_t before;
            if (dure_map_get(&slurm->node_map, chain->node_first + n, &before))
                nodes[at] = slurm->nodes[before];
            nodes[at].id = chain->node_first + n;
            nodes[at].gpus = chain->node_gpus;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (!dure_map_put(&slurm->node_map, nodes[i].id, i)) {
            free(nodes);
            return false;
        }
    free(slurm->nodes);
    slurm->nodes = nodes;
    slurm->node_count = count;
    slurm->fleet = fleet;
    slurm->fleet_nodes = fleet->node_count;
    slurm->nodes_us = 0; /* list them */
    return true;
}

static struct slurm_node *node_of(const struct slurm *slurm, uint32_t id)
{
    uint64_t at;
    return dure_map_get(&slurm->node_map, id, &at) && at < slurm->node_count ? &slurm->nodes[at] : NULL;
}

static struct slurm_node *node_named(const struct slurm *slurm, const char *name)
{
    char whole[2 * DURE_NAME_MAX + 2];
    struct dure_node_id id;
    if (snprintf(whole, sizeof whole, "%s%s", slurm->site.node_prefix, name) > DURE_NAME_MAX ||
        !dure_fleet_node_find(slurm->fleet, whole, &id))
        return NULL;
    return node_of(slurm, id.v);
}

static uint64_t all_of(const struct slurm_node *node)
{
    return node->gpus >= 64 ? UINT64_MAX : (UINT64_C(1) << node->gpus) - 1;
}

bool slurm_ground_holds(const struct dure_slurm_job *job)
{
    return job->state == DURE_SLURM_STATE_RUNNING || job->state == DURE_SLURM_STATE_SUSPENDED ||
           job->state == DURE_SLURM_STATE_COMPLETING ||
           job->flags & (DURE_SLURM_JOB_COMPLETING | DURE_SLURM_JOB_CONFIGURING);
}

static uint64_t share_on(const struct slurm_attempt *attempt, uint32_t node)
{
    for (uint32_t i = 0; attempt && i < attempt->share_count; i++)
        if (attempt->shares[i].node == node)
            return attempt->shares[i].mask;
    return 0;
}

/* What a job holds beyond what the core gave it; of a job that the core does not know, all. */
static void count_job(struct slurm *slurm, const struct dure_slurm_job *job, bool states_only, bool anew)
{
    uint64_t id;
    uint32_t node_count;
    const struct dure_slurm_job_node *nodes =
        slurm_recall_nodes(slurm, job, states_only && !SLURM_WITHOUT(RECALL), &node_count);
    const bool ours = slurm_name_is_ours(slurm, job->name, &id);
    struct slurm_attempt *attempt = ours ? slurm_find(slurm, id) : NULL;
    for (uint32_t i = 0; i < node_count; i++) {
        struct slurm_node *node = node_named(slurm, nodes[i].name);
        if (!node)
            continue;
        node->live += attempt != NULL;
        const uint64_t share = share_on(attempt, node->id);
        const uint32_t given = (uint32_t)__builtin_popcountll(share), has = nodes[i].gpu_count;
        if (!anew || (attempt && has <= given) || (ours && !attempt && SLURM_WITHOUT(LEAVING)))
            continue;
        node->foreign += has - given;
        node->foreign_jobs++;
        node->slurm_foreign |= attempt ? 0 : nodes[i].gpu_mask;
    }
}

void slurm_ground_jobs(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    const bool anew = slurm->jobs_counts++ == 0 || !SLURM_WITHOUT(RECOUNT);
    for (uint32_t i = 0; i < slurm->node_count; i++) {
        slurm->nodes[i].own = 0;
        slurm->nodes[i].live = 0;
        if (anew)
            slurm->nodes[i].foreign = slurm->nodes[i].foreign_jobs = 0, slurm->nodes[i].slurm_foreign = 0;
    }
    for (const struct slurm_attempt *attempt = slurm->all; attempt; attempt = attempt->next)
        for (uint32_t i = 0; i < attempt->share_count; i++) {
            struct slurm_node *node = node_of(slurm, attempt->shares[i].node);
            if (node)
                node->own |= attempt->shares[i].mask;
        }
    for (uint32_t i = 0; i < reply->job_count; i++)
        if (slurm_ground_holds(&reply->jobs[i]))
            count_job(slurm, &reply->jobs[i], reply->states_only, anew);
    slurm->jobs_counted = true;
}

/* ---- nodes ---- */

static void say(struct slurm_node *node, const char *what, const char *reason)
{
    if (reason[0])
        snprintf(node->reason, sizeof node->reason, "Slurm: %s: %.200s", what, reason);
    else
        snprintf(node->reason, sizeof node->reason, "Slurm: %s", what);
}

static void take_node(struct slurm *slurm, struct slurm_node *node, const struct dure_slurm_node *listed)
{
    const uint32_t closed = DURE_SLURM_NODE_MAINT | (slurm->site.reservation[0] ? 0 : DURE_SLURM_NODE_RESERVED);
    node->listed = true;
    node->flags = listed->flags;
    node->whole = false;
    node->reason[0] = '\0';
    if (listed->flags & DURE_SLURM_NODE_SILENT)
        say(node, "the node does not answer", "");
    else if (listed->flags & DURE_SLURM_NODE_DOWN)
        say(node, "down", listed->reason);
    else if (listed->flags & (DURE_SLURM_NODE_FUTURE | DURE_SLURM_NODE_INVALID))
        say(node, "not usable", listed->reason);
    else if (listed->flags & (DURE_SLURM_NODE_DRAIN | DURE_SLURM_NODE_FAIL)) {
        node->whole = true;
        say(node, listed->flags & DURE_SLURM_NODE_DRAIN ? "drained" : "expected to fail", listed->reason);
    } else if (listed->flags & closed) {
        node->whole = true;
        say(node, "reserved for others", "");
    }
}

void slurm_ground_nodes(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    if (!slurm_ground_ready(slurm))
        return;
    for (uint32_t i = 0; i < slurm->node_count; i++) {
        slurm->nodes[i].listed = false;
        say(&slurm->nodes[i], "there is no such node", "");
    }
    for (uint32_t i = 0; i < reply->node_count; i++) {
        struct slurm_node *node = node_named(slurm, reply->nodes[i].name);
        if (node)
            take_node(slurm, node, &reply->nodes[i]);
    }
    slurm->nodes_listed = true;
}

/* ---- what the core is told ---- */

static uint64_t take_bits(uint64_t from, uint32_t *count)
{
    uint64_t bits = 0;
    for (; *count && from; (*count)--) {
        const uint64_t bit = UINT64_C(1) << (63 - __builtin_clzll(from)); /* the core fills from below */
        bits |= bit;
        from &= ~bit;
    }
    return bits;
}

static uint64_t foreign_of(const struct slurm_node *node)
{
    const uint64_t free = all_of(node) & ~node->own;
    const bool exclusive = node->foreign_jobs && (node->flags & DURE_SLURM_NODE_ALLOCATED);
    uint32_t count = node->foreign;
    if (node->whole || exclusive)
        return free;
    uint64_t mask = take_bits(free & node->slurm_foreign & node->told_foreign, &count);
    mask |= take_bits(free & node->slurm_foreign & ~mask, &count);
    mask |= take_bits(free & node->told_foreign & ~mask, &count);
    return mask | take_bits(free & ~mask, &count);
}

/* A slurmctld that has just begun knows nothing of its nodes and calls them down, while the jobs there run on. Of a node that is down it ends the
 * jobs: as long as it has not, nobody knows. */
static enum dure_node_report state_of(const struct slurm *slurm, const struct slurm_node *node)
{
    const uint32_t down = DURE_SLURM_NODE_DOWN | DURE_SLURM_NODE_FUTURE | DURE_SLURM_NODE_INVALID;
    if (slurm->away)
        return DURE_NODE_IS_AWAY;
    if (!node->listed || node->flags & down)
        return node->live && !SLURM_WITHOUT(DOUBT) ? DURE_NODE_IS_AWAY : DURE_NODE_IS_DOWN;
    return node->flags & DURE_SLURM_NODE_SILENT ? DURE_NODE_IS_AWAY : DURE_NODE_IS_UP;
}

static void words_of(const struct slurm *slurm, const struct slurm_node *node, struct dure_node_observation *seen)
{
    if (slurm->away)
        snprintf(seen->reason, sizeof seen->reason, "its Slurm does not answer: %.200s",
                 slurm->trouble[0] ? slurm->trouble
                                   : "nothing came within 10 s; what is heard by now stands in dure version --json");
    else if (seen->state != DURE_NODE_IS_UP)
        dure_text_copy(seen->reason, sizeof seen->reason, node->reason);
    if (seen->foreign)
        dure_text_copy(seen->foreign_reason, sizeof seen->foreign_reason,
                       node->reason[0] ? node->reason : "work given to Slurm beside dure");
}

void slurm_ground_tell(struct slurm *slurm)
{
    if (!slurm->away && (!slurm->nodes_listed || !slurm->jobs_counted))
        return;
    const int64_t now = slurm_steady_us(slurm);
    for (uint32_t i = 0; i < slurm->node_count; i++) {
        struct slurm_node *node = &slurm->nodes[i];
        struct dure_node_observation seen = {.node = {node->id}, .state = state_of(slurm, node)};
        seen.foreign_known = seen.state == DURE_NODE_IS_UP;
        seen.foreign = seen.foreign_known ? foreign_of(node) : node->told_foreign;
        const bool same = node->told && node->told_state == seen.state && node->told_foreign == seen.foreign;
        if (same && (seen.state == DURE_NODE_IS_UP || now < node->told_us + (SLURM_WORDS_US << node->renewals) ||
                     SLURM_WITHOUT(WORDS)))
            continue;
        words_of(slurm, node, &seen);
        if (same && strcmp(seen.reason, node->told_reason) == 0)
            continue;
        node->told = true;
        node->told_us = now;
        node->renewals = !same ? 0 : node->renewals + (node->renewals < RENEWALS_DOUBLE);
        dure_text_copy(node->told_reason, sizeof node->told_reason, seen.reason);
        node->told_state = seen.state;
        node->told_foreign = seen.foreign;
        slurm->options.observe_node(slurm->options.node_context, &seen);
    }
}

bool slurm_ground_ousted(const struct slurm *slurm, const struct slurm_attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->share_count; i++) {
        const struct slurm_node *node = node_of(slurm, attempt->shares[i].node);
        if (node && (node->whole || (uint32_t)__builtin_popcountll(node->own) + node->foreign > node->gpus ||
                     (node->foreign_jobs && node->flags & DURE_SLURM_NODE_ALLOCATED)))
            return true;
    }
    return false;
}
