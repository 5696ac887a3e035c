#pragma once
/* Who may use what: the tree of tenants, what they were promised (allotments), what owners lend, and who may do what (roles).
 * Plain structs in one arena; a tenant's id is its place in declaration order (parents before children). */
#include "base/arena.h"
#include "base/err.h"
#include "model/fleet.h"

enum {
    DURE_TENANTS_MAX = 65536,
    DURE_TENANT_DEPTH_MAX = 8,
    DURE_ALLOTMENTS_MAX = 65536,
    DURE_ROLES_MAX = 65536,
    DURE_LENDING_TO_MAX = 64,
    DURE_CEILING_MAX = 67108864, /* GPUs, or jobs */
};

/* What a tenant with all below it may hold at a time, guaranteed and borrowed together, and what one user may there. DURE_NONE64: no ceiling. */
struct dure_ceilings {
    uint64_t milli;      /* GPUs in use */
    uint64_t jobs;       /* running: batch jobs and elements of arrays */
    uint64_t pending;    /* submitted and not ended */
    uint64_t user_milli; /* the first two, for each user */
    uint64_t user_jobs;
};
static inline bool dure_ceilings_of_users(const struct dure_ceilings *c)
{
    return c->user_milli != DURE_NONE64 || c->user_jobs != DURE_NONE64;
}
static inline bool dure_ceilings_any(const struct dure_ceilings *c)
{
    return c->milli != DURE_NONE64 || c->jobs != DURE_NONE64 || c->pending != DURE_NONE64 || dure_ceilings_of_users(c);
}
#define DURE_CEILINGS_NONE {DURE_NONE64, DURE_NONE64, DURE_NONE64, DURE_NONE64, DURE_NONE64}

struct dure_tenant {
    const char *name;  /* one step: "team-a" */
    const char *path;  /* "government/llm/team-a" */
    const char *label;
    struct dure_tenant_id parent; /* DURE_NONE32 at the top */
    struct dure_owner_id owner;   /* the owner this top-level tree belongs to, inherited; DURE_NONE32: owns no hardware */
    struct dure_ceilings ceilings;
    uint32_t weight;              /* 1..1,000,000; default 1 */
    uint8_t depth;
};

/* A top-level entry may name the tenant it stands under (`under: government/llm`), so that tenants are added at the end, and ids stay.
 *
 * A promise of cells of one level of one chain group, for a period. An allotment by GPU count is split at parse into the largest whole
 * cells it divides into, chain by chain; each resulting row is one allotment of the core. */
struct dure_allotment {
    const char *name; /* unique; rows split from one declaration are "<name>", "<name>#2", ... */
    struct dure_tenant_id tenant;
    struct dure_chain_id chain;
    uint8_t level;
    uint32_t count;      /* cells */
    int64_t from_us;     /* INT64_MIN: at once. Where the spec says nothing: when the hardware arrives, or when the predecessor ends */
    int64_t until_us;    /* DURE_NEVER_US: no end */
    const char *after;   /* name of a predecessor row of the same chain and level, of no fewer cells, that ends by then; or "" */
};

/* What an owner lends. An owner without a row lends nothing (its own tenants may always borrow from it). */
struct dure_lending {
    struct dure_owner_id owner;
    int64_t notice_us;         /* what the lender gives: a borrowed job's grace must not be longer */
    bool to_all;               /* else only the listed top-level tenants */
    uint32_t to_count;         /* listed */
    struct dure_tenant_id *to; /* top-level tenants allowed */
    uint32_t except_count;
    struct dure_tenant_id *except; /* with to_all: rivals left out */
    int64_t from_us, until_us;
};

enum dure_role { DURE_ROLE_OPERATOR, DURE_ROLE_OWNER, DURE_ROLE_MEMBER, DURE_ROLE_AUDITOR };

/* Logins are personal: in the journal they stand as principals (numbers with commitments). */
struct dure_role_row {
    const char *login; /* "" once erased or when decoded from a record */
    struct dure_principal_id principal; /* assigned when journaled; DURE_NONE32 before */
    enum dure_role role;
    struct dure_tenant_id tenant; /* of a member: this tenant and all below it */
    struct dure_owner_id owner;   /* of an owner */
};

