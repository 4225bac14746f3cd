/* The commands of gannet that ask about jobs and change them. */
#include <limits.h>

#include "tests/integration/cli_fake.h"

static struct buf record;

static void answer_with_record(const char *verb, const char *job_id, const char *status)
{
	buf_reset(&record);
	fake_record(job_id, status, &record);
	fake_reply(verb, record.data);
}

TEST(get_shows_question_answer_and_cost)
{
	fake_start();
	answer_with_record("get", "j1", "completed");
	struct cli_run r = CLI("get", "j1");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("get", "", "{\"job_id\":\"j1\"}");
	CHECK_HAS(r.out.data, "job         j1  completed\n");
	CHECK_HAS(r.out.data, "model       gpt-4o-mini by openai\n");
	CHECK_HAS(r.out.data, "tokens      1,234 = 1,000 in + 234 out\n");
	CHECK_HAS(r.out.data, "cost        $0.000125\n");
	CHECK_HAS(r.out.data, "80 ms queued · 1.42 s processing");
	CHECK_HAS(r.out.data, "\nPrompt\n  Tell me about gannets.\n");
	CHECK_HAS(r.out.data, "\nAnswer\n  " FAKE_ANSWER "\n");
	CHECK(!strchr(r.out.data, '\x1b'));
}

TEST(get_shows_why_a_job_failed)
{
	fake_start();
	answer_with_record("get", "j1", "failed");
	struct cli_run r = CLI("get", "j1");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "job         j1  failed\n");
	CHECK_HAS(r.out.data, "error       provider_error: it answered 500\n");
	CHECK_HAS(r.out.data, "\nTemplate\n  Tell me about {{bird}}.\n");
}

TEST(get_prints_the_record_itself_with_json)
{
	fake_start();
	answer_with_record("get", "j1", "completed");
	struct cli_run r = CLI("--json", "get", "out-j1");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("get", "/job_id", "\"j1\"");
	CHECK_SPAN(span_of(r.out.data, r.out.len - 1), record.data);
}

TEST(a_job_that_does_not_exist_ends_the_command_with_6)
{
	fake_start();
	fake_refuse("get", "404 no job j9 in tenant default");
	struct cli_run r = CLI("get", "j9");
	CHECK_INT(r.status, 6);
	CHECK_HAS(r.err.data, "gannet: no job j9 in tenant default");
}

static const char *page(const char *cursor)
{
	static struct buf pages[2];
	struct buf *out = &pages[cursor[0] != 0];
	buf_adds(out, "{\"jobs\":[");
	fake_record(cursor[0] ? "first" : "last", "completed", out);
	buf_addc(out, ',');
	fake_record("other", "failed", out);
	buf_addc(out, ']');
	if (cursor[0])
		buf_printf(out, ",\"next_cursor\":\"%s\"", cursor);
	buf_addc(out, '}');
	return out->data;
}

TEST(list_asks_with_its_filters_and_prints_a_table)
{
	fake_start();
	fake_reply("list", page("c1"));
	struct cli_run r = CLI("list", "--status", "failed", "--model", "m", "--user", "ada", "--kind", "llm", "--template",
	                       "t", "--since", "2026-01-01T00:00:00Z", "--before", "2026-02-01T00:00:00Z", "--limit", "2");
	CHECK_INT(r.status, 0);
	CHECK_ASKED(
	    "list", "",
	    "{\"status\":\"failed\",\"model\":\"m\",\"user_id\":\"ada\",\"template\":\"t\",\"kind\":\"llm\","
	    "\"created_after\":\"2026-01-01T00:00:00.000Z\",\"created_before\":\"2026-02-01T00:00:00.000Z\",\"limit\":2}");
	CHECK_HAS(r.out.data, "ID     STATUS     MODEL        AGE    TIME  TOKENS       COST  USER  TEMPLATE\n");
	CHECK_HAS(r.out.data,
	          "first  completed  gpt-4o-mini   1m  1.42 s   1,234  $0.000125  ada   Tell me about {{bird}}.\n");
	CHECK_HAS(r.out.data, "other  failed     gpt-4o-mini   1m  1.42 s ");
	CHECK_HAS(r.err.data, "there are more: --cursor c1, or --all");
}

