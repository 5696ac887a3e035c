/* Answers that add up, counted again: what each rule costs the queue, what else a running job could have, and what can never run. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/place/ground.h"
#include "core/place/plan.h"
#include "core/place/rules.h"
#include "core/queue/queue.h"
#include "core/state/jobs.h"
#include "naive_walk.h"
#include "tap.h"

enum { ARENA_MAX = 1 << 24, WAITS = DURE_WAIT_NOT_BEGUN + 1 };

/* ---- what each rule costs ---- */

__extension__ typedef unsigned __int128 wide;

struct cost {
    uint64_t jobs, gpus;
    wide gpu_us;
};

/* The rule that its own answer names as the one to change; else the one that comes nearest. */
static enum dure_rule charged(struct dure_core *core, const struct dure_job_view *view)
{
    struct dure_arena *arena = dure_arena_new(ARENA_MAX);
    struct dure_why why;
    enum dure_rule rule = DURE_RULE_FITS;
    if (dure_core_why(core, view->id, view->element, arena, &why, NULL) != DURE_OK)
        tap_bail("no answer about job %llu", (unsigned long long)view->id.v);
    for (uint32_t i = 0; i < why.row_count; i++) {
        const enum dure_rule here = why.rows[i].rule;
        if (here == DURE_RULE_FITS || here == DURE_RULE_ORDER) { /* its turn will come */
            dure_arena_free(arena);
            return DURE_RULE_FITS;
        }
        rule = here > rule ? here : rule;
    }
    rule = why.opening.rule != DURE_RULE_FITS ? why.opening.rule : rule;
    dure_arena_free(arena);
    return rule;
}

static void charge(struct dure_core *core, const struct dure_job_view *view, struct cost by_rule[RULES],
                   struct cost by_wait[WAITS])
{
    const struct job *job = job_at(core, job_find(core, view->id.v));
    const struct request *ask = job_ask(core, job);
    const uint64_t count = view->element_count ? view->element_count : 1;
    const uint64_t milli = (uint64_t)ask->tasks * ask->task_gpus * ask->task_gpu_milli,
                   gpus = (milli + 999) / 1000 * count;
    int64_t since = view->submitted_us;
    if (view->job->begin_us > since && view->job->begin_us < core->s.time_us)
        since = view->job->begin_us;
    struct cost *cost = view->held || view->wait == DURE_WAIT_DEPENDENCY || view->wait == DURE_WAIT_BEGIN_TIME ||
                                view->wait == DURE_WAIT_ARRAY_LIMIT
                            ? &by_wait[view->wait]
                            : &by_rule[charged(core, view)];
    cost->jobs += count;
    cost->gpus += gpus;
    cost->gpu_us += (wide)(core->s.time_us > since ? core->s.time_us - since : 0) * gpus;
}

static bool is_told(const struct dure_toll_row *rows, uint32_t count, enum dure_rule rule, enum dure_wait wait,
                    const struct cost *cost)
{
    struct dure_toll_row said = {.jobs = 0};
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].rule == rule && rows[i].wait == wait)
            said = rows[i];
    if (said.jobs == cost->jobs && said.gpus == cost->gpus &&
        said.gpu_seconds == (uint64_t)(cost->gpu_us / (uint64_t)DURE_SECOND_US))
        return true;
    tap_diag("%s, %s: said %llu jobs %llu GPUs %llu GPU-seconds, found %llu %llu %llu", dure_rule_wire(rule),
             dure_wait_name(wait), (unsigned long long)said.jobs, (unsigned long long)said.gpus,
             (unsigned long long)said.gpu_seconds, (unsigned long long)cost->jobs, (unsigned long long)cost->gpus,
             (unsigned long long)(cost->gpu_us / (uint64_t)DURE_SECOND_US));
    return false;
}

bool naive_toll_agrees(struct rig *rig)
{
    struct cost by_rule[RULES] = {0}, by_wait[WAITS] = {0};
    struct dure_job_cursor cursor = {0};
    struct dure_job_view view;
    struct dure_toll *toll = NULL;
    uint32_t count = 0;
    uint64_t requests = 0;
    bool agrees = true;
    if (dure_core_toll_begin(rig->core, &toll, &rig->error) != DURE_OK)
        tap_bail("%s", rig->error.text);
    while (dure_core_toll_next(rig->core, toll, 7))
        ;
    const struct dure_toll_row *rows = dure_core_toll_rows(toll, &count, &requests);
    while (dure_core_job_next(rig->core, &cursor, &view))
        if (view.state == DURE_JOB_PENDING && !view.place_count)
            charge(rig->core, &view, by_rule, by_wait);
    for (unsigned i = 0; i < RULES; i++)
        agrees &= is_told(rows, count, (enum dure_rule)i, DURE_WAIT_NONE, &by_rule[i]);
    for (unsigned i = 0; i < WAITS; i++)
        agrees &= !by_wait[i].jobs || is_told(rows, count, DURE_RULE_FITS, (enum dure_wait)i, &by_wait[i]);
    for (uint32_t i = 1; i < count; i++)
        agrees &= rows[i - 1].gpu_seconds >= rows[i].gpu_seconds;
    dure_core_toll_free(toll);
    return agrees;
}

