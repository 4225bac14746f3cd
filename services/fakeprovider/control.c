/* Answers about the fake provider itself, and the lists of its models. */
#include "fake.h"

#define LOG_LIMIT 1000
#define LOG_LIMIT_MAX 100000

/* Any other name is answered just as well. */
static const char *const models[] = {"gpt-4o",
                                     "gpt-4o-mini",
                                     "gpt-5",
                                     "gpt-5-mini",
                                     "gpt-fake",
                                     "claude-haiku-4-5",
                                     "claude-sonnet-5",
                                     "llama3.2",
                                     "text-embedding-3-small",
                                     NULL};

static void answer(struct http_exchange *x, const struct buf *body)
{
	http_exchange_answer(x, 200, "application/json", buf_span(body));
}

void control_health(struct fake *f, struct http_exchange *x)
{
	(void)f;
	http_exchange_answer(x, 200, "application/json", SPAN("{\"status\":\"ok\"}"));
}

/* Absent or unreadable numbers are the fallback. */
static int64_t number(struct http_exchange *x, const char *name, int64_t fallback, int64_t max)
{
	int64_t v;
	struct span text = http_exchange_query(x, name);
	return text.p && span_i64(text, &v) && v >= 0 && v <= max ? v : fallback;
}

void control_log(struct fake *f, struct http_exchange *x)
{
	scoped_buf out = {0};
	struct ledger_query q = {
	    .after = number(x, "after", 0, INT64_MAX),
	    .limit = number(x, "limit", LOG_LIMIT, LOG_LIMIT_MAX),
	    .model = http_exchange_query(x, "model"),
	    .key = http_exchange_query(x, "key"),
	    .bodies = number(x, "bodies", 0, 1) == 1,
	};
	ledger_write_log(f->ledger, &q, &out);
	answer(x, &out);
}

void control_stats(struct fake *f, struct http_exchange *x)
{
	scoped_buf out = {0};
	ledger_write_stats(f->ledger, &out);
	answer(x, &out);
}

void control_reset(struct fake *f, struct http_exchange *x)
{
	ledger_reset(f->ledger);
	http_exchange_answer(x, 200, "application/json", SPAN("{\"reset\":true}"));
}

/* OpenAI and Anthropic have the same path; a client of both takes what it knows out of one list. */
void control_models(struct fake *f, struct http_exchange *x)
{
	(void)f;
	scoped_buf out = {0};
	struct json_writer w = {&out};
	json_begin_object(&w);
	json_kv_cstr(&w, "object", "list");
	json_kv_bool(&w, "has_more", false);
	json_key(&w, SPAN("data"));
	json_begin_array(&w);
	for (size_t i = 0; models[i]; i++) {
		json_begin_object(&w);
		json_kv_cstr(&w, "id", models[i]);
		json_kv_cstr(&w, "object", "model");
		json_kv_cstr(&w, "type", "model");
		json_kv_cstr(&w, "display_name", models[i]);
		json_kv_i64(&w, "created", 1767225600);
		json_kv_cstr(&w, "created_at", "2026-01-01T00:00:00Z");
		json_kv_cstr(&w, "owned_by", "fake");
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	answer(x, &out);
}

void control_tags(struct fake *f, struct http_exchange *x)
{
	(void)f;
	scoped_buf out = {0};
	struct json_writer w = {&out};
	json_begin_object(&w);
	json_key(&w, SPAN("models"));
	json_begin_array(&w);
	for (size_t i = 0; models[i]; i++) {
		json_begin_object(&w);
		json_kv_cstr(&w, "name", models[i]);
		json_kv_cstr(&w, "model", models[i]);
		json_kv_cstr(&w, "modified_at", "2026-01-01T00:00:00Z");
		json_kv_i64(&w, "size", 0);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	answer(x, &out);
}
