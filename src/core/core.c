#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/decide/after.h"
#include "core/decide/decide.h"
#include "core/gate/fence.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/lenders.h"
#include "core/place/price.h"
#include "core/place/shares.h"
#include "core/queue/ceilings.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"
#include "core/state/lists.h"
#include "core/state/planned.h"

static void deadline_moved(void *owner, uint32_t slot, uint32_t place)
{
    ((struct dure_core *)owner)->stands[slot].deadline = place;
}

static void begin_moved(void *owner, uint32_t slot, uint32_t place)
{
    job_at(owner, slot)->begin_place = place;
}

static void expiry_moved(void *owner, uint32_t slot, uint32_t place)
{
    job_at(owner, slot)->expiry_place = place;
}

static void price_moved(void *owner, uint32_t slot, uint32_t place)
{
    ((struct dure_core *)owner)->stands[slot].price = place;
}

enum dure_err dure_core_new(struct dure_core **ret_core)
{
    struct dure_core *core = calloc(1, sizeof *core);
    if (!core)
        return DURE_E_MEMORY;
    core->s.next_job = core->s.next_attempt = core->s.next_booking = 1;
    spec_install_prices(core, &(struct dure_prices){{0}});
    core->s.time_us = core->s.growth_base_us = INT64_MIN;
    core->world_next_us = core->gate.next_us = core->look_next_us = DURE_NEVER_US;
    core->rules_stamp = 1;
    core->idle_class_first = core->idle_class_last = NONE;
    memset(core->class_recent, 0xff, sizeof core->class_recent);
    core->rules_until_us = INT64_MIN;
    core->deadlines = (struct dure_heap){.owner = core, .moved = deadline_moved};
    core->begins = (struct dure_heap){.owner = core, .moved = begin_moved};
    core->expiries = (struct dure_heap){.owner = core, .moved = expiry_moved};
    core->price_changes = (struct dure_heap){.owner = core, .moved = price_moved};
    dure_pool_init(&core->prices, sizeof(struct dure_cells_price));
    dure_pool_init(&core->jobs, sizeof(struct job));
    dure_pool_init(&core->attempts, sizeof(struct attempt));
    dure_pool_init(&core->deps, sizeof(struct dep));
    dure_pool_init(&core->claims, sizeof(struct claim));
    dure_pool_init(&core->shareds, sizeof(struct shared));
    dure_pool_init(&core->classes, sizeof(struct class));
    dure_pool_init(&core->lanes, sizeof(struct lane));
    dure_pool_init(&core->users, sizeof(struct user_held));
    dure_pool_init(&core->needs, sizeof(struct need));
    dure_pool_init(&core->planneds, sizeof(struct planned));
    core->outcomes = calloc(OUTCOME_WINDOW, 1);
    core->plan = calloc(1, sizeof *core->plan);
    core->ring = calloc(1, sizeof *core->ring);
    core->packed = calloc(1, sizeof *core->packed);
    if (!core->outcomes || !core->plan || !core->ring || !core->packed || lists_new(&core->lists) != DURE_OK) {
        dure_core_free(core);
        return DURE_E_MEMORY;
    }
    *ret_core = core;
    return DURE_OK;
}

static void free_claim(struct claim *claim)
{
    free(claim->places);
    free(claim->bindings);
    claim->places = NULL;
    claim->bindings = NULL;
}

static void free_leaf(struct dure_core *core, struct chain_state *chain, uint32_t leaf)
{
    const uint32_t claim = chain->claim[leaf], occupant = chain->occupant[leaf];
    if (claim != NONE && !(claim & OCCUPANT_SHARED))
        free_claim(claim_at(core, claim));
    if (claim != NONE && (claim & OCCUPANT_SHARED)) {
        struct shared *shared = shared_at(core, claim & ~OCCUPANT_SHARED);
        for (uint32_t i = 0; i < shared->claims.count; i++)
            free_claim(claim_at(core, shared->claims.at[i]));
        share_free(shared);
    }
    if (occupant != NONE && (occupant & OCCUPANT_SHARED) && occupant != claim)
        share_free(shared_at(core, occupant & ~OCCUPANT_SHARED));
}

