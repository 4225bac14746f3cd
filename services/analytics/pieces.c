/* Puts the buckets of an answer together from whole months, days, hours and minutes, and reads each piece from where it is summed already. */
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "query.h"

/* The grains of the sums, and behind them the ledger. */
enum source { SOURCE_MINUTE = GRAIN_MINUTE, SOURCE_LEDGER = GRAINS, SOURCES };

/* Pieces of one source, as the texts of four PostgreSQL arrays. `sign` is 1, or -1 for what is taken away again. */
struct pieces {
	struct buf place, sign, from, to;
	size_t n;
	bool taken_away; /* there is a piece with the sign -1 */
};

static void add_piece(struct pieces *p, size_t place, int sign, int64_t from_ms, int64_t to_ms)
{
	char text[RFC3339_BYTES];
	if (from_ms >= to_ms)
		return;
	const char *before = p->n++ ? "," : "{";
	p->taken_away |= sign < 0;
	buf_printf(&p->sign, "%s%d", before, sign);
	buf_printf(&p->place, "%s%zu", before, place);
	buf_printf(&p->from, "%s%s", before, rfc3339_format(from_ms, text));
	buf_printf(&p->to, "%s%s", before, rfc3339_format(to_ms, text));
}

/* The beginning of the bucket that holds `ms`, or of one `more` behind it. */
static int64_t begin_of(int64_t ms, enum grain g, int more)
{
	if (grain_ms[g])
		return (ms / grain_ms[g] + more) * grain_ms[g];
	int months = g == GRAIN_QUARTER ? 3 : 1;
	time_t seconds = ms / 1000;
	struct tm t;
	gmtime_r(&seconds, &t);
	struct tm first = {.tm_year = t.tm_year, .tm_mon = (t.tm_mon / months + more) * months, .tm_mday = 1};
	return (int64_t)timegm(&first) * 1000;
}

/* What is shorter than an hour: minutes, or where those are gone already the ledger. */
static void add_minutes(const struct query *q, size_t place, int sign, int64_t from_ms, int64_t to_ms,
                        struct pieces all[SOURCES])
{
	int64_t kept_ms = from_ms > q->minutes_from_ms ? from_ms : q->minutes_from_ms < to_ms ? q->minutes_from_ms : to_ms;
	add_piece(&all[SOURCE_LEDGER], place, sign, from_ms, kept_ms);
	add_piece(&all[SOURCE_MINUTE], place, sign, kept_ms, to_ms);
}

static int64_t distance(int64_t a, int64_t b)
{
	return a < b ? b - a : a - b;
}

/* The boundary of `g` that is nearest to `ms`; of hours the next one `inward`, as minutes are not kept for long. */
static int64_t boundary_at(int64_t ms, enum grain g, bool inward_is_later)
{
	int64_t before = begin_of(ms, g, 0), after = before == ms ? ms : begin_of(ms, g, 1);
	if (g == GRAIN_HOUR)
		return inward_is_later ? after : before;
	return ms - before <= after - ms ? before : after;
}

/*
 * Whole buckets of `g` between the boundaries nearest to the ends. What they lack there is added by the next finer grain,
 * what they have too much is taken away by it: a day of Berlin is the day of UTC with an hour more and an hour less, a
 * month of Berlin needs two hours beside its month. Sums are exact, so taking away is.
 */
static void cut(const struct query *q, size_t place, int sign, int64_t from_ms, int64_t to_ms, enum grain g,
                struct pieces all[SOURCES])
{
	if (from_ms >= to_ms)
		return;
	if (g == GRAIN_MINUTE) {
		add_minutes(q, place, sign, from_ms, to_ms, all);
		return;
	}
	int64_t first = boundary_at(from_ms, g, true), last = boundary_at(to_ms, g, false);
	if (first >= last || distance(first, from_ms) + distance(last, to_ms) >= to_ms - from_ms) {
		cut(q, place, sign, from_ms, to_ms, g - 1, all);
		return;
	}
	cut(q, place, sign, from_ms, first, g - 1, all);
	cut(q, place, -sign, first, from_ms, g - 1, all);
	add_piece(&all[(int)g], place, sign, first, last);
	cut(q, place, sign, last, to_ms, g - 1, all);
	cut(q, place, -sign, to_ms, last, g - 1, all);
}

