/* POST /v1/jobs. */
#include <string.h>

#include "api/row.h"

/* The tenant a job without a project goes to: the only one its submitter is a member of, or the only one there is. */
static const char *default_project(struct call *call, const struct dure_tenants *tenants)
{
    const struct identity *who = call->who;
    struct dure_buf list DURE_CLEANUP_BUF = {0};

    if (who->member_of.count == 1 && who->member_of.at[0].v < tenants->tenant_count)
        return tenants->tenants[who->member_of.at[0].v].path;
    if (who->member_of.count == 0 && tenants->tenant_count == 1)
        return tenants->tenants[0].path;
    dure_buf_init(&list, 512);
    for (size_t i = 0; i < (who->member_of.count > 0 ? who->member_of.count : tenants->tenant_count) && i < 8; i++) {
        size_t at = who->member_of.count > 0 ? who->member_of.at[i].v : i;
        if (at < tenants->tenant_count)
            dure_buf_printf(&list, "%s%s", i > 0 ? ", " : "", tenants->tenants[at].path);
    }
    call_fail(call, DURE_E_INVALID, "project: none is named, and %s could submit to several: %s%s", who->login,
              list.data != NULL ? list.data : "", who->member_of.count > 8 ? ", ..." : "");
    return NULL;
}

static bool add_project(struct call *call, struct dure_tree *tree, const struct dure_tenants *tenants)
{
    struct dure_tree *node, **last;
    const char *path;

    if (tree->kind != DURE_TREE_MAP || dure_tree_get(tree, "project") != NULL)
        return true;
    path = default_project(call, tenants);
    if (path == NULL)
        return false;
    node = call_alloc(call, sizeof *node);
    if (node == NULL) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return false;
    }
    *node = (struct dure_tree){
        .kind = DURE_TREE_SCALAR, .quoted = true, .key = "project", .text = path, .parent = tree, .index = tree->count};
    for (last = &tree->first; *last != NULL; last = &(*last)->next)
        ;
    *last = node;
    tree->count++;
    return true;
}

/* May it stand on a site whose engine is Slurm, as far as its models say? */
static bool may_go_to_slurm(const struct dure_fleet *fleet, const struct dure_job *job)
{
    for (uint32_t i = 0; i < fleet->chain_count; i++)
        if (fleet->sites[fleet->chains[i].site.v].engine == DURE_ENGINE_SLURM &&
            (job->model_mask == 0 || (job->model_mask >> fleet->chains[i].model.v & 1) != 0))
            return true;
    return false;
}

static bool has_other_sites(const struct dure_fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->site_count; i++)
        if (fleet->sites[i].engine == DURE_ENGINE_LOCAL)
            return true;
    return false;
}

/* The most tasks that a node of so much room gets where all nodes get as many. */
static uint32_t share_of(uint32_t tasks, uint32_t room)
{
    uint32_t each = tasks < room ? tasks : room;

    while (tasks % each != 0)
        each--;
    return each;
}

/* How its tasks lie on a Slurm site where that takes more nodes than they would fill, and how many would lie better. */
static void note_nodes(const struct dure_fleet *fleet, const struct dure_job *job, struct dure_buf *text)
{
    const bool may = job->tasks_per_node == 0 && job->task_gpu_milli == 1000 && *job->mig == '\0';

    for (uint32_t i = 0; i < fleet->chain_count && may; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        const uint32_t room = chain->node_gpus / job->task_gpus;
        const bool accepts = job->model_mask == 0 || (job->model_mask >> chain->model.v & 1) != 0;
        uint32_t more = job->tasks;

        if (fleet->sites[chain->site.v].engine != DURE_ENGINE_SLURM || room == 0 || !accepts)
            continue;
        const uint32_t each = share_of(job->tasks, room);
        if (job->tasks / each == (job->tasks + room - 1) / room)
            continue;
        while (more / share_of(more, room) != (more + room - 1) / room)
            more++;
        dure_buf_printf(
            text,
            "on Slurm site '%s' each node gets the same number of its tasks, so that they lie %u on each of "
            "%u nodes; %u tasks would lie %u on each of %u; ",
            fleet->sites[chain->site.v].name, each, job->tasks / each, more, share_of(more, room),
            more / share_of(more, room));
        return;
    }
}

/* Is it the name of a level below the node, on a site whose engine does not choose GPUs by us? */
static bool inside_node(const struct dure_fleet *fleet, const char *level)
{
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        const unsigned at = dure_fleet_level(fleet, chain, level);

        if (fleet->sites[chain->site.v].engine == DURE_ENGINE_SLURM && at > 0 && at < chain->node_level)
            return true;
    }
    return false;
}

