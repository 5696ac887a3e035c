#include "core/place/plan.h"

#include <stdlib.h>

#include "core/place/sight.h"

void plan_release(struct plan *plan)
{
    free(plan->places);
    free(plan->bindings);
    free(plan->fresh);
    *plan = (struct plan){0};
}

void plan_add_place(struct plan *plan, struct dure_place place)
{
    if (plan->place_count == plan->place_capacity) {
        plan->place_capacity = plan->place_capacity ? plan->place_capacity * 2 : 16;
        plan->places = dure_core_grow(plan->places, sizeof *plan->places, plan->place_capacity);
    }
    plan->places[plan->place_count++] = place;
}

struct dure_binding *plan_find_binding(const struct plan *plan, uint32_t allot, uint32_t index)
{
    for (uint32_t i = plan->binding_count; i-- > 0;)
        if (plan->bindings[i].allot.v == allot && plan->bindings[i].virtual_index == index)
            return &plan->bindings[i];
    return NULL;
}

struct dure_binding *plan_add_binding(struct plan *plan, struct dure_binding binding)
{
    if (plan->binding_count == plan->binding_capacity) {
        plan->binding_capacity = plan->binding_capacity ? plan->binding_capacity * 2 : 16;
        plan->bindings = dure_core_grow(plan->bindings, sizeof *plan->bindings, plan->binding_capacity);
    }
    plan->bindings[plan->binding_count] = binding;
    return &plan->bindings[plan->binding_count++];
}

void plan_note_fresh(struct plan *plan, struct dure_binding binding)
{
    if (plan->fresh_count == plan->fresh_capacity) {
        plan->fresh_capacity = plan->fresh_capacity ? plan->fresh_capacity * 2 : 16;
        plan->fresh = dure_core_grow(plan->fresh, sizeof *plan->fresh, plan->fresh_capacity);
    }
    plan->fresh[plan->fresh_count++] = binding;
}

void plan_forget_fresh(struct dure_core *core, struct plan *plan)
{
    for (; plan->fresh_count; plan->fresh_count--) {
        const struct dure_binding *last = &plan->fresh[plan->fresh_count - 1];
        core->trials++;
        sight_cell(core, last->allot.v, last->virtual_index);
        core->trials--;
    }
}

bool plan_is_fresh(const struct plan *plan, uint32_t allot, uint32_t index)
{
    for (uint32_t i = 0; i < plan->fresh_count; i++)
        if (plan->fresh[i].allot.v == allot && plan->fresh[i].virtual_index == index)
            return true;
    return false;
}

static int by_node(const void *a, const void *b)
{
    const struct dure_place *x = a, *y = b;
    if (x->node_first != y->node_first)
        return x->node_first < y->node_first ? -1 : 1;
    return x->gpu_mask < y->gpu_mask ? -1 : x->gpu_mask > y->gpu_mask;
}

void plan_tidy(struct plan *plan)
{
    if (plan->place_count < 2)
        return;
    uint32_t sorted = 1; /* they mostly come in order */
    while (sorted < plan->place_count && by_node(&plan->places[sorted - 1], &plan->places[sorted]) <= 0)
        sorted++;
    if (sorted < plan->place_count)
        qsort(plan->places, plan->place_count, sizeof *plan->places, by_node);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < plan->place_count; i++) {
        struct dure_place *last = &plan->places[kept];
        const struct dure_place *next = &plan->places[i];
        const bool whole = last->gpu_milli == 1000 && next->gpu_milli == 1000;
        if (whole && next->node_first == last->node_first && last->node_count == 1) {
            last->gpu_mask |= next->gpu_mask;
            last->tasks += next->tasks;
        } else {
            plan->places[++kept] = *next;
        }
    }
    plan->place_count = kept + 1;
    kept = 0;
    for (uint32_t i = 1; i < plan->place_count; i++) {
        struct dure_place *last = &plan->places[kept];
        const struct dure_place *next = &plan->places[i];
        if (next->node_first == last->node_first + last->node_count && next->gpu_mask == last->gpu_mask &&
            next->tasks == last->tasks && next->gpu_milli == last->gpu_milli && next->starts == last->starts)
            last->node_count++;
        else
            plan->places[++kept] = *next;
    }
    plan->place_count = kept + 1;
}

uint32_t plan_milli(const struct plan *plan)
{
    uint32_t milli = 0;
    for (uint32_t i = 0; i < plan->place_count; i++) {
        const struct dure_place *p = &plan->places[i];
        milli += p->node_count *
                 (p->gpu_milli == 1000 ? (uint32_t)__builtin_popcountll(p->gpu_mask) * 1000 : p->tasks * p->gpu_milli);
    }
    return milli;
}

void plan_copy(struct plan *plan, const struct claim *claim)
{
    plan->place_count = plan->binding_count = 0;
    plan->chain = claim->d.chain;
    plan->allot = claim->d.allot;
    for (uint32_t i = 0; i < claim->d.place_count; i++)
        plan_add_place(plan, claim->places[i]);
    for (uint32_t i = 0; i < claim->d.binding_count; i++)
        plan_add_binding(plan, claim->bindings[i]);
}
