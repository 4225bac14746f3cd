/* Stored publishing: a window of messages in flight, acknowledged on one inbox; what goes unanswered is sent again. */
#include "bus/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/internal.h"
#include "core/wait.h"

#define INDEX_BITS 13
#define NO_SLOT UINT32_MAX
#define NEVER_SENT UINT64_MAX
/*
 * Blocked publishers go on when so much room has come together: waking them for every acknowledgement costs more than
 * sending.
 */
#define LOW_MESSAGES (BUS_STORE_WINDOW * 3 / 4)
#define LOW_BYTES (BUS_STORE_WINDOW_BYTES * 3 / 4)
#define TURN_BUSY_MS 250 /* while something is in flight; so deadlines are kept to about this */

_Static_assert(BUS_STORE_WINDOW == 1 << INDEX_BITS, "a token is generation and index");

/*
 * A message in flight. Its token, generation and index in one number, is the last part of its reply subject. `live`
 * until one of acknowledgement, refusal and deadline takes it (claims it); given back when nobody uses it any more
 * (`pins`).
 */
struct slot {
	natsMsg *msg;
	bus_stored_fn fn;
	void *arg;
	int64_t deadline_ms, due_ms; /* due: to be sent again */
	uint64_t epoch;              /* of the connection it was last sent on */
	size_t bytes;
	uint32_t generation, next_free;
	uint8_t pins, tries;
	bool live, refused;
};

struct bus_store {
	struct bus *bus;
	struct bus_sub *sub;
	struct bus_task task;
	char inbox[BUS_INBOX_BYTES]; /* with a dot at the end */
	size_t inbox_n;

	pthread_mutex_t mu; /* guards all below */
	pthread_cond_t room, idle;
	size_t blocked; /* waiters for room */
	struct slot *slots;
	uint32_t first_free, high; /* slots from `high` on were never used */
	size_t in_flight, bytes;
	char refusal[128]; /* what the server said last when it refused something for now */
};

/* On the threads that make room (acknowledgements, deadlines): waiting there for room would be for ever. */
static _Thread_local bool makes_room;

static void format_token(char *out, uint64_t token)
{
	char digits[16], *p = digits + sizeof digits;
	do
		*--p = "0123456789abcdef"[token & 15];
	while (token >>= 4);
	size_t n = (size_t)(digits + sizeof digits - p);
	memcpy(out, p, n);
	out[n] = 0;
}

