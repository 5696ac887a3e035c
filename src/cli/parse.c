/* argv → verb, option values, operands; all from the table, by getopt_long. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "cli/cli.h"
#include "model/job.h"

enum { CODE_FIRST = 1000 }; /* getopt's value of the k-th option, out of the letters' way */

struct parser {
    const struct dure_option *options[DURE_VERB_OPTIONS_MAX];
    unsigned count;
    struct option longs[DURE_VERB_OPTIONS_MAX + 2];
    char letters[2 * (DURE_VERB_OPTIONS_MAX + 52) + 3];
};

static void parser_make(struct parser *parser, const struct dure_verb *verb)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char *letters = parser->letters;
    memset(parser, 0, sizeof *parser);
    if (verb->flags & DURE_VERB_STOPS_EARLY)
        *letters++ = '+';
    *letters++ = ':';
    for (const struct dure_option *option; (option = dure_verb_option(verb, parser->count)) != NULL; parser->count++) {
        DURE_ASSERT(parser->count < DURE_VERB_OPTIONS_MAX);
        parser->options[parser->count] = option;
        parser->longs[parser->count] = (struct option){option->name, option->argument ? required_argument : no_argument,
                                                       NULL, CODE_FIRST + (int)parser->count};
        if (option->letter) {
            *letters++ = option->letter;
            if (option->argument)
                *letters++ = ':';
        }
    }
    /* Letters that only sbatch knows: so that getopt takes "-xn1" apart rightly. */
    for (const char *at = alphabet; (verb->flags & DURE_VERB_SBATCH) && *at; at++) {
        bool takes = false;
        if (strchr(parser->letters, *at) || !dure_sbatch_short(*at, &takes))
            continue;
        *letters++ = *at;
        if (takes)
            *letters++ = ':';
    }
}

static const struct dure_option *option_of(const struct parser *parser, int code)
{
    if (code >= CODE_FIRST && (unsigned)(code - CODE_FIRST) < parser->count)
        return parser->options[code - CODE_FIRST];
    for (unsigned i = 0; i < parser->count; i++)
        if (parser->options[i]->letter == code)
            return parser->options[i];
    return NULL;
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strcspn(at, "|") == length && strncmp(at, text, length) == 0)
            return true;
    return false;
}

static bool count_of(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno)
        return false;
    *ret = value;
    return true;
}

static enum dure_exit check_value(struct dure_cli *cli, const struct dure_option *option, const char *text)
{
    int64_t value;
    switch (option->type) {
    case DURE_OPTION_COUNT:
        if (!count_of(text, &value) || value < option->least || value > option->most)
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "--%s: found '%s', expected a whole number from %" PRId64 " to %" PRId64, option->name,
                                 text, option->least, option->most);
        break;
    case DURE_OPTION_SECONDS:
        if (!dure_duration_parse(text, false, &value) || value < option->least * DURE_SECOND_US ||
            value > option->most * DURE_SECOND_US)
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "--%s: found '%s', expected a time such as 10s or 1m30s, from %" PRId64 " to %" PRId64
                                 " seconds",
                                 option->name, text, option->least, option->most);
        break;
    case DURE_OPTION_CHOICE:
        if (!is_choice(option->choices, text))
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "--%s: found '%s', expected one of %s", option->name, text,
                                 option->choices);
        break;
    case DURE_OPTION_FILE:
    case DURE_OPTION_DIR:
        if (!*text)
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "--%s: found nothing, expected a path", option->name);
        break;
    case DURE_OPTION_FLAG:
    case DURE_OPTION_TEXT: break;
    }
    return DURE_EXIT_OK;
}

static enum dure_exit store(struct dure_cli *cli, const struct dure_option *option, const char *text)
{
    const enum dure_exit code = check_value(cli, option, text);
    if (code)
        return code;
    for (unsigned i = 0; i < cli->value_count; i++) {
        if (cli->values[i].option == option && !(cli->verb->flags & DURE_VERB_REPEATS)) {
            cli->values[i].text = text; /* the last one wins, as with every Unix tool */
            return DURE_EXIT_OK;
        }
    }
    if (cli->value_count == DURE_VERB_OPTIONS_MAX)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "more than %d options", DURE_VERB_OPTIONS_MAX);
    cli->values[cli->value_count++] = (struct dure_cli_value){option, text};
    return DURE_EXIT_OK;
}

