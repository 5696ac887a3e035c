#include "spec.h"

#include "model/sbatch_build.h"

#include <stdlib.h>

#include "base/timefmt.h"

static const int64_t now_us = INT64_C(1767225600000000); /* 2026-01-01T00:00:00Z */

/* The script's lines after #!/bin/sh → the tree as JSON, the script left out; or the problems. */
static const char *read_script(const char *lines, const struct dure_sbatch_option *options, uint32_t count,
                               struct dure_sbatch_flags *flags)
{
    static struct dure_buf out;
    char script[4096];
    struct dure_tree *tree = NULL;
    struct dure_buf ignored;
    if (!spec_arena)
        spec_arena = dure_arena_new(64 << 20);
    memset(&spec_problems, 0, sizeof spec_problems);
    dure_buf_init(&ignored, 4096);
    if (!out.max)
        dure_buf_init(&out, 65536);
    dure_buf_clear(&out);
    snprintf(script, sizeof script, "#!/bin/sh\n%s\necho\n", lines ? lines : "");
    if (dure_sbatch_to_tree(spec_arena, lines ? script : NULL, strlen(script), options, count, now_us, &tree, flags,
                            &ignored, &spec_problems)) {
        dure_buf_release(&ignored);
        return spec_said();
    }
    dure_tree_set(spec_arena, tree, "script", "", true);
    dure_tree_to_json(tree, &out);
    if (ignored.length)
        dure_buf_printf(&out, "|%s", ignored.data);
    dure_buf_release(&ignored);
    return out.data;
}

/* Each form in Seoul, where it is Thursday the first of January 2026, nine in the morning. */
static void moments(void)
{
    static const struct {
        const char *text, *want; /* NULL: none */
    } rows[] = {
        {"now", "2026-01-01T00:00:00Z"},
        {"now+90", "2026-01-01T00:01:30Z"},
        {"now+2hours", "2026-01-01T02:00:00Z"},
        {"now + 1 hour", "2026-01-01T01:00:00Z"},
        {"NOW+10minutes", "2026-01-01T00:10:00Z"},
        {"now+3days", "2026-01-04T00:00:00Z"},
        {"now+1week", "2026-01-08T00:00:00Z"},
        {"now+5seconds", "2026-01-01T00:00:05Z"},
        {"16:00", "2026-01-01T07:00:00Z"},
        {"16:00:30", "2026-01-01T07:00:30Z"},
        {"4:00PM", "2026-01-01T07:00:00Z"},
        {"4:00 pm", "2026-01-01T07:00:00Z"},
        {"12:30AM", "2026-01-01T15:30:00Z"},
        {"12:30PM", "2026-01-01T03:30:00Z"},
        {"08:00", "2026-01-01T23:00:00Z"},
        {"9:00", "2026-01-02T00:00:00Z"},
        {"midnight", "2026-01-01T15:00:00Z"},
        {"noon", "2026-01-01T03:00:00Z"},
        {"fika", "2026-01-01T06:00:00Z"},
        {"teatime", "2026-01-01T07:00:00Z"},
        {"today", "2025-12-31T15:00:00Z"},
        {"tomorrow", "2026-01-01T15:00:00Z"},
        {"tomorrow noon", "2026-01-02T03:00:00Z"},
        {"tomorrow 08:00", "2026-01-01T23:00:00Z"},
        {"2026-12-24", "2026-12-23T15:00:00Z"},
        {"2026-12-24T08:00", "2026-12-23T23:00:00Z"},
        {"2026-12-24T08:00:30", "2026-12-23T23:00:30Z"},
        {"2026-12-24 08:00", "2026-12-23T23:00:00Z"},
        {"2028-02-29T00:00", "2028-02-28T15:00:00Z"},
        {"12/24", "2026-12-23T15:00:00Z"},
        {"12/24-08:00", NULL},
        {"12/24 08:00", "2026-12-23T23:00:00Z"},
        {"12.24.27", "2027-12-23T15:00:00Z"},
        {"12/24/27 23:59", "2027-12-24T14:59:00Z"},
        {"122427", "2027-12-23T15:00:00Z"},
        {"1224", "2026-12-23T15:00:00Z"},
        {"1/1 08:00", "2025-12-31T23:00:00Z"},
        {"2026-12-24T08:00:00+00:00", "2026-12-24T08:00:00+00:00"},
        {"2026-12-24T08:00:00Z", "2026-12-24T08:00:00Z"},
        {"", NULL},
        {"now+", NULL},
        {"now-1", NULL},
        {"now+1fortnight", NULL},
        {"now+999999999", NULL},
        {"now+99999999weeks", NULL},
        {"now+36500days", "2125-12-08T00:00:00Z"},
        {"24:00", NULL},
        {"8:60", NULL},
        {"13:00PM", NULL},
        {"0:30AM", NULL},
        {"8", NULL},
        {"8:", NULL},
        {"8:00:", NULL},
        {"noonish", NULL},
        {"2026-02-29", NULL},
        {"2026-13-01", NULL},
        {"2026-01-00", NULL},
        {"2026-1", NULL},
        {"0/4", NULL},
        {"1969-12-24", NULL},
        {"12/24/", NULL},
        {"next tuesday", NULL},
    };
    struct dure_sbatch_flags flags = {0};
    setenv("TZ", "Asia/Seoul", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct dure_sbatch_option both[] = {{"begin", rows[i].text, 0}, {"deadline", rows[i].text, 0}};
        char want[160];
        const char *got = read_script("", both, 2, &flags);
        snprintf(want, sizeof want, "\"begin\":\"%s\",\"deadline\":\"%s\"", rows[i].want ? rows[i].want : "",
                 rows[i].want ? rows[i].want : "");
        if (rows[i].want)
            TAP_OK(strstr(got, want) != NULL, "'%s': %s", rows[i].text, got);
        else
            TAP_OK(strstr(got, "a time such as 16:00") != NULL, "'%s' is none: %s", rows[i].text, got);
    }
    /* A night that lasts an hour less; a day that has been this year is one of the next. */
    setenv("TZ", "Europe/Berlin", 1);
    int64_t us;
    char utc[DURE_TIME_TEXT_MAX];
    const int64_t march_us = INT64_C(1774695600000000); /* 2026-03-28T12:00+01:00 */
    TAP_OK(dure_sbatch_time("tomorrow 08:00", march_us, &us), "the day summer time begins");
    TAP_EQ_STR(dure_time_format_utc(us, utc), "2026-03-29T06:00:00Z", "eight is eight");
    TAP_OK(dure_sbatch_time("03/27", march_us, &us), "yesterday's date");
    TAP_EQ_STR(dure_time_format_utc(us, utc), "2027-03-26T23:00:00Z", "is next year's");
    unsetenv("TZ");
}

