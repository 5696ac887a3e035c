#include "core/place/price.h"

#include "core/place/ground.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/state/planned.h"

/* Leaves without any eviction: when, at the latest; INT64_MAX: it does not. */
static int64_t gone_by(const struct dure_core *core, const struct attempt *attempt)
{
    const int64_t grace = job_ask(core, attempt->job)->grace_us;
    if (attempt->d.state == DURE_ATTEMPT_STOPPING)
        return attempt->d.started_us;
    if (attempt->d.state == DURE_ATTEMPT_WARNED)
        return attempt->d.deadline_us;
    return grace && attempt->d.walltime_end_us - core->s.time_us <= grace ? attempt->d.walltime_end_us : INT64_MAX;
}

/* Half of the interval that it declares; 0: none, or it says each time itself. */
static int64_t interval_half(const struct dure_core *core, const struct attempt *attempt)
{
    const bool says = attempt->d.checkpointed_us > attempt->d.started_us;
    return says ? 0 : job_ask(core, attempt->job)->checkpoint_us / 2;
}

/* Work that goes with it: what it has done since it last said that it kept its work, or since it began. Who says only how often it does that loses
 * half of such an interval once it has run so long: nobody knows where in it it stands. */
static dure_cells_wide lost_of(const struct dure_core *core, const struct attempt *attempt, uint32_t milli,
                               int64_t *ret_slope)
{
    const int64_t fixed_us = interval_half(core, attempt), now = core->s.time_us;
    const bool is_fixed = fixed_us && now - attempt->d.started_us >= fixed_us;
    *ret_slope = is_fixed ? 0 : milli;
    return is_fixed ? -(dure_cells_wide)milli * fixed_us : (dure_cells_wide)milli * attempt->d.checkpointed_us;
}

struct dure_cells_price price_of(const struct dure_core *core, const struct attempt *attempt)
{
    const int64_t gone_us = gone_by(core, attempt);
    struct dure_cells_price price = {0};
    if (gone_us != INT64_MAX)
        return (struct dure_cells_price){.gone_ms = gone_us / 1000};
    if (DURE_CORE_MUTATED(YOUTH_ALONE))
        return (struct dure_cells_price){.gangs = 1, .started_ms = attempt->d.started_us / 1000};
    if (DURE_CORE_MUTATED(GANG_IN_PARTS)) {
        const uint32_t part = attempt->d.gpus_milli < 4000 ? attempt->d.gpus_milli : 4000;
        price.lost = lost_of(core, attempt, part, &price.slope);
        return price;
    }
    price.lost = lost_of(core, attempt, attempt->d.gpus_milli, &price.slope);
    price.started_ms = attempt->d.started_us / 1000;
    price.gangs = 1;
    price.restarts = attempt->d.restarts;
    return price;
}

/* When its price stops being the line that it is. */
static int64_t changes_at(const struct dure_core *core, const struct attempt *attempt)
{
    const struct request *ask = job_ask(core, attempt->job);
    if (gone_by(core, attempt) != INT64_MAX)
        return DURE_NEVER_US;
    const int64_t gone = ask->grace_us ? attempt->d.walltime_end_us - ask->grace_us : DURE_NEVER_US;
    const int64_t half = interval_half(core, attempt), fixed = attempt->d.started_us + half;
    return half && fixed > core->s.time_us && fixed < gone ? fixed : gone;
}

/* ---- in the cells ---- */

static void put(struct dure_cells *cells, uint32_t index, unsigned level, const struct dure_cells_price *price, bool on)
{
    const struct dure_cell cell = {index, (uint8_t)level};
    if (on)
        dure_cells_price_add(cells, cell, price);
    else
        dure_cells_price_sub(cells, cell, price);
}

/* Every cell of one level that the attempt stands in, once: places and the GPUs in them are in rising order. */
static void put_level(struct dure_core *core, const struct attempt *attempt, unsigned level,
                      const struct dure_cells_price *price, bool on)
{
    const struct dure_chain *chain = &core->fleet->chains[attempt->d.chain];
    struct dure_cells *cells = core->chains[attempt->d.chain].cells;
    const uint32_t leaves = dure_cells_leaves(cells, level);
    uint32_t last = NONE;
    for (uint32_t i = 0; i < attempt->d.place_count; i++) {
        const struct dure_place *p = &attempt->places[i];
        for (uint32_t k = 0; k < p->node_count; k++) {
            const uint32_t first = (p->node_first + k - chain->node_first) * chain->node_gpus;
            for (uint64_t mask = p->gpu_mask; mask; mask &= mask - 1) {
                const uint32_t cell = (first + (uint32_t)__builtin_ctzll(mask)) / leaves;
                if (cell != last)
                    put(cells, cell, level, price, on);
                last = cell;
                if (level >= chain->node_level)
                    break;
            }
        }
    }
}

