/* An owner's own hardware: who uses it, by what title, and when what is lent is back. Shows projects and sums, never persons or their work. */
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"
#include "base/vec.h"

enum { USES_MAX = 1 << 22 };

/* By what title somebody stands on the owner's GPUs. */
enum title { OWN_RIGHT, OWN_BORROWED, GRANTED, LENT };
static const char *const title_names[] = {"own", "own-borrowed", "granted", "lent"};

struct use {
    uint32_t chain, tenant;
    enum title title;
    uint64_t jobs, gpu_milli;
    int64_t back_us, ends_us; /* the last of them: if it is asked for; at the end of its walltime */
};

struct uses {
    DURE_VEC(struct use) list;
    bool failed;
};

static bool may_see(const struct call *call, const struct dure_tenants *tenants, struct dure_owner_id owner)
{
    const struct identity *who = call->who;
    if (who->is_operator || who->is_auditor || identity_owns(who, owner))
        return true;
    for (size_t i = 0; tenants != NULL && i < who->member_of.count; i++)
        if (who->member_of.at[i].v < tenants->tenant_count &&
            tenants->tenants[who->member_of.at[i].v].owner.v == owner.v)
            return true;
    return false;
}

static uint64_t milli_of(const struct dure_job_view *view)
{
    uint64_t milli = 0;
    for (uint32_t i = 0; i < view->place_count; i++) {
        const struct dure_place *p = &view->places[i];
        milli += (uint64_t)p->node_count *
                 (p->gpu_milli == 1000 ? 1000u * (unsigned)__builtin_popcountll(p->gpu_mask) : p->tasks * p->gpu_milli);
    }
    return milli;
}

static struct use use_of(const struct dure_job_view *view, const struct dure_fleet *fleet,
                         const struct dure_tenants *tenants, uint32_t chain, int64_t now_us)
{
    const bool own = tenants->tenants[view->job->tenant.v].owner.v == fleet->chains[chain].owner.v;
    const bool borrowed = view->source_allot.v == DURE_NONE32;
    const int64_t grace = view->job->grace_us, told_us = now_us + grace;
    const bool leaves = view->attempt_state == DURE_ATTEMPT_WARNED || view->attempt_state == DURE_ATTEMPT_STOPPING;
    struct use use = {.chain = chain,
                      .tenant = view->job->tenant.v,
                      .title = borrowed ? (own ? OWN_BORROWED : LENT)
                               : own    ? OWN_RIGHT
                                        : GRANTED,
                      .jobs = 1,
                      .gpu_milli = milli_of(view),
                      .ends_us = view->started_us + view->job->walltime_us};
    use.back_us = leaves && view->deadline_us && view->deadline_us < told_us ? view->deadline_us
                  : view->attempt_state == DURE_ATTEMPT_STOPPING             ? now_us
                  : use.ends_us - now_us <= grace                            ? use.ends_us
                                                                             : told_us;
    return use;
}

static int by_title(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    if (x->chain != y->chain)
        return x->chain < y->chain ? -1 : 1;
    if (x->title != y->title)
        return x->title < y->title ? -1 : 1;
    return x->tenant < y->tenant ? -1 : x->tenant > y->tenant;
}

/* One row a chain, title and tenant. */
static void merge(struct uses *uses)
{
    size_t kept = 0;
    if (uses->list.count)
        qsort(uses->list.at, uses->list.count, sizeof *uses->list.at, by_title);
    for (size_t i = 0; i < uses->list.count; i++) {
        struct use *last = kept ? &uses->list.at[kept - 1] : NULL;
        const struct use *next = &uses->list.at[i];
        if (last == NULL || by_title(last, next)) {
            uses->list.at[kept++] = *next;
            continue;
        }
        last->jobs++;
        last->gpu_milli += next->gpu_milli;
        last->back_us = next->back_us > last->back_us ? next->back_us : last->back_us;
        last->ends_us = next->ends_us > last->ends_us ? next->ends_us : last->ends_us;
    }
    uses->list.count = kept;
}

