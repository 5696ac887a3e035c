/* `dure site check`: what in a site's Slurm would reorder or break what the core decided. */
#include <stdarg.h>
#include <string.h>

#include "cli/apply.h"
#include "cli/handlers.h"
#include "cli/reach.h"
#include "engine/slurm/survey.h"

static struct dure_fleet *fleet_of(struct dure_cli *cli, int *ret_exit)
{
    struct dure_problems *problems = dure_arena_alloc(cli->arena, sizeof *problems);
    const char *file = dure_cli_text(cli, "fleet");
    struct dure_fleet *fleet = NULL;
    json_t *spec = NULL;
    *ret_exit = DURE_EXIT_USAGE;
    if (file) {
        const struct dure_tree *tree = problems ? dure_cli_spec(cli, file, problems) : NULL;
        if (tree)
            *ret_exit = dure_apply_check_fleet(cli, tree, file, &fleet);
        return fleet;
    }
    *ret_exit = dure_cli_get(cli, "/v1/fleet/spec", NULL, &spec); /* its words, if there is none */
    json_decref(spec);
    return *ret_exit ? NULL : dure_apply_fleet(cli);
}

static const char *const level_words[] = {"ok", "warn", "fail"};

static void print_json(struct dure_cli *cli, const char *site, const struct dure_slurm_survey *survey,
                       const struct dure_slurm_findings *findings, bool passed)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < findings->count; i++) {
        const struct dure_slurm_finding *one = &findings->at[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s}", "level", level_words[one->level], "what",
                                        one->what, "found", one->found, "expected", one->expected, "line", one->line));
    }
    json_t *whole = json_pack("{s:s, s:s, s:b, s:o}", "site", site, "version", survey ? survey->version : "", "passed",
                              passed, "findings", list);
    if (whole)
        dure_cli_print_json(cli, whole);
    json_decref(whole);
}

static void put_finding(struct dure_cli *cli, struct dure_buf *buf, const struct dure_slurm_finding *one)
{
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(buf, "%-5s", dure_slurm_level_name(one->level));
    if (one->level == DURE_SLURM_OK)
        dure_buf_printf(&text, "%s: %s", one->what, one->found);
    else
        dure_buf_printf(&text, "%s: found %s, expected %s", one->what, one->found, one->expected);
    dure_term_wrap(buf, text.data ? text.data : "", 5, 5, cli->screen.width);
    if (one->level != DURE_SLURM_OK && *one->line)
        dure_buf_printf(buf, "       %s\n", one->line);
}

static int report(struct dure_cli *cli, const char *site, const struct dure_slurm_survey *survey,
                  const struct dure_slurm_findings *findings)
{
    unsigned counts[3] = {0};
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, 1 << 20);
    for (uint32_t i = 0; i < findings->count; i++)
        counts[findings->at[i].level]++;
    const bool passed = counts[DURE_SLURM_FAIL] == 0;
    if (dure_cli_json(cli))
        print_json(cli, site, survey, findings, passed);
    else {
        for (int level = DURE_SLURM_FAIL; level >= DURE_SLURM_OK; level--)
            for (uint32_t i = 0; i < findings->count; i++)
                if ((int)findings->at[i].level == level)
                    put_finding(cli, &buf, &findings->at[i]);
        dure_buf_printf(&buf, "%s: %u fail, %u warn, %u ok.%s\n", site, counts[2], counts[1], counts[0],
                        counts[2] + counts[1] ? " Indented lines go into slurm.conf; then scontrol reconfigure." : "");
        dure_cli_print(cli, &buf);
    }
    return passed ? DURE_EXIT_OK : DURE_EXIT_NO;
}

static const char *kept(struct dure_cli *cli, const char *format, ...) DURE_PRINTF(2, 3);
static const char *kept(struct dure_cli *cli, const char *format, ...)
{
    char line[1400];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const char *copy = dure_arena_strdup(cli->arena, line);
    return copy ? copy : "";
}

static void add_finding(struct dure_slurm_findings *findings, const struct dure_slurm_finding *one)
{
    if (findings->count < DURE_SLURM_FINDINGS_MAX)
        findings->at[findings->count++] = *one;
}

