/* From a request to its delivery: what was asked, how it is to be answered, and what the answer says. */
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "fake.h"
#include "fault.h"
#include "words.h"

#define REFUSAL "I cannot help with that."

struct job {
	struct fake *fake;
	struct delivery *d;
	struct request request;
	struct behaviour behaviour;
	struct ledger_entry entry;
	struct span key;
};

/* ---- which behaviour */

/* Ollama knows no keys. */
static bool authorized(const struct fake *f, struct http_exchange *x, const struct face *face, bool *ret_any)
{
	struct span key = http_exchange_header(x, "x-api-key"), bearer = http_exchange_header(x, "authorization");
	if (!key.p && span_starts(bearer, SPAN("Bearer ")))
		key = span_of(bearer.p + 7, bearer.n - 7);
	*ret_any = key.n > 0;
	return !f->config.api_key || span_is(key, f->config.api_key) || strcmp(face->name, face_ollama.name) == 0;
}

/* The suffix says more than the rule, and the rule more than the defaults. Caller holds the script's lock. */
static enum status choose(struct job *j, struct err *err)
{
	struct fake *f = j->fake;
	struct request *r = &j->request;
	struct arena *a = &j->d->memory;
	struct span suffix;
	enum status s = behaviour_split(r->name, &r->model, &suffix, err);
	if (s != STATUS_OK)
		return s;
	struct behaviour plain = behaviour_default(f->config.seed);
	const struct script_rule *rule = script_find(f->script, span_from(r->face->name), r->model, r->prompt, j->key);
	const struct behaviour *answers = rule ? rule->answers : &plain;
	size_t answers_n = rule ? rule->answers_n : 1;
	struct behaviour probe = answers[0];
	s = behaviour_parse_suffix(&probe, suffix, a, err);
	if (s != STATUS_OK)
		return s;
	struct span count_key = arena_printf(a, "%.*s\n%.*s", SPAN_ARG(r->name), SPAN_ARG(j->key));
	int64_t nth = answers_n > 1 || behaviour_counts(&probe) ? ledger_count(f->ledger, count_key) : 0;
	if (nth < 0)
		return err_set(err, STATUS_INTERNAL, "%d keys are counted already; POST /reset forgets them", LEDGER_KEYS_MAX);
	j->behaviour = answers[(size_t)nth < answers_n ? (size_t)nth : answers_n - 1];
	s = behaviour_parse_suffix(&j->behaviour, suffix, a, err);
	j->entry.nth = nth;
	j->d->random = random_of(j->behaviour.seed, count_key, nth);
	if (s == STATUS_OK)
		behaviour_settle(&j->behaviour, nth, &j->d->random);
	return s;
}

/* ---- what it says */

static struct span make_text(const struct request *r, const struct behaviour *b, struct arena *a)
{
	if (b->json.p)
		return b->json;
	if (b->text.p)
		return b->text;
	if (b->echo)
		return r->prompt;
	scoped_buf out = {0};
	struct randomness random = random_of(b->seed, r->prompt, 0);
	struct json_writer w = {&out};
	if (r->wants_json)
		words_write_value(&w, r->schema, &random);
	else
		words_write(&out, b->tokens, &random);
	return arena_dup(a, buf_span(&out));
}

static int64_t at_most(int64_t v, int64_t limit)
{
	return v < limit ? v : limit;
}

static void count_tokens(const struct request *r, const struct behaviour *b, struct span text, struct answer *ret)
{
	int64_t in = b->in >= 0 ? b->in : words_tokens(r->prompt_bytes);
	ret->cached = at_most(b->cached, in);
	ret->cache_write = r->face == &face_anthropic ? at_most(b->cache_write, in - ret->cached) : 0;
	ret->input = in - ret->cached - ret->cache_write;
	bool embeds = r->inputs.type != JSON_ABSENT;
	ret->output = embeds ? 0 : b->out >= 0 ? b->out : words_tokens(text.n) + b->reasoning;
	ret->reasoning = at_most(b->reasoning, ret->output);
}

static void make_answer(const struct request *r, const struct behaviour *b, struct arena *a, struct answer *ret)
{
	struct span text = make_text(r, b, a);
	*ret = (struct answer){.finish = b->finish, .piece_tokens = b->piece, .no_usage = b->fault == FAULT_NO_USAGE};
	ret->at_wall_ms = clock_wall_ms(&clock_system);
	if (b->finish == FINISH_REFUSAL && !b->text.p)
		text = SPAN(REFUSAL);
	if (r->max_tokens >= 0 && words_tokens(text.n) > r->max_tokens) {
		text = words_cut(text, r->max_tokens);
		ret->finish = b->finish == FINISH_STOP ? FINISH_LENGTH : b->finish;
	}
	count_tokens(r, b, text, ret);
	if (b->fault == FAULT_BAD_UTF8 || (b->fault == FAULT_FLOOD && !r->stream))
		text = fault_mark(text, a);
	if (b->finish == FINISH_REFUSAL)
		ret->refusal = text;
	else
		ret->text = text;
}

/* ---- how it is told */

