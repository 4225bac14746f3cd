/* Builds a line in a buffer of fixed size and writes it at once; a line that is too long stays valid JSON. */
#include "core/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
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

/* The comma and the name, up to the value; false when they do not fit any more. Names are literals of ours and need no escape. */
static bool add_name(struct line *l, const char *name, const char *before_value)
{
	size_t start = l->n;
	const char *open = start > 1 ? ",\"" : "\"";
	if (add(l, open, strlen(open)) && add(l, name, strlen(name)) && add(l, before_value, strlen(before_value)))
		return true;
	l->n = start;
	return false;
}

/* The bytes before the first that needs a look; most text has none. */
static size_t plain_prefix(struct span s)
{
	size_t n = 0;
	while (n < s.n && (signed char)s.p[n] >= ' ' && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

/* Leaves the field out when its name does not fit any more; cuts text that does not. */
static void add_text(struct line *l, const char *name, struct span s)
{
	if (!s.p || !add_name(l, name, "\":\""))
		return;
	while (s.n) {
		size_t took = plain_prefix(s);
		if (!took)
			took = add_escaped(l, s);
		else if (!add(l, s.p, took))
			took = add(l, s.p, 1); /* near the end of the line: byte by byte */
		if (!took)
			break;
		s.p += took, s.n -= took;
	}
	l->text[l->n++] = '"';
}

static void add_bare(struct line *l, const char *name, struct span value)
{
	size_t start = l->n;
	if (add_name(l, name, "\":") && !add(l, value.p, value.n))
		l->n = start;
}

static void add_number(struct line *l, const char *name, int64_t number)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t u = number < 0 ? -(uint64_t)number : (uint64_t)number;
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (number < 0)
		*--p = '-';
	add_bare(l, name, span_of(p, (size_t)(digits + sizeof digits - p)));
}

static void add_field(struct line *l, const struct log_field *f)
{
	switch (f->kind) {
	case LOG_TEXT:
		add_text(l, f->name, f->text);
		break;
	case LOG_NUMBER:
		add_number(l, f->name, f->number);
		break;
	case LOG_FLAG:
		add_bare(l, f->name, f->number ? SPAN("true") : SPAN("false"));
		break;
	}
}

static void write_all(const char *text, size_t bytes)
{
	ssize_t n;
	do
		n = write(STDERR_FILENO, text, bytes);
	while (n < 0 && errno == EINTR);
}

#define GATHER_BYTES ((size_t)64 << 10)
#define GATHERERS_MAX 64 /* threads; those past it gather nothing */
struct gathered {
	atomic_size_t n;
	size_t max;
	char text[];
};
static _Thread_local struct gathered *gathered;          /* NULL: every line is written at once */
static _Atomic(struct gathered *) gatherers[GATHERERS_MAX]; /* those of all threads, for a crash */

void log_flush(void)
{
	if (gathered && gathered->n)
		write_all(gathered->text, gathered->n);
	if (gathered)
		gathered->n = 0;
}

/* Into a pipe only so much at once is whole among the lines of other threads. */
static size_t gather_max(void)
{
	struct stat st;
	return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? GATHER_BYTES : PIPE_BUF;
}

/* Nothing but what a signal handler may call. Other threads go on meanwhile: a line of theirs may come twice, none is lost. */
static void write_before_dying(int sig)
{
	for (size_t i = 0; i < GATHERERS_MAX; i++) {
		const struct gathered *g = atomic_load(&gatherers[i]);
		size_t n = g ? atomic_load(&g->n) : 0;
		if (n)
			write_all(g->text, n);
	}
	raise(sig); /* the handler is gone: it is as if there had been none */
}

static void mind_crashes(void)
{
	static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
	for (size_t i = 0; i < countof(signals); i++) {
		struct sigaction mine = {.sa_handler = write_before_dying, .sa_flags = (int)SA_RESETHAND}, theirs;
		if (sigaction(signals[i], NULL, &theirs) == 0 && theirs.sa_handler == SIG_DFL)
			sigaction(signals[i], &mine, NULL);
	}
}

static bool replace_gatherer(struct gathered *old, struct gathered *new)
{
	for (size_t i = 0; i < GATHERERS_MAX; i++) {
		struct gathered *expected = old;
		if (atomic_compare_exchange_strong(&gatherers[i], &expected, new))
			return true;
	}
	return false;
}

void log_gather(bool on)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	log_flush();
	if (gathered)
		replace_gatherer(gathered, NULL);
	free(gathered);
	gathered = NULL;
	if (!on)
		return;
	pthread_once(&once, mind_crashes);
	size_t max = gather_max();
	struct gathered *g = malloc(sizeof *g + max);
	if (!g)
		return;
	atomic_init(&g->n, 0);
	g->max = max;
	if (replace_gatherer(NULL, g))
		gathered = g;
	else
		free(g);
}

static void write_line(const struct line *l, enum log_level level)
{
	if (gathered && gathered->n + l->n > gathered->max)
		log_flush();
	if (!gathered || l->n > gathered->max) {
		write_all(l->text, l->n);
		return;
	}
	memcpy(gathered->text + gathered->n, l->text, l->n);
	gathered->n += l->n;
	if (level >= LOG_WARN)
		log_flush();
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
	write_line(&l, level);
}

void log_error(const char *message, const struct err *e)
{
	log_fields(LOG_ERROR, message, LOG_C("error_code", status_code(e->status)),
	           LOG_C("error_field", e->field[0] ? e->field : NULL), LOG_C("error_message", e->msg));
}
