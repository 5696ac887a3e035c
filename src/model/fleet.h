#pragma once
/* The fleet: owners, sites, GPU models and chains of nodes, as plain structs in one arena. Ids are array indices in declaration
 * order. A declared group of nodes becomes one chain of its highest uniform level, and remainders become chains of their own
 * (named "<name>+rack", "<name>+node"). Integers only; memory in MiB, power in milliwatt, coordinates in micro-degrees. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/ids.h"
#include "model/tree.h"

enum {
    DURE_LEVELS_MAX = 10, /* leaf to top */
    DURE_LEVEL_NAMES_MAX = 64,
    DURE_NAME_MAX = 63, /* bytes of any declared name: [A-Za-z0-9._+-], UTF-8 labels apart */
    DURE_OWNERS_MAX = 256,
    DURE_SITES_MAX = 4096,
    DURE_GPU_MODELS_MAX = 64, /* a job's models are a 64-bit mask */
    DURE_CHAINS_MAX = 4096,
    DURE_NODES_MAX = 1048576,
    DURE_NODE_GPUS_MAX = 64, /* a node's GPUs are a 64-bit mask */
    DURE_OTHERS_MAX = 4096,
    DURE_MIG_PROFILES_MAX = 128, /* of the fleet */
    DURE_MODEL_MIGS_MAX = 16,    /* of one model */
    DURE_MIG_SLICES_MAX = 16,    /* of one GPU; starts are a 16-bit mask */
    DURE_SLURM_FETCH_MAX = 32,   /* words */
};

enum dure_provenance { DURE_ANNOUNCED, DURE_INSTALLED, DURE_ASSUMED };
enum dure_engine_kind { DURE_ENGINE_LOCAL, DURE_ENGINE_EMULATED, DURE_ENGINE_SLURM };
enum dure_slurm_via { DURE_SLURM_COMMANDS, DURE_SLURM_REST };

struct dure_owner {
    const char *name;
    const char *label; /* for people, any language; may equal name */
};

/* How a site's Slurm is reached, and as what jobs go there. Texts that were not given are "". A secret is never here, only its file's name. */
struct dure_slurm_site {
    enum dure_slurm_via via;
    const char *path;       /* commands: the folder that holds sbatch, squeue, ... */
    const char *conf;       /* commands: slurm.conf; "" = Slurm's own default */
    const char *url;        /* rest: "unix:/run/slurmrestd.sock" or "http://host:port" */
    const char *token_file; /* rest: holds a JWT, readable by its owner alone; "" = none, the socket knows who we are */
    const char *user;       /* rest: whose token it is; "" = the token's own */
    const char *partition, *account, *qos, *reservation;
    const char *accounts; /* of projects, in place of `account`: "path=account" lines, each ended by a line feed */
    const char *node_prefix; /* stands before Slurm's names of its nodes in this fleet, and nowhere in Slurm */
    /* Words of a program that runs a shell on a machine which sees the cluster's storage; the shell reads its script from standard input. Each ends in
     * NUL; fetch_count 0: this machine sees the storage itself. */
    const char *fetch;
    uint32_t fetch_count;
    bool as_daemon;          /* jobs belong to whom the daemon speaks as, not to who submitted them */
    int64_t poll_us;         /* while something runs or waits there, how long until it is looked at again */
};
/* Of a project's path: what is said of it, or of the innermost above it, else of all. */
void dure_slurm_account(const struct dure_slurm_site *site, const char *path, char ret_account[DURE_NAME_MAX + 1]);
struct dure_slurm_site dure_slurm_site_unsaid(void); /* nothing is said of it: every text is "", poll_us the default */

struct dure_site {
    const char *name;
    const char *label;
    const char *region;
    int32_t latitude_udeg; /* both 0: not stated */
    int32_t longitude_udeg;
    enum dure_engine_kind engine;
    const char *containers; /* what runs a job's image there: a name to be found on PATH, or an absolute path; "" = nothing does */
    const struct dure_slurm_site *slurm; /* NULL but for DURE_ENGINE_SLURM */
};

