/* Random small fleets and histories, decided by the core and by the naive reference: every decision, byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "reference/reference.h"
#include "rig.h"
#include "tap.h"

enum { SHAPES = 5, KINDS = 128, FIRST_RIGHTS = 8 };
#define FIRST_US (INT64_C(1700000000) * DURE_SECOND_US) /* when a life begins */

static uint64_t seed, more_seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif
static bool is_plain; /* a life of which only the first part is drawn */

static uint32_t below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

/* What lives have got since some of them are kept below: by a row of chances of its own, so that those stay what they were. */
static uint32_t more(uint32_t bound)
{
    return is_plain ? 0 : (uint32_t)tap_random_below(&more_seed, bound);
}

struct match {
    struct rig rig;
    struct reference reference;
    struct dure_buf core, naive; /* what each decided at this step, a line each */
    bool parted;
    uint64_t life; /* its seed */
    bool lists, spreads, ceilings, uses_data, promises, outsiders, powers;
    uint32_t rights; /* that were named so far */
    uint32_t tops;   /* tenants at the top */
    uint64_t instances, alone, fenced, foes, listed, spread, listed_by_right, spread_by_right;
    uint32_t trouble;    /* so many steps of a hundred are nodes that go or come */
    uint64_t granted[2]; /* refused; accepted */
    uint64_t told[KINDS], causes[KINDS], dimmed, foreign, changed, stopped, reclaimed, served, fractions;
    struct shape {
        uint32_t tasks, gpus, tasks_per_node, milli, mib;
        const char *level;
        bool required;
        uint32_t first, count; /* nodes that it may use, or, `leaves_out`, not; count 0: any */
        bool leaves_out;
        uint32_t spread_max;
        const char *spread_level;
        uint64_t data;
        const char *mig; /* "": none */
    } shapes[SHAPES];    /* of which jobs are: so that many ask for the same */
};

static void write_line(struct dure_buf *text, const struct dure_record *record)
{
    struct dure_buf bytes DURE_CLEANUP_BUF = {0};
    dure_buf_init(&bytes, 1 << 20);
    dure_record_encode(record, &bytes);
    dure_record_print(record, text);
    dure_buf_byte(text, ' ');
    for (size_t i = 0; i < bytes.length; i++)
        dure_buf_printf(text, "%02x", (unsigned char)bytes.data[i]);
    dure_buf_byte(text, '\n');
}

static void heard(struct rig *rig, const struct dure_record *decision)
{
    struct match *match = rig->context;
    write_line(&match->core, decision);
    match->told[decision->kind]++;
    if (decision->kind == DURE_REC_END || decision->kind == DURE_REC_REQUEUE)
        match->causes[decision->cause]++;
    match->fractions += decision->kind == DURE_REC_START && decision->places[0].gpu_milli < 1000;
    const struct reference_job *job = decision->kind == DURE_REC_START ? &match->reference.jobs[decision->job.v] : NULL;
    match->listed += job && job->is_listed;
    match->spread += job && job->spread_max > 0;
    match->instances += decision->kind == DURE_REC_START && decision->places[0].starts > 0;
    match->alone += job && (job->data & 3);
    match->fenced += job && (job->data & 12);
    match->listed_by_right += job && job->is_listed && !job->borrowed;
    match->spread_by_right += job && job->spread_max > 0 && !job->borrowed;
    match->reclaimed += decision->kind == DURE_REC_NOTICE && decision->cause == DURE_CAUSE_RECLAIMED;
    match->dimmed += decision->kind == DURE_REC_NOTICE && decision->cause == DURE_CAUSE_POWER;
}

static void told(void *context, const struct dure_record *decision)
{
    struct match *match = context;
    write_line(&match->naive, decision);
}

static const char profiles[] =
    "mig: [{name: 3g, slices: 3, memory_slices: 4, memory: 40GiB, starts: [0, 4]}, "
    "{name: 2g, slices: 2, memory_slices: 2, memory: 20GiB, starts: [0, 2, 4]}, "
    "{name: 1g.2, slices: 1, memory_slices: 2, memory: 20GiB, starts: [0, 2, 4, 6]}, "
    "{name: 1g, slices: 1, memory_slices: 1, memory: 10GiB, starts: [0, 1, 2, 3, 4, 5, 6]}], ";

