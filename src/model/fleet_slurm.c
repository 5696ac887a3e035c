/* Reading how a site's Slurm is reached. What is read here is journaled with the fleet, so no secret may stand in it. */
#include "model/fleet_build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
    ACCOUNTS_BYTES_MAX = 1 << 20,
    ACCOUNTS_MAX = 10000,
    FETCH_BYTES_MAX = 4096,
    PATH_BYTES_MAX = 1024,
    URL_BYTES_MAX = 512,
    POLL_US = 2 * 1000 * 1000
};

struct dure_slurm_site dure_slurm_site_unsaid(void)
{
    return (struct dure_slurm_site){.path = "",
                                    .conf = "",
                                    .url = "",
                                    .token_file = "",
                                    .user = "",
                                    .partition = "",
                                    .account = "",
                                    .accounts = "",
                                    .qos = "",
                                    .fetch = "",
                                    .reservation = "",
                                    .node_prefix = "",
                                    .poll_us = POLL_US};
}

static void read_path(struct dure_read *read, const struct dure_tree *map, const char *key, const char **value)
{
    const struct dure_tree *at = dure_read_text(read, map, key, DURE_OPTIONAL, PATH_BYTES_MAX, value);
    if (at && **value != '/')
        dure_problem_add(read->problems, at, NULL, "an absolute path");
}

static void read_name(struct dure_read *read, const struct dure_tree *map, const char *key, const char **value)
{
    dure_read_name(read, map, key, DURE_OPTIONAL, value);
}

static void read_commands(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    static const char *const known[] = {"path", "conf", NULL};
    slurm->via = DURE_SLURM_COMMANDS;
    slurm->path = "/usr/bin";
    if (!dure_read_map(read, map, known))
        return;
    read_path(read, map, "path", &slurm->path);
    read_path(read, map, "conf", &slurm->conf);
}

/* host or host:port, as it stands in a URL: no credentials, no path, no query. */
static bool authority_valid(const char *text)
{
    const char *rest = text;
    if (*rest == '[') {
        rest += 1 + strspn(rest + 1, "0123456789abcdefABCDEF:.");
        if (*rest++ != ']')
            return false;
    } else {
        rest += strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
    }
    if (rest == text)
        return false;
    if (*rest == ':') {
        const size_t digits = strspn(rest + 1, "0123456789");
        if (digits == 0 || digits > 5 || strtol(rest + 1, NULL, 10) > 65535 || strtol(rest + 1, NULL, 10) == 0)
            return false;
        rest += 1 + digits;
    }
    return *rest == '\0' || strcmp(rest, "/") == 0;
}

