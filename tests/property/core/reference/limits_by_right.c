/* Lists of nodes and spreads by right. A spread inside a right's own cells is a matter of the private cluster; what names hardware, or is spread
 * over more than a cell, is sought on the cells that stand, and on more of them, bound for the trial where most of them can be used. */
#include "parts.h"

bool reference_by_hardware(const struct reference *reference, const struct reference_job *job, uint32_t right)
{
    return job->is_listed || (job->spread_max > 0 && job->spread_nodes > reference->rights[right].cell_nodes);
}

bool reference_is_wanted(const struct reference *reference, const struct trial *trial, uint32_t tenant, uint32_t first,
                         uint32_t nodes)
{
    const struct reference_plan *plan = &reference->plans[tenant];
    for (uint32_t i = 0; trial->beside_plan && plan->job && i < plan->cell_count; i++)
        if (plan->cells[i].is_new && plan->cells[i].first < first + nodes &&
            first < plan->cells[i].first + plan->cells[i].nodes)
            return true;
    return false;
}

bool reference_is_held(const struct reference *reference, uint32_t right, uint32_t index)
{
    const struct reference_plan *plan = &reference->plans[reference->rights[right].tenant];
    for (uint32_t i = 0; plan->job && i < plan->cell_count; i++)
        if (plan->cells[i].right == right && plan->cells[i].index == index)
            return !plan->cells[i].is_new;
    return false;
}

/* One right at a time. */
struct part {
    const struct reference *reference;
    const struct reference_job *job;
    uint32_t right, span;
    bool by_hardware;
    struct trial *trial;
    struct slots slots;
    struct takes takes;
};

/* Most of use; of those where fewest borrow; the one that would be bound without limits before others, and of those the first. NONE32: none is of any use. */
static uint32_t choose(const struct part *part)
{
    const struct reference *reference = part->reference;
    const struct reference_right *right = &reference->rights[part->right];
    const struct reference_chain *chain = &reference->chains[right->chain];
    const uint32_t nodes = right->cell_nodes,
                   usual = reference_choose_by_count(reference, part->trial, right->chain, nodes);
    uint32_t best = DURE_NONE32, most = 0;
    for (uint32_t n = 0; n <= (chain->end - chain->first) / nodes && usual != DURE_NONE32; n++) {
        const uint32_t cell = n == 0 ? usual : chain->first + (n - 1) * nodes;
        const uint32_t use = reference_use(reference, part->job, part->trial, &part->takes, cell, nodes);
        if (use < most || use == 0 || !reference_may_bind(reference, part->trial, cell, nodes) ||
            reference_is_wanted(reference, part->trial, reference->holders[part->job->tenant], cell, nodes) ||
            (use == most &&
             reference_borrowed_in(reference, cell, nodes) >= reference_borrowed_in(reference, best, nodes)))
            continue;
        best = cell;
        most = use;
    }
    return best;
}

/* Cells are bound for the trial until so many GPUs more could be used, each as if those before it were full; false: not one. */
static bool bind_more(struct part *part, uint32_t gpus)
{
    const struct reference *reference = part->reference;
    const struct reference_right *right = &reference->rights[part->right];
    struct trial *trial = part->trial;
    uint32_t found = 0;
    trial->expected_count = 0;
    trial->expected_tasks = right->cell_nodes * reference->node_gpus / part->job->gpus;
    for (uint32_t i = 0; i < right->count && found < gpus && !reference->hides_unbound; i++) {
        if (trial->bound[part->right][i] != DURE_NONE32 || !reference_has_begun(right) ||
            reference_is_unserved(right, i))
            continue;
        const uint32_t cell = choose(part);
        if (cell == DURE_NONE32)
            break;
        found += reference_use(reference, part->job, trial, &part->takes, cell, right->cell_nodes);
        trial->bound[part->right][i] = cell;
        trial->fresh[trial->fresh_count++] = (struct reference_cell){part->right, i, cell, right->cell_nodes, true};
        if (part->job->spread_max > 0 && part->job->spread_nodes >= right->cell_nodes)
            trial->expected[trial->expected_count++] = cell;
    }
    trial->expected_count = 0;
    return found > 0;
}

/* As many of the tasks as there is room for; inside one cell of a level all or none. */
static uint32_t place_part(struct part *part, uint32_t tasks)
{
    for (;;) {
        part->slots.count = 0;
        reference_list_slots(part->reference, part->right, part->trial, &part->slots);
        for (uint32_t i = 0; !part->by_hardware && i < part->slots.count; i++)
            part->slots.at[i].is_nowhere = false;
        const uint32_t done = reference_fit_limited(part->reference, part->job, part->trial, &part->slots, part->span,
                                                    tasks, &part->takes);
        if (done == tasks || !part->by_hardware || !bind_more(part, (tasks - done) * part->job->gpus))
            return done;
    }
}

static void keep(struct trial *trial, uint32_t slot, uint64_t mask, uint32_t tasks, struct dure_binding binding)
{
    trial->named[trial->virtual_count] = binding;
    trial->virtuals[trial->virtual_count++] =
        (struct dure_place){.node_first = slot, .node_count = 1, .gpu_mask = mask, .tasks = tasks, .gpu_milli = 1000};
}

