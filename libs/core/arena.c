/* A chain of blocks, filled front to back. */
#include "core/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BLOCK_BYTES 2048 /* an ordinary job fits */
#define GROWTH_MAX_BYTES ((size_t)1 << 20) /* blocks double up to this size; larger ones serve one allocation */

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	_Alignas(16) char bytes[];
};

static struct arena_block *grow(struct arena *a, size_t bytes)
{
	size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK_BYTES;
	if (size > GROWTH_MAX_BYTES)
		size = GROWTH_MAX_BYTES;
	if (size < bytes)
		size = bytes;
	struct arena_block *b = malloc(sizeof *b + size);
	if (!b) {
		fprintf(stderr, "out of memory for %zu bytes\n", size);
		abort();
	}
	*b = (struct arena_block){.next = a->head, .size = size};
	a->head = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	if (bytes > PTRDIFF_MAX / 2) /* no size of anything that exists: a caller's arithmetic went wrong */
		abort();
	size_t need = (bytes + 15) & ~(size_t)15;
	struct arena_block *b = a->head;
	if (!b || b->size - b->used < need)
		b = grow(a, need);
	void *p = b->bytes + b->used;
	b->used += need;
	a->used_bytes += need;
	return p;
}

void *arena_zalloc(struct arena *a, size_t bytes)
{
	return memset(arena_alloc(a, bytes), 0, bytes);
}

struct span arena_dup(struct arena *a, struct span s)
{
	return s.p ? span_of(arena_cstr(a, s), s.n) : s;
}

char *arena_cstr(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

struct span arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	char *p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return span_of(p, (size_t)n);
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = NULL;
	for (struct arena_block *b = a->head; b; b = b->next)
		if (b->size <= GROWTH_MAX_BYTES && (!keep || b->size > keep->size))
			keep = b;
	for (struct arena_block *b = a->head, *next; b; b = next) {
		next = b->next;
		if (b != keep)
			free(b);
	}
	if (keep)
		*keep = (struct arena_block){.size = keep->size};
	*a = (struct arena){.head = keep};
}

void arena_free(struct arena *a)
{
	for (struct arena_block *b = a->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}
