#pragma once
/* Where things are: state folder, socket, neighbouring programs. */
#include "cli/cli.h"

/* Fills cli->state and cli->socket from options, environment and XDG. An exit code. */
int dure_cli_paths(struct dure_cli *cli);
/* A program that lies beside this one ("dured"), or on $PATH. False: there is none. */
bool dure_cli_neighbour(const struct dure_cli *cli, const char *name, char path[DURE_CLI_PATH_MAX]);
/* An operand made absolute, for the daemon. False: it does not fit. */
bool dure_cli_absolute(const char *path, char absolute[DURE_CLI_PATH_MAX]);
