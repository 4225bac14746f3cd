/* GitHub for tests: issues, comments and discussions in memory, behind its own interfaces, with faults on request. */
#ifndef GANNET_TESTS_FAKE_GITHUB_H
#define GANNET_TESTS_FAKE_GITHUB_H

#include <pthread.h>

#include "http/server.h"
#include "tests/integration/jobs_helpers.h"

#define GITHUB_TOKEN "ghp-of-the-test"
#define THINGS_MAX 256

struct github_thing {
	char title[512], body[70000];
	bool closed, discussion, comment;
	int on; /* comment: number of its issue */
	int edits;
};

/* What happens to the next calls of a method: `status` instead of an answer, or, with `done`, done and never answered. */
struct github_fault {
	const char *method;
	int status, times;
	bool done; /* the call takes effect, its answer is lost */
	bool held; /* the call takes effect, its answer waits for github_release() */
	const char *retry_after;
};

static struct {
	pthread_mutex_t lock;
	struct http_server *server;
	struct github_thing *things; /* number: index + 1 */
	int n, calls, bad_tokens;
	struct github_fault fault;
	struct buf posts; /* bodies posted to /hook, each on a line, behind its event's name */
	char signature[128], timestamp[32], key[256];
	int hook_status;
	struct http_exchange *held;
	struct buf held_answer;
} github = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- answers */

/* On the server's thread, under the lock; valid until a few calls later. */
static const char *github_words(const char *fmt, ...) printf_like(1, 2);
static const char *github_words(const char *fmt, ...)
{
	static char out[8][512];
	static size_t at;
	char *text = out[at++ % countof(out)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof out[0], fmt, ap);
	va_end(ap);
	return text;
}

static void github_answer(struct http_exchange *x, int status, struct span body)
{
	http_exchange_answer(x, status, "application/json", body);
}

static void github_put(struct json_writer *w, int number)
{
	struct github_thing *t = &github.things[number - 1];
	json_begin_object(w);
	json_kv_i64(w, t->comment ? "id" : "number", number);
	json_kv_cstr(w, "html_url", github_words("https://github.test/%d", number));
	json_kv_cstr(w, "title", t->title);
	json_kv_cstr(w, "body", t->body);
	json_kv_cstr(w, "state", t->closed ? "closed" : "open");
	json_end_object(w);
}

static void github_text(struct json body, const char *name, char *out, size_t bytes)
{
	scoped_arena a = {0};
	struct json v;
	if (json_member(body, span_from(name), &v))
		span_copy(json_text(v, &a), out, bytes);
}

static int github_add(struct json body)
{
	CHECK(github.n < THINGS_MAX);
	memset(&github.things[github.n], 0, sizeof *github.things);
	github_text(body, "title", github.things[github.n].title, sizeof github.things->title);
	github_text(body, "body", github.things[github.n].body, sizeof github.things->body);
	return ++github.n;
}

static void github_edit(int number, struct json body)
{
	struct github_thing *t = &github.things[number - 1];
	struct json v;
	github_text(body, "title", t->title, sizeof t->title);
	github_text(body, "body", t->body, sizeof t->body);
	if (json_member(body, SPAN("state"), &v))
		t->closed = json_text_is(v, SPAN("closed"));
	t->edits++;
}

static void github_list(struct http_exchange *x, bool comments, int on)
{
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	int64_t page = 1;
	span_i64(http_exchange_query(x, "page"), &page);
	json_begin_array(&w);
	for (int i = github.n, seen = 0; i > 0; i--) {
		struct github_thing *t = &github.things[i - 1];
		if (t->discussion || t->comment != comments || (comments && t->on != on))
			continue;
		if (seen >= (page - 1) * 100 && seen < page * 100)
			github_put(&w, i);
		seen++;
	}
	json_end_array(&w);
	github_answer(x, 200, buf_span(&out));
}

/* ---- GraphQL, as far as the notifier speaks it */

