/* POST /v1/audit/erase: personal fields of a job, or of a person and all their jobs. The bodies are overwritten first and the record of it is written
 * after: should the daemon die between the two, nothing was acknowledged, and asking again does it all. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/row.h"

enum {
    JOBS_MAX = 10000000,
    BODY_BYTES_MAX = 4 << 20,
    OF_PERSON = 1 << DURE_BODY_LOGIN | 1 << DURE_BODY_EMAIL | 1 << DURE_BODY_PERSON
};

struct ended_job {
    uint64_t job;
    uint64_t attempt;
};

struct erase {
    bool of_login;
    struct dure_principal_id principal; /* whose */
    struct dure_job_id job;
    uint32_t mask;
    DURE_VEC(struct ended_job) jobs;
    uint32_t bodies;
    struct dure_arena *arena;
    struct dure_history_query query;
    uint32_t taken;
    enum dure_err err;
    struct dure_error error;
};

static void erase_free(struct erase *erase)
{
    DURE_VEC_FREE(&erase->jobs);
    dure_arena_free(erase->arena);
    free(erase);
}

static bool read_fields(struct call *call, json_t *json, struct erase *erase)
{
    const json_t *fields = json_object_get(json, "fields");
    enum dure_body_field field;
    const json_t *entry;
    size_t index;

    if (fields == NULL) {
        for (unsigned i = 1; i < DURE_BODY_FIELD_COUNT; i++)
            erase->mask |= 1u << i;
        return true;
    }
    json_array_foreach(fields, index, entry)
    {
        if (!json_is_string(entry) || !dure_body_field_find(json_string_value(entry), &field)) {
            call_fail(
                call, DURE_E_INVALID,
                "fields[%zu]: found '%.64s', expected one of login, email, person, name, script, command, environment, "
                "workdir, stdout, stderr, comment, image",
                index, json_is_string(entry) ? json_string_value(entry) : "not a string");
            return false;
        }
        erase->mask |= 1u << field;
    }
    if (erase->mask != 0)
        return true;
    call_fail(call, DURE_E_INVALID, "fields: expected a list of at least one field's name");
    return false;
}

static bool read_target(struct call *call, json_t *json, struct erase *erase)
{
    const json_t *login = json_object_get(json, "login");
    const json_t *job = json_object_get(json, "job");

    if ((login == NULL) == (job == NULL)) {
        call_fail(call, DURE_E_INVALID, "body: expected either \"login\" or \"job\"");
        return false;
    }
    if (login != NULL) {
        erase->of_login = true;
        if (json_is_string(login) &&
            dure_loop_principal_find(call->api->loop, json_string_value(login), &erase->principal))
            return true;
        call_fail(call, DURE_E_NOT_FOUND, "login: nobody of this name is known");
        return false;
    }
    erase->principal.v = DURE_NONE32;
    erase->job.v = json_is_integer(job) && json_integer_value(job) > 0 ? (uint64_t)json_integer_value(job) : 0;
    if (erase->job.v != 0 && erase->job.v < dure_core_next_job(call->api->core).v)
        return true;
    call_fail(call, DURE_E_NOT_FOUND, "job: there is no such job");
    return false;
}

/* What a live job needs cannot be taken from it. */
static bool refuse_live(struct call *call, const struct erase *erase)
{
    struct dure_job_cursor cursor = {.job = erase->of_login ? 0 : erase->job.v};
    struct dure_job_view view;

    while (dure_core_job_next(call->api->core, &cursor, &view)) {
        if (!erase->of_login && view.id.v != erase->job.v)
            return false;
        if (erase->of_login && view.job->principal.v != erase->principal.v)
            continue;
        call_fail(call, DURE_E_STATE, "job %llu has not ended; cancel it first, then erase",
                  (unsigned long long)view.id.v);
        return true;
    }
    return false;
}

static bool take(void *context, const struct dure_history_row *row)
{
    struct erase *erase = context;
    struct ended_job ended = {.job = row->job, .attempt = DURE_NONE64};
    struct dure_summary summary;

    erase->query.before_job = row->job;
    erase->query.before_element = row->element;
    erase->taken++;
    if (!erase->of_login && row->job != erase->job.v)
        return false;
    dure_arena_reset(erase->arena);
    if (dure_summary_decode(row->summary.data, row->summary.length, erase->arena, &summary, NULL) == DURE_OK)
        ended.attempt = summary.start.attempt.v;
    if (DURE_VEC_PUSH(&erase->jobs, ended, JOBS_MAX))
        return true;
    erase->err = dure_fail(&erase->error, DURE_E_MEMORY, "out of memory");
    return false;
}

static void gather(struct erase *erase, struct dure_journal *journal)
{
    erase->query = (struct dure_history_query){.before_job = erase->of_login ? INT64_MAX : erase->job.v + 1,
                                               .principal = erase->principal.v,
                                               .limit = PAGE_MAX};
    do {
        erase->taken = 0;
        enum dure_err err = dure_journal_history(journal, &erase->query, take, erase, &erase->error);
        if (err != DURE_OK)
            erase->err = err;
    } while (erase->err == DURE_OK && erase->of_login && erase->taken == PAGE_MAX);
}

