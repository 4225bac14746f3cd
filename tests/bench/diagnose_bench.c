/* Measures self-diagnosis on generated incidents and log clustering on generated logs, whose truth is known. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "diagnose/diagnose.h"
#include "diagnose/patterns.h"
#include "diagnose/line.h"
#include "tests/lib/incidents.h"
#include "tests/lib/log_grouping.h"
#include "tests/lib/test.h"

#define DAY_MS 86400000ll
#define MINUTE_MS 60000ll
#define EVERY_MS (15 * MINUTE_MS)
#define SERIES 36
#define HISTORY_DAYS 3
#define SLICES ((HISTORY_DAYS + 1) * DAY_MS / SERIES_SLICE_MS)
#define LINES 400000
#define RUNS 3
#define FORMAT_EVENTS 20000

static double processor_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print(const char *figure, double value, const char *unit, int runs, const char *settings)
{
	printf("{\"figure\":\"diagnose_%s\",\"value\":%.6g,\"unit\":\"%s\",\"runs\":%d,\"settings\":\"%s\"}\n", figure,
	       value, unit, runs, settings);
	fflush(stdout);
}

/* ---- incidents: one series is lived once and then looked at every quarter of an hour of its last day */

static struct request {
	int64_t at_ms;
	float ms;
	bool failed;
} * requests;
static size_t requests_n, requests_cap;

static void keep(void *arg, int64_t at_ms, double ms, int failed)
{
	(void)arg;
	if (requests_n == requests_cap) {
		requests_cap = requests_cap ? 2 * requests_cap : 65536;
		requests = realloc(requests, requests_cap * sizeof *requests);
		CHECK(requests != NULL);
	}
	requests[requests_n++] = (struct request){at_ms, (float)ms, failed};
}

struct score {
	int incidents, found, alarms, right;
	double delay_min;
};

struct open_state {
	const char *type;
	bool open;
};

static bool is_open(void *arg, const char *key)
{
	struct open_state *s = arg;
	return s->open && strncmp(key, s->type, strlen(s->type)) == 0;
}

static bool alarm_now(const char *type, int64_t now_ms, struct open_state *state)
{
	struct diagnosis_options o = diagnosis_defaults(now_ms);
	o.is_open = is_open;
	o.arg = state;
	struct diagnosis *d = diagnosis_new(&o);
	for (size_t i = 0; i < requests_n && requests[i].at_ms <= now_ms; i++)
		diagnosis_add_requests(d, SPAN("svc"), SPAN("GET /"), requests[i].at_ms, (double)requests[i].ms, 1,
		                       requests[i].failed);
	const struct diagnosis_report *r = diagnosis_conclude(d);
	bool found = false;
	for (size_t i = 0; i < r->metrics_n; i++)
		found |= strcmp(r->metrics[i].metric_type, type) == 0;
	diagnosis_free(d);
	return found;
}

/* What is mostly built: the mean of the window over the mean of the hours before it, or the plain share. */
static bool naive_now(const char *type, int64_t now_ms)
{
	double recent = 0, before = 0, failed = 0;
	size_t recent_n = 0, before_n = 0;
	for (size_t i = 0; i < requests_n && requests[i].at_ms <= now_ms; i++) {
		int64_t age = now_ms - requests[i].at_ms;
		if (age < 30 * MINUTE_MS) {
			recent += (double)requests[i].ms;
			failed += requests[i].failed;
			recent_n++;
		} else if (age < DAY_MS) {
			before += (double)requests[i].ms;
			before_n++;
		}
	}
	if (!recent_n || !before_n)
		return false;
	if (strcmp(type, "error_rate") == 0)
		return failed / (double)recent_n > 0.05;
	return recent / (double)recent_n > 1.2 * before / (double)before_n;
}

/* An alarm is right when it begins in the incident or, the window being half an hour, while that still sees it. */
static void look(const char *type, const struct incident *truth, int64_t begin_ms, bool naive, struct score *s)
{
	bool was = false, found = false;
	struct open_state state = {type, false};
	for (int64_t now = begin_ms; now <= begin_ms + DAY_MS; now += EVERY_MS) {
		bool alarm = naive ? naive_now(type, now) : alarm_now(type, now, &state);
		state.open = alarm;
		bool in = truth && now > truth->from_ms && now <= truth->to_ms + 30 * MINUTE_MS;
		if (alarm && !was) {
			s->alarms++;
			s->right += in;
		}
		if (alarm && in && !found) {
			found = true;
			s->found++;
			s->delay_min += (double)(now - truth->from_ms) / (double)MINUTE_MS;
		}
		was = alarm;
	}
	s->incidents += truth != NULL;
}

