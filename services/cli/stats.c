/* Asks for statistics and prints them. */
#include "services/cli/stats.h"

#include "contract/job.h"
#include "core/clock.h"
#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/grid.h"
#include "services/cli/show.h"

enum status stats_request(struct cli *c, struct buf *reply, struct json *ret, struct err *err)
{
	if (cli_request(c, "stats", SPAN("{}"), reply, err) != STATUS_OK)
		return err->status;
	return json_parse(buf_span(reply), ret, err);
}

void stats_counts(struct json stats, struct buf *out, bool colour)
{
	static const char *const keys[] = {"pending", "processing", "completed", "failed", "cancelled", "delayed"};
	bool first = true;
	for (size_t i = 0; i < countof(keys); i++) {
		int64_t n;
		/* What there is none of is left out, but for the two that everybody looks for. */
		if (!field_i64(stats, keys[i], &n) || (!n && i > 1))
			continue;
		enum style style = n ? style_of_status(span_from(keys[i])) : STYLE_DIM;
		buf_adds(out, first ? "" : "  ");
		style_begin(out, style, colour);
		show_count(out, n);
		buf_printf(out, " %s", keys[i]);
		style_end(out, style, colour);
		first = false;
	}
}

static void add_count(struct grid *g, struct json r, const char *key, enum style style)
{
	scoped_buf b = {0};
	int64_t n;
	if (field_i64(r, key, &n))
		show_count(&b, n);
	grid_add(g, buf_span(&b), n ? style : STYLE_DIM);
}

static void queues(struct json stats, struct arena *a, struct buf *out, size_t width, bool colour)
{
	static const struct grid_column columns[] = {
	    {"QUEUE", ALIGN_LEFT, 6, false},
	    {"PRIORITY", ALIGN_LEFT, 0, false},
	    {"WAITING", ALIGN_RIGHT, 0, false},
	    {"RUNNING", ALIGN_RIGHT, 0, false},
	};
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	struct json_iter it = json_iter(field(stats, "queues"));
	struct json key, r;
	while (json_next(&it, &key, &r)) {
		grid_add(&g, field_text(r, "kind", a), STYLE_PLAIN);
		grid_add(&g, field_text(r, "priority", a), STYLE_PLAIN);
		add_count(&g, r, "waiting", STYLE_BLUE);
		add_count(&g, r, "running", STYLE_CYAN);
	}
	grid_print(&g, out, width, colour);
}

static void add_busy(struct grid *g, struct json r)
{
	scoped_buf b = {0};
	int64_t in_flight = field_i64_or(r, "in_flight", 0);
	buf_printf(&b, "%lld/%lld", (long long)in_flight, (long long)field_i64_or(r, "concurrency", 0));
	grid_add(g, buf_span(&b), in_flight ? STYLE_CYAN : STYLE_DIM);
}

static void workers(struct json stats, struct arena *a, struct buf *out, size_t width, bool colour)
{
	static const struct grid_column columns[] = {
	    {"WORKER", ALIGN_LEFT, 22, false}, {"KIND", ALIGN_LEFT, 4, false},    {"STATUS", ALIGN_LEFT, 0, false},
	    {"BUSY", ALIGN_RIGHT, 0, false},   {"DONE", ALIGN_RIGHT, 0, false},   {"FAILED", ALIGN_RIGHT, 0, false},
	    {"RETRIED", ALIGN_RIGHT, 0, true}, {"AVERAGE", ALIGN_RIGHT, 0, true}, {"SEEN", ALIGN_RIGHT, 0, true},
	    {"HOST", ALIGN_LEFT, 6, true},
	};
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	struct json_iter it = json_iter(field(stats, "workers"));
	struct json key, r;
	scoped_buf b = {0};
	while (json_next(&it, &key, &r)) {
		struct span status = field_text(r, "status", a);
		double average_ms = 0;
		grid_add(&g, field_text(r, "worker_id", a), STYLE_PLAIN);
		grid_add(&g, field_text(r, "kind", a), STYLE_PLAIN);
		grid_add(&g, status, style_of_status(status));
		add_busy(&g, r);
		add_count(&g, r, "succeeded", STYLE_PLAIN);
		add_count(&g, r, "failed", STYLE_RED);
		add_count(&g, r, "retried", STYLE_YELLOW);
		if (json_f64(field(r, "average_processing_ms"), &average_ms))
			show_duration(&b, (int64_t)(average_ms + 0.5));
		grid_add_buf(&g, &b, STYLE_PLAIN);
		show_age(&b, field_time_ms(r, "timestamp"), clock_wall_ms(&clock_system));
		grid_add_buf(&g, &b, STYLE_DIM);
		grid_add(&g, field_text(r, "host", a), STYLE_DIM);
	}
	if (!g.count)
		style_text(out, STYLE_YELLOW, colour, "no workers: start one, e.g. gannet-runner\n");
	grid_print(&g, out, width, colour);
}

void stats_tables(struct json stats, struct arena *a, struct buf *out, size_t width, bool colour)
{
	size_t start = out->len;
	queues(stats, a, out, width, colour);
	if (out->len > start)
		buf_addc(out, '\n');
	workers(stats, a, out, width, colour);
}

static void measured_ms(struct json stats, const char *key, const char *what, struct buf *out)
{
	double ms;
	if (!json_f64(field(stats, key), &ms))
		return;
	buf_printf(out, "%s%s ", out->len ? "  " : "", what);
	show_duration(out, (int64_t)(ms + 0.5));
}

void stats_print(struct json stats, struct arena *a, struct buf *out, size_t width, bool colour)
{
	scoped_buf text = {0};
	double rate;
	row_label(out, "jobs", colour);
	stats_counts(stats, out, colour);
	buf_addc(out, '\n');
	if (json_f64(field(stats, "throughput_per_s"), &rate))
		buf_printf(&text, "%.1f/s", rate);
	row(out, "rate", buf_span(&text), colour);
	buf_reset(&text);
	measured_ms(stats, "p50_processing_ms", "p50", &text);
	measured_ms(stats, "p95_processing_ms", "p95", &text);
	row(out, "processing", buf_span(&text), colour);
	buf_addc(out, '\n');
	stats_tables(stats, a, out, width, colour);
}