/* What one tenant may hold, by chance. */
static void write_ceilings(const struct match *match, struct dure_buf *tenants)
{
    static const char *const kinds[] = {"jobs", "jobs_per_user", "gpus", "gpus_per_user"};
    if (!match->ceilings || more(2) == 0)
        return;
    const uint32_t kind = more(4);
    dure_buf_printf(tenants, ", ceilings: {%s: %u}", kinds[kind],
                    kind < 2 ? 1 + more(4) : match->reference.node_gpus * (1 + more(3)));
}

/* Below a tenant at the top: none, or up to three, of which the first may have others below it. */
static void write_below(const struct match *match, struct dure_buf *tenants)
{
    const uint32_t count = more(4);
    dure_buf_str(tenants, count > 0 ? ", tenants: [" : "");
    for (uint32_t i = 0; i < count; i++) {
        dure_buf_printf(tenants, "%s{name: %c, weight: %u", i > 0 ? ", " : "", (char)('a' + i), 1 + more(3));
        write_ceilings(match, tenants);
        dure_buf_str(tenants, i == 0 && more(3) == 2 ? ", tenants: [{name: x}, {name: y, weight: 2}]}" : "}");
    }
    dure_buf_str(tenants, count > 0 ? "]" : "");
}

/* Mostly all is lent for ever; in some lives to some, or for a time, or with a notice that is short, or nothing is. */
static void write_lending(const struct match *match, struct dure_buf *tenants)
{
    static const char *const notices[] = {"10m", "60s"};
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    const uint32_t kind = match->promises ? more(6) : 0;
    if (kind == 5)
        return;
    dure_buf_printf(tenants, "lending: [{owner: o, notice: %s", kind > 0 ? notices[more(2)] : notices[0]);
    if (kind == 4)
        dure_buf_printf(tenants, ", to: [t%u]", more(match->tops));
    else
        dure_buf_str(tenants, ", to: all");
    if (kind == 3)
        dure_buf_printf(tenants, ", except: [t%u]", more(match->tops));
    dure_time_format_utc(FIRST_US + (int64_t)more(60) * DURE_MINUTE_US, from);
    dure_time_format_utc(FIRST_US + (int64_t)(61 + more(120)) * DURE_MINUTE_US, until);
    if (kind > 1)
        dure_buf_printf(tenants, ", from: %s, until: %s", from, until);
    dure_buf_str(tenants, "}]\n");
}

/* Some begin later, or end; says whether it does. */
static bool write_period(const struct match *match, struct dure_buf *tenants)
{
    char text[DURE_TIME_TEXT_MAX];
    if (match->promises && more(4) == 3)
        dure_buf_printf(tenants, ", from: %s",
                        dure_time_format_utc(FIRST_US + (int64_t)(1 + more(60)) * DURE_MINUTE_US, text));
    if (!match->promises || more(3) < 2)
        return false;
    dure_buf_printf(tenants, ", until: %s",
                    dure_time_format_utc(FIRST_US + (int64_t)(61 + more(120)) * DURE_MINUTE_US, text));
    return true;
}

