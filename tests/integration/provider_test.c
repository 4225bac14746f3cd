/* The runner and a provider that behaves well or badly in every way the fake knows: what becomes of the job. */
#include "tests/integration/path_helpers.h"

static struct bus *bus;
static struct test_events *events;
static struct test_process *fake, *runner;

static void start(const char *script, const char *const *env)
{
	bus = test_bus();
	fake = start_fake(script);
	runner = start_runner(fake, env);
	events = test_follow(bus, "acme");
}

static const char *wait_final(const char *id, const char *state)
{
	struct test_event e = test_wait_event(events, NULL, id);
	CHECK_MSG(!strcmp(e.state, state), "job %s is %s, not %s: %.600s", id, e.state, state, e.body);
	return e.body;
}

static const char *const faces[] = {"gpt-fake", "claude-fake", "llama-fake"};

/* ---- answers */

#define ANSWERS                                                                                                        \
	"{\"rules\":[{\"model\":\"gpt-4o\",\"answers\":[{\"text\":\"Gannets dive.\",\"in\":1200,\"cached\":200,"           \
	"\"out\":100,\"reasoning\":40}]},{\"model\":\"claude-haiku-4-5\",\"answers\":[{\"text\":\"Gannets dive.\","        \
	"\"in\":1200,\"cached\":200,\"cache-write\":400,\"out\":100}]},{\"model\":\"llama-3\",\"answers\":[{\"text\":"     \
	"\"Gannets dive.\",\"in\":1200,\"out\":100}]}]}"

static const struct {
	const char *model, *provider, *input, *cache_read, *cache_write, *reasoning, *total, *nanousd, *price_id;
} answers[] = {
    /* 1000 × 2.5 + 200 × 1.25 + 100 × 10 dollars a million */
    {"gpt-4o", "openai", "1000", "200", "0", "40", "1300", "3750000", "gpt-4o@2024-10-01"},
    /* 600 × 1 + 200 × 0.1 + 400 × 1.25 + 100 × 5 */
    {"claude-haiku-4-5", "anthropic", "600", "200", "400", "0", "1300", "1620000", "claude-haiku-4-5@2025-10-15"},
    {"llama-3", "ollama", "1200", "0", "0", "0", "1300", "", ""},
};

static void check_answer(size_t i, const char *e)
{
	CHECK_JSON(e, "/result/raw_response", "Gannets dive.");
	CHECK_JSON(e, "/result/parsed_output", "Gannets dive.");
	CHECK_JSON(e, "/result/provider", answers[i].provider);
	CHECK_JSON(e, "/result/model", answers[i].model);
	CHECK_JSON(e, "/result/finish_reason", "stop");
	CHECK_JSON(e, "/result/usage/input_tokens", answers[i].input);
	CHECK_JSON(e, "/result/usage/cache_read_tokens", answers[i].cache_read);
	CHECK_JSON(e, "/result/usage/cache_write_tokens", answers[i].cache_write);
	CHECK_JSON(e, "/result/usage/output_tokens", "100");
	CHECK_JSON(e, "/result/usage/reasoning_tokens", answers[i].reasoning);
	CHECK_JSON(e, "/result/usage/total_tokens", answers[i].total);
	CHECK(!is(e, "/result/usage/estimated", "true"));
	CHECK_JSON(e, "/result/cost_nanousd", answers[i].nanousd);
	CHECK_JSON(e, "/result/price_id", answers[i].price_id);
	CHECK(!is(e, "/result/simulated", "true"));
}

TEST(answer_of_every_provider_has_its_usage_and_cost_whole_and_streamed)
{
	start(ANSWERS, NULL);
	for (size_t i = 0; i < countof(answers); i++) {
		submit_model(bus, text_of("whole-%zu", i), answers[i].model, "");
		submit_model(bus, text_of("stream-%zu", i), answers[i].model, "\"stream\":true");
	}
	for (size_t i = 0; i < countof(answers); i++) {
		check_answer(i, wait_final(text_of("whole-%zu", i), "completed"));
		check_answer(i, wait_final(text_of("stream-%zu", i), "completed"));
	}
	CHECK_INT(fake_stat(fake, "/requests"), 2 * countof(answers));
	CHECK_INT(fake_stat(fake, "/errors"), 0);
}

