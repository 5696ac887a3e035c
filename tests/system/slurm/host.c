#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct slurm_host *started;

static int run(const char *command)
{
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int slurm_host_do(const struct slurm_host *host, const char *format, ...)
{
    char words[1024], command[3072];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(command, sizeof command, "'%s' %s >>'%s.log' 2>&1", host->script, words, host->directory);
    return run(command);
}

int slurm_host_sh(const struct slurm_host *host, const char *format, ...)
{
    char words[1024], command[3072];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(command, sizeof command, "export SLURM_CONF='%s'; { %s ; } >>'%s.log' 2>&1", host->conf, words,
             host->directory);
    return run(command);
}

static void stop(void)
{
    if (started)
        (void)slurm_host_do(started, "stop '%s'", started->directory);
    started = NULL;
}

static void read_line(const struct slurm_host *host, const char *name, char *line, size_t size)
{
    char command[1500];
    snprintf(command, sizeof command, "'%s' env '%s' | sed -n 's/^%s=//p'", host->script, host->directory, name);
    FILE *file = popen(command, "r");
    if (!file || !fgets(line, (int)size, file))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (file)
        pclose(file);
}

void slurm_host_start(struct slurm_host *host, const char *script, const char *name, const char *words)
{
    char socket[600];
    host->script = script;
    /* The folder goes when the program ends, after the cluster has: handlers run last first. */
    snprintf(host->directory, sizeof host->directory, "%s/%s", tap_tempdir(), name);
    if (!started)
        atexit(stop);
    /* slurmd starts jobs of other users: they must get through. */
    snprintf(socket, sizeof socket, "chmod 755 '%s'", tap_tempdir());
    (void)run(socket);
    const int code = slurm_host_do(host, "start %s '%s' %s", name, host->directory, words);
    if (code) {
        snprintf(socket, sizeof socket, "tail -20 '%s.log' >&2", host->directory);
        (void)run(socket);
    }
    if (code == 77)
        tap_skip_all("Slurm's daemons are not here, or this is not root; on Debian: apt-get install slurmctld slurmd "
                     "slurm-client munge");
    if (code)
        tap_bail("the cluster does not start");
    started = host;
    snprintf(host->conf, sizeof host->conf, "%s/slurm.conf", host->directory);
    read_line(host, "REST_SOCKET", socket, sizeof socket);
    snprintf(host->socket_url, sizeof host->socket_url, "unix:%s", socket);
    read_line(host, "REST_URL", host->url, sizeof host->url);
    read_line(host, "REST_TOKEN_FILE", host->token_file, sizeof host->token_file);
    if (uv_loop_init(&host->loop))
        tap_bail("no loop");
}

static void keep(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

static void hear_job(struct slurm_told *told, const struct dure_slurm_job *job)
{
    told->job = *job;
    keep(told->job_name, sizeof told->job_name, job->name);
    keep(told->job_comment, sizeof told->job_comment, job->comment);
    keep(told->job_user, sizeof told->job_user, job->user);
    keep(told->job_nodes, sizeof told->job_nodes, job->nodes_text);
    keep(told->job_reason, sizeof told->job_reason, job->reason);
    keep(told->job_output, sizeof told->job_output, job->output);
    for (uint32_t i = 0; i < job->node_count && i < 8; i++) {
        told->job_node[i] = job->nodes[i];
        keep(told->job_node_name[i], sizeof told->job_node_name[i], job->nodes[i].name);
    }
}

void slurm_hear(void *context, const struct dure_slurm_reply *reply)
{
    struct slurm_told *told = context;
    *told = (struct slurm_told){.told = true,
                                .result = reply->result,
                                .unsent = reply->unsent,
                                .unchanged = reply->unchanged,
                                .job_id = reply->job_id,
                                .job_count = reply->job_count,
                                .node_count = reply->node_count,
                                .partition_count = reply->partition_count,
                                .setting_count = reply->setting_count,
                                .switch_count = reply->switch_count};
    keep(told->text, sizeof told->text, reply->text);
    keep(told->version, sizeof told->version, reply->version);
    keep(told->api, sizeof told->api, reply->api);
    if (reply->job_count)
        hear_job(told, &reply->jobs[0]);
    if (reply->node_count) {
        told->node = reply->nodes[0];
        keep(told->node_name, sizeof told->node_name, reply->nodes[0].name);
        keep(told->node_reason, sizeof told->node_reason, reply->nodes[0].reason);
        keep(told->node_partitions, sizeof told->node_partitions, reply->nodes[0].partitions);
    }
    if (reply->partition_count) {
        told->partition = reply->partitions[0];
        keep(told->partition_name, sizeof told->partition_name, reply->partitions[0].name);
    }
    for (uint32_t i = 0; i < reply->switch_count && i < 4; i++) {
        keep(told->switch_name[i], sizeof told->switch_name[i], reply->switches[i].name);
        keep(told->switch_nodes[i], sizeof told->switch_nodes[i], reply->switches[i].nodes_text);
    }
    for (uint32_t i = 0; i < reply->setting_count; i++)
        if (strcmp(reply->settings[i].name, "KillWait") == 0)
            keep(told->kill_wait, sizeof told->kill_wait, reply->settings[i].value);
}

static void tick(uv_timer_t *timer)
{
    (void)timer;
}

void slurm_wait(struct slurm_host *host, struct slurm_told *told)
{
    uv_timer_t timer;
    const uint64_t until = uv_hrtime() + 60 * UINT64_C(1000000000);
    uv_timer_init(&host->loop, &timer);
    uv_timer_start(&timer, tick, 100, 100);
    while (!told->told && uv_hrtime() < until)
        uv_run(&host->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&host->loop, UV_RUN_NOWAIT);
    if (!told->told)
        tap_bail("nobody answered within a minute");
}
