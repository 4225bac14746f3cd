/* Writes and reads what is remembered of a tenant. */
#include "reasoning/memory.h"

#include <math.h>
#include <stdio.h>

static const char *const model_state_names[] = {"none", "asked", "answered", "failed", NULL};

/* ---- writing */

static void put_name(struct json_writer *w, const char *key, const char *text)
{
	if (text[0])
		json_kv_cstr(w, key, text);
}

static void put_samples(struct json_writer *w, const struct memory *m)
{
	json_key(w, SPAN("samples"));
	json_begin_array(w);
	for (size_t i = 0; i < m->samples_n; i++) {
		json_begin_array(w);
		json_put_i64(w, m->samples[i].at_ms);
		for (size_t j = 0; j < SAMPLE_FIELDS; j++)
			json_put_f64(w, m->samples[i].values[j]);
		json_end_array(w);
	}
	json_end_array(w);
}

static void put_findings(struct json_writer *w, const char *key, const struct kept_finding *all, size_t n)
{
	json_key(w, span_from(key));
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		const struct kept_finding *f = &all[i];
		json_begin_object(w);
		json_kv_cstr(w, "rule", f->rule);
		json_kv_i64(w, "severity", f->severity);
		json_kv_i64(w, "status", f->status);
		json_kv_i64(w, "first_ms", f->first_ms);
		json_kv_i64(w, "occurrences", f->occurrences);
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_plan(struct json_writer *w, const struct memory *m)
{
	json_key(w, SPAN("plan"));
	json_begin_object(w);
	put_name(w, "id", m->plan.id);
	put_name(w, "steps", m->plan.steps);
	put_name(w, "reasoning_id", m->plan.reasoning_id);
	json_kv_i64(w, "expires_ms", m->plan.expires_ms);
	json_kv_bool(w, "acted", m->plan.acted);
	json_end_object(w);
}

static void put_model(struct json_writer *w, const struct memory *m)
{
	json_key(w, SPAN("model"));
	json_begin_object(w);
	json_kv_cstr(w, "state", model_state_names[m->model.state]);
	put_name(w, "fingerprint", m->model.fingerprint);
	put_name(w, "job_id", m->model.job_id);
	json_kv_i64(w, "asked_ms", m->model.asked_ms);
	put_name(w, "reason", m->model.reason);
	json_end_object(w);
}

void memory_encode(const struct memory *m, struct buf *out)
{
	struct json_writer w = {.out = out};
	json_begin_object(&w);
	put_name(&w, "snapshot_id", m->snapshot_id);
	json_kv_i64(&w, "snapshot_ms", m->snapshot_ms);
	put_name(&w, "reasoning_id", m->reasoning_id);
	put_name(&w, "fingerprint", m->fingerprint);
	json_kv_cstr(&w, "health", health_names[m->health]);
	json_key(&w, SPAN("active"));
	json_begin_array(&w);
	for (size_t i = 0; i < m->active_n; i++)
		json_put_text(&w, span_from(m->active[i]));
	json_end_array(&w);
	put_samples(&w, m);
	put_plan(&w, m);
	put_findings(&w, "findings", m->findings, m->findings_n);
	put_findings(&w, "news", m->news, m->news_n);
	put_model(&w, m);
	json_end_object(&w);
}

/* ---- reading */

static struct json get(struct json v, const char *key)
{
	struct json m;
	json_member(v, span_from(key), &m);
	return m;
}

static void get_name(struct json v, const char *key, char *out, size_t out_bytes)
{
	scoped_arena a = {0};
	if (!span_copy(json_text(get(v, key), &a), out, out_bytes))
		out[0] = 0;
}

static int64_t get_i64(struct json v, const char *key)
{
	int64_t n = 0;
	return json_i64(get(v, key), &n) ? n : 0;
}

static unsigned get_choice(struct json v, const char *key, const char *const *names)
{
	struct json m = get(v, key);
	for (unsigned i = 0; names[i]; i++)
		if (json_text_is(m, span_from(names[i])))
			return i;
	return 0;
}

static bool get_sample(struct json row, struct sample *ret)
{
	struct json key, v;
	size_t n = 0;
	for (struct json_iter it = json_iter(row); n <= SAMPLE_FIELDS && json_next(&it, &key, &v); n++) {
		if (n == 0 && !json_i64(v, &ret->at_ms))
			return false;
		if (n > 0 && !json_f64(v, &ret->values[n - 1]))
			ret->values[n - 1] = NAN;
	}
	return n == SAMPLE_FIELDS + 1;
}

static size_t get_findings(struct json list, struct kept_finding *out)
{
	struct json key, one;
	size_t n = 0;
	for (struct json_iter it = json_iter(list); n < MEMORY_RULES_MAX && json_next(&it, &key, &one);) {
		struct kept_finding *f = &out[n];
		get_name(one, "rule", f->rule, sizeof f->rule);
		f->severity = (unsigned)get_i64(one, "severity") % SEVERITY_COUNT;
		f->status = get_i64(one, "status") ? FINDING_RESOLVED : FINDING_OPEN;
		f->first_ms = get_i64(one, "first_ms");
		f->occurrences = get_i64(one, "occurrences");
		n += f->rule[0] != 0;
	}
	return n;
}

static void get_lists(struct json v, struct memory *m)
{
	struct json key, one;
	scoped_arena a = {0};
	for (struct json_iter it = json_iter(get(v, "active")); m->active_n < MEMORY_RULES_MAX && json_next(&it, &key, &one);)
		m->active_n += span_copy(json_text(one, &a), m->active[m->active_n], MEMORY_NAME_BYTES);
	for (struct json_iter it = json_iter(get(v, "samples"));
	     m->samples_n < MEMORY_SAMPLES_MAX && json_next(&it, &key, &one);)
		m->samples_n += get_sample(one, &m->samples[m->samples_n]);
	m->findings_n = get_findings(get(v, "findings"), m->findings);
	m->news_n = get_findings(get(v, "news"), m->news);
}

static void get_parts(struct json v, struct memory *m)
{
	struct json plan = get(v, "plan"), model = get(v, "model");
	get_name(plan, "id", m->plan.id, sizeof m->plan.id);
	get_name(plan, "steps", m->plan.steps, sizeof m->plan.steps);
	get_name(plan, "reasoning_id", m->plan.reasoning_id, sizeof m->plan.reasoning_id);
	m->plan.expires_ms = get_i64(plan, "expires_ms");
	if (!json_bool(get(plan, "acted"), &m->plan.acted))
		m->plan.acted = false;
	m->model.state = get_choice(model, "state", model_state_names);
	get_name(model, "fingerprint", m->model.fingerprint, sizeof m->model.fingerprint);
	get_name(model, "job_id", m->model.job_id, sizeof m->model.job_id);
	get_name(model, "reason", m->model.reason, sizeof m->model.reason);
	m->model.asked_ms = get_i64(model, "asked_ms");
}

bool memory_decode(struct span text, struct memory *ret)
{
	struct json v;
	struct err ignored;
	*ret = (struct memory){0};
	if (json_parse(text, &v, &ignored) != STATUS_OK || v.type != JSON_OBJECT)
		return false;
	get_name(v, "snapshot_id", ret->snapshot_id, sizeof ret->snapshot_id);
	get_name(v, "reasoning_id", ret->reasoning_id, sizeof ret->reasoning_id);
	get_name(v, "fingerprint", ret->fingerprint, sizeof ret->fingerprint);
	ret->snapshot_ms = get_i64(v, "snapshot_ms");
	ret->health = get_choice(v, "health", health_names);
	ret->known = ret->reasoning_id[0] != 0;
	get_lists(v, ret);
	get_parts(v, ret);
	return true;
}

bool memory_has_active(const struct memory *m, const char *rule)
{
	for (size_t i = 0; i < m->active_n; i++)
		if (strcmp(m->active[i], rule) == 0)
			return true;
	return false;
}

void memory_key(struct span tenant, char out[MEMORY_KEY_BYTES])
{
	snprintf(out, MEMORY_KEY_BYTES, "%.*s.reasoning_memory", SPAN_ARG(tenant));
}
