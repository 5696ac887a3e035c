/* The verbs for what there is and who may use it: fleet, tenants, allotments, nodes. */
#include "cli/handlers.h"
#include "cli/verbs.h"

#define DURE_READ_EXITS (1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_BUSY)
#define DURE_WRITE_EXITS (DURE_READ_EXITS | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND)

static const struct dure_option fleet_options[] = {
    {"by", 0, DURE_OPTION_CHOICE, "WHAT", "all", "which part of the board", "owner|site|model|chain|all"},
    {"owner", 'o', DURE_OPTION_TEXT, "NAME", NULL,
     "one owner's hardware: who uses it and by what title, what is lent, and when it is back"},
    {"spec", 0, DURE_OPTION_FLAG, NULL, NULL,
     "print the spec in force, to be edited and applied (YAML; --json: as the daemon holds it)"},
    {"idle", 0, DURE_OPTION_SECONDS, "TIME", NULL,
     "instead: the allotments that nobody has used for so long, with their holders and the GPU-hours that went unused",
     NULL, 1, 315360000},
    {"watch", 'w', DURE_OPTION_FLAG, NULL, NULL, "show it again and again until interrupted"},
    {"interval", 'i', DURE_OPTION_SECONDS, "TIME", "2", "how often with --watch", NULL, 1, 3600},
    {NULL},
};

