#include "base/timefmt.h"
#include "spec.h"

#define TREE                                                                                                           \
    "kind: Tenants\nversion: 1\ntenants:\n"                                                                            \
    "- {name: alpha, owner: alpha, weight: 10, label: A, tenants: [{name: llm, tenants: [{name: team-a}, {name: "      \
    "team-b}]}, {name: vision}]}\n"                                                                                    \
    "- {name: beta, owner: beta}\n- {name: guest}\n- {name: team-c, under: alpha/llm}\n"

static void tree(const struct dure_fleet *fleet)
{
    static const char *const paths[] = {"alpha", "alpha/llm", "alpha/llm/team-a", "alpha/llm/team-b", "alpha/vision",
                                        "beta",  "guest",     "alpha/llm/team-c"};
    struct dure_tenants *t = spec_tenants(TREE, fleet);
    TAP_EQ_UINT(t->tenant_count, 8, "tenants");
    for (uint32_t i = 0; i < 8; i++) {
        struct dure_tenant_id found = {DURE_NONE32};
        TAP_EQ_STR(t->tenants[i].path, paths[i], "in declaration order, parents first");
        TAP_OK(dure_tenants_find(t, paths[i], &found) && found.v == i, "found by its path");
    }
    struct dure_tenant_id id = {99};
    TAP_OK(!dure_tenants_find(t, "", &id) && !dure_tenants_find(t, "llm", &id) &&
               !dure_tenants_find(t, "alpha/", &id) && id.v == 99,
           "others are not");
    TAP_OK(t->tenants[7].owner.v == 0 && t->tenants[7].depth == 2 && t->tenants[6].owner.v == DURE_NONE32,
           "owners come from the top");
    TAP_OK(t->tenants[0].weight == 10 && t->tenants[1].weight == 1 && strcmp(t->tenants[1].label, "llm") == 0,
           "weights and labels");
    TAP_OK(dure_tenants_within(t, (struct dure_tenant_id){7}, (struct dure_tenant_id){0}) &&
               dure_tenants_within(t, (struct dure_tenant_id){4}, (struct dure_tenant_id){4}) &&
               !dure_tenants_within(t, (struct dure_tenant_id){0}, (struct dure_tenant_id){7}) &&
               !dure_tenants_within(t, (struct dure_tenant_id){5}, (struct dure_tenant_id){0}),
           "within, reflexive, not upside down");
    dure_tenants_free(t);
    dure_tenants_free(NULL);
}