static void shapes(void)
{
    static const struct {
        const char *line, *want;
    } rows[] = {
        {"", "\"tasks\":1"},
        {"-N 4 --gpus-per-node=8 -n 32",
         "\"gpus\":1,\"kind\":\"Job\",\"script\":\"\",\"tasks\":32,\"tasks_per_node\":8,"},
        {"-N 4 --gpus-per-node=8", "\"gpus\":8,\"kind\":\"Job\",\"script\":\"\",\"tasks\":4,\"tasks_per_node\":1,"},
        {"-N4-4 --ntasks-per-node=2 --gres=gpu:8",
         "\"gpus\":4,\"kind\":\"Job\",\"script\":\"\",\"tasks\":8,\"tasks_per_node\":2,"},
        {"-n 4 --gpus-per-node=8", "\"gpus\":2,\"kind\":\"Job\",\"script\":\"\",\"tasks\":4,\"tasks_per_node\":4,"},
        {"-G 8", "\"gpus\":8,\"kind\":\"Job\",\"script\":\"\",\"tasks\":1,"},
        {"-G b200:8 -n 4", "\"gpus\":2,\"kind\":\"Job\",\"model\":\"b200\",\"script\":\"\",\"tasks\":4,"},
        {"-G 16 -N 2", "\"gpus\":8,\"kind\":\"Job\",\"script\":\"\",\"tasks\":2,\"tasks_per_node\":1,"},
        {"-G 16 --gpus-per-task=2", "\"gpus\":2,\"kind\":\"Job\",\"script\":\"\",\"tasks\":8,"},
        {"--gpus-per-task=2 -n 3", "\"gpus\":2,\"kind\":\"Job\",\"script\":\"\",\"tasks\":3,"},
        {"--gres=gpu", "\"gpus\":1,"},
        {"--gres=gpu:gb200:4 --gpus-per-node=gb200:4", "\"gpus\":4,\"kind\":\"Job\",\"model\":\"gb200\","},
        {"-n 8 --mem=64G -N 2", "\"memory\":\"16384MiB\""},
        {"-n 3 -N 1 --mem=100", "\"memory\":\"34MiB\""},
        {"-t 90", "\"walltime\":\"5400s\""},
        {"-t 1-2", "\"walltime\":\"93600s\""},
        {"-t 10:30", "\"walltime\":\"630s\""},
        {"-c 7", "\"cpus\":7"},
        {"-d afterany:5,afterok:6:7",
         "\"after\":[{\"if\":\"any\",\"job\":5},{\"if\":\"ok\",\"job\":6},{\"if\":\"ok\",\"job\":7}]"},
        {"-x n1,n[3-4]", "\"exclude\":\"n1,n[3-4]\""},
        {"-w n[1-2]", "\"nodes\":\"n[1-2]\""},
        {"-w n1", "|--nodelist=n1 as Slurm means it, at least these nodes: here the job uses no others"},
        {"-w ./hosts",
         "--nodelist: found './hosts', expected node names such as n7 or pt-b200-[0001-0004,0007], not a file"},
        {"--requeue --no-requeue", "\"requeue\":false"},
        {"--no-requeue --requeue", "\"requeue\":true"},
        {"-H", "\"hold\":true"},
        {"-J a -J b", "\"name\":\"b\""},
        {"-J 'a \"b\"' -o \"x y\"\\ z", "\"name\":\"a \\\"b\\\"\",\"script\":\"\",\"stdout\":\"x y z\""},
        {"-J a#b", "\"name\":\"a\""},
        {"-J a\\#b", "\"name\":\"a#b\""},
        {"-Hpdebug", "|--partition=debug (line 2): there are no partitions"},
        {"--exclusive --nice", "|--exclusive (line 2): ask for all GPUs of a node to have it alone\n--nice (line 2): "
                               "use `priority` of a Job spec\n"},
        {"--exclusive=user", "|--exclusive=user (line 2): "},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[256];
        struct dure_sbatch_flags flags = {0};
        snprintf(line, sizeof line, "#SBATCH %s", rows[i].line);
        TAP_HAS(read_script(line, NULL, 0, &flags), rows[i].want, "%s", rows[i].line);
        TAP_OK(!flags.parsable && !flags.test_only, "no flags");
    }
}

