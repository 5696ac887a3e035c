/* GET /v1/jobs: live ones from the core in order of id, then ended ones from history, newest first. */
#include <stdlib.h>
#include <string.h>

#include "api/row.h"

struct list {
    bool live, ended;
    bool pending, running; /* which of the live */
    uint32_t limit;
    bool by_tenant, by_principal, nobody;
    struct dure_tenant_id tenant;
    struct dure_principal_id principal;
    struct dure_job_cursor from;
    bool more_live; /* the page ended among the live ones */
    struct dure_history_query query;
    struct dure_buf rows; /* text of live rows, one after another without their last member */
    struct row_slot *slots;
    uint32_t count, live_count;
    bool more_ended;
    enum dure_err err;
    struct dure_error error;
};

static bool read_state(struct call *call, struct list *list)
{
    const char *state;

    if (!param_text(call, "state", &state))
        return false;
    if (state == NULL)
        state = "live";
    list->live = strcmp(state, "live") == 0 || strcmp(state, "all") == 0 || strcmp(state, "pending") == 0 ||
                 strcmp(state, "running") == 0;
    list->pending = strcmp(state, "running") != 0;
    list->running = strcmp(state, "pending") != 0;
    list->ended = strcmp(state, "ended") == 0 || strcmp(state, "all") == 0;
    if (list->live || list->ended)
        return true;
    call_fail(call, DURE_E_INVALID,
              "query parameter 'state': found '%.64s', expected live, pending, running, ended or all", state);
    return false;
}

static bool read_filters(struct call *call, struct list *list)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    const char *project, *user;
    uint32_t *ids;

    if (!param_text(call, "project", &project) || !param_text(call, "user", &user))
        return false;
    list->query.principal = DURE_NONE32;
    if (project != NULL) {
        if (tenants == NULL || !dure_tenants_find(tenants, project, &list->tenant)) {
            call_fail(call, DURE_E_NOT_FOUND, "project: there is no tenant '%.200s'", project);
            return false;
        }
        list->by_tenant = true;
        ids = dure_arena_array(call->arena, sizeof *ids, tenants->tenant_count);
        for (uint32_t i = 0; ids != NULL && i < tenants->tenant_count; i++)
            if (dure_tenants_within(tenants, (struct dure_tenant_id){i}, list->tenant))
                ids[list->query.tenant_count++] = i;
        list->query.tenants = ids;
    }
    if (user == NULL)
        return true;
    list->by_principal = true;
    if (strcmp(user, "me") == 0)
        list->principal = call->who->principal;
    else if (!dure_loop_principal_find(call->api->loop, user, &list->principal))
        list->principal.v = DURE_NONE32;
    list->nobody = list->principal.v == DURE_NONE32;
    list->query.principal = list->principal.v;
    return true;
}

static bool read_after(struct call *call, struct list *list)
{
    const char *after;
    unsigned rest = 0;
    unsigned long long job;
    unsigned element;
    char end;

    list->query.before_job = INT64_MAX;
    list->query.before_element = UINT32_MAX;
    if (!param_text(call, "after", &after))
        return false;
    if (after == NULL)
        return true;
    if (list->live && sscanf(after, "L%llu.%u.%u%c", &job, &element, &rest, &end) == 3) {
        list->from = (struct dure_job_cursor){.job = job, .element = element, .rest_done = rest != 0};
        return true;
    }
    if (list->ended && sscanf(after, "E%llu.%u%c", &job, &element, &end) == 2) {
        list->live = false;
        list->query.before_job = job;
        list->query.before_element = element;
        return true;
    }
    call_fail(call, DURE_E_INVALID,
              "query parameter 'after': found '%.64s', expected the `next` of a page of the same listing", after);
    return false;
}

static bool wanted(const struct call *call, const struct list *list, const struct row *row)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);

    if (row->state == DURE_JOB_PENDING ? !list->pending : !list->running)
        return false;
    if (list->by_tenant && (tenants == NULL || !dure_tenants_within(tenants, row->spec->tenant, list->tenant)))
        return false;
    if (list->by_principal && (row->spec->principal.v != list->principal.v || !row_visible(call, row)))
        return false;
    return true;
}

static void add_row(struct call *call, struct list *list, const struct row *row)
{
    struct row_slot *slot = &list->slots[list->count++];

    dure_buf_byte(&list->rows, '{');
    row_write(call, row, &list->rows);
    slot->job = row->job;
    slot->element = row->element;
    slot->visible = row_visible(call, row);
    slot->end = list->rows.length;
}

