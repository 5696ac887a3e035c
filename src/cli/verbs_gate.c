/* The verbs for what may be used at all: power and data. */
#include "cli/handlers.h"
#include "cli/verbs.h"

#define DURE_READ_EXITS (1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_BUSY)
#define DURE_SHOW_EXITS (DURE_READ_EXITS | 1u << DURE_EXIT_NOT_FOUND)
#define DURE_WRITE_EXITS (DURE_SHOW_EXITS | 1u << DURE_EXIT_DENIED)

static const struct dure_option show_options[] = {
    {"spec", 0, DURE_OPTION_FLAG, NULL, NULL, "print the spec in force, to be edited and applied (YAML, or --json)"},
    {NULL},
};

static const struct dure_option apply_options[] = {
    {"preview", 0, DURE_OPTION_FLAG, NULL, NULL, "say what it would do; change nothing"},
    {NULL},
};

#define POWER_TEXT                                                                                                     \
    "Every figure is worst case: a GPU counts with its share of its node's declared power. KEPT TO is the least "      \
    "limit "                                                                                                           \
    "from now to a lead ahead; what it cannot feed is dark: out of use, not broken. PROMISED is what rights at a "     \
    "site "                                                                                                            \
    "need at worst. NEXT is when a limit begins or ends."

const struct dure_verb dure_verb_power = {
    .name = "power",
    .operands = "",
    .title = "limits of power: show, apply",
    .text = POWER_TEXT,
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = show_options,
    .examples = {{"dure power", "each domain: limit, promised, fed, in use, dark GPUs"}},
    .exits = DURE_SHOW_EXITS,
    .run = dure_cmd_power_show,
};

const struct dure_verb dure_verb_power_show = {
    .name = "power show",
    .operands = "",
    .title = "show the limits of power and what they do now",
    .text = POWER_TEXT,
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = show_options,
    .examples = {{"dure power show --spec >power.yaml", "what is declared, to change it and apply it"}},
    .exits = DURE_SHOW_EXITS,
    .run = dure_cmd_power_show,
};

const struct dure_verb dure_verb_power_apply = {
    .name = "power apply",
    .operands = "FILE|-",
    .title = "declare the limits of power from a Power spec",
    .text =
        "Replaces all limits, at any time. What a new limit cannot feed goes dark: first what no promise needs. Work "
        "there is warned a lead before the limit falls and is gone when it does, even where its grace is longer; "
        "where a limit falls at once it has its grace.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_FILE,
    .options = apply_options,
    .examples = {{"dure power apply korea-power.yaml", "declare them"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_power_apply,
};

#define DATA_TEXT                                                                                                      \
    "A job names datasets (`data: [census]`) and must keep the rules of all of them: only at their SITES, and with "   \
    "no "                                                                                                              \
    "other tenant's work, or none of the tenants that are named, in the node or rack that it must be ALONE IN."

const struct dure_verb dure_verb_data = {
    .name = "data",
    .operands = "",
    .title = "datasets: show, apply",
    .text = DATA_TEXT,
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = show_options,
    .examples = {{"dure data", "each dataset with its sites and neighbours"}},
    .exits = DURE_SHOW_EXITS,
    .run = dure_cmd_data_show,
};

const struct dure_verb dure_verb_data_show = {
    .name = "data show",
    .operands = "",
    .title = "show the datasets and their rules",
    .text = DATA_TEXT,
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = show_options,
    .examples = {{"dure data show --spec >data.yaml", "what is declared, to change it and apply it"}},
    .exits = DURE_SHOW_EXITS,
    .run = dure_cmd_data_show,
};

const struct dure_verb dure_verb_data_apply = {
    .name = "data apply",
    .operands = "FILE|-",
    .title = "declare datasets from a Data spec",
    .text =
        "A declared dataset keeps its place in the list; new ones come at the end. Its sites may change at any time, "
        "and the answer says what follows: work at a site that is no longer allowed is warned, stopped after its "
        "grace and queued again. The neighbours of a dataset that runs now may not change.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_FILE,
    .options = apply_options,
    .examples = {{"dure data apply korea-data.yaml", "declare them"}},
    .exits = DURE_WRITE_EXITS,
    .run = dure_cmd_data_apply,
};
