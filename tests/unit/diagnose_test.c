/* Self-diagnosis: what is found in series whose truth is known, and what is not. */
#include "diagnose/diagnose.h"

#include <stdio.h>

#include "contract/finding.h"
#include "tests/lib/incidents.h"
#include "tests/lib/test.h"

#define NOW_MS INT64_C(1772000000000)
#define DAY_MS 86400000ll
#define MINUTE_MS 60000ll

static struct series_random random_state = {88172645463325252ull};
static const struct life quiet_life = {100, 0.1, 0.3, 0.005, 20};

static void add_request(void *arg, int64_t at_ms, double ms, int failed)
{
	diagnosis_add_requests(arg, SPAN("checkout"), SPAN("GET /pay"), at_ms, ms, 1, failed);
}

static struct diagnosis *live(const struct life *l, int64_t days, const struct incident *i)
{
	struct diagnosis_options o = diagnosis_defaults(NOW_MS);
	struct diagnosis *d = diagnosis_new(&o);
	for (int64_t at = NOW_MS - days * DAY_MS; at < NOW_MS; at += SERIES_SLICE_MS)
		live_slice(l, at, i, &random_state, add_request, d);
	return d;
}

static const struct diagnosis_metric *metric(const struct diagnosis_report *r, const char *type)
{
	for (size_t i = 0; i < r->metrics_n; i++)
		if (strcmp(r->metrics[i].metric_type, type) == 0)
			return &r->metrics[i];
	return NULL;
}

TEST(an_ordinary_week_is_healthy)
{
	for (int run = 0; run < 10; run++) {
		struct life l = random_life(&random_state);
		struct diagnosis *d = live(&l, 7, NULL);
		const struct diagnosis_report *r = diagnosis_conclude(d);
		CHECK_MSG(r->status == DIAGNOSIS_HEALTHY && !r->metrics_n, "run %d: %.*s", run, SPAN_ARG(r->metrics[0].title));
		diagnosis_free(d);
	}
}

TEST(a_spike_is_found_with_its_figures_and_the_deploy_before_it)
{
	const struct incident i = {NOW_MS - 90 * MINUTE_MS, NOW_MS, 1.6, 0};
	struct diagnosis *d = live(&quiet_life, 3, &i);
	diagnosis_add_run(d, &(struct diagnosis_run){DIAGNOSIS_DEPLOY,
	                                             SPAN("checkout"),
	                                             SPAN("production"),
	                                             SPAN("v42"),
	                                             SPAN("abc123"),
	                                             {0},
	                                             OUTCOME_SUCCESS,
	                                             NOW_MS - 95 * MINUTE_MS});
	diagnosis_add_run(d, &(struct diagnosis_run){DIAGNOSIS_DEPLOY,
	                                             SPAN("search"),
	                                             SPAN("production"),
	                                             SPAN("v7"),
	                                             SPAN("def456"),
	                                             {0},
	                                             OUTCOME_SUCCESS,
	                                             NOW_MS - 91 * MINUTE_MS});
	const struct diagnosis_report *r = diagnosis_conclude(d);
	const struct diagnosis_metric *m = metric(r, "latency_spike");
	CHECK(m && r->status == DIAGNOSIS_CRITICAL && m->severity == SEVERITY_HIGH);
	CHECK_MSG(m->value > 140 && m->value < 185 && m->threshold > 110 && m->threshold < 135, "%g over %g", m->value,
	          m->threshold);
	CHECK(memmem(m->recommendation.p, m->recommendation.n, "v42", 3) != NULL);
	CHECK(r->actions_n == 2 && strcmp(r->actions[0].type, "review_deploy") == 0);
	CHECK(strcmp(r->actions[1].type, "github_issue") == 0 && strcmp(r->actions[1].priority, "high") == 0);
	diagnosis_free(d);
}

static bool always(void *arg, const char *key)
{
	(void)arg;
	return strcmp(key, "latency_spike/checkout GET /pay") == 0;
}

