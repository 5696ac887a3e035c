#include <stdlib.h>
#include <string.h>

#include "core/allot/allots.h"
#include "core/apply/apply.h"
#include "core/booked/booked.h"
#include "core/decide/decide.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/planned.h"

enum { BOOKINGS_MAX = 1024, RUNS_MAX = 65536 };

struct booking *booking_find(const struct dure_core *core, uint64_t id)
{
    for (uint32_t i = 0; i < core->booking_count; i++)
        if (core->bookings[i]->d.id == id)
            return core->bookings[i];
    return NULL;
}

static bool covers(const struct booking *b, uint32_t first, uint32_t count, uint32_t *ret_node)
{
    for (uint32_t i = 0; i < b->d.run_count; i++) {
        const struct dure_place *run = &b->runs[i];
        if (first >= run->node_first + run->node_count || run->node_first >= first + count)
            continue;
        *ret_node = first > run->node_first ? first : run->node_first;
        return true;
    }
    return false;
}

const struct booking *booking_of_node(const struct dure_core *core, uint32_t node)
{
    uint32_t found;
    for (uint32_t i = 0; i < core->booking_count; i++)
        if (core->bookings[i]->d.state == BOOKING_BEGUN && covers(core->bookings[i], node, 1, &found))
            return core->bookings[i];
    return NULL;
}

struct dure_digest booking_hash(const struct booking *booking)
{
    struct dure_digest sum = dure_hash128(DOMAIN_BOOKING, &booking->d, sizeof booking->d);
    const uint64_t id = booking->d.id << 8;
    for (uint32_t i = 0; i < booking->d.run_count; i++) {
        const uint64_t bytes[2] = {i, (uint64_t)booking->runs[i].node_first << 32 | booking->runs[i].node_count};
        dure_digest_add(&sum, dure_hash128(DOMAIN_BOOKING + id, bytes, sizeof bytes));
    }
    dure_digest_add(&sum, dure_hash128(DOMAIN_REASON + id, booking->reason, strlen(booking->reason)));
    return sum;
}

/* ---- booking ---- */

static enum dure_err check_runs(const struct dure_core *core, const struct dure_record *record,
                                struct dure_error *error)
{
    uint64_t end = 0;
    if (!record->place_count || record->place_count > RUNS_MAX)
        return dure_fail(error, DURE_E_INVALID, "nodes: found %u runs of nodes, expected 1..%d", record->place_count,
                         RUNS_MAX);
    for (uint32_t i = 0; i < record->place_count; i++) {
        const struct dure_place *run = &record->places[i];
        const uint64_t last = (uint64_t)run->node_first + run->node_count - 1;
        if (!run->node_count || run->node_first < end || last >= core->fleet->node_count ||
            dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){run->node_first}).v !=
                dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){(uint32_t)last}).v)
            return dure_fail(error, DURE_E_INVALID, "nodes: expected runs in ascending order, each inside one chain");
        end = last + 1;
    }
    return DURE_OK;
}

enum dure_err check_book(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX], name[DURE_NAME_MAX + 1];
    uint32_t node;
    if (!core->fleet || !core->tenants)
        return dure_fail(error, DURE_E_STATE, "no fleet or no tenants are declared yet");
    if (core->booking_count >= BOOKINGS_MAX)
        return dure_fail(error, DURE_E_LIMIT, "more than %d maintenance windows are booked", BOOKINGS_MAX);
    if (record->deadline_us <= record->number || record->deadline_us <= core->s.time_us)
        return dure_fail(error, DURE_E_INVALID, "until: found %s, expected a time after `from` and not past",
                         dure_time_format_utc(record->deadline_us, until));
    const enum dure_err err = check_runs(core, record, error);
    for (uint32_t i = 0; err == DURE_OK && i < core->booking_count; i++) {
        const struct booking *b = core->bookings[i];
        if (b->d.until_us <= record->number || record->deadline_us <= b->d.from_us)
            continue;
        for (uint32_t k = 0; k < record->place_count; k++)
            if (covers(b, record->places[k].node_first, record->places[k].node_count, &node)) {
                dure_fleet_node_name(core->fleet, (struct dure_node_id){node}, name);
                return dure_fail(error, DURE_E_STATE, "node %s is booked already by maintenance %llu, %s to %s", name,
                                 (unsigned long long)b->d.id, dure_time_format_utc(b->d.from_us, from),
                                 dure_time_format_utc(b->d.until_us, until));
            }
    }
    return err;
}

