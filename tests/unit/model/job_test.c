#include "spec.h"

static struct dure_fleet *fleet;
static struct dure_tenants *tenants;

static bool job(const char *fields, struct dure_job *ret_job, struct dure_body **ret_body)
{
    char text[8192];
    snprintf(text, sizeof text, "kind: Job\nversion: 1\n%s\n", fields);
    const struct dure_tree *tree = spec_tree(text);
    *ret_body = NULL;
    return tree && !dure_job_parse(tree, fleet, tenants, ret_job, ret_body, &spec_problems);
}

static void defaults(void)
{
    struct dure_job j;
    struct dure_body *b;
    TAP_OK(job("command: [echo, hi]", &j, &b), "the least that makes a job");
    TAP_OK(j.tenant.v == DURE_NONE32 && j.principal.v == DURE_NONE32 && j.job_class == DURE_GUARANTEED &&
               j.tasks == 1 && j.task_gpus == 1 && j.task_gpu_milli == 1000 && j.gpu_memory_mib == 0 &&
               j.task_cpu_milli == 0 && j.task_memory_mib == 0 && j.model_mask == 0 && j.tasks_per_node == 0 &&
               !j.level[0] && !j.level_required,
           "its shape");
    TAP_OK(j.walltime_us == DURE_WALLTIME_DEFAULT_US && j.grace_us == DURE_GRACE_DEFAULT_US &&
               j.begin_us == INT64_MIN && j.emulated_us == 0 && j.priority == 0 && j.requeue && !j.hold &&
               j.array_count == 0 && j.dep_count == 0,
           "its times");
    TAP_OK(b->field[DURE_BODY_COMMAND].length == 8 && memcmp(b->field[DURE_BODY_COMMAND].value, "echo\0hi\0", 8) == 0,
           "its argument vector");
    TAP_OK(!b->field[DURE_BODY_NAME].present && !b->field[DURE_BODY_ENVIRONMENT].present, "nothing invented");
    dure_body_free(b);
}

static void everything(void)
{
    struct dure_job j;
    struct dure_body *b;
    TAP_OK(job("project: alpha/llm\nname: n\nclass: borrowed\ntasks: 4\ngpus: 2\ngpu_memory: 40GiB\nmodels: [gb200, "
               "b200]\ncpus: 1.5\nmemory: 3GiB\n"
               "level: {preferred: rack}\ntasks_per_node: 2\nwalltime: 2h\ngrace: 0s\nbegin: 2026-03-01\nruns_for: "
               "90s\npriority: -5\nrequeue: false\n"
               "hold: true\narray: 3-9:2%2\nafter: [{job: 12}, {job: 13, if: any}, {job: 14, if: failed}]\nenv: {B: 1, "
               "A_2: 'x y'}\nworkdir: /w\n"
               "stdout: o-%j\nstderr: e\ncomment: |\n  two\n  lines\nscript: |\n  echo\n",
               &j, &b),
           "every field: %s", spec_said());
    if (!b)
        return;
    TAP_OK(j.tenant.v == 1 && j.job_class == DURE_BORROWED && j.tasks == 4 && j.task_gpus == 2 &&
               j.gpu_memory_mib == 40960 && j.model_mask == 3 && j.task_cpu_milli == 1500 &&
               j.task_memory_mib == 3072 && j.tasks_per_node == 2,
           "its shape");
    TAP_OK(j.level == fleet->level_names[5] && !j.level_required, "the level is the fleet's own text");
    TAP_OK(j.walltime_us == INT64_C(7200000000) && j.grace_us == 0 && j.begin_us == INT64_C(1772290800000000) &&
               j.emulated_us == 90000000 && j.priority == -5 && !j.requeue && j.hold,
           "its times");
    TAP_OK(j.array_first == 3 && j.array_count == 4 && j.array_step == 2 && j.array_limit == 2, "its array");
    TAP_OK(j.dep_count == 3 && j.deps[0].job.v == 12 && j.deps[0].kind == DURE_DEP_OK &&
               j.deps[1].kind == DURE_DEP_ANY && j.deps[2].kind == DURE_DEP_FAILED,
           "its dependencies");
    TAP_OK(b->field[DURE_BODY_ENVIRONMENT].length == 12 &&
               memcmp(b->field[DURE_BODY_ENVIRONMENT].value, "B=1\0A_2=x y\0", 12) == 0,
           "its environment");
    TAP_EQ_STR(dure_body_text(b, DURE_BODY_SCRIPT), "#!/bin/sh\necho\n", "a script gets an interpreter");
    TAP_EQ_STR(dure_body_text(b, DURE_BODY_COMMENT), "two\nlines\n", "a comment may have lines");
    TAP_EQ_STR(dure_body_text(b, DURE_BODY_STDOUT), "o-%j", "patterns are kept");
    dure_body_free(b);
}