/* Racks of nodes, one to four tenants at the top, rights to six to all of the racks' nodes in all. */
static void make_specs(struct match *match, struct dure_buf *fleet, struct dure_buf *tenants)
{
    struct reference *reference = &match->reference;
    uint32_t racks = 3 + below(4), first = 0;
    reference->rack_nodes = 2 + below(3);
    reference->node_gpus = 2u << below(3);
    reference->node_count = racks * reference->rack_nodes;
    match->tops = 3 + below(2);
    match->tops -= more(4) < 2 ? more(match->tops) : 0; /* few have several rights each */
    const uint32_t tops = match->tops;
    dure_buf_printf(fleet,
                    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, %snvlink: "
                    "node}]\nowners: [{name: o}]\n"
                    "sites: [{name: s, engine: emulated}]\ngroups:\n  - {name: g, owner: o, site: s, model: m, nodes: "
                    "'n[01-%02u]', cpus: 64, memory: 1TiB, "
                    "power: 10kW, levels: [{name: rack, holds: %u}, {name: node, holds: %u}]}\n",
                    is_plain ? "" : profiles, reference->node_count, reference->rack_nodes, reference->node_gpus);
    dure_buf_str(tenants, "kind: Tenants\nversion: 1\ntenants:\n");
    for (uint32_t i = 0; i < tops; i++) {
        dure_buf_printf(tenants, "  - {name: t%u, weight: %u%s", i, 1 + below(3), i == 0 ? ", owner: o" : "");
        write_ceilings(match, tenants);
        write_below(match, tenants);
        dure_buf_str(tenants, "}\n");
    }
    write_lending(match, tenants);
    dure_buf_str(tenants, "allotments:\n");
    struct {
        uint32_t of, nodes, count;
    } ends = {.count = 0};
    for (match->rights = 0; racks > first && match->rights < FIRST_RIGHTS;
         match->rights++) { /* each takes whole racks' worth */
        const uint32_t take = 1 + below(racks - first < 2 ? racks - first : 2),
                       nodes = below(2) ? 1 : reference->rack_nodes,
                       count = nodes == 1 ? take * reference->rack_nodes - below(2) : take;
        dure_buf_printf(tenants, "  - {name: r%u, tenant: t%u, group: g, level: %s, count: %u", match->rights,
                        match->rights % tops, nodes == 1 ? "node" : "rack", count);
        if (write_period(match, tenants)) {
            ends.of = match->rights;
            ends.nodes = nodes;
            ends.count = count;
        }
        dure_buf_str(tenants, "}\n");
        first += take;
    }
    if (ends.count > 0 && more(2) == 1) /* another takes over what the last of them leaves */
        dure_buf_printf(tenants, "  - {name: r%u, tenant: t%u, group: g, level: %s, count: %u, after: r%u}\n",
                        match->rights++, more(tops), ends.nodes == 1 ? "node" : "rack", 1 + more(ends.count), ends.of);
}

static void both(struct match *match, struct dure_record *record)
{
    dure_buf_clear(&match->core);
    dure_buf_clear(&match->naive);
    dure_buf_str(&match->core, "");
    dure_buf_str(&match->naive, "");
    const enum dure_err err = rig_step(&match->rig, record);
    if (record->kind == DURE_REC_GRANT) { /* which is judged twice */
        const bool taken = reference_step(&match->reference, record);
        match->granted[taken]++;
        if (taken != (err == DURE_OK))
            dure_buf_printf(taken ? &match->naive : &match->core, "granted: %.*s\n", (int)record->text_length,
                            record->text);
    } else if (err == DURE_OK) {
        reference_step(&match->reference, record);
        match->changed += record->kind == DURE_REC_MODIFY;
        match->foreign += record->kind == DURE_REC_FOREIGN;
        for (uint64_t id = 1; record->kind == DURE_REC_PASS && id < match->reference.next_job; id++) {
            match->foes += reference_is_live(&match->reference, id) && reference_waits_clear(&match->reference, id);
            match->stopped += reference_is_held_back(&match->reference, id);
        }
    }
    match->parted |= strcmp(match->core.data, match->naive.data) != 0;
    if (match->parted)
        TAP_EQ_STR(match->core.data, match->naive.data, "the core decides what the reference does, life %llu",
                   (unsigned long long)match->life);
}

/* Whose it is, when it may begin and must have ended, what it waits for. */
static void ask_more(const struct match *match, struct dure_job *job)
{
    const int64_t now = match->rig.now_us;
    job->principal.v = is_plain ? job->principal.v : more(3);
    job->hold = more(16) == 15;
    if (more(8) == 7)
        job->begin_us = now + (int64_t)(1 + more(15)) * DURE_MINUTE_US;
    if (more(8) == 7)
        job->deadline_us =
            (job->begin_us > now ? job->begin_us : now) + job->walltime_us + (int64_t)more(30) * DURE_MINUTE_US;
    for (uint64_t id = match->reference.next_job; more(6) == 5 && job->dep_count < REFERENCE_DEPS && id > 3;) {
        id -= 1 + more(3);
        job->deps[job->dep_count++] = (struct dure_dep){{id}, (enum dure_dep_kind)(DURE_DEP_OK + more(3))};
    }
}

