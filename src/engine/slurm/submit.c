/* One job to be, in the words of sbatch and of slurmrestd. Pure. */
#include "engine/slurm/inner.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 48 };

const char *slurm_signal_name(int signal)
{
    static const struct {
        int signal;
        const char *name;
    } table[] = {{SIGHUP, "HUP"},   {SIGINT, "INT"},   {SIGQUIT, "QUIT"}, {SIGABRT, "ABRT"}, {SIGKILL, "KILL"},
                 {SIGALRM, "ALRM"}, {SIGTERM, "TERM"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGURG, "URG"},
                 {SIGCONT, "CONT"}, {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"}, {SIGTTIN, "TTIN"}, {SIGTTOU, "TTOU"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].signal == signal)
            return table[i].name;
    return NULL;
}

/* No control character may reach a command line or a header. */
static bool plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 32 || *text == 127)
            return false;
    return true;
}

static enum dure_err copy_text(struct dure_arena *arena, const char *what, const char **text, size_t bytes_max,
                               struct dure_error *error)
{
    if (!*text)
        return DURE_OK;
    if (strlen(*text) > bytes_max)
        return dure_fail(error, DURE_E_LIMIT, "%s: found %zu bytes, expected at most %zu", what, strlen(*text),
                         bytes_max);
    if (!plain(*text))
        return dure_fail(error, DURE_E_INVALID, "%s: found a control character, expected one line of text", what);
    *text = dure_arena_strdup(arena, *text);
    return *text ? DURE_OK : dure_fail(error, DURE_E_MEMORY, "out of memory");
}

/* Lines that begin with #SBATCH (or #PBS, #BSUB) say nothing any more: their first letter becomes '-'. */
static enum dure_err copy_script(struct dure_arena *arena, struct dure_slurm_submit *to, struct dure_error *error)
{
    if (!to->script || to->script_length < 3 || memcmp(to->script, "#!", 2) != 0)
        return dure_fail(error, DURE_E_INVALID,
                         "script: found no interpreter, expected a first line such as #!/bin/sh");
    if (to->script_length > DURE_SLURM_SCRIPT_MAX)
        return dure_fail(error, DURE_E_LIMIT, "script: found %zu bytes, expected at most %d", to->script_length,
                         DURE_SLURM_SCRIPT_MAX);
    if (memchr(to->script, '\0', to->script_length))
        return dure_fail(error, DURE_E_INVALID, "script: found a NUL character, expected text");
    char *script = dure_arena_strndup(arena, to->script, to->script_length);
    if (!script)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    for (char *line = script; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "#SBATCH", 7) == 0 || strncmp(line, "#PBS", 4) == 0 || strncmp(line, "#BSUB", 5) == 0)
            line[1] = '-';
    }
    to->script = script;
    return DURE_OK;
}

static enum dure_err copy_environment(struct dure_arena *arena, struct dure_slurm_submit *to, struct dure_error *error)
{
    const char **kept = DURE_ARENA_NEW(arena, const char *, (size_t)to->environment_count + 1);
    size_t bytes = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; kept && i < to->environment_count; i++) {
        const char *variable = to->environment[i], *equals = strchr(variable, '=');
        bytes += strlen(variable) + 1;
        if (!equals || equals == variable)
            return dure_fail(error, DURE_E_INVALID, "environment: found '%.80s', expected NAME=value", variable);
        if (bytes > DURE_SLURM_ENVIRONMENT_MAX)
            return dure_fail(error, DURE_E_LIMIT, "environment: found more than %d bytes", DURE_SLURM_ENVIRONMENT_MAX);
        if (strncmp(variable, "SLURM_", 6) == 0 || strncmp(variable, "SBATCH_", 7) == 0)
            continue;
        if (!(kept[count++] = dure_arena_strdup(arena, variable)))
            kept = NULL;
    }
    if (!kept)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    to->environment = kept;
    to->environment_count = count;
    return DURE_OK;
}

