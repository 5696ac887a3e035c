#pragma once
/* The parts of `dure whatif`. Each returns an exit code; messages are out. */
#include "cli/cli.h"
#include "core/core.h"

int dure_whatif_size(struct dure_cli *cli, uint64_t *ret_size); /* leaves of the daemon's record */
/* The state after so many leaves. The caller frees it. */
int dure_whatif_state(struct dure_cli *cli, uint64_t size, struct dure_core **ret_core);
