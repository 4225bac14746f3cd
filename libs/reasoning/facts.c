/* Reads the facts out of a snapshot. */
#include "reasoning/facts.h"

#include <math.h>

#define MINUTE_MS 60000.0
#define GROWTH_AFTER_MS (30 * 60000) /* growth is told against half an hour ago, or at least ten minutes */
#define GROWTH_LEAST_MS (10 * 60000)
#define GROWTH_BASE 50.0 /* so that few items that become a few more are no growth to speak of */
#define STALE_HALF_MS 3600000.0 /* a figure of that age counts half */
#define PLATFORM_LEAST 5        /* publications of a platform from which on its failures say something */
#define SOURCES_NAMED_MAX 5

const char *const fact_names[] = {
#define X(id, name, unit) #name,
    FACT_LIST(X)
#undef X
};
const enum unit fact_units[] = {
#define X(id, name, unit) UNIT_##unit,
    FACT_LIST(X)
#undef X
};
const char *const label_names[] = {
#define X(id, name) #name,
    LABEL_LIST(X)
#undef X
};

/* ---- what is known of a member of the snapshot */

static struct fact fact_of(const struct snapshot *s, const char *member, bool set, double value)
{
	struct snapshot_metric m = {0};
	bool listed = snapshot_metric(s, member, &m);
	if (!set)
		return (struct fact){.knowledge = listed && m.status == METRIC_ERROR ? FACT_UNKNOWN : FACT_ABSENT};
	double confidence = 1;
	if (listed && m.status == METRIC_STALE)
		confidence = 1 - 0.5 * fmin(1, fmax(0, (double)m.age_ms) / STALE_HALF_MS);
	return (struct fact){FACT_KNOWN, value, confidence};
}

static struct fact known(double value, const struct fact *a, const struct fact *b)
{
	return (struct fact){FACT_KNOWN, value, fmin(a->confidence, b ? b->confidence : 1)};
}

/* A fact made of two: unknown when one is, absent when one is. */
static bool both_known(const struct fact *a, const struct fact *b, struct fact *ret)
{
	if (a->knowledge == FACT_KNOWN && b->knowledge == FACT_KNOWN)
		return true;
	bool unknown = a->knowledge == FACT_UNKNOWN || b->knowledge == FACT_UNKNOWN;
	*ret = (struct fact){.knowledge = unknown ? FACT_UNKNOWN : FACT_ABSENT};
	return false;
}

static void read_members(const struct snapshot *s, struct fact *f)
{
#define TAKE(id, member) f[FACT_##id] = fact_of(s, #member, s->member.set, (double)s->member.v)
	TAKE(QUEUE_PENDING, queue_pending);
	TAKE(QUEUE_PROCESSING, queue_processing);
	TAKE(QUEUE_FAILED, queue_failed);
	TAKE(QUEUE_SUCCESS, queue_success);
	TAKE(SCHEDULER_PENDING, scheduler_pending);
	TAKE(SCHEDULER_DUE_SOON, scheduler_due_soon);
	TAKE(ORCHESTRATOR_ACTIONS, orchestrator_actions_last_24h);
	TAKE(PUBLISH_SUCCESS_RATE, publish_success_rate);
	TAKE(PUBLISH_TOTAL, publish_total_24h);
	TAKE(PUBLISH_FAILED, publish_failed_24h);
	TAKE(CLIPS_READY, clips_ready);
	TAKE(CLIPS_PENDING, clips_pending_analysis);
	TAKE(JOBS_PENDING, jobs_pending);
	TAKE(JOBS_FAILED, jobs_failed);
	TAKE(CAMPAIGNS_ACTIVE, campaigns_active);
	TAKE(CAMPAIGNS_DRAFT, campaigns_draft);
	TAKE(ALERTS_CRITICAL, alerts_critical);
	TAKE(ALERTS_WARNING, alerts_warning);
#undef TAKE
	f[FACT_ORCHESTRATOR_DOWN] =
	    fact_of(s, "orchestrator_running", s->orchestrator_running.set, s->orchestrator_running.v ? 0 : 1);
	double idle_ms = (double)(s->timestamp.ms - s->orchestrator_last_run.ms);
	f[FACT_ORCHESTRATOR_IDLE] =
	    fact_of(s, "orchestrator_last_run", s->orchestrator_last_run.ms != 0, fmax(0, idle_ms) / MINUTE_MS);
}

/* ---- what is made of several members */

