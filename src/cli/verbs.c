#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#define X(name) &dure_verb_##name,
const struct dure_verb *const dure_verbs[] = {DURE_VERB_ROWS(X) NULL};
#undef X

const struct dure_option dure_options_common[] = {
    {"color", 0, DURE_OPTION_CHOICE, "WHEN", "auto", "colour: on a terminal only, unless NO_COLOR is set",
     "auto|always|never"},
    {"help", 'h', DURE_OPTION_FLAG, NULL, NULL, "explain this verb"},
    {NULL},
};

static const struct dure_option json_option = {"json", 0, DURE_OPTION_FLAG, NULL, NULL, "JSON for programs"};
static const struct dure_option state_option = {
    "state",           0, DURE_OPTION_DIR, "DIRECTORY", "$DURE_STATE, $XDG_STATE_HOME/dure or ~/.local/state/dure",
    "the state folder"};
static const struct dure_option daemon_options[] = {
    {"socket", 0, DURE_OPTION_FILE, "PATH",
     "$DURE_SOCKET, $XDG_RUNTIME_DIR/dure/dured.sock or the state folder's dured.sock, else /run/dure/dured.sock",
     "the daemon's socket"},
    {NULL},
};

const char *dure_exit_text(enum dure_exit code)
{
    static const char *const texts[] = {
#define X(number, name, text) [number] = text,
        DURE_EXITS(X)
#undef X
    };
    DURE_ASSERT(code >= 0 && code < DURE_EXIT_COUNT);
    return texts[code];
}

enum dure_exit dure_exit_of(enum dure_err err)
{
    switch (err) {
    case DURE_OK: return DURE_EXIT_OK;
    case DURE_E_INVALID:
    case DURE_E_LIMIT:
    case DURE_E_UNSUPPORTED: return DURE_EXIT_USAGE;
    case DURE_E_NOT_FOUND: return DURE_EXIT_NOT_FOUND;
    case DURE_E_DENIED:
    case DURE_E_PERMISSION: return DURE_EXIT_DENIED;
    case DURE_E_UNREACHABLE: return DURE_EXIT_NO_DAEMON;
    case DURE_E_BUSY:
    case DURE_E_RATE:
    case DURE_E_TIMEOUT:
    case DURE_E_FULL: return DURE_EXIT_BUSY;
    default: return DURE_EXIT_NO;
    }
}

/* How many of a verb's words the arguments begin with: all of them, or 0. */
static int matches(const struct dure_verb *verb, int argc, char *const *argv)
{
    int words = 0;
    for (const char *at = verb->name;; at++) {
        const size_t length = strcspn(at, " ");
        if (words == argc || strlen(argv[words]) != length || strncmp(argv[words], at, length) != 0)
            return 0;
        words++;
        at += length;
        if (!*at)
            return words;
    }
}

const struct dure_verb *dure_verb_find(int argc, char *const *argv, int *ret_words)
{
    const struct dure_verb *found = NULL;
    int words = 0;
    for (unsigned i = 0; dure_verbs[i]; i++) {
        const int n = matches(dure_verbs[i], argc, argv);
        if (n > words) {
            words = n;
            found = dure_verbs[i];
        }
    }
    if (found)
        *ret_words = words;
    return found;
}

bool dure_verb_is_sub(const struct dure_verb *verb)
{
    return strchr(verb->name, ' ') != NULL;
}

bool dure_verb_within(const struct dure_verb *verb, const struct dure_verb *group)
{
    const size_t length = strlen(group->name);
    return strncmp(verb->name, group->name, length) == 0 && verb->name[length] == ' ';
}

const char *dure_verb_below(const struct dure_verb *verb, const struct dure_verb *group)
{
    if (group && !dure_verb_within(verb, group))
        return NULL;
    const char *rest = verb->name + (group ? strlen(group->name) + 1 : 0);
    return strchr(rest, ' ') ? NULL : rest;
}

