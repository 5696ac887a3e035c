/* Logins by principal and back. */
#include <string.h>

#include "loop/internal.h"

enum { LOGINS_MAX = 1 << 24 };

struct login_entry {
    UT_hash_handle hh;
    struct dure_principal_id principal;
    char login[];
};

const char *dure_loop_login(const struct dure_loop *loop, struct dure_principal_id principal)
{
    return principal.v < loop->login_count && loop->logins[principal.v] != NULL ? loop->logins[principal.v] : "";
}

bool dure_loop_principal_find(const struct dure_loop *loop, const char *login, struct dure_principal_id *ret_principal)
{
    struct login_entry *entry;
    HASH_FIND_STR(loop->by_login, login, entry);
    if (entry == NULL)
        return false;
    *ret_principal = entry->principal;
    return true;
}

static bool grow(struct dure_loop *loop, uint32_t index)
{
    if (index < loop->login_count)
        return true;
    uint32_t count = loop->login_count == 0 ? 64 : loop->login_count;
    while (count <= index)
        count *= 2;
    char **logins = realloc(loop->logins, count * sizeof *logins);
    if (logins == NULL)
        return false;
    memset(logins + loop->login_count, 0, (count - loop->login_count) * sizeof *logins);
    loop->logins = logins;
    loop->login_count = count;
    return true;
}

static void forget(struct dure_loop *loop, struct dure_principal_id principal)
{
    char *old = loop->logins[principal.v];
    struct login_entry *entry;
    if (old == NULL)
        return;
    HASH_FIND_STR(loop->by_login, old, entry);
    if (entry != NULL && entry->principal.v == principal.v) {
        HASH_DEL(loop->by_login, entry);
        free(entry);
    }
    free(old);
    loop->logins[principal.v] = NULL;
}

enum dure_err dure_loop_principal_put(struct dure_loop *loop, struct dure_principal_id principal, const char *login)
{
    if (principal.v >= LOGINS_MAX)
        return DURE_E_LIMIT;
    size_t length = strlen(login);
    char *copy = strdup(login);
    struct login_entry *entry = calloc(1, sizeof *entry + length + 1);
    if (copy == NULL || entry == NULL || !grow(loop, principal.v)) {
        free(copy);
        free(entry);
        return DURE_E_MEMORY;
    }
    forget(loop, principal);
    if (length == 0) { /* erased: the number stays, the name is gone */
        free(copy);
        free(entry);
        return DURE_OK;
    }
    memcpy(entry->login, login, length);
    entry->principal = principal;
    loop->logins[principal.v] = copy;
    HASH_ADD_STR(loop->by_login, login, entry);
    return DURE_OK;
}

void logins_free(struct dure_loop *loop)
{
    for (uint32_t i = 0; i < loop->login_count; i++)
        forget(loop, (struct dure_principal_id){i});
    free(loop->logins);
}
