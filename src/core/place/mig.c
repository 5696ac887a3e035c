#include "core/place/mig.h"

static uint16_t slices_at(const struct dure_mig_profile *profile, unsigned start)
{
    return (uint16_t)(((1u << profile->memory_slices) - 1) << start);
}

static bool is_free(const struct dure_mig_profile *profile, struct mig_gpu gpu, unsigned start)
{
    return profile->starts >> start & 1 && !(gpu.used & slices_at(profile, start)) &&
           gpu.slices + profile->slices <= profile->gpu_slices;
}

static unsigned starts_left(const struct dure_mig_profile *profile, struct mig_gpu gpu)
{
    unsigned left = 0;
    for (unsigned start = 0; start < DURE_MIG_SLICES_MAX; start++)
        left += is_free(profile, gpu, start);
    return left;
}

struct mig_gpu mig_with(const struct dure_mig_profile *profile, struct mig_gpu gpu, unsigned start)
{
    DURE_ASSERT(is_free(profile, gpu, start));
    return (struct mig_gpu){(uint16_t)(gpu.used | slices_at(profile, start)), (uint8_t)(gpu.slices + profile->slices)};
}

struct mig_gpu mig_without(const struct dure_mig_profile *profile, struct mig_gpu gpu, unsigned start)
{
    const uint16_t slices = slices_at(profile, start);
    DURE_ASSERT((gpu.used & slices) == slices && gpu.slices >= profile->slices);
    return (struct mig_gpu){(uint16_t)(gpu.used & ~slices), (uint8_t)(gpu.slices - profile->slices)};
}

/* Does `a` leave more than `b`? The model's profiles stand from the largest to the smallest. */
static bool leaves_more(const struct dure_fleet *fleet, const struct dure_gpu_model *model, struct mig_gpu a,
                        struct mig_gpu b)
{
    for (uint32_t i = 0; i < model->mig_count; i++) {
        const struct dure_mig_profile *profile = &fleet->migs[model->migs[i]];
        const unsigned left_a = starts_left(profile, a), left_b = starts_left(profile, b);
        if (left_a != left_b)
            return left_a > left_b;
    }
    return false;
}

bool mig_place(const struct dure_fleet *fleet, const struct dure_gpu_model *model, uint32_t at, struct mig_gpu gpu,
               unsigned *ret_start)
{
    const struct dure_mig_profile *profile = &fleet->migs[at];
    struct mig_gpu best = {0};
    bool found = false;
    for (unsigned start = 0; start < DURE_MIG_SLICES_MAX; start++) {
        if (!is_free(profile, gpu, start))
            continue;
        const struct mig_gpu then = mig_with(profile, gpu, start);
        if (found && !leaves_more(fleet, model, then, best))
            continue;
        best = then;
        *ret_start = start;
        found = true;
    }
    return found;
}

uint16_t mig_starts(const struct dure_fleet *fleet, const struct dure_gpu_model *model, uint32_t profile,
                    struct mig_gpu gpu, uint32_t most)
{
    uint16_t starts = 0;
    for (unsigned start; most && mig_place(fleet, model, profile, gpu, &start); most--) {
        gpu = mig_with(&fleet->migs[profile], gpu, start);
        starts |= (uint16_t)(1u << start);
    }
    return starts;
}
