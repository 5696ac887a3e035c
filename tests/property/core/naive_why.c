#include "naive_why.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/state/jobs.h"
#include "core/state/lists.h"
#include "tap.h"

enum { RULES = DURE_RULE_HERE + 1 };

struct count {
    uint64_t gpus, nodes, own, guaranteed, borrowed, reserved;
};

/* One chain as the walk sees it. */
struct walk {
    struct dure_core *core;
    const struct request *ask;
    uint32_t at, holder;
    const struct dure_chain *c;
    const struct chain_state *state;
    bool ahead;
    struct count count[RULES];
};

static bool fraction(const struct request *ask)
{
    return ask->task_gpu_milli < 1000;
}

static unsigned level_of(const struct walk *w)
{
    return w->ask->level ? dure_chain_level(w->c, w->core->fleet->level_names[w->ask->level - 1]) : 0;
}

/* Tasks that share one fresh GPU. */
static uint32_t tasks_a_gpu(const struct walk *w)
{
    const uint32_t memory = w->core->fleet->models[w->c->model.v].memory_mib;
    uint32_t each =
        w->ask->gpu_memory_mib ? w->ask->gpu_memory_mib : (uint32_t)((uint64_t)memory * w->ask->task_gpu_milli / 1000);
    uint32_t tasks = 0, milli = 0, mib = 0;
    while (milli + w->ask->task_gpu_milli <= 1000 && mib + each <= memory) {
        milli += w->ask->task_gpu_milli;
        mib += each;
        tasks++;
    }
    return tasks;
}

static uint64_t gpus_needed(const struct walk *w)
{
    if (!fraction(w->ask))
        return (uint64_t)w->ask->tasks * w->ask->task_gpus;
    return (w->ask->tasks + tasks_a_gpu(w) - 1) / tasks_a_gpu(w);
}

/* Tasks of the gang that so many idle GPUs of one node carry. */
static uint64_t tasks_on(const struct walk *w, uint64_t idle)
{
    if (fraction(w->ask))
        return idle;
    if (!w->ask->tasks_per_node)
        return idle / w->ask->task_gpus;
    return idle >= (uint64_t)w->ask->tasks_per_node * w->ask->task_gpus ? w->ask->tasks_per_node : 0;
}

/* ---- data and power ---- */

static const struct dure_dataset *dataset(const struct walk *w, uint32_t i)
{
    return w->core->data && i < w->core->data->dataset_count && w->ask->data_mask >> i & 1 ? &w->core->data->datasets[i]
                                                                                           : NULL;
}

static bool may_be_here(const struct walk *w)
{
    for (uint32_t i = 0; i < 64; i++) {
        const struct dure_dataset *d = dataset(w, i);
        bool allowed = !d || d->everywhere;
        for (uint32_t k = 0; d && k < d->site_count; k++)
            allowed |= d->sites[k].v == w->c->site.v;
        if (!allowed)
            return false;
    }
    return true;
}

static enum dure_data_level alone(const struct walk *w)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    for (uint32_t i = 0; i < 64; i++)
        if (dataset(w, i) && !dataset(w, i)->forbidden_count && dataset(w, i)->alone > level)
            level = dataset(w, i)->alone;
    return level;
}

/* The same of those that name whom they forbid. */
static enum dure_data_level fenced(const struct walk *w)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    for (uint32_t i = 0; i < 64; i++)
        if (dataset(w, i) && dataset(w, i)->forbidden_count && dataset(w, i)->alone > level)
            level = dataset(w, i)->alone;
    return level;
}

static enum dure_data_level widest(const struct walk *w)
{
    return alone(w) > fenced(w) ? alone(w) : fenced(w);
}

static uint32_t rack_of(const struct walk *w)
{
    const unsigned level = dure_chain_level(w->c, "rack");
    return level ? dure_chain_leaves_at(w->c, level) / w->c->node_gpus : 0;
}

/* The gang that is alone, as one of whole nodes. */
static struct request widened(const struct walk *w)
{
    struct request ask = *w->ask;
    const uint32_t each = ask.tasks_per_node ? ask.tasks_per_node : w->c->node_gpus / ask.task_gpus;
    if (alone(w) == DURE_DATA_ANYBODY)
        return ask;
    ask.tasks = alone(w) == DURE_DATA_RACK ? rack_of(w) : (ask.tasks + each - 1) / each;
    ask.task_gpus = (uint8_t)w->c->node_gpus;
    ask.tasks_per_node = 0;
    return ask;
}

