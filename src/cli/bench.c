#include "bench/bench.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/handlers.h"

/* The verb's second word is the bench's name; the rest of the line is its own. */
int dure_cmd_bench(struct dure_cli *cli)
{
    char *words[64];
    int count = 0;
    words[count++] = strchr(cli->verb->name, ' ') + 1;
    if (cli->argc > 62)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "more than 62 arguments");
    for (int i = 0; i < cli->argc; i++)
        words[count++] = cli->argv[i];
    words[count] = NULL;
    fflush(cli->screen.out);
    return dure_bench_main(count, words);
}
