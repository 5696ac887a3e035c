#include "fixture.h"

static struct dure_cells *shared;

static void unuse(void *arg)
{
    (void)arg;
    if (dure_cells_use(shared, 1, -1, NULL))
        return;
}

static void unborrow(void *arg)
{
    (void)arg;
    if (dure_cells_borrowed(shared, 1, -1, NULL))
        return;
}

static void use_two(void *arg)
{
    (void)arg;
    if (dure_cells_use(shared, 1, 2, NULL))
        return;
}

static void counts(void)
{
    struct dure_cells *cells = shared = fixture_racks();
    struct dure_cells_virtual virtual;
    struct dure_cells_right_view right;
    fixture_promise(cells, fixture_right(1, 2, 2));
    TAP_EQ_INT(dure_cells_use(cells, 0, 1, NULL), DURE_E_STATE, "nothing is used before it is bound");
    (void)fixture_take(cells, 1, 0);
    TAP_EQ_INT(dure_cells_use(cells, 8, 1, NULL), DURE_E_INVALID, "no such leaf");
    TAP_EQ_INT(dure_cells_borrowed(cells, 8, 1, NULL), DURE_E_INVALID, "nor to borrow");
    TAP_EQ_INT(dure_cells_use(cells, 0, 1, NULL), DURE_OK, "a job");
    TAP_EQ_INT(dure_cells_use(cells, 0, 1, NULL), DURE_OK, "shares its leaf with another");
    TAP_OK(dure_cells_virtual(cells, ALLOT(1), 0, &virtual) && virtual.used == 1 && virtual.free == 1,
           "one leaf is used");
    TAP_EQ_INT(dure_cells_lose(cells, 0, NULL), DURE_OK, "it is lost");
    TAP_OK(dure_cells_virtual(cells, ALLOT(1), 0, &virtual) && virtual.used == 1 && virtual.lost == 1 &&
               virtual.free == 1,
           "not counted twice");
    TAP_EQ_INT(dure_cells_give(cells, ALLOT(1), 0, NULL), DURE_E_STATE, "not given back while in use");
    TAP_EQ_INT(dure_cells_use(cells, 0, -1, NULL), DURE_OK, "one ends");
    TAP_OK(dure_cells_right(cells, ALLOT(1), &right) && right.used == 1, "the leaf is still used");
    TAP_EQ_INT(dure_cells_use(cells, 0, -1, NULL), DURE_OK, "the other too");
    TAP_OK(dure_cells_right(cells, ALLOT(1), &right) && right.used == 0, "the leaf is idle");
    TAP_ABORTS(unuse, NULL, "a job that was not there can not end");
    TAP_ABORTS(unborrow, NULL, "nor a borrowed one");
    TAP_ABORTS(use_two, NULL, "jobs come one by one");
    enum dure_err err = DURE_OK;
    uint32_t jobs = 0;
    for (; !err; jobs++)
        err = jobs % 2 ? dure_cells_use(cells, 1, 1, NULL) : dure_cells_borrowed(cells, 1, 1, NULL);
    TAP_EQ_INT(err, DURE_E_LIMIT, "the jobs on a leaf are limited");
    TAP_EQ_UINT(jobs - 1, DURE_CELLS_LEAF_USES_MAX, "as stated");
    fixture_sound(cells, "full");
    TAP_EQ_INT(dure_cells_end(cells, ALLOT(1), true, NULL), DURE_OK, "the right ends");
    struct dure_cells_leaf leaf;
    dure_cells_leaf(cells, 1, &leaf);
    TAP_EQ_UINT(leaf.borrowed, DURE_CELLS_LEAF_USES_MAX, "all of them are borrowers now");
    dure_cells_free(cells);
}

/* Inside one rack of 2 nodes x 2 GPUs: leaves in use by bit, lost by bit. */
static void fits(void)
{
    static const struct {
        uint32_t used, lost;
        unsigned level;
        bool want;
        uint32_t offset;
        unsigned hole;
        const char *name;
    } rows[] = {
        {0x0, 0x0, 1, true, 0, 3, "a leaf in an idle rack"},
        {0x1, 0x0, 1, true, 1, 1, "a leaf beside the used one, so that the node stays whole"},
        {0x3, 0x0, 1, true, 2, 2, "a leaf of the idle node"},
        {0x4, 0x0, 1, true, 3, 1, "the broken node first, though it is the second"},
        {0x1, 0x0, 2, true, 2, 2, "a node"},
        {0x0, 0x2, 2, true, 2, 2, "a healthy node"},
        {0x0, 0x2, 1, true, 0, 1, "a healthy leaf of the damaged one"},
        {0x5, 0x0, 2, false, 0, 0, "no node is whole"},
        {0x5, 0xa, 1, false, 0, 0, "all is used or lost"},
        {0x0, 0x8, 3, false, 0, 0, "no whole rack"},
        {0x0, 0x0, 3, true, 0, 3, "the rack"},
        {0x0, 0x0, 4, false, 0, 0, "more than the right has"},
        {0x0, 0x0, 0, false, 0, 0, "no level"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_cells *cells = fixture_racks();
        uint32_t offset = 0;
        unsigned hole = 0;
        fixture_promise(cells, fixture_right(1, 3, 1));
        (void)fixture_take(cells, 1, 0);
        for (uint32_t leaf = 0; leaf < 4; leaf++)
            if ((rows[i].used >> leaf & 1 && dure_cells_use(cells, leaf, 1, NULL)) ||
                (rows[i].lost >> leaf & 1 && dure_cells_lose(cells, leaf, NULL)))
                tap_bail("leaf %u", leaf);
        const bool found = dure_cells_fit(cells, ALLOT(1), 0, rows[i].level, &offset, &hole);
        TAP_OK(found == rows[i].want && offset == rows[i].offset && hole == rows[i].hole, "%s: at %u in level %u",
               rows[i].name, offset, hole);
        dure_cells_free(cells);
    }
    struct dure_cells *cells = fixture_racks();
    uint32_t offset;
    unsigned hole;
    fixture_promise(cells, fixture_right(1, 2, 4));
    TAP_OK(dure_cells_fit(cells, ALLOT(1), 3, 1, &offset, &hole) && offset == 0 && hole == 2,
           "an unbound cell is idle");
    TAP_OK(!dure_cells_fit(cells, ALLOT(1), 4, 1, &offset, &hole), "no such cell");
    TAP_OK(!dure_cells_fit(cells, ALLOT(2), 0, 1, &offset, &hole), "no such right");
    const struct dure_cells_step step = {.suspend = true, .allot = ALLOT(1), .index = 0};
    TAP_EQ_INT(dure_cells_do_step(cells, &step, NULL), DURE_OK, "suspended");
    TAP_OK(!dure_cells_fit(cells, ALLOT(1), 0, 1, &offset, &hole), "a suspended cell has no place until it is served");
    dure_cells_free(cells);
}

int main(void)
{
    counts();
    fits();
    return tap_done();
}
