/* Puts figures and names into the rules' texts. */
#include <math.h>
#include <stdio.h>

#include "core/utf8.h"
#include "reasoning/rule.h"

static int place_of(struct span name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (span_is(name, names[i]))
			return i;
	return -1;
}

static void put_duration(double minutes, struct buf *out)
{
	if (minutes < 1)
		buf_adds(out, "less than a minute");
	else if (minutes < 120)
		buf_printf(out, "%.0f minute%s", minutes, minutes < 1.5 ? "" : "s");
	else if (minutes < 48 * 60)
		buf_printf(out, "%.0f hours", minutes / 60);
	else
		buf_printf(out, "%.0f days", minutes / (24 * 60));
}

static void put_number(double v, enum unit unit, struct buf *out)
{
	if (unit == UNIT_SHARE)
		buf_printf(out, "%.1f %%", v * 100);
	else if (unit == UNIT_MINUTES)
		put_duration(v, out);
	else if (unit == UNIT_FACTOR)
		buf_printf(out, "%.1f", v);
	else
		buf_printf(out, "%.0f", v);
}

/* What stands for {inside}; false when the name is none of ours. */
static bool put_placeholder(struct span inside, const struct facts *f, struct buf *out)
{
	struct span rest = inside, name = span_cut(&rest, '|');
	int at = place_of(name, fact_names, FACT_COUNT);
	if (at >= 0) {
		double v = f->all[at].value;
		put_number(v, fact_units[at], out);
		if (!rest.p)
			return true;
		struct span one = span_cut(&rest, '|');
		struct span word = round(v) == 1 && fact_units[at] == UNIT_COUNT ? one : rest;
		buf_printf(out, " %.*s", SPAN_ARG(word));
		return true;
	}
	at = place_of(name, label_names, LABEL_COUNT);
	if (at < 0)
		return false;
	buf_addspan(out, f->labels[at].n ? f->labels[at] : SPAN("?"));
	return true;
}

static void substitute(const char *text, const struct facts *f, bool quoted, struct buf *out)
{
	for (const char *p = text; *p;) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		scoped_buf value = {0};
		if (!end || !put_placeholder(span_of(p + 1, (size_t)(end - p - 1)), f, &value)) {
			buf_addc(out, *p++);
			continue;
		}
		p = end + 1;
		if (!quoted) {
			buf_addspan(out, buf_span(&value));
			continue;
		}
		scoped_buf text_json = {0};
		json_quote(&text_json, buf_span(&value));
		buf_add(out, text_json.data + 1, text_json.len - 2);
	}
}

void rule_text(const char *text, const struct facts *f, size_t max_bytes, struct buf *out)
{
	scoped_buf whole = {0};
	substitute(text, f, false, &whole);
	buf_addspan(out, utf8_cut(buf_span(&whole), max_bytes));
}

void rule_payload(const char *text, const struct facts *f, struct buf *out)
{
	substitute(text, f, true, out);
}
