/* The loop's world: time, the store, the engines, and when the loop turns. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/timefmt.h"
#include "dured/daemon.h"

static void append(void *context, struct dure_batch *batch)
{
    struct daemon *daemon = context;

    store_append(&daemon->store, batch);
}

static void read_store(void *context, struct dure_store_read *read)
{
    struct daemon *daemon = context;

    store_read(&daemon->store, read);
}

/* Salts are drawn from the kernel in runs: a call per job would cost more than hashing it. */
static void random_bytes(void *context, void *bytes, size_t length)
{
    struct daemon *daemon = context;
    uint8_t *to = bytes;

    while (length > 0) {
        size_t part;
        if (daemon->random_left == 0) {
            ssize_t got = getrandom(daemon->random, sizeof daemon->random, 0);
            DURE_ASSERT(got == (ssize_t)sizeof daemon->random || got > 0);
            daemon->random_left = (size_t)got;
        }
        part = length < daemon->random_left ? length : daemon->random_left;
        daemon->random_left -= part;
        memcpy(to, daemon->random + daemon->random_left, part);
        explicit_bzero(daemon->random + daemon->random_left, part);
        to += part;
        length -= part;
    }
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* it is there so that the loop does not sleep before a turn that is due */
}

/* Without the idle handle a turn that a timer asks for would wait until the poll ends, which may be the next timer. */
void world_turn_soon(struct daemon *daemon)
{
    daemon->turn_due = true;
    uv_idle_start(&daemon->idle, on_idle);
}

static void on_wake(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    daemon->wake_at_us = 0;
    world_turn_soon(daemon);
}

static void wake(void *context, int64_t at_us)
{
    struct daemon *daemon = context;
    uint64_t wait_ms;

    if (daemon->turn_due)
        return;
    wait_ms = clock_wait_ms(at_us);
    if (wait_ms == 0) {
        world_turn_soon(daemon);
        return;
    }
    if (daemon->wake_at_us != 0 && daemon->wake_at_us <= at_us)
        return;
    daemon->wake_at_us = at_us;
    uv_timer_start(&daemon->wake_timer, on_wake, wait_ms, 0);
}

/* Last in every turn of the uv loop, after the API has taken in what came. */
static void on_check(uv_check_t *check)
{
    struct daemon *daemon = check->data;

    if (!daemon->turn_due || daemon->phase == PHASE_RECOVERING)
        return;
    daemon->turn_due = false;
    if (daemon->wake_at_us != 0)
        uv_timer_stop(&daemon->wake_timer);
    daemon->wake_at_us = 0;
    dure_loop_turn(daemon->loop);
    if (!daemon->turn_due)
        uv_idle_stop(&daemon->idle);
}

void world_start(struct daemon *daemon)
{
    uv_check_init(&daemon->uv, &daemon->check);
    uv_idle_init(&daemon->uv, &daemon->idle);
    uv_timer_init(&daemon->uv, &daemon->wake_timer);
    daemon->check.data = daemon->idle.data = daemon->wake_timer.data = daemon;
    uv_check_start(&daemon->check, on_check);
}

struct dure_engine *world_local(struct daemon *daemon)
{
    char directory[PATH_BYTES + 16];
    struct dure_local_options options = {.loop = &daemon->uv, .directory = directory};
    struct dure_error error = {0};

    if (daemon->local != NULL || daemon->local_failed)
        return daemon->local;
    if (!clock_is_real()) {
        daemon->local_failed = true;
        log_line(LOG_LEVEL_ERROR, "the local engine cannot run: real processes do not live by this clock");
        return NULL;
    }
    snprintf(directory, sizeof directory, "%s/attempts", daemon->options.state);
    if (dure_engine_local_new(&options, dure_loop_observe, daemon->loop, &daemon->local, &error) != DURE_OK) {
        daemon->local_failed = true;
        daemon->local = NULL;
        log_line(LOG_LEVEL_ERROR, "the local engine cannot run: %s", error.text);
    }
    return daemon->local;
}

static struct dure_engine *world_emulated(struct daemon *daemon)
{
    struct dure_engine_clock clock = {.context = &daemon->timers, .now_us = wall_us, .timer = timers_set};
    const char *launch_to = daemon->options.launch_to;

    if (daemon->emulated != NULL)
        return daemon->emulated;
    if (dure_engine_emulated_new(&clock, dure_loop_observe, daemon->loop, &daemon->emulated) != DURE_OK)
        daemon->emulated = NULL;
    else if (launch_to[0] != '\0' && dure_engine_emulated_launch_to(daemon->emulated, launch_to, NULL) != DURE_OK) {
        dure_engine_free(daemon->emulated);
        daemon->emulated = NULL;
    }
    return daemon->emulated;
}

static struct dure_engine *engine(void *context, struct dure_site_id site)
{
    struct daemon *daemon = context;
    const struct dure_fleet *fleet = dure_core_fleet(daemon->core);

    if (fleet == NULL || site.v >= fleet->site_count)
        return NULL;
    if (fleet->sites[site.v].engine == DURE_ENGINE_LOCAL)
        return world_local(daemon);
    if (fleet->sites[site.v].engine == DURE_ENGINE_SLURM)
        return world_slurm(daemon, site);
    return world_emulated(daemon);
}

static bool listening(void *context)
{
    struct daemon *daemon = context;

    return daemon->api != NULL && dure_api_listening(daemon->api);
}

static void event(void *context, uint64_t sequence, const struct dure_record *record)
{
    struct daemon *daemon = context;

    if (daemon->api != NULL)
        dure_api_event(daemon->api, sequence, record);
}

static void fatal(void *context, enum dure_err err, const char *text)
{
    struct daemon *daemon = context;

    if (err == DURE_E_FULL)
        daemon_fail(daemon, 4,
                    "the disk is full: %s. Nothing acknowledged is lost and jobs go on; make room and start again",
                    text);
    daemon_fail(daemon, 3,
                "stopping at once: %s (%s). Nothing acknowledged is lost and jobs go on; start again to recover", text,
                dure_err_wire(err));
}

static void held(void *context, int64_t jump_us)
{
    struct daemon *daemon = context;
    char text[DURE_TIME_TEXT_MAX];

    daemon->clock_held_us = jump_us;
    if (jump_us != 0)
        log_line(LOG_LEVEL_WARNING,
                 "the wall clock jumped %s by %s: time is held at its old pace; set the clock right, or accept the "
                 "jump with "
                 "`dure clock accept`",
                 jump_us > 0 ? "forward" : "back", dure_duration_format(jump_us > 0 ? jump_us : -jump_us, text));
    else
        log_line(LOG_LEVEL_INFO, "the clock's jump is over");
}

void world_make(struct daemon *daemon, struct dure_world *ret_world)
{
    *ret_world = (struct dure_world){
        .context = daemon,
        .now_us = wall_us,
        .monotonic_us = boot_us,
        .append = append,
        .read = read_store,
        .random = random_bytes,
        .wake = wake,
        .engine = engine,
        .listening = listening,
        .event = event,
        .fatal = fatal,
        .held = held,
    };
}
