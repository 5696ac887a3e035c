/* What a run adds up to. Meters are brought up to date when they change and at each step of the series, so that a start costs the same on any fleet. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/run/inner.h"

enum { TOPS_MAX = 256, STEPS_AIMED = 300 };

uint64_t measure_key(uint64_t job, uint32_t element)
{
    return dure_hash64(job) ^ (element == DURE_NONE32 ? 0 : (uint64_t)element << 1);
}

static uint32_t rows_of(const struct sim *sim)
{
    return sim->result->top_count + sim->result->chain_count;
}

static bool tenants_begin(struct sim *sim, const struct dure_tenants *tenants)
{
    struct dure_sim_result *result = sim->result;
    result->tenant_count = tenants->tenant_count;
    result->tenants = calloc(tenants->tenant_count + 1, sizeof *result->tenants);
    result->tops = calloc(TOPS_MAX, sizeof *result->tops);
    result->top_waits = calloc(TOPS_MAX, sizeof *result->top_waits);
    sim->top_row = calloc(tenants->tenant_count + 1, sizeof *sim->top_row);
    if (!result->tenants || !result->tops || !result->top_waits || !sim->top_row)
        return false;
    for (uint32_t i = 0; i < tenants->tenant_count; i++) {
        const uint32_t parent = tenants->tenants[i].parent.v;
        if (parent != DURE_NONE32) {
            sim->top_row[i] = sim->top_row[parent];
            continue;
        }
        if (result->top_count < TOPS_MAX)
            result->tops[result->top_count++] = i;
        sim->top_row[i] = result->top_count - 1; /* those past the last row are in it */
    }
    return true;
}

static bool chains_begin(struct sim *sim, const struct dure_fleet *fleet)
{
    struct dure_sim_result *result = sim->result;
    result->chain_count = fleet->chain_count;
    result->chains = calloc(fleet->chain_count + 1, sizeof *result->chains);
    sim->node_busy = calloc(fleet->node_count + 1, sizeof *sim->node_busy);
    sim->node_down = calloc(fleet->node_count + 1, sizeof *sim->node_down);
    sim->idle_nodes = calloc(fleet->chain_count + 1, sizeof *sim->idle_nodes);
    sim->notice_us = calloc(fleet->owner_count + 1, sizeof *sim->notice_us);
    if (!result->chains || !sim->node_busy || !sim->node_down || !sim->idle_nodes || !sim->notice_us)
        return false;
    for (uint32_t c = 0; c < fleet->chain_count; c++) {
        sim->idle_nodes[c] = calloc(fleet->chains[c].tops + 1, sizeof *sim->idle_nodes[c]);
        if (!sim->idle_nodes[c])
            return false;
    }
    for (uint32_t i = 0; i < sim->options.tenants->lending_count; i++) {
        const struct dure_lending *lending = &sim->options.tenants->lendings[i];
        if (lending->notice_us > sim->notice_us[lending->owner.v])
            sim->notice_us[lending->owner.v] = lending->notice_us;
    }
    return true;
}

/* The top cell that a node is in; its chain. */
static uint32_t *cell_of(const struct sim *sim, uint32_t node, const struct dure_chain **ret_chain)
{
    uint32_t index = 0;
    const uint32_t c = dure_fleet_chain_id_of(sim->options.fleet, (struct dure_node_id){node}).v;
    const struct dure_chain *chain = &sim->options.fleet->chains[c];
    index = node - chain->node_first;
    *ret_chain = chain;
    return &sim->idle_nodes[c][(uint64_t)index * chain->tops / chain->node_count];
}

static void node_idle(struct sim *sim, uint32_t node, bool idle)
{
    const struct dure_chain *chain;
    uint32_t *cell = cell_of(sim, node, &chain);
    *cell += idle ? 1 : UINT32_MAX;
    sim->gpus_idle_nodes += idle ? chain->node_gpus : -(uint64_t)chain->node_gpus;
}

