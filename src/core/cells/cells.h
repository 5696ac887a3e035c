#pragma once
/* Cells of one chain: who was promised what, what is bound, free or lost, and whether every promise can still be
 * kept.
 *
 * A chain is a uniform tree of hardware: level 1 = leaf (one GPU), level K = top; a cell is one subtree. A right
 * (allotment) promises its holder `count` cells of one level. Those cells are first virtual: the holder's private
 * cluster. Using one binds it to a physical cell of the same level; leaf i of the virtual cell is leaf i of the bound
 * one. It unbinds when empty.
 *
 * Source: HiveD (Zhao et al., OSDI 2020; microsoft/hivedscheduler), extended with time, handover, failures and a
 * relaxed split.
 *   F[l] = free cells of level l, in merged form (a cell is listed only if its parent is not wholly free)
 *   r[l] = virtual cells owed but not bound: from acceptance to the end, before the start too
 *   s[K] = F[K] - r[K];  s[l] = F[l] + holds[l+1] * s[l+1] - r[l]: what level l has beyond all that is owed
 *   invariant: every s[l] >= 0. Under it, every owed cell that its holder asks for can be bound at once.
 *
 * Deciding and doing are apart. choose(), next_step() and preview() are pure: they say what the rules want.
 * take_exact(), give() and do_step() do one decided thing and check that it is legal, so that a log replays without
 * deciding again.
 *
 * Errors have no effect. E_MEMORY is possible wherever an error is returned. Not thread-safe. Owns its memory: about
 * 18 bytes a leaf, 25 a promised cell. Integers only; ties go to the lowest index or id: the same calls give the same
 * state, everywhere. Cost, unless stated: O(levels), plus the fan-outs of the cells split or merged, plus O(log
 * cells) to find the least borrowed one. */
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/ids.h"

enum {
    DURE_CELLS_LEVELS_MAX = 10,
    DURE_CELLS_LEAVES_MAX = 1 << 20,   /* of one chain */
    DURE_CELLS_RIGHTS_MAX = 65536,     /* of one chain at one time */
    DURE_CELLS_VIRTUAL_MAX = 1 << 22,  /* promised cells of one chain at one time */
    DURE_CELLS_LEAF_USES_MAX = 65535,  /* jobs that share a leaf, guaranteed and borrowed together */
    DURE_CELLS_UNDO_MAX = 1 << 26,     /* changes under open marks */
    DURE_CELLS_SNAPSHOT_MAX = 1 << 28, /* bytes that save can write */
};

struct dure_cells;

/* holds[l] = children of a level-l cell, for l = 2..levels (1 is allowed); holds[1] is not read. tops = cells of
 * level `levels`. */
struct dure_cells_shape {
    uint8_t levels;
    uint32_t tops;
    uint32_t holds[DURE_CELLS_LEVELS_MAX + 1];
};

/* Everything free, nothing promised. E_INVALID: a level count, fan-out or tops of zero or too many; E_LIMIT: too many
 * leaves. */
DURE_NODISCARD enum dure_err dure_cells_new(const struct dure_cells_shape *shape, struct dure_cells **ret_cells,
                                            struct dure_error *error);
void dure_cells_free(struct dure_cells *cells); /* NULL is fine */

/* ---- the tree ---- */

const struct dure_cells_shape *dure_cells_shape(const struct dure_cells *cells);
uint32_t dure_cells_leaf_count(const struct dure_cells *cells);
uint32_t dure_cells_count(const struct dure_cells *cells, unsigned level);  /* cells of this level */
uint32_t dure_cells_leaves(const struct dure_cells *cells, unsigned level); /* leaves under one of them */
/* The cell of `level` (not below the cell's own) that contains `cell`; and the first leaf under a cell. */
struct dure_cell dure_cells_above(const struct dure_cells *cells, struct dure_cell cell, unsigned level);
uint32_t dure_cells_first_leaf(const struct dure_cells *cells, struct dure_cell cell);

/* ---- rights ---- */