/* The smallest set of sums that can tell all that is asked; ROLLUP_TABLES when none can. */
static enum rollup_set choose(const struct query *q)
{
	unsigned needed = 0;
	for (size_t i = 0; i < q->groups_n; i++)
		needed |= 1u << q->groups[i];
	for (unsigned d = 0; d < DIMENSIONS_N; d++)
		if (q->filters[d].p)
			needed |= 1u << d;
	const unsigned plain = 1u << DIM_MODEL | 1u << DIM_PROVIDER, model = plain | 1u << DIM_STATUS;
	const unsigned task = 1u << DIM_OPERATION | 1u << DIM_PIPELINE | 1u << DIM_FIELD, person = 1u << DIM_USER;
	const unsigned sets[ROLLUP_SETS] = {[ROLLUP_PLAIN] = plain,         [ROLLUP_TASK] = task,
	                                    [ROLLUP_PERSON] = person,       [ROLLUP_HABIT] = plain | person,
	                                    [ROLLUP_MODEL] = model,         [ROLLUP_WORK] = model | task,
	                                    [ROLLUP_USER] = model | person};
	for (unsigned s = 0; s < ROLLUP_SETS; s++)
		if (!(needed & ~sets[s]))
			return (enum rollup_set)s;
	return ROLLUP_TABLES;
}

static size_t add_param(struct query_sql *out, struct span value)
{
	out->params[out->n++] = value;
	return out->n;
}

/*
 * Array texts become parameters; "FROM unnest(…) AS g (place, sign, start, end), rows of <table> of each piece AS r" with the
 * question's filters. OFFSET 0 has PostgreSQL look each piece up in the index: it cannot know how small they are.
 */
static void add_join(const struct query *q, struct pieces *p, const char *table, const char *time, struct arena *a,
                     struct query_sql *out)
{
	struct buf *arrays[] = {&p->place, &p->sign, &p->from, &p->to};
	for (size_t i = 0; i < countof(arrays); i++) {
		buf_addc(arrays[i], '}');
		add_param(out, arena_dup(a, buf_span(arrays[i])));
	}
	buf_printf(&out->text,
	           " FROM unnest($%zu::int[], $%zu::int[], $%zu::timestamptz[], $%zu::timestamptz[]) AS g (i, f, s, e) CROSS JOIN LATERAL "
	           "(SELECT * FROM %s AS t WHERE t.tenant = $1 AND t.%s >= g.s AND t.%s < g.e",
	           out->n - 3, out->n - 2, out->n - 1, out->n, table, time, time);
	for (unsigned d = 0; d < DIMENSIONS_N; d++)
		if (q->filters[d].p)
			buf_printf(&out->text, " AND t.%s = $%u", dimension_names[d], 2 + d);
	buf_adds(&out->text, " OFFSET 0) AS r");
}

/* `set` is the one to be read, or ROLLUP_TABLES for the ledger. */
static void cut_all(const struct query *q, const struct axis *axis, enum rollup_set set, struct pieces all[SOURCES])
{
	enum grain longest = set == ROLLUP_HABIT ? GRAIN_QUARTER : GRAIN_MONTH;
	struct query own = *q;
	if (set != ROLLUP_TABLES && !rollup_keeps(GRAIN_MINUTE, set) && !rollup_keeps(GRAIN_MINUTE, rollup_larger(set)))
		own.minutes_from_ms = INT64_MAX;
	for (size_t i = 0; i < axis->n; i++) {
		if (set != ROLLUP_TABLES)
			cut(&own, i, 1, axis->starts_ms[i], axis->starts_ms[i + 1], longest, all);
		else
			add_piece(&all[SOURCE_LEDGER], i, 1, axis->starts_ms[i], axis->starts_ms[i + 1]);
	}
}

