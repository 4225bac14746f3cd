/* Reads the fake provider's log into the account, in order, up to the first call that has not ended. */
#include <stdio.h>
#include <stdlib.h>

#include "json/json.h"
#include "tests/chaos/chaos.h"

#define PAGE 1000

static int64_t number(struct json entry, const char *pointer)
{
	struct json v;
	int64_t n;
	return json_pointer(entry, pointer, &v) && json_i64(v, &n) ? n : 0;
}

static bool is_text(struct json entry, const char *pointer, const char *text)
{
	struct json v;
	return json_pointer(entry, pointer, &v) && json_text_is(v, span_from(text));
}

static uint64_t prompt_hash(struct json entry)
{
	struct json v;
	char text[24] = "";
	if (json_pointer(entry, "/prompt_hash", &v) && v.text.n > 2)
		span_copy(span_of(v.text.p + 1, v.text.n - 2), text, sizeof text);
	return strtoull(text, NULL, 16);
}

static void note_answer(struct account *a, struct provider_books *p, uint32_t n, int32_t input, int32_t output)
{
	struct entry *e = &a->entries[n];
	p->answers++;
	p->input += input;
	p->output += output;
	e->answers_differ |= e->answers && (e->answer_input != input || e->answer_output != output);
	e->answer_input = input;
	e->answer_output = output;
	e->answers++;
}

static void note(struct account *a, struct provider_books *p, struct json entry)
{
	uint32_t n;
	int32_t input = (int32_t)number(entry, "/input_tokens"), output = (int32_t)number(entry, "/output_tokens");
	bool answered = is_text(entry, "/outcome", "answered") && number(entry, "/http_status") == 200;
	/* An answer that is complete but no JSON ends as "answered", too: it is paid for and of no use. */
	bool usable = answered && is_text(entry, "/fault", "none");
	pthread_mutex_lock(&a->lock);
	p->calls++;
	if (!account_find_prompt(a, prompt_hash(entry), &n))
		p->unknown++;
	else if (usable)
		note_answer(a, p, n, input, output);
	else {
		p->spilt_input += input;
		p->spilt_output += output;
	}
	pthread_mutex_unlock(&a->lock);
}

/* False when there is nothing more to be read now. */
static bool read_page(struct account *a, struct provider_books *p, bool all)
{
	scoped_buf body = {0};
	char path[80];
	struct json document, entries, key, entry;
	struct err err;
	int64_t read = 0;
	snprintf(path, sizeof path, "/log?after=%lld&limit=%d", (long long)p->next, PAGE);
	if (test_http_get(stack_provider_port(), path, &body) != 200)
		return false;
	CHECK_OK(json_parse(buf_span(&body), &document, &err), err);
	p->lost += number(document, "/lost");
	CHECK(json_pointer(document, "/entries", &entries));
	for (struct json_iter it = json_iter(entries); json_next(&it, &key, &entry); read++) {
		if (!all && is_text(entry, "/outcome", "running"))
			return false;
		note(a, p, entry);
		p->next = number(entry, "/sequence");
	}
	return read == PAGE;
}

void provider_read(struct account *a, struct provider_books *p, bool all)
{
	while (!stack_is_paused(PROVIDER) && read_page(a, p, all))
		continue;
}
