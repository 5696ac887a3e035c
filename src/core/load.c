/* Snapshots, read: tables are filled as if by records, indexes are made anew, and the digest has the last word. */
#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/sight.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/snapshot.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/lasting.h"
#include "core/state/lists.h"
#include "core/state/planned.h"
#include "core/state/stream.h"

#define CORRUPT(...) dure_fail(error, DURE_E_CORRUPT, "snapshot: " __VA_ARGS__)

static enum dure_err get_gate(struct dure_core *core, struct stream_in *in, const struct scalars *s,
                              struct dure_error *error)
{
    size_t length;
    const char *text = stream_get_text(in, &length);
    if ((s->power_set || s->data_set) && !core->fleet)
        return CORRUPT("limits or datasets without a fleet");
    if (s->power_set) {
        struct dure_power *power = NULL;
        if (dure_power_from_json(text, length, core->fleet, &power, error) != DURE_OK)
            return dure_fail_prefix(error, DURE_E_CORRUPT, "snapshot: power");
        gate_install_power(core, power);
    }
    text = stream_get_text(in, &length);
    if (s->data_set) {
        struct dure_data *data = NULL;
        if (dure_data_from_json(text, length, core->fleet, &data, error) != DURE_OK)
            return dure_fail_prefix(error, DURE_E_CORRUPT, "snapshot: data");
        gate_install_data(core, data);
    }
    struct dure_prices prices;
    stream_read(in, &prices, sizeof prices);
    for (uint32_t i = 0; i < DURE_HOLES; i++)
        if (in->failed || prices.hole_ugpu[i] < prices.hole_ugpu[i ? i - 1 : 0])
            return CORRUPT("prices");
    spec_install_prices(core, &prices);
    return DURE_OK;
}

static enum dure_err get_specs(struct dure_core *core, struct stream_in *in, const struct scalars *s,
                               struct dure_error *error)
{
    size_t length;
    const char *text = stream_get_text(in, &length);
    if (s->fleet_set) {
        struct dure_fleet *fleet = NULL;
        const enum dure_err err = dure_fleet_from_json(text, length, &fleet, error);
        if (err != DURE_OK)
            return dure_fail_prefix(error, DURE_E_CORRUPT, "snapshot: fleet");
        spec_install_fleet(core, fleet);
    }
    text = stream_get_text(in, &length);
    if (s->tenants_set) {
        struct dure_tenants *tenants = NULL;
        const enum dure_err err = core->fleet ? dure_tenants_from_json(text, length, core->fleet, &tenants, error)
                                              : CORRUPT("tenants without a fleet");
        if (err != DURE_OK)
            return dure_fail_prefix(error, DURE_E_CORRUPT, "snapshot: tenants");
        spec_install_tenants(core, tenants);
    }
    return get_gate(core, in, s, error);
}

static enum dure_err get_cells(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    for (uint32_t i = 0; core->fleet && i < core->fleet->chain_count; i++) {
        size_t length;
        const char *bytes = stream_get_text(in, &length);
        struct dure_cells *cells = NULL;
        if (in->failed || dure_cells_load(bytes, length, &cells, error) != DURE_OK)
            return dure_fail_prefix(error, DURE_E_CORRUPT, "snapshot: cells");
        dure_cells_free(core->chains[i].cells);
        core->chains[i].cells = cells;
        spec_watch_cells(core, i);
        if (dure_cells_leaf_count(cells) != core->fleet->chains[i].leaf_count)
            return CORRUPT("cells of another shape");
    }
    return DURE_OK;
}

static char *text_of(const char *bytes, size_t length)
{
    char *text = dure_core_alloc(length + 1, 1);
    if (length)
        memcpy(text, bytes, length);
    return text;
}

