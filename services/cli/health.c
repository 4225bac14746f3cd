/* Prints a reasoning: how healthy, why, and what to do. */
#include "services/cli/health.h"

#include "core/clock.h"
#include "services/cli/ending.h"
#include "services/cli/field.h"
#include "services/cli/show.h"

#define BAR_COLUMNS 40
#define TEXT_COLUMNS 100 /* longer lines are hard to read */

enum style health_style(struct span name)
{
	if (span_is(name, "excellent") || span_is(name, "succeeded"))
		return STYLE_GREEN;
	if (span_is(name, "good") || span_is(name, "approved"))
		return STYLE_CYAN;
	if (span_is(name, "warning") || span_is(name, "high") || span_is(name, "medium"))
		return STYLE_YELLOW;
	if (span_is(name, "critical") || span_is(name, "failed"))
		return STYLE_RED;
	return STYLE_PLAIN;
}

static void title(struct buf *out, const char *text, bool colour)
{
	buf_addc(out, '\n');
	style_text(out, STYLE_BOLD, colour, text);
	buf_addc(out, '\n');
}

static size_t text_columns(size_t width)
{
	return width < TEXT_COLUMNS ? width : TEXT_COLUMNS;
}

static void bullets(struct buf *out, const char *name, struct json list, const char *mark, enum style style, struct arena *a,
                    size_t width, bool colour)
{
	struct json key, v;
	if (!json_count(list))
		return;
	title(out, name, colour);
	for (struct json_iter it = json_iter(list); json_next(&it, &key, &v);) {
		buf_adds(out, "  ");
		style_text(out, style, colour, mark);
		buf_addc(out, ' ');
		text_wrap(out, json_text(v, a), text_columns(width), 4);
		buf_addc(out, '\n');
	}
}

/* ---- the score */

static void bar(struct buf *out, double score, enum style style, bool colour)
{
	int full = (int)(score / 100 * BAR_COLUMNS + 0.5);
	style_begin(out, style, colour);
	for (int i = 0; i < full; i++)
		buf_adds(out, "█");
	style_end(out, style, colour);
	style_begin(out, STYLE_DIM, colour);
	for (int i = full; i < BAR_COLUMNS; i++)
		buf_adds(out, "░");
	style_end(out, STYLE_DIM, colour);
}

static void head(struct json r, struct arena *a, struct buf *out, bool colour)
{
	struct json s = field(r, "summary");
	struct span health = field_text(s, "overall_health", a);
	double score = 0, confidence = 1;
	(void)(json_f64(field(s, "health_score"), &score) && json_f64(field(s, "confidence"), &confidence));
	row_label(out, "health", colour);
	style_begin(out, health_style(health), colour);
	text_line(out, health);
	style_end(out, health_style(health), colour);
	buf_printf(out, "  %.1f of 100", score);
	if (confidence < 0.9995)
		buf_printf(out, "  (%.0f %% of the figures are known)", confidence * 100);
	buf_addc(out, '\n');
	row_label(out, "", colour);
	bar(out, score, health_style(health), colour);
	buf_addc(out, '\n');
}

static void origin(struct json r, struct arena *a, struct buf *out, bool colour)
{
	scoped_buf text = {0};
	struct span engine = field_text(r, "engine", a), model = field_text(r, "model", a), why = field_text(r, "fallback_reason", a);
	buf_adds(&text, span_is(engine, "llm") ? "model " : "rules");
	buf_addspan(&text, model);
	if (field_true(r, "cached"))
		buf_adds(&text, " (answer to an earlier snapshot that meant the same)");
	if (why.n)
		buf_printf(&text, "; %.*s", SPAN_ARG(why));
	row(out, "by", buf_span(&text), colour);
	buf_reset(&text);
	show_time(&text, field_time_ms(r, "timestamp"));
	buf_adds(&text, "  (");
	show_age(&text, field_time_ms(r, "timestamp"), clock_wall_ms(&clock_system));
	buf_printf(&text, " ago, in %.3f ms)", (double)field_i64_or(r, "execution_time_us", 0) / 1000);
	row(out, "at", buf_span(&text), colour);
}

static void explanation(struct json rows, struct arena *a, struct buf *out, size_t width, bool colour)
{
	static const struct grid_column columns[] = {{"POINTS", ALIGN_RIGHT, 0, false}, {"RULE", ALIGN_LEFT, 8, false}, {"WHY", ALIGN_LEFT, 20, false}};
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	struct json key, v;
	if (!json_count(rows))
		return;
	title(out, "What the score is made of", colour);
	for (struct json_iter it = json_iter(rows); json_next(&it, &key, &v);) {
		scoped_buf b = {0};
		double points = 0;
		(void)json_f64(field(v, "points"), &points);
		buf_printf(&b, "%+.1f", points);
		grid_add_buf(&g, &b, points <= -20 ? STYLE_RED : points < 0 ? STYLE_YELLOW : STYLE_GREEN);
		grid_add(&g, field_text(v, "rule", a), STYLE_DIM);
		grid_add(&g, field_text(v, "detail", a), STYLE_PLAIN);
	}
	grid_print(&g, out, width, colour);
}

