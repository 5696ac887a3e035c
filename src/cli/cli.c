#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "cli/paths.h"

static const size_t ARENA_MAX = (size_t)1 << 30;
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

bool dure_cli_interrupted(void)
{
    return interrupted != 0;
}

void dure_cli_catch_interrupts(void)
{
    const struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: waiting ends at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* `column`: where the line stands already. Lines are broken on a terminal only: elsewhere a message stays one line, to be searched. */
static void say(struct dure_cli *cli, size_t column, const char *format, va_list args)
{
    DURE_CLEANUP_BUF struct dure_buf raw, clean;
    dure_buf_init(&raw, 1 << 20);
    dure_buf_init(&clean, 1 << 22);
    dure_buf_vprintf(&raw, format, args);
    for (char *line = raw.data; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char text[8192];
        snprintf(text, sizeof text, "%.*s", (int)strcspn(line, "\n"), line);
        if (cli->screen.err_tty && column + dure_term_width(text) > cli->screen.width) {
            DURE_CLEANUP_BUF struct dure_buf lines;
            dure_buf_init(&lines, 1 << 20);
            dure_term_wrap(&lines, text, column ? column - 1 : 0, 2, cli->screen.width);
            dure_buf_str(&clean, lines.data && column && *lines.data == ' ' ? lines.data + 1
                                 : lines.data                               ? lines.data
                                                                            : "");
        } else {
            dure_term_clean(&clean, text);
            dure_buf_byte(&clean, '\n');
        }
        column = 0;
    }
    if (clean.data)
        fwrite(clean.data, 1, clean.length, cli->screen.err);
}

void dure_cli_say(struct dure_cli *cli, const char *text)
{
    DURE_CLEANUP_BUF struct dure_buf lines = {0};
    dure_buf_init(&lines, 1 << 20);
    if (cli->screen.out_tty) {
        dure_term_wrap(&lines, text, 0, 0, cli->screen.width);
    } else {
        dure_term_clean(&lines, text);
        dure_buf_byte(&lines, '\n');
    }
    dure_cli_print(cli, &lines);
}

void dure_cli_note(struct dure_cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, 0, format, args);
    va_end(args);
}

int dure_cli_fail(struct dure_cli *cli, enum dure_exit code, const char *format, ...)
{
    va_list args;
    fflush(cli->screen.out);
    const int head =
        cli->verb ? fprintf(cli->screen.err, "dure %s: ", cli->verb->name) : fprintf(cli->screen.err, "dure: ");
    va_start(args, format);
    say(cli, head > 0 ? (size_t)head : 0, format, args);
    va_end(args);
    return (int)code;
}

int dure_cli_fail_err(struct dure_cli *cli, enum dure_err err, const struct dure_error *error, const char *hint)
{
    const char *text = error && *error->text ? error->text : dure_err_sentence(err);
    return dure_cli_fail(cli, dure_exit_of(err), "%s%s%s", text, hint ? "; " : "", hint ? hint : "");
}

int dure_cli_memory(struct dure_cli *cli)
{
    return dure_cli_fail(cli, DURE_EXIT_NO, "out of memory");
}

int dure_cli_problems(struct dure_cli *cli, const struct dure_problems *problems)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 1 << 20);
    dure_problems_print(problems, &buf);
    fflush(cli->screen.out);
    if (buf.data)
        fwrite(buf.data, 1, buf.length, cli->screen.err);
    return DURE_EXIT_USAGE;
}

const char *dure_cli_read(struct dure_cli *cli, const char *path, size_t max, size_t *ret_length)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    char chunk[65536];
    dure_buf_init(&buf, max);
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    if (fd < 0) {
        dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: %s", path, strerror(errno));
        return NULL;
    }
    while ((got = read(fd, chunk, sizeof chunk)) > 0 && !buf.failed)
        dure_buf_add(&buf, chunk, (size_t)got);
    const int failed = got < 0 ? errno : 0;
    if (!standard)
        close(fd);
    if (failed) {
        dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: %s", path, strerror(failed));
        return NULL;
    }
    if (buf.failed) {
        dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: larger than %zu bytes", path, max);
        return NULL;
    }
    char *copy = dure_arena_alloc(cli->arena, buf.length + 1);
    if (!copy) {
        dure_cli_memory(cli);
        return NULL;
    }
    memcpy(copy, buf.data ? buf.data : "", buf.length);
    *ret_length = buf.length;
    return copy;
}

