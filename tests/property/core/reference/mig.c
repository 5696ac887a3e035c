/* MIG instances: where in a GPU the next one goes. It leaves the largest profile as many starts as it can, then the next largest, and so on. */
#include "parts.h"

static const struct dure_mig_profile *profile_of(const struct reference *reference, uint32_t mig)
{
    return &reference->fleet->migs[mig - 1];
}

static bool fits_at(const struct dure_mig_profile *profile, const struct instances *gpu, uint32_t start)
{
    bool fits = (profile->starts >> start & 1) && gpu->slices + profile->slices <= profile->gpu_slices;
    for (uint32_t i = start; i < start + profile->memory_slices; i++)
        fits &= !(gpu->memory >> i & 1);
    return fits;
}

static void put(const struct dure_mig_profile *profile, struct instances *gpu, uint32_t start)
{
    for (uint32_t i = start; i < start + profile->memory_slices; i++)
        gpu->memory |= 1u << i;
    gpu->slices += profile->slices;
}

/* Of two ways to leave the GPU, does the first leave more? */
static bool leaves_more(const struct reference *reference, uint32_t chain, const struct instances *a,
                        const struct instances *b)
{
    const struct dure_gpu_model *model = &reference->fleet->models[reference->chains[chain].model];
    for (uint32_t m = 0; m < model->mig_count; m++) {
        uint32_t left_a = 0, left_b = 0;
        for (uint32_t start = 0; start < 16; start++) {
            left_a += fits_at(&reference->fleet->migs[model->migs[m]], a, start);
            left_b += fits_at(&reference->fleet->migs[model->migs[m]], b, start);
        }
        if (left_a != left_b)
            return left_a > left_b;
    }
    return false;
}

uint16_t reference_cut(const struct reference *reference, uint32_t chain, uint32_t mig, struct instances *gpu,
                       uint32_t most)
{
    const struct dure_mig_profile *profile = profile_of(reference, mig);
    uint16_t starts = 0;
    for (; most > 0; most--) {
        struct instances best = {0, 0};
        uint32_t chosen = DURE_NONE32;
        for (uint32_t start = 0; start < 16; start++) {
            struct instances then = *gpu;
            if (!fits_at(profile, gpu, start))
                continue;
            put(profile, &then, start);
            if (chosen != DURE_NONE32 && !leaves_more(reference, chain, &then, &best))
                continue;
            chosen = start;
            best = then;
        }
        if (chosen == DURE_NONE32)
            break;
        *gpu = best;
        starts |= (uint16_t)(1u << chosen);
    }
    return starts;
}

void reference_stand(const struct reference *reference, uint32_t mig, uint16_t starts, struct instances *gpu)
{
    for (uint32_t start = 0; start < 16; start++)
        if (starts >> start & 1)
            put(profile_of(reference, mig), gpu, start);
}
