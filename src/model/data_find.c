/* What datasets ask for, and a job's names for them. */
#include <stdlib.h>
#include <string.h>

#include "model/data.h"
#include "model/read.h"

bool dure_data_find(const struct dure_data *data, const char *name, uint32_t *ret_dataset)
{
    for (uint32_t i = 0; i < data->dataset_count; i++)
        if (strcmp(data->datasets[i].name, name) == 0) {
            *ret_dataset = i;
            return true;
        }
    return false;
}

bool dure_data_allows(const struct dure_dataset *dataset, struct dure_site_id site)
{
    if (dataset->everywhere)
        return true;
    uint32_t low = 0, high = dataset->site_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (dataset->sites[middle].v < site.v)
            low = middle + 1;
        else
            high = middle;
    }
    return low < dataset->site_count && dataset->sites[low].v == site.v;
}

bool dure_data_forbidden(const struct dure_data *data, uint64_t mask, struct dure_site_id site, uint32_t *ret_dataset)
{
    for (; mask; mask &= mask - 1) {
        const uint32_t at = (uint32_t)__builtin_ctzll(mask);
        if (at < data->dataset_count && dure_data_allows(&data->datasets[at], site))
            continue;
        *ret_dataset = at;
        return true;
    }
    return false;
}

static enum dure_data_level widest(const struct dure_data *data, uint64_t mask, bool listed)
{
    enum dure_data_level level = DURE_DATA_ANYBODY;
    for (; mask; mask &= mask - 1) {
        const uint32_t at = (uint32_t)__builtin_ctzll(mask);
        if (at < data->dataset_count && (data->datasets[at].forbidden_count > 0) == listed &&
            data->datasets[at].alone > level)
            level = data->datasets[at].alone;
    }
    return level;
}

enum dure_data_level dure_data_alone(const struct dure_data *data, uint64_t mask)
{
    return widest(data, mask, false);
}

enum dure_data_level dure_data_fenced(const struct dure_data *data, uint64_t mask)
{
    return widest(data, mask, true);
}

static bool same_list(const struct dure_dataset *a, const struct dure_dataset *b)
{
    for (uint32_t i = 0; i < a->forbidden_count; i++)
        if (i >= b->forbidden_count || strcmp(a->forbidden[i], b->forbidden[i]) != 0)
            return false;
    return a->forbidden_count == b->forbidden_count;
}

bool dure_data_same_neighbours(const struct dure_data *a, const struct dure_data *b, uint64_t mask)
{
    for (; mask; mask &= mask - 1) {
        const uint32_t at = (uint32_t)__builtin_ctzll(mask);
        if (at < a->dataset_count && at < b->dataset_count &&
            (a->datasets[at].alone != b->datasets[at].alone || !same_list(&a->datasets[at], &b->datasets[at])))
            return false;
    }
    return true;
}

enum dure_err dure_data_may_follow(const struct dure_data *now, const struct dure_data *next, struct dure_error *error)
{
    for (uint32_t i = 0; i < now->dataset_count; i++) {
        const char *name = now->datasets[i].name;
        uint32_t at;
        if (!dure_data_find(next, name, &at))
            return dure_fail(error, DURE_E_STATE, "dataset '%s' is declared; a running fleet keeps its datasets", name);
        if (at != i)
            return dure_fail(error, DURE_E_STATE,
                             "dataset '%s' is number %u of the list; a running fleet keeps it number %u, and new ones "
                             "come at the end",
                             name, at + 1, i + 1);
    }
    return DURE_OK;
}

void dure_job_read_data(const struct dure_tree *job_tree, const struct dure_data *data, struct dure_job *job,
                        struct dure_problems *problems)
{
    const struct dure_tree *list = job_tree->kind == DURE_TREE_MAP ? dure_tree_get(job_tree, "data") : NULL;
    const char *names[DURE_DATASETS_MAX + 1] = {NULL};
    for (uint32_t i = 0; data && i < data->dataset_count; i++)
        names[i] = data->datasets[i].name;
    for (const struct dure_tree *entry = list ? list->first : NULL; entry; entry = entry->next) {
        uint32_t at;
        if (data && dure_data_find(data, entry->text, &at)) {
            job->data_mask |= UINT64_C(1) << at;
            continue;
        }
        const char *near = dure_nearest(entry->text, names);
        if (!data)
            dure_problem_add(problems, entry, NULL, "no dataset: none is declared (dure data apply)");
        else if (near)
            dure_problem_add(problems, entry, NULL, "a declared dataset, such as %s", near);
        else
            dure_problem_add(problems, entry, NULL, "a declared dataset (dure data show)");
    }
}
