/* What nobody should send: cut, hostile, huge and deep texts, wrong types, bad subjects. Each gets its answer, and blocks nobody. */
#include "tests/integration/path_helpers.h"

#define SUBMIT "gannet.acme.jobs.submit.llm.default"
#define SIMULATED "\"model\":\"simulated\",\"template\":\"x\""

static struct bus *bus;
static struct test_events *events;

static void start(void)
{
	bus = test_bus();
	start_jobs(NULL);
	start_runner(NULL, NULL);
	events = test_follow(bus, "acme");
	test_expect_invalid("gannet.acme.jobs.submit.");
	test_expect_invalid("gannet.acme.jobs.event.queued.");
}

static void publish(const char *subject, struct span body)
{
	test_store(bus, subject, body, NULL);
}

/* What came before it has been looked at, and did no harm. */
static void check_alive(void)
{
	static int n;
	const char *id = text_of("alive%d", n++);
	test_submit(bus, "acme", "llm", "low", id, SIMULATED);
	test_wait_event(events, "completed", id);
	ask(bus, "acme", "stats", "{}");
}

static void wait_rejected(size_t n)
{
	WAIT_FOR(test_count_events(events, "rejected", NULL) >= n, "the rejections");
	CHECK_INT(test_count_events(events, "rejected", NULL), n);
}

static const char *const hostile[] = {
    "{", "}", "[", "nul", "truex", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "[1,]", "{'a':1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}",
    "{\"a\":1.}", "{\"a\":1e}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-}", "{\"a\":\"\t\"}", "{\"a\":\"\\x41\"}", "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\\ud800\"}", "{\"a\":\"\\u0000\"}", "{\"a\":1}{\"b\":2}", "{\"a\":1}\n\x01", "\xef\xbb\xbf{}",
    "{\"a\":\"\xc0\xaf\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\xe2\x82\"}", "{\"\xff\":1}", "{\"a\":1,\"a\":2}",
    "{\"a\":{\"b\":1,\"b\":1}}", "/* */{}", "{\"a\":1 \"b\":2}", "\"", "\\", "\xff\xff\xff\xff",
};

TEST(hostile_json_is_rejected_as_a_publication_and_refused_as_a_request)
{
	start();
	for (size_t i = 0; i < countof(hostile); i++)
		publish(SUBMIT, span_from(hostile[i]));
	wait_rejected(countof(hostile));
	static const char *const verbs[] = {"create", "get",        "list",     "cancel", "retry",   "bulk_retry",
	                                    "rerun",  "regenerate", "feedback", "stats",  "cleanup", "retry_failed", "queue_pending"};
	for (size_t v = 0; v < countof(verbs); v++)
		for (size_t i = 0; i < countof(hostile); i++)
			ask_status(bus, "acme", verbs[v], hostile[i], STATUS_INVALID, NULL);
	check_alive();
}

TEST(submission_cut_at_any_byte_is_rejected)
{
	static const char whole[] = "{\"job_id\":\"cut\",\"model\":\"simulated\",\"template\":\"Hello {{n}} \xe2\x82\xac\","
	                            "\"context\":{\"n\":[1,2.5e3,true,null,\"\\u20ac\"]},\"metadata\":{\"a\":\"b\"}}";
	start();
	for (size_t n = 0; n < sizeof whole - 1; n++)
		publish(SUBMIT, span_of(whole, n));
	wait_rejected(sizeof whole - 1);
	for (size_t n = 1; n < sizeof whole - 1; n++)
		ask_status(bus, "acme", "create", text_of("%.*s", (int)n, whole), STATUS_INVALID, NULL);
	check_alive();
}

