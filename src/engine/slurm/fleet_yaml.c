/* A running Slurm as a Fleet spec. */
#include "engine/slurm/survey.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "engine/discover.h"
#include "engine/slurm/parse.h"
#include "model/read.h"
#include "model/units.h"

enum { MODELS_MAX = DURE_GPU_MODELS_MAX, LISTED_MAX = 200, PARENTS_MAX = 1 << 16 };

struct found { /* one node that is taken */
    const struct dure_slurm_node *node;
    size_t prefix_length, digits; /* of its name; digits 0: none */
    uint64_t number;
    uint32_t model;
    uint32_t rack, block; /* index of a switch + 1; 0: none */
};

struct survey_fleet {
    const struct dure_slurm_survey *survey;
    const struct dure_slurm_naming *naming;
    struct dure_buf *yaml;
    struct found *found;
    uint32_t count;
    char models[MODELS_MAX][64];
    uint32_t model_count;
    bool blocks; /* more than one */
};

static void cut_name(struct found *one)
{
    const char *name = one->node->name;
    size_t end = strlen(name);
    while (end && !isdigit((unsigned char)name[end - 1]))
        end--;
    size_t begin = end;
    while (begin && isdigit((unsigned char)name[begin - 1]))
        begin--;
    one->prefix_length = begin;
    one->digits = end - begin;
    one->number = one->digits && one->digits <= 12 ? strtoull(name + begin, NULL, 10) : 0;
    if (one->digits > 12)
        one->digits = 0;
}

static const char *suffix_of(const struct found *one)
{
    return one->digits ? one->node->name + one->prefix_length + one->digits : "";
}

static int by_name(const void *left, const void *right)
{
    const struct found *a = left, *b = right;
    const size_t least = a->prefix_length < b->prefix_length ? a->prefix_length : b->prefix_length;
    int order = strncmp(a->node->name, b->node->name, least);
    if (!order && a->prefix_length != b->prefix_length)
        order = a->prefix_length < b->prefix_length ? -1 : 1;
    if (!order)
        order = strcmp(suffix_of(a), suffix_of(b));
    if (!order && a->number != b->number)
        order = a->number < b->number ? -1 : 1;
    return order ? order : strcmp(a->node->name, b->node->name);
}

/* What the type of a gres is called, and what such a GPU has: Slurm knows neither its memory nor its power. */
static const struct known {
    const char *type;
    uint32_t memory_gib, power_w;
} known[] = {{"gb300", 288, 1400}, {"gb200", 186, 1200}, {"b300", 288, 1400}, {"b200", 180, 1000}, {"h200", 141, 700},
             {"gh200", 96, 700},   {"h100", 80, 700},    {"h800", 80, 700},   {"a100", 80, 400},   {"a800", 80, 400},
             {"l40s", 48, 350},    {"l40", 48, 300},     {"a40", 48, 300},    {"a30", 24, 165},    {"a10", 24, 150},
             {"v100", 32, 300},    {"l4", 24, 72},       {"t4", 16, 70},      {"mi300x", 192, 750}};

static const struct known *known_of(const char *model)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strstr(model, known[i].type))
            return &known[i];
    return NULL;
}

static bool model_of(struct survey_fleet *fleet, const char *type, uint32_t *ret_model)
{
    char name[64];
    if (*type)
        dure_machine_name(type, name);
    else
        snprintf(name, sizeof name, "gpu");
    for (uint32_t i = 0; i < fleet->model_count; i++)
        if (strcmp(fleet->models[i], name) == 0) {
            *ret_model = i;
            return true;
        }
    if (fleet->model_count == MODELS_MAX)
        return false;
    memcpy(fleet->models[fleet->model_count], name, sizeof name);
    *ret_model = fleet->model_count++;
    return true;
}

