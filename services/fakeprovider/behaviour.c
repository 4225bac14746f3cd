/* One table of options, read from a model's suffix or from a rule, with errors that say what is allowed. */
#include "behaviour.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/utf8.h"

#define TEXT_MAX_TOKENS 1000000
#define COUNT_MAX 1000000000
#define TIME_ALLOWED                                                                                                   \
	"a time such as 200ms or 1.5s, 100ms..300ms (uniform), normal/200ms/50ms (mean, deviation) or "                    \
	"lognormal/200ms/0.5 "                                                                                             \
	"(median, sigma)"

const char *const fault_names[] = {
#define X(name, word, help) word,
    FAULT_LIST(X)
#undef X
        NULL};
const char *const fault_helps[] = {
#define X(name, word, help) help,
    FAULT_LIST(X)
#undef X
        NULL};
const char *const finish_names[] = {"stop", "length", "content_filter", "refusal", NULL};

enum option_kind { OPTION_INT, OPTION_TEXT, OPTION_JSON, OPTION_FLAG, OPTION_CHANCE, OPTION_LATENCY, OPTION_ENUM };

struct option {
	const char *name;
	enum option_kind kind;
	size_t offset;
	int64_t min, max;
	const char *const *names; /* OPTION_ENUM */
	const char *help;
};

#define OPTION(name, kind, member, ...)                                                                                \
	{                                                                                                                  \
		name, OPTION_##kind, offsetof(struct behaviour, member), __VA_ARGS__                                           \
	}
static const struct option options[] = {
    OPTION("latency", LATENCY, latency, .help = "time before the answer, or before a stream's first piece"),
    OPTION("gap", LATENCY, gap, .help = "time between the pieces of a stream"),
    OPTION("status", INT, status, 200, 599, .help = "HTTP status; from 400 on the body is the provider's error"),
    OPTION("code", TEXT, code, .help = "error code, e.g. insufficient_quota"),
    OPTION("type", TEXT, type, .help = "error type, e.g. overloaded_error"),
    OPTION("message", TEXT, message, .help = "error message"),
    OPTION("retry-after", INT, retry_after_s, 0, COUNT_MAX, .help = "header retry-after in seconds"),
    OPTION("retry-after-ms", INT, retry_after_ms, 0, COUNT_MAX, .help = "header retry-after-ms"),
    OPTION("retry-after-date", INT, retry_after_date_s, 0, 86400,
           .help = "header retry-after as a date so many seconds ahead"),
    OPTION("fault", ENUM, fault, .names = fault_names, .help = "one of the faults below"),
    OPTION("finish", ENUM, finish, .names = finish_names,
           .help = "why the answer ends: stop, length, content_filter, refusal"),
    OPTION("at", INT, at, 0, COUNT_MAX, .help = "pieces of text before a fault strikes in a stream (2)"),
    OPTION("bytes", INT, bytes, 0, INT64_MAX, .help = "size of a flood; without it there is no end"),
    OPTION("text", TEXT, text, .help = "the answer"),
    OPTION("json", JSON, json, .help = "the answer, a JSON value"),
    OPTION("echo", FLAG, echo, .help = "the answer is the last message"),
    OPTION("tokens", INT, tokens, 1, TEXT_MAX_TOKENS, .help = "length of a made-up answer (16)"),
    OPTION("in", INT, in, 0, COUNT_MAX, .help = "input tokens to report, cached ones included (counted unless given)"),
    OPTION("out", INT, out, 0, COUNT_MAX, .help = "output tokens to report, reasoning included (counted unless given)"),
    OPTION("cached", INT, cached, 0, COUNT_MAX, .help = "input tokens read from the provider's cache (0)"),
    OPTION("cache-write", INT, cache_write, 0, COUNT_MAX, .help = "input tokens written to it; Anthropic only (0)"),
    OPTION("reasoning", INT, reasoning, 0, COUNT_MAX, .help = "output tokens spent on reasoning (0)"),
    OPTION("piece", INT, piece, 1, COUNT_MAX, .help = "tokens in a piece of a stream (4)"),
    OPTION("first", INT, first, 0, COUNT_MAX, .help = "fail so many requests only; later ones are answered well"),
    OPTION("after", INT, after, 0, COUNT_MAX, .help = "answer so many requests well before failing"),
    OPTION("chance", CHANCE, chance, .help = "fail with this probability, 0 to 1"),
    OPTION("seed", INT, seed, 0, INT64_MAX, .help = "for what is random or made up (FAKE_SEED)"),
    OPTION("id", TEXT, id, .help = "no effect; keeps the counts of parallel tests apart"),
};

struct behaviour behaviour_default(int64_t seed)
{
	return (struct behaviour){.status = 200,
	                          .retry_after_s = -1,
	                          .retry_after_ms = -1,
	                          .retry_after_date_s = -1,
	                          .at = 2,
	                          .bytes = -1,
	                          .tokens = 16,
	                          .in = -1,
	                          .out = -1,
	                          .piece = 4,
	                          .chance = 1,
	                          .seed = seed};
}

