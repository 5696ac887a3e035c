/* The Slurm engines, one a site: made when the fleet declares them, and what they see of their nodes as inputs of the loop. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dured/daemon.h"
#include "engine/slurm/slurm.h"

static const struct dure_fleet *fleet_now(void *context)
{
    const struct daemon *daemon = context;

    return dure_core_fleet(daemon->core);
}

static void observe(void *context, const struct dure_observation *observation)
{
    struct daemon *daemon = context;

    dure_loop_observe(daemon->loop, observation);
}

bool slurm_folder(const struct daemon *daemon, const struct dure_site *site, char *path, size_t size)
{
    const int length = snprintf(path, size, "%s/slurm/site-%s", daemon->options.state, site->name);

    return length > 0 && (size_t)length < size;
}

static struct dure_engine *make(struct daemon *daemon, struct dure_site_id id)
{
    const struct dure_site *site = &dure_core_fleet(daemon->core)->sites[id.v];
    char directory[PATH_BYTES + DURE_NAME_MAX + 16], parent[PATH_BYTES + 16];
    struct dure_slurm_engine_options options = {
        .loop = &daemon->uv,
        .clock = {.context = &daemon->timers, .now_us = wall_us, .timer = timers_set},
        .steady_us = boot_us,
        .directory = directory,
        .instance = daemon->recovered.instance,
        .site = id,
        .fleet = fleet_now,
        .observe_node = dure_loop_observe_node,
        .node_context = daemon->loop};
    struct dure_engine *engine = NULL;
    struct dure_error error = {0};

    snprintf(parent, sizeof parent, "%s/slurm", daemon->options.state);
    if (!clock_is_real())
        dure_fail(&error, DURE_E_UNSUPPORTED, "a real cluster does not live by this clock");
    else if (!slurm_folder(daemon, site, directory, sizeof directory))
        dure_fail(&error, DURE_E_INVALID, "the path of the state folder is too long");
    else if (folder_make(parent, 0700, &error) == DURE_OK &&
             dure_engine_slurm_new(&options, observe, daemon, &engine, &error) == DURE_OK)
        return engine;
    log_line(LOG_LEVEL_ERROR, "site %s: its Slurm engine cannot run: %s", site->name, error.text);
    return NULL;
}

static bool grow(struct daemon *daemon, uint32_t count)
{
    struct slurm_engine *engines = realloc(daemon->slurm, count * sizeof *engines);

    if (engines == NULL)
        return false;
    memset(engines + daemon->slurm_count, 0, (count - daemon->slurm_count) * sizeof *engines);
    daemon->slurm = engines;
    daemon->slurm_count = count;
    return true;
}

struct dure_engine *world_slurm(struct daemon *daemon, struct dure_site_id site)
{
    if (site.v >= daemon->slurm_count && !grow(daemon, site.v + 1))
        return NULL;
    if (daemon->slurm[site.v].engine != NULL || daemon->slurm[site.v].failed)
        return daemon->slurm[site.v].engine;
    struct dure_engine *engine = make(daemon, site);
    daemon->slurm[site.v].engine = engine;
    daemon->slurm[site.v].failed = engine == NULL;
    daemon->slurm[site.v].seen = dure_core_fleet(daemon->core);
    if (engine != NULL && daemon->swept)
        dure_engine_slurm_sweep(engine);
    return engine;
}

/* The operator is told once of each block that cannot be used. */
static void renew(struct daemon *daemon, uint32_t id)
{
    struct slurm_engine *slurm = &daemon->slurm[id];
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);
    struct dure_error error = {0};
    bool changed = false;

    if (slurm->failed && slurm->seen != fleet) {
        slurm->seen = fleet;
        slurm->failed = false; /* the next turn tries again */
        return;
    }
    if (slurm->engine == NULL)
        return;
    if (dure_engine_slurm_renew(slurm->engine, &changed, &error) == DURE_OK) {
        if (changed)
            log_line(LOG_LEVEL_INFO, "site %s: its Slurm is reached as the fleet says now", fleet->sites[id].name);
    } else if (slurm->seen != fleet)
        log_line(LOG_LEVEL_ERROR,
                 "site %s: its Slurm cannot be reached as the fleet says now, and is reached as before: %s",
                 fleet->sites[id].name, error.text);
    slurm->seen = fleet;
}

void slurm_make_all(struct daemon *daemon)
{
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);

    for (uint32_t i = 0; fleet != NULL && i < fleet->site_count; i++)
        if (fleet->sites[i].engine == DURE_ENGINE_SLURM)
            (void)world_slurm(daemon, (struct dure_site_id){i});
    for (uint32_t i = 0; fleet != NULL && i < fleet->site_count && i < daemon->slurm_count; i++)
        renew(daemon, i);
}

void slurm_sweep_all(struct daemon *daemon)
{
    daemon->swept = true;
    for (uint32_t i = 0; i < daemon->slurm_count; i++)
        if (daemon->slurm[i].engine != NULL)
            dure_engine_slurm_sweep(daemon->slurm[i].engine);
}

void slurm_free_all(struct daemon *daemon)
{
    for (uint32_t i = 0; i < daemon->slurm_count; i++)
        dure_engine_free(daemon->slurm[i].engine);
    free(daemon->slurm);
    daemon->slurm = NULL;
    daemon->slurm_count = 0;
}
