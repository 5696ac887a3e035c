/* A trace's jobs as jobs of a run. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "sim/trace/work.h"

enum { GRACE_S = 30, LEAST_WALLTIME_US = 1000000 };

struct dure_work_player {
    struct dure_work_play_options o;
    size_t next;
    uint32_t *tenants; /* of each group */
    bool *has_right;   /* of each tenant: itself or one above it holds an allotment */
    uint32_t node_gpus;
    const char *level;
};

static bool rights(struct dure_work_player *player)
{
    const struct dure_tenants *t = player->o.tenants;
    player->has_right = calloc(t->tenant_count + 1, sizeof *player->has_right);
    if (!player->has_right)
        return false;
    for (uint32_t i = 0; i < t->allotment_count; i++)
        player->has_right[t->allotments[i].tenant.v] = true;
    for (uint32_t i = 0; i < t->tenant_count; i++)
        if (t->tenants[i].parent.v != DURE_NONE32 && player->has_right[t->tenants[i].parent.v])
            player->has_right[i] = true;
    return true;
}

static bool map_groups(struct dure_work_player *player)
{
    const struct dure_tenants *t = player->o.tenants;
    uint32_t *leaves = calloc(t->tenant_count + 1, sizeof *leaves), count = 0, turn = 0;
    bool *parent = calloc(t->tenant_count + 1, sizeof *parent);
    player->tenants = calloc(player->o.work->group_count + 1, sizeof *player->tenants);
    const bool room = leaves && parent && player->tenants;
    for (uint32_t i = 0; room && i < t->tenant_count; i++)
        if (t->tenants[i].parent.v != DURE_NONE32)
            parent[t->tenants[i].parent.v] = true;
    for (uint32_t i = 0; room && i < t->tenant_count; i++)
        if (!parent[i])
            leaves[count++] = i;
    for (uint32_t g = 0; room && g < player->o.work->group_count; g++) {
        struct dure_tenant_id id;
        if (!dure_tenants_find(t, player->o.work->groups[g], &id))
            id.v = leaves[turn++ % count];
        player->tenants[g] = id.v;
    }
    free(leaves);
    free(parent);
    return room;
}

enum dure_err dure_work_player_new(const struct dure_work_play_options *options, struct dure_work_player **ret_player,
                                   struct dure_error *error)
{
    if (options->tenants->tenant_count == 0)
        return dure_fail(error, DURE_E_INVALID,
                         "the tenants are none: found nobody to ask for work, expected at least one");
    struct dure_work_player *player = calloc(1, sizeof *player);
    if (!player)
        return dure_fail(error, DURE_E_MEMORY, "out of memory for a trace's jobs");
    player->o = *options;
    player->level = "";
    for (uint32_t i = 0; i < options->fleet->level_name_count; i++)
        if (strcmp(options->fleet->level_names[i], "block") == 0)
            player->level = options->fleet->level_names[i];
    for (uint32_t c = 0; c < options->fleet->chain_count; c++)
        if (!player->node_gpus || options->fleet->chains[c].node_gpus < player->node_gpus)
            player->node_gpus = options->fleet->chains[c].node_gpus;
    if (!player->node_gpus || !rights(player) || !map_groups(player)) {
        const bool empty = !player->node_gpus;
        dure_work_player_free(player);
        return empty ? dure_fail(error, DURE_E_INVALID,
                                 "the fleet has no GPU: found nothing to run on, expected a group of nodes")
                     : dure_fail(error, DURE_E_MEMORY, "out of memory for a trace's jobs");
    }
    *ret_player = player;
    return DURE_OK;
}

void dure_work_player_free(struct dure_work_player *player)
{
    if (!player)
        return;
    free(player->tenants);
    free(player->has_right);
    free(player);
}

/* What people ask for when a trace does not tell: more than it takes, in round figures. Drawn from the line, so that it is the same in every run. */
static int64_t walltime_of(const struct dure_work_job *job)
{
    static const int64_t ladder[] = {10,   30,   60,   120,   240,   480,   720,  1440,
                                     2880, 4320, 7200, 10080, 20160, 43200, 86400}; /* minutes */
    static const int64_t tenths[] = {10, 15, 20, 30, 50};
    const int64_t wished = (job->lasts_us + 9) / 10 * tenths[dure_hash64(job->line) % 5];
    for (size_t i = 0; i < sizeof ladder / sizeof ladder[0]; i++)
        if (ladder[i] * DURE_MINUTE_US >= wished)
            return ladder[i] * DURE_MINUTE_US;
    return DURE_WALLTIME_MAX_US;
}