static void read_combined(struct fact *f)
{
	const struct fact *a, *b;
#define COMBINE(id, left, right, value)                                                                                \
	a = &f[FACT_##left], b = &f[FACT_##right];                                                                         \
	if (both_known(a, b, &f[FACT_##id]))                                                                               \
	f[FACT_##id] = known((value), a, b)
	COMBINE(QUEUE_ENDED, QUEUE_FAILED, QUEUE_SUCCESS, a->value + b->value);
	COMBINE(QUEUE_FAILURE_SHARE, QUEUE_FAILED, QUEUE_SUCCESS, a->value / fmax(1, a->value + b->value));
	COMBINE(CLIPS_SHORT, SCHEDULER_DUE_SOON, CLIPS_READY, fmax(0, a->value - b->value));
	COMBINE(CLIP_DAYS, CLIPS_READY, PUBLISH_TOTAL, a->value / fmax(1, b->value));
	COMBINE(NOTHING_PUBLISHED, PUBLISH_TOTAL, CAMPAIGNS_ACTIVE, a->value == 0 && b->value > 0);
	COMBINE(NOTHING_SCHEDULED, SCHEDULER_PENDING, CAMPAIGNS_ACTIVE, a->value == 0 && b->value > 0);
#undef COMBINE
}

/* ---- the hour before */

static double sampled(const struct memory *m, enum sample_field field, int64_t now_ms)
{
	for (size_t i = m->samples_n; i; i--) {
		const struct sample *s = &m->samples[i - 1];
		int64_t age_ms = now_ms - s->at_ms;
		bool far_enough = age_ms >= GROWTH_AFTER_MS || (i == 1 && age_ms >= GROWTH_LEAST_MS);
		if (far_enough && !isnan(s->values[field]))
			return s->values[field];
	}
	return NAN;
}

/* Since when the queue has had something to do, nobody doing it, and nothing finished. */
static double stalled_ms(const struct memory *m, const struct fact *f, int64_t now_ms)
{
	double success = f[FACT_QUEUE_SUCCESS].value;
	int64_t since_ms = now_ms;
	if (f[FACT_QUEUE_PENDING].value <= 0 || f[FACT_QUEUE_PROCESSING].value > 0)
		return 0;
	for (size_t i = m->samples_n; i; i--) {
		const struct sample *s = &m->samples[i - 1];
		if (s->at_ms >= now_ms)
			continue;
		bool moved = f[FACT_QUEUE_SUCCESS].knowledge == FACT_KNOWN && s->values[SAMPLE_QUEUE_SUCCESS] != success;
		if (!(s->values[SAMPLE_QUEUE_PENDING] > 0) || !(s->values[SAMPLE_QUEUE_PROCESSING] == 0) || moved)
			break;
		since_ms = s->at_ms;
	}
	return (double)(now_ms - since_ms);
}

static void read_past(const struct memory *m, int64_t now_ms, struct fact *f)
{
	const struct fact *pending = &f[FACT_QUEUE_PENDING], *processing = &f[FACT_QUEUE_PROCESSING],
	                  *failed = &f[FACT_JOBS_FAILED];
	double before = sampled(m, SAMPLE_QUEUE_PENDING, now_ms);
	if (pending->knowledge == FACT_KNOWN && !isnan(before))
		f[FACT_QUEUE_GROWTH] = known((pending->value + GROWTH_BASE) / (before + GROWTH_BASE), pending, NULL);
	before = sampled(m, SAMPLE_JOBS_FAILED, now_ms);
	if (failed->knowledge == FACT_KNOWN && !isnan(before))
		f[FACT_JOBS_FAILED_GROWTH] = known(fmax(0, failed->value - before), failed, NULL);
	if (both_known(pending, processing, &f[FACT_QUEUE_STALLED]))
		f[FACT_QUEUE_STALLED] = known(stalled_ms(m, f, now_ms) / MINUTE_MS, pending, processing);
}

void facts_sample(const struct facts *f, int64_t at_ms, struct sample *ret)
{
	static const enum fact_id of[SAMPLE_FIELDS] = {[SAMPLE_QUEUE_PENDING] = FACT_QUEUE_PENDING,
	                                               [SAMPLE_QUEUE_PROCESSING] = FACT_QUEUE_PROCESSING,
	                                               [SAMPLE_QUEUE_SUCCESS] = FACT_QUEUE_SUCCESS,
	                                               [SAMPLE_JOBS_FAILED] = FACT_JOBS_FAILED};
	ret->at_ms = at_ms;
	for (size_t i = 0; i < SAMPLE_FIELDS; i++)
		ret->values[i] = f->all[of[i]].knowledge == FACT_KNOWN ? f->all[of[i]].value : NAN;
}

/* ---- objects within the snapshot */

static double number(struct json v, const char *key)
{
	struct json m;
	double d = 0;
	json_member(v, span_from(key), &m);
	return json_f64(m, &d) && d > 0 ? d : 0;
}

static void read_platforms(const struct snapshot *s, struct arena *a, struct facts *ret)
{
	struct fact *f = &ret->all[FACT_PLATFORM_FAILURE_SHARE];
	struct json key, v, worst = {0};
	*f = fact_of(s, "platform_stats", s->platform_stats.type == JSON_OBJECT, 0);
	for (struct json_iter it = json_iter(s->platform_stats); json_next(&it, &key, &v);) {
		double failed = number(v, "failed_24h"), all = failed + number(v, "published_24h");
		if (all < PLATFORM_LEAST || failed / all <= f->value)
			continue;
		f->value = failed / all;
		worst = key;
	}
	ret->labels[LABEL_PLATFORM] = json_text(worst, a);
}

static void read_workers(const struct snapshot *s, struct arena *a, struct facts *ret)
{
	struct json key, v, busiest = {0}, idle = {0};
	struct fact all = fact_of(s, "worker_load", s->worker_load.type == JSON_OBJECT, 0);
	struct fact *load = &ret->all[FACT_WORKER_LOAD], *missing = &ret->all[FACT_WORKERS_MISSING],
	            *waiting = &ret->all[FACT_JOBS_WITHOUT_WORKERS];
	*load = *missing = *waiting = all;
	for (struct json_iter it = json_iter(s->worker_load); json_next(&it, &key, &v);) {
		if (number(v, "workers") > 0 && number(v, "load") > load->value) {
			load->value = number(v, "load");
			busiest = key;
		}
		if (number(v, "workers") == 0 && number(v, "waiting") > 0) {
			missing->value++;
			waiting->value += number(v, "waiting");
			idle = idle.type == JSON_ABSENT ? key : idle;
		}
	}
	ret->labels[LABEL_KIND] = json_text(busiest, a);
	ret->labels[LABEL_IDLE_KIND] = json_text(idle, a);
}

static bool says_failure(struct json event)
{
	struct json type;
	json_member(event, SPAN("type"), &type);
	if (type.type != JSON_STRING)
		return false;
	return memmem(type.text.p, type.text.n, "fail", 4) || memmem(type.text.p, type.text.n, "error", 5);
}

static void read_events(const struct snapshot *s, struct facts *ret)
{
	struct json key, v;
	double n = 0, failures = 0;
	struct fact all = fact_of(s, "recent_events", s->recent_events.type == JSON_ARRAY, 0);
	for (struct json_iter it = json_iter(s->recent_events); json_next(&it, &key, &v); n++)
		failures += says_failure(v);
	ret->all[FACT_EVENTS] = ret->all[FACT_EVENT_FAILURE_SHARE] = all;
	ret->all[FACT_EVENTS].value = n;
	ret->all[FACT_EVENT_FAILURE_SHARE].value = n > 0 ? failures / n : 0;
}

/* ---- what is known of the figures themselves */

static bool is_among(const struct span *names, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(names[i], name))
			return true;
	return false;
}

static struct span joined(const struct span *names, size_t n, struct arena *a)
{
	scoped_buf text = {0};
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%.*s", i ? ", " : "", SPAN_ARG(names[i]));
	return n ? arena_dup(a, buf_span(&text)) : SPAN("none, but hardly any is configured");
}

static void read_metrics(const struct snapshot *s, struct arena *a, struct facts *ret)
{
	struct span failed[SOURCES_NAMED_MAX];
	size_t failed_n = 0;
	struct fact *stale = &ret->all[FACT_STALE_AGE];
	struct json key, row, v;
	*stale = (struct fact){FACT_KNOWN, 0, 1};
	for (struct json_iter it = json_iter(s->metrics); json_next(&it, &key, &row);) {
		struct json source;
		double age_min = number(row, "age_ms") / MINUTE_MS;
		json_member(row, SPAN("status"), &v);
		json_member(row, SPAN("source"), &source);
		struct span name = json_text(source, a);
		if (json_text_is(v, SPAN("error")) && name.n && failed_n < SOURCES_NAMED_MAX && !is_among(failed, failed_n, name))
			failed[failed_n++] = name;
		if (json_text_is(v, SPAN("stale")) && age_min > stale->value) {
			stale->value = age_min;
			ret->labels[LABEL_STALE_SOURCE] = name;
		}
	}
	ret->labels[LABEL_SOURCES] = joined(failed, failed_n, a);
}

void facts_read(const struct snapshot *s, const struct memory *m, const struct surroundings *around, struct arena *a,
                struct facts *ret)
{
	*ret = (struct facts){0};
	read_members(s, ret->all);
	read_combined(ret->all);
	read_past(m, s->timestamp.ms, ret->all);
	read_platforms(s, a, ret);
	read_workers(s, a, ret);
	read_events(s, ret);
	read_metrics(s, a, ret);
	if (around->paused_n) {
		const struct paused_queue *q = &around->paused[0];
		double minutes = fmax(0, (double)(s->timestamp.ms - q->since_ms)) / MINUTE_MS;
		ret->all[FACT_PAUSED] = (struct fact){FACT_KNOWN, minutes, 1};
		ret->labels[LABEL_PAUSED_KIND] = span_from(q->kind);
		ret->labels[LABEL_PAUSED_PRIORITY] = span_from(q->priority);
	}
}
