#include "model/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads digits with an optional point, scaled by 10^decimals. `ret_end` is what follows. */
static bool scaled(const char *text, unsigned decimals, uint64_t *ret_value, const char **ret_end)
{
    uint64_t value = 0;
    unsigned seen = 0, whole = 0;
    bool point = false;
    const char *at = text;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        unsigned digit = (unsigned)(*at - '0');
        if (point && seen == decimals) {
            if (digit != 0)
                return false;
            continue;
        }
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) || __builtin_add_overflow(value, digit, &value))
            return false;
        if (point)
            seen++;
        else
            whole++;
    }
    if (whole == 0 || (point && at[-1] == '.'))
        return false;
    for (; seen < decimals; seen++)
        if (__builtin_mul_overflow(value, UINT64_C(10), &value))
            return false;
    *ret_value = value;
    *ret_end = at;
    return true;
}

bool dure_units_decimal(const char *text, unsigned decimals, uint64_t max, uint64_t *ret_value)
{
    uint64_t value;
    const char *end;
    if (!scaled(text, decimals, &value, &end) || *end || value > max)
        return false;
    *ret_value = value;
    return true;
}

bool dure_units_signed_decimal(const char *text, unsigned decimals, int64_t max, int64_t *ret_value)
{
    uint64_t value;
    bool minus = *text == '-';
    if (!dure_units_decimal(text + minus, decimals, (uint64_t)max, &value))
        return false;
    *ret_value = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

/* A decimal of a unit of `size` smallest units: up to nine decimals, exact or refused. */
static bool of_unit(const char *text, const char *unit, uint64_t size, uint64_t *ret_value)
{
    enum { DECIMALS = 9 };
    const uint64_t scale = UINT64_C(1000000000);
    uint64_t value;
    const char *end;
    if (!scaled(text, DECIMALS, &value, &end))
        return false;
    if (strcmp(end, unit) != 0)
        return false;
    unsigned __int128 product = (unsigned __int128)value * size;
    if (product % scale != 0 || product / scale > UINT64_MAX)
        return false;
    *ret_value = (uint64_t)(product / scale);
    return true;
}

bool dure_units_memory(const char *text, uint64_t *ret_mib)
{
    return of_unit(text, "MiB", 1, ret_mib) || of_unit(text, "GiB", 1024, ret_mib) ||
           of_unit(text, "TiB", 1024 * 1024, ret_mib) || of_unit(text, "PiB", UINT64_C(1024) * 1024 * 1024, ret_mib);
}

bool dure_units_memory_slurm(const char *text, uint64_t *ret_mib)
{
    uint64_t value;
    const char *end;
    if (!scaled(text, 0, &value, &end) || (*end && end[1] && strcmp(end + 1, "B") != 0 && strcmp(end + 1, "b") != 0))
        return false;
    if (strchr(text, '.'))
        return false;
    uint64_t size = 1;
    switch (*end) {
    case 'k':
    case 'K': *ret_mib = value / 1024 + (value % 1024 != 0); return true;
    case 'g':
    case 'G': size = 1024; break;
    case 't':
    case 'T': size = 1024 * 1024; break;
    case '\0':
    case 'm':
    case 'M': break;
    default: return false;
    }
    return !__builtin_mul_overflow(value, size, ret_mib);
}

bool dure_units_power(const char *text, uint64_t *ret_mw)
{
    return of_unit(text, "W", 1000, ret_mw) || of_unit(text, "kW", 1000000, ret_mw) ||
           of_unit(text, "MW", 1000000000, ret_mw) || of_unit(text, "mW", 1, ret_mw);
}

char *dure_units_memory_format(uint64_t mib, char text[DURE_UNITS_TEXT_MAX])
{
    static const char *const unit[] = {"MiB", "GiB", "TiB", "PiB"};
    unsigned step = 0;
    while (step < 3 && mib >= 1024 && mib % 1024 == 0) {
        mib /= 1024;
        step++;
    }
    snprintf(text, DURE_UNITS_TEXT_MAX, "%" PRIu64 "%s", mib, unit[step]);
    return text;
}

char *dure_units_power_format(uint64_t mw, char text[DURE_UNITS_TEXT_MAX])
{
    uint64_t size = mw >= 1000000000 ? 1000000000 : mw >= 1000000 ? 1000000 : mw >= 1000 ? 1000 : 1;
    const char *unit = size == 1000000000 ? "MW" : size == 1000000 ? "kW" : size == 1000 ? "W" : "mW";
    char digits[24] = "";
    if (mw % size) {
        snprintf(digits, sizeof digits, ".%09" PRIu64, mw % size * (1000000000 / size));
        for (size_t length = strlen(digits); length > 0 && digits[length - 1] == '0'; length--)
            digits[length - 1] = '\0';
    }
    snprintf(text, DURE_UNITS_TEXT_MAX, "%" PRIu64 "%s%s", mw / size, digits, mw ? unit : "W");
    return text;
}
