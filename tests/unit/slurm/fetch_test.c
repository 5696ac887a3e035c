/* Output fetched by a program: what it gives, what it may not give, and programs that hang, greet, say too much, or are not there. */
#include "tap.h"

#include "engine/slurm/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

static uv_loop_t loop;
static struct dure_fetcher *fetcher;
static char path[256];

struct heard {
    unsigned count;
    enum dure_err err;
    char text[400], bytes[64];
    uint64_t size;
    size_t length;
};

static void hear(void *context, const struct dure_fetched *fetched)
{
    struct heard *heard = context;
    heard->count++;
    heard->err = fetched->err;
    heard->size = fetched->size;
    heard->length = fetched->length;
    snprintf(heard->text, sizeof heard->text, "%s", fetched->text);
    memcpy(heard->bytes, fetched->bytes, fetched->length < 63 ? fetched->length : 63);
}

static enum dure_err ask(struct heard *heard, const char *words, uint32_t count, uint64_t offset, uint64_t limit,
                         int64_t timeout_us)
{
    const struct dure_fetch fetch = {words, count, path, "", offset, limit, timeout_us};
    memset(heard, 0, sizeof *heard);
    return dure_fetcher_fetch(fetcher, &fetch, hear, heard, NULL);
}

static void turn(const struct heard *heard)
{
    while (!heard->count && uv_run(&loop, UV_RUN_ONCE))
        ;
}

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        tap_bail("%s cannot be written", path);
}

static void reads(void)
{
    struct heard heard;
    put("0123456789");
    TAP_EQ_INT(ask(&heard, "sh", 1, 0, 64, 9000000), DURE_OK, "asked");
    TAP_EQ_INT(heard.count, 0, "never told before the call returns");
    turn(&heard);
    TAP_OK(!heard.err && heard.size == 10 && heard.length == 10 && !memcmp(heard.bytes, "0123456789", 10),
           "all of it: %s", heard.text);
    (void)ask(&heard, "env\0sh", 2, 4, 3, 9000000);
    turn(&heard);
    TAP_OK(!heard.err && heard.size == 10 && heard.length == 3 && !memcmp(heard.bytes, "456", 3), "a part of it");
    (void)ask(&heard, "sh", 1, 10, 64, 9000000);
    turn(&heard);
    TAP_OK(!heard.err && heard.size == 10 && heard.length == 0, "nothing is new");
    (void)ask(&heard, "sh\0-c\0echo welcome; exec sh", 3, 0, 64, 9000000);
    turn(&heard);
    TAP_OK(!heard.err && heard.length == 10, "a greeting is no output");
}

static void sleeps(uv_work_t *work)
{
    (void)work;
    usleep(300000);
}

/* To begin a program takes its time: a worker does it, not who owns the state. */
static void begins_aside(void)
{
    uv_work_t works[4]; /* as many as there are workers */
    struct heard heard;
    for (unsigned i = 0; i < 4; i++)
        uv_queue_work(&loop, &works[i], sleeps, NULL);
    const uint64_t asked_ns = uv_hrtime();
    (void)ask(&heard, "sh", 1, 0, 64, 9000000);
    turn(&heard);
    TAP_OK(!heard.err && uv_hrtime() - asked_ns > UINT64_C(250000000), "a worker begins the program: %s", heard.text);
    for (unsigned i = 0; i < 4; i++)
        uv_queue_work(&loop, &works[i], sleeps, NULL);
    (void)ask(&heard, "sh", 1, 0, 64, 100000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_TIMEOUT, "who was given up before it began");
    uv_run(&loop, UV_RUN_DEFAULT);
    TAP_OK(waitpid(-1, NULL, WNOHANG) < 0, "does not begin, and no process is left");
}

