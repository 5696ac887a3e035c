#include <stdlib.h>

#include "base/timefmt.h"
#include "dured/daemon.h"

enum { EVERY_SECONDS = 60 };

struct chores {
    struct dure_store_read read; /* first: the store hands this back */
    struct daemon *daemon;
    enum dure_err err;
    struct dure_error error;
};

static void run(struct dure_store_read *read, struct dure_journal *journal)
{
    struct chores *chores = (struct chores *)read;
    uint32_t trimmed = 0;

    chores->err = dure_journal_idem_trim(journal, wall_us(NULL) - DURE_DAY_US, &trimmed, &chores->error);
    if (chores->err == DURE_OK)
        chores->err = dure_journal_publish(journal, &chores->error);
}

static void done(struct dure_store_read *read)
{
    struct chores *chores = (struct chores *)read;

    if (chores->err != DURE_OK)
        log_line(LOG_LEVEL_WARNING, "keeping the journal in order: %s", chores->error.text);
    chores->daemon->chores = NULL;
    free(chores);
}

void chores_consider(struct daemon *daemon)
{
    struct chores *chores;

    if (daemon->seconds % EVERY_SECONDS != 0 || daemon->chores != NULL)
        return;
    chores = calloc(1, sizeof *chores);
    if (chores == NULL)
        return;
    chores->read = (struct dure_store_read){.read = run, .done = done};
    chores->daemon = daemon;
    daemon->chores = chores;
    store_read(&daemon->store, &chores->read);
}
