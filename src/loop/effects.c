/* What a durable batch sets free: answers, events and orders to engines, in the order of the records. */
#include <string.h>

#include "base/text.h"
#include "loop/internal.h"

enum { ROWS_MAX = 1 << 24 };

static struct dure_site_id site_of(const struct dure_loop *loop, const struct dure_place *places, uint32_t count)
{
    const struct dure_fleet *fleet = dure_core_fleet(loop->core);
    DURE_ASSERT(fleet != NULL && count > 0);
    const struct dure_chain *chain = dure_fleet_chain_of(fleet, (struct dure_node_id){places[0].node_first}, NULL);
    DURE_ASSERT(chain != NULL);
    return chain->site;
}

/* An order that outlives the core's view of the job: it may be gone again before the start is durable. */
static struct dure_order *order_of(struct dure_loop *loop, struct dure_arena *arena, const struct dure_job_view *view,
                                   struct dure_attempt_id attempt, const struct dure_place *places,
                                   uint32_t place_count, int64_t started_us)
{
    struct dure_order *order = dure_arena_alloc(arena, sizeof *order);
    struct dure_job *job = dure_arena_alloc(arena, sizeof *job);
    struct dure_place *copy = dure_arena_alloc(arena, place_count * sizeof *copy);

    if (order == NULL || job == NULL || copy == NULL)
        return NULL;
    *job = *view->job;
    memcpy(copy, places, place_count * sizeof *copy);
    *order = (struct dure_order){
        .term = loop->term,
        .ref = {.job = view->id, .element = view->element},
        .attempt = attempt,
        .job = job,
        .places = copy,
        .place_count = place_count,
        .submitted_us = view->submitted_us,
        .started_us = started_us,
        .restarts = view->requeues,
    };
    return order;
}

static bool start_from(struct dure_loop *loop, struct dure_batch *batch, const struct dure_record *decision)
{
    struct dure_job_view view;
    if (!dure_core_job_view(loop->core, decision->job, decision->element, &view))
        return false;
    view.element = decision->element;
    struct effect effect = {.kind = EFFECT_START, .attempt = decision->attempt};
    effect.site = site_of(loop, decision->places, decision->place_count);
    effect.order = order_of(loop, batch->arena, &view, decision->attempt, decision->places, decision->place_count,
                            decision->time_us);
    return effect.order != NULL && DURE_VEC_PUSH(&batch->effects, effect, ROWS_MAX);
}

bool effect_from(struct dure_loop *loop, struct dure_batch *batch, const struct dure_record *decision)
{
    struct effect effect = {.attempt = decision->attempt, .deadline_us = decision->deadline_us};
    struct dure_node_id node;

    switch (decision->kind) {
    case DURE_REC_START: return start_from(loop, batch, decision);
    case DURE_REC_NOTICE: effect.kind = EFFECT_WARN; break;
    case DURE_REC_CANCEL_NOTICE: effect.kind = EFFECT_UNWARN; break;
    case DURE_REC_STOP: effect.kind = EFFECT_STOP; break;
    case DURE_REC_END:
    case DURE_REC_REQUEUE: effect.kind = EFFECT_FORGET; break;
    default: return true;
    }
    if (decision->attempt.v == DURE_NONE64 || !dure_core_attempt_node(loop->core, decision->attempt, &node))
        return true; /* it never began: nothing to tell anyone */
    effect.site = site_of(loop, &(struct dure_place){.node_first = node.v}, 1);
    return DURE_VEC_PUSH(&batch->effects, effect, ROWS_MAX);
}

bool effect_of_input(struct dure_loop *loop, struct dure_batch *batch, const struct dure_record *input)
{
    struct dure_job_cursor cursor = {.job = input->job.v};
    struct dure_job_view view;
    bool room = true;

    if (input->kind != DURE_REC_MODIFY || !(input->number & DURE_CHANGE_WALLTIME))
        return true;
    while (room && dure_core_job_next(loop->core, &cursor, &view) && view.id.v == input->job.v) {
        if (view.attempt.v == DURE_NONE64)
            continue;
        const struct effect effect = {.kind = EFFECT_EXTEND,
                                      .attempt = view.attempt,
                                      .site = site_of(loop, view.places, view.place_count),
                                      .deadline_us = input->submit.walltime_us};
        room = DURE_VEC_PUSH(&batch->effects, effect, ROWS_MAX);
    }
    return room;
}

/* Names as they are now: between the decision and its order the fleet or the tenants may have been replaced. */
static void start(struct dure_loop *loop, struct dure_engine *engine, struct dure_order *order, bool recovering)
{
    const struct dure_tenants *tenants = dure_core_tenants(loop->core);
    uint32_t tenant = order->job->tenant.v;
    order->fleet = dure_core_fleet(loop->core);
    order->login = dure_loop_login(loop, order->job->principal);
    order->tenant_path = tenants != NULL && tenant < tenants->tenant_count ? tenants->tenants[tenant].path : "";
    engine->start(engine->state, order, recovering);
}

/* A start whose engine needs the body: read it in the store's order, then begin. */
struct body_read {
    struct dure_store_read read;
    struct dure_loop *loop;
    struct dure_arena *arena;
    struct dure_order *order;
    struct dure_site_id site;
    struct dure_buf body;
    enum dure_err err;
    struct dure_error error;
    bool recovering;
};

static void body_read_run(struct dure_store_read *read, struct dure_journal *journal)
{
    struct body_read *self = (struct body_read *)read;
    self->err = dure_journal_body(journal, DURE_BODY_OF_JOB, self->order->ref.job.v, &self->body, &self->error);
}

