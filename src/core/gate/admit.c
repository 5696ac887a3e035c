/* What an allotment must pass: every right can be fed at worst case at every instant of its period, and the cells that are promised do not
 * need a GPU that a limit, now or later, leaves dark. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/gate/gate.h"
#include "model/units.h"

/* Rights that begin (+) or end (-). */
struct edge {
    int64_t at_us;
    int64_t mw, gpus;
    bool is_new;
};

static int by_time(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->mw < y->mw ? -1 : x->mw > y->mw; /* ends before beginnings */
}

struct edges {
    struct edge *at;
    uint32_t count;
};

static void add(const struct dure_core *core, struct edges *edges, const struct dure_allotment *spec, uint32_t cells,
                bool is_new)
{
    const struct dure_chain *chain = &core->fleet->chains[spec->chain.v];
    const int64_t gpus = (int64_t)cells * dure_chain_leaves_at(chain, spec->level);
    const int64_t mw = gpus * chain->leaf_power_mw;
    edges->at[edges->count++] = (struct edge){spec->from_us, mw, gpus, is_new};
    edges->at[edges->count++] = (struct edge){spec->until_us, -mw, -gpus, is_new};
}

static enum dure_err refuse(const struct dure_core *core, uint32_t domain, uint64_t limit, int64_t when,
                            const struct edge *held, const struct edge *asked, const struct dure_chain *chain,
                            struct dure_error *error)
{
    char name[DURE_POWER_NAME_MAX], power[DURE_UNITS_TEXT_MAX], lack[DURE_UNITS_TEXT_MAX], at[DURE_TIME_TEXT_MAX];
    dure_power_name(core->power, core->fleet, domain, name);
    const uint64_t over = (uint64_t)(held->mw + asked->mw) - limit;
    return dure_fail(error, DURE_E_SHORT,
                     "power: %s: %s from %s carry %llu GPUs at worst case (%s); %lld are promised then; this asks "
                     "%lld: %s short",
                     name, dure_units_power_format(limit, power),
                     when <= core->s.time_us ? "now" : dure_time_format_utc(when, at),
                     (unsigned long long)(limit / chain->leaf_power_mw), core->fleet->models[chain->model.v].name,
                     (long long)held->gpus, (long long)asked->gpus, dure_units_power_format(over, lack));
}

/* Between every two edges, the sum of what is promised against the least limit of that time. */
static enum dure_err sweep(const struct dure_core *core, uint32_t domain, const struct edges *edges,
                           const struct dure_chain *chain, struct dure_error *error)
{
    struct edge held = {0}, asked = {0};
    for (uint32_t i = 0; i < edges->count; i++) {
        const struct edge *e = &edges->at[i];
        struct edge *sum = e->is_new ? &asked : &held;
        sum->mw += e->mw;
        sum->gpus += e->gpus;
        const int64_t from = e->at_us > core->s.time_us ? e->at_us : core->s.time_us,
                      until = i + 1 < edges->count ? edges->at[i + 1].at_us : DURE_NEVER_US;
        if (!asked.mw || until <= from)
            continue;
        int64_t when;
        const uint64_t limit = dure_power_least(core->power, domain, from, until, &when);
        if (limit != DURE_POWER_NO_LIMIT && (uint64_t)(held.mw + asked.mw) > limit)
            return refuse(core, domain, limit, when, &held, &asked, chain, error);
    }
    return DURE_OK;
}

static enum dure_err admit_site(const struct dure_core *core, uint32_t site, const struct dure_allotment *rows,
                                uint32_t count, struct dure_error *error)
{
    const uint32_t domain = gate_domain_of_site(core, site);
    const struct dure_chain *chains = core->fleet->chains, *named = NULL;
    struct edges edges = {dure_core_alloc(sizeof *edges.at, 2 * ((size_t)core->s.allot_count + count)), 0};
    for (uint32_t i = 0; i < count; i++)
        if (chains[rows[i].chain.v].site.v == site && rows[i].until_us > core->s.time_us) {
            add(core, &edges, &rows[i], rows[i].count, true);
            named = named ? named : &chains[rows[i].chain.v];
        }
    for (uint32_t i = 0; named && i < core->s.allot_count; i++)
        if (core->allots[i]->state != DURE_ALLOT_ENDED && chains[core->allots[i]->spec.chain.v].site.v == site)
            add(core, &edges, &core->allots[i]->spec, core->allots[i]->cells, false);
    qsort(edges.at, edges.count, sizeof *edges.at, by_time);
    const enum dure_err err = named && named->leaf_power_mw ? sweep(core, domain, &edges, named, error) : DURE_OK;
    free(edges.at);
    return err;
}

/* ---- inside the chains ---- */

/* Loses to the cells, for the time of a trial, the idlest GPUs of the domain that its least limit to come cannot feed. */
static bool darken(struct dure_core *core, uint32_t domain, uint32_t at, uint32_t first, uint32_t end)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    struct dure_cells *cells = core->chains[at].cells;
    const uint64_t least = dure_power_least(core->power, domain, core->s.time_us, DURE_NEVER_US, NULL);
    uint64_t fed = 0;
    for (uint32_t leaf = first * chain->node_gpus; leaf < end * chain->node_gpus; leaf++) {
        struct dure_cells_leaf l; /* as the trial has it so far: what an inner domain took counts */
        dure_cells_leaf(cells, leaf, &l);
        const uint64_t foreign = node_of(core, at, leaf / chain->node_gpus)->d.foreign;
        fed += l.lost && !(foreign >> leaf % chain->node_gpus & 1) ? 0 : chain->leaf_power_mw;
    }
    for (unsigned bound = 0; bound < 2 && fed > least; bound++)
        for (uint32_t leaf = end * chain->node_gpus; leaf-- > first * chain->node_gpus && fed > least;) {
            struct dure_cells_leaf l;
            dure_cells_leaf(cells, leaf, &l);
            if (l.lost || (l.allot.v != NONE) != bound)
                continue;
            if (dure_cells_lose(cells, leaf, NULL) != DURE_OK)
                return false;
            fed -= chain->leaf_power_mw;
        }
    return true;
}