static bool neighbours_refuse(const struct walk *w)
{
    const uint32_t each = w->ask->tasks_per_node ? w->ask->tasks_per_node : w->c->node_gpus / w->ask->task_gpus;
    const uint32_t nodes = (w->ask->tasks + each - 1) / each;
    if (fenced(w) == DURE_DATA_RACK && !rack_of(w))
        return true;
    return alone(w) != DURE_DATA_ANYBODY && (fraction(w->ask) || w->ask->lists || w->ask->spread_max ||
                                             nodes > (alone(w) == DURE_DATA_RACK ? rack_of(w) : w->c->node_count));
}

/* The limit of its site at any time from now on that is highest, against what its GPUs draw at worst. */
static bool power_refuses(const struct walk *w)
{
    const struct dure_power *power = w->core->power;
    for (uint32_t d = 0; power && d < power->domain_count; d++) {
        uint64_t most = dure_power_at(power, d, w->core->s.time_us);
        if (power->domains[d].site.v != w->c->site.v)
            continue;
        for (uint32_t i = 0; i < power->domains[d].limit_count; i++) {
            const struct dure_power_limit *limit = &power->limits[power->domains[d].limit_first + i];
            const int64_t edges[] = {limit->from_us, limit->until_us};
            for (unsigned k = 0; k < 2; k++)
                if (edges[k] > w->core->s.time_us && edges[k] != DURE_NEVER_US &&
                    dure_power_at(power, d, edges[k]) > most)
                    most = dure_power_at(power, d, edges[k]);
        }
        if (gpus_needed(w) * w->c->leaf_power_mw > most)
            return true;
    }
    return false;
}

/* ---- lists of nodes ---- */

static bool is_in(struct dure_node_runs runs, uint32_t node)
{
    for (uint32_t i = 0; i < runs.count; i++)
        if (node - runs.at[i].first < runs.at[i].count)
            return true;
    return false;
}

/* Named, if any is, and not left out. */
static bool may_use(const struct walk *w, uint32_t node)
{
    const struct dure_node_runs named =
                                    w->ask->lists ? lists_include(w->core, w->ask->lists) : (struct dure_node_runs){0},
                                out =
                                    w->ask->lists ? lists_exclude(w->core, w->ask->lists) : (struct dure_node_runs){0};
    return (!named.count || is_in(named, node)) && !is_in(out, node);
}

/* Are there too few nodes here that it may use, were they all idle? */
static bool lists_refuse(const struct walk *w)
{
    const uint64_t each = fraction(w->ask) ? (uint64_t)w->c->node_gpus * tasks_a_gpu(w) : tasks_on(w, w->c->node_gpus);
    uint64_t nodes = 0;
    for (uint32_t node = 0; node < w->c->node_count; node++)
        nodes += may_use(w, w->c->node_first + node);
    return w->ask->lists && nodes * each < w->ask->tasks;
}

static enum dure_rule hardware(const struct walk *w)
{
    const struct request *ask = w->ask;
    if (!may_be_here(w))
        return DURE_RULE_DATA;
    const struct dure_gpu_model *model = &w->core->fleet->models[w->c->model.v];
    const uint64_t milli = fraction(ask) ? ask->task_gpu_milli : ask->task_gpus * UINT64_C(1000);
    if (ask->model_mask && !(ask->model_mask >> w->c->model.v & 1))
        return DURE_RULE_MODEL;
    if (ask->gpu_memory_mib > model->memory_mib)
        return DURE_RULE_GPU_MEMORY;
    if ((uint64_t)ask->task_gpus * (ask->tasks_per_node && !fraction(ask) ? ask->tasks_per_node : 1) > w->c->node_gpus)
        return DURE_RULE_NODE_SHAPE;
    if (ask->level_required) {
        const unsigned level = level_of(w);
        const uint32_t leaves = level ? dure_chain_leaves_at(w->c, level) : 0;
        uint64_t room = leaves;
        if (!fraction(ask) && leaves >= w->c->node_gpus)
            room = leaves / w->c->node_gpus * tasks_on(w, w->c->node_gpus) * ask->task_gpus;
        if (gpus_needed(w) > room)
            return DURE_RULE_LEVEL;
    }
    uint64_t tasks = 0;
    for (uint32_t node = 0; node < w->c->node_count; node++)
        tasks += tasks_on(w, w->c->node_gpus);
    const uint64_t rest = ask->tasks_per_node && !fraction(ask) ? ask->tasks % ask->tasks_per_node : 0;
    const uint64_t wanted = fraction(ask) ? gpus_needed(w) : ask->tasks + (rest ? ask->tasks_per_node - rest : 0);
    if (gpus_needed(w) > w->c->leaf_count || wanted > tasks)
        return DURE_RULE_SIZE;
    if (neighbours_refuse(w))
        return DURE_RULE_NEIGHBOURS;
    if (lists_refuse(w))
        return DURE_RULE_NODE_LIST;
    if (ask->task_cpu_milli > w->c->leaf_cpu_milli * milli / 1000 ||
        ask->task_memory_mib > w->c->leaf_memory_mib * milli / 1000)
        return DURE_RULE_SHARE;
    return DURE_RULE_FITS;
}

