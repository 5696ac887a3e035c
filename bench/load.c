/* A fleet from its text to a core that holds it: parse, validate, apply. */
#include <inttypes.h>
#include <unistd.h>

#include "bench/inner.h"
#include "core/core.h"

static void ignore(void *context, const struct dure_record *decision)
{
    (void)context;
    (void)decision;
}

enum dure_err bench_load(const struct bench_options *options, struct dure_buf *json, struct dure_buf *words,
                         struct dure_error *error)
{
    struct dure_fleet *fleet = NULL;
    struct dure_core *core = NULL;
    struct dure_record record;
    int64_t began = bench_now_us();

    enum dure_err err = bench_parse_fleet(options->fleet, &fleet, error);
    if (err == DURE_OK)
        err = dure_core_new(&core);
    if (err == DURE_OK) {
        dure_record_init(&record, DURE_REC_FLEET, 1, bench_wall_us());
        record.text = fleet->spec_json;
        record.text_length = fleet->spec_json_length;
        err = dure_core_step(core, &record, ignore, NULL, error);
    }
    if (err == DURE_OK) {
        double seconds = (double)(bench_now_us() - began) / 1e6;
        uint64_t rss = bench_rss_peak_mib(getpid());
        dure_buf_printf(json, "\"seconds\":%.4f,\"rss_mib\":%" PRIu64 ",\"gpus\":%" PRIu32 ",\"nodes\":%" PRIu32,
                        seconds, rss, fleet->gpu_count, fleet->node_count);
        dure_buf_printf(
            words, "%" PRIu32 " GPUs in %" PRIu32 " nodes: parsed, validated and applied in %.3f s, %" PRIu64 " MiB",
            fleet->gpu_count, fleet->node_count, seconds, rss);
    }
    dure_core_free(core);
    dure_fleet_free(fleet);
    return err;
}
