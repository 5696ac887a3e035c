/* Small traces of our own by every policy, against what they gave before: the same decisions on every machine and build. With a third argument
 * it writes the file instead. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/paper/packing.h"
#include "sim/paper/turns.h"
#include "tap.h"

static void packing_lines(const char *folder, struct dure_buf *buf)
{
    char nodes[4096], pods[4096];
    struct dure_openb *trace = calloc(1, sizeof *trace);
    struct dure_packing packing;
    struct dure_error error = {0};
    if (!trace)
        tap_bail("out of memory");
    snprintf(nodes, sizeof nodes, "%s/nodes.csv", folder);
    snprintf(pods, sizeof pods, "%s/pods.csv", folder);
    if (dure_openb_read(trace, nodes, pods, &error) || dure_packing_init(&packing, trace, &error))
        tap_bail("%s", error.text);
    dure_buf_printf(buf, "pods %" PRIu64 " bad %" PRIu64 "\n", trace->pod_report.rows, trace->pod_report.bad_rows);
    for (unsigned p = 0; dure_place_policies[p]; p++) {
        for (enum dure_tie tie = DURE_TIE_RANK; tie <= DURE_TIE_REVERSE; tie++) {
            struct dure_packing_run run = {
                .policy = dure_place_policies[p], .tie = tie, .seed = 42 + tie, .rank_seed = 42};
            if (dure_packing_play(&packing, &run))
                tap_bail("out of memory");
            dure_buf_printf(buf,
                            "%s tie %d: %.6f %% of %" PRIu32 " tasks, %" PRIu32 " dropped, digest %016" PRIx64 "\n",
                            run.policy->name, (int)tie, run.percent, run.tasks, run.dropped, run.digest);
        }
    }
    dure_packing_release(&packing);
    dure_openb_release(trace);
    free(trace);
}

static void turns_lines(const char *folder, struct dure_buf *buf)
{
    char jobs[4096];
    struct dure_muri *trace = calloc(1, sizeof *trace);
    struct dure_error error = {0};
    if (!trace)
        tap_bail("out of memory");
    snprintf(jobs, sizeof jobs, "%s/jobs.csv", folder);
    if (dure_muri_read(trace, jobs, &error))
        tap_bail("%s", error.text);
    dure_buf_printf(buf, "jobs %" PRIu64 " bad %" PRIu64 "\n", trace->report.rows, trace->report.bad_rows);
    for (unsigned p = 0; dure_turn_policies[p]; p++) {
        struct dure_turns_result result;
        if (dure_turns_play(trace, 3, 8, dure_turn_policies[p], &result, &error))
            tap_bail("%s", error.text);
        dure_buf_printf(buf,
                        "%s: average %.6f s, all by %.6f s, p99 %.6f s, %" PRIu64 " events, %" PRIu64 " preemptions\n",
                        dure_turn_policies[p]->name, result.avg_jct_s, result.makespan_s, result.p99_jct_s,
                        result.events, result.preemptions);
    }
    dure_muri_release(trace);
    free(trace);
}

int main(int argc, char **argv)
{
    DURE_CLEANUP_BUF struct dure_buf got = {0};
    static char want[1 << 16];
    char path[4096];
    if (argc < 2)
        tap_bail("usage: test-sim-golden FOLDER [write]");
    dure_buf_init(&got, 1 << 16);
    packing_lines(argv[1], &got);
    turns_lines(argv[1], &got);
    snprintf(path, sizeof path, "%s/want.txt", argv[1]);
    FILE *file = fopen(path, argc > 2 ? "we" : "re");
    if (!file)
        tap_bail("cannot open %s", path);
    if (argc > 2)
        fwrite(got.data, 1, got.length, file);
    else
        TAP_OK(fread(want, 1, sizeof want - 1, file) > 0, "read %s", path);
    fclose(file);
    char *got_rest = NULL, *want_rest = NULL;
    for (char *a = strtok_r(got.data, "\n", &got_rest), *b = strtok_r(want, "\n", &want_rest); a || b;
         a = strtok_r(NULL, "\n", &got_rest), b = strtok_r(NULL, "\n", &want_rest))
        if (argc == 2)
            TAP_EQ_STR(a ? a : "", b ? b : "", "as before");
    return argc > 2 ? 0 : tap_done();
}