/* Each member with a value of each type that it is not. */
TEST(members_of_a_wrong_type_are_named)
{
	static const struct {
		const char *name, *fits; /* first letters of the types that are right */
	} members[] = {
	    {"job_id", "s"},      {"template", "s"},   {"model", "s"},       {"context", "o"},   {"format", ""},       {"user_id", "s"},
	    {"agent_id", "s"},    {"temperature", "n"}, {"max_tokens", "n"}, {"system_message", "s"}, {"timeout_ms", "n"}, {"max_retries", "n"},
	    {"run_at", ""},       {"reply_to", ""},    {"stream", "b"},      {"job_type", "s"},  {"pipeline", "s"},    {"record_id", "s"},
	    {"field_name", "s"},  {"input_data", "o"}, {"metadata", "o"},
	};
	static const struct {
		char letter;
		const char *value;
	} values[] = {{'s', "\"some text\""}, {'n', "1"}, {'b', "true"}, {'a', "[1]"}, {'o', "{\"k\":\"v\"}"}, {'f', "1.5"}};
	size_t wrong = 0;
	start();
	for (size_t m = 0; m < countof(members); m++)
		for (size_t v = 0; v < countof(values); v++) {
			bool number = values[v].letter == 'f' && !strcmp(members[m].name, "temperature");
			if (number || strchr(members[m].fits, values[v].letter))
				continue;
			const char *others = !strcmp(members[m].name, "template") ? "\"model\":\"simulated\""
			                     : !strcmp(members[m].name, "model")  ? "\"template\":\"x\""
			                                                          : SIMULATED;
			const char *id = text_of("w%zu-%zu", m, v);
			bool own_id = strcmp(members[m].name, "job_id") != 0;
			const char *body = text_of("{%s%s%s%s,\"%s\":%s}", own_id ? "\"job_id\":\"" : "", own_id ? id : "", own_id ? "\"," : "",
			                           others, members[m].name, values[v].value);
			publish(SUBMIT, span_from(body));
			wrong++;
			if (own_id) {
				const char *e = test_wait_event(events, NULL, id).body;
				CHECK_MSG(is(e, "/state", "rejected") && is(e, "/error/field", members[m].name), "%s: %.600s", body, e);
			}
			struct err err = {0};
			ask_status(bus, "acme", "create", body, STATUS_INVALID, &err);
			CHECK_MSG(strstr(err.msg, members[m].name), "%s: %s", body, err.msg);
		}
	wait_rejected(wrong);
	check_alive();
}

TEST(unknown_members_are_ignored_in_publications_and_refused_in_requests)
{
	static const char *const unknown[] = {"\"temprature\":1", "\"\":1", "\"Model\":\"x\"", "\"__proto__\":{}", "\"priority\":[[[]]]",
	                                      "\"a\\u0062c\":null"};
	start();
	for (size_t i = 0; i < countof(unknown); i++) {
		const char *id = text_of("u%zu", i);
		test_submit(bus, "acme", "llm", "default", id, text_of(SIMULATED ",%s", unknown[i]));
		test_wait_event(events, "completed", id);
		ask_status(bus, "acme", "create", text_of("{" SIMULATED ",%s}", unknown[i]), STATUS_INVALID, NULL);
	}
}

static struct span nested(struct buf *out, const char *id, int depth, bool arrays)
{
	buf_reset(out);
	buf_printf(out, "{\"job_id\":\"%s\"," SIMULATED ",\"context\":{\"a\":", id);
	for (int i = 0; i < depth; i++)
		buf_adds(out, arrays ? "[" : "{\"a\":");
	buf_adds(out, arrays ? "" : "1");
	for (int i = 0; i < depth; i++)
		buf_addc(out, arrays ? ']' : '}');
	buf_adds(out, "}}");
	return buf_span(out);
}

TEST(deep_texts_are_taken_up_to_the_limit_and_rejected_beyond_it)
{
	static const int too_deep[] = {63, 64, 1000, 100000};
	scoped_buf body = {0};
	start();
	for (int arrays = 0; arrays < 2; arrays++) {
		const char *id = text_of("deepest%d", arrays);
		publish(SUBMIT, nested(&body, id, 62, arrays)); /* and the two levels around it */
		test_wait_event(events, "completed", id);
		for (size_t i = 0; i < countof(too_deep); i++)
			publish(SUBMIT, nested(&body, "deep", too_deep[i], arrays));
	}
	/* The id of what cannot be read is not known; each has one of its own. */
	wait_rejected(2 * countof(too_deep));
	check_alive();
}

static void fill(struct buf *out, char c, size_t n)
{
	char *at = buf_reserve(out, n);
	memset(at, c, n);
	buf_commit(out, n);
}

