/* A YAML Job or a batch script → a Job tree, checked here, sent as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/apply.h"
#include "cli/cli.h"
#include "cli/env.h"
#include "cli/handlers.h"
#include "cli/node.h"
#include "cli/paths.h"
#include "cli/render.h"
#include "model/body.h"
#include "model/job.h"

static const size_t TEXT_MAX = (size_t)8 << 20;

struct wanted {
    const char *file; /* as named; "command line" with --wrap */
    struct dure_tree *tree;
    bool script;
    bool parsable, test_only;
};

/* The table's options that sbatch has too, as the model wants them. --json and the like are not among them. */
static uint32_t collect(struct dure_cli *cli, struct dure_sbatch_option *options)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < cli->value_count; i++) {
        bool takes;
        /* --export is this program's: the environment is here, not at the daemon. */
        if (strcmp(cli->values[i].option->name, "export") != 0 &&
            dure_sbatch_known(cli->values[i].option->name, &takes))
            options[count++] =
                (struct dure_sbatch_option){.name = cli->values[i].option->name, .value = cli->values[i].text};
    }
    for (unsigned i = 0; i < cli->extra_count; i++)
        options[count++] = (struct dure_sbatch_option){.name = cli->extras[i].name, .value = cli->extras[i].value};
    return count;
}

static void name_ignored(struct dure_cli *cli, struct dure_buf *ignored)
{
    for (char *line = ignored->data; line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        if (*line && strncmp(line, "--export=", 9) != 0)
            dure_cli_note(cli, "dure submit: not honoured: %s", line);
        line = end ? end + 1 : NULL;
    }
}

static const char *export_rule(const struct dure_cli *cli, const char *script, size_t length)
{
    const char *rule = dure_cli_text(cli, "export");
    if (rule)
        return rule;
    /* A script's own line, where the command line says nothing. */
    for (const char *at = script; at && (size_t)(at - script) < length && *at;
         at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, "#SBATCH", 7) != 0)
            continue;
        const char *found = strstr(at, "--export");
        const char *end = at + strcspn(at, "\n");
        if (found && found < end && (found[8] == '=' || found[8] == ' '))
            return dure_arena_strndup(cli->arena, found + 9, strcspn(found + 9, " \t\r\n"));
    }
    return getenv("SBATCH_EXPORT");
}

static int add_surroundings(struct dure_cli *cli, struct wanted *wanted, const char *script, size_t length)
{
    DURE_CLEANUP_BUF struct dure_buf left_out;
    char here[DURE_CLI_PATH_MAX];
    dure_buf_init(&left_out, 1 << 16);
    struct dure_tree *workdir = (struct dure_tree *)dure_tree_get(wanted->tree, "workdir");
    if (!workdir) {
        if (!getcwd(here, sizeof here))
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "the present directory cannot be named; give one with --chdir");
        if (!dure_node_text(cli->arena, wanted->tree, "workdir", here, true, 0, 0))
            return dure_cli_memory(cli);
    } else if (workdir->kind == DURE_TREE_SCALAR && workdir->text[0] != '/' && wanted->script) {
        if (!dure_cli_absolute(workdir->text, here) || !(workdir->text = dure_arena_strdup(cli->arena, here)))
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "--chdir: the path is too long");
    }
    if (!wanted->script || dure_tree_get(wanted->tree, "env"))
        return DURE_EXIT_OK;
    if (!dure_env_capture(cli->arena, wanted->tree, export_rule(cli, script, length), environ, &left_out))
        return dure_cli_memory(cli);
    if (left_out.length > 0)
        dure_cli_note(cli, "dure submit: variables left out (too large, or not text): %s", left_out.data);
    return DURE_EXIT_OK;
}

static bool shell_script(const char *script, size_t length)
{
    static const char *const shells[] = {"sh", "bash", "dash", "zsh", "ksh", "ash"};
    char line[256];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(script, "\n"), length ? script : "");
    line[strcspn(line, "\r")] = 0;
    char *word = line + strspn(line, "#! \t");
    char *rest = word + strcspn(word, " \t");
    const bool env = rest - word >= 4 && strncmp(rest - 4, "/env", 4) == 0;
    if (env) {
        word = rest + strspn(rest, " \t");
        rest = word + strcspn(word, " \t");
    }
    *rest = 0;
    const char *base = strrchr(word, '/') ? strrchr(word, '/') + 1 : word;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(base, shells[i]) == 0)
            return true;
    return false;
}

