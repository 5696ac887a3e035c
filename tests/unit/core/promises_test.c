/* Promises: those that are over before they were granted; what a preview says about cutting and ending; shortfalls that add up. */
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "specs.h"
#include "tap.h"

static const char with_old[] = "kind: Tenants\nversion: 1\n"
                               "tenants: [{name: state, owner: state}]\n"
                               "allotments:\n"
                               "  - {name: gone, tenant: state, group: st, level: node, count: 8, until: 2020-01-01}\n"
                               "  - {name: next, tenant: state, group: st, level: node, count: 8, from: 2020-01-01, "
                               "until: 2030-01-01, after: gone}\n";

static bool add_bytes(void *context, const void *bytes, size_t length)
{
    struct dure_buf *buf = context;
    dure_buf_add(buf, bytes, length);
    return !buf->failed;
}

static void test_over_before_granted(void)
{
    struct rig rig;
    struct dure_allot_view gone, next;
    rig_init(&rig, specs_fleet, with_old);
    TAP_EQ_UINT(dure_core_allot_count(rig.core), 2, "a row that is over has its id");
    TAP_OK(dure_core_allot_view(rig.core, (struct dure_allot_id){0}, &gone) && gone.state == DURE_ALLOT_ENDED &&
               !gone.cells && !gone.gpus,
           "has ended, without cells");
    TAP_OK(dure_core_allot_view(rig.core, (struct dure_allot_id){1}, &next) && next.state == DURE_ALLOT_ACTIVE &&
               next.gpus == 32,
           "and its successor has them all");
    rig_check(&rig);
    struct dure_record r = rig_record(&rig, DURE_REC_TENANTS);
    r.text = rig.tenants->spec_json;
    r.text_length = rig.tenants->spec_json_length;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "the same spec again: %s", rig.error.text);
    TAP_EQ_UINT(dure_core_allot_count(rig.core), 2, "adds nothing");
    struct dure_buf bytes;
    struct dure_core *loaded = NULL;
    dure_buf_init(&bytes, 1u << 24);
    TAP_OK(dure_core_save(rig.core, add_bytes, &bytes) == DURE_OK &&
               dure_core_load(bytes.data, bytes.length, &loaded, &rig.error) == DURE_OK,
           "a snapshot holds it: %s", rig.error.text);
    dure_core_free(loaded);
    dure_buf_release(&bytes);
    r = rig_record(&rig, DURE_REC_GRANT);
    r.text = "[{\"name\":\"late\",\"tenant\":\"state\",\"chain\":\"fi\",\"level\":2,\"count\":1,\"until\":"
             "\"2020-01-01T00:00:00Z\"}]";
    r.text_length = strlen(r.text);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_E_STATE, "a grant by itself of what is over is refused");
    TAP_HAS(rig.error.text, "would have ended already", "and says so");
    rig_release(&rig);
}

static const char *effect(struct rig *rig, enum dure_record_kind kind, const char *name, uint32_t stay)
{
    static char said[1024];
    struct dure_buf text;
    struct dure_record r = rig_record(rig, kind);
    r.count = stay;
    dure_buf_init(&text, 65536);
    *said = 0;
    if (dure_core_allot_find(rig->core, name, &r.allot) &&
        dure_core_allot_preview(rig->core, &r, &text, &rig->error) == DURE_OK)
        snprintf(said, sizeof said, "%s", text.data);
    dure_buf_release(&text);
    rig_check(rig);
    return said;
}