/* What runs images there, by what a node has and what the fleet says. */
static void probe_containers(struct dure_cli *cli, const char *said, const struct dure_slurm_probed *probed,
                             struct dure_slurm_findings *findings)
{
    struct dure_slurm_finding one = {DURE_SLURM_OK, "containers", "", "", ""};
    if (*probed->containers) {
        one.found = kept(cli, "%s has %s", probed->node, probed->containers);
        if (!*said) {
            one.level = DURE_SLURM_WARN;
            one.expected = "containers: apptainer (or that path) at the site in the fleet spec: else no job with an "
                           "image goes there";
        }
    } else if (*said) {
        one.level = DURE_SLURM_FAIL;
        one.found = kept(cli, "%s has no %s", probed->node, said);
        one.expected = "what the fleet spec says runs images there, on every node";
    } else {
        one.found = kept(cli, "%s has none, and the fleet says so", probed->node);
    }
    add_finding(findings, &one);
}

/* Logs are read where they were written: in a folder that this machine and the nodes share, or as the site says that they are fetched. */
static void probe(struct dure_cli *cli, const struct dure_slurm_site *site, const char *containers,
                  struct dure_slurm_findings *findings)
{
    const char *folder = dure_cli_text(cli, "probe");
    struct dure_error error = {0};
    struct dure_slurm_probed probed = {0};
    struct dure_slurm_finding one = {DURE_SLURM_WARN, "log folder", "not looked at",
                                     "--probe DIRECTORY: a job there says whether its nodes share it", ""};
    struct dure_slurm_finding clock = {DURE_SLURM_OK, "node clock", "", "within 5 s: run chrony on all", ""};
    enum dure_err err = DURE_OK;
    if (folder) {
        err = dure_slurm_probe(site, containers, folder, dure_cli_count(cli, "timeout"), &probed, &error);
        one.level = !err ? DURE_SLURM_OK : err == DURE_E_NOT_FOUND ? DURE_SLURM_FAIL : DURE_SLURM_WARN;
        one.found = err ? kept(cli, "%s", error.text) : kept(cli, "%s wrote there", probed.node);
        one.expected = err == DURE_E_TIMEOUT ? "a node that takes a job of a second meanwhile; --timeout SECONDS waits "
                                               "longer"
                                             : "a folder of this name that this machine and all nodes share";
    }
    add_finding(findings, &one);
    if (folder && !err) {
        clock.level = probed.skew_us > 5000000 || probed.skew_us < -5000000 ? DURE_SLURM_FAIL : DURE_SLURM_OK;
        clock.found = kept(cli, "%s: %+lld s from this machine's", probed.node, (long long)(probed.skew_us / 1000000));
        add_finding(findings, &clock);
        probe_containers(cli, containers, &probed, findings);
    }
}

static int check(struct dure_cli *cli, const struct dure_fleet *fleet, struct dure_site_id id)
{
    struct dure_slurm_site site;
    struct dure_slurm_survey *survey = NULL;
    struct dure_error error;
    bool given;
    const char *name = fleet->sites[id.v].name;
    struct dure_slurm_findings *findings = dure_arena_alloc(cli->arena, sizeof *findings);
    int code = findings ? dure_cli_reach(cli, &site, &given) : dure_cli_memory(cli);
    if (code)
        return code;
    const struct dure_slurm_site *terms = fleet->sites[id.v].slurm;
    if (!given)
        site = *terms;
    site.partition = terms->partition;
    site.account = terms->account;
    site.qos = terms->qos;
    const enum dure_err err = dure_slurm_survey(&site, dure_cli_count(cli, "timeout"), &survey, &error);
    if (err) {
        findings->at[0] =
            (struct dure_slurm_finding){DURE_SLURM_FAIL, "reach", error.text, "answers from its Slurm", ""};
        findings->count = 1;
    } else {
        dure_slurm_check(survey, fleet, id, findings);
        probe(cli, &site, fleet->sites[id.v].containers, findings);
    }
    code = report(cli, name, survey, findings);
    dure_slurm_survey_free(survey);
    return code;
}

int dure_cmd_site_check(struct dure_cli *cli)
{
    struct dure_site_id id;
    int code;
    struct dure_fleet *fleet = fleet_of(cli, &code);
    if (!fleet)
        return code;
    if (!dure_fleet_site_find(fleet, cli->argv[0], &id))
        code = dure_cli_fail(cli, DURE_EXIT_NOT_FOUND, "no site '%s' in the fleet", cli->argv[0]);
    else if (!fleet->sites[id.v].slurm)
        code = dure_cli_fail(cli, DURE_EXIT_USAGE, "site '%s' has engine %s, expected slurm: others need no check",
                             cli->argv[0], dure_engine_kind_name(fleet->sites[id.v].engine));
    else
        code = check(cli, fleet, id);
    dure_fleet_free(fleet);
    return code;
}
