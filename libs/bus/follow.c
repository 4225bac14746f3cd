/* Following a stream in order through a consumer of our own, made anew where the last one stopped whenever it fails. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/internal.h"
#include "bus/kv.h"
#include "core/wait.h"

#define HEARTBEAT_MS 5000
#define SILENCE_MS (2 * HEARTBEAT_MS + 2000)
#define ANSWER_MS 5000 /* for the consumer to be made */

/*
 * One run is one inbox, one subscription, one consumer. While it lives, the subscription's thread owns the run's
 * members; the keeper looks only at what is under the lock, ends a broken run, and begins the next when no callback
 * runs any more.
 */
struct bus_follow {
	struct bus *bus;
	struct bus_follow_options o;
	struct bus_watch_options watch; /* of bus_watch_open() */
	size_t key_at;                  /* where a key begins in its subject */
	bus_follow_take_fn take;        /* of bus_reader_open(), instead of o.message */
	char stream[256], filter[512];
	struct bus_task task;

	/* the run's */
	char inbox[BUS_INBOX_BYTES]; /* for the messages and for the answer to the consumer's creation */
	uint64_t last_sequence;      /* of the stream, delivered */
	uint64_t consumer_sequence;  /* delivered in this run */
	uint64_t before;             /* how many were there when the run began */
	bool has_begun, made, caught_up;

	pthread_mutex_t mu; /* guards all below */
	pthread_cond_t opened;
	struct bus_sub *sub;
	char consumer[128];
	bool ending, broken, answered;
	struct err refusal; /* of the first run */
	bool first_answered;
	bool heard;
	int64_t heard_ms, begin_from_ms;
	unsigned failures;
	uint64_t epoch;
};

static void mark_broken(struct bus_follow *f)
{
	pthread_mutex_lock(&f->mu);
	f->broken = true;
	pthread_mutex_unlock(&f->mu);
	bus_wake(f->bus);
}

static void tell_caught_up(struct bus_follow *f, bool nothing_left)
{
	bool all_seen = f->made && f->consumer_sequence >= f->before;
	if (f->caught_up || !(all_seen || nothing_left))
		return;
	f->caught_up = true;
	if (f->o.caught_up)
		f->o.caught_up(f->o.arg);
}

/* Once only: what the creation of the first consumer came to is what bus_follow_open() returns; a message says it as well. */
static void answer(struct bus_follow *f, const struct err *refusal, struct span consumer)
{
	pthread_mutex_lock(&f->mu);
	f->answered = true;
	f->broken |= refusal != NULL;
	f->failures = refusal ? f->failures + (f->failures < 4) : 0;
	span_copy(consumer, f->consumer, sizeof f->consumer);
	if (!f->first_answered && refusal)
		f->refusal = *refusal;
	f->first_answered = true;
	pthread_cond_broadcast(&f->opened);
	pthread_mutex_unlock(&f->mu);
	if (refusal)
		bus_wake(f->bus);
}

static void on_made(struct bus_follow *f, const struct bus_in *in, int status)
{
	scoped_arena a = {0};
	struct err err = {0};
	struct json doc, member;
	if (status) {
		err_retry(&err, STATUS_UNAVAILABLE, "stream %s: JetStream is not there", f->stream);
		answer(f, &err, SPAN(""));
		return;
	}
	if (json_parse(in->data, &doc, &err) != STATUS_OK) {
		answer(f, &err, SPAN(""));
		return;
	}
	if (json_member(doc, SPAN("error"), &member)) {
		bus_api_err(&err, member, f->stream, NULL);
		answer(f, &err, SPAN(""));
		return;
	}
	json_member(doc, SPAN("name"), &member);
	f->made = f->has_begun = true;
	f->before = bus_api_u64(doc, "/num_pending") + bus_api_u64(doc, "/delivered/consumer_seq");
	if (f->o.new_only && !f->last_sequence)
		f->last_sequence = bus_api_u64(doc, "/delivered/stream_seq");
	answer(f, NULL, json_text(member, &a));
	tell_caught_up(f, false);
}

/*
 * Heartbeats tell how much was sent; flow control wants an answer once what came before it is dealt with, which is now.
 */
static void on_control(struct bus_follow *f, const struct bus_in *in)
{
	int64_t sent;
	if (in->reply.p) {
		natsConnection_Publish(f->bus->nc, in->reply.p, "", 0);
		bus_sent(f->bus);
		return;
	}
	struct span stalled = bus_in_header(in, "Nats-Consumer-Stalled");
	if (stalled.p) {
		natsConnection_Publish(f->bus->nc, stalled.p, "", 0);
		bus_sent(f->bus);
	}
	if (!span_i64(bus_in_header(in, "Nats-Last-Consumer"), &sent))
		return;
	if ((uint64_t)sent != f->consumer_sequence)
		mark_broken(f);
	else /* idle: what was there and did not come has been deleted */
		tell_caught_up(f, f->made && !stalled.p);
}