struct dure_cells_right {
    struct dure_allot_id id; /* not in use in this chain */
    struct dure_tenant_id holder;
    uint32_t count; /* virtual cells, 1.. */
    uint8_t level;
    uint8_t rank; /* when hardware is lost, low ranks are suspended first: 0 = of the hardware's owner, 1 = others */
    int64_t start_us;
    int64_t end_us;                   /* > start_us; DURE_NEVER_US: none */
    struct dure_allot_id predecessor; /* same level, ends no later than this starts; DURE_NONE32: none */
};

/* Why a right does not fit: at `level` (the right's or a lower one: a promise uses up all levels below it) so many
 * cells are lacking. `fits` = the largest count that would be accepted. */
struct dure_cells_shortfall {
    uint8_t level;
    uint32_t cells;
    uint32_t fits;
};

/* Accepts a right iff the invariant holds afterwards on the F of this moment, with every suspended right counted as
 * still owed (a new right never takes what a suspended one waits for). All its cells count at once, except those
 * handed over by the predecessor, which count from the predecessor's end (its cells without an heir, lowest first).
 * E_SHORT fills ret_shortfall (may be NULL); E_INVALID; E_NOT_FOUND: the predecessor; E_LIMIT. O(count). */
DURE_NODISCARD enum dure_err dure_cells_accept(struct dure_cells *cells, const struct dure_cells_right *right,
                                               struct dure_cells_shortfall *ret_shortfall, struct dure_error *error);
/* What accept would return, without effect. O(levels + predecessor's cells). */
DURE_NODISCARD enum dure_err dure_cells_preview(const struct dure_cells *cells, const struct dure_cells_right *right,
                                                struct dure_cells_shortfall *ret_shortfall, struct dure_error *error);
/* Its start has come: from now on its cells may be bound. E_NOT_FOUND; E_STATE: already started. */
DURE_NODISCARD enum dure_err dure_cells_start(struct dure_cells *cells, struct dure_allot_id allot,
                                              struct dure_error *error);

enum dure_cells_event_kind {
    DURE_CELLS_IN_USE = 1, /* refused because of it: bound and in use */
    DURE_CELLS_RELEASED, /* was bound to `cell`, which now belongs to nobody; jobs still there are borrowed from now on */
    DURE_CELLS_HANDED_OVER, /* is now virtual cell `heir_index` of `heir`; bound to `cell` if cell.level > 0 */
};
struct dure_cells_event {
    enum dure_cells_event_kind kind;
    struct dure_allot_id allot;
    uint32_t virtual_index;
    struct dure_cell cell;     /* level 0: was not bound */
    uint32_t used;             /* leaves in use by the holder */
    struct dure_allot_id heir; /* DURE_NONE32: none */
    uint32_t heir_index;
};
/* What the last shrink or end did, in that order, or was refused for. Valid until the next call that changes state. */
const struct dure_cells_event *dure_cells_events(const struct dure_cells *cells, size_t *ret_count);

/* Keeps `stay` (1..count) cells. First to go: suspended ones, unbound, waiting, bound but unused, then those with
 * fewest used leaves; within each, cells without an heir, then the highest index. Indices of the rest do not move.
 * Cells that have an heir pass to it at once. Where a bound cell is released, or passes to another holder, its uses
 * become borrowings: the caller counts those jobs as borrowed from then on. Without `force`, E_STATE if that would
 * happen to a job (the events name the cells). E_NOT_FOUND; E_INVALID. O(count log count + leaves released). */
DURE_NODISCARD enum dure_err dure_cells_shrink(struct dure_cells *cells, struct dure_allot_id allot, uint32_t stay,
                                               bool force, struct dure_error *error);
/* Ends a right: its cells pass to their heirs (those in use first, each keeping its binding), the rest are released,
 * the id is free again. Uses and `force` as for shrink. At an instant, end before start. O(count + leaves released). */
DURE_NODISCARD enum dure_err dure_cells_end(struct dure_cells *cells, struct dure_allot_id allot, bool force,
                                            struct dure_error *error);

