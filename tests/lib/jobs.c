/* Submitting and following jobs in tests. */
#include "tests/lib/jobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/kv.h"
#include "bus/store.h"
#include "bus/topology.h"
#include "contract/job.h"

struct noted {
	char *state, *job_id, *body;
};

struct test_events {
	pthread_mutex_t lock;
	struct noted *all;
	size_t n, cap;
};

static char *copy(struct span s)
{
	char *p = malloc(s.n + 1);
	CHECK(p != NULL);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

static void on_event(void *arg, const struct bus_in *m, uint64_t sequence, int64_t stored_ms)
{
	(void)sequence, (void)stored_ms;
	struct test_events *f = arg;
	struct span rest = m->subject;
	for (int i = 0; i < 4; i++)
		span_cut(&rest, '.');
	struct span state = span_cut(&rest, '.');
	if (span_is(state, "queued"))
		return;
	struct noted n = {copy(state), copy(rest), copy(m->data)};
	pthread_mutex_lock(&f->lock);
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->all = realloc(f->all, f->cap * sizeof *f->all);
	}
	if (f->all)
		f->all[f->n++] = n;
	pthread_mutex_unlock(&f->lock);
}

struct test_events *test_follow(struct bus *b, const char *tenant)
{
	struct test_events *f = calloc(1, sizeof *f);
	struct bus_follow *follow;
	struct err err;
	char filter[96];
	CHECK(f != NULL);
	pthread_mutex_init(&f->lock, NULL);
	snprintf(filter, sizeof filter, "gannet.%s.jobs.event.>", tenant);
	struct bus_follow_options o = {.stream = STREAM_EVENTS, .filter = filter, .message = on_event, .arg = f};
	enum status s;
	/* A stream without a leader does not answer. */
	WAIT_FOR((s = bus_follow_open(b, &o, &follow, &err)) != STATUS_TIMEOUT, "JetStream to answer");
	CHECK_OK(s, err);
	return f;
}

static bool is_final(const char *state)
{
	return !strcmp(state, "completed") || !strcmp(state, "failed") || !strcmp(state, "cancelled") ||
	       !strcmp(state, "rejected");
}

static bool matches(const struct noted *n, const char *state, const char *job_id)
{
	return (state ? !strcmp(n->state, state) : is_final(n->state)) && (!job_id || !strcmp(n->job_id, job_id));
}

static bool find(struct test_events *f, const char *state, const char *job_id, struct test_event *ret)
{
	bool found = false;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n && !found; i++)
		if (matches(&f->all[i], state, job_id)) {
			*ret = (struct test_event){f->all[i].state, f->all[i].job_id, f->all[i].body};
			found = true;
		}
	pthread_mutex_unlock(&f->lock);
	return found;
}

struct test_event test_wait_event(struct test_events *f, const char *state, const char *job_id)
{
	struct test_event e;
	char what[160];
	snprintf(what, sizeof what, "event %s of job %s", state ? state : "(final)", job_id ? job_id : "(any)");
	WAIT_FOR(find(f, state, job_id, &e), what);
	return e;
}

size_t test_count_events(struct test_events *f, const char *state, const char *job_id)
{
	size_t count = 0;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		count += (!state || !strcmp(f->all[i].state, state)) && (!job_id || !strcmp(f->all[i].job_id, job_id));
	pthread_mutex_unlock(&f->lock);
	return count;
}

bool test_event_at(struct test_events *f, size_t n, struct test_event *ret)
{
	pthread_mutex_lock(&f->lock);
	bool there = n < f->n;
	if (there)
		*ret = (struct test_event){f->all[n].state, f->all[n].job_id, f->all[n].body};
	pthread_mutex_unlock(&f->lock);
	return there;
}

void test_store(struct bus *b, const char *subject, struct span body, const char *msg_id)
{
	struct bus_header id = {HEADER_MSG_ID, span_from(msg_id)};
	struct bus_out m = {.subject = subject, .data = body, .headers = &id, .headers_n = msg_id ? 1 : 0};
	struct bus_stored stored;
	struct err err;
	CHECK_OK(bus_store_wait(b, &m, 10000, &stored, &err), err);
}

void test_submit(struct bus *b, const char *tenant, const char *kind, const char *priority, const char *id,
                 const char *members)
{
	char subject[160];
	scoped_buf body = {0};
	snprintf(subject, sizeof subject, "gannet.%s.jobs.submit.%s.%s", tenant, kind, priority);
	if (id)
		buf_printf(&body, "{\"job_id\":\"%s\",%s}", id, members);
	else
		buf_printf(&body, "{%s}", members);
	test_store(b, subject, buf_span(&body), NULL);
}

/* What the test's text lives in until its end. */
static struct arena kept;

const char *test_json(const char *body, const char *pointer)
{
	struct json document, v;
	struct err err;
	CHECK_OK(json_parse(span_from(body), &document, &err), err);
	if (!json_pointer(document, pointer, &v))
		return "";
	struct span text = v.type == JSON_STRING ? json_text(v, &kept) : v.text;
	return arena_cstr(&kept, text);
}

const char *test_request(struct bus *b, const char *subject, const char *body, enum status *ret_status, struct err *err)
{
	scoped_buf reply = {0};
	struct err own = {0};
	*ret_status =
	    bus_request(b, &(struct bus_out){.subject = subject, .data = span_from(body)}, 10000, &reply, err ? err : &own);
	return arena_cstr(&kept, buf_span(&reply));
}

struct test_process *test_runner(const char *const *env)
{
	struct test_process *p = test_spawn("gannet-runner", env, NULL);
	test_ready(p);
	return p;
}

struct test_process *test_fakeprovider(void)
{
	static char port[32];
	int chosen = test_free_port();
	snprintf(port, sizeof port, "PORT=%d", chosen);
	struct test_process *p = test_spawn("gannet-fakeprovider", (const char *[]){port, NULL}, NULL);
	p->health_port = chosen;
	scoped_buf body = {0};
	WAIT_FOR(test_http_get(chosen, "/health", &body) == 200, "the fake provider");
	return p;
}
