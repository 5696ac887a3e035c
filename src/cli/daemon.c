#include "cli/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/paths.h"

enum { LOG_SHOWN = 2048 };
static const int64_t START_MAX_US = INT64_C(600) * 1000000, QUIET_MAX_US = INT64_C(30) * 1000000;

static void nap(int64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000}, NULL);
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t dure_daemon_pid(const struct dure_cli *cli)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    socklen_t size = sizeof peer;
    int64_t pid = 0;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    memcpy(address.sun_path, cli->socket, strlen(cli->socket) + 1); /* its length was looked at with the paths */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0 ? peer.pid : -1;
    else if (errno == EACCES || errno == EAGAIN)
        pid = -1;
    close(fd);
    return pid;
}

void dure_daemon_log(const struct dure_cli *cli, char path[DURE_CLI_PATH_MAX + 16])
{
    snprintf(path, DURE_CLI_PATH_MAX + 16, "%s/dured.log", cli->state);
}

static bool make_folders(const char *path)
{
    char part[DURE_CLI_PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return false;
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return false;
        if (!slash)
            return true;
        *slash = '/';
    }
}

static bool make_socket_folder(const struct dure_cli *cli)
{
    char folder[DURE_CLI_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", cli->socket);
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return true;
    *slash = 0;
    return make_folders(folder);
}

static void show_log(struct dure_cli *cli, int64_t from)
{
    char path[DURE_CLI_PATH_MAX + 16], text[LOG_SHOWN + 1];
    dure_daemon_log(cli, path);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    fseek(file, size - from > LOG_SHOWN ? size - LOG_SHOWN : from, SEEK_SET);
    text[fread(text, 1, LOG_SHOWN, file)] = 0;
    fclose(file);
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = 0;
    if (length > 0)
        dure_cli_note(cli, "%s", text);
}

static pid_t launch(struct dure_cli *cli, const char *program, int log)
{
    const pid_t pid = fork();
    if (pid != 0)
        return pid;
    char *argv[] = {
        (char *)"dured", (char *)"--foreground", (char *)"--state", cli->state, (char *)"--socket", cli->socket, NULL};
    const int null = open("/dev/null", O_RDONLY);
    setsid();
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (chdir("/") != 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        _exit(127);
    closefrom(3);
    execv(program, argv);
    dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

/* Waits for /healthz; a daemon that recovers a long journal says so and is waited for longer. */
static int wait_well(struct dure_cli *cli, pid_t pid, int64_t log_from)
{
    const int64_t begin = monotonic_us();
    int status, code = DURE_EXIT_NO;
    struct dure_client *client = dure_cli_client(cli, &code);
    if (!client)
        return code;
    for (bool told = false;;) {
        struct dure_error error = {0};
        const enum dure_err err = dure_client_health(client, &error);
        const int64_t waited = monotonic_us() - begin;
        if (!err)
            return DURE_EXIT_OK;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            dure_cli_fail(cli, DURE_EXIT_NO,
                          "dured ended at once (%s %d); its log says:", WIFSIGNALED(status) ? "signal" : "exit code",
                          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            show_log(cli, log_from);
            return DURE_EXIT_NO;
        }
        if (err == DURE_E_BUSY && !told && waited > 1000000) {
            dure_cli_note(cli, "  dured is up but not ready yet: %s", error.text);
            told = true;
        }
        if (waited > (err == DURE_E_BUSY ? START_MAX_US : QUIET_MAX_US))
            return dure_cli_fail(cli, DURE_EXIT_BUSY,
                                 "dured (process %d) does not become ready: %s; its log is %s/dured.log", (int)pid,
                                 error.text, cli->state);
        nap(waited < 1000000 ? 10000 : 100000);
    }
}

int dure_daemon_start(struct dure_cli *cli, int64_t *ret_pid)
{
    char program[DURE_CLI_PATH_MAX], log_path[DURE_CLI_PATH_MAX + 16];
    struct stat info;
    if (!dure_cli_neighbour(cli, "dured", program))
        return dure_cli_fail(cli, DURE_EXIT_NO,
                             "dured is neither beside this program nor on PATH; build or install it");
    if (!make_folders(cli->state))
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", cli->state, strerror(errno));
    if (!make_socket_folder(cli))
        return dure_cli_fail(cli, DURE_EXIT_NO, "the folder of %s: %s", cli->socket, strerror(errno));
    dure_daemon_log(cli, log_path);
    const int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return dure_cli_fail(cli, DURE_EXIT_NO, "%s: %s", log_path, strerror(errno));
    const int64_t log_from = fstat(log, &info) == 0 ? info.st_size : 0;
    fflush(NULL);
    const pid_t pid = launch(cli, program, log);
    close(log);
    if (pid < 0)
        return dure_cli_fail(cli, DURE_EXIT_NO, "starting dured: %s", strerror(errno));
    *ret_pid = pid;
    return wait_well(cli, pid, log_from);
}

/* A process that has ended but was not waited for by whoever started it is gone all the same. */
static bool zombie(int64_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return true;
    const bool read = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    fclose(file);
    return read && state == 'Z';
}

bool dure_daemon_gone(int64_t pid, int64_t us)
{
    const int64_t begin = monotonic_us();
    for (;;) {
        if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH) || zombie(pid))
            return true;
        if (monotonic_us() - begin > us)
            return false;
        nap(10000);
    }
}

/* A minder's second word is the folder of its attempt, below the state folder. */
static bool is_minder(const struct dure_cli *cli, const char *pid)
{
    char path[300], line[DURE_CLI_PATH_MAX + 64];
    snprintf(path, sizeof path, "/proc/%.200s/cmdline", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = 0;
    const char *first = line, *base = strrchr(first, '/') ? strrchr(first, '/') + 1 : first;
    const char *second = first + strlen(first) + 1;
    const size_t state = strlen(cli->state);
    return strcmp(base, "dure-minder") == 0 && second < line + length && strncmp(second, cli->state, state) == 0 &&
           second[state] == '/';
}

unsigned dure_daemon_minders(const struct dure_cli *cli)
{
    unsigned count = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    for (const struct dirent *entry; (entry = readdir(proc)) != NULL;)
        count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_minder(cli, entry->d_name) &&
                 !zombie(strtoll(entry->d_name, NULL, 10));
    closedir(proc);
    return count;
}
