/* A job's image: what runs is Apptainer with the job's own command in it (Singularity takes the same words). It is one process in another's place, so
 * output, signals and exit codes are as without. Apptainer hands the environment on, and mounts home and /tmp itself; the working folder is named. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/local_inner.h"

enum { WRAPPED_BYTES_MAX = 4 * 1024 * 1024 };

void local_quote(struct dure_buf *buf, const char *text)
{
    dure_buf_byte(buf, '\'');
    for (; *text; text++)
        if (*text == '\'')
            dure_buf_str(buf, "'\\''");
        else
            dure_buf_byte(buf, (uint8_t)*text);
    dure_buf_byte(buf, '\'');
}

void local_end_mark(const struct dure_spec *spec, char mark[48])
{
    unsigned salt = 0;
    do
        snprintf(mark, 48, "end-of-script-%" PRIu64 "-%u", spec->attempt, salt++);
    while (strstr(spec->script.data, mark));
}

void local_interpreter(struct dure_buf *buf, const char *script)
{
    char line[256] = "/bin/sh";
    if (script[0] == '#' && script[1] == '!') {
        const size_t length = strcspn(script, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(length - 2), script + 2);
    }
    char *at = line + strspn(line, " \t"), *rest = at + strcspn(at, " \t");
    for (size_t end = strlen(at); end && (at[end - 1] == ' ' || at[end - 1] == '\t' || at[end - 1] == '\r');)
        at[--end] = '\0';
    if (*rest)
        *rest++ = '\0';
    rest += strspn(rest, " \t");
    local_quote(buf, *at ? at : "/bin/sh");
    if (*rest) {
        dure_buf_byte(buf, ' ');
        local_quote(buf, rest);
    }
}

/* Up to the image and with it. */
static unsigned words(const struct local_plan *plan, const char *list[8])
{
    const char *const all[] = {
        plan->runner, "exec", "--nv", "--bind", plan->spec.workdir.data, "--pwd", plan->spec.workdir.data, plan->image};
    memcpy(list, all, sizeof all);
    return sizeof all / sizeof all[0];
}

static void add_command(const struct local_plan *plan, struct dure_buf *buf)
{
    const char *list[8];
    const unsigned count = words(plan, list);
    for (unsigned i = 0; i < count; i++)
        dure_buf_add(buf, list[i], strlen(list[i]) + 1);
    dure_buf_add(buf, plan->spec.command.data, plan->spec.command.length);
}

/* A container need not keep what is open beside the three; so the script comes as its input, which it then has for itself. */
static void add_script(const struct local_plan *plan, struct dure_buf *buf)
{
    const struct dure_span script = plan->spec.script;
    const char *list[8];
    const unsigned count = words(plan, list);
    char mark[48];
    local_end_mark(&plan->spec, mark);
    dure_buf_str(buf, "#!/bin/sh\nexec");
    for (unsigned i = 0; i < count; i++) {
        dure_buf_byte(buf, ' ');
        local_quote(buf, list[i]);
    }
    dure_buf_str(buf, " /bin/sh -c 'exec 9<&0 </dev/null; exec \"$@\"' sh ");
    local_interpreter(buf, script.data);
    dure_buf_printf(buf, " /dev/fd/9 \"$@\" <<'%s'\n", mark);
    dure_buf_add(buf, script.data, script.length);
    if (script.data[script.length - 1] != '\n')
        dure_buf_byte(buf, '\n');
    dure_buf_printf(buf, "%s\n", mark);
}

enum dure_err local_contain(struct local_plan *plan, struct dure_error *error)
{
    struct dure_spec *spec = &plan->spec;
    DURE_CLEANUP_BUF struct dure_buf buf = {0};
    if (!plan->image)
        return DURE_OK;
    if (spec->workdir.data[strcspn(spec->workdir.data, ":,")] != '\0') /* a home that nobody wrote into the job */
        return dure_fail(error, DURE_E_INVALID,
                         "its working folder has ':' or ',' in its path, which no container can be given");
    dure_buf_init(&buf, WRAPPED_BYTES_MAX);
    struct dure_span *to = spec->script.length ? &spec->script : &spec->command;
    if (spec->script.length)
        add_script(plan, &buf);
    else
        add_command(plan, &buf);
    char *copy = buf.failed ? NULL : dure_arena_alloc(plan->arena, buf.length + 1);
    if (!copy)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    memcpy(copy, buf.data, buf.length);
    *to = (struct dure_span){copy, (uint32_t)buf.length};
    plan->image = NULL; /* done */
    return DURE_OK;
}
