#include "sim/change/change.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { ARENA_MAX = 256 << 20, WORD_MAX = 255 };

static enum dure_err no_memory(struct dure_error *error)
{
    return dure_fail(error, DURE_E_MEMORY, "out of memory for a change");
}

/* "KEY=VALUE", both not empty. */
static enum dure_err split(const char *option, const char *text, const char *expected, char key[WORD_MAX + 1],
                           const char **ret_value, struct dure_error *error)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1] || (size_t)(equals - text) > WORD_MAX)
        return dure_fail(error, DURE_E_INVALID, "--%s: found '%.200s', expected %s", option, text, expected);
    memcpy(key, text, (size_t)(equals - text));
    key[equals - text] = '\0';
    *ret_value = equals + 1;
    return DURE_OK;
}

static struct dure_record *add(struct dure_changes *changes, enum dure_record_kind kind)
{
    if (changes->count == changes->capacity) {
        const size_t capacity = changes->capacity ? changes->capacity * 2 : 16;
        struct dure_record *more =
            changes->count < DURE_CHANGES_MAX ? realloc(changes->records, capacity * sizeof *more) : NULL;
        if (!more)
            return NULL;
        changes->records = more;
        changes->capacity = capacity;
    }
    struct dure_record *record = &changes->records[changes->count++];
    dure_record_init(record, kind, 0, 0);
    return record;
}

static enum dure_err add_text(struct dure_changes *changes, enum dure_record_kind kind, const char *text, size_t length,
                              struct dure_error *error)
{
    char *copy = dure_arena_strndup(changes->arena, text, length);
    struct dure_record *record = copy ? add(changes, kind) : NULL;
    if (!record)
        return no_memory(error);
    record->text = copy;
    record->text_length = length;
    return DURE_OK;
}

enum dure_err dure_changes_begin(struct dure_changes *changes, const struct dure_core *core, struct dure_error *error)
{
    const struct dure_fleet *fleet = dure_core_fleet(core);
    const struct dure_tenants *tenants = dure_core_tenants(core);
    const struct dure_power *power = dure_core_power(core);
    const struct dure_data *data = dure_core_data(core);
    *changes = (struct dure_changes){.arena = dure_arena_new(ARENA_MAX)};
    if (!changes->arena)
        return no_memory(error);
    if (!fleet || !tenants)
        return dure_fail(error, DURE_E_STATE, "the daemon has no %s yet: nothing can be asked of it",
                         fleet ? "tenants" : "fleet");
    enum dure_err err = dure_fleet_from_json(fleet->spec_json, fleet->spec_json_length, &changes->fleet, error);
    if (!err)
        err = dure_tenants_from_json(tenants->spec_json, tenants->spec_json_length, changes->fleet, &changes->tenants,
                                     error);
    if (!err && power)
        err = dure_power_from_json(power->spec_json, power->spec_json_length, changes->fleet, &changes->power, error);
    if (!err && data)
        err = dure_data_from_json(data->spec_json, data->spec_json_length, changes->fleet, &changes->data, error);
    return err;
}

void dure_changes_release(struct dure_changes *changes)
{
    dure_data_free(changes->data);
    dure_power_free(changes->power);
    dure_tenants_free(changes->tenants);
    dure_fleet_free(changes->fleet);
    dure_arena_free(changes->arena);
    free(changes->records);
    *changes = (struct dure_changes){0};
}

/* ---- nodes ---- */

static json_t *named(json_t *list, const char *key, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *is = json_string_value(json_object_get(json_array_get(list, i), key));
        if (is && strcmp(is, name) == 0)
            return json_array_get(list, i);
    }
    return NULL;
}

