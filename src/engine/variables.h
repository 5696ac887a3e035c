#pragma once
/* An environment in the making: "NAME=value" texts, each NUL-terminated, in one buffer. What is put first stays: who fills it asks before the rest. */
#include "base/buf.h"
#include "base/err.h"

struct dure_variables {
    struct dure_buf *texts; /* the caller's; a failure of memory stays in it */
    uint32_t count;
};

void dure_variables_put(struct dure_variables *variables, const char *format, ...) DURE_PRINTF(2, 3);
/* Is there one of the name that `entry` begins with, up to its '='? O(their bytes). */
bool dure_variables_have(const struct dure_variables *variables, const char *entry);
void dure_variables_default(struct dure_variables *variables, const char *name,
                            const char *value); /* unless it is there */