static void refuse(struct body_read *self, const char *reason)
{
    struct dure_observation observation = {.attempt = self->order->attempt, .report = DURE_REPORT_REFUSED};
    dure_text_copy(observation.reason, sizeof observation.reason, reason);
    dure_loop_observe(self->loop, &observation);
}

static void body_read_done(struct dure_store_read *read)
{
    struct body_read *self = (struct body_read *)read;
    struct dure_loop *loop = self->loop;
    struct dure_engine *engine = loop->world.engine(loop->world.context, self->site);
    struct dure_body *body = NULL;

    if (self->err == DURE_OK)
        self->err = dure_body_decode(self->body.data, self->body.length, &body, &self->error);
    /* While it was read, the attempt may have ended: the core knows. */
    struct dure_job_view view;
    bool live = dure_core_attempt_view(loop->core, self->order->attempt, &view);
    if (live && self->err != DURE_OK && self->err != DURE_E_NOT_FOUND)
        refuse(self, "its stored script could not be read");
    else if (live && engine == NULL)
        refuse(self, "no engine serves this site");
    else if (live) {
        self->order->body = body;
        start(loop, engine, self->order, self->recovering);
    }
    dure_body_free(body);
    dure_buf_release(&self->body);
    dure_arena_free(self->arena);
    free(self);
}

static void start_with_body(struct dure_loop *loop, const struct dure_order *order, struct dure_site_id site,
                            bool recovering)
{
    struct dure_job_view view = {.id = order->ref.job,
                                 .element = order->ref.element,
                                 .job = order->job,
                                 .submitted_us = order->submitted_us,
                                 .requeues = order->restarts};
    struct body_read *self = calloc(1, sizeof *self);
    struct dure_arena *arena = dure_arena_new(BATCH_ARENA_MAX);
    struct dure_order *copy = arena != NULL ? order_of(loop, arena, &view, order->attempt, order->places,
                                                       order->place_count, order->started_us)
                                            : NULL;
    if (copy != NULL)
        copy->begun = order->begun;

    if (self == NULL || copy == NULL) {
        dure_arena_free(arena);
        free(self);
        loop->dead = true;
        loop->world.fatal(loop->world.context, DURE_E_MEMORY, "out of memory for an order");
        return;
    }
    self->read.read = body_read_run;
    self->read.done = body_read_done;
    self->loop = loop;
    self->arena = arena;
    self->order = copy;
    self->site = site;
    self->recovering = recovering;
    dure_buf_init(&self->body, 4 << 20);
    loop->world.read(loop->world.context, &self->read);
}

static void give_order(struct dure_loop *loop, const struct effect *effect)
{
    struct dure_engine *engine = loop->world.engine(loop->world.context, effect->site);

    if (effect->kind == EFFECT_START && (engine == NULL || engine->needs_body))
        start_with_body(loop, effect->order, effect->site, effect->recovering);
    else if (engine == NULL)
        return;
    else if (effect->kind == EFFECT_START)
        start(loop, engine, effect->order, effect->recovering);
    else if (effect->kind == EFFECT_WARN)
        engine->warn(engine->state, effect->attempt, effect->deadline_us);
    else if (effect->kind == EFFECT_UNWARN)
        engine->unwarn(engine->state, effect->attempt);
    else if (effect->kind == EFFECT_EXTEND && engine->extend != NULL)
        engine->extend(engine->state, effect->attempt, effect->deadline_us);
    else if (effect->kind == EFFECT_EXTEND)
        return;
    else if (effect->kind == EFFECT_STOP)
        engine->stop(engine->state, effect->attempt);
    else
        engine->forget(engine->state, effect->attempt);
}

static void announce(struct dure_loop *loop, const struct dure_batch *batch)
{
    struct dure_arena *arena = batch->events.count > 0 ? dure_arena_new(BATCH_ARENA_MAX) : NULL;
    for (size_t i = 0; arena != NULL && i < batch->events.count; i++) {
        struct dure_record record;
        const struct event *event = &batch->events.at[i];
        dure_arena_reset(arena);
        if (dure_record_decode(batch->records.data + event->offset, event->length, arena, &record, NULL) == DURE_OK)
            loop->world.event(loop->world.context, event->sequence, &record);
    }
    dure_arena_free(arena);
}

void effects_release(struct dure_loop *loop, struct dure_batch *batch)
{
    for (size_t i = 0; i < batch->answers.count; i++)
        batch->answers.at[i].fn(batch->answers.at[i].context, &batch->answers.at[i].answer);
    announce(loop, batch);
    for (size_t i = 0; i < batch->effects.count; i++)
        give_order(loop, &batch->effects.at[i]);
}

void effect_recover(struct dure_loop *loop, const struct dure_job_view *view)
{
    struct dure_arena *arena = dure_arena_new(BATCH_ARENA_MAX);
    struct effect effect = {
        .kind = EFFECT_START, .attempt = view->attempt, .recovering = true, .deadline_us = view->deadline_us};

    if (arena != NULL) {
        effect.site = site_of(loop, view->places, view->place_count);
        effect.order = order_of(loop, arena, view, view->attempt, view->places, view->place_count, view->started_us);
        if (effect.order != NULL)
            effect.order->begun = view->attempt_begun;
    }
    if (effect.order == NULL) {
        loop->dead = true;
        loop->world.fatal(loop->world.context, DURE_E_MEMORY, "out of memory while recovering");
    } else {
        give_order(loop, &effect);
        effect.kind = view->attempt_state == DURE_ATTEMPT_STOPPING ? EFFECT_STOP : EFFECT_WARN;
        if (view->attempt_state == DURE_ATTEMPT_STOPPING || view->attempt_state == DURE_ATTEMPT_WARNED)
            give_order(loop, &effect);
    }
    dure_arena_free(arena);
}
