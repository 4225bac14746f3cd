/* A binary min-heap of (key, value) pairs, for timers and schedules. */
#ifndef GANNET_CORE_HEAP_H
#define GANNET_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed heap is valid and empty. Equal keys come out in no particular order. Not thread-safe. */
struct heap {
	struct heap_item {
		int64_t key;
		uint64_t value;
	} * items;
	size_t count, cap;
};

void heap_push(struct heap *h, int64_t key, uint64_t value);
bool heap_peek(const struct heap *h, struct heap_item *ret);
bool heap_pop(struct heap *h, struct heap_item *ret);
void heap_free(struct heap *h);

#endif
