/* Lists of nodes, and spreads: every node is asked whether it may be used, and how many tasks may still come there. */
#include "parts.h"

bool reference_is_limited(const struct reference_job *job)
{
    return job->is_listed || job->spread_max > 0 || job->is_fenced;
}

/* Tasks that its spread still lets stand here in line, after those that are placed, or taken, or expected on cells bound for the trial. */
static uint32_t spread_room(const struct reference_job *job, uint32_t line, const struct trial *trial,
                            const struct takes *takes)
{
    const uint32_t cell = job->spread_max > 0 ? line / job->spread_nodes : 0;
    uint32_t tasks = 0;
    if (job->spread_max == 0)
        return UINT32_MAX;
    for (uint32_t i = 0; i < trial->place_count; i++)
        if (trial->places[i].node_first / job->spread_nodes == cell)
            tasks += trial->places[i].tasks;
    for (uint32_t t = 0; t < takes->count; t++)
        if (takes->at[t]->line / job->spread_nodes == cell)
            tasks += takes->at[t]->tasks;
    for (uint32_t i = 0; i < trial->noted_count; i++)
        if (trial->noted[i].line / job->spread_nodes == cell)
            tasks += trial->noted[i].tasks;
    for (uint32_t i = 0; i < trial->expected_count; i++)
        if (trial->expected[i] / job->spread_nodes == cell)
            tasks += trial->expected_tasks;
    return tasks < job->spread_max ? job->spread_max - tasks : 0;
}

uint32_t reference_limit(const struct reference *reference, const struct reference_job *job, uint32_t node,
                         const struct trial *trial)
{
    const struct takes none = {.count = 0};
    if ((job->is_listed && !(job->nodes >> node & 1)) ||
        (job->is_fenced && reference_is_apart(reference, job, node, trial)))
        return 0;
    return spread_room(job, node, trial, &none);
}

struct search {
    const struct reference *reference;
    const struct reference_job *job;
    const struct trial *trial;
    struct slots *slots;
    struct takes *takes;
};

static uint32_t gpus_of(const struct reference_job *job, uint32_t tasks)
{
    const uint32_t per_gpu = job->milli < 1000 ? job->per_gpu : 0;
    return per_gpu > 0 ? (tasks + per_gpu - 1) / per_gpu : tasks * job->gpus;
}

static uint32_t tasks_on(const struct reference_job *job, uint32_t gpus)
{
    return job->milli < 1000 ? gpus * job->per_gpu : gpus / job->gpus;
}

static uint32_t room_on(const struct search *s, const struct slot *slot)
{
    if (slot->tasks > 0 || slot->is_nowhere || (s->job->is_listed && !(s->job->nodes >> slot->line & 1)))
        return 0;
    if (s->job->is_fenced && slot->line < s->reference->node_count &&
        reference_is_apart(s->reference, s->job, slot->line, s->trial))
        return 0;
    return spread_room(s->job, slot->line, s->trial, s->takes);
}

static void take(const struct search *s, struct slot *slot, uint32_t tasks)
{
    slot->tasks = tasks;
    s->takes->at[s->takes->count++] = slot;
}

static void give_up(const struct search *s)
{
    while (s->takes->count > 0)
        s->takes->at[--s->takes->count]->tasks = 0;
}

/* All on one node, the tightest of those from `first` on that will do. */
static bool fit_one(const struct search *s, uint32_t first, uint32_t count, uint32_t tasks)
{
    struct slot *best = NULL;
    for (uint32_t i = first; i < first + count; i++) {
        struct slot *slot = &s->slots->at[i];
        if (reference_ones(slot->idle) >= gpus_of(s->job, tasks) && room_on(s, slot) >= tasks &&
            (!best || reference_ones(slot->idle) < reference_ones(best->idle)))
            best = slot;
    }
    if (best)
        take(s, best, tasks);
    return best != NULL;
}

/* The emptiest nodes first; where a node takes exactly so many the fullest first, and one for the rest. Says how many it placed. */
static uint32_t fit_many(const struct search *s, uint32_t first, uint32_t count, uint32_t tasks)
{
    const uint32_t exact = s->job->milli < 1000 ? 0 : s->job->tasks_per_node;
    uint32_t left = tasks;
    for (uint32_t k = 1; k <= s->reference->node_gpus; k++) {
        const uint32_t size = exact > 0 ? k : s->reference->node_gpus + 1 - k, can = tasks_on(s->job, size);
        for (uint32_t i = first; i < first + count && left > 0; i++) {
            const uint32_t room = reference_ones(s->slots->at[i].idle) == size ? room_on(s, &s->slots->at[i]) : 0;
            uint32_t here = exact > 0 ? exact : can;
            here = here < room ? here : room;
            here = here < left ? here : left;
            if (here == 0 || can < here || here < exact)
                continue;
            take(s, &s->slots->at[i], here);
            left -= here;
        }
    }
    if (left > 0 && left < exact && fit_one(s, first, count, left))
        left = 0;
    return tasks - left;
}

static uint32_t idle_in(const struct search *s, uint32_t first, uint32_t count)
{
    uint32_t idle = 0;
    for (uint32_t i = first; i < first + count; i++)
        idle += reference_ones(s->slots->at[i].idle);
    return idle;
}

/* The cell with fewest idle GPUs that has room. */
static bool fit_cell(const struct search *s, uint32_t span, uint32_t tasks)
{
    for (uint32_t idle = gpus_of(s->job, tasks); idle <= span * s->reference->node_gpus; idle++)
        for (uint32_t first = 0; first + span <= s->slots->count; first += span) {
            if (idle_in(s, first, span) == idle && fit_many(s, first, span, tasks) == tasks)
                return true;
            give_up(s);
        }
    return false;
}

uint32_t reference_fit_limited(const struct reference *reference, const struct reference_job *job,
                               const struct trial *trial, struct slots *slots, uint32_t span, uint32_t tasks,
                               struct takes *takes)
{
    const struct search s = {reference, job, trial, slots, takes};
    takes->count = 0;
    if (gpus_of(job, tasks) <= reference->node_gpus &&
        (job->milli < 1000 || job->tasks_per_node == 0 || tasks <= job->tasks_per_node) &&
        fit_one(&s, 0, slots->count, tasks))
        return tasks;
    if (span == 1)
        return 0;
    if (span > 0)
        return fit_cell(&s, span, tasks) ? tasks : 0;
    return fit_many(&s, 0, slots->count, tasks);
}

uint32_t reference_use(const struct reference *reference, const struct reference_job *job, const struct trial *trial,
                       const struct takes *takes, uint32_t first, uint32_t nodes)
{
    const uint32_t step = job->spread_max > 0 && job->spread_nodes < nodes ? job->spread_nodes : nodes;
    uint32_t listed = 0, tasks = 0;
    for (uint32_t node = first; node < first + nodes; node++)
        listed += !job->is_listed || (job->nodes >> node & 1);
    for (uint32_t node = first; job->spread_max > 0 && node < first + nodes; node += step)
        tasks += spread_room(job, node, trial, takes);
    const uint32_t gpus = listed * reference->node_gpus;
    return job->spread_max > 0 && tasks * job->gpus < gpus ? tasks * job->gpus : gpus;
}

uint64_t reference_taken(const struct reference_job *job, const struct slot *slot)
{
    if (slot->exact > 0)
        return slot->exact;
    return reference_lowest(slot->idle,
                            reference_is_limited(job) ? gpus_of(job, slot->tasks) : slot->tasks * job->gpus);
}
