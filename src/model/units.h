#pragma once
/* Units as people write them, read exactly (no floating point): decimals become integers of the smallest unit, or are refused. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DURE_UNITS_TEXT_MAX = 32 };

/* "0.5" with 3 decimals → 500. No sign, no exponent; more decimals than asked must be zeros. False: not such a number, or over `max`. */
bool dure_units_decimal(const char *text, unsigned decimals, uint64_t max, uint64_t *ret_value);
/* With an optional minus: coordinates. False beyond ±`max`. */
bool dure_units_signed_decimal(const char *text, unsigned decimals, int64_t max, int64_t *ret_value);
/* "512MiB", "180GiB", "1.5TiB", "1PiB" → MiB. The unit is required; a fraction of a MiB is refused. */
bool dure_units_memory(const char *text, uint64_t *ret_mib);
/* Slurm's: "4096" (MiB), "512M", "64G", "2T", "2048K"; a KiB count rounds up. */
bool dure_units_memory_slurm(const char *text, uint64_t *ret_mib);
/* "700W", "14.3kW", "2MW", "250mW" → milliwatt. */
bool dure_units_power(const char *text, uint64_t *ret_mw);

/* The shortest exact text: "180GiB", "1536MiB"; "14.3kW", "700W". */
char *dure_units_memory_format(uint64_t mib, char text[DURE_UNITS_TEXT_MAX]);
char *dure_units_power_format(uint64_t mw, char text[DURE_UNITS_TEXT_MAX]);
