#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/timefmt.h"
#include "base/zone.h"
#include "tap.h"

static void rules(void)
{
    static const struct {
        const char *rule;
        int64_t utc_s, offset;
        const char *name;
    } cases[] = {
        {"KST-9", 0, 9 * 3600, "Korea has one offset"},
        {"<+0545>-5:45", 0, 20700, "a quoted name and minutes"},
        {"EST5EDT,M3.2.0,M11.1.0", 4076636399, -5 * 3600, "New York, a second before the clocks change"},
        {"EST5EDT,M3.2.0,M11.1.0", 4076636400, -4 * 3600, "New York, as they change"},
        {"EST5EDT,M3.2.0,M11.1.0", 4087267200, -4 * 3600, "New York, July 2099"},
        {"EST5EDT,M3.2.0,M11.1.0", 4071600000, -5 * 3600, "New York, January 2099"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 4071600000, 11 * 3600, "Sydney: summer over New Year"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", 4087267200, 10 * 3600, "Sydney: winter in July"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 4087267200, -3600, "Nuuk: a rule that strikes the day before"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", 4071600000, 0, "Dublin: winter is the exception"},
        {"AAA3BBB,J60,J300", 4087267200, -2 * 3600, "Julian days"},
        {"AAA3BBB,59,299/25", 4087267200, -2 * 3600, "days from nought"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t offset = 77;
        TAP_OK(dure_zone_rule_offset(cases[i].rule, cases[i].utc_s, &offset), "%s is a rule", cases[i].rule);
        TAP_EQ_INT(offset, cases[i].offset, "%s", cases[i].name);
    }
    static const char *const bad[] = {"",
                                      "K",
                                      "KS-9",
                                      "KST",
                                      "<KST-9",
                                      "KST-200",
                                      "KST-9:60",
                                      "KST-9x",
                                      "EST5EDT",
                                      "EST5EDT,M3.2.0",
                                      "EST5EDT,M13.2.0,M11.1.0",
                                      "EST5EDT,M0.2.0,M11.1.0",
                                      "EST5EDT,M3.6.0,M11.1.0",
                                      "EST5EDT,M3.2.7,M11.1.0",
                                      "EST5EDT,J0,J300",
                                      "EST5EDT,J366,J300",
                                      "EST5EDT,M3.2.0,M11.1.0,",
                                      "EST5EDT,M3.2.0/x,M11.1.0",
                                      "EST5EDT,M3,M11"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t offset = 77;
        TAP_OK(!dure_zone_rule_offset(bad[i], 0, &offset) && offset == 77, "\"%s\" is refused", bad[i]);
    }
}

static void bad_names(void)
{
    static const char *const bad[] = {"",
                                      "Asia/Atlantis",
                                      "../../../etc/passwd",
                                      "/etc/localtime",
                                      "Asia/Seoul/",
                                      "Asia",
                                      "Asia/Seoul\n",
                                      "tzdata.zi",
                                      "zone.tab",
                                      "A2345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t s = 77;
        TAP_OK(!dure_zone_midnight(bad[i], 0, &s) && s == 77, "\"%s\" is no zone", bad[i]);
    }
    int64_t us = 77;
    TAP_OK(!dure_time_parse("2026-03-01", "Asia/Atlantis", &us) && us == 77, "a date in no zone is no time");
}

static void midnights(void)
{
    static const struct {
        const char *date, *zone, *utc;
    } cases[] = {
        {"2026-03-01", "Asia/Seoul", "2026-02-28T15:00:00Z"},
        {"1988-05-08", "Asia/Seoul", "1988-05-07T15:00:00Z"}, /* summer time of the Olympic year began at 02:00 */
        {"1988-05-09", "Asia/Seoul", "1988-05-08T14:00:00Z"},
        {"2126-07-01", "Asia/Seoul", "2126-06-30T15:00:00Z"},
        {"2026-03-08", "America/New_York", "2026-03-08T05:00:00Z"}, /* the day of the change */
        {"2026-03-09", "America/New_York", "2026-03-09T04:00:00Z"},
        {"2099-07-01", "America/New_York", "2099-07-01T04:00:00Z"}, /* by the rule in the footer */
        {"2018-11-04", "America/Sao_Paulo",
         "2018-11-04T03:00:00Z"},                                 /* no midnight: the clock went from 24:00 to 01:00 */
        {"2019-11-03", "America/Havana", "2019-11-03T04:00:00Z"}, /* two midnights: the first */
        {"2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z"},   /* the day after the one that Samoa left out */
        {"2026-01-01", "UTC", "2026-01-01T00:00:00Z"},
        {"2026-01-01", "Asia/Kathmandu", "2025-12-31T18:15:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        char text[DURE_TIME_TEXT_MAX];
        TAP_OK(dure_time_parse(cases[i].date, cases[i].zone, &us), "%s in %s", cases[i].date, cases[i].zone);
        TAP_EQ_STR(dure_time_format_utc(us, text), cases[i].utc, "%s in %s begins at", cases[i].date, cases[i].zone);
    }
}

/* The C library, asked the slow way round through TZ, is the other opinion. */
static void agrees_with_the_c_library(void)
{
    static const char *const zones[] = {"Asia/Seoul", "America/New_York", "Europe/Dublin", "America/Santiago"};
    for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
        setenv("TZ", zones[z], 1);
        tzset();
        int wrong = 0;
        for (int64_t day = 366; day < 47000; day++) { /* to 2098 */
            const struct dure_civil date = dure_civil_date(day);
            struct tm local = {.tm_year = (int)date.year - 1900,
                               .tm_mon = (int)date.month - 1,
                               .tm_mday = (int)date.day,
                               .tm_isdst = -1};
            const struct tm asked = local;
            const int64_t want = mktime(&local);
            int64_t got = -1;
            /* mktime moves a midnight that does not exist, and may take either of two: compare where it kept to the hour, and
             * accept ours where it is the earlier. */
            if (!dure_zone_midnight(zones[z], day, &got))
                wrong++;
            else if (local.tm_hour == asked.tm_hour && got != want && !(got < want && want - got <= 7200))
                wrong++;
        }
        TAP_EQ_INT(wrong, 0, "%s: every midnight to 2098 is the C library's", zones[z]);
    }
}

int main(void)
{
    rules();
    bad_names();
    if (access("/usr/share/zoneinfo/Asia/Seoul", R_OK) != 0) {
        tap_skip("the zone files of tzdata are not installed");
        return tap_done();
    }
    midnights();
    agrees_with_the_c_library();
    return tap_done();
}