/* ---- booked maintenance ---- */

/* Is the node booked for a time that the job would reach into? */
static bool is_late(const struct walk *w, uint32_t node)
{
    struct dure_booking_view view;
    const int64_t reach_us = w->core->s.time_us + w->ask->walltime_us + w->ask->grace_us;
    for (uint32_t i = 0; dure_core_booking_view(w->core, i, &view); i++)
        for (uint32_t k = 0; k < view.run_count; k++)
            if (!view.begun && view.from_us < reach_us && node - view.runs[k].node_first < view.runs[k].node_count)
                return true;
    return false;
}

static bool late_somewhere(const struct walk *w)
{
    for (uint32_t i = 0; i < w->c->node_count; i++)
        if (is_late(w, w->c->node_first + i))
            return true;
    return false;
}

/* ---- neighbours that lists forbid ---- */

/* Does `a`, by its datasets of the level, forbid the tenant of `b`? */
static bool forbids(const struct dure_core *core, const struct request *a, const struct request *b,
                    enum dure_data_level level)
{
    const struct dure_tenants *tenants = core->tenants;
    for (uint32_t i = 0; core->data && i < core->data->dataset_count; i++) {
        const struct dure_dataset *d = &core->data->datasets[i];
        for (uint32_t k = 0; (a->data_mask >> i & 1) && d->alone == level && k < d->forbidden_count; k++) {
            struct dure_tenant_id named;
            if (dure_tenants_find(tenants, d->forbidden[k], &named) &&
                dure_tenants_within(tenants, (struct dure_tenant_id){b->tenant}, named) &&
                !dure_tenants_within(tenants, (struct dure_tenant_id){b->tenant}, (struct dure_tenant_id){a->tenant}))
                return true;
        }
    }
    return false;
}

static bool apart(const struct walk *w, const struct request *other, enum dure_data_level level)
{
    return forbids(w->core, w->ask, other, level) || forbids(w->core, other, w->ask, level);
}

/* Does anybody stand, or has a reservation, on the leaf whom it may not have in one cell of the level? */
static bool stands_on(const struct walk *w, uint32_t leaf, enum dure_data_level level)
{
    const uint32_t *list = NULL;
    uint32_t count = ground_users(w->core, w->at, leaf, &list);
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *a = attempt_at(w->core, list[i]);
        if ((w->ask->job_class == DURE_BORROWED || !a->d.borrowed) &&
            apart(w, job_ask(w->core, job_at(w->core, a->job_slot)), level))
            return true;
    }
    count = ground_claims(w->core, w->at, leaf, &list);
    for (uint32_t i = 0; i < count; i++)
        if (apart(w, job_ask(w->core, job_at(w->core, claim_at(w->core, list[i])->job_slot)), level))
            return true;
    return false;
}

static bool is_fenced(const struct walk *w, uint32_t node)
{
    for (enum dure_data_level level = DURE_DATA_NODE; level <= DURE_DATA_RACK; level++) {
        const uint32_t nodes = level == DURE_DATA_NODE ? 1 : rack_of(w), first = nodes ? node / nodes * nodes : 0;
        for (uint32_t leaf = first * w->c->node_gpus; leaf < (first + nodes) * w->c->node_gpus; leaf++)
            if (stands_on(w, leaf, level))
                return true;
    }
    return false;
}

