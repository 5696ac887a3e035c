#include "bench/recount.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 1 << 20, HOLD_EVERY = 65536, NUMBERS_MAX = 1 << 15 };

struct job {
    uint32_t tenant, above, guaranteed, tasks, gpus, level, running;
};

struct attempt {
    uint32_t job;
    uint32_t place_count;
    uint32_t *places; /* four words each; NULL: not running */
};

struct count {
    const struct recount_fleet *fleet;
    FILE *log;
    char *text;
    size_t size;
    uint32_t node_count;
    uint8_t *used;                       /* by node: GPUs taken */
    uint32_t *bound;                     /* by node: 1 + the right that its cell serves */
    uint32_t *cells[RECOUNT_RIGHTS_MAX]; /* by a right's number: 1 + the cell */
    uint32_t bound_count[RECOUNT_RIGHTS_MAX];
    struct job *jobs;
    struct attempt *attempts;
    uint64_t job_count, job_room, attempt_room, gpus;
    uint64_t drawn_mw[RECOUNT_GROUPS_MAX];
    uint32_t words[WORDS_MAX];
    struct recount_sums sums;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct count *count, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(count->text, count->size, format, args);
    va_end(args);
    return false;
}

static bool words(struct count *count, uint32_t *to, size_t n)
{
    return fread(to, sizeof *to, n, count->log) == n || wrong(count, "the log ends inside an event");
}

static void *grown(void *list, uint64_t *room, uint64_t want, size_t each)
{
    uint64_t next = *room == 0 ? 65536 : *room;
    while (next <= want)
        next *= 2;
    if (next == *room)
        return list;
    char *more = realloc(list, next * each);
    if (more != NULL) {
        memset(more + *room * each, 0, (next - *room) * each);
        *room = next;
    }
    return more;
}

static bool read_job(struct count *count)
{
    uint32_t w[7];
    if (!words(count, w, 7))
        return false;
    if (w[0] != count->job_count + 1)
        return wrong(count, "job %" PRIu32 " follows job %" PRIu64, w[0], count->job_count);
    struct job *jobs = grown(count->jobs, &count->job_room, w[0], sizeof *jobs);
    if (jobs == NULL)
        return wrong(count, "out of memory");
    count->jobs = jobs;
    count->job_count = w[0];
    jobs[w[0]] = (struct job){w[1], w[2], w[3], w[4], w[5], w[6], 0};
    return true;
}

/* The nodes of a cell; false: the group has no such whole cell. */
static bool cell_nodes(const struct recount_group *group, uint32_t nodes, uint32_t cell, uint32_t *ret_first)
{
    if (nodes == 0 || cell >= group->node_count / nodes)
        return false;
    *ret_first = group->node_first + cell * nodes;
    return true;
}

static bool bind(struct count *count, const struct job *job, const uint32_t *w)
{
    uint32_t first, mark = w[0] + 1;
    if (w[0] >= count->fleet->right_count || w[1] >= NUMBERS_MAX)
        return wrong(count, "right %" PRIu32 " is unknown", w[0]);
    const struct recount_right *right = &count->fleet->rights[w[0]];
    if (right->tenant != job->tenant && right->tenant != job->above)
        return wrong(count, "tenant %" PRIu32 " uses right %" PRIu32 " of tenant %" PRIu32, job->tenant, w[0],
                     right->tenant);
    if (!cell_nodes(&count->fleet->groups[right->group], right->cell_nodes, w[2], &first))
        return wrong(count, "right %" PRIu32 " is bound to cell %" PRIu32 ", which is not whole", w[0], w[2]);
    if (w[3] == 0)
        return count->cells[w[0]][w[1]] == w[2] + 1 ||
               wrong(count, "cell %" PRIu32 " of right %" PRIu32 " is used, but not bound", w[1], w[0]);
    if (count->cells[w[0]][w[1]] != 0 || ++count->bound_count[w[0]] > right->count)
        return wrong(count, "right %" PRIu32 " is bound to more cells than its %" PRIu32, w[0], right->count);
    count->cells[w[0]][w[1]] = w[2] + 1;
    for (uint32_t node = first; node < first + right->cell_nodes; node++) {
        if (count->bound[node] != 0)
            return wrong(count, "node %" PRIu32 " serves rights %" PRIu32 " and %" PRIu32, node, count->bound[node] - 1,
                         w[0]);
        count->bound[node] = mark;
    }
    return true;
}

static bool unbind(struct count *count)
{
    uint32_t w[2], first;
    if (!words(count, w, 2))
        return false;
    if (w[0] >= count->fleet->right_count || w[1] >= NUMBERS_MAX || count->cells[w[0]][w[1]] == 0)
        return wrong(count, "cell %" PRIu32 " of right %" PRIu32 " is let go, but not bound", w[1], w[0]);
    const struct recount_right *right = &count->fleet->rights[w[0]];
    if (!cell_nodes(&count->fleet->groups[right->group], right->cell_nodes, count->cells[w[0]][w[1]] - 1, &first))
        return wrong(count, "right %" PRIu32 " was bound to a cell that is not whole", w[0]);
    count->cells[w[0]][w[1]] = 0;
    count->bound_count[w[0]]--;
    memset(&count->bound[first], 0, right->cell_nodes * sizeof count->bound[0]);
    return true;
}

