/* The verbs of the simulator. */
#include "cli/handlers.h"
#include "cli/verbs.h"

const struct dure_verb dure_verb_sim = {
    .name = "sim",
    .operands = "",
    .title = "what if: the scheduler itself on a virtual clock",
    .text = "The simulator runs the daemon's own core and loop; nothing of it touches a daemon. The same inputs and "
            "seed give "
            "the same digest on every machine.",
    .flags = DURE_VERB_GROUP_ONLY,
    .exits = 0,
};

/* What every simulated run takes. */
#define RUN_OPTIONS                                                                                                    \
    {"fleet", 'F', DURE_OPTION_FILE, "FILE", NULL, "the Fleet spec"},                                                  \
        {"tenants", 'T', DURE_OPTION_FILE, "FILE", NULL, "the Tenants spec"},                                          \
        {"rest-lends", 0,    DURE_OPTION_SECONDS,                                                                      \
         "TIME",       NULL, "owners without lending terms lend to everybody too, with this notice",                   \
         NULL,         0,    86400},                                                                                   \
        {"power", 0, DURE_OPTION_FILE, "FILE", NULL, "limits of power"},                                               \
        {"data", 0, DURE_OPTION_FILE, "FILE", NULL, "datasets and where they may go"},                                 \
        {"trace", 0,    DURE_OPTION_FILE,                                                                              \
         "FILE",  NULL, "jobs from a file, or from the state folder of a daemon, in place of made ones"},              \
        {"format", 0, DURE_OPTION_CHOICE, "FORMAT", "auto", "of the trace", "auto|csv|philly|swf|sacct|journal"},      \
        {"bad-rows", 0, DURE_OPTION_CHOICE, "WHAT", "go-on", "what a row that cannot be read does", "go-on|stop"},     \
        {"gpus",                                                                                                       \
         0,                                                                                                            \
         DURE_OPTION_COUNT,                                                                                            \
         "N",                                                                                                          \
         NULL,                                                                                                         \
         "a plain fleet of so many GPUs, one owner, and a tenant for each group of the trace, in place of --fleet "    \
         "and "                                                                                                        \
         "--tenants",                                                                                                  \
         NULL,                                                                                                         \
         1,                                                                                                            \
         1000000},                                                                                                     \
        {"node-gpus", 0, DURE_OPTION_COUNT, "N", "8", "GPUs of its nodes", NULL, 1, 64},                               \
        {"class", 0, DURE_OPTION_CHOICE, "CLASS", "auto", "of the trace's jobs", "auto|guaranteed|borrowed"},          \
        {"mix",                                                                                                        \
         0,                                                                                                            \
         DURE_OPTION_CHOICE,                                                                                           \
         "MIX",                                                                                                        \
         "national",                                                                                                   \
         "what work the generator makes",                                                                              \
         "training|inference|startups|factories|national"},                                                            \
        {"jobs",                                                                                                       \
         0,                                                                                                            \
         DURE_OPTION_COUNT,                                                                                            \
         "N",                                                                                                          \
         "as many as make the load",                                                                                   \
         "so many jobs; their lengths are stretched to make the load",                                                 \
         NULL,                                                                                                         \
         1,                                                                                                            \
         1000000000},                                                                                                  \
        {"days", 0, DURE_OPTION_COUNT, "N", "7", "simulated days", NULL, 1, 3660},                                     \
        {"load",    0,    DURE_OPTION_COUNT,                                                                           \
         "PERCENT", "90", "work asked for, of the GPUs that are there at the beginning",                               \
         NULL,      1,    1000},                                                                                       \
        {"seed", 0, DURE_OPTION_COUNT, "N", "42", "of the generator and the failures", NULL, 0, INT64_MAX},            \
        {"from", 0, DURE_OPTION_TEXT, "TIME", "2026-03-09", "when it begins"},                                         \
        {"node-fails", 0,    DURE_OPTION_SECONDS,                                                                      \
         "TIME",       NULL, "each node fails about once in so long, such as 400d; never without it",                  \
         NULL,         60,   3153600000},                                                                              \
        {"node-mends", 0, DURE_OPTION_SECONDS, "TIME", "12h", "how long it is then away, about", NULL, 1, 315360000},  \
        {"job-fails", 0, DURE_OPTION_COUNT, "N", "0", "of a thousand jobs so many fail by themselves", NULL, 0, 1000}, \
        {"leaves", 0,     DURE_OPTION_SECONDS,                                                                         \
         "TIME",   "20s", "how long after its warning a job leaves, within its grace",                                 \
         NULL,     0,     86400},                                                                                      \
        {"batch", 0,   DURE_OPTION_SECONDS,                                                                            \
         "TIME",  "0", "inputs of so long share one batch; 0: each moment is one",                                     \
         NULL,    0,   86400},                                                                                         \
    {                                                                                                                  \
        "report", 0, DURE_OPTION_DIR, "FOLDER", NULL, "write a page (report.html), report.json and CSV files there"    \
    }

