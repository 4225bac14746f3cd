/* Names, ids and subjects of the job path, and what its tables make of people's mistakes. */
#include <stdlib.h>

#include "contract/job.h"
#include "contract/registry.h"
#include "tests/lib/test.h"

static struct arena memory;

static enum status decode(const struct json_table *t, struct span text, void *ret, struct err *err)
{
	struct json v;
	enum status s = json_parse(text, &v, err);
	return s != STATUS_OK ? s : json_decode(t, v, JSON_STRICT, &memory, ret, err);
}

static void refused(const char *text, const char *field, const char *message)
{
	struct job job;
	struct err err;
	CHECK_MSG(decode(&llm_job_table, span_from(text), &job, &err) == STATUS_INVALID, "accepted: %s", text);
	CHECK_SPAN(span_from(err.field), field);
	CHECK_HAS(err.msg, message);
	arena_free(&memory);
}

static const char full_job[] =
    "{\"job_id\":\"welcome-17\",\"template\":\"Say \\\"hello\\\" to "
    "{{name}}.\",\"model\":\"gpt-4o-mini\",\"context\":{\"name\":\"Ada\"},\"format\":\"markdown\","
    "\"user_id\":\"user-17\",\"agent_id\":\"shop\",\"temperature\":0.2,\"max_tokens\":64,\"system_message\":\"You are "
    "terse.\","
    "\"timeout_ms\":60000,\"max_retries\":3,\"run_at\":\"2026-01-02T03:04:05Z\",\"reply_to\":\"gannet.acme.reply.x\","
    "\"stream\":true,"
    "\"job_type\":\"classification\",\"pipeline\":\"reviews\",\"record_id\":\"4711\",\"field_name\":\"verdict\","
    "\"input_data\":{\"a\":1},\"metadata\":{\"batch\":\"b-9\"}}";

TEST(a_submission_is_decoded_member_by_member)
{
	struct job j;
	struct err err;
	CHECK_OK(decode(&llm_job_table, span_from(full_job), &j, &err), err);
	CHECK_SPAN(j.job_id, "welcome-17");
	CHECK_SPAN(j.template, "Say \"hello\" to {{name}}.");
	CHECK_SPAN(j.model, "gpt-4o-mini");
	CHECK_SPAN(j.context.text, "{\"name\":\"Ada\"}");
	CHECK_INT(j.format, FORMAT_MARKDOWN);
	CHECK_SPAN(j.user_id, "user-17");
	CHECK_SPAN(j.agent_id, "shop");
	CHECK(j.temperature.set && j.temperature.v == 0.2);
	CHECK(j.max_tokens.set && j.max_tokens.v == 64);
	CHECK_SPAN(j.system_message, "You are terse.");
	CHECK(j.timeout_ms.v == 60000 && j.max_retries.v == 3);
	CHECK_INT(j.run_at.ms, 1767323045000);
	CHECK_SPAN(j.reply_to, "gannet.acme.reply.x");
	CHECK(j.stream.set && j.stream.v);
	CHECK_SPAN(j.job_type, "classification");
	CHECK_SPAN(j.pipeline, "reviews");
	CHECK_SPAN(j.record_id, "4711");
	CHECK_SPAN(j.field_name, "verdict");
	CHECK_SPAN(j.input_data.text, "{\"a\":1}");
	CHECK_SPAN(j.metadata.text, "{\"batch\":\"b-9\"}");
	arena_free(&memory);
}

TEST(a_cut_submission_is_refused_at_every_byte)
{
	struct job j;
	struct err err;
	for (size_t n = 0; n < sizeof full_job - 1; n++)
		CHECK_STATUS(decode(&llm_job_table, span_of(full_job, n), &j, &err), STATUS_INVALID);
	arena_free(&memory);
}

TEST(a_submission_with_any_byte_changed_is_decoded_or_refused_with_a_reason)
{
	struct job j;
	char copy[sizeof full_job];
	static const char bytes[] = {0, '"', '\\', '{', '}', '[', ',', ':', ' ', '9', 'e', '\n', '\x80', '\xff'};
	for (size_t i = 0; i < sizeof full_job - 1; i++) {
		for (size_t b = 0; b < sizeof bytes; b++) {
			struct err err = {0};
			memcpy(copy, full_job, sizeof copy);
			copy[i] = bytes[b];
			if (decode(&llm_job_table, span_of(copy, sizeof copy - 1), &j, &err) != STATUS_OK)
				CHECK(err.status == STATUS_INVALID && err.msg[0]);
			arena_reset(&memory);
		}
	}
	arena_free(&memory);
}

