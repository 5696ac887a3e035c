#pragma once
/* Each step of putting our view and Slurm's together again can be left out, to prove that a test would notice (tests/sim/slurm). Only a test's own
 * build can. */
#define SLURM_STEPS(X)                                                                                                 \
    X(SEARCH, "search before submit")                                                                                  \
    X(ADOPT, "adopt what runs")                                                                                        \
    X(ENDED_AWAY, "report what ended while nobody looked")                                                             \
    X(ORPHANS, "cancel what the core has ended")                                                                       \
    X(DUPLICATES, "keep one job of an attempt")                                                                        \
    X(VANISHED, "give up what Slurm knows no more")                                                                    \
    X(STALE, "judge by what was asked after the order")                                                                \
    X(REQUEUED, "end what Slurm began again")                                                                          \
    X(RECOUNT, "count foreign load anew")                                                                              \
    X(AWAY, "away on silence")                                                                                         \
    X(BACK, "back on an answer")                                                                                       \
    X(RETURN, "give back what never reached the cluster")                                                              \
    X(REPEAT, "repeat an order that was not heard")                                                                    \
    X(DOUBT, "doubt a node that is down while its jobs run")                                                           \
    X(SETTLE, "search twice, with time between")                                                                       \
    X(FORGOTTEN, "begin nothing again that Slurm may have forgotten")                                                  \
    X(HOLD, "hold what is handed over a second time")                                                                  \
    X(RELEASE, "let go what was held")                                                                                 \
    X(BEGUN, "tell the start of what is seen only when it has ended")                                                  \
    X(SWEPT, "leave what is ours alone until the core has said all that lives")                                        \
    X(LEAVING, "hold the GPUs of what is leaving")                                                                     \
    X(OUSTED, "take back what others keep from starting")                                                              \
    X(LIMIT, "set a walltime that was changed while nobody was there")                                                 \
    X(WHOLE, "ask for the whole list while something is searched for")                                                 \
    X(DETAILS, "ask for the whole list where one of states leaves GPUs open")                                          \
    X(RECALL, "know whose GPUs are whose from the last whole list")                                                    \
    X(WORDS, "say anew why something stays away")

enum slurm_step {
    SLURM_STEP_NONE,
#define X(name, text) SLURM_STEP_##name,
    SLURM_STEPS(X)
#undef X
        SLURM_STEPS_END
};

#ifdef DURE_SLURM_MUTANTS
extern int dure_slurm_without; /* the test's choice */
#define SLURM_WITHOUT(step) (dure_slurm_without == SLURM_STEP_##step)
#else
#define SLURM_WITHOUT(step) false
#endif
