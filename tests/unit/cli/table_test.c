/* The table of verbs is the one source: what is made from it must hold all of it, and what it says must be so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "model/job.h"
#include "tap.h"

static bool own_option(const char *name)
{
    static const char *const ours[] = {"json", "socket", "state", "color", "help"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* Names and letters once in a verb: a second one of the same name would never be reached. */
static void options_are_unique(void)
{
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const struct dure_option *a, *b;
        const char *twice = "";
        for (unsigned j = 0; (a = dure_verb_option(dure_verbs[i], j)) != NULL; j++)
            for (unsigned k = 0; k < j && (b = dure_verb_option(dure_verbs[i], k)) != NULL; k++)
                if (strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter))
                    twice = a->name;
        TAP_EQ_STR(twice, "", "%s: no option twice", dure_verbs[i]->name);
    }
}

static void options_are_whole(void)
{
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const struct dure_option *option;
        const char *fault = "";
        for (unsigned k = 0; (option = dure_verb_option(dure_verbs[i], k)) != NULL; k++) {
            const size_t length = strlen(option->help);
            if ((option->type == DURE_OPTION_FLAG) != (option->argument == NULL) || length == 0 ||
                option->help[length - 1] == '.' || (option->type == DURE_OPTION_CHOICE) != (option->choices != NULL) ||
                (option->type == DURE_OPTION_COUNT && option->least >= option->most))
                fault = option->name;
        }
        TAP_EQ_STR(fault, "", "%s: every option has help, an argument unless a flag, and its range",
                   dure_verbs[i]->name);
        TAP_OK(*dure_verbs[i]->title && *dure_verbs[i]->text, "%s has words", dure_verbs[i]->name);
        TAP_OK((dure_verbs[i]->flags & DURE_VERB_GROUP_ONLY) != 0 || dure_verbs[i]->run != NULL, "%s does something",
               dure_verbs[i]->name);
        TAP_OK(dure_verbs[i]->exits < 1u << DURE_EXIT_COUNT, "%s names exit codes that exist", dure_verbs[i]->name);
        const unsigned needs = dure_verbs[i]->flags & (DURE_VERB_DAEMON | DURE_VERB_ALONE);
        TAP_OK((needs == DURE_VERB_DAEMON) == ((dure_verbs[i]->exits & 1u << DURE_EXIT_NO_DAEMON) != 0) &&
                   needs != DURE_VERB_ALONE,
               "%s says that a daemon may be missing where it cannot do without", dure_verbs[i]->name);
    }
}

static void promised_verbs_exist(void)
{
    static const char *const promised[] = {"up",
                                           "down",
                                           "submit",
                                           "jobs",
                                           "show",
                                           "logs",
                                           "cancel",
                                           "hold",
                                           "release",
                                           "why",
                                           "fleet",
                                           "tenants",
                                           "allot",
                                           "allot grant",
                                           "allot shrink",
                                           "allot end",
                                           "allot show",
                                           "allot import",
                                           "nodes",
                                           "nodes drain",
                                           "nodes resume",
                                           "audit verify",
                                           "audit key",
                                           "audit erase",
                                           "audit checkpoint",
                                           "events",
                                           "backup",
                                           "restore",
                                           "bench submit",
                                           "bench start",
                                           "bench recover",
                                           "bench load",
                                           "bench place",
                                           "bench gang",
                                           "bench scale",
                                           "bench reclaim",
                                           "bench no",
                                           "bench queue",
                                           "version",
                                           "completion",
                                           "help"};
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++) {
        char first[32];
        snprintf(first, sizeof first, "%s", promised[i]);
        first[strcspn(first, " ")] = '\0';
        char *argv[] = {first, (char *)(strchr(promised[i], ' ') ? strchr(promised[i], ' ') + 1 : NULL)};
        int words = 0;
        const struct dure_verb *verb = dure_verb_find(argv[1] ? 2 : 1, argv, &words);
        TAP_EQ_STR(verb ? verb->name : "none", promised[i], "%s is a verb", promised[i]);
    }
}

