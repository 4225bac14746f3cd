/* Judges request times: medians of slices against those before, at the same time of day too. */
#include <stdlib.h>

#include "contract/finding.h"
#include "diagnose/internal.h"
#include "stats/chance.h"
#include "stats/change.h"
#include "stats/stats.h"

#define RECENT_MIN 3    /* slices in the window */
#define BASELINE_MIN 24 /* slices before it */
#define SAME_HOUR_MIN 6 /* slices at this time of day on earlier days */
#define SAME_HOUR_MS 3600000ll
#define DAY_MS 86400000ll
#define SIGMAS 3
#define P_MAX 0.005
#define CLOSING 0.5 /* what is open closes below this part of the threshold's excess */
#define CHANGES_MAX 64

struct times {
	double *baseline, *same_hour, *recent, *all, *scratch;
	int64_t *at_ms; /* of `all` */
	size_t baseline_n, same_hour_n, recent_n, all_n;
	int64_t requests; /* in the window */
};

static double slice_median(const struct slice *s)
{
	double v[SLICE_SAMPLES];
	for (size_t i = 0; i < s->samples_n; i++)
		v[i] = (double)s->samples[i];
	return stats_median(v, s->samples_n);
}

static void gather(struct diagnosis *d, const struct place *p, struct times *t)
{
	double *room = arena_alloc(&d->arena, 5 * (d->slices_n + 1) * sizeof *room);
	*t = (struct times){room,
	                    room + d->slices_n + 1,
	                    room + 2 * (d->slices_n + 1),
	                    room + 3 * (d->slices_n + 1),
	                    room + 4 * (d->slices_n + 1),
	                    arena_alloc(&d->arena, (d->slices_n + 1) * sizeof(int64_t))};
	int64_t of_day = d->o.now_ms % DAY_MS;
	for (size_t i = 0; i < d->slices_n; i++) {
		const struct slice *s = p->slices[i];
		if (!s || s->timed < SLICE_MIN)
			continue;
		double v = slice_median(s);
		int64_t at_ms = d->begin_ms + (int64_t)i * d->o.slice_ms;
		t->all[t->all_n] = v;
		t->at_ms[t->all_n++] = at_ms;
		if (i + d->window_n >= d->slices_n) {
			t->recent[t->recent_n++] = v;
			t->requests += s->timed;
			continue;
		}
		t->baseline[t->baseline_n++] = v;
		int64_t apart = llabs(at_ms % DAY_MS - of_day);
		if ((apart < SAME_HOUR_MS || apart > DAY_MS - SAME_HOUR_MS) && d->o.now_ms - at_ms > DAY_MS / 2)
			t->same_hour[t->same_hour_n++] = v;
	}
}

static void center(const struct times *t, const double *v, size_t n, double *ret_median, double *ret_spread)
{
	memcpy(t->scratch, v, n * sizeof *v);
	*ret_median = stats_median(t->scratch, n);
	memcpy(t->scratch, v, n * sizeof *v);
	*ret_spread = STATS_MAD_SIGMA * stats_mad(t->scratch, n, *ret_median, t->scratch);
}

