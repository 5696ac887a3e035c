/* The verbs that change what is there already: jobs after their submission. */
#include "cli/handlers.h"
#include "cli/verbs.h"

#define DURE_CHANGE_EXITS                                                                                              \
    (1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND |             \
     1u << DURE_EXIT_BUSY)

const struct dure_verb dure_verb_modify = {
    .name = "modify",
    .operands = "JOB FIELD=VALUE...",
    .title = "change a job after its submission",
    .text = "As `scontrol update` does. The job keeps its number, its age and its place. FIELD is one of the Job "
            "spec's:\n\n"
            "  priority walltime grace begin deadline requeue hold array_limit\n"
            "  class tasks gpus gpu_memory models cpus memory tasks_per_node level\n\n"
            "What a submission would refuse is refused here. Once the job (or an element of its array) runs, only "
            "priority, walltime, begin, deadline, requeue, hold and array_limit can still be changed; the walltime of "
            "what runs is lowered by who submitted it and raised only by an operator, and not while another job waits "
            "for its GPUs. \"none\" takes begin, deadline, level or models away; array_limit=0 is no limit; "
            "level=rack requires the level and level=preferred:rack prefers it. A place that was being cleared for "
            "the job is given up and looked for anew.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 2,
    .operands_most = 32,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure modify 12 priority=100", "before the tenant's other jobs"},
                 {"dure modify 12 walltime=30m class=borrowed", "shorter, and on lent GPUs"},
                 {"dure modify 12 deadline=2026-12-01T09:00:00+09:00", "it must have ended by then"},
                 {"dure modify 12 begin=none models=b200,h200", "at once, on either model"}},
    .exits = DURE_CHANGE_EXITS,
    .run = dure_cmd_modify,
};

static const struct dure_option requeue_options[] = {
    {"hold", 'H', DURE_OPTION_FLAG, NULL, NULL, "hold the job too: it waits for `dure release`"},
    {NULL},
};

const struct dure_verb dure_verb_requeue = {
    .name = "requeue",
    .operands = "JOB...",
    .title = "stop running jobs and queue them again",
    .text = "As `scontrol requeue` does. A running job is warned (SIGTERM), has its grace, is then killed, and waits "
            "again with the age it has. Refused for a job that says requeue: false.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_JOB,
    .options = requeue_options,
    .examples = {{"dure requeue 12", "start it again, elsewhere perhaps"},
                 {"dure requeue --hold 12", "and keep it from starting"},
                 {"dure requeue 12_3", "one element of an array"}},
    .exits = DURE_CHANGE_EXITS,
    .run = dure_cmd_requeue,
};