static void on_message(void *arg, natsMsg *m)
{
	struct bus_follow *f = arg;
	struct bus_in in = bus_message_view(m);
	struct bus_place place;
	pthread_mutex_lock(&f->mu);
	f->heard = true;
	bool broken = f->broken || f->ending;
	if (!broken && !f->first_answered && in.reply.p && !bus_message_status(m)) {
		/* What delivers has been made. The answer that says so may lie behind more messages than the receiver has room for. */
		f->first_answered = true;
		pthread_cond_broadcast(&f->opened);
	}
	pthread_mutex_unlock(&f->mu);
	if (broken) {
		/* the next run reads it again */
	} else if (in.reply.p && bus_place_parse(in.reply, &place)) {
		if (place.consumer_sequence != f->consumer_sequence + 1) {
			mark_broken(f);
		} else {
			f->consumer_sequence++;
			f->last_sequence = place.stream_sequence;
			if (f->take) {
				f->take(f->o.arg, m, &in, &place);
				return;
			}
			f->o.message(f->o.arg, &in, place.stream_sequence, place.stored_ns / 1000000);
			tell_caught_up(f, place.pending == 0);
		}
	} else if (bus_message_status(m) == 100) {
		on_control(f, &in);
	} else {
		on_made(f, &in, bus_message_status(m));
	}
	natsMsg_Destroy(m);
}

static void request_consumer(struct bus_follow *f)
{
	scoped_buf body = {0};
	char subject[300];
	snprintf(subject, sizeof subject, "$JS.API.CONSUMER.CREATE.%s", f->stream);
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_cstr(&w, "stream_name", f->stream);
	json_key(&w, SPAN("config"));
	json_begin_object(&w);
	json_kv_cstr(&w, "deliver_subject", f->inbox);
	if (f->last_sequence || (f->o.new_only && f->has_begun)) {
		json_kv_cstr(&w, "deliver_policy", "by_start_sequence");
		json_kv_i64(&w, "opt_start_seq", (int64_t)f->last_sequence + 1);
	} else if (f->o.since_ms) {
		json_kv_cstr(&w, "deliver_policy", "by_start_time");
		json_kv_time(&w, "opt_start_time", f->o.since_ms);
	} else {
		json_kv_cstr(&w, "deliver_policy", f->o.new_only ? "new" : f->o.last_per_subject ? "last_per_subject" : "all");
	}
	if (f->o.filter)
		json_kv_cstr(&w, "filter_subject", f->o.filter);
	else if (f->o.last_per_subject)
		json_kv_cstr(&w, "filter_subject", ">");
	json_kv_cstr(&w, "ack_policy", "none");
	json_kv_i64(&w, "max_deliver", 1);
	json_kv_bool(&w, "flow_control", true);
	json_kv_i64(&w, "idle_heartbeat", HEARTBEAT_MS * 1000000LL);
	json_kv_bool(&w, "headers_only", f->o.headers_only);
	json_kv_bool(&w, "mem_storage", true);
	json_kv_i64(&w, "num_replicas", 1);
	json_end_object(&w);
	json_end_object(&w);
	natsConnection_PublishRequest(f->bus->nc, subject, f->inbox, body.data, (int)body.len);
	bus_sent(f->bus);
}

/* Under the lock, with no run alive. */
static enum status begin(struct bus_follow *f, struct err *err)
{
	bus_inbox(f->bus, f->inbox);
	f->consumer_sequence = f->before = 0;
	f->made = f->broken = f->answered = f->ending = false;
	f->consumer[0] = 0;
	f->epoch = atomic_load(&f->bus->epoch);
	f->heard_ms = bus_now_ms(f->bus);
	/*
	 * Exactly this subject: the server delivers to no wildcard (its notice of interest is for literal subscriptions).
	 */
	if (bus_sub_open(f->bus, f->inbox, NULL, on_message, f, &f->sub, err) != STATUS_OK)
		return err->status;
	request_consumer(f);
	return STATUS_OK;
}

/* Under the lock. The server drops the consumer sooner or later when nobody listens to it; told so, at once. */
static void end(struct bus_follow *f)
{
	f->ending = true;
	bus_sub_end(f->sub, 0);
	if (!f->consumer[0])
		return;
	char subject[500];
	snprintf(subject, sizeof subject, "$JS.API.CONSUMER.DELETE.%s.%s", f->stream, f->consumer);
	natsConnection_PublishRequest(f->bus->nc, subject, f->inbox, "", 0);
	bus_sent(f->bus);
}

/* Under the lock. */
static bool has_failed(struct bus_follow *f, int64_t now_ms, uint64_t epoch)
{
	int64_t patience_ms = f->answered ? SILENCE_MS : ANSWER_MS;
	return f->broken || f->epoch != epoch || now_ms - f->heard_ms > patience_ms;
}