static void gather_live(struct call *call, struct list *list)
{
    struct dure_job_cursor cursor = list->from;
    struct dure_job_view view;
    struct row row;
    uint32_t scanned = 0;

    while (dure_core_job_next(call->api->core, &cursor, &view)) {
        row_of_view(&view, &row);
        if (wanted(call, list, &row))
            add_row(call, list, &row);
        list->from = cursor;
        if (list->count >= list->limit || ++scanned >= SCAN_MAX) {
            list->more_live = true;
            break;
        }
    }
    list->live_count = list->count;
}

static bool take_ended(void *context, const struct dure_history_row *row)
{
    struct call *call = context;
    struct list *list = call->data;
    struct row_slot *slot;
    void *copy;

    if (list->count >= list->limit) {
        list->more_ended = true;
        return false;
    }
    copy = call_alloc(call, row->summary.length + 1);
    if (copy == NULL) {
        list->err = DURE_E_MEMORY;
        return false;
    }
    memcpy(copy, row->summary.data, row->summary.length);
    slot = &list->slots[list->count++];
    *slot = (struct row_slot){.job = row->job,
                              .element = row->element,
                              .visible = true,
                              .summary = copy,
                              .summary_length = row->summary.length};
    return true;
}

static void read_list(struct call *call, struct dure_journal *journal)
{
    struct list *list = call->data;

    if (list->ended && !list->more_live && !list->nobody && list->count < list->limit) {
        list->query.limit = list->limit - list->count + 1;
        list->err = dure_journal_history(journal, &list->query, take_ended, call, &list->error);
    } else if (list->ended && !list->more_live && !list->nobody) {
        list->more_ended = true; /* a full page of live ones: history begins on the next */
    }
    if (list->err == DURE_OK)
        row_names(call, journal, list->slots, list->count);
}

static void write_ended(struct call *call, struct list *list, struct row_slot *slot)
{
    struct dure_summary summary;
    struct row row;

    dure_buf_clear(&list->rows);
    if (dure_summary_decode(slot->summary, slot->summary_length, call->arena, &summary, &list->error) != DURE_OK) {
        list->err = DURE_E_CORRUPT;
        return;
    }
    row_of_summary(&summary, slot->job, slot->element, &row);
    slot->visible = row_visible(call, &row);
    dure_buf_byte(&list->rows, '{');
    row_write(call, &row, &list->rows);
}

static void write_next(struct list *list, struct dure_buf *out)
{
    const struct row_slot *last = list->count > 0 ? &list->slots[list->count - 1] : NULL;
    char text[64];

    if (list->more_live) {
        snprintf(text, sizeof text, "L%llu.%u.%u", (unsigned long long)list->from.job, list->from.element,
                 list->from.rest_done ? 1u : 0u);
        json_str(out, "next", text);
    } else if (list->more_ended && last != NULL) {
        if (last->summary != NULL)
            snprintf(text, sizeof text, "E%llu.%u", (unsigned long long)last->job, last->element);
        else
            snprintf(text, sizeof text, "E%llu.%u", (unsigned long long)INT64_MAX, UINT32_MAX);
        json_str(out, "next", text);
    }
}

static void answer_list(struct call *call)
{
    struct list *list = call->data;
    struct dure_buf *out = &call->out;
    size_t start = 0;
    uint32_t written = 0;

    json_open(out, NULL, '{');
    json_open(out, "jobs", '[');
    for (uint32_t i = 0; i < list->count && list->err == DURE_OK; i++) {
        struct row_slot *slot = &list->slots[i];
        bool live = i < list->live_count;
        if (!live)
            write_ended(call, list, slot);
        if (list->by_principal && !slot->visible)
            continue; /* who asks may not know whose it is */
        if (written++ > 0)
            dure_buf_byte(out, ',');
        dure_buf_add(out, list->rows.data + (live ? start : 0), live ? slot->end - start : list->rows.length);
        json_str(out, "name", slot->visible ? slot->name : NULL);
        json_close(out, '}');
        start = slot->end;
    }
    json_close(out, ']');
    write_next(list, out);
    json_close(out, '}');
    dure_buf_release(&list->rows);
    if (list->err != DURE_OK)
        call_fail_error(call, list->err, &list->error);
    else
        call_answer(call, 200);
}

void handle_jobs(struct call *call)
{
    struct list *list = call_alloc(call, sizeof *list);
    uint64_t limit = PAGE_DEFAULT;

    if (list == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    call->data = list;
    if (!param_uint(call, "limit", PAGE_MAX, &limit) || !read_state(call, list) || !read_filters(call, list) ||
        !read_after(call, list))
        return;
    list->limit = limit > 0 ? (uint32_t)limit : 1;
    list->slots = dure_arena_array(call->arena, sizeof *list->slots, list->limit);
    if (list->slots == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    dure_buf_init(&list->rows, ANSWER_MAX);
    if (list->live && !list->nobody)
        gather_live(call, list);
    call_durable_read(call, read_list, answer_list);
}
