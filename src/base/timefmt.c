#include "base/timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/zone.h"

/* Exactly `count` digits at *at. */
static bool digits(const char **at, unsigned count, int64_t max, int64_t *ret)
{
    int64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9')
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    if (value > max)
        return false;
    *at += count;
    *ret = value;
    return true;
}

static bool literal(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

static bool parse_date(const char **at, int64_t *ret_days)
{
    int64_t year, month, day;
    if (!digits(at, 4, 9999, &year) || !literal(at, '-') || !digits(at, 2, 12, &month) || !literal(at, '-') ||
        !digits(at, 2, 31, &day))
        return false;
    if (month < 1 || day < 1 || day > dure_civil_month_length(year, (unsigned)month))
        return false;
    *ret_days = dure_civil_days(year, (unsigned)month, (unsigned)day);
    return true;
}

/* ".123456789": read to microseconds, the rest is cut. */
static bool parse_fraction(const char **at, int64_t *ret_us)
{
    int64_t us = 0, scale = 100000;
    *ret_us = 0;
    if (!literal(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        us += (**at - '0') * scale;
    *ret_us = us;
    return true;
}

static bool parse_offset(const char **at, int64_t *ret_s)
{
    int64_t hours, minutes;
    if (literal(at, 'Z') || literal(at, 'z')) {
        *ret_s = 0;
        return true;
    }
    const int sign = **at == '-' ? -1 : 1;
    if (!literal(at, '+') && !literal(at, '-'))
        return false;
    if (!digits(at, 2, 23, &hours) || !literal(at, ':') || !digits(at, 2, 59, &minutes))
        return false;
    *ret_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool dure_time_parse(const char *text, const char *zone, int64_t *ret_us)
{
    const char *at = text;
    int64_t days, hours, minutes, seconds, fraction, offset, s;
    if (!text || !parse_date(&at, &days))
        return false;
    if (!*at) {
        s = days * 86400;
        if (zone && !dure_zone_midnight(zone, days, &s))
            return false;
        if (s < 0)
            return false;
        *ret_us = s * DURE_SECOND_US;
        return true;
    }
    if (!literal(&at, 'T') && !literal(&at, 't') && !literal(&at, ' '))
        return false;
    /* Second 60 is refused: Unix time has no name for it. */
    if (!digits(&at, 2, 23, &hours) || !literal(&at, ':') || !digits(&at, 2, 59, &minutes) || !literal(&at, ':') ||
        !digits(&at, 2, 59, &seconds) || !parse_fraction(&at, &fraction) || !parse_offset(&at, &offset) || *at)
        return false;
    s = days * 86400 + hours * 3600 + minutes * 60 + seconds - offset;
    if (s < 0)
        return false;
    *ret_us = s * DURE_SECOND_US + fraction;
    return true;
}

/* Rounds down also before 1970. */
static int64_t split(int64_t us, int64_t *ret_fraction)
{
    int64_t s = us / DURE_SECOND_US;
    *ret_fraction = us % DURE_SECOND_US;
    if (*ret_fraction < 0) {
        *ret_fraction += DURE_SECOND_US;
        s--;
    }
    return s;
}

char *dure_time_format_utc(int64_t us, char text[DURE_TIME_TEXT_MAX])
{
    if (us == DURE_NEVER_US) {
        snprintf(text, DURE_TIME_TEXT_MAX, "never");
        return text;
    }
    int64_t fraction;
    const int64_t s = split(us, &fraction);
    const int64_t days = (s >= 0 ? s : s - 86399) / 86400;
    const int of_day = (int)(s - days * 86400);
    const struct dure_civil date = dure_civil_date(days);
    int used = snprintf(text, DURE_TIME_TEXT_MAX, "%04" PRId64 "-%02u-%02uT%02d:%02d:%02d", date.year, date.month,
                        date.day, of_day / 3600, of_day / 60 % 60, of_day % 60);
    if (fraction)
        used += snprintf(text + used, DURE_TIME_TEXT_MAX - (size_t)used, ".%06d", (int)fraction);
    snprintf(text + used, DURE_TIME_TEXT_MAX - (size_t)used, "Z");
    return text;
}

char *dure_time_format_local(int64_t us, char text[DURE_TIME_TEXT_MAX])
{
    int64_t fraction;
    const time_t s = split(us, &fraction);
    struct tm local;
    if (us == DURE_NEVER_US || !localtime_r(&s, &local) ||
        !strftime(text, DURE_TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S %Z", &local))
        return dure_time_format_utc(us, text);
    return text;
}
