/* A batch script and sbatch's options → a Job tree. */
#include "base/timefmt.h"
#include "base/utf8.h"
#include "model/sbatch_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const honoured[] = {
#define X(name, text) text,
    DURE_SBATCH_HONOURED(X)
#undef X
};

bool dure_sbatch_is_script(const char *text, size_t length)
{
    return length >= 2 && text[0] == '#' && text[1] == '!';
}

void dure_sbatch_refuse(struct dure_sbatch *s, enum dure_sbatch_id id, const char *expected)
{
    char field[40], found[96] = "nothing";
    const struct dure_sbatch_text *option = &s->option[id];
    snprintf(field, sizeof field, "--%s", honoured[id]);
    if (option->text)
        dure_problem_quote(found, sizeof found, option->text);
    dure_problem_at(s->problems, option->line, option->column, field, found, "%s", expected);
}

void dure_sbatch_set(struct dure_sbatch *s, struct dure_tree *map, const char *key, const char *text, bool quoted,
                     const struct dure_sbatch_text *at)
{
    struct dure_tree *node = dure_tree_set(s->arena, map, key, text, quoted);
    if (!node) {
        s->no_memory = true;
        return;
    }
    node->line = node->key_line = at->line;
    node->column = node->key_column = at->column;
}

void dure_sbatch_take(struct dure_sbatch *s, const char *name, const char *value, uint32_t line, uint32_t column)
{
    const struct dure_sbatch_known *known = dure_sbatch_find(name);
    char field[64];
    snprintf(field, sizeof field, "--%.56s", name);
    if (!known) {
        const char *near = dure_sbatch_nearest(name);
        dure_problem_at(s->problems, line, column, field, "an unknown option", "%s%s",
                        near ? "--" : "an option of sbatch", near ? near : "");
    } else if (known->value == DURE_SBV_NEEDED && !value) {
        dure_problem_at(s->problems, line, column, field, "nothing", "a value");
    } else if (known->value == DURE_SBV_NONE && value && *value) {
        char found[96];
        dure_problem_quote(found, sizeof found, value);
        dure_problem_at(s->problems, line, column, field, found, "no value");
    } else if (value && !dure_utf8_valid(value, strlen(value))) {
        dure_problem_at(s->problems, line, column, field, "a byte that is not UTF-8", "UTF-8 text");
    } else if (known->why) {
        dure_buf_printf(s->ignored, "--%s%s%s", name, value && *value ? "=" : "", value ? value : "");
        if (line)
            dure_buf_printf(s->ignored, " (line %u)", line);
        dure_buf_printf(s->ignored, ": %s\n", known->why);
    } else {
        s->option[known->id] = (struct dure_sbatch_text){value ? value : "", line, column};
        /* The later of the two wins, as with sbatch. */
        if (known->id == DURE_SB_REQUEUE)
            s->option[DURE_SB_NO_REQUEUE].text = NULL;
        else if (known->id == DURE_SB_NO_REQUEUE)
            s->option[DURE_SB_REQUEUE].text = NULL;
    }
}

static void map_text(struct dure_sbatch *s, struct dure_tree *root, enum dure_sbatch_id id, const char *key)
{
    if (s->option[id].text)
        dure_sbatch_set(s, root, key, s->option[id].text, true, &s->option[id]);
}

/* Slurm's -w asks for at least these nodes, and takes a file for a list; here a list is what the job may use. */
static void map_nodes(struct dure_sbatch *s, struct dure_tree *root, enum dure_sbatch_id id, const char *key)
{
    if (!s->option[id].text)
        return;
    if (strchr(s->option[id].text, '/'))
        dure_sbatch_refuse(s, id, "node names such as n7 or pt-b200-[0001-0004,0007], not a file");
    else
        map_text(s, root, id, key);
    if (id == DURE_SB_NODELIST)
        dure_buf_printf(
            s->ignored,
            "--nodelist=%s as Slurm means it, at least these nodes: here the job uses no others, and need not use "
            "all of them\n",
            s->option[id].text);
}