static enum dure_err get_allots(struct dure_core *core, struct stream_in *in, uint32_t count, struct dure_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        struct snapshot_allot row;
        size_t name_length, after_length;
        stream_read(in, &row, sizeof row);
        const char *name = stream_get_text(in, &name_length), *after = stream_get_text(in, &after_length);
        if (in->failed || !core->tenants || row.tenant >= core->tenants->tenant_count ||
            row.chain >= core->fleet->chain_count || !row.level ||
            row.level > core->fleet->chains[row.chain].level_count)
            return CORRUPT("allotment %u", i);
        char *name_text = text_of(name, name_length), *after_text = text_of(after, after_length);
        const struct dure_allotment spec = {.name = name_text,
                                            .tenant = {row.tenant},
                                            .chain = {row.chain},
                                            .level = (uint8_t)row.level,
                                            .count = row.count,
                                            .from_us = row.from_us,
                                            .until_us = row.until_us,
                                            .after = after_text};
        allots_load(core, &spec, row.state, row.cells);
        allot_use_set(core, i, &row.use);
        free(name_text);
        free(after_text);
    }
    if (core->tenants)
        allots_rehold(core);
    return DURE_OK;
}

static enum dure_err get_nodes(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    for (uint32_t i = 0; core->fleet && i < core->fleet->node_count; i++) {
        struct node_words *words = &core->node_words[i];
        size_t length;
        char **texts[NODE_WORDS] = {&words->drain, &words->report, &words->foreign};
        dure_digest_sub(&core->digest, node_hash(core, i));
        stream_read(in, &core->nodes[i].d, sizeof core->nodes[i].d);
        for (unsigned k = 0; k < NODE_WORDS; k++) {
            const char *text = stream_get_text(in, &length);
            if (in->failed || length > DURE_REASON_MAX)
                return CORRUPT("node %u", i);
            *texts[k] = length ? text_of(text, length) : NULL;
        }
        dure_digest_add(&core->digest, node_hash(core, i));
    }
    return DURE_OK;
}

static enum dure_err get_bookings(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    const uint64_t count = stream_get_u64(in);
    for (uint64_t i = 0; !in->failed && i < count; i++) {
        struct booking b = {.d = {0}};
        size_t length;
        stream_read(in, &b.d, sizeof b.d);
        if (in->failed || !core->fleet || b.d.run_count > DURE_NODES_MAX)
            return CORRUPT("maintenance");
        b.runs = dure_core_alloc(sizeof *b.runs, b.d.run_count);
        stream_read(in, b.runs, b.d.run_count * sizeof *b.runs);
        const char *reason = stream_get_text(in, &length);
        bool fine = !in->failed && length <= DURE_REASON_MAX;
        for (uint32_t r = 0; fine && r < b.d.run_count; r++)
            fine = (uint64_t)b.runs[r].node_first + b.runs[r].node_count <= core->fleet->node_count;
        if (!fine) {
            free(b.runs);
            return CORRUPT("maintenance %llu", (unsigned long long)b.d.id);
        }
        b.reason = text_of(reason, length);
        booking_load(core, &b);
    }
    return in->failed ? CORRUPT("maintenance") : DURE_OK;
}

static void get_tenants(struct dure_core *core, struct stream_in *in)
{
    for (uint32_t i = 0; core->tenants && i < core->tenants->tenant_count; i++) {
        struct tenant_state *t = &core->tenant[i];
        uint64_t words[6];
        stream_read(in, words, sizeof words);
        memcpy(t->usage, words, sizeof t->usage);
        memcpy(t->own_usage, words + 2, sizeof t->own_usage);
        t->gpu_us_guaranteed = words[4];
        t->gpu_us_borrowed = words[5];
        tenant_out(core, i);
        uint32_t lasted[LASTING_PARTS];
        stream_read(in, lasted, sizeof lasted);
        lasting_set(core, i, lasted);
    }
    for (uint32_t i = 0; i < OUTCOME_WINDOW; i += OUTCOME_WINDOW / 16) {
        const uint8_t *part = stream_get(in, OUTCOME_WINDOW / 16);
        for (uint32_t k = 0; part && k < OUTCOME_WINDOW / 16; k++)
            if (part[k])
                outcome_set(core, i + k, part[k]);
    }
}

