/* A chain as its holder's rights make it up: a private cluster, and the hardware under it. */
#include <stdlib.h>

#include "core/place/ground.h"
#include "core/state/jobs.h"
#include "naive_walk.h"

enum { TRIES_MAX = 4000, RIGHTS_MAX = 32 };

struct rights {
    uint32_t count, ids[RIGHTS_MAX];
};

/* ---- which rights ---- */

static bool is_held(const struct walk *w, const struct allot *allot)
{
    return allot->spec.tenant.v == w->holder && allot->spec.chain.v == w->at && allot->state != DURE_ALLOT_ENDED;
}

/* Does the place depend on the hardware that the right stands on? */
static bool by_hardware(const struct walk *w, const struct allot *allot)
{
    return w->ask->lists || (w->ask->spread_max && naive_spread_leaves(w) > allot->cell_leaves);
}

/* A right as it would be, were it all idle: cells of hardware that the spread looks beyond may all stand apart. */
static struct field idle_field(const struct walk *w, const struct allot *allot)
{
    struct field f = {.nodes = allot->cells * allot->cell_slots, .gpus = allot->slot_gpus};
    const uint32_t spread = naive_spread_leaves(w);
    for (uint32_t i = 0; i < f.nodes && i < FIELD_NODES; i++) {
        f.idle[i] = (UINT64_C(1) << allot->slot_gpus) - 1;
        f.spread[i] = !spread ? 0 : spread > allot->cell_leaves ? i / allot->cell_slots : i * allot->slot_gpus / spread;
    }
    return f;
}

static bool suits(const struct walk *w, const struct allot *allot)
{
    const struct field f = idle_field(w, allot);
    if (naive_widest(w) == DURE_DATA_RACK && allot->spec.level < dure_chain_level(w->c, "rack"))
        return false; /* the rest of the rack is somebody else's */
    return naive_fits(w, &f, naive_required_leaves(w, allot->spec.level));
}

static bool may_span(const struct walk *w)
{
    return w->ask->tasks > 1 && !naive_is_fraction(w->ask) && !w->ask->data_mask &&
           !(w->ask->level_required && naive_level(w, w->ask->level) <= w->c->level_count);
}

/* Parts of nodes of several rights may come to lie together or not, so that nobody could say that a gang lies evenly on them. */
static bool may_join(const struct walk *w, const struct allot *allot)
{
    return !naive_is_even(w) || allot->slot_gpus == w->c->node_gpus;
}

static uint64_t carried_together(const struct walk *w, uint32_t each)
{
    uint64_t tasks = 0;
    for (uint32_t id = 0; id < w->core->s.allot_count; id++)
        if (is_held(w, w->core->allots[id]) && may_join(w, w->core->allots[id])) {
            const struct field f = idle_field(w, w->core->allots[id]);
            tasks += naive_carries(w, &f, each);
        }
    return tasks;
}

static bool suits_together(const struct walk *w)
{
    bool suits =
        !naive_is_even(w) && !naive_is_fraction(w->ask) && carried_together(w, w->ask->tasks_per_node) >= w->ask->tasks;
    for (uint32_t each = w->ask->tasks; naive_is_even(w) && each > 0 && !suits; each--)
        suits = naive_may_lie(w, each) && carried_together(w, each) >= w->ask->tasks;
    return may_span(w) && suits;
}

static struct rights usable(const struct walk *w)
{
    struct rights rights = {.count = 0};
    const bool together = suits_together(w);
    for (uint32_t id = 0; id < w->core->s.allot_count && rights.count < RIGHTS_MAX; id++) {
        const struct allot *allot = w->core->allots[id];
        if (is_held(w, allot) && allot->state != DURE_ALLOT_PROMISED && (together || suits(w, allot)))
            rights.ids[rights.count++] = id;
    }
    return rights;
}

/* ---- what there is now ---- */

/* A GPU of one right on which only work stands that the job may send away, with nobody waiting for it. */
static bool may_free(const struct walk *w, uint32_t leaf)
{
    const uint32_t *list = NULL, count = ground_users(w->core, w->at, leaf, &list);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *a = attempt_at(w->core, list[i]);
        const struct request *ask = job_ask(w->core, job_at(w->core, a->job_slot));
        if (a->d.borrowed || ask->priority >= w->ask->priority || (naive_is_fraction(w->ask) && naive_is_fraction(ask)))
            return false;
    }
    return count && w->state->claim[leaf] == NONE;
}

