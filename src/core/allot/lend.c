/* Lending terms, and the calendar of the world. */
#include "core/allot/allots.h"
#include "core/booked/booked.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

static bool listed(const struct dure_tenant_id *list, uint32_t count, uint32_t tenant)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].v == tenant)
            return true;
    return false;
}

bool lend_terms(const struct dure_core *core, uint32_t chain, uint32_t tenant, bool ever, int64_t *ret_notice_us)
{
    const uint32_t owner = core->fleet->chains[chain].owner.v, top = core->tenant[tenant].top;
    const bool own = core->tenants->tenants[top].owner.v == owner;
    bool found = false;
    int64_t notice = 0;
    for (uint32_t i = 0; i < core->tenants->lending_count; i++) {
        const struct dure_lending *row = &core->tenants->lendings[i];
        if (row->owner.v != owner || row->until_us <= core->s.time_us || (!ever && row->from_us > core->s.time_us))
            continue;
        if (!own && !(row->to_all ? !listed(row->except, row->except_count, top) : listed(row->to, row->to_count, top)))
            continue;
        if (!found || row->notice_us > notice)
            notice = row->notice_us;
        found = true;
    }
    if (own && !found) {
        notice = DURE_GRACE_MAX_US; /* its own tenants may always borrow */
        found = true;
    }
    if (found)
        *ret_notice_us = notice;
    return found;
}

bool lend_keeps(const struct dure_core *core, uint32_t slot)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const struct request *ask = job_ask(core, attempt->job);
    int64_t notice;
    return lend_terms(core, attempt->d.chain, ask->tenant, false, &notice) && ask->grace_us <= notice;
}

static void sooner(const struct dure_core *core, int64_t at, int64_t *next)
{
    if (at > core->s.time_us && at < *next)
        *next = at;
}

int64_t world_next(const struct dure_core *core)
{
    int64_t next = DURE_NEVER_US;
    sooner(core, bookings_next(core), &next);
    for (uint32_t i = 0; core->fleet && i < core->fleet->chain_count; i++)
        sooner(core, core->fleet->chains[i].available_from_us, &next);
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        if (core->allots[i]->state == DURE_ALLOT_ENDED)
            continue;
        sooner(core, core->allots[i]->spec.from_us, &next);
        sooner(core, core->allots[i]->spec.until_us, &next);
    }
    for (uint32_t i = 0; core->tenants && i < core->tenants->lending_count; i++) {
        sooner(core, core->tenants->lendings[i].from_us, &next);
        sooner(core, core->tenants->lendings[i].until_us, &next);
    }
    return next;
}
