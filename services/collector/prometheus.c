/* A parser that goes over each line once, and the arithmetic of selectors. */
#include "services/collector/prometheus.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define NUMBER_MAX 64 /* characters of a value */

/* What is left of a line or selector. */
struct cursor {
	const char *p, *end;
};

static bool at_end(const struct cursor *c)
{
	return c->p == c->end;
}

static bool take(struct cursor *c, char wanted)
{
	if (at_end(c) || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (!at_end(c) && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool is_name_char(char c, bool first, bool colon)
{
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
	return letter || (!first && c >= '0' && c <= '9');
}

static struct span take_name(struct cursor *c, bool colon)
{
	const char *from = c->p;
	while (!at_end(c) && is_name_char(*c->p, c->p == from, colon))
		c->p++;
	return span_of(from, (size_t)(c->p - from));
}

/* Without escapes a slice, with them a copy. */
static bool take_quoted(struct cursor *c, struct arena *a, struct span *ret)
{
	if (!take(c, '"'))
		return false;
	const char *from = c->p;
	bool escaped = false;
	while (!at_end(c) && *c->p != '"') {
		escaped |= *c->p == '\\';
		c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
	}
	struct span raw = span_of(from, (size_t)(c->p - from));
	if (!take(c, '"'))
		return false;
	*ret = raw;
	if (!escaped)
		return true;
	char *out = arena_alloc(a, raw.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\' && i + 1 < raw.n)
			out[n++] = raw.p[++i] == 'n' ? '\n' : raw.p[i];
		else
			out[n++] = raw.p[i];
	}
	*ret = span_of(out, n);
	return true;
}

/* {name="value",…}, a comma at the end allowed; nothing at all is fine, too. */
static bool take_labels(struct cursor *c, struct arena *a, struct prometheus_label *labels, size_t *ret_n)
{
	size_t n = 0;
	skip_blanks(c);
	if (take(c, '{')) {
		for (skip_blanks(c); !take(c, '}'); skip_blanks(c)) {
			if (n == PROMETHEUS_LABELS_MAX)
				return false;
			labels[n].name = take_name(c, false);
			skip_blanks(c);
			if (!labels[n].name.n || !take(c, '='))
				return false;
			skip_blanks(c);
			if (!take_quoted(c, a, &labels[n++].value))
				return false;
			skip_blanks(c);
			if (!take(c, ',') && (at_end(c) || *c->p != '}'))
				return false;
		}
	}
	*ret_n = n;
	return true;
}

/* Decimal, as strtod has it but for its hexadecimal forms and blanks; NaN and infinities by their names. */
static bool take_number(struct cursor *c, double *ret)
{
	char text[NUMBER_MAX + 1];
	const char *from = c->p;
	while (!at_end(c) && *c->p != ' ' && *c->p != '\t')
		c->p++;
	size_t n = (size_t)(c->p - from);
	if (!n || n > NUMBER_MAX)
		return false;
	memcpy(text, from, n);
	text[n] = 0;
	const char *unsigned_part = text + (*text == '+' || *text == '-');
	bool named = strcasecmp(unsigned_part, "nan") == 0 || strcasecmp(unsigned_part, "inf") == 0;
	if (!named && strspn(text, "0123456789.eE+-") != n)
		return false;
	char *end;
	*ret = strtod(text, &end);
	return end == text + n;
}

static bool parse_line(struct span line, struct arena *a, struct prometheus_sample *ret)
{
	struct cursor c = {line.p, line.p + line.n};
	double timestamp;
	ret->name = take_name(&c, true);
	if (!ret->name.n || !take_labels(&c, a, ret->labels, &ret->labels_n))
		return false;
	skip_blanks(&c);
	if (!take_number(&c, &ret->value))
		return false;
	skip_blanks(&c);
	if (!at_end(&c) && !take_number(&c, &timestamp))
		return false;
	skip_blanks(&c);
	return at_end(&c);
}

enum status prometheus_parse(struct span text, void (*fn)(void *arg, const struct prometheus_sample *s), void *arg,
                             struct err *err)
{
	scoped_arena a = {0};
	struct prometheus_sample s;
	for (size_t number = 1; text.p; number++) {
		struct span line = span_trim(span_cut(&text, '\n'));
		if (!line.n || line.p[0] == '#')
			continue;
		if (!parse_line(line, &a, &s))
			return err_set(err, STATUS_INVALID, "line %zu is not in the Prometheus text format", number);
		fn(arg, &s);
		arena_reset(&a);
	}
	return STATUS_OK;
}

/* ---- selectors */

static const char *const function_names[] = {"sum", "min", "max", "avg", "count", NULL};

enum status prometheus_select(struct span text, struct arena *a, struct prometheus_selector *ret, struct err *err)
{
	struct prometheus_label labels[PROMETHEUS_LABELS_MAX];
	struct span all = arena_dup(a, span_trim(text));
	struct cursor c = {all.p, all.p + all.n};
	struct span name = take_name(&c, true);
	bool called = name.n && take(&c, '('), known = !called, fine = name.n > 0;
	*ret = (struct prometheus_selector){.function = PROMETHEUS_SUM};
	for (unsigned i = 0; called && function_names[i]; i++) {
		if (span_is(name, function_names[i])) {
			ret->function = i;
			known = true;
		}
	}
	if (called) {
		skip_blanks(&c);
		name = take_name(&c, true);
	}
	fine = fine && known && name.n && take_labels(&c, a, labels, &ret->labels_n);
	skip_blanks(&c);
	if (!fine || (called && !take(&c, ')')) || !at_end(&c))
		return err_set(err, STATUS_INVALID,
		               "\"%.*s\" is not name{label=\"value\"}, or sum, min, max, avg or count of one",
		               (int)(all.n < 80 ? all.n : 80), all.p);
	ret->name = name;
	ret->labels = arena_alloc(a, (ret->labels_n + 1) * sizeof *labels);
	memcpy(ret->labels, labels, ret->labels_n * sizeof *labels);
	return STATUS_OK;
}

static bool is_wanted(const struct prometheus_selector *s, const struct prometheus_sample *sample)
{
	if (!span_eq(s->name, sample->name))
		return false;
	for (size_t i = 0; i < s->labels_n; i++) {
		bool found = false;
		for (size_t j = 0; j < sample->labels_n && !found; j++)
			found = span_eq(s->labels[i].name, sample->labels[j].name) &&
			        span_eq(s->labels[i].value, sample->labels[j].value);
		if (!found)
			return false;
	}
	return true;
}

void prometheus_add(const struct prometheus_selector *s, const struct prometheus_sample *sample,
                    struct prometheus_total *t)
{
	if (!is_wanted(s, sample))
		return;
	double v = sample->value;
	if (s->function == PROMETHEUS_MIN)
		t->value = t->n == 0 || v < t->value || isnan(v) ? v : t->value;
	else if (s->function == PROMETHEUS_MAX)
		t->value = t->n == 0 || v > t->value || isnan(v) ? v : t->value;
	else
		t->value += v;
	t->n++;
}

bool prometheus_result(const struct prometheus_selector *s, const struct prometheus_total *t, double *ret)
{
	if (s->function == PROMETHEUS_COUNT)
		*ret = (double)t->n;
	else if (t->n == 0)
		return false;
	else
		*ret = s->function == PROMETHEUS_AVG ? t->value / (double)t->n : t->value;
	return true;
}
