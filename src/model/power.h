#pragma once
/* Power: what a part of the fleet may draw, over time. A *domain* is a site, one cell of a group at a level (a hall, a rack, a node), or one
 * node by name; a domain may have several limits, and the lowest in force counts. Limits are worst-case figures: every GPU counts with its
 * share of its node's declared power, whatever it draws.
 *
 * Plain structs in one arena, read against a fleet. Cells of a group are numbered from 1 over its chains in their order. Integers only:
 * milliwatt. */
#include "base/arena.h"
#include "base/err.h"
#include "model/fleet.h"

enum { DURE_POWER_ROWS_MAX = 65536, DURE_POWER_DOMAINS_MAX = 65536 };
#define DURE_POWER_LEAD_DEFAULT_US (INT64_C(600) * 1000000) /* 10 min */
#define DURE_POWER_LEAD_MAX_US (INT64_C(7) * 86400 * 1000000)
#define DURE_POWER_MAX_MW UINT64_C(1000000000000000) /* a terawatt */
#define DURE_POWER_NO_LIMIT UINT64_MAX

/* Cells before sites; cells by level, then chain and number: what is inside stands before what it is inside of. */
struct dure_power_domain {
    struct dure_site_id site;   /* of a site; DURE_NONE32: a cell */
    struct dure_chain_id chain; /* of a cell */
    uint32_t cell;              /* index in the chain */
    uint8_t level;
    uint32_t limit_first, limit_count; /* its limits */
};

struct dure_power_limit {
    uint64_t limit_mw;
    int64_t from_us, until_us; /* INT64_MIN, DURE_NEVER_US: without end */
};

struct dure_power {
    struct dure_arena *arena;
    int64_t lead_us; /* so long before a limit falls its domain begins to be cleared */
    uint32_t domain_count, limit_count, row_count;
    struct dure_power_domain *domains;
    struct dure_power_limit *limits;
    const char *source;
    const char *spec_json; /* canonical: what a record carries */
    size_t spec_json_length;
};

/* Validates a tree of kind Power against a fleet. E_INVALID with up to 20 problems. The caller frees. */
DURE_NODISCARD enum dure_err dure_power_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                                              struct dure_power **ret_power, struct dure_problems *problems);
DURE_NODISCARD enum dure_err dure_power_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                                  struct dure_power **ret_power, struct dure_error *error);
void dure_power_free(struct dure_power *power); /* NULL is fine */

/* The lowest limit in force at that time; DURE_POWER_NO_LIMIT. O(limits of the domain), as all below. */
uint64_t dure_power_at(const struct dure_power *power, uint32_t domain, int64_t time_us);
/* The lowest at any time from `from_us` to before `until_us`; ret_when (may be NULL): when it is first so low. */
uint64_t dure_power_least(const struct dure_power *power, uint32_t domain, int64_t from_us, int64_t until_us,
                          int64_t *ret_when_us);
/* The next moment after `time_us` at which a limit begins or ends; DURE_NEVER_US: none. */
int64_t dure_power_next(const struct dure_power *power, uint32_t domain, int64_t time_us);
/* "site pohang", "rack 3 of gv-b200", "node gv-b200-0001". */
enum { DURE_POWER_NAME_MAX = 2 * DURE_NAME_MAX + 32 };
char *dure_power_name(const struct dure_power *power, const struct dure_fleet *fleet, uint32_t domain,
                      char name[DURE_POWER_NAME_MAX]);