struct dure_tree *dure_cli_spec(struct dure_cli *cli, const char *path, struct dure_problems *problems)
{
    size_t length, skip;
    struct dure_tree *tree = NULL;
    const char *text = dure_cli_read(cli, path, (size_t)8 << 20, &length);
    if (!text)
        return NULL;
    *problems = (struct dure_problems){.file = path};
    skip = strspn(text, " \t\r\n");
    const enum dure_err err = skip < length && text[skip] == '{'
                                  ? dure_tree_from_json_file(cli->arena, text, length, &tree, problems)
                                  : dure_tree_from_yaml(cli->arena, text, length, &tree, problems);
    if (err == DURE_E_MEMORY)
        dure_cli_memory(cli);
    else if (err)
        dure_cli_problems(cli, problems);
    return err ? NULL : tree;
}

void dure_cli_print_json(struct dure_cli *cli, const json_t *json)
{
    json_dumpf(json, cli->screen.out, (cli->screen.out_tty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_ENCODE_ANY);
    fputc('\n', cli->screen.out);
}

void dure_cli_print(struct dure_cli *cli, struct dure_buf *buf)
{
    if (buf->data)
        fwrite(buf->data, 1, buf->length, cli->screen.out);
    dure_buf_clear(buf);
}

const char *dure_json_text(const json_t *row, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : fallback;
}

int64_t dure_json_int(const json_t *row, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(row, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool dure_json_true(const json_t *row, const char *key)
{
    return json_is_true(json_object_get(row, key));
}

const char *dure_json_time(const json_t *row, const char *key, char text[DURE_TIME_TEXT_MAX])
{
    int64_t us;
    const char *wire = dure_json_text(row, key, "");
    if (!dure_time_parse(wire, NULL, &us))
        return "-";
    return dure_time_format_local(us, text);
}

/* --color must hold for messages about the rest of the line, so it is looked for before parsing. */
static const char *colour_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--color=", 8) == 0)
            return argv[i] + 8;
    return "auto";
}

static int run_help(struct dure_cli *cli)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 1 << 20);
    dure_help_verb(cli->verb, &buf, cli->screen.width);
    dure_cli_print(cli, &buf);
    return DURE_EXIT_OK;
}

/* A listing into a pipe that was closed, or onto a full disk, must not end as if all were well. */
static int flushed(struct dure_cli *cli, int code)
{
    if (fflush(cli->screen.out) == 0 && !ferror(cli->screen.out))
        return code;
    if (errno == EPIPE)
        return code;
    return dure_cli_fail(cli, DURE_EXIT_NO, "writing the output failed: %s", strerror(errno));
}

int dure_cli_main(int argc, char **argv)
{
    struct dure_cli *cli = calloc(1, sizeof *cli);
    struct dure_arena *arena = dure_arena_new(ARENA_MAX);
    bool help = false;
    int code = DURE_EXIT_NO;
    if (!cli || !arena) {
        fputs("dure: out of memory\n", stderr);
    } else {
        static char word[] = "help";
        static char *alone[] = {word, NULL};
        signal(SIGPIPE, SIG_IGN);
        cli->arena = arena;
        cli->program = argv[0];
        dure_screen_detect(&cli->screen, colour_wanted(argc, argv));
        code =
            argc > 1 ? (int)dure_cli_parse(cli, argc - 1, argv + 1, &help) : (int)dure_cli_parse(cli, 1, alone, &help);
        if (!code && !help)
            code = dure_cli_paths(cli);
        if (!code)
            code = help ? run_help(cli) : cli->verb->run(cli);
        code = flushed(cli, code);
        dure_client_free(cli->client);
    }
    dure_arena_free(arena);
    free(cli);
    return code;
}