static enum dure_err check(const struct dure_slurm_submit *submit, struct dure_error *error)
{
    if (!submit->directory || *submit->directory != '/')
        return dure_fail(error, DURE_E_INVALID, "directory: found '%s', expected an absolute path",
                         submit->directory ? submit->directory : "");
    if (!submit->name || !*submit->name)
        return dure_fail(error, DURE_E_INVALID, "name: found nothing, expected a name");
    if (!submit->node_count)
        return dure_fail(error, DURE_E_INVALID, "node_count: found 0, expected at least 1");
    if (submit->memory_per_node_mib && submit->memory_per_cpu_mib)
        return dure_fail(error, DURE_E_INVALID, "memory_per_cpu: found beside memory_per_node, expected one of them");
    if (submit->warn_signal && (!slurm_signal_name(submit->warn_signal) || submit->warn_s > 65535))
        return dure_fail(error, DURE_E_INVALID,
                         "warn_signal: found %d at %u s, expected a signal that Slurm knows, at most 65535 s ahead",
                         submit->warn_signal, submit->warn_s);
    if (submit->walltime_us < 0)
        return dure_fail(error, DURE_E_INVALID, "walltime: found less than none");
    return DURE_OK;
}

enum dure_err slurm_submit_copy(struct dure_arena *arena, const struct dure_slurm_submit *from,
                                struct dure_slurm_submit *to, struct dure_error *error)
{
    struct dure_slurm_submit copy = *from;
    const struct {
        const char *what, **text;
        size_t bytes_max;
    } texts[] = {{"name", &copy.name, DURE_SLURM_TEXT_MAX},
                 {"comment", &copy.comment, DURE_SLURM_TEXT_MAX},
                 {"account", &copy.account, DURE_SLURM_TEXT_MAX},
                 {"partition", &copy.partition, DURE_SLURM_TEXT_MAX},
                 {"qos", &copy.qos, DURE_SLURM_TEXT_MAX},
                 {"reservation", &copy.reservation, DURE_SLURM_TEXT_MAX},
                 {"user", &copy.user, DURE_SLURM_TEXT_MAX},
                 {"directory", &copy.directory, DURE_SLURM_TEXT_MAX},
                 {"input", &copy.input, DURE_SLURM_TEXT_MAX},
                 {"output", &copy.output, DURE_SLURM_TEXT_MAX},
                 {"error_output", &copy.error_output, DURE_SLURM_TEXT_MAX},
                 {"nodelist", &copy.nodelist, DURE_SLURM_NODELIST_MAX},
                 {"gpu_type", &copy.gpu_type, DURE_SLURM_TEXT_MAX},
                 {"dependency", &copy.dependency, DURE_SLURM_TEXT_MAX}};
    enum dure_err err = check(from, error);
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !err; i++) {
        err = copy_text(arena, texts[i].what, texts[i].text, texts[i].bytes_max, error);
        if (!err && *texts[i].text && !**texts[i].text)
            *texts[i].text = NULL;
    }
    if (!err)
        err = copy_script(arena, &copy, error);
    if (!err)
        err = copy_environment(arena, &copy, error);
    if (!err)
        *to = copy;
    return err;
}

static uint32_t minutes_of(int64_t walltime_us)
{
    const int64_t minutes = (walltime_us + 59999999) / 60000000;
    return minutes > 4000000000 ? 4000000000U : (uint32_t)minutes;
}

static const char *given(const char *own, const char *of_site)
{
    return own ? own : *of_site ? of_site : NULL;
}

struct arguments {
    char **at;
    unsigned count;
    bool failed;
    struct dure_arena *arena;
};

static void put(struct arguments *list, const char *format, ...) DURE_PRINTF(2, 3);
static void put(struct arguments *list, const char *format, ...)
{
    struct dure_buf text;
    va_list args;
    dure_buf_init(&text, DURE_SLURM_NODELIST_MAX + 64);
    va_start(args, format);
    dure_buf_vprintf(&text, format, args);
    va_end(args);
    char *copy = text.failed || list->count + 1 >= ARGUMENTS_MAX ? NULL : dure_arena_strdup(list->arena, text.data);
    dure_buf_release(&text);
    if (copy)
        list->at[list->count++] = copy;
    else
        list->failed = true;
}

static void put_text(struct arguments *list, const char *option, const char *text)
{
    if (text)
        put(list, "--%s=%s", option, text);
}

static void put_count(struct arguments *list, const char *option, uint32_t count)
{
    if (count)
        put(list, "--%s=%u", option, count);
}

