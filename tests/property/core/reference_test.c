/* Random small fleets and histories, decided by the core and by the naive reference: every decision, byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "reference_match.h"
#include "tap.h"

#define FIXED_SEED UINT64_C(20260601)

static uint64_t seed, more_seed, late_seed;
#ifdef DURE_CORE_MUTANTS
int dure_core_mutant;
#endif
static bool is_plain; /* a life of which only the first part is drawn */

bool match_is_plain(void)
{
    return is_plain;
}

uint32_t match_below(uint32_t bound)
{
    return (uint32_t)tap_random_below(&seed, bound);
}

/* What lives have got since some of them are kept below: by a row of chances of its own, so that those stay what they were. */
uint32_t match_more(uint32_t bound)
{
    return is_plain ? 0 : (uint32_t)tap_random_below(&more_seed, bound);
}

uint32_t match_late(uint32_t bound)
{
    return is_plain ? 0 : (uint32_t)tap_random_below(&late_seed, bound);
}

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
    if (job && match->second_racks > 0) {
        const uint32_t chain = reference_chain_of(&match->reference, decision->places[0].node_first);
        match->starts_there[chain]++;
        match->ranked[chain] += job->model_order > 0 || job->memory_mib > 0;
    }
    match->planned_there += decision->kind == DURE_REC_PLAN && match->second_racks > 0;
    match->barred += decision->kind == DURE_REC_NOTICE && decision->cause == DURE_CAUSE_DATA;
    match->listed += job && job->is_listed;
    match->spread += job && job->spread_max > 0;
    match->instances += decision->kind == DURE_REC_START && decision->places[0].starts > 0;
    match->alone += job && (job->data & 3);
    match->fenced += job && (job->data & 12);
    match->listed_by_right += job && job->is_listed && !job->borrowed;
    match->spread_by_right += job && job->spread_max > 0 && !job->borrowed;
    match->evens += match->is_even && job && job->tasks > 1;
    match->evens_by_right += match->is_even && job && job->tasks > 1 && !job->borrowed;
    match->reclaimed += decision->kind == DURE_REC_NOTICE && decision->cause == DURE_CAUSE_RECLAIMED;
    match->dimmed += decision->kind == DURE_REC_NOTICE && decision->cause == DURE_CAUSE_POWER;
}

static void told(void *context, const struct dure_record *decision)
{
    struct match *match = context;
    write_line(&match->naive, decision);
}

bool match_both(struct match *match, struct dure_record *record)
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
        if (record->kind == DURE_REC_DATA)
            match->reference.data = dure_core_data(match->rig.core);
        reference_step(&match->reference, record);
        match->changed += record->kind == DURE_REC_MODIFY;
        match->inputs[record->kind]++;
        for (uint64_t id = 1; record->kind == DURE_REC_PASS && id < match->reference.next_job; id++) {
            match->foes += reference_is_live(&match->reference, id) && reference_waits_clear(&match->reference, id);
            match->stopped += reference_is_held_back(&match->reference, id);
        }
    }
    match->parted |= strcmp(match->core.data, match->naive.data) != 0;
    if (match->parted)
        TAP_EQ_STR(match->core.data, match->naive.data, "the core decides what the reference does, life %llu",
                   (unsigned long long)match->life);
    return err == DURE_OK;
}

/* Whose it is, when it may begin and must have ended, what it waits for. */
static void ask_more(const struct match *match, struct dure_job *job)
{
    const int64_t now = match->rig.now_us;
    job->principal.v = is_plain ? job->principal.v : match_more(3);
    job->hold = match_more(16) == 15;
    if (match_more(8) == 7)
        job->begin_us = now + (int64_t)(1 + match_more(15)) * DURE_MINUTE_US;
    if (match_more(8) == 7)
        job->deadline_us =
            (job->begin_us > now ? job->begin_us : now) + job->walltime_us + (int64_t)match_more(30) * DURE_MINUTE_US;
    for (uint64_t id = match->reference.next_job; match_more(6) == 5 && job->dep_count < REFERENCE_DEPS && id > 3;) {
        id -= 1 + match_more(3);
        job->deps[job->dep_count++] = (struct dure_dep){{id}, (enum dure_dep_kind)(DURE_DEP_OK + match_more(3))};
    }
}

