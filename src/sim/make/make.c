#include "sim/make/make.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/make/draw.h"
#include "sim/make/kinds.h"

#define SEOUL_US (9 * DURE_HOUR_US)
enum { WEEK_HOURS = 168, SAMPLE_JOBS = 1 << 16, SCALE_BITS = 16, GRACE_S = 30, JOBS_MAX = 1000000000 };

/* Who asks: a holder of rights with the leaves below it, or any leaf. */
struct holder {
    uint64_t gpus;          /* up to here, all before it with it */
    uint32_t tenant, limit; /* its own GPUs */
    uint32_t leaf_first, leaf_count;
};

struct dure_make {
    struct dure_make_options o;
    uint64_t arrivals, shapes; /* states of the two streams of draws */
    uint64_t jobs, made;
    uint64_t intensity_left;                  /* weights times us from `at_us` to the end */
    uint32_t weight[WEEK_HOURS];              /* of arrivals in this hour of the week */
    uint32_t by_kind[WEEK_HOURS][KIND_COUNT]; /* running sums of it */
    uint32_t size_sums[KIND_COUNT];
    struct holder *holders;
    bool *is_parent;
    uint32_t *leaves, *leaf_run; /* all leaves; those of each holder one after another */
    uint32_t holder_count, leaf_count, node_gpus;
    uint64_t capacity, promised, scale; /* scale of lengths, in 2^-16 */
    uint32_t borrowed_shift;            /* chance to be borrowed after all, in thousandths of those that are not */
    const char *level;
    int64_t at_us, end_us;
};

bool dure_mix_find(const char *text, enum dure_mix *ret_mix)
{
    for (enum dure_mix i = 0; i < DURE_MIX_COUNT; i++)
        if (strcmp(dure_mix_name(i), text) == 0) {
            *ret_mix = i;
            return true;
        }
    return false;
}

const char *dure_mix_name(enum dure_mix mix)
{
    static const char *const names[] = {
#define X(name, text) [DURE_MIX_##name] = text,
        DURE_MIXES(X)
#undef X
    };
    return names[mix];
}

static unsigned week_hour(int64_t at_us)
{
    const int64_t hours = (at_us + SEOUL_US) / DURE_HOUR_US;
    return (unsigned)((hours + 3 * 24) % WEEK_HOURS); /* the epoch was a Thursday */
}

static void weigh_hours(struct dure_make *make)
{
    for (unsigned h = 0; h < WEEK_HOURS; h++)
        for (unsigned k = 0; k < KIND_COUNT; k++) {
            make->weight[h] += mix_weights[make->o.mix][k] * hour_weight(kinds[k].hours, h / 24, h % 24);
            make->by_kind[h][k] = make->weight[h];
        }
    for (unsigned k = 0; k < KIND_COUNT; k++)
        for (unsigned s = 0; s < KIND_SIZES; s++)
            make->size_sums[k] += kinds[k].sizes[s];
}

/* Tenants that have none below them; of those, all (DURE_NONE32) or the ones within `tenant`. */
static uint32_t leaves_of(const struct dure_make *make, uint32_t tenant, uint32_t *ret)
{
    const struct dure_tenants *t = make->o.tenants;
    uint32_t count = 0;
    for (uint32_t i = tenant == DURE_NONE32 ? 0 : tenant; i < t->tenant_count; i++) {
        if (make->is_parent[i])
            continue;
        if (tenant == DURE_NONE32 ||
            dure_tenants_within(t, (struct dure_tenant_id){i}, (struct dure_tenant_id){tenant}))
            ret[count++] = i;
    }
    return count;
}

static bool in_force(const struct dure_make *make, const struct dure_allotment *allot)
{
    const struct dure_chain *chain = &make->o.fleet->chains[allot->chain.v];
    return allot->from_us <= make->o.from_us && allot->until_us > make->o.from_us &&
           chain->available_from_us <= make->o.from_us;
}

/* GPUs promised to each tenant when the period begins. */
static void sum_promises(const struct dure_make *make, uint64_t *gpus)
{
    const struct dure_tenants *t = make->o.tenants;
    for (uint32_t i = 0; i < t->allotment_count; i++) {
        const struct dure_allotment *allot = &t->allotments[i];
        if (in_force(make, allot))
            gpus[allot->tenant.v] +=
                (uint64_t)allot->count * dure_chain_leaves_at(&make->o.fleet->chains[allot->chain.v], allot->level);
    }
}

