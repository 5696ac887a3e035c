/* The tenants: their spec, whose logins become principals before it is journaled, and what each uses. */
#include <string.h>

#include "api/inner.h"
#include "base/text.h"

/* New logins get their principals first, all at once; the spec follows when each has its number. */
struct put {
    struct call *call;
    struct dure_tenants *tenants;
    struct dure_principal_id *principals; /* parallel to roles */
    uint32_t outstanding;
    enum dure_err err;
    char text[512];
};

struct one_login {
    struct put *put;
    uint32_t role; /* first row with this login */
};

static void fail_put(struct put *put, enum dure_err err, const char *text)
{
    struct call *call = put->call;

    dure_tenants_free(put->tenants);
    call_fail(call, err, "%s", text);
}

static void roles_changed(struct call *call, const struct dure_answer *answer)
{
    call->api->generation++;
    answer_sequence(call, answer);
}

static void journal_spec(struct call *call)
{
    struct put *put = call->data;
    struct dure_tenants *tenants = put->tenants;
    enum dure_err err = dure_tenants_bind(tenants, dure_core_fleet(call->api->core), put->principals);

    if (err != DURE_OK) {
        fail_put(put, err, dure_err_sentence(err));
        return;
    }
    dure_record_init(&call->record, DURE_REC_TENANTS, 0, 0);
    call->record.text = dure_arena_strndup(call->arena, tenants->spec_json, tenants->spec_json_length);
    call->record.text_length = tenants->spec_json_length;
    if (call->record.text == NULL) {
        fail_put(put, DURE_E_MEMORY, "out of memory");
        return;
    }
    dure_tenants_free(tenants);
    call_write(call, roles_changed);
}

static void logins_done(struct put *put)
{
    struct dure_tenants *tenants = put->tenants;

    if (put->outstanding > 0)
        return;
    if (put->err != DURE_OK) {
        fail_put(put, put->err, put->text);
        return;
    }
    for (uint32_t i = 0; i < tenants->role_count; i++)
        if (put->principals[i].v == DURE_NONE32 &&
            !dure_loop_principal_find(put->call->api->loop, tenants->roles[i].login, &put->principals[i])) {
            fail_put(put, DURE_E_STATE, "a login could not be kept; try again");
            return;
        }
    journal_spec(put->call);
}

static void on_login(void *context, const struct dure_answer *answer)
{
    struct one_login *one = context;
    struct put *put = one->put;

    if (answer->err != DURE_OK && put->err == DURE_OK) {
        put->err = answer->err;
        dure_text_copy(put->text, sizeof put->text, answer->text);
    }
    if (answer->err == DURE_OK)
        put->principals[one->role] = answer->principal;
    put->outstanding--;
    logins_done(put);
}

static bool seen_before(const struct dure_tenants *tenants, uint32_t role)
{
    for (uint32_t i = 0; i < role; i++)
        if (strcmp(tenants->roles[i].login, tenants->roles[role].login) == 0)
            return true;
    return false;
}

static void ask_logins(struct put *put)
{
    struct call *call = put->call;
    struct dure_tenants *tenants = put->tenants;

    put->outstanding = 1; /* this walk itself */
    for (uint32_t i = 0; i < tenants->role_count; i++) {
        struct dure_record record;
        struct one_login *one;
        struct dure_body *body;
        if (dure_loop_principal_find(call->api->loop, tenants->roles[i].login, &put->principals[i]))
            continue;
        put->principals[i].v = DURE_NONE32;
        if (seen_before(tenants, i))
            continue;
        one = call_alloc(call, sizeof *one);
        body = one != NULL ? call_login_body(tenants->roles[i].login) : NULL;
        if (body == NULL) {
            put->err = DURE_E_MEMORY;
            break;
        }
        *one = (struct one_login){.put = put, .role = i};
        dure_record_init(&record, DURE_REC_PRINCIPAL, 0, 0);
        put->outstanding++;
        call_input(call, &record, body, DURE_BODY_OF_PRINCIPAL, NULL, on_login, one);
    }
    put->outstanding--;
    logins_done(put);
}