static void command_line(void)
{
    struct dure_sbatch_flags flags = {0};
    const struct dure_sbatch_option win[] = {{"job-name", "cli", 0}, {"parsable", "", 0}, {"test-only", NULL, 0}};
    TAP_HAS(read_script("#SBATCH --job-name=script", win, 3, &flags), "\"name\":\"cli\"", "the command line wins");
    TAP_OK(flags.parsable && flags.test_only, "flags are told");
    const struct dure_sbatch_option wrap[] = {{"wrap", "echo hi", 0}};
    TAP_HAS(read_script(NULL, wrap, 1, &flags), "\"kind\":\"Job\"", "--wrap needs no script");
    TAP_HAS(read_script("", wrap, 1, &flags), "--wrap: found 'echo hi', expected either a script or --wrap",
            "nor takes one");
    const struct dure_sbatch_option latin[] = {{"comment", "caf\xe9", 0}};
    TAP_EQ_STR(read_script("", latin, 1, &flags), "--comment: found a byte that is not UTF-8, expected UTF-8 text\n",
               "Latin-1 in an option");
    TAP_EQ_STR(read_script("# one\n# caf\xe9", NULL, 0, &flags),
               "3:6: found a byte that is not UTF-8, expected a script of UTF-8 text\n", "or the script");
    TAP_HAS(read_script(NULL, NULL, 0, &flags), "found nothing to run, expected a script, or --wrap with a command",
            "nothing to run");
    const struct dure_sbatch_option bad[] = {{"nodez", "1", 0}, {"zzzzzzzz", "", 0}, {"time", NULL, 0}};
    TAP_EQ_STR(read_script("", bad, 3, &flags),
               "--nodez: found an unknown option, expected --nodes\n--zzzzzzzz: found an unknown option, expected an "
               "option of sbatch\n"
               "--time: found nothing, expected a value\n",
               "unknown options");
}

static void tables(void)
{
    bool takes = false;
    TAP_EQ_STR(dure_sbatch_short('J', &takes), "job-name", "-J");
    TAP_OK(takes && dure_sbatch_short('H', &takes) && !takes, "with and without a value");
    TAP_OK(!dure_sbatch_short('Z', &takes) && !dure_sbatch_short('\0', &takes), "unknown letters");
    TAP_OK(dure_sbatch_known("exclusive", &takes) && !takes && dure_sbatch_known("gres", &takes) && takes &&
               !dure_sbatch_known("", &takes),
           "long names");
    TAP_OK(dure_sbatch_is_script("#!/bin/sh\n", 10) && !dure_sbatch_is_script("#", 1) &&
               !dure_sbatch_is_script("kind: Job", 9),
           "scripts");
}

static void stops(void)
{
    struct dure_sbatch_flags flags = {0};
    TAP_HAS(read_script("# c\n\n   # d\n#SBATCH -J in\nx=1\n#SBATCH -J out", NULL, 0, &flags), "\"name\":\"in\"",
            "only before the first command");
    TAP_HAS(read_script("x=1\n#SBATCH -J out", NULL, 0, &flags),
            "|line 3: a #SBATCH line after the first command is not read", "and said so");
    TAP_HAS(read_script(" #SBATCH -J out\n#SBATCHX -J out\n#sbatch -J out", NULL, 0, &flags),
            "{\"kind\":\"Job\",\"script\"", "only at the line's begin");
}

int main(void)
{
    moments();
    shapes();
    command_line();
    tables();
    stops();
    dure_arena_free(spec_arena);
    return tap_done();
}
