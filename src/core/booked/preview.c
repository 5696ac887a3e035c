/* Maintenance as people see it: what is booked, and what a booking would bring. */
#include <stdlib.h>

#include "base/timefmt.h"
#include "core/booked/booked.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"

bool dure_core_booking_view(const struct dure_core *core, uint32_t index, struct dure_booking_view *ret_view)
{
    if (index >= core->booking_count)
        return false;
    const struct booking *b = core->bookings[index];
    struct dure_booking_view view = {.id = b->d.id,
                                     .from_us = b->d.from_us,
                                     .until_us = b->d.until_us,
                                     .begun = b->d.state == BOOKING_BEGUN,
                                     .reason = b->reason,
                                     .runs = b->runs,
                                     .run_count = b->d.run_count};
    for (uint32_t i = 0; i < b->d.run_count; i++) {
        const struct dure_node_id node = {b->runs[i].node_first};
        view.node_count += b->runs[i].node_count;
        view.gpus += b->runs[i].node_count * dure_fleet_chain_of(core->fleet, node, NULL)->node_gpus;
    }
    *ret_view = view;
    return true;
}

static bool stands_on(const struct dure_record *book, const struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->d.place_count; i++)
        for (uint32_t k = 0; k < book->place_count; k++) {
            const struct dure_place *p = &attempt->places[i], *run = &book->places[k];
            if (p->node_first < run->node_first + run->node_count && run->node_first < p->node_first + p->node_count)
                return true;
        }
    return false;
}

static void say_jobs(const struct dure_core *core, const struct dure_record *book, struct dure_buf *text)
{
    uint32_t count = 0;
    int64_t last_us = 0;
    for (uint32_t i = 0; i < core->deadlines.count; i++) {
        const struct attempt *attempt = attempt_at(core, core->deadlines.at[i].slot);
        if (attempt->d.walltime_end_us <= book->number || !stands_on(book, attempt))
            continue;
        count++;
        last_us = attempt->d.walltime_end_us > last_us ? attempt->d.walltime_end_us : last_us;
    }
    char until[DURE_TIME_TEXT_MAX];
    if (!count)
        dure_buf_str(text, " No job that runs there now has a walltime that reaches into it.");
    else
        dure_buf_printf(text,
                        " %u job%s there now may still run when it begins, the last until %s: they run to their end "
                        "while the nodes drain.",
                        count, count == 1 ? " that runs" : "s that run", dure_time_format_utc(last_us, until));
}

/* A cell that is bound there stays its tenant's and is damaged; each once (leaves ascend, so a repeat is the one before). */
static void count_bound(const struct dure_core *core, uint32_t chain, uint32_t leaf, uint32_t *cells, uint64_t *last)
{
    struct dure_cells_leaf l;
    dure_cells_leaf(core->chains[chain].cells, leaf, &l);
    const uint64_t cell = (uint64_t)l.allot.v << 32 | l.index;
    if (l.allot.v == NONE || cell == *last)
        return;
    *last = cell;
    cells[l.allot.v]++;
}

/* Which rights would be named short if the nodes were lost now: tried, and taken back. */
static void say_short(struct dure_core *core, const struct dure_record *book, struct dure_buf *text)
{
    uint32_t *cells = dure_core_alloc(sizeof *cells, core->s.allot_count);
    struct dure_cells_mark *marks = dure_core_alloc(sizeof *marks, core->fleet->chain_count);
    uint64_t last = UINT64_MAX;
    for (uint32_t c = 0; c < core->fleet->chain_count; c++)
        marks[c] = dure_cells_mark(core->chains[c].cells);
    for (uint32_t i = 0; i < book->place_count; i++) {
        const uint32_t first = book->places[i].node_first;
        const uint32_t at = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){first}).v;
        const struct dure_chain *chain = &core->fleet->chains[at];
        const uint32_t leaf = (first - chain->node_first) * chain->node_gpus;
        for (uint32_t k = 0; k < book->places[i].node_count * chain->node_gpus; k++) {
            count_bound(core, at, leaf + k, cells, &last);
            (void)!dure_cells_lose(core->chains[at].cells, leaf + k, NULL); /* E_STATE: lost in truth */
        }
    }
    struct dure_cells_step step;
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        struct dure_cells *chain_cells = core->chains[c].cells;
        while (dure_cells_next_step(chain_cells, &step) && dure_cells_do_step(chain_cells, &step, NULL) == DURE_OK)
            cells[step.allot.v] += step.suspend ? 1 : (uint32_t)-1;
        dure_cells_rollback(chain_cells, marks[c]);
    }
    const char *between = " While it lasts, as things stand, these allotments would be short: ";
    bool any = false;
    for (uint32_t i = 0; i < core->s.allot_count; i++) {
        if (!cells[i] || core->allots[i]->state == DURE_ALLOT_ENDED)
            continue;
        dure_buf_printf(text, "%s'%s' of %s by %u of its %u cell%s", between, core->allots[i]->spec.name,
                        core->tenants->tenants[core->allots[i]->spec.tenant.v].path, cells[i], core->allots[i]->cells,
                        core->allots[i]->cells == 1 ? "" : "s");
        between = ", ";
        any = true;
    }
    dure_buf_str(text, any ? "." : " Every allotment can be served on other hardware, as things stand.");
    free(cells);
    free(marks);
}

enum dure_err dure_core_booking_preview(struct dure_core *core, const struct dure_record *input,
                                        struct dure_buf *ret_text, struct dure_error *error)
{
    const enum dure_err err = dure_core_check(core, input, error);
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    uint32_t nodes = 0;
    if (err != DURE_OK)
        return err;
    for (uint32_t i = 0; i < input->place_count; i++)
        nodes += input->places[i].node_count;
    dure_buf_printf(ret_text, "%u node%s would be in maintenance from %s until %s.", nodes, nodes == 1 ? "" : "s",
                    dure_time_format_utc(input->number, from), dure_time_format_utc(input->deadline_us, until));
    say_jobs(core, input, ret_text);
    say_short(core, input, ret_text);
    return DURE_OK;
}
