/* The suite's streams, buckets and consumers as one table: what is missing is created, what is there is compared. */
#include "bus/topology.h"

#include <stdio.h>
#include <time.h>

#include "bus/internal.h"
#include "contract/job.h"

#define NS_PER_S 1000000000LL
#define FIELDS_MAX 20
#define DAY_S 86400
#define TICKS_MAX_AGE_S 3600
#define MAX_WAITING 8192 /* pull requests open on a consumer; a worker has a handful */

const struct bus_limits bus_limits_default = {
    .replicas = 1, .jobs_max_bytes = -1, .events_max_age_s = 7 * DAY_S, .events_max_bytes = -1, .lease_ms = 30000};

enum kind { WORK_QUEUE, LIMITS, BUCKET };

static const struct row {
	const char *name;
	enum kind kind;
	const char *subjects;  /* JSON array; NULL for a bucket */
	const char *republish; /* JSON object or NULL */
	int64_t max_age_s;     /* 0: for ever */
} rows[] = {
    {STREAM_JOBS, WORK_QUEUE, "[\"gannet.*.jobs.submit.*.*\",\"gannet.*.jobs.overflow.*.*.*\"]",
     "{\"src\":\"gannet.*.jobs.submit.*.*\","
     "\"dest\":\"gannet.{{wildcard(1)}}.jobs.event.queued.{{wildcard(2)}}.{{wildcard(3)}}\"}"},
    {STREAM_EVENTS, LIMITS, "[\"gannet.*.jobs.event.>\",\"gannet.*.records.result.>\"]"},
    {STREAM_DELAYED, LIMITS, "[\"gannet.*.jobs.delayed.*.*.*.*\"]"},
    /*
     * Not "gannet.tick.>": tick could be a tenant, and the subjects of two streams must not overlap. The second one is
     * what replicas of version 0.1 publish.
     */
    {STREAM_TICKS, WORK_QUEUE, "[\"gannet.tick.*\",\"gannet.tick.jobs.*\"]", .max_age_s = TICKS_MAX_AGE_S},
    {STREAM_STATE, LIMITS, "[\"gannet.*.snapshot.taken\",\"gannet.*.reasoning.completed\",\"gannet.*.actions.completed\"]", .max_age_s = 7 * DAY_S},
    {STREAM_FINDINGS, LIMITS, "[\"gannet.*.findings.*.*\"]", .max_age_s = 90 * DAY_S},
    {STREAM_ACTIONS, WORK_QUEUE, "[\"gannet.*.actions.run.*\"]"},
    {STREAM_SIGNALS, LIMITS, "[\"gannet.*.signals.>\"]", .max_age_s = 7 * DAY_S},
    {BUCKET_CANCELLED, BUCKET, .max_age_s = DAY_S},
    {BUCKET_WORKERS, BUCKET, .max_age_s = 60},
    {BUCKET_LATEST, BUCKET},
    {BUCKET_FINDINGS, BUCKET},
    {BUCKET_WATCHES, BUCKET},
    {BUCKET_WATCH_PROFILES, BUCKET},
    {BUCKET_PLANS, BUCKET, .max_age_s = DAY_S},
    {BUCKET_ACTIONS, BUCKET, .max_age_s = 30 * DAY_S},
    {BUCKET_PAUSED, BUCKET},
    {BUCKET_NOTIFIED, BUCKET},
    {BUCKET_SILENCES, BUCKET},
    {BUCKET_KEYS, BUCKET},
};

const char *const bus_topology_names[] = {
    STREAM_JOBS,     STREAM_EVENTS,   STREAM_DELAYED,        STREAM_TICKS,     STREAM_STATE,   STREAM_FINDINGS,
    STREAM_ACTIONS,  STREAM_SIGNALS,  BUCKET_CANCELLED,      BUCKET_WORKERS,   BUCKET_LATEST,  BUCKET_FINDINGS,
    BUCKET_WATCHES,  BUCKET_WATCH_PROFILES, BUCKET_PLANS,    BUCKET_ACTIONS,   BUCKET_PAUSED,  BUCKET_NOTIFIED,
    BUCKET_SILENCES, BUCKET_KEYS,     NULL};