TEST(list_follows_the_cursor_to_the_end_with_all)
{
	fake_start();
	fake_reply("list", page("c1"));
	struct test_process *p = CLI_SPAWN("list", "--all", "--quiet");
	const char *last = page("");
	WAIT_FOR(strcmp(cli_asked("list", "/cursor"), "\"c1\"") == 0, "the second page to be asked for");
	fake_reply("list", last);
	struct cli_run r = cli_end(p);
	CHECK_INT(r.status, 0);
	CHECK(strncmp(r.out.data, "first\nother\nfirst\nother\n", 24) == 0);
	CHECK_SPAN(span_of(r.out.data + r.out.len - 11, 11), "last\nother\n");
	CHECK_ASKED("list", "/limit", "500");
}

TEST(an_empty_list_says_so)
{
	fake_start();
	fake_reply("list", "{\"jobs\":[]}");
	struct cli_run r = CLI("list");
	CHECK_INT(r.status, 0);
	CHECK_INT(r.out.len, 0);
	CHECK_HAS(r.err.data, "no jobs in tenant default");
}

TEST(cancel_takes_many_ids_and_a_reason)
{
	fake_start();
	fake_reply("cancel", "{\"job_id\":\"b\",\"status\":\"cancelling\"}");
	struct cli_run r = CLI("cancel", "a", "b", "--reason", "too late");
	CHECK_INT(r.status, 0);
	CHECK_INT(fake_requests("cancel"), 2);
	CHECK_ASKED("cancel", "", "{\"job_id\":\"b\",\"reason\":\"too late\"}");
	CHECK_SPAN(span_from(r.out.data), "b  cancelling\nb  cancelling\n");
}

TEST(one_failure_does_not_stop_the_others)
{
	fake_start();
	fake_refuse("retry", "409 job a has not ended");
	struct cli_run r = CLI("retry", "a", "not.an.id", "b");
	CHECK_INT(r.status, 1);
	CHECK_INT(fake_requests("retry"), 2);
	CHECK_ASKED("retry", "/job_id", "\"b\"");
	CHECK_HAS(r.err.data, "job a has not ended");
	CHECK_HAS(r.err.data, "'not.an.id' is not a job id");
}

TEST(retry_says_which_run_it_is)
{
	fake_start();
	fake_reply("retry", "{\"job_id\":\"a\",\"output_id\":\"out-a\",\"status\":\"queued\",\"run\":3}");
	CHECK_SPAN(span_from(CLI("retry", "a").out.data), "a  queued  run 3\n");
}

TEST(retry_of_all_failed_jobs_is_one_request_with_filters)
{
	fake_start();
	fake_reply("bulk_retry", "{\"retried\":2,\"job_ids\":[\"a\",\"b\"]}");
	struct cli_run r = CLI("retry", "--all-failed", "--user", "ada", "--limit", "2");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("bulk_retry", "", "{\"user_id\":\"ada\",\"limit\":2}");
	CHECK_SPAN(span_from(r.out.data), "a\nb\n");
	CHECK_HAS(r.err.data, "2 jobs queued again; there may be more");
}

TEST(feedback_is_a_thumb_and_a_comment)
{
	fake_start();
	fake_reply("feedback", "{\"job_id\":\"a\",\"output_id\":\"out-a\",\"feedback\":\"thumbs_up\"}");
	struct cli_run r = CLI("feedback", "a", "up", "--comment", "well said", "--user", "ada");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("feedback", "",
	            "{\"job_id\":\"a\",\"feedback\":\"thumbs_up\",\"user_id\":\"ada\",\"comment\":\"well said\"}");
	CHECK_SPAN(span_from(r.out.data), "a  thumbs_up\n");
}