/* ---- does it fit into these nodes? ---- */

struct field {
    uint64_t idle[64]; /* mask by node, physical or virtual */
    bool fenced[64];   /* beside work that it may not have beside it */
    bool out[64];      /* not on its list of nodes */
    uint32_t nodes, gpus;
};

static bool fits_window(const struct walk *w, const struct field *f, uint32_t first, uint32_t nodes)
{
    uint64_t tasks = 0;
    const uint32_t g = fraction(w->ask) ? 1 : w->ask->task_gpus;
    const uint64_t want = fraction(w->ask) ? gpus_needed(w) : w->ask->tasks;
    const uint32_t per = fraction(w->ask) ? 0 : w->ask->tasks_per_node;
    uint32_t full = 0, rest = 0;
    for (uint32_t i = first; i < first + nodes; i++) {
        const uint32_t idle = (uint32_t)__builtin_popcountll(f->idle[i]);
        tasks += idle / g;
        full += per && idle >= per * g;
        rest += per && idle >= want % per * g;
    }
    if (!per)
        return tasks >= want;
    const uint64_t whole = want / per;
    return full >= whole && (want % per == 0 || rest >= whole + 1);
}

/* `leaves`: of one cell that must hold it all; 0: anywhere. */
static bool fits_beside(const struct walk *w, const struct field *f, uint32_t leaves)
{
    if (!leaves)
        return fits_window(w, f, 0, f->nodes);
    if (leaves >= f->gpus) {
        for (uint32_t first = 0; first + leaves / f->gpus <= f->nodes; first += leaves / f->gpus)
            if (fits_window(w, f, first, leaves / f->gpus))
                return true;
        return false;
    }
    for (uint32_t i = 0; i < f->nodes; i++)
        for (uint32_t at = 0; at + leaves <= f->gpus; at += leaves)
            if ((uint64_t)__builtin_popcountll(f->idle[i] >> at & ((UINT64_C(1) << leaves) - 1)) >= gpus_needed(w))
                return true;
    return false;
}

/* With the nodes (the rack) to itself that its data wants, and nobody beside it whom data keeps apart. */
static bool fits(const struct walk *w, const struct field *all, uint32_t leaves)
{
    struct field clear = *all, *f = &clear;
    for (uint32_t i = 0; i < f->nodes && i < 64; i++)
        f->idle[i] = f->fenced[i] || f->out[i] ? 0 : f->idle[i];
    const struct request ask = widened(w);
    struct walk wide = *w;
    wide.ask = &ask;
    if (widest(w) != DURE_DATA_ANYBODY && f->gpus < w->c->node_gpus)
        return false; /* the rest of the node is somebody else's */
    return fits_beside(&wide, f, alone(w) == DURE_DATA_RACK ? rack_of(w) * w->c->node_gpus : leaves);
}

/* The same without the list of nodes; and beside anybody, but on the list. */
static bool fits_off_list(const struct walk *w, const struct field *f, uint32_t leaves)
{
    struct field all = *f;
    memset(all.out, 0, sizeof all.out);
    return w->ask->lists && fits(w, &all, leaves);
}

static bool fits_with_anybody(const struct walk *w, const struct field *f, uint32_t leaves)
{
    struct field listed = *f;
    for (uint32_t i = 0; i < f->nodes && i < 64; i++)
        listed.idle[i] = f->out[i] ? 0 : f->idle[i];
    return fits_beside(w, &listed, leaves);
}

/* What is idle is not enough: because of the list, of what must not be beside it, of how many there are, or of where. */
static enum dure_rule no_rule(const struct walk *w, bool off_list, bool beside, uint64_t idle)
{
    if (off_list)
        return DURE_RULE_NODE_LIST;
    if (beside)
        return DURE_RULE_NEIGHBOURS;
    return idle < gpus_needed(w) ? DURE_RULE_TOO_FEW : DURE_RULE_SCATTERED;
}

static uint32_t required_leaves(const struct walk *w, unsigned top)
{
    unsigned level = w->ask->level_required ? level_of(w) : 0;
    if (level > top)
        level = top;
    return level ? dure_chain_leaves_at(w->c, level) : 0;
}

