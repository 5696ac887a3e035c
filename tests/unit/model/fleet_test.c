#include "spec.h"

static void chains(const struct dure_fleet *f)
{
    static const struct {
        const char *name;
        uint32_t tops, levels, first, nodes, leaves, group;
    } want[] = {{"a", 3, 4, 0, 24, 192, 0},
                {"a+node", 3, 2, 24, 3, 24, 0},
                {"b", 2, 5, 27, 36, 144, 1},
                {"one", 1, 3, 63, 1, 4, 2}};
    TAP_EQ_UINT(f->chain_count, 4, "chains and remainders");
    for (unsigned i = 0; i < 4; i++) {
        const struct dure_chain *c = &f->chains[i];
        TAP_EQ_STR(c->name, want[i].name, "name");
        TAP_OK(c->tops == want[i].tops && c->level_count == want[i].levels && c->node_first == want[i].first &&
                   c->node_count == want[i].nodes && c->leaf_count == want[i].leaves && c->group == want[i].group,
               "shape of %s", want[i].name);
    }
    TAP_EQ_UINT(f->node_count, 64, "nodes");
    TAP_EQ_UINT(f->gpu_count, 364, "GPUs");
    const struct dure_chain *a = &f->chains[0], *b = &f->chains[2], *one = &f->chains[3];
    TAP_OK(a->leaf_cpu_milli == 14000 && a->leaf_memory_mib == 262144 && a->leaf_disk_mib == 3670016 &&
               a->leaf_power_mw == 1787500,
           "shares of a");
    TAP_OK(b->leaf_cpu_milli == 36000 && b->leaf_memory_mib == 228864 && b->leaf_power_mw == 1200000,
           "shares of b: power as the model has it");
    TAP_OK(one->leaf_cpu_milli == 750 && one->leaf_memory_mib == 250 && one->node_gpus == 4 && one->node_level == 3,
           "a split inside the node");
    TAP_OK(a->available_from_us == INT64_MIN && b->available_from_us == INT64_C(1830265200000000),
           "arrival, at midnight in the fleet's zone");
    TAP_OK(dure_chain_level(a, "rack") == 3 && dure_chain_level(b, "rack") == 5 && dure_chain_level(b, "block") == 0 &&
               dure_chain_level(b, "") == 0,
           "levels by name");
    TAP_OK(dure_chain_leaves_at(b, 5) == 72 && dure_chain_leaves_at(b, 3) == 12 && dure_chain_leaves_at(b, 1) == 1,
           "leaves of a cell");
    TAP_OK(f->level_name_count == 6 && strcmp(f->level_names[2], "nvlink") == 0 &&
               strcmp(f->level_names[3], "site") == 0 && strcmp(f->level_names[4], "block") == 0 &&
               strcmp(f->level_names[5], "rack") == 0,
           "names of levels");
    TAP_OK(f->sites[0].latitude_udeg == 37400000 && f->sites[0].longitude_udeg == -127100000, "coordinates");
}

static void names(const struct dure_fleet *f)
{
    for (uint32_t i = 0; i < f->node_count; i++) {
        char name[DURE_NAME_MAX + 1];
        struct dure_node_id node = {DURE_NONE32};
        dure_fleet_node_name(f, (struct dure_node_id){i}, name);
        TAP_OK(dure_fleet_node_find(f, name, &node) && node.v == i, "%s is node %u", name, i);
    }
    static const char *const none[] = {"",
                                       "a-",
                                       "a-00",
                                       "a-28",
                                       "a-1",
                                       "a-001",
                                       "b-001",
                                       "b-037-ib",
                                       "head1",
                                       "hea",
                                       "a-01-ib",
                                       "b-001-ib2",
                                       "a-99999999999999999999999",
                                       "0123456789012345678901234567890123456789012345678901234567890123456789"};
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct dure_node_id node = {7};
        TAP_OK(!dure_fleet_node_find(f, none[i], &node) && node.v == 7, "no node '%s'", none[i]);
    }
    static const struct {
        uint32_t nodes[8], count;
        const char *want;
    } lists[] = {{{0}, 0, ""},
                 {{0}, 1, "a-01"},
                 {{0, 1, 2, 5, 23, 24}, 6, "a-[01-03,06,24-25]"},
                 {{26, 27, 28, 62, 63}, 5, "a-27,b-[001-002,036]-ib,head"},
                 {{27, 29}, 2, "b-[001,003]-ib"}};
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct dure_buf buf;
        dure_buf_init(&buf, 1024);
        dure_fleet_hostlist(f, lists[i].nodes, lists[i].count, &buf);
        TAP_EQ_STR(buf.data ? buf.data : "", lists[i].want, "hostlist");
        dure_buf_release(&buf);
    }
}

