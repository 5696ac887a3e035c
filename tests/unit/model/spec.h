#pragma once
/* Reading specs from text in tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/body.h"
#include "model/job.h"
#include "tap.h"

static struct dure_arena *spec_arena;
static struct dure_problems spec_problems;

__attribute__((unused)) static const struct dure_tree *spec_tree(const char *yaml)
{
    struct dure_tree *tree = NULL;
    if (!spec_arena)
        spec_arena = dure_arena_new(256 << 20);
    memset(&spec_problems, 0, sizeof spec_problems);
    enum dure_err err = dure_tree_from_yaml(spec_arena, yaml, strlen(yaml), &tree, &spec_problems);
    return err ? NULL : tree;
}

/* What dure_problems_print says; valid until the next call. */
__attribute__((unused)) static const char *spec_said(void)
{
    static struct dure_buf buf;
    if (!buf.max)
        dure_buf_init(&buf, 1 << 20);
    dure_buf_clear(&buf);
    dure_problems_print(&spec_problems, &buf);
    return buf.data ? buf.data : "";
}

__attribute__((unused)) static struct dure_fleet *spec_fleet(const char *yaml)
{
    struct dure_fleet *fleet = NULL;
    const struct dure_tree *tree = spec_tree(yaml);
    if (!tree || dure_fleet_parse(tree, &fleet, &spec_problems))
        tap_bail("a fleet of the test is not valid: %s", spec_said());
    return fleet;
}

__attribute__((unused)) static struct dure_tenants *spec_tenants(const char *yaml, const struct dure_fleet *fleet)
{
    struct dure_tenants *tenants = NULL;
    const struct dure_tree *tree = spec_tree(yaml);
    if (!tree || dure_tenants_parse(tree, fleet, &tenants, &spec_problems))
        tap_bail("tenants of the test are not valid: %s", spec_said());
    return tenants;
}

#define FLEET_HEAD                                                                                                     \
    "kind: Fleet\nversion: 1\nname: t\nzone: Asia/Seoul\n"                                                             \
    "models: [{name: b200, memory: 180GiB, power: 1000W}, {name: gb200, memory: 185GiB, power: 1200W, nvlink: "        \
    "rack}]\n"                                                                                                         \
    "owners: [{name: alpha, label: A}, {name: beta}]\n"                                                                \
    "sites: [{name: s, label: S, latitude: 37.40, longitude: -127.1, engine: emulated}]\n"
#define FLEET_A                                                                                                        \
    "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'a-[01-27]', cpus: 112, memory: 2TiB, disk: "     \
    "28TiB, power: 14.3kW,\n"                                                                                          \
    "   levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 8}]}\n"
#define FLEET_B                                                                                                        \
    "- {name: b, owner: beta, site: s, model: gb200, nodes: 'b-[001-036]-ib', cpus: 144, memory: 894GiB, "             \
    "available_from: 2028-01-01,\n"                                                                                    \
    "   levels: [{name: rack, holds: 2}, {holds: 3}, {holds: 3}, {name: node, holds: 4}]}\n"                           \
    "- {name: one, owner: beta, site: s, model: b200, nodes: head, cpus: 3, memory: 1000MiB, levels: [{name: node, "   \
    "holds: 2}, {holds: 2}]}\n"