#define AGAIN                                                                                                          \
	"{\"job_id\":\"new\",\"output_id\":\"out-new\",\"status\":\"queued\",\"rerun_of\":\"a\","                          \
	"\"estimated_completion\":\"2026-01-31T08:00:00.000Z\"}"

TEST(rerun_can_wait_for_the_new_job)
{
	fake_start();
	fake_reply("rerun", AGAIN);
	answer_with_record("get", "new", "completed");
	struct cli_run r = CLI("rerun", "a", "--wait");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("rerun", "", "{\"job_id\":\"a\"}");
	CHECK_ASKED("get", "", "{\"job_id\":\"new\"}");
	CHECK_SPAN(span_from(r.out.data), FAKE_ANSWER "\n");
}

TEST(regenerate_changes_model_and_context)
{
	fake_start();
	fake_reply("regenerate", AGAIN);
	struct cli_run r = CLI("regenerate", "a", "--model", "m2", "--context", "{\"x\":1}", "--var", "y=2");
	CHECK_INT(r.status, 0);
	CHECK_ASKED("regenerate", "", "{\"job_id\":\"a\",\"model\":\"m2\",\"context\":{\"x\":1,\"y\":\"2\"}}");
	CHECK_SPAN(span_from(r.out.data), "new  queued\n");
}

TEST(stats_show_counts_queues_and_workers)
{
	fake_start();
	fake_reply("stats", FAKE_STATS);
	struct cli_run r = CLI("stats");
	CHECK_INT(r.status, 0);
	CHECK_HAS(r.out.data, "12 pending  3 processing  12,345 completed  4 failed");
	CHECK_HAS(r.out.data, "QUEUE  PRIORITY  WAITING  RUNNING\nllm    default        12        3\n");
	CHECK_HAS(r.out.data, "runner-1  llm   running  3/256");
	r = CLI("stats", "--json");
	CHECK_SPAN(span_of(r.out.data, r.out.len - 1), FAKE_STATS);
}

TEST(every_command_has_help_and_a_place_in_the_completion)
{
	static const char *const names[] = {"submit", "get",   "list",       "watch", "cancel",  "retry", "feedback",
	                                    "top",    "rerun", "regenerate", "stats", "version", "help",  "completion"};
	struct cli_run all = CLI("--help"), completion = CLI("completion", "bash");
	CHECK_INT(all.status, 0);
	CHECK_HAS(all.out.data, "NATS_URL in ./var/env");
	for (size_t i = 0; i < countof(names); i++) {
		char line[64];
		snprintf(line, sizeof line, "\n  %-10s  ", names[i]);
		CHECK_HAS(all.out.data, line);
		CHECK_HAS(completion.out.data, names[i]);
		struct cli_run r = CLI(names[i], "--help"), same = CLI("help", names[i]);
		CHECK_INT(r.status, 0);
		CHECK_HAS(r.out.data, "usage: gannet ");
		CHECK_SPAN(span_from(r.out.data), same.out.data);
	}
	CHECK_HAS(CLI("--version").out.data, "gannet 0.");
}

TEST(bash_completes_commands_options_and_their_values)
{
	static const char script[] =
	    "PATH=$0:$PATH; source <(gannet completion bash); "
	    "t() { COMP_WORDS=(gannet \"$@\"); COMP_CWORD=$#; COMPREPLY=(); _gannet; echo \"${COMPREPLY[*]}\"; }; "
	    "t sub; t submit --form; t submit --format j; t feedback x do; t help comp";
	char programs[PATH_MAX];
	CHECK(realpath(test_bin(), programs));
	fake_start();
	fake_reply("list", "{\"jobs\":[]}");
	struct cli_run r = cli_end(test_spawn("/bin/bash", NULL, CLI_ENV("-c", script, programs)));
	CHECK_INT(r.status, 0);
	CHECK_SPAN(span_from(r.out.data), "submit\n--format\njson\ndown\ncompletion\n");
	CHECK_SPAN(span_from(r.err.data), "");
}
