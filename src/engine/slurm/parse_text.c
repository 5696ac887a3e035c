/* What scontrol, sbatch and scancel print. */
#include "engine/slurm/parse.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 1 << 20 };

/* The next line, without its end; false: no more. */
static bool next_line(const char **text, const char **ret_line, size_t *ret_length)
{
    if (!**text)
        return false;
    const char *end = strchr(*text, '\n');
    *ret_line = *text;
    *ret_length = end ? (size_t)(end - *text) : strlen(*text);
    *text = end ? end + 1 : *text + *ret_length;
    return true;
}

int64_t slurm_span_us(const char *text)
{
    unsigned long days = 0, part[3] = {0};
    unsigned parts = 0;
    char *end;
    const char *at = text;
    if (strcmp(text, "UNLIMITED") == 0 || strcmp(text, "infinite") == 0 || strcmp(text, "INFINITE") == 0)
        return INT64_MAX;
    const char *dash = strchr(text, '-');
    if (dash) {
        if (!isdigit((unsigned char)*at))
            return 0;
        days = strtoul(at, &end, 10);
        if (end != dash)
            return 0;
        at = dash + 1;
    }
    do {
        if (parts == 3 || !isdigit((unsigned char)*at))
            return 0;
        part[parts++] = strtoul(at, &end, 10);
        at = end + (*end == ':');
    } while (*end == ':');
    if (*end || days > 100000 || part[0] > 1000000000 || part[1] > 100000 || part[2] > 100000)
        return 0;
    /* days-hours[:minutes[:seconds]], hours:minutes:seconds, minutes:seconds, minutes */
    const unsigned long long seconds = dash         ? part[0] * 3600ULL + part[1] * 60 + part[2]
                                       : parts == 3 ? part[0] * 3600ULL + part[1] * 60 + part[2]
                                                    : part[0] * 60ULL + part[1];
    return (int64_t)(days * 86400ULL + seconds) * 1000000;
}

static char *trimmed(struct dure_arena *arena, const char *text, size_t length)
{
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    while (length && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    return dure_arena_strndup(arena, text, length);
}

/* The first line: "Configuration data as of 2026-11-27T14:19:56", slurmctld's clock in this machine's zone. */
static int64_t clock_of(const char *text)
{
    struct tm when = {.tm_isdst = -1};
    const char *at = strstr(text, " as of ");
    if (!at || !strptime(at + 7, "%Y-%m-%dT%H:%M:%S", &when))
        return 0;
    const time_t seconds = mktime(&when);
    return seconds > 0 ? (int64_t)seconds * 1000000 : 0;
}

void slurm_parse_config(const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    struct dure_slurm_setting *settings = DURE_ARENA_NEW(arena, struct dure_slurm_setting, DURE_SLURM_SETTINGS_MAX);
    const char *line, *begin = text;
    size_t length;
    uint32_t count = 0;
    while (settings && next_line(&text, &line, &length)) {
        const char *equals = length < LINE_MAX_BYTES ? memchr(line, '=', length) : NULL;
        if (!equals || count == DURE_SLURM_SETTINGS_MAX)
            continue;
        settings[count].name = trimmed(arena, line, (size_t)(equals - line));
        settings[count].value = trimmed(arena, equals + 1, length - (size_t)(equals + 1 - line));
        if (!settings[count].name || !settings[count].value)
            settings = NULL;
        else if (*settings[count].name)
            count++;
    }
    if (!settings || !count) {
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "a configuration without a setting");
        return;
    }
    reply->settings = settings;
    reply->setting_count = count;
    reply->clock_us = clock_of(begin);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(settings[i].name, "SLURM_VERSION") == 0)
            reply->version = settings[i].value;
}