TEST(tokens_that_a_provider_does_not_count_are_estimated_and_priced)
{
	start("{\"rules\":[{\"answers\":[{\"fault\":\"no-usage\",\"text\":\"twelve bytes\"}]}]}", NULL);
	for (int streamed = 0; streamed < 2; streamed++) {
		const char *id = text_of("j%d", streamed);
		submit_model(bus, id, "gpt-4o", streamed ? "\"stream\":true" : "");
		const char *e = wait_final(id, "completed");
		CHECK_JSON(e, "/result/usage/estimated", "true");
		CHECK_JSON(e, "/result/usage/output_tokens", "3");
		CHECK(atoll(test_json(e, "/result/usage/input_tokens")) > 0);
		CHECK(atoll(test_json(e, "/result/cost_nanousd")) >= 30000);
	}
}

/* ---- partial output */

struct pieces {
	pthread_mutex_t lock;
	struct buf text;
	int64_t n, restarts;
	bool gap;
};

static void on_piece(void *arg, const struct bus_in *m)
{
	struct pieces *p = arg;
	struct json body, v;
	struct err err;
	scoped_arena a = {0};
	int64_t seq = -1;
	pthread_mutex_lock(&p->lock);
	if (json_parse(m->data, &body, &err) == STATUS_OK && json_member(body, SPAN("seq"), &v))
		json_i64(v, &seq);
	p->gap |= seq != p->n;
	p->n++;
	if (json_member(body, SPAN("restart"), &v) && span_is(v.text, "true")) {
		p->restarts++;
		buf_reset(&p->text);
	}
	if (json_member(body, SPAN("delta"), &v))
		buf_addspan(&p->text, json_text(v, &a));
	pthread_mutex_unlock(&p->lock);
}

static struct pieces *listen_to(const char *id)
{
	struct pieces *p = calloc(1, sizeof *p);
	struct bus_sub *sub;
	struct err err;
	CHECK(p != NULL);
	pthread_mutex_init(&p->lock, NULL);
	CHECK_OK(bus_subscribe(bus, text_of("gannet.acme.jobs.stream.%s", id), NULL, on_piece, p, &sub, &err), err);
	CHECK_OK(bus_flush(bus, 5000, &err), err);
	return p;
}

static bool add_up_to(struct pieces *p, const char *whole)
{
	pthread_mutex_lock(&p->lock);
	bool same = span_is(buf_span(&p->text), whole);
	pthread_mutex_unlock(&p->lock);
	return same;
}

TEST(pieces_of_a_stream_come_early_and_add_up_to_the_answer)
{
	start(NULL, NULL);
	for (size_t i = 0; i < countof(faces); i++) {
		const char *id = text_of("s%zu", i);
		struct pieces *p = listen_to(id);
		submit_model(bus, id, text_of("%s:tokens=200,gap=10ms", faces[i]), "\"stream\":true");
		const char *e = wait_final(id, "completed");
		const char *whole = test_json(e, "/result/raw_response");
		WAIT_FOR(add_up_to(p, whole), "the pieces to add up");
		CHECK_INT(strlen(whole), 800);
		CHECK(p->n > 2);
		CHECK_INT(p->restarts, 0);
		CHECK(!p->gap);
		CHECK(test_json(e, "/result/time_to_first_token_ms")[0] != 0);
	}
}

TEST(stream_that_breaks_and_is_tried_again_says_that_it_restarts)
{
	start(NULL, NULL);
	for (size_t i = 0; i < countof(faces); i++) {
		const char *id = text_of("s%zu", i);
		struct pieces *p = listen_to(id);
		submit_model(bus, id, text_of("%s:tokens=200,gap=5ms,fault=cut,at=20,first=1", faces[i]), "\"stream\":true");
		const char *e = wait_final(id, "completed");
		CHECK_JSON(e, "/attempt", "2");
		WAIT_FOR(add_up_to(p, test_json(e, "/result/raw_response")), "the pieces after the restart to add up");
		CHECK_INT(p->restarts, 1);
		CHECK_INT(strlen(test_json(e, "/result/raw_response")), 800);
	}
}

/* ---- faults that pass */

