#include "core/cells/price.h"

#include <stdlib.h>

#include "core/cells/state.h"

/* The cheapest cell of the priced level somewhere, and until when it stays that; DURE_NONE32: none there. 0: to be looked at again. */
struct best {
    int64_t until_us;
    uint32_t winner;
};

struct dure_cells_prices {
    unsigned level;
    struct dure_cells_price *price;
    struct best
        *inside[DURE_CELLS_LEVELS_MAX +
                1]; /* per cell of the level or above: of those in it that are whole, whoever has what is above it */
    struct best *tree[DURE_CELLS_LEVELS_MAX + 1]; /* tournament over the cells of a level in which some may be had */
    uint32_t base[DURE_CELLS_LEVELS_MAX + 1];
};

void dure_cells_price_sum(struct dure_cells_price *sum, const struct dure_cells_price *more)
{
    sum->lost += more->lost;
    sum->slope += more->slope;
    sum->started_ms += more->started_ms;
    sum->gone_ms += more->gone_ms;
    sum->gangs += more->gangs;
    sum->restarts += more->restarts;
}

static dure_cells_wide lost_at(const struct dure_cells_price *price, int64_t now_us)
{
    return (dure_cells_wide)price->slope * now_us - price->lost;
}

static int64_t age_at(const struct dure_cells_price *price, int64_t now_us)
{
    return price->gangs * (now_us / 1000) - price->started_ms;
}

int dure_cells_price_compare(const struct dure_cells_price *a, const struct dure_cells_price *b, int64_t now_us)
{
    const dure_cells_wide lost_a = lost_at(a, now_us), lost_b = lost_at(b, now_us);
    if (lost_a != lost_b)
        return lost_a < lost_b ? -1 : 1;
    if (a->restarts != b->restarts)
        return a->restarts < b->restarts ? -1 : 1;
    const int64_t age_a = age_at(a, now_us), age_b = age_at(b, now_us);
    if (age_a != age_b)
        return age_a < age_b ? -1 : 1;
    return a->gone_ms < b->gone_ms ? -1 : a->gone_ms > b->gone_ms;
}

/* The first moment after `now_us` at which `other` may come before `winner`; too early is harmless. */
static int64_t fails_at(const struct dure_cells_price *winner, const struct dure_cells_price *other, int64_t now_us)
{
    const dure_cells_wide ahead = lost_at(other, now_us) - lost_at(winner, now_us);
    if (other->slope < winner->slope) {
        const int64_t rate = winner->slope - other->slope;
        if (ahead > INT64_MAX / 4)
            return INT64_MAX / 2;
        const int64_t in_us = ((int64_t)ahead + rate - 1) / rate;
        return now_us + (in_us > 0 ? in_us : 1);
    }
    if (other->slope > winner->slope || ahead || other->restarts != winner->restarts || other->gangs >= winner->gangs)
        return INT64_MAX;
    const int64_t rate = (int64_t)winner->gangs - other->gangs;
    const int64_t younger_ms = age_at(other, now_us) - age_at(winner, now_us);
    const int64_t at_us = (now_us / 1000 + (younger_ms + rate - 1) / rate) * 1000;
    return at_us > now_us ? at_us : now_us + 1;
}

static int order(const struct dure_cells_prices *prices, uint32_t a, uint32_t b, int64_t now_us)
{
    const int sign = dure_cells_price_compare(&prices->price[a], &prices->price[b], now_us);
    return sign ? sign : a < b ? -1 : a > b;
}

/* ---- keeping ---- */

bool dure_cells_is_priced(const struct dure_cells *cells, unsigned level)
{
    return cells->prices[level] != NULL;
}

static void forget(const struct dure_cells *cells, struct dure_cells_prices *prices)
{
    for (unsigned m = prices->level; m <= cells->shape.levels; m++) {
        free(prices->inside[m]);
        free(prices->tree[m]);
    }
    free(prices->price);
    free(prices);
}

void dure_cells_prices_free(struct dure_cells *cells)
{
    for (unsigned l = 1; l <= cells->shape.levels; l++)
        if (cells->prices[l])
            forget(cells, cells->prices[l]);
}

