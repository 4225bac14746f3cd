/* NATS micro services (ADR-32): endpoints answered by a few threads, and the three questions anybody may ask. */
#include "bus/micro.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/internal.h"
#include "core/id.h"

#define GANNET_MICRO_VERSION "0.1.0"
#define LAST_ERROR_BYTES 256
#define DRAIN_MS 1000

struct endpoint {
	struct micro *micro;
	const struct micro_endpoint *d;
	struct bus_sub *sub;
	/* under micro->mu */
	uint64_t requests, errors, processing_ns;
	char last_error[LAST_ERROR_BYTES];
};

struct job {
	struct endpoint *endpoint;
	natsMsg *msg;
};

/* Requests on their way to threads of their own. */
struct line {
	struct micro *micro;
	pthread_t threads[MICRO_THREADS];
	size_t threads_n;
	/* under micro->mu */
	pthread_cond_t more;
	struct job *queue; /* a ring */
	size_t first, count;
};

struct micro {
	struct bus *bus;
	const struct clock *clock;
	const char *name, *description;
	void *arg;
	char id[ID_BYTES];
	char started[RFC3339_BYTES];
	struct bus_sub *questions[3]; /* $SRV.*, $SRV.*.<name>, $SRV.*.<name>.<id> */
	struct endpoint *endpoints;
	size_t n;
	struct line lines[2]; /* by broker_only; one without endpoints has no threads */

	pthread_mutex_t mu; /* guards the queues and the figures */
	bool stopping;
};

enum status micro_decode(const struct micro_request *r, const struct json_table *t, void *ret, struct err *err)
{
	struct json body;
	if (!r->tenant.p || !id_is_tenant(r->tenant))
		return err_field(err, STATUS_INVALID, "subject", "subject %.*s: tenant must be 1 to 32 of a-z 0-9 _ -",
		                 SPAN_ARG(r->in.subject));
	if (r->in.data.n > MICRO_BODY_MAX)
		return err_set(err, STATUS_TOO_LARGE, "a request of %zu bytes is larger than %d", r->in.data.n, MICRO_BODY_MAX);
	enum status s = json_parse(r->in.data.n ? r->in.data : SPAN("{}"), &body, err);
	return s == STATUS_OK ? json_decode(t, body, JSON_STRICT, r->arena, ret, err) : s;
}

void err_to_json(const struct err *e, struct buf *out)
{
	struct json_writer w = {.out = out};
	json_begin_object(&w);
	json_key(&w, SPAN("error"));
	json_begin_object(&w);
	json_kv_cstr(&w, "code", status_code(e->status));
	json_kv_cstr(&w, "message", e->msg);
	if (e->field[0])
		json_kv_cstr(&w, "field", e->field);
	json_end_object(&w);
	json_end_object(&w);
}

/* A header holds one line. */
static struct span one_line(struct span text, char out[sizeof((struct err *)0)->msg])
{
	size_t n = 0;
	for (; n < text.n; n++)
		out[n] = (unsigned char)text.p[n] < ' ' ? ' ' : text.p[n];
	return span_of(out, n);
}

/* An answer that cannot be sent is not missed by anyone but its reader, who has a time-out. */
static void answer(struct bus *b, struct span reply, struct span data, const struct bus_header *headers,
                   size_t headers_n)
{
	char subject[512];
	struct err ignored;
	if (!reply.n || !span_copy(reply, subject, sizeof subject))
		return;
	struct bus_out out = {.subject = subject, .data = data, .headers = headers, .headers_n = headers_n};
	if (bus_publish(b, &out, &ignored) != STATUS_OK && ignored.status == STATUS_TOO_LARGE) {
		struct err e;
		err_set(&e, STATUS_TOO_LARGE, "the answer has %zu bytes, more than the server's maximum payload", data.n);
		bus_reply_error(b, reply, &e);
	}
}

