/* What a random life is made of, and what is declared and granted in its course. */
#include "reference_match.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tap.h"

static const char profiles[] =
    "mig: [{name: 3g, slices: 3, memory_slices: 4, memory: 40GiB, starts: [0, 4]}, "
    "{name: 2g, slices: 2, memory_slices: 2, memory: 20GiB, starts: [0, 2, 4]}, "
    "{name: 1g.2, slices: 1, memory_slices: 2, memory: 20GiB, starts: [0, 2, 4, 6]}, "
    "{name: 1g, slices: 1, memory_slices: 1, memory: 10GiB, starts: [0, 1, 2, 3, 4, 5, 6]}], ";

uint32_t match_chain(const struct match *match)
{
    return match->second_racks > 0 ? match_late(2) : 0;
}

static const char *chain_name(uint32_t chain)
{
    return chain == 0 ? "g" : "h";
}

/* In some lives a second chain stands behind the first: of another model or the same, at another site or the same. */
static void write_second(struct match *match, struct dure_buf *fleet)
{
    static const char *const models[] = {"m", "n", "n", "n"};
    struct reference *reference = &match->reference;
    if (match->second_racks == 0)
        return;
    dure_buf_printf(fleet,
                    "  - {name: h, owner: o, site: %s, model: %s, nodes: 'h[01-%02u]', cpus: 64, memory: 1TiB, "
                    "power: 10kW, levels: [{name: rack, holds: %u}, {name: node, holds: %u}]}\n",
                    match_late(3) ? "t" : "s", models[match_late(4)], match->second_racks * reference->rack_nodes,
                    reference->rack_nodes, reference->node_gpus);
    reference->node_count += match->second_racks * reference->rack_nodes;
}

/* Less memory than the first has, or more, and then with the same ways of cutting or none. */
static void write_second_model(const struct match *match, struct dure_buf *fleet)
{
    if (match->second_racks > 0)
        dure_buf_printf(fleet, ", {name: n, memory: %s, power: 700W, %snvlink: node}",
                        match->second_model ? "120GiB" : "40GiB", match->second_model == 2 ? profiles : "");
}

/* Rights to some of it, in whole nodes or racks. */
static void write_second_rights(struct match *match, struct dure_buf *tenants)
{
    for (uint32_t left = match->second_racks; left > 0 && match_late(4) > 0 && match->rights < FIRST_RIGHTS + 2;
         left--) {
        const bool racks = match_late(2);
        dure_buf_printf(tenants, "  - {name: r%u, tenant: t%u, group: h, level: %s, count: %u}\n", match->rights++,
                        match_late(match->tops), racks ? "rack" : "node",
                        racks ? 1 : 1 + match_late(match->reference.rack_nodes));
    }
}

/* What a tenant may hold, by chance; where it stands among the tenants there is a mark for it. */
static void draw_ceiling(struct match *match, struct dure_buf *tenants)
{
    struct ceiling *ceiling = &match->ceiling[match->ceiling_count++];
    *ceiling = (struct ceiling){.count = 0};
    dure_buf_byte(tenants, CEILING_MARK);
    if (!match->ceilings || match_more(2) == 0)
        return;
    ceiling->kind = match_more(4);
    ceiling->count = ceiling->kind < 2 ? 1 + match_more(4) : match->reference.node_gpus * (1 + match_more(3));
}

/* The tenants with what each may hold now. */
static void write_tenants(const struct match *match, struct dure_buf *text)
{
    static const char *const kinds[] = {"jobs", "jobs_per_user", "gpus", "gpus_per_user"};
    const struct ceiling *next = match->ceiling;
    for (const char *c = match->tenants_text; *c; c++) {
        if (*c != CEILING_MARK) {
            dure_buf_byte(text, *c);
            continue;
        }
        if (next->count > 0)
            dure_buf_printf(text, ", ceilings: {%s: %u}", kinds[next->kind], next->count);
        next++;
    }
}

/* Below a tenant at the top: none, or up to three, of which the first may have others below it. */
static void write_below(struct match *match, struct dure_buf *tenants)
{
    const uint32_t count = match_more(4);
    dure_buf_str(tenants, count > 0 ? ", tenants: [" : "");
    for (uint32_t i = 0; i < count; i++) {
        dure_buf_printf(tenants, "%s{name: %c, weight: %u", i > 0 ? ", " : "", (char)('a' + i), 1 + match_more(3));
        draw_ceiling(match, tenants);
        dure_buf_str(tenants, i == 0 && match_more(3) == 2 ? ", tenants: [{name: x}, {name: y, weight: 2}]}" : "}");
    }
    dure_buf_str(tenants, count > 0 ? "]" : "");
}

