#include "model/range.h"
#include "model/fleet.h"
#include "model/read.h"

#include <stdlib.h>
#include <string.h>

static bool name_bytes(const char *text, size_t length)
{
    char copy[DURE_NAME_MAX + 1];
    if (length == 0)
        return true;
    if (length > DURE_NAME_MAX)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return dure_name_valid(copy);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *dure_range_parse(const char *text, uint32_t count_max, struct dure_range *ret_range)
{
    static const char form[] = "one range such as gv-b200-[0001-1250], or one name";
    const char *open = strchr(text, '[');
    if (!open) {
        if (!dure_name_valid(text))
            return form;
        *ret_range = (struct dure_range){
            .prefix = text, .prefix_length = strlen(text), .suffix = text + strlen(text), .count = 1};
        return NULL;
    }
    const char *first = open + 1;
    size_t first_width = strspn(first, "0123456789");
    const char *last = first + first_width + 1;
    if (first_width == 0 || first_width > 12 || first[first_width] != '-')
        return form;
    size_t last_width = strspn(last, "0123456789");
    if (last_width == 0 || last_width > 12 || last[last_width] != ']')
        return form;
    const char *suffix = last + last_width + 1;
    if (!name_bytes(text, (size_t)(open - text)) || !name_bytes(suffix, strlen(suffix)))
        return form;
    if ((open > text && is_digit(open[-1])) || is_digit(*suffix))
        return "a range whose number touches no other digit";
    if ((size_t)(open - text) + last_width + strlen(suffix) > DURE_NAME_MAX)
        return "names of at most 63 bytes";
    if (first_width > last_width || (first[0] == '0' && first_width != last_width))
        return "a range whose ends have the same number of digits";
    uint64_t low = strtoull(first, NULL, 10), high = strtoull(last, NULL, 10);
    if (high < low || high - low >= count_max)
        return high < low ? "a range that ends no lower than it begins" : "at most 1,048,576 nodes in the fleet";
    *ret_range = (struct dure_range){.prefix = text,
                                     .prefix_length = (size_t)(open - text),
                                     .suffix = suffix,
                                     .first = low,
                                     .count = (uint32_t)(high - low + 1),
                                     .width = (uint8_t)first_width};
    return NULL;
}
