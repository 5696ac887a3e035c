/* Random histories under limits of power that change, recounted from what is decided and from the limits as this test made them, without the
 * core's own tables. After every step, for every domain: the worst-case power of GPUs with work is within the limit of that moment, but for
 * work whose grace runs because a limit fell at once; no more GPUs are fed than the least limit of the lead allows; and none is dark that
 * every domain over it could feed. And for every job with datasets: it runs at a site that all of them allow, and no work of another tenant
 * stands on its nodes (its rack) where one forbids neighbours, nor work of a tenant that one names. Mutants that must die: worst-case power not reserved; a future limit ignored;
 * neighbours forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "core/state/mutants.h"
#include "naive_why.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

enum { ROWS = 6, ATTEMPTS = 2048, GPU_MW = 2500000, NODES = 13, GPUS = 4, LEAD_S = 600 };

static uint64_t seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

/* A limit as the test made it: nodes [first, end) of the fleet. */
struct row {
    uint32_t first, end;
    uint64_t mw;
    int64_t from_us, until_us;
};

struct attempt {
    int64_t deadline_us; /* warned; 0: not */
    int64_t grace_us;
    bool live, stopped;
    uint64_t job;
    uint64_t gpus[NODES];
};

static struct row rows[ROWS];
static uint32_t row_count;
static int64_t applied_us;
static struct attempt attempts[ATTEMPTS];
static uint64_t starts, notices, faults, asked, kept_apart;
static int64_t graces[ATTEMPTS]; /* by job */
static uint32_t tenants[ATTEMPTS];
static uint64_t data[ATTEMPTS];
static uint64_t dark[NODES];
static uint64_t foreign[NODES]; /* GPUs that work outside dure uses */
static int64_t freed_us[NODES]; /* when that work left some: ours there counts from then on, and nobody knew before */
static uint64_t reserved[ATTEMPTS][NODES]; /* by job */

static void add_places(uint64_t gpus[NODES], const struct dure_record *r)
{
    for (uint32_t i = 0; i < r->place_count; i++)
        for (uint32_t k = 0; k < r->places[i].node_count; k++)
            gpus[r->places[i].node_first + k] |= r->places[i].gpu_mask;
}

static void watch(struct rig *rig, const struct dure_record *r)
{
    (void)rig;
    struct attempt *a = r->attempt.v < ATTEMPTS ? &attempts[r->attempt.v] : NULL;
    switch (r->kind) {
    case DURE_REC_START:
        *a = (struct attempt){.live = true, .job = r->job.v, .grace_us = graces[r->job.v]};
        add_places(a->gpus, r);
        memset(reserved[r->job.v], 0, sizeof reserved[r->job.v]);
        starts++;
        break;
    case DURE_REC_RESERVE: add_places(reserved[r->job.v], r); break;
    case DURE_REC_UNRESERVE: memset(reserved[r->job.v], 0, sizeof reserved[r->job.v]); break;
    case DURE_REC_NOTICE:
        a->deadline_us = r->deadline_us;
        notices += r->cause == DURE_CAUSE_POWER;
        break;
    case DURE_REC_CANCEL_NOTICE: a->deadline_us = 0; break;
    case DURE_REC_STOP: a->stopped = true; break;
    case DURE_REC_POWER_STATE: dark[r->node.v] = r->mask; break;
    case DURE_REC_END:
    case DURE_REC_REQUEUE:
        if (a)
            a->live = false;
        break;
    default: break;
    }
}

static uint64_t limit_at(uint32_t first, uint32_t end, int64_t from_us, int64_t until_us)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < row_count; i++)
        if (rows[i].first == first && rows[i].end == end && rows[i].from_us <= until_us && rows[i].until_us > from_us &&
            rows[i].mw < least)
            least = rows[i].mw;
    return least;
}

/* Was the limit of now in force already when it was declared? Then what ran is given its grace. */
static bool fell_at_once(const struct row *row)
{
    return row->from_us <= applied_us;
}

static uint64_t gpu_mw(uint32_t node)
{
    (void)node;
    return GPU_MW; /* 10 kW a node of four, in both groups */
}

static void fault(const char *what, uint64_t found, uint64_t limit)
{
    if (faults++ < 5)
        TAP_FAIL("%s: %llu mW of %llu", what, (unsigned long long)found, (unsigned long long)limit);
}