static enum dure_err take_fleet(struct dure_changes *changes, json_t *spec, struct dure_error *error)
{
    struct dure_fleet *fleet = NULL;
    struct dure_tenants *tenants = NULL;
    char *text = json_dumps(spec, JSON_COMPACT);
    enum dure_err err = text ? dure_fleet_from_json(text, strlen(text), &fleet, error) : no_memory(error);
    free(text);
    if (!err)
        err = dure_tenants_from_json(changes->tenants->spec_json, changes->tenants->spec_json_length, fleet, &tenants,
                                     error);
    if (!err)
        err = add_text(changes, DURE_REC_FLEET, fleet->spec_json, fleet->spec_json_length, error);
    if (err) {
        dure_tenants_free(tenants);
        dure_fleet_free(fleet);
        return err;
    }
    dure_tenants_free(changes->tenants);
    dure_fleet_free(changes->fleet);
    changes->fleet = fleet;
    changes->tenants = tenants;
    return DURE_OK;
}

enum dure_err dure_change_add_nodes(struct dure_changes *changes, const char *text, struct dure_error *error)
{
    char name[WORD_MAX + 1], group[64], nodes[64];
    const char *value = "";
    uint64_t count = 0;
    enum dure_err err = split("add-nodes", text, "GROUP=COUNT, such as gov-b200-nhn=64", name, &value, error);
    if (err)
        return err;
    if (!dure_text_uint(value, 100000, &count) || count == 0)
        return dure_fail(error, DURE_E_INVALID, "--add-nodes: found '%s', expected a number of nodes from 1 to 100000",
                         value);
    json_t *spec = json_loadb(changes->fleet->spec_json, changes->fleet->spec_json_length, 0, NULL),
           *groups = json_object_get(spec, "groups");
    json_t *like = named(groups, "name", name), *more = like ? json_deep_copy(like) : NULL;
    if (!like) {
        json_decref(spec);
        return dure_fail(error, DURE_E_NOT_FOUND, "--add-nodes: found '%s', expected the name of a group of the fleet",
                         name);
    }
    snprintf(group, sizeof group, "whatif-%zu", changes->count + 1);
    snprintf(nodes, sizeof nodes, "whatif-%zu-[00001-%05" PRIu64 "]", changes->count + 1, count);
    json_object_set_new(more, "name", json_string(group));
    json_object_set_new(more, "nodes", json_string(nodes));
    json_object_set_new(more, "status", json_string("assumed"));
    json_object_set_new(more, "source", json_string("what if"));
    json_object_del(more, "available_from");
    json_array_append_new(groups, more);
    err = take_fleet(changes, spec, error);
    json_decref(spec);
    return err;
}

static enum dure_err down(struct dure_changes *changes, uint32_t node, struct dure_error *error)
{
    struct dure_record *record = add(changes, DURE_REC_NODE_REPORT);
    if (!record)
        return no_memory(error);
    record->node.v = node;
    record->number = 0;
    dure_text_copy(record->reason, sizeof record->reason, "what if");
    return DURE_OK;
}

static enum dure_err fail_site(struct dure_changes *changes, const char *name, struct dure_error *error)
{
    struct dure_site_id site;
    enum dure_err err = DURE_OK;
    if (!dure_fleet_site_find(changes->fleet, name, &site))
        return dure_fail(error, DURE_E_NOT_FOUND, "--fail: found site '%s', expected one of the fleet", name);
    for (uint32_t c = 0; c < changes->fleet->chain_count; c++)
        for (uint32_t k = 0;
             changes->fleet->chains[c].site.v == site.v && k < changes->fleet->chains[c].node_count && !err; k++)
            err = down(changes, changes->fleet->chains[c].node_first + k, error);
    return err;
}

static enum dure_err fail_nodes(struct dure_changes *changes, const char *list, struct dure_error *error)
{
    uint32_t *nodes = calloc(changes->fleet->node_count + 1, sizeof *nodes), count = 0;
    enum dure_err err = nodes ? dure_fleet_nodes(changes->fleet, list, nodes, changes->fleet->node_count, &count, error)
                              : no_memory(error);
    for (uint32_t i = 0; i < count && !err; i++)
        err = down(changes, nodes[i], error);
    free(nodes);
    return err;
}

