/* Listens to everything on the broker and checks each message of ours against its schema in proto/. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/job.h"
#include "contract/registry.h"
#include "core/id.h"
#include "core/map.h"
#include "json/schema.h"
#include "tests/lib/servers.h"

#define VIOLATIONS_SHOWN 10
#define REQUESTS_MAX 4096 /* waiting for their replies; past it all are forgotten */
#define REPLIES_MAX 1024  /* that came without their request; past it all are forgotten */
#define PREFIXES_MAX 32
#define SUBSCRIPTIONS 3

/* A request whose reply has not been seen. A request that breaks its schema is right if the reply is an error. */
struct request {
	const struct json_table *reply;
	char violation[600]; /* "" when the request is valid */
};

/* Each subscription has a thread of its own, so that a reply may be here before its request. */
struct reply {
	bool refused;
	size_t n;
	char data[];
};

static struct {
	pthread_mutex_t lock; /* guards all below but `bus` and `subs` */
	struct bus *bus;
	struct bus_sub *subs[SUBSCRIPTIONS];
	char sentinel[ID_BYTES];
	bool caught_up[SUBSCRIPTIONS];
	uint64_t seen; /* messages, without our own */
	struct map schemas;  /* title → struct json_schema */
	struct map requests; /* reply inbox → struct request */
	struct map replies;  /* inbox → struct reply */
	const char *prefixes[PREFIXES_MAX];
	size_t prefixes_n;
	struct buf violations;
	size_t violations_n;
} o = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void violation(const char *text)
{
	if (o.violations_n++ < VIOLATIONS_SHOWN)
		buf_printf(&o.violations, "%s\n", text);
}

static enum status find_schema(const char *title, struct json_schema **ret, struct err *err)
{
	struct json_schema *s = map_get(&o.schemas, span_from(title));
	if (!s) {
		char name[128];
		snprintf(name, sizeof name, "%s.json", title);
		enum status e = json_schema_load("proto", name, &s, err);
		if (e != STATUS_OK)
			return e;
		map_put(&o.schemas, span_from(title), s);
	}
	*ret = s;
	return STATUS_OK;
}

static enum status check_body(const char *title, struct span body, struct err *err)
{
	struct json value;
	struct json_schema *schema = NULL;
	enum status e = find_schema(title, &schema, err);
	if (e == STATUS_OK)
		e = json_parse(body, &value, err);
	return e == STATUS_OK ? json_schema_check(schema, value, err) : e;
}

/* False, with the whole story in `out`, when the body is not what `title` says. An empty body counts as {}. */
static bool check(const char *title, struct span subject, struct span body, char *out, size_t out_bytes)
{
	struct err err;
	if (check_body(title, body.n ? body : SPAN("{}"), &err) == STATUS_OK)
		return true;
	snprintf(out, out_bytes, "%.*s: not a valid %s: %s%s%s in %.*s", SPAN_ARG(subject), title, err.field,
	         err.field[0] ? ": " : "", err.msg, (int)(body.n < 200 ? body.n : 200), body.p);
	return false;
}

static void forget_all(struct map *m)
{
	for (struct map_slot *s = map_next(m, NULL); s; s = map_next(m, s))
		free(s->value);
	map_free(m);
}

static void judge(const struct request *r, struct span inbox, bool refused, struct span body)
{
	char text[1024];
	if (!refused && r->violation[0])
		violation(r->violation);
	else if (!check(refused ? error_reply_table.title : r->reply->title, inbox, body, text, sizeof text))
		violation(text);
}

static void add_request(const struct bus_in *m, const struct contract_row *row)
{
	struct request *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->reply = row->reply;
	check(row->table->title, m->subject, m->data, r->violation, sizeof r->violation);
	struct reply *early = map_del(&o.replies, m->reply);
	if (early) {
		judge(r, m->reply, early->refused, span_of(early->data, early->n));
		free(early);
		free(r);
		return;
	}
	if (o.requests.count >= REQUESTS_MAX)
		forget_all(&o.requests);
	free(map_put(&o.requests, m->reply, r));
}

static void keep_reply(const struct bus_in *m, bool refused)
{
	if (span_starts(m->data, SPAN("{\"stream\":")) || span_starts(m->data, SPAN("{\"type\":\"io.nats.")))
		return; /* of JetStream, whose requests are not ours */
	struct reply *r = malloc(sizeof *r + m->data.n);
	if (!r)
		abort();
	r->refused = refused;
	r->n = m->data.n;
	if (r->n)
		memcpy(r->data, m->data.p, r->n);
	if (o.replies.count >= REPLIES_MAX)
		forget_all(&o.replies);
	free(map_put(&o.replies, m->subject, r));
}

static void check_reply(const struct bus_in *m)
{
	struct request *r = map_del(&o.requests, m->subject);
	bool refused = bus_in_header(m, "Nats-Service-Error-Code").p != NULL;
	if (r)
		judge(r, m->subject, refused, m->data);
	else
		keep_reply(m, refused);
	free(r);
}

