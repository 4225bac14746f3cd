/* The conclusion: all judges' findings, the status they come to, what to do, and how that is written. */
#include <stdlib.h>

#include "contract/finding.h"
#include "core/clock.h"
#include "core/utf8.h"
#include "diagnose/internal.h"

const char *const diagnosis_status_names[] = {"healthy", "warning", "critical", NULL};

static void *grow(void *all, size_t size, size_t n, size_t *cap)
{
	if (n < *cap)
		return all;
	*cap = *cap ? 2 * *cap : 16;
	all = realloc(all, *cap * size);
	if (!all)
		abort();
	return all;
}

struct diagnosis_metric *report_metric(struct diagnosis *d)
{
	struct diagnosis_report *r = &d->report;
	r->metrics = grow(r->metrics, sizeof *r->metrics, r->metrics_n, &d->metrics_cap);
	return &r->metrics[r->metrics_n++];
}

struct diagnosis_pattern *report_pattern(struct diagnosis *d)
{
	struct diagnosis_report *r = &d->report;
	r->patterns = grow(r->patterns, sizeof *r->patterns, r->patterns_n, &d->patterns_cap);
	return &r->patterns[r->patterns_n++];
}

struct diagnosis_action *report_action(struct diagnosis *d)
{
	struct diagnosis_report *r = &d->report;
	r->actions = grow(r->actions, sizeof *r->actions, r->actions_n, &d->actions_cap);
	return &r->actions[r->actions_n++];
}

bool was_open(const struct diagnosis *d, const char *key)
{
	return d->o.is_open && d->o.is_open(d->o.arg, key);
}

struct span place_name(struct diagnosis *d, const struct place *p)
{
	if (!p->service.n && !p->endpoint.n)
		return SPAN("the application");
	return arena_printf(&d->arena, "%.*s%s%.*s", SPAN_ARG(p->service), p->service.n && p->endpoint.n ? " " : "",
	                    SPAN_ARG(p->endpoint));
}

struct span moment_text(struct diagnosis *d, int64_t ms)
{
	char text[RFC3339_BYTES];
	return arena_dup(&d->arena, span_from(rfc3339_format(ms, text)));
}

/* ---- actions */

static void file_issue(struct diagnosis *d, unsigned severity, struct span title, struct span body, const char *label)
{
	struct diagnosis_action *a = report_action(d);
	scoped_buf payload = {0};
	struct json_writer w = {.out = &payload};
	json_begin_object(&w);
	json_kv_text(&w, "title", utf8_cut(title, FINDING_TITLE_MAX));
	json_kv_text(&w, "body", body);
	json_key(&w, SPAN("labels"));
	json_begin_array(&w);
	json_put_text(&w, SPAN("self-diagnosis"));
	json_put_text(&w, span_from(label));
	json_end_array(&w);
	json_end_object(&w);
	*a = (struct diagnosis_action){"github_issue", severity_names[severity], arena_dup(&d->arena, buf_span(&payload))};
}

static void decide_actions(struct diagnosis *d)
{
	const struct diagnosis_report *r = &d->report;
	for (size_t i = 0; i < r->metrics_n; i++) {
		const struct diagnosis_metric *m = &r->metrics[i];
		if (m->severity >= SEVERITY_HIGH)
			file_issue(d, m->severity, m->title,
			           arena_printf(&d->arena, "%.*s\n\n%.*s", SPAN_ARG(m->description), SPAN_ARG(m->recommendation)),
			           m->metric_type);
	}
	for (size_t i = 0; i < r->patterns_n; i++) {
		const struct diagnosis_pattern *p = &r->patterns[i];
		if (p->severity >= SEVERITY_MEDIUM)
			file_issue(d, p->severity,
			           arena_printf(&d->arena, "%lld times: %.*s", (long long)p->occurrences, SPAN_ARG(p->description)),
			           arena_printf(&d->arena, "First seen %.*s, last %.*s; %lld times before.",
			                        SPAN_ARG(moment_text(d, p->first_ms)), SPAN_ARG(moment_text(d, p->last_ms)),
			                        (long long)p->before),
			           p->type);
	}
}

static enum diagnosis_status status_of(const struct diagnosis_report *r)
{
	unsigned worst = 0;
	for (size_t i = 0; i < r->metrics_n; i++)
		worst = r->metrics[i].severity > worst ? r->metrics[i].severity : worst;
	if (worst >= SEVERITY_HIGH)
		return DIAGNOSIS_CRITICAL;
	for (size_t i = 0; i < r->patterns_n; i++)
		worst = r->patterns[i].severity > worst ? r->patterns[i].severity : worst;
	return r->metrics_n || worst >= SEVERITY_MEDIUM ? DIAGNOSIS_WARNING : DIAGNOSIS_HEALTHY;
}

const struct diagnosis_report *diagnosis_conclude(struct diagnosis *d)
{
	judge_deploys(d);
	for (struct map_slot *s = map_next(&d->places, NULL); s; s = map_next(&d->places, s)) {
		judge_latency(d, s->value);
		judge_errors(d, s->value);
	}
	judge_messages(d);
	decide_actions(d);
	d->report.status = status_of(&d->report);
	d->report.facts = d->facts;
	d->report.left_out = d->left_out;
	return &d->report;
}

/* ---- writing */

static void write_metric(const struct diagnosis_metric *m, struct json_writer *w)
{
	json_begin_object(w);
	json_kv_cstr(w, "metric_type", m->metric_type);
	json_kv_f64(w, "value", m->value);
	json_kv_f64(w, "threshold", m->threshold);
	json_kv_cstr(w, "severity", severity_names[m->severity]);
	json_kv_text(w, "recommendation", m->recommendation);
	json_end_object(w);
}

static void write_pattern(const struct diagnosis_pattern *p, struct json_writer *w)
{
	json_begin_object(w);
	json_kv_cstr(w, "type", p->type);
	json_kv_i64(w, "occurrences", p->occurrences);
	json_kv_text(w, "description", p->description);
	json_end_object(w);
}

static void write_action(const struct diagnosis_action *a, struct json_writer *w)
{
	json_begin_object(w);
	json_kv_cstr(w, "type", a->type);
	json_kv_cstr(w, "priority", a->priority);
	json_kv(w, "payload", (struct json){a->payload, JSON_OBJECT});
	json_end_object(w);
}

void diagnosis_write(const struct diagnosis_report *r, struct json_writer *w)
{
	json_begin_object(w);
	json_kv_cstr(w, "status", diagnosis_status_names[r->status]);
	json_key(w, SPAN("metrics"));
	json_begin_array(w);
	for (size_t i = 0; i < r->metrics_n; i++)
		write_metric(&r->metrics[i], w);
	json_end_array(w);
	json_key(w, SPAN("patterns"));
	json_begin_array(w);
	for (size_t i = 0; i < r->patterns_n; i++)
		write_pattern(&r->patterns[i], w);
	json_end_array(w);
	json_key(w, SPAN("actions"));
	json_begin_array(w);
	for (size_t i = 0; i < r->actions_n; i++)
		write_action(&r->actions[i], w);
	json_end_array(w);
	json_end_object(w);
}
