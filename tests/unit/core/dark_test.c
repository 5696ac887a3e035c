/* Which GPUs a limit of power leaves dark, where several would do: what is promised to nobody before what lies idle under a bound right, and out of
 * the smallest free cell, so that large ones stay whole. st has two racks of four nodes of four GPUs. */
#include <string.h>

#include "rig.h"
#include "specs.h"
#include "tap.h"

static const char few_tenants[] =
    "kind: Tenants\nversion: 1\n"
    "tenants: [{name: state, owner: state, tenants: [{name: b}]}, {name: firm, owner: firm}]\n"
    "allotments: [{name: rb, tenant: state/b, group: st, level: node, count: 1}]\n";

/* Four of the site's 32 GPUs cannot be fed. */
static void dim(struct rig *rig)
{
    static const char power[] = "{\"kind\":\"Power\",\"version\":1,\"limits\":[{\"site\":\"one\",\"limit\":\"70kW\"}]}";
    struct dure_record r = rig_record(rig, DURE_REC_POWER);
    r.text = power;
    r.text_length = sizeof power - 1;
    TAP_EQ_INT(rig_step(rig, &r), DURE_OK, "a limit is taken: %s", rig->error.text);
}

static uint32_t dark_on(const struct rig *rig, uint32_t node)
{
    struct dure_node_view view = {.gpus_dark = 0};
    TAP_OK(dure_core_node_view(rig->core, (struct dure_node_id){node}, &view), "node %u is there", node);
    return view.gpus_dark;
}

/* One node of the first rack is bound and used: what is left of that rack goes, its highest node first, not the rack that is whole. */
static void test_smallest_cell(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, few_tenants);
    const struct dure_job job = rig_job(&rig, "state/b", 1, 4, false);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    TAP_OK(strstr(rig.said.data ? rig.said.data : "", "st-01") != NULL, "the job stands in the first rack");
    dim(&rig);
    TAP_EQ_UINT(dark_on(&rig, 3), 4, "the highest node of the rack that is broken already is dark");
    TAP_EQ_UINT(dark_on(&rig, 7), 0, "the other rack stays whole");
    rig_release(&rig);
}

/* The first rack is bound by a job on one of its nodes: the others lie idle, and are not taken while there is something that nobody was promised. */
static void test_bound_idle(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    const struct dure_job job = rig_job(&rig, "state/a", 1, 4, false);
    (void)!rig_submit(&rig, &job);
    (void)!rig_pass(&rig);
    dim(&rig);
    for (uint32_t node = 0; node < 4; node++)
        TAP_EQ_UINT(dark_on(&rig, node), 0, "node %u under the bound right has its power", node);
    TAP_EQ_UINT(dark_on(&rig, 7), 4, "the highest node of the free rack is dark");
    rig_release(&rig);
}

int main(void)
{
    test_smallest_cell();
    test_bound_idle();
    return tap_done();
}
