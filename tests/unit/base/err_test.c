#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "tap.h"

static void every_code_round_trips(void)
{
#define X(name, code, wire, http, sentence)                                                                            \
    TAP_EQ_STR(dure_err_wire(DURE_##name), wire, "wire name of " #name);                                               \
    TAP_EQ_INT(dure_err_from_wire(wire), code, "code of " wire);                                                       \
    TAP_EQ_INT(dure_err_http(DURE_##name), http, "status of " #name);                                                  \
    TAP_EQ_STR(dure_err_sentence(DURE_##name), sentence, "sentence of " #name);
    DURE_ERRORS(X)
#undef X
}

static void foreign_codes_are_named_unknown(void)
{
    static const int foreign[] = {1, 7, -24, -1000, 2147483647};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        TAP_EQ_STR(dure_err_wire((enum dure_err)foreign[i]), "unknown", "%d has no wire name", foreign[i]);
        TAP_EQ_INT(dure_err_http((enum dure_err)foreign[i]), 500, "%d is our fault", foreign[i]);
    }
    TAP_EQ_INT(dure_err_from_wire("no such name"), DURE_E_INVALID, "a foreign wire name is invalid");
    TAP_EQ_INT(dure_err_from_wire(NULL), DURE_E_INVALID, "no wire name is invalid");
}

static void texts_are_cut_not_overrun(void)
{
    struct dure_error error = {0};
    char big[4096];
    memset(big, 'x', sizeof big);
    big[sizeof big - 1] = '\0';
    TAP_EQ_INT(dure_fail(&error, DURE_E_IO, "%s", big), DURE_E_IO, "fail returns its code");
    TAP_EQ_INT(strlen(error.text), DURE_ERROR_TEXT_MAX - 1, "a long text is cut");
    TAP_EQ_INT(dure_fail_prefix(&error, DURE_E_FULL, "head: "), DURE_E_FULL, "prefix returns its code");
    TAP_EQ_INT(strlen(error.text), DURE_ERROR_TEXT_MAX - 1, "a prefixed long text is cut");
    TAP_OK(strncmp(error.text, "head: xxx", 9) == 0, "the head stands first");
    TAP_EQ_INT(error.code, DURE_E_FULL, "the prefix may change the code");
    dure_fail(&error, DURE_E_IO, "%s", "old");
    dure_fail_prefix(&error, DURE_E_IO, "%s", big);
    TAP_OK(strspn(error.text, "x") == DURE_ERROR_TEXT_MAX - 1, "a head that fills all leaves no tail");
}

static void texts_may_quote_themselves(void)
{
    struct dure_error error = {0};
    dure_fail(&error, DURE_E_INVALID, "no such file");
    dure_fail_prefix(&error, DURE_E_INVALID, "reading %s: ", "x");
    TAP_EQ_STR(error.text, "reading x: no such file", "prefix");
    dure_fail(&error, DURE_E_INVALID, "[%s]", error.text);
    TAP_EQ_STR(error.text, "[reading x: no such file]", "a text made from itself");
    TAP_EQ_INT(dure_fail(NULL, DURE_E_IO, "%d", 1), DURE_E_IO, "no error object is fine");
    TAP_EQ_INT(dure_fail_prefix(NULL, DURE_E_IO, "%d", 1), DURE_E_IO, "no error object is fine for a prefix");
}

static void assert_false(void *arg)
{
    DURE_ASSERT(arg != NULL);
}

int main(void)
{
    every_code_round_trips();
    foreign_codes_are_named_unknown();
    texts_are_cut_not_overrun();
    texts_may_quote_themselves();
    TAP_ABORTS(assert_false, NULL, "a false assertion aborts in every build");
    return tap_done();
}
