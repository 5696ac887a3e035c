/* The wire against what no real Slurm does on demand: commands that hang, print nonsense or are not there, and a slurmrestd that is stuck, hangs
 * up, is cut off, speaks a newer version, or is another one by now. */
#include "answers.h"
#include "engine/slurm/wire.h"
#include "standin.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

static uv_loop_t loop;

struct heard {
    unsigned count;
    enum dure_slurm_result result;
    bool unsent;
    uint32_t job_id, job_count, node_count;
    char text[1100], api[16];
};

static void hear(void *context, const struct dure_slurm_reply *reply)
{
    struct heard *heard = context;
    heard->count++;
    heard->result = reply->result;
    heard->unsent = reply->unsent;
    heard->job_id = reply->job_id;
    heard->job_count = reply->job_count;
    heard->node_count = reply->node_count;
    snprintf(heard->text, sizeof heard->text, "%s", reply->text);
    snprintf(heard->api, sizeof heard->api, "%s", reply->api);
}

static void tick(uv_timer_t *timer)
{
    (void)timer;
}

static void wait_for(const struct heard *heard, unsigned count)
{
    uv_timer_t timer;
    const uint64_t until = uv_hrtime() + 30 * UINT64_C(1000000000);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, tick, 20, 20);
    while (heard->count < count && uv_hrtime() < until)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    if (heard->count < count)
        tap_bail("nobody answered");
}

static struct dure_slurm_site site_of(enum dure_slurm_via via, const char *where)
{
    struct dure_slurm_site site = dure_slurm_site_unsaid();
    site.via = via;
    site.path = site.url = where;
    site.conf = "/etc/slurm/made.conf";
    return site;
}

static struct dure_slurm *wire(const struct dure_slurm_site *site, int64_t timeout_us, uint32_t under_way)
{
    struct dure_slurm *slurm = NULL;
    struct dure_error error;
    const struct dure_slurm_options options = {
        .loop = &loop, .site = site, .timeout_us = timeout_us, .under_way_max = under_way};
    if (dure_slurm_new(&options, &slurm, &error))
        tap_bail("%s", error.text);
    return slurm;
}

static void list(struct dure_slurm *slurm, struct heard *heard)
{
    if (dure_slurm_list(slurm, NULL, hear, heard, NULL))
        tap_bail("not asked");
}

static struct dure_slurm_submit small(void)
{
    static const char *const environment[] = {"GREETING=a b", "SLURM_NNODES=9", "SBATCH_PARTITION=x"};
    return (struct dure_slurm_submit){.name = "dure-1",
                                      .directory = "/tmp",
                                      .script = "#!/bin/sh\necho hello\n",
                                      .script_length = 21,
                                      .environment = environment,
                                      .environment_count = 3,
                                      .nodelist = "n1",
                                      .node_count = 1};
}

