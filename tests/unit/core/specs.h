#pragma once
/* A fleet and tenants small enough to think about: st has two racks of four nodes of four GPUs, fi has two racks of two such nodes and one
 * node over; the state promises a rack to a and three nodes to b, the firm a rack to c. */
static const char specs_fleet[] =
    "kind: Fleet\nversion: 1\nname: rig\nzone: Asia/Seoul\n"
    "models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}, {name: h200, memory: 140GiB, power: 700W, "
    "nvlink: node}]\n"
    "owners: [{name: state}, {name: firm}]\n"
    "sites: [{name: one, region: a, latitude: 37.0, longitude: 127.0, engine: emulated},\n"
    "        {name: two, region: b, latitude: 35.0, longitude: 128.0, engine: local}]\n"
    "groups:\n"
    "  - {name: st, owner: state, site: one, model: b200, nodes: 'st-[01-08]', cpus: 64, memory: 512GiB, disk: 1TiB, "
    "power: 10kW,\n"
    "     levels: [{name: rack, holds: 4}, {name: node, holds: 4}], status: installed}\n"
    "  - {name: fi, owner: firm, site: two, model: h200, nodes: 'fi-[01-05]', cpus: 64, memory: 512GiB, disk: 1TiB, "
    "power: 10kW,\n"
    "     levels: [{name: rack, holds: 2}, {name: node, holds: 4}], status: installed}\n";
static const char specs_tenants[] =
    "kind: Tenants\nversion: 1\n"
    "tenants:\n"
    "  - {name: state, owner: state, tenants: [{name: a, tenants: [{name: x}, {name: y, weight: 2}]}, {name: b}]}\n"
    "  - {name: firm, owner: firm, tenants: [{name: c}]}\n"
    "  - {name: guest}\n"
    "allotments:\n"
    "  - {name: ra, tenant: state/a, group: st, level: rack, count: 1}\n"
    "  - {name: rb, tenant: state/b, group: st, level: node, count: 3}\n"
    "  - {name: rc, tenant: firm/c, group: fi, level: rack, count: 1}\n"
    "lending:\n"
    "  - {owner: state, notice: 10m, to: all}\n";