/* The broker itself takes at most 1 MiB, headers and all. */
TEST(huge_texts_are_taken_up_to_their_limits)
{
	scoped_buf body = {0};
	start();
	buf_adds(&body, "{\"job_id\":\"big\"," SIMULATED ",\"context\":{\"a\":\"");
	fill(&body, 'x', JOB_PAYLOAD_MAX - 4096);
	buf_adds(&body, "\"}}");
	publish(SUBMIT, buf_span(&body));
	test_wait_event(events, "completed", "big");
	buf_reset(&body);
	buf_adds(&body, "{\"job_id\":\"long\",\"model\":\"simulated\",\"template\":\"");
	fill(&body, 'x', JOB_TEMPLATE_MAX + 1);
	buf_adds(&body, "\"}");
	publish(SUBMIT, buf_span(&body));
	CHECK_JSON(test_wait_event(events, "rejected", "long").body, "/error/field", "template");
	/* Many members: looking for repeated names must not take squares of time. */
	buf_reset(&body);
	buf_adds(&body, "{\"job_id\":\"wide\"," SIMULATED ",\"context\":{");
	for (int i = 0; i < 60000; i++)
		buf_printf(&body, "%s\"k%d\":%d", i ? "," : "", i, i);
	buf_adds(&body, "}}");
	publish(SUBMIT, buf_span(&body));
	test_wait_event(events, "completed", "wide");
	struct err err;
	char *too_much = calloc(1, JOB_PAYLOAD_MAX + 1);
	CHECK(too_much);
	memset(too_much, ' ', JOB_PAYLOAD_MAX);
	struct bus_out m = {.subject = SUBMIT, .data = span_of(too_much, JOB_PAYLOAD_MAX + 1)};
	CHECK_STATUS(bus_store_wait(bus, &m, 5000, NULL, &err), STATUS_TOO_LARGE);
	free(too_much);
	check_alive();
}

TEST(tenants_that_are_none_are_rejected_where_their_publisher_looks)
{
	static const char *const tenants[] = {"ACME", "a+b", "tenant-of-more-than-thirty-two-characters", "\xc3\xbcmlaut", "a'b", "%s%n"};
	start();
	test_expect_invalid("gannet.");
	for (size_t i = 0; i < countof(tenants); i++) {
		const char *token = text_of("%.32s", tenants[i]);
		const char *id = text_of("t%zu", i), *place = text_of("gannet.%s.jobs.event.rejected.%s", token, id);
		publish(text_of("gannet.%s.jobs.submit.llm.default", tenants[i]), span_from(text_of("{\"job_id\":\"%s\"," SIMULATED "}", id)));
		struct bus_stored_message m;
		struct err err;
		WAIT_FOR(bus_get_last(bus, STREAM_EVENTS, place, &m, &err) == STATUS_OK, text_of("the rejection at %s", place));
		bus_stored_message_free(&m);
		ask_status(bus, tenants[i], "create", "{" SIMULATED "}", STATUS_INVALID, NULL);
		ask_status(bus, tenants[i], "stats", "{}", STATUS_INVALID, NULL);
	}
	check_alive();
	/* One that is too long is cut to the longest there may be, which has the form of a tenant. */
	CHECK_INT(count_sql("SELECT count(*) FROM ai_jobs WHERE tenant NOT IN ('acme', 'tenant-of-more-than-thirty-two-c')"), 0);
}

TEST(priorities_and_kinds_that_are_none_are_rejected_instead_of_waiting_for_ever)
{
	static const char *const places[] = {"llm.urgent", "llm.HIGH", "LLM.default", "kind-of-more-than-thirty-two-characters.low"};
	start();
	for (size_t i = 0; i < countof(places); i++)
		publish(text_of("gannet.acme.jobs.submit.%s", places[i]), span_from(text_of("{\"job_id\":\"n%zu\"," SIMULATED "}", i)));
	publish("gannet.acme.jobs.submit.llm.urgent", span_from("{"));
	test_submit(bus, "acme", "nobodys", "default", "waits", "\"input_data\":{}");
	for (size_t i = 0; i < countof(places); i++) {
		const char *e = test_wait_event(events, NULL, text_of("n%zu", i)).body;
		CHECK_JSON(e, "/state", "rejected");
		CHECK_JSON(e, "/error/field", "subject");
		CHECK_HAS(test_json(e, "/error/message"), i < 2 ? "high, default or low" : "kind must be");
	}
	wait_rejected(countof(places) + 1);
	wait_status("acme", "n0", "failed");
	struct bus_stream_state jobs;
	struct err err;
	WAIT_FOR(bus_stream_state(bus, STREAM_JOBS, &jobs, &err) == STATUS_OK && jobs.messages == 1, "the queue to be empty");
	wait_status("acme", "waits", "pending");
	check_alive();
}