static bool get_ordinals(struct stream_in *in, struct ordinals *list, uint32_t limit)
{
    const uint64_t count = stream_get_u64(in);
    if (in->failed || count > limit)
        return false;
    if (!count)
        return true;
    list->at = dure_core_alloc(sizeof *list->at, count);
    list->count = list->capacity = (uint32_t)count;
    stream_read(in, list->at, count * sizeof *list->at);
    return !in->failed;
}

static bool get_runs(struct stream_in *in, struct dure_node_run runs[DURE_NODE_RUNS_MAX],
                     struct dure_node_runs *ret_runs)
{
    const uint64_t count = stream_get_u64(in);
    if (in->failed || count > DURE_NODE_RUNS_MAX)
        return false;
    if (count)
        stream_read(in, runs, count * sizeof *runs);
    *ret_runs = (struct dure_node_runs){runs, (uint32_t)count};
    return !in->failed && dure_node_runs_valid(runs, (uint32_t)count);
}

/* Its lists of nodes have the number that the job carries. */
static bool get_node_lists(struct dure_core *core, struct stream_in *in, uint64_t key)
{
    struct dure_node_run at[2][DURE_NODE_RUNS_MAX];
    struct dure_node_runs include, exclude;
    return get_runs(in, at[0], &include) && get_runs(in, at[1], &exclude) &&
           lists_intern(core->lists, include, exclude) == key;
}

static enum dure_err get_job(struct dure_core *core, struct stream_in *in, uint64_t *last_id, struct dure_error *error)
{
    struct job_made made;
    stream_read(in, &made, sizeof made);
    const struct job_data data = made.data;
    if (in->failed || data.id <= *last_id || data.id >= core->s.next_job ||
        !dure_table_takes(&core->job_table, data.id) || !core->tenants ||
        made.ask.tenant >= core->tenants->tenant_count || data.dep_count > DURE_JOB_DEPS_MAX ||
        made.ask.level > core->fleet->level_name_count || made.ask.spread_level > core->fleet->level_name_count ||
        made.ask.mig > core->fleet->mig_count || !get_node_lists(core, in, made.ask.lists))
        return CORRUPT("job %llu", (unsigned long long)data.id);
    *last_id = data.id;
    const uint32_t slot = job_add(core, &made, NONE);
    struct job *job = job_at(core, slot);
    for (uint32_t i = 0; i < data.dep_count; i++) {
        const uint64_t id = stream_get_u64(in), word = stream_get_u64(in);
        if (in->failed || ((word & 0xff) == DEP_OPEN && job_find(core, id) == NONE))
            return CORRUPT("dependency of job %llu", (unsigned long long)data.id);
        dep_add(core, slot, (struct dure_dep){{id}, (enum dure_dep_kind)(word >> 8)}, (unsigned)(word & 0xff));
    }
    struct elements e = {{0}, {0}};
    const bool fine = get_ordinals(in, &e.back, job_ordinals(job)) && get_ordinals(in, &e.gone, job_ordinals(job));
    job_set_elements(core, job, &e);
    core->pending_count += job_pending_count(job);
    ceiling_submitted(core, job, (int64_t)job_pending_count(job) + data.live + data.claims);
    return fine ? DURE_OK : CORRUPT("elements of job %llu", (unsigned long long)data.id);
}

static enum dure_err get_jobs(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    const uint64_t count = stream_get_u64(in);
    uint64_t last = 0;
    for (uint64_t i = 0; i < count; i++) {
        const enum dure_err err = get_job(core, in, &last, error);
        if (err != DURE_OK)
            return err;
    }
    return in->failed ? CORRUPT("jobs") : DURE_OK;
}

