#include "core/cells/state.h"

/* Domains of the digest's terms, so that no two kinds of entity hash alike. */
enum { DOMAIN_SHAPE = 0x63656c6c01, DOMAIN_RIGHT, DOMAIN_VIRTUAL, DOMAIN_SHOCK };

struct dure_digest dure_cells_term_shape(const struct dure_cells *cells)
{
    uint64_t words[DURE_CELLS_LEVELS_MAX + 2] = {cells->shape.levels, cells->shape.tops};
    for (unsigned l = 2; l <= cells->shape.levels; l++)
        words[l] = cells->shape.holds[l];
    return dure_hash_words(DOMAIN_SHAPE, words, sizeof words / sizeof *words);
}

struct dure_digest dure_cells_term_right(const struct dure_cells_owner *owner)
{
    const struct dure_cells_right *right = &owner->spec;
    const uint64_t words[] = {(uint64_t)right->id.v << 32 | right->holder.v,
                              (uint64_t)right->count << 32 | owner->index_end,
                              (uint64_t)right->level << 16 | (uint64_t)right->rank << 8 | owner->started,
                              (uint64_t)right->start_us,
                              (uint64_t)right->end_us,
                              right->predecessor.v};
    return dure_hash_words(DOMAIN_RIGHT, words, sizeof words / sizeof *words);
}

struct dure_digest dure_cells_term_virtual(const struct dure_cells *cells, const struct dure_cells_owner *owner,
                                           uint32_t index)
{
    if (owner->state[index] == DURE_CELLS_GONE)
        return (struct dure_digest){{0, 0}};
    const struct dure_cells_vcell *virtual = &owner->virtuals[index];
    const bool has_heir = virtual->heir.right != DURE_NONE32;
    const uint64_t words[] = {
        (uint64_t)owner->spec.id.v << 32 | index, (uint64_t)owner->state[index] << 32 | virtual->cell,
        has_heir ? (uint64_t)cells->rights[virtual->heir.right]->spec.id.v << 32 | virtual->heir.index : DURE_NONE64};
    return dure_hash_words(DOMAIN_VIRTUAL, words, sizeof words / sizeof *words);
}

struct dure_digest dure_cells_term_leaf(const struct dure_cells *cells, uint32_t leaf)
{
    const uint64_t lost = dure_bits_test(&cells->lost, leaf);
    return dure_cells_term_count(leaf, lost << 32 | (uint64_t)cells->used[leaf] << 16 | cells->borrowed[leaf]);
}

struct dure_digest dure_cells_term_shock(bool shock)
{
    return shock ? dure_hash_words(DOMAIN_SHOCK, NULL, 0) : (struct dure_digest){{0, 0}};
}

struct dure_digest dure_cells_digest(const struct dure_cells *cells)
{
    return cells->digest;
}

struct dure_digest dure_cells_digest_full(const struct dure_cells *cells)
{
    struct dure_digest sum = dure_cells_term_shape(cells);
    dure_digest_add(&sum, dure_cells_term_shock(cells->shock));
    for (uint32_t i = 0; i < cells->right_count; i++) {
        const struct dure_cells_owner *owner = cells->by_id[i];
        dure_digest_add(&sum, dure_cells_term_right(owner));
        for (uint32_t v = 0; v < owner->index_end; v++)
            dure_digest_add(&sum, dure_cells_term_virtual(cells, owner, v));
    }
    for (uint32_t leaf = 0; leaf < cells->level[1].count; leaf++)
        dure_digest_add(&sum, dure_cells_term_leaf(cells, leaf));
    return sum;
}
