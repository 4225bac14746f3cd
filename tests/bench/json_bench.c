/* Measures what a message costs on its way in and out: one JSON line per figure, nanoseconds per message. */
#include <stdio.h>

#include "contract/job.h"
#include "core/clock.h"
#include "tests/lib/test.h"

#define ROUNDS 200000
#define SAMPLES 5

static const char job_text[] =
    "{\"job_id\":\"job-00000042\",\"template\":\"Summarise for {{name}} in at most {{n}} words: "
    "{{text}}\",\"model\":\"gpt-4o-mini\","
    "\"context\":{\"name\":\"Ada\",\"n\":40,\"text\":\"The engine weaves algebraic "
    "patterns.\"},\"format\":\"markdown\","
    "\"user_id\":\"user-17\",\"temperature\":0.2,\"max_tokens\":256,\"metadata\":{\"batch\":\"b-9\"}}";

static const struct usage usage = {.input_tokens = 58, .output_tokens = 21, .total_tokens = 79};
static const struct llm_result result = {
    .model = {"gpt-4o-mini", 11},
    .provider = {"openai", 6},
    .prompt = {"Summarise for Ada in at most 40 words: The engine weaves algebraic patterns.", 76},
    .raw_response = {"It computes with symbols.", 25},
    .parsed_output = {{"\"It computes with symbols.\"", 27}, JSON_STRING},
    .finish_reason = {"stop", 4},
    .usage = &usage,
    .cost_nanousd = {true, 21300},
    .response_length = 25,
};
static const struct job_event event = {
    .job_id = {"job-00000042", 12},
    .output_id = {"out-job-00000042", 16},
    .tenant = {"acme", 4},
    .kind = {"llm", 3},
    .priority = PRIORITY_DEFAULT,
    .state = JOB_EVENT_COMPLETED,
    .run = 1,
    .attempt = 1,
    .delivery = 1,
    .stream_seq = {"1284411", 7},
    .user_id = {"user-17", 7},
    .submitted_at = {1767225845123},
    .timestamp = {1767225845979},
    .result = &result,
};

static struct arena memory;
static struct buf out;

static void parse_job(struct span text)
{
	struct json v;
	struct err err;
	CHECK_OK(json_parse(text, &v, &err), err);
}

static void decode(const struct json_table *t, struct span text, void *ret)
{
	struct json v;
	struct err err;
	arena_reset(&memory);
	CHECK_OK(json_parse(text, &v, &err), err);
	CHECK_OK(json_decode(t, v, JSON_LENIENT, &memory, ret, &err), err);
}

static void decode_job(struct span text)
{
	struct job job;
	decode(&llm_job_table, text, &job);
}

static void decode_event(struct span text)
{
	struct job_event e;
	decode(&job_event_table, text, &e);
}

static void encode_event(struct span text)
{
	(void)text;
	buf_reset(&out);
	json_encode(&job_event_table, &event, &(struct json_writer){.out = &out});
}

static void measure(const char *figure, void (*run)(struct span), struct span text)
{
	int64_t best = INT64_MAX;
	for (int sample = 0; sample < SAMPLES; sample++) {
		int64_t begin = clock_mono_ns(&clock_system);
		for (int i = 0; i < ROUNDS; i++)
			run(text);
		int64_t took = clock_mono_ns(&clock_system) - begin;
		best = took < best ? took : best;
	}
	printf("{\"figure\":\"json_%s\",\"value\":%lld,\"unit\":\"ns\",\"runs\":%d,\"settings\":\"%zu bytes\"}\n", figure,
	       (long long)best / ROUNDS, SAMPLES, text.n);
}

TEST(messages)
{
	struct span job = span_from(job_text);
	encode_event(job);
	struct span encoded = arena_dup(&(struct arena){0}, buf_span(&out));
	measure("parse_job", parse_job, job);
	measure("parse_and_decode_job", decode_job, job);
	measure("parse_and_decode_event", decode_event, encoded);
	measure("encode_event", encode_event, encoded);
	arena_free(&memory);
	buf_free(&out);
}
