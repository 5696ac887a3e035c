#include "core/cells/state.h"

static void best_put(struct dure_cells_level *level, uint32_t index, uint32_t value)
{
    uint32_t at = level->base + index;
    level->best[at] = value;
    while (at > 1) {
        const uint32_t other = level->best[at ^ 1];
        const uint32_t least = level->best[at] < other ? level->best[at] : other;
        at /= 2;
        if (level->best[at] == least)
            return;
        level->best[at] = least;
    }
}

/* The same for siblings whose own values are there already: once for all of them. */
static void best_raise(struct dure_cells_level *level, uint32_t first, uint32_t count)
{
    uint32_t low = level->base + first, high = low + count - 1;
    for (bool changed = true; changed && low > 1;) {
        low /= 2;
        high /= 2;
        changed = false;
        for (uint32_t at = low; at <= high; at++) {
            const uint32_t a = level->best[2 * at], b = level->best[2 * at + 1], least = a < b ? a : b;
            changed |= level->best[at] != least;
            level->best[at] = least;
        }
    }
}

/* Files free cell `index` under what is borrowed in it now, or under nothing. */
static void file(struct dure_cells *cells, unsigned level, uint32_t index, bool on)
{
    struct dure_cells_level *at = &cells->level[level];
    const uint32_t borrowed = dure_cells_borrowed_in(cells, level, index);
    if (on && !borrowed)
        dure_bits_set(&at->idle, index);
    else
        dure_bits_clear(&at->idle, index);
    if (level > 1)
        best_put(at, index, on && borrowed ? borrowed : DURE_NONE32);
}

static void do_free(struct dure_cells *cells, unsigned level, uint32_t first, uint32_t count, bool on)
{
    struct dure_cells_level *at = &cells->level[level];
    const bool is_top = level == cells->shape.levels;
    if (cells->any_priced)
        dure_cells_price_touch(cells, level, first, count);
    dure_bits_put_range(&at->free, first, count, on);
    if (!is_top && !cells->level[level + 1].borrowed[first / cells->level[level + 1].holds]) {
        dure_bits_put_range(&at->idle, first, count, on);
        return;
    }
    for (uint32_t index = first; index < first + count; index++) {
        const uint32_t borrowed = dure_cells_borrowed_in(cells, level, index);
        if (on && !borrowed)
            dure_bits_set(&at->idle, index);
        else
            dure_bits_clear(&at->idle, index);
        if (level > 1)
            at->best[at->base + index] = on && borrowed ? borrowed : DURE_NONE32;
    }
    if (level > 1)
        best_raise(at, first, count);
}

void dure_cells_put_free(struct dure_cells *cells, unsigned level, uint32_t first, uint32_t count, bool on)
{
    const uint8_t op = on ? DURE_CELLS_OP_FREE_ON : DURE_CELLS_OP_FREE_OFF;
    if (count &&
        dure_cells_note(cells, (struct dure_cells_undo){.op = op, .level = (uint8_t)level, .a = first, .b = count}))
        do_free(cells, level, first, count, on);
}

static void do_bound(struct dure_cells *cells, unsigned level, uint32_t index, bool on)
{
    const uint32_t leaves = cells->level[level].leaves;
    if (cells->any_priced)
        dure_cells_price_touch(cells, level, index, 1);
    for (unsigned l = level;;) {
        if (l > 1)
            cells->level[l].bound[index] += on ? leaves : 0 - leaves;
        if (l == cells->shape.levels)
            return;
        index /= cells->level[++l].holds;
    }
}

void dure_cells_put_bound(struct dure_cells *cells, unsigned level, uint32_t index, bool on)
{
    const uint8_t op = on ? DURE_CELLS_OP_BOUND_ON : DURE_CELLS_OP_BOUND_OFF;
    if (dure_cells_note(cells, (struct dure_cells_undo){.op = op, .level = (uint8_t)level, .a = index}))
        do_bound(cells, level, index, on);
}

