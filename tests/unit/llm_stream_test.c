/* Streamed answers: the same result in any slicing, and never success for one that was cut. */
#include <stdio.h>
#include <stdlib.h>

#include "llm/llm.h"
#include "tests/lib/test.h"

static const struct provider *provider(const char *name)
{
	for (size_t i = 0; i < providers_n; i++)
		if (span_is(span_from(name), providers[i]->name))
			return providers[i];
	test_fail(__FILE__, __LINE__, "no provider %s", name);
}

static void stream_free(struct llm_stream *s)
{
	llm_stream_free(s);
}
#define scoped_stream __attribute__((cleanup(stream_free))) struct llm_stream

/* Feeds `bytes` in slices of at most `slice`; 0: of changing length. */
static enum status run(const char *name, struct span bytes, size_t slice, struct arena *a, struct llm_answer *ret,
                       struct err *err)
{
	scoped_stream s = {0};
	enum status status = STATUS_OK;
	for (size_t at = 0, turn = 1, n; at < bytes.n && status == STATUS_OK; at += n, turn = turn * 5 % 31) {
		n = slice ? slice : turn;
		n = n < bytes.n - at ? n : bytes.n - at;
		/* A copy of just the slice, so that a sanitizer sees any read beyond it. */
		char *copy = malloc(n);
		CHECK(copy);
		memcpy(copy, bytes.p + at, n);
		status = llm_stream_feed(&s, provider(name), span_of(copy, n), a, err);
		free(copy);
	}
	struct err again = {0};
	enum status ended = llm_stream_end(&s, provider(name), a, ret, status == STATUS_OK ? err : &again);
	if (status != STATUS_OK) {
		CHECK_INT(ended, status);
		CHECK_SPAN(span_from(again.msg), err->msg);
		return status;
	}
	return ended;
}

struct transcript {
	const char *name, *bytes, *text, *reason, *model;
	int64_t input, cache_read, cache_write, output;
	bool usage_known;
};

#define OPENAI_CHUNK(delta, reason)                                                                                    \
	"data: {\"model\":\"gpt-4o-x\",\"choices\":[{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" reason "}]}"    \
	"\n\n"
#define ANTHROPIC_EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define ANTHROPIC_START                                                                                                \
	ANTHROPIC_EVENT("message_start",                                                                                   \
	                ",\"message\":{\"model\":\"claude-x\",\"usage\":{\"input_tokens\":10,\"cache_read_input_"          \
	                "tokens\":4,\"cache_creation_input_tokens\":3,\"output_tokens\":1}}")
#define ANTHROPIC_TEXT(text)                                                                                           \
	ANTHROPIC_EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text "\"}")