/* ---- what else a running job could have ---- */

static uint32_t promised_permille(const struct dure_core *core, uint32_t chain)
{
    uint64_t promised = 0;
    for (uint32_t id = 0; id < core->s.allot_count; id++) {
        const struct allot *allot = core->allots[id];
        if (allot->spec.chain.v == chain && allot->state != DURE_ALLOT_ENDED)
            promised += (uint64_t)allot->cells * allot->cell_leaves;
    }
    return (uint32_t)(promised * 1000 / core->fleet->chains[chain].leaf_count);
}

static struct walk walk_of(struct dure_core *core, const struct request *ask, uint32_t chain)
{
    return (struct walk){.core = core,
                         .ask = ask,
                         .at = chain,
                         .holder = core->tenant[ask->tenant].holder,
                         .c = &core->fleet->chains[chain],
                         .state = &core->chains[chain],
                         .cells = core->chains[chain].cells};
}

static bool is_lent(struct walk *w, bool ever)
{
    int64_t notice;
    return lend_terms(w->core, w->at, w->ask->tenant, ever, &notice) && w->ask->grace_us <= notice;
}

/* Where one more could borrow, and whether it would fit; false: never there. */
static bool may_borrow(struct walk *w, struct dure_why_other *other)
{
    if (!other->here && (naive_hardware(w) != DURE_RULE_FITS || naive_power_refuses(w) || !is_lent(w, true)))
        return false;
    other->promised_permille = promised_permille(w->core, w->at);
    other->idle = naive_idle(w);
    other->fits =
        is_lent(w, false) && naive_hardware(w) == DURE_RULE_FITS && naive_borrowed_fit(w, w->ask, false) == NAIVE_YES;
    return true;
}

static bool same(const struct dure_why_other *said, const struct dure_why_other *found, enum naive_fit fits)
{
    const bool agrees = said->chain.v == found->chain.v && said->allot.v == found->allot.v &&
                        said->here == found->here && said->promised_permille == found->promised_permille &&
                        said->idle == found->idle && (fits == NAIVE_MAY || said->fits == (fits == NAIVE_YES));
    if (!agrees)
        tap_diag("place %u: chain %u allotment %d, here %d, fits %d, %u permille, %llu idle; found chain %u allotment "
                 "%d, here %d, fits %d, %u permille, %llu idle",
                 said->rank, said->chain.v, (int)said->allot.v, said->here, said->fits, said->promised_permille,
                 (unsigned long long)said->idle, found->chain.v, (int)found->allot.v, found->here, (int)fits,
                 found->promised_permille, (unsigned long long)found->idle);
    return agrees;
}

static bool borrows_agree(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    const uint32_t own = dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){why->job.places[0].node_first}).v;
    uint32_t seen = 0, last = 0;
    bool agrees = true;
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) { /* in any order: each is there that should be */
        struct walk w = walk_of(core, ask, i);
        struct dure_why_other found = {.chain = {i}, .allot = {NONE}, .here = i == own};
        const struct dure_why_other *said = NULL;
        for (uint32_t k = 0; k < why->other_count; k++)
            said = why->others[k].chain.v == i ? &why->others[k] : said;
        const bool may = may_borrow(&w, &found);
        seen += may;
        agrees &= may == (said != NULL) && (!may || same(said, &found, found.fits ? NAIVE_YES : NAIVE_NO));
    }
    for (uint32_t k = 0; k < why->other_count; k++) { /* the least promised first */
        agrees &= why->others[k].rank == k + 1 && why->others[k].promised_permille >= last;
        last = why->others[k].promised_permille;
    }
    return agrees && seen == why->other_count;
}