struct dure_cells_right_view {
    struct dure_cells_right right; /* count: what remains of it */
    bool started;
    uint32_t index_end;                                  /* virtual indices are below this; holes after a shrink */
    uint32_t waiting, unbound, bound, suspended, served; /* cells in each state; their sum is right.count */
    uint32_t used;                                       /* leaves */
};
bool dure_cells_right(const struct dure_cells *cells, struct dure_allot_id allot,
                      struct dure_cells_right_view *ret_view);
/* The right with the lowest id >= from; false: none. O(log rights). */
bool dure_cells_right_next(const struct dure_cells *cells, struct dure_allot_id from,
                           struct dure_cells_right_view *ret_view);
/* The same among the rights of one holder. */
bool dure_cells_right_of(const struct dure_cells *cells, struct dure_tenant_id holder, struct dure_allot_id from,
                         struct dure_cells_right_view *ret_view);

/* ---- the private cluster ---- */

enum dure_cells_state {
    DURE_CELLS_GONE,      /* no such virtual cell (any more) */
    DURE_CELLS_WAITING,   /* still its predecessor's */
    DURE_CELLS_UNBOUND,   /* owed */
    DURE_CELLS_BOUND,     /* has a physical cell, some leaves of which may since be lost */
    DURE_CELLS_SUSPENDED, /* hardware was lost: not owed for the time being */
    DURE_CELLS_SERVED,    /* suspended, and bound to a damaged cell whose healthy leaves it uses */
};

struct dure_cells_virtual {
    struct dure_allot_id allot;
    uint32_t index;
    enum dure_cells_state state;
    struct dure_cell cell;     /* the bound cell; level 0: none */
    uint32_t leaves;           /* in all */
    uint32_t lost;             /* of the bound cell */
    uint32_t used;             /* by the holder's guaranteed jobs */
    uint32_t free;             /* neither used nor lost; of an unbound one: all; of a suspended or waiting one: 0 */
    struct dure_allot_id heir; /* who gets it at the end; DURE_NONE32: nobody */
    uint32_t heir_index;
};
bool dure_cells_virtual(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                        struct dure_cells_virtual *ret_virtual);
/* The first virtual cell of a right at or after index `from` whose state is in `states` (bits 1 << state); false:
 * none. O(distance), by memchr where one state is asked for. */
bool dure_cells_virtual_next(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t from, unsigned states,
                             struct dure_cells_virtual *ret_virtual);
/* The best place for one cell of `level` inside a virtual cell, by rules that see only its holder: all its leaves
 * unused and healthy, in the smallest wholly idle cell (so that larger shapes stay whole), lowest first. ret_offset =
 * its first leaf, counted inside the virtual cell; ret_hole = level of that smallest idle cell. False: none. O(leaves
 * of the virtual cell). */
bool dure_cells_fit(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index, unsigned level,
                    uint32_t *ret_offset, unsigned *ret_hole);

/* The physical cell that the rules bind next to this virtual cell.
 * Owed: the lowest level with a free cell, the least borrowed of that level, then down the least borrowed children.
 * With `relaxed`, also from a higher level where that is safe and evicts fewer borrowed leaves.
 * Suspended: the cell with fewest lost leaves, all other leaves free, that can be had without breaking the invariant
 * for all others; then the least borrowed. O(lost leaves).
 * E_RIGHTS: no such virtual cell, bound already, or not started; E_SUSPENDED: suspended, and no damaged cell can
 * serve it; E_STATE: not settled. */
DURE_NODISCARD enum dure_err dure_cells_choose(const struct dure_cells *cells, struct dure_allot_id allot,
                                               uint32_t index, bool relaxed, struct dure_cell *ret_cell,
                                               struct dure_error *error);
/* Binds exactly this cell, if that is safe: owed: splitting a free level-m cell for it needs min(s[l+1..m]) >= 1 (the
 * cell that choose names always passes). E_RIGHTS as above; E_INVALID: no such cell or another level; E_STATE: not
 * free, or not settled; E_SHORT: not safe. */
DURE_NODISCARD enum dure_err dure_cells_take_exact(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                                   struct dure_cell cell, struct dure_error *error);
/* Would take_exact bind it? */
bool dure_cells_may_take(const struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                         struct dure_cell cell);
/* choose and take_exact in one. */
DURE_NODISCARD enum dure_err dure_cells_take(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                             struct dure_cell *ret_cell, struct dure_error *error);
/* Unbinds and merges buddies upward. E_STATE: not bound, or a leaf of it is in use. A damaged cell may leave the
 * chain short: settle then. */
