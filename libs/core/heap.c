/* Sift up, sift down. */
#include "core/heap.h"

#include <stdio.h>
#include <stdlib.h>

void heap_push(struct heap *h, int64_t key, uint64_t value)
{
	if (h->count == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->items = realloc(h->items, h->cap * sizeof *h->items);
		if (!h->items) {
			fprintf(stderr, "out of memory\n");
			abort();
		}
	}
	size_t i = h->count++;
	for (size_t up; i && h->items[up = (i - 1) / 2].key > key; i = up)
		h->items[i] = h->items[up];
	h->items[i] = (struct heap_item){key, value};
}

bool heap_peek(const struct heap *h, struct heap_item *ret)
{
	if (!h->count)
		return false;
	*ret = h->items[0];
	return true;
}

bool heap_pop(struct heap *h, struct heap_item *ret)
{
	if (!heap_peek(h, ret))
		return false;
	struct heap_item last = h->items[--h->count];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
		if (child + 1 < h->count && h->items[child + 1].key < h->items[child].key)
			child++;
		if (h->items[child].key >= last.key)
			break;
		h->items[i] = h->items[child];
	}
	h->items[i] = last;
	return true;
}

void heap_free(struct heap *h)
{
	free(h->items);
	*h = (struct heap){0};
}
