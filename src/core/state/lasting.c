#include "core/state/lasting.h"

#include <string.h>

#include "core/queue/queue.h"
#include "core/state/domains.h"
#include "core/state/jobs.h"

__extension__ typedef unsigned __int128 wide;

enum { FULL = 1 << 24 }; /* then all is halved: what is long past counts less */

struct dure_digest lasting_hash(const struct dure_core *core, uint32_t tenant)
{
    const struct tenant_state *t = &core->tenant[tenant];
    uint32_t words[LASTING_PARTS + 2] = {tenant};
    uint64_t any = 0;
    for (unsigned i = 0; i < LASTING_PARTS; i++)
        any += words[2 + i] = t->lasted[i];
    _Static_assert(sizeof words % 8 == 0, "the digest takes words");
    return any ? dure_hash_words(DOMAIN_LASTING, words, sizeof words / 8) : (struct dure_digest){{0, 0}};
}

static void loosen(struct dure_core *core, uint32_t tenant)
{
    struct tenant_state *t = &core->tenant[tenant];
    if (t->loose & TENANT_LASTING)
        return;
    tenant_loosen(core, tenant, TENANT_LASTING);
    dure_digest_sub(&core->digest, t->lasted_term);
}

void lasting_set(struct dure_core *core, uint32_t tenant, const uint32_t parts[LASTING_PARTS])
{
    struct tenant_state *t = &core->tenant[tenant];
    loosen(core, tenant);
    for (unsigned i = 0; i < LASTING_PARTS; i++) {
        core->lasted[i] += (uint64_t)parts[i] - t->lasted[i];
        t->lasted[i] = parts[i];
    }
}

void lasting_count(struct dure_core *core, uint32_t slot, enum dure_job_state state)
{
    const struct attempt *attempt = attempt_at(core, slot);
    const struct job *job = attempt->job;
    if (state != DURE_JOB_COMPLETED && state != DURE_JOB_FAILED && state != DURE_JOB_TIMEOUT)
        return;
    const int64_t walltime = attempt->d.walltime_end_us - attempt->d.started_us,
                  lasted = core->s.time_us - attempt->d.started_us;
    const int64_t part =
        walltime > 0 && lasted < walltime ? lasted / (walltime / LASTING_PARTS + 1) : LASTING_PARTS - 1;
    const uint32_t tenant = job_ask(core, job)->tenant;
    loosen(core, tenant);
    core->lasted[part]++;
    if (++core->tenant[tenant].lasted[part] < FULL)
        return;
    uint32_t parts[LASTING_PARTS];
    for (unsigned i = 0; i < LASTING_PARTS; i++)
        parts[i] = core->tenant[tenant].lasted[i] / 2;
    lasting_set(core, tenant, parts);
}

int64_t lasting_end(const struct dure_core *core, uint32_t tenant, int64_t started_us, int64_t walltime_us,
                    unsigned percent)
{
    const int64_t now = core->s.time_us, latest = started_us + walltime_us > now ? started_us + walltime_us : now;
    const int64_t so_far = now > started_us ? now - started_us : 0, each = walltime_us / LASTING_PARTS + 1;
    uint64_t own = 0, all = 0, beyond = 0;
    for (unsigned i = 0; i < LASTING_PARTS; i++) {
        own += core->tenant[tenant].lasted[i];
        all += core->lasted[i];
    }
    if (percent >= 100 || walltime_us <= 0 || (own < LASTING_ENOUGH && all < LASTING_ENOUGH))
        return latest;
    const int64_t first = so_far / each;
    for (int64_t i = first; i < LASTING_PARTS; i++)
        beyond += own < LASTING_ENOUGH ? core->lasted[i] : core->tenant[tenant].lasted[i];
    const uint64_t want = beyond * percent;
    uint64_t sum = 0;
    for (int64_t i = first; beyond && i < LASTING_PARTS; i++) {
        const uint64_t here = own < LASTING_ENOUGH ? core->lasted[i] : core->tenant[tenant].lasted[i];
        sum += here * 100;
        if (sum < want || !here)
            continue;
        /* Inside the part, as if ends were spread evenly over what is left of it. */
        const int64_t from = i == first ? so_far : i * each, to = (i + 1) * each;
        const uint64_t into = here * 100 - (sum - want);
        const int64_t at = started_us + from + (int64_t)((wide)(to - from) * into / (here * 100));
        return at < now ? now : at < latest ? at : latest;
    }
    return latest;
}
