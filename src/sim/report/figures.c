#include <inttypes.h>

#include "base/text.h"
#include "sim/report/report.h"

static int64_t part(uint64_t some, uint64_t whole, uint64_t times)
{
    return whole == 0 ? 0 : (int64_t)(((dure_wide)some * times + whole / 2) / whole);
}

static uint64_t sum_waits(const struct dure_sim_result *r, unsigned class, uint64_t *ret_ms)
{
    uint64_t count = 0;
    *ret_ms = 0;
    for (unsigned s = 0; s < DURE_SIM_SIZES; s++) {
        count += r->waits[class][s].count;
        *ret_ms += r->waits[class][s].sum_ms;
    }
    return count;
}

/* Of all steps of the series: idle GPUs that stand on nodes with other work on them, as a share of the idle. */
static int64_t fragments(const struct dure_sim_result *r)
{
    uint64_t idle = 0, whole = 0;
    for (uint32_t i = 0; i < r->sample_count; i++) {
        idle += r->samples[i].gpus_idle;
        whole +=
            r->samples[i].gpus_whole < r->samples[i].gpus_idle ? r->samples[i].gpus_whole : r->samples[i].gpus_idle;
    }
    return part(idle - whole, idle, 10000);
}

int64_t dure_report_span_us(const struct dure_sim_result *r, uint32_t sample)
{
    const int64_t from_us = r->from_us + r->step_us * sample, left_us = r->until_us - from_us;
    return left_us > 0 && left_us < r->step_us ? left_us : r->step_us;
}

/* The mean over the steps. */
static int64_t largest(const struct dure_sim_result *r, bool in_one_cell)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->sample_count; i++)
        sum += in_one_cell ? r->samples[i].gpus_largest : r->samples[i].gpus_gang;
    return part(sum, r->sample_count, 1);
}

/* Of all first starts together. */
static int64_t quantile_ms(const struct dure_sim_result *r, unsigned per_mille)
{
    struct dure_sim_waits all = {0};
    for (unsigned k = 0; k < 2 * DURE_SIM_SIZES; k++) {
        const struct dure_sim_waits *w = &r->waits[k / DURE_SIM_SIZES][k % DURE_SIM_SIZES];
        all.count += w->count;
        all.zero += w->zero;
        all.most_ms = w->most_ms > all.most_ms ? w->most_ms : all.most_ms;
        for (unsigned step = 0; step < DURE_SIM_WAITS_MAX; step++)
            all.at[step] += w->at[step];
    }
    return dure_sim_waits_quantile(&all, per_mille);
}

