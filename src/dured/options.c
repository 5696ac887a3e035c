#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/timefmt.h"
#include "dured/daemon.h"

enum { USAGE_STATUS = 2, ORIGIN_BYTES = 128 };

static const char usage[] =
    "Usage: dured [OPTION]...\n"
    "The dure daemon: decides who gets which GPUs, keeps the journal, runs the jobs.\n"
    "\n"
    "  --state DIR           where everything is kept ($DURE_STATE, $XDG_STATE_HOME/dure or ~/.local/state/dure)\n"
    "  --socket PATH         where it listens ($DURE_SOCKET, $XDG_RUNTIME_DIR/dure/dured.sock or STATE/dured.sock)\n"
    "  --socket-mode MODE    the socket's permissions in octal (0666 for root, else 0600)\n"
    "  --fleet FILE          the Fleet spec of a first start; later starts keep what was set\n"
    "  --tenants FILE        the Tenants spec of a first start (a tenant for each owner)\n"
    "  --origin NAME         the journal's name in its checkpoints, when it is made (dure.HOST)\n"
    "  --foreground          stay; log to standard error. Else: into the background once it answers, log to "
    "STATE/dured.log\n"
    "  --log FILE            log there\n"
    "  --log-level LEVEL     error, warning, info (default) or debug\n"
    "  --disk-low-mib N      take nothing new with less free (256)\n"
    "  --snapshot-leaves N   records between snapshots (131072)\n"
    "  --rate N              writes a second of one user (50000)\n"
    "  --launch-to PATH      send a message for each start on an emulated site to this Unix socket\n"
    "  --clock-speed N       let time pass N times as fast (1 to 100000): for fleets whose sites are all emulated\n"
    "  --clock-from TIME     begin at this moment, such as 2027-06-30T22:00:00+09:00: for the same\n"
    "  --new-key             sign checkpoints with a new key from here on; recorded in the journal\n"
    "  --version, --help\n"
    "\n"
    "SIGTERM stops it in good order; jobs go on. SIGHUP opens the log file again.\n";

enum {
    OPT_STATE = 1,
    OPT_SOCKET,
    OPT_MODE,
    OPT_FLEET,
    OPT_TENANTS,
    OPT_ORIGIN,
    OPT_FOREGROUND,
    OPT_LOG,
    OPT_LEVEL,
    OPT_DISK,
    OPT_SNAPSHOT,
    OPT_RATE,
    OPT_LAUNCH,
    OPT_SPEED,
    OPT_FROM,
    OPT_KEY,
    OPT_VERSION,
    OPT_HELP
};

static const struct option longs[] = {
    {"state", required_argument, NULL, OPT_STATE},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"socket-mode", required_argument, NULL, OPT_MODE},
    {"fleet", required_argument, NULL, OPT_FLEET},
    {"tenants", required_argument, NULL, OPT_TENANTS},
    {"origin", required_argument, NULL, OPT_ORIGIN},
    {"foreground", no_argument, NULL, OPT_FOREGROUND},
    {"log", required_argument, NULL, OPT_LOG},
    {"log-level", required_argument, NULL, OPT_LEVEL},
    {"disk-low-mib", required_argument, NULL, OPT_DISK},
    {"snapshot-leaves", required_argument, NULL, OPT_SNAPSHOT},
    {"rate", required_argument, NULL, OPT_RATE},
    {"launch-to", required_argument, NULL, OPT_LAUNCH},
    {"clock-speed", required_argument, NULL, OPT_SPEED},
    {"clock-from", required_argument, NULL, OPT_FROM},
    {"new-key", no_argument, NULL, OPT_KEY},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int complain(const char *option, const char *found, const char *expected)
{
    fprintf(stderr, "dured: --%s: found '%s', expected %s\n", option, found, expected);
    return USAGE_STATUS + 1;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* Absolute, since the daemon leaves its folder. */
static bool absolute(const char *path, char *ret, size_t size)
{
    char here[PATH_BYTES];
    int length;

    if (path[0] == '/')
        length = snprintf(ret, size, "%s", path);
    else if (getcwd(here, sizeof here) != NULL)
        length = snprintf(ret, size, "%s/%s", here, path);
    else
        return false;
    return length > 1 && (size_t)length < size;
}

static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < least || value > most)
        return false;
    *ret = value;
    return true;
}

static bool default_state(char *state, size_t size)
{
    const struct passwd *person;
    const char *home = env("HOME");
    int length;

    if (env("DURE_STATE") != NULL)
        return absolute(env("DURE_STATE"), state, size);
    if (env("XDG_STATE_HOME") != NULL && env("XDG_STATE_HOME")[0] == '/') {
        length = snprintf(state, size, "%s/dure", env("XDG_STATE_HOME"));
        return length > 0 && (size_t)length < size;
    }
    if (home == NULL && (person = getpwuid(getuid())) != NULL)
        home = person->pw_dir;
    length = home != NULL ? snprintf(state, size, "%s/.local/state/dure", home) : 0;
    return length > 0 && (size_t)length < size;
}

static bool default_socket(const struct options *options, bool state_named, char *path, size_t size)
{
    const char *runtime = env("XDG_RUNTIME_DIR");
    int length;

    if (env("DURE_SOCKET") != NULL)
        return absolute(env("DURE_SOCKET"), path, size);
    if (!state_named && env("DURE_STATE") == NULL && runtime != NULL && runtime[0] == '/')
        length = snprintf(path, size, "%s/dure/dured.sock", runtime);
    else
        length = snprintf(path, size, "%s/dured.sock", options->state);
    return length > 0 && (size_t)length < size;
}

