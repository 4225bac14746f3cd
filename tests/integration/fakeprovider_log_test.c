/* The fake provider's own account: its log, its sums, its memory of keys. */
#include <signal.h>

#include "tests/integration/fakeprovider.h"

static void chat(const char *path, const char *model, const char *more, struct reply *r)
{
	ask(&(struct ask){.path = path, .body = chat_body(model, more), .timeout_ms = 20000}, r);
}

TEST(the_log_charges_what_the_answers_report)
{
	static const struct {
		const char *path, *model, *more;
	} rows[] = {
	    {CHAT, "gpt-a:in=1000,cached=300,out=50,reasoning=20", ""},
	    {CHAT, "gpt-a", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"},
	    {MESSAGES, "claude-a:in=500,cached=100,cache-write=50,out=9", ""},
	    {OLLAMA, "llama-a:tokens=40", ",\"stream\":false"},
	    {CHAT, "gpt-a:status=500", ""},
	    {CHAT, "gpt-a:fault=malformed,in=7,out=7", ""},
	};
	scoped_reply r = {0};
	fake_start(NULL);
	for (size_t i = 0; i < countof(rows); i++)
		chat(rows[i].path, rows[i].model, rows[i].more, &r);
	get("/log", &r);
	CHECK_INT(json_count(at(&r, "/entries")), 6);
	CHECK_INT(number_at(&r, "/next"), 6);
	CHECK_SPAN(text_at(&r, "/entries/0/model"), "gpt-a");
	CHECK_SPAN(text_at(&r, "/entries/0/suffix"), "in=1000,cached=300,out=50,reasoning=20");
	CHECK_INT(number_at(&r, "/entries/0/input_tokens"), 700);
	CHECK_INT(number_at(&r, "/entries/0/cached_tokens"), 300);
	CHECK_INT(number_at(&r, "/entries/0/output_tokens"), 50);
	CHECK_INT(number_at(&r, "/entries/0/reasoning_tokens"), 20);
	CHECK_INT(number_at(&r, "/entries/1/input_tokens"), 2);
	CHECK_INT(number_at(&r, "/entries/1/output_tokens"), 16);
	CHECK_INT(number_at(&r, "/entries/2/input_tokens"), 350);
	CHECK_INT(number_at(&r, "/entries/2/cache_write_tokens"), 50);
	CHECK_INT(number_at(&r, "/entries/3/output_tokens"), 40);
	CHECK_INT(number_at(&r, "/entries/4/http_status"), 500);
	CHECK_INT(number_at(&r, "/entries/4/input_tokens"), 0);
	CHECK_SPAN(text_at(&r, "/entries/5/fault"), "malformed");
	CHECK_INT(number_at(&r, "/entries/5/output_tokens"), 7);
	CHECK_INT(stat_of("/requests"), 6);
	CHECK_INT(stat_of("/answered"), 5);
	CHECK_INT(stat_of("/errors"), 1);
	CHECK_INT(stat_of("/models/gpt-a/requests"), 4);
	CHECK_INT(stat_of("/models/gpt-a/input_tokens"), 700 + 2 + 7);
	CHECK_INT(stat_of("/models/claude-a/cached_tokens"), 100);
	CHECK_INT(stat_of("/statuses/5xx"), 1);
}

TEST(the_log_can_be_read_in_parts_and_by_model_and_with_bodies)
{
	scoped_reply r = {0};
	fake_start((const char *const[]){"FAKE_LOG_ENTRIES=4", "FAKE_LOG_BODIES=2", NULL});
	for (int i = 0; i < 6; i++)
		chat(CHAT, i % 2 ? "gpt-odd" : "gpt-even", "", &r);
	get("/log?bodies=1", &r);
	CHECK_INT(number_at(&r, "/lost"), 2);
	CHECK_INT(json_count(at(&r, "/entries")), 4);
	CHECK_INT(number_at(&r, "/entries/0/sequence"), 3);
	CHECK(!strstr(strstr(r.body.data, "\"sequence\":4"), "\"body\"") ||
	      strstr(r.body.data, "\"body\"") > strstr(r.body.data, "\"sequence\":5"));
	CHECK_SPAN(text_at(&r, "/entries/3/body"), chat_body("gpt-odd", ""));
	get("/log?after=4&limit=1", &r);
	CHECK_INT(json_count(at(&r, "/entries")), 1);
	CHECK_INT(number_at(&r, "/entries/0/sequence"), 5);
	CHECK_INT(number_at(&r, "/next"), 5);
	CHECK(!strstr(r.body.data, "\"body\""));
	get("/log?model=gpt-even", &r);
	CHECK_INT(json_count(at(&r, "/entries")), 2);
	ask(&(struct ask){.path = "/reset", .body = ""}, &r);
	CHECK_INT(r.http_status, 200);
	CHECK_INT(stat_of("/requests"), 0);
	get("/log", &r);
	CHECK_INT(json_count(at(&r, "/entries")), 0);
	chat(CHAT, "gpt-new", "", &r);
	get("/log", &r);
	CHECK_INT(number_at(&r, "/entries/0/sequence"), 7);
}

TEST(a_client_that_gives_up_is_logged_as_gone_and_pays_for_what_it_got)
{
	scoped_reply r = {0};
	fake_start(NULL);
	ask_and_leave(&(struct ask){.path = CHAT, .body = chat_body("gpt-a:fault=hang", "")}, NULL, &r);
	WAIT_FOR(stat_of("/running") == 0, "the fake provider to notice");
	ask_and_leave(&(struct ask){.path = CHAT, .body = chat_body("gpt-a:latency=1m", "")}, NULL, &r);
	ask_and_leave(
	    &(struct ask){.path = CHAT,
	                  .body = chat_body("gpt-a:in=100,out=40,tokens=40,piece=10,at=1,fault=stall", ",\"stream\":true")},
	    "\"content\":", &r);
	CHECK_INT(r.transport, STATUS_CANCELLED);
	chat(CHAT, "gpt-a:in=100,out=40,tokens=40,piece=10,at=3,fault=cut", ",\"stream\":true", &r);
	WAIT_FOR(stat_of("/running") == 0, "the fake provider to notice");
	CHECK_INT(stat_of("/outcomes/gone"), 3);
	CHECK_INT(stat_of("/outcomes/cut"), 1);
	get("/log", &r);
	CHECK_SPAN(text_at(&r, "/entries/0/outcome"), "gone");
	CHECK_INT(number_at(&r, "/entries/0/input_tokens"), 0);
	CHECK_INT(number_at(&r, "/entries/1/input_tokens"), 0);
	CHECK_SPAN(text_at(&r, "/entries/2/outcome"), "gone");
	CHECK_INT(number_at(&r, "/entries/2/input_tokens"), 100);
	CHECK_INT(number_at(&r, "/entries/2/output_tokens"), 10);
	CHECK_SPAN(text_at(&r, "/entries/3/outcome"), "cut");
	CHECK_INT(number_at(&r, "/entries/3/output_tokens"), 30);
}

/* ---- which requests fail */

static void expect_statuses(const char *model, const char *key, const char *want)
{
	char got[64];
	size_t n = 0;
	scoped_reply r = {0};
	for (const char *p = want; *p; p++) {
		ask(&(struct ask){.path = CHAT, .body = chat_body(model, ""), .key = key}, &r);
		got[n++] = (char)('0' + r.http_status / 100);
	}
	got[n] = 0;
	CHECK_SPAN(span_from(got), want);
}

TEST(the_first_requests_of_a_key_fail_and_keys_do_not_disturb_each_other)
{
	scoped_reply r = {0};
	fake_start(NULL);
	expect_statuses("m:status=503,first=2,id=a", NULL, "5522");
	expect_statuses("m:status=503,first=2,id=b", NULL, "552");
	expect_statuses("m:status=503,first=2,id=b", "other", "552");
	expect_statuses("m:status=429,after=1,first=1", NULL, "2422");
	expect_statuses("m:status=500,after=2", NULL, "2255");
	get("/log?key=other", &r);
	CHECK_INT(json_count(at(&r, "/entries")), 3);
	CHECK_INT(number_at(&r, "/entries/2/nth"), 2);
	ask(&(struct ask){.path = "/reset", .body = ""}, &r);
	expect_statuses("m:status=503,first=2,id=a", NULL, "552");
}

TEST(chance_is_the_same_for_the_same_seed)
{
	char rounds[2][41] = {{0}};
	scoped_reply r = {0};
	fake_start(NULL);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 40; i++) {
			chat(CHAT, "m:status=500,chance=0.5", "", &r);
			rounds[round][i] = r.http_status == 500 ? 'x' : '.';
		}
		ask(&(struct ask){.path = "/reset", .body = ""}, &r);
	}
	CHECK_SPAN(span_from(rounds[1]), rounds[0]);
	int failed = 0;
	for (int i = 0; i < 40; i++)
		failed += rounds[0][i] == 'x';
	CHECK_MSG(failed > 8 && failed < 32, "%d of 40", failed);
}

