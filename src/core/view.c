#include "core/view.h"

#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/gate/gate.h"
#include "core/place/ground.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/why/wait.h"

static const struct dure_job *unpacked(const struct dure_core *core, const struct job *job)
{
    struct view_ring *ring = core->ring;
    struct dure_job *made = &ring->jobs[ring->next++ % VIEW_RING];
    job_unpack(core, job, made);
    return made;
}

static void view_job(const struct dure_core *core, const struct job *job, struct dure_job_view *view)
{
    *view = (struct dure_job_view){.id = {job->d.id},
                                   .element = NONE,
                                   .job = unpacked(core, job),
                                   .state = DURE_JOB_PENDING,
                                   .held = job->d.flags & JOB_HELD,
                                   .submitted_us = job->d.submitted_us,
                                   .attempt = {DURE_NONE64},
                                   .requeues = job->d.requeues,
                                   .source_owner = {NONE},
                                   .source_allot = {NONE}};
}

/* The rest of an array, or a batch job that waits. */
static void view_rest(const struct dure_core *core, uint32_t slot, struct dure_job_view *view)
{
    const struct job *job = job_at(core, slot);
    view_job(core, job, view);
    view->wait = wait_of(core, slot, NONE);
    if (job->planned != NONE) {
        view->planned_us = planned_at(core, job->planned)->d.at_us;
        view->planned_chain.v = planned_at(core, job->planned)->d.chain;
    }
    uint32_t first;
    if (job_next_ordinal(job, &first)) {
        view->element_first = job_element(job, first);
        view->element_last = job_element(job, job_ordinals(job) - 1);
        view->element_count = job_pending_count(job);
    }
}

static void view_attempt(const struct dure_core *core, uint32_t slot, struct dure_job_view *view)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const struct job *job = attempt->job;
    view_job(core, job, view);
    view->element = job->d.array_count ? attempt->d.element : NONE;
    view->state = attempt->d.state == DURE_ATTEMPT_WARNED || attempt->d.state == DURE_ATTEMPT_STOPPING
                      ? DURE_JOB_STOPPING
                      : DURE_JOB_RUNNING;
    view->started_us = attempt->d.started_us;
    view->deadline_us = attempt->d.state == DURE_ATTEMPT_WARNED ? attempt->d.deadline_us : attempt->d.walltime_end_us;
    view->attempt.v = attempt->d.id;
    view->attempt_state = attempt->d.state;
    view->attempt_begun = attempt->d.begun;
    view->cause = attempt->d.cause;
    view->places = attempt->places;
    view->place_count = attempt->d.place_count;
    view->source_owner = core->fleet->chains[attempt->d.chain].owner;
    view->source_allot.v = attempt->d.allot;
}

static void view_claim(const struct dure_core *core, uint32_t slot, struct dure_job_view *view)
{
    const struct claim *claim = claim_at(core, slot);
    const struct job *job = job_at(core, claim->job_slot);
    view_job(core, job, view);
    view->element = job->d.array_count ? claim->d.element : NONE;
    view->wait = DURE_WAIT_PREEMPTING;
    view->places = claim->places;
    view->place_count = claim->d.place_count;
    view->source_allot.v = claim->d.allot;
}

/* The live row of one ordinal: its attempt or its claim; false: it is part of the rest. */
static bool view_ordinal(const struct dure_core *core, uint32_t slot, uint32_t ordinal, struct dure_job_view *view)
{
    const uint32_t attempt = attempt_of(core, slot, ordinal), claim = claim_of(core, slot, ordinal);
    if (attempt != NONE)
        view_attempt(core, attempt, view);
    else if (claim != NONE)
        view_claim(core, claim, view);
    return attempt != NONE || claim != NONE;
}

/* The first ordinal >= from that is a row of its own. */
static bool next_row(const struct dure_core *core, uint32_t slot, uint32_t from, struct dure_job_view *view,
                     uint32_t *ret_ordinal)
{
    const struct job *job = job_at(core, slot);
    if (!job->d.live && !job->d.claims)
        return false;
    for (uint32_t ordinal = from; ordinal < job_ordinals(job); ordinal++) {
        if (ordinal >= job->d.cursor && !job->elements)
            return false;
        if (view_ordinal(core, slot, ordinal, view)) {
            *ret_ordinal = ordinal;
            return true;
        }
    }
    return false;
}