static bool parse_token(struct span s, uint64_t *ret)
{
	uint64_t v = 0;
	if (!s.n || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = v;
	return true;
}

/* The wait after so many sendings. */
static int64_t backoff_ms(unsigned tries)
{
	return tries < 5 ? (int64_t)BUS_RETRY_MS << (tries - 1) : BUS_RETRY_MAX_MS;
}

/* Under the lock. */
static bool has_room(const struct bus_store *st, size_t bytes)
{
	return st->in_flight < BUS_STORE_WINDOW && (st->in_flight == 0 || st->bytes + bytes <= BUS_STORE_WINDOW_BYTES);
}

static void wait_for_room(struct bus_store *st)
{
	st->blocked++;
	pthread_cond_wait(&st->room, &st->mu);
	st->blocked--;
}

/*
 * Under the lock, before a pinned message is sent: its answer may be here before the call that sends it has returned.
 */
static void note_sending(struct bus_store *st, struct slot *s, int64_t now_ms)
{
	s->epoch = atomic_load(&st->bus->connected) ? atomic_load(&st->bus->epoch) : NEVER_SENT;
	s->due_ms = now_ms + BUS_STORE_ATTEMPT_MS;
	s->tries += s->tries < UINT8_MAX;
}

/* A slot for the caller to send, pinned and live; NULL with `err` set when there is no room or the bus closes. */
static struct slot *take_slot(struct bus_store *st, size_t bytes, unsigned flags, struct err *err)
{
	pthread_mutex_lock(&st->mu);
	while ((flags & BUS_BLOCK) && !makes_room && !has_room(st, bytes) && !atomic_load(&st->bus->closed))
		wait_for_room(st);
	struct slot *s = NULL;
	if (atomic_load(&st->bus->closed))
		err_retry(err, STATUS_UNAVAILABLE, "the connection is closed");
	else if (!has_room(st, bytes))
		err_retry(err, STATUS_RATE_LIMITED, "%zu messages and %zu bytes wait for the server's acknowledgement",
		          st->in_flight, st->bytes);
	else {
		if (st->first_free == NO_SLOT)
			s = &st->slots[st->high++];
		else {
			s = &st->slots[st->first_free];
			st->first_free = s->next_free;
		}
		*s = (struct slot){.generation = s->generation + 1, .bytes = bytes, .pins = 1, .live = true};
		note_sending(st, s, bus_now_ms(st->bus));
		st->in_flight++;
		st->bytes += bytes;
	}
	pthread_mutex_unlock(&st->mu);
	return s;
}

/* Under the lock. Returns the message to destroy when that was the last use. */
static natsMsg *unpin(struct bus_store *st, struct slot *s)
{
	if (--s->pins || s->live)
		return NULL;
	natsMsg *msg = s->msg;
	s->msg = NULL;
	s->next_free = st->first_free;
	st->first_free = (uint32_t)(s - st->slots);
	st->in_flight--;
	st->bytes -= s->bytes;
	if (st->blocked && st->in_flight <= LOW_MESSAGES && st->bytes <= LOW_BYTES)
		pthread_cond_broadcast(&st->room);
	if (!st->in_flight)
		pthread_cond_broadcast(&st->idle);
	return msg;
}

/* Under the lock. */
static bool claim(struct slot *s)
{
	if (!s->live)
		return false;
	s->live = false;
	s->pins++;
	return true;
}

/* Ends a claimed message. */
static void finish(struct bus_store *st, struct slot *s, const struct bus_stored *result)
{
	if (s->fn)
		s->fn(s->arg, result);
	pthread_mutex_lock(&st->mu);
	natsMsg *msg = unpin(st, s);
	pthread_mutex_unlock(&st->mu);
	natsMsg_Destroy(msg);
}

/* Under the lock; the slot of an acknowledgement's subject if it still waits for one. */
static struct slot *find_slot(struct bus_store *st, struct span subject)
{
	uint64_t token;
	if (subject.n <= st->inbox_n || !parse_token(span_of(subject.p + st->inbox_n, subject.n - st->inbox_n), &token))
		return NULL;
	struct slot *s = &st->slots[token & (BUS_STORE_WINDOW - 1)];
	return s->live && s->generation == (uint32_t)(token >> INDEX_BITS) ? s : NULL;
}

/* The server says "not now": again after a while. */
static void refuse(struct bus_store *st, struct span subject, const char *words)
{
	pthread_mutex_lock(&st->mu);
	struct slot *s = find_slot(st, subject);
	if (s) {
		s->due_ms = bus_now_ms(st->bus) + backoff_ms(s->tries);
		s->refused = true;
		span_copy(span_of(words, strnlen(words, sizeof st->refusal - 1)), st->refusal, sizeof st->refusal);
	}
	pthread_mutex_unlock(&st->mu);
	if (s)
		bus_wake(st->bus);
}

static void settle(struct bus_store *st, struct span subject, const struct bus_stored *result)
{
	pthread_mutex_lock(&st->mu);
	struct slot *s = find_slot(st, subject);
	bool mine = s && claim(s);
	pthread_mutex_unlock(&st->mu);
	if (mine)
		finish(st, s, result);
}

/*
 * {"stream":"JOBS","seq":7,"duplicate":true}, or with a member "error" when it was refused. What else may come is not
 * from JetStream.
 */
static void read_ack(struct bus_store *st, const struct bus_in *in)
{
	struct bus_stored result = {0};
	struct err err = {0};
	struct json doc, member;
	if (json_parse(in->data, &doc, &err) != STATUS_OK)
		return;
	if (json_member(doc, SPAN("error"), &member)) {
		result.status = bus_api_err(&err, member, "not stored", NULL);
		result.err = &err;
		if (err.retryable)
			refuse(st, in->subject, err.msg);
		else
			settle(st, in->subject, &result);
	} else if (json_member(doc, SPAN("stream"), &member) && member.type == JSON_STRING) {
		result.stream = span_of(member.text.p + 1, member.text.n - 2);
		result.sequence = bus_api_u64(doc, "/seq");
		if (json_member(doc, SPAN("duplicate"), &member))
			json_bool(member, &result.duplicate);
		settle(st, in->subject, &result);
	}
}

static void on_ack(void *arg, natsMsg *m)
{
	struct bus_store *st = arg;
	struct bus_in in = bus_message_view(m);
	makes_room = true;
	if (bus_message_status(m) == 503)
		refuse(st, in.subject, "no stream takes this subject, or JetStream is not there");
	else
		read_ack(st, &in);
	natsMsg_Destroy(m);
}

/* Sends a pinned message, unless we are away: then the keeper does when we are back. */
static natsStatus transmit(struct bus_store *st, struct slot *s)
{
	if (s->epoch == NEVER_SENT)
		return NATS_OK;
	natsStatus status = natsConnection_PublishMsg(st->bus->nc, s->msg);
	bus_sent(st->bus);
	return status;
}

/* The end of a sending: what the client could not send is due again soon. */
static void release(struct bus_store *st, struct slot *s, natsStatus status)
{
	pthread_mutex_lock(&st->mu);
	if (status != NATS_OK)
		s->due_ms = bus_now_ms(st->bus) + backoff_ms(s->tries);
	natsMsg *msg = unpin(st, s);
	pthread_mutex_unlock(&st->mu);
	natsMsg_Destroy(msg);
}

static bool is_hopeless(natsStatus s)
{
	return s == NATS_MAX_PAYLOAD || s == NATS_INVALID_SUBJECT || s == NATS_INVALID_ARG || s == NATS_NO_SERVER_SUPPORT ||
	       s == NATS_CONNECTION_CLOSED;
}

/* Takes a message back that was never accepted: its callback does not run. */
static void give_back(struct bus_store *st, struct slot *s)
{
	pthread_mutex_lock(&st->mu);
	s->live = false;
	natsMsg *msg = unpin(st, s);
	pthread_mutex_unlock(&st->mu);
	natsMsg_Destroy(msg);
}

enum status bus_store(struct bus *b, const struct bus_out *m, int64_t deadline_ms, unsigned flags, bus_stored_fn fn,
                      void *arg, struct err *err)
{
	struct bus_store *st = b->store;
	size_t bytes = m->data.n + strlen(m->subject);
	struct slot *s = take_slot(st, bytes, flags, err);
	if (!s)
		return err->status;
	char reply[BUS_INBOX_BYTES + 20];
	memcpy(reply, st->inbox, st->inbox_n);
	format_token(reply + st->inbox_n, (uint64_t)s->generation << INDEX_BITS | (uint64_t)(s - st->slots));
	s->fn = fn;
	s->arg = arg;
	s->deadline_ms = bus_now_ms(b) + (deadline_ms ? deadline_ms : BUS_STORE_DEADLINE_MS);
	natsMsg *msg;
	if (bus_message_new(m, reply, &msg, err) != STATUS_OK) {
		give_back(st, s);
		return err->status;
	}
	s->msg = msg;
	natsStatus status = transmit(st, s);
	if (is_hopeless(status)) {
		give_back(st, s);
		return bus_client_err(err, status, m->subject);
	}
	release(st, s, status);
	return STATUS_OK;
}

static void fail(struct bus_store *st, struct slot *s, enum status status, const char *words)
{
	struct err err = {0};
	err_retry(&err, status, "%s", words);
	finish(st, s, &(struct bus_stored){.status = status, .err = &err});
}

/* Under the lock, which it gives up meanwhile. */
static void give_up(struct bus_store *st, struct slot *s)
{
	char words[sizeof st->refusal];
	bool closed = atomic_load(&st->bus->closed);
	claim(s);
	snprintf(words, sizeof words, "%s",
	         closed       ? "the connection was closed before the server answered"
	         : s->refused ? st->refusal
	                      : "not acknowledged before its deadline");
	enum status status = closed || s->refused ? STATUS_UNAVAILABLE : STATUS_TIMEOUT;
	pthread_mutex_unlock(&st->mu);
	fail(st, s, status, words);
	pthread_mutex_lock(&st->mu);
}

/* Under the lock, which it gives up meanwhile. */
static void send_again(struct bus_store *st, struct slot *s, int64_t now_ms)
{
	s->pins++;
	note_sending(st, s, now_ms);
	pthread_mutex_unlock(&st->mu);
	release(st, s, transmit(st, s));
	pthread_mutex_lock(&st->mu);
}

/* Gives up what is past its deadline, sends again what is due or was sent before the connection broke. */
static int64_t sweep(struct bus_store *st, int64_t now_ms, uint64_t epoch)
{
	bool connected = atomic_load(&st->bus->connected), closed = atomic_load(&st->bus->closed);
	int64_t next_ms = now_ms + TURN_BUSY_MS;
	pthread_mutex_lock(&st->mu);
	for (uint32_t i = 0; i < st->high; i++) {
		struct slot *s = &st->slots[i];
		if (!s->live || s->pins)
			continue;
		if (closed || now_ms >= s->deadline_ms)
			give_up(st, s);
		else if (connected && (s->epoch != epoch || now_ms >= s->due_ms))
			send_again(st, s, now_ms);
		else if (connected && s->due_ms < next_ms)
			next_ms = s->due_ms;
	}
	bool idle = st->in_flight == 0;
	pthread_mutex_unlock(&st->mu);
	return idle ? BUS_TURN_MS : next_ms - now_ms;
}

static int64_t turn(void *owner, int64_t now_ms, uint64_t epoch)
{
	makes_room = true;
	return sweep(owner, now_ms, epoch);
}

struct waiter {
	pthread_mutex_t mu;
	pthread_cond_t done;
	bool is_done;
	struct bus_stored result;
	struct err *err;
};

static void on_waited(void *arg, const struct bus_stored *s)
{
	struct waiter *w = arg;
	pthread_mutex_lock(&w->mu);
	w->result = *s;
	w->result.stream = (struct span){0};
	w->result.err = NULL;
	if (s->err)
		*w->err = *s->err;
	w->is_done = true;
	pthread_cond_signal(&w->done);
	pthread_mutex_unlock(&w->mu);
}

enum status bus_store_wait(struct bus *b, const struct bus_out *m, int64_t deadline_ms, struct bus_stored *ret,
                           struct err *err)
{
	struct waiter w = {.mu = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .err = err};
	if (bus_store(b, m, deadline_ms, BUS_BLOCK, on_waited, &w, err) != STATUS_OK)
		return err->status;
	pthread_mutex_lock(&w.mu);
	while (!w.is_done)
		pthread_cond_wait(&w.done, &w.mu);
	pthread_mutex_unlock(&w.mu);
	if (w.result.status != STATUS_OK)
		return w.result.status;
	if (ret)
		*ret = w.result;
	return STATUS_OK;
}

size_t bus_store_in_flight(struct bus *b)
{
	pthread_mutex_lock(&b->store->mu);
	size_t n = b->store->in_flight;
	pthread_mutex_unlock(&b->store->mu);
	return n;
}

enum status bus_store_drain(struct bus *b, int timeout_ms, struct err *err)
{
	struct bus_store *st = b->store;
	struct timespec until = wait_until(timeout_ms);
	pthread_mutex_lock(&st->mu);
	while (st->in_flight && pthread_cond_timedwait(&st->idle, &st->mu, &until) == 0)
		continue;
	size_t left = st->in_flight;
	pthread_mutex_unlock(&st->mu);
	return left ? err_retry(err, STATUS_TIMEOUT, "%zu messages are not acknowledged after %d ms", left, timeout_ms)
	            : STATUS_OK;
}

enum status bus_store_open(struct bus *b, struct err *err)
{
	struct bus_store *st = calloc(1, sizeof *st);
	if (!st || !(st->slots = calloc(BUS_STORE_WINDOW, sizeof *st->slots)))
		abort();
	st->bus = b;
	st->first_free = NO_SLOT;
	pthread_mutex_init(&st->mu, NULL);
	wait_cond_init(&st->room);
	wait_cond_init(&st->idle);
	bus_inbox(b, st->inbox);
	st->inbox_n = strlen(st->inbox);
	char pattern[BUS_INBOX_BYTES + 2];
	snprintf(pattern, sizeof pattern, "%s.*", st->inbox);
	st->inbox[st->inbox_n++] = '.';
	b->store = st;
	st->task = (struct bus_task){.turn = turn, .owner = st};
	bus_task_add(b, &st->task);
	return bus_sub_open(b, pattern, NULL, on_ack, st, &st->sub, err);
}

void bus_store_close(struct bus *b)
{
	struct bus_store *st = b->store;
	sweep(st, bus_now_ms(b), 0);
	pthread_cond_destroy(&st->room);
	pthread_cond_destroy(&st->idle);
	pthread_mutex_destroy(&st->mu);
	free(st->slots);
	free(st);
	b->store = NULL;
}
