/* Looking things up in limits of power. */
#include <inttypes.h>
#include <stdio.h>

#include "base/timefmt.h"
#include "model/power.h"

uint64_t dure_power_at(const struct dure_power *power, uint32_t domain, int64_t time_us)
{
    const struct dure_power_domain *d = &power->domains[domain];
    uint64_t least = DURE_POWER_NO_LIMIT;
    for (uint32_t i = 0; i < d->limit_count; i++) {
        const struct dure_power_limit *limit = &power->limits[d->limit_first + i];
        if (limit->from_us <= time_us && time_us < limit->until_us && limit->limit_mw < least)
            least = limit->limit_mw;
    }
    return least;
}

uint64_t dure_power_least(const struct dure_power *power, uint32_t domain, int64_t from_us, int64_t until_us,
                          int64_t *ret_when_us)
{
    const struct dure_power_domain *d = &power->domains[domain];
    uint64_t least = DURE_POWER_NO_LIMIT;
    int64_t when = from_us;
    for (uint32_t i = 0; i < d->limit_count; i++) {
        const struct dure_power_limit *limit = &power->limits[d->limit_first + i];
        const int64_t from = limit->from_us > from_us ? limit->from_us : from_us;
        if (limit->until_us <= from_us || from >= until_us || limit->limit_mw > least ||
            (limit->limit_mw == least && from >= when))
            continue;
        least = limit->limit_mw;
        when = from;
    }
    if (ret_when_us)
        *ret_when_us = when;
    return least;
}

int64_t dure_power_next(const struct dure_power *power, uint32_t domain, int64_t time_us)
{
    const struct dure_power_domain *d = &power->domains[domain];
    int64_t next = DURE_NEVER_US;
    for (uint32_t i = 0; i < d->limit_count; i++) {
        const struct dure_power_limit *limit = &power->limits[d->limit_first + i];
        if (limit->from_us > time_us && limit->from_us < next)
            next = limit->from_us;
        if (limit->until_us > time_us && limit->until_us < next)
            next = limit->until_us;
    }
    return next;
}

char *dure_power_name(const struct dure_power *power, const struct dure_fleet *fleet, uint32_t domain,
                      char name[DURE_POWER_NAME_MAX])
{
    const struct dure_power_domain *d = &power->domains[domain];
    if (d->site.v != DURE_NONE32) {
        snprintf(name, DURE_POWER_NAME_MAX, "site %s", fleet->sites[d->site.v].name);
        return name;
    }
    const struct dure_chain *chain = &fleet->chains[d->chain.v];
    if (d->level == chain->node_level) {
        char node[DURE_NAME_MAX + 1];
        dure_fleet_node_name(fleet, (struct dure_node_id){chain->node_first + d->cell}, node);
        snprintf(name, DURE_POWER_NAME_MAX, "node %s", node);
        return name;
    }
    snprintf(name, DURE_POWER_NAME_MAX, "%s %" PRIu32 " of %s", chain->levels[d->level].name, d->cell + 1, chain->name);
    return name;
}
