#pragma once
/* Between the writer and the reader of a chain's bytes. */
#include "core/cells/state.h"

enum { DURE_CELLS_SNAPSHOT_VERSION = 1 };