static void submit(struct match *match)
{
    const uint32_t top = below(match->tops), any = more(match->reference.tenant_count), tenant = is_plain ? top : any;
    const struct shape *shape = &match->shapes[below(SHAPES)];
    const char *name = match->reference.tenants[tenant].path;
    struct dure_record record = rig_record(&match->rig, DURE_REC_SUBMIT);
    struct dure_job *job = &record.submit;
    *job = rig_job(&match->rig, name, shape->tasks, shape->gpus, below(2));
    job->tasks_per_node = shape->tasks_per_node;
    job->task_gpu_milli = (uint16_t)shape->milli;
    job->gpu_memory_mib = shape->mib;
    job->level = shape->level;
    job->level_required = shape->required;
    struct dure_node_run run = {shape->first, shape->count};
    if ((job->job_class == DURE_BORROWED || !is_plain) && shape->count > 0)
        *(shape->leaves_out ? &job->exclude : &job->include) = (struct dure_node_runs){&run, 1};
    if ((job->job_class == DURE_BORROWED || !is_plain) && shape->spread_max > 0) {
        job->spread_max = shape->spread_max;
        job->spread_level = shape->spread_level;
    }
    job->data_mask = shape->data;
    job->mig = shape->mig;
    job->walltime_us = (1 + below(40)) * DURE_MINUTE_US;
    job->grace_us = below(3) * 45 * DURE_SECOND_US;
    job->priority = below(3) ? 0 : (int32_t)below(4) - 1;
    job->requeue = below(3);
    job->checkpoint_us = below(2) ? 0 : (1 + below(10)) * DURE_MINUTE_US;
    if (below(4) == 0) {
        job->array_count = 1 + below(REFERENCE_ELEMENTS);
        job->array_first = below(3);
        job->array_step = 1 + below(2);
        job->array_limit = below(2) ? 0 : 1 + below(3);
    }
    ask_more(match, job);
    if (match->reference.next_job < REFERENCE_JOBS)
        both(match, &record);
}

/* Something that runs, by chance; 0: nothing does. */
static uint64_t some_attempt(const struct reference *reference)
{
    uint64_t chosen = 0;
    uint32_t seen = 0;
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (reference->runs[r].state > RUN_RESERVED && below(++seen) == 0)
            chosen = reference->runs[r].attempt;
    return chosen;
}

static uint64_t some_job(const struct reference *reference)
{
    uint64_t chosen = 0;
    uint32_t seen = 0;
    for (uint64_t id = 1; id < reference->next_job; id++)
        if (reference_is_live(reference, id) && below(++seen) == 0)
            chosen = id;
    return chosen;
}

static void report(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_ATTEMPT_REPORT);
    record.attempt.v = some_attempt(&match->reference);
    record.report = below(5) == 0 ? DURE_REPORT_LOST : below(5) == 0 ? DURE_REPORT_STARTED : DURE_REPORT_ENDED;
    record.exit_code = record.report == DURE_REPORT_ENDED && below(4) == 0;
    record.report = more(16) == 15 ? DURE_REPORT_REFUSED : record.report;
    if (record.attempt.v)
        both(match, &record);
}

static void cancel(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_CANCEL);
    record.job.v = some_job(&match->reference);
    for (uint32_t r = 0; below(2) && r < match->reference.run_end; r++) /* often one whose place is only reserved */
        if (match->reference.runs[r].state == RUN_RESERVED)
            record.job.v = match->reference.runs[r].job;
    const struct reference_job *job = &match->reference.jobs[record.job.v];
    record.element =
        job->array_count && below(2) ? job->array_first + below(job->array_count) * job->array_step : DURE_NONE32;
    if (record.job.v)
        both(match, &record);
}

/* Others use some GPUs of a node, or leave it. */
static void foreign(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_FOREIGN);
    record.node.v = more(match->reference.node_count);
    for (uint32_t node = 0; more(2) && node < match->reference.node_count; node++)
        if (match->reference.nodes[node].foreign > 0)
            record.node.v = node;
    record.mask = more(2) ? 0 : 1 + more((1u << match->reference.node_gpus) - 1);
    both(match, &record);
}

static void trouble(struct match *match)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_NODE_REPORT, DURE_REC_DRAIN, DURE_REC_RESUME};
    if (match->outsiders && more(3) == 2) {
        foreign(match);
        return;
    }
    struct dure_record record = rig_record(&match->rig, below(2) ? DURE_REC_NODE_REPORT : kinds[below(3)]);
    record.node.v = below(match->reference.node_count);
    for (uint32_t node = 0; below(3) && node < match->reference.node_count; node++) /* mostly they come back soon */
        if (match->reference.nodes[node].state != DURE_NODE_UP)
            record.node.v = node;
    const struct reference_node *node = &match->reference.nodes[record.node.v];
    record.number = node->down || (node->away && below(3)) ? DURE_NODE_IS_UP
                    : below(3)                             ? DURE_NODE_IS_DOWN
                                                           : DURE_NODE_IS_AWAY;
    both(match, &record);
}

