/* Limits of power: domains and their order, what holds when, and every way to say it wrongly. */
#include "base/timefmt.h"
#include "model/power.h"
#include "spec.h"
#include "tap.h"

static const char fleet_text[] =
    "kind: Fleet\nversion: 1\nname: t\nowners: [{name: o}]\nsites: [{name: s, engine: emulated}, {name: r, engine: "
    "emulated}]\n"
    "models: [{name: m, memory: 80GiB, power: 700W}]\n"
    "groups:\n  - {name: a, owner: o, site: s, model: m, nodes: \"a-[01-09]\", levels: [{name: rack, holds: 4}, {name: "
    "node, holds: 8}], cpus: 64, memory: 512GiB, disk: 1TiB, power: 10kW, status: assumed, source: t}\n";

static struct dure_fleet *fleet;

static struct dure_power *power_of(const char *limits)
{
    char text[4096];
    struct dure_power *power = NULL;
    snprintf(text, sizeof text, "kind: Power\nversion: 1\nlimits: %s\n", limits);
    return dure_power_parse(spec_tree(text), fleet, &power, &spec_problems) == DURE_OK ? power : NULL;
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    TAP_OK(dure_time_parse(text, "UTC", &us), "%s is a time", text);
    return us;
}

static void test_domains(void)
{
    static const char *const names[] = {"node a-02", "node a-09", "rack 1 of a", "rack 2 of a", "site s"};
    struct dure_power *power = power_of("[{site: s, limit: 4MW}, {group: a, level: rack, cells: '[1-2]', limit: 1MW}, "
                                        "{node: 'a-02,a-09', limit: 5kW}, {site: s, limit: 3MW, until: 2026-02-01}]");
    char name[DURE_POWER_NAME_MAX];
    if (!TAP_OK(power != NULL, "limits are read"))
        return;
    TAP_EQ_UINT(power->domain_count, 5, "every cell and node is a domain; one site is one");
    for (uint32_t i = 0; i < power->domain_count && i < 5; i++)
        TAP_EQ_STR(dure_power_name(power, fleet, i, name), names[i], "the inner ones come first");
    TAP_EQ_INT(power->lead_us, DURE_POWER_LEAD_DEFAULT_US, "the lead has a default");
    dure_power_free(power);
}

static void test_times(void)
{
    struct dure_power *power =
        power_of("[{site: s, limit: 4MW}, {site: s, limit: 3MW, from: 2026-02-01, until: 2026-03-01}, "
                 "{site: s, limit: 2MW, from: 2026-02-10, until: 2026-02-11}]");
    int64_t when = 0;
    if (!TAP_OK(power != NULL, "limits over time are read"))
        return;
    TAP_EQ_UINT(dure_power_at(power, 0, at("2026-01-31")), UINT64_C(4000000000), "before");
    TAP_EQ_UINT(dure_power_at(power, 0, at("2026-02-01")), UINT64_C(3000000000), "a limit holds from its beginning");
    TAP_EQ_UINT(dure_power_at(power, 0, at("2026-03-01")), UINT64_C(4000000000), "and no longer at its end");
    TAP_EQ_UINT(dure_power_least(power, 0, at("2026-01-01"), at("2027-01-01"), &when), UINT64_C(2000000000),
                "the least");
    TAP_EQ_INT(when, at("2026-02-10"), "and when it begins");
    TAP_EQ_UINT(dure_power_least(power, 0, at("2026-01-01"), at("2026-02-10"), &when), UINT64_C(3000000000),
                "the end of a period is not in it");
    TAP_EQ_INT(dure_power_next(power, 0, at("2026-02-10")), at("2026-02-11"), "the next change");
    TAP_EQ_INT(dure_power_next(power, 0, at("2026-03-01")), DURE_NEVER_US, "or none");
    struct dure_power *again = NULL;
    TAP_EQ_INT(dure_power_from_json(power->spec_json, power->spec_json_length, fleet, &again, NULL), DURE_OK,
               "its canonical text is read back");
    if (again)
        TAP_EQ_STR(again->spec_json, power->spec_json, "and is the same");
    dure_power_free(again);
    dure_power_free(power);
}

static void test_refusals(void)
{
    static const struct {
        const char *limits, *found;
    } rows[] = {
        {"[{site: x, limit: 1MW}]", "limits[0].site"},
        {"[{site: s}]", "limits[0].limit"},
        {"[{site: s, limit: 1}]", "limits[0].limit"},
        {"[{site: s, limit: -1kW}]", "limits[0].limit"},
        {"[{limit: 1MW}]", "limits[0]"},
        {"[{site: s, group: a, limit: 1MW}]", "limits[0]"},
        {"[{site: s, level: rack, limit: 1MW}]", "limits[0]"},
        {"[{group: b, level: rack, cells: 1, limit: 1MW}]", "limits[0].group"},
        {"[{group: a, level: hall, cells: 1, limit: 1MW}]", "limits[0].level"},
        {"[{group: a, level: gpu, cells: 1, limit: 1MW}]", "limits[0].level"},
        {"[{group: a, level: rack, limit: 1MW}]", "limits[0].cells"},
        {"[{group: a, level: rack, cells: 0, limit: 1MW}]", "limits[0].cells"},
        {"[{group: a, level: rack, cells: '[2-1]', limit: 1MW}]", "limits[0].cells"},
        {"[{group: a, level: rack, cells: '[1-9]', limit: 1MW}]", "limits[0].cells"},
        {"[{group: a, level: rack, cells: '[1', limit: 1MW}]", "limits[0].cells"},
        {"[{group: a, level: rack, cells: '1,2', limit: 1MW}]", "limits[0].cells"},
        {"[{node: a-10, limit: 1MW}]", "limits[0].node"},
        {"[{site: s, limit: 1MW, from: soon}]", "limits[0].from"},
        {"[{site: s, limit: 1MW, from: 2026-02-01, until: 2026-02-01}]", "limits[0].until"},
        {"[{site: s, limit: 1MW, color: red}]", "limits[0].color"},
        {"many", "limits"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dure_power *power = power_of(rows[i].limits);
        TAP_OK(power == NULL && spec_problems.count > 0, "refused: %s", rows[i].limits);
        if (!power && spec_problems.count)
            TAP_EQ_STR(spec_problems.at[0].field, rows[i].found, "where: %s", rows[i].limits);
        dure_power_free(power);
    }
}

int main(void)
{
    if (dure_fleet_parse(spec_tree(fleet_text), &fleet, &spec_problems) != DURE_OK)
        tap_bail("the fleet");
    test_domains();
    test_times();
    test_refusals();
    dure_fleet_free(fleet);
    return tap_done();
}