static void check_row(struct rig *rig, const struct row *row)
{
    uint64_t busy[NODES] = {0}, used = 0;
    if (rig->now_us < row->from_us || rig->now_us >= row->until_us)
        return;
    for (uint64_t id = 1; id < ATTEMPTS; id++) {
        const struct attempt *a = &attempts[id];
        if (!a->live || a->stopped)
            continue;
        if (a->deadline_us > rig->now_us && fell_at_once(row) && rig->now_us < applied_us + a->grace_us)
            continue;
        for (uint32_t n = row->first; n < row->end; n++)
            if (a->deadline_us <= rig->now_us || rig->now_us >= freed_us[n] + a->grace_us)
                busy[n] |= a->gpus[n];
    }
    for (uint32_t n = row->first; n < row->end; n++) /* a GPU that is used from outside draws as much without us */
        used += (uint64_t)__builtin_popcountll(busy[n] & ~foreign[n]) * gpu_mw(n);
    if (used > row->mw)
        fault("work draws more than its limit", used, row->mw);
}

static bool draws(struct rig *rig, uint32_t node, struct dure_node_view *ret_view)
{
    return dure_core_node_view(rig->core, (struct dure_node_id){node}, ret_view) &&
           (ret_view->state == DURE_NODE_UP || ret_view->state == DURE_NODE_DRAINING ||
            ret_view->state == DURE_NODE_AWAY);
}

/* What work outside dure uses draws as well, and is no GPU that could be dark. */
static uint64_t own_in(struct rig *rig, uint32_t first, uint32_t end)
{
    uint64_t own = 0;
    for (uint32_t n = first; n < end; n++) {
        struct dure_node_view view;
        if (draws(rig, n, &view))
            own += (view.gpus - view.gpus_dark - view.gpus_foreign) * gpu_mw(n);
    }
    return own;
}

static uint64_t fed_in(struct rig *rig, uint32_t first, uint32_t end)
{
    uint64_t fed = 0;
    for (uint32_t n = first; n < end; n++) {
        struct dure_node_view view;
        if (draws(rig, n, &view))
            fed += (view.gpus - view.gpus_dark) * gpu_mw(n);
    }
    return fed;
}

/* Work that stands on dark GPUs still. */
static uint64_t leaving_in(uint32_t first, uint32_t end)
{
    uint64_t busy[NODES] = {0}, leaving = 0;
    for (uint64_t id = 1; id < ATTEMPTS; id++)
        for (uint32_t n = first; attempts[id].live && n < end; n++)
            busy[n] |= attempts[id].gpus[n] & dark[n];
    for (uint32_t n = first; n < end; n++)
        leaving += (uint64_t)__builtin_popcountll(busy[n]) * gpu_mw(n);
    return leaving;
}

/* GPUs that are fed, and neither in use nor kept for anybody. */
static uint32_t idle_in(struct rig *rig, uint32_t first, uint32_t end)
{
    uint32_t idle = 0;
    for (uint32_t n = first; n < end; n++) {
        uint64_t taken = dark[n] | foreign[n];
        struct dure_node_view view;
        for (uint64_t id = 1; id < ATTEMPTS; id++)
            taken |= (attempts[id].live ? attempts[id].gpus[n] : 0) | reserved[id][n];
        if (draws(rig, n, &view))
            idle += view.gpus - (uint32_t)__builtin_popcountll(taken);
    }
    return idle;
}

/* The least room that any domain over the node has; UINT64_MAX: no limit over it. */
static uint64_t room_over(struct rig *rig, uint32_t node)
{
    uint64_t room = UINT64_MAX;
    for (uint32_t i = 0; i < row_count; i++) {
        if (node < rows[i].first || node >= rows[i].end)
            continue;
        const uint64_t kept = limit_at(rows[i].first, rows[i].end, rig->now_us, rig->now_us + LEAD_S * DURE_SECOND_US);
        const uint64_t now = limit_at(rows[i].first, rows[i].end, rig->now_us, rig->now_us);
        const uint64_t fed = fed_in(rig, rows[i].first, rows[i].end), left = kept > fed ? kept - fed : 0,
                       all = fed + leaving_in(rows[i].first, rows[i].end), besides = now > all ? now - all : 0;
        if (kept != UINT64_MAX && left < room)
            room = left;
        if (now != UINT64_MAX && besides < room)
            room = besides;
    }
    return room;
}

/* open: site one. alone: anywhere, with nobody else in the node. vault: anywhere, with nobody else in the rack. The others with some tenants in the
 * node or the rack, one of which may be below the job's own. */
