/* What people call a scheduler: an order, a placement, or both. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "sim/policy/order.h"
#include "sim/policy/place.h"
#include "sim/rival/rival.h"

#define OURS "dure"

static const struct dure_turn_policy *order_of(const char *text, size_t length)
{
    for (unsigned i = 0; dure_turn_policies[i]; i++)
        if (strlen(dure_turn_policies[i]->name) == length &&
            strncasecmp(dure_turn_policies[i]->name, text, length) == 0)
            return dure_turn_policies[i];
    return NULL;
}

static const struct dure_place_policy *place_of(const char *text, size_t length)
{
    for (unsigned i = 0; dure_place_policies[i]; i++)
        if (strlen(dure_place_policies[i]->name) == length &&
            strncasecmp(dure_place_policies[i]->name, text, length) == 0)
            return dure_place_policies[i];
    return NULL;
}

static bool ours(const char *text, size_t length)
{
    return length == strlen(OURS) && strncasecmp(text, OURS, length) == 0;
}

static enum dure_err unknown(const char *text, size_t length, struct dure_error *error)
{
    struct dure_buf buf DURE_CLEANUP_BUF = {0};
    dure_buf_init(&buf, 4096);
    dure_buf_str(&buf, "an order (");
    for (unsigned i = 0; dure_turn_policies[i]; i++)
        dure_buf_printf(&buf, "%s%s", i ? ", " : "", dure_turn_policies[i]->name);
    dure_buf_str(&buf, "), a placement (");
    for (unsigned i = 0; dure_place_policies[i]; i++)
        if (dure_place_policies[i] != &dure_place_dure)
            dure_buf_printf(&buf, "%s%s", i ? ", " : "", dure_place_policies[i]->name);
    dure_buf_str(&buf, "), both as in easy+FGD or easy+dure, or dure itself");
    return dure_fail(error, DURE_E_NOT_FOUND, "found '%.*s', expected %s", (int)(length < 60 ? length : 60), text,
                     buf.data ? buf.data : "a policy");
}

enum dure_err dure_rival_parse(const char *text, size_t length, struct dure_rival *ret_rival,
                               char name[DURE_RIVAL_NAME_MAX], struct dure_error *error)
{
    const char *plus = memchr(text, '+', length);
    const size_t first = plus ? (size_t)(plus - text) : length, rest = plus ? length - first - 1 : 0;
    struct dure_rival rival = {.order = order_of(text, first), .place = &dure_place_bestfit};
    if (ours(text, length) || (plus && ours(text, first) && ours(plus + 1, rest))) {
        *ret_rival = (struct dure_rival){0};
        snprintf(name, DURE_RIVAL_NAME_MAX, OURS);
        return DURE_OK;
    }
    if (plus && ours(text, first))
        return dure_fail(
            error, DURE_E_INVALID,
            "found '%.*s', expected dure alone, or another's order, such as easy+%.*s: dure's order and its "
            "places are decided together",
            (int)(length < 60 ? length : 60), text, (int)(rest < 30 ? rest : 30), plus + 1);
    if (plus)
        rival.place = place_of(plus + 1, rest);
    if (!plus && !rival.order) {
        rival.order = &dure_turn_easy;
        rival.place = place_of(text, length);
    }
    if (!rival.order || !rival.place)
        return unknown(text, length, error);
    snprintf(name, DURE_RIVAL_NAME_MAX, "%s+%s", rival.order->name, rival.place->name);
    *ret_rival = rival;
    return DURE_OK;
}

struct dure_rival dure_rival_by_quotas(void)
{
    return (struct dure_rival){.order = &dure_turn_fifo, .place = &dure_place_bestfit, .quotas = true};
}
