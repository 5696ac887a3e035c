/* Moments as sbatch takes them: local times, of today or the next day that has them, and times from now. */
#include "model/sbatch_build.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/timefmt.h"

enum { YEARS_FROM = 1900 };
#define AHEAD_MAX_US (100 * 366 * DURE_DAY_US)

/* The number at `*at`, of at least one and at most `most` digits, which are passed over; -1: none. */
static int number(const char **at, unsigned most)
{
    unsigned digits = 0;
    int value = 0;
    while (digits < most && (*at)[digits] >= '0' && (*at)[digits] <= '9')
        value = value * 10 + (*at)[digits++] - '0';
    *at += digits;
    return digits ? value : -1;
}

static bool word(const char **at, const char *text)
{
    const size_t length = strlen(text);
    if (strncasecmp(*at, text, length) != 0)
        return false;
    *at += length;
    return true;
}

static void blanks(const char **at)
{
    while (**at == ' ')
        ++*at;
}

/* "now", "now+90", "now+2hours": seconds unless said otherwise. */
static bool from_now(const char *at, int64_t now_us, int64_t *ret_us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"second", DURE_SECOND_US}, {"minute", DURE_MINUTE_US}, {"hour", DURE_HOUR_US},
                 {"day", DURE_DAY_US},       {"week", 7 * DURE_DAY_US},  {"", DURE_SECOND_US}};
    unsigned unit = 0;
    *ret_us = now_us;
    blanks(&at);
    if (!*at)
        return true;
    if (*at++ != '+')
        return false;
    blanks(&at);
    const int count = number(&at, 8);
    blanks(&at);
    while (!word(&at, units[unit].name))
        unit++;
    if (*units[unit].name)
        (void)word(&at, "s");
    if (count < 0 || count > AHEAD_MAX_US / units[unit].us || *at)
        return false;
    *ret_us = now_us + count * units[unit].us;
    return true;
}

/* "16", "16:00:30": the rest after a number that was read. */
static bool read_clock(const char **at, int hours, struct tm *when)
{
    int minutes = -1, seconds = 0;
    if (**at != ':')
        return false;
    ++*at;
    minutes = number(at, 2);
    if (**at == ':') {
        ++*at;
        seconds = number(at, 2);
    }
    blanks(at);
    const bool morning = word(at, "AM"), evening = !morning && word(at, "PM");
    if (hours < 0 || hours > (morning || evening ? 12 : 23) || minutes < 0 || minutes > 59 || seconds < 0 ||
        seconds > 59 || ((morning || evening) && hours == 0))
        return false;
    when->tm_hour = morning || evening ? hours % 12 + (evening ? 12 : 0) : hours;
    when->tm_min = minutes;
    when->tm_sec = seconds;
    return true;
}

static bool read_time(const char **at, struct tm *when)
{
    static const struct {
        const char *name;
        int hour;
    } names[] = {{"midnight", 0}, {"noon", 12}, {"fika", 15}, {"teatime", 16}};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (word(at, names[i].name)) {
            when->tm_hour = names[i].hour;
            when->tm_min = when->tm_sec = 0;
            return true;
        }
    const int hours = number(at, 2);
    return read_clock(at, hours, when);
}

static int days_of(int month, int year)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

enum dated { DATED_NOT, DATED_DAY, DATED_YEAR, DATED_WRONG };

/* "2026-12-24", "12/24", "12/24/26", "122426", "today", "tomorrow"; what is none is left for the time. */
static enum dated read_date(const char **at, struct tm *when)
{
    const char *begin = *at;
    if (word(at, "today"))
        return DATED_YEAR;
    if (word(at, "tomorrow")) {
        when->tm_mday++;
        return DATED_YEAR;
    }
    const size_t digits = strspn(begin, "0123456789");
    int month = -1, day = -1, year = -1;
    if (digits == 4 && begin[4] == '-') {
        year = number(at, 4);
        ++*at;
        month = number(at, 2);
        if (**at != '-')
            return DATED_WRONG;
        ++*at;
        day = number(at, 2);
        when->tm_year = year - YEARS_FROM;
    } else if (digits == 4 || digits == 6) {
        month = number(at, 2);
        day = number(at, 2);
        year = digits == 6 ? number(at, 2) : -1;
        when->tm_year = year < 0 ? when->tm_year : year + 100;
    } else if (digits >= 1 && digits <= 2 && (begin[digits] == '/' || begin[digits] == '.')) {
        const char parts = begin[digits];
        month = number(at, 2);
        ++*at;
        day = number(at, 2);
        if (**at == parts) {
            ++*at;
            year = number(at, 2);
            if (year < 0)
                return DATED_WRONG;
            when->tm_year = year + 100;
        }
    } else {
        return DATED_NOT;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_of(month, when->tm_year + YEARS_FROM))
        return DATED_WRONG;
    when->tm_mon = month - 1;
    when->tm_mday = day;
    return year < 0 ? DATED_DAY : DATED_YEAR;
}

/* Of `when` in local time; a day past the month's last is one of the next. False: before 1970. */
static bool moment_of(const struct tm *when, int64_t *ret_us)
{
    struct tm same = *when;
    same.tm_isdst = -1;
    const time_t at = mktime(&same);
    *ret_us = (int64_t)at * DURE_SECOND_US;
    return at > 0;
}

bool dure_sbatch_time(const char *text, int64_t now_us, int64_t *ret_us)
{
    const time_t now = (time_t)(now_us / DURE_SECOND_US);
    struct tm when;
    const char *at = text;
    blanks(&at);
    if (word(&at, "now"))
        return from_now(at, now_us, ret_us);
    tzset();
    if (!localtime_r(&now, &when))
        return false;
    const struct tm today = when;
    const enum dated dated = read_date(&at, &when);
    when.tm_hour = when.tm_min = when.tm_sec = 0;
    if (dated != DATED_NOT && *at == 'T')
        at++;
    blanks(&at);
    if (dated == DATED_WRONG || ((dated == DATED_NOT || *at) && !read_time(&at, &when)))
        return false;
    blanks(&at);
    if (*at)
        return false;
    /* A day that has been this year, or a time that has been today: the next is meant. */
    when.tm_year += dated == DATED_DAY &&
                    (when.tm_mon < today.tm_mon || (when.tm_mon == today.tm_mon && when.tm_mday < today.tm_mday));
    if (!moment_of(&when, ret_us))
        return false;
    if (dated != DATED_NOT || *ret_us > now_us)
        return true;
    when.tm_mday++;
    return moment_of(&when, ret_us);
}