static int read_level(const char *text, enum log_level *ret)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum log_level)i;
            return 0;
        }
    return complain("log-level", text, "error, warning, info or debug");
}

static int read_mode(const char *text, mode_t *ret)
{
    char *end;
    unsigned long mode = strtoul(text, &end, 8);

    if (*text == '\0' || *end != '\0' || mode > 0777)
        return complain("socket-mode", text, "octal permissions such as 0660");
    *ret = (mode_t)mode;
    return 0;
}

static int read_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *ret)
{
    char expected[96];

    if (number(text, least, most, ret))
        return 0;
    snprintf(expected, sizeof expected, "a number of %llu..%llu", (unsigned long long)least, (unsigned long long)most);
    return complain(option, text, expected);
}

static int read_moment(const char *option, const char *text, int64_t *ret)
{
    if (dure_time_parse(text, NULL, ret) && *ret > 0)
        return 0;
    return complain(option, text, "a time such as 2027-06-30T22:00:00+09:00");
}

static int read_path(const char *option, const char *text, char *path, size_t size)
{
    char expected[64];

    if (absolute(text, path, size))
        return 0;
    snprintf(expected, sizeof expected, "a path of at most %zu bytes", size - 1);
    return complain(option, text, expected);
}

struct reading {
    struct options *options;
    bool state_named, socket_named;
    uint64_t rate;
};

static int take(struct reading *reading, int option, const char *value)
{
    static char fleet[PATH_BYTES], tenants[PATH_BYTES];
    struct options *options = reading->options;

    switch (option) {
    case OPT_STATE:
        reading->state_named = true;
        return read_path("state", value, options->state, sizeof options->state);
    case OPT_SOCKET:
        reading->socket_named = true;
        return read_path("socket", value, options->socket, sizeof options->socket);
    case OPT_MODE: return read_mode(value, &options->socket_mode);
    case OPT_FLEET: options->fleet = fleet; return read_path("fleet", value, fleet, sizeof fleet);
    case OPT_TENANTS: options->tenants = tenants; return read_path("tenants", value, tenants, sizeof tenants);
    case OPT_ORIGIN: options->origin = value; return 0;
    case OPT_FOREGROUND: options->foreground = true; return 0;
    case OPT_LOG: return read_path("log", value, options->log, sizeof options->log);
    case OPT_LEVEL: return read_level(value, &options->level);
    case OPT_DISK: return read_number("disk-low-mib", value, 0, UINT64_MAX >> 20, &options->disk_low_mib);
    case OPT_SNAPSHOT: return read_number("snapshot-leaves", value, 1000, UINT64_MAX >> 1, &options->snapshot_leaves);
    case OPT_RATE: return read_number("rate", value, 1, 10000000, &reading->rate);
    case OPT_LAUNCH: return read_path("launch-to", value, options->launch_to, sizeof options->launch_to);
    case OPT_SPEED: return read_number("clock-speed", value, 1, 100000, &options->clock_speed);
    case OPT_FROM: return read_moment("clock-from", value, &options->clock_from_us);
    case OPT_KEY: options->new_key = true; return 0;
    case OPT_VERSION: printf("dured %s (core %d)\n", DURE_VERSION, DURE_CORE_VERSION); return 1;
    case OPT_HELP: fputs(usage, stdout); return 1;
    default: fputs("Try 'dured --help'.\n", stderr); return USAGE_STATUS + 1;
    }
}

static const char *default_origin(void)
{
    static char origin[ORIGIN_BYTES];
    char host[96] = "";

    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        dure_text_copy(host, sizeof host, "localhost");
    for (char *at = host; *at != '\0'; at++)
        if (*at == '+' || *at <= ' ' || *at == 0x7f)
            *at = '-';
    snprintf(origin, sizeof origin, "dure.%s", host);
    return origin;
}

int options_read(int argc, char **argv, struct options *ret_options)
{
    static struct options options;
    struct reading reading = {.options = &options, .rate = DURE_API_WRITES_PER_SECOND};
    int option, done;

    options = (struct options){.level = LOG_LEVEL_INFO,
                               .socket_mode = getuid() == 0 ? 0666 : 0600,
                               .disk_low_mib = DISK_LOW_MIB,
                               .clock_speed = 1,
                               .snapshot_leaves = SNAPSHOT_LEAVES};
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1)
        if ((done = take(&reading, option, optarg)) != 0)
            return done;
    if (optind < argc)
        return complain("help", argv[optind], "options only");
    options.writes_per_second = (unsigned)reading.rate;
    if (options.origin == NULL)
        options.origin = default_origin();
    if (!reading.state_named && !default_state(options.state, sizeof options.state)) {
        fputs("dured: no state folder: name one with --state\n", stderr);
        return USAGE_STATUS + 1;
    }
    if (!reading.socket_named &&
        !default_socket(&options, reading.state_named, options.socket, sizeof options.socket)) {
        fprintf(stderr, "dured: a Unix socket's path has at most %zu bytes; name a shorter one with --socket\n",
                sizeof options.socket - 1);
        return USAGE_STATUS + 1;
    }
    if (!options.foreground && options.log[0] == '\0' &&
        snprintf(options.log, sizeof options.log, "%s/dured.log", options.state) >= PATH_BYTES) {
        fputs("dured: the state folder's path is too long\n", stderr);
        return USAGE_STATUS + 1;
    }
    *ret_options = options;
    return 0;
}