static void by_commands(void)
{
    static const struct {
        const char *script;
        enum dure_slurm_result result;
        bool unsent;
        const char *said;
    } cases[] = {{"echo hello", DURE_SLURM_MALFORMED, false, "no JSON object"},
                 {"printf '{\"jobs\": [{\"job_id\": 1}'", DURE_SLURM_MALFORMED, false, "cut off"},
                 {"exit 0", DURE_SLURM_MALFORMED, false, "an empty answer"},
                 {"kill -9 $$", DURE_SLURM_NO_ANSWER, false, ""},
                 {"echo 'squeue: error: Invalid node' >&2; exit 1", DURE_SLURM_REFUSED, false, "Invalid node"},
                 {"yes 'squeue: error: word' | head -c 3000000 >&2; exit 1", DURE_SLURM_REFUSED, false, "word"},
                 {"exec sleep 60", DURE_SLURM_NO_ANSWER, false, "no answer within 300 ms"},
                 {"sleep 60 & exec sleep 60", DURE_SLURM_NO_ANSWER, false, "no answer within 300 ms"},
                 {"printf '{\"jobs\": []}'", DURE_SLURM_DONE, false, ""}};
    struct dure_slurm_site site = site_of(DURE_SLURM_COMMANDS, commands);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard heard = {0};
        const bool hangs = strstr(cases[i].script, "sleep") != NULL;
        command("squeue", cases[i].script);
        struct dure_slurm *slurm = wire(&site, hangs ? 300000 : 20000000, 0);
        list(slurm, &heard);
        TAP_EQ_UINT(heard.count, 0, "never before the call returns");
        wait_for(&heard, 1);
        TAP_OK(heard.result == cases[i].result && heard.unsent == cases[i].unsent && strstr(heard.text, cases[i].said),
               "%s: %s, %s", cases[i].script, dure_slurm_result_name(heard.result), heard.text);
        TAP_OK(strlen(heard.text) <= 1000, "in few words");
        dure_slurm_free(slurm);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    TAP_OK(waitpid(-1, NULL, WNOHANG) < 0, "and no process is left");
    struct heard heard = {0};
    site.path = "/nowhere";
    struct dure_slurm *slurm = wire(&site, 0, 0);
    list(slurm, &heard);
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_NO_ANSWER && heard.unsent, "a command that is not there: %s", heard.text);
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static bool file_is(const char *name, const char *want)
{
    char path[600], text[4096] = "";
    snprintf(path, sizeof path, "%s/%s", commands, name);
    FILE *file = fopen(path, "r");
    text[file ? fread(text, 1, sizeof text - 1, file) : 0] = '\0';
    if (file)
        fclose(file);
    if (strcmp(text, want) != 0)
        tap_diag("%s: %s", name, text);
    return strcmp(text, want) == 0;
}

