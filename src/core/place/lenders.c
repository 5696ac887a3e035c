#include "core/place/lenders.h"

#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/place/limits.h"
#include "core/place/rules.h"

static int64_t next_lending(const struct dure_core *core)
{
    int64_t next = DURE_NEVER_US;
    for (uint32_t i = 0; i < core->tenants->lending_count; i++) {
        const struct dure_lending *row = &core->tenants->lendings[i];
        if (row->from_us > core->s.time_us && row->from_us < next)
            next = row->from_us;
        if (row->until_us > core->s.time_us && row->until_us < next)
            next = row->until_us;
    }
    return next;
}

static void find(const struct dure_core *core, const struct request *ask, struct lenders *lenders)
{
    if (lenders->capacity < core->fleet->chain_count) {
        lenders->capacity = core->fleet->chain_count;
        lenders->chains = dure_core_grow(lenders->chains, sizeof *lenders->chains, lenders->capacity);
    }
    lenders->ask = *ask;
    lenders->stamp = core->lenders_stamp;
    lenders->until_us = next_lending(core);
    lenders->count = 0;
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        const uint32_t at = core->borrow_order[i];
        int64_t notice;
        if (rule_carries(core, ask, at) && lend_terms(core, at, ask->tenant, false, &notice) && ask->grace_us <= notice)
            lenders->chains[lenders->count++] = at | (rule_level(core, ask, at) ? LENDER_HAS_LEVEL : 0);
    }
}

/* What says who lends to it: how long it lasts, and who is first, says nothing about that. */
static struct request reduce(const struct request *ask)
{
    struct request made = *ask;
    made.walltime_us = made.checkpoint_us = 0;
    made.priority = 0;
    made.user = NONE;
    return made;
}

const struct lenders *lenders_of(struct dure_core *core, const struct request *full)
{
    const struct request reduced = reduce(full), *ask = &reduced;
    const uint64_t key = dure_hash_fold(((uint64_t)ask->tenant << 32 | ask->tasks) + UINT64_C(0x9e3779b97f4a7c15),
                                        ((uint64_t)ask->task_gpus << 32 | ask->level) * 2 + 1);
    if (!core->lenders)
        core->lenders = dure_core_alloc(sizeof *core->lenders, LENDERS_KEPT);
    struct lenders *lenders = &core->lenders[key % LENDERS_KEPT];
    if (lenders->stamp != core->lenders_stamp || lenders->until_us <= core->s.time_us ||
        !request_same(&lenders->ask, ask) || limits_any(ask)) /* a list's number may come again */
        find(core, ask, lenders);
    return lenders;
}

void lenders_release(struct dure_core *core)
{
    for (uint32_t i = 0; core->lenders && i < LENDERS_KEPT; i++)
        free(core->lenders[i].chains);
    free(core->lenders);
    core->lenders = NULL;
}
