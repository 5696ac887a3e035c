#pragma once
/* A small TAP (Test Anything Protocol) harness. One executable per test file:
 *
 *     int main(void)
 *     {
 *         TAP_EQ_INT(1 + 1, 2, "sums");
 *         return tap_done();
 *     }
 *
 * Every check prints one line; a failed one also says what was found and what was wanted. tap_done prints the plan and returns
 * the exit status. Checks may be made from any thread, but not after tap_done. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Each evaluates its arguments once, and to whether it passed. The text may be a format. */
#define TAP_OK(cond, ...) tap_ok((cond) ? true : false, #cond, __FILE__, __LINE__, __VA_ARGS__)
#define TAP_EQ_INT(got, want, ...) tap_eq_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define TAP_EQ_UINT(got, want, ...) tap_eq_uint((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define TAP_EQ_STR(got, want, ...) tap_eq_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define TAP_EQ_MEM(got, want, length, ...) tap_eq_mem((got), (want), (length), __FILE__, __LINE__, __VA_ARGS__)
/* `needle` occurs in `text`; for error sentences. */
#define TAP_HAS(text, needle, ...) tap_has((text), (needle), __FILE__, __LINE__, __VA_ARGS__)
#define TAP_FAIL(...) tap_ok(false, "reached", __FILE__, __LINE__, __VA_ARGS__)

bool tap_ok(bool passed, const char *cond, const char *file, int line, const char *format, ...) TAP_PRINTF(5, 6);
bool tap_eq_int(int64_t got, int64_t want, const char *file, int line, const char *format, ...) TAP_PRINTF(5, 6);
bool tap_eq_uint(uint64_t got, uint64_t want, const char *file, int line, const char *format, ...) TAP_PRINTF(5, 6);
bool tap_eq_str(const char *got, const char *want, const char *file, int line, const char *format, ...)
    TAP_PRINTF(5, 6);
bool tap_eq_mem(const void *got, const void *want, size_t length, const char *file, int line, const char *format, ...)
    TAP_PRINTF(6, 7);
bool tap_has(const char *text, const char *needle, const char *file, int line, const char *format, ...)
    TAP_PRINTF(5, 6);

void tap_diag(const char *format, ...) TAP_PRINTF(1, 2); /* "# ..." */
void tap_skip(const char *reason, ...) TAP_PRINTF(1, 2); /* counts as one check that was skipped, with the reason */
_Noreturn void tap_skip_all(const char *reason, ...) TAP_PRINTF(1, 2); /* before the first check */
_Noreturn void tap_bail(const char *reason, ...) TAP_PRINTF(1, 2);     /* the test itself cannot go on */
int tap_done(void); /* 0: all passed; 1: a failure, or no check at all */

/* Runs `call(arg)` in a child and passes if it ends by SIGABRT (DURE_ASSERT). */
#define TAP_ABORTS(call, arg, ...) tap_aborts((call), (arg), __FILE__, __LINE__, __VA_ARGS__)
bool tap_aborts(void (*call)(void *arg), void *arg, const char *file, int line, const char *format, ...)
    TAP_PRINTF(5, 6);

/* A fresh folder under $TMPDIR, removed with all in it when the process exits normally. Valid until then. */
const char *tap_tempdir(void);

/* Seeds for property tests: `fixed` unless DURE_SEED is set ("fresh" draws one). The seed is printed as a comment. */
uint64_t tap_seed(uint64_t fixed);
/* SplitMix64: the next number of the sequence; and one under `bound` (> 0). */
uint64_t tap_random(uint64_t *state);
uint64_t tap_random_below(uint64_t *state, uint64_t bound);
