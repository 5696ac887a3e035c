#pragma once
/* Offsets of an IANA time zone, read from the system's compiled zone file (RFC 8536), without touching TZ or any global state.
 * Only for parsing what people write: a decision never asks for a zone. */
#include <stdbool.h>
#include <stdint.h>

/* The UTC second at which the day `days` (since 1970-01-01) begins in `zone`: the first of two midnights, or, where a clock
 * change swallows midnight, the instant of the change. False: no such zone, or its file is not as RFC 8536 has it. */
bool dure_zone_midnight(const char *zone, int64_t days, int64_t *ret_s);

/* Exposed for tests: the offset in seconds east of UTC by a POSIX TZ rule such as "EST5EDT,M3.2.0,M11.1.0". */
bool dure_zone_rule_offset(const char *rule, int64_t utc_s, int64_t *ret_offset_s);