static unsigned severity_of(double value, double expected)
{
	double percent = (value / expected - 1) * 100;
	return percent > 200 ? SEVERITY_CRITICAL : percent > 50 ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

/* When the present level began; 0 when no change to a higher one is found in the last day. */
static int64_t change_began(struct diagnosis *d, const struct times *t)
{
	struct change_point found[CHANGES_MAX];
	size_t n = change_points(t->all, t->all_n, found, CHANGES_MAX);
	if (!n || n > CHANGES_MAX)
		return 0;
	for (size_t i = n; i-- > 0;)
		if (found[i].after > found[i].before && d->o.now_ms - t->at_ms[found[i].index] < DAY_MS)
			return t->at_ms[found[i].index];
	return 0;
}

static void review(struct diagnosis *d, const struct place *p, const struct diagnosis_run *run, int64_t began_ms)
{
	struct diagnosis_action *a = report_action(d);
	scoped_buf payload = {0};
	struct json_writer w = {.out = &payload};
	json_begin_object(&w);
	json_kv_text(&w, "service", run->where);
	if (run->version.n)
		json_kv_text(&w, "version", run->version);
	if (run->commit.n)
		json_kv_text(&w, "commit", run->commit);
	json_kv_text(&w, "finished_at", moment_text(d, run->at_ms));
	json_kv_text(&w, "changed_at", moment_text(d, began_ms));
	json_kv_text(&w, "affected", place_name(d, p));
	json_end_object(&w);
	*a = (struct diagnosis_action){"review_deploy", "high", arena_dup(&d->arena, buf_span(&payload))};
}

static struct span run_name(struct diagnosis *d, const struct diagnosis_run *run)
{
	return arena_printf(&d->arena, "%s of %.*s%s%.*s%s%.*s at %.*s",
	                    run->kind == DIAGNOSIS_DEPLOY ? "deploy" : "CI run", SPAN_ARG(run->where),
	                    run->version.n ? ", version " : "", SPAN_ARG(run->version), run->commit.n ? ", commit " : "",
	                    SPAN_ARG(run->commit), SPAN_ARG(moment_text(d, run->at_ms)));
}

struct verdict {
	double value, expected, spread, threshold, p;
	int64_t requests;
};

static void tell(struct diagnosis *d, const struct place *p, const struct times *t, const struct verdict *v,
                 const char *key)
{
	int64_t began_ms = change_began(d, t);
	const struct diagnosis_run *run = began_ms ? deploy_before(d, p->service, began_ms) : NULL;
	struct diagnosis_metric *m = report_metric(d);
	struct span where = place_name(d, p);
	scoped_buf evidence = {0}, advice = {0};
	struct json_writer w = {.out = &evidence};
	json_begin_object(&w);
	json_kv_f64(&w, "median_ms", v->value);
	json_kv_f64(&w, "expected_ms", v->expected);
	json_kv_f64(&w, "spread_ms", v->spread);
	json_kv_f64(&w, "p", v->p);
	json_kv_i64(&w, "requests", v->requests);
	json_kv_i64(&w, "slices_before", (int64_t)t->baseline_n);
	if (began_ms)
		json_kv_text(&w, "changed_at", moment_text(d, began_ms));
	if (run)
		json_kv_text(&w, "after", run_name(d, run));
	json_end_object(&w);
	if (run)
		buf_printf(&advice, "It began after the %.*s: compare the two versions, or go back to the one before.",
		           SPAN_ARG(run_name(d, run)));
	else
		buf_adds(
		    &advice,
		    "No deploy lies near its beginning: look at load, dependencies and the database, and consider caching.");
	*m = (struct diagnosis_metric){
	    .metric_type = "latency_spike",
	    .value = v->value,
	    .threshold = v->threshold,
	    .severity = severity_of(v->value, v->expected),
	    .recommendation = arena_dup(&d->arena, buf_span(&advice)),
	    .key = key,
	    .title = arena_printf(&d->arena, "%.*s takes %.0f %% longer than before", SPAN_ARG(where),
	                          (v->value / v->expected - 1) * 100),
	    .description = arena_printf(&d->arena, "The median request takes %.4g ms; %.4g ms was to be expected.",
	                                v->value, v->expected),
	    .service = p->service,
	    .endpoint = p->endpoint,
	    .evidence = arena_dup(&d->arena, buf_span(&evidence)),
	};
	if (run)
		review(d, p, run, began_ms);
}

void judge_latency(struct diagnosis *d, const struct place *p)
{
	struct times t;
	struct verdict v = {0};
	double spread, other, other_spread;
	gather(d, p, &t);
	if (t.recent_n < RECENT_MIN || t.baseline_n < BASELINE_MIN || t.requests < d->o.requests_min)
		return;
	center(&t, t.baseline, t.baseline_n, &v.expected, &v.spread);
	const double *against = t.baseline;
	size_t against_n = t.baseline_n;
	if (t.same_hour_n >= SAME_HOUR_MIN) {
		center(&t, t.same_hour, t.same_hour_n, &other, &other_spread);
		if (other > v.expected) {
			v.expected = other;
			v.spread = other_spread;
			against = t.same_hour;
			against_n = t.same_hour_n;
		}
	}
	center(&t, t.recent, t.recent_n, &v.value, &spread);
	if (v.expected <= 0)
		return;
	const char *key = arena_cstr(&d->arena, arena_printf(&d->arena, "latency_spike/%.*s", SPAN_ARG(place_name(d, p))));
	bool open = was_open(d, key);
	double excess = d->o.latency_spike_percent / 100;
	v.threshold = v.expected * (1 + excess);
	v.p = chance_greater(t.recent, t.recent_n, against, against_n);
	v.requests = t.requests;
	bool spike = v.value > v.threshold && v.value > v.expected + SIGMAS * v.spread && v.p < P_MAX;
	if (spike || (open && v.value > v.expected * (1 + excess * CLOSING)))
		tell(d, p, &t, &v, key);
}
