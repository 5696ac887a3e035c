#include "advise/shared.h"

#include <string.h>

enum dure_err dure_advise_shared(struct dure_advise *advise, const struct dure_holes_view *view,
                                 struct dure_prices *ret_prices)
{
    struct dure_score_prices found;
    struct dure_score_shape shapes[DURE_HOLES];
    struct dure_advise_input input = {.shapes = shapes};
    for (uint32_t i = 1; i < DURE_HOLES; i++)
        if (view->tasks[i])
            shapes[input.shape_count++] =
                (struct dure_score_shape){{.gpus = 1, .gpu_milli = i * DURE_HOLE_MILLI, .models = 1}, view->tasks[i]};
    memcpy(input.holes, view->left, sizeof input.holes);
    const enum dure_err err = dure_advise_prices(advise, &input, &found);
    for (uint32_t i = 0; !err && i < DURE_HOLES; i++) {
        const int64_t worth = found.hole_ugpu[0][i];
        ret_prices->hole_ugpu[i] = worth > DURE_HOLE_UGPU_MAX ? DURE_HOLE_UGPU_MAX : (uint32_t)worth;
    }
    return err;
}
