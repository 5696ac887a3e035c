/* The verbs for sites that others run: what is there, and whether it is fit. */
#include "cli/handlers.h"
#include "cli/reach.h"
#include "cli/verbs.h"

static const struct dure_option discover_options[] = {
    DURE_CLI_REACH_OPTIONS,
    {"topology", 0, DURE_OPTION_FILE, "FILE", NULL, "a topology.conf, where Slurm does not tell (slurmrestd)"},
    {"name", 0, DURE_OPTION_TEXT, "NAME", NULL, "of the fleet (default: the site's)"},
    {"owner", 'o', DURE_OPTION_TEXT, "NAME", NULL, "who holds the hardware (default: the site's name)"},
    {"node-prefix", 0, DURE_OPTION_TEXT, "TEXT", NULL,
     "stands before the nodes' names in the fleet, so that two clusters may both have an n1"},
    {"partition", 'p', DURE_OPTION_TEXT, "NAME", NULL, "where jobs shall go"},
    {"account", 'A', DURE_OPTION_TEXT, "NAME", NULL, "on whose account"},
    {"qos", 'q', DURE_OPTION_TEXT, "NAME", NULL, "with which quality of service"},
    {"virtual-gpus", 0, DURE_OPTION_COUNT, "N", "8", "of this machine, if it has no GPU", NULL, 1, 64},
    {NULL},
};

const struct dure_verb dure_verb_fleet_discover = {
    .name = "fleet discover",
    .operands = "[SITE]",
    .title = "write a Fleet spec of what is there: a Slurm cluster, or this machine",
    .text =
        "Prints a spec that can be applied as it stands. Without SITE: this machine, as hwloc and NVML show it. With "
        "SITE: a Slurm "
        "cluster, reached as the options say, or as the daemon's fleet says of that site, or by Slurm's commands as "
        "they "
        "are set up here. Equal nodes that follow each other become groups; switches and blocks of its topology become "
        "levels. Nodes without a GPU are left out and named in comments, and so is why nodes are drained. Slurm does "
        "not "
        "know a GPU's memory and power: look at the models before you apply it.",
    .flags = DURE_VERB_DAEMON | DURE_VERB_STATE | DURE_VERB_ALONE,
    .operands_most = 1,
    .options = discover_options,
    .examples = {{"dure fleet discover >machine.yaml", "this machine"},
                 {"dure fleet discover east --slurm-conf /etc/slurm/slurm.conf >east.yaml",
                  "a cluster, by Slurm's commands"},
                 {"dure fleet discover east --rest http://ctl:6820 --token-file /etc/dure/east.token",
                  "by slurmrestd"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_DENIED,
    .run = dure_cmd_fleet_discover,
};

const struct dure_verb dure_verb_site = {
    .name = "site",
    .operands = "",
    .title = "sites that run on engines of others: check",
    .text = "A site with `engine: slurm` is run by a Slurm cluster that has a configuration of its own.",
    .flags = DURE_VERB_GROUP_ONLY,
    .exits = 0,
};

static const struct dure_option check_options[] = {
    {"fleet", 0, DURE_OPTION_FILE, "FILE", NULL, "the site as this Fleet spec has it (default: the daemon's fleet)"},
    {"probe", 0, DURE_OPTION_DIR, "DIRECTORY", NULL,
     "run a job of a second that writes into this folder, to see whether nodes share it with this machine and what "
     "their clocks say"},
    DURE_CLI_REACH_OPTIONS,
    {NULL},
};

const struct dure_verb dure_verb_site_check = {
    .name = "site check",
    .operands = "SITE",
    .title = "what in a site's Slurm would reorder or break what was decided, and how to mend it",
    .text = "Looks at the cluster's configuration, its partition and its nodes, and changes nothing. fail: the core's "
            "decisions would not "
            "hold. warn: they hold, but something is slower, looser or less exact. Each comes with what was found, "
            "what was "
            "expected, and the line for slurm.conf. slurmrestd does not tell slurm.conf: give --slurm-conf where "
            "Slurm's commands "
            "work. Exit 0: nothing fails.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .options = check_options,
    .examples = {{"dure site check east", "as the daemon's fleet has it"},
                 {"dure site check east --fleet east.yaml", "before it is applied"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND |
             1u << DURE_EXIT_BUSY,
    .run = dure_cmd_site_check,
};
