/* The reasoning service: one reasoning for each snapshot, whatever happens, and what can be asked about them. */
#include "reasoning/memory.h"
#include "reasoning_helpers.h"

TEST(a_snapshot_is_reasoned_about_and_the_answer_can_be_asked_for)
{
	start_reasoning(NULL);
	CHECK_HAS(ask_for("acme", "reasoning.last", "{}", STATUS_NOT_FOUND), "yet");
	struct snapshot s = next_snapshot();
	SET(s, clips_ready, 8);
	hand_in(&s, "acme");
	const char *r = wait_reasoning(&s, "acme");
	CHECK_JSON(r, "/summary/overall_health", "good");
	CHECK_JSON(r, "/engine", "rules");
	CHECK_JSON(r, "/score_explanation/0/rule", "clips_low");
	CHECK_JSON(r, "/snapshot/clips_ready", "8");
	CHECK_JSON(ask_for("acme", "reasoning.summary", "", STATUS_OK), "/overall_health", "good");
	CHECK_JSON(ask_for("acme", "reasoning.recommendations", "", STATUS_OK), "/recommendations/0/action_type", "process_pending_jobs");
	CHECK_JSON(ask_for("acme", "reasoning.action_plan", "", STATUS_OK), "/steps/0/action", "process_pending_jobs");
	CHECK(atoll(test_json(r, "/execution_time_us")) < 1000000);
	ask_for("other", "reasoning.last", "{}", STATUS_NOT_FOUND);
	ask_for("acme", "reasoning.last", "{\"x\":1}", STATUS_INVALID);
}

TEST(a_run_takes_a_fresh_snapshot_and_is_reasoned_about_once)
{
	start_reasoning(NULL);
	start_reasoning(NULL);
	CHECK_HAS(ask_for("acme", "reasoning.run", "{}", STATUS_UNAVAILABLE), "gannet-collector");
	play_collector();
	played.jobs_failed = (struct opt_i64){true, 60};
	for (int i = 1; i <= 5; i++) {
		const char *r = ask_for("acme", "reasoning.run", "{}", STATUS_OK);
		CHECK_JSON(r, "/summary/overall_health", "good");
		CHECK_JSON(last_of("acme"), "/reasoning_id", test_json(r, "/reasoning_id"));
	}
	CHECK_INT(atomic_load(&played_n), 5);
	struct bus_consumer_state c;
	struct err err;
	WAIT_FOR(bus_consumer_state(bus, STREAM_STATE, CONSUMER_STATE_REASONING, &c, &err) == STATUS_OK && !c.waiting && !c.ack_pending,
	         "all snapshots to be dealt with");
	CHECK_INT(stored(STREAM_STATE, "gannet.acme.reasoning.completed"), 5);
}

TEST(replicas_make_one_reasoning_of_each_snapshot)
{
	start_reasoning(NULL);
	start_reasoning(NULL);
	start_reasoning(NULL);
	struct snapshot s;
	for (int i = 0; i < 40; i++) {
		s = next_snapshot();
		SET(s, clips_ready, i);
		hand_in(&s, "acme");
	}
	wait_reasoning(&s, "acme");
	struct bus_consumer_state c;
	struct err err;
	WAIT_FOR(bus_consumer_state(bus, STREAM_STATE, CONSUMER_STATE_REASONING, &c, &err) == STATUS_OK && !c.waiting && !c.ack_pending,
	         "all snapshots to be dealt with");
	/* one that was overtaken by a later one is left out; none is there twice */
	int64_t n = stored(STREAM_STATE, "gannet.acme.reasoning.completed");
	CHECK_MSG(n >= 1 && n <= 40, "%lld", (long long)n);
	const char *page = ask_for("acme", "reasoning.history", "{\"limit\":100,\"full\":true}", STATUS_OK);
	CHECK_INT(atoll(test_json(page, "/next_cursor")), 0);
	int64_t before_ms = INT64_MAX;
	for (int64_t i = 0; i < n; i++) {
		int64_t at_ms = 0;
		const char *at = test_json(page, text_of("/reasonings/%lld/snapshot/timestamp", (long long)i));
		CHECK(rfc3339_parse(span_from(at), &at_ms) && at_ms < before_ms);
		before_ms = at_ms;
	}
	CHECK_JSON(last_of("acme"), "/snapshot/snapshot_id", arena_cstr(&kept, s.snapshot_id));
}

