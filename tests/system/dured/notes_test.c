/* What a submission is told that its site does otherwise than its spec may expect. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"
#include "tap.h"

/* Two clusters that nobody reaches here, of sixteen nodes each with four and with eight GPUs; and emulated nodes of other GPUs. */
static const char fleet[] =
    "kind: Fleet\nversion: 1\nname: rig\nowners: [{name: acme}]\n"
    "sites: [{name: cluster, engine: slurm, slurm: {commands: {}}}, {name: other, engine: slurm, slurm: {commands: "
    "{}}},\n  {name: far, engine: emulated}]\n"
    "models: [{name: big, memory: 80GiB, power: 700W}, {name: small, memory: 40GiB, power: 300W}, {name: old, memory: "
    "16GiB, power: 250W}]\ngroups:\n"
    "  - {name: c, owner: acme, site: cluster, model: big, nodes: 'c-[01-16]', levels: [{name: node, holds: 4}],\n"
    "     cpus: 64, memory: 512GiB, power: 10kW}\n"
    "  - {name: d, owner: acme, site: other, model: small, nodes: 'd-[01-16]', levels: [{name: node, holds: 8}],\n"
    "     cpus: 64, memory: 512GiB, power: 10kW}\n"
    "  - {name: f, owner: acme, site: far, model: old, nodes: 'f-[01-16]', levels: [{name: node, holds: 8}],\n"
    "     cpus: 64, memory: 512GiB, power: 10kW}\n";

static void begin(struct rig *rig)
{
    rig_make(rig, "notes", 0, false);
    FILE *file = fopen(rig->fleet, "we");
    if (file == NULL || fputs(fleet, file) < 0 || fclose(file) != 0)
        tap_bail("%s: %s", rig->fleet, strerror(errno));
    if (!rig_start(rig, NULL))
        tap_bail("no daemon");
}

static const char *note(struct rig *rig, const char *members)
{
    char body[2048];

    snprintf(body, sizeof body,
             "{\"kind\":\"Job\",\"version\":1,\"project\":\"acme\",\"workdir\":\"%s\",\"command\":[\"x\"],%s}",
             rig->folder, members);
    TAP_EQ_INT(rig_call(rig, "POST", "/v1/jobs", "test_only=true", body, NULL), 200, "%s: %s", members,
               rig->error.text);
    return rig_text(rig, "note");
}

static void test_even(struct rig *rig)
{
    static const char thirteen[] =
        "on Slurm site 'cluster' each node gets the same number of its tasks, so that they lie 1 on each of 13 nodes; "
        "16 tasks would lie 4 on each of 4";

    TAP_EQ_STR(note(rig, "\"tasks\":13,\"gpus\":1"), thirteen, "thirteen do not divide");
    TAP_EQ_STR(note(rig, "\"tasks\":13,\"gpus\":1,\"models\":[\"big\"]"), thirteen, "nor where the model is named");
    TAP_EQ_STR(note(rig, "\"tasks\":10,\"gpus\":1"),
               "on Slurm site 'cluster' each node gets the same number of its tasks, so that they lie 2 on each of 5 "
               "nodes; 12 tasks would lie 4 on each of 3",
               "ten do by two");
    TAP_EQ_STR(note(rig, "\"tasks\":7,\"gpus\":2"),
               "on Slurm site 'cluster' each node gets the same number of its tasks, so that they lie 1 on each of 7 "
               "nodes; 8 tasks would lie 2 on each of 4",
               "of two GPUs each, two to a node");
    TAP_EQ_STR(note(rig, "\"tasks\":13,\"gpus\":1,\"models\":[\"small\"]"),
               "on Slurm site 'other' each node gets the same number of its tasks, so that they lie 1 on each of 13 "
               "nodes; 14 tasks would lie 7 on each of 2",
               "on the only site that has what it asks for");
    TAP_EQ_STR(note(rig, "\"tasks\":12,\"gpus\":1,\"models\":[\"big\"]"), "", "twelve fill three nodes");
    TAP_EQ_STR(note(rig, "\"tasks\":6,\"gpus\":1,\"models\":[\"big\"]"), "", "six take two nodes however they lie");
    TAP_EQ_STR(note(rig, "\"tasks\":13,\"gpus\":3,\"models\":[\"big\"]"), "",
               "a node holds but one of three GPUs each");
    TAP_EQ_STR(note(rig, "\"tasks\":13,\"gpus\":1,\"tasks_per_node\":1"), "", "who says how they lie knows");
    TAP_EQ_STR(note(rig, "\"tasks\":13,\"gpus\":1,\"models\":[\"old\"]"), "", "no Slurm has what it asks for");
    TAP_OK(rig_submit(rig, "\"tasks\":13,\"hold\":true,\"command\":[\"x\"]", NULL) > 0, "it is submitted: %s",
           rig->error.text);
    TAP_EQ_STR(rig_text(rig, "note"), thirteen, "and told the same");
}

int main(void)
{
    struct rig rig;

    begin(&rig);
    test_even(&rig);
    TAP_EQ_INT(rig_stop(&rig, SIGTERM), 0, "it stops in order");
    rig_remove(&rig);
    return tap_done();
}