static void gpus(void)
{
    static const struct {
        const char *text;
        uint32_t whole, milli; /* 0: refused */
    } rows[] = {{"1", 1, 1000},  {"64", 64, 1000},   {"0.5", 1, 500},  {"'0.25'", 1, 250},
                {"0.001", 1, 1}, {"1.000", 1, 1000}, {"2.0", 2, 1000}, {"0", 0, 0},
                {"65", 0, 0},    {"1.5", 0, 0},      {"0.0005", 0, 0}, {"-1", 0, 0},
                {"many", 0, 0},  {"[1]", 0, 0},      {"null", 0, 0},   {"0.000", 0, 0}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char fields[128];
        struct dure_job j = {0};
        struct dure_body *b;
        snprintf(fields, sizeof fields, "gpus: %s\ncommand: [x]", rows[i].text);
        bool good = job(fields, &j, &b);
        TAP_OK(good == (rows[i].whole > 0), "gpus: %s", rows[i].text);
        TAP_OK(j.task_gpus == rows[i].whole && j.task_gpu_milli == rows[i].milli, "gpus: %s, as numbers", rows[i].text);
        dure_body_free(b);
    }
}

static void arrays(void)
{
    static const struct {
        const char *text;
        uint32_t first, count, step, limit; /* count 0: refused */
    } rows[] = {{"0-99", 0, 100, 1, 0},
                {"7", 7, 1, 1, 0},
                {"0-99:2", 0, 50, 2, 0},
                {"0-98:2%10", 0, 50, 2, 10},
                {"5-5", 5, 1, 1, 0},
                {"0-999999", 0, 1000000, 1, 0},
                {"999999999", 999999999, 1, 1, 0},
                {"0-1000000", 0, 0, 0, 0},
                {"1000000000", 0, 0, 0, 0},
                {"9-1", 0, 0, 0, 0},
                {"0-9:0", 0, 0, 0, 0},
                {"0-9%0", 0, 0, 0, 0},
                {"0,3", 0, 2, 3, 0},
                {"1,3,5-9:2%4", 1, 5, 2, 4},
                {"1-3,4", 1, 4, 1, 0},
                {"7,8-10", 7, 4, 1, 0},
                {"0-5:2,6-8:2", 0, 5, 2, 0},
                {"0-499999,500000-999999", 0, 1000000, 1, 0},
                {"0-999999,1000000", 0, 0, 0, 0},
                {"0,3,7", 0, 0, 0, 0},
                {"1-5:2,6", 0, 0, 0, 0},
                {"1,3-7", 0, 0, 0, 0},
                {"3,1", 0, 0, 0, 0},
                {"1,1", 0, 0, 0, 0},
                {"1-5,3", 0, 0, 0, 0},
                {"1,", 0, 0, 0, 0},
                {"1,,3", 0, 0, 0, 0},
                {"1%2,3", 0, 0, 0, 0},
                {"", 0, 0, 0, 0},
                {"-5", 0, 0, 0, 0},
                {"1-", 0, 0, 0, 0},
                {"0-9%3:2", 0, 0, 0, 0},
                {"0-99999999999999999999", 0, 0, 0, 0},
                {"a", 0, 0, 0, 0}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char fields[128];
        struct dure_job j = {0};
        struct dure_body *b;
        snprintf(fields, sizeof fields, "array: '%s'\ncommand: [x]", rows[i].text);
        TAP_OK(job(fields, &j, &b) == (rows[i].count > 0), "array '%s'", rows[i].text);
        TAP_OK(j.array_first == rows[i].first && j.array_count == rows[i].count && j.array_step == rows[i].step &&
                   j.array_limit == rows[i].limit,
               "array '%s', as numbers", rows[i].text);
        dure_body_free(b);
    }
}

/* Without a daemon the CLI checks what it can. */
static void unresolved(void)
{
    struct dure_job j;
    struct dure_body *b = NULL;
    const struct dure_tree *tree =
        spec_tree("{kind: Job, version: 1, project: any/where, model: h900, level: hall, command: [x]}");
    TAP_EQ_INT(dure_job_parse(tree, NULL, NULL, &j, &b, &spec_problems), DURE_OK, "names that only the daemon knows");
    TAP_OK(j.tenant.v == DURE_NONE32 && j.model_mask == 0 && strcmp(j.level, "hall") == 0 && j.level_required,
           "are left open");
    dure_body_free(b);
}