enum dure_err dure_cells_price_open(struct dure_cells *cells, unsigned level, struct dure_error *error)
{
    DURE_ASSERT(level >= 1 && level <= cells->shape.levels);
    if (cells->prices[level])
        return DURE_OK;
    struct dure_cells_prices *prices = calloc(1, sizeof *prices);
    bool good = prices != NULL;
    if (good) {
        prices->level = level;
        prices->price = calloc(cells->level[level].count, sizeof *prices->price);
        good = prices->price != NULL;
    }
    for (unsigned m = level; good && m <= cells->shape.levels; m++) {
        for (prices->base[m] = 1; prices->base[m] < cells->level[m].count;)
            prices->base[m] *= 2;
        prices->inside[m] = calloc(cells->level[m].count, sizeof *prices->inside[m]);
        prices->tree[m] = calloc(2 * (size_t)prices->base[m], sizeof *prices->tree[m]);
        good = prices->inside[m] && prices->tree[m];
    }
    if (!good) {
        if (prices)
            forget(cells, prices);
        return dure_fail(error, DURE_E_MEMORY, "no memory for the prices of %u cells", cells->level[level].count);
    }
    cells->prices[level] = prices;
    cells->any_priced = true;
    return DURE_OK;
}

/* All that is known about this cell, and about those it is in, is to be looked at again. A node of a tournament that is already is only under
 * nodes that are. */
static void touch(const struct dure_cells *cells, struct dure_cells_prices *prices, unsigned level, uint32_t index)
{
    for (unsigned m = level;;) {
        prices->inside[m][index].until_us = 0;
        for (uint32_t at = prices->base[m] + index; at && prices->tree[m][at].until_us; at /= 2)
            prices->tree[m][at].until_us = 0;
        if (m == cells->shape.levels)
            return;
        index /= cells->level[++m].holds;
    }
}

void dure_cells_price_touch(struct dure_cells *cells, unsigned level, uint32_t first, uint32_t count)
{
    for (unsigned l = 1; l <= cells->shape.levels; l++) {
        if (!cells->prices[l])
            continue;
        for (uint32_t i = 0; l <= level && i < count; i++)
            touch(cells, cells->prices[l], level, first + i);
        if (l > level)
            touch(cells, cells->prices[l], l, first / (cells->level[l].leaves / cells->level[level].leaves));
    }
}

void dure_cells_price_fetch(const struct dure_cells *cells, uint32_t leaf)
{
    for (unsigned l = 1; cells->any_priced && l <= cells->shape.levels; l++) {
        const struct dure_cells_prices *prices = cells->prices[l];
        if (!prices)
            continue;
        __builtin_prefetch(&prices->price[dure_cells_over(&cells->level[l], leaf)], 1);
        for (unsigned m = l; m <= cells->shape.levels; m++) {
            const uint32_t index = dure_cells_over(&cells->level[m], leaf);
            __builtin_prefetch(&prices->inside[m][index], 1);
            __builtin_prefetch(&prices->tree[m][prices->base[m] + index], 1);
        }
    }
}

static struct dure_cells_prices *prices_of(struct dure_cells *cells, struct dure_cell cell)
{
    struct dure_cells_prices *prices = cells->prices[cell.level];
    DURE_ASSERT(prices && cell.index < cells->level[cell.level].count);
    return prices;
}

void dure_cells_price_add(struct dure_cells *cells, struct dure_cell cell, const struct dure_cells_price *price)
{
    struct dure_cells_prices *prices = prices_of(cells, cell);
    dure_cells_price_sum(&prices->price[cell.index], price);
    touch(cells, prices, cell.level, cell.index);
}

void dure_cells_price_sub(struct dure_cells *cells, struct dure_cell cell, const struct dure_cells_price *price)
{
    struct dure_cells_prices *prices = prices_of(cells, cell);
    struct dure_cells_price *at = &prices->price[cell.index];
    DURE_ASSERT(at->gangs >= price->gangs && at->restarts >= price->restarts);
    at->lost -= price->lost;
    at->slope -= price->slope;
    at->started_ms -= price->started_ms;
    at->gone_ms -= price->gone_ms;
    at->gangs -= price->gangs;
    at->restarts -= price->restarts;
    touch(cells, prices, cell.level, cell.index);
}

const struct dure_cells_price *dure_cells_price(const struct dure_cells *cells, struct dure_cell cell)
{
    DURE_ASSERT(cells->prices[cell.level] && cell.index < cells->level[cell.level].count);
    return &cells->prices[cell.level]->price[cell.index];
}

