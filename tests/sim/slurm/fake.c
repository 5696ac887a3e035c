#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "tap.h"

#define REPLY_US 10000
#define TIMEOUT_US (30 * DURE_SECOND_US)

struct fake fake;

enum question { ASK_SUBMIT, ASK_LIST, ASK_NODES, ASK_ORDER };

struct pending {
    struct pending *next;
    struct dure_slurm *wire;
    enum question question;
    dure_slurm_fn fn;
    void *context;
    int64_t due_us;
    struct dure_slurm_reply reply;
    bool states_only;
    struct fake_job *jobs; /* a copy: the list is of when it was asked for */
    uint32_t job_count;
};

struct dure_slurm {
    struct pending *first;
};

void fake_begin(void)
{
    fake_free();
    fake = (struct fake){.now_us = INT64_C(1800000000) * DURE_SECOND_US,
                         .next_id = 1,
                         .lasts_us = 60 * DURE_SECOND_US,
                         .memory_us = 300 * DURE_SECOND_US,
                         .tells_states = true};
    fake.jobs = calloc(FAKE_JOBS_MAX, sizeof *fake.jobs);
    fake.started = calloc(FAKE_SEEN_MAX, sizeof *fake.started);
    if (!fake.jobs || !fake.started)
        tap_bail("out of memory");
}

void fake_free(void)
{
    free(fake.jobs);
    free(fake.started);
    fake.jobs = NULL;
    fake.started = NULL;
}

/* ---- the cluster ---- */

static bool ended(const struct fake_job *job)
{
    return dure_slurm_state_ended(job->state);
}

static uint64_t used_on(unsigned node)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (fake.jobs[i].state == DURE_SLURM_STATE_RUNNING || fake.jobs[i].completing)
            mask |= fake.jobs[i].mask[node];
    return mask;
}

static void note_start(const struct fake_job *job)
{
    for (uint32_t i = 0; i < fake.started_count; i++)
        if (strcmp(fake.started[i].name, job->name) == 0) {
            fake.started[i].starts++;
            return;
        }
    if (job->foreign)
        return;
    if (fake.started_count == FAKE_SEEN_MAX)
        tap_bail("too many attempts");
    dure_text_copy(fake.started[fake.started_count].name, sizeof fake.started[0].name, job->name);
    fake.started[fake.started_count++].starts = 1;
}

unsigned fake_starts_most(void)
{
    unsigned most = 0;
    for (uint32_t i = 0; i < fake.started_count; i++)
        most = fake.started[i].starts > most ? fake.started[i].starts : most;
    return most;
}

static bool came_before(const struct fake_job *a, const struct fake_job *b)
{
    const int64_t a_us = a->arrives_us ? a->arrives_us : a->submit_us,
                  b_us = b->arrives_us ? b->arrives_us : b->submit_us;
    return a_us != b_us ? a_us < b_us : a->id < b->id;
}

static bool singleton_waits(const struct fake_job *job)
{
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (&fake.jobs[i] != job && !fake.jobs[i].foreign && !ended(&fake.jobs[i]) &&
            fake.jobs[i].arrives_us <= fake.now_us && came_before(&fake.jobs[i], job) &&
            strcmp(fake.jobs[i].name, job->name) == 0)
            return true;
    return false;
}