static const struct dure_option *nth(const struct dure_option *options, unsigned *k)
{
    for (; options && options->name; options++)
        if ((*k)-- == 0)
            return options;
    return NULL;
}

const struct dure_option *dure_verb_option(const struct dure_verb *verb, unsigned k)
{
    const struct dure_option *option = nth(verb->options, &k);
    if (option)
        return option;
    if ((verb->flags & DURE_VERB_JSON) && k-- == 0)
        return &json_option;
    if (verb->flags & DURE_VERB_DAEMON) {
        option = nth(daemon_options, &k);
        if (option)
            return option;
    }
    if ((verb->flags & DURE_VERB_STATE) && k-- == 0)
        return &state_option;
    return nth(dure_options_common, &k);
}

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    const unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

static unsigned distance(const char *a, const char *b)
{
    enum { MOST = 24 };
    unsigned row[MOST + 1];
    const size_t n = strlen(b);
    if (n > MOST || strlen(a) > MOST)
        return MOST;
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned corner = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            const unsigned above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
            corner = above;
        }
    }
    return row[n];
}

/* What people type out of habit from elsewhere. */
static const char *habit(const char *word)
{
    static const char *const pairs[][2] = {
        {"sbatch", "submit"},     {"run", "submit"},
        {"squeue", "jobs"},       {"queue", "jobs"},
        {"ls", "jobs"},           {"ps", "jobs"},
        {"list", "jobs"},         {"scancel", "cancel"},
        {"kill", "cancel"},       {"sinfo", "fleet"},
        {"board", "fleet"},       {"start", "up"},
        {"stop", "down"},         {"log", "logs"},
        {"status", "fleet"},      {"sacct", "jobs"},
        {"drain", "nodes drain"}, {"resume", "nodes resume"},
        {"grant", "allot grant"}, {"verify", "audit verify"},
        {"scontrol", "show"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(word, pairs[i][0]) == 0)
            return pairs[i][1];
    return NULL;
}

void dure_verb_closest(const char *word, struct dure_buf *buf)
{
    const char *known = habit(word);
    unsigned least = 3; /* two slips at most */
    for (unsigned i = 0; !known && dure_verbs[i]; i++)
        if (!dure_verb_is_sub(dure_verbs[i]) && distance(word, dure_verbs[i]->name) < least)
            least = distance(word, dure_verbs[i]->name);
    for (unsigned i = 0; !known && least < 3 && dure_verbs[i]; i++)
        if (!dure_verb_is_sub(dure_verbs[i]) && distance(word, dure_verbs[i]->name) == least)
            known = dure_verbs[i]->name;
    if (known)
        dure_buf_str(buf, known);
}

void dure_verb_synopsis(const struct dure_verb *verb, struct dure_buf *buf)
{
    dure_buf_printf(buf, "dure %s", verb->name);
    if (verb->flags & DURE_VERB_GROUP_ONLY)
        dure_buf_str(buf, " VERB");
    else
        dure_buf_str(buf, " [OPTION...]");
    if (*verb->operands)
        dure_buf_printf(buf, " %s", verb->operands);
}

void dure_option_spelling(const struct dure_option *option, struct dure_buf *buf)
{
    if (option->letter)
        dure_buf_printf(buf, "-%c, ", option->letter);
    dure_buf_printf(buf, "--%s", option->name);
    if (option->argument)
        dure_buf_printf(buf, "=%s", option->argument);
}

void dure_option_describe(const struct dure_option *option, struct dure_buf *buf)
{
    dure_buf_str(buf, option->help);
    if (option->choices) {
        dure_buf_str(buf, ": ");
        for (const char *at = option->choices; *at; at++)
            dure_buf_str(buf, *at == '|' ? ", " : (char[]){*at, 0});
    }
    if (option->fallback)
        dure_buf_printf(buf, " (default: %s)", option->fallback);
}
