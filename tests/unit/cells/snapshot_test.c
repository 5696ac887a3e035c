#include <string.h>

#include "fixture.h"

enum { BYTES_MAX = 1 << 16 };

/* Something of everything: bound, served, suspended, waiting, gone, used, borrowed, lost. */
static struct dure_cells *rich(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cells_right rack = fixture_right(1, 3, 1), nodes = fixture_right(4, 2, 2),
                            next = fixture_right(6, 2, 1);
    rack.start_us = -5;
    nodes.holder.v = 3;
    fixture_promise(cells, nodes);
    fixture_promise(cells, rack);
    next.predecessor = nodes.id;
    next.start_us = 100;
    next.end_us = DURE_NONE64 >> 1;
    if (dure_cells_accept(cells, &next, NULL, NULL) || dure_cells_lose(cells, 0, NULL) ||
        dure_cells_settle(cells, NULL, NULL, NULL))
        tap_bail("the rich chain can not be made");
    (void)fixture_take(cells, 4, 0);
    const struct dure_cell cell = fixture_take(cells, 4, 1);
    if (dure_cells_use(cells, cell.index * 2, 1, NULL) || dure_cells_borrowed(cells, cell.index * 2, 1, NULL) ||
        dure_cells_borrowed(cells, 1, 1, NULL) || dure_cells_shrink(cells, nodes.id, 1, true, NULL) ||
        dure_cells_settle(cells, NULL, NULL, NULL))
        tap_bail("the rich chain can not be made");
    return cells;
}

static void round_trip(struct dure_buf *bytes)
{
    struct dure_cells *cells = rich(), *loaded = NULL;
    dure_cells_save(cells, bytes);
    TAP_OK(!bytes->failed && bytes->length < 256, "%zu bytes", bytes->length);
    TAP_EQ_INT(dure_cells_load(bytes->data, bytes->length, &loaded, NULL), DURE_OK, "loaded");
    const struct dure_digest a = dure_cells_digest(cells), b = dure_cells_digest(loaded),
                             full = dure_cells_digest_full(cells);
    TAP_EQ_MEM(&a, &b, sizeof a, "the same digest");
    TAP_EQ_MEM(&a, &full, sizeof a, "also recomputed");
    DURE_CLEANUP_BUF struct dure_buf again;
    dure_buf_init(&again, BYTES_MAX);
    dure_cells_save(loaded, &again);
    TAP_OK(again.length == bytes->length && memcmp(again.data, bytes->data, again.length) == 0, "the same bytes");
    fixture_sound(loaded, "loaded");
    struct dure_cell x = {0}, y = {0};
    const enum dure_err ex = dure_cells_choose(cells, ALLOT(1), 0, false, &x, NULL),
                        ey = dure_cells_choose(loaded, ALLOT(1), 0, false, &y, NULL);
    TAP_OK(ex == ey && x.index == y.index, "and the same choices");
    DURE_CLEANUP_BUF struct dure_buf small;
    dure_buf_init(&small, 10);
    dure_cells_save(cells, &small);
    TAP_OK(small.failed, "a buffer that is too small says so");
    dure_cells_free(cells);
    dure_cells_free(loaded);
}

