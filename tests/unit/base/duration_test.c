#include <stdlib.h>

#include "base/timefmt.h"
#include "tap.h"

struct good {
    const char *text;
    int64_t us;
};

static void good_durations(void)
{
    static const struct good plain[] = {
        {"0", 0},
        {"90", 90 * DURE_SECOND_US},
        {"90s", 90 * DURE_SECOND_US},
        {"15m", 15 * DURE_MINUTE_US},
        {"1h30m", 90 * DURE_MINUTE_US},
        {"2d", 2 * DURE_DAY_US},
        {"1w", 7 * DURE_DAY_US},
        {"1w2d3h4m5s6ms7us", 9 * DURE_DAY_US + 3 * DURE_HOUR_US + 4 * DURE_MINUTE_US + 5006007},
        {"250ms", 250000},
        {"36525d", 36525 * DURE_DAY_US},
    };
    static const struct good slurm[] = {
        {"90", 90 * DURE_MINUTE_US},
        {"0", 0},
        {"3:04", 184 * DURE_SECOND_US},
        {"90:00", 90 * DURE_MINUTE_US},
        {"1:02:03", 3723 * DURE_SECOND_US},
        {"100:00:00", 100 * DURE_HOUR_US},
        {"1-0", DURE_DAY_US},
        {"1-2", 26 * DURE_HOUR_US},
        {"1-02:03", 26 * DURE_HOUR_US + 3 * DURE_MINUTE_US},
        {"1-02:03:04", 26 * DURE_HOUR_US + 184 * DURE_SECOND_US},
        {"2h", 2 * DURE_HOUR_US},
    };
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        int64_t us = -1;
        TAP_OK(dure_duration_parse(plain[i].text, false, &us), "%s is a duration", plain[i].text);
        TAP_EQ_INT(us, plain[i].us, "%s", plain[i].text);
    }
    for (size_t i = 0; i < sizeof slurm / sizeof slurm[0]; i++) {
        int64_t us = -1;
        TAP_OK(dure_duration_parse(slurm[i].text, true, &us), "%s is a duration to Slurm", slurm[i].text);
        TAP_EQ_INT(us, slurm[i].us, "Slurm's %s", slurm[i].text);
    }
}

static void bad_durations(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "-1",
        "+1",
        "1x",
        "s",
        "1h30",
        "30m1h",
        "1h1h",
        "1.5h",
        "1 h",
        " 1h",
        "1h ",
        "1H",
        "1hour",
        "0x10",
        "1e3",
        "36526d",
        "3652501d",
        "101w1000000h",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999999s",
        "18446744073709551616us",
        "infinity",
        "∞",
        "1h-30m",
        "--",
    };
    static const char *const bad_slurm[] = {":",
                                            "1:",
                                            ":1",
                                            "1:2:3:4",
                                            "1-",
                                            "-1",
                                            "1-2-3",
                                            "1:2-3",
                                            "1-2:3:4:5",
                                            "1--2",
                                            "UNLIMITED",
                                            "36525-1",
                                            "9223372036854775807:00",
                                            "1-02:03:04s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t us = 77;
        TAP_OK(!dure_duration_parse(bad[i], false, &us), "\"%s\" is refused", bad[i]);
        TAP_OK(!dure_duration_parse(bad[i], true, &us) && us == 77, "\"%s\" also to Slurm, without effect", bad[i]);
    }
    for (size_t i = 0; i < sizeof bad_slurm / sizeof bad_slurm[0]; i++) {
        int64_t us = 77;
        TAP_OK(!dure_duration_parse(bad_slurm[i], true, &us) && us == 77, "\"%s\" is refused even of Slurm",
               bad_slurm[i]);
    }
    int64_t us;
    TAP_OK(!dure_duration_parse("1:30", false, &us), "clock forms are Slurm's alone");
    TAP_OK(!dure_duration_parse("1-2", false, &us), "day forms too");
    TAP_OK(!dure_duration_parse(NULL, false, &us), "no text");
}

static void formats(void)
{
    static const struct good cases[] = {
        {"0s", 0},
        {"1us", 1},
        {"1ms", 1000},
        {"120ms", 120000},
        {"120ms5us", 120005},
        {"1s500ms", 1500000},
        {"9s999ms", 9999999},
        {"10s", 10999999},
        {"45s", 45 * DURE_SECOND_US},
        {"1h30m", 90 * DURE_MINUTE_US},
        {"1h1s", DURE_HOUR_US + DURE_SECOND_US},
        {"14d", 14 * DURE_DAY_US},
        {"-1m", -DURE_MINUTE_US},
        {"never", DURE_NEVER_US},
        {"-106751991d4h54s", INT64_MIN},
    };
    static const struct good slurm[] = {
        {"0:00", 0},
        {"0:05", 5 * DURE_SECOND_US},
        {"3:04", 184 * DURE_SECOND_US},
        {"1:02:03", 3723 * DURE_SECOND_US},
        {"1-02:03:04", DURE_DAY_US + 7384 * DURE_SECOND_US},
        {"UNLIMITED", DURE_NEVER_US},
        {"INVALID", -DURE_SECOND_US},
    };
    char text[DURE_TIME_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        TAP_EQ_STR(dure_duration_format(cases[i].us, text), cases[i].text, "%s", cases[i].text);
    for (size_t i = 0; i < sizeof slurm / sizeof slurm[0]; i++)
        TAP_EQ_STR(dure_duration_format_slurm(slurm[i].us, text), slurm[i].text, "Slurm's %s", slurm[i].text);

    uint64_t seed = tap_seed(7);
    bool same = true;
    for (int i = 0; i < 20000 && same; i++) {
        const int64_t us = (int64_t)tap_random_below(&seed, 3155760000) * DURE_SECOND_US;
        int64_t back = -1;
        same = dure_duration_parse(dure_duration_format(us, text), false, &back) && back == us;
        same = same && dure_duration_parse(dure_duration_format_slurm(us, text), true, &back) && back == us;
    }
    TAP_OK(same, "whole seconds come back as they went, in both forms");
}

int main(void)
{
    good_durations();
    bad_durations();
    formats();
    return tap_done();
}