static void add_slot(const struct walk *w, const struct allot *allot, uint32_t id, uint32_t leaf, bool freed,
                     struct field *f, uint32_t at)
{
    const uint32_t node = leaf / w->c->node_gpus;
    for (uint32_t k = 0; k < allot->slot_gpus; k++) {
        struct dure_cells_leaf l;
        dure_cells_leaf(w->cells, leaf + k, &l);
        if (l.lost)
            continue;
        if (!l.used || (freed && may_free(w, leaf + k)))
            f->idle[at] |= UINT64_C(1) << k;
        else
            f->shared[at] += naive_share_room(w, leaf + k, id);
    }
    f->fenced[at] = naive_is_fenced(w, node);
    f->out[at] = !naive_may_use(w, w->c->node_first + node);
}

/* The nodes of a right, at the end of a field. */
static void add_right(const struct walk *w, uint32_t id, bool freed, struct field *f)
{
    const struct allot *allot = w->core->allots[id];
    const uint32_t spread = naive_spread_leaves(w), base = f->nodes;
    const bool told = by_hardware(w, allot);
    struct dure_cells_virtual cell;
    f->nodes += allot->slots.count; /* those given up leave a gap */
    f->gpus = allot->slot_gpus > f->gpus ? allot->slot_gpus : f->gpus;
    DURE_ASSERT(f->nodes <= FIELD_NODES);
    for (uint32_t i = 0; dure_cells_virtual_next(w->cells, (struct dure_allot_id){id}, i, ~0u, &cell);
         i = cell.index + 1)
        for (uint32_t slot = 0; slot < allot->cell_slots; slot++) {
            const uint32_t at = base + cell.index * allot->cell_slots + slot;
            const bool is_bound = cell.state == DURE_CELLS_BOUND || cell.state == DURE_CELLS_SERVED;
            const uint32_t offset = slot * allot->slot_gpus,
                           leaf = is_bound ? dure_cells_first_leaf(w->cells, cell.cell) + offset : 0;
            if (spread) /* what one private cluster has tells nothing of another's */
                f->spread[at] = told
                                    ? leaf / spread
                                    : (id + 1) * w->c->leaf_count + (cell.index * allot->cell_leaves + offset) / spread;
            if (is_bound)
                add_slot(w, allot, id, leaf, freed, f, at);
            else if (cell.state == DURE_CELLS_UNBOUND && !w->bound && !told)
                f->idle[at] = (UINT64_C(1) << allot->slot_gpus) - 1;
            f->nowhere[at] = told && !is_bound;
        }
}

/* ---- does it fit? ---- */

/* In these rights together; in one, inside the level that it requires. */
static bool fits_as_bound(const struct walk *w, const struct rights *rights, bool freed)
{
    struct field f = {.nodes = 0};
    for (uint32_t i = 0; i < rights->count; i++)
        if (rights->count == 1 || may_join(w, w->core->allots[rights->ids[i]]))
            add_right(w, rights->ids[i], freed, &f);
    if (rights->count == 1)
        return naive_fits(w, &f, naive_required_leaves(w, w->core->allots[rights->ids[0]]->spec.level));
    if (!naive_is_even(w))
        return naive_carries(w, &f, naive_is_fraction(w->ask) ? 0 : w->ask->tasks_per_node) >= w->ask->tasks;
    bool fits = false;
    for (uint32_t each = w->ask->tasks; each > 0 && !fits; each--)
        fits = naive_may_lie(w, each) && naive_carries(w, &f, each) >= w->ask->tasks;
    return fits;
}

/* Binds what is owed, from this cell of this right on, to hardware in every way; in each right to cells that follow each other. */
static bool fits_bound_anew(const struct walk *w, const struct rights *rights, bool freed, uint32_t right,
                            uint32_t from, uint32_t first, uint32_t *tries)
{
    if (fits_as_bound(w, rights, freed) || ++*tries > TRIES_MAX)
        return true;
    for (; right < rights->count; right++, from = first = 0) {
        const struct dure_allot_id id = {rights->ids[right]};
        const struct allot *allot = w->core->allots[id.v];
        struct dure_cells_virtual cell;
        if (!by_hardware(w, allot) || !dure_cells_virtual_next(w->cells, id, from, 1u << DURE_CELLS_UNBOUND, &cell))
            continue;
        for (uint32_t i = first; i < dure_cells_count(w->cells, allot->spec.level); i++) {
            const struct dure_cell on = {i, allot->spec.level};
            const struct dure_cells_mark mark = dure_cells_mark(w->cells);
            const bool fits = dure_cells_take_exact(w->cells, id, cell.index, on, NULL) == DURE_OK &&
                              fits_bound_anew(w, rights, freed, right, cell.index + 1, i + 1, tries);
            dure_cells_rollback(w->cells, mark);
            if (fits)
                return true;
        }
    }
    return false;
}