static bool try_start(struct fake_job *job)
{
    const uint32_t closed = DURE_SLURM_NODE_DOWN | DURE_SLURM_NODE_DRAIN;
    const char *reason = job->held ? "JobHeldUser" : singleton_waits(job) ? "Dependency" : "";
    uint64_t mask[FAKE_NODES] = {0};
    for (unsigned n = 0; n < FAKE_NODES && !*reason; n++) {
        if (!(job->nodes >> n & 1))
            continue;
        uint64_t free_gpus = ((UINT64_C(1) << FAKE_GPUS) - 1) & ~used_on(n);
        if (fake.node_flags[n] & closed)
            reason = "ReqNodeNotAvail";
        else if ((uint32_t)__builtin_popcountll(free_gpus) < job->gpus)
            reason = "Resources";
        for (uint32_t g = 0; !*reason && g < job->gpus; g++) {
            mask[n] |= free_gpus & -free_gpus;
            free_gpus &= free_gpus - 1;
        }
    }
    dure_text_copy(job->reason, sizeof job->reason, reason);
    if (*reason || fake.now_us < job->submit_us + (job->foreign ? 0 : fake.start_late_us))
        return false;
    job->state = DURE_SLURM_STATE_RUNNING;
    job->start_us = fake.now_us;
    memcpy(job->mask, mask, sizeof mask);
    note_start(job);
    return true;
}

static void finish(struct fake_job *job, enum dure_slurm_state state, int code, int signal)
{
    job->state = state;
    job->exit_code = code;
    job->exit_signal = signal;
    job->end_us = fake.now_us;
}

static void kill_on_dead_nodes(struct fake_job *job)
{
    for (unsigned n = 0; n < FAKE_NODES; n++)
        if (job->state == DURE_SLURM_STATE_RUNNING && job->nodes >> n & 1 && fake.node_flags[n] & DURE_SLURM_NODE_DOWN)
            finish(job, DURE_SLURM_STATE_NODE_FAIL, 0, 0);
}

static void purge(void)
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (!ended(&fake.jobs[i]) || fake.now_us < fake.jobs[i].end_us + fake.memory_us)
            fake.jobs[to++] = fake.jobs[i];
    fake.job_count = to;
}

void fake_jobs_move(void)
{
    if (fake.ctld_dead)
        return;
    for (uint32_t i = 0; i < fake.job_count; i++) {
        struct fake_job *job = &fake.jobs[i];
        kill_on_dead_nodes(job);
        if (job->state == DURE_SLURM_STATE_RUNNING && fake.now_us >= job->start_us + job->lasts_us)
            finish(job, fake.launch_fails ? DURE_SLURM_STATE_CANCELLED : DURE_SLURM_STATE_COMPLETED, 0, 0);
    }
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (fake.jobs[i].state == DURE_SLURM_STATE_PENDING && fake.jobs[i].arrives_us <= fake.now_us)
            (void)try_start(&fake.jobs[i]);
    purge();
}

void fake_crash(void)
{
    fake.job_count = 0;
    fake.next_id = 1;
}

struct fake_job *fake_job(const char *part)
{
    for (uint32_t i = fake.job_count; i > 0; i--)
        if (strstr(fake.jobs[i - 1].name, part))
            return &fake.jobs[i - 1];
    return NULL;
}

static struct fake_job *job_new(const char *name)
{
    if (fake.job_count == FAKE_JOBS_MAX)
        tap_bail("too many jobs");
    struct fake_job *job = &fake.jobs[fake.job_count++];
    *job = (struct fake_job){
        .id = fake.next_id++, .state = DURE_SLURM_STATE_PENDING, .submit_us = fake.now_us, .lasts_us = fake.lasts_us};
    dure_text_copy(job->name, sizeof job->name, name);
    return job;
}

struct fake_job *fake_foreign(uint32_t nodes, uint32_t gpus, int64_t lasts_us)
{
    struct fake_job *job = job_new("theirs");
    job->foreign = true;
    job->nodes = nodes;
    job->gpus = gpus;
    job->lasts_us = lasts_us;
    fake_jobs_move();
    return job;
}

struct fake_job *fake_running(const char *name, uint32_t nodes)
{
    struct fake_job *job = job_new(name);
    job->state = DURE_SLURM_STATE_RUNNING;
    job->start_us = fake.now_us;
    job->lasts_us = DURE_HOUR_US;
    job->nodes = nodes;
    for (unsigned n = 0; n < FAKE_NODES; n++)
        job->mask[n] = nodes >> n & 1;
    return job;
}

