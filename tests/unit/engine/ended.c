/* Where the output of ended attempts lies: kept, found and erased in one file of many, from several threads, and past what a machine that went down or a
 * disk that was full left there. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/local_inner.h"
#include "tap.h"

static int dir_fd;
static char path[600];

static void keep(uint64_t attempt, const char *text)
{
    local_ended_keep(dir_fd, attempt, text, strlen(text));
}

static bool has(uint64_t attempt, const char *text)
{
    char *bytes = NULL;
    size_t length = 0;
    const bool found = local_ended_read(dir_fd, attempt, &bytes, &length) == DURE_OK;
    const bool same = found && text && length == strlen(text) && memcmp(bytes, text, length) == 0;
    free(bytes);
    return text ? same : !found;
}

static off_t size(void)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

static bool stands_there(const char *text)
{
    char bytes[4096] = "";
    FILE *file = fopen(path, "rb");
    const size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    return memmem(bytes, length, text, strlen(text)) != NULL;
}

static void in_order(void)
{
    TAP_OK(has(7, NULL), "of none anything is known");
    TAP_EQ_INT(local_ended_erase(dir_fd, 7), DURE_OK, "and there is nothing to erase");
    keep(7, "seven");
    keep(8, "");
    keep(9, "ended 00000000000000000007 00000003\nxyz");
    keep(1007, "another file");
    TAP_OK(has(7, "seven") && has(8, "") && has(1007, "another file"), "each is what was kept of it");
    TAP_OK(has(9, "ended 00000000000000000007 00000003\nxyz"), "also what looks like a record");
    TAP_OK(has(10, NULL) && has(0, NULL) && has(1000, NULL), "and of others there is none");
    keep(7, "seven again");
    const off_t before = size();
    TAP_EQ_INT(local_ended_erase(dir_fd, 7), DURE_OK, "one is erased");
    TAP_OK(has(7, NULL) && !stands_there("seven"), "each time that it was kept");
    TAP_OK(has(8, "") && has(9, "ended 00000000000000000007 00000003\nxyz") && size() == before,
           "the others stay where they are");
    keep(7, "anew");
    TAP_OK(has(7, "anew"), "and it may be kept again");
}

static void after_a_fall(void)
{
    const int fd = open(path, O_WRONLY | O_APPEND);
    TAP_OK(write(fd, "ended 00000000000000000012 00000400\nhalf", 40) == 40, "a record that was cut off at the end");
    TAP_OK(has(12, NULL) && has(7, "anew"), "is none");
    keep(13, "after it");
    keep(14, "and one more");
    TAP_OK(has(13, "after it") && has(14, "and one more") && has(12, NULL), "and hides none after it");
    TAP_OK(ftruncate(fd, size() + 300) == 0, "nor do blank bytes");
    close(fd);
    keep(15, "behind them");
    TAP_OK(has(15, "behind them") && has(14, "and one more"), "that a disk left there");
}

static void full(void)
{
    struct rlimit whole, little;
    const off_t before = size();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &whole);
    little = whole;
    little.rlim_cur = (rlim_t)before + 50;
    setrlimit(RLIMIT_FSIZE, &little);
    keep(16, "longer than there is room for it");
    setrlimit(RLIMIT_FSIZE, &whole);
    TAP_OK(size() == before && has(16, NULL), "what has no room is not there by half");
    keep(17, "short");
    TAP_OK(has(17, "short") && has(15, "behind them"), "and with room again all goes on");
}

static void *keep_many(void *first)
{
    for (uint64_t i = 0; i < 200; i++) {
        char text[32];
        const uint64_t attempt = 5000 + *(uint64_t *)first + 4 * i;
        snprintf(text, sizeof text, "of %" PRIu64, attempt);
        keep(attempt, text);
        if (i % 10 == 0)
            (void)!local_ended_erase(dir_fd, attempt);
    }
    return NULL;
}

static void together(void)
{
    pthread_t threads[4];
    uint64_t firsts[4] = {0, 1, 2, 3};
    unsigned right = 0;
    for (unsigned i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, keep_many, &firsts[i]) != 0)
            tap_bail("no thread");
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (uint64_t k = 0; k < 800; k++) {
        char text[32];
        snprintf(text, sizeof text, "of %" PRIu64, 5000 + k);
        right += has(5000 + k, k / 4 % 10 == 0 ? NULL : text);
    }
    TAP_EQ_UINT(right, 800, "what several threads keep and erase at a time is all as each of them left it");
}

static void *keep_one(void *text)
{
    keep(18, text);
    return NULL;
}

/* Who blanks or cuts off something there may look at it first. */
static void locked(void)
{
    pthread_t thread;
    static char text[] = "waits for its turn";
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (flock(fd, LOCK_EX) != 0 || pthread_create(&thread, NULL, keep_one, text) != 0)
        tap_bail("no lock, or no thread");
    usleep(50000);
    TAP_OK(!stands_there(text), "nobody writes where another has the lock");
    close(fd);
    pthread_join(thread, NULL);
    TAP_OK(has(18, text), "and all do when it is free");
}

int main(void)
{
    dir_fd = open(tap_tempdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/ended/0.list", tap_tempdir());
    in_order();
    after_a_fall();
    full();
    locked();
    together();
    close(dir_fd);
    TAP_EQ_INT(local_ended_erase(-1, 7), DURE_E_IO, "a folder that cannot be read is told");
    return tap_done();
}
