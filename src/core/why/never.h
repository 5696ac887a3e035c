#pragma once
/* What could never run, with the proof. */
#include "core/place/rules.h"

/* The first rule that rules this chain out for good, as allotments and lending terms stand (future ones counted): FITS if none does. */
struct verdict never_verdict(const struct dure_core *core, const struct request *ask, uint32_t chain);
/* DURE_OK, or E_NEVER with the proof: each rule that refuses, the nearest miss in figures, and where. */
DURE_NODISCARD enum dure_err never_check(const struct dure_core *core, const struct request *ask,
                                         struct dure_error *error);
void never_proof(const struct dure_core *core, const struct request *ask, struct dure_buf *text);
