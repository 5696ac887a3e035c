/* Launch messages: one line a start, in order, waiting while nobody listens, whole again after a broken connection. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/launch.h"
#include "model/fleet.h"
#include "tap.h"

static const char fleet_text[] = "{\"kind\":\"Fleet\",\"version\":1,\"name\":\"f\",\"models\":[{\"name\":\"m\","
                                 "\"memory\":\"80GiB\",\"power\":\"700W\"}],"
                                 "\"owners\":[{\"name\":\"o\"}],\"sites\":[{\"name\":\"s\",\"engine\":\"emulated\"}],"
                                 "\"groups\":[{\"name\":\"g\",\"owner\":\"o\","
                                 "\"site\":\"s\",\"model\":\"m\",\"nodes\":\"n[01-16]\",\"levels\":[{\"name\":\"rack\","
                                 "\"holds\":4},{\"name\":\"node\",\"holds\":8}],"
                                 "\"cpus\":64,\"memory\":\"1TiB\"}]}";

static char path[100];
static uint64_t sent_list[4096], sent_count;

static void sent(void *context, struct dure_attempt_id attempt)
{
    (void)context;
    if (sent_count < 4096)
        sent_list[sent_count] = attempt.v;
    sent_count++;
}

static struct dure_fleet *make_fleet(void)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_problems problems = {.file = "f"};
    struct dure_tree *tree;
    struct dure_fleet *fleet = NULL;
    if (!arena || dure_tree_from_json(arena, fleet_text, strlen(fleet_text), &tree, &problems) != DURE_OK ||
        dure_fleet_parse(tree, &fleet, &problems) != DURE_OK)
        tap_bail("the fleet is not one");
    dure_arena_free(arena);
    return fleet;
}

static int listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    dure_text_copy(address.sun_path, sizeof address.sun_path, path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0)
        tap_bail("no socket");
    return fd;
}

static struct dure_launch *launch_new(void)
{
    struct dure_launch *launch = NULL;
    if (dure_launch_new(path, &launch, NULL) != DURE_OK)
        tap_bail("no launch");
    return launch;
}

static bool add(struct dure_launch *launch, const struct dure_fleet *fleet, uint64_t attempt)
{
    const struct dure_job job = {.tasks = 8, .task_gpus = 1};
    const struct dure_place places[] = {
        {.node_first = 3, .node_count = 1, .gpu_mask = 0xf0, .tasks = 4, .gpu_milli = 1000},
        {.node_first = 4, .node_count = 2, .gpu_mask = 3, .tasks = 2, .gpu_milli = 500}};
    const struct dure_order order = {.term = 2,
                                     .ref = {{attempt + 10}, attempt % 2 ? 7 : DURE_NONE32},
                                     .attempt = {attempt},
                                     .job = &job,
                                     .tenant_path = "o/\"t",
                                     .fleet = fleet,
                                     .places = places,
                                     .place_count = 2};
    return dure_launch_add(launch, &order, attempt == 1) == DURE_OK;
}

static void test_line(const struct dure_fleet *fleet)
{
    char text[4096] = "";
    struct dure_launch *launch = launch_new();
    TAP_OK(add(launch, fleet, 1) && add(launch, fleet, 2), "two messages");
    unlink(path);
    TAP_OK(dure_launch_flush(launch, sent, NULL) > 0, "nobody listens: try again later");
    TAP_EQ_UINT(sent_count, 0, "nothing is out");
    const int fd = listener();
    TAP_EQ_INT(dure_launch_flush(launch, sent, NULL), 0, "somebody listens: all are out");
    TAP_OK(sent_count == 2 && sent_list[0] == 1 && sent_list[1] == 2, "each told, in order");
    TAP_EQ_INT(dure_launch_flush(launch, sent, NULL), 0, "nothing is left");
    TAP_EQ_UINT(sent_count, 2, "none is told twice");
    const int peer = accept(fd, NULL, NULL);
    if (recv(peer, text, sizeof text - 1, 0) <= 0)
        tap_bail("nothing came");
    TAP_EQ_STR(text,
               "{\"term\":2,\"job\":11,\"element\":7,\"attempt\":1,\"recovering\":true,\"tenant\":\"o/"
               "\\\"t\",\"tasks\":8,\"task_gpus\":1,\"places\":["
               "{\"node\":\"n04\",\"nodes\":1,\"gpu_mask\":240,\"tasks\":4},{\"node\":\"n05\",\"nodes\":2,\"gpu_mask\":"
               "3,\"tasks\":2,\"gpu_milli\":500}]}\n"
               "{\"term\":2,\"job\":12,\"attempt\":2,\"recovering\":false,\"tenant\":\"o/"
               "\\\"t\",\"tasks\":8,\"task_gpus\":1,\"places\":["
               "{\"node\":\"n04\",\"nodes\":1,\"gpu_mask\":240,\"tasks\":4},{\"node\":\"n05\",\"nodes\":2,\"gpu_mask\":"
               "3,\"tasks\":2,\"gpu_milli\":500}]}\n",
               "what a node needs to know");
    close(peer);
    close(fd);
    dure_launch_free(launch);
}

/* Reads whole lines until `want` have come; their attempts must count upward from *next. False: they do not. */
static bool read_lines(int peer, char *text, size_t *held, uint64_t want, uint64_t *next)
{
    while (*next <= want) {
        const ssize_t got = recv(peer, text + *held, 8191 - *held, MSG_DONTWAIT);
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        *held += (size_t)got;
        text[*held] = '\0';
        for (char *end; (end = memchr(text, '\n', *held)) != NULL;) {
            const char *field = strstr(text, "\"attempt\":");
            if (text[0] != '{' || end[-1] != '}' || !field || field > end || strtoull(field + 10, NULL, 10) != *next)
                return false;
            (*next)++;
            *held -= (size_t)(end + 1 - text);
            memmove(text, end + 1, *held + 1);
        }
    }
    return true;
}

