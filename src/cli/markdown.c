/* docs/reference/cli.md, from the table. */
#include <string.h>

#include "cli/verb.h"

static void cell(struct dure_buf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            dure_buf_byte(buf, '\\');
        dure_buf_byte(buf, (uint8_t)*text);
    }
}

static void option_rows(struct dure_buf *buf, const struct dure_option *options)
{
    for (; options && options->name; options++) {
        DURE_CLEANUP_BUF struct dure_buf spelling, help;
        dure_buf_init(&spelling, 4096);
        dure_buf_init(&help, 4096);
        dure_option_spelling(options, &spelling);
        dure_option_describe(options, &help);
        dure_buf_str(buf, "| `");
        cell(buf, spelling.data);
        dure_buf_str(buf, "` | ");
        cell(buf, help.data);
        dure_buf_str(buf, " |\n");
    }
}

static void verb_section(struct dure_buf *buf, const struct dure_verb *verb)
{
    dure_buf_printf(buf, "\n## dure %s\n\n%c%s.\n\n```\n", verb->name,
                    *verb->title >= 'a' && *verb->title <= 'z' ? *verb->title - 32 : *verb->title, verb->title + 1);
    dure_verb_synopsis(verb, buf);
    dure_buf_printf(buf, "\n```\n\n%s\n", verb->text);
    if (verb->options) {
        dure_buf_str(buf, "\n| option | meaning |\n|---|---|\n");
        option_rows(buf, verb->options);
    }
    for (unsigned i = 0; i < DURE_VERB_EXAMPLES_MAX && verb->examples[i].command; i++)
        dure_buf_printf(buf, "%s- `%s`: %s\n", i == 0 ? "\n" : "", verb->examples[i].command, verb->examples[i].text);
    if (!(verb->flags & DURE_VERB_GROUP_ONLY)) {
        dure_buf_printf(
            buf, "\nTakes%s%s%s `--color`, `--help`. Exit codes: 0, ", verb->flags & DURE_VERB_JSON ? " `--json`," : "",
            verb->flags & DURE_VERB_DAEMON ? " `--socket`," : "", verb->flags & DURE_VERB_STATE ? " `--state`," : "");
        for (unsigned code = 1; code < DURE_EXIT_COUNT; code++)
            if (code == DURE_EXIT_USAGE || (verb->exits & 1u << code))
                dure_buf_printf(buf, "%s%u", buf->data[buf->length - 2] == ',' ? "" : ", ", code);
        dure_buf_str(buf, ".\n");
    }
}

void dure_reference_markdown(struct dure_buf *buf)
{
    dure_buf_str(buf, "# The command line\n\nWritten by `dure help --markdown` from the table of verbs "
                      "(`src/cli/verbs_*.c`), which also makes parsing, help, manual pages and "
                      "completion.\n\n| exit code | meaning |\n|---|---|\n");
    for (unsigned code = 0; code < DURE_EXIT_COUNT; code++)
        dure_buf_printf(buf, "| %u | %s |\n", code, dure_exit_text(code));
    dure_buf_str(buf, "\nOptions of many verbs:\n\n| option | meaning |\n|---|---|\n");
    const struct dure_verb all = {.name = "", .flags = DURE_VERB_JSON | DURE_VERB_DAEMON | DURE_VERB_STATE};
    const struct dure_option *option;
    for (unsigned k = 0; (option = dure_verb_option(&all, k)) != NULL; k++) {
        const struct dure_option one[] = {*option, {NULL}};
        option_rows(buf, one);
    }
    dure_buf_str(
        buf, "\nTimes are shown in your zone (`TZ`), with the zone named; JSON has them in UTC. Listings fit the "
             "terminal, or 80 columns (`COLUMNS`); `--json` "
             "leaves nothing out. Colour is used on terminals only, never alone, and not where `NO_COLOR` is set.\n");
    for (unsigned i = 0; dure_verbs[i]; i++)
        verb_section(buf, dure_verbs[i]);
}
