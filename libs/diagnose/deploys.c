/* Judges deploys and CI runs: how many of the last ones failed, and whether that is out of the ordinary. */
#include <stdlib.h>

#include "contract/finding.h"
#include "diagnose/internal.h"
#include "stats/chance.h"

#define P_MAX 0.02
#define RATE_LEAST 0.05 /* that a run fails now and then is no news */
#define SUCCESSES 2     /* running: it is over */
#define CRITICAL_IN_ROW 5
#define NEAR_MS 3600000ll

struct tally {
	int64_t runs, failures; /* in the window */
	int64_t runs_before, failures_before;
	int64_t failing, succeeding;      /* in a row, at the end */
	const struct diagnosis_run *last; /* the last that failed */
};

static int by_time(const void *x, const void *y)
{
	int64_t a = ((const struct diagnosis_run *)x)->at_ms, b = ((const struct diagnosis_run *)y)->at_ms;
	return (a > b) - (a < b);
}

static struct tally tally_of(const struct diagnosis *d, const struct runs *r)
{
	struct tally t = {0};
	for (size_t i = 0; i < r->n; i++) {
		const struct diagnosis_run *one = &r->all[i];
		bool failed = one->outcome == OUTCOME_FAILURE, recent = one->at_ms > d->o.now_ms - d->o.deploy_window_ms;
		if (one->outcome == OUTCOME_NEITHER)
			continue;
		*(recent ? &t.runs : &t.runs_before) += 1;
		*(recent ? &t.failures : &t.failures_before) += failed;
		t.failing = failed ? t.failing + 1 : 0;
		t.succeeding = failed ? 0 : t.succeeding + 1;
		if (failed)
			t.last = one;
	}
	return t;
}

static void tell(struct diagnosis *d, const struct runs *r, const struct tally *t, double chance, const char *type,
                 const char *key)
{
	struct diagnosis_metric *m = report_metric(d);
	const char *what = r->kind == DIAGNOSIS_DEPLOY ? "deploys" : "CI runs";
	bool broken = t->failing >= d->o.deploy_failures;
	scoped_buf evidence = {0};
	struct json_writer w = {.out = &evidence};
	json_begin_object(&w);
	json_kv_i64(&w, "failures", t->failures);
	json_kv_i64(&w, "runs", t->runs);
	json_kv_i64(&w, "failing_in_a_row", t->failing);
	json_kv_i64(&w, "failures_before", t->failures_before);
	json_kv_i64(&w, "runs_before", t->runs_before);
	json_kv_f64(&w, "p", chance);
	if (t->last && t->last->version.n)
		json_kv_text(&w, "version", t->last->version);
	if (t->last && t->last->commit.n)
		json_kv_text(&w, "commit", t->last->commit);
	if (t->last && t->last->error.n)
		json_kv_text(&w, "error", t->last->error);
	json_end_object(&w);
	*m = (struct diagnosis_metric){
	    .metric_type = type,
	    .value = (double)t->failures,
	    .threshold = (double)d->o.deploy_failures,
	    .severity = t->failing >= CRITICAL_IN_ROW ? SEVERITY_CRITICAL
	                : broken                      ? SEVERITY_HIGH
	                                              : SEVERITY_MEDIUM,
	    .recommendation =
	        broken ? SPAN("Every one of the last ones failed: hold further changes back until one succeeds.")
	               : SPAN("Failures come and go: look for tests or steps that depend on time, order or load."),
	    .key = key,
	    .title = arena_printf(&d->arena, "%lld %s of %.*s failed", (long long)t->failures, what, SPAN_ARG(r->where)),
	    .description = arena_printf(&d->arena, "%lld of the last %lld %s failed, %lld of them in a row at the end.",
	                                (long long)t->failures, (long long)t->runs, what, (long long)t->failing),
	    .service = r->where,
	    .evidence = arena_dup(&d->arena, buf_span(&evidence)),
	};
}

static void judge_runs(struct diagnosis *d, struct runs *r)
{
	qsort(r->all, r->n, sizeof *r->all, by_time);
	struct tally t = tally_of(d, r);
	const char *type = r->kind == DIAGNOSIS_DEPLOY ? "deploy_failures" : "ci_failures";
	const char *pattern = r->kind == DIAGNOSIS_DEPLOY ? "recurring_deploy_failure" : "recurring_ci_failure";
	const char *key = arena_cstr(&d->arena, arena_printf(&d->arena, "%s/%.*s", type, SPAN_ARG(r->where)));
	/* The usual rate, as if there had been five runs before that failed as rarely as good ones do. */
	double usual = ((double)t.failures_before + 5 * RATE_LEAST) / ((double)t.runs_before + 5);
	double chance = chance_binomial(t.failures, t.runs, usual);
	bool many = t.failures >= d->o.deploy_failures && t.succeeding < SUCCESSES &&
	            (t.failing >= d->o.deploy_failures || chance < P_MAX);
	if (many || (was_open(d, key) && t.failures && t.succeeding < SUCCESSES))
		tell(d, r, &t, chance, type, key);
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].outcome == OUTCOME_FAILURE && r->all[i].at_ms > d->o.now_ms - d->o.deploy_window_ms)
			messages_add(d, pattern, r->where, d->o.now_ms,
			             r->all[i].error.n ? r->all[i].error : SPAN("no reason given"));
}

void judge_deploys(struct diagnosis *d)
{
	for (struct map_slot *s = map_next(&d->runs, NULL); s; s = map_next(&d->runs, s))
		judge_runs(d, s->value);
}

static bool is_same_service(struct span where, struct span service)
{
	return service.n && span_starts(where, service) && (where.n == service.n || where.p[service.n] == ' ');
}

const struct diagnosis_run *deploy_before(struct diagnosis *d, struct span service, int64_t changed_ms)
{
	const struct diagnosis_run *best = NULL;
	bool best_same = false, best_deploy = false;
	for (struct map_slot *s = map_next(&d->runs, NULL); s; s = map_next(&d->runs, s)) {
		const struct runs *r = s->value;
		bool same = is_same_service(r->where, service), deploy = r->kind == DIAGNOSIS_DEPLOY;
		for (size_t i = 0; i < r->n; i++) {
			const struct diagnosis_run *one = &r->all[i];
			/* A change is seen in whole slices: it may begin within the one that the deploy lies in. */
			bool near = one->at_ms <= changed_ms + d->o.slice_ms && one->at_ms >= changed_ms - NEAR_MS;
			if (!near || one->outcome == OUTCOME_FAILURE)
				continue;
			bool better = !best || same > best_same || (same == best_same && deploy > best_deploy) ||
			              (same == best_same && deploy == best_deploy && one->at_ms > best->at_ms);
			if (better) {
				best = one;
				best_same = same;
				best_deploy = deploy;
			}
		}
	}
	return best;
}
