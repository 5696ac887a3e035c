/* Rights that come and go: granted, begun, cut down, ended, taken over by a successor; and what is lent, while it is. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "parts.h"

/* ---- by whose rights a tenant works ---- */

static bool is_within(const struct reference *reference, uint32_t tenant, uint32_t above)
{
    while (tenant != DURE_NONE32 && tenant != above)
        tenant = reference->tenants[tenant].parent.v;
    return tenant == above;
}

/* All that was planned, in the order of jobs. */
void reference_void_plans(struct reference *reference, enum dure_cause cause)
{
    uint64_t last = 0, next = 0;
    for (; next != UINT64_MAX; last = next) {
        next = UINT64_MAX;
        for (uint32_t queue = 0; queue <= reference->tenant_count; queue++)
            if (reference->plans[queue].job > last && reference->plans[queue].job < next)
                next = reference->plans[queue].job;
        if (next != UINT64_MAX)
            reference_leave_to_do(reference, AFTER_UNPLAN, next, cause);
    }
}

/* Where anybody works by another's rights from now on, all is planned anew. */
static void find_holders(struct reference *reference)
{
    bool changed = false;
    for (uint32_t i = 0; i < reference->tenant_count; i++) {
        const uint32_t was = reference->holders[i];
        reference->holders[i] = DURE_NONE32;
        for (uint32_t r = 0; r < reference->right_count; r++)
            if (reference->rights[r].state != DURE_ALLOT_ENDED && is_within(reference, i, reference->rights[r].tenant))
                reference->holders[i] = reference->rights[r].tenant;
        changed |= reference->holders[i] != was;
    }
    if (changed)
        reference_void_plans(reference, DURE_CAUSE_REDECLARED);
}

/* ---- granting ---- */

bool reference_has_begun(const struct reference_right *right)
{
    return right->state == DURE_ALLOT_ACTIVE || right->state == DURE_ALLOT_SHORT;
}

bool reference_is_owed(const struct reference_right *right, uint32_t index)
{
    return right->bound[index] == DURE_NONE32 && !reference_is_unserved(right, index);
}

bool reference_is_unserved(const struct reference_right *right, uint32_t index)
{
    return !right->has[index] || right->waits[index] || right->suspended[index];
}

static uint32_t find(const struct reference *reference, const char *name)
{
    for (uint32_t r = reference->right_count; name && *name && r-- > 0;)
        if (reference->rights[r].state != DURE_ALLOT_ENDED && !strcmp(reference->rights[r].name, name))
            return r;
    return DURE_NONE32;
}

/* Is the cell to pass to a successor? */
static bool has_heir(const struct reference *reference, uint32_t right, uint32_t index, struct reference_heir *heir)
{
    for (uint32_t r = right + 1; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++) {
            const struct reference_right *next = &reference->rights[r];
            if (!next->waits[i] || next->source[i].right != right || next->source[i].index != index)
                continue;
            *heir = (struct reference_heir){r, i};
            return true;
        }
    return false;
}

/* Cells that are promised anew must fit beside all that is owed, what is suspended included. */
static bool fits(const struct reference *reference, uint32_t chain, uint32_t cell_nodes, uint32_t fresh)
{
    static struct trial now;
    for (uint32_t r = 0; r < reference->right_count; r++)
        memcpy(now.bound[r], reference->rights[r].bound, sizeof now.bound[r]);
    struct spare spare = reference_spare(reference, &now, chain);
    for (uint32_t r = 0; r < reference->right_count; r++)
        for (uint32_t i = 0; i < reference->rights[r].count; i++) {
            const struct reference_right *right = &reference->rights[r];
            const bool waits = right->chain == chain && right->suspended[i] && right->bound[i] == DURE_NONE32;
            spare.racks -= waits && right->cell_nodes > 1;
            spare.nodes -= waits ? (int32_t)right->cell_nodes : 0;
        }
    return fresh == 0 ||
           ((cell_nodes == 1 || spare.racks >= (int32_t)fresh) && spare.nodes >= (int32_t)(fresh * cell_nodes));
}

