#pragma once
/* Times are int64 microseconds since the Unix epoch (UTC); durations int64 microseconds. Text is RFC 3339, or people's units. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURE_SECOND_US INT64_C(1000000)
#define DURE_MINUTE_US (60 * DURE_SECOND_US)
#define DURE_HOUR_US (60 * DURE_MINUTE_US)
#define DURE_DAY_US (24 * DURE_HOUR_US)
#define DURE_NEVER_US INT64_MAX

enum { DURE_TIME_TEXT_MAX = 48 };

/* "90", "90s", "15m", "1h30m", "2d", "1w", Slurm's "MM", "MM:SS", "HH:MM:SS", "D-HH[:MM[:SS]]" only if `slurm`. A bare number is
 * seconds (minutes if `slurm`). False: not a duration, negative, or over 100 years. */
bool dure_duration_parse(const char *text, bool slurm, int64_t *ret_us);
char *dure_duration_format(int64_t us, char text[DURE_TIME_TEXT_MAX]);       /* "1h30m", "45s", "120ms" */
char *dure_duration_format_slurm(int64_t us, char text[DURE_TIME_TEXT_MAX]); /* squeue's "1-02:03:04", "3:04" */
/* RFC 3339 "2026-03-01T09:00:00+09:00" or date "2026-03-01" (midnight in `zone`, an IANA name; NULL = UTC). False: not a
 * time, before 1970, or a zone that this machine does not know. */
bool dure_time_parse(const char *text, const char *zone, int64_t *ret_us);
char *dure_time_format_utc(int64_t us, char text[DURE_TIME_TEXT_MAX]); /* "2026-03-01T00:00:00Z" */
char *dure_time_format_local(int64_t us,
                             char text[DURE_TIME_TEXT_MAX]); /* "2026-03-01 09:00:00 KST", the user's zone named */
