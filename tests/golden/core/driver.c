/* Drives a core by a script and compares what it decides with a golden file beside it: `driver NAME.script NAME.want`.
 *
 *     submit TENANT [tasks=N] [gpus=N] [milli=N] [borrowed] [level=NAME] [required=NAME] [spread=LEVEL:MAX] [nodes=LIST]
 *            [exclude=LIST] [models=A,B] [grace=T] [walltime=T] [priority=N] [array=N] [limit=N]
 *            [after=JOB] [begin=+T] [user=N] [deadline=+T] [memory=MIB] [data=MASK] [hold] [final]      (final: not to be requeued)
 *     pass | tick +T | reap | end ATTEMPT [CODE] | lost ATTEMPT | refused ATTEMPT | cancel JOB[.ELEMENT] | hold JOB | release JOB
 *     modify JOB [priority=N] [walltime=T] [grace=T] [begin=+T|none] [deadline=+T|none] [hold=0|1] [limit=N] [tasks=N] [gpus=N] [class=borrowed|guaranteed]
 *            [spread=LEVEL:MAX|none] [nodes=LIST|any] [exclude=LIST|none]
 *     requeue JOB[.ELEMENT] [hold] | drain NODE | resume NODE | down NODE | up NODE | grant JSON | shrink NAME N | end-allotment NAME | why JOB | jobs
 *     power LIMITS | data DATASETS (the JSON list; power may be followed by other fields: [...], "lead": "10m") | dark
 *
 *     prices LEFT=WORTH [LEFT=WORTH ...]       (what is left of a shared GPU, milli=micro-GPU: from there on)
 *
 *     ceilings NAME key=N [key=N ...] [NAME ...]     (declares the tenants anew with these ceilings and no others)
 *
 *     book FIRST-NODE LAST-NODE +FROM +UNTIL [preview] | unbook N
 *
 *     slurm     (the first line of a script: a Slurm runs the nodes of site one)
 *
 * Lines that begin with # are comments. With DURE_GOLDEN=write the golden file is written instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

enum { WORDS_MAX = 24, TEXT_MAX = 1 << 20 };

static struct rig rig;
static struct dure_buf out;
static char *words[WORDS_MAX];
static unsigned word_count;

static int64_t duration(const char *text)
{
    int64_t us = 0;
    if (!dure_duration_parse(text + (*text == '+'), false, &us))
        tap_bail("no duration: %s", text);
    return us;
}

static const char *value(const char *key)
{
    const size_t length = strlen(key);
    for (unsigned i = 1; i < word_count; i++)
        if (!strncmp(words[i], key, length) && words[i][length] == '=')
            return words[i] + length + 1;
    return NULL;
}

static bool flag(const char *name)
{
    for (unsigned i = 1; i < word_count; i++)
        if (!strcmp(words[i], name))
            return true;
    return false;
}

static uint32_t number(const char *key, uint32_t otherwise)
{
    return value(key) ? (uint32_t)strtol(value(key), NULL, 10) : otherwise;
}

static void say(enum dure_err err)
{
    if (err != DURE_OK)
        dure_buf_printf(&out, "refused (%s): %s\n", dure_err_wire(err), rig.error.text);
    else if (rig.said.length)
        dure_buf_add(&out, rig.said.data, rig.said.length);
}

/* `text` as it may stand in a script: names apart by commas, each as Slurm writes it. */
static struct dure_node_runs runs(const char *text, struct dure_node_run at[DURE_NODE_RUNS_MAX])
{
    uint32_t count = 0;
    const char *wanted = dure_node_runs_parse(text, rig.fleet, at, DURE_NODE_RUNS_MAX, &count);
    if (wanted)
        tap_bail("nodes: %s, expected %s", text, wanted);
    return (struct dure_node_runs){at, dure_node_runs_tidy(at, count)};
}

static void models(const char *text, struct dure_job *job)
{
    struct dure_gpu_model_id model;
    char name[DURE_NAME_MAX + 1];
    for (unsigned rank = 0; *text; rank++) {
        const size_t length = strcspn(text, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, text);
        text += length + (text[length] == ',');
        if (!dure_fleet_model_find(rig.fleet, name, &model))
            tap_bail("no model %s", name);
        job->model_mask |= UINT64_C(1) << model.v;
        job->model_order |= (uint64_t)(model.v + 1) << (8 * rank);
    }
}

