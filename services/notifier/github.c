/* Calls GitHub and reads its limits. */
#include "github.h"

#include <stdio.h>

#include "http/client.h"

#define WAIT_MAX_MS (3600ll * 1000)

enum status github_check(const struct target *t, struct err *err)
{
	struct span owner, name;
	github_names(t, &owner, &name);
	if (!owner.n || !name.n || memchr(name.p, '/', name.n))
		return err_field(err, STATUS_INVALID, "repository", "repository: is not owner/name");
	for (size_t i = 0; i < t->is.repository.n; i++) {
		char c = t->is.repository.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || memchr("._-/", c, 4)))
			return err_field(err, STATUS_INVALID, "repository", "repository: only A-Z a-z 0-9 . _ - and one /");
	}
	if (!t->secret)
		return err_field(err, STATUS_INVALID, "secret", "secret: is required, the name of a variable with a token");
	if (t->is.api_url.p && !span_starts(t->is.api_url, SPAN("https://")) &&
	    !span_starts(t->is.api_url, SPAN("http://127.0.0.1")))
		return err_field(err, STATUS_INVALID, "api_url", "api_url: has to begin with https://");
	return STATUS_OK;
}

void github_names(const struct target *t, struct span *ret_owner, struct span *ret_name)
{
	struct span rest = t->is.repository;
	*ret_owner = rest.p ? span_cut(&rest, '/') : (struct span){0};
	*ret_name = rest.p ? rest : SPAN("");
}

/* ---- one call */

struct heard {
	int64_t wait_ms;
	bool limited;
	const struct clock *clock;
};

static void on_answer(void *arg, const struct http_response *r)
{
	struct heard *h = arg;
	int64_t n;
	struct span after = http_response_header(r, "retry-after"), left = http_response_header(r, "x-ratelimit-remaining"),
	            reset = http_response_header(r, "x-ratelimit-reset");
	if (after.p && span_i64(span_trim(after), &n)) {
		h->limited = true;
		h->wait_ms = n * 1000;
	} else if (left.p && span_i64(span_trim(left), &n) && n == 0 && reset.p && span_i64(span_trim(reset), &n)) {
		h->limited = true;
		h->wait_ms = n * 1000 - clock_wall_ms(h->clock);
	}
	h->wait_ms = h->wait_ms < 1000 ? 1000 : h->wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : h->wait_ms;
}

static enum status judge(struct dealing *d, const struct heard *h, int status, struct json answer, struct arena *a,
                         struct err *err)
{
	struct json v;
	struct span said = json_member(answer, SPAN("message"), &v) ? json_text(v, a) : SPAN("");
	said.n = said.n < 120 ? said.n : 120;
	if (status >= 200 && status < 300)
		return STATUS_OK;
	if (status == 429 || (status == 403 && h->limited)) {
		d->wait_ms = h->wait_ms;
		return err_retry(err, STATUS_RATE_LIMITED, "GitHub asks to wait %lld s", (long long)h->wait_ms / 1000);
	}
	if (status == 404 || status == 410)
		return err_set(err, STATUS_NOT_FOUND, "GitHub answers %d: %.*s", status, SPAN_ARG(said));
	if (status >= 500) {
		if (h->limited)
			d->wait_ms = h->wait_ms;
		return err_retry(err, STATUS_UNAVAILABLE, "GitHub answers %d", status);
	}
	return err_set(err, status_from_http(status), "GitHub answers %d: %.*s", status, SPAN_ARG(said));
}

