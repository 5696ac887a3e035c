/* GET /metrics: Prometheus text (docs/reference/metrics.md). Figures of the core are gathered when asked for: nothing is counted twice. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/inner.h"

static void head(struct dure_buf *out, const char *name, const char *type, const char *help)
{
    dure_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct dure_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    dure_buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

/* Label values escape backslash, quote and newline. */
static void label(struct dure_buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            dure_buf_byte(out, '\\');
        if (*value == '\n')
            dure_buf_str(out, "\\n");
        else
            dure_buf_byte(out, (uint8_t)*value);
    }
}

static uint64_t resident_bytes(void)
{
    unsigned long long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void write_jobs(const struct dure_api *api, struct dure_buf *out)
{
    struct dure_core_counts counts = dure_core_counts(api->core);

    head(out, "dure_jobs", "gauge", "Live jobs by state.");
    dure_buf_printf(out, "dure_jobs{state=\"pending\"} %llu\n", (unsigned long long)counts.jobs_pending);
    dure_buf_printf(out, "dure_jobs{state=\"running\"} %llu\n", (unsigned long long)counts.jobs_running);
    one(out, "dure_jobs_ended_total", "counter", "Jobs that have ended, an array with its last element.",
        counts.jobs_ended);
    one(out, "dure_attempts_started_total", "counter", "Attempts started.", counts.attempts_started);
    one(out, "dure_attempts_evicted_total", "counter", "Attempts evicted to give GPUs back.", counts.attempts_evicted);
    one(out, "dure_passes_total", "counter", "Scheduling passes.", counts.passes);
}

static void write_gpus(const struct dure_api *api, struct dure_buf *out)
{
    static const char *const uses[] = {"guaranteed", "borrowed", "lost", "idle", "arriving", "dark", "away", "foreign"};
    const struct dure_fleet *fleet = dure_core_fleet(api->core);
    struct dure_chain_view view;

    head(out, "dure_gpus", "gauge", "GPUs of each chain by use.");
    for (uint32_t i = 0; fleet != NULL && i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        dure_core_chain_view(api->core, (struct dure_chain_id){i}, &view);
        uint64_t busy =
            view.guaranteed + view.borrowed + view.lost + view.arriving + view.dark + view.away + view.foreign;
        uint64_t figures[] = {view.guaranteed, view.borrowed, view.lost, view.gpus > busy ? view.gpus - busy : 0,
                              view.arriving,   view.dark,     view.away, view.foreign};
        for (unsigned use = 0; use < sizeof uses / sizeof *uses; use++) {
            dure_buf_str(out, "dure_gpus{owner=\"");
            label(out, fleet->owners[chain->owner.v].name);
            dure_buf_str(out, "\",site=\"");
            label(out, fleet->sites[chain->site.v].name);
            dure_buf_str(out, "\",model=\"");
            label(out, fleet->models[chain->model.v].name);
            dure_buf_str(out, "\",chain=\"");
            label(out, chain->name);
            dure_buf_printf(out, "\",use=\"%s\"} %llu\n", uses[use], (unsigned long long)figures[use]);
        }
    }
}

static void write_power(const struct dure_api *api, struct dure_buf *out)
{
    static const char *const figures[] = {"limit", "promised", "fed", "used"};
    const uint32_t count = dure_core_power_count(api->core);
    struct dure_power_view view;

    if (count == 0)
        return;
    head(out, "dure_power_watts", "gauge", "Worst-case power of each domain with a limit.");
    for (uint32_t i = 0; i < count; i++) {
        dure_core_power_view(api->core, i, &view);
        const uint64_t mw[] = {view.limit_mw, view.promised_mw, view.fed_mw, view.used_mw};
        for (unsigned k = 0; k < sizeof figures / sizeof *figures; k++) {
            if (mw[k] == DURE_POWER_NO_LIMIT)
                continue;
            dure_buf_str(out, "dure_power_watts{domain=\"");
            label(out, view.name);
            dure_buf_printf(out, "\",figure=\"%s\"} %llu\n", figures[k], (unsigned long long)(mw[k] / 1000));
        }
    }
}

static void write_daemon(const struct dure_api *api, struct dure_buf *out)
{
    struct dure_loop_stats loop = dure_loop_stats(api->loop);
    struct dure_http_stats http = dure_http_stats(api->http);

    one(out, "dure_journal_leaves", "gauge", "Leaves on disk.", dure_loop_durable(api->loop));
    one(out, "dure_batches_total", "counter", "Transactions handed to the store.", loop.batches);
    one(out, "dure_inputs_total", "counter", "Inputs applied.", loop.inputs);
    one(out, "dure_inputs_refused_total", "counter", "Inputs refused by the rules.", loop.refused);
    one(out, "dure_decisions_total", "counter", "Decisions made.", loop.decisions);
    one(out, "dure_inputs_queued", "gauge", "Inputs waiting for the core.", loop.queued);
    one(out, "dure_http_requests_total", "counter", "Requests begun.", http.requests);
    one(out, "dure_http_malformed_total", "counter", "Requests refused below the API.", http.refused);
    one(out, "dure_http_connections", "gauge", "Open connections.", http.connections_now);
    head(out, "dure_http_answers_total", "counter", "Answers by class of status.");
    for (unsigned i = 2; i < 6; i++)
        dure_buf_printf(out, "dure_http_answers_total{class=\"%uxx\"} %llu\n", i,
                        (unsigned long long)api->answers_by_class[i]);
    one(out, "dure_event_streams", "gauge", "Open event streams.", api->stream_count);
    one(out, "dure_events_sent_total", "counter", "Live events sent.", api->events_sent);
    one(out, "dure_event_streams_dropped_total", "counter", "Streams dropped because their reader was too slow.",
        api->streams_dropped);
    one(out, "dure_disk_free_bytes", "gauge", "Free on the journal's file system.",
        api->host.disk_free_mib(api->host.context) << 20);
    one(out, "process_resident_memory_bytes", "gauge", "Resident memory of the daemon.", resident_bytes());
    head(out, "process_start_time_seconds", "gauge", "When the daemon began, since the Unix epoch.");
    dure_buf_printf(out, "process_start_time_seconds %lld\n", (long long)(api->host.started_us / DURE_SECOND_US));
    head(out, "dure_build_info", "gauge", "What runs here.");
    dure_buf_printf(out, "dure_build_info{version=\"%s\",core_version=\"%d\"} 1\n", DURE_VERSION, DURE_CORE_VERSION);
}

static void answer_now(struct call *call)
{
    call_answer_as(call, 200, "text/plain; version=0.0.4; charset=utf-8");
}

void handle_metrics(struct call *call)
{
    write_jobs(call->api, &call->out);
    write_gpus(call->api, &call->out);
    write_power(call->api, &call->out);
    write_daemon(call->api, &call->out);
    call_when_durable(call, answer_now);
}
