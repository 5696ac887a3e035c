/* Small pieces that several views share. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"

void dure_render_jobid(const json_t *row, struct dure_buf *buf)
{
    const json_t *elements = json_object_get(row, "elements");
    dure_buf_printf(buf, "%" PRId64, dure_json_int(row, "job", 0));
    if (json_is_string(elements) && *json_string_value(elements))
        dure_buf_printf(buf, "_[%s]", json_string_value(elements));
    else if (json_is_integer(json_object_get(row, "element")))
        dure_buf_printf(buf, "_%" PRId64, dure_json_int(row, "element", 0));
}

enum dure_style dure_render_state_style(const char *state)
{
    static const struct {
        const char *state;
        enum dure_style style;
    } table[] = {
        {"RUNNING", DURE_STYLE_GOOD},    {"COMPLETED", DURE_STYLE_GOOD},    {"PENDING", DURE_STYLE_NONE},
        {"COMPLETING", DURE_STYLE_WARN}, {"FAILED", DURE_STYLE_BAD},        {"TIMEOUT", DURE_STYLE_BAD},
        {"NODE_FAIL", DURE_STYLE_BAD},   {"LAUNCH_FAILED", DURE_STYLE_BAD}, {"CANCELLED", DURE_STYLE_WARN},
        {"PREEMPTED", DURE_STYLE_WARN},  {"DEADLINE", DURE_STYLE_BAD},      {"up", DURE_STYLE_GOOD},
        {"draining", DURE_STYLE_WARN},   {"drained", DURE_STYLE_WARN},      {"down", DURE_STYLE_BAD},
        {"away", DURE_STYLE_WARN},       {"arriving", DURE_STYLE_DIM},      {"active", DURE_STYLE_GOOD},
        {"short", DURE_STYLE_BAD},       {"promised", DURE_STYLE_NONE},     {"ended", DURE_STYLE_DIM},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].state, state) == 0)
            return table[i].style;
    return DURE_STYLE_NONE;
}

void dure_render_exit(const json_t *row, struct dure_buf *buf)
{
    const json_t *code = json_object_get(row, "exit_code"), *signal = json_object_get(row, "exit_signal");
    if (!json_is_integer(code) && !json_is_integer(signal))
        dure_buf_byte(buf, '-');
    else
        dure_buf_printf(buf, "%" PRId64 ":%" PRId64, dure_json_int(row, "exit_code", 0),
                        dure_json_int(row, "exit_signal", 0));
}

const char *dure_render_label(const json_t *row)
{
    if (dure_json_true(row, "emulated"))
        return dure_json_true(row, "virtual") ? " (emulated, virtual)" : " (emulated)";
    return dure_json_true(row, "virtual") ? " (virtual)" : "";
}
