/* What an engine sees of nodes, through the loop: news becomes an input, the same said again becomes nothing, however fast it is said. */
#include <stdio.h>
#include <string.h>

#include "specs.h"
#include "tap.h"
#include "world.h"

static struct {
    unsigned reports, foreign;
    struct dure_record last;
} seen;

static bool look(void *context, uint64_t sequence, const void *leaf, size_t length)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_record record;
    (void)context, (void)sequence;
    if (dure_record_decode(leaf, length, arena, &record, NULL) == DURE_OK) {
        seen.reports += record.kind == DURE_REC_NODE_REPORT;
        seen.foreign += record.kind == DURE_REC_FOREIGN;
        if (record.kind == DURE_REC_NODE_REPORT || record.kind == DURE_REC_FOREIGN)
            seen.last = record;
    }
    dure_arena_free(arena);
    return true;
}

static bool any_end(void *context, uint64_t last_sequence, struct dure_digest digest)
{
    (void)context, (void)last_sequence, (void)digest;
    return true;
}

static void settle(struct world *world)
{
    for (unsigned i = 0; i < 1000 && !world_quiet(world); i++)
        world_turn(world);
    struct dure_journal_head head;
    memset(&seen, 0, sizeof seen);
    dure_journal_head(world->journal, &head);
    if (dure_journal_read(world->journal, 0, head.size, look, any_end, NULL, NULL) != DURE_OK)
        tap_bail("the journal cannot be read");
}

static struct dure_node_observation observed(uint32_t node, enum dure_node_report state, const char *reason)
{
    struct dure_node_observation o = {.node = {node}, .state = state};
    snprintf(o.reason, sizeof o.reason, "%s", reason);
    return o;
}

static struct dure_node_view view_of(const struct world *world, uint32_t node)
{
    struct dure_node_view view;
    if (!dure_core_node_view(world->core, (struct dure_node_id){node}, &view))
        tap_bail("no node %u", node);
    return view;
}

int main(void)
{
    static struct world world = {.seed = 5};
    snprintf(world.directory, sizeof world.directory, "%s/nodes", tap_tempdir());
    if (!world_open(&world))
        tap_bail("the world cannot be opened");
    specs_load(&world);
    settle(&world);

    struct dure_node_observation o = observed(0, DURE_NODE_IS_UP, "");
    dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(seen.reports == 0 && seen.foreign == 0, "a node that is up and free is no news");

    o.foreign_known = true;
    o.foreign = 3;
    snprintf(o.foreign_reason, sizeof o.foreign_reason, "job 17");
    for (unsigned i = 0; i < 5; i++)
        dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(seen.reports == 0 && seen.foreign == 1, "five times the same GPUs are one input: %u", seen.foreign);
    TAP_OK(seen.last.mask == 3 && !strcmp(seen.last.reason, "job 17"), "with the mask and the words");
    TAP_OK(view_of(&world, 0).gpus_foreign == 2 && !strcmp(view_of(&world, 0).foreign_reason, "job 17"),
           "which the node shows");

    /* 7, then 3 again, before anything is stepped: the second is news to the first. */
    o.foreign = 7;
    dure_loop_observe_node(world.loop, &o);
    o.foreign = 3;
    dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(seen.foreign == 3 && view_of(&world, 0).foreign == 3, "there and back in one breath ends where it ended");

    o = observed(0, DURE_NODE_IS_AWAY, "slurmctld does not answer");
    dure_loop_observe_node(world.loop, &o);
    dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(seen.reports == 1 && view_of(&world, 0).state == DURE_NODE_AWAY &&
               !strcmp(view_of(&world, 0).reason, "slurmctld does not answer"),
           "away, once, and why");
    TAP_OK(view_of(&world, 0).foreign == 3, "what is not known stays as it was");
    o = observed(0, DURE_NODE_IS_AWAY, "its token ran out");
    for (unsigned i = 0; i < 3; i++)
        dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(seen.reports == 2 && view_of(&world, 0).state == DURE_NODE_AWAY &&
               !strcmp(view_of(&world, 0).reason, "its token ran out"),
           "away still, for another reason, once");

    world_crash(&world);
    TAP_OK(world_open(&world) && view_of(&world, 0).state == DURE_NODE_AWAY && view_of(&world, 0).foreign == 3 &&
               !strcmp(view_of(&world, 0).reason, "its token ran out"),
           "and after a crash");
    o = observed(0, DURE_NODE_IS_UP, "");
    o.foreign_known = true;
    dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(view_of(&world, 0).state == DURE_NODE_UP && view_of(&world, 0).gpus_foreign == 0, "up and free again");

    const unsigned reports = seen.reports, foreign = seen.foreign;
    o = observed(UINT32_MAX - 1, DURE_NODE_IS_DOWN, "");
    dure_loop_observe_node(world.loop, &o);
    o = observed(0, DURE_NODE_IS_UP, "");
    o.foreign_known = true;
    o.foreign = UINT64_MAX;
    dure_loop_observe_node(world.loop, &o);
    o = observed(0, (enum dure_node_report)7, "");
    dure_loop_observe_node(world.loop, &o);
    settle(&world);
    TAP_OK(seen.reports == reports && seen.foreign == foreign && world.fatal == DURE_OK,
           "a node, GPUs and a state that there are not leave no trace");
    world_close(&world);
    specs_free();
    return tap_done();
}