static void where(struct dure_job *job)
{
    static struct dure_node_run at[2][DURE_NODE_RUNS_MAX];
    static char level[DURE_NAME_MAX + 1];
    if (value("spread") && strcmp(value("spread"), "none")) {
        snprintf(level, sizeof level, "%.*s", (int)strcspn(value("spread"), ":"), value("spread"));
        job->spread_level = level;
        job->spread_max = (uint32_t)strtoul(strchr(value("spread"), ':') + 1, NULL, 10);
    }
    if (value("nodes") && strcmp(value("nodes"), "any"))
        job->include = runs(value("nodes"), at[0]);
    if (value("exclude") && strcmp(value("exclude"), "none"))
        job->exclude = runs(value("exclude"), at[1]);
    if (value("models"))
        models(value("models"), job);
}

static void submit(void)
{
    struct dure_job job = rig_job(&rig, words[1], number("tasks", 1), number("gpus", 1), flag("borrowed"));
    job.task_gpu_milli = number("milli", 1000);
    job.priority = (int32_t)number("priority", 0);
    job.array_count = number("array", 0);
    job.array_step = 1;
    job.array_limit = number("limit", 0);
    job.task_memory_mib = number("memory", 0);
    job.hold = flag("hold");
    job.data_mask = number("data", 0);
    job.requeue = !flag("final");
    if (value("level"))
        job.level = value("level");
    if (value("required")) {
        job.level = value("required");
        job.level_required = true;
    }
    where(&job);
    if (value("checkpoint"))
        job.checkpoint_us = duration(value("checkpoint"));
    if (value("grace"))
        job.grace_us = duration(value("grace"));
    if (value("walltime"))
        job.walltime_us = duration(value("walltime"));
    if (value("begin"))
        job.begin_us = rig.now_us + duration(value("begin"));
    job.principal.v = number("user", 0);
    if (value("deadline"))
        job.deadline_us = rig.now_us + duration(value("deadline"));
    if (value("after")) {
        job.dep_count = 1;
        job.deps[0] = (struct dure_dep){{strtoull(value("after"), NULL, 10)}, DURE_DEP_OK};
    }
    say(rig_submit(&rig, &job));
}

static void node(enum dure_record_kind kind, int64_t state)
{
    struct dure_node_id id;
    if (!dure_fleet_node_find(rig.fleet, words[1], &id))
        tap_bail("no node %s", words[1]);
    say(rig_node(&rig, kind, id.v, state));
}

/* foreign NODE MASK [WHY]: its GPUs that work outside dure uses. */
static void foreign(void)
{
    struct dure_record r = rig_record(&rig, DURE_REC_FOREIGN);
    if (!dure_fleet_node_find(rig.fleet, words[1], &r.node))
        tap_bail("no node %s", words[1]);
    r.mask = strtoull(words[2], NULL, 16);
    if (word_count > 3)
        snprintf(r.reason, sizeof r.reason, "%s", words[3]);
    say(rig_step(&rig, &r));
}

/* What is not simply up. */
static void nodes(void)
{
    for (uint32_t i = 0; i < rig.fleet->node_count; i++) {
        struct dure_node_view view;
        char name[DURE_NAME_MAX + 1];
        if (!dure_core_node_view(rig.core, (struct dure_node_id){i}, &view) ||
            (view.state == DURE_NODE_UP && !view.gpus_foreign))
            continue;
        dure_fleet_node_name(rig.fleet, view.id, name);
        dure_buf_printf(&out, "  %s %s: %s, %u of %u GPUs used, %u from outside: %s\n", name,
                        dure_node_state_name(view.state), *view.reason ? view.reason : "-", view.gpus_used, view.gpus,
                        view.gpus_foreign, *view.foreign_reason ? view.foreign_reason : "-");
    }
    for (uint32_t i = 0; i < rig.fleet->chain_count; i++) {
        struct dure_chain_view view;
        dure_core_chain_view(rig.core, (struct dure_chain_id){i}, &view);
        dure_buf_printf(&out, "  %s: %llu lost, %llu away, %llu dark, %llu foreign\n", rig.fleet->chains[i].name,
                        (unsigned long long)view.lost, (unsigned long long)view.away, (unsigned long long)view.dark,
                        (unsigned long long)view.foreign);
    }
}

