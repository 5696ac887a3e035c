/* Names of kinds, causes and states, and the one-line JSON of a record. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/timefmt.h"
#include "model/record.h"
#include "model/record_fields.h"

bool dure_record_is_input(enum dure_record_kind kind)
{
    switch (kind) {
#define X(name, number, text, input)                                                                                   \
    case DURE_REC_##name: return input;
        DURE_RECORDS(X)
#undef X
    }
    return false;
}

const char *dure_record_kind_name(enum dure_record_kind kind)
{
    switch (kind) {
#define X(name, number, text, input)                                                                                   \
    case DURE_REC_##name: return text;
        DURE_RECORDS(X)
#undef X
    }
    return "unknown";
}

const char *dure_cause_name(enum dure_cause cause)
{
    switch (cause) {
#define X(name, number, text)                                                                                          \
    case DURE_CAUSE_##name: return text;
        DURE_CAUSES(X)
#undef X
    }
    return "unknown";
}

struct state_name {
    const char *name;
    const char *code;
};

static const struct state_name *job_state(enum dure_job_state state)
{
    static const struct state_name names[] = {
        [DURE_JOB_PENDING] = {"PENDING", "PD"},
        [DURE_JOB_RUNNING] = {"RUNNING", "R"},
        [DURE_JOB_STOPPING] = {"COMPLETING", "CG"},
        [DURE_JOB_COMPLETED] = {"COMPLETED", "CD"},
        [DURE_JOB_FAILED] = {"FAILED", "F"},
        [DURE_JOB_CANCELLED] = {"CANCELLED", "CA"},
        [DURE_JOB_TIMEOUT] = {"TIMEOUT", "TO"},
        [DURE_JOB_NODE_FAIL] = {"NODE_FAIL", "NF"},
        [DURE_JOB_EVICTED] = {"PREEMPTED", "PR"},
        [DURE_JOB_DEADLINE] = {"DEADLINE", "DL"},
        [DURE_JOB_LAUNCH_FAILED] = {"LAUNCH_FAILED", "SF"},
    };
    static const struct state_name unknown = {"UNKNOWN", "??"};
    unsigned index = (unsigned)state;
    return index < sizeof names / sizeof names[0] && names[index].name != NULL ? &names[index] : &unknown;
}

const char *dure_job_state_name(enum dure_job_state state)
{
    return job_state(state)->name;
}

const char *dure_job_state_code(enum dure_job_state state)
{
    return job_state(state)->code;
}

const char *dure_node_state_name(enum dure_node_state state)
{
    static const char *const names[] = {"unknown", "arriving", "up", "draining", "drained", "down", "away"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : names[0];
}

const char *dure_allot_state_name(enum dure_allot_state state)
{
    static const char *const names[] = {"unknown", "promised", "active", "short", "ended"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : names[0];
}

const char *dure_attempt_state_name(enum dure_attempt_state state)
{
    static const char *const names[] = {"unknown", "starting", "running", "warned", "stopping", "gone"};
    return (unsigned)state < sizeof names / sizeof names[0] ? names[state] : names[0];
}

static void print_map(struct dure_buf *buf, const struct dure_field *table, unsigned count, uint64_t keys,
                      const void *base);

/* JSON readers hold whole numbers in 64 signed bits: what is larger (a mask of all 64 GPUs) goes as its digits in quotes. */
static void print_u64(struct dure_buf *buf, uint64_t value)
{
    const char *quote = value > INT64_MAX ? "\"" : "";
    dure_buf_printf(buf, "%s%" PRIu64 "%s", quote, value, quote);
}

/* A text is canonical JSON where dure wrote it. Of a journal from elsewhere nothing is certain, and it may not break the line. */
static void print_text(struct dure_buf *buf, const char *text, size_t length)
{
    json_t *parsed = memchr(text, '\n', length) ? NULL : json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (parsed)
        dure_buf_add(buf, text, length);
    else
        dure_buf_json(buf, text);
    json_decref(parsed);
}

static void print_rows(struct dure_buf *buf, const struct dure_field *field, const void *base)
{
    const struct dure_record *record = base;
    dure_buf_str(buf, "[");
    if (field->type == DURE_FIELD_PLACES) {
        for (uint32_t i = 0; i < record->place_count; i++) {
            const struct dure_place *p = &record->places[i];
            dure_buf_printf(buf,
                            "%s{\"node_first\":%" PRIu32 ",\"node_count\":%" PRIu32 ",\"gpu_mask\":", i > 0 ? "," : "",
                            p->node_first, p->node_count);
            print_u64(buf, p->gpu_mask);
            dure_buf_printf(buf, ",\"tasks\":%" PRIu32 ",\"gpu_milli\":%" PRIu32 "}", p->tasks, p->gpu_milli);
        }
    } else if (field->type == DURE_FIELD_BINDINGS) {
        for (uint32_t i = 0; i < record->binding_count; i++) {
            const struct dure_binding *b = &record->bindings[i];
            dure_buf_printf(
                buf, "%s{\"allotment\":%" PRIu32 ",\"virtual\":%" PRIu32 ",\"cell\":%" PRIu32 ",\"new\":%s}",
                i > 0 ? "," : "", b->allot.v, b->virtual_index, b->cell_index, b->is_new != 0 ? "true" : "false");
        }
    } else if (field->type == DURE_FIELD_STARTS) {
        for (uint32_t i = 0; i < record->place_count; i++)
            dure_buf_printf(buf, "%s%u", i > 0 ? "," : "", record->places[i].starts);
    } else if (field->type == DURE_FIELD_NODES) {
        const struct dure_node_runs *runs = (const struct dure_node_runs *)((const char *)base + field->offset);
        for (uint32_t i = 0; i < runs->count; i++)
            dure_buf_printf(buf, "%s{\"first\":%" PRIu32 ",\"count\":%" PRIu32 "}", i > 0 ? "," : "", runs->at[i].first,
                            runs->at[i].count);
    } else {
        const struct dure_job *job = base;
        static const char *const kinds[] = {"ok", "any", "failed"};
        for (uint32_t i = 0; i < job->dep_count; i++) {
            dure_buf_str(buf, i > 0 ? ",{\"job\":" : "{\"job\":");
            print_u64(buf, job->deps[i].job.v);
            dure_buf_printf(buf, ",\"if\":\"%s\"}", kinds[job->deps[i].kind]);
        }
    }
    dure_buf_str(buf, "]");
}

