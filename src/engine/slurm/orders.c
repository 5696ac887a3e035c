/* What is said to Slurm: hand over, warn, stop, another walltime. An answer may be lost: then the next look says what became of it. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "engine/outname.h"
#include "engine/slurm/engine_inner.h"

enum { SCRIPT_BYTES_MAX = DURE_SLURM_SCRIPT_MAX };
#define LIMIT_SLACK_US (60 * DURE_SECOND_US)

/* The core ends it at its walltime; Slurm's limit is for when nobody is there to say so. */
int64_t slurm_limit_us(const struct slurm_attempt *attempt)
{
    return attempt->walltime_us + attempt->grace_us + LIMIT_SLACK_US;
}

void slurm_ready(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    if (!attempt->plan) {
        slurm_tell(attempt, DURE_REPORT_LOST, "it never began, and what was to be run is not known any more");
        return;
    }
    attempt->state = SLURM_READY;
    if (!attempt->ready_us)
        attempt->ready_us = slurm_steady_us(slurm);
    attempt->queued = true;
    attempt->queue_next = NULL;
    attempt->queue_prev = slurm->queue_last;
    if (slurm->queue_last)
        slurm->queue_last->queue_next = attempt;
    else
        slurm->queue_first = attempt;
    slurm->queue_last = attempt;
    slurm_pump(slurm);
}

void slurm_unqueue(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    if (!attempt->queued)
        return;
    attempt->queued = false;
    if (attempt->queue_prev)
        attempt->queue_prev->queue_next = attempt->queue_next;
    else
        slurm->queue_first = attempt->queue_next;
    if (attempt->queue_next)
        attempt->queue_next->queue_prev = attempt->queue_prev;
    else
        slurm->queue_last = attempt->queue_prev;
}

void slurm_unsure(struct slurm_attempt *attempt)
{
    attempt->state = SLURM_UNSURE;
    attempt->unsure_us = slurm_steady_us(attempt->slurm);
    attempt->searches = 0;
    slurm_poke(attempt->slurm);
}

/* Heard as soon as Slurm says anything that is its own word. */
static void note_reply(struct slurm *slurm, const struct dure_slurm_reply *reply)
{
    if (reply->result == DURE_SLURM_DONE || reply->result == DURE_SLURM_REFUSED)
        slurm_heard(slurm);
    else if (reply->result != DURE_SLURM_UNSUPPORTED)
        slurm_unheard(slurm, reply->text);
}

/* ---- handing over ---- */

static bool passes_soon(const char *text)
{
    static const char *const words[] = {"emporarily", "ry again",      "tandby",
                                        "ransition",  "Communication", "communication",
                                        "I/O error", /* slurmctld's disk is full */
                                        NULL};
    for (unsigned i = 0; words[i]; i++)
        if (strstr(text, words[i]))
            return true;
    return false;
}

static void ready_later(struct slurm_attempt *attempt, const char *why)
{
    dure_text_copy(attempt->waits_for, sizeof attempt->waits_for, why);
    attempt->retry_us = slurm_steady_us(attempt->slurm) + SLURM_AGAIN_US;
    slurm_ready(attempt);
}