static bool accept(struct reference *reference, const struct dure_allotment *row)
{
    const struct dure_chain *chain = &reference->fleet->chains[row->chain.v];
    if (reference->right_count == REFERENCE_RIGHTS)
        abort();
    struct reference_right *right = &reference->rights[reference->right_count];
    const uint32_t after = find(reference, row->after);
    *right = (struct reference_right){.tenant = row->tenant.v,
                                      .chain = row->chain.v,
                                      .cell_nodes = row->level > chain->node_level ? reference->rack_nodes : 1,
                                      .count = row->count,
                                      .from_us = row->from_us,
                                      .until_us = row->until_us,
                                      .state = DURE_ALLOT_PROMISED};
    dure_text_copy(right->name, sizeof right->name, row->name);
    if (find(reference, row->name) != DURE_NONE32 || row->until_us <= reference->input->time_us)
        return false;
    for (uint32_t r = 0; r < reference->right_count; r++) {
        const uint32_t other = reference->rights[r].tenant;
        if (reference->rights[r].state != DURE_ALLOT_ENDED && other != right->tenant &&
            (is_within(reference, other, right->tenant) || is_within(reference, right->tenant, other)))
            return false;
    }
    uint32_t inherited = 0;
    struct reference_heir heir;
    for (uint32_t i = 0; after != DURE_NONE32 && i < reference->rights[after].count && inherited < row->count; i++)
        if (reference->rights[after].has[i] && !has_heir(reference, after, i, &heir)) {
            right->waits[inherited] = true;
            right->source[inherited++] = (struct reference_heir){after, i};
        }
    if (!fits(reference, right->chain, right->cell_nodes, row->count - inherited))
        return false;
    for (uint32_t i = 0; i < row->count; i++)
        right->has[i] = true;
    for (uint32_t i = 0; i < REFERENCE_CELLS; i++)
        right->bound[i] = DURE_NONE32;
    reference->right_count++;
    return true;
}

/* All rows or none. */
bool reference_grant(struct reference *reference, const struct dure_allotment *rows, uint32_t count)
{
    const uint32_t before = reference->right_count;
    for (uint32_t i = 0; i < count; i++)
        if (!accept(reference, &rows[i])) {
            reference->right_count = before;
            return false;
        }
    if (!reference_can_feed(reference, before)) {
        reference->right_count = before;
        return false;
    }
    for (uint32_t r = before; r < reference->right_count; r++)
        reference->chains[reference->rights[r].chain].is_shaken = false;
    find_holders(reference);
    return true;
}

/* ---- cutting ---- */

static bool works_by(const struct reference_run *run, uint32_t right, uint32_t index)
{
    for (uint32_t i = 0; run->state != RUN_NONE && i < run->binding_count; i++)
        if (run->bindings[i].allot.v == right && run->bindings[i].virtual_index == index)
            return true;
    return false;
}

/* GPUs in use in the cell by this right. */
static uint32_t count_uses(const struct reference *reference, uint32_t right, uint32_t index)
{
    const struct reference_right *r = &reference->rights[right];
    uint32_t uses = 0;
    for (uint32_t k = 0; k < r->cell_nodes && r->bound[index] != DURE_NONE32; k++) {
        uint64_t used = 0;
        for (uint32_t i = 0; i < reference->run_end; i++)
            if (works_by(&reference->runs[i], right, index))
                used |= reference_gpus_on(&reference->runs[i], r->bound[index] + k);
        uses += reference_ones(used);
    }
    return uses;
}

/* Its right is gone: it stands there as one who borrows, and its other cells may be empty. */
static void demote(struct reference *reference, struct reference_run *run, bool taken_over)
{
    for (uint32_t i = 0; i < run->binding_count; i++)
        reference_leave_to_do(reference, AFTER_EMPTY, run->bindings[i].allot.v, run->bindings[i].virtual_index);
    reference_charge(reference, reference->jobs[run->job].tenant, reference_run_milli(run),
                     run->end_us - reference->input->time_us, run->charged_us, true);
    run->borrowed = true;
    run->binding_count = 0;
    run->charged_us = reference->input->time_us;
    reference_leave_to_do(reference, AFTER_DEMOTED, run->attempt, taken_over);
}