static void free_entities(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        struct attempt *attempt = attempt_at(core, core->deadlines.at[i].slot);
        if (attempt->places != &attempt->one)
            free(attempt->places);
        if (attempt->bindings != &attempt->one_binding)
            free(attempt->bindings);
    }
    for (uint32_t c = 0; core->fleet && c < core->fleet->chain_count; c++) {
        struct chain_state *chain = &core->chains[c];
        for (uint32_t leaf = 0; leaf < core->fleet->chains[c].leaf_count; leaf++)
            free_leaf(core, chain, leaf);
        dure_cells_free(chain->cells);
        dure_slots_release(&chain->idle);
        dure_slots_release(&chain->away);
        free(chain->kept);
        free(chain->hidden.at);
        free(chain->foreseen);
        free(chain->ends.at);
        free(chain->occupant);
        free(chain->claim);
    }
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        struct job *job = job_at(core, slot);
        dure_heap_release(&job->class->late);
        need_free(core, job->class->need);
        if (!job->elements)
            continue;
        free(job->elements->back.at);
        free(job->elements->gone.at);
        free(job->elements);
    }
}

void dure_core_free(struct dure_core *core)
{
    if (!core)
        return;
    class_forget_idle(core);
    free_entities(core);
    queue_release(core);
    fence_release(core);
    gate_release(core);
    allots_free(core);
    for (uint32_t i = 0; core->fleet && i < core->fleet->node_count; i++) {
        free(core->node_words[i].drain);
        free(core->node_words[i].report);
        free(core->node_words[i].foreign);
    }
    dure_bits_release(&core->dirty);
    dure_heap_release(&core->deadlines);
    dure_heap_release(&core->begins);
    dure_heap_release(&core->expiries);
    dure_heap_release(&core->price_changes);
    free(core->doomed.at);
    planned_free_all(core);
    for (uint32_t i = 0; core->tenants && i < core->tenants->tenant_count; i++)
        free(core->tenant[i].ends.at), free(core->tenant[i].tallies);
    free(core->stands);
    free(core->passed.at);
    free(core->left_out.at);
    free(core->met.at);
    struct dure_pool *pools[] = {&core->jobs,    &core->attempts, &core->deps,  &core->claims,   &core->shareds,
                                 &core->classes, &core->lanes,    &core->needs, &core->planneds, &core->prices};
    for (unsigned i = 0; i < sizeof pools / sizeof pools[0]; i++)
        dure_pool_release(pools[i]);
    dure_table_release(&core->job_table);
    dure_table_release(&core->attempt_table);
    struct dure_map *maps[] = {&core->run_map, &core->claim_map, &core->class_map, &core->need_map, &core->share_map};
    for (unsigned i = 0; i < sizeof maps / sizeof maps[0]; i++)
        dure_map_release(maps[i]);
    for (unsigned i = 0; i < AFTER_KINDS; i++)
        free(core->after[i].at);
    bookings_free(core);
    ceiling_free(core, core->tenants ? core->tenants->tenant_count : 0);
    free(core->chains);
    free(core->nodes);
    free(core->node_words);
    free(core->tenant);
    free(core->outcomes);
    free(core->borrow_order);
    dure_takes_release(&core->takes);
    if (core->plan)
        plan_release(core->plan);
    free(core->plan);
    free(core->ring);
    lists_free(core->lists);
    dure_data_free(core->data);
    dure_power_free(core->power);
    free(core->packed);
    lenders_release(core);
    free(core->loose_jobs);
    free(core->loose_chains);
    free(core->loose_tenants.at);
    dure_tenants_free(core->tenants);
    dure_fleet_free(core->fleet);
    free(core);
}