struct fake_job *fake_twin(const struct fake_job *of)
{
    struct fake_job *job = job_new(of->name);
    job->nodes = of->nodes;
    job->gpus = of->gpus;
    return job;
}

static struct fake_job *by_id(uint32_t id)
{
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (fake.jobs[i].id == id)
            return &fake.jobs[i];
    return NULL;
}

/* ---- the wire ---- */

enum dure_err dure_slurm_new(const struct dure_slurm_options *options, struct dure_slurm **ret_slurm,
                             struct dure_error *error)
{
    (void)options;
    (void)error;
    *ret_slurm = calloc(1, sizeof **ret_slurm);
    return *ret_slurm ? DURE_OK : DURE_E_MEMORY;
}

static struct pending *replies; /* of all wires, in the order of asking */

static void pending_free(struct pending *pending)
{
    free(pending->jobs);
    free(pending);
}

void dure_slurm_free(struct dure_slurm *slurm)
{
    for (struct pending **at = &replies; *at;) {
        struct pending *pending = *at;
        if (pending->wire != slurm) {
            at = &pending->next;
            continue;
        }
        *at = pending->next;
        pending_free(pending);
    }
    free(slurm);
}

uint32_t dure_slurm_under_way(const struct dure_slurm *slurm)
{
    uint32_t count = 0;
    for (const struct pending *at = replies; at; at = at->next)
        count += at->wire == slurm;
    return count;
}

void dure_slurm_describe(const struct dure_slurm *slurm, struct dure_buf *text)
{
    (void)slurm;
    dure_buf_str(text, "a cluster that is made up");
}

static struct pending *ask(struct dure_slurm *slurm, enum question question, dure_slurm_fn fn, void *context)
{
    struct pending *pending = calloc(1, sizeof *pending), **last = &replies;
    if (!pending)
        tap_bail("out of memory");
    *pending = (struct pending){
        .wire = slurm, .question = question, .fn = fn, .context = context, .due_us = fake.now_us + REPLY_US};
    pending->reply.text = "";
    while (*last)
        last = &(*last)->next;
    *last = pending;
    fake.requests++;
    return pending;
}

/* What stands in the way of a question; true: it does not arrive. */
static bool stopped(struct pending *pending)
{
    if (fake.gone) {
        pending->due_us = fake.now_us + TIMEOUT_US;
        pending->reply.result = DURE_SLURM_NO_ANSWER;
        pending->reply.text = "no answer in 30 s";
    } else if (fake.silent || fake.ctld_dead) {
        pending->due_us = fake.now_us + DURE_SECOND_US;
        pending->reply.result = DURE_SLURM_NO_ANSWER;
        pending->reply.unsent = true;
        pending->reply.text = "connection refused";
    } else if (fake.denied) {
        pending->reply.result = DURE_SLURM_DENIED;
        pending->reply.text = "the token is not valid";
    } else if (fake.stuck) {
        pending->due_us = fake.now_us + TIMEOUT_US;
        pending->reply.result = DURE_SLURM_NO_ANSWER;
        pending->reply.text = "no answer in 30 s";
        return false; /* it arrives */
    }
    return fake.gone || fake.silent || fake.ctld_dead || fake.denied;
}

/* When the list of jobs last became another one: a sum over what it tells. */
static int64_t changed_us;

static void note_changes(void)
{
    static uint64_t before;
    uint64_t sum = fake.job_count;
    for (uint32_t i = 0; i < fake.job_count; i++) {
        const struct fake_job *job = &fake.jobs[i];
        if (job->arrives_us <= fake.now_us)
            sum = (sum ^ job->id ^ (uint64_t)job->state << 32 ^ (uint64_t)job->held << 40) * UINT64_C(0x100000001b3);
    }
    if (sum != before)
        changed_us = fake.now_us;
    before = sum;
}