void bus_reply_error(struct bus *b, struct span reply, const struct err *e)
{
	scoped_buf body = {0};
	char code[12], line[sizeof e->msg];
	int n = snprintf(code, sizeof code, "%d", status_http(e->status));
	const struct bus_header h[] = {
	    {"Nats-Service-Error", one_line(span_from(e->msg[0] ? e->msg : status_code(e->status)), line)},
	    {"Nats-Service-Error-Code", span_of(code, (size_t)n)}};
	err_to_json(e, &body);
	answer(b, reply, buf_span(&body), h, countof(h));
}

static void write_base(const struct micro *m, struct json_writer *w, const char *type)
{
	json_kv_cstr(w, "type", type);
	json_kv_cstr(w, "name", m->name);
	json_kv_cstr(w, "id", m->id);
	json_kv_cstr(w, "version", GANNET_MICRO_VERSION);
	json_key(w, SPAN("metadata"));
	json_begin_object(w);
	json_kv_cstr(w, "commit", GANNET_COMMIT);
	json_end_object(w);
}

static void write_endpoint(const struct endpoint *e, struct json_writer *w)
{
	json_kv_cstr(w, "name", e->d->name);
	json_kv_cstr(w, "subject", e->d->subject);
	json_kv_cstr(w, "queue_group", "q");
}

