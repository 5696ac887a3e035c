#pragma once
/* Operating errors: one table for the code, the wire name, the HTTP status and the sentence.
 *
 * Three kinds of failure are never mixed: a programmer's error is DURE_ASSERT (stays on in release); an operating error is a
 * negative enum dure_err, with an optional struct dure_error for the human text; "does not fit" is a value with reasons
 * (core/why.h). A function that fails has no effect and leaves its out-parameters alone. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DURE_NODISCARD __attribute__((warn_unused_result))
#define DURE_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* name, code, wire name, HTTP status, sentence */
#define DURE_ERRORS(X)                                                                                                 \
    X(OK, 0, "ok", 200, "success")                                                                                     \
    X(E_INVALID, -1, "invalid", 400, "the request is not well formed")                                                 \
    X(E_NOT_FOUND, -2, "not_found", 404, "there is no such thing")                                                     \
    X(E_DENIED, -3, "denied", 403, "your roles do not allow this")                                                     \
    X(E_STATE, -4, "wrong_state", 409, "not possible in its present state")                                            \
    X(E_NEVER, -5, "never", 422, "this can never run as it is asked")                                                  \
    X(E_RIGHTS, -6, "rights", 409, "no unbound right at this level")                                                   \
    X(E_SUSPENDED, -7, "suspended", 409,                                                                               \
      "GPUs of its group are lost (failed, drained, away or used outside dure): this right is named short")            \
    X(E_SHORT, -8, "shortfall", 409, "the hardware cannot carry this promise")                                         \
    X(E_LIMIT, -9, "limit", 413, "a stated limit is passed")                                                           \
    X(E_BUSY, -10, "busy", 503, "too much at once; try again")                                                         \
    X(E_RATE, -11, "rate", 429, "too many requests; slow down")                                                        \
    X(E_MEMORY, -12, "memory", 503, "out of memory")                                                                   \
    X(E_IO, -13, "io", 500, "reading or writing failed")                                                               \
    X(E_FULL, -14, "disk_full", 507, "the disk is full")                                                               \
    X(E_CORRUPT, -15, "corrupt", 500, "stored data is damaged")                                                        \
    X(E_VERSION, -16, "version", 409, "made by another version")                                                       \
    X(E_LOCKED, -17, "locked", 409, "another process holds it")                                                        \
    X(E_CONFLICT, -18, "conflict", 409, "the same key was used for another request")                                   \
    X(E_TIMEOUT, -19, "timeout", 504, "no answer in time")                                                             \
    X(E_UNSUPPORTED, -20, "unsupported", 422, "not supported")                                                         \
    X(E_UNREACHABLE, -21, "unreachable", 503, "nothing answers there")                                                 \
    X(E_PERMISSION, -22, "permission", 403, "the system does not permit it")                                           \
    X(E_DIVERGED, -23, "diverged", 500, "replay decided otherwise than the record says")

enum dure_err {
#define X(name, code, wire, http, sentence) DURE_##name = code,
    DURE_ERRORS(X)
#undef X
};

enum { DURE_ERROR_TEXT_MAX = 1024 };

/* Human text beside a code; filled only on failure. Always NUL-terminated; cut (never overrun) at the limit. */
struct dure_error {
    enum dure_err code;
    char text[DURE_ERROR_TEXT_MAX];
};

const char *dure_err_wire(enum dure_err err);     /* "not_found"; "unknown" for a foreign value */
const char *dure_err_sentence(enum dure_err err); /* "there is no such thing" */
int dure_err_http(enum dure_err err);             /* 404 */
enum dure_err dure_err_from_wire(const char *wire);

/* Where a call leads to is kept out of the way of what goes well. */
#define DURE_COLD __attribute__((cold))

/* Sets code and text (error may be NULL) and returns the code, so that `return dure_fail(error, DURE_E_X, "...")` reads well. */
enum dure_err dure_fail(struct dure_error *error, enum dure_err code, const char *format, ...)
    DURE_PRINTF(3, 4) DURE_COLD;
/* Puts text before what is already there: "reading x: no such file". */
enum dure_err dure_fail_prefix(struct dure_error *error, enum dure_err code, const char *format, ...)
    DURE_PRINTF(3, 4) DURE_COLD;

/* Always on. Prints file, line and condition to stderr and aborts. */
#define DURE_ASSERT(cond) ((cond) ? (void)0 : dure_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void dure_assert_failed(const char *cond, const char *file, int line) DURE_COLD;
