/* dured, slurmctld, slurmrestd and the network each fail and come back, in every order: 2520 of them, of which some are played each time and all with
 * DURE_SOAK. Meanwhile a gang runs, jobs are given, warned and stopped. Whatever the order: none starts twice, each one's end is told once, what others
 * gave is left alone, and in the end all is up, free and known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

enum { PARTIES = 4, EVENTS = 2 * PARTIES, DURED = 0, SLURMCTLD, SLURMRESTD, NETWORK, PLAYED = 90 };

static const char letters[] = "dcrn"; /* small: fails; capital: is back */

struct order {
    unsigned party[EVENTS]; /* the first of a party is its failure */
};

static void happen(unsigned party, bool back)
{
    switch (party) {
    case DURED:
        if (back)
            rig_engine();
        else
            rig_crash();
        break;
    case SLURMCTLD: fake.ctld_dead = !back; break;
    case SLURMRESTD: fake.stuck = !back; break;
    default: fake.gone = !back; break;
    }
    if (party != SLURMCTLD || !back)
        return;
    fake.forgets_nodes = true; /* one that begins */
    rig_run(2 * DURE_SECOND_US);
    fake.forgets_nodes = false;
}

static void work(unsigned event)
{
    if (!rig.engine)
        return;
    fake.lasts_us = (1 + event) * DURE_SECOND_US;
    rig_start(2 + event, 2 + event / 4, 1, UINT64_C(1) << event % 4);
    for (uint64_t id = 2; id < 2 + event; id++) {
        if (!rig.attempts[id].ordered || rig.attempts[id].over)
            continue;
        if (event == 3)
            rig.engine->warn(rig.engine->state, (struct dure_attempt_id){id}, 0);
        else if (event == 6)
            rig.engine->stop(rig.engine->state, (struct dure_attempt_id){id});
        break;
    }
}

/* What does not hold of it; NULL: all does. */
static const char *verdict(void)
{
    if (fake_starts_most() > 1)
        return "one started twice";
    for (uint64_t id = 1; id < 2 + EVENTS; id++) {
        if (rig.attempts[id].ordered && !rig.attempts[id].over)
            return "the end of one is not told";
        if (rig.attempts[id].reports > 1)
            return "the end of one is told twice";
        if (rig.attempts[id].cancelled)
            return "one is said to be cancelled by others";
    }
    if (rig.attempts[1].report != DURE_REPORT_ENDED || rig.attempts[1].exit_code || rig.attempts[1].exit_signal)
        return "the gang did not run to its end";
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (!fake.jobs[i].foreign && !dure_slurm_state_ended(fake.jobs[i].state))
            return "something of ours is left";
    for (unsigned n = 0; n < FAKE_NODES; n++)
        if (rig.nodes[n].state != DURE_NODE_IS_UP || __builtin_popcountll(rig.nodes[n].foreign) != (n == 3))
            return "a node is not what it is";
    return fake.foreign_cancels ? "others' work was touched" : NULL;
}

static const char *play(const struct order *order, bool slow, bool tells_states)
{
    bool down[PARTIES] = {0};
    rig_begin();
    fake.tells_states = tells_states;
    fake_foreign(8, 1, 10 * DURE_HOUR_US);
    rig.attempts[1] = (struct rig_attempt){0};
    fake.lasts_us = 60 * DURE_SECOND_US;
    rig_start(1, 0, 2, 3);
    rig_run(8 * DURE_SECOND_US);
    for (unsigned event = 0; event < EVENTS; event++) {
        const unsigned party = order->party[event];
        happen(party, down[party]);
        down[party] = !down[party];
        work(event);
        rig_run((slow ? 14 : 2) * DURE_SECOND_US + 137000 * (int64_t)event);
    }
    rig_run(160 * DURE_SECOND_US);
    const char *wrong = verdict();
    rig_end();
    return wrong;
}

/* The next in lexical order; false: that was the last. */
static bool next_order(struct order *order)
{
    unsigned *at = order->party, pivot = EVENTS - 1, with = EVENTS - 1;
    while (pivot && at[pivot - 1] >= at[pivot])
        pivot--;
    if (!pivot)
        return false;
    while (at[with] <= at[pivot - 1])
        with--;
    unsigned keep = at[pivot - 1];
    at[pivot - 1] = at[with];
    at[with] = keep;
    for (unsigned a = pivot, b = EVENTS - 1; a < b; a++, b--) {
        keep = at[a];
        at[a] = at[b];
        at[b] = keep;
    }
    return true;
}

static void name(const struct order *order, char text[EVENTS + 1])
{
    bool down[PARTIES] = {0};
    for (unsigned i = 0; i < EVENTS; i++) {
        const unsigned party = order->party[i];
        text[i] = (char)(down[party] ? letters[party] - 32 : letters[party]);
        down[party] = true;
    }
    text[EVENTS] = '\0';
}

int main(int argc, char **argv)
{
    struct order order = {{0, 0, 1, 1, 2, 2, 3, 3}};
    const bool all = getenv("DURE_SOAK") != NULL;
    const uint64_t first = tap_seed(20261127);
    unsigned number = 0, played = 0, failed = 0;
    do {
        char text[EVENTS + 1];
        name(&order, text);
        const uint64_t turn = (number++ + first) % (2520 / PLAYED);
        if (argc > 1 ? strcmp(argv[1], text) != 0 : !all && turn != 0)
            continue;
        for (unsigned slow = 0; slow < 2; slow++) {
            const char *wrong = play(&order, slow, (number + slow) % 2);
            played++;
            if (wrong && ++failed < 10)
                tap_diag("%s%s: %s", text, slow ? ", slowly" : "", wrong);
        }
    } while (next_order(&order));
    TAP_EQ_UINT(number, 2520, "every order has its turn");
    TAP_OK(played >= 2, "%u were played", played);
    TAP_EQ_UINT(failed, 0, "in each, work runs once and to its end, and all is known again");
    return tap_done();
}