static void write_info(struct micro *m, struct json_writer *w)
{
	write_base(m, w, "io.nats.micro.v1.info_response");
	json_kv_cstr(w, "description", m->description);
	json_key(w, SPAN("endpoints"));
	json_begin_array(w);
	for (size_t i = 0; i < m->n; i++) {
		json_begin_object(w);
		write_endpoint(&m->endpoints[i], w);
		json_key(w, SPAN("metadata"));
		json_begin_object(w);
		if (m->endpoints[i].d->description)
			json_kv_cstr(w, "description", m->endpoints[i].d->description);
		json_end_object(w);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_stats(struct micro *m, struct json_writer *w)
{
	write_base(m, w, "io.nats.micro.v1.stats_response");
	json_kv_cstr(w, "started", m->started);
	json_key(w, SPAN("endpoints"));
	json_begin_array(w);
	pthread_mutex_lock(&m->mu);
	for (size_t i = 0; i < m->n; i++) {
		const struct endpoint *e = &m->endpoints[i];
		json_begin_object(w);
		write_endpoint(e, w);
		json_kv_i64(w, "num_requests", (int64_t)e->requests);
		json_kv_i64(w, "num_errors", (int64_t)e->errors);
		json_kv_cstr(w, "last_error", e->last_error);
		json_kv_i64(w, "processing_time", (int64_t)e->processing_ns);
		json_kv_i64(w, "average_processing_time", e->requests ? (int64_t)(e->processing_ns / e->requests) : 0);
		json_end_object(w);
	}
	pthread_mutex_unlock(&m->mu);
	json_end_array(w);
}

/* $SRV.PING, $SRV.INFO.<name>, … */
static void on_question(void *arg, natsMsg *msg)
{
	struct micro *m = arg;
	struct bus_in in = bus_message_view(msg);
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	struct span rest = span_of(in.subject.p + 5, in.subject.n - 5), verb = span_cut(&rest, '.');
	json_begin_object(&w);
	if (span_is(verb, "PING"))
		write_base(m, &w, "io.nats.micro.v1.ping_response");
	else if (span_is(verb, "INFO"))
		write_info(m, &w);
	else if (span_is(verb, "STATS"))
		write_stats(m, &w);
	json_end_object(&w);
	if (out.len > 2)
		answer(m->bus, in.reply, buf_span(&out), NULL, 0);
	natsMsg_Destroy(msg);
}

static void count_request(struct endpoint *e, int64_t ns, const struct err *failure)
{
	struct micro *m = e->micro;
	pthread_mutex_lock(&m->mu);
	e->requests++;
	e->processing_ns += (uint64_t)(ns > 0 ? ns : 1);
	if (failure) {
		e->errors++;
		snprintf(e->last_error, sizeof e->last_error, "%d:%.200s", status_http(failure->status), failure->msg);
	}
	pthread_mutex_unlock(&m->mu);
}

static void refuse(struct endpoint *e, natsMsg *msg, const char *why)
{
	struct err err;
	err_retry(&err, STATUS_UNAVAILABLE, "%s", why);
	bus_reply_error(e->micro->bus, span_from(natsMsg_GetReply(msg)), &err);
	count_request(e, 0, &err);
	natsMsg_Destroy(msg);
}

static void on_request(void *arg, natsMsg *msg)
{
	struct endpoint *e = arg;
	struct micro *m = e->micro;
	struct line *l = &m->lines[e->d->broker_only];
	pthread_mutex_lock(&m->mu);
	bool full = l->count == MICRO_QUEUE_MAX, stopping = m->stopping;
	if (!full && !stopping) {
		l->queue[(l->first + l->count++) % MICRO_QUEUE_MAX] = (struct job){e, msg};
		pthread_cond_signal(&l->more);
	}
	pthread_mutex_unlock(&m->mu);
	if (full || stopping)
		refuse(e, msg, stopping ? "the service is stopping" : "too many requests are waiting");
}

static struct span tenant_of(struct span subject)
{
	struct span rest = subject, first = span_cut(&rest, '.');
	return span_is(first, "gannet") && rest.p ? span_cut(&rest, '.') : (struct span){0};
}

static void handle(struct job job, struct arena *a, struct buf *reply)
{
	struct endpoint *e = job.endpoint;
	struct micro *m = e->micro;
	struct micro_request r = {.in = bus_message_view(job.msg), .arena = a};
	r.tenant = tenant_of(r.in.subject);
	struct err err = {0};
	int64_t from_ns = clock_mono_ns(m->clock);
	bool ok = e->d->handle(m->arg, &r, reply, &err) == STATUS_OK;
	if (ok && reply->overflow) {
		err_set(&err, STATUS_TOO_LARGE, "the answer is larger than %zu bytes", BUF_DEFAULT_MAX);
		ok = false;
	}
	if (ok)
		answer(m->bus, r.in.reply, buf_span(reply), NULL, 0);
	else
		bus_reply_error(m->bus, r.in.reply, &err);
	count_request(e, clock_mono_ns(m->clock) - from_ns, ok ? NULL : &err);
	natsMsg_Destroy(job.msg);
}

static void *work(void *arg)
{
	struct line *l = arg;
	struct micro *m = l->micro;
	scoped_arena a = {0};
	scoped_buf reply = {0};
	pthread_mutex_lock(&m->mu);
	for (;;) {
		while (!l->count && !m->stopping)
			pthread_cond_wait(&l->more, &m->mu);
		if (m->stopping)
			break;
		struct job job = l->queue[l->first];
		l->first = (l->first + 1) % MICRO_QUEUE_MAX;
		l->count--;
		pthread_mutex_unlock(&m->mu);
		handle(job, &a, &reply);
		arena_reset(&a);
		buf_reset(&reply);
		pthread_mutex_lock(&m->mu);
	}
	pthread_mutex_unlock(&m->mu);
	return NULL;
}

static enum status subscribe_questions(struct micro *m, struct err *err)
{
	char subjects[3][200];
	snprintf(subjects[0], sizeof subjects[0], "$SRV.*");
	snprintf(subjects[1], sizeof subjects[1], "$SRV.*.%s", m->name);
	snprintf(subjects[2], sizeof subjects[2], "$SRV.*.%s.%s", m->name, m->id);
	for (size_t i = 0; i < countof(subjects); i++)
		if (bus_sub_open(m->bus, subjects[i], NULL, on_question, m, &m->questions[i], err) != STATUS_OK)
			return err->status;
	return STATUS_OK;
}

static enum status begin_line(struct line *l, struct err *err)
{
	if (l->queue)
		return STATUS_OK;
	l->queue = calloc(MICRO_QUEUE_MAX, sizeof *l->queue);
	if (!l->queue)
		abort();
	for (; l->threads_n < MICRO_THREADS; l->threads_n++)
		if (pthread_create(&l->threads[l->threads_n], NULL, work, l) != 0)
			return err_set(err, STATUS_INTERNAL, "no thread for the service's requests");
	return STATUS_OK;
}

static enum status begin(struct micro *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (begin_line(&m->lines[m->endpoints[i].d->broker_only], err) != STATUS_OK)
			return err->status;
	for (size_t i = 0; i < m->n; i++) {
		struct endpoint *e = &m->endpoints[i];
		if (bus_sub_open(m->bus, e->d->subject, "q", on_request, e, &e->sub, err) != STATUS_OK)
			return err->status;
	}
	return subscribe_questions(m, err);
}

static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	return n && n <= 100 && !name[n];
}

enum status micro_start(struct bus *b, const char *name, const char *description,
                        const struct micro_endpoint *endpoints, size_t n, void *arg, const struct clock *clock,
                        struct micro **ret, struct err *err)
{
	if (!is_name(name))
		return err_field(err, STATUS_INVALID, "name", "service name \"%.100s\" is not 1 to 100 of A-Z a-z 0-9 _ -",
		                 name);
	struct micro *m = calloc(1, sizeof *m);
	if (!m || !(m->endpoints = calloc(n ? n : 1, sizeof *m->endpoints)))
		abort();
	m->bus = b, m->clock = clock, m->name = name, m->description = description, m->arg = arg, m->n = n;
	for (size_t i = 0; i < n; i++)
		m->endpoints[i] = (struct endpoint){.micro = m, .d = &endpoints[i]};
	id_random(m->id);
	rfc3339_format(clock_wall_ms(clock), m->started);
	pthread_mutex_init(&m->mu, NULL);
	for (size_t i = 0; i < countof(m->lines); i++) {
		m->lines[i].micro = m;
		pthread_cond_init(&m->lines[i].more, NULL);
	}
	if (begin(m, err) != STATUS_OK) {
		micro_stop(m);
		return err->status;
	}
	*ret = m;
	return STATUS_OK;
}

/* All at once, so that what has come already is refused and not lost, within one wait. */
static void end_sub(struct bus_sub *s)
{
	if (s)
		bus_sub_end(s, DRAIN_MS);
}

static void free_sub(struct bus_sub *s)
{
	if (!s)
		return;
	bus_sub_wait(s);
	bus_sub_free(s);
}

static void free_line(struct line *l)
{
	for (; l->count; l->count--, l->first = (l->first + 1) % MICRO_QUEUE_MAX)
		refuse(l->queue[l->first].endpoint, l->queue[l->first].msg, "the service is stopping");
	pthread_cond_destroy(&l->more);
	free(l->queue);
}

void micro_stop(struct micro *m)
{
	pthread_mutex_lock(&m->mu);
	m->stopping = true;
	for (size_t i = 0; i < countof(m->lines); i++)
		pthread_cond_broadcast(&m->lines[i].more);
	pthread_mutex_unlock(&m->mu);
	for (size_t i = 0; i < countof(m->lines); i++)
		for (size_t t = 0; t < m->lines[i].threads_n; t++)
			pthread_join(m->lines[i].threads[t], NULL);
	for (size_t i = 0; i < m->n; i++)
		end_sub(m->endpoints[i].sub);
	for (size_t i = 0; i < countof(m->questions); i++)
		end_sub(m->questions[i]);
	for (size_t i = 0; i < m->n; i++)
		free_sub(m->endpoints[i].sub);
	for (size_t i = 0; i < countof(m->questions); i++)
		free_sub(m->questions[i]);
	for (size_t i = 0; i < countof(m->lines); i++)
		free_line(&m->lines[i]);
	pthread_mutex_destroy(&m->mu);
	free(m->endpoints);
	free(m);
}
