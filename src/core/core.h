#pragma once
/* The core: who gets which GPUs when. A function of its records: no I/O, no clock, no randomness, integers only, one thread.
 *
 * step(input) = apply(input), then decide: every decision is applied as it is emitted. Recovery applies stored records without deciding;
 * audit steps the stored inputs and compares what is emitted, byte for byte. Time comes in records and never decreases.
 * Owns its memory. Every pointer handed out lives until the next call that changes state. */
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "model/data.h"
#include "model/power.h"
#include "model/record.h"
#include "model/tenants.h"

enum { DURE_CORE_VERSION = 2, DURE_JOBS_LIVE_MAX = 4000000, DURE_PASS_STARTS_MAX = 4096, DURE_CORE_EXPECTED = 4 };

struct dure_core;

DURE_NODISCARD enum dure_err dure_core_new(struct dure_core **ret_core);
void dure_core_free(struct dure_core *core);

/* Receives each decision as it is made; what the record points to lives until the call returns. */
typedef void (*dure_emit_fn)(void *context, const struct dure_record *decision);

/* Applies one input and decides. An illegal input has no effect, is not to be journaled, and returns why (E_NEVER with the proof in words
 * for a job that can never run). A SUBMIT's job id is dure_core_next_job() before the call. */
DURE_NODISCARD enum dure_err dure_core_step(struct dure_core *core, const struct dure_record *input, dure_emit_fn emit,
                                            void *context, struct dure_error *error);
/* This input is stepped next (`after` 1), or after others, DURE_CORE_EXPECTED at most: what it needs starts on its way from memory. To be told of each
 * at every distance, as it comes nearer: what is fetched at one says what is to be fetched at the next. */
void dure_core_expect(const struct dure_core *core, const struct dure_record *input, unsigned after);
/* The legality of an input alone: what step would return, without effect. */
DURE_NODISCARD enum dure_err dure_core_check(const struct dure_core *core, const struct dure_record *input,
                                             struct dure_error *error);
/* Replay: applies an input or a decision without deciding. E_CORRUPT: the record contradicts the state. */
DURE_NODISCARD enum dure_err dure_core_apply(struct dure_core *core, const struct dure_record *record,
                                             struct dure_error *error);

bool dure_core_wants_pass(const struct dure_core *core);          /* something changed that a pass could use */
int64_t dure_core_next_deadline_us(const struct dure_core *core); /* DURE_NEVER_US: none. A TICK is due then */
int64_t dure_core_time_us(const struct dure_core *core);
uint64_t dure_core_term(const struct dure_core *core);
struct dure_job_id dure_core_next_job(const struct dure_core *core);
uint64_t dure_core_next_booking(const struct dure_core *core); /* the number of the next maintenance */
struct dure_principal_id dure_core_next_principal(const struct dure_core *core);

struct dure_digest dure_core_digest(
    const struct dure_core *core); /* incremental: O(jobs and tenants that changed since it was asked for last) */
struct dure_digest dure_core_digest_full(const struct dure_core *core); /* recomputed over everything */

/* Snapshots: deterministic bytes, written in chunks; loading validates and recomputes the digest. E_VERSION: another core's. */
DURE_NODISCARD enum dure_err dure_core_save(const struct dure_core *core,
                                            bool (*write)(void *context, const void *bytes, size_t length),
                                            void *context);
DURE_NODISCARD enum dure_err dure_core_load(const void *bytes, size_t length, struct dure_core **ret_core,
                                            struct dure_error *error);

/* What a job on every GPU of its fleet takes, in bytes, 512 MiB at most: for whoever has memory ready before it is asked for. */
size_t dure_core_room(const struct dure_core *core);

const struct dure_fleet *dure_core_fleet(const struct dure_core *core);     /* NULL before a FLEET record */
const struct dure_tenants *dure_core_tenants(const struct dure_core *core); /* NULL before TENANTS. Without logins */
const struct dure_power *dure_core_power(const struct dure_core *core);     /* NULL: no limits were declared */
const struct dure_data *dure_core_data(const struct dure_core *core);       /* NULL: no datasets were declared */