static const struct transcript transcripts[] = {
    {"openai",
     OPENAI_CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null") OPENAI_CHUNK("\"content\":\"Hel\\u00fc\"", "null")
         OPENAI_CHUNK("\"content\":\"lo\\n\"", "null")
             OPENAI_CHUNK("", "\"stop\"") "data: "
                                          "{\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,"
                                          "\"prompt_tokens_details\":{\"cached_tokens\":2}}}\n\n"
                                          "data: [DONE]\n\n",
     "Helülo\n", "stop", "gpt-4o-x", 7, 2, 0, 4, true},
    {"openai", OPENAI_CHUNK("\"content\":\"x\"", "\"length\"") "data: [DONE]\n\n", "x", "length", "gpt-4o-x", 0, 0, 0,
     0, false},
    {"openai",
     OPENAI_CHUNK("\"refusal\":\"I \"", "null") OPENAI_CHUNK("\"refusal\":\"cannot\"", "null")
         OPENAI_CHUNK("", "\"stop\"") "data: [DONE]\n\n",
     "I cannot", "refusal", "gpt-4o-x", 0, 0, 0, 0, false},
    {"openai",
     OPENAI_CHUNK("\"content\":null,\"tool_calls\":[{\"index\":0}]", "null")
         OPENAI_CHUNK("", "\"tool_calls\"") "data: [DONE]\n\n",
     NULL, "tool_calls", "gpt-4o-x", 0, 0, 0, 0, false},
    {"openai", OPENAI_CHUNK("\"content\":\"\"", "\"content_filter\"") "data: [DONE]\n\n", NULL, "content_filter",
     "gpt-4o-x", 0, 0, 0, 0, false},
    {"openai",
     "\xef\xbb\xbf: hello\n:\nid: 7\nretry: 1\ndata:\n\ndata: "
     "{\"choices\":[\ndata:{\"delta\":{\"content\":\"ab\"},\ndata: "
     "\"finish_reason\":\"stop\"}]}\n\nunknown\ndata:[DONE]\n\n",
     "ab", "stop", "", 0, 0, 0, 0, false},
    {"anthropic",
     ANTHROPIC_START ANTHROPIC_EVENT("content_block_start",
                                     ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")
         ANTHROPIC_EVENT("ping", "") ANTHROPIC_TEXT("Hel") ANTHROPIC_TEXT("l\\\"o")
             ANTHROPIC_EVENT("content_block_delta", ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"no\"}")
                 ANTHROPIC_EVENT("content_block_stop", ",\"index\":0") ANTHROPIC_EVENT(
                     "message_delta", ",\"delta\":{\"stop_reason\":null},\"usage\":{\"output_tokens\":5}")
                     ANTHROPIC_EVENT("message_delta",
                                     ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":12}")
                         ANTHROPIC_EVENT("future_event", "") ANTHROPIC_EVENT("message_stop", ""),
     "Hell\"o", "stop", "claude-x", 10, 4, 3, 12, true},
    {"anthropic",
     ANTHROPIC_START ANTHROPIC_EVENT("message_delta",
                                     ",\"delta\":{\"stop_reason\":\"refusal\"},\"usage\":{\"output_tokens\":1}")
         ANTHROPIC_EVENT("message_stop", ""),
     NULL, "refusal", "claude-x", 10, 4, 3, 1, true},
    {"anthropic",
     ANTHROPIC_START ANTHROPIC_TEXT("{") ANTHROPIC_EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"max_tokens\"}")
         ANTHROPIC_EVENT("message_stop", ""),
     "{", "length", "claude-x", 10, 4, 3, 1, true},
    {"ollama",
     "{\"model\":\"llama3\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n"
     "{\"model\":\"llama3\",\"message\":{\"content\":\"lo\"},\"done\":false}\n\n"
     "{\"model\":\"llama3\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_"
     "count\":5,\"eval_count\":2}\n",
     "Hello", "stop", "llama3", 5, 0, 0, 2, true},
    {"ollama", "{\"message\":{\"content\":\"x\"},\"done\":true,\"done_reason\":\"length\"}\n", "x", "length", "", 0, 0,
     0, 0, false},
};

static void check_answer(const struct transcript *t, const struct llm_answer *got)
{
	if (t->text)
		CHECK_SPAN(got->text, t->text);
	else
		CHECK(!got->text.p);
	CHECK_SPAN(got->finish_reason, t->reason);
	CHECK_MSG(span_is(got->model, t->model), "model %.*s", SPAN_ARG(got->model));
	CHECK_INT(got->usage_known, t->usage_known);
	const struct usage *u = &got->usage;
	CHECK_INT(u->input_tokens, t->input);
	CHECK_INT(u->cache_read_tokens, t->cache_read);
	CHECK_INT(u->cache_write_tokens, t->cache_write);
	CHECK_INT(u->output_tokens, t->output);
	CHECK_INT(u->total_tokens, t->input + t->cache_read + t->cache_write + t->output);
}

static void check_all_slicings(const struct transcript *t, struct span bytes)
{
	static const size_t slices[] = {SIZE_MAX, 1, 2, 7, 0};
	for (size_t i = 0; i < countof(slices); i++) {
		scoped_arena a = {0};
		struct llm_answer answer = {0};
		struct err err = {0};
		CHECK_OK(run(t->name, bytes, slices[i], &a, &answer, &err), err);
		check_answer(t, &answer);
	}
}

