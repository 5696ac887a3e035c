#pragma once
/* The shape of a snapshot: what save.c writes and load.c reads. */
#include "core/state/state.h"

#define SNAPSHOT_MAGIC UINT64_C(0x31306572756420fa)
enum { SNAPSHOT_FORMAT = 2 };

struct snapshot_head {
    uint64_t magic;
    uint32_t format, core_version, scalars_size, job_size, attempt_size, claim_size, planned_size, zero;
    struct dure_digest digest;
};

struct snapshot_allot {
    int64_t from_us, until_us;
    struct allot_use use;
    uint32_t tenant, chain, count, cells, level, state;
};
