/* Every fault of the fake provider, as a client sees it. */
#include "tests/integration/fakeprovider.h"

#define STREAM ",\"stream\":true"

static void chat(const char *path, const char *model, const char *more, struct reply *r)
{
	ask(&(struct ask){.path = path, .body = chat_body(model, more)}, r);
}

static bool is_json(struct reply *r)
{
	struct json v;
	struct err err;
	return json_parse(buf_span(&r->body), &v, &err) == STATUS_OK;
}

TEST(statuses_come_with_the_bodies_of_their_provider)
{
	static const struct {
		const char *path, *model;
		int http_status;
		const char *part;
	} rows[] = {
	    {CHAT, "m:status=429", 429, "\"code\":\"rate_limit_exceeded\""},
	    {CHAT, "m:status=429,code=insufficient_quota", 429,
	     "\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\""},
	    {CHAT, "m:status=401", 401, "\"code\":\"invalid_api_key\""},
	    {CHAT, "m:status=500,message=so%20it%20is", 500, "\"message\":\"so it is\",\"type\":\"server_error\""},
	    {CHAT, "m:status=400,code=context_length_exceeded,type=invalid_request_error", 400,
	     "\"code\":\"context_length_exceeded\""},
	    {MESSAGES, "m:status=529", 529,
	     "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"},
	    {MESSAGES, "m:status=402", 402, "\"type\":\"billing_error\""},
	    {MESSAGES, "m:status=429,code=enforced_spend_limit_reached", 429, "\"code\":\"enforced_spend_limit_reached\""},
	    {OLLAMA, "m:status=404", 404, "{\"error\":\"model not found"},
	    {OLLAMA, "m:status=503", 503, "{\"error\":\"server busy"},
	};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(rows); i++)
		for (int stream = 0; stream < 2; stream++) {
			chat(rows[i].path, rows[i].model, stream ? STREAM : ",\"stream\":false", &r);
			CHECK_INT(r.transport, STATUS_OK);
			CHECK_INT(r.http_status, rows[i].http_status);
			CHECK_SPAN(span_from(r.content_type), "application/json");
			CHECK_HAS(r.body.data, rows[i].part);
			CHECK(is_json(&r));
		}
}

TEST(retry_after_comes_as_seconds_milliseconds_or_date)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:status=429,retry-after=7,retry-after-ms=7250", "", &r);
	CHECK_SPAN(span_from(r.retry_after), "7");
	CHECK_SPAN(span_from(r.retry_after_ms), "7250");
	chat(CHAT, "m:status=503,retry-after-date=5", "", &r);
	CHECK_HAS(r.retry_after, " GMT");
	CHECK_INT(strlen(r.retry_after), 29);
	chat(CHAT, "m:status=429", "", &r);
	CHECK_SPAN(span_from(r.retry_after), "");
}

TEST(an_answer_can_be_no_json_empty_or_a_web_page)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:fault=malformed", "", &r);
	CHECK_INT(r.http_status, 200);
	CHECK(r.body.len > 10 && !is_json(&r));
	chat(CHAT, "m:fault=empty", "", &r);
	CHECK_INT(r.transport, STATUS_OK);
	CHECK_INT(r.http_status, 200);
	CHECK_INT(r.body.len, 0);
	chat(CHAT, "m:fault=empty", STREAM, &r);
	CHECK_INT(r.transport, STATUS_OK);
	CHECK_INT(r.body.len, 0);
	chat(MESSAGES, "m:fault=wrong-type", "", &r);
	CHECK_HAS(r.content_type, "text/html");
	CHECK_HAS(r.body.data, "<html>");
	chat(CHAT, "m:status=502,fault=wrong-type", "", &r);
	CHECK_INT(r.http_status, 502);
	CHECK_HAS(r.body.data, "<html>");
}

TEST(a_body_can_be_shorter_than_its_length)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:fault=truncated", "", &r);
	CHECK_INT(r.transport, STATUS_PROVIDER);
	CHECK_INT(r.http_status, 200);
	CHECK(r.body.len > 10 && !is_json(&r));
}