static const struct option *find(struct span name)
{
	for (size_t i = 0; i < countof(options); i++)
		if (span_is(name, options[i].name))
			return &options[i];
	return NULL;
}

/* ---- values */

static bool parse_number(struct span s, double *ret, struct span *rest)
{
	char text[32], *end;
	if (!s.n || (s.p[0] != '.' && (s.p[0] < '0' || s.p[0] > '9')) ||
	    !span_copy(span_of(s.p, s.n < 31 ? s.n : 31), text, 32))
		return false;
	*ret = strtod(text, &end);
	*rest = span_of(s.p + (end - text), s.n - (size_t)(end - text));
	return isfinite(*ret);
}

static bool parse_time(struct span s, double *ret_ms)
{
	struct span unit;
	if (!parse_number(s, ret_ms, &unit))
		return false;
	if (span_is(unit, "s"))
		*ret_ms *= 1000;
	else if (span_is(unit, "m"))
		*ret_ms *= 60000;
	else if (unit.n && !span_is(unit, "ms"))
		return false;
	return *ret_ms <= LATENCY_MAX_MS;
}

static bool parse_latency(struct span s, struct latency *ret)
{
	struct span rest = s, kind = span_cut(&rest, '/'), a, b;
	const char *dots = memmem(s.p, s.n, "..", 2);
	struct latency l = {LATENCY_FIXED, 0, 0};
	if (rest.p) {
		a = span_cut(&rest, '/');
		b = rest;
		l.kind = span_is(kind, "normal") ? LATENCY_NORMAL : LATENCY_LOGNORMAL;
		bool lognormal = span_is(kind, "lognormal");
		if (!b.p || (l.kind == LATENCY_LOGNORMAL && !lognormal) || !parse_time(a, &l.a))
			return false;
		if (lognormal ? !parse_number(b, &l.b, &rest) || rest.n : !parse_time(b, &l.b))
			return false;
	} else if (dots) {
		l.kind = LATENCY_UNIFORM;
		b = span_of(dots + 2, (size_t)(s.p + s.n - dots - 2));
		if (!parse_time(span_of(s.p, (size_t)(dots - s.p)), &l.a) || !parse_time(b, &l.b) || l.b < l.a)
			return false;
	} else if (!parse_time(s, &l.a)) {
		return false;
	}
	*ret = l;
	return true;
}

static enum status refuse(const struct option *o, struct span value, const char *allowed, struct err *err)
{
	return err_field(err, STATUS_INVALID, o->name, "%s: \"%.*s\" is not %s", o->name,
	                 (int)(value.n < 60 ? value.n : 60), value.p, allowed);
}

static enum status set_int(const struct option *o, int64_t *member, struct span value, struct err *err)
{
	char allowed[80];
	int64_t v;
	if (!span_i64(value, &v) || v < o->min || v > o->max) {
		snprintf(allowed, sizeof allowed, "a whole number in [%lld, %lld]", (long long)o->min, (long long)o->max);
		return refuse(o, value, allowed, err);
	}
	*member = v;
	return STATUS_OK;
}

static enum status set_enum(const struct option *o, unsigned *member, struct span value, struct err *err)
{
	scoped_buf allowed = {0};
	for (unsigned i = 0; o->names[i]; i++) {
		if (span_is(value, o->names[i])) {
			*member = i;
			return STATUS_OK;
		}
		buf_printf(&allowed, "%s%s", i ? ", " : "one of ", o->names[i]);
	}
	return refuse(o, value, allowed.data, err);
}

static enum status set_chance(const struct option *o, double *member, struct span value, struct err *err)
{
	struct span rest;
	double v;
	if (!parse_number(value, &v, &rest) || rest.n || v > 1)
		return refuse(o, value, "a number in [0, 1]", err);
	*member = v;
	return STATUS_OK;
}

static enum status set_flag(const struct option *o, bool *member, struct span value, struct err *err)
{
	if (value.p && !span_is(value, "true") && !span_is(value, "false"))
		return refuse(o, value, "true or false", err);
	*member = !span_is(value, "false");
	return STATUS_OK;
}

