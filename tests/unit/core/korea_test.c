/* The national example: parsed, granted, used by a gang of 512 and by borrowers, and carried through its calendar to 2031. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "rig.h"
#include "tap.h"

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    if (!file || !text || !fread(text, 1, (1 << 20) - 1, file))
        tap_bail("cannot read %s", path);
    fclose(file);
    return text;
}

/* The examples of limits and datasets fit this fleet. */
static void apply_gate(struct rig *rig, const char *power_path, const char *data_path)
{
    struct dure_arena *arena = dure_arena_new(64 << 20);
    struct dure_problems problems = {.file = "example"};
    struct dure_tree *tree = NULL;
    struct dure_power *power = NULL;
    struct dure_data *data = NULL;
    char *power_text = read_all(power_path), *data_text = read_all(data_path);
    if (dure_tree_from_yaml(arena, power_text, strlen(power_text), &tree, &problems) != DURE_OK ||
        dure_power_parse(tree, rig->fleet, &power, &problems) != DURE_OK ||
        dure_tree_from_yaml(arena, data_text, strlen(data_text), &tree, &problems) != DURE_OK ||
        dure_data_parse(tree, rig->fleet, rig->tenants, &data, &problems) != DURE_OK)
        tap_bail("an example is not well formed: %s", problems.at[0].field);
    struct dure_record r = rig_record(rig, DURE_REC_POWER);
    r.text = power->spec_json;
    r.text_length = power->spec_json_length;
    TAP_EQ_INT(rig_step(rig, &r), DURE_OK, "limits are taken: %s", rig->error.text);
    r = rig_record(rig, DURE_REC_DATA);
    r.text = data->spec_json;
    r.text_length = data->spec_json_length;
    TAP_EQ_INT(rig_step(rig, &r), DURE_OK, "datasets are taken: %s", rig->error.text);
    uint64_t dark = 0;
    for (uint32_t i = 0; i < rig->fleet->chain_count; i++) {
        struct dure_chain_view view;
        dure_core_chain_view(rig->core, (struct dure_chain_id){i}, &view);
        dark += view.dark;
    }
    TAP_EQ_UINT(dark, 8 * 5 + 19, "five GPUs in each of eight racks and nineteen at Ansan are dark");
    dure_power_free(power);
    dure_data_free(data);
    dure_arena_free(arena);
    free(power_text);
    free(data_text);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        tap_bail("usage: korea FLEET TENANTS POWER DATA");
    char *fleet = read_all(argv[1]), *tenants = read_all(argv[2]);
    struct rig rig;
    rig_init(&rig, fleet, tenants);
    TAP_OK(rig.fleet->gpu_count > 250000, "a quarter of a million GPUs (%u)", rig.fleet->gpu_count);
    const uint32_t granted = dure_core_allot_count(rig.core);
    TAP_OK(granted >= rig.tenants->allotment_count, "every declared allotment is granted (%u)", granted);
    int64_t at_us = 0;
    TAP_OK(dure_time_parse("2026-03-04", "Asia/Seoul", &at_us), "the day after the first delivery");
    TAP_EQ_INT(rig_tick(&rig, at_us), DURE_OK, "comes");
    apply_gate(&rig, argv[3], argv[4]);
    struct dure_job gang = rig_job(&rig, "government/model-teams/team-1", 64, 8, false);
    gang.level = "block";
    gang.walltime_us = 30 * DURE_DAY_US;
    TAP_EQ_INT(rig_submit(&rig, &gang), DURE_OK, "a gang of 512 by three blocks: %s", rig.error.text);
    gang.level_required = true;
    TAP_EQ_INT(rig_submit(&rig, &gang), DURE_E_NEVER, "in one block it could never run");
    TAP_HAS(rig.error.text, "needs 512, at most 256 there", "and the figures say why");
    for (unsigned i = 0; i < 100; i++) {
        const struct dure_job job = rig_job(&rig, "government/public-services", 1 + i % 4, 1 + i % 8, true);
        TAP_EQ_INT(rig_submit(&rig, &job), DURE_OK, "borrower %u: %s", i, rig.error.text);
    }
    TAP_EQ_INT(rig_pass(&rig), DURE_OK, "a pass");
    TAP_EQ_UINT(dure_core_counts(rig.core).jobs_running, 101, "starts all of them");
    struct dure_job private = rig_job(&rig, "lg/research", 1, 1, true);
    private.model_mask = UINT64_C(1) << 2; /* gb200: only private owners have them */
    TAP_EQ_INT(rig_submit(&rig, &private), DURE_E_NEVER, "what no owner lends can never be borrowed");
    for (unsigned i = 0; i < 10000 && dure_core_next_deadline_us(rig.core) != DURE_NEVER_US; i++) {
        if (rig_tick(&rig, dure_core_next_deadline_us(rig.core)) != DURE_OK)
            tap_bail("tick: %s", rig.error.text);
        rig.quiet = true;
        rig_reap(&rig);
    }
    char text[DURE_TIME_TEXT_MAX];
    TAP_OK(rig.now_us > at_us + 4 * 365 * DURE_DAY_US, "the calendar is carried to its end (%s)",
           dure_time_format_utc(rig.now_us, text));
    rig_check(&rig);
    rig_release(&rig);
    free(fleet);
    free(tenants);
    return tap_done();
}
