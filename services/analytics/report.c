/* The measures of each report, and writing them as JSON or CSV. */
#include "report.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "percentile.h"

enum measure_kind {
	MEASURE_INTEGER,
	MEASURE_CENTS, /* of nano-dollars */
	MEASURE_RATIO, /* `of` times `times` by `per`; left out where that is 0 */
	MEASURE_PERCENTILE, /* `metric` and `percentile`; left out where nothing was timed */
};

/* `of` and `per` are sums of columns: masks of ROLLUP_BIT. */
struct measure {
	const char *name;
	enum measure_kind kind;
	uint64_t of, per;
	double times;
	enum bins_metric metric;
	int percentile;
};

struct report {
	const struct measure *measures;
	size_t n;
	enum rollup_column order; /* the biggest first */
	bool percentiles;
};

#define C(column) ROLLUP_BIT(column)
#define SUM(column) {.name = #column, .kind = MEASURE_INTEGER, .of = C(column)}
#define CENTS {.name = "cost_cents", .kind = MEASURE_CENTS, .of = C(cost_nanousd)}
#define RATIO(title, part, whole, factor) {.name = title, .kind = MEASURE_RATIO, .of = (part), .per = (whole), .times = (factor)}
#define TIME(title, which, i) {.name = title, .kind = MEASURE_PERCENTILE, .metric = (which), .percentile = (i)}
#define TIMES(name, metric) TIME("p50_" name, metric, 0), TIME("p95_" name, metric, 1), TIME("p99_" name, metric, 2)

static const struct measure usage_measures[] = {
    SUM(jobs),
    SUM(completed),
    SUM(failed),
    SUM(cancelled),
    SUM(rejected),
    SUM(retries),
    SUM(cached),
    SUM(input_tokens),
    SUM(cache_read_tokens),
    SUM(cache_write_tokens),
    SUM(output_tokens),
    SUM(reasoning_tokens),
    SUM(total_tokens),
    SUM(cost_nanousd),
    CENTS,
};
const struct report report_usage = {usage_measures, countof(usage_measures), COLUMN_total_tokens, false};

static const struct measure costs_measures[] = {
    SUM(jobs),
    SUM(total_tokens),
    SUM(cost_nanousd),
    CENTS,
    SUM(unpriced),
    SUM(saved_nanousd),
    SUM(prompt_saved_nanousd),
    RATIO("cost_per_job_nanousd", C(cost_nanousd), C(jobs), 1),
    RATIO("cost_per_success_nanousd", C(cost_nanousd), C(completed), 1),
    RATIO("cost_per_1k_tokens_nanousd", C(cost_nanousd), C(total_tokens), 1000),
};
const struct report report_costs = {costs_measures, countof(costs_measures), COLUMN_cost_nanousd, false};

static const struct measure performance_measures[] = {
    SUM(jobs),
    SUM(completed),
    SUM(failed),
    RATIO("error_rate", C(failed) | C(rejected), C(jobs), 1),
    SUM(retries),
    RATIO("retry_rate", C(retries), C(jobs), 1),
    RATIO("cache_hit_rate", C(cached), C(completed), 1),
    SUM(saved_nanousd),
    SUM(prompt_saved_nanousd),
    RATIO("fallback_rate", C(fallbacks), C(completed), 1),
    RATIO("average_processing_ms", C(processing_ms), C(processing_n), 1),
    TIMES("processing_ms", BINS_PROCESSING),
    RATIO("average_first_token_ms", C(first_token_ms), C(first_token_n), 1),
    TIMES("first_token_ms", BINS_FIRST_TOKEN),
    RATIO("average_queue_ms", C(queue_ms), C(queue_n), 1),
    TIMES("queue_ms", BINS_QUEUE),
    RATIO("tokens_per_second", C(speed_tokens), C(speed_ms), 1000),
    RATIO("tokens_per_job", C(total_tokens), C(completed), 1),
    RATIO("cost_per_success_nanousd", C(cost_nanousd), C(completed), 1),
};
const struct report report_performance = {performance_measures, countof(performance_measures), COLUMN_jobs, true};

/* ---- asking: column 0 is the place on the axis, then come dimensions, then counters */

#define FIRST_GROUP 0

static uint64_t columns_of(const struct report *r)
{
	uint64_t columns = ROLLUP_BIT(jobs);
	for (size_t i = 0; i < r->n; i++)
		columns |= r->measures[i].of | r->measures[i].per;
	return columns;
}

