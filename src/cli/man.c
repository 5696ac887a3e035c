/* Manual pages in man(7) and the reference in Markdown, both from the table. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/handlers.h"

/* Text for roff: backslashes and leading dots made harmless, `code` in bold. */
static void roff(struct dure_buf *buf, const char *text)
{
    bool bold = false, line_start = true;
    for (const char *at = text; *at; at++) {
        if (line_start && (*at == '.' || *at == '\''))
            dure_buf_str(buf, "\\&");
        line_start = *at == '\n';
        if (*at == '\\')
            dure_buf_str(buf, "\\e");
        else if (*at == '-')
            dure_buf_str(buf, "\\-");
        else if (*at == '~')
            dure_buf_str(buf, "\\(ti");
        else if (*at == '^')
            dure_buf_str(buf, "\\(ha");
        else if (*at == '`')
            dure_buf_str(buf, (bold = !bold) ? "\\fB" : "\\fR");
        else if (at[0] == '\n' && at[1] == '\n')
            dure_buf_str(buf, "\n.PP\n"), at++, line_start = true;
        else
            dure_buf_byte(buf, (uint8_t)*at);
    }
}

static void roff_options(struct dure_buf *buf, const struct dure_verb *verb)
{
    const struct dure_option *option;
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
        DURE_CLEANUP_BUF struct dure_buf spelling, help;
        dure_buf_init(&spelling, 4096);
        dure_buf_init(&help, 4096);
        dure_option_spelling(option, &spelling);
        dure_option_describe(option, &help);
        dure_buf_str(buf, ".TP\n.B ");
        roff(buf, spelling.data);
        dure_buf_byte(buf, '\n');
        roff(buf, help.data);
        dure_buf_str(buf, ".\n");
    }
}

static void roff_exits(struct dure_buf *buf, unsigned exits)
{
    dure_buf_str(buf, ".SH EXIT STATUS\n");
    for (unsigned code = 0; code < DURE_EXIT_COUNT; code++) {
        if (!(exits & 1u << code))
            continue;
        dure_buf_printf(buf, ".TP\n.B %u\n", code);
        roff(buf, dure_exit_text(code));
        dure_buf_str(buf, ".\n");
    }
}

static void roff_verb(struct dure_buf *buf, const struct dure_verb *verb, bool section)
{
    DURE_CLEANUP_BUF struct dure_buf synopsis;
    dure_buf_init(&synopsis, 4096);
    dure_verb_synopsis(verb, &synopsis);
    if (section) {
        dure_buf_str(buf, ".SS ");
        roff(buf, synopsis.data);
        dure_buf_byte(buf, '\n');
        roff(buf, verb->title);
        dure_buf_str(buf, ".\n.PP\n");
    }
    roff(buf, verb->text);
    dure_buf_byte(buf, '\n');
    roff_options(buf, verb);
    for (unsigned i = 0; i < DURE_VERB_EXAMPLES_MAX && verb->examples[i].command; i++) {
        dure_buf_str(buf, i == 0 ? ".PP\nExamples:\n.TP\n.B " : ".TP\n.B ");
        roff(buf, verb->examples[i].command);
        dure_buf_byte(buf, '\n');
        roff(buf, verb->examples[i].text);
        dure_buf_byte(buf, '\n');
    }
}

