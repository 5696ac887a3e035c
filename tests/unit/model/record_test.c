/* Records: what is written reads back the same, libcbor agrees that it is CBOR, and nothing but the one encoding is accepted. */
#include <cbor.h>
#include <string.h>

#include "model/cbor.h"
#include "model/record.h"
#include "model/record_fields.h"
#include "tap.h"

static struct dure_place places[3];
static struct dure_binding bindings[2];

static uint32_t id32(uint64_t *seed)
{
    return tap_random_below(seed, 3) == 0 ? DURE_NONE32 : (uint32_t)tap_random_below(seed, 1u << 20);
}

static void random_job(uint64_t *seed, struct dure_job *job)
{
    job->tenant.v = id32(seed);
    job->principal.v = id32(seed);
    job->job_class = (enum dure_job_class)tap_random_below(seed, 2);
    job->tasks = (uint32_t)tap_random_below(seed, 300);
    job->task_gpus = (uint32_t)tap_random_below(seed, 9);
    job->task_gpu_milli = (uint32_t)tap_random_below(seed, 1001);
    job->model_mask = tap_random_below(seed, 2) == 0 ? 0 : tap_random(seed);
    job->level = tap_random_below(seed, 2) == 0 ? "" : "rack";
    job->level_required = tap_random_below(seed, 2) != 0;
    job->walltime_us = (int64_t)tap_random_below(seed, 1u << 30);
    job->begin_us = tap_random_below(seed, 2) == 0 ? INT64_MIN : (int64_t)tap_random(seed);
    job->priority = (int32_t)tap_random_below(seed, 2001) - 1000;
    job->requeue = tap_random_below(seed, 2) != 0;
    job->array_count = (uint32_t)tap_random_below(seed, 5);
    job->dep_count = (uint32_t)tap_random_below(seed, 3);
    for (uint32_t i = 0; i < job->dep_count; i++)
        job->deps[i] = (struct dure_dep){.job = {i + 1}, .kind = (enum dure_dep_kind)i};
    static struct dure_node_run runs[2][3];
    for (unsigned k = 0; k < 6; k++)
        runs[k / 3][k % 3] = (struct dure_node_run){k % 3 * 100 + (uint32_t)tap_random_below(seed, 40),
                                                    1 + (uint32_t)tap_random_below(seed, 50)};
    job->include = (struct dure_node_runs){runs[0], (uint32_t)tap_random_below(seed, 4)};
    job->exclude = (struct dure_node_runs){runs[1], (uint32_t)tap_random_below(seed, 4)};
    job->spread_level = tap_random_below(seed, 2) == 0 ? "" : "node";
    job->spread_max = (uint32_t)tap_random_below(seed, 3);
    job->model_order = tap_random_below(seed, 2) == 0 ? 0 : tap_random(seed);
    job->mig = tap_random_below(seed, 2) == 0 ? "" : "1g.23gb";
    job->commitment_length = tap_random_below(seed, 2) == 0 ? 0 : 32;
    if (job->commitment_length > 0)
        memset(job->commitment, (int)tap_random_below(seed, 256), 32);
}

/* Every field gets a value; the encoder keeps those that the kind carries. */
static void random_record(uint64_t *seed, enum dure_record_kind kind, struct dure_record *record)
{
    dure_record_init(record, kind, tap_random_below(seed, 100), (int64_t)tap_random(seed));
    record->job.v = tap_random_below(seed, 2) == 0 ? DURE_NONE64 : tap_random(seed) >> 1;
    record->element = id32(seed);
    record->attempt.v = tap_random_below(seed, 1000);
    record->node.v = id32(seed);
    record->allot.v = id32(seed);
    record->principal.v = id32(seed);
    record->count = (uint32_t)tap_random_below(seed, 3);
    record->number = (int64_t)tap_random_below(seed, 3) - 1;
    record->deadline_us = (int64_t)tap_random_below(seed, 1u << 31);
    record->cause = (enum dure_cause)tap_random_below(seed, 12);
    record->report = DURE_REPORT_ENDED;
    record->state = DURE_JOB_FAILED;
    record->exit_code = (int32_t)tap_random_below(seed, 256);
    record->exit_signal = (int32_t)tap_random_below(seed, 3) - 1;
    record->usage.cpu_us = tap_random(seed);
    record->commitment_length = 32;
    memset(record->commitment, 7, 32);
    if (tap_random_below(seed, 2) != 0)
        memcpy(record->reason, "fan \"broken\"", 13);
    record->text = "{\"kind\":\"Fleet\"}";
    record->text_length = strlen(record->text);
    for (unsigned i = 0; i < 3; i++)
        places[i] = (struct dure_place){
            .node_first = i * 10, .node_count = i + 1, .gpu_mask = UINT64_MAX >> i, .tasks = i, .gpu_milli = 1000};
    for (unsigned i = 0; i < 3 && tap_random_below(seed, 2) != 0; i++)
        places[i].starts = (uint16_t)tap_random_below(seed, 65536);
    record->places = places;
    record->place_count = (uint32_t)tap_random_below(seed, 4);
    for (unsigned i = 0; i < 2; i++)
        bindings[i] = (struct dure_binding){.allot = {i}, .virtual_index = i, .cell_index = 3, .is_new = i};
    record->bindings = bindings;
    record->binding_count = (uint32_t)tap_random_below(seed, 3);
    random_job(seed, &record->submit);
}

