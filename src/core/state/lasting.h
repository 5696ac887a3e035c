#pragma once
/* How long work really lasts, as a part of its walltime: a histogram for each tenant, in twentieths, of attempts that ended by themselves or by
 * their walltime. It feeds estimates alone; no decision reads it. Hashed and saved. O(1), but for quantiles. */
#include "core/state/state.h"

enum { LASTING_ENOUGH = 20 }; /* ends that a tenant needs before its own histogram counts */

/* An attempt ends in this state. */
void lasting_count(struct dure_core *core, uint32_t attempt, enum dure_job_state state);
/* The tenant's histogram is what these words say (loading). */
void lasting_set(struct dure_core *core, uint32_t tenant, const uint32_t parts[LASTING_PARTS]);
struct dure_digest lasting_hash(const struct dure_core *core, uint32_t tenant);
/* When work of this tenant that started then ends, with `percent` of all that lasted as long as it has so far ending no later. With too few
 * ends known, or at 100 %: its walltime's end. Never before now. */
int64_t lasting_end(const struct dure_core *core, uint32_t tenant, int64_t started_us, int64_t walltime_us,
                    unsigned percent);
