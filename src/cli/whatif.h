#pragma once
/* The parts of `dure whatif`. Each returns an exit code; messages are out. */
#include "base/map.h"
#include "base/vec.h"
#include "cli/sim.h"
#include "core/core.h"
#include "sim/change/change.h"
#include "sim/change/past.h"

int dure_whatif_size(struct dure_cli *cli, uint64_t *ret_size); /* leaves of the daemon's record */
/* The state after so many leaves. The caller frees it. */
int dure_whatif_state(struct dure_cli *cli, uint64_t size, struct dure_core **ret_core);
/* Records from `since_us` on, and some before them: at most the last 2,000,000 leaves. */
int dure_whatif_records(struct dure_cli *cli, uint64_t size, int64_t since_us,
                        enum dure_err (*take)(void *context, const struct dure_record *record), void *context);

/* What comes while the state is played on (--arrivals). */
struct dure_whatif_arrivals {
    int64_t from_us, until_us, since_us; /* from: when the state ends and the play begins */
    bool read;
    struct dure_past *past;
    struct dure_past_player again;
    struct dure_work *work;
    struct dure_work_player *player;
    char words[512]; /* what is assumed */
};
int dure_whatif_arrivals_read(struct dure_cli *cli, uint64_t size, const struct dure_core *core,
                              struct dure_whatif_arrivals *arrivals);
/* For one side: into `options`, whose `until_us` is set. */
int dure_whatif_arrivals_begin(struct dure_cli *cli, const struct dure_changes *changes,
                               struct dure_whatif_arrivals *arrivals, struct dure_sim_options *options);
void dure_whatif_arrivals_release(struct dure_whatif_arrivals *arrivals);

/* One side of the question. */
struct dure_whatif_started {
    uint64_t job;
    uint32_t element;
    bool ran; /* when the play began: this is a start again */
    int64_t at_us;
};
struct dure_whatif_starts { /* first starts, by job */
    uint64_t below;         /* of jobs below this number: those that come later have others on each side */
    DURE_VEC(struct dure_whatif_started) list;
    struct dure_map ran; /* what ran when the play began */
};
struct dure_whatif_side {
    struct dure_changes changes;
    struct dure_sim_result result;
    struct dure_whatif_starts starts;
    struct dure_body *bodies[DURE_VERB_OPTIONS_MAX]; /* of --submit: node lists live in them */
    unsigned body_count;
    bool made;
};
int dure_whatif_show(struct dure_cli *cli, struct dure_whatif_side sides[2], const char *assumed);
