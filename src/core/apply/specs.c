/* Fleets, tenants and grants: canonical texts become tables. */
#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/gate/fence.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/queue/ceilings.h"
#include "core/queue/need.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

enum dure_err spec_chain_cells(const struct dure_chain *chain, struct dure_cells **ret_cells, struct dure_error *error)
{
    struct dure_cells_shape shape = {.levels = chain->level_count, .tops = chain->tops};
    for (unsigned l = 2; l <= chain->level_count; l++)
        shape.holds[l] = chain->levels[l].holds;
    return dure_cells_new(&shape, ret_cells, error);
}

static void chain_init(struct dure_core *core, uint32_t at)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    struct chain_state *state = &core->chains[at];
    uint32_t spans[DURE_LEVELS_MAX + 1], count = 0;
    for (unsigned l = chain->node_level + 1u; l <= chain->level_count; l++)
        spans[count++] = dure_chain_leaves_at(chain, l) / chain->node_gpus;
    dure_slots_init(&state->idle, chain->node_count, chain->node_gpus, spans, count);
    dure_slots_init(&state->away, chain->node_count, chain->node_gpus, spans, count);
    state->occupant = dure_core_alloc(sizeof *state->occupant, chain->leaf_count);
    state->claim = dure_core_alloc(sizeof *state->claim, chain->leaf_count);
    memset(state->occupant, 0xff, sizeof *state->occupant * chain->leaf_count);
    memset(state->claim, 0xff, sizeof *state->claim * chain->leaf_count);
    const bool here = chain->available_from_us <= core->s.time_us;
    for (uint32_t i = 0; i < chain->node_count; i++) {
        struct node *node = &core->nodes[chain->node_first + i];
        *node = (struct node){
            .d = {.state = here ? DURE_NODE_UP : DURE_NODE_ARRIVING}, .window_us = DURE_NEVER_US, .chain = at};
        if (here) {
            dure_slots_set(&state->idle, i, state->idle.full);
            dure_slots_set(&state->away, i, state->idle.full);
        }
        dure_digest_add(&core->digest, node_hash(core, chain->node_first + i));
    }
}

static struct dure_digest factor_of(uint64_t chain)
{
    struct dure_digest factor = dure_hash_words(DOMAIN_CELLS, &chain, 1);
    factor.lane[0] |= 1;
    factor.lane[1] |= 1;
    return factor;
}

void spec_watch_cells(struct dure_core *core, uint32_t chain)
{
    dure_cells_tell(core->chains[chain].cells, &core->loose_chains[chain / 64], UINT64_C(1) << chain % 64);
}

void spec_install_fleet(struct dure_core *core, struct dure_fleet *fleet)
{
    const uint32_t before = core->fleet ? core->fleet->chain_count : 0;
    core->chains = dure_core_grow(core->chains, sizeof *core->chains, fleet->chain_count);
    struct node *was = core->nodes;
    core->nodes = dure_core_lines(sizeof *core->nodes, fleet->node_count);
    if (was)
        memcpy(core->nodes, was, core->fleet->node_count * sizeof *was);
    free(was);
    const uint32_t known = core->fleet ? core->fleet->node_count : 0;
    core->node_words = dure_core_grow(core->node_words, sizeof *core->node_words, fleet->node_count);
    memset(core->node_words + known, 0, (fleet->node_count - known) * sizeof *core->node_words);
    dure_fleet_free(core->fleet);
    core->fleet = fleet;
    core->s.fleet_set = 1;
    core->s.fleet = dure_hash128(DOMAIN_TEXT, fleet->spec_json, fleet->spec_json_length);
    for (uint32_t i = before; i < fleet->chain_count; i++) {
        core->chains[i] = (struct chain_state){.window_us = DURE_NEVER_US, .factor = factor_of(i)};
        const enum dure_err err = spec_chain_cells(&fleet->chains[i], &core->chains[i].cells, NULL);
        DURE_ASSERT(err == DURE_OK); /* a fleet that the model passed has lawful chains */
        chain_init(core, i);
    }
    free(core->loose_chains);
    core->loose_chains = dure_core_alloc(sizeof *core->loose_chains, fleet->chain_count / 64 + 1);
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        spec_watch_cells(core, i);
    allots_order_chains(core);
    gate_rebuild(core);
    fence_rebuild(core);
    core->world_next_us = world_next(core);
    if (core->tenants)
        queue_rebuild(core); /* more hardware may carry more */
}

enum dure_err spec_fleet(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error)
{
    struct dure_fleet *fleet = NULL;
    enum dure_err err = dure_fleet_from_json(record->text, record->text_length, &fleet, error);
    if (err != DURE_OK)
        return err;
    if (core->fleet)
        err = dure_fleet_may_follow(core->fleet, fleet, error);
    if (err != DURE_OK || dry) {
        dure_fleet_free(fleet);
        return err;
    }
    apply_moment(core, record);
    spec_install_fleet(core, fleet);
    return DURE_OK;
}