/* ---- what each input is ---- */

typedef enum dure_err (*check_fn)(const struct dure_core *core, const struct dure_record *record,
                                  struct dure_error *error);
typedef enum dure_err (*apply_fn)(struct dure_core *core, const struct dure_record *record, struct dure_error *error);
typedef enum dure_err (*spec_fn)(struct dure_core *core, const struct dure_record *record, bool dry,
                                 struct dure_error *error);

static enum dure_err check_version(const struct dure_core *core, const struct dure_record *record,
                                   struct dure_error *error)
{
    (void)core;
    if (record->number != DURE_CORE_VERSION)
        return dure_fail(error, DURE_E_VERSION, "core version %lld; this is version %d", (long long)record->number,
                         DURE_CORE_VERSION);
    return DURE_OK;
}

static enum dure_err apply_version(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (record->number < 0 || record->number > UINT32_MAX)
        return dure_fail(error, DURE_E_CORRUPT, "core version out of range");
    core->s.core_version = (uint32_t)record->number;
    return DURE_OK;
}

static enum dure_err apply_pass(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)record;
    (void)error;
    core->s.passes++;
    return DURE_OK;
}

static enum dure_err check_pass(const struct dure_core *core, const struct dure_record *record,
                                struct dure_error *error)
{
    (void)core;
    if (record->number < 1 || record->number > DURE_PASS_STARTS_MAX)
        return dure_fail(error, DURE_E_INVALID, "a pass makes 1..%d starts", DURE_PASS_STARTS_MAX);
    return DURE_OK;
}

struct input {
    check_fn check; /* NULL: always legal */
    apply_fn apply; /* NULL: time alone */
    spec_fn spec;   /* instead of both */
};

static const struct input inputs[] = {
    [DURE_REC_CORE_VERSION] = {check_version, apply_version, NULL},
    [DURE_REC_TERM] = {NULL, NULL, NULL},
    [DURE_REC_PRINCIPAL] = {check_principal, apply_principal, NULL},
    [DURE_REC_FLEET] = {NULL, NULL, spec_fleet},
    [DURE_REC_TENANTS] = {NULL, NULL, spec_tenants},
    [DURE_REC_SUBMIT] = {check_submit, apply_submit, NULL},
    [DURE_REC_CANCEL] = {check_job_of, NULL, NULL},
    [DURE_REC_HOLD] = {check_job_of, apply_hold, NULL},
    [DURE_REC_RELEASE] = {check_job_of, apply_hold, NULL},
    [DURE_REC_GRANT] = {NULL, NULL, spec_grant},
    [DURE_REC_SHRINK] = {check_cut, apply_shrink, NULL},
    [DURE_REC_END_ALLOT] = {check_cut, NULL, NULL},
    [DURE_REC_DRAIN] = {check_node, apply_node, NULL},
    [DURE_REC_RESUME] = {check_node, apply_node, NULL},
    [DURE_REC_NODE_REPORT] = {check_node, apply_node, NULL},
    [DURE_REC_ATTEMPT_REPORT] = {check_report, apply_report, NULL},
    [DURE_REC_TICK] = {NULL, NULL, NULL},
    [DURE_REC_PASS] = {check_pass, apply_pass, NULL},
    [DURE_REC_ERASED] = {NULL, NULL, NULL},
    [DURE_REC_MODIFY] = {check_modify, apply_modify, NULL},
    [DURE_REC_REQUEUE_JOB] = {check_requeue_job, apply_requeue_job, NULL},
    [DURE_REC_BOOK] = {check_book, apply_book, NULL},
    [DURE_REC_UNBOOK] = {check_unbook, NULL, NULL},
    [DURE_REC_POWER] = {NULL, NULL, spec_power},
    [DURE_REC_DATA] = {NULL, NULL, spec_data},
    [DURE_REC_CHECKPOINT] = {check_report, apply_checkpoint, NULL},
    [DURE_REC_PRICES] = {NULL, NULL, spec_prices},
    [DURE_REC_FOREIGN] = {check_foreign, apply_foreign, NULL},
};