_Static_assert(countof(bus_topology_names) == countof(rows) + 1, "every row has its name");

static const struct consumer_row {
	const char *stream, *name, *filter;
	int64_t max_ack_pending; /* 0: JOBS_MAX_ACK_PENDING; 1: one at a time, whatever the replicas */
} consumer_rows[] = {
    {STREAM_TICKS, CONSUMER_TICKS_JOBS, "gannet.tick.jobs"},
    {STREAM_TICKS, CONSUMER_TICKS_COLLECTOR, "gannet.tick.collector", 1},
    {STREAM_TICKS, CONSUMER_TICKS_ANALYTICS, "gannet.tick.analytics"},
    {STREAM_TICKS, CONSUMER_TICKS_WATCHERS, "gannet.tick.watchers"},
    {STREAM_STATE, CONSUMER_STATE_REASONING, "gannet.*.snapshot.taken"},
    {STREAM_ACTIONS, CONSUMER_ACTIONS_RETRY, "gannet.*.actions.run.retry_failed_jobs"},
    {STREAM_ACTIONS, CONSUMER_ACTIONS_PAUSE, "gannet.*.actions.run.pause_queue"},
    {STREAM_ACTIONS, CONSUMER_ACTIONS_RESUME, "gannet.*.actions.run.resume_queue"},
    {STREAM_ACTIONS, CONSUMER_ACTIONS_SNAPSHOT, "gannet.*.actions.run.take_snapshot"},
    {STREAM_FINDINGS, CONSUMER_FINDINGS_NOTIFIER, "gannet.*.findings.*.*", 1},
};

/* A member of a configuration: written when the object is created, compared when it exists. */
struct field {
	const char *name;
	enum { TEXT, RAW, NUMBER, FLAG } kind;
	const char *text;
	int64_t number;
};
struct fields {
	struct field all[FIELDS_MAX];
	size_t n;
};

static void add(struct fields *f, struct field one)
{
	f->all[f->n++] = one;
}

static void add_text(struct fields *f, const char *name, const char *text)
{
	add(f, (struct field){name, TEXT, text, 0});
}

static void add_number(struct fields *f, const char *name, int64_t number)
{
	add(f, (struct field){name, NUMBER, NULL, number});
}

static void add_flag(struct fields *f, const char *name, bool flag)
{
	add(f, (struct field){name, FLAG, NULL, flag});
}

static void stream_fields(const struct row *r, const struct bus_limits *l, const char *subjects, struct fields *f)
{
	bool is_jobs = span_is(span_from(r->name), STREAM_JOBS), is_events = span_is(span_from(r->name), STREAM_EVENTS);
	int64_t max_age_s = is_events ? l->events_max_age_s : r->max_age_s, window_s = BUS_DUPLICATE_WINDOW_S;
	if (max_age_s && max_age_s < window_s)
		window_s = max_age_s;
	/* What may not be lost is refused when there is no room; what is only remembered makes room. */
	bool forgets = is_events || (r->kind != BUCKET && r->max_age_s);
	add(f, (struct field){"subjects", RAW, subjects, 0});
	add_text(f, "retention", r->kind == WORK_QUEUE ? "workqueue" : "limits");
	add_text(f, "storage", "file");
	add_text(f, "discard", forgets ? "old" : "new");
	add_number(f, "num_replicas", l->replicas);
	add_number(f, "max_age", max_age_s * NS_PER_S);
	add_number(f, "max_bytes", is_jobs ? l->jobs_max_bytes : is_events ? l->events_max_bytes : -1);
	add_number(f, "max_msgs", -1);
	add_number(f, "max_msgs_per_subject", r->kind == BUCKET ? 1 : -1);
	add_number(f, "duplicate_window", window_s * NS_PER_S);
	add_flag(f, "allow_direct", true);
	add_flag(f, "allow_rollup_hdrs", r->kind == BUCKET);
	add_flag(f, "deny_delete", r->kind == BUCKET);
	add_flag(f, "deny_purge", false);
	add(f, (struct field){"republish", RAW, r->republish, 0});
}