static void keep(struct dure_core *core, struct booking *booking)
{
    if (core->booking_count == core->booking_capacity) {
        core->booking_capacity = core->booking_capacity ? core->booking_capacity * 2 : 16;
        core->bookings = dure_core_grow(core->bookings, sizeof(struct booking *), core->booking_capacity);
    }
    core->bookings[core->booking_count++] = booking;
    dure_digest_add(&core->digest, booking_hash(booking));
    windows_renew(core);
}

void booking_load(struct dure_core *core, const struct booking *booking)
{
    struct booking *made = dure_core_alloc(sizeof *made, 1);
    *made = *booking;
    keep(core, made);
}

enum dure_err apply_book(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    (void)error;
    struct booking b = {.d = {.id = core->s.next_booking++,
                              .from_us = record->number,
                              .until_us = record->deadline_us,
                              .run_count = record->place_count,
                              .state = BOOKING_COMING}};
    const size_t length = strnlen(record->reason, DURE_REASON_MAX);
    b.runs = dure_core_alloc(sizeof *b.runs, record->place_count);
    for (uint32_t i = 0; i < record->place_count; i++)
        b.runs[i] =
            (struct dure_place){.node_first = record->places[i].node_first, .node_count = record->places[i].node_count};
    b.reason = dure_core_alloc(length + 1, 1);
    memcpy(b.reason, record->reason, length);
    booking_load(core, &b);
    planned_void_all(core, DURE_CAUSE_DRAINED); /* they knew nothing of it */
    core->world_next_us = world_next(core);
    return DURE_OK;
}

enum dure_err check_unbook(const struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    const unsigned long long id = (unsigned long long)record->number;
    if (record->number > 0 && booking_find(core, (uint64_t)record->number))
        return DURE_OK;
    return id && id < core->s.next_booking ? dure_fail(error, DURE_E_STATE, "maintenance %llu is over", id)
                                           : dure_fail(error, DURE_E_NOT_FOUND, "there is no maintenance %llu", id);
}

/* ---- its course ---- */

static void drop(struct dure_core *core, struct booking *booking)
{
    uint32_t at = 0;
    while (core->bookings[at] != booking)
        at++;
    memmove(core->bookings + at, core->bookings + at + 1, (--core->booking_count - at) * sizeof *core->bookings);
    free(booking->runs);
    free(booking->reason);
    free(booking);
}

static void mark_nodes(struct dure_core *core, const struct booking *b, bool booked)
{
    for (uint32_t i = 0; i < b->d.run_count; i++)
        for (uint32_t k = 0; k < b->runs[i].node_count; k++) {
            const uint32_t node = b->runs[i].node_first + k;
            dure_digest_sub(&core->digest, node_hash(core, node));
            core->nodes[node].d.booked = booked;
            dure_digest_add(&core->digest, node_hash(core, node));
        }
}

enum dure_err apply_book_state(struct dure_core *core, const struct dure_record *record, struct dure_error *error)
{
    struct booking *b = record->number > 0 ? booking_find(core, (uint64_t)record->number) : NULL;
    if (!b || record->count <= b->d.state || record->count > BOOKING_OVER)
        return dure_fail(error, DURE_E_CORRUPT, "maintenance %lld cannot go there", (long long)record->number);
    dure_digest_sub(&core->digest, booking_hash(b));
    if (record->count == BOOKING_BEGUN ||
        b->d.state == BOOKING_BEGUN) /* one that never began leaves another's nodes alone */
        mark_nodes(core, b, record->count == BOOKING_BEGUN);
    b->d.state = record->count;
    if (record->count == BOOKING_OVER && b->d.until_us > core->s.time_us)
        planned_void_all(core, DURE_CAUSE_DRAINED); /* cancelled: what was planned behind it may be sooner */
    if (record->count == BOOKING_OVER)
        drop(core, b);
    else
        dure_digest_add(&core->digest, booking_hash(b));
    for (uint32_t i = 0; record->count == BOOKING_OVER && i < core->booking_count; i++)
        if (core->bookings[i]->d.state == BOOKING_BEGUN) /* another one may have the same nodes */
            mark_nodes(core, core->bookings[i], true);
    windows_renew(core);
    for (uint32_t i = 0; i < core->tenants->tenant_count + 2; i++)
        queue_wake(core, i); /* what would have reached into it may start */
    core->world_next_us = world_next(core);
    return DURE_OK;
}

void decide_booking(struct dure_core *core, uint64_t id, unsigned state)
{
    const struct booking *b = booking_find(core, id);
    const uint32_t count = b->d.run_count;
    struct dure_place *runs = dure_core_alloc(sizeof *runs, count); /* it may be gone after */
    memcpy(runs, b->runs, count * sizeof *runs);
    struct dure_record r;
    decide_record(core, DURE_REC_BOOK_STATE, &r);
    r.number = (int64_t)id;
    r.count = state;
    decide_emit(core, &r);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < runs[i].node_count; k++)
            decide_node(core, runs[i].node_first + k);
    free(runs);
}