static void every_change(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_digest seen[16];
    size_t count = 0;
    const struct dure_cells_right right = fixture_right(1, 2, 2);
    struct dure_cell cell;
#define CHANGED(call)                                                                                                  \
    do {                                                                                                               \
        TAP_EQ_INT((call), DURE_OK, #call);                                                                            \
        seen[count] = dure_cells_digest(cells);                                                                        \
        for (size_t i = 0; i < count; i++)                                                                             \
            TAP_OK(memcmp(&seen[i], &seen[count], sizeof *seen) != 0, "another digest than after change %zu", i);      \
        count++;                                                                                                       \
    } while (0)
    CHANGED(dure_cells_accept(cells, &right, NULL, NULL));
    CHANGED(dure_cells_start(cells, right.id, NULL));
    CHANGED(dure_cells_take(cells, right.id, 0, &cell, NULL));
    CHANGED(dure_cells_use(cells, 0, 1, NULL));
    CHANGED(dure_cells_borrowed(cells, 1, 1, NULL));
    CHANGED(dure_cells_lose(cells, 5, NULL));
    CHANGED(dure_cells_shrink(cells, right.id, 1, false, NULL));
    CHANGED(dure_cells_end(cells, right.id, true, NULL));
    dure_cells_free(cells);
}

/* Every byte changed in some ways, every length: refused with a reason, or a chain that is sound. */
static void damage(const struct dure_buf *bytes)
{
    uint8_t copy[256];
    uint32_t refused = 0, sound = 0, unsound = 0;
    for (size_t at = 0; at < bytes->length; at++)
        for (unsigned flip = 1; flip < 256; flip++) {
            struct dure_cells *cells = NULL;
            struct dure_error error = {0};
            memcpy(copy, bytes->data, bytes->length);
            copy[at] ^= (uint8_t)flip;
            const enum dure_err err = dure_cells_load(copy, bytes->length, &cells, &error);
            if (err)
                refused += (err == DURE_E_CORRUPT || err == DURE_E_VERSION) && error.text[0] && !cells;
            else if (dure_cells_check(cells, NULL))
                unsound++;
            else
                sound++;
            dure_cells_free(cells);
        }
    TAP_EQ_UINT(refused + sound, bytes->length * 255, "each damaged chain is refused in words or sound (%u and %u)",
                refused, sound);
    TAP_EQ_UINT(unsound, 0, "none is loaded unsound");
    TAP_OK(refused > 2 * sound, "most are refused");
    uint32_t cut = 0;
    for (size_t length = 0; length < bytes->length; length++) {
        struct dure_cells *cells = NULL;
        cut += dure_cells_load(bytes->data, length, &cells, NULL) == DURE_E_CORRUPT && !cells;
    }
    TAP_EQ_UINT(cut, bytes->length, "cut anywhere, it is refused");
}

static void crafted(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        enum dure_err want;
        const char *words;
    } rows[] = {
        {"\x02\x01\x01", 3, DURE_E_VERSION, "version 2"},
        {"\x01\x0b\x01", 3, DURE_E_CORRUPT, "out of range"},
        {"\x01\x00\x01", 3, DURE_E_CORRUPT, "levels"},
        {"\x01\x01\x01\x00\x01\x00\x00", 7, DURE_OK, ""},
        {"\x01\x01\x01\x00\x01\x00\x00\x00", 8, DURE_E_CORRUPT, "bytes follow"},
        {"\x01\x01\x01\x00\x02\x00\x00", 7, DURE_E_CORRUPT, "out of range"},
        {"\x01\x01\x01\x00\x00\x00\x00", 7, DURE_E_CORRUPT, "empty"},
        {"\x01\x81\x00\x01\x00\x01\x00\x00", 8, DURE_E_CORRUPT, "cut off"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, DURE_E_CORRUPT, "cut off"},
        {"\x01\x01\x01\x00\x01\x80\x80\x08\x00", 9, DURE_E_CORRUPT, "used under no bound cell"},
        /* one right of id 0, holder 0, level 1, rank 0, not started, from 0 to 1, no predecessor */
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x01\x04", 21, DURE_OK, ""},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff\x0f\x01\x04", 21, DURE_E_CORRUPT,
         "not well formed"},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x01\x00", 21, DURE_E_CORRUPT,
         "without cells"},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x01\x02", 21, DURE_E_CORRUPT,
         "waits for nobody"},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x02\x04\x04", 22, DURE_E_CORRUPT,
         "more is owed"},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x02\x06\x00\x06\x00", 24,
         DURE_E_CORRUPT, "bound twice"},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x01\x05\x00\x00", 23,
         DURE_E_CORRUPT, "an heir does not wait"},
        {"\x01\x01\x01\x00\x01\x00\x01\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\x0f\x02\x04\x01\x00\x00", 24,
         DURE_E_CORRUPT, "gone has an heir"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_cells *cells = NULL;
        struct dure_error error = {0};
        TAP_EQ_INT(dure_cells_load(rows[i].bytes, rows[i].length, &cells, &error), rows[i].want, "crafted bytes %zu",
                   i);
        TAP_HAS(error.text, rows[i].words, "say why");
        dure_cells_free(cells);
    }
}

int main(void)
{
    DURE_CLEANUP_BUF struct dure_buf bytes;
    dure_buf_init(&bytes, BYTES_MAX);
    round_trip(&bytes);
    every_change();
    damage(&bytes);
    crafted();
    return tap_done();
}
