/* The tenants: their spec, whose logins become principals before it is journaled, and what each uses. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"
#include "api/logins.h"
#include "base/text.h"

struct put {
    struct dure_tenants *next;
    uint32_t over; /* allotments that were never granted and are over: they give no rights */
    bool preview;
};

static uint32_t count_over(const struct dure_core *core, const struct dure_tenants *next)
{
    struct dure_allot_id allot;
    uint32_t over = 0;

    for (uint32_t i = 0; i < next->allotment_count; i++)
        over += next->allotments[i].until_us <= dure_core_time_us(core) &&
                !dure_core_allot_find(core, next->allotments[i].name, &allot);
    return over;
}

static void write_over(struct call *call, uint32_t over, bool preview)
{
    char text[256];

    json_uint(&call->out, "allotments_over", over);
    if (over == 0)
        return;
    snprintf(text, sizeof text, "%s %" PRIu32 " of its allotments %s over already: %s as ended and give%s no rights.",
             preview ? "Well formed; it may be applied, and nothing was changed." : "Declared.", over,
             over == 1 ? "is" : "are", over == 1 ? "it is taken" : "they are taken", over == 1 ? "s" : "");
    json_str(&call->out, "text", text);
}

static void roles_changed(struct call *call, const struct dure_answer *answer)
{
    const struct put *put = call->data;

    call->api->generation++;
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "sequence", answer->sequence);
    write_over(call, put->over, false);
    json_close(&call->out, '}');
    call_answer(call, call->route->status);
}

static bool make_record(struct call *call, const struct dure_tenants *tenants)
{
    dure_record_init(&call->record, DURE_REC_TENANTS, 0, 0);
    call->record.text = dure_arena_strndup(call->arena, tenants->spec_json, tenants->spec_json_length);
    call->record.text_length = tenants->spec_json_length;
    return call->record.text != NULL;
}

static void bound(void *context, enum dure_err err, const char *text)
{
    struct call *call = context;
    struct put *put = call->data;
    bool made = err == DURE_OK && make_record(call, put->next);

    dure_tenants_free(put->next);
    put->next = NULL;
    if (err != DURE_OK) {
        call_fail(call, err, "%s", text);
        return;
    }
    call->api->generation++;
    if (made)
        call_write(call, roles_changed);
    else
        call_fail(call, DURE_E_MEMORY, "out of memory");
}

/* Would the core take it? Its rules look at no principal, so that no login needs one yet. */
static void preview_put(struct call *call, const struct dure_tenants *now)
{
    struct put *put = call->data;
    const struct dure_tenants *next = put->next;
    enum dure_err err = DURE_E_MEMORY;

    if (make_record(call, next)) {
        call->record.term = dure_core_term(call->api->core); /* as the loop would set them */
        call->record.time_us = dure_core_time_us(call->api->core);
        err = dure_core_check(call->api->core, &call->record, &call->error);
    }
    if (err == DURE_OK) {
        json_open(&call->out, NULL, '{');
        json_bool(&call->out, "preview", true);
        json_uint(&call->out, "tenants", next->tenant_count);
        json_uint(&call->out, "tenants_now", now != NULL ? now->tenant_count : 0);
        json_uint(&call->out, "allotments", next->allotment_count);
        json_uint(&call->out, "allotments_now", now != NULL ? now->allotment_count : 0);
        json_uint(&call->out, "roles", next->role_count);
        write_over(call, put->over, true);
        json_close(&call->out, '}');
    }
    dure_tenants_free(put->next);
    put->next = NULL;
    if (err == DURE_OK)
        call_answer(call, 200);
    else
        call_fail(call, err, "%s", call->error.text[0] != '\0' ? call->error.text : dure_err_sentence(err));
}

/* A spec that would leave nobody to rule, or not the one who declares it, is taken only when that is asked for. */
static enum dure_err keeps_operator(struct call *call, const struct dure_tenants *next)
{
    uint32_t operators = 0;
    const char *login = call->who->login;

    for (uint32_t i = 0; i < next->role_count; i++) {
        if (next->roles[i].role != DURE_ROLE_OPERATOR)
            continue;
        operators++;
        if (strcmp(next->roles[i].login, login) == 0)
            return DURE_OK;
    }
    if (operators == 0 && !identity_any_operator(call->api, dure_core_tenants(call->api->core)))
        return DURE_OK;
    return dure_fail(&call->error, DURE_E_STATE,
                     "%s: add `{login: %s, role: operator}` to its `roles`, or give the role up on purpose with "
                     "give_up_operator=true (`dure tenants apply --give-up-operator`)",
                     operators == 0 ? "the spec leaves no operator" : "the spec takes the operator role from you",
                     login);
}