static void lookups(const struct dure_fleet *f)
{
    struct dure_owner_id owner = {9};
    struct dure_site_id site = {9};
    struct dure_gpu_model_id model = {9};
    struct dure_chain_id chain = {9};
    uint32_t count = 9;
    TAP_OK(dure_fleet_owner_find(f, "beta", &owner) && owner.v == 1 && !dure_fleet_owner_find(f, "", &owner), "owners");
    TAP_OK(dure_fleet_site_find(f, "s", &site) && site.v == 0 && !dure_fleet_site_find(f, "t", &site), "sites");
    TAP_OK(dure_fleet_model_find(f, "gb200", &model) && model.v == 1 && !dure_fleet_model_find(f, "h100", &model),
           "models");
    TAP_OK(dure_fleet_chain_find(f, "a+node", &chain) && chain.v == 1 && !dure_fleet_chain_find(f, "a+rack", &chain) &&
               chain.v == 1,
           "chains");
    TAP_OK(dure_fleet_group_find(f, "a", &chain, &count) && chain.v == 0 && count == 2, "a group has its remainders");
    TAP_OK(!dure_fleet_group_find(f, "a+node", &chain, &count) && !dure_fleet_group_find(f, "z", &chain, &count) &&
               count == 2,
           "a remainder is no group");
    uint32_t in_chain = 0;
    TAP_OK(dure_fleet_chain_of(f, (struct dure_node_id){26}, &in_chain) == &f->chains[1] && in_chain == 2,
           "chain of a node");
}

static void canonical(const struct dure_fleet *f)
{
    struct dure_fleet *again = NULL;
    struct dure_error error = {0};
    TAP_EQ_INT(dure_fleet_from_json(f->spec_json, f->spec_json_length, &again, &error), DURE_OK, "read back: %s",
               error.text);
    if (!again)
        return;
    TAP_EQ_STR(again->spec_json, f->spec_json, "and the same again");
    TAP_HAS(f->spec_json, "\"available_from\":\"2027-12-31T15:00:00Z\"", "instants, not dates of a zone");
    TAP_EQ_INT(dure_fleet_may_follow(f, again, &error), DURE_OK, "a fleet may follow itself");
    TAP_OK(again->chains[2].available_from_us == f->chains[2].available_from_us && again->gpu_count == f->gpu_count,
           "same fleet");
    dure_fleet_free(again);
    static const char cut[] = "{\"kind\":\"Fleet\"";
    TAP_EQ_INT(dure_fleet_from_json(cut, sizeof cut - 1, &again, &error), DURE_E_INVALID, "half a spec");
    TAP_EQ_INT(dure_fleet_from_json("{}", 2, &again, &error), DURE_E_INVALID, "an empty one");
    TAP_EQ_STR(error.text, "fleet: kind: found nothing, expected Fleet (and 6 more)", "says what is missing");
}