static void consumer_fields(const struct consumer_row *c, const struct bus_limits *l, struct fields *f)
{
	add_text(f, "durable_name", c->name);
	add_text(f, "filter_subject", c->filter);
	add_text(f, "deliver_policy", "all");
	add_text(f, "ack_policy", "explicit");
	add_text(f, "replay_policy", "instant");
	add_number(f, "ack_wait", l->lease_ms * 1000000);
	add_number(f, "max_deliver", -1);
	add_number(f, "max_ack_pending", c->max_ack_pending ? c->max_ack_pending : JOBS_MAX_ACK_PENDING);
	add_number(f, "max_waiting", MAX_WAITING);
}

static void write_fields(struct json_writer *w, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct field *d = &f->all[i];
		if (d->kind == NUMBER)
			json_kv_i64(w, d->name, d->number);
		else if (d->kind == FLAG)
			json_kv_bool(w, d->name, d->number);
		else if (d->kind == TEXT)
			json_kv_cstr(w, d->name, d->text);
		else if (d->text)
			json_kv(w, d->name, (struct json){span_from(d->text), d->text[0] == '[' ? JSON_ARRAY : JSON_OBJECT});
	}
}

/* Without what JSON leaves to the writer: the server escapes '>' in subjects. */
static void canonical(struct json v, struct arena *a, struct buf *out)
{
	struct json key, value;
	size_t n = 0;
	if (v.type == JSON_STRING) {
		json_quote(out, json_text(v, a));
	} else if (v.type != JSON_ARRAY && v.type != JSON_OBJECT) {
		buf_addspan(out, v.text);
	} else {
		buf_addc(out, v.type == JSON_ARRAY ? '[' : '{');
		for (struct json_iter it = json_iter(v); json_next(&it, &key, &value); n++) {
			if (n)
				buf_addc(out, ',');
			if (key.type == JSON_STRING) {
				canonical(key, a, out);
				buf_addc(out, ':');
			}
			canonical(value, a, out);
		}
		buf_addc(out, v.type == JSON_ARRAY ? ']' : '}');
	}
}

/* The found value as text, in the form that wanted_text() has; members left out have their zero value. */
static void found_text(const struct field *d, struct json config, struct buf *out)
{
	scoped_arena a = {0};
	struct json v;
	if (json_member(config, span_from(d->name), &v) && v.type != JSON_NULL)
		canonical(v, &a, out);
	else
		buf_adds(out, d->kind == NUMBER ? "0" : d->kind == FLAG ? "false" : d->kind == TEXT ? "\"\"" : "none");
}

static void wanted_text(const struct field *d, struct buf *out)
{
	if (d->kind == NUMBER)
		buf_addi64(out, d->number);
	else if (d->kind == TEXT)
		json_quote(out, span_from(d->text));
	else
		buf_adds(out, d->kind == FLAG ? (d->number ? "true" : "false") : d->text ? d->text : "none");
}

static enum status compare(const char *object, const struct fields *f, struct json config, struct err *err)
{
	scoped_buf found = {0}, wanted = {0};
	for (size_t i = 0; i < f->n; i++) {
		const struct field *d = &f->all[i];
		buf_reset(&found);
		buf_reset(&wanted);
		found_text(d, config, &found);
		wanted_text(d, &wanted);
		if (!span_eq(buf_span(&found), buf_span(&wanted)))
			return err_field(err, STATUS_CONFLICT, d->name,
			                 "%s exists with %s %s, wanted is %s: change one of the two by hand", object, d->name,
			                 found.data, wanted.data);
	}
	return STATUS_OK;
}

/* An object by the subjects of its API and the JSON that creates it. */
struct object {
	char label[320], info[320], create[320];
	int missing_code, exists_code;
	struct fields fields;
	struct span body;
};

/* How often and how long to wait for somebody else's creation to be done, which until then looks like a stream in the way of ours. */
#define CREATION_TRIES 50
#define CREATION_NS 20000000

