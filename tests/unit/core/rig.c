#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "tap.h"

static const struct dure_tree *parse(struct dure_arena *arena, const char *yaml, struct dure_problems *problems)
{
    struct dure_tree *tree = NULL;
    if (dure_tree_from_yaml(arena, yaml, strlen(yaml), &tree, problems) == DURE_OK)
        return tree;
    return NULL;
}

static void bail(const struct dure_problems *problems)
{
    struct dure_buf text;
    dure_buf_init(&text, 65536);
    dure_problems_print(problems, &text);
    tap_bail("%s", text.data ? text.data : "spec");
}

void rig_init(struct rig *rig, const char *fleet_yaml, const char *tenants_yaml)
{
    *rig = (struct rig){.now_us = INT64_C(1700000000) * DURE_SECOND_US};
    dure_buf_init(&rig->said, 64u << 20);
    dure_buf_init(&rig->log, 1u << 30);
    if (dure_core_new(&rig->core) != DURE_OK)
        tap_bail("no core");
    struct dure_arena *arena = dure_arena_new(64u << 20);
    struct dure_problems problems = {.file = "rig"};
    const struct dure_tree *tree = parse(arena, fleet_yaml, &problems);
    if (!tree || dure_fleet_parse(tree, &rig->fleet, &problems) != DURE_OK)
        bail(&problems);
    tree = parse(arena, tenants_yaml, &problems);
    if (!tree || dure_tenants_parse(tree, rig->fleet, &rig->tenants, &problems) != DURE_OK)
        bail(&problems);
    dure_arena_free(arena);
    struct dure_record r = rig_record(rig, DURE_REC_FLEET);
    r.text = rig->fleet->spec_json;
    r.text_length = rig->fleet->spec_json_length;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("fleet: %s", rig->error.text);
    r = rig_record(rig, DURE_REC_TENANTS);
    r.text = rig->tenants->spec_json;
    r.text_length = rig->tenants->spec_json_length;
    if (rig_step(rig, &r) != DURE_OK)
        tap_bail("tenants: %s", rig->error.text);
}

void rig_release(struct rig *rig)
{
    dure_core_free(rig->core);
    dure_core_free(rig->follower);
    dure_core_free(rig->shadow);
    dure_fleet_free(rig->fleet);
    dure_tenants_free(rig->tenants);
    dure_buf_release(&rig->said);
    dure_buf_release(&rig->log);
}

struct dure_record rig_record(const struct rig *rig, enum dure_record_kind kind)
{
    struct dure_record record;
    dure_record_init(&record, kind, 1, rig->now_us);
    return record;
}

static void places_line(const struct rig *rig, const struct dure_record *r, struct dure_buf *text)
{
    for (uint32_t i = 0; i < r->place_count; i++) {
        const struct dure_place *p = &r->places[i];
        char name[DURE_NAME_MAX + 1];
        dure_fleet_node_name(rig->fleet, (struct dure_node_id){p->node_first}, name);
        dure_buf_printf(text, " %s", name);
        if (p->node_count > 1)
            dure_buf_printf(text, "(x%u)", p->node_count);
        dure_buf_printf(text, "/%llx", (unsigned long long)p->gpu_mask);
        if (p->gpu_milli < 1000)
            dure_buf_printf(text, "*%u", p->gpu_milli * p->tasks);
    }
    for (uint32_t i = 0; i < r->binding_count; i++) {
        const struct dure_binding *b = &r->bindings[i];
        struct dure_allot_view view;
        const bool known = dure_core_allot_view(rig->core, b->allot, &view);
        dure_buf_printf(text, " %s[%u]%s%u", known ? view.spec->name : "?", b->virtual_index, b->is_new ? "=>" : "=",
                        b->cell_index);
    }
}

/* A planned place lies in a private cluster, or on nodes. */
static void plan_line(const struct rig *rig, const struct dure_record *r, struct dure_buf *text)
{
    dure_buf_printf(text, " in %llds", (long long)((r->deadline_us - rig->now_us) / DURE_SECOND_US));
    if (!r->binding_count) {
        places_line(rig, r, text);
        return;
    }
    for (uint32_t i = 0; i < r->place_count; i++) {
        struct dure_allot_view view;
        const bool known = dure_core_allot_view(rig->core, r->bindings[i].allot, &view);
        dure_buf_printf(text, " %s{%u}/%llx", known ? view.spec->name : "?", r->places[i].node_first,
                        (unsigned long long)r->places[i].gpu_mask);
    }
}