TEST(mistakes_are_named_with_what_is_allowed)
{
	refused("{\"model\":\"m\"}", "template", "template: is required");
	refused("{\"template\":\"t\"}", "model", "model: is required");
	refused("{\"template\":\"\",\"model\":\"m\"}", "template", "0 bytes, at least 1");
	refused("{\"template\":\"t\",\"model\":\"m\",\"max_tokens\":0}", "max_tokens", "max_tokens: 0 not in [1, 1000000]");
	refused("{\"template\":\"t\",\"model\":\"m\",\"temperature\":2.5}", "temperature",
	        "temperature: 2.5 not in [0, 2]");
	refused("{\"template\":\"t\",\"model\":\"m\",\"timeout_ms\":3600001}", "timeout_ms", "not in [1, 3600000]");
	refused("{\"template\":\"t\",\"model\":\"m\",\"max_retries\":26}", "max_retries", "not in [0, 25]");
	refused("{\"template\":\"t\",\"model\":\"m\",\"format\":\"xml\"}", "format",
	        "format: \"xml\" is not text, json, markdown or html");
	refused("{\"template\":\"t\",\"model\":\"m\",\"context\":\"x\"}", "context", "context: \"x\" is not an object");
	refused("{\"template\":\"t\",\"model\":\"m\",\"job_id\":\"a b\"}", "job_id",
	        "job_id: \"a b\" is not 1 to 64 of A-Z a-z 0-9 _ -");
	refused("{\"template\":\"t\",\"model\":\"m\",\"job_id\":\"\"}", "job_id", "0 bytes");
	refused("{\"template\":\"t\",\"model\":\"a model\"}", "model", "visible ASCII");
	refused("{\"template\":\"t\",\"model\":\"m\",\"reply_to\":\"gannet.*.x\"}", "reply_to",
	        "a subject without wildcards");
	refused("{\"template\":\"t\",\"model\":\"m\",\"metadata\":{\"a\":1}}", "metadata", "an object of strings");
	refused("{\"template\":\"t\",\"model\":\"m\",\"run_at\":\"soon\"}", "run_at", "a time such as");
	refused("{\"template\":\"t\",\"model\":\"m\",\"max_token\":5}", "max_token", "did you mean max_tokens?");
	refused("{\"template\":\"t\",\"model\":\"m\",\"temprature\":0}", "temprature", "did you mean temperature?");
}

static enum status with_padding(const char *before, size_t padding, const char *behind, struct err *err)
{
	scoped_buf text = {0};
	struct job j;
	buf_adds(&text, before);
	for (size_t i = 0; i < padding; i++)
		buf_addc(&text, 'x');
	buf_adds(&text, behind);
	return decode(&llm_job_table, buf_span(&text), &j, err);
}

TEST(long_texts_have_limits)
{
	struct err err;
	CHECK_OK(with_padding("{\"model\":\"m\",\"template\":\"", JOB_TEMPLATE_MAX, "\"}", &err), err);
	CHECK_STATUS(with_padding("{\"model\":\"m\",\"template\":\"", JOB_TEMPLATE_MAX + 1, "\"}", &err), STATUS_INVALID);
	CHECK_HAS(err.msg, "262145 bytes, at most 262144 are allowed");
	CHECK_OK(
	    with_padding("{\"template\":\"t\",\"model\":\"m\",\"metadata\":{\"a\":\"", JOB_METADATA_MAX - 8, "\"}}", &err),
	    err);
	CHECK_STATUS(
	    with_padding("{\"template\":\"t\",\"model\":\"m\",\"metadata\":{\"a\":\"", JOB_METADATA_MAX - 7, "\"}}", &err),
	    STATUS_INVALID);
	CHECK_STATUS(with_padding("{\"template\":\"t\",\"model\":\"m\",\"user_id\":\"", JOB_NAME_MAX + 1, "\"}", &err),
	             STATUS_INVALID);
	arena_free(&memory);
}