static void job_of(enum dure_record_kind kind)
{
    const char *dot = strchr(words[1], '.');
    say(rig_simple(&rig, kind, strtoull(words[1], NULL, 10), dot ? (uint32_t)strtoul(dot + 1, NULL, 10) : DURE_NONE32));
}

static int64_t moment(const char *key, int64_t none)
{
    return strcmp(value(key), "none") != 0 ? rig.now_us + duration(value(key)) : none;
}

static void modify(void)
{
    struct dure_record r = rig_record(&rig, DURE_REC_MODIFY);
    struct dure_job job = dure_job_blank();
    uint64_t mask = 0;
#define GIVEN(key, change, member, read)                                                                               \
    if (value(key)) {                                                                                                  \
        mask |= DURE_CHANGE_##change;                                                                                  \
        job.member = (__typeof__(job.member))(read);                                                                   \
    }
    GIVEN("priority", PRIORITY, priority, strtol(value("priority"), NULL, 10))
    GIVEN("walltime", WALLTIME, walltime_us, duration(value("walltime")))
    GIVEN("grace", GRACE, grace_us, duration(value("grace")))
    GIVEN("begin", BEGIN, begin_us, moment("begin", INT64_MIN))
    GIVEN("deadline", DEADLINE, deadline_us, moment("deadline", 0))
    GIVEN("hold", HOLD, hold, number("hold", 0))
    GIVEN("limit", ARRAY_LIMIT, array_limit, number("limit", 0))
    GIVEN("tasks", TASKS, tasks, number("tasks", 0))
    GIVEN("gpus", GPUS, task_gpus, number("gpus", 0))
    GIVEN("class", CLASS, job_class, *value("class") == 'b' ? DURE_BORROWED : DURE_GUARANTEED)
#undef GIVEN
    where(&job);
    mask |= (value("spread") ? DURE_CHANGE_SPREAD : 0) | (value("nodes") ? DURE_CHANGE_NODES : 0) |
            (value("exclude") ? DURE_CHANGE_EXCLUDE : 0);
    r.job.v = strtoull(words[1], NULL, 10);
    r.number = (int64_t)mask;
    r.submit = job;
    say(rig_step(&rig, &r));
}

static void requeue(void)
{
    const char *dot = strchr(words[1], '.');
    struct dure_record r = rig_record(&rig, DURE_REC_REQUEUE_JOB);
    r.job.v = strtoull(words[1], NULL, 10);
    r.element = dot ? (uint32_t)strtoul(dot + 1, NULL, 10) : DURE_NONE32;
    r.number = flag("hold");
    say(rig_step(&rig, &r));
}

/* The tenants of the rig, each "{name: NAME" with its ceilings after it. */
static void with_ceilings(struct dure_buf *yaml)
{
    dure_buf_str(yaml, specs_tenants);
    for (unsigned i = 1; i < word_count; i++) {
        char name[64], rest[8192];
        if (strchr(words[i], '='))
            continue;
        snprintf(name, sizeof name, "{name: %s", words[i]);
        char *at = strstr(yaml->data, name);
        while (at && !strchr(",}", at[strlen(name)]))
            at = strstr(at + 1, name);
        if (!at)
            tap_bail("no tenant %s", words[i]);
        at += strlen(name);
        snprintf(rest, sizeof rest, "%s", at);
        yaml->length = (size_t)(at - yaml->data);
        dure_buf_str(yaml, ", ceilings: {");
        for (unsigned k = i + 1; k < word_count && strchr(words[k], '='); k++)
            dure_buf_printf(yaml, "%s%.*s: %s", k > i + 1 ? ", " : "", (int)strcspn(words[k], "="), words[k],
                            strchr(words[k], '=') + 1);
        dure_buf_str(yaml, "}");
        dure_buf_str(yaml, rest);
    }
}

