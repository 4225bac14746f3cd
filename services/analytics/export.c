/* Two providers, two kinds of export each: buckets of days with results. */
#include "export.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/utf8.h"

#define CENT_NANO 10000000
#define DOLLAR_NANO 1000000000

/* A decimal number as it is written, times `unit`, rounded half away from zero; false for what is none or too big. */
static bool decimal(struct span s, int64_t unit, int64_t *ret)
{
	bool negative = s.n && *s.p == '-', any = false, after_point = false;
	unsigned __int128 value = 0, scale = 1;
	int exponent = 0;
	for (size_t i = negative; i < s.n; i++) {
		char c = s.p[i];
		if (c >= '0' && c <= '9') {
			any = true;
			if (after_point && scale >= (unsigned __int128)1000000000000000000ull)
				continue; /* finer than any unit */
			value = value * 10 + (unsigned)(c - '0');
			scale *= after_point ? 10 : 1;
			if (value > (unsigned __int128)1 << 90)
				return false;
		} else if (c == '.' && !after_point) {
			after_point = true;
		} else if ((c == 'e' || c == 'E') && any && i + 1 < s.n) {
			int64_t e;
			struct span text = span_of(s.p + i + 1, s.n - i - 1);
			if (*text.p == '+')
				text = span_of(text.p + 1, text.n - 1);
			if (!span_i64(text, &e) || e < -30 || e > 12)
				return false;
			exponent = (int)e;
			break;
		} else {
			return false;
		}
	}
	value *= (unsigned __int128)unit;
	for (; exponent > 0 && scale > 1; exponent--)
		scale /= 10;
	for (; exponent > 0; exponent--)
		if ((value *= 10) > (unsigned __int128)1 << 110)
			return false;
	for (; exponent < 0 && scale < (unsigned __int128)1 << 110; exponent++)
		scale *= 10;
	value = (value + scale / 2) / scale;
	if (!any || value > EXPORT_AMOUNT_MAX)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static int64_t count_of(struct json object, const char *key)
{
	struct json v;
	int64_t n = 0;
	if (!json_member(object, span_from(key), &v) || !json_i64(v, &n) || n < 0 || n > EXPORT_AMOUNT_MAX)
		return 0;
	return n;
}

/* Without the day of its release, which one side may name and the other not: -2024-08-06, -20250929, -latest. */
static struct span without_release(struct span model)
{
	static const char *const forms[] = {"-dddd-dd-dd", "-dddddddd", "-latest"};
	for (size_t f = 0; f < countof(forms); f++) {
		size_t n = strlen(forms[f]), i = 0;
		if (model.n <= n)
			continue;
		const char *end = model.p + model.n - n;
		while (i < n && (forms[f][i] == 'd' ? end[i] >= '0' && end[i] <= '9' : end[i] == forms[f][i]))
			i++;
		if (i == n)
			return span_of(model.p, model.n - n);
	}
	return model;
}

static void set_model(struct export_line *line, struct span model)
{
	/* "gpt-4o-2024-08-06, input": what is billed of a model stands behind a comma. */
	struct span name = without_release(span_trim(span_cut(&model, ',')));
	if (!span_copy(utf8_cut(name, EXPORT_MODEL_MAX), line->model, sizeof line->model))
		line->model[0] = 0;
}

static void text_model(struct json result, const char *key, struct export_line *line, struct arena *a)
{
	struct json v;
	if (json_member(result, span_from(key), &v) && v.type == JSON_STRING)
		set_model(line, json_text(v, a));
}

/* ---- the four kinds of result */

static enum status openai_cost(struct json r, struct export_line *line, struct arena *a, struct err *err)
{
	struct json value, currency;
	if (!json_pointer(r, "/amount/value", &value) || !json_pointer(r, "/amount/currency", &currency) ||
	    !(json_text_is(currency, SPAN("usd")) || json_text_is(currency, SPAN("USD"))))
		return err_field(err, STATUS_INVALID, "export", "export: a result without an amount in usd");
	struct span text = value.type == JSON_STRING ? json_text(value, a) : value.text;
	if (!decimal(text, DOLLAR_NANO, &line->cost_nanousd))
		return err_field(err, STATUS_INVALID, "export", "export: amount.value %.40s", arena_cstr(a, text));
	text_model(r, "line_item", line, a);
	return STATUS_OK;
}

static enum status openai_usage(struct json r, struct export_line *line, struct arena *a, struct err *err)
{
	(void)err;
	int64_t input = count_of(r, "input_tokens"), cached = count_of(r, "input_cached_tokens");
	line->cache_read_tokens = cached < input ? cached : input;
	line->input_tokens = input - line->cache_read_tokens;
	line->output_tokens = count_of(r, "output_tokens");
	line->requests = count_of(r, "num_model_requests");
	text_model(r, "model", line, a);
	return STATUS_OK;
}

static enum status anthropic_cost(struct json r, struct export_line *line, struct arena *a, struct err *err)
{
	struct json amount, currency;
	if (!json_member(r, SPAN("amount"), &amount) || !json_member(r, SPAN("currency"), &currency) ||
	    !json_text_is(currency, SPAN("USD")))
		return err_field(err, STATUS_INVALID, "export", "export: a result without an amount in USD");
	/* In cents, as text. */
	struct span text = amount.type == JSON_STRING ? json_text(amount, a) : amount.text;
	if (!decimal(text, CENT_NANO, &line->cost_nanousd))
		return err_field(err, STATUS_INVALID, "export", "export: amount %.40s", arena_cstr(a, text));
	text_model(r, "model", line, a);
	return STATUS_OK;
}

static enum status anthropic_usage(struct json r, struct export_line *line, struct arena *a, struct err *err)
{
	struct json creation;
	(void)err;
	line->input_tokens = count_of(r, "uncached_input_tokens");
	line->cache_read_tokens = count_of(r, "cache_read_input_tokens");
	if (json_member(r, SPAN("cache_creation"), &creation))
		line->cache_write_tokens =
		    count_of(creation, "ephemeral_1h_input_tokens") + count_of(creation, "ephemeral_5m_input_tokens");
	line->output_tokens = count_of(r, "output_tokens");
	text_model(r, "model", line, a);
	return STATUS_OK;
}

/* ---- buckets */

struct shape {
	const char *provider;
	unsigned which; /* index of analytics_export_names */
	bool costs;
	const char *mark; /* a member that only its results have */
	enum status (*read)(struct json r, struct export_line *line, struct arena *a, struct err *err);
};
static const struct shape shapes[] = {
    {"anthropic", 2, true, "/currency", anthropic_cost},
    {"anthropic", 2, false, "/uncached_input_tokens", anthropic_usage},
    {"openai", 1, true, "/amount/value", openai_cost},
    {"openai", 1, false, "/num_model_requests", openai_usage},
};

static bool bucket_day(struct json bucket, char day[11])
{
	struct json v;
	int64_t ms = 0, seconds;
	char text[RFC3339_BYTES];
	scoped_arena a = {0};
	if (json_member(bucket, SPAN("start_time"), &v) && json_i64(v, &seconds) && seconds >= 0 && seconds < 253402300800)
		ms = seconds * 1000;
	else if (!json_member(bucket, SPAN("starting_at"), &v) || !rfc3339_parse(json_text(v, &a), &ms))
		return false;
	return span_copy(span_of(rfc3339_format(ms, text), 10), day, 11);
}

static const struct shape *recognise(struct json data, unsigned which)
{
	struct json key, bucket, results, ignored;
	for (struct json_iter it = json_iter(data); json_next(&it, &key, &bucket);) {
		if (!json_member(bucket, SPAN("results"), &results) || !json_pointer(results, "/0", &ignored))
			continue;
		for (size_t i = 0; i < countof(shapes); i++) {
			char pointer[48];
			snprintf(pointer, sizeof pointer, "/0%s", shapes[i].mark);
			if ((!which || which == shapes[i].which) && json_pointer(results, pointer, &ignored))
				return &shapes[i];
		}
		return NULL;
	}
	return NULL;
}

static int by_day_and_model(const void *a, const void *b)
{
	const struct export_line *x = a, *y = b;
	int order = strcmp(x->day, y->day);
	return order ? order : strcmp(x->model, y->model);
}

/* Lines of the same day and model become one. */
static void merge(struct export *e)
{
	size_t kept = 0;
	qsort(e->lines, e->n, sizeof *e->lines, by_day_and_model);
	for (size_t i = 0; i < e->n; i++) {
		struct export_line *into = kept ? &e->lines[kept - 1] : NULL, *one = &e->lines[i];
		if (!into || by_day_and_model(into, one) != 0) {
			e->lines[kept++] = *one;
			continue;
		}
		into->cost_nanousd += one->cost_nanousd;
		into->input_tokens += one->input_tokens;
		into->cache_read_tokens += one->cache_read_tokens;
		into->cache_write_tokens += one->cache_write_tokens;
		into->output_tokens += one->output_tokens;
		into->requests += one->requests;
	}
	e->n = kept;
}

static enum status read_bucket(struct json bucket, const struct shape *shape, struct arena *a, struct export *e,
                               struct err *err)
{
	struct json key, result, results;
	char day[11];
	enum status status = STATUS_OK;
	if (!bucket_day(bucket, day))
		return err_field(err, STATUS_INVALID, "export", "export: a bucket without start_time or starting_at");
	if (!json_member(bucket, SPAN("results"), &results))
		return err_field(err, STATUS_INVALID, "export", "export: a bucket without results");
	for (struct json_iter it = json_iter(results); status == STATUS_OK && json_next(&it, &key, &result);) {
		if (e->n == EXPORT_LINES_MAX)
			return err_field(err, STATUS_TOO_LARGE, "export", "export: more than %d results", EXPORT_LINES_MAX);
		struct export_line *line = &e->lines[e->n];
		*line = (struct export_line){0};
		memcpy(line->day, day, sizeof line->day);
		status = shape->read(result, line, a, err);
		e->n += status == STATUS_OK;
	}
	return status;
}

static size_t count_results(struct json data)
{
	struct json key, bucket, results;
	size_t n = 0;
	for (struct json_iter it = json_iter(data); json_next(&it, &key, &bucket);)
		if (json_member(bucket, SPAN("results"), &results))
			n += json_count(results);
	return n;
}

enum status export_parse(struct json document, unsigned which, struct arena *a, struct export *ret, struct err *err)
{
	struct json data, key, bucket;
	enum status status = STATUS_OK;
	if (!json_member(document, SPAN("data"), &data) || data.type != JSON_ARRAY)
		return err_field(err, STATUS_INVALID, "export", "export: there is no data, as OpenAI's and Anthropic's reports have");
	const struct shape *shape = recognise(data, which);
	if (!shape)
		return err_field(err, STATUS_INVALID, "export",
		                 "export: the results are not those of OpenAI's costs or usage/completions, or of Anthropic's "
		                 "cost_report or usage_report/messages");
	size_t n = count_results(data);
	struct export e = {shape->provider, shape->costs, NULL, 0};
	e.lines = arena_alloc(a, (n < EXPORT_LINES_MAX ? n + 1 : EXPORT_LINES_MAX) * sizeof *e.lines);
	for (struct json_iter it = json_iter(data); status == STATUS_OK && json_next(&it, &key, &bucket);)
		status = read_bucket(bucket, shape, a, &e, err);
	if (status != STATUS_OK)
		return status;
	merge(&e);
	*ret = e;
	return STATUS_OK;
}
