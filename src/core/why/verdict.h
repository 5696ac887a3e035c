#pragma once
/* What one chain says to a request at this moment: the first rule that refuses it, with figures. Feasibility is tried, never guessed. */
#include "core/why/never.h"

struct verdict verdict_now(struct dure_core *core, const struct request *ask, uint32_t chain, bool ahead);