static void print_number(struct dure_buf *buf, const struct dure_field *field, const void *base)
{
    const char *at = (const char *)base + field->offset;
    if (field->type == DURE_FIELD_U32)
        dure_buf_printf(buf, "%" PRIu32, *(const uint32_t *)at);
    else if (field->type == DURE_FIELD_U64)
        print_u64(buf, *(const uint64_t *)at);
    else if (field->type == DURE_FIELD_I64)
        dure_buf_printf(buf, "%" PRId64, *(const int64_t *)at);
    else if (field->key == 10 && strcmp(field->name, "cause") == 0)
        dure_buf_json(buf, dure_cause_name((enum dure_cause) * (const int32_t *)at));
    else if (strcmp(field->name, "state") == 0)
        dure_buf_json(buf, dure_job_state_name((enum dure_job_state) * (const int32_t *)at));
    else
        dure_buf_printf(buf, "%" PRId32, *(const int32_t *)at);
}

static void print_value(struct dure_buf *buf, const struct dure_field *field, const void *base)
{
    const char *at = (const char *)base + field->offset;
    const struct dure_record *record = base;

    switch ((enum dure_field_type)field->type) {
    case DURE_FIELD_BOOL: dure_buf_str(buf, *(const bool *)at ? "true" : "false"); break;
    case DURE_FIELD_HASH:
        dure_buf_str(buf, "\"");
        for (unsigned i = 0; i < 32; i++)
            dure_buf_printf(buf, "%02x", ((const uint8_t *)at)[i]);
        dure_buf_str(buf, "\"");
        break;
    case DURE_FIELD_WORDS: dure_buf_json(buf, at); break;
    case DURE_FIELD_LEVEL: dure_buf_json(buf, *(const char *const *)at); break;
    case DURE_FIELD_TEXT: print_text(buf, record->text, record->text_length); break;
    case DURE_FIELD_USAGE: {
        const struct dure_usage *usage = (const struct dure_usage *)at;
        const struct {
            const char *name;
            uint64_t value;
        } sums[] = {
            {"{\"cpu_us\":", usage->cpu_us},           {",\"memory_peak_mib\":", usage->memory_peak_mib},
            {",\"gpu_busy_us\":", usage->gpu_busy_us}, {",\"gpu_memory_peak_mib\":", usage->gpu_memory_peak_mib},
            {",\"energy_mj\":", usage->energy_mj},
        };
        for (unsigned i = 0; i < sizeof sums / sizeof sums[0]; i++) {
            dure_buf_str(buf, sums[i].name);
            print_u64(buf, sums[i].value);
        }
        dure_buf_str(buf, "}");
        break;
    }
    case DURE_FIELD_PLACES:
    case DURE_FIELD_STARTS:
    case DURE_FIELD_NODES:
    case DURE_FIELD_BINDINGS:
    case DURE_FIELD_DEPS: print_rows(buf, field, base); break;
    case DURE_FIELD_SUBMIT:
        dure_buf_str(buf, "{");
        print_map(buf, dure_job_field_table, dure_job_field_count, UINT64_MAX, at);
        dure_buf_str(buf, "}");
        break;
    default: print_number(buf, field, base); break;
    }
}

static void print_map(struct dure_buf *buf, const struct dure_field *table, unsigned count, uint64_t keys,
                      const void *base)
{
    bool first = buf->length > 0 && buf->data[buf->length - 1] == '{';
    for (unsigned i = 0; i < count; i++) {
        if ((keys & DURE_KEY(table[i].key)) == 0 || dure_record_field_absent(&table[i], base))
            continue;
        dure_buf_printf(buf, "%s\"%s\":", first ? "" : ",", table[i].name);
        print_value(buf, &table[i], base);
        first = false;
    }
}

void dure_record_print(const struct dure_record *record, struct dure_buf *buf)
{
    char time[DURE_TIME_TEXT_MAX];
    dure_buf_printf(buf, "{\"kind\":\"%s\",\"time\":\"%s\",\"term\":", dure_record_kind_name(record->kind),
                    dure_time_format_utc(record->time_us, time));
    print_u64(buf, record->term);
    print_map(buf, dure_record_field_table, dure_record_field_count, dure_record_keys(record->kind), record);
    dure_buf_str(buf, "}");
}
