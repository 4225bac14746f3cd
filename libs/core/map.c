/* Open addressing with backward-shift deletion (Knuth, TAOCP vol. 3, 6.4, algorithm R). */
#include "core/map.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"

static size_t find(const struct map *m, struct span key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);
	while (m->slots[i].key && !(m->slots[i].hash == hash && span_eq(span_of(m->slots[i].key, m->slots[i].key_n), key)))
		i = (i + 1) & (m->cap - 1);
	return i;
}

static void *or_die(void *p)
{
	if (!p) {
		fprintf(stderr, "out of memory\n");
		abort();
	}
	return p;
}

static void grow(struct map *m)
{
	struct map old = *m;
	m->cap = old.cap ? old.cap * 2 : 16;
	m->slots = or_die(calloc(m->cap, sizeof *m->slots));
	for (size_t i = 0; i < old.cap; i++) {
		struct map_slot *s = &old.slots[i];
		if (s->key)
			m->slots[find(m, span_of(s->key, s->key_n), s->hash)] = *s;
	}
	free(old.slots);
}

void *map_get(const struct map *m, struct span key)
{
	return m->cap ? m->slots[find(m, key, hash64(key))].value : NULL;
}

bool map_has(const struct map *m, struct span key)
{
	return m->cap && m->slots[find(m, key, hash64(key))].key;
}

void *map_put(struct map *m, struct span key, void *value)
{
	if ((m->count + 1) * 4 > m->cap * 3)
		grow(m);
	uint64_t hash = hash64(key);
	struct map_slot *s = &m->slots[find(m, key, hash)];
	if (s->key) {
		void *before = s->value;
		s->value = value;
		return before;
	}
	char *copy = or_die(malloc(key.n + 1));
	if (key.n)
		memcpy(copy, key.p, key.n);
	copy[key.n] = 0;
	*s = (struct map_slot){.key = copy, .key_n = key.n, .hash = hash, .value = value};
	m->count++;
	return NULL;
}

void *map_del(struct map *m, struct span key)
{
	if (!m->cap)
		return NULL;
	size_t hole = find(m, key, hash64(key));
	if (!m->slots[hole].key)
		return NULL;
	void *value = m->slots[hole].value;
	free(m->slots[hole].key);
	for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].key; i = (i + 1) & (m->cap - 1)) {
		size_t home = m->slots[i].hash & (m->cap - 1);
		/* May move back only if its home is not inside (hole, i], cyclically. */
		if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){0};
	m->count--;
	return value;
}

void map_free(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct map){0};
}

struct map_slot *map_next(const struct map *m, struct map_slot *after)
{
	for (size_t i = after ? (size_t)(after - m->slots) + 1 : 0; i < m->cap; i++)
		if (m->slots[i].key)
			return &m->slots[i];
	return NULL;
}