TEST(an_event_survives_the_way_there_and_back)
{
	scoped_buf out = {0};
	struct err err;
	struct job_event got;
	const struct usage usage = {
	    .input_tokens = 12, .cache_read_tokens = 3, .output_tokens = 5, .total_tokens = 20, .estimated = {true, true}};
	const struct llm_result result = {
	    .model = SPAN("gpt-4o-mini"),
	    .provider = SPAN("openai"),
	    .prompt = SPAN("Say\n\"hello\""),
	    .raw_response = SPAN("caf\xc3\xa9"),
	    .parsed_output = {SPAN("{\"a\": [1]}"), JSON_OBJECT},
	    .usage = &usage,
	    .cost_nanousd = {true, 123456789012},
	    .response_length = 5,
	};
	const struct job_error error = {SPAN("timeout"), SPAN("took too long"), SPAN("")};
	const struct job_event event = {
	    .job_id = SPAN("a"),
	    .output_id = SPAN("out-a"),
	    .tenant = SPAN("acme"),
	    .kind = SPAN("llm"),
	    .priority = PRIORITY_LOW,
	    .state = JOB_EVENT_REJECTED,
	    .run = 2,
	    .attempt = 3,
	    .delivery = 4,
	    .stream_seq = SPAN("18446744073709551615"),
	    .format = FORMAT_HTML,
	    .timestamp = {1767323045678},
	    .interrupted = {true, 2},
	    .progress = {true, 0.25},
	    .error = &error,
	    .result = &result,
	    .attempt_used = {true, false},
	};
	json_encode(&job_event_table, &event, &(struct json_writer){.out = &out});
	CHECK_OK(decode(&job_event_table, buf_span(&out), &got, &err), err);
	CHECK_SPAN(got.stream_seq, "18446744073709551615");
	CHECK(got.priority == PRIORITY_LOW && got.state == JOB_EVENT_REJECTED && got.run == 2 && got.attempt == 3 &&
	      got.delivery == 4);
	CHECK(got.format == FORMAT_HTML && got.timestamp.ms == 1767323045678 && got.started_at.ms == 0);
	CHECK(got.interrupted.set && got.interrupted.v == 2 && got.progress.v == 0.25 && got.attempt_used.set &&
	      !got.attempt_used.v);
	CHECK_SPAN(got.error->message, "took too long");
	CHECK_SPAN(got.result->prompt, "Say\n\"hello\"");
	CHECK_SPAN(got.result->raw_response, "caf\xc3\xa9");
	CHECK_SPAN(got.result->parsed_output.text, "{\"a\": [1]}");
	CHECK(got.result->usage->total_tokens == 20 && got.result->usage->estimated.v &&
	      got.result->cost_nanousd.v == 123456789012);
	CHECK(!got.result->finish_reason.p && !got.metadata.type && !got.user_id.p);
	arena_free(&memory);
}

/* ---- no member of a struct is forgotten in its table */

static size_t bytes_of(const struct json_field *f)
{
	static const size_t sizes[] = {
	    [JSON_KIND_TEXT] = sizeof(struct span),
	    [JSON_KIND_RAW] = sizeof(struct json),
	    [JSON_KIND_I64] = sizeof(int64_t),
	    [JSON_KIND_F64] = sizeof(double),
	    [JSON_KIND_BOOL] = sizeof(bool),
	    [JSON_KIND_OPT_I64] = sizeof(struct opt_i64),
	    [JSON_KIND_OPT_F64] = sizeof(struct opt_f64),
	    [JSON_KIND_OPT_BOOL] = sizeof(struct opt_bool),
	    [JSON_KIND_ENUM] = sizeof(unsigned),
	    [JSON_KIND_TIME] = sizeof(struct json_time),
	    [JSON_KIND_OBJECT] = sizeof(void *),
	};
	return sizes[f->kind];
}

/* Every byte of the struct belongs to a row, except for padding, which is shorter than the smallest alignment that makes any. */
static void covers(const struct json_table *t, const struct json_table *also)
{
	char *covered = calloc(1, t->size);
	const struct json_table *both[] = {t, also};
	for (size_t i = 0; i < 2 && both[i]; i++)
		for (size_t j = 0; j < both[i]->n; j++)
			memset(covered + both[i]->fields[j].offset, 1, bytes_of(&both[i]->fields[j]));
	for (size_t i = 0, gap = 0; i < t->size; i++) {
		gap = covered[i] ? 0 : gap + 1;
		CHECK_MSG(gap < 8, "%s: no row for the member at byte %zu", t->title, i + 1 - gap);
	}
	free(covered);
}

