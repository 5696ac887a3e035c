/* Recovery, on the store's thread: the journal, the core, then what the loop keeps beside it. The owner serves /healthz meanwhile. */
#include <string.h>

#include "base/timefmt.h"
#include "dured/daemon.h"

static void progress(void *context, uint64_t done, uint64_t total)
{
    struct daemon *daemon = context;

    atomic_store(&daemon->recovered.done, done);
    atomic_store(&daemon->recovered.total, total);
    if (done < total)
        log_line(LOG_LEVEL_INFO, "recovering: %llu of %llu records (%llu %%)", (unsigned long long)done,
                 (unsigned long long)total, (unsigned long long)(total > 0 ? done * 100 / total : 100));
}

static bool take_login(void *context, uint64_t id, const void *bytes, size_t length)
{
    struct daemon *daemon = context;
    struct recovered *recovered = &daemon->recovered;
    struct dure_body *body = NULL;

    recovered->err = dure_body_decode(bytes, length, &body, &recovered->error);
    if (recovered->err == DURE_OK)
        recovered->err = dure_loop_principal_put(daemon->loop, (struct dure_principal_id){(uint32_t)id},
                                                 dure_body_text(body, DURE_BODY_LOGIN));
    dure_body_free(body);
    return recovered->err == DURE_OK;
}

static bool take_idem(void *context, const struct dure_idem_row *row)
{
    struct daemon *daemon = context;

    daemon->recovered.err = dure_loop_idem_put(daemon->loop, row);
    return daemon->recovered.err == DURE_OK;
}

static bool take_signer(void *context, uint64_t size, const uint8_t public_key[32], const char *note)
{
    struct daemon *daemon = context;

    (void)size;
    (void)note;
    memcpy(&daemon->recovered.instance, public_key, sizeof daemon->recovered.instance);
    return false; /* the first is the journal's own, whoever signs later */
}

static enum dure_err make_loop(struct daemon *daemon)
{
    struct dure_loop_options options = {.core = daemon->core,
                                        .size = daemon->recovered.recovery.size,
                                        .term = dure_core_term(daemon->core) + 1,
                                        .clock_jump_max_us = 5 * DURE_SECOND_US};

    world_make(daemon, &options.world);
    return dure_loop_new(&options, &daemon->loop);
}

static enum dure_err recover(struct daemon *daemon, struct store *store)
{
    struct recovered *recovered = &daemon->recovered;
    struct dure_journal_options options = {.directory = daemon->options.state,
                                           .origin = daemon->options.origin,
                                           .create = true,
                                           .new_key = daemon->options.new_key};
    enum dure_err err;

    err = dure_journal_open(&options, &store->journal, &recovered->error);
    if (err == DURE_OK)
        err = dure_recover(store->journal, daemon->options.state, &recovered->recovery, progress, daemon,
                           &recovered->error);
    if (err != DURE_OK)
        return err;
    daemon->core = recovered->recovery.core;
    err = dure_journal_signers(store->journal, take_signer, daemon, &recovered->error);
    if (err == DURE_OK)
        err = make_loop(daemon);
    if (err == DURE_OK)
        err = dure_journal_bodies(store->journal, DURE_BODY_OF_PRINCIPAL, take_login, daemon, &recovered->error);
    if (err == DURE_OK)
        err = recovered->err;
    if (err == DURE_OK)
        err = dure_journal_idems(store->journal, wall_us(NULL) - DURE_DAY_US, take_idem, daemon, &recovered->error);
    return err != DURE_OK ? err : recovered->err;
}

void recovery_run(struct store *store)
{
    struct daemon *daemon = store->context;
    struct recovered *recovered = &daemon->recovered;

    recovered->err = recover(daemon, store);
    if (recovered->err != DURE_OK && recovered->error.text[0] == '\0')
        dure_fail(&recovered->error, recovered->err, "after recovery: %s", dure_err_sentence(recovered->err));
    atomic_store(&recovered->finished, true);
}