static void ceilings(void)
{
    struct dure_buf yaml;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    struct dure_problems problems = {.file = "ceilings"};
    struct dure_tree *tree = NULL;
    struct dure_tenants *tenants = NULL;
    struct dure_record r = rig_record(&rig, DURE_REC_TENANTS);
    dure_buf_init(&yaml, 1 << 16);
    with_ceilings(&yaml);
    if (dure_tree_from_yaml(arena, yaml.data, yaml.length, &tree, &problems) != DURE_OK ||
        dure_tenants_parse(tree, rig.fleet, &tenants, &problems) != DURE_OK)
        tap_bail("ceilings: %s", problems.count ? problems.at[0].expected : "?");
    r.text = tenants->spec_json;
    r.text_length = tenants->spec_json_length;
    say(rig_step(&rig, &r));
    dure_tenants_free(tenants);
    dure_arena_free(arena);
    dure_buf_release(&yaml);
}

static void book(void)
{
    struct dure_record r = rig_record(&rig, DURE_REC_BOOK);
    struct dure_node_id first, last;
    if (!dure_fleet_node_find(rig.fleet, words[1], &first) || !dure_fleet_node_find(rig.fleet, words[2], &last))
        tap_bail("no nodes %s and %s", words[1], words[2]);
    const struct dure_place run = {.node_first = first.v, .node_count = last.v - first.v + 1};
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us + duration(words[3]);
    r.deadline_us = rig.now_us + duration(words[4]);
    snprintf(r.reason, sizeof r.reason, "new cooling");
    if (!flag("preview")) {
        say(rig_step(&rig, &r));
        return;
    }
    struct dure_buf text;
    dure_buf_init(&text, 65536);
    const enum dure_err err = dure_core_booking_preview(rig.core, &r, &text, &rig.error);
    dure_buf_clear(&rig.said);
    if (err != DURE_OK)
        say(err);
    else
        dure_buf_printf(&out, "%s\n", text.data);
    dure_buf_release(&text);
    rig_check(&rig);
}

static void unbook(void)
{
    struct dure_record r = rig_record(&rig, DURE_REC_UNBOOK);
    r.number = strtol(words[1], NULL, 10);
    say(rig_step(&rig, &r));
}

static void allot(enum dure_record_kind kind)
{
    struct dure_record r = rig_record(&rig, kind);
    if (kind == DURE_REC_GRANT) {
        r.text = words[1];
        r.text_length = strlen(words[1]);
    } else if (!dure_core_allot_find(rig.core, words[1], &r.allot)) {
        tap_bail("no allotment %s", words[1]);
    }
    if (kind == DURE_REC_SHRINK)
        r.count = (uint32_t)strtoul(words[2], NULL, 10);
    say(rig_step(&rig, &r));
}

/* A spec by its list alone. */
static void spec(enum dure_record_kind kind, const char *name, const char *list)
{
    struct dure_record r = rig_record(&rig, kind);
    struct dure_buf text;
    dure_buf_init(&text, TEXT_MAX);
    dure_buf_printf(&text, "{\"kind\": \"%s\", \"version\": 1, \"%s\": %s}", name, list,
                    words[1]); /* what follows the list is more fields */
    r.text = text.data;
    r.text_length = text.length;
    say(rig_step(&rig, &r));
    dure_buf_release(&text);
}

static void prices(void)
{
    struct dure_record r = rig_record(&rig, DURE_REC_PRICES);
    struct dure_prices all = {{0}};
    struct dure_buf text;
    for (unsigned i = 1; i < word_count; i++) {
        const char *worth = strchr(words[i], '=');
        for (unsigned k = (unsigned)strtol(words[i], NULL, 10) / DURE_HOLE_MILLI; worth && k < DURE_HOLES; k++)
            all.hole_ugpu[k] = (uint32_t)strtol(worth + 1, NULL, 10);
    }
    dure_buf_init(&text, TEXT_MAX);
    dure_prices_write(&all, &text);
    r.text = text.data;
    r.text_length = text.length;
    say(rig_step(&rig, &r));
    dure_buf_release(&text);
}