static bool find_holders(struct dure_make *make)
{
    const struct dure_tenants *t = make->o.tenants;
    uint32_t run = 0;
    uint64_t *gpus = calloc(t->tenant_count + 1, sizeof *gpus);
    make->is_parent = calloc(t->tenant_count + 1, sizeof *make->is_parent);
    make->leaves = calloc(t->tenant_count + 1, sizeof *make->leaves);
    make->holders = calloc(t->tenant_count + 1, sizeof *make->holders);
    make->leaf_run = calloc((size_t)t->tenant_count * DURE_TENANT_DEPTH_MAX + 1, sizeof *make->leaf_run);
    const bool room = gpus && make->is_parent && make->leaves && make->holders && make->leaf_run;
    for (uint32_t i = 0; room && i < t->tenant_count; i++)
        if (t->tenants[i].parent.v != DURE_NONE32)
            make->is_parent[t->tenants[i].parent.v] = true;
    if (room) {
        make->leaf_count = leaves_of(make, DURE_NONE32, make->leaves);
        sum_promises(make, gpus);
    }
    for (uint32_t i = 0; room && i < t->tenant_count; i++) {
        if (!gpus[i])
            continue;
        make->promised += gpus[i];
        struct holder *holder = &make->holders[make->holder_count++];
        *holder = (struct holder){.gpus = make->promised, .tenant = i, .limit = (uint32_t)gpus[i], .leaf_first = run};
        holder->leaf_count = leaves_of(make, i, make->leaf_run + run);
        run += holder->leaf_count;
    }
    free(gpus);
    return room;
}

static void look_at_fleet(struct dure_make *make)
{
    const struct dure_fleet *fleet = make->o.fleet;
    make->level = "";
    for (uint32_t i = 0; i < fleet->level_name_count; i++)
        if (strcmp(fleet->level_names[i], "block") == 0)
            make->level = fleet->level_names[i];
    for (uint32_t c = 0; c < fleet->chain_count; c++) {
        const struct dure_chain *chain = &fleet->chains[c];
        if (chain->available_from_us > make->o.from_us)
            continue;
        make->capacity += chain->leaf_count;
        if (!make->node_gpus || chain->node_gpus < make->node_gpus)
            make->node_gpus = chain->node_gpus;
    }
}

static int64_t draw_length(struct dure_make *make, const struct kind *kind)
{
    const uint32_t at = (uint32_t)dure_draw_below(&make->shapes, 100000);
    unsigned knot = 0;
    while (knot_shares[knot + 1] <= at)
        knot++;
    const int64_t low = kind->seconds[knot], high = kind->seconds[knot + 1];
    const int64_t span = (int64_t)(knot_shares[knot + 1] - knot_shares[knot]);
    const int64_t us = low * DURE_SECOND_US + (high - low) * (int64_t)(at - knot_shares[knot]) * DURE_SECOND_US / span;
    const dure_wide scaled = (dure_wide)(uint64_t)us * make->scale >> SCALE_BITS;
    const int64_t most = 60 * DURE_DAY_US;
    return scaled > (dure_wide)most ? most : scaled < (dure_wide)DURE_SECOND_US ? DURE_SECOND_US : (int64_t)scaled;
}

static uint32_t draw_size(struct dure_make *make, unsigned k)
{
    uint64_t at = dure_draw_below(&make->shapes, make->size_sums[k]);
    unsigned s = 0;
    while (at >= kinds[k].sizes[s])
        at -= kinds[k].sizes[s++];
    return 1u << s;
}

/* People ask for more time than they need, in round figures: so equal requests are one to the core. */
static int64_t draw_walltime(struct dure_make *make, int64_t lasts_us)
{
    static const int64_t ladder[] = {10,   30,   60,   120,   240,   480,   720,   1440,
                                     2880, 4320, 7200, 10080, 20160, 43200, 86400, 129600}; /* minutes */
    static const int64_t tenths[] = {11, 15, 20, 30, 50};
    const int64_t wished = lasts_us / 10 * tenths[dure_draw_below(&make->shapes, 5)];
    unsigned i = 0;
    while (i + 1 < sizeof ladder / sizeof *ladder && ladder[i] * DURE_MINUTE_US < wished)
        i++;
    return ladder[i] * DURE_MINUTE_US;
}

