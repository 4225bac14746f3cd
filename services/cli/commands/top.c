/* gannet top: queues, rates, workers and failures, live. */
#include <stdlib.h>

#include "core/clock.h"
#include "services/cli/command.h"
#include "services/cli/connect.h"
#include "services/cli/ending.h"
#include "services/cli/grid.h"
#include "services/cli/live.h"
#include "services/cli/show.h"
#include "services/cli/stats.h"

#define RATE_SECONDS 5 /* rates are averages over so many */

struct top {
	struct opt_i64 interval_ms;
	bool once;
};
static struct top config;

static const struct option options[] = {
    {"interval", "i", "TIME", option_ms, offsetof(struct top, interval_ms), .fallback = "1s", .min = 100,
     .max = 3600000, .help = "time between two looks"},
    {"once", "1", NULL, option_flag, offsetof(struct top, once), .help = "look once, print and end"},
};

/* What is on the screen. */
struct view {
	struct cli *c;
	struct live live;
	struct buf reply; /* the last statistics, kept while the service does not answer */
	struct json stats;
	struct err err; /* why there are none, STATUS_OK if there are */
	bool paused;
	size_t columns, rows;
};

static void refresh(struct view *v)
{
	scoped_buf reply = {0};
	struct json stats;
	v->err = (struct err){0};
	if (stats_request(v->c, &reply, &stats, &v->err) != STATUS_OK)
		return;
	struct buf old = v->reply;
	v->reply = reply;
	v->stats = stats;
	reply = old;
}

static void title(struct view *v, struct buf *out, bool colour)
{
	scoped_buf left = {0}, right = {0};
	buf_printf(&left, "gannet top  tenant %s  %s", v->c->global.tenant, v->c->nats_shown);
	if (v->paused)
		buf_adds(&right, "paused  ");
	show_clock(&right, clock_wall_ms(&clock_system));
	size_t room = v->columns > right.len + 1 ? v->columns - right.len - 1 : 1;
	style_begin(out, STYLE_BOLD, colour);
	text_fit(out, buf_span(&left), room, ALIGN_LEFT);
	style_end(out, STYLE_BOLD, colour);
	buf_printf(out, " %s\n", right.data);
}

static void rates(struct view *v, struct buf *out, bool colour)
{
	const struct live *l = &v->live;
	scoped_buf text = {0};
	double failed = live_rate(l, l->failed, RATE_SECONDS), retrying = live_rate(l, l->retrying, RATE_SECONDS);
	buf_printf(&text, "%.1f/s", live_rate(l, l->ended, RATE_SECONDS));
	if (failed > 0)
		buf_printf(&text, "  %.1f failed", failed);
	if (retrying > 0)
		buf_printf(&text, "  %.1f retried", retrying);
	buf_adds(&text, "  ");
	size_t used = ROW_LABEL_COLUMNS + text.len;
	row_label(out, "rate", colour);
	buf_addspan(out, buf_span(&text));
	style_begin(out, STYLE_CYAN, colour);
	live_sparkline(l, l->ended, v->columns > used ? v->columns - used : 0, out);
	style_end(out, STYLE_CYAN, colour);
	buf_addc(out, '\n');
}

static void percentiles(struct view *v, const char *label, const int64_t *samples, struct buf *out, bool colour)
{
	static const int percents[] = {50, 95, 99};
	int64_t values[countof(percents)];
	scoped_buf text = {0};
	if (!live_percentiles(&v->live, samples, percents, countof(percents), values))
		buf_adds(&text, "nothing measured yet");
	else
		for (size_t i = 0; i < countof(percents); i++) {
			buf_printf(&text, "%sp%d ", i ? "  " : "", percents[i]);
			show_duration(&text, values[i]);
		}
	row(out, label, buf_span(&text), colour);
}

static void failures(struct view *v, struct arena *a, struct buf *out, bool colour)
{
	static const struct grid_column columns[] = {
	    {"FAILED AT", ALIGN_LEFT, 0, false},
	    {"JOB", ALIGN_LEFT, 10, false},
	    {"MODEL", ALIGN_LEFT, 8, true},
	    {"WHY", ALIGN_LEFT, 10, false},
	};
	const struct live *l = &v->live;
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	scoped_buf at = {0};
	for (size_t i = 0; i < LIVE_FAILURES && i < l->failures_n; i++) {
		const struct live_failure *f = &l->failures[(l->failures_n - 1 - i) % LIVE_FAILURES];
		show_clock(&at, f->at_ms);
		grid_add_buf(&g, &at, STYLE_DIM);
		grid_add(&g, span_from(f->job_id), STYLE_PLAIN);
		grid_add(&g, span_from(f->model), STYLE_PLAIN);
		grid_add(&g, span_from(f->error), STYLE_RED);
	}
	grid_print(&g, out, v->columns, colour);
}