/* Arguments of a script: set in a line after its first, once its #SBATCH lines were read; so its line numbers move by one. */
static bool set_arguments(struct dure_cli *cli, struct dure_tree *job)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    struct dure_tree *node = (struct dure_tree *)dure_tree_get(job, "script");
    const char *script = node->text;
    const size_t first = strcspn(script, "\n");
    dure_buf_init(&buf, TEXT_MAX);
    dure_buf_add(&buf, script, first);
    dure_buf_str(&buf, "\nset --");
    for (int i = 1; i < cli->argc; i++) {
        dure_buf_str(&buf, " '");
        for (const char *at = cli->argv[i]; *at; at++)
            dure_buf_str(&buf, *at == '\'' ? "'\\''" : (char[]){*at, 0});
        dure_buf_str(&buf, "'");
    }
    dure_buf_str(&buf, script + first);
    node->text = buf.failed ? NULL : dure_arena_strdup(cli->arena, buf.data);
    return node->text != NULL;
}

static int from_script(struct dure_cli *cli, struct wanted *wanted, const char *script, size_t length,
                       struct dure_problems *problems)
{
    DURE_CLEANUP_BUF struct dure_buf ignored;
    struct dure_sbatch_option *options =
        DURE_ARENA_NEW(cli->arena, struct dure_sbatch_option, DURE_VERB_OPTIONS_MAX + DURE_CLI_EXTRA_MAX + 1);
    struct dure_sbatch_flags flags = {0};
    dure_buf_init(&ignored, 1 << 20);
    if (!options)
        return dure_cli_memory(cli);
    uint32_t count = collect(cli, options);
    if (!script && !dure_cli_given(cli, "job-name"))
        options[count++] = (struct dure_sbatch_option){.name = "job-name", .value = "wrap"};
    else if (script && !dure_cli_given(cli, "job-name") && strcmp(wanted->file, "-") != 0) {
        const char *slash = strrchr(wanted->file, '/');
        if (!strstr(script, "#SBATCH") || (!strstr(script, "--job-name") && !strstr(script, "-J")))
            options[count++] =
                (struct dure_sbatch_option){.name = "job-name", .value = slash ? slash + 1 : wanted->file};
    }
    const enum dure_err err =
        dure_sbatch_to_tree(cli->arena, script, length, options, count, dure_screen_now_us(&cli->screen), &wanted->tree,
                            &flags, &ignored, problems);
    name_ignored(cli, &ignored);
    if (err)
        return problems->total ? dure_cli_problems(cli, problems) : dure_cli_fail_err(cli, err, NULL, NULL);
    wanted->script = true;
    wanted->parsable |= flags.parsable;
    wanted->test_only |= flags.test_only;
    return add_surroundings(cli, wanted, script, length);
}

/* A YAML job says everything itself. */
static int only_yaml_options(struct dure_cli *cli)
{
    static const char *const fine[] = {"parsable", "test-only", "json", "socket", "state", "color", "hold"};
    for (unsigned i = 0; i < cli->value_count; i++) {
        bool ok = false;
        for (size_t k = 0; k < sizeof fine / sizeof *fine; k++)
            ok |= strcmp(cli->values[i].option->name, fine[k]) == 0;
        if (!ok)
            return dure_cli_fail(cli, DURE_EXIT_USAGE,
                                 "--%s is for scripts; in a YAML job the file says it (docs/reference/specs.md)",
                                 cli->values[i].option->name);
    }
    if (cli->extra_count > 0)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "--%s is for scripts; in a YAML job the file says it (docs/reference/specs.md)",
                             cli->extras[0].name);
    if (cli->argc > 1)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "'%s': arguments are for scripts; in a YAML job they stand in its command", cli->argv[1]);
    return DURE_EXIT_OK;
}

