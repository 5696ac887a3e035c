#include <string.h>

#include "base/utf8.h"
#include "tap.h"

static void good(void)
{
    static const char *const texts[] = {"",
                                        "plain",
                                        "두레",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char copy[16];
        memcpy(copy, texts[i], strlen(texts[i]) + 1);
        dure_utf8_mend(copy);
        TAP_OK(dure_utf8_valid(texts[i], strlen(texts[i])), "good text %zu is valid", i);
        TAP_EQ_STR(copy, texts[i], "and needs no mending");
    }
    TAP_OK(dure_utf8_valid("a\0b", 3), "a NUL is a character");
}

static void bad(void)
{
    static const struct {
        const char *text, *mended;
    } cases[] = {
        {"\x80", "?"},
        {"a\xbf"
         "b",
         "a?b"},
        {"\xc0\x80", "??"},
        {"\xc1\xbf", "??"},
        {"\xe0\x9f\xbf", "???"},
        {"\xed\xa0\x80", "???"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xf4\x90\x80\x80", "????"},
        {"\xf5\x80\x80\x80", "????"},
        {"\xff", "?"},
        {"\xc2", "?"},
        {"x\xeb\x91", "x??"}, /* 두 cut after two bytes */
        {"\xf0\x9f\x8c", "???"},
        {"\xeb\x91z", "??z"},
        {"\xeb\xeb\x91\x90", "?두"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char copy[16];
        memcpy(copy, cases[i].text, strlen(cases[i].text) + 1);
        TAP_OK(!dure_utf8_valid(copy, strlen(copy)), "bad text %zu is not valid", i);
        dure_utf8_mend(copy);
        TAP_EQ_STR(copy, cases[i].mended, "bad text %zu is mended in place", i);
        TAP_OK(dure_utf8_valid(copy, strlen(copy)), "and is valid then");
    }
    TAP_OK(!dure_utf8_valid("\xeb\x91\x90", 2), "the given length ends the text");
}

int main(void)
{
    good();
    bad();
    return tap_done();
}
