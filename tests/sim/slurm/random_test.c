/* Random orders, random faults of the daemon, of slurmctld and of what is between, from one seed: no attempt starts twice, each one's end is told,
 * nothing of others is touched, and when all is quiet nothing of ours is left. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

enum { ROUNDS = 400, LIVE_MAX = 12 };

static uint64_t seed;

static uint64_t pick(uint64_t bound)
{
    return tap_random_below(&seed, bound);
}

static uint64_t next_attempt;

static uint64_t a_live_one(void)
{
    uint64_t live[RIG_ATTEMPTS];
    unsigned count = 0;
    for (uint64_t id = 1; id < next_attempt; id++)
        if (!rig.attempts[id].over)
            live[count++] = id;
    return count ? live[pick(count)] : 0;
}

/* The core gives leaves to one attempt at a time. */
static bool place(uint64_t id)
{
    uint64_t used[FAKE_NODES] = {0};
    unsigned live = 0;
    for (uint64_t other = 1; other < id; other++)
        for (uint32_t n = 0; !rig.attempts[other].over && n < rig.attempts[other].nodes; n++, live++)
            used[rig.attempts[other].node + n] |= rig.attempts[other].mask;
    const uint32_t nodes = 1 + (uint32_t)pick(2), first = (uint32_t)pick(FAKE_NODES - nodes + 1);
    const uint64_t mask = pick(2) ? 3 : 8;
    for (uint32_t n = 0; n < nodes; n++)
        if ((used[first + n] | rig.nodes[first + n].foreign) & mask)
            return false;
    if (live >= LIVE_MAX)
        return false;
    fake.lasts_us = (int64_t)(1 + pick(90)) * DURE_SECOND_US;
    rig_start(id, first, nodes, mask);
    return true;
}

static void strike(void)
{
    switch (pick(16)) {
    case 14: fake.tells_states = !fake.tells_states; break;
    case 15: fake.whole_unreadable = !fake.whole_unreadable; break;
    case 0: fake.silent = !fake.silent; break;
    case 1: fake.lose_answers = (unsigned)pick(3); break;
    case 2: fake.lose_orders = (unsigned)pick(4); break;
    case 3: fake.stuck = !fake.stuck; break;
    case 4: fake.denied = !fake.denied; break;
    case 5: fake.list_late_us = (int64_t)pick(3) * DURE_SECOND_US; break;
    case 6:
        if (rig.engine)
            rig_crash();
        break;
    case 7: fake_foreign(1u << pick(FAKE_NODES), 1 + (uint32_t)pick(2), (int64_t)pick(120) * DURE_SECOND_US); break;
    case 8: fake.node_flags[pick(FAKE_NODES)] ^= DURE_SLURM_NODE_DOWN; break;
    case 9: fake.start_late_us = (int64_t)pick(3) * DURE_SECOND_US; break;
    case 10: {
        struct fake_job *job = fake_job("dure-");
        if (job && !dure_slurm_state_ended(job->state) && pick(3) == 0) {
            job->state = DURE_SLURM_STATE_CANCELLED;
            job->end_us = fake.now_us;
        }
        break;
    }
    case 11: fake.late_us = (int64_t)pick(4) * DURE_SECOND_US; break;
    default: break;
    }
}

static void turn(void)
{
    const struct dure_attempt_id id = {a_live_one()};
    strike();
    if (!rig.engine && pick(3) == 0)
        rig_engine();
    if (rig.engine && next_attempt < RIG_ATTEMPTS && pick(2) && place(next_attempt))
        next_attempt++;
    if (rig.engine && id.v && pick(8) == 0)
        rig.engine->warn(rig.engine->state, id, 0);
    if (rig.engine && id.v && !rig.attempts[id.v].over && pick(10) == 0)
        rig.engine->stop(rig.engine->state, id);
    if (rig.engine && id.v && !rig.attempts[id.v].over && pick(20) == 0) { /* its node is lost, says the core */
        rig.attempts[id.v].over = true;
        rig.engine->forget(rig.engine->state, id);
    }
    rig_run((int64_t)pick(8) * DURE_SECOND_US + (int64_t)pick(1000000));
}

static void calm(void)
{
    fake.silent = fake.stuck = fake.denied = fake.whole_unreadable = false;
    fake.lose_answers = fake.lose_orders = 0;
    fake.list_late_us = fake.start_late_us = fake.late_us = 0;
    memset(fake.node_flags, 0, sizeof fake.node_flags);
    if (!rig.engine)
        rig_engine();
    rig_run(900 * DURE_SECOND_US);
}

static void play(uint64_t from)
{
    unsigned left = 0, untold = 0, twice = 0, foreign = 0;
    seed = from;
    next_attempt = 1;
    rig_begin();
    for (unsigned i = 0; i < ROUNDS; i++)
        turn();
    calm();
    for (uint32_t i = 0; i < fake.job_count; i++)
        left += !fake.jobs[i].foreign && !dure_slurm_state_ended(fake.jobs[i].state);
    for (uint64_t id = 1; id < next_attempt; id++) {
        untold += !rig.attempts[id].over;
        twice += rig.attempts[id].reports > 1;
    }
    for (unsigned n = 0; n < FAKE_NODES; n++)
        foreign += rig.nodes[n].foreign != 0 || rig.nodes[n].state != DURE_NODE_IS_UP;
    TAP_OK(fake_starts_most() <= 1, "seed %llu, %llu attempts: none starts twice", (unsigned long long)from,
           (unsigned long long)next_attempt - 1);
    TAP_EQ_UINT(untold, 0, "the end of each is told");
    TAP_EQ_UINT(twice, 0, "once");
    TAP_EQ_UINT(left, 0, "nothing of ours is left");
    TAP_EQ_UINT(foreign, 0, "and what others held is free again");
    TAP_EQ_UINT(fake.foreign_cancels, 0, "nothing of others was touched");
    rig_end();
}

int main(void)
{
    uint64_t first = tap_seed(20261127);
    for (unsigned i = 0; i < 12; i++)
        play(tap_random(&first));
    return tap_done();
}
