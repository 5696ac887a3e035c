/* The fleet: its spec, and the board. */
#include <string.h>

#include "api/inner.h"

static void answer_fleet(struct call *call, const struct dure_answer *answer)
{
    answer_sequence(call, answer);
}

void handle_fleet_put(struct call *call)
{
    const struct dure_fleet *now = dure_core_fleet(call->api->core);
    struct dure_fleet *next = NULL;
    struct dure_problems problems;
    struct dure_tree *tree;
    bool preview = false;
    enum dure_err err;

    if (!param_bool(call, "preview", &preview) || !call_write_begin(call))
        return;
    tree = call_body_tree(call);
    if (tree == NULL)
        return;
    problems.file = "body";
    problems.count = problems.total = 0;
    err = dure_fleet_parse(tree, &next, &problems);
    if (err == DURE_E_INVALID) {
        call_fail_problems(call, &problems);
        return;
    }
    if (err == DURE_OK && now != NULL)
        err = dure_fleet_may_follow(now, next, &call->error);
    if (err != DURE_OK) {
        dure_fleet_free(next);
        call_fail(call, err, "%s", call->error.text[0] != '\0' ? call->error.text : dure_err_sentence(err));
        return;
    }
    if (preview) {
        json_open(&call->out, NULL, '{');
        json_bool(&call->out, "preview", true);
        json_uint(&call->out, "gpus", next->gpu_count);
        json_uint(&call->out, "nodes", next->node_count);
        json_uint(&call->out, "gpus_now", now != NULL ? now->gpu_count : 0);
        json_close(&call->out, '}');
        dure_fleet_free(next);
        call_answer(call, 200);
        return;
    }
    dure_record_init(&call->record, DURE_REC_FLEET, 0, 0);
    call->record.text = dure_arena_strndup(call->arena, next->spec_json, next->spec_json_length);
    call->record.text_length = next->spec_json_length;
    dure_fleet_free(next);
    if (call->record.text == NULL)
        call_fail(call, DURE_E_MEMORY, "out of memory");
    else
        call_write(call, answer_fleet);
}

static void answer_now(struct call *call)
{
    call_answer(call, 200);
}

void handle_fleet_spec(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);

    if (fleet == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no fleet yet");
        return;
    }
    dure_buf_add(&call->out, fleet->spec_json, fleet->spec_json_length);
    call_when_durable(call, answer_now);
}

/* GPUs of one row of the board. */
struct sums {
    uint64_t gpus, own, lent, borrowed, lost, away, dark, foreign, arriving, promised;
    bool has_virtual, has_emulated, has_real;
};

static void add_chain(struct sums *sums, const struct dure_fleet *fleet, const struct dure_chain *chain,
                      const struct dure_chain_view *view)
{
    bool emulated = fleet->sites[chain->site.v].engine == DURE_ENGINE_EMULATED;
    bool is_virtual = fleet->models[chain->model.v].is_virtual;

    sums->gpus += view->gpus;
    sums->own += view->guaranteed;
    sums->lent += view->borrowed;
    sums->lost += view->lost;
    sums->away += view->away;
    sums->dark += view->dark;
    sums->foreign += view->foreign;
    sums->arriving += view->arriving;
    sums->promised += view->promised;
    sums->has_emulated |= emulated;
    sums->has_virtual |= is_virtual;
    sums->has_real |= !emulated && !is_virtual;
}

static void write_sums(const struct sums *sums, struct dure_buf *out)
{
    uint64_t busy = sums->own + sums->lent + sums->lost + sums->away + sums->dark + sums->foreign + sums->arriving;

    json_uint(out, "gpus", sums->gpus);
    json_uint(out, "own", sums->own);
    json_uint(out, "lent", sums->lent);
    json_uint(out, "borrowed", sums->borrowed);
    json_uint(out, "idle", sums->gpus > busy ? sums->gpus - busy : 0);
    json_uint(out, "lost", sums->lost);
    json_uint(out, "away", sums->away);
    json_uint(out, "dark", sums->dark);
    json_uint(out, "foreign", sums->foreign);
    json_uint(out, "arriving", sums->arriving);
    json_uint(out, "promised", sums->promised);
    json_bool(out, "virtual", sums->has_virtual);
    json_bool(out, "emulated", sums->has_emulated);
}

struct board {
    struct sums total;
    struct sums *owners, *sites, *models;
};

