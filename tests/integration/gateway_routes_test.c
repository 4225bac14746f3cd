/* Every route of the gateway: what it asks, what it answers, and what it refuses. */
#include "tests/integration/gateway_helpers.h"

static const char *admin, *manager, *user;

static void begin(void)
{
	gw_start(NULL);
	admin = gw_token("admin", "root", "acme");
	manager = gw_token("manager", "mia", "acme");
	user = gw_token("user", "user-17", "acme");
}

/* ---- /ai/global */

TEST(parts_of_the_last_reasoning_are_answered_as_their_service_says)
{
	begin();
	static const struct {
		const char *target, *verb, *title;
	} rows[] = {
	    {"/ai/global/last_run", "reasoning.last", "reasoning"},
	    {"/ai/global/snapshot", "snapshot.get", "snapshot"},
	    {"/ai/global/summary", "reasoning.summary", "reasoning.summary"},
	    {"/ai/global/action-plan", "reasoning.action_plan", "reasoning.action_plan"},
	    {"/ai/global/history?limit=5&full=false", "reasoning.history", "reasoning.history.reply"},
	    {"/ai/global/actions?limit=5", "actions.list", "actions.list.reply"},
	    {"/ai/global/actions/5b8e6c1df0a94c27-1", "actions.get", "action"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		const char *wanted = gw_example(rows[i].title);
		gw_play(rows[i].verb, wanted);
		struct gw_answer a = GET(rows[i].target, manager);
		CHECK_MSG(a.status == 200, "%s: %d %s", rows[i].target, a.status, a.body);
		CHECK_SPAN(span_from(a.body), wanted);
		CHECK_HAS(gw_asked(rows[i].verb).subject, "gannet.acme.");
		gw_play_error(rows[i].verb, "404 no reasoning yet: the first cycle has not run");
		gw_check_error(GET(rows[i].target, admin), 404, "played", "the first cycle has not run");
		gw_check_error(GET(rows[i].target, user), 403, "role", "admin, manager");
		gw_check_error(GET(rows[i].target, NULL), 401, "Authorization", "a token is needed");
	}
	CHECK_SPAN(span_from(gw_asked("reasoning.history").body), "{\"limit\":5,\"full\":false}");
	CHECK_SPAN(span_from(gw_asked("actions.get").body), "{\"action_id\":\"5b8e6c1df0a94c27-1\"}");
}

TEST(recommendations_are_a_list_and_a_run_is_summed_up)
{
	begin();
	gw_play("reasoning.recommendations", gw_example("reasoning.recommendations.reply"));
	struct gw_answer a = GET("/ai/global/recommendations", admin);
	CHECK_INT(a.status, 200);
	CHECK_SPAN(span_from(test_json(a.body, "/0/title")), "Process more clips");
	gw_play("reasoning.run", gw_example("reasoning"));
	a = gw_ask("POST", "/ai/global/run", admin, NULL, NULL);
	CHECK_MSG(a.status == 200, "%s", a.body);
	CHECK_SPAN(span_from(test_json(a.body, "/success")), "true");
	CHECK_SPAN(span_from(test_json(a.body, "/reasoning_id")), test_json(gw_example("reasoning"), "/reasoning_id"));
	CHECK_SPAN(span_from(test_json(a.body, "/execution_time_ms")), test_json(gw_example("reasoning"), "/execution_time_ms"));
	CHECK_HAS(test_json(a.body, "/message"), "AI reasoning completed successfully. Health: good");
	CHECK_INT(POST("/ai/global/run", admin, "{}").status, 200);
	gw_check_error(POST("/ai/global/run", admin, "{\"x\":1}"), 400, "x", "not known here; known: none");
	test_expect_invalid("gannet.acme.reasoning.run");
	gw_play("reasoning.run", "{\"reasoning_id\":7}");
	gw_check_error(POST("/ai/global/run", admin, "{}"), 502, "", "no reasoning");
}

TEST(an_approval_notes_who_approved)
{
	begin();
	gw_play("actions.approve", gw_example("action"));
	struct gw_answer a = POST("/ai/global/actions", manager, "{\"plan_id\":\"p1\",\"step\":1}");
	CHECK_MSG(a.status == 202, "%s", a.body);
	CHECK_SPAN(span_from(gw_asked("actions.approve").body), "{\"by\":\"mia\",\"plan_id\":\"p1\",\"step\":1}");
	gw_check_error(POST("/ai/global/actions", manager, "{\"plan_id\":\"p1\",\"step\":1,\"by\":\"eve\"}"), 400, "by", "not known here");
}

TEST(the_last_run_is_answered_from_the_bucket_and_follows_it)
{
	begin();
	const char *wanted = gw_example("reasoning");
	gw_play_error("reasoning.last", "404 no reasoning yet");
	gw_check_error(GET("/ai/global/last_run", admin), 404, "played", "no reasoning yet");
	gw_put_latest("acme.reasoning", wanted);
	WAIT_FOR(GET("/ai/global/last_run", admin).status == 200, "the copy");
	int asked = gw_asked("reasoning.last").asked;
	struct gw_answer a = GET("/ai/global/last_run", admin);
	CHECK_SPAN(span_from(a.body), wanted);
	CHECK_HAS(a.head, "Cache-Control: private, no-cache\r\n");
	CHECK_INT(gw_asked("reasoning.last").asked, asked);
	/* The tag is good as long as nothing newer is there. */
	char tag[64], line[96];
	CHECK(sscanf(strstr(a.head, "ETag: "), "ETag: %60s", tag) == 1);
	snprintf(line, sizeof line, "If-None-Match: \"x\", W/%s\r\n", tag);
	a = gw_ask("GET", "/ai/global/last_run", admin, line, NULL);
	CHECK_INT(a.status, 304);
	CHECK_SPAN(span_from(a.body), "");
	gw_put_latest("acme.reasoning", gw_example("reasoning"));
	WAIT_FOR(gw_ask("GET", "/ai/global/last_run", admin, line, NULL).status == 200, "the newer one");
	/* Another tenant's is not this one's. */
	CHECK_INT(GET("/ai/global/last_run", gw_token("admin", "root", "other")).status, 404);
	struct err err;
	CHECK_OK(bus_kv_delete(test_bus(), BUCKET_LATEST, "acme.reasoning", &err), err);
	WAIT_FOR(GET("/ai/global/last_run", admin).status == 404, "its end");
}

/* ---- /api/v1/ai-jobs and /api/v1/llm_jobs */

#define RECORD(user)                                                                                                   \
	"{\"job_id\":\"j1\",\"output_id\":\"out-j1\",\"tenant\":\"acme\",\"kind\":\"llm\",\"priority\":\"default\","     \
	"\"status\":\"failed\",\"feedback\":\"none\",\"retry_count\":0,\"run\":1," user                                    \
	"\"created_at\":\"2026-01-02T03:04:05Z\",\"updated_at\":\"2026-01-02T03:04:05Z\"}"

TEST(lists_are_asked_for_by_the_query)
{
	begin();
	gw_play("jobs.list", "{\"jobs\":[],\"next_cursor\":\"1.a\"}");
	struct gw_answer a = GET("/api/v1/ai-jobs/?status=failed&limit=20&model=gpt-4o&created_after=2026-01-02T03:04:05%2B01:00&user_id=eve", admin);
	CHECK_MSG(a.status == 200, "%s", a.body);
	CHECK_SPAN(span_from(test_json(a.body, "/next_cursor")), "1.a");
	CHECK_SPAN(span_from(gw_asked("jobs.list").body),
	           "{\"status\":\"failed\",\"limit\":20,\"model\":\"gpt-4o\",\"created_after\":\"2026-01-02T03:04:05+01:00\",\"user_id\":\"eve\"}");
	CHECK_INT(GET("/api/v1/ai-jobs", admin).status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.list").body), "{}");
	gw_check_error(GET("/api/v1/ai-jobs/?limit=x", admin), 400, "limit", "no whole number");
	gw_check_error(GET("/api/v1/ai-jobs/?colour=red", admin), 400, "colour", "known: status, model, user_id");
	gw_check_error(GET("/api/v1/ai-jobs/?limit=1&limit=2", admin), 400, "limit", "more than once");
	gw_check_error(gw_ask("GET", "/api/v1/ai-jobs/", admin, NULL, "{}"), 400, "body", "takes no body");
}

TEST(role_user_sees_and_touches_its_own_only)
{
	begin();
	gw_play("jobs.list", "{\"jobs\":[]}");
	gw_play("jobs.bulk_retry", "{\"retried\":0,\"job_ids\":[]}");
	CHECK_INT(GET("/api/v1/ai-jobs/", user).status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.list").body), "{\"user_id\":\"user-17\"}");
	CHECK_INT(GET("/api/v1/ai-jobs/?user_id=user-17", user).status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.list").body), "{\"user_id\":\"user-17\"}");
	gw_check_error(GET("/api/v1/ai-jobs/?user_id=eve", user), 403, "user_id", "one's own");
	CHECK_INT(POST("/api/v1/ai-jobs/bulk_retry/", user, "{\"status\":\"failed\"}").status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.bulk_retry").body), "{\"status\":\"failed\",\"user_id\":\"user-17\"}");
	gw_check_error(POST("/api/v1/ai-jobs/bulk_retry/", user, "{\"user_id\":\"eve\"}"), 403, "user_id", "own name");
	gw_play("jobs.queue_pending", gw_example("jobs.queue_pending.reply"));
	CHECK_INT(POST("/api/v1/ai-jobs/queue_pending/", user, "").status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.queue_pending").body), "{\"user_id\":\"user-17\"}");
	gw_check_error(POST("/api/v1/ai-jobs/queue_pending/", user, "{\"user_id\":\"eve\"}"), 403, "user_id", "own name");
	static const char *const others[] = {RECORD("\"user_id\":\"eve\","), RECORD("")};
	static const char *const acts[] = {"/api/v1/ai-jobs/j1/retry/", "/api/v1/ai-jobs/j1/cancel/", "/api/v1/llm_jobs/j1/rerun",
	                                   "/api/v1/llm_jobs/j1/regenerate"};
	gw_play("jobs.retry", gw_example("jobs.retry.reply"));
	for (size_t i = 0; i < countof(others); i++) {
		gw_play("jobs.get", others[i]);
		gw_check_error(GET("/api/v1/ai-jobs/j1/", user), 404, "job_id", "no job");
		gw_check_error(GET("/api/v1/llm_jobs/j1", user), 404, "job_id", "no job");
		for (size_t k = 0; k < countof(acts); k++)
			gw_check_error(POST(acts[k], user, "{}"), 404, "job_id", "no job");
		CHECK_INT(GET("/api/v1/ai-jobs/j1/", manager).status, 200);
	}
	CHECK_INT(gw_asked("jobs.retry").asked, 0);
	gw_play("jobs.get", RECORD("\"user_id\":\"user-17\","));
	CHECK_INT(GET("/api/v1/ai-jobs/j1/", user).status, 200);
	struct gw_answer a = gw_ask("POST", "/api/v1/ai-jobs/j1/retry/", user, NULL, NULL);
	CHECK_MSG(a.status == 200, "%s", a.body);
	CHECK_SPAN(span_from(gw_asked("jobs.retry").body), "{\"job_id\":\"j1\"}");
	gw_check_error(GET("/api/v1/ai-jobs/worker_health/", user), 403, "role", "admin, manager");
	gw_check_error(GET("/api/v1/ai-jobs/diagnostics/", user), 403, "role", "admin, manager");
}

TEST(jobs_are_cancelled_rated_and_repeated)
{
	begin();
	gw_play("jobs.cancel", gw_example("jobs.cancel.reply"));
	gw_play("jobs.feedback", gw_example("jobs.feedback.reply"));
	gw_play("jobs.rerun", gw_example("jobs.rerun.reply"));
	gw_play("jobs.regenerate", gw_example("jobs.regenerate.reply"));
	CHECK_INT(POST("/api/v1/ai-jobs/j1/cancel/", admin, "{\"reason\":\"no need\"}").status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.cancel").body), "{\"job_id\":\"j1\",\"reason\":\"no need\"}");
	gw_check_error(POST("/api/v1/ai-jobs/j1/cancel/", admin, "{\"job_id\":\"j2\"}"), 400, "job_id", "not known here");
	CHECK_INT(POST("/api/v1/llm_jobs/j1/feedback", admin, "{\"feedback\":\"thumbs_up\"}").status, 200);
	CHECK_SPAN(span_from(gw_asked("jobs.feedback").body), "{\"job_id\":\"j1\",\"user_id\":\"root\",\"feedback\":\"thumbs_up\"}");
	gw_check_error(POST("/api/v1/llm_jobs/j1/feedback", admin, "{}"), 400, "feedback", "missing");
	CHECK_INT(POST("/api/v1/llm_jobs/j1/rerun", admin, "{}").status, 202);
	CHECK_INT(POST("/api/v1/llm_jobs/j1/regenerate", admin, "{\"context\":{\"n\":1}}").status, 202);
	CHECK_SPAN(span_from(gw_asked("jobs.regenerate").body), "{\"job_id\":\"j1\",\"context\":{\"n\":1}}");
	gw_play_error("jobs.cancel", "409 it has ended already");
	gw_check_error(POST("/api/v1/ai-jobs/j1/cancel/", admin, "{}"), 409, "played", "ended already");
}

TEST(workers_and_diagnostics_come_from_the_statistics)
{
	begin();
	gw_play("jobs.stats", gw_example("jobs.stats.reply"));
	struct gw_answer a = GET("/api/v1/ai-jobs/worker_health/", admin);
	CHECK_MSG(a.status == 200, "%s", a.body);
	CHECK_SPAN(span_from(test_json(a.body, "/healthy")), "false");
	CHECK_SPAN(span_from(test_json(a.body, "/queues/0/waiting")), "3");
	a = GET("/api/v1/ai-jobs/diagnostics", admin);
	CHECK_SPAN(span_from(test_json(a.body, "/completed")), "118");
}

TEST(a_submission_is_queued_in_the_callers_name)
{
	begin();
	gw_play("jobs.create", gw_example("jobs.create.reply"));
	const char *body = "{\"template\":\"Hi {{n}}\",\"model\":\"simulated\",\"context\":{\"n\":\"A\"},\"priority\":\"high\"}";
	struct gw_answer a = POST("/api/v1/llm_jobs", user, body);
	CHECK_MSG(a.status == 202, "%s", a.body);
	CHECK_SPAN(span_from(test_json(a.body, "/status")), "queued");
	CHECK(test_json(a.body, "/job_id")[0] && test_json(a.body, "/output_id")[0] && test_json(a.body, "/estimated_completion")[0]);
	CHECK_SPAN(span_from(gw_asked("jobs.create").body),
	           "{\"kind\":\"llm\",\"template\":\"Hi {{n}}\",\"model\":\"simulated\",\"context\":{\"n\":\"A\"},"
	           "\"priority\":\"high\",\"user_id\":\"user-17\"}");
	gw_check_error(POST("/api/v1/llm_jobs", user, "{\"template\":\"a\",\"model\":\"m\",\"user_id\":\"eve\"}"), 403, "user_id", "own name");
	CHECK_INT(POST("/api/v1/llm_jobs/", admin, "{\"template\":\"a\",\"model\":\"m\",\"user_id\":\"eve\"}").status, 202);
	CHECK_HAS(gw_asked("jobs.create").body, "\"user_id\":\"eve\"}");
	gw_check_error(POST("/api/v1/llm_jobs", user, "{\"template\":\"a\"}"), 400, "model", "missing");
	gw_check_error(POST("/api/v1/llm_jobs", user, "{\"template\":null,\"model\":\"m\"}"), 400, "template", "missing");
	gw_check_error(POST("/api/v1/llm_jobs", user, "{\"template\":\"a\",\"model\":\"m\",\"kind\":\"text\"}"), 400, "kind", "not known here");
	gw_check_error(POST("/api/v1/llm_jobs", user, "[]"), 400, "body", "no object");
	gw_check_error(POST("/api/v1/llm_jobs", user, "{\"template\":\"a\",\"template\":\"b\",\"model\":\"m\"}"), 400, "body", "twice");
	gw_check_error(POST("/api/v1/llm_jobs", user, "{\"template\":"), 400, "body", "");
	gw_check_error(gw_ask("POST", "/api/v1/llm_jobs", user, NULL, NULL), 400, "body", "needed");
	scoped_buf plain = {0};
	buf_printf(&plain, "POST /api/v1/llm_jobs HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer %s\r\n"
	                   "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", user);
	gw_check_error(gw_raw(plain.data), 400, "Content-Type", "application/json");
	gw_play_error("jobs.create", "400 temperature: 9 not in [0, 2]");
	gw_check_error(POST("/api/v1/llm_jobs", user, body), 400, "played", "temperature: 9");
}

/* ---- services that are not there */

TEST(a_service_that_is_away_or_silent_is_told_apart)
{
	begin();
	struct gw_answer a = GET("/ai/global/summary", admin);
	gw_check_error(a, 503, "", "not running");
	CHECK_HAS(a.head, "Retry-After: 1\r\n");
	gw_play("reasoning.summary", NULL);
	gw_check_error(GET("/ai/global/summary", admin), 504, "", "no answer in time");
	gw_play("reasoning.summary", "nonsense");
	test_expect_invalid("gannet.acme.reasoning.summary");
	gw_check_error(GET("/ai/global/summary", admin), 502, "", "no JSON");
}

TEST(while_the_broker_is_away_answers_are_503_and_then_right_again)
{
	begin();
	gw_play("reasoning.summary", gw_example("reasoning.summary"));
	gw_put_latest("acme.reasoning", gw_example("reasoning"));
	WAIT_FOR(GET("/ai/global/last_run", admin).status == 200, "the copy");
	CHECK_INT(GET("/ai/global/summary", admin).status, 200);
	gw_play("jobs.stats", NULL); /* asked when the broker goes away */
	int fd = gw_dial();
	scoped_buf text = {0};
	buf_printf(&text, "GET /api/v1/ai-jobs/diagnostics/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", admin);
	gw_say(fd, text.data);
	WAIT_FOR(gw_asked("jobs.stats").asked > 0, "the question");
	test_nats_kill(SIGKILL);
	gw_check_error(gw_parse(gw_hear(fd, NULL)), 503, "", "connection to the broker was lost");
	close(fd);
	WAIT_FOR(GET("/ai/global/summary", admin).status == 503, "no broker");
	struct gw_answer a = GET("/ai/global/last_run", admin);
	gw_check_error(a, 503, "", "not connected to the broker");
	gw_check_error(GET("/events?subjects=jobs.event.%3E", admin), 503, "", "not connected to the broker");
	test_nats_start();
	WAIT_FOR(GET("/ai/global/summary", admin).status == 200, "the broker again");
	WAIT_FOR(GET("/ai/global/last_run", admin).status == 200, "the copy again");
	gw_put_latest("acme.reasoning", gw_example("reasoning"));
}

/* ---- the document */

TEST(the_openapi_document_is_what_the_routes_say)
{
	scoped_buf made = {0}, committed = {0};
	CHECK_INT(test_run("gannet-gateway", (const char *const[]){"--openapi", "proto", NULL}, NULL, &made), 0);
	FILE *f = fopen("proto/openapi.yaml", "re");
	CHECK(f != NULL);
	char *at;
	size_t n;
	while ((at = buf_reserve(&committed, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
		buf_commit(&committed, n);
	fclose(f);
	CHECK_MSG(span_eq(buf_span(&made), buf_span(&committed)), "proto/openapi.yaml is not what the routes say; scripts/openapi writes it");
	/* Every file it refers to is there, with the part it refers to. */
	for (const char *p = made.data; (p = strstr(p, "$ref: './"));) {
		char name[128], path[160], pointer[128] = "";
		p += strlen("$ref: './");
		CHECK(sscanf(p, "%127[^#']#%127[^']", name, pointer) >= 1);
		snprintf(path, sizeof path, "proto/%s", name);
		scoped_buf schema = {0};
		struct json doc, part;
		struct err err;
		f = fopen(path, "re");
		CHECK_MSG(f != NULL, "there is no %s", path);
		while ((at = buf_reserve(&schema, 65536)) && (n = fread(at, 1, 65536, f)) > 0)
			buf_commit(&schema, n);
		fclose(f);
		CHECK_OK(json_parse(buf_span(&schema), &doc, &err), err);
		CHECK_MSG(json_pointer(doc, pointer, &part), "%s#%s leads nowhere", name, pointer);
	}
}