TEST(every_member_of_a_struct_is_in_its_table)
{
	covers(&llm_job_table, &task_table);
	covers(&usage_table, NULL);
	covers(&job_error_table, NULL);
	covers(&llm_result_table, NULL);
	covers(&job_event_table, NULL);
	covers(&job_stream_table, NULL);
	covers(&worker_info_table, NULL);
	covers(&job_cancel_table, NULL);
	covers(&error_reply_table, NULL);
}

/* ---- names, ids, subjects */

TEST(names_match_their_numbers)
{
	CHECK_SPAN(span_from(priority_names[PRIORITY_LOW]), "low");
	CHECK(!priority_names[PRIORITY_COUNT]);
	CHECK_SPAN(span_from(format_names[FORMAT_HTML]), "html");
	CHECK_SPAN(span_from(job_status_names[JOB_CANCELLED]), "cancelled");
	CHECK_SPAN(span_from(job_state_names[JOB_EVENT_STARTED]), "started");
	CHECK_SPAN(span_from(job_state_names[JOB_EVENT_REJECTED]), "rejected");
	CHECK(!job_state_names[JOB_STATE_COUNT]);
}

TEST(final_states_are_the_four_that_end_a_run)
{
	for (int s = 0; s < JOB_STATE_COUNT; s++) {
		bool final =
		    s == JOB_EVENT_COMPLETED || s == JOB_EVENT_FAILED || s == JOB_EVENT_CANCELLED || s == JOB_EVENT_REJECTED;
		CHECK_MSG(job_state_is_final((enum job_state)s) == final, "%s", job_state_names[s]);
	}
}

TEST(derived_ids_are_job_ids_and_differ_by_stream_and_place)
{
	char a[JOB_ID_BYTES], b[JOB_ID_BYTES];
	job_id_from_sequence(1767323045678, 42, a);
	CHECK_SPAN(span_from(a), "j-mjwaidke-42");
	CHECK(id_is_job(span_from(a)));
	job_id_from_sequence(1767323045679, 42, b);
	CHECK(strcmp(a, b) != 0);
	job_id_from_sequence(INT64_MAX, UINT64_MAX, a);
	CHECK_SPAN(span_from(a), "j-1y2p0ij32e8e7-18446744073709551615");
	CHECK(id_is_job(span_from(a)));
	job_id_from_sequence(0, 0, a);
	CHECK_SPAN(span_from(a), "j-0-0");
}

TEST(ids_of_the_longest_names_fit)
{
	struct span id = SPAN("0123456789012345678901234567890123456789012345678901234567890123"),
	            tenant = SPAN("01234567890123456789012345678901");
	char output[OUTPUT_ID_BYTES], msg[FINAL_NAME_BYTES];
	output_id_from_job(id, output);
	CHECK_INT(strlen(output), JOB_ID_MAX + 4);
	job_final_name(tenant, id, INT64_MAX, msg);
	CHECK_SPAN(span_from(msg), "final:01234567890123456789012345678901."
	                           "0123456789012345678901234567890123456789012345678901234567890123:9223372036854775807");
}

TEST(subjects_of_submissions_are_taken_apart)
{
	struct job_subject s;
	CHECK(job_subject_parse(SPAN("gannet.acme.jobs.submit.llm.high"), &s));
	CHECK_SPAN(s.tenant, "acme");
	CHECK_SPAN(s.kind, "llm");
	CHECK_INT(s.priority, PRIORITY_HIGH);
	CHECK(job_subject_parse(SPAN("gannet.a-b_9.jobs.submit.my_kind.low"), &s) && s.priority == PRIORITY_LOW);
	static const char *const bad[] = {
	    "",
	    "gannet",
	    "gannet.acme.jobs.submit.llm",
	    "gannet.acme.jobs.submit.llm.",
	    "gannet.acme.jobs.submit.llm.urgent",
	    "gannet.acme.jobs.submit.llm.high.x",
	    "gannet.ACME.jobs.submit.llm.high",
	    "gannet..jobs.submit.llm.high",
	    "gannet.acme.jobs.submit.L.high",
	    "gannet.acme.jobs.submit..high",
	    "gannet.acme.jobs.event.llm.high",
	    "gannet.acme.job.submit.llm.high",
	    "other.acme.jobs.submit.llm.high",
	    "gannet.012345678901234567890123456789012.jobs.submit.llm.high",
	    "gannet.*.jobs.submit.llm.high",
	};
	for (size_t i = 0; i < countof(bad); i++)
		CHECK_MSG(!job_subject_parse(span_from(bad[i]), &s), "%s", bad[i]);
	CHECK(!job_subject_parse((struct span){0}, &s));
}