bool dure_core_job_next(const struct dure_core *core, struct dure_job_cursor *cursor, struct dure_job_view *ret_view)
{
    for (;;) {
        const uint32_t slot = job_next(core, cursor->job);
        if (slot == NONE)
            return false;
        const struct job *job = job_at(core, slot);
        if (job->d.id != cursor->job)
            *cursor = (struct dure_job_cursor){.job = job->d.id};
        uint32_t ordinal;
        if (!cursor->rest_done && next_row(core, slot, cursor->element, ret_view, &ordinal)) {
            cursor->element = ordinal + 1;
            return true;
        }
        const bool rest = !cursor->rest_done && job_pending_count(job);
        *cursor = (struct dure_job_cursor){.job = job->d.id + 1};
        if (rest) {
            view_rest(core, slot, ret_view);
            return true;
        }
    }
}

bool dure_core_job_view(const struct dure_core *core, struct dure_job_id id, uint32_t element,
                        struct dure_job_view *ret_view)
{
    const uint32_t slot = job_find(core, id.v);
    if (slot == NONE)
        return false;
    const struct job *job = job_at(core, slot);
    uint32_t ordinal;
    if (job->d.array_count && element == NONE) {
        if (!job_pending_count(job))
            return next_row(core, slot, 0, ret_view, &ordinal);
        view_rest(core, slot, ret_view);
        return true;
    }
    if (!job_ordinal(job, element, &ordinal))
        return false;
    if (view_ordinal(core, slot, ordinal, ret_view))
        return true;
    if (!job_is_pending(job, ordinal))
        return false;
    view_rest(core, slot, ret_view);
    if (job->d.array_count) {
        ret_view->element = ret_view->element_first = ret_view->element_last = element;
        ret_view->element_count = 1;
    }
    return true;
}

bool dure_core_attempt_node(const struct dure_core *core, struct dure_attempt_id attempt, struct dure_node_id *ret_node)
{
    const uint32_t slot = attempt_find(core, attempt.v);
    if (slot == NONE || !attempt_at(core, slot)->d.place_count)
        return false;
    ret_node->v = attempt_at(core, slot)->places[0].node_first;
    return true;
}

bool dure_core_attempt_view(const struct dure_core *core, struct dure_attempt_id attempt,
                            struct dure_job_view *ret_view)
{
    const uint32_t slot = attempt_find(core, attempt.v);
    if (slot == NONE)
        return false;
    view_attempt(core, slot, ret_view);
    return true;
}

/* The cursor is the last id shown. Ids are found one by one, or by looking at all where they lie far apart. */
bool dure_core_attempt_next(const struct dure_core *core, uint64_t *cursor, struct dure_job_view *ret_view)
{
    enum { NEAR = 64 };
    for (uint64_t id = *cursor + 1; id < core->s.next_attempt && id <= *cursor + NEAR; id++)
        if (attempt_find(core, id) != NONE) {
            *cursor = id;
            view_attempt(core, attempt_find(core, id), ret_view);
            return true;
        }
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const uint64_t id = core->deadlines.at[i].id;
        if (id > *cursor && id < best)
            best = id;
    }
    if (best == UINT64_MAX)
        return false;
    *cursor = best;
    view_attempt(core, attempt_find(core, best), ret_view);
    return true;
}

struct dure_core_counts dure_core_counts(const struct dure_core *core)
{
    return (struct dure_core_counts){.jobs_pending = core->pending_count,
                                     .jobs_running = core->attempts.count,
                                     .jobs_ended = core->s.jobs_ended,
                                     .attempts_started = core->s.attempts_started,
                                     .attempts_evicted = core->s.attempts_evicted,
                                     .passes = core->s.passes,
                                     .refused = core->refused};
}