enum { OPEN = 1, ALONE = 2, VAULT = 4, RIVAL = 8, KEEP = 16, KIN = 32 };
static const struct {
    uint64_t set;
    bool rack;
    const char *paths[2];
} lists[] = {
    {RIVAL, false, {"firm/c", "guest"}}, {KEEP, true, {"state/b", NULL}}, {KIN, false, {"state/a/x", "state/b"}}};
static const char datasets[] =
    "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"open\",\"sites\":[\"one\"]},"
    "{\"name\":\"alone\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}},"
    "{\"name\":\"vault\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":\"others\"}},"
    "{\"name\":\"rival\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"firm/c\",\"guest\"]}},"
    "{\"name\":\"keep\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"state/b\"]}},"
    "{\"name\":\"kin\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"state/a/x\",\"state/"
    "b\"]}}]}";

/* The first node of the cell that work with these datasets has to itself, and its end. */
static void cell_of(uint32_t node, uint64_t mask, uint32_t *ret_first, uint32_t *ret_end)
{
    const uint32_t nodes = !(mask & VAULT) ? 1 : node < 8 ? 4 : node < 12 ? 2 : 1, base = node < 8 ? 0 : 8;
    *ret_first = base + (node - base) / nodes * nodes;
    *ret_end = *ret_first + nodes;
}

static bool stands_in(const struct attempt *a, uint32_t first, uint32_t end)
{
    for (uint32_t n = first; n < end; n++)
        if (a->live && a->gpus[n])
            return true;
    return false;
}

/* Does work of one job, by a list of its data, forbid that of another beside it? */
static bool forbids(const struct rig *rig, uint64_t job, uint64_t other, unsigned list)
{
    for (unsigned i = 0; i < 2 && (data[job] & lists[list].set) && lists[list].paths[i]; i++) {
        struct dure_tenant_id named = {0};
        DURE_ASSERT(dure_tenants_find(rig->tenants, lists[list].paths[i], &named));
        if (dure_tenants_within(rig->tenants, (struct dure_tenant_id){tenants[other]}, named) &&
            !dure_tenants_within(rig->tenants, (struct dure_tenant_id){tenants[other]},
                                 (struct dure_tenant_id){tenants[job]}))
            return true;
    }
    return false;
}

static void check_lists(const struct rig *rig, const struct attempt *a)
{
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (uint64_t id = 1; id < ATTEMPTS && (data[a->job] & lists[i].set); id++) {
            const struct attempt *other = &attempts[id];
            if (!other->live || !forbids(rig, a->job, other->job, i))
                continue;
            kept_apart++;
            for (uint32_t n = 0; n < NODES; n++) {
                uint32_t first, end;
                cell_of(n, lists[i].rack ? VAULT : 0, &first, &end);
                if (a->gpus[n] && stands_in(other, first, end))
                    fault("a tenant beside data whose list forbids it", other->job, a->job);
            }
        }
}

static void check_data(const struct rig *rig, const struct attempt *a)
{
    check_lists(rig, a);
    const uint64_t mask = data[a->job];
    for (uint32_t n = 0; n < NODES; n++) {
        uint32_t first, end;
        if (!a->gpus[n])
            continue;
        if ((mask & OPEN) && n >= 8)
            fault("a dataset at a site that is forbidden", n, 8);
        cell_of(n, mask, &first, &end);
        for (uint64_t id = 1; id < ATTEMPTS && (mask & (ALONE | VAULT)); id++) {
            const struct attempt *other = &attempts[id];
            if (stands_in(other, first, end) &&
                !dure_tenants_within(rig->tenants, (struct dure_tenant_id){tenants[other->job]},
                                     (struct dure_tenant_id){tenants[a->job]}))
                fault("another tenant beside data", other->job, a->job);
        }
    }
}

static void check(struct rig *rig)
{
    for (uint64_t id = 1; id < ATTEMPTS; id++)
        if (attempts[id].live && data[attempts[id].job])
            check_data(rig, &attempts[id]);
    for (uint32_t i = 0; i < row_count; i++) {
        const uint64_t kept = limit_at(rows[i].first, rows[i].end, rig->now_us, rig->now_us + LEAD_S * DURE_SECOND_US);
        const uint64_t fed = fed_in(rig, rows[i].first, rows[i].end);
        check_row(rig, &rows[i]);
        if (kept != UINT64_MAX && fed > kept && own_in(rig, rows[i].first, rows[i].end))
            fault("more is fed than the lead allows", fed, kept);
        const uint64_t now = limit_at(rows[i].first, rows[i].end, rig->now_us, rig->now_us),
                       all = fed + leaving_in(rows[i].first, rows[i].end);
        if (now != UINT64_MAX && all > now && idle_in(rig, rows[i].first, rows[i].end))
            fault("a GPU is idle that is fed, while work that must leave draws too much", all, now);
    }
    for (uint32_t n = 0; n < NODES; n++) {
        struct dure_node_view view;
        if (dure_core_node_view(rig->core, (struct dure_node_id){n}, &view) && view.gpus_dark &&
            room_over(rig, n) >= gpu_mw(n))
            fault("a GPU is dark that could be fed", view.gpus_dark, room_over(rig, n));
        if (row_count && (dark[n] & foreign[n]))
            fault("a GPU is dark that work outside dure uses", dark[n], foreign[n]);
    }
}