void rig_line(const struct rig *rig, const struct dure_record *r, struct dure_buf *text)
{
    dure_buf_printf(text, "%s", dure_record_kind_name(r->kind));
    if (r->job.v && r->job.v != DURE_NONE64)
        dure_buf_printf(text, " job %llu", (unsigned long long)r->job.v);
    if (r->job.v && r->job.v != DURE_NONE64 && r->element && r->element != DURE_NONE32)
        dure_buf_printf(text, ".%u", r->element);
    if (r->attempt.v && r->attempt.v != DURE_NONE64)
        dure_buf_printf(text, " attempt %llu", (unsigned long long)r->attempt.v);
    if (r->node.v != DURE_NONE32) {
        char name[DURE_NAME_MAX + 1];
        dure_fleet_node_name(rig->fleet, r->node, name);
        dure_buf_printf(text, " %s", name);
    }
    struct dure_allot_view view;
    if (r->allot.v != DURE_NONE32 && dure_core_allot_view(rig->core, r->allot, &view))
        dure_buf_printf(text, " %s", view.spec->name);
    if (r->kind == DURE_REC_NODE_STATE)
        dure_buf_printf(text, " %s", dure_node_state_name((enum dure_node_state)r->number));
    else if (r->kind == DURE_REC_ALLOT_STATE)
        dure_buf_printf(text, " %s", dure_allot_state_name((enum dure_allot_state)r->number));
    else if (r->kind == DURE_REC_UNBIND || r->kind == DURE_REC_SUSPEND || r->kind == DURE_REC_RESTORE)
        dure_buf_printf(text, "[%lld]", (long long)r->number);
    if (r->kind == DURE_REC_BOOK_STATE)
        dure_buf_printf(text, " %lld %s", (long long)r->number, r->count == 1 ? "begun" : "over");
    if (r->kind == DURE_REC_POWER_STATE)
        dure_buf_printf(text, " dark/%llx", (unsigned long long)r->mask);
    if (r->kind == DURE_REC_END)
        dure_buf_printf(text, " %s", dure_job_state_name(r->state));
    if (r->kind == DURE_REC_NOTICE)
        dure_buf_printf(text, " in %llds", (long long)((r->deadline_us - rig->now_us) / DURE_SECOND_US));
    if (r->cause)
        dure_buf_printf(text, " (%s)", dure_cause_name(r->cause));
    if (r->kind == DURE_REC_PLAN)
        plan_line(rig, r, text);
    else
        places_line(rig, r, text);
    dure_buf_byte(text, '\n');
}

void rig_keep(struct rig *rig, const struct dure_record *record)
{
    struct dure_buf bytes;
    dure_buf_init(&bytes, 16u << 20);
    dure_record_encode(record, &bytes);
    const uint32_t length = (uint32_t)bytes.length;
    dure_buf_add(&rig->log, &length, sizeof length);
    dure_buf_add(&rig->log, bytes.data, bytes.length);
    dure_buf_release(&bytes);
}

static void follow(struct rig *rig, const struct dure_record *record)
{
    struct dure_error error;
    if (rig->follower && dure_core_apply(rig->follower, record, &error) != DURE_OK)
        TAP_FAIL("the follower applies %s: %s", dure_record_kind_name(record->kind), error.text);
}

struct heard {
    struct rig *rig;
    const struct dure_record *input;
    bool told;
    struct dure_buf *decided; /* for the shadow */
};

static void tell_input(struct heard *heard)
{
    if (heard->told)
        return;
    heard->told = true;
    if (heard->rig->own_log)
        rig_keep(heard->rig, heard->input);
    follow(heard->rig, heard->input);
}

static void emitted(void *context, const struct dure_record *decision)
{
    struct heard *heard = context;
    struct rig *rig = heard->rig;
    tell_input(heard);
    if (heard->decided)
        dure_record_encode(decision, heard->decided);
    rig->decisions++;
    if (!rig->quiet)
        rig_line(rig, decision, &rig->said);
    if (rig->own_log)
        rig_keep(rig, decision);
    if (rig->watch)
        rig->watch(rig, decision);
    follow(rig, decision);
}

void rig_check(struct rig *rig)
{
    const struct dure_digest now = dure_core_digest(rig->core), full = dure_core_digest_full(rig->core);
    if (memcmp(&now, &full, sizeof now))
        TAP_FAIL("the digest is that of the state");
    if (rig->follower) {
        const struct dure_digest other = dure_core_digest(rig->follower);
        if (memcmp(&now, &other, sizeof now))
            TAP_FAIL("a follower that only applies has the same state");
    }
}

struct shadowed {
    const struct rig *rig;
    struct dure_buf bytes, text;
};

static void shadowed(void *context, const struct dure_record *decision)
{
    struct shadowed *heard = context;
    dure_record_encode(decision, &heard->bytes);
    rig_line(heard->rig, decision, &heard->text);
}

/* What the shadow decides on the same input, against what was decided. */
static void step_shadow(struct rig *rig, const struct dure_record *record, enum dure_err err,
                        const struct dure_buf *decided)
{
    struct shadowed other = {.rig = rig};
    struct dure_error error;
    dure_buf_init(&other.bytes, 64u << 20);
    dure_buf_init(&other.text, 64u << 20);
    if (dure_core_step(rig->shadow, record, shadowed, &other, &error) != err)
        TAP_FAIL("the shadow takes %s as it was taken: %s", dure_record_kind_name(record->kind), error.text);
    if (other.bytes.length != decided->length ||
        (decided->length && memcmp(other.bytes.data, decided->data, decided->length)))
        TAP_FAIL("the shadow decides the same on %s: [%.*s], [%.*s]", dure_record_kind_name(record->kind),
                 (int)rig->said.length, rig->said.data ? rig->said.data : "", (int)other.text.length,
                 other.text.data ? other.text.data : "");
    dure_buf_release(&other.bytes);
    dure_buf_release(&other.text);
}