/* A comment holds one line of any text. */
static void put_plain(struct dure_buf *yaml, const char *text)
{
    for (; *text; text++)
        dure_buf_byte(yaml, (unsigned char)*text < 32 || *text == 127 ? ' ' : (uint8_t)*text);
}

/* Why a node is no part of the fleet; NULL: it is. */
static const char *left_out(const struct dure_slurm_node *node, const char *prefix)
{
    char name[DURE_NAME_MAX * 4];
    const int length = snprintf(name, sizeof name, "%s%s", prefix, node->name);
    if (node->flags & DURE_SLURM_NODE_FUTURE)
        return "it is for the future";
    if (length > DURE_NAME_MAX || !dure_name_valid(name))
        return "its name is none that a fleet takes";
    if (node->gpu_count == 0)
        return "no GPU";
    if (node->gpu_types_many)
        return "GPUs of several types";
    if (node->gpu_count > DURE_NODE_GPUS_MAX)
        return "more GPUs than a node may have";
    if (node->cpu_count == 0 || node->cpu_count > 65536 || node->memory_mib < node->gpu_count)
        return "no CPUs or no memory stated";
    return NULL;
}

static bool take_nodes(struct survey_fleet *fleet)
{
    const struct dure_slurm_survey *survey = fleet->survey;
    uint32_t left = 0;
    fleet->found = DURE_ARENA_NEW(survey->arena, struct found, (size_t)survey->node_count + 1);
    if (!fleet->found)
        return false;
    for (uint32_t i = 0; i < survey->node_count; i++) {
        const struct dure_slurm_node *node = &survey->nodes[i];
        const char *why = left_out(node, survey->site->node_prefix);
        struct found one = {.node = node};
        if (!why && !model_of(fleet, node->gpu_type, &one.model))
            why = "more types of GPU than a fleet may have";
        if (!why) {
            cut_name(&one);
            fleet->found[fleet->count++] = one;
        } else if (left++ < LISTED_MAX) {
            dure_buf_str(fleet->yaml, "# left out: ");
            put_plain(fleet->yaml, node->name);
            dure_buf_printf(fleet->yaml, ": %s\n", why);
        }
    }
    if (left > LISTED_MAX)
        dure_buf_printf(fleet->yaml, "# left out: %u more\n", left - LISTED_MAX);
    qsort(fleet->found, fleet->count, sizeof *fleet->found, by_name);
    return true;
}

static struct found *find(struct survey_fleet *fleet, const char *name)
{
    const struct dure_slurm_node node = {.name = name};
    struct found key = {.node = &node};
    cut_name(&key);
    return fleet->count ? bsearch(&key, fleet->found, fleet->count, sizeof key, by_name) : NULL;
}

