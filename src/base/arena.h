#pragma once
/* Memory by lifetime: bump allocation, freed all at once. Not thread-safe. Zeroed memory, aligned to 16.
 * Grows by blocks up to `bytes_max`; past it an allocation returns NULL. */
#include <stddef.h>

struct dure_arena;

struct dure_arena *dure_arena_new(size_t bytes_max); /* NULL: out of memory */
void dure_arena_free(struct dure_arena *arena);      /* NULL is fine */
void dure_arena_reset(struct dure_arena *arena);     /* keeps one block */
size_t dure_arena_used(const struct dure_arena *arena);
void *dure_arena_alloc(struct dure_arena *arena, size_t size); /* NULL: over the limit */
/* size * count bytes; NULL also when the product overflows. */
void *dure_arena_array(struct dure_arena *arena, size_t element_size, size_t count);
/* Copies up to the first NUL, at most `length` bytes, and terminates the copy. */
char *dure_arena_strndup(struct dure_arena *arena, const char *text, size_t length);
char *dure_arena_strdup(struct dure_arena *arena, const char *text);
char *dure_arena_printf(struct dure_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define DURE_ARENA_NEW(arena, type, count) ((type *)dure_arena_array((arena), sizeof(type), (size_t)(count)))
