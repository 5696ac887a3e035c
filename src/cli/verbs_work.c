/* The verbs for work: submitting it, watching it, asking about it. */
#include "cli/handlers.h"
#include "cli/verbs.h"

/* Spelled as sbatch spells them; model/sbatch.c gives them their meaning. Other sbatch options are taken and named as not honoured. */
static const struct dure_option submit_options[] = {
    {"job-name", 'J', DURE_OPTION_TEXT, "NAME", "the script's file name, or \"wrap\"", "name shown in listings"},
    {"account", 'A', DURE_OPTION_TEXT, "PROJECT", "your default project",
     "the project (a tenant's path) that the job belongs to"},
    {"partition", 'p', DURE_OPTION_TEXT, "NAME", NULL,
     "taken for habit's sake and named as not honoured: there are no partitions"},
    {"nodes", 'N', DURE_OPTION_TEXT, "N", NULL, "number of nodes"},
    {"ntasks", 'n', DURE_OPTION_TEXT, "N", "1, or one a node with --nodes",
     "number of tasks; all start together or none does"},
    {"ntasks-per-node", 0, DURE_OPTION_TEXT, "N", NULL, "exactly so many tasks share a node"},
    {"cpus-per-task", 'c', DURE_OPTION_TEXT, "N", "the share of its GPUs", "CPUs of each task"},
    {"gpus", 'G', DURE_OPTION_TEXT, "[MODEL:]N", NULL, "GPUs of the whole job"},
    {"gpus-per-node", 0, DURE_OPTION_TEXT, "[MODEL:]N", NULL, "GPUs on each node"},
    {"gpus-per-task", 0, DURE_OPTION_TEXT, "[MODEL:]N", NULL, "GPUs of each task"},
    {"gres", 0, DURE_OPTION_TEXT, "gpu[:MODEL]:N", NULL, "GPUs on each node, in Slurm's older spelling"},
    {"nodelist", 'w', DURE_OPTION_TEXT, "LIST", NULL, "only these nodes: n7,pt-b200-[0001-0004]"},
    {"exclude", 'x', DURE_OPTION_TEXT, "LIST", NULL, "none of these nodes"},
    {"mem", 0, DURE_OPTION_TEXT, "SIZE[K|M|G|T]", "the share of its GPUs", "memory on each node"},
    {"time", 't', DURE_OPTION_TEXT, "TIME", "1:00:00", "walltime: MM, MM:SS, HH:MM:SS or D-HH[:MM[:SS]]"},
    {"array", 'a', DURE_OPTION_TEXT, "RANGE[:STEP][%LIMIT]", NULL, "an array of jobs, such as 0-99%10 or 1,3,5"},
    {"dependency", 'd', DURE_OPTION_TEXT, "TYPE:JOB[:JOB...]", NULL, "afterok, afterany or afternotok of other jobs"},
    {"begin", 'b', DURE_OPTION_TEXT, "TIME", NULL,
     "it starts no sooner: 16:00, tomorrow, now+2hours, 2026-03-01T09:00"},
    {"deadline", 0, DURE_OPTION_TEXT, "TIME", NULL,
     "it must have ended by then, or it ends unstarted: in the same words, or with an offset, "
     "2026-03-01T09:00:00+09:00"},
    {"output", 'o', DURE_OPTION_TEXT, "FILE", "dure-%j.out, dure-%A_%a.out of an array",
     "where standard output goes (%j job, %A array, %a element, %t task, %x name, %u user)"},
    {"error", 'e', DURE_OPTION_TEXT, "FILE", "the same as --output", "where standard error goes"},
    {"chdir", 'D', DURE_OPTION_DIR, "DIRECTORY", "the present directory", "where the job runs"},
    {"export", 0, DURE_OPTION_TEXT, "ALL|NONE|NAMES", "ALL",
     "which variables of this shell the job sees: all, none but the standard ones, or a list of NAME and NAME=VALUE"},
    {"image", 0, DURE_OPTION_TEXT, "IMAGE", NULL,
     "the container it runs in, by Apptainer: /images/train.sif, docker://NAME; only where a site has it"},
    {"comment", 0, DURE_OPTION_TEXT, "TEXT", NULL, "a note kept with the job"},
    {"hold", 'H', DURE_OPTION_FLAG, NULL, NULL, "submit held; `dure release` lets it go"},
    {"requeue", 0, DURE_OPTION_FLAG, NULL, "yes", "start again after a node failure or an eviction"},
    {"no-requeue", 0, DURE_OPTION_FLAG, NULL, NULL, "end instead"},
    {"wrap", 0, DURE_OPTION_TEXT, "COMMAND", NULL, "run this shell command instead of a script"},
    {"parsable", 0, DURE_OPTION_FLAG, NULL, NULL, "print the job's number alone"},
    {"test-only", 0, DURE_OPTION_FLAG, NULL, NULL, "submit nothing; say whether, where and when it could start"},
    {NULL},
};

