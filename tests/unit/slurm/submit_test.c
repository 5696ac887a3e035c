/* One job to be, in the words of sbatch and of each version of the REST API. */
#include "engine/slurm/inner.h"
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct dure_arena *arena;
static const struct dure_slurm_site site = {.path = "/usr/bin",
                                            .conf = "",
                                            .partition = "gpu",
                                            .account = "nat",
                                            .qos = "",
                                            .reservation = "",
                                            .node_prefix = ""};

static struct dure_slurm_submit whole(void)
{
    static const char *const environment[] = {"A=b c=d", "SLURM_CONF=/x", "SBATCH_ACCOUNT=z", "E="};
    static const char script[] = "#!/bin/sh\n#SBATCH --nodes=9\n#PBS -l x\necho '#SBATCH stays'\n#BSUB y\n";
    return (struct dure_slurm_submit){.name = "dure-1",
                                      .comment = "dure 1",
                                      .directory = "/home/kim",
                                      .output = "/home/kim/%j",
                                      .account = "own",
                                      .script = script,
                                      .script_length = sizeof script - 1,
                                      .environment = environment,
                                      .environment_count = 4,
                                      .nodelist = "n[2-3]",
                                      .node_count = 2,
                                      .tasks = 4,
                                      .tasks_per_node = 2,
                                      .cpus_per_task = 3,
                                      .gpus_per_node = 2,
                                      .gpu_type = "h100",
                                      .memory_per_node_mib = 512,
                                      .walltime_us = INT64_C(61000000),
                                      .warn_signal = SIGTERM,
                                      .warn_batch = true,
                                      .warn_s = 30};
}

static void arguments(void)
{
    struct dure_slurm_submit submit = whole(), copy;
    DURE_ASSERT(!slurm_submit_copy(arena, &submit, &copy, NULL));
    char **list = slurm_submit_arguments(&copy, &site, arena);
    struct dure_buf text;
    dure_buf_init(&text, 1 << 16);
    for (unsigned i = 0; list && list[i]; i++)
        dure_buf_printf(&text, "%s%s", i ? " " : "", list[i]);
    TAP_EQ_STR(
        text.data,
        "sbatch --parsable --ignore-pbs --export=ALL --job-name=dure-1 --comment=dure 1 --account=own --partition=gpu "
        "--chdir=/home/kim --input=/dev/null --output=/home/kim/%j --nodelist=n[2-3] --nodes=2-2 --ntasks=4 "
        "--ntasks-per-node=2 --cpus-per-task=3 --gres=gpu:h100:2 --mem=512M --time=2 --signal=B:TERM@30 "
        "--open-mode=truncate --no-requeue",
        "what sbatch is told");
    dure_buf_release(&text);
    TAP_EQ_STR(copy.script, "#!/bin/sh\n#-BATCH --nodes=9\n#-BS -l x\necho '#SBATCH stays'\n#-SUB y\n",
               "the script says nothing to sbatch");
    TAP_OK(copy.environment_count == 2 && !strcmp(copy.environment[0], "A=b c=d") && !strcmp(copy.environment[1], "E="),
           "nor does the environment");
}

static json_t *body(unsigned api, bool hold, bool requeue)
{
    struct dure_slurm_submit submit = whole(), copy;
    submit.hold = hold;
    submit.requeue = requeue;
    DURE_ASSERT(!slurm_submit_copy(arena, &submit, &copy, NULL));
    char *text = slurm_submit_body(&copy, &site, api);
    json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    return json;
}

static bool says(const json_t *object, const char *key, const char *want)
{
    char *text = json_dumps(json_object_get(object, key), JSON_ENCODE_ANY | JSON_COMPACT);
    const bool same = text && strcmp(text, want) == 0;
    if (!same)
        tap_diag("%s: %s", key, text ? text : "nothing");
    free(text);
    return same;
}

static void bodies(void)
{
    json_t *old = body(38, true, false), *job = json_object_get(old, "job");
    TAP_OK(says(job, "nodelist", "\"n[2-3]\"") && says(job, "nodes", "[2,2]") && says(job, "gres", "\"gpu:h100:2\"") &&
               says(job, "time_limit", "2") && says(job, "memory_per_node", "512") &&
               says(job, "signal", "\"B:15@30\""),
           "v0.0.38: sbatch's own words");
    TAP_OK(says(job, "environment", "{\"A\":\"b c=d\",\"E\":\"\"}") && json_is_string(json_object_get(old, "script")),
           "v0.0.38: environment as an object, script beside the job");
    TAP_OK(says(job, "no_requeue", "true") && !json_object_get(job, "requeue") && says(job, "hold", "true"),
           "v0.0.38: a flag is said by its name: \"requeue\": false would ask for it");
    json_decref(old);
    for (unsigned api = 39; api <= 42; api++) {
        json_t *next = body(api, false, false);
        job = json_object_get(next, "job");
        TAP_OK(says(job, "required_nodes", "[\"n[2-3]\"]") && says(job, "nodes", "\"2-2\"") &&
                   says(job, "time_limit", "{\"set\":true,\"infinite\":false,\"number\":2}") &&
                   says(job, "environment", "[\"A=b c=d\",\"E=\"]") && says(job, "requeue", "false") &&
                   says(job, "open_mode", "[\"TRUNCATE\"]") &&
                   !json_object_get(job, "hold") && says(job, "kill_warning_flags", "[\"BATCH_JOB\"]"),
               "v0.0.%u", api);
        TAP_OK(says(job, "tres_per_node", api == 39 ? "\"gres:gpu:h100:2\"" : "\"gres/gpu:h100:2\""), "v0.0.%u: GPUs",
               api);
        TAP_OK(json_is_string(json_object_get(api < 40 ? next : job, "script")), "v0.0.%u: where the script stands",
               api);
        json_decref(next);
    }
}

static void refused(void)
{
    struct dure_error error;
    struct dure_slurm_submit copy, submit;
#define REFUSED(change, code, words)                                                                                   \
    submit = whole();                                                                                                  \
    change;                                                                                                            \
    TAP_OK(slurm_submit_copy(arena, &submit, &copy, &error) == (code), "refused: %s", words);                          \
    TAP_HAS(error.text, words, "in words")
    REFUSED(submit.directory = "x", DURE_E_INVALID, "directory: found 'x', expected an absolute path");
    REFUSED(submit.name = NULL, DURE_E_INVALID, "name: found nothing");
    REFUSED(submit.name = "a\nb", DURE_E_INVALID, "name: found a control character");
    REFUSED(submit.node_count = 0, DURE_E_INVALID, "node_count: found 0");
    REFUSED(submit.script = "echo", DURE_E_INVALID, "script: found no interpreter");
    REFUSED(submit.script_length = DURE_SLURM_SCRIPT_MAX + 1, DURE_E_LIMIT, "script: found 4194305 bytes");
    REFUSED(submit.warn_signal = 63, DURE_E_INVALID, "warn_signal: found 63");
    static const char *const bad[] = {"NOVALUE"};
    REFUSED((submit.environment = bad, submit.environment_count = 1), DURE_E_INVALID,
            "environment: found 'NOVALUE', expected NAME=value");
}

int main(void)
{
    arena = dure_arena_new(64 << 20);
    arguments();
    bodies();
    refused();
    dure_arena_free(arena);
    return tap_done();
}
