/* Prices of what is left of shared GPUs, worked out from what stands there and given to the core as a record. Never more than once a minute, and only
 * when so many fractions have started that they may have changed; the same prices again are no record. */
#include <string.h>

#include "advise/shared.h"
#include "loop/internal.h"

enum { EVERY_US = 60 * 1000000, STARTED_MIN = 64, CHANGED_PERCENT = 3 };

void prices_note(struct dure_loop *loop, const struct dure_record *decision)
{
    if (decision->kind == DURE_REC_START && decision->place_count && decision->places[0].gpu_milli < 1000 &&
        !decision->places[0].starts)
        loop->prices.started++;
}

void prices_release(struct dure_loop *loop)
{
    dure_advise_free(loop->prices.advise);
}

bool prices_renew(struct dure_loop *loop)
{
    if (loop->prices.started < STARTED_MIN || dure_core_time_us(loop->core) - loop->prices.at_us < EVERY_US)
        return true;
    loop->prices.at_us = dure_core_time_us(loop->core);
    struct dure_holes_view view;
    dure_core_holes(loop->core, &view);
    uint64_t standing = 0;
    for (uint32_t i = 0; i < DURE_HOLES; i++)
        standing += view.tasks[i];
    if (loop->prices.started * 100 < standing * CHANGED_PERCENT)
        return true;
    loop->prices.started = 0;
    struct dure_prices prices;
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 4096);
    if (!loop->prices.advise)
        loop->prices.advise = dure_advise_new(&dure_advise_usual);
    if (!loop->prices.advise || dure_advise_shared(loop->prices.advise, &view, &prices) != DURE_OK ||
        !memcmp(&prices, dure_core_prices(loop->core), sizeof prices))
        return true; /* the old ones do */
    dure_prices_write(&prices, &text);
    return text.failed || step_text(loop, DURE_REC_PRICES, text.data, text.length);
}
