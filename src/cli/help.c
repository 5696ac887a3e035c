/* `dure help`: the table for people at a terminal. */
#include <string.h>

#include "cli/cli.h"
#include "cli/handlers.h"

enum { TEXT_COLUMNS_MAX = 100 };

static size_t text_width(unsigned width)
{
    return width > TEXT_COLUMNS_MAX ? TEXT_COLUMNS_MAX : width;
}

void dure_help_all(struct dure_buf *buf, unsigned width)
{
    dure_buf_str(buf, "dure runs a shared GPU fleet: who gets which GPUs and when, with every promise\nkept and every "
                      "decision on record.\n\n"
                      "usage: dure VERB [OPTION...] [ARGUMENT...]\n\n");
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const struct dure_verb *verb = dure_verbs[i];
        if (dure_verb_is_sub(verb))
            continue;
        dure_buf_printf(buf, "  %-13s", verb->name);
        dure_term_wrap(buf, verb->title, 15, 15, text_width(width));
    }
    dure_buf_str(buf, "\n`dure help VERB` explains a verb. Exit codes:\n");
    for (unsigned code = 0; code < DURE_EXIT_COUNT; code++) {
        dure_buf_printf(buf, "  %u  ", code);
        dure_term_wrap(buf, dure_exit_text(code), 5, 5, text_width(width));
    }
}

static void paragraphs(struct dure_buf *buf, const char *text, size_t indent, size_t width)
{
    char part[4096];
    for (const char *at = text; at && *at;) {
        const char *end = strstr(at, "\n\n");
        snprintf(part, sizeof part, "%.*s", (int)(end ? end - at : (ptrdiff_t)strlen(at)), at);
        dure_buf_printf(buf, "%*s", (int)indent, "");
        dure_term_wrap(buf, part, indent, indent, width);
        if (end)
            dure_buf_byte(buf, '\n');
        at = end ? end + 2 : NULL;
    }
}

static void options(const struct dure_verb *verb, struct dure_buf *buf, size_t width)
{
    const struct dure_option *option;
    dure_buf_str(buf, "\noptions:\n");
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
        DURE_CLEANUP_BUF struct dure_buf left, right;
        dure_buf_init(&left, 4096);
        dure_buf_init(&right, 4096);
        if (!option->letter)
            dure_buf_str(&left, "    ");
        dure_option_spelling(option, &left);
        dure_option_describe(option, &right);
        dure_buf_printf(buf, "  %-26s", left.data);
        size_t column = left.length > 26 ? left.length + 2 : 28;
        if (left.length >= 26) {
            dure_buf_printf(buf, "\n%28s", "");
            column = 28;
        }
        dure_term_wrap(buf, right.data, column, 28, width);
    }
}

static void exits(const struct dure_verb *verb, struct dure_buf *buf, size_t width)
{
    dure_buf_str(buf, "\nexit codes:\n");
    for (unsigned code = 0; code < DURE_EXIT_COUNT; code++) {
        if (code != DURE_EXIT_OK && code != DURE_EXIT_USAGE && !(verb->exits & 1u << code))
            continue;
        dure_buf_printf(buf, "  %u  ", code);
        dure_term_wrap(buf, dure_exit_text(code), 5, 5, width);
    }
}

void dure_help_verb(const struct dure_verb *verb, struct dure_buf *buf, unsigned width_full)
{
    const size_t width = text_width(width_full);
    bool first = true;
    dure_buf_printf(buf, "dure %s:", verb->name);
    dure_term_wrap(buf, verb->title, strlen(verb->name) + 6, 4, width);
    dure_buf_str(buf, "\nusage: ");
    dure_verb_synopsis(verb, buf);
    dure_buf_str(buf, "\n\n");
    paragraphs(buf, verb->text, 0, width);
    for (unsigned i = 0; dure_verbs[i]; i++) {
        if (!dure_verb_within(dure_verbs[i], verb))
            continue;
        dure_buf_printf(buf, "%s  %-17s", first ? "\nverbs:\n" : "", dure_verbs[i]->name + strlen(verb->name) + 1);
        dure_term_wrap(buf, dure_verbs[i]->title, 19, 19, width);
        first = false;
    }
    options(verb, buf, width);
    for (unsigned i = 0; i < DURE_VERB_EXAMPLES_MAX && verb->examples[i].command; i++)
        dure_buf_printf(buf, "%s  %s\n      %s\n", i == 0 ? "\nexamples:\n" : "", verb->examples[i].command,
                        verb->examples[i].text);
    exits(verb, buf, width);
}

int dure_cmd_help(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    int words = 0;
    dure_buf_init(&buf, 1 << 22);
    if (dure_cli_flag(cli, "markdown")) {
        dure_reference_markdown(&buf);
    } else if (cli->argc == 0) {
        dure_help_all(&buf, cli->screen.width);
    } else {
        const struct dure_verb *verb = dure_verb_find(cli->argc, cli->argv, &words);
        if (!verb || words < cli->argc)
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "no verb '%s%s%s'; `dure help` lists them all", cli->argv[0],
                                 cli->argc > 1 ? " " : "", cli->argc > 1 ? cli->argv[1] : "");
        dure_help_verb(verb, &buf, cli->screen.width);
    }
    dure_cli_print(cli, &buf);
    return DURE_EXIT_OK;
}