/* Ends before begins, each in the order of booking. */
void decide_bookings(struct dure_core *core)
{
    for (uint32_t i = 0; i < core->booking_count;) {
        const struct booking *b = core->bookings[i];
        if (b->d.until_us <= core->s.time_us)
            decide_booking(core, b->d.id, BOOKING_OVER);
        else
            i++;
    }
    for (uint32_t i = 0; i < core->booking_count; i++)
        if (core->bookings[i]->d.state == BOOKING_COMING && core->bookings[i]->d.from_us <= core->s.time_us)
            decide_booking(core, core->bookings[i]->d.id, BOOKING_BEGUN);
}

int64_t bookings_next(const struct dure_core *core)
{
    int64_t next = DURE_NEVER_US;
    for (uint32_t i = 0; i < core->booking_count; i++) {
        const struct booking_data *d = &core->bookings[i]->d;
        const int64_t at = d->state == BOOKING_COMING && d->from_us < d->until_us ? d->from_us : d->until_us;
        next = at < next ? at : next;
    }
    return next;
}

void bookings_free(struct dure_core *core)
{
    while (core->booking_count)
        drop(core, core->bookings[core->booking_count - 1]);
    free(core->bookings);
}

/* ---- what a plan must know ---- */

void windows_renew(struct dure_core *core)
{
    for (uint32_t c = 0; c < core->fleet->chain_count; c++) {
        struct chain_state *chain = &core->chains[c];
        if (chain->window_us != DURE_NEVER_US)
            for (uint32_t i = 0; i < core->fleet->chains[c].node_count; i++)
                core->nodes[core->fleet->chains[c].node_first + i].window_us = DURE_NEVER_US;
        chain->window_us = DURE_NEVER_US;
        chain->is_maintained = false;
    }
    for (uint32_t i = 0; i < core->booking_count; i++) {
        const struct booking *b = core->bookings[i];
        for (uint32_t r = 0; r < b->d.run_count; r++) {
            const uint32_t first = b->runs[r].node_first;
            struct chain_state *chain =
                &core->chains[dure_fleet_chain_id_of(core->fleet, (struct dure_node_id){first}).v];
            chain->is_maintained |= b->d.state == BOOKING_BEGUN;
            if (b->d.state != BOOKING_COMING)
                continue;
            chain->window_us = b->d.from_us < chain->window_us ? b->d.from_us : chain->window_us;
            for (uint32_t k = 0; k < b->runs[r].node_count; k++) {
                struct node *node = &core->nodes[first + k];
                node->window_us = b->d.from_us < node->window_us ? b->d.from_us : node->window_us;
            }
        }
    }
}

int64_t window_reach(const struct dure_core *core, const struct request *ask)
{
    return core->s.time_us + ask->walltime_us + ask->grace_us;
}

bool window_touches(const struct dure_core *core, uint32_t chain, const struct dure_place *places, uint32_t count,
                    int64_t reach_us, int64_t *ret_window_us)
{
    int64_t first = DURE_NEVER_US;
    if (core->chains[chain].window_us >= reach_us || DURE_CORE_MUTATED(WINDOWS_IGNORED))
        return false;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < places[i].node_count; k++) {
            const int64_t at = core->nodes[places[i].node_first + k].window_us;
            first = at < first ? at : first;
        }
    if (first >= reach_us)
        return false;
    *ret_window_us = first;
    return true;
}

static bool meets(const struct booking *b, int64_t from_us, int64_t until_us)
{
    return b->d.state == BOOKING_COMING && b->d.from_us < until_us && b->d.until_us > from_us;
}

bool window_meets(const struct dure_core *core, uint32_t first, uint32_t count, int64_t from_us, int64_t until_us)
{
    uint32_t node;
    for (uint32_t i = 0; i < core->booking_count; i++)
        if (meets(core->bookings[i], from_us, until_us) && covers(core->bookings[i], first, count, &node))
            return true;
    return false;
}

int64_t window_over(const struct dure_core *core, int64_t from_us, int64_t until_us)
{
    int64_t over_us = DURE_NEVER_US;
    for (uint32_t i = 0; i < core->booking_count; i++)
        if (meets(core->bookings[i], from_us, until_us) && core->bookings[i]->d.until_us < over_us)
            over_us = core->bookings[i]->d.until_us;
    return over_us;
}

bool booked_before(const struct dure_core *core, uint32_t chain, int64_t until_us)
{
    return core->chains[chain].is_maintained || core->chains[chain].window_us < until_us;
}
