#pragma once
/* Proofs as text, checked without the journal: what an outsider holds is a leaf, a proof and the log's public key. */
#include "base/err.h"
#include "journal/note.h"

enum { DURE_PROOF_MAX = DURE_NOTE_MAX + 8192, DURE_PATH_MAX = 130 };

/* A C2SP tlog-proof: that `leaf` is entry *ret_index of the tree of *ret_checkpoint, which the key has signed. E_CORRUPT says what does not hold. */
DURE_NODISCARD enum dure_err dure_proof_verify(const char *proof, size_t length, const void *leaf, size_t leaf_length,
                                               const uint8_t public_key[32], struct dure_checkpoint *ret_checkpoint,
                                               uint64_t *ret_index, struct dure_error *error);
/* That the signed tree begins with the tree of `old`. */
DURE_NODISCARD enum dure_err dure_consistency_verify(const char *proof, size_t length,
                                                     const struct dure_checkpoint *old, const uint8_t public_key[32],
                                                     struct dure_checkpoint *ret_checkpoint, struct dure_error *error);
