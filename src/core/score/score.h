#pragma once
/* What a place is worth: shared GPUs and nodes with several resources, after "Beware of Fragmentation" (FGD, ATC'23) and beyond it.
 *
 * A task goes where least is lost: worth(before) - worth(after) + price of the node's class. A node is worth what its holes are to the
 * work still expected (hole prices), less the GPUs that may be stranded for want of CPU, less its fragmentation. Prices and moments are inputs:
 * they are worked out elsewhere (src/advise), with floats if need be, and given as whole numbers, so that the same prices and the same node give the same
 * loss everywhere. Pure, integers only; amounts are milli-CPU, MiB, milli-GPU, worth is micro-GPU. A table is read-only once made. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/prices.h"

enum {
    DURE_SCORE_GPUS_MAX = 16, /* of a node */
    DURE_SCORE_MODELS_MAX = 64,
    DURE_SCORE_CLASSES_MAX = 1024,
    DURE_SCORE_TIERS = 8, /* of what CPU is left in a node */
    DURE_SCORE_SHAPES_MAX = 1024,
};
#define DURE_SCORE_NEVER INT64_MAX

/* What is left of a node. */
struct dure_score_node {
    int64_t cpu_milli, memory_mib;
    uint16_t gpu_milli[DURE_SCORE_GPUS_MAX];
    uint8_t gpus;
    uint8_t model;        /* below DURE_SCORE_MODELS_MAX where there are GPUs */
    uint16_t class_index; /* below DURE_SCORE_CLASSES_MAX: which price it has */
};

struct dure_score_task {
    int64_t cpu_milli, memory_mib;
    uint32_t gpus;      /* 0: CPU alone */
    uint32_t gpu_milli; /* 1..1000 of each; 1000 where gpus > 1 */
    uint64_t models;    /* bits of the models it accepts */
};

/* A shape of work that is expected, and how often beside the others. */
struct dure_score_shape {
    struct dure_score_task task;
    uint32_t weight;
};

/* The input. */
struct dure_score_prices {
    int64_t tier_cpu_milli
        [DURE_SCORE_TIERS]; /* never less than the one before, the first 0: a node is in the last tier that its CPU reaches */
    int64_t hole_ugpu[DURE_SCORE_TIERS][DURE_HOLES]; /* worth of a GPU partly in use, by what is left of it */
    int64_t block_ugpu[DURE_SCORE_TIERS][DURE_SCORE_GPUS_MAX + 1]; /* worth of that many wholly free GPUs in one node */
    uint32_t class_permille[DURE_SCORE_CLASSES_MAX];               /* price of each GPU taken from a class */
    int64_t cpu_mean_milli, cpu_deviation_milli; /* CPU that one GPU of work needs: mean and standard deviation */
    uint32_t cpu_weight_permille, frag_weight_permille;
};

/* Fragmentation of a node by FGD's measure over typical shapes: milli-GPU that a typical task cannot use, times the sum of the weights. */
struct dure_score_frag;
/* E_LIMIT: more shapes than DURE_SCORE_SHAPES_MAX, or weights that sum past 2^31. E_MEMORY. No shape: everything counts as 0. */
DURE_NODISCARD enum dure_err dure_score_frag_new(const struct dure_score_shape *shapes, uint32_t count,
                                                 struct dure_score_frag **ret_frag);
void dure_score_frag_free(struct dure_score_frag *frag);
uint64_t dure_score_frag_weight(const struct dure_score_frag *frag); /* the sum */
/* O(GPUs + log shapes). */
int64_t dure_score_frag_of(const struct dure_score_frag *frag, const struct dure_score_node *node);

/* Whether it fits: CPU, memory, model, GPUs. */
bool dure_score_fits(const struct dure_score_node *node, const struct dure_score_task *task);
/* Takes a task that fits: a shared one from `gpu`, a whole one from the lowest free GPUs. */
void dure_score_take(struct dure_score_node *node, const struct dure_score_task *task, uint32_t gpu);
/* The GPU with the least left that is enough for a task of one GPU; DURE_SCORE_GPUS_MAX: none. */
uint32_t dure_score_tightest(const struct dure_score_node *node, uint32_t gpu_milli);

struct dure_score_table {
    const struct dure_score_prices *prices;
    const struct dure_score_frag *frag;
};

int64_t dure_score_worth(const struct dure_score_table *table, const struct dure_score_node *node);
/* What is lost when the node takes the task, `worth` being the node's now; DURE_SCORE_NEVER: it does not fit. `ret_gpu`: the GPU that a task of one GPU
 * takes (the first of the best). */
int64_t dure_score_loss(const struct dure_score_table *table, const struct dure_score_node *node, int64_t worth,
                        const struct dure_score_task *task, uint32_t *ret_gpu);

/* E[(Z - z)+] for a standard normal Z, in millionths; `z_64th` in steps of 1/64. */
int64_t dure_score_normal_excess(int64_t z_64th);
