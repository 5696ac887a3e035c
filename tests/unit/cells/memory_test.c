/* Each allocation refused once: every call then reports it and has had no effect. */
#include <string.h>

#include "fixture.h"
#include "oom.h"

static void making(void)
{
    const struct dure_cells_shape shape = {.levels = 3, .tops = 70, .holds = {0, 0, 2, 2}};
    long nth = 1;
    for (;; nth++) {
        struct dure_cells *cells = NULL;
        oom_begin(nth);
        const enum dure_err err = dure_cells_new(&shape, &cells, NULL);
        if (!oom_end()) {
            TAP_EQ_INT(err, DURE_OK, "with memory a chain is made");
            dure_cells_free(cells);
            break;
        }
        TAP_OK(err == DURE_E_MEMORY && !cells, "refusal %ld is reported", nth);
    }
    TAP_OK(nth > 15, "each allocation was refused once");
}

static struct dure_cells *busy(void)
{
    struct dure_cells *cells = fixture_racks();
    fixture_promise(cells, fixture_right(1, 2, 2));
    (void)fixture_take(cells, 1, 0);
    if (dure_cells_use(cells, 0, 1, NULL))
        tap_bail("a use is refused");
    return cells;
}

enum { CALLS = 11 };

static enum dure_err call(struct dure_cells *cells, int which)
{
    struct dure_cell cell;
    const struct dure_cells_right next = {
        .id = {2}, .level = 2, .count = 2, .start_us = 100, .end_us = 200, .predecessor = {1}};
    const struct dure_cells_step step = {.suspend = true, .allot = ALLOT(1), .index = 1};
    switch (which) {
    case 0: return dure_cells_accept(cells, &next, NULL, NULL);
    case 1: return dure_cells_take(cells, ALLOT(1), 1, &cell, NULL);
    case 2: return dure_cells_lose(cells, 4, NULL);
    case 3: return dure_cells_use(cells, 1, 1, NULL);
    case 4: return dure_cells_borrowed(cells, 1, 1, NULL);
    case 5: return dure_cells_shrink(cells, ALLOT(1), 1, true, NULL);
    case 6: return dure_cells_end(cells, ALLOT(1), true, NULL);
    case 7: return dure_cells_do_step(cells, &step, NULL);
    case 8: return dure_cells_settle(cells, NULL, NULL, NULL);
    case 9: return dure_cells_check(cells, NULL);
    default: return dure_cells_lose(cells, 0, NULL);
    }
}

/* Loaded afresh each time, so that no memory is left over from before, and under a mark with the undo log nearly
 * full. */
static struct dure_cells *copy_of(const struct dure_buf *bytes)
{
    struct dure_cells *cells;
    if (dure_cells_load(bytes->data, bytes->length, &cells, NULL))
        tap_bail("loading fails");
    return cells;
}

static void calls(const struct dure_buf *bytes, int which, uint32_t fill)
{
    long nth = 1;
    for (;; nth++) {
        struct dure_cells *cells = copy_of(bytes);
        const struct dure_digest before = dure_cells_digest(cells);
        const struct dure_cells_mark mark = dure_cells_mark(cells);
        for (uint32_t i = 0; i < fill; i++)
            if (dure_cells_borrowed(cells, 7, i % 2 ? -1 : 1, NULL))
                tap_bail("filling the undo log fails");
        oom_begin(nth);
        const enum dure_err err = call(cells, which);
        const bool refused = oom_end();
        const struct dure_digest after = dure_cells_digest(cells);
        if (refused &&
            (err != DURE_E_MEMORY || memcmp(&before, &after, sizeof after) != 0 || dure_cells_check(cells, NULL)))
            TAP_FAIL("call %d, fill %u, refusal %ld: %d", which, fill, nth, err);
        dure_cells_rollback(cells, mark);
        const struct dure_digest back = dure_cells_digest(cells);
        if (memcmp(&before, &back, sizeof back) != 0)
            TAP_FAIL("call %d, fill %u: rollback restores the state", which, fill);
        dure_cells_free(cells);
        if (!refused) {
            TAP_EQ_INT(err, DURE_OK, "call %d with the undo log at %u: %ld refusals without effect", which, fill,
                       nth - 1);
            break;
        }
    }
}

static void loading(const struct dure_buf *bytes)
{
    long nth = 1;
    for (;; nth++) {
        struct dure_cells *cells = NULL;
        oom_begin(nth);
        const enum dure_err err = dure_cells_load(bytes->data, bytes->length, &cells, NULL);
        if (!oom_end()) {
            TAP_EQ_INT(err, DURE_OK, "with memory it is loaded");
            dure_cells_free(cells);
            break;
        }
        TAP_OK(err == DURE_E_MEMORY && !cells, "loading: refusal %ld is reported", nth);
    }
}

int main(void)
{
    making();
    struct dure_cells *cells = busy();
    DURE_CLEANUP_BUF struct dure_buf bytes;
    dure_buf_init(&bytes, 4096);
    dure_cells_save(cells, &bytes);
    dure_cells_free(cells);
    for (int which = 0; which < CALLS; which++)
        for (uint32_t fill = 0; fill <= 8; fill++)
            calls(&bytes, which, fill & ~1u);
    loading(&bytes);
    return tap_done();
}