static const struct holder *draw_holder(struct dure_make *make)
{
    const uint64_t at = dure_draw_below(&make->shapes, make->promised);
    uint32_t low = 0, high = make->holder_count - 1;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (make->holders[middle].gpus > at)
            high = middle;
        else
            low = middle + 1;
    }
    return &make->holders[low];
}

static void shape(struct dure_make *make, unsigned k, struct dure_job *job)
{
    const struct kind *kind = &kinds[k];
    uint32_t gpus = draw_size(make, k), limit = (uint32_t)(make->capacity / 8 + 1);
    *job = dure_job_blank();
    job->job_class = DURE_BORROWED;
    const uint64_t luck = dure_draw_below(&make->shapes, 1000), more = dure_draw_below(&make->shapes, 1000);
    if (make->holder_count && luck >= kind->borrowed_per_mille && more >= make->borrowed_shift) {
        const struct holder *holder = draw_holder(make);
        job->job_class = DURE_GUARANTEED;
        limit = holder->limit / 4 + 1;
        job->tenant.v = make->leaf_run[holder->leaf_first + dure_draw_below(&make->shapes, holder->leaf_count)];
    } else {
        job->tenant.v = make->leaves[dure_draw_below(&make->shapes, make->leaf_count)];
    }
    while (gpus > 1 && gpus > limit)
        gpus /= 2;
    job->tasks = gpus > make->node_gpus ? gpus / make->node_gpus : 1;
    job->task_gpus = gpus > make->node_gpus ? make->node_gpus : gpus;
    job->level = job->tasks > 1 ? make->level : "";
    job->emulated_us = draw_length(make, kind);
    job->walltime_us = draw_walltime(make, job->emulated_us);
    job->grace_us = GRACE_S * DURE_SECOND_US;
    job->checkpoint_us = kind->checkpoint_minutes * DURE_MINUTE_US;
}

static unsigned draw_kind(struct dure_make *make, unsigned hour)
{
    const uint32_t at = (uint32_t)dure_draw_below(&make->shapes, make->weight[hour]);
    unsigned k = 0;
    while (make->by_kind[hour][k] <= at)
        k++;
    return k;
}

/* GPU time of one job, as the draws go: by right and borrowed, summed over a sample of its own. */
static void sample(struct dure_make *make, dure_wide gpu_us[2])
{
    const uint64_t kept = make->shapes;
    make->shapes = UINT64_C(0x73616d706c65);
    gpu_us[0] = gpu_us[1] = 0;
    for (unsigned i = 0; i < SAMPLE_JOBS; i++) {
        struct dure_job job;
        unsigned hour = (unsigned)dure_draw_below(&make->shapes, WEEK_HOURS);
        while (dure_draw_below(&make->shapes, 1000000) >=
               make->weight[hour]) /* hours in proportion to what arrives in them */
            hour = (unsigned)dure_draw_below(&make->shapes, WEEK_HOURS);
        shape(make, draw_kind(make, hour), &job);
        gpu_us[job.job_class] += (dure_wide)job.tasks * job.task_gpus * (uint64_t)job.emulated_us;
    }
    make->shapes = kept;
}

/* Rights are asked for up to four fifths; the rest of the load is borrowed. */
static void balance(struct dure_make *make)
{
    dure_wide gpu_us[2];
    make->borrowed_shift = 0;
    sample(make, gpu_us);
    const dure_wide total = gpu_us[0] + gpu_us[1], load = (dure_wide)make->capacity * make->o.load_per_mille / 1000;
    const dure_wide wanted = load ? total * ((dure_wide)make->promised * 4 / 5) / load : 0;
    if (gpu_us[0] > wanted)
        make->borrowed_shift = (uint32_t)(1000 - wanted * 1000 / gpu_us[0]);
}