TEST(a_stream_can_break_off_in_its_middle)
{
	static const char *const paths[] = {CHAT, MESSAGES, OLLAMA};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(paths); i++) {
		chat(paths[i], "m:text=abcdefghijklmnop,piece=1,fault=cut,at=3", STREAM, &r);
		CHECK_INT(r.transport, STATUS_PROVIDER);
		CHECK_HAS(r.body.data, "ijkl");
		CHECK(!strstr(r.body.data, "mnop"));
	}
}

TEST(a_connection_can_close_without_an_answer)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:fault=close", "", &r);
	CHECK_INT(r.transport, STATUS_UNAVAILABLE);
	CHECK_INT(r.http_status, 0);
	chat(CHAT, "m:fault=close,latency=20ms", STREAM, &r);
	CHECK_INT(r.transport, STATUS_UNAVAILABLE);
	CHECK(r.total_us >= 20000);
}

TEST(an_answer_can_never_come_or_stop_half_way)
{
	scoped_reply r = {0};
	fake_start(NULL);
	ask(&(struct ask){.path = CHAT, .body = chat_body("m:fault=hang", ""), .timeout_ms = 100}, &r);
	CHECK_INT(r.transport, STATUS_TIMEOUT);
	CHECK_INT(r.http_status, 0);
	ask_and_leave(
	    &(struct ask){.path = CHAT, .body = chat_body("m:fault=stall,text=abcdefghijkl,piece=1,at=1", STREAM)}, "abcd",
	    &r);
	CHECK_INT(r.transport, STATUS_CANCELLED);
	CHECK(!strstr(r.body.data, "efgh"));
	ask_and_leave(&(struct ask){.path = MESSAGES, .body = chat_body("m:fault=stall", "")}, "{\"id\"", &r);
	CHECK_INT(r.transport, STATUS_CANCELLED);
	CHECK_INT(r.http_status, 200);
	CHECK(!is_json(&r));
}

TEST(an_error_can_come_inside_a_stream)
{
	static const struct {
		const char *path, *part, *end;
	} rows[] = {
	    {CHAT, "data: {\"error\":{\"message\":\"", "[DONE]"},
	    {MESSAGES, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"", "message_stop"},
	    {OLLAMA, "\n{\"error\":\"", "\"done\":true"},
	};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(rows); i++) {
		chat(rows[i].path, "m:text=abcdefgh,piece=1,fault=stream-error,at=1", STREAM, &r);
		CHECK_INT(r.transport, STATUS_OK);
		CHECK_INT(r.http_status, 200);
		const char *text = strstr(r.body.data, "abcd"), *error = strstr(r.body.data, rows[i].part);
		CHECK_MSG(text && error > text, "row %zu: %s", i, r.body.data);
		CHECK(!strstr(r.body.data, rows[i].end) && !strstr(r.body.data, "efgh"));
	}
}

TEST(a_stream_can_lack_its_end_mark_or_hold_garbage)
{
	static const struct {
		const char *path, *garbage, *end;
	} rows[] = {
	    {CHAT, "data: {\"choices\":[{\"delta\":{\"content\":\n", "[DONE]"},
	    {MESSAGES, "\"delta\":\n", "message_stop"},
	    {OLLAMA, "{\"message\":{\"content\":\n", "\"done\":true"},
	};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(rows); i++) {
		chat(rows[i].path, "m:fault=no-end", STREAM, &r);
		CHECK_INT(r.transport, STATUS_OK);
		CHECK(r.body.len > 10 && !strstr(r.body.data, rows[i].end));
		chat(rows[i].path, "m:fault=malformed,text=abcdefghijkl,piece=1,at=1", STREAM, &r);
		const char *garbage = strstr(r.body.data, rows[i].garbage);
		CHECK_MSG(garbage, "row %zu: %s", i, r.body.data);
		CHECK(strstr(r.body.data, "abcd") < garbage && strstr(r.body.data, "efgh") > garbage);
		CHECK_HAS(garbage, rows[i].end);
	}
}