enum status github_call(struct dealing *d, const char *method, const char *path, struct span body, struct arena *a,
                        struct json *ret, struct err *err)
{
	const struct target *t = d->target;
	scoped_buf answer = {.max_bytes = (size_t)16 << 20}, token = {0};
	struct heard heard = {.clock = d->clock};
	int status = 0;
	bool outside = path[0] == '/' && path[1] == '/';
	struct span base = t->is.api_url.p ? t->is.api_url : SPAN(GITHUB_API);
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	struct span url = outside ? arena_printf(a, "%.*s%s", SPAN_ARG(base), path + 1)
	                          : arena_printf(a, "%.*s/repos/%.*s%s", SPAN_ARG(base), SPAN_ARG(t->is.repository), path);
	buf_printf(&token, "Bearer %s", t->secret);
	const struct http_header headers[] = {
	    {"authorization", buf_span(&token)},
	    {"accept", SPAN("application/vnd.github+json")},
	    {"x-github-api-version", SPAN(GITHUB_VERSION)},
	    {"content-type", SPAN("application/json")},
	};
	const struct http_request r = {.method = method,
	                               .url = arena_cstr(a, url),
	                               .headers = headers,
	                               .headers_n = countof(headers),
	                               .body = body,
	                               .timeout_ms = TARGET_CALL_TIMEOUT_MS,
	                               .max_response_bytes = (size_t)16 << 20,
	                               .done = on_answer,
	                               .arg = &heard};
	if (http_fetch(&r, &answer, &status, err) != STATUS_OK)
		return err->status;
	*ret = (struct json){0};
	struct err bad = {0};
	struct span text = arena_dup(a, buf_span(&answer));
	enum status parsed = text.n ? json_parse(text, ret, &bad) : STATUS_OK;
	enum status s = judge(d, &heard, status, *ret, a, err);
	if (s == STATUS_OK && parsed != STATUS_OK)
		return err_retry(err, STATUS_PROVIDER, "GitHub's answer is no JSON: %s", bad.msg);
	return s;
}

enum status github_graphql(struct dealing *d, const char *query, struct span variables, struct arena *a, struct json *ret,
                           struct err *err)
{
	scoped_buf body = {0};
	struct json answer, errors, first, kind, said;
	struct json_writer w = {.out = &body};
	json_begin_object(&w);
	json_kv_cstr(&w, "query", query);
	json_kv(&w, "variables", (struct json){variables, JSON_OBJECT});
	json_end_object(&w);
	if (github_call(d, "POST", "//graphql", buf_span(&body), a, &answer, err) != STATUS_OK)
		return err->status;
	if (json_member(answer, SPAN("errors"), &errors) && json_pointer(errors, "/0", &first)) {
		json_member(first, SPAN("type"), &kind);
		struct span text = json_member(first, SPAN("message"), &said) ? json_text(said, a) : SPAN("");
		text.n = text.n < 120 ? text.n : 120;
		if (json_text_is(kind, SPAN("RATE_LIMITED"))) {
			d->wait_ms = 60000;
			return err_retry(err, STATUS_RATE_LIMITED, "GitHub asks to wait");
		}
		if (json_text_is(kind, SPAN("NOT_FOUND")))
			return err_set(err, STATUS_NOT_FOUND, "GitHub answers: %.*s", SPAN_ARG(text));
		return err_set(err, STATUS_PROVIDER, "GitHub answers: %.*s", SPAN_ARG(text));
	}
	if (!json_member(answer, SPAN("data"), ret) || ret->type != JSON_OBJECT)
		return err_retry(err, STATUS_PROVIDER, "GitHub's answer has no data");
	return STATUS_OK;
}

/* ---- texts and answers */

void github_put_text(struct json_writer *w, const struct entry *e, bool title)
{
	scoped_buf body = {0};
	if (!title)
		buf_printf(&body, "### %.*s\n\n", SPAN_ARG(e->title));
	buf_add(&body, e->body.p, e->body.n < GITHUB_BODY_MAX ? e->body.n : GITHUB_BODY_MAX);
	target_mark(e, &body);
	if (title)
		json_kv_text(w, "title", e->title);
	json_kv_text(w, "body", buf_span(&body));
}

void github_reference(struct json v, const char *id, struct arena *a, struct reference *ret)
{
	struct json m;
	int64_t number;
	*ret = (struct reference){0};
	if (json_member(v, span_from(id), &m) && json_i64(m, &number))
		snprintf(ret->id, sizeof ret->id, "%lld", (long long)number);
	else if (m.type == JSON_STRING)
		span_copy(json_text(m, a), ret->id, sizeof ret->id);
	if (json_member(v, SPAN("html_url"), &m) || json_member(v, SPAN("url"), &m))
		span_copy(json_text(m, a), ret->url, sizeof ret->url);
}
