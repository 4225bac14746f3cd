/* What healthy answers of the fake provider look like on each of its faces. */
#include "tests/integration/fakeprovider.h"

static void chat(const char *path, const char *model, const char *more, struct reply *r)
{
	ask(&(struct ask){.path = path, .body = chat_body(model, more)}, r);
	CHECK_INT(r->transport, STATUS_OK);
	CHECK_MSG(r->http_status == 200, "%d: %s", r->http_status, r->body.data);
}

TEST(openai_answers_with_text_usage_and_a_reason)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "gpt-4o:text=a%2C%20b,in=100,cached=40,out=7,reasoning=3", "", &r);
	CHECK_SPAN(span_from(r.content_type), "application/json");
	CHECK_SPAN(text_at(&r, "/model"), "gpt-4o");
	CHECK_SPAN(text_at(&r, "/choices/0/message/content"), "a, b");
	CHECK_SPAN(text_at(&r, "/choices/0/finish_reason"), "stop");
	CHECK_INT(number_at(&r, "/usage/prompt_tokens"), 100);
	CHECK_INT(number_at(&r, "/usage/prompt_tokens_details/cached_tokens"), 40);
	CHECK_INT(number_at(&r, "/usage/completion_tokens"), 7);
	CHECK_INT(number_at(&r, "/usage/completion_tokens_details/reasoning_tokens"), 3);
	CHECK_INT(number_at(&r, "/usage/total_tokens"), 107);
	chat(CHAT, "gpt-4o:finish=content_filter", "", &r);
	CHECK_SPAN(text_at(&r, "/choices/0/finish_reason"), "content_filter");
	chat(CHAT, "gpt-4o:finish=refusal", "", &r);
	CHECK_INT(at(&r, "/choices/0/message/content").type, JSON_NULL);
	CHECK(text_at(&r, "/choices/0/message/refusal").n > 0);
	get("/v1/models", &r);
	CHECK_SPAN(text_at(&r, "/object"), "list");
}

TEST(anthropic_answers_with_blocks_and_disjoint_usage)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(MESSAGES, "claude-x:echo,in=100,cached=40,cache-write=10", "", &r);
	CHECK_SPAN(text_at(&r, "/content/0/text"), "say it");
	CHECK_SPAN(text_at(&r, "/stop_reason"), "end_turn");
	CHECK_INT(number_at(&r, "/usage/input_tokens"), 50);
	CHECK_INT(number_at(&r, "/usage/cache_read_input_tokens"), 40);
	CHECK_INT(number_at(&r, "/usage/cache_creation_input_tokens"), 10);
	CHECK_INT(number_at(&r, "/usage/output_tokens"), 2);
	chat(MESSAGES, "claude-x:finish=length", "", &r);
	CHECK_SPAN(text_at(&r, "/stop_reason"), "max_tokens");
	chat(MESSAGES, "claude-x:finish=refusal", "", &r);
	CHECK_SPAN(text_at(&r, "/stop_reason"), "refusal");
	CHECK_INT(json_count(at(&r, "/content")), 0);
	ask(&(struct ask){.path = MESSAGES,
	                  .body = "{\"model\":\"claude-x\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"},
	    &r);
	CHECK_INT(r.http_status, 400);
	CHECK_SPAN(text_at(&r, "/error/type"), "invalid_request_error");
	CHECK_HAS(r.body.data, "max_tokens");
}

TEST(ollama_streams_lines_unless_told_not_to)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(OLLAMA, "llama3:8b:text=abcdefgh,piece=1", "", &r);
	CHECK_SPAN(span_from(r.content_type), "application/x-ndjson");
	CHECK_HAS(r.body.data, "\"content\":\"abcd\"},\"done\":false}\n");
	CHECK_HAS(r.body.data, "\"content\":\"efgh\"},\"done\":false}\n");
	CHECK_HAS(r.body.data, "\"done\":true,\"done_reason\":\"stop\"");
	chat(OLLAMA, "llama3:8b:echo", ",\"stream\":false", &r);
	CHECK_SPAN(text_at(&r, "/model"), "llama3:8b");
	CHECK_SPAN(text_at(&r, "/message/content"), "say it");
	CHECK_INT(number_at(&r, "/eval_count"), 2);
	get("/api/tags", &r);
	CHECK(json_count(at(&r, "/models")) > 0);
}

