#include "cli/up_specs.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/apply.h"
#include "model/fleet.h"
#include "model/tenants.h"

void dure_up_login(char login[128])
{
    const struct passwd *entry = getpwuid(getuid());
    if (entry && strlen(entry->pw_name) < 128)
        snprintf(login, 128, "%s", entry->pw_name);
    else
        snprintf(login, 128, "uid:%u", getuid());
}

static json_t *json_of(const struct dure_tree *tree)
{
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, (size_t)64 << 20);
    dure_tree_to_json(tree, &text);
    return text.failed ? NULL : json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
}

static struct dure_tree *tree_of(struct dure_cli *cli, const json_t *json, struct dure_problems *problems)
{
    struct dure_tree *tree = NULL;
    char *text = json_dumps(json, JSON_COMPACT);
    if (text && dure_tree_from_json(cli->arena, text, strlen(text), &tree, problems))
        tree = NULL;
    free(text);
    return tree;
}

static bool named_in(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(dure_json_text(json_array_get(list, i), "name", ""), name) == 0)
            return true;
    return false;
}

/* Adds to the end what is not there by name. */
static void append_list(json_t *to, const json_t *from, const char *key)
{
    json_t *list = json_object_get(to, key);
    if (!list) {
        list = json_array();
        json_object_set_new(to, key, list);
    }
    const json_t *more = json_object_get(from, key);
    for (size_t i = 0; i < json_array_size(more); i++)
        if (!named_in(list, dure_json_text(json_array_get(more, i), "name", "")))
            json_array_append(list, json_array_get(more, i));
}

static bool has_local_site(const json_t *fleet)
{
    const json_t *sites = json_object_get(fleet, "sites");
    for (size_t i = 0; i < json_array_size(sites); i++)
        if (strcmp(dure_json_text(json_array_get(sites, i), "engine", ""), "local") == 0)
            return true;
    return false;
}

static struct dure_tree *machine_tree(struct dure_cli *cli, const struct dure_up_specs *specs,
                                      struct dure_problems *problems)
{
    DURE_CLEANUP_BUF struct dure_buf yaml;
    struct dure_tree *tree = NULL;
    dure_buf_init(&yaml, 1 << 20);
    dure_machine_fleet_yaml(&specs->machine, specs->virtual_gpus, &yaml);
    problems->file = "this machine";
    if (yaml.failed || dure_tree_from_yaml(cli->arena, yaml.data, yaml.length, &tree, problems))
        return NULL;
    return tree;
}

static int add_machine(struct dure_cli *cli, struct dure_up_specs *specs, const struct dure_tree *machine,
                       struct dure_problems *problems)
{
    json_t *fleet = json_of(specs->fleet), *here = json_of(machine);
    static const char *const lists[] = {"models", "owners", "sites", "groups"};
    int code = fleet && here ? DURE_EXIT_OK : dure_cli_memory(cli);
    if (!code && !has_local_site(fleet)) {
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
            append_list(fleet, here, lists[i]);
        specs->fleet = tree_of(cli, fleet, problems);
        specs->added = true;
        if (!specs->fleet)
            code = dure_cli_memory(cli);
    }
    json_decref(fleet);
    json_decref(here);
    return code;
}

int dure_up_fleet(struct dure_cli *cli, const char *file, struct dure_up_specs *specs)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct dure_fleet *fleet = NULL;
    if (!problems)
        return dure_cli_memory(cli);
    struct dure_tree *machine = machine_tree(cli, specs, problems);
    if (!machine)
        return problems->total ? dure_cli_problems(cli, problems) : dure_cli_memory(cli);
    if (!file) {
        specs->fleet = machine;
        return DURE_EXIT_OK;
    }
    specs->fleet = dure_cli_spec(cli, file, problems);
    if (!specs->fleet)
        return DURE_EXIT_USAGE;
    int code = dure_apply_check_fleet(cli, specs->fleet, file, &fleet); /* before anything is added: its own lines */
    dure_fleet_free(fleet);
    return code ? code : add_machine(cli, specs, machine, problems);
}

