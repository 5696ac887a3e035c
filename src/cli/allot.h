#pragma once
/* Granting one allotment from its declaration. `key`: the idempotency key; NULL: a fresh one. An exit code. */
#include "cli/cli.h"

int dure_allot_post(struct dure_cli *cli, const struct dure_tree *tree, const char *file, bool preview, const char *key,
                    json_t **ret_answer);