static void erase_body(struct erase *erase, struct dure_journal *journal, enum dure_body_kind kind, uint64_t id)
{
    struct dure_buf old DURE_CLEANUP_BUF = {0};
    struct dure_buf made DURE_CLEANUP_BUF = {0};
    struct dure_body *body = NULL;

    dure_buf_init(&old, BODY_BYTES_MAX);
    dure_buf_init(&made, BODY_BYTES_MAX);
    erase->err = dure_journal_body(journal, kind, id, &old, &erase->error);
    if (erase->err == DURE_E_NOT_FOUND) {
        erase->err = DURE_OK; /* it never had one */
        return;
    }
    if (erase->err == DURE_OK)
        erase->err = dure_body_decode(old.data, old.length, &body, &erase->error);
    if (erase->err == DURE_OK) {
        dure_body_erase(body, erase->mask);
        erase->err = dure_body_encode(body, &made);
    }
    if (erase->err == DURE_OK)
        erase->err =
            dure_journal_body_replace(journal, kind, id, (struct dure_bytes){made.data, made.length}, &erase->error);
    if (erase->err == DURE_OK)
        erase->bodies++;
    if (old.data != NULL)
        explicit_bzero(old.data, old.length);
    dure_body_free(body);
}

static void erase_all(struct call *call, struct dure_journal *journal)
{
    struct erase *erase = call->data;

    gather(erase, journal);
    for (size_t i = 0; i < erase->jobs.count && erase->err == DURE_OK; i++)
        if (i == 0 || erase->jobs.at[i].job != erase->jobs.at[i - 1].job)
            erase_body(erase, journal, DURE_BODY_OF_JOB, erase->jobs.at[i].job);
    if (erase->err == DURE_OK && erase->of_login && (erase->mask & OF_PERSON) != 0)
        erase_body(erase, journal, DURE_BODY_OF_PRINCIPAL, erase->principal.v);
    if (erase->err == DURE_OK)
        erase->err = dure_journal_scrub(journal, &erase->error);
}

static void on_recorded(void *context, const struct dure_answer *answer)
{
    struct call *call = context;
    struct erase *erase = call->data;
    struct dure_api *api = call->api;

    if (answer->err != DURE_OK) {
        erase_free(erase);
        call_fail(call, answer->err, "%s", answer->text);
        return;
    }
    api->host.snapshot(api->host.context);
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "bodies", erase->bodies);
    json_uint(&call->out, "jobs", erase->jobs.count);
    json_uint(&call->out, "sequence", answer->sequence);
    json_str(&call->out, "note", "backups made before keep what they hold until they are deleted");
    json_close(&call->out, '}');
    erase_free(erase);
    call_answer(call, 200);
}

static void record_it(struct call *call)
{
    struct erase *erase = call->data;
    struct dure_api *api = call->api;
    struct dure_record record;

    if (erase->err != DURE_OK) {
        call_fail_error(call, erase->err, &erase->error);
        erase_free(erase);
        return;
    }
    for (size_t i = 0; i < erase->jobs.count; i++)
        if (erase->jobs.at[i].attempt != DURE_NONE64 && erase->jobs.at[i].attempt != 0)
            api->host.erase_attempt(api->host.context, (struct dure_attempt_id){erase->jobs.at[i].attempt});
    dure_record_init(&record, DURE_REC_ERASED, 0, 0);
    record.number = erase->mask;
    record.count = call->who->principal.v; /* by whom */
    if (erase->of_login)
        record.principal = erase->principal;
    else
        record.job = erase->job;
    if (erase->of_login && (erase->mask & 1u << DURE_BODY_LOGIN) != 0) {
        if (dure_loop_principal_put(api->loop, erase->principal, "") != DURE_OK) {
            erase_free(erase);
            call_fail(call, DURE_E_MEMORY, "out of memory");
            return;
        }
        api->generation++;
    }
    call_input(call, &record, NULL, DURE_BODY_OF_JOB, NULL, on_recorded, call);
}

static void begin_erasing(struct call *call)
{
    call_durable_read(call, erase_all, record_it);
}

void handle_erase(struct call *call)
{
    static const char *const keys[] = {"login", "job", "fields", NULL};
    struct erase *erase;
    json_t *json;
    bool good;

    if (!rate_take(call->who, call->api->writes_per_second, call->api->host.now_us(call->api->host.context))) {
        call_fail(call, DURE_E_RATE, "too many writes");
        return;
    }
    json = call_body_json(call, keys);
    if (json == NULL)
        return;
    erase = calloc(1, sizeof *erase);
    if (erase == NULL || (erase->arena = dure_arena_new(CALL_ARENA_MAX)) == NULL) {
        free(erase);
        json_decref(json);
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    call->data = erase;
    good = read_target(call, json, erase) && read_fields(call, json, erase) && !refuse_live(call, erase);
    json_decref(json);
    if (!good)
        erase_free(erase); /* answered */
    else
        call_with_principal(call, begin_erasing);
}