/* Cells that stand, with every dark GPU that is still to come. */
static enum dure_err admit_cell(struct dure_core *core, uint32_t domain, struct dure_error *error)
{
    const struct dure_power_domain *d = &core->power->domains[domain];
    const struct dure_chain *chain = &core->fleet->chains[d->chain.v];
    const uint32_t nodes = dure_chain_leaves_at(chain, d->level) / chain->node_gpus;
    struct dure_cells *cells = core->chains[d->chain.v].cells;
    int64_t when;
    const uint64_t least = dure_power_least(core->power, domain, core->s.time_us, DURE_NEVER_US, &when);
    if (core->gate.fed_mw[domain] <= least || !dure_cells_whole(cells))
        return DURE_OK;
    if (!darken(core, domain, d->chain.v, d->cell * nodes, (d->cell + 1) * nodes))
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (dure_cells_whole(cells))
        return DURE_OK;
    char name[DURE_POWER_NAME_MAX], power[DURE_UNITS_TEXT_MAX], lack[DURE_UNITS_TEXT_MAX], at[DURE_TIME_TEXT_MAX];
    return dure_fail(error, DURE_E_SHORT,
                     "power: %s: %s from %s carry %llu GPUs at worst case; what is promised in chain '%s', with this, "
                     "needs more of its cells whole: %s short of all that stands there",
                     dure_power_name(core->power, core->fleet, domain, name), dure_units_power_format(least, power),
                     when <= core->s.time_us ? "now" : dure_time_format_utc(when, at),
                     (unsigned long long)(least / chain->leaf_power_mw), chain->name,
                     dure_units_power_format(core->gate.fed_mw[domain] - least, lack));
}

static bool names_chain(const struct dure_allotment *rows, uint32_t count, uint32_t chain)
{
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].chain.v == chain)
            return true;
    return false;
}

enum dure_err gate_admit(struct dure_core *core, const struct dure_allotment *rows, uint32_t count,
                         struct dure_error *error)
{
    enum dure_err err = DURE_OK;
    for (uint32_t d = 0; core->gate.site_domain && d < core->power->domain_count && err == DURE_OK; d++) {
        const struct dure_power_domain *domain = &core->power->domains[d];
        if (domain->site.v != NONE) {
            err = admit_site(core, domain->site.v, rows, count, error);
        } else if (names_chain(rows, count, domain->chain.v) && core->fleet->chains[domain->chain.v].leaf_power_mw) {
            err = admit_cell(core, d, error);
        }
    }
    return err;
}

/* The domain that keeps a dark GPU of the chain dark. */
static uint32_t keeper(const struct dure_core *core, uint32_t at, uint64_t *ret_dark)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    uint32_t found = NONE;
    *ret_dark = 0;
    for (uint32_t node = 0; node < chain->node_count; node++) {
        const struct node_data *n = &core->nodes[chain->node_first + node].d;
        unsigned level = 0;
        if (!n->dark)
            continue;
        *ret_dark += (uint32_t)__builtin_popcountll(n->dark);
        for (uint32_t d; found == NONE && (d = gate_domain_next(core, at, node, &level)) != NONE;) {
            const uint64_t limit = gate_limit_kept(core, d);
            if (limit != DURE_POWER_NO_LIMIT && core->gate.fed_mw[d] + chain->leaf_power_mw > limit)
                found = d;
        }
    }
    return found;
}

bool gate_explains(struct dure_core *core, const struct dure_allotment *row, const struct dure_cells_right *right,
                   struct dure_error *error)
{
    const struct dure_chain *chain = &core->fleet->chains[row->chain.v];
    struct dure_cells *cells = core->chains[row->chain.v].cells;
    uint64_t dark;
    const uint32_t domain = core->gate.site_domain ? keeper(core, row->chain.v, &dark) : NONE;
    if (domain == NONE)
        return false;
    const struct dure_cells_mark mark = dure_cells_mark(cells);
    for (uint32_t node = 0; node < chain->node_count; node++) {
        const struct node_data *n = &core->nodes[chain->node_first + node].d;
        for (uint64_t mask = n->lost ? 0 : n->dark; mask; mask &= mask - 1)
            if (dure_cells_repair(cells, node * chain->node_gpus + (uint32_t)__builtin_ctzll(mask), NULL) != DURE_OK)
                break;
    }
    const bool fits = dure_cells_settle(cells, NULL, NULL, NULL) == DURE_OK &&
                      dure_cells_preview(cells, right, NULL, NULL) == DURE_OK;
    dure_cells_rollback(cells, mark);
    if (!fits)
        return false;
    char name[DURE_POWER_NAME_MAX], power[DURE_UNITS_TEXT_MAX];
    dure_fail(error, DURE_E_SHORT,
              "power: allotment '%s' asks for %u cells of level '%s' in chain '%s'; they are there, but %llu of its "
              "GPUs are dark: %s carries %s at worst case",
              row->name, row->count, chain->levels[row->level].name, chain->name, (unsigned long long)dark,
              dure_power_name(core->power, core->fleet, domain, name),
              dure_units_power_format(gate_limit_kept(core, domain), power));
    return true;
}
