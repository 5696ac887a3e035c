#include "fixture.h"

/* On 2 racks x 2 nodes x 2 GPUs where right 1 has one rack and right 2 two nodes, from 0 to 100. */
static void accepted_or_not(void)
{
    static const struct {
        struct dure_cells_right right;
        enum dure_err want;
        struct dure_cells_shortfall shortfall;
        const char *name;
    } rows[] = {
        {{.id = {9}, .level = 1, .count = 1, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_SHORT,
         {1, 1, 0},
         "a leaf too many"},
        {{.id = {9}, .level = 1, .count = 5, .start_us = 500, .end_us = 600, .predecessor = {DURE_NONE32}},
         DURE_E_SHORT,
         {1, 5, 0},
         "later: all count from acceptance to their end"},
        {{.id = {9}, .level = 3, .count = 1, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_SHORT,
         {2, 2, 0},
         "a rack: its nodes are owed"},
        {{.id = {9}, .level = 3, .count = UINT32_MAX, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_SHORT,
         {3, 0, 0},
         "4 billion racks"},
        {{.id = {9}, .level = 2, .count = 2, .start_us = 100, .end_us = 200, .predecessor = {2}},
         DURE_OK,
         {0},
         "two nodes after right 2"},
        {{.id = {9}, .level = 2, .count = 1, .start_us = 150, .end_us = 200, .predecessor = {2}},
         DURE_OK,
         {0},
         "one node some time after right 2"},
        {{.id = {9}, .level = 2, .count = 3, .start_us = 100, .end_us = 200, .predecessor = {2}},
         DURE_E_SHORT,
         {2, 1, 2},
         "three nodes after two"},
        {{.id = {9}, .level = 2, .count = 2, .start_us = 99, .end_us = 200, .predecessor = {2}},
         DURE_E_INVALID,
         {0},
         "starts before its predecessor ends"},
        {{.id = {9}, .level = 1, .count = 2, .start_us = 100, .end_us = 200, .predecessor = {2}},
         DURE_E_INVALID,
         {0},
         "a predecessor of another level"},
        {{.id = {9}, .level = 2, .count = 2, .start_us = 100, .end_us = 200, .predecessor = {3}},
         DURE_E_NOT_FOUND,
         {0},
         "no such predecessor"},
        {{.id = {1}, .level = 2, .count = 2, .start_us = 100, .end_us = 200, .predecessor = {2}},
         DURE_E_INVALID,
         {0},
         "an id in use"},
        {{.id = {9}, .level = 0, .count = 1, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_INVALID,
         {0},
         "level 0"},
        {{.id = {9}, .level = 4, .count = 1, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_INVALID,
         {0},
         "a level over the top"},
        {{.id = {9}, .level = 1, .count = 0, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_INVALID,
         {0},
         "nothing"},
        {{.id = {9}, .level = 1, .count = 1, .start_us = 7, .end_us = 7, .predecessor = {DURE_NONE32}},
         DURE_E_INVALID,
         {0},
         "ends as it starts"},
        {{.id = {DURE_NONE32}, .level = 1, .count = 1, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_INVALID,
         {0},
         "no id"},
        {{.id = {9}, .holder = {DURE_NONE32}, .level = 1, .count = 1, .end_us = 1, .predecessor = {DURE_NONE32}},
         DURE_E_INVALID,
         {0},
         "no holder"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_cells *cells = fixture_racks();
        struct dure_cells_shortfall shortfall = {0};
        fixture_promise(cells, fixture_right(1, 3, 1));
        fixture_promise(cells, fixture_right(2, 2, 2));
        const struct dure_digest before = dure_cells_digest(cells);
        TAP_EQ_INT(dure_cells_preview(cells, &rows[i].right, &shortfall, NULL), rows[i].want, "preview: %s",
                   rows[i].name);
        const struct dure_digest after = dure_cells_digest(cells);
        TAP_EQ_MEM(&before, &after, sizeof before, "preview has no effect");
        TAP_EQ_UINT(shortfall.level, rows[i].shortfall.level, "the level that is short");
        TAP_EQ_UINT(shortfall.fits, rows[i].shortfall.fits, "what would fit");
        TAP_OK(!rows[i].shortfall.cells || shortfall.cells == rows[i].shortfall.cells, "how many cells are lacking");
        TAP_EQ_INT(dure_cells_accept(cells, &rows[i].right, NULL, NULL), rows[i].want, "accept agrees");
        fixture_sound(cells, "then");
        dure_cells_free(cells);
    }
}

/* Two racks of two nodes; rights to two nodes and one rack from T: sound only because both count from acceptance. */
static void future_rights_count(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cells_right rack = fixture_right(1, 3, 1), nodes = fixture_right(2, 2, 2), now = fixture_right(3, 2, 1);
    rack.start_us = nodes.start_us = 1000;
    rack.end_us = nodes.end_us = 2000;
    TAP_EQ_INT(dure_cells_accept(cells, &rack, NULL, NULL), DURE_OK, "a rack from T");
    TAP_EQ_INT(dure_cells_accept(cells, &nodes, NULL, NULL), DURE_OK, "two nodes from T");
    TAP_EQ_INT(dure_cells_accept(cells, &now, NULL, NULL), DURE_E_SHORT, "a node until T would be in the way");
    struct dure_cell cell;
    TAP_EQ_INT(dure_cells_take(cells, rack.id, 0, &cell, NULL), DURE_E_RIGHTS, "nothing is bound before the start");
    TAP_EQ_INT(dure_cells_start(cells, ALLOT(7), NULL), DURE_E_NOT_FOUND, "no such right");
    TAP_EQ_INT(dure_cells_start(cells, rack.id, NULL), DURE_OK, "started");
    TAP_EQ_INT(dure_cells_start(cells, rack.id, NULL), DURE_E_STATE, "started once");
    TAP_EQ_INT(dure_cells_take(cells, rack.id, 0, &cell, NULL), DURE_OK, "then it is bound");
    dure_cells_free(cells);
}

static void found_by_holder(void)
{
    struct dure_cells *cells = fixture_racks();
    struct dure_cells_right_view view;
    for (uint32_t id = 8; id > 0; id--) {
        struct dure_cells_right right = fixture_right(id, 1, 1);
        right.holder.v = id % 2;
        fixture_promise(cells, right);
    }
    uint32_t ids = 0, count = 0;
    for (uint32_t from = 0; dure_cells_right_of(cells, (struct dure_tenant_id){1}, ALLOT(from), &view);
         from = view.right.id.v + 1, count++)
        ids = ids * 10 + view.right.id.v;
    TAP_EQ_UINT(ids, 1357, "the odd ones, in order");
    ids = 0;
    for (uint32_t from = 0; dure_cells_right_next(cells, ALLOT(from), &view); from = view.right.id.v + 1)
        ids = ids * 10 + view.right.id.v;
    TAP_EQ_UINT(ids, 12345678, "all, in order");
    TAP_OK(!dure_cells_right_of(cells, (struct dure_tenant_id){2}, ALLOT(0), &view), "nobody's");
    TAP_OK(!dure_cells_right_of(cells, (struct dure_tenant_id){0}, ALLOT(9), &view), "past the last");
    TAP_OK(!dure_cells_right(cells, ALLOT(9), &view), "no right 9");
    TAP_OK(dure_cells_right(cells, ALLOT(3), &view) && view.started && view.unbound == 1 && view.index_end == 1,
           "right 3");
    dure_cells_free(cells);
}

static void many_cells(void)
{
    const struct dure_cells_shape shape = {.levels = 1, .tops = DURE_CELLS_LEAVES_MAX};
    struct dure_cells *cells;
    if (dure_cells_new(&shape, &cells, NULL))
        tap_bail("no chain");
    struct dure_cells_right right = fixture_right(1, 1, DURE_CELLS_LEAVES_MAX);
    enum dure_err err = DURE_OK;
    uint32_t links = 0;
    for (; links < 5 && !err; links++) {
        err = dure_cells_accept(cells, &right, NULL, NULL);
        right.predecessor = right.id;
        right.id.v++;
        right.start_us = right.end_us;
        right.end_us += 100;
    }
    TAP_EQ_INT(err, DURE_E_LIMIT, "promised cells are limited");
    TAP_EQ_UINT(links, DURE_CELLS_VIRTUAL_MAX / DURE_CELLS_LEAVES_MAX + 1, "at the stated limit");
    dure_cells_free(cells);
}

int main(void)
{
    accepted_or_not();
    future_rights_count();
    found_by_holder();
    many_cells();
    return tap_done();
}
