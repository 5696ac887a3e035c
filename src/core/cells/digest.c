#include "core/cells/state.h"

/* Domains of the digest's terms, so that no two kinds of entity hash alike. */
enum { DOMAIN_SHAPE = 0x63656c6c01, DOMAIN_RIGHT, DOMAIN_VIRTUAL, DOMAIN_SHOCK, DOMAIN_GROUP, DOMAIN_PART };

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

void dure_cells_parts_init(struct dure_cells *cells)
{
    for (uint64_t i = 0; i < DURE_CELLS_PARTS; i++) {
        cells->parts[i + 1] = dure_hash_words(DOMAIN_PART, &i, 1);
        dure_digest_add(&cells->parts[i + 1], cells->parts[i]);
    }
}

/* Of leaves of one group: bit i is its place i. */
static struct dure_digest term_of_group(const struct dure_cells *cells, uint64_t group, uint64_t mask, uint64_t count)
{
    struct dure_digest sum = {{0, 0}};
    while (mask) { /* runs */
        const uint32_t from = (uint32_t)__builtin_ctzll(mask);
        const uint64_t past = ~(mask >> from);
        const uint32_t to = past ? from + (uint32_t)__builtin_ctzll(past) : DURE_CELLS_PARTS;
        dure_digest_add(&sum, cells->parts[to]);
        dure_digest_sub(&sum, cells->parts[from]);
        mask = to < DURE_CELLS_PARTS ? mask >> to << to : 0;
    }
    const struct dure_digest own = dure_hash_words(DOMAIN_GROUP, &group, 1);
    return (struct dure_digest){{sum.lane[0] * (own.lane[0] | 1) * count, sum.lane[1] * (own.lane[1] | 1) * count}};
}

struct dure_digest dure_cells_term_count(const struct dure_cells *cells, uint32_t first, uint64_t mask, uint64_t count)
{
    const uint32_t group = first / DURE_CELLS_PARTS, shift = first % DURE_CELLS_PARTS;
    const uint64_t beyond = shift ? mask >> (DURE_CELLS_PARTS - shift) : 0;
    struct dure_digest sum = term_of_group(cells, group, mask << shift, count);
    if (beyond)
        dure_digest_add(&sum, term_of_group(cells, group + 1, beyond, count));
    return sum;
}

struct dure_digest dure_cells_term_leaf(const struct dure_cells *cells, uint32_t leaf)
{
    const uint64_t lost = dure_bits_test(&cells->lost, leaf);
    return dure_cells_term_count(cells, leaf, 1, lost << 32 | cells->uses[leaf]);
}

struct dure_digest dure_cells_term_shock(bool shock)
{
    return shock ? dure_hash_words(DOMAIN_SHOCK, NULL, 0) : (struct dure_digest){{0, 0}};
}

void dure_cells_tell(struct dure_cells *cells, uint64_t *word, uint64_t bit)
{
    cells->told = word;
    cells->told_bit = bit;
    *word |= bit;
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
