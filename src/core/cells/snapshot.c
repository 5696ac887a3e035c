/* Bytes of a chain: numbers as LEB128. Only what cannot be derived is written; free lists, sums and links back are
 * made again. */
#include "core/cells/snapshot.h"

static void put(struct dure_buf *buf, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        dure_buf_byte(buf, (uint8_t)(value | 0x80));
    dure_buf_byte(buf, (uint8_t)value);
}

static void put_signed(struct dure_buf *buf, int64_t value)
{
    put(buf, value < 0 ? ~((uint64_t)value << 1) : (uint64_t)value << 1);
}

static void save_right(const struct dure_cells *cells, const struct dure_cells_owner *owner, struct dure_buf *buf)
{
    const struct dure_cells_right *right = &owner->spec;
    put(buf, right->id.v);
    put(buf, right->holder.v);
    put(buf, right->level);
    put(buf, right->rank);
    put(buf, owner->started);
    put_signed(buf, right->start_us);
    put_signed(buf, right->end_us);
    put(buf, right->predecessor.v);
    put(buf, owner->index_end);
    for (uint32_t i = 0; i < owner->index_end; i++) {
        const struct dure_cells_vcell *virtual = &owner->virtuals[i];
        const bool has_heir = virtual->heir.right != DURE_NONE32;
        put(buf, (uint64_t)owner->state[i] << 1 | has_heir);
        if (dure_cells_is_bound(owner->state[i]))
            put(buf, virtual->cell);
        if (has_heir) {
            put(buf, cells->rights[virtual->heir.right]->spec.id.v);
            put(buf, virtual->heir.index);
        }
    }
}

static uint64_t leaf_state(const struct dure_cells *cells, uint32_t leaf)
{
    return (uint64_t)cells->uses[leaf] << 1 | dure_bits_test(&cells->lost, leaf);
}

/* Runs of leaves in the same state: length, state. */
static void save_leaves(const struct dure_cells *cells, struct dure_buf *buf)
{
    for (uint32_t leaf = 0; leaf < cells->level[1].count;) {
        const uint64_t state = leaf_state(cells, leaf);
        uint32_t length = 1;
        while (leaf + length < cells->level[1].count && leaf_state(cells, leaf + length) == state)
            length++;
        put(buf, length);
        put(buf, state);
        leaf += length;
    }
}

void dure_cells_save(const struct dure_cells *cells, struct dure_buf *buf)
{
    put(buf, DURE_CELLS_SNAPSHOT_VERSION);
    put(buf, cells->shape.levels);
    put(buf, cells->shape.tops);
    for (unsigned l = 2; l <= cells->shape.levels; l++)
        put(buf, cells->shape.holds[l]);
    put(buf, cells->shock);
    save_leaves(cells, buf);
    put(buf, cells->right_count);
    for (uint32_t i = 0; i < cells->right_count; i++)
        save_right(cells, cells->by_id[i], buf);
}