/* Mostly all is lent for ever; in some lives to some, or for a time, or with a notice that is short, or nothing is. */
static void write_lending(const struct match *match, struct dure_buf *tenants)
{
    static const char *const notices[] = {"10m", "60s"};
    char from[DURE_TIME_TEXT_MAX], until[DURE_TIME_TEXT_MAX];
    const uint32_t kind = match->promises ? match_more(6) : 0;
    if (kind == 5)
        return;
    dure_buf_printf(tenants, "lending: [{owner: o, notice: %s", kind > 0 ? notices[match_more(2)] : notices[0]);
    if (kind == 4)
        dure_buf_printf(tenants, ", to: [t%u]", match_more(match->tops));
    else
        dure_buf_str(tenants, ", to: all");
    if (kind == 3)
        dure_buf_printf(tenants, ", except: [t%u]", match_more(match->tops));
    dure_time_format_utc(FIRST_US + (int64_t)match_more(60) * DURE_MINUTE_US, from);
    dure_time_format_utc(FIRST_US + (int64_t)(61 + match_more(120)) * DURE_MINUTE_US, until);
    if (kind > 1)
        dure_buf_printf(tenants, ", from: %s, until: %s", from, until);
    dure_buf_str(tenants, "}]\n");
}

/* Some begin later, or end; says whether it does. */
static bool write_period(const struct match *match, struct dure_buf *tenants)
{
    char text[DURE_TIME_TEXT_MAX];
    if (match->promises && match_more(4) == 3)
        dure_buf_printf(tenants, ", from: %s",
                        dure_time_format_utc(FIRST_US + (int64_t)(1 + match_more(60)) * DURE_MINUTE_US, text));
    if (!match->promises || match_more(3) < 2)
        return false;
    dure_buf_printf(tenants, ", until: %s",
                    dure_time_format_utc(FIRST_US + (int64_t)(61 + match_more(120)) * DURE_MINUTE_US, text));
    return true;
}

/* Racks of nodes, one to four tenants at the top, rights to six to all of the racks' nodes in all. */
void match_make_specs(struct match *match, struct dure_buf *fleet, struct dure_buf *tenants)
{
    struct reference *reference = &match->reference;
    struct dure_buf second DURE_CLEANUP_BUF = {0};
    uint32_t racks = 3 + match_below(4), first = 0;
    reference->rack_nodes = 2 + match_below(3);
    reference->node_gpus = 2u << match_below(3);
    reference->node_count = racks * reference->rack_nodes;
    match->tops = 3 + match_below(2);
    match->tops -= match_more(4) < 2 ? match_more(match->tops) : 0; /* few have several rights each */
    const uint32_t tops = match->tops;
    match->ceiling_count = 0;
    match->second_racks = match->is_wide ? 1 + match_late(3) : 0;
    match->second_model = match->second_racks > 0 ? match_late(3) : 0;
    dure_buf_init(&second, 4096);
    dure_buf_str(&second, "");
    write_second_model(match, &second);
    dure_buf_printf(fleet,
                    "kind: Fleet\nversion: 1\nname: f\nmodels: [{name: m, memory: 80GiB, power: 700W, %snvlink: "
                    "node}%s]\nowners: [{name: o}]\n"
                    "sites: [{name: s, engine: %s}, {name: t, engine: emulated}]\ngroups:\n  - {name: g, owner: "
                    "o, site: s, model: m, nodes: "
                    "'n[01-%02u]', cpus: 64, memory: 1TiB, "
                    "power: 10kW, levels: [{name: rack, holds: %u}, {name: node, holds: %u}]}\n",
                    match_is_plain() ? "" : profiles, second.data,
                    match->is_even ? "slurm, slurm: {commands: {}}" : "emulated", reference->node_count,
                    reference->rack_nodes, reference->node_gpus);
    write_second(match, fleet);
    dure_buf_str(tenants, "kind: Tenants\nversion: 1\ntenants:\n");
    for (uint32_t i = 0; i < tops; i++) {
        dure_buf_printf(tenants, "  - {name: t%u, weight: %u%s", i, 1 + match_below(3), i == 0 ? ", owner: o" : "");
        draw_ceiling(match, tenants);
        write_below(match, tenants);
        dure_buf_str(tenants, "}\n");
    }
    dure_text_copy(match->tenants_text, sizeof match->tenants_text, tenants->data);
    dure_buf_clear(tenants);
    write_tenants(match, tenants);
    const size_t lending = tenants->length;
    write_lending(match, tenants);
    const size_t from = tenants->length;
    dure_text_copy(match->lending_text, sizeof match->lending_text, from > lending ? tenants->data + lending : "");
    dure_buf_str(tenants, "allotments:\n");
    struct {
        uint32_t of, nodes, count;
    } ends = {.count = 0};
    for (match->rights = 0; racks > first && match->rights < FIRST_RIGHTS;
         match->rights++) { /* each takes whole racks' worth */
        const uint32_t take = 1 + match_below(racks - first < 2 ? racks - first : 2),
                       nodes = match_below(2) ? 1 : reference->rack_nodes,
                       count = nodes == 1 ? take * reference->rack_nodes - match_below(2) : take;
        dure_buf_printf(tenants, "  - {name: r%u, tenant: t%u, group: g, level: %s, count: %u", match->rights,
                        match->rights % tops, nodes == 1 ? "node" : "rack", count);
        if (write_period(match, tenants)) {
            ends.of = match->rights;
            ends.nodes = nodes;
            ends.count = count;
        }
        dure_buf_str(tenants, "}\n");
        first += take;
    }
    if (ends.count > 0 && match_more(2) == 1) /* another takes over what the last of them leaves */
        dure_buf_printf(tenants, "  - {name: r%u, tenant: t%u, group: g, level: %s, count: %u, after: r%u}\n",
                        match->rights++, match_more(tops), ends.nodes == 1 ? "node" : "rack",
                        1 + match_more(ends.count), ends.of);
    write_second_rights(match, tenants);
    dure_text_copy(match->rights_text, sizeof match->rights_text, tenants->data + from);
}

