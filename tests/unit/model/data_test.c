/* Datasets: where they may be used and beside whom, what may follow what, a job's names for them, and every way to say it wrongly. */
#include "model/data.h"
#include "spec.h"
#include "tap.h"

static const char fleet_text[] =
    "kind: Fleet\nversion: 1\nname: t\nowners: [{name: o}]\nsites: [{name: s, engine: emulated}, {name: r, engine: "
    "emulated}]\n"
    "models: [{name: m, memory: 80GiB, power: 700W}]\n"
    "groups:\n  - {name: a, owner: o, site: s, model: m, nodes: \"a-[01-09]\", levels: [{name: node, holds: 8}], cpus: "
    "64, memory: 512GiB, disk: 1TiB, power: 10kW, status: assumed, source: t}\n";

static struct dure_fleet *fleet;

static struct dure_data *data_of(const char *datasets)
{
    char text[4096];
    struct dure_data *data = NULL;
    snprintf(text, sizeof text, "kind: Data\nversion: 1\ndatasets: %s\n", datasets);
    return dure_data_parse(spec_tree(text), fleet, NULL, &data, &spec_problems) == DURE_OK ? data : NULL;
}

static void test_rules(void)
{
    struct dure_data *data = data_of("[{name: web, class: O, sites: all}, {name: census, sites: [r]}, "
                                     "{name: images, sites: [s, r], neighbours: {level: node, tenants: others}}]");
    uint32_t which = 9;
    if (!TAP_OK(data != NULL, "datasets are read"))
        return;
    const struct dure_site_id s = {0}, r = {1};
    TAP_OK(!dure_data_forbidden(data, 1, s, &which), "everywhere");
    TAP_OK(dure_data_forbidden(data, 7, s, &which) && which == 1, "the first that forbids is named");
    TAP_OK(!dure_data_forbidden(data, 7, r, &which), "a place that all allow");
    TAP_OK(dure_data_forbidden(data, 8, r, &which), "what is not declared is allowed nowhere");
    TAP_EQ_INT(dure_data_alone(data, 3), DURE_DATA_ANYBODY, "anybody beside it");
    TAP_EQ_INT(dure_data_alone(data, 7), DURE_DATA_NODE, "the widest neighbourhood counts");
    struct dure_data *lists = data_of("[{name: a, sites: all, neighbours: {level: node, tenants: others}}, "
                                      "{name: b, sites: all, neighbours: {level: node, tenants: [x, y]}}]");
    struct dure_data *other = data_of("[{name: a, sites: [s], neighbours: {level: node, tenants: others}}, "
                                      "{name: b, sites: all, neighbours: {level: node, tenants: [x, z]}}]");
    if (TAP_OK(lists && other, "a list of tenants is read")) {
        TAP_EQ_INT(dure_data_alone(lists, 3), DURE_DATA_NODE, "a list leaves others in");
        TAP_EQ_INT(dure_data_alone(lists, 2), DURE_DATA_ANYBODY, "and wants nothing for itself");
        TAP_EQ_INT(dure_data_fenced(lists, 3), DURE_DATA_NODE, "it holds in the node");
        TAP_EQ_INT(dure_data_fenced(lists, 1), DURE_DATA_ANYBODY, "others are no list");
        TAP_OK(dure_data_same_neighbours(lists, other, 1), "other sites are the same neighbours");
        TAP_OK(!dure_data_same_neighbours(lists, other, 2), "another list is not");
        TAP_OK(!dure_data_same_neighbours(lists, data, 2), "nor is none");
    }
    dure_data_free(lists);
    dure_data_free(other);
    struct dure_job job = {0};
    spec_problems.count = spec_problems.total = 0;
    dure_job_read_data(spec_tree("data: [images, web]"), data, &job, &spec_problems);
    TAP_EQ_UINT(job.data_mask, 5, "a job's names become a mask");
    dure_job_read_data(spec_tree("data: [imagse]"), data, &job, &spec_problems);
    TAP_OK(spec_problems.count == 1, "an unknown name is a problem");
    TAP_HAS(spec_problems.at[0].expected, "images", "with the nearest one");
    dure_data_free(data);
}

static void test_following(void)
{
    struct dure_data *now = data_of("[{name: a, sites: all}, {name: b, sites: [s]}]");
    static const struct {
        const char *datasets;
        enum dure_err err;
    } rows[] = {
        {"[{name: a, sites: [s]}, {name: b, sites: all}, {name: c, sites: all}]", DURE_OK},
        {"[{name: b, sites: [s]}, {name: a, sites: all}]", DURE_E_STATE},
        {"[{name: a, sites: all}]", DURE_E_STATE},
    };
    for (size_t i = 0; now && i < sizeof rows / sizeof *rows; i++) {
        struct dure_data *next = data_of(rows[i].datasets);
        if (TAP_OK(next != NULL, "well formed: %s", rows[i].datasets))
            TAP_EQ_INT(dure_data_may_follow(now, next, NULL), rows[i].err, "may it follow? %s", rows[i].datasets);
        dure_data_free(next);
    }
    dure_data_free(now);
}

static void test_refusals(void)
{
    static const struct {
        const char *datasets, *found;
    } rows[] = {
        {"[{sites: all}]", "datasets[0].name"},
        {"[{name: a}]", "datasets[0].sites"},
        {"[{name: a, sites: []}]", "datasets[0].sites"},
        {"[{name: a, sites: everywhere}]", "datasets[0].sites"},
        {"[{name: a, sites: [x]}]", "datasets[0].sites[0]"},
        {"[{name: a, sites: all, class: X}]", "datasets[0].class"},
        {"[{name: a, sites: all}, {name: a, sites: all}]", "datasets[1].name"},
        {"[{name: a, sites: all, neighbours: {level: hall, tenants: others}}]", "datasets[0].neighbours.level"},
        {"[{name: a, sites: all, neighbours: {level: rack, tenants: others}}]", "datasets[0].neighbours.level"},
        {"[{name: a, sites: all, neighbours: {level: node}}]", "datasets[0].neighbours.tenants"},
        {"[{name: a, sites: all, neighbours: {level: node, tenants: me}}]", "datasets[0].neighbours.tenants"},
        {"[{name: a, sites: all, colour: red}]", "datasets[0].colour"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_data *data = data_of(rows[i].datasets);
        TAP_OK(data == NULL && spec_problems.count > 0, "refused: %s", rows[i].datasets);
        if (!data && spec_problems.count)
            TAP_EQ_STR(spec_problems.at[0].field, rows[i].found, "where: %s", rows[i].datasets);
        dure_data_free(data);
    }
}

int main(void)
{
    if (dure_fleet_parse(spec_tree(fleet_text), &fleet, &spec_problems) != DURE_OK)
        tap_bail("the fleet");
    test_rules();
    test_following();
    test_refusals();
    dure_fleet_free(fleet);
    return tap_done();
}
