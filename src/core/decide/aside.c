#include "core/decide/aside.h"

#include <stdlib.h>

#include "core/place/sight.h"
#include "core/queue/queue.h"
#include "core/state/planned.h"

/* Cells that may be empty now, in the order in which they came up: as AFTER_EMPTY (decide/after.h). */
struct empties {
    struct empty {
        uint32_t allot, index;
    } * at;
    uint32_t count, capacity;
};

static void lay_plan(struct dure_core *core, struct aside *aside, uint32_t queue)
{
    if (aside->plan_count == aside->plan_capacity) {
        aside->plan_capacity = aside->plan_capacity ? aside->plan_capacity * 2 : 4;
        aside->plans = dure_core_grow(aside->plans, sizeof *aside->plans, aside->plan_capacity);
    }
    aside->plans[aside->plan_count++] = (struct aside_plan){queue, core->queues[queue].planned};
    core->queues[queue].planned = NONE;
}

static struct aside_cell *note_cell(struct dure_core *core, struct aside *aside, uint32_t allot, uint32_t index)
{
    if (aside->cell_count == aside->cell_capacity) {
        aside->cell_capacity = aside->cell_capacity ? aside->cell_capacity * 2 : 16;
        aside->cells = dure_core_grow(aside->cells, sizeof *aside->cells, aside->cell_capacity);
    }
    struct aside_cell *cell = &aside->cells[aside->cell_count++];
    *cell = (struct aside_cell){allot, index, {0, 0}, core->allots[allot]->state};
    return cell;
}

static void must(enum dure_err err)
{
    DURE_ASSERT(err == DURE_OK);
}

static void see_bound(struct dure_core *core, uint32_t chain, struct dure_cell cell)
{
    const struct dure_cells *cells = core->chains[chain].cells;
    sight_bound(core, chain, dure_cells_first_leaf(cells, cell), dure_cells_leaves(cells, cell.level));
}

/* As decide_settle: the rights that get what was given back, or are short of it. */
static void settle(struct dure_core *core, struct aside *aside)
{
    struct dure_cells *cells = core->chains[aside->chain].cells;
    struct dure_cells_step step;
    while (dure_cells_next_step(cells, &step)) {
        struct allot *allot = core->allots[step.allot.v];
        struct dure_cells_right_view view;
        note_cell(core, aside, step.allot.v, step.index);
        must(dure_cells_do_step(cells, &step, NULL));
        sight_cell(core, step.allot.v, step.index);
        const uint32_t queue = allot->spec.tenant.v, planned = core->queues[queue].planned;
        if ((step.suspend || allot->state == DURE_ALLOT_SHORT) && planned != NONE &&
            !planned_at(core, planned)->d.firm && planned_at(core, planned)->d.chain == aside->chain)
            lay_plan(core, aside, queue);
        if (dure_cells_right(cells, step.allot, &view) &&
            (allot->state == DURE_ALLOT_ACTIVE || allot->state == DURE_ALLOT_SHORT))
            allot->state = view.suspended || view.served ? DURE_ALLOT_SHORT : DURE_ALLOT_ACTIVE;
    }
}

static void give(struct dure_core *core, struct aside *aside, const struct empty *empty)
{
    struct dure_cells *cells = core->chains[aside->chain].cells;
    const struct dure_allot_id id = {empty->allot};
    struct dure_cells_virtual cell;
    if (core->allots[id.v]->state == DURE_ALLOT_ENDED || !dure_cells_virtual(cells, id, empty->index, &cell) ||
        cell.used || planned_holds_cell(core, id.v, empty->index) ||
        (cell.state != DURE_CELLS_BOUND && cell.state != DURE_CELLS_SERVED))
        return;
    note_cell(core, aside, id.v, empty->index)->cell = cell.cell;
    must(dure_cells_give(cells, id, empty->index, NULL));
    sight_cell(core, id.v, empty->index);
    see_bound(core, aside->chain, cell.cell);
    settle(core, aside);
}

static void empty_cells(const struct planned *planned, struct empties *empties)
{
    for (uint32_t i = 0; (planned->by_hardware || planned->d.firm) && i < planned->d.place_count; i++) {
        if (empties->count == empties->capacity) {
            empties->capacity = empties->capacity ? empties->capacity * 2 : 16;
            empties->at = dure_core_grow(empties->at, sizeof *empties->at, empties->capacity);
        }
        empties->at[empties->count++] =
            (struct empty){planned->bindings[i].allot.v, planned->bindings[i].virtual_index};
    }
}

void aside_lay(struct dure_core *core, const struct job *job, struct aside *ret_aside)
{
    *ret_aside = (struct aside){.chain = NONE};
    if (!job || job->planned == NONE)
        return;
    const struct planned *own = planned_at(core, job->planned);
    struct empties empties = {0};
    core->trials++;
    ret_aside->chain = own->d.chain;
    ret_aside->mark = dure_cells_mark(core->chains[own->d.chain].cells);
    lay_plan(core, ret_aside, own->queue);
    for (uint32_t plans = 0, cells = 0; plans < ret_aside->plan_count || cells < empties.count;)
        if (plans < ret_aside->plan_count)
            empty_cells(planned_at(core, ret_aside->plans[plans++].planned), &empties);
        else
            give(core, ret_aside, &empties.at[cells++]);
    free(empties.at);
}

void aside_take_up(struct dure_core *core, struct aside *aside)
{
    if (aside->chain == NONE)
        return;
    dure_cells_rollback(core->chains[aside->chain].cells, aside->mark);
    for (uint32_t i = aside->cell_count; i-- > 0;)
        core->allots[aside->cells[i].allot]->state = aside->cells[i].state;
    for (uint32_t i = 0; i < aside->cell_count; i++) {
        sight_cell(core, aside->cells[i].allot, aside->cells[i].index);
        if (aside->cells[i].cell.level)
            see_bound(core, aside->chain, aside->cells[i].cell);
    }
    for (uint32_t i = 0; i < aside->plan_count; i++)
        core->queues[aside->plans[i].queue].planned = aside->plans[i].planned;
    core->trials--;
    free(aside->plans);
    free(aside->cells);
    *aside = (struct aside){.chain = NONE};
}
