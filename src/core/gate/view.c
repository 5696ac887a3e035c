/* Reading limits, and what a change of datasets would do. */
#include <inttypes.h>

#include "core/gate/gate.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

void gate_keeper_name(const struct dure_core *core, uint32_t at, uint32_t node, char name[DURE_POWER_NAME_MAX])
{
    unsigned level = 0;
    name[0] = 0;
    for (uint32_t domain; (domain = gate_domain_next(core, at, node, &level)) != NONE;) {
        const uint64_t limit = gate_limit_kept(core, domain);
        if (limit == DURE_POWER_NO_LIMIT || core->gate.fed_mw[domain] + core->fleet->chains[at].leaf_power_mw <= limit)
            continue;
        dure_power_name(core->power, core->fleet, domain, name);
        return;
    }
}

uint32_t dure_core_power_count(const struct dure_core *core)
{
    return core->power ? core->power->domain_count : 0;
}

static void add_nodes(const struct dure_core *core, uint32_t at, uint32_t first, uint32_t end,
                      struct dure_power_view *view)
{
    const struct dure_chain *chain = &core->fleet->chains[at];
    for (uint32_t i = first; i < end; i++) {
        const struct node *node = &core->nodes[chain->node_first + i];
        view->gpus += chain->node_gpus;
        view->gpus_dark += (uint32_t)__builtin_popcountll(node->d.dark);
        view->used_mw += (uint64_t)node->busy * chain->leaf_power_mw;
    }
}

static uint64_t promised_at(const struct dure_core *core, uint32_t site)
{
    uint64_t mw = 0;
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        const struct allot *allot = core->allots[i];
        const struct dure_chain *chain = &core->fleet->chains[allot->spec.chain.v];
        if (chain->site.v == site && (allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT))
            mw += (uint64_t)allot->cells * allot->cell_leaves * chain->leaf_power_mw;
    }
    return mw;
}

void dure_core_power_view(const struct dure_core *core, uint32_t domain, struct dure_power_view *ret_view)
{
    const struct dure_power_domain *d = &core->power->domains[domain];
    struct dure_power_view view = {.limit_mw = dure_power_at(core->power, domain, core->s.time_us),
                                   .kept_mw = gate_limit_kept(core, domain),
                                   .next_us = dure_power_next(core->power, domain, core->s.time_us),
                                   .fed_mw = core->gate.fed_mw[domain]};
    dure_power_name(core->power, core->fleet, domain, view.name);
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        const struct dure_chain *chain = &core->fleet->chains[c];
        if (d->site.v != NONE && chain->site.v == d->site.v)
            add_nodes(core, c, 0, chain->node_count, &view);
        if (d->site.v == NONE && d->chain.v == c) {
            const uint32_t nodes = dure_chain_leaves_at(chain, d->level) / chain->node_gpus;
            add_nodes(core, c, d->cell * nodes, (d->cell + 1) * nodes, &view);
        }
    }
    view.promised_mw = d->site.v != NONE ? promised_at(core, d->site.v) : DURE_POWER_NO_LIMIT;
    *ret_view = view;
}

/* ---- datasets ---- */

static void say_widened(const struct dure_data *now, const struct dure_data *next, struct dure_buf *text)
{
    for (uint32_t i = 0; i < now->dataset_count; i++) {
        const struct dure_dataset *a = &now->datasets[i], *b = &next->datasets[i];
        uint32_t more = 0;
        for (uint32_t k = 0; k < b->site_count; k++)
            more += !dure_data_allows(a, b->sites[k]);
        if (b->everywhere && !a->everywhere)
            dure_buf_printf(text, " '%s' may be used at every site from now on.", b->name);
        else if (more)
            dure_buf_printf(text, " '%s' may be used at %" PRIu32 " more site%s.", b->name, more, more == 1 ? "" : "s");
        if (b->alone < a->alone)
            dure_buf_printf(text, " Work that uses '%s' may have more neighbours.", b->name);
    }
}

/* Places of the job that are only reserved, where its data may not be then. */
static uint64_t count_given_up(const struct dure_core *core, const struct dure_data *next, uint32_t slot)
{
    const struct job *job = job_at(core, slot);
    const uint64_t mask = job_ask(core, job)->data_mask;
    uint64_t count = 0;
    uint32_t which;
    for (uint32_t ordinal = 0; mask && job->d.claims && ordinal < job_ordinals(job); ordinal++) {
        const uint32_t claim = claim_of(core, slot, ordinal);
        count += claim != NONE &&
                 dure_data_forbidden(next, mask, core->fleet->chains[claim_at(core, claim)->d.chain].site, &which);
    }
    return count;
}

void dure_core_data_effect(const struct dure_core *core, const struct dure_record *record, struct dure_buf *ret_text)
{
    struct dure_data *next = NULL;
    uint64_t leave = 0, given_up = 0, pending = 0;
    if (!core->data || dure_data_from_json(record->text, record->text_length, core->fleet, &next, NULL) != DURE_OK)
        return;
    say_widened(core->data, next, ret_text);
    uint32_t which;
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const struct attempt *attempt = attempt_at(core, core->deadlines.at[i].slot);
        const uint64_t mask = job_ask(core, attempt->job)->data_mask;
        leave += mask && dure_data_forbidden(next, mask, core->fleet->chains[attempt->d.chain].site, &which);
    }
    for (uint32_t slot = job_next(core, 0); slot != NONE; slot = job_next(core, job_at(core, slot)->d.id + 1)) {
        pending += job_ask(core, job_at(core, slot))->data_mask && job_pending_count(job_at(core, slot));
        given_up += count_given_up(core, next, slot);
    }
    if (leave)
        dure_buf_printf(ret_text,
                        " %" PRIu64 " running attempt%s at a site that is no longer allowed: warned at once, stopped "
                        "after the grace, and queued again.",
                        leave, leave == 1 ? " is" : "s are");
    if (given_up)
        dure_buf_printf(ret_text, " %" PRIu64 " reserved place%s given up.", given_up, given_up == 1 ? " is" : "s are");
    if (pending && ret_text->length)
        dure_buf_printf(ret_text, " %" PRIu64 " pending job%s judged anew.", pending, pending == 1 ? " is" : "s are");
    dure_data_free(next);
}