static void read_url(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    static const char expected[] = "unix:/path/of/socket, http://host:port or https://host:port";
    const char *url = "";
    const struct dure_tree *at = dure_read_text(read, map, "url", DURE_REQUIRED, URL_BYTES_MAX, &url);
    if (!at)
        return;
    slurm->url = url;
    if (strchr(url, '@'))
        dure_problem_add(read->problems, at, "credentials",
                         "no secret in a spec, which is kept for ever: token_file names a file");
    else if (strncmp(url, "unix:", 5) == 0) {
        if (url[5] != '/' || strlen(url + 5) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
            dure_problem_add(read->problems, at, NULL, "unix: and an absolute path of at most 107 bytes");
    } else if (!(strncmp(url, "http://", 7) == 0 && authority_valid(url + 7)) &&
               !(strncmp(url, "https://", 8) == 0 && authority_valid(url + 8)))
        dure_problem_add(read->problems, at, NULL, "%s", expected);
}

static void read_rest(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    static const char *const known[] = {"url", "token_file", "user", NULL};
    static const char *const hints[] = {
        "token",    "token_file: a spec is kept for ever, so it names the file that holds the token",
        "password", "token_file: a spec is kept for ever, so it names the file that holds the token",
        "version",  "nothing: the newest version that both sides speak is agreed upon",
        NULL};
    slurm->via = DURE_SLURM_REST;
    if (!dure_read_map_hints(read, map, known, hints))
        return;
    read_url(read, slurm, map);
    read_path(read, map, "token_file", &slurm->token_file);
    read_name(read, map, "user", &slurm->user);
    if (strncmp(slurm->url, "http", 4) == 0 && !dure_tree_get(map, "token_file"))
        dure_problem_missing(read->problems, map, "token_file",
                             "the file that holds the token: by HTTP nobody else says who we are");
    if (*slurm->user && !dure_tree_get(map, "token_file"))
        dure_problem_missing(read->problems, map, "token_file", "the file that holds that user's token");
}

/* "nat/lab/a": names, with slashes between. */
static bool path_valid(const char *path)
{
    char name[DURE_NAME_MAX + 1];
    for (const char *at = path;; at += strlen(name) + 1) {
        const size_t length = strcspn(at, "/");
        if (length > DURE_NAME_MAX)
            return false;
        memcpy(name, at, length);
        name[length] = '\0';
        if (!dure_name_valid(name))
            return false;
        if (!at[length])
            return true;
    }
}

/* One line; a project may be named once. */
static void read_account(struct dure_read *read, const struct dure_tree *entry, struct dure_buf *lines)
{
    static const char *const known[] = {"project", "account", NULL};
    const char *path = "", *account = "";
    if (!dure_read_map(read, entry, known))
        return;
    const struct dure_tree *at = dure_read_text(read, entry, "project", DURE_REQUIRED, 1024, &path);
    if (!dure_read_name(read, entry, "account", DURE_REQUIRED, &account) || !at)
        return;
    const size_t length = strlen(path);
    if (!path_valid(path)) {
        dure_problem_add(read->problems, at, NULL, "a project's path, such as 'nat/vision'");
        return;
    }
    for (const char *line = lines->length ? lines->data : ""; *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, path, length) == 0 && line[length] == '=')
            dure_problem_add(read->problems, at, NULL, "each project once");
    dure_buf_printf(lines, "%s=%s\n", path, account);
}

static void read_accounts(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    const struct dure_tree *list = dure_read_list(read, map, "accounts", DURE_OPTIONAL, ACCOUNTS_MAX);
    DURE_CLEANUP_BUF struct dure_buf lines;
    dure_buf_init(&lines, ACCOUNTS_BYTES_MAX);
    for (const struct dure_tree *entry = list ? list->first : NULL; entry && !lines.failed; entry = entry->next)
        read_account(read, entry, &lines);
    if (lines.failed)
        dure_problem_add(read->problems, list, "more text", "accounts of at most %d bytes", ACCOUNTS_BYTES_MAX);
    else if (lines.length && !(slurm->accounts = dure_arena_strndup(read->arena, lines.data, lines.length)))
        read->no_memory = true;
    if (!slurm->accounts)
        slurm->accounts = "";
}

void dure_slurm_account(const struct dure_slurm_site *site, const char *path, char ret_account[DURE_NAME_MAX + 1])
{
    const char *found = site->account, *end = found + strlen(found);
    size_t best = 0;
    for (const char *line = site->accounts; *line; line = strchr(line, '\n') + 1) {
        const size_t length = strcspn(line, "=");
        if (length <= best || strncmp(line, path, length) != 0 || (path[length] && path[length] != '/'))
            continue;
        best = length;
        found = line + length + 1;
        end = strchr(found, '\n');
    }
    memcpy(ret_account, found, (size_t)(end - found));
    ret_account[end - found] = '\0';
}

static void read_prefix(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    const char *prefix = "";
    const struct dure_tree *at = dure_read_name(read, map, "node_prefix", DURE_OPTIONAL, &prefix);
    if (at && prefix[strcspn(prefix, "0123456789")] != '\0')
        dure_problem_add(read->problems, at, NULL, "a prefix without digits, such as 'east-'");
    slurm->node_prefix = prefix;
}