/* The whole cell of a level in which a node is. */
static enum dure_err fail_cell(struct dure_changes *changes, const char *level_name, const char *node_name,
                               struct dure_error *error)
{
    struct dure_node_id node;
    uint32_t index = 0;
    enum dure_err err = DURE_OK;
    if (!dure_fleet_node_find(changes->fleet, node_name, &node))
        return dure_fail(error, DURE_E_NOT_FOUND, "--fail: found node '%s', expected one of the fleet", node_name);
    const struct dure_chain *chain = dure_fleet_chain_of(changes->fleet, node, &index);
    const unsigned level = dure_fleet_level(changes->fleet, chain, level_name);
    if (level < chain->node_level || level > chain->level_count)
        return dure_fail(error, DURE_E_NOT_FOUND,
                         "--fail: found level '%s', expected site, node, or a level of '%s' such as rack", level_name,
                         node_name);
    const uint32_t width = dure_chain_leaves_at(chain, level) / chain->node_gpus, first = index / width * width;
    for (uint32_t k = first; k < first + width && k < chain->node_count && !err; k++)
        err = down(changes, chain->node_first + k, error);
    return err;
}

enum dure_err dure_change_fail(struct dure_changes *changes, const char *text, struct dure_error *error)
{
    char level[WORD_MAX + 1];
    const char *value = "";
    const enum dure_err err = split("fail", text, "site=NAME, rack=NODE or node=NODES", level, &value, error);
    if (err)
        return err;
    return strcmp(level, "site") == 0   ? fail_site(changes, value, error)
           : strcmp(level, "node") == 0 ? fail_nodes(changes, value, error)
                                        : fail_cell(changes, level, value, error);
}

/* ---- rights, power, data, jobs ---- */

enum dure_err dure_change_allot(struct dure_changes *changes, const char *text, struct dure_error *error)
{
    char what[WORD_MAX + 1], *save = NULL;
    const char *count = "";
    struct dure_buf yaml DURE_CLEANUP_BUF = {0};
    struct dure_buf json DURE_CLEANUP_BUF = {0};
    struct dure_problems problems = {.file = "--allot"};
    struct dure_tree *tree;
    struct dure_allotment *rows;
    uint32_t row_count;
    dure_buf_init(&yaml, 4096);
    dure_buf_init(&json, 8 << 20);
    enum dure_err err =
        split("allot", text, "TENANT:GROUP:LEVEL=COUNT, such as government/academia/law:gov-h200-naver:node=4", what,
              &count, error);
    if (err)
        return err;
    const char *tenant = strtok_r(what, ":", &save), *group = strtok_r(NULL, ":", &save),
               *level = strtok_r(NULL, ":", &save);
    if (!tenant || !group || !level)
        return dure_fail(error, DURE_E_INVALID, "--allot: found '%s', expected TENANT:GROUP:LEVEL=COUNT", text);
    dure_buf_printf(&yaml, "{\"name\":\"whatif-%zu\",\"tenant\":", changes->count + 1);
    dure_buf_json(&yaml, tenant);
    dure_buf_str(&yaml, ",\"group\":");
    dure_buf_json(&yaml, group);
    dure_buf_str(&yaml, ",\"level\":");
    dure_buf_json(&yaml, level);
    dure_buf_str(&yaml, ",\"count\":");
    dure_buf_str(&yaml, strspn(count, "0123456789") == strlen(count) ? count : "\"none\"");
    dure_buf_str(&yaml, "}");
    err =
        yaml.failed ? no_memory(error) : dure_tree_from_json(changes->arena, yaml.data, yaml.length, &tree, &problems);
    if (!err)
        err = dure_allotment_parse(tree, changes->fleet, changes->tenants, changes->arena, dure_room_any, NULL, &rows,
                                   &row_count, &problems);
    if (err)
        return problems.count ? dure_problems_fail(&problems, error)
                              : dure_fail(error, err, "--allot: %s", dure_err_sentence(err));
    dure_allotments_to_json(rows, row_count, changes->fleet, changes->tenants, &json);
    return json.failed ? no_memory(error) : add_text(changes, DURE_REC_GRANT, json.data, json.length, error);
}