static enum dure_exit add_extra(struct dure_cli *cli, const char *name, const char *value)
{
    if (cli->extra_count == DURE_CLI_EXTRA_MAX)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "more than %d options", DURE_CLI_EXTRA_MAX);
    cli->extras[cli->extra_count++] = (struct dure_cli_extra){name, value};
    return DURE_EXIT_OK;
}

/* A long option that only sbatch knows: kept for the model, which says whether it is honoured. */
static enum dure_exit take_sbatch(struct dure_cli *cli, int argc, char **argv, const char *word, bool *ret_known)
{
    bool takes = false;
    const char *equals = strchr(word, '=');
    const char *name =
        dure_arena_strndup(cli->arena, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
    if (!name)
        return dure_cli_memory(cli);
    if (strncmp(word, "--", 2) != 0 || !dure_sbatch_known(name, &takes))
        return DURE_EXIT_OK;
    *ret_known = true;
    if (equals)
        return add_extra(cli, name, equals + 1);
    if (!takes)
        return add_extra(cli, name, "");
    if (optind >= argc)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "--%s: a value is missing", name);
    return add_extra(cli, name, argv[optind++]);
}

static enum dure_exit unknown(struct dure_cli *cli, const char *word)
{
    return dure_cli_fail(cli, DURE_EXIT_USAGE, "unknown option '%s'; `dure help %s` lists its options", word,
                         cli->verb->name);
}

/* What getopt did not know. For a letter it names the letter; for a word, the word before optind. */
static enum dure_exit not_known(struct dure_cli *cli, int argc, char **argv)
{
    bool known = false;
    const char letter[] = {'-', (char)optopt, 0};
    if (optopt >= CODE_FIRST)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: takes no value", argv[optind - 1]);
    if (optopt)
        return unknown(cli, letter);
    const enum dure_exit failed =
        cli->verb->flags & DURE_VERB_SBATCH ? take_sbatch(cli, argc, argv, argv[optind - 1], &known) : DURE_EXIT_OK;
    return failed || known ? failed : unknown(cli, argv[optind - 1]);
}

static enum dure_exit parse_options(struct dure_cli *cli, int argc, char **argv, bool *ret_help)
{
    struct parser parser;
    int code;
    enum dure_exit failed = DURE_EXIT_OK;
    parser_make(&parser, cli->verb);
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    while (!failed && (code = getopt_long(argc, argv, parser.letters, parser.longs, NULL)) != -1) {
        const struct dure_option *option = option_of(&parser, code);
        bool takes;
        if (code == ':')
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: a value is missing", argv[optind - 1]);
        if (code == '?') {
            failed = not_known(cli, argc, argv);
        } else if (option) {
            *ret_help |= strcmp(option->name, "help") == 0;
            failed = store(cli, option, option->argument ? optarg : "");
        } else {
            failed = add_extra(cli, dure_sbatch_short((char)code, &takes), optarg ? optarg : "");
        }
    }
    cli->argc = argc - optind;
    cli->argv = argv + optind;
    return failed;
}

static enum dure_exit no_verb(struct dure_cli *cli, const char *word)
{
    char guess[64] = "";
    struct dure_buf buf;
    dure_buf_init(&buf, sizeof guess - 1);
    dure_verb_closest(word, &buf);
    if (buf.length > 0)
        snprintf(guess, sizeof guess, "%s", buf.data);
    dure_buf_release(&buf);
    if (*guess)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "no verb '%s'; did you mean `dure %s`? `dure help` lists them all",
                             word, guess);
    return dure_cli_fail(cli, DURE_EXIT_USAGE, "no verb '%s'; `dure help` lists them all", word);
}

