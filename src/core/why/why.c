#include "core/why.h"

#include <string.h>

#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/decide/decide.h"
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/queue/ceilings.h"
#include "core/queue/queue.h"
#include "core/state/attempts.h"
#include "core/state/jobs.h"
#include "core/why/changes.h"
#include "core/why/cross.h"
#include "core/why/estimate.h"
#include "core/why/others.h"
#include "core/why/rows.h"
#include "core/why/wait.h"

enum { AHEAD_MAX = 512 };

/* Jobs of this class that are before `job`. */
static uint32_t count_before(const struct dure_core *core, const struct class *class, const struct job *job)
{
    uint32_t count = 0;
    for (uint32_t at = class->first; at != NONE && job_at(core, at)->d.id < job->d.id; at = job_at(core, at)->next)
        count++;
    for (uint32_t k = 0; k < class->late.count; k++)
        count += class->late.at[k].id < job->d.id;
    return count;
}

struct line {
    const struct dure_core *core;
    struct ahead ahead[AHEAD_MAX];
    uint32_t slots[AHEAD_MAX]; /* classes */
    uint32_t count, jobs;
    bool borrowed;
};

/* Kept in order; what comes last falls out when there are too many. */
static void line_add(struct line *line, uint32_t class_slot, uint32_t count)
{
    const struct class *class = class_at(line->core, class_slot);
    line->jobs += count;
    if (!count)
        return;
    uint32_t at = line->count < AHEAD_MAX ? line->count++ : AHEAD_MAX - 1;
    for (; at && order_before(line->core, line->borrowed, class, class_at(line->core, line->slots[at - 1])); at--) {
        line->slots[at] = line->slots[at - 1];
        line->ahead[at] = line->ahead[at - 1];
    }
    const struct job *head = job_at(line->core, class_head(line->core, class));
    line->slots[at] = class_slot;
    line->ahead[at] = (struct ahead){request_milli(&class->ask, class->ask.tasks), class->ask.walltime_us, count,
                                     class->ask.tenant, head->d.id};
}

/* Who is before a job in its queue. NULL `job`: before one submitted now: its tenant's of its priority, and by right all of higher. */
static void line_up(const struct dure_core *core, const struct request *ask, const struct job *job, struct line *line)
{
    const uint32_t queue = queue_of(core, ask);
    *line = (struct line){.core = core, .borrowed = queue == queue_of_borrowed(core)};
    if (job && job->where == WHERE_OUT)
        return;
    for (uint32_t i = 0; i < core->queues[queue].count; i++) {
        const uint32_t slot = core->queues[queue].classes[i];
        const struct class *class = class_at(core, slot);
        const bool peers = class->ask.tenant == ask->tenant && class->ask.priority == ask->priority;
        uint32_t before = peers || (!line->borrowed && class->ask.priority > ask->priority) ? class->count : 0;
        if (peers && job)
            before = count_before(core, class, job);
        else if (!peers && job)
            before = order_before(core, line->borrowed, class, job->class) ? class->count : 0;
        line_add(line, slot, before);
    }
}

/* When the first of its holder's allotments that could carry it begins; 0: none is to come. */
static int64_t begins(const struct dure_core *core, const struct request *ask)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    int64_t first = 0;
    for (uint32_t id = holder == NONE ? NONE : core->tenant[holder].first_allot; id != NONE;
         id = core->allots[id]->next_of_holder) {
        const struct allot *allot = core->allots[id];
        if (allot->state == DURE_ALLOT_PROMISED && plan_suits(core, ask, allot) &&
            (!first || allot->spec.from_us < first))
            first = allot->spec.from_us;
    }
    return first;
}