/* Every option of `dure submit` that is sbatch's must be known to the reader of #SBATCH lines under that very name, letter and shape. */
static void submit_speaks_sbatch(void)
{
    char word[] = "submit";
    char *argv[] = {word};
    int words;
    const struct dure_option *option;
    const struct dure_verb *verb = dure_verb_find(1, argv, &words);
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
        bool takes = false;
        if (own_option(option->name))
            continue;
        TAP_OK(dure_sbatch_known(option->name, &takes), "--%s is sbatch's", option->name);
        TAP_EQ_INT(takes, option->argument != NULL, "--%s takes a value as sbatch's does", option->name);
        if (option->letter)
            TAP_EQ_STR(dure_sbatch_short(option->letter, &takes) ? dure_sbatch_short(option->letter, &takes) : "none",
                       option->name, "-%c is --%s", option->letter, option->name);
    }
}

/* An example that does not parse would teach what does not work. Quotes and shells are left out: those that use them are cut at them. */
static void examples_parse(void)
{
    for (unsigned i = 0; dure_verbs[i]; i++) {
        for (unsigned e = 0; e < DURE_VERB_EXAMPLES_MAX && dure_verbs[i]->examples[e].command; e++) {
            char text[512], *argv[64], *rest = NULL;
            int argc = 0;
            bool help;
            snprintf(text, sizeof text, "%s", dure_verbs[i]->examples[e].command);
            if (strncmp(text, "dure ", 5) != 0)
                continue;
            text[strcspn(text, ">&|")] = 0;
            for (char *at = text; *at; at++) /* 'a b' is one word */
                if (*at == '\'') {
                    *at = ' ';
                    for (at++; *at && *at != '\''; at++)
                        if (*at == ' ')
                            *at = '_';
                    *at = ' ';
                }
            for (char *token = strtok_r(text + 5, " ", &rest); token; token = strtok_r(NULL, " ", &rest))
                argv[argc++] = token;
            argv[argc] = NULL;
            struct dure_cli cli = {.arena = dure_arena_new(1 << 20),
                                   .screen = {.out = stdout, .err = stderr, .width = 80}};
            const enum dure_exit code = dure_cli_parse(&cli, argc, argv, &help);
            TAP_OK(code == DURE_EXIT_OK && (cli.verb == dure_verbs[i] || dure_verb_within(cli.verb, dure_verbs[i])),
                   "`%s` is understood", dure_verbs[i]->examples[e].command);
            dure_arena_free(cli.arena);
        }
    }
}

static void holds_all(const char *what, const char *text, const struct dure_verb *verb, const char *dashes,
                      bool escaped)
{
    const struct dure_option *option;
    const char *missing = "";
    for (unsigned k = 0; (option = dure_verb_option(verb, k)) != NULL; k++) {
        char name[128] = "";
        size_t used = (size_t)snprintf(name, sizeof name, "%s", dashes);
        for (const char *at = option->name; *at && used + 3 < sizeof name; at++) {
            if (escaped && *at == '-')
                name[used++] = '\\';
            name[used++] = *at;
            name[used] = 0;
        }
        if (!strstr(text, name))
            missing = option->name;
    }
    TAP_EQ_STR(missing, "", "%s of %s holds all its options", what, verb->name);
}

