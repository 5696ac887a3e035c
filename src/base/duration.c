#include "base/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t century_us = 36525 * DURE_DAY_US;

struct unit {
    const char *name;
    int64_t us;
};

/* Largest first: the text must go down the list. */
static const struct unit units[] = {
    {"w", 7 * DURE_DAY_US}, {"d", DURE_DAY_US}, {"h", DURE_HOUR_US}, {"m", DURE_MINUTE_US}, {"s", DURE_SECOND_US},
    {"ms", 1000},           {"us", 1}};
enum { UNITS = sizeof units / sizeof units[0] };

/* Digits at *at; moves past them. False: none, or too many to mean anything under a century. */
static bool number(const char **at, int64_t *ret)
{
    int64_t value = 0;
    const char *p = *at;
    while (*p >= '0' && *p <= '9') {
        if (value > century_us)
            return false;
        value = value * 10 + (*p++ - '0');
    }
    if (p == *at)
        return false;
    *at = p;
    *ret = value;
    return true;
}

static bool add_scaled(int64_t *total, int64_t value, int64_t scale)
{
    int64_t term, sum;
    if (__builtin_mul_overflow(value, scale, &term) || __builtin_add_overflow(*total, term, &sum) || sum > century_us)
        return false;
    *total = sum;
    return true;
}

/* "1h30m": every number with its unit, each unit at most once, largest first. */
static bool parse_units(const char *at, int64_t *ret_us)
{
    int64_t total = 0;
    size_t next = 0;
    do {
        int64_t value;
        if (!number(&at, &value))
            return false;
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz");
        while (next < UNITS && (strlen(units[next].name) != length || memcmp(units[next].name, at, length) != 0))
            next++;
        if (next == UNITS || !add_scaled(&total, value, units[next].us))
            return false;
        at += length;
        next++;
    } while (*at);
    *ret_us = total;
    return true;
}

/* Slurm's clock forms. Fields are not held under 60: Slurm itself takes "90:00" and "0:90". */
static bool parse_clock(const char *at, int64_t *ret_us)
{
    int64_t fields[4];
    size_t count = 0;
    bool days = false;
    for (;;) {
        if (count == 4 || !number(&at, &fields[count++]))
            return false;
        if (!*at)
            break;
        if (*at == '-' && count == 1)
            days = true;
        else if (*at != ':')
            return false;
        at++;
    }
    static const int64_t from_day[] = {DURE_DAY_US, DURE_HOUR_US, DURE_MINUTE_US, DURE_SECOND_US};
    const int64_t *scale = days ? from_day : count == 3 ? from_day + 1 : from_day + 2;
    if (!days && count > 3)
        return false;
    int64_t total = 0;
    for (size_t i = 0; i < count; i++)
        if (!add_scaled(&total, fields[i], scale[i]))
            return false;
    *ret_us = total;
    return true;
}

bool dure_duration_parse(const char *text, bool slurm, int64_t *ret_us)
{
    const char *at = text;
    int64_t value, total = 0;
    if (!text || !number(&at, &value))
        return false;
    if (!*at) {
        if (!add_scaled(&total, value, slurm ? DURE_MINUTE_US : DURE_SECOND_US))
            return false;
        *ret_us = total;
        return true;
    }
    if (slurm && (*at == ':' || *at == '-'))
        return parse_clock(text, ret_us);
    return parse_units(text, ret_us);
}

char *dure_duration_format(int64_t us, char text[DURE_TIME_TEXT_MAX])
{
    if (us == DURE_NEVER_US) {
        snprintf(text, DURE_TIME_TEXT_MAX, "never");
        return text;
    }
    uint64_t rest = us < 0 ? -(uint64_t)us : (uint64_t)us;
    /* From ten seconds on a fraction says nothing to a reader. */
    if (rest >= 10 * DURE_SECOND_US)
        rest -= rest % DURE_SECOND_US;
    else if (rest >= DURE_SECOND_US)
        rest -= rest % 1000;
    size_t used = 0;
    if (us < 0)
        text[used++] = '-';
    text[used] = '\0';
    if (rest == 0)
        snprintf(text, DURE_TIME_TEXT_MAX, "0s");
    for (size_t i = 1; i < UNITS && rest; i++) { /* days are the largest: "14d" is plainer than "2w" */
        const uint64_t unit = (uint64_t)units[i].us;
        if (rest < unit)
            continue;
        used += (size_t)snprintf(text + used, DURE_TIME_TEXT_MAX - used, "%" PRIu64 "%s", rest / unit, units[i].name);
        rest %= unit;
    }
    return text;
}

char *dure_duration_format_slurm(int64_t us, char text[DURE_TIME_TEXT_MAX])
{
    const int64_t s = us / DURE_SECOND_US;
    const int days = (int)(s / 86400), hours = (int)(s / 3600 % 24), minutes = (int)(s / 60 % 60),
              seconds = (int)(s % 60);
    if (us == DURE_NEVER_US)
        snprintf(text, DURE_TIME_TEXT_MAX, "UNLIMITED");
    else if (us < 0)
        snprintf(text, DURE_TIME_TEXT_MAX, "INVALID");
    else if (days)
        snprintf(text, DURE_TIME_TEXT_MAX, "%d-%02d:%02d:%02d", days, hours, minutes, seconds);
    else if (hours)
        snprintf(text, DURE_TIME_TEXT_MAX, "%d:%02d:%02d", hours, minutes, seconds);
    else
        snprintf(text, DURE_TIME_TEXT_MAX, "%d:%02d", minutes, seconds);
    return text;
}