static int from_yaml(struct dure_cli *cli, struct wanted *wanted, const char *text, size_t length,
                     struct dure_problems *problems)
{
    int code = only_yaml_options(cli);
    if (code)
        return code;
    const bool json = text[strspn(text, " \t\r\n")] == '{';
    const enum dure_err err = json ? dure_tree_from_json_file(cli->arena, text, length, &wanted->tree, problems)
                                   : dure_tree_from_yaml(cli->arena, text, length, &wanted->tree, problems);
    if (err)
        return problems->total ? dure_cli_problems(cli, problems) : dure_cli_fail_err(cli, err, NULL, NULL);
    if (wanted->tree->kind == DURE_TREE_MAP && dure_cli_flag(cli, "hold") && !dure_tree_get(wanted->tree, "hold") &&
        !dure_node_text(cli->arena, wanted->tree, "hold", "true", false, 0, 0))
        return dure_cli_memory(cli);
    return wanted->tree->kind == DURE_TREE_MAP ? add_surroundings(cli, wanted, NULL, 0) : DURE_EXIT_OK;
}

static int read_job(struct dure_cli *cli, struct wanted *wanted, struct dure_problems *problems)
{
    size_t length = 0;
    if (dure_cli_given(cli, "wrap")) {
        if (cli->argc > 0)
            return dure_cli_fail(cli, DURE_EXIT_USAGE, "'%s': with --wrap there is no script", cli->argv[0]);
        problems->file = wanted->file = "command line";
        return from_script(cli, wanted, NULL, 0, problems);
    }
    if (cli->argc == 0)
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "what? expected a file, \"-\" for standard input, or --wrap COMMAND");
    problems->file = wanted->file = cli->argv[0];
    const char *text = dure_cli_read(cli, cli->argv[0], TEXT_MAX, &length);
    if (!text)
        return DURE_EXIT_USAGE;
    if (!dure_sbatch_is_script(text, length))
        return from_yaml(cli, wanted, text, length, problems);
    if (cli->argc > 1 && !shell_script(text, length))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "'%s': arguments can be given to shell scripts only; put them into the script, or use a "
                             "command in a YAML job",
                             cli->argv[1]);
    const int code = from_script(cli, wanted, text, length, problems);
    if (!code && cli->argc > 1 && !set_arguments(cli, wanted->tree))
        return dure_cli_memory(cli);
    return code;
}

static int check(struct dure_cli *cli, const struct wanted *wanted, struct dure_problems *problems)
{
    struct dure_job job;
    struct dure_body *body = NULL;
    const enum dure_err err = dure_job_parse(wanted->tree, NULL, NULL, &job, &body, problems);
    if (err)
        return problems->total ? dure_cli_problems(cli, problems) : dure_cli_fail_err(cli, err, NULL, NULL);
    dure_body_free(body);
    return DURE_EXIT_OK;
}

/* What refuses it, each rule once; the figures are in the table below. */
static bool say_never(json_t *answer)
{
    DURE_CLEANUP_BUF struct dure_buf said;
    const json_t *rows = json_object_get(answer, "rows");
    dure_buf_init(&said, 1 << 16);
    dure_buf_str(&said, "this job can never run: ");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *text = dure_json_text(json_array_get(rows, i), "text", "");
        bool seen = !*text;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(dure_json_text(json_array_get(rows, k), "text", ""), text) == 0;
        if (!seen)
            dure_buf_printf(&said, "%s%s", i ? "; " : "", text);
    }
    if (json_array_size(rows) == 0)
        dure_buf_str(&said, dure_json_text(answer, "sentence", ""));
    return !said.failed && json_object_set_new(answer, "sentence", json_string(said.data)) == 0;
}

/* Where and when, before the reasons. */
static void say_place(const struct dure_cli *cli, const json_t *answer)
{
    const json_t *place = json_object_get(answer, "place");
    char gpus[32];
    if (!json_is_object(place))
        return;
    const char *allot = dure_json_text(place, "allotment", "");
    dure_text_grouped(dure_json_int(place, "gpus", 0), gpus);
    fprintf(cli->screen.out, "It would start %s on %s: %s GPU%s, %s%s%s.\n",
            dure_json_true(place, "clear") ? "now" : "when the borrowers there have had their notice,",
            dure_json_text(place, "nodes", ""), gpus, strcmp(gpus, "1") == 0 ? "" : "s",
            *allot ? "by allotment '" : "borrowed", allot, *allot ? "'" : "");
}

