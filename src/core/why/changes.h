#pragma once
/* What would let a request start now: each change is tried on the state as it is. */
#include "core/state/state.h"
#include "core/why.h"

void changes_try(struct dure_core *core, const struct request *ask, const struct job *job, struct dure_arena *arena,
                 struct dure_why *why);