/* ---- the script */

static void write_script(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const char *script_path(char variable[600])
{
	snprintf(variable, 600, "FAKE_SCRIPT=%s/script.json", test_dir());
	return variable + strlen("FAKE_SCRIPT=");
}

TEST(a_script_answers_by_rule_and_in_steps_and_is_read_again)
{
	char variable[600];
	const char *path = script_path(variable);
	scoped_reply r = {0};
	write_script(
	    path, "{\"rules\":[{\"face\":\"openai\",\"model\":\"gpt-*\",\"prompt\":\"*say*\",\"answers\":[{\"status\":429,"
	          "\"retry-after\":1},{\"text\":\"ready\\u0021\",\"out\":3},{\"json\":{\"a\":[1,2]}}]},"
	          "{\"key\":\"quiet*\",\"answers\":[{\"status\":401}]}]}");
	fake_start((const char *const[]){variable, NULL});
	chat(CHAT, "gpt-x", "", &r);
	CHECK_INT(r.http_status, 429);
	CHECK_SPAN(span_from(r.retry_after), "1");
	chat(CHAT, "gpt-x", "", &r);
	CHECK_SPAN(text_at(&r, "/choices/0/message/content"), "ready!");
	CHECK_INT(number_at(&r, "/usage/completion_tokens"), 3);
	for (int i = 0; i < 2; i++) {
		chat(CHAT, "gpt-x", "", &r);
		CHECK_SPAN(text_at(&r, "/choices/0/message/content"), "{\"a\":[1,2]}");
	}
	chat(CHAT, "gpt-x:status=418", "", &r);
	CHECK_INT(r.http_status, 418);
	chat(MESSAGES, "gpt-x", "", &r);
	CHECK_INT(r.http_status, 200);
	ask(&(struct ask){.path = MESSAGES, .body = chat_body("any", ""), .key = "quiet-1"}, &r);
	CHECK_INT(r.http_status, 401);

	write_script(path, "{\"rules\":[{\"answers\":[{\"text\":\"new\"}]}]}");
	test_kill(fake, SIGHUP);
	WAIT_FOR((chat(CHAT, "other", "", &r), strstr(r.body.data, "\"content\":\"new\"")), "the new script");
	write_script(path, "{\"rules\":[{\"answers\":[{\"fault\":\"typo\"}]}]}");
	test_kill(fake, SIGHUP);
	WAIT_FOR(strstr(log_of(fake), "script not changed"), "the refusal");
	CHECK_HAS(log_of(fake), "rule 1: fault:");
	chat(CHAT, "other", "", &r);
	CHECK_HAS(r.body.data, "\"content\":\"new\"");
	test_kill(fake, SIGTERM);
	CHECK_INT(test_wait_exit(fake), 0);
}

TEST(bad_scripts_and_settings_end_the_start_with_a_reason)
{
	static const struct {
		const char *script, *variable, *part;
	} rows[] = {
	    {"{\"rules\":[{\"answers\":[{}]},{\"answers\":[{\"latency\":\"soon\"}]}]}", NULL, "rule 2: latency"},
	    {"{\"rules\":[{\"answers\":[]}]}", NULL, "rule 1: \\\"answers\\\" must be"},
	    {"{\"rules\":[{\"moddel\":\"x\",\"answers\":[{}]}]}", NULL, "moddel"},
	    {"{\"rule\":[]}", NULL, "the script must be"},
	    {"not json", NULL, "cannot start"},
	    {NULL, "FAKE_SCRIPT=/nowhere/script.json", "cannot open /nowhere/script.json"},
	    {NULL, "PORT=70000", "PORT: \\\"70000\\\""},
	    {NULL, "FAKE_BIND=localhost", "localhost is not an IPv4 or IPv6 address"},
	    {NULL, "LOG_LEVEL=loud", "LOG_LEVEL: \\\"loud\\\""},
	};
	char variable[600];
	const char *path = script_path(variable);
	for (size_t i = 0; i < countof(rows); i++) {
		if (rows[i].script)
			write_script(path, rows[i].script);
		const char *const env[] = {rows[i].script ? variable : rows[i].variable, i < 6 ? "PORT=0" : NULL, NULL};
		struct test_process *p = test_spawn("gannet-fakeprovider", env, NULL);
		CHECK_INT(test_wait_exit(p), 1);
		CHECK_HAS(log_of(p), rows[i].part);
	}
}

TEST(any_free_port_is_taken_and_told_in_the_log)
{
	scoped_buf body = {0};
	struct test_process *p = test_spawn("gannet-fakeprovider", (const char *const[]){"PORT=0", NULL}, NULL);
	const char *at = NULL;
	int port;
	WAIT_FOR((at = strstr(log_of(p), "\"port\":")), "the port");
	CHECK_INT(sscanf(at, "\"port\":%d", &port), 1);
	CHECK_INT(test_http_get(port, "/health/ready", &body), 200);
}

TEST(help_lists_every_option_and_version_says_who_it_is)
{
	scoped_buf out = {0};
	CHECK_INT(test_run("gannet-fakeprovider", (const char *const[]){"--help", NULL}, NULL, &out), 0);
	CHECK_HAS(out.data, "FAKE_SCRIPT");
	CHECK_HAS(out.data, "retry-after-ms");
	CHECK_HAS(out.data, "stream-error");
	buf_reset(&out);
	CHECK_INT(test_run("gannet-fakeprovider", (const char *const[]){"--version", NULL}, NULL, &out), 0);
	CHECK_HAS(out.data, "gannet-fakeprovider 0.");
	CHECK_INT(test_run("gannet-fakeprovider", (const char *const[]){"--port", NULL}, NULL, NULL), 2);
}

static bool stop_at_data(void *arg, struct span bytes)
{
	struct reply *r = arg;
	loop_stop(r->loop);
	return reply_data(arg, bytes);
}

TEST(ending_cuts_what_still_runs_at_once)
{
	scoped_reply r = {0};
	struct http_client *client;
	struct http_call *call;
	struct err err;
	char url[96];
	fake_start(NULL);
	snprintf(url, sizeof url, "http://127.0.0.1:%d" CHAT, fake_port);
	CHECK_OK(loop_new(&r.loop, &err), err);
	CHECK_OK(http_client_new(r.loop, &(struct http_client_options){0}, &client, &err), err);
	struct http_request request = {.method = "POST",
	                               .url = url,
	                               .body = span_from(chat_body("m:fault=stall", ",\"stream\":true")),
	                               .data = stop_at_data,
	                               .done = reply_done,
	                               .arg = &r};
	CHECK_OK(http_call(client, &request, &call, &err), err);
	loop_run(r.loop);
	test_kill(fake, SIGTERM);
	loop_run(r.loop);
	CHECK_INT(r.transport, STATUS_PROVIDER);
	CHECK_INT(test_wait_exit(fake), 0);
	http_client_free(client);
	loop_free(r.loop);
}
