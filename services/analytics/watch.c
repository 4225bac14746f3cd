/* Per window, tenant and model four values are compared with those of the week before. */
#include "watch.h"

#include <math.h>
#include <stdio.h>

#include "alert.h"
#include "core/log.h"
#include "rollup.h"

/* What a model did in one window. */
struct window {
	struct span tenant, model;
	int64_t jobs, completed, failed, processing_ms, processing_n, tokens, cost_nanousd, unpriced;
};

/* A watched value: how it is worked out, what it is called, and what helps. */
struct watched {
	const char *type, *title, *unit;
	double (*value)(const struct window *w);
	int64_t (*samples)(const struct window *w);
	double (*error)(const struct window *w, double baseline); /* or NULL */
	double least;
	const char *recommendation;
};

static double latency(const struct window *w)
{
	return (double)w->processing_ms / (double)w->processing_n;
}
static int64_t timed(const struct window *w)
{
	return w->processing_n;
}
static double tokens_per_job(const struct window *w)
{
	return (double)w->tokens / (double)w->completed;
}
static double cost_per_success(const struct window *w)
{
	return (double)w->cost_nanousd / 1e9 / (double)w->completed;
}
static int64_t succeeded(const struct window *w)
{
	return w->completed;
}
static double error_rate(const struct window *w)
{
	return (double)w->failed / (double)w->jobs;
}
static int64_t ended(const struct window *w)
{
	return w->jobs;
}
/* A share of n has this spread by chance alone. */
static double rate_error(const struct window *w, double baseline)
{
	double p = fmax(baseline, 1 / (double)w->jobs);
	return sqrt(p * (1 - fmin(p, 1)) / (double)w->jobs);
}

static const struct watched all_watched[] = {
    {"latency_ms", "Calls take longer than usual", "ms", latency, timed, NULL, 0,
     "Look at the provider's status, at longer prompts and answers, and at a fallback model."},
    {"error_rate", "More jobs fail than usual", "", error_rate, ended, rate_error, WATCH_ERROR_RATE_MIN,
     "`gannet list --status failed` shows the reasons; a fallback chain keeps jobs going."},
    {"tokens_per_job", "Jobs use more tokens than usual", "tokens", tokens_per_job, succeeded, NULL, 0,
     "Look for longer contexts, for max_tokens, and for answers that run on."},
    {"cost_per_success", "A completed job costs more than usual", "USD", cost_per_success, succeeded, NULL, 0,
     "`gannet costs --by model --by operation` shows where the money goes."},
};

/* ---- one value */

#define BASELINE_SQL                                                                                                   \
	"SELECT value FROM ai_health_metrics WHERE tenant = $1 AND component = $2 AND metric_type = $3 AND at >= "         \
	"$4::timestamptz - make_interval(days => $5::int) AND at < $4::timestamptz AND samples >= $6::bigint ORDER BY at " \
	"DESC LIMIT $7::bigint"

static enum status read_baseline(struct store *s, const struct window *w, const struct watched *what, int64_t at_ms,
                                 double *ret, size_t *ret_n, struct err *err)
{
	char at[RFC3339_BYTES], days[12], least[12], most[12];
	snprintf(days, sizeof days, "%d", WATCH_BASELINE_DAYS);
	snprintf(least, sizeof least, "%lld", (long long)anomaly_limits_default.samples_min);
	snprintf(most, sizeof most, "%d", ANOMALY_BASELINE_MAX);
	const struct span params[] = {w->tenant,      w->model,         span_from(what->type), span_from(rfc3339_format(at_ms, at)),
	                              span_from(days), span_from(least), span_from(most)};
	scoped_result r = {0};
	enum status status = store_query_prepared(s, "baseline", BASELINE_SQL, params, countof(params), &r, err);
	*ret_n = 0;
	for (int row = 0; status == STATUS_OK && row < r.rows; row++) {
		struct json number = {store_value(&r, row, 0), JSON_NUMBER};
		if (json_f64(number, &ret[*ret_n]))
			++*ret_n;
	}
	return status;
}

