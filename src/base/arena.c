#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { ALIGN = 16, BLOCK_FIRST = 4096, BLOCK_LAST = 1 << 20 };

struct block {
    struct block *next; /* older */
    size_t size;
    size_t used; /* everything past it is still zero */
    _Alignas(ALIGN) unsigned char bytes[];
};

struct dure_arena {
    struct block *newest;
    size_t bytes_max;
    size_t used;
    size_t block_next;
};

struct dure_arena *dure_arena_new(size_t bytes_max)
{
    struct dure_arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        return NULL;
    arena->bytes_max = bytes_max;
    arena->block_next = BLOCK_FIRST;
    return arena;
}

static void blocks_free(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void dure_arena_free(struct dure_arena *arena)
{
    if (!arena)
        return;
    blocks_free(arena->newest);
    free(arena);
}

void dure_arena_reset(struct dure_arena *arena)
{
    arena->used = 0;
    struct block *keep = arena->newest;
    if (!keep)
        return;
    blocks_free(keep->next);
    keep->next = NULL;
    memset(keep->bytes, 0, keep->used);
    keep->used = 0;
}

size_t dure_arena_used(const struct dure_arena *arena)
{
    return arena->used;
}

static struct block *block_add(struct dure_arena *arena, size_t need)
{
    const size_t size = need > arena->block_next ? need : arena->block_next;
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = calloc(1, sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->newest;
    arena->newest = block;
    if (arena->block_next < BLOCK_LAST)
        arena->block_next *= 2;
    return block;
}

void *dure_arena_alloc(struct dure_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    const size_t need = size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    if (need > arena->bytes_max || arena->used > arena->bytes_max - need)
        return NULL;
    struct block *block = arena->newest;
    if (!block || block->size - block->used < need)
        block = block_add(arena, need);
    if (!block)
        return NULL;
    void *result = block->bytes + block->used;
    block->used += need;
    arena->used += need;
    return result;
}

void *dure_arena_array(struct dure_arena *arena, size_t element_size, size_t count)
{
    size_t size;
    if (__builtin_mul_overflow(element_size, count, &size))
        return NULL;
    return dure_arena_alloc(arena, size);
}

char *dure_arena_strndup(struct dure_arena *arena, const char *text, size_t length)
{
    const size_t actual = strnlen(text, length);
    char *copy = dure_arena_alloc(arena, actual + 1);
    if (copy)
        memcpy(copy, text, actual);
    return copy;
}

char *dure_arena_strdup(struct dure_arena *arena, const char *text)
{
    return dure_arena_strndup(arena, text, strlen(text));
}

char *dure_arena_printf(struct dure_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = dure_arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
