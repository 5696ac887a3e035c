#pragma once
/* Declaring specs, for the verbs that do. Each returns an exit code; messages are out. */
#include "cli/cli.h"
#include "model/fleet.h"

int dure_apply_check_fleet(struct dure_cli *cli, const struct dure_tree *tree, const char *file,
                           struct dure_fleet **ret_fleet);
int dure_apply_put(struct dure_cli *cli, const char *path, bool preview, const struct dure_tree *tree, const char *file,
                   json_t **ret_answer);
/* Prints a write's answer (JSON, the daemon's words, or `fallback`). */
int dure_apply_say(struct dure_cli *cli, const json_t *answer, const char *fallback);