static void refuses(void)
{
    struct heard heard;
    char other[sizeof path];
    unlink(path);
    (void)ask(&heard, "sh", 1, 0, 64, 9000000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_NOT_FOUND, "no such file");
    mkdir(path, 0700);
    (void)ask(&heard, "sh", 1, 0, 64, 9000000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_PERMISSION, "a folder");
    rmdir(path);
    mkfifo(path, 0600);
    (void)ask(&heard, "sh", 1, 0, 64, 9000000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_PERMISSION, "a pipe, which is not waited for");
    unlink(path);
    put("mine");
    const struct dure_fetch fetch = {"sh", 1, path, "no'such$(touch /tmp/x)", 0, 64, 9000000};
    memset(&heard, 0, sizeof heard);
    TAP_EQ_INT(dure_fetcher_fetch(fetcher, &fetch, hear, &heard, NULL), DURE_OK, "another's");
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_PERMISSION, "is not given");
    /* The name of a file is never a word of the shell's. */
    snprintf(other, sizeof other, "%s", path);
    snprintf(path, sizeof path, "%s/it's $(touch %s) `x`", tap_tempdir(), "hit");
    put("quoted");
    (void)ask(&heard, "sh", 1, 0, 64, 9000000);
    turn(&heard);
    TAP_OK(!heard.err && heard.length == 6, "any name is a name: %s", heard.text);
    TAP_OK(access("/hit", F_OK) != 0, "and nothing else");
    unlink(path);
    snprintf(path, sizeof path, "%s", other);
}

static void misbehave(void)
{
    static struct heard heard, many[DURE_FETCHES + 2]; /* those that still wait at the end are told then */
    (void)ask(&heard, "/no/such/program", 1, 0, 64, 9000000);
    TAP_EQ_INT(heard.count, 0, "never told before the call returns, even so");
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_IO, "no such program");
    TAP_HAS(heard.text, "/no/such/program", "it is named");
    (void)ask(&heard, "sh\0-c\0echo no route to host >&2; exit 255", 3, 0, 64, 9000000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_IO, "it cannot reach it");
    TAP_HAS(heard.text, "no route to host", "its own words are told");
    (void)ask(&heard,
              "sleep\0"
              "60",
              2, 0, 64, 200000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_TIMEOUT, "it hangs, and is ended");
    (void)ask(&heard,
              "sh\0-c\0"
              "sleep 60 & exit 0",
              3, 0, 64, 300000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_TIMEOUT, "it ends, and what it left holds its output");
    (void)ask(&heard, "cat\0/dev/zero", 2, 0, 64, 9000000);
    turn(&heard);
    TAP_EQ_INT(heard.err, DURE_E_IO, "it says more than anybody asked for");
    for (unsigned i = 0; i < DURE_FETCHES + 2; i++)
        (void)ask(&many[i],
                  i < DURE_FETCHES ? "sleep\0"
                                     "60"
                                   : "sh",
                  i < DURE_FETCHES ? 2 : 1, 0, 64, i < DURE_FETCHES ? 300000 : 9000000);
    for (unsigned i = 0; i < DURE_FETCHES + 2; i++)
        turn(&many[i]);
    TAP_EQ_INT(many[DURE_FETCHES + 1].err, DURE_OK, "who waits has a turn");
    enum dure_err err = DURE_OK;
    for (unsigned i = 0; i < DURE_FETCHES + DURE_FETCHES_WAIT && !err; i++)
        err = ask(&many[0],
                  "sleep\0"
                  "60",
                  2, 0, 64, 60000000);
    TAP_EQ_INT(err, DURE_OK, "so many wait");
    TAP_EQ_INT(ask(&heard, "sh", 1, 0, 64, 9000000), DURE_E_BUSY, "and no more");
}

int main(void)
{
    uv_loop_init(&loop);
    if (dure_fetcher_new(&loop, &fetcher) != DURE_OK)
        tap_bail("no fetcher");
    snprintf(path, sizeof path, "%s/out", tap_tempdir());
    reads();
    begins_aside();
    refuses();
    misbehave();
    dure_fetcher_free(fetcher);
    uv_run(&loop, UV_RUN_DEFAULT);
    TAP_EQ_INT(uv_loop_close(&loop), 0, "nothing is left behind, though they all hung");
    return tap_done();
}