/* The reader takes nothing for a while, then hangs up in the middle of a message. */
static void test_slow(const struct dure_fleet *fleet)
{
    enum { MANY = 4000 };
    static char text[8192];
    struct dure_launch *launch = launch_new();
    size_t held = 0;
    uint64_t next = 1;
    bool whole = true;
    int64_t wait_us = 0;
    const int fd = listener();
    sent_count = 0;
    for (uint64_t i = 1; i <= MANY; i++)
        if (!add(launch, fleet, i))
            tap_bail("no room for a message");
    wait_us = dure_launch_flush(launch, sent, NULL);
    TAP_OK(wait_us > 0 && sent_count > 0 && sent_count < MANY, "a slow reader: the rest waits");
    int peer = accept(fd, NULL, NULL);
    close(peer); /* what lay in the socket is lost with the reader that did not read it */
    next = sent_count + 1;
    TAP_OK(dure_launch_flush(launch, sent, NULL) > 0, "the reader is gone");
    TAP_EQ_UINT(sent_count, next - 1, "nothing more is out");
    for (unsigned turn = 0; whole && next <= MANY && turn < 100000; turn++) {
        wait_us = dure_launch_flush(launch, sent, NULL);
        if (turn == 0)
            peer = accept(fd, NULL, NULL);
        whole = read_lines(peer, text, &held, MANY, &next);
    }
    TAP_OK(whole && next == MANY + 1, "to the next reader every message not handed over goes whole, in order (%llu)",
           (unsigned long long)next);
    TAP_OK(sent_count == MANY && wait_us == 0, "all are out");
    close(peer);
    close(fd);
    dure_launch_free(launch);
}

int main(void)
{
    struct dure_fleet *fleet = make_fleet();
    struct dure_launch *launch = NULL;
    struct dure_error error = {0};
    char folder[] = "/tmp/dure-launch-XXXXXX", longer[200];

    if (mkdtemp(folder) == NULL)
        tap_bail("no folder");
    snprintf(path, sizeof path, "%s/s", folder);
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    TAP_EQ_INT(dure_launch_new(longer, &launch, &error), DURE_E_LIMIT, "a path longer than a socket's is refused");
    TAP_HAS(error.text, "1 to 107 bytes: found 199", "and why is said");
    TAP_OK(dure_launch_new("", &launch, NULL) == DURE_E_LIMIT && launch == NULL, "so is an empty one");
    test_line(fleet);
    test_slow(fleet);
    unlink(path);
    rmdir(folder);
    dure_fleet_free(fleet);
    return tap_done();
}
