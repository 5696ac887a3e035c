/* What a rule of the hardware is about, found by trying: the one wish of a request that, given up, leaves the rule nothing to refuse, whatever else is
 * asked. A wish that happens to help one request is told from it by others, which are drawn until the rule has refused one without that wish. */
#include "naive_walk.h"

enum wish { DATA, MODEL, MEMORY, PART, IMAGE, LEVEL, SPREAD, LISTS, SHARE, SHAPE, TASKS, WISHES };
enum { DRAWN_MAX = 20000 }; /* for one rule */

static uint32_t outlived[RULES]; /* wishes, as bits, without which the rule has refused something */
static uint32_t drawn_for[RULES];

static uint32_t below(uint32_t bound)
{
    static uint64_t state = 20260301; /* of its own: what it finds hangs on no seed */
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % bound;
}

static void without(struct request *ask, enum wish wish)
{
    switch (wish) {
    case DATA: ask->data_mask = 0; break;
    case MODEL: ask->model_mask = 0; break;
    case MEMORY: ask->gpu_memory_mib = 0; break;
    case PART: /* of a GPU */
        ask->mig = 0;
        ask->task_gpu_milli = 1000;
        break;
    case IMAGE: ask->container = 0; break;
    case LEVEL: ask->level_required = 0; break;
    case SPREAD: ask->spread_max = ask->spread_level = 0; break;
    case LISTS: ask->lists = 0; break;
    case SHARE: ask->task_cpu_milli = ask->task_memory_mib = 0; break;
    case SHAPE:
        ask->tasks_per_node = 0;
        ask->task_gpus = 1;
        break;
    case TASKS: ask->tasks = ask->tasks_per_node ? ask->tasks_per_node : 1; break; /* what divides them */
    default: break;
    }
}

static void draw_part(const struct dure_fleet *fleet, struct request *ask)
{
    ask->task_gpu_milli = (uint16_t)(below(2) ? 1000 : 100 + below(9) * 100);
    ask->mig = 0;
    if (fleet->mig_count > 0 && below(2)) {
        ask->mig = (uint8_t)(1 + below(fleet->mig_count));
        ask->task_gpu_milli = fleet->migs[ask->mig - 1].milli;
    }
}

static void draw(const struct dure_fleet *fleet, enum wish wish, struct request *ask)
{
    switch (wish) {
    case MODEL: ask->model_mask = UINT64_C(1) << below(fleet->model_count); break;
    case MEMORY: ask->gpu_memory_mib = below(300) * 1024; break;
    case PART: draw_part(fleet, ask); break;
    case IMAGE: ask->container = 1; break;
    case LEVEL:
        ask->level = (uint16_t)(1 + below(fleet->level_name_count));
        ask->level_required = 1;
        break;
    case SPREAD:
        ask->spread_level = (uint8_t)(1 + below(fleet->level_name_count));
        ask->spread_max = (uint16_t)(1 + below(3));
        break;
    case SHARE:
        ask->task_cpu_milli = below(400) * 1000;
        ask->task_memory_mib = below(2048) * 1024;
        break;
    case SHAPE:
        ask->tasks_per_node = below(6);
        ask->task_gpus = (uint8_t)(1 + below(10));
        break;
    case TASKS: ask->tasks = 1 + below(below(2) ? 8 : 200); break;
    default: break;
    }
}

/* Another request: some wishes as they are, some given up, some drawn. */
static struct request other(const struct walk *w, const struct request *asked)
{
    struct request ask = *asked;
    for (enum wish wish = 0; wish < WISHES; wish++) {
        const uint32_t how = below(3);
        if (how == 1)
            without(&ask, wish);
        else if (how == 2)
            draw(w->core->fleet, wish, &ask);
    }
    if (naive_is_fraction(&ask))
        ask.task_gpus = 1;
    return ask;
}

/* Which wishes does the rule that refuses this request outlive? */
static void learn(const struct walk *asked, const struct request *ask)
{
    struct walk w = *asked;
    w.ask = ask;
    const enum dure_rule rule = naive_hardware(&w);
    for (enum wish wish = 0; wish < WISHES && rule != DURE_RULE_FITS; wish++) {
        struct request left = *ask;
        if (outlived[rule] >> wish & 1)
            continue;
        without(&left, wish);
        w.ask = &left;
        outlived[rule] |= naive_hardware(&w) == rule ? 1u << wish : 0;
    }
}

static uint32_t may_be(enum dure_rule rule)
{
    return ((1u << WISHES) - 1) & ~outlived[rule];
}

/* How many rules fall silent with it, as far as is known: of several wishes the narrowest is the one that a rule is about. */
static unsigned silences(enum wish wish)
{
    unsigned count = 0;
    for (unsigned rule = 0; rule < RULES; rule++)
        count += may_be((enum dure_rule)rule) >> wish & 1;
    return count;
}

bool naive_give_up(const struct walk *w, enum dure_rule rule, struct request *ask)
{
    enum wish best = WISHES;
    struct walk now = *w;
    now.ask = ask;
    if (naive_hardware(&now) != rule)
        return false;
    const struct request asked = *ask;
    learn(w, &asked);
    for (; may_be(rule) & (may_be(rule) - 1) && drawn_for[rule] < DRAWN_MAX; drawn_for[rule]++) {
        const struct request drawn = other(w, &asked);
        learn(w, &drawn);
    }
    for (enum wish wish = 0; wish < WISHES; wish++)
        if (may_be(rule) >> wish & 1 && (best == WISHES || silences(wish) < silences(best)))
            best = wish;
    without(ask, best);
    return best != WISHES;
}