/* An absent value is a flag's. */
static enum status set(struct behaviour *b, struct span name, struct span value, struct err *err)
{
	const struct option *o = find(name);
	struct json parsed;
	if (!o)
		return err_field(err, STATUS_INVALID, "model", "there is no option \"%.*s\"; --help lists them",
		                 (int)(name.n < 60 ? name.n : 60), name.p);
	void *member = (char *)b + o->offset;
	if (!value.p && o->kind != OPTION_FLAG)
		return err_field(err, STATUS_INVALID, o->name, "%s needs a value: %s=…", o->name, o->name);
	switch (o->kind) {
	case OPTION_INT:
		return set_int(o, member, value, err);
	case OPTION_ENUM:
		return set_enum(o, member, value, err);
	case OPTION_CHANCE:
		return set_chance(o, member, value, err);
	case OPTION_FLAG:
		return set_flag(o, member, value, err);
	case OPTION_LATENCY:
		b->gap_given |= member == &b->gap;
		return parse_latency(value, member) ? STATUS_OK : refuse(o, value, TIME_ALLOWED, err);
	case OPTION_JSON:
		if (json_parse(value, &parsed, err) != STATUS_OK)
			return refuse(o, value, "a JSON value", err);
		break;
	case OPTION_TEXT:
		if (!utf8_valid(value))
			return refuse(o, span_of("", 0), "UTF-8", err);
		break;
	}
	*(struct span *)member = value;
	return STATUS_OK;
}

/* ---- from a model's name */

enum status behaviour_split(struct span name, struct span *ret_model, struct span *ret_suffix, struct err *err)
{
	struct span last = {0};
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != ':')
			continue;
		struct span rest = last = span_of(name.p + i + 1, name.n - i - 1);
		size_t word = 0;
		while (word < rest.n && !memchr("=,:", rest.p[word], 3))
			word++;
		if (!find(span_of(rest.p, word)))
			continue;
		*ret_model = span_of(name.p, i);
		*ret_suffix = rest;
		return STATUS_OK;
	}
	if (last.n && memchr(last.p, '=', last.n))
		return set(&(struct behaviour){0}, span_cut(&last, '='), SPAN(""), err);
	*ret_model = name;
	*ret_suffix = (struct span){0};
	return STATUS_OK;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static struct span percent_decode(struct span s, struct arena *a)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		bool code = s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
		out[n++] = code ? (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2])) : s.p[i];
		i += code ? 2 : 0;
	}
	return span_of(out, n);
}

enum status behaviour_parse_suffix(struct behaviour *b, struct span suffix, struct arena *a, struct err *err)
{
	while (suffix.p) {
		struct span value = span_cut(&suffix, ','), name = span_cut(&value, '=');
		if (value.p)
			value = percent_decode(value, a);
		enum status s = set(b, name, value, err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

/* ---- from a rule */

enum status behaviour_parse_object(struct behaviour *b, struct json object, struct arena *a, struct err *err)
{
	struct json_iter it = json_iter(object);
	struct json key, v;
	while (json_next(&it, &key, &v)) {
		struct span name = json_text(key, a);
		bool verbatim = v.type != JSON_STRING || span_is(name, "json");
		enum status s = set(b, name, verbatim ? v.text : json_text(v, a), err);
		if (s != STATUS_OK)
			return s;
	}
	return STATUS_OK;
}

/* ---- what becomes of it */

bool behaviour_counts(const struct behaviour *b)
{
	return b->first || b->after || b->chance < 1 || b->latency.kind != LATENCY_FIXED;
}

void behaviour_settle(struct behaviour *b, int64_t n, struct randomness *r)
{
	bool fails =
	    n >= b->after && (!b->first || n < b->after + b->first) && (b->chance >= 1 || random_01(r) < b->chance);
	if (fails)
		return;
	b->status = 200;
	b->fault = FAULT_NONE;
	b->finish = FINISH_STOP;
	b->retry_after_s = b->retry_after_ms = b->retry_after_date_s = -1;
}

/* Two independent uniform numbers make a normal one: G. Box, M. Muller (1958). */
static double normal(struct randomness *r)
{
	double radius = sqrt(-2 * log(1 - random_01(r))), angle = 2 * M_PI * random_01(r);
	return radius * cos(angle);
}

int64_t latency_draw(const struct latency *l, struct randomness *r)
{
	double ms = l->a;
	if (l->kind == LATENCY_UNIFORM)
		ms = l->a + (l->b - l->a) * random_01(r);
	else if (l->kind == LATENCY_NORMAL)
		ms = l->a + l->b * normal(r);
	else if (l->kind == LATENCY_LOGNORMAL)
		ms = l->a * exp(l->b * normal(r));
	return ms <= 0 ? 0 : ms >= LATENCY_MAX_MS ? LATENCY_MAX_MS : (int64_t)(ms + 0.5);
}

void behaviour_help(struct buf *out)
{
	buf_adds(
	    out,
	    "Options of an answer, behind the model's name (gpt-fake:latency=200ms,status=429,first=2) or in a rule:\n");
	for (size_t i = 0; i < countof(options); i++)
		buf_printf(out, "  %-17s %s\n", options[i].name, options[i].help);
	buf_adds(out, "\nFaults:\n");
	for (size_t i = 1; fault_names[i]; i++)
		buf_printf(out, "  %-17s %s\n", fault_names[i], fault_helps[i]);
}
