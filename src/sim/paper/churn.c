#include "sim/paper/churn.h"

#include <stdlib.h>

#include "sim/make/draw.h"
#include "sim/run/heap.h"

enum { STAYS = 6, TICK_US = 1000000 }; /* arrivals last for so many mean stays */

struct guest {
    struct dure_field_place place;
    uint32_t shape;
};

struct stay {
    const struct dure_packing *packing;
    struct dure_field field;
    struct dure_placer placer;
    struct dure_sim_heap leaving; /* what: a guest */
    struct guest *guests;         /* by arrival */
    uint64_t draws;
    uint64_t stay_us; /* mean */
    uint32_t arrivals;
};

static void depart(struct stay *stay, int64_t now_us)
{
    const struct dure_sim_event *event;
    while ((event = dure_sim_heap_first(&stay->leaving)) && event->at_us <= now_us) {
        const struct guest *guest = &stay->guests[event->what];
        dure_field_give(&stay->field, &guest->place, &stay->packing->work.shapes[guest->shape].task);
        dure_sim_heap_pop(&stay->leaving);
    }
}

/* One arrival; `ret_fits` says whether there was a place. */
static enum dure_err arrive(struct stay *stay, uint32_t a, bool *ret_fits)
{
    struct guest *guest = &stay->guests[a];
    const int64_t now_us = (int64_t)a * TICK_US;
    uint32_t node, gpu;
    guest->shape = stay->packing->pod_shapes[dure_draw_below(&stay->draws, stay->packing->pod_count)];
    const uint64_t lasts_us = dure_draw_exponential(&stay->draws, stay->stay_us);
    depart(stay, now_us);
    *ret_fits = dure_placer_choose(&stay->placer, &stay->field, guest->shape, &node, &gpu);
    if (!*ret_fits)
        return DURE_OK;
    dure_field_take(&stay->field, node, &stay->packing->work.shapes[guest->shape].task, gpu, &guest->place);
    return dure_sim_heap_add(&stay->leaving, now_us + (int64_t)lasts_us, 0, a) ? DURE_OK : DURE_E_MEMORY;
}

static enum dure_err play(struct stay *stay, struct dure_churn *churn)
{
    int64_t used = 0, asked = 0, refused = 0;
    churn->tasks = churn->refused = 0;
    const int64_t began = dure_packing_clock_ns();
    for (uint32_t a = 0; a < stay->arrivals; a++) {
        bool fits;
        const enum dure_err err = arrive(stay, a, &fits);
        if (err)
            return err;
        if (a < stay->arrivals / 2)
            continue;
        const int64_t milli = dure_packing_gpu_milli(stay->packing, stay->guests[a].shape);
        used += stay->field.gpu_milli_used;
        asked += milli;
        churn->tasks++;
        if (!fits) {
            refused += milli;
            churn->refused++;
        }
    }
    churn->us_per_decision = (double)(dure_packing_clock_ns() - began) / 1000 / stay->arrivals;
    churn->percent = (double)used / churn->tasks / (double)stay->packing->gpu_milli * 100;
    churn->refused_percent = asked ? (double)refused / (double)asked * 100 : 0;
    return DURE_OK;
}

enum dure_err dure_churn_play(const struct dure_packing *packing, struct dure_churn *churn)
{
    struct stay stay = {.packing = packing, .draws = dure_packing_stream(churn->seed, DURE_PACKING_TASKS)};
    int64_t sum = 0;
    for (uint32_t p = 0; p < packing->pod_count; p++)
        sum += dure_packing_gpu_milli(packing, packing->pod_shapes[p]);
    const int64_t stays = packing->gpu_milli * churn->load_percent / 100 * packing->pod_count / sum;
    stay.stay_us = (uint64_t)stays * TICK_US;
    if (stays < 1 || stays > DURE_PACKING_TASKS_MAX / STAYS)
        return DURE_E_LIMIT;
    stay.arrivals = (uint32_t)stays * STAYS;
    stay.guests = calloc(stay.arrivals, sizeof *stay.guests);
    enum dure_err err = stay.guests ? dure_field_init(&stay.field, packing->nodes, packing->node_count,
                                                      churn->policy->keeps_kinds, churn->policy->keeps_order)
                                    : DURE_E_MEMORY;
    if (!err)
        err = dure_packing_rank(packing, &stay.field, churn->seed);
    if (!err)
        err = dure_placer_init(&stay.placer, churn->policy, &stay.field, &packing->work, churn->tie,
                               dure_packing_stream(churn->seed, DURE_PACKING_POLICY));
    if (!err)
        err = play(&stay, churn);
    dure_placer_release(&stay.placer);
    dure_field_release(&stay.field);
    dure_sim_heap_release(&stay.leaving);
    free(stay.guests);
    return err;
}