static const struct input *input_of(const struct dure_record *record)
{
    const unsigned kind = record->kind;
    return kind && kind < sizeof inputs / sizeof inputs[0] && dure_record_is_input(record->kind) ? &inputs[kind] : NULL;
}

static enum dure_err apply_input(struct dure_core *core, const struct dure_record *record, bool check,
                                 struct dure_error *error)
{
    const struct input *input = input_of(record);
    if (!input)
        return dure_fail(error, DURE_E_INVALID, "a record of kind %d is no input", (int)record->kind);
    enum dure_err err = check_moment(core, record, error);
    if (err != DURE_OK)
        return err;
    /* What the input before changed was decided upon: by its step, or by the records that followed it, which bring nothing new. */
    core->gate.due = false;
    rules_note(core, record);
    if (input->spec)
        return input->spec(core, record, false, error);
    core->packed->of = check ? record : NULL;
    core->packed->ready = false;
    if (check && input->check)
        err = input->check(core, record, error);
    core->packed->of = NULL;
    if (err != DURE_OK)
        return err;
    apply_moment(core, record);
    return input->apply ? input->apply(core, record, error) : DURE_OK;
}

enum dure_err dure_core_check(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const struct input *input = input_of(record);
    if (!input)
        return dure_fail(error, DURE_E_INVALID, "a record of kind %d is no input", (int)record->kind);
    const enum dure_err err = check_moment(core, record, error);
    if (err != DURE_OK)
        return err;
    if (input->spec)
        return input->spec((struct dure_core *)core, record, true, error); /* tries and takes back */
    return input->check ? input->check(core, record, error) : DURE_OK;
}

/* ---- deciding ---- */

void decide_record(const struct dure_core *core, enum dure_record_kind kind, struct dure_record *ret_record)
{
    dure_record_init(ret_record, kind, core->s.term, core->s.time_us);
}

void decide_emit(struct dure_core *core, const struct dure_record *decision)
{
    core->emit(core->emit_context, decision);
    struct dure_error error;
    error.text[0] = '\0';
    if (apply_decision(core, decision, &error) != DURE_OK)
        dure_assert_failed(error.text, __FILE__, __LINE__); /* a decision that its own state refuses */
}

static void emit_nowhere(void *context, const struct dure_record *decision)
{
    (void)context;
    (void)decision;
}

static inline void decide_all(struct dure_core *core)
{
    if (core->after_count)
        decide_follow(core);
    if (core->gate.due)
        decide_power(core);
}

enum dure_err dure_core_step(struct dure_core *core, const struct dure_record *input, dure_emit_fn emit, void *context,
                             struct dure_error *error)
{
    core->emit = emit ? emit : emit_nowhere;
    core->emit_context = context;
    const enum dure_err err = apply_input(core, input, true, error);
    if (err == DURE_OK) {
        if (input->kind == DURE_REC_PASS) /* nothing starts on what a limit takes away at this moment */
            decide_power(core);
        if (input->kind != DURE_REC_SUBMIT)
            decide_input(core, input);
        decide_all(core);
        decide_due(core);
        decide_all(core); /* hardware that has just arrived, too */
    } else {
        core->refused++;
        after_clear(core);
    }
    core->emit = NULL;
    return err;
}

/* What is fetched at one distance says what is to be fetched at the next; and a processor takes some twenty lines at a time, so that all of it at once
 * would make the step wait. */