static int switch_by_name(const void *left, const void *right)
{
    const struct dure_slurm_switch *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

/* The parent of a leaf switch, as index + 1. */
static bool parents_of(const struct dure_slurm_survey *survey, uint32_t *parents)
{
    const uint32_t count = survey->switch_count;
    const struct dure_slurm_switch **sorted =
        DURE_ARENA_NEW(survey->arena, const struct dure_slurm_switch *, (size_t)count + 1);
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &survey->switches[i];
    qsort(sorted, count, sizeof *sorted, switch_by_name);
    for (uint32_t i = 0; i < count; i++) {
        const char **names;
        const int children = slurm_hostlist(survey->switches[i].switches_text, PARENTS_MAX, survey->arena, &names);
        for (int k = 0; k < children; k++) {
            const struct dure_slurm_switch key = {.name = names[k]}, *at = &key;
            const struct dure_slurm_switch **child = bsearch(&at, sorted, count, sizeof *sorted, switch_by_name);
            if (child)
                parents[*child - survey->switches] = i + 1;
        }
    }
    return true;
}

static bool place_nodes(struct survey_fleet *fleet)
{
    const struct dure_slurm_survey *survey = fleet->survey;
    uint32_t *parents = DURE_ARENA_NEW(survey->arena, uint32_t, (size_t)survey->switch_count + 1), first = 0;
    if (!parents || !parents_of(survey, parents))
        return false;
    for (uint32_t i = 0; i < survey->switch_count; i++) {
        const struct dure_slurm_switch *one = &survey->switches[i];
        const char **names;
        if (*one->switches_text)
            continue;
        const int count = slurm_hostlist(one->nodes_text, DURE_SLURM_NODES_MAX, survey->arena, &names);
        for (int k = 0; k < count; k++) {
            struct found *node = find(fleet, names[k]);
            if (node && !node->rack) {
                node->rack = i + 1;
                node->block = parents[i];
            }
        }
        if (!first)
            first = parents[i];
        fleet->blocks |= parents[i] != first;
    }
    return true;
}

/* May `next` stand right after `one` in a group? */
static bool follows(const struct found *first, const struct found *one, const struct found *next)
{
    char digits[24];
    const struct dure_slurm_node *a = one->node, *b = next->node;
    if (!one->digits || one->prefix_length != next->prefix_length || one->number + 1 != next->number ||
        strncmp(a->name, b->name, one->prefix_length) != 0 || strcmp(suffix_of(one), suffix_of(next)) != 0)
        return false;
    const char *text = b->name + next->prefix_length, *head = first->node->name + first->prefix_length;
    snprintf(digits, sizeof digits, "%0*" PRIu64, (int)first->digits, next->number);
    return strlen(digits) == next->digits && strncmp(digits, text, next->digits) == 0 &&
           (*head != '0' || next->digits == first->digits) && one->model == next->model &&
           a->gpu_count == b->gpu_count && a->cpu_count == b->cpu_count && a->memory_mib == b->memory_mib &&
           !one->rack == !next->rack;
}

/* From `first` on: how many nodes are one group, each rack of `*ret_rack` nodes, each block of `*ret_block` racks (0: no such level). */
static uint32_t group_of(const struct survey_fleet *fleet, uint32_t first, uint32_t *ret_rack, uint32_t *ret_block)
{
    const struct found *found = fleet->found;
    uint32_t end = first + 1, taken = 0, rack = 0, racks = 0, block = 0;
    while (end < fleet->count && follows(&found[first], &found[end - 1], &found[end]))
        end++;
    *ret_rack = *ret_block = 0;
    if (!found[first].rack)
        return end - first;
    for (uint32_t at = first; at < end;) {
        uint32_t next = at;
        while (next < end && found[next].rack == found[at].rack)
            next++;
        if (!rack)
            rack = next - at;
        const bool new_block = at > first && found[at].block != found[at - 1].block;
        if (new_block && !block)
            block = racks;
        /* A rack of another size, or a block that is not whole, begins a group of its own. */
        if (next - at != rack || (new_block && racks % block != 0) ||
            (!new_block && block && racks % block == 0 && at > first))
            break;
        racks++;
        taken = next - first;
        at = next;
    }
    if (block && racks % block != 0) { /* what is left of the last block */
        taken -= racks % block * rack;
        racks -= racks % block;
    }
    *ret_rack = rack;
    *ret_block = fleet->blocks ? (block ? block : racks) : 0;
    return taken;
}

static void put_reasons(struct survey_fleet *fleet, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const struct dure_slurm_node *node = fleet->found[i].node;
        const char *state = node->flags & DURE_SLURM_NODE_DRAIN    ? "drained"
                            : node->flags & DURE_SLURM_NODE_DOWN   ? "down"
                            : node->flags & DURE_SLURM_NODE_FAIL   ? "failing"
                            : node->flags & DURE_SLURM_NODE_MAINT  ? "in maintenance"
                            : node->flags & DURE_SLURM_NODE_SILENT ? "silent"
                                                                   : NULL;
        char when[DURE_TIME_TEXT_MAX] = "";
        if (!state)
            continue;
        dure_buf_printf(fleet->yaml, "  # %s is %s%s", node->name, state, *node->reason ? ": " : "");
        put_plain(fleet->yaml, node->reason);
        if (node->reason_us)
            dure_buf_printf(fleet->yaml, " (since %s)", dure_time_format_utc(node->reason_us, when));
        dure_buf_byte(fleet->yaml, '\n');
    }
}

