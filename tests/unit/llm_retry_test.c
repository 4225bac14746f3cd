/* Delays, Retry-After, what failures mean, what may be said of them, and the circuit breaker. */
#include <strings.h>

#include "llm/llm.h"
#include "llm/wire.h"
#include "tests/lib/test.h"

#define NOW_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* ---- delays */

static int64_t after(const char *ms, const char *seconds)
{
	return retry_after_parse(span_from(ms), span_from(seconds), NOW_MS);
}

TEST(retry_after_is_read_in_all_its_forms)
{
	CHECK_INT(after("1500", "9"), 1500);
	CHECK_INT(after("20.5", NULL), 20);
	CHECK_INT(after(NULL, "7"), 7000);
	CHECK_INT(after(NULL, " 0.25 "), 250);
	CHECK_INT(after("junk", "2"), 2000);
	CHECK_INT(after(NULL, "0"), 0);
	CHECK_INT(after(NULL, "Thu, 01 Jan 2026 00:00:30 GMT"), 30000);
	CHECK_INT(after(NULL, "Thursday, 01-Jan-26 00:00:30 GMT"), 30000);
	CHECK_INT(after(NULL, "Thu Jan  1 00:00:30 2026"), 30000);
	CHECK_INT(after(NULL, "Wed, 31 Dec 2025 23:59:00 GMT"), 0);
}

TEST(retry_after_is_limited_to_an_hour_and_junk_is_ignored)
{
	CHECK_INT(after(NULL, "86400"), 3600000);
	CHECK_INT(after("99999999999999999999999999", NULL), 3600000);
	CHECK_INT(after(NULL, "Thu, 01 Jan 2099 00:00:30 GMT"), 3600000);
	static const char *const junk[] = {NULL, "", "-5", "soon", "1e3", "1.2.3", ".5", "0x10", "Thu, 01 Jan 2026", "1 s"};
	for (size_t i = 0; i < countof(junk); i++)
		CHECK_MSG(after(NULL, junk[i]) == -1 && after(junk[i], NULL) == -1, "\"%s\" was read", junk[i]);
}

/* The HTTP library's own reads the headers of a real answer. */
struct span http_response_header(const struct http_response *r, const char *name)
{
	const char *const *pairs = r->impl;
	for (; *pairs; pairs += 2)
		if (strcasecmp(pairs[0], name) == 0)
			return span_from(pairs[1]);
	return (struct span){NULL, 0};
}

TEST(the_headers_of_an_answer_say_when_and_whether_to_try_again)
{
	static const char *const both[] = {"Retry-After", "3", "Retry-After-Ms", "250", "X-Should-Retry", "false", NULL};
	static const char *const none[] = {"Content-Type", "text/plain", "x-should-retry", "true", NULL};
	CHECK_INT(retry_after_ms(&(struct http_response){.impl = both}, NOW_MS), 250);
	CHECK(retry_forbidden(&(struct http_response){.impl = both}));
	CHECK_INT(retry_after_ms(&(struct http_response){.impl = none}, NOW_MS), -1);
	CHECK(!retry_forbidden(&(struct http_response){.impl = none}));
	CHECK(!retry_forbidden(&(struct http_response){.impl = none + 4}));
}

/* ---- failures */

TEST(every_http_status_is_retryable_or_not_as_the_rule_says)
{
	static const int retryable[] = {408, 409, 429, 500, 502, 503, 504, 529};
	for (int http = 300; http < 600; http++) {
		struct err err;
		bool want = false;
		for (size_t i = 0; i < countof(retryable); i++)
			want |= retryable[i] == http;
		llm_failure_from_http("p", http, SPAN("m"), &err);
		CHECK_MSG(err.retryable == want, "HTTP %d", http);
		CHECK(err.status != STATUS_OK);
	}
}

TEST(http_statuses_have_their_meaning)
{
	static const struct {
		int http;
		enum status status;
	} rows[] = {
	    {400, STATUS_UNPROCESSABLE}, {401, STATUS_PROVIDER},     {402, STATUS_PROVIDER},    {403, STATUS_PROVIDER},
	    {404, STATUS_UNPROCESSABLE}, {408, STATUS_TIMEOUT},      {409, STATUS_UNAVAILABLE}, {413, STATUS_TOO_LARGE},
	    {422, STATUS_UNPROCESSABLE}, {429, STATUS_RATE_LIMITED}, {500, STATUS_PROVIDER},    {502, STATUS_PROVIDER},
	    {503, STATUS_UNAVAILABLE},   {504, STATUS_TIMEOUT},      {529, STATUS_UNAVAILABLE}, {302, STATUS_PROVIDER},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err;
		llm_failure_from_http("openai", rows[i].http, SPAN("why"), &err);
		CHECK_INT(err.status, rows[i].status);
		CHECK_HAS(err.msg, "openai answered HTTP");
		CHECK_HAS(err.msg, ": why");
	}
}

TEST(transport_failures_are_retryable_unless_they_would_repeat)
{
	static const struct {
		enum status transport, want;
		bool retryable;
	} rows[] = {
	    {STATUS_TIMEOUT, STATUS_TIMEOUT, true},      {STATUS_UNAVAILABLE, STATUS_UNAVAILABLE, true},
	    {STATUS_PROVIDER, STATUS_PROVIDER, true},    {STATUS_TOO_LARGE, STATUS_PROVIDER, false},
	    {STATUS_CANCELLED, STATUS_CANCELLED, false},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct err err;
		struct http_response r = {.transport = rows[i].transport, .reason = "connection refused"};
		llm_failure_from_transport(&r, "ollama", &err);
		CHECK_INT(err.status, rows[i].want);
		CHECK_INT(err.retryable, rows[i].retryable);
		CHECK_SPAN(span_from(err.msg), "ollama: connection refused");
	}
}