static void count_shared(const struct dure_core *core, const struct shared *shared, struct dure_holes_view *view)
{
    if (shared->is_mig)
        return;
    view->left[shared->free_milli / DURE_HOLE_MILLI]++;
    for (uint32_t i = 0; i < shared->users.count; i++) {
        const struct attempt *attempt = attempt_at(core, shared->users.at[i]);
        const uint32_t milli = job_ask(core, attempt->job)->task_gpu_milli;
        view->tasks[(milli + DURE_HOLE_MILLI - 1) / DURE_HOLE_MILLI]++;
    }
}

void dure_core_holes(const struct dure_core *core, struct dure_holes_view *ret_view)
{
    *ret_view = (struct dure_holes_view){0};
    for (uint32_t i = 0; core->fleet && i < core->fleet->chain_count; i++)
        for (uint32_t leaf = 0; leaf < core->fleet->chains[i].leaf_count; leaf++) {
            const uint32_t occupant = core->chains[i].occupant[leaf];
            if (occupant != NONE && occupant & OCCUPANT_SHARED)
                count_shared(core, shared_at(core, occupant & ~OCCUPANT_SHARED), ret_view);
        }
}

const struct dure_prices *dure_core_prices(const struct dure_core *core)
{
    return &core->hole_prices;
}

bool dure_core_node_view(const struct dure_core *core, struct dure_node_id id, struct dure_node_view *ret_view)
{
    if (!core->fleet || id.v >= core->fleet->node_count)
        return false;
    const uint32_t at = dure_fleet_chain_id_of(core->fleet, id).v;
    const struct dure_chain *chain = &core->fleet->chains[at];
    const struct node *node = &core->nodes[id.v];
    const struct node_words *words = &core->node_words[id.v];
    struct dure_node_view view = {.id = id,
                                  .state = node->d.state,
                                  .report = node->d.down   ? DURE_NODE_IS_DOWN
                                            : node->d.away ? DURE_NODE_IS_AWAY
                                                           : DURE_NODE_IS_UP,
                                  .report_reason = words->report ? words->report : "",
                                  .reason = words->report    ? words->report
                                            : words->drain   ? words->drain
                                            : node->d.booked ? booking_of_node(core, id.v)->reason
                                                             : "",
                                  .window_us = node->window_us,
                                  .gpus = chain->node_gpus,
                                  .gpus_used = node->busy,
                                  .gpus_dark = (uint32_t)__builtin_popcountll(node->d.dark),
                                  .gpus_foreign = (uint32_t)__builtin_popcountll(node->d.foreign),
                                  .foreign = node->d.foreign,
                                  .foreign_reason = words->foreign ? words->foreign : ""};
    if (node->d.dark)
        gate_keeper_name(core, at, id.v - chain->node_first, view.dark_by);
    const uint32_t first = (id.v - chain->node_first) * chain->node_gpus;
    for (uint32_t leaf = first; leaf < first + chain->node_gpus; leaf++) {
        struct dure_cells_leaf l;
        dure_cells_leaf(core->chains[at].cells, leaf, &l);
        view.gpus_borrowed += l.borrowed > 0;
    }
    *ret_view = view;
    return true;
}

void dure_core_chain_view(const struct dure_core *core, struct dure_chain_id id, struct dure_chain_view *ret_view)
{
    const struct dure_chain *chain = &core->fleet->chains[id.v];
    struct dure_chain_view view = {.gpus = chain->leaf_count};
    for (uint32_t i = 0; i < chain->node_count; i++) {
        const struct node *node = &core->nodes[chain->node_first + i];
        view.guaranteed += node->busy;
        if (node->d.state == DURE_NODE_ARRIVING) {
            view.arriving += chain->node_gpus;
            continue;
        }
        if (node->d.lost) {
            *(node->d.state == DURE_NODE_AWAY ? &view.away : &view.lost) += chain->node_gpus - node->busy;
            continue;
        }
        view.dark += (uint32_t)__builtin_popcountll(node->d.dark & ~node->used);
        view.foreign += (uint32_t)__builtin_popcountll(node->d.foreign & ~node->d.dark & ~node->used);
    }
    const struct dure_cells *cells = core->chains[id.v].cells;
    for (uint32_t i = 0; i < chain->tops; i++)
        view.borrowed += dure_cells_sum(cells, (struct dure_cell){i, chain->level_count}).borrowed;
    view.guaranteed -= view.borrowed < view.guaranteed ? view.borrowed : view.guaranteed;
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        const struct allot *allot = core->allots[i];
        if (allot->spec.chain.v == id.v && (allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT))
            view.promised += (uint64_t)allot->cells * allot->cell_leaves;
    }
    *ret_view = view;
}