/* What an engine that may get it does otherwise than the spec says, or cannot enforce. */
static const char *submit_note(struct call *call, const struct dure_fleet *fleet, const struct dure_job *job,
                               const struct dure_body *body)
{
    static const char script[] =
        "on a Slurm site its script runs once, on the first node, as with sbatch, and starts its "
        "tasks with srun; on a local site it runs in every task";
    static const char shape[] = "on a Slurm site which GPUs of a node a task gets is Slurm's choice: 'level' holds "
                                "between nodes, not inside one";
    const char *unpromised = dure_core_unpromised(call->api->core, job);
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    char *note;

    if (!may_go_to_slurm(fleet, job))
        return unpromised;
    dure_buf_init(&text, 4096);
    if (unpromised != NULL)
        dure_buf_printf(&text, "%s; ", unpromised);
    if (job->tasks > 1 && body != NULL && body->field[DURE_BODY_SCRIPT].present && has_other_sites(fleet))
        dure_buf_printf(&text, "%s; ", script);
    if (job->level_required && *job->level != '\0' && inside_node(fleet, job->level))
        dure_buf_printf(&text, "%s; ", shape);
    note_nodes(fleet, job, &text);
    if (text.failed || text.length < 2)
        return NULL;
    note = call_alloc(call, text.length);
    if (note != NULL)
        memcpy(note, text.data, text.length - 2);
    return note;
}

/* Where it would start now. */
static void write_place(struct call *call, const struct dure_why *why)
{
    struct dure_buf nodes DURE_CLEANUP_BUF = {0};
    struct dure_allot_view allot;
    struct row row = {.places = why->places, .place_count = why->place_count};
    uint64_t gpus = 0, count = 0;

    if (why->place_count == 0) {
        json_none(&call->out, "place");
        return;
    }
    for (uint32_t i = 0; i < why->place_count; i++) {
        count += why->places[i].node_count;
        gpus += (uint64_t)why->places[i].node_count * (uint64_t)__builtin_popcountll(why->places[i].gpu_mask);
    }
    dure_buf_init(&nodes, 1 << 20);
    row_nodes(call, &row, &nodes);
    json_open(&call->out, "place", '{');
    json_str(&call->out, "nodes", nodes.data);
    json_uint(&call->out, "node_count", count);
    json_uint(&call->out, "gpus", gpus);
    json_bool(&call->out, "clear", why->place_clear);
    json_str(&call->out, "allotment",
             dure_core_allot_view(call->api->core, why->place_allot, &allot) ? allot.spec->name : NULL);
    json_close(&call->out, '}');
}

static void test_only(struct call *call, struct dure_job *job, const char *note)
{
    struct dure_why why = {0};
    bool never = false;
    enum dure_err err;

    job->principal = call->who->principal;
    err = dure_core_why_not(call->api->core, job, call->arena, &why, &never, &call->error);
    if (err != DURE_OK) {
        call_fail_error(call, err, &call->error);
        return;
    }
    json_open(&call->out, NULL, '{');
    json_bool(&call->out, "never", never);
    json_str(&call->out, "note", never ? NULL : note);
    json_bool(&call->out, "starts_now", why.place_count > 0);
    write_place(call, &why);
    api_why_write(call->api, &why, &call->out);
    json_close(&call->out, '}');
    call_answer(call, 200);
}

static void answer_submitted(struct call *call, const struct dure_answer *answer)
{
    json_open(&call->out, NULL, '{');
    json_uint(&call->out, "job", answer->job.v);
    json_uint(&call->out, "sequence", answer->sequence);
    json_str(&call->out, "note", call->data);
    json_close(&call->out, '}');
    call_answer(call, call->route->status);
}

void handle_submit(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_problems problems;
    struct dure_tree *tree;
    bool test = false;
    enum dure_err err;

    if (!param_bool(call, "test_only", &test) || !call_write_begin(call))
        return;
    if (fleet == NULL || tenants == NULL) {
        call_fail(call, DURE_E_STATE, "there is no %s yet; an operator sets it with `dure up` or PUT /v1/%s",
                  fleet == NULL ? "fleet" : "tenant", fleet == NULL ? "fleet" : "tenants");
        return;
    }
    tree = call_body_tree(call);
    if (tree == NULL || !add_project(call, tree, tenants))
        return;
    problems.file = "body";
    problems.count = problems.total = 0;
    dure_record_init(&call->record, DURE_REC_SUBMIT, 0, 0);
    err = dure_job_parse(tree, fleet, tenants, &call->record.submit, &call->body, &problems);
    if (err == DURE_OK)
        dure_job_read_data(tree, dure_core_data(call->api->core), &call->record.submit, &problems);
    if (err == DURE_E_INVALID || problems.count > 0) {
        call_fail_problems(call, &problems);
        return;
    }
    if (err != DURE_OK) {
        call_fail(call, err, "%s", dure_err_sentence(err));
        return;
    }
    if (!call->who->is_operator && !identity_is_member(call->api, call->who, call->record.submit.tenant)) {
        call_fail(call, DURE_E_DENIED, "%s is not a member of %s", call->who->login,
                  tenants->tenants[call->record.submit.tenant.v].path);
        return;
    }
    call->body_kind = DURE_BODY_OF_JOB;
    call->data = (void *)submit_note(call, fleet, &call->record.submit, call->body);
    if (test)
        test_only(call, &call->record.submit, call->data);
    else
        call_write(call, answer_submitted);
}