void measure_node(struct sim *sim, uint32_t node, bool down)
{
    const struct dure_chain *chain;
    (void)cell_of(sim, node, &chain);
    if (sim->node_down[node] == down)
        return;
    sim->node_down[node] = down;
    sim->gpus_up += down ? -(uint64_t)chain->node_gpus : chain->node_gpus;
    if (!sim->node_busy[node])
        node_idle(sim, node, !down);
}

static bool series_begin(struct sim *sim)
{
    struct dure_sim_result *result = sim->result;
    const struct dure_sim_options *o = &sim->options;
    result->step_us = 10 * DURE_MINUTE_US;
    if (o->until_us != DURE_NEVER_US && o->until_us > o->from_us)
        result->step_us = ((o->until_us - o->from_us) / STEPS_AIMED / DURE_MINUTE_US + 1) * DURE_MINUTE_US;
    sim->meters = calloc(rows_of(sim) + 1, sizeof *sim->meters);
    result->samples = calloc(DURE_SIM_SAMPLES_MAX, sizeof *result->samples);
    result->series = calloc((size_t)DURE_SIM_SAMPLES_MAX * rows_of(sim) * 2 + 1, sizeof *result->series);
    for (uint32_t i = 0; sim->meters && i < rows_of(sim); i++)
        sim->meters[i].since_us = sim->now_us;
    sim->total.since_us = sim->now_us;
    result->sample_count = 1;
    return sim->meters && result->samples && result->series;
}

bool measure_tables(struct sim *sim)
{
    sim->counted_us = sim->result->from_us = sim->now_us;
    if (!tenants_begin(sim, sim->options.tenants) || !chains_begin(sim, sim->options.fleet) || !series_begin(sim))
        return false;
    memset(sim->node_down, 1, sim->options.fleet->node_count * sizeof *sim->node_down);
    return true;
}

void measure_begin(struct sim *sim)
{
    const struct dure_fleet *fleet = sim->options.fleet;
    for (uint32_t node = 0; node < fleet->node_count; node++) {
        struct dure_node_view view;
        if (dure_core_node_view(sim->core, (struct dure_node_id){node}, &view) && view.state == DURE_NODE_UP)
            measure_node(sim, node, false);
    }
}

static void meter_to(struct meter *meter, int64_t now_us)
{
    const uint64_t span = (uint64_t)(now_us - meter->since_us);
    meter->sum[0] += (dure_wide)meter->milli[0] * span;
    meter->sum[1] += (dure_wide)meter->milli[1] * span;
    meter->since_us = now_us;
}

/* Twice the step from here on: neighbours become one. */
static void halve_series(struct sim *sim)
{
    struct dure_sim_result *result = sim->result;
    const size_t width = (size_t)rows_of(sim) * 2;
    for (uint32_t i = 0; i < DURE_SIM_SAMPLES_MAX / 2; i++) {
        const struct dure_sim_sample *a = &result->samples[2 * i], *b = a + 1;
        struct dure_sim_sample sum = *b;
        sum.pending_ms += a->pending_ms;
        sum.evicted += a->evicted;
        sum.blocked_ms += a->blocked_ms;
        result->samples[i] = sum;
        for (size_t k = 0; k < width; k++)
            result->series[i * width + k] = result->series[2 * i * width + k] + result->series[(2 * i + 1) * width + k];
    }
    const uint32_t half = DURE_SIM_SAMPLES_MAX / 2;
    memset(result->samples + half, 0, half * sizeof *result->samples);
    memset(result->series + half * width, 0, half * width * sizeof *result->series);
    result->sample_count = half;
    result->step_us *= 2;
}

static void look(struct sim *sim, struct dure_sim_sample *sample)
{
    const struct dure_fleet *fleet = sim->options.fleet;
    const uint64_t used = (sim->total.milli[0] + sim->total.milli[1]) / 1000;
    sample->gpus_idle = sim->gpus_up > used ? sim->gpus_up - used : 0;
    sample->gpus_whole = sim->gpus_idle_nodes;
    sample->gpus_largest = sample->gpus_gang = 0;
    for (uint32_t c = 0; c < fleet->chain_count; c++) {
        uint64_t all = 0;
        for (uint32_t top = 0; top < fleet->chains[c].tops; top++) {
            const uint64_t gpus = (uint64_t)sim->idle_nodes[c][top] * fleet->chains[c].node_gpus;
            sample->gpus_largest = gpus > sample->gpus_largest ? gpus : sample->gpus_largest;
            all += gpus;
        }
        sample->gpus_gang = all > sample->gpus_gang ? all : sample->gpus_gang;
    }
}