static void submit(struct match *match)
{
    const uint32_t top = match_below(match->tops), any = match_more(match->reference.tenant_count),
                   tenant = is_plain ? top : any;
    const struct shape *shape = &match->shapes[match_below(SHAPES)];
    const char *name = match->reference.tenants[tenant].path;
    struct dure_record record = rig_record(&match->rig, DURE_REC_SUBMIT);
    struct dure_job *job = &record.submit;
    *job = rig_job(&match->rig, name, shape->tasks, shape->gpus, match_below(2));
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
    if (shape->memory_mib > 0)
        job->gpu_memory_mib = shape->memory_mib;
    job->model_mask = shape->models;
    job->model_order = shape->model_order;
    job->walltime_us = (1 + match_below(40)) * DURE_MINUTE_US;
    job->grace_us = match_below(3) * 45 * DURE_SECOND_US;
    job->priority = match_below(3) ? 0 : (int32_t)match_below(4) - 1;
    job->requeue = match_below(3);
    job->checkpoint_us = match_below(2) ? 0 : (1 + match_below(10)) * DURE_MINUTE_US;
    if (match_below(4) == 0) {
        job->array_count = 1 + match_below(REFERENCE_ELEMENTS);
        job->array_first = match_below(3);
        job->array_step = 1 + match_below(2);
        job->array_limit = match_below(2) ? 0 : 1 + match_below(3);
    }
    ask_more(match, job);
    if (match->reference.next_job < REFERENCE_JOBS)
        match_both(match, &record);
}

/* Something that runs, by chance; 0: nothing does. */
static uint64_t some_attempt(const struct reference *reference)
{
    uint64_t chosen = 0;
    uint32_t seen = 0;
    for (uint32_t r = 0; r < reference->run_end; r++)
        if (reference->runs[r].state > RUN_RESERVED && match_below(++seen) == 0)
            chosen = reference->runs[r].attempt;
    return chosen;
}

static uint64_t some_job(const struct reference *reference)
{
    uint64_t chosen = 0;
    uint32_t seen = 0;
    for (uint64_t id = 1; id < reference->next_job; id++)
        if (reference_is_live(reference, id) && match_below(++seen) == 0)
            chosen = id;
    return chosen;
}

static void report(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_ATTEMPT_REPORT);
    record.attempt.v = some_attempt(&match->reference);
    record.report = match_below(5) == 0   ? DURE_REPORT_LOST
                    : match_below(5) == 0 ? DURE_REPORT_STARTED
                                          : DURE_REPORT_ENDED;
    record.exit_code = record.report == DURE_REPORT_ENDED && match_below(4) == 0;
    record.report = match_more(16) == 15 ? DURE_REPORT_REFUSED : record.report;
    if (record.attempt.v)
        match_both(match, &record);
}

static void cancel(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_CANCEL);
    record.job.v = some_job(&match->reference);
    for (uint32_t r = 0; match_below(2) && r < match->reference.run_end;
         r++) /* often one whose place is only reserved */
        if (match->reference.runs[r].state == RUN_RESERVED)
            record.job.v = match->reference.runs[r].job;
    const struct reference_job *job = &match->reference.jobs[record.job.v];
    record.element = job->array_count && match_below(2)
                         ? job->array_first + match_below(job->array_count) * job->array_step
                         : DURE_NONE32;
    if (record.job.v)
        match_both(match, &record);
}

