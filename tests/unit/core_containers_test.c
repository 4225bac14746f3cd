/* Maps and heaps against the simplest thing that does the same. */
#include <stdio.h>
#include <stdlib.h>

#include "core/heap.h"
#include "core/map.h"
#include "tests/lib/test.h"

#define KEYS 500

static void scoped_map_free(struct map *m)
{
	map_free(m);
}
#define scoped_map __attribute__((cleanup(scoped_map_free))) struct map

TEST(a_map_agrees_with_an_array_through_churn)
{
	scoped_map m = {0};
	void *want[KEYS] = {0};
	static char values[20000];
	unsigned seed = 7;
	size_t live = 0;
	for (size_t turn = 0; turn < sizeof values; turn++) {
		char key[16];
		int k = (int)((seed = seed * 1103515245 + 12345) >> 8) % KEYS;
		k = abs(k);
		struct span s = span_of(key, (size_t)snprintf(key, sizeof key, "key-%d", k));
		bool put = seed >> 30 > 1 || turn < 1000;
		void *before = put ? map_put(&m, s, &values[turn]) : map_del(&m, s);
		CHECK(before == want[k]);
		live += put && !want[k];
		live -= !put && want[k];
		want[k] = put ? &values[turn] : NULL;
		CHECK_INT(m.count, live);
		CHECK(map_has(&m, s) == put);
	}
	for (int k = 0; k < KEYS; k++) {
		char key[16];
		CHECK(map_get(&m, span_of(key, (size_t)snprintf(key, sizeof key, "key-%d", k))) == want[k]);
	}
	CHECK(m.cap <= 1024);
}

TEST(walking_a_map_meets_every_entry_once)
{
	scoped_map m = {0};
	char seen[100] = {0};
	CHECK(!map_next(&m, NULL));
	for (int k = 0; k < 100; k++) {
		char key[16];
		map_put(&m, span_of(key, (size_t)snprintf(key, sizeof key, "%d", k)), &seen[k]);
	}
	for (struct map_slot *s = map_next(&m, NULL); s; s = map_next(&m, s)) {
		CHECK(&seen[atoi(s->key)] == s->value);
		CHECK_INT(s->key_n, strlen(s->key));
		++*(char *)s->value;
	}
	for (int k = 0; k < 100; k++)
		CHECK_INT(seen[k], 1);
}

TEST(a_map_owns_its_keys_and_knows_empty_ones_and_null_values)
{
	scoped_map m = {0};
	char key[] = "one";
	CHECK(!map_get(&m, SPAN("one")) && !map_has(&m, SPAN("one")) && !map_del(&m, SPAN("one")));
	map_put(&m, span_from(key), key);
	key[0] = 'x';
	CHECK(map_get(&m, SPAN("one")) == key && !map_get(&m, SPAN("xne")));
	map_put(&m, SPAN(""), key);
	CHECK(map_get(&m, (struct span){0}) == key);
	map_put(&m, SPAN("nothing"), NULL);
	CHECK(map_has(&m, SPAN("nothing")) && !map_get(&m, SPAN("nothing")));
	map_put(&m, SPAN("a\0b"), key);
	CHECK(!map_has(&m, SPAN("a\0c")) && !map_has(&m, SPAN("a")));
	CHECK_INT(m.count, 4);
}

static int by_key(const void *a, const void *b)
{
	const struct heap_item *x = a, *y = b;
	return (x->key > y->key) - (x->key < y->key);
}

TEST(a_heap_gives_everything_back_in_order)
{
	struct heap h = {0};
	struct heap_item items[1000], got;
	unsigned seed = 3;
	CHECK(!heap_pop(&h, &got) && !heap_peek(&h, &got));
	for (size_t i = 0; i < countof(items); i++) {
		seed = seed * 1103515245 + 12345;
		items[i] = (struct heap_item){(int64_t)(seed >> 20) - 2048, i};
		heap_push(&h, items[i].key, items[i].value);
	}
	heap_push(&h, INT64_MIN, 1);
	heap_push(&h, INT64_MAX, 2);
	CHECK(heap_peek(&h, &got) && got.key == INT64_MIN);
	CHECK(heap_pop(&h, &got) && got.key == INT64_MIN && got.value == 1);
	qsort(items, countof(items), sizeof *items, by_key);
	char seen[countof(items)] = {0};
	int64_t by_value[countof(items)];
	for (size_t i = 0; i < countof(items); i++)
		by_value[items[i].value] = items[i].key;
	for (size_t i = 0; i < countof(items); i++) {
		CHECK(heap_pop(&h, &got));
		CHECK_INT(got.key, items[i].key);
		CHECK(by_value[got.value] == got.key && !seen[got.value]++);
	}
	CHECK(heap_pop(&h, &got) && got.key == INT64_MAX && h.count == 0);
	heap_free(&h);
}

TEST(a_heap_stays_ordered_between_pushes_and_pops)
{
	struct heap h = {0};
	struct heap_item got;
	int64_t clock = 0;
	unsigned seed = 11;
	for (int i = 0; i < 5000; i++) {
		seed = seed * 1103515245 + 12345;
		heap_push(&h, clock + (seed >> 24), 0);
		if (i % 3) {
			CHECK(heap_pop(&h, &got) && got.key >= clock);
			clock = got.key;
		}
	}
	heap_free(&h);
}
