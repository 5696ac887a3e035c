#pragma once
/* One struct per kind of id, so that a node id is never passed for a job id. Ids follow declaration order, never names.
 * DURE_NONE (all ones) means "no such". Small ids index the arrays of struct dure_fleet and of the tenants. */
#include <stdbool.h>
#include <stdint.h>

#define DURE_NONE32 UINT32_MAX
#define DURE_NONE64 UINT64_MAX

struct dure_owner_id { uint32_t v; };
struct dure_site_id { uint32_t v; };
struct dure_gpu_model_id { uint32_t v; };
struct dure_chain_id { uint32_t v; };
struct dure_node_id { uint32_t v; };      /* global over the fleet */
struct dure_tenant_id { uint32_t v; };
struct dure_principal_id { uint32_t v; }; /* a login, known to the core only as a number */
struct dure_allot_id { uint32_t v; };
struct dure_job_id { uint64_t v; };     /* from 1; shown to people as a plain number */
struct dure_attempt_id { uint64_t v; }; /* from 1, over all jobs: never reused, so that an engine starts each at most once */

/* One job or one element of an array: element 0 for a batch job. */
struct dure_task_ref {
    struct dure_job_id job;
    uint32_t element;
};

/* One cell of a chain: `level` 1 = leaf, `index` counts cells of that level from the left. */
struct dure_cell {
    uint32_t index;
    uint8_t level;
};