TEST(usage_can_be_missing)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:fault=no-usage", "", &r);
	CHECK(is_json(&r) && !strstr(r.body.data, "usage"));
	chat(CHAT, "m:fault=no-usage", STREAM ",\"stream_options\":{\"include_usage\":true}", &r);
	CHECK(!strstr(r.body.data, "usage"));
	CHECK_HAS(r.body.data, "[DONE]");
	chat(MESSAGES, "m:fault=no-usage", "", &r);
	CHECK(is_json(&r) && !strstr(r.body.data, "usage"));
	chat(OLLAMA, "m:fault=no-usage", STREAM, &r);
	CHECK(!strstr(r.body.data, "eval_count"));
}

TEST(a_text_can_hold_bytes_that_are_no_utf8)
{
	static const char *const paths[] = {CHAT, MESSAGES, OLLAMA};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(paths); i++)
		for (int stream = 0; stream < 2; stream++) {
			chat(paths[i], "m:fault=bad-utf8", stream ? STREAM : ",\"stream\":false", &r);
			CHECK_INT(r.transport, STATUS_OK);
			CHECK(memchr(r.body.data, 0xff, r.body.len));
		}
}

TEST(a_flood_ends_where_it_is_told_to_or_at_the_reader_s_limit)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:fault=flood,bytes=3000000", "", &r);
	CHECK_INT(r.transport, STATUS_OK);
	CHECK(r.body.len > 3000000 && r.body.len < 3010000);
	CHECK(is_json(&r));
	chat(MESSAGES, "m:fault=flood,bytes=3000000", STREAM, &r);
	CHECK_INT(r.transport, STATUS_OK);
	CHECK(r.body.len > 3000000 && r.body.len < 3010000);
	CHECK_HAS(r.body.data + r.body.len - 200, "message_stop");
	for (int stream = 0; stream < 2; stream++) {
		ask(&(struct ask){.path = CHAT, .body = chat_body("m:fault=flood", stream ? STREAM : ""), .max_bytes = 5000000},
		    &r);
		CHECK_INT(r.transport, STATUS_TOO_LARGE);
	}
}

TEST(an_answer_can_come_byte_by_byte)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:fault=drip,gap=1ms,tokens=1", "", &r);
	CHECK_INT(r.transport, STATUS_OK);
	CHECK(is_json(&r));
	CHECK_MSG(r.total_us - r.first_byte_us > (int64_t)r.body.len * 900, "%zu bytes in %lld us", r.body.len,
	          (long long)(r.total_us - r.first_byte_us));
}

TEST(latency_and_gaps_are_kept)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "m:latency=120ms", "", &r);
	CHECK_INT(r.http_status, 200);
	CHECK(r.total_us >= 120000);
	chat(CHAT, "m:latency=50ms,gap=20ms,tokens=4,piece=1", STREAM, &r);
	CHECK(r.first_byte_us >= 50000);
	CHECK(r.total_us >= 50000 + 6 * 20000); /* seven events */
	chat(CHAT, "m:latency=20ms..60ms", "", &r);
	CHECK(r.total_us >= 20000);
	chat(CHAT, "m:latency=300ms,status=503", "", &r);
	CHECK_INT(r.http_status, 503);
	CHECK(r.total_us >= 300000);
}

TEST(a_long_streamed_text_arrives_whole)
{
	scoped_reply r = {0};
	fake_start(NULL);
	ask(&(struct ask){.path = CHAT,
	                  .body = "{\"model\":\"m:tokens=100000,piece=5\",\"stream\":true,\"messages\":[{\"role\":\"user\","
	                          "\"content\":\"x\"}]}"},
	    &r);
	CHECK_INT(r.transport, STATUS_OK);
	CHECK_MSG(r.body.len > 3000000, "%zu bytes", r.body.len);
	CHECK_HAS(r.body.data + r.body.len - 100, "[DONE]");
}
