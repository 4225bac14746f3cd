/* Keeps the picture of three buckets. */
#include "board.h"

#include <pthread.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/log.h"

static const struct {
	const char *bucket;
	const struct json_table *table;
	size_t offset;
} buckets[BOARD_BUCKETS] = {
    [BOARD_FINDINGS] = {BUCKET_FINDINGS, &finding_table, offsetof(struct kept, finding)},
    [BOARD_NOTIFIED] = {BUCKET_NOTIFIED, &notified_table, offsetof(struct kept, notified)},
    [BOARD_SILENCES] = {BUCKET_SILENCES, &silence_table, offsetof(struct kept, silence)},
};

struct watch {
	struct board *board;
	enum board_bucket which;
	struct bus_follow *follow;
	bool caught_up;
};

struct board {
	pthread_mutex_t lock;
	struct map maps[BOARD_BUCKETS];
	struct watch watches[BOARD_BUCKETS];
	void (*changed)(void *arg);
	void *arg;
};

static void kept_free(struct kept *k)
{
	if (!k)
		return;
	arena_free(&k->arena);
	free(k);
}

static struct kept *kept_new(enum board_bucket which, struct span key, struct span value, uint64_t revision)
{
	struct kept *k = calloc(1, sizeof *k);
	struct err err = {0};
	if (!k)
		abort();
	k->key = arena_dup(&k->arena, key);
	k->tenant = span_cut(&k->key, '.');
	k->revision = revision;
	if (k->key.p && json_parse(arena_dup(&k->arena, value), &k->value, &err) == STATUS_OK &&
	    json_decode(buckets[which].table, k->value, JSON_LENIENT, &k->arena, (char *)k + buckets[which].offset, &err) ==
	        STATUS_OK)
		return k;
	log_fields(LOG_WARN, "a value that is none of ours is passed over", LOG_C("bucket", buckets[which].bucket),
	           LOG_S("key", key), LOG_C("error", err.msg));
	kept_free(k);
	return NULL;
}

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	struct watch *w = arg;
	struct board *b = w->board;
	struct kept *now = value.p ? kept_new(w->which, key, value, revision) : NULL;
	pthread_mutex_lock(&b->lock);
	struct kept *before = now ? map_put(&b->maps[w->which], key, now) : map_del(&b->maps[w->which], key);
	pthread_mutex_unlock(&b->lock);
	kept_free(before);
	b->changed(b->arg);
}

static void on_caught_up(void *arg)
{
	struct watch *w = arg;
	pthread_mutex_lock(&w->board->lock);
	w->caught_up = true;
	pthread_mutex_unlock(&w->board->lock);
	w->board->changed(w->board->arg);
}

enum status board_open(struct bus *b, void (*changed)(void *arg), void *arg, struct board **ret, struct err *err)
{
	struct board *board = calloc(1, sizeof *board);
	enum status s = STATUS_OK;
	if (!board)
		abort();
	board->changed = changed;
	board->arg = arg;
	pthread_mutex_init(&board->lock, NULL);
	for (int i = 0; s == STATUS_OK && i < BOARD_BUCKETS; i++) {
		board->watches[i] = (struct watch){.board = board, .which = (enum board_bucket)i};
		const struct bus_watch_options o = {buckets[i].bucket, on_entry, on_caught_up, &board->watches[i]};
		s = bus_watch_open(b, &o, &board->watches[i].follow, err);
	}
	if (s == STATUS_OK)
		*ret = board;
	else
		board_close(board);
	return s;
}

void board_close(struct board *b)
{
	if (!b)
		return;
	for (int i = 0; i < BOARD_BUCKETS; i++) {
		if (b->watches[i].follow)
			bus_follow_close(b->watches[i].follow);
		for (struct map_slot *s = map_next(&b->maps[i], NULL); s; s = map_next(&b->maps[i], s))
			kept_free(s->value);
		map_free(&b->maps[i]);
	}
	pthread_mutex_destroy(&b->lock);
	free(b);
}

bool board_ready(struct board *b)
{
	bool ready = true;
	pthread_mutex_lock(&b->lock);
	for (int i = 0; i < BOARD_BUCKETS; i++)
		ready &= b->watches[i].caught_up;
	pthread_mutex_unlock(&b->lock);
	return ready;
}

const struct map *board_lock(struct board *b)
{
	pthread_mutex_lock(&b->lock);
	return b->maps;
}

void board_unlock(struct board *b)
{
	pthread_mutex_unlock(&b->lock);
}
