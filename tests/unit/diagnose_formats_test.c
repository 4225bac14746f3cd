/* Logs in the formats of well-known programs: their moments, levels and messages, and how they are grouped. */
#include "core/clock.h"
#include "tests/lib/log_grouping.h"

#define NOW_MS (LOG_FORMATS_NOW_S * 1000) /* 2026-02-25T06:13:20Z */

TEST(events_of_every_format_are_grouped_as_they_were_made)
{
	for (size_t i = 0; i < LOG_FORMATS; i++) {
		double accuracy = log_grouping_accuracy(&log_formats[i], 4000, 42 + i, NULL);
		if (accuracy < 0.97)
			(void)log_grouping_accuracy(&log_formats[i], 4000, 42 + i, stderr);
		CHECK_MSG(accuracy >= 0.97, "%s: grouping accuracy %.4f", log_formats[i].name, accuracy);
	}
}

static const struct {
	const char *line, *moment, *text; /* moment NULL: none */
} lines[] = {
    {"2026-01-02T03:04:05.678+01:00 ERROR no", "2026-01-02T02:04:05.678Z", "2026-01-02T03:04:05.678+01:00 ERROR no"},
    {"[2026-01-02 03:04:05,678] no", "2026-01-02T03:04:05.678Z", "[2026-01-02 03:04:05,678] no"},
    {"2026-01-02 03:04:05 no", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05 no"},
    {"2026/01/02 03:04:05 [error] 7#7: *9 open() \"/x\" failed (2: No such file), client: 10.0.0.1, server: a", "2026-01-02T03:04:05Z",
     "error open() \"/x\" failed (2: No such file)"},
    {"2026/01/02 03:04:05 [notice] 7#7: signal process started", "2026-01-02T03:04:05Z", "notice signal process started"},
    {"2026/01/02 03:04:05 main.go:7: no", "2026-01-02T03:04:05Z", "2026/01/02 03:04:05 main.go:7: no"},
    {"10.0.0.1 - - [02/Jan/2026:03:04:05 +0130] \"GET / HTTP/1.1\" 200 5", "2026-01-02T01:34:05Z",
     "10.0.0.1 - - [02/Jan/2026:03:04:05 +0130] \"GET / HTTP/1.1\" 200 5"},
    {"Jan  2 03:04:05 web-1 sshd[12]: no", "2026-01-02T03:04:05Z", "sshd[12]: no"},
    {"Dec 31 23:59:59 web-1 cron: no", "2025-12-31T23:59:59Z", "cron: no"}, /* of the year before */
    {"Foo  2 03:04:05 web-1 sshd[12]: no", NULL, "Foo  2 03:04:05 web-1 sshd[12]: no"},
    {"2026-01-02 03:04:05.678 UTC [12] ann@shop ERROR:  deadlock detected", "2026-01-02T03:04:05.678Z", "ERROR:  deadlock detected"},
    {"2026-01-02 03:04:05.678 UTC [12] LOG:  checkpoint starting: time", "2026-01-02T03:04:05.678Z", "LOG:  checkpoint starting: time"},
    {"260102 030405 148 INFO dfs.X: no", "2026-01-02T03:04:05Z", "260102 030405 148 INFO dfs.X: no"},
    {"E0102 03:04:05.123456       1 a.go:7] no such thing", "2026-01-02T03:04:05Z", "error no such thing"},
    {"{\"level\":50,\"time\":1767323045678,\"msg\":\"no\"}", "2026-01-02T03:04:05.678Z", "error no"},
    {"{\"level\":\"warn\",\"ts\":1767323045.678,\"msg\":\"no\"}", "2026-01-02T03:04:05.678Z", "warn no"},
    {"{\"severity\":\"ERROR\",\"timestamp\":\"2026-01-02T03:04:05Z\",\"message\":\"no\"}", "2026-01-02T03:04:05Z", "ERROR no"},
    {"{\"ts\":12.5,\"message\":\"since it began\"}", NULL, "since it began"},
    {"{\"level\":30}", NULL, ""},
    {"time=\"2026-01-02T03:04:05Z\" level=error msg=\"a \\\"b\\\" c\" id=7", "2026-01-02T03:04:05Z", "error a \\\"b\\\" c"},
    {"level=info msg=started", NULL, "info started"},
    {"a=1 b=2", NULL, "a=1 b=2"},
    {"99:99:99", NULL, "99:99:99"},
    {"2026-13-45 03:04:05 no", NULL, "2026-13-45 03:04:05 no"},
    {"", NULL, ""},
};

TEST(moment_level_and_message_are_told_apart)
{
	for (size_t i = 0; i < countof(lines); i++) {
		scoped_arena a = {0};
		struct log_line l;
		int64_t at_ms = 0;
		log_line_read(span_from(lines[i].line), NOW_MS, &a, &l);
		CHECK_MSG(l.dated == (lines[i].moment != NULL), "%s: %s", lines[i].line, l.dated ? "dated" : "not dated");
		if (lines[i].moment)
			CHECK(rfc3339_parse(span_from(lines[i].moment), &at_ms));
		CHECK_MSG(!l.dated || l.at_ms == at_ms, "%s: at %lld, not %lld", lines[i].line, (long long)l.at_ms, (long long)at_ms);
		struct span text = log_line_text(&l, &a);
		CHECK_MSG(span_is(text, lines[i].text), "%s: '%.*s'", lines[i].line, SPAN_ARG(text));
		CHECK(!l.continues);
	}
}

TEST(frames_of_a_stack_say_nothing_by_themselves)
{
	static const struct {
		const char *line;
		bool continues;
	} rows[] = {
	    {"\tat com.acme.Cart.total(Cart.java:7)", true}, {"  File \"/srv/a.py\", line 7, in get", true},
	    {"Traceback (most recent call last):", true},    {"Caused by: java.io.IOException: no", false},
	    {"KeyError: 'a'", false},                        {"  2026-01-02T03:04:05Z indented, and an event", false},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		scoped_arena a = {0};
		struct log_line l;
		log_line_read(span_from(rows[i].line), NOW_MS, &a, &l);
		CHECK_MSG(l.continues == rows[i].continues, "%s", rows[i].line);
	}
}
