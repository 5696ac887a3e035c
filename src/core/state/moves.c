#include "core/state/moves.h"

#define BIT(state) (1u << (state))

#define JOB_ENDS                                                                                                       \
    (BIT(DURE_JOB_COMPLETED) | BIT(DURE_JOB_FAILED) | BIT(DURE_JOB_CANCELLED) | BIT(DURE_JOB_TIMEOUT) |                \
     BIT(DURE_JOB_NODE_FAIL) | BIT(DURE_JOB_EVICTED) | BIT(DURE_JOB_DEADLINE) | BIT(DURE_JOB_LAUNCH_FAILED))

static const unsigned job_moves[] = {
    [0] = BIT(DURE_JOB_PENDING),
    /* What never ran can only be cancelled, or be too late. */
    [DURE_JOB_PENDING] = BIT(DURE_JOB_RUNNING) | BIT(DURE_JOB_CANCELLED) | BIT(DURE_JOB_DEADLINE),
    /* A running job may go back to the queue; it may also end of itself although nobody asked it to. */
    [DURE_JOB_RUNNING] = BIT(DURE_JOB_STOPPING) | BIT(DURE_JOB_PENDING) | JOB_ENDS,
    [DURE_JOB_STOPPING] = BIT(DURE_JOB_PENDING) | JOB_ENDS,
};

static const unsigned attempt_moves[] = {
    [0] = BIT(DURE_ATTEMPT_STARTING) | BIT(DURE_ATTEMPT_RUNNING), /* an emulated site runs it at once */
    [DURE_ATTEMPT_STARTING] =
        BIT(DURE_ATTEMPT_RUNNING) | BIT(DURE_ATTEMPT_WARNED) | BIT(DURE_ATTEMPT_STOPPING) | BIT(DURE_ATTEMPT_GONE),
    [DURE_ATTEMPT_RUNNING] = BIT(DURE_ATTEMPT_WARNED) | BIT(DURE_ATTEMPT_STOPPING) | BIT(DURE_ATTEMPT_GONE),
    [DURE_ATTEMPT_WARNED] = BIT(DURE_ATTEMPT_STARTING) | BIT(DURE_ATTEMPT_RUNNING) | BIT(DURE_ATTEMPT_WARNED) |
                            BIT(DURE_ATTEMPT_STOPPING) |
                            BIT(DURE_ATTEMPT_GONE), /* back to what it was when the notice is taken back */
    [DURE_ATTEMPT_STOPPING] = BIT(DURE_ATTEMPT_STOPPING) | BIT(DURE_ATTEMPT_GONE), /* again, for a weightier cause */
};

static const unsigned node_moves[] = {
    [DURE_NODE_ARRIVING] = BIT(DURE_NODE_UP) | BIT(DURE_NODE_DRAINED) | BIT(DURE_NODE_DOWN) | BIT(DURE_NODE_AWAY),
    [DURE_NODE_UP] = BIT(DURE_NODE_DRAINING) | BIT(DURE_NODE_DRAINED) | BIT(DURE_NODE_DOWN) | BIT(DURE_NODE_AWAY),
    [DURE_NODE_DRAINING] = BIT(DURE_NODE_UP) | BIT(DURE_NODE_DRAINED) | BIT(DURE_NODE_DOWN) | BIT(DURE_NODE_AWAY),
    [DURE_NODE_DRAINED] = BIT(DURE_NODE_UP) | BIT(DURE_NODE_ARRIVING) | BIT(DURE_NODE_DOWN) | BIT(DURE_NODE_AWAY),
    [DURE_NODE_DOWN] = BIT(DURE_NODE_UP) | BIT(DURE_NODE_ARRIVING) | BIT(DURE_NODE_DRAINING) | BIT(DURE_NODE_DRAINED) |
                       BIT(DURE_NODE_AWAY),
    [DURE_NODE_AWAY] = BIT(DURE_NODE_UP) | BIT(DURE_NODE_ARRIVING) | BIT(DURE_NODE_DRAINING) | BIT(DURE_NODE_DRAINED) |
                       BIT(DURE_NODE_DOWN),
};

static const unsigned allot_moves[] = {
    [0] = BIT(DURE_ALLOT_PROMISED) | BIT(DURE_ALLOT_ACTIVE),
    [DURE_ALLOT_PROMISED] = BIT(DURE_ALLOT_ACTIVE) | BIT(DURE_ALLOT_SHORT) | BIT(DURE_ALLOT_ENDED),
    [DURE_ALLOT_ACTIVE] = BIT(DURE_ALLOT_SHORT) | BIT(DURE_ALLOT_ENDED),
    [DURE_ALLOT_SHORT] = BIT(DURE_ALLOT_ACTIVE) | BIT(DURE_ALLOT_ENDED),
};

static bool may(const unsigned *moves, unsigned count, unsigned from, unsigned to)
{
    return from < count && to < 32 && (moves[from] >> to & 1);
}

#define MAY(moves) may(moves, sizeof moves / sizeof moves[0], from, to)

bool dure_move_job(unsigned from, unsigned to)
{
    return MAY(job_moves);
}

bool dure_move_attempt(unsigned from, unsigned to)
{
    return MAY(attempt_moves);
}

bool dure_move_node(unsigned from, unsigned to)
{
    return MAY(node_moves);
}

bool dure_move_allot(unsigned from, unsigned to)
{
    return MAY(allot_moves);
}