static void limits(void)
{
    struct dure_buf text;
    struct dure_job j;
    struct dure_body *b = NULL;
    dure_buf_init(&text, 4 << 20);
    dure_buf_str(&text, "{kind: Job, version: 1, command: [x], comment: \"");
    for (unsigned i = 0; i < 4097; i++)
        dure_buf_byte(&text, 'c');
    dure_buf_str(&text, "\"}");
    TAP_EQ_INT(dure_job_parse(spec_tree(text.data), fleet, tenants, &j, &b, &spec_problems), DURE_E_INVALID,
               "a long comment");
    TAP_EQ_STR(spec_said(), "1:48: comment: found 4097 bytes, expected text of at most 4096 bytes\n", "in words");
    dure_buf_clear(&text);
    dure_buf_str(&text, "{kind: Job, version: 1, command: [x");
    for (unsigned i = 0; i < 70; i++) {
        dure_buf_str(&text, ", ");
        for (unsigned k = 0; k < 1000; k++)
            dure_buf_byte(&text, 'y');
    }
    dure_buf_str(&text, "]}");
    TAP_EQ_INT(dure_job_parse(spec_tree(text.data), fleet, tenants, &j, &b, &spec_problems), DURE_E_INVALID,
               "a long command");
    TAP_EQ_STR(spec_said(), "1:34: command: found more text, expected a command of at most 64 KiB\n", "in words");
    dure_buf_clear(&text);
    dure_buf_str(&text, "{kind: Job, version: 1, command: [x], after: [");
    for (unsigned i = 0; i < 17; i++)
        dure_buf_str(&text, "{job: 1},");
    dure_buf_str(&text, "]}");
    TAP_EQ_INT(dure_job_parse(spec_tree(text.data), fleet, tenants, &j, &b, &spec_problems), DURE_E_INVALID,
               "seventeen dependencies");
    TAP_EQ_STR(spec_said(), "1:46: after: found 17 entries, expected at most 16\n", "in words");
    static const char *const images[] = {"train.sif", "-B/:/x",   "/a b", "/a'b", "$(id)",
                                         "docker://", "shub://x", "/a;b", ""};
    for (unsigned i = 0; i < sizeof images / sizeof images[0]; i++) {
        dure_buf_clear(&text);
        dure_buf_printf(&text, "{kind: Job, version: 1, command: [x], image: \"%s\"}", images[i]);
        TAP_EQ_INT(dure_job_parse(spec_tree(text.data), fleet, tenants, &j, &b, &spec_problems), DURE_E_INVALID,
                   "image: %s", images[i]);
    }
    TAP_HAS(spec_said(), "image: found '', expected an absolute path such as /images/train.sif", "in words");
    TAP_EQ_INT(dure_job_parse(spec_tree("{kind: Job, version: 1, command: [x], image: /i.sif, workdir: '/a:b'}"), fleet,
                              tenants, &j, &b, &spec_problems),
               DURE_E_INVALID, "a folder that no container can be given");
    TAP_OK(!b, "no body is handed out");
    dure_buf_release(&text);
}

static void contained(void)
{
    struct dure_job j;
    struct dure_body *b = NULL;
    TAP_EQ_INT(
        dure_job_parse(
            spec_tree("{kind: Job, version: 1, command: [x], image: 'docker://ghcr.io/a/b@sha256:0a', workdir: /w}"),
            NULL, NULL, &j, &b, &spec_problems),
        DURE_OK, "an image: %s", spec_said());
    TAP_OK(j.container && !strcmp(dure_body_text(b, DURE_BODY_IMAGE), "docker://ghcr.io/a/b@sha256:0a"),
           "whose name is in the body, and that there is one in the job");
    dure_body_free(b);
}

int main(void)
{
    fleet = spec_fleet(FLEET_HEAD FLEET_A FLEET_B);
    tenants = spec_tenants("{kind: Tenants, version: 1, tenants: [{name: alpha, tenants: [{name: llm}]}]}", fleet);
    defaults();
    everything();
    gpus();
    arrays();
    unresolved();
    limits();
    contained();
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    dure_arena_free(spec_arena);
    return tap_done();
}
