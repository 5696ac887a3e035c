/* Limits of power and datasets: their specs, and what they do now. */
#include <string.h>

#include "api/inner.h"

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

/* What stands beside a PUT while it is on its way. */
struct put {
    struct dure_buf text; /* in the call's arena */
    uint32_t rows, domains;
    bool power;
};

static void write_counts(struct call *call, const struct put *put)
{
    if (put->power) {
        json_uint(&call->out, "limits", put->rows);
        json_uint(&call->out, "domains", put->domains);
    } else {
        json_uint(&call->out, "datasets", put->rows);
    }
}

static void put_done(struct call *call, const struct dure_answer *answer)
{
    const struct put *put = call->data;

    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "sequence", answer->sequence);
    write_counts(call, put);
    if (put->text.length > 0)
        json_str(&call->out, "text", put->text.data);
    json_close(&call->out, '}');
    call_answer(call, call->route->status);
}

static void preview(struct call *call, const struct put *put)
{
    call->record.term = dure_core_term(call->api->core); /* as the loop would set them */
    call->record.time_us = dure_core_time_us(call->api->core);
    if (dure_core_check(call->api->core, &call->record, &call->error) != DURE_OK) {
        call_fail_error(call, call->error.code, &call->error);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_bool(&call->out, "preview", true);
    write_counts(call, put);
    if (put->text.length > 0)
        json_str(&call->out, "text", put->text.data);
    json_close(&call->out, '}');
    call_answer(call, 200);
}

/* The canonical text into the record; then the write, or what it would do. */
static void put_record(struct call *call, enum dure_record_kind kind, const char *json, size_t length, struct put *put,
                       bool only_preview)
{
    char *text = dure_arena_strndup(call->arena, json, length);
    struct dure_buf words DURE_CLEANUP_BUF = {0};

    if (text == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    dure_record_init(&call->record, kind, 0, 0);
    call->record.text = text;
    call->record.text_length = length;
    dure_buf_init(&words, 1 << 16);
    if (kind == DURE_REC_DATA)
        dure_core_data_effect(call->api->core, &call->record, &words);
    if (words.length > 0) {
        put->text.data =
            dure_arena_printf(call->arena, "%s%s", only_preview ? "Would be declared." : "Declared.", words.data);
        put->text.length = put->text.data != NULL ? strlen(put->text.data) : 0;
    }
    call->data = put;
    if (only_preview)
        preview(call, put);
    else
        call_write(call, put_done);
}

static struct put *put_begin(struct call *call, bool power, bool *ret_preview, struct dure_tree **ret_tree)
{
    struct put *put = call_alloc(call, sizeof *put);

    if (put == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return NULL;
    }
    put->power = power;
    if (!param_bool(call, "preview", ret_preview) || !call_write_begin(call))
        return NULL;
    if (dure_core_fleet(call->api->core) == NULL) {
        call_fail(call, DURE_E_STATE, "there is no fleet yet: PUT /v1/fleet first");
        return NULL;
    }
    *ret_tree = call_body_tree(call);
    return *ret_tree != NULL ? put : NULL;
}

static void refuse(struct call *call, enum dure_err err, const struct dure_problems *problems)
{
    if (err == DURE_E_INVALID)
        call_fail_problems(call, problems);
    else
        call_fail(call, err, "%s", call->error.text[0] != '\0' ? call->error.text : dure_err_sentence(err));
}

void handle_power_put(struct call *call)
{
    struct dure_problems problems = {.file = "body"};
    struct dure_power *power = NULL;
    struct dure_tree *tree;
    bool only_preview = false;
    struct put *put = put_begin(call, true, &only_preview, &tree);

    if (put == NULL)
        return;
    const enum dure_err err = dure_power_parse(tree, dure_core_fleet(call->api->core), &power, &problems);
    if (err != DURE_OK) {
        refuse(call, err, &problems);
        return;
    }
    put->rows = power->row_count;
    put->domains = power->domain_count;
    put_record(call, DURE_REC_POWER, power->spec_json, power->spec_json_length, put, only_preview);
    dure_power_free(power);
}

void handle_data_put(struct call *call)
{
    const struct dure_data *now = dure_core_data(call->api->core);
    struct dure_problems problems = {.file = "body"};
    struct dure_data *data = NULL;
    struct dure_tree *tree;
    bool only_preview = false;
    struct put *put = put_begin(call, false, &only_preview, &tree);
    enum dure_err err;

    if (put == NULL)
        return;
    err = dure_data_parse(tree, dure_core_fleet(call->api->core), dure_core_tenants(call->api->core), &data, &problems);
    if (err != DURE_OK) {
        refuse(call, err, &problems);
        return;
    }
    if (now != NULL)
        err = dure_data_may_follow(now, data, &call->error);
    if (err != DURE_OK) {
        refuse(call, err, &problems);
    } else {
        put->rows = data->dataset_count;
        put_record(call, DURE_REC_DATA, data->spec_json, data->spec_json_length, put, only_preview);
    }
    dure_data_free(data);
}

void handle_power_spec(struct call *call)
{
    const struct dure_power *power = dure_core_power(call->api->core);

    if (power == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "no limits of power are declared");
        return;
    }
    dure_buf_add(&call->out, power->spec_json, power->spec_json_length);
    call_when_durable(call, answer_now);
}

void handle_data_spec(struct call *call)
{
    const struct dure_data *data = dure_core_data(call->api->core);

    if (data == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "no datasets are declared");
        return;
    }
    dure_buf_add(&call->out, data->spec_json, data->spec_json_length);
    call_when_durable(call, answer_now);
}

