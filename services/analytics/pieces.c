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
	if (g != GRAIN_MONTH)
		return (ms / grain_ms[g] + more) * grain_ms[g];
	time_t seconds = ms / 1000;
	struct tm t;
	gmtime_r(&seconds, &t);
	struct tm first = {.tm_year = t.tm_year, .tm_mon = t.tm_mon + more, .tm_mday = 1};
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

/* The smallest set of sums that can tell all that is asked; ROLLUP_SETS when none can. */
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
	const unsigned sets[ROLLUP_SETS] = {[ROLLUP_PLAIN] = plain,   [ROLLUP_TASK] = task,         [ROLLUP_PERSON] = person,
	                                    [ROLLUP_MODEL] = model,   [ROLLUP_WORK] = model | task, [ROLLUP_USER] = model | person};
	for (unsigned s = 0; s < ROLLUP_SETS; s++)
		if (!(needed & ~sets[s]))
			return (enum rollup_set)s;
	return ROLLUP_SETS;
}

static size_t add_param(struct query_sql *out, struct span value)
{
	out->params[out->n++] = value;
	return out->n;
}

/* Array texts become parameters; "FROM unnest(…) AS g (place, sign, start, end) JOIN <table> AS r ON …" with the question's filters. */
static void add_join(const struct query *q, struct pieces *p, const char *table, const char *time, struct arena *a,
                     struct query_sql *out)
{
	struct buf *arrays[] = {&p->place, &p->sign, &p->from, &p->to};
	for (size_t i = 0; i < countof(arrays); i++) {
		buf_addc(arrays[i], '}');
		add_param(out, arena_dup(a, buf_span(arrays[i])));
	}
	buf_printf(&out->text,
	           " FROM unnest($%zu::int[], $%zu::int[], $%zu::timestamptz[], $%zu::timestamptz[]) AS g (i, f, s, e) JOIN %s AS r "
	           "ON r.tenant = $1 AND r.%s >= g.s AND r.%s < g.e",
	           out->n - 3, out->n - 2, out->n - 1, out->n, table, time, time);
	for (unsigned d = 0; d < DIMENSIONS_N; d++)
		if (q->filters[d].p)
			buf_printf(&out->text, " AND r.%s = $%u", dimension_names[d], 2 + d);
}