static void documents_hold_all(void)
{
    struct dure_buf buf;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    dure_buf_init(&buf, 1 << 24);
    for (unsigned i = 0; dure_verbs[i]; i++) {
        dure_buf_clear(&buf);
        dure_help_verb(dure_verbs[i], &buf, 80);
        holds_all("help", buf.data, dure_verbs[i], "--", false);
        size_t widest = 0;
        for (const char *line = buf.data; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
            const size_t width = strcspn(line, "\n");
            if (width > widest && strncmp(line, "  dure ", 7) != 0 && strncmp(line, "usage:", 6) != 0)
                widest = width;
        }
        TAP_OK(widest <= 80, "help of %s fits 80 columns (%zu)", dure_verbs[i]->name, widest);
        if (dure_verb_is_sub(dure_verbs[i]))
            continue;
        dure_buf_clear(&buf);
        dure_man_page(dure_verbs[i], &buf);
        holds_all("man page", buf.data, dure_verbs[i], "\\-\\-", true);
    }
    for (size_t s = 0; s < 3; s++) {
        dure_buf_clear(&buf);
        TAP_OK(dure_completion(shells[s], &buf), "completion for %s", shells[s]);
        for (unsigned i = 0; dure_verbs[i]; i++) {
            TAP_OK(strstr(buf.data, strrchr(dure_verbs[i]->name, ' ') ? strrchr(dure_verbs[i]->name, ' ') + 1
                                                                      : dure_verbs[i]->name),
                   "%s completion knows %s", shells[s], dure_verbs[i]->name);
            holds_all(shells[s], buf.data, dure_verbs[i], s == 2 ? "-l " : "--", false);
        }
    }
    TAP_OK(!dure_completion("tcsh", &buf), "no completion for a shell that is not known");
    dure_buf_release(&buf);
}

static void reference_is_current(const char *path)
{
    struct dure_buf buf, file;
    char chunk[65536];
    size_t got;
    dure_buf_init(&buf, 1 << 24);
    dure_buf_init(&file, 1 << 24);
    dure_reference_markdown(&buf);
    FILE *stream = fopen(path, "re");
    while (stream && (got = fread(chunk, 1, sizeof chunk, stream)) > 0)
        dure_buf_add(&file, chunk, got);
    if (stream)
        fclose(stream);
    TAP_OK(file.data && strcmp(buf.data, file.data) == 0, "docs/reference/cli.md is what `dure help --markdown` prints "
                                                          "(else: dure help --markdown > docs/reference/cli.md)");
    dure_buf_release(&buf);
    dure_buf_release(&file);
}

static void exit_codes(void)
{
    TAP_EQ_INT(dure_exit_of(DURE_OK), 0, "done");
    TAP_EQ_INT(dure_exit_of(DURE_E_NEVER), 1, "a job that can never run is an answer of no");
    TAP_EQ_INT(dure_exit_of(DURE_E_SHORT), 1, "a shortfall is an answer of no");
    TAP_EQ_INT(dure_exit_of(DURE_E_INVALID), 2, "a faulty spec");
    TAP_EQ_INT(dure_exit_of(DURE_E_UNREACHABLE), 3, "no daemon");
    TAP_EQ_INT(dure_exit_of(DURE_E_DENIED), 4, "denied by roles");
    TAP_EQ_INT(dure_exit_of(DURE_E_PERMISSION), 4, "denied by the system");
    TAP_EQ_INT(dure_exit_of(DURE_E_NOT_FOUND), 5, "no such thing");
    TAP_EQ_INT(dure_exit_of(DURE_E_RATE), 6, "too many requests");
}

static void slips(void)
{
    static const char *const pairs[][2] = {{"sumbit", "submit"}, {"squeue", "jobs"}, {"jbos", "jobs"},
                                           {"sbatch", "submit"}, {"xyzzy", ""},      {"verify", "audit verify"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct dure_buf buf;
        dure_buf_init(&buf, 64);
        dure_verb_closest(pairs[i][0], &buf);
        TAP_EQ_STR(buf.data ? buf.data : "", pairs[i][1], "who types %s", pairs[i][0]);
        dure_buf_release(&buf);
    }
}

int main(int argc, char **argv)
{
    options_are_unique();
    options_are_whole();
    promised_verbs_exist();
    submit_speaks_sbatch();
    examples_parse();
    documents_hold_all();
    exit_codes();
    slips();
    if (argc > 1)
        reference_is_current(argv[1]);
    return tap_done();
}
