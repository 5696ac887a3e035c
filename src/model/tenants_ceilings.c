/* Ceilings of a tenant with all below it: what it may use at a time, whoever lends it. */
#include "model/tenants_build.h"
#include "model/units.h"

#include <inttypes.h>

static const char *const ceiling_fields[] = {"gpus", "jobs", "pending", "gpus_per_user", "jobs_per_user", NULL};

/* GPUs with up to 3 decimals, as a job asks for them. */
static void read_gpus(struct dure_read *read, const struct dure_tree *map, const char *key, uint64_t *milli)
{
    const struct dure_tree *field = dure_tree_get(map, key);
    if (field && (field->kind != DURE_TREE_SCALAR ||
                  !dure_units_decimal(field->text, 3, (uint64_t)DURE_CEILING_MAX * 1000, milli)))
        dure_problem_add(read->problems, field, NULL, "GPUs, such as 64 or 0.5, at most %d", DURE_CEILING_MAX);
}

static void read_count(struct dure_read *read, const struct dure_tree *map, const char *key, uint64_t *count)
{
    uint32_t value = 0;
    if (dure_read_uint(read, map, key, DURE_OPTIONAL, 0, DURE_CEILING_MAX, &value))
        *count = value;
}

void dure_tenants_read_ceilings(struct dure_read *read, const struct dure_tree *tenant, struct dure_ceilings *ceilings)
{
    const struct dure_tree *map = dure_tree_get(tenant, "ceilings");
    *ceilings = (struct dure_ceilings)DURE_CEILINGS_NONE;
    if (!map || !dure_read_map(read, map, ceiling_fields))
        return;
    read_gpus(read, map, "gpus", &ceilings->milli);
    read_count(read, map, "jobs", &ceilings->jobs);
    read_count(read, map, "pending", &ceilings->pending);
    read_gpus(read, map, "gpus_per_user", &ceilings->user_milli);
    read_count(read, map, "jobs_per_user", &ceilings->user_jobs);
}

void dure_ceilings_to_json(const struct dure_ceilings *c, struct dure_buf *buf)
{
    const struct {
        const char *key;
        uint64_t value;
        bool milli;
    } rows[] = {{"gpus", c->milli, true},
                {"gpus_per_user", c->user_milli, true},
                {"jobs", c->jobs, false},
                {"jobs_per_user", c->user_jobs, false},
                {"pending", c->pending, false}};
    const char *between = "{";
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value == DURE_NONE64)
            continue;
        const uint64_t whole = rows[i].milli ? rows[i].value / 1000 : rows[i].value,
                       part = rows[i].milli ? rows[i].value % 1000 : 0;
        dure_buf_printf(buf, "%s\"%s\":%" PRIu64, between, rows[i].key, whole);
        if (part)
            dure_buf_printf(buf, ".%03" PRIu64, part);
        between = ",";
    }
    dure_buf_str(buf, *between == '{' ? "{}" : "}");
}
