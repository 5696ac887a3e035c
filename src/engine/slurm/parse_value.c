/* Single values of Slurm's JSON, in every form that a version gave them. */
#include "engine/slurm/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { TEXTS_MAX = 4096 };

enum slurm_number slurm_number_of(const json_t *value, int64_t *ret_number)
{
    if (json_is_integer(value)) {
        *ret_number = json_integer_value(value);
        return SLURM_NUMBER;
    }
    if (json_is_real(value)) {
        const double real = json_real_value(value);
        if (!(real > -9e18 && real < 9e18))
            return SLURM_ABSENT;
        *ret_number = (int64_t)real;
        return SLURM_NUMBER;
    }
    if (json_is_string(value)) {
        char *end;
        errno = 0;
        const long long number = strtoll(json_string_value(value), &end, 10);
        if (errno || end == json_string_value(value) || *end)
            return SLURM_ABSENT;
        *ret_number = number;
        return SLURM_NUMBER;
    }
    if (!json_is_object(value))
        return SLURM_ABSENT;
    if (json_is_true(json_object_get(value, "infinite")))
        return SLURM_INFINITE;
    const json_t *set = json_object_get(value, "set"), *number = json_object_get(value, "number");
    if ((set && !json_is_true(set)) || json_is_object(number))
        return SLURM_ABSENT;
    return slurm_number_of(number, ret_number);
}

int64_t slurm_number(const json_t *object, const char *key, int64_t otherwise)
{
    int64_t number;
    return slurm_number_of(json_object_get(object, key), &number) == SLURM_NUMBER ? number : otherwise;
}

int64_t slurm_time_us(const json_t *object, const char *key)
{
    const int64_t seconds = slurm_number(object, key, 0);
    /* Slurm says "never" and "not set" by the largest numbers of 32 bits. */
    return seconds > 0 && seconds < INT64_C(4294967290) ? seconds * 1000000 : 0;
}

const char *slurm_text(const json_t *object, const char *key, struct dure_arena *arena)
{
    const json_t *value = json_object_get(object, key), *one;
    const char *joined = "";
    size_t i;
    if (json_is_string(value)) {
        joined = dure_arena_strdup(arena, json_string_value(value));
        return joined ? joined : "";
    }
    if (!json_is_array(value) || json_array_size(value) > TEXTS_MAX)
        return "";
    struct dure_buf buf;
    dure_buf_init(&buf, SLURM_HOSTLIST_MAX);
    json_array_foreach(value, i, one) if (json_is_string(one) && *json_string_value(one))
    {
        dure_buf_str(&buf, buf.length ? "," : "");
        dure_buf_str(&buf, json_string_value(one));
    }
    if (buf.length && !buf.failed)
        joined = dure_arena_strdup(arena, buf.data);
    dure_buf_release(&buf);
    return joined ? joined : "";
}

bool slurm_truth(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    int64_t number;
    if (json_is_boolean(value))
        return json_is_true(value);
    return slurm_number_of(value, &number) == SLURM_NUMBER && number != 0;
}

void slurm_exit_status(int64_t wait_status, int32_t *ret_code, int32_t *ret_signal)
{
    const int status = (int)(wait_status & 0xffff);
    *ret_code = *ret_signal = 0;
    if (WIFSIGNALED(status))
        *ret_signal = WTERMSIG(status);
    else
        *ret_code = WEXITSTATUS(status);
}

enum dure_slurm_state slurm_state_named(const char *name)
{
    static const struct {
        const char *name;
        enum dure_slurm_state state;
    } also[] = {{"COMPLETE", DURE_SLURM_STATE_COMPLETED},       {"REQUEUE_FED", DURE_SLURM_STATE_REQUEUED},
                {"REQUEUE_HOLD", DURE_SLURM_STATE_REQUEUED},    {"POWER_UP_NODE", DURE_SLURM_STATE_CONFIGURING},
                {"STAGE_OUT", DURE_SLURM_STATE_OTHER_FLAG},     {"SIGNALING", DURE_SLURM_STATE_OTHER_FLAG},
                {"RESIZING", DURE_SLURM_STATE_OTHER_FLAG},      {"STOPPED", DURE_SLURM_STATE_OTHER_FLAG},
                {"SPECIAL_EXIT", DURE_SLURM_STATE_REQUEUED},    {"LAUNCH_FAILED", DURE_SLURM_STATE_OTHER_FLAG},
                {"UPDATE_DB", DURE_SLURM_STATE_OTHER_FLAG},     {"RESV_DEL_HOLD", DURE_SLURM_STATE_OTHER_FLAG},
                {"RECONFIG_FAIL", DURE_SLURM_STATE_OTHER_FLAG}, {"REVOKED", DURE_SLURM_STATE_CANCELLED},
                {"EXPEDITING", DURE_SLURM_STATE_OTHER_FLAG}};
    for (int state = DURE_SLURM_STATE_UNKNOWN; state <= DURE_SLURM_STATE_REQUEUED; state++)
        if (strcmp(name, dure_slurm_state_name((enum dure_slurm_state)state)) == 0)
            return (enum dure_slurm_state)state;
    for (size_t i = 0; i < sizeof also / sizeof *also; i++)
        if (strcmp(name, also[i].name) == 0)
            return also[i].state;
    return DURE_SLURM_STATE_UNKNOWN;
}
