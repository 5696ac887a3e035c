/* The canonical spec of tenants, made from the structs: rows as they were resolved, instants in UTC, no logins. */
#include "base/timefmt.h"
#include "model/tenants_build.h"

#include <inttypes.h>

static void member_text(struct dure_buf *buf, const char *key, const char *text)
{
    dure_buf_printf(buf, ",\"%s\":", key);
    dure_buf_json(buf, text);
}

static void member_time(struct dure_buf *buf, const char *key, int64_t us)
{
    char text[DURE_TIME_TEXT_MAX];
    if (us != INT64_MIN && us != DURE_NEVER_US)
        member_text(buf, key, dure_time_format_utc(us, text));
}

static void write_tenant(const struct dure_tenants *tenants, const struct dure_fleet *fleet, uint32_t index,
                         struct dure_buf *buf)
{
    const struct dure_tenant *tenant = &tenants->tenants[index];
    bool top = tenant->parent.v == DURE_NONE32;
    dure_buf_str(buf, index ? ",{" : "{");
    if (dure_ceilings_any(&tenant->ceilings)) {
        dure_buf_str(buf, "\"ceilings\":");
        dure_ceilings_to_json(&tenant->ceilings, buf);
        dure_buf_byte(buf, ',');
    }
    dure_buf_str(buf, "\"label\":");
    dure_buf_json(buf, tenant->label);
    member_text(buf, "name", tenant->name);
    if (top && tenant->owner.v != DURE_NONE32)
        member_text(buf, "owner", fleet->owners[tenant->owner.v].name);
    if (!top)
        member_text(buf, "under", tenants->tenants[tenant->parent.v].path);
    dure_buf_printf(buf, ",\"weight\":%" PRIu32 "}", tenant->weight);
}

static void write_allotment(const struct dure_allotment *row, const struct dure_fleet *fleet,
                            const struct dure_tenants *tenants, struct dure_buf *buf)
{
    dure_buf_str(buf, "{\"after\":");
    dure_buf_json(buf, row->after);
    member_text(buf, "chain", fleet->chains[row->chain.v].name);
    dure_buf_printf(buf, ",\"count\":%" PRIu32, row->count);
    member_time(buf, "from", row->from_us);
    dure_buf_printf(buf, ",\"level\":%u", row->level);
    member_text(buf, "name", row->name);
    member_text(buf, "tenant", tenants->tenants[row->tenant.v].path);
    member_time(buf, "until", row->until_us);
    dure_buf_byte(buf, '}');
}

void dure_allotments_to_json(const struct dure_allotment *rows, uint32_t count, const struct dure_fleet *fleet,
                             const struct dure_tenants *tenants, struct dure_buf *buf)
{
    dure_buf_byte(buf, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            dure_buf_byte(buf, ',');
        write_allotment(&rows[i], fleet, tenants, buf);
    }
    dure_buf_byte(buf, ']');
}

static void write_names(const struct dure_tenants *tenants, const struct dure_tenant_id *ids, uint32_t count,
                        struct dure_buf *buf)
{
    dure_buf_byte(buf, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            dure_buf_byte(buf, ',');
        dure_buf_json(buf, tenants->tenants[ids[i].v].name);
    }
    dure_buf_byte(buf, ']');
}

static void write_lending(const struct dure_tenants *tenants, const struct dure_fleet *fleet, uint32_t index,
                          struct dure_buf *buf)
{
    const struct dure_lending *lending = &tenants->lendings[index];
    dure_buf_str(buf, index ? ",{" : "{");
    if (lending->except_count) {
        dure_buf_str(buf, "\"except\":");
        write_names(tenants, lending->except, lending->except_count, buf);
        dure_buf_byte(buf, ',');
    }
    dure_buf_printf(buf, "\"notice\":\"%" PRId64 "us\"", lending->notice_us);
    member_time(buf, "from", lending->from_us);
    member_text(buf, "owner", fleet->owners[lending->owner.v].name);
    dure_buf_str(buf, ",\"to\":");
    if (lending->to_all)
        dure_buf_str(buf, "\"all\"");
    else
        write_names(tenants, lending->to, lending->to_count, buf);
    member_time(buf, "until", lending->until_us);
    dure_buf_byte(buf, '}');
}

static void write_role(const struct dure_tenants *tenants, const struct dure_fleet *fleet, uint32_t index,
                       struct dure_buf *buf)
{
    const struct dure_role_row *row = &tenants->roles[index];
    dure_buf_printf(buf, "%s{\"role\":\"%s\"", index ? "," : "", dure_role_name(row->role));
    if (row->owner.v != DURE_NONE32)
        member_text(buf, "owner", fleet->owners[row->owner.v].name);
    if (row->principal.v != DURE_NONE32)
        dure_buf_printf(buf, ",\"principal\":%" PRIu32, row->principal.v);
    if (row->tenant.v != DURE_NONE32)
        member_text(buf, "tenant", tenants->tenants[row->tenant.v].path);
    dure_buf_byte(buf, '}');
}

bool dure_tenants_write(struct dure_tenants *tenants, const struct dure_fleet *fleet)
{
    DURE_CLEANUP_BUF struct dure_buf buf;
    dure_buf_init(&buf, (size_t)8 * DURE_SPEC_BYTES_MAX);
    dure_buf_str(&buf, "{\"allotments\":");
    dure_allotments_to_json(tenants->allotments, tenants->allotment_count, fleet, tenants, &buf);
    dure_buf_str(&buf, ",\"kind\":\"Tenants\",\"lending\":[");
    for (uint32_t i = 0; i < tenants->lending_count; i++)
        write_lending(tenants, fleet, i, &buf);
    dure_buf_str(&buf, "],\"roles\":[");
    for (uint32_t i = 0; i < tenants->role_count; i++)
        write_role(tenants, fleet, i, &buf);
    dure_buf_str(&buf, "],\"tenants\":[");
    for (uint32_t i = 0; i < tenants->tenant_count; i++)
        write_tenant(tenants, fleet, i, &buf);
    dure_buf_str(&buf, "],\"version\":1}");
    const char *copy = buf.failed ? NULL : dure_arena_strndup(tenants->arena, buf.data, buf.length);
    if (!copy)
        return false;
    tenants->spec_json = copy;
    tenants->spec_json_length = buf.length;
    return true;
}
