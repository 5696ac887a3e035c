#pragma once
/* A run of node names: "pt-b200-[0001-6250]", "n[1-8]-ib", or one name. A number's digits never touch other digits, so that every name
 * has one reading. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dure_range {
    const char *prefix; /* into the text, prefix_length bytes */
    size_t prefix_length;
    const char *suffix; /* into the text, to its end */
    uint64_t first;
    uint32_t count;
    uint8_t width; /* 0: one name, prefix alone */
};

/* NULL, or what was expected instead. */
const char *dure_range_parse(const char *text, uint32_t count_max, struct dure_range *ret_range);