/* Of a job that is there something else is asked. */
static void ask(struct match *match)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_HOLD, DURE_REC_RELEASE, DURE_REC_MODIFY, DURE_REC_MODIFY,
                                                  DURE_REC_REQUEUE_JOB};
    struct dure_record record = rig_record(&match->rig, kinds[more(5)]);
    record.job.v = some_job(&match->reference);
    for (uint64_t id = 1; record.kind == DURE_REC_RELEASE && id < match->reference.next_job; id++)
        if (match->reference.jobs[id].held && reference_is_live(&match->reference, id))
            record.job.v = id;
    const struct reference_job *job = &match->reference.jobs[record.job.v];
    if (!record.job.v)
        return;
    record.element =
        job->array_count && more(2) ? job->array_first + more(job->array_count) * job->array_step : DURE_NONE32;
    if (record.kind == DURE_REC_REQUEUE_JOB)
        record.number = record.element == DURE_NONE32 && more(3) == 2;
    if (record.kind == DURE_REC_MODIFY) {
        static const enum dure_change changes[] = {DURE_CHANGE_PRIORITY,    DURE_CHANGE_WALLTIME,   DURE_CHANGE_GRACE,
                                                   DURE_CHANGE_BEGIN,       DURE_CHANGE_DEADLINE,   DURE_CHANGE_HOLD,
                                                   DURE_CHANGE_ARRAY_LIMIT, DURE_CHANGE_CHECKPOINT, DURE_CHANGE_CLASS,
                                                   DURE_CHANGE_TASKS};
        const int64_t now = match->rig.now_us;
        record.number = changes[more(10)] | (more(2) ? changes[more(10)] : 0);
        record.submit.priority = (int32_t)more(4) - 1;
        record.submit.walltime_us = (int64_t)(1 + more(40)) * DURE_MINUTE_US;
        record.submit.grace_us = (int64_t)more(3) * 45 * DURE_SECOND_US;
        record.submit.begin_us = more(2) ? now + (int64_t)more(10) * DURE_MINUTE_US : 0;
        record.submit.deadline_us = more(2) ? now + (int64_t)(20 + more(60)) * DURE_MINUTE_US : 0;
        record.submit.hold = more(4) == 3;
        record.submit.array_limit = more(4);
        record.submit.checkpoint_us = (int64_t)more(10) * DURE_MINUTE_US;
        record.submit.job_class = more(2) ? DURE_BORROWED : DURE_GUARANTEED;
        record.submit.tasks = 1 + more(6);
    }
    both(match, &record);
}

/* A right is granted, cut down or ended. */
static void promise(struct match *match)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_GRANT, DURE_REC_GRANT, DURE_REC_SHRINK, DURE_REC_END_ALLOT};
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, kinds[more(4)]);
    const struct reference *reference = &match->reference;
    char time[DURE_TIME_TEXT_MAX];
    dure_buf_init(&text, 4096);
    if (record.kind == DURE_REC_GRANT && reference->right_count < REFERENCE_RIGHTS) {
        const int64_t from_us = match->rig.now_us + (int64_t)more(60) * DURE_MINUTE_US;
        dure_buf_printf(&text, "[{\"name\":\"r%u\",\"tenant\":\"%s\",\"chain\":\"g\",\"level\":%u,\"count\":%u",
                        match->rights++,
                        reference->tenants[more(3) ? more(match->tops) : more(reference->tenant_count)].path,
                        2 + more(2), 1 + more(3));
        if (more(2))
            dure_buf_printf(&text, ",\"from\":\"%s\"", dure_time_format_utc(from_us, time));
        if (more(2))
            dure_buf_printf(&text, ",\"until\":\"%s\"",
                            dure_time_format_utc(from_us + (int64_t)(1 + more(90)) * DURE_MINUTE_US, time));
        dure_buf_str(&text, "}]");
        record.text = text.data;
        record.text_length = text.length;
        both(match, &record);
    } else if (record.kind != DURE_REC_GRANT) {
        record.allot.v = more(reference->right_count);
        record.count = 1 + more(4);
        both(match, &record);
    }
}

