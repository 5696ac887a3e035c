#include "api/logins.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct binding {
    struct dure_loop *loop;
    const struct dure_fleet *fleet;
    struct dure_tenants *tenants;
    struct dure_principal_id *principals; /* parallel to roles */
    struct one_login *ones;
    uint32_t outstanding;
    enum dure_err err;
    char text[512];
    void (*done)(void *context, enum dure_err err, const char *text);
    void *context;
};

struct one_login {
    struct binding *binding;
    uint32_t role; /* first row with this login */
};

struct dure_body *dure_login_body(const char *login)
{
    struct dure_body *body = dure_body_new();

    if (body != NULL && dure_body_set(body, DURE_BODY_LOGIN, login, strlen(login)) != DURE_OK) {
        dure_body_free(body);
        body = NULL;
    }
    return body;
}

static void fail(struct binding *binding, enum dure_err err, const char *text)
{
    if (binding->err != DURE_OK)
        return;
    binding->err = err;
    dure_text_copy(binding->text, sizeof binding->text, text);
}

static void finish(struct binding *binding)
{
    struct dure_tenants *tenants = binding->tenants;

    if (binding->outstanding > 0)
        return;
    for (uint32_t i = 0; i < tenants->role_count && binding->err == DURE_OK; i++)
        if (binding->principals[i].v == DURE_NONE32 &&
            !dure_loop_principal_find(binding->loop, tenants->roles[i].login, &binding->principals[i]))
            fail(binding, DURE_E_STATE, "a login could not be kept; try again");
    if (binding->err == DURE_OK && dure_tenants_bind(tenants, binding->fleet, binding->principals) != DURE_OK)
        fail(binding, DURE_E_MEMORY, "out of memory");
    binding->done(binding->context, binding->err, binding->text);
    free(binding->principals);
    free(binding->ones);
    free(binding);
}

static void on_login(void *context, const struct dure_answer *answer)
{
    struct one_login *one = context;
    struct binding *binding = one->binding;

    if (answer->err != DURE_OK)
        fail(binding, answer->err, answer->text);
    else
        binding->principals[one->role] = answer->principal;
    binding->outstanding--;
    finish(binding);
}

static bool seen_before(const struct dure_tenants *tenants, uint32_t role)
{
    for (uint32_t i = 0; i < role; i++)
        if (strcmp(tenants->roles[i].login, tenants->roles[role].login) == 0)
            return true;
    return false;
}

static void ask_one(struct binding *binding, uint32_t role)
{
    struct dure_body *body = dure_login_body(binding->tenants->roles[role].login);
    struct dure_record record;
    struct dure_input input = {.record = &record,
                               .body = body,
                               .body_kind = DURE_BODY_OF_PRINCIPAL,
                               .answer = on_login,
                               .context = &binding->ones[role]};
    enum dure_err err;

    if (body == NULL) {
        fail(binding, DURE_E_MEMORY, "out of memory");
        return;
    }
    binding->ones[role] = (struct one_login){.binding = binding, .role = role};
    dure_record_init(&record, DURE_REC_PRINCIPAL, 0, 0);
    err = dure_loop_input(binding->loop, &input);
    if (err == DURE_OK)
        binding->outstanding++;
    else
        fail(binding, err, dure_err_sentence(err));
}

void dure_logins_bind(struct dure_loop *loop, const struct dure_fleet *fleet, struct dure_tenants *tenants,
                      void (*done)(void *context, enum dure_err err, const char *text), void *context)
{
    struct binding *binding = calloc(1, sizeof *binding);

    if (binding != NULL) {
        *binding = (struct binding){.loop = loop, .fleet = fleet, .tenants = tenants, .done = done, .context = context};
        binding->principals = calloc(tenants->role_count + 1, sizeof *binding->principals);
        binding->ones = calloc(tenants->role_count + 1, sizeof *binding->ones);
    }
    if (binding == NULL || binding->principals == NULL || binding->ones == NULL) {
        if (binding != NULL) {
            free(binding->principals);
            free(binding->ones);
        }
        free(binding);
        done(context, DURE_E_MEMORY, "out of memory");
        return;
    }
    binding->outstanding = 1; /* this walk itself */
    for (uint32_t i = 0; i < tenants->role_count && binding->err == DURE_OK; i++) {
        if (dure_loop_principal_find(loop, tenants->roles[i].login, &binding->principals[i]))
            continue;
        binding->principals[i].v = DURE_NONE32;
        if (!seen_before(tenants, i))
            ask_one(binding, i);
    }
    binding->outstanding--;
    finish(binding);
}
