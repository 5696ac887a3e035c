#pragma once
/* What if: changes of a fleet and its rules, as the records that would bring them. Built on the specs that a core holds; nothing is changed here.
 *
 * Each change is one word of the command line. E_INVALID and E_NOT_FOUND say in words what was found and what was expected. */
#include "core/core.h"
#include "core/view.h"
#include "model/data.h"
#include "model/power.h"
#include "model/tenants.h"

enum { DURE_CHANGES_MAX = 65536 };

struct dure_changes {
    struct dure_arena *arena; /* texts that the records point to */
    struct dure_record *records;
    size_t count, capacity;
    struct dure_fleet *fleet; /* as it will be */
    struct dure_tenants *tenants;
    struct dure_power *power; /* NULL: none */
    struct dure_data *data;
};

/* Begins with copies of what the core holds. */
DURE_NODISCARD enum dure_err dure_changes_begin(struct dure_changes *changes, const struct dure_core *core,
                                                struct dure_error *error);
void dure_changes_release(struct dure_changes *changes);

/* "GROUP=COUNT": as many more nodes like those of a group, there now. */
DURE_NODISCARD enum dure_err dure_change_add_nodes(struct dure_changes *changes, const char *text,
                                                   struct dure_error *error);
/* "site=NAME", "node=a-[1-4]", "rack=NODE" (or another level, of that node): they are down. */
DURE_NODISCARD enum dure_err dure_change_fail(struct dure_changes *changes, const char *text, struct dure_error *error);
/* "TENANT:GROUP:LEVEL=COUNT": so many cells more are promised, from now on. */
DURE_NODISCARD enum dure_err dure_change_allot(struct dure_changes *changes, const char *text,
                                               struct dure_error *error);
/* "SITE=12MW" (or "SITE=none"): the site's limits are this one. */
DURE_NODISCARD enum dure_err dure_change_power(struct dure_changes *changes, const char *text,
                                               struct dure_error *error);
/* "DATASET=SITE,SITE" (or "DATASET=all"): where it may go. */
DURE_NODISCARD enum dure_err dure_change_data(struct dure_changes *changes, const char *text, struct dure_error *error);
/* One more job, submitted now. What it points to (body aside) must outlive the run. */
DURE_NODISCARD enum dure_err dure_change_submit(struct dure_changes *changes, const struct dure_job *job,
                                                struct dure_error *error);