static bool has_verbs(const struct dure_verb *verb)
{
    for (unsigned i = 0; dure_verbs[i]; i++)
        if (dure_verb_within(dure_verbs[i], verb))
            return true;
    return false;
}

static enum dure_exit no_verb_here(struct dure_cli *cli)
{
    return dure_cli_fail(cli, DURE_EXIT_USAGE, "no such verb here: '%s'; `dure help %s` lists them", cli->argv[0],
                         cli->verb->name);
}

enum dure_exit dure_cli_parse(struct dure_cli *cli, int argc, char **argv, bool *ret_help)
{
    static char help[] = "help", version[] = "version";
    int words = 0;
    *ret_help = false;
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0))
        argv[0] = help;
    else if (argc > 0 && strcmp(argv[0], "--version") == 0)
        argv[0] = version;
    cli->verb = dure_verb_find(argc, argv, &words);
    if (!cli->verb)
        return no_verb(cli, argc > 0 ? argv[0] : "");
    if (cli->verb->flags & DURE_VERB_RAW) {
        cli->argc = argc - words;
        cli->argv = argv + words;
        for (int i = 0; i < cli->argc; i++)
            *ret_help |= strcmp(cli->argv[i], "--help") == 0 || strcmp(cli->argv[i], "-h") == 0;
        return DURE_EXIT_OK;
    }
    const enum dure_exit failed = parse_options(cli, argc - words + 1, argv + words - 1, ret_help);
    if (failed || *ret_help)
        return failed;
    if (cli->verb->flags & DURE_VERB_GROUP_ONLY) {
        if (cli->argc > 0)
            return no_verb_here(cli);
        *ret_help = true;
        return DURE_EXIT_OK;
    }
    if ((unsigned)cli->argc < cli->verb->operands_least)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s is missing; usage: dure %s [OPTION...] %s", cli->verb->operands,
                             cli->verb->name, cli->verb->operands);
    if (cli->argc > 0 && cli->verb->operands_most == 0 && has_verbs(cli->verb))
        return no_verb_here(cli);
    if ((unsigned)cli->argc > cli->verb->operands_most)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "'%s' is one too many; usage: dure %s [OPTION...]%s%s",
                             cli->argv[cli->verb->operands_most], cli->verb->name, *cli->verb->operands ? " " : "",
                             cli->verb->operands);
    return DURE_EXIT_OK;
}

static const struct dure_cli_value *value_of(const struct dure_cli *cli, const char *name)
{
    for (unsigned i = 0; i < cli->value_count; i++)
        if (strcmp(cli->values[i].option->name, name) == 0)
            return &cli->values[i];
    return NULL;
}

static const struct dure_option *declared(const struct dure_cli *cli, const char *name)
{
    const struct dure_option *option;
    for (unsigned k = 0; (option = dure_verb_option(cli->verb, k)) != NULL; k++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

const char *dure_cli_text(const struct dure_cli *cli, const char *name)
{
    const struct dure_option *option = declared(cli, name);
    const struct dure_cli_value *value = value_of(cli, name);
    DURE_ASSERT(option);
    if (value)
        return value->text;
    return option->type == DURE_OPTION_CHOICE || option->type == DURE_OPTION_COUNT ||
                   option->type == DURE_OPTION_SECONDS
               ? option->fallback
               : NULL;
}

bool dure_cli_given(const struct dure_cli *cli, const char *name)
{
    DURE_ASSERT(declared(cli, name));
    return value_of(cli, name) != NULL;
}

bool dure_cli_flag(const struct dure_cli *cli, const char *name)
{
    return dure_cli_given(cli, name);
}

int64_t dure_cli_count(const struct dure_cli *cli, const char *name)
{
    const struct dure_option *option = declared(cli, name);
    const char *text = dure_cli_text(cli, name);
    int64_t value = -1;
    if (!text)
        return -1;
    if (option->type == DURE_OPTION_SECONDS)
        return dure_duration_parse(text, false, &value) ? value : -1;
    return count_of(text, &value) ? value : -1;
}

bool dure_cli_json(const struct dure_cli *cli)
{
    return declared(cli, "json") && value_of(cli, "json");
}