/* A right is granted, cut down or ended. */
void match_promise(struct match *match)
{
    static const enum dure_record_kind kinds[] = {DURE_REC_GRANT, DURE_REC_GRANT, DURE_REC_SHRINK, DURE_REC_END_ALLOT};
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, kinds[match_more(4)]);
    const struct reference *reference = &match->reference;
    char time[DURE_TIME_TEXT_MAX];
    dure_buf_init(&text, 4096);
    if (record.kind == DURE_REC_GRANT && reference->right_count < REFERENCE_RIGHTS) {
        const int64_t from_us = match->rig.now_us + (int64_t)match_more(60) * DURE_MINUTE_US;
        dure_buf_printf(
            &text, "[{\"name\":\"r%u\",\"tenant\":\"%s\",\"chain\":\"%s\",\"level\":%u,\"count\":%u", match->rights++,
            reference->tenants[match_more(3) ? match_more(match->tops) : match_more(reference->tenant_count)].path,
            chain_name(match_chain(match)), 2 + match_more(2), 1 + match_more(3));
        if (match_more(2))
            dure_buf_printf(&text, ",\"from\":\"%s\"", dure_time_format_utc(from_us, time));
        if (match_more(2))
            dure_buf_printf(&text, ",\"until\":\"%s\"",
                            dure_time_format_utc(from_us + (int64_t)(1 + match_more(90)) * DURE_MINUTE_US, time));
        dure_buf_str(&text, "}]");
        record.text = text.data;
        record.text_length = text.length;
        match_both(match, &record);
    } else if (record.kind != DURE_REC_GRANT) {
        record.allot.v = match_more(reference->right_count);
        record.count = 1 + match_more(4);
        match_both(match, &record);
    }
}

/* Everywhere, or at one site, where there may be two. */
static const char *some_sites(const struct match *match)
{
    static const char *const sites[] = {"\"all\"", "\"all\"", "[\"s\"]", "[\"t\"]"};
    return sites[match->second_racks > 0 ? match_late(4) : 0];
}

