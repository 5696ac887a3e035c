/* The environment that a job is given, by --export. */
#include <stdlib.h>
#include <string.h>

#include "cli/env.h"
#include "cli/node.h"
#include "tap.h"

static char *big;
static char *environment[16] = {(char *)"PATH=/bin",
                                (char *)"HOME=/home/mina",
                                (char *)"DURE_STATE=/x",
                                (char *)"SLURM_JOB_ID=7",
                                (char *)"CUDA_VISIBLE_DEVICES=3",
                                (char *)"EMPTY=",
                                (char *)"A=b=c",
                                (char *)"BASH_FUNC_f%%=() { x; }",
                                (char *)"BAD=\xff",
                                (char *)"NOVALUE",
                                NULL};

static void captured(const char *rule, const char *want, const char *want_left)
{
    struct dure_arena *arena = dure_arena_new(1 << 22);
    struct dure_tree *job = dure_node_map(arena, 0, 0);
    struct dure_buf left, json;
    dure_buf_init(&left, 4096);
    dure_buf_init(&json, 1 << 20);
    TAP_OK(dure_env_capture(arena, job, rule, environment, &left), "captured by %s", rule ? rule : "default");
    dure_tree_to_json(job, &json);
    if (want)
        TAP_EQ_STR(json.data, want, "what the job sees");
    TAP_EQ_STR(left.data ? left.data : "", want_left, "what is left out");
    dure_buf_release(&left);
    dure_buf_release(&json);
    dure_arena_free(arena);
}

int main(void)
{
    captured(NULL, "{\"env\":{\"A\":\"b=c\",\"EMPTY\":\"\",\"HOME\":\"/home/mina\",\"PATH\":\"/bin\"}}",
             "BASH_FUNC_f%%, BAD");
    captured("ALL", "{\"env\":{\"A\":\"b=c\",\"EMPTY\":\"\",\"HOME\":\"/home/mina\",\"PATH\":\"/bin\"}}",
             "BASH_FUNC_f%%, BAD");
    captured("NONE", "{\"env\":{}}", "");
    captured("NIL", "{\"env\":{}}", "");
    captured("HOME,X=1", "{\"env\":{\"HOME\":\"/home/mina\",\"X\":\"1\"}}", "");
    captured("ALL,HOME=/tmp", "{\"env\":{\"A\":\"b=c\",\"EMPTY\":\"\",\"HOME\":\"/tmp\",\"PATH\":\"/bin\"}}",
             "BASH_FUNC_f%%, BAD");
    captured("HOM", "{\"env\":{}}", "");
    captured("9X=1", "{\"env\":{}}", "9X");

    big = malloc(DURE_ENV_BYTES_MAX + 16);
    memset(big, 'x', DURE_ENV_BYTES_MAX + 15);
    memcpy(big, "BIG=", 4);
    big[DURE_ENV_BYTES_MAX + 15] = 0;
    environment[10] = big;
    environment[11] = NULL;
    captured("ALL", NULL, "BASH_FUNC_f%%, BAD, BIG");
    free(big);
    return tap_done();
}
