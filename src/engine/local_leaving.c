#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"
#include "engine/local_inner.h"

/* Attempts that the core has ended while something of them may still run: another may have their job or their GPUs by now. What stands on disk
 * when the engine begins is among them until it is handed over, so that nothing begins beside what a daemon left that was killed between the record of
 * an end and the order to forget. Which of them still runs is read from their folders; the list only says where to look. */

enum { LEAVING_MAX = DURE_LOCAL_ATTEMPTS_MAX * 2 };

static bool has(const struct local_ids *ids, uint64_t attempt)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->at[i] == attempt)
            return true;
    return false;
}

static void take_out(struct local_ids *ids, uint64_t attempt)
{
    for (size_t i = 0; i < ids->count; i++)
        if (ids->at[i] == attempt) {
            ids->at[i] = ids->at[--ids->count];
            return;
        }
}

bool local_leaving_add(struct local_place *place, uint64_t attempt)
{
    uv_mutex_lock(&place->lock);
    const bool added = has(&place->leaving, attempt) || DURE_VEC_PUSH(&place->leaving, attempt, LEAVING_MAX);
    uv_mutex_unlock(&place->lock);
    return added;
}

void local_leaving_remove(struct local_place *place, uint64_t attempt)
{
    uv_mutex_lock(&place->lock);
    take_out(&place->leaving, attempt);
    uv_mutex_unlock(&place->lock);
}

/* GPUs of one node that an attempt has, by the node's name. */
static uint64_t gpus_on(const struct dure_spec *spec, const char *node)
{
    uint64_t mask = 0;
    for (uint32_t task = 0; task < spec->tasks; task++) {
        const struct dure_spec_task row = dure_spec_task_at(spec, task);
        if (strcmp(dure_span_item(spec->node_names, row.node), node) == 0)
            mask |= row.gpu_mask;
    }
    return mask;
}

static bool meet(const struct dure_spec *a, const struct dure_spec *b)
{
    if (a->job == b->job && (!a->is_array || a->array_index == b->array_index))
        return true;
    for (uint32_t node = 0; node < a->nodes; node++) {
        const char *name = dure_span_item(a->node_names, node);
        if (gpus_on(a, name) & gpus_on(b, name))
            return true;
    }
    return false;
}

static bool read_spec(int folder_fd, char **ret_bytes, struct dure_spec *ret_spec)
{
    size_t length;
    *ret_bytes = NULL;
    if (folder_fd < 0 || local_read(folder_fd, "spec", DURE_ATTEMPT_BYTES_MAX, ret_bytes, &length) != DURE_OK)
        return false;
    if (dure_spec_decode(*ret_bytes, length, ret_spec, NULL) == DURE_OK)
        return true;
    free(*ret_bytes); /* no minder starts anything from it either */
    *ret_bytes = NULL;
    return false;
}

/* May something of the attempt run (or begin) where `mine` is to begin? What its dead minder left is killed here, as it would be anyway. */
static bool stands_in_the_way(const struct local_place *place, uint64_t attempt, const struct dure_spec *mine)
{
    struct dure_spec spec;
    struct dure_status status;
    char *bytes;
    bool stands = false;
    const int folder_fd = local_folder_open(place, attempt);
    if (read_spec(folder_fd, &bytes, &spec) && meet(mine, &spec)) {
        const enum local_found found = local_look(folder_fd, &status);
        stands = found == LOCAL_FOUND_DEAD ? !local_leftovers_kill(folder_fd) : found != LOCAL_FOUND_STATUS;
    }
    free(bytes);
    if (folder_fd >= 0)
        close(folder_fd);
    return stands;
}

enum local_turn local_leaving_turn(struct local_place *place, uint64_t attempt, const struct dure_spec *plan,
                                   int folder_fd)
{
    struct dure_spec own;
    char *bytes = NULL;
    struct local_ids leaving = {0};
    uv_mutex_lock(&place->lock);
    bool room = true, wait = false;
    const bool never = has(&place->leaving, attempt);
    for (size_t i = 0; i < place->leaving.count && room; i++) {
        wait = wait || has(&place->beginning, place->leaving.at[i]); /* it may be on disk in a moment */
        room = DURE_VEC_PUSH(&leaving, place->leaving.at[i], LEAVING_MAX);
    }
    if (!never && !wait && room)
        room = DURE_VEC_PUSH(&place->beginning, attempt, LEAVING_MAX);
    uv_mutex_unlock(&place->lock);
    if (never || wait || !room) {
        DURE_VEC_FREE(&leaving);
        return never ? LOCAL_TURN_NEVER : LOCAL_TURN_LATER;
    }
    const struct dure_spec *mine = plan ? plan : leaving.count && read_spec(folder_fd, &bytes, &own) ? &own : NULL;
    for (size_t i = 0; mine && i < leaving.count && !wait; i++)
        wait = stands_in_the_way(place, leaving.at[i], mine);
    DURE_VEC_FREE(&leaving);
    free(bytes);
    if (wait)
        local_leaving_begun(place, attempt);
    return wait ? LOCAL_TURN_LATER : LOCAL_TURN_NOW;
}

void local_leaving_begun(struct local_place *place, uint64_t attempt)
{
    uv_mutex_lock(&place->lock);
    take_out(&place->beginning, attempt);
    uv_mutex_unlock(&place->lock);
}

bool local_leaving_read(struct local_place *place)
{
    bool whole = true;
    DIR *dir = opendir(place->directory);
    for (uint64_t id; dir && whole && (id = local_folder_next(dir));)
        whole = DURE_VEC_PUSH(&place->leaving, id, LEAVING_MAX);
    if (dir)
        closedir(dir);
    return dir && whole;
}
