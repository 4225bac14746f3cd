/* The suite itself: what the jobs service knows of a tenant's jobs, the queues and the workers. */
#include <stdio.h>

#include "contract/job.h"
#include "services/collector/source.h"

#define KINDS_MAX 64 /* kinds of workers told apart; further ones are left out */

static const struct json_field fields[] = {SOURCE_ROW(struct source_row_alone)};
static const struct json_table table = {"collector.sources", sizeof(struct source_row_alone), fields, countof(fields)};
static const char *const metrics[] = {"worker_load", "telemetry", NULL};

static enum status open_gannet(struct source *s, const void *row, struct arena *a, struct err *err)
{
	(void)row;
	(void)a;
	for (size_t i = 0; i < s->fields_n; i++)
		if (s->fields[i].selector[0] != '/')
			return err_field(err, STATUS_INVALID, "fields",
			                 "fields: \"%.60s\" of %s is no pointer such as /worker_load, /telemetry, "
			                 "/telemetry/jobs_failed or /jobs/queues/0/waiting",
			                 s->fields[i].selector, s->fields[i].metric);
	return STATUS_OK;
}

/* ---- the load of the workers, by kind */

struct load {
	struct span kind;
	int64_t workers, capacity, in_flight, waiting;
};
struct loads {
	struct load all[KINDS_MAX];
	size_t n;
};

static struct load *load_of(struct loads *l, struct span kind)
{
	for (size_t i = 0; i < l->n; i++)
		if (span_eq(l->all[i].kind, kind))
			return &l->all[i];
	if (l->n == KINDS_MAX)
		return NULL;
	l->all[l->n] = (struct load){.kind = kind};
	return &l->all[l->n++];
}

static int64_t number_of(struct json object, const char *name)
{
	struct json v;
	int64_t n = 0;
	return json_member(object, span_from(name), &v) && json_i64(v, &n) && n > 0 ? n : 0;
}

static struct load *load_named_in(struct loads *l, struct json object, struct arena *a)
{
	struct json kind;
	json_member(object, SPAN("kind"), &kind);
	struct span name = json_text(kind, a);
	return name.p && id_is_kind(name) ? load_of(l, name) : NULL;
}

/* Workers tell what they hold, queues what nobody holds yet. */
static void add_up(struct loads *l, struct json stats, struct arena *a)
{
	struct json list, key, one;
	struct load *load;
	json_member(stats, SPAN("workers"), &list);
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &one);) {
		if (!(load = load_named_in(l, one, a)))
			continue;
		load->workers++;
		load->capacity += number_of(one, "concurrency");
		load->in_flight += number_of(one, "in_flight");
		load->waiting += number_of(one, "waiting");
	}
	json_member(stats, SPAN("queues"), &list);
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &one);)
		if ((load = load_named_in(l, one, a)))
			load->waiting += number_of(one, "waiting");
}

static void write_load(struct json_writer *w, const struct load *l)
{
	json_key(w, l->kind);
	json_begin_object(w);
	json_kv_i64(w, "workers", l->workers);
	json_kv_i64(w, "capacity", l->capacity);
	json_kv_i64(w, "in_flight", l->in_flight);
	json_kv_i64(w, "waiting", l->waiting);
	if (l->capacity > 0)
		json_kv_f64(w, "load", (double)l->in_flight / (double)l->capacity);
	json_end_object(w);
}

/* ---- the figures */

static void write_telemetry(struct json_writer *w, struct json stats)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
	    {"throughput_per_s", "throughput_per_s"},   {"p50_processing_ms", "p50_processing_ms"},
	    {"p95_processing_ms", "p95_processing_ms"}, {"delayed", "jobs_delayed"},
	    {"pending", "jobs_pending"},                {"processing", "jobs_processing"},
	    {"completed", "jobs_completed"},            {"failed", "jobs_failed"},
	    {"cancelled", "jobs_cancelled"},            {"total", "jobs_total"},
	};
	struct json v;
	json_begin_object(w);
	for (size_t i = 0; i < countof(rows); i++)
		if (json_member(stats, span_from(rows[i].from), &v) && v.type == JSON_NUMBER)
			json_kv(w, rows[i].to, v);
	json_end_object(w);
}

/* {"worker_load":…, "telemetry":…, "jobs": the answer itself} */
static void write_document(struct buf *out, struct json stats)
{
	scoped_arena a = {0};
	struct loads loads = {.n = 0};
	struct json_writer w = {.out = out};
	add_up(&loads, stats, &a);
	json_begin_object(&w);
	json_key(&w, SPAN("worker_load"));
	json_begin_object(&w);
	for (size_t i = 0; i < loads.n; i++)
		write_load(&w, &loads.all[i]);
	json_end_object(&w);
	json_key(&w, SPAN("telemetry"));
	write_telemetry(&w, stats);
	json_kv(&w, "jobs", stats);
	json_end_object(&w);
}

static enum status read_gannet(const struct source *s, struct reading *r, struct err *err)
{
	scoped_buf answer = {.max_bytes = SOURCE_ANSWER_MAX}, text = {0};
	struct json stats, document, v;
	char subject[TENANT_ID_MAX + 32];
	snprintf(subject, sizeof subject, "gannet.%s.jobs.stats", s->tenant);
	const struct bus_out m = {.subject = subject, .data = SPAN("{}")};
	if (bus_request(s->bus, &m, (int)s->deadline_ms, &answer, err) != STATUS_OK) {
		if (err->status == STATUS_UNAVAILABLE)
			reading_fail(r, "the jobs service does not answer");
		return err->status;
	}
	if (json_parse(buf_span(&answer), &stats, err) != STATUS_OK)
		return err->status;
	write_document(&text, stats);
	if (json_parse(buf_span(&text), &document, err) != STATUS_OK)
		return err->status;
	for (size_t i = 0; i < s->fields_n; i++) {
		json_pointer(document, s->fields[i].selector, &v);
		reading_put(r, i, v);
	}
	return STATUS_OK;
}

static void close_gannet(struct source *s)
{
	(void)s;
}

const struct source_kind source_kind_gannet = {.name = "gannet",
                                               .table = &table,
                                               .open = open_gannet,
                                               .read = read_gannet,
                                               .close = close_gannet,
                                               .metrics = metrics};
