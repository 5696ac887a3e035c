#include <stddef.h>
#include <string.h>

#include "base/civil.h"
#include "base/zone.h"

/* The POSIX TZ rule that RFC 8536 puts in a zone file's footer, for instants after the last listed transition. */

struct rule_day {
    char kind; /* 'M' month.week.day, 'J' 1..365 without leap days, 'N' 0..365 */
    int64_t month, week, day;
    int64_t second; /* of that day, local, -167h..167h */
};

static bool digits(const char **at, int64_t max, int64_t *ret)
{
    int64_t value = 0;
    const char *p = *at;
    while (*p >= '0' && *p <= '9' && value <= max)
        value = value * 10 + (*p++ - '0');
    if (p == *at || value > max)
        return false;
    *at = p;
    *ret = value;
    return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool hms(const char **at, int64_t *ret)
{
    const int sign = **at == '-' ? -1 : 1;
    int64_t hours, minutes = 0, seconds = 0;
    if (**at == '-' || **at == '+')
        (*at)++;
    if (!digits(at, 167, &hours))
        return false;
    if (**at == ':') {
        (*at)++;
        if (!digits(at, 59, &minutes))
            return false;
    }
    if (**at == ':') {
        (*at)++;
        if (!digits(at, 59, &seconds))
            return false;
    }
    *ret = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool zone_name(const char **at)
{
    const char *p = *at;
    if (*p == '<') {
        const char *end = strchr(p, '>');
        if (!end)
            return false;
        *at = end + 1;
        return true;
    }
    p += strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    const bool ok = p - *at >= 3;
    *at = p;
    return ok;
}

static bool dot_digits(const char **at, int64_t min, int64_t max, int64_t *ret)
{
    if (**at != '.')
        return false;
    (*at)++;
    return digits(at, max, ret) && *ret >= min;
}

static bool rule_day(const char **at, struct rule_day *ret)
{
    if (*(*at)++ != ',')
        return false;
    ret->kind = **at == 'M' || **at == 'J' ? *(*at)++ : 'N';
    ret->second = 7200;
    bool ok;
    if (ret->kind == 'M')
        ok = digits(at, 12, &ret->month) && ret->month >= 1 && dot_digits(at, 1, 5, &ret->week) &&
             dot_digits(at, 0, 6, &ret->day);
    else
        ok = digits(at, 365, &ret->day) && (ret->kind == 'N' || ret->day >= 1);
    if (ok && **at == '/') {
        (*at)++;
        ok = hms(at, &ret->second);
    }
    return ok;
}

/* Local seconds since 1970-01-01 at which the rule strikes in `year`. */
static int64_t strikes(const struct rule_day *rule, int64_t year)
{
    const int64_t new_year = dure_civil_days(year, 1, 1);
    int64_t day;
    if (rule->kind == 'N') {
        day = new_year + rule->day;
    } else if (rule->kind == 'J') {
        day = new_year + rule->day - 1 + (rule->day >= 60 && dure_civil_leap(year));
    } else {
        const int64_t first = dure_civil_days(year, (unsigned)rule->month, 1);
        const int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        const int64_t last = first + dure_civil_month_length(year, (unsigned)rule->month) - 1;
        day = first + (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
        if (day > last)
            day -= 7;
    }
    return day * 86400 + rule->second;
}

bool dure_zone_rule_offset(const char *rule, int64_t utc_s, int64_t *ret_offset_s)
{
    const char *at = rule;
    int64_t standard, summer;
    struct rule_day start, end;
    if (!zone_name(&at) || !hms(&at, &standard))
        return false;
    standard = -standard; /* POSIX counts west */
    if (!*at) {
        *ret_offset_s = standard;
        return true;
    }
    if (!zone_name(&at))
        return false;
    summer = standard + 3600;
    if (*at != ',') {
        if (!hms(&at, &summer))
            return false;
        summer = -summer;
    }
    if (!rule_day(&at, &start) || !rule_day(&at, &end) || *at)
        return false;
    const int64_t local = utc_s + standard;
    const int64_t year = dure_civil_date((local >= 0 ? local : local - 86399) / 86400).year;
    const int64_t from = strikes(&start, year) - standard, until = strikes(&end, year) - summer;
    const bool is_summer = from < until ? utc_s >= from && utc_s < until : utc_s >= from || utc_s < until;
    *ret_offset_s = is_summer ? summer : standard;
    return true;
}
