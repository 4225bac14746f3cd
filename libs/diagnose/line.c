/* Reads lines of logs in the formats that most programs write. */
#include "diagnose/line.h"

#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "json/table.h"

#define DAY_MS 86400000ll
#define LOOKED_AT 64 /* bytes of a line in which its moment begins */

/* ---- moments */

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static int month_of(const char *p)
{
	for (int i = 0; i < 12; i++)
		if (memcmp(p, months + 3 * i, 3) == 0)
			return i;
	return -1;
}

/* Whether the text begins like the shape: 9 a digit, M a letter, anything else itself; a blank also stands for a digit's place. */
static bool is_like(struct span s, const char *shape)
{
	size_t n = strlen(shape);
	for (size_t i = 0; i < n; i++) {
		char c = i < s.n ? s.p[i] : 0;
		bool digit = c >= '0' && c <= '9', letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if (shape[i] == '9' ? !digit : shape[i] == '_' ? !(digit || c == ' ') : shape[i] == 'M' ? !letter : c != shape[i])
			return false;
	}
	return true;
}

static int number_at(const char *p, int digits)
{
	int n = 0;
	for (int i = 0; i < digits; i++)
		n = n * 10 + (p[i] == ' ' ? 0 : p[i] - '0');
	return n;
}

static bool to_ms(int year, int month, int day, const char *clock, int apart, int64_t *ret_ms)
{
	struct tm t = {.tm_year = year - 1900,
	               .tm_mon = month,
	               .tm_mday = day,
	               .tm_hour = number_at(clock, 2),
	               .tm_min = number_at(clock + 2 + apart, 2),
	               .tm_sec = number_at(clock + 4 + 2 * apart, 2)};
	if (month < 0 || month > 11 || day < 1 || day > 31 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
		return false;
	*ret_ms = (int64_t)timegm(&t) * 1000;
	return true;
}

static bool without_year(int month, int day, const char *clock, int64_t now_ms, int64_t *ret_ms)
{
	time_t now_s = (time_t)(now_ms / 1000);
	struct tm now;
	gmtime_r(&now_s, &now);
	return to_ms(now.tm_year + 1900, month, day, clock, 1, ret_ms) &&
	       (*ret_ms <= now_ms + DAY_MS || to_ms(now.tm_year + 1899, month, day, clock, 1, ret_ms));
}

/* 2026-01-02T03:04:05.678+01:00, with a blank or T, a comma or a point, a zone or none (UTC). */
static bool rfc3339_like(struct span s, int64_t *ret_ms)
{
	char text[40];
	size_t n = 19;
	if (!is_like(s, "9999-99-99") || !is_like(span_of(s.p + 11, s.n - 11), "99:99:99"))
		return false;
	while (n < s.n && n < 34 && strchr("0123456789.,+-:Z", s.p[n]))
		n++;
	memcpy(text, s.p, n);
	for (size_t k = 19; k < n; k++)
		text[k] = text[k] == ',' ? '.' : text[k];
	if (rfc3339_parse(span_of(text, n), ret_ms))
		return true;
	text[n] = 'Z';
	return rfc3339_parse(span_of(text, n + 1), ret_ms);
}

static bool moment_at(struct span s, int64_t *ret_ms)
{
	if (s.n > 19 && rfc3339_like(s, ret_ms))
		return true;
	if (is_like(s, "9999/99/99 99:99:99"))
		return to_ms(number_at(s.p, 4), number_at(s.p + 5, 2) - 1, number_at(s.p + 8, 2), s.p + 11, 1, ret_ms);
	if (!is_like(s, "99/MMM/9999:99:99:99 "))
		return false;
	if (!to_ms(number_at(s.p + 7, 4), month_of(s.p + 3), number_at(s.p, 2), s.p + 12, 1, ret_ms))
		return false;
	if (s.n < 26 || (s.p[21] != '+' && s.p[21] != '-') || !is_like(span_of(s.p + 22, s.n - 22), "9999"))
		return true; /* no zone: UTC */
	int64_t ahead_ms = (number_at(s.p + 22, 2) * 60 + number_at(s.p + 24, 2)) * 60000ll;
	*ret_ms += s.p[21] == '-' ? ahead_ms : -ahead_ms;
	return true;
}

static bool find_moment(struct span line, int64_t now_ms, int64_t *ret_ms)
{
	if (is_like(line, "MMM _9 99:99:99") && month_of(line.p) >= 0)
		return without_year(month_of(line.p), number_at(line.p + 4, 2), line.p + 7, now_ms, ret_ms);
	if (is_like(line, "999999 999999 "))
		return to_ms(2000 + number_at(line.p, 2), number_at(line.p + 2, 2) - 1, number_at(line.p + 4, 2), line.p + 7, 0, ret_ms);
	for (size_t i = 0; i < line.n && i < LOOKED_AT; i++) {
		bool begins = line.p[i] >= '0' && line.p[i] <= '9' && (!i || line.p[i - 1] < '0' || line.p[i - 1] > '9');
		if (begins && moment_at(span_of(line.p + i, line.n - i), ret_ms))
			return true;
	}
	return false;
}

/* Seconds, milliseconds, microseconds or nanoseconds since 1970, by how many they are. */
static int64_t from_epoch(double v)
{
	while (v >= 1e11)
		v /= 1000;
	return (int64_t)(v * 1000 + 0.5);
}

/* ---- JSON */

static struct json first_of(struct json v, const char *const *names, unsigned types)
{
	struct json m;
	for (; *names; names++)
		if (json_member(v, span_from(*names), &m) && (JSON_ALLOW(m.type) & types))
			return m;
	return (struct json){0};
}

static void take_epoch(struct log_line *l, double v)
{
	if (v < 1e8)
		return; /* since the program began, or the like */
	l->dated = true;
	l->at_ms = from_epoch(v);
}

static struct span level_of_number(double v)
{
	return v >= 60 ? SPAN("fatal") : v >= 50 ? SPAN("error") : v >= 40 ? SPAN("warn") : v >= 30 ? SPAN("info") : SPAN("debug");
}

static void read_json(struct json v, struct arena *a, struct log_line *l)
{
	static const char *const levels[] = {"level", "severity", "lvl", "log.level", "@l", NULL};
	static const char *const messages[] = {"message", "msg", "error", "event", "@m", "@mt", NULL};
	static const char *const moments[] = {"timestamp", "time", "ts", "@timestamp", "@t", NULL};
	const unsigned either = JSON_ALLOW(JSON_STRING) | JSON_ALLOW(JSON_NUMBER);
	struct json level = first_of(v, levels, either), at = first_of(v, moments, either);
	double number;
	l->level = level.type == JSON_STRING ? json_text(level, a)
	           : level.type == JSON_NUMBER && json_f64(level, &number) ? level_of_number(number)
	                                                                   : (struct span){0};
	struct json message = first_of(v, messages, JSON_ALLOW(JSON_STRING));
	if (message.type == JSON_STRING)
		l->message = json_text(message, a);
	if (at.type == JSON_STRING)
		l->dated = rfc3339_parse(json_text(at, a), &l->at_ms);
	else if (at.type == JSON_NUMBER && json_f64(at, &number))
		take_epoch(l, number);
}

/* ---- logfmt: key=value key="text" … */

static bool next_pair(struct span *rest, struct span *ret_key, struct span *ret_value)
{
	struct span s = span_trim(*rest);
	size_t n = 0, from;
	while (n < s.n && (((s.p[n] | 0x20) >= 'a' && (s.p[n] | 0x20) <= 'z') || strchr("_.-0123456789", s.p[n])))
		n++;
	if (!n || n == s.n || s.p[n] != '=')
		return false;
	*ret_key = span_of(s.p, n);
	from = ++n;
	bool quoted = n < s.n && s.p[n] == '"';
	if (quoted)
		for (from = ++n; n < s.n && s.p[n] != '"'; n++)
			n += s.p[n] == '\\';
	else
		while (n < s.n && s.p[n] != ' ')
			n++;
	n = n < s.n ? n : s.n;
	*ret_value = span_of(s.p + from, n - from);
	n += quoted && n < s.n;
	*rest = span_of(s.p + n, s.n - n);
	return true;
}

static bool read_logfmt(struct span line, struct log_line *l)
{
	struct log_line found = {0};
	struct span key, value;
	while (next_pair(&line, &key, &value)) {
		if (span_is(key, "level") || span_is(key, "lvl"))
			found.level = value;
		else if (span_is(key, "msg") || span_is(key, "message"))
			found.message = value;
		else if (span_is(key, "time") || span_is(key, "ts") || span_is(key, "timestamp") || span_is(key, "t"))
			found.dated = rfc3339_parse(value, &found.at_ms);
	}
	if (!found.message.p)
		return false;
	*l = found;
	return true;
}

/* ---- klog: E0102 03:04:05.123456       1 file.go:12] message */

static bool read_klog(struct span line, int64_t now_ms, struct log_line *l)
{
	static const char letters[] = "IWEF", *const names[] = {"info", "warn", "error", "fatal"};
	const char *letter = line.n ? strchr(letters, line.p[0]) : NULL;
	const char *end = line.n ? memmem(line.p, line.n, "] ", 2) : NULL;
	if (!letter || !*letter || !end || !is_like(span_of(line.p + 1, line.n - 1), "9999 99:99:99"))
		return false;
	l->dated = without_year(number_at(line.p + 1, 2) - 1, number_at(line.p + 3, 2), line.p + 6, now_ms, &l->at_ms);
	l->level = span_from(names[letter - letters]);
	l->message = span_of(end + 2, line.n - (size_t)(end + 2 - line.p));
	return true;
}

/* ---- text: what stands before the message and after it, where programs write the same in front of every line */

static struct span from(struct span s, const char *at)
{
	return span_of(at, s.n - (size_t)(at - s.p));
}

static size_t digits_at(struct span s, size_t i)
{
	size_t n = 0;
	while (i + n < s.n && s.p[i + n] >= '0' && s.p[i + n] <= '9')
		n++;
	return n;
}

/* "Jan  2 03:04:05 host program[1]: message": the host says nothing of what happened. */
static struct span without_host(struct span line)
{
	const char *blank = line.n > 16 ? memchr(line.p + 16, ' ', line.n - 16) : NULL;
	return blank && memchr(blank, ':', line.n - (size_t)(blank - line.p)) ? from(line, blank + 1) : line;
}

/* PostgreSQL: "… [123] user@database ERROR:  message" */
static struct span without_session(struct span line)
{
	static const char *const levels[] = {"ERROR:  ", "FATAL:  ", "PANIC:  ", "WARNING:  ", "LOG:  ", "DETAIL:  ", "HINT:  ", "STATEMENT:  ", "CONTEXT:  ", "NOTICE:  "};
	const char *open = memmem(line.p, line.n < LOOKED_AT ? line.n : LOOKED_AT, " [", 2);
	size_t digits = open ? digits_at(line, (size_t)(open + 2 - line.p)) : 0;
	if (!digits || (size_t)(open + 2 + digits - line.p) >= line.n || open[2 + digits] != ']')
		return line;
	for (size_t i = 0; i < countof(levels); i++) {
		const char *at = memmem(line.p, line.n < 3 * LOOKED_AT ? line.n : 3 * LOOKED_AT, levels[i], strlen(levels[i]));
		if (at && at > open && at[-1] == ' ')
			return from(line, at);
	}
	return line;
}

/* nginx: "2026/01/02 03:04:05 [error] 12#12: *7 message, client: …, request: …" */
static bool read_nginx(struct span line, struct log_line *l)
{
	if (!is_like(line, "9999/99/99 99:99:99 ["))
		return false;
	struct span rest = from(line, line.p + 21), level = span_cut(&rest, ']');
	const char *at = rest.p ? memmem(rest.p, rest.n, ": ", 2) : NULL;
	if (!at || !memchr(rest.p, '#', (size_t)(at - rest.p)))
		return false;
	rest = from(rest, at + 2);
	if (rest.n > 1 && rest.p[0] == '*') {
		size_t digits = digits_at(rest, 1);
		rest = span_trim(from(rest, rest.p + 1 + digits));
	}
	const char *end = memmem(rest.p, rest.n, ", client: ", 10);
	l->level = level;
	l->message = end ? span_of(rest.p, (size_t)(end - rest.p)) : rest;
	return true;
}

/* ---- any line */

static bool is_continuation(struct span raw)
{
	return raw.n && (raw.p[0] == ' ' || raw.p[0] == '\t' || span_starts(raw, SPAN("Traceback (most recent call last)")));
}

void log_line_read(struct span raw, int64_t now_ms, struct arena *a, struct log_line *ret)
{
	struct span line = span_trim(raw);
	struct json v;
	struct err ignored;
	*ret = (struct log_line){0};
	if (!line.n)
		return;
	if (line.p[0] == '{' && json_parse(line, &v, &ignored) == STATUS_OK) {
		read_json(v, a, ret);
		return;
	}
	if (read_klog(line, now_ms, ret) || read_logfmt(line, ret))
		return;
	ret->dated = find_moment(line, now_ms, &ret->at_ms);
	ret->continues = !ret->dated && is_continuation(raw);
	if (!ret->dated || !read_nginx(line, ret))
		ret->message = !ret->dated ? line : is_like(line, "MMM _9 99:99:99 ") ? without_host(line) : without_session(line);
}

struct span log_line_text(const struct log_line *l, struct arena *a)
{
	return l->level.n && l->message.n ? arena_printf(a, "%.*s %.*s", SPAN_ARG(l->level), SPAN_ARG(l->message)) : l->message;
}