static void preview_put(struct call *call, struct dure_tenants *next, const struct dure_tenants *now)
{
    uint32_t allotments_now = now != NULL ? now->allotment_count : 0;

    json_open(&call->out, NULL, '{');
    json_bool(&call->out, "preview", true);
    json_uint(&call->out, "tenants", next->tenant_count);
    json_uint(&call->out, "tenants_now", now != NULL ? now->tenant_count : 0);
    json_uint(&call->out, "allotments", next->allotment_count);
    json_uint(&call->out, "allotments_now", allotments_now);
    json_uint(&call->out, "roles", next->role_count);
    json_close(&call->out, '}');
    dure_tenants_free(next);
    call_answer(call, 200);
}

void handle_tenants_put(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *now = dure_core_tenants(call->api->core);
    struct put *put = call_alloc(call, sizeof *put);
    struct dure_tenants *next = NULL;
    struct dure_problems problems;
    struct dure_tree *tree;
    bool preview = false;
    enum dure_err err;

    if (!param_bool(call, "preview", &preview) || !call_write_begin(call))
        return;
    if (fleet == NULL || put == NULL) {
        call_fail(call, fleet == NULL ? DURE_E_STATE : DURE_E_MEMORY, fleet == NULL ? "there is no fleet yet: PUT /v1/fleet first" : "out of memory");
        return;
    }
    tree = call_body_tree(call);
    if (tree == NULL)
        return;
    problems.file = "body";
    problems.count = problems.total = 0;
    err = dure_tenants_parse(tree, fleet, &next, &problems);
    if (err == DURE_E_INVALID) {
        call_fail_problems(call, &problems);
        return;
    }
    if (err == DURE_OK && now != NULL)
        err = dure_tenants_may_follow(now, next, &call->error);
    if (err != DURE_OK) {
        dure_tenants_free(next);
        call_fail(call, err, "%s", call->error.text[0] != '\0' ? call->error.text : dure_err_sentence(err));
        return;
    }
    if (preview) {
        preview_put(call, next, now);
        return;
    }
    *put = (struct put){.call = call, .tenants = next};
    put->principals = dure_arena_array(call->arena, sizeof *put->principals, next->role_count + 1);
    call->data = put;
    if (put->principals == NULL)
        fail_put(put, DURE_E_MEMORY, "out of memory");
    else
        ask_logins(put);
}

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

void handle_tenants_spec(struct call *call)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);

    if (tenants == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there are no tenants yet");
        return;
    }
    dure_buf_add(&call->out, tenants->spec_json, tenants->spec_json_length);
    call_when_durable(call, answer_now);
}

void handle_tenants_get(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_buf *out = &call->out;
    struct dure_tenant_view view;

    json_open(out, NULL, '{');
    json_open(out, "tenants", '[');
    for (uint32_t i = 0; tenants != NULL && fleet != NULL && i < tenants->tenant_count; i++) {
        const struct dure_tenant *tenant = &tenants->tenants[i];
        dure_core_tenant_view(call->api->core, (struct dure_tenant_id){i}, &view);
        json_open(out, NULL, '{');
        json_str(out, "path", tenant->path);
        json_str(out, "label", tenant->label);
        json_str(out, "owner", tenant->owner.v < fleet->owner_count ? fleet->owners[tenant->owner.v].name : NULL);
        json_uint(out, "weight", tenant->weight);
        json_uint(out, "pending", view.pending);
        json_uint(out, "running", view.running);
        json_uint(out, "gpus_used", view.gpus_used);
        json_uint(out, "gpus_borrowed", view.gpus_borrowed);
        json_uint(out, "gpus_promised", view.gpus_promised);
        json_uint(out, "gpu_hours_guaranteed", view.gpu_us_guaranteed / DURE_HOUR_US);
        json_uint(out, "gpu_hours_borrowed", view.gpu_us_borrowed / DURE_HOUR_US);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    call_when_durable(call, answer_now);
}