TEST(openai_streams_pieces_then_usage_then_its_end_mark)
{
	scoped_reply r = {0};
	fake_start(NULL);
	chat(CHAT, "gpt-x:text=abcdefgh,piece=1", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}", &r);
	CHECK_SPAN(span_from(r.content_type), "text/event-stream");
	const char *first = strstr(r.body.data, "{\"content\":\"abcd\"}"),
	           *second = strstr(r.body.data, "{\"content\":\"efgh\"}");
	const char *usage = strstr(r.body.data, "\"choices\":[],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":2");
	CHECK(first && second > first && usage > second);
	CHECK_HAS(usage, "data: [DONE]\n\n");
	chat(CHAT, "gpt-x", ",\"stream\":true", &r);
	CHECK(!strstr(r.body.data, "usage"));
	chat(CHAT, "gpt-x:finish=refusal", ",\"stream\":true", &r);
	CHECK_HAS(r.body.data, "{\"refusal\":\"");
}

TEST(anthropic_streams_the_events_in_their_order)
{
	static const char *const order[] = {"event: message_start\n",
	                                    "event: content_block_start\n",
	                                    "\"text\":\"abcd\"",
	                                    "\"text\":\"efgh\"",
	                                    "event: content_block_stop\n",
	                                    "event: message_delta\n",
	                                    "\"stop_reason\":\"end_turn\"",
	                                    "event: message_stop\n"};
	scoped_reply r = {0};
	fake_start(NULL);
	chat(MESSAGES, "claude-x:text=abcdefgh,piece=1", ",\"stream\":true", &r);
	const char *p = r.body.data;
	for (size_t i = 0; i < countof(order); i++) {
		CHECK_HAS(p, order[i]);
		p = strstr(p, order[i]);
	}
}

TEST(max_tokens_ends_an_answer_early)
{
	scoped_reply r = {0};
	fake_start(NULL);
	ask(
	    &(struct ask){
	        .path = CHAT,
	        .body =
	            "{\"model\":\"gpt-x:text=abcdefghijkl\",\"max_completion_tokens\":2,\"messages\":[{\"role\":\"user\","
	            "\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]}"},
	    &r);
	CHECK_SPAN(text_at(&r, "/choices/0/message/content"), "abcdefgh");
	CHECK_SPAN(text_at(&r, "/choices/0/finish_reason"), "length");
}

TEST(json_is_answered_where_json_is_asked_for_and_fits_the_schema)
{
	scoped_reply r = {0};
	struct json v, member;
	struct err err;
	fake_start(NULL);
	chat(CHAT, "gpt-x:json=%7B%22a%22:1%7D", "", &r);
	CHECK_SPAN(text_at(&r, "/choices/0/message/content"), "{\"a\":1}");
	ask(
	    &(struct ask){
	        .path = CHAT,
	        .body = "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"},\"messages\":[{\"role\":\"user\","
	                "\"content\":\"as JSON\"}]}"},
	    &r);
	CHECK_OK(json_parse(text_at(&r, "/choices/0/message/content"), &v, &err), err);
	CHECK_INT(v.type, JSON_OBJECT);
	chat(OLLAMA, "llama",
	     ",\"stream\":false,\"format\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":5},"
	     "\"list\":{\"type\":\"array\",\"items\":{\"enum\":[\"red\"]}},\"s\":{\"type\":[\"null\",\"string\"]}}}",
	     &r);
	CHECK_OK(json_parse(text_at(&r, "/message/content"), &v, &err), err);
	CHECK(json_pointer(v, "/n", &member));
	CHECK_SPAN(member.text, "5");
	CHECK(json_pointer(v, "/list/0", &member) && json_text_is(member, SPAN("red")));
	CHECK(json_pointer(v, "/s", &member) && member.type == JSON_STRING);
	ask(
	    &(struct ask){
	        .path = CHAT,
	        .body = "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"},\"messages\":[{\"role\":\"user\","
	                "\"content\":\"hi\"}]}"},
	    &r);
	CHECK_INT(r.http_status, 400);
	CHECK_HAS(r.body.data, "must contain the word 'json'");
}

TEST(embeddings_of_texts_that_share_words_are_near)
{
	scoped_reply r = {0};
	double near = 0, far = 0;
	fake_start(NULL);
	ask(&(struct ask){.path = "/v1/embeddings",
	                  .body =
	                      "{\"model\":\"text-embedding-3-small\",\"dimensions\":256,\"input\":[\"the red fox runs\","
	                      "\"a red fox ran\",\"monthly invoice total\"]}"},
	    &r);
	CHECK_INT(json_count(at(&r, "/data")), 3);
	CHECK_INT(json_count(at(&r, "/data/0/embedding")), 256);
	CHECK_INT(number_at(&r, "/usage/prompt_tokens"), 13);
	for (int i = 0; i < 256; i++) {
		char pointer[40];
		double v[3];
		for (int j = 0; j < 3; j++) {
			snprintf(pointer, sizeof pointer, "/data/%d/embedding/%d", j, i);
			CHECK(json_f64(at(&r, pointer), &v[j]));
		}
		near += v[0] * v[1];
		far += v[0] * v[2];
	}
	CHECK_MSG(near > 0.2 && far < 0.15, "near %g, far %g", near, far);
	ask(&(struct ask){.path = "/v1/embeddings",
	                  .body = "{\"model\":\"e\",\"dimensions\":3,\"encoding_format\":\"base64\",\"input\":\"x\"}"},
	    &r);
	CHECK_INT(text_at(&r, "/data/0/embedding").n, 16);
	ask(&(struct ask){.path = "/api/embed", .body = "{\"model\":\"e\",\"input\":\"x\"}"}, &r);
	CHECK_INT(json_count(at(&r, "/embeddings/0")), 768);
}