/* Two that forbid all others in the node (the rack), and two that name some tenants: others than before, or the same. */
static bool declare_data(struct match *match, bool anew, bool both)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, DURE_REC_DATA);
    const struct dure_tenant *tenants = match->reference.tenants;
    const char *sites[4];
    uint32_t named[2] = {match->named[0], match->named[1]};
    for (unsigned i = 2; anew && i-- > 0;)
        named[i] = match_more(match->reference.tenant_count);
    for (unsigned i = 0; i < 4; i++)
        sites[i] = some_sites(match);
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(&text,
                    "{\"kind\":\"Data\",\"version\":1,\"datasets\":["
                    "{\"name\":\"n\",\"sites\":%s,\"neighbours\":{\"level\":\"node\",\"tenants\":\"others\"}},"
                    "{\"name\":\"r\",\"sites\":%s,\"neighbours\":{\"level\":\"rack\",\"tenants\":\"others\"}},"
                    "{\"name\":\"ln\",\"sites\":%s,\"neighbours\":{\"level\":\"node\",\"tenants\":[\"%s\"]}},"
                    "{\"name\":\"lr\",\"sites\":%s,\"neighbours\":{\"level\":\"rack\",\"tenants\":[\"%s\"]}}]}",
                    sites[0], sites[1], sites[2], tenants[named[0]].path, sites[3], tenants[named[1]].path);
    record.text = text.data;
    record.text_length = text.length;
    const bool taken = both ? match_both(match, &record) : rig_step(&match->rig, &record) == DURE_OK;
    for (unsigned i = 0; taken && i < 2; i++)
        match->named[i] = named[i];
    return taken;
}

void match_declare_data(struct match *match)
{
    match->reference.data = NULL;
    match->uses_data = !match_is_plain() && match->life % 7 < 4;
    if (!match->uses_data)
        return;
    if (!declare_data(match, true, false))
        tap_bail("datasets: %s", match->rig.error.text);
    match->reference.data = dure_core_data(match->rig.core);
}

/* They may be used elsewhere from now on. */
void match_move_data(struct match *match)
{
    declare_data(match, false, true);
}

/* The same tenants, with what they may hold now and other terms of lending (`lending` NULL), or the same. */
static void redeclare(struct match *match, const char *lending)
{
    struct dure_buf yaml DURE_CLEANUP_BUF = {0};
    struct dure_arena *arena = dure_arena_new(16u << 20);
    struct dure_problems problems = {.file = "tenants"};
    struct dure_tree *tree = NULL;
    struct dure_tenants *tenants = NULL;
    struct dure_record record = rig_record(&match->rig, DURE_REC_TENANTS);
    dure_buf_init(&yaml, 1 << 16);
    write_tenants(match, &yaml);
    const size_t from = yaml.length;
    if (lending)
        dure_buf_str(&yaml, lending);
    else
        write_lending(match, &yaml);
    dure_text_copy(match->lending_text, sizeof match->lending_text, yaml.data + from);
    dure_buf_str(&yaml, match->rights_text);
    if (dure_tree_from_yaml(arena, yaml.data, yaml.length, &tree, &problems) != DURE_OK ||
        dure_tenants_parse(tree, match->rig.fleet, &tenants, &problems) != DURE_OK)
        tap_bail("tenants, declared anew: %s", yaml.data);
    dure_arena_free(arena);
    record.text = tenants->spec_json;
    record.text_length = tenants->spec_json_length;
    dure_tenants_free(match->redeclared);
    match->redeclared = tenants;
    match->reference.declared = tenants;
    match->reference.tenants = tenants->tenants;
    match_both(match, &record);
}

/* What somebody may hold is another, lower maybe than what it holds, or is lifted. */
void match_ceilings(struct match *match)
{
    const char *lending = match->lending_text;
    struct ceiling *ceiling = &match->ceiling[match_late(match->ceiling_count)];
    ceiling->kind = match_late(4);
    ceiling->count = match_late(4) == 0  ? 0
                     : ceiling->kind < 2 ? 1 + match_late(4)
                                         : match->reference.node_gpus * (1 + match_late(3));
    redeclare(match, lending);
    match->lifted += ceiling->count == 0;
    for (uint32_t tenant = 0; tenant < match->reference.tenant_count; tenant++)
        match->lowered += reference_is_over_ceiling(&match->reference, tenant);
}

static void price(struct match *match)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, DURE_REC_PRICES);
    struct dure_prices prices;
    uint32_t worth = 0;
    for (uint32_t i = 0; i < DURE_HOLES; i++, worth += match_more(4) ? 0 : match_more(40000))
        prices.hole_ugpu[i] = worth < DURE_HOLE_UGPU_MAX ? worth : DURE_HOLE_UGPU_MAX;
    dure_buf_init(&text, 1 << 16);
    dure_prices_write(&prices, &text);
    record.text = text.data;
    record.text_length = text.length;
    match_both(match, &record);
}

