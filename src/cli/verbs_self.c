/* The verbs for the program itself: starting and stopping the daemon, figures, help. */
#include "cli/handlers.h"
#include "cli/verbs.h"

static const struct dure_option up_options[] = {
    {"fleet", 'F', DURE_OPTION_FILE, "FILE", "this machine alone",
     "the fleet to declare; this machine is added as a real site unless the file has one"},
    {"tenants", 'T', DURE_OPTION_FILE, "FILE", "you, with all of this machine",
     "the tenants to declare; your own project is added unless the file has it"},
    {"virtual-gpus", 0, DURE_OPTION_COUNT, "N", "one a CPU, 8 at most, where there is no GPU",
     "so many virtual GPUs: slots for real processes, labelled wherever they are shown", NULL, 0, 64},
    {"no-job", 0, DURE_OPTION_FLAG, NULL, NULL, "submit no first job"},
    {"hello", 0, DURE_OPTION_FLAG, NULL, NULL, "submit the first job again, though one has run"},
    {NULL},
};

const struct dure_verb dure_verb_up = {
    .name = "up",
    .operands = "",
    .title = "start everything on this machine, and show that it works",
    .text = "Looks at this machine, starts the daemon detached, declares fleet and tenants, runs a first job, and "
            "shows its output, why it ran where it ran, the board, and what "
            "to do next. Without a GPU it says so and uses virtual ones. Nothing outside the state folder and the "
            "socket's folder is touched.\n\n"
            "Run again it starts only what is missing: a daemon that runs is left alone, a fleet that is declared "
            "stays, and no second job is submitted (the state "
            "and the board are shown) unless --hello asks for one.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .options = up_options,
    .examples = {{"dure up", "this machine"},
                 {"dure up --fleet examples/fleets/korea.yaml",
                  "a nation's fleet, emulated, with this machine as one real site"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED,
    .run = dure_cmd_up,
};

static const struct dure_option down_options[] = {
    {"keep-jobs", 0, DURE_OPTION_FLAG, NULL, NULL,
     "leave running jobs to their supervisors; a later daemon finds them again"},
    {"wait", 0, DURE_OPTION_SECONDS, "TIME", "60", "how long jobs and daemon may take", NULL, 1, 86400},
    {NULL},
};

const struct dure_verb dure_verb_down = {
    .name = "down",
    .operands = "",
    .title = "stop the daemon, and by default its jobs",
    .text = "Cancels what runs on this machine (pending jobs stay pending), waits until no process of a job is left, "
            "then stops the daemon in order. Says what was stopped. The state "
            "stays: `dure up` goes on from there.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE | DURE_VERB_ALONE,
    .options = down_options,
    .examples = {{"dure down", "stop all"}, {"dure down --keep-jobs", "for an upgrade of the daemon"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_BUSY,
    .run = dure_cmd_down,
};

const struct dure_verb dure_verb_bench = {
    .name = "bench",
    .operands = "",
    .title = "measure: submit, start, recover, load, place, gang, scale, reclaim, no, estimate, shares, queue, "
             "lifecycle, workload, sim",
    .text =
        "Each uses a temporary state of its own and the shipped code paths. With --json one object a line.\n\n"
        "place, gang, scale, reclaim, no and queue step the core alone, in this process: six owners, sixty tenants, "
        "rights to seven tenths of the fleet, three tenths of the work borrowed. Every decision is written to a "
        "temporary file, and a checker that shares no code with the core counts them again before a figure is "
        "printed: no GPU given twice, each gang whole and inside its level, each promise kept. Only starts are "
        "counted; what found no place is `refused`.\n\n"
        "lifecycle and workload run a daemon on the same fleet; the checker reads its decisions from the journal.",
    .flags = DURE_VERB_GROUP_ONLY,
    .exits = 0,
};

/* The options are read by bench/ itself; they stand here for help and completion. */
static const struct dure_option bench_submit_options[] = {
    {"clients", 0, DURE_OPTION_COUNT, "N", "64", "connections, each with one request at a time", NULL, 1, 1000},
    {"seconds", 0, DURE_OPTION_COUNT, "N", "10", "how long", NULL, 1, 3600},
    {"fleet", 0, DURE_OPTION_FILE, "FILE", "examples/fleets/korea.yaml", "the fleet that is loaded"},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_submit = {
    .name = "bench submit",
    .operands = "",
    .title = "durable submissions a second",
    .text = "Prints per_s, p50_us, p99_us and rss_mib.",
    .flags = DURE_VERB_RAW,
    .options = bench_submit_options,
    .examples = {{"dure bench submit --clients 64 --seconds 10 --json", "under load"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_start_options[] = {
    {"jobs", 0, DURE_OPTION_COUNT, "N", "200", "how many, one after another", NULL, 1, 100000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_start = {
    .name = "bench start",
    .operands = "",
    .title = "from the acknowledgement to the job's first instruction",
    .text = "Prints p50_us and p99_us, by the local engine.",
    .flags = DURE_VERB_RAW,
    .options = bench_start_options,
    .examples = {{"dure bench start --json", "the local engine"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_recover_options[] = {
    {"jobs", 0, DURE_OPTION_COUNT, "N", "1000000", "how many jobs the journal holds", NULL, 1, 10000000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_recover = {
    .name = "bench recover",
    .operands = "",
    .title = "recovery after a kill, with the last snapshot and with none",
    .text = "Prints seconds, seconds_no_snapshot and rss_mib.",
    .flags = DURE_VERB_RAW,
    .options = bench_recover_options,
    .examples = {{"dure bench recover --jobs 1000000 --json", "a million jobs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_load_options[] = {
    {"fleet", 0, DURE_OPTION_FILE, "FILE", NULL, "the Fleet spec"},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_load = {
    .name = "bench load",
    .operands = "",
    .title = "parse, validate and apply a fleet",
    .text = "Prints seconds, rss_mib, gpus and nodes.",
    .flags = DURE_VERB_RAW,
    .options = bench_load_options,
    .examples = {{"dure bench load --fleet examples/fleets/korea.yaml --json", "260,000 GPUs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_place_options[] = {
    {"nodes", 0, DURE_OPTION_COUNT, "N", "32500", "nodes of 8 GPUs", NULL, 600, 200000},
    {"mix", 0, DURE_OPTION_CHOICE, "MIX", "single", "one-GPU jobs until the fleet is full, or all sizes with releases",
     "single|mixed"},
    {"load", 0, DURE_OPTION_TEXT, "PART", "0.9", "of mixed: how much of the fleet is in use"},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_place = {
    .name = "bench place",
    .operands = "",
    .title = "starts a second by the core",
    .text = "Prints per_s, p50_us, p99_us, refused and rss_mib.",
    .flags = DURE_VERB_RAW,
    .options = bench_place_options,
    .examples = {{"dure bench place --nodes 32500 --mix mixed --load 0.9 --json", "260,000 GPUs, all sizes"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_gang_options[] = {
    {"gpus", 0, DURE_OPTION_COUNT, "N", "8192", "GPUs of the gang, whole nodes of 8", NULL, 8, 40000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_gang = {
    .name = "bench gang",
    .operands = "",
    .title = "one large gang inside one site that is half in use",
    .text = "Prints p50_us, over a hundred gangs, three tenths of them borrowed.",
    .flags = DURE_VERB_RAW,
    .options = bench_gang_options,
    .examples = {{"dure bench gang --gpus 8192 --json", "1,024 nodes of one site"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_scale_options[] = {
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_scale = {
    .name = "bench scale",
    .operands = "",
    .title = "what a decision costs as the fleet grows",
    .text =
        "Prints points (nodes and us_per_decision, the median of 15 rounds, with the least and the most), growth and "
        "us_at_130k: the mix of `dure bench place --mix mixed` on 1,000 to 130,000 nodes. The fleets play by turns, "
        "so that what else the machine does falls on each alike.",
    .flags = DURE_VERB_RAW,
    .options = bench_scale_options,
    .examples = {{"dure bench scale --json", "five fleets"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_reclaim_options[] = {
    {"gpus", 0, DURE_OPTION_COUNT, "N", "4000", "GPUs that the owner asks for, whole nodes of 8", NULL, 8, 40000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_reclaim = {
    .name = "bench reclaim",
    .operands = "",
    .title = "an owner takes GPUs back from those who borrow",
    .text = "Every GPU is borrowed, then each owner asks for a gang inside its site. Prints decision_us: the slowest "
            "owner's, until all who must leave are told.",
    .flags = DURE_VERB_RAW,
    .options = bench_reclaim_options,
    .examples = {{"dure bench reclaim --gpus 4000 --json", "500 nodes"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_no_options[] = {
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_no = {
    .name = "bench no",
    .operands = "",
    .title = "full reasons of a refusal",
    .text =
        "Prints never_p50_us (for jobs that can never run), not_now_p50_us (for jobs that wait on a full fleet) and\n"
        "planned_p50_us (for those of them whose start is planned by then, among booked maintenance).",
    .flags = DURE_VERB_RAW,
    .options = bench_no_options,
    .examples = {{"dure bench no --json", "260,000 GPUs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_shares_options[] = {
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_shares = {
    .name = "bench shares",
    .operands = "",
    .title = "how full GPUs get that fractions share",
    .text =
        "Fractions of four mixes of sizes come and go on 256 GPUs of one project, through the core: once going to the "
        "fullest GPU, and once by prices, as the daemon works them out. Prints, for each mix, load (what would be in "
        "use "
        "if none were refused) and way, how much of the GPUs was in use (percent) and how many fractions found no "
        "place (refused_percent).",
    .flags = DURE_VERB_RAW,
    .options = bench_shares_options,
    .examples = {{"dure bench shares --json", "four mixes, three loads"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_estimate_options[] = {
    {"jobs", 0, DURE_OPTION_COUNT, "N", "20000", "how many jobs of the trace, from its beginning", NULL, 1, 10000000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_estimate = {
    .name = "bench estimate",
    .operands = "",
    .title = "how good estimated starts are, on a real trace",
    .text =
        "Replays philly/philly.csv of the folder that DURE_TRACES names (default ../shared/data) through the core, on "
        "560 GPUs: each job that does not start at once is asked when it will. Prints the share that started inside "
        "the interval, before and after it (coverage_percent, before_percent, after_percent), and how far the likely, "
        "the earliest and the latest start were off. Without the file it says `skipped`.",
    .flags = DURE_VERB_RAW,
    .options = bench_estimate_options,
    .examples = {{"dure bench estimate --json", "the first 20,000 jobs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_queue_options[] = {
    {"pending", 0, DURE_OPTION_COUNT, "N", "1000000", "how many jobs wait", NULL, 1, 3000000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_queue = {
    .name = "bench queue",
    .operands = "",
    .title = "the next start when one node is free and much waits",
    .text = "The jobs have 10,000 shapes. Prints next_start_us and bytes_per_job.",
    .flags = DURE_VERB_RAW,
    .options = bench_queue_options,
    .examples = {{"dure bench queue --pending 1000000 --json", "a million jobs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_lifecycle_options[] = {
    {"nodes", 0, DURE_OPTION_COUNT, "N", "32500", "nodes of 8 GPUs", NULL, 600, 200000},
    {"mix", 0, DURE_OPTION_CHOICE, "MIX", "mixed", "one-GPU jobs, or all sizes", "single|mixed"},
    {"clients", 0, DURE_OPTION_COUNT, "N", "64", "connections", NULL, 1, 1000},
    {"seconds", 0, DURE_OPTION_COUNT, "N", "10", "how long they submit", NULL, 1, 3600},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_lifecycle = {
    .name = "bench lifecycle",
    .operands = "",
    .title = "whole lives of jobs a second, from submission to end",
    .text = "A daemon with emulated sites; each start sends one message to a process that stands in for the nodes. "
            "Prints per_s (from the first "
            "submission until the last end is on disk), p50_us and p99_us (from a request to its launch message), "
            "answer_p99_us, jobs, refused, "
            "seconds and rss_mib.",
    .flags = DURE_VERB_RAW,
    .options = bench_lifecycle_options,
    .examples = {{"dure bench lifecycle --nodes 32500 --json", "260,000 GPUs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_workload_options[] = {
    {"nodes", 0, DURE_OPTION_COUNT, "N", "32500", "nodes of 8 GPUs", NULL, 600, 200000},
    {"file", 0, DURE_OPTION_FILE, "FILE", NULL,
     "CSV with the heads user, account, nodes, gpus_per_node and duration_s"},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_workload = {
    .name = "bench workload",
    .operands = "",
    .title = "a given workload released at once",
    .text = "All jobs are submitted to begin at one instant, and stay. Prints started, seconds (from that instant to "
            "the last launch message), per_s, jobs "
            "and rss_mib.",
    .flags = DURE_VERB_RAW,
    .options = bench_workload_options,
    .examples = {{"dure bench workload --nodes 32500 --file workload.csv --json", "260,000 GPUs"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

static const struct dure_option bench_sim_options[] = {
    {"jobs", 0, DURE_OPTION_COUNT, "N", "10000000", "jobs in that time; their lengths are stretched to make the load",
     NULL, 1, 10000000},
    {"days", 0, DURE_OPTION_COUNT, "N", "365", "simulated days", NULL, 1, 3660},
    {"nodes", 0, DURE_OPTION_COUNT, "N", "32500", "nodes of 8 GPUs", NULL, 600, 200000},
    {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "one object"},
    {NULL},
};

const struct dure_verb dure_verb_bench_sim = {
    .name = "bench sim",
    .operands = "",
    .title = "a simulated year of a national fleet",
    .text =
        "The daemon's own core and loop on a virtual clock, with nodes and jobs that fail; inputs of one simulated "
        "minute share a batch. Prints seconds, simulated_days, rss_mib, digest, load (GPUs in use of those that are "
        "up), mean_pending, and the shares of gangs, of borrowed work and of what was taken back of it.",
    .flags = DURE_VERB_RAW,
    .options = bench_sim_options,
    .examples = {{"dure bench sim --jobs 10000000 --days 365 --json", "ten million jobs"},
                 {"dure bench sim --jobs 100000 --days 4 --json", "four days of it"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_bench,
};

const struct dure_verb dure_verb_version = {
    .name = "version",
    .operands = "",
    .title = "print the version of this program and of the daemon",
    .text = "Without a daemon only this program's is known, and that is no error.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE | DURE_VERB_ALONE,
    .examples = {{"dure version", "both versions, and where the daemon keeps its state"}},
    .exits = 0,
    .run = dure_cmd_version,
};

const struct dure_verb dure_verb_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .title = "print a shell's completion script",
    .text = "Made from the same table as this help.",
    .flags = 0,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_SHELL,
    .examples = {{"source <(dure completion bash)", "for this shell"},
                 {"dure completion fish > ~/.config/fish/completions/dure.fish", "for good"}},
    .exits = 0,
    .run = dure_cmd_completion,
};

static const struct dure_option help_options[] = {
    {"markdown", 0, DURE_OPTION_FLAG, NULL, NULL, "the whole reference as Markdown (docs/reference/cli.md)"},
    {NULL},
};

const struct dure_verb dure_verb_help = {
    .name = "help",
    .operands = "[VERB]",
    .title = "explain a verb",
    .text = "Alone it lists all verbs.",
    .flags = 0,
    .operands_most = 3,
    .operand = DURE_OPERAND_VERB,
    .options = help_options,
    .examples = {{"dure help allot grant", "one verb"}},
    .exits = 0,
    .run = dure_cmd_help,
};

const struct dure_verb dure_verb_man = {
    .name = "man",
    .operands = "DIRECTORY",
    .title = "write the manual pages into a directory",
    .text = "One page a verb, a group's sub-verbs on its page: dure.1, dure-submit.1, ... `make install` puts them in "
            "place.",
    .flags = 0,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_DIR,
    .examples = {{"dure man /tmp/man && man /tmp/man/dure-submit.1", "read one"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_man,
};
