#include "model/units.h"
#include "tap.h"

static void decimals(void)
{
    static const struct {
        const char *text;
        unsigned decimals;
        uint64_t max, want;
        bool good;
    } rows[] = {
        {"0", 3, 10, 0, true},
        {"0.5", 3, 1000, 500, true},
        {"1.500", 3, 2000, 1500, true},
        {"0.5000", 3, 1000, 500, true},
        {"007", 0, 10, 7, true},
        {"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, true},
        {"0.0001", 3, 1000, 0, false},
        {"", 3, 10, 0, false},
        {".", 3, 10, 0, false},
        {".5", 3, 1000, 0, false},
        {"5.", 3, 9000, 0, false},
        {"1.2.3", 3, 9000, 0, false},
        {"-1", 3, 9000, 0, false},
        {"+1", 3, 9000, 0, false},
        {"1e3", 3, 90000, 0, false},
        {" 1", 3, 9000, 0, false},
        {"1 ", 3, 9000, 0, false},
        {"11", 0, 10, 0, false},
        {"18446744073709551616", 0, UINT64_MAX, 0, false},
        {"99999999999999999999", 0, UINT64_MAX, 0, false},
        {"18446744073709551615", 3, UINT64_MAX, 0, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 77;
        bool good = dure_units_decimal(rows[i].text, rows[i].decimals, rows[i].max, &value);
        TAP_OK(good == rows[i].good, "'%s' is %s", rows[i].text, rows[i].good ? "a number" : "refused");
        TAP_EQ_UINT(value, good ? rows[i].want : 77, "'%s'", rows[i].text);
    }
    int64_t degrees = 5;
    TAP_OK(dure_units_signed_decimal("-37.404", 6, 90000000, &degrees) && degrees == -37404000, "negative degrees");
    TAP_OK(!dure_units_signed_decimal("--1", 6, 90000000, &degrees) && degrees == -37404000, "two signs are refused");
    TAP_OK(!dure_units_signed_decimal("90.000001", 6, 90000000, &degrees), "beyond the pole");
}

static void memory(void)
{
    static const struct {
        const char *text;
        uint64_t want;
        bool good;
    } rows[] = {
        {"1MiB", 1, true},     {"180GiB", 184320, true},   {"1.5TiB", 1572864, true},
        {"0.5GiB", 512, true}, {"1PiB", 1073741824, true}, {"0.0009765625GiB", 0, false}, /* ten decimals */
        {"180GB", 0, false},   {"180", 0, false},          {"180 GiB", 0, false},
        {"180gib", 0, false},  {"0.3MiB", 0, false},       {"GiB", 0, false},
        {"1GiBs", 0, false},   {"-1GiB", 0, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 77;
        TAP_OK(dure_units_memory(rows[i].text, &value) == rows[i].good, "'%s'", rows[i].text);
        TAP_EQ_UINT(value, rows[i].good ? rows[i].want : 77, "'%s' in MiB", rows[i].text);
    }
    static const struct {
        const char *text;
        uint64_t want;
        bool good;
    } slurm[] = {{"4096", 4096, true}, {"64G", 65536, true}, {"2T", 2097152, true}, {"1025K", 2, true},
                 {"1024k", 1, true},   {"5MB", 5, true},     {"0", 0, true},        {"1.5G", 0, false},
                 {"1GiB", 0, false},   {"G", 0, false},      {"-4", 0, false},      {"4X", 0, false}};
    for (unsigned i = 0; i < sizeof slurm / sizeof slurm[0]; i++) {
        uint64_t value = 77;
        TAP_OK(dure_units_memory_slurm(slurm[i].text, &value) == slurm[i].good, "Slurm's '%s'", slurm[i].text);
        TAP_EQ_UINT(value, slurm[i].good ? slurm[i].want : 77, "Slurm's '%s' in MiB", slurm[i].text);
    }
}

static void power(void)
{
    static const struct {
        const char *text, *back;
        uint64_t want;
    } rows[] = {{"700W", "700W", 700000},
                {"14.3kW", "14.3kW", 14300000},
                {"1000W", "1kW", 1000000},
                {"2MW", "2MW", 2000000000},
                {"250mW", "250mW", 250},
                {"0.001W", "1mW", 1},
                {"0W", "0W", 0},
                {"1.000001kW", "1.000001kW", 1000001},
                {"1.234567891MW", "1.234567891MW", 1234567891}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DURE_UNITS_TEXT_MAX];
        uint64_t value = 77;
        TAP_OK(dure_units_power(rows[i].text, &value) && value == rows[i].want, "'%s'", rows[i].text);
        TAP_EQ_STR(dure_units_power_format(value, text), rows[i].back, "'%s' and back", rows[i].text);
    }
    static const char *const bad[] = {"700", "700w", "7 W", "1KW", "0.0001W", "W", "-1W", "99999999999999999MW"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t value = 77;
        TAP_OK(!dure_units_power(bad[i], &value) && value == 77, "'%s' is refused", bad[i]);
    }
    char text[DURE_UNITS_TEXT_MAX];
    TAP_EQ_STR(dure_units_memory_format(184320, text), "180GiB", "180GiB");
    TAP_EQ_STR(dure_units_memory_format(1536, text), "1536MiB", "1536MiB");
    TAP_EQ_STR(dure_units_memory_format(0, text), "0MiB", "nothing");
    TAP_EQ_STR(dure_units_memory_format(1048576, text), "1TiB", "1TiB");
}

int main(void)
{
    decimals();
    memory();
    power();
    return tap_done();
}
