#include <stdlib.h>
#include <time.h>

#include "base/civil.h"
#include "base/timefmt.h"
#include "tap.h"

struct instant {
    const char *text;
    int64_t s;
};

static void good_times(void)
{
    static const struct instant cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01", 0},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2026-03-01T00:00:00Z", 1772323200},
        {"2026-03-01T09:00:00+09:00", 1772323200},
        {"2026-02-28T19:00:00-05:00", 1772323200},
        {"2026-03-01 00:00:00z", 1772323200},
        {"2026-03-01t05:45:00+05:45", 1772323200},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"1970-01-01T00:00:00-00:00", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        TAP_OK(dure_time_parse(cases[i].text, NULL, &us), "%s is a time", cases[i].text);
        TAP_EQ_INT(us, cases[i].s * DURE_SECOND_US, "%s", cases[i].text);
    }
    int64_t us = -1;
    TAP_OK(dure_time_parse("2026-03-01T00:00:00.25Z", NULL, &us) && us == 1772323200250000, "a fraction");
    TAP_OK(dure_time_parse("2026-03-01T00:00:00.123456789Z", NULL, &us) && us == 1772323200123456,
           "nanoseconds are cut");
}

static void bad_times(void)
{
    static const char *const bad[] = {
        "",
        "today",
        "2026",
        "2026-03",
        "26-03-01",
        "2026-3-1",
        "2026/03/01",
        "2026-00-01",
        "2026-13-01",
        "2026-01-00",
        "2026-02-29",
        "1900-02-29",
        "2100-02-29",
        "2026-04-31",
        "1969-12-31",
        "1969-12-31T23:59:59Z",
        "1970-01-01T08:59:59+09:00",
        "2026-03-01T09:00:00",
        "2026-03-01T09:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T09:60:00Z",
        "2026-12-31T23:59:60Z",
        "2026-03-01T09:00:00.Z",
        "2026-03-01T09:00:00+0900",
        "2026-03-01T09:00:00+24:00",
        "2026-03-01T09:00:00+09:60",
        "2026-03-01T09:00:00+9:00",
        "2026-03-01T09:00:00 KST",
        "2026-03-01T09:00:00ZZ",
        "2026-03-01X09:00:00Z",
        " 2026-03-01",
        "2026-03-01 ",
        "+2026-03-01",
        "-026-03-01",
        "12026-03-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t us = 77;
        TAP_OK(!dure_time_parse(bad[i], NULL, &us) && us == 77, "\"%s\" is refused without effect", bad[i]);
    }
    int64_t us;
    TAP_OK(!dure_time_parse(NULL, NULL, &us), "no text");
}

static void formats(void)
{
    char text[DURE_TIME_TEXT_MAX];
    TAP_EQ_STR(dure_time_format_utc(0, text), "1970-01-01T00:00:00Z", "the epoch");
    TAP_EQ_STR(dure_time_format_utc(1772323200000000, text), "2026-03-01T00:00:00Z", "a day in March");
    TAP_EQ_STR(dure_time_format_utc(1772323200000001, text), "2026-03-01T00:00:00.000001Z", "a microsecond later");
    TAP_EQ_STR(dure_time_format_utc(-1, text), "1969-12-31T23:59:59.999999Z", "a microsecond before the epoch");
    TAP_EQ_STR(dure_time_format_utc(DURE_NEVER_US, text), "never", "never");
    TAP_EQ_STR(dure_time_format_utc(INT64_MAX - 1, text), "294247-01-10T04:00:54.775806Z", "the far end fits");
    TAP_EQ_STR(dure_time_format_utc(INT64_MIN, text), "-290308-12-21T19:59:05.224192Z", "so does the other");

    setenv("TZ", "Asia/Seoul", 1);
    tzset();
    TAP_EQ_STR(dure_time_format_local(1772323200000000, text), "2026-03-01 09:00:00 KST", "Seoul is named");
    TAP_EQ_STR(dure_time_format_local(DURE_NEVER_US, text), "never", "never, here too");
    setenv("TZ", "UTC0", 1);
    tzset();
    TAP_EQ_STR(dure_time_format_local(1772323200999999, text), "2026-03-01 00:00:00 UTC", "UTC is named");

    uint64_t seed = tap_seed(11);
    bool same = true;
    for (int i = 0; i < 20000 && same; i++) {
        const int64_t us = (int64_t)tap_random_below(&seed, UINT64_C(253402300800) * 1000000);
        int64_t back = -1;
        same = dure_time_parse(dure_time_format_utc(us, text), NULL, &back) && back == us;
    }
    TAP_OK(same, "every instant up to the year 9999 comes back as it went");
}

static void calendar(void)
{
    bool same = true;
    for (int64_t day = -800000; day < 3000000; day++) {
        const struct dure_civil date = dure_civil_date(day);
        same = same && dure_civil_days(date.year, date.month, date.day) == day && date.month >= 1 && date.month <= 12 &&
               date.day >= 1 && date.day <= dure_civil_month_length(date.year, date.month);
    }
    TAP_OK(same, "every day of ten thousand years has one date");
}

int main(void)
{
    good_times();
    bad_times();
    formats();
    calendar();
    return tap_done();
}