static void check_tried_again(const char *id, const char *code)
{
	const char *e = wait_final(id, "completed");
	CHECK_JSON(e, "/attempt", "2");
	CHECK_MSG(test_count_events(events, "retrying", id) == 1, "job %s: %zu retrying events", id,
	          test_count_events(events, "retrying", id));
	const char *r = test_wait_event(events, "retrying", id).body;
	CHECK_JSON(r, "/attempt", "1");
	CHECK_JSON(r, "/attempt_used", "true");
	CHECK_JSON(r, "/error/code", code);
	CHECK(atoll(test_json(r, "/delay_ms")) <= 80);
}

/* One after the other: ten failures in a row would rightly open the circuit breaker. */
static void check_passing(const char *face, const char *fault, const char *code, bool streamed)
{
	static int n;
	const char *id = text_of("p%d", n++);
	submit_model(bus, id, text_of("%s:%s,first=1,id=%s", face, fault, id), streamed ? "\"stream\":true" : "");
	check_tried_again(id, code);
}

TEST(failures_that_may_pass_are_tried_again_and_counted)
{
	static const struct {
		const char *fault, *code;
	} rows[] = {
	    {"status=500", "provider_error"},
	    {"status=502", "provider_error"},
	    {"status=503", "unavailable"},
	    {"status=529", "unavailable"},
	    {"status=504", "timeout"},
	    {"status=408", "timeout"},
	    {"status=409", "unavailable"},
	    {"fault=malformed", "provider_error"},
	    {"fault=truncated", "provider_error"},
	    {"fault=empty", "provider_error"},
	    {"fault=wrong-type", "provider_error"},
	    {"fault=bad-utf8", "provider_error"},
	    {"fault=cut", "provider_error"},
	    {"status=502,fault=wrong-type", "provider_error"},
	    {"status=500,fault=malformed", "provider_error"},
	    {"status=503,fault=empty", "unavailable"},
	};
	start(NULL, NULL);
	for (size_t f = 0; f < countof(faces); f++)
		for (size_t i = 0; i < countof(rows); i++)
			check_passing(faces[f], rows[i].fault, rows[i].code, false);
}

TEST(streams_that_break_are_tried_again_and_never_taken_for_an_answer)
{
	static const struct {
		const char *fault, *code;
	} rows[] = {
	    {"fault=malformed", "provider_error"},  {"fault=cut", "provider_error"},
	    {"fault=no-end", "provider_error"},     {"fault=empty", "provider_error"},
	    {"fault=wrong-type", "provider_error"}, {"fault=bad-utf8", "provider_error"},
	    {"status=503", "unavailable"},          {"fault=truncated", "provider_error"},
	};
	start(NULL, NULL);
	for (size_t f = 0; f < countof(faces); f++) {
		for (size_t i = 0; i < countof(rows); i++)
			check_passing(faces[f], rows[i].fault, rows[i].code, true);
		const char *id = text_of("inside-%zu", f);
		submit_model(bus, id, text_of("%s:fault=stream-error,first=1", faces[f]), "\"stream\":true");
		CHECK_JSON(wait_final(id, "completed"), "/attempt", "2");
		CHECK_INT(test_count_events(events, "retrying", id), 1);
	}
}

/* On a kept connection that is what its end looks like: the client itself asks once more, on a new one. */
TEST(connection_that_closes_without_an_answer_is_tried_again)
{
	start(NULL, NULL);
	for (size_t f = 0; f < countof(faces); f++) {
		const char *id = text_of("c%zu", f);
		submit_model(bus, id, text_of("%s:fault=close,first=1", faces[f]), "");
		wait_final(id, "completed");
		CHECK_INT(fake_stat(fake, "/requests"), 2 * (f + 1));
	}
}

TEST(tries_end_after_max_retries_with_the_reason)
{
	start(NULL, NULL);
	submit_model(bus, "none", "gpt-fake:status=500,message=Boiler%20is%20cold", "\"max_retries\":0");
	const char *e = wait_final("none", "failed");
	CHECK_JSON(e, "/error/code", "provider_error");
	CHECK_HAS(test_json(e, "/error/message"), "Boiler is cold");
	CHECK_INT(test_count_events(events, "retrying", "none"), 0);
	submit_model(bus, "two", "gpt-fake:status=503", "\"max_retries\":2");
	e = wait_final("two", "failed");
	CHECK_JSON(e, "/attempt", "3");
	CHECK_HAS(test_json(e, "/error/message"), "gave up after 3 tries");
	CHECK_HAS(test_json(e, "/error/message"), "503");
	CHECK_INT(test_count_events(events, "retrying", "two"), 2);
	CHECK_INT(fake_stat(fake, "/requests"), 4);
}

