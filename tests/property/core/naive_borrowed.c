/* A chain as borrowers see it, and the order of the rules for what is idle. */
#include "core/state/jobs.h"
#include "naive_walk.h"

bool naive_is_out(unsigned state, enum dure_rule *ret_rule)
{
    switch (state) {
    case DURE_NODE_DOWN: *ret_rule = DURE_RULE_LOST; return true;
    case DURE_NODE_AWAY: *ret_rule = DURE_RULE_AWAY; return true;
    case DURE_NODE_DRAINING:
    case DURE_NODE_DRAINED: *ret_rule = DURE_RULE_MAINTENANCE; return true;
    default: return false;
    }
}

bool naive_is_late(const struct walk *w, uint32_t node)
{
    struct dure_booking_view view;
    const int64_t reach_us = w->core->s.time_us + w->ask->walltime_us + w->ask->grace_us;
    for (uint32_t i = 0; dure_core_booking_view(w->core, i, &view); i++)
        for (uint32_t k = 0; k < view.run_count; k++)
            if (!view.begun && view.from_us < reach_us && node - view.runs[k].node_first < view.runs[k].node_count)
                return true;
    return false;
}

bool naive_late_somewhere(const struct walk *w)
{
    for (uint32_t i = 0; i < w->c->node_count; i++)
        if (naive_is_late(w, w->c->node_first + i))
            return true;
    return false;
}

static uint64_t bit(enum dure_rule rule)
{
    return UINT64_C(1) << rule;
}

uint64_t naive_idle_rules(const struct walk *w, uint64_t idle,
                          enum naive_fit (*fit)(const struct walk *, const struct request *, bool))
{
    struct request without[3] = {*w->ask, *w->ask, *w->ask};
    static const enum dure_rule limits[3] = {DURE_RULE_NODE_LIST, DURE_RULE_NEIGHBOURS, DURE_RULE_SPREAD};
    enum naive_fit fits = fit(w, w->ask, true);
    uint64_t rules = fits != NAIVE_NO ? bit(w->ahead ? DURE_RULE_ORDER : DURE_RULE_FITS) : 0;
    without[0].lists = 0;
    without[1].data_mask = 0;
    without[2].spread_max = without[2].spread_level = 0;
    if (fits != NAIVE_YES) {
        fits = fit(w, w->ask, false);
        rules |= fits != NAIVE_NO ? bit(DURE_RULE_WINDOW) : 0;
    }
    for (unsigned i = 0; i < 3 && fits != NAIVE_YES; i++) {
        struct walk lifted = *w;
        lifted.lifted = limits[i] == DURE_RULE_NEIGHBOURS;
        fits = fit(&lifted, &without[i], false);
        /* Rights too small for its data, or several, would carry it without: whether that is named hangs on whether anything stands there. */
        if (lifted.lifted && fits == NAIVE_YES && w->ask->data_mask && w->ask->job_class != DURE_BORROWED)
            fits = NAIVE_MAY;
        rules |= fits != NAIVE_NO ? bit(limits[i]) : 0;
    }
    if (fits != NAIVE_YES)
        rules |= bit(idle < naive_gpus_needed(w) ? DURE_RULE_TOO_FEW : DURE_RULE_SCATTERED);
    return rules;
}

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

/* GPUs of a node that can be used, whoever asks. */
static uint64_t there(const struct walk *w, const struct node_data *n)
{
    enum dure_rule out;
    const uint64_t all = (UINT64_C(1) << w->c->node_gpus) - 1;
    return naive_is_out(n->state, &out) ? 0 : all & ~n->dark & ~n->foreign;
}

uint64_t naive_idle_on(const struct walk *w, uint32_t node)
{
    uint64_t idle = there(w, &w->core->nodes[w->c->node_first + node].d);
    for (uint32_t k = 0; k < w->c->node_gpus; k++) {
        const uint32_t leaf = node * w->c->node_gpus + k;
        if (w->state->occupant[leaf] != NONE || w->state->claim[leaf] != NONE)
            idle &= ~(UINT64_C(1) << k);
    }
    return idle;
}

uint64_t naive_idle(const struct walk *w)
{
    uint64_t idle = 0;
    for (uint32_t node = 0; node < w->c->node_count; node++)
        idle += (uint64_t)__builtin_popcountll(naive_idle_on(w, node));
    return idle;
}

enum naive_fit naive_borrowed_fit(const struct walk *asked, const struct request *ask, bool in_time)
{
    struct walk w = *asked;
    w.ask = ask;
    struct field f = {.nodes = w.c->node_count, .gpus = w.c->node_gpus};
    const uint32_t spread = naive_spread_leaves(&w);
    for (uint32_t node = 0; node < f.nodes; node++) {
        uint64_t left = there(&w, &w.core->nodes[w.c->node_first + node].d);
        if (in_time && naive_is_late(&w, w.c->node_first + node))
            continue;
        f.idle[node] = naive_idle_on(&w, node);
        for (left &= ~f.idle[node]; left; left &= left - 1)
            f.shared[node] +=
                naive_share_room(&w, node * w.c->node_gpus + (uint32_t)__builtin_ctzll(left), DURE_NONE32);
        f.fenced[node] = naive_is_fenced(&w, node);
        f.out[node] = !naive_may_use(&w, w.c->node_first + node);
        f.spread[node] = spread ? node * w.c->node_gpus / spread : 0;
    }
    return naive_fits(&w, &f, naive_required_leaves(&w, w.c->level_count)) ? NAIVE_YES : NAIVE_NO;
}

static void walk_chain(struct walk *w, struct count *idle)
{
    for (uint32_t node = 0; node < w->c->node_count; node++) {
        const struct node_data *n = &w->core->nodes[w->c->node_first + node].d;
        struct count *busy = &w->count[DURE_RULE_BUSY];
        enum dure_rule out;
        if (naive_is_out(n->state, &out)) {
            w->count[out].gpus += w->c->node_gpus;
            w->count[out].nodes++;
            continue;
        }
        const uint64_t dark = n->dark & ~n->foreign, mask = naive_idle_on(w, node);
        const bool none_left = (uint32_t)__builtin_popcountll(dark | n->foreign) == w->c->node_gpus;
        w->count[DURE_RULE_POWER].gpus += (uint64_t)__builtin_popcountll(dark);
        w->count[DURE_RULE_FOREIGN].gpus += (uint64_t)__builtin_popcountll(n->foreign);
        w->count[dark ? DURE_RULE_POWER : DURE_RULE_FOREIGN].nodes += none_left;
        for (uint64_t left = there(w, n) & ~mask; left; left &= left - 1) {
            const uint32_t leaf = node * w->c->node_gpus + (uint32_t)__builtin_ctzll(left);
            busy->gpus++;
            if (w->state->occupant[leaf] != NONE)
                part_of(w, busy, w->state->occupant[leaf]);
            else
                busy->reserved++;
        }
        idle->gpus += (uint64_t)__builtin_popcountll(mask);
        idle->nodes += mask != 0;
        busy->nodes += mask == 0 && !none_left;
    }
}

uint64_t naive_borrowed(struct walk *w, struct count *ret_idle)
{
    enum dure_rule rule = naive_hardware(w);
    int64_t notice = 0;
    if (rule == DURE_RULE_FITS && naive_power_refuses(w))
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
    if (rule != DURE_RULE_FITS) {
        w->count[rule] = (struct count){.gpus = w->c->leaf_count, .nodes = w->c->node_count};
        return 0;
    }
    walk_chain(w, ret_idle);
    return naive_idle_rules(w, ret_idle->gpus, naive_borrowed_fit);
}
