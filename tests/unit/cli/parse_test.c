/* Command lines, good and bad, with the exact words of the bad ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "tap.h"

struct line {
    struct dure_cli cli;
    char text[512];
    char *argv[64];
    int argc;
    char *said;
    size_t said_length;
    enum dure_exit code;
    bool help;
};

static struct line *parse(const char *text)
{
    struct line *line = calloc(1, sizeof *line);
    char *rest = NULL;
    snprintf(line->text, sizeof line->text, "%s", text);
    for (char *token = strtok_r(line->text, " ", &rest); token; token = strtok_r(NULL, " ", &rest))
        line->argv[line->argc++] = token;
    line->cli.arena = dure_arena_new(1 << 20);
    line->cli.screen =
        (struct dure_screen){.out = stdout, .err = open_memstream(&line->said, &line->said_length), .width = 80};
    line->code = dure_cli_parse(&line->cli, line->argc, line->argv, &line->help);
    fclose(line->cli.screen.err);
    return line;
}

static void done(struct line *line)
{
    dure_arena_free(line->cli.arena);
    free(line->said);
    free(line);
}

static void refused(const char *text, const char *words)
{
    struct line *line = parse(text);
    TAP_EQ_INT(line->code, DURE_EXIT_USAGE, "`dure %s` is refused", text);
    TAP_EQ_STR(line->said, words, "and says why");
    done(line);
}

static void good_lines(void)
{
    struct line *line = parse("jobs --all -n 5 --user=mina 12 13");
    TAP_EQ_INT(line->code, DURE_EXIT_OK, "jobs");
    TAP_OK(dure_cli_flag(&line->cli, "all") && !dure_cli_flag(&line->cli, "ended"), "a flag is there or not");
    TAP_EQ_INT(dure_cli_count(&line->cli, "limit"), 5, "a count");
    TAP_EQ_INT(dure_cli_count(&line->cli, "interval"), 2000000, "a default time");
    TAP_EQ_STR(dure_cli_text(&line->cli, "user"), "mina", "a text");
    TAP_OK(dure_cli_text(&line->cli, "project") == NULL, "a text that was not given");
    TAP_EQ_STR(dure_cli_text(&line->cli, "states"), "live", "a choice's default");
    TAP_EQ_INT(line->cli.argc, 2, "two operands");
    TAP_EQ_STR(line->cli.argv[1], "13", "the second");
    done(line);

    line = parse("submit -n 4 --mail-type=END -L n1 script.sh --epochs 3 -q");
    TAP_EQ_INT(line->code, DURE_EXIT_OK, "submit");
    TAP_EQ_STR(dure_cli_text(&line->cli, "ntasks"), "4", "sbatch's letter");
    TAP_EQ_INT(line->cli.extra_count, 2, "what only sbatch knows");
    TAP_EQ_STR(line->cli.extras[0].name, "mail-type", "by its long name");
    TAP_EQ_STR(line->cli.extras[0].value, "END", "with its value");
    TAP_EQ_STR(line->cli.extras[1].name, "licenses", "or by its letter");
    TAP_EQ_STR(line->cli.extras[1].value, "n1", "with the next word");
    TAP_EQ_INT(line->cli.argc, 4, "what follows the script is the script's");
    TAP_EQ_STR(line->cli.argv[1], "--epochs", "unread");
    done(line);

    line = parse("submit -Ln1 --exclusive -n2 --wrap true");
    TAP_EQ_INT(line->code, DURE_EXIT_OK, "submit with a value in the same word");
    TAP_EQ_STR(line->cli.extra_count == 2 ? line->cli.extras[0].value : "none", "n1", "-Ln1");
    TAP_EQ_STR(dure_cli_text(&line->cli, "ntasks"), "2", "and what follows it");
    done(line);

    line = parse("allot grant llm --tenant a/b --preview");
    TAP_EQ_STR(line->cli.verb->name, "allot grant", "two words");
    TAP_EQ_STR(line->cli.argv[0], "llm", "its operand");
    done(line);

    line = parse("audit");
    TAP_OK(line->code == DURE_EXIT_OK && line->help, "a group alone explains itself");
    done(line);

    line = parse("jobs --help");
    TAP_OK(line->code == DURE_EXIT_OK && line->help, "--help");
    done(line);
}

int main(void)
{
    good_lines();
    refused("sumbit", "dure: no verb 'sumbit'; did you mean `dure submit`? `dure help` lists them all\n");
    refused("frobnicate", "dure: no verb 'frobnicate'; `dure help` lists them all\n");
    refused("jobs --frob", "dure jobs: unknown option '--frob'; `dure help jobs` lists its options\n");
    refused("jobs -Z", "dure jobs: unknown option '-Z'; `dure help jobs` lists its options\n");
    refused("jobs --limit", "dure jobs: --limit: a value is missing\n");
    refused("jobs --limit=0", "dure jobs: --limit: found '0', expected a whole number from 1 to 1000000\n");
    refused("jobs --limit=1e3", "dure jobs: --limit: found '1e3', expected a whole number from 1 to 1000000\n");
    refused("jobs --limit=99999999999999999999",
            "dure jobs: --limit: found '99999999999999999999', expected a whole number from 1 to 1000000\n");
    refused("jobs --all=yes", "dure jobs: --all=yes: takes no value\n");
    refused("jobs --states bogus",
            "dure jobs: --states: found 'bogus', expected one of live|pending|running|ended|all\n");
    refused("jobs --states liv", "dure jobs: --states: found 'liv', expected one of live|pending|running|ended|all\n");
    refused("jobs --interval never",
            "dure jobs: --interval: found 'never', expected a time such as 10s or 1m30s, from 1 to 3600 seconds\n");
    refused("jobs --color=pink", "dure jobs: --color: found 'pink', expected one of auto|always|never\n");
    refused("show", "dure show: JOB... is missing; usage: dure show [OPTION...] JOB...\n");
    refused("why 1 2", "dure why: '2' is one too many; usage: dure why [OPTION...] JOB|--queue\n");
    refused("fleet extra", "dure fleet: no such verb here: 'extra'; `dure help fleet` lists them\n");
    refused("audit frob", "dure audit: no such verb here: 'frob'; `dure help audit` lists them\n");
    refused("submit --frobnicate x",
            "dure submit: unknown option '--frobnicate'; `dure help submit` lists its options\n");
    refused("submit --exclude", "dure submit: --exclude: a value is missing\n");
    return tap_done();
}
