#pragma once
/* What the targets that read specs check of any tree. */
#include <stdlib.h>
#include <string.h>

#include "model/body.h"
#include "model/data.h"
#include "model/job.h"
#include "model/power.h"
#include "model/prices.h"

static const char fuzz_fleet_json[] =
    "{\"kind\":\"Fleet\",\"version\":1,\"name\":\"f\",\"models\":[{\"name\":\"m\",\"memory\":\"1GiB\",\"power\":\"1W\"}"
    "],\"owners\":[{\"name\":\"a\"}],"
    "\"sites\":[{\"name\":\"s\",\"engine\":\"local\"}],\"groups\":[{\"name\":\"g\",\"owner\":\"a\",\"site\":\"s\","
    "\"model\":\"m\",\"nodes\":\"n[1-21]\","
    "\"levels\":[{\"name\":\"rack\",\"holds\":4},{\"name\":\"node\",\"holds\":8}],\"cpus\":8,\"memory\":\"64GiB\"}]}";

static inline const struct dure_fleet *fuzz_fleet(void)
{
    static struct dure_fleet *fleet;
    if (!fleet)
        DURE_ASSERT(dure_fleet_from_json(fuzz_fleet_json, sizeof fuzz_fleet_json - 1, &fleet, NULL) == DURE_OK);
    return fleet;
}

static inline void fuzz_print(const struct dure_problems *problems)
{
    struct dure_buf buf;
    dure_buf_init(&buf, 1 << 20);
    dure_problems_print(problems, &buf);
    DURE_ASSERT(!buf.failed && problems->count <= DURE_PROBLEMS_MAX && problems->count <= problems->total);
    dure_buf_release(&buf);
}

static inline void fuzz_rules(const char *json, size_t length)
{
    struct dure_power *power = NULL, *power_again = NULL;
    struct dure_data *data = NULL, *data_again = NULL;
    struct dure_prices prices, prices_again;
    struct dure_buf text;
    if (dure_power_from_json(json, length, fuzz_fleet(), &power, NULL) == DURE_OK) {
        DURE_ASSERT(dure_power_from_json(power->spec_json, power->spec_json_length, fuzz_fleet(), &power_again, NULL) ==
                        DURE_OK &&
                    strcmp(power->spec_json, power_again->spec_json) == 0);
        dure_power_free(power_again);
        dure_power_free(power);
    }
    if (dure_data_from_json(json, length, fuzz_fleet(), &data, NULL) == DURE_OK) {
        DURE_ASSERT(dure_data_from_json(data->spec_json, data->spec_json_length, fuzz_fleet(), &data_again, NULL) ==
                        DURE_OK &&
                    strcmp(data->spec_json, data_again->spec_json) == 0 &&
                    dure_data_may_follow(data, data_again, NULL) == DURE_OK);
        dure_data_free(data_again);
        dure_data_free(data);
    }
    if (dure_prices_read(json, length, &prices, NULL) == DURE_OK) {
        dure_buf_init(&text, 4096);
        dure_prices_write(&prices, &text);
        DURE_ASSERT(dure_prices_read(text.data, text.length, &prices_again, NULL) == DURE_OK &&
                    memcmp(&prices, &prices_again, sizeof prices) == 0);
        for (uint32_t left = 0; left <= 1000; left++)
            DURE_ASSERT(dure_prices_loss(&prices, left, left) == prices.hole_ugpu[left / DURE_HOLE_MILLI]);
        dure_buf_release(&text);
    }
}

