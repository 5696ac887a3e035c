/* Processes killed with SIGKILL at random instants while they append: every batch that was acknowledged (its size was written to a pipe after the
 * append returned) is there afterwards, in order and whole. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"
#include "tap.h"

enum { ROUNDS = 40 };

static void append_for_ever(const char *folder, int acknowledge, uint64_t seed)
{
    struct dure_error error;
    struct dure_journal *journal = kit_open(folder);
    for (;;) {
        const uint32_t count = 1 + (uint32_t)tap_random_below(&seed, 200);
        struct dure_journal_head head;
        if (kit_append(journal, count, true, &error))
            _exit(1);
        if (tap_random_below(&seed, 20) == 0 && dure_journal_publish(journal, &error))
            _exit(1);
        dure_journal_head(journal, &head);
        if (write(acknowledge, &head.size, sizeof head.size) != sizeof head.size)
            _exit(1);
    }
}

/* The last acknowledged size; ends at the killed writer's end of file. */
static uint64_t last_acknowledged(int from, uint64_t before)
{
    uint64_t size, last = before;
    while (read(from, &size, sizeof size) == sizeof size)
        last = size;
    return last;
}

int main(void)
{
    uint64_t seed = tap_seed(404), acknowledged = 0;
    const char *folder = kit_folder("killed");
    struct dure_error error;
    unsigned grown = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int ends[2];
        if (pipe(ends))
            tap_bail("pipe");
        const pid_t child = fork();
        if (!child) {
            close(ends[0]);
            append_for_ever(folder, ends[1], tap_random(&seed) + round);
        }
        close(ends[1]);
        /* Some lives end while they open, most after a few batches, at any point of the next one. */
        uint64_t last = acknowledged;
        for (uint64_t batches = tap_random_below(&seed, 20);
             batches && read(ends[0], &last, sizeof last) == sizeof last; batches--)
            ;
        const struct timespec pause = {0, (long)tap_random_below(&seed, 3000000)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        last = last_acknowledged(ends[0], last);
        close(ends[0]);
        struct dure_journal *journal = kit_open(folder);
        struct dure_journal_head head;
        dure_journal_head(journal, &head);
        TAP_OK(WIFSIGNALED(status) && head.size >= last && head.size <= last + 200 && kit_reads_back(journal),
               "round %u: %llu leaves, %llu were acknowledged", round, (unsigned long long)head.size,
               (unsigned long long)last);
        if (round % 10 == 9)
            TAP_EQ_INT(dure_journal_verify(journal, &error), DURE_OK, "everything verifies");
        grown += last > acknowledged;
        acknowledged = head.size;
        dure_journal_close(journal);
    }
    TAP_OK(grown > ROUNDS / 2, "most lives acknowledged something");
    return tap_done();
}
