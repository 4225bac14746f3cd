/* Reads what is left of it all, EVENTS and PostgreSQL, into the account. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "contract/job.h"
#include "store/store.h"
#include "tests/chaos/chaos.h"
#include "tests/lib/process.h"

#define PAGE_ROWS 5000

struct reader {
	struct account *account;
	struct evidence *evidence;
	struct arena arena;
	atomic_bool done;
	FILE *copy; /* of all events, for whoever looks into it; NULL: none */
};

/* The submission's number, as its metadata carries it through. */
static bool number_of(const struct account *a, struct span text, uint32_t *ret)
{
	int64_t n;
	if (!span_i64(text, &n) || n < 0 || n >= a->n)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static void note_unknown(struct evidence *v, int64_t *counter, const char *where, struct span what)
{
	++*counter;
	if (!v->unknown[0])
		snprintf(v->unknown, sizeof v->unknown, "%s: %.*s", where, (int)(what.n < 100 ? what.n : 100), what.p);
}

static void note_first(struct entry *e, const struct job_event *ev)
{
	span_copy(ev->job_id, e->id, sizeof e->id);
	e->state = (uint8_t)ev->state;
	e->finals = 1;
	e->poison = ev->error && memmem(ev->error->message.p, ev->error->message.n, "as poison", 9);
	if (ev->result && ev->result->usage) {
		e->input = (int32_t)(ev->result->usage->input_tokens + ev->result->usage->cache_read_tokens);
		e->output = (int32_t)ev->result->usage->output_tokens;
	}
	if (ev->result && ev->result->cost_nanousd.set)
		e->cost_nanousd = ev->result->cost_nanousd.v;
}

static void note_final(struct reader *r, const struct bus_in *m)
{
	struct json body, number;
	struct job_event ev;
	struct err err;
	uint32_t n;
	arena_reset(&r->arena);
	r->evidence->finals++;
	if (json_parse(m->data, &body, &err) != STATUS_OK ||
	    json_decode(&job_event_table, body, JSON_LENIENT, &r->arena, &ev, &err) != STATUS_OK ||
	    !json_pointer(body, "/metadata/n", &number) || !number_of(r->account, json_text(number, &r->arena), &n)) {
		note_unknown(r->evidence, &r->evidence->unknown_events, "EVENTS", m->subject);
		return;
	}
	struct entry *e = &r->account->entries[n];
	if (!e->finals)
		note_first(e, &ev);
	else if (span_is(ev.job_id, e->id))
		e->finals++;
	else
		e->other_ids++;
}

static void on_event(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	struct reader *r = arg;
	struct span rest = m->subject;
	for (int i = 0; i < 4; i++)
		span_cut(&rest, '.');
	struct span state = span_cut(&rest, '.');
	r->evidence->events++;
	if (r->copy)
		fprintf(r->copy, "%lld %lld %.*s %.*s\n", (long long)stored_ms, (long long)sequence, SPAN_ARG(m->subject),
		        SPAN_ARG(m->data));
	for (unsigned s = 0; s < JOB_STATE_COUNT; s++)
		if (span_is(state, job_state_names[s]) && job_state_is_final((enum job_state)s))
			note_final(r, m);
}

static void on_caught_up(void *arg)
{
	atomic_store(&((struct reader *)arg)->done, true);
}

static void read_events(struct account *a, struct bus *b, const char *copy, struct evidence *ret)
{
	struct reader r = {.account = a, .evidence = ret};
	struct bus_follow *follow;
	struct err err;
	struct bus_follow_options o = {.stream = STREAM_EVENTS,
	                               .filter = "gannet.*.jobs.event.>",
	                               .message = on_event,
	                               .caught_up = on_caught_up,
	                               .arg = &r};
	r.copy = copy ? fopen(copy, "we") : NULL;
	CHECK_OK(bus_follow_open(b, &o, &follow, &err), err);
	int64_t seen = -1;
	while (!atomic_load(&r.done) && seen != ret->events) { /* each wait has to bring something */
		seen = ret->events;
		for (int i = 0; i < 1000 && !atomic_load(&r.done); i++)
			usleep(10000);
	}
	bus_follow_close(follow);
	CHECK_MSG(atomic_load(&r.done), "EVENTS cannot be read to its end");
	arena_free(&r.arena);
	if (r.copy)
		fclose(r.copy);
}

/* ---- PostgreSQL */

static unsigned status_named(struct span name)
{
	unsigned i = 0;
	while (job_status_names[i] && !span_is(name, job_status_names[i]))
		i++;
	return i;
}

static int64_t number_or(struct span text, int64_t fallback)
{
	int64_t n;
	return text.p && span_i64(text, &n) ? n : fallback;
}

static void note_row(struct account *a, const struct store_result *r, int row, struct evidence *v)
{
	uint32_t n;
	struct span id = store_value(r, row, 1), number = store_value(r, row, 3);
	v->rows++;
	if (!number.p || !number_of(a, number, &n)) {
		note_unknown(v, &v->unknown_rows, "PostgreSQL", id);
		return;
	}
	struct entry *e = &a->entries[n];
	e->rows++;
	if (e->rows > 1 && !span_is(id, e->id))
		return;
	e->row_status = (uint8_t)status_named(store_value(r, row, 2));
	e->row_tokens = (int32_t)number_or(store_value(r, row, 4), -1);
	e->row_cost_nanousd = number_or(store_value(r, row, 5), -1);
}

static void read_rows(struct account *a, struct store *s, struct evidence *ret)
{
	static const char sql[] = "SELECT tenant, job_id, status, metadata->>'n', tokens_used, cost_nanousd FROM ai_jobs "
	                          "WHERE (tenant, job_id) > ($1, $2) ORDER BY tenant, job_id LIMIT 5000";
	_Static_assert(PAGE_ROWS == 5000, "as in the statement");
	char tenant[TENANT_ID_MAX + 1] = "", id[JOB_ID_BYTES] = "";
	struct err err;
	for (bool more = true; more;) {
		scoped_result r = {0};
		struct span after[] = {span_from(tenant), span_from(id)};
		CHECK_OK(store_query(s, sql, after, 2, &r, &err), err);
		for (int row = 0; row < r.rows; row++)
			note_row(a, &r, row, ret);
		more = r.rows == PAGE_ROWS;
		if (more)
			CHECK(span_copy(store_value(&r, r.rows - 1, 0), tenant, sizeof tenant) &&
			      span_copy(store_value(&r, r.rows - 1, 1), id, sizeof id));
	}
}

static void read_counts(struct store *s, struct evidence *ret)
{
	scoped_result r = {0};
	struct err err;
	CHECK_OK(store_query(s, "SELECT status, sum(jobs)::bigint FROM ai_job_counts GROUP BY status", NULL, 0, &r, &err),
	         err);
	for (int row = 0; row < r.rows; row++)
		ret->counted[status_named(store_value(&r, row, 0))] = number_or(store_value(&r, row, 1), 0);
}

void evidence_read(struct account *a, struct bus *b, const char *copy, struct evidence *ret)
{
	struct store *s;
	struct err err;
	struct store_options o = {.url = postgres_known_url(), .application = "chaos"};
	read_events(a, b, copy, ret);
	CHECK_OK(store_new(&o, &s, &err), err);
	read_rows(a, s, ret);
	read_counts(s, ret);
	store_free(s);
}