static enum severity severity_of(const struct anomaly_verdict *v)
{
	return v->deviation > 2 ? SEVERITY_CRITICAL : v->deviation > 1 ? SEVERITY_HIGH : v->deviation > 0.5 ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

static double threshold_of(const struct anomaly_limits *l, const struct anomaly_verdict *v)
{
	return v->baseline + fmax(l->least, fmax(l->deviation * v->baseline, l->sigmas * v->sigma));
}

struct judged {
	const struct window *window;
	const struct watched *what;
	const struct anomaly_limits *limits;
	struct anomaly_verdict verdict;
	double value;
	int64_t samples, at_ms, window_ms;
	size_t baseline_n;
	bool open;
};

static struct span number_text(double v, struct arena *a)
{
	scoped_buf b = {0};
	json_put_f64(&(struct json_writer){.out = &b}, v);
	return arena_dup(a, buf_span(&b));
}

/* *ret_new: false when the window was judged before. */
static enum status keep(struct store *s, const struct judged *j, struct arena *a, bool *ret_new, struct err *err)
{
	scoped_result r = {0};
	char at[RFC3339_BYTES];
	const struct anomaly_verdict *v = &j->verdict;
	const struct span none = {0};
	bool finite = v->judged && isfinite(v->deviation);
	const struct span params[] = {
	    span_from(rfc3339_format(j->at_ms, at)),
	    arena_printf(a, "%lld", (long long)(j->window_ms / 1000)),
	    arena_printf(a, "%lld", (long long)j->samples),
	    number_text(j->value, a),
	    v->judged ? number_text(threshold_of(j->limits, v), a) : none,
	    v->judged ? number_text(v->baseline, a) : none,
	    finite ? number_text(round(v->deviation * 1000) / 10, a) : none,
	    j->window->tenant,
	    j->window->model,
	    span_from(j->what->type),
	    v->beyond ? span_from(severity_names[severity_of(v)]) : SPAN("none"),
	    v->beyond ? span_from(j->what->recommendation) : SPAN(""),
	};
	enum status status = store_query_prepared(
	    s, "health",
	    "INSERT INTO ai_health_metrics (at, window_s, samples, value, threshold, baseline, deviation_percent, tenant, "
	    "component, metric_type, severity, recommendation) VALUES ($1::timestamptz, $2::int, $3::bigint, $4::float8, "
	    "$5::float8, $6::float8, $7::float8, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
	    params, countof(params), &r, err);
	*ret_new = status == STATUS_OK && store_affected(&r) == 1;
	return status;
}

static struct alert alert_of(const struct judged *j, struct arena *a)
{
	const struct anomaly_verdict *v = &j->verdict;
	scoped_buf evidence = {0}, labels = {0};
	struct json_writer e = {&evidence, false}, l = {&labels, false};
	json_begin_object(&e);
	json_kv_f64(&e, "value", j->value);
	json_kv_f64(&e, "baseline", v->baseline);
	json_kv_f64(&e, "threshold", threshold_of(j->limits, v));
	json_kv_i64(&e, "samples", j->samples);
	json_kv_i64(&e, "baseline_windows", (int64_t)j->baseline_n);
	json_kv_i64(&e, "window_seconds", j->window_ms / 1000);
	json_end_object(&e);
	json_begin_object(&l);
	json_kv_text(&l, "model", j->window->model);
	json_kv_cstr(&l, "metric", j->what->type);
	json_end_object(&l);
	return (struct alert){
	    .type = j->what->type,
	    .subject = j->window->model,
	    .severity = severity_of(v),
	    .open = j->open,
	    .title = arena_printf(a, "%s: %.*s", j->what->title, SPAN_ARG(j->window->model)),
	    .description = arena_printf(a, "%.4g %s in a window of %lld jobs, where %.4g %s is usual (median of %zu windows).",
	                                j->value, j->what->unit, (long long)j->samples, v->baseline, j->what->unit,
	                                j->baseline_n),
	    .recommendation = span_from(j->what->recommendation),
	    .evidence = {arena_dup(a, buf_span(&evidence)), JSON_OBJECT},
	    .labels = {arena_dup(a, buf_span(&labels)), JSON_OBJECT},
	    .at_ms = j->at_ms + j->window_ms,
	};
}

static enum status judge_value(struct analytics *a, struct store *s, const struct window *w, const struct watched *what,
                               int64_t at_ms, struct err *err)
{
	scoped_arena memory = {0};
	struct anomaly_limits limits = anomaly_limits_default;
	struct alert_memory m;
	double *baseline = arena_alloc(&memory, ANOMALY_BASELINE_MAX * sizeof *baseline);
	struct judged j = {w, what, &limits, .samples = what->samples(w), .at_ms = at_ms, .window_ms = a->config->window_ms};
	if (!j.samples)
		return STATUS_OK;
	j.value = what->value(w);
	limits.least = what->least;
	enum status status = read_baseline(s, w, what, at_ms, baseline, &j.baseline_n, err);
	if (status == STATUS_OK)
		status = alert_recall(s, w->tenant, what->type, w->model, &m, err);
	if (status != STATUS_OK)
		return status;
	struct anomaly_window one = {j.value, 0, j.samples};
	if (what->error) {
		struct anomaly_state untouched = m.state;
		anomaly_judge(&limits, baseline, j.baseline_n, &one, &untouched, &j.verdict); /* for the baseline alone */
		one.error = what->error(w, j.verdict.baseline);
	}
	anomaly_judge(&limits, baseline, j.baseline_n, &one, &m.state, &j.verdict);
	j.open = m.state.open;
	struct alert alert = alert_of(&j, &memory);
	bool is_new;
	status = keep(s, &j, &memory, &is_new, err);
	if (!is_new) {
		store_rollback(s);
		return status;
	}
	return alert_tell(a, s, w->tenant, &alert, &m, err);
}

/* A model without a price: its costs are unknown, never 0. Open while calls without a price come in. */
static enum status judge_price(struct analytics *a, struct store *s, const struct window *w, int64_t at_ms,
                               struct err *err)
{
	scoped_arena memory = {0};
	struct alert_memory m;
	scoped_buf labels = {0};
	struct json_writer l = {&labels, false};
	enum status status = alert_recall(s, w->tenant, "unpriced_model", w->model, &m, err);
	if (status != STATUS_OK)
		return status;
	json_begin_object(&l);
	json_kv_text(&l, "model", w->model);
	json_end_object(&l);
	const struct alert alert = {
	    .type = "unpriced_model",
	    .subject = w->model,
	    .severity = SEVERITY_MEDIUM,
	    .open = w->unpriced > 0,
	    .title = arena_printf(&memory, "There is no price for %.*s", SPAN_ARG(w->model)),
	    .description = arena_printf(&memory, "%lld calls of a window have no cost: costs and budgets do not count them.",
	                                (long long)w->unpriced),
	    .recommendation = SPAN("Add a row for it to the file that GANNET_PRICES names."),
	    .evidence = {arena_printf(&memory, "{\"calls\":%lld}", (long long)w->unpriced), JSON_OBJECT},
	    .labels = {arena_dup(&memory, buf_span(&labels)), JSON_OBJECT},
	    .at_ms = at_ms + a->config->window_ms,
	};
	return alert_tell(a, s, w->tenant, &alert, &m, err);
}

/* ---- one window */

#define WINDOW_SQL                                                                                                     \
	"SELECT tenant, model, sum(jobs)::bigint, coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0)::bigint, "    \
	"coalesce(sum(jobs) FILTER (WHERE status IN ('failed', 'rejected')), 0)::bigint, sum(processing_ms)::bigint, "     \
	"sum(processing_n)::bigint, sum(total_tokens)::bigint, sum(cost_nanousd)::bigint, sum(unpriced)::bigint FROM "     \
	"ai_usage_minute_model WHERE bucket >= $1::timestamptz AND bucket < $2::timestamptz AND model <> '' GROUP BY 1, "  \
	"2 ORDER BY 1, 2 LIMIT 1000"

static enum status judge_window(struct analytics *a, struct store *s, int64_t at_ms, struct err *err)
{
	char from[RFC3339_BYTES], to[RFC3339_BYTES];
	const struct span params[] = {span_from(rfc3339_format(at_ms, from)),
	                              span_from(rfc3339_format(at_ms + a->config->window_ms, to))};
	scoped_result r = {0};
	enum status status = store_query_prepared(s, "window", WINDOW_SQL, params, 2, &r, err);
	for (int row = 0; status == STATUS_OK && row < r.rows; row++) {
		struct window w = {store_value(&r, row, 0), store_value(&r, row, 1)};
		int64_t *const numbers[] = {&w.jobs,         &w.completed, &w.failed,       &w.processing_ms,
		                            &w.processing_n, &w.tokens,    &w.cost_nanousd, &w.unpriced};
		for (size_t i = 0; i < countof(numbers); i++)
			if (!span_i64(store_value(&r, row, 2 + (int)i), numbers[i]))
				return err_set(err, STATUS_INTERNAL, "a window's sums cannot be read");
		for (size_t i = 0; status == STATUS_OK && i < countof(all_watched); i++)
			status = judge_value(a, s, &w, &all_watched[i], at_ms, err);
		if (status == STATUS_OK)
			status = judge_price(a, s, &w, at_ms, err);
	}
	return status;
}

static enum status read_until(struct store *s, int64_t *ret_ms, struct err *err)
{
	scoped_result r = {0};
	enum status status = store_query(
	    s, "SELECT (extract(epoch FROM until) * 1000)::bigint FROM ai_usage_watched WHERE what = 'performance'", NULL, 0, &r,
	    err);
	if (status == STATUS_OK && r.rows && !span_i64(store_value(&r, 0, 0), ret_ms))
		return err_set(err, STATUS_INTERNAL, "ai_usage_watched cannot be read");
	return status;
}

static enum status write_until(struct store *s, int64_t until_ms, struct err *err)
{
	char until[RFC3339_BYTES];
	const struct span param = span_from(rfc3339_format(until_ms, until));
	return store_exec(s,
	                  "INSERT INTO ai_usage_watched (what, until) VALUES ('performance', $1::timestamptz) ON CONFLICT (what) "
	                  "DO UPDATE SET until = greatest(ai_usage_watched.until, EXCLUDED.until)",
	                  &param, 1, err);
}

enum status watch_windows(struct analytics *a, struct store *s, int64_t now_ms, bool (*pause)(void *arg), void *arg,
                          struct err *err)
{
	const int64_t window_ms = a->config->window_ms;
	int64_t end_ms = (now_ms - WATCH_DELAY_MS) / window_ms * window_ms, at_ms = end_ms - window_ms;
	enum status status = read_until(s, &at_ms, err);
	if (at_ms < end_ms - WATCH_CATCH_UP * window_ms)
		at_ms = end_ms - WATCH_CATCH_UP * window_ms;
	at_ms = at_ms / window_ms * window_ms;
	for (; status == STATUS_OK && at_ms + window_ms <= end_ms; at_ms += window_ms) {
		if (pause && pause(arg))
			return err_set(err, STATUS_CANCELLED, "told to end");
		status = judge_window(a, s, at_ms, err);
		if (status == STATUS_OK)
			status = write_until(s, at_ms + window_ms, err);
	}
	return status;
}