/* The sums so far go into the last row of the series. */
static void flush(struct sim *sim, int64_t now_us)
{
    struct dure_sim_result *result = sim->result;
    const size_t width = (size_t)rows_of(sim) * 2;
    uint64_t *row = &result->series[(result->sample_count - 1) * width];
    for (uint32_t i = 0; i < rows_of(sim); i++) {
        struct meter *meter = &sim->meters[i];
        meter_to(meter, now_us);
        for (unsigned k = 0; k < 2; k++) {
            const uint64_t ms = (uint64_t)(meter->sum[k] / 1000000);
            meter->sum[k] -= (dure_wide)ms * 1000000;
            row[2 * i + k] += ms;
            if (i >= result->top_count)
                result->chains[i - result->top_count].gpu_ms[k] += ms;
        }
    }
    look(sim, &result->samples[result->sample_count - 1]);
}

static void count_to(struct sim *sim, int64_t now_us)
{
    struct dure_sim_result *result = sim->result;
    const uint64_t span = (uint64_t)(now_us - sim->counted_us);
    const uint64_t jobs = sim->core ? dure_core_counts(sim->core).jobs_pending : sim->pending;
    const dure_wide pending = (dure_wide)jobs * span + sim->part_us;
    const uint64_t ms = (uint64_t)(pending / 1000);
    sim->part_us = (uint64_t)(pending % 1000);
    result->pending_ms += ms;
    result->samples[result->sample_count - 1].pending_ms += ms;
    if (sim->blocked_milli) {
        const uint64_t blocked_ms = (uint64_t)((dure_wide)sim->blocked_milli * span / 1000000);
        result->samples[result->sample_count - 1].blocked_ms += blocked_ms;
        result->blocked_ms += blocked_ms;
    }
    sim->available += (dure_wide)sim->gpus_up * span;
    sim->counted_us = now_us;
}

void measure_to(struct sim *sim, int64_t now_us)
{
    struct dure_sim_result *result = sim->result;
    for (;;) {
        const int64_t end = result->from_us + result->step_us * result->sample_count;
        if (end > now_us)
            break;
        count_to(sim, end);
        flush(sim, end);
        if (result->sample_count == DURE_SIM_SAMPLES_MAX)
            halve_series(sim);
        result->sample_count++;
    }
    count_to(sim, now_us);
}

static void add(struct sim *sim, const struct run *run, bool more)
{
    struct meter *const all[] = {&sim->total, &sim->meters[sim->top_row[run->tenant]],
                                 &sim->meters[sim->result->top_count + run->chain]};
    for (unsigned i = 0; i < 3; i++) {
        meter_to(all[i], sim->now_us);
        all[i]->milli[run->borrowed] += more ? run->gpus_milli : -run->gpus_milli;
    }
    const struct dure_place *places = run_places(run);
    for (uint32_t p = 0; p < run->place_count; p++)
        for (uint32_t k = 0; k < places[p].node_count; k++) {
            const uint32_t node = places[p].node_first + k;
            sim->node_busy[node] += more ? 1 : UINT32_MAX;
            if (sim->node_busy[node] == (more ? 1u : 0u) && !sim->node_down[node])
                node_idle(sim, node, !more);
        }
}