static void test_effects(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    TAP_EQ_STR(effect(&rig, DURE_REC_END_ALLOT, "rc", 0),
               "'rc' would end, with its 1 cell. No job runs by right of what goes.", "one cell, nothing on it");
    TAP_EQ_STR(effect(&rig, DURE_REC_SHRINK, "rb", 2),
               "1 of the 3 cells of 'rb' would be taken back. No job runs by right of what goes.", "one of three");
    struct dure_job job = rig_job(&rig, "state/b", 1, 4, false);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(effect(&rig, DURE_REC_END_ALLOT, "rb", 0),
               "'rb' would end, with its 3 cells. 1 job loses its right and goes on as borrowed, on GPUs lent to it: "
               "warned when an owner wants them.",
               "one job, to which its owner lends");
    TAP_EQ_STR(effect(&rig, DURE_REC_SHRINK, "rb", 1),
               "2 of the 3 cells of 'rb' would be taken back. No job runs by right of what goes.",
               "the cells without one go first");
    struct dure_record r = rig_record(&rig, DURE_REC_GRANT);
    r.text = "[{\"name\":\"gf\",\"tenant\":\"guest\",\"chain\":\"fi\",\"level\":2,\"count\":2}]";
    r.text_length = strlen(r.text);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "a right on the hardware of who lends nothing: %s", rig.error.text);
    job = rig_job(&rig, "guest", 1, 2, false);
    rig_submit(&rig, &job);
    job.requeue = false;
    job.grace_us = DURE_MINUTE_US;
    rig_submit(&rig, &job);
    job.walltime_us = 30 * DURE_SECOND_US;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(effect(&rig, DURE_REC_END_ALLOT, "gf", 0),
               "'gf' would end, with its 2 cells. 1 job loses its right, but would reach the walltime within the grace "
               "and goes on until then. 2 jobs lose their right: they count as borrowed, are warned at once, and are "
               "each stopped after their grace (at most 1m) and queued again. 1 of them is not to be queued again and "
               "ends as evicted.",
               "three jobs, each told what becomes of it");
    r = rig_record(&rig, DURE_REC_END_ALLOT);
    dure_core_allot_find(rig.core, "gf", &r.allot);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "done");
    TAP_EQ_STR(
        rig.said.data,
        "allotment-state gf ended\nnotice attempt 2 in 30s (allotment ended)\nnotice attempt 3 in 60s (allotment "
        "ended)\n",
        "it is what was said");
    r = rig_record(&rig, DURE_REC_GRANT);
    r.text = "[{\"name\":\"big\",\"tenant\":\"firm/c\",\"chain\":\"fi\",\"level\":2,\"count\":4}]";
    r.text_length = strlen(r.text);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_E_SHORT, "more than there is");
    TAP_EQ_STR(
        rig.error.text,
        "allotment 'big' asks for 4 cells of level 'node' in chain 'fi', 4 GPUs each; 2 can be promised, 2 fewer "
        "than asked",
        "with figures that add up");
    rig_release(&rig);
}

static uint64_t usage(struct rig *rig, const char *path, bool borrowed)
{
    struct dure_tenant_view view;
    struct dure_tenant_id tenant;
    if (!dure_tenants_find(rig->tenants, path, &tenant))
        tap_bail("no tenant %s", path);
    dure_core_tenant_view(rig->core, tenant, &view);
    return borrowed ? view.gpu_us_borrowed : view.gpu_us_guaranteed;
}

/* Who loses a right stays as borrowed where its owner lends, and is counted as what it was. */
static void test_goes_on(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/b", 1, 4, false);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    rig_tick(&rig, rig.now_us + 100 * DURE_SECOND_US);
    struct dure_record r = rig_record(&rig, DURE_REC_END_ALLOT);
    dure_core_allot_find(rig.core, "rb", &r.allot);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "the right ends");
    TAP_EQ_STR(rig.said.data, "allotment-state rb ended\n", "and nobody is warned");
    struct dure_job_view view;
    TAP_OK(dure_core_attempt_view(rig.core, (struct dure_attempt_id){1}, &view) && view.source_allot.v == DURE_NONE32 &&
               view.attempt_state == DURE_ATTEMPT_RUNNING,
           "it runs on, borrowed");
    rig_check(&rig);
    r = rig_record(&rig, DURE_REC_GRANT);
    r.text = "[{\"name\":\"all\",\"tenant\":\"state/b\",\"chain\":\"st\",\"level\":2,\"count\":4}]";
    r.text_length = strlen(r.text);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "an owner's new right: %s", rig.error.text);
    rig_tick(&rig, rig.now_us + 50 * DURE_SECOND_US);
    job = rig_job(&rig, "state/b", 4, 4, false);
    rig_submit(&rig, &job);
    job = rig_job(&rig, "state/a", 4, 4, false);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_HAS(rig.said.data, "notice attempt 1 in 30s (reclaimed by its owner)", "it is warned when its GPUs are wanted");
    rig_tick(&rig, rig.now_us + 30 * DURE_SECOND_US);
    rig_reap(&rig);
    TAP_EQ_UINT(usage(&rig, "state/b", false), UINT64_C(400) * DURE_SECOND_US, "GPU-seconds by right until it ended");
    TAP_EQ_UINT(usage(&rig, "state/b", true), UINT64_C(320) * DURE_SECOND_US, "and borrowed from then on");
    rig_check(&rig);
    rig_release(&rig);
}

