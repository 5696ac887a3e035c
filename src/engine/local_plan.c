#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine/local_inner.h"

enum { PLAN_BYTES_MAX = 8 * 1024 * 1024, PASSWD_BYTES_MAX = 65536 };

static struct dure_span copy(struct dure_arena *arena, const char *data, size_t length)
{
    char *bytes = dure_arena_alloc(arena, length + 1);
    if (!bytes)
        return (struct dure_span){0};
    if (length)
        memcpy(bytes, data, length);
    return (struct dure_span){bytes, (uint32_t)length};
}

static struct dure_span copy_text(struct dure_arena *arena, const char *text)
{
    return copy(arena, text ? text : "", text ? strlen(text) : 0);
}

static struct dure_span copy_field(struct dure_arena *arena, const struct dure_body *body, enum dure_body_field field)
{
    const bool there = body && body->field[field].value;
    return copy(arena, there ? body->field[field].value : "", there ? body->field[field].length : 0);
}

/* Lists come as items that each end in NUL; one that lacks the last is taken as if it had it. */
static struct dure_span copy_list(struct dure_arena *arena, const struct dure_body *body, enum dure_body_field field)
{
    struct dure_span span = copy_field(arena, body, field);
    if (span.length && span.data[span.length - 1] != '\0')
        span.length++; /* the copy's own NUL */
    return span;
}

/* Each task takes the next GPUs of its node; a fraction's one GPU is shared by the tasks on it. */
static bool split_gpus(const struct dure_place *place, uint32_t local, uint64_t *ret_mask)
{
    const uint32_t gpus = (uint32_t)__builtin_popcountll(place->gpu_mask);
    if (place->gpu_milli < 1000 || place->tasks == 0 || gpus == 0) {
        *ret_mask = place->gpu_mask;
        return place->tasks > 0 && (place->gpu_milli >= 1000 || gpus == 1);
    }
    const uint32_t each = gpus / place->tasks;
    uint64_t rest = place->gpu_mask, mask = 0;
    for (uint32_t i = 0; i < (local + 1) * each; i++) {
        const uint64_t bit = rest & -rest;
        rest &= ~bit;
        if (i >= local * each)
            mask |= bit;
    }
    *ret_mask = mask;
    return each > 0; /* of a node taken whole for its data, some may be over: nobody has them */
}

static bool sum_places(const struct dure_order *order, uint64_t *ret_tasks, uint64_t *ret_nodes)
{
    uint64_t tasks = 0, nodes = 0;
    for (uint32_t i = 0; i < order->place_count; i++) {
        tasks += (uint64_t)order->places[i].node_count * order->places[i].tasks;
        nodes += order->places[i].node_count;
    }
    *ret_tasks = tasks;
    *ret_nodes = nodes;
    return tasks > 0 && tasks <= DURE_LOCAL_TASKS_MAX && nodes <= tasks;
}

/* Nodes, tasks and GPUs as the core placed them. */
static bool lay_out(struct local_plan *plan, const struct dure_order *order, uint32_t *nodes, char *reason)
{
    struct dure_spec *spec = &plan->spec;
    struct dure_spec_task *rows = DURE_ARENA_NEW(plan->arena, struct dure_spec_task, spec->tasks);
    char *names = dure_arena_alloc(plan->arena, spec->nodes * (DURE_NAME_MAX + 1));
    uint32_t task = 0, node = 0, length = 0;
    if (!rows || !names)
        return snprintf(reason, DURE_REASON_MAX, "out of memory"), false;
    for (uint32_t i = 0; i < order->place_count; i++)
        if (order->places[i].starts)
            return snprintf(reason, DURE_REASON_MAX,
                            "the local engine makes no MIG instances: ask for a fraction, such as gpus: 0.125"),
                   false;
    for (uint32_t i = 0; i < order->place_count; i++)
        for (uint32_t n = 0; n < order->places[i].node_count; n++, node++) {
            char name[DURE_NAME_MAX + 1];
            nodes[node] = order->places[i].node_first + n;
            dure_fleet_node_name(order->fleet, (struct dure_node_id){nodes[node]}, name);
            length += (uint32_t)snprintf(names + length, DURE_NAME_MAX + 1, "%s", name) + 1;
            for (uint32_t local = 0; local < order->places[i].tasks; local++, task++) {
                rows[task] = (struct dure_spec_task){.node = node, .local = local};
                if (!split_gpus(&order->places[i], local, &rows[task].gpu_mask))
                    return snprintf(reason, DURE_REASON_MAX, "the GPUs of node %s do not divide among its tasks", name),
                           false;
            }
        }
    spec->node_names = (struct dure_span){names, length};
    spec->layout = (struct dure_span){(const char *)rows, (uint32_t)(spec->tasks * sizeof *rows)};
    struct dure_buf hostlist;
    dure_buf_init(&hostlist, 64 * 1024);
    dure_fleet_hostlist(order->fleet, nodes, node, &hostlist);
    spec->nodelist = copy_text(plan->arena, hostlist.failed ? "" : hostlist.data);
    dure_buf_release(&hostlist);
    return true;
}

