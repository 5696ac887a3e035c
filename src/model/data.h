#pragma once
/* Data: at which sites a dataset may be used, and beside whom. Jobs name datasets; a job with several must keep the rules of all.
 *
 * A dataset's id is its place in the list, because jobs carry them as a mask: declared ones stay where they are and new ones come at the end.
 * Forbidden neighbours: while a job uses the dataset, no work of another tenant, or of the tenants of a list and of all below them, is on the same
 * node (or rack). The job's own tenant and all below it are never forbidden to it. */
#include "base/arena.h"
#include "base/err.h"
#include "model/fleet.h"
#include "model/job.h"
#include "model/tenants.h"

enum { DURE_DATASETS_MAX = 64, DURE_DATA_TENANTS_MAX = 64 };

enum dure_data_class {
    DURE_DATA_UNCLASSED,
    DURE_DATA_CLASSIFIED,
    DURE_DATA_SENSITIVE,
    DURE_DATA_OPEN
};                                                                          /* N2SF: C, S, O */
enum dure_data_level { DURE_DATA_ANYBODY, DURE_DATA_NODE, DURE_DATA_RACK }; /* where no other tenant may be */

struct dure_dataset {
    const char *name;
    const char *label;
    enum dure_data_class data_class;
    bool everywhere;
    uint32_t site_count;
    struct dure_site_id *sites; /* ascending */
    enum dure_data_level alone; /* inside one cell of this level */
    uint32_t forbidden_count;   /* paths of tenants; 0 with a level: all others */
    const char **forbidden;
};

struct dure_data {
    struct dure_arena *arena;
    uint32_t dataset_count;
    struct dure_dataset *datasets;
    const char *spec_json; /* canonical: what a record carries */
    size_t spec_json_length;
};

/* Validates a tree of kind Data against a fleet, and against tenants unless NULL. E_INVALID with up to 20 problems. The caller frees. */
DURE_NODISCARD enum dure_err dure_data_parse(const struct dure_tree *tree, const struct dure_fleet *fleet,
                                             const struct dure_tenants *tenants, struct dure_data **ret_data,
                                             struct dure_problems *problems);
DURE_NODISCARD enum dure_err dure_data_from_json(const char *json, size_t length, const struct dure_fleet *fleet,
                                                 struct dure_data **ret_data, struct dure_error *error);
void dure_data_free(struct dure_data *data); /* NULL is fine */
/* May `next` follow `now`? Every dataset stays in its place; E_STATE names the first that does not. */
DURE_NODISCARD enum dure_err dure_data_may_follow(const struct dure_data *now, const struct dure_data *next,
                                                  struct dure_error *error);

bool dure_data_find(const struct dure_data *data, const char *name, uint32_t *ret_dataset);
bool dure_data_allows(const struct dure_dataset *dataset, struct dure_site_id site); /* O(log sites) */
/* The first dataset of the mask that is forbidden at the site; false: all are allowed. */
bool dure_data_forbidden(const struct dure_data *data, uint64_t mask, struct dure_site_id site, uint32_t *ret_dataset);
/* The widest neighbourhood that the datasets of the mask want for themselves, without any other tenant. */
enum dure_data_level dure_data_alone(const struct dure_data *data, uint64_t mask);
/* The same of those that name the tenants they forbid there. */
enum dure_data_level dure_data_fenced(const struct dure_data *data, uint64_t mask);
/* Do the datasets of the mask, which both have, forbid the same neighbours? */
bool dure_data_same_neighbours(const struct dure_data *a, const struct dure_data *b, uint64_t mask);
extern const char *const dure_data_level_names[]; /* "", "node", "rack": the name of the fleet's level */

/* The `data` of a Job tree, by name, into the job's mask. `data` NULL: none is declared. Problems name field and what was expected. */
void dure_job_read_data(const struct dure_tree *job_tree, const struct dure_data *data, struct dure_job *job,
                        struct dure_problems *problems);