static const char *refusal(const struct dure_core *core, const struct dure_why_row *row, struct dure_arena *arena)
{
    const char *chain = core->fleet->chains[row->chain.v].name;
    char text[DURE_TIME_TEXT_MAX];
    if (row->rule == DURE_RULE_NOT_YET)
        return dure_arena_printf(arena, "nearest is %s: %s; it does in %s.", chain, dure_rule_text(row->rule),
                                 dure_duration_format(row->have * DURE_SECOND_US, text));
    if (row->rule == DURE_RULE_NOTICE) {
        char notice[DURE_TIME_TEXT_MAX];
        return dure_arena_printf(arena, "nearest is %s: %s (%s, and %s).", chain, dure_rule_text(row->rule),
                                 dure_duration_format(row->need * DURE_SECOND_US, text),
                                 dure_duration_format(row->have * DURE_SECOND_US, notice));
    }
    if (!row->need && !row->have)
        return dure_arena_printf(arena, "nearest is %s: %s.", chain, dure_rule_text(row->rule));
    if (!row->need)
        return dure_arena_printf(arena, "nearest is %s: %s (%lld %s).", chain, dure_rule_text(row->rule),
                                 (long long)row->have, row->unit);
    return dure_arena_printf(arena, "nearest is %s: %s (needs %lld, %lld %s).", chain, dure_rule_text(row->rule),
                             (long long)row->need, (long long)row->have, row->unit);
}

static const char *milli_text(uint64_t milli, struct dure_arena *arena)
{
    return milli % 1000 ? dure_arena_printf(arena, "%llu.%03llu", (unsigned long long)(milli / 1000),
                                            (unsigned long long)(milli % 1000))
                        : dure_arena_printf(arena, "%llu", (unsigned long long)(milli / 1000));
}

static const char *ceiling_sentence(const struct dure_core *core, const struct dure_why *why, struct dure_arena *arena)
{
    const uint32_t slot = job_find(core, why->job.id.v);
    const struct ceiling_stop stop = slot != NONE ? ceiling_stops(core, job_ask(core, job_at(core, slot)))
                                                  : (struct ceiling_stop){.kind = CEILING_NONE};
    if (!stop.kind)
        return "It waits for a ceiling of its tenant.";
    const char *path = core->tenants->tenants[stop.tenant].path;
    const bool user = stop.kind == CEILING_USER_GPUS || stop.kind == CEILING_USER_JOBS;
    const char *whose = user ? " for each user" : "";
    if (stop.kind == CEILING_JOBS || stop.kind == CEILING_USER_JOBS)
        return dure_arena_printf(arena, "It waits at a ceiling: '%s' may run %llu jobs%s, and %llu run.", path,
                                 (unsigned long long)stop.most, whose, (unsigned long long)stop.held);
    return dure_arena_printf(arena, "It waits at a ceiling: '%s' may use %s GPUs%s; %s are in use and it asks for %s.",
                             path, milli_text(stop.most, arena), whose, milli_text(stop.held, arena),
                             milli_text(stop.asked, arena));
}

/* Its own planned start; "" when none is planned. */
static const char *plan_sentence(const struct dure_core *core, const struct dure_why *why, struct dure_arena *arena)
{
    char text[DURE_TIME_TEXT_MAX];
    const int64_t in_us = why->job.planned_us - core->s.time_us;
    if (why->job.planned_us) {
        dure_duration_format(in_us > 0 ? in_us : 0, text);
        const char *said = dure_arena_printf(arena, " Its start is planned on %s in %s, at the latest.",
                                             core->fleet->chains[why->job.planned_chain.v].name, text);
        return said ? said : "";
    }
    return "";
}

/* What is idle is kept for another. */
static const char *kept_sentence(const struct dure_core *core, const struct dure_why *why,
                                 const struct dure_why_row *row, struct dure_arena *arena)
{
    char text[DURE_TIME_TEXT_MAX];
    const int64_t in_us = why->kept_until_us - core->s.time_us;
    return dure_arena_printf(arena,
                             "It would fit on %s, but GPUs are kept for job %llu, whose start is planned in %s at the "
                             "latest, and it would not be gone by then.",
                             core->fleet->chains[row->chain.v].name, (unsigned long long)why->kept_for.v,
                             dure_duration_format(in_us > 0 ? in_us : 0, text));
}

