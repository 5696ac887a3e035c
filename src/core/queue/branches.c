/* Who of those that wait to borrow is next: down the tree of tenants, at each fork to the branch with the least share of what is lent, a tenant
 * counting for its own jobs beside all below it. Only branches with something to try are looked at. */
#include <stdlib.h>

#include "core/queue/need.h"
#include "core/queue/queue.h"

static uint32_t root_of(const struct dure_core *core)
{
    return core->tenants->tenant_count;
}

void branches_renew(struct dure_core *core)
{
    free(core->branches);
    core->branches = dure_core_alloc(sizeof *core->branches, (size_t)core->tenants->tenant_count + 1);
    for (uint32_t i = 0; i <= core->tenants->tenant_count; i++)
        core->branches[i] = (struct branch){.lane = NONE, .first = NONE, .next = NONE, .before = NONE};
}

void branch_put_lane(struct dure_core *core, uint32_t before, uint32_t slot)
{
    struct lane *lane = lane_at(core, slot);
    uint32_t *link = before == NONE ? &core->branches[lane->tenant].lane : &lane_at(core, before)->next;
    lane->next = *link;
    *link = slot;
}

void branch_take_lane(struct dure_core *core, uint32_t before, uint32_t slot)
{
    const struct lane *lane = lane_at(core, slot);
    uint32_t *link = before == NONE ? &core->branches[lane->tenant].lane : &lane_at(core, before)->next;
    DURE_ASSERT(*link == slot);
    *link = lane->next;
}

static void link_in(struct branch *all, uint32_t above, uint32_t at)
{
    all[at].before = NONE;
    all[at].next = all[above].first;
    if (all[at].next != NONE)
        all[all[at].next].before = at;
    all[above].first = at;
}

static void link_out(struct branch *all, uint32_t above, uint32_t at)
{
    if (all[at].next != NONE)
        all[all[at].next].before = all[at].before;
    if (all[at].before != NONE)
        all[all[at].before].next = all[at].next;
    else
        all[above].first = all[at].next;
}

void branch_count(struct dure_core *core, uint32_t tenant, int open, int filled)
{
    for (uint32_t at = tenant; at != NONE; at = core->tenant[at].parent) {
        const uint32_t parent = core->tenant[at].parent, above = parent == NONE ? root_of(core) : parent;
        struct branch *branch = &core->branches[at];
        branch->open_count += (uint32_t)open;
        branch->filled_count += (uint32_t)filled;
        if (filled > 0 && branch->filled_count == 1)
            link_in(core->branches, above, at);
        else if (filled < 0 && !branch->filled_count)
            link_out(core->branches, above, at);
    }
}

static uint32_t first_own(struct dure_core *core, uint32_t tenant, bool any)
{
    uint32_t need = NONE;
    for (uint32_t lane = core->branches[tenant].lane; need == NONE && lane != NONE; lane = lane_at(core, lane)->next)
        need = lane_first(core, lane, any);
    return need;
}

/* One side of a fork: a branch, or (it is the fork itself) the jobs that its tenant submitted itself, which come first among equals. */
struct choice {
    uint32_t tenant; /* NONE: none */
    uint64_t share;
};

static struct choice own_choice(const struct dure_core *core, uint32_t fork, bool any)
{
    uint32_t lane = core->branches[fork].lane;
    while (lane != NONE && !lane_at(core, lane)->open.count && (!any || !lane_at(core, lane)->all.count))
        lane = lane_at(core, lane)->next;
    return lane == NONE ? (struct choice){NONE, 0} : (struct choice){fork, core->tenant[fork].own_borrowed};
}

static struct choice choice_of(const struct dure_core *core, uint32_t tenant)
{
    const struct tenant_state *t = &core->tenant[tenant];
    return (struct choice){tenant, t->weight > 1 ? t->milli_borrowed / t->weight : t->milli_borrowed};
}

static bool comes_before(struct choice choice, struct choice other, uint32_t fork)
{
    if (other.tenant == NONE || choice.share != other.share)
        return other.tenant == NONE || choice.share < other.share;
    return choice.tenant == fork || (other.tenant != fork && choice.tenant < other.tenant);
}

static uint32_t first_under(struct dure_core *core, uint32_t fork, bool any);

static uint32_t first_of(struct dure_core *core, struct choice choice, uint32_t fork, bool any)
{
    return choice.tenant == fork ? first_own(core, fork, any) : first_under(core, choice.tenant, any);
}

/* What it has came too lately or lasts too long: the least of the others that have something else. */
static uint32_t first_beside(struct dure_core *core, uint32_t tried, uint32_t fork, bool any)
{
    const struct branch *all = core->branches;
    struct choice least = {NONE, 0};
    uint32_t need = NONE;
    const struct choice own = own_choice(core, fork, any);
    if (own.tenant != NONE && own.tenant != tried && (need = first_own(core, fork, any)) != NONE)
        least = own;
    for (uint32_t at = all[fork].first, next; at != NONE; at = next) {
        const struct choice choice = choice_of(core, at);
        next = all[at].next; /* looking at it may close it */
        if (at == tried || (!any && !all[at].open_count) || !comes_before(choice, least, fork))
            continue;
        const uint32_t other = first_under(core, at, any);
        if (other == NONE)
            continue;
        need = other;
        least = choice;
    }
    return need;
}

static uint32_t first_under(struct dure_core *core, uint32_t fork, bool any)
{
    const struct branch *all = core->branches;
    if (all[fork].first == NONE)
        return first_own(core, fork, any);
    struct choice least = own_choice(core, fork, any);
    for (uint32_t at = all[fork].first; at != NONE; at = all[at].next)
        if ((any || all[at].open_count) && comes_before(choice_of(core, at), least, fork))
            least = choice_of(core, at);
    uint32_t need = least.tenant == NONE ? NONE : first_of(core, least, fork, any);
    return need != NONE || least.tenant == NONE ? need : first_beside(core, least.tenant, fork, any);
}

uint32_t branch_first(struct dure_core *core, bool any)
{
    return first_under(core, root_of(core), any);
}
