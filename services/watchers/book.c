/* A copy of the bucket of runs, kept by following it. */
#include "core/wait.h"
#include "services/watchers/book.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "core/map.h"

#define CAUGHT_UP_MS 10000
#define UNDONE_MS 86400000ll /* a run that was not done in so long never will be */

/* One run; all in one allocation. */
struct entry {
	struct span tenant, watch, run_id;
	enum watch_trigger trigger;
	enum watch_status status;
	int64_t turn_ms, heard_mono_ms;
	struct span text; /* the record without its result */
	char bytes[];
};

struct book {
	struct bus *bus;
	const struct clock *clock;
	struct bus_follow *follow;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	bool caught_up;
	struct map entries; /* by key */
};

static struct span keep(char **at, struct span s)
{
	struct span mine = span_of(*at, s.n);
	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return mine;
}

static struct entry *entry_of(struct span key, struct span value, int64_t now_ms)
{
	scoped_arena a = {0};
	scoped_buf text = {0};
	struct watch_record r;
	struct json v;
	struct err err;
	struct span rest = key, tenant = span_cut(&rest, '.');
	if (json_parse(value, &v, &err) != STATUS_OK ||
	    json_decode(&watch_record_table, v, JSON_LENIENT, &a, &r, &err) != STATUS_OK)
		return NULL;
	r.result = (struct json){0};
	json_encode(&watch_record_table, &r, &(struct json_writer){.out = &text});
	struct entry *e = malloc(sizeof *e + tenant.n + r.watch.n + r.run_id.n + text.len);
	if (!e)
		abort();
	char *at = e->bytes;
	*e = (struct entry){.trigger = r.trigger, .status = r.status, .turn_ms = r.turn_at.ms, .heard_mono_ms = now_ms};
	e->tenant = keep(&at, tenant);
	e->watch = keep(&at, r.watch);
	e->run_id = keep(&at, r.run_id);
	e->text = keep(&at, buf_span(&text));
	return e;
}

static void on_entry(void *arg, struct span key, struct span value, uint64_t revision)
{
	struct book *b = arg;
	struct entry *e = value.p ? entry_of(key, value, clock_mono_ms(b->clock)) : NULL;
	(void)revision;
	pthread_mutex_lock(&b->lock);
	free(e ? map_put(&b->entries, key, e) : map_del(&b->entries, key));
	pthread_mutex_unlock(&b->lock);
}

