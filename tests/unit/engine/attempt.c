/* The files between engine and minder: whole or refused, never half believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/attempt.h"
#include "engine/outname.h"
#include "engine/procs.h"
#include "tap.h"

static struct dure_spec sample(void)
{
    static const struct dure_spec_task layout[3] = {{0, 0, 3}, {0, 1, 12}, {1, 0, 3}};
    static const char names[] = "alpha\0beta", command[] = "prog\0arg";
    struct dure_spec spec = {
        .attempt = 7, .job = 42, .tasks = 3, .nodes = 2, .gpu_milli = 1000, .walltime_us = 1, .array_index = 5};
    spec.token = (struct dure_span){"abcd", 4};
    spec.login = (struct dure_span){"kim", 3};
    spec.job_name = (struct dure_span){"tr/ain", 6};
    spec.workdir = (struct dure_span){"/work", 5};
    spec.command = (struct dure_span){command, sizeof command};
    spec.node_names = (struct dure_span){names, sizeof names};
    spec.layout = (struct dure_span){(const char *)layout, sizeof layout};
    return spec;
}

static enum dure_err back(const struct dure_spec *spec, struct dure_buf *buf, struct dure_spec *ret_spec)
{
    dure_buf_clear(buf);
    dure_spec_encode(spec, buf);
    return dure_spec_decode(buf->data, buf->length, ret_spec, NULL);
}

static void test_spec(void)
{
    struct dure_spec spec = sample(), got;
    struct dure_buf buf;
    dure_buf_init(&buf, DURE_ATTEMPT_BYTES_MAX);
    TAP_EQ_INT(back(&spec, &buf, &got), DURE_OK, "a spec comes back");
    TAP_EQ_UINT(got.job, 42, "its numbers");
    TAP_EQ_STR(got.login.data, "kim", "its texts");
    TAP_EQ_STR(dure_span_item(got.command, 1), "arg", "its lists");
    TAP_EQ_STR(dure_span_item(got.command, 2), "", "no further");
    TAP_EQ_UINT(dure_spec_task_at(&got, 2).node, 1, "its layout");
    uint32_t caught = 0;
    char *copy = malloc(buf.length);
    for (size_t i = 0; i < buf.length; i++) {
        memcpy(copy, buf.data, buf.length);
        copy[i] ^= 1;
        caught += dure_spec_decode(copy, buf.length, &got, NULL) != DURE_OK;
    }
    TAP_EQ_UINT(caught, buf.length, "every flipped bit is caught");
    caught = 0;
    for (size_t i = 0; i < buf.length; i++)
        caught += dure_spec_decode(buf.data, i, &got, NULL) != DURE_OK;
    TAP_EQ_UINT(caught, buf.length, "every cut is caught");
    memcpy(copy, buf.data, buf.length);
    copy[7] = '2';
    TAP_EQ_INT(dure_spec_decode(copy, buf.length, &got, NULL), DURE_E_VERSION, "another version is named as such");
    free(copy);
    dure_buf_release(&buf);
}

static void test_spec_relations(void)
{
    struct dure_spec got;
    struct dure_buf buf;
    dure_buf_init(&buf, DURE_ATTEMPT_BYTES_MAX);
#define BAD(change, err, text)                                                                                         \
    do {                                                                                                               \
        struct dure_spec bad = sample();                                                                               \
        change;                                                                                                        \
        TAP_EQ_INT(back(&bad, &buf, &got), err, text);                                                                 \
    } while (0)
    BAD(bad.tasks = 0, DURE_E_LIMIT, "no task");
    BAD(bad.tasks = DURE_LOCAL_TASKS_MAX + 1, DURE_E_LIMIT, "too many tasks");
    BAD(bad.tasks = 2, DURE_E_CORRUPT, "a layout of another size");
    BAD(bad.nodes = 1, DURE_E_CORRUPT, "a task on a node that is not there");
    BAD(bad.nodes = 4, DURE_E_LIMIT, "more nodes than tasks");
    BAD(bad.command.length--, DURE_E_CORRUPT, "a list that does not end");
    BAD(bad.command.length = 0, DURE_E_INVALID, "nothing to run");
    BAD(bad.workdir.length = 0, DURE_E_INVALID, "no working directory");
    BAD(bad.workdir = ((struct dure_span){"work", 4}), DURE_E_INVALID, "a relative working directory");
    BAD(bad.workdir = ((struct dure_span){"/a\0b", 4}), DURE_E_CORRUPT, "a NUL in a path");
    BAD(bad.groups = ((struct dure_span){"abc", 3}), DURE_E_CORRUPT, "half a group");
    dure_buf_release(&buf);
}

static void test_status(void)
{
    struct dure_status status = {.report = DURE_REPORT_ENDED,
                                 .exit_code = 3,
                                 .exit_signal = 0,
                                 .usage = {.cpu_us = 99},
                                 .reason = "two\nlines"},
                       got;
    struct dure_buf buf;
    dure_buf_init(&buf, DURE_STATUS_BYTES_MAX);
    dure_status_encode(&status, &buf);
    TAP_EQ_INT(dure_status_decode(buf.data, buf.length, &got, NULL), DURE_OK, "a status comes back");
    TAP_EQ_INT(got.exit_code, 3, "with its code");
    TAP_EQ_UINT(got.usage.cpu_us, 99, "its usage");
    TAP_EQ_STR(got.reason, "two lines", "and its reason on one line");
    uint32_t caught = 0;
    for (size_t i = 0; i < buf.length; i++)
        caught += dure_status_decode(buf.data, i, &got, NULL) == DURE_E_CORRUPT;
    TAP_EQ_UINT(caught, buf.length, "a torn one is refused, wherever it is torn");
    dure_buf_byte(&buf, 0);
    TAP_EQ_INT(dure_status_decode(buf.data, buf.length, &got, NULL), DURE_E_CORRUPT,
               "and so is one with room behind it");
    static const char *const bad[] = {"dure-status 2\n", "dure-status 1\nreport 1\n", "",
                                      "dure-status 1\nreport 2\nexit_code 256\n", "dure-status 1\nreport +2\n"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TAP_EQ_INT(dure_status_decode(bad[i], strlen(bad[i]), &got, NULL), DURE_E_CORRUPT, "bad status %u", i);
    dure_buf_release(&buf);
}

static void test_claim(void)
{
    struct dure_claim claim, got;
    struct dure_buf buf;
    dure_buf_init(&buf, DURE_STATUS_BYTES_MAX);
    TAP_OK(dure_proc_claim_self(&claim), "a process knows who it is");
    TAP_OK(dure_proc_alive(&claim), "and that it lives");
    dure_claim_encode(&claim, &buf);
    TAP_EQ_INT(dure_claim_decode(buf.data, buf.length, &got, NULL), DURE_OK, "a claim comes back");
    TAP_OK(got.pid == claim.pid && got.start_ticks == claim.start_ticks && strcmp(got.boot, claim.boot) == 0, "whole");
    got.start_ticks++;
    TAP_OK(!dure_proc_alive(&got), "another process with the same number is not it");
    got = claim;
    got.boot[0] = got.boot[0] == 'x' ? 'y' : 'x';
    TAP_OK(!dure_proc_alive(&got), "nor one of another boot");
    TAP_EQ_INT(dure_claim_decode(buf.data, buf.length - 1, &got, NULL), DURE_E_CORRUPT, "a torn claim is refused");
    dure_buf_clear(&buf);
    const struct dure_boot boot = {.boot = "b", .first = 12};
    struct dure_boot boot_got;
    dure_boot_encode(&boot, &buf);
    TAP_OK(dure_boot_decode(buf.data, buf.length, &boot_got, NULL) == DURE_OK && boot_got.first == 12,
           "a boot line comes back");
    TAP_EQ_INT(dure_boot_decode(buf.data, buf.length - 1, &boot_got, NULL), DURE_E_CORRUPT, "a torn one is refused");
    dure_buf_release(&buf);
}

static void test_names(void)
{
    static const struct {
        const char *out, *err;
        bool is_array;
        uint32_t task;
        bool is_stderr;
        const char *want;
        bool per_task;
    } rows[] = {
        {"", "", false, 0, false, "/work/dure-42.out", false},
        {"", "", true, 0, false, "/work/dure-42_5.out", false},
        {"", "", false, 1, true, "/work/dure-42.out", false},
        {"a.txt", "", false, 1, true, "/work/a.txt", false},
        {"a.txt", "b-%t", false, 2, true, "/work/b-2", true},
        {"/abs/%j", "", false, 0, false, "/abs/42", false},
        {"%A_%a", "", true, 0, false, "/work/42_5", false},
        {"%3t-%05j", "", false, 1, false, "/work/001-00042", true},
        {"%x.%u", "", false, 0, false, "/work/tr_ain.kim", false},
        {"%N-%n", "", false, 2, false, "/work/beta-1", true},
        {"100%%t", "", false, 0, false, "/work/100%t", false},
        {"%q%4q%", "", false, 0, false, "/work/%q%4q%", false},
        {"%99999j", "", false, 0, false, "/work/0000000042", false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dure_spec spec = sample();
        char path[DURE_LOCAL_PATH_MAX];
        spec.out_name = (struct dure_span){rows[i].out, (uint32_t)strlen(rows[i].out)};
        spec.err_name = (struct dure_span){rows[i].err, (uint32_t)strlen(rows[i].err)};
        spec.is_array = rows[i].is_array;
        TAP_EQ_INT(dure_out_name(&spec, rows[i].task, rows[i].is_stderr, path, sizeof path, NULL), DURE_OK, "name %u",
                   i);
        TAP_EQ_STR(path, rows[i].want, "is expanded");
        TAP_EQ_INT(dure_out_name_per_task(&spec, rows[i].is_stderr), rows[i].per_task, "differs by task or not");
    }
    struct dure_spec spec = sample();
    char name[5000], path[DURE_LOCAL_PATH_MAX] = "untouched";
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    spec.out_name = (struct dure_span){name, sizeof name - 1};
    TAP_EQ_INT(dure_out_name(&spec, 0, false, path, sizeof path, NULL), DURE_E_INVALID, "too long a name is refused");
    TAP_EQ_STR(path, "untouched", "and leaves the path alone");
}

int main(void)
{
    test_spec();
    test_spec_relations();
    test_status();
    test_claim();
    test_names();
    return tap_done();
}
