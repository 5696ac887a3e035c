/* Snapshots, written: everything that the digest covers, in a stated order, so that equal states give equal bytes. */
#include <stdlib.h>
#include <string.h>

#include "core/snapshot.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/lists.h"
#include "core/state/planned.h"
#include "core/state/stream.h"

static void put_specs(struct stream_out *out, const struct dure_core *core)
{
    stream_put_text(out, core->fleet ? core->fleet->spec_json : "", core->fleet ? core->fleet->spec_json_length : 0);
    stream_entry(out);
    stream_put_text(out, core->tenants ? core->tenants->spec_json : "",
                    core->tenants ? core->tenants->spec_json_length : 0);
    stream_entry(out);
    stream_put_text(out, core->power ? core->power->spec_json : "", core->power ? core->power->spec_json_length : 0);
    stream_put_text(out, core->data ? core->data->spec_json : "", core->data ? core->data->spec_json_length : 0);
    stream_put(out, &core->hole_prices, sizeof core->hole_prices);
    stream_entry(out);
}

static bool put_cells(struct stream_out *out, const struct dure_core *core)
{
    struct dure_buf bytes;
    dure_buf_init(&bytes, 1u << 30);
    for (uint32_t i = 0; core->fleet && i < core->fleet->chain_count; i++) {
        dure_buf_clear(&bytes);
        dure_cells_save(core->chains[i].cells, &bytes);
        stream_put_text(out, bytes.data, bytes.length);
        stream_entry(out);
    }
    const bool fine = !bytes.failed;
    dure_buf_release(&bytes);
    return fine;
}

static void put_allots(struct stream_out *out, const struct dure_core *core)
{
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        const struct allot *a = core->allots[i];
        const struct snapshot_allot row = {a->spec.from_us,  a->spec.until_us, a->use,
                                           a->spec.tenant.v, a->spec.chain.v,  a->spec.count,
                                           a->cells,         a->spec.level,    a->state};
        stream_put(out, &row, sizeof row);
        stream_put_text(out, a->spec.name, strlen(a->spec.name));
        stream_put_text(out, a->spec.after, strlen(a->spec.after));
        stream_entry(out);
    }
}

static void put_words(struct stream_out *out, const char *text)
{
    stream_put_text(out, text ? text : "", text ? strlen(text) : 0);
}

static void put_nodes(struct stream_out *out, const struct dure_core *core)
{
    for (uint32_t i = 0; core->fleet && i < core->fleet->node_count; i++) {
        stream_put(out, &core->nodes[i].d, sizeof core->nodes[i].d);
        put_words(out, core->node_words[i].drain);
        put_words(out, core->node_words[i].report);
        put_words(out, core->node_words[i].foreign);
        stream_entry(out);
    }
}

static void put_bookings(struct stream_out *out, const struct dure_core *core)
{
    stream_put_u64(out, core->booking_count);
    for (uint32_t i = 0; i < core->booking_count; i++) {
        const struct booking *b = core->bookings[i];
        stream_put(out, &b->d, sizeof b->d);
        stream_put(out, b->runs, b->d.run_count * sizeof *b->runs);
        stream_put_text(out, b->reason, strlen(b->reason));
        stream_entry(out);
    }
}

static void put_tenants(struct stream_out *out, const struct dure_core *core)
{
    for (uint32_t i = 0; core->tenants && i < core->tenants->tenant_count; i++) {
        const struct tenant_state *t = &core->tenant[i];
        const uint64_t words[6] = {t->usage[0],     t->usage[1],          t->own_usage[0],
                                   t->own_usage[1], t->gpu_us_guaranteed, t->gpu_us_borrowed};
        stream_put(out, words, sizeof words);
        stream_put(out, t->lasted, sizeof t->lasted);
        stream_entry(out);
    }
}

static void put_outcomes(struct stream_out *out, const struct dure_core *core)
{
    for (uint32_t i = 0; i < OUTCOME_WINDOW; i += OUTCOME_WINDOW / 16) {
        stream_put(out, core->outcomes + i, OUTCOME_WINDOW / 16);
        stream_entry(out);
    }
}

static void put_ordinals(struct stream_out *out, const struct ordinals *list)
{
    stream_put_u64(out, list ? list->count : 0);
    if (list && list->count)
        stream_put(out, list->at, list->count * sizeof *list->at);
}

static void put_runs(struct stream_out *out, struct dure_node_runs runs)
{
    stream_put_u64(out, runs.count);
    if (runs.count)
        stream_put(out, runs.at, runs.count * sizeof *runs.at);
}