/* ---- borrowed ---- */

static struct count *part_of(const struct walk *w, struct count *count, uint32_t occupant)
{
    const bool shared = occupant & OCCUPANT_SHARED;
    const struct shared *s = shared ? shared_at(w->core, occupant & ~OCCUPANT_SHARED) : NULL;
    const struct attempt *a = shared ? NULL : attempt_at(w->core, occupant);
    const uint32_t tenant = shared ? s->tenant : job_ask(w->core, job_at(w->core, a->job_slot))->tenant;
    const bool borrowed = shared ? s->allot == NONE : a->d.borrowed;
    *(tenant == w->ask->tenant ? &count->own : borrowed ? &count->borrowed : &count->guaranteed) += 1;
    return count;
}

/* Whether no GPU of a node can be used, whoever asks, because of its state. */
static bool is_out(unsigned state, enum dure_rule *ret_rule)
{
    switch (state) {
    case DURE_NODE_DOWN: *ret_rule = DURE_RULE_LOST; return true;
    case DURE_NODE_AWAY: *ret_rule = DURE_RULE_AWAY; return true;
    case DURE_NODE_DRAINING:
    case DURE_NODE_DRAINED: *ret_rule = DURE_RULE_MAINTENANCE; return true;
    default: return false;
    }
}

static void walk_chain(struct walk *w)
{
    struct field f = {.nodes = w->c->node_count, .gpus = w->c->node_gpus}, in_time;
    uint64_t idle = 0, idle_nodes = 0;
    for (uint32_t node = 0; node < w->c->node_count; node++) {
        const struct node_data *n = &w->core->nodes[w->c->node_first + node].d;
        struct count *busy = &w->count[DURE_RULE_BUSY];
        enum dure_rule out;
        if (is_out(n->state, &out)) {
            w->count[out].gpus += w->c->node_gpus;
            w->count[out].nodes++;
            continue;
        }
        const uint64_t dark = n->dark & ~n->foreign;
        const bool none_left = (uint32_t)__builtin_popcountll(dark | n->foreign) == w->c->node_gpus;
        w->count[DURE_RULE_POWER].gpus += (uint64_t)__builtin_popcountll(dark);
        w->count[DURE_RULE_FOREIGN].gpus += (uint64_t)__builtin_popcountll(n->foreign);
        w->count[dark ? DURE_RULE_POWER : DURE_RULE_FOREIGN].nodes += none_left;
        for (uint32_t k = 0; k < w->c->node_gpus; k++) {
            const uint32_t leaf = node * w->c->node_gpus + k;
            if ((dark | n->foreign) >> k & 1)
                continue;
            if (w->state->occupant[leaf] != NONE)
                part_of(w, busy, w->state->occupant[leaf])->gpus++;
            else if (w->state->claim[leaf] != NONE)
                busy->reserved += (uint64_t)(++busy->gpus > 0);
            else
                f.idle[node] |= UINT64_C(1) << k;
        }
        idle += (uint64_t)__builtin_popcountll(f.idle[node]);
        idle_nodes += f.idle[node] != 0;
        busy->nodes += f.idle[node] == 0 && !none_left;
    }
    for (uint32_t node = 0; node < w->c->node_count; node++) {
        f.fenced[node] = is_fenced(w, node);
        f.out[node] = !may_use(w, w->c->node_first + node);
    }
    in_time = f;
    for (uint32_t node = 0; node < w->c->node_count; node++)
        in_time.idle[node] = is_late(w, w->c->node_first + node) ? 0 : f.idle[node];
    const uint32_t leaves = required_leaves(w, w->c->level_count);
    const enum dure_rule rule = fits(w, &in_time, leaves) ? DURE_RULE_FITS
                                : fits(w, &f, leaves)
                                    ? DURE_RULE_WINDOW
                                    : no_rule(w, fits_off_list(w, &f, leaves), fits_with_anybody(w, &f, leaves), idle);
    w->count[rule].gpus += idle;
    w->count[rule].nodes += idle_nodes;
}