/* ---- failures that stay */

TEST(refused_requests_fail_at_once)
{
	static const char *const statuses[] = {"400", "401", "403", "404", "422"};
	start(NULL, NULL);
	for (size_t f = 0; f < countof(faces); f++)
		for (size_t i = 0; i < countof(statuses); i++) {
			const char *id = text_of("r%zu-%zu", f, i);
			submit_model(bus, id, text_of("%s:status=%s,message=No%%20such%%20thing", faces[f], statuses[i]), "");
			const char *e = wait_final(id, "failed");
			CHECK_JSON(e, "/attempt", "1");
			CHECK_HAS(test_json(e, "/error/message"), statuses[i]);
			CHECK_HAS(test_json(e, "/error/message"), "No such thing");
		}
	CHECK_INT(test_count_events(events, "retrying", NULL), 0);
	CHECK_INT(fake_stat(fake, "/requests"), countof(faces) * countof(statuses));
}

TEST(empty_account_is_never_tried_again)
{
	static const char *const models[] = {
	    "gpt-fake:status=429,code=insufficient_quota",
	    "gpt-fake:status=429,code=credit_balance_exhausted",
	    "gpt-fake:status=429,code=organization_spend_limit_exceeded",
	    "claude-fake:status=429,type=enforced_spend_limit_reached",
	    "claude-fake:status=402",
	};
	start(NULL, NULL);
	for (size_t i = 0; i < countof(models); i++)
		submit_model(bus, text_of("m%zu", i), models[i], "");
	for (size_t i = 0; i < countof(models); i++)
		CHECK_JSON(wait_final(text_of("m%zu", i), "failed"), "/attempt", "1");
	CHECK_INT(test_count_events(events, "retrying", NULL), 0);
	CHECK_INT(fake_stat(fake, "/requests"), countof(models));
}

TEST(rate_limit_waits_as_told_and_uses_up_no_try)
{
	start(NULL, NULL);
	for (size_t f = 0; f < countof(faces); f++) {
		const char *id = text_of("w%zu", f);
		submit_model(bus, id, text_of("%s:status=429,retry-after-ms=300,first=2", faces[f]), "\"max_retries\":0");
	}
	for (size_t f = 0; f < countof(faces); f++) {
		const char *id = text_of("w%zu", f);
		CHECK_JSON(wait_final(id, "completed"), "/attempt", "1");
		const char *r = test_wait_event(events, "retrying", id).body;
		CHECK_JSON(r, "/attempt_used", "false");
		CHECK_JSON(r, "/error/code", "rate_limited");
		CHECK(atoll(test_json(r, "/delay_ms")) >= 300);
		CHECK(test_count_events(events, "retrying", id) >= 2);
	}
	CHECK_INT(fake_stat(fake, "/requests"), 3 * countof(faces));
}

TEST(every_way_to_say_when_to_come_back_is_understood)
{
	static const struct {
		const char *options;
		int64_t least_ms, most_ms; /* the wait is spread a little upwards; a date has whole seconds */
	} rows[] = {
	    {"retry-after=2", 2000, 10000},
	    {"retry-after-ms=1200", 1200, 10000},
	    {"retry-after-date=3", 1900, 10000},
	    {"message=Slow%20down", 1, 300000},
	};
	start(NULL, NULL);
	start_jobs(NULL);
	for (size_t f = 0; f < countof(faces); f++)
		for (size_t i = 0; i < countof(rows); i++)
			submit_model(bus, text_of("s%zu-%zu", f, i), text_of("%s:status=429,%s,first=1,id=s%zu", faces[f], rows[i].options, i),
			             "\"max_retries\":0");
	for (size_t f = 0; f < countof(faces); f++)
		for (size_t i = 0; i < countof(rows); i++) {
			const char *id = text_of("s%zu-%zu", f, i), *r = test_wait_event(events, "retrying", id).body;
			int64_t delay_ms = atoll(test_json(r, "/delay_ms"));
			CHECK_MSG(delay_ms >= rows[i].least_ms && delay_ms <= rows[i].most_ms, "%s: %lld ms", rows[i].options,
			          (long long)delay_ms);
			CHECK_JSON(r, "/attempt_used", "false");
			CHECK_JSON(wait_final(id, "completed"), "/attempt", "1");
		}
}