static void on_caught_up(void *arg)
{
	struct book *b = arg;
	pthread_mutex_lock(&b->lock);
	b->caught_up = true;
	pthread_cond_broadcast(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

enum status book_open(struct bus *bus, const struct clock *clock, struct book **ret, struct err *err)
{
	struct book *b = calloc(1, sizeof *b);
	if (!b)
		abort();
	b->bus = bus;
	b->clock = clock;
	pthread_mutex_init(&b->lock, NULL);
	wait_cond_init(&b->changed);
	const struct bus_watch_options o = {
	    .bucket = BUCKET_WATCHES, .entry = on_entry, .caught_up = on_caught_up, .arg = b};
	enum status s = bus_watch_open(bus, &o, &b->follow, err);
	struct timespec until = wait_until(CAUGHT_UP_MS);
	pthread_mutex_lock(&b->lock);
	while (s == STATUS_OK && !b->caught_up && pthread_cond_timedwait(&b->changed, &b->lock, &until) == 0)
		continue;
	if (s == STATUS_OK && !b->caught_up)
		s = err_retry(err, STATUS_TIMEOUT, "the bucket " BUCKET_WATCHES " was not read within %d s",
		              CAUGHT_UP_MS / 1000);
	pthread_mutex_unlock(&b->lock);
	if (s != STATUS_OK) {
		book_close(b);
		return s;
	}
	*ret = b;
	return STATUS_OK;
}

void book_close(struct book *b)
{
	if (!b)
		return;
	if (b->follow)
		bus_follow_close(b->follow);
	for (struct map_slot *s = map_next(&b->entries, NULL); s; s = map_next(&b->entries, s))
		free(s->value);
	map_free(&b->entries);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* ---- the bucket */

static void key_of(struct span tenant, struct span run_id, char out[128])
{
	snprintf(out, 128, "%.*s.%.*s", SPAN_ARG(tenant), SPAN_ARG(run_id));
}

enum status book_get(struct book *b, struct span tenant, struct span run_id, struct buf *text, uint64_t *ret_revision,
                     struct err *err)
{
	char key[128];
	key_of(tenant, run_id, key);
	return bus_kv_get(b->bus, BUCKET_WATCHES, key, text, ret_revision, err);
}

enum status book_put(struct book *b, struct span tenant, const struct watch_record *r, uint64_t revision,
                     uint64_t *ret_revision, struct err *err)
{
	scoped_buf text = {0};
	char key[128];
	key_of(tenant, r->run_id, key);
	json_encode(&watch_record_table, r, &(struct json_writer){.out = &text});
	enum status s = bus_kv_update(b->bus, BUCKET_WATCHES, key, buf_span(&text), revision, ret_revision, err);
	if (s == STATUS_OK) /* what this process wrote it knows at once */
		on_entry(b, span_from(key), buf_span(&text), 0);
	return s;
}

/* ---- questions */

static bool is_of(const struct entry *e, struct span tenant, struct span watch)
{
	return span_eq(e->tenant, tenant) && (!watch.p || span_eq(e->watch, watch));
}

int64_t book_last_turn(struct book *b, struct span tenant, struct span watch)
{
	int64_t last = INT64_MIN;
	pthread_mutex_lock(&b->lock);
	for (struct map_slot *s = map_next(&b->entries, NULL); s; s = map_next(&b->entries, s)) {
		const struct entry *e = s->value;
		if (is_of(e, tenant, watch) && e->trigger == WATCH_SCHEDULE && e->turn_ms > last)
			last = e->turn_ms;
	}
	pthread_mutex_unlock(&b->lock);
	return last;
}

bool book_is_busy(struct book *b, struct span tenant, struct span watch, struct span but, int64_t fresh_ms)
{
	bool busy = false;
	int64_t now_ms = clock_mono_ms(b->clock);
	pthread_mutex_lock(&b->lock);
	for (struct map_slot *s = map_next(&b->entries, NULL); s && !busy; s = map_next(&b->entries, s)) {
		const struct entry *e = s->value;
		busy = is_of(e, tenant, watch) && e->status == WATCH_RUNNING && !span_eq(e->run_id, but) &&
		       now_ms - e->heard_mono_ms < fresh_ms;
	}
	pthread_mutex_unlock(&b->lock);
	return busy;
}

static int latest_first(const void *x, const void *y)
{
	const struct entry *a = *(const struct entry *const *)x, *b = *(const struct entry *const *)y;
	return (a->turn_ms < b->turn_ms) - (a->turn_ms > b->turn_ms);
}

/* Under the lock: those of a watch, the latest first, in an array to be freed. */
static const struct entry **sorted(struct book *b, struct span tenant, struct span watch, size_t *ret_n)
{
	const struct entry **all = calloc(b->entries.count + 1, sizeof(struct entry *));
	if (!all)
		abort();
	*ret_n = 0;
	for (struct map_slot *s = map_next(&b->entries, NULL); s; s = map_next(&b->entries, s))
		if (is_of(s->value, tenant, watch))
			all[(*ret_n)++] = s->value;
	qsort(all, *ret_n, sizeof(struct entry *), latest_first);
	return all;
}

void book_list(struct book *b, struct span tenant, struct span watch, size_t limit, struct json_writer *w)
{
	size_t n;
	pthread_mutex_lock(&b->lock);
	const struct entry **all = sorted(b, tenant, watch, &n);
	for (size_t i = 0; i < n && i < limit; i++)
		json_put(w, (struct json){all[i]->text, JSON_OBJECT});
	pthread_mutex_unlock(&b->lock);
	free(all);
}

/* Runs that are not done are kept for a day; so is the last scheduled one, which says from where to go on. */
void book_prune(struct book *b, struct span tenant, struct span watch, size_t limit)
{
	size_t n;
	struct err ignored;
	int64_t last = book_last_turn(b, tenant, watch);
	scoped_arena a = {0};
	pthread_mutex_lock(&b->lock);
	const struct entry **all = sorted(b, tenant, watch, &n);
	struct span *gone = arena_alloc(&a, (n + 1) * sizeof *gone);
	size_t gone_n = 0;
	for (size_t i = limit; i < n; i++) {
		bool fresh = clock_wall_ms(b->clock) - all[i]->turn_ms < UNDONE_MS;
		bool kept = (all[i]->status <= WATCH_RUNNING && fresh) ||
		            (all[i]->trigger == WATCH_SCHEDULE && all[i]->turn_ms == last);
		if (!kept)
			gone[gone_n++] = arena_dup(&a, all[i]->run_id);
	}
	pthread_mutex_unlock(&b->lock);
	free(all);
	for (size_t i = 0; i < gone_n; i++) {
		char key[128];
		key_of(tenant, gone[i], key);
		if (bus_kv_delete(b->bus, BUCKET_WATCHES, key, &ignored) != STATUS_OK)
			return; /* the next run tries again */
	}
}