/* What is doomed stays out until it is spared. */
static void put_all(struct dure_core *core, const struct attempt *attempt, bool on)
{
    for (uint32_t levels = attempt->doomed ? 0 : core->chains[attempt->d.chain].priced; levels; levels &= levels - 1)
        put_level(core, attempt, (unsigned)__builtin_ctz(levels), price_at(core, attempt), on);
}

static bool is_kept(const struct dure_core *core, uint32_t slot)
{
    return core->stands[slot].price != NONE;
}

void price_enter(struct dure_core *core, uint32_t slot)
{
    struct attempt *attempt = attempt_at(core, slot);
    if (!attempt->d.borrowed || !core->chains[attempt->d.chain].priced)
        return;
    attempt->price = dure_pool_take(&core->prices);
    *price_at(core, attempt) = price_of(core, attempt);
    put_all(core, attempt, true);
    dure_heap_add(&core->price_changes, changes_at(core, attempt), attempt->d.id, slot);
}

void price_leave(struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    if (!is_kept(core, slot))
        return;
    put_all(core, attempt, false);
    dure_heap_remove(&core->price_changes, core->stands[slot].price);
    dure_pool_give(&core->prices, attempt->price);
}

void price_change(struct dure_core *core, uint32_t slot)
{
    struct attempt *attempt = attempt_at(core, slot);
    if (!is_kept(core, slot))
        return;
    put_all(core, attempt, false);
    *price_at(core, attempt) = price_of(core, attempt);
    put_all(core, attempt, true);
    dure_heap_move(&core->price_changes, core->stands[slot].price, changes_at(core, attempt));
}

void price_fetch(const struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    if (!is_kept(core, slot))
        return;
    __builtin_prefetch(price_at(core, attempt));
    dure_heap_fetch(&core->price_changes, core->stands[slot].price);
    const uint32_t first = core->fleet->chains[attempt->d.chain].node_first;
    const uint32_t leaf = (attempt->places[0].node_first - first) * core->fleet->chains[attempt->d.chain].node_gpus +
                          (uint32_t)__builtin_ctzll(attempt->places[0].gpu_mask);
    dure_cells_price_fetch(core->chains[attempt->d.chain].cells, leaf);
}

/* What a price is made of lies cold, in three steps: the attempt, its job, the request. */
static inline __attribute__((always_inline)) void fetch_ahead(const struct dure_core *core, const struct ends *list,
                                                              uint32_t i)
{
    enum { STEP = 8 };
    if (i + 3 * STEP < list->count) {
        const struct attempt *attempt = attempt_at(core, list->at[i + 3 * STEP].slot);
        __builtin_prefetch(&attempt->d);
        __builtin_prefetch(&attempt->job);
        __builtin_prefetch(&attempt->price, 1);
    }
    if (i + 2 * STEP < list->count)
        __builtin_prefetch(&attempt_at(core, list->at[i + 2 * STEP].slot)->job->class);
    if (i + STEP < list->count)
        __builtin_prefetch(&attempt_at(core, list->at[i + STEP].slot)->job->class->ask.grace_us);
}

/* From now on prices of this level are kept, beginning with all that stand there. */
static void open_level(struct dure_core *core, uint32_t at, unsigned level)
{
    struct chain_state *chain = &core->chains[at];
    if (chain->priced >> level & 1)
        return;
    const bool first = !chain->priced;
    const enum dure_err err = dure_cells_price_open(chain->cells, level, NULL);
    DURE_ASSERT(err == DURE_OK);
    chain->priced |= 1u << level;
    const struct ends *lent = &chain->ends;
    for (uint32_t i = 0; i < lent->count; i++) {
        const uint32_t slot = lent->at[i].slot;
        fetch_ahead(core, lent, i);
        if (first)
            price_enter(core, slot);
        else if (!attempt_at(core, slot)->doomed)
            put_level(core, attempt_at(core, slot), level, price_at(core, attempt_at(core, slot)), true);
    }
}

static void advance(struct dure_core *core)
{
    while (core->price_changes.count && core->price_changes.at[0].key <= core->s.time_us)
        price_change(core, core->price_changes.at[0].slot);
}

/* ---- choosing ---- */

typedef void (*user_fn)(struct dure_core *core, void *context, uint32_t slot);