void dure_core_expect(const struct dure_core *core, const struct dure_record *input, unsigned after)
{
    enum { GROUND = 1, AROUND, ATTEMPT, TABLE };
    _Static_assert((int)TABLE == (int)DURE_CORE_EXPECTED, "a step at each distance");
    if (input->kind != DURE_REC_ATTEMPT_REPORT)
        return;
    if (after == TABLE) {
        dure_table_fetch(&core->attempt_table, input->attempt.v);
        return;
    }
    const uint32_t slot = attempt_find(core, input->attempt.v);
    if (slot == NONE)
        return;
    if (after == ATTEMPT) {
        attempt_fetch(core, slot);
    } else if (after == AROUND) {
        attempt_fetch_around(core, slot);
    } else if (after == GROUND) {
        const struct attempt *attempt = attempt_at(core, slot);
        ground_fetch(core, attempt->d.chain, attempt->places, attempt->d.place_count);
        price_fetch(core, slot);
    }
}

static enum dure_err apply(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    if (dure_record_is_input(record->kind)) {
        /* Their proof was made when they were accepted. */
        const bool cheap = record->kind != DURE_REC_SUBMIT && record->kind != DURE_REC_MODIFY;
        const enum dure_err err = apply_input(core, record, cheap, error);
        return err == DURE_OK ? err
                              : dure_fail_prefix(error, DURE_E_CORRUPT, "%s", dure_record_kind_name(record->kind));
    }
    if (record->time_us != core->s.time_us || record->term != core->s.term)
        return dure_fail(error, DURE_E_CORRUPT, "a decision of another moment than its input");
    return apply_decision(core, record, error);
}

enum dure_err dure_core_apply(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    return apply(core, record, error);
}

/* ---- reading ---- */

bool dure_core_wants_pass(const struct dure_core *core)
{
    return core->dirty.count > 0 || core->moved;
}

int64_t dure_core_next_deadline_us(const struct dure_core *core)
{
    int64_t next = core->world_next_us;
    if (core->gate.next_us < next)
        next = core->gate.next_us;
    if (core->begins.count && core->begins.at[0].key < next)
        next = core->begins.at[0].key;
    if (core->expiries.count && core->expiries.at[0].key < next)
        next = core->expiries.at[0].key + 1; /* at that moment itself it may still start */
    if (core->deadlines.count && core->deadlines.at[0].key < next)
        next = core->deadlines.at[0].key;
    if (core->overruns.count && core->overruns.at[0].key < next)
        next = core->overruns.at[0].key;
    if (core->look_next_us < next)
        next = core->look_next_us;
    return next;
}

int64_t dure_core_time_us(const struct dure_core *core)
{
    return core->s.time_us;
}

uint64_t dure_core_term(const struct dure_core *core)
{
    return core->s.term;
}

struct dure_job_id dure_core_next_job(const struct dure_core *core)
{
    return (struct dure_job_id){core->s.next_job};
}

uint64_t dure_core_next_booking(const struct dure_core *core)
{
    return core->s.next_booking;
}

size_t dure_core_room(const struct dure_core *core)
{
    enum { MOST = 512 << 20 };
    const size_t job = sizeof(struct job) + sizeof(uint32_t),
                 attempt = sizeof(struct attempt) + sizeof(uint32_t) + sizeof(struct attempt_stand),
                 ends = sizeof(struct dure_heap_entry) + sizeof(struct ending);
    const size_t room =
        core->fleet ? core->fleet->gpu_count * (job + attempt + 2 * ends) : 0; /* what grows in one piece doubles */
    return room < MOST ? room : MOST;
}

struct dure_principal_id dure_core_next_principal(const struct dure_core *core)
{
    return (struct dure_principal_id){(uint32_t)core->s.next_principal};
}

const struct dure_fleet *dure_core_fleet(const struct dure_core *core)
{
    return core->fleet;
}

const struct dure_tenants *dure_core_tenants(const struct dure_core *core)
{
    return core->tenants;
}

const struct dure_power *dure_core_power(const struct dure_core *core)
{
    return core->power;
}

const struct dure_data *dure_core_data(const struct dure_core *core)
{
    return core->data;
}
