#include <stdlib.h>
#include <string.h>

#include "core/cells/state.h"

uint32_t dure_cells_lower(const struct dure_cells *cells, struct dure_allot_id from)
{
    uint32_t low = 0, high = cells->right_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (cells->by_id[middle]->spec.id.v < from.v)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t dure_cells_lower_of(const struct dure_cells *cells, struct dure_tenant_id holder, struct dure_allot_id from)
{
    uint32_t low = 0, high = cells->right_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct dure_cells_right *right = &cells->by_holder[middle]->spec;
        if (right->holder.v < holder.v || (right->holder.v == holder.v && right->id.v < from.v))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct dure_cells_owner *dure_cells_find(const struct dure_cells *cells, struct dure_allot_id allot)
{
    const uint32_t at = dure_cells_lower(cells, allot);
    return at < cells->right_count && cells->by_id[at]->spec.id.v == allot.v ? cells->by_id[at] : NULL;
}

static void insert(struct dure_cells *cells, struct dure_cells_owner *owner)
{
    const uint32_t id_at = dure_cells_lower(cells, owner->spec.id);
    const uint32_t holder_at = dure_cells_lower_of(cells, owner->spec.holder, owner->spec.id);
    const size_t size = sizeof *cells->by_id;
    memmove(&cells->by_id[id_at + 1], &cells->by_id[id_at], (cells->right_count - id_at) * size);
    memmove(&cells->by_holder[holder_at + 1], &cells->by_holder[holder_at], (cells->right_count - holder_at) * size);
    cells->by_id[id_at] = cells->by_holder[holder_at] = owner;
    cells->right_count++;
    dure_digest_add(&cells->digest, dure_cells_term_right(owner));
}

static void take_out(struct dure_cells *cells, const struct dure_cells_owner *owner)
{
    const uint32_t id_at = dure_cells_lower(cells, owner->spec.id);
    const uint32_t holder_at = dure_cells_lower_of(cells, owner->spec.holder, owner->spec.id);
    DURE_ASSERT(cells->by_id[id_at] == owner && cells->by_holder[holder_at] == owner);
    const size_t size = sizeof *cells->by_id;
    cells->right_count--;
    memmove(&cells->by_id[id_at], &cells->by_id[id_at + 1], (cells->right_count - id_at) * size);
    memmove(&cells->by_holder[holder_at], &cells->by_holder[holder_at + 1], (cells->right_count - holder_at) * size);
    dure_digest_sub(&cells->digest, dure_cells_term_right(owner));
}

/* Room for one more slot in all four arrays. Each is grown on its own, so that a failure in between loses nothing. */
static bool grow(struct dure_cells *cells)
{
    if (cells->vacant_count || cells->slot_end < cells->slot_capacity)
        return true;
    const uint32_t wanted = cells->slot_capacity ? cells->slot_capacity * 2 : 16;
    void **arrays[] = {(void **)&cells->rights, (void **)&cells->by_id, (void **)&cells->by_holder};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        void *grown = realloc(*arrays[i], wanted * sizeof(void *));
        if (!grown)
            return false;
        *arrays[i] = grown;
    }
    uint32_t *vacant = realloc(cells->vacant, wanted * sizeof *vacant);
    if (!vacant)
        return false;
    cells->vacant = vacant;
    cells->slot_capacity = wanted;
    return true;
}

static void owner_free(struct dure_cells_owner *owner)
{
    free(owner->state);
    free(owner->virtuals);
    free(owner);
}

static struct dure_cells_owner *owner_make(const struct dure_cells_right *right, uint32_t index_end)
{
    struct dure_cells_owner *owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    *owner = (struct dure_cells_owner){.spec = *right, .index_end = index_end};
    owner->by_state[DURE_CELLS_GONE] = index_end;
    owner->state = calloc(index_end, sizeof *owner->state);
    owner->virtuals = malloc(index_end * sizeof *owner->virtuals);
    if (!owner->state || !owner->virtuals) {
        owner_free(owner);
        return NULL;
    }
    const struct dure_cells_slot none = {DURE_NONE32, 0};
    for (uint32_t i = 0; i < index_end; i++)
        owner->virtuals[i] = (struct dure_cells_vcell){.cell = DURE_NONE32, .heir = none, .source = none};
    return owner;
}

struct dure_cells_owner *dure_cells_owner_new(struct dure_cells *cells, const struct dure_cells_right *right,
                                              uint32_t index_end)
{
    struct dure_cells_owner *owner = grow(cells) ? owner_make(right, index_end) : NULL;
    if (!owner) {
        cells->failed = true;
        return NULL;
    }
    owner->slot = cells->vacant_count ? cells->vacant[cells->vacant_count - 1] : cells->slot_end;
    if (!dure_cells_note(cells, (struct dure_cells_undo){.op = DURE_CELLS_OP_NEW, .a = owner->slot})) {
        owner_free(owner);
        return NULL;
    }
    if (cells->vacant_count)
        cells->vacant_count--;
    else
        cells->slot_end++;
    cells->rights[owner->slot] = owner;
    cells->virtual_count += index_end;
    insert(cells, owner);
    return owner;
}

void dure_cells_owner_retire(struct dure_cells *cells, struct dure_cells_owner *owner)
{
    if (dure_cells_note(cells, (struct dure_cells_undo){.op = DURE_CELLS_OP_DEAD, .a = owner->slot}))
        take_out(cells, owner);
}

void dure_cells_owner_revive(struct dure_cells *cells, struct dure_cells_owner *owner)
{
    insert(cells, owner);
}

void dure_cells_owner_forget(struct dure_cells *cells, struct dure_cells_owner *owner)
{
    cells->rights[owner->slot] = NULL;
    cells->vacant[cells->vacant_count++] = owner->slot;
    cells->virtual_count -= owner->index_end;
    owner_free(owner);
}

void dure_cells_owner_unmake(struct dure_cells *cells, struct dure_cells_owner *owner)
{
    take_out(cells, owner);
    dure_cells_owner_forget(cells, owner);
}

void dure_cells_table_free(struct dure_cells *cells)
{
    for (uint32_t i = 0; i < cells->slot_end; i++)
        if (cells->rights[i])
            owner_free(cells->rights[i]);
    free(cells->rights);
    free(cells->by_id);
    free(cells->by_holder);
    free(cells->vacant);
}