/* Others use some GPUs of a node, or leave it. */
static void foreign(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_FOREIGN);
    record.node.v = match_more(match->reference.node_count);
    for (uint32_t node = 0; match_more(2) && node < match->reference.node_count; node++)
        if (match->reference.nodes[node].foreign > 0)
            record.node.v = node;
    record.mask = match_more(2) ? 0 : 1 + match_more((1u << match->reference.node_gpus) - 1);
    match_both(match, &record);
}

static void trouble(struct match *match)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_NODE_REPORT, DURE_REC_DRAIN, DURE_REC_RESUME};
    if (match->outsiders && match_more(3) == 2) {
        foreign(match);
        return;
    }
    struct dure_record record = rig_record(&match->rig, match_below(2) ? DURE_REC_NODE_REPORT : kinds[match_below(3)]);
    record.node.v = match_below(match->reference.node_count);
    for (uint32_t node = 0; match_below(3) && node < match->reference.node_count;
         node++) /* mostly they come back soon */
        if (match->reference.nodes[node].state != DURE_NODE_UP)
            record.node.v = node;
    const struct reference_node *node = &match->reference.nodes[record.node.v];
    record.number = node->down || (node->away && match_below(3)) ? DURE_NODE_IS_UP
                    : match_below(3)                             ? DURE_NODE_IS_DOWN
                                                                 : DURE_NODE_IS_AWAY;
    match_both(match, &record);
}

/* Of a job that is there something else is asked. */
static void ask(struct match *match)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_HOLD, DURE_REC_RELEASE, DURE_REC_MODIFY, DURE_REC_MODIFY,
                                                  DURE_REC_REQUEUE_JOB};
    struct dure_record record = rig_record(&match->rig, kinds[match_more(5)]);
    record.job.v = some_job(&match->reference);
    for (uint64_t id = 1; record.kind == DURE_REC_RELEASE && id < match->reference.next_job; id++)
        if (match->reference.jobs[id].held && reference_is_live(&match->reference, id))
            record.job.v = id;
    const struct reference_job *job = &match->reference.jobs[record.job.v];
    if (!record.job.v)
        return;
    record.element = job->array_count && match_more(2)
                         ? job->array_first + match_more(job->array_count) * job->array_step
                         : DURE_NONE32;
    if (record.kind == DURE_REC_REQUEUE_JOB)
        record.number = record.element == DURE_NONE32 && match_more(3) == 2;
    if (record.kind == DURE_REC_MODIFY) {
        static const enum dure_change changes[] = {DURE_CHANGE_PRIORITY,    DURE_CHANGE_WALLTIME,   DURE_CHANGE_GRACE,
                                                   DURE_CHANGE_BEGIN,       DURE_CHANGE_DEADLINE,   DURE_CHANGE_HOLD,
                                                   DURE_CHANGE_ARRAY_LIMIT, DURE_CHANGE_CHECKPOINT, DURE_CHANGE_CLASS,
                                                   DURE_CHANGE_TASKS};
        const int64_t now = match->rig.now_us;
        record.number = changes[match_more(10)] | (match_more(2) ? changes[match_more(10)] : 0);
        record.submit.priority = (int32_t)match_more(4) - 1;
        record.submit.walltime_us = (int64_t)(1 + match_more(40)) * DURE_MINUTE_US;
        record.submit.grace_us = (int64_t)match_more(3) * 45 * DURE_SECOND_US;
        record.submit.begin_us = match_more(2) ? now + (int64_t)match_more(10) * DURE_MINUTE_US : 0;
        record.submit.deadline_us = match_more(2) ? now + (int64_t)(20 + match_more(60)) * DURE_MINUTE_US : 0;
        record.submit.hold = match_more(4) == 3;
        record.submit.array_limit = match_more(4);
        record.submit.checkpoint_us = (int64_t)match_more(10) * DURE_MINUTE_US;
        record.submit.job_class = match_more(2) ? DURE_BORROWED : DURE_GUARANTEED;
        record.submit.tasks = 1 + match_more(6);
    }
    match_both(match, &record);
}