/* Watt: what a person reads. A limit that is not there is null. */
static void json_watt(struct dure_buf *out, const char *key, uint64_t mw)
{
    if (mw == DURE_POWER_NO_LIMIT)
        json_raw(out, key, "null");
    else
        json_uint(out, key, mw / 1000);
}

void handle_power_get(struct call *call)
{
    const struct dure_power *power = dure_core_power(call->api->core);
    const uint32_t count = dure_core_power_count(call->api->core);
    struct dure_power_view view;
    struct dure_buf *out = &call->out;

    json_open(out, NULL, '{');
    json_uint(out, "lead_s", power != NULL ? (uint64_t)(power->lead_us / DURE_SECOND_US) : 0);
    json_str(out, "source", power != NULL && *power->source != '\0' ? power->source : NULL);
    json_open(out, "domains", '[');
    for (uint32_t i = 0; i < count; i++) {
        dure_core_power_view(call->api->core, i, &view);
        json_open(out, NULL, '{');
        json_str(out, "domain", view.name);
        json_watt(out, "limit_w", view.limit_mw);
        json_watt(out, "kept_w", view.kept_mw);
        json_time(out, "next", view.next_us == DURE_NEVER_US ? INT64_MIN : view.next_us);
        json_watt(out, "fed_w", view.fed_mw);
        json_watt(out, "used_w", view.used_mw);
        json_watt(out, "promised_w", view.promised_mw);
        json_uint(out, "gpus", view.gpus);
        json_uint(out, "dark", view.gpus_dark);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
    call_when_durable(call, answer_now);
}

static void write_dataset(struct call *call, const struct dure_dataset *set, uint64_t jobs, struct dure_buf *out)
{
    static const char *const classes[] = {NULL, "C", "S", "O"};
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);

    json_open(out, NULL, '{');
    json_str(out, "name", set->name);
    json_str(out, "label", set->label);
    json_str(out, "class", classes[set->data_class]);
    json_bool(out, "everywhere", set->everywhere);
    json_open(out, "sites", '[');
    for (uint32_t i = 0; i < set->site_count; i++)
        json_str(out, NULL, fleet->sites[set->sites[i].v].name);
    json_close(out, ']');
    json_str(out, "alone_in", set->alone != DURE_DATA_ANYBODY ? dure_data_level_names[set->alone] : NULL);
    json_open(out, "forbidden", '[');
    for (uint32_t i = 0; i < set->forbidden_count; i++)
        json_str(out, NULL, set->forbidden[i]);
    json_close(out, ']');
    json_uint(out, "jobs", jobs);
    json_close(out, '}');
}

void handle_data_get(struct call *call)
{
    const struct dure_data *data = dure_core_data(call->api->core);
    uint64_t jobs[DURE_DATASETS_MAX] = {0};
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;

    while (data != NULL && dure_core_job_next(call->api->core, &cursor, &view))
        for (uint64_t mask = view.job->data_mask; mask != 0; mask &= mask - 1)
            jobs[__builtin_ctzll(mask)]++;
    json_open(&call->out, NULL, '{');
    json_open(&call->out, "datasets", '[');
    for (uint32_t i = 0; data != NULL && i < data->dataset_count; i++)
        write_dataset(call, &data->datasets[i], jobs[i], &call->out);
    json_close(&call->out, ']');
    json_close(&call->out, '}');
    call_when_durable(call, answer_now);
}