static bool rights_agree(struct dure_core *core, const struct request *ask, const struct dure_why *why)
{
    const uint32_t holder = core->tenant[ask->tenant].holder;
    uint32_t seen = 0;
    bool agrees = true;
    for (uint32_t id = 0; id < core->s.allot_count; id++) {
        const struct allot *allot = core->allots[id];
        struct walk w = walk_of(core, ask, allot->spec.chain.v);
        if (allot->spec.tenant.v != holder || allot->state == DURE_ALLOT_ENDED)
            continue;
        const bool suits = naive_hardware(&w) == DURE_RULE_FITS && naive_suits(&w, id),
                   here = id == why->job.source_allot.v;
        if (!suits && !here)
            continue;
        const struct dure_why_other found = {.chain = allot->spec.chain,
                                             .allot = {id},
                                             .here = here,
                                             .promised_permille = promised_permille(core, w.at),
                                             .idle = naive_idle_of_right(&w, id)};
        agrees &= seen < why->other_count &&
                  same(&why->others[seen], &found,
                       suits && allot->state != DURE_ALLOT_PROMISED ? naive_one_right_fit(&w, id) : NAIVE_NO);
        seen++;
    }
    return agrees && seen == why->other_count;
}

/* Must somebody go, were this GPU given to the job? A fraction stands beside others of its tenant and source. */
static bool is_taken(const struct walk *w, uint32_t leaf)
{
    const uint32_t *list = NULL, count = ground_users(w->core, w->at, leaf, &list);
    bool taken = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct attempt *a = attempt_at(w->core, list[i]);
        const struct request *other = job_ask(w->core, job_at(w->core, a->job_slot));
        taken |= !naive_is_fraction(w->ask) || !naive_is_fraction(other) || other->tenant != w->ask->tenant ||
                 (a->d.borrowed && w->ask->job_class != DURE_BORROWED);
    }
    return taken;
}

/* Who would have to go from the place that it would take, and what would stay idle beside it, GPU by GPU. */
static bool figures_agree(struct dure_core *core, const struct request *ask, const struct dure_why_other *said)
{
    const struct walk w = walk_of(core, ask, said->chain.v);
    struct plan plan = {0};
    uint64_t evicts = 0, left = 0;
    if (said->fits && (said->allot.v == NONE ? plan_chain(core, ask, said->chain.v, ask->level_required, &plan)
                                             : plan_allot(core, ask, said->allot.v, ask->level_required, &plan)))
        for (uint32_t i = 0; i < plan.place_count; i++)
            for (uint32_t n = 0; n < plan.places[i].node_count; n++) {
                const uint32_t node = plan.places[i].node_first + n - w.c->node_first;
                left += (uint64_t)__builtin_popcountll(naive_idle_on(&w, node) & ~plan.places[i].gpu_mask);
                for (uint64_t mask = plan.places[i].gpu_mask; mask; mask &= mask - 1)
                    evicts += is_taken(&w, node * w.c->node_gpus + (uint32_t)__builtin_ctzll(mask));
            }
    plan_release(&plan);
    if (said->evicts != evicts || said->left_over != left)
        tap_diag("place %u: %llu GPUs to leave and %llu left over, found %llu and %llu", said->rank,
                 (unsigned long long)said->evicts, (unsigned long long)said->left_over, (unsigned long long)evicts,
                 (unsigned long long)left);
    return said->evicts == evicts && said->left_over == left;
}

bool naive_others_agree(struct rig *rig, const struct dure_why *why)
{
    struct request ask = *job_ask(rig->core, job_at(rig->core, job_find(rig->core, why->job.id.v)));
    bool agrees = true;
    if (why->job.source_allot.v == NONE)
        ask.job_class = DURE_BORROWED;
    for (uint32_t i = 0; i < why->other_count; i++)
        agrees &= figures_agree(rig->core, &ask, &why->others[i]);
    if (!agrees || why->job.source_allot.v != NONE)
        return agrees && rights_agree(rig->core, &ask, why);
    return borrows_agree(rig->core, &ask, why);
}

/* ---- what can never run ---- */

/* Could any place ever carry it: by a right of its holder, begun or not; or lent at some time? */
bool naive_is_never(struct dure_core *core, const struct request *ask)
{
    for (uint32_t i = 0; i < core->fleet->chain_count; i++) {
        struct walk w = walk_of(core, ask, i);
        if (naive_hardware(&w) != DURE_RULE_FITS)
            continue;
        if (ask->job_class == DURE_BORROWED ? !naive_power_refuses(&w) && is_lent(&w, true) : naive_suits(&w, NONE))
            return false;
    }
    return true;
}

/* The proof names every GPU of the fleet once: each rule with how many it refuses. */
bool naive_proof_adds_up(const struct dure_core *core, const char *text)
{
    uint64_t gpus = 0;
    for (const char *at = strstr(text, "no place for it: "); at && (at = strstr(at, " GPUs")) != NULL; at++) {
        const char *number = at;
        if (at[5] != '\0' && at[5] != ';')
            continue; /* figures of a rule */
        while (number > text && number[-1] >= '0' && number[-1] <= '9')
            number--;
        gpus += strtoull(number, NULL, 10);
    }
    return gpus == core->fleet->gpu_count;
}
