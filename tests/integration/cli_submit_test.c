/* gannet submit: what it asks for, how it waits, and how it ends. */
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "bus/kv.h"
#include "bus/topology.h"
#include "tests/integration/cli_fake.h"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const char *in_test_dir(const char *name)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir(), name);
	return path;
}

TEST(submit_asks_for_the_job_as_it_was_described)
{
	fake_start();
	struct cli_run r = CLI("submit", "--template", "About {{bird}}", "--model", "gpt-4o", "--var", "bird=gannet",
	                       "--format", "markdown", "--priority", "high", "--user", "ada", "--agent", "a1", "--system",
	                       "Be brief.", "--temperature", "0.5", "--max-tokens", "100", "--job-timeout", "2m",
	                       "--retries", "3", "--run-at", "2026-01-31T08:00:00Z", "--job-id", "mine-1");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "mine-1");
	CHECK_HAS(r.out.data, "out-mine-1");
	CHECK_HAS(r.out.data, "queued");
	CHECK_ASKED("create", "/job_id", "\"mine-1\"");
	CHECK_ASKED("create", "/kind", "\"llm\"");
	CHECK_ASKED("create", "/priority", "\"high\"");
	CHECK_ASKED("create", "/template", "\"About {{bird}}\"");
	CHECK_ASKED("create", "/context", "{\"bird\":\"gannet\"}");
	CHECK_ASKED("create", "/format", "\"markdown\"");
	CHECK_ASKED("create", "/temperature", "0.5");
	CHECK_ASKED("create", "/max_tokens", "100");
	CHECK_ASKED("create", "/timeout_ms", "120000");
	CHECK_ASKED("create", "/max_retries", "3");
	CHECK_ASKED("create", "/run_at", "\"2026-01-31T08:00:00.000Z\"");
	CHECK_ASKED("create", "/system_message", "\"Be brief.\"");
	CHECK_ASKED("create", "/user_id", "\"ada\"");
	CHECK_ASKED("create", "/agent_id", "\"a1\"");
}

TEST(variables_come_from_files_and_replace_those_of_the_context)
{
	char var[600];
	fake_start();
	write_file(in_test_dir("text"), "line \"one\"\nline two\n");
	snprintf(var, sizeof var, "text=@%s", in_test_dir("text"));
	struct cli_run r = CLI("submit", "-T", "x", "-m", "m", "--context", "{\"a\": 1, \"b\": {\"c\": [true]}}", "-v",
	                       "a=two", "-v", var, "-q");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("create", "/context",
	            "{\"b\":{\"c\": [true]},\"a\":\"two\",\"text\":\"line \\\"one\\\"\\nline two\\n\"}");
	CHECK_INT(strcspn(r.out.data, "\n"), ID_BYTES - 1); /* --quiet: the id alone */
	CHECK_INT(r.out.len, ID_BYTES);
}

TEST(other_kinds_of_jobs_have_input_and_no_template)
{
	fake_start();
	CHECK_INT(
	    CLI("submit", "--kind", "text", "--task", "sentiment", "--input", "{\"text\":\"fine\"}", "-p", "low").status,
	    0);
	CHECK_ASKED("create", "/kind", "\"text\"");
	CHECK_ASKED("create", "/task_type", "\"sentiment\"");
	CHECK_ASKED("create", "/input_data", "{\"text\":\"fine\"}");
	CHECK_ASKED("create", "/template", "");
	CHECK_ASKED("create", "/format", "");
}

static void complete(struct span job_id)
{
	fake_started(job_id);
	fake_completed(job_id);
}

TEST(waiting_prints_the_answer_and_a_summary_beside_it)
{
	fake_start();
	fake_on_create(complete);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "simulated", "--wait");
	CHECK_INT(r.status, 0);
	CHECK_SPAN(span_from(r.out.data), FAKE_ANSWER "\n");
	CHECK_HAS(r.err.data, "completed");
	CHECK_HAS(r.err.data, "simulated answer");
	CHECK_HAS(r.err.data, "1,234 = 1,000 in + 234 out");
	CHECK_HAS(r.err.data, "$0.000125");
	CHECK_HAS(r.err.data, "80 ms queued · 1.42 s processing · 1.50 s in all");
}