/* Copies of what lies unaligned in the stream. */
static bool get_lists(struct stream_in *in, uint32_t place_count, uint32_t binding_count, struct dure_place **places,
                      struct dure_binding **bindings)
{
    enum { LISTS_MAX = DURE_NODES_MAX * 2 };
    *places = NULL;
    *bindings = NULL;
    if (in->failed || !place_count || place_count > LISTS_MAX || binding_count > LISTS_MAX)
        return false;
    *places = dure_core_alloc(sizeof **places, place_count);
    *bindings = dure_core_alloc(sizeof **bindings, binding_count);
    stream_read(in, *places, place_count * sizeof **places);
    stream_read(in, *bindings, binding_count * sizeof **bindings);
    return !in->failed;
}

static enum dure_err get_attempts(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    const uint64_t count = stream_get_u64(in);
    for (uint64_t i = 0; i < count; i++) {
        struct attempt_data data;
        struct dure_place *places = NULL;
        struct dure_binding *bindings = NULL;
        stream_read(in, &data, sizeof data);
        const uint32_t job = in->failed ? NONE : job_find(core, data.job);
        uint32_t ordinal;
        const bool fine = job != NONE && job_ordinal(job_at(core, job), data.element, &ordinal) &&
                          data.chain < core->fleet->chain_count && data.id < core->s.next_attempt &&
                          attempt_find(core, data.id) == NONE && attempt_of(core, job, ordinal) == NONE &&
                          dure_table_takes(&core->attempt_table, data.id) &&
                          get_lists(in, data.place_count, data.binding_count, &places, &bindings);
        if (fine)
            ground_occupy(core, attempt_add(core, job, &data, places, bindings));
        free(places);
        free(bindings);
        if (!fine)
            return CORRUPT("attempt %llu", (unsigned long long)data.id);
    }
    return in->failed ? CORRUPT("attempts") : DURE_OK;
}

static enum dure_err get_claims(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    const uint64_t count = stream_get_u64(in);
    for (uint64_t i = 0; i < count; i++) {
        struct claim_data data;
        struct dure_place *places = NULL;
        struct dure_binding *bindings = NULL;
        stream_read(in, &data, sizeof data);
        const uint32_t job = in->failed ? NONE : job_find(core, data.job);
        uint32_t ordinal;
        const bool fine = job != NONE && job_ordinal(job_at(core, job), data.element, &ordinal) &&
                          data.chain < core->fleet->chain_count &&
                          get_lists(in, data.place_count, data.binding_count, &places, &bindings);
        if (fine)
            ground_claim(core, claim_add(core, job, &data, places, bindings));
        free(places);
        free(bindings);
        if (!fine)
            return CORRUPT("reservation of job %llu", (unsigned long long)data.job);
    }
    return in->failed ? CORRUPT("reservations") : DURE_OK;
}

static enum dure_err get_planned(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    const uint64_t count = stream_get_u64(in);
    for (uint64_t i = 0; i < count; i++) {
        struct planned_data data;
        struct dure_place *places = NULL;
        struct dure_binding *bindings = NULL;
        stream_read(in, &data, sizeof data);
        const uint32_t job = in->failed ? NONE : job_find(core, data.job);
        bool fine = job != NONE && data.chain < core->fleet->chain_count &&
                    get_lists(in, data.place_count, data.borrowed ? 0 : data.place_count, &places, &bindings) &&
                    core->queues[queue_of(core, job_ask(core, job_at(core, job)))].planned == NONE;
        for (uint32_t k = 0; fine && !data.borrowed && k < data.place_count; k++)
            fine = bindings[k].allot.v < core->s.allot_count && places[k].node_first + (uint64_t)places[k].node_count <=
                                                                    core->allots[bindings[k].allot.v]->slots.count;
        for (uint32_t k = 0; fine && data.borrowed && k < data.place_count; k++)
            fine = places[k].node_first >= core->fleet->chains[data.chain].node_first &&
                   places[k].node_first - core->fleet->chains[data.chain].node_first + (uint64_t)places[k].node_count <=
                       core->fleet->chains[data.chain].node_count;
        if (fine)
            planned_add(core, job, &data, places, bindings);
        free(places);
        free(bindings);
        if (!fine)
            return CORRUPT("planned start of job %llu", (unsigned long long)data.job);
    }
    return in->failed ? CORRUPT("planned starts") : DURE_OK;
}