/* Of three promised nodes the first was free and went; whoever comes gets the one that stays. */
static void test_shrunk(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    const struct dure_job job = rig_job(&rig, "state/b", 1, 4, false);
    rig_submit(&rig, &job);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    rig_report(&rig, 1, DURE_REPORT_ENDED, 0);
    struct dure_record r = rig_record(&rig, DURE_REC_SHRINK);
    dure_core_allot_find(rig.core, "rb", &r.allot);
    r.count = 1;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "one node stays: %s", rig.error.text);
    rig_report(&rig, 2, DURE_REPORT_ENDED, 0);
    rig_submit(&rig, &job);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_HAS(rig.said.data, "start job 3 attempt 3", "the next job starts on it");
    TAP_OK(!strstr(rig.said.data, "start job 4"), "and only one does");
    rig_check(&rig);
    rig_release(&rig);
}

static void test_successor(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: state, owner: state}]\nallotments:\n"
             "  - {name: one, tenant: state, group: st, level: node, count: 8, until: 2024-01-01}\n"
             "  - {name: two, tenant: state, group: st, level: node, count: 8, after: one}\n");
    struct dure_job job = rig_job(&rig, "state", 1, 4, false);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(
        effect(&rig, DURE_REC_END_ALLOT, "one", 0),
        "'one' would end, with its 8 cells. 8 of them pass to a successor. 1 job on them goes on by right of the "
        "successor.",
        "a job whose tenant goes on loses nothing");
    rig_release(&rig);
}

static void test_not_begun(void)
{
    struct rig rig;
    struct dure_why why = {0};
    struct dure_arena *arena = dure_arena_new(1u << 24);
    rig_init(&rig, specs_fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: state, owner: state}]\nallotments:\n"
             "  - {name: late, tenant: state, group: st, level: node, count: 2, from: 2024-03-01T00:00:00Z}\n");
    const struct dure_job job = rig_job(&rig, "state", 1, 4, false);
    TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "a job by a right that is to come: %s", rig.error.text);
    rig_pass(&rig);
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){1}, DURE_NONE32, arena, &why, &rig.error), DURE_OK, "why");
    TAP_EQ_STR(dure_wait_name(why.wait), "AllotmentNotBegun", "no hardware is awaited");
    TAP_EQ_STR(why.sentence, "It waits until an allotment of its tenant begins, at 2024-03-01T00:00:00Z.", "says when");
    TAP_EQ_INT(why.start_estimate_us, INT64_C(1709251200) * DURE_SECOND_US, "that is when it starts");
    rig_tick(&rig, INT64_C(1709251200) * DURE_SECOND_US);
    rig_pass(&rig);
    TAP_OK(rig_attempt(&rig, 1, DURE_NONE32) != 0, "and it does");
    dure_arena_free(arena);
    rig_release(&rig);
}

