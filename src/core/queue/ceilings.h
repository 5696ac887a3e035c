#pragma once
/* Ceilings of tenants and of users in them. Guaranteed and borrowed work count together, fractions by their milli-GPU, and a reservation as
 * much as what runs. A class at a ceiling is passed over and keeps nothing from others; its queue is woken when something under that
 * ceiling ends. Lowering a ceiling evicts nothing. Sums are derived: rebuilt when tenants are declared and when a snapshot is loaded. */
#include "core/state/state.h"

enum ceiling_kind { CEILING_NONE, CEILING_GPUS, CEILING_JOBS, CEILING_USER_GPUS, CEILING_USER_JOBS };

/* The first ceiling, from the tenant upwards, that a start would break. GPUs in milli. */
struct ceiling_stop {
    enum ceiling_kind kind;
    uint32_t tenant;
    uint64_t most, held, asked;
};
struct ceiling_stop ceiling_stops(const struct dure_core *core, const struct request *ask); /* O(depth) */
/* The same for a pass: remembers the queue, so that it is woken when there may be room. */
bool ceiling_passes_over(struct dure_core *core, const struct request *ask, uint32_t queue);

/* Whom a job's request names: its user where a ceiling counts users, else NONE. */
uint32_t ceiling_user(const struct dure_core *core, uint32_t tenant, uint32_t principal);
/* An attempt or a reservation comes (sign 1) or goes (-1). */
void ceiling_count(struct dure_core *core, const struct job *job, uint64_t milli, int sign);
/* Elements are submitted (more) or have ended (fewer). */
void ceiling_submitted(struct dure_core *core, const struct job *job, int64_t elements);

/* E_NEVER: larger than a ceiling; E_LIMIT: too many not ended. */
DURE_NODISCARD enum dure_err ceiling_check_size(const struct dure_core *core, const struct request *ask,
                                                struct dure_error *error);
DURE_NODISCARD enum dure_err ceiling_check_submit(const struct dure_core *core, const struct request *ask,
                                                  uint32_t elements, struct dure_error *error);

void ceiling_renew(struct dure_core *core); /* tenants were declared: all sums anew. O(live jobs) */
void ceiling_free(struct dure_core *core, uint32_t tenants);