static const struct recount_group *group_of(const struct count *count, uint32_t node)
{
    for (uint32_t i = 0; i < count->fleet->group_count; i++)
        if (node - count->fleet->groups[i].node_first < count->fleet->groups[i].node_count)
            return &count->fleet->groups[i];
    return NULL;
}

static bool may_use(const struct count *count, uint32_t node, const uint32_t *bindings, uint32_t binding_count)
{
    for (uint32_t i = 0; i < binding_count; i++) {
        const struct recount_right *right = &count->fleet->rights[bindings[4 * i]];
        uint32_t first;
        if (cell_nodes(&count->fleet->groups[right->group], right->cell_nodes, bindings[4 * i + 2], &first) &&
            node - first < right->cell_nodes)
            return true;
    }
    return false;
}

/* One node of a start. `group` and `cell`: where the gang's first node stands. */
static bool take(struct count *count, const struct job *job, uint32_t node, const uint32_t *place,
                 const struct recount_group **group, uint32_t *cell)
{
    const uint32_t mask = place[2];
    const struct recount_group *at = group_of(count, node);
    if (at == NULL || mask == 0 || mask >> RECOUNT_NODE_GPUS != 0)
        return wrong(count, "node %" PRIu32 " or its GPUs %" PRIx32 " do not exist", node, mask);
    if ((uint32_t)__builtin_popcount(mask) != place[3] * job->gpus)
        return wrong(count, "node %" PRIu32 ": %d GPUs for %" PRIu32 " tasks of %" PRIu32, node,
                     __builtin_popcount(mask), place[3], job->gpus);
    if ((count->used[node] & mask) != 0)
        return wrong(count, "node %" PRIu32 ": GPUs %" PRIx32 " are given twice", node, count->used[node] & mask);
    if (job->level != 0) {
        uint32_t mine = (node - at->node_first) / job->level;
        if (*group == NULL)
            *cell = mine;
        if ((*group != NULL && (*group != at || *cell != mine)) || mine >= at->node_count / job->level)
            return wrong(count, "a gang is not inside one cell of %" PRIu32 " nodes: node %" PRIu32, job->level, node);
    }
    *group = at;
    uint64_t *drawn = &count->drawn_mw[at - count->fleet->groups];
    *drawn += (uint32_t)__builtin_popcount(mask) * at->gpu_mw;
    if (at->limit_mw > 0 && *drawn > at->limit_mw)
        return wrong(count, "node %" PRIu32 ": its group draws %" PRIu64 " mW, its limit is %" PRIu64, node, *drawn,
                     at->limit_mw);
    count->used[node] |= (uint8_t)mask;
    count->gpus += (uint32_t)__builtin_popcount(mask);
    return true;
}

static bool occupy(struct count *count, struct job *job, const uint32_t *head, const uint32_t *places,
                   const uint32_t *bindings)
{
    const struct recount_group *group = NULL;
    uint32_t cell = 0, tasks = 0;
    for (uint32_t i = 0; i < head[2]; i++) {
        const uint32_t *place = &places[4 * i];
        for (uint32_t node = place[0]; node - place[0] < place[1]; node++) {
            if (!take(count, job, node, place, &group, &cell))
                return false;
            if (job->guaranteed && !may_use(count, node, bindings, head[3]))
                return wrong(count, "job %" PRIu32 " is guaranteed, but node %" PRIu32 " is in no cell bound to it",
                             head[0], node);
        }
        tasks += place[1] * place[3];
    }
    if (tasks != job->tasks)
        return wrong(count, "job %" PRIu32 " has %" PRIu32 " tasks, %" PRIu32 " started", head[0], job->tasks, tasks);
    struct attempt *attempts = grown(count->attempts, &count->attempt_room, head[1], sizeof *attempts);
    if (attempts == NULL)
        return wrong(count, "out of memory");
    count->attempts = attempts;
    uint32_t *kept = malloc(head[2] * 4 * sizeof *kept);
    if (kept == NULL)
        return wrong(count, "out of memory");
    memcpy(kept, places, head[2] * 4 * sizeof *kept);
    attempts[head[1]] = (struct attempt){head[0], head[2], kept};
    job->running = 1;
    count->sums.starts++;
    if (count->gpus > count->sums.gpus_peak)
        count->sums.gpus_peak = count->gpus;
    return true;
}

