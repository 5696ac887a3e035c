#pragma once
/* What must hold of any tree, whichever text it came from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/body.h"
#include "model/data.h"
#include "model/fleet.h"
#include "model/job.h"
#include "model/power.h"
#include "model/tenants.h"
#include "model/tree.h"

/* Trees that went through JSON and back are the same JSON. A scalar alone is a YAML document and no JSON text of ours. */
static inline void fuzz_tree_round_trip(const struct dure_tree *tree)
{
    if (tree->kind == DURE_TREE_SCALAR)
        return;
    DURE_CLEANUP_BUF struct dure_buf first;
    DURE_CLEANUP_BUF struct dure_buf second;
    dure_buf_init(&first, 64 << 20);
    dure_buf_init(&second, 64 << 20);
    dure_tree_to_json(tree, &first);
    DURE_ASSERT(!first.failed);
    if (first.length > DURE_SPEC_BYTES_MAX)
        return;
    struct dure_arena *arena = dure_arena_new(256 << 20);
    DURE_ASSERT(arena);
    struct dure_problems problems = {.file = "again"};
    struct dure_tree *again = NULL;
    DURE_ASSERT(dure_tree_from_json(arena, first.data, first.length, &again, &problems) == DURE_OK);
    dure_tree_to_json(again, &second);
    DURE_ASSERT(!second.failed && first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    dure_arena_free(arena);
}

/* A refusal names at least one problem with something found and something expected, and prints as lines. */
static inline void fuzz_problems_stand(const struct dure_problems *problems)
{
    DURE_ASSERT(problems->count >= 1 && problems->count <= DURE_PROBLEMS_MAX && problems->total >= problems->count);
    for (uint32_t i = 0; i < problems->count; i++)
        DURE_ASSERT(problems->at[i].expected[0]);
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 1 << 20);
    dure_problems_print(problems, &text);
    DURE_ASSERT(!text.failed && text.length > 0);
}

/* A fleet that was accepted says itself again in the same canonical words. */
static inline void fuzz_fleet(const struct dure_tree *tree)
{
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_fleet *fleet = NULL, *again = NULL;
    const enum dure_err err = dure_fleet_parse(tree, &fleet, &problems);
    if (err) {
        DURE_ASSERT(fleet == NULL);
        if (err == DURE_E_INVALID)
            fuzz_problems_stand(&problems);
        return;
    }
    struct dure_error error;
    DURE_ASSERT(dure_fleet_from_json(fleet->spec_json, fleet->spec_json_length, &again, &error) == DURE_OK);
    DURE_ASSERT(again->gpu_count == fleet->gpu_count && again->node_count == fleet->node_count &&
                again->chain_count == fleet->chain_count);
    DURE_ASSERT(again->spec_json_length == fleet->spec_json_length &&
                memcmp(again->spec_json, fleet->spec_json, fleet->spec_json_length) == 0);
    uint32_t nodes = 0, gpus = 0;
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        nodes += fleet->chains[i].node_count;
        gpus += fleet->chains[i].leaf_count;
    }
    DURE_ASSERT(nodes == fleet->node_count && gpus == fleet->gpu_count);
    DURE_ASSERT(dure_fleet_may_follow(fleet, again, &error) == DURE_OK);
    dure_fleet_free(again);
    dure_fleet_free(fleet);
}

