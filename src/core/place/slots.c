#include "core/place/slots.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/state/pool.h"

static unsigned popcount(uint64_t mask)
{
    return (unsigned)__builtin_popcountll(mask);
}

static void index_init(struct dure_slots *slots)
{
    slots->by_idle = dure_core_alloc(sizeof *slots->by_idle, slots->gpus + 1);
    for (uint32_t c = 1; c <= slots->gpus; c++)
        DURE_ASSERT(dure_bits_init(&slots->by_idle[c], slots->count));
}

static void index_release(struct dure_slots *slots)
{
    for (uint32_t c = 1; slots->by_idle && c <= slots->gpus; c++)
        dure_bits_release(&slots->by_idle[c]);
    free(slots->by_idle);
    dure_rooms_release(&slots->rooms);
}

static void count_in(struct dure_slots *slots, uint32_t slot, unsigned idle)
{
    if (!idle)
        return;
    dure_bits_set(&slots->by_idle[idle], slot);
    slots->classes |= UINT64_C(1) << (idle - 1);
    slots->idle_total += idle;
}

void dure_slots_init(struct dure_slots *slots, uint32_t count, uint32_t gpus, const uint32_t *spans,
                     uint32_t span_count)
{
    DURE_ASSERT(gpus >= 1 && gpus <= DURE_NODE_GPUS_MAX && span_count <= DURE_LEVELS_MAX);
    *slots = (struct dure_slots){.count = count, .gpus = gpus, .level_count = span_count};
    slots->full = gpus == 64 ? UINT64_MAX : (UINT64_C(1) << gpus) - 1;
    for (uint32_t k = 0; k < span_count; k++) {
        DURE_ASSERT(spans[k] && count % spans[k] == 0);
        slots->span[k] = spans[k];
    }
    slots->idle = dure_core_alloc(sizeof *slots->idle, count);
    index_init(slots);
}

void dure_slots_release(struct dure_slots *slots)
{
    index_release(slots);
    free(slots->idle);
    *slots = (struct dure_slots){0};
}

/* A slot that stands in `was` and not in `is`. */
static void refile(struct dure_slots *slots, uint32_t slot, unsigned was, unsigned is)
{
    const uint32_t word = slot / 64;
    const uint64_t bit = UINT64_C(1) << (slot % 64);
    if (was) {
        struct dure_bits *bits = &slots->by_idle[was];
        if (!(bits->level[0][word] ^= bit))
            dure_bits_lower(bits, word);
        slots->classes &= ~((uint64_t) !--bits->count << (was - 1));
    }
    if (is) {
        struct dure_bits *bits = &slots->by_idle[is];
        if ((bits->level[0][word] ^= bit) == bit)
            dure_bits_raise(bits, word);
        bits->count++;
        slots->classes |= UINT64_C(1) << (is - 1);
    }
    slots->idle_total += (uint64_t)is - was;
}

void dure_slots_change(struct dure_slots *slots, uint32_t slot, uint64_t idle)
{
    const uint64_t before = slots->idle[slot];
    const unsigned was = popcount(before), is = popcount(idle);
    slots->idle[slot] = idle;
    if (was != is)
        refile(slots, slot, was, is);
    if (slots->rooms.count)
        dure_rooms_change(&slots->rooms, slot, 1, before, idle);
}

static void change_run(struct dure_slots *slots, uint32_t first, uint32_t count, uint64_t before, uint64_t idle)
{
    const unsigned was = popcount(before), is = popcount(idle);
    if (was) {
        dure_bits_put_range(&slots->by_idle[was], first, count, false);
        slots->classes &= ~((uint64_t)!slots->by_idle[was].count << (was - 1));
    }
    if (is) {
        dure_bits_put_range(&slots->by_idle[is], first, count, true);
        slots->classes |= UINT64_C(1) << (is - 1);
    }
    slots->idle_total += ((uint64_t)is - was) * count;
    if (slots->rooms.count)
        dure_rooms_change(&slots->rooms, first, count, before, idle);
}

void dure_slots_set_run(struct dure_slots *slots, uint32_t first, uint32_t count, uint64_t idle)
{
    DURE_ASSERT(first + count <= slots->count);
    for (uint32_t slot = first, end; slot < first + count; slot = end) {
        const uint64_t before = slots->idle[slot];
        for (end = slot + 1; end < first + count && slots->idle[end] == before;)
            end++;
        if (end - slot == 1) {
            dure_slots_set(slots, slot, idle);
        } else if (before != idle) {
            for (uint32_t i = slot; i < end; i++)
                slots->idle[i] = idle;
            change_run(slots, slot, end - slot, before, idle);
        }
    }
}

void dure_slots_extend(struct dure_slots *slots, uint32_t count, uint64_t idle)
{
    index_release(slots);
    const uint32_t before = slots->count;
    slots->idle = dure_core_grow(slots->idle, sizeof *slots->idle, (size_t)before + count);
    for (uint32_t i = 0; i < count; i++)
        slots->idle[before + i] = idle;
    slots->count = before + count;
    slots->idle_total = slots->classes = 0;
    index_init(slots);
    for (uint32_t i = 0; i < slots->count; i++)
        count_in(slots, i, popcount(slots->idle[i]));
}

void dure_takes_release(struct dure_takes *takes)
{
    free(takes->at);
    *takes = (struct dure_takes){0};
}

void dure_takes_add(struct dure_takes *takes, struct dure_take take)
{
    if (takes->count == takes->capacity) {
        takes->capacity = takes->capacity ? takes->capacity * 2 : 16;
        takes->at = dure_core_grow(takes->at, sizeof *takes->at, takes->capacity);
    }
    takes->at[takes->count++] = take;
}

uint64_t dure_slots_capacity(const struct dure_slots *slots, uint32_t task_gpus)
{
    uint64_t tasks = 0;
    for (uint32_t c = task_gpus; c <= slots->gpus; c++)
        tasks += slots->by_idle[c].count * (c / task_gpus);
    return tasks;
}