TEST(answers_that_end_early_for_a_reason_keep_that_reason)
{
	static const char *const reasons[] = {"refusal", "content_filter", "length"};
	start(NULL, NULL);
	for (size_t f = 0; f < countof(faces); f++)
		for (size_t i = 0; i < countof(reasons); i++) {
			if (!strcmp(faces[f], "llama-fake") && strcmp(reasons[i], "length"))
				continue; /* Ollama tells no other reason */
			const char *model = text_of("%s:finish=%s,text=%%7B%%22a%%22", faces[f], reasons[i]);
			const char *id = text_of("text-%zu-%zu", f, i), *json_id = text_of("json-%zu-%zu", f, i);
			submit_model(bus, id, model, i == 1 ? "\"stream\":true" : "");
			submit_model(bus, json_id, model, "\"format\":\"json\"");
			const char *e = wait_final(id, "completed");
			bool claude_filter = f == 1 && i == 1; /* Anthropic knows refusals only */
			CHECK_JSON(e, "/result/finish_reason", claude_filter ? "refusal" : reasons[i]);
			if (i == 2) { /* half an object cannot be parsed, and would be half again */
				const char *failed = wait_final(json_id, "failed");
				CHECK_JSON(failed, "/error/code", "unprocessable");
				CHECK_JSON(failed, "/attempt", "1");
			} else {
				CHECK_JSON(wait_final(json_id, "completed"), "/result/parsed_output", "null");
			}
		}
	CHECK_INT(test_count_events(events, "retrying", NULL), 0);
}

static int64_t peak_memory_kb(const struct test_process *p)
{
	char line[256];
	long long kb = 0;
	FILE *f = fopen(text_of("/proc/%d/status", p->pid), "re");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %lld", &kb) != 1)
		;
	fclose(f);
	CHECK(kb > 0);
	return kb;
}

TEST(answer_without_end_is_given_up_before_it_fills_the_memory)
{
	start(NULL, NULL);
	submit_model(bus, "warm", "gpt-fake", "");
	wait_final("warm", "completed");
	int64_t before_kb = peak_memory_kb(runner);
	for (size_t f = 0; f < countof(faces); f++) {
		submit_model(bus, text_of("whole-%zu", f), text_of("%s:fault=flood", faces[f]), "");
		submit_model(bus, text_of("stream-%zu", f), text_of("%s:fault=flood", faces[f]), "\"stream\":true");
	}
	for (size_t f = 0; f < countof(faces); f++)
		for (int streamed = 0; streamed < 2; streamed++) {
			const char *e = wait_final(text_of("%s-%zu", streamed ? "stream" : "whole", f), "failed");
			CHECK_JSON(e, "/attempt", "1");
		}
	/* Six answers of at most 8 MiB each, grown by doubling; a sanitizer keeps freed memory for a while. */
	CHECK_MSG(peak_memory_kb(runner) - before_kb < 400 * 1024, "grew by %lld kB",
	          (long long)(peak_memory_kb(runner) - before_kb));
	WAIT_FOR(fake_stat(fake, "/running") == 0, "the floods to be cut off");
	submit_model(bus, "after", "gpt-fake", "");
	wait_final("after", "completed");
}

/* ---- time */

TEST(slow_answers_are_cut_off_at_timeout_ms_and_tried_again)
{
	static const char *const slow[] = {"fault=hang", "fault=drip,gap=200ms", "latency=60s", "fault=stall"};
	static const char *const passing[] = {"fault=hang", "fault=drip", "fault=stall"};
	start(NULL, NULL);
	for (size_t i = 0; i < countof(slow); i++)
		submit_model(bus, text_of("never-%zu", i), text_of("claude-fake:%s", slow[i]),
		             i % 2 ? "\"timeout_ms\":500,\"max_retries\":0,\"stream\":true"
		                   : "\"timeout_ms\":500,\"max_retries\":0");
	for (size_t i = 0; i < countof(slow); i++) {
		const char *e = wait_final(text_of("never-%zu", i), "failed");
		CHECK_JSON(e, "/error/code", "timeout");
		int64_t took_ms = atoll(test_json(e, "/processing_time_ms"));
		CHECK_MSG(took_ms >= 450, "gave up after %lld ms", (long long)took_ms);
	}
	WAIT_FOR(fake_stat(fake, "/outcomes/gone") == countof(slow), "the calls to be hung up");
	for (size_t i = 0; i < countof(passing); i++)
		submit_model(bus, text_of("again-%zu", i), text_of("gpt-fake:%s,first=1", passing[i]), "\"timeout_ms\":1000");
	for (size_t i = 0; i < countof(passing); i++) {
		CHECK_JSON(wait_final(text_of("again-%zu", i), "completed"), "/attempt", "2");
		CHECK_JSON(test_wait_event(events, "retrying", text_of("again-%zu", i)).body, "/error/code", "timeout");
	}
}