static void gather(const struct call *call, struct dure_owner_id owner, int64_t at_us, struct uses *uses)
{
    const struct dure_core *core = call->api->core;
    const struct dure_fleet *fleet = dure_core_fleet(core);
    const struct dure_tenants *tenants = dure_core_tenants(core);
    struct dure_job_view view;
    for (uint64_t cursor = 0; tenants != NULL && dure_core_attempt_next(core, &cursor, &view);) {
        const uint32_t chain = dure_fleet_chain_id_of(fleet, (struct dure_node_id){view.places[0].node_first}).v;
        if (fleet->chains[chain].owner.v != owner.v)
            continue;
        const struct use use = use_of(&view, fleet, tenants, chain, at_us);
        if (!DURE_VEC_PUSH(&uses->list, use, USES_MAX))
            uses->failed = true;
    }
    merge(uses);
}

static uint64_t milli_sum(const struct uses *uses, uint32_t chain, enum title title)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < uses->list.count; i++)
        if ((chain == DURE_NONE32 || uses->list.at[i].chain == chain) && uses->list.at[i].title == title)
            sum += uses->list.at[i].gpu_milli;
    return sum;
}

struct hardware {
    uint64_t gpus, used, lost, away, dark, foreign, arriving, promised, suspended, emulated, virtual_gpus;
};

static void add_hardware(const struct dure_core *core, const struct dure_fleet *fleet, uint32_t chain,
                         struct hardware *sum)
{
    struct dure_chain_view view;
    struct dure_allot_view allot;
    const struct dure_chain *c = &fleet->chains[chain];
    dure_core_chain_view(core, (struct dure_chain_id){chain}, &view);
    sum->gpus += view.gpus;
    sum->used += view.guaranteed + view.borrowed;
    sum->lost += view.lost;
    sum->away += view.away;
    sum->dark += view.dark;
    sum->foreign += view.foreign;
    sum->arriving += view.arriving;
    sum->promised += view.promised;
    sum->emulated += fleet->sites[c->site.v].engine == DURE_ENGINE_EMULATED ? view.gpus : 0;
    sum->virtual_gpus += fleet->models[c->model.v].is_virtual ? view.gpus : 0;
    for (uint32_t i = 0; i < dure_core_allot_count(core); i++)
        if (dure_core_allot_view(core, (struct dure_allot_id){i}, &allot) && allot.spec->chain.v == chain &&
            allot.state != DURE_ALLOT_ENDED)
            sum->suspended += (uint64_t)allot.cells_suspended * dure_chain_leaves_at(c, allot.spec->level);
}

static void write_hardware(const struct hardware *sum, const struct uses *uses, uint32_t chain, struct dure_buf *out)
{
    const uint64_t busy = sum->used + sum->lost + sum->away + sum->dark + sum->foreign + sum->arriving;
    json_uint(out, "gpus", sum->gpus);
    json_uint(out, "own_milli", milli_sum(uses, chain, OWN_RIGHT));
    json_uint(out, "own_borrowed_milli", milli_sum(uses, chain, OWN_BORROWED));
    json_uint(out, "granted_milli", milli_sum(uses, chain, GRANTED));
    json_uint(out, "lent_milli", milli_sum(uses, chain, LENT));
    json_uint(out, "idle", sum->gpus > busy ? sum->gpus - busy : 0);
    json_uint(out, "lost", sum->lost);
    json_uint(out, "away", sum->away);
    json_uint(out, "dark", sum->dark);
    json_uint(out, "foreign", sum->foreign);
    json_uint(out, "arriving", sum->arriving);
    json_uint(out, "promised", sum->promised);
    json_uint(out, "suspended", sum->suspended);
    json_bool(out, "emulated", sum->gpus && sum->emulated == sum->gpus);
    json_bool(out, "virtual", sum->gpus && sum->virtual_gpus == sum->gpus);
}

