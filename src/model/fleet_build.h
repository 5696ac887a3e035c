#pragma once
/* What the files that read a Fleet share. */
#include "model/fleet.h"
#include "model/read.h"

/* Reads `groups` into chains. Owners, sites and models are in place. */
void dure_fleet_read_groups(struct dure_read *read, struct dure_fleet *fleet, const struct dure_tree *root);
/* `mig` of a model; the fleet's table of profiles is in place. */
void dure_fleet_read_mig(struct dure_read *read, struct dure_fleet *fleet, struct dure_gpu_model *model,
                         const struct dure_tree *map);
/* Sorts chains by node name and adds a problem where names meet. `nodes_field[g]` is the field of group g. */
void dure_fleet_check_node_names(struct dure_read *read, struct dure_fleet *fleet,
                                 const struct dure_tree *const *nodes_field);
/* Resolves a reference to something declared above; false: a problem was added. */
bool dure_fleet_read_owner(struct dure_read *read, const struct dure_fleet *fleet, const struct dure_tree *map,
                           enum dure_need need, struct dure_owner_id *ret_owner);
bool dure_fleet_read_site(struct dure_read *read, const struct dure_fleet *fleet, const struct dure_tree *map,
                          enum dure_need need, const char **ret_name, struct dure_site_id *ret_site);
/* `slurm` of a site whose engine is read: required for that engine, refused for others. */
void dure_fleet_read_slurm(struct dure_read *read, struct dure_site *site, const struct dure_tree *map);
extern const char *const dure_provenance_names[];