static void put_nodes(struct survey_fleet *fleet, uint32_t first, uint32_t count)
{
    const struct found *one = &fleet->found[first], *last = &fleet->found[first + count - 1];
    const char *name = one->node->name, *prefix = fleet->survey->site->node_prefix;
    if (count == 1)
        dure_buf_printf(fleet->yaml, "'%s%s'", prefix, name);
    else
        dure_buf_printf(fleet->yaml, "'%s%.*s[%.*s-%.*s]%s'", prefix, (int)one->prefix_length, name, (int)one->digits,
                        name + one->prefix_length, (int)last->digits, last->node->name + last->prefix_length,
                        suffix_of(one));
}

static void put_group(struct survey_fleet *fleet, uint32_t number, uint32_t first, uint32_t count, uint32_t rack,
                      uint32_t block)
{
    const struct dure_slurm_node *node = fleet->found[first].node;
    char memory[DURE_UNITS_TEXT_MAX];
    put_reasons(fleet, first, count);
    dure_buf_printf(fleet->yaml,
                    "  - name: %.50s-%u\n    owner: %s\n    site: %s\n    model: %s\n    nodes: ", fleet->naming->site,
                    number, fleet->naming->owner, fleet->naming->site, fleet->models[fleet->found[first].model]);
    put_nodes(fleet, first, count);
    dure_buf_str(fleet->yaml, "\n    levels:\n");
    if (block)
        dure_buf_printf(fleet->yaml, "      - {name: block, holds: %u}\n", block);
    if (rack)
        dure_buf_printf(fleet->yaml, "      - {name: %s, holds: %u}\n",
                        fleet->survey->switches[fleet->found[first].rack - 1].is_block ? "block" : "rack", rack);
    dure_buf_printf(fleet->yaml, "      - {name: node, holds: %u}\n    cpus: %u\n    memory: %s\n", node->gpu_count,
                    node->cpu_count, dure_units_memory_format(node->memory_mib, memory));
    dure_buf_str(fleet->yaml, "    status: installed\n    source: Slurm of this site\n");
}

static void put_models(struct survey_fleet *fleet)
{
    dure_buf_str(fleet->yaml, "# Slurm does not know a GPU's memory and power: these are what makers state for the "
                              "type, or assumed. Mend them.\nmodels:\n");
    for (uint32_t i = 0; i < fleet->model_count; i++) {
        const struct known *figures = known_of(fleet->models[i]);
        dure_buf_printf(fleet->yaml, "  - {name: %s, memory: %uGiB, power: %uW, source: '%s'}\n", fleet->models[i],
                        figures ? figures->memory_gib : 16, figures ? figures->power_w : 700,
                        figures ? "the maker, for the type that gres names" : "assumed: a type that is not known here");
    }
}

static void put_field(struct dure_buf *yaml, const char *name, const char *value)
{
    if (*value) {
        dure_buf_printf(yaml, ", %s: ", name);
        dure_buf_json(yaml, value);
    }
}

