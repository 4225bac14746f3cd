/* What the tests of analytics share: the service, final events of all kinds, and what they come to. */
#ifndef GANNET_TESTS_ANALYTICS_HELPERS_H
#define GANNET_TESTS_ANALYTICS_HELPERS_H

#include "tests/integration/jobs_helpers.h"

/* The service, with its schema there. */
static bool answers_from_the_ledger(void)
{
	enum status status;
	struct err err;
	test_request(test_bus(), "gannet.nobody.analytics.settings", "{}", &status, &err);
	return status == STATUS_OK;
}

UNUSED static struct test_process *start_analytics(const char *const *env)
{
	test_postgres_url();
	test_nats_url();
	struct test_process *p = test_spawn("gannet-analytics", env, NULL);
	test_ready(p);
	WAIT_FOR(strcmp(test_sql("SELECT to_regclass('ai_usage_watched') IS NOT NULL"), "t") == 0, "the schema");
	WAIT_FOR(answers_from_the_ledger(), "the service to know of the schema");
	return p;
}

/* A reproducible number below n. */
UNUSED static uint64_t random_below(uint64_t n)
{
	static uint64_t state = 88172645463325252ull;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* What the published events come to. */
struct spent {
	int64_t events, completed, cost_nanousd, tokens;
};

/* A final event of some user, model and kind, somewhere in the last days; its costs are added to `spent`. */
UNUSED static void publish_random_event(struct bus *b, int64_t i, const char *tenant, int64_t now_ms, struct spent *spent)
{
	static const char *const models[] = {"gpt-4o", "gpt-4o-mini", "claude-sonnet-5"};
	static const char *const sellers[] = {"openai", "openai", "anthropic"};
	static const enum job_state states[] = {JOB_EVENT_COMPLETED, JOB_EVENT_COMPLETED, JOB_EVENT_COMPLETED,
	                                        JOB_EVENT_FAILED, JOB_EVENT_CANCELLED};
	size_t m = random_below(3);
	char id[64], user[16], field[16], subject[160], msg_id[FINAL_NAME_BYTES], output_id[OUTPUT_ID_BYTES];
	snprintf(id, sizeof id, "%s-%lld", tenant, (long long)i);
	snprintf(user, sizeof user, "user-%d", (int)random_below(7));
	snprintf(field, sizeof field, "field-%d", (int)random_below(3));
	struct usage usage = {.input_tokens = (int64_t)random_below(5000),
	                      .cache_read_tokens = (int64_t)random_below(2) * 100,
	                      .output_tokens = (int64_t)random_below(900)};
	usage.total_tokens = usage.input_tokens + usage.cache_read_tokens + usage.output_tokens;
	struct llm_result result = {.model = span_from(models[m]),
	                            .provider = span_from(sellers[m]),
	                            .raw_response = SPAN("x"),
	                            .usage = &usage,
	                            .price_id = SPAN("a@2026-01-01"),
	                            .response_length = 1};
	if (random_below(10))
		result.cost_nanousd = (struct opt_i64){true, (int64_t)random_below(100000000)};
	if (random_below(2))
		result.time_to_first_token_ms = (struct opt_i64){true, (int64_t)random_below(400)};
	if (!random_below(8)) {
		result.cached = (struct opt_bool){true, true};
		result.cost_nanousd = (struct opt_i64){true, 0};
	}
	struct job_event e = event_of(tenant, "x", states[random_below(5)]);
	output_id_from_job(span_from(id), output_id);
	e.job_id = span_from(id);
	e.output_id = span_from(output_id);
	e.user_id = span_from(user);
	e.model = span_from(models[m]);
	e.field_name = span_from(field);
	e.pipeline = SPAN("contacts");
	e.job_type = random_below(2) ? SPAN("classification") : (struct span){0};
	e.attempt = 1 + (int64_t)random_below(3);
	e.timestamp.ms = now_ms - (int64_t)random_below(3000000);
	e.processing_time_ms = (struct opt_i64){true, (int64_t)random_below(3000)};
	e.queue_time_ms = (struct opt_i64){true, (int64_t)random_below(50)};
	if (e.state == JOB_EVENT_COMPLETED)
		e.result = &result;
	scoped_buf body = {0};
	struct err err = {0};
	json_encode(&job_event_table, &e, &(struct json_writer){.out = &body});
	snprintf(subject, sizeof subject, "gannet.%s.jobs.event.%s.%s", tenant, job_state_names[e.state], id);
	job_final_name(e.tenant, e.job_id, e.run, msg_id);
	const struct bus_header header = {HEADER_MSG_ID, span_from(msg_id)};
	const struct bus_out out = {subject, NULL, buf_span(&body), &header, 1};
	CHECK_OK(bus_store(b, &out, 0, BUS_BLOCK, NULL, NULL, &err), err);
	spent->events++;
	if (e.state == JOB_EVENT_COMPLETED) {
		spent->completed++;
		spent->tokens += usage.total_tokens;
		spent->cost_nanousd += result.cost_nanousd.v;
	}
}

UNUSED static int64_t sql_number(const char *sql)
{
	return atoll(test_sql(sql));
}

#define LEDGER_COUNT "SELECT count(*) FROM ai_usage_metrics"
#define LEDGER_COST "SELECT coalesce(sum(cost_nanousd), 0) FROM ai_usage_metrics"

/* The ledger and the sums hold what was published, to the last nano-dollar. */
UNUSED static void check_ledger(const struct spent *spent)
{
	CHECK_INT(sql_number(LEDGER_COUNT), spent->events);
	CHECK_INT(sql_number(LEDGER_COST), spent->cost_nanousd);
	CHECK_INT(sql_number("SELECT sum(total_tokens) FROM ai_usage_metrics"), spent->tokens);
	CHECK_INT(sql_number("SELECT count(DISTINCT (tenant, job_id, run)) FROM ai_usage_metrics"), spent->events);
	static const char *const tables[] = {"minute_model", "hour_model", "hour_work", "hour_user",   "day_model",   "day_work",
	                                     "day_user",     "month_model", "month_work", "month_user", "month_habit", "quarter_habit"};
	for (size_t i = 0; i < countof(tables); i++) {
		CHECK_INT(sql_number(text_of("SELECT coalesce(sum(jobs), 0) FROM ai_usage_%s", tables[i])), spent->events);
		CHECK_INT(sql_number(text_of("SELECT coalesce(sum(cost_nanousd), 0) FROM ai_usage_%s", tables[i])), spent->cost_nanousd);
	}
}

/* Asks gannet.<tenant>.analytics.<verb>; the answer must have this status. */
UNUSED static const char *ask_analytics(struct bus *b, const char *tenant, const char *verb, const char *body,
                                        enum status want, struct err *err)
{
	enum status got;
	struct err own = {0};
	const char *answer = test_request(b, text_of("gannet.%s.analytics.%s", tenant, verb), body, &got, err ? err : &own);
	CHECK_MSG(got == want, "%s %s: got %s (%s), want %s", verb, body, status_code(got), (err ? err : &own)->msg,
	          status_code(want));
	return answer;
}

#endif
