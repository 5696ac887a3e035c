#pragma once
/* MIG instances inside one GPU: which memory slices are taken, and where the next instance goes.
 *
 * An instance of a profile takes so many memory slices in a row, from one of the starts that the vendor allows, and so many compute slices.
 * The rule: the start that leaves most legal starts to the largest profile of the GPU, then to the next largest, and so on; then the lowest.
 * So small instances fill up what large ones cannot use. Pure; O(profiles x starts). */
#include "model/fleet.h"

struct mig_gpu {
    uint16_t used;  /* bit = memory slice */
    uint8_t slices; /* compute slices taken */
};

/* Where the next instance begins; false: no room. */
bool mig_place(const struct dure_fleet *fleet, const struct dure_gpu_model *model, uint32_t profile, struct mig_gpu gpu,
               unsigned *ret_start);
/* The GPU with an instance at `start`, or without it. */
struct mig_gpu mig_with(const struct dure_mig_profile *profile, struct mig_gpu gpu, unsigned start);
struct mig_gpu mig_without(const struct dure_mig_profile *profile, struct mig_gpu gpu, unsigned start);
/* Starts for up to `most` more instances, by the rule; a bit for each. */
uint16_t mig_starts(const struct dure_fleet *fleet, const struct dure_gpu_model *model, uint32_t profile,
                    struct mig_gpu gpu, uint32_t most);