const struct dure_verb dure_verb_submit = {
    .name = "submit",
    .operands = "FILE|- [ARGUMENT...]",
    .title = "submit a job",
    .text = "FILE is a Job spec in YAML, or a batch script that begins with #! and may hold #SBATCH lines; \"-\" reads "
            "either from standard "
            "input. Options given here win over #SBATCH lines. Arguments after FILE are the script's.\n\n"
            "A job's spec says everything itself, so a YAML file takes only --test-only, --parsable and --json.\n\n"
            "Every sbatch option that is not honoured is named on standard error with the reason; none is dropped in "
            "silence. Every error "
            "names file, line, column, field, what was found and what was expected, up to 20 at once, and nothing is "
            "submitted.\n\n"
            "Environment: a script's job sees this shell's variables (--export=ALL) as with sbatch. DURE_*, SLURM_* "
            "and CUDA_VISIBLE_DEVICES "
            "are left out, and so, with a note, are variables that do not fit into 64 KiB altogether. The variables "
            "are kept as a personal "
            "field, which `dure audit erase` can erase. A YAML job sees what its spec names.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE | DURE_VERB_STOPS_EARLY | DURE_VERB_SBATCH,
    .operands_most = 4096,
    .operand = DURE_OPERAND_FILE,
    .options = submit_options,
    .examples = {{"dure submit train.sh", "a script, as sbatch takes it"},
                 {"dure submit -n 4 -G 4 -t 2:00:00 train.sh --epochs 3", "four tasks with a GPU each for two hours"},
                 {"dure submit --wrap 'nvidia-smi -L' --gpus 1", "one command"},
                 {"dure submit --test-only job.yaml", "could it start, and when?"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND |
             1u << DURE_EXIT_BUSY,
    .run = dure_cmd_submit,
};

static const struct dure_option whatif_options[] = {
    {"add-nodes", 0, DURE_OPTION_TEXT, "GROUP=COUNT", NULL, "more nodes like those of a group, there at once"},
    {"fail", 0, DURE_OPTION_TEXT, "WHAT", NULL,
     "site=NAME, rack=NODE (or another level, of that node) or node=NODES is down"},
    {"allot", 0, DURE_OPTION_TEXT, "TENANT:GROUP:LEVEL=COUNT", NULL, "so many cells more are promised"},
    {"power", 0, DURE_OPTION_TEXT, "SITE=LIMIT", NULL, "the site may draw so much, such as 12MW, or none: no limit"},
    {"data", 0, DURE_OPTION_TEXT, "DATASET=SITES", NULL, "where the dataset may go: sites parted by commas, or all"},
    {"submit", 0, DURE_OPTION_FILE, "FILE", NULL, "one more job, submitted now"},
    {"policy", 0, DURE_OPTION_TEXT, "NAME", NULL,
     "another scheduler decides, such as easy+bestfit; names as in `dure sim compare`"},
    {"arrivals", 0, DURE_OPTION_TEXT, "recent|none|FILE", "recent",
     "what comes meanwhile: the work of the last week once more, nothing, or a trace from now on"},
    {"until", 0, DURE_OPTION_SECONDS, "TIME", "7d", "how far to look", NULL, 60, 31622400},
    {"report", 0, DURE_OPTION_DIR, "FOLDER", NULL, "write a page (report.html), report.json and CSV files there"},
    {NULL},
};

const struct dure_verb dure_verb_whatif = {
    .name = "whatif",
    .operands = "",
    .title = "ask what would happen, without doing it",
    .text = "The state of the daemon, from its newest snapshot and its record, is simulated here twice: as it is, and "
            "with the "
            "changes. Both stand side by side: use, waits, promises by tenant, and which jobs start at another time. "
            "Nothing is "
            "changed there, and the daemon only answers reads.\n\n"
            "What runs and waits now is played to --until. A job that does not say how long it lasts (runs_for) is "
            "taken to use "
            "all of its walltime. What was submitted in the last seven days comes again seven days later, at the same "
            "hours "
            "and as long as it worked then, and so on; of a younger record as many days as there are, one at least. "
            "What was "
            "assumed is told in words. Neither a draw nor a model is in it: the same state gives the same answer.\n\n"
            "A change may be given several times; --add-nodes come "
            "first, then --allot, --power, --data, --fail and --submit. One that the daemon would refuse is refused "
            "here in "
            "the same words.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE | DURE_VERB_REPEATS,
    .options = whatif_options,
    .examples = {{"dure whatif --fail site=naver-sejong --until 7d", "a site is lost"},
                 {"dure whatif --power nhn-pangyo=8MW --fail rack=gk-b200-0001", "less power, and a rack down"},
                 {"dure whatif --add-nodes gov-b200-nhn=64 --submit job.yaml", "more nodes, and one more job"},
                 {"dure whatif --policy easy+bestfit --until 14d", "two weeks by another scheduler"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_whatif,
};

const struct dure_verb dure_verb_whatif_submit = {
    .name = "whatif submit",
    .operands = "FILE|- [ARGUMENT...]",
    .title = "say where and when a job would start, without submitting it",
    .text = "FILE and options are those of `dure submit`. First where it would start now, on which nodes; else the "
            "estimated start with its interval and what it waits for; then every place with the rule that refuses it, "
            "and the changes that were tried and would let it start now.\n\n"
            "It is 0 if the job would start, now or later, and 1 if it could never run. With --json `starts_now` and "
            "`place` say it to programs.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE | DURE_VERB_STOPS_EARLY | DURE_VERB_SBATCH,
    .operands_most = 4096,
    .operand = DURE_OPERAND_FILE,
    .options = submit_options,
    .examples = {{"dure whatif submit job.yaml", "where and when would it start?"},
                 {"dure whatif submit --gpus 8 --wrap true", "the same of one command"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND |
             1u << DURE_EXIT_BUSY,
    .run = dure_cmd_whatif_submit,
};

static const struct dure_option why_options[] = {
    {"queue", 'q', DURE_OPTION_FLAG, NULL, NULL, "what each rule costs, added up over all that wait (operators)"},
    {NULL},
};

static const struct dure_option jobs_options[] = {
    {"all", 'a', DURE_OPTION_FLAG, NULL, NULL, "live and ended jobs"},
    {"ended", 0, DURE_OPTION_FLAG, NULL, NULL, "ended jobs, newest first"},
    {"states", 't', DURE_OPTION_CHOICE, "STATE", "live", "only jobs in this state", "live|pending|running|ended|all"},
    {"me", 0, DURE_OPTION_FLAG, NULL, NULL, "only your own"},
    {"user", 'u', DURE_OPTION_TEXT, "LOGIN", NULL, "only this person's"},
    {"project", 'A', DURE_OPTION_TEXT, "PATH", NULL, "only this tenant's, with all below it"},
    {"limit", 'n', DURE_OPTION_COUNT, "N", "1000", "most rows", NULL, 1, 1000000},
    {"format", 'o', DURE_OPTION_TEXT, "COLUMNS", NULL,
     "columns to show: names parted by commas, or squeue's letters such as \"%i %.8j %T\""},
    {"no-header", 0, DURE_OPTION_FLAG, NULL, NULL, "leave out the heading"},
    {"watch", 'w', DURE_OPTION_FLAG, NULL, NULL, "show it again and again until interrupted"},
    {"interval", 'i', DURE_OPTION_SECONDS, "TIME", "2", "how often with --watch", NULL, 1, 3600},
    {NULL},
};

const struct dure_verb dure_verb_jobs = {
    .name = "jobs",
    .operands = "[JOB...]",
    .title = "list jobs",
    .text = "The columns and state codes are squeue's. PARTITION is the job's class: guaranteed, or borrowed. The "
            "pending rest of an array stands in one "
            "row, such as 12_[3-99%10]. Rows on an emulated site or on virtual GPUs say so beside their nodes.\n\n"
            "Columns for --format, with squeue's letter where it has one: jobid (%i) partition (%P) name (%j) user "
            "(%u) st (%t) state (%T) time (%M) "
            "limit (%l) left (%L) nodes (%D) nodelist (%N) reason (%r) where (%R) tasks (%C) gpus (%b) project (%a) "
            "priority (%Q) submitted (%V) "
            "started (%S) ended (%e) site exit cause owner allotment requeues cpu memory.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_most = 1000,
    .operand = DURE_OPERAND_JOB,
    .options = jobs_options,
    .examples = {{"dure jobs", "what is pending and running"},
                 {"dure jobs --me --watch", "your own, refreshed"},
                 {"dure jobs --ended -o jobid,name,state,exit,time,cpu,memory", "what became of them"},
                 {"dure jobs --json", "for programs: the daemon's rows as they are"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_NOT_FOUND | 1u << DURE_EXIT_BUSY,
    .run = dure_cmd_jobs,
};

const struct dure_verb dure_verb_show = {
    .name = "show",
    .operands = "JOB...",
    .title = "show everything about a job",
    .text = "JOB is a number, or 12_3 (12.3) for one element of an array. Attempts, places, exit codes and what was "
            "used are shown; script, command, "
            "directory and output files only to those who may see them.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 100,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure show 12", "job 12"}, {"dure show 12_3", "element 3 of array 12"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_show,
};

static const struct dure_option logs_options[] = {
    {"follow", 'f', DURE_OPTION_FLAG, NULL, NULL, "go on as it is written, until the job has ended"},
    {"stderr", 'e', DURE_OPTION_FLAG, NULL, NULL, "standard error instead of standard output"},
    {"task", 't', DURE_OPTION_COUNT, "N", "0", "which task's", NULL, 0, 131071},
    {"bytes", 'c', DURE_OPTION_COUNT, "N", NULL, "only the last N bytes", NULL, 0, 1099511627776},
    {NULL},
};

const struct dure_verb dure_verb_logs = {
    .name = "logs",
    .operands = "JOB",
    .title = "show a job's output",
    .text = "Bytes come out as the job wrote them. A pending job is waited for with --follow; without it that is an "
            "answer of \"no\".",
    .flags = DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1,
    .operand = DURE_OPERAND_JOB,
    .options = logs_options,
    .examples = {{"dure logs -f 12", "watch job 12 write"},
                 {"dure logs --stderr --task 3 12", "the fourth task's standard error"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_logs,
};

#define DURE_ACT_EXITS                                                                                                 \
    (1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND |             \
     1u << DURE_EXIT_BUSY)

const struct dure_verb dure_verb_cancel = {
    .name = "cancel",
    .operands = "JOB...",
    .title = "cancel jobs",
    .text = "A pending job ends at once. A running one is warned (SIGTERM), has its grace, and is then killed with all "
            "its children. All jobs named are "
            "tried; the exit code is that of the first that failed.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure cancel 12", "the job, or the whole array"},
                 {"dure cancel 12_3 14", "one element, and another job"}},
    .exits = DURE_ACT_EXITS,
    .run = dure_cmd_act,
};

const struct dure_verb dure_verb_hold = {
    .name = "hold",
    .operands = "JOB...",
    .title = "keep pending jobs from starting",
    .text = "What runs goes on. `dure release` undoes it.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure hold 12", "job 12 waits until it is released"}},
    .exits = DURE_ACT_EXITS,
    .run = dure_cmd_act,
};

const struct dure_verb dure_verb_release = {
    .name = "release",
    .operands = "JOB...",
    .title = "let held jobs start again",
    .text = "Undoes `dure hold`, and --hold of `dure submit`.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 1,
    .operands_most = 1000,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure release 12", "job 12 may start"}},
    .exits = DURE_ACT_EXITS,
    .run = dure_cmd_act,
};

const struct dure_verb dure_verb_checkpointed = {
    .name = "checkpointed",
    .operands = "[JOB]",
    .title = "say that a running job has kept its work",
    .text = "To be called by the job itself after each checkpoint; inside a job, JOB is that job. When an owner takes "
            "borrowed GPUs back, the jobs go that lose least: what they did since their last checkpoint. A job that "
            "says nothing has its `checkpoint:` interval taken at its word, or else has never kept anything.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 0,
    .operands_most = 1,
    .operand = DURE_OPERAND_JOB,
    .examples = {{"dure checkpointed", "in a job's script, after the checkpoint is on disk"},
                 {"dure checkpointed 12_3", "on behalf of element 3 of job 12"}},
    .exits = DURE_ACT_EXITS,
    .run = dure_cmd_checkpointed,
};

const struct dure_verb dure_verb_why = {
    .name = "why",
    .operands = "JOB|--queue",
    .title = "say why a job waits, or runs where it runs",
    .text =
        "First the answer in a sentence; then every place that the job could go to, with the first rule that "
        "refused it there and what it needs and "
        "finds; then rules that leave no place together, and the one whose change would open one; then changes that "
        "were tried and would let it start; then the estimated start, its interval, and whose end it takes.\n\n"
        "With --queue, for each rule the jobs and GPUs that it keeps waiting and their GPU-hours until now: a job "
        "counts for the rule that is cheapest to change among those that refuse some place alone.",
    .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE,
    .operands_least = 0,
    .operands_most = 1,
    .operand = DURE_OPERAND_JOB,
    .options = why_options,
    .examples = {{"dure why 12", "why does job 12 wait?"}, {"dure why --queue", "what does each rule cost?"}},
    .exits = 1u << DURE_EXIT_NO | 1u << DURE_EXIT_NO_DAEMON | 1u << DURE_EXIT_DENIED | 1u << DURE_EXIT_NOT_FOUND,
    .run = dure_cmd_why,
};