static void fill_shares(struct dure_spec *spec, const struct dure_job *job, const struct dure_chain *chain)
{
    const uint64_t gpus_milli =
        job->task_gpu_milli && job->task_gpu_milli < 1000 ? job->task_gpu_milli : (uint64_t)job->task_gpus * 1000;
    spec->task_cpu_milli = job->task_cpu_milli ? job->task_cpu_milli : chain->leaf_cpu_milli * gpus_milli / 1000;
    spec->task_memory_mib = job->task_memory_mib ? job->task_memory_mib : chain->leaf_memory_mib * gpus_milli / 1000;
    spec->gpu_milli = job->task_gpu_milli && job->task_gpu_milli < 1000 ? job->task_gpu_milli : 1000;
}

static void fill_job(struct local_plan *plan, const struct dure_order *order)
{
    struct dure_spec *spec = &plan->spec;
    const struct dure_job *job = order->job;
    spec->attempt = order->attempt.v;
    spec->job = order->ref.job.v;
    spec->is_array = job->array_count > 0;
    spec->array_index = order->ref.element;
    spec->array_first = job->array_first;
    spec->array_count = job->array_count;
    spec->array_step = job->array_step ? job->array_step : 1;
    spec->term = order->term;
    spec->restarts = order->restarts;
    spec->is_borrowed = job->job_class == DURE_BORROWED;
    spec->walltime_us = (uint64_t)(job->walltime_us > 0 ? job->walltime_us : DURE_WALLTIME_DEFAULT_US);
    spec->grace_us = (uint64_t)(job->grace_us > 0 ? job->grace_us : 0);
    spec->started_us = (uint64_t)order->started_us;
    spec->login = copy_text(plan->arena, order->login);
    spec->tenant = copy_text(plan->arena, order->tenant_path);
    spec->fleet = copy_text(plan->arena, order->fleet->name);
    spec->job_name = copy_field(plan->arena, order->body, DURE_BODY_NAME);
    spec->workdir = copy_field(plan->arena, order->body, DURE_BODY_WORKDIR);
    spec->script = copy_field(plan->arena, order->body, DURE_BODY_SCRIPT);
    spec->command = copy_list(plan->arena, order->body, DURE_BODY_COMMAND);
    spec->environment = copy_list(plan->arena, order->body, DURE_BODY_ENVIRONMENT);
    spec->out_name = copy_field(plan->arena, order->body, DURE_BODY_STDOUT);
    spec->err_name = copy_field(plan->arena, order->body, DURE_BODY_STDERR);
}

static bool fill_image(struct local_plan *plan, const struct dure_order *order, const struct dure_chain *chain,
                       char *reason)
{
    const struct dure_site *site = &order->fleet->sites[chain->site.v];
    if (!order->job->container)
        return true;
    if (!*site->containers || !order->body || !*dure_body_text(order->body, DURE_BODY_IMAGE)) {
        snprintf(reason, DURE_REASON_MAX, "%s",
                 *site->containers ? "its image was erased" : "this site has no containers");
        return false;
    }
    plan->image = dure_arena_strdup(plan->arena, dure_body_text(order->body, DURE_BODY_IMAGE));
    plan->runner = dure_arena_strdup(plan->arena, site->containers);
    if (!plan->image || !plan->runner)
        snprintf(reason, DURE_REASON_MAX, "out of memory");
    return plan->image && plan->runner;
}