/* The rows of a running job in a fleet where it could have gone to `others` other chains. */
static void running(const char *allotments, unsigned others, const char *want)
{
    struct rig rig;
    struct dure_why why = {0};
    struct dure_arena *arena = dure_arena_new(1u << 24);
    char tenants[1024];
    unsigned could = 0, here = 0;
    snprintf(tenants, sizeof tenants, "kind: Tenants\nversion: 1\ntenants: [{name: state, owner: state}]\n%s",
             allotments);
    rig_init(&rig, specs_fleet, tenants);
    const struct dure_job job = rig_job(&rig, "state", 1, 4, false);
    rig_submit(&rig, &job);
    rig_submit(&rig, &job);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_INT(dure_core_why(rig.core, (struct dure_job_id){1}, DURE_NONE32, arena, &why, &rig.error), DURE_OK, "why");
    TAP_HAS(why.sentence, want, "in the right number");
    for (uint32_t i = 0; i < why.row_count; i++) {
        could += why.rows[i].rule == DURE_RULE_COULD;
        here += why.rows[i].rule == DURE_RULE_HERE;
    }
    TAP_EQ_UINT(could, others, "the rows agree with the sentence, though its tenant's jobs fill all");
    TAP_EQ_UINT(here, 1, "and one says that it runs there");
    dure_arena_free(arena);
    rig_release(&rig);
}

static void test_running(void)
{
#define ST "allotments:\n  - {name: st, tenant: state, chain: st, level: node, count: 1}\n"
#define FI "  - {name: fi, tenant: state, chain: fi, level: node, count: 1}\n"
    running(ST, 0, "No other chain could carry it.");
    running(ST FI, 1, "One other chain could carry it.");
    running(ST FI "  - {name: one, tenant: state, chain: fi+node, level: node, count: 1}\n", 2,
            "2 other chains could carry it.");
}

static void lose(struct rig *rig, uint32_t node)
{
    if (rig_node(rig, DURE_REC_NODE_REPORT, node, DURE_NODE_IS_DOWN) != DURE_OK)
        tap_bail("node %u: %s", node, rig->error.text);
}

/* What one right gives back is owed to those again that are short. */
static void test_gives_back(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    lose(&rig, 4);
    lose(&rig, 5);
    TAP_HAS(rig.said.data, "allotment-state rb short", "a rack and two nodes are left, for a rack and three nodes");
    struct dure_record r = rig_record(&rig, DURE_REC_END_ALLOT);
    dure_core_allot_find(rig.core, "ra", &r.allot);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "the rack's right ends");
    TAP_HAS(rig.said.data, "allotment-state rb active", "and the nodes are whole again at once: %s", rig.said.data);
    rig_check(&rig);
    for (uint32_t node = 0; node < 4; node++)
        lose(&rig, node);
    TAP_HAS(rig.said.data, "allotment-state rb short", "short again");
    r = rig_record(&rig, DURE_REC_SHRINK);
    dure_core_allot_find(rig.core, "rb", &r.allot);
    r.count = 2;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "it is cut down to what there is: %s", rig.error.text);
    TAP_EQ_STR(rig.said.data, "allotment-state rb active\n", "and so is not short any more");
    rig_check(&rig);
    rig_release(&rig);
}

/* The nodes of one right break the rack that another is short of: once they are given back, it is whole. */
static void test_fits_again(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    const struct dure_job job = rig_job(&rig, "state/b", 3, 4, false);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "start job 1 attempt 1 st-01(x3)/f rb[0]=>0 rb[1]=>1 rb[2]=>2\n", "in one rack");
    lose(&rig, 5);
    TAP_HAS(rig.said.data, "allotment-state ra short", "no rack is whole");
    rig_report(&rig, 1, DURE_REPORT_ENDED, 0);
    TAP_EQ_STR(rig.said.data,
               "end job 1 attempt 1 COMPLETED (finished)\nunbind rb[0]\nunbind rb[1]\nunbind rb[2]\nrestore ra[0]\n"
               "allotment-state ra active\n",
               "the first one is again, and owed to who was short of it");
    rig_check(&rig);
    rig_release(&rig);
}