/* What becomes of a cell that goes. */
struct gone {
    uint32_t index, first; /* first: node; NONE32: it was not bound */
    bool passes;
    struct reference_heir heir;
};

/* Who works there by it, GPU by GPU, in the order in which they started. */
static struct reference_run *next_user(struct reference *reference, uint32_t right, const struct gone *gone)
{
    for (uint32_t k = 0; gone->first != DURE_NONE32 && k < reference->rights[right].cell_nodes; k++)
        for (uint32_t bit = 0; bit < reference->node_gpus; bit++)
            for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
                struct reference_run *run = reference_attempt(reference, attempt);
                if (run && works_by(run, right, gone->index) && (reference_gpus_on(run, gone->first + k) >> bit & 1))
                    return run;
            }
    return NULL;
}

static void rebind(struct reference_run *run, uint32_t right, const struct gone *gone)
{
    for (uint32_t i = 0; i < run->binding_count; i++)
        if (run->bindings[i].allot.v == right && run->bindings[i].virtual_index == gone->index) {
            run->bindings[i].allot.v = gone->heir.right;
            run->bindings[i].virtual_index = gone->heir.index;
        }
}

/* The cell itself: a successor steps into its place, or nobody has it any more. */
static struct gone take_away(struct reference *reference, uint32_t id, uint32_t index)
{
    struct reference_right *right = &reference->rights[id];
    struct gone gone = {.index = index, .first = right->bound[index]};
    gone.passes = has_heir(reference, id, index, &gone.heir);
    if (gone.passes) {
        struct reference_right *next = &reference->rights[gone.heir.right];
        next->waits[gone.heir.index] = right->waits[index];
        next->source[gone.heir.index] = right->source[index];
        next->bound[gone.heir.index] = right->bound[index];
        next->suspended[gone.heir.index] = right->suspended[index];
    }
    right->has[index] = right->waits[index] = right->suspended[index] = false;
    right->bound[index] = DURE_NONE32;
    return gone;
}

/* Reservations that count on the right, in the order of places. */
static void drop_reservations(struct reference *reference, uint32_t id)
{
    for (;;) {
        struct reference_run *first = NULL;
        uint32_t first_at = 0;
        for (uint32_t r = 0; r < reference->run_end; r++) {
            struct reference_run *run = &reference->runs[r];
            bool counts = false;
            for (uint32_t i = 0; run->state == RUN_RESERVED && i < run->binding_count; i++)
                counts |= run->bindings[i].allot.v == id;
            if (!counts)
                continue;
            const uint32_t at =
                run->node_first * 64 + (uint32_t)__builtin_ctzll(reference_gpus_on(run, run->node_first));
            if (first && (at > first_at || (at == first_at && run->job > first->job)))
                continue;
            first = run;
            first_at = at;
        }
        if (!first)
            return;
        reference_give_up(reference, first);
    }
}

/* Where a successor has fewer cells, those in use are passed on. */
static void pass_used(struct reference *reference, uint32_t id)
{
    const struct reference_right *right = &reference->rights[id];
    for (uint32_t used = 0, unused = 0;; used++, unused++) {
        struct reference_heir heir, none;
        while (used < right->count && (count_uses(reference, id, used) == 0 || has_heir(reference, id, used, &none)))
            used++;
        while (unused < right->count &&
               (count_uses(reference, id, unused) > 0 || !has_heir(reference, id, unused, &heir)))
            unused++;
        if (used >= right->count || unused >= right->count)
            return;
        reference->rights[heir.right].source[heir.index].index = used;
    }
}

/* Which cells a right gives up first: suspended ones, then those not bound, those that wait for a predecessor's, bound ones that nobody uses, and
 * at last used ones; of like ones those that no successor waits for, then the least used, then the last. */