static const struct dure_option sim_run_options[] = {
    {"journal", 0, DURE_OPTION_DIR, "FOLDER", NULL,
     "nothing made: the history of this daemon's state folder or backup, decided again and measured"},
    RUN_OPTIONS,
    {NULL},
};

static const struct dure_option sim_compare_options[] = {
    {"policy", 0, DURE_OPTION_TEXT, "NAME,NAME...", NULL, "a column for each scheduler"},
    {"seeds", 0, DURE_OPTION_TEXT, "A-B", NULL,
     "a run of each column for each, in place of --seed; means and deviations are shown"},
    RUN_OPTIONS,
    {NULL},
};

const struct dure_verb dure_verb_sim_run = {
    .name = "sim run",
    .operands = "",
    .title = "simulate a stretch of a fleet's life",
    .text =
        "Made work arrives by the hour and the weekday in Korean time; how long jobs last and how large they are has "
        "heavy "
        "tails. Guaranteed work asks for up to four fifths of what is promised, the rest of the load borrows.\n\n"
        "Shown are the use of the GPUs, waits by size, what owners took back, and which rights were served in time: at "
        "once, or as soon as the borrowers had left within the notice that their lender gives. Short: cells of a right "
        "whose hardware was lost.\n\n"
        "With --journal no jobs are made or taken: every input of a daemon's record is decided again at its time, each "
        "decision "
        "and digest is compared with the stored one (the first that differs fails the run), and what happened is shown "
        "as "
        "a run. To ask what other rules would have done with the same jobs, give the folder as --trace.\n\n"
        "On a terminal a bar shows the simulated date. Ctrl-C ends the run early: what there is is shown, marked "
        "partial, "
        "and the exit code is 1.",
    .flags = DURE_VERB_JSON,
    .options = sim_run_options,
    .examples = {{"dure sim run --trace philly.csv --gpus 2000", "a trace on a fleet of its own"},
                 {"dure sim run -F examples/fleets/korea.yaml -T examples/fleets/korea-tenants.yaml --days 7",
                  "a week of made work"},
                 {"dure sim run -F fleet.yaml -T tenants.yaml --mix training --node-fails 400d --job-fails 30 --json",
                  "with failures"},
                 {"dure sim run --journal backup --report last-month", "what a daemon did, as a document"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_sim_run,
};

const struct dure_verb dure_verb_sim_compare = {
    .name = "sim compare",
    .operands = "[FILE...]",
    .title = "simulate the same jobs under several rules, or by several schedulers",
    .text =
        "Options are those of `dure sim run`. Columns are the policies named, else the specs as given; then each FILE: "
        "a "
        "Tenants, Power or Data spec that stands in place of the one given. The jobs are the same in all. A tenant is "
        "found "
        "by its path; jobs of one that a column does not have are refused there, and counted.\n\n"
        "A policy is an order (fifo, easy, sjf, srtf, srsf, tiresias-l), a placement (Random, DotProd, GpuClustering, "
        "GpuPacking, BestFit, FGD), or both, as in easy+FGD or fifo+dure (dure's scoring alone). An order alone places "
        "by "
        "BestFit, a placement alone goes in EASY's order. `dure` is the core itself, with rights, lending and planned "
        "starts; the others share one pool as far as owners lend, and know no rights, power or data. fifo and sjf wait "
        "for "
        "the first in line; easy is backfill by walltimes; srtf, srsf and tiresias-l stop others, who keep what they "
        "did. "
        "sjf, srtf and srsf know how long a job will last.",
    .flags = DURE_VERB_JSON,
    .operands_most = 15,
    .operand = DURE_OPERAND_FILE,
    .options = sim_compare_options,
    .examples = {{"dure sim compare --trace philly.csv --gpus 900 --policy fifo,sjf,easy,dure",
                  "four orders on a trace"},
                 {"dure sim compare -F fleet.yaml -T tenants.yaml --policy fgd,bestfit,easy+dure --seeds 42-51",
                  "three placements, ten seeds each"},
                 {"dure sim compare -F fleet.yaml -T tenants.yaml --days 30 less-power.yaml other-tenants.yaml",
                  "three columns"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_sim_compare,
};

const struct dure_verb dure_verb_sim_silo = {
    .name = "sim silo",
    .operands = "",
    .title = "simulate owners alone, and sharing what they do not use",
    .text =
        "Options are those of `dure sim run`. The same jobs run three times: no owner lends to another; owners share "
        "by "
        "quotas, which are counts of GPUs; and as the tenants' lending says, with cells. By owner: GPU time, waits by "
        "right, and whether a right was ever served later than the notice allows; the exit code is 1 if one was with "
        "cells. Of quotas also how often a right waited though as many GPUs as it asked for lay idle, for their shape "
        "alone.",
    .flags = DURE_VERB_JSON,
    .options = sim_run_options,
    .examples = {{"dure sim silo -F examples/fleets/korea.yaml -T examples/fleets/korea-tenants.yaml --days 30",
                  "what sharing is worth"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_sim_silo,
};