static void checkpoint(struct match *match)
{
    struct dure_record record = rig_record(&match->rig, DURE_REC_CHECKPOINT);
    uint32_t seen = 0;
    for (uint32_t r = 0; r < match->reference.run_end; r++)
        if (match->reference.runs[r].state > RUN_RESERVED && match_more(++seen) == 0)
            record.attempt.v = match->reference.runs[r].attempt;
    if (record.attempt.v)
        match_both(match, &record);
}

/* What changes seldom: terms, datasets, prices; and a word from those who keep their work. */
void match_rare(struct match *match)
{
    const uint32_t what = match_more(8);
    if (what == 0 && match->promises) {
        redeclare(match, NULL);
    } else if (what == 1 && match->uses_data) {
        declare_data(match, true, true);
    } else if (what == 2) {
        price(match);
    } else {
        checkpoint(match);
    }
}

static const char *some_site(const struct match *match)
{
    return match->second_racks > 0 && match_late(2) ? "t" : "s";
}

/* Limits of the site, of racks and of nodes, now or soon, are declared, and those of before are lifted. */
void match_power(struct match *match)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_record record = rig_record(&match->rig, DURE_REC_POWER);
    const struct reference *reference = &match->reference;
    const uint32_t count = match_more(4);
    char time[DURE_TIME_TEXT_MAX];
    dure_buf_init(&text, 1 << 16);
    dure_buf_printf(&text, "{\"kind\":\"Power\",\"version\":1,\"lead\":\"%um\",\"limits\":[", 1 + match_more(15));
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = match_chain(match), nodes_of = reference->chains[at].end - reference->chains[at].first;
        const uint32_t kind = match_more(3), nodes = kind == 0 ? nodes_of : kind == 1 ? reference->rack_nodes : 1;
        const int64_t from_us = match->rig.now_us + (int64_t)match_more(40) * DURE_MINUTE_US;
        dure_buf_str(&text, i > 0 ? ",{" : "{");
        if (kind == 0)
            dure_buf_printf(&text, "\"site\":\"%s\"", some_site(match));
        else if (kind == 1)
            dure_buf_printf(&text, "\"group\":\"%s\",\"level\":\"rack\",\"cells\":\"%u\"", chain_name(at),
                            1 + match_more(nodes_of / reference->rack_nodes));
        else
            dure_buf_printf(&text, "\"node\":\"%c%02u\"", at == 0 ? 'n' : 'h', 1 + match_more(nodes_of));
        dure_buf_printf(&text, ",\"limit\":\"%uW\"",
                        (uint32_t)(nodes * 10000 / 100 * (kind ? 20 + match_more(80) : 50 + match_more(50))));
        if (match_more(2))
            dure_buf_printf(&text, ",\"from\":\"%s\"", dure_time_format_utc(from_us, time));
        if (match_more(2))
            dure_buf_printf(&text, ",\"until\":\"%s\"",
                            dure_time_format_utc(from_us + (int64_t)(1 + match_more(60)) * DURE_MINUTE_US, time));
        dure_buf_str(&text, "}");
    }
    dure_buf_str(&text, "]}");
    record.text = text.data;
    record.text_length = text.length;
    match_both(match, &record);
}

void match_book(struct match *match)
{
    const struct reference *reference = &match->reference;
    struct dure_record record = rig_record(&match->rig, match_more(3) ? DURE_REC_BOOK : DURE_REC_UNBOOK);
    const struct reference_chain *chain = &reference->chains[match_chain(match)];
    struct dure_place run = {.node_first = chain->first + match_more(chain->end - chain->first)};
    run.node_count = 1 + match_more(chain->end - run.node_first);
    record.places = &run;
    record.place_count = 1;
    record.number = match->rig.now_us;
    record.deadline_us = match->rig.now_us + (int64_t)(1 + match_more(40)) * DURE_MINUTE_US;
    if (match->looks_ahead && match_late(4) > 0) {
        const int64_t ahead_us = (int64_t)match_late(60) * DURE_MINUTE_US;
        if (match_late(2) && run.node_count > 3)
            run.node_count = 1 + match_late(3);
        record.number += ahead_us;
        record.deadline_us += ahead_us;
    }
    if (record.kind == DURE_REC_UNBOOK) {
        record.place_count = 0;
        record.deadline_us = 0;
        record.number =
            reference->booking_count > 0 ? (int64_t)reference->bookings[match_more(reference->booking_count)].id : 0;
    }
    if (record.number > 0 && reference->booking_count < REFERENCE_BOOKINGS)
        match_both(match, &record);
}