/* A way of cutting one instance out of a GPU: so many memory slices in a row from one of its starts, and so many compute slices. */
struct dure_mig_profile {
    const char *name;
    uint32_t memory_mib;
    uint16_t starts; /* bit = memory slice where an instance may begin */
    uint16_t milli;  /* what an instance counts as, of 1000 a GPU: its part of the memory slices, at most 999 */
    uint8_t slices, memory_slices;
    uint8_t gpu_slices, gpu_memory_slices; /* of the whole GPU */
};

struct dure_gpu_model {
    const char *name;
    uint32_t memory_mib;
    uint32_t power_mw;
    const char *nvlink_level;          /* name of the level inside which GPUs share NVLink; "" = none */
    uint8_t mig_count;                 /* 0: it is not partitioned */
    uint8_t migs[DURE_MODEL_MIGS_MAX]; /* indices of profiles, the largest first */
    bool is_virtual;                   /* slots without a GPU behind them: labelled wherever shown */
};

/* A level of a chain. levels[1] is always "gpu"; `holds` = children per cell of this level (0 at level 1). */
struct dure_level {
    const char *name; /* "gpu", "node", "nvlink", "rack", "block", "hall", or the author's own; "" = a nameless level */
    uint32_t holds;
};

struct dure_chain {
    const char *name;
    uint32_t group; /* index of the declared group this chain comes from (remainders share it) */
    struct dure_owner_id owner;
    struct dure_site_id site;
    struct dure_gpu_model_id model;
    uint8_t level_count; /* K: the top level's number */
    uint8_t node_level;
    struct dure_level levels[DURE_LEVELS_MAX + 1]; /* index 1..K */
    uint8_t level_of[DURE_LEVEL_NAMES_MAX];        /* by level name of the fleet: what dure_fleet_level says */
    uint32_t tops;                                 /* cells at level K */
    uint32_t node_first;                           /* global id of the first node */
    uint32_t node_count;
    uint32_t node_gpus;
    uint32_t leaf_count; /* node_count * node_gpus */
    /* Names: prefix + zero-padded (number_first + i) + suffix; width 0 = a single node named by prefix alone. */
    const char *name_prefix;
    const char *name_suffix;
    uint64_t number_first;
    uint8_t number_width;
    /* One leaf's share of its node. */
    uint32_t leaf_cpu_milli;
    uint32_t leaf_memory_mib;
    uint32_t leaf_disk_mib;
    uint32_t leaf_power_mw;    /* worst case: node power / GPUs */
    int64_t available_from_us; /* INT64_MIN: from the beginning */
    enum dure_provenance provenance;
    const char *source; /* where the figure comes from; "" = none given */
};

/* What no decision uses: quantum processors, edge sites. Shown as "not schedulable", left out of totals. */
struct dure_other {
    const char *name;
    const char *kind; /* "qpu", "ai-ran" */
    const char *site; /* may be "" */
    uint32_t count;
    struct dure_owner_id owner; /* DURE_NONE32: none */
    enum dure_provenance provenance;
    const char *source;
};

struct dure_fleet {
    struct dure_arena *arena; /* owns everything below */
    const char *name;
    const char *zone; /* IANA name for dates without an offset */
    uint32_t owner_count, site_count, model_count, chain_count, other_count, group_count;
    struct dure_owner *owners;
    struct dure_site *sites;
    struct dure_gpu_model *models;
    struct dure_chain *chains;
    struct dure_other *others;
    const char **level_names; /* "gpu", "node", "nvlink" and "site", then every other name in order of first use */
    uint32_t level_name_count;
    struct dure_mig_profile *migs; /* every distinct profile, in order of first use */
    uint32_t mig_count;
    uint32_t node_count;
    uint32_t gpu_count;
    /* For lookups: indices in the order of names; of chains also in the order of (name_prefix, name_suffix, number_first). */
    const uint32_t *sites_by_name, *chains_by_name, *chains_by_node_name;
    const char *
        spec_json; /* the canonical spec (ranges kept): what a record carries; dure_fleet_parse of it gives this fleet */
    size_t spec_json_length;
};