TEST(streams_read_the_same_in_any_slicing)
{
	for (size_t i = 0; i < countof(transcripts); i++)
		check_all_slicings(&transcripts[i], span_from(transcripts[i].bytes));
}

TEST(lines_may_end_in_any_way)
{
	static const char *const ends[] = {"\r\n", "\r"};
	for (size_t i = 0; i < countof(transcripts); i++) {
		for (size_t j = 0; j < countof(ends); j++) {
			scoped_buf bytes = {0};
			for (const char *p = transcripts[i].bytes; *p; p++)
				buf_add(&bytes, *p == '\n' ? ends[j] : p, *p == '\n' ? strlen(ends[j]) : 1);
			check_all_slicings(&transcripts[i], buf_span(&bytes));
		}
	}
}

TEST(a_stream_that_is_cut_anywhere_is_a_failure_worth_another_try)
{
	for (size_t i = 0; i < countof(transcripts); i++) {
		struct span whole = span_from(transcripts[i].bytes);
		size_t last = whole.n;
		/* The end mark may lack its line's end, but nothing else. */
		while (whole.p[last - 1] == '\n')
			last--;
		for (size_t n = 0; n < last; n++) {
			scoped_arena a = {0};
			struct llm_answer answer = {.simulated = true};
			struct err err = {0};
			CHECK_MSG(run(transcripts[i].name, span_of(whole.p, n), SIZE_MAX, &a, &answer, &err) == STATUS_PROVIDER,
			          "%s cut at %zu of %zu", transcripts[i].name, n, whole.n);
			CHECK(err.retryable && answer.simulated);
			CHECK_HAS(err.msg, transcripts[i].name);
		}
		scoped_arena a = {0};
		struct llm_answer answer = {0};
		struct err err = {0};
		CHECK_OK(run(transcripts[i].name, span_of(whole.p, last), SIZE_MAX, &a, &answer, &err), err);
	}
}

TEST(an_end_mark_without_a_reason_is_no_success)
{
	static const struct {
		const char *name, *bytes;
	} rows[] = {
	    {"openai", "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n"},
	    {"openai", "data: [DONE]\n\n"},
	    {"anthropic", ANTHROPIC_START ANTHROPIC_TEXT("x") ANTHROPIC_EVENT("message_stop", "")},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		scoped_arena a = {0};
		struct llm_answer answer;
		struct err err = {0};
		CHECK_STATUS(run(rows[i].name, span_from(rows[i].bytes), 1, &a, &answer, &err), STATUS_PROVIDER);
		CHECK(err.retryable);
	}
}

TEST(errors_inside_a_stream_are_the_failures_they_report)
{
	static const struct {
		const char *name, *bytes;
		enum status status;
		bool retryable;
	} rows[] = {
	    {"openai",
	     OPENAI_CHUNK("\"content\":\"x\"",
	                  "null") "data: {\"error\":{\"message\":\"boom\",\"type\":\"server_error\"}}\n\ndata: [DONE]\n\n",
	     STATUS_PROVIDER, true},
	    {"openai", "data: {\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}\n\n", STATUS_PROVIDER, false},
	    {"openai", "{\"error\":{\"message\":\"boom\",\"code\":\"rate_limit_exceeded\"}}", STATUS_RATE_LIMITED, true},
	    {"openai", "data: nonsense\n\n", STATUS_PROVIDER, true},
	    {"anthropic",
	     ANTHROPIC_START ANTHROPIC_TEXT(
	         "x") "event: error\ndata: "
	              "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n",
	     STATUS_UNAVAILABLE, true},
	    {"anthropic",
	     "event: error\ndata: "
	     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"m\"}}\n\n",
	     STATUS_UNPROCESSABLE, false},
	    {"ollama", "{\"message\":{\"content\":\"x\"},\"done\":false}\n{\"error\":\"it broke\"}\n", STATUS_PROVIDER,
	     true},
	    {"ollama", "<html>\n", STATUS_PROVIDER, true},
	};
	for (size_t i = 0; i < countof(rows); i++) {
		for (size_t slice = 1; slice < 5; slice += 3) {
			scoped_arena a = {0};
			struct llm_answer answer;
			struct err err = {0};
			CHECK_STATUS(run(rows[i].name, span_from(rows[i].bytes), slice, &a, &answer, &err), rows[i].status);
			CHECK_INT(err.retryable, rows[i].retryable);
			CHECK_HAS(err.msg, rows[i].name);
		}
	}
}