/* The nodes with dark GPUs. */
static void dark(void)
{
    for (uint32_t i = 0; i < rig.fleet->node_count; i++) {
        struct dure_node_view view;
        char name[DURE_NAME_MAX + 1];
        if (!dure_core_node_view(rig.core, (struct dure_node_id){i}, &view) || !view.gpus_dark)
            continue;
        dure_fleet_node_name(rig.fleet, view.id, name);
        dure_buf_printf(&out, "  %s: %u of %u dark, by %s\n", name, view.gpus_dark, view.gpus, view.dark_by);
    }
}

static void why(void)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_why answer;
    const enum dure_err err = dure_core_why(rig.core, (struct dure_job_id){strtoull(words[1], NULL, 10)}, DURE_NONE32,
                                            arena, &answer, &rig.error);
    if (err == DURE_OK) {
        dure_buf_printf(&out, "%s: %s\n", dure_wait_name(answer.wait), answer.sentence);
        for (uint32_t i = 0; i < answer.row_count; i++)
            dure_buf_printf(&out, "  %s: %s, %llu GPUs on %llu nodes, %lld of %lld %s\n",
                            rig.fleet->chains[answer.rows[i].chain.v].name, dure_rule_wire(answer.rows[i].rule),
                            (unsigned long long)answer.rows[i].gpus, (unsigned long long)answer.rows[i].nodes,
                            (long long)answer.rows[i].have, (long long)answer.rows[i].need, answer.rows[i].unit);
        for (uint32_t i = 0; i < answer.change_count; i++)
            dure_buf_printf(&out, "  or %s\n", answer.changes[i].text);
    } else {
        dure_buf_printf(&out, "refused (%s): %s\n", dure_err_wire(err), rig.error.text);
    }
    dure_arena_free(arena);
}

static void jobs(void)
{
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    while (dure_core_job_next(rig.core, &cursor, &view)) {
        dure_buf_printf(&out, "  %llu", (unsigned long long)view.id.v);
        if (view.element != DURE_NONE32)
            dure_buf_printf(&out, ".%u", view.element);
        else if (view.element_count > 1)
            dure_buf_printf(&out, ".[%u-%u]", view.element_first, view.element_last);
        dure_buf_printf(&out, " %s %s\n", dure_job_state_name(view.state),
                        view.state == DURE_JOB_PENDING ? dure_wait_name(view.wait) : "");
    }
}

static void report(enum dure_report kind)
{
    say(rig_report(&rig, strtoull(words[1], NULL, 10), kind, word_count > 2 ? (int)strtol(words[2], NULL, 10) : 0));
}

static void checkpoint(void)
{
    struct dure_record r = rig_record(&rig, DURE_REC_CHECKPOINT);
    r.attempt.v = strtoull(words[1], NULL, 10);
    say(rig_step(&rig, &r));
}

static void reap(void)
{
    struct dure_job_view view;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig.core, &cursor, &view);)
        if (view.attempt_state == DURE_ATTEMPT_STOPPING)
            say(rig_report(&rig, cursor, DURE_REPORT_ENDED, 137));
}

