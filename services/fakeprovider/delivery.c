/* Sends what is due: at once on the server's thread when nothing has to wait, otherwise from the loop in the order of
 * time. */
#include "delivery.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/heap.h"

#define BACKLOG_PAUSE_BYTES ((size_t)256 << 10) /* the client is this far behind: wait for it */
#define SEND_BYTES ((size_t)64 << 10)           /* at most so many at once */
#define TURN_BYTES ((int64_t)1 << 20)           /* then others have their turn */
#define PAUSE_MS 2
#define LOOK_AFTER_CLIENT_MS 250 /* how often a long wait looks whether the client is still there */
#define KEPT_BYTES ((size_t)64 << 10)
#define KEPT_MAX 4096 /* deliveries kept for reuse */

struct schedule {
	struct loop *loop;
	struct ledger *ledger;
	struct loop_timer timer;
	pthread_mutex_t lock;
	struct heap due; /* time in ms → struct delivery */
	struct delivery *free;
	size_t free_n;
};

static int64_t now_ms(void)
{
	return clock_mono_ms(&clock_system);
}

/* ---- the pool */

struct delivery *delivery_new(struct schedule *s, struct http_exchange *x)
{
	pthread_mutex_lock(&s->lock);
	struct delivery *d = s->free;
	if (d) {
		s->free = d->free;
		s->free_n--;
	}
	pthread_mutex_unlock(&s->lock);
	if (!d)
		d = calloc(1, sizeof *d);
	if (!d)
		abort();
	*d = (struct delivery){.exchange = x,
	                       .memory = d->memory,
	                       .pieces = d->pieces,
	                       .whole = true,
	                       .length = -1,
	                       .stop = SIZE_MAX,
	                       .begun_at_ns = clock_mono_ns(&clock_system)};
	arena_reset(&d->memory);
	pieces_reset(&d->pieces);
	return d;
}

static void free_delivery(struct delivery *d)
{
	arena_free(&d->memory);
	buf_free(&d->pieces.bytes);
	buf_free(&d->pieces.ends);
	free(d);
}

static void give_back(struct schedule *s, struct delivery *d)
{
	if (d->pieces.bytes.cap > KEPT_BYTES || d->pieces.ends.cap > KEPT_BYTES || d->memory.used_bytes > KEPT_BYTES) {
		free_delivery(d);
		return;
	}
	pthread_mutex_lock(&s->lock);
	bool keep = s->free_n < KEPT_MAX;
	if (keep) {
		d->free = s->free;
		s->free = d;
		s->free_n++;
	}
	pthread_mutex_unlock(&s->lock);
	if (!keep)
		free_delivery(d);
}

/* ---- sending */

/* A stream that broke off is charged for what of its text was sent; whoever got nothing pays nothing. */
static struct tokens charged(const struct delivery *d, enum outcome outcome)
{
	struct tokens t = d->tokens;
	size_t all = d->pieces.text_to - d->pieces.text_from;
	if (outcome == OUTCOME_ANSWERED || d->whole)
		return outcome != OUTCOME_GONE ? t : (struct tokens){0};
	if (!d->begun)
		return (struct tokens){0};
	size_t sent = d->next < d->pieces.text_from ? 0 : d->next - d->pieces.text_from;
	if (all && sent < all) {
		t.output = t.output * (int64_t)sent / (int64_t)all;
		t.reasoning = t.reasoning < t.output ? t.reasoning : t.output;
	}
	return t;
}

static void finish(struct schedule *s, struct delivery *d, enum outcome outcome)
{
	struct tokens t = charged(d, outcome);
	int64_t took_us = (clock_mono_ns(&clock_system) - d->begun_at_ns) / 1000;
	ledger_end(s->ledger, d->sequence, outcome, &t, d->sent_bytes, took_us);
	give_back(s, d);
}

static void cut(struct schedule *s, struct delivery *d, enum outcome outcome)
{
	http_exchange_stream_end(d->exchange, true);
	finish(s, d, outcome);
}

static size_t piece_from(const struct delivery *d, size_t i)
{
	return i ? pieces_end(&d->pieces, i - 1) : 0;
}

/* What to send next, and past it the next piece. */
static struct span take_next(struct delivery *d)
{
	bool at_once = !d->flood && !d->step_bytes && d->gap.kind == LATENCY_FIXED && d->gap.a == 0;
	size_t from = d->sent, to = pieces_end(&d->pieces, at_once ? d->stop - 1 : d->next);
	if (d->step_bytes && to - from > d->step_bytes)
		to = from + d->step_bytes;
	if (to - from > SEND_BYTES)
		to = from + SEND_BYTES;
	d->sent = to;
	d->sent_bytes += (int64_t)(to - from);
	bool again = d->flood && d->next == d->flood_piece && to == pieces_end(&d->pieces, d->next);
	if (again && (d->flood_left -= (int64_t)(to - from)) > 0)
		d->sent = piece_from(d, d->next);
	while (d->next < d->stop && d->sent >= pieces_end(&d->pieces, d->next))
		d->next++;
	return span_of(d->pieces.bytes.data + from, to - from);
}