/* Limits of the site, of racks and of nodes, now or soon, are declared, and those of before are lifted. */
static void power(struct match *match)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, DURE_REC_POWER);
    const struct reference *reference = &match->reference;
    const uint32_t racks = reference->node_count / reference->rack_nodes, count = more(4);
    char time[DURE_TIME_TEXT_MAX];
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(&text, "{\"kind\":\"Power\",\"version\":1,\"lead\":\"%um\",\"limits\":[", 1 + more(15));
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t kind = more(3), nodes = kind == 0   ? reference->node_count
                                               : kind == 1 ? reference->rack_nodes
                                                           : 1;
        const int64_t from_us = match->rig.now_us + (int64_t)more(40) * DURE_MINUTE_US;
        dure_buf_str(&text, i > 0 ? ",{" : "{");
        if (kind == 0)
            dure_buf_str(&text, "\"site\":\"s\"");
        else if (kind == 1)
            dure_buf_printf(&text, "\"group\":\"g\",\"level\":\"rack\",\"cells\":\"%u\"", 1 + more(racks));
        else
            dure_buf_printf(&text, "\"node\":\"n%02u\"", 1 + more(reference->node_count));
        dure_buf_printf(&text, ",\"limit\":\"%uW\"",
                        (uint32_t)(nodes * 10000 / 100 * (kind ? 20 + more(80) : 50 + more(50))));
        if (more(2))
            dure_buf_printf(&text, ",\"from\":\"%s\"", dure_time_format_utc(from_us, time));
        if (more(2))
            dure_buf_printf(&text, ",\"until\":\"%s\"",
                            dure_time_format_utc(from_us + (int64_t)(1 + more(60)) * DURE_MINUTE_US, time));
        dure_buf_str(&text, "}");
    }
    dure_buf_str(&text, "]}");
    record.text = text.data;
    record.text_length = text.length;
    both(match, &record);
}

static void one_step(struct match *match)
{
    if (match->powers && more(80) == 79) {
        power(match);
        return;
    }
    if (match->promises && more(60) == 59) {
        promise(match);
        return;
    }
    if (more(12) == 11) {
        ask(match);
        return;
    }
    const uint32_t what = below(100);
    struct dure_record record;
    if (below(100) < match->trouble) {
        trouble(match);
    } else if (what < 30) {
        submit(match);
    } else if (what < 60) {
        record = rig_record(&match->rig, DURE_REC_PASS);
        record.number = below(8) ? 4096 : 1;
        both(match, &record);
    } else if (what < 85) {
        report(match);
    } else if (what < 87) {
        cancel(match);
    } else {
        match->rig.now_us += (int64_t)(1 + below(200)) * DURE_SECOND_US;
        match->rig.now_us += more(100) == 99 ? 11 * DURE_HOUR_US : 0; /* what is charged weighs more by then */
        record = rig_record(&match->rig, DURE_REC_TICK);
        both(match, &record);
    }
}

/* Two that forbid all others in the node (the rack), and two that name some tenants. */
static void declare_data(struct match *match)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, DURE_REC_DATA);
    const struct dure_tenant *tenants = match->reference.tenants;
    const uint32_t count = match->reference.tenant_count;
    match->reference.data = NULL;
    match->uses_data = more(2) == 1;
    if (!match->uses_data)
        return;
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(&text,
                    "{\"kind\":\"Data\",\"version\":1,\"datasets\":["
                    "{\"name\":\"n\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}},"
                    "{\"name\":\"r\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":\"others\"}},"
                    "{\"name\":\"ln\",\"sites\":\"all\",\"neighbours\":{\"level\":\"node\",\"tenants\":[\"%s\"]}},"
                    "{\"name\":\"lr\",\"sites\":\"all\",\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"%s\"]}}]}",
                    tenants[more(count)].path, tenants[more(count)].path);
    record.text = text.data;
    record.text_length = text.length;
    if (rig_step(&match->rig, &record) != DURE_OK)
        tap_bail("datasets: %s", match->rig.error.text);
    match->reference.data = dure_core_data(match->rig.core);
}