static void measure_incidents(const char *type, bool errors)
{
	struct series_random r = {0x9e3779b97f4a7c15ull + errors};
	struct score ours = {0}, naive = {0};
	double used = 0;
	for (int k = 0; k < SERIES; k++) {
		const int64_t end_ms = INT64_C(1772000000000) / SERIES_SLICE_MS * SERIES_SLICE_MS, begin_ms = end_ms - DAY_MS;
		struct life l = random_life(&r);
		struct incident i = {begin_ms + (int64_t)(series_uniform(&r) * 20) * 3600000, 0, 1, 0};
		i.to_ms = i.from_ms + (int64_t)(45 + 135 * series_uniform(&r)) * MINUTE_MS;
		if (errors)
			i.failing = 0.1 + 0.3 * series_uniform(&r);
		else
			i.times = 1.35 + 1.2 * series_uniform(&r);
		bool has = k % 3 != 2; /* a third of the series have none */
		requests_n = 0;
		for (int64_t n = 0; n < SLICES; n++)
			live_slice(&l, end_ms - (SLICES - n) * SERIES_SLICE_MS, has ? &i : NULL, &r, keep, NULL);
		double begun = processor_s();
		look(type, has ? &i : NULL, begin_ms, false, &ours);
		used += processor_s() - begun;
		look(type, has ? &i : NULL, begin_ms, true, &naive);
	}
	const char *settings = "36 series of 4 days, 24 incidents of 45-180 min, looked at every 15 min of the last day; "
	                       "an alarm is one run of looks";
	char name[64];
	snprintf(name, sizeof name, "%s_precision", type);
	print(name, ours.alarms ? (double)ours.right / ours.alarms : 1, "share", SERIES, settings);
	snprintf(name, sizeof name, "%s_recall", type);
	print(name, (double)ours.found / ours.incidents, "share", SERIES, settings);
	snprintf(name, sizeof name, "%s_delay", type);
	print(name, ours.found ? ours.delay_min / ours.found : 0, "min", SERIES,
	      "mean, from the incident's beginning, of those found");
	snprintf(name, sizeof name, "%s_naive_precision", type);
	print(name, naive.alarms ? (double)naive.right / naive.alarms : 1, "share", SERIES,
	      "plain threshold on means, same series");
	snprintf(name, sizeof name, "%s_naive_recall", type);
	print(name, (double)naive.found / naive.incidents, "share", SERIES, "plain threshold on means, same series");
	snprintf(name, sizeof name, "%s_look", type);
	print(name, used / (SERIES * (DAY_MS / EVERY_MS + 1)) * 1e3, "ms CPU", SERIES,
	      "one look at about 30,000 requests, adding them included");
}

/* ---- logs */

static void measure_logs(void)
{
	static size_t template_of[LINES], pattern_of[LINES];
	static int64_t in_template[LOG_TEMPLATES], in_both[LOG_TEMPLATES][4 * PATTERNS_MAX];
	double best = 0;
	size_t right = 0;
	scoped_buf text = {.max_bytes = (size_t)256 << 20};
	static size_t begins[LINES + 1];
	uint64_t state = 4711;
	for (size_t i = 0; i < LINES; i++) {
		char *at = buf_reserve(&text, 1024);
		CHECK(at != NULL);
		template_of[i] = log_random(&state) % LOG_TEMPLATES;
		begins[i] = text.len;
		buf_commit(&text, log_line_of(template_of[i], &state, at, 1024));
	}
	begins[LINES] = text.len;
	for (int run = 0; run < RUNS; run++) {
		struct patterns *p = patterns_new();
		double begun = processor_s();
		for (size_t i = 0; i < LINES; i++)
			pattern_of[i] = patterns_add(p, span_of(text.data + begins[i], begins[i + 1] - begins[i]), (int64_t)i);
		double rate = LINES / (processor_s() - begun);
		best = rate > best ? rate : best;
		for (size_t i = 0; run == RUNS - 1 && i < LINES; i++) {
			pattern_of[i] = patterns_now(p, pattern_of[i]);
			in_template[template_of[i]]++;
			in_both[template_of[i]][pattern_of[i]]++;
		}
		for (size_t i = 0; run == RUNS - 1 && i < LINES; i++) {
			int64_t both = in_both[template_of[i]][pattern_of[i]];
			right += both == in_template[template_of[i]] && both == patterns_view(p, pattern_of[i]).count;
		}
		patterns_free(p);
	}
	print("log_lines", best, "lines/s CPU", RUNS, "400,000 lines of 30 templates, best of the runs, one core");
	print("log_grouping_accuracy", (double)right / LINES, "share", 1,
	      "lines whose pattern holds exactly their template's lines");
}

/* ---- formats of well-known programs */

static void measure_formats(void)
{
	double sum = 0, least = 1;
	for (size_t i = 0; i < LOG_FORMATS; i++) {
		char name[64];
		double accuracy = log_grouping_accuracy(&log_formats[i], FORMAT_EVENTS, 4711, NULL);
		snprintf(name, sizeof name, "log_grouping_%s", log_formats[i].name);
		print(name, accuracy, "share", 1, "20,000 events, lines whose pattern holds exactly their template's lines");
		sum += accuracy;
		least = accuracy < least ? accuracy : least;
	}
	print("log_grouping_formats_mean", sum / LOG_FORMATS, "share", LOG_FORMATS, "mean of the formats");
	print("log_grouping_formats_least", least, "share", LOG_FORMATS, "the worst of the formats");
}

TEST(latencies)
{
	measure_incidents("latency_spike", false);
}

TEST(errors)
{
	measure_incidents("error_rate", true);
}

TEST(formats)
{
	measure_formats();
}

TEST(logs)
{
	measure_logs();
}
