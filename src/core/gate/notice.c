/* Who must leave, and when: what runs on dark GPUs, and what a data rule forbids. */
#include "core/allot/allots.h"
#include "core/decide/decide.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

/* When a limit begins, within the lead, that cannot feed the work on the domain's dark GPUs as well; DURE_NEVER_US: none does. `ret_now`: the
 * limit of now cannot either. */
static int64_t drop_of(const struct dure_core *core, uint32_t domain, bool *ret_now)
{
    const struct dure_power_domain *d = &core->power->domains[domain];
    const int64_t now = core->s.time_us;
    const uint64_t all = core->gate.fed_mw[domain] + core->gate.leaving_mw[domain];
    int64_t drop = DURE_NEVER_US;
    for (uint32_t i = 0; i < d->limit_count; i++) {
        const struct dure_power_limit *limit = &core->power->limits[d->limit_first + i];
        if (limit->limit_mw >= all || limit->until_us <= now)
            continue;
        if (limit->from_us <= now)
            *ret_now = true;
        else if (limit->from_us - core->power->lead_us <= now && limit->from_us < drop)
            drop = limit->from_us;
    }
    return drop;
}

/* Why it leaves: not for the limit, which may be lifted, if it has to leave anyway. */
static enum dure_cause cause_of(const struct dure_core *core, const struct attempt *attempt)
{
    int64_t notice;
    if (attempt->d.state == DURE_ATTEMPT_WARNED && !decide_may_be_spared(attempt))
        return attempt->d.cause;
    return attempt->d.borrowed &&
                   !lend_terms(core, attempt->d.chain, job_ask(core, attempt->job)->tenant, false, &notice)
               ? DURE_CAUSE_LENDING_ENDED
               : DURE_CAUSE_POWER;
}

/* Gone within its grace, and when the limit falls at the latest: the contract is harder than a grace longer than the lead. */
static void warn_by(struct dure_core *core, uint32_t slot, int64_t drop)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const int64_t now = core->s.time_us, grace = job_ask(core, attempt->job)->grace_us;
    const bool warned = attempt->d.state == DURE_ATTEMPT_WARNED;
    const int64_t deadline = drop < now + grace ? drop : now + grace;
    if (attempt->d.state == DURE_ATTEMPT_STOPPING || (warned && attempt->d.deadline_us <= deadline))
        return;
    struct dure_record r;
    decide_record(core, DURE_REC_NOTICE, &r);
    r.attempt.v = attempt->d.id;
    r.cause = cause_of(core, attempt);
    r.deadline_us = deadline;
    decide_emit(core, &r);
}

static void warn_node(struct dure_core *core, uint32_t at, uint32_t node, int64_t drop)
{
    const uint32_t gpus = core->fleet->chains[at].node_gpus;
    uint64_t mask = node_of(core, at, node)->d.dark & node_of(core, at, node)->used;
    for (; mask; mask &= mask - 1) {
        const uint32_t *slots = NULL;
        const uint32_t count = ground_users(core, at, node * gpus + (uint32_t)__builtin_ctzll(mask), &slots);
        for (uint32_t i = 0; i < count; i++)
            warn_by(core, slots[i], drop);
    }
}

void gate_warn(struct dure_core *core)
{
    for (uint32_t c = 0; c < core->fleet->chain_count && core->gate.leaving; c++)
        for (uint32_t node = gate_next(core, &core->gate.dark, c, 0); node != NONE;
             node = gate_next(core, &core->gate.dark, c, node + 1)) {
            int64_t drop = DURE_NEVER_US;
            bool now = false;
            unsigned level = 0;
            if (!node_of(core, c, node)->draw.leaving)
                continue;
            for (uint32_t domain; (domain = gate_domain_next(core, c, node, &level)) != NONE;) {
                const int64_t at = drop_of(core, domain, &now);
                drop = at < drop ? at : drop;
            }
            if (now || drop != DURE_NEVER_US)
                warn_node(core, c, node, drop);
        }
}

bool gate_is_dark(const struct dure_core *core, const struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->d.place_count; i++)
        for (uint32_t k = 0; k < attempt->places[i].node_count; k++)
            if (core->nodes[attempt->places[i].node_first + k].d.dark & attempt->places[i].gpu_mask)
                return true;
    return false;
}

static bool is_forbidden(const struct dure_core *core, const struct job *job, uint32_t chain)
{
    return gate_data(core, job_ask(core, job), chain, NULL).rule != DURE_RULE_FITS;
}

/* Places that are only reserved are given up. */
static void unreserve(struct dure_core *core)
{
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        const struct job *job = job_at(core, slot);
        for (uint32_t ordinal = 0; job_ask(core, job)->data_mask && job->d.claims && ordinal < job_ordinals(job);
             ordinal++) {
            const uint32_t claim = claim_of(core, slot, ordinal);
            if (claim != NONE && is_forbidden(core, job, claim_at(core, claim)->d.chain))
                decide_unreserve(core, claim);
        }
    }
}

void decide_data(struct dure_core *core)
{
    uint64_t cursor = 0;
    struct dure_job_view view;
    if (!DURE_CORE_MUTATED(DATA_RESERVED))
        unreserve(core);
    while (core->data && dure_core_attempt_next(core, &cursor, &view)) {
        const uint32_t slot = attempt_find(core, cursor);
        const struct attempt *attempt = attempt_at(core, slot);
        if (is_forbidden(core, attempt->job, attempt->d.chain))
            decide_send_away(core, slot, DURE_CAUSE_DATA); /* whoever else may be spared */
    }
}
