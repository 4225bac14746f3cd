/* Asking a database gently, and noting what is wrong with it. */
#include "services/watchers/scan.h"

#include <stdio.h>
#include <time.h>

#define REST_SLICE_MS 100

static void rest(struct scan *s, int64_t took_ms)
{
	int64_t left_ms = took_ms * (100 - s->options.load_percent.v) / s->options.load_percent.v;
	do {
		if (run_pause(s->run)) {
			s->over = true;
			err_set(&s->failure, STATUS_CANCELLED, "told to end");
			return;
		}
		int64_t slice_ms = left_ms < REST_SLICE_MS ? left_ms : REST_SLICE_MS;
		const struct timespec t = {slice_ms / 1000, slice_ms % 1000 * 1000000};
		if (slice_ms > 0)
			nanosleep(&t, NULL);
		left_ms -= slice_ms;
	} while (left_ms > 0);
}

static struct span area_of(struct scan *s, struct span where)
{
	return scan_text(s, "%s %.*s", s->check ? s->check->name : "catalogue", SPAN_ARG(where));
}

void scan_skip(struct scan *s, struct span where, const char *why)
{
	s->skipped++;
	run_unsure(s->run, area_of(s, where));
	if (s->skipped > 100)
		return;
	json_begin_object(&s->skips_out);
	json_kv_cstr(&s->skips_out, "check", s->check ? s->check->name : "catalogue");
	json_kv_text(&s->skips_out, "where", where);
	json_kv_cstr(&s->skips_out, "why", why);
	json_end_object(&s->skips_out);
}

bool scan_ask(struct scan *s, struct span where, const char *sql, struct store_result *ret)
{
	struct err err = {0};
	if (s->over)
		return false;
	int64_t began_ms = clock_mono_ms(s->run->w->clock);
	enum status status = store_query(s->store, sql, NULL, 0, ret, &err);
	s->queries++;
	rest(s, clock_mono_ms(s->run->w->clock) - began_ms);
	if (status == STATUS_OK)
		return !s->over;
	/* What tries to write is refused, whatever the server says of itself otherwise. */
	bool refused = strstr(err.msg, "25006") != NULL;
	if (status == STATUS_UNAVAILABLE && !refused) {
		s->over = true;
		s->failure = err;
		return false;
	}
	scan_skip(s, where, err.msg);
	return false;
}

bool scan_is_sampled(const struct scan *s, const struct scan_table *t)
{
	return t->rows > 1.2 * (double)s->options.max_rows.v; /* estimates are not exact */
}

struct span scan_from(struct scan *s, const struct scan_table *t, double *ret_scale)
{
	*ret_scale = 1;
	s->rows_read += (int64_t)t->rows;
	if (!scan_is_sampled(s, t))
		return t->quoted;
	s->rows_read += s->options.max_rows.v - (int64_t)t->rows;
	*ret_scale = t->rows / (double)s->options.max_rows.v;
	return scan_text(s, "%.*s TABLESAMPLE SYSTEM (%.6f)", SPAN_ARG(t->quoted), 100 / *ret_scale);
}

struct span scan_literal(struct scan *s, struct span text)
{
	scoped_buf out = {0};
	bool backslash = text.n && memchr(text.p, '\\', text.n);
	buf_adds(&out, backslash ? " E'" : "'");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'' || text.p[i] == '\\')
			buf_addc(&out, text.p[i]);
		buf_addc(&out, text.p[i]);
	}
	buf_addc(&out, '\'');
	return arena_dup(s->arena, buf_span(&out));
}

void scan_defect(struct scan *s, const struct defect *d)
{
	scoped_buf evidence = {0};
	struct json_writer w = {.out = &evidence};
	json_begin_object(&w);
	if (d->rows >= 0)
		json_kv_i64(&w, "rows", d->rows);
	if (d->sampled)
		json_kv_bool(&w, "estimated_from_sample", true);
	json_kv_cstr(&w, "check", s->check->name);
	if (d->sql.n)
		json_kv_text(&w, "sql", d->sql);
	json_end_object(&w);
	const struct draft draft = {
	    .key = scan_text(s, "%s %.*s", d->type, SPAN_ARG(d->where)),
	    .type = d->type,
	    .severity = d->severity,
	    .title = d->title,
	    .description = d->description.n ? d->description : d->title,
	    .recommendation = d->recommendation,
	    .evidence = buf_span(&evidence),
	    .area = area_of(s, d->where),
	    .label = "table",
	    .place = d->table,
	};
	run_found(s->run, &draft);
}