static bool started(struct count *count, bool start)
{
    uint32_t head[4];
    if (!words(count, head, 4))
        return false;
    if (head[0] == 0 || head[0] > count->job_count || count->jobs[head[0]].running)
        return wrong(count, "job %" PRIu32 " is unknown or runs already", head[0]);
    if (start && (head[1] == 0 || (head[1] < count->attempt_room && count->attempts[head[1]].job != 0)))
        return wrong(count, "attempt %" PRIu32 " starts twice", head[1]);
    if (head[2] == 0 || head[2] > WORDS_MAX / 8 || head[3] > WORDS_MAX / 8 ||
        !words(count, count->words, 4ul * (head[2] + head[3])))
        return wrong(count, "a start of job %" PRIu32 " without end", head[0]);
    struct job *job = &count->jobs[head[0]];
    const uint32_t *bindings = &count->words[4 * head[2]];
    if (job->guaranteed != (head[3] > 0))
        return wrong(count, "job %" PRIu32 ": guaranteed %" PRIu32 ", cells bound %" PRIu32, head[0], job->guaranteed,
                     head[3]);
    for (uint32_t i = 0; i < head[3]; i++)
        if (!bind(count, job, &bindings[4 * i]))
            return false;
    return !start || occupy(count, job, head, count->words, bindings);
}

static bool gone(struct count *count)
{
    uint32_t id;
    if (!words(count, &id, 1))
        return false;
    struct attempt *attempt = id < count->attempt_room ? &count->attempts[id] : NULL;
    if (attempt == NULL || attempt->places == NULL)
        return wrong(count, "attempt %" PRIu32 " ends, but does not run", id);
    for (uint32_t i = 0; i < attempt->place_count; i++) {
        const uint32_t *place = &attempt->places[4 * i];
        for (uint32_t node = place[0]; node - place[0] < place[1]; node++) {
            const struct recount_group *group = group_of(count, node);
            count->used[node] &= (uint8_t)~place[2];
            count->drawn_mw[group - count->fleet->groups] -= (uint32_t)__builtin_popcount(place[2]) * group->gpu_mw;
        }
        count->gpus -= place[1] * (uint32_t)__builtin_popcount(place[2]);
    }
    free(attempt->places);
    attempt->places = NULL;
    count->jobs[attempt->job].running = 0;
    return true;
}

/* What is promised and not bound needs as many whole cells that serve nobody. The rights of one group are of one size. */
static bool promises_hold(struct count *count)
{
    for (uint32_t g = 0; g < count->fleet->group_count; g++) {
        uint32_t owed = 0, nodes = 0, free_cells = 0, first;
        for (uint32_t i = 0; i < count->fleet->right_count; i++)
            if (count->fleet->rights[i].group == g) {
                nodes = count->fleet->rights[i].cell_nodes;
                owed += count->fleet->rights[i].count - count->bound_count[i];
            }
        for (uint32_t cell = 0; cell_nodes(&count->fleet->groups[g], nodes, cell, &first); cell++) {
            uint32_t node = first;
            while (node < first + nodes && count->bound[node] == 0)
                node++;
            free_cells += node == first + nodes;
        }
        if (free_cells < owed)
            return wrong(count, "group %" PRIu32 " still owes %" PRIu32 " cells and has %" PRIu32, g, owed, free_cells);
    }
    return true;
}

static bool replay(struct count *count)
{
    uint32_t kind;
    uint64_t events = 0;
    while (fread(&kind, sizeof kind, 1, count->log) == 1) {
        bool fine = kind == RECOUNT_JOB                                ? read_job(count)
                    : kind == RECOUNT_START || kind == RECOUNT_RESERVE ? started(count, kind == RECOUNT_START)
                    : kind == RECOUNT_GONE                             ? gone(count)
                    : kind == RECOUNT_UNBIND                           ? unbind(count)
                                             : wrong(count, "event %" PRIu32 " is unknown", kind);
        if (!fine || (++events % HOLD_EVERY == 0 && !promises_hold(count)))
            return false;
    }
    return (ferror(count->log) == 0 || wrong(count, "the log cannot be read")) && promises_hold(count);
}

bool recount(const struct recount_fleet *fleet, FILE *log, struct recount_sums *ret_sums, char *text, size_t size)
{
    struct count *count = calloc(1, sizeof *count);
    if (count == NULL) {
        snprintf(text, size, "out of memory");
        return false;
    }
    *count = (struct count){.fleet = fleet, .log = log, .text = text, .size = size};
    for (uint32_t i = 0; i < fleet->group_count; i++)
        count->node_count += fleet->groups[i].node_count;
    count->used = calloc(count->node_count, sizeof *count->used);
    count->bound = calloc(count->node_count, sizeof *count->bound);
    bool fine = count->used != NULL && count->bound != NULL;
    for (uint32_t i = 0; i < fleet->right_count; i++)
        fine &= (count->cells[i] = calloc(NUMBERS_MAX, sizeof(uint32_t))) != NULL;
    fine = fine ? replay(count) : wrong(count, "out of memory");
    *ret_sums = count->sums;
    for (uint64_t i = 0; i < count->attempt_room; i++)
        free(count->attempts[i].places);
    for (uint32_t i = 0; i < fleet->right_count; i++)
        free(count->cells[i]);
    free(count->attempts);
    free(count->jobs);
    free(count->bound);
    free(count->used);
    free(count);
    return fine;
}