static uint32_t nodes_of(const char *list)
{
    uint32_t nodes = 0;
    char text[256];
    dure_text_copy(text, sizeof text, list);
    /* "n[1-2,4]" or "n3" */
    for (char *at = text; *at; at++) {
        if (*at < '1' || *at > '9')
            continue;
        unsigned first = (unsigned)(*at - '0'), last = first;
        if (at[1] == '-') {
            at += 2;
            last = (unsigned)(*at - '0');
        }
        for (unsigned n = first; n <= last; n++)
            nodes |= 1u << (n - 1);
    }
    return nodes;
}

enum dure_err dure_slurm_submit(struct dure_slurm *slurm, const struct dure_slurm_submit *submit, dure_slurm_fn fn,
                                void *context, struct dure_error *error)
{
    struct pending *pending = ask(slurm, ASK_SUBMIT, fn, context);
    (void)error;
    fake.submits++;
    if (stopped(pending))
        return DURE_OK;
    if (fake.refuse) {
        pending->reply.result = DURE_SLURM_REFUSED;
        pending->reply.text = fake.refuse;
        return DURE_OK;
    }
    struct fake_job *job = job_new(submit->name);
    job->walltime_us = submit->walltime_us;
    job->nodes = nodes_of(submit->nodelist);
    job->gpus = submit->gpus_per_node;
    job->held = submit->hold;
    dure_text_copy(job->comment, sizeof job->comment, submit->comment);
    if ((uint32_t)__builtin_popcount(job->nodes) != submit->node_count)
        tap_bail("the list %s has not %u nodes", submit->nodelist, submit->node_count);
    pending->reply.job_id = job->id;
    if (fake.late_us) { /* it waits somewhere, whoever sent it may die meanwhile, and arrives */
        job->arrives_us = fake.now_us + fake.late_us;
        pending->due_us = fake.now_us + TIMEOUT_US;
        pending->reply.result = DURE_SLURM_NO_ANSWER;
        pending->reply.text = "no answer in 30 s";
        fake.late_us = 0;
    } else if (fake.lose_answers) {
        fake.lose_answers--;
        pending->due_us = fake.now_us + TIMEOUT_US;
        pending->reply.result = DURE_SLURM_NO_ANSWER;
        pending->reply.text = "no answer in 30 s";
    }
    return DURE_OK;
}

static bool is_among(uint32_t id, const struct dure_slurm_filter *filter)
{
    for (uint32_t i = 0; i < filter->job_id_count; i++)
        if (filter->job_ids[i] == id)
            return true;
    return filter->job_id_count == 0;
}

enum dure_err dure_slurm_list(struct dure_slurm *slurm, const struct dure_slurm_filter *filter, dure_slurm_fn fn,
                              void *context, struct dure_error *error)
{
    struct pending *pending = ask(slurm, ASK_LIST, fn, context);
    (void)error;
    pending->due_us += fake.list_late_us;
    if (stopped(pending) || fake.stuck)
        return DURE_OK;
    pending->states_only = fake.tells_states && filter && filter->states_only;
    const struct dure_slurm_filter all = {0};
    const uint32_t only = filter ? filter->job_id : 0;
    const bool few = only || (filter && filter->job_id_count);
    filter = filter ? filter : &all;
    fake.whole_lists += !pending->states_only && !few;
    fake.state_lists += pending->states_only && !few;
    fake.glances += few;
    pending->reply.few = fake.tells_states ? DURE_SLURM_FEW_TOGETHER : DURE_SLURM_FEW_ONE_BY_ONE;
    if ((fake.list_unreadable && !few) || (fake.whole_unreadable && !pending->states_only)) {
        pending->reply.result = DURE_SLURM_MALFORMED;
        pending->reply.text = "an answer of more than 256 MiB";
        return DURE_OK;
    }
    fake_jobs_move();
    note_changes();
    pending->reply.as_of_us = fake.marks ? fake.now_us : 0;
    if (fake.marks && filter->since_us && !few && filter->since_us - DURE_SECOND_US >= changed_us) {
        pending->reply.unchanged = true;
        return DURE_OK;
    }
    pending->jobs = malloc((fake.job_count + 1) * sizeof *pending->jobs);
    if (!pending->jobs)
        tap_bail("out of memory");
    for (uint32_t i = 0; i < fake.job_count; i++)
        if (fake.jobs[i].arrives_us <= fake.now_us && (!only || fake.jobs[i].id == only) &&
            is_among(fake.jobs[i].id, filter))
            pending->jobs[pending->job_count++] = fake.jobs[i];
    return DURE_OK;
}

