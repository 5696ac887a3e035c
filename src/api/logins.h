#pragma once
/* Logins of a Tenants spec become principals before the spec is journaled, since no leaf holds a login: each new one gets a PRINCIPAL record. */
#include "loop/loop.h"

/* Makes what is missing and binds the roles. `done` is called exactly once, perhaps before this returns: after DURE_OK the spec's JSON is the one
 * to journal. `tenants` and `fleet` must live until then. */
void dure_logins_bind(struct dure_loop *loop, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                      void (*done)(void *context, enum dure_err err, const char *text), void *context);
/* A PRINCIPAL's body; NULL: out of memory. */
struct dure_body *dure_login_body(const char *login);