TEST(waiting_with_json_prints_the_final_event)
{
	fake_start();
	fake_on_create(complete);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "simulated", "--wait", "--json");
	struct json doc, state;
	struct err err;
	CHECK_INT(r.status, 0);
	CHECK_OK(json_parse(span_of(r.out.data, r.out.len), &doc, &err), err);
	CHECK(json_member(doc, SPAN("state"), &state) && json_text_is(state, SPAN("completed")));
	CHECK_INT(r.err.len, 0);
}

TEST(a_job_that_fails_makes_the_command_fail_with_3)
{
	fake_start();
	fake_on_create(fake_failed);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "m", "--wait");
	CHECK_INT(r.status, 3);
	CHECK_INT(r.out.len, 0);
	CHECK_HAS(r.err.data, "failed: provider_error: it answered 500");
}

TEST(a_job_that_is_cancelled_makes_the_command_end_with_4)
{
	fake_start();
	fake_on_create(fake_cancelled);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "m", "--wait");
	CHECK_INT(r.status, 4);
	CHECK_HAS(r.err.data, "was cancelled");
}

TEST(waiting_ends_with_5_when_the_time_is_up)
{
	fake_start();
	struct cli_run r = CLI("submit", "-T", "x", "-m", "m", "--wait", "--timeout", "2s", "--job-id", "slow");
	CHECK_INT(r.status, 5);
	CHECK_HAS(r.err.data, "job slow goes on; `gannet watch slow` follows it");
}

TEST(an_interrupt_ends_the_waiting_and_not_the_job)
{
	fake_start();
	struct test_process *p = CLI_SPAWN("submit", "-T", "x", "-m", "m", "--stream", "--job-id", "long");
	WAIT_FOR(fake_requests("create"), "the job to be created");
	/* The first piece on standard output shows that the command is past its set-up. */
	fake_send("gannet.default.jobs.stream.long", SPAN("{\"job_id\":\"long\",\"seq\":0,\"delta\":\"Gan\"}"), NULL, 0);
	scoped_buf out = {0};
	WAIT_FOR((buf_reset(&out), test_read(p->out_path, &out), out.len), "the first piece");
	test_kill(p, SIGINT);
	struct cli_run r = cli_end(p);
	CHECK_INT(r.status, 130);
	CHECK_HAS(r.err.data, "job long goes on");
}

static void stream_piece(struct span job_id, int seq, const char *members)
{
	scoped_buf body = {0};
	char subject[128];
	snprintf(subject, sizeof subject, "gannet.default.jobs.stream.%.*s", SPAN_ARG(job_id));
	buf_printf(&body, "{\"job_id\":\"%.*s\",\"seq\":%d,%s}", SPAN_ARG(job_id), seq, members);
	fake_send(subject, buf_span(&body), NULL, 0);
}

static void stream_all(struct span job_id)
{
	stream_piece(job_id, 0, "\"delta\":\"Gannets dive \"");
	stream_piece(job_id, 1, "\"delta\":\"from thirty metres.\"");
	stream_piece(job_id, 2, "\"delta\":\"\",\"done\":true");
	complete(job_id);
}

static void stream_some(struct span job_id)
{
	stream_piece(job_id, 0, "\"delta\":\"Gannets dive \"");
	complete(job_id);
}

TEST(a_streamed_answer_is_printed_once)
{
	fake_start();
	fake_on_create(stream_all);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "simulated", "--stream");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("create", "/stream", "true");
	CHECK_SPAN(span_from(r.out.data), FAKE_ANSWER "\n");
}

TEST(pieces_that_were_lost_are_made_up_for_at_the_end)
{
	fake_start();
	fake_on_create(stream_some);
	CHECK_SPAN(span_from(CLI("submit", "-T", "x", "-m", "simulated", "--stream").out.data), FAKE_ANSWER "\n");
}

static void end_unseen(struct span job_id)
{
	static struct buf record;
	char id[JOB_ID_BYTES];
	CHECK(span_copy(job_id, id, sizeof id));
	fake_record(id, "completed", &record);
	fake_reply("get", record.data);
}