TEST(time_outs_that_jobs_choose_do_not_open_the_circuit_for_others)
{
	start(NULL, NULL);
	for (int i = 0; i < 12; i++)
		submit_model(bus, text_of("short-%d", i), "gpt-fake:fault=hang", "\"timeout_ms\":50,\"max_retries\":0");
	for (int i = 0; i < 12; i++)
		wait_final(text_of("short-%d", i), "failed");
	submit_model(bus, "other", "gpt-fake", "");
	wait_final("other", "completed");
	CHECK_INT(test_count_events(events, "retrying", "other"), 0);
}

TEST(running_call_that_is_cancelled_is_hung_up_at_once)
{
	start(NULL, NULL);
	submit_model(bus, "whole", "gpt-fake:latency=60s", "");
	submit_model(bus, "stream", "claude-fake:gap=50ms,tokens=100000", "\"stream\":true");
	submit_model(bus, "other", "gpt-fake:latency=1s", "");
	WAIT_FOR(fake_stat(fake, "/running") == 3, "the calls to run");
	int64_t from_ms = clock_mono_ms(&clock_system);
	struct err err;
	for (int i = 0; i < 2; i++)
		CHECK_OK(bus_kv_put(bus, BUCKET_CANCELLED, text_of("acme.%s.1", i ? "whole" : "stream"),
		                    SPAN("{\"reason\":\"test\",\"at\":\"2026-01-02T03:04:05Z\"}"), NULL, &err),
		         err);
	wait_final("whole", "cancelled");
	wait_final("stream", "cancelled");
	int64_t took_ms = clock_mono_ms(&clock_system) - from_ms;
	CHECK_MSG(took_ms < 10000, "took %lld ms", (long long)took_ms);
	WAIT_FOR(fake_stat(fake, "/outcomes/gone") == 2, "the provider to see both hang up");
	wait_final("other", "completed");
	CHECK_INT(fake_stat(fake, "/outcomes/answered"), 1);
}

/* ---- breaker and fallbacks */

static double circuit_of(const char *provider)
{
	scoped_buf body = {0};
	if (test_http_get(runner->health_port, "/metrics", &body) != 200)
		return -1;
	const char *at = strstr(body.data, text_of("gannet_circuit_state{provider=\"%s\"} ", provider));
	return at ? atof(strchr(at, '}') + 1) : -1;
}

TEST(circuit_opens_after_failures_in_a_row_and_closes_when_the_provider_is_back)
{
	enum { N = 10 };
	start(NULL, NULL);
	start_jobs(NULL); /* waits for a closed circuit are long ones */
	for (int i = 0; i < N; i++)
		submit_model(bus, text_of("down-%d", i), "gpt-fake:status=500,first=10", "");
	WAIT_FOR(circuit_of("openai") == 1, "the circuit to open");
	submit_model(bus, "waits", "gpt-fake", "\"max_retries\":0");
	submit_model(bus, "other", "claude-fake", "");
	wait_final("other", "completed");
	const char *r = test_wait_event(events, "retrying", "waits").body;
	CHECK_JSON(r, "/error/code", "unavailable");
	CHECK_JSON(r, "/attempt_used", "false");
	CHECK_JSON(wait_final("waits", "completed"), "/attempt", "1");
	for (int i = 0; i < N; i++)
		CHECK_JSON(wait_final(text_of("down-%d", i), "completed"), "/attempt", "2");
	CHECK(circuit_of("openai") == 0);
	CHECK_INT(fake_stat(fake, "/errors"), N);
	CHECK_INT(fake_stat(fake, "/answered"), N + 2);
}

