/* Jobs that run in a container go only where the site has them, wait for no other place, and are refused with the remedy where no site has. */
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

#define FLEET(one, two)                                                                                                \
    "kind: Fleet\nversion: 1\nname: c\nmodels: [{name: m, memory: 80GiB, power: 700W}]\nowners: [{name: o}]\n"         \
    "sites: [{name: one, engine: emulated" one "}, {name: two, engine: local" two "}]\n"                               \
    "groups:\n"                                                                                                        \
    "  - {name: a, owner: o, site: one, model: m, nodes: 'a-[1-2]', cpus: 8, memory: 8GiB, levels: [{name: node, "     \
    "holds: 2}], status: installed}\n"                                                                                 \
    "  - {name: b, owner: o, site: two, model: m, nodes: 'b-[1-2]', cpus: 8, memory: 8GiB, levels: [{name: node, "     \
    "holds: 2}], status: installed}\n"
#define APPTAINER ", containers: apptainer"
static const char tenants[] =
    "kind: Tenants\nversion: 1\ntenants: [{name: guest}, {name: o, owner: o, tenants: [{name: t}]}]\n"
    "allotments: [{name: ra, tenant: o/t, group: a, level: node, count: 1}, "
    "{name: rb, tenant: o/t, group: b, level: node, count: 1}]\n"
    "lending: [{owner: o, notice: 10m, to: all}]\n";

static char chain_of(struct rig *rig, uint64_t job)
{
    struct dure_job_view view;
    if (!dure_core_job_view(rig->core, (struct dure_job_id){job}, DURE_NONE32, &view) || !view.place_count)
        return '-';
    return rig->fleet->chains[0].node_count > view.places[0].node_first ? 'a' : 'b';
}

static uint64_t submit(struct rig *rig, const char *tenant, bool container, uint32_t tasks)
{
    struct dure_job job = rig_job(rig, tenant, tasks, 1, strcmp(tenant, "guest") == 0);
    const uint64_t id = dure_core_next_job(rig->core).v;
    job.container = container;
    return rig_submit(rig, &job) == DURE_OK ? id : 0;
}

static void mixed(bool guaranteed)
{
    struct rig rig;
    const char *who = guaranteed ? "o/t" : "guest";
    rig_init(&rig, FLEET("", APPTAINER), tenants);
    const uint64_t first = submit(&rig, who, true, 1), second = submit(&rig, who, true, 1),
                   plain = submit(&rig, who, false, 1);
    rig_pass(&rig);
    TAP_EQ_INT(chain_of(&rig, first), 'b', "%s: it goes where there are containers", who);
    TAP_EQ_INT(chain_of(&rig, second), 'b', "each");
    TAP_OK(chain_of(&rig, plain) != '-', "what needs none goes anywhere");
    const uint64_t more = submit(&rig, who, true, guaranteed ? 2 : 4);
    rig_pass(&rig);
    TAP_OK(more && chain_of(&rig, more) == '-', "more wait, though others are idle");
    TAP_EQ_INT(submit(&rig, who, true, 5), 0, "what only both sites together hold is refused");
    rig_release(&rig);
}

static void none(void)
{
    struct rig rig;
    rig_init(&rig, FLEET("", ""), tenants);
    TAP_EQ_INT(submit(&rig, "guest", true, 1), 0, "nowhere: refused");
    TAP_HAS(rig.error.text, "the site has no containers", "in words");
    TAP_HAS(rig.error.text, "containers: apptainer", "with the remedy");
    rig_release(&rig);
}

static struct dure_fleet *read(const char *yaml)
{
    static struct dure_problems problems;
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_fleet *fleet = NULL;
    problems = (struct dure_problems){.file = "f"};
    struct dure_tree *tree = NULL;
    if (dure_tree_from_yaml(arena, yaml, strlen(yaml), &tree, &problems) != DURE_OK ||
        dure_fleet_parse(tree, &fleet, &problems) != DURE_OK)
        tap_bail("no fleet");
    dure_arena_free(arena);
    return fleet;
}

/* An operator says later that a site has them: what waits may go there; and never that it has them no more. */
static void later(void)
{
    struct rig rig;
    rig_init(&rig, FLEET("", APPTAINER), tenants);
    const uint64_t fill = submit(&rig, "guest", true, 4);
    rig_pass(&rig);
    const uint64_t waits = submit(&rig, "guest", true, 4);
    rig_pass(&rig);
    TAP_OK(fill && chain_of(&rig, waits) == '-', "one waits");
    struct dure_fleet *both = read(FLEET(APPTAINER, APPTAINER)), *less = read(FLEET("", ""));
    struct dure_record r = rig_record(&rig, DURE_REC_FLEET);
    r.text = both->spec_json;
    r.text_length = both->spec_json_length;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "the other site has them too");
    rig_pass(&rig);
    TAP_EQ_INT(chain_of(&rig, waits), 'a', "and it goes there");
    r = rig_record(&rig, DURE_REC_FLEET);
    r.text = less->spec_json;
    r.text_length = less->spec_json_length;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_E_STATE, "they are not taken away");
    TAP_HAS(rig.error.text, "has no containers any more", "with the reason");
    dure_fleet_free(both);
    dure_fleet_free(less);
    rig_release(&rig);
}

int main(void)
{
    mixed(true);
    mixed(false);
    none();
    later();
    return tap_done();
}
