#include "engine/variables.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dure_variables_put(struct dure_variables *variables, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    dure_buf_vprintf(variables->texts, format, args);
    va_end(args);
    dure_buf_byte(variables->texts, 0);
    variables->count++;
}

bool dure_variables_have(const struct dure_variables *variables, const char *entry)
{
    const size_t length = strcspn(entry, "=");
    const char *at = variables->texts->data;
    for (uint32_t i = 0; i < variables->count && !variables->texts->failed; i++, at += strlen(at) + 1)
        if (strncmp(at, entry, length) == 0 && at[length] == '=')
            return true;
    return false;
}

void dure_variables_default(struct dure_variables *variables, const char *name, const char *value)
{
    char entry[64];
    if (snprintf(entry, sizeof entry, "%s=", name) < (int)sizeof entry && !dure_variables_have(variables, entry))
        dure_variables_put(variables, "%s=%s", name, value);
}
