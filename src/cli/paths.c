#include "cli/paths.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool option_text(const struct dure_cli *cli, unsigned flag, const char *name, const char **ret)
{
    *ret = (cli->verb->flags & flag) ? dure_cli_text(cli, name) : NULL;
    return *ret != NULL;
}

static bool home_folder(char home[DURE_CLI_PATH_MAX])
{
    const char *wanted = getenv("HOME");
    const struct passwd *entry = wanted && *wanted ? NULL : getpwuid(getuid());
    if (!wanted || !*wanted)
        wanted = entry ? entry->pw_dir : NULL;
    return wanted && *wanted && snprintf(home, DURE_CLI_PATH_MAX, "%s", wanted) < DURE_CLI_PATH_MAX;
}

static bool state_folder(const struct dure_cli *cli, char state[DURE_CLI_PATH_MAX])
{
    const char *option, *xdg = getenv("XDG_STATE_HOME"), *env = getenv("DURE_STATE");
    char home[DURE_CLI_PATH_MAX];
    if (option_text(cli, DURE_VERB_STATE, "state", &option))
        return dure_cli_absolute(option, state);
    if (env && *env)
        return dure_cli_absolute(env, state);
    if (xdg && *xdg == '/')
        return snprintf(state, DURE_CLI_PATH_MAX, "%s/dure", xdg) < DURE_CLI_PATH_MAX;
    return home_folder(home) && snprintf(state, DURE_CLI_PATH_MAX, "%s/.local/state/dure", home) < DURE_CLI_PATH_MAX;
}

/* Where the packaged service listens. */
static const char SERVICE_SOCKET[] = "/run/dure/dured.sock";

/* Is the path a socket? Nothing is said of who listens. */
static bool is_socket(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* The machine's own daemon is asked where neither of the user's is there, and never by a verb that starts one. */
static bool service_instead(const struct dure_cli *cli, const char *own, bool named_state)
{
    char fallback[DURE_CLI_PATH_MAX];
    if (named_state || strcmp(cli->verb->name, "up") == 0 || strcmp(cli->verb->name, "down") == 0)
        return false;
    if (snprintf(fallback, sizeof fallback, "%s/dured.sock", cli->state) >= (int)sizeof fallback)
        return false;
    return !is_socket(own) && !is_socket(fallback) && is_socket(SERVICE_SOCKET);
}

/* --socket, $DURE_SOCKET; a state folder named by hand has its own socket, so that two states never share one; else $XDG_RUNTIME_DIR, the
 * state folder, and the packaged service's, if it is there. */
static bool socket_path(const struct dure_cli *cli, char path[DURE_CLI_PATH_MAX])
{
    const char *option, *env = getenv("DURE_SOCKET"), *named = getenv("DURE_STATE"), *run = getenv("XDG_RUNTIME_DIR");
    const bool named_state = option_text(cli, DURE_VERB_STATE, "state", &option) || (named && *named);
    if (option_text(cli, DURE_VERB_DAEMON, "socket", &option))
        return dure_cli_absolute(option, path);
    if (env && *env)
        return dure_cli_absolute(env, path);
    const int length = !named_state && run && *run == '/'
                           ? snprintf(path, DURE_CLI_PATH_MAX, "%s/dure/dured.sock", run)
                           : snprintf(path, DURE_CLI_PATH_MAX, "%s/dured.sock", cli->state);
    if (length < DURE_CLI_PATH_MAX && service_instead(cli, path, named_state))
        snprintf(path, DURE_CLI_PATH_MAX, "%s", SERVICE_SOCKET);
    return length < DURE_CLI_PATH_MAX;
}

int dure_cli_paths(struct dure_cli *cli)
{
    if (!(cli->verb->flags & (DURE_VERB_STATE | DURE_VERB_DAEMON)))
        return DURE_EXIT_OK;
    if (!state_folder(cli, cli->state))
        return dure_cli_fail(
            cli, DURE_EXIT_USAGE,
            "no state folder: neither --state, DURE_STATE, XDG_STATE_HOME nor HOME names one that can be used");
    if (!socket_path(cli, cli->socket))
        return dure_cli_fail(cli, DURE_EXIT_USAGE,
                             "the socket's path is longer than %d bytes; name a shorter one with --socket",
                             DURE_CLI_PATH_MAX - 1);
    if (strlen(cli->socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return dure_cli_fail(
            cli, DURE_EXIT_USAGE,
            "%s: a Unix socket's path has at most %zu bytes; name a shorter one with --socket or DURE_SOCKET",
            cli->socket, sizeof((struct sockaddr_un *)0)->sun_path - 1);
    return DURE_EXIT_OK;
}

bool dure_cli_neighbour(const struct dure_cli *cli, const char *name, char path[DURE_CLI_PATH_MAX])
{
    char self[DURE_CLI_PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)cli;
    if (length > 0) {
        self[length] = 0;
        char *slash = strrchr(self, '/');
        if (slash &&
            snprintf(path, DURE_CLI_PATH_MAX, "%.*s/%s", (int)(slash - self), self, name) < DURE_CLI_PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
    }
    const char *search = getenv("PATH");
    for (const char *at = search; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        const int n = (int)strcspn(at, ":");
        if (n > 0 && *at == '/' && snprintf(path, DURE_CLI_PATH_MAX, "%.*s/%s", n, at, name) < DURE_CLI_PATH_MAX &&
            access(path, X_OK) == 0)
            return true;
    }
    return false;
}

bool dure_cli_absolute(const char *path, char absolute[DURE_CLI_PATH_MAX])
{
    char here[DURE_CLI_PATH_MAX];
    if (*path == '/')
        return snprintf(absolute, DURE_CLI_PATH_MAX, "%s", path) < DURE_CLI_PATH_MAX;
    if (!getcwd(here, sizeof here))
        return false;
    return snprintf(absolute, DURE_CLI_PATH_MAX, "%s/%s", here, path) < DURE_CLI_PATH_MAX;
}