/* For a planned start: what was taken; and all the rest of cells that are to be bound for it. */
static void note(const struct part *part)
{
    struct trial *trial = part->trial;
    const uint32_t nodes = part->reference->rights[part->right].cell_nodes;
    for (uint32_t t = 0; t < part->takes.count; t++) {
        const struct slot *slot = part->takes.at[t];
        struct dure_binding binding = {.allot = {part->right}};
        if (part->by_hardware) {
            binding.virtual_index = slot->index;
            binding.cell_index =
                reference_cell_at(part->reference, part->right, trial->bound[part->right][slot->index]);
            for (uint32_t i = 0; i < trial->fresh_count; i++)
                binding.is_new |= trial->fresh[i].right == part->right && trial->fresh[i].index == slot->index;
        }
        keep(trial, slot->index * nodes + slot->offset, reference_taken(part->job, slot), slot->tasks, binding);
        trial->noted[trial->noted_count].line = slot->line;
        trial->noted[trial->noted_count++].tasks = slot->tasks;
    }
    const uint32_t taken = trial->virtual_count;
    for (uint32_t i = 0; part->by_hardware && i < trial->fresh_count; i++)
        for (uint32_t k = 0; trial->fresh[i].right == part->right && k < nodes; k++) {
            const uint32_t slot = trial->fresh[i].index * nodes + k;
            uint64_t rest = (UINT64_C(1) << part->reference->node_gpus) - 1;
            for (uint32_t v = 0; v < taken; v++)
                if (trial->named[v].allot.v == part->right && trial->virtuals[v].node_first == slot)
                    rest &= ~trial->virtuals[v].gpu_mask;
            if (rest)
                keep(trial, slot, rest, 0,
                     (struct dure_binding){.allot = {part->right},
                                           .virtual_index = trial->fresh[i].index,
                                           .cell_index =
                                               reference_cell_at(part->reference, part->right, trial->fresh[i].first),
                                           .is_new = 1});
        }
}

void reference_keep_empty(const struct reference *reference, uint32_t right, uint32_t index, struct trial *trial)
{
    const struct reference_right *r = &reference->rights[right];
    const uint32_t first = r->bound[index];
    bool is_in_way = false;
    for (uint32_t i = 0; i < trial->virtual_count; i++) {
        const struct dure_binding *b = &trial->named[i];
        const uint32_t nodes = reference->rights[b->allot.v].cell_nodes,
                       cell = reference_first_of(reference, b->allot.v, b->cell_index);
        if (b->allot.v == right && b->virtual_index == index && trial->bound[right][index] != DURE_NONE32)
            return;
        is_in_way |= b->is_new && cell < first + r->cell_nodes && first < cell + nodes;
    }
    for (uint32_t k = 0; is_in_way && k < r->cell_nodes; k++)
        keep(trial, index * r->cell_nodes + k, (UINT64_C(1) << reference->node_gpus) - 1, 0,
             (struct dure_binding){.allot = {right},
                                   .virtual_index = index,
                                   .cell_index = reference_cell_at(reference, right, first),
                                   .is_new = 1});
}

/* Cells that were bound for the trial and are not used after all. */
static void forget_unused(struct trial *trial)
{
    for (uint32_t i = 0; i < trial->fresh_count; i++) {
        bool used = false;
        for (uint32_t k = 0; k < trial->binding_count; k++)
            used |= trial->bindings[k].allot.v == trial->fresh[i].right &&
                    trial->bindings[k].virtual_index == trial->fresh[i].index;
        if (!used)
            trial->bound[trial->fresh[i].right][trial->fresh[i].index] = DURE_NONE32;
    }
}

bool reference_place_limited(const struct reference *reference, const struct reference_job *job, uint32_t right,
                             uint32_t span, bool now, struct trial *trial)
{
    struct part part = {.reference = reference,
                        .job = job,
                        .right = right,
                        .span = span,
                        .by_hardware = reference_by_hardware(reference, job, right),
                        .trial = trial};
    uint32_t tasks = job->tasks;
    reference_begin_trial(reference, job, trial);
    trial->is_many = true;
    if (job->milli < 1000 && now && (span == 0 || tasks == 1))
        tasks = reference_fill(reference, job, reference->rights[right].chain, right, trial);
    if (tasks > 0 && place_part(&part, tasks) < tasks)
        return false;
    if (!now)
        note(&part);
    else if (!reference_realise(reference, job, &part.takes, tasks, trial))
        return false;
    if (now)
        forget_unused(trial);
    return true;
}

bool reference_place_limited_over_all(const struct reference *reference, const struct reference_job *job,
                                      uint32_t chain, bool now, struct trial *trial)
{
    uint32_t left = job->tasks;
    reference_begin_trial(reference, job, trial);
    trial->is_many = true;
    for (uint32_t r = 0; r < reference->right_count && left > 0; r++) {
        struct part part = {.reference = reference,
                            .job = job,
                            .right = r,
                            .by_hardware = reference_by_hardware(reference, job, r),
                            .trial = trial};
        const uint32_t most = job->tasks_per_node > 0 ? left / job->tasks_per_node * job->tasks_per_node : left;
        const bool may = reference->rights[r].chain == chain && most > 0 &&
                         reference->rights[r].tenant == reference->holders[job->tenant];
        const uint32_t done = may ? place_part(&part, most) : 0;
        if (done == 0)
            continue;
        if (!now)
            note(&part);
        else if (!reference_realise(reference, job, &part.takes, done, trial))
            return false;
        left -= done;
    }
    if (now)
        forget_unused(trial);
    return left == 0;
}
