#include "cli/job_name.h"

#include <ctype.h>
#include <inttypes.h>

static const char *number(const char *at, uint64_t most, uint64_t *ret)
{
    uint64_t value = 0;
    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; isdigit((unsigned char)*at); at++) {
        if (value > (most - (uint64_t)(*at - '0')) / 10)
            return NULL;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *ret = value;
    return at;
}

bool dure_job_name_parse(const char *text, uint64_t *ret_job, int64_t *ret_element)
{
    uint64_t job, element = 0;
    const char *at = number(text, INT64_MAX, &job);
    if (!at || job == 0)
        return false;
    const bool whole = !*at;
    if (!whole && *at != '_' && *at != '.')
        return false;
    if (!whole && (!(at = number(at + 1, UINT32_MAX - 1, &element)) || *at))
        return false;
    *ret_job = job;
    *ret_element = whole ? -1 : (int64_t)element;
    return true;
}

int dure_job_path(struct dure_cli *cli, const char *text, const char *tail, char path[DURE_JOB_PATH_MAX])
{
    uint64_t job;
    int64_t element;
    if (!dure_job_name_parse(text, &job, &element))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "found '%s', expected a job's number such as 12, or 12_3 for an element of an array",
                             text);
    if (element < 0)
        snprintf(path, DURE_JOB_PATH_MAX, "/v1/jobs/%" PRIu64 "%s", job, tail);
    else
        snprintf(path, DURE_JOB_PATH_MAX, "/v1/jobs/%" PRIu64 ".%" PRId64 "%s", job, element, tail);
    return DURE_EXIT_OK;
}