const struct dure_verb dure_verb_fleet = {
    .name = "fleet",
    .operands = "",
    .title = "show the board: GPUs by owner, by site, by model",
    .text = "Own: guaranteed work holds them. Lent: others' borrowed work runs on them until the owner wants them "
            "back. Borrowed: what this owner's "
            "tenants run on others' GPUs. Idle; lost (down or drained); away (their engine does not answer); dark (a "
            "power limit); foreign (used by work outside dure); arriving: declared, "
            "counted in GPUS, not yet there. Virtual GPUs (slots without hardware) and emulated sites (no process "
            "runs) are labelled. Quantum processors, edge sites and the like are "
            "listed as not schedulable and left out of the totals. With --owner, for its owners and members, operators "
            "and auditors: own (by right), borr. (borrowed by its own tenants), granted (others' rights on it), lent. "
            "IF ASKED: if the owner wanted it now, the last of it would be free in that time, by the notice that it "
            "gives or "
            "because it ends before. ENDS BY: the last walltime.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = fleet_options,
    .examples = {{"dure fleet", "the board"},
                 {"dure fleet --by site", "by site alone"},
                 {"dure fleet --idle 24h", "what was promised and has not been used for a day"},
                 {"dure fleet --owner samsung", "what is mine, lent, to whom, back when"},
                 {"dure fleet apply korea.yaml", "declare the fleet"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_fleet,
};

static const struct dure_option apply_options[] = {
    {"preview", 0, DURE_OPTION_FLAG, NULL, NULL, "say what it would do; change nothing"},
    {NULL},
};

static const struct dure_option tenants_options[] = {
    {"spec", 0, DURE_OPTION_FLAG, NULL, NULL, "print the spec in force, to be edited and applied (YAML, or --json)"},
    {NULL},
};

static const struct dure_option tenants_apply_options[] = {
    {"preview", 0, DURE_OPTION_FLAG, NULL, NULL, "say what it would do; change nothing"},
    {"give-up-operator", 0, DURE_OPTION_FLAG, NULL, NULL,
     "take the spec though it leaves no operator, or takes that role from you"},
    {NULL},
};

const struct dure_verb dure_verb_fleet_apply = {
    .name = "fleet apply",
    .operands = "FILE|-",
    .title = "declare the fleet from a Fleet spec",
    .text = "On a running fleet only additions at the end and new labels are taken. Errors name file, line, column and "
            "field; nothing is then changed.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_FILE,
    .options = apply_options,
    .examples = {{"dure fleet apply --preview korea.yaml", "is it well formed, and may it follow the present one?"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_fleet_apply,
};

const struct dure_verb dure_verb_tenants = {
    .name = "tenants",
    .operands = "",
    .title = "list tenants with what they use and were promised",
    .text =
        "Every row counts the tenant with all below it. GPU-hours are those of guaranteed and of borrowed work. The "
        "spec names logins only to operators.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = tenants_options,
    .examples = {{"dure tenants", "the tree of tenants"},
                 {"dure tenants --spec >tenants.yaml", "what is declared, to add to it and apply it"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_tenants,
};

const struct dure_verb dure_verb_tenants_apply = {
    .name = "tenants apply",
    .operands = "FILE|-",
    .title = "declare tenants, allotments, lending and roles from a Tenants spec",
    .text = "Tenants are added or relabelled, never removed; allotments end by `dure allot end`. Names of chains and "
            "owners are those of the fleet that the "
            "daemon holds. Begin with what is in force: `dure tenants --spec`.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_FILE,
    .options = tenants_apply_options,
    .examples = {{"dure tenants apply tenants.yaml", "declare them"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_tenants_apply,
};

static const struct dure_option allot_show_options[] = {
    {"tenant", 'A', DURE_OPTION_TEXT, "PATH", NULL, "only this tenant's, with all below it"},
    {"all", 'a', DURE_OPTION_FLAG, NULL, NULL, "ended ones too"},
    {NULL},
};

const struct dure_verb dure_verb_allot = {
    .name = "allot",
    .operands = "",
    .title = "allotments: show, grant, shrink, end, import",
    .text = "An allotment promises a tenant cells of one level of one chain for a period. Alone this shows them, as "
            "`dure allot show` does.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = allot_show_options,
    .examples = {{"dure allot", "what is promised to whom"}},
    .exits = DURE_READ_EXITS,
    .run = dure_cmd_allot_show,
};

const struct dure_verb dure_verb_allot_show = {
    .name = "allot show",
    .operands = "[NAME...]",
    .title = "show allotments",
    .text = "Bound cells have hardware behind them; a state such as short (1) counts those that are named short "
            "because hardware was lost. Lent GPUs run others' borrowed work.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_most = 1000,
    .operand = DURE_OPERAND_ALLOT,
    .options = allot_show_options,
    .examples = {{"dure allot show --tenant government", "a programme's allotments"}},
    .exits = DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_allot_show,
};

static const struct dure_option allot_grant_options[] = {
    {"tenant", 'A', DURE_OPTION_TEXT, "PATH", NULL, "to whom"},
    {"group", 'g', DURE_OPTION_TEXT, "NAME", NULL, "hardware: this group of nodes, as the Fleet spec names it"},
    {"chain", 'c', DURE_OPTION_TEXT, "NAME", NULL, "or this chain of it"},
    {"owner", 'o', DURE_OPTION_TEXT, "NAME", NULL, "or any of this owner's, with --model"},
    {"model", 0, DURE_OPTION_TEXT, "NAME", NULL, "GPU model, with --owner"},
    {"level", 'l', DURE_OPTION_TEXT, "LEVEL", "gpu", "cells of which level: gpu, node, rack and so on"},
    {"cells", 'n', DURE_OPTION_COUNT, "N", NULL, "how many cells", NULL, 1, 67108864},
    {"gpus", 'G', DURE_OPTION_COUNT, "N", NULL, "or how many GPUs: they become the largest whole cells", NULL, 1,
     67108864},
    {"from", 0, DURE_OPTION_TEXT, "TIME", "at once", "start: 2026-03-01 or 2026-03-01T09:00:00+09:00"},
    {"until", 0, DURE_OPTION_TEXT, "TIME", "no end", "end"},
    {"after", 0, DURE_OPTION_TEXT, "NAME", NULL, "the allotment whose cells it takes over"},
    {"preview", 0, DURE_OPTION_FLAG, NULL, NULL, "say the effect; change nothing"},
    {NULL},
};

const struct dure_verb dure_verb_allot_grant = {
    .name = "allot grant",
    .operands = "NAME",
    .title = "promise cells to a tenant",
    .text = "Granted only if every promise can still be kept on the hardware as it stands; else the shortfall is named "
            "with its figures. Name the hardware by --group, "
            "--chain, or --owner with --model; give the size as --cells of a --level, or as --gpus.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_ALLOT,
    .options = allot_grant_options,
    .examples =
        {{"dure allot grant llm-1 --tenant government/llm --group pt-b200 --level node --cells 16 --until 2026-12-31",
          "sixteen whole nodes until the end of the year"},
         {"dure allot grant llm-1 -A government/llm -g pt-b200 --gpus 128 --preview", "could 128 GPUs be promised?"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_allot_grant,
};

static const struct dure_option allot_shrink_options[] = {
    {"cells", 'n', DURE_OPTION_COUNT, "N", NULL, "how many cells stay; to leave none, end it", NULL, 1, 67108864},
    {"preview", 0, DURE_OPTION_FLAG, NULL, NULL, "say the effect; change nothing"},
    {NULL},
};

const struct dure_verb dure_verb_allot_shrink = {
    .name = "allot shrink",
    .operands = "NAME",
    .title = "take cells of an allotment back",
    .text = "Unbound cells go first. A job on the others loses its right. It goes on as borrowed where the hardware's "
            "owner "
            "lends to its tenant with notice enough for its grace; otherwise it is warned at once, and is stopped "
            "after its "
            "grace and queued again.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_ALLOT,
    .options = allot_shrink_options,
    .examples = {{"dure allot shrink llm-1 --cells 8 --preview", "what would leaving it 8 cells do?"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_allot_shrink,
};

const struct dure_verb dure_verb_allot_end = {
    .name = "allot end",
    .operands = "NAME...",
    .title = "end allotments now",
    .text =
        "Where a successor (`after`) of the same tenant takes the cells over, jobs go on there. Any other job on them "
        "loses its right. It goes on as borrowed where no successor takes its cells and the hardware's owner lends to "
        "its tenant with notice enough for its grace; otherwise it is warned at once, and is stopped after its grace "
        "and queued again.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_ALLOT,
    .options = apply_options,
    .examples = {{"dure allot end llm-1", "the winner withdrew"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_allot_end,
};

const struct dure_verb dure_verb_allot_import = {
    .name = "allot import",
    .operands = "FILE|-",
    .title = "grant many allotments from a CSV file",
    .text = "The first line names the columns, in any order: name, tenant, group or chain or owner and model, level "
            "and count or gpus, from, until, after. UTF-8, parted by commas, quoted as RFC "
            "4180 has it. All rows are checked before the first is granted; an error names line, column and field. "
            "Each row is granted under a key made of "
            "its content, so that importing the file again within a day grants nothing twice.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_FILE,
    .options = apply_options,
    .examples = {{"dure allot import --preview awards.csv", "check a round of awards"},
                 {"dure allot import awards.csv", "grant them"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_allot_import,
};

static const struct dure_option nodes_options[] = {
    {"site", 0, DURE_OPTION_TEXT, "NAME", NULL, "only this site's"},
    {"owner", 'o', DURE_OPTION_TEXT, "NAME", NULL, "only this owner's"},
    {"states", 't', DURE_OPTION_CHOICE, "STATE", NULL, "only nodes in this state",
     "arriving|up|draining|drained|down|away"},
    {"limit", 'n', DURE_OPTION_COUNT, "N", "200", "most rows", NULL, 1, 1048576},
    {NULL},
};

const struct dure_verb dure_verb_nodes = {
    .name = "nodes",
    .operands = "[NODE...]",
    .title = "list nodes, or show some",
    .text = "With names each is shown with the jobs on it.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_most = 1000,
    .operand = DURE_OPERAND_NODE,
    .options = nodes_options,
    .examples = {{"dure nodes --states down", "what is broken"}, {"dure nodes pt-b200-0001", "one node"}},
    .exits = DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_nodes,
};

static const struct dure_option drain_options[] = {
    {"reason", 'r', DURE_OPTION_TEXT, "TEXT", "drained by hand", "why; kept in the record for ever, so name no person"},
    {NULL},
};

const struct dure_verb dure_verb_nodes_drain = {
    .name = "nodes drain",
    .operands = "NODES...",
    .title = "start nothing more on nodes",
    .text = "NODES is a name or a hostlist such as 'pt-b200-[0001-0004]'. What runs there runs to its end.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_NODE,
    .options = drain_options,
    .examples = {{"dure nodes drain --reason 'fan 3 fails' 'pt-b200-[0001-0004]'", "four nodes"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_nodes_drain,
};

const struct dure_verb dure_verb_nodes_resume = {
    .name = "nodes resume",
    .operands = "NODES...",
    .title = "put nodes back to work",
    .text = "Undoes `dure nodes drain`.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_NODE,
    .examples = {{"dure nodes resume 'pt-b200-[0001-0004]'", "four nodes"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_nodes_resume,
};