static void free_pieces(struct pieces all[SOURCES])
{
	for (int s = 0; s < SOURCES; s++) {
		buf_free(&all[s].place);
		buf_free(&all[s].sign);
		buf_free(&all[s].from);
		buf_free(&all[s].to);
	}
}

/* The tenant is $1, the filters' values come next whether there are any or not: their types are told by a cast. */
static void begin(const struct query *q, struct query_sql *out)
{
	out->text.len = 0;
	out->n = 0;
	add_param(out, q->tenant);
	for (unsigned d = 0; d < DIMENSIONS_N; d++)
		add_param(out, q->filters[d]);
}

/* $2 to $8 have to appear, or PostgreSQL cannot tell their types. */
static void end(struct query_sql *out)
{
	buf_adds(&out->text, ") AS u CROSS JOIN (SELECT $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text) AS "
	                     "types");
}

/* The table of `set`, or the next larger one where it is not kept of buckets of this length. */
static enum rollup_set table_of(enum grain g, enum rollup_set set, char name[64])
{
	if (!rollup_keeps(g, set))
		set = rollup_larger(set);
	snprintf(name, 64, "ai_usage_%s_%s", grain_names[g], rollup_names[set]);
	return set;
}

#define COUNTER(name, sum) sum,
#define END(status) "count(*) FILTER (WHERE status = '" #status "')",
static const char *const of_ledger[ROLLUP_COLUMNS] = {ROLLUP_COUNTERS(COUNTER) ROLLUP_ENDS(END)};

/* Only what is asked for: PostgreSQL works out every column of every row that these statements name. */
static void add_sums(const struct query *q, struct pieces *p, enum grain g, enum rollup_set set, uint64_t columns, struct arena *a,
                     struct query_sql *out)
{
	char table[64];
	const char *sign = p->taken_away ? " * g.f" : "";
	bool has_status = !rollup_is_small(table_of(g, set, table));
	buf_adds(&out->text, "SELECT g.i");
	query_group_columns(q, &out->text);
	for (unsigned c = 0; c < ROLLUP_COLUMNS; c++) {
		const char *name = rollup_column_names[c];
		if (!(columns >> c & 1))
			continue;
		if (c >= COLUMN_completed && has_status)
			buf_printf(&out->text, ", CASE r.status WHEN '%s' THEN r.jobs%s ELSE 0 END AS %s", name, sign, name);
		else
			buf_printf(&out->text, ", r.%s%s AS %s", name, sign, name);
	}
	add_join(q, p, table, "bucket", a, out);
	out->rollup = true;
}

static void add_ledger(const struct query *q, struct pieces *p, uint64_t columns, struct arena *a, struct query_sql *out)
{
	buf_adds(&out->text, "SELECT g.i");
	query_group_columns(q, &out->text);
	for (unsigned c = 0; c < ROLLUP_COLUMNS; c++)
		if (columns >> c & 1)
			buf_printf(&out->text, ", (%s)::bigint * g.f AS %s", of_ledger[c], rollup_column_names[c]);
	add_join(q, p, "ai_usage_metrics", "at", a, out);
	buf_adds(&out->text, " GROUP BY g.i, g.f");
	query_group_columns(q, &out->text);
	out->ledger = true;
}

void query_groups(const struct query *q, const struct axis *axis, uint64_t columns, struct arena *a, struct query_sql *out)
{
	struct pieces all[SOURCES] = {0};
	enum rollup_set set = choose(q);
	const char *all_of = "";
	cut_all(q, axis, set, all);
	begin(q, out);
	buf_adds(&out->text, "SELECT i");
	query_group_columns(q, &out->text);
	for (unsigned c = 0; c < ROLLUP_COLUMNS; c++)
		if (columns >> c & 1)
			buf_printf(&out->text, ", ai_usage_sum(%s) AS %s", rollup_column_names[c], rollup_column_names[c]);
	buf_adds(&out->text, " FROM (");
	for (int s = 0; s < SOURCES; s++) {
		if (!all[s].n)
			continue;
		buf_adds(&out->text, all_of);
		all_of = " UNION ALL ";
		if (s == SOURCE_LEDGER)
			add_ledger(q, &all[s], columns | ROLLUP_BIT(jobs), a, out);
		else
			add_sums(q, &all[s], (enum grain)s, set, columns | ROLLUP_BIT(jobs), a, out);
	}
	end(out);
	buf_adds(&out->text, " GROUP BY i");
	query_group_columns(q, &out->text);
	/* Where all was taken away again there was nothing. */
	buf_adds(&out->text, " HAVING ai_usage_sum(jobs) <> 0");
	free_pieces(all);
}

