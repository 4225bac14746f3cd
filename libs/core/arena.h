/* Memory that lives as long as one message: allocate freely, free once. */
#ifndef GANNET_CORE_ARENA_H
#define GANNET_CORE_ARENA_H

#include "core/span.h"
#include "core/status.h"

/*
 * Invariant: a zeroed arena is valid and empty. Blocks are kept on reset, so a reused arena stops allocating.
 * When memory is truly out the process ends: redelivery is the recovery, and no caller needs a NULL check.
 * Callers cap input sizes before parsing; the arena itself has no ceiling. Not thread-safe: one owner at a time.
 */
struct arena {
	struct arena_block *head; /* the block being filled */
	size_t used_bytes;        /* handed out since the last reset */
};

/* Aligned to 16 bytes, not cleared. */
void *arena_alloc(struct arena *a, size_t bytes) __attribute__((malloc, returns_nonnull));
void *arena_zalloc(struct arena *a, size_t bytes) __attribute__((malloc, returns_nonnull));
/* An absent span stays absent. */
struct span arena_dup(struct arena *a, struct span s);
/* NUL-terminated copy; "" of an absent span. */
char *arena_cstr(struct arena *a, struct span s);
struct span arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);
/* Keeps one block (the largest of up to 1 MiB) for reuse and gives the others back. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define scoped_arena __attribute__((cleanup(arena_free))) struct arena

#endif
