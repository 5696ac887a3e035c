#include "tap.h"

#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long checks, failures;
static char tempdir[256];
static pid_t tempdir_owner;
static bool seeded;
static uint64_t drawn;

/* '#' would begin a TAP directive, a newline a new line. */
static void sanitize(char *text)
{
    for (; *text; text++)
        if (*text == '#' || *text == '\n' || *text == '\r')
            *text = *text == '#' ? '_' : ' ';
}

static void line_out(bool passed, const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    sanitize(text);
    checks++;
    failures += !passed;
    printf("%s %lu - %s\n", passed ? "ok" : "not ok", checks, text);
}

/* One check: the line, and under a failed one the place and the found-and-wanted text. */
#define REPORT(passed, ...)                                                                                            \
    do {                                                                                                               \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        pthread_mutex_lock(&lock);                                                                                     \
        line_out((passed), format, args);                                                                              \
        if (!(passed)) {                                                                                               \
            printf("#   at %s:%d\n#   ", file, line);                                                                  \
            printf(__VA_ARGS__);                                                                                       \
            putchar('\n');                                                                                             \
        }                                                                                                              \
        fflush(stdout);                                                                                                \
        pthread_mutex_unlock(&lock);                                                                                   \
        va_end(args);                                                                                                  \
        if (!(passed) && getenv("TAP_STOP")) /* who only asks whether a check fails need not wait for the others */    \
            exit(1);                                                                                                   \
    } while (0)

bool tap_ok(bool passed, const char *cond, const char *file, int line, const char *format, ...)
{
    REPORT(passed, "false: %s", cond);
    return passed;
}

bool tap_eq_int(int64_t got, int64_t want, const char *file, int line, const char *format, ...)
{
    REPORT(got == want, "got %" PRId64 ", want %" PRId64, got, want);
    return got == want;
}

bool tap_eq_uint(uint64_t got, uint64_t want, const char *file, int line, const char *format, ...)
{
    REPORT(got == want, "got %" PRIu64 ", want %" PRIu64, got, want);
    return got == want;
}

bool tap_eq_str(const char *got, const char *want, const char *file, int line, const char *format, ...)
{
    const bool passed = got == want || (got && want && strcmp(got, want) == 0);
    REPORT(passed, "got  \"%s\"\n#   want \"%s\"", got ? got : "(null)", want ? want : "(null)");
    return passed;
}

bool tap_eq_mem(const void *got, const void *want, size_t length, const char *file, int line, const char *format, ...)
{
    const unsigned char *a = got, *b = want;
    size_t at = 0;
    while (at < length && a[at] == b[at])
        at++;
    REPORT(at == length, "differs at byte %zu of %zu: got 0x%02x, want 0x%02x", at, length, a[at], b[at]);
    return at == length;
}

bool tap_has(const char *text, const char *needle, const char *file, int line, const char *format, ...)
{
    const bool passed = text && strstr(text, needle);
    REPORT(passed, "no \"%s\" in \"%s\"", needle, text ? text : "(null)");
    return passed;
}

void tap_diag(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    fputs("# ", stdout);
    for (const char *at = text; *at; at++) {
        putchar(*at);
        if (*at == '\n' && at[1])
            fputs("# ", stdout);
    }
    putchar('\n');
    fflush(stdout);
    pthread_mutex_unlock(&lock);
}

void tap_skip(const char *reason, ...)
{
    char text[512];
    va_list args;
    va_start(args, reason);
    vsnprintf(text, sizeof text, reason, args);
    va_end(args);
    sanitize(text);
    pthread_mutex_lock(&lock);
    printf("ok %lu # SKIP %s\n", ++checks, text);
    fflush(stdout);
    pthread_mutex_unlock(&lock);
}

void tap_skip_all(const char *reason, ...)
{
    char text[512];
    va_list args;
    va_start(args, reason);
    vsnprintf(text, sizeof text, reason, args);
    va_end(args);
    sanitize(text);
    printf("1..0 # SKIP %s\n", text);
    exit(EXIT_SUCCESS);
}

void tap_bail(const char *reason, ...)
{
    va_list args;
    va_start(args, reason);
    printf("Bail out! ");
    vprintf(reason, args);
    putchar('\n');
    va_end(args);
    exit(EXIT_FAILURE);
}

int tap_done(void)
{
    printf("1..%lu\n", checks);
    if (failures)
        printf("# %lu of %lu failed\n", failures, checks);
    if (failures && seeded) /* the first line said so too, but of a long log only the end is shown */
        printf("# again with DURE_SEED=%" PRIu64 "\n", drawn);
    fflush(stdout);
    return failures || !checks ? EXIT_FAILURE : EXIT_SUCCESS;
}

bool tap_aborts(void (*call)(void *arg), void *arg, const char *file, int line, const char *format, ...)
{
    fflush(stdout);
    fflush(stderr);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr)) /* the assertion's text would only confuse a reader of the log */
            _exit(2);
        call(arg);
        _exit(0);
    }
    int status = 0;
    const bool waited = child > 0 && waitpid(child, &status, 0) == child;
    const bool passed = waited && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    REPORT(passed, "ended with status 0x%x, wanted SIGABRT", (unsigned)status);
    return passed;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    remove(path);
    return 0;
}

static void tempdir_remove(void)
{
    if (getpid() == tempdir_owner) /* a forked child that exits leaves it alone */
        nftw(tempdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tap_tempdir(void)
{
    if (tempdir[0])
        return tempdir;
    const char *base = getenv("TMPDIR");
    snprintf(tempdir, sizeof tempdir, "%s/dure-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(tempdir))
        tap_bail("cannot make a folder %s", tempdir);
    tempdir_owner = getpid();
    atexit(tempdir_remove);
    return tempdir;
}

uint64_t tap_seed(uint64_t fixed)
{
    const char *wanted = getenv("DURE_SEED");
    uint64_t seed = fixed;
    if (wanted && strcmp(wanted, "fresh") == 0) {
        if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
            tap_bail("cannot draw a seed");
    } else if (wanted && *wanted) {
        seed = strtoull(wanted, NULL, 0);
    }
    seeded = true;
    drawn = seed;
    tap_diag("seed %" PRIu64 " (again with DURE_SEED=%" PRIu64 ")", seed, seed);
    return seed;
}

uint64_t tap_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t tap_random_below(uint64_t *state, uint64_t bound)
{
    return tap_random(state) % bound;
}
