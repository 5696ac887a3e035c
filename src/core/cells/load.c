/* Reads a chain's bytes, trusting nothing. */
#include <stdlib.h>

#include "core/cells/snapshot.h"

struct reader {
    const uint8_t *at, *end;
    const char *bad; /* what does not hold; NULL: nothing yet */
};

static void refuse(struct reader *reader, const char *bad)
{
    if (!reader->bad)
        reader->bad = bad;
}

/* A number up to `max`; 0 once something was bad. */
static uint64_t get(struct reader *reader, uint64_t max)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->at == reader->end)
            break;
        const uint8_t byte = *reader->at++;
        const uint64_t part = (uint64_t)(byte & 0x7f) << shift;
        if (part >> shift != (byte & 0x7f) || (shift && !byte))
            break; /* over 64 bits, or longer than need be */
        value |= part;
        if (byte & 0x80)
            continue;
        if (value > max)
            refuse(reader, "a number is out of range");
        return reader->bad ? 0 : value;
    }
    refuse(reader, "a number is cut off");
    return 0;
}

static int64_t get_signed(struct reader *reader)
{
    const uint64_t value = get(reader, UINT64_MAX);
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static void load_leaves(struct reader *reader, struct dure_cells *cells)
{
    const uint32_t count = cells->level[1].count;
    for (uint32_t leaf = 0; leaf < count && !reader->bad;) {
        const uint32_t length = (uint32_t)get(reader, count - leaf);
        const uint64_t state = get(reader, UINT64_C(0x1ffffffff));
        const uint32_t used = state >> 17 & 0xffff, borrowed = state >> 1 & 0xffff;
        if (!length || used + borrowed > DURE_CELLS_LEAF_USES_MAX) {
            refuse(reader, "a run of leaves is empty or overfull");
            return;
        }
        for (const uint32_t end = leaf + length; leaf < end && state; leaf++) {
            if (used)
                dure_cells_put_used(cells, leaf, used);
            if (borrowed)
                dure_cells_put_borrowed(cells, leaf, borrowed);
            if (state & 1)
                dure_cells_put_lost(cells, leaf, true);
        }
        leaf += state ? 0 : length;
    }
}

/* Nothing bound lies in the cell, over it or under it. */
static bool is_unbound(const struct dure_cells *cells, unsigned level, uint32_t index)
{
    struct dure_cells_slot slot;
    return !(level > 1 && cells->level[level].bound[index]) &&
           !dure_cells_place_of(cells, index * cells->level[level].leaves, &slot);
}

/* Heirs may come later in the bytes: their ids wait in `heir.right` until link(). */
static void load_virtual(struct reader *reader, struct dure_cells *cells, struct dure_cells_owner *owner,
                         uint32_t index)
{
    const struct dure_cells_level *level = &cells->level[owner->spec.level];
    const uint64_t head = get(reader, (DURE_CELLS_STATES - 1) << 1 | 1);
    const enum dure_cells_state state = (enum dure_cells_state)(head >> 1);
    uint32_t cell = DURE_NONE32, used = 0;
    if (dure_cells_is_bound(state)) {
        cell = (uint32_t)get(reader, level->count - 1);
        if (reader->bad || !is_unbound(cells, owner->spec.level, cell)) {
            refuse(reader, "a cell is bound twice");
            return;
        }
        for (uint32_t leaf = cell * level->leaves; leaf < (cell + 1) * level->leaves; leaf++)
            used += dure_cells_used_on(cells, leaf) != 0;
        dure_cells_put_bound(cells, owner->spec.level, cell, true);
    }
    if (state != DURE_CELLS_GONE)
        dure_cells_put_virtual(cells, owner, index, state, cell, used);
    owner->spec.count += state != DURE_CELLS_GONE;
    if (!(head & 1))
        return;
    if (state == DURE_CELLS_GONE)
        refuse(reader, "a cell that is gone has an heir");
    owner->virtuals[index].heir.right = (uint32_t)get(reader, DURE_NONE32 - 1);
    owner->virtuals[index].heir.index = (uint32_t)get(reader, DURE_NONE32 - 1);
}

static struct dure_cells_owner *load_right(struct reader *reader, struct dure_cells *cells)
{
    struct dure_cells_right right = {.id = {(uint32_t)get(reader, DURE_NONE32 - 1)},
                                     .holder = {(uint32_t)get(reader, DURE_NONE32 - 1)}};
    right.level = (uint8_t)get(reader, cells->shape.levels);
    right.rank = (uint8_t)get(reader, UINT8_MAX);
    const bool started = get(reader, 1);
    right.start_us = get_signed(reader);
    right.end_us = get_signed(reader);
    right.predecessor.v = (uint32_t)get(reader, DURE_NONE32);
    const uint32_t index_end = (uint32_t)get(reader, (uint64_t)(reader->end - reader->at));
    if (!right.level || right.end_us <= right.start_us || !index_end ||
        index_end > DURE_CELLS_VIRTUAL_MAX - cells->virtual_count)
        refuse(reader, "a right is not well formed");
    if (cells->right_count && right.id.v <= cells->by_id[cells->right_count - 1]->spec.id.v)
        refuse(reader, "rights are not in the order of their ids");
    struct dure_cells_owner *owner = reader->bad ? NULL : dure_cells_owner_new(cells, &right, index_end);
    if (!owner)
        return NULL;
    owner->started = started;
    for (uint32_t i = 0; i < index_end && !reader->bad; i++)
        load_virtual(reader, cells, owner, i);
    if (!owner->spec.count)
        refuse(reader, "a right without cells");
    return owner;
}

/* Turns the heirs' ids into slots, and links back. */
static void link_heirs(struct reader *reader, struct dure_cells *cells, struct dure_cells_owner *owner)
{
    for (uint32_t i = 0; i < owner->index_end && !reader->bad; i++) {
        struct dure_cells_slot *heir = &owner->virtuals[i].heir;
        if (heir->right == DURE_NONE32)
            continue;
        const struct dure_cells_owner *next = dure_cells_find(cells, (struct dure_allot_id){heir->right});
        if (!next || heir->index >= next->index_end || next->state[heir->index] != DURE_CELLS_WAITING ||
            next == owner || next->virtuals[heir->index].source.right != DURE_NONE32 ||
            next->spec.level != owner->spec.level || next->spec.start_us < owner->spec.end_us) {
            refuse(reader, "an heir does not wait for its cell");
            return;
        }
        heir->right = next->slot;
        next->virtuals[heir->index].source = (struct dure_cells_slot){owner->slot, i};
    }
}

static void check_links(struct reader *reader, const struct dure_cells *cells)
{
    for (uint32_t r = 0; r < cells->right_count; r++)
        for (uint32_t i = 0; i < cells->by_id[r]->index_end; i++)
            if (cells->by_id[r]->state[i] == DURE_CELLS_WAITING &&
                cells->by_id[r]->virtuals[i].source.right == DURE_NONE32)
                refuse(reader, "a cell waits for nobody");
}

/* Lists what is neither bound nor lost, in merged form. */
static void fill_free(struct dure_cells *cells, unsigned level, uint32_t index)
{
    if (cells->level[level].place[index].right != DURE_NONE32)
        return;
    if (!dure_cells_lost_in(cells, level, index) && (level == 1 || !cells->level[level].bound[index])) {
        dure_cells_put_free(cells, level, index, 1, true);
        return;
    }
    for (uint32_t child = 0; child < cells->level[level].holds; child++)
        fill_free(cells, level - 1, index * cells->level[level].holds + child);
}

static void check_leaves(struct reader *reader, const struct dure_cells *cells)
{
    struct dure_cells_slot slot;
    for (uint32_t leaf = 0; leaf < cells->level[1].count; leaf++)
        if (dure_cells_used_on(cells, leaf) && !dure_cells_place_of(cells, leaf, &slot))
            refuse(reader, "a leaf is used under no bound cell");
    if (!dure_cells_whole(cells) && !cells->shock)
        refuse(reader, "more is owed than there is");
}

static void load_body(struct reader *reader, struct dure_cells *cells)
{
    dure_cells_put_free(cells, cells->shape.levels, 0, cells->shape.tops, false);
    cells->shock = get(reader, 1);
    load_leaves(reader, cells);
    const uint32_t right_count = (uint32_t)get(reader, DURE_CELLS_RIGHTS_MAX);
    for (uint32_t i = 0; i < right_count && !reader->bad && !cells->failed; i++)
        if (!load_right(reader, cells))
            return;
    for (uint32_t i = 0; i < right_count && !reader->bad; i++)
        link_heirs(reader, cells, cells->by_id[i]);
    if (reader->at != reader->end)
        refuse(reader, "bytes follow the end");
    if (reader->bad)
        return;
    check_links(reader, cells);
    for (uint32_t top = 0; top < cells->shape.tops; top++)
        fill_free(cells, cells->shape.levels, top);
    check_leaves(reader, cells);
}

enum dure_err dure_cells_load(const void *bytes, size_t length, struct dure_cells **ret_cells, struct dure_error *error)
{
    struct reader reader = {.at = bytes, .end = (const uint8_t *)bytes + length};
    const uint64_t version = get(&reader, UINT64_MAX);
    if (!reader.bad && version != DURE_CELLS_SNAPSHOT_VERSION)
        return dure_fail(error, DURE_E_VERSION, "cells of version %llu; this is %d", (unsigned long long)version,
                         DURE_CELLS_SNAPSHOT_VERSION);
    struct dure_cells_shape shape = {.levels = (uint8_t)get(&reader, DURE_CELLS_LEVELS_MAX)};
    shape.tops = (uint32_t)get(&reader, DURE_CELLS_LEAVES_MAX);
    for (unsigned l = 2; l <= shape.levels; l++)
        shape.holds[l] = (uint32_t)get(&reader, DURE_CELLS_LEAVES_MAX);
    struct dure_cells *cells = NULL;
    enum dure_err err = reader.bad ? DURE_E_CORRUPT : dure_cells_new(&shape, &cells, error);
    if (!err) {
        cells->building = true;
        load_body(&reader, cells);
        cells->building = false;
        if (!reader.bad && !cells->failed)
            cells->digest = dure_cells_digest_full(cells);
        err = cells->failed ? dure_fail(error, DURE_E_MEMORY, "no memory to load a chain of cells") : DURE_OK;
    }
    if (reader.bad)
        err = dure_fail(error, DURE_E_CORRUPT, "cells: %s", reader.bad);
    if (err == DURE_E_INVALID || err == DURE_E_LIMIT)
        err = dure_fail_prefix(error, DURE_E_CORRUPT, "cells");
    if (err) {
        dure_cells_free(cells);
        return err;
    }
    *ret_cells = cells;
    return DURE_OK;
}