static void make_indexes(struct dure_core *core)
{
    for (uint32_t i = 0; core->fleet && i < core->fleet->chain_count; i++)
        for (uint32_t leaf = 0; leaf < core->fleet->chains[i].leaf_count; leaf += core->fleet->chains[i].node_gpus)
            sight_bound(core, i, leaf, core->fleet->chains[i].node_gpus);
    gate_rebuild(core);
    core->gate.due = false; /* a snapshot stands between steps: all limits hold */
    for (uint32_t i = 0; i < core->s.allot_count; i++)
        sight_allot(core, i);
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1))
        queue_refresh(core, slot);
    core->world_next_us = world_next(core);
}

static enum dure_err get_all(struct dure_core *core, struct stream_in *in, struct dure_error *error)
{
    struct scalars s;
    stream_read(in, &s, sizeof s);
    core->s = s;
    core->s.allot_count = 0; /* counted as they come */
    core->loading = true;
    enum dure_err err = get_specs(core, in, &s, error);
    if (err == DURE_OK)
        err = get_cells(core, in, error);
    if (err == DURE_OK)
        err = get_allots(core, in, s.allot_count, error);
    if (err == DURE_OK)
        err = get_nodes(core, in, error);
    if (err == DURE_OK)
        err = get_bookings(core, in, error);
    if (err == DURE_OK)
        get_tenants(core, in);
    if (err == DURE_OK)
        err = get_jobs(core, in, error);
    if (err == DURE_OK)
        err = get_attempts(core, in, error);
    if (err == DURE_OK)
        err = get_claims(core, in, error);
    if (err == DURE_OK)
        err = get_planned(core, in, error);
    core->loading = false;
    if (err == DURE_OK)
        make_indexes(core);
    return err;
}

enum dure_err dure_core_load(const void *bytes, size_t length, struct dure_core **ret_core, struct dure_error *error)
{
    if (!stream_sound(bytes, length))
        return CORRUPT("a block is damaged or missing");
    struct stream_in in = {.at = bytes, .end = (const uint8_t *)bytes + length};
    struct snapshot_head head;
    stream_read(&in, &head, sizeof head);
    if (in.failed || head.magic != SNAPSHOT_MAGIC)
        return CORRUPT("not one");
    if (head.format != SNAPSHOT_FORMAT || head.core_version != DURE_CORE_VERSION ||
        head.scalars_size != sizeof(struct scalars) || head.job_size != sizeof(struct job_made) ||
        head.attempt_size != sizeof(struct attempt_data) || head.claim_size != sizeof(struct claim_data) ||
        head.planned_size != sizeof(struct planned_data))
        return dure_fail(error, DURE_E_VERSION,
                         "snapshot of format %u by core version %u; this is format %d, version %d", head.format,
                         head.core_version, SNAPSHOT_FORMAT, DURE_CORE_VERSION);
    struct dure_core *core = NULL;
    enum dure_err err = dure_core_new(&core);
    if (err != DURE_OK)
        return dure_fail(error, err, "out of memory");
    err = get_all(core, &in, error);
    if (err == DURE_OK) {
        const struct dure_digest found = dure_core_digest(core), full = dure_core_digest_full(core);
        if (memcmp(&found, &head.digest, sizeof found) || memcmp(&full, &head.digest, sizeof full))
            err = CORRUPT("its digest is not that of the state in it");
    }
    if (err != DURE_OK) {
        dure_core_free(core);
        return err;
    }
    *ret_core = core;
    return DURE_OK;
}
