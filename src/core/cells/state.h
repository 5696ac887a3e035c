#pragma once
/* Inside the room: the state of one chain, and the primitive changes all operations are made of.
 *
 * Every change goes through a primitive that first writes how to undo it. A primitive that finds no memory for that
 * changes nothing and sets `failed`; those after it then do nothing either, and dure_cells_finish rolls the whole
 * operation back. */
#include "base/bits.h"
#include "core/cells/cells.h"

/* Mutants break one rule each, to prove that the tests would notice (tests/property/cells). Only a test's own build
 * has them. */
enum {
    DURE_CELLS_MUTANT_NONE,
    DURE_CELLS_MUTANT_SPLIT_HIGHEST,
    DURE_CELLS_MUTANT_PER_LEVEL_CHECK,
    DURE_CELLS_MUTANT_RELAXED_AT_M,
    DURE_CELLS_MUTANT_NO_MERGE,
    DURE_CELLS_MUTANT_LOST_FORGOTTEN,
    DURE_CELLS_MUTANT_FUTURE_IGNORED,
    DURE_CELLS_MUTANT_OLD_PRICES,
    DURE_CELLS_MUTANTS_END,
};
#ifdef DURE_CELLS_MUTANTS
extern int dure_cells_mutant; /* the test's choice */
#define DURE_CELLS_MUTATED(which) (dure_cells_mutant == DURE_CELLS_MUTANT_##which)
#else
#define DURE_CELLS_MUTATED(which) false
#endif

enum { DURE_CELLS_NO_SHIFT = 64 };
enum { DURE_CELLS_STATES = DURE_CELLS_SERVED + 1, DURE_CELLS_USED_SHIFT = 16, DURE_CELLS_PARTS = 64 };

struct dure_cells_slot {
    uint32_t right; /* index into rights[]; DURE_NONE32: none */
    uint32_t index;
};

struct dure_cells_level {
    uint32_t count;  /* cells */
    uint32_t holds;  /* children of each; 0 for leaves */
    uint32_t leaves; /* under each */
    unsigned shift;  /* its logarithm; DURE_CELLS_NO_SHIFT: it is no power of two */
    struct dure_bits free;
    struct dure_bits idle;         /* free, without borrowed work */
    struct dure_cells_slot *place; /* by cell: what is bound to it */
    /* The rest is NULL for leaves, where one bit or the leaf's own counters say the same. */
    uint32_t *bound;    /* leaves under bound cells of this level or below */
    uint32_t *lost;     /* leaves */
    uint32_t *borrowed; /* leaves */
    uint32_t *
        best; /* tournament: [base + i] = borrowed leaves of free cell i, DURE_NONE32 if it has none or is not free; [n] = least below n */
    uint32_t base;        /* a power of two >= count */
    uint32_t owed;        /* virtual cells: r[l] */
    uint32_t bound_count; /* cells of this level that are bound, of all there are */
    uint32_t suspended;   /* virtual cells without a cell */
};

struct dure_cells_vcell {
    uint32_t cell; /* index at the right's level; DURE_NONE32: not bound */
    uint32_t used; /* leaves */
    struct dure_cells_slot heir;
    struct dure_cells_slot source; /* whose heir it is, while waiting */
};

struct dure_cells_owner {
    struct dure_cells_right spec;
    bool started;
    uint32_t slot; /* own index in rights[] */
    uint32_t index_end;
    uint32_t used;
    uint32_t by_state[DURE_CELLS_STATES];
    uint8_t *state; /* enum dure_cells_state, one byte each so that memchr finds them */
    struct dure_cells_vcell *virtuals;
};

struct dure_cells_undo {
    uint8_t op, level, state;
    uint32_t a, b, c, d;
};

struct dure_cells {
    struct dure_cells_shape shape;
    struct dure_cells_level level[DURE_CELLS_LEVELS_MAX + 1];
    struct dure_bits lost;
    uint32_t *uses; /* jobs, by leaf: guaranteed ones << DURE_CELLS_USED_SHIFT | borrowed ones */
    struct dure_digest
        parts[DURE_CELLS_PARTS + 1]; /* digest.c: [n] = the sum of the numbers of the first n leaves of a group */

    struct dure_cells_owner **rights; /* by slot; a free one is NULL */
    uint32_t *vacant;                 /* stack of free slots below slot_end */
    uint32_t slot_end, slot_capacity, vacant_count;
    struct dure_cells_owner **by_id, **by_holder; /* sorted; by (holder, id) */
    uint32_t right_count;
    uint32_t virtual_count; /* of all slots, the undoable ended ones too */
    uint32_t served_count, suspended_count;
    uint32_t bound_levels; /* bit = level: some cell of it is bound */
    uint64_t owed_leaves;  /* of what is owed at all levels */
    bool shock;            /* hardware changed since the last change of bindings or rights: next_step may suspend */
    struct dure_digest digest;
    uint64_t *told, told_bit; /* whom a change is told; NULL: nobody */

