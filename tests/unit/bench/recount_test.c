/* The recount of decisions: a sound log passes, and each lie in it is found. One group of 128 nodes, one right of one block of 64 for tenant 1. */
#include <string.h>

#include "bench/recount.h"
#include "tests/tap.h"

#define JOB(id, guaranteed, tasks, gpus, level) RECOUNT_JOB, id, 2, 1, guaranteed, tasks, gpus, level
#define START(id, attempt, node, nodes, mask, tasks) RECOUNT_START, id, attempt, 1, 0, node, nodes, mask, tasks
#define BOUND(id, attempt, node, mask, tasks, number, cell, fresh) RECOUNT_START, id, attempt, 1, 1, node, 1, mask, tasks, 0, number, cell, fresh

static uint64_t limit_mw;

static bool counts(const uint32_t *words, size_t bytes, char *text, size_t size)
{
    const struct recount_fleet fleet = {1, 1, {{0, 129, limit_mw, 1000}}, {{0, 64, 1, 1}}};
    struct recount_sums sums;
    FILE *log = tmpfile();
    if (log == NULL)
        tap_bail("no temporary file");
    if (fwrite(words, 1, bytes, log) != bytes || fseek(log, 0, SEEK_SET) != 0)
        tap_bail("the temporary file cannot be written");
    text[0] = '\0';
    bool fine = recount(&fleet, log, &sums, text, size);
    fclose(log);
    return fine;
}

#define SOUND(what, ...)                                                                                               \
    do {                                                                                                               \
        const uint32_t words[] = {__VA_ARGS__};                                                                        \
        char text[256];                                                                                                \
        TAP_OK(counts(words, sizeof words, text, sizeof text), "%s", what);                                            \
        TAP_EQ_STR(text, "", "%s: without a word", what);                                                              \
    } while (0)
#define FOUND(what, says, ...)                                                                                         \
    do {                                                                                                               \
        const uint32_t words[] = {__VA_ARGS__};                                                                        \
        char text[256];                                                                                                \
        TAP_OK(!counts(words, sizeof words, text, sizeof text), "%s is found", what);                                  \
        TAP_HAS(text, says, "%s: and named", what);                                                                    \
    } while (0)

int main(void)
{
    SOUND("a start, its end, the same GPUs again", JOB(1, 0, 1, 2, 0), JOB(2, 0, 1, 2, 0), START(1, 1, 5, 1, 3, 1), RECOUNT_GONE, 1,
          START(2, 2, 5, 1, 3, 1));
    SOUND("a gang in one block", JOB(1, 0, 64, 8, 64), START(1, 1, 64, 64, 255, 1));
    SOUND("a right bound, let go, bound elsewhere", JOB(1, 1, 1, 8, 0), JOB(2, 1, 1, 8, 0), BOUND(1, 1, 64, 255, 1, 0, 1, 1), RECOUNT_GONE, 1,
          RECOUNT_UNBIND, 0, 0, BOUND(2, 2, 0, 255, 1, 0, 0, 1));
    FOUND("a GPU given twice", "given twice", JOB(1, 0, 1, 2, 0), JOB(2, 0, 1, 2, 0), START(1, 1, 5, 1, 3, 1), START(2, 2, 5, 1, 6, 1));
    FOUND("a gang over two blocks", "not inside one cell", JOB(1, 0, 2, 8, 64), START(1, 1, 63, 2, 255, 1));
    FOUND("a gang in what is no whole block", "not inside one cell", JOB(1, 0, 1, 8, 64), START(1, 1, 128, 1, 255, 1));
    FOUND("fewer GPUs than asked for", "2 GPUs for 1 tasks of 3", JOB(1, 0, 1, 3, 0), START(1, 1, 5, 1, 3, 1));
    FOUND("fewer tasks than asked for", "1 started", JOB(1, 0, 2, 1, 0), START(1, 1, 5, 1, 1, 1));
    FOUND("a node that is not there", "do not exist", JOB(1, 0, 1, 1, 0), START(1, 1, 129, 1, 1, 1));
    FOUND("a job that runs already", "runs already", JOB(1, 0, 1, 1, 0), START(1, 1, 5, 1, 1, 1), START(1, 2, 6, 1, 1, 1));
    FOUND("an attempt of two jobs", "starts twice", JOB(1, 0, 1, 1, 0), JOB(2, 0, 1, 1, 0), START(1, 1, 5, 1, 1, 1), START(2, 1, 6, 1, 1, 1));
    FOUND("an end of what does not run", "does not run", RECOUNT_GONE, 1);
    FOUND("guaranteed work without a right", "guaranteed 1, cells bound 0", JOB(1, 1, 1, 8, 0), START(1, 1, 5, 1, 255, 1));
    FOUND("guaranteed work beside its cell", "in no cell bound to it", JOB(1, 1, 1, 8, 0), BOUND(1, 1, 64, 255, 1, 0, 0, 1));
    FOUND("more cells than the right has", "more cells", JOB(1, 1, 1, 8, 0), JOB(2, 1, 1, 8, 0), BOUND(1, 1, 0, 255, 1, 0, 0, 1),
          BOUND(2, 2, 64, 255, 1, 1, 1, 1));
    FOUND("a cell used and not bound", "not bound", JOB(1, 1, 1, 8, 0), BOUND(1, 1, 0, 255, 1, 0, 0, 0));
    FOUND("another's right", "of tenant 1", RECOUNT_JOB, 1, 4, 3, 1, 1, 8, 0, BOUND(1, 1, 0, 255, 1, 0, 0, 1));
    limit_mw = 3000;
    SOUND("as much as the power limit carries, one after another", JOB(1, 0, 1, 3, 0), JOB(2, 0, 1, 1, 0), START(1, 1, 5, 1, 7, 1), RECOUNT_GONE, 1, START(2, 2, 6, 1, 1, 1));
    FOUND("more than the power limit carries", "its group draws 4000 mW, its limit is 3000", JOB(1, 0, 1, 3, 0), JOB(2, 0, 1, 1, 0), START(1, 1, 5, 1, 7, 1),
          START(2, 2, 6, 1, 1, 1));
    limit_mw = 0;
    FOUND("a cut log", "ends inside", RECOUNT_JOB, 1, 2);
    FOUND("an unknown event", "unknown", 99);
    return tap_done();
}