/* A fleet for tenants to stand on, made once. */
static inline const struct dure_fleet *fuzz_ground(void)
{
    static const char json[] =
        "{\"kind\":\"Fleet\",\"version\":1,\"name\":\"ground\",\"models\":[{\"name\":\"b200\",\"memory\":\"180GiB\","
        "\"power\":\"1kW\"}],\"owners\":[{\"name\":\"state\"},{\"name\":\"naver\"}],\"sites\":[{\"name\":\"gj\","
        "\"engine\":\"emulated\"}],"
        "\"groups\":[{\"name\":\"a\",\"owner\":\"state\",\"site\":\"gj\",\"model\":\"b200\",\"nodes\":\"a-[001-064]\","
        "\"cpus\":64,\"memory\":\"1TiB\","
        "\"levels\":[{\"name\":\"rack\",\"holds\":4},{\"name\":\"node\",\"holds\":8}]}]}";
    static struct dure_fleet *fleet;
    struct dure_error error;
    if (!fleet && dure_fleet_from_json(json, sizeof json - 1, &fleet, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return fleet;
}

/* So do tenants. */
static inline void fuzz_tenants(const struct dure_tree *tree)
{
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_tenants *tenants = NULL, *again = NULL;
    const enum dure_err err = dure_tenants_parse(tree, fuzz_ground(), &tenants, &problems);
    if (err) {
        DURE_ASSERT(tenants == NULL);
        if (err == DURE_E_INVALID)
            fuzz_problems_stand(&problems);
        return;
    }
    struct dure_error error;
    DURE_ASSERT(dure_tenants_from_json(tenants->spec_json, tenants->spec_json_length, fuzz_ground(), &again, &error) ==
                DURE_OK);
    DURE_ASSERT(again->tenant_count == tenants->tenant_count && again->allotment_count == tenants->allotment_count);
    DURE_ASSERT(again->spec_json_length == tenants->spec_json_length &&
                memcmp(again->spec_json, tenants->spec_json, tenants->spec_json_length) == 0);
    for (uint32_t i = 0; i < tenants->tenant_count; i++)
        DURE_ASSERT(tenants->tenants[i].parent.v == DURE_NONE32 || tenants->tenants[i].parent.v < i);
    dure_tenants_free(again);
    dure_tenants_free(tenants);
}

/* Limits that were accepted say themselves again; each domain has its limits, and they stand in order. */
static inline void fuzz_power(const struct dure_tree *tree)
{
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_power *power = NULL, *again = NULL;
    const enum dure_err err = dure_power_parse(tree, fuzz_ground(), &power, &problems);
    if (err) {
        DURE_ASSERT(power == NULL);
        if (err == DURE_E_INVALID)
            fuzz_problems_stand(&problems);
        return;
    }
    struct dure_error error;
    DURE_ASSERT(dure_power_from_json(power->spec_json, power->spec_json_length, fuzz_ground(), &again, &error) ==
                DURE_OK);
    DURE_ASSERT(again->domain_count == power->domain_count && again->limit_count == power->limit_count);
    DURE_ASSERT(strcmp(again->spec_json, power->spec_json) == 0);
    uint32_t limits = 0;
    for (uint32_t i = 0; i < power->domain_count; i++) {
        char name[DURE_POWER_NAME_MAX];
        DURE_ASSERT(power->domains[i].limit_first == limits && power->domains[i].limit_count > 0);
        limits += power->domains[i].limit_count;
        DURE_ASSERT(*dure_power_name(power, fuzz_ground(), i, name));
        const uint64_t least = dure_power_least(power, i, INT64_MIN, INT64_MAX, NULL);
        for (int64_t at = INT64_MIN + 1, n = 0; at != INT64_MAX && n < 100; at = dure_power_next(power, i, at), n++)
            DURE_ASSERT(dure_power_at(power, i, at) >= least);
    }
    DURE_ASSERT(limits == power->limit_count);
    dure_power_free(again);
    dure_power_free(power);
}

/* So do datasets. */
static inline void fuzz_data(const struct dure_tree *tree)
{
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_data *data = NULL, *again = NULL;
    const enum dure_err err = dure_data_parse(tree, fuzz_ground(), NULL, &data, &problems);
    if (err) {
        DURE_ASSERT(data == NULL);
        if (err == DURE_E_INVALID)
            fuzz_problems_stand(&problems);
        return;
    }
    struct dure_error error;
    DURE_ASSERT(dure_data_from_json(data->spec_json, data->spec_json_length, fuzz_ground(), &again, &error) == DURE_OK);
    DURE_ASSERT(strcmp(again->spec_json, data->spec_json) == 0 && dure_data_may_follow(data, again, &error) == DURE_OK);
    for (uint32_t i = 0; i < data->dataset_count; i++) {
        uint32_t found;
        DURE_ASSERT(dure_data_find(data, data->datasets[i].name, &found) && found == i);
    }
    dure_data_free(again);
    dure_data_free(data);
}

/* A job that was accepted keeps to the limits the core relies on. */
static inline void fuzz_job(const struct dure_tree *tree)
{
    struct dure_problems problems = {.file = "fuzz"};
    struct dure_job job;
    struct dure_body *body = NULL;
    const enum dure_err err = dure_job_parse(tree, NULL, NULL, &job, &body, &problems);
    if (err) {
        DURE_ASSERT(body == NULL);
        if (err == DURE_E_INVALID)
            fuzz_problems_stand(&problems);
        return;
    }
    DURE_ASSERT(job.tasks >= 1 && job.tasks <= DURE_JOB_TASKS_MAX && job.task_gpu_milli >= 1 &&
                job.task_gpu_milli <= 1000);
    DURE_ASSERT(job.walltime_us > 0 && job.walltime_us <= DURE_WALLTIME_MAX_US && job.grace_us >= 0 &&
                job.grace_us <= DURE_GRACE_MAX_US);
    DURE_ASSERT(job.array_count <= DURE_ARRAY_MAX && job.dep_count <= DURE_JOB_DEPS_MAX);
    DURE_ASSERT(job.priority >= -DURE_PRIORITY_MAX && job.priority <= DURE_PRIORITY_MAX);
    dure_body_free(body);
}

static inline void fuzz_by_kind(const struct dure_tree *tree)
{
    const struct dure_tree *kind = tree->kind == DURE_TREE_MAP ? dure_tree_get(tree, "kind") : NULL;
    const char *name = kind && kind->kind == DURE_TREE_SCALAR ? kind->text : "";
    if (strcmp(name, "Fleet") == 0)
        fuzz_fleet(tree);
    else if (strcmp(name, "Tenants") == 0)
        fuzz_tenants(tree);
    else if (strcmp(name, "Power") == 0)
        fuzz_power(tree);
    else if (strcmp(name, "Data") == 0)
        fuzz_data(tree);
    else
        fuzz_job(tree);
}
