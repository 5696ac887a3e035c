/* Hostlists into nodes: what is named, in order, once; and every way to name it wrongly. */
#include <stdio.h>
#include <string.h>

#include "model/fleet.h"

#include "tap.h"

static const char spec[] =
    "kind: Fleet\nversion: 1\nname: t\nowners: [{name: o}]\nsites: [{name: s, engine: emulated}]\n"
    "models: [{name: m, memory: 80GiB, power: 700W}]\n"
    "groups:\n  - {name: a, owner: o, site: s, model: m, nodes: \"a-[001-200]\", levels: [{name: node, holds: 8}], "
    "cpus: 64, "
    "memory: 512GiB, disk: 1TiB, power: 10kW, status: assumed, source: t}\n"
    "  - {name: b, owner: o, site: s, model: m, nodes: \"solo\", levels: [{name: node, holds: 8}], cpus: 64, "
    "memory: 512GiB, disk: 1TiB, power: 10kW, status: assumed, source: t}\n";

static const struct {
    const char *text;
    enum dure_err err;
    const char *nodes; /* ids */
} rows[] = {
    {"a-001", DURE_OK, "0"},
    {"solo", DURE_OK, "200"},
    {"a-[001-003]", DURE_OK, "0 1 2"},
    {"a-[001-003,010]", DURE_OK, "0 1 2 9"},
    {"a-[001-002],solo,a-200", DURE_OK, "0 1 200 199"},
    {"a-[002-003,002]", DURE_OK, "1 2"},
    {"", DURE_E_INVALID, NULL},
    {",", DURE_E_INVALID, NULL},
    {"a-001,", DURE_E_INVALID, NULL},
    {"a-[001-003", DURE_E_INVALID, NULL},
    {"a-001-003]", DURE_E_INVALID, NULL},
    {"a-]001[", DURE_E_INVALID, NULL},
    {"a-[003-001]", DURE_E_INVALID, NULL},
    {"a-[001-]", DURE_E_INVALID, NULL},
    {"a-[x]", DURE_E_INVALID, NULL},
    {"a-[001;002]", DURE_E_INVALID, NULL},
    {"a-[1][2]", DURE_E_INVALID, NULL},
    {"a-[0000000000000000000000001]", DURE_E_INVALID, NULL},
    {"a-[199-201]", DURE_E_NOT_FOUND, NULL},
    {"a-1", DURE_E_NOT_FOUND, NULL},
    {"nobody", DURE_E_NOT_FOUND, NULL},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", DURE_E_INVALID, NULL},
    {"a-[001-101]", DURE_E_LIMIT, NULL},
};

int main(void)
{
    struct dure_arena *arena = dure_arena_new(64 << 20);
    static struct dure_problems problems = {.file = "spec"};
    struct dure_tree *tree = NULL;
    struct dure_fleet *fleet = NULL;
    uint32_t nodes[100];

    if (dure_tree_from_yaml(arena, spec, strlen(spec), &tree, &problems) != DURE_OK ||
        dure_fleet_parse(tree, &fleet, &problems) != DURE_OK)
        tap_bail("the fleet: %s: found %s, expected %s", problems.at[0].field, problems.at[0].found,
                 problems.at[0].expected);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dure_error error = {0};
        char got[1024] = "";
        uint32_t count = 0;
        enum dure_err err = dure_fleet_nodes(fleet, rows[i].text, nodes, 100, &count, &error);
        TAP_EQ_INT(err, rows[i].err, "'%s' (%s)", rows[i].text, error.text);
        for (uint32_t j = 0; j < count; j++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%u", j > 0 ? " " : "", nodes[j]);
        if (rows[i].nodes != NULL)
            TAP_EQ_STR(got, rows[i].nodes, "'%s': nodes", rows[i].text);
    }
    dure_fleet_free(fleet);
    dure_arena_free(arena);
    return tap_done();
}
