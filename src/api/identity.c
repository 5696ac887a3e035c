/* uid → login → principal → roles, kept per uid; looked up again when roles changed or a minute has passed. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "api/inner.h"
#include "base/text.h"

enum { IDENTITIES_MAX = 65536, ENTRY_BYTES = 16384, LOOKUP_SECONDS = 60 };

static void find_login(struct identity *who)
{
    struct passwd entry, *found = NULL;
    char *bytes = malloc(ENTRY_BYTES);

    snprintf(who->login, sizeof who->login, "uid:%u", who->uid);
    if (bytes != NULL && getpwuid_r(who->uid, &entry, bytes, ENTRY_BYTES, &found) == 0 && found != NULL &&
        strlen(found->pw_name) <= LOGIN_MAX)
        dure_text_copy(who->login, sizeof who->login, found->pw_name);
    free(bytes);
}

/* One whose login was erased can never come back: they do not count. */
bool identity_any_operator(const struct dure_api *api, const struct dure_tenants *tenants)
{
    for (uint32_t i = 0; tenants != NULL && i < tenants->role_count; i++)
        if (tenants->roles[i].role == DURE_ROLE_OPERATOR &&
            (api->loop == NULL || *dure_loop_login(api->loop, tenants->roles[i].principal) != '\0'))
            return true;
    return false;
}

static void find_roles(struct dure_api *api, struct identity *who)
{
    const struct dure_tenants *tenants = api->core != NULL ? dure_core_tenants(api->core) : NULL;

    who->is_operator = who->is_auditor = false;
    who->member_of.count = who->owner_of.count = 0;
    who->principal.v = DURE_NONE32;
    if (api->loop != NULL && !dure_loop_principal_find(api->loop, who->login, &who->principal))
        who->principal.v = DURE_NONE32;
    /* Where nobody is named operator, the one who runs the daemon is, and root: someone must be able to name one. */
    if (!identity_any_operator(api, tenants) && (who->uid == api->host.uid || who->uid == 0))
        who->is_operator = true;
    for (uint32_t i = 0; tenants != NULL && who->principal.v != DURE_NONE32 && i < tenants->role_count; i++) {
        const struct dure_role_row *row = &tenants->roles[i];
        if (row->principal.v != who->principal.v)
            continue;
        if (row->role == DURE_ROLE_OPERATOR)
            who->is_operator = true;
        else if (row->role == DURE_ROLE_AUDITOR)
            who->is_auditor = true;
        else if (row->role == DURE_ROLE_MEMBER)
            (void)DURE_VEC_PUSH(&who->member_of, row->tenant, DURE_ROLES_MAX);
        else
            (void)DURE_VEC_PUSH(&who->owner_of, row->owner, DURE_ROLES_MAX);
    }
}

struct identity *identity_of(struct dure_api *api, const struct dure_http_peer *peer, struct dure_error *error)
{
    struct identity *who = NULL;
    uint32_t uid = peer->uid;
    int64_t now = api->host.now_us(api->host.context);

    if (!peer->known) {
        dure_fail(error, DURE_E_DENIED, "who you are is not known on this connection");
        return NULL;
    }
    HASH_FIND(hh, api->identities, &uid, sizeof uid, who);
    if (who == NULL) {
        if (HASH_COUNT(api->identities) >= IDENTITIES_MAX || (who = calloc(1, sizeof *who)) == NULL) {
            dure_fail(error, DURE_E_DENIED, "too many users at once");
            return NULL;
        }
        who->uid = uid;
        who->generation = UINT64_MAX;
        HASH_ADD(hh, api->identities, uid, sizeof who->uid, who);
    }
    if (who->generation == api->generation && now >= who->looked_up_us &&
        now - who->looked_up_us < LOOKUP_SECONDS * DURE_SECOND_US)
        return who;
    find_login(who);
    find_roles(api, who);
    who->looked_up_us = now;
    who->generation = api->generation;
    return who;
}

void identity_forget_all(struct dure_api *api)
{
    struct identity *who, *next;

    HASH_ITER(hh, api->identities, who, next)
    {
        HASH_DEL(api->identities, who);
        DURE_VEC_FREE(&who->member_of);
        DURE_VEC_FREE(&who->owner_of);
        free(who);
    }
}

bool identity_may(const struct identity *who, enum access access)
{
    switch (access) {
    case ACCESS_ANY: return true;
    case ACCESS_MEMBER: return who->is_operator || who->member_of.count > 0;
    case ACCESS_OPERATOR: return who->is_operator;
    case ACCESS_NODES: return who->is_operator || who->owner_of.count > 0;
    }
    return false;
}

bool identity_is_member(const struct dure_api *api, const struct identity *who, struct dure_tenant_id tenant)
{
    const struct dure_tenants *tenants = dure_core_tenants(api->core);

    for (size_t i = 0; tenants != NULL && i < who->member_of.count; i++)
        if (tenant.v < tenants->tenant_count && dure_tenants_within(tenants, tenant, who->member_of.at[i]))
            return true;
    return false;
}

bool identity_sees(const struct dure_api *api, const struct identity *who, struct dure_tenant_id tenant,
                   struct dure_principal_id principal)
{
    return who->is_operator || who->is_auditor || (principal.v != DURE_NONE32 && principal.v == who->principal.v) ||
           identity_is_member(api, who, tenant);
}

bool identity_owns(const struct identity *who, struct dure_owner_id owner)
{
    for (size_t i = 0; i < who->owner_of.count; i++)
        if (who->owner_of.at[i].v == owner.v)
            return true;
    return false;
}

/* A bucket of one second's worth, as the time at which it would be full: one number, no floats. */
bool rate_take(struct identity *who, unsigned per_second, int64_t now_us)
{
    int64_t cost_ns = INT64_C(1000000000) / per_second;
    int64_t now_ns = now_us * 1000;
    int64_t busy_until = who->busy_until_ns;

    if (busy_until < now_ns || busy_until > now_ns + 2 * INT64_C(1000000000))
        busy_until = now_ns;
    if (busy_until + cost_ns > now_ns + INT64_C(1000000000))
        return false;
    who->busy_until_ns = busy_until + cost_ns;
    return true;
}