static void refused(struct slurm_attempt *attempt, const char *words)
{
    char reason[DURE_REASON_MAX + 1];
    snprintf(reason, sizeof reason, "Slurm refuses it: %.*s", DURE_REASON_MAX - 20, words);
    for (char *at = reason; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    slurm_tell(attempt, DURE_REPORT_REFUSED, reason);
}

static void handed_over(struct slurm_attempt *attempt, uint32_t job_id)
{
    attempt->state = SLURM_IN_SLURM;
    attempt->job_id = job_id;
    attempt->order_us = attempt->pending_us = slurm_steady_us(attempt->slurm);
    attempt->missing = 0;
    slurm_poke(attempt->slurm);
    if (attempt->forget_wanted)
        slurm_drop(attempt);
    else
        slurm_orders(attempt);
}

static void on_submitted(void *context, const struct dure_slurm_reply *reply)
{
    struct slurm_attempt *attempt = context;
    struct slurm *slurm = attempt->slurm;
    slurm->handing--;
    note_reply(slurm, reply);
    switch (reply->result) {
    case DURE_SLURM_DONE: handed_over(attempt, reply->job_id); break;
    case DURE_SLURM_REFUSED:
        if (attempt->forget_wanted)
            slurm_drop(attempt);
        else if (passes_soon(reply->text))
            ready_later(attempt, reply->text);
        else
            refused(attempt, reply->text);
        break;
    case DURE_SLURM_UNSUPPORTED: refused(attempt, reply->text); break;
    case DURE_SLURM_DENIED: ready_later(attempt, reply->text); break;
    default:
        if (attempt->forget_wanted)
            slurm_drop(attempt); /* if it is there all the same, a look finds it beside the living */
        else if (reply->unsent || SLURM_WITHOUT(SEARCH))
            ready_later(attempt, reply->text);
        else
            slurm_unsure(attempt);
    }
    slurm_pump(slurm);
}

/* Where output goes, for sbatch: the percent signs of a path are no patterns. */
static const char *output_name(const struct slurm_plan *plan, bool is_stderr, char path[2 * DURE_LOCAL_PATH_MAX])
{
    char plain[DURE_LOCAL_PATH_MAX];
    size_t to = 0;
    if (dure_out_name(&plan->order->spec, 0, is_stderr, plain, sizeof plain, NULL) != DURE_OK)
        return NULL;
    for (const char *at = plain; *at; at++) {
        path[to++] = *at;
        if (*at == '%')
            path[to++] = '%';
    }
    path[to] = '\0';
    return path;
}

static void fill(const struct slurm_attempt *attempt, struct dure_slurm_submit *submit)
{
    const struct slurm *slurm = attempt->slurm;
    const struct dure_spec *spec = &attempt->plan->order->spec;
    const uint64_t on_node = attempt->plan->tasks_per_node ? attempt->plan->tasks_per_node : 1;
    *submit = (struct dure_slurm_submit){
        .name = attempt->name,
        .partition = slurm->site.partition,
        .qos = slurm->site.qos,
        .reservation = slurm->site.reservation,
        .user = slurm->site.as_daemon ? NULL : spec->login.data,
        .directory = spec->workdir.data,
        .nodelist = attempt->plan->nodelist,
        .node_count = (uint32_t)spec->nodes,
        .tasks = (uint32_t)spec->tasks,
        .tasks_per_node = attempt->plan->tasks_per_node,
        .cpus_per_task = spec->task_cpu_milli < 1000 ? 1 : (uint32_t)(spec->task_cpu_milli / 1000),
        .gpus_per_node = attempt->plan->gpus_per_node,
        .memory_per_node_mib = attempt->plan->tasks_per_node ? (uint32_t)(spec->task_memory_mib * on_node) : 0,
        .walltime_us = slurm_limit_us(attempt),
        .append = spec->restarts > 0,
        .hold = attempt->careful,
        .dependency = "singleton",
    };
    if (!attempt->plan->tasks_per_node)
        submit->memory_per_cpu_mib = (uint32_t)(spec->task_memory_mib / submit->cpus_per_task);
}

static enum dure_err submit(struct slurm_attempt *attempt, struct dure_error *error)
{
    struct slurm *slurm = attempt->slurm;
    struct dure_buf script DURE_CLEANUP_BUF, list DURE_CLEANUP_BUF;
    char out[2 * DURE_LOCAL_PATH_MAX], err_name[2 * DURE_LOCAL_PATH_MAX], account[DURE_NAME_MAX + 1];
    struct dure_slurm_submit order;
    dure_buf_init(&script, SCRIPT_BYTES_MAX);
    dure_buf_init(&list, DURE_SLURM_ENVIRONMENT_MAX);
    slurm_script_write(attempt->plan, slurm->site.node_prefix, &script);
    const uint32_t count = slurm_environment_write(attempt->plan, &list);
    if (script.failed || list.failed)
        return dure_fail(error, DURE_E_LIMIT, "script, command and environment together pass what Slurm takes");
    const char **environment = calloc((size_t)count + 1, sizeof *environment);
    if (!environment)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    const char *at = list.data;
    for (uint32_t i = 0; i < count; i++, at += strlen(at) + 1)
        environment[i] = at;
    fill(attempt, &order);
    dure_slurm_account(&slurm->site, attempt->plan->order->spec.tenant.data, account);
    order.account = account;
    order.output = output_name(attempt->plan, false, out);
    order.error_output = output_name(attempt->plan, true, err_name);
    if (order.output && order.error_output && strcmp(order.output, order.error_output) == 0)
        order.error_output = NULL;
    char comment[128];
    snprintf(comment, sizeof comment, "%s%s", attempt->plan->comment, attempt->careful ? SLURM_AGAIN : "");
    order.comment = comment;
    order.script = script.data;
    order.script_length = script.length;
    order.environment = environment;
    order.environment_count = count;
    const enum dure_err err = dure_slurm_submit(slurm->wire, &order, on_submitted, attempt, error);
    free(environment);
    return err;
}

void slurm_never_began(struct slurm_attempt *attempt)
{
    const struct dure_observation over = {.attempt = {attempt->id},
                                          .report = DURE_REPORT_ENDED,
                                          .exit_signal = attempt->stop_wanted ? SIGKILL : SIGTERM,
                                          .reason = "stopped before it began"};
    slurm_tell_over(attempt, &over);
}

static void hand_over(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    struct dure_error error = {0};
    if (attempt->forget_wanted) {
        slurm_drop(attempt);
        return;
    }
    if (attempt->stop_wanted || attempt->warn_wanted) {
        slurm_never_began(attempt);
        return;
    }
    attempt->state = SLURM_HANDING;
    slurm->handing++;
    const enum dure_err err = submit(attempt, &error);
    if (!err) {
        slurm->requests++;
        return;
    }
    slurm->handing--;
    if (err == DURE_E_BUSY || err == DURE_E_MEMORY)
        ready_later(attempt, error.text);
    else
        slurm_tell(attempt, DURE_REPORT_REFUSED, error.text);
}

void slurm_pump(struct slurm *slurm)
{
    const int64_t now = slurm_steady_us(slurm);
    const uint32_t most = slurm->site.via == DURE_SLURM_COMMANDS ? SLURM_COMMANDS_HANDING_OVER : SLURM_HANDING_OVER;
    while (!slurm->closing && slurm->queue_first && slurm->handing < most && slurm->queue_first->retry_us <= now &&
           slurm->heard_once && !slurm->failures) {
        struct slurm_attempt *attempt = slurm->queue_first;
        slurm_unqueue(attempt);
        hand_over(attempt);
    }
}

/* ---- what has been handed over ---- */

/* An order under way; kept in a list, because the wire ends what is under way without a word when it is freed. */
struct slurm_order {
    struct slurm *slurm;
    uint64_t attempt; /* 0: of none that lives */
    bool is_warning;
    struct slurm_order *prev, *next;
};

static void order_free(struct slurm_order *order)
{
    if (order->prev)
        order->prev->next = order->next;
    else
        order->slurm->orders = order->next;
    if (order->next)
        order->next->prev = order->prev;
    free(order);
}

void slurm_orders_free(struct slurm *slurm)
{
    while (slurm->orders)
        order_free(slurm->orders);
}

static void on_order(void *context, const struct dure_slurm_reply *reply)
{
    struct slurm_order *order = context;
    struct slurm *slurm = order->slurm;
    struct slurm_attempt *attempt = order->is_warning ? slurm_find(slurm, order->attempt) : NULL;
    if (attempt && reply->result == DURE_SLURM_UNSUPPORTED)
        attempt->warn_all = true;
    if (attempt && reply->result != DURE_SLURM_DONE && !SLURM_WITHOUT(REPEAT))
        attempt->warn_sent = false; /* again with the next look; a second SIGTERM does less harm than none */
    order_free(order);
    note_reply(slurm, reply);
    slurm_poke(slurm);
}

static struct slurm_order *order_new(struct slurm *slurm, uint64_t attempt, bool is_warning)
{
    struct slurm_order *order = calloc(1, sizeof *order);
    if (!order)
        return NULL;
    *order = (struct slurm_order){.slurm = slurm, .attempt = attempt, .is_warning = is_warning, .next = slurm->orders};
    if (slurm->orders)
        slurm->orders->prev = order;
    slurm->orders = order;
    return order;
}

static bool sent(struct slurm_order *order, enum dure_err err)
{
    if (err == DURE_OK)
        order->slurm->requests++;
    else
        order_free(order);
    return err == DURE_OK;
}

static bool say_signal(struct slurm *slurm, uint64_t attempt, uint32_t job_id, int number, enum dure_slurm_scope scope)
{
    struct slurm_order *order = order_new(slurm, attempt, number == SIGTERM);
    return order && sent(order, dure_slurm_signal(slurm->wire, job_id, number, scope, on_order, order, NULL));
}

void slurm_cancel_job(struct slurm *slurm, uint32_t job_id, bool kill_first)
{
    /* Slurm's own way from SIGTERM to SIGKILL takes KillWait; the grace is over already. */
    if (kill_first)
        (void)say_signal(slurm, 0, job_id, SIGKILL, DURE_SLURM_ALL);
    struct slurm_order *order = order_new(slurm, 0, false);
    if (order)
        (void)sent(order, dure_slurm_cancel(slurm->wire, job_id, on_order, order, NULL));
}

void slurm_release_job(struct slurm *slurm, uint32_t job_id)
{
    struct slurm_order *order = order_new(slurm, 0, false);
    if (order)
        (void)sent(order, dure_slurm_release(slurm->wire, job_id, on_order, order, NULL));
}

static void stop(struct slurm_attempt *attempt)
{
    const int64_t now = slurm_steady_us(attempt->slurm);
    if (attempt->stop_us && (SLURM_WITHOUT(REPEAT) || now < attempt->stop_us + SLURM_REPEAT_US))
        return;
    attempt->stop_us = now;
    slurm_cancel_job(attempt->slurm, attempt->job_id, attempt->runs);
}

static void warn(struct slurm_attempt *attempt)
{
    /* It has not begun, so there is nothing to warn: it goes at once. */
    if (!attempt->runs && attempt->pending_seen) {
        stop(attempt);
        return;
    }
    if (!attempt->runs || attempt->warn_sent)
        return;
    /* An srun that hears it itself ends its step at once, without the grace: then the step's tasks alone are told. */
    attempt->warn_sent = say_signal(attempt->slurm, attempt->id, attempt->job_id, SIGTERM,
                                    attempt->has_steps && !attempt->warn_all ? DURE_SLURM_STEPS : DURE_SLURM_ALL);
}

void slurm_orders(struct slurm_attempt *attempt)
{
    struct slurm *slurm = attempt->slurm;
    if (attempt->state != SLURM_IN_SLURM || !attempt->job_id)
        return;
    if (attempt->stop_wanted)
        stop(attempt);
    else if (attempt->warn_wanted)
        warn(attempt);
    if (!attempt->extend_wanted)
        return;
    struct slurm_order *order = order_new(slurm, 0, false);
    attempt->extend_wanted = !order || !sent(order, dure_slurm_extend(slurm->wire, attempt->job_id,
                                                                      slurm_limit_us(attempt), on_order, order, NULL));
}