static void draw(struct view *v, struct buf *out, bool colour)
{
	scoped_arena a = {0};
	title(v, out, colour);
	if (v->err.status != STATUS_OK) {
		style_begin(out, STYLE_RED, colour);
		text_fit(out, span_from(v->err.msg), v->columns, ALIGN_LEFT);
		style_end(out, STYLE_RED, colour);
		buf_addc(out, '\n');
	}
	if (v->stats.type == JSON_OBJECT) {
		row_label(out, "jobs", colour);
		stats_counts(v->stats, out, colour);
		buf_addc(out, '\n');
	}
	live_lock(&v->live);
	rates(v, out, colour);
	percentiles(v, "processing", v->live.processing_ms, out, colour);
	percentiles(v, "waiting", v->live.queue_ms, out, colour);
	buf_addc(out, '\n');
	if (v->stats.type == JSON_OBJECT) {
		stats_tables(v->stats, &a, out, v->columns, colour);
		buf_addc(out, '\n');
	}
	failures(v, &a, out, colour);
	live_unlock(&v->live);
}

/* Over the old picture, line by line, so that nothing flickers; what does not fit is left out. */
static void show_screen(struct view *v)
{
	scoped_buf picture = {0}, out = {0};
	v->columns = term_columns();
	v->rows = term_rows();
	draw(v, &picture, term_has_colour(1));
	buf_adds(&out, "\x1b[H");
	struct span rest = buf_span(&picture);
	for (size_t lines = 1; rest.p && rest.n && lines < v->rows; lines++) {
		/* Cleared first: at the end of a full line, clearing would take the last character away. */
		buf_adds(&out, "\x1b[K");
		buf_addspan(&out, span_cut(&rest, '\n'));
		buf_adds(&out, "\r\n");
	}
	buf_adds(&out, "\x1b[J");
	buf_printf(&out, "\x1b[%zu;1H", v->rows);
	style_text(&out, STYLE_DIM, term_has_colour(1), v->paused ? "q quit  p go on" : "q quit  p pause");
	buf_adds(&out, "\x1b[K");
	cli_print(buf_span(&out));
}

static void show_plain(struct view *v)
{
	scoped_buf out = {0};
	v->columns = term_columns();
	if (v->c->global.json)
		json_compact(v->stats, &out);
	else if (config.once)
		stats_print(v->stats, &v->c->arena, &out, term_is_tty(1) ? v->columns : GRID_UNLIMITED, term_has_colour(1));
	else
		draw(v, &out, term_has_colour(1));
	if (v->c->global.json || !config.once)
		buf_addc(&out, '\n');
	cli_print(buf_span(&out));
}

/* Returns false when the user wants to leave. */
static bool on_key(struct view *v)
{
	char key = term_key();
	if (key == 'p' || key == ' ')
		v->paused = !v->paused;
	return key && key != 'q' && key != 'Q';
}

static enum outcome look_until_told(struct view *v, bool full_screen)
{
	int64_t started_ms = clock_mono_ms(&clock_system), next_ms = started_ms;
	struct opt_i64 timeout = v->c->global.timeout_ms;
	for (;;) {
		int64_t now_ms = clock_mono_ms(&clock_system);
		if (term_interrupted() || (timeout.set && now_ms - started_ms >= timeout.v))
			return OUTCOME_OK;
		term_suspend_if_asked();
		bool due = now_ms >= next_ms;
		if (due && !v->paused)
			refresh(v);
		if (full_screen)
			show_screen(v);
		else if (due && (!v->c->global.json || v->err.status == STATUS_OK))
			show_plain(v);
		if (due)
			next_ms = now_ms + config.interval_ms.v;
		if (term_wait(-1, full_screen, next_ms - clock_mono_ms(&clock_system)) & TERM_KEY && !on_key(v))
			return OUTCOME_OK;
	}
}

static enum outcome run(struct cli *c, char **arguments, size_t n)
{
	(void)arguments, (void)n;
	static struct view v;
	enum outcome outcome;
	struct err err;
	v = (struct view){.c = c};
	bool full_screen = !config.once && !c->global.json && term_is_tty(0) && term_is_tty(1);
	if (config.once) {
		refresh(&v);
		if (v.err.status != STATUS_OK)
			return cli_fail(c, &v.err);
		show_plain(&v);
		outcome = OUTCOME_OK;
	} else if (live_open(&v.live, c, &err) != STATUS_OK) {
		outcome = cli_fail(c, &err);
	} else {
		term_catch_signals();
		if (full_screen)
			term_screen_enter();
		outcome = look_until_told(&v, full_screen);
		term_screen_leave();
	}
	if (!config.once)
		live_close(&v.live);
	buf_free(&v.reply);
	return outcome;
}

const struct command command_top = {
    .name = "top",
    .summary = "watch queues, rates, workers and failures",
    .details = "Keys: q quits, p pauses. Where standard output is no terminal the view is printed\n"
               "again and again; with --json that is the statistics, one line each time.\n",
    .options = options,
    .options_n = countof(options),
    .config = &config,
    .run = run,
};
