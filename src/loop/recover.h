#pragma once
/* Recovery, audit and following: a core from a snapshot and the journal's tail. */
#include "core/core.h"
#include "journal/journal.h"

struct dure_recovery {
    struct dure_core *core;
    uint64_t size;          /* leaves applied */
    uint64_t from_snapshot; /* leaves the snapshot stood for; 0: none */
    uint64_t records, seconds_us;
    char note[512]; /* a discarded snapshot and why; "" else */
};
/* `directory` for snapshots; NULL: from the first leaf. The digest of every stored transaction is compared: E_DIVERGED names the sequence. */
DURE_NODISCARD enum dure_err dure_recover(struct dure_journal *journal, const char *directory,
                                          struct dure_recovery *ret_recovery,
                                          void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
                                          struct dure_error *error);

/* Audit: steps every input on a fresh core and compares each emitted decision with the stored leaf. Feed leaves in order, from anywhere (file, HTTP). */
struct dure_audit;
struct dure_audit_result {
    uint64_t leaves, inputs, decisions,
        skipped; /* stretches decided by another core version: applied, not recomputed */
    uint64_t first_bad;
    char text[1024];
};
DURE_NODISCARD enum dure_err dure_audit_new(struct dure_audit **ret_audit);
void dure_audit_free(struct dure_audit *audit);
/* For who wants to watch: each input before it is stepped, each decision as the core makes it (of stretches that another version decided: as it is applied). */
void dure_audit_hear(struct dure_audit *audit,
                     void (*heard)(void *context, const struct dure_record *record, bool decided), void *context);
struct dure_core *dure_audit_core(struct dure_audit *audit); /* the audit's own, to look at */
/* E_DIVERGED: this leaf is not what the rules decide; the result names it. */
DURE_NODISCARD enum dure_err dure_audit_leaf(struct dure_audit *audit, uint64_t sequence, const void *leaf,
                                             size_t length, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_audit_digest(struct dure_audit *audit, struct dure_digest stored,
                                               struct dure_error *error); /* at a transaction's end */
void dure_audit_result(const struct dure_audit *audit, struct dure_audit_result *ret_result);