static const enum dure_record_kind kinds[] = {
#define X(name, number, text, input) DURE_REC_##name,
    DURE_RECORDS(X)
#undef X
};

static void round_trips(uint64_t *seed)
{
    struct dure_arena *arena = dure_arena_new(1 << 20);
    struct dure_buf once, again, text;
    unsigned same = 0, cbor_agrees = 0, printed = 0, rounds = 0;

    dure_buf_init(&once, 1 << 20);
    dure_buf_init(&again, 1 << 20);
    dure_buf_init(&text, 1 << 20);
    for (unsigned round = 0; round < 60; round++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++, rounds++) {
            struct dure_record record, back;
            random_record(seed, kinds[k], &record);
            dure_buf_clear(&once);
            dure_buf_clear(&again);
            dure_buf_clear(&text);
            dure_arena_reset(arena);
            if (dure_record_encode(&record, &once) &&
                dure_record_decode(once.data, once.length, arena, &back, NULL) == DURE_OK &&
                dure_record_encode(&back, &again) && again.length == once.length &&
                memcmp(again.data, once.data, once.length) == 0)
                same++;
            struct cbor_load_result result;
            cbor_item_t *item = cbor_load((const unsigned char *)once.data, once.length, &result);
            cbor_agrees +=
                item != NULL && result.read == once.length && cbor_isa_array(item) && cbor_array_size(item) == 5;
            if (item != NULL)
                cbor_decref(&item);
            dure_record_print(&record, &text);
            printed += !text.failed && text.data[0] == '{' && text.data[text.length - 1] == '}';
        }
    TAP_EQ_UINT(same, rounds, "every kind reads back and encodes the same");
    TAP_EQ_UINT(cbor_agrees, rounds, "libcbor reads every record whole");
    TAP_EQ_UINT(printed, rounds, "every record prints");
    dure_buf_release(&once);
    dure_buf_release(&again);
    dure_buf_release(&text);
    dure_arena_free(arena);
}

/* Any single changed, dropped or added byte is either refused or is another record with its own one encoding. */
static void one_encoding_only(uint64_t *seed)
{
    struct dure_arena *arena = dure_arena_new(1 << 24);
    struct dure_buf bytes, again;
    unsigned tried = 0, sound = 0;

    dure_buf_init(&bytes, 1 << 20);
    dure_buf_init(&again, 1 << 20);
    for (unsigned round = 0; round < 4000; round++) {
        struct dure_record record, back;
        random_record(seed, kinds[round % (sizeof kinds / sizeof kinds[0])], &record);
        dure_buf_clear(&bytes);
        if (!dure_record_encode(&record, &bytes))
            continue;
        bytes.data[tap_random_below(seed, bytes.length)] ^= (char)(1 << tap_random_below(seed, 8));
        size_t length = bytes.length - tap_random_below(seed, 2);
        dure_arena_reset(arena);
        tried++;
        if (dure_record_decode(bytes.data, length, arena, &back, NULL) != DURE_OK) {
            sound++;
            continue;
        }
        dure_buf_clear(&again);
        sound +=
            dure_record_encode(&back, &again) && again.length == length && memcmp(again.data, bytes.data, length) == 0;
    }
    TAP_EQ_UINT(sound, tried, "a damaged record is refused or is another record's one encoding");
    dure_buf_release(&bytes);
    dure_buf_release(&again);
    dure_arena_free(arena);
}

