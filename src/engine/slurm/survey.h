#pragma once
/* A whole look at one Slurm cluster, for people: what it is as a fleet spec (`dure fleet discover`), and what in its configuration would
 * reorder or break what the core decided (`dure site check`). Asking blocks, on a loop of its own; the rest is pure. */
#include "base/buf.h"
#include "engine/slurm/wire.h"

struct dure_slurm_survey {
    struct dure_arena *arena; /* owns everything below */
    const struct dure_slurm_site *site;
    const char *version;
    int64_t latency_us; /* of the slowest answer */
    struct dure_slurm_node *nodes;
    struct dure_slurm_partition *partitions;
    struct dure_slurm_setting *settings;
    struct dure_slurm_switch *switches;
    uint32_t node_count, partition_count, setting_count, switch_count;
    bool settings_told, switches_told; /* rest tells neither */
    int64_t clock_us, asked_us;        /* slurmctld's clock, in seconds, and ours when it answered; 0: not told */
};
/* DURE_OK, or the first failure in words: E_UNREACHABLE, E_DENIED, E_CORRUPT, E_STATE. The caller frees. */
DURE_NODISCARD enum dure_err dure_slurm_survey(const struct dure_slurm_site *site, int64_t timeout_us,
                                               struct dure_slurm_survey **ret_survey, struct dure_error *error);
void dure_slurm_survey_free(struct dure_slurm_survey *survey);                                   /* NULL is fine */
const char *dure_slurm_survey_setting(const struct dure_slurm_survey *survey, const char *name); /* "" = not there */
/* Reads a topology.conf where the way tells none. E_INVALID: no line of it names a switch or a block. */
DURE_NODISCARD enum dure_err dure_slurm_survey_topology(struct dure_slurm_survey *survey, const char *text,
                                                        struct dure_error *error);

struct dure_slurm_naming {
    const char *fleet, *site, *owner; /* names */
};
/* A Fleet spec in YAML: equal nodes that follow each other are a group; switches become racks and blocks where they are even. What has
 * no GPU, or GPUs of several types, is named in a comment and left out. E_NOT_FOUND: nothing is left. */
DURE_NODISCARD enum dure_err dure_slurm_fleet_yaml(const struct dure_slurm_survey *survey,
                                                   const struct dure_slurm_naming *naming, struct dure_buf *yaml,
                                                   struct dure_error *error);

/* A job of a second on one node, which leaves its name and its clock in `directory`: E_STATE: it was not taken, E_TIMEOUT: it was not started
 * within `timeout_us` after that, E_NOT_FOUND: it ran, and its file is not to be seen here. Blocks.
 * `containers`: the program that the site says runs images; "" = apptainer or singularity. */
struct dure_slurm_probed {
    char node[64];
    int64_t skew_us;       /* that node's clock, by the second, against ours */
    char containers[1024]; /* where it has that program; "" = it has not */
};
DURE_NODISCARD enum dure_err dure_slurm_probe(const struct dure_slurm_site *site, const char *containers,
                                              const char *directory, int64_t timeout_us,
                                              struct dure_slurm_probed *ret_probed, struct dure_error *error);

enum dure_slurm_level { DURE_SLURM_OK, DURE_SLURM_WARN, DURE_SLURM_FAIL };
struct dure_slurm_finding {
    enum dure_slurm_level level;
    const char *what; /* "MinJobAge" */
    const char *found, *expected;
    const char *line; /* for slurm.conf; "" = none mends it */
};
enum { DURE_SLURM_FINDINGS_MAX = 128 };
struct dure_slurm_findings {
    struct dure_slurm_finding at[DURE_SLURM_FINDINGS_MAX];
    uint32_t count;
};
/* `site` of `fleet` against what was found. Texts are in the survey's arena. */
void dure_slurm_check(struct dure_slurm_survey *survey, const struct dure_fleet *fleet, struct dure_site_id site,
                      struct dure_slurm_findings *findings);
const char *dure_slurm_level_name(enum dure_slurm_level level); /* "warn" */
/* Whether who speaks by `site` may submit for others: root, or by rest a token of root or of SlurmUser. `who` in words. */
bool dure_slurm_may_for_others(const struct dure_slurm_survey *survey, const struct dure_slurm_site *site,
                               char who[128]);
