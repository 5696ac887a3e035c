#include "core/allot/allots.h"

#include <stdlib.h>
#include <string.h>

#include "core/decide/after.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/shares.h"
#include "core/place/sight.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"
#include "core/state/moves.h"
#include "core/state/planned.h"

static char *copy_text(const char *text)
{
    const size_t length = strlen(text) + 1;
    return memcpy(dure_core_alloc(length, 1), text, length);
}

struct dure_digest allots_hash(const struct allot *allot, uint32_t id)
{
    const struct dure_allotment *s = &allot->spec;
    const uint64_t bytes[6] = {id,
                               (uint64_t)s->tenant.v << 32 | s->chain.v,
                               (uint64_t)s->level << 32 | allot->cells,
                               (uint64_t)s->from_us,
                               (uint64_t)s->until_us,
                               allot->state};
    struct dure_digest sum = dure_hash_words(DOMAIN_ALLOT, bytes, 6);
    dure_digest_add(&sum, dure_hash128(DOMAIN_TEXT + ((uint64_t)id << 8), s->name, strlen(s->name)));
    return sum;
}

uint32_t allots_find(const struct dure_core *core, const char *name)
{
    for (uint32_t i = core->s.allot_count; i-- > 0;)
        if (core->allots[i]->state != DURE_ALLOT_ENDED && !strcmp(core->allots[i]->spec.name, name))
            return i;
    return NONE;
}

static struct allot *make(struct dure_core *core, const struct dure_allotment *spec, unsigned state)
{
    const struct dure_chain *chain = &core->fleet->chains[spec->chain.v];
    struct allot *allot = dure_core_alloc(sizeof *allot, 1);
    allot->spec = *spec;
    allot->spec.name = copy_text(spec->name);
    allot->spec.after = copy_text(spec->after ? spec->after : "");
    allot->state = (uint8_t)state;
    allot->next_of_holder = NONE;
    allot->priority_floor = INT32_MAX;
    allot->cells = spec->count;
    allot->cell_leaves = dure_chain_leaves_at(chain, spec->level);
    const bool has_nodes = spec->level >= chain->node_level;
    allot->slot_gpus = has_nodes ? chain->node_gpus : allot->cell_leaves;
    allot->cell_slots = allot->cell_leaves / allot->slot_gpus;
    return allot;
}

static void make_slots(struct dure_core *core, struct allot *allot, uint32_t index_end)
{
    const struct dure_chain *chain = &core->fleet->chains[allot->spec.chain.v];
    uint32_t spans[DURE_LEVELS_MAX + 1], count = 0;
    for (unsigned l = chain->node_level + 1u; l <= allot->spec.level; l++)
        spans[count++] = dure_chain_leaves_at(chain, l) / chain->node_gpus;
    dure_slots_init(&allot->slots, index_end * allot->cell_slots, allot->slot_gpus, spans, count);
}

static void keep(struct dure_core *core, struct allot *allot, uint32_t index_end)
{
    if (core->s.allot_count == core->allot_capacity) {
        core->allot_capacity = core->allot_capacity ? core->allot_capacity * 2 : 64;
        core->allots = dure_core_grow(core->allots, sizeof(struct allot *), core->allot_capacity);
    }
    const uint32_t id = core->s.allot_count++;
    core->allots[id] = allot;
    if (allot->state != DURE_ALLOT_ENDED) {
        make_slots(core, allot, index_end);
        core->chains[allot->spec.chain.v].owed_leaves += allot->cells * allot->cell_leaves;
    }
    dure_digest_add(&core->digest, allots_hash(allot, id));
}

void allots_load(struct dure_core *core, const struct dure_allotment *spec, unsigned state, uint32_t cells)
{
    struct allot *allot = make(core, spec, state);
    struct dure_cells_right_view view = {.index_end = spec->count};
    if (!dure_cells_right(core->chains[spec->chain.v].cells, (struct dure_allot_id){core->s.allot_count}, &view) &&
        state != DURE_ALLOT_ENDED)
        allot->state = DURE_ALLOT_ENDED; /* the digest will tell */
    allot->cells = cells;
    keep(core, allot, view.index_end);
}

void allots_free(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        dure_slots_release(&core->allots[i]->slots);
        free(core->allots[i]->kept);
        free(core->allots[i]->hidden.at);
        free((char *)core->allots[i]->spec.name);
        free((char *)core->allots[i]->spec.after);
        free(core->allots[i]);
    }
    free(core->allots);
}

/* ---- granting ---- */

static bool is_over(const struct dure_core *core, const struct dure_allotment *row)
{
    return row->until_us <= core->s.time_us;
}