static void following(void)
{
    static const char tail[] = ": a running fleet takes additions after what is there, new labels, statuses and "
                               "sources; `dure fleet --spec` prints the spec in force";
    static const struct {
        const char *text, *why;
    } next[] = {
        {FLEET_HEAD FLEET_A, NULL},
        {FLEET_HEAD FLEET_A FLEET_B, NULL},
        {FLEET_HEAD "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'a-[01-27]', cpus: 112, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " status: installed, source: seen, levels: [{name: block, holds: 2}, {name: rack, holds: 4}, "
                    "{name: node, holds: 8}]}\n",
         NULL},
        {FLEET_HEAD "groups:\n- {name: a, owner: beta, site: s, model: b200, nodes: 'a-[01-27]', cpus: 112, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 8}]}\n",
         "group 'a' has another owner, site or model"},
        {FLEET_HEAD "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'a-[01-28]', cpus: 112, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 8}]}\n",
         "group 'a+node' is gone, moved or cut otherwise"},
        {FLEET_HEAD "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'b-[01-27]', cpus: 112, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 8}]}\n",
         "group 'a' has other node names"},
        {FLEET_HEAD "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'a-[01-27]', cpus: 96, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: node, holds: 8}]}\n",
         "group 'a' has other CPUs, memory, disk or power"},
        {FLEET_HEAD "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'a-[01-27]', cpus: 112, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " levels: [{name: block, holds: 4}, {name: rack, holds: 2}, {name: node, holds: 8}]}\n",
         "group 'a' has other levels or another size"},
        {FLEET_HEAD "groups:\n- {name: a, owner: alpha, site: s, model: b200, nodes: 'a-[01-27]', cpus: 112, memory: "
                    "2TiB, disk: 28TiB, power: 14.3kW,\n"
                    " available_from: 2027-01-01, levels: [{name: block, holds: 2}, {name: rack, holds: 4}, {name: "
                    "node, holds: 8}]}\n",
         "group 'a' arrives at another time"},
        {"kind: Fleet\nversion: 1\nname: t\nmodels: [{name: b200, memory: 181GiB, power: 1000W}, {name: gb200, memory: "
         "185GiB, power: 1200W, nvlink: rack}]\n"
         "owners: [{name: alpha}, {name: beta}]\nsites: [{name: s, engine: emulated}]\n" FLEET_A,
         "model 'b200' has other figures"},
        {"kind: Fleet\nversion: 1\nname: t\nmodels: [{name: b200, memory: 180GiB, power: 1000W}]\n"
         "owners: [{name: alpha}, {name: beta}]\nsites: [{name: s, engine: emulated}]\n" FLEET_A,
         "model 'gb200' is gone or moved"},
        {"kind: Fleet\nversion: 1\nname: t\nmodels: [{name: b200, memory: 180GiB, power: 1000W}]\n"
         "owners: [{name: alpha}]\nsites: [{name: s, engine: emulated}]\n" FLEET_A,
         "owner 'beta' is gone or moved"},
        {"kind: Fleet\nversion: 1\nname: t\nmodels: [{name: b200, memory: 180GiB, power: 1000W}]\n"
         "owners: [{name: alpha}, {name: beta}]\nsites: [{name: s, engine: local}]\n" FLEET_A,
         "site 's' has another engine"},
    };
    struct dure_fleet *now = spec_fleet(FLEET_HEAD FLEET_A);
    for (unsigned i = 0; i < sizeof next / sizeof next[0]; i++) {
        struct dure_fleet *then = spec_fleet(next[i].text);
        struct dure_error error = {0};
        char want[256] = "";
        if (next[i].why)
            snprintf(want, sizeof want, "%s%s", next[i].why, tail);
        TAP_EQ_INT(dure_fleet_may_follow(now, then, &error), next[i].why ? DURE_E_STATE : DURE_OK, "change %u", i);
        TAP_EQ_STR(error.text, want, "change %u in words", i);
        dure_fleet_free(then);
    }
    dure_fleet_free(now);
}

static void large(void)
{
    struct dure_fleet *f =
        spec_fleet("kind: Fleet\nversion: 1\nname: x\nmodels: [{name: m, virtual: true}]\nowners: [{name: a}]\n"
                   "sites: [{name: s, engine: local}]\ngroups: [{name: g, owner: a, site: s, model: m, nodes: "
                   "'n[0000001-1048576]',"
                   " cpus: 64, memory: 1TiB, levels: [{name: hall, holds: 65536}, {name: row, holds: 65536}, {name: "
                   "node, holds: 64}]}]\n");
    TAP_OK(f->chain_count == 1 && f->chains[0].level_count == 3 && f->chains[0].tops == 16 && f->gpu_count == 67108864,
           "a million nodes, and levels larger than the group");
    TAP_OK(f->models[0].is_virtual && dure_arena_used(f->arena) < (1 << 20), "in little memory");
    struct dure_node_id node;
    TAP_OK(dure_fleet_node_find(f, "n1048576", &node) && node.v == 1048575, "the last node");
    dure_fleet_free(f);
}

int main(void)
{
    struct dure_fleet *f = spec_fleet(FLEET_HEAD FLEET_A FLEET_B);
    chains(f);
    names(f);
    lookups(f);
    canonical(f);
    dure_fleet_free(f);
    dure_fleet_free(NULL);
    following();
    large();
    dure_arena_free(spec_arena);
    return tap_done();
}