static void add_row(struct dure_buf *text, struct rig *rig)
{
    static const struct {
        const char *place;
        uint32_t first, end;
    } places[] = {{"\"site\":\"one\"", 0, 8},
                  {"\"site\":\"two\"", 8, 13},
                  {"\"group\":\"st\",\"level\":\"rack\",\"cells\":\"1\"", 0, 4},
                  {"\"group\":\"st\",\"level\":\"rack\",\"cells\":\"[2]\"", 4, 8},
                  {"\"node\":\"st-03\"", 2, 3},
                  {"\"group\":\"fi\",\"level\":\"node\",\"cells\":\"5\"", 12, 13}};
    const uint32_t which = below(6);
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    struct row *row = &rows[row_count];
    *row = (struct row){places[which].first, places[which].end, 0, INT64_MIN, INT64_MAX};
    const uint64_t kw = (uint64_t)(row->end - row->first) * (2 + below(10));
    row->mw = kw * 1000000;
    dure_buf_printf(text, "%s{%s,\"limit\":\"%llukW\"", row_count ? "," : "", places[which].place,
                    (unsigned long long)kw);
    if (below(3)) {
        row->from_us = rig->now_us + ((int64_t)below(2400) - 300) * DURE_SECOND_US;
        dure_buf_printf(text, ",\"from\":\"%s\"", dure_time_format_utc(row->from_us, from));
    }
    if (below(2)) {
        row->until_us = (row->from_us == INT64_MIN ? rig->now_us : row->from_us) + (1 + below(3000)) * DURE_SECOND_US;
        dure_buf_printf(text, ",\"until\":\"%s\"", dure_time_format_utc(row->until_us, until));
    }
    dure_buf_str(text, "}");
    row_count++;
}

static void apply_limits(struct rig *rig)
{
    struct dure_buf text;
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(&text, "{\"kind\":\"Power\",\"version\":1,\"lead\":\"%ds\",\"limits\":[", LEAD_S);
    row_count = 0;
    for (uint32_t i = below(ROWS + 1); i > 0; i--)
        add_row(&text, rig);
    dure_buf_str(&text, "]}");
    struct dure_record r = rig_record(rig, DURE_REC_POWER);
    r.text = text.data;
    r.text_length = text.length;
    applied_us = rig->now_us;
    if (rig_step(rig, &r) != DURE_OK)
        TAP_FAIL("limits are taken: %s", rig->error.text);
    dure_buf_release(&text);
}

static void submit(struct rig *rig)
{
    static const char *const paths[] = {"state/a", "state/a/x", "state/b", "firm/c", "guest", "state"};
    struct dure_job job = rig_job(rig, paths[below(6)], 1 + below(3), 1 + below(4), below(2));
    if (!below(5)) {
        job.tasks = 1;
        job.task_gpus = 1;
        job.task_gpu_milli = 100 + below(9) * 100;
    }
    job.grace_us = below(4) * 200 * DURE_SECOND_US;
    job.walltime_us = (5 + below(200)) * DURE_MINUTE_US;
    if (!below(4))
        job.data_mask = 1 + below(7);
    if (!below(4))
        job.data_mask = (job.data_mask & (below(2) ? OPEN | ALONE : 0)) | RIVAL << below(3);
    graces[dure_core_next_job(rig->core).v] = job.grace_us;
    tenants[dure_core_next_job(rig->core).v] = job.tenant.v;
    data[dure_core_next_job(rig->core).v] = job.data_mask;
    const enum dure_err err = rig_submit(rig, &job);
    if (err != DURE_OK && err != DURE_E_NEVER)
        TAP_FAIL("a submission is refused for a reason: %s", rig->error.text);
}