static void stretch(struct dure_make *make)
{
    dure_wide gpu_us[2];
    sample(make, gpu_us);
    const dure_wide mean_us = (gpu_us[0] + gpu_us[1]) / SAMPLE_JOBS + 1;
    const dure_wide wanted_us =
        (dure_wide)make->capacity * (uint64_t)(make->o.days * DURE_DAY_US) * make->o.load_per_mille / 1000;
    if (!make->o.jobs) {
        const dure_wide jobs = wanted_us / mean_us;
        make->jobs = jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : (uint64_t)jobs;
        return;
    }
    make->jobs = make->o.jobs;
    const dure_wide scale = ((wanted_us << SCALE_BITS) / make->jobs) / mean_us * make->scale >> SCALE_BITS;
    make->scale = scale < 1 ? 1 : scale > UINT32_MAX ? UINT32_MAX : (uint64_t)scale;
}

static void count_intensity(struct dure_make *make)
{
    for (int64_t at = make->at_us; at < make->end_us;) {
        const int64_t next = (at / DURE_HOUR_US + 1) * DURE_HOUR_US, until = next < make->end_us ? next : make->end_us;
        make->intensity_left += make->weight[week_hour(at)] * (uint64_t)((until - at) / 1000);
        at = until;
    }
}

enum dure_err dure_make_new(const struct dure_make_options *options, struct dure_make **ret_make,
                            struct dure_error *error)
{
    struct dure_make *make = calloc(1, sizeof *make);
    if (!make)
        return dure_fail(error, DURE_E_MEMORY, "out of memory for the generator");
    make->o = *options;
    make->arrivals = options->seed;
    make->shapes = options->seed ^ UINT64_C(0x736861706573);
    make->scale = UINT64_C(1) << SCALE_BITS;
    make->at_us = options->from_us;
    make->end_us = options->from_us + (int64_t)options->days * DURE_DAY_US;
    weigh_hours(make);
    look_at_fleet(make);
    enum dure_err err =
        find_holders(make) ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "out of memory for the generator");
    if (err == DURE_OK && make->capacity == 0) {
        char text[DURE_TIME_TEXT_MAX];
        err = dure_fail(
            error, DURE_E_INVALID,
            "the fleet has no GPU at %s: found only groups that arrive later, expected --from at or after the first",
            dure_time_format_utc(options->from_us, text));
    }
    if (err == DURE_OK && make->leaf_count == 0)
        err = dure_fail(error, DURE_E_INVALID,
                        "the tenants are none: found nobody to ask for work, expected at least one");
    if (err != DURE_OK) {
        dure_make_free(make);
        return err;
    }
    balance(make);
    for (unsigned i = 0; i < (options->jobs ? 4u : 1u); i++) /* lengths have a most: stretching is not in proportion */
        stretch(make);
    count_intensity(make);
    *ret_make = make;
    return DURE_OK;
}

void dure_make_free(struct dure_make *make)
{
    if (!make)
        return;
    free(make->is_parent);
    free(make->holders);
    free(make->leaves);
    free(make->leaf_run);
    free(make);
}

/* The next arrival: exponential in what is left of the period's intensity, so that all of them fall inside it. */
static void advance(struct dure_make *make)
{
    const uint64_t left = make->jobs - make->made;
    uint64_t gap = dure_draw_exponential(&make->arrivals, make->intensity_left / left + 1);
    gap = gap > make->intensity_left ? make->intensity_left : gap;
    make->intensity_left -= gap;
    while (make->at_us < make->end_us) {
        const int64_t next = (make->at_us / DURE_HOUR_US + 1) * DURE_HOUR_US;
        const uint64_t weight = make->weight[week_hour(make->at_us)],
                       room = weight * (uint64_t)((next - make->at_us) / 1000);
        if (gap < room) {
            make->at_us += (int64_t)(gap / weight) * 1000;
            return;
        }
        gap -= room;
        make->at_us = next;
    }
    make->at_us = make->end_us - 1;
}

bool dure_make_next(void *context, struct dure_sim_job *ret_job)
{
    struct dure_make *make = context;
    if (make->made == make->jobs)
        return false;
    advance(make);
    make->made++;
    ret_job->at_us = make->at_us;
    shape(make, draw_kind(make, week_hour(make->at_us)), &ret_job->job);
    return true;
}

uint64_t dure_make_jobs(const struct dure_make *make)
{
    return make->jobs;
}