static void borrowed(struct walk *w)
{
    enum dure_rule rule = hardware(w);
    int64_t notice = 0;
    if (rule == DURE_RULE_FITS && power_refuses(w))
        rule = DURE_RULE_POWER;
    if (rule == DURE_RULE_FITS && !lend_terms(w->core, w->at, w->ask->tenant, true, &notice))
        rule = DURE_RULE_NOT_LENT;
    if (rule == DURE_RULE_FITS && w->ask->grace_us > notice)
        rule = DURE_RULE_NOTICE;
    if (rule == DURE_RULE_FITS && w->c->available_from_us > w->core->s.time_us)
        rule = DURE_RULE_NOT_YET;
    if (rule == DURE_RULE_FITS && !lend_terms(w->core, w->at, w->ask->tenant, false, &notice))
        rule = DURE_RULE_NOT_LENT;
    if (rule == DURE_RULE_FITS && w->ask->grace_us > notice)
        rule = DURE_RULE_NOTICE;
    if (rule == DURE_RULE_FITS) {
        walk_chain(w);
        return;
    }
    w->count[rule] = (struct count){.gpus = w->c->leaf_count, .nodes = w->c->node_count};
}

/* ---- by rights ---- */

/* Could the allotment carry it, were it all idle? */
static bool suits(const struct walk *w, const struct allot *allot)
{
    struct field f = {.nodes = allot->cells * allot->cell_slots, .gpus = allot->slot_gpus};
    if (widest(w) == DURE_DATA_RACK && allot->spec.level < dure_chain_level(w->c, "rack"))
        return false; /* the rest of the rack is somebody else's */
    for (uint32_t i = 0; i < f.nodes && i < 64; i++)
        f.idle[i] = allot->slot_gpus == 64 ? UINT64_MAX : (UINT64_C(1) << allot->slot_gpus) - 1;
    return fits(w, &f, required_leaves(w, allot->spec.level));
}

static bool may_span(const struct request *ask)
{
    return ask->tasks > 1 && !fraction(ask) && !ask->data_mask && !(ask->level && ask->level_required);
}

/* Tasks that the idle nodes carry, each by itself. */
static uint64_t capacity(const struct walk *w, const struct field *f)
{
    uint64_t tasks = 0;
    for (uint32_t i = 0; i < f->nodes; i++)
        tasks += f->fenced[i] ? 0 : tasks_on(w, (uint64_t)__builtin_popcountll(f->idle[i]));
    return tasks;
}

static bool suits_together(const struct walk *w)
{
    uint64_t tasks = 0;
    for (uint32_t id = 0; id < w->core->s.allot_count; id++) {
        const struct allot *allot = w->core->allots[id];
        if (allot->spec.tenant.v == w->holder && allot->spec.chain.v == w->at && allot->state != DURE_ALLOT_ENDED)
            tasks += (uint64_t)allot->cells * allot->cell_slots * tasks_on(w, allot->slot_gpus);
    }
    return may_span(w->ask) && tasks >= w->ask->tasks;
}

