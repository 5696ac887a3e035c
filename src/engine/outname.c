#include "engine/outname.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *pattern_of(const struct dure_spec *spec, bool is_stderr)
{
    if (is_stderr && spec->err_name.length)
        return spec->err_name.data;
    if (spec->out_name.length)
        return spec->out_name.data;
    return spec->is_array ? "dure-%A_%a.out" : "dure-%j.out";
}

static const char *skip_width(const char *at, unsigned *ret_width)
{
    unsigned width = 0;
    for (; *at >= '0' && *at <= '9'; at++)
        width = width * 10 + (unsigned)(*at - '0') > 10 ? 10 : width * 10 + (unsigned)(*at - '0');
    *ret_width = width;
    return at;
}

bool dure_out_name_per_task(const struct dure_spec *spec, bool is_stderr)
{
    for (const char *at = pattern_of(spec, is_stderr); *at; at++) {
        if (*at != '%')
            continue;
        unsigned width;
        at = skip_width(at + 1, &width);
        if (*at == 't' || (*at == 'N' && spec->nodes > 1) || (*at == 'n' && spec->nodes > 1))
            return true;
        if (!*at)
            break;
    }
    return false;
}

/* A job's or user's name becomes one path step, whatever it holds. */
static void add_step(struct dure_buf *buf, const char *text)
{
    for (; *text; text++)
        dure_buf_byte(buf, (uint8_t)(*text == '/' ? '_' : *text));
}

static void add_pattern(struct dure_buf *buf, const struct dure_spec *spec, uint32_t task, char letter, unsigned width,
                        const char *raw, size_t raw_length)
{
    const struct dure_spec_task row = dure_spec_task_at(spec, task);
    switch (letter) {
    case 'j':
    case 'A':
    case 'J': dure_buf_printf(buf, "%0*" PRIu64, (int)width, spec->job); return;
    case 'a': dure_buf_printf(buf, "%0*" PRIu64, (int)width, spec->array_index); return;
    case 't': dure_buf_printf(buf, "%0*" PRIu32, (int)width, task); return;
    case 'n': dure_buf_printf(buf, "%0*" PRIu32, (int)width, row.node); return;
    case 'N': add_step(buf, dure_span_item(spec->node_names, row.node)); return;
    case 'x': add_step(buf, spec->job_name.data); return;
    case 'u': add_step(buf, spec->login.data); return;
    case '%': dure_buf_byte(buf, '%'); return;
    default: dure_buf_add(buf, raw, raw_length); /* not a pattern: kept as written */
    }
}

enum dure_err dure_out_name(const struct dure_spec *spec, uint32_t task, bool is_stderr, char *path, size_t size,
                            struct dure_error *error)
{
    DURE_ASSERT(task < spec->tasks);
    const char *pattern = pattern_of(spec, is_stderr);
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, DURE_LOCAL_PATH_MAX);
    if (pattern[0] != '/')
        dure_buf_printf(&buf, "%s/", spec->workdir.data);
    for (const char *at = pattern; *at; at++) {
        if (*at != '%') {
            dure_buf_byte(&buf, (uint8_t)*at);
            continue;
        }
        unsigned width;
        const char *letter = skip_width(at + 1, &width);
        const size_t raw_length = (size_t)(letter - at) + (*letter ? 1 : 0);
        add_pattern(&buf, spec, task, *letter, width, at, raw_length);
        if (!*letter)
            break;
        at = letter;
    }
    if (buf.failed || buf.length >= size)
        return dure_fail(error, DURE_E_INVALID, "the name of an output file is longer than %zu bytes", size - 1);
    memcpy(path, buf.data, buf.length + 1);
    return DURE_OK;
}