/* Which of several cells is bound is not promised: then it may fit. */
static enum naive_fit fits_in(const struct walk *w, const struct rights *rights, bool freed)
{
    bool told = false;
    uint32_t tries = 0;
    for (uint32_t i = 0; i < rights->count; i++)
        told |= by_hardware(w, w->core->allots[rights->ids[i]]);
    if (fits_as_bound(w, rights, freed))
        return NAIVE_YES;
    return told && !w->bound && fits_bound_anew(w, rights, freed, 0, 0, 0, &tries) ? NAIVE_MAY : NAIVE_NO;
}

/* A damaged cell serves one of its suspended ones. */
static bool is_served(const struct walk *w, uint32_t id)
{
    const struct rights one = {1, {id}};
    struct dure_cells_virtual cell;
    struct dure_cell on;
    bool fits = false;
    for (uint32_t i = 0;
         !fits && dure_cells_virtual_next(w->cells, (struct dure_allot_id){id}, i, 1u << DURE_CELLS_SUSPENDED, &cell);
         i = cell.index + 1) {
        const struct dure_cells_mark mark = dure_cells_mark(w->cells);
        fits = dure_cells_choose(w->cells, (struct dure_allot_id){id}, cell.index, true, &on, NULL) == DURE_OK &&
               dure_cells_take_exact(w->cells, (struct dure_allot_id){id}, cell.index, on, NULL) == DURE_OK &&
               fits_in(w, &one, false) != NAIVE_NO;
        dure_cells_rollback(w->cells, mark);
    }
    return fits;
}

static enum naive_fit fits_there(const struct walk *w)
{
    const struct rights rights = usable(w);
    enum naive_fit best = NAIVE_NO;
    for (uint32_t i = 0; i < rights.count && best != NAIVE_YES; i++) {
        const struct rights one = {1, {rights.ids[i]}};
        const enum naive_fit fits = fits_in(w, &one, false);
        best = fits > best ? fits : best;
        /* In the place of lower priority, or on a damaged cell: of one chain alone, the first. */
        if (best == NAIVE_NO && (fits_in(w, &one, true) != NAIVE_NO || is_served(w, rights.ids[i])))
            best = NAIVE_MAY;
    }
    const enum naive_fit together =
        best != NAIVE_YES && rights.count > 1 && may_span(w) ? fits_in(w, &rights, false) : NAIVE_NO;
    return together > best ? together : best;
}

static struct dure_cells *copy_of(const struct dure_cells *cells)
{
    struct dure_buf bytes;
    struct dure_cells *copy = NULL;
    dure_buf_init(&bytes, 16u << 20);
    dure_cells_save(cells, &bytes);
    DURE_ASSERT(dure_cells_load(bytes.data, bytes.length, &copy, NULL) == DURE_OK);
    dure_buf_release(&bytes);
    return copy;
}

/* Nodes that are booked before it would be over are lost by then; with `settled`, rights are short because of it. */
static void lose_late(const struct walk *w, bool settled)
{
    for (uint32_t node = 0; node < w->c->node_count; node++)
        for (uint32_t k = 0; naive_is_late(w, w->c->node_first + node) && k < w->c->node_gpus; k++)
            (void)!dure_cells_lose(w->cells, node * w->c->node_gpus + k, NULL);
    if (settled)
        DURE_ASSERT(dure_cells_settle(w->cells, NULL, NULL, NULL) == DURE_OK);
}

enum naive_fit naive_right_fit(const struct walk *asked, const struct request *ask, bool in_time)
{
    struct walk w = *asked;
    w.ask = ask;
    w.cells = copy_of(asked->state->cells);
    enum naive_fit fits = NAIVE_NO;
    if (!in_time || !naive_late_somewhere(&w)) {
        fits = fits_there(&w);
    } else if (fits_there(&w) != NAIVE_NO) {
        lose_late(&w, true);
        w.bound = true; /* what is bound already, and stays so */
        fits = fits_there(&w) == NAIVE_YES ? NAIVE_YES : NAIVE_MAY;
    }
    dure_cells_free(w.cells);
    return fits;
}

/* ---- every GPU of a right ---- */

/* Counts one virtual node of a bound cell; says which of its GPUs are idle. */
static uint64_t count_slot(struct walk *w, const struct allot *allot, uint32_t leaf)
{
    const struct node_data *n = &w->core->nodes[w->c->node_first + leaf / w->c->node_gpus].d;
    const bool whole = allot->slot_gpus == w->c->node_gpus;
    enum dure_rule out = DURE_RULE_FITS;
    const bool lost = naive_is_out(n->state, &out);
    uint64_t idle = 0, gone = 0, dark = 0;
    for (uint32_t k = 0; k < allot->slot_gpus; k++) {
        struct dure_cells_leaf l;
        dure_cells_leaf(w->cells, leaf + k, &l);
        const bool foreign = n->foreign >> (leaf + k) % w->c->node_gpus & 1;
        dark += l.lost && !foreign;
        if (l.lost)
            w->count[lost ? out : foreign ? DURE_RULE_FOREIGN : DURE_RULE_POWER].gpus += (uint64_t)(++gone > 0);
        else if (l.used)
            w->count[DURE_RULE_OWN_USE].own += (uint64_t)(++w->count[DURE_RULE_OWN_USE].gpus > 0);
        else
            idle |= UINT64_C(1) << k;
    }
    if (lost)
        w->count[out].nodes += whole;
    else if (gone == w->c->node_gpus)
        w->count[dark ? DURE_RULE_POWER : DURE_RULE_FOREIGN].nodes += whole;
    else if (!idle)
        w->count[DURE_RULE_OWN_USE].nodes += whole;
    return idle;
}