/* One virtual node of a bound cell. */
static void walk_slot(struct walk *w, const struct allot *allot, uint32_t leaf, uint64_t *ret_idle)
{
    const uint32_t node = leaf / w->c->node_gpus;
    const struct node_data *n = &w->core->nodes[w->c->node_first + node].d;
    const bool whole = allot->slot_gpus == w->c->node_gpus;
    enum dure_rule out = DURE_RULE_FITS;
    const bool lost = is_out(n->state, &out);
    uint64_t idle = 0, gone = 0, dark = 0;
    for (uint32_t k = 0; k < allot->slot_gpus; k++) {
        struct dure_cells_leaf l;
        dure_cells_leaf(w->state->cells, leaf + k, &l);
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
    *ret_idle = idle;
}

static void walk_cell(struct walk *w, uint32_t id, const struct dure_cells_virtual *cell, struct field *f)
{
    const struct allot *allot = w->core->allots[id];
    const uint32_t first = cell->cell.level ? dure_cells_first_leaf(w->state->cells, cell->cell) : 0;
    for (uint32_t slot = 0; slot < allot->cell_slots; slot++) {
        uint64_t *idle = &f->idle[cell->index * allot->cell_slots + slot];
        if (cell->state == DURE_CELLS_UNBOUND) {
            *idle = (UINT64_C(1) << allot->slot_gpus) - 1;
            continue;
        }
        walk_slot(w, allot, first + slot * allot->slot_gpus, idle);
        f->fenced[cell->index * allot->cell_slots + slot] =
            is_fenced(w, (first + slot * allot->slot_gpus) / w->c->node_gpus);
    }
}

/* Is what the chain has lost all dark? */
static bool only_dark(const struct walk *w)
{
    uint64_t dark = 0;
    for (uint32_t i = 0; i < w->c->node_count; i++) {
        const struct node_data *node = &w->core->nodes[w->c->node_first + i].d;
        enum dure_rule out;
        if (is_out(node->state, &out) || node->foreign)
            return false;
        dark += (uint64_t)__builtin_popcountll(node->dark);
    }
    return dark > 0;
}

/* What one allotment adds; says how many tasks its idle nodes carry, and whether they hold the whole gang. */
static bool walk_allot(struct walk *w, uint32_t id, bool together, uint64_t *tasks, uint64_t idle[2], bool *beside)
{
    const struct allot *allot = w->core->allots[id];
    const uint64_t slots = allot->slot_gpus == w->c->node_gpus ? allot->cell_slots : 0;
    struct field f = {.nodes = allot->slots.count, .gpus = allot->slot_gpus};
    struct dure_cells_virtual cell;
    const bool suited = suits(w, allot) || together;
    for (uint32_t i = 0; dure_cells_virtual_next(w->state->cells, (struct dure_allot_id){id}, i, ~0u, &cell);
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
        if (!count) {
            walk_cell(w, id, &cell, &f);
            continue;
        }
        count->gpus += allot->cell_leaves;
        count->nodes += slots;
    }
    for (uint32_t i = 0; i < f.nodes; i++) {
        idle[0] += (uint64_t)__builtin_popcountll(f.idle[i]);
        idle[1] += f.idle[i] && slots;
    }
    *tasks += suited && allot->state != DURE_ALLOT_PROMISED ? capacity(w, &f) : 0;
    const uint32_t leaves = required_leaves(w, allot->spec.level);
    *beside |= suited && allot->state != DURE_ALLOT_PROMISED && fits_beside(w, &f, leaves);
    return suited && allot->state != DURE_ALLOT_PROMISED && fits(w, &f, leaves);
}

static void by_right(struct walk *w)
{
    const enum dure_rule rule = hardware(w);
    if (rule != DURE_RULE_FITS) {
        w->count[rule] = (struct count){.gpus = w->c->leaf_count, .nodes = w->c->node_count};
        return;
    }
    uint64_t tasks = 0, idle[2] = {0, 0};
    bool fit = false, beside = false;
    const bool together = suits_together(w);
    w->count[DURE_RULE_RIGHTS] = (struct count){.gpus = w->c->leaf_count, .nodes = w->c->node_count};
    for (uint32_t id = 0; id < w->core->s.allot_count; id++)
        if (w->core->allots[id]->spec.tenant.v == w->holder && w->core->allots[id]->spec.chain.v == w->at &&
            w->core->allots[id]->state != DURE_ALLOT_ENDED)
            fit |= walk_allot(w, id, together, &tasks, idle, &beside);
    fit |= may_span(w->ask) && tasks >= w->ask->tasks;
    const enum dure_rule nearest =
        fit ? w->ahead ? DURE_RULE_ORDER : DURE_RULE_FITS : no_rule(w, false, beside, idle[0]);
    w->count[nearest].gpus += idle[0];
    w->count[nearest].nodes += idle[1];
}

/* ---- comparing ---- */

/* What the walk does not judge: fractions beside others of their tenant, suspended rights served by damaged cells, the place of lower
 * priority. There the core's yes is taken. */
static void move(struct walk *w, enum dure_rule from, enum dure_rule to)
{
    w->count[to].gpus += w->count[from].gpus;
    w->count[to].nodes += w->count[from].nodes;
    w->count[from] = (struct count){0};
}

/* Which private cells maintenance leaves is the cells' business: the core's word is taken, where there is maintenance that the job reaches into. */
static void take_late(struct walk *w, const struct dure_why *why, bool judged)
{
    for (uint32_t i = 0; i < why->row_count; i++) {
        if (why->rows[i].chain.v != w->at || why->rows[i].rule != DURE_RULE_WINDOW || !late_somewhere(w) ||
            (w->ask->job_class == DURE_BORROWED && !fraction(w->ask)))
            continue;
        move(w, DURE_RULE_FITS, DURE_RULE_WINDOW);
        move(w, DURE_RULE_ORDER, DURE_RULE_WINDOW);
        for (enum dure_rule no = DURE_RULE_TOO_FEW; no <= DURE_RULE_SCATTERED && !judged; no++)
            move(w, no, DURE_RULE_WINDOW);
    }
}

/* May a damaged cell serve one of the holder's rights? */
static bool is_short(const struct walk *w)
{
    for (uint32_t id = 0; id < w->core->s.allot_count; id++)
        if (w->core->allots[id]->spec.tenant.v == w->holder && w->core->allots[id]->state == DURE_ALLOT_SHORT)
            return true;
    return false;
}

static void take_yes(struct walk *w, const struct dure_why *why)
{
    const bool judged =
        !fraction(w->ask) && (w->ask->job_class == DURE_BORROWED || (w->ask->priority <= -2 && !is_short(w)));
    take_late(w, why, judged);
    for (uint32_t i = 0; i < why->row_count && !judged; i++) {
        const enum dure_rule rule = why->rows[i].rule;
        const bool neighbours = (rule == DURE_RULE_NEIGHBOURS && !neighbours_refuse(w)) ||
                                (rule == DURE_RULE_NODE_LIST && !lists_refuse(w));
        if (why->rows[i].chain.v != w->at || (rule != DURE_RULE_FITS && rule != DURE_RULE_ORDER && !neighbours))
            continue;
        for (enum dure_rule no = DURE_RULE_TOO_FEW; no <= DURE_RULE_SCATTERED; no++) {
            move(w, no, rule);
            move(w, DURE_RULE_WINDOW, rule);
        }
        if (!neighbours) {
            move(w, DURE_RULE_NEIGHBOURS, rule);
            move(w, DURE_RULE_NODE_LIST, rule); /* there may be room on a shared GPU that is on the list */
        }
    }
}

static bool compare(const struct walk *w, const struct dure_why *why)
{
    for (unsigned rule = 0; rule < RULES; rule++) {
        struct count said = {0};
        for (uint32_t i = 0; i < why->row_count; i++)
            if (why->rows[i].chain.v == w->at && why->rows[i].rule == rule)
                said = (struct count){why->rows[i].gpus,       why->rows[i].nodes,    why->rows[i].own,
                                      why->rows[i].guaranteed, why->rows[i].borrowed, why->rows[i].reserved};
        if (!memcmp(&said, &w->count[rule], sizeof said))
            continue;
        const struct count *is = &w->count[rule];
        tap_diag("%s, %s: said %llu GPUs %llu nodes (%llu %llu %llu %llu), found %llu %llu (%llu %llu %llu %llu)",
                 w->c->name, dure_rule_wire(rule), (unsigned long long)said.gpus, (unsigned long long)said.nodes,
                 (unsigned long long)said.own, (unsigned long long)said.guaranteed, (unsigned long long)said.borrowed,
                 (unsigned long long)said.reserved, (unsigned long long)is->gpus, (unsigned long long)is->nodes,
                 (unsigned long long)is->own, (unsigned long long)is->guaranteed, (unsigned long long)is->borrowed,
                 (unsigned long long)is->reserved);
        return false;
    }
    return true;
}

bool naive_why_agrees(struct rig *rig, struct dure_job_id id, const struct dure_why *why)
{
    struct dure_core *core = rig->core;
    const struct request *ask = job_ask(core, job_at(core, job_find(core, id.v)));
    if (!naive_why_sums(core, why)) {
        tap_diag("the groups do not sum to the fleet");
        return false;
    }
    if (!naive_why_opens(core, ask, why) || !naive_why_crosses(core, ask, why)) {
        tap_diag("opening by %s on chain %u, %u rules cross", dure_rule_wire(why->opening.rule), why->opening.chain.v,
                 why->crossing_count);
        return false;
    }
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        struct walk w = {.core = core,
                         .ask = ask,
                         .at = i,
                         .holder = core->tenant[ask->tenant].holder,
                         .c = &core->fleet->chains[i],
                         .state = &core->chains[i],
                         .ahead = why->ahead > 0};
        if (ask->job_class == DURE_BORROWED)
            borrowed(&w);
        else
            by_right(&w);
        take_yes(&w, why);
        if (!compare(&w, why))
            return false;
    }
    return true;
}