static enum dure_err check_row(const struct dure_core *core, const struct dure_allotment *row, struct dure_error *error)
{
    if (allots_find(core, row->name) != NONE)
        return dure_fail(error, DURE_E_STATE, "there is an allotment '%s' already", row->name);
    if (is_over(core, row))
        return dure_fail(error, DURE_E_STATE, "allotment '%s' would have ended already", row->name);
    if (row->from_us < core->fleet->chains[row->chain.v].available_from_us)
        return dure_fail(error, DURE_E_STATE, "allotment '%s' begins before the hardware of chain '%s' arrives",
                         row->name, core->fleet->chains[row->chain.v].name);
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        const struct dure_tenant_id other = core->allots[i]->spec.tenant;
        if (core->allots[i]->state == DURE_ALLOT_ENDED || other.v == row->tenant.v)
            continue;
        if (dure_tenants_within(core->tenants, other, row->tenant) ||
            dure_tenants_within(core->tenants, row->tenant, other))
            return dure_fail(
                error, DURE_E_STATE,
                "allotment '%s': tenant '%s' holds '%s' on the same path; one tier of a path holds allotments",
                row->name, core->tenants->tenants[other.v].path, core->allots[i]->spec.name);
    }
    return DURE_OK;
}

static enum dure_err accept(struct dure_core *core, const struct dure_allotment *row, uint32_t id,
                            const struct dure_allotment *rows, uint32_t index, struct dure_error *error)
{
    const struct dure_chain *chain = &core->fleet->chains[row->chain.v];
    const bool own = core->tenants->tenants[row->tenant.v].owner.v == chain->owner.v;
    struct dure_cells_right right = {.id = {id},
                                     .holder = row->tenant,
                                     .count = row->count,
                                     .level = row->level,
                                     .rank = own ? 0 : 1,
                                     .start_us = row->from_us,
                                     .end_us = row->until_us,
                                     .predecessor = {NONE}};
    if (row->after && *row->after) {
        right.predecessor.v = allots_find(core, row->after);
        for (uint32_t i = 0; i < index && right.predecessor.v == NONE; i++)
            if (!is_over(core, &rows[i]) && !strcmp(rows[i].name, row->after))
                right.predecessor.v = core->s.allot_count + i;
        /* A predecessor that is over has nothing to hand on. */
    }
    struct dure_cells_shortfall lack = {0};
    const enum dure_err err = dure_cells_accept(core->chains[row->chain.v].cells, &right, &lack, error);
    if (err == DURE_E_SHORT && gate_explains(core, row, &right, error))
        return err;
    if (err == DURE_E_SHORT)
        return dure_fail(error, err,
                         "allotment '%s' asks for %u cells of level '%s' in chain '%s', %u GPUs each; %u can be "
                         "promised, %u fewer than asked",
                         row->name, row->count, chain->levels[row->level].name, chain->name,
                         dure_chain_leaves_at(chain, row->level), lack.fits, row->count - lack.fits);
    return err;
}

/* Can all be fed? Tried on the cells that have accepted them, without a trace. */
static enum dure_err admit(struct dure_core *core, const struct dure_allotment *rows, uint32_t count,
                           const bool *marked, struct dure_error *error)
{
    struct dure_cells_mark *marks = dure_core_alloc(sizeof *marks, core->fleet->chain_count);
    for (uint32_t c = 0; c < core->fleet->chain_count; c++)
        if (marked[c])
            marks[c] = dure_cells_mark(core->chains[c].cells);
    const enum dure_err err = gate_admit(core, rows, count, error);
    for (uint32_t c = 0; c < core->fleet->chain_count; c++)
        if (marked[c])
            dure_cells_rollback(core->chains[c].cells, marks[c]);
    free(marks);
    return err;
}

enum dure_err allots_grant(struct dure_core *core, const struct dure_allotment *rows, uint32_t count, bool over_too,
                           bool dry, struct dure_error *error)
{
    if (count + core->s.allot_count > DURE_ALLOTMENTS_MAX)
        return dure_fail(error, DURE_E_LIMIT, "more than %d allotments", DURE_ALLOTMENTS_MAX);
    struct dure_cells_mark *marks = dure_core_alloc(sizeof *marks, core->fleet->chain_count);
    bool *marked = dure_core_alloc(sizeof *marked, core->fleet->chain_count);
    enum dure_err err = DURE_OK;
    for (uint32_t i = 0; i < count && err == DURE_OK; i++) {
        if (over_too && is_over(core, &rows[i]))
            continue;
        err = check_row(core, &rows[i], error);
        if (err == DURE_OK && !marked[rows[i].chain.v]) {
            marked[rows[i].chain.v] = true;
            marks[rows[i].chain.v] = dure_cells_mark(core->chains[rows[i].chain.v].cells);
        }
        if (err == DURE_OK)
            err = accept(core, &rows[i], core->s.allot_count + i, rows, i, error);
    }
    if (err == DURE_OK)
        err = admit(core, rows, count, marked, error);
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        if (!marked[c])
            continue;
        if (err == DURE_OK && !dry)
            dure_cells_commit(core->chains[c].cells, marks[c]);
        else
            dure_cells_rollback(core->chains[c].cells, marks[c]);
    }
    free(marks);
    free(marked);
    for (uint32_t i = 0; i < count && err == DURE_OK && !dry; i++) {
        const bool over = is_over(core, &rows[i]);
        struct allot *allot = make(core, &rows[i], over ? DURE_ALLOT_ENDED : DURE_ALLOT_PROMISED);
        if (over)
            allot->cells = 0;
        keep(core, allot, rows[i].count);
    }
    return err;
}

