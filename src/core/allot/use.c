/* What an allotment's GPUs have been used for, exactly: closed uses are summed as they end, live ones by two sums that a reader combines with the
 * time. So a start costs two additions, and idle time is known without looking back. */
#include "core/allot/allots.h"
#include "core/place/ground.h"
#include "core/queue/queue.h"
#include "core/state/domains.h"

__extension__ typedef unsigned __int128 wide;

struct dure_digest allot_use_hash(const struct allot *allot, uint32_t id)
{
    const struct allot_use *u = &allot->use;
    const uint64_t bytes[4] = {id, (uint64_t)u->active_us, (uint64_t)u->last_us, u->gpu_us};
    if (!(bytes[1] | bytes[2] | bytes[3]))
        return (struct dure_digest){{0, 0}};
    return dure_hash_words(DOMAIN_USE, bytes, sizeof bytes / 8);
}

void allot_use_set(struct dure_core *core, uint32_t id, const struct allot_use *use)
{
    struct allot *allot = core->allots[id];
    dure_digest_sub(&core->digest, allot_use_hash(allot, id));
    allot->use = *use;
    dure_digest_add(&core->digest, allot_use_hash(allot, id));
}

static void count(struct dure_core *core, uint32_t id, uint64_t milli, int64_t since_us, int sign)
{
    struct allot *allot = core->allots[id];
    const wide sum = (wide)milli * (uint64_t)since_us;
    const wide now = ((wide)allot->use_since[1] << 64 | allot->use_since[0]) + (sign > 0 ? sum : -sum);
    allot->use_milli += sign > 0 ? milli : -milli;
    allot->use_since[0] = (uint64_t)now;
    allot->use_since[1] = (uint64_t)(now >> 64);
    if (sign > 0)
        return;
    struct allot_use use = allot->use;
    use.gpu_us += (uint64_t)share_cost((uint32_t)milli, core->s.time_us - since_us);
    use.last_us = core->s.time_us;
    allot_use_set(core, id, &use);
}

struct sharing {
    const struct attempt *attempt;
    int sign;
};

/* The allotment of one leaf of a gang that spans several: by the cell that its start named, whoever has it now. */
static void count_leaf(struct dure_core *core, void *context, uint32_t leaf, const struct dure_place *place)
{
    const struct sharing *s = context;
    for (uint32_t i = 0; i < s->attempt->d.binding_count; i++) {
        const struct dure_binding *b = &s->attempt->bindings[i];
        if (leaf / core->allots[b->allot.v]->cell_leaves != b->cell_index)
            continue;
        count(core, b->allot.v, place->gpu_milli == 1000 ? 1000 : (uint64_t)place->tasks * place->gpu_milli,
              s->attempt->d.held_us, s->sign);
        return;
    }
}

static void count_attempt(struct dure_core *core, const struct attempt *attempt, int sign)
{
    bool several = false;
    for (uint32_t i = 1; i < attempt->d.binding_count; i++)
        several |= attempt->bindings[i].allot.v != attempt->bindings[0].allot.v;
    struct sharing sharing = {attempt, sign};
    if (several)
        ground_each(core, attempt->d.chain, attempt->places, attempt->d.place_count, count_leaf, &sharing);
    else if (attempt->d.binding_count)
        count(core, attempt->bindings[0].allot.v, attempt->d.gpus_milli, attempt->d.held_us, sign);
}

void allot_use_begin(struct dure_core *core, const struct attempt *attempt)
{
    count_attempt(core, attempt, 1);
}

void allot_use_end(struct dure_core *core, const struct attempt *attempt)
{
    count_attempt(core, attempt, -1);
}

void allot_use_active(struct dure_core *core, uint32_t id)
{
    struct allot_use use = core->allots[id]->use;
    use.active_us = core->s.time_us;
    allot_use_set(core, id, &use);
}

uint64_t allot_use_gpu_us(const struct dure_core *core, uint32_t id)
{
    const struct allot *allot = core->allots[id];
    const wide since = (wide)allot->use_since[1] << 64 | allot->use_since[0];
    return allot->use.gpu_us + (uint64_t)(((wide)allot->use_milli * (uint64_t)core->s.time_us - since) / 1000);
}