/* Validates a tree of kind Fleet and expands it. E_INVALID with up to 20 problems. The caller frees. */
DURE_NODISCARD enum dure_err dure_fleet_parse(const struct dure_tree *tree, struct dure_fleet **ret_fleet,
                                              struct dure_problems *problems);
/* From canonical JSON (what dure_fleet.spec_json holds). */
DURE_NODISCARD enum dure_err dure_fleet_from_json(const char *json, size_t length, struct dure_fleet **ret_fleet,
                                                  struct dure_error *error);
void dure_fleet_free(struct dure_fleet *fleet); /* NULL is fine */
/* May `next` follow `now` on a running fleet? Only additions after what is there (new owners, sites, models, groups at the end) and
 * labels may change; E_STATE names the first difference. */
DURE_NODISCARD enum dure_err dure_fleet_may_follow(const struct dure_fleet *now, const struct dure_fleet *next,
                                                   struct dure_error *error);

const struct dure_chain *dure_fleet_chain_of(const struct dure_fleet *fleet, struct dure_node_id node,
                                             uint32_t *ret_node_in_chain);
struct dure_chain_id dure_fleet_chain_id_of(const struct dure_fleet *fleet,
                                            struct dure_node_id node); /* O(log chains) */
void dure_fleet_node_name(const struct dure_fleet *fleet, struct dure_node_id node, char name[DURE_NAME_MAX + 1]);
bool dure_fleet_node_find(const struct dure_fleet *fleet, const char *name, struct dure_node_id *ret_node);
bool dure_fleet_owner_find(const struct dure_fleet *fleet, const char *name, struct dure_owner_id *ret_owner);
bool dure_fleet_site_find(const struct dure_fleet *fleet, const char *name, struct dure_site_id *ret_site);
bool dure_fleet_model_find(const struct dure_fleet *fleet, const char *name, struct dure_gpu_model_id *ret_model);
bool dure_fleet_chain_find(const struct dure_fleet *fleet, const char *name, struct dure_chain_id *ret_chain);
/* The chains of a declared group, by its name: the first and how many (they follow each other). */
bool dure_fleet_group_find(const struct dure_fleet *fleet, const char *name, struct dure_chain_id *ret_first,
                           uint32_t *ret_count);
const char *dure_provenance_name(enum dure_provenance provenance); /* "announced" */
const char *dure_engine_kind_name(enum dure_engine_kind engine);   /* "emulated" */
bool dure_fleet_mig_find(const struct dure_fleet *fleet, const char *name, uint32_t *ret_profile);
bool dure_gpu_model_has_mig(const struct dure_gpu_model *model, uint32_t profile);
bool dure_mig_profile_same(const struct dure_mig_profile *a, const struct dure_mig_profile *b);
/* Level number of a level name in a chain; 0: this chain has none. */
unsigned dure_chain_level(const struct dure_chain *chain, const char *level_name);
/* The same with the names that mean something in every chain: "nvlink" is the level that the chain's GPU model calls its NVLink domain,
 * "site" is the level above all others, level_count + 1: a chain lies at one site. A chain's own level of that name goes first. */
#define DURE_LEVEL_NVLINK "nvlink"
#define DURE_LEVEL_SITE "site"
unsigned dure_fleet_level(const struct dure_fleet *fleet, const struct dure_chain *chain, const char *level_name);
uint32_t dure_chain_leaves_at(const struct dure_chain *chain, unsigned level); /* leaves under one cell of that level */
/* Compresses sorted node ids into Slurm's hostlist notation: "pt-b200-[0001-0004,0007]". */
void dure_fleet_hostlist(const struct dure_fleet *fleet, const uint32_t *nodes, uint32_t count, struct dure_buf *buf);
/* And back: "a-[01-04,07],b-3" to node ids, in the order named, repeats left out. E_INVALID, E_NOT_FOUND names the node, E_LIMIT. */
DURE_NODISCARD enum dure_err dure_fleet_nodes(const struct dure_fleet *fleet, const char *text, uint32_t *nodes,
                                              uint32_t count_max, uint32_t *ret_count, struct dure_error *error);