static bool goes_before(const struct reference *reference, uint32_t id, uint32_t a, uint32_t b)
{
    const struct reference_right *right = &reference->rights[id];
    const uint32_t cells[2] = {a, b};
    uint32_t class[2], uses[2];
    bool heir[2];
    struct reference_heir none;
    for (unsigned i = 0; i < 2; i++) {
        uses[i] = count_uses(reference, id, cells[i]);
        heir[i] = has_heir(reference, id, cells[i], &none);
        class[i] = uses[i] > 0                             ? 4
                   : right->bound[cells[i]] != DURE_NONE32 ? 3
                   : right->waits[cells[i]]                ? 2
                   : right->suspended[cells[i]]            ? 0
                                                           : 1;
    }
    if (class[0] != class[1])
        return class[0] < class[1];
    if (heir[0] != heir[1])
        return !heir[0];
    return uses[0] != uses[1] ? uses[0] < uses[1] : a > b;
}

static uint32_t next_to_go(const struct reference *reference, uint32_t id, const bool *leaves, bool ends)
{
    const struct reference_right *right = &reference->rights[id];
    uint32_t next = DURE_NONE32;
    for (uint32_t i = 0; i < right->count; i++)
        if (right->has[i] && !leaves[i] && (next == DURE_NONE32 || (!ends && goes_before(reference, id, i, next))))
            next = i;
    return next;
}

static uint32_t count_cells(const struct reference_right *right)
{
    uint32_t cells = 0;
    for (uint32_t i = 0; i < right->count; i++)
        cells += right->has[i];
    return cells;
}

/* First those whose cell another has from now on; each that loses one is as one who borrows. */
static void demote_users(struct reference *reference, uint32_t id, const struct gone *gone, uint32_t count)
{
    for (unsigned pass = 0; pass < 3; pass++)
        for (uint32_t i = 0; i < count; i++) {
            const bool own =
                gone[i].passes && reference->rights[gone[i].heir.right].tenant == reference->rights[id].tenant;
            if ((pass == 0) != own || (pass == 1 && !gone[i].passes))
                continue;
            for (struct reference_run *run; (run = next_user(reference, id, &gone[i])) != NULL;)
                if (own)
                    rebind(run, id, &gone[i]);
                else
                    demote(reference, run, gone[i].passes);
        }
}

static void cut(struct reference *reference, uint32_t id, uint32_t stay)
{
    struct reference_right *right = &reference->rights[id];
    struct gone gone[REFERENCE_CELLS];
    uint32_t order[REFERENCE_CELLS], count = 0;
    bool leaves[REFERENCE_CELLS] = {false};
    reference_void_plan(reference, right->tenant, DURE_CAUSE_ALLOT_ENDED);
    drop_reservations(reference, id);
    if (stay == 0)
        pass_used(reference, id);
    for (uint32_t cells = count_cells(right); cells > stay; cells--) {
        order[count] = next_to_go(reference, id, leaves, stay == 0);
        leaves[order[count++]] = true;
    }
    for (uint32_t i = 0; i < count; i++)
        gone[i] = take_away(reference, id, order[i]);
    demote_users(reference, id, gone, count);
    for (uint32_t i = 0; i < count; i++)
        if (gone[i].passes)
            reference_leave_to_do(reference, AFTER_EMPTY, gone[i].heir.right, gone[i].heir.index);
    reference->chains[right->chain].is_shaken = false;
}

/* ---- the calendar ---- */

static void tell_state(struct reference *reference, uint32_t id, enum dure_allot_state state)
{
    struct dure_record record = reference_decision(reference, DURE_REC_ALLOT_STATE);
    record.allot.v = id;
    record.number = state;
    reference_tell(reference, &record);
}

void reference_tell_shortness(struct reference *reference, uint32_t id)
{
    struct reference_right *right = &reference->rights[id];
    bool is_short = false;
    for (uint32_t i = 0; i < right->count; i++)
        is_short |= right->has[i] && right->suspended[i];
    const enum dure_allot_state state = is_short ? DURE_ALLOT_SHORT : DURE_ALLOT_ACTIVE;
    if (!reference_has_begun(right) || state == right->state)
        return;
    right->state = state;
    tell_state(reference, id, state);
}

void reference_end_right(struct reference *reference, uint32_t id)
{
    tell_state(reference, id, DURE_ALLOT_ENDED);
    cut(reference, id, 0);
    reference->rights[id].state = DURE_ALLOT_ENDED;
    find_holders(reference);
    reference_settle(reference, reference->rights[id].chain);
}