/* The groups, and for JSON a first row that adds them up. */
static void write_sql(const struct report *r, const struct query *q, const struct query_sql *groups, struct buf *out)
{
	scoped_buf dimensions = {0};
	uint64_t columns = columns_of(r);
	query_group_columns(q, &dimensions);
	struct span g = buf_span(&dimensions);
	if (!q->csv) {
		buf_printf(out, "SELECT i%.*s", SPAN_ARG(g));
		for (unsigned c = 0; c < ROLLUP_COLUMNS; c++)
			if (columns >> c & 1)
				buf_printf(out, ", ai_usage_sum(%s) AS %s", rollup_column_names[c], rollup_column_names[c]);
		buf_adds(out, " FROM (");
	}
	buf_addspan(out, buf_span(&groups->text));
	if (!q->csv)
		buf_printf(out, ") AS found GROUP BY GROUPING SETS ((i%.*s), ())", SPAN_ARG(g));
	buf_printf(out, " ORDER BY %s%s%s DESC, jobs DESC%.*s LIMIT %lld", q->csv ? "" : "grouping(i) DESC, ",
	           q->unit == UNIT_NONE ? "" : "i, ", rollup_column_names[r->order], SPAN_ARG(g), (long long)q->limit + 1 + !q->csv);
}

/* One answer being written: JSON members or CSV fields. */
struct writing {
	const struct report *report;
	const struct query *query;
	const struct axis *axis;
	const struct group_percentiles *percentiles;
	const struct store_result *result;
	uint64_t columns;
};

static void put_csv(struct buf *out, struct span text)
{
	bool quote = false;
	for (size_t i = 0; i < text.n && !quote; i++)
		quote = text.p[i] == ',' || text.p[i] == '"' || text.p[i] == '\n' || text.p[i] == '\r';
	/* What a spreadsheet would take for a formula is made text. */
	bool formula = text.n && strchr("=+-@\t", text.p[0]);
	quote |= formula;
	if (quote)
		buf_addc(out, '"');
	if (formula)
		buf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, text.p[i]);
	}
	if (quote)
		buf_addc(out, '"');
}

static struct group_times times_of(const struct writing *w, int row, bool total)
{
	scoped_buf key = {0};
	if (!w->percentiles)
		return (struct group_times){0};
	if (total)
		return percentiles_total(w->percentiles);
	percentile_key(w->result, row, FIRST_GROUP, w->query->groups_n + 1, &key);
	return percentiles_of(w->percentiles, buf_span(&key));
}

/* Milliseconds with up to one place: bins are not finer. */
static double shown_ms(double ms)
{
	return ms < 100 ? (double)(int64_t)(ms * 10 + 0.5) / 10 : (double)(int64_t)(ms + 0.5);
}

static void read_columns(const struct writing *w, int row, int64_t ret[ROLLUP_COLUMNS])
{
	int at = FIRST_GROUP + 1 + (int)w->query->groups_n;
	for (unsigned c = 0; c < ROLLUP_COLUMNS; c++)
		if (!(w->columns >> c & 1) || !span_i64(store_value(w->result, row, at++), &ret[c]))
			ret[c] = 0;
}

static int64_t add_up(uint64_t columns, const int64_t values[ROLLUP_COLUMNS])
{
	int64_t sum = 0;
	for (unsigned c = 0; columns; c++, columns >>= 1)
		sum += columns & 1 ? values[c] : 0;
	return sum;
}

/* With up to six places, as far as a double has them. */
static double shown_ratio(double v)
{
	return fabs(v) < 1e9 ? round(v * 1e6) / 1e6 : v;
}

/* Writes one value; nothing where nothing can be said. */
static void put_value(const struct measure *m, const int64_t values[ROLLUP_COLUMNS], const struct group_times *times, struct buf *out)
{
	int64_t of = add_up(m->of, values), per = add_up(m->per, values);
	double ms = m->kind == MEASURE_PERCENTILE ? times->of[m->metric][m->percentile] : -1;
	struct json_writer number = {.out = out};
	if (m->kind == MEASURE_INTEGER)
		json_put_i64(&number, of);
	else if (m->kind == MEASURE_CENTS)
		json_put_f64(&number, (double)of / 1e7);
	else if (m->kind == MEASURE_RATIO && per)
		json_put_f64(&number, shown_ratio((double)of * m->times / (double)per));
	else if (ms >= 0)
		json_put_f64(&number, shown_ms(ms));
}

/* Calls `put` with the text of each measure; absent where there is none. */
static void each_measure(const struct writing *w, int row, bool total,
                         void (*put)(void *arg, const struct measure *m, struct span text), void *arg)
{
	struct group_times times = times_of(w, row, total);
	int64_t values[ROLLUP_COLUMNS];
	scoped_buf text = {0};
	read_columns(w, row, values);
	for (size_t i = 0; i < w->report->n; i++) {
		buf_reset(&text);
		put_value(&w->report->measures[i], values, &times, &text);
		put(arg, &w->report->measures[i], text.len ? buf_span(&text) : (struct span){0});
	}
}