static void refused_forms(void)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *what;
    } rows[] = {
        {"", 0, "nothing"},
        {"\x85\x01\x11\x00\x00\xa0", 6, NULL}, /* a tick: the form that is right */
        {"\x85\x01\x11\x00\x00\xa0\x00", 7, "a byte too many"},
        {"\x85\x02\x11\x00\x00\xa0", 6, "another form"},
        {"\x85\x01\x18\xc8\x00\x00\xa0", 7, "an unknown kind"},
        {"\x85\x01\x18\x11\x00\x00\xa0", 7, "a kind not in its shortest form"},
        {"\x85\x01\x11\x00\x00\xa1\x08\x01", 8, "a field that a tick does not carry"},
        {"\x85\x01\x12\x00\x00\xa1\x08\x00", 8, "a zero that should be absent"},
        {"\x9f\x01\x11\x00\x00\xa0\xff", 7, "an array without a length"},
        {"\x84\x01\x11\x00\x00", 5, "four items"},
        {"\x85\x01\x18\x40\x00\x00\xa1\x13\x9a\xff\xff\xff\xff", 13, "a count of places beyond the bytes"},
        {"\x85\x01\x06\x00\x00\xa1\x15\xa1\x18\x1d\x84\x00\x01\x02\x01", 15, NULL},
        {"\x85\x01\x06\x00\x00\xa1\x15\xa1\x18\x1d\x84\x00\x01\x01\x01", 15, "runs of nodes that touch"},
        {"\x85\x01\x06\x00\x00\xa1\x15\xa1\x18\x1d\x83\x00\x01\x02", 14, "half a run of nodes"},
        {"\x85\x01\x06\x00\x00\xa1\x15\xa1\x18\x1e\x82\x00\x00", 13, "a run of no nodes"},
        {"\x85\x01\x18\x40\x00\x00\xa2\x13\x85\x00\x01\x01\x01\x18\x7d\x18\x1e\x81\x01", 19, NULL},
        {"\x85\x01\x18\x40\x00\x00\xa2\x13\x85\x00\x01\x01\x01\x18\x7d\x18\x1e\x81\x00", 19,
         "starts that should be absent"},
        {"\x85\x01\x18\x40\x00\x00\xa2\x13\x85\x00\x01\x01\x01\x18\x7d\x18\x1e\x82\x01\x02", 20,
         "more starts than places"},
        {"\x85\x01\x18\x40\x00\x00\xa1\x18\x1e\x81\x01", 11, "starts without places"},
        {"\xa0", 1, "a map"},
    };
    struct dure_arena *arena = dure_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dure_record record;
        struct dure_error error = {0};
        enum dure_err err = dure_record_decode(rows[i].bytes, rows[i].length, arena, &record, &error);
        if (rows[i].what == NULL)
            TAP_EQ_INT(err, DURE_OK, "the form that is right is read");
        else
            TAP_OK(err == DURE_E_CORRUPT && error.text[0] != '\0', "refused: %s", rows[i].what);
    }
    dure_arena_free(arena);
}

struct leaf_list {
    struct dure_buf at[8];
    unsigned count;
};

static bool collect(void *context, const void *bytes, size_t length)
{
    struct leaf_list *list = context;
    if (list->count == 8 || length > DURE_LEAF_MAX)
        return false;
    dure_buf_init(&list->at[list->count], DURE_LEAF_MAX);
    dure_buf_add(&list->at[list->count], bytes, length);
    return !list->at[list->count++].failed;
}

static void long_records(void)
{
    static char text[150000];
    struct leaf_list list = {0};
    struct dure_leaves_join join = {0};
    struct dure_record record;
    struct dure_buf bytes;
    const void *whole = NULL;
    size_t length = 0;
    struct dure_error error = {0};

    memset(text, 'x', sizeof text);
    dure_record_init(&record, DURE_REC_FLEET, 1, 1);
    record.text = text;
    record.text_length = sizeof text;
    dure_buf_init(&bytes, 1 << 20);
    TAP_OK(dure_record_encode(&record, &bytes) && dure_leaves_cut(bytes.data, bytes.length, collect, &list),
           "a long record is cut");
    TAP_EQ_UINT(list.count, 4, "a head and three chunks");
    int last = 0;
    for (unsigned i = 0; i < list.count; i++)
        last = dure_leaves_join_next(&join, list.at[i].data, list.at[i].length, &whole, &length, &error);
    TAP_OK(last == 1 && length == bytes.length && memcmp(whole, bytes.data, length) == 0, "and joined");

    TAP_EQ_INT(dure_leaves_join_next(&join, list.at[1].data, list.at[1].length, &whole, &length, &error),
               DURE_E_CORRUPT, "a chunk without its head");
    TAP_EQ_INT(dure_leaves_join_next(&join, list.at[0].data, list.at[0].length, &whole, &length, &error), 0,
               "a head begins");
    TAP_EQ_INT(dure_leaves_join_next(&join, list.at[2].data, list.at[2].length, &whole, &length, &error),
               DURE_E_CORRUPT, "a chunk out of order");
    TAP_EQ_INT(dure_leaves_join_next(&join, "\x85\x01\x11\x00\x00\xa0", 6, &whole, &length, &error), DURE_E_CORRUPT,
               "a record inside a long one");
    for (unsigned i = 0; i < list.count; i++)
        dure_buf_release(&list.at[i]);
    dure_buf_release(&join.whole);
    dure_buf_release(&bytes);
}

static void tables(void)
{
    bool ascending = true, kinds_named = true;
    for (unsigned i = 1; i < dure_record_field_count; i++)
        ascending = ascending && dure_record_field_table[i].key > dure_record_field_table[i - 1].key;
    for (unsigned i = 1; i < dure_job_field_count; i++)
        ascending = ascending && dure_job_field_table[i].key > dure_job_field_table[i - 1].key;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        kinds_named = kinds_named && dure_record_kind_known(kinds[k]) &&
                      strcmp(dure_record_kind_name(kinds[k]), "unknown") != 0 &&
                      dure_record_is_input(kinds[k]) == (kinds[k] < 64);
    TAP_OK(ascending, "keys ascend in both tables");
    TAP_OK(kinds_named, "every kind has a name, fields and a side");
    TAP_OK(!dure_record_kind_known((enum dure_record_kind)63), "63 is no kind");
}

int main(void)
{
    uint64_t seed = tap_seed(20260301);
    tables();
    round_trips(&seed);
    one_encoding_only(&seed);
    refused_forms();
    long_records();
    return tap_done();
}