void reference_shrink(struct reference *reference, uint32_t id, uint32_t stay)
{
    cut(reference, id, stay);
    find_holders(reference);
    reference_tell_shortness(reference, id);
    reference_settle(reference, reference->rights[id].chain);
}

/* At one instant, ends before beginnings. */
void reference_world(struct reference *reference)
{
    reference_bookings(reference);
    for (uint32_t r = 0; r < reference->right_count; r++)
        if (reference->rights[r].state != DURE_ALLOT_ENDED &&
            reference->rights[r].until_us <= reference->input->time_us) {
            reference_end_right(reference, r);
            reference_follow(reference);
        }
    for (uint32_t r = 0; r < reference->right_count; r++)
        if (reference->rights[r].state == DURE_ALLOT_PROMISED &&
            reference->rights[r].from_us <= reference->input->time_us) {
            reference->rights[r].state = DURE_ALLOT_ACTIVE;
            reference->chains[reference->rights[r].chain].is_shaken = false;
            tell_state(reference, r, DURE_ALLOT_ACTIVE);
            reference_tell_shortness(reference, r);
        }
}

/* ---- what is lent ---- */

static bool is_listed(const struct dure_tenant_id *list, uint32_t count, uint32_t tenant)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].v == tenant)
            return true;
    return false;
}

/* Is it lent to the tenant now, with a notice that the grace is within? An owner's own tenants may always borrow. */
bool reference_is_lent(const struct reference *reference, uint32_t tenant, int64_t grace_us)
{
    uint32_t top = tenant;
    while (reference->tenants[top].parent.v != DURE_NONE32)
        top = reference->tenants[top].parent.v;
    const bool own = reference->tenants[top].owner.v == 0;
    bool found = false, within = false;
    for (uint32_t i = 0; i < reference->declared->lending_count; i++) {
        const struct dure_lending *row = &reference->declared->lendings[i];
        const bool to =
            row->to_all ? !is_listed(row->except, row->except_count, top) : is_listed(row->to, row->to_count, top);
        if (row->from_us > reference->input->time_us || row->until_us <= reference->input->time_us || (!own && !to))
            continue;
        found = true;
        within |= grace_us <= row->notice_us;
    }
    return own && !found ? true : within;
}

void reference_lending(struct reference *reference)
{
    const struct reference_plan *plan = &reference->plans[reference->tenant_count];
    const struct reference_job *planned = &reference->jobs[plan->job];
    if (plan->job && !reference_is_lent(reference, planned->tenant, planned->grace_us))
        reference_unplan(reference, reference->tenant_count, DURE_CAUSE_LENDING_ENDED);
    for (uint64_t attempt = 1; attempt < reference->next_attempt; attempt++) {
        struct reference_run *run = reference_attempt(reference, attempt);
        if (run && run->borrowed && !reference_is_lent(reference, reference->jobs[run->job].tenant, 0))
            reference_send_away(reference, run, DURE_CAUSE_LENDING_ENDED);
    }
}

/* The terms may be others; what is granted already stays as it is. */
void reference_redeclare(struct reference *reference)
{
    reference_void_plans(reference, DURE_CAUSE_REDECLARED);
    reference_world(reference);
    reference_lending(reference);
}

/* What is lent is apart from what is used by right. */
static bool shares_by_right(const struct reference *reference, const struct reference_run *run)
{
    for (uint32_t node = 0; node < reference->node_count; node++)
        if (reference_used_by_right(reference, node) & reference_gpus_on(run, node))
            return true;
    return false;
}

void reference_demoted(struct reference *reference, uint64_t attempt, bool taken_over)
{
    struct reference_run *run = reference_attempt(reference, attempt);
    if (run && (taken_over || shares_by_right(reference, run) ||
                !reference_is_lent(reference, reference->jobs[run->job].tenant, reference->jobs[run->job].grace_us)))
        reference_send_away(reference, run, DURE_CAUSE_ALLOT_ENDED);
}
