/* An order as Slurm takes it: nodes by its names, GPUs by node, who and where; and what it cannot carry out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/slurm/engine_inner.h"

enum { NODES_TEXT_MAX = DURE_SLURM_NODELIST_MAX };

/* The fleet's names without the prefix that stands before each: "east-n[1-3],east-m7" is Slurm's "n[1-3],m7". */
static char *slurm_names(struct dure_arena *arena, const char *list, const char *prefix)
{
    const size_t length = strlen(prefix);
    char *names = dure_arena_alloc(arena, strlen(list) + 1), *to = names;
    bool begins = true;
    unsigned depth = 0;
    for (const char *at = list; names && *at;) {
        if (begins && strncmp(at, prefix, length) == 0) {
            at += length;
            begins = false;
            continue;
        }
        depth += *at == '[';
        depth -= *at == ']';
        begins = *at == ',' && depth == 0;
        *to++ = *at++;
    }
    return names;
}

/* Tasks on each of its nodes; 0: a rack that it has to itself holds fewer on its last ones. */
static uint32_t tasks_on_each(const struct dure_order *order)
{
    for (uint32_t i = 1; i < order->place_count; i++)
        if (order->places[i].tasks != order->places[0].tasks)
            return 0;
    return order->places[0].tasks;
}

static uint32_t gpus_on(const struct dure_place *place)
{
    return (uint32_t)__builtin_popcountll(place->gpu_mask);
}

static const char *impossible(const struct dure_order *order)
{
    for (uint32_t i = 0; i < order->place_count; i++) {
        if (gpus_on(&order->places[i]) != gpus_on(&order->places[0]))
            return "one Slurm job has the same number of GPUs on each of its nodes, and it was placed with others";
        if (order->places[i].starts)
            return "Slurm sites make no MIG instances: ask for whole GPUs, or name a site that makes them";
        if (order->places[i].gpu_milli < 1000)
            return "Slurm sites give whole GPUs only: ask for gpus: 1, or name a site that shares GPUs";
    }
    return NULL;
}

struct slurm_plan *slurm_plan_new(const struct dure_order *order, const struct dure_slurm_site *site,
                                  char reason[DURE_REASON_MAX + 1])
{
    const char *problem = impossible(order);
    if (problem) {
        snprintf(reason, DURE_REASON_MAX, "%s", problem);
        return NULL;
    }
    struct local_plan *copy = local_plan_new(order, false, reason);
    struct slurm_plan *plan = copy ? DURE_ARENA_NEW(copy->arena, struct slurm_plan, 1) : NULL;
    if (!plan) {
        if (copy)
            snprintf(reason, DURE_REASON_MAX, "out of memory");
        local_plan_free(copy);
        return NULL;
    }
    plan->order = copy;
    plan->nodelist = slurm_names(copy->arena, copy->spec.nodelist.data, site->node_prefix);
    plan->comment = copy->spec.is_array
                        ? dure_arena_printf(copy->arena, "dure job %" PRIu64 "_%" PRIu64 ", attempt %" PRIu64,
                                            copy->spec.job, copy->spec.array_index, copy->spec.attempt)
                        : dure_arena_printf(copy->arena, "dure job %" PRIu64 ", attempt %" PRIu64, copy->spec.job,
                                            copy->spec.attempt);
    plan->gpus_per_task = order->job->task_gpus;
    plan->gpus_per_node = gpus_on(&order->places[0]);
    plan->tasks_per_node = tasks_on_each(order);
    if (!plan->nodelist || !plan->comment || copy->spec.nodelist.length >= NODES_TEXT_MAX) {
        snprintf(reason, DURE_REASON_MAX, "%s",
                 plan->nodelist && plan->comment ? "the names of its nodes are too long for one Slurm job"
                                                 : "out of memory");
        slurm_plan_free(plan);
        return NULL;
    }
    return plan;
}

void slurm_plan_free(struct slurm_plan *plan)
{
    if (plan)
        local_plan_free(plan->order); /* its arena holds the plan too */
}

bool slurm_plan_has_steps(const struct slurm_plan *plan)
{
    const struct dure_spec *spec = &plan->order->spec;
    if (plan->order->runner && spec->script.length)
        return false; /* there is no srun in its container */
    return spec->script.length ? strstr(spec->script.data, "srun") != NULL : spec->tasks > 1;
}

bool slurm_shares_new(const struct dure_order *order, struct slurm_share **ret_shares, uint32_t *ret_count)
{
    uint32_t count = 0, at = 0;
    for (uint32_t i = 0; i < order->place_count; i++)
        count += order->places[i].node_count;
    struct slurm_share *shares = malloc((count ? count : 1) * sizeof *shares);
    if (!shares)
        return false;
    for (uint32_t i = 0; i < order->place_count; i++)
        for (uint32_t n = 0; n < order->places[i].node_count; n++)
            shares[at++] = (struct slurm_share){order->places[i].node_first + n, order->places[i].gpu_mask};
    *ret_shares = shares;
    *ret_count = count;
    return true;
}