/* Each life is of those whose work names nodes, or is spread, or both, or neither. */
static void limit(struct match *match, struct shape *shape)
{
    shape->count = shape->spread_max = 0;
    if (match->lists && below(2)) {
        shape->first = below(match->reference.node_count);
        shape->count = 1 + below(match->reference.node_count - shape->first);
        shape->leaves_out = below(2);
    }
    if (match->spreads && below(2)) {
        shape->spread_level = below(2) ? "rack" : "node";
        shape->spread_max = 1 + below(3);
    }
}

static void new_shape(struct match *match, struct shape *shape)
{
    shape->gpus = 1 + below(match->reference.node_gpus);
    shape->tasks = below(2) ? 1 : 1 + below(6);
    shape->tasks_per_node = below(3) ? 0 : 1 + below(2);
    shape->milli = 1000;
    shape->mib = 0;
    if (below(3) == 0) {
        shape->milli = 100 + below(9) * 100;
        shape->mib = below(2) ? 0 : (1 + below(60)) * 1024;
        shape->gpus = 1;
        shape->tasks_per_node = 0;
    }
    shape->level = below(3) ? "" : below(2) ? "rack" : "node";
    shape->required = shape->level[0] && below(2);
    shape->mig = "";
    if (shape->milli < 1000 && more(2)) {
        static const char *const names[] = {"1g", "2g", "3g", "1g.2"};
        shape->mig = names[more(4)];
        shape->milli = 1000; /* as an instance has it */
        shape->mib = 0;
    }
    limit(match, shape);
    if (match->spreads && more(3) == 2) { /* wide: by several rights together */
        shape->gpus = match->reference.node_gpus;
        shape->tasks = 3 + more(4);
        shape->tasks_per_node = shape->count = 0;
        shape->milli = 1000;
        shape->mig = shape->level = "";
        shape->required = false;
        shape->spread_level = "rack";
        shape->spread_max = 1 + more(2);
    }
    shape->data = match->uses_data && more(2) ? 1 + more(15) : 0;
    if (shape->count > 0 || shape->spread_max > 0 || shape->milli < 1000 || shape->mig[0])
        shape->data &= ~UINT64_C(3); /* whole nodes are not counted out over these */
}

static void play(uint32_t steps, struct match *match)
{
    match->life = seed;
    struct dure_buf fleet DURE_CLEANUP_BUF = {0};
    struct dure_buf tenants DURE_CLEANUP_BUF = {0};
    dure_buf_init(&fleet, 1 << 16);
    dure_buf_init(&tenants, 1 << 16);
    match->ceilings = more(3) == 2;
    match->promises = more(2) == 1;
    match->outsiders = more(3) == 2;
    match->powers = more(3) == 2;
    make_specs(match, &fleet, &tenants);
    rig_init(&match->rig, fleet.data, tenants.data);
    match->rig.watch = heard;
    match->rig.context = match;
    match->reference.fleet = match->rig.fleet;
    reference_begin(&match->reference, match->rig.tenants, match->rig.now_us);
    match->reference.tell = told;
    declare_data(match);
    match->reference.context = match;
    match->lists = seed % 4 & 1;
    match->spreads = seed % 4 & 2;
    for (uint32_t i = 0; i < SHAPES; i++)
        new_shape(match, &match->shapes[i]);
    match->parted = false;
    match->trouble = below(3) * 6;
    for (uint32_t i = 0; i < steps && !match->parted; i++) {
        if (below(40) == 0)
            new_shape(match, &match->shapes[below(SHAPES)]);
        one_step(match);
    }
    match->served += match->reference.served;
    reference_end_life(&match->reference);
    rig_check(&match->rig);
    rig_release(&match->rig);
}

/* Lives in which the two once decided otherwise:
 * - who is looked at behind the first sixteen blocked needs is settled when the pass begins; the reference counted anew with each that started;
 * - who would have room on what is kept, and be gone too late, shuts out its like, and no shorter one. */
static const uint64_t parted_once[] = {UINT64_C(799655350186887744), UINT64_C(387869716168326)};

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
#ifdef DURE_CORE_MUTANTS
    dure_core_mutant = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
