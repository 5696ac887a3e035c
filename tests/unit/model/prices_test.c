#include "model/prices.h"

#include <string.h>

#include "tap.h"

static struct dure_prices rising(void)
{
    struct dure_prices prices;
    for (uint32_t i = 0; i < DURE_HOLES; i++)
        prices.hole_ugpu[i] = i < 30 ? 0 : i * 9000 + i % 2;
    return prices;
}

static void there_and_back(void)
{
    const struct dure_prices prices = rising();
    struct dure_prices read = {{1}};
    struct dure_error error = {0};
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 4096);
    dure_prices_write(&prices, &text);
    TAP_OK(dure_prices_read(text.data, text.length, &read, &error) == DURE_OK && !memcmp(&read, &prices, sizeof read),
           "what is written is read: %s", error.text);
    TAP_EQ_UINT(dure_prices_loss(&prices, 530, 300), prices.hole_ugpu[53], "530 are broken: 230 are worth nothing");
    TAP_EQ_UINT(dure_prices_loss(&prices, 1000, 1000), prices.hole_ugpu[100], "a whole one");
    TAP_EQ_UINT(dure_prices_loss(&prices, 405, 5), 0, "within a step");
}

/* A list of as many entries as there should be, one of them something else. */
static void spoilt(unsigned at, const char *entry, const char *want)
{
    const struct dure_prices prices = rising();
    struct dure_prices read = {{77}};
    struct dure_error error = {0};
    DURE_CLEANUP_BUF struct dure_buf text;
    dure_buf_init(&text, 4096);
    for (unsigned i = 0; i < DURE_HOLES; i++)
        if (i == at)
            dure_buf_printf(&text, "%c%s", i ? ',' : '[', entry);
        else
            dure_buf_printf(&text, "%c%u", i ? ',' : '[', prices.hole_ugpu[i]);
    dure_buf_str(&text, "]");
    TAP_OK(dure_prices_read(text.data, text.length, &read, &error) == DURE_E_INVALID, "%s is refused", entry);
    TAP_OK(strstr(error.text, want), "and it says '%s': %s", want, error.text);
    TAP_EQ_UINT(read.hole_ugpu[0], 77, "nothing was written");
}

static void malformed(const char *text, const char *want)
{
    struct dure_prices read;
    struct dure_error error = {0};
    TAP_OK(dure_prices_read(text, strlen(text), &read, &error) == DURE_E_INVALID, "'%s' is refused", text);
    TAP_OK(strstr(error.text, want), "and it says '%s': %s", want, error.text);
}

int main(void)
{
    there_and_back();
    spoilt(0, "1", "from 0 to 0");
    spoilt(40, "1000001", "1000000");
    spoilt(40, "3", "from 351001 to 1000000");
    spoilt(40, "-3", "found -3");
    spoilt(40, "\"360000\"", "from 351001");
    spoilt(40, "99999999999999999999", "from 351001");
    spoilt(40, "[360000]", "[40]");
    malformed("[0,0]", "a list of 2");
    malformed("{}", "no list");
    malformed("", "prices");
    malformed("[0", "prices");
    return tap_done();
}
