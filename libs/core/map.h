/* A hash table from text to pointer. */
#ifndef GANNET_CORE_MAP_H
#define GANNET_CORE_MAP_H

#include "core/span.h"

/*
 * Keys are copied, values are the caller's. A zeroed map is valid and empty. Linear probing, at most 3/4 full; deletion
 * shifts back, so there are no tombstones and a table of churning keys never degrades. Not thread-safe.
 */
struct map {
	struct map_slot *slots;
	size_t cap, count;
};

struct map_slot {
	char *key; /* NULL when free */
	size_t key_n;
	uint64_t hash;
	void *value;
};

void *map_get(const struct map *m, struct span key);
bool map_has(const struct map *m, struct span key);
/* Returns the value that was there before, NULL if none. */
void *map_put(struct map *m, struct span key, void *value);
/* Returns the removed value, NULL if there was none. */
void *map_del(struct map *m, struct span key);
void map_free(struct map *m); /* the keys, not the values */

/* for (struct map_slot *s = map_next(&m, NULL); s; s = map_next(&m, s)); do not put or delete inside. */
struct map_slot *map_next(const struct map *m, struct map_slot *after);

#endif