static void run(void)
{
    const char *verb = words[0];
    if (!strcmp(verb, "submit"))
        submit();
    else if (!strcmp(verb, "pass"))
        say(rig_pass(&rig));
    else if (!strcmp(verb, "tick"))
        say(rig_tick(&rig, rig.now_us + duration(words[1])));
    else if (!strcmp(verb, "reap"))
        reap();
    else if (!strcmp(verb, "end"))
        report(DURE_REPORT_ENDED);
    else if (!strcmp(verb, "lost"))
        report(DURE_REPORT_LOST);
    else if (!strcmp(verb, "refused"))
        report(DURE_REPORT_REFUSED);
    else if (!strcmp(verb, "cancel"))
        job_of(DURE_REC_CANCEL);
    else if (!strcmp(verb, "hold"))
        job_of(DURE_REC_HOLD);
    else if (!strcmp(verb, "release"))
        job_of(DURE_REC_RELEASE);
    else if (!strcmp(verb, "modify"))
        modify();
    else if (!strcmp(verb, "requeue"))
        requeue();
    else if (!strcmp(verb, "book"))
        book();
    else if (!strcmp(verb, "unbook"))
        unbook();
    else if (!strcmp(verb, "ceilings"))
        ceilings();
    else if (!strcmp(verb, "drain"))
        node(DURE_REC_DRAIN, 0);
    else if (!strcmp(verb, "resume"))
        node(DURE_REC_RESUME, 0);
    else if (!strcmp(verb, "down") || !strcmp(verb, "up"))
        node(DURE_REC_NODE_REPORT, *verb == 'u');
    else if (!strcmp(verb, "away"))
        node(DURE_REC_NODE_REPORT, DURE_NODE_IS_AWAY);
    else if (!strcmp(verb, "foreign"))
        foreign();
    else if (!strcmp(verb, "nodes"))
        nodes();
    else if (!strcmp(verb, "grant"))
        allot(DURE_REC_GRANT);
    else if (!strcmp(verb, "power"))
        spec(DURE_REC_POWER, "Power", "limits");
    else if (!strcmp(verb, "data"))
        spec(DURE_REC_DATA, "Data", "datasets");
    else if (!strcmp(verb, "prices"))
        prices();
    else if (!strcmp(verb, "dark"))
        dark();
    else if (!strcmp(verb, "shrink"))
        allot(DURE_REC_SHRINK);
    else if (!strcmp(verb, "end-allotment"))
        allot(DURE_REC_END_ALLOT);
    else if (!strcmp(verb, "checkpointed"))
        checkpoint();
    else if (!strcmp(verb, "why"))
        why();
    else if (!strcmp(verb, "jobs"))
        jobs();
    else
        tap_bail("no verb %s", verb);
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, TEXT_MAX);
    if (file) {
        (void)!fread(text, 1, TEXT_MAX - 1, file);
        fclose(file);
    }
    return text;
}

static void split(char *line)
{
    word_count = 0;
    static const char *const json_verbs[] = {"grant", "power", "data"}; /* JSON has blanks */
    for (unsigned i = 0; i < sizeof json_verbs / sizeof *json_verbs; i++) {
        const size_t length = strlen(json_verbs[i]);
        if (strncmp(line, json_verbs[i], length) || line[length] != ' ')
            continue;
        line[length] = 0;
        words[word_count++] = line;
        words[word_count++] = line + length + 1;
        return;
    }
    for (char *word = strsep(&line, " "); word && word_count < WORDS_MAX; word = strsep(&line, " "))
        if (*word)
            words[word_count++] = word;
}

static void play(char *script)
{
    for (char *rest = script, *line = strsep(&rest, "\n"); line && (*line || rest); line = strsep(&rest, "\n")) {
        if (!*line || *line == '#') {
            dure_buf_printf(&out, "%s\n", line);
            continue;
        }
        dure_buf_printf(&out, "> %s\n", line);
        split(line);
        run();
    }
}

static const char run_by_slurm[] = "slurm\n";

static void begin(bool slurm)
{
    static const char engine[] = "emulated", other[] = "slurm, slurm: {commands: {}}";
    char fleet[sizeof specs_fleet + sizeof other];
    const char *at = strstr(specs_fleet, engine);
    snprintf(fleet, sizeof fleet, "%.*s%s%s", (int)(at - specs_fleet), specs_fleet, other, at + sizeof engine - 1);
    rig_init(&rig, slurm ? fleet : specs_fleet, specs_tenants);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        tap_bail("usage: driver SCRIPT WANT");
    dure_buf_init(&out, TEXT_MAX);
    char *script = read_all(argv[1]);
    if (!*script)
        tap_bail("no script %s", argv[1]);
    const bool slurm = !strncmp(script, run_by_slurm, sizeof run_by_slurm - 1);
    begin(slurm);
    dure_buf_str(&out, slurm ? "> slurm\n" : "");
    play(script + (slurm ? sizeof run_by_slurm - 1 : 0));
    const char *mode = getenv("DURE_GOLDEN");
    if (mode && !strcmp(mode, "write")) {
        FILE *file = fopen(argv[2], "w");
        if (!file || fwrite(out.data, 1, out.length, file) != out.length || fclose(file))
            tap_bail("cannot write %s", argv[2]);
    }
    char *want = read_all(argv[2]);
    TAP_EQ_STR(out.data, want, "%s decides as in its golden file", argv[1]);
    free(script);
    free(want);
    dure_buf_release(&out);
    rig_release(&rig);
    return tap_done();
}