/* KEY=VALUE of a line of `scontrol -o`, values without blanks; "" = not there or (null), N/A. */
static const char *field(const char *line, size_t length, const char *key, struct dure_arena *arena)
{
    const size_t key_length = strlen(key);
    for (size_t i = 0; i + key_length < length; i++) {
        if ((i && line[i - 1] != ' ') || memcmp(line + i, key, key_length) != 0 || line[i + key_length] != '=')
            continue;
        size_t end = i + key_length + 1;
        const size_t begin = end;
        while (end < length && line[end] != ' ')
            end++;
        const char *value = dure_arena_strndup(arena, line + begin, end - begin);
        if (!value || strcmp(value, "(null)") == 0 || strcmp(value, "N/A") == 0)
            return "";
        return value;
    }
    return "";
}

void slurm_parse_topology(const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    struct dure_slurm_switch *switches = NULL;
    const char *line;
    size_t length;
    uint32_t count = 0, capacity = 0;
    while (next_line(&text, &line, &length)) {
        const char *name = field(line, length, "SwitchName", arena), *block = field(line, length, "BlockName", arena);
        if (!*name && !*block)
            continue;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            struct dure_slurm_switch *wider = DURE_ARENA_NEW(arena, struct dure_slurm_switch, capacity);
            if (!wider || count >= DURE_SLURM_SWITCHES_MAX) {
                slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "more switches than are taken");
                return;
            }
            if (count)
                memcpy(wider, switches, count * sizeof *wider);
            switches = wider;
        }
        switches[count++] = (struct dure_slurm_switch){
            .name = *name ? name : block,
            .nodes_text = field(line, length, "Nodes", arena),
            .switches_text = field(line, length, "Switches", arena),
            .level = (uint32_t)strtoul(field(line, length, "Level", arena), NULL, 10),
            .is_block = !*name,
        };
    }
    reply->switches = switches;
    reply->switch_count = count;
}

void slurm_parse_partitions(const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    struct dure_slurm_partition *list = DURE_ARENA_NEW(arena, struct dure_slurm_partition, DURE_SLURM_PARTITIONS_MAX);
    const char *line;
    size_t length;
    uint32_t count = 0;
    while (list && count < DURE_SLURM_PARTITIONS_MAX && next_line(&text, &line, &length)) {
        const char *name = field(line, length, "PartitionName", arena), *nodes = field(line, length, "MaxNodes", arena);
        if (!*name)
            continue;
        list[count++] = (struct dure_slurm_partition){
            .name = name,
            .nodes_text = field(line, length, "Nodes", arena),
            .state = field(line, length, "State", arena),
            .allow_accounts = field(line, length, "AllowAccounts", arena),
            .qos = field(line, length, "QoS", arena),
            .preempt_mode = field(line, length, "PreemptMode", arena),
            .walltime_max_us = slurm_span_us(field(line, length, "MaxTime", arena)),
            .nodes_max = isdigit((unsigned char)*nodes) ? (uint32_t)strtoul(nodes, NULL, 10) : DURE_NONE32,
            .priority_tier = (uint32_t)strtoul(field(line, length, "PriorityTier", arena), NULL, 10),
            .is_default = strcmp(field(line, length, "Default", arena), "YES") == 0,
        };
    }
    if (!count) {
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "a list of partitions without one");
        return;
    }
    reply->partitions = list;
    reply->partition_count = count;
}

/* "sbatch: error: ..." lines without who says them, joined. */
static void words_of(const char *err, size_t length, char words[SLURM_WORDS_MAX + 1])
{
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        const char *line = err + at, *end = memchr(line, '\n', length - at);
        size_t line_length = end ? (size_t)(end - line) : length - at;
        at += line_length + 1;
        for (const char *head = memchr(line, ':', line_length);
             head && head + 2 < line + line_length && head[1] == ' ' && head - line < 12 &&
             !memchr(line, ' ', (size_t)(head - line));
             head = memchr(line, ':', line_length)) {
            line_length -= (size_t)(head + 2 - line);
            line = head + 2;
        }
        if (line_length == 0)
            continue;
        const int put = snprintf(words + used, SLURM_WORDS_MAX + 1 - used, "%s%.*s", used ? "; " : "",
                                 (int)(line_length > SLURM_WORDS_MAX ? SLURM_WORDS_MAX : line_length), line);
        used += put < 0 ? 0 : (size_t)put;
        if (used >= SLURM_WORDS_MAX)
            break;
    }
    if (used == 0)
        words[0] = '\0';
}

