#pragma once
/* The proleptic Gregorian calendar in days since 1970-01-01 (after H. Hinnant's "chrono-compatible low-level date algorithms"). */
#include <stdbool.h>
#include <stdint.h>

struct dure_civil {
    int64_t year;
    unsigned month; /* 1..12 */
    unsigned day;   /* 1..31 */
};

int64_t dure_civil_days(int64_t year, unsigned month, unsigned day);
struct dure_civil dure_civil_date(int64_t days);
unsigned dure_civil_month_length(int64_t year, unsigned month);
bool dure_civil_leap(int64_t year);
