/* Prints a snapshot: its figures by subject, the sources that failed, and the workers. */
#include "core/clock.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/health.h"
#include "services/cli/show.h"

static const struct line {
	const char *subject;
	const char *keys[5], *words[5];
} lines[] = {
    {"queue", {"queue_pending", "queue_processing", "queue_failed", "queue_success"}, {"waiting", "in work", "failed", "succeeded"}},
    {"scheduler", {"scheduler_pending", "scheduler_due_soon"}, {"scheduled", "due soon"}},
    {"publishing", {"publish_total_24h", "publish_failed_24h"}, {"in 24 h", "failed"}},
    {"clips", {"clips_ready", "clips_pending_analysis"}, {"ready", "to be analysed"}},
    {"jobs", {"jobs_pending", "jobs_failed"}, {"waiting", "failed"}},
    {"campaigns", {"campaigns_active", "campaigns_draft"}, {"running", "drafts"}},
    {"alerts", {"alerts_critical", "alerts_warning"}, {"critical", "warnings"}},
};

static struct span status_of(struct json snapshot, const char *metric, struct arena *a)
{
	return field_text(field(field(snapshot, "metrics"), metric), "status", a);
}

/* "12 waiting", "? failed" where the source failed, "(old)" where the figure is. */
static void add_figure(struct json s, const char *key, const char *word, struct arena *a, struct buf *out, bool colour)
{
	int64_t n;
	struct span status = status_of(s, key, a);
	bool known = field_i64(s, key, &n), failed = span_is(status, "error");
	if (!known && !failed)
		return;
	if (out->len)
		buf_adds(out, "  ");
	style_begin(out, failed ? STYLE_RED : STYLE_PLAIN, colour);
	if (known)
		show_count(out, n);
	else
		buf_addc(out, '?');
	style_end(out, failed ? STYLE_RED : STYLE_PLAIN, colour);
	buf_printf(out, " %s%s", word, span_is(status, "stale") ? " (old)" : "");
}

static void raw_row(struct buf *out, const char *label, struct span text, bool colour)
{
	if (!text.n)
		return;
	row_label(out, label, colour);
	buf_addspan(out, text); /* made here, of figures and styles */
	buf_addc(out, '\n');
}

static void figures(struct json s, struct arena *a, struct buf *out, bool colour)
{
	for (size_t i = 0; i < countof(lines); i++) {
		scoped_buf text = {0};
		double rate;
		for (size_t k = 0; k < countof(lines[i].keys) && lines[i].keys[k]; k++)
			add_figure(s, lines[i].keys[k], lines[i].words[k], a, &text, colour);
		if (span_is(span_from(lines[i].subject), "publishing") && json_f64(field(s, "publish_success_rate"), &rate))
			buf_printf(&text, "  %.1f %% succeeded", rate * 100);
		raw_row(out, lines[i].subject, buf_span(&text), colour);
	}
}

static void orchestrator(struct json s, struct buf *out, bool colour)
{
	scoped_buf text = {0};
	bool running;
	if (!json_bool(field(s, "orchestrator_running"), &running))
		return;
	buf_addc(&text, ' '); /* the label fills its column */
	style_text(&text, running ? STYLE_GREEN : STYLE_RED, colour, running ? "running" : "stopped");
	if (field_time_ms(s, "orchestrator_last_run")) {
		buf_adds(&text, "  last ran ");
		show_age(&text, field_time_ms(s, "orchestrator_last_run"), field_time_ms(s, "timestamp"));
		buf_adds(&text, " before");
	}
	raw_row(out, "orchestrator", buf_span(&text), colour);
}

/* <source>_error members say why a source failed. */
static void failures(struct json s, struct arena *a, struct buf *out, bool colour)
{
	struct json key, v;
	bool first = true;
	for (struct json_iter it = json_iter(field(s, "additional_metrics")); json_next(&it, &key, &v);) {
		struct span name = json_text(key, a);
		if (v.type != JSON_STRING || name.n < 7 || !span_is(span_of(name.p + name.n - 6, 6), "_error"))
			continue;
		if (first)
			style_text(out, STYLE_BOLD, colour, "\nSources that failed\n");
		first = false;
		buf_adds(out, "  ");
		style_begin(out, STYLE_RED, colour);
		text_line(out, span_of(name.p, name.n - 6));
		style_end(out, STYLE_RED, colour);
		buf_adds(out, "  ");
		text_line(out, json_text(v, a));
		buf_addc(out, '\n');
	}
}

/* One row for each member of an object of objects, one column for each name. */
static void table(struct json all, const char *label, const char *const *names, size_t n, struct arena *a, struct buf *out,
                  size_t width, bool colour)
{
	struct grid_column columns[GRID_COLUMNS_MAX] = {{label, ALIGN_LEFT, 8, false}};
	struct json key, v;
	for (size_t i = 0; i < n; i++)
		columns[i + 1] = (struct grid_column){names[i], ALIGN_RIGHT, 0, i > 1};
	struct grid g = {.columns = columns, .n = n + 1, .arena = a};
	for (struct json_iter it = json_iter(all); json_next(&it, &key, &v);) {
		grid_add(&g, json_text(key, a), STYLE_PLAIN);
		for (size_t i = 0; i < n; i++)
			grid_add(&g, field_text(v, names[i], a), STYLE_PLAIN);
	}
	if (g.count)
		buf_addc(out, '\n');
	grid_print(&g, out, width, colour);
}

void snapshot_print(struct json s, struct arena *a, struct buf *out, size_t width, bool colour)
{
	static const char *const load[] = {"workers", "in_flight", "waiting", "capacity", "load"},
	                  *const platform[] = {"published_24h", "failed_24h"};
	scoped_buf text = {0};
	int64_t took_ms;
	row(out, "snapshot", field_text(s, "snapshot_id", a), colour);
	show_time(&text, field_time_ms(s, "timestamp"));
	buf_adds(&text, "  (");
	show_age(&text, field_time_ms(s, "timestamp"), clock_wall_ms(&clock_system));
	buf_adds(&text, " ago");
	if (field_i64(s, "collection_time_ms", &took_ms))
		buf_printf(&text, ", gathered in %lld ms", (long long)took_ms);
	buf_adds(&text, ")");
	row(out, "at", buf_span(&text), colour);
	figures(s, a, out, colour);
	orchestrator(s, out, colour);
	failures(s, a, out, colour);
	table(field(s, "platform_stats"), "PLATFORM", platform, countof(platform), a, out, width, colour);
	table(field(s, "worker_load"), "WORKERS", load, countof(load), a, out, width, colour);
}