static void put_json_measure(void *arg, const struct measure *m, struct span text)
{
	if (text.p)
		json_kv(arg, m->name, (struct json){text, JSON_NUMBER});
}

static struct span label_of(const struct writing *w, int row)
{
	int64_t i = 0;
	bool known = span_i64(store_value(w->result, row, FIRST_GROUP), &i) && i >= 0 && (size_t)i < w->axis->n;
	return known ? w->axis->labels[i] : SPAN("");
}

static void put_json_row(const struct writing *w, int row, bool total, struct json_writer *out)
{
	json_begin_object(out);
	if (!total && w->query->unit != UNIT_NONE)
		json_kv_text(out, unit_names[w->query->unit], label_of(w, row));
	for (size_t i = 0; !total && i < w->query->groups_n; i++)
		json_kv_text(out, dimension_names[w->query->groups[i]], store_value(w->result, row, FIRST_GROUP + 1 + (int)i));
	each_measure(w, row, total, put_json_measure, out);
	json_end_object(out);
}

static void put_csv_measure(void *arg, const struct measure *m, struct span text)
{
	struct buf *out = arg;
	(void)m;
	buf_addc(out, ',');
	buf_addspan(out, text);
}

/* Every field is followed by a comma, the measures' are preceded by one: the first comma of a line goes. */
static void put_csv_line(const struct writing *w, int row, struct buf *out)
{
	scoped_buf line = {0};
	if (w->query->unit != UNIT_NONE) {
		buf_addc(&line, ',');
		buf_addspan(&line, label_of(w, row));
	}
	for (size_t i = 0; i < w->query->groups_n; i++) {
		buf_addc(&line, ',');
		put_csv(&line, store_value(w->result, row, FIRST_GROUP + 1 + (int)i));
	}
	each_measure(w, row, false, put_csv_measure, &line);
	buf_add(out, line.data + 1, line.len - 1);
	buf_adds(out, "\r\n");
}

static void put_csv_head(const struct writing *w, struct buf *out)
{
	size_t at = out->len;
	if (w->query->unit != UNIT_NONE)
		buf_printf(out, ",%s", unit_names[w->query->unit]);
	for (size_t i = 0; i < w->query->groups_n; i++)
		buf_printf(out, ",%s", dimension_names[w->query->groups[i]]);
	for (size_t i = 0; i < w->report->n; i++)
		buf_printf(out, ",%s", w->report->measures[i].name);
	memmove(out->data + at, out->data + at + 1, out->len - at - 1);
	out->len--;
	buf_adds(out, "\r\n");
}

static void write_answer(const struct writing *w, struct arena *a, struct analytics_report *ret)
{
	scoped_buf rows = {0}, totals = {0};
	struct json_writer out = {&rows, false}, total_out = {&totals, false};
	const struct store_result *r = w->result;
	int first = w->query->csv ? 0 : 1, last = r->rows, limit = first + (int)w->query->limit;
	if (last > limit) {
		ret->truncated = (struct opt_bool){true, true};
		last = limit;
	}
	if (w->query->csv) {
		put_csv_head(w, &rows);
		for (int row = first; row < last; row++)
			put_csv_line(w, row, &rows);
		ret->csv = arena_dup(a, buf_span(&rows));
		return;
	}
	json_begin_array(&out);
	for (int row = first; row < last; row++)
		put_json_row(w, row, false, &out);
	json_end_array(&out);
	put_json_row(w, 0, true, &total_out);
	ret->rows = (struct json){arena_dup(a, buf_span(&rows)), JSON_ARRAY};
	ret->totals = (struct json){arena_dup(a, buf_span(&totals)), JSON_OBJECT};
}

enum status report_run(const struct report *r, const struct query *q, struct store *s, struct arena *a,
                       struct analytics_report *ret, struct err *err)
{
	scoped_query_sql groups = {0};
	scoped_buf text = {0};
	scoped_result result = {0};
	struct axis axis;
	struct group_percentiles *percentiles = NULL;
	uint64_t columns = columns_of(r);
	enum status status = query_axis(q, s, a, &axis, err);
	if (status != STATUS_OK)
		return status;
	query_groups(q, &axis, columns, a, &groups);
	write_sql(r, q, &groups, &text);
	status = store_query(s, text.data, groups.params, groups.n, &result, err);
	if (status == STATUS_OK && r->percentiles)
		status = percentiles_ask(q, &axis, s, a, &percentiles, err);
	if (status != STATUS_OK)
		return status;
	*ret = (struct analytics_report){.from = {q->from_ms},
	                                 .to = {q->to_ms},
	                                 .time_zone = q->zone,
	                                 .source = groups.ledger ? groups.rollup ? SPAN("both") : SPAN("ledger") : SPAN("rollup")};
	write_answer(&(struct writing){r, q, &axis, percentiles, &result, columns}, a, ret);
	return STATUS_OK;
}