/* Whether a creation that was refused is worth another look. */
static bool is_being_created(const struct object *o, int code, int tries)
{
	if (code == BUS_API_SUBJECTS_OVERLAP && tries < CREATION_TRIES) {
		nanosleep(&(struct timespec){.tv_nsec = CREATION_NS}, NULL);
		return true;
	}
	return code == o->exists_code && tries < 3;
}

/*
 * Asked for, created when missing. Somebody else may create it between the two: then it is asked for again.
 * "action":"create" keeps newer servers from updating a consumer; older ones that created the same one twice say yes.
 */
static enum status ensure(struct bus *b, const struct object *o, struct err *err)
{
	scoped_buf answer = {0};
	struct json doc, config;
	int code;
	for (int tries = 0;; tries++) {
		enum status s = bus_api(b, o->info, SPAN(""), &answer, &doc, &code, err);
		if (s != STATUS_OK && code == o->missing_code)
			s = bus_api(b, o->create, o->body, &answer, &doc, &code, err);
		if (s != STATUS_OK && is_being_created(o, code, tries))
			continue;
		if (s != STATUS_OK)
			return s;
		json_member(doc, SPAN("config"), &config);
		return compare(o->label, &o->fields, config, err);
	}
}

static enum status ensure_stream(struct bus *b, const struct row *r, const struct bus_limits *l, struct err *err)
{
	char name[80], kv_subjects[100];
	snprintf(name, sizeof name, "%s%s", r->kind == BUCKET ? "KV_" : "", r->name);
	snprintf(kv_subjects, sizeof kv_subjects, "[\"$KV.%s.>\"]", r->name);
	struct object o = {.missing_code = BUS_API_STREAM_NOT_FOUND, .exists_code = BUS_API_STREAM_NAME_IN_USE};
	stream_fields(r, l, r->kind == BUCKET ? kv_subjects : r->subjects, &o.fields);
	snprintf(o.label, sizeof o.label, "%s %s", r->kind == BUCKET ? "bucket" : "stream", r->name);
	snprintf(o.info, sizeof o.info, "STREAM.INFO.%s", name);
	snprintf(o.create, sizeof o.create, "STREAM.CREATE.%s", name);
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_cstr(&w, "name", name);
	write_fields(&w, &o.fields);
	json_end_object(&w);
	o.body = buf_span(&body);
	return ensure(b, &o, err);
}

static enum status ensure_consumer(struct bus *b, const struct consumer_row *c, const struct bus_limits *limits,
                                   struct err *err)
{
	struct object o = {.missing_code = BUS_API_CONSUMER_NOT_FOUND, .exists_code = BUS_API_CONSUMER_EXISTS};
	consumer_fields(c, limits, &o.fields);
	snprintf(o.label, sizeof o.label, "consumer %s of stream %s", c->name, c->stream);
	snprintf(o.info, sizeof o.info, "CONSUMER.INFO.%s.%s", c->stream, c->name);
	snprintf(o.create, sizeof o.create, "CONSUMER.DURABLE.CREATE.%s.%s", c->stream, c->name);
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_cstr(&w, "stream_name", c->stream);
	json_kv_cstr(&w, "action", "create");
	json_key(&w, SPAN("config"));
	json_begin_object(&w);
	write_fields(&w, &o.fields);
	json_end_object(&w);
	json_end_object(&w);
	o.body = buf_span(&body);
	return ensure(b, &o, err);
}

