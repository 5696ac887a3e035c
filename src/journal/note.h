#pragma once
/* C2SP signed notes and checkpoints (Ed25519). Text: origin, size, base64 root, blank line, "— origin base64(keyid[4] || signature[64])". */
#include "base/buf.h"
#include "base/err.h"

enum { DURE_NOTE_MAX = 65536, DURE_ORIGIN_MAX = 127 };

struct dure_signer; /* private key */
struct dure_checkpoint {
    char origin[128];
    uint64_t size;
    uint8_t root[32];
};

DURE_NODISCARD enum dure_err dure_signer_create(const char *key_path,
                                                struct dure_error *error); /* PKCS#8 PEM, mode 0600, never overwrites */
DURE_NODISCARD enum dure_err dure_signer_load(const char *key_path, struct dure_signer **ret_signer,
                                              struct dure_error *error);
void dure_signer_free(struct dure_signer *signer);
void dure_signer_public(const struct dure_signer *signer, uint8_t ret_public[32]);
DURE_NODISCARD enum dure_err dure_checkpoint_sign(const struct dure_signer *signer,
                                                  const struct dure_checkpoint *checkpoint, struct dure_buf *ret_note,
                                                  struct dure_error *error);
/* Verifies against a raw public key; E_CORRUPT says what is wrong. */
DURE_NODISCARD enum dure_err dure_checkpoint_verify(const char *note, size_t length, const uint8_t public_key[32],
                                                    struct dure_checkpoint *ret_checkpoint, struct dure_error *error);
/* The C2SP verifier key "origin+hexkeyid+base64(0x01 || public)". */
void dure_verifier_key(const char *origin, const uint8_t public_key[32], struct dure_buf *ret_text);
DURE_NODISCARD enum dure_err dure_verifier_parse(const char *text, char origin[128], uint8_t ret_public[32],
                                                 struct dure_error *error);
/* An origin (also the key's name): 1..127 bytes of UTF-8 without spaces, control characters or '+'. */
bool dure_origin_ok(const char *origin);
/* Adds one more signer's line to a signed note (a change of keys is signed by both). */
DURE_NODISCARD enum dure_err dure_checkpoint_cosign(const struct dure_signer *signer, struct dure_buf *note,
                                                    struct dure_error *error);

/* Ed25519 over bytes. */
DURE_NODISCARD enum dure_err dure_signer_sign(const struct dure_signer *signer, const void *text, size_t length,
                                              uint8_t ret_signature[64], struct dure_error *error);
bool dure_signature_ok(const uint8_t public_key[32], const void *text, size_t length, const uint8_t signature[64]);