static void do_lost(struct dure_cells *cells, uint32_t leaf, bool on)
{
    dure_digest_sub(&cells->digest, dure_cells_term_leaf(cells, leaf));
    if (on)
        dure_bits_set(&cells->lost, leaf);
    else
        dure_bits_clear(&cells->lost, leaf);
    dure_digest_add(&cells->digest, dure_cells_term_leaf(cells, leaf));
    uint32_t index = leaf;
    if (cells->any_priced)
        dure_cells_price_touch(cells, 1, leaf, 1);
    for (unsigned l = 2; l <= cells->shape.levels; l++) {
        index /= cells->level[l].holds;
        cells->level[l].lost[index] += on ? 1 : 0 - 1u;
    }
}

void dure_cells_put_lost(struct dure_cells *cells, uint32_t leaf, bool on)
{
    const uint8_t op = on ? DURE_CELLS_OP_LOST_ON : DURE_CELLS_OP_LOST_OFF;
    if (dure_cells_note(cells, (struct dure_cells_undo){.op = op, .a = leaf}))
        do_lost(cells, leaf, on);
}

static void do_used(struct dure_cells *cells, uint32_t leaf, uint32_t value)
{
    const bool was = dure_cells_used_on(cells, leaf) != 0, is = value != 0;
    dure_digest_sub(&cells->digest, dure_cells_term_leaf(cells, leaf));
    cells->uses[leaf] = value << DURE_CELLS_USED_SHIFT | dure_cells_borrowed_on(cells, leaf);
    dure_digest_add(&cells->digest, dure_cells_term_leaf(cells, leaf));
    struct dure_cells_slot slot;
    if (was != is && dure_cells_place_of(cells, leaf, &slot)) {
        struct dure_cells_owner *owner = cells->rights[slot.right];
        const uint32_t change = is ? 1 : 0 - 1u;
        owner->virtuals[slot.index].used += change;
        owner->used += change;
    }
}

void dure_cells_put_used(struct dure_cells *cells, uint32_t leaf, uint32_t value)
{
    if (dure_cells_note(
            cells, (struct dure_cells_undo){.op = DURE_CELLS_OP_USED, .a = leaf, .b = dure_cells_used_on(cells, leaf)}))
        do_used(cells, leaf, value);
}

static void do_borrowed(struct dure_cells *cells, uint32_t leaf, uint32_t value)
{
    const bool was = dure_cells_borrowed_on(cells, leaf) != 0, is = value != 0;
    dure_digest_sub(&cells->digest, dure_cells_term_leaf(cells, leaf));
    cells->uses[leaf] = dure_cells_used_on(cells, leaf) << DURE_CELLS_USED_SHIFT | value;
    dure_digest_add(&cells->digest, dure_cells_term_leaf(cells, leaf));
    if (was == is)
        return;
    uint32_t index = leaf;
    for (unsigned l = 1;;) {
        if (l > 1)
            cells->level[l].borrowed[index] += is ? 1 : 0 - 1u;
        if (dure_bits_test(&cells->level[l].free, index))
            file(cells, l, index, true);
        if (l == cells->shape.levels)
            return;
        index /= cells->level[++l].holds;
    }
}

void dure_cells_put_borrowed(struct dure_cells *cells, uint32_t leaf, uint32_t value)
{
    if (dure_cells_note(cells, (struct dure_cells_undo){
                                   .op = DURE_CELLS_OP_BORROWED, .a = leaf, .b = dure_cells_borrowed_on(cells, leaf)}))
        do_borrowed(cells, leaf, value);
}

/* How things stood before, so that they can stand so again. False: no memory for it. */
static bool note_leaves(struct dure_cells *cells, bool used, uint32_t first, uint64_t mask)
{
    const uint8_t op = used ? DURE_CELLS_OP_USED : DURE_CELLS_OP_BORROWED;
    bool noted = true;
    for (uint64_t left = mask; left && noted; left &= left - 1) {
        const uint32_t leaf = first + (uint32_t)__builtin_ctzll(left);
        const uint32_t was = used ? dure_cells_used_on(cells, leaf) : dure_cells_borrowed_on(cells, leaf);
        noted = dure_cells_note(cells, (struct dure_cells_undo){.op = op, .a = leaf, .b = was});
    }
    return noted;
}