/* ---- messages */

static void check_message(const char *text, const char *want)
{
	char out[LLM_MESSAGE_MAX + 1];
	CHECK_SPAN(wire_message(span_from(text), out), want);
}

TEST(messages_lose_keys_and_control_characters)
{
	check_message("Incorrect API key provided: sk-proj-abc***xyz. See https://x.example.",
	              "Incorrect API key provided: [removed] See https://x.example.");
	check_message("bad header 'Authorization: Bearer abc.123'", "bad header 'Authorization: Bearer [removed]'");
	check_message("x-api-key: 12345 rejected", "x-api-key: [removed] rejected");
	check_message("api_key=hunter2", "api_key=[removed]");
	check_message("Bearer token is missing", "Bearer token is missing");
	check_message("key AIzaSyA1234567 and hf_abcdefgh", "key [removed] and [removed]");
	check_message("0123456789abcdef0123456789abcdef failed", "[removed] failed");
	check_message("model claude-sonnet-4-5-20250929 not found (req_011CSHoEeqs5C35K2UUqR7Fy)",
	              "model claude-sonnet-4-5-20250929 not found (req_011CSHoEeqs5C35K2UUqR7Fy)");
	check_message("a\r\nb\tc\x1b[31md\x7f", "a  b c [31md");
	check_message("ü \xff\xfe 漢", "ü    漢");
	check_message("", "");
	check_message(NULL, "");
}

TEST(messages_are_cut_to_200_bytes_between_characters)
{
	scoped_buf text = {0};
	for (int i = 0; i < 1000; i++)
		buf_adds(&text, "漢");
	char out[LLM_MESSAGE_MAX + 1];
	struct span cut = wire_message(buf_span(&text), out);
	CHECK_INT(cut.n, 198);
	buf_reset(&text);
	for (int i = 0; i < 195; i++)
		buf_addc(&text, '.');
	buf_adds(&text, " sk-secretsecretsecret");
	cut = wire_message(buf_span(&text), out);
	CHECK_INT(cut.n, 200);
	CHECK(!strstr(out, "sk-"));
}

/* ---- breaker */

static void fail_times(struct breaker *b, int n, int64_t now_ms)
{
	for (int i = 0; i < n; i++)
		breaker_failure(b, now_ms);
}

TEST(the_breaker_opens_after_ten_failures_in_a_row)
{
	struct breaker b = {0};
	fail_times(&b, BREAKER_FAILURES - 1, 1000);
	CHECK_INT(breaker_wait_ms(&b, 1000), 0);
	breaker_success(&b);
	fail_times(&b, BREAKER_FAILURES - 1, 1000);
	CHECK_INT(breaker_wait_ms(&b, 1000), 0);
	CHECK(!breaker_is_open(&b));
	breaker_failure(&b, 1000);
	CHECK(breaker_is_open(&b));
	CHECK_INT(breaker_wait_ms(&b, 1000), BREAKER_OPEN_MS);
	CHECK_INT(breaker_wait_ms(&b, 2999), 1);
}

TEST(an_open_breaker_lets_one_probe_through_and_doubles_its_wait_when_that_fails)
{
	struct breaker b = {0};
	fail_times(&b, BREAKER_FAILURES, 0);
	int64_t now = 0;
	static const int64_t waits[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
	for (size_t i = 0; i < countof(waits); i++) {
		CHECK_INT(breaker_wait_ms(&b, now), waits[i]);
		now += waits[i];
		CHECK_INT(breaker_wait_ms(&b, now), 0);
		CHECK(breaker_wait_ms(&b, now) > 0);
		breaker_failure(&b, now);
	}
	now += 60000;
	CHECK_INT(breaker_wait_ms(&b, now), 0);
	breaker_success(&b);
	CHECK_INT(breaker_wait_ms(&b, now), 0);
	fail_times(&b, BREAKER_FAILURES - 1, now);
	CHECK_INT(breaker_wait_ms(&b, now), 0);
}

TEST(late_failures_of_calls_begun_before_do_not_lengthen_the_wait)
{
	struct breaker b = {0};
	fail_times(&b, BREAKER_FAILURES + 300, 0);
	CHECK_INT(breaker_wait_ms(&b, 0), BREAKER_OPEN_MS);
}

TEST(a_probe_that_is_never_heard_of_does_not_keep_the_breaker_shut)
{
	struct breaker b = {0};
	fail_times(&b, BREAKER_FAILURES, 0);
	CHECK_INT(breaker_wait_ms(&b, 2000), 0);
	CHECK_INT(breaker_wait_ms(&b, 2500), 1500);
	CHECK_INT(breaker_wait_ms(&b, 4000), 0);
}

TEST(a_hold_stops_everybody_until_then_and_counts_as_no_failure)
{
	struct breaker b = {0};
	breaker_hold(&b, 1000, 500);
	breaker_hold(&b, 1000, 200);
	breaker_hold(&b, 1000, -1);
	CHECK(!breaker_is_open(&b));
	CHECK_INT(breaker_wait_ms(&b, 1000), 500);
	breaker_success(&b);
	CHECK_INT(breaker_wait_ms(&b, 1100), 400);
	CHECK_INT(breaker_wait_ms(&b, 1500), 0);
	CHECK_INT(breaker_wait_ms(&b, 1500), 0);
	fail_times(&b, BREAKER_FAILURES, 1500);
	breaker_hold(&b, 1500, 9000);
	CHECK_INT(breaker_wait_ms(&b, 1500), 9000);
	CHECK_INT(breaker_wait_ms(&b, 10500), 0);
	CHECK_INT(breaker_wait_ms(&b, 10500), BREAKER_OPEN_MS);
}