static void recommendations(struct json rows, struct arena *a, struct buf *out, size_t width, bool colour)
{
	static const struct grid_column columns[] = {{"PRIORITY", ALIGN_LEFT, 0, false}, {"WHAT", ALIGN_LEFT, 16, false}, {"EFFORT", ALIGN_LEFT, 0, true},
	                                             {"WHY", ALIGN_LEFT, 20, true}};
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	struct json key, v;
	if (!json_count(rows))
		return;
	title(out, "Recommendations", colour);
	for (struct json_iter it = json_iter(rows); json_next(&it, &key, &v);) {
		struct span priority = field_text(v, "priority", a);
		grid_add(&g, priority, health_style(priority));
		grid_add(&g, field_text(v, "title", a), STYLE_PLAIN);
		grid_add(&g, field_text(v, "effort", a), STYLE_DIM);
		grid_add(&g, field_text(v, "description", a), STYLE_DIM);
	}
	grid_print(&g, out, width, colour);
}

void reasoning_print(struct json r, struct arena *a, struct buf *out, size_t width, bool colour)
{
	struct json s = field(r, "summary"), plan = field(r, "action_plan");
	head(r, a, out, colour);
	origin(r, a, out, colour);
	bullets(out, "Insights", field(s, "key_insights"), "•", STYLE_BLUE, a, width, colour);
	bullets(out, "Concerns", field(s, "concerns"), "!", STYLE_YELLOW, a, width, colour);
	bullets(out, "Positives", field(s, "positives"), "+", STYLE_GREEN, a, width, colour);
	explanation(field(r, "score_explanation"), a, out, width, colour);
	recommendations(field(r, "recommendations"), a, out, width, colour);
	size_t steps = json_count(field(plan, "steps"));
	if (!steps)
		return;
	buf_printf(out, "\nThe plan has %zu step%s, about ", steps, steps == 1 ? "" : "s");
	text_line(out, field_text(plan, "estimated_duration", a));
	buf_adds(out, ": gannet plan\n");
}

/* ---- the plan */

static struct json action_of(struct json actions, struct span plan_id, int64_t step, struct arena *a)
{
	struct json key, v;
	for (struct json_iter it = json_iter(field(actions, "actions")); json_next(&it, &key, &v);)
		if (field_i64_or(v, "step", 0) == step && span_eq(field_text(v, "plan_id", a), plan_id))
			return v;
	return (struct json){0};
}

static void add_state(struct grid *g, struct json step, struct json action, struct arena *a)
{
	scoped_buf b = {0};
	struct span status = field_text(action, "status", a);
	if (!status.n) {
		grid_add(g, field_true(step, "automated") ? SPAN("can be approved") : SPAN("for people"),
		         field_true(step, "automated") ? STYLE_BLUE : STYLE_DIM);
		return;
	}
	buf_printf(&b, "%.*s", SPAN_ARG(status));
	if (field_text(action, "message", a).n)
		buf_printf(&b, ": %.*s", SPAN_ARG(field_text(action, "message", a)));
	grid_add_buf(g, &b, health_style(status));
}

void plan_print(struct json plan, struct json actions, struct arena *a, struct buf *out, size_t width, bool colour)
{
	static const struct grid_column columns[] = {{"STEP", ALIGN_RIGHT, 0, false},  {"ACTION", ALIGN_LEFT, 12, false}, {"STATE", ALIGN_LEFT, 12, false},
	                                             {"TIME", ALIGN_LEFT, 0, true}, {"WHAT", ALIGN_LEFT, 20, false}};
	struct grid g = {.columns = columns, .n = countof(columns), .arena = a};
	struct json key, v;
	scoped_buf text = {0};
	struct span id = field_text(plan, "plan_id", a);
	row(out, "plan", id, colour);
	row(out, "title", field_text(plan, "title", a), colour);
	row(out, "objective", field_text(plan, "objective", a), colour);
	buf_printf(&text, "%.*s, risk %.*s", SPAN_ARG(field_text(plan, "estimated_duration", a)), SPAN_ARG(field_text(plan, "risk_level", a)));
	row(out, "takes", buf_span(&text), colour);
	buf_reset(&text);
	show_time(&text, field_time_ms(plan, "expires_at"));
	row(out, "until", buf_span(&text), colour);
	if (!json_count(field(plan, "steps")))
		return;
	buf_addc(out, '\n');
	for (struct json_iter it = json_iter(field(plan, "steps")); json_next(&it, &key, &v);) {
		grid_add(&g, field_text(v, "step", a), STYLE_PLAIN);
		grid_add(&g, field_text(v, "action", a), STYLE_PLAIN);
		add_state(&g, v, action_of(actions, id, field_i64_or(v, "step", 0), a), a);
		grid_add(&g, field_text(v, "estimated_duration", a), STYLE_DIM);
		grid_add(&g, field_text(v, "description", a), STYLE_DIM);
	}
	grid_print(&g, out, width, colour);
}
