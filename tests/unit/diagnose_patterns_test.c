/* Log clustering: what is masked, what belongs together, and how often generated logs are grouped as they were made. */
#include "diagnose/patterns.h"

#include <stdlib.h>

#include "tests/lib/logs.h"
#include "tests/lib/test.h"

static const char *masked(const char *line)
{
	static char text[PATTERN_LINE_MAX * 2], joined[PATTERN_LINE_MAX * 2];
	const char *tokens[PATTERN_TOKENS_MAX];
	size_t n = pattern_mask(span_from(line), text, tokens);
	joined[0] = 0;
	for (size_t i = 0; i < n; i++) {
		if (i)
			strcat(joined, " ");
		strcat(joined, tokens[i]);
	}
	return joined;
}

TEST(what_varies_is_masked)
{
	static const char *const rows[][2] = {
	    {"took 12 ms", "took <*> ms"},
	    {"took 12ms", "took <*>"},
	    {"2026-01-02T03:04:05.678Z started", "<*> started"},
	    {"2026-01-02 03:04:05,678 started", "<*> started"},
	    {"Jan  2 03:04:05 host sshd[123]: no", "<*> host sshd[<*>]: no"},
	    {"block blk_-3544583377289625738 gone", "block blk_<*> gone"},
	    {"from 10.1.2.3:8080 to 10.1.2.4", "from <*> to <*>"},
	    {"id 550e8400-e29b-41d4-a716-446655440000.", "id <*>."},
	    {"open /var/log/app.log failed", "open <*> failed"},
	    {"mail to ann@example.com", "mail to <*>"},
	    {"name=\"Ann Lee\" age=4", "name=\"<*>\" age=<*>"},
	    {"at 0x7fff1234 deadbeef12", "at <*>"},
	    {"can't read", "can't read"},
	    {"", ""},
	    {"   ", ""},
	};
	for (size_t i = 0; i < countof(rows); i++)
		CHECK_MSG(strcmp(masked(rows[i][0]), rows[i][1]) == 0, "'%s' became '%s'", rows[i][0], masked(rows[i][0]));
}

TEST(lines_that_say_the_same_are_one_pattern)
{
	struct patterns *p = patterns_new();
	scoped_buf text = {0};
	static const char *const shops[] = {"alpha", "beta", "gamma", "delta", "alpha"};
	size_t at[5], c = patterns_add(p, SPAN("ERROR disk is full"), 2000);
	for (size_t i = 0; i < 5; i++) {
		char line[128];
		int n = snprintf(line, sizeof line, "ERROR payment %zu for shop %s was declined by the bank", i, shops[i]);
		at[i] = patterns_add(p, span_of(line, (size_t)n), 1000 * (int64_t)i);
	}
	size_t a = patterns_now(p, at[0]);
	for (size_t i = 0; i < 5; i++)
		CHECK(patterns_now(p, at[i]) == a && a != c);
	struct pattern_view v = patterns_view(p, a);
	CHECK(v.count == 5 && v.first_ms == 0 && v.last_ms == 4000);
	patterns_text(p, a, &text);
	CHECK_SPAN(buf_span(&text), "ERROR payment <*> for shop <*> was declined by the bank");
	CHECK(patterns_add(p, SPAN(""), 0) == PATTERNS_NONE);
	patterns_free(p);
}

TEST(lines_that_differ_in_what_they_say_are_two_patterns)
{
	struct patterns *p = patterns_new();
	CHECK(patterns_add(p, SPAN("INFO cache hit for key 12"), 0) !=
	      patterns_add(p, SPAN("INFO cache miss for key 13"), 0));
	CHECK(patterns_add(p, SPAN("INFO started worker 1"), 0) != patterns_add(p, SPAN("INFO stopped worker 1"), 0));
	CHECK_INT(patterns_count(p), 4);
	patterns_free(p);
}

/* The measure of the literature: the share of lines whose pattern holds exactly the lines of their template. */
TEST(generated_logs_are_grouped_as_they_were_made)
{
	enum { LINES = 30000 };
	static size_t template_of[LINES], pattern_of[LINES];
	static int64_t in_template[LOG_TEMPLATES], in_both[LOG_TEMPLATES][PATTERNS_MAX];
	struct patterns *p = patterns_new();
	uint64_t state = 42;
	char line[1024];
	for (size_t i = 0; i < LINES; i++) {
		template_of[i] = log_random(&state) % LOG_TEMPLATES;
		size_t n = log_line_of(template_of[i], &state, line, sizeof line);
		pattern_of[i] = patterns_add(p, span_of(line, n), (int64_t)i);
		CHECK(pattern_of[i] != PATTERNS_NONE);
	}
	for (size_t i = 0; i < LINES; i++) {
		pattern_of[i] = patterns_now(p, pattern_of[i]);
		in_template[template_of[i]]++;
		in_both[template_of[i]][pattern_of[i]]++;
	}
	size_t right = 0;
	for (size_t i = 0; i < LINES; i++) {
		int64_t both = in_both[template_of[i]][pattern_of[i]];
		right += both == in_template[template_of[i]] && both == patterns_view(p, pattern_of[i]).count;
	}
	CHECK_MSG((double)right / LINES >= 0.95, "grouping accuracy %.3f", (double)right / LINES);
	patterns_free(p);
}

TEST(kinds_of_lines_past_the_limit_are_counted)
{
	struct patterns *p = patterns_new();
	char line[128];
	for (int i = 0; i < PATTERNS_MAX + 50; i++) {
		size_t n = 0;
		for (int d = 0; d < 4; d++)
			n += (size_t)snprintf(line + n, sizeof line - n, "%c%c%c%c ", 'a' + d, 'a' + i % 16, 'a' + i / 16 % 16,
			                      'a' + i / 256);
		patterns_add(p, span_of(line, n), i);
	}
	CHECK_INT(patterns_count(p), PATTERNS_MAX);
	CHECK(patterns_left_out(p) > 0);
	patterns_free(p);
}
