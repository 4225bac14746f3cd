/* Self-diagnosis: gathers signals and what sources say, concludes, and makes findings of it. */
#include <stdio.h>

#include "services/watchers/source.h"

struct asked {
	struct diagnosis_settings settings;
	struct diagnosis_source sources[SOURCES_MAX];
	size_t sources_n;
};

static const struct signal_source *source_of(enum source_type type)
{
	for (size_t i = 0; i < signal_sources_n; i++)
		if (signal_sources[i]->type == type)
			return signal_sources[i];
	return NULL;
}

static enum status read_options(struct json v, struct arena *a, struct asked *ret, struct err *err)
{
	struct json key, item;
	*ret = (struct asked){0};
	if (json_decode(&watchers_diagnosis_table, v, JSON_STRICT, a, &ret->settings, err) != STATUS_OK)
		return err->status;
	for (struct json_iter it = json_iter(ret->settings.sources); json_next(&it, &key, &item);) {
		struct diagnosis_source *o = &ret->sources[ret->sources_n];
		if (ret->sources_n == SOURCES_MAX)
			return err_field(err, STATUS_TOO_LARGE, "sources", "sources: more than %d", SOURCES_MAX);
		if (watchers_item(&watchers_source_table, item, "sources", ret->sources_n, a, o, err) != STATUS_OK)
			return err->status;
		const struct signal_source *kind = source_of(o->type);
		struct err why = {0};
		if (kind->check(o, &why) != STATUS_OK)
			return err_field(err, why.status, "sources", "sources[%zu].%s", ret->sources_n, why.msg);
		ret->sources_n++;
	}
	return STATUS_OK;
}

static enum status check(struct json options, struct arena *a, struct err *err)
{
	struct asked asked;
	return read_options(options, a, &asked, err);
}

static bool is_open(void *arg, const char *key)
{
	return run_was_open(arg, key);
}

static struct diagnosis_options options_of(struct watch_run *r, const struct asked *asked)
{
	const struct watchers_thresholds *t = &r->config->thresholds;
	const struct diagnosis_settings *s = &asked->settings;
	struct diagnosis_options o = diagnosis_defaults(clock_wall_ms(r->w->clock));
	if (s->baseline_hours.set)
		o.baseline_ms = s->baseline_hours.v * 3600000;
	if (s->window_minutes.set)
		o.window_ms = s->window_minutes.v * 60000;
	if (s->slice_minutes.set)
		o.slice_ms = s->slice_minutes.v * 60000;
	if (s->deploy_window_hours.set)
		o.deploy_window_ms = s->deploy_window_hours.v * 3600000;
	o.deploy_failures = t->deploy_failures.v;
	o.latency_spike_percent = t->latency_spike_percent.v;
	o.error_rate_percent = t->error_rate_percent.v;
	o.recurring = t->recurring_patterns.v;
	o.requests_min = t->requests_min.v;
	o.is_open = is_open;
	o.arg = r;
	return o;
}

/* A source that does not answer is told; what it told before stays open. */
static enum status ask_sources(struct watch_run *r, const struct asked *asked, int64_t since_ms, struct diagnosis *d,
                               size_t *ret_failed)
{
	for (size_t i = 0; i < asked->sources_n; i++) {
		struct err err = {0};
		char step[64];
		const struct signal_source *kind = source_of(asked->sources[i].type);
		snprintf(step, sizeof step, "source %s", kind->name);
		run_step(r, (int)(30 + 60 * i / asked->sources_n), step);
		if (kind->pull(r, &asked->sources[i], since_ms, d, &err) == STATUS_OK)
			continue;
		if (err.status == STATUS_CANCELLED)
			return STATUS_CANCELLED;
		log_error("a source of the diagnosis did not answer", &err);
		run_unsure(r, SPAN("*"));
		++*ret_failed;
	}
	return STATUS_OK;
}