/* Hands each attempt that has to go from the leaves used of a cell to `each`, once. */
static void each_user(struct dure_core *core, uint32_t id, struct dure_cell cell, uint32_t index,
                      const struct dure_takes *takes, uint32_t from, user_fn each, void *context)
{
    const struct allot *allot = core->allots[id];
    const uint32_t chain = allot->spec.chain.v, base = dure_cells_first_leaf(core->chains[chain].cells, cell);
    core->price_stamp++;
    for (uint32_t i = from; i < takes->count; i++) {
        const struct dure_take *t = &takes->at[i];
        if (t->slot / allot->cell_slots != index)
            continue;
        for (uint64_t mask = t->mask; mask; mask &= mask - 1) {
            const uint32_t *users = NULL;
            const uint32_t leaf =
                base + t->slot % allot->cell_slots * allot->slot_gpus + (uint32_t)__builtin_ctzll(mask);
            const uint32_t count = ground_users(core, chain, leaf, &users);
            for (uint32_t k = 0; k < count; k++) {
                struct attempt *attempt = attempt_at(core, users[k]);
                if (!attempt->d.borrowed || attempt->price_stamp == core->price_stamp)
                    continue;
                attempt->price_stamp = core->price_stamp;
                each(core, context, users[k]);
            }
        }
    }
}

static void add_price(struct dure_core *core, void *context, uint32_t slot)
{
    if (!attempt_at(core, slot)->doomed)
        dure_cells_price_sum(context, price_at(core, attempt_at(core, slot)));
}

static uint32_t leaves_used(const struct allot *allot, uint32_t index, const struct dure_takes *takes, uint32_t from)
{
    uint32_t used = 0;
    for (uint32_t i = from; i < takes->count; i++)
        if (takes->at[i].slot / allot->cell_slots == index)
            used += (uint32_t)__builtin_popcountll(takes->at[i].mask);
    return used;
}

static bool choose(struct dure_core *core, uint32_t id, uint32_t index, const struct dure_takes *takes, uint32_t from,
                   struct dure_cell *ret_cell)
{
    const struct allot *allot = core->allots[id];
    struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    const struct dure_allot_id right = {id};
    if (dure_cells_choose(cells, right, index, true, ret_cell, NULL) != DURE_OK)
        return false;
    if (!dure_cells_sum(cells, *ret_cell).borrowed)
        return true;
    open_level(core, allot->spec.chain.v, allot->spec.level);
    advance(core);
    struct dure_cell few[PRICE_FEW];
    uint32_t count = 0;
    const uint32_t most = leaves_used(allot, index, takes, from) == allot->cell_leaves ? 1 : PRICE_FEW;
    const enum dure_err err = dure_cells_cheapest(cells, right, index, core->s.time_us, most, few, &count, NULL);
    DURE_ASSERT(err == DURE_OK && count);
    struct dure_cells_price least = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct dure_cells_price price = {0};
        if (count > 1)
            each_user(core, id, few[i], index, takes, from, add_price, &price);
        if (i && dure_cells_price_compare(&price, &least, core->s.time_us) >= 0)
            continue;
        least = price;
        *ret_cell = few[i];
    }
    return true;
}

bool price_choose(struct dure_core *core, uint32_t id, uint32_t index, const struct dure_takes *takes, uint32_t from,
                  struct dure_cell *ret_cell)
{
    if (!choose(core, id, index, takes, from, ret_cell))
        return false;
    if (!planned_wants_cell(core, id, *ret_cell))
        return true;
    const struct dure_cells *cells = core->chains[core->allots[id]->spec.chain.v].cells;
    struct dure_cell cell = {0, ret_cell->level};
    for (; cell.index < dure_cells_count(cells, cell.level); cell.index++)
        if (!planned_wants_cell(core, id, cell) &&
            dure_cells_may_take(cells, (struct dure_allot_id){id}, index, cell)) {
            *ret_cell = cell;
            return true;
        }
    return false;
}

static void doom(struct dure_core *core, void *context, uint32_t slot)
{
    (void)context;
    struct attempt *attempt = attempt_at(core, slot);
    if (attempt->doomed)
        return;
    if (core->doomed.count == core->doomed.capacity) {
        core->doomed.capacity = core->doomed.capacity ? core->doomed.capacity * 2 : 16;
        core->doomed.at = dure_core_grow(core->doomed.at, sizeof *core->doomed.at, core->doomed.capacity);
    }
    core->doomed.at[core->doomed.count++] = slot;
    if (is_kept(core, slot))
        put_all(core, attempt, false);
    attempt->doomed = true;
}

void price_doom(struct dure_core *core, uint32_t id, struct dure_cell cell, uint32_t index,
                const struct dure_takes *takes, uint32_t from)
{
    const struct allot *allot = core->allots[id];
    if (!dure_cells_sum(core->chains[allot->spec.chain.v].cells, cell).borrowed)
        return;
    open_level(core, allot->spec.chain.v, allot->spec.level); /* what a trial finds must not hang on who asked before */
    advance(core);
    each_user(core, id, cell, index, takes, from, doom, NULL);
}

void price_spare_all(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->doomed.count; i++) {
        const uint32_t slot = core->doomed.at[i];
        struct attempt *attempt = attempt_at(core, slot);
        attempt->doomed = false;
        if (is_kept(core, slot))
            put_all(core, attempt, true);
    }
    core->doomed.count = 0;
}
