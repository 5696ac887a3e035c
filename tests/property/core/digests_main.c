/* usage: core_digests FILE [strict|renamed]
 * Steps the inputs of a history (what history_test writes to $DURE_HISTORY: u32 length and a record, again and again; a length of 0 begins anew) through
 * the core, and prints the digest of the state and a hash of all that was decided, every thousand records and at each end. With `strict` the decisions in the file must come
 * again: they were made by a core that was at times saved, and loaded into another. With
 * `renamed` all nodes have other names: nothing else may change. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

enum {
    RECORD_MAX = 64 << 20,
    FILE_MAX = 1 << 30,
    EVERY = 1000,
    SPECS = 2 /* the first inputs, whose decisions are not in the file */
};

struct player {
    struct dure_core *core;
    struct dure_buf decision;
    const char *at, *end; /* what is left of the file */
    bool strict, renamed;
    uint64_t inputs, records, told, decisions_hash;
};

static void fail(const char *what)
{
    fprintf(stderr, "core_digests: %s\n", what);
    exit(1);
}

/* The next record of the file; false: there is none, or a new history begins. */
static bool take(struct player *player, const char **ret_bytes, uint32_t *ret_length)
{
    uint32_t length;
    if (player->end - player->at < (ptrdiff_t)sizeof length)
        return false;
    memcpy(&length, player->at, sizeof length);
    if (length > player->end - player->at - (ptrdiff_t)sizeof length)
        fail("the history ends inside a record");
    player->at += sizeof length;
    *ret_bytes = player->at;
    *ret_length = length;
    player->at += length;
    return length > 0;
}

static void expect(struct player *player, const struct dure_record *decision)
{
    const char *bytes;
    uint32_t length;
    if (take(player, &bytes, &length) && length == player->decision.length &&
        memcmp(bytes, player->decision.data, length) == 0)
        return;
    fprintf(stderr,
            "record %" PRIu64
            ": a core that was saved and loaded decided otherwise than one that was not, which says:\n",
            player->records);
    dure_buf_clear(&player->decision);
    dure_record_print(decision, &player->decision);
    fail(player->decision.data);
}

static void decided(void *context, const struct dure_record *decision)
{
    struct player *player = context;
    dure_buf_clear(&player->decision);
    if (!dure_record_encode(decision, &player->decision))
        fail("a decision cannot be encoded");
    if (player->inputs > SPECS && player->strict)
        expect(player, decision);
    player->decisions_hash =
        dure_hash128(player->decisions_hash, player->decision.data, player->decision.length).lane[0];
    player->records++;
}

static void tell(const struct player *player)
{
    const struct dure_digest state = dure_core_digest(player->core);
    printf("digest %" PRIu64 " %016" PRIx64 "%016" PRIx64 " %016" PRIx64 "\n", player->records, state.lane[0],
           state.lane[1], player->decisions_hash);
}

static void begin(struct player *player)
{
    if (player->core)
        tell(player);
    dure_core_free(player->core);
    player->core = NULL;
    player->inputs = player->records = player->told = player->decisions_hash = 0;
    if (dure_core_new(&player->core) != DURE_OK)
        fail("no core");
}

/* Every node under another name, in another order of the alphabet. The text keeps its length. */
static void rename_nodes(const struct dure_record *fleet)
{
    static const char *const names[][2] = {{"\"st-[", "\"bz-["}, {"\"fi-[", "\"aa-["}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *at = memmem(fleet->text, fleet->text_length, names[i][0], strlen(names[i][0]));
        if (!at)
            fail("the fleet has other nodes than are renamed here");
        memcpy(at, names[i][1], strlen(names[i][1]));
    }
}

static void play(struct player *player, const struct dure_record *record)
{
    struct dure_error error = {0};
    if (record->kind == DURE_REC_FLEET && player->renamed)
        rename_nodes(record);
    if (!dure_record_is_input(record->kind)) {
        if (player->strict)
            fail("a decision of the history does not come again");
        return;
    }
    player->records++;
    player->inputs++;
    if (dure_core_step(player->core, record, decided, player, &error) != DURE_OK && player->strict)
        fail(error.text);
    if (player->records / EVERY == player->told)
        return;
    player->told = player->records / EVERY;
    tell(player);
}

static void read_file(const char *path, struct dure_buf *text)
{
    static char chunk[65536];
    size_t got;
    FILE *file = fopen(path, "re");
    if (!file)
        fail("the history cannot be read");
    dure_buf_init(text, FILE_MAX);
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        dure_buf_add(text, chunk, got);
    if (ferror(file) || text->failed)
        fail("the history cannot be read");
    fclose(file);
}

int main(int argc, char **argv)
{
    struct dure_buf text DURE_CLEANUP_BUF = {0};
    struct dure_arena *arena = dure_arena_new(RECORD_MAX);
    const char *bytes;
    uint32_t length;
    const bool strict = argc == 3 && strcmp(argv[2], "strict") == 0,
               renamed = argc == 3 && strcmp(argv[2], "renamed") == 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !strict && !renamed) || !arena)
        fail("usage: core_digests FILE [strict|renamed]");
    read_file(argv[1], &text);
    struct player player = {.strict = strict, .renamed = renamed, .at = text.data, .end = text.data + text.length};
    dure_buf_init(&player.decision, RECORD_MAX);
    while (player.at < player.end) {
        struct dure_record record;
        struct dure_error error = {0};
        if (!take(&player, &bytes, &length)) {
            begin(&player);
            continue;
        }
        dure_arena_reset(arena);
        if (!player.core || dure_record_decode(bytes, length, arena, &record, &error) != DURE_OK)
            fail(error.text);
        play(&player, &record);
    }
    if (!player.core)
        fail("the history is empty");
    tell(&player);
    dure_core_free(player.core);
    dure_buf_release(&player.decision);
    dure_arena_free(arena);
    return 0;
}
