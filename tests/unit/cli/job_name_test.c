/* How jobs and their elements are named on the command line. */
#include "cli/job_name.h"
#include "tap.h"

static void job_names(void)
{
    uint64_t job;
    int64_t element;
    static const char *const wrong[] = {
        "", "0", "x", "12_", "12_x", "_3", "12-3", "12.3.4", "99999999999999999999", "12_4294967295", "-1", " 1"};
    TAP_OK(dure_job_name_parse("12", &job, &element) && job == 12 && element == -1, "12");
    TAP_OK(dure_job_name_parse("12_3", &job, &element) && job == 12 && element == 3, "12_3");
    TAP_OK(dure_job_name_parse("12.0", &job, &element) && job == 12 && element == 0, "12.0");
    TAP_OK(dure_job_name_parse("9223372036854775807", &job, &element), "the last");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        TAP_OK(!dure_job_name_parse(wrong[i], &job, &element), "'%s' is no job's name", wrong[i]);
}

int main(void)
{
    job_names();
    return tap_done();
}
