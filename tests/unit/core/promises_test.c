/* Promises: those that are over before they were granted; what a preview says about cutting and ending; shortfalls that add up. */
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

int main(void)
{
    test_over_before_granted();
    return tap_done();
}
