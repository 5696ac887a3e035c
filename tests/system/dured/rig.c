#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static void pause_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    nanosleep(&time, NULL);
}

void rig_make(struct rig *rig, const char *name, unsigned nodes, bool local)
{
    FILE *file;

    *rig = (struct rig){0};
    snprintf(rig->folder, sizeof rig->folder, "%.400s/%s", tap_tempdir(), name);
    if (mkdir(rig->folder, 0755) != 0)
        tap_bail("%s: %s", rig->folder, strerror(errno));
    snprintf(rig->state, sizeof rig->state, "%s/state", rig->folder);
    if (snprintf(rig->socket, sizeof rig->socket, "%s/d.sock", rig->folder) >= (int)sizeof rig->socket)
        tap_bail("TMPDIR is too long for a socket");
    snprintf(rig->fleet, sizeof rig->fleet, "%s/fleet.yaml", rig->folder);
    snprintf(rig->log, sizeof rig->log, "%s/log", rig->folder);
    file = fopen(rig->fleet, "we");
    if (file == NULL)
        tap_bail("%s: %s", rig->fleet, strerror(errno));
    fputs("kind: Fleet\nversion: 1\nname: rig\nowners: [{name: acme}]\nsites: [{name: here, engine: local}, {name: "
          "far, engine: emulated}]\n"
          "models: [{name: virtual, memory: 1GiB, virtual: true}, {name: big, memory: 80GiB, power: 700W}]\ngroups:\n",
          file);
    if (local)
        fputs("  - {name: here, owner: acme, site: here, model: virtual, nodes: \"here-1\", levels: [{name: node, "
              "holds: 8}], cpus: 8, memory: 8GiB, "
              "disk: 8GiB, status: installed, source: test}\n",
              file);
    if (nodes > 0)
        fprintf(file,
                "  - {name: far, owner: acme, site: far, model: big, nodes: \"far-[001-%03u]\", levels: [{name: node, "
                "holds: 8}], cpus: 64, "
                "memory: 512GiB, disk: 1TiB, power: 10kW, status: assumed, source: test}\n",
                nodes);
    fclose(file);
}

pid_t rig_spawn(struct rig *rig, const char *const *options)
{
    const char *argv[32] = {getenv("DURED"), "--foreground", "--state", rig->state,
                            "--socket",      rig->socket,    "--fleet", rig->fleet};
    int count = 8, fd;
    pid_t pid;

    if (argv[0] == NULL)
        tap_bail("DURED names no program");
    for (; options != NULL && *options != NULL && count < 31; options++)
        argv[count++] = *options;
    pid = fork();
    if (pid != 0)
        return pid;
    fd = open(rig->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

void rig_connect(struct rig *rig)
{
    struct dure_client_options options = {.socket_path = rig->socket, .timeout_us = 20000000};

    dure_client_free(rig->client);
    rig->client = NULL;
    if (dure_client_new(&options, &rig->client, &rig->error) != DURE_OK)
        tap_bail("client: %s", rig->error.text);
}

bool rig_start(struct rig *rig, const char *const *options)
{
    int status;

    rig->pid = rig_spawn(rig, options);
    rig_connect(rig);
    for (int i = 0; i < 6000; i++) {
        if (dure_client_health(rig->client, &rig->error) == DURE_OK)
            return true;
        if (waitpid(rig->pid, &status, WNOHANG) == rig->pid) {
            rig->pid = 0;
            tap_diag("the daemon ended with status %d",
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
            return false;
        }
        pause_ms(5);
    }
    return false;
}

int rig_stop(struct rig *rig, int signal)
{
    int status = 0;

    if (rig->pid <= 0)
        return -1;
    kill(rig->pid, signal);
    while (waitpid(rig->pid, &status, 0) < 0 && errno == EINTR)
        ;
    rig->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void rig_remove(struct rig *rig)
{
    (void)rig_stop(rig, SIGTERM);
    dure_reply_release(&rig->reply);
    dure_client_free(rig->client);
    rig->client = NULL;
}

int rig_call(struct rig *rig, const char *method, const char *path, const char *query, const char *body,
             const char *key)
{
    struct dure_request request = {.method = method,
                                   .path = path,
                                   .query = query,
                                   .body = body,
                                   .body_length = body != NULL ? strlen(body) : 0,
                                   .idempotency_key = key};

    dure_reply_release(&rig->reply);
    rig->error = (struct dure_error){0};
    if (dure_client_call(rig->client, &request, &rig->reply, &rig->error) != DURE_OK && rig->reply.status == 0)
        tap_diag("%s %s: %s", method, path, rig->error.text);
    return rig->reply.status;
}

int rig_get(struct rig *rig, const char *path, const char *query)
{
    return rig_call(rig, "GET", path, query, NULL, NULL);
}

int rig_post(struct rig *rig, const char *path, const char *body)
{
    return rig_call(rig, "POST", path, NULL, body, NULL);
}

json_int_t rig_int(const struct rig *rig, const char *name)
{
    const json_t *value = json_object_get(rig->reply.json, name);

    return json_is_integer(value) ? json_integer_value(value) : -1;
}

const char *rig_text(const struct rig *rig, const char *name)
{
    const char *value = json_string_value(json_object_get(rig->reply.json, name));

    return value != NULL ? value : "";
}

const char *rig_code(const struct rig *rig)
{
    const char *value = json_string_value(json_object_get(json_object_get(rig->reply.json, "error"), "code"));

    return value != NULL ? value : "";
}

json_int_t rig_submit(struct rig *rig, const char *members, const char *key)
{
    char body[4096];

    snprintf(body, sizeof body,
             "{\"kind\":\"Job\",\"version\":1,\"project\":\"acme\",\"gpus\":1,\"workdir\":\"%s\",%s}", rig->folder,
             members);
    return rig_call(rig, "POST", "/v1/jobs", NULL, body, key) == 201 ? rig_int(rig, "job") : 0;
}

bool rig_wait_state(struct rig *rig, json_int_t job, const char *state, int seconds)
{
    char path[64];

    snprintf(path, sizeof path, "/v1/jobs/%lld", (long long)job);
    for (int i = 0; i < seconds * 50; i++) {
        if (rig_get(rig, path, NULL) == 200 && strcmp(rig_text(rig, "state"), state) == 0)
            return true;
        pause_ms(20);
    }
    tap_diag("job %lld is %s", (long long)job, rig_text(rig, "state"));
    return false;
}