TEST(the_last_reasoning_and_the_health_it_stands_on_survive_a_restart)
{
	struct test_process *p = start_reasoning(NULL);
	struct snapshot s = next_snapshot();
	SET(s, clips_ready, 12); /* 92: excellent */
	SET(s, clips_pending_analysis, 30);
	s.publish_total_24h.set = false;
	hand_in(&s, "acme");
	const char *before = wait_reasoning(&s, "acme");
	CHECK_JSON(before, "/summary/overall_health", "excellent");
	test_kill(p, SIGKILL);
	test_wait_exit(p);
	start_reasoning(NULL);
	CHECK_JSON(last_of("acme"), "/reasoning_id", test_json(before, "/reasoning_id"));
	s = next_snapshot();
	SET(s, clips_ready, 9); /* 89 */
	s.publish_total_24h.set = false;
	hand_in(&s, "acme");
	const char *after = wait_reasoning(&s, "acme");
	CHECK_JSON(after, "/summary/health_score", "89");
	CHECK_JSON(after, "/summary/overall_health", "excellent");
	hand_in(&s, "fresh");
	CHECK_JSON(wait_reasoning(&s, "fresh"), "/summary/overall_health", "good");
}

TEST(a_service_that_is_killed_at_work_leaves_no_gap_and_no_double)
{
	struct test_process *p = start_reasoning((const char *[]){"GANNET_LEASE=1s", NULL});
	struct snapshot s;
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 5; i++) {
			s = next_snapshot();
			SET(s, alerts_critical, round % 2);
			hand_in(&s, "acme");
		}
		test_kill(p, SIGKILL);
		test_wait_exit(p);
		p = start_reasoning((const char *[]){"GANNET_LEASE=1s", NULL});
	}
	wait_reasoning(&s, "acme");
	const char *page = ask_for("acme", "reasoning.history", "{\"limit\":100,\"full\":true}", STATUS_OK);
	int64_t n = stored(STREAM_STATE, "gannet.acme.reasoning.completed");
	for (int64_t i = 0; i < n; i++)
		for (int64_t j = 0; j < i; j++)
			CHECK(strcmp(test_json(page, text_of("/reasonings/%lld/snapshot/snapshot_id", (long long)i)),
			             test_json(page, text_of("/reasonings/%lld/snapshot/snapshot_id", (long long)j))));
	/* the finding is open as the last snapshot says, and was never opened twice in a row */
	WAIT_FOR(stored(STREAM_FINDINGS, "gannet.acme.findings.reasoning.>") > 0, "findings");
}

/* The memory says that a finding was opened by a snapshot; whoever wrote that died before it said so. */
static void forget_that_it_was_told(const char *snapshot_id)
{
	scoped_buf memory = {0};
	struct err err;
	char key[MEMORY_KEY_BYTES];
	memory_key(SPAN("acme"), key);
	CHECK_OK(bus_kv_get(bus, BUCKET_LATEST, key, &memory, NULL, &err), err);
	CHECK_HAS(memory.data, "\"news\":[{");
	char *at = strstr(memory.data, snapshot_id);
	CHECK(at != NULL);
	at[0] = 'd'; /* of another snapshot, so that the broker does not know the message id */
	CHECK_OK(bus_kv_put(bus, BUCKET_LATEST, key, buf_span(&memory), NULL, &err), err);
}

TEST(findings_of_a_service_that_died_before_it_told_them_are_told_before_the_next)
{
	struct test_process *p = start_reasoning(NULL);
	struct snapshot s = next_snapshot();
	SET(s, alerts_critical, 1);
	hand_in(&s, "acme");
	wait_reasoning(&s, "acme");
	WAIT_FOR(stored(STREAM_FINDINGS, "gannet.acme.findings.reasoning.>") == 1, "the finding");
	test_kill(p, SIGKILL);
	test_wait_exit(p);
	forget_that_it_was_told(arena_cstr(&kept, s.snapshot_id));
	start_reasoning(NULL);
	for (int i = 0; i < 2; i++) {
		s = next_snapshot();
		SET(s, alerts_critical, 1);
		hand_in(&s, "acme");
		wait_reasoning(&s, "acme");
		CHECK_INT(stored(STREAM_FINDINGS, "gannet.acme.findings.reasoning.>"), 2);
	}
}

TEST(a_snapshot_that_cannot_be_read_is_given_up_and_blocks_nothing)
{
	start_reasoning(NULL);
	test_expect_invalid("gannet.acme.snapshot.taken");
	test_store(bus, "gannet.acme.snapshot.taken", SPAN("nonsense"), NULL);
	test_store(bus, "gannet.acme.snapshot.taken", SPAN("{\"snapshot_id\":\"x\"}"), NULL);
	struct snapshot s = next_snapshot();
	hand_in(&s, "acme");
	wait_reasoning(&s, "acme");
}