struct local_plan *local_plan_new(const struct dure_order *order, bool one_machine, char reason[DURE_REASON_MAX + 1])
{
    uint64_t tasks, nodes;
    if (!sum_places(order, &tasks, &nodes)) {
        snprintf(reason, DURE_REASON_MAX, "%llu tasks; an attempt that runs as processes has 1 to %d",
                 (unsigned long long)tasks, DURE_LOCAL_TASKS_MAX);
        return NULL;
    }
    struct dure_arena *arena = dure_arena_new(PLAN_BYTES_MAX);
    struct local_plan *plan = arena ? DURE_ARENA_NEW(arena, struct local_plan, 1) : NULL;
    uint32_t *ids = plan ? DURE_ARENA_NEW(arena, uint32_t, nodes) : NULL;
    if (!ids) {
        snprintf(reason, DURE_REASON_MAX, "out of memory");
        dure_arena_free(arena);
        return NULL;
    }
    plan->arena = arena;
    plan->spec.tasks = tasks;
    plan->spec.nodes = nodes;
    uint32_t node_in_chain;
    const struct dure_chain *chain =
        dure_fleet_chain_of(order->fleet, (struct dure_node_id){order->places[0].node_first}, &node_in_chain);
    plan->spec.is_virtual = order->fleet->models[chain->model.v].is_virtual;
    plan->model = dure_arena_strdup(arena, order->fleet->models[chain->model.v].name);
    fill_job(plan, order);
    fill_shares(&plan->spec, order->job, chain);
    if (one_machine && !plan->spec.is_virtual && nodes > 1)
        snprintf(reason, DURE_REASON_MAX, "%llu nodes with GPUs; this machine is one node", (unsigned long long)nodes);
    else if (!plan->spec.environment.data || !plan->spec.script.data || !plan->spec.err_name.data || !plan->model)
        snprintf(reason, DURE_REASON_MAX, "out of memory");
    else if (plan->spec.command.length == 0 && plan->spec.script.length == 0)
        snprintf(reason, DURE_REASON_MAX, "the job has neither a command nor a script (erased, or never given)");
    else if (fill_image(plan, order, chain, reason) && lay_out(plan, order, ids, reason))
        return plan;
    dure_arena_free(arena);
    return NULL;
}

void local_plan_free(struct local_plan *plan)
{
    if (plan)
        dure_arena_free(plan->arena);
}

/* Reasons name no login: they go into the record for ever. */
static enum dure_err find_user(const char *login, char *room, struct passwd *ret_row, struct dure_error *error)
{
    struct passwd *found = NULL;
    /* A login that was erased meanwhile must never become the superuser's. */
    if (!login[0] && geteuid() == 0)
        return dure_fail(error, DURE_E_DENIED, "whose job this is was erased");
    const int code = login[0] ? getpwnam_r(login, ret_row, room, PASSWD_BYTES_MAX, &found)
                              : getpwuid_r(geteuid(), ret_row, room, PASSWD_BYTES_MAX, &found);
    if (found)
        return DURE_OK;
    if (code != 0 && code != ENOENT && code != ESRCH)
        return dure_fail(error, DURE_E_IO, "the user cannot be looked up: %s", strerror(code));
    if (login[0])
        return dure_fail(error, DURE_E_NOT_FOUND, "this machine has no such user");
    /* A container may run us under a number without a name. */
    *ret_row = (struct passwd){.pw_name = (char *)(uintptr_t) "",
                               .pw_uid = geteuid(),
                               .pw_gid = getegid(),
                               .pw_dir = (char *)(uintptr_t) "/",
                               .pw_shell = (char *)(uintptr_t) "/bin/sh"};
    return DURE_OK;
}

static enum dure_err fill_groups(struct local_plan *plan, const struct passwd *user, struct dure_error *error)
{
    gid_t groups[DURE_LOCAL_GROUPS_MAX];
    int count = DURE_LOCAL_GROUPS_MAX;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        return dure_fail(error, DURE_E_LIMIT, "the user is in more than %d groups", DURE_LOCAL_GROUPS_MAX);
    plan->spec.groups = copy(plan->arena, (const char *)groups, (size_t)count * sizeof groups[0]);
    return DURE_OK;
}

