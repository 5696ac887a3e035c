/* GET /v1/queue/why: what each rule costs. In slices, between which the loop serves others. */
#include "api/inner.h"

enum { SLICE = 4096 }; /* 64 requests judged, or as many jobs counted: a millisecond or two */

/* Of a call; the toll goes with it. */
struct tolling {
    struct dure_toll *toll;
};

static void write_hours(struct dure_buf *out, uint64_t seconds)
{
    char text[32];

    snprintf(text, sizeof text, "%llu.%llu", (unsigned long long)(seconds / 3600),
             (unsigned long long)(seconds % 3600 / 360));
    json_str(out, "gpu_hours", text);
}

static void answer(struct call *call)
{
    struct tolling *tolling = call->data;
    uint64_t requests, jobs = 0, gpus = 0, seconds = 0;
    uint32_t count;
    const struct dure_toll_row *rows = dure_core_toll_rows(tolling->toll, &count, &requests);

    json_open(&call->out, NULL, '{');
    json_open(&call->out, "rules", '[');
    for (uint32_t i = 0; i < count; i++) {
        const bool waits = rows[i].wait != DURE_WAIT_NONE;
        jobs += rows[i].jobs;
        gpus += rows[i].gpus;
        seconds += rows[i].gpu_seconds;
        json_open(&call->out, NULL, '{');
        json_str(&call->out, "rule", waits ? dure_wait_name(rows[i].wait) : dure_rule_wire(rows[i].rule));
        json_str(&call->out, "text", waits ? "it waits for no place" : dure_rule_text(rows[i].rule));
        json_uint(&call->out, "jobs", rows[i].jobs);
        json_uint(&call->out, "gpus", rows[i].gpus);
        write_hours(&call->out, rows[i].gpu_seconds);
        json_close(&call->out, '}');
    }
    json_close(&call->out, ']');
    json_uint(&call->out, "jobs", jobs);
    json_uint(&call->out, "gpus", gpus);
    json_uint(&call->out, "requests", requests);
    write_hours(&call->out, seconds);
    json_close(&call->out, '}');
    dure_core_toll_free(tolling->toll);
    tolling->toll = NULL;
    call_answer(call, 200);
}

/* Nothing is read: the turn of the store's thread lets the loop serve others before the next slice. */
static void pause_read(struct call *call, struct dure_journal *journal)
{
    (void)call;
    (void)journal;
}

static void slice(struct call *call)
{
    struct tolling *tolling = call->data;

    if (dure_core_toll_next(call->api->core, tolling->toll, SLICE))
        call_durable_read(call, pause_read, slice);
    else
        answer(call);
}

void handle_why_queue(struct call *call)
{
    struct tolling *tolling = call_alloc(call, sizeof *tolling);
    enum dure_err err;

    if (tolling == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    err = dure_core_toll_begin(call->api->core, &tolling->toll, &call->error);
    if (err != DURE_OK) {
        call_fail_error(call, err, &call->error);
        return;
    }
    call->data = tolling;
    slice(call);
}