enum dure_err dure_slurm_list_nodes(struct dure_slurm *slurm, dure_slurm_fn fn, void *context, struct dure_error *error)
{
    struct pending *pending = ask(slurm, ASK_NODES, fn, context);
    (void)error;
    (void)stopped(pending);
    return DURE_OK;
}

static struct pending *order(struct dure_slurm *slurm, dure_slurm_fn fn, void *context, bool *arrives)
{
    struct pending *pending = ask(slurm, ASK_ORDER, fn, context);
    *arrives = !stopped(pending);
    if (*arrives && fake.lose_orders) {
        fake.lose_orders--;
        *arrives = false;
        pending->reply.result = DURE_SLURM_NO_ANSWER;
        pending->reply.text = "the connection was cut";
    }
    return pending;
}

enum dure_err dure_slurm_signal(struct dure_slurm *slurm, uint32_t id, int signal, enum dure_slurm_scope scope,
                                dure_slurm_fn fn, void *context, struct dure_error *error)
{
    bool arrives;
    struct pending *pending = order(slurm, fn, context, &arrives);
    struct fake_job *job = arrives ? by_id(id) : NULL;
    (void)error;
    (void)scope;
    fake.signals++;
    if (job && job->state == DURE_SLURM_STATE_RUNNING && (signal == 9 || !job->obeys_nothing))
        finish(job, DURE_SLURM_STATE_FAILED, 0, signal);
    else if (arrives && !(job && job->state == DURE_SLURM_STATE_RUNNING))
        pending->reply.result = DURE_SLURM_REFUSED;
    return DURE_OK;
}

enum dure_err dure_slurm_cancel(struct dure_slurm *slurm, uint32_t id, dure_slurm_fn fn, void *context,
                                struct dure_error *error)
{
    bool arrives;
    (void)order(slurm, fn, context, &arrives);
    struct fake_job *job = arrives ? by_id(id) : NULL;
    (void)error;
    fake.cancels++;
    fake.foreign_cancels += job && job->foreign;
    if (job && !ended(job))
        finish(job, DURE_SLURM_STATE_CANCELLED, 0, job->state == DURE_SLURM_STATE_RUNNING ? 15 : 0);
    return DURE_OK;
}

enum dure_err dure_slurm_release(struct dure_slurm *slurm, uint32_t id, dure_slurm_fn fn, void *context,
                                 struct dure_error *error)
{
    bool arrives;
    (void)order(slurm, fn, context, &arrives);
    struct fake_job *job = arrives ? by_id(id) : NULL;
    (void)error;
    if (job)
        job->held = false;
    return DURE_OK;
}

enum dure_err dure_slurm_extend(struct dure_slurm *slurm, uint32_t id, int64_t walltime_us, dure_slurm_fn fn,
                                void *context, struct dure_error *error)
{
    bool arrives;
    (void)order(slurm, fn, context, &arrives);
    struct fake_job *job = arrives ? by_id(id) : NULL;
    (void)error;
    if (job)
        job->walltime_us = walltime_us;
    return DURE_OK;
}

/* ---- answers ---- */