void measure_start(struct sim *sim, const struct run *run, const struct dure_order *order, bool recovering)
{
    struct dure_sim_result *result = sim->result;
    struct dure_sim_tenant *tenant = &result->tenants[run->tenant];
    const int64_t wait = order->started_us - order->submitted_us;
    uint64_t since;
    add(sim, run, true);
    if (recovering)
        return; /* it began before */
    result->starts++;
    result->starts_borrowed += run->borrowed;
    if (!order->restarts) {
        tenant->started[run->borrowed]++;
        tenant->wait_ms[run->borrowed] += (uint64_t)wait / 1000;
        dure_sim_waits_add(&result->waits[run->borrowed][run->size], wait);
        dure_sim_waits_add(&result->top_waits[sim->top_row[run->tenant]][run->borrowed], wait);
    }
    if (run->borrowed || sim->no_rights)
        return;
    const uint64_t key = measure_key(run->job, run->element);
    if (!sim->claimed.count || !dure_map_get(&sim->claimed, key, &since)) {
        tenant->at_once++;
        return;
    }
    dure_map_remove(&sim->claimed, key);
    const int64_t took = order->started_us - (int64_t)since;
    const int64_t promised = sim->notice_us[sim->options.fleet->chains[run->chain].owner.v] + sim->options.batch_us;
    tenant->latest_ms = took / 1000 > tenant->latest_ms ? took / 1000 : tenant->latest_ms;
    if (took <= promised) {
        tenant->in_time++;
    } else {
        tenant->late++;
        result->promises_late++;
    }
}

void measure_waits_still(struct sim *sim, uint32_t tenant, int64_t claimed_us)
{
    const int64_t took = sim->now_us - claimed_us;
    int64_t most = 0;
    for (uint32_t i = 0; i < sim->options.fleet->owner_count; i++)
        most = sim->notice_us[i] > most ? sim->notice_us[i] : most;
    if (took <= most + sim->options.batch_us)
        return;
    struct dure_sim_tenant *row = &sim->result->tenants[tenant];
    row->latest_ms = took / 1000 > row->latest_ms ? took / 1000 : row->latest_ms;
    row->late++;
    sim->result->promises_late++;
}

void measure_end(struct sim *sim, const struct run *run)
{
    struct dure_sim_result *result = sim->result;
    const uint64_t used_ms =
        (uint64_t)((dure_wide)run->gpus_milli * (uint64_t)(sim->now_us - run->started_us) / 1000000);
    add(sim, run, false);
    result->tenants[run->tenant].gpu_ms[run->borrowed] += used_ms;
    result->gang_ms += run->gang ? used_ms : 0;
    result->requeues += run->requeued;
    if (run->cause == DURE_CAUSE_NODE_LOST)
        result->lost_attempts++;
    if (run->borrowed && (run->cause == DURE_CAUSE_RECLAIMED || run->cause == DURE_CAUSE_LENDING_ENDED)) {
        result->evicted++;
        result->evicted_ms += used_ms;
        result->tenants[run->tenant].evicted++;
        result->samples[result->sample_count - 1].evicted++;
    }
}

static void hear(struct sim *sim, const struct dure_record *r)
{
    const uint64_t words[] = {sim->decisions.lane[0],
                              sim->decisions.lane[1],
                              (uint64_t)r->kind,
                              (uint64_t)r->time_us,
                              r->job.v,
                              r->element,
                              r->attempt.v,
                              r->node.v,
                              r->allot.v,
                              (uint64_t)r->number,
                              (uint64_t)r->deadline_us,
                              (uint64_t)r->cause,
                              r->mask,
                              r->place_count};
    sim->decisions = dure_hash_words(1, words, sizeof words / sizeof *words);
    for (uint32_t i = 0; i < r->place_count; i++) {
        const struct dure_place *p = &r->places[i];
        const uint64_t place[] = {sim->decisions.lane[0], sim->decisions.lane[1],
                                  (uint64_t)p->node_first << 32 | p->node_count, p->gpu_mask,
                                  (uint64_t)p->tasks << 32 | (uint64_t)p->gpu_milli << 16 | p->starts};
        sim->decisions = dure_hash_words(2, place, sizeof place / sizeof *place);
    }
}

void measure_over(struct sim *sim, uint32_t tenant, enum dure_job_state state, int64_t took_us)
{
    struct dure_sim_result *result = sim->result;
    result->ended++;
    result->completed += state == DURE_JOB_COMPLETED;
    result->failed += state == DURE_JOB_FAILED;
    result->timeouts += state == DURE_JOB_TIMEOUT;
    result->turnaround_ms += (uint64_t)took_us / 1000;
    result->tenants[tenant].ended++;
    result->tenants[tenant].failed += state != DURE_JOB_COMPLETED;
}