void allots_set_state(struct dure_core *core, uint32_t id, unsigned state)
{
    struct allot *allot = core->allots[id];
    DURE_ASSERT(dure_move_allot(allot->state, state));
    dure_digest_sub(&core->digest, allots_hash(allot, id));
    allot->state = (uint8_t)state;
    dure_digest_add(&core->digest, allots_hash(allot, id));
}

void allots_start(struct dure_core *core, uint32_t id)
{
    struct allot *allot = core->allots[id];
    const enum dure_err err =
        dure_cells_start(core->chains[allot->spec.chain.v].cells, (struct dure_allot_id){id}, NULL);
    DURE_ASSERT(err == DURE_OK || err == DURE_E_STATE);
    sight_allot(core, id);
    queue_wake(core, allot->spec.tenant.v);
}

/* ---- holders ---- */

void allots_rehold(struct dure_core *core)
{
    const uint32_t tenants = core->tenants->tenant_count;
    for (uint32_t t = 0; t < tenants; t++)
        core->tenant[t].first_allot = core->tenant[t].last_allot = NONE;
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        struct allot *allot = core->allots[i];
        struct tenant_state *t = &core->tenant[allot->spec.tenant.v];
        allot->next_of_holder = NONE;
        if (allot->state == DURE_ALLOT_ENDED)
            continue;
        if (t->first_allot == NONE)
            t->first_allot = i;
        else
            core->allots[t->last_allot]->next_of_holder = i;
        t->last_allot = i;
    }
    bool changed = false;
    for (uint32_t t = 0; t < tenants; t++) { /* parents come before children */
        const uint32_t parent = core->tenants->tenants[t].parent.v, was = core->tenant[t].holder;
        core->tenant[t].top = parent == NONE ? t : core->tenant[parent].top;
        core->tenant[t].holder = core->tenant[t].first_allot != NONE ? t
                                 : parent == NONE                    ? NONE
                                                                     : core->tenant[parent].holder;
        changed |= core->tenant[t].holder != was;
    }
    allots_order_chains(core);
    if (changed)
        queue_rebuild(core);
    for (uint32_t t = 0; t < tenants + 2; t++)
        queue_wake(core, t);
}

void allots_order_chains(struct dure_core *core)
{
    const uint32_t count = core->fleet->chain_count;
    core->borrow_order = dure_core_grow(core->borrow_order, sizeof *core->borrow_order, count);
    core->lenders_stamp++;
    for (uint32_t i = 0; i < count; i++) { /* by insertion: few chains, rare changes */
        const uint64_t owed = core->chains[i].owed_leaves, all = core->fleet->chains[i].leaf_count;
        uint32_t at = i;
        for (; at > 0; at--) {
            const uint32_t other = core->borrow_order[at - 1];
            if (core->chains[other].owed_leaves * (uint64_t)all <= owed * core->fleet->chains[other].leaf_count)
                break;
            core->borrow_order[at] = other;
        }
        core->borrow_order[at] = i;
    }
}

/* ---- cutting ---- */

static void rebind(struct dure_core *core, uint32_t slot, const struct dure_cells_event *event)
{
    struct attempt *attempt = attempt_at(core, slot);
    for (uint32_t i = 0; i < attempt->d.binding_count; i++) {
        struct dure_binding *b = &attempt->bindings[i];
        if (b->allot.v != event->allot.v || b->virtual_index != event->virtual_index)
            continue;
        allot_use_end(core, attempt);
        attempt_rebind(core, slot, i, event->heir.v, event->heir_index);
        allot_use_begin(core, attempt);
        return;
    }
}

bool allots_holds(const struct attempt *attempt, const struct dure_cells_event *event)
{
    for (uint32_t i = 0; i < attempt->d.binding_count; i++)
        if (attempt->bindings[i].allot.v == event->allot.v &&
            attempt->bindings[i].virtual_index == event->virtual_index)
            return true;
    return false;
}