static void map_flag(struct dure_sbatch *s, struct dure_tree *root, enum dure_sbatch_id id, const char *key,
                     const char *value)
{
    if (s->option[id].text)
        dure_sbatch_set(s, root, key, value, false, &s->option[id]);
}

static void map_time(struct dure_sbatch *s, struct dure_tree *root)
{
    const char *text = s->option[DURE_SB_TIME].text;
    int64_t us;
    char walltime[32];
    if (!text)
        return;
    if (strcasecmp(text, "unlimited") == 0 || strcasecmp(text, "infinite") == 0 ||
        !dure_duration_parse(text, true, &us) || us == 0) {
        dure_sbatch_refuse(s, DURE_SB_TIME, "a limit such as 30 (minutes), 1:30:00 or 2-00:00:00, at most 366 days");
        return;
    }
    snprintf(walltime, sizeof walltime, "%" PRId64 "s", us / DURE_SECOND_US);
    dure_sbatch_set(s, root, "walltime", walltime, true, &s->option[DURE_SB_TIME]);
}

/* Local times are the submitter's, who may be in another zone than the fleet; times with their offset stay as they are. */
static void map_moment(struct dure_sbatch *s, struct dure_tree *root, enum dure_sbatch_id id, const char *key)
{
    const char *text = s->option[id].text;
    char utc[DURE_TIME_TEXT_MAX];
    int64_t us;
    if (!text)
        return;
    if (dure_sbatch_time(text, s->now_us, &us))
        dure_sbatch_set(s, root, key, dure_time_format_utc(us, utc), true, &s->option[id]);
    else if (dure_time_parse(text, NULL, &us))
        map_text(s, root, id, key);
    else
        dure_sbatch_refuse(s, id,
                           "a time such as 16:00, 2026-12-24T08:00, tomorrow, now+2hours or "
                           "2026-12-24T08:00:00+09:00");
}

/* "afterok:12:13" → entries; returns what follows, NULL: not such a clause. */
static const char *map_clause(struct dure_sbatch *s, struct dure_tree *list, const char *at)
{
    static const struct {
        const char *name, *kind;
    } clauses[] = {{"afterok:", "ok"}, {"afterany:", "any"}, {"afternotok:", "failed"}};
    const char *kind = NULL;
    for (unsigned i = 0; i < 3 && !kind; i++)
        if (strncmp(at, clauses[i].name, strlen(clauses[i].name)) == 0) {
            kind = clauses[i].kind;
            at += strlen(clauses[i].name) - 1;
        }
    if (!kind)
        return NULL;
    while (*at == ':') {
        char job[24];
        size_t digits = strspn(++at, "0123456789");
        if (digits == 0 || digits > 18)
            return NULL;
        snprintf(job, sizeof job, "%.*s", (int)digits, at);
        at += digits;
        struct dure_tree *entry = dure_tree_add(s->arena, list, DURE_TREE_MAP, NULL);
        if (!entry) {
            s->no_memory = true;
            return at;
        }
        entry->line = s->option[DURE_SB_DEPENDENCY].line;
        entry->column = s->option[DURE_SB_DEPENDENCY].column;
        dure_sbatch_set(s, entry, "job", job, false, &s->option[DURE_SB_DEPENDENCY]);
        dure_sbatch_set(s, entry, "if", kind, true, &s->option[DURE_SB_DEPENDENCY]);
    }
    return at;
}

static void map_dependency(struct dure_sbatch *s, struct dure_tree *root)
{
    const char *at = s->option[DURE_SB_DEPENDENCY].text;
    if (!at)
        return;
    struct dure_tree *list = dure_tree_add(s->arena, root, DURE_TREE_LIST, "after");
    if (!list) {
        s->no_memory = true;
        return;
    }
    list->line = s->option[DURE_SB_DEPENDENCY].line;
    list->column = s->option[DURE_SB_DEPENDENCY].column;
    do {
        at = map_clause(s, list, at);
    } while (at && *at == ',' && *++at && !s->no_memory);
    if (!at || *at || list->count == 0)
        dure_sbatch_refuse(
            s, DURE_SB_DEPENDENCY,
            "afterok, afterany or afternotok with job numbers, all of which must hold: afterok:12:13,afterany:14");
}