static void cut_all(const struct query *q, const struct axis *axis, bool sums, struct pieces all[SOURCES])
{
	for (size_t i = 0; i < axis->n; i++) {
		if (sums)
			cut(q, i, 1, axis->starts_ms[i], axis->starts_ms[i + 1], GRAIN_MONTH, all);
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
	buf_adds(&out->text, " FROM (");
}

#define ALL_DIMENSIONS "r.model, r.provider, r.status, r.operation, r.pipeline, r.field_name, r.user_id"
#define COUNTER(name, sum) ", r." #name
#define COUNTER_SIGNED(name, sum) ", r." #name " * g.f AS " #name
#define COUNTER_OF_LEDGER(name, sum) ", (" sum ")::bigint * g.f AS " #name
#define END(status) ", r." #status
#define END_SIGNED(status) ", r." #status " * g.f AS " #status
#define END_OF_STATUS(name) ", CASE r.status WHEN '" #name "' THEN r.jobs * g.f ELSE 0 END AS " #name
#define END_OF_LEDGER(name) ", CASE r.status WHEN '" #name "' THEN count(*) * g.f ELSE 0 END AS " #name

static void add_sums(const struct query *q, struct pieces *p, enum grain g, enum rollup_set set, struct arena *a,
                     struct query_sql *out)
{
	char table[64];
	if (!rollup_keeps(g, set))
		set = rollup_larger(set);
	snprintf(table, sizeof table, "ai_usage_%s_%s", grain_names[g], rollup_names[set]);
	buf_adds(&out->text, "SELECT g.i, " ALL_DIMENSIONS);
	buf_adds(&out->text, p->taken_away ? ROLLUP_COUNTERS(COUNTER_SIGNED) : ROLLUP_COUNTERS(COUNTER));
	if (!rollup_is_small(set))
		buf_adds(&out->text, ROLLUP_ENDS(END_OF_STATUS));
	else
		buf_adds(&out->text, p->taken_away ? ROLLUP_ENDS(END_SIGNED) : ROLLUP_ENDS(END));
	add_join(q, p, table, "bucket", a, out);
	out->rollup = true;
}

/* $2 to $8 have to appear, or PostgreSQL cannot tell their types. */
static void end(struct query_sql *out)
{
	buf_adds(&out->text, ") AS u CROSS JOIN (SELECT $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text) AS "
	                     "types");
}

void query_from(const struct query *q, const struct axis *axis, struct arena *a, struct query_sql *out)
{
	struct pieces all[SOURCES] = {0};
	enum rollup_set set = choose(q);
	const char *all_of = "";
	cut_all(q, axis, set != ROLLUP_SETS, all);
	begin(q, out);
	for (int s = 0; s < SOURCES; s++) {
		if (!all[s].n)
			continue;
		buf_adds(&out->text, all_of);
		all_of = " UNION ALL ";
		if (s != SOURCE_LEDGER) {
			add_sums(q, &all[s], (enum grain)s, set, a, out);
			continue;
		}
		out->ledger = true;
		buf_adds(&out->text, "SELECT g.i, " ALL_DIMENSIONS ROLLUP_COUNTERS(COUNTER_OF_LEDGER) ROLLUP_ENDS(END_OF_LEDGER));
		add_join(q, &all[s], "ai_usage_metrics", "at", a, out);
		buf_adds(&out->text, " GROUP BY g.i, g.f, " ALL_DIMENSIONS);
	}
	end(out);
	free_pieces(all);
}

/* Bins tell models and providers apart, and hold completed calls only. */
static bool bins_can_tell(const struct query *q)
{
	for (size_t i = 0; i < q->groups_n; i++)
		if (q->groups[i] != DIM_MODEL && q->groups[i] != DIM_PROVIDER)
			return false;
	for (unsigned d = DIM_STATUS; d < DIMENSIONS_N; d++)
		if (q->filters[d].p)
			return false;
	return true;
}

void query_bins_from(const struct query *q, const struct axis *axis, struct arena *a, struct query_sql *out)
{
	struct pieces all[SOURCES] = {0};
	const char *all_of = "";
	cut_all(q, axis, bins_can_tell(q), all);
	begin(q, out);
	for (int s = 0; s < SOURCES; s++) {
		char table[64];
		if (!all[s].n)
			continue;
		buf_adds(&out->text, all_of);
		all_of = " UNION ALL ";
		if (s == SOURCE_LEDGER) {
			buf_printf(&out->text,
			           "SELECT g.i, " ALL_DIMENSIONS ", m.metric, ai_usage_bin(m.ms) AS bin, g.f::bigint AS n FROM (SELECT "
			           "g.i, g.f, r.*");
			add_join(q, &all[s], "ai_usage_metrics", "at", a, out);
			buf_printf(&out->text,
			           " AND r.status = 'completed' AND NOT r.cached) AS r CROSS JOIN LATERAL (SELECT r.i, r.f) AS g CROSS JOIN "
			           "LATERAL (VALUES (%d, r.processing_ms), (%d, r.first_token_ms), (%d, r.queue_ms)) AS m (metric, ms) "
			           "WHERE m.ms IS NOT NULL",
			           BINS_PROCESSING, BINS_FIRST_TOKEN, BINS_QUEUE);
		} else {
			snprintf(table, sizeof table, "ai_usage_%s_bins", grain_names[s]);
			buf_adds(&out->text, "SELECT g.i, r.model, r.provider, '' AS status, '' AS operation, '' AS pipeline, '' AS "
			                     "field_name, '' AS user_id, r.metric::int AS metric, r.bin::int AS bin, r.n * g.f AS n");
			add_join(q, &all[s], table, "bucket", a, out);
		}
	}
	end(out);
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