static bool gather(struct call *call, const struct dure_fleet *fleet, struct board *board)
{
    const struct dure_tenants *tenants = dure_core_tenants(call->api->core);
    struct dure_chain_view view;
    struct dure_tenant_view used;

    board->owners = dure_arena_array(call->arena, sizeof *board->owners, fleet->owner_count + 1);
    board->sites = dure_arena_array(call->arena, sizeof *board->sites, fleet->site_count + 1);
    board->models = dure_arena_array(call->arena, sizeof *board->models, fleet->model_count + 1);
    if (board->owners == NULL || board->sites == NULL || board->models == NULL)
        return false;
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        dure_core_chain_view(call->api->core, (struct dure_chain_id){i}, &view);
        add_chain(&board->total, fleet, chain, &view);
        add_chain(&board->owners[chain->owner.v], fleet, chain, &view);
        add_chain(&board->sites[chain->site.v], fleet, chain, &view);
        add_chain(&board->models[chain->model.v], fleet, chain, &view);
    }
    /* What an owner's tenants run on others' GPUs. */
    for (uint32_t i = 0; tenants != NULL && i < tenants->tenant_count; i++) {
        const struct dure_tenant *tenant = &tenants->tenants[i];
        if (tenant->parent.v != DURE_NONE32)
            continue;
        dure_core_tenant_view(call->api->core, (struct dure_tenant_id){i}, &used);
        board->total.borrowed += used.gpus_borrowed;
        if (tenant->owner.v < fleet->owner_count)
            board->owners[tenant->owner.v].borrowed += used.gpus_borrowed;
    }
    return true;
}

static void write_chains(struct call *call, const struct dure_fleet *fleet, struct dure_buf *out)
{
    static const char *const provenance[] = {"announced", "installed", "assumed"};
    struct dure_chain_view view;

    json_open(out, "chains", '[');
    for (uint32_t i = 0; i < fleet->chain_count; i++) {
        const struct dure_chain *chain = &fleet->chains[i];
        struct sums sums = {0};
        dure_core_chain_view(call->api->core, (struct dure_chain_id){i}, &view);
        add_chain(&sums, fleet, chain, &view);
        json_open(out, NULL, '{');
        json_str(out, "name", chain->name);
        json_str(out, "owner", fleet->owners[chain->owner.v].name);
        json_str(out, "site", fleet->sites[chain->site.v].name);
        json_str(out, "model", fleet->models[chain->model.v].name);
        json_uint(out, "nodes", chain->node_count);
        json_uint(out, "node_gpus", chain->node_gpus);
        json_str(out, "provenance", provenance[chain->provenance <= DURE_ASSUMED ? chain->provenance : DURE_ASSUMED]);
        json_str(out, "source", chain->source != NULL && *chain->source != '\0' ? chain->source : NULL);
        json_time(out, "available_from", chain->available_from_us);
        json_open(out, "levels", '[');
        for (unsigned level = 1; level <= chain->level_count; level++)
            json_str(out, NULL, chain->levels[level].name);
        json_close(out, ']');
        write_sums(&sums, out);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void write_others(const struct dure_fleet *fleet, struct dure_buf *out)
{
    json_open(out, "others", '[');
    for (uint32_t i = 0; i < fleet->other_count; i++) {
        const struct dure_other *other = &fleet->others[i];
        json_open(out, NULL, '{');
        json_str(out, "name", other->name);
        json_str(out, "kind", other->kind);
        json_str(out, "site", other->site != NULL && *other->site != '\0' ? other->site : NULL);
        json_str(out, "owner", other->owner.v < fleet->owner_count ? fleet->owners[other->owner.v].name : NULL);
        json_uint(out, "count", other->count);
        json_str(out, "note", "not schedulable");
        json_close(out, '}');
    }
    json_close(out, ']');
}

void handle_fleet_get(struct call *call)
{
    const struct dure_fleet *fleet = dure_core_fleet(call->api->core);
    struct dure_buf *out = &call->out;
    struct board board = {0};

    if (fleet == NULL) {
        call_fail(call, DURE_E_NOT_FOUND, "there is no fleet yet");
        return;
    }
    if (!gather(call, fleet, &board)) {
        call_fail(call, DURE_E_MEMORY, "out of memory");
        return;
    }
    json_open(out, NULL, '{');
    json_str(out, "name", fleet->name);
    json_str(out, "zone", fleet->zone);
    json_time(out, "as_of", call_time_us(call));
    json_open(out, "totals", '{');
    write_sums(&board.total, out);
    json_close(out, '}');
    json_open(out, "owners", '[');
    for (uint32_t i = 0; i < fleet->owner_count; i++) {
        json_open(out, NULL, '{');
        json_str(out, "name", fleet->owners[i].name);
        json_str(out, "label", fleet->owners[i].label);
        write_sums(&board.owners[i], out);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_open(out, "sites", '[');
    for (uint32_t i = 0; i < fleet->site_count; i++) {
        json_open(out, NULL, '{');
        json_str(out, "name", fleet->sites[i].name);
        json_str(out, "label", fleet->sites[i].label);
        json_str(out, "region", fleet->sites[i].region);
        json_int(out, "latitude_udeg", fleet->sites[i].latitude_udeg);
        json_int(out, "longitude_udeg", fleet->sites[i].longitude_udeg);
        json_str(out, "engine", dure_engine_kind_name(fleet->sites[i].engine));
        write_sums(&board.sites[i], out);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_open(out, "models", '[');
    for (uint32_t i = 0; i < fleet->model_count; i++) {
        json_open(out, NULL, '{');
        json_str(out, "name", fleet->models[i].name);
        json_uint(out, "memory_mib", fleet->models[i].memory_mib);
        write_sums(&board.models[i], out);
        json_close(out, '}');
    }
    json_close(out, ']');
    write_chains(call, fleet, out);
    write_others(fleet, out);
    json_close(out, '}');
    call_when_durable(call, answer_now);
}