/* Only root can become another user; everyone else runs jobs as himself or not at all. */
enum dure_err local_plan_user(struct local_plan *plan, struct dure_error *error)
{
    char *room = malloc(PASSWD_BYTES_MAX);
    struct passwd user = {0};
    enum dure_err err =
        room ? find_user(plan->spec.login.data, room, &user, error) : dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (!err && geteuid() != 0 && user.pw_uid != geteuid())
        err = dure_fail(error, DURE_E_PERMISSION, "the daemon is not root, so it runs jobs of its own user only");
    if (!err && geteuid() == 0 && user.pw_uid != 0)
        err = fill_groups(plan, &user, error);
    if (!err) {
        plan->spec.set_user = geteuid() == 0 && user.pw_uid != 0;
        plan->spec.uid = user.pw_uid;
        plan->spec.gid = user.pw_gid;
        plan->spec.login = copy_text(plan->arena, user.pw_name);
        plan->spec.home = copy_text(plan->arena, user.pw_dir && user.pw_dir[0] ? user.pw_dir : "/");
        plan->spec.shell = copy_text(plan->arena, user.pw_shell && user.pw_shell[0] ? user.pw_shell : "/bin/sh");
        if (plan->spec.workdir.length == 0)
            plan->spec.workdir = plan->spec.home;
    }
    free(room);
    return err ? err : local_contain(plan, error);
}

/* A node's GPU i is the i-th of this machine; where the machine has several models, the i-th of the model that the fleet names. */
static uint32_t list_uuids(const struct dure_machine *machine, const char *model, struct dure_buf *list)
{
    bool named = false;
    uint32_t count = 0;
    char name[64];
    for (uint32_t i = 0; i < machine->gpu_count; i++) {
        dure_machine_name(machine->gpus[i].name, name);
        named = named || strcmp(name, model) == 0;
    }
    for (uint32_t i = 0; i < machine->gpu_count; i++) {
        dure_machine_name(machine->gpus[i].name, name);
        if (named && strcmp(name, model) != 0)
            continue;
        dure_buf_add(list, machine->gpus[i].uuid, strlen(machine->gpus[i].uuid) + 1);
        count++;
    }
    return count;
}

static enum dure_err fill_gpus(struct local_plan *plan, struct local_place *place, struct dure_error *error)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < plan->spec.tasks; i++)
        mask |= dure_spec_task_at(&plan->spec, i).gpu_mask;
    if (plan->spec.is_virtual || !mask)
        return DURE_OK;
    uv_mutex_lock(&place->lock);
    if (!place->gpus_known)
        dure_machine_gpus(place->minder_path, place->nvml_library, DURE_NVML_DEADLINE_MS, &place->gpus);
    place->gpus_known = true;
    uv_mutex_unlock(&place->lock);
    DURE_CLEANUP_BUF struct dure_buf list;
    dure_buf_init(&list, 64 * 1024);
    const uint32_t count = list_uuids(&place->gpus, plan->model, &list),
                   highest = 63u - (uint32_t)__builtin_clzll(mask);
    if (highest >= count)
        return dure_fail(error, DURE_E_NOT_FOUND,
                         "GPU %u is placed here, but this machine shows %u of model %s%s%.150s", highest, count,
                         plan->model, place->gpus.nvml_note[0] ? ": " : "", place->gpus.nvml_note);
    plan->spec.gpu_uuids = copy(plan->arena, list.data, list.length);
    return DURE_OK;
}

static enum dure_err fill_token(struct local_plan *plan, struct dure_error *error)
{
    uint8_t bytes[16];
    char text[2 * sizeof bytes + 1];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return dure_fail(error, DURE_E_IO, "no random bytes: %s", strerror(errno));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    plan->spec.token = copy_text(plan->arena, text);
    return DURE_OK;
}

enum dure_err local_plan_complete(struct local_plan *plan, struct local_place *place, struct dure_error *error)
{
    enum dure_err err = local_plan_user(plan, error);
    if (!err)
        err = fill_gpus(plan, place, error);
    if (!err)
        err = fill_token(plan, error);
    plan->spec.cgroup = copy_text(plan->arena, place->cgroup.base);
    plan->spec.nvml = copy_text(plan->arena, place->nvml_library);
    if (!err && !plan->spec.nvml.data)
        err = dure_fail(error, DURE_E_MEMORY, "out of memory");
    return err;
}
