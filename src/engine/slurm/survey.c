#include "engine/slurm/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "engine/slurm/inner.h"

enum { SURVEY_ARENA_MAX = 512 << 20 };

struct visit {
    struct dure_slurm *slurm;
    struct dure_slurm_survey *survey;
    unsigned left;
    enum dure_err err;
    struct dure_error error;
    bool no_memory;
    uint64_t begun_ns;
};

static const char *kept(struct visit *visit, const char *text)
{
    const char *copy = dure_arena_strdup(visit->survey->arena, text ? text : "");
    visit->no_memory |= !copy;
    return copy ? copy : "";
}

static void keep_texts(struct visit *visit, const char **const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *texts[i] = kept(visit, *texts[i]);
}

static void *kept_list(struct visit *visit, const void *from, size_t size, uint32_t count)
{
    void *list = dure_arena_array(visit->survey->arena, size, (size_t)count + 1);
    visit->no_memory |= !list;
    if (list && count)
        memcpy(list, from, size * count);
    return list;
}

static enum dure_err fault(enum dure_slurm_result result)
{
    return result == DURE_SLURM_DENIED      ? DURE_E_DENIED
           : result == DURE_SLURM_MALFORMED ? DURE_E_CORRUPT
           : result == DURE_SLURM_NO_ANSWER ? DURE_E_UNREACHABLE
                                            : DURE_E_STATE;
}

/* True: there is something to keep. */
static bool heard(struct visit *visit, const struct dure_slurm_reply *reply)
{
    const int64_t took_us = (int64_t)((uv_hrtime() - visit->begun_ns) / 1000);
    visit->left--;
    if (took_us > visit->survey->latency_us)
        visit->survey->latency_us = took_us;
    if (*reply->version && !*visit->survey->version)
        visit->survey->version = kept(visit, reply->version);
    if (reply->result == DURE_SLURM_DONE)
        return true;
    if (reply->result != DURE_SLURM_UNSUPPORTED && !visit->err)
        visit->err = dure_fail(&visit->error, fault(reply->result), "%s", reply->text);
    return false;
}

static void on_nodes(void *context, const struct dure_slurm_reply *reply)
{
    struct visit *visit = context;
    struct dure_slurm_survey *survey = visit->survey;
    if (!heard(visit, reply) ||
        !(survey->nodes = kept_list(visit, reply->nodes, sizeof *reply->nodes, reply->node_count)))
        return;
    survey->node_count = reply->node_count;
    for (uint32_t i = 0; i < survey->node_count; i++) {
        struct dure_slurm_node *node = &survey->nodes[i];
        const char **texts[] = {&node->name,     &node->address,    &node->hostname, &node->version,  &node->reason,
                                &node->features, &node->partitions, &node->gres,     &node->gres_used};
        keep_texts(visit, texts, sizeof texts / sizeof *texts);
    }
}

static void on_partitions(void *context, const struct dure_slurm_reply *reply)
{
    struct visit *visit = context;
    struct dure_slurm_survey *survey = visit->survey;
    if (!heard(visit, reply) ||
        !(survey->partitions = kept_list(visit, reply->partitions, sizeof *reply->partitions, reply->partition_count)))
        return;
    survey->partition_count = reply->partition_count;
    for (uint32_t i = 0; i < survey->partition_count; i++) {
        struct dure_slurm_partition *one = &survey->partitions[i];
        const char **texts[] = {&one->name,           &one->nodes_text, &one->state,
                                &one->allow_accounts, &one->qos,        &one->preempt_mode};
        keep_texts(visit, texts, sizeof texts / sizeof *texts);
    }
}

static void on_config(void *context, const struct dure_slurm_reply *reply)
{
    struct visit *visit = context;
    struct dure_slurm_survey *survey = visit->survey;
    if (!heard(visit, reply) ||
        !(survey->settings = kept_list(visit, reply->settings, sizeof *reply->settings, reply->setting_count)))
        return;
    survey->setting_count = reply->setting_count;
    survey->settings_told = true;
    survey->clock_us = reply->clock_us;
    survey->asked_us = (int64_t)time(NULL) * 1000000;
    for (uint32_t i = 0; i < survey->setting_count; i++) {
        survey->settings[i].name = kept(visit, survey->settings[i].name);
        survey->settings[i].value = kept(visit, survey->settings[i].value);
    }
}

static void keep_switches(struct visit *visit, const struct dure_slurm_reply *reply)
{
    struct dure_slurm_survey *survey = visit->survey;
    if (!(survey->switches = kept_list(visit, reply->switches, sizeof *reply->switches, reply->switch_count)))
        return;
    survey->switch_count = reply->switch_count;
    survey->switches_told = true;
    for (uint32_t i = 0; i < survey->switch_count; i++) {
        survey->switches[i].name = kept(visit, survey->switches[i].name);
        survey->switches[i].nodes_text = kept(visit, survey->switches[i].nodes_text);
        survey->switches[i].switches_text = kept(visit, survey->switches[i].switches_text);
    }
}

