/* Every move of jobs, attempts, nodes and allotments: all that are allowed stand here by name, all others must be refused. */
#include <string.h>

#include "core/state/moves.h"
#include "tap.h"

struct move {
    unsigned from, to;
};

static void table(const char *what, bool (*may)(unsigned from, unsigned to), unsigned states,
                  const struct move *allowed, unsigned count)
{
    unsigned found = 0;
    for (unsigned from = 0; from <= states + 1; from++)
        for (unsigned to = 0; to <= states + 1; to++) {
            bool wanted = false;
            for (unsigned i = 0; i < count; i++)
                wanted |= allowed[i].from == from && allowed[i].to == to;
            found += wanted;
            TAP_EQ_INT(may(from, to), wanted, "%s: %u to %u is %s", what, from, to, wanted ? "allowed" : "refused");
        }
    TAP_EQ_UINT(found, count, "%s: each allowed move was tried", what);
}

#define TABLE(what, may, states, moves) table(what, may, states, moves, sizeof moves / sizeof moves[0])

static const struct move jobs[] = {
    {0, DURE_JOB_PENDING},
    {DURE_JOB_PENDING, DURE_JOB_RUNNING},
    {DURE_JOB_PENDING, DURE_JOB_CANCELLED},
    {DURE_JOB_PENDING, DURE_JOB_DEADLINE},
    {DURE_JOB_RUNNING, DURE_JOB_PENDING},
    {DURE_JOB_RUNNING, DURE_JOB_STOPPING},
    {DURE_JOB_RUNNING, DURE_JOB_COMPLETED},
    {DURE_JOB_RUNNING, DURE_JOB_FAILED},
    {DURE_JOB_RUNNING, DURE_JOB_CANCELLED},
    {DURE_JOB_RUNNING, DURE_JOB_TIMEOUT},
    {DURE_JOB_RUNNING, DURE_JOB_NODE_FAIL},
    {DURE_JOB_RUNNING, DURE_JOB_EVICTED},
    {DURE_JOB_RUNNING, DURE_JOB_DEADLINE},
    {DURE_JOB_RUNNING, DURE_JOB_LAUNCH_FAILED},
    {DURE_JOB_STOPPING, DURE_JOB_PENDING},
    {DURE_JOB_STOPPING, DURE_JOB_COMPLETED},
    {DURE_JOB_STOPPING, DURE_JOB_FAILED},
    {DURE_JOB_STOPPING, DURE_JOB_CANCELLED},
    {DURE_JOB_STOPPING, DURE_JOB_TIMEOUT},
    {DURE_JOB_STOPPING, DURE_JOB_NODE_FAIL},
    {DURE_JOB_STOPPING, DURE_JOB_EVICTED},
    {DURE_JOB_STOPPING, DURE_JOB_DEADLINE},
    {DURE_JOB_STOPPING, DURE_JOB_LAUNCH_FAILED},
};

static const struct move attempts[] = {
    {0, DURE_ATTEMPT_STARTING},
    {0, DURE_ATTEMPT_RUNNING},
    {DURE_ATTEMPT_STARTING, DURE_ATTEMPT_RUNNING},
    {DURE_ATTEMPT_STARTING, DURE_ATTEMPT_WARNED},
    {DURE_ATTEMPT_STARTING, DURE_ATTEMPT_STOPPING},
    {DURE_ATTEMPT_STARTING, DURE_ATTEMPT_GONE},
    {DURE_ATTEMPT_RUNNING, DURE_ATTEMPT_WARNED},
    {DURE_ATTEMPT_RUNNING, DURE_ATTEMPT_STOPPING},
    {DURE_ATTEMPT_RUNNING, DURE_ATTEMPT_GONE},
    {DURE_ATTEMPT_WARNED, DURE_ATTEMPT_STARTING},
    {DURE_ATTEMPT_WARNED, DURE_ATTEMPT_RUNNING},
    {DURE_ATTEMPT_WARNED, DURE_ATTEMPT_WARNED},
    {DURE_ATTEMPT_WARNED, DURE_ATTEMPT_STOPPING},
    {DURE_ATTEMPT_WARNED, DURE_ATTEMPT_GONE},
    {DURE_ATTEMPT_STOPPING, DURE_ATTEMPT_STOPPING},
    {DURE_ATTEMPT_STOPPING, DURE_ATTEMPT_GONE},
};

static const struct move nodes[] = {
    {DURE_NODE_ARRIVING, DURE_NODE_UP},   {DURE_NODE_ARRIVING, DURE_NODE_DRAINED},
    {DURE_NODE_ARRIVING, DURE_NODE_DOWN}, {DURE_NODE_ARRIVING, DURE_NODE_AWAY},
    {DURE_NODE_UP, DURE_NODE_DRAINING},   {DURE_NODE_UP, DURE_NODE_DRAINED},
    {DURE_NODE_UP, DURE_NODE_DOWN},       {DURE_NODE_UP, DURE_NODE_AWAY},
    {DURE_NODE_DRAINING, DURE_NODE_UP},   {DURE_NODE_DRAINING, DURE_NODE_DRAINED},
    {DURE_NODE_DRAINING, DURE_NODE_DOWN}, {DURE_NODE_DRAINING, DURE_NODE_AWAY},
    {DURE_NODE_DRAINED, DURE_NODE_UP},    {DURE_NODE_DRAINED, DURE_NODE_ARRIVING},
    {DURE_NODE_DRAINED, DURE_NODE_DOWN},  {DURE_NODE_DRAINED, DURE_NODE_AWAY},
    {DURE_NODE_DOWN, DURE_NODE_UP},       {DURE_NODE_DOWN, DURE_NODE_ARRIVING},
    {DURE_NODE_DOWN, DURE_NODE_DRAINING}, {DURE_NODE_DOWN, DURE_NODE_DRAINED},
    {DURE_NODE_DOWN, DURE_NODE_AWAY},     {DURE_NODE_AWAY, DURE_NODE_UP},
    {DURE_NODE_AWAY, DURE_NODE_ARRIVING}, {DURE_NODE_AWAY, DURE_NODE_DRAINING},
    {DURE_NODE_AWAY, DURE_NODE_DRAINED},  {DURE_NODE_AWAY, DURE_NODE_DOWN},
};

static const struct move allots[] = {
    {0, DURE_ALLOT_PROMISED},
    {0, DURE_ALLOT_ACTIVE},
    {DURE_ALLOT_PROMISED, DURE_ALLOT_ACTIVE},
    {DURE_ALLOT_PROMISED, DURE_ALLOT_SHORT},
    {DURE_ALLOT_PROMISED, DURE_ALLOT_ENDED},
    {DURE_ALLOT_ACTIVE, DURE_ALLOT_SHORT},
    {DURE_ALLOT_ACTIVE, DURE_ALLOT_ENDED},
    {DURE_ALLOT_SHORT, DURE_ALLOT_ACTIVE},
    {DURE_ALLOT_SHORT, DURE_ALLOT_ENDED},
};

int main(void)
{
    TABLE("job", dure_move_job, DURE_JOB_LAUNCH_FAILED, jobs);
    TABLE("attempt", dure_move_attempt, DURE_ATTEMPT_GONE, attempts);
    TABLE("node", dure_move_node, DURE_NODE_AWAY, nodes);
    TABLE("allotment", dure_move_allot, DURE_ALLOT_ENDED, allots);
    return tap_done();
}