static void find_metric(struct watch_run *r, const struct diagnosis_metric *m)
{
	scoped_buf place = {0};
	buf_printf(&place, "%.*s", SPAN_ARG(m->service));
	run_found(r, &(struct draft){
	                 .key = span_from(m->key),
	                 .type = m->metric_type,
	                 .severity = m->severity,
	                 .title = m->title,
	                 .description = m->description,
	                 .recommendation = m->recommendation,
	                 .evidence = m->evidence,
	                 .area = span_from(m->metric_type),
	                 .label = "service",
	                 .place = buf_span(&place),
	             });
}

static void find_pattern(struct watch_run *r, const struct diagnosis_pattern *p)
{
	scoped_buf evidence = {0};
	struct json_writer w = {.out = &evidence};
	json_begin_object(&w);
	json_kv_i64(&w, "occurrences", p->occurrences);
	json_kv_i64(&w, "before", p->before);
	json_kv_time(&w, "first", p->first_ms);
	json_kv_time(&w, "last", p->last_ms);
	json_end_object(&w);
	run_found(
	    r, &(struct draft){
	           .key = span_from(p->key),
	           .type = p->type,
	           .severity = p->severity,
	           .title = arena_printf(r->arena, "%lld times: %.*s", (long long)p->occurrences, SPAN_ARG(p->description)),
	           .description = p->description,
	           .recommendation = SPAN("Find what these have in common; it recurs and will not go by itself."),
	           .evidence = buf_span(&evidence),
	           .area = span_from(p->type),
	           .label = "service",
	           .place = p->where,
	       });
}

static enum status look(struct watch_run *r, const struct asked *asked, struct diagnosis *d, int64_t since_ms,
                        struct err *err)
{
	int64_t bad = 0;
	size_t failed = 0;
	run_step(r, 5, "signals");
	if ((!asked->settings.signals.set || asked->settings.signals.v) &&
	    signals_read(r, since_ms, d, &bad, err) != STATUS_OK)
		return err->status;
	if (ask_sources(r, asked, since_ms, d, &failed) != STATUS_OK)
		return err_set(err, STATUS_CANCELLED, "told to end");
	run_step(r, 90, "conclusions");
	const struct diagnosis_report *report = diagnosis_conclude(d);
	for (size_t i = 0; i < report->metrics_n; i++)
		find_metric(r, &report->metrics[i]);
	/* A pattern that is low is in the report, and not worth a finding of its own. */
	for (size_t i = 0; i < report->patterns_n; i++)
		if (report->patterns[i].severity > SEVERITY_LOW)
			find_pattern(r, &report->patterns[i]);
	diagnosis_write(report, &(struct json_writer){.out = &r->result});
	int n = snprintf(r->summary, sizeof r->summary, "%s: %zu metrics, %zu patterns of %lld facts",
	                 diagnosis_status_names[report->status], report->metrics_n, report->patterns_n,
	                 (long long)report->facts);
	if (bad)
		n += snprintf(r->summary + n, sizeof r->summary - (size_t)n, "; %lld signals were none", (long long)bad);
	if (failed)
		n += snprintf(r->summary + n, sizeof r->summary - (size_t)n, "; %zu sources did not answer", failed);
	if (report->left_out)
		snprintf(r->summary + n, sizeof r->summary - (size_t)n, "; %lld facts were too many",
		         (long long)report->left_out);
	return STATUS_OK;
}

static enum status run(struct watch_run *r, struct err *err)
{
	struct asked asked;
	struct json options =
	    r->watch->options.type == JSON_OBJECT ? r->watch->options : (struct json){SPAN("{}"), JSON_OBJECT};
	if (read_options(options, r->arena, &asked, err) != STATUS_OK)
		return err->status;
	const struct diagnosis_options o = options_of(r, &asked);
	struct diagnosis *d = diagnosis_new(&o);
	enum status s = look(r, &asked, d, o.now_ms - o.baseline_ms, err);
	diagnosis_free(d);
	return s;
}

const struct watcher watcher_diagnosis = {
    .name = "diagnosis",
    .summary = "deploys, CI runs, request times, errors and logs: what is out of the ordinary",
    .schedule = "quarter-hourly",
    .feature = "self_diagnosis",
    .check = check,
    .run = run,
};
