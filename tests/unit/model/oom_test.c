/* Every allocation of the readers fails once: each says so, hands nothing out and leaks nothing (the sanitizers look at that). */
#include "oom.h"
#include "spec.h"

static const char job_text[] =
    "{kind: Job, version: 1, project: alpha, tasks: 4, model: b200, level: rack, array: 0-9, name: n, env: {A: b},"
    " script: 'echo hi', comment: c, begin: 2026-03-01, nodez: 1}";
static const char tenants_text[] =
    "{kind: Tenants, version: 1, tenants: [{name: alpha, tenants: [{name: x}, {name: y}]}, {name: z, under: alpha}],"
    " allotments: [{name: p, tenant: alpha/x, group: a, gpus: 100, until: 2027-01-01}, {name: q, tenant: alpha/y, "
    "group: a, gpus: 64, after: p}],"
    " lending: [{owner: alpha, notice: 1m, to: [alpha]}], roles: [{login: k, role: operator}]}";

static const struct dure_tree *tree;
static const struct dure_fleet *fleet;
static const struct dure_tenants *tenants;
static struct dure_problems problems;

static enum dure_err read_fleet(void)
{
    struct dure_fleet *made = NULL;
    enum dure_err err = dure_fleet_parse(tree, &made, &problems);
    TAP_OK((err == DURE_OK) == (made != NULL), "a fleet, or none");
    dure_fleet_free(made);
    return err;
}

static enum dure_err read_tenants(void)
{
    struct dure_tenants *made = NULL;
    enum dure_err err = dure_tenants_parse(tree, fleet, &made, &problems);
    TAP_OK((err == DURE_OK) == (made != NULL), "tenants, or none");
    dure_tenants_free(made);
    return err;
}

static enum dure_err read_tenants_json(void)
{
    struct dure_tenants *made = NULL;
    enum dure_err err = dure_tenants_from_json(tenants->spec_json, tenants->spec_json_length, fleet, &made, NULL);
    TAP_OK((err == DURE_OK) == (made != NULL), "tenants from JSON, or none");
    dure_tenants_free(made);
    return err;
}

static enum dure_err read_job(void)
{
    struct dure_job job;
    struct dure_body *body = NULL;
    enum dure_err err = dure_job_parse(tree, fleet, tenants, &job, &body, &problems);
    TAP_OK((err == DURE_OK) == (body != NULL), "a body, or none");
    dure_body_free(body);
    return err;
}

static enum dure_err read_grant(void)
{
    struct dure_allotment *rows = NULL;
    uint32_t count = 0;
    struct dure_arena *arena = dure_arena_new(1 << 20);
    if (!arena)
        return DURE_E_MEMORY;
    enum dure_err err = dure_allotment_parse(tree, fleet, tenants, arena, NULL, NULL, &rows, &count, &problems);
    TAP_OK((err == DURE_OK) == (rows != NULL), "rows, or none");
    dure_arena_free(arena);
    return err;
}

/* The texts are sound (but for one field of the job), so that only memory can be what is wrong. */
static void each(const char *what, const char *text, enum dure_err (*call)(void), enum dure_err in_the_end)
{
    tree = spec_tree(text);
    if (!tree)
        tap_bail("%s: %s", what, spec_said());
    bool refused = true;
    enum dure_err err = DURE_E_MEMORY;
    long nth = 1;
    for (; refused && nth < 10000; nth++) {
        memset(&problems, 0, sizeof problems);
        oom_begin(nth);
        err = call();
        refused = oom_end();
        TAP_OK(!refused || err != DURE_OK, "%s, allocation %ld refused: %d", what, nth, err);
    }
    TAP_EQ_INT(err, in_the_end, "%s with all its memory, after %ld", what, nth);
}

int main(void)
{
    struct dure_fleet *made_fleet = spec_fleet(FLEET_HEAD FLEET_A FLEET_B);
    fleet = made_fleet;
    struct dure_tenants *made_tenants = spec_tenants(tenants_text, fleet);
    tenants = made_tenants;
    each("fleet", FLEET_HEAD FLEET_A FLEET_B, read_fleet, DURE_OK);
    each("tenants", tenants_text, read_tenants, DURE_OK);
    each("canonical tenants", tenants_text, read_tenants_json, DURE_OK);
    each("grant", "{name: n, tenant: alpha/x, group: a, gpus: 9}", read_grant, DURE_OK);
    each("job", job_text, read_job, DURE_E_INVALID);
    dure_tenants_free(made_tenants);
    dure_fleet_free(made_fleet);
    dure_arena_free(spec_arena);
    return tap_done();
}