static void github_graphql_list(struct json_writer *w)
{
	json_key(w, SPAN("repository"));
	json_begin_object(w);
	json_kv_cstr(w, "id", "R_1");
	json_key(w, SPAN("discussionCategories"));
	json_put(w, (struct json){SPAN("{\"nodes\":[{\"id\":\"C_1\",\"name\":\"Operations\"}]}"), JSON_OBJECT});
	json_key(w, SPAN("discussions"));
	json_begin_object(w);
	json_key(w, SPAN("nodes"));
	json_begin_array(w);
	for (int i = github.n; i > 0; i--) {
		struct github_thing *t = &github.things[i - 1];
		if (!t->discussion)
			continue;
		json_begin_object(w);
		json_kv_cstr(w, "id", github_words("D_%d", i));
		json_kv_cstr(w, "url", github_words("https://github.test/d/%d", i));
		json_kv_bool(w, "closed", t->closed);
		json_kv_cstr(w, "body", t->body);
		json_end_object(w);
	}
	json_end_array(w);
	json_key(w, SPAN("pageInfo"));
	json_put(w, (struct json){SPAN("{\"hasNextPage\":false}"), JSON_OBJECT});
	json_end_object(w);
	json_end_object(w);
}

static void github_graphql_mutate(struct span query, struct json variables, struct json_writer *w)
{
	scoped_arena a = {0};
	struct json v;
	int64_t number = 0;
	struct span id = json_member(variables, SPAN("id"), &v) ? json_text(v, &a) : SPAN("");
	if (id.n > 2)
		span_i64(span_of(id.p + 2, id.n - 2), &number);
	if (memmem(query.p, query.n, "createDiscussion", 16)) {
		CHECK(json_member(variables, SPAN("category"), &v) && json_text_is(v, SPAN("C_1")));
		number = github_add(variables);
		github.things[number - 1].discussion = true;
		json_key(w, SPAN("createDiscussion"));
		json_put(w, (struct json){span_from(github_words("{\"discussion\":{\"id\":\"D_%d\",\"url\":\"https://github.test/d/%d\"}}",
		                                            (int)number, (int)number)),
		                          JSON_OBJECT});
		return;
	}
	CHECK(number > 0 && number <= github.n);
	if (memmem(query.p, query.n, "updateDiscussion", 16))
		github_edit((int)number, variables);
	else if (memmem(query.p, query.n, "closeDiscussion", 15))
		github.things[number - 1].closed = true;
	else if (memmem(query.p, query.n, "reopenDiscussion", 16))
		github.things[number - 1].closed = false;
	else
		CHECK(memmem(query.p, query.n, "addDiscussionComment", 20));
}

static void github_graphql_call(struct http_exchange *x, struct json body)
{
	scoped_arena a = {0};
	scoped_buf out = {0};
	struct json query, variables;
	struct json_writer w = {.out = &out};
	CHECK(json_member(body, SPAN("query"), &query) && json_member(body, SPAN("variables"), &variables));
	struct span text = json_text(query, &a);
	json_begin_object(&w);
	json_key(&w, SPAN("data"));
	json_begin_object(&w);
	if (span_starts(text, SPAN("mutation")))
		github_graphql_mutate(text, variables, &w);
	else
		github_graphql_list(&w);
	json_end_object(&w);
	json_end_object(&w);
	github_answer(x, 200, buf_span(&out));
}

/* ---- the server */

static bool github_fails(struct http_exchange *x, bool done)
{
	struct github_fault *f = &github.fault;
	if (!f->times || f->held || f->done != done || !span_is(http_exchange_method(x), f->method))
		return false;
	f->times--;
	if (f->done) {
		http_exchange_later(x); /* for ever */
		return true;
	}
	if (f->retry_after)
		http_exchange_add_header(x, "retry-after", f->retry_after);
	github_answer(x, f->status, SPAN("{\"message\":\"no\"}"));
	return true;
}

static bool github_holds(struct http_exchange *x, const struct buf *answer)
{
	struct github_fault *f = &github.fault;
	if (!f->times || !f->held || !span_is(http_exchange_method(x), f->method))
		return false;
	CHECK(!github.held);
	f->times--;
	buf_reset(&github.held_answer);
	buf_addspan(&github.held_answer, buf_span(answer));
	http_exchange_later(x);
	github.held = x;
	return true;
}

static void github_hook(struct http_exchange *x)
{
	struct span event = http_exchange_header(x, "x-gannet-event");
	buf_printf(&github.posts, "%.*s %.*s\n", SPAN_ARG(event.p ? event : SPAN("-")), SPAN_ARG(http_exchange_body(x)));
	span_copy(http_exchange_header(x, "x-gannet-signature"), github.signature, sizeof github.signature);
	span_copy(http_exchange_header(x, "x-gannet-timestamp"), github.timestamp, sizeof github.timestamp);
	span_copy(http_exchange_header(x, "idempotency-key"), github.key, sizeof github.key);
	github_answer(x, github.hook_status ? github.hook_status : 200, SPAN("{}"));
}