static void give_jobs(struct pending *pending)
{
    struct dure_slurm_job *list = calloc(pending->job_count + 1, sizeof *list);
    struct dure_slurm_job_node *nodes = calloc((size_t)pending->job_count * FAKE_NODES + 1, sizeof *nodes);
    static const char *const names[FAKE_NODES] = {"n1", "n2", "n3", "n4"};
    if (!list || !nodes)
        tap_bail("out of memory");
    for (uint32_t i = 0; i < pending->job_count; i++) {
        const struct fake_job *job = &pending->jobs[i];
        struct dure_slurm_job_node *own = nodes + (size_t)i * FAKE_NODES;
        list[i] = dure_slurm_no_job;
        list[i].job_id = job->id;
        list[i].name = job->name;
        list[i].comment = job->comment;
        list[i].reason = job->reason;
        list[i].state = job->state;
        list[i].flags = job->held ? DURE_SLURM_JOB_HELD : 0;
        list[i].exit_code = job->exit_code;
        list[i].exit_signal = job->exit_signal;
        list[i].start_us = job->start_us;
        list[i].end_us = job->end_us;
        list[i].walltime_us = job->walltime_us;
        list[i].restarts = job->restarts;
        list[i].nodes = own;
        for (unsigned n = 0; n < FAKE_NODES; n++)
            if (job->mask[n])
                own[list[i].node_count++] =
                    pending->states_only ? (struct dure_slurm_job_node){.name = names[n]}
                                         : (struct dure_slurm_job_node){
                                               names[n], (uint32_t)__builtin_popcountll(job->mask[n]), job->mask[n]};
    }
    pending->reply.states_only = pending->states_only;
    pending->reply.jobs = pending->reply.unchanged ? NULL : list;
    pending->reply.job_count = pending->job_count;
    pending->fn(pending->context, &pending->reply);
    free(list);
    free(nodes);
}

static void give_nodes(struct pending *pending)
{
    struct dure_slurm_node list[FAKE_NODES];
    static const char *const names[FAKE_NODES] = {"n1", "n2", "n3", "n4"};
    for (unsigned n = 0; n < FAKE_NODES; n++)
        list[n] = (struct dure_slurm_node){.name = names[n],
                                           .reason = fake.node_reason[n],
                                           .flags = fake.forgets_nodes   ? DURE_SLURM_NODE_DOWN
                                                    : fake.node_flags[n] ? fake.node_flags[n]
                                                                         : DURE_SLURM_NODE_IDLE,
                                           .gpu_count = FAKE_GPUS};
    pending->reply.nodes = list;
    pending->reply.node_count = FAKE_NODES;
    pending->fn(pending->context, &pending->reply);
}

int64_t fake_next_us(void)
{
    int64_t next = INT64_MAX;
    for (const struct pending *pending = replies; pending; pending = pending->next)
        next = pending->due_us < next ? pending->due_us : next;
    for (uint32_t i = 0; i < fake.job_count; i++) {
        const struct fake_job *job = &fake.jobs[i];
        const int64_t at = job->state == DURE_SLURM_STATE_RUNNING   ? job->start_us + job->lasts_us
                           : job->arrives_us > fake.now_us          ? job->arrives_us
                           : job->state == DURE_SLURM_STATE_PENDING ? job->submit_us + fake.start_late_us
                                                                    : INT64_MAX;
        next = at > fake.now_us && at < next ? at : next;
    }
    return next;
}

void fake_replies_move(void)
{
    for (bool again = true; again;) {
        again = false;
        for (struct pending **at = &replies; *at; at = &(*at)->next) {
            struct pending *pending = *at;
            if (pending->due_us > fake.now_us)
                continue;
            *at = pending->next;
            if (pending->reply.result == DURE_SLURM_DONE && pending->question == ASK_LIST)
                give_jobs(pending);
            else if (pending->reply.result == DURE_SLURM_DONE && pending->question == ASK_NODES)
                give_nodes(pending);
            else
                pending->fn(pending->context, &pending->reply);
            pending_free(pending);
            again = true;
            break;
        }
    }
}