void measure_decision(struct sim *sim, const struct dure_record *r, const struct run *run)
{
    struct dure_sim_result *result = sim->result;
    struct dure_job_view view;
    struct dure_allot_view allot;
    hear(sim, r);
    result->records++;
    switch (r->kind) {
    case DURE_REC_RESERVE:
        if (!dure_map_put(&sim->claimed, measure_key(r->job.v, r->element), (uint64_t)r->time_us))
            sim->failed = true;
        break;
    case DURE_REC_UNRESERVE: dure_map_remove(&sim->claimed, measure_key(r->job.v, r->element)); break;
    case DURE_REC_NOTICE: result->warned++; break;
    case DURE_REC_END:
        if (run)
            measure_over(sim, run->tenant, r->state, r->time_us - run->submitted_us);
        else if (dure_core_job_view(sim->core, r->job, r->element, &view))
            measure_over(sim, view.job->tenant.v, r->state, r->time_us - view.submitted_us);
        break;
    case DURE_REC_NODE_STATE: measure_node(sim, r->node.v, r->number != DURE_NODE_UP); break;
    case DURE_REC_SUSPEND:
        if (dure_core_allot_view(sim->core, r->allot, &allot))
            result->tenants[allot.spec->tenant.v].short_cells++;
        break;
    default: break;
    }
}

void measure_finish(struct sim *sim)
{
    struct dure_sim_result *result = sim->result;
    const struct dure_core_counts counts = sim->core ? dure_core_counts(sim->core)
                                                     : (struct dure_core_counts){.jobs_pending = sim->pending,
                                                                                 .jobs_running = sim->running,
                                                                                 .passes = result->passes};
    const struct dure_digest state = sim->core ? dure_core_digest(sim->core) : (struct dure_digest){0};
    const uint64_t words[] = {state.lane[0], state.lane[1], sim->decisions.lane[0], sim->decisions.lane[1]};
    measure_to(sim, sim->now_us);
    flush(sim, sim->now_us);
    if (result->sample_count > 1 && result->from_us + result->step_us * (result->sample_count - 1) >= sim->now_us)
        result->sample_count--; /* the run ended with a step: nothing is in the next */
    meter_to(&sim->total, sim->now_us);
    for (unsigned k = 0; k < 2; k++)
        result->gpu_ms[k] = (uint64_t)(sim->total.sum[k] / 1000000);
    for (uint32_t i = 0; i < sim->run_count; i++) { /* what still runs has used its GPUs too; a free slot holds none */
        const struct run *run = &sim->runs[i];
        uint64_t at;
        if (!dure_map_get(&sim->by_attempt, run->attempt, &at) || at != i)
            continue;
        const uint64_t used_ms =
            (uint64_t)((dure_wide)run->gpus_milli * (uint64_t)(sim->now_us - run->started_us) / 1000000);
        result->tenants[run->tenant].gpu_ms[run->borrowed] += used_ms;
        result->gang_ms += run->gang ? used_ms : 0;
    }
    for (uint32_t c = 0; c < result->chain_count; c++)
        result->chains[c].gpus = sim->options.fleet->chains[c].leaf_count;
    result->digest = dure_hash_words(3, words, 4);
    result->until_us = sim->now_us;
    result->gpus = sim->gpus_up;
    result->available_ms = (uint64_t)(sim->available / 1000);
    result->pending_now = counts.jobs_pending;
    result->running_now = counts.jobs_running;
    result->passes = counts.passes;
}

void measure_release(struct sim *sim)
{
    for (uint32_t c = 0; sim->idle_nodes && c < sim->options.fleet->chain_count; c++)
        free(sim->idle_nodes[c]);
    free(sim->idle_nodes);
    free(sim->node_busy);
    free(sim->node_down);
    free(sim->meters);
    free(sim->top_row);
    free(sim->notice_us);
}