/* Hands the attempts on one cell that goes to `act`, once for each leaf they stand on. */
static void each_user(struct dure_core *core, uint32_t chain, const struct dure_cells_event *event,
                      void (*act)(struct dure_core *core, uint32_t slot, const struct dure_cells_event *event))
{
    if (!event->cell.level || !event->used)
        return;
    const struct dure_cells *cells = core->chains[chain].cells;
    const uint32_t first = dure_cells_first_leaf(cells, event->cell),
                   count = dure_cells_leaves(cells, event->cell.level);
    for (uint32_t leaf = first; leaf < first + count; leaf++) {
        const uint32_t *users = NULL;
        const uint32_t user_count = ground_users(core, chain, leaf, &users);
        for (uint32_t i = 0; i < user_count; i++)
            if (!attempt_at(core, users[i])->d.borrowed && allots_holds(attempt_at(core, users[i]), event))
                act(core, users[i], event);
    }
}

static void demote(struct dure_core *core, uint32_t slot, const struct dure_cells_event *event)
{
    ground_demote(core, slot);
    after_add(core, AFTER_DEMOTED,
              attempt_at(core, slot)->d.id | (event->kind == DURE_CELLS_HANDED_OVER ? AFTER_TAKEN_OVER : 0));
}

/* A claim on this leaf that uses the allotment; NONE. */
static uint32_t claim_by(const struct dure_core *core, uint32_t chain, uint32_t leaf, uint32_t id)
{
    const uint32_t *claims = NULL;
    const uint32_t count = ground_claims(core, chain, leaf, &claims);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < claim_at(core, claims[i])->d.binding_count; k++)
            if (claim_at(core, claims[i])->bindings[k].allot.v == id)
                return claims[i];
    return NONE;
}

static void drop_claims(struct dure_core *core, uint32_t id)
{
    const uint32_t chain = core->allots[id]->spec.chain.v, leaves = core->fleet->chains[chain].leaf_count;
    for (uint32_t leaf = 0; core->claims.count && leaf < leaves; leaf++)
        for (uint32_t claim = claim_by(core, chain, leaf, id); claim != NONE; claim = claim_by(core, chain, leaf, id))
            after_give_up_claim(core, claim);
}

void allots_cut(struct dure_core *core, uint32_t id, uint32_t stay)
{
    struct allot *allot = core->allots[id];
    const uint32_t chain = allot->spec.chain.v;
    struct dure_cells *cells = core->chains[chain].cells;
    planned_void(core, allot->spec.tenant.v, DURE_CAUSE_ALLOT_ENDED);
    drop_claims(core, id);
    const enum dure_err err = stay ? dure_cells_shrink(cells, (struct dure_allot_id){id}, stay, true, NULL)
                                   : dure_cells_end(cells, (struct dure_allot_id){id}, true, NULL);
    DURE_ASSERT(err == DURE_OK);
    size_t count;
    const struct dure_cells_event *events = dure_cells_events(cells, &count);
    struct dure_cells_event *went = dure_core_alloc(sizeof *went, count);
    memcpy(went, events, count * sizeof *went);
    for (size_t i = 0; i < count; i++)
        if (went[i].kind == DURE_CELLS_HANDED_OVER &&
            core->allots[went[i].heir.v]->spec.tenant.v == allot->spec.tenant.v)
            each_user(core, chain, &went[i], rebind);
    for (size_t i = 0; i < count;
         i++) /* first those whose cells another right has from now on: whoever loses one has to go */
        if (went[i].kind == DURE_CELLS_HANDED_OVER)
            each_user(core, chain, &went[i], demote);
    for (size_t i = 0; i < count; i++)
        each_user(core, chain, &went[i], demote);
    for (size_t i = 0; i < count; i++) {
        const uint32_t leaves = went[i].cell.level ? dure_cells_leaves(cells, went[i].cell.level) : 0;
        for (uint32_t k = 0; k < leaves; k++)
            share_follow(core, chain, dure_cells_first_leaf(cells, went[i].cell) + k);
        if (leaves)
            sight_bound(core, chain, dure_cells_first_leaf(cells, went[i].cell), leaves);
        sight_cell(core, id, went[i].virtual_index);
        if (went[i].kind != DURE_CELLS_HANDED_OVER)
            continue;
        sight_cell(core, went[i].heir.v, went[i].heir_index);
        after_add(core, AFTER_EMPTY, (uint64_t)went[i].heir.v << 32 | went[i].heir_index);
    }
    free(went);
    core->chains[chain].owed_leaves -= (allot->cells - stay) * allot->cell_leaves;
    dure_digest_sub(&core->digest, allots_hash(allot, id));
    allot->cells = stay;
    dure_digest_add(&core->digest, allots_hash(allot, id));
    if (stay)
        sight_allot(core, id); /* cells that were not bound went without an event */
    else
        dure_slots_release(&allot->slots);
}