/* Who must be alone in a rack is not put on one node of it, though that is where its tasks are planned. */
static void test_planned_rack(void)
{
    static const char data[] =
        "{\"kind\":\"Data\",\"version\":1,\"datasets\":[{\"name\":\"r\",\"sites\":\"all\",\"neighbours\":"
        "{\"level\":\"rack\",\"tenants\":\"others\"}}]}";
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_record r = rig_record(&rig, DURE_REC_DATA);
    r.text = data;
    r.text_length = sizeof data - 1;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "datasets: %s", rig.error.text);
    struct dure_job job = rig_job(&rig, "state/a", 1, 4, false);
    job.walltime_us = DURE_HOUR_US;
    rig_submit(&rig, &job);
    rig_submit(&rig, &job);
    rig_pass(&rig);
    rig_report(&rig, 1, DURE_REPORT_ENDED, 0);
    struct dure_place run = {.node_first = 7, .node_count = 1};
    r = rig_record(&rig, DURE_REC_BOOK);
    r.places = &run;
    r.place_count = 1;
    r.number = rig.now_us;
    r.deadline_us = rig.now_us + 10 * DURE_HOUR_US;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "maintenance begins: %s", rig.error.text);
    job.data_mask = 1;
    rig_submit(&rig, &job);
    rig_tick(&rig, rig.now_us + 3 * DURE_SECOND_US);
    rig_pass(&rig);
    TAP_HAS(rig.said.data, "plan job 3", "it waits until the whole rack is empty");
    job.data_mask = 0;
    job.task_gpus = 1;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_OK(!strstr(rig.said.data, "start job 3 "), "and does not start beside the other: %s", rig.said.data);
    rig_check(&rig);
    rig_release(&rig);
}

/* A right begins though something else happens at that very moment, which moves the calendar on. */
static void test_begins_meanwhile(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: state, owner: state, tenants: [{name: a}, {name: b}]}]\n"
             "allotments:\n"
             "  - {name: all, tenant: state/a, group: st, level: node, count: 7}\n"
             "  - {name: late, tenant: state/b, group: st, level: node, count: 1, from: '2023-11-14T23:00:00Z'}\n");
    lose(&rig, 6);
    lose(&rig, 7);
    rig.now_us = INT64_C(1700002800) * DURE_SECOND_US;
    TAP_EQ_INT(rig_node(&rig, DURE_REC_NODE_REPORT, 7, DURE_NODE_IS_UP), DURE_OK, "a node comes back");
    TAP_EQ_STR(rig.said.data,
               "node-state st-08 up\nrestore all[0]\nallotment-state all active\nallotment-state late active\n"
               "allotment-state late short\n",
               "one right is whole again, and the other begins");
    rig_check(&rig);
    rig_release(&rig);
}

static void submit_two(struct rig *rig, const char *tenant, struct dure_job *first, const char *second)
{
    first->grace_us = DURE_MINUTE_US;
    rig_submit(rig, first);
    rig_pass(rig);
    struct dure_job job = rig_job(rig, second, 1, 4, false);
    job.priority = 1;
    rig_submit(rig, &job);
    rig_pass(rig);
    TAP_HAS(rig->said.data, "reserve job 2", "%s has to leave for %s", tenant, second);
}