TEST(an_end_that_no_event_told_is_found_in_the_record)
{
	fake_start();
	fake_on_create(end_unseen);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "simulated", "--wait");
	CHECK_INT(r.status, 0);
	CHECK_SPAN(span_from(r.out.data), FAKE_ANSWER "\n");
}

static uint64_t jobs_stored(void)
{
	struct bus_stream_state state;
	struct err err;
	CHECK_OK(bus_stream_state(test_bus(), STREAM_JOBS, &state, &err), err);
	return state.messages;
}

TEST(a_job_published_directly_is_stored_once_and_needs_no_service)
{
	struct err err;
	CHECK_OK(bus_topology_ensure(test_bus(), STREAM_JOBS, &bus_limits_default, &err), err);
	struct cli_run r = CLI("submit", "-T", "x", "-m", "m", "--direct", "--job-id", "d1", "--priority", "high");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "out-d1");
	CHECK_INT(CLI("submit", "-T", "x", "-m", "m", "--direct", "--job-id", "d1", "--priority", "high").status, 0);
	CHECK_INT(jobs_stored(), 1);
	struct bus_stored_message m;
	CHECK_OK(bus_get_last(test_bus(), STREAM_JOBS, "gannet.default.jobs.submit.llm.high", &m, &err), err);
	CHECK_SPAN(bus_in_header(&m.in, HEADER_MSG_ID), "default.d1:1");
	bus_stored_message_free(&m);
}

TEST(a_job_published_directly_where_no_queue_is_ends_the_command_with_7)
{
	test_nats_start();
	test_expect_invalid("gannet.default.jobs.submit.");
	CHECK_INT(CLI("submit", "-T", "x", "-m", "m", "--direct", "--timeout", "1s").status, 7);
}

TEST(refusals_of_the_service_are_told_with_their_field)
{
	fake_start();
	fake_refuse("create", "400 model: 'x' is not known");
	struct cli_run r = CLI("submit", "-T", "x", "-m", "x");
	CHECK_INT(r.status, 1);
	CHECK_HAS(r.err.data, "gannet: model: 'x' is not known");
	r = CLI("submit", "-T", "x", "-m", "x", "--json");
	CHECK_INT(r.status, 1);
	CHECK_HAS(r.err.data, "{\"error\":{\"code\":\"invalid\",\"message\":\"model: 'x' is not known\"");
}

