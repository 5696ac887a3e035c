/* Where a job may stand, as people write it: models in order, levels that every fleet has, spread, lists of nodes. */
#include "spec.h"

static struct dure_fleet *fleet;
static struct dure_tenants *tenants;
static struct dure_job j;
static struct dure_body *b;

static bool job(const char *fields)
{
    char text[8192];
    snprintf(text, sizeof text, "kind: Job\nversion: 1\ncommand: [x]\n%s\n", fields);
    const struct dure_tree *tree = spec_tree(text);
    dure_body_free(b);
    b = NULL;
    return tree && !dure_job_parse(tree, fleet, tenants, &j, &b, &spec_problems);
}

static void refused(const char *fields, const char *said)
{
    TAP_OK(!job(fields), "refused: %s", fields);
    TAP_EQ_STR(spec_said(), said, "in words");
}

static void models(void)
{
    TAP_OK(job("models: [gb200, b200]"), "models in order: %s", spec_said());
    TAP_EQ_INT(j.model_order, (1 + 1) | (0 + 1) << 8, "the order is kept");
    TAP_OK(dure_job_model_rank(j.model_order, (struct dure_gpu_model_id){1}) == 0 &&
               dure_job_model_rank(j.model_order, (struct dure_gpu_model_id){0}) == 1 &&
               dure_job_model_rank(j.model_order, (struct dure_gpu_model_id){2}) == 2,
           "what is not named comes last");
    TAP_OK(job("model: gb200") && j.model_mask == 2 && j.model_order == 0, "one model has no order");
    TAP_OK(job("models: [gb200]") && j.model_order == 0, "nor has a list of one");
    refused("models: [b200, gb200, b200]", "4:23: models[2]: found 'b200', expected each model once\n");
}

static void lists(void)
{
    TAP_OK(job("nodes: ['a-[03-04,01-02]', 'a-08,b-[001-012]-ib', a-05]\nexclude: 'b-003-ib,b-[005-006]-ib'"),
           "lists: %s", spec_said());
    TAP_OK(j.include.count == 3 && j.include.at[0].first == 0 && j.include.at[0].count == 5 &&
               j.include.at[1].first == 7 && j.include.at[1].count == 1 && j.include.at[2].first == 27 &&
               j.include.at[2].count == 12,
           "names become runs, sorted and joined");
    TAP_OK(j.exclude.count == 2 && j.exclude.at[0].first == 29 && j.exclude.at[0].count == 1 &&
               j.exclude.at[1].first == 31 && j.exclude.at[1].count == 2,
           "and those that it may not use");
    struct dure_node_run left[8];
    const struct dure_node_runs rest = {left, dure_node_runs_minus(j.include, j.exclude, left)};
    TAP_EQ_INT(rest.count, 5, "what is left of them");
    TAP_EQ_INT(dure_node_runs_count(rest, 0, 63), 15, "counted");
    TAP_EQ_INT(dure_node_runs_count(rest, 4, 26), 4, "counted in a part of the fleet");
    TAP_EQ_INT(dure_node_runs_next(rest, 5), 7, "the next one");
    TAP_EQ_INT(dure_node_runs_next(rest, 39), DURE_NONE32, "none after the last");
    struct dure_buf text;
    dure_buf_init(&text, 4096);
    dure_node_runs_write(fleet, j.include, &text);
    TAP_EQ_STR(text.data, "a-[01-05,08],b-[001-012]-ib", "written as they are read");
    dure_buf_release(&text);
    TAP_OK(job("nodes: 'a-[01-27]'") && j.include.count == 1 && j.include.at[0].count == 27,
           "a range over a group and its remainders is one run");
    refused("nodes: [a-05]\nexclude: 'a-[01-27]'",
            "5:10: exclude: found 'a-[01-27]', expected at least one node that is left of those under nodes\n");
    refused("nodes: [a-28]", "4:9: nodes[0]: found 'a-28', expected nodes of the fleet\n");
    refused("nodes: 'a-[26-28]'", "4:8: nodes: found 'a-[26-28]', expected nodes of the fleet\n");
    refused("nodes: 4",
            "4:8: nodes: found '4', expected names of nodes; for a number of them, tasks and tasks_per_node\n");
    refused("nodes: 'a-[01'",
            "4:8: nodes: found 'a-[01', expected node names such as n7 or pt-b200-[0001-0004,0007]\n");
    refused("nodes: 'a-[05-01]'", "4:8: nodes: found 'a-[05-01]', expected a range that ends no lower than it begins, "
                                  "of at most 1,048,576 nodes\n");
    refused("exclude: 'a-01,'",
            "4:10: exclude: found 'a-01,', expected node names such as n7 or pt-b200-[0001-0004,0007]\n");
    refused("exclude: []", "4:10: exclude: found an empty list, expected at least one node\n");
}