unsigned dure_report_figures(const struct dure_sim_result *r, struct dure_report_figure figures[DURE_FIGURES_MAX])
{
    unsigned n = 0;
    uint64_t kept = 0, broken = 0, shorts = 0, waited[2];
    const uint64_t used = r->gpu_ms[0] + r->gpu_ms[1], span_ms = (uint64_t)(r->until_us - r->from_us) / 1000;
    const uint64_t counts[2] = {sum_waits(r, 0, &waited[0]), sum_waits(r, 1, &waited[1])};
    for (uint32_t i = 0; i < r->tenant_count; i++) {
        kept += r->tenants[i].at_once + r->tenants[i].in_time;
        broken += r->tenants[i].late;
        shorts += r->tenants[i].short_cells;
    }
    const bool none = r->no_rights;
#define FIGURE(key_, title_, unit_, decimals_, value_)                                                                 \
    figures[n++] = (struct dure_report_figure){                                                                        \
        .key = key_, .title = title_, .unit = unit_, .decimals = decimals_, .value = (int64_t)(value_)}
    FIGURE("utilisation", "GPUs in use", "%", 2, part(used, r->available_ms, 10000));
    FIGURE("guaranteed_share", "of it by right", "%", 1, part(r->gpu_ms[0], used, 1000));
    FIGURE("borrowed_share", "of it borrowed", "%", 1, part(r->gpu_ms[1], used, 1000));
    FIGURE("gang_share", "of it in gangs", "%", 1, part(r->gang_ms, used, 1000));
    FIGURE("gpu_hours", "GPU time used", "GPU-h", 0, used / 3600000);
    FIGURE("lost_gpu_hours", "of it done again", "GPU-h", 0, r->lost_ms / 3600000);
    FIGURE("jobs", "jobs submitted", "", 0, r->submitted);
    FIGURE("refused", "of them refused", "", 0, r->refused);
    FIGURE("ended", "ended", "", 0, r->ended);
    FIGURE("completed", "of them completed", "", 0, r->completed);
    FIGURE("failed", "failed by themselves", "", 0, r->failed);
    FIGURE("timeouts", "out of walltime", "", 0, r->timeouts);
    FIGURE("pending", "still waiting", "", 0, r->pending_now);
    FIGURE("running", "still running", "", 0, r->running_now);
    FIGURE("mean_pending", "waiting on average", "jobs", 0, part(r->pending_ms, span_ms, 1));
    FIGURE("wait_guaranteed_s", "mean wait by right", "s", 0, part(waited[0], counts[0], 1) / 1000);
    FIGURE("wait_borrowed_s", "mean wait, borrowed", "s", 0, part(waited[1], counts[1], 1) / 1000);
    FIGURE("wait_s", "mean wait, all", "s", 0, part(waited[0] + waited[1], counts[0] + counts[1], 1) / 1000);
    FIGURE("wait_p99_s", "99 in 100 waited at most", "s", 0, quantile_ms(r, 990) / 1000);
    FIGURE("turnaround_s", "from submission to the end, mean", "s", 0, part(r->turnaround_ms, r->ended, 1) / 1000);
    FIGURE("starts", "starts", "", 0, r->starts);
    FIGURE("requeues", "put back", "", 0, r->requeues);
    FIGURE("evicted", "borrowed work taken back", "", 0, r->evicted);
    FIGURE("evicted_share", "of borrowed GPU time", "%", 2, part(r->evicted_ms, r->gpu_ms[1], 10000));
    FIGURE("promises_kept", "rights served in time", "", 0, kept);
    figures[n - 1].absent = none;
    FIGURE("promises_broken", "rights served late", "", 0, broken);
    figures[n - 1].absent = none;
    FIGURE("cells_short", "cells named short", "", 0, shorts);
    figures[n - 1].absent = none || r->no_cells;
    FIGURE("node_failures", "nodes failed", "", 0, r->node_failures);
    FIGURE("lost_attempts", "attempts lost with them", "", 0, r->lost_attempts);
    FIGURE("fragmentation", "idle GPUs beside other work", "%", 2, fragments(r));
    FIGURE("largest_gang", "largest gang there was room for, mean", "GPUs", 0, largest(r, false));
    FIGURE("largest_in_cell", "of it in one top cell", "GPUs", 0, largest(r, true));
    FIGURE("blocked", "rights kept waiting by shape alone", "", 0, r->blocked);
    figures[n - 1].absent = !r->no_cells;
    FIGURE("blocked_gpu_hours", "GPU time they waited so", "GPU-h", 0, r->blocked_ms / 3600000);
    figures[n - 1].absent = !r->no_cells;
    FIGURE("passes", "scheduling passes", "", 0, r->passes);
    FIGURE("decisions", "decisions", "", 0, r->records);
#undef FIGURE
    return n;
}

static uint64_t root(dure_wide square)
{
    dure_wide low = 0, high = (dure_wide)1 << 63;
    while (low < high) {
        const dure_wide middle = (low + high + 1) / 2;
        if (middle * middle <= square)
            low = middle;
        else
            high = middle - 1;
    }
    return (uint64_t)low;
}

struct dure_report_spread dure_report_spread_of(const int64_t *values, uint32_t count, size_t stride)
{
    struct dure_report_spread spread = {.least = INT64_MAX, .most = INT64_MIN};
    dure_wide sum = 0, squares = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t value = values[i * stride];
        DURE_ASSERT(value >= 0);
        spread.least = value < spread.least ? value : spread.least;
        spread.most = value > spread.most ? value : spread.most;
        sum += (uint64_t)value;
    }
    for (uint32_t i = 0; i < count; i++) { /* from the mean: squares of the values themselves would need more bits */
        const dure_wide value = (dure_wide)(uint64_t)values[i * stride] * count;
        const dure_wide off = value > sum ? value - sum : sum - value;
        squares += (off * 10 / count) * (off * 10 / count);
    }
    spread.mean = (int64_t)((sum * 10 + count / 2) / count);
    spread.sd = count > 1 ? (int64_t)root(squares / (count - 1)) : 0;
    return spread;
}

void dure_report_shown(struct dure_buf *buf, int64_t value, unsigned decimals)
{
    int64_t scale = 1;
    char grouped[32];
    for (unsigned i = 0; i < decimals; i++)
        scale *= 10;
    dure_buf_printf(buf, "%s%s", value < 0 && value > -scale ? "-" : "", dure_text_grouped(value / scale, grouped));
    if (decimals > 0)
        dure_buf_printf(buf, ".%0*" PRId64, (int)decimals, value < 0 ? -(value % scale) : value % scale);
}

void dure_report_number(struct dure_buf *buf, int64_t value, unsigned decimals)
{
    uint64_t scale = 1;
    for (unsigned i = 0; i < decimals; i++)
        scale *= 10;
    const uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    dure_buf_printf(buf, "%s%" PRIu64, value < 0 ? "-" : "", size / scale);
    if (decimals > 0)
        dure_buf_printf(buf, ".%0*" PRIu64, (int)decimals, size % scale);
}
