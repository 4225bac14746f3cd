/* Judges error rates: so many errors in so many requests that chance would hardly do it below the threshold. */
#include "contract/finding.h"
#include "diagnose/internal.h"
#include "stats/chance.h"

#define ERRORS_MIN 5
#define P_MAX 0.01
#define CLOSING 0.8 /* what is open closes below this part of the threshold */

struct sums {
	int64_t requests, errors;
};

/* Errors that applications tell apart may be the failed requests once more: the greater number counts. */
static void add_slice(struct sums *s, const struct slice *one)
{
	s->requests += one->requests;
	s->errors += one->failed > one->errors ? one->failed : one->errors;
}

static double rate(const struct sums *s)
{
	return s->requests > 0 ? (double)s->errors / (double)s->requests : 0;
}

static void tell(struct diagnosis *d, const struct place *p, const struct sums *now, const struct sums *before,
                 double chance, const char *key)
{
	struct diagnosis_metric *m = report_metric(d);
	double percent = rate(now) * 100;
	struct span where = place_name(d, p);
	scoped_buf evidence = {0};
	struct json_writer w = {.out = &evidence};
	json_begin_object(&w);
	json_kv_i64(&w, "errors", now->errors);
	json_kv_i64(&w, "requests", now->requests);
	json_kv_f64(&w, "percent_before", rate(before) * 100);
	json_kv_i64(&w, "requests_before", before->requests);
	json_kv_f64(&w, "p", chance);
	json_end_object(&w);
	bool chronic = before->requests >= now->requests && rate(before) * 100 > d->o.error_rate_percent;
	*m = (struct diagnosis_metric){
	    .metric_type = "error_rate",
	    .value = percent,
	    .threshold = d->o.error_rate_percent,
	    .severity = percent > 25                            ? SEVERITY_CRITICAL
	                : percent > 2 * d->o.error_rate_percent ? SEVERITY_HIGH
	                                                        : SEVERITY_MEDIUM,
	    .recommendation = chronic
	                          ? SPAN("The rate has been this high for days: find the error that recurs most, or "
	                                 "correct the threshold.")
	                          : SPAN("Look at the errors that recur most, and at what was deployed before they began."),
	    .key = key,
	    .title = arena_printf(&d->arena, "%.3g %% of requests to %.*s fail", percent, SPAN_ARG(where)),
	    .description = arena_printf(&d->arena, "%lld of %lld requests failed; before it was %.3g %%.",
	                                (long long)now->errors, (long long)now->requests, rate(before) * 100),
	    .service = p->service,
	    .endpoint = p->endpoint,
	    .evidence = arena_dup(&d->arena, buf_span(&evidence)),
	};
}

void judge_errors(struct diagnosis *d, const struct place *p)
{
	struct sums now = {0}, before = {0};
	for (size_t i = 0; i < d->slices_n; i++)
		if (p->slices[i])
			add_slice(i + d->window_n >= d->slices_n ? &now : &before, p->slices[i]);
	if (now.errors > now.requests)
		now.errors = now.requests;
	if (now.requests < d->o.requests_min)
		return;
	const char *key = arena_cstr(&d->arena, arena_printf(&d->arena, "error_rate/%.*s", SPAN_ARG(place_name(d, p))));
	double threshold = d->o.error_rate_percent / 100;
	double chance = chance_binomial(now.errors, now.requests, threshold);
	bool high = now.errors >= ERRORS_MIN && rate(&now) > threshold && chance < P_MAX;
	if (high || (was_open(d, key) && rate(&now) > threshold * CLOSING))
		tell(d, p, &now, &before, chance, key);
}