TEST(what_follows_the_end_mark_is_ignored)
{
	scoped_arena a = {0};
	scoped_buf bytes = {0};
	buf_adds(&bytes, transcripts[0].bytes);
	buf_adds(&bytes, "data: nonsense\n\ndata: {\"error\":{\"message\":\"late\"}}\n\n");
	struct llm_answer answer;
	struct err err = {0};
	CHECK_OK(run("openai", buf_span(&bytes), 3, &a, &answer, &err), err);
	check_answer(&transcripts[0], &answer);
}

TEST(the_text_so_far_is_there_to_be_published)
{
	scoped_arena a = {0};
	scoped_stream s = {0};
	struct err err;
	CHECK_OK(llm_stream_feed(&s, provider("ollama"), SPAN("{\"message\":{\"content\":\"ab\"},\"done\":false}\n{\"mess"),
	                         &a, &err),
	         err);
	CHECK_SPAN(buf_span(&s.text), "ab");
	CHECK(!s.finished && !s.failed && s.told == 0);
	CHECK_OK(llm_stream_feed(&s, provider("ollama"), SPAN("age\":{\"content\":\"c\"},\"done\":true}\n"), &a, &err),
	         err);
	CHECK_SPAN(buf_span(&s.text), "abc");
	CHECK(s.finished);
}

static enum status flood(const char *name, const char *start, const char *piece, size_t times, struct err *err)
{
	scoped_arena a = {0};
	scoped_stream s = {0};
	enum status status = llm_stream_feed(&s, provider(name), span_from(start), &a, err);
	for (size_t i = 0; i < times && status == STATUS_OK; i++) {
		status = llm_stream_feed(&s, provider(name), span_from(piece), &a, err);
		CHECK(s.line.cap <= 4 * LLM_EVENT_MAX && s.data.cap <= 4 * LLM_EVENT_MAX && s.text.cap <= 4 * LLM_ANSWER_MAX);
	}
	return status;
}

TEST(endless_lines_events_and_answers_end_at_their_limits)
{
	struct err err = {0};
	char piece[1001], chunk[2000];
	memset(piece, 'x', 1000);
	piece[1000] = 0;
	CHECK_STATUS(flood("openai", "data: ", piece, 2000, &err), STATUS_PROVIDER);
	CHECK_HAS(err.msg, "line");
	CHECK_STATUS(flood("ollama", "{\"a\":\"", piece, 2000, &err), STATUS_PROVIDER);
	snprintf(chunk, sizeof chunk, "data: %s\n", piece);
	CHECK_STATUS(flood("openai", "", chunk, 2000, &err), STATUS_PROVIDER);
	CHECK_HAS(err.msg, "event");
	snprintf(chunk, sizeof chunk, "event: %s", piece);
	CHECK_STATUS(flood("openai", chunk, piece, 2000, &err), STATUS_PROVIDER);
	snprintf(chunk, sizeof chunk, "{\"message\":{\"content\":\"%s\"},\"done\":false}\n", piece);
	CHECK_STATUS(flood("ollama", "", chunk, 5000, &err), STATUS_TOO_LARGE);
	CHECK(!err.retryable);
	CHECK_OK(flood("openai", "", ": sign of life\n\n", 100000, &err), err);
}