static void one_step(struct match *match)
{
    if (match->ceilings && match_late(30) == 29) {
        match_ceilings(match);
        return;
    }
    if (match->second_racks > 0 && match->uses_data && match_late(15) == 14) {
        match_move_data(match);
        return;
    }
    if ((match->books && match->looks_ahead && match_late(40) == 39) || (match->books && match_more(60) == 59)) {
        match_book(match);
        return;
    }
    if (match_more(50) == 49) {
        match_rare(match);
        return;
    }
    if (match->powers && match_more(80) == 79) {
        match_power(match);
        return;
    }
    if (match->promises && match_more(60) == 59) {
        match_promise(match);
        return;
    }
    if (match_more(12) == 11) {
        ask(match);
        return;
    }
    const uint32_t what = match_below(100);
    struct dure_record record;
    if (match_below(100) < match->trouble) {
        trouble(match);
    } else if (what < 30) {
        submit(match);
    } else if (what < 60) {
        record = rig_record(&match->rig, DURE_REC_PASS);
        record.number = match_below(8) ? 4096 : 1;
        match_both(match, &record);
    } else if (what < 85) {
        report(match);
    } else if (what < 87) {
        cancel(match);
    } else {
        match->rig.now_us += (int64_t)(1 + match_below(200)) * DURE_SECOND_US;
        match->rig.now_us += match_more(100) == 99 ? 11 * DURE_HOUR_US : 0; /* what is charged weighs more by then */
        record = rig_record(&match->rig, DURE_REC_TICK);
        match_both(match, &record);
    }
}

/* Each life is of those whose work names nodes, or is spread, or both, or neither. */
static void limit(struct match *match, struct shape *shape)
{
    shape->count = shape->spread_max = 0;
    if (match->lists && match_below(2)) {
        shape->first = match_below(match->reference.node_count);
        shape->count = 1 + match_below(match->reference.node_count - shape->first);
        shape->leaves_out = match_below(2);
    }
    if (match->spreads && match_below(2)) {
        shape->spread_level = match_below(2) ? "rack" : "node";
        shape->spread_max = 1 + match_below(3);
    }
}

/* Where there are two chains, some ask for GPUs with so much memory, or for one model, or for both in an order. */
static void choose_models(struct match *match, struct shape *shape)
{
    static const uint64_t masks[] = {0, 0, 0, 1, 2, 3, 3}, orders[] = {0, 0, 0, 0, 0, 0x201, 0x102};
    shape->memory_mib = 0;
    shape->models = shape->model_order = 0;
    if (match->second_racks == 0)
        return;
    const uint32_t which = match_late(7), memory = match_late(8);
    shape->models = masks[which];
    shape->model_order = orders[which];
    if (shape->milli == 1000 && !shape->mig[0] && memory < 3)
        shape->memory_mib = (30 + memory * 35) * 1024;
}

static void new_shape(struct match *match, struct shape *shape)
{
    shape->gpus = 1 + match_below(match->reference.node_gpus);
    shape->tasks = match_below(2) ? 1 : 1 + match_below(6);
    shape->tasks_per_node = match_below(3) ? 0 : 1 + match_below(2);
    shape->milli = 1000;
    shape->mib = 0;
    if (match_below(3) == 0) {
        shape->milli = 100 + match_below(9) * 100;
        shape->mib = match_below(2) ? 0 : (1 + match_below(60)) * 1024;
        shape->gpus = 1;
        shape->tasks_per_node = 0;
    }
    shape->level = match_below(3) ? "" : match_below(2) ? "rack" : "node";
    shape->required = shape->level[0] && match_below(2);
    shape->mig = "";
    if (shape->milli < 1000 && match_more(2)) {
        static const char *const names[] = {"1g", "2g", "3g", "1g.2"};
        shape->mig = names[match_more(4)];
        shape->milli = 1000; /* as an instance has it */
        shape->mib = 0;
    }
    limit(match, shape);
    if (match->spreads && match_more(3) == 2) { /* wide: by several rights together */
        shape->gpus = match->reference.node_gpus;
        shape->tasks = 3 + match_more(4);
        shape->tasks_per_node = shape->count = 0;
        shape->milli = 1000;
        shape->mig = shape->level = "";
        shape->required = false;
        shape->spread_level = "rack";
        shape->spread_max = 1 + match_more(2);
    }
    shape->data = match->uses_data && match_more(2) ? 1 + match_more(15) : 0;
    if (shape->count > 0 || shape->spread_max > 0 || shape->milli < 1000 || shape->mig[0])
        shape->data &= ~UINT64_C(3); /* whole nodes are not counted out over these */
    choose_models(match, shape);
}