/* A submission that is broken on purpose is seen again where the broker republishes it. */
static bool is_expected(const struct bus_in *m)
{
	struct span origin = bus_in_header(m, "Nats-Subject");
	for (size_t i = 0; i < o.prefixes_n; i++) {
		struct span prefix = span_from(o.prefixes[i]);
		if (span_starts(m->subject, prefix) || (origin.p && span_starts(origin, prefix)))
			return true;
	}
	return false;
}

static void check_message(const struct bus_in *m)
{
	char text[1024];
	bool bucket = span_starts(m->subject, SPAN("$KV."));
	const struct contract_row *row = contract_find(m->subject);
	if (is_expected(m) || (bucket && (!row || bus_in_header(m, "KV-Operation").p)))
		return;
	if (!row) {
		snprintf(text, sizeof text, "%.*s: no row of the contract has this subject", SPAN_ARG(m->subject));
		violation(text);
	} else if (row->reply && m->reply.p) {
		add_request(m, row);
	} else if (!check(row->table->title, m->subject, m->data, text, sizeof text)) {
		violation(text);
	}
}

static const char *const subjects[SUBSCRIPTIONS] = {"gannet.>", "$KV.>", "_INBOX.*.*"};
static const char *const sentinels[SUBSCRIPTIONS] = {"gannet.test-observer.", "$KV.test-observer.", "_INBOX.test-observer."};

static void on_message(void *arg, const struct bus_in *m)
{
	const char *const *of = arg;
	const struct span sentinel = span_from(sentinels[of - subjects]);
	/* What JetStream delivers to its consumers was checked when it was published. */
	if (m->reply.p && span_starts(m->reply, SPAN("$JS.ACK.")))
		return;
	pthread_mutex_lock(&o.lock);
	o.seen += !span_starts(m->subject, sentinel);
	if (span_starts(m->subject, sentinel))
		o.caught_up[of - subjects] |= span_is(span_of(m->subject.p + sentinel.n, m->subject.n - sentinel.n), o.sentinel);
	else if (span_starts(m->subject, SPAN("_INBOX.")))
		check_reply(m);
	else
		check_message(m);
	pthread_mutex_unlock(&o.lock);
}

/*
 * Our own message comes back behind all that the broker has sent to that subscription before; sent anew, in case a full queue
 * dropped it.
 */
static bool has_caught_up(void)
{
	struct err err;
	bool all = true;
	for (size_t i = 0; i < SUBSCRIPTIONS; i++) {
		pthread_mutex_lock(&o.lock);
		bool seen = o.caught_up[i];
		pthread_mutex_unlock(&o.lock);
		all &= seen;
		char subject[ID_BYTES + 32];
		snprintf(subject, sizeof subject, "%s%s", sentinels[i], o.sentinel);
		if (!seen)
			CHECK_OK(bus_publish(o.bus, &(struct bus_out){.subject = subject}, &err), err);
	}
	return all;
}

static uint64_t seen_now(void)
{
	pthread_mutex_lock(&o.lock);
	uint64_t n = o.seen;
	pthread_mutex_unlock(&o.lock);
	return n;
}

/* There may be very many: waited for as long as it goes on. */
static void catch_up(void)
{
	while (!has_caught_up()) {
		uint64_t seen = seen_now();
		WAIT_FOR(has_caught_up() || seen_now() != seen, "the observer to see all messages");
	}
}

static void finish(void)
{
	if (test_nats_pid() && bus_is_connected(o.bus))
		catch_up();
	for (size_t i = 0; i < countof(o.subs); i++)
		bus_unsubscribe(o.subs[i]);
	bus_close(o.bus);
	CHECK_MSG(!o.violations_n, "%zu messages break the contract:\n%s", o.violations_n, o.violations.data);
}

void test_observe(void)
{
	struct err err;
	struct bus_options options = {.url = test_nats_url(), .name = "test-observer", .clock = &clock_system};
	if (o.bus)
		return;
	id_random(o.sentinel);
	CHECK_OK(bus_open(&options, &o.bus, &err), err);
	/*
	 * Not ">": a listener on the inboxes of pull requests would look to the broker like the worker itself, also after that has died,
	 * and jobs would be handed to the dead one. Replies to requests have three tokens, pull requests' inboxes four.
	 */
	for (size_t i = 0; i < SUBSCRIPTIONS; i++)
		CHECK_OK(bus_subscribe(o.bus, subjects[i], NULL, on_message, (void *)&subjects[i], &o.subs[i], &err), err);
	CHECK_OK(bus_flush(o.bus, 5000, &err), err);
	test_at_end(TEST_END_BUS, finish);
}

void test_expect_invalid(const char *subject_prefix)
{
	pthread_mutex_lock(&o.lock);
	CHECK(o.prefixes_n < PREFIXES_MAX);
	o.prefixes[o.prefixes_n++] = subject_prefix;
	pthread_mutex_unlock(&o.lock);
}