static void write_chains(const struct call *call, struct dure_owner_id owner, const struct uses *uses,
                         struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct hardware all = {0};
    json_open(out, "chains", '[');
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        struct hardware sum = {0};
        if (fleet->chains[i].owner.v != owner.v)
            continue;
        add_hardware(call->api->core, fleet, i, &sum);
        add_hardware(call->api->core, fleet, i, &all);
        json_open(out, NULL, '{');
        json_str(out, "name", fleet->chains[i].name);
        json_str(out, "site", fleet->sites[fleet->chains[i].site.v].name);
        json_str(out, "model", fleet->models[fleet->chains[i].model.v].name);
        write_hardware(&sum, uses, i, out);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_open(out, "totals", '{');
    write_hardware(&all, uses, DURE_NONE32, out);
    json_close(out, '}');
}

static void write_uses(const struct call *call, const struct uses *uses, struct dure_buf *out)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    json_open(out, "uses", '[');
    for (size_t i = 0; i < uses->list.count; i++) {
        const struct use *use = &uses->list.at[i];
        const bool comes_back = use->title == LENT || use->title == OWN_BORROWED;
        json_open(out, NULL, '{');
        json_str(out, "tenant", tenants->tenants[use->tenant].path);
        json_str(out, "title", title_names[use->title]);
        json_str(out, "chain", fleet->chains[use->chain].name);
        json_uint(out, "jobs", use->jobs);
        json_uint(out, "gpu_milli", use->gpu_milli);
        json_time(out, "back_if_asked", comes_back ? use->back_us : 0);
        json_time(out, "ends", use->ends_us);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_names(struct dure_buf *out, const char *key, const struct dure_tenants *tenants,
                        const struct dure_tenant_id *ids, uint32_t count)
{
    json_open(out, key, '[');
    for (uint32_t i = 0; i < count; i++)
        json_str(out, NULL, tenants->tenants[ids[i].v].path);
    json_close(out, ']');
}

static void write_terms(const struct dure_tenants *tenants, struct dure_owner_id owner, struct dure_buf *out)
{
    json_open(out, "lending", '[');
    for (uint32_t i = 0; tenants != NULL && i < tenants->lending_count; i++) {
        const struct dure_lending *row = &tenants->lendings[i];
        if (row->owner.v != owner.v)
            continue;
        json_open(out, NULL, '{');
        json_int(out, "notice_us", row->notice_us);
        json_bool(out, "to_all", row->to_all);
        write_names(out, "to", tenants, row->to, row->to_count);
        write_names(out, "except", tenants, row->except, row->except_count);
        json_time(out, "from", row->from_us);
        json_time(out, "until", row->until_us);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

void handle_owner(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_buf *out = &call->out;
    struct dure_owner_id owner;
    struct uses uses = {0};

    if (fleet == NULL || !dure_fleet_owner_find(fleet, call->part[0], &owner)) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no owner '%.64s'", call->part[0]);
        return;
    }
    if (!may_see(call, tenants, owner)) {
        call_fail(call, DURE_E_DENIED, "'%s' shows its hardware to its owners and members, to operators and auditors",
                  fleet->owners[owner.v].name);
        return;
    }
    const int64_t at_us = call_time_us(call);
    gather(call, owner, at_us, &uses);
    json_open(out, NULL, '{');
    json_str(out, "name", fleet->owners[owner.v].name);
    json_str(out, "label", fleet->owners[owner.v].label);
    json_time(out, "as_of", at_us);
    write_chains(call, owner, &uses, out);
    write_uses(call, &uses, out);
    write_terms(tenants, owner, out);
    json_close(out, '}');
    DURE_VEC_FREE(&uses.list);
    if (uses.failed)
        call_fail(call, DURE_E_MEMORY, "out of memory");
    else
        call_when_durable(call, answer_now);
}