static const char *pending_sentence(const struct dure_core *core, const struct dure_why *why, struct dure_arena *arena)
{
    char text[DURE_TIME_TEXT_MAX];
    switch (why->wait) {
    case DURE_WAIT_HELD: return "It is held; `dure release` lets it go on.";
    case DURE_WAIT_DEPENDENCY: return "It waits for other jobs to end first.";
    case DURE_WAIT_BEGIN_TIME:
        return dure_arena_printf(arena, "It is not to begin before %s.",
                                 dure_time_format_utc(why->job.job->begin_us, text));
    case DURE_WAIT_ARRAY_LIMIT:
        return dure_arena_printf(arena, "%u elements of its array run, as many as it allows at a time.",
                                 why->job.job->array_limit);
    case DURE_WAIT_CEILING_GPUS:
    case DURE_WAIT_CEILING_JOBS:
    case DURE_WAIT_CEILING_USER_GPUS:
    case DURE_WAIT_CEILING_USER_JOBS: return ceiling_sentence(core, why, arena);
    case DURE_WAIT_PREEMPTING: return "Its place is chosen; it starts as soon as the borrowers on it have left.";
    default: break;
    }
    const struct dure_why_row *row = rows_nearest(why);
    if (!row)
        return "There is no fleet.";
    if (why->kept_for.v)
        return kept_sentence(core, why, row, arena);
    if (row->rule == DURE_RULE_FITS)
        return dure_arena_printf(arena, "It fits on %s now and starts with the next pass.",
                                 core->fleet->chains[row->chain.v].name);
    if (why->wait == DURE_WAIT_NOT_BEGUN || why->wait == DURE_WAIT_ARRIVING) {
        const char *what = why->wait == DURE_WAIT_NOT_BEGUN ? "an allotment of its tenant begins"
                                                            : "the hardware of its tenant's allotment arrives";
        if (!why->start_estimate_us)
            return dure_arena_printf(arena, "It waits until %s.", what);
        return dure_arena_printf(arena, "It waits until %s, at %s.", what,
                                 dure_time_format_utc(why->start_estimate_us, text));
    }
    if (why->ahead)
        return dure_arena_printf(arena, "%u job%s before it; %s", why->ahead, why->ahead == 1 ? " is" : "s are",
                                 refusal(core, row, arena));
    return dure_arena_printf(arena, "It is the next of its queue; %s%s", refusal(core, row, arena),
                             plan_sentence(core, why, arena));
}

/* What is emulated or virtual is called so wherever it is named. */
static const char *label(const struct dure_core *core, uint32_t chain)
{
    const struct dure_chain *c = &core->fleet->chains[chain];
    const bool emulated = core->fleet->sites[c->site.v].engine == DURE_ENGINE_EMULATED;
    if (core->fleet->models[c->model.v].is_virtual)
        return emulated ? " (emulated, virtual)" : " (virtual)";
    return emulated ? " (emulated)" : "";
}

static uint32_t own_chain(const struct dure_core *core, const struct dure_why *why)
{
    return dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){why->job.places[0].node_first}).v;
}

static const char *other_chains(const struct dure_why *why, struct dure_arena *arena)
{
    uint32_t others = 0;
    for (uint32_t i = 0; i < why->row_count; i++)
        others += why->rows[i].rule == DURE_RULE_COULD;
    if (others == 0)
        return "No other chain could carry it.";
    if (others == 1)
        return "One other chain could carry it.";
    return dure_arena_printf(arena, "%u other chains could carry it.", others);
}

static const char *running_sentence(const struct dure_core *core, const struct dure_why *why, struct dure_arena *arena)
{
    const uint32_t chain = own_chain(core, why);
    const char *others = other_chains(why, arena);
    if (!others)
        return NULL;
    if (why->job.source_allot.v == NONE)
        return dure_arena_printf(arena,
                                 "It runs on idle GPUs lent by %s, on %s%s: of the chains lent to it the one least "
                                 "promised that had room. %s",
                                 core->fleet->owners[why->job.source_owner.v].name, core->fleet->chains[chain].name,
                                 label(core, chain), others);
    const struct allot *allot = core->allots[why->job.source_allot.v];
    return dure_arena_printf(arena,
                             "It runs by allotment '%s' of %s, on %s%s: the first of its tenant's allotments that had "
                             "room. %s",
                             allot->spec.name, core->tenants->tenants[allot->spec.tenant.v].path,
                             core->fleet->chains[chain].name, label(core, chain), others);
}