static void play(uint32_t steps, struct match *match)
{
    match->life = seed;
    struct dure_buf fleet DURE_CLEANUP_BUF = {0};
    struct dure_buf tenants DURE_CLEANUP_BUF = {0};
    dure_buf_init(&fleet, 1 << 16);
    dure_buf_init(&tenants, 1 << 16);
    match->ceilings = match_more(3) == 2;
    match->promises = match_more(2) == 1;
    match->outsiders = !is_plain && seed % 5 < 2; /* by the life's number: chance would leave some seeds few */
    match->powers = match_more(3) == 2;
    match->books = match_more(3) == 2;
    match->is_wide =
        !is_plain && !match->is_even &&
        seed / 4 % 3 ==
            2; /* a third of them: chance would leave some seeds few. A Slurm takes no fractions, which no rule here tells chain by chain */
    match_make_specs(match, &fleet, &tenants);
    rig_init(&match->rig, fleet.data, tenants.data);
    match->rig.watch = heard;
    match->rig.context = match;
    match->reference.fleet = match->rig.fleet;
    reference_begin(&match->reference, match->rig.tenants, match->rig.now_us);
    match->reference.tell = told;
    match_declare_data(match);
    match->reference.context = match;
    match->lists = seed % 4 & 1;
    match->spreads = seed % 4 & 2;
    for (uint32_t i = 0; i < SHAPES; i++)
        new_shape(match, &match->shapes[i]);
    match->parted = false;
    match->trouble = match_below(3) * 6;
    for (uint32_t i = 0; i < steps && !match->parted; i++) {
        if (match_below(40) == 0)
            new_shape(match, &match->shapes[match_below(SHAPES)]);
        one_step(match);
    }
    match->served += match->reference.served;
    match->around += match->reference.around;
    match->kept_off += match->reference.kept_off;
    match->behind += match->reference.behind;
    match->too_near += match->reference.too_near;
    reference_end_life(&match->reference);
    dure_tenants_free(match->redeclared);
    match->redeclared = NULL;
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
    const uint64_t base = tap_seed(FIXED_SEED);
    if (!match)
        tap_bail("out of memory");
    match->looks_ahead = base == FIXED_SEED || getenv("DURE_SOAK");
    dure_buf_init(&match->core, 1 << 24);
    dure_buf_init(&match->naive, 1 << 24);
    const uint32_t rounds = getenv("DURE_SOAK") ? 600 : 60;
    for (uint32_t round = 0; round < rounds + rounds / 6; round++) {
        match->is_even = round >= rounds; /* lives more, so that those before are what they were */
        seed = base + round;
        more_seed = seed ^ UINT64_C(0x5deece66d);
        late_seed = seed ^ UINT64_C(0x2545f4914f6cdd1d);
        play(600, match);
    }
    is_plain = true;
    match->is_even = false;
    for (size_t i = 0; i < sizeof parted_once / sizeof *parted_once; i++) {
        seed = parted_once[i];
        play(600, match);
    }
    static const struct {
        enum dure_record_kind kind;
        uint64_t least;
    } much[] = {{DURE_REC_START, 1000},      {DURE_REC_END, 1000},     {DURE_REC_REQUEUE, 100},
                {DURE_REC_UNBIND, 500},      {DURE_REC_RESERVE, 100},  {DURE_REC_NOTICE, 300},
                {DURE_REC_CANCEL_NOTICE, 3}, {DURE_REC_STOP, 300},     {DURE_REC_UNRESERVE, 10},
                {DURE_REC_PLAN, 300},        {DURE_REC_UNPLAN, 50},    {DURE_REC_NODE_STATE, 100},
                {DURE_REC_SUSPEND, 20},      {DURE_REC_RESTORE, 20},   {DURE_REC_ALLOT_STATE, 20},
                {DURE_REC_POWER_STATE, 100}, {DURE_REC_BOOK_STATE, 50}};
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
    TAP_OK(match->starts_there[0] >= 300 && match->starts_there[1] >= 200 && match->planned_there >= 50,
           "decided alike where there are two chains: %llu and %llu starts, %llu planned",
           (unsigned long long)match->starts_there[0], (unsigned long long)match->starts_there[1],
           (unsigned long long)match->planned_there);
    TAP_OK(match->ranked[0] >= 50 && match->ranked[1] >= 50 && match->barred >= 5,
           "of those that would rather have one %llu and %llu; %llu had to leave with their data",
           (unsigned long long)match->ranked[0], (unsigned long long)match->ranked[1],
           (unsigned long long)match->barred);
    TAP_OK(match->evens >= 40 && match->evens_by_right >= 5,
           "decided alike: %llu starts of gangs on nodes that a Slurm runs, %llu by right",
           (unsigned long long)match->evens, (unsigned long long)match->evens_by_right);
    TAP_OK(!match->looks_ahead || (match->around >= 5 && match->kept_off >= 30 && match->behind >= 5),
           "decided alike before maintenance: %llu starts beside it, %llu times none, %llu planned behind it; "
           "%llu places given up",
           (unsigned long long)match->around, (unsigned long long)match->kept_off, (unsigned long long)match->behind,
           (unsigned long long)match->too_near);
    TAP_OK(match->granted[0] >= 10 && match->granted[1] >= 2, "judged alike: %llu grants refused, %llu accepted",
           (unsigned long long)match->granted[0], (unsigned long long)match->granted[1]);
    TAP_OK(match->causes[DURE_CAUSE_ALLOT_ENDED] + match->causes[DURE_CAUSE_LENDING_ENDED] >= 5,
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
    TAP_OK(match->lifted >= 20 && match->lowered >= 5,
           "taken alike: %llu ceilings lifted, %llu times one was lowered below what runs",
           (unsigned long long)match->lifted, (unsigned long long)match->lowered);
    TAP_OK(match->dimmed >= 10 && match->inputs[DURE_REC_FOREIGN] >= 30,
           "decided alike: %llu had to leave for a limit of power; %llu times others used GPUs, or left them",
           (unsigned long long)match->dimmed, (unsigned long long)match->inputs[DURE_REC_FOREIGN]);
    TAP_OK(match->inputs[DURE_REC_TENANTS] >= 5 && match->inputs[DURE_REC_DATA] >= 5 &&
               match->inputs[DURE_REC_PRICES] >= 20 && match->inputs[DURE_REC_CHECKPOINT] >= 50,
           "taken alike: %llu times other terms, %llu other datasets, %llu prices, %llu checkpoints",
           (unsigned long long)match->inputs[DURE_REC_TENANTS], (unsigned long long)match->inputs[DURE_REC_DATA],
           (unsigned long long)match->inputs[DURE_REC_PRICES], (unsigned long long)match->inputs[DURE_REC_CHECKPOINT]);
    TAP_OK(match->served >= 5, "decided alike: %llu suspended cells were served by damaged ones",
           (unsigned long long)match->served);
    TAP_OK(match->reclaimed >= 300, "decided alike: %llu had to leave for an owner",
           (unsigned long long)match->reclaimed);
    dure_buf_release(&match->core);
    dure_buf_release(&match->naive);
    free(match);
    return tap_done();
}