static void map_program(struct dure_sbatch *s, struct dure_tree *root, const char *script, size_t length)
{
    const char *wrap = s->option[DURE_SB_WRAP].text;
    static const struct dure_sbatch_text begin = {"", 1, 1};
    if (wrap && script) {
        dure_sbatch_refuse(s, DURE_SB_WRAP, "either a script or --wrap");
    } else if (wrap) {
        const char *text = dure_arena_printf(s->arena, "#!/bin/sh\n%s\n", wrap);
        s->no_memory |= !text;
        if (text)
            dure_sbatch_set(s, root, "script", text, true, &s->option[DURE_SB_WRAP]);
    } else if (script) {
        const char *text = dure_arena_strndup(s->arena, script, length);
        s->no_memory |= !text;
        if (text)
            dure_sbatch_set(s, root, "script", text, true, &begin);
    } else {
        dure_problem_at(s->problems, 0, 0, "", "nothing to run", "a script, or --wrap with a command");
    }
}

static void map_all(struct dure_sbatch *s, struct dure_tree *root, const char *script, size_t length)
{
    static const struct dure_sbatch_text nowhere;
    dure_sbatch_set(s, root, "kind", "Job", true, &nowhere);
    dure_sbatch_set(s, root, "version", "1", false, &nowhere);
    map_text(s, root, DURE_SB_JOB_NAME, "name");
    map_text(s, root, DURE_SB_ACCOUNT, "project");
    dure_sbatch_map_shape(s, root);
    map_nodes(s, root, DURE_SB_NODELIST, "nodes");
    map_nodes(s, root, DURE_SB_EXCLUDE, "exclude");
    map_time(s, root);
    map_text(s, root, DURE_SB_ARRAY, "array");
    map_dependency(s, root);
    map_moment(s, root, DURE_SB_BEGIN, "begin");
    map_moment(s, root, DURE_SB_DEADLINE, "deadline");
    map_text(s, root, DURE_SB_CHDIR, "workdir");
    map_text(s, root, DURE_SB_OUTPUT, "stdout");
    map_text(s, root, DURE_SB_ERROR, "stderr");
    map_text(s, root, DURE_SB_COMMENT, "comment");
    map_text(s, root, DURE_SB_IMAGE, "image");
    map_flag(s, root, DURE_SB_REQUEUE, "requeue", "true");
    map_flag(s, root, DURE_SB_NO_REQUEUE, "requeue", "false");
    map_flag(s, root, DURE_SB_HOLD, "hold", "true");
    map_program(s, root, script, length);
}

enum dure_err dure_sbatch_to_tree(struct dure_arena *arena, const char *script, size_t length,
                                  const struct dure_sbatch_option *options, uint32_t option_count, int64_t now_us,
                                  struct dure_tree **ret_tree, struct dure_sbatch_flags *ret_flags,
                                  struct dure_buf *ignored, struct dure_problems *problems)
{
    struct dure_sbatch s = {.arena = arena, .problems = problems, .ignored = ignored, .now_us = now_us};
    uint32_t before = problems->total;
    struct dure_tree *root = dure_tree_new(arena, DURE_TREE_MAP);
    if (!root)
        return DURE_E_MEMORY;
    if (script)
        dure_sbatch_read_script(&s, script, length);
    for (uint32_t i = 0; i < option_count; i++) {
        const struct dure_sbatch_known *known = dure_sbatch_find(options[i].name);
        bool without = known && known->value != DURE_SBV_NEEDED && (!options[i].value || !options[i].value[0]);
        dure_sbatch_take(&s, options[i].name, without ? NULL : options[i].value, options[i].line, 0);
    }
    if (problems->total == before)
        map_all(&s, root, script, length);
    if (s.no_memory)
        return DURE_E_MEMORY;
    if (problems->total != before)
        return DURE_E_INVALID;
    ret_flags->parsable = s.option[DURE_SB_PARSABLE].text;
    ret_flags->test_only = s.option[DURE_SB_TEST_ONLY].text;
    *ret_tree = root;
    return DURE_OK;
}