static bool has_row(const struct dure_why *why, enum dure_rule rule)
{
    for (uint32_t i = 0; i < why->group_count; i++)
        if (why->groups[i].rule == rule)
            return true;
    return false;
}

static void estimate(struct dure_core *core, const struct request *ask, int64_t walltime_us, const struct line *line,
                     struct dure_why *why)
{
    int64_t begin = why->job.job->begin_us > core->s.time_us ? why->job.job->begin_us : 0;
    switch (why->wait) {
    case DURE_WAIT_NOT_BEGUN:
    case DURE_WAIT_ARRIVING: begin = why->ahead ? 0 : begins(core, ask); break;
    case DURE_WAIT_NONE:
    case DURE_WAIT_PRIORITY:
    case DURE_WAIT_RESOURCES:
    case DURE_WAIT_RIGHTS:
    case DURE_WAIT_SUSPENDED:
    case DURE_WAIT_BEGIN_TIME:
        if (!estimate_start(core, ask, walltime_us, line->ahead, line->count,
                            has_row(why, DURE_RULE_SCATTERED) && !has_row(why, DURE_RULE_FITS), &why->estimate)) {
            if (!why->job.planned_us)
                return;
            why->estimate.earliest_us = why->estimate.likely_us = why->job.planned_us;
        }
        break;
    default: return;
    }
    struct dure_why_estimate *e = &why->estimate;
    if (why->job.planned_us) { /* then at the latest, whatever the order */
        e->latest_us = why->job.planned_us > core->s.time_us ? why->job.planned_us : core->s.time_us;
        e->likely_us = e->likely_us < e->latest_us ? e->likely_us : e->latest_us;
        e->earliest_us = e->earliest_us < e->likely_us ? e->earliest_us : e->likely_us;
    }
    e->earliest_us = e->earliest_us > begin ? e->earliest_us : begin;
    e->likely_us = e->likely_us > begin ? e->likely_us : begin;
    e->latest_us = e->latest_us > begin ? e->latest_us : begin;
    why->start_estimate_us = e->likely_us;
}

/* Is there room but for what is kept for another's planned start? */
static void note_kept(struct dure_core *core, const struct request *ask, const struct job *job, struct dure_why *why)
{
    const uint32_t slot = core->queues[queue_of(core, ask)].planned;
    if (slot == NONE || why->wait == DURE_WAIT_PREEMPTING ||
        (!has_row(why, DURE_RULE_FITS) && !has_row(why, DURE_RULE_ORDER)))
        return;
    struct plan plan = {0};
    if (!decide_would_start(core, ask, job, &plan)) {
        why->kept_for.v = planned_at(core, slot)->d.job;
        why->kept_until_us = planned_at(core, slot)->d.at_us;
    }
    plan_release(&plan);
}

static enum dure_err explain(struct dure_core *core, const struct request *ask, int64_t walltime_us,
                             const struct job *job, bool never, struct dure_arena *arena, struct dure_why *why,
                             struct dure_error *error)
{
    struct line *line = DURE_ARENA_NEW(arena, struct line, 1);
    if (!line)
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    line_up(core, ask, job, line);
    why->ahead = why->wait == DURE_WAIT_PREEMPTING || never ? 0 : line->jobs;
    const enum dure_err err = rows_pending(core, ask, why->ahead > 0, arena, why, error);
    if (err != DURE_OK)
        return err;
    cross_find(core, ask, arena, why);
    note_kept(core, ask, job, why);
    if (!never)
        estimate(core, ask, walltime_us, line, why);
    if (why->wait != DURE_WAIT_HELD && why->wait != DURE_WAIT_DEPENDENCY && why->wait != DURE_WAIT_PREEMPTING)
        changes_try(core, ask, job, arena, why);
    return DURE_OK;
}

