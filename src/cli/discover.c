/* `dure fleet discover`: what is there, as a Fleet spec that can be applied as it stands. */
#include <string.h>

#include "cli/apply.h"
#include "cli/handlers.h"
#include "cli/reach.h"
#include "engine/discover.h"
#include "engine/slurm/survey.h"
#include "model/read.h"

enum { YAML_MAX = 64 << 20, TOPOLOGY_MAX = 16 << 20 };

/* The site's own terms, from the options. */
static int terms(struct dure_cli *cli, struct dure_slurm_site *site)
{
    const struct {
        const char *option, **field;
    } texts[] = {{"partition", &site->partition},
                 {"account", &site->account},
                 {"qos", &site->qos},
                 {"node-prefix", &site->node_prefix}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *value = dure_cli_text(cli, texts[i].option);
        if (value && !dure_name_valid(value))
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "--%s: found '%s', expected a name", texts[i].option, value);
        if (value)
            *texts[i].field = value;
    }
    return DURE_EXIT_OK;
}

/* A site that the running daemon knows is reached as its spec says. */
static void from_daemon(struct dure_cli *cli, const char *name, struct dure_slurm_site *site)
{
    struct dure_fleet *fleet = dure_apply_fleet(cli); /* lives on: the site's texts are its own */
    struct dure_site_id id;
    if (fleet && dure_fleet_site_find(fleet, name, &id) && fleet->sites[id.v].slurm)
        *site = *fleet->sites[id.v].slurm;
}

static int print(struct dure_cli *cli, struct dure_buf *yaml)
{
    struct dure_problems problems = {.file = "what was found"};
    struct dure_tree *tree = NULL;
    struct dure_fleet *fleet = NULL;
    if (yaml->failed)
        return dure_cli_memory(cli);
    if (dure_tree_from_yaml(cli->arena, yaml->data, yaml->length, &tree, &problems))
        return dure_cli_problems(cli, &problems);
    const int code = dure_apply_check_fleet(cli, tree, problems.file, &fleet);
    dure_fleet_free(fleet);
    if (!code)
        dure_cli_print(cli, yaml);
    return code;
}

static int discover_machine(struct dure_cli *cli, struct dure_buf *yaml)
{
    struct dure_machine *machine = dure_arena_alloc(cli->arena, sizeof *machine);
    struct dure_error error;
    const int64_t asked = dure_cli_count(cli, "virtual-gpus");
    if (!machine)
        return dure_cli_memory(cli);
    if (dure_machine_discover(machine, &error))
        return dure_cli_fail(cli, DURE_EXIT_NO, "looking at this machine: %s", error.text);
    dure_machine_fleet_yaml(machine, asked < 0 ? 8 : (uint32_t)asked, yaml);
    return print(cli, yaml);
}

static int read_topology(struct dure_cli *cli, struct dure_slurm_survey *survey)
{
    const char *path = dure_cli_text(cli, "topology");
    struct dure_error error;
    size_t length;
    if (!path)
        return DURE_EXIT_OK;
    const char *text = dure_cli_read(cli, path, TOPOLOGY_MAX, &length);
    if (!text)
        return DURE_EXIT_USAGE;
    const enum dure_err err = dure_slurm_survey_topology(survey, text, &error);
    return err ? dure_cli_fail(cli, DURE_EXIT_USAGE, "--topology %s: %s", path, error.text) : DURE_EXIT_OK;
}

static int discover_slurm(struct dure_cli *cli, const struct dure_slurm_site *site, struct dure_buf *yaml)
{
    struct dure_slurm_survey *survey = NULL;
    struct dure_error error;
    const char *name = cli->argv[0], *owner = dure_cli_text(cli, "owner"), *fleet = dure_cli_text(cli, "name");
    const struct dure_slurm_naming naming = {fleet ? fleet : name, name, owner ? owner : name};
    if (!dure_name_valid(naming.fleet) || !dure_name_valid(naming.site) || !dure_name_valid(naming.owner))
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "found '%s', expected names of 1 to 63 letters, digits and . _ + -",
                             !dure_name_valid(naming.site)    ? naming.site
                             : !dure_name_valid(naming.owner) ? naming.owner
                                                              : naming.fleet);
    const enum dure_err err = dure_slurm_survey(site, dure_cli_count(cli, "timeout"), &survey, &error);
    if (err)
        return dure_cli_fail(cli, err == DURE_E_DENIED || err == DURE_E_PERMISSION ? DURE_EXIT_DENIED : DURE_EXIT_NO,
                             "%s: %s", name, error.text);
    int code = read_topology(cli, survey);
    if (!code && dure_slurm_fleet_yaml(survey, &naming, yaml, &error))
        code = dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", name, error.text);
    dure_slurm_survey_free(survey);
    return code ? code : print(cli, yaml);
}

int dure_cmd_fleet_discover(struct dure_cli *cli)
{
    struct dure_slurm_site site;
    bool given;
    DURE_CLEANUP_BUF struct dure_buf yaml;
    dure_buf_init(&yaml, YAML_MAX);
    int code = dure_cli_reach(cli, &site, &given);
    if (code)
        return code;
    if (cli->argc == 0 && given)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "found no SITE, expected the name that this Slurm shall have in the fleet");
    if (cli->argc == 0)
        return discover_machine(cli, &yaml);
    if (!given)
        from_daemon(cli, cli->argv[0], &site);
    code = terms(cli, &site);
    return code ? code : discover_slurm(cli, &site, &yaml);
}
