/* Rows of the table: published experiments. */
#include "cli/handlers.h"
#include "cli/verbs.h"

const struct dure_verb dure_verb_sim_paper = {
    .name = "sim paper",
    .operands = "",
    .title = "reproduce published experiments",
    .text = "Alone, each prints the published table beside ours, with the tolerance and whether it holds; given the "
            "files of "
            "a trace, the figures of that trace. The authors' traces are not part of dure: DURE_TRACES names the "
            "folder that holds them (default ../shared/data), with openb/ and muri/ in it.\n\n"
            "Bad rows of a trace are left out, counted, and listed with line, field, what was found and what was "
            "expected; with "
            "--strict the first one ends the run.",
    .flags = DURE_VERB_GROUP_ONLY,
    .exits = 0,
};

static const struct dure_option fgd_options[] = {
    {"nodes", 0, DURE_OPTION_FILE, "FILE", NULL, "the trace's nodes: sn, cpu_milli, memory_mib, gpu, model"},
    {"pods", 0, DURE_OPTION_FILE, "FILE", NULL,
     "the trace's pods: name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec"},
    {"policy", 0, DURE_OPTION_CHOICE, "NAME", "dure",
     "who places; without files, the rows of the table that are played",
     "Random|DotProd|GpuClustering|GpuPacking|BestFit|FGD|dure"},
    {"seeds", 0, DURE_OPTION_TEXT, "A-B", "42-51", "one run for each"},
    {"tie", 0, DURE_OPTION_CHOICE, "RULE", "rank",
     "among nodes that are as good: the lowest of a random rank, one by chance, or the highest", "rank|random|reverse"},
    {"churn", 0, DURE_OPTION_COUNT, "PERCENT", NULL,
     "not the paper's: tasks also depart, and all together would hold so many percent of the GPUs", NULL, 1, 1000},
    {"strict", 0, DURE_OPTION_FLAG, NULL, NULL, "a bad row ends the run"},
    {NULL},
};

const struct dure_verb dure_verb_sim_paper_fgd = {
    .name = "sim paper fgd",
    .operands = "",
    .title = "placement on Alibaba's openb traces, as in \"Beware of Fragmentation\" (USENIX ATC 2023)",
    .text = "Tasks arrive in random order until they ask for 1.3 times the fleet's GPUs; none departs, and one that "
            "fits nowhere "
            "is dropped. The figure is the part of all GPUs that is allocated when as many are asked for as there are, "
            "averaged over the seeds: mean_percent_at_100, with sd (of a sample) and us_per_decision.\n\n"
            "Traces: github.com/alibaba/clusterdata, cluster-trace-gpu-v2023; for the table, "
            "openb/openb_node_list_gpu_node.csv, openb/openb_pod_list_NAME.csv and openb/expected_allocation.csv "
            "(trace, policy, "
            "mean_percent_at_100) in the folder of traces. `dure` is our own policy, which nobody published: its rows "
            "are compared with nothing.\n\n"
            "With --churn, tasks drawn from the trace arrive one a second and stay for an exponential time; "
            "mean_percent is what is allocated over the second half of the "
            "run, refused_percent what part of the GPUs asked for found no place.",
    .flags = DURE_VERB_JSON,
    .options = fgd_options,
    .examples = {{"dure sim paper fgd", "the whole table, in about half a minute"},
                 {"dure sim paper fgd --nodes nodes.csv --pods pods.csv --policy FGD --seeds 42-51 --json",
                  "a trace of your own"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_sim_paper_fgd,
};

static const struct dure_option muri_options[] = {
    {"jobs", 0, DURE_OPTION_FILE, "FILE", NULL,
     "the trace: num_gpu, submit_time, iterations, model_name, iteration_time"},
    {"nodes", 0, DURE_OPTION_COUNT, "N", "8", "nodes of the cluster", NULL, 1, 100000},
    {"gpus", 0, DURE_OPTION_COUNT, "N", "8", "GPUs of each node", NULL, 1, 1024},
    {"policy", 0, DURE_OPTION_CHOICE, "NAME", "srtf",
     "whose turn it is; without a file, the rows of the table that are played", "fifo|easy|sjf|srtf|srsf|tiresias-l"},
    {"strict", 0, DURE_OPTION_FLAG, NULL, NULL, "a bad row ends the run"},
    {NULL},
};

const struct dure_verb dure_verb_sim_paper_muri = {
    .name = "sim paper muri",
    .operands = "",
    .title = "order and preemption on Muri's traces (SIGCOMM 2022)",
    .text =
        "At every arrival and completion all jobs stop, are put in order, and start anew as far as there is room, at a "
        "cost by "
        "model and size. Prints avg_jct_s (from submission to completion), makespan_s and p99_jct_s.\n\n"
        "srtf and srsf go by the remaining time, and by that times the GPUs; tiresias-l by GPU time attained, in three "
        "queues "
        "(3,250 and 7,200 GPU-seconds), counting GPUs without regard to nodes, as the trace's authors did. fifo, easy "
        "(backfill by exact run times) and sjf preempt nobody and cost nothing.\n\n"
        "Traces: github.com/Rivendile/Muri; for the table, muri/NAME.csv and muri/expected.csv (trace, policy, "
        "avg_jct_s, makespan_s, "
        "p99_jct_s) in the folder of traces.",
    .flags = DURE_VERB_JSON,
    .options = muri_options,
    .examples = {{"dure sim paper muri", "the whole table"},
                 {"dure sim paper muri --jobs trace1.csv --nodes 8 --gpus 8 --policy srsf --json", "one row"}},
    .exits = 1u << DURE_EXIT_NO,
    .run = dure_cmd_sim_paper_muri,
};