TEST(subjects_of_the_overflow_are_taken_apart)
{
	struct job_subject s;
	CHECK(job_overflow_parse(SPAN("gannet.acme.jobs.overflow.llm.low.3"), &s));
	CHECK_SPAN(s.tenant, "acme");
	CHECK_SPAN(s.kind, "llm");
	CHECK_INT(s.priority, PRIORITY_LOW);
	CHECK(!job_overflow_parse(SPAN("gannet.acme.jobs.submit.llm.low"), &s));
	CHECK(!job_overflow_parse(SPAN("gannet.acme.jobs.overflow.llm.urgent.3"), &s));
	CHECK(!job_overflow_parse(SPAN("gannet.ACME.jobs.overflow.llm.low.3"), &s));
}

TEST(replies_go_to_inboxes_and_the_tenants_own_subjects)
{
	static const char *const good[] = {"_INBOX.abc", "_INBOX.abc.1", "gannet.acme.reply.x", "gannet.acme.reply.x.y"};
	static const char *const bad[] = {"",
	                                  "_INBOX",
	                                  "_INBOX.",
	                                  "_INBOX..a",
	                                  "_INBOX.*",
	                                  "_INBOX.>",
	                                  "_INBOXES.a",
	                                  "gannet.acme.reply",
	                                  "gannet.acme.reply.",
	                                  "gannet.acme.reply.>",
	                                  "gannet.other.reply.x",
	                                  "gannet.acme.jobs.submit.llm.high",
	                                  "gannet.acme.replyx.y",
	                                  "$JS.API.INFO",
	                                  "reply.x",
	                                  "gannet.acme.reply.a b",
	                                  "gannet.acme.reply.a\r\nPUB x",
	                                  "gannet.acme.reply.caf\xc3\xa9"};
	for (size_t i = 0; i < countof(good); i++)
		CHECK_MSG(job_reply_allowed(SPAN("acme"), span_from(good[i])), "%s", good[i]);
	for (size_t i = 0; i < countof(bad); i++)
		CHECK_MSG(!job_reply_allowed(SPAN("acme"), span_from(bad[i])), "%s", bad[i]);
	CHECK(!job_reply_allowed(SPAN("acme"), (struct span){0}));
}

TEST(messages_are_found_by_their_subject)
{
	static const struct {
		const char *subject;
		const struct json_table *table;
	} cases[] = {
	    {"gannet.acme.jobs.submit.llm.high", &llm_job_table},
	    {"gannet.acme.jobs.submit.text.high", &task_table},
	    {"gannet.acme.jobs.event.queued.llm.low", &llm_job_table},
	    {"gannet.acme.jobs.event.queued.text.low", &task_table},
	    {"gannet.acme.jobs.event.completed.a", &job_event_table},
	    {"gannet.acme.jobs.stream.a", &job_stream_table},
	    {"gannet.acme.jobs.delayed.llm.low.1.a", &llm_job_table},
	    {"gannet.workers.registered", &worker_info_table},
	    {"$KV.workers.runner-0", &worker_info_table},
	    {"$KV.cancelled.acme.a.1", &job_cancel_table},
	    {"gannet.acme.jobs.event.exploded.a", NULL},
	    {"gannet.acme.jobs.event.completed", NULL},
	    {"gannet.acme.jobs.event.completed.a.b", NULL},
	    {"$KV.workers", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const struct contract_row *row = contract_find(span_from(cases[i].subject));
		CHECK_MSG((row ? row->table : NULL) == cases[i].table, "%s", cases[i].subject);
	}
	CHECK(contract_find(SPAN("gannet.acme.jobs.create"))->reply);
}