#endif
    struct match *match = calloc(1, sizeof *match);
    const uint64_t base = tap_seed(20260601);
    if (!match)
        tap_bail("out of memory");
    dure_buf_init(&match->core, 1 << 24);
    dure_buf_init(&match->naive, 1 << 24);
    const uint32_t rounds = getenv("DURE_SOAK") ? 600 : 60;
    for (uint32_t round = 0; round < rounds; round++) {
        seed = base + round;
        more_seed = seed ^ UINT64_C(0x5deece66d);
        play(600, match);
    }
    is_plain = true;
    for (size_t i = 0; i < sizeof parted_once / sizeof *parted_once; i++) {
        seed = parted_once[i];
        play(600, match);
    }
    static const struct {
        enum dure_record_kind kind;
        uint64_t least;
    } much[] = {
        {DURE_REC_START, 1000},   {DURE_REC_END, 1000},   {DURE_REC_REQUEUE, 100},     {DURE_REC_UNBIND, 500},
        {DURE_REC_RESERVE, 100},  {DURE_REC_NOTICE, 300}, {DURE_REC_CANCEL_NOTICE, 3}, {DURE_REC_STOP, 300},
        {DURE_REC_UNRESERVE, 10}, {DURE_REC_PLAN, 300},   {DURE_REC_UNPLAN, 50},       {DURE_REC_NODE_STATE, 100},
        {DURE_REC_SUSPEND, 20},   {DURE_REC_RESTORE, 20}, {DURE_REC_ALLOT_STATE, 20},  {DURE_REC_POWER_STATE, 100}};
    for (size_t i = 0; i < sizeof much / sizeof *much; i++)
        TAP_OK(match->told[much[i].kind] >= much[i].least, "decided alike: %llu times %s",
               (unsigned long long)match->told[much[i].kind], dure_record_kind_name(much[i].kind));
    TAP_OK(match->fractions >= 500 && match->instances >= 100,
           "decided alike: %llu starts of fractions, %llu of instances", (unsigned long long)match->fractions,
           (unsigned long long)match->instances);
    TAP_OK(match->listed >= 100 && match->spread >= 100, "decided alike: %llu starts on lists of nodes, %llu spread",
           (unsigned long long)match->listed, (unsigned long long)match->spread);
    TAP_OK(match->listed_by_right >= 100 && match->spread_by_right >= 100, "of them by right %llu and %llu",
           (unsigned long long)match->listed_by_right, (unsigned long long)match->spread_by_right);
    TAP_OK(
        match->alone >= 30 && match->fenced >= 30 && match->foes >= 300,
        "decided alike: %llu starts of work to itself, %llu beside a fence; %llu times one had to keep clear of others",
        (unsigned long long)match->alone, (unsigned long long)match->fenced, (unsigned long long)match->foes);
    TAP_OK(match->granted[0] >= 10 && match->granted[1] >= 5, "judged alike: %llu grants refused, %llu accepted",
           (unsigned long long)match->granted[0], (unsigned long long)match->granted[1]);
    TAP_OK(match->causes[DURE_CAUSE_ALLOT_ENDED] >= 3 && match->causes[DURE_CAUSE_LENDING_ENDED] >= 1,
           "decided alike: %llu ends for a right that ended, %llu for what is lent no longer",
           (unsigned long long)match->causes[DURE_CAUSE_ALLOT_ENDED],
           (unsigned long long)match->causes[DURE_CAUSE_LENDING_ENDED]);
    static const enum dure_cause causes[] = {DURE_CAUSE_DEADLINE, DURE_CAUSE_DEPENDENCY, DURE_CAUSE_REQUEUED,
                                             DURE_CAUSE_LAUNCH_FAILED};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        TAP_OK(match->causes[causes[i]] >= 20, "decided alike: %llu ends, %s",
               (unsigned long long)match->causes[causes[i]], dure_cause_name(causes[i]));
    TAP_OK(match->changed >= 100 && match->stopped >= 500, "%llu jobs changed; %llu times one waited at a ceiling",
           (unsigned long long)match->changed, (unsigned long long)match->stopped);
    TAP_OK(match->dimmed >= 10 && match->foreign >= 30,
           "decided alike: %llu had to leave for a limit of power; %llu times others used GPUs, or left them",
           (unsigned long long)match->dimmed, (unsigned long long)match->foreign);
    TAP_OK(match->served >= 5, "decided alike: %llu suspended cells were served by damaged ones",
           (unsigned long long)match->served);
    TAP_OK(match->reclaimed >= 300, "decided alike: %llu had to leave for an owner",
           (unsigned long long)match->reclaimed);
    dure_buf_release(&match->core);
    dure_buf_release(&match->naive);
    free(match);
    return tap_done();
}