static bool has_feature(const char *features, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = features; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

/* Operators who have it on every node say so by a feature, for --constraint; nothing else of Slurm tells it. */
static void put_containers(struct survey_fleet *fleet)
{
    const struct dure_slurm_survey *survey = fleet->survey;
    uint32_t with = 0, having = 0;
    for (uint32_t i = 0; i < survey->node_count; i++) {
        with += survey->nodes[i].gpu_count > 0;
        having += survey->nodes[i].gpu_count > 0 && has_feature(survey->nodes[i].features, "apptainer");
    }
    dure_buf_str(fleet->yaml,
                 with && with == having
                     ? "    containers: apptainer # a feature of all its nodes\n"
                     : "    # containers: apptainer, if its nodes have it: `dure site check --probe` looks\n");
}

static void put_site(struct survey_fleet *fleet)
{
    const struct dure_slurm_site *site = fleet->survey->site;
    struct dure_buf *yaml = fleet->yaml;
    dure_buf_printf(yaml, "owners:\n  - {name: %s}\nsites:\n  - name: %s\n    engine: slurm\n", fleet->naming->owner,
                    fleet->naming->site);
    put_containers(fleet);
    dure_buf_str(yaml, "    slurm: {");
    if (site->via == DURE_SLURM_COMMANDS) {
        dure_buf_str(yaml, "commands: {path: ");
        dure_buf_json(yaml, site->path);
        put_field(yaml, "conf", site->conf);
    } else {
        dure_buf_str(yaml, "rest: {url: ");
        dure_buf_json(yaml, site->url);
        put_field(yaml, "token_file", site->token_file);
        put_field(yaml, "user", site->user);
    }
    dure_buf_byte(yaml, '}');
    put_field(yaml, "partition", site->partition);
    put_field(yaml, "account", site->account);
    put_field(yaml, "qos", site->qos);
    put_field(yaml, "node_prefix", site->node_prefix);
    dure_buf_str(yaml, "}\n");
}

static void put_head(struct survey_fleet *fleet)
{
    const struct dure_slurm_survey *survey = fleet->survey;
    struct dure_buf *yaml = fleet->yaml;
    char walltime[DURE_TIME_TEXT_MAX];
    dure_buf_printf(yaml, "# A Slurm cluster%s%s, as a fleet of one site, as it showed itself.\n",
                    *survey->version ? ", version " : "", survey->version);
    if (!survey->switches_told)
        dure_buf_str(yaml, "# slurmrestd tells no topology: --topology FILE reads a topology.conf.\n");
    for (uint32_t i = 0; i < survey->partition_count; i++) {
        const struct dure_slurm_partition *one = &survey->partitions[i];
        dure_buf_str(yaml, "# partition ");
        put_plain(yaml, one->name);
        dure_buf_str(yaml, one->is_default ? " (default): " : ": ");
        put_plain(yaml, one->nodes_text);
        dure_buf_printf(yaml, ", %s, walltime %s\n", *one->state ? one->state : "state not told",
                        one->walltime_max_us == INT64_MAX ? "unlimited"
                        : one->walltime_max_us            ? dure_duration_format(one->walltime_max_us, walltime)
                                                          : "not told");
    }
}

enum dure_err dure_slurm_fleet_yaml(const struct dure_slurm_survey *survey, const struct dure_slurm_naming *naming,
                                    struct dure_buf *yaml, struct dure_error *error)
{
    struct survey_fleet *fleet = DURE_ARENA_NEW(survey->arena, struct survey_fleet, 1);
    uint32_t number = 0;
    if (!fleet)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    fleet->survey = survey;
    fleet->naming = naming;
    fleet->yaml = yaml;
    put_head(fleet);
    if (!take_nodes(fleet) || !place_nodes(fleet))
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!fleet->count)
        return dure_fail(error, DURE_E_NOT_FOUND,
                         "found no node with a GPU among %u, expected Gres=gpu:... of at least one",
                         survey->node_count);
    dure_buf_printf(yaml, "kind: Fleet\nversion: 1\nname: %s\n", naming->fleet);
    put_models(fleet);
    put_site(fleet);
    dure_buf_str(yaml, "groups:\n");
    for (uint32_t first = 0; first < fleet->count;) {
        uint32_t rack, block;
        const uint32_t count = group_of(fleet, first, &rack, &block);
        put_group(fleet, ++number, first, count, rack, block);
        first += count;
    }
    return yaml->failed ? dure_fail(error, DURE_E_MEMORY, "out of memory") : DURE_OK;
}
