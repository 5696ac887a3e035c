#include "api/row.h"

#include <string.h>

void row_of_view(const struct dure_job_view *view, struct row *ret_row)
{
    *ret_row = (struct row){
        .job = view->id.v,
        .element = view->job->array_count > 0 ? view->element : DURE_NONE32,
        .element_first = view->element_first,
        .element_last = view->element_last,
        .element_count = view->element_count,
        .spec = view->job,
        .state = view->state,
        .wait = view->wait,
        .held = view->held,
        .submitted_us = view->submitted_us,
        .started_us = view->started_us,
        .deadline_us = view->deadline_us,
        .attempt = view->attempt,
        .attempt_state = view->attempt_state,
        .places = view->places,
        .place_count = view->place_count,
        .source_owner = view->source_owner,
        .source_allot = view->source_allot,
        .cause = view->cause,
        .requeues = view->requeues,
        .planned_us = view->planned_us,
        .planned_chain = view->planned_chain,
        .reason = "",
    };
}

void row_of_summary(const struct dure_summary *summary, uint64_t job, uint32_t element, struct row *ret_row)
{
    const struct dure_record *end = &summary->end;

    *ret_row = (struct row){
        .job = job,
        .element = summary->submit.submit.array_count > 0 ? element : DURE_NONE32,
        .element_count = summary->element_count,
        .spec = &summary->submit.submit,
        .state = end->state,
        .ended = true,
        .submitted_us = summary->submit.time_us,
        .started_us = summary->start.attempt.v != DURE_NONE64 ? summary->start.time_us : 0,
        .ended_us = end->time_us,
        .attempt = summary->start.attempt,
        .attempt_state = DURE_ATTEMPT_GONE,
        .places = summary->start.places,
        .place_count = summary->start.place_count,
        .source_owner = summary->source_owner,
        .source_allot = summary->source_allot,
        .exit_code = end->exit_code,
        .exit_signal = end->exit_signal,
        .cause = end->cause,
        .requeues = summary->requeues,
        .usage = summary->usage,
        .reason = summary->reason,
    };
}

bool row_visible(const struct call *call, const struct row *row)
{
    return identity_sees(call->api, call->who, row->spec->tenant, row->spec->principal);
}

static uint32_t node_total(const struct row *row)
{
    uint32_t total = 0;

    for (uint32_t i = 0; i < row->place_count; i++)
        total += row->places[i].node_count;
    return total;
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

void row_nodes(const struct call *call, const struct row *row, struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    uint32_t total = node_total(row);
    uint32_t *nodes = total > 0 ? dure_arena_array(call->arena, sizeof *nodes, total) : NULL;
    uint32_t count = 0, kept = 0;

    dure_buf_str(out, "");
    if (nodes == NULL || fleet == NULL)
        return;
    for (uint32_t i = 0; i < row->place_count; i++)
        for (uint32_t j = 0; j < row->places[i].node_count; j++)
            nodes[count++] = row->places[i].node_first + j;
    qsort(nodes, count, sizeof *nodes, by_number);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || nodes[i] != nodes[kept - 1])
            nodes[kept++] = nodes[i];
    dure_fleet_hostlist(fleet, nodes, kept, out);
}

static void write_place(const struct call *call, const struct row *row, struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_chain *chain = NULL;
    struct dure_buf nodes DURE_CLEANUP_BUF = {0};
    uint32_t in_chain;

    if (fleet != NULL && row->place_count > 0)
        chain = dure_fleet_chain_of(fleet, (struct dure_node_id){row->places[0].node_first}, &in_chain);
    dure_buf_init(&nodes, 1 << 20);
    row_nodes(call, row, &nodes);
    json_str(out, "nodes", nodes.data != NULL ? nodes.data : "");
    json_uint(out, "node_count", node_total(row));
    json_str(out, "site", chain != NULL ? fleet->sites[chain->site.v].name : NULL);
    json_str(out, "model", chain != NULL ? fleet->models[chain->model.v].name : NULL);
    json_bool(out, "emulated", chain != NULL && fleet->sites[chain->site.v].engine == DURE_ENGINE_EMULATED);
    json_bool(out, "virtual", chain != NULL && fleet->models[chain->model.v].is_virtual);
}

static void write_source(const struct call *call, const struct row *row, struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_allot_view allot;
    bool known = row->source_allot.v != DURE_NONE32 && dure_core_allot_view(call->api->core, row->source_allot, &allot);

    json_str(out, "source_owner",
             fleet != NULL && row->source_owner.v < fleet->owner_count ? fleet->owners[row->source_owner.v].name
                                                                       : NULL);
    json_str(out, "allotment", known ? allot.spec->name : NULL);
}