DURE_NODISCARD enum dure_err dure_cells_give(struct dure_cells *cells, struct dure_allot_id allot, uint32_t index,
                                             struct dure_error *error);

/* Counts a guaranteed job in (+1) or out (-1) of a leaf. E_STATE: not under a bound cell; E_LIMIT; out of an unused
 * leaf: assert. */
DURE_NODISCARD enum dure_err dure_cells_use(struct dure_cells *cells, uint32_t leaf, int delta,
                                            struct dure_error *error);
/* Counts a borrowed job in or out of a leaf, wherever it stands. A borrowed leaf remains free (or bound): it costs no
 * owner anything, and is evicted when its cell is wanted. E_LIMIT; out of a leaf that is not borrowed: assert. */
DURE_NODISCARD enum dure_err dure_cells_borrowed(struct dure_cells *cells, uint32_t leaf, int delta,
                                                 struct dure_error *error);

/* The same for the leaves first + i for each bit i of the mask, all of them or none: for the GPUs of a node at a cost of one. */
DURE_NODISCARD enum dure_err dure_cells_use_mask(struct dure_cells *cells, uint32_t first, uint64_t mask, int delta,
                                                 struct dure_error *error);
DURE_NODISCARD enum dure_err dure_cells_borrowed_mask(struct dure_cells *cells, uint32_t first, uint64_t mask,
                                                      int delta, struct dure_error *error);
/* Which of these leaves are neither in guaranteed use nor lost. */
uint64_t dure_cells_unused(const struct dure_cells *cells, uint32_t first, uint64_t mask);

/* ---- failures ---- */

/* A leaf is down, drained or under foreign load; the caller counts the reasons. Its path is split: s falls by one at
 * each level up to the free cell it came from; under a bound cell only that cell is damaged. E_STATE: lost already;
 * E_INVALID. Then settle. Hardware that has yet to arrive is not lost: the rights on it start later. */
DURE_NODISCARD enum dure_err dure_cells_lose(struct dure_cells *cells, uint32_t leaf, struct dure_error *error);
/* The opposite. E_STATE: not lost. Then settle. */
DURE_NODISCARD enum dure_err dure_cells_repair(struct dure_cells *cells, uint32_t leaf, struct dure_error *error);

/* One step towards keeping what can be kept; false: settled. After lose, repair, give, shrink or end: the
 * fewest leaves suspended that make every s >= 0, from the highest short level down, at each by rank, then latest
 * start, then id; what is too much is restored in the opposite order: while the same cells are unbound, a repair
 * takes back what the loss did. After all else, nobody is suspended, and whatever fits again is restored in the
 * opposite order (largest first). A served cell that is whole again is restored. Until settled, nothing may be bound
 * or accepted (E_STATE). O(rights) a step. */
struct dure_cells_step {
    bool suspend; /* else restore */
    struct dure_allot_id allot;
    uint32_t index;
};
bool dure_cells_next_step(const struct dure_cells *cells, struct dure_cells_step *ret_step);
/* Does the step: owed becomes suspended (E_STATE: it is not owed), suspended becomes owed, served becomes bound
 * (E_STATE: it is neither, or its cell is still damaged). The fit of a restore is next_step's business. */
DURE_NODISCARD enum dure_err dure_cells_do_step(struct dure_cells *cells, const struct dure_cells_step *step,
                                                struct dure_error *error);
/* Steps until settled; `tell` (may be NULL) hears each. On failure nothing is done, though tell may have heard. */
DURE_NODISCARD enum dure_err dure_cells_settle(struct dure_cells *cells,
                                               void (*tell)(void *context, const struct dure_cells_step *step),
                                               void *context, struct dure_error *error);

/* ---- reading ---- */