/* Who must leave because its right, or what was lent, is gone, stays for no reservation that is given up. */
static void test_not_spared(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_record r = rig_record(&rig, DURE_REC_GRANT);
    r.text = "[{\"name\":\"gf\",\"tenant\":\"guest\",\"chain\":\"fi\",\"level\":2,\"count\":1}]";
    r.text_length = strlen(r.text);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "a right on the hardware of who lends nothing: %s", rig.error.text);
    struct dure_job job = rig_job(&rig, "guest", 1, 4, false);
    submit_two(&rig, "guest", &job, "guest");
    rig_tick(&rig, rig.now_us + 10 * DURE_SECOND_US);
    r = rig_record(&rig, DURE_REC_END_ALLOT);
    dure_core_allot_find(rig.core, "gf", &r.allot);
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "the right ends");
    TAP_EQ_STR(rig.said.data, "allotment-state gf ended\nnotice attempt 1 in 50s (allotment ended)\n",
               "with the reservation, and its notice stands");
    rig_check(&rig);
    rig_release(&rig);
    rig_init(&rig, specs_fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: state, owner: state}, {name: guest}]\nallotments:\n"
             "  - {name: all, tenant: state, group: st, level: node, count: 8}\n"
             "lending: [{owner: state, notice: 10m, to: all, until: '2023-11-14T22:14:00Z'}]\n");
    job = rig_job(&rig, "guest", 8, 4, true);
    submit_two(&rig, "guest", &job, "state");
    rig_tick(&rig, INT64_C(1700000040) * DURE_SECOND_US);
    TAP_HAS(rig.said.data, "notice attempt 1 in 20s (no longer lent)", "it is told that nothing is lent any more: %s",
            rig.said.data);
    rig_simple(&rig, DURE_REC_CANCEL, 2, DURE_NONE32);
    TAP_OK(!strstr(rig.said.data, "cancel-notice"), "and does not stay, though nobody waits for its place: %s",
           rig.said.data);
    rig_check(&rig);
    rig_release(&rig);
}

static void limit(struct rig *rig, const char *limits)
{
    char text[256];
    struct dure_record r = rig_record(rig, DURE_REC_POWER);
    r.text = text;
    r.text_length = (size_t)snprintf(text, sizeof text,
                                     "{\"kind\":\"Power\",\"version\":1,\"lead\":\"10m\",\"limits\":[%s]}", limits);
    TAP_EQ_INT(rig_step(rig, &r), DURE_OK, "limits are taken: %s", rig->error.text);
}

/* Who has to leave what is no longer lent is not told that it leaves for a limit of power: that may be lifted. */
static void test_not_for_power(int64_t walltime_us, const char *when_closed)
{
    struct rig rig;
    rig_init(&rig, specs_fleet,
             "kind: Tenants\nversion: 1\ntenants: [{name: state, owner: state}, {name: guest}]\n"
             "lending: [{owner: state, notice: 10m, to: all, until: '2023-11-14T22:14:00Z'}]\n");
    struct dure_job job = rig_job(&rig, "guest", 8, 4, true);
    job.walltime_us = walltime_us;
    job.grace_us = DURE_MINUTE_US;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    rig_tick(&rig, INT64_C(1700000040) * DURE_SECOND_US);
    TAP_EQ_STR(rig.said.data ? rig.said.data : "", when_closed, "when nothing is lent any more");
    limit(&rig, "{\"site\":\"one\",\"limit\":\"10kW\",\"from\":\"2023-11-14T22:14:30Z\"}");
    TAP_HAS(rig.said.data, "notice attempt 1 in 30s (no longer lent)", "it is to be gone when the limit falls: %s",
            rig.said.data);
    limit(&rig, "");
    TAP_OK(!strstr(rig.said.data, "cancel-notice"), "and does not stay, though the limit is lifted: %s", rig.said.data);
    rig_check(&rig);
    rig_release(&rig);
}

/* Who has lost its right and shares a GPU still is no hindrance to a planned start: by right who borrows does not count. */
static void test_planned_beside(void)
{
    struct rig rig;
    rig_init(&rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(&rig, "state/b", 2, 1, false);
    job.task_gpu_milli = 600;
    job.spread_max = 1;
    job.spread_level = "node";
    job.walltime_us = 10 * DURE_HOUR_US;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    job = rig_job(&rig, "state/b", 1, 1, false);
    job.task_gpu_milli = 300;
    job.walltime_us = DURE_HOUR_US;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "start job 2 attempt 2 st-01/1*300 rb[0]=0\n", "one GPU carries both");
    TAP_EQ_STR(
        effect(&rig, DURE_REC_SHRINK, "rb", 1),
        "2 of the 3 cells of 'rb' would be taken back. 1 job loses its right: it counts as borrowed, is warned at "
        "once, and is stopped after its grace (30s) and queued again.",
        "what is lent is apart from what is used by right");
    struct dure_record r = rig_record(&rig, DURE_REC_SHRINK);
    dure_core_allot_find(rig.core, "rb", &r.allot);
    r.count = 1;
    TAP_EQ_INT(rig_step(&rig, &r), DURE_OK, "the node of one of them stays");
    TAP_EQ_STR(rig.said.data, "notice attempt 1 in 30s (allotment ended)\n",
               "the other borrows now, and has to leave a GPU that is used by right");
    job = rig_job(&rig, "state/b", 1, 4, false);
    rig_submit(&rig, &job);
    rig_tick(&rig, rig.now_us + 3 * DURE_SECOND_US);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "plan job 3 in 3627s rb{0}/f\n", "the node is free by right when the one is gone");
    rig_check(&rig);
    rig_release(&rig);
}