TEST(what_is_open_closes_only_well_below_the_threshold)
{
	/* 15 % over what is usual: not enough to open, too much to close. */
	static const struct life steady = {100, 0, 0.1, 0, 20};
	for (int open = 0; open < 2; open++) {
		struct diagnosis_options o = diagnosis_defaults(NOW_MS);
		const struct incident i = {NOW_MS - 60 * MINUTE_MS, NOW_MS, 1.15, 0};
		o.is_open = open ? always : NULL;
		struct diagnosis *d = diagnosis_new(&o);
		for (int64_t at = NOW_MS - 2 * DAY_MS; at < NOW_MS; at += SERIES_SLICE_MS)
			live_slice(&steady, at, &i, &random_state, add_request, d);
		CHECK((metric(diagnosis_conclude(d), "latency_spike") != NULL) == open);
		diagnosis_free(d);
	}
}

TEST(few_requests_judge_nothing)
{
	struct diagnosis_options o = diagnosis_defaults(NOW_MS);
	struct diagnosis *d = diagnosis_new(&o);
	for (int i = 0; i < 10; i++)
		diagnosis_add_requests(d, SPAN("checkout"), SPAN(""), NOW_MS - i * MINUTE_MS, 5000, 1, 1);
	const struct diagnosis_report *r = diagnosis_conclude(d);
	CHECK(r->status == DIAGNOSIS_HEALTHY && r->facts == 10);
	diagnosis_free(d);
}

TEST(error_rates_over_five_percent_are_found_unless_chance_would_do)
{
	static const struct {
		double failing;
		bool found;
	} rows[] = {{0.0, false}, {0.03, false}, {0.2, true}, {0.4, true}};
	for (size_t k = 0; k < countof(rows); k++) {
		const struct incident i = {NOW_MS - 60 * MINUTE_MS, NOW_MS, 1, rows[k].failing};
		struct diagnosis *d = live(&quiet_life, 2, &i);
		const struct diagnosis_metric *m = metric(diagnosis_conclude(d), "error_rate");
		CHECK_MSG((m != NULL) == rows[k].found, "%g", rows[k].failing);
		CHECK(!m || (m->threshold == 5 && m->value > 8));
		diagnosis_free(d);
	}
	/* Three of 40 is 7.5 %, and no news. */
	struct diagnosis_options o = diagnosis_defaults(NOW_MS);
	struct diagnosis *d = diagnosis_new(&o);
	diagnosis_add_requests(d, SPAN("a"), SPAN(""), NOW_MS - MINUTE_MS, -1, 40, 3);
	CHECK(!metric(diagnosis_conclude(d), "error_rate"));
	diagnosis_free(d);
}

static struct diagnosis *deploys(const char *outcomes, const char *error)
{
	struct diagnosis_options o = diagnosis_defaults(NOW_MS);
	struct diagnosis *d = diagnosis_new(&o);
	size_t n = strlen(outcomes);
	for (size_t i = 0; i < n; i++) {
		struct diagnosis_run run = {DIAGNOSIS_DEPLOY, SPAN("checkout"), SPAN("production"), {0}, {0}, span_from(error)};
		run.outcome = outcomes[i] == 'x' ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
		run.at_ms = NOW_MS - (int64_t)(n - i) * 30 * MINUTE_MS;
		diagnosis_add_run(d, &run);
	}
	return d;
}

TEST(three_failed_deploys_are_found_and_two_are_not)
{
	static const struct {
		const char *outcomes;
		bool found;
	} rows[] = {{"....xx", false}, {"...xxx", true},      {".x..x....x......", false},
	            {"xxx..", false},  {"......x.x.x", true}, {"xxxxx", true},
	            {"", false}};
	for (size_t i = 0; i < countof(rows); i++) {
		struct diagnosis *d = deploys(rows[i].outcomes, "exit status 7 of step 12");
		const struct diagnosis_report *r = diagnosis_conclude(d);
		const struct diagnosis_metric *m = metric(r, "deploy_failures");
		CHECK_MSG((m != NULL) == rows[i].found, "%s", rows[i].outcomes);
		if (m)
			CHECK(m->threshold == 3 && m->value >= 3);
		diagnosis_free(d);
	}
	struct diagnosis *d = deploys("...xxx", "exit status 7 of step 12");
	const struct diagnosis_report *r = diagnosis_conclude(d);
	CHECK(r->patterns_n == 1 && strcmp(r->patterns[0].type, "recurring_deploy_failure") == 0);
	CHECK_INT(r->patterns[0].occurrences, 3);
	CHECK_SPAN(r->patterns[0].description, "checkout in production: exit status <*> of step <*>");
	diagnosis_free(d);
}

