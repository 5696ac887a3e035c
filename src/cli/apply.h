#pragma once
/* Declaring specs, for the verbs that do. Each returns an exit code; messages are out. */
#include "cli/cli.h"
#include "model/fleet.h"

int dure_apply_check_fleet(struct dure_cli *cli, const struct dure_tree *tree, const char *file,
                           struct dure_fleet **ret_fleet);
/* `query` may be NULL. */
int dure_apply_put(struct dure_cli *cli, const char *path, const char *query, const struct dure_tree *tree,
                   const char *file, json_t **ret_answer);
/* The daemon's fleet, the caller's to free. NULL: it could not be had. */
struct dure_fleet *dure_apply_fleet(struct dure_cli *cli);
/* Prints a write's answer (JSON, the daemon's words, or `fallback`). */
int dure_apply_say(struct dure_cli *cli, const json_t *answer, const char *fallback);
/* Prints a spec in force: YAML, a row a line, or JSON where that was asked for. */
int dure_spec_print(struct dure_cli *cli, const json_t *spec);
int dure_spec_tenants(struct dure_cli *cli);