/* "123" or "123;cluster" */
static void read_job_id(const char *out, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    char *end;
    const char *digit = out + strspn(out, " \n");
    const unsigned long id = strtoul(digit, &end, 10);
    if (!isdigit((unsigned char)*digit) || id == 0 || id > UINT32_MAX || (*end && *end != '\n' && *end != ';'))
        slurm_reply_fail(reply, arena, DURE_SLURM_MALFORMED, "sbatch printed no job id: %.80s", out);
    else
        reply->job_id = (uint32_t)id;
}

static void read_text(enum slurm_kind kind, const char *text, struct dure_arena *arena, struct dure_slurm_reply *reply)
{
    switch (kind) {
    case SLURM_SUBMIT: read_job_id(text, arena, reply); return;
    case SLURM_PARTITIONS: slurm_parse_partitions(text, arena, reply); return;
    case SLURM_CONFIG: slurm_parse_config(text, arena, reply); return;
    case SLURM_TOPOLOGY: slurm_parse_topology(text, arena, reply); return;
    case SLURM_PING:
        if (!strstr(text, "is UP")) {
            slurm_reply_fail(reply, arena, DURE_SLURM_NO_ANSWER, "slurmctld is down");
            reply->unsent = true;
        }
        return;
    default: return;
    }
}

void slurm_parse_command(enum slurm_kind kind, int exit_status, const char *out, size_t out_length, const char *err,
                         size_t err_length, const struct dure_slurm_filter *filter, struct dure_arena *arena,
                         struct dure_slurm_reply *reply)
{
    char words[SLURM_WORDS_MAX + 1];
    bool unsent = false;
    slurm_reply_init(reply);
    words_of(err, err_length, words);
    /* Nothing at all is no empty list: that would say that every job is gone. */
    if (exit_status == 0 && (kind == SLURM_JOBS || kind == SLURM_NODES) && (out_length || !*words)) {
        slurm_parse_json(kind, 0, out, out_length, filter, arena, reply);
        return;
    }
    if (exit_status == 0 && kind == SLURM_STATES && (out_length || !*words)) {
        slurm_parse_states(out, out_length, filter, arena, reply);
        return;
    }
    if (kind == SLURM_PING && strstr(out, "is DOWN")) {
        read_text(kind, out, arena, reply);
        return;
    }
    const bool silent = out_length == 0 && kind != SLURM_DEED && kind != SLURM_CANCEL;
    /* scontrol show topology fails with 0 and its words on stderr. */
    if (exit_status == 0 && !(silent && *words)) {
        read_text(kind, out, arena, reply);
        return;
    }
    enum dure_slurm_result result = exit_status < 0 ? DURE_SLURM_NO_ANSWER : slurm_judge(words, &unsent);
    if (kind == SLURM_CANCEL && result == DURE_SLURM_REFUSED &&
        (strstr(words, "Invalid job id") || strstr(words, "already completing or completed")))
        return;
    if (kind == SLURM_STATES && filter && filter->job_id_count && strstr(words, "Invalid job id")) /* it knows none */
        return;
    if (kind == SLURM_TOPOLOGY && strstr(words, "No topology information")) /* of a flat cluster */
        return;
    if (*words)
        slurm_reply_fail(reply, arena, result, "%.900s%s", words, slurm_hint(words, false));
    else
        slurm_reply_fail(reply, arena, exit_status < 0 ? result : DURE_SLURM_REFUSED,
                         "it ended with status %d and said nothing", exit_status);
    reply->unsent = unsent;
}