static void man_top(struct dure_buf *buf)
{
    dure_buf_printf(buf,
                    ".TH DURE 1 \"\" \"dure %s\" \"User Commands\"\n.SH NAME\ndure \\- run a shared GPU fleet\n.SH "
                    "SYNOPSIS\n.B dure\n.I VERB\n"
                    "[OPTION...] [ARGUMENT...]\n.SH DESCRIPTION\n",
                    DURE_VERSION);
    dure_buf_str(
        buf, "dure decides who gets which GPUs of a shared fleet and when, starts the work, keeps every promise made "
             "on the way, and lets an outsider check "
             "afterwards that it did. Each verb has a page of its own, such as\n.BR dure\\-submit (1).\n.SH VERBS\n");
    for (unsigned i = 0; dure_verbs[i]; i++) {
        if (dure_verb_is_sub(dure_verbs[i]))
            continue;
        dure_buf_printf(buf, ".TP\n.BR dure\\-%s (1)\n", dure_verbs[i]->name);
        roff(buf, dure_verbs[i]->title);
        dure_buf_str(buf, ".\n");
    }
    roff_exits(buf, ~0u);
    dure_buf_str(buf, ".SH ENVIRONMENT\n.TP\n.B DURE_STATE\nThe state folder.\n.TP\n.B DURE_SOCKET\nThe daemon's "
                      "socket.\n.TP\n.B NO_COLOR\nNo colour, "
                      "if set and not empty.\n.TP\n.B TZ\nThe zone in which times are shown.\n.SH SEE ALSO\n.BR dured "
                      "(8),\n.BR sbatch (1),\n.BR squeue (1)\n");
}

void dure_man_page(const struct dure_verb *verb, struct dure_buf *buf)
{
    DURE_CLEANUP_BUF struct dure_buf synopsis = {0};
    unsigned exits = verb ? verb->exits | 1u << DURE_EXIT_OK | 1u << DURE_EXIT_USAGE : 0;
    if (!verb) {
        man_top(buf);
        return;
    }
    char title[32];
    dure_buf_init(&synopsis, 4096);
    dure_verb_synopsis(verb, &synopsis);
    snprintf(title, sizeof title, "%s", verb->name);
    for (char *at = title; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    dure_buf_printf(buf, ".TH DURE\\-%s 1 \"\" \"dure %s\" \"User Commands\"\n.SH NAME\ndure\\-%s \\- ", title,
                    DURE_VERSION, verb->name);
    roff(buf, verb->title);
    dure_buf_str(buf, "\n.SH SYNOPSIS\n.B ");
    roff(buf, synopsis.data);
    dure_buf_str(buf, "\n.SH DESCRIPTION\n");
    roff_verb(buf, verb, false);
    bool first = true;
    for (unsigned i = 0; dure_verbs[i]; i++) {
        if (!dure_verb_within(dure_verbs[i], verb))
            continue;
        if (first)
            dure_buf_str(buf, ".SH VERBS\n");
        first = false;
        roff_verb(buf, dure_verbs[i], true);
        exits |= dure_verbs[i]->exits;
    }
    roff_exits(buf, exits);
    dure_buf_str(buf, ".SH SEE ALSO\n.BR dure (1)\n");
}

static int write_page(struct dure_cli *cli, const struct dure_verb *verb)
{
    DURE_CLEANUP_BUF struct dure_buf page;
    char path[DURE_CLI_PATH_MAX];
    dure_buf_init(&page, 1 << 22);
    dure_man_page(verb, &page);
    if (page.failed)
        return dure_cli_memory(cli);
    if (snprintf(path, sizeof path, "%s/dure%s%s.1", cli->argv[0], verb ? "-" : "", verb ? verb->name : "") >=
        (int)sizeof path)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "the directory's name is too long");
    FILE *file = fopen(path, "we");
    if (!file)
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", path, strerror(errno));
    const bool written = fwrite(page.data, 1, page.length, file) == page.length;
    if (fclose(file) != 0 || !written)
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", path, strerror(errno));
    return DURE_EXIT_OK;
}

int dure_cmd_man(struct dure_cli *cli)
{
    if (mkdir(cli->argv[0], 0777) != 0 && errno != EEXIST)
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", cli->argv[0], strerror(errno));
    int code = write_page(cli, NULL);
    for (unsigned i = 0; !code && dure_verbs[i]; i++)
        if (!dure_verb_is_sub(dure_verbs[i]))
            code = write_page(cli, dure_verbs[i]);
    return code;
}