static void github_route(struct http_exchange *x, struct json body)
{
	char path[256];
	int number = 0, end = 0;
	bool post = span_is(http_exchange_method(x), "POST"), patch = span_is(http_exchange_method(x), "PATCH");
	span_copy(http_exchange_path(x), path, sizeof path);
	scoped_buf out = {0};
	struct json_writer w = {.out = &out};
	if (strcmp(path, "/graphql") == 0) {
		github_graphql_call(x, body);
		return;
	}
	if (strcmp(path, "/repos/acme/app/issues") == 0 && !post) {
		github_list(x, false, 0);
		return;
	}
	if (strcmp(path, "/repos/acme/app/issues") == 0) {
		number = github_add(body);
	} else if (sscanf(path, "/repos/acme/app/issues/comments/%d%n", &number, &end) == 1 && !path[end] && patch) {
		CHECK(number <= github.n);
		github_edit(number, body);
	} else if (sscanf(path, "/repos/acme/app/issues/%d/comments%n", &number, &end) == 1 && end && !path[end]) {
		if (!post) {
			github_list(x, true, number);
			return;
		}
		int on = number;
		number = github_add(body);
		github.things[number - 1].comment = true;
		github.things[number - 1].on = on;
	} else if (sscanf(path, "/repos/acme/app/issues/%d%n", &number, &end) == 1 && !path[end] && patch) {
		CHECK(number <= github.n);
		github_edit(number, body);
	} else {
		github_answer(x, 404, SPAN("{\"message\":\"Not Found\"}"));
		return;
	}
	if (github_fails(x, true))
		return;
	github_put(&w, number);
	if (!github_holds(x, &out))
		github_answer(x, post ? 201 : 200, buf_span(&out));
}

static void github_handle(void *arg, struct http_exchange *x)
{
	struct json body = {0};
	struct err err;
	(void)arg;
	pthread_mutex_lock(&github.lock);
	github.calls++;
	if (span_is(http_exchange_path(x), "/hook")) {
		github_hook(x);
	} else if (!span_is(http_exchange_header(x, "authorization"), "Bearer " GITHUB_TOKEN)) {
		github.bad_tokens++;
		github_answer(x, 401, SPAN("{\"message\":\"Bad credentials\"}"));
	} else if (!github_fails(x, false)) {
		if (http_exchange_body(x).n)
			CHECK_OK(json_parse(http_exchange_body(x), &body, &err), err);
		github_route(x, body);
	}
	pthread_mutex_unlock(&github.lock);
}

/* Its base URL. */
static const char *github_start(void)
{
	struct err err;
	const struct http_server_options o = {.handle = github_handle};
	github.things = calloc(THINGS_MAX, sizeof *github.things);
	CHECK(github.things != NULL);
	CHECK_OK(http_server_start(&o, &github.server, &err), err);
	return text_of("http://127.0.0.1:%d", http_server_port(github.server));
}

UNUSED static void github_fault(struct github_fault f)
{
	pthread_mutex_lock(&github.lock);
	github.fault = f;
	pthread_mutex_unlock(&github.lock);
}

UNUSED static bool github_is_holding(void)
{
	pthread_mutex_lock(&github.lock);
	bool holding = github.held != NULL;
	pthread_mutex_unlock(&github.lock);
	return holding;
}

UNUSED static void github_release(void)
{
	pthread_mutex_lock(&github.lock);
	CHECK(github.held != NULL);
	github_answer(github.held, 201, buf_span(&github.held_answer));
	github.held = NULL;
	pthread_mutex_unlock(&github.lock);
}

/* How many issues (or comments, or discussions) there are whose title or body has `text`, in any state or closed ones. */
UNUSED static int github_count(const char *text, bool discussions, bool comments, int closed)
{
	int n = 0;
	pthread_mutex_lock(&github.lock);
	for (int i = 0; i < github.n; i++) {
		struct github_thing *t = &github.things[i];
		n += t->discussion == discussions && t->comment == comments && (closed < 0 || t->closed == closed) &&
		     (strstr(t->title, text) || strstr(t->body, text));
	}
	pthread_mutex_unlock(&github.lock);
	return n;
}
#define ISSUES(text) github_count(text, false, false, -1)
#define OPEN_ISSUES(text) github_count(text, false, false, 0)

#endif