TEST(the_same_seed_and_request_give_the_same_text)
{
	scoped_reply a = {0}, b = {0};
	fake_start(NULL);
	chat(CHAT, "gpt-x:tokens=50", "", &a);
	chat(CHAT, "gpt-x:tokens=50", "", &b);
	CHECK(span_eq(text_at(&a, "/choices/0/message/content"), text_at(&b, "/choices/0/message/content")));
	CHECK_INT(text_at(&a, "/choices/0/message/content").n, 200);
	chat(CHAT, "gpt-x:tokens=50,seed=2", "", &b);
	CHECK(!span_eq(text_at(&a, "/choices/0/message/content"), text_at(&b, "/choices/0/message/content")));
}

TEST(bad_requests_are_answered_as_the_provider_would)
{
	static const struct {
		const char *path, *body;
		const char *part;
	} rows[] = {
	    {CHAT, "{\"model\":", "invalid_request_error"},
	    {CHAT, "[]", "must be a JSON object"},
	    {CHAT, "{\"messages\":[]}", "model must be"},
	    {CHAT, "{\"model\":\"m\",\"messages\":[]}", "messages must be"},
	    {CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":\"x\"}]}", "messages must be"},
	    {CHAT, "{\"model\":\"m\",\"stream_options\":{},\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
	     "stream_options"},
	    {CHAT, "{\"model\":\"m:latnecy=1s\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "latnecy"},
	    {CHAT, "{\"model\":\"m:latency=soon\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
	     "latency: \\\"soon\\\" is not a time"},
	    {CHAT, "{\"model\":\"m:status=1\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "in [200, 599]"},
	    {CHAT, "{\"model\":\"m:fault=odd\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
	     "one of none, malformed"},
	    {CHAT, "{\"model\":\"m:chance=2\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "in [0, 1]"},
	    {CHAT, "{\"model\":\"m:first\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "needs a value"},
	    {MESSAGES, "{\"model\":\"m\",\"max_tokens\":0,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
	     "max_tokens"},
	    {OLLAMA, "{\"model\":\"\",\"messages\":[]}", "{\"error\":\"model must be"},
	    {"/v1/embeddings", "{\"model\":\"m\",\"input\":[1]}", "input must be"},
	    {"/v1/embeddings", "{\"model\":\"m\",\"input\":\"x\",\"dimensions\":100000}", "dimensions must be"},
	};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(rows); i++) {
		ask(&(struct ask){.path = rows[i].path, .body = rows[i].body}, &r);
		CHECK_MSG(r.http_status == 400, "row %zu: %d", i, r.http_status);
		CHECK_HAS(r.body.data, rows[i].part);
	}
	ask(&(struct ask){.path = "/v1/nothing", .body = "{}"}, &r);
	CHECK_INT(r.http_status, 404);
	ask(&(struct ask){.path = CHAT}, &r);
	CHECK_INT(r.http_status, 405);
}

TEST(a_wrong_key_is_refused_when_one_is_set)
{
	scoped_reply r = {0};
	fake_start((const char *const[]){"FAKE_API_KEY=sk-right", NULL});
	ask(&(struct ask){.path = CHAT, .body = chat_body("gpt-x", ""), .authorization = "Bearer sk-wrong"}, &r);
	CHECK_INT(r.http_status, 401);
	CHECK_SPAN(text_at(&r, "/error/code"), "invalid_api_key");
	ask(&(struct ask){.path = MESSAGES, .body = chat_body("claude-x", "")}, &r);
	CHECK_INT(r.http_status, 401);
	CHECK_SPAN(text_at(&r, "/error/type"), "authentication_error");
	ask(&(struct ask){.path = CHAT, .body = chat_body("gpt-x", ""), .authorization = "Bearer sk-right"}, &r);
	CHECK_INT(r.http_status, 200);
}