/* Every chain of a local site, whole. */
static void allot_local(const struct dure_fleet *fleet, json_t *allotments)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < fleet->chain_count && count < DURE_UP_CHAINS_MAX; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        char name[32];
        if (fleet->sites[chain->site.v].engine != DURE_ENGINE_LOCAL)
            continue;
        snprintf(name, sizeof name, count ? "home-%u" : "home", count + 1);
        count++;
        json_array_append_new(allotments, json_pack("{s:s, s:s, s:s, s:I}", "name", name, "tenant", "home", "chain",
                                                    chain->name, "gpus", (json_int_t)chain->leaf_count));
    }
}

static const char *local_owner(const struct dure_fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        if (fleet->sites[fleet->chains[i].site.v].engine == DURE_ENGINE_LOCAL)
            return fleet->owners[fleet->chains[i].owner.v].name;
    return NULL;
}

static bool has_operator(const json_t *roles, const char *login)
{
    for (size_t i = 0; i < json_array_size(roles); i++)
        if (strcmp(dure_json_text(json_array_get(roles, i), "login", ""), login) == 0 &&
            strcmp(dure_json_text(json_array_get(roles, i), "role", ""), "operator") == 0)
            return true;
    return false;
}

static json_t *list_of(json_t *object, const char *key)
{
    json_t *list = json_object_get(object, key);
    if (!list)
        json_object_set_new(object, key, list = json_array());
    return list;
}

static void add_home(const struct dure_fleet *fleet, struct dure_up_specs *specs, json_t *tenants, bool whole)
{
    char name[64];
    const char *owner = local_owner(fleet);
    json_t *roles = list_of(tenants, "roles");
    dure_machine_name(specs->login, name);
    snprintf(specs->project, sizeof specs->project, "home/%s", name);
    if (!named_in(list_of(tenants, "tenants"), "home")) {
        json_t *home = json_pack("{s:s, s:[{s:s}]}", "name", "home", "tenants", "name", name);
        if (owner)
            json_object_set_new(home, "owner", json_string(owner));
        json_array_append_new(list_of(tenants, "tenants"), home);
        json_array_append_new(
            roles, json_pack("{s:s, s:s, s:s}", "login", specs->login, "role", "member", "tenant", specs->project));
        if (whole) {
            allot_local(fleet, list_of(tenants, "allotments"));
            specs->guaranteed = owner != NULL;
        }
    }
    if (!has_operator(roles, specs->login))
        json_array_append_new(roles, json_pack("{s:s, s:s}", "login", specs->login, "role", "operator"));
}

int dure_up_tenants(struct dure_cli *cli, const char *file, struct dure_up_specs *specs)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct dure_tree *tree = NULL;
    struct dure_fleet *fleet = NULL;
    struct dure_tenants *parsed = NULL;
    if (!problems)
        return dure_cli_memory(cli);
    if (file && !(tree = dure_cli_spec(cli, file, problems)))
        return DURE_EXIT_USAGE;
    *problems = (struct dure_problems){.file = file ? file : "home"};
    int code = dure_apply_check_fleet(cli, specs->fleet, "fleet", &fleet);
    if (code)
        return code;
    if (tree && dure_tenants_parse(tree, fleet, &parsed, problems)) /* its own lines, before home is added */
        code = dure_cli_problems(cli, problems);
    dure_tenants_free(parsed);
    json_t *json = code ? NULL : tree ? json_of(tree) : json_pack("{s:s, s:i}", "kind", "Tenants", "version", 1);
    if (!code && json)
        add_home(fleet, specs, json,
                 !tree || specs->added); /* a file that knows this machine has promised it as it wants */
    if (!code && (!json || !(specs->tenants = tree_of(cli, json, problems))))
        code = dure_cli_memory(cli);
    json_decref(json);
    dure_fleet_free(fleet);
    return code;
}