/* Counts one in or out of each leaf of the mask; says on which leaves there is one now and was none, or the opposite. */
static uint64_t count_leaves(struct dure_cells *cells, bool used, uint32_t first, uint64_t mask, int delta)
{
    const uint32_t unit = used ? 1u << DURE_CELLS_USED_SHIFT : 1, change = unit * (uint32_t)delta;
    const uint32_t kind = unit * ((1u << DURE_CELLS_USED_SHIFT) - 1), one = delta > 0 ? unit : 0;
    uint64_t turned = 0;
    if (cells->marks && !note_leaves(cells, used, first, mask))
        return 0;
    uint32_t *alike = dure_cells_alike(cells, first, mask);
    if (alike) {
        const uint32_t value = *alike + change;
        DURE_ASSERT(delta > 0 || (*alike & kind));
        for (unsigned i = 0; i < (unsigned)__builtin_popcountll(mask); i++)
            alike[i] = value;
        turned = (value & kind) == one ? mask : 0;
    }
    for (uint64_t left = alike ? 0 : mask; left; left &= left - 1) {
        uint32_t *uses = &cells->uses[first + (uint32_t)__builtin_ctzll(left)];
        DURE_ASSERT(delta > 0 || (*uses & kind));
        *uses += change;
        turned |= (*uses & kind) == one ? left & -left : 0;
    }
    /* Products wrap: a count taken out is added as its complement. */
    dure_digest_add(&cells->digest, dure_cells_term_count(cells, first, mask, (uint64_t)(int64_t)delta * unit));
    return turned;
}

void dure_cells_add_used(struct dure_cells *cells, struct dure_cells_slot slot, uint32_t first, uint64_t mask,
                         int delta)
{
    const uint64_t turned = count_leaves(cells, true, first, mask, delta);
    const uint32_t change = (uint32_t)__builtin_popcountll(turned) * (uint32_t)delta;
    cells->rights[slot.right]->virtuals[slot.index].used += change;
    cells->rights[slot.right]->used += change;
}

/* The cells of one level over the leaves of `mask`: each hears how many of them turned. */
static void spread(struct dure_cells *cells, unsigned l, uint32_t first, uint64_t mask, int delta)
{
    struct dure_cells_level *level = &cells->level[l];
    if (l > 1 && level->count == 1 && !level->free.count) { /* all of the chain */
        level->borrowed[0] += (uint32_t)__builtin_popcountll(mask) * (uint32_t)delta;
        return;
    }
    while (mask) {
        const uint32_t index = dure_cells_over(level, first + (uint32_t)__builtin_ctzll(mask));
        const uint64_t end = (uint64_t)(index + 1) * level->leaves - first;
        const uint64_t here = end >= 64 ? mask : mask & ((UINT64_C(1) << end) - 1);
        if (l > 1)
            level->borrowed[index] += (uint32_t)__builtin_popcountll(here) * (uint32_t)delta;
        if (level->free.count && dure_bits_test(&level->free, index))
            file(cells, l, index, true);
        mask ^= here;
    }
}

void dure_cells_add_borrowed(struct dure_cells *cells, uint32_t first, uint64_t mask, int delta)
{
    const uint64_t turned = count_leaves(cells, false, first, mask, delta);
    for (unsigned l = 1; l <= cells->shape.levels; l++)
        if (l > 1 || cells->level[1].free.count)
            spread(cells, l, first, turned, delta);
}

static void count_owed(struct dure_cells *cells, struct dure_cells_level *level, uint32_t change)
{
    level->owed += change;
    cells->owed_leaves += (uint64_t)(int64_t)(int32_t)change * level->leaves;
}

