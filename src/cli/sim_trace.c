/* What the verbs of `dure sim` share: where traces lie, seeds, and what is said of bad rows. */
#include "cli/sim_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { SEEDS_MAX = 1000 };

int dure_sim_trace_path(struct dure_cli *cli, char *path, size_t size, const char *sub, const char *name)
{
    const char *folder = getenv("DURE_TRACES");
    if (!folder || !*folder)
        folder = "../shared/data";
    if (snprintf(path, size, "%s/%s/%s", folder, sub, name) >= (int)size)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "the path of %s is too long", name);
    if (access(path, R_OK) == 0)
        return DURE_EXIT_OK;
    return dure_cli_fail(cli, DURE_EXIT_USAGE,
                         "%s: no such trace. Set DURE_TRACES to the folder that holds %s/ with the authors' files, or "
                         "name the files of a trace as options; `dure help %s` says where they come from",
                         path, sub, cli->verb->name);
}

void dure_sim_trace_name(const char *path, const char *prefix, char *name, size_t size)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const size_t skip = strlen(prefix);
    if (strncmp(base, prefix, skip) == 0)
        base += skip;
    size_t length = strlen(base);
    if (length > 4 && strcmp(base + length - 4, ".csv") == 0)
        length -= 4;
    snprintf(name, size, "%.*s", (int)length, base);
}

bool dure_sim_seeds(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    char first[24];
    const size_t length = strcspn(text, "-");
    uint64_t from, to;
    if (length >= sizeof first)
        return false;
    memcpy(first, text, length);
    first[length] = 0;
    if (!dure_text_uint(first, INT64_MAX, &from))
        return false;
    to = from;
    if (text[length] && !dure_text_uint(text + length + 1, INT64_MAX, &to))
        return false;
    if (to < from || to - from >= SEEDS_MAX)
        return false;
    *ret_first = from;
    *ret_last = to;
    return true;
}

void dure_sim_tell(struct dure_cli *cli, const struct dure_trace_report *report)
{
    DURE_CLEANUP_BUF struct dure_buf buf = {0};
    dure_buf_init(&buf, 1 << 20);
    dure_trace_report_print(report, &buf);
    if (buf.data)
        fwrite(buf.data, 1, buf.length, cli->screen.err);
}

json_t *dure_sim_rows(const struct dure_trace_report *report)
{
    json_t *lines = json_array();
    for (uint64_t i = 0; i < report->bad_rows && i < DURE_TRACE_BAD_LINES_MAX; i++)
        json_array_append_new(lines, json_integer(report->bad_lines[i]));
    return json_pack("{s:I, s:I, s:o}", "good", (json_int_t)report->rows, "bad", (json_int_t)report->bad_rows,
                     "bad_lines", lines);
}
