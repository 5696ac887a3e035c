#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/attempt.h"

/* Strict text: every line in this order, none missing, nothing after the last. */
struct reader {
    const char *at, *end;
    bool bad;
};

static const char *line_of(struct reader *reader, const char *name, size_t *ret_length)
{
    const size_t name_length = strlen(name);
    const char *stop = reader->bad ? NULL : memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (!stop || (size_t)(stop - reader->at) < name_length + 1 || memcmp(reader->at, name, name_length) != 0 ||
        reader->at[name_length] != ' ') {
        reader->bad = true;
        return NULL;
    }
    const char *value = reader->at + name_length + 1;
    *ret_length = (size_t)(stop - value);
    reader->at = stop + 1;
    return value;
}

static int64_t number_of(struct reader *reader, const char *name, int64_t min)
{
    size_t length = 0;
    const char *value = line_of(reader, name, &length);
    char text[24];
    if (!value || length == 0 || length >= sizeof text)
        return reader->bad = true, 0;
    memcpy(text, value, length);
    text[length] = '\0';
    char *stop;
    errno = 0;
    const long long number = strtoll(text, &stop, 10);
    if (*stop || errno || number < min || text[0] == ' ' || text[0] == '+')
        reader->bad = true;
    return number;
}

static void word_of(struct reader *reader, const char *name, char *text, size_t size)
{
    size_t length = 0;
    const char *value = line_of(reader, name, &length);
    text[0] = '\0';
    if (!value || length >= size || memchr(value, '\0', length)) {
        reader->bad = true;
        return;
    }
    memcpy(text, value, length);
    text[length] = '\0';
}

static void expect(struct reader *reader, const char *line)
{
    const size_t length = strlen(line);
    if (reader->bad || (size_t)(reader->end - reader->at) < length || memcmp(reader->at, line, length) != 0)
        reader->bad = true;
    else
        reader->at += length;
}

void dure_status_encode(const struct dure_status *status, struct dure_buf *buf)
{
    char reason[DURE_REASON_MAX + 1];
    size_t length = 0;
    for (const char *at = status->reason; *at && length < DURE_REASON_MAX; at++)
        reason[length++] = (unsigned char)*at < 0x20 ? ' ' : *at;
    reason[length] = '\0';
    dure_buf_printf(buf,
                    "dure-status 1\nreport %d\nexit_code %d\nexit_signal %d\ncpu_us %" PRIu64
                    "\nmemory_peak_mib %" PRIu64 "\ngpu_busy_us %" PRIu64 "\ngpu_memory_peak_mib %" PRIu64
                    "\nenergy_mj %" PRIu64 "\nreason %s\nend\n",
                    (int)status->report, status->exit_code, status->exit_signal, status->usage.cpu_us,
                    status->usage.memory_peak_mib, status->usage.gpu_busy_us, status->usage.gpu_memory_peak_mib,
                    status->usage.energy_mj, reason);
}

enum dure_err dure_status_decode(const char *text, size_t length, struct dure_status *ret_status,
                                 struct dure_error *error)
{
    struct reader reader = {text, text + length, length > DURE_STATUS_BYTES_MAX};
    struct dure_status status = {0};
    expect(&reader, "dure-status 1\n");
    const int64_t report = number_of(&reader, "report", 0);
    const int64_t code = number_of(&reader, "exit_code", 0), signal = number_of(&reader, "exit_signal", 0);
    status.usage.cpu_us = (uint64_t)number_of(&reader, "cpu_us", 0);
    status.usage.memory_peak_mib = (uint64_t)number_of(&reader, "memory_peak_mib", 0);
    status.usage.gpu_busy_us = (uint64_t)number_of(&reader, "gpu_busy_us", 0);
    status.usage.gpu_memory_peak_mib = (uint64_t)number_of(&reader, "gpu_memory_peak_mib", 0);
    status.usage.energy_mj = (uint64_t)number_of(&reader, "energy_mj", 0);
    word_of(&reader, "reason", status.reason, sizeof status.reason);
    expect(&reader, "end\n");
    if (reader.bad || reader.at != reader.end || code > 255 || signal > 64 ||
        (report != DURE_REPORT_ENDED && report != DURE_REPORT_REFUSED))
        return dure_fail(error, DURE_E_CORRUPT, "the status is damaged");
    status.report = (enum dure_report)report;
    status.exit_code = (int32_t)code;
    status.exit_signal = (int32_t)signal;
    *ret_status = status;
    return DURE_OK;
}

void dure_claim_encode(const struct dure_claim *claim, struct dure_buf *buf)
{
    dure_buf_printf(buf, "dure-claim 1\npid %" PRId64 "\nstart_ticks %" PRIu64 "\nboot %s\nend\n", claim->pid,
                    claim->start_ticks, claim->boot);
}

enum dure_err dure_claim_decode(const char *text, size_t length, struct dure_claim *ret_claim, struct dure_error *error)
{
    struct reader reader = {text, text + length, length > DURE_STATUS_BYTES_MAX};
    struct dure_claim claim = {0};
    expect(&reader, "dure-claim 1\n");
    claim.pid = number_of(&reader, "pid", 1);
    claim.start_ticks = (uint64_t)number_of(&reader, "start_ticks", 0);
    word_of(&reader, "boot", claim.boot, sizeof claim.boot);
    expect(&reader, "end\n");
    if (reader.bad || reader.at != reader.end || claim.pid > INT32_MAX)
        return dure_fail(error, DURE_E_CORRUPT, "the claim is damaged");
    *ret_claim = claim;
    return DURE_OK;
}

void dure_boot_encode(const struct dure_boot *boot, struct dure_buf *buf)
{
    dure_buf_printf(buf, "dure-boot 1\nboot %s\nfirst %" PRIu64 "\nend\n", boot->boot, boot->first);
}

enum dure_err dure_boot_decode(const char *text, size_t length, struct dure_boot *ret_boot, struct dure_error *error)
{
    struct reader reader = {text, text + length, length > DURE_STATUS_BYTES_MAX};
    struct dure_boot boot = {0};
    expect(&reader, "dure-boot 1\n");
    word_of(&reader, "boot", boot.boot, sizeof boot.boot);
    boot.first = (uint64_t)number_of(&reader, "first", 1);
    expect(&reader, "end\n");
    if (reader.bad || reader.at != reader.end)
        return dure_fail(error, DURE_E_CORRUPT, "the boot file is damaged");
    *ret_boot = boot;
    return DURE_OK;
}
