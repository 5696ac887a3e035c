/* How the site's cluster is reached, and on what terms: taken from the fleet, and taken anew when the fleet says otherwise. What is under way ends the way
 * it was sent; what comes after goes the new way. It must be the same cluster: what runs is what it lists. */
#include <stdlib.h>
#include <string.h>

#include "engine/slurm/engine_inner.h"

enum { TEXTS = 11 };

static void texts_of(struct dure_slurm_site *site, const char **texts[TEXTS])
{
    const char **const all[TEXTS] = {&site->path,        &site->conf,        &site->url,     &site->token_file,
                                     &site->user,        &site->partition,   &site->account, &site->qos,
                                     &site->reservation, &site->node_prefix, &site->accounts};
    memcpy(texts, all, sizeof all);
}

/* `site` lives as long as the fleet that it was declared in: a copy of our own. Output is fetched by others, who ask the fleet. */
bool slurm_site_copy(struct slurm *slurm, const struct dure_slurm_site *site)
{
    struct dure_slurm_site copy = *site;
    const char **texts[TEXTS];
    size_t size = 0;
    texts_of(&copy, texts);
    for (unsigned i = 0; i < TEXTS; i++)
        size += strlen(*texts[i]) + 1;
    char *at = malloc(size);
    if (!at)
        return false;
    free(slurm->site_texts);
    slurm->site_texts = at;
    for (unsigned i = 0; i < TEXTS; i++) {
        const size_t length = strlen(*texts[i]) + 1;
        *texts[i] = memcpy(at, *texts[i], length);
        at += length;
    }
    copy.fetch = "";
    copy.fetch_count = 0;
    slurm->site = copy;
    return true;
}

static bool same(struct dure_slurm_site a, struct dure_slurm_site b)
{
    const char **x[TEXTS], **y[TEXTS];
    texts_of(&a, x);
    texts_of(&b, y);
    for (unsigned i = 0; i < TEXTS; i++)
        if (strcmp(*x[i], *y[i]) != 0)
            return false;
    return a.via == b.via && a.as_daemon == b.as_daemon && a.poll_us == b.poll_us;
}

enum dure_err dure_engine_slurm_renew(struct dure_engine *engine, bool *ret_changed, struct dure_error *error)
{
    struct slurm *slurm = engine->state;
    const struct dure_fleet *fleet = slurm->options.fleet(slurm->context);
    const struct dure_slurm_site *site = fleet ? fleet->sites[slurm->options.site.v].slurm : NULL;
    struct dure_slurm *wire = NULL;
    *ret_changed = false;
    if (slurm->wire_before && !dure_slurm_under_way(slurm->wire_before)) {
        dure_slurm_free(slurm->wire_before);
        slurm->wire_before = NULL;
    }
    if (!site || slurm->wire_before || same(slurm->site, *site))
        return DURE_OK;
    const struct dure_slurm_options options = {.loop = slurm->options.loop, .site = site};
    const enum dure_err err = dure_slurm_new(&options, &wire, error); /* copies what it needs */
    if (err)
        return err;
    if (!slurm_site_copy(slurm, site)) {
        dure_slurm_free(wire);
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    }
    slurm->wire_before = slurm->wire;
    slurm->wire = wire;
    slurm->list_mark_us = 0;
    slurm->nodes_us = 0;
    slurm->failures = 0; /* of the way before */
    slurm_poke(slurm);
    *ret_changed = true;
    return DURE_OK;
}