enum status bus_topology_ensure(struct bus *b, const char *name, const struct bus_limits *limits, struct err *err)
{
	const struct row *r = NULL;
	for (size_t i = 0; i < countof(rows); i++)
		if (span_is(span_from(rows[i].name), name))
			r = &rows[i];
	if (!r)
		return err_set(err, STATUS_INVALID, "%s is no stream or bucket of the topology", name);
	if (ensure_stream(b, r, limits, err) != STATUS_OK)
		return err->status;
	for (size_t i = 0; i < countof(consumer_rows); i++) {
		const struct consumer_row *c = &consumer_rows[i];
		if (span_is(span_from(c->stream), name) && ensure_consumer(b, c, limits, err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}

bool bus_topology_is_bucket(const char *name)
{
	for (size_t i = 0; i < countof(rows); i++)
		if (span_is(span_from(rows[i].name), name))
			return rows[i].kind == BUCKET;
	return false;
}

void bus_kind_consumer(const char *kind, const char *priority, char out[72])
{
	snprintf(out, 72, "%s_%s", kind, priority);
}

void bus_overflow_consumer(const char *kind, unsigned lane, char out[72])
{
	snprintf(out, 72, "%s_overflow_%u", kind, lane);
}

/* Every consumer of a kind, until `fn` fails. */
static enum status each_kind_consumer(const char *kind, enum status (*fn)(void *arg, const struct consumer_row *c, struct err *err),
                                      void *arg, struct err *err)
{
	char name[72], filter[128];
	const struct consumer_row row = {STREAM_JOBS, name, filter};
	for (const char *const *p = priority_names; *p; p++) {
		bus_kind_consumer(kind, *p, name);
		snprintf(filter, sizeof filter, "gannet.*.jobs.submit.%s.%s", kind, *p);
		if (fn(arg, &row, err) != STATUS_OK)
			return err->status;
	}
	for (unsigned lane = 0; lane < BUS_OVERFLOW_LANES; lane++) {
		bus_overflow_consumer(kind, lane, name);
		snprintf(filter, sizeof filter, "gannet.*.jobs.overflow.%s.*.%u", kind, lane);
		if (fn(arg, &row, err) != STATUS_OK)
			return err->status;
	}
	return STATUS_OK;
}

struct ensuring {
	struct bus *bus;
	const struct bus_limits *limits;
};

static enum status ensure_one(void *arg, const struct consumer_row *c, struct err *err)
{
	const struct ensuring *e = arg;
	return ensure_consumer(e->bus, c, e->limits, err);
}

enum status bus_topology_ensure_kind(struct bus *b, const char *kind, const struct bus_limits *limits, struct err *err)
{
	if (!id_is_kind(span_from(kind)))
		return err_field(err, STATUS_INVALID, "kind", "kind \"%.40s\" is not 1 to 32 of a-z 0-9 _ -", kind);
	return each_kind_consumer(kind, ensure_one, &(struct ensuring){b, limits}, err);
}

/* ---- described instead of created */

struct describing {
	const struct bus_limits *limits;
	void (*fn)(void *arg, const struct bus_object *o);
	void *arg;
};

static void describe(const struct describing *d, const char *name, const char *stream, const struct fields *f)
{
	scoped_buf body = {0};
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	write_fields(&w, f);
	json_end_object(&w);
	d->fn(d->arg, &(struct bus_object){name, stream, {buf_span(&body), JSON_OBJECT}});
}

static enum status describe_consumer(void *arg, const struct consumer_row *c, struct err *err)
{
	struct fields f = {0};
	const struct describing *d = arg;
	(void)err;
	consumer_fields(c, d->limits, &f);
	describe(d, c->name, c->stream, &f);
	return STATUS_OK;
}

static void describe_stream(const struct describing *d, const struct row *r)
{
	struct fields f = {0};
	char name[80], kv_subjects[100];
	snprintf(name, sizeof name, "%s%s", r->kind == BUCKET ? "KV_" : "", r->name);
	snprintf(kv_subjects, sizeof kv_subjects, "[\"$KV.%s.>\"]", r->name);
	stream_fields(r, d->limits, r->kind == BUCKET ? kv_subjects : r->subjects, &f);
	describe(d, name, NULL, &f);
}

void bus_topology_describe(const struct bus_limits *limits, const char *const *kinds,
                           void (*fn)(void *arg, const struct bus_object *o), void *arg)
{
	struct describing d = {limits, fn, arg};
	for (size_t i = 0; i < countof(rows); i++)
		describe_stream(&d, &rows[i]);
	for (size_t i = 0; i < countof(consumer_rows); i++)
		if (describe_consumer(&d, &consumer_rows[i], &(struct err){0}) != STATUS_OK)
			return;
	for (; kinds && *kinds; kinds++)
		if (each_kind_consumer(*kinds, describe_consumer, &d, &(struct err){0}) != STATUS_OK)
			return;
}