uint32_t dure_cells_free_count(const struct dure_cells *cells, unsigned level); /* F[l] */
uint32_t dure_cells_owed(const struct dure_cells *cells, unsigned level);       /* r[l] */
uint64_t dure_cells_owed_leaves(const struct dure_cells *cells);                /* of all levels */
uint32_t dure_cells_suspended(const struct dure_cells *cells, unsigned level);  /* not bound; left out of r[l] */
bool dure_cells_any_suspended(const struct dure_cells *cells);                  /* at any level */
int64_t dure_cells_slack(const struct dure_cells *cells, unsigned level);       /* s[l] */
bool dure_cells_whole(const struct dure_cells *cells);                          /* every s[l] >= 0 */
uint32_t dure_cells_lost_count(const struct dure_cells *cells);                 /* leaves */

struct dure_cells_leaf {
    struct dure_allot_id allot; /* of the bound cell that it is under; DURE_NONE32: free, or lost and nobody's */
    struct dure_tenant_id holder;
    uint32_t index;  /* virtual cell */
    uint32_t offset; /* position inside it */
    bool lost;
    uint16_t used, borrowed; /* jobs */
};
void dure_cells_leaf(const struct dure_cells *cells, uint32_t leaf, struct dure_cells_leaf *ret_leaf);
/* What is kept of this leaf starts on its way from memory. */
void dure_cells_fetch(const struct dure_cells *cells, uint32_t leaf);
/* Whose it is alone; false: it is under no bound cell. */
struct dure_cells_held {
    struct dure_allot_id allot;
    uint32_t index, offset;
};
bool dure_cells_holder(const struct dure_cells *cells, uint32_t leaf, struct dure_cells_held *ret_held);

/* From now on each change of the digest sets this bit of what is pointed to, which outlives the cells. */
void dure_cells_tell(struct dure_cells *cells, uint64_t *word, uint64_t bit);

/* Leaves under any cell. free = not bound, not lost. */
struct dure_cells_sum {
    uint32_t leaves, bound, lost, borrowed;
    bool is_free; /* wholly free: this cell or one above it is listed in F */
};
struct dure_cells_sum dure_cells_sum(const struct dure_cells *cells, struct dure_cell cell);
/* The level of the free cell over a leaf; 0: none. O(levels) */
unsigned dure_cells_free_level(const struct dure_cells *cells, uint32_t leaf);

/* The first free cell of F[level] with index >= from; false: none. Borrowed work keeps away from promises by choosing
 * free cells of levels with slack: see dure_cells_slack. */
bool dure_cells_free_next(const struct dure_cells *cells, unsigned level, uint32_t from, struct dure_cell *ret_cell);
/* The first lost leaf >= from; DURE_NONE32: none. */
uint32_t dure_cells_lost_next(const struct dure_cells *cells, uint32_t from);

/* ---- trying ---- */

/* Everything after a mark can be undone, at the cost of what was done; marks nest and are closed in the opposite
 * order. rollback restores the state exactly; commit keeps the changes. Neither can fail. Rolling back invalidates
 * the events. */
struct dure_cells_mark {
    size_t at;
};
struct dure_cells_mark dure_cells_mark(struct dure_cells *cells);
void dure_cells_rollback(struct dure_cells *cells, struct dure_cells_mark mark);
void dure_cells_commit(struct dure_cells *cells, struct dure_cells_mark mark);

/* ---- keeping ---- */

/* Deterministic bytes: equal states give equal bytes. `buf` shows failure. O(leaves + virtual cells). */
void dure_cells_save(const struct dure_cells *cells, struct dure_buf *buf);
/* Loads and validates everything: E_CORRUPT names what does not hold; E_VERSION. */
DURE_NODISCARD enum dure_err dure_cells_load(const void *bytes, size_t length, struct dure_cells **ret_cells,
                                             struct dure_error *error);
struct dure_digest dure_cells_digest(const struct dure_cells *cells);      /* incremental: O(1) */
struct dure_digest dure_cells_digest_full(const struct dure_cells *cells); /* recomputed: O(leaves) */
/* Recomputes everything derived (free lists, counts, r, digest) and compares; for tests and snapshots. E_DIVERGED
 * names what differs. */
DURE_NODISCARD enum dure_err dure_cells_check(const struct dure_cells *cells, struct dure_error *error);