static void put_shape(struct arguments *list, const struct dure_slurm_submit *submit)
{
    const char *type = submit->gpu_type ? submit->gpu_type : "", *colon = submit->gpu_type ? ":" : "";
    put_text(list, "nodelist", submit->nodelist);
    put(list, "--nodes=%u-%u", submit->node_count, submit->node_count);
    put_count(list, "ntasks", submit->tasks);
    put_count(list, "ntasks-per-node", submit->tasks_per_node);
    put_count(list, "cpus-per-task", submit->cpus_per_task);
    if (submit->gpus_per_node)
        put(list, "--gres=gpu:%s%s%u", type, colon, submit->gpus_per_node);
    if (submit->memory_per_node_mib)
        put(list, "--mem=%uM", submit->memory_per_node_mib);
    if (submit->memory_per_cpu_mib)
        put(list, "--mem-per-cpu=%uM", submit->memory_per_cpu_mib);
    if (submit->walltime_us)
        put(list, "--time=%u", minutes_of(submit->walltime_us));
    if (submit->warn_signal)
        put(list, "--signal=%s%s@%u", submit->warn_batch ? "B:" : "", slurm_signal_name(submit->warn_signal),
            submit->warn_s);
}

char **slurm_submit_arguments(const struct dure_slurm_submit *submit, const struct dure_slurm_site *site,
                              struct dure_arena *arena)
{
    struct arguments list = {.at = DURE_ARENA_NEW(arena, char *, ARGUMENTS_MAX), .arena = arena};
    if (!list.at)
        return NULL;
    put(&list, "sbatch");
    put(&list, "--parsable");
    put(&list, "--ignore-pbs");
    put(&list, "--export=ALL");
    put_text(&list, "job-name", submit->name);
    put_text(&list, "comment", submit->comment);
    put_text(&list, "account", given(submit->account, site->account));
    put_text(&list, "partition", given(submit->partition, site->partition));
    put_text(&list, "qos", given(submit->qos, site->qos));
    put_text(&list, "reservation", given(submit->reservation, site->reservation));
    put_text(&list, "chdir", submit->directory);
    put_text(&list, "input", submit->input ? submit->input : "/dev/null");
    put_text(&list, "output", submit->output ? submit->output : "/dev/null");
    put_text(&list, "error", submit->error_output);
    put_shape(&list, submit);
    put(&list, submit->append ? "--open-mode=append" : "--open-mode=truncate");
    put(&list, submit->requeue ? "--requeue" : "--no-requeue");
    if (submit->hold)
        put(&list, "--hold");
    if (submit->exclusive)
        put(&list, "--exclusive");
    put_text(&list, "dependency", submit->dependency);
    return list.failed ? NULL : list.at;
}

static void set(json_t *object, const char *key, json_t *value, bool *failed)
{
    *failed |= json_object_set_new(object, key, value) != 0;
}

static void set_text(json_t *object, const char *key, const char *text, bool *failed)
{
    if (text)
        set(object, key, json_string(text), failed);
}

static void set_count(json_t *object, const char *key, uint32_t count, bool *failed)
{
    if (count)
        set(object, key, json_integer(count), failed);
}

/* What newer versions take for numbers that may be unset or infinite. */
static json_t *number(uint32_t value, unsigned api)
{
    return api < 39 ? json_integer(value)
                    : json_pack("{s:b, s:b, s:I}", "set", 1, "infinite", 0, "number", (json_int_t)value);
}

static void set_environment(json_t *job, const struct dure_slurm_submit *submit, unsigned api, bool *failed)
{
    json_t *environment = api < 39 ? json_object() : json_array();
    /* Some environment is required, and an empty one is none. */
    static const char *const least = "PATH=/usr/local/bin:/usr/bin:/bin";
    const uint32_t count = submit->environment_count ? submit->environment_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        const char *variable = submit->environment_count ? submit->environment[i] : least;
        const char *equals = strchr(variable, '=');
        if (api >= 39)
            *failed |= json_array_append_new(environment, json_string(variable)) != 0;
        else {
            char *name = strndup(variable, (size_t)(equals - variable));
            *failed |= !name || json_object_set_new(environment, name, json_string(equals + 1)) != 0;
            free(name);
        }
    }
    set(job, "environment", environment, failed);
}

static void set_gpus(json_t *job, const struct dure_slurm_submit *submit, unsigned api, bool *failed)
{
    char text[DURE_SLURM_TEXT_MAX + 64];
    const char *type = submit->gpu_type ? submit->gpu_type : "", *colon = submit->gpu_type ? ":" : "";
    if (submit->gpus_per_node) {
        const char *head = api < 39 ? "gpu:" : api == 39 ? "gres:gpu:" : "gres/gpu:";
        snprintf(text, sizeof text, "%s%s%s%u", head, type, colon, submit->gpus_per_node);
        set_text(job, api < 39 ? "gres" : "tres_per_node", text, failed);
    }
}

