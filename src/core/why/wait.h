#pragma once
/* What keeps a pending job waiting, in one word. */
#include "core/state/state.h"

enum dure_wait wait_of(const struct dure_core *core, uint32_t job_slot, uint32_t element);