enum dure_err dure_change_power(struct dure_changes *changes, const char *text, struct dure_error *error)
{
    char name[WORD_MAX + 1];
    const char *limit = "";
    struct dure_site_id site;
    struct dure_power *power = NULL;
    enum dure_err err = split("power", text, "SITE=LIMIT, such as haenam=12MW", name, &limit, error);
    if (err)
        return err;
    if (!dure_fleet_site_find(changes->fleet, name, &site))
        return dure_fail(error, DURE_E_NOT_FOUND, "--power: found site '%s', expected one of the fleet", name);
    json_t *spec = changes->power ? json_loadb(changes->power->spec_json, changes->power->spec_json_length, 0, NULL)
                                  : json_pack("{s:s, s:i, s:[]}", "kind", "Power", "version", 1, "limits");
    json_t *limits = json_object_get(spec, "limits"), *was;
    while ((was = named(limits, "site", name)) != NULL)
        for (size_t i = 0; i < json_array_size(limits); i++)
            if (json_array_get(limits, i) == was) {
                json_array_remove(limits, i);
                break;
            }
    if (strcmp(limit, "none") != 0)
        json_array_append_new(limits, json_pack("{s:s, s:s}", "site", name, "limit", limit));
    char *json = json_dumps(spec, JSON_COMPACT);
    err = json ? dure_power_from_json(json, strlen(json), changes->fleet, &power, error) : no_memory(error);
    if (!err)
        err = add_text(changes, DURE_REC_POWER, power->spec_json, power->spec_json_length, error);
    free(json);
    json_decref(spec);
    if (err) {
        dure_power_free(power);
        return dure_fail_prefix(error, err, "--power %s: ", text);
    }
    dure_power_free(changes->power);
    changes->power = power;
    return DURE_OK;
}

enum dure_err dure_change_data(struct dure_changes *changes, const char *text, struct dure_error *error)
{
    char name[WORD_MAX + 1];
    const char *sites = "";
    struct dure_data *data = NULL;
    enum dure_err err = split("data", text, "DATASET=SITE,SITE, or DATASET=all", name, &sites, error);
    if (err)
        return err;
    json_t *spec =
        changes->data ? json_loadb(changes->data->spec_json, changes->data->spec_json_length, 0, NULL) : NULL;
    json_t *dataset = named(json_object_get(spec, "datasets"), "name", name);
    if (!dataset) {
        json_decref(spec);
        return dure_fail(error, DURE_E_NOT_FOUND,
                         "--data: found dataset '%s', expected one that is declared (`dure data show`)", name);
    }
    if (strcmp(sites, "all") == 0) {
        json_object_set_new(dataset, "sites", json_string("all"));
    } else {
        json_t *list = json_array();
        for (const char *at = sites; *at;) {
            const size_t width = strcspn(at, ",");
            json_array_append_new(list, json_stringn(at, width));
            at += width + (at[width] == ',');
        }
        json_object_set_new(dataset, "sites", list);
    }
    char *json = json_dumps(spec, JSON_COMPACT);
    err = json ? dure_data_from_json(json, strlen(json), changes->fleet, &data, error) : no_memory(error);
    if (!err)
        err = add_text(changes, DURE_REC_DATA, data->spec_json, data->spec_json_length, error);
    free(json);
    json_decref(spec);
    if (err) {
        dure_data_free(data);
        return dure_fail_prefix(error, err, "--data %s: ", text);
    }
    dure_data_free(changes->data);
    changes->data = data;
    return DURE_OK;
}

enum dure_err dure_change_submit(struct dure_changes *changes, const struct dure_job *job, struct dure_error *error)
{
    struct dure_record *record = add(changes, DURE_REC_SUBMIT);
    if (!record)
        return no_memory(error);
    record->submit = *job;
    record->submit.commitment_length = 0;
    return DURE_OK;
}
