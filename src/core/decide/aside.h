#pragma once
/* A planned start laid aside for the time of a trial: what is bound for it alone is bound no more, whoever is short has what that gives back, and plans of
 * others that cannot stand then are laid aside as well. So it stands as it will when its job is changed: a job that is changed gives its plan up. */
#include "core/cells/cells.h"
#include "core/state/state.h"

struct aside {
    uint32_t chain; /* NONE: nothing is laid aside */
    struct dure_cells_mark mark;
    struct aside_plan {
        uint32_t queue, planned;
    } * plans;
    struct aside_cell { /* as it was */
        uint32_t allot, index;
        struct dure_cell cell; /* that it was bound to; level 0: it still is, or never was */
        uint8_t state;         /* of the allotment */
    } * cells;
    uint32_t plan_count, plan_capacity, cell_count, cell_capacity;
};

/* The plan of this job, if it has one (NULL: no job). Nothing but trials may be made before it is taken up again. O(places + cells that others have then). */
void aside_lay(struct dure_core *core, const struct job *job, struct aside *ret_aside);
void aside_take_up(struct dure_core *core, struct aside *aside);
