#pragma once
/* The one table of verbs. Parsing, `dure help`, the man pages, shell completion and docs/reference/cli.md are all made from it, so
 * that they cannot disagree. A verb of several words ("allot grant") stands in its own row beside its group's ("allot"). */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct dure_cli;

enum { DURE_VERB_OPTIONS_MAX = 64, DURE_VERB_EXAMPLES_MAX = 6 };

/* code, symbol, what it means */
#define DURE_EXITS(X)                                                                                                  \
    X(0, OK, "done, or the answer is yes")                                                                             \
    X(1, NO, "the answer is no, or it failed")                                                                         \
    X(2, USAGE, "the command line or the input is not as it must be; nothing was changed")                             \
    X(3, NO_DAEMON, "no daemon answers")                                                                               \
    X(4, DENIED, "your roles, or the system, do not allow it")                                                         \
    X(5, NOT_FOUND, "there is no such job, node, tenant, allotment or record")                                         \
    X(6, BUSY, "too much at once, not ready, or no answer in time; the same command may succeed later")

enum dure_exit {
#define X(code, name, text) DURE_EXIT_##name = code,
    DURE_EXITS(X)
#undef X
        DURE_EXIT_COUNT,
};
const char *dure_exit_text(enum dure_exit code);
enum dure_exit dure_exit_of(enum dure_err err);

enum dure_option_type {
    DURE_OPTION_FLAG,
    DURE_OPTION_TEXT,
    DURE_OPTION_COUNT, /* a whole number least..most */
    DURE_OPTION_FILE,
    DURE_OPTION_DIR,
    DURE_OPTION_CHOICE,  /* one of `choices`, "a|b|c" */
    DURE_OPTION_SECONDS, /* "90", "1m30s" */
};

struct dure_option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum dure_option_type type;
    const char *argument; /* "FILE"; NULL for a flag */
    const char *fallback; /* what holds without it; NULL: nothing to say. Read as the value where it is one */
    const char *help;     /* one sentence, no full stop */
    const char *choices;
    int64_t least, most;
};

enum dure_operand {
    DURE_OPERAND_NONE,
    DURE_OPERAND_FILE,
    DURE_OPERAND_DIR,
    DURE_OPERAND_JOB,
    DURE_OPERAND_NODE,
    DURE_OPERAND_ALLOT,
    DURE_OPERAND_VERB,
    DURE_OPERAND_SHELL,
    DURE_OPERAND_RECORD
};

enum dure_verb_flag {
    DURE_VERB_JSON = 1,        /* --json */
    DURE_VERB_DAEMON = 2,      /* talks to the daemon: --socket */
    DURE_VERB_STATE = 4,       /* --state */
    DURE_VERB_STOPS_EARLY = 8, /* options end at the first operand; what follows belongs to it */
    DURE_VERB_SBATCH = 16,     /* options that the table lacks are looked up among sbatch's */
    DURE_VERB_RAW = 32,        /* everything after the verb is handed on unread */
    DURE_VERB_GROUP_ONLY = 64, /* a group without an action of its own */
    DURE_VERB_REPEATS = 128,   /* an option may be given several times, and each counts */
    DURE_VERB_ALONE = 256,     /* with DAEMON: goes on without one as well */
};

struct dure_verb_example {
    const char *command;
    const char *text;
};

struct dure_verb {
    const char *name;     /* "allot grant" */
    const char *operands; /* "FILE|-|SCRIPT [ARGUMENT...]"; "" = none */
    const char *title;    /* one line, no full stop */
    const char *text;     /* paragraphs, parted by empty lines; a line that begins with two spaces stands as it is */
    unsigned flags;
    unsigned operands_least, operands_most;
    enum dure_operand operand;
    const struct dure_option *options; /* ends with a NULL name; NULL: none of its own */
    struct dure_verb_example examples[DURE_VERB_EXAMPLES_MAX];
    unsigned exits; /* bit = exit code; 0 and 2 are always among them */
    int (*run)(struct dure_cli *cli);
};

extern const struct dure_verb *const dure_verbs[];     /* in the order in which they are shown; ends with NULL */
extern const struct dure_option dure_options_common[]; /* --help, --color: of every verb */

/* The verb whose words argv[0], argv[1]... begin with; longest match. `ret_words`: how many they are. NULL: no such verb. */
const struct dure_verb *dure_verb_find(int argc, char *const *argv, int *ret_words);
bool dure_verb_is_sub(const struct dure_verb *verb);                                /* has several words */
bool dure_verb_within(const struct dure_verb *verb, const struct dure_verb *group); /* "allot grant" in "allot" */
/* The word by which a verb is known right below its group (NULL: the top): "grant" below "allot". NULL: it does not stand there. */
const char *dure_verb_below(const struct dure_verb *verb, const struct dure_verb *group);
/* The k-th option of a verb, own ones first, then those that its flags bring and the common ones. NULL: no more. */
const struct dure_option *dure_verb_option(const struct dure_verb *verb, unsigned k);
void dure_verb_closest(const char *word, struct dure_buf *buf); /* the likeliest verb meant, or nothing */

/* The synopsis of a verb: "dure allot grant [options] TENANT ...". */
void dure_verb_synopsis(const struct dure_verb *verb, struct dure_buf *buf);
/* "-f, --follow", "-n, --limit=N" */
void dure_option_spelling(const struct dure_option *option, struct dure_buf *buf);
/* The help of an option with its type's range and default: "most rows; 1 to 1000 (default 100)". */
void dure_option_describe(const struct dure_option *option, struct dure_buf *buf);

/* Documents made from the table. */
void dure_help_all(struct dure_buf *buf, unsigned width);
void dure_help_verb(const struct dure_verb *verb, struct dure_buf *buf, unsigned width);
void dure_man_page(const struct dure_verb *verb,
                   struct dure_buf *buf); /* NULL: dure(1) itself; a group's page holds its sub-verbs */
void dure_reference_markdown(struct dure_buf *buf);
bool dure_completion(const char *shell, struct dure_buf *buf); /* false: no such shell */