/* Bins tell models and providers apart, and hold completed calls only. ROLLUP_TABLES when they cannot tell what is asked. */
static enum rollup_set choose_bins(const struct query *q)
{
	enum rollup_set set = q->groups_n || q->filters[DIM_MODEL].p || q->filters[DIM_PROVIDER].p ? ROLLUP_BINS : ROLLUP_BINS_TOTAL;
	for (size_t i = 0; i < q->groups_n; i++)
		if (q->groups[i] != DIM_MODEL && q->groups[i] != DIM_PROVIDER)
			return ROLLUP_TABLES;
	for (unsigned d = DIM_STATUS; d < DIMENSIONS_N; d++)
		if (q->filters[d].p)
			return ROLLUP_TABLES;
	return set;
}

static void add_bins_of_ledger(const struct query *q, struct pieces *p, struct arena *a, struct query_sql *out)
{
	scoped_buf groups = {0};
	query_group_columns(q, &groups);
	struct span by = buf_span(&groups);
	buf_printf(&out->text,
	           "SELECT i%.*s, metric, array_agg(bin) AS bins, array_agg(n) AS counts, f FROM (SELECT g.i, g.f%.*s, m.metric, "
	           "ai_usage_bin(m.ms) AS bin, count(*) AS n",
	           SPAN_ARG(by), SPAN_ARG(by));
	add_join(q, p, "ai_usage_metrics", "at", a, out);
	buf_printf(&out->text,
	           " CROSS JOIN LATERAL (VALUES (%d, r.processing_ms), (%d, r.first_token_ms), (%d, r.queue_ms)) AS m (metric, ms) WHERE "
	           "r.status = 'completed' AND NOT r.cached AND m.ms IS NOT NULL GROUP BY g.i, g.f%.*s, m.metric, bin) AS counted "
	           "GROUP BY i, f%.*s, metric",
	           BINS_PROCESSING, BINS_FIRST_TOKEN, BINS_QUEUE, SPAN_ARG(by), SPAN_ARG(by));
}

void query_bins(const struct query *q, const struct axis *axis, struct arena *a, struct query_sql *out)
{
	struct pieces all[SOURCES] = {0};
	enum rollup_set set = choose_bins(q);
	const char *all_of = "";
	cut_all(q, axis, set, all);
	begin(q, out);
	buf_adds(&out->text, "SELECT u.* FROM (");
	for (int s = 0; s < SOURCES; s++) {
		char table[64];
		if (!all[s].n)
			continue;
		buf_adds(&out->text, all_of);
		all_of = " UNION ALL ";
		if (s == SOURCE_LEDGER) {
			add_bins_of_ledger(q, &all[s], a, out);
			continue;
		}
		buf_adds(&out->text, "SELECT g.i");
		query_group_columns(q, &out->text);
		buf_adds(&out->text, ", r.metric::int AS metric, r.bins::int[] AS bins, r.counts, g.f");
		table_of((enum grain)s, set, table);
		add_join(q, &all[s], table, "bucket", a, out);
	}
	end(out);
	buf_adds(&out->text, " ORDER BY i");
	query_group_columns(q, &out->text);
	free_pieces(all);
}

void query_group_columns(const struct query *q, struct buf *out)
{
	for (size_t i = 0; i < q->groups_n; i++)
		buf_printf(out, ", %s", dimension_names[q->groups[i]]);
}

void query_sql_free(struct query_sql *s)
{
	buf_free(&s->text);
}