uint32_t dure_core_allot_count(const struct dure_core *core)
{
    return core->s.allot_count;
}

bool dure_core_allot_view(const struct dure_core *core, struct dure_allot_id id, struct dure_allot_view *ret_view)
{
    if (id.v >= core->s.allot_count)
        return false;
    const struct allot *allot = core->allots[id.v];
    struct dure_allot_view view = {.id = id,
                                   .spec = &allot->spec,
                                   .state = allot->state,
                                   .cells = allot->cells,
                                   .gpus = allot->cells * allot->cell_leaves};
    const struct dure_cells *cells = core->chains[allot->spec.chain.v].cells;
    struct dure_cells_right_view right;
    if (dure_cells_right(cells, id, &right)) {
        view.cells_bound = right.bound + right.served;
        view.cells_suspended = right.suspended + right.served;
        view.gpus_used = right.used;
        struct dure_cells_virtual cell;
        for (uint32_t from = 0;
             dure_cells_virtual_next(cells, id, from, 1u << DURE_CELLS_BOUND | 1u << DURE_CELLS_SERVED, &cell);
             from = cell.index + 1)
            view.gpus_lent += dure_cells_sum(cells, cell.cell).borrowed;
    }
    const bool begun = allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT;
    view.active_us = allot->use.active_us;
    view.gpu_us_used = allot_use_gpu_us(core, id.v);
    if (begun && !view.gpus_used)
        view.idle_since_us = allot->use.last_us > allot->use.active_us ? allot->use.last_us : allot->use.active_us;
    *ret_view = view;
    return true;
}

bool dure_core_allot_find(const struct dure_core *core, const char *name, struct dure_allot_id *ret_allot)
{
    uint32_t found = allots_find(core, name);
    for (uint32_t i = core->s.allot_count; found == NONE && i-- > 0;)
        if (!strcmp(core->allots[i]->spec.name, name))
            found = i;
    if (found == NONE)
        return false;
    ret_allot->v = found;
    return true;
}

void dure_core_tenant_view(const struct dure_core *core, struct dure_tenant_id id, struct dure_tenant_view *ret_view)
{
    const struct tenant_state *t = &core->tenant[id.v];
    struct dure_tenant_view view = {.pending = t->submitted - t->held_jobs,
                                    .running = t->running,
                                    .gpus_used = (t->milli_used + 999) / 1000,
                                    .gpus_borrowed = (t->milli_borrowed + 999) / 1000,
                                    .gpu_us_guaranteed = t->gpu_us_guaranteed,
                                    .gpu_us_borrowed = t->gpu_us_borrowed};
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        const struct allot *allot = core->allots[i];
        if ((allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT) &&
            dure_tenants_within(core->tenants, allot->spec.tenant, id))
            view.gpus_promised += (uint64_t)allot->cells * allot->cell_leaves;
    }
    *ret_view = view;
}

enum dure_err dure_core_allot_preview(struct dure_core *core, const struct dure_record *input,
                                      struct dure_buf *ret_text, struct dure_error *error)
{
    const enum dure_err err = dure_core_check(core, input, error);
    if (err != DURE_OK)
        return err;
    if (input->kind == DURE_REC_GRANT) {
        dure_buf_str(ret_text, "can be promised: every promise made before it can still be kept");
        return DURE_OK;
    }
    if (input->kind != DURE_REC_SHRINK && input->kind != DURE_REC_END_ALLOT)
        return dure_fail(error, DURE_E_INVALID, "only a grant, a shrink or an end of an allotment can be previewed");
    return allots_effect(core, input->allot.v, input->kind == DURE_REC_SHRINK ? input->count : 0, ret_text, error);
}
