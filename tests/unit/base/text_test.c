#include <string.h>

#include "base/text.h"
#include "tap.h"

static void copies(void)
{
    static const struct {
        const char *from, *want;
        size_t size;
        bool whole;
    } cases[] = {
        {"", "", 1, true},         {"a", "", 1, false},
        {"abc", "abc", 4, true},   {"abcd", "abc", 4, false},
        {"두레", "두레", 7, true}, {"두레", "두", 6, false},
        {"두레", "두", 5, false},  {"두레", "두", 4, false},
        {"두레", "", 3, false},    {"\x80\x80\x80", "", 3, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char to[16];
        memset(to, 'x', sizeof to);
        const bool whole = dure_text_copy(to, cases[i].size, cases[i].from);
        TAP_EQ_STR(to, cases[i].want, "\"%s\" into %zu bytes", cases[i].from, cases[i].size);
        TAP_EQ_INT(whole, cases[i].whole, "and says whether it is whole");
        TAP_EQ_INT(to[cases[i].size], 'x', "and writes no byte past the end");
    }
    char same[8] = "abcdef";
    dure_text_copy(same, 4, same);
    TAP_EQ_STR(same, "abc", "a text may be cut in place");
}

static void no_room(void *arg)
{
    dure_text_copy(arg, 0, "x");
}

static void numbers(void)
{
    static const struct {
        const char *text;
        uint64_t max, want;
    } good[] = {{"0", 0, 0}, {"007", 9, 7}, {"18446744073709551615", UINT64_MAX, UINT64_MAX}, {"65535", 65535, 65535}};
    static const struct {
        const char *text;
        uint64_t max;
    } bad[] = {{"", 9},
               {"-1", 9},
               {"+1", 9},
               {" 1", 9},
               {"1 ", 9},
               {"1x", 9},
               {"0x1", 9},
               {"10", 9},
               {"1e1", 99},
               {"18446744073709551616", UINT64_MAX},
               {"99999999999999999999999999", UINT64_MAX},
               {NULL, 9}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t value = 77;
        TAP_OK(dure_text_uint(good[i].text, good[i].max, &value), "%s is a number", good[i].text);
        TAP_EQ_UINT(value, good[i].want, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t value = 77;
        TAP_OK(!dure_text_uint(bad[i].text, bad[i].max, &value) && value == 77, "\"%s\" is none",
               bad[i].text ? bad[i].text : "(null)");
    }
}

int main(void)
{
    char text[32];
    TAP_EQ_STR(dure_text_grouped(0, text), "0", "none");
    TAP_EQ_STR(dure_text_grouped(999, text), "999", "three digits");
    TAP_EQ_STR(dure_text_grouped(260000, text), "260,000", "the fleet");
    TAP_EQ_STR(dure_text_grouped(-1234567, text), "-1,234,567", "below nothing");
    TAP_EQ_STR(dure_text_grouped(INT64_MIN, text), "-9,223,372,036,854,775,808", "the least");
    char one[1];
    copies();
    numbers();
    TAP_ABORTS(no_room, one, "a buffer of nothing is a programmer's error");
    return tap_done();
}