static int64_t turn(void *owner, int64_t now_ms, uint64_t epoch)
{
	struct bus_follow *f = owner;
	struct err err;
	int64_t next_ms = BUS_TURN_MS;
	if (!atomic_load(&f->bus->connected))
		return next_ms;
	pthread_mutex_lock(&f->mu);
	if (f->heard)
		f->heard_ms = now_ms;
	f->heard = false;
	if (f->sub && !f->ending && has_failed(f, now_ms, epoch)) {
		f->begin_from_ms = f->failures ? now_ms + ((int64_t)BUS_RETRY_MS << (f->failures - 1)) : now_ms;
		end(f);
	}
	if (f->sub && f->ending && bus_sub_has_ended(f->sub)) {
		bus_sub_free(f->sub);
		f->sub = NULL;
	}
	if (!f->sub && now_ms >= f->begin_from_ms && begin(f, &err) != STATUS_OK)
		f->sub = NULL; /* the next turn tries again */
	else if (!f->sub)
		next_ms = f->begin_from_ms - now_ms;
	pthread_mutex_unlock(&f->mu);
	return next_ms < BUS_TURN_MS ? next_ms : BUS_TURN_MS;
}

static enum status open_follow(struct bus_follow *f, struct err *err)
{
	pthread_mutex_init(&f->mu, NULL);
	wait_cond_init(&f->opened);
	f->task = (struct bus_task){.turn = turn, .owner = f};
	pthread_mutex_lock(&f->mu);
	enum status s = begin(f, err);
	struct timespec until = wait_until(ANSWER_MS);
	while (s == STATUS_OK && !f->first_answered && pthread_cond_timedwait(&f->opened, &f->mu, &until) == 0)
		continue;
	if (s == STATUS_OK && !f->first_answered)
		s = err_retry(err, STATUS_TIMEOUT, "stream %s: JetStream does not answer", f->stream);
	if (s == STATUS_OK && f->refusal.status) {
		*err = f->refusal;
		s = err->status;
	}
	f->broken |= s != STATUS_OK; /* from now on no callback waits for a receiver that will not come */
	pthread_mutex_unlock(&f->mu);
	if (s == STATUS_OK)
		bus_task_add(f->bus, &f->task);
	return s;
}

static void free_follow(struct bus_follow *f)
{
	if (f->sub) {
		pthread_mutex_lock(&f->mu);
		if (!f->ending)
			end(f);
		pthread_mutex_unlock(&f->mu);
		bus_sub_wait(f->sub);
		bus_sub_free(f->sub);
	}
	pthread_cond_destroy(&f->opened);
	pthread_mutex_destroy(&f->mu);
	free(f);
}

static struct bus_follow *new_follow(struct bus *b, const struct bus_follow_options *o, struct err *err)
{
	struct bus_follow *f = calloc(1, sizeof *f);
	if (!f)
		abort();
	f->bus = b;
	f->o = *o;
	f->last_sequence = o->after;
	if (!span_copy(span_from(o->stream), f->stream, sizeof f->stream) ||
	    (o->filter && !span_copy(span_from(o->filter), f->filter, sizeof f->filter))) {
		err_set(err, STATUS_INVALID, "the name of a stream or its filter is too long");
		free(f);
		return NULL;
	}
	f->o.stream = f->stream;
	f->o.filter = o->filter ? f->filter : NULL;
	return f;
}

static enum status start(struct bus_follow *f, struct bus_follow **ret, struct err *err)
{
	enum status s = open_follow(f, err);
	if (s == STATUS_OK)
		*ret = f;
	else
		free_follow(f);
	return s;
}

enum status bus_follow_open(struct bus *b, const struct bus_follow_options *o, struct bus_follow **ret, struct err *err)
{
	struct bus_follow *f = new_follow(b, o, err);
	return f ? start(f, ret, err) : err->status;
}

enum status bus_follow_take(struct bus *b, const struct bus_follow_options *o, bus_follow_take_fn take, struct bus_follow **ret,
                            struct err *err)
{
	struct bus_follow *f = new_follow(b, o, err);
	if (!f)
		return err->status;
	f->take = take;
	return start(f, ret, err);
}

void bus_follow_close(struct bus_follow *f)
{
	bus_task_remove(f->bus, &f->task);
	free_follow(f);
}

static void on_entry(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	const struct bus_follow *f = arg;
	struct span op = bus_in_header(m, "KV-Operation"), value = m->data;
	(void)stored_ms;
	if (m->subject.n <= f->key_at)
		return;
	if (span_is(op, "DEL") || span_is(op, "PURGE"))
		value = (struct span){0};
	f->watch.entry(f->watch.arg, span_of(m->subject.p + f->key_at, m->subject.n - f->key_at), value, sequence);
}

static void on_watch_caught_up(void *arg)
{
	const struct bus_follow *f = arg;
	if (f->watch.caught_up)
		f->watch.caught_up(f->watch.arg);
}

enum status bus_watch_open(struct bus *b, const struct bus_watch_options *o, struct bus_follow **ret, struct err *err)
{
	char stream[256], filter[256];
	snprintf(stream, sizeof stream, "KV_%s", o->bucket);
	snprintf(filter, sizeof filter, "$KV.%s.>", o->bucket);
	struct bus_follow_options fo = {.stream = stream,
	                                .filter = filter,
	                                .last_per_subject = true,
	                                .message = on_entry,
	                                .caught_up = on_watch_caught_up};
	struct bus_follow *f = new_follow(b, &fo, err);
	if (!f)
		return err->status;
	f->o.arg = f;
	f->watch = *o;
	f->key_at = strlen(filter) - 1;
	return start(f, ret, err);
}
