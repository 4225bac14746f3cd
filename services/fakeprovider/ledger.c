/* A ring of entries, a ring of bodies, sums by outcome and model, and counts by key. */
#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "json/json.h"

const char *const outcome_names[] = {"running", "answered", "cut", "gone"};

struct sums {
	char model[LEDGER_NAME_MAX];
	int64_t requests, answered, errors;
	struct tokens tokens;
};

struct body {
	int64_t sequence;
	struct buf text;
};

struct ledger {
	pthread_mutex_t lock;
	struct ledger_entry *entries;
	struct body *bodies;
	size_t entries_n, bodies_n;
	int64_t last, first; /* sequence numbers; `first` is the first one after a reset */
	int64_t running, running_max, outcomes[OUTCOME_COUNT], status_class[6];
	struct sums total, *models[LEDGER_MODELS_MAX + 1];
	size_t models_n;
	struct map by_model, keys; /* key → count + 1 as a pointer */
};

struct ledger *ledger_new(size_t entries, size_t bodies)
{
	struct ledger *l = calloc(1, sizeof *l);
	if (l) {
		l->entries = calloc(entries, sizeof *l->entries);
		l->bodies = calloc(bodies ? bodies : 1, sizeof *l->bodies);
	}
	if (!l || !l->entries || !l->bodies) {
		fprintf(stderr, "out of memory for a log of %zu entries\n", entries);
		abort();
	}
	l->entries_n = entries;
	l->bodies_n = bodies;
	l->first = 1;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

static void forget(struct ledger *l)
{
	for (size_t i = 0; i < l->bodies_n; i++) {
		buf_free(&l->bodies[i].text);
		l->bodies[i].sequence = 0;
	}
	for (size_t i = 0; i < l->models_n; i++)
		free(l->models[i]);
	l->models_n = 0;
	map_free(&l->by_model);
	map_free(&l->keys);
	l->by_model = l->keys = (struct map){0};
}

void ledger_free(struct ledger *l)
{
	forget(l);
	pthread_mutex_destroy(&l->lock);
	free(l->entries);
	free(l->bodies);
	free(l);
}

void ledger_reset(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	forget(l);
	l->first = l->last + 1;
	l->running_max = l->running;
	memset(l->outcomes, 0, sizeof l->outcomes);
	memset(l->status_class, 0, sizeof l->status_class);
	l->total = (struct sums){0};
	pthread_mutex_unlock(&l->lock);
}

static struct sums *sums_of(struct ledger *l, const char *model)
{
	struct span name = span_from(model);
	struct sums *s = map_get(&l->by_model, name);
	if (s)
		return s;
	if (l->models_n >= LEDGER_MODELS_MAX) {
		name = SPAN("other");
		s = map_get(&l->by_model, name);
	}
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		abort();
	span_copy(name, s->model, sizeof s->model);
	l->models[l->models_n++] = s;
	map_put(&l->by_model, name, s);
	return s;
}

static struct ledger_entry *entry_of(struct ledger *l, int64_t sequence)
{
	struct ledger_entry *e = &l->entries[(size_t)sequence % l->entries_n];
	return e->sequence == sequence ? e : NULL;
}

static void keep_body(struct ledger *l, int64_t sequence, struct span text)
{
	if (!l->bodies_n)
		return;
	struct body *b = &l->bodies[(size_t)sequence % l->bodies_n];
	b->sequence = sequence;
	buf_reset(&b->text);
	buf_add(&b->text, text.p, text.n < LEDGER_BODY_MAX ? text.n : LEDGER_BODY_MAX);
}

int64_t ledger_begin(struct ledger *l, const struct ledger_entry *e, struct span body)
{
	pthread_mutex_lock(&l->lock);
	int64_t sequence = ++l->last;
	struct ledger_entry *mine = &l->entries[(size_t)sequence % l->entries_n];
	*mine = *e;
	mine->sequence = sequence;
	keep_body(l, sequence, body);
	l->total.requests++;
	sums_of(l, e->model)->requests++;
	if (++l->running > l->running_max)
		l->running_max = l->running;
	pthread_mutex_unlock(&l->lock);
	return sequence;
}

static void add_tokens(struct tokens *to, const struct tokens *t)
{
	to->input += t->input;
	to->cached += t->cached;
	to->cache_write += t->cache_write;
	to->output += t->output;
	to->reasoning += t->reasoning;
}

static void add_end(struct sums *s, enum outcome outcome, bool error, const struct tokens *t)
{
	s->answered += outcome == OUTCOME_ANSWERED && !error;
	s->errors += error;
	add_tokens(&s->tokens, t);
}

/* An entry that the ring has lost meanwhile counts in the totals only. */
void ledger_end(struct ledger *l, int64_t sequence, enum outcome outcome, const struct tokens *tokens,
                int64_t answer_bytes, int64_t took_us)
{
	pthread_mutex_lock(&l->lock);
	l->running--;
	struct ledger_entry *e = entry_of(l, sequence);
	bool error = e && e->http_status >= 400;
	if (e) {
		e->outcome = outcome;
		e->tokens = *tokens;
		e->answer_bytes = answer_bytes;
		e->took_us = took_us;
	}
	if (sequence >= l->first) {
		l->outcomes[outcome]++;
		if (e && outcome == OUTCOME_ANSWERED)
			l->status_class[e->http_status / 100 % 6]++;
		add_end(&l->total, outcome, error, tokens);
		if (e)
			add_end(sums_of(l, e->model), outcome, error, tokens);
	}
	pthread_mutex_unlock(&l->lock);
}

int64_t ledger_count(struct ledger *l, struct span key)
{
	pthread_mutex_lock(&l->lock);
	uintptr_t n = (uintptr_t)map_get(&l->keys, key);
	bool full = !n && l->keys.count >= LEDGER_KEYS_MAX;
	if (!full)
		map_put(&l->keys, key, (void *)(n + 1));
	pthread_mutex_unlock(&l->lock);
	return full ? -1 : (int64_t)n;
}

/* ---- shown */

static void put_tokens(struct json_writer *w, const struct tokens *t)
{
	json_kv_i64(w, "input_tokens", t->input);
	json_kv_i64(w, "cached_tokens", t->cached);
	json_kv_i64(w, "cache_write_tokens", t->cache_write);
	json_kv_i64(w, "output_tokens", t->output);
	json_kv_i64(w, "reasoning_tokens", t->reasoning);
}

static void put_entry(struct ledger *l, const struct ledger_entry *e, bool body, struct json_writer *w)
{
	char hash[20];
	snprintf(hash, sizeof hash, "%016" PRIx64, e->prompt_hash);
	json_begin_object(w);
	json_kv_i64(w, "sequence", e->sequence);
	json_kv_time(w, "at", e->at_wall_ms);
	json_kv_cstr(w, "face", e->face);
	json_kv_cstr(w, "operation", e->operation);
	json_kv_cstr(w, "model", e->model);
	json_kv_cstr(w, "suffix", e->suffix);
	json_kv_cstr(w, "key", e->key);
	json_kv_i64(w, "nth", e->nth);
	json_kv_bool(w, "stream", e->stream);
	json_kv_bool(w, "authorized", e->authorized);
	json_kv_i64(w, "http_status", e->http_status);
	json_kv_cstr(w, "fault", e->fault);
	json_kv_cstr(w, "outcome", outcome_names[e->outcome]);
	put_tokens(w, &e->tokens);
	json_kv_i64(w, "request_bytes", e->request_bytes);
	json_kv_i64(w, "answer_bytes", e->answer_bytes);
	json_kv_i64(w, "latency_ms", e->latency_ms);
	json_kv_i64(w, "took_us", e->took_us);
	json_kv_cstr(w, "prompt_hash", hash);
	if (body && l->bodies_n && l->bodies[(size_t)e->sequence % l->bodies_n].sequence == e->sequence)
		json_kv_text(w, "body", buf_span(&l->bodies[(size_t)e->sequence % l->bodies_n].text));
	json_end_object(w);
}

static bool wanted(const struct ledger_entry *e, const struct ledger_query *q)
{
	return e && (!q->model.p || span_is(q->model, e->model)) && (!q->key.p || span_is(q->key, e->key));
}

void ledger_write_log(struct ledger *l, const struct ledger_query *q, struct buf *out)
{
	struct json_writer w = {out};
	pthread_mutex_lock(&l->lock);
	int64_t oldest = l->last - (int64_t)l->entries_n + 1, at = q->after + 1, n = 0;
	if (at < l->first)
		at = l->first;
	int64_t lost = oldest > at ? oldest - at : 0;
	json_begin_object(&w);
	json_key(&w, SPAN("entries"));
	json_begin_array(&w);
	for (at += lost; at <= l->last && n < q->limit; at++) {
		const struct ledger_entry *e = entry_of(l, at);
		if (!wanted(e, q))
			continue;
		put_entry(l, e, q->bodies, &w);
		n++;
	}
	json_end_array(&w);
	json_kv_i64(&w, "next", at - 1);
	json_kv_i64(&w, "lost", lost);
	json_end_object(&w);
	pthread_mutex_unlock(&l->lock);
}

static void put_sums(struct json_writer *w, const struct sums *s)
{
	json_kv_i64(w, "requests", s->requests);
	json_kv_i64(w, "answered", s->answered);
	json_kv_i64(w, "errors", s->errors);
	put_tokens(w, &s->tokens);
}

void ledger_write_stats(struct ledger *l, struct buf *out)
{
	static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
	struct json_writer w = {out};
	pthread_mutex_lock(&l->lock);
	json_begin_object(&w);
	put_sums(&w, &l->total);
	json_kv_i64(&w, "running", l->running);
	json_kv_i64(&w, "running_max", l->running_max);
	json_key(&w, SPAN("outcomes"));
	json_begin_object(&w);
	for (int i = OUTCOME_ANSWERED; i < OUTCOME_COUNT; i++)
		json_kv_i64(&w, outcome_names[i], l->outcomes[i]);
	json_end_object(&w);
	json_key(&w, SPAN("statuses"));
	json_begin_object(&w);
	for (int i = 2; i < 6; i++)
		json_kv_i64(&w, classes[i], l->status_class[i]);
	json_end_object(&w);
	json_key(&w, SPAN("models"));
	json_begin_object(&w);
	for (size_t i = 0; i < l->models_n; i++) {
		json_key(&w, span_from(l->models[i]->model));
		json_begin_object(&w);
		put_sums(&w, l->models[i]);
		json_end_object(&w);
	}
	json_end_object(&w);
	json_end_object(&w);
	pthread_mutex_unlock(&l->lock);
}
