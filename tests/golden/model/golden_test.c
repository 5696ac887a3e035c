/* Every case NAME.yaml (or .json, .sh) of the folder is read as what its name begins with (fleet-, tenants-, job-, sbatch-, grant-), and what
 * is said about it must be NAME.out, byte for byte. Tenants, jobs and grants are read against fixture-fleet.yaml and fixture-tenants.yaml.
 * DURE_GOLDEN=write writes the .out files instead, to be read before they are kept. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/body.h"
#include "model/job.h"
#include "tap.h"

enum { TEXT_MAX = 1 << 20 };

static const char *folder;
static struct dure_fleet *fleet;
static struct dure_tenants *tenants;

static char *slurp(const char *name, size_t *ret_length)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = malloc(TEXT_MAX + 1);
    if (!text)
        tap_bail("out of memory");
    *ret_length = fread(text, 1, TEXT_MAX, file);
    text[*ret_length] = '\0';
    fclose(file);
    return text;
}

static enum dure_err read_as(const char *name, struct dure_arena *arena, const char *text, size_t length,
                             struct dure_buf *ignored, struct dure_problems *problems)
{
    struct dure_tree *tree = NULL;
    struct dure_fleet *some_fleet = NULL;
    struct dure_tenants *some_tenants = NULL;
    struct dure_job job;
    struct dure_body *body = NULL;
    struct dure_sbatch_flags flags;
    struct dure_allotment *rows;
    uint32_t count;
    enum dure_err err;
    if (strncmp(name, "sbatch-", 7) == 0)
        err = dure_sbatch_to_tree(arena, text, length, NULL, 0, INT64_C(1767225600000000), &tree, &flags, ignored,
                                  problems);
    else if (strstr(name, ".json"))
        err = dure_tree_from_json_file(arena, text, length, &tree, problems);
    else
        err = dure_tree_from_yaml(arena, text, length, &tree, problems);
    if (err)
        return err;
    if (strncmp(name, "fleet-", 6) == 0) {
        err = dure_fleet_parse(tree, &some_fleet, problems);
        if (!err)
            dure_fleet_free(some_fleet);
    } else if (strncmp(name, "tenants-", 8) == 0) {
        err = dure_tenants_parse(tree, fleet, &some_tenants, problems);
        if (!err)
            dure_tenants_free(some_tenants);
    } else if (strncmp(name, "grant-", 6) == 0) {
        err = dure_allotment_parse(tree, fleet, tenants, arena, NULL, NULL, &rows, &count, problems);
    } else {
        err = dure_job_parse(tree, fleet, tenants, &job, &body, problems);
        if (!err)
            dure_body_free(body);
    }
    return err;
}

static void run_case(const char *name)
{
    size_t length = 0, wanted_length = 0;
    char *text = slurp(name, &length);
    char out_name[300];
    snprintf(out_name, sizeof out_name, "%.*s.out", (int)(strrchr(name, '.') - name), name);
    struct dure_arena *arena = dure_arena_new(64 << 20);
    struct dure_problems problems = {.file = name};
    struct dure_buf said, ignored;
    dure_buf_init(&said, TEXT_MAX);
    dure_buf_init(&ignored, TEXT_MAX);
    enum dure_err err = read_as(name, arena, text, length, &ignored, &problems);
    TAP_OK((err != DURE_OK) == (problems.total > 0), "%s: an error has a text, and only an error", name);
    if (!err)
        dure_buf_str(&said, "fine\n");
    dure_problems_print(&problems, &said);
    dure_buf_add(&said, ignored.data ? ignored.data : "", ignored.length);
    if (getenv("DURE_GOLDEN")) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, out_name);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(said.data, 1, said.length, file) != said.length || fclose(file) != 0)
            tap_bail("cannot write %s", path);
    }
    char *wanted = slurp(out_name, &wanted_length);
    TAP_EQ_STR(said.data, wanted ? wanted : "(no .out file)", "%s", name);
    free(wanted);
    free(text);
    dure_buf_release(&said);
    dure_buf_release(&ignored);
    dure_arena_free(arena);
}

static void load_fixtures(void)
{
    struct dure_arena *arena = dure_arena_new(64 << 20);
    struct dure_problems problems = {.file = "fixture"};
    struct dure_tree *tree;
    size_t length;
    char *text = slurp("fixture-fleet.yaml", &length);
    if (!text || dure_tree_from_yaml(arena, text, length, &tree, &problems) ||
        dure_fleet_parse(tree, &fleet, &problems))
        tap_bail("fixture-fleet.yaml: %s", problems.at[0].expected);
    free(text);
    text = slurp("fixture-tenants.yaml", &length);
    if (!text || dure_tree_from_yaml(arena, text, length, &tree, &problems) ||
        dure_tenants_parse(tree, fleet, &tenants, &problems))
        tap_bail("fixture-tenants.yaml: %s", problems.at[0].expected);
    free(text);
    dure_arena_free(arena);
}

static int is_case(const struct dirent *entry)
{
    const char *name = entry->d_name, *dot = strrchr(name, '.');
    return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".json") || !strcmp(dot, ".sh")) &&
           strncmp(name, "fixture-", 8) != 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        tap_bail("usage: golden_test FOLDER");
    folder = argv[1];
    load_fixtures();
    struct dirent **entries;
    int count = scandir(folder, &entries, is_case, alphasort);
    if (count <= 0)
        tap_bail("no cases in %s", folder);
    for (int i = 0; i < count; i++) {
        run_case(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
    return tap_done();
}