static void put_jobs(struct stream_out *out, const struct dure_core *core)
{
    stream_put_u64(out, core->jobs.count);
    for (uint32_t slot = job_next(core, 0); slot != NONE;) {
        const struct job *job = job_at(core, slot);
        const struct job_made made = {job->d, *job_ask(core, job)};
        stream_put(out, &made, sizeof made);
        put_runs(out, lists_include(core, made.ask.lists));
        put_runs(out, lists_exclude(core, made.ask.lists));
        for (uint32_t at = job->deps; at != NONE; at = dep_at(core, at)->next) {
            const struct dep *dep = dep_at(core, at);
            stream_put_u64(out, dep->job);
            stream_put_u64(out, (uint64_t)dep->kind << 8 | dep->state);
        }
        put_ordinals(out, job->elements ? &job->elements->back : NULL);
        put_ordinals(out, job->elements ? &job->elements->gone : NULL);
        stream_entry(out);
        slot = job_next(core, job->d.id + 1);
    }
}

static int by_id(const void *a, const void *b)
{
    const struct dure_heap_entry *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void put_attempts(struct stream_out *out, const struct dure_core *core)
{
    const uint32_t count = core->deadlines.count;
    struct dure_heap_entry *entries = dure_core_alloc(sizeof *entries, count);
    if (count)
        memcpy(entries, core->deadlines.at, count * sizeof *entries);
    qsort(entries, count, sizeof *entries, by_id);
    stream_put_u64(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *attempt = attempt_at(core, entries[i].slot);
        stream_put(out, &attempt->d, sizeof attempt->d);
        stream_put(out, attempt->places, attempt->d.place_count * sizeof *attempt->places);
        stream_put(out, attempt->bindings, attempt->d.binding_count * sizeof *attempt->bindings);
        stream_entry(out);
    }
    free(entries);
}

static void put_claims(struct stream_out *out, const struct dure_core *core)
{
    stream_put_u64(out, core->claims.count);
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        const struct job *job = job_at(core, slot);
        for (uint32_t ordinal = 0; job->d.claims && ordinal < job_ordinals(job); ordinal++) {
            const uint32_t at = claim_of(core, slot, ordinal);
            if (at == NONE)
                continue;
            const struct claim *claim = claim_at(core, at);
            stream_put(out, &claim->d, sizeof claim->d);
            stream_put(out, claim->places, claim->d.place_count * sizeof *claim->places);
            for (uint32_t i = 0; i < claim->d.binding_count; i++) {
                struct dure_binding binding = claim->bindings[i];
                binding.is_new = 0; /* bound since */
                stream_put(out, &binding, sizeof binding);
            }
            stream_entry(out);
        }
    }
}

static void put_planned(void *context, const struct planned *planned)
{
    struct stream_out *out = context;
    stream_put(out, &planned->d, sizeof planned->d);
    stream_put(out, planned->places, planned->d.place_count * sizeof *planned->places);
    if (!planned->d.borrowed)
        stream_put(out, planned->bindings, planned->d.place_count * sizeof *planned->bindings);
    stream_entry(out);
}

enum dure_err dure_core_save(const struct dure_core *core,
                             bool (*write)(void *context, const void *bytes, size_t length), void *context)
{
    struct stream_out out = {.write = write, .context = context};
    dure_buf_init(&out.block, 1u << 30);
    const struct snapshot_head head = {.magic = SNAPSHOT_MAGIC,
                                       .format = SNAPSHOT_FORMAT,
                                       .core_version = DURE_CORE_VERSION,
                                       .scalars_size = sizeof core->s,
                                       .job_size = sizeof(struct job_made),
                                       .attempt_size = sizeof(struct attempt_data),
                                       .claim_size = sizeof(struct claim_data),
                                       .planned_size = sizeof(struct planned_data),
                                       .digest = dure_core_digest(core)};
    stream_put(&out, &head, sizeof head);
    stream_put(&out, &core->s, sizeof core->s);
    put_specs(&out, core);
    out.failed |= !put_cells(&out, core);
    put_allots(&out, core);
    put_nodes(&out, core);
    put_bookings(&out, core);
    put_tenants(&out, core);
    put_outcomes(&out, core);
    put_jobs(&out, core);
    put_attempts(&out, core);
    put_claims(&out, core);
    stream_put_u64(&out, core->planneds.count);
    planned_each(core, put_planned, &out);
    stream_end(&out);
    dure_buf_release(&out.block);
    return out.failed ? DURE_E_IO : DURE_OK;
}