enum dure_err rig_step(struct rig *rig, struct dure_record *record)
{
    dure_buf_clear(&rig->said);
    rig->decisions = 0;
    rig->error.text[0] = 0;
    struct dure_buf decided;
    dure_buf_init(&decided, 64u << 20);
    struct heard heard = {rig, record, false, rig->shadow ? &decided : NULL};
    const enum dure_err err = dure_core_step(rig->core, record, emitted, &heard, &rig->error);
    if (err == DURE_OK)
        tell_input(&heard);
    if (rig->shadow)
        step_shadow(rig, record, err, &decided);
    dure_buf_release(&decided);
    if (!rig->quiet)
        rig_check(rig);
    return err;
}

struct dure_job rig_job(const struct rig *rig, const char *tenant, uint32_t tasks, uint32_t gpus, bool borrowed)
{
    struct dure_job job = {.job_class = borrowed ? DURE_BORROWED : DURE_GUARANTEED,
                           .tasks = tasks,
                           .task_gpus = gpus,
                           .task_gpu_milli = 1000,
                           .level = "",
                           .walltime_us = DURE_HOUR_US,
                           .grace_us = 30 * DURE_SECOND_US,
                           .begin_us = INT64_MIN,
                           .requeue = true};
    if (!dure_tenants_find(rig->tenants, tenant, &job.tenant))
        tap_bail("no tenant %s", tenant);
    return job;
}

enum dure_err rig_submit(struct rig *rig, const struct dure_job *job)
{
    struct dure_record r = rig_record(rig, DURE_REC_SUBMIT);
    r.job = dure_core_next_job(rig->core);
    r.submit = *job;
    return rig_step(rig, &r);
}

enum dure_err rig_pass(struct rig *rig)
{
    struct dure_record r = rig_record(rig, DURE_REC_PASS);
    r.number = DURE_PASS_STARTS_MAX;
    return rig_step(rig, &r);
}

enum dure_err rig_tick(struct rig *rig, int64_t at_us)
{
    rig->now_us = at_us;
    struct dure_record r = rig_record(rig, DURE_REC_TICK);
    return rig_step(rig, &r);
}

enum dure_err rig_report(struct rig *rig, uint64_t attempt, enum dure_report report, int exit_code)
{
    struct dure_record r = rig_record(rig, DURE_REC_ATTEMPT_REPORT);
    r.attempt.v = attempt;
    r.report = report;
    r.exit_code = exit_code;
    return rig_step(rig, &r);
}

enum dure_err rig_simple(struct rig *rig, enum dure_record_kind kind, uint64_t job, uint32_t element)
{
    struct dure_record r = rig_record(rig, kind);
    r.job.v = job;
    r.element = element;
    return rig_step(rig, &r);
}

enum dure_err rig_node(struct rig *rig, enum dure_record_kind kind, uint32_t node, int64_t number)
{
    struct dure_record r = rig_record(rig, kind);
    r.node.v = node;
    r.number = number;
    return rig_step(rig, &r);
}

void rig_reap(struct rig *rig)
{
    struct dure_job_view view;
    for (uint64_t cursor = 0; dure_core_attempt_next(rig->core, &cursor, &view);)
        if (view.attempt_state == DURE_ATTEMPT_STOPPING &&
            rig_report(rig, view.attempt.v, DURE_REPORT_ENDED, 137) != DURE_OK)
            TAP_FAIL("an end is taken: %s", rig->error.text);
}

uint64_t rig_attempt(const struct rig *rig, uint64_t job, uint32_t element)
{
    struct dure_job_view view;
    if (!dure_core_job_view(rig->core, (struct dure_job_id){job}, element, &view) || view.attempt.v == DURE_NONE64)
        return 0;
    return view.attempt.v;
}

static bool append(void *context, const void *bytes, size_t length)
{
    dure_buf_add(context, bytes, length);
    return true;
}

struct dure_core *rig_reload(struct rig *rig)
{
    static struct dure_buf first, second; /* kept, since a test may do this very often */
    struct dure_core *loaded = NULL;
    struct dure_error error = {.code = DURE_OK};
    if (!first.max) {
        dure_buf_init(&first, 64u << 20);
        dure_buf_init(&second, 64u << 20);
    }
    dure_buf_clear(&first);
    dure_buf_clear(&second);
    if (dure_core_save(rig->core, append, &first) != DURE_OK ||
        dure_core_load(first.data, first.length, &loaded, &error) != DURE_OK ||
        dure_core_save(loaded, append, &second) != DURE_OK)
        tap_bail("save and load: %s", error.text);
    if (first.length != second.length || memcmp(first.data, second.data, first.length))
        TAP_FAIL("a loaded core saves the same bytes");
    return loaded;
}