/* All of these return the time to go on at, or -1 when the delivery is over and gone. */
static int64_t send_pieces(struct schedule *s, struct delivery *d)
{
	int64_t turn_ends = d->sent_bytes + TURN_BYTES;
	while (d->next < d->stop) {
		if (d->sent_bytes >= turn_ends || http_exchange_stream_backlog(d->exchange) >= BACKLOG_PAUSE_BYTES)
			return now_ms() + PAUSE_MS;
		if (!http_exchange_stream_send(d->exchange, take_next(d))) {
			cut(s, d, OUTCOME_GONE);
			return -1;
		}
		int64_t gap_ms = latency_draw(&d->gap, &d->random);
		if (gap_ms && d->next < d->stop)
			return now_ms() + gap_ms;
	}
	if (d->ending == END_NEVER)
		return now_ms() + LOOK_AFTER_CLIENT_MS;
	http_exchange_stream_end(d->exchange, d->ending == END_CUT);
	finish(s, d, d->ending == END_CUT ? OUTCOME_CUT : OUTCOME_ANSWERED);
	return -1;
}

static int64_t begin(struct schedule *s, struct delivery *d)
{
	if (d->silent) {
		if (d->ending == END_NEVER)
			return now_ms() + LOOK_AFTER_CLIENT_MS;
		cut(s, d, OUTCOME_CUT);
		return -1;
	}
	d->begun = true;
	if (d->whole) {
		d->sent_bytes = (int64_t)d->pieces.bytes.len;
		http_exchange_answer(d->exchange, d->http_status, d->content_type, buf_span(&d->pieces.bytes));
		finish(s, d, OUTCOME_ANSWERED);
		return -1;
	}
	if (d->stop > pieces_count(&d->pieces))
		d->stop = pieces_count(&d->pieces);
	http_exchange_stream_begin(d->exchange, d->http_status, d->content_type, d->length);
	return send_pieces(s, d);
}

static int64_t step(struct schedule *s, struct delivery *d)
{
	int64_t now = now_ms();
	bool waited_long = now * 1000000 - d->begun_at_ns >= (int64_t)LOOK_AFTER_CLIENT_MS * 1000000;
	if (waited_long && http_exchange_gone(d->exchange)) {
		cut(s, d, OUTCOME_GONE);
		return -1;
	}
	if (now < d->waits_until_ms)
		return d->waits_until_ms < now + LOOK_AFTER_CLIENT_MS ? d->waits_until_ms : now + LOOK_AFTER_CLIENT_MS;
	return d->begun ? send_pieces(s, d) : begin(s, d);
}

/* ---- time */

static void put_off(struct schedule *s, struct delivery *d, int64_t until_ms)
{
	struct heap_item first;
	pthread_mutex_lock(&s->lock);
	bool earliest = !heap_peek(&s->due, &first) || until_ms < first.key;
	heap_push(&s->due, until_ms, (uint64_t)(uintptr_t)d);
	pthread_mutex_unlock(&s->lock);
	if (earliest)
		loop_wake(s->loop);
}

static struct delivery *take_due(struct schedule *s, int64_t *ret_next_ms)
{
	struct heap_item first;
	struct delivery *d = NULL;
	*ret_next_ms = -1;
	pthread_mutex_lock(&s->lock);
	if (heap_peek(&s->due, &first)) {
		*ret_next_ms = first.key;
		if (first.key <= now_ms()) {
			heap_pop(&s->due, &first);
			d = (struct delivery *)(uintptr_t)first.value;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return d;
}

static void run_due(void *arg)
{
	struct schedule *s = arg;
	struct delivery *d;
	int64_t next_ms;
	while ((d = take_due(s, &next_ms))) {
		int64_t again_ms = step(s, d);
		if (again_ms >= 0)
			put_off(s, d, again_ms);
	}
	if (next_ms >= 0)
		loop_timer_start(s->loop, &s->timer, next_ms - now_ms(), run_due, s);
}

void delivery_start(struct schedule *s, struct delivery *d)
{
	int64_t again_ms;
	if (d->latency_ms) {
		/* Rounded up: never earlier than asked for. */
		d->waits_until_ms = (d->begun_at_ns + 999999) / 1000000 + d->latency_ms;
		int64_t look_ms = d->waits_until_ms - d->latency_ms + LOOK_AFTER_CLIENT_MS;
		again_ms = d->waits_until_ms < look_ms ? d->waits_until_ms : look_ms;
	} else {
		again_ms = begin(s, d);
		if (again_ms < 0)
			return;
	}
	http_exchange_later(d->exchange);
	put_off(s, d, again_ms);
}

struct schedule *schedule_new(struct loop *l, struct ledger *ledger)
{
	struct schedule *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->loop = l;
	s->ledger = ledger;
	pthread_mutex_init(&s->lock, NULL);
	loop_on_wake(l, run_due, s);
	return s;
}

void schedule_free(struct schedule *s)
{
	struct heap_item item;
	while (heap_pop(&s->due, &item))
		cut(s, (struct delivery *)(uintptr_t)item.value, OUTCOME_CUT);
	while (s->free) {
		struct delivery *d = s->free;
		s->free = d->free;
		free_delivery(d);
	}
	heap_free(&s->due);
	loop_timer_free(&s->timer);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