static void add_headers(struct http_exchange *x, const struct behaviour *b, int64_t sequence)
{
	char text[64];
	snprintf(text, sizeof text, "req_%016llx", (unsigned long long)sequence);
	http_exchange_add_header(x, "x-request-id", text);
	http_exchange_add_header(x, "request-id", text);
	if (b->retry_after_ms >= 0) {
		snprintf(text, sizeof text, "%lld", (long long)b->retry_after_ms);
		http_exchange_add_header(x, "retry-after-ms", text);
	}
	if (b->retry_after_s >= 0) {
		snprintf(text, sizeof text, "%lld", (long long)b->retry_after_s);
		http_exchange_add_header(x, "retry-after", text);
	} else if (b->retry_after_date_s >= 0) {
		time_t at = (time_t)(clock_wall_ms(&clock_system) / 1000 + b->retry_after_date_s);
		struct tm tm;
		strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
		http_exchange_add_header(x, "retry-after", text);
	}
}

static void copy_name(struct span from, char to[LEDGER_NAME_MAX])
{
	span_copy(utf8_cut(from, LEDGER_NAME_MAX - 1), to, LEDGER_NAME_MAX);
}

/* Writes the log's entry and sets off. */
static void deliver(struct job *j, struct span body)
{
	struct delivery *d = j->d;
	struct ledger_entry *e = &j->entry;
	struct span name = j->request.name, model = j->request.model.p ? j->request.model : name;
	e->at_wall_ms = clock_wall_ms(&clock_system);
	e->http_status = d->silent ? 0 : d->http_status;
	e->fault = fault_names[j->behaviour.fault];
	e->stream = j->request.stream;
	e->request_bytes = (int64_t)body.n;
	e->latency_ms = d->latency_ms;
	e->prompt_hash = hash64(j->request.prompt);
	copy_name(model, e->model);
	if (name.n > model.n)
		copy_name(span_of(name.p + model.n + 1, name.n - model.n - 1), e->suffix);
	copy_name(j->key, e->key);
	d->sequence = ledger_begin(j->fake->ledger, e, body);
	add_headers(d->exchange, &j->behaviour, d->sequence);
	delivery_start(j->fake->schedule, d);
}

static void make_error(struct job *j, int status)
{
	struct delivery *d = j->d;
	d->http_status = status;
	d->content_type = "application/json";
	pieces_reset(&d->pieces);
	j->request.face->error(status, &j->behaviour, &d->pieces.bytes);
	pieces_close(&d->pieces);
}

/* A request that the provider would not take. */
static void refuse(struct job *j, int status, const struct err *err, struct span body)
{
	j->behaviour = behaviour_default(0);
	if (err)
		j->behaviour.message = span_from(err->msg);
	make_error(j, status);
	deliver(j, body);
}

static void make_success(struct job *j)
{
	struct delivery *d = j->d;
	struct request *r = &j->request;
	struct answer a;
	make_answer(r, &j->behaviour, &d->memory, &a);
	a.id = ++j->fake->answers;
	d->http_status = (int)j->behaviour.status;
	d->tokens = (struct tokens){a.input, a.cached, a.cache_write, a.output, a.reasoning};
	if (r->stream) {
		d->whole = false;
		d->content_type = r->face->stream_type;
		r->face->stream(r, &a, &d->pieces);
		return;
	}
	d->content_type = "application/json";
	r->face->write(r, &a, &d->pieces.bytes);
	pieces_close(&d->pieces);
}

static void make(struct job *j)
{
	struct delivery *d = j->d;
	const struct behaviour *b = &j->behaviour;
	bool error = b->status >= 400;
	d->latency_ms = latency_draw(&b->latency, &d->random);
	d->gap = b->gap;
	if (error)
		make_error(j, (int)b->status);
	else
		make_success(j);
	fault_strike(d, b, j->request.face, j->request.stream && !error);
}

static enum status read_request(struct job *j, struct span body, struct err *err)
{
	struct json document;
	enum status s = json_parse(body, &document, err);
	if (s == STATUS_OK && document.type != JSON_OBJECT)
		s = err_set(err, STATUS_INVALID, "The body must be a JSON object.");
	j->request.max_tokens = -1;
	return s == STATUS_OK ? j->request.face->read(document, &j->request, &j->d->memory, err) : s;
}

void fake_answer(struct fake *f, struct http_exchange *x, const struct face *face, const char *operation)
{
	struct span body = http_exchange_body(x);
	struct err err = {0};
	struct job j = {.fake = f, .d = delivery_new(f->schedule, x), .request.face = face};
	j.key = http_exchange_header(x, "fake-key");
	j.entry.face = face->name;
	j.entry.operation = operation;
	bool allowed = authorized(f, x, face, &j.entry.authorized);
	enum status s = read_request(&j, body, &err);
	if (s != STATUS_OK || !allowed) {
		refuse(&j, allowed ? 400 : 401, allowed ? &err : NULL, body);
		return;
	}
	pthread_mutex_lock(&f->script_lock);
	s = choose(&j, &err);
	if (s == STATUS_OK)
		make(&j);
	pthread_mutex_unlock(&f->script_lock);
	if (s == STATUS_OK)
		deliver(&j, body);
	else
		refuse(&j, s == STATUS_INVALID ? 400 : 500, &err, body);
}
