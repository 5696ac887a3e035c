#pragma once
/* Prices for the scoring of places (core/score): what holes and classes of nodes are worth to the work that is expected. Slow and in floating point, so
 * never in the core: the prices go there as an input, in whole numbers. From + - * / and square roots alone, so that every machine finds the same.
 *
 * Hole prices are the dual of a packing: current holes, the demand that is expected before long, the most that can be filled. A hole is worth the best set of
 * tasks that fit it, each at its size less its own price and times the part of such tasks that the node's CPU is enough for; a size of task that is scarce beside the holes it would fill has a price, which is found by
 * steps against the excess. Class prices: the expected work is spread over the classes that can host it, evenly; a class costs what part of it is spoken for
 * by work that could use little else. */
#include "core/score/score.h"

enum { DURE_ADVISE_MODELS_MAX = DURE_SCORE_MODELS_MAX };

/* A class of nodes: alike when empty. */
struct dure_advise_class {
    int64_t cpu_milli, memory_mib; /* of a node */
    uint32_t gpus;                 /* of a node */
    uint32_t model;
    int64_t left_gpu_milli; /* idle in the whole class */
};

struct dure_advise_input {
    const struct dure_score_shape *shapes; /* expected work, by weight */
    uint32_t shape_count;
    const struct dure_advise_class *classes;
    uint32_t class_count;
    double turnover;            /* 0: nobody leaves, what is taken is gone; 1: as much is given back as is taken */
    uint32_t holes[DURE_HOLES]; /* GPUs partly in use, by what is left of them */
    uint32_t blocks[DURE_SCORE_GPUS_MAX + 1]; /* nodes, by how many GPUs are wholly free */
};

/* The knobs; dure_advise_usual has what is used. */
struct dure_advise_knobs {
    double demand;       /* expected within sight, in parts of what is left: for holes */
    double class_demand; /* ... and for classes */
    double class_price;  /* of a class that is wholly spoken for */
    double block_bonus,
        block_sight; /* where tasks depart: what several GPUs beside each other fetch beyond their size, and for how many times the demand */
    uint32_t cpu_weight_permille, frag_weight_permille;
    uint32_t steps, first_steps;
};
extern const struct dure_advise_knobs dure_advise_usual;

struct dure_advise; /* remembers prices from one call to the next, from which it starts */

struct dure_advise *dure_advise_new(const struct dure_advise_knobs *knobs); /* NULL: out of memory */
void dure_advise_free(struct dure_advise *advise);
/* E_LIMIT: over DURE_SCORE_CLASSES_MAX classes. E_MEMORY. */
DURE_NODISCARD enum dure_err dure_advise_prices(struct dure_advise *advise, const struct dure_advise_input *input,
                                                struct dure_score_prices *ret_prices);