/* The bytes as if the journal held them. What is accepted is its own canonical text from then on. */
static inline void fuzz_canonical(const char *json, size_t length)
{
    struct dure_fleet *fleet = NULL, *fleet_again = NULL;
    struct dure_tenants *tenants = NULL, *tenants_again = NULL;
    if (dure_fleet_from_json(json, length, &fleet, NULL) == DURE_OK) {
        DURE_ASSERT(dure_fleet_from_json(fleet->spec_json, fleet->spec_json_length, &fleet_again, NULL) == DURE_OK);
        DURE_ASSERT(strcmp(fleet->spec_json, fleet_again->spec_json) == 0 &&
                    dure_fleet_may_follow(fleet, fleet_again, NULL) == DURE_OK);
        for (uint32_t i = 0; i < fleet->chain_count; i++) {
            char name[DURE_NAME_MAX + 1];
            struct dure_node_id node, last = {fleet->chains[i].node_first + fleet->chains[i].node_count - 1};
            dure_fleet_node_name(fleet, last, name);
            DURE_ASSERT(dure_fleet_node_find(fleet, name, &node) && node.v == last.v);
        }
        dure_fleet_free(fleet_again);
    }
    if (dure_tenants_from_json(json, length, fuzz_fleet(), &tenants, NULL) == DURE_OK) {
        DURE_ASSERT(dure_tenants_from_json(tenants->spec_json, tenants->spec_json_length, fuzz_fleet(), &tenants_again,
                                           NULL) == DURE_OK);
        DURE_ASSERT(strcmp(tenants->spec_json, tenants_again->spec_json) == 0 &&
                    dure_tenants_may_follow(tenants, tenants_again, NULL) == DURE_OK);
        dure_tenants_free(tenants_again);
    }
    dure_tenants_free(tenants);
    dure_fleet_free(fleet);
}

static inline void fuzz_job(struct dure_arena *arena, const struct dure_tree *tree, const char *json, size_t length)
{
    struct dure_problems problems = {.file = "job"};
    struct dure_job job, again;
    struct dure_body *body = NULL, *body_again = NULL, *decoded = NULL;
    struct dure_tree *wire = NULL;
    struct dure_buf stored;
    static const uint8_t salts[DURE_BODY_FIELD_COUNT * 16];
    uint8_t commitment[32];
    enum dure_err err = dure_job_parse(tree, NULL, NULL, &job, &body, &problems);
    fuzz_print(&problems);
    if (err)
        return;
    DURE_ASSERT(dure_tree_from_json(arena, json, length, &wire, &problems) == DURE_OK);
    DURE_ASSERT(dure_job_parse(wire, NULL, NULL, &again, &body_again, &problems) == DURE_OK);
    DURE_ASSERT(strcmp(job.level, again.level) == 0 && job.tasks == again.tasks &&
                job.task_gpu_milli == again.task_gpu_milli && job.walltime_us == again.walltime_us &&
                job.array_count == again.array_count && job.dep_count == again.dep_count &&
                job.begin_us == again.begin_us && job.task_cpu_milli == again.task_cpu_milli &&
                job.priority == again.priority);
    dure_body_commit(body, salts, commitment);
    dure_body_commit(body_again, salts,
                     commitment); /* environments may stand in another order: the later one is compared with itself */
    dure_buf_init(&stored, 4 << 20);
    DURE_ASSERT(dure_body_encode(body_again, &stored) == DURE_OK);
    DURE_ASSERT(dure_body_decode(stored.data, stored.length, &decoded, NULL) == DURE_OK &&
                dure_body_matches(decoded, commitment));
    dure_buf_release(&stored);
    dure_body_free(decoded);
    dure_body_free(body_again);
    dure_body_free(body);
}

static inline void fuzz_tree(struct dure_arena *arena, const struct dure_tree *tree)
{
    struct dure_problems problems = {.file = "tree"};
    struct dure_tree *again = NULL;
    struct dure_fleet *fleet = NULL;
    struct dure_tenants *tenants = NULL;
    struct dure_buf first, second;
    dure_buf_init(&first, 64 << 20);
    dure_buf_init(&second, 64 << 20);
    dure_tree_to_json(tree, &first);
    DURE_ASSERT(!first.failed);
    if (tree->kind != DURE_TREE_SCALAR &&
        dure_tree_from_json(arena, first.data, first.length, &again, &problems) == DURE_OK) {
        dure_tree_to_json(again, &second);
        DURE_ASSERT(strcmp(first.data, second.data) == 0);
    }
    if (dure_fleet_parse(tree, &fleet, &problems) == DURE_OK) {
        fuzz_canonical(fleet->spec_json, fleet->spec_json_length);
        dure_fleet_free(fleet);
    }
    if (dure_tenants_parse(tree, fuzz_fleet(), &tenants, &problems) == DURE_OK) {
        fuzz_canonical(tenants->spec_json, tenants->spec_json_length);
        dure_tenants_free(tenants);
    }
    fuzz_job(arena, tree, first.data, first.length);
    dure_buf_release(&first);
    dure_buf_release(&second);
}