/* Adds (or takes away) one virtual cell's part in the sums. */
static void count_virtual(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index, bool add)
{
    const uint32_t one = add ? 1 : 0 - 1u;
    const enum dure_cells_state state = owner->state[index];
    const struct dure_cells_vcell *virtual = &owner->virtuals[index];
    struct dure_cells_level *level = &cells->level[owner->spec.level];
    owner->by_state[state] += one;
    owner->used += add ? virtual->used : 0 - virtual->used;
    if (state == DURE_CELLS_UNBOUND && (owner->started || !DURE_CELLS_MUTATED(FUTURE_IGNORED)))
        count_owed(cells, level, one);
    if (state == DURE_CELLS_SUSPENDED) {
        level->suspended += one;
        cells->suspended_count += one;
    }
    cells->served_count += state == DURE_CELLS_SERVED ? one : 0;
    if (dure_cells_is_bound(state)) {
        level->bound_count += one;
        cells->bound_levels = level->bound_count ? cells->bound_levels | 1u << owner->spec.level
                                                 : cells->bound_levels & ~(1u << owner->spec.level);
        level->place[virtual->cell] =
            add ? (struct dure_cells_slot){owner->slot, index} : (struct dure_cells_slot){DURE_NONE32, 0};
    }
    const struct dure_digest term = dure_cells_term_virtual(cells, owner, index);
    if (add)
        dure_digest_add(&cells->digest, term);
    else
        dure_digest_sub(&cells->digest, term);
}

static void do_virtual(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index,
                       enum dure_cells_state state, uint32_t cell, uint32_t used)
{
    count_virtual(cells, owner, index, false);
    owner->state[index] = (uint8_t)state;
    owner->virtuals[index].cell = cell;
    owner->virtuals[index].used = used;
    count_virtual(cells, owner, index, true);
}

void dure_cells_put_virtual(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index,
                            enum dure_cells_state state, uint32_t cell, uint32_t used)
{
    const struct dure_cells_vcell *virtual = &owner->virtuals[index];
    if (dure_cells_note(cells, (struct dure_cells_undo){.op = DURE_CELLS_OP_VIRTUAL,
                                                        .state = owner->state[index],
                                                        .a = owner->slot,
                                                        .b = index,
                                                        .c = virtual->cell,
                                                        .d = virtual->used}))
        do_virtual(cells, owner, index, state, cell, used);
}

static void do_heir(struct dure_cells *cells, struct dure_cells_slot at, struct dure_cells_slot heir)
{
    struct dure_cells_owner *owner = cells->rights[at.right];
    dure_digest_sub(&cells->digest, dure_cells_term_virtual(cells, owner, at.index));
    owner->virtuals[at.index].heir = heir;
    dure_digest_add(&cells->digest, dure_cells_term_virtual(cells, owner, at.index));
}

void dure_cells_put_heir(struct dure_cells *cells, struct dure_cells_slot at, struct dure_cells_slot heir)
{
    const struct dure_cells_slot was = cells->rights[at.right]->virtuals[at.index].heir;
    if (dure_cells_note(cells,
                        (struct dure_cells_undo){
                            .op = DURE_CELLS_OP_HEIR, .a = at.right, .b = at.index, .c = was.right, .d = was.index}))
        do_heir(cells, at, heir);
}

void dure_cells_put_source(struct dure_cells *cells, struct dure_cells_slot at, struct dure_cells_slot source)
{
    struct dure_cells_slot *link = &cells->rights[at.right]->virtuals[at.index].source;
    if (dure_cells_note(
            cells, (struct dure_cells_undo){
                       .op = DURE_CELLS_OP_SOURCE, .a = at.right, .b = at.index, .c = link->right, .d = link->index}))
        *link = source;
}

