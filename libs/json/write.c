/* Writing JSON that is valid whatever it is given. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/utf8.h"
#include "json/put.h"

/* One byte or sequence that cannot be copied as it is; returns the bytes of `s` it stands for. */
static size_t put_special(struct buf *out, struct span s)
{
	static const char letters[] = "btnvfr"; /* for 8 to 13; JSON has no \v */
	unsigned char c = (unsigned char)s.p[0];
	if (c >= 0x80 || c == 0) {
		size_t n = c ? utf8_sequence(s) : 0;
		if (n)
			buf_add(out, s.p, n);
		else
			buf_add(out, "\xEF\xBF\xBD", 3);
		return n ? n : 1;
	}
	char escape[6] = {'\\', (char)c};
	size_t n = 2;
	if (c < ' ' && c >= 8 && c <= 13 && c != 11) {
		escape[1] = letters[c - 8];
	} else if (c < ' ') {
		memcpy(escape, "\\u00", 4);
		escape[4] = (char)('0' + (c >> 4));
		escape[5] = "0123456789abcdef"[c & 15];
		n = 6;
	}
	buf_add(out, escape, n);
	return 1;
}

void put_text_slow(struct buf *out, struct span s)
{
	for (const char *p = s.p, *end = p + s.n; p < end;) {
		const char *stop = scan_plain(p, end);
		/* Sequences that are valid belong to the run: texts in most languages are copied in long pieces. */
		for (size_t n;
		     stop < end && (signed char)*stop < 0 && (n = utf8_sequence(span_of(stop, (size_t)(end - stop))));)
			stop = scan_plain(stop + n, end);
		buf_add(out, p, (size_t)(stop - p));
		p = stop < end ? stop + put_special(out, span_of(stop, (size_t)(end - stop))) : stop;
	}
}

void json_quote(struct buf *out, struct span s)
{
	if (!s.p)
		s = SPAN("");
	char *at = buf_reserve(out, s.n + 2);
	if (!at)
		return;
	*at++ = '"';
	size_t plain = put_plain(at, s);
	if (plain == s.n) {
		at[plain] = '"';
		buf_commit(out, s.n + 2);
		return;
	}
	buf_commit(out, 1 + plain);
	put_text_slow(out, span_of(s.p + plain, s.n - plain));
	buf_addc(out, '"');
}

static void separate(struct json_writer *w)
{
	if (w->comma)
		buf_addc(w->out, ',');
	w->comma = true;
}

static void open_bracket(struct json_writer *w, char bracket)
{
	separate(w);
	buf_addc(w->out, bracket);
	w->comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
	buf_addc(w->out, bracket);
	w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
	open_bracket(w, '{');
}

void json_end_object(struct json_writer *w)
{
	close_bracket(w, '}');
}

void json_begin_array(struct json_writer *w)
{
	open_bracket(w, '[');
}

void json_end_array(struct json_writer *w)
{
	close_bracket(w, ']');
}

void json_key(struct json_writer *w, struct span key)
{
	separate(w);
	json_quote(w->out, key);
	buf_addc(w->out, ':');
	w->comma = false;
}

void json_put_text(struct json_writer *w, struct span s)
{
	separate(w);
	if (s.p)
		json_quote(w->out, s);
	else
		buf_adds(w->out, "null");
}

void json_put_i64(struct json_writer *w, int64_t v)
{
	separate(w);
	buf_addi64(w->out, v);
}

/* The digits before and after the point of whole / 10^decimals. */
static size_t fixed(char *out, size_t bytes, double whole, int decimals)
{
	char digits[32];
	long long magnitude = (long long)fabs(whole);
	int n = snprintf(digits, sizeof digits, "%0*lld", decimals + 1, magnitude);
	return (size_t)snprintf(out, bytes, "%s%.*s%s%s", whole < 0 ? "-" : "", n - decimals, digits, decimals ? "." : "",
	                        digits + n - decimals);
}

/*
 * With whole and 10^k below 2^53 the division rounds as reading the decimal does, so the first k that gives `v` back is
 * the shortest fixed form.
 */
static size_t format_f64(double v, char *out, size_t bytes)
{
	double power = 1;
	if (v == 0)
		return (size_t)snprintf(out, bytes, "%s", signbit(v) ? "-0" : "0");
	for (int decimals = 0; decimals <= 15; decimals++, power *= 10) {
		double whole = nearbyint(v * power);
		if (fabs(whole) >= 0x1p53)
			break;
		if (whole / power == v)
			return fixed(out, bytes, whole, decimals);
	}
	int n = 0;
	for (int precision = 1; precision <= 17; precision++) {
		n = snprintf(out, bytes, "%.*g", precision, v);
		if (strtod(out, NULL) == v)
			break;
	}
	char *point = strchr(out, ','); /* a locale's idea of a decimal point */
	if (point)
		*point = '.';
	return (size_t)n;
}

void json_put_f64(struct json_writer *w, double v)
{
	char text[48];
	separate(w);
	if (isfinite(v))
		buf_add(w->out, text, format_f64(v, text, sizeof text));
	else
		buf_adds(w->out, "null");
}

void json_put_bool(struct json_writer *w, bool v)
{
	separate(w);
	buf_adds(w->out, v ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
	separate(w);
	buf_adds(w->out, "null");
}

void json_put(struct json_writer *w, struct json v)
{
	if (v.type == JSON_ABSENT) {
		json_put_null(w);
		return;
	}
	separate(w);
	buf_addspan(w->out, v.text);
}

void json_kv_text(struct json_writer *w, const char *key, struct span s)
{
	json_key(w, span_from(key));
	json_put_text(w, s);
}

void json_kv_cstr(struct json_writer *w, const char *key, const char *s)
{
	json_kv_text(w, key, span_from(s));
}

void json_kv_i64(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, span_from(key));
	json_put_i64(w, v);
}

void json_kv_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
	char text[RFC3339_BYTES];
	json_kv_cstr(w, key, rfc3339_format(wall_ms, text));
}

void json_kv_f64(struct json_writer *w, const char *key, double v)
{
	json_key(w, span_from(key));
	json_put_f64(w, v);
}

void json_kv_bool(struct json_writer *w, const char *key, bool v)
{
	json_key(w, span_from(key));
	json_put_bool(w, v);
}

void json_kv(struct json_writer *w, const char *key, struct json v)
{
	json_key(w, span_from(key));
	json_put(w, v);
}
