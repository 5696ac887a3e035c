#pragma once
/* What the audit verbs share: keys, checkpoints, addresses of bundles. Each returns an exit code; messages are out. */
#include "cli/cli.h"
#include "journal/note.h"

enum { DURE_BUNDLE_WIDTH = 256 };

int dure_audit_daemon_key(struct dure_cli *cli, uint8_t ret_public[32]);
/* A verifier key as `dure audit key` prints it. */
int dure_audit_key_file(struct dure_cli *cli, const char *file, uint8_t ret_public[32]);
/* A kept checkpoint. `public_key` NULL: its text is read, its signature not checked here. */
int dure_audit_checkpoint_file(struct dure_cli *cli, const char *file, const uint8_t *public_key,
                               struct dure_checkpoint *ret_checkpoint);
void dure_audit_bundle_path(uint64_t bundle, unsigned width, char path[128]);