    struct dure_cells_prices *prices[DURE_CELLS_LEVELS_MAX + 1]; /* price.c; NULL: not kept at this level */
    bool any_priced;

    struct dure_cells_undo *undo;
    size_t undo_count, undo_capacity;
    unsigned marks;
    bool failed;
    bool building; /* loading: nothing to undo */

    struct dure_cells_event *events;
    size_t event_count, event_capacity;
};

/* The cell of a level over a leaf. */
static inline uint32_t dure_cells_over(const struct dure_cells_level *level, uint32_t leaf)
{
    return level->shift != DURE_CELLS_NO_SHIFT ? leaf >> level->shift : leaf / level->leaves;
}

static inline uint32_t dure_cells_used_on(const struct dure_cells *cells, uint32_t leaf)
{
    return cells->uses[leaf] >> DURE_CELLS_USED_SHIFT;
}
static inline uint32_t dure_cells_borrowed_on(const struct dure_cells *cells, uint32_t leaf)
{
    return cells->uses[leaf] & ((1u << DURE_CELLS_USED_SHIFT) - 1);
}

/* Whole nodes are what is mostly used. If the mask says so many leaves or more, beside each other, that count alike: the first; else NULL. */
enum { DURE_CELLS_ALIKE_MIN = 8 };
static inline uint32_t *dure_cells_alike(const struct dure_cells *cells, uint32_t first, uint64_t mask)
{
    const uint64_t run = mask >> (mask ? __builtin_ctzll(mask) : 0);
    const unsigned count = (unsigned)__builtin_popcountll(run);
    if (count < DURE_CELLS_ALIKE_MIN || run & (run + 1))
        return NULL;
    uint32_t *uses = &cells->uses[first + (uint32_t)__builtin_ctzll(mask)], differ = 0;
    for (unsigned i = 1; i < count; i++)
        differ |= uses[i] ^ uses[0];
    return differ ? NULL : uses;
}

static inline bool dure_cells_is_bound(enum dure_cells_state state)
{
    return state == DURE_CELLS_BOUND || state == DURE_CELLS_SERVED;
}

/* ---- undo.c: an operation is `start = begin; primitives; return finish(start, err)` ---- */
size_t dure_cells_begin(struct dure_cells *cells);
enum dure_err dure_cells_finish(struct dure_cells *cells, size_t start, enum dure_err err, struct dure_error *error);
bool dure_cells_note(struct dure_cells *cells, struct dure_cells_undo undo); /* false: failed */

/* ---- primitive.c ---- */
enum dure_cells_op {
    DURE_CELLS_OP_FREE_ON,
    DURE_CELLS_OP_FREE_OFF, /* level, a = first, b = count */
    DURE_CELLS_OP_BOUND_ON,
    DURE_CELLS_OP_BOUND_OFF, /* level, a = index */
    DURE_CELLS_OP_LOST_ON,
    DURE_CELLS_OP_LOST_OFF, /* a = leaf */
    DURE_CELLS_OP_USED,
    DURE_CELLS_OP_BORROWED, /* a = leaf, b = value before */
    DURE_CELLS_OP_VIRTUAL,  /* a = slot, b = index, before: state, c = cell, d = used */
    DURE_CELLS_OP_HEIR,
    DURE_CELLS_OP_SOURCE, /* a = slot, b = index, before: c = slot, d = index */
    DURE_CELLS_OP_STARTED,
    DURE_CELLS_OP_COUNT, /* a = slot, b = value before */
    DURE_CELLS_OP_SHOCK, /* b = value before */
    DURE_CELLS_OP_NEW,
    DURE_CELLS_OP_DEAD, /* a = slot */
};
/* Siblings, all of which were otherwise. */
void dure_cells_put_free(struct dure_cells *cells, unsigned level, uint32_t first, uint32_t count, bool on);
void dure_cells_put_bound(struct dure_cells *cells, unsigned level, uint32_t index, bool on);
void dure_cells_put_lost(struct dure_cells *cells, uint32_t leaf, bool on);
void dure_cells_put_used(struct dure_cells *cells, uint32_t leaf, uint32_t value);
void dure_cells_put_borrowed(struct dure_cells *cells, uint32_t leaf, uint32_t value);
/* One more or less on each leaf of the mask, all of them under the bound cell `slot`; and anywhere. */
void dure_cells_add_used(struct dure_cells *cells, struct dure_cells_slot slot, uint32_t first, uint64_t mask,
                         int delta);
void dure_cells_add_borrowed(struct dure_cells *cells, uint32_t first, uint64_t mask, int delta);
void dure_cells_put_virtual(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index,
                            enum dure_cells_state state, uint32_t cell, uint32_t used);