enum dure_err dure_core_why(struct dure_core *core, struct dure_job_id id, uint32_t element, struct dure_arena *arena,
                            struct dure_why *ret_why, struct dure_error *error)
{
    struct dure_why why = {.wait = DURE_WAIT_NONE, .place_allot = {NONE}};
    if (!dure_core_job_view(core, id, element, &why.job))
        return dure_fail(error, DURE_E_NOT_FOUND, "there is no live job %llu", (unsigned long long)id.v);
    const uint32_t slot = job_find(core, id.v);
    const struct request *ask = job_ask(core, job_at(core, slot));
    why.wait = why.job.wait;
    enum dure_err err;
    if (why.job.state != DURE_JOB_PENDING) {
        err = rows_running(core, ask, own_chain(core, &why), arena, &why, error);
        if (err == DURE_OK)
            err = others_rank(core, ask, &why.job, arena, &why, error);
        why.sentence = err == DURE_OK ? running_sentence(core, &why, arena) : NULL;
    } else {
        const struct job *job = job_at(core, slot);
        err = explain(core, ask, job_ask(core, job)->walltime_us, job, false, arena, &why, error);
        why.sentence = err == DURE_OK ? pending_sentence(core, &why, arena) : NULL;
    }
    if (err == DURE_OK && !why.sentence)
        err = dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    if (err == DURE_OK)
        *ret_why = why;
    return err;
}

/* Where it would go, were it submitted now and everybody before it passed over. Nothing is changed by it. */
static bool find_place(struct dure_core *core, const struct request *ask, struct dure_arena *arena,
                       struct dure_why *why)
{
    struct plan plan = {0};
    const bool fits = !ceiling_stops(core, ask).kind && decide_would_start(core, ask, NULL, &plan);
    bool done = true;
    if (fits) {
        struct dure_place *places = DURE_ARENA_NEW(arena, struct dure_place, plan.place_count);
        done = places != NULL;
        if (places)
            memcpy(places, plan.places, plan.place_count * sizeof *places);
        why->places = places;
        why->place_count = places ? plan.place_count : 0;
        why->place_clear = plan.allot == NONE || decide_is_clear(core, plan.chain, plan.places, plan.place_count);
        why->place_allot.v = plan.allot;
    }
    plan_release(&plan);
    return done;
}

/* Whatever comes: its deadline, what it depends on, its place, or how much its tenant may hold. */
static enum dure_err check_ever(const struct dure_core *core, const struct dure_job *job, const struct request *ask,
                                struct dure_error *error)
{
    enum dure_err err = check_deadline(core, job, error);
    if (err == DURE_OK)
        err = check_deps(core, job, error);
    if (err == DURE_OK)
        err = never_check(core, ask, error);
    return err == DURE_OK ? ceiling_check_size(core, ask, error) : err;
}

enum dure_err dure_core_why_not(struct dure_core *core, const struct dure_job *job, struct dure_arena *arena,
                                struct dure_why *ret_why, bool *ret_never, struct dure_error *error)
{
    if (!core->tenants)
        return dure_fail(error, DURE_E_STATE, "no fleet or no tenants are declared yet");
    struct job_made data;
    enum dure_err err = job_pack(core, job, &data, error);
    if (err != DURE_OK)
        return err;
    struct dure_why why = {.wait = DURE_WAIT_NONE, .place_allot = {NONE}};
    why.job = (struct dure_job_view){.id = {core->s.next_job},
                                     .element = NONE,
                                     .job = job,
                                     .state = DURE_JOB_PENDING,
                                     .attempt = {DURE_NONE64},
                                     .source_owner = {NONE},
                                     .source_allot = {NONE}};
    struct dure_error proof;
    const enum dure_err ever = check_ever(core, job, &data.ask, &proof);
    if (ever != DURE_OK && ever != DURE_E_NEVER)
        return dure_fail(error, ever, "%s", proof.text);
    const bool never = ever != DURE_OK;
    err = explain(core, &data.ask, data.ask.walltime_us, NULL, never, arena, &why, error);
    if (err != DURE_OK)
        return err;
    if (!never && !why.ahead && job->begin_us <= core->s.time_us && !job->hold && !job->dep_count &&
        !find_place(core, &data.ask, arena, &why))
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    why.sentence = never ? dure_arena_strdup(arena, proof.text) : pending_sentence(core, &why, arena);
    if (!why.sentence)
        return dure_fail(error, DURE_E_MEMORY, "no memory for the answer");
    *ret_never = never;
    *ret_why = why;
    return DURE_OK;
}