/* ---- the tournament ---- */

static bool is_bound_here(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    return cells->level[level].place[index].right != DURE_NONE32;
}

/* The winner of two, or of one: what is known of both until then. */
static struct best match(const struct dure_cells_prices *prices, struct best a, struct best b, int64_t now_us)
{
    struct best best = {.until_us = a.until_us < b.until_us ? a.until_us : b.until_us};
    if (a.winner == DURE_NONE32 || b.winner == DURE_NONE32) {
        best.winner = a.winner == DURE_NONE32 ? b.winner : a.winner;
        return best;
    }
    const bool first = order(prices, a.winner, b.winner, now_us) < 0;
    best.winner = first ? a.winner : b.winner;
    const int64_t fails_us = fails_at(&prices->price[best.winner], &prices->price[first ? b.winner : a.winner], now_us);
    if (fails_us < best.until_us)
        best.until_us = fails_us;
    return best;
}

static struct best inside(struct dure_cells *cells, struct dure_cells_prices *prices, unsigned level, uint32_t index,
                          int64_t now_us)
{
    struct best *at = &prices->inside[level][index];
    if (at->until_us > now_us && !DURE_CELLS_MUTATED(OLD_PRICES))
        return *at;
    if (DURE_CELLS_MUTATED(OLD_PRICES) && at->until_us)
        return *at;
    struct best best = {INT64_MAX, DURE_NONE32};
    if (level == prices->level) {
        const bool broken = is_bound_here(cells, level, index) || dure_cells_lost_in(cells, level, index) ||
                            (level > 1 && cells->level[level].bound[index]);
        best.winner = broken ? DURE_NONE32 : index;
        *at = best;
        return best;
    }
    const uint32_t holds = cells->level[level].holds, first = index * holds;
    if (!is_bound_here(cells, level, index)) {
        for (uint32_t child = first; child < first + holds; child++) {
            const struct best in = inside(cells, prices, level - 1, child, now_us);
            if (in.until_us < best.until_us)
                best.until_us = in.until_us;
            if (in.winner != DURE_NONE32 &&
                (best.winner == DURE_NONE32 || order(prices, in.winner, best.winner, now_us) < 0))
                best.winner = in.winner;
        }
        for (uint32_t child = first; child < first + holds; child++) {
            const uint32_t other = prices->inside[level - 1][child].winner;
            if (other == DURE_NONE32 || other == best.winner)
                continue;
            const int64_t fails_us = fails_at(&prices->price[best.winner], &prices->price[other], now_us);
            if (fails_us < best.until_us)
                best.until_us = fails_us;
        }
    }
    *at = best;
    return best;
}

/* May anything in it be had without splitting a cell above this level? */
static bool is_open(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    while (level < cells->shape.levels) {
        index /= cells->level[++level].holds;
        if (dure_bits_test(&cells->level[level].free, index) || is_bound_here(cells, level, index))
            return false;
    }
    return true;
}

static struct best refresh(struct dure_cells *cells, struct dure_cells_prices *prices, unsigned level, uint32_t at,
                           int64_t now_us)
{
    struct best *node = &prices->tree[level][at];
    if (node->until_us > now_us || (DURE_CELLS_MUTATED(OLD_PRICES) && node->until_us))
        return *node;
    const uint32_t base = prices->base[level];
    if (at >= base) {
        const uint32_t index = at - base;
        const bool open = index < cells->level[level].count && is_open(cells, level, index);
        *node = open ? inside(cells, prices, level, index, now_us) : (struct best){INT64_MAX, DURE_NONE32};
    } else {
        const struct best left = refresh(cells, prices, level, 2 * at, now_us);
        *node = match(prices, left, refresh(cells, prices, level, 2 * at + 1, now_us), now_us);
    }
    return *node;
}

/* ---- the cheapest few ---- */

/* A set of cells of the priced level, by its cheapest: a node of the tournament (level 0), a cell, or one cell of the level itself. */
struct set {
    uint32_t winner, at;
    unsigned level;
};

struct sets {
    const struct dure_cells_prices *prices;
    int64_t now_us;
    struct set *at;
    uint32_t count, capacity;
    bool failed;
};

static bool before(const struct sets *sets, uint32_t a, uint32_t b)
{
    return order(sets->prices, sets->at[a].winner, sets->at[b].winner, sets->now_us) < 0;
}