static void read_terms(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    static const char *const whose[] = {"user", "daemon", NULL};
    unsigned as = 0;
    read_name(read, map, "partition", &slurm->partition);
    read_name(read, map, "account", &slurm->account);
    read_name(read, map, "qos", &slurm->qos);
    read_name(read, map, "reservation", &slurm->reservation);
    read_prefix(read, slurm, map);
    dure_read_choice(read, map, "submit_as", DURE_OPTIONAL, whose, &as);
    slurm->as_daemon = as == 1;
    dure_read_duration(read, map, "poll", DURE_OPTIONAL, 1000 * 1000, INT64_C(600) * 1000 * 1000, &slurm->poll_us);
}

/* Where output is on storage that this machine does not see. */
static void read_fetch(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    const struct dure_tree *list = dure_read_list(read, map, "fetch", DURE_OPTIONAL, DURE_SLURM_FETCH_MAX);
    DURE_CLEANUP_BUF struct dure_buf words;
    dure_buf_init(&words, FETCH_BYTES_MAX);
    if (list && list->count == 0)
        dure_problem_add(read->problems, list, "an empty list",
                         "a program and its arguments, such as [ssh, login1, sh]");
    for (const struct dure_tree *entry = list ? list->first : NULL; entry; entry = entry->next) {
        const char *word = dure_read_scalar(read, entry, FETCH_BYTES_MAX, "a word of a command");
        if (word && entry == list->first && (!*word || (*word != '/' && strchr(word, '/'))))
            dure_problem_add(read->problems, entry, NULL, "a program: an absolute path, or a name to be found on PATH");
        if (word)
            dure_buf_add(&words, word, strlen(word) + 1);
    }
    char *copy = words.failed || !words.length ? NULL : dure_arena_alloc(read->arena, words.length);
    if (words.failed)
        dure_problem_add(read->problems, list, "more text", "a command of at most %d bytes", FETCH_BYTES_MAX);
    read->no_memory |= words.length && !words.failed && !copy;
    if (!copy)
        return;
    memcpy(copy, words.data, words.length);
    slurm->fetch = copy;
    slurm->fetch_count = list->count;
}

static void read_block(struct dure_read *read, struct dure_slurm_site *slurm, const struct dure_tree *map)
{
    static const char *const known[] = {"commands",    "rest",        "partition", "account", "accounts", "qos",
                                        "reservation", "node_prefix", "submit_as", "poll",    "fetch",    NULL};
    if (!dure_read_map(read, map, known))
        return;
    const struct dure_tree *commands = dure_tree_get(map, "commands"), *rest = dure_tree_get(map, "rest");
    if (commands && rest)
        dure_problem_key(read->problems, rest, "a second way to reach Slurm", "either commands or rest");
    else if (commands)
        read_commands(read, slurm, commands);
    else if (rest)
        read_rest(read, slurm, rest);
    else
        dure_problem_missing(read->problems, map, "commands",
                             "how Slurm is reached: commands: {conf: ...} or rest: {url: ...}");
    read_terms(read, slurm, map);
    read_accounts(read, slurm, map);
    read_fetch(read, slurm, map);
}

void dure_fleet_read_slurm(struct dure_read *read, struct dure_site *site, const struct dure_tree *map)
{
    const struct dure_tree *block = dure_tree_get(map, "slurm");
    if (site->engine != DURE_ENGINE_SLURM) {
        if (block && dure_tree_get(map, "engine"))
            dure_problem_key(read->problems, block, "a field of another engine", "no such field, or engine: slurm");
        return;
    }
    struct dure_slurm_site *slurm = DURE_ARENA_NEW(read->arena, struct dure_slurm_site, 1);
    if (!slurm) {
        read->no_memory = true;
        return;
    }
    *slurm = dure_slurm_site_unsaid();
    site->slurm = slurm;
    if (!block)
        dure_problem_missing(read->problems, map, "slurm",
                             "how its Slurm is reached: commands: {conf: ...} or rest: {url: ...}");
    else
        read_block(read, slurm, block);
}