void spec_install_tenants(struct dure_core *core, struct dure_tenants *tenants)
{
    const uint32_t before = core->tenants ? core->tenants->tenant_count : 0, count = tenants->tenant_count;
    if (core->tenants) {
        planned_void_all(core, DURE_CAUSE_REDECLARED);
        queue_forget_needs(core);
    }
    queue_release(core);
    dure_bits_release(&core->dirty);
    DURE_ASSERT(dure_bits_init(&core->dirty, (uint64_t)count + 2));
    core->queues = dure_core_alloc(sizeof *core->queues, (size_t)count + 2);
    for (uint32_t i = 0; i < count + 2; i++)
        core->queues[i].planned = NONE;
    planned_seat_all(core, count); /* until their UNPLANs follow */
    struct tenant_state *was = core->tenant;
    core->tenant = dure_core_lines(sizeof *core->tenant, count);
    if (before)
        memcpy(core->tenant, was, before * sizeof *was);
    free(was);
    for (uint32_t i = before; i < count; i++)
        core->tenant[i] = (struct tenant_state){.holder = NONE, .first_allot = NONE, .last_allot = NONE, .top = i};
    for (uint32_t i = 0; i < count; i++) {
        core->tenant[i].parent = tenants->tenants[i].parent.v;
        core->tenant[i].weight = tenants->tenants[i].weight;
        core->tenant[i].depth = tenants->tenants[i].depth;
    }
    dure_tenants_free(core->tenants);
    core->tenants = tenants;
    fence_rebuild(core);
    core->s.tenants_set = 1;
    core->s.tenants = dure_hash128(DOMAIN_TEXT, tenants->spec_json, tenants->spec_json_length);
    branches_renew(core);
    ceiling_renew(core);
    allots_rehold(core);
    queue_find_needs(core);
    core->world_next_us = world_next(core);
}

static bool was_granted(const struct dure_core *core, const char *name)
{
    for (uint32_t i = 0; i < core->s.allot_count; i++)
        if (!strcmp(core->allots[i]->spec.name, name))
            return true;
    return false;
}

/* The allotments that the spec names and nobody granted yet. */
static enum dure_err grant_new(struct dure_core *core, const struct dure_tenants *tenants, bool dry,
                               struct dure_error *error)
{
    struct dure_allotment *rows = dure_core_alloc(sizeof *rows, tenants->allotment_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < tenants->allotment_count; i++)
        if (!was_granted(core, tenants->allotments[i].name))
            rows[count++] = tenants->allotments[i];
    const struct dure_tenants *now = core->tenants;
    core->tenants = (struct dure_tenants *)tenants; /* the rows name its tenants */
    const enum dure_err err = allots_grant(core, rows, count, true, dry, error);
    core->tenants = (struct dure_tenants *)now;
    free(rows);
    return err;
}

enum dure_err spec_tenants(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error)
{
    if (!core->fleet)
        return dure_fail(error, DURE_E_STATE, "no fleet is declared yet");
    struct dure_tenants *tenants = NULL;
    enum dure_err err = dure_tenants_from_json(record->text, record->text_length, core->fleet, &tenants, error);
    if (err != DURE_OK)
        return err;
    if (core->tenants)
        err = dure_tenants_may_follow(core->tenants, tenants, error);
    if (err == DURE_OK)
        err = grant_new(core, tenants, dry, error);
    if (err != DURE_OK || dry) {
        dure_tenants_free(tenants);
        return err;
    }
    apply_moment(core, record);
    spec_install_tenants(core, tenants);
    return DURE_OK;
}

enum dure_err spec_grant(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error)
{
    if (!core->tenants)
        return dure_fail(error, DURE_E_STATE, "no tenants are declared yet");
    struct dure_arena *arena = dure_arena_new(64u << 20);
    if (!arena)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    struct dure_allotment *rows = NULL;
    uint32_t count = 0;
    enum dure_err err = dure_allotments_from_json(record->text, record->text_length, core->fleet, core->tenants, arena,
                                                  &rows, &count, error);
    if (err == DURE_OK)
        err = allots_grant(core, rows, count, false, dry, error);
    dure_arena_free(arena);
    if (err != DURE_OK || dry)
        return err;
    apply_moment(core, record);
    allots_rehold(core);
    core->world_next_us = world_next(core);
    return DURE_OK;
}

void spec_install_prices(struct dure_core *core, const struct dure_prices *prices)
{
    core->hole_prices = *prices;
    core->s.prices = dure_hash128(DOMAIN_TEXT, prices, sizeof *prices);
}

/* Where a fraction goes changes, never whether it goes: no verdict changes. */
enum dure_err spec_prices(struct dure_core *core, const struct dure_record *record, bool dry, struct dure_error *error)
{
    struct dure_prices prices;
    const enum dure_err err = dure_prices_read(record->text, record->text_length, &prices, error);
    if (err != DURE_OK || dry)
        return err;
    apply_moment(core, record);
    spec_install_prices(core, &prices);
    return DURE_OK;
}