TEST(wrong_command_lines_are_refused_before_anything_is_sent)
{
	static const struct {
		const char *args[8], *said;
	} rows[] = {
	    {{"submit"}, "--template or --template-file is needed"},
	    {{"submit", "-T", "x"}, "--model is needed"},
	    {{"submit", "-T", "x", "-F", "y"}, "cannot be given together"},
	    {{"submit", "-T", "x", "-m", "m", "--format", "pdf"},
	     "--format: 'pdf' is not one of text, json, markdown, html"},
	    {{"submit", "-T", "x", "-m", "m", "--temperature", "3"}, "--temperature: 3 is not in 0 to 2"},
	    {{"submit", "-T", "x", "-m", "m", "--job-id", "a.b"}, "--job-id must be 1 to 64 of A-Z a-z 0-9 _ -"},
	    {{"submit", "-k", "text"}, "--input is needed"},
	    {{"submit", "-k", "Text", "--input", "{}"}, "--kind must be 1 to 32 of a-z 0-9 _ -"},
	    {{"submit", "-T", "x", "-m", "m", "extra"}, "'extra' is one argument too many"},
	    {{"submit", "--mdoel", "x"}, "did you mean --model?"},
	    {{"sumbit"}, "did you mean `gannet submit`?"},
	    {{NULL}, "which command?"},
	    {{"--tenant", "A.B", "list"}, "--tenant: 'A.B' is not 1 to 32 of a-z 0-9 _ -"},
	    {{"get"}, "gannet get needs ID"},
	    {{"get", "no/id"}, "'no/id' is not a job id"},
	    {{"feedback", "x", "great"}, "'great' is not one of up, down, none"},
	    {{"retry"}, "needs ID… or --all-failed"},
	    {{"retry", "x", "--since", "1h"}, "filters need --all-failed"},
	    {{"watch", "x", "--all"}, "either an ID or --all"},
	    {{"regenerate", "x"}, "needs --model, --context or --var"},
	    {{"completion", "tcsh"}, "'tcsh' is not one of bash"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct cli_run r = cli_end(test_spawn("gannet", CLI_ENV("NATS_URL=nats://127.0.0.1:1"), rows[i].args));
		CHECK_INT(r.status, 2);
		CHECK_HAS(r.err.data, rows[i].said);
		CHECK_HAS(r.err.data, "--help");
	}
}

TEST(files_and_json_that_are_wrong_are_refused_with_their_option)
{
	static const struct {
		const char *args[10], *said;
	} rows[] = {
	    {{"submit", "-m", "m", "-F", "/nonexistent"}, "--template-file: cannot open /nonexistent: No such file"},
	    {{"submit", "-m", "m", "-T", "x", "-v", "novalue"}, "--var: 'novalue' is neither name=value nor name=@file"},
	    {{"submit", "-m", "m", "-T", "x", "-v", "a=1", "-v", "a=2"}, "--var: 'a' is given twice"},
	    {{"submit", "-m", "m", "-T", "x", "--context", "{\"a\":}"}, "--context: is not JSON: "},
	    {{"list", "--creds", "/nonexistent"}, "--creds: cannot read /nonexistent: No such file"},
	    {{"submit", "-m", "m", "-T", "x", "--context", "[1]"}, "--context: must be a JSON object"},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct cli_run r = cli_end(test_spawn("gannet", CLI_ENV("NATS_URL=nats://127.0.0.1:1"), rows[i].args));
		CHECK_INT(r.status, 1);
		CHECK_HAS(r.err.data, rows[i].said);
	}
}

TEST(a_server_that_is_away_is_told_without_its_password)
{
	struct cli_run r = CLI_WITH(CLI_ENV("NATS_URL=nats://ada:s3cret@127.0.0.1:1"), "list");
	CHECK_INT(r.status, 7);
	CHECK_HAS(r.err.data, "cannot reach NATS at nats://127.0.0.1:1: start the stack with `make up`, or set NATS_URL");
	CHECK(!strstr(r.err.data, "s3cret") && !strstr(r.err.data, "ada"));
}

TEST(a_service_that_is_away_is_told_with_advice)
{
	test_nats_start();
	struct cli_run r = CLI("list");
	CHECK_INT(r.status, 7);
	CHECK_HAS(r.err.data, "nobody answers gannet.default.jobs.list: is gannet-jobs running?");
}

static void ignore(void *arg, const struct bus_in *m)
{
	(void)arg, (void)m;
}

TEST(a_service_that_does_not_answer_in_time_ends_the_command_with_5)
{
	struct bus_sub *sub;
	struct err err;
	CHECK_OK(bus_subscribe(test_bus(), "gannet.default.jobs.get", NULL, ignore, NULL, &sub, &err), err);
	CHECK_OK(bus_flush(test_bus(), 5000, &err), err);
	struct cli_run r = CLI("get", "x", "--timeout", "200ms");
	CHECK_INT(r.status, 5);
	CHECK_HAS(r.err.data, "no answer to gannet.default.jobs.get within 200 ms; --timeout waits longer");
}

TEST(without_nats_url_the_one_in_var_env_is_used)
{
	char path[PATH_MAX], var[512], text[256];
	fake_start();
	CHECK(realpath(test_bin(), path));
	strncat(path, "/gannet", sizeof path - strlen(path) - 1);
	snprintf(var, sizeof var, "%s/var", test_dir());
	CHECK(mkdir(var, 0700) == 0);
	snprintf(text, sizeof text, "OTHER=1\nexport NATS_URL='%s'\n", test_nats_url());
	write_file(in_test_dir("var/env"), text);
	fake_reply("cancel", "{\"job_id\":\"x\",\"status\":\"cancelled\"}");
	struct cli_run r =
	    cli_end(test_spawn("/usr/bin/env", CLI_ENV("NATS_URL="), CLI_ENV("-C", test_dir(), path, "cancel", "x")));
	CHECK_INT(r.status, 0);
	CHECK_SPAN(span_from(r.out.data), "x  cancelled\n");
}