/* Time goes on by its deadlines, and what is stopped is gone at once. */
static void go_on(struct rig *rig, int64_t until_us)
{
    for (;;) {
        rig_reap(rig);
        check(rig);
        const int64_t next = dure_core_next_deadline_us(rig->core);
        if (next > until_us)
            break;
        (void)!rig_tick(rig, next > rig->now_us ? next : rig->now_us);
    }
    (void)!rig_tick(rig, until_us);
    rig_reap(rig);
}

static void node_event(struct rig *rig)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_DRAIN, DURE_REC_RESUME, DURE_REC_NODE_REPORT};
    struct dure_record r = rig_record(rig, DURE_REC_FOREIGN);
    r.node.v = below(NODES);
    if (below(2)) {
        (void)!rig_node(rig, kinds[below(3)], r.node.v, below(DURE_NODE_REPORTS_END));
        return;
    }
    r.mask = below(2) ? below(1u << dure_fleet_chain_of(rig->fleet, r.node, NULL)->node_gpus) : 0;
    if (rig_step(rig, &r) != DURE_OK)
        return;
    if (foreign[r.node.v] & ~r.mask)
        freed_us[r.node.v] = rig->now_us;
    foreign[r.node.v] = r.mask;
}

static uint64_t some_attempt(struct rig *rig)
{
    struct dure_job_view view;
    uint64_t cursor = 0, chosen = 0;
    for (uint32_t seen = 1; dure_core_attempt_next(rig->core, &cursor, &view); seen++)
        if (!below(seen))
            chosen = view.attempt.v;
    return chosen;
}

/* Every rule of power and data is in `why`, by the reference as well. */
static void ask_why(struct rig *rig)
{
    struct dure_job_view view;
    struct dure_why why;
    const struct dure_job_id job = {1 + below((uint32_t)dure_core_next_job(rig->core).v)};
    if (!dure_core_job_view(rig->core, job, DURE_NONE32, &view) || view.state != DURE_JOB_PENDING)
        return;
    struct dure_arena *arena = dure_arena_new(1u << 20);
    const struct dure_digest before = dure_core_digest(rig->core);
    if (dure_core_why(rig->core, job, DURE_NONE32, arena, &why, &rig->error) != DURE_OK)
        TAP_FAIL("why: %s", rig->error.text);
    else if (!naive_why_agrees(rig, job, &why))
        fault("the reference refuses by other rules", job.v, why.row_count);
    const struct dure_digest after = dure_core_digest(rig->core);
    if (memcmp(&before, &after, sizeof before))
        fault("asking why changes something", job.v, 0);
    asked++;
    dure_arena_free(arena);
}

static void one_step(struct rig *rig)
{
    const uint32_t what = below(20);
    if (what < 7)
        submit(rig);
    else if (what < 12)
        (void)!rig_pass(rig);
    else if (what < 15)
        go_on(rig, rig->now_us + below(400) * DURE_SECOND_US);
    else if (what < 16 && !below(3))
        apply_limits(rig);
    else if (what < 18)
        node_event(rig);
    else if (some_attempt(rig))
        (void)!rig_report(rig, some_attempt(rig), DURE_REPORT_ENDED, 0);
    check(rig);
    go_on(rig, rig->now_us);
    check(rig);
    for (uint32_t i = 0; i < 4; i++)
        ask_why(rig);
}

static void history(uint32_t steps)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    rig.watch = watch;
    memset(attempts, 0, sizeof attempts);
    memset(dark, 0, sizeof dark);
    memset(foreign, 0, sizeof foreign);
    memset(freed_us, 0, sizeof freed_us);
    memset(reserved, 0, sizeof reserved);
    row_count = 0;
    struct dure_record r = rig_record(&rig, DURE_REC_DATA);
    r.text = datasets;
    r.text_length = sizeof datasets - 1;
    if (rig_step(&rig, &r) != DURE_OK)
        tap_bail("datasets: %s", rig.error.text);
    for (uint32_t i = 0; i < steps && !faults; i++)
        one_step(&rig);
    rig_release(&rig);
}

int main(int argc, char **argv)
{
    seed = tap_seed(20260302);
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = (int)rounds;
    rounds = 4;
#endif
    for (uint32_t i = 0; i < rounds && !faults; i++)
        history(600);
    TAP_EQ_UINT(faults, 0,
                "no limit is passed, no answer is wrong: %llu starts, %llu notices because of power, %llu answers, "
                "%llu pairs apart",
                (unsigned long long)starts, (unsigned long long)notices, (unsigned long long)asked,
                (unsigned long long)kept_apart);
    return tap_done();
}