TEST(fallback_chain_is_asked_in_order_and_named_in_the_result)
{
	start(
	    "{\"rules\":[{\"model\":\"gpt-down\",\"answers\":[{\"status\":503}]},{\"model\":\"claude-down\",\"answers\":"
	    "[{\"fault\":\"close\"}]},{\"model\":\"gpt-long\",\"answers\":[{\"status\":400,\"code\":"
	    "\"context_length_exceeded\"}]},{\"model\":\"gpt-wrong\",\"answers\":[{\"status\":400}]}]}",
	    (const char *[]){"GANNET_FALLBACKS=gpt-down=claude-down,llama-up;gpt-long@context=llama-up;gpt-long=gpt-wrong;"
	                     "gpt-lost=gpt-down",
	                     NULL});
	submit_model(bus, "chain", "gpt-down", "");
	const char *e = wait_final("chain", "completed");
	CHECK_JSON(e, "/result/model", "llama-up");
	CHECK_JSON(e, "/result/provider", "ollama");
	CHECK_JSON(e, "/result/fallback_from", "[\"gpt-down\",\"claude-down\"]");
	CHECK_JSON(e, "/attempt", "1");
	submit_model(bus, "context", "gpt-long", "\"stream\":true");
	CHECK_JSON(wait_final("context", "completed"), "/result/fallback_from", "[\"gpt-long\"]");
	submit_model(bus, "exhausted", "gpt-lost:status=500", "\"max_retries\":0");
	wait_final("exhausted", "failed");
}

/* ---- the end of a runner */

TEST(runner_that_is_told_to_end_finishes_the_calls_it_has_time_for)
{
	start(NULL, (const char *[]){"GANNET_DRAIN_MS=20s", NULL});
	submit_model(bus, "running", "gpt-fake:latency=1500ms", "");
	WAIT_FOR(fake_stat(fake, "/running") == 1, "the call to run");
	test_kill(runner, SIGTERM);
	CHECK_INT(test_wait_exit(runner), 0);
	CHECK_JSON(wait_final("running", "completed"), "/attempt", "1");
	CHECK_INT(fake_stat(fake, "/requests"), 1);
}

TEST(runner_without_time_hands_its_calls_back_and_another_one_makes_them)
{
	start(NULL, (const char *[]){"GANNET_DRAIN_MS=200ms", NULL});
	submit_model(bus, "handed", "gpt-fake:fault=hang,first=1", "");
	WAIT_FOR(fake_stat(fake, "/running") == 1, "the call to run");
	test_kill(runner, SIGTERM);
	CHECK_INT(test_wait_exit(runner), 0);
	CHECK_JSON(test_wait_event(events, "retrying", "handed").body, "/attempt_used", "false");
	WAIT_FOR(fake_stat(fake, "/outcomes/gone") == 1, "the call to be hung up");
	start_runner(fake, NULL);
	CHECK_JSON(wait_final("handed", "completed"), "/attempt", "1");
	CHECK_INT(fake_stat(fake, "/requests"), 2);
}

TEST(long_waits_leave_the_queue_for_the_schedule_store_and_come_back)
{
	start(NULL, NULL);
	start_jobs(NULL);
	submit_model(bus, "long", "gpt-fake:status=429,retry-after-ms=2500,first=1", "\"max_retries\":0");
	submit_model(bus, "used", "claude-fake:status=503,retry-after-ms=1500,first=1", "");
	struct bus_stream_state jobs, delayed;
	struct err err;
	test_wait_event(events, "retrying", "long");
	WAIT_FOR(bus_stream_state(bus, STREAM_JOBS, &jobs, &err) == STATUS_OK && jobs.messages == 0, "JOBS to be empty");
	CHECK_JSON(wait_final("long", "completed"), "/attempt", "1");
	CHECK_JSON(wait_final("used", "completed"), "/attempt", "2");
	CHECK(atoll(test_json(test_wait_event(events, "retrying", "used").body, "/delay_ms")) >= 1500);
	WAIT_FOR(bus_stream_state(bus, STREAM_DELAYED, &delayed, &err) == STATUS_OK && delayed.messages == 0,
	         "DELAYED to be empty");
	wait_status("acme", "long", "completed");
	wait_status("acme", "used", "completed");
	CHECK(!strcmp(field_of(bus, "acme", "long", "/retry_count"), "0"));
	CHECK(!strcmp(field_of(bus, "acme", "used", "/retry_count"), "1"));
}
