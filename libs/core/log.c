/* Builds a line in a buffer of fixed size and writes it at once; a line that is too long stays valid JSON. */
#include "core/log.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "core/utf8.h"

#define FULL_BYTES (LOG_LINE_MAX - 3) /* past this only a closing quote, a brace and the newline are written */

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static char service_name[64] = "gannet", instance_name[64];
static enum log_level least_level = LOG_INFO;
static const struct clock *log_clock = &clock_system;

void log_init(const char *service, const char *instance, enum log_level least, const struct clock *clock)
{
	snprintf(service_name, sizeof service_name, "%s", service);
	snprintf(instance_name, sizeof instance_name, "%s", instance ? instance : "");
	least_level = least;
	log_clock = clock;
}

bool log_parse_level(struct span text, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} rows[] = {
	    {"DEBUG", LOG_DEBUG}, {"INFO", LOG_INFO}, {"WARN", LOG_WARN}, {"WARNING", LOG_WARN}, {"ERROR", LOG_ERROR}};
	for (size_t i = 0; i < countof(rows); i++) {
		if (text.n == strlen(rows[i].name) && strncasecmp(text.p, rows[i].name, text.n) == 0) {
			*ret = rows[i].level;
			return true;
		}
	}
	return false;
}

bool log_enabled(enum log_level level)
{
	return level >= least_level;
}

struct line {
	char text[LOG_LINE_MAX];
	size_t n;
};

static bool add(struct line *l, const char *p, size_t n)
{
	if (l->n + n > FULL_BYTES)
		return false;
	memcpy(l->text + l->n, p, n);
	l->n += n;
	return true;
}

/* One character of text as it stands in JSON; returns how many bytes of `s` it took, 0 when the line is full. */
static size_t add_escaped(struct line *l, struct span s)
{
	char escape[8];
	unsigned char c = (unsigned char)s.p[0];
	if (c == '"' || c == '\\')
		return add(l, (char[]){'\\', (char)c}, 2) ? 1 : 0;
	if (c == '\n')
		return add(l, "\\n", 2) ? 1 : 0;
	if (c < 0x20) {
		snprintf(escape, sizeof escape, "\\u%04x", c);
		return add(l, escape, 6) ? 1 : 0;
	}
	size_t n = utf8_sequence(s);
	if (!n)
		return add(l, "\xEF\xBF\xBD", 3) ? 1 : 0; /* U+FFFD */
	return add(l, s.p, n) ? n : 0;
}

/* Leaves the field out when its name does not fit any more; cuts text that does not. */
static void add_text(struct line *l, const char *name, struct span s)
{
	char key[80];
	int n = snprintf(key, sizeof key, "%s\"%.64s\":\"", l->n > 1 ? "," : "", name);
	if (!s.p || !add(l, key, (size_t)n))
		return;
	for (size_t took; s.n && (took = add_escaped(l, s)); s.p += took, s.n -= took)
		;
	l->text[l->n++] = '"';
}

static void add_bare(struct line *l, const char *name, const char *value)
{
	char field[128];
	int n = snprintf(field, sizeof field, "%s\"%.64s\":%s", l->n > 1 ? "," : "", name, value);
	add(l, field, (size_t)n);
}

static void add_field(struct line *l, const struct log_field *f)
{
	char digits[24];
	switch (f->kind) {
	case LOG_TEXT:
		add_text(l, f->name, f->text);
		break;
	case LOG_NUMBER:
		snprintf(digits, sizeof digits, "%lld", (long long)f->number);
		add_bare(l, f->name, digits);
		break;
	case LOG_FLAG:
		add_bare(l, f->name, f->number ? "true" : "false");
		break;
	}
}

static void write_line(const struct line *l)
{
	ssize_t n;
	do
		n = write(STDERR_FILENO, l->text, l->n);
	while (n < 0 && errno == EINTR);
}

void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
	if (!log_enabled(level))
		return;
	char timestamp[RFC3339_BYTES];
	rfc3339_format(clock_wall_ms(log_clock), timestamp);
	struct line l;
	l.n = 1;
	l.text[0] = '{';
	add_text(&l, "timestamp", span_from(timestamp));
	add_text(&l, "level", span_from(level_names[level]));
	add_text(&l, "service", span_from(service_name));
	if (instance_name[0])
		add_text(&l, "instance", span_from(instance_name));
	add_text(&l, "message", span_from(message));
	for (size_t i = 0; i < n; i++)
		add_field(&l, &fields[i]);
	l.text[l.n++] = '}';
	l.text[l.n++] = '\n';
	write_line(&l);
}

void log_error(const char *message, const struct err *e)
{
	log_fields(LOG_ERROR, message, LOG_C("error_code", status_code(e->status)),
	           LOG_C("error_field", e->field[0] ? e->field : NULL), LOG_C("error_message", e->msg));
}