static void set_shape(json_t *job, const struct dure_slurm_submit *submit, unsigned api, bool *failed)
{
    const json_int_t nodes = submit->node_count;
    if (api < 39) {
        set_text(job, "nodelist", submit->nodelist, failed);
        set(job, "nodes", json_pack("[I, I]", nodes, nodes), failed);
    } else {
        char range[32];
        snprintf(range, sizeof range, "%u-%u", submit->node_count, submit->node_count);
        if (submit->nodelist) /* one text is taken for a list of one, and its brackets are expanded there */
            set(job, "required_nodes", json_pack("[s]", submit->nodelist), failed);
        set_text(job, "nodes", range, failed);
    }
    set_count(job, "tasks", submit->tasks, failed);
    set_count(job, "tasks_per_node", submit->tasks_per_node, failed);
    set_count(job, "cpus_per_task", submit->cpus_per_task, failed);
    set_gpus(job, submit, api, failed);
    if (submit->memory_per_node_mib)
        set(job, "memory_per_node", number(submit->memory_per_node_mib, api), failed);
    if (submit->memory_per_cpu_mib)
        set(job, "memory_per_cpu", number(submit->memory_per_cpu_mib, api), failed);
    if (submit->walltime_us)
        set(job, "time_limit", number(minutes_of(submit->walltime_us), api), failed);
}

static void set_warning(json_t *job, const struct dure_slurm_submit *submit, unsigned api, bool *failed)
{
    char text[64];
    if (!submit->warn_signal)
        return;
    if (api < 39) {
        snprintf(text, sizeof text, "%s%d@%u", submit->warn_batch ? "B:" : "", submit->warn_signal, submit->warn_s);
        set_text(job, "signal", text, failed);
        return;
    }
    set_text(job, "kill_warning_signal", slurm_signal_name(submit->warn_signal), failed);
    set(job, "kill_warning_delay", number(submit->warn_s, api), failed);
    if (submit->warn_batch)
        set(job, "kill_warning_flags", json_pack("[s]", "BATCH_JOB"), failed);
}

char *slurm_submit_body(const struct dure_slurm_submit *submit, const struct dure_slurm_site *site, unsigned api)
{
    json_t *job = json_object(), *root = json_object();
    bool failed = false;
    set_text(job, "name", submit->name, &failed);
    set_text(job, "comment", submit->comment, &failed);
    set_text(job, "account", given(submit->account, site->account), &failed);
    set_text(job, "partition", given(submit->partition, site->partition), &failed);
    set_text(job, "qos", given(submit->qos, site->qos), &failed);
    set_text(job, "reservation", given(submit->reservation, site->reservation), &failed);
    set_text(job, "current_working_directory", submit->directory, &failed);
    set_text(job, "standard_input", submit->input ? submit->input : "/dev/null", &failed);
    set_text(job, "standard_output", submit->output ? submit->output : "/dev/null", &failed);
    set_text(job, "standard_error", submit->error_output, &failed);
    if (api < 39)
        set_text(job, "open_mode", submit->append ? "append" : "truncate", &failed);
    else
        set(job, "open_mode", json_pack("[s]", submit->append ? "APPEND" : "TRUNCATE"), &failed);
    set_text(job, "dependency", submit->dependency, &failed);
    set_environment(job, submit, api, &failed);
    set_shape(job, submit, api, &failed);
    set_warning(job, submit, api, &failed);
    /* In v0.0.38 the option is the flag of sbatch, whatever its value: both ways are said by which one it is. */
    if (api < 39)
        set(job, submit->requeue ? "requeue" : "no_requeue", json_true(), &failed);
    else
        set(job, "requeue", json_boolean(submit->requeue), &failed);
    if (submit->hold)
        set(job, "hold", json_true(), &failed);
    if (submit->exclusive)
        set(job, api < 39 ? "exclusive" : "shared", api < 39 ? json_string("true") : json_pack("[s]", "none"), &failed);
    if (api < 40)
        set(root, "script", json_string(submit->script), &failed);
    else
        set(job, "script", json_string(submit->script), &failed);
    set(root, "job", job, &failed);
    char *body = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return body;
}