static void shape(const struct dure_work_player *player, const struct dure_work_job *from, struct dure_job *job)
{
    uint32_t each = from->task_gpus ? from->task_gpus : player->node_gpus;
    if (!from->task_gpus && from->gpus < each)
        each = from->gpus;
    while (from->gpus % each != 0) /* tasks are equal: the largest that divides it */
        each--;
    job->task_gpus = each;
    job->tasks = from->gpus / each;
    job->level = job->tasks > 1 ? player->level : "";
}

bool dure_work_next(void *context, struct dure_sim_job *ret_job)
{
    struct dure_work_player *player = context;
    if (player->next == player->o.work->count)
        return false;
    const struct dure_work_job *from = &player->o.work->jobs[player->next++];
    struct dure_job *job = &ret_job->job;
    ret_job->at_us = from->at_us;
    *job = dure_job_blank();
    job->tenant.v = player->tenants[from->group];
    const enum dure_work_class wanted =
        player->o.force != DURE_WORK_EITHER ? player->o.force : (enum dure_work_class)from->job_class;
    job->job_class = wanted == DURE_WORK_BORROWED || (wanted == DURE_WORK_EITHER && !player->has_right[job->tenant.v])
                         ? DURE_BORROWED
                         : DURE_GUARANTEED;
    shape(player, from, job);
    job->emulated_us = from->lasts_us;
    job->walltime_us = from->walltime_us > 0 ? from->walltime_us : walltime_of(from);
    if (job->walltime_us < LEAST_WALLTIME_US)
        job->walltime_us = LEAST_WALLTIME_US;
    if (job->walltime_us > DURE_WALLTIME_MAX_US)
        job->walltime_us = DURE_WALLTIME_MAX_US;
    job->grace_us = from->grace_us > 0 ? from->grace_us : GRACE_S * DURE_SECOND_US;
    job->checkpoint_us = from->checkpoint_us;
    job->priority = from->priority;
    return true;
}

static enum dure_err parse(const struct dure_buf *text, bool tenants, const struct dure_fleet *fleet,
                           struct dure_fleet **ret_fleet, struct dure_tenants **ret_tenants, struct dure_error *error)
{
    struct dure_problems problems = {.file = "the trace's specs"};
    struct dure_arena *arena = dure_arena_new(64u << 20);
    struct dure_tree *tree;
    enum dure_err err =
        !arena || text->failed ? DURE_E_MEMORY : dure_tree_from_yaml(arena, text->data, text->length, &tree, &problems);
    if (!err)
        err = tenants ? dure_tenants_parse(tree, fleet, ret_tenants, &problems)
                      : dure_fleet_parse(tree, ret_fleet, &problems);
    dure_arena_free(arena);
    if (err && problems.count)
        return dure_problems_fail(&problems, error);
    return err ? dure_fail(error, err, "%s", dure_err_sentence(err)) : DURE_OK;
}

enum dure_err dure_work_specs(const struct dure_work *work, uint32_t gpus, uint32_t node_gpus,
                              struct dure_fleet **ret_fleet, struct dure_tenants **ret_tenants,
                              struct dure_error *error)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_fleet *fleet = NULL;
    const uint32_t nodes = (gpus + node_gpus - 1) / node_gpus;
    dure_buf_init(&text, 8 << 20);
    dure_buf_printf(&text,
                    "kind: Fleet\nversion: 1\nname: trace\nzone: UTC\nmodels: [{name: gpu, memory: 80GiB, power: 700W, "
                    "nvlink: node}]\nowners: [{name: all}]\n"
                    "sites: [{name: site, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]\ngroups:\n"
                    "  - {name: nodes, owner: all, site: site, model: gpu, nodes: 'n[000001-%06" PRIu32
                    "]', cpus: 128, memory: 2TiB, disk: 1TiB, power: 10kW,\n"
                    "     levels: [{name: node, holds: %" PRIu32 "}], status: assumed}\n",
                    nodes, node_gpus);
    enum dure_err err = parse(&text, false, NULL, &fleet, NULL, error);
    dure_buf_clear(&text);
    dure_buf_str(&text, "kind: Tenants\nversion: 1\ntenants:\n  - name: all\n    owner: all\n    tenants:\n");
    for (uint32_t g = 0; g < work->group_count; g++) {
        dure_buf_printf(&text, "      - {name: g%" PRIu32 ", label: ", g + 1);
        dure_buf_json(&text, work->groups[g]);
        dure_buf_str(&text, "}\n");
    }
    dure_buf_printf(&text,
                    "allotments: [{name: everything, tenant: all, group: nodes, level: node, count: %" PRIu32
                    "}]\nlending: [{owner: all, notice: 10m, to: all}]\n",
                    nodes);
    if (!err)
        err = parse(&text, true, fleet, NULL, ret_tenants, error);
    if (err)
        dure_fleet_free(fleet);
    else
        *ret_fleet = fleet;
    return err;
}
