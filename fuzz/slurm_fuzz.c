/* What a Slurm answers, by either way, of any version: any bytes become a reply that is whole. The first line says what was asked (a letter) and
 * the status of HTTP, 0 for a command; the rest is the answer. Whatever is told must hold together, and be the same when it is read again. */
#include <stdlib.h>
#include <string.h>

#include "engine/slurm/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char letters[] = "sjndpxgctvl"; /* in the order of enum slurm_kind */

static void look_at_jobs(const struct dure_slurm_reply *reply)
{
    for (uint32_t i = 0; i < reply->job_count; i++) {
        const struct dure_slurm_job *job = &reply->jobs[i];
        DURE_ASSERT(job->job_id && job->name && job->comment && job->user && job->reason && job->nodes_text &&
                    job->output);
        DURE_ASSERT(*dure_slurm_state_name(job->state));
        DURE_ASSERT(job->node_count <= DURE_SLURM_JOB_NODES_MAX && (!job->node_count || job->nodes));
        DURE_ASSERT(job->exit_code >= 0 && job->exit_code < 256 && job->exit_signal >= 0 && job->exit_signal < 128);
        DURE_ASSERT(job->walltime_us >= 0 && job->start_us >= 0 && job->end_us >= 0 && job->submit_us >= 0);
        for (uint32_t k = 0; k < job->node_count; k++)
            DURE_ASSERT(job->nodes[k].name && *job->nodes[k].name);
    }
}

static void look(const struct dure_slurm_reply *reply)
{
    DURE_ASSERT(reply->text && reply->version && reply->api && *dure_slurm_result_name(reply->result));
    DURE_ASSERT((reply->result == DURE_SLURM_DONE) == (*reply->text == '\0'));
    look_at_jobs(reply);
    for (uint32_t i = 0; i < reply->node_count; i++)
        DURE_ASSERT(*reply->nodes[i].name && strlen(reply->nodes[i].gpu_type) <= DURE_NAME_MAX);
    for (uint32_t i = 0; i < reply->partition_count; i++)
        DURE_ASSERT(*reply->partitions[i].name && reply->partitions[i].walltime_max_us >= 0);
    for (uint32_t i = 0; i < reply->setting_count; i++)
        DURE_ASSERT(*reply->settings[i].name && reply->settings[i].value);
    for (uint32_t i = 0; i < reply->switch_count; i++)
        DURE_ASSERT(*reply->switches[i].name);
}

static void read_once(enum slurm_kind kind, int status, const char *bytes, size_t length, struct dure_arena *arena,
                      struct dure_slurm_reply *reply)
{
    const bool json = status || kind == SLURM_JOBS || kind == SLURM_NODES;
    if (json)
        slurm_parse_json(kind, status, bytes, length, NULL, arena, reply);
    else
        slurm_parse_command(kind, 0, bytes, strlen(bytes), "", 0, NULL, arena, reply);
    look(reply);
}

/* The same bytes as the words of a failed command, as a hostlist and as a gres. */
static void other_ways(enum slurm_kind kind, const char *bytes, size_t length, struct dure_arena *arena)
{
    struct dure_slurm_reply reply;
    struct slurm_gres gres;
    const char **names = NULL;
    slurm_parse_command(kind, 1, "", 0, bytes, length, NULL, arena, &reply);
    look(&reply);
    const int count = slurm_hostlist(bytes, 1000, arena, &names);
    DURE_ASSERT(count >= -2 && count <= 1000);
    for (int i = 0; i < count; i++)
        DURE_ASSERT(*names[i]);
    slurm_gres_read(bytes, &gres);
    DURE_ASSERT(slurm_span_us(bytes) >= 0);
}

/* "c 200\n": the digits up to the newline. */
static int status_of(const char *at, const char *end)
{
    int status = 0;
    while (at < end && *at == ' ')
        at++;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        status = (status * 10 + *at - '0') % 600;
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    const char *letter = size && data[0] ? strchr(letters, data[0]) : NULL;
    if (!newline || !letter)
        return 0;
    struct dure_arena *arena = dure_arena_new(64 << 20);
    const size_t length = size - (size_t)(newline + 1 - data);
    char *bytes = malloc(length + 1);
    struct dure_slurm_reply one, two;
    DURE_ASSERT(arena && bytes);
    memcpy(bytes, newline + 1, length);
    bytes[length] = '\0';
    const enum slurm_kind kind = (enum slurm_kind)(letter - letters);
    const int status = status_of((const char *)data + 1, (const char *)newline);
    read_once(kind, status, bytes, length, arena, &one);
    read_once(kind, status, bytes, length, arena, &two);
    DURE_ASSERT(one.result == two.result && one.job_count == two.job_count && one.node_count == two.node_count &&
                one.job_id == two.job_id && strcmp(one.text, two.text) == 0);
    other_ways(kind, bytes, length, arena);
    dure_arena_free(arena);
    free(bytes);
    return 0;
}