static void write_elements(const struct row *row, struct dure_buf *out)
{
    char text[64];

    if (row->spec->array_count == 0) {
        json_none(out, "element");
        json_none(out, "elements");
        return;
    }
    if (row->element != DURE_NONE32) {
        json_uint(out, "element", row->element);
        json_none(out, "elements");
        return;
    }
    if (row->ended)
        snprintf(text, sizeof text, "%u elements", row->element_count);
    else if (row->spec->array_step > 1)
        snprintf(text, sizeof text, "%u-%u:%u", row->element_first, row->element_last, row->spec->array_step);
    else
        snprintf(text, sizeof text, "%u-%u", row->element_first, row->element_last);
    if (!row->ended && row->spec->array_limit > 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%%%u", row->spec->array_limit);
    json_none(out, "element");
    json_str(out, "elements", text);
}

static void write_end(const struct row *row, struct dure_buf *out)
{
    if (row->ended) {
        json_int(out, "exit_code", row->exit_code);
        json_int(out, "exit_signal", row->exit_signal);
    } else {
        json_none(out, "exit_code");
        json_none(out, "exit_signal");
    }
    json_str(out, "cause", row->cause != DURE_CAUSE_NONE ? dure_cause_name(row->cause) : NULL);
    json_str(out, "reason", *row->reason != '\0' ? row->reason : NULL);
    json_open(out, "usage", '{');
    json_uint(out, "cpu_us", row->usage.cpu_us);
    json_uint(out, "memory_peak_mib", row->usage.memory_peak_mib);
    json_uint(out, "gpu_busy_us", row->usage.gpu_busy_us);
    json_uint(out, "gpu_memory_peak_mib", row->usage.gpu_memory_peak_mib);
    json_uint(out, "energy_mj", row->usage.energy_mj);
    json_close(out, '}');
}

void row_write(const struct call *call, const struct row *row, struct dure_buf *out)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    const struct dure_job *spec = row->spec;
    const char *login = row_visible(call, row) ? dure_loop_login(call->api->loop, spec->principal) : NULL;

    json_uint(out, "job", row->job);
    write_elements(row, out);
    json_uint(out, "element_count", row->element_count > 0 ? row->element_count : 1);
    json_str(out, "user", login != NULL && *login != '\0' ? login : NULL);
    json_str(out, "project",
             tenants != NULL && spec->tenant.v < tenants->tenant_count ? tenants->tenants[spec->tenant.v].path : NULL);
    json_str(out, "class", spec->job_class == DURE_GUARANTEED ? "guaranteed" : "borrowed");
    json_str(out, "state", dure_job_state_name(row->state));
    json_str(out, "state_code", dure_job_state_code(row->state));
    json_str(out, "wait", row->state == DURE_JOB_PENDING ? dure_wait_name(row->wait) : NULL);
    json_uint(out, "tasks", spec->tasks);
    json_uint(out, "gpus", (uint64_t)spec->tasks * spec->task_gpus);
    json_uint(out, "gpu_milli", spec->task_gpu_milli);
    json_str(out, "level", spec->level != NULL && *spec->level != '\0' ? spec->level : NULL);
    json_int(out, "walltime_us", spec->walltime_us);
    json_int(out, "grace_us", spec->grace_us);
    json_int(out, "checkpoint_us", spec->checkpoint_us);
    json_time(out, "submitted", row->submitted_us);
    json_time(out, "started", row->started_us);
    json_time(out, "ended", row->ended_us);
    json_time(out, "deadline", row->deadline_us);
    json_time(out, "planned", row->planned_us);
    json_str(out, "planned_on",
             row->planned_us ? dure_core_fleet(call->api->core)->chains[row->planned_chain.v].name : NULL);
    write_place(call, row, out);
    write_source(call, row, out);
    json_int(out, "priority", spec->priority);
    json_bool(out, "held", row->held);
    json_uint(out, "requeues", row->requeues);
    write_end(row, out);
}

static char *name_of(struct call *call, struct dure_journal *journal, uint64_t job)
{
    struct dure_buf bytes DURE_CLEANUP_BUF = {0};
    struct dure_body *body = NULL;
    char *name = NULL;

    dure_buf_init(&bytes, 4 << 20);
    if (dure_journal_body(journal, DURE_BODY_OF_JOB, job, &bytes, NULL) != DURE_OK)
        return NULL;
    if (dure_body_decode(bytes.data, bytes.length, &body, NULL) != DURE_OK)
        return NULL;
    if (*dure_body_text(body, DURE_BODY_NAME) != '\0')
        name = dure_arena_strdup(call->arena, dure_body_text(body, DURE_BODY_NAME));
    dure_body_free(body);
    return name;
}

void row_names(struct call *call, struct dure_journal *journal, struct row_slot *slots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!slots[i].visible)
            continue;
        if (i > 0 && slots[i - 1].job == slots[i].job && slots[i - 1].visible)
            slots[i].name = slots[i - 1].name;
        else
            slots[i].name = name_of(call, journal, slots[i].job);
    }
}