void dure_cells_put_heir(struct dure_cells *cells, struct dure_cells_slot at, struct dure_cells_slot heir);
void dure_cells_put_source(struct dure_cells *cells, struct dure_cells_slot at, struct dure_cells_slot source);
void dure_cells_put_started(struct dure_cells *cells, struct dure_cells_owner *owner, bool started);
void dure_cells_put_count(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t count);
void dure_cells_put_shock(struct dure_cells *cells, bool shock);
void dure_cells_undo_one(struct dure_cells *cells,
                         const struct dure_cells_undo *undo); /* primitives and rights, reversed */

/* ---- table.c: the rights by slot, id and holder ---- */
struct dure_cells_owner *dure_cells_find(const struct dure_cells *cells, struct dure_allot_id allot); /* NULL: none */
uint32_t dure_cells_lower(const struct dure_cells *cells, struct dure_allot_id from); /* place in by_id */
uint32_t dure_cells_lower_of(const struct dure_cells *cells, struct dure_tenant_id holder, struct dure_allot_id from);
struct dure_cells_owner *dure_cells_owner_new(struct dure_cells *cells, const struct dure_cells_right *right,
                                              uint32_t index_end); /* NULL: failed */
void dure_cells_owner_retire(struct dure_cells *cells,
                             struct dure_cells_owner *owner); /* no longer found; kept until committed */
void dure_cells_owner_revive(struct dure_cells *cells, struct dure_cells_owner *owner); /* undoes retire */
void dure_cells_owner_forget(struct dure_cells *cells, struct dure_cells_owner *owner); /* frees one that is retired */
void dure_cells_owner_unmake(struct dure_cells *cells, struct dure_cells_owner *owner); /* undoes new */
void dure_cells_table_free(struct dure_cells *cells);

/* ---- digest.c: the terms of the sum; zero for what has no state ---- */
struct dure_digest dure_cells_term_shape(const struct dure_cells *cells);
struct dure_digest dure_cells_term_right(const struct dure_cells_owner *owner);
struct dure_digest dure_cells_term_virtual(const struct dure_cells *cells, const struct dure_cells_owner *owner,
                                           uint32_t index);
struct dure_digest dure_cells_term_leaf(const struct dure_cells *cells, uint32_t leaf);
/* What leaves count, times a number of each: that of its group of DURE_CELLS_PARTS, times that of its place in there. Of leaves of one group that
 * change alike the numbers are summed first, so that a change costs one product. */
void dure_cells_parts_init(struct dure_cells *cells);
struct dure_digest dure_cells_term_count(const struct dure_cells *cells, uint32_t first, uint64_t mask, uint64_t count);
struct dure_digest dure_cells_term_shock(bool shock);

/* ---- tree.c: free lists in merged form ---- */
bool dure_cells_place_of(const struct dure_cells *cells, uint32_t leaf,
                         struct dure_cells_slot *ret_slot); /* the bound cell over a leaf */
uint32_t dure_cells_lost_in(const struct dure_cells *cells, unsigned level, uint32_t index);
uint32_t dure_cells_borrowed_in(const struct dure_cells *cells, unsigned level, uint32_t index);
unsigned dure_cells_free_above(const struct dure_cells *cells, unsigned level,
                               uint32_t index); /* level of the free cell over it; 0: none */
void dure_cells_carve(struct dure_cells *cells, unsigned level,
                      uint32_t index); /* it lies in a free cell: splits down to it, takes it out */
void dure_cells_release(struct dure_cells *cells, unsigned level,
                        uint32_t index); /* nothing in it is bound or lost: adds it, merges */
void dure_cells_parts_put(struct dure_cells *cells, unsigned level, uint32_t index,
                          bool on); /* the free parts of a damaged cell */
void dure_cells_parts_count(const struct dure_cells *cells, unsigned level, uint32_t index,
                            uint32_t parts[DURE_CELLS_LEVELS_MAX + 1]);
uint32_t dure_cells_best(const struct dure_cells *cells,
                         unsigned level); /* the least borrowed free cell; DURE_NONE32: none */

/* ---- price.c ---- */
void dure_cells_prices_free(struct dure_cells *cells);
/* These siblings became free or not, or what is bound or lost in them changed. */
void dure_cells_price_touch(struct dure_cells *cells, unsigned level, uint32_t first, uint32_t count);

/* ---- slack.c ---- */
void dure_cells_slacks(const struct dure_cells *cells, bool with_suspended, int64_t slack[DURE_CELLS_LEVELS_MAX + 1]);

/* Bindings or rights changed: from here on nobody is suspended, unless a loss is still unsettled. */
void dure_cells_calm(struct dure_cells *cells);

/* ---- bind.c ---- */
void dure_cells_unbind(struct dure_cells *cells, struct dure_cells_owner *owner, uint32_t index,
                       enum dure_cells_state next);