/* A squeue that does not print the columns is asked for JSON, then and from then on; one that says nothing is not asked twice. */
static void states(void)
{
    struct dure_slurm_site site = site_of(DURE_SLURM_COMMANDS, commands);
    const struct dure_slurm_filter filter = {.states_only = true};
    struct heard heard = {0};
    char script[1400];
    command("squeue", "exec sleep 60");
    struct dure_slurm *slurm = wire(&site, 300000, 0);
    if (dure_slurm_list(slurm, &filter, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_NO_ANSWER, "no answer is no answer");
    dure_slurm_free(slurm);
    snprintf(script, sizeof script,
             "echo $* | cut -c1-27 >>%s/asked; [ $1 = --json ] || { echo 'squeue: error: Invalid option' >&2; exit 1; }\n"
             "printf '{\"jobs\": [{\"job_id\": 7, \"name\": \"a\"}]}'",
             commands);
    command("squeue", script);
    slurm = wire(&site, 20000000, 0);
    for (unsigned i = 1; i <= 2; i++) {
        if (dure_slurm_list(slurm, &filter, hear, &heard, NULL))
            tap_bail("not asked");
        wait_for(&heard, 1 + i);
        TAP_OK(heard.result == DURE_SLURM_DONE && heard.job_count == 1, "asked otherwise: %s", heard.text);
    }
    TAP_OK(file_is("asked", "--all --states=all --sort=i\n--json --all --states=all\n--json --all --states=all\n"), "and so from then on");
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* Some jobs are asked for by their numbers; that Slurm knows none of them is an answer, and no reason to ask otherwise. */
static void some(void)
{
    struct dure_slurm_site site = site_of(DURE_SLURM_COMMANDS, commands);
    const uint32_t ids[] = {7, 4000000000};
    const struct dure_slurm_filter filter = {.states_only = true, .job_ids = ids, .job_id_count = 2};
    struct heard heard = {0};
    char script[1400];
    snprintf(
        script, sizeof script,
        "for word; do :; done; echo \"$word\" >%s/some; echo 'slurm_load_jobs error: Invalid job id specified' >&2; "
        "exit 1",
        commands);
    command("squeue", script);
    struct dure_slurm *slurm = wire(&site, 20000000, 0);
    for (unsigned i = 1; i <= 2; i++) {
        if (dure_slurm_list(slurm, &filter, hear, &heard, NULL))
            tap_bail("not asked");
        wait_for(&heard, i);
        TAP_OK(heard.result == DURE_SLURM_DONE && heard.job_count == 0, "it knows none: %s", heard.text);
        TAP_OK(file_is("some", "--jobs=7,4000000000\n"), "and is asked for them");
    }
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
}

/* Everything waits for a look: it goes before what else is begun, where we may have it so. */
static void looks_first(void)
{
    struct dure_slurm_site site = site_of(DURE_SLURM_COMMANDS, commands);
    const struct dure_slurm_filter filter = {.states_only = true};
    const int own = getpriority(PRIO_PROCESS, 0);
    struct heard heard = {0};
    char script[2000], want[40];
    snprintf(script, sizeof script,
             "sleep 0.2; nice >>%s/nice; sed 's/.* //' /proc/$$/autogroup >>%s/among; "
             "[ \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ ] && echo leads >>%s/session; echo; exit 0",
             commands, commands, commands);
    command("squeue", script);
    struct dure_slurm *slurm = wire(&site, 20000000, 0);
    if (dure_slurm_list(slurm, &filter, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1); /* what it printed are no states: the whole list was asked for in their place */
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
    const bool may = setpriority(PRIO_PROCESS, 0, own - 1) == 0 && setpriority(PRIO_PROCESS, 0, own) == 0;
    snprintf(want, sizeof want, "%d\n%d\n", may ? (own < -12 ? -20 : own - 8) : own, own);
    TAP_OK(file_is("nice", want), "a look at states goes before other work: %s", want);
    TAP_OK(file_is("session", "leads\nleads\n"), "each command leads a session: no key at a terminal ends it");
    if (!may || access("/proc/self/autogroup", W_OK) != 0) {
        tap_skip("before other sessions too: the kernel does not divide by them, or may not be told to");
        return;
    }
    snprintf(want, sizeof want, "%d\n0\n", own < -12 ? -20 : own - 8);
    TAP_OK(file_is("among", want), "before other sessions too: %s", want);
}

/* sbatch says who it is in place of a number, and in which groups. */
static void as_another(struct dure_slurm *slurm, struct dure_slurm_submit *submit)
{
    struct heard heard = {0};
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody || nobody->pw_uid == 0) {
        tap_skip("only root submits for others");
        return;
    }
    const uid_t uid = nobody->pw_uid;
    if (chmod(tap_tempdir(), 0755) != 0 || chmod(commands, 0755) != 0)
        tap_bail("cannot open %s to others", commands);
    command("sbatch", "[ \"$(id -G)\" = \"$(id -g)\" ] && [ \"$PWD\" = / ] && [ \"$GREETING\" = 'a b' ] && id -u");
    submit->user = "nobody";
    if (dure_slurm_submit(slurm, submit, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_DONE && heard.job_id == uid, "as another user, in his group alone: %u, %s",
           heard.job_id, heard.text);
    heard = (struct heard){0};
    char path[600];
    snprintf(path, sizeof path, "%s/sbatch", commands);
    chmod(path, 0700);
    if (dure_slurm_submit(slurm, submit, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_NO_ANSWER && heard.unsent && strstr(heard.text, "Permission denied"),
           "what he may not run is not begun: %s", heard.text);
}

static void submits(void)
{
    struct dure_slurm_site site = site_of(DURE_SLURM_COMMANDS, commands);
    struct heard heard = {0};
    struct dure_slurm_submit submit = small();
    char script[1800];
    snprintf(script, sizeof script,
             "cat >%s/stdin; env | grep -E '^(GREETING|SLURM_|SBATCH_|PATH)' | sort >%s/env; echo \"$@\" >%s/args; "
             "echo '42;east'",
             commands, commands, commands);
    command("sbatch", script);
    struct dure_slurm *slurm = wire(&site, 0, 0);
    if (dure_slurm_submit(slurm, &submit, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_DONE && heard.job_id == 42, "submitted: %s", heard.text);
    TAP_OK(file_is("stdin", "#!/bin/sh\necho hello\n"), "the script on its standard input");
    TAP_OK(file_is("env", "GREETING=a b\nPATH=/usr/local/bin:/usr/bin:/bin\nSLURM_CONF=/etc/slurm/made.conf\n"),
           "a clean environment");
    heard = (struct heard){0};
    submit.user = "nobody-of-this-name";
    if (dure_slurm_submit(slurm, &submit, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_DENIED && heard.unsent, "a user that is not known: %s", heard.text);
    as_another(slurm, &submit);
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
}

static unsigned most_at_once, told;
static struct dure_slurm *freed_within;

static void count_told(void *context, const struct dure_slurm_reply *reply)
{
    (void)context;
    told += reply->result == DURE_SLURM_DONE;
}

static void free_within(void *context, const struct dure_slurm_reply *reply)
{
    (void)reply;
    ++*(unsigned *)context;
    dure_slurm_free(freed_within);
}

/* So many at a time, in their order; and freed with work under way. */
static void queues(void)
{
    struct dure_slurm_site site = site_of(DURE_SLURM_COMMANDS, commands);
    char script[1200], path[600];
    snprintf(script, sizeof script, "echo + >>%s/log; sleep 0.05; echo - >>%s/log; printf '{\"jobs\": []}'", commands,
             commands);
    command("squeue", script);
    struct dure_slurm *slurm = wire(&site, 0, 3);
    for (unsigned i = 0; i < 12; i++)
        if (dure_slurm_list(slurm, NULL, count_told, NULL, NULL))
            tap_bail("not asked");
    TAP_EQ_UINT(dure_slurm_under_way(slurm), 12, "all are kept");
    while (dure_slurm_under_way(slurm) && uv_run(&loop, UV_RUN_ONCE))
        continue;
    snprintf(path, sizeof path, "%s/log", commands);
    FILE *file = fopen(path, "r");
    unsigned now = 0;
    for (int c; file && (c = fgetc(file)) != EOF;) {
        now += c == '+' ? 1u : 0u;
        now -= c == '-' ? 1u : 0u;
        most_at_once = now > most_at_once ? now : most_at_once;
    }
    if (file)
        fclose(file);
    TAP_OK(told == 12 && most_at_once <= 3 && most_at_once >= 1, "at most three at a time (%u), and each was told",
           most_at_once);
    told = 0;
    for (unsigned i = 0; i < 6; i++)
        if (dure_slurm_list(slurm, NULL, count_told, NULL, NULL))
            tap_bail("not asked");
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
    TAP_EQ_UINT(told, 0, "nobody is told once it is freed");
    TAP_OK(waitpid(-1, NULL, WNOHANG) < 0, "and no process is left");
    unsigned calls = 0;
    freed_within = wire(&site, 0, 1);
    for (unsigned i = 0; i < 3; i++)
        if (dure_slurm_list(freed_within, NULL, free_within, &calls, NULL))
            tap_bail("not asked");
    uv_run(&loop, UV_RUN_DEFAULT);
    TAP_EQ_UINT(calls, 1, "freed within a callback, it makes no other");
}

/* ---- a slurmrestd of our own, on the same loop ---- */

struct fake {
    uv_pipe_t listener;
    const char *openapi;  /* what /openapi/v3 answers: a fixture; NULL: 404 */
    const char *answer;   /* of all else: a fixture, or NULL: `raw` */
    const char *raw;      /* bytes; NULL: nothing at all, it is stuck; "": it hangs up */
    const char *only_api; /* a path of another version is 404 */
    unsigned requests, submissions, clients;
    char last[256];
};
struct guest {
    uv_pipe_t pipe;
    struct fake *fake;
    char bytes[16384];
    size_t used;
};

static void guest_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void written(uv_write_t *write, int status)
{
    (void)status;
    free(write->data);
    free(write);
}

static void respond(struct guest *guest, char *bytes, size_t length, bool hang_up)
{
    uv_write_t *write = calloc(1, sizeof *write);
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)length);
    write->data = bytes;
    uv_write(write, (uv_stream_t *)&guest->pipe, &buf, 1, written);
    if (hang_up) {
        uv_read_stop((uv_stream_t *)&guest->pipe);
        uv_close((uv_handle_t *)&guest->pipe, guest_closed);
    }
}

static void respond_fixture(struct guest *guest, const char *fixture)
{
    size_t length;
    char *body = answer_of(fixture, &length), *whole = malloc(length + 256);
    const int head =
        snprintf(whole, length + 256,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", length);
    memcpy(whole + head, body, length);
    free(body);
    respond(guest, whole, (size_t)head + length, false);
}

static void serve(struct guest *guest)
{
    struct fake *fake = guest->fake;
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    fake->requests++;
    fake->submissions += strncmp(guest->bytes, "POST ", 5) == 0;
    snprintf(fake->last, sizeof fake->last, "%.*s", (int)strcspn(guest->bytes, "\r"), guest->bytes);
    const bool openapi = strncmp(guest->bytes, "GET /openapi/v3 ", 16) == 0;
    guest->used = 0;
    if (openapi && fake->openapi)
        respond_fixture(guest, fake->openapi);
    else if (openapi || (fake->only_api && !strstr(fake->last, fake->only_api)))
        respond(guest, strdup(missing), sizeof missing - 1, false);
    else if (strstr(fake->last, "/ping") && fake->only_api)
        respond_fixture(guest, "v42-ping");
    else if (fake->answer)
        respond_fixture(guest, fake->answer);
    else if (fake->raw)
        respond(guest, strdup(fake->raw), strlen(fake->raw), true);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct guest *guest = handle->data;
    (void)suggested;
    *buf = uv_buf_init(guest->bytes + guest->used, (unsigned)(sizeof guest->bytes - 1 - guest->used));
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct guest *guest = stream->data;
    (void)buf;
    if (count < 0) {
        uv_close((uv_handle_t *)stream, guest_closed);
        return;
    }
    guest->used += (size_t)count;
    guest->bytes[guest->used] = '\0';
    char *end = strstr(guest->bytes, "\r\n\r\n"), *length = strstr(guest->bytes, "Content-Length: ");
    const size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    if (end && guest->used >= (size_t)(end + 4 - guest->bytes) + body)
        serve(guest);
}

static void on_guest(uv_stream_t *listener, int status)
{
    struct fake *fake = listener->data;
    struct guest *guest = calloc(1, sizeof *guest);
    (void)status;
    guest->fake = fake;
    fake->clients++;
    uv_pipe_init(&loop, &guest->pipe, 0);
    guest->pipe.data = guest;
    uv_unref((uv_handle_t *)&guest->pipe);
    uv_accept(listener, (uv_stream_t *)&guest->pipe);
    uv_read_start((uv_stream_t *)&guest->pipe, on_room, on_bytes);
}

static char socket_url[600];

static void listen_as(struct fake *fake)
{
    snprintf(socket_url, sizeof socket_url, "unix:%s/restd", commands);
    unlink(socket_url + 5);
    uv_pipe_init(&loop, &fake->listener, 0);
    fake->listener.data = fake;
    if (uv_pipe_bind(&fake->listener, socket_url + 5) || uv_listen((uv_stream_t *)&fake->listener, 8, on_guest))
        tap_bail("no socket");
    uv_unref((uv_handle_t *)&fake->listener);
}

static void unlisten(struct fake *fake)
{
    uv_close((uv_handle_t *)&fake->listener, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void newer_version(void)
{
    struct fake fake = {.openapi = "v42-openapi", .answer = "v42-jobs"};
    struct heard heard = {0};
    listen_as(&fake);
    const struct dure_slurm_site site = site_of(DURE_SLURM_REST, socket_url);
    struct dure_slurm *slurm = wire(&site, 5000000, 0);
    list(slurm, &heard);
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_DONE && heard.job_count == 6 && !strcmp(heard.api, "v0.0.42"),
           "the newest that both speak: %s", heard.text);
    TAP_EQ_STR(fake.last, "GET /slurm/v0.0.42/jobs/ HTTP/1.1", "asked in its words");
    list(slurm, &heard);
    wait_for(&heard, 2);
    TAP_OK(fake.requests == 3 && fake.clients == 1, "the version is asked once, on one connection");
    if (dure_slurm_signal(slurm, 7, 15, DURE_SLURM_BATCH, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 3);
    TAP_EQ_STR(fake.last, "DELETE /slurm/v0.0.42/job/7?signal=TERM&flags=BATCH_JOB HTTP/1.1",
               "a signal to the batch script alone");
    /* An upgrade: another version by now. */
    fake.openapi = NULL;
    fake.only_api = "/slurm/v0.0.40/";
    fake.answer = "v40-jobs";
    list(slurm, &heard);
    wait_for(&heard, 4);
    TAP_EQ_STR(dure_slurm_result_name(heard.result), "refused", "a version that is gone");
    list(slurm, &heard);
    wait_for(&heard, 5);
    TAP_OK(heard.result == DURE_SLURM_DONE && !strcmp(heard.api, "v0.0.40"),
           "is looked for anew, by trying where no document tells: %s", heard.text);
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
    unlisten(&fake);
}

static void broken(void)
{
    static const struct {
        const char *raw;
        enum dure_slurm_result result;
        bool unsent;
        const char *said;
    } cases[] = {
        {NULL, DURE_SLURM_NO_ANSWER, false, "no answer within 1500 ms"},
        {"", DURE_SLURM_NO_ANSWER, false, "slurmrestd at"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"job_id\":", DURE_SLURM_NO_ANSWER, false, "slurmrestd at"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", DURE_SLURM_MALFORMED, false, "no JSON object"},
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nproxy", DURE_SLURM_NO_ANSWER, false, "HTTP 502: proxy"},
        {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", DURE_SLURM_DENIED, false, "not authorised"},
        {"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n", DURE_SLURM_REFUSED, false,
         "HTTP 302"},
        {"SSH-2.0-OpenSSH\r\n", DURE_SLURM_NO_ANSWER, false, "slurmrestd at"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.openapi = "v38-openapi", .raw = cases[i].raw};
        struct heard heard = {0};
        listen_as(&fake);
        const struct dure_slurm_site site = site_of(DURE_SLURM_REST, socket_url);
        const struct dure_slurm_submit submit = small();
        struct dure_slurm *slurm = wire(&site, cases[i].raw ? 5000000 : 1500000, 0);
        if (dure_slurm_submit(slurm, &submit, hear, &heard, NULL))
            tap_bail("not asked");
        wait_for(&heard, 1);
        TAP_OK(heard.result == cases[i].result && heard.unsent == cases[i].unsent && strstr(heard.text, cases[i].said),
               "case %zu: %s, %s", i, dure_slurm_result_name(heard.result), heard.text);
        TAP_EQ_UINT(fake.submissions, 1, "a submission is sent once, whatever becomes of it");
        dure_slurm_free(slurm);
        uv_run(&loop, UV_RUN_DEFAULT);
        unlisten(&fake);
    }
    struct heard heard = {0};
    const struct dure_slurm_site site = site_of(DURE_SLURM_REST, "unix:/nowhere/restd");
    struct dure_slurm *slurm = wire(&site, 5000000, 0);
    const struct dure_slurm_submit submit = small();
    if (dure_slurm_submit(slurm, &submit, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_NO_ANSWER && heard.unsent, "nobody listens, so nothing was sent: %s", heard.text);
    heard = (struct heard){0};
    struct dure_slurm_submit other = small();
    other.user = "kim";
    if (dure_slurm_submit(slurm, &other, hear, &heard, NULL))
        tap_bail("not asked");
    wait_for(&heard, 1);
    TAP_OK(heard.result == DURE_SLURM_DENIED && heard.unsent, "without a token nobody else's job: %s", heard.text);
    /* Freed while one is stuck. */
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
    struct fake fake = {.openapi = "v38-openapi"};
    listen_as(&fake);
    const struct dure_slurm_site stuck = site_of(DURE_SLURM_REST, socket_url);
    slurm = wire(&stuck, 5000000, 0);
    heard = (struct heard){0};
    for (unsigned i = 0; i < 12; i++)
        list(slurm, &heard);
    for (unsigned i = 0; i < 20; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    dure_slurm_free(slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
    TAP_EQ_UINT(heard.count, 0, "freed while it is stuck, nobody is told");
    unlisten(&fake);
}

int main(int argc, char **argv)
{
    DURE_ASSERT(argc == 2);
    answers_folder = argv[1];
    commands = tap_tempdir();
    uv_loop_init(&loop);
    by_commands();
    submits();
    states();
    some();
    looks_first();
    queues();
    newer_version();
    broken();
    uv_run(&loop, UV_RUN_DEFAULT);
    return tap_done();
}