void handle_tenants_put(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *now = dure_core_tenants(call->api->core);
    struct dure_tenants *next = NULL;
    struct dure_problems problems;
    struct dure_tree *tree;
    struct put *put = call_alloc(call, sizeof *put);
    bool give_up = false;
    enum dure_err err;

    if (put == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    if (!param_bool(call, "preview", &put->preview) || !param_bool(call, "give_up_operator", &give_up) ||
        !call_write_begin(call))
        return;
    if (fleet == NULL) {
        call_fail(call, DURE_E_STATE, "there is no fleet yet: PUT /v1/fleet first");
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
    if (err == DURE_OK && !give_up)
        err = keeps_operator(call, next);
    if (err != DURE_OK) {
        dure_tenants_free(next);
        call_fail(call, err, "%s", call->error.text[0] != '\0' ? call->error.text : dure_err_sentence(err));
        return;
    }
    put->next = next;
    put->over = count_over(call->api->core, next);
    call->data = put;
    if (put->preview)
        preview_put(call, now);
    else
        dure_logins_bind(call->api->loop, fleet, next, bound, call);
}

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

/* The journaled text with each role's login beside its principal. A login that was erased stays away. */
static bool add_logins(struct call *call, const struct dure_tenants *tenants)
{
    json_t *spec = json_loadb(tenants->spec_json, tenants->spec_json_length, 0, NULL);
    json_t *roles = json_object_get(spec, "roles");
    char *text = NULL;
    bool good = spec != NULL && json_array_size(roles) == tenants->role_count;

    for (uint32_t i = 0; good && i < tenants->role_count; i++) {
        const char *login = dure_loop_login(call->api->loop, tenants->roles[i].principal);
        if (*login != '\0')
            good = json_object_set_new(json_array_get(roles, i), "login", json_string(login)) == 0;
    }
    if (good)
        text = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
    if (text != NULL)
        dure_buf_str(&call->out, text);
    free(text);
    json_decref(spec);
    return text != NULL;
}

void handle_tenants_spec(struct call *call)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    bool logins = false;

    if (!param_bool(call, "logins", &logins))
        return;
    if (logins && !call->who->is_operator) {
        call_fail(call, DURE_E_DENIED, "only operators see the logins of roles");
        return;
    }
    if (tenants == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there are no tenants yet");
        return;
    }
    if (!logins) {
        dure_buf_add(&call->out, tenants->spec_json, tenants->spec_json_length);
    } else if (!add_logins(call, tenants)) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    call_when_durable(call, answer_now);
}

/* GPU-time of attempts that still run: the core counts an attempt when it ends. */
struct going {
    uint64_t guaranteed_us, borrowed_us;
};

static struct going *running_use(struct call *call, const struct dure_tenants *tenants)
{
    const int64_t now_us = call_time_us(call);
    struct going *going = dure_arena_array(call->arena, sizeof *going, tenants->tenant_count + 1);
    struct dure_job_view view;
    uint64_t cursor = 0;

    if (going == NULL)
        return NULL;
    memset(going, 0, sizeof *going * (tenants->tenant_count + 1));
    while (dure_core_attempt_next(call->api->core, &cursor, &view)) {
        const struct dure_job *job = view.job;
        const uint64_t milli =
            (uint64_t)job->tasks * (job->task_gpu_milli < 1000 ? job->task_gpu_milli : job->task_gpus * 1000u);
        const uint64_t us = now_us > view.started_us ? (uint64_t)(now_us - view.started_us) : 0;
        const uint64_t used = (uint64_t)((unsigned __int128)milli * us / 1000);
        for (uint32_t at = job->tenant.v; at < tenants->tenant_count; at = tenants->tenants[at].parent.v)
            *(view.source_allot.v == DURE_NONE32 ? &going[at].borrowed_us : &going[at].guaranteed_us) += used;
    }
    return going;
}

/* With one decimal: an hour of eight GPUs must not look like nothing until it is over. */
static void json_hours(struct dure_buf *out, const char *key, uint64_t us)
{
    const uint64_t tenths = us / (DURE_HOUR_US / 10);
    char text[32];

    snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
    json_raw(out, key, text);
}

static void write_ceilings(struct dure_buf *out, const struct dure_ceilings *ceilings)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};

    dure_buf_init(&text, 1024);
    dure_ceilings_to_json(ceilings, &text);
    if (dure_ceilings_any(ceilings) && !text.failed)
        json_raw(out, "ceilings", text.data);
    else
        json_none(out, "ceilings");
}

void handle_tenants_get(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_buf *out = &call->out;
    struct dure_tenant_view view;
    const struct going *going = tenants != NULL ? running_use(call, tenants) : NULL;

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
        write_ceilings(out, &tenants->tenants[i].ceilings);
        json_uint(out, "pending", view.pending);
        json_uint(out, "running", view.running);
        json_uint(out, "gpus_used", view.gpus_used);
        json_uint(out, "gpus_borrowed", view.gpus_borrowed);
        json_uint(out, "gpus_promised", view.gpus_promised);
        json_hours(out, "gpu_hours_guaranteed", view.gpu_us_guaranteed + (going != NULL ? going[i].guaranteed_us : 0));
        json_hours(out, "gpu_hours_borrowed", view.gpu_us_borrowed + (going != NULL ? going[i].borrowed_us : 0));
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    call_when_durable(call, answer_now);
}
