/* Readers of traces: what is taken, what is left out and with which words, and what ends the reading. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/trace/muri.h"
#include "sim/trace/openb.h"
#include "tap.h"

static const char nodes_good[] =
    "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\nn1,96000,393216,8,G2\nn2,8000,1,0,\n";

static struct dure_openb *fresh(bool strict)
{
    struct dure_openb *trace = calloc(1, sizeof *trace);
    DURE_ASSERT(trace);
    trace->node_report.strict = trace->pod_report.strict = strict;
    return trace;
}

static void done(struct dure_openb *trace)
{
    dure_openb_release(trace);
    free(trace);
}

static void openb_good(void)
{
    struct dure_openb *trace = fresh(true);
    struct dure_error error = {0};
    static const char pods[] = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos\r\n"
                               "p0,12000,16384.0,1,460,P100|G2,LS\r\n\r\n"
                               "\"p,1\",0,1,2,1000,,BE\r\n"
                               "p2,4000,1,0,700,H100,BE\r\n";
    TAP_EQ_INT(dure_openb_parse_nodes(trace, "n.csv", nodes_good, strlen(nodes_good), &error), DURE_OK, "nodes");
    TAP_EQ_INT(dure_openb_parse_pods(trace, "p.csv", pods, strlen(pods), &error), DURE_OK, "pods");
    TAP_EQ_UINT(trace->node_count, 3, "three nodes");
    TAP_EQ_UINT(trace->model_count, 2, "two models");
    TAP_EQ_UINT(trace->nodes[1].model, 1, "in the order met");
    TAP_EQ_UINT(trace->nodes[2].model, DURE_OPENB_MODELS_MAX, "a node without GPUs has none");
    TAP_EQ_UINT(trace->pod_count, 3, "three pods");
    TAP_EQ_UINT(trace->pods[0].models, 3, "both models");
    TAP_EQ_INT(trace->pods[0].memory_mib, 16384, "a whole number written with a point");
    TAP_EQ_STR(trace->pods[1].name, "p,1", "quoted");
    TAP_OK(trace->pods[1].models == ~(uint64_t)0, "nothing said: any model");
    TAP_EQ_UINT(trace->pods[2].gpu_milli, 0, "without GPUs there is no share");
    TAP_EQ_UINT(trace->pods[2].models, 0, "a model that no node has");
    TAP_EQ_UINT(trace->pod_report.rows, 3, "three good rows");
    TAP_EQ_UINT(trace->pod_report.bad_rows, 0, "no bad one");
    done(trace);
}

/* Each bad row stands alone between two good ones. */
static void openb_bad_row(const char *row, const char *want)
{
    char pods[512];
    struct dure_error error = {0};
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    snprintf(pods, sizeof pods, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1000\n%s\nb,1,1,0,0\n", row);
    struct dure_openb *trace = fresh(false);
    TAP_EQ_INT(dure_openb_parse_pods(trace, "p.csv", pods, strlen(pods), &error), DURE_OK, "'%s' does not end it", row);
    TAP_EQ_UINT(trace->pod_count, 2, "the others are taken");
    TAP_EQ_UINT(trace->pod_report.bad_rows, 1, "one is left out");
    TAP_EQ_UINT(trace->pod_report.bad_lines[0], 3, "its line is kept");
    dure_trace_report_print(&trace->pod_report, &buf);
    TAP_HAS(buf.data, want, "and said");
    TAP_HAS(buf.data, "p.csv: 1 bad row left out, 2 taken\n", "and counted");
    dure_buf_release(&buf);
    done(trace);
    trace = fresh(true);
    TAP_EQ_INT(dure_openb_parse_pods(trace, "p.csv", pods, strlen(pods), &error), DURE_E_INVALID, "strict: it ends it");
    TAP_HAS(error.text, want, "with the same words");
    done(trace);
}

static void openb_bad(void)
{
    openb_bad_row("x,1,1,1", "p.csv:3:1: row: found 4 cells, expected 5, as the heading has");
    openb_bad_row("x,1,1,1,1000,9", "p.csv:3:1: row: found 6 cells, expected 5, as the heading has");
    openb_bad_row("x,1,1,-1,1000", "p.csv:3:7: num_gpu: found '-1', expected a whole number from 0 to 16");
    openb_bad_row("x,1,1,17,1000", "p.csv:3:7: num_gpu: found '17', expected a whole number from 0 to 16");
    openb_bad_row("x,1,,1,1000", "p.csv:3:5: memory_mib: found nothing, expected a whole number");
    openb_bad_row("x,1.5,1,1,1000", "p.csv:3:3: cpu_milli: found '1.5', expected a whole number");
    openb_bad_row("x,1.,1,1,1000", "p.csv:3:3: cpu_milli: found '1.', expected a whole number");
    openb_bad_row("x,1e3,1,1,1000", "p.csv:3:3: cpu_milli: found '1e3', expected a whole number");
    openb_bad_row("x,99999999999999999999,1,1,1000", "p.csv:3:3: cpu_milli: found '9");
    openb_bad_row("x,1,1,1,1001", "p.csv:3:9: gpu_milli: found '1001', expected a whole number from 0 to 1000");
    openb_bad_row("x,1,1,1,0", "p.csv:3:9: gpu_milli: found '0', expected 1 to 1000 where num_gpu is not 0");
    openb_bad_row("x,1,1,2,500", "p.csv:3:9: gpu_milli: found '500', expected 1000 where num_gpu is more than 1");
    openb_bad_row("x\"y,1,1,1,1000", "p.csv:3:2: found a quote inside a cell");
    openb_bad_row("\"x\"y,1,1,1,1000", "p.csv:3:4: found text after a closing quote");
}

static void whole_file_bad(const char *text, size_t length, const char *want)
{
    struct dure_openb *trace = fresh(false);
    struct dure_error error = {0};
    TAP_EQ_INT(dure_openb_parse_nodes(trace, "n.csv", text, length, &error), DURE_E_INVALID, "refused");
    TAP_HAS(error.text, want, "with words");
    done(trace);
}

static void openb_files(void)
{
    struct dure_openb *trace = fresh(false);
    struct dure_error error = {0};
    whole_file_bad("", 0, "n.csv:1:1: heading: found nothing, expected a line that names the columns");
    whole_file_bad("sn,cpu_milli,memory_mib,model\n", 30,
                   "heading: found no such column, expected a column 'gpu' in the heading");
    whole_file_bad("sn,cpu_milli,memory_mib,gpu,model\n", 34, "n.csv: found no row, expected at least one node");
    whole_file_bad("sn,cpu_milli,memory_mib,gpu,model\nn0,x,1,1,A\n", 45, "n.csv:2:4: cpu_milli: found 'x'");
    whole_file_bad("sn,cpu\0milli\n", 13, "n.csv:1:13: found a NUL byte, expected text in UTF-8");
    TAP_EQ_INT(dure_openb_read(trace, "/nowhere/nodes.csv", "/nowhere/pods.csv", &error), DURE_E_NOT_FOUND,
               "no such file");
    TAP_HAS(error.text, "/nowhere/nodes.csv: No such file", "which is named");
    TAP_EQ_INT(dure_openb_read(trace, "/", "/", &error), DURE_E_IO, "a folder");
    TAP_HAS(error.text, "/: Is a directory", "which is said");
    done(trace);
}

static void many_models(void)
{
    DURE_CLEANUP_BUF struct dure_buf text = {0};
    struct dure_openb *trace = fresh(false);
    struct dure_error error = {0};
    dure_buf_init(&text, 1 << 16);
    dure_buf_str(&text, "sn,cpu_milli,memory_mib,gpu,model\n");
    for (int i = 0; i < 70; i++)
        dure_buf_printf(&text, "n%d,1,1,1,M%d\n", i, i);
    TAP_EQ_INT(dure_openb_parse_nodes(trace, "n.csv", text.data, text.length, &error), DURE_OK, "read");
    TAP_EQ_UINT(trace->node_count, 64, "64 models are taken");
    TAP_EQ_UINT(trace->node_report.bad_rows, 6, "more are bad rows");
    done(trace);
}

static void muri(void)
{
    static const char text[] = "job_id,num_gpu,submit_time,iterations,model_name,iteration_time,priority\n"
                               "0,1,1500,10,vgg19,0.5,0\n1,0,0,10,bert,1,0\n2,2,0,0,bert,1,0\n3,2,0,1,none,0,0\n"
                               "4,4,0,7,none,107,0\n";
    struct dure_muri *trace = calloc(1, sizeof *trace);
    struct dure_error error = {0};
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    DURE_ASSERT(trace);
    TAP_EQ_INT(dure_muri_parse(trace, "t.csv", text, strlen(text), &error), DURE_OK, "read");
    TAP_EQ_UINT(trace->count, 2, "two jobs");
    TAP_OK(trace->jobs[0].submit_s == 1.5 && trace->jobs[0].iteration_ms == 0.5, "milliseconds, and parts of one");
    TAP_EQ_INT(trace->jobs[0].model, DURE_MURI_VGG19, "a model that is known");
    TAP_EQ_INT(trace->jobs[1].model, DURE_MURI_OTHER, "one that is not");
    dure_trace_report_print(&trace->report, &buf);
    TAP_EQ_STR(buf.data,
               "t.csv:3:3: num_gpu: found '0', expected a whole number from 1 to 1000000\n"
               "t.csv:4:7: iterations: found '0', expected more than 0\n"
               "t.csv:5:14: iteration_time: found '0', expected more than 0\nt.csv: 3 bad rows left out, 2 taken\n",
               "three are not, and why");
    dure_buf_release(&buf);
    dure_muri_release(trace);
    free(trace);
}

int main(void)
{
    openb_good();
    openb_bad();
    openb_files();
    many_models();
    muri();
    return tap_done();
}
