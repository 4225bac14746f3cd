/* Series of a Prometheus server, by range queries: /api/v1/query_range. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "services/watchers/source.h"

#define STEP_S 60 /* figures are asked for a minute apart; Prometheus answers 11,000 points at most */
#define POINTS_MAX 10000

static enum status check(const struct diagnosis_source *o, struct err *err)
{
	if (!o->url.n)
		return err_field(err, STATUS_INVALID, "url", "url: the server's address is required");
	if (!o->latency_query.n && !o->errors_query.n)
		return err_field(err, STATUS_INVALID, "latency_query",
		                 "latency_query: it, or errors_query with requests_query, is required");
	if (o->errors_query.n && !o->requests_query.n)
		return err_field(err, STATUS_INVALID, "requests_query", "requests_query: errors_query is nothing without it");
	return STATUS_OK;
}

struct series {
	struct watch_run *run;
	const struct diagnosis_source *o;
	struct diagnosis *d;
	int64_t step_s;
	enum { LATENCY, REQUESTS, ERRORS } kind;
};

static struct span label(const struct series *s, struct json metric, const char *name, struct span otherwise)
{
	struct json v;
	struct span text = json_member(metric, span_from(name), &v) ? json_text(v, s->run->arena) : (struct span){0};
	return text.n ? text : otherwise.p ? otherwise : SPAN("");
}

static void add_point(const struct series *s, struct span service, struct span endpoint, double at_s, double value)
{
	int64_t at_ms = (int64_t)(at_s * 1000), n = (int64_t)llround(value * (double)s->step_s);
	if (!isfinite(value) || value < 0)
		return;
	/* A median stands for as many requests as make a slice count. */
	if (s->kind == LATENCY)
		diagnosis_add_requests(s->d, service, endpoint, at_ms, value, 8, 0);
	else if (s->kind == REQUESTS && n > 0)
		diagnosis_add_requests(s->d, service, endpoint, at_ms, -1, n, 0);
	else if (s->kind == ERRORS && n > 0)
		diagnosis_add_errors(s->d, service, endpoint, at_ms, n, (struct span){0});
}

static void add_series(const struct series *s, struct json one)
{
	struct json metric, values, key, pair, value;
	json_member(one, SPAN("metric"), &metric);
	json_member(one, SPAN("values"), &values);
	struct span service = label(s, metric, "service", label(s, metric, "job", s->o->service));
	if (s->o->service.n)
		service = s->o->service;
	struct span endpoint = label(s, metric, "endpoint", label(s, metric, "handler", s->o->endpoint));
	for (struct json_iter it = json_iter(values); json_next(&it, &key, &pair);) {
		double at_s;
		struct json_iter two = json_iter(pair);
		if (!json_next(&two, &key, &value) || !json_f64(value, &at_s) || !json_next(&two, &key, &value))
			continue;
		struct span text = json_text(value, s->run->arena); /* values are strings: "NaN" is one */
		if (text.n)
			add_point(s, service, endpoint, at_s, strtod(arena_cstr(s->run->arena, text), NULL));
	}
}

static enum status ask(const struct series *s, struct span query, int64_t since_ms, struct err *err)
{
	scoped_buf url = {0};
	struct json v, result, key, one;
	int64_t now_s = clock_wall_ms(s->run->w->clock) / 1000;
	buf_printf(&url,
	           "%.*s/api/v1/query_range?start=%" PRId64 "&end=%" PRId64 "&step=%" PRId64 "&query=", SPAN_ARG(s->o->url),
	           since_ms / 1000, now_s, s->step_s);
	source_url_encode(&url, query);
	if (source_get(s->run, url.data, s->o->token_env, &v, err) != STATUS_OK)
		return err->status;
	if (!json_pointer(v, "/data/result", &result) || result.type != JSON_ARRAY)
		return err_set(err, STATUS_PROVIDER, "the answer of %.*s has no data.result", SPAN_ARG(s->o->url));
	for (struct json_iter it = json_iter(result); json_next(&it, &key, &one);)
		add_series(s, one);
	return STATUS_OK;
}

static enum status pull(struct watch_run *r, const struct diagnosis_source *o, int64_t since_ms, struct diagnosis *d,
                        struct err *err)
{
	struct series s = {r, o, d, STEP_S, LATENCY};
	int64_t range_s = (clock_wall_ms(r->w->clock) - since_ms) / 1000;
	if (range_s / STEP_S > POINTS_MAX)
		s.step_s = range_s / POINTS_MAX + 1;
	enum status status = o->latency_query.n ? ask(&s, o->latency_query, since_ms, err) : STATUS_OK;
	s.kind = REQUESTS;
	if (status == STATUS_OK && o->requests_query.n)
		status = ask(&s, o->requests_query, since_ms, err);
	s.kind = ERRORS;
	if (status == STATUS_OK && o->errors_query.n)
		status = ask(&s, o->errors_query, since_ms, err);
	return status;
}

const struct signal_source signal_source_prometheus = {SOURCE_PROMETHEUS, "prometheus", check, pull};
