/* Readers of work: what is taken, what is left out, and how a bad row is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timefmt.h"
#include "rig.h"
#include "sim/trace/work.h"
#include "tap.h"

static struct dure_work work;

static enum dure_err parse(enum dure_work_format format, const char *text, bool strict, struct dure_error *error)
{
    dure_work_release(&work);
    work.report.strict = strict;
    *error = (struct dure_error){0};
    return dure_work_parse(&work, "t", text, strlen(text), format, "Asia/Seoul", error);
}

static const struct dure_problem *problem(unsigned index)
{
    static const struct dure_problem none = {0};
    return index < work.report.problems.count ? &work.report.problems.at[index] : &none;
}

static void bad_is(unsigned index, uint32_t line, const char *field, const char *found, const char *expected)
{
    TAP_EQ_UINT(problem(index)->line, line, "bad row %u: its line", index);
    TAP_EQ_STR(problem(index)->field, field, "its field");
    TAP_HAS(problem(index)->found, found, "what was found");
    TAP_HAS(problem(index)->expected, expected, "and expected");
}

static void own_csv(void)
{
    struct dure_error error;
    static const char text[] =
        "submit,duration_s,gpus,tenant,class,walltime_s,checkpoint_s,grace_s,gpus_per_task,priority\n"
        "2026-03-01T09:00:10+09:00,60.5,16,a/b,borrowed,120,30,5,4,-7\n"
        "2026-03-01 09:00:00,3600,8,a/b,,,,,,\n"
        "2026-03-01T00:00:01Z,1,2,c,guaranteed,,,,,\n"
        "never,1,2,c,,,,,,\n"
        "0,0,2,c,,,,,,\n"
        "0,1,0,c,,,,,,\n"
        "0,1,8,c,spot,,,,,\n"
        "0,1,8,c,,,,,3,\n"
        "0,1,8,c,,,,,,1e3\n"
        "0,1,8\n";
    TAP_EQ_INT(parse(DURE_WORK_AUTO, text, false, &error), DURE_OK, "our own CSV is read: %s", error.text);
    TAP_EQ_UINT(work.count, 3, "three jobs");
    TAP_EQ_INT(work.jobs[0].at_us, 1772323200 * DURE_SECOND_US, "by time; a time without an offset is the zone's");
    TAP_EQ_INT(work.jobs[2].at_us, 1772323210 * DURE_SECOND_US, "one with an offset is not");
    const struct dure_work_job *last = &work.jobs[2];
    TAP_EQ_INT(last->lasts_us, 60500000, "parts of seconds are exact");
    TAP_OK(last->gpus == 16 && last->task_gpus == 4 && last->priority == -7 && last->job_class == DURE_WORK_BORROWED,
           "shape, priority and class");
    TAP_OK(last->walltime_us == 120000000 && last->checkpoint_us == 30000000 && last->grace_us == 5000000,
           "and its times");
    TAP_OK(work.group_count == 2 && strcmp(work.groups[0], "a/b") == 0, "groups in the order in which they are met");
    TAP_EQ_UINT(work.report.bad_rows, 7, "seven bad rows");
    TAP_EQ_UINT(work.report.bad_lines[0], 5, "listed by line");
    bad_is(0, 5, "submit", "'never'", "a time such as");
    bad_is(1, 6, "duration_s", "'0'", "more than 0");
    bad_is(2, 7, "gpus", "'0'", "from 1 to 1000000");
    bad_is(3, 8, "class", "'spot'", "guaranteed, borrowed");
    bad_is(4, 9, "gpus_per_task", "'3'", "divides gpus");
    bad_is(5, 10, "priority", "'1e3'", "a whole number");
    bad_is(6, 11, "row", "3 cells", "10");
    TAP_EQ_INT(parse(DURE_WORK_CSV, text, true, &error), DURE_E_INVALID, "a strict reader stops at the first");
    TAP_HAS(error.text, "t:5", "and names it");
    TAP_EQ_INT(parse(DURE_WORK_CSV, "submit,gpus\n1,2\n", false, &error), DURE_E_INVALID,
               "a heading must have what is needed");
    TAP_HAS(error.text, "duration_s", "and the message says what it lacks");
    TAP_EQ_INT(parse(DURE_WORK_CSV, "", false, &error), DURE_E_INVALID, "nothing is no trace");
}

static void philly(void)
{
    struct dure_error error;
    TAP_EQ_INT(parse(DURE_WORK_AUTO,
                     "timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:01:55,66.0,1,66.0,11cb48\n"
                     "2017-10-09 06:13:03,2951.0,8,2951.0,6214e9\n2017-10-09 06:13:03,0.0,8,0,6214e9\n"
                     "2017-10-09,1,x,1,6214e9\nyesterday,1,1,1,a\n",
                     false, &error),
               DURE_OK, "the Philly CSV is known by its heading: %s", error.text);
    TAP_EQ_UINT(work.count, 2, "two jobs ran");
    TAP_EQ_INT(work.jobs[0].at_us, 1507529583 * DURE_SECOND_US, "its times are UTC");
    TAP_EQ_UINT(work.without_gpus, 1, "one never ran");
    TAP_EQ_UINT(work.report.bad_rows, 2, "two rows are bad");
    bad_is(1, 6, "timestamp", "'yesterday'", "2017-10-09 07:01:55");
}

static void swf(void)
{
    struct dure_error error;
    static const char text[] = "; Version: 2.2\n; UnixStartTime: 1000000000\n"
                               "1 0 5 100 16 -1 -1 16 3600 -1 1 3 2 -1 1 -1 -1 -1\n"
                               "  2 60 0 50 -1 -1 -1 4 -1 -1 1 3 -1 -1 7 -1 -1 -1\r\n"
                               "3 61 0 -1 8 -1 -1 8 -1 -1 5 3 2 -1 1 -1 -1 -1\n"
                               "\n"
                               "4 -5 0 10 8 -1 -1 8 -1 -1 5 3 2 -1 1 -1 -1 -1\n"
                               "5 70 0 10 8 -1 -1\n"
                               "6 70 zero 10 8 -1 -1 8 -1 -1 5 3 2 -1 1 -1 -1 -1\n"
                               "7 70 0 10 9999999 -1 -1 8 -1 -1 5 3 2 -1 1 -1 -1 -1\n";
    TAP_EQ_INT(parse(DURE_WORK_AUTO, text, false, &error), DURE_OK, "SWF is read: %s", error.text);
    TAP_EQ_UINT(work.count, 2, "two jobs ran");
    TAP_EQ_INT(work.jobs[0].at_us, 1000000000 * DURE_SECOND_US, "from the start that the heading tells");
    TAP_OK(work.jobs[0].gpus == 16 && work.jobs[0].walltime_us == 3600 * DURE_SECOND_US,
           "allocated processors and requested time");
    TAP_OK(work.jobs[1].gpus == 4 && work.jobs[1].walltime_us == 0, "requested processors where none were allocated");
    TAP_EQ_STR(work.groups[1], "queue-7", "the queue where there is no group");
    TAP_EQ_UINT(work.without_gpus, 1, "one never ran");
    bad_is(0, 7, "submit", "'-5'", "0 or more");
    bad_is(1, 8, "row", "7 fields", "18");
    bad_is(2, 9, "wait", "'zero'", "a number, or -1");
    bad_is(3, 10, "processors", "'9999999'", "at most");
}

static void sacct(void)
{
    struct dure_error error;
    static const char text[] =
        "JobID|Submit|ElapsedRaw|Timelimit|AllocTRES|Account|State\n"
        "12|2026-03-01T09:00:00|3600|1-00:00:00|billing=8,cpu=64,gres/gpu=8,mem=1T,node=1|vision|COMPLETED\n"
        "12.batch|2026-03-01T09:00:00|3600||cpu=64,gres/gpu=8|vision|COMPLETED\n"
        "13_4|2026-03-01T09:00:01|60|UNLIMITED|cpu=4,gres/gpu:a100=2,gres/gpu:b200=1|speech|FAILED\n"
        "14|2026-03-01T09:00:02|60|10:00|cpu=4|speech|COMPLETED\n"
        "15|Unknown|60|10:00|gres/gpu=1|speech|COMPLETED\n"
        "16|2026-03-01T09:00:02|60|10:00|gres/gpu=many|speech|COMPLETED\n"
        "17|2026-03-01T09:00:02|60|soon:ish|gres/gpu=1|speech|COMPLETED\n"
        "18|2026-03-01T09:00:02\n";
    TAP_EQ_INT(parse(DURE_WORK_AUTO, text, false, &error), DURE_OK, "sacct's output is read: %s", error.text);
    TAP_EQ_UINT(work.count, 2, "two jobs had GPUs");
    TAP_OK(work.jobs[0].at_us == 1772323200 * DURE_SECOND_US && work.jobs[0].gpus == 8 &&
               work.jobs[0].walltime_us == DURE_DAY_US,
           "a job, its zone and limit");
    TAP_OK(work.jobs[1].gpus == 3 && work.jobs[1].walltime_us == 0,
           "typed GPUs are added up; UNLIMITED is no walltime");
    TAP_EQ_UINT(work.without_gpus, 1, "one had none");
    bad_is(0, 6, "Submit", "'Unknown'", "a time such as");
    bad_is(1, 7, "AllocTRES", "'gres/gpu=many'", "gres/gpu=8");
    bad_is(2, 8, "Timelimit", "'soon:ish'", "UNLIMITED");
    bad_is(3, 9, "row", "2 fields", "7");
    TAP_EQ_INT(parse(DURE_WORK_SACCT, "JobID|Submit|State\n1|2|3\n", false, &error), DURE_E_INVALID,
               "columns that are needed");
    TAP_HAS(error.text, "ElapsedRaw", "are named");
    TAP_EQ_INT(parse(DURE_WORK_SACCT, "JobID|Submit|Elapsed|ReqTRES\n9|2026-03-01T09:00:00|1-00:00:10|gres/gpu=4\n",
                     false, &error),
               DURE_OK, "the other columns will do");
    TAP_EQ_INT(work.jobs[0].lasts_us, DURE_DAY_US + 10 * DURE_SECOND_US, "with their form of time");
}

static void files(void)
{
    char path[300], command[900];
    struct dure_error error = {0};
    FILE *file;
    dure_work_release(&work);
    TAP_EQ_INT(dure_work_read(&work, "/nowhere/at/all.swf", DURE_WORK_AUTO, NULL, &error), DURE_E_NOT_FOUND,
               "a file that is not there");
    TAP_HAS(error.text, "/nowhere/at/all.swf", "is named");
    snprintf(path, sizeof path, "%s/a.swf", tap_tempdir());
    file = fopen(path, "w");
    fputs("1 0 5 100 16 -1 -1 16 3600 -1 1 3 2 -1 1 -1 -1 -1\n", file);
    fclose(file);
    snprintf(command, sizeof command, "gzip -f '%s'", path);
    dure_work_release(&work);
    if (system(command) != 0) {
        tap_skip("gzip is not on this machine");
        return;
    }
    snprintf(path, sizeof path, "%s/a.swf.gz", tap_tempdir());
    const enum dure_err err = dure_work_read(&work, path, DURE_WORK_AUTO, NULL, &error);
    TAP_OK(err == DURE_OK ? work.count == 1 : err == DURE_E_UNSUPPORTED,
           "a compressed one is read, or refused with a word: %s", error.text);
    dure_work_release(&work);
    file = fopen(path, "r+");
    fseek(file, 12, SEEK_SET);
    fputs("damaged!", file);
    fclose(file);
    TAP_OK(dure_work_read(&work, path, DURE_WORK_AUTO, NULL, &error) != DURE_OK,
           "a damaged one is not taken for a whole");
    dure_work_release(&work);
}

static void played(void)
{
    struct rig rig;
    struct dure_work_player *player;
    struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_error error;
    struct dure_sim_job job;
    rig_begin(&rig);
    if (parse(DURE_WORK_CSV, "submit,duration_s,gpus,tenant\n0,600,12,o0/a\n1,601,16,o0/b\n2,1,3,x\n3,9,1,y\n4,9,1,z\n",
              false, &error) != DURE_OK)
        tap_bail("%s", error.text);
    struct dure_work_play_options options = {.work = &work, .fleet = rig.fleet, .tenants = rig.tenants};
    TAP_EQ_INT(dure_work_player_new(&options, &player, &error), DURE_OK, "a trace is played");
    dure_work_next(player, &job);
    TAP_OK(job.job.tasks == 2 && job.job.task_gpus == 6 && job.job.job_class == DURE_GUARANTEED,
           "12 GPUs are two tasks of 6; a holder's job is by right");
    TAP_OK(job.job.walltime_us >= 600 * DURE_SECOND_US, "a walltime is made that is long enough");
    dure_work_next(player, &job);
    TAP_OK(job.job.tasks == 2 && job.job.task_gpus == 8 && job.job.job_class == DURE_BORROWED,
           "16 are two of 8; one without a right borrows");
    uint32_t seen[3];
    for (unsigned i = 0; i < 3; i++) {
        dure_work_next(player, &job);
        seen[i] = job.job.tenant.v;
    }
    TAP_OK(seen[0] != seen[1] && seen[1] != seen[2], "groups that no tenant is called are given to leaves in turn");
    TAP_OK(!dure_work_next(player, &job), "and then there are no more");
    dure_work_player_free(player);
    TAP_EQ_INT(dure_work_specs(&work, 20, 8, &fleet, &tenants, &error), DURE_OK, "a fleet of its own");
    TAP_OK(fleet->gpu_count == 24 && tenants->tenant_count == 6, "in whole nodes, with a tenant for each group");
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    rig_end(&rig);
}

/* What came out of a run, kept as a journal, is a trace again. */
static void journal(void)
{
    struct rig rig;
    char directory[300];
    struct dure_journal *kept;
    struct dure_error error = {0};
    rig_begin(&rig);
    rig_job(&rig, 1000, "o0/a", DURE_GUARANTEED, 16, 500);
    rig_job(&rig, 1100, "o0/b", DURE_BORROWED, 4, 700)->checkpoint_us = 60000000;
    rig_job(&rig, 1200, "o0/a", DURE_GUARANTEED, 480, 1); /* refused: no record */
    rig_job(&rig, 1300, "o1/c", DURE_GUARANTEED, 1, 900)->priority = 3;
    snprintf(directory, sizeof directory, "%s/journal", tap_tempdir());
    mkdir(directory, 0700);
    if (dure_journal_open(&(struct dure_journal_options){.directory = directory, .origin = "test/sim", .create = true},
                          &kept, &error) != DURE_OK)
        tap_bail("%s", error.text);
    struct dure_sim_options options = rig_options(&rig);
    options.journal = kept;
    struct dure_sim_result r = rig_run(&options);
    dure_journal_close(kept);
    dure_work_release(&work);
    TAP_EQ_INT(dure_work_read(&work, directory, DURE_WORK_AUTO, NULL, &error), DURE_OK, "a folder is a journal: %s",
               error.text);
    TAP_EQ_UINT(work.count, 3, "three jobs were taken and ran");
    for (unsigned i = 0; i < 3 && i < work.count; i++) {
        const struct dure_sim_job *was = &rig.jobs[i < 2 ? i : 3];
        const struct dure_work_job *is = &work.jobs[i];
        TAP_OK(is->at_us == was->at_us && is->lasts_us == was->job.emulated_us &&
                   is->gpus == was->job.tasks * was->job.task_gpus && is->walltime_us == was->job.walltime_us &&
                   is->checkpoint_us == was->job.checkpoint_us && is->priority == was->job.priority,
               "job %u as it was", i);
    }
    TAP_EQ_STR(work.groups[0], "o0/a", "groups are tenants' paths");
    dure_sim_result_release(&r);
    rig_end(&rig);
    dure_work_release(&work);
}

int main(void)
{
    own_csv();
    philly();
    swf();
    sacct();
    files();
    played();
    journal();
    return tap_done();
}
