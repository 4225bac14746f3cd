/* Writes entries as Markdown. */
#include <stdio.h>

#include "entry.h"
#include "json/json.h"

#define TITLE_MAX 240
#define ZERO_WIDTH_SPACE "\xe2\x80\x8b"

void entry_text(struct buf *out, struct span text, size_t max)
{
	size_t n = text.n < max ? text.n : max;
	while (n < text.n && n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--; /* not within a character */
	for (size_t i = 0; i < n; i++) {
		if (text.p[i] == '@')
			buf_adds(out, "@" ZERO_WIDTH_SPACE);
		else if (text.p[i] == '<' && i + 1 < n && text.p[i + 1] == '!')
			buf_adds(out, "&lt;");
		else
			buf_addc(out, text.p[i]);
	}
	if (n < text.n)
		buf_adds(out, " …");
}

/* A fence longer than any run of backticks inside. */
static void write_code(struct buf *out, struct span text, const char *language)
{
	size_t run = 0, longest = 2;
	size_t n = text.n < ENTRY_EVIDENCE_SHOWN ? text.n : ENTRY_EVIDENCE_SHOWN;
	while (n < text.n && n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++) {
		run = text.p[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	for (size_t i = 0; i <= longest; i++)
		buf_addc(out, '`');
	buf_printf(out, "%s\n", language);
	for (size_t i = 0; i < n; i++) {
		if (text.p[i] == '<' && i + 1 < n && text.p[i + 1] == '!')
			buf_adds(out, "<\\u0021"), i++; /* the same in JSON, and no mark */
		else
			buf_addc(out, text.p[i]);
	}
	buf_adds(out, n < text.n ? " …\n" : "\n");
	for (size_t i = 0; i <= longest; i++)
		buf_addc(out, '`');
	buf_addc(out, '\n');
}

static void write_facts(struct buf *out, const struct finding *f)
{
	char since[RFC3339_BYTES];
	int64_t first_ms = f->first_seen.ms ? f->first_seen.ms : f->timestamp.ms;
	buf_printf(out, "**%s** · %.*s / %.*s · seen %lld time%s since %s%s\n\n", severity_names[f->severity],
	           SPAN_ARG(f->source), SPAN_ARG(f->type), (long long)f->occurrences, f->occurrences == 1 ? "" : "s",
	           rfc3339_format(first_ms, since), f->status == FINDING_RESOLVED ? " · resolved" : "");
}

static void write_labels(struct buf *out, const struct finding *f, struct arena *a)
{
	struct json key, v;
	bool any = false;
	for (struct json_iter it = json_iter(f->labels); json_next(&it, &key, &v); any = true) {
		buf_adds(out, any ? " · " : "");
		entry_text(out, json_text(key, a), 64);
		buf_adds(out, ": ");
		entry_text(out, json_text(v, a), 256);
	}
	if (any)
		buf_adds(out, "\n\n");
}

static void write_finding(struct buf *out, const struct finding *f, struct arena *a)
{
	write_facts(out, f);
	write_labels(out, f, a);
	if (f->description.n) {
		entry_text(out, f->description, FINDING_TEXT_MAX);
		buf_adds(out, "\n\n");
	}
	if (f->recommendation.n) {
		buf_adds(out, "### What to do\n\n");
		entry_text(out, f->recommendation, FINDING_TEXT_MAX);
		buf_adds(out, "\n\n");
	}
	if (json_count(f->evidence)) {
		buf_adds(out, "### Evidence\n\n");
		write_code(out, f->evidence.text, "json");
	}
}

static void write_group(struct buf *out, const struct entry *e)
{
	size_t shown = e->members_n < ENTRY_MEMBERS_SHOWN ? e->members_n : ENTRY_MEMBERS_SHOWN;
	for (size_t i = 0; i < shown; i++) {
		const struct finding *f = e->members[i];
		buf_printf(out, "- [%c] **%s** ", f->status == FINDING_RESOLVED ? 'x' : ' ', severity_names[f->severity]);
		entry_text(out, f->title, FINDING_TITLE_MAX);
		buf_addc(out, '\n');
		if (f->recommendation.n) {
			buf_adds(out, "  ");
			entry_text(out, f->recommendation, 300);
			buf_addc(out, '\n');
		}
	}
	if (shown < e->members_n)
		buf_printf(out, "\n… and %zu more.\n", e->members_n - shown);
}

struct span entry_farewell(const struct entry *e)
{
	return e->unwatched ? SPAN("No longer watched: the watch was taken out of the configuration, so nobody looks whether this is still so.")
	                    : SPAN("Recovered: this is not found any more.");
}

/* A title is one line. */
static struct span one_line(struct span text, struct arena *a)
{
	char *line = arena_cstr(a, text);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	return span_from(line);
}

void entry_write(struct entry *e, struct arena *a)
{
	scoped_buf title = {0}, body = {0};
	const struct finding *first = e->members[0];
	if (e->members_n > 1)
		buf_printf(&title, "[%s] %zu findings of %.*s: ", severity_names[e->severity],
		           e->open_n ? e->open_n : e->members_n, SPAN_ARG(first->source));
	else
		buf_printf(&title, "[%s] ", severity_names[e->severity]);
	entry_text(&title, one_line(first->title, a), TITLE_MAX - 60);
	if (e->members_n > 1)
		write_group(&body, e);
	else
		write_finding(&body, first, a);
	e->title = arena_dup(a, buf_span(&title));
	e->body = arena_dup(a, buf_span(&body));
}
