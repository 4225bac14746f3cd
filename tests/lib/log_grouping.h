/* How often lines of a generated log are grouped as they were made. */
#ifndef GANNET_TESTS_LOG_GROUPING_H
#define GANNET_TESTS_LOG_GROUPING_H

#include <stdlib.h>

#include "diagnose/line.h"
#include "diagnose/patterns.h"
#include "tests/lib/log_formats.h"
#include "tests/lib/test.h"

#define EVENT_LINES_MAX 8 /* that say something */
#define EVENT_BYTES 4096

struct grouping {
	size_t truths, n, cap;
	size_t *truth_of, *pattern_of;
	int64_t *in_truth, *in_both;
};

static inline void grouping_add(struct grouping *g, size_t truth, size_t pattern)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 4096;
		g->truth_of = realloc(g->truth_of, g->cap * sizeof *g->truth_of);
		g->pattern_of = realloc(g->pattern_of, g->cap * sizeof *g->pattern_of);
		CHECK(g->truth_of && g->pattern_of);
	}
	g->truth_of[g->n] = truth;
	g->pattern_of[g->n++] = pattern;
}

/* The lines of an event that a reader of logs takes for messages. */
static inline void grouping_event(struct grouping *g, struct patterns *p, struct span event, size_t truth)
{
	for (size_t i = 0; event.p; i++) {
		scoped_arena a = {0};
		struct log_line l;
		log_line_read(span_cut(&event, '\n'), LOG_FORMATS_NOW_S * 1000, &a, &l);
		CHECK_MSG(l.dated || i, "the first line of an event has a moment");
		CHECK_MSG(!l.dated || (l.at_ms > (LOG_FORMATS_NOW_S - 90000) * 1000 && l.at_ms <= LOG_FORMATS_NOW_S * 1000),
		          "a moment of %lld", (long long)l.at_ms);
		if (!l.continues)
			grouping_add(g, truth * EVENT_LINES_MAX + i % EVENT_LINES_MAX, patterns_add(p, log_line_text(&l, &a), 0));
	}
}

/* Says which patterns hold lines of several templates, and which templates are in several patterns. */
static inline void grouping_print(const struct grouping *g, const struct patterns *p, FILE *out)
{
	size_t patterns = patterns_count(p);
	for (size_t t = 0; t < g->truths; t++) {
		for (size_t k = 0; k < patterns; k++) {
			scoped_buf text = {0};
			int64_t both = g->in_both[t * patterns + k];
			if (!both || (both == g->in_truth[t] && both == patterns_view(p, k).count))
				continue;
			patterns_text(p, k, &text);
			fprintf(out, "template %zu line %zu: %lld of %lld lines in a pattern of %lld: %.*s\n", t / EVENT_LINES_MAX,
			        t % EVENT_LINES_MAX, (long long)both, (long long)g->in_truth[t], (long long)patterns_view(p, k).count,
			        (int)text.len, text.data);
		}
	}
}

/* The measure of the literature: the share of lines whose pattern holds exactly the lines of their template. */
static inline double log_grouping_accuracy(const struct log_format *f, size_t events, uint64_t seed, FILE *wrong)
{
	size_t templates = log_format_templates(f), right = 0;
	struct grouping g = {.truths = templates * EVENT_LINES_MAX};
	struct patterns *p = patterns_new();
	char event[EVENT_BYTES];
	for (size_t i = 0; i < events; i++) {
		size_t t = log_random(&seed) % templates, n = log_format_event(f->templates[t], &seed, event, sizeof event);
		grouping_event(&g, p, span_of(event, n), t);
	}
	size_t patterns = patterns_count(p);
	g.in_truth = calloc(g.truths, sizeof *g.in_truth);
	g.in_both = calloc(g.truths * patterns, sizeof *g.in_both);
	CHECK(g.in_truth && g.in_both);
	for (size_t i = 0; i < g.n; i++) {
		CHECK(g.pattern_of[i] != PATTERNS_NONE);
		g.pattern_of[i] = patterns_now(p, g.pattern_of[i]);
		g.in_truth[g.truth_of[i]]++;
		g.in_both[g.truth_of[i] * patterns + g.pattern_of[i]]++;
	}
	for (size_t i = 0; i < g.n; i++) {
		int64_t both = g.in_both[g.truth_of[i] * patterns + g.pattern_of[i]];
		right += both == g.in_truth[g.truth_of[i]] && both == patterns_view(p, g.pattern_of[i]).count;
	}
	double accuracy = (double)right / (double)g.n;
	if (wrong)
		grouping_print(&g, p, wrong);
	patterns_free(p);
	free(g.truth_of), free(g.pattern_of), free(g.in_truth), free(g.in_both);
	return accuracy;
}

#endif
