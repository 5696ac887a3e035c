#pragma once
/* What a verb's handler is given: its parsed command line, the screen, and a way to ask the daemon. Handlers return an exit code. */
#include <jansson.h>

#include "base/arena.h"
#include "base/timefmt.h"
#include "cli/screen.h"
#include "cli/verb.h"
#include "client/client.h"

enum { DURE_CLI_PATH_MAX = 4096, DURE_CLI_EXTRA_MAX = 256 };

struct dure_cli_value {
    const struct dure_option *option;
    const char *text; /* NULL: not given. A flag: "" */
};

/* An sbatch option that the verb's table does not list. */
struct dure_cli_extra {
    const char *name;
    const char *value;
};

struct dure_cli {
    const struct dure_verb *verb;
    struct dure_screen screen;
    struct dure_arena *arena; /* for the command's lifetime */
    struct dure_cli_value values[DURE_VERB_OPTIONS_MAX];
    unsigned value_count;
    struct dure_cli_extra extras[DURE_CLI_EXTRA_MAX];
    unsigned extra_count;
    int argc; /* operands */
    char **argv;
    char state[DURE_CLI_PATH_MAX]; /* the state folder */
    char socket[DURE_CLI_PATH_MAX];
    const char *program;        /* path of this program, for its neighbours */
    struct dure_client *client; /* made at the first call */
};

/* The whole program: parses, runs, returns the exit code. */
int dure_cli_main(int argc, char **argv);

/* Fills verb, values and operands from argv (without the program's name). DURE_EXIT_OK, or the message is on screen.err. `ret_help`:
 * --help was asked for. */
enum dure_exit dure_cli_parse(struct dure_cli *cli, int argc, char **argv, bool *ret_help);

/* Options by name; naming one that the verb does not have is a programmer's error. */
const char *dure_cli_text(const struct dure_cli *cli,
                          const char *name); /* its value, its fallback where that is a value, or NULL */
bool dure_cli_flag(const struct dure_cli *cli, const char *name);
bool dure_cli_given(const struct dure_cli *cli, const char *name);
int64_t dure_cli_count(const struct dure_cli *cli,
                       const char *name); /* COUNT, and SECONDS in microseconds; −1: not given, no default */
bool dure_cli_json(const struct dure_cli *cli);

/* "dure jobs: ..." on standard error; returns `code`. */
int dure_cli_fail(struct dure_cli *cli, enum dure_exit code, const char *format, ...) DURE_PRINTF(3, 4);
int dure_cli_fail_err(struct dure_cli *cli, enum dure_err err, const struct dure_error *error, const char *hint);
int dure_cli_memory(struct dure_cli *cli);
int dure_cli_problems(struct dure_cli *cli, const struct dure_problems *problems);
void dure_cli_say(struct dure_cli *cli, const char *text); /* a line on standard output, broken on a terminal */
void dure_cli_note(struct dure_cli *cli, const char *format, ...) DURE_PRINTF(2, 3); /* a line on standard error */

/* Asking the daemon. On failure the message is out and the exit code is returned; else *ret_json belongs to the caller (NULL when the
 * answer is no JSON). A write carries a fresh idempotency key and is tried once more under the same key when the connection broke. */
struct dure_cli_call {
    const char *method; /* "GET" */
    const char *path;
    const char *query;
    const char *body; /* JSON text */
    size_t body_length;
    const struct dure_tree *tree; /* the spec that the body was made from, for line and column; may be NULL */
    const char *file;             /* its name */
    const char *key;              /* idempotency key of a write; NULL: a fresh one */
    bool quiet;                   /* no message: the caller looks at `ret_err` */
    enum dure_err mute;           /* no message for this one fault (DURE_OK: none) */
};
int dure_cli_call(struct dure_cli *cli, const struct dure_cli_call *call, json_t **ret_json);
int dure_cli_get(struct dure_cli *cli, const char *path, const char *query, json_t **ret_json);
/* The same, bytes and headers kept; the reply is the caller's to release, also on failure. */
int dure_cli_fetch(struct dure_cli *cli, const struct dure_cli_call *call, struct dure_reply *ret_reply,
                   enum dure_err *ret_err);
/* Joins all pages of a listing into one array under `name`. `limit` rows at most (0: all). */
int dure_cli_list(struct dure_cli *cli, const char *path, const char *query, const char *name, uint64_t limit,
                  json_t **ret_json);
struct dure_client *dure_cli_client(struct dure_cli *cli, int *ret_exit); /* NULL: ret_exit says why */

/* Reads a file ("-": standard input) whole, at most `max` bytes; lives in the arena. NULL: the message is out. */
const char *dure_cli_read(struct dure_cli *cli, const char *path, size_t max, size_t *ret_length);
/* Reads a YAML (or JSON) spec into a tree; NULL: the message is out. */
struct dure_tree *dure_cli_spec(struct dure_cli *cli, const char *path, struct dure_problems *problems);

void dure_cli_print_json(struct dure_cli *cli, const json_t *json); /* indented on a terminal, one line elsewhere */
void dure_cli_print(struct dure_cli *cli, struct dure_buf *buf);    /* writes and clears it */
bool dure_cli_interrupted(void); /* SIGINT or SIGTERM came (verbs that follow or watch) */
void dure_cli_catch_interrupts(void);

/* JSON with defaults, for rows whose fields may be absent or null. */
const char *dure_json_text(const json_t *row, const char *key, const char *fallback);
int64_t dure_json_int(const json_t *row, const char *key, int64_t fallback);
bool dure_json_true(const json_t *row, const char *key);
/* An RFC 3339 field in the user's zone, "-" when absent. */
const char *dure_json_time(const json_t *row, const char *key, char text[DURE_TIME_TEXT_MAX]);
