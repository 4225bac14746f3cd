/* Watches a PostgreSQL database: runs the checks of checks/ on it, gently and without writing. */
#include <stdio.h>

#include "services/watchers/rules.h"

static struct opt_i64 or_default(struct opt_i64 v, int64_t otherwise)
{
	return v.set ? v : (struct opt_i64){true, otherwise};
}

static enum status check_names(struct json list, const char *member, struct arena *a, struct err *err)
{
	struct json key, item;
	size_t i = 0;
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &item); i++) {
		bool known = false;
		for (size_t k = 0; k < integrity_checks_n; k++)
			known |= json_text_is(item, span_from(integrity_checks[k]->name));
		if (!known) {
			scoped_buf names = {0};
			for (size_t k = 0; k < integrity_checks_n; k++)
				buf_printf(&names, "%s%s", k ? ", " : "", integrity_checks[k]->name);
			return err_field(err, STATUS_INVALID, member, "%s[%zu]: there is no check '%.*s'; there are: %s", member, i,
			                 SPAN_ARG(json_text(item, a)), names.data);
		}
	}
	return STATUS_OK;
}

static enum status read_options(struct json v, struct arena *a, struct integrity_options *o, struct err *err)
{
	struct integrity_rule *rules;
	size_t n;
	if (json_decode(&watchers_integrity_table, v, JSON_STRICT, a, o, err) != STATUS_OK)
		return err->status;
	if (o->dsn.n && o->dsn_env.n)
		return err_field(err, STATUS_INVALID, "dsn_env", "dsn_env: either dsn or dsn_env");
	o->max_rows = or_default(o->max_rows, 1000000);
	o->statement_timeout_ms = or_default(o->statement_timeout_ms, 10000);
	o->load_percent = or_default(o->load_percent, 50);
	o->sequence_percent = or_default(o->sequence_percent, 80);
	o->wraparound_percent = or_default(o->wraparound_percent, 50);
	o->unused_index_min_bytes = or_default(o->unused_index_min_bytes, 8 << 20);
	o->unused_index_min_days = or_default(o->unused_index_min_days, 7);
	if (check_names(o->checks, "checks", a, err) != STATUS_OK || check_names(o->skip, "skip", a, err) != STATUS_OK)
		return err->status;
	return rules_read(o, a, &rules, &n, err);
}

static enum status check(struct json options, struct arena *a, struct err *err)
{
	struct integrity_options o;
	return read_options(options, a, &o, err);
}

static bool is_wanted(const struct integrity_options *o, const char *name)
{
	struct json key, item;
	for (struct json_iter it = json_iter(o->skip); json_next(&it, &key, &item);)
		if (json_text_is(item, span_from(name)))
			return false;
	if (o->checks.type != JSON_ARRAY)
		return true;
	for (struct json_iter it = json_iter(o->checks); json_next(&it, &key, &item);)
		if (json_text_is(item, span_from(name)))
			return true;
	return false;
}

static enum status open_store(struct scan *s, struct err *err)
{
	struct span dsn = s->options.dsn;
	if (!dsn.n) {
		const char *variable = s->options.dsn_env.n ? arena_cstr(s->arena, s->options.dsn_env) : "DATABASE_URL";
		if (secret_read(variable, s->arena, &dsn, err) != STATUS_OK)
			return err->status;
	}
	/* A statement must end well before the lease does, which is kept between statements. */
	int64_t longest_ms = s->run->w->lease_ms * 2 / 3;
	const struct store_options o = {
	    .url = arena_cstr(s->arena, dsn),
	    .application = "gannet-watchers",
	    .statement_timeout_ms =
	        s->options.statement_timeout_ms.v < longest_ms ? s->options.statement_timeout_ms.v : longest_ms,
	    .read_only = true,
	    .session_sql = "SET lock_timeout = '1s'; SET max_parallel_workers_per_gather = 0",
	};
	enum status status = store_new(&o, &s->store, err);
	return status == STATUS_OK ? store_ping(s->store, err) : status;
}

static void run_checks(struct scan *s)
{
	if (!scan_catalogue(s))
		return;
	for (size_t i = 0; i < integrity_checks_n && !s->over; i++) {
		s->check = integrity_checks[i];
		run_step(s->run, (int)(5 + 90 * i / integrity_checks_n), s->check->name);
		if (is_wanted(&s->options, s->check->name))
			s->check->run(s);
	}
	if (!s->over)
		scan_keep_profiles(s);
}

static void write_result(struct scan *s)
{
	struct watch_run *r = s->run;
	struct json_writer w = {.out = &r->result};
	json_end_array(&s->skips_out);
	json_begin_object(&w);
	json_kv_i64(&w, "tables", (int64_t)s->tables_n);
	json_kv_i64(&w, "queries", (int64_t)s->queries);
	json_kv_i64(&w, "rows_read", s->rows_read);
	json_kv_i64(&w, "skipped_n", (int64_t)s->skipped);
	json_kv(&w, "skipped", (struct json){buf_span(&s->skips), JSON_ARRAY});
	json_key(&w, SPAN("findings"));
	json_begin_array(&w);
	for (size_t i = 0; i < r->drafts_n && i < 200; i++) {
		const struct draft *d = &r->drafts[i];
		json_begin_object(&w);
		json_kv_cstr(&w, "type", d->type);
		json_kv_cstr(&w, "severity", severity_names[d->severity]);
		json_kv_text(&w, "title", d->title);
		json_kv(&w, "evidence", (struct json){d->evidence, JSON_OBJECT});
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	snprintf(r->summary, sizeof r->summary, "%zu findings in %zu tables, %zu places could not be looked at",
	         r->drafts_n + r->left_out, s->tables_n, s->skipped);
}

static enum status run(struct watch_run *r, struct err *err)
{
	struct scan s = {.run = r, .arena = r->arena};
	struct json options =
	    r->watch->options.type == JSON_OBJECT ? r->watch->options : (struct json){SPAN("{}"), JSON_OBJECT};
	enum status status = read_options(options, r->arena, &s.options, err);
	if (status == STATUS_OK)
		status = open_store(&s, err);
	if (status == STATUS_OK) {
		s.skips_out.out = &s.skips;
		json_begin_array(&s.skips_out);
		run_checks(&s);
		write_result(&s);
		if (s.over) {
			*err = s.failure;
			status = err->status;
		}
	}
	store_free(s.store);
	buf_free(&s.skips);
	return status;
}

const struct watcher watcher_integrity = {
    .name = "integrity",
    .summary = "a PostgreSQL database: orphans, duplicates, anomalies, broken keys and indexes",
    .schedule = "nightly",
    .feature = "integrity",
    .check = check,
    .run = run,
};