static void do_started(struct dure_cells *cells, struct dure_cells_owner *owner, bool started)
{
    if (DURE_CELLS_MUTATED(FUTURE_IGNORED))
        count_owed(cells, &cells->level[owner->spec.level],
                   started ? owner->by_state[DURE_CELLS_UNBOUND] : 0 - owner->by_state[DURE_CELLS_UNBOUND]);
    dure_digest_sub(&cells->digest, dure_cells_term_right(owner));
    owner->started = started;
    dure_digest_add(&cells->digest, dure_cells_term_right(owner));
}

void dure_cells_put_started(struct dure_cells *cells, struct dure_cells_owner *owner, bool started)
{
    if (dure_cells_note(cells,
                        (struct dure_cells_undo){.op = DURE_CELLS_OP_STARTED, .a = owner->slot, .b = owner->started}))
        do_started(cells, owner, started);
}

static void do_count(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t count)
{
    dure_digest_sub(&cells->digest, dure_cells_term_right(owner));
    owner->spec.count = count;
    dure_digest_add(&cells->digest, dure_cells_term_right(owner));
}

void dure_cells_put_count(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t count)
{
    if (dure_cells_note(cells,
                        (struct dure_cells_undo){.op = DURE_CELLS_OP_COUNT, .a = owner->slot, .b = owner->spec.count}))
        do_count(cells, owner, count);
}

static void do_shock(struct dure_cells *cells, bool shock)
{
    dure_digest_sub(&cells->digest, dure_cells_term_shock(cells->shock));
    cells->shock = shock;
    dure_digest_add(&cells->digest, dure_cells_term_shock(shock));
}

void dure_cells_put_shock(struct dure_cells *cells, bool shock)
{
    if (cells->shock != shock &&
        dure_cells_note(cells, (struct dure_cells_undo){.op = DURE_CELLS_OP_SHOCK, .b = cells->shock}))
        do_shock(cells, shock);
}

void dure_cells_undo_one(struct dure_cells *cells, const struct dure_cells_undo *undo)
{
    struct dure_cells_owner *owner =
        undo->op >= DURE_CELLS_OP_VIRTUAL && undo->op != DURE_CELLS_OP_SHOCK ? cells->rights[undo->a] : NULL;
    const struct dure_cells_slot at = {undo->a, undo->b}, was = {undo->c, undo->d};
    switch ((enum dure_cells_op)undo->op) {
    case DURE_CELLS_OP_FREE_ON:
    case DURE_CELLS_OP_FREE_OFF:
        do_free(cells, undo->level, undo->a, undo->b, undo->op == DURE_CELLS_OP_FREE_OFF);
        return;
    case DURE_CELLS_OP_BOUND_ON:
    case DURE_CELLS_OP_BOUND_OFF: do_bound(cells, undo->level, undo->a, undo->op == DURE_CELLS_OP_BOUND_OFF); return;
    case DURE_CELLS_OP_LOST_ON:
    case DURE_CELLS_OP_LOST_OFF: do_lost(cells, undo->a, undo->op == DURE_CELLS_OP_LOST_OFF); return;
    case DURE_CELLS_OP_USED: do_used(cells, undo->a, undo->b); return;
    case DURE_CELLS_OP_BORROWED: do_borrowed(cells, undo->a, undo->b); return;
    case DURE_CELLS_OP_VIRTUAL: do_virtual(cells, owner, undo->b, undo->state, undo->c, undo->d); return;
    case DURE_CELLS_OP_HEIR: do_heir(cells, at, was); return;
    case DURE_CELLS_OP_SOURCE: owner->virtuals[undo->b].source = was; return;
    case DURE_CELLS_OP_STARTED: do_started(cells, owner, undo->b); return;
    case DURE_CELLS_OP_COUNT: do_count(cells, owner, undo->b); return;
    case DURE_CELLS_OP_SHOCK: do_shock(cells, undo->b); return;
    case DURE_CELLS_OP_NEW: dure_cells_owner_unmake(cells, owner); return;
    case DURE_CELLS_OP_DEAD: dure_cells_owner_revive(cells, owner); return;
    }
    DURE_ASSERT(undo->op <= DURE_CELLS_OP_DEAD);
}