static void swap(struct sets *sets, uint32_t a, uint32_t b)
{
    const struct set set = sets->at[a];
    sets->at[a] = sets->at[b];
    sets->at[b] = set;
}

static void push(struct sets *sets, struct best best, unsigned level, uint32_t index)
{
    if (best.winner == DURE_NONE32 || sets->failed)
        return;
    if (sets->count == sets->capacity) {
        const uint32_t capacity = sets->capacity ? sets->capacity * 2 : 256;
        struct set *grown = realloc(sets->at, capacity * sizeof *grown);
        sets->failed = !grown;
        if (!grown)
            return;
        sets->at = grown;
        sets->capacity = capacity;
    }
    sets->at[sets->count] = (struct set){best.winner, index, level};
    for (uint32_t at = sets->count++; at && before(sets, at, (at - 1) / 2); at = (at - 1) / 2)
        swap(sets, at, (at - 1) / 2);
}

static struct set pop(struct sets *sets)
{
    const struct set set = sets->at[0];
    sets->at[0] = sets->at[--sets->count];
    for (uint32_t at = 0, child = 1; child < sets->count; at = child, child = 2 * at + 1) {
        if (child + 1 < sets->count && before(sets, child + 1, child))
            child++;
        if (!before(sets, child, at))
            break;
        swap(sets, at, child);
    }
    return set;
}

static uint32_t cheapest_few(const struct dure_cells *cells, struct sets *sets, unsigned top, uint32_t most,
                             struct dure_cell *ret_cells)
{
    const struct dure_cells_prices *prices = sets->prices;
    uint32_t found = 0;
    push(sets, prices->tree[top][1], 0, 1);
    while (found < most && sets->count && !sets->failed) {
        const struct set set = pop(sets);
        if (set.level == prices->level) {
            ret_cells[found++] = (struct dure_cell){set.winner, (uint8_t)set.level};
        } else if (set.level) {
            const uint32_t holds = cells->level[set.level].holds;
            for (uint32_t child = set.at * holds; child < (set.at + 1) * holds; child++)
                push(sets, prices->inside[set.level - 1][child], set.level - 1, child);
        } else if (set.at >= prices->base[top]) {
            const uint32_t index = set.at - prices->base[top];
            push(sets, prices->inside[top][index], top, index);
        } else {
            push(sets, prices->tree[top][2 * set.at], 0, 2 * set.at);
            push(sets, prices->tree[top][2 * set.at + 1], 0, 2 * set.at + 1);
        }
    }
    return found;
}

/* The highest level whose free cells may be split for a cell of `level`: all lower ones may then, too. */
static unsigned split_top(const struct dure_cells *cells, unsigned level)
{
    int64_t slack[DURE_CELLS_LEVELS_MAX + 1];
    dure_cells_slacks(cells, false, slack);
    unsigned top = level;
    while (top < cells->shape.levels && slack[top + 1] >= 1)
        top++;
    return top;
}

enum dure_err dure_cells_cheapest(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index, int64_t now_us,
                                  uint32_t most, struct dure_cell *ret_cells, uint32_t *ret_count,
                                  struct dure_error *error)
{
    const struct dure_cells_owner *owner = dure_cells_find(cells, allot);
    if (!owner || index >= owner->index_end || !owner->started || owner->state[index] != DURE_CELLS_UNBOUND)
        return dure_fail(error, DURE_E_RIGHTS, "cell %u of right %u is not owed", index, allot.v);
    struct dure_cells_prices *prices = cells->prices[owner->spec.level];
    if (!prices || !dure_cells_whole(cells))
        return dure_fail(error, DURE_E_STATE, "prices of level %d are not kept, or rights are not settled yet",
                         owner->spec.level);
    const unsigned top = split_top(cells, owner->spec.level);
    const struct best best = refresh(cells, prices, top, 1, now_us);
    uint32_t count = 0;
    if (most == 1 && best.winner != DURE_NONE32)
        ret_cells[count++] = (struct dure_cell){best.winner, owner->spec.level};
    if (most > 1) {
        struct sets sets = {.prices = prices, .now_us = now_us};
        count = cheapest_few(cells, &sets, top, most, ret_cells);
        free(sets.at);
        if (sets.failed)
            return dure_fail(error, DURE_E_MEMORY, "no memory to compare prices");
    }
    *ret_count = count;
    return DURE_OK;
}
