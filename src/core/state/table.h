#pragma once
/* Which slot an id has. Ids are given in rising order and most of the live ones lie close together, so they stand in pages, found through a
 * directory from the first page that holds any: a look-up is two reads, and neighbours share cache lines. A page goes when its last id goes.
 *
 * Memory: 1 KiB a page of 256 ids, and 16 bytes of directory for each page between the oldest live id and the newest. Not thread-safe. */
#include "base/err.h"
#include "model/ids.h"

enum { DURE_TABLE_PAGE_BITS = 8, DURE_TABLE_PAGE = 1 << DURE_TABLE_PAGE_BITS };
#define DURE_TABLE_SPAN_MAX (UINT64_C(1) << 34) /* ids between the oldest and the newest */

/* How many are in it stands in the directory, which is at hand: a page is cold, and of it only the id's own line is touched. */
struct dure_table_page {
    uint32_t *slots; /* DURE_TABLE_PAGE of them, DURE_NONE32: none; NULL: no ids */
    uint32_t count;
};

struct dure_table {
    struct dure_table_page *pages; /* NULL: empty */
    uint64_t first;                /* number of the first page */
    uint64_t page_count, capacity;
    uint64_t lead;   /* so many at the front are empty, at least */
    uint64_t count;  /* ids */
    uint32_t *spare; /* slots of a page that went; NULL: none */
};

void dure_table_release(struct dure_table *table);
/* The first and the last of a page. */
void dure_table_put_far(struct dure_table *table, uint64_t id, uint32_t slot);
void dure_table_remove_far(struct dure_table *table, uint64_t id);
/* The slot of the lowest id >= from; DURE_NONE32. O(pages passed over). */
uint32_t dure_table_next(const struct dure_table *table, uint64_t from);
/* May this id be put without stretching the span? For what comes from outside. */
bool dure_table_takes(const struct dure_table *table, uint64_t id);

/* Its line starts on its way from memory. */
static inline void dure_table_fetch(const struct dure_table *table, uint64_t id)
{
    const uint64_t page = (id >> DURE_TABLE_PAGE_BITS) - table->first;
    if (page < table->page_count && table->pages[page].count)
        __builtin_prefetch(&table->pages[page].slots[id & (DURE_TABLE_PAGE - 1)], 1);
}

static inline uint32_t dure_table_get(const struct dure_table *table, uint64_t id)
{
    const uint64_t page = (id >> DURE_TABLE_PAGE_BITS) - table->first;
    if (page >= table->page_count || !table->pages[page].count)
        return DURE_NONE32;
    return table->pages[page].slots[id & (DURE_TABLE_PAGE - 1)];
}

/* An id that is not there yet; any order, within the span. */
static inline void dure_table_put(struct dure_table *table, uint64_t id, uint32_t slot)
{
    const uint64_t page = (id >> DURE_TABLE_PAGE_BITS) - table->first;
    if (page >= table->page_count || !table->pages[page].count) {
        dure_table_put_far(table, id, slot);
        return;
    }
    uint32_t *at = &table->pages[page].slots[id & (DURE_TABLE_PAGE - 1)];
    DURE_ASSERT(*at == DURE_NONE32 && slot != DURE_NONE32);
    *at = slot;
    table->pages[page].count++;
    table->count++;
}

/* It is there. */
static inline void dure_table_remove(struct dure_table *table, uint64_t id)
{
    const uint64_t page = (id >> DURE_TABLE_PAGE_BITS) - table->first;
    DURE_ASSERT(page < table->page_count && table->pages[page].count);
    uint32_t *at = &table->pages[page].slots[id & (DURE_TABLE_PAGE - 1)];
    if (table->pages[page].count == 1) {
        dure_table_remove_far(table, id);
        return;
    }
    DURE_ASSERT(*at != DURE_NONE32);
    *at = DURE_NONE32;
    table->pages[page].count--;
    table->count--;
}