TEST(errors_that_recur_are_a_pattern)
{
	struct diagnosis_options o = diagnosis_defaults(NOW_MS);
	struct diagnosis *d = diagnosis_new(&o);
	for (int i = 0; i < 4; i++) {
		char line[128];
		int n = snprintf(line, sizeof line, "2026-01-01 ERROR cannot reach 10.0.0.%d: refused", i);
		diagnosis_add_line(d, SPAN("app.log"), NOW_MS - i * MINUTE_MS, span_of(line, (size_t)n));
		diagnosis_add_line(d, SPAN("app.log"), NOW_MS - i * MINUTE_MS, SPAN("INFO all is well"));
	}
	diagnosis_add_line(d, SPAN("app.log"), NOW_MS, SPAN("ERROR once"));
	diagnosis_add_errors(d, SPAN("mail"), SPAN(""), NOW_MS - MINUTE_MS, 2, SPAN("mailbox 12 is full"));
	diagnosis_add_errors(d, SPAN("mail"), SPAN(""), NOW_MS - 2 * MINUTE_MS, 1, SPAN("mailbox 13 is full"));
	const struct diagnosis_report *r = diagnosis_conclude(d);
	CHECK_INT(r->patterns_n, 2);
	CHECK_INT(r->patterns[0].occurrences, 4);
	CHECK_SPAN(r->patterns[0].description, "app.log: <*> ERROR cannot reach <*>: refused");
	CHECK_SPAN(r->patterns[1].description, "mail: mailbox <*> is full");
	CHECK_INT(r->patterns[1].occurrences, 3);
	diagnosis_free(d);
}

TEST(error_words_are_words)
{
	CHECK(diagnosis_is_error_line(SPAN("ERROR: x")) && diagnosis_is_error_line(SPAN("[error] x")));
	CHECK(diagnosis_is_error_line(SPAN("java.lang.NullPointerException: error")));
	CHECK(diagnosis_is_error_line(SPAN("it failed")) && diagnosis_is_error_line(SPAN("panic")));
	CHECK(!diagnosis_is_error_line(SPAN("terror level")) && !diagnosis_is_error_line(SPAN("failed_at=0 all well")));
	CHECK(diagnosis_is_error_line(SPAN("KeyError: 'a'")) && diagnosis_is_error_line(SPAN("java.io.IOException")));
	CHECK(!diagnosis_is_error_line(SPAN("ErrorsTotal metric")) == !diagnosis_is_error_line(SPAN("errorstotal metric")));
	CHECK(!diagnosis_is_error_line(SPAN("NoExceptional case")));
	CHECK(!diagnosis_is_error_line(SPAN("")));
}

TEST(a_report_is_written_as_the_requirement_says)
{
	struct diagnosis *d = deploys("..xxx", "no");
	scoped_buf text = {0};
	struct json v, m;
	struct err err;
	diagnosis_write(diagnosis_conclude(d), &(struct json_writer){.out = &text});
	CHECK_OK(json_parse(buf_span(&text), &v, &err), err);
	CHECK_INT(json_count(v), 4);
	CHECK(json_pointer(v, "/metrics/0", &m) && json_count(m) == 5);
	CHECK(json_pointer(v, "/patterns/0", &m) && json_count(m) == 3);
	CHECK(json_pointer(v, "/actions/0", &m) && json_count(m) == 3);
	CHECK(json_pointer(v, "/status", &m) && json_text_is(m, SPAN("critical")));
	diagnosis_free(d);
}