static void many_runs(void)
{
    struct dure_node_run runs[2];
    uint32_t count = 0;
    TAP_OK(!dure_node_runs_parse("a-01,a-02,a-03", fleet, runs, 2, &count), "three names that join to one run fit");
    count = 0;
    TAP_EQ_STR(dure_node_runs_parse("a-01,a-03,a-05", fleet, runs, 2, &count), "at most 256 runs of consecutive nodes",
               "three apart do not");
    TAP_EQ_INT(count, 0, "and nothing is said to have been read");
}

static void spread(void)
{
    TAP_OK(job("tasks: 4\nspread: {level: rack, max: 2}") && !strcmp(j.spread_level, "rack") && j.spread_max == 2,
           "a spread: %s", spec_said());
    refused("spread: {level: rack}", "4:9: spread.max: found nothing, expected a whole number from 1 to 65535\n");
    refused("spread: {max: 1}",
            "4:9: spread.level: found nothing, expected the name of a level, such as node or rack\n");
    refused("spread: {level: gpu, max: 1}", "4:17: spread.level: found 'gpu', expected node or a level above it\n");
    refused("spread: {level: hall, max: 1}",
            "4:17: spread.level: found 'hall', expected a level of the fleet: gpu, node, nvlink, site, block, rack\n");
    refused("tasks: 8\ntasks_per_node: 4\nspread: {level: node, max: 2}",
            "6:28: spread.max: found '2', expected at least the 4 tasks_per_node\n");
}

static void levels(void)
{
    const struct dure_chain *a = &fleet->chains[0], *nvl = NULL;
    for (uint32_t i = 0; i < fleet->chain_count && !nvl; i++)
        if (!strcmp(fleet->models[fleet->chains[i].model.v].nvlink_level, "rack"))
            nvl = &fleet->chains[i];
    TAP_OK(job("level: nvlink") && !strcmp(j.level, "nvlink") && j.level_required, "nvlink is a level");
    TAP_OK(job("level: {preferred: site}") && !strcmp(j.level, "site") && !j.level_required, "site is a level");
    TAP_EQ_INT(dure_fleet_level(fleet, a, "nvlink"), 0, "no NVLink domain where the model names none");
    TAP_EQ_INT(dure_fleet_level(fleet, nvl, "nvlink"), dure_chain_level(nvl, "rack"),
               "that of an NVL72 chain its rack");
    TAP_EQ_INT(dure_fleet_level(fleet, a, "site"), a->level_count + 1, "the site is above the chain's top");
    TAP_EQ_INT(dure_fleet_level(fleet, nvl, "block"), 0, "a level that a chain does not have");
}

int main(void)
{
    fleet = spec_fleet(FLEET_HEAD FLEET_A FLEET_B);
    tenants = spec_tenants("{kind: Tenants, version: 1, tenants: [{name: alpha}]}", fleet);
    models();
    lists();
    many_runs();
    spread();
    levels();
    dure_body_free(b);
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    dure_arena_free(spec_arena);
    return tap_done();
}
