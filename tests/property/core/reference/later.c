/* Planned starts: the first moment at which there is room, once enough must be gone, and clear of all maintenance to come. */
#include "base/timefmt.h"
#include "parts.h"

enum { ROUNDS_MAX = 16 };

/* Whose start is sought, from when on, and with which nodes out of sight: those of which a window meets the time from `from_us` to `until_us`. */
struct outlook {
    struct reference *reference;
    uint64_t id;
    const struct reference_job *job;
    int64_t from_us, until_us; /* until_us INT64_MIN: none */
    struct trial *trial;
};

static int64_t lasts(const struct outlook *o)
{
    return o->job->walltime_us + o->job->grace_us;
}

static bool is_found(int64_t at_us)
{
    return at_us != INT64_MIN && at_us != INT64_MAX;
}

/* ---- room ---- */

/* The first moment after `before` at which any of the tenant's work (or any that borrows in the chain) must be gone, or it may begin to look;
 * INT64_MAX: none. */
static int64_t next_end(const struct outlook *o, uint32_t chain, int64_t before)
{
    const struct reference *reference = o->reference;
    const int64_t now = reference->input->time_us;
    int64_t at = o->from_us > now && before < o->from_us ? o->from_us : INT64_MAX;
    for (uint32_t r = 0; r < reference->run_end; r++) {
        const struct reference_run *run = &reference->runs[r];
        if (run->state == RUN_NONE || reference_queue_of_run(reference, run) != reference_queue(reference, o->job) ||
            (chain != DURE_NONE32 && reference_chain_of(reference, run->node_first) != chain))
            continue;
        const int64_t end = reference_gone_by(reference, run), then = end > o->from_us ? end : o->from_us;
        if (then > before && then < at)
            at = then;
    }
    return at;
}

/* By rights, or where it would borrow in this chain. */
static int64_t look_in(struct outlook *o, uint32_t chain)
{
    o->trial->chain = chain;
    for (int64_t at = next_end(o, chain, INT64_MIN); at != INT64_MAX; at = next_end(o, chain, at)) {
        o->trial->later_us = at;
        if (reference_place(o->reference, o->id, false, o->trial))
            return at;
    }
    return INT64_MAX;
}

/* In the chain where it is soonest; of those that are alike where it would rather stand, then where least is promised. */
static int64_t look_for_lent(struct outlook *o)
{
    static struct trial best;
    uint32_t order[REFERENCE_CHAINS];
    int64_t best_us = INT64_MAX;
    uint64_t rank = 0;
    reference_lenders(o->reference, order);
    for (bool first = true; reference_next_rank(o->reference, o->job, first, &rank); first = false)
        for (uint32_t i = 0; i < o->reference->chain_count; i++) {
            if (reference_rank(o->reference, o->job, order[i]) != rank)
                continue;
            const int64_t at_us = look_in(o, order[i]);
            if (at_us >= best_us)
                continue;
            best_us = at_us;
            best = *o->trial;
        }
    if (best_us != INT64_MAX)
        *o->trial = best;
    return best_us;
}

/* INT64_MIN: there is room now, and it is not idle GPUs that it lacks; INT64_MAX: there never is. */
static int64_t look(struct outlook *o)
{
    o->trial->beside_plan = false;
    o->trial->later_us = INT64_MIN;
    if (o->from_us <= o->reference->input->time_us && reference_place(o->reference, o->id, false, o->trial))
        return INT64_MIN;
    return o->job->borrowed ? look_for_lent(o) : look_in(o, DURE_NONE32);
}

/* ---- firm plans ---- */

static bool must_bind(const struct outlook *o, int64_t at_us)
{
    return is_found(at_us) && reference_is_firm(o->reference, o->job, o->trial, at_us);
}

/* While there is maintenance, only on what can be bound now, as it is and with the nodes out of sight; or else on what is bound. */
static int64_t look_firmly(struct outlook *o, const struct hidden *hidden)
{
    struct reference *reference = o->reference;
    int64_t at_us = look(o);
    if (!must_bind(o, at_us))
        return at_us;
    if (reference_bind_firmly(reference, o->trial)) {
        static struct hidden then;
        if (!hidden)
            return at_us;
        reference_see(reference, &then);
        reference_unhide(reference, hidden);
        const bool holds = reference_can_bind(reference, o->trial->named, o->trial->virtual_count);
        reference_unhide(reference, &then);
        if (holds)
            return at_us;
    }
    reference->hides_unbound = true;
    at_us = look(o);
    reference->hides_unbound = false;
    if (!must_bind(o, at_us))
        return at_us;
    bool is_bound = reference_bind_firmly(reference, o->trial);
    for (uint32_t i = 0; is_bound && i < o->trial->virtual_count; i++)
        is_bound = !o->trial->named[i].is_new;
    return is_bound ? at_us : INT64_MAX;
}

/* ---- clear of maintenance ---- */

static int64_t look_around(struct outlook *o)
{
    static struct hidden hidden;
    if (o->until_us == INT64_MIN)
        return look_firmly(o, NULL);
    reference_hide(o->reference, o->from_us, o->until_us, !o->job->borrowed, &hidden);
    const int64_t at_us = look_firmly(o, &hidden);
    reference_unhide(o->reference, &hidden);
    return at_us;
}

/* By rights it may come to stand anywhere in the chain. */
static bool may_reach(const struct outlook *o, int64_t at_us)
{
    const struct reference *reference = o->reference;
    const struct trial *trial = o->trial;
    if (o->job->borrowed)
        return reference_reaches_window(reference, trial->virtuals, trial->virtual_count, at_us, at_us + lasts(o));
    const struct reference_chain *chain = &reference->chains[reference->rights[trial->named[0].allot.v].chain];
    for (uint32_t node = chain->first; node < chain->end; node++)
        if (reference_meets_window(reference, node, at_us, at_us + lasts(o)))
            return true;
    return false;
}

int64_t reference_later(struct reference *reference, uint64_t id, struct trial *trial)
{
    const int64_t now = reference->input->time_us;
    struct outlook o = {reference, id, &reference->jobs[id], now, INT64_MIN, trial};
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        const bool hides = o.until_us != INT64_MIN;
        const int64_t at_us = look_around(&o),
                      over_us = hides ? reference_window_over(reference, o.from_us, o.until_us) : INT64_MAX;
        if (at_us == INT64_MIN) {
            if (hides || reference_window_over(reference, now, now + lasts(&o)) == INT64_MAX)
                return INT64_MIN;
            o.until_us = now + lasts(&o);
        } else if (over_us < at_us) { /* once a window is over there is more in sight */
            o.from_us = over_us;
            o.until_us = over_us + lasts(&o);
        } else if (at_us == INT64_MAX || (hides && at_us + lasts(&o) <= o.until_us) || !may_reach(&o, at_us)) {
            reference->behind += at_us != INT64_MAX && o.from_us > now;
            return at_us;
        } else {
            o.from_us = at_us;
            o.until_us = at_us + lasts(&o);
        }
    }
    return INT64_MAX;
}