/* A cell with one GPU shared by who keeps its right and who has lost it, and all others in use. */
static void share_with_lost(struct rig *rig)
{
    rig_init(rig, specs_fleet, specs_tenants);
    struct dure_job job = rig_job(rig, "state/b", 2, 1, false);
    job.task_gpu_milli = 600;
    job.spread_max = 1;
    job.spread_level = "node";
    job.requeue = false;
    rig_submit(rig, &job);
    rig_pass(rig);
    job = rig_job(rig, "state/b", 1, 1, false);
    job.task_gpu_milli = 300;
    rig_submit(rig, &job);
    job = rig_job(rig, "state/b", 1, 3, false);
    rig_submit(rig, &job);
    rig_pass(rig);
    TAP_EQ_STR(rig->said.data, "start job 2 attempt 2 st-01/1*300 rb[0]=0\nstart job 3 attempt 3 st-01/e rb[0]=0\n",
               "a cell is full");
    struct dure_record r = rig_record(rig, DURE_REC_SHRINK);
    dure_core_allot_find(rig->core, "rb", &r.allot);
    r.count = 1;
    TAP_EQ_INT(rig_step(rig, &r), DURE_OK, "only that one stays");
    TAP_EQ_STR(rig->said.data, "notice attempt 1 in 30s (allotment ended)\n", "and one of those on it borrows now");
}

/* Who borrows on a GPU that is shared by right is in the way of the right's own work there, and that hears of it when it goes. */
static void test_waits_for_lost(void)
{
    struct rig rig;
    share_with_lost(&rig);
    struct dure_job job = rig_job(&rig, "state/b", 1, 1, false);
    job.task_gpu_milli = 500;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "", "no GPU has half of it free");
    rig_report(&rig, 1, DURE_REPORT_ENDED, 0);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "start job 4 attempt 4 st-01/1*500 rb[0]=0\n", "the shared one has, once it is gone");
    rig_check(&rig);
    rig_release(&rig);
    share_with_lost(&rig);
    job = rig_job(&rig, "state/b", 1, 4, false);
    job.priority = 1;
    rig_submit(&rig, &job);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data, "", "nobody of lower priority makes all of the cell free");
    rig_report(&rig, 1, DURE_REPORT_ENDED, 0);
    rig_pass(&rig);
    TAP_EQ_STR(rig.said.data,
               "reserve job 4 st-01/f rb[0]=0\nnotice attempt 2 in 30s (higher priority in the tenant)\n"
               "notice attempt 3 in 30s (higher priority in the tenant)\n",
               "they do, once it is gone");
    rig_check(&rig);
    rig_release(&rig);
}

int main(void)
{
    test_begins_meanwhile();
    test_fits_again();
    test_planned_rack();
    test_planned_beside();
    test_waits_for_lost();
    test_gives_back();
    test_not_spared();
    test_not_for_power(DURE_HOUR_US, "notice attempt 1 in 60s (no longer lent)\n");
    test_not_for_power(90 * DURE_SECOND_US, ""); /* its walltime ends it by then */
    test_not_begun();
    test_running();
    test_effects();
    test_goes_on();
    test_shrunk();
    test_successor();
    test_over_before_granted();
    return tap_done();
}