TEST(an_older_snapshot_does_not_replace_a_newer_one)
{
	start_reasoning(NULL);
	struct snapshot old = next_snapshot(), s = next_snapshot();
	hand_in(&s, "acme");
	const char *r = wait_reasoning(&s, "acme");
	hand_in(&old, "acme");
	hand_in(&old, "other");
	wait_reasoning(&old, "other");
	CHECK_JSON(last_of("acme"), "/reasoning_id", test_json(r, "/reasoning_id"));
	CHECK_INT(stored(STREAM_STATE, "gannet.acme.reasoning.completed"), 1);
}

TEST(history_goes_back_page_by_page_and_never_to_another_tenant)
{
	start_reasoning(NULL);
	struct snapshot s;
	for (int i = 0; i < 7; i++) {
		s = next_snapshot();
		hand_in(&s, "acme");
		wait_reasoning(&s, "acme");
	}
	hand_in(&s, "other");
	wait_reasoning(&s, "other");
	const char *cursor = "", *body = "{\"limit\":3}";
	size_t sizes[4] = {0}, pages = 0;
	do {
		const char *page = ask_for("acme", "reasoning.history", body, STATUS_OK);
		while (test_json(page, text_of("/reasonings/%zu/reasoning_id", sizes[pages]))[0])
			sizes[pages]++;
		CHECK_JSON(page, "/reasonings/0/snapshot", "");
		CHECK(test_json(page, "/reasonings/0/summary/overall_health")[0]);
		cursor = test_json(page, "/next_cursor");
		body = text_of("{\"limit\":3,\"cursor\":\"%s\"}", cursor);
		pages++;
	} while (cursor[0] && pages < 4);
	CHECK_INT(pages, 3);
	CHECK_INT(sizes[0], 3);
	CHECK_INT(sizes[2], 1);
	struct bus_stream_state state;
	struct err err;
	CHECK_OK(bus_stream_state(bus, STREAM_STATE, &state, &err), err);
	ask_for("acme", "reasoning.history", text_of("{\"cursor\":\"%llu\"}", (unsigned long long)state.last_sequence), STATUS_INVALID);
	ask_for("acme", "reasoning.history", "{\"cursor\":\"x\"}", STATUS_INVALID);
	CHECK_JSON(ask_for("nobody", "reasoning.history", "{}", STATUS_OK), "/reasonings", "[]");
}

static const char *last_finding(const char *severity)
{
	struct bus_stored_message m;
	struct err err;
	if (bus_get_last(bus, STREAM_FINDINGS, text_of("gannet.acme.findings.reasoning.%s", severity), &m, &err) != STATUS_OK)
		return "{}";
	const char *text = arena_cstr(&kept, m.data);
	bus_stored_message_free(&m);
	return text;
}

TEST(serious_concerns_are_findings_that_open_and_are_resolved_once)
{
	start_reasoning(NULL);
	struct snapshot s;
	char fingerprint[FINDING_FINGERPRINT_BYTES];
	finding_fingerprint((const struct span[]){SPAN("reasoning"), SPAN("acme"), SPAN("alerts_critical")}, 3, fingerprint);
	for (int i = 0; i < 4; i++) {
		s = next_snapshot();
		SET(s, alerts_critical, 1);
		hand_in(&s, "acme");
		wait_reasoning(&s, "acme");
	}
	const char *f = last_finding("critical");
	CHECK_JSON(f, "/fingerprint", fingerprint);
	CHECK_JSON(f, "/status", "open");
	CHECK_HAS(test_json(f, "/title"), "1 critical alert is open");
	CHECK_INT(stored(STREAM_FINDINGS, "gannet.acme.findings.reasoning.>"), 1);
	for (int i = 0; i < 3; i++) {
		s = next_snapshot();
		hand_in(&s, "acme");
		wait_reasoning(&s, "acme");
	}
	WAIT_FOR(is(last_finding("critical"), "/status", "resolved"), "the finding to be resolved");
	CHECK_INT(stored(STREAM_FINDINGS, "gannet.acme.findings.reasoning.>"), 2);
}

TEST(bad_configuration_is_refused_with_a_reason)
{
	test_nats_url();
	const char *const bad[][2] = {{"GANNET_REASONING_RULES=clips=1/2/3", "no rule"}, {"GANNET_REASONING_PRIORITY=urgent", "not high"}};
	for (size_t i = 0; i < countof(bad); i++) {
		struct test_process *p = test_spawn("gannet-reasoning", (const char *[]){bad[i][0], NULL}, NULL);
		CHECK(test_wait_exit(p) != 0);
		CHECK_HAS(log_of(p), bad[i][1]);
	}
}
