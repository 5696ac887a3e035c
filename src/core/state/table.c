#include "core/state/table.h"

#include <stdlib.h>
#include <string.h>

#include "core/state/pool.h"

enum { PAGES_FIRST = 64 };

void dure_table_release(struct dure_table *table)
{
    for (uint64_t i = 0; i < table->page_count; i++)
        free(table->pages[i].slots);
    free(table->pages);
    free(table->spare);
    *table = (struct dure_table){0};
}

bool dure_table_takes(const struct dure_table *table, uint64_t id)
{
    const uint64_t page = id >> DURE_TABLE_PAGE_BITS, most = DURE_TABLE_SPAN_MAX >> DURE_TABLE_PAGE_BITS;
    if (!table->page_count)
        return true;
    return page >= table->first ? page - table->first < most : table->first + table->page_count - page <= most;
}

static uint32_t *slots_new(struct dure_table *table)
{
    enum { BYTES = DURE_TABLE_PAGE * sizeof(uint32_t) };
    uint32_t *slots = table->spare ? table->spare : dure_core_lines(sizeof *slots, DURE_TABLE_PAGE);
    table->spare = NULL;
    return memset(slots, 0xff, BYTES);
}

/* Room in the directory for `before` pages more in front and `count` in all. */
static void stretch(struct dure_table *table, uint64_t before, uint64_t count)
{
    if (count > table->capacity) {
        uint64_t wanted = table->capacity ? table->capacity : PAGES_FIRST;
        while (wanted < count)
            wanted *= 2;
        table->pages = dure_core_grow(table->pages, sizeof *table->pages, wanted);
        table->capacity = wanted;
    }
    if (before)
        memmove(table->pages + before, table->pages, table->page_count * sizeof *table->pages);
    for (uint64_t i = 0; i < before; i++)
        table->pages[i] = (struct dure_table_page){0};
    for (uint64_t i = table->page_count + before; i < count; i++)
        table->pages[i] = (struct dure_table_page){0};
    table->first -= before;
    table->lead += before;
    table->page_count = count;
}

void dure_table_put_far(struct dure_table *table, uint64_t id, uint32_t slot)
{
    const uint64_t number = id >> DURE_TABLE_PAGE_BITS;
    DURE_ASSERT(slot != DURE_NONE32 && dure_table_takes(table, id));
    if (!table->page_count) {
        table->first = number;
        table->lead = 0;
        stretch(table, 0, 1);
    } else if (number < table->first) {
        stretch(table, table->first - number, table->page_count + table->first - number);
    } else if (number - table->first >= table->page_count) {
        stretch(table, 0, number - table->first + 1);
    }
    struct dure_table_page *page = &table->pages[number - table->first];
    if (number - table->first < table->lead)
        table->lead = number - table->first;
    if (!page->slots)
        page->slots = slots_new(table);
    uint32_t *at = &page->slots[id & (DURE_TABLE_PAGE - 1)];
    DURE_ASSERT(*at == DURE_NONE32);
    *at = slot;
    page->count++;
    table->count++;
}

/* The directory gives up what is empty in front once that is half of it, so that this costs O(1) a page. */
static void trim(struct dure_table *table)
{
    while (table->lead < table->page_count && !table->pages[table->lead].count)
        table->lead++;
    if (table->lead * 2 < table->page_count)
        return;
    table->page_count -= table->lead;
    table->first += table->lead;
    memmove(table->pages, table->pages + table->lead, table->page_count * sizeof *table->pages);
    table->lead = 0;
}

void dure_table_remove_far(struct dure_table *table, uint64_t id)
{
    DURE_ASSERT(dure_table_get(table, id) != DURE_NONE32);
    struct dure_table_page *page = &table->pages[(id >> DURE_TABLE_PAGE_BITS) - table->first];
    page->slots[id & (DURE_TABLE_PAGE - 1)] = DURE_NONE32;
    table->count--;
    if (--page->count)
        return;
    if (table->spare)
        free(page->slots);
    else
        table->spare = page->slots;
    page->slots = NULL;
    trim(table);
}

uint32_t dure_table_next(const struct dure_table *table, uint64_t from)
{
    uint64_t number = from >> DURE_TABLE_PAGE_BITS, at = from & (DURE_TABLE_PAGE - 1);
    if (number < table->first) {
        number = table->first;
        at = 0;
    }
    for (uint64_t i = number - table->first; i < table->page_count; i++, at = 0) {
        const uint32_t *slots = table->pages[i].slots;
        for (; slots && at < DURE_TABLE_PAGE; at++)
            if (slots[at] != DURE_NONE32)
                return slots[at];
    }
    return DURE_NONE32;
}