/* What each declaration becomes: "name chain level count;" a row. */
static void rows(const struct dure_fleet *fleet)
{
    static const struct {
        const char *allotments, *want;
    } cases[] = {
        {"[{name: x, tenant: beta, group: a, level: rack, count: 4}]", "x a 3 4;"},
        {"[{name: x, tenant: beta, group: a, level: node, count: 27}]", "x a 2 24;x#2 a+node 2 3;"},
        {"[{name: x, tenant: beta, chain: a+node, level: node, count: 2}]", "x a+node 2 2;"},
        {"[{name: x, tenant: beta, group: a, gpus: 64}]", "x a 4 1;"},
        {"[{name: x, tenant: beta, group: a, gpus: 107}]", "x a 4 1;x#2 a 3 1;x#3 a 2 1;x#4 a 1 3;"},
        {"[{name: x, tenant: beta, group: a, gpus: 216}]", "x a 4 3;x#2 a+node 2 3;"},
        {"[{name: y, tenant: beta, group: a, level: gpu, count: 1}, {name: x, tenant: guest, group: a, level: rack, "
         "count: 6}]",
         NULL},
        {"[{name: y, tenant: beta, group: a, level: gpu, count: 1}, {name: x, tenant: guest, group: a, level: rack, "
         "count: 5}]",
         "y a 1 1;x a 3 5;"},
        {"[{name: x, tenant: beta, owner: beta, model: gb200, gpus: 84}]", "x b 5 1;x#2 b 3 1;"},
        {"[{name: x, tenant: beta, group: b, level: 3, count: 12}]", "x b 3 12;"},
        {"[{name: x, tenant: beta, group: b, level: 3, count: 13}]", NULL},
        {"[{name: x, tenant: beta, group: a, gpus: 192, until: 2027-01-01}, {name: y, tenant: guest, group: a, gpus: "
         "192, from: 2027-01-01}]",
         "x a 4 3;y a 4 3;"},
        {"[{name: x, tenant: beta, group: a, gpus: 192, until: 2027-01-02}, {name: y, tenant: guest, group: a, gpus: "
         "192, from: 2027-01-01}]",
         NULL},
        {"[{name: x, tenant: beta, group: a, gpus: 100, until: 2027-01-01}, {name: y, tenant: guest, group: a, gpus: "
         "96, after: x}]",
         "x a 4 1;x#2 a 3 1;x#3 a 1 4;y a 4 1;y#2 a 3 1;"},
        {"[{name: x, tenant: beta, chain: one, level: 2, count: 2}]", "x one 2 2;"},
        {"[{name: x, tenant: beta, chain: a, level: 4, count: 3}, {name: 'x#2', tenant: beta, chain: a+node, level: "
         "2, count: 3}]",
         "x a 4 3;x#2 a+node 2 3;"},
        {"[{name: 'x#2', tenant: beta, chain: a, level: 2, count: 1}, {name: x, tenant: beta, group: a, gpus: 107}]",
         NULL},
        {"[{name: 'x#', tenant: beta, chain: a, level: 2, count: 1}]", NULL},
        {"[{name: 'x#02', tenant: beta, chain: a, level: 2, count: 1}]", NULL},
        {"[{name: '#2', tenant: beta, chain: a, level: 2, count: 1}]", NULL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[4096], got[512] = "";
        snprintf(text, sizeof text, TREE "allotments: %s\n", cases[i].allotments);
        struct dure_tenants *t = NULL;
        const struct dure_tree *spec = spec_tree(text);
        enum dure_err err = dure_tenants_parse(spec, fleet, &t, &spec_problems);
        for (uint32_t r = 0; !err && r < t->allotment_count; r++) {
            const struct dure_allotment *row = &t->allotments[r];
            size_t used = strlen(got);
            snprintf(got + used, sizeof got - used, "%s %s %u %u;", row->name, fleet->chains[row->chain.v].name,
                     row->level, row->count);
        }
        TAP_EQ_INT(err, cases[i].want ? DURE_OK : DURE_E_INVALID, "%s: %s", cases[i].allotments, spec_said());
        TAP_EQ_STR(got, cases[i].want ? cases[i].want : "", "%s", cases[i].allotments);
        if (!err)
            dure_tenants_free(t);
    }
}

static void terms(const struct dure_fleet *fleet)
{
    struct dure_tenants *t =
        spec_tenants(TREE "allotments:\n- {name: x, tenant: alpha/llm, group: a, gpus: 100, until: 2027-01-01}\n"
                          "- {name: y, tenant: alpha/llm, group: a, gpus: 64, after: x}\n"
                          "- {name: z, tenant: guest, group: b, gpus: 4}\n"
                          "lending:\n- {owner: alpha, notice: 10m, to: all, except: [beta]}\n"
                          "- {owner: beta, notice: 0s, to: [guest, alpha], from: 2026-01-01, until: 2026-06-01}\n"
                          "roles:\n- {login: kim, role: operator}\n- {login: lee, role: member, tenant: alpha/llm}\n"
                          "- {login: lee, role: owner, owner: beta}\n- {login: choi, role: auditor}\n",
                     fleet);
    TAP_OK(t->lending_count == 2 && t->lendings[0].to_all && t->lendings[0].except_count == 1 &&
               t->lendings[0].except[0].v == 5 && t->lendings[0].notice_us == INT64_C(600000000) &&
               t->lendings[1].to_count == 2 && !t->lendings[1].to_all,
           "lending");
    TAP_OK(t->role_count == 4 && t->roles[1].role == DURE_ROLE_MEMBER && t->roles[1].tenant.v == 1 &&
               t->roles[2].owner.v == 1 && t->roles[0].principal.v == DURE_NONE32,
           "roles");
    const struct dure_allotment *y = &t->allotments[3], *z = &t->allotments[4];
    TAP_OK(strcmp(y->name, "y") == 0 && strcmp(y->after, "x") == 0 && y->from_us == t->allotments[0].until_us,
           "a successor begins where its predecessor ends");
    TAP_OK(z->from_us == fleet->chains[2].available_from_us && z->until_us == DURE_NEVER_US,
           "a promise begins when the hardware arrives");
    TAP_OK(!strstr(t->spec_json, "kim") && !strstr(t->spec_json, "login"), "no login in the canonical spec");
    struct dure_principal_id principals[] = {{3}, {0}, {0}, {8}};
    TAP_EQ_INT(dure_tenants_bind(t, fleet, principals), DURE_OK, "bound");
    TAP_HAS(t->spec_json, "{\"role\":\"member\",\"principal\":0,\"tenant\":\"alpha/llm\"}", "principals are in it");
    struct dure_tenants *again = NULL;
    struct dure_error error = {0};
    TAP_EQ_INT(dure_tenants_from_json(t->spec_json, t->spec_json_length, fleet, &again, &error), DURE_OK,
               "read back %s", error.text);
    if (again) {
        TAP_EQ_STR(again->spec_json, t->spec_json, "the same again");
        TAP_OK(again->roles[3].principal.v == 8 && strcmp(again->roles[3].login, "") == 0, "principals, no logins");
        TAP_EQ_INT(dure_tenants_may_follow(t, again, &error), DURE_OK, "may follow itself");
        dure_tenants_free(again);
    }
    TAP_EQ_INT(dure_tenants_from_json("[]", 2, fleet, &again, &error), DURE_E_INVALID, "a list is no spec");
    TAP_EQ_STR(error.text, "tenants: found a list, expected fields such as 'kind: ...'", "in words");
    dure_tenants_free(t);
}

static void following(const struct dure_fleet *fleet)
{
    static const char now_text[] = TREE "allotments: [{name: x, tenant: guest, group: a, gpus: 100}]";
    static const struct {
        const char *text, *why;
    } next[] = {
        {TREE "allotments: [{name: x, tenant: guest, group: a, gpus: 100}, {name: y, tenant: beta, group: a, gpus: 1}]",
         NULL},
        {TREE, NULL},
        {TREE "- {name: new}\n", NULL},
        {TREE "allotments: [{name: x, tenant: guest, group: a, gpus: 96}]",
         NULL}, /* the row that is no longer made goes on */
        {TREE "allotments: [{name: x, tenant: beta, group: a, gpus: 100}]",
         "allotment 'x' is in force with other terms: shrink or end it, or give the new one another name"},
        {"kind: Tenants\nversion: 1\ntenants: [{name: alpha, owner: beta}]",
         "tenant 'alpha' belongs to another owner than before"},
        {"kind: Tenants\nversion: 1\ntenants: [{name: beta}]",
         "tenant 'alpha' is gone or moved: add tenants at the end of the list (with `under:` for one inside a tree); "
         "`dure tenants --spec` prints the spec in force"},
    };
    struct dure_tenants *now = spec_tenants(now_text, fleet);
    for (unsigned i = 0; i < sizeof next / sizeof next[0]; i++) {
        struct dure_tenants *then = spec_tenants(next[i].text, fleet);
        struct dure_error error = {0};
        enum dure_err err = dure_tenants_may_follow(now, then, &error);
        TAP_EQ_INT(err, next[i].why ? DURE_E_STATE : DURE_OK, "change %u", i);
        TAP_EQ_STR(error.text, next[i].why ? next[i].why : "", "change %u in words", i);
        dure_tenants_free(then);
    }
    dure_tenants_free(now);
}

static uint32_t two_cells(void *context, struct dure_chain_id chain, unsigned level, int64_t from_us, int64_t until_us)
{
    (void)chain, (void)from_us, (void)until_us;
    return level == *(unsigned *)context ? 2 : 0;
}

static void tiers(const struct dure_fleet *fleet)
{
    static const char tree[] = "kind: Tenants\nversion: 1\ntenants: [{name: alpha, owner: alpha, tenants: [{name: a}, "
                               "{name: b}, {name: c}, {name: d}]}]\nallotments:\n"
                               "- {name: w, tenant: alpha/a, group: a, gpus: 8}\n"
                               "- {name: x, tenant: alpha/b, group: a, gpus: 8}\n"
                               "- {name: y, tenant: alpha/c, group: a, gpus: 8}\n"
                               "- {name: z, tenant: alpha/c, group: a, gpus: 8}\n"
                               "- {name: zz, tenant: alpha/d, group: a, gpus: 8}\n";
    struct dure_tenants *t = spec_tenants(tree, fleet);
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_allotment *rows_now = NULL;
    uint32_t count = 0;
    const struct dure_tree *spec = spec_tree("{name: n, tenant: alpha, group: a, gpus: 8}");
    TAP_EQ_INT(dure_allotment_parse(spec, fleet, t, arena, NULL, NULL, &rows_now, &count, &spec_problems),
               DURE_E_INVALID, "a grant above four that hold some");
    TAP_EQ_UINT(spec_problems.total, 1, "is one fault");
    TAP_HAS(spec_said(), "'alpha', and below it 4 tenants ('alpha/a', 'alpha/b' and 2 more) would hold some",
            "with a count and the first names");
    dure_arena_free(arena);
    dure_tenants_free(t);
}

/* Who takes over another's cells needs none besides, however long a third is promised its own meanwhile. */
static void successors(const struct dure_fleet *fleet)
{
    dure_tenants_free(
        spec_tenants(TREE "allotments: [{name: x, tenant: guest, chain: a, level: node, count: 12, until: 2030-01-01},"
                          " {name: y, tenant: guest, chain: a, level: node, count: 12, until: 2031-01-01, after: x},"
                          " {name: z, tenant: beta, chain: a, level: node, count: 12, after: y},"
                          " {name: w, tenant: beta, chain: a, level: node, count: 12}]",
                     fleet));
    TAP_EQ_STR(spec_said(), "", "twelve of the nodes pass on twice beside twelve that stay");
    const struct dure_tree *spec =
        spec_tree(TREE "allotments: [{name: x, tenant: guest, chain: a, level: node, count: 12, until: 2030-01-01},"
                       " {name: z, tenant: beta, chain: a, level: node, count: 12, after: x},"
                       " {name: w, tenant: beta, chain: a, level: node, count: 13}]");
    struct dure_tenants *tenants = NULL;
    TAP_EQ_INT(dure_tenants_parse(spec, fleet, &tenants, &spec_problems), DURE_E_INVALID, "one more is refused");
    TAP_HAS(spec_said(), "expected at most 12", "and not beside thirteen");
}

static void grants(const struct dure_fleet *fleet)
{
    struct dure_tenants *t = spec_tenants(TREE "allotments: [{name: x, tenant: guest, group: a, gpus: 192}]", fleet);
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_allotment *rows_now = NULL;
    uint32_t count = 0;
    unsigned level = 2;
    const struct dure_tree *spec = spec_tree("{name: n, tenant: beta, group: a, gpus: 24}");
    TAP_EQ_INT(dure_allotment_parse(spec, fleet, t, arena, NULL, NULL, &rows_now, &count, &spec_problems), DURE_OK,
               "what is left");
    TAP_OK(count == 1 && rows_now[0].chain.v == 1 && rows_now[0].count == 3, "the remainder's nodes");
    TAP_EQ_INT(dure_allotment_parse(spec, fleet, t, arena, two_cells, &level, &rows_now, &count, &spec_problems),
               DURE_OK, "room as the caller says");
    TAP_OK(count == 2 && rows_now[0].chain.v == 0 && rows_now[0].count == 2 && rows_now[1].count == 1,
           "two of one chain, one of the next");
    level = 9;
    TAP_EQ_INT(dure_allotment_parse(spec, fleet, t, arena, two_cells, &level, &rows_now, &count, &spec_problems),
               DURE_E_INVALID, "no room");
    TAP_EQ_STR(spec_said(),
               "1:41: gpus: found '24', expected at most 0, what this hardware can still promise in this period\n",
               "in words");
    struct dure_buf buf;
    dure_buf_init(&buf, 4096);
    dure_allotments_to_json(rows_now, 2, fleet, t, &buf);
    TAP_EQ_STR(buf.data,
               "[{\"after\":\"\",\"chain\":\"a\",\"count\":2,\"level\":2,\"name\":\"n\",\"tenant\":\"beta\"},"
               "{\"after\":\"\",\"chain\":\"a+node\",\"count\":1,\"level\":2,\"name\":\"n#2\",\"tenant\":\"beta\"}]",
               "what a record carries");
    struct dure_error error = {0};
    struct dure_allotment *back = NULL;
    TAP_EQ_INT(dure_allotments_from_json(buf.data, buf.length, fleet, t, arena, &back, &count, &error), DURE_OK,
               "read back %s", error.text);
    TAP_OK(count == 2 && back[1].chain.v == 1 && back[1].count == 1 && strcmp(back[1].name, "n#2") == 0 &&
               back[1].until_us == DURE_NEVER_US,
           "the same rows");
    TAP_EQ_INT(dure_allotments_from_json("[{\"name\":\"x\"}]", 14, fleet, t, arena, &back, &count, &error),
               DURE_E_INVALID, "a name in force");
    TAP_HAS(error.text, "grant: [0].name: found 'x', expected a name that no other allotment has", "in words");
    TAP_EQ_INT(dure_allotments_from_json("{}", 2, fleet, t, arena, &back, &count, &error), DURE_E_INVALID,
               "a map is no list");
    dure_buf_release(&buf);
    dure_arena_free(arena);
    dure_tenants_free(t);
}

/* Who has no terms lends to everybody; who has some keeps them. */
static void lend_rest(const struct dure_fleet *fleet)
{
    struct dure_tenants *t =
        spec_tenants(TREE "lending:\n- {owner: beta, notice: 0s, to: [guest], until: 2026-06-01}\n", fleet);
    TAP_EQ_INT(dure_tenants_lend_rest(t, fleet, INT64_C(300000000)), DURE_OK, "the rest lends");
    TAP_EQ_INT(t->lending_count, fleet->owner_count, "a row for each owner");
    TAP_OK(t->lendings[0].owner.v == 1 && !t->lendings[0].to_all && t->lendings[0].notice_us == 0, "terms stay");
    for (uint32_t i = 1; i < t->lending_count; i++)
        TAP_OK(t->lendings[i].owner.v != 1 && t->lendings[i].to_all && t->lendings[i].notice_us == INT64_C(300000000) &&
                   t->lendings[i].until_us == DURE_NEVER_US,
               "owner %u lends", t->lendings[i].owner.v);
    TAP_HAS(t->spec_json, "{\"notice\":\"300000000us\",\"owner\":\"alpha\",\"to\":\"all\"}", "and the record says so");
    dure_tenants_free(t);
}

/* Many names and promises: nothing may be quadratic. */
static void large(const struct dure_fleet *fleet)
{
    enum { TENANTS = 20000 };
    struct dure_buf buf;
    dure_buf_init(&buf, 8 << 20);
    dure_buf_str(&buf, "kind: Tenants\nversion: 1\ntenants:\n- {name: top}\n");
    for (unsigned i = 0; i < TENANTS; i++)
        dure_buf_printf(&buf, "- {name: t%u, under: top}\n", i);
    dure_buf_str(&buf, "allotments:\n");
    for (unsigned i = 0; i < 100; i++)
        dure_buf_printf(&buf, "- {name: n%u, tenant: top/t%u, group: a, gpus: 1}\n", i, i);
    struct dure_tenants *t = spec_tenants(buf.data, fleet);
    TAP_OK(t->tenant_count == TENANTS + 1 && t->allotment_count == 100, "20,001 tenants");
    struct dure_tenants *again = NULL;
    struct dure_error error;
    TAP_EQ_INT(dure_tenants_from_json(t->spec_json, t->spec_json_length, fleet, &again, &error), DURE_OK, "and back");
    dure_tenants_free(again);
    dure_tenants_free(t);
    dure_buf_release(&buf);
}

int main(void)
{
    struct dure_fleet *fleet = spec_fleet(FLEET_HEAD FLEET_A FLEET_B);
    tree(fleet);
    rows(fleet);
    terms(fleet);
    following(fleet);
    tiers(fleet);
    successors(fleet);
    grants(fleet);
    lend_rest(fleet);
    large(fleet);
    dure_fleet_free(fleet);
    dure_arena_free(spec_arena);
    return tap_done();
}