/* Is what the chain has lost all dark? */
static bool only_dark(const struct walk *w)
{
    uint64_t dark = 0;
    for (uint32_t i = 0; i < w->c->node_count; i++) {
        const struct node_data *node = &w->core->nodes[w->c->node_first + i].d;
        enum dure_rule out;
        if (naive_is_out(node->state, &out) || node->foreign)
            return false;
        dark += (uint64_t)__builtin_popcountll(node->dark);
    }
    return dark > 0;
}

static void count_right(struct walk *w, uint32_t id, bool suited, struct count *idle)
{
    const struct allot *allot = w->core->allots[id];
    const uint64_t slots = allot->slot_gpus == w->c->node_gpus ? allot->cell_slots : 0;
    struct dure_cells_virtual cell;
    for (uint32_t i = 0; dure_cells_virtual_next(w->cells, (struct dure_allot_id){id}, i, ~0u, &cell);
         i = cell.index + 1) {
        struct count *count = NULL;
        if (cell.state == DURE_CELLS_WAITING)
            continue; /* still its predecessor's */
        w->count[DURE_RULE_RIGHTS].gpus -= allot->cell_leaves;
        w->count[DURE_RULE_RIGHTS].nodes -= slots;
        if (!suited)
            count = &w->count[DURE_RULE_RIGHT_TOO_SMALL];
        else if (allot->state == DURE_ALLOT_PROMISED)
            count = &w->count[DURE_RULE_NOT_YET];
        else if (cell.state == DURE_CELLS_SUSPENDED)
            count = &w->count[only_dark(w) ? DURE_RULE_POWER : DURE_RULE_SUSPENDED];
        else if (cell.state == DURE_CELLS_UNBOUND)
            count = idle;
        if (count) {
            count->gpus += allot->cell_leaves;
            count->nodes += slots;
            continue;
        }
        for (uint32_t slot = 0; slot < allot->cell_slots; slot++) {
            const uint32_t leaf = dure_cells_first_leaf(w->cells, cell.cell) + slot * allot->slot_gpus;
            const uint64_t mask = count_slot(w, allot, leaf);
            idle->gpus += (uint64_t)__builtin_popcountll(mask);
            idle->nodes += mask && slots;
        }
    }
}

uint64_t naive_by_right(struct walk *w, struct count *ret_idle)
{
    const enum dure_rule rule = naive_hardware(w);
    const struct count all = {.gpus = w->c->leaf_count, .nodes = w->c->node_count};
    w->count[rule != DURE_RULE_FITS ? rule : DURE_RULE_RIGHTS] = all;
    if (rule != DURE_RULE_FITS)
        return 0;
    const bool together = suits_together(w);
    for (uint32_t id = 0; id < w->core->s.allot_count; id++)
        if (is_held(w, w->core->allots[id]))
            count_right(w, id, together || suits(w, w->core->allots[id]), ret_idle);
    return ret_idle->gpus ? naive_idle_rules(w, ret_idle->gpus, naive_right_fit) : 0;
}

/* ---- one right ---- */

bool naive_suits(const struct walk *w, uint32_t id)
{
    bool any = id == NONE && suits_together(w);
    for (uint32_t i = 0; i < w->core->s.allot_count && !any; i++)
        any = (id == NONE || id == i) && is_held(w, w->core->allots[i]) && suits(w, w->core->allots[i]);
    return any;
}

enum naive_fit naive_one_right_fit(const struct walk *asked, uint32_t id)
{
    const struct rights one = {1, {id}};
    struct walk w = *asked;
    w.cells = copy_of(asked->state->cells);
    const enum naive_fit fits = fits_in(&w, &one, false);
    dure_cells_free(w.cells);
    return fits;
}

uint64_t naive_idle_of_right(const struct walk *asked, uint32_t id)
{
    struct walk w = *asked;
    struct count idle = {0};
    count_right(&w, id, true, &idle);
    return w.core->allots[id]->state == DURE_ALLOT_PROMISED ? 0 : idle.gpus;
}
