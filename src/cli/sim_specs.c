/* The specs of a simulated run, read and judged as the daemon would. */
#include "cli/apply.h"
#include "cli/sim.h"

static struct dure_tree *read(struct dure_cli *cli, const char *path, struct dure_problems **ret_problems)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    if (!problems) {
        dure_cli_memory(cli);
        return NULL;
    }
    *ret_problems = problems;
    struct dure_tree *tree = dure_cli_spec(cli, path, problems);
    *problems = (struct dure_problems){.file = path};
    return tree;
}

static int judged(struct dure_cli *cli, enum dure_err err, const struct dure_problems *problems)
{
    if (err && problems->count > 0)
        return dure_cli_problems(cli, problems);
    return err ? dure_cli_fail_err(cli, err, NULL, NULL) : DURE_EXIT_OK;
}

static int more(struct dure_cli *cli, struct dure_sim_specs *specs)
{
    struct dure_problems *problems = NULL;
    int code = DURE_EXIT_OK;
    if (dure_cli_text(cli, "power")) {
        struct dure_tree *tree = read(cli, dure_cli_text(cli, "power"), &problems);
        code = tree ? judged(cli, dure_power_parse(tree, specs->fleet, &specs->power, problems), problems)
                    : DURE_EXIT_USAGE;
    }
    if (!code && dure_cli_text(cli, "data")) {
        struct dure_tree *tree = read(cli, dure_cli_text(cli, "data"), &problems);
        code = tree ? judged(cli, dure_data_parse(tree, specs->fleet, specs->tenants, &specs->data, problems), problems)
                    : DURE_EXIT_USAGE;
    }
    return code;
}

int dure_sim_specs_read(struct dure_cli *cli, struct dure_sim_specs *specs)
{
    struct dure_problems *problems = NULL;
    *specs = (struct dure_sim_specs){0};
    for (unsigned i = 0; i < 2; i++)
        if (!dure_cli_text(cli, i ? "tenants" : "fleet"))
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "--%s: found nothing, expected a file such as examples/fleets/korea%s.yaml",
                                 i ? "tenants" : "fleet", i ? "-tenants" : "");
    struct dure_tree *fleet = read(cli, dure_cli_text(cli, "fleet"), &problems);
    if (!fleet)
        return DURE_EXIT_USAGE;
    int code = judged(cli, dure_fleet_parse(fleet, &specs->fleet, problems), problems);
    struct dure_tree *tenants = code ? NULL : read(cli, dure_cli_text(cli, "tenants"), &problems);
    if (!code)
        code = tenants ? judged(cli, dure_tenants_parse(tenants, specs->fleet, &specs->tenants, problems), problems)
                       : DURE_EXIT_USAGE;
    if (!code && dure_cli_given(cli, "rest-lends")) {
        const enum dure_err err =
            dure_tenants_lend_rest(specs->tenants, specs->fleet, dure_cli_count(cli, "rest-lends"));
        code = err ? dure_cli_fail_err(cli, err, NULL, NULL) : DURE_EXIT_OK;
    }
    if (!code)
        code = more(cli, specs);
    if (code)
        dure_sim_specs_release(specs);
    return code;
}

void dure_sim_specs_release(struct dure_sim_specs *specs)
{
    dure_data_free(specs->data);
    dure_power_free(specs->power);
    dure_tenants_free(specs->tenants);
    dure_fleet_free(specs->fleet);
    *specs = (struct dure_sim_specs){0};
}