struct dure_tenants {
    struct dure_arena *arena;
    uint32_t tenant_count, allotment_count, lending_count, role_count;
    struct dure_tenant *tenants;
    struct dure_allotment *allotments;
    struct dure_lending *lendings;
    struct dure_role_row *roles;
    const uint32_t *by_path; /* tenant ids in the order of their paths */
    /* The canonical spec without logins (roles carry principal numbers once assigned): what a record carries. */
    const char *spec_json;
    size_t spec_json_length;
};

/* Validates a tree of kind Tenants against a fleet: unknown owners, chains, levels, tenants; two tiers of one path with allotments;
 * periods that end before they start or begin before the hardware arrives; predecessors of another chain or level; more cells than a
 * chain has, over any period. */
DURE_NODISCARD enum dure_err dure_tenants_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                                                struct dure_tenants **ret_tenants, struct dure_problems *problems);
/* From spec_json. Room is not checked again: the core does that on the state it has. */
DURE_NODISCARD enum dure_err dure_tenants_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                                    struct dure_tenants **ret_tenants, struct dure_error *error);
/* Gives every role row its principal (parallel to roles[]) and remakes spec_json. */
DURE_NODISCARD enum dure_err dure_tenants_bind(struct dure_tenants *tenants, const struct dure_fleet *fleet, const struct dure_principal_id *principals);
/* Owners without lending terms lend to everybody with this notice (at most a day), for good. */
DURE_NODISCARD enum dure_err dure_tenants_lend_rest(struct dure_tenants *tenants, const struct dure_fleet *fleet, int64_t notice_us);
void dure_tenants_free(struct dure_tenants *tenants);
/* May `next` follow `now`? Tenants are only added at the end or relabelled, re-weighted, given other ceilings; an allotment of a name that `now` has must be the
 * same (one that `next` does not name goes on: ending it is `dure allot end`); lending and roles may change freely. E_STATE names the first
 * difference. */
DURE_NODISCARD enum dure_err dure_tenants_may_follow(const struct dure_tenants *now, const struct dure_tenants *next, struct dure_error *error);
bool dure_tenants_find(const struct dure_tenants *tenants, const char *path, struct dure_tenant_id *ret_tenant); /* O(log n) */
bool dure_tenants_within(const struct dure_tenants *tenants, struct dure_tenant_id tenant, struct dure_tenant_id ancestor); /* reflexive */
void dure_ceilings_to_json(const struct dure_ceilings *ceilings, struct dure_buf *buf); /* those that there are, as in the spec */
const char *dure_role_name(enum dure_role role); /* "operator" */

/* Single grants. One declaration, as it stands under `allotments`, read against the tenants in force; the rows and their texts live in `arena`.
 * `room` says how many cells of a level may still be promised (NULL: what the rows of `tenants` leave; dure_room_any: no limit here). */
typedef uint32_t (*dure_room_fn)(void *context, struct dure_chain_id chain, unsigned level, int64_t from_us, int64_t until_us);
uint32_t dure_room_any(void *context, struct dure_chain_id chain, unsigned level, int64_t from_us, int64_t until_us);
DURE_NODISCARD enum dure_err dure_allotment_parse(const struct dure_tree *tree, const struct dure_fleet *fleet, const struct dure_tenants *tenants,
                                                  struct dure_arena *arena, dure_room_fn room, void *context,
                                                  struct dure_allotment **ret_rows, uint32_t *ret_count, struct dure_problems *problems);
/* Rows as a JSON list of canonical declarations (what a GRANT record carries), and back. */
void dure_allotments_to_json(const struct dure_allotment *rows, uint32_t count, const struct dure_fleet *fleet,
                             const struct dure_tenants *tenants, struct dure_buf *buf);
DURE_NODISCARD enum dure_err dure_allotments_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                                       const struct dure_tenants *tenants, struct dure_arena *arena,
                                                       struct dure_allotment **ret_rows, uint32_t *ret_count, struct dure_error *error);