static void on_topology(void *context, const struct dure_slurm_reply *reply)
{
    struct visit *visit = context;
    if (heard(visit, reply))
        keep_switches(visit, reply);
}

static enum dure_err ask_all(struct visit *visit, struct dure_error *error)
{
    typedef enum dure_err ask(struct dure_slurm *, dure_slurm_fn, void *, struct dure_error *);
    static ask *const asks[] = {dure_slurm_list_nodes, dure_slurm_list_partitions, dure_slurm_config,
                                dure_slurm_topology};
    static const dure_slurm_fn hears[] = {on_nodes, on_partitions, on_config, on_topology};
    enum dure_err err = DURE_OK;
    visit->begun_ns = uv_hrtime();
    for (unsigned i = 0; i < 4 && !err; i++) {
        err = asks[i](visit->slurm, hears[i], visit, error);
        visit->left += !err;
    }
    return err;
}

enum dure_err dure_slurm_survey(const struct dure_slurm_site *site, int64_t timeout_us,
                                struct dure_slurm_survey **ret_survey, struct dure_error *error)
{
    struct dure_arena *arena = dure_arena_new(SURVEY_ARENA_MAX);
    struct visit visit = {.survey = arena ? DURE_ARENA_NEW(arena, struct dure_slurm_survey, 1) : NULL};
    uv_loop_t loop;
    if (!visit.survey || uv_loop_init(&loop)) {
        dure_arena_free(arena);
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    }
    visit.survey->arena = arena;
    visit.survey->site = site;
    visit.survey->version = "";
    const struct dure_slurm_options options = {.loop = &loop, .site = site, .timeout_us = timeout_us};
    enum dure_err err = dure_slurm_new(&options, &visit.slurm, error);
    if (!err)
        err = ask_all(&visit, error);
    while (!err && visit.left && !visit.err && uv_run(&loop, UV_RUN_ONCE))
        continue;
    dure_slurm_free(visit.slurm);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    if (!err && visit.err)
        err = dure_fail(error, visit.err, "%s", visit.error.text);
    if (!err && visit.no_memory)
        err = dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (err)
        dure_arena_free(arena);
    else
        *ret_survey = visit.survey;
    return err;
}

void dure_slurm_survey_free(struct dure_slurm_survey *survey)
{
    if (survey)
        dure_arena_free(survey->arena);
}

const char *dure_slurm_survey_setting(const struct dure_slurm_survey *survey, const char *name)
{
    for (uint32_t i = 0; i < survey->setting_count; i++)
        if (strcmp(survey->settings[i].name, name) == 0)
            return strcmp(survey->settings[i].value, "(null)") == 0 ? "" : survey->settings[i].value;
    return "";
}

enum dure_err dure_slurm_survey_topology(struct dure_slurm_survey *survey, const char *text, struct dure_error *error)
{
    struct visit visit = {.survey = survey};
    struct dure_slurm_reply reply;
    slurm_reply_init(&reply);
    slurm_parse_topology(text, survey->arena, &reply);
    if (reply.result != DURE_SLURM_DONE || !reply.switch_count)
        return dure_fail(error, DURE_E_INVALID, "%s",
                         *reply.text ? reply.text : "found no SwitchName= and no BlockName=, expected topology.conf");
    keep_switches(&visit, &reply);
    return visit.no_memory ? dure_fail(error, DURE_E_MEMORY, "out of memory") : DURE_OK;
}

/* The claim `sun` of a token, and whose it is. */
bool dure_slurm_may_for_others(const struct dure_slurm_survey *survey, const struct dure_slurm_site *site,
                               char who[128])
{
    const char *slurm_user = dure_slurm_survey_setting(survey, "SlurmUser");
    if (site->via == DURE_SLURM_COMMANDS) {
        snprintf(who, 128, geteuid() == 0 ? "root" : "user %u", geteuid());
        return geteuid() == 0;
    }
    if (!*site->token_file) {
        snprintf(who, 128, "slurmrestd's own user (a socket without a token)");
        return false;
    }
    char owner[64];
    if (!slurm_token_owner(site->token_file, owner)) {
        snprintf(who, 128, "a token that does not name its owner");
        return false;
    }
    snprintf(who, 128, "a token of %s", owner);
    return strcmp(owner, "root") == 0 || strcmp(owner, "slurm") == 0 || strncmp(slurm_user, owner, strlen(owner)) == 0;
}