/* A refusal is shown in one form, whether it was asked about or met: on standard output where it is the answer. */
static int answer_test(struct dure_cli *cli, json_t *answer, bool asked)
{
    const bool never = dure_json_true(answer, "never");
    struct dure_screen screen = cli->screen;
    if (dure_cli_json(cli) && asked) {
        dure_cli_print_json(cli, answer);
        return never ? DURE_EXIT_NO : DURE_EXIT_OK;
    }
    if (!asked) {
        screen.out = screen.err;
        screen.colour = false;
    }
    if (asked)
        say_place(cli, answer);
    if ((never && !say_never(answer)) || dure_render_why(&screen, answer))
        return dure_cli_memory(cli);
    return never ? DURE_EXIT_NO : DURE_EXIT_OK;
}

static int send_job(struct dure_cli *cli, const struct wanted *wanted, const struct dure_buf *body, bool test,
                    json_t **ret_answer)
{
    struct dure_reply reply;
    enum dure_err err;
    struct dure_cli_call call = {.method = "POST",
                                 .path = "/v1/jobs",
                                 .query = test ? "test_only=true" : NULL,
                                 .body = body->data,
                                 .body_length = body->length,
                                 .tree = wanted->tree,
                                 .file = wanted->file};
    if (test)
        return dure_cli_call(cli, &call, ret_answer);
    call.mute = DURE_E_NEVER;
    const int code = dure_cli_fetch(cli, &call, &reply, &err);
    if (!code)
        *ret_answer = json_incref(reply.json);
    else if (err == DURE_E_NEVER) { /* the proof, place by place */
        json_t *proof = NULL;
        if (send_job(cli, wanted, body, true, &proof) == DURE_EXIT_OK) {
            if (dure_json_true(proof, "never"))
                answer_test(cli, proof, false);
            else /* another's fault than of a place, such as a dependency's */
                dure_cli_fail(cli, DURE_EXIT_NO, "this job can never run: %s",
                              dure_json_text(json_object_get(reply.json, "error"), "message", dure_err_sentence(err)));
        }
        json_decref(proof);
    }
    dure_reply_release(&reply);
    return code;
}

static int submit(struct dure_cli *cli, bool whatif)
{
    DURE_CLEANUP_BUF struct dure_buf body;
    json_t *answer = NULL;
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    struct wanted wanted = {.parsable = dure_cli_flag(cli, "parsable"),
                            .test_only = whatif || dure_cli_flag(cli, "test-only")};
    dure_buf_init(&body, TEXT_MAX);
    if (!problems)
        return dure_cli_memory(cli);
    int code = read_job(cli, &wanted, problems);
    if (!code)
        code = check(cli, &wanted, problems);
    if (code)
        return code;
    dure_tree_to_json(wanted.tree, &body);
    if (body.failed)
        return dure_cli_fail(cli, DURE_EXIT_USAGE, "%s: larger than 8 MiB as JSON", wanted.file);
    code = send_job(cli, &wanted, &body, wanted.test_only, &answer);
    if (!code && wanted.test_only)
        code = answer_test(cli, answer, true);
    else if (!code && dure_cli_json(cli))
        dure_cli_print_json(cli, answer);
    else if (!code)
        fprintf(cli->screen.out, wanted.parsable ? "%" PRId64 "\n" : "Submitted batch job %" PRId64 "\n",
                dure_json_int(answer, "job", 0));
    if (!code && *dure_json_text(answer, "note", ""))
        fprintf(cli->screen.err, "note: %s\n", dure_json_text(answer, "note", ""));
    json_decref(answer);
    return code;
}

int dure_cmd_whatif_submit(struct dure_cli *cli)
{
    return submit(cli, true);
}

int dure_cmd_submit(struct dure_cli *cli)
{
    return submit(cli, false);
}
