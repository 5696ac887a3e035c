/* The verbs that change what is there already: jobs after their submission, nodes by maintenance. */
#include "cli/handlers.h"
#include "cli/verbs.h"

#define DURE_CHANGE_EXITS                                                                                              \
    (1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND |             \
     1u << DURE_EXIT_BUSY)

const struct dure_verb dure_verb_modify = {
    .name = "modify",
    .operands = "JOB FIELD=VALUE...",
    .title = "change a job after its submission",
    .text =
        "As `scontrol update` does. The job keeps its number, its age and its place. FIELD is one of the Job "
        "spec's:\n\n"
        "  priority walltime grace begin deadline requeue hold array_limit\n"
        "  class tasks gpus gpu_memory models cpus memory tasks_per_node level spread nodes exclude mig "
        "checkpoint\n\n"
        "What a submission would refuse is refused here. Once the job (or an element of its array) runs, only "
        "priority, walltime, begin, deadline, requeue, hold, array_limit and checkpoint can still be changed; the "
        "walltime of "
        "what runs is lowered by who submitted it and raised only by an operator, and not while another job waits "
        "for its GPUs. \"none\" takes begin, deadline, level, models, spread, nodes, exclude, mig or checkpoint away; "
        "array_limit=0 is no limit; level=rack requires the level and level=preferred:rack prefers it; "
        "spread=rack:2 puts at most two tasks into a rack. A place that was being cleared for "
        "the job is given up and looked for anew.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 2,
    .operands_most = 32,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure modify 12 priority=100", "before the tenant's other jobs"},
                 {"dure modify 12 walltime=30m class=borrowed", "shorter, and on lent GPUs"},
                 {"dure modify 12 deadline=2026-12-01T09:00:00+09:00", "it must have ended by then"},
                 {"dure modify 12 begin=none models=b200,h200", "at once, on either model"},
                 {"dure modify 12 exclude=pt-b200-[0001-0004] spread=rack:2", "not on these nodes, and apart"}},
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

const struct dure_verb dure_verb_maintenance = {
    .name = "maintenance",
    .operands = "",
    .title = "booked maintenance: list, book, cancel",
    .text = "What Slurm calls a reservation for maintenance: a window of time in which nodes are not there. Nothing "
            "starts on them whose walltime and grace reach into it; when it begins they drain, and when it is over "
            "they come back, unless somebody drained them besides. Alone this lists what is booked or has begun.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .examples = {{"dure maintenance", "what is booked"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_BUSY,
    .run = dure_cmd_maintenance,
};

static const struct dure_option book_options[] = {
    {"nodes", 'n', DURE_OPTION_TEXT, "NODES", NULL, "a name or a hostlist such as 'pt-b200-[0001-0004]'"},
    {"site", 0, DURE_OPTION_TEXT, "NAME", NULL, "or all nodes of a site"},
    {"group", 'g', DURE_OPTION_TEXT, "NAME", NULL, "or all nodes of a group of the Fleet spec"},
    {"from", 0, DURE_OPTION_TEXT, "TIME", NULL, "begin: 2026-03-01 or 2026-03-01T09:00:00+09:00"},
    {"until", 0, DURE_OPTION_TEXT, "TIME", NULL, "end"},
    {"reason", 'r', DURE_OPTION_TEXT, "TEXT", NULL, "why; kept in the record for ever, so name no person"},
    {"yes", 'y', DURE_OPTION_FLAG, NULL, NULL, "book it; without it only the effect is said"},
    {NULL},
};

const struct dure_verb dure_verb_maintenance_book = {
    .name = "maintenance book",
    .operands = "",
    .title = "book maintenance of nodes",
    .text = "Says first what it would bring: the jobs that run there now and may still run when it begins, and the "
            "allotments that would be short while it lasts, as things stand. With --yes it is booked. For operators, "
            "and for owners of the nodes. A node is in one window at a time.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = book_options,
    .examples = {{"dure maintenance book --site pangyo --from 2026-12-05 --until 2026-12-06 --reason 'new cooling'",
                  "what would a day without this site bring?"},
                 {"dure maintenance book -n 'pt-b200-[0001-0004]' --from 2026-12-05T09:00:00+09:00 --until "
                  "2026-12-05T18:00:00+09:00 -r 'new switches' --yes",
                  "book four nodes for a working day"}},
    .exits = DURE_CHANGE_EXITS,
    .run = dure_cmd_maintenance_book,
};

const struct dure_verb dure_verb_maintenance_cancel = {
    .name = "maintenance cancel",
    .operands = "ID...",
    .title = "cancel booked maintenance, or end it early",
    .text = "What has begun is over at once: its nodes come back, unless somebody drained them besides.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .examples = {{"dure maintenance cancel 3", "the parts did not come"}},
    .exits = DURE_CHANGE_EXITS,
    .run = dure_cmd_maintenance_cancel,
};
